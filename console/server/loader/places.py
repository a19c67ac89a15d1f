"""Reads the place of a report from the columns of a file."""

from __future__ import annotations

import re

_POINT = re.compile(r"\s*\(?\s*(?P<lat>[-+\d.]+)\s*[,; ]\s*(?P<lon>[-+\d.]+)\s*\)?\s*")
_WKT = re.compile(r"\s*(?:SRID=4326;)?POINT\s*\(\s*(?P<lon>[-+\d.eE]+)\s+(?P<lat>[-+\d.eE]+)\s*\)\s*", re.IGNORECASE)


def read_place(lat: str, lon: str, point: str) -> tuple[tuple[float, float] | None, str | None]:
    """The place (lat, lon) or None, and a remark or None. No place at all is no remark."""
    if not lat and not lon:
        if not point:
            return None, None
        match = _WKT.fullmatch(point) or _POINT.fullmatch(point)
        if match is None:
            return None, f"unreadable place {point[:60]!r}"
        lat, lon = match["lat"], match["lon"]
    y, x = _number(lat), _number(lon)
    if y is None or x is None:
        return None, f"unreadable place {lat[:30]!r}, {lon[:30]!r}"
    if y == 0.0 and x == 0.0:
        return None, "the place 0, 0 is nowhere"
    if abs(y) <= 90 and abs(x) <= 180:
        return (y, x), None
    if abs(x) <= 90 and abs(y) <= 180:
        return (x, y), "latitude and longitude were exchanged"
    return None, f"no such place {lat[:30]!r}, {lon[:30]!r}"


def _number(text: str) -> float | None:
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    text = text.replace("\N{MINUS SIGN}", "-")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
