"""The lane of small writes: send edits as soon as they may leave, and report what became of each."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec

from api_client import errors
from console.rules.edit import INSTEAD_OF, Edit
from console.rules.messages import Outcome
from console.rules.queued import ByWhom, EditState, StopReason, TakenAs
from console.sync.health import Health
from console.sync.outgoing import Outgoing, WaitingEdit
from console.sync.retry import Backoff, pause_of_one_s
from console.sync.worker import Connection

_log = logging.getLogger(__name__)
_WORKERS = 2
_SIGNED_OUT_S = 60.0
_IDLE_S = 30.0


class Sent(Protocol):
    """What a sender says of an edit that the server took."""

    @property
    def remote_id(self) -> str | None:
        """The id of the report that the edit made, None for other edits."""

    @property
    def version(self) -> int | None:
        """The report's version after the edit."""

    @property
    def taken_as(self) -> TakenAs | None:
        """As what the report was taken; None where the edit's own key tells which report it made."""


class Sender(Connection, Protocol):
    """Knows how one kind of server takes an edit; used by one thread."""

    def send(self, edit: Edit, report: str | None, *, repeated: bool) -> Sent:
        """Send one edit; `report` is its report's id at the server, `repeated` whether an earlier try may have arrived.

        Raises ApiError, CannotSend for what this server cannot do, or EditAlreadyThere.
        """

    def has_arrived(self, edit: Edit, report: str | None) -> bool:
        """Whether the server's own record holds the edit. Raises ApiError."""

    def interrupt(self) -> None:
        """From any thread: end a request that hangs, where sending it anew is harmless."""


class CannotSend(Exception):
    """This server cannot take such an edit, for a reason; see StopReason for `problem` and `by`."""

    def __init__(self, reason: StopReason, problem: str = "", by: ByWhom | None = None) -> None:
        super().__init__(f"{reason} {problem}".strip())
        self.reason, self.problem, self.by = reason, problem, by


class EditAlreadyThere(Exception):
    """The new report is at the server, as `remote_id`, by the edit `by` in whose place this one was sent."""

    def __init__(self, remote_id: str, by: str | None) -> None:
        super().__init__(remote_id)
        self.remote_id, self.by = remote_id, by


class TooLate(Exception):
    """The server has refused an order because its time is over."""


class SendLane:
    """Sends the edits of one source with a few workers, each with its own session.

    `emit` gets an Outcome for every change of an edit's state. `on_news` is called when the server took an edit, whose
    history entry should now be read, and when it could not be reached, which the pull should look into.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        make_sender: Callable[[], Sender],
        health: Health,
        emit: Callable[[Outcome], None],
        on_news: Callable[[], None],
        random_source: random.Random,
    ) -> None:
        self._outgoing = outgoing
        self._health = health
        self._emit = emit
        self._on_news = on_news
        self._random = random_source
        self._backoff = Backoff(random_source)
        self._problem = ""
        self._stopped = threading.Event()
        self._senders = [make_sender() for _ in range(_WORKERS)]
        self._turns = [0] * _WORKERS
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"push-{number}", daemon=True)
            for number in range(_WORKERS)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def hurry(self) -> None:
        """Try everything at once; a request that hangs is ended for it where that is harmless."""
        self._backoff.reset()
        self._outgoing.hurry()
        for sender in self._senders:
            sender.interrupt()

    def stop(self) -> None:
        """End; an edit in flight is cut and stays unconfirmed."""
        self._stopped.set()
        self._outgoing.stop()
        for sender in self._senders:
            sender.cut()
        for thread in self._threads:
            thread.join(5)

    def add(self, edit: Edit, *, unconfirmed: bool) -> None:
        """Take an edit to send."""
        self._outgoing.add(edit, unconfirmed=unconfirmed)
        self._tell_waiting(self._problem)

    def withdraw(self, edit_id: str, *, proved: bool = False) -> None:
        """Do not send an edit that has not left, nor ask about one that is `proved`."""
        if self._outgoing.withdraw(edit_id, proved=proved):
            self._emit(Outcome(edit_id, EditState.WITHDRAWN))

    def steps(self) -> dict[str, int]:
        """How often each worker got further, under its name."""
        return {
            thread.name: turns + sender.exchanges
            for thread, turns, sender in zip(self._threads, self._turns, self._senders, strict=True)
        }

    def _work(self, number: int) -> None:
        sender = self._senders[number]
        while not self._stopped.is_set():
            self.step(sender, _IDLE_S)
            self._turns[number] += 1
        sender.close()

    def step(self, sender: Sender, longest_s: float) -> bool:
        """Send the next edit that may leave, waiting up to `longest_s` for one; whether there was anything to do."""
        waiting, dead = self._outgoing.take(longest_s)
        for edit in dead:
            self._emit(Outcome(edit.id, EditState.EXPIRED))
        if waiting is not None:
            self._send(sender, waiting)
        elif not self._outgoing.all():
            self._health.none_put_off()
        return waiting is not None or bool(dead)

    def _send(self, sender: Sender, waiting: WaitingEdit) -> None:
        edit, outgoing = waiting.edit, self._outgoing
        report = outgoing.remote_id(edit.report)
        if waiting.attempts == 1:
            self._say(waiting, EditState.SENDING)
        try:
            if waiting.left and outgoing.is_too_old(edit) and not sender.has_arrived(edit, report):
                outgoing.settled(waiting)
                self._say(waiting, EditState.EXPIRED)
                return
            sent = sender.send(edit, report, repeated=waiting.left)
        except errors.ApiError as error:
            self._failed(waiting, error)
        except TooLate:
            outgoing.settled(waiting)
            self._say(waiting, EditState.EXPIRED)
        except EditAlreadyThere as there:
            outgoing.settled(waiting, remote_id=there.remote_id)
            # protects: first-one-is-followed
            if there.by is not None and there.by in edit.about.get(INSTEAD_OF, ()):
                self._emit(Outcome(there.by, EditState.ACCEPTED, remote_id=there.remote_id))
            self._emit(Outcome(edit.id, EditState.SENT, remote_id=there.remote_id))
            self._on_news()
        except CannotSend as error:
            outgoing.settled(waiting)
            self._refuse(waiting, error.reason, error.problem, error.by)
        except Exception:
            # A defect of ours must park this one edit and not end the lane for all the others.
            _log.exception("edit %s could not be sent", edit.id)
            outgoing.settled(waiting)
            self._refuse(waiting, StopReason.NOT_ENCODED)
        else:
            self._backoff.reset()
            self._health.breaker.answered()
            outgoing.settled(waiting, remote_id=sent.remote_id)
            taken = Outcome(edit.id, EditState.ACCEPTED, remote_id=sent.remote_id, version=sent.version)
            self._emit(msgspec.structs.replace(taken, taken_as=sent.taken_as))
            self._health.writes_taken()
            self._on_news()

    def _failed(self, waiting: WaitingEdit, error: errors.ApiError) -> None:
        outgoing = self._outgoing
        self._health.breaker.failed(error)
        if isinstance(error, errors.Conflict):
            outgoing.settled(waiting)
            self._health.none_put_off()
            theirs: dict[str, object] = {"busy": error.busy} if error.busy else dict(error.fields)
            self._say(waiting, EditState.CONFLICT, problem=str(error), theirs=theirs, version=error.version)
        # protects: signed-out-drops-nothing
        elif isinstance(error, errors.SignIn):
            self._health.writes_refused(str(error))
            self._later(waiting, error, _SIGNED_OUT_S, everything=True)
        elif isinstance(error, errors.InProgress):
            outgoing.again(waiting, self._pause_of_one(waiting), left=True, everything=False)
        elif isinstance(error, errors.ServerFault):
            # Perhaps only this edit brings the server to fall: the others go on.
            self._later(waiting, error, self._pause_of_one(waiting), everything=False)
        elif error.retry:
            if isinstance(error, errors.Busy):
                self._health.writes_put_off(str(error))
            self._later(waiting, error, self._backoff.next_s(error), everything=True)
        else:
            outgoing.settled(waiting)
            for_now = isinstance(error, errors.Forbidden)
            self._refuse(waiting, StopReason.REFUSED_FOR_NOW if for_now else StopReason.REFUSED, str(error))

    def _later(self, waiting: WaitingEdit, error: errors.ApiError, wait_s: float, *, everything: bool) -> None:
        if error.may_have_arrived and not waiting.left:
            # Before it can leave again, which may be at once: its answer must not be told before this.
            self._say(waiting, EditState.UNCONFIRMED, problem=str(error))
            waiting.told = True
        if not self._outgoing.again(waiting, wait_s, left=error.may_have_arrived, everything=everything):
            self._say(waiting, EditState.WITHDRAWN)
        if everything:
            self._problem = str(error)
            self._on_news()
        self._tell_waiting(str(error))

    def _tell_waiting(self, problem: str) -> None:
        for waiting in self._outgoing.untold():
            self._say(waiting, EditState.UNCONFIRMED if waiting.left else EditState.QUEUED, problem=problem)

    def _pause_of_one(self, waiting: WaitingEdit) -> float:
        return pause_of_one_s(waiting.failures, self._random)

    def _refuse(self, waiting: WaitingEdit, reason: StopReason, problem: str = "", by: ByWhom | None = None) -> None:
        if not self._stopped.is_set():
            self._emit(Outcome(waiting.edit.id, EditState.ATTENTION, problem=problem, reason=reason, by=by))

    def _say(
        self,
        waiting: WaitingEdit,
        state: EditState,
        *,
        problem: str = "",
        theirs: dict[str, object] | None = None,
        version: int | None = None,
    ) -> None:
        if not self._stopped.is_set():
            self._emit(Outcome(waiting.edit.id, state, problem=problem, theirs=theirs or {}, version=version))
