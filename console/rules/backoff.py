"""How long to wait after a failure: full jitter, so that consoles that lost one server do not come back at once."""

from __future__ import annotations

import random

BASE_S = 0.5
CAP_S = 60.0
_QUICK_S, _QUICK_TRIES = 10.0, 40
"""A link that flaps is well again within minutes, and people wait: so long no wait grows beyond ten seconds."""


class Backoff:
    """Full jitter: a random part of a span that doubles from 0.5 s to 10 s, and to 60 s once it has failed for minutes;
    a Retry-After is never undercut.
    """

    def __init__(self, random_source: random.Random) -> None:
        self._random = random_source
        self._failures = 0

    def next_s(self, retry_after_s: float | None = None) -> float:
        """The seconds to wait after one more failure; `retry_after_s` is what the server asked for, if it did."""
        # protects: soon-back-after-a-flap
        span = min(_QUICK_S, BASE_S * 2.0 ** min(self._failures, 10))
        if self._failures >= _QUICK_TRIES:
            span *= 2.0 ** min(self._failures - _QUICK_TRIES, 10)
        span = min(CAP_S, span)
        self._failures += 1
        if retry_after_s is not None:
            return retry_after_s + self._random.uniform(0, 1)
        # protects: full-jitter
        return self._random.uniform(0, span)

    def reset(self) -> None:
        """Something worked."""
        self._failures = 0


def pause_of_one_s(failures: int, random_source: random.Random) -> float:
    """The seconds to wait with the one thing that the server falls over, while all others go on."""
    return random_source.uniform(0.1, min(CAP_S, BASE_S * 2.0 ** min(failures, 10)))
