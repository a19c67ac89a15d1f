"""Waits that can be cut short, and one breaker for all lanes of a source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from api_client.dispatch import STREAM_SILENCE_S
from api_client.errors import ApiError, Busy, NoBackend, NotThisServer, Unreachable
from api_client.transport import PAGE, PHOTO, SMALL, TransferLimits
from console.sync.limits import HISTORY, HistoryLimits

FAILURES_TO_OPEN = 5
_SLICE_S = 5.0
_JUMPED_S = 5.0
"""A clock that moves by more than the time that passed: the computer slept, or somebody set it."""
_AWAY = (Unreachable, NotThisServer, Busy, NoBackend)


@dataclass(frozen=True)
class Timing:
    """How patient the lanes are. `poll_s` is for a server without a stream, `slow_poll_s` and `history` for one without
    a feed.
    """

    page: TransferLimits = PAGE
    small: TransferLimits = SMALL
    photo: TransferLimits = PHOTO
    silence_s: float = STREAM_SILENCE_S
    poll_s: float = 5.0
    slow_poll_s: float = 30.0
    history: HistoryLimits = HISTORY


def retry_after_s(error: Exception | None) -> float | None:
    """The seconds that a server asked to be left alone with its answer; None where it asked for none."""
    return error.retry_after_s if isinstance(error, Busy) else None


class CircuitBreaker:
    """What all lanes of one source know about its server; safe from any thread.

    After five failures in a row, of whatever lanes, it is open: the others wait, and the pull alone tries, at its own
    pace, until something answers. A Retry-After is the server's word to all of them, the pull too. `on_close` is called
    on the thread whose request was answered.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._held_until = 0.0
        self._asked_for: Busy | None = None
        self.on_close: list[Callable[[], None]] = []

    @property
    def open(self) -> bool:
        """Whether only the pull may ask."""
        with self._lock:
            # protects: breaker
            return self._failures >= FAILURES_TO_OPEN or time.monotonic() < self._held_until

    def patience(self) -> tuple[Busy, float] | None:
        """What the server asked for and the seconds left of it, None when nobody has to wait."""
        with self._lock:
            left = self._held_until - time.monotonic()
            # protects: retry-after-is-the-hosts
            return (self._asked_for, left) if self._asked_for is not None and left > 0 else None

    def failed(self, error: ApiError) -> None:
        """A request failed; one that was answered, however badly, shows that the server is there."""
        if not isinstance(error, _AWAY):
            self.answered()
            return
        with self._lock:
            self._failures += 1
            if isinstance(error, Busy) and error.retry_after_s is not None:
                self._held_until = max(self._held_until, time.monotonic() + error.retry_after_s)
                self._asked_for = error

    def answered(self) -> None:
        """The server answered; what it asked for with Retry-After still holds."""
        with self._lock:
            was_open = self._failures >= FAILURES_TO_OPEN
            self._failures = 0
        if was_open:
            for listener in self.on_close:
                listener()


class Wakeup:
    """What a lane waits on: `poke` says there may be something new, `hurry` also ends a back-off, `stop` ends all."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._poked = False
        self._hurried = False
        self.stopped = False
        self.turns = 0
        """How often a wait began or went on: who has nothing to do counts on all the same."""

    def poke(self) -> None:
        """There may be something to do."""
        with self._condition:
            self._poked = True
            self._condition.notify_all()

    def hurry(self) -> None:
        """Try at once, whatever failed before."""
        with self._condition:
            self._poked = self._hurried = True
            self._condition.notify_all()

    def heard_hurry(self) -> bool:
        """Whether somebody hurried since the last wait; asked, it counts as heard."""
        with self._condition:
            hurried, self._hurried = self._hurried, False
            return hurried

    def stop(self) -> None:
        """End every wait for good."""
        with self._condition:
            self.stopped = True
            self._condition.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait for a poke, but not longer than that."""
        self._wait(seconds, lambda: self._poked)

    def back_off(self, seconds: float) -> None:
        """Wait that long unless hurried.

        A computer that slept counts as hurried: its network is new. So does one whose clock was set: the server's time
        has to be measured anew before edits are dated by it.
        """
        self._wait(seconds, lambda: self._hurried)

    def _wait(self, seconds: float, rung: Callable[[], bool]) -> None:
        until = time.monotonic() + seconds
        with self._condition:
            while not self.stopped and not rung():
                self.turns += 1
                left = until - time.monotonic()
                if left <= 0:
                    break
                wall, steady = time.time(), time.monotonic()
                self._condition.wait(min(left, _SLICE_S))
                # protects: clock-set-back
                if abs((time.time() - wall) - (time.monotonic() - steady)) > _JUMPED_S:
                    break
            self._poked = self._hurried = False
