"""Pictures of web maps are kept within a bound, and what cannot be read is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.cache.kept_tiles import KeptTile, KeptTiles

ADDRESS = "https://maps.example.org/{z}/{x}/{y}.png"
TILE = KeptTile(b"\x89PNG\n\n picture \n", 1000.0, 2000.0, '"v1"')


def test_what_is_put_comes_back_for_its_own_map_only(tmp_path: Path) -> None:
    tiles = KeptTiles(tmp_path, ADDRESS)
    assert tiles.get(3, 1, 2) is None
    tiles.put(3, 1, 2, TILE)
    assert tiles.get(3, 1, 2) == TILE
    assert tiles.get(3, 2, 1) is None
    assert KeptTiles(tmp_path, ADDRESS + "?other").get(3, 1, 2) is None
    assert KeptTiles(tmp_path, ADDRESS).get(3, 1, 2) == TILE


@pytest.mark.parametrize("body", [b"", b"{", b"{}\npicture", b"\xff" * 5000, b'{"fetched":"x"}\n'])
def test_what_cannot_be_read_is_not_there(tmp_path: Path, body: bytes) -> None:
    tiles = KeptTiles(tmp_path, ADDRESS)
    tiles.put(3, 1, 2, TILE)
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    file.write_bytes(body)
    assert tiles.get(3, 1, 2) is None


def test_the_oldest_go_first_of_all_maps_together(tmp_path: Path) -> None:
    tiles, other = (KeptTiles(tmp_path, address, most_bytes=40_000) for address in (ADDRESS, ADDRESS + "?other"))
    for n in range(5):
        for one in (tiles, other):
            one.put(9, n, 0, KeptTile(bytes(5_000), 0.0, 0.0, ""))
    for path in tmp_path.rglob("9-*"):
        os.utime(path, (int(path.name.split("-")[1]), int(path.name.split("-")[1])))
    tiles.tidy()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 40_000
    assert [tiles.get(9, n, 0) is not None for n in (0, 4)] == [False, True]
    assert other.get(9, 4, 0) is not None


def test_it_stays_within_its_bound_while_pictures_come(tmp_path: Path) -> None:
    tiles = KeptTiles(tmp_path, ADDRESS, most_bytes=100_000)
    for n in range(450):
        tiles.put(9, n, 0, KeptTile(bytes(1_000), 0.0, 0.0, ""))
    total = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert total <= 100_000 + 200 * 1_100
