"""What a visitor may ask of a living demo city: rain, and another speed. Handed over between threads."""

from __future__ import annotations

import queue
from typing import TypeVar

import msgspec

T = TypeVar("T")
SLOWEST, FASTEST = 0.1, 60.0
"""How many times faster than in life the city can live."""


class RainWanted(msgspec.Struct, frozen=True):
    """It shall pour over the place, or anywhere where there is none."""

    lat: float | None = None
    lon: float | None = None


class LivingState(msgspec.Struct, frozen=True):
    """How the demo city lives now: how many times faster than in life, and the kelurahan on which it pours."""

    speed: float = 1.0
    rain: tuple[str, ...] = ()
    may_rain: bool = True
    """Whether it can begin to rain on one more kelurahan."""


class DemoControls:
    """A living demo city's knobs, for any thread; the city turns them itself at its next step."""

    def __init__(self, speed: float = 1.0) -> None:
        self.state = LivingState(speed)
        self._rains: queue.SimpleQueue[RainWanted] = queue.SimpleQueue()
        self._speeds: queue.SimpleQueue[float] = queue.SimpleQueue()

    def rain(self, wanted: RainWanted) -> None:
        """Let it rain."""
        self._rains.put(wanted)

    def set_speed(self, speed: float) -> None:
        """Let it live so many times faster than in life."""
        self._speeds.put(speed)

    def take_rains(self) -> list[RainWanted]:
        """What rain was asked for since the last look."""
        return _taken(self._rains)

    def take_speed(self) -> float | None:
        """The speed that was asked for last, None for none since the last look."""
        speeds = _taken(self._speeds)
        return speeds[-1] if speeds else None


def _taken(asked: queue.SimpleQueue[T]) -> list[T]:
    found: list[T] = []
    while not asked.empty():
        found.append(asked.get())
    return found
