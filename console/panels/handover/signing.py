"""Have a hand-over signed: the PIN is asked for and handed on, what the server says is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from api_client.model import HandoverOffer, HandoverSignature, NewPin
from console.panels.forms.forms import Forms
from console.panels.window_state import WindowState
from console.rules.messages import RequestDone, SetPin, SignHandover


class HandoverSigning(QObject):
    """Asks the server, and keeps no PIN: it goes with the request and is forgotten."""

    message = Signal(str)
    asking_changed = Signal()
    """Something is asked of the server, or nothing any more."""

    def __init__(
        self,
        window_state: WindowState,
        forms: Forms,
        send: Callable[[SignHandover | SetPin], object],
        is_away: Callable[[str], bool],
        parent: QObject | None = None,
    ) -> None:
        """`send` gives a request to the sync process; `is_away` says whether a source cannot be reached."""
        super().__init__(parent)
        self._window_state, self._forms, self._send, self._is_away = window_state, forms, send, is_away
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Callable[[str], object]] = {}
        """What is done with the answer to each request: with the problem, "" for none."""

    @property
    def is_asking(self) -> bool:
        """Whether the server is asked just now."""
        return bool(self._waiting)

    def take_over(
        self,
        source: str,
        handover: str,
        name: str,
        about: str,
        *,
        offer: Callable[[], HandoverOffer] | None = None,
        signature: Callable[[str], HandoverSignature],
        why_not: Callable[[bool], str],
        problem: str = "",
    ) -> None:
        """Ask for the PIN of who takes over, `name`, and have the hand-over signed. With an `offer` it is offered
        first, and may be offered only: then he signs at his own desk. What is sent is made once the PIN is typed;
        `why_not` says why it cannot be signed, or, with True, offered only; "" when it can. `problem` is what has to be
        known first, such as why it is asked once more.
        """

        def ask(signed: HandoverSignature | None, answered: Callable[[str], object]) -> None:
            # protects: what-came-while-the-pin-was-typed-is-handed-over
            if why := why_not(signed is None):
                self.message.emit(self.tr("Not signed: {why}").format(why=why))
                return
            made = offer() if offer is not None else None
            self._ask(SignHandover(source, next(self._numbers), handover, made, signed), answered)

        def done(why: str) -> None:
            if not why:
                self.message.emit(self.tr("Signed by {name}: the shift is handed over").format(name=name))
            elif self._is_away(source):
                self.message.emit(why)
            else:
                self.take_over(
                    source, handover, name, about, offer=offer, signature=signature, why_not=why_not, problem=why
                )

        def offered(why: str) -> None:
            words = self.tr("Offered: {name} signs at the own desk, by Ctrl+H").format(name=name)
            self.message.emit(why or words)

        title = self.tr("{name} takes over").format(name=name)
        sentence = self.tr("{name} types the PIN. It goes to the server and is kept nowhere here.")
        self._forms.ask_pin(
            title,
            about,
            problem or sentence.format(name=name),
            self.tr("Sign and take over"),
            lambda values: ask(signature(values["pin"]), done),
            skip_text=self.tr("Offer it only") if offer is not None else "",
            skip=lambda: ask(None, offered),
        )

    def set_pin(self, source: str, problem: str = "") -> None:
        """Ask the operator for another PIN, and have it set."""

        def then(pin: str, before: str) -> None:
            self._ask(SetPin(source, next(self._numbers), NewPin(pin, before)), done)

        def done(why: str) -> None:
            if not why:
                self.message.emit(self.tr("Your PIN is set"))
            elif self._is_away(source):
                self.message.emit(why)
            else:
                self.set_pin(source, why)

        me = self._window_state.me_at(source)
        told = self.tr("{name} signs a hand-over by it at a colleague's desk. The server keeps no more than a hash.")
        self._forms.ask_pin(
            self.tr("Set my PIN"),
            "",
            problem or told.format(name=me),
            self.tr("Set it"),
            lambda values: then(values["pin"], values["before"]),
            is_new=True,
        )

    def on_done(self, done: RequestDone) -> None:
        """The server's answer."""
        if (then := self._waiting.pop(done.number, None)) is not None:
            self.asking_changed.emit()
            then(done.problem)

    def on_restarted(self) -> None:
        """The sync process that had the requests is gone: nobody knows what became of them."""
        waiting, self._waiting = self._waiting, {}
        if waiting:
            self.asking_changed.emit()
        for then in waiting.values():
            then(self.tr("The server's answer was lost: ask once more, what is signed stays signed."))

    def _ask(self, asked: SignHandover | SetPin, done: Callable[[str], object]) -> None:
        self._waiting[asked.number] = done
        self.asking_changed.emit()
        self._send(asked)
