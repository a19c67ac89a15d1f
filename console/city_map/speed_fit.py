"""A city's speeds by class of road and hour, fitted to the times that its crews took.

Of every drive the way is found by street, and how long it would take by class of road. The factors by which classes are
slower are those that leave the least sum of errors (not of their squares): as with a median, what some crews did on the
way, or clocks that jumped, moves them little. An hour has factors of its own where it has drives enough. Nothing is
said of a class, or of an hour, of which too little is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from console.city_map.messages import LatLon
from console.city_map.router import OWN_KMH, Router, WayByClass
from console.city_map.speeds import CLASSES, FITTED_FROM
from console.city_map.street_graph import DRAWN

ENOUGH = 30
"""So many drives, or as much of others as makes so many, say something of a class or of an hour."""
MOST_DRIVES = 4_000
"""The newest count: each costs three searches over the city's streets."""
NO_WAY, UNLIKELY = "no way by street is known", "much faster or slower than its way can be driven"
_ROUNDS = 3
"""Other speeds have other ways: they are looked for again by the speeds that were found."""
_SEARCH_S, _SEARCH_PER_M = 600.0, 1.0
_LEAST_RATIO, _MOST_RATIO = 0.25, 6.0
_LEAST_S = 30.0
_SLOWEST, _FASTEST = 0.3, 1.7
"""A class is at least and at most so fast, as a share of its speed without a table."""
_ALIKE = 0.02
"""An hour is told apart from the day where it differs by so much."""
_STEPS, _CLOSE = 60, 0.03
_PULL = 0.5
"""How many drives, of what all have in common, stand against what is told by few."""
_WORKDAYS = 5

Days = str
Buckets = Mapping[tuple[Days, int], Mapping[str, float]]


class Drive(msgspec.Struct, frozen=True):
    """A crew went from one place to another, beginning in an hour of the week by the city's clock."""

    start: LatLon
    goal: LatLon
    hour: int
    seconds: float


class FittedSpeeds(msgspec.Struct, frozen=True):
    """What was found: km/h by class of the whole day, and of (weekdays or weekend, hour) where that is another.

    `drives` were used, `of_class` says how many of them a class has, all parts of ways put together; `left_out` why
    others were not.
    """

    drives: int
    daily: Mapping[str, float]
    by_hour: Buckets
    of_class: Mapping[str, float]
    left_out: Mapping[str, int]
    off: float = 0.0
    """How far off the times by these speeds are in the middle of all drives, as a share; 0 without any."""
    off_before: float = 0.0
    """The same by the speeds without a table."""

    def table(self, first: date, last: date) -> bytes:
        """The file for `sigap map speeds`, of drives between two days."""
        lines = [f"# {FITTED_FROM} {self.drives} drives, {first} to {last}", "class,days,hours,kmh"]
        lines += [f"{road},daily,,{kmh:.1f}" for road, kmh in self.daily.items()]
        for (days, hour), speeds in self.by_hour.items():
            lines += [f"{road},{days},{hour:02d}:00-{hour + 1:02d}:00,{kmh:.1f}" for road, kmh in speeds.items()]
        return ("\n".join(lines) + "\n").encode()


def fit_speeds(
    router: Router, drives: Sequence[Drive], tell: Callable[[int, int], object] = lambda _done, _all: None
) -> FittedSpeeds:
    """The speeds by which a router's ways take as long as these drives took; `tell` is called with (done, all)."""
    own = {drawn: float(kmh) for drawn, kmh in zip(DRAWN, OWN_KMH, strict=True) if kmh > 0}
    drives = sorted(drives[:MOST_DRIVES], key=lambda one: _bucket(one.hour))  # each hour's speeds are set once
    found, off_before = FittedSpeeds(0, {}, {}, {}, {}), 0.0
    for turn in range(_ROUNDS):
        looked = _RoutedDrives()
        for number, drive in enumerate(drives):
            tell(turn * len(drives) + number, _ROUNDS * len(drives))
            router.set_speeds({**own, **found.daily, **found.by_hour.get(_bucket(drive.hour), {})})
            looked.add(drive, router.way_by_class(drive.start, drive.goal, _SEARCH_S + _SEARCH_PER_M * _apart_m(drive)))
        left_out = dict(looked.left_out)
        if len(looked.slower) < ENOUGH:
            return FittedSpeeds(len(looked.slower), {}, {}, {}, left_out)
        off_before = off_before or float(np.median(looked.off))
        fitted = _fitted(np.array(looked.shares), np.array(looked.slower), np.array(looked.hours), own)
        found = msgspec.structs.replace(fitted, left_out=left_out, off_before=off_before)
    return found


class _RoutedDrives:
    """What is known of the drives that have a way and a time that can be."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.shares: list[NDArray[Any]] = []
        self.slower: list[float] = []
        self.hours: list[int] = []
        self.off: list[float] = []

    def add(self, drive: Drive, way: WayByClass | None) -> None:
        if way is None:
            self.left_out[NO_WAY] += 1
            return
        seconds = way.metres / np.maximum(OWN_KMH / 3.6, 0.1)
        expected = float(seconds.sum())
        slower = (drive.seconds - way.fixed_s) / max(expected, 1e-9)
        # protects: times-that-nobody-drives
        if expected < _LEAST_S or not _LEAST_RATIO <= slower <= _MOST_RATIO:
            self.left_out[UNLIKELY] += 1
            return
        self.shares.append(seconds / expected)
        self.slower.append(slower)
        self.hours.append(drive.hour)
        self.off.append(abs(expected + way.fixed_s - drive.seconds) / drive.seconds)


def _bucket(hour_of_week: int) -> tuple[Days, int]:
    return ("weekdays" if hour_of_week // 24 < _WORKDAYS else "weekend"), hour_of_week % 24


def _fitted(shares: NDArray[Any], slower: NDArray[Any], hours: NDArray[Any], own: Mapping[str, float]) -> FittedSpeeds:
    """`shares` are of the time that each class has of a way, `slower` how many times as long the drive took."""
    factors, known = _factors(shares, slower)
    told = [at for at in range(len(DRAWN)) if known[at]]

    def kmh(slower_by: NDArray[Any]) -> dict[str, float]:
        found = {}
        for at in sorted(told, key=lambda one: CLASSES.index(DRAWN[one])):
            usual = own[DRAWN[at]]
            found[DRAWN[at]] = float(np.clip(usual / slower_by[at], _SLOWEST * usual, _FASTEST * usual))
        return found

    daily = kmh(factors)
    by_day = shares * factors
    expected = by_day.sum(axis=1)
    by_hour: dict[tuple[Days, int], dict[str, float]] = {}
    off = np.abs(expected / slower - 1)
    weekday, hour_of_day = hours // 24 < _WORKDAYS, hours % 24
    for days, is_of in (("weekdays", weekday), ("weekend", ~weekday)):
        for hour in range(24):
            these = is_of & (hour_of_day == hour)
            if these.sum() < ENOUGH:
                continue
            of_day = by_day[these] / expected[these, None]
            more, _ = _factors(of_day, slower[these] / expected[these])
            off[these] = np.abs((of_day @ more) * expected[these] / slower[these] - 1)
            speeds = {road: fast for road, fast in kmh(factors * more).items() if abs(fast / daily[road] - 1) >= _ALIKE}
            if speeds:
                by_hour[days, hour] = speeds
    of_class = {DRAWN[at]: float(shares[:, at].sum()) for at in told}
    return FittedSpeeds(len(slower), daily, by_hour, of_class, {}, float(np.median(off)))


def _factors(shares: NDArray[Any], slower: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(by how many times each class is slower, which classes have drives enough); the others have one factor in common.

    The least sum of errors is come to by least squares in which each error weighs the less the greater it is.
    """
    known = shares.sum(axis=0) >= ENOUGH
    columns = np.column_stack([shares[:, known], shares[:, ~known].sum(axis=1)])
    middle = float(np.median(slower))
    factors = np.full(columns.shape[1], middle)
    for _ in range(_STEPS):
        expected = columns @ factors
        error = np.log(slower / expected)  # twice as long is as far off as half as long
        weight = 1 / np.maximum(np.abs(error), _CLOSE)
        pull = _PULL * float(weight.mean()) / middle**2
        slope = columns / expected[:, None]
        left = (slope * weight[:, None]).T @ slope + pull * np.eye(columns.shape[1])
        step = np.linalg.solve(left, slope.T @ (weight * error) + pull * (middle - factors))
        factors = np.maximum(factors + step, _LEAST_RATIO / 2)
        if float(np.abs(step).max()) < 1e-4:
            break
    every = np.full(shares.shape[1], factors[-1])
    every[known] = factors[:-1]
    return every, known


def _apart_m(drive: Drive) -> float:
    """Roughly, in metres: how far the search has to go."""
    return 111_320 * float(np.hypot(drive.start[0] - drive.goal[0], drive.start[1] - drive.goal[1]))
