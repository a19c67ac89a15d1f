"""How fast the demo city lives: the time that its people go by, which a visitor may make faster or slower."""

from __future__ import annotations

import random


class Pace:
    """`speed` is how many times faster than in life things happen; `life_s` are the seconds lived since it began.

    Whoever waits for something waits for a moment of that life: a change of the speed changes all waits.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self.life_s = 0.0

    def go_on(self, seconds: float) -> None:
        """So much time has passed by the clock."""
        self.life_s += seconds * self.speed

    def after(self, seconds: float) -> float:
        """The moment in so many seconds of life."""
        return self.life_s + seconds

    def between(self, chance: random.Random, least_s: float, most_s: float) -> float:
        """A moment between two."""
        return self.life_s + chance.uniform(least_s, most_s)

    def next_of(self, chance: random.Random, mean_s: float) -> float:
        """The moment at which something happens next that happens every `mean_s` seconds on average."""
        return self.life_s + chance.expovariate(1 / mean_s)

    def is_due(self, moment: float) -> bool:
        """Whether a moment has come."""
        return moment <= self.life_s
