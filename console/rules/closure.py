"""Closed streets and flooded areas: which shapes can be one, what an edit makes of one, and what lies inside."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np
from msgspec import UNSET
from msgspec.structs import replace
from numpy.typing import NDArray

from api_client.decoding import convert
from api_client.model import ClosedArea, ClosedLine, Closure, ClosureChange
from console.rules.distance import METRES_PER_DEGREE, distance_m
from console.rules.edit import Edit

DEFAULT_WIDTH_M = 12.0
MOST_CORNERS = 20_000
"""So many have the closures of a city together that are not over: no console keeps, draws and avoids more."""
LONGEST_SIDE_M = 30_000.0
"""A closure reaches no farther in any direction: what closes more is no street and no flooded area, but a mistake."""

LONGEST_LINE_M = 60_000.0
"""A line that goes to and fro for longer is no street."""

_CIRCLE_CORNERS = 32
_HALF_AROUND = 180.0


class ClosureFault(ValueError):
    """A closure that cannot be; the words say why."""


def check_shape(shape: ClosedArea | ClosedLine) -> None:
    """Raise ClosureFault unless the shape is one that streets can be closed by.

    Its numbers are in range already: the structs see to that, and to how many corners there are.
    """
    points = _points(shape)
    # protects: closure-of-real-numbers
    if not np.isfinite(points).all():
        raise ClosureFault("A corner is no place.")
    (west, south), (east, north) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    # Across the 180th meridian the way around is short, and what is closed between such numbers is all the rest.
    is_around = east - west > _HALF_AROUND
    # protects: closure-is-no-half-a-world
    if is_around or max(distance_m(south, west, north, west), distance_m(south, west, south, east)) > LONGEST_SIDE_M:
        raise ClosureFault(f"It is larger than {LONGEST_SIDE_M / 1000:.0f} km: close only what is closed.")
    if isinstance(shape, ClosedLine):
        if (points == points[0]).all():
            raise ClosureFault("The line has no length.")
        # protects: closed-line-is-a-street
        if sum(distance_m(a[1], a[0], b[1], b[0]) for a, b in pairwise(shape.coordinates)) > LONGEST_LINE_M:
            raise ClosureFault(f"The line is longer than {LONGEST_LINE_M / 1000:.0f} km: close only what is closed.")
        return
    if not (points[0] == points[-1]).all():
        raise ClosureFault("The ring of the area does not end where it begins.")
    # protects: closure-does-not-cross-itself
    if _crosses_itself(points):
        raise ClosureFault("The border of the area crosses itself.")
    if not _surface(points):
        raise ClosureFault("The area has no surface.")


def closure_after(
    before: Closure | None, change: ClosureChange, at: datetime, by: str, occurred_at: datetime | None = None
) -> Closure:
    """A closure after an edit that is made at `at` (and happened at `occurred_at`). Raises ClosureFault."""
    given = {
        name: value
        for name in ("kind", "geometry", "width_m", "since", "until", "words", "said_by", "report")
        if (value := getattr(change, name)) is not UNSET
    }
    happened = min(occurred_at or at, at)
    if before is None:
        if change.kind is UNSET or change.geometry is UNSET:
            raise ClosureFault("What is closed, and why, is missing.")
        before = Closure(change.closure, change.kind, change.geometry, happened, by, at, at, by, version=0)
    after = replace(before, **given)
    if isinstance(after.geometry, ClosedArea):
        after = replace(after, width_m=0.0)
    elif not after.width_m:
        after = replace(after, width_m=DEFAULT_WIDTH_M)
    if change.geometry is not UNSET:
        check_shape(after.geometry)
    if after.until is not None and after.until <= after.since:
        raise ClosureFault("It would end before it begins.")
    if change.ended is True and after.ended is None:
        after = replace(after, ended=max(happened, after.since) if after.since <= at else at)
    elif change.ended is False:
        after = replace(after, ended=None)
    return replace(after, updated=at, updated_by=by, version=before.version + 1)


def with_changes(closures: Iterable[Closure], edits: Sequence[Edit], now: datetime) -> list[Closure]:
    """The closures of a source as shown: with the operator's own edits of them that no server has yet."""
    shown = {closure.id: closure for closure in closures}
    for edit in edits:
        try:
            change = convert(edit.data, ClosureChange)
            before = shown.get(change.closure)
            # The server judges by what was seen: an edit of another version changes nothing here either.
            version = before.version if before is not None else 0
            # protects: an-end-of-another-version-opens-nothing-here
            if version != change.seen and (change.seen or change.ended is not True):
                continue
            shown[change.closure] = closure_after(before, change, now, edit.author, edit.occurred_at)
        except ValueError:  # it cannot be, or is none: the server will say so
            continue
    return list(shown.values())


def contains(closure: Closure, lat: float, lon: float) -> bool:
    """Whether a place lies in what is closed."""
    points = _points(closure.geometry)
    scale = np.array([math.cos(math.radians(lat)) * METRES_PER_DEGREE, METRES_PER_DEGREE])
    metres = (points - (lon, lat)) * scale
    a, step = metres[:-1], np.diff(metres, axis=0)
    if isinstance(closure.geometry, ClosedLine):
        share = np.clip(-(a * step).sum(1) / np.maximum((step * step).sum(1), 1e-9), 0, 1)
        off = a + step * share[:, None]
        return bool(np.hypot(off[:, 0], off[:, 1]).min() <= closure.width_m / 2)
    b = metres[1:]
    crossed = (a[:, 1] > 0) != (b[:, 1] > 0)
    rise = np.where(crossed, step[:, 1], 1.0)
    return bool(np.count_nonzero(crossed & (a[:, 0] - a[:, 1] * step[:, 0] / rise > 0)) & 1)


def count_corners(shape: ClosedArea | ClosedLine) -> int:
    """How many corners it has."""
    return len(shape.coordinates) if isinstance(shape, ClosedLine) else len(shape.coordinates[0]) - 1


def corners(shape: ClosedArea | ClosedLine) -> list[tuple[float, float]]:
    """Its corners as (lat, lon)."""
    if isinstance(shape, ClosedLine):
        return [(lat, lon) for lon, lat in shape.coordinates]
    return [(lat, lon) for lon, lat in shape.coordinates[0][:-1]]


def middle(shape: ClosedArea | ClosedLine) -> tuple[float, float]:
    """A place by which it is told: the middle corner of a line, the middle of all corners of an area."""
    found = corners(shape)
    if isinstance(shape, ClosedLine):
        return found[len(found) // 2]
    return sum(lat for lat, _ in found) / len(found), sum(lon for _, lon in found) / len(found)


def circle(lat: float, lon: float, radius_m: float) -> ClosedArea:
    """A round area."""
    high = radius_m / METRES_PER_DEGREE
    wide = high / max(0.01, math.cos(math.radians(lat)))
    angles = [2 * math.pi * n / _CIRCLE_CORNERS for n in range(_CIRCLE_CORNERS)]
    ring = [(round(lon + wide * math.cos(one), 7), round(lat + high * math.sin(one), 7)) for one in angles]
    return ClosedArea(((*ring, ring[0]),))


def _points(shape: ClosedArea | ClosedLine) -> NDArray[np.float64]:
    """Its corners as rows of longitude and latitude."""
    return np.array(shape.coordinates if isinstance(shape, ClosedLine) else shape.coordinates[0], np.float64)


def _surface(ring: NDArray[np.float64]) -> float:
    """Of a ring, in square degrees; 0 within what numbers of this size can tell."""
    x, y = (ring - ring[0]).T
    surface = abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2
    return surface if surface > 1e-13 else 0.0


def _crosses_itself(ring: NDArray[np.float64]) -> bool:
    """Whether two sides of a ring cross; sides that only touch do not."""
    (x, y), (step_x, step_y) = ring.T, np.diff(ring, axis=0).T
    # On which side of each side of the ring each corner lies; exactly 0 for the two at its ends.
    turn = step_x[:, None] * (y - y[:-1, None]) - step_y[:, None] * (x - x[:-1, None])
    left, right = turn > 0, turn < 0
    apart = (left[:, :-1] & right[:, 1:]) | (right[:, :-1] & left[:, 1:])
    return bool((apart & apart.T).any())
