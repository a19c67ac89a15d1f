"""The lane of small questions: tell the server which report is open, bring a reporter's contact when asked for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from typing_extensions import override

from api_client import errors, model
from console.rules.messages import Reveal, Revealed
from console.sync.health import LIVE, Health
from console.sync.worker import Connection, LaneThread

AGAIN_S = 30.0
"""How often it is told which report is open, or that none is; the server takes who tells nothing for 75 s for gone."""
_SETTLE_S = 0.7
"""So long a report must be open before it is told: who runs through a list looks at nothing."""
_NEEDS_NETWORK = "The reporter's contact is kept at the server only, which cannot be reached now."


class Answers(Connection, Protocol):
    """A server that keeps contacts and knows who looks at what."""

    def contact(self, report: str) -> model.Contact:
        """A reporter's personal data; the server logs who asked. Raises ApiError."""

    def put_presence(self, report: str | None) -> None:
        """Say which report the operator looks at. Raises ApiError."""


class RequestsLane(LaneThread):
    """Answers every Reveal with a Revealed, which is kept nowhere; tells what is looked at, best effort.

    Nothing is asked, and nothing told, while the source is not live.
    """

    def __init__(self, client: Answers, health: Health, emit: Callable[[Revealed], None]) -> None:
        super().__init__("ask", client)
        self._client = client
        self._health = health
        self._emit = emit
        self._asked: deque[Reveal] = deque()
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

    @override
    def _work(self) -> None:
        while not self._wakeup.stopped:
            while self._asked and not self._wakeup.stopped:
                self._emit(self._answer(self._asked.popleft()))
            if time.monotonic() >= self._tell_at:
                # Before the look at what is open: what is opened from here on sets its own time again.
                self._tell_at = time.monotonic() + AGAIN_S
                self._tell(self._open)
            self._wakeup.wait(min(AGAIN_S, max(0.0, self._tell_at - time.monotonic())))
        self._client.close()

    def _answer(self, asked: Reveal) -> Revealed:
        if self._health.state != LIVE or self._health.breaker.open:
            return Revealed(asked.source, asked.report, problem=_NEEDS_NETWORK)
        try:
            found = self._client.contact(asked.report)
        except errors.ApiError as error:
            away = isinstance(error, (errors.Unreachable, errors.NotThisServer, errors.NoBackend))
            return Revealed(asked.source, asked.report, problem=_NEEDS_NETWORK if away else str(error))
        return Revealed(asked.source, asked.report, found.name, found.phone, found.email)

    def _tell(self, report: str | None) -> None:
        if self._health.state != LIVE or self._health.breaker.open:
            return
        try:
            self._client.put_presence(report)
        except errors.ApiError:
            return  # the others do not see for half a minute what is open here; that is all
