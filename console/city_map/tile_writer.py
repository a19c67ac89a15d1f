"""Cut layers of shapes into vector tiles and write them as one PMTiles file (docs/map-tiles.md)."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from console.city_map.manifest import Bounds
from console.city_map.progress import Progress

EXTENT = 4096
BUFFER = 96
LOWEST_ZOOM, HIGHEST_ZOOM = 8, 14

Fields = tuple[tuple[str, str], ...]
"""The fields of a feature in a tile: (name, value) each."""

_PX = 512
_SIMPLER_PX, _SIMPLER_PX_AT_HIGHEST = 1.6, 0.6
_SMALLEST_PX = 1.2
_MOST_LATITUDE = 85.0
_EVERY = 100


class Shape(IntEnum):
    """The kinds of geometry of a vector tile."""

    POINT = 1
    LINE = 2
    AREA = 3


@dataclass(frozen=True)
class Layer:
    """Shapes that are drawn alike.

    `shapes` are shapely geometries in the unit square of the web's projection (see `mercator`), all of one kind;
    `first_zooms` is the zoom that each is drawn from, `last_zooms` the last one at which it is (None: all to the
    highest); `fields(index, zoom)` is what a tile of that zoom says of it.
    """

    name: str
    kind: Shape
    shapes: NDArray[Any]
    first_zooms: NDArray[Any]
    fields: Callable[[int, int], Fields]
    last_zooms: NDArray[Any] | None = None


@dataclass(frozen=True)
class _Zoomed:
    """A layer at one zoom: its simplified shapes, sorted by the tiles that they touch."""

    layer: Layer
    shapes: NDArray[Any]
    bounds: NDArray[Any]
    fields: tuple[Fields, ...]
    field_of: NDArray[Any]
    tiles: NDArray[Any]
    """The tile of each pair of tile and shape, ascending."""
    members: NDArray[Any]
    """The shape of each pair."""


def mercator(shapes: NDArray[Any]) -> NDArray[Any]:
    """Shapes in degrees (lon, lat), as shapes in the unit square of the web's projection, y from the north."""

    def project(degrees: NDArray[Any]) -> NDArray[Any]:
        latitude = np.radians(np.clip(degrees[:, 1], -_MOST_LATITUDE, _MOST_LATITUDE))
        y = np.log(np.tan(np.pi / 4 + latitude / 2))
        return np.stack([(degrees[:, 0] + 180) / 360, (1 - y / np.pi) / 2], 1)

    moved: NDArray[Any] = shapely.transform(shapes, project)
    return moved


def write_tiles(
    path: Path,
    layers: Sequence[Layer],
    bounds: Bounds,
    metadata: dict[str, Any],
    progress: Progress,
) -> int:
    """Write all tiles of the zooms 8 to 14. Returns how many; `progress` gets words and the share that is done.

    Raises OSError.
    """
    west, south, east, north = bounds
    written = 0
    with path.open("wb") as file:
        out: Any = Writer(file)  # type: ignore[no-untyped-call]  # the package has no types
        try:
            # In the order of their ids, as readers expect; ids grow with the zoom.
            for zoom in range(LOWEST_ZOOM, HIGHEST_ZOOM + 1):
                for tile_id, data in sorted(_tiles_of(layers, zoom, progress)):
                    out.write_tile(tile_id, data)
                    written += 1
            out.finalize(
                {
                    "tile_type": TileType.MVT,
                    "tile_compression": Compression.GZIP,
                    "min_lon_e7": round(west * 1e7),
                    "min_lat_e7": round(south * 1e7),
                    "max_lon_e7": round(east * 1e7),
                    "max_lat_e7": round(north * 1e7),
                    "center_zoom": 11,
                    "center_lon_e7": round((west + east) / 2 * 1e7),
                    "center_lat_e7": round((south + north) / 2 * 1e7),
                },
                metadata | {"vector_layers": [{"id": one.name, "fields": _described(one.name)} for one in layers]},
            )
        finally:
            out.tile_f.close()
    return written


def _described(layer: str) -> dict[str, str]:
    return {"k": "String", "name": "String"} | ({"toll": "String"} if layer == "road" else {})


def _tiles_of(layers: Sequence[Layer], zoom: int, progress: Progress) -> Iterator[tuple[int, bytes]]:
    """(PMTiles id, packed tile) of every tile of a zoom that has anything in it."""
    zoomed = [found for found in (_zoomed(layer, zoom) for layer in layers) if found is not None]
    wanted = np.unique(np.concatenate([one.tiles for one in zoomed])) if zoomed else np.zeros(0, np.int64)
    size = 2**zoom
    for at, tile in enumerate(wanted.tolist()):
        if at % _EVERY == 0:
            progress(f"tiles z{zoom}: {at} of {len(wanted)}", _share(zoom, at / len(wanted)))
        y, x = divmod(tile, size)
        body = b"".join(_encoded_layer(one, tile, x, y, zoom) for one in zoomed)
        if body:
            # Without a time in it: the same file gives the same map.
            yield zxy_to_tileid(zoom, x, y), gzip.compress(body, 6, mtime=0)


def _share(zoom: int, of_zoom: float) -> float:
    """How much of all tiles is done; each zoom is about twice the work of the one before."""
    done, whole = 2.0 ** (zoom - LOWEST_ZOOM), 2.0 ** (HIGHEST_ZOOM - LOWEST_ZOOM + 1) - 1
    return (done - 1 + done * of_zoom) / whole


def _zoomed(layer: Layer, zoom: int) -> _Zoomed | None:
    shown = layer.first_zooms <= zoom
    if layer.last_zooms is not None:
        shown &= layer.last_zooms >= zoom
    pick = np.flatnonzero(shown)
    if not len(pick):
        return None
    size = 2**zoom
    shapes = layer.shapes[pick]
    bounds = shapely.bounds(shapes)
    if layer.kind is not Shape.POINT:
        pixels = _SIMPLER_PX_AT_HIGHEST if zoom == HIGHEST_ZOOM else _SIMPLER_PX
        smallest = _SMALLEST_PX / size / _PX
        large = (bounds[:, 2] - bounds[:, 0] >= smallest) | (bounds[:, 3] - bounds[:, 1] >= smallest)
        pick, bounds = pick[large], bounds[large]
        shapes = shapely.simplify(shapes[large], pixels / size / _PX, preserve_topology=layer.kind is Shape.AREA)
    if not len(pick):
        return None
    fields: dict[Fields, int] = {}
    field_of = np.array([fields.setdefault(layer.fields(index, zoom), len(fields)) for index in pick.tolist()])
    pad = BUFFER / EXTENT / size
    first = np.clip(np.floor((bounds[:, :2] - pad) * size), 0, size - 1).astype(np.int64)
    last = np.clip(np.floor((bounds[:, 2:] + pad) * size), 0, size - 1).astype(np.int64)
    columns, rows = (last - first + 1).T
    count = columns * rows
    members = np.repeat(np.arange(len(pick)), count)
    nth = np.arange(len(members)) - np.repeat(np.cumsum(count) - count, count)
    row, column = np.divmod(nth, columns[members])
    tiles = (first[members, 1] + row) * size + first[members, 0] + column
    order = np.argsort(tiles, kind="stable")
    return _Zoomed(layer, shapes, bounds, tuple(fields), field_of, tiles[order], members[order])


def _encoded_layer(zoomed: _Zoomed, tile: int, x: int, y: int, zoom: int) -> bytes:
    """The layer's part of one tile; empty where nothing of it is in the tile."""
    at, end = np.searchsorted(zoomed.tiles, (tile, tile + 1))
    if at == end:
        return b""
    members, size = zoomed.members[at:end], 2**zoom
    pad = BUFFER / EXTENT / size
    box = (x / size - pad, y / size - pad, (x + 1) / size + pad, (y + 1) / size + pad)
    shapes, bounds = zoomed.shapes[members], zoomed.bounds[members]
    cut = (bounds[:, 0] < box[0]) | (bounds[:, 1] < box[1]) | (bounds[:, 2] > box[2]) | (bounds[:, 3] > box[3])
    if cut.any():
        shapes = shapes.copy()
        shapes[cut] = shapely.clip_by_rect(shapes[cut], *box)
    points, line, owner = _pieces(shapes, zoomed.layer.kind)
    if not len(points):
        return b""
    points = np.round((points * size - (x, y)) * EXTENT).astype(np.int64)
    features = _features(points, line, zoomed.field_of[members][owner], zoomed.layer.kind)
    return _layer_bytes(zoomed.layer, [(zoomed.fields[field], commands) for field, commands in features])


def _pieces(shapes: NDArray[Any], kind: Shape) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(points, line or ring of each point, index in `shapes` of each line or ring)."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    if kind is Shape.AREA:
        areas = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
        parts, owner = parts[areas], owner[areas]
        # y is counted down: what is anticlockwise by the numbers has the positive area that the format wants.
        parts, ring_owner = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
        owner = owner[ring_owner]
    points, line = shapely.get_coordinates(parts, return_index=True)
    return points, line, owner


def _features(
    points: NDArray[Any], line: NDArray[Any], field_of_line: NDArray[Any], kind: Shape
) -> Iterator[tuple[int, bytes]]:
    """(index of its fields, commands) of each feature: all lines, rings or points with the same fields are one."""
    if kind is not Shape.POINT:
        keep = np.ones(len(points), bool)
        keep[1:] = (points[1:] != points[:-1]).any(1) | (line[1:] != line[:-1])
        if kind is Shape.AREA:  # a ring's last point is its first one
            keep[:-1] &= line[1:] == line[:-1]
            keep[-1] = False
        points, line = points[keep], line[keep]
        least = 3 if kind is Shape.AREA else 2
        enough = np.bincount(line, minlength=len(field_of_line)) >= least
        points, line = points[enough[line]], line[enough[line]]
    if not len(points):
        return
    field = field_of_line[line]
    order = np.argsort(field, kind="stable")
    points, line, field = points[order], line[order], field[order]
    starts = np.flatnonzero(np.diff(field, prepend=-1))
    numbers, begins = _commands(points, line, starts, kind)
    packed, ends = _varints(numbers)
    bounds = [0, *ends[begins[1:] - 1].tolist(), len(packed)]
    for at, one in enumerate(field[starts].tolist()):
        yield one, packed[bounds[at] : bounds[at + 1]]


def _commands(
    points: NDArray[Any], line: NDArray[Any], starts: NDArray[Any], kind: Shape
) -> tuple[NDArray[Any], NDArray[Any]]:
    """(the geometry of all features as numbers, where each feature begins); `starts` are their first points."""
    before = np.vstack([np.zeros((1, 2), np.int64), points[:-1]])
    before[starts] = 0
    delta = points - before
    zigzag = (delta << 1) ^ (delta >> 63)
    if kind is Shape.POINT:  # move to so many, x, y, x, y …
        counts = np.diff(starts, append=len(points))
        at = 2 * np.arange(len(points)) + np.repeat(np.arange(len(starts)), counts) + 1
        begins = at[starts] - 1
        out = np.zeros(2 * len(points) + len(starts), np.int64)
        out[begins] = counts << 3 | 1
        out[at], out[at + 1] = zigzag[:, 0], zigzag[:, 1]
        return out, begins
    lines = np.flatnonzero(np.diff(line, prepend=-1))
    counts = np.diff(lines, append=len(line))
    # A line is: move to 1, x, y, draw to so many, x, y, x, y …; a ring ends with: close.
    extra = 3 if kind is Shape.AREA else 2
    at = 2 * np.arange(len(points)) + extra * np.repeat(np.arange(len(lines)), counts) + 2
    at[lines] -= 1
    out = np.zeros(2 * len(points) + extra * len(lines), np.int64)
    out[at], out[at + 1] = zigzag[:, 0], zigzag[:, 1]
    heads = at[lines] - 1
    out[heads] = 1 << 3 | 1
    out[heads + 3] = (counts - 1) << 3 | 2
    if kind is Shape.AREA:
        out[heads + 2 * counts + 2] = 1 << 3 | 7
    return out, at[starts] - 1


def _layer_bytes(layer: Layer, features: Sequence[tuple[Fields, bytes]]) -> bytes:
    if not features:
        return b""
    keys: dict[str, int] = {}
    values: dict[str, int] = {}
    parts = []
    for fields, commands in features:
        tags = b""
        for key, value in fields:
            tags += _varint(keys.setdefault(key, len(keys))) + _varint(values.setdefault(value, len(values)))
        parts.append(_field(2, _field(2, tags) + b"\x18" + bytes([layer.kind]) + _field(4, commands)))
    body = _field(1, layer.name.encode()) + b"".join(parts)
    body += b"".join(_field(3, key.encode()) for key in keys)
    body += b"".join(_field(4, _field(1, value.encode())) for value in values)
    return _field(3, body + b"\x28" + _varint(EXTENT) + b"\x78\x02")


def _field(number: int, body: bytes) -> bytes:
    """A field of protobuf that holds bytes."""
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varints(values: NDArray[Any]) -> tuple[bytes, NDArray[Any]]:
    """(numbers from 0 to 2**28 - 1 in protobuf's variable-length form, one after another; where each ends)."""
    wide = values.astype(np.uint32)
    length = 1 + (wide >= 1 << 7).astype(np.uint8) + (wide >= 1 << 14) + (wide >= 1 << 21)
    out = np.zeros((len(wide), 4), np.uint8)
    for byte in range(4):
        out[:, byte] = ((wide >> (7 * byte)) & 127) | np.where(length > byte + 1, 128, 0)
    return out[np.arange(4) < length[:, None]].tobytes(), np.cumsum(length, dtype=np.int64)
