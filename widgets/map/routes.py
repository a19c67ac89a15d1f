"""The addresses the map page may ask for: one pure function from a path to what is meant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["reports", "areas", "closures", "tiles", "pictures"]

ORIGIN = "sigap://map"
PAGE_PATH = "/index.html"

_LONGEST = 300
_MAX_SIDE_PX = 8192
_MAX_NUMBER = 2**31 - 1
_MAX_ZOOM = 24


@dataclass(frozen=True, slots=True)
class Request:
    """What the page wants to draw; the fields that its kind does not use are zero.

    reports: `number` (of the View), `zoom`, the box in degrees, its size in CSS pixels. areas, closures: `number`
    (version). tiles: `z`, `x`, `y`. pictures (of a web map): the same, and `number`, which is another at each further
    try.
    """

    kind: Kind
    number: int = 0
    zoom: float = 0.0
    west: float = 0.0
    south: float = 0.0
    east: float = 0.0
    north: float = 0.0
    width: int = 0
    height: int = 0
    z: int = 0
    x: int = 0
    y: int = 0


def parse(path: str) -> Request | None:
    """The request that `path` stands for; None when it is not one of the four forms or a number is out of range."""
    if len(path) > _LONGEST:
        return None
    try:
        match path.split("/"):
            case ["", "data", "reports", view, zoom, box, size]:
                return _reports(view, zoom, box, size)
            case ["", "data", ("areas" | "closures") as kind, version]:
                return Request(kind, number=_whole(version, _MAX_NUMBER))
            case ["", "tiles", z, x, y]:
                level = _whole(z, _MAX_ZOOM)
                last = 2**level - 1
                return Request("tiles", z=level, x=_whole(x, last), y=_whole(y, last))
            case ["", "pictures", number, z, x, y]:
                level = _whole(z, _MAX_ZOOM)
                last = 2**level - 1
                again = _whole(number, _MAX_NUMBER)
                return Request("pictures", number=again, z=level, x=_whole(x, last), y=_whole(y, last))
    except ValueError:
        pass
    return None


def own_version(path: str, name: str) -> bool:
    """Whether `path` is `/data/{name}/{version}`, one of the documents that the panel itself serves."""
    head, _, version = path.rpartition("/")
    return head == f"/data/{name}" and version.isascii() and version.isdecimal() and len(version) < 12


def _reports(view: str, zoom: str, box: str, size: str) -> Request:
    west, south, east, north = (_degrees(part) for part in box.split(","))
    width, height = (_whole(part, _MAX_SIDE_PX) for part in size.split("x"))
    level = _number(zoom)
    if not (0 <= level <= _MAX_ZOOM and west < east and south < north and width and height):
        raise ValueError(box)
    return Request("reports", _whole(view, _MAX_NUMBER), level, west, south, east, north, width, height)


def _whole(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 10:
        raise ValueError(text)
    value = int(text)
    if value > most:
        raise ValueError(text)
    return value


def _number(text: str) -> float:
    if not text.isascii() or len(text) > 24:
        raise ValueError(text)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _degrees(text: str) -> float:
    value = _number(text)
    if abs(value) > 720:
        raise ValueError(text)
    return value
