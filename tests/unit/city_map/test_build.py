"""A map is built by a child process, and is there whole or not at all, whatever becomes of the child."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from console.city_map.basemap import Basemap
from console.city_map.build_process import BuiltMap, MapBuilder
from console.city_map.errors import (
    Cancelled,
    DamagedOsmFile,
    MapBuildError,
    NotAnOsmFile,
    NothingInIt,
    OutOfMemory,
)
from console.city_map.manifest import faults, read_manifest
from console.city_map.map_folder import MapFolder, current_map, maps_of
from console.city_map.router import Router
from console.city_map.search import Gazetteer
from console.files.errors import DiskFull, LockedByOther, NotWritable
from tests.helpers.osm_town import block, crossing, grid_town, header_block, place
from tests.unit.city_map.test_map_folder import adopted

LIMITED = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))
runpy.run_module("console.city_map.build_worker", run_name="__main__")
"""
STAGES = ("examine_file", "read_osm", "write_tiles", "make_streets", "write_places", "files_of", "write_manifest")
STOPS_AT = """
import runpy, sys, time
import console.city_map.build as build
def stop(*_arguments, **_named):
    {how}
build.{stage} = stop
runpy.run_module("console.city_map.build_worker", run_name="__main__")
"""


def nothing(_words: str, _share: float) -> None:
    pass


def closed() -> bool:
    return False


def child(text: str) -> list[str]:
    """A child that does something else than build; it gets the same arguments."""
    return [sys.executable, "-c", text]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grid_town().write(tmp_path_factory.mktemp("town") / "town.osm.pbf")


def assert_only(profile: Path, old: Path) -> None:
    """The old map is in use, and nothing of the new one is left."""
    assert current_map(profile) == old
    assert faults(old, read_manifest(old)) == []
    assert {path.name for path in maps_of(profile).iterdir()} == {old.name, "current", ".lock"}


def test_a_town_becomes_a_map_that_all_parts_read(tmp_path: Path, town: Path) -> None:
    told: list[tuple[str, float]] = []
    built = MapBuilder(tmp_path).build(town, None, lambda *line: told.append(line), window_open=closed)
    manifest = built.manifest
    assert current_map(tmp_path) == built.folder
    assert faults(built.folder, manifest) == []
    assert (manifest.source, manifest.invented) == ("town.osm.pbf", True)
    assert manifest.attribution == "Demo city: streets invented"
    assert manifest.dated == "2026-11-01T00:00:00Z"
    assert (manifest.counts.roads, manifest.counts.edges, manifest.counts.nodes) == (40, 40, 25)
    assert manifest.counts.houses == 9
    assert manifest.bounds == pytest.approx((*place(0, 0)[::-1], *place(4, 4)[::-1]))
    assert manifest.left_out == {}
    assert set(manifest.files) >= {"basemap.pmtiles", "places.db", "streets/node.npy"}
    assert built.duration_s > 0
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1][1] > 0.8
    router, gazetteer = Router(built.folder / "streets"), Gazetteer(built.folder / "places.db")
    (found,) = gazetteer.find("stasiun tebet")
    leg = router.route(place(0, 0), (found.lat, found.lon))
    assert leg is not None
    assert leg.travel.metres > 800
    gazetteer.close()


def test_the_background_is_that_of_the_map_without_a_setting(tmp_path: Path, town: Path) -> None:
    built = MapBuilder(tmp_path).build(town, None, nothing, window_open=closed)
    basemap = Basemap(tmp_path)
    assert (basemap.kind, basemap.attribution) == ("vector", "Demo city: streets invented")
    basemap.close()
    (built.folder / "manifest.json").write_bytes(b"damaged")
    basemap = Basemap(tmp_path)
    assert (basemap.kind, basemap.problem) == (
        None, "The map is damaged: its manifest can't be read. Build it again.",
    )  # fmt: skip
    basemap.close()


def test_a_part_alone_can_be_built(tmp_path: Path, town: Path) -> None:
    south, west = place(-0.5, -0.5)
    north, east = place(1.5, 1.5)
    built = MapBuilder(tmp_path).build(town, (west, south, east, north), nothing, window_open=closed)
    assert 8 <= built.manifest.counts.roads < 16
    assert not list(built.folder.glob("part*"))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", NotAnOsmFile),
        (b"<osm/>", NotAnOsmFile),
        (header_block(), NothingInIt),
        (header_block() + block("OSMData", b"\xff" * 100), DamagedOsmFile),
        (header_block() + block("OSMData", bytes(20 * 2**20)) * 8, DamagedOsmFile),
    ],
    ids=["empty", "xml", "nothing", "damaged", "bomb"],
)
def test_what_is_no_city_leaves_the_old_map(tmp_path: Path, body: bytes, error: type[MapBuildError]) -> None:
    old = adopted(tmp_path)
    (tmp_path / "bad.osm.pbf").write_bytes(body)
    with pytest.raises(error, match=r"bad\.osm\.pbf"):
        MapBuilder(tmp_path).build(tmp_path / "bad.osm.pbf", None, nothing, window_open=closed)
    assert_only(tmp_path, old)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(MapBuildError, match="can't be read: No such file"):
        MapBuilder(tmp_path).build(tmp_path / "none.osm.pbf", None, nothing, window_open=closed)


@pytest.mark.parametrize("stage", STAGES)
def test_a_build_that_is_killed_leaves_the_old_map(tmp_path: Path, town: Path, stage: str) -> None:
    old = adopted(tmp_path)
    dies = child(STOPS_AT.format(stage=stage, how="import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    with pytest.raises(OutOfMemory):  # nobody but the system's guard over memory kills it so
        MapBuilder(tmp_path, dies).build(town, None, nothing, window_open=closed)
    assert_only(tmp_path, old)


@pytest.mark.parametrize("stage", ["read_osm", "write_manifest"])
def test_a_build_that_is_cancelled_leaves_the_old_map(tmp_path: Path, town: Path, stage: str) -> None:
    old = adopted(tmp_path)
    stops = child(STOPS_AT.format(stage=stage, how="sys.stdout.write('{}\\n'); sys.stdout.flush(); time.sleep(600)"))
    builder = MapBuilder(tmp_path, stops)
    seen = threading.Event()

    def cancel() -> None:
        seen.wait(60)
        builder.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled, match="cancelled"):
        builder.build(town, None, lambda words, _share: seen.set() if not words else None, window_open=closed)
    thread.join()
    assert_only(tmp_path, old)


def test_who_cancels_before_the_child_runs_gets_no_map(tmp_path: Path, town: Path) -> None:
    builder = MapBuilder(tmp_path)
    builder.cancel()
    with pytest.raises(Cancelled):
        builder.build(town, None, nothing, window_open=closed)
    assert current_map(tmp_path) is None


def test_a_defect_says_what_it_was(tmp_path: Path, town: Path) -> None:
    old = adopted(tmp_path)
    broken = child(STOPS_AT.format(stage="make_streets", how="raise KeyError('a defect')"))
    with pytest.raises(MapBuildError, match=r"could not be read.*KeyError: 'a defect'"):
        MapBuilder(tmp_path, broken).build(town, None, nothing, window_open=closed)
    assert_only(tmp_path, old)


@pytest.mark.parametrize(
    "text",
    [
        "print('nonsense')",
        "print('[' * 100_000)",
        "import sys; sys.stdout.buffer.write(b'\\xff' * 10_000_000)",
        "",
        "print('{\"built\": true}')",
        'print(\'{"problem": "SystemExit", "words": "x"}\')',
    ],
)
def test_a_child_that_says_nonsense_leaves_the_old_map(tmp_path: Path, town: Path, text: str) -> None:
    old = adopted(tmp_path)
    with pytest.raises(MapBuildError):
        MapBuilder(tmp_path, child(text)).build(town, None, nothing, window_open=closed)
    assert_only(tmp_path, old)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process here")
@pytest.mark.parametrize("most", [500, 20_000])
def test_a_full_disk_leaves_the_old_map(tmp_path: Path, town: Path, most: int) -> None:
    """The limit of a file stands in for the disk; SQLite takes it for a disk that refuses."""
    old = adopted(tmp_path)
    full = child(LIMITED.format(bytes=most))
    with pytest.raises((DiskFull, NotWritable), match=r"The disk (is full|refused)"):
        MapBuilder(tmp_path, full).build(town, None, nothing, window_open=closed)
    assert_only(tmp_path, old)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_too_little_memory_is_said(tmp_path: Path, town: Path) -> None:
    old = adopted(tmp_path)
    hungry = child(STOPS_AT.format(stage="make_streets", how="bytearray(8 * 2**30)"))
    with pytest.raises(OutOfMemory, match="--box"):
        MapBuilder(tmp_path, hungry).build(town, None, nothing, window_open=closed)
    assert_only(tmp_path, old)


def test_the_leavings_of_a_build_that_died_with_its_parent_go_at_the_next(tmp_path: Path, town: Path) -> None:
    maps = MapFolder(tmp_path)
    left = maps.begin()
    (left / "basemap.pmtiles").write_bytes(b"half")
    maps.release()
    built = MapBuilder(tmp_path).build(town, None, nothing, window_open=closed)
    assert_only(tmp_path, built.folder)


def test_a_window_keeps_the_map_that_it_began_with(tmp_path: Path, town: Path) -> None:
    old = adopted(tmp_path)
    built = MapBuilder(tmp_path).build(town, None, nothing, window_open=lambda: True)
    assert current_map(tmp_path) == built.folder
    assert old.is_dir()


def test_without_a_window_the_old_map_goes_when_the_new_one_is_in_use(tmp_path: Path, town: Path) -> None:
    adopted(tmp_path)
    built = MapBuilder(tmp_path).build(town, None, nothing, window_open=closed)
    assert_only(tmp_path, built.folder)


def test_two_builds_of_one_profile_are_refused(tmp_path: Path, town: Path) -> None:
    maps = MapFolder(tmp_path)
    with pytest.raises(LockedByOther):
        MapBuilder(tmp_path).build(town, None, nothing, window_open=closed)
    maps.release()


def test_a_build_of_a_real_city_is_used(tmp_path: Path, city_data: Path) -> None:
    """Porto, São Paulo, Helsinki: thousands of streets of people who map with all their habits."""
    for name, found in (("porto", "Rua de Santa Catarina"), ("helsinki_centre", "Aleksanterinkatu")):
        source = city_data / "osm" / f"{name}.osm.pbf"
        if not source.is_file():
            pytest.skip("no extracts of real cities here")
        built: BuiltMap = MapBuilder(tmp_path).build(source, None, nothing, window_open=closed)
        assert faults(built.folder, built.manifest) == []
        gazetteer = Gazetteer(built.folder / "places.db")
        street = gazetteer.find(found)[0]
        assert street.name == found
        router = Router(built.folder / "streets")
        assert router.nearest((street.lat, street.lon), most_m=60) is not None
        gazetteer.close()


def test_a_way_with_a_million_points_is_left_out(tmp_path: Path) -> None:
    town = grid_town()
    town.road([crossing(step % 5, 0) for step in range(1_000_000)], "Without end")
    source = town.write(tmp_path / "long.osm.pbf")
    built = MapBuilder(tmp_path).build(source, None, nothing, window_open=closed)
    assert built.manifest.left_out == {"lines with too many points": 1}
