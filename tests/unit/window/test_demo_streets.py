"""The demo city's map is made once, whatever ends in between, and a window shows it when it is there."""

from __future__ import annotations

import importlib.util
import random
import sys
import threading
from pathlib import Path
from typing import cast

import pytest

from console.city_map.basemap import Basemap
from console.city_map.manifest import PLACES, STREETS
from console.city_map.map_folder import current_manifest, current_map
from console.city_map.router import Router
from console.city_map.search import Gazetteer
from console.files.lock import FileLock
from console.panels.map.controller import MapController
from console.server.demo.areas import read_wards
from console.server.demo.street_samples import street_places
from console.server.demo.streets.ward_cells import is_island
from console.tasks import Tasks
from console.window import demo_streets
from console.window.demo_streets import DemoStreets, StreetsFollower, StreetsState
from tests.helpers.city import wait_for
from tests.helpers.osm_town import grid_town
from tests.helpers.patience import times_longer

COPIES = """
import shutil, sys
from pathlib import Path
with open(sys.argv[1], "a") as made:
    made.write("made\\n")
shutil.copy(sys.argv[2], sys.argv[3])
"""
ENDS_HALFWAY = """
import sys
from pathlib import Path
Path(sys.argv[3]).write_bytes(Path(sys.argv[2]).read_bytes()[:500])
sys.stderr.write("No space left on device")
sys.exit(4)
"""
WAITS = """
import sys
from pathlib import Path
Path(sys.argv[3] + ".part").write_bytes(b"half")
Path(sys.argv[1]).write_text("begun")
while sys.stdin.read(1):
    pass
"""


class Rig:
    """A folder for the map, a small town for the city, and what was made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.town, self.made = folder / "demo", folder / "town.osm.pbf", folder / "made"
        grid_town().write(self.town)

    def streets(self, script: str = COPIES, *, may_draw: bool = True) -> DemoStreets:
        command = (sys.executable, "-c", script, str(self.made), str(self.town))
        return DemoStreets(self.folder, may_draw=may_draw, generator=command)

    def times_made(self) -> int:
        return self.made.read_text().count("made") if self.made.exists() else 0

    def left(self) -> set[str]:
        """What is in the folder but maps and locks."""
        return {path.name for path in self.folder.iterdir()} - {"map", ".streets.lock"}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def settled(streets: DemoStreets) -> StreetsState:
    with streets:
        return streets.wait(60 * times_longer())


def test_the_map_is_made_once_and_kept(rig: Rig) -> None:
    assert settled(rig.streets()) is StreetsState.DRAWN
    manifest = current_manifest(rig.folder)
    assert manifest is not None
    assert manifest.counts.roads > 0
    assert settled(rig.streets()) is StreetsState.DRAWN
    assert rig.times_made() == 1
    assert rig.left() == set()


def test_another_version_is_made_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(rig.streets())
    first = current_map(rig.folder)
    monkeypatch.setattr(demo_streets, "streets_version", lambda: "another")
    assert settled(rig.streets()) is StreetsState.DRAWN
    assert rig.times_made() == 2
    assert current_map(rig.folder) != first


def test_what_a_killed_demo_left_is_cleared_away(rig: Rig) -> None:
    making = rig.folder / "making"
    making.mkdir(parents=True)
    (making / "demo-old.osm.pbf.part").write_bytes(b"half")
    assert settled(rig.streets()) is StreetsState.DRAWN
    assert rig.left() == set()


def test_a_full_disk_leaves_no_map_and_no_file_and_is_not_tried_again(rig: Rig) -> None:
    streets = rig.streets(ENDS_HALFWAY)
    assert settled(streets) is StreetsState.NONE
    assert current_map(rig.folder) is None
    assert rig.left() == set()


def test_streets_that_no_map_can_be_made_of_leave_none(rig: Rig) -> None:
    rig.town.write_bytes(b"no map")
    assert settled(rig.streets()) is StreetsState.NONE
    assert rig.times_made() == 1
    assert current_map(rig.folder) is None
    assert rig.left() == set()


@pytest.mark.usefixtures("qapp")
def test_a_demo_that_ends_ends_the_making(rig: Rig) -> None:
    with rig.streets(WAITS) as streets:
        wait_for(rig.made.exists, 30, what="the making has begun")
        assert streets.state is StreetsState.DRAWING
    assert streets.state is StreetsState.NONE
    assert rig.left() == set()
    assert settled(rig.streets()) is StreetsState.DRAWN


def test_of_two_demos_one_makes_the_map_and_both_have_it(rig: Rig) -> None:
    with rig.streets() as one, rig.streets() as other:
        assert {one.wait(60 * times_longer()), other.wait(60 * times_longer())} == {StreetsState.DRAWN}
    assert rig.times_made() == 1


def test_who_waited_in_vain_for_another_demo_makes_the_map(rig: Rig) -> None:
    rig.folder.mkdir()
    lock = FileLock(rig.folder / ".streets.lock")
    threading.Timer(1.5, lock.release).start()
    assert settled(rig.streets()) is StreetsState.DRAWN
    assert rig.times_made() == 1


def test_for_a_picture_no_map_is_made_and_one_that_is_there_is_taken(rig: Rig) -> None:
    assert settled(rig.streets(may_draw=False)) is StreetsState.NONE
    assert rig.times_made() == 0
    settled(rig.streets())
    assert settled(rig.streets(may_draw=False)) is StreetsState.DRAWN


def test_without_the_packages_there_are_no_streets_and_no_complaint(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "osmium" else name)
    assert settled(rig.streets()) is StreetsState.NONE
    assert rig.times_made() == 0


class ShownMap:
    """Stands in for the map: what it was told, and the background that it got."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.basemap: Basemap | None = None

    def set_background_note(self, text: str) -> None:
        self.notes.append(text)

    def set_basemap(self, basemap: Basemap) -> None:
        self.basemap = basemap


@pytest.mark.usefixtures("qapp")
def test_a_window_says_that_streets_are_being_drawn_and_shows_them(rig: Rig) -> None:
    shown, tasks = ShownMap(), Tasks("map", 1)
    release = rig.made.with_name("go")
    waits_for = f"import time, pathlib\nwhile not pathlib.Path({str(release)!r}).exists(): time.sleep(0.01)\n"
    with rig.streets(waits_for + COPIES) as streets:
        follower = StreetsFollower(streets, cast("MapController", shown), tasks)
        told: list[StreetsState] = []
        follower.drawn.connect(lambda: told.append(streets.state))
        follower.start()
        assert shown.notes == ["Streets are being drawn, about 20 s"]
        release.touch()
        wait_for(lambda: shown.basemap is not None, 60, what="the map")
        assert set(shown.notes) == {"Streets are being drawn, about 20 s"}, "and nothing else until they are there"
        assert shown.basemap is not None
        assert shown.basemap.kind == "vector"
        assert told == [StreetsState.DRAWN]
        shown.basemap.close()
    tasks.shutdown()


def test_the_version_follows_what_the_map_is_made_of() -> None:
    version = demo_streets.streets_version()
    assert version == demo_streets.streets_version()
    assert len(version) == 12


@pytest.mark.long
def test_the_whole_city_is_drawn_and_its_addresses_lie_on_its_streets(tmp_path: Path) -> None:
    with DemoStreets(tmp_path / "demo") as streets:
        assert streets.wait(120 * times_longer()) is StreetsState.DRAWN
    manifest = current_manifest(streets.folder)
    assert manifest is not None
    assert (manifest.invented, manifest.attribution) == (True, "Demo city: streets invented")
    assert manifest.left_out == {}
    assert manifest.counts.roads > 90_000
    folder = current_map(streets.folder)
    assert folder is not None
    router, gazetteer, chance = Router(folder / STREETS), Gazetteer(folder / PLACES), random.Random(1)
    wards = [ward for ward in read_wards() if not is_island(ward.code)]  # nobody drives to an island
    found = 0
    for ward in wards:
        place = street_places().draw(ward, chance)
        here = (place.lat, place.lon)
        street = router.nearest(here, named=True)
        assert street is not None, place
        assert street.distance_m < 10.0, place
        answers = gazetteer.find(place.address.removesuffix(" (invented)"), here)
        found += bool(answers) and place.address.startswith(f"{answers[0].name} No. ")
    gazetteer.close()
    assert found > 0.95 * len(wards)
