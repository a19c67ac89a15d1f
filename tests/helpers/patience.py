"""How long a test waits for what must come: longer where other programs have the processors."""

from __future__ import annotations

import os
import time

_LONGEST = 6.0
"""So many times longer at most."""


class Patience:
    """Begins now and is over after so many seconds on a computer with nothing else to do.

    With more threads that are ready to run than there are cores, each of them takes longer by that.
    """

    def __init__(self, seconds: float) -> None:
        self._began_s, self._seconds = time.monotonic(), seconds

    @property
    def is_over(self) -> bool:
        """Whether it is in vain to wait on."""
        waited_s = time.monotonic() - self._began_s
        return waited_s > self._seconds and waited_s > self._seconds * times_longer()


def times_longer() -> float:
    """By how much the last minute's load makes everything longer."""
    try:
        ready = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has no such number
        return 1.0
    return min(_LONGEST, max(1.0, ready / (os.cpu_count() or 1)))
