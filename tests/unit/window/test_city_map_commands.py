"""The city map in the window: what is offered, what a build says, how it is cancelled, what is left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from pytestqt.qtbot import QtBot

from console.city_map.map_folder import MapFolder, current_map, maps_of
from console.panels.forms.forms import Forms
from console.paths import folder_of
from console.tasks import Tasks
from console.window.city_map_commands import CityMapCommands
from tests.helpers.osm_town import grid_town
from tests.unit.city_map.test_map_folder import adopted
from widgets.forms.choice import ListChoice

WAITS = """
import sys
sys.stderr.write(" 47 % tiles z14: 412 of 883\\n")
sys.stderr.flush()
while sys.stdin.read(1):
    pass
sys.stderr.write("sigap: The map was not built: cancelled. The one before stays.\\n")
sys.exit(130)
"""


class Asked:
    """Stands in for the forms: keeps what was last offered, for a test to answer."""

    def __init__(self) -> None:
        self.title, self.about = "", ""
        self.rows: list[str] = []
        self.then: Callable[..., object] = lambda: None

    def choose(
        self, title: str, about: str, rows: Sequence[ListChoice], then: Callable[[str], object], *, width: int
    ) -> None:
        assert width > 0
        self.title, self.about, self.rows, self.then = title, about, [row.id for row in rows], then

    def ask(self, title: str, sentence: str, yes: str, no: str, then: Callable[[], object]) -> None:
        self.title, self.about, self.rows, self.then = title, sentence, [yes, no], then

    def choose_file(self, title: str, kinds: str, then: Callable[[Path], object]) -> None:
        self.title, self.about, self.rows, self.then = title, kinds, [], then


class Rig:
    """The commands with stand-in forms, and all that they said."""

    def __init__(self, profile: Path, command: Sequence[str] | None = None, *, keeps: bool = True) -> None:
        self.forms, self.tasks = Asked(), Tasks("map", 1)
        forms = cast("Forms", self.forms)
        self.commands = CityMapCommands(profile, "kota", forms, self.tasks, keeps=keeps, command=command)
        self.said: list[str] = []
        self.commands.message.connect(self.said.append)

    def close(self) -> None:
        self.commands.close()
        self.tasks.shutdown()


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path / "home"))
    folder = folder_of("kota")
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def rig(profile: Path, qapp: Any) -> Iterator[Rig]:
    found = Rig(profile)
    yield found
    found.close()


def opened(rig: Rig, qtbot: QtBot) -> Asked:
    rig.forms.title = ""
    rig.commands.open()
    qtbot.waitUntil(lambda: bool(rig.forms.title))
    return rig.forms


def test_a_file_becomes_the_map_and_the_map_is_removed(rig: Rig, profile: Path, tmp_path: Path, qtbot: QtBot) -> None:
    source = grid_town().write(tmp_path / "town.osm.pbf")
    forms = opened(rig, qtbot)
    assert (forms.about, forms.rows) == ("there is none yet", ["build"])
    forms.then("build")
    assert "*.osm.pbf" in forms.about
    forms.then(source)
    assert rig.said == ["The city map is being built of town.osm.pbf"]
    qtbot.waitUntil(lambda: rig.commands.progress is None, timeout=60_000)
    assert rig.said[-1] == "The city map is built: 40 roads, 23 places. The map shows it from the next start on."
    assert any("%, tiles z" in words for words in rig.said)
    assert current_map(profile) is not None

    forms = opened(rig, qtbot)
    assert forms.rows == ["build", "check", "remove"]
    assert forms.about.startswith("town.osm.pbf, built 20")
    choose = forms.then
    choose("check")
    assert "40 roads, 23 places, 9 house numbers" in forms.about
    assert "Demo city: streets invented" in forms.about
    forms.then()
    qtbot.waitUntil(lambda: rig.said[-1] == "The city map is whole")
    folder = current_map(profile)
    assert folder is not None
    (folder / "places.db").write_bytes(b"damaged")
    forms.then()
    qtbot.waitUntil(lambda: "places.db has another size." in rig.said[-1])

    choose("remove")
    assert forms.title == "Remove the city map?"
    forms.then()
    qtbot.waitUntil(lambda: rig.said[-1].startswith("The city map is removed"), timeout=60_000)
    assert current_map(profile) is None


def test_a_file_that_is_none_says_why_and_the_old_map_stays(
    rig: Rig, profile: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    old = adopted(profile)
    (tmp_path / "song.osm.pbf").write_bytes(b"ID3")
    rig.commands.build(tmp_path / "song.osm.pbf")
    qtbot.waitUntil(lambda: rig.commands.progress is None, timeout=60_000)
    assert rig.said[-1] == "song.osm.pbf is no file of OpenStreetMap data (.osm.pbf)."
    assert current_map(profile) == old


def test_a_build_is_looked_at_and_cancelled(profile: Path, qtbot: QtBot) -> None:
    rig = Rig(profile, [sys.executable, "-c", WAITS])
    rig.commands.build(profile / "town.osm.pbf")
    qtbot.waitUntil(lambda: rig.commands.progress == (47, "tiles z14: 412 of 883"), timeout=30_000)
    assert rig.said[-1] == "City map: 47 %, tiles z14: 412 of 883"
    rig.commands.build(profile / "other.osm.pbf")
    rig.commands.remove()
    forms = opened(rig, qtbot)
    assert forms.title == "The city map is being built of town.osm.pbf"
    assert forms.about.startswith("47 %: tiles z14: 412 of 883.")
    forms.then()
    qtbot.waitUntil(lambda: rig.commands.progress is None, timeout=30_000)
    assert rig.said[-1] == "The city map was not built: cancelled. The one before stays."
    rig.close()


def test_the_build_ends_with_the_window(profile: Path, tmp_path: Path, qtbot: QtBot) -> None:
    old = adopted(profile)
    rig = Rig(profile)
    source = grid_town().write(tmp_path / "town.osm.pbf")
    rig.commands.build(source)
    qtbot.waitUntil(lambda: any("%" in words for words in rig.said), timeout=60_000)
    rig.close()
    assert current_map(profile) == old
    # On a machine that is so busy that it had to be killed its leavings go at the next build.
    whole = {path.name for path in maps_of(profile).iterdir() if not path.name.startswith(".")}
    assert whole == {old.name, "current"}


def test_a_program_that_does_not_start_says_so(profile: Path, qtbot: QtBot) -> None:
    rig = Rig(profile, ["/no/such/program"])
    rig.commands.build(profile / "town.osm.pbf")
    qtbot.waitUntil(lambda: len(rig.said) > 1 or rig.commands.progress is None)
    assert "The city map could not be built: the program did not start" in rig.said
    rig.close()


def test_while_another_program_builds_it_says_so(rig: Rig, profile: Path, tmp_path: Path, qtbot: QtBot) -> None:
    maps = MapFolder(profile)
    rig.commands.build(grid_town().write(tmp_path / "town.osm.pbf"))
    qtbot.waitUntil(lambda: rig.commands.progress is None, timeout=60_000)
    maps.release()
    assert "Another Sigap already uses" in rig.said[-1]


def test_a_damaged_map_can_be_removed_or_made_anew(rig: Rig, profile: Path, qtbot: QtBot) -> None:
    (adopted(profile) / "manifest.json").write_bytes(b"damaged")
    forms = opened(rig, qtbot)
    assert forms.rows == ["build", "remove"]
    assert forms.about.startswith("The map is damaged")


def test_the_demo_whose_profile_is_not_kept_says_so(profile: Path, qapp: Any) -> None:
    rig = Rig(profile, keeps=False)
    rig.commands.open()
    assert rig.said == ["The demo draws its own map: make one in a profile of your own (sigap run)"]
    assert not rig.forms.title
    rig.close()
