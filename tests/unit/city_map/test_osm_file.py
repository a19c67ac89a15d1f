"""What is no map of a city is refused before any of it is unpacked, in a sentence."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from console.city_map.errors import DamagedOsmFile, MoreThanACity, NotAnOsmFile
from console.city_map.osm_file import examine_file
from tests.helpers.osm_town import block, grid_town, header_block


def nothing(_words: str, _share: float) -> None:
    pass


def written(folder: Path, body: bytes) -> Path:
    path = folder / "city.osm.pbf"
    path.write_bytes(body)
    return path


def test_an_honest_file_is_known_by_size_and_hash(tmp_path: Path) -> None:
    path = grid_town().write(tmp_path / "town.osm.pbf")
    found = examine_file(path, nothing, boxed=False)
    assert (found.size, found.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("body", [b"", b"\x00", b"PK\x03\x04 a zip", b"<osm></osm>", bytes(1000), b"\xff" * 1000])
def test_another_kind_of_file_is_none(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(NotAnOsmFile, match=r"city\.osm\.pbf is no file of OpenStreetMap data"):
        examine_file(written(tmp_path, body), nothing, boxed=False)


def test_a_file_that_begins_with_data_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotAnOsmFile):
        examine_file(written(tmp_path, block("OSMData", b"x")), nothing, boxed=False)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.osm.pbf")
    with pytest.raises(NotAnOsmFile, match="device"):
        examine_file(tmp_path / "pipe.osm.pbf", nothing, boxed=False)


def test_a_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotAnOsmFile, match="folder"):
        examine_file(tmp_path, nothing, boxed=False)


def test_a_file_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    whole = grid_town().write(tmp_path / "town.osm.pbf").read_bytes()
    with pytest.raises(DamagedOsmFile, match="cut off"):
        examine_file(written(tmp_path, whole[:-10]), nothing, boxed=False)
    with pytest.raises(DamagedOsmFile, match="damaged at byte"):
        examine_file(written(tmp_path, whole + b"\x00\x00"), nothing, boxed=False)


def test_blocks_that_unpack_to_far_more_than_a_map_are_not_read(tmp_path: Path) -> None:
    bomb = header_block() + block("OSMData", bytes(20 * 2**20)) * 8
    assert len(bomb) < 200_000
    with pytest.raises(DamagedOsmFile, match="made to do harm"):
        examine_file(written(tmp_path, bomb), nothing, boxed=False)


def test_a_file_that_is_more_than_a_city_asks_for_a_part(tmp_path: Path) -> None:
    path = grid_town().write(tmp_path / "town.osm.pbf")
    with pytest.raises(MoreThanACity, match="--box WEST,SOUTH,EAST,NORTH"):
        examine_file(path, nothing, boxed=False, most_bytes=1000)
    assert examine_file(path, nothing, boxed=True, most_bytes=1000).size > 1000
