"""A city map that has tiles and nothing else, for what only shows streets: written without building it."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from pathlib import Path

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from console.city_map.manifest import BASEMAP, FORMAT, Bounds, MapCounts, MapManifest, files_of, write_manifest

ZOOMS = (10, 14)
SOURCE = "© Makers of the map"


def put_map(folder: Path, bounds: Bounds, tile: Callable[[int, int, int], bytes]) -> Path:
    """A map of `bounds`; `tile` gives the vector tile of z, x, y, which is packed. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    places = [place for z in range(ZOOMS[0], ZOOMS[1] + 1) for place in _places(bounds, z)]
    west, south, east, north = (round(side * 1e7) for side in bounds)
    header = {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": ZOOMS[0],
        "center_lon_e7": west,
        "center_lat_e7": south,
    }
    with (folder / BASEMAP).open("wb") as file:
        writer = Writer(file)
        for place in sorted(places, key=lambda one: zxy_to_tileid(*one)):
            writer.write_tile(zxy_to_tileid(*place), gzip.compress(tile(*place)))
        writer.finalize(header, {"attribution": SOURCE})
    counts = MapCounts(roads=1, nodes=2, edges=1, places=0, houses=0, tiles=len(places))
    write_manifest(
        folder,
        MapManifest(FORMAT, "town", "0" * 64, "", "2026-11-30", bounds, counts, SOURCE, False, {}, files_of(folder)),
    )
    return folder


def tile_at(lat: float, lon: float, z: int) -> tuple[int, int, int]:
    """The address of the tile in which a place lies: z, x, y."""
    down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return z, int((lon + 180) / 360 * 2**z), int(down * 2**z)


def _places(bounds: Bounds, z: int) -> list[tuple[int, int, int]]:
    west, south, east, north = bounds
    _, left, top = tile_at(north, west, z)
    _, right, bottom = tile_at(south, east, z)
    return [(z, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]
