"""When to try again: full jitter between failures, and waits that can be cut short."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from api_client.dispatch import STREAM_SILENCE_S
from api_client.errors import Busy
from api_client.transport import PAGE, PHOTO, SMALL, Limits

BASE_S = 0.5
CAP_S = 60.0
_SLICE_S = 5.0
_SLEPT_S = 5.0


@dataclass(frozen=True)
class Timing:
    """How patient the lanes are. `poll_s` is for a server without a stream, `slow_poll_s` for one without a feed."""

    page: Limits = PAGE
    small: Limits = SMALL
    photo: Limits = PHOTO
    silence_s: float = STREAM_SILENCE_S
    poll_s: float = 5.0
    slow_poll_s: float = 30.0


class Backoff:
    """Full jitter: a random part of a span that doubles from 0.5 s to 60 s; a Retry-After is never undercut."""

    def __init__(self, random_source: random.Random) -> None:
        self._random = random_source
        self._failures = 0

    def next_s(self, error: Exception | None = None) -> float:
        """The seconds to wait after one more failure."""
        span = min(CAP_S, BASE_S * 2.0 ** min(self._failures, 10))
        self._failures += 1
        if isinstance(error, Busy) and error.retry_after_s is not None:
            return error.retry_after_s + self._random.uniform(0, 1)
        return self._random.uniform(0, span)

    def reset(self) -> None:
        """Something worked."""
        self._failures = 0


class Bell:
    """What a lane waits on: `poke` says there may be something new, `hurry` also ends a back-off, `stop` ends all."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._poked = False
        self._hurried = False
        self.stopped = False

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

    def stop(self) -> None:
        """End every wait for good."""
        with self._condition:
            self.stopped = True
            self._condition.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait for a poke, but not longer than that."""
        self._wait(seconds, lambda: self._poked)

    def back_off(self, seconds: float) -> None:
        """Wait that long unless hurried. A computer that slept meanwhile counts as hurried: its network is new."""
        self._wait(seconds, lambda: self._hurried)

    def _wait(self, seconds: float, rung: Callable[[], bool]) -> None:
        until = time.monotonic() + seconds
        with self._condition:
            while not self.stopped and not rung():
                left = until - time.monotonic()
                if left <= 0:
                    break
                wall, steady = time.time(), time.monotonic()
                self._condition.wait(min(left, _SLICE_S))
                if (time.time() - wall) - (time.monotonic() - steady) > _SLEPT_S:
                    break
            self._poked = self._hurried = False
