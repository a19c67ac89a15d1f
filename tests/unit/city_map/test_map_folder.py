"""A reader has the old map or the new one, whole; leavings go; nothing leads out of the folder."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from console.city_map.manifest import (
    FORMAT,
    MANIFEST,
    MapCounts,
    MapManifest,
    UnreadableMap,
    faults,
    files_of,
    read_manifest,
    write_manifest,
)
from console.city_map.map_folder import MapFolder, current_basemap, current_manifest, current_map, maps_of
from console.files.errors import LockedByOther

NAME = "20261130T120000-0123abcd"


def made(folder: Path, source: str = "town.osm.pbf") -> MapManifest:
    (folder / "basemap.pmtiles").write_bytes(b"tiles of " + source.encode())
    manifest = MapManifest(
        format=FORMAT,
        source=source,
        source_sha256="0123abcd" * 8,
        dated="2026-11-01",
        built="2026-11-30T12:00:00Z",
        bounds=(106.8, -6.3, 106.9, -6.2),
        counts=MapCounts(1, 2, 1, 0, 0, 1),
        attribution="© A",
        invented=True,
        left_out={},
        files=files_of(folder),
    )
    write_manifest(folder, manifest)
    return manifest


def adopted(profile: Path, source: str = "town.osm.pbf", name: str = NAME) -> Path:
    maps = MapFolder(profile)
    try:
        fresh = maps.begin()
        made(fresh, source)
        return maps.adopt(fresh, name)
    finally:
        maps.release()


def test_without_a_map_there_is_none(tmp_path: Path) -> None:
    assert current_map(tmp_path) is None
    assert current_manifest(tmp_path) is None
    assert current_basemap(tmp_path) is None


def test_a_map_that_is_taken_is_the_one_in_use(tmp_path: Path) -> None:
    folder = adopted(tmp_path)
    assert current_map(tmp_path) == folder == maps_of(tmp_path) / NAME
    assert current_basemap(tmp_path) == folder / "basemap.pmtiles"
    manifest = current_manifest(tmp_path)
    assert manifest is not None
    assert (manifest.source, manifest.bytes, faults(folder, manifest)) == ("town.osm.pbf", 21, [])


def test_two_of_one_second_have_two_names(tmp_path: Path) -> None:
    assert adopted(tmp_path).name == NAME
    assert adopted(tmp_path, "other").name == f"{NAME}-2"
    manifest = current_manifest(tmp_path)
    assert manifest is not None
    assert manifest.source == "other"


def test_a_map_without_a_manifest_is_not_taken(tmp_path: Path) -> None:
    before = adopted(tmp_path)
    maps = MapFolder(tmp_path)
    fresh = maps.begin()
    (fresh / "basemap.pmtiles").write_bytes(b"half")
    with pytest.raises(UnreadableMap):
        maps.adopt(fresh, NAME)
    maps.release()
    assert current_map(tmp_path) == before


def test_leavings_go_and_maps_that_are_out_of_use_only_when_wanted(tmp_path: Path) -> None:
    old, new = adopted(tmp_path, "old"), adopted(tmp_path, "new")
    (maps_of(tmp_path) / "mine.txt").write_text("not ours")
    maps = MapFolder(tmp_path)
    left = maps.begin()
    (left / "streets").mkdir()
    (left / "streets" / "node.npy").write_bytes(b"half")
    maps.clear_up(old_maps=False)
    assert not left.exists()
    assert old.is_dir()
    maps.clear_up(old_maps=True)
    maps.release()
    assert not old.exists()
    assert current_map(tmp_path) == new
    assert {path.name for path in maps_of(tmp_path).iterdir()} == {new.name, "current", ".lock", "mine.txt"}


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    adopted(tmp_path)
    maps = MapFolder(tmp_path)
    assert maps.remove()
    assert not maps.remove()
    maps.release()
    assert current_map(tmp_path) is None
    assert {path.name for path in maps_of(tmp_path).iterdir()} == {".lock"}


def test_one_at_a_time(tmp_path: Path) -> None:
    maps = MapFolder(tmp_path)
    with pytest.raises(LockedByOther):
        MapFolder(tmp_path)
    maps.release()
    MapFolder(tmp_path).release()


@pytest.mark.parametrize("name", ["../../etc", "..", ".new-x", "", "/etc", "20261130T120000-0123abcd/..", "\udc80"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    adopted(tmp_path)
    (maps_of(tmp_path) / ".new-x").mkdir()
    (maps_of(tmp_path) / "current").write_bytes(name.encode("utf-8", "surrogatepass"))
    assert current_map(tmp_path) is None


def test_a_map_that_is_not_there_is_none(tmp_path: Path) -> None:
    maps_of(tmp_path).mkdir()
    (maps_of(tmp_path) / "current").write_text(NAME)
    assert current_map(tmp_path) is None
    assert current_basemap(tmp_path) is None


def test_a_map_of_another_version_says_so_and_is_not_read(tmp_path: Path) -> None:
    folder = adopted(tmp_path)
    manifest = read_manifest(folder)
    write_manifest(folder, msgspec.structs.replace(manifest, format=FORMAT + 1))
    with pytest.raises(UnreadableMap, match="another version"):
        read_manifest(folder)
    with pytest.raises(UnreadableMap, match="another version"):
        current_basemap(tmp_path)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"format": %d}' % FORMAT, b"\xff", b"[" * 100_000])
def test_a_damaged_manifest_says_so(tmp_path: Path, body: bytes) -> None:
    folder = adopted(tmp_path)
    (folder / MANIFEST).write_bytes(body)
    with pytest.raises(UnreadableMap, match="damaged"):
        current_basemap(tmp_path)


def test_faults_are_named(tmp_path: Path) -> None:
    manifest = made(tmp_path)
    assert faults(tmp_path, manifest) == []
    path = tmp_path / "basemap.pmtiles"
    body = path.read_bytes()
    path.write_bytes(body[:-1] + b"X")
    assert faults(tmp_path, manifest) == ["basemap.pmtiles has another content."]
    path.write_bytes(body + b"X")
    assert faults(tmp_path, manifest) == ["basemap.pmtiles has another size."]
    path.unlink()
    assert faults(tmp_path, manifest) == ["basemap.pmtiles can't be read: No such file or directory."]
