"""Reads the place of a report from the columns of a file."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

_POINT = re.compile(r"\s*\(?\s*(?P<lat>[-+\d.]+)\s*[,; ]\s*(?P<lon>[-+\d.]+)\s*\)?\s*")
_WKT = re.compile(r"\s*(?:SRID=4326;)?POINT\s*\(\s*(?P<lon>[-+\d.eE]+)\s+(?P<lat>[-+\d.eE]+)\s*\)\s*", re.IGNORECASE)
NO_DEGREES = "no such place"
"""How the remark on a place begins whose numbers can be no degrees."""


def read_pair(lat: str, lon: str, point: str) -> tuple[float, float] | None:
    """Two numbers (of north, of east) as the columns have them; None where they are none."""
    if not lat and not lon:
        match = _WKT.fullmatch(point) or _POINT.fullmatch(point)
        if match is None:
            return None
        lat, lon = match["lat"], match["lon"]
    y, x = _number(lat), _number(lon)
    return (y, x) if y is not None and x is not None else None


def read_place(lat: str, lon: str, point: str) -> tuple[tuple[float, float] | None, str | None]:
    """The place (lat, lon) or None, and a remark or None. No place at all is no remark."""
    if not lat and not lon and not point:
        return None, None
    pair = read_pair(lat, lon, point)
    if pair is None:
        return (
            None,
            f"unreadable place {lat[:30]!r}, {lon[:30]!r}" if lat or lon else f"unreadable place {point[:60]!r}",
        )
    y, x = pair
    if y == 0.0 and x == 0.0:
        return None, "the place 0, 0 is nowhere"
    if abs(y) <= 90 and abs(x) <= 180:
        return (y, x), None
    if abs(x) <= 90 and abs(y) <= 180:
        return (x, y), "latitude and longitude were exchanged"
    return None, f"{NO_DEGREES} {y:g}, {x:g}"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        if text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
        try:
            value = float(text.replace("\N{MINUS SIGN}", "-"))
        except ValueError:
            return None
    return value if isfinite(value) else None


def representative(geometry: dict[str, Any]) -> tuple[float, float] | None:
    """A point (lat, lon) that stands for a line or a surface of GeoJSON: the middle of its longest part.

    Of a surface it is the centre of its outer ring where that lies inside, else a corner. None when there is none.
    """
    try:
        part = max(_parts(geometry), key=len, default=[])
        points = [(float(point[0]), float(point[1])) for point in part]
    except (TypeError, ValueError, IndexError, KeyError, RecursionError):
        return None
    if not points:
        return None
    x, y = points[len(points) // 2]
    if "Polygon" in str(geometry.get("type")):
        centre = _centre(points)
        if centre is not None and _inside(centre, points):
            x, y = centre
    return y, x


def _parts(geometry: dict[str, Any]) -> list[list[Any]]:
    """The lines of a geometry; of each surface the outer ring."""
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        return [part for inner in geometry["geometries"] for part in _parts(inner)]
    coordinates: list[Any] = geometry["coordinates"]
    if kind == "Point":
        return [[coordinates]]
    if kind in ("MultiPoint", "LineString"):
        return [coordinates]
    if kind == "MultiLineString":
        return coordinates
    if kind == "Polygon":
        return coordinates[:1]
    return [polygon[0] for polygon in coordinates] if kind == "MultiPolygon" else []


def _centre(ring: list[tuple[float, float]]) -> tuple[float, float] | None:
    x0, y0 = ring[0]  # counted from a corner, so that small rings far from 0, 0 keep their digits
    surface = x = y = 0.0
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        cross = (ax - x0) * (by - y0) - (bx - x0) * (ay - y0)
        surface += cross
        x += (ax + bx - 2 * x0) * cross
        y += (ay + by - 2 * y0) * cross
    return (x0 + x / (3 * surface), y0 + y / (3 * surface)) if surface else None


def _inside(point: tuple[float, float], ring: list[tuple[float, float]]) -> bool:
    x, y = point
    crossings = 0
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            crossings += 1
    return crossings % 2 == 1
