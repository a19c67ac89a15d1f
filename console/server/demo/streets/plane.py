"""The plane that the demo city is laid out in: metres from its middle, east and north, and how it is bent."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
"""(east, north) in metres."""
Points = NDArray[np.float64]
"""(n, 2): east and north in metres."""

_LAT, _LON = -6.2, 106.83
_METRES_PER_LAT = 110_570.0
_METRES_PER_LON = 111_320.0 * math.cos(math.radians(_LAT))
_WAVES = ((3800, 77.0), (2100, 49.0), (1100, 26.6), (620, 14.0), (330, 6.3))
"""Length and height in metres of the waves that bend the plane; two of each, in different directions."""
_BEND_SEED = 3


def to_metres(lat: float, lon: float) -> Point:
    """A place in the plane."""
    return (lon - _LON) * _METRES_PER_LON, (lat - _LAT) * _METRES_PER_LAT


def to_degrees(points: Points) -> NDArray[np.float64]:
    """Points of the plane as (lon, lat), rounded to the 1e-7 degrees of OpenStreetMap's files."""
    lon = _LON + points[:, 0] / _METRES_PER_LON
    lat = _LAT + points[:, 1] / _METRES_PER_LAT
    return np.stack([lon, lat], 1).round(7)


def bend(points: Points) -> Points:
    """The points after the plane is bent by waves: no straight grid remains, and no junction is lost."""
    chance = random.Random(_BEND_SEED)  # noqa: S311  a made-up city, no secret
    moved = points.copy()
    for length, height in _WAVES:
        for _ in range(2):
            turn = chance.uniform(0, 2 * math.pi)
            east, north = chance.uniform(0, 2 * math.pi), chance.uniform(0, 2 * math.pi)
            phase = (points[:, 0] * math.cos(turn) + points[:, 1] * math.sin(turn)) * 2 * math.pi / length
            moved[:, 0] += height * np.sin(phase + east)
            moved[:, 1] += height * np.sin(phase + north)
    return moved


def smooth(points: Sequence[Point], step_m: float = 85.0) -> list[Point]:
    """A Catmull-Rom curve through the points, with a point about every `step_m` metres."""
    given = np.array(points)
    if len(given) == 2:
        pieces = max(1, int(np.hypot(*(given[1] - given[0])) // step_m))
        shares = np.arange(pieces + 1)[:, None] / pieces
        return _as_points(given[0] + (given[1] - given[0]) * shares)
    given = np.vstack([2 * given[0] - given[1], given, 2 * given[-1] - given[-2]])
    curve = []
    for before, start, end, after in zip(given, given[1:], given[2:], given[3:], strict=False):
        pieces = max(2, int(np.hypot(*(end - start)) // step_m))
        t = np.arange(pieces)[:, None] / pieces
        curve.append(
            0.5
            * (
                2 * start
                + (end - before) * t
                + (2 * before - 5 * start + 4 * end - after) * t**2
                + (3 * start - before - 3 * end + after) * t**3
            )
        )
    return _as_points(np.vstack([*curve, given[-2:-1]]))


def ring_around(middle: Point, width_m: float, height_m: float, chance: random.Random, corners: int = 13) -> Points:
    """An uneven round shape, counter-clockwise, not closed."""
    angles = [2 * math.pi * corner / corners for corner in range(corners)]
    return np.array([
        (
            middle[0] + math.cos(angle) * width_m / 2 * chance.uniform(0.8, 1.05),
            middle[1] + math.sin(angle) * height_m / 2 * chance.uniform(0.8, 1.05),
        )
        for angle in angles
    ])  # fmt: skip


def _as_points(array: Points) -> list[Point]:
    return [(float(east), float(north)) for east, north in array]
