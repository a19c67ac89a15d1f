"""Tiles of the map's background come out of PMTiles and MBTiles, and a bad file is a sentence, not a fault."""

from __future__ import annotations

import gzip
import sqlite3
import threading
from pathlib import Path

import pytest
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from console.city_map.basemap import Basemap

MVT = b"\x1a\x05x\x02\n\x01a"
PNG = b"\x89PNG\r\n\x1a\n-one-tile"


def mbtiles(path: Path, rows: dict[tuple[int, int, int], bytes], **facts: str) -> Path:
    """Rows are keyed by z, x and the web's y."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        database.execute("CREATE TABLE tiles (zoom_level INT, tile_column INT, tile_row INT, tile_data BLOB)")
        database.executemany("INSERT INTO metadata VALUES (?, ?)", facts.items())
        packed = [(z, x, 2**z - 1 - y, body) for (z, x, y), body in rows.items()]
        database.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", packed)
    database.close()
    return path


def pmtiles(path: Path, rows: dict[tuple[int, int, int], bytes], kind: TileType, packing: Compression) -> Path:
    header = {
        "tile_type": kind,
        "tile_compression": packing,
        "min_lon_e7": 0,
        "min_lat_e7": 0,
        "max_lon_e7": 1,
        "max_lat_e7": 1,
        "center_zoom": 0,
        "center_lon_e7": 0,
        "center_lat_e7": 0,
    }
    with path.open("wb") as file:
        writer = Writer(file)
        for z, x, y in sorted(rows, key=lambda key: zxy_to_tileid(*key)):
            writer.write_tile(zxy_to_tileid(z, x, y), rows[z, x, y])
        writer.finalize(header, {"attribution": "<a href='https://x'>© Someone</a>"})
    return path


def opened(path: Path) -> Basemap:
    return Basemap(path.parent, path.name)


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    for nothing in (Basemap(None), Basemap(tmp_path)):
        assert (nothing.state(), nothing.kind, nothing.tile(0, 0, 0), nothing.problem) == (
            "unavailable",
            None,
            None,
            "",
        )


def test_profile_has_its_own_unless_a_file_is_named(tmp_path: Path) -> None:
    mbtiles(tmp_path / "basemap.mbtiles", {(0, 0, 0): PNG}, format="png")
    mbtiles(tmp_path / "other.mbtiles", {(0, 0, 0): MVT}, format="pbf")
    own, named = Basemap(tmp_path), Basemap(tmp_path, "other.mbtiles")
    assert (own.kind, named.kind) == ("raster", "vector")
    own.close()
    named.close()


def test_mbtiles_count_from_the_south(tmp_path: Path) -> None:
    path = mbtiles(tmp_path / "a.mbtiles", {(2, 1, 0): gzip.compress(MVT), (2, 1, 3): b"\x1asouth"}, format="pbf")
    base = opened(path)
    assert (base.state(), base.kind, base.zooms) == ("ok", "vector", (2, 2))
    assert base.tile(2, 1, 0) == (MVT, "application/x-protobuf")
    assert base.tile(2, 1, 3) == (b"\x1asouth", "application/x-protobuf")
    assert base.tile(2, 0, 0) is None
    base.close()


@pytest.mark.parametrize("packing", [Compression.GZIP, Compression.NONE])
def test_pmtiles(tmp_path: Path, packing: Compression) -> None:
    body = gzip.compress(MVT) if packing is Compression.GZIP else MVT
    base = opened(pmtiles(tmp_path / "a.pmtiles", {(1, 0, 1): body, (3, 5, 2): body}, TileType.MVT, packing))
    assert (base.kind, base.zooms, base.attribution) == ("vector", (1, 3), "© Someone")
    assert base.tile(3, 5, 2) == (MVT, "application/x-protobuf")
    assert base.tile(3, 5, 3) is None
    base.close()


def test_pictures_keep_their_type(tmp_path: Path) -> None:
    base = opened(mbtiles(tmp_path / "a.mbtiles", {(0, 0, 0): PNG}, format="png"))
    assert (base.kind, base.tile(0, 0, 0)) == ("raster", (PNG, "image/png"))
    base.close()


@pytest.mark.parametrize("address", [(-1, 0, 0), (0, 1, 0), (3, 8, 0), (3, 0, -1), (99, 0, 0)])
def test_addresses_that_are_none(tmp_path: Path, address: tuple[int, int, int]) -> None:
    base = opened(mbtiles(tmp_path / "a.mbtiles", {(0, 0, 0): PNG}, format="png"))
    assert base.tile(*address) is None
    base.close()


def test_damaged_and_oversized_tiles_are_not_there(tmp_path: Path) -> None:
    rows = {
        (2, 0, 0): gzip.compress(MVT),
        (2, 1, 0): gzip.compress(MVT)[:-9],
        (2, 2, 0): gzip.compress(bytes(64 * 2**20)),
        (2, 3, 0): b"\x1f\x8bgarbage",
    }
    base = opened(mbtiles(tmp_path / "a.mbtiles", rows, format="pbf"))
    assert base.tile(2, 0, 0) is not None
    assert base.tile(2, 1, 0) is None
    assert base.tile(2, 2, 0) is None
    assert base.tile(2, 3, 0) is None
    base.close()


def damaged(tmp_path: Path) -> dict[str, Path]:
    good = pmtiles(tmp_path / "good.pmtiles", {(0, 0, 0): MVT}, TileType.MVT, Compression.NONE).read_bytes()
    files = {
        "text": b"hello",
        "empty": b"",
        "version 2": b"PM\x02\x00" + good[4:],
        "cut": good[:40],
        "brotli": good[:98] + b"\x03" + good[99:],
        "no database": b"SQLite format 3\0" + bytes(5000),
    }
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    mbtiles(tmp_path / "no tiles", {}, format="png")
    mbtiles(tmp_path / "unknown format", {(0, 0, 0): b"\xff" * 20})
    return {name: tmp_path / name for name in [*files, "no tiles", "unknown format", "missing"]}


def test_bad_files_are_sentences(tmp_path: Path) -> None:
    for name, path in damaged(tmp_path).items():
        base = opened(path)
        assert base.state() == "unavailable", name
        assert base.problem.startswith(name), base.problem
        assert base.problem.endswith("."), base.problem
        assert base.tile(0, 0, 0) is None


def test_many_threads_read_one_file(tmp_path: Path) -> None:
    rows = {(4, x, y): gzip.compress(MVT + bytes([x, y])) for x in range(16) for y in range(16)}
    bases = [
        opened(mbtiles(tmp_path / "a.mbtiles", rows, format="pbf")),
        opened(pmtiles(tmp_path / "a.pmtiles", rows, TileType.MVT, Compression.GZIP)),
    ]
    wrong: list[object] = []

    def read() -> None:
        for z, x, y in rows:
            for base in bases:
                found = base.tile(z, x, y)
                if found is None or found[0] != MVT + bytes([x, y]):
                    wrong.append((z, x, y))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for base in bases:
        base.close()
    assert not wrong


def test_real_files(city_data: Path) -> None:
    seen = {path.name: opened(path) for path in sorted((city_data / "tiles").iterdir())}
    seen |= {path.name: opened(path) for path in (city_data / "jakarta").glob("jakarta_base.*")}
    assert {name: base.kind for name, base in seen.items()} == {
        "geography-class-png.mbtiles": "raster",
        "invalid-tile-format.mbtiles": None,
        "png.pmtiles": "raster",
        "uncompressed_mvt.mbtiles": "vector",
        "webp.mbtiles": "raster",
        "webp2.pmtiles": "raster",
        "world_cities_vector.mbtiles": "vector",
        "jakarta_base.mbtiles": "vector",
        "jakarta_base.pmtiles": "vector",
    }
    assert seen["geography-class-png.mbtiles"].tile(0, 0, 0) is not None
    both = [seen[f"jakarta_base.{kind}"].tile(11, 1632, 1059) for kind in ("mbtiles", "pmtiles")]
    assert both[0] is not None
    assert both[0] == both[1]
    for base in seen.values():
        base.close()
