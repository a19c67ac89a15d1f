"""The lane of small questions: tell the server which report is open, bring a reporter's contact when asked for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from typing_extensions import override

from api_client import errors, model
from console.rules.messages import (
    Asked,
    CallerFound,
    FindCaller,
    RequestDone,
    Reveal,
    Revealed,
    SetPin,
    SignHandover,
    SignOut,
    SignOutTold,
    TokenOwner,
    WhoseToken,
)
from console.sync.health import LIVE, Health
from console.sync.worker import Connection, LaneThread

AGAIN_S = 30.0
"""How often it is told which report is open, or that none is; the server takes who tells nothing for 75 s for gone."""
_SETTLE_S = 0.7
"""So long a report must be open before it is told: who runs through a list looks at nothing."""
_CALLER_NEEDS_SERVER = "Needs the server, which cannot be reached now: who called is kept there only."
_SIGNING_NEEDS_SERVER = "Needs the server, which cannot be reached now: it stays unsigned."
_NO_ANSWER = "The server did not answer: whether it was done is seen here once it is reached."
_NO_HANDOVERS = "This server is of a version that keeps no hand-overs: print the draft."
_OLDER_SERVER = "This server is of a version that finds no reports by a telephone number."
_NO_SUCH = frozenset({404, 405})
_OTHERS_NEED_SERVER = "The server cannot be reached now: it alone knows whose other tokens are."
_NEEDS_NETWORK = "The reporter's contact is kept at the server only, which cannot be reached now."


_Answer = Revealed | CallerFound | TokenOwner | SignOutTold | RequestDone


class Answers(Connection, Protocol):
    """A server that keeps contacts and knows who looks at what."""

    def contact(self, report: str) -> model.Contact:
        """A reporter's personal data; the server logs who asked. Raises ApiError."""

    def reports_of_caller(self, phone: str) -> model.CallerReports:
        """The reports of a telephone number; the server logs who asked. Raises ApiError."""

    def offer_handover(self, offer: model.HandoverOffer) -> model.Handover:
        """Offer a hand-over. Raises ApiError."""

    def sign_handover(self, handover: str, signature: model.HandoverSignature) -> model.Handover:
        """Have a hand-over signed. Raises ApiError."""

    def set_pin(self, pin: model.NewPin) -> None:
        """Give the user another PIN. Raises ApiError."""

    def put_presence(self, report: str | None) -> None:
        """Say which report the operator looks at. Raises ApiError."""


class RequestsLane(LaneThread):
    """Answers every Reveal, FindCaller, WhoseToken, SignHandover and SetPin, keeping nothing of them; tells what is
    looked at, best effort, and who has signed out, until the server is reached.

    Only what is asked or told with another token goes out while the source is not live: a server that refuses the
    present one may well know that.
    """

    def __init__(
        self,
        client: Answers,
        health: Health,
        emit: Callable[[_Answer], None],
        owner_of: Callable[[str], model.Me],
        sign_out: Callable[[str], None],
    ) -> None:
        """`owner_of` asks the server, with a token, whose it is; `sign_out` tells it that he has signed out. Both raise
        ApiError.
        """
        super().__init__("ask", client)
        self._client = client
        self._health = health
        self._emit = emit
        self._owner_of, self._sign_out = owner_of, sign_out
        self._left: deque[SignOut] = deque()
        """The operators who have signed out, which the server has not been told."""
        self._asked: deque[Asked] = deque()
        self._open: str | None = None
        self._tell_at = 0.0

    def look(self, report: str | None) -> None:
        """The operator looks at this report now, or at none."""
        if report != self._open:
            self._open = report
            self._tell_at = time.monotonic() + _SETTLE_S
            self.poke()

    def tell_again(self) -> None:
        """The server is reached: it may have forgotten what is open here."""
        self._tell_at = 0.0
        self.poke()

    def reveal(self, asked: Reveal) -> None:
        """Bring a reporter's contact."""
        self._asked.append(asked)
        self.poke()

    def find_caller(self, asked: FindCaller) -> None:
        """Find the reports of a telephone number."""
        self._asked.append(asked)
        self.poke()

    def sign_out(self, told: SignOut) -> None:
        """Tell that an operator has signed out."""
        self._left.append(told)
        self.poke()

    def find_owner(self, asked: WhoseToken) -> None:
        """Find out whose a token is."""
        self._asked.append(asked)
        self.poke()

    def sign(self, asked: SignHandover | SetPin) -> None:
        """Offer a hand-over and have it signed, or set a PIN."""
        self._asked.append(asked)
        self.poke()

    @override
    def _work(self) -> None:
        while not self._wakeup.stopped:
            while self._asked and not self._wakeup.stopped:
                self._emit(self._answer(self._asked.popleft()))
            self._tell_who_left()
            if time.monotonic() >= self._tell_at:
                # Before the look at what is open: what is opened from here on sets its own time again.
                self._tell_at = time.monotonic() + AGAIN_S
                self._tell(self._open)
            self._wakeup.wait(min(AGAIN_S, max(0.0, self._tell_at - time.monotonic())))
        self._client.close()

    def _answer(self, asked: Asked) -> _Answer:
        match asked:
            case Reveal():
                return self._contact(asked)
            case FindCaller():
                return self._caller(asked)
            case WhoseToken():
                return self._owner(asked)
            case SignHandover() | SetPin():
                return self._signed(asked)

    def _owner(self, asked: WhoseToken) -> TokenOwner:
        try:
            return TokenOwner(asked.source, asked.number, self._owner_of(asked.token).name)
        except errors.ApiError as error:
            problem = _OTHERS_NEED_SERVER if _is_away(error) else str(error)
            return TokenOwner(asked.source, asked.number, problem=problem)

    def _signed(self, asked: SignHandover | SetPin) -> RequestDone:
        if self._health.state != LIVE or self._health.breaker.open:
            return RequestDone(asked.source, asked.number, _SIGNING_NEEDS_SERVER)
        is_known = False
        try:
            if isinstance(asked, SetPin):
                self._client.set_pin(asked.pin)
            elif asked.offer is not None:
                self._client.offer_handover(asked.offer)
            is_known = True
            if isinstance(asked, SignHandover) and asked.signature is not None:
                self._client.sign_handover(asked.handover, asked.signature)
        except errors.ApiError as error:
            is_older = not is_known and isinstance(error, errors.Refused) and error.status in _NO_SUCH
            problem = _NO_HANDOVERS if is_older else _NO_ANSWER if _is_away(error) else str(error)
            return RequestDone(asked.source, asked.number, problem)
        return RequestDone(asked.source, asked.number)

    def _caller(self, asked: FindCaller) -> CallerFound:
        if self._health.state != LIVE or self._health.breaker.open:
            return CallerFound(asked.source, asked.number, problem=_CALLER_NEEDS_SERVER)
        try:
            found = self._client.reports_of_caller(asked.phone)
        except errors.ApiError as error:
            is_older = isinstance(error, errors.Refused) and error.status in _NO_SUCH
            problem = _OLDER_SERVER if is_older else _CALLER_NEEDS_SERVER if _is_away(error) else str(error)
            return CallerFound(asked.source, asked.number, problem=problem)
        return CallerFound(asked.source, asked.number, found.reports, found.more)

    def _contact(self, asked: Reveal) -> Revealed:
        if self._health.state != LIVE or self._health.breaker.open:
            return Revealed(asked.source, asked.report, problem=_NEEDS_NETWORK)
        try:
            found = self._client.contact(asked.report)
        except errors.ApiError as error:
            return Revealed(asked.source, asked.report, problem=_NEEDS_NETWORK if _is_away(error) else str(error))
        return Revealed(asked.source, asked.report, found.name, found.phone, found.email)

    def _tell_who_left(self) -> None:
        while self._left and not self._wakeup.stopped:
            try:
                self._sign_out(self._left[0].token)
            except errors.ApiError as error:
                # protects: a-sign-out-is-told-at-last
                if _is_away(error) or isinstance(error, (errors.Busy, errors.ServerFault)):
                    return  # tried again with the next presence
            told = self._left.popleft()
            self._emit(SignOutTold(told.source, told.token))

    def _tell(self, report: str | None) -> None:
        if self._health.state != LIVE or self._health.breaker.open:
            return
        try:
            self._client.put_presence(report)
        except errors.ApiError:
            return  # the others do not see for half a minute what is open here; that is all


def _is_away(error: errors.ApiError) -> bool:
    return isinstance(error, (errors.Unreachable, errors.NotThisServer, errors.NoBackend))
