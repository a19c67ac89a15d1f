"""Places on the demo city's streets for its reports and units, from a sample of the streets of each ward.

The sample is a file, so that filling the demo city need not wait for its streets to be made: it is what
`tools/write_demo_streets.py` takes from them.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from console.server.demo.areas import Point, Ward, metres, read_wards
from console.server.demo.house_numbers import house_number

SCALE = 100_000
"""The file's points are whole hundred-thousandths of a degree north and east of the ward's centre."""
MAIN_KINDS = frozenset({"trunk", "primary", "secondary"})
INVENTED = "(invented)"
_METRES_PER_DEGREE = 110_570.0
_OFF_CENTRE_M = 3.0
_NEAR_DEGREES, _CLOSE_M = 0.004, 20.0
_OFTEN_THERE = 0.7
"""How often a matter of water is reported near a river, and one of traffic on a main road, where the ward has one."""


class StreetSample(msgspec.Struct, frozen=True):
    """A stretch of a street inside a ward: points (lat, lon), and how far the first is from the street's start."""

    ward: str
    kind: str
    name: str
    from_m: float
    is_near_water: bool
    points: tuple[Point, ...]
    legs_m: tuple[float, ...]
    """How far each point but the first is from the one before."""
    length_m: float


class StreetPlace(msgspec.Struct, frozen=True):
    """A place on a street, with its address."""

    lat: float
    lon: float
    address: str
    street: StreetSample
    number: int
    ward: str
    """The ward's name."""


class StreetPlaces:
    """Draws places on the sampled streets."""

    def __init__(self, wards: Sequence[Ward], samples: Sequence[StreetSample]) -> None:
        self._names = {ward.code: ward.name for ward in wards}
        self._of_ward: dict[str, list[StreetSample]] = {}
        for sample in samples:
            self._of_ward.setdefault(sample.ward, []).append(sample)
        self._samples = samples
        points, sample_at, along_m = _close_points(samples)
        northwards = np.argsort(points[:, 0], kind="stable")
        self._points = points[northwards]
        self._sample_at, self._along_m = sample_at[northwards], along_m[northwards]

    def draw(self, ward: Ward, chance: random.Random, group: str = "") -> StreetPlace:
        """Any place in a ward. `group` is what the report is about: water is near rivers, traffic on main roads."""
        samples = self.of_ward(ward)
        if group in _LIKELY and chance.random() < _OFTEN_THERE:
            samples = [sample for sample in samples if _LIKELY[group](sample)] or samples
        if group in _NOT_IN_LANES:
            samples = [sample for sample in samples if sample.kind != _LANE] or samples
        sample = chance.choice(samples)
        return self._on(sample, chance.random() * sample.length_m, chance)

    def of_ward(self, ward: Ward) -> Sequence[StreetSample]:
        """The sampled streets of a ward. Raises KeyError where it has none."""
        return self._of_ward[ward.code]

    def has(self, ward: Ward) -> bool:
        """Whether a ward has sampled streets."""
        return ward.code in self._of_ward

    def near(self, here: Point, chance: random.Random, within_m: float) -> StreetPlace:
        """A place at most about `within_m` along the street that passes nearest to `here`."""
        sample, along_m = self.street_near(here)
        along_m += chance.uniform(-within_m, within_m)
        return self._on(sample, min(sample.length_m, max(0.0, along_m)), chance)

    def street_near(self, here: Point) -> tuple[StreetSample, float]:
        """The sampled street that passes nearest to `here`, and how far along it that is, in metres."""
        first, end = np.searchsorted(self._points[:, 0], (here[0] - _NEAR_DEGREES, here[0] + _NEAR_DEGREES)).tolist()
        if first == end:
            first, end = 0, len(self._points)
        away = self._points[first:end] - here
        away[:, 1] *= math.cos(math.radians(here[0]))
        nearest = first + int((away**2).sum(1).argmin())
        return self._samples[int(self._sample_at[nearest])], float(self._along_m[nearest])

    def _on(self, sample: StreetSample, along_m: float, chance: random.Random) -> StreetPlace:
        """The place so far along a street, a little to the side that its number is on."""
        on_left = chance.random() < 0.5
        number = house_number(sample.from_m + along_m, on_left=on_left)
        rest_m = along_m
        for (start, end), leg in zip(pairwise(sample.points), sample.legs_m, strict=True):
            if rest_m <= leg or end is sample.points[-1]:
                lat, lon = _beside(start, end, min(1.0, rest_m / leg), _OFF_CENTRE_M if on_left else -_OFF_CENTRE_M)
                ward = self._names[sample.ward]
                address = f"{sample.name} No. {number}, {ward} {INVENTED}"
                return StreetPlace(round(lat, 6), round(lon, 6), address, sample, number, ward)
            rest_m -= leg
        raise AssertionError("a sampled street has two points at least")


_LIKELY: Mapping[str, Callable[[StreetSample], bool]] = {
    "air": lambda sample: sample.is_near_water,
    "lalu-lintas": lambda sample: sample.kind in MAIN_KINDS,
}
"""By the group of services: where its reports mostly are."""
_NOT_IN_LANES = frozenset({"lalu-lintas", "angkutan", "parkir"})
_LANE = "living_street"


@cache
def street_places() -> StreetPlaces:
    """The places of the demo city, read once; ValueError or KeyError when somebody has broken the file."""
    wards = read_wards()
    centres = {ward.code: (ward.lat, ward.lon) for ward in wards}
    text = resources.files("resources").joinpath("demo", "streets", "samples.csv").read_text(encoding="utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    next(rows)
    return StreetPlaces(wards, [_sample(row, centres[row[0]]) for row in rows])


def _sample(row: Sequence[str], centre: Point) -> StreetSample:
    ward, kind, name, from_m, near_water, points = row
    numbers = iter(points.split())
    places = tuple((centre[0] + int(north) / SCALE, centre[1] + int(east) / SCALE) for north, east in _pairs(numbers))
    legs_m = tuple(metres(start, end) for start, end in pairwise(places))
    return StreetSample(ward, kind, name, float(from_m), near_water == "yes", places, legs_m, sum(legs_m))


def _close_points(
    samples: Sequence[StreetSample],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Points on all streets, at most about 20 m apart: (lat, lon) each, which street it is, and metres along it."""
    starts = np.array([point for sample in samples for point in sample.points[:-1]])
    ends = np.array([point for sample in samples for point in sample.points[1:]])
    legs_m = np.array([leg for sample in samples for leg in sample.legs_m])
    legs_of = np.array([len(sample.legs_m) for sample in samples])
    sample_at = np.repeat(np.arange(len(samples)), legs_of)
    until_m = np.cumsum(legs_m) - legs_m
    from_m = until_m - np.repeat(until_m[np.cumsum(legs_of) - legs_of], legs_of)
    pieces = (legs_m / _CLOSE_M).astype(np.int64) + 1
    leg = np.repeat(np.arange(len(legs_m)), pieces + 1)
    step = np.arange(len(leg)) - np.repeat(np.cumsum(pieces + 1) - (pieces + 1), pieces + 1)
    share = step / pieces[leg]
    points = starts[leg] + (ends[leg] - starts[leg]) * share[:, None]
    return points, sample_at[leg], from_m[leg] + legs_m[leg] * share


def _pairs(numbers: Iterator[str]) -> Iterator[tuple[str, str]]:
    return zip(numbers, numbers, strict=True)


def _beside(start: Point, end: Point, share: float, left_m: float) -> Point:
    """A point on the way from start to end, so far to the left."""
    lat = start[0] + (end[0] - start[0]) * share
    lon = start[1] + (end[1] - start[1]) * share
    shrink = math.cos(math.radians(lat))
    north, east = end[0] - start[0], (end[1] - start[1]) * shrink
    length = math.hypot(north, east) or 1.0
    side = left_m / _METRES_PER_DEGREE / length
    return lat + east * side, lon - north * side / shrink
