"""Which area a point lies in: the smallest polygon that contains it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from api_client.model import Area, Report
from console.rules.distance import METRES_PER_DEGREE, distance_m

SMALLEST = "smallest"
"""The rule that gave a report its area: the smallest polygon around its place."""

_SAME_DEGREES = 2e-7
"""Places are kept in units of 1e-7 degrees."""

_CELLS_PER_DEGREE = 64
"""Look-ups are remembered by cells of about 1.7 km; a cell keeps the few polygons whose box touches it."""


class _Shape(msgspec.Struct, frozen=True):
    """The edges of all rings of one area, and its size for ordering."""

    code: str
    size: float
    box: tuple[float, float, float, float]
    x1: NDArray[np.float64]
    y1: NDArray[np.float64]
    y2: NDArray[np.float64]
    slope: NDArray[np.float64]

    def contains(self, lat: float, lon: float) -> bool:
        """Even-odd ray casting towards the east; holes and separate parts come out right by themselves."""
        west, south, east, north = self.box
        if not (west <= lon <= east and south <= lat <= north):
            return False
        crossed = (self.y1 > lat) != (self.y2 > lat)
        crossings = np.count_nonzero(crossed & (lon < self.x1 + (lat - self.y1) * self.slope))
        return bool(crossings & 1)


class AreaIndex:
    """Finds the area of a point among polygons; areas without a usable polygon are left out.

    `problems` holds one sentence for each area whose geometry is there but cannot be used.
    """

    def __init__(self, areas: Sequence[Area]) -> None:
        self.problems: list[str] = []
        shapes: list[_Shape] = []
        for area in areas:
            if area.geometry is None:
                continue
            try:
                shapes.append(_shape(area.code, area.geometry))
            except GeometryFault as fault:
                self.problems.append(f"area {area.code} ({area.name}): {fault}")
        shapes.sort(key=lambda shape: shape.size)
        self._shapes = shapes
        self._boxes = np.array([shape.box for shape in shapes], dtype=np.float64).reshape(-1, 4)
        self._cells: dict[tuple[int, int], tuple[_Shape, ...]] = {}

    def __len__(self) -> int:
        return len(self._shapes)

    def area_at(self, lat: float, lon: float) -> tuple[str, str] | None:
        """The code of the smallest area that contains the point, and the rule that chose it; None when outside all."""
        if not (math.isfinite(lat) and math.isfinite(lon)):
            return None
        cell = (math.floor(lat * _CELLS_PER_DEGREE), math.floor(lon * _CELLS_PER_DEGREE))
        near = self._cells.get(cell)
        if near is None:
            near = self._cells[cell] = self._near(cell)
        for shape in near:
            if shape.contains(lat, lon):
                return shape.code, SMALLEST
        return None

    def areas_near(self, lat: float, lon: float, within_m: float) -> tuple[str, ...]:
        """The codes of the smallest areas at a point and around it: its own first, then those across a border."""
        up = within_m / METRES_PER_DEGREE
        across = up / max(0.01, math.cos(math.radians(lat)))
        around = [(lat, lon)]
        for eighth in range(8):
            angle = eighth * math.pi / 4
            around.append((lat + up * math.sin(angle), lon + across * math.cos(angle)))
        found = (self.area_at(*spot) for spot in around)
        return tuple(dict.fromkeys(one[0] for one in found if one is not None))

    def _near(self, cell: tuple[int, int]) -> tuple[_Shape, ...]:
        south, west = cell[0] / _CELLS_PER_DEGREE, cell[1] / _CELLS_PER_DEGREE
        north, east = south + 1 / _CELLS_PER_DEGREE, west + 1 / _CELLS_PER_DEGREE
        boxes = self._boxes
        touching = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
        return tuple(self._shapes[i] for i in np.flatnonzero(touching))


class AreaNames:
    """Finds the areas that words name ("Gang Mawar 3, Jati Padang"): whole words, whatever their case."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._codes: dict[tuple[str, ...], tuple[str, ...]] = {}
        for area in areas:
            name = _words(area.name)
            if name:
                self._codes[name] = (*self._codes.get(name, ()), area.code)
        self._longest = max(map(len, self._codes), default=0)

    def named_in(self, text: str) -> list[tuple[str, ...]]:
        """For each name in the text, in its order, the codes of the areas that have it; the longest name counts."""
        words = _words(text)
        found, at = [], 0
        while at < len(words):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                codes = self._codes.get(words[at : at + length])
                if codes is not None:
                    found.append(codes)
                    at += length
                    break
            else:
                at += 1
        return found


MOST_POINTS = 100_000
"""Of one border: 5 MB, which everybody who follows the city reads and draws."""


class GeometryFault(ValueError):
    """A geometry that cannot be used; the words say why."""


def border_box(geometry: dict[str, Any]) -> tuple[float, float, float, float]:
    """West, south, east and north of a border, in degrees.

    Raises GeometryFault unless it is a Polygon or MultiPolygon with a surface, in degrees, of few points.
    """
    shape = _shape("", geometry)
    if len(shape.x1) > MOST_POINTS:
        raise GeometryFault(f"its border has {len(shape.x1):,} points, more than {MOST_POINTS:,}; make it simpler")
    return shape.box


def _shape(code: str, geometry: dict[str, Any]) -> _Shape:
    polygons = _polygons(geometry)
    rings = [ring for polygon in polygons for ring in polygon]
    if not rings:
        raise GeometryFault("it has no rings")
    size = 0.0
    for polygon in polygons:
        size += abs(_surface(polygon[0])) - sum(abs(_surface(hole)) for hole in polygon[1:]) if polygon else 0.0
    if size <= 0.0:
        raise GeometryFault("it has no surface")
    starts = np.concatenate([ring[:-1] for ring in rings])
    ends = np.concatenate([ring[1:] for ring in rings])
    rise = ends[:, 1] - starts[:, 1]
    level = rise == 0.0
    slope = np.where(level, 0.0, (ends[:, 0] - starts[:, 0]) / np.where(level, 1.0, rise))
    (west, south), (east, north) = starts.min(axis=0), starts.max(axis=0)
    box = (float(west), float(south), float(east), float(north))
    column = np.ascontiguousarray
    return _Shape(code, size, box, column(starts[:, 0]), column(starts[:, 1]), column(ends[:, 1]), column(slope))


def reach_m(area: Area, areas: Mapping[str, Area]) -> float:
    """How far the farthest corner of an area lies from its middle, in metres; 0 where either is not known.

    Of one without an outline of its own it is that of its parts among `areas`, by code.
    """
    if area.lat is None or area.lon is None:
        return 0.0
    parts = [area] if area.geometry is not None else [one for one in areas.values() if one.parent == area.code]
    corners = [corner for part in parts for corner in _corners(part)]
    return max((distance_m(area.lat, area.lon, lat, lon) for lat, lon in corners), default=0.0)


def off_by_m(report: Report, areas: Mapping[str, Area]) -> float:
    """How far what is reported may lie from the point of its report, in metres: as far as whoever placed it said, and
    a point that is the middle of the report's area stands for all of it. `areas` are by code.
    """
    area, lat, lon = areas.get(report.area or ""), report.lat, report.lon
    if area is None or area.lat is None or area.lon is None or lat is None or lon is None:
        return report.within_m
    is_middle = max(abs(lat - area.lat), abs(lon - area.lon)) <= _SAME_DEGREES
    return max(report.within_m, reach_m(area, areas)) if is_middle else report.within_m


def _corners(area: Area) -> list[tuple[float, float]]:
    """The corners of the box around an area as (lat, lon), of none without an outline."""
    try:
        west, south, east, north = _shape(area.code, area.geometry or {}).box
    except GeometryFault:
        return []
    return [(lat, lon) for lat in (south, north) for lon in (west, east)]


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))


def _polygons(geometry: dict[str, Any]) -> list[list[NDArray[np.float64]]]:
    if not isinstance(geometry, dict):
        raise GeometryFault("its geometry is not an object")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise GeometryFault(f"its geometry is a {kind}, not a Polygon or MultiPolygon")
    if not isinstance(coordinates, list | tuple):
        raise GeometryFault("its coordinates are not a list")
    polygons: Iterable[Any] = [coordinates] if kind == "Polygon" else coordinates
    found = [[_ring(ring) for ring in _listed(polygon)] for polygon in polygons]
    if not all(found):
        raise GeometryFault("it has no rings" if len(found) <= 1 else "a part of it has no rings")
    return found


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise GeometryFault("a polygon is not a list of rings")
    return list(value)


def _ring(points: Any) -> NDArray[np.float64]:
    try:
        found = np.array([(point[0], point[1]) for point in points])
    except (TypeError, ValueError, IndexError, KeyError) as fault:
        raise GeometryFault("a ring holds something that is not a pair of numbers") from fault
    if found.size and found.dtype.kind not in "iuf":  # texts, too, would become numbers
        raise GeometryFault("a ring holds something that is not a pair of numbers")
    ring = found.astype(np.float64).reshape(-1, 2)
    if len(ring) and not np.array_equal(ring[0], ring[-1]):
        ring = np.concatenate([ring, ring[:1]])
    if len(ring) < 4:
        raise GeometryFault("a ring has fewer than three corners")
    if not np.isfinite(ring).all():
        raise GeometryFault("a ring holds a number that is not finite")
    if (np.abs(ring) > (180.0, 90.0)).any():
        raise GeometryFault("a corner lies outside of 180 degrees of longitude or 90 of latitude")
    return ring


def _surface(ring: NDArray[np.float64]) -> float:
    """Surface in square degrees, shrunk by the latitude so that sizes compare."""
    x = (ring[:, 0] - ring[0, 0]) * math.cos(math.radians(float(ring[:, 1].mean())))
    y = ring[:, 1] - ring[0, 1]
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2.0
