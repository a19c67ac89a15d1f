"""Vector tiles (MVT) of a few features, for tests: written from places in degrees, or byte by byte to be wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

EXTENT = 4096
POINT, LINE, AREA = 1, 2, 3

Place = tuple[float, float]
"""Latitude and longitude in degrees."""


@dataclass(frozen=True)
class TileFeature:
    """What a tile has of one thing; the last place of an area is not the first."""

    kind: int
    places: Sequence[Place]
    tags: Mapping[str, str | int | bool] = field(default_factory=dict)


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(number: int, body: bytes) -> bytes:
    """A field with its own length."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def numbers(*values: int) -> bytes:
    """Packed numbers."""
    return b"".join(map(varint, values))


def command(what: int, count: int) -> int:
    """1 begins, 2 goes on, 7 closes."""
    return count << 3 | what


def feature(kind: int, geometry: bytes, tags: bytes = b"") -> bytes:
    """One feature of a layer."""
    return message(2, (message(2, tags) if tags else b"") + b"\x18" + varint(kind) + message(4, geometry))


def layer(
    name: str, features: Sequence[bytes], keys: Sequence[str] = (), values: Sequence[str | int | bool] = ()
) -> bytes:
    """One layer of a tile, version 2."""
    body = message(1, name.encode()) + b"".join(features) + b"".join(message(3, key.encode()) for key in keys)
    return message(
        3, body + b"".join(message(4, _value(one)) for one in values) + b"\x28" + varint(EXTENT) + b"\x78\x02"
    )


def tile(z: int, x: int, y: int, layers: Mapping[str, Sequence[TileFeature]]) -> bytes:
    """The tile with all these features, whether they reach it or not."""
    out = b""
    for name, features in layers.items():
        keys: dict[str, int] = {}
        values: dict[str | int | bool, int] = {}
        written = []
        for one in features:
            tags = [
                index
                for key, value in one.tags.items()
                for index in (keys.setdefault(key, len(keys)), values.setdefault(value, len(values)))
            ]
            written.append(feature(one.kind, _geometry(one, z, x, y), numbers(*tags)))
        out += layer(name, written, list(keys), list(values))
    return out


def _geometry(one: TileFeature, z: int, x: int, y: int) -> bytes:
    points = [_in_tile(place, z, x, y) for place in one.places]
    steps = [(a - c, b - d) for (a, b), (c, d) in zip(points, [(0, 0), *points], strict=False)]
    zigzag = [value << 1 if value >= 0 else (-value << 1) - 1 for step in steps for value in step]
    if one.kind == POINT:
        return numbers(command(1, len(points)), *zigzag)
    closed = [command(7, 1)] if one.kind == AREA else []
    return numbers(command(1, 1), *zigzag[:2], command(2, len(points) - 1), *zigzag[2:], *closed)


def _in_tile(place: Place, z: int, x: int, y: int) -> tuple[int, int]:
    lat, lon = place
    across = (lon + 180) / 360 * 2**z - x
    down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z - y
    return round(across * EXTENT), round(down * EXTENT)


def _value(value: str | int | bool) -> bytes:
    if isinstance(value, bool):
        return b"\x38" + varint(int(value))
    return message(1, value.encode()) if isinstance(value, str) else b"\x28" + varint(value)
