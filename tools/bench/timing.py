"""How long a piece of work takes, several times over."""

from __future__ import annotations

import time
from collections.abc import Callable


def times_ms(repeat: int, work: Callable[[int], object]) -> list[float]:
    """Durations of `work(0)`, `work(1)` … in milliseconds, after one that does not count."""
    work(0)
    samples = []
    for number in range(repeat):
        started = time.perf_counter()
        work(number)
        samples.append((time.perf_counter() - started) * 1000)
    return samples
