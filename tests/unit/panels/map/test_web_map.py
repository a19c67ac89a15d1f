"""What a web map shows of what is kept, what it asks for, what its corner says; nothing is asked before it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from console.cache.kept_tiles import KeptTile, KeptTiles
from console.panels.map.web_map import WebMapPictures
from console.rules.messages import BringTile, TileBrought, WebMap
from widgets.map.routes import Request

AERIAL = WebMap("Aerial", "https://maps.example.org/{z}/{x}/{y}.png", "© Makers", 18)
HOUR = 3_600.0


class Rig:
    """The pictures of a web map with clocks that a test sets, and all that was asked for."""

    def __init__(self, profile: Path, web_map: WebMap | None = AERIAL) -> None:
        self.now = 1_000_000.0
        self.asked: list[BringTile] = []
        self.came: list[tuple[int, ...]] = []
        self.pictures = WebMapPictures(
            profile, web_map, self.asked.append, wall_s=lambda: self.now, steady_s=lambda: self.now
        )
        self.pictures.came.connect(lambda *place: self.came.append(place))
        self.tiles = KeptTiles(profile, AERIAL.address)

    def look(self, x: int) -> bytes | None:
        """What is shown of a picture."""
        return self.pictures.picture(Request("pictures", z=9, x=x, y=0))

    def keep(self, x: int, age_s: float, fresh_s: float) -> None:
        """A picture that came so long ago, to be fresh for so long."""
        fetched = self.now - age_s
        self.tiles.put(9, x, 0, KeptTile(b"picture", fetched, fetched + fresh_s, ""))


@pytest.fixture
def rig(tmp_path: Path, qtbot: QtBot) -> Rig:
    return Rig(tmp_path)


def test_nobody_learns_anything_before_it_is_switched_on(rig: Rig) -> None:
    rig.keep(1, 0, HOUR)
    assert [rig.look(1), rig.look(2)] == [None, None]
    assert (rig.asked, rig.pictures.is_shown, rig.pictures.note()) == ([], False, "")
    rig.pictures.show(True)
    rig.pictures.show(False)
    assert rig.look(2) is None
    assert rig.asked == []


def test_without_a_map_there_is_nothing_to_show(tmp_path: Path, qtbot: QtBot) -> None:
    rig = Rig(tmp_path, None)
    rig.pictures.show(True)
    assert (rig.pictures.is_shown, rig.look(1), rig.asked) == (False, None, [])


def test_what_is_fresh_is_shown_without_asking_and_all_else_is_asked_for_once(rig: Rig) -> None:
    rig.keep(1, 0, HOUR)
    rig.keep(2, 2 * HOUR, HOUR)
    rig.pictures.show(True)
    assert [rig.look(x) for x in (1, 2, 3, 3, 3)] == [b"picture", b"picture", None, None, None]
    assert [asked.x for asked in rig.asked] == [2, 3]
    assert rig.pictures.note() == "© Makers"
    rig.pictures.on_brought(TileBrought(9, 3, 0))
    assert rig.came == [(9, 3, 0)]


def test_a_picture_that_is_never_fresh_is_not_asked_for_without_end(rig: Rig) -> None:
    rig.pictures.show(True)
    rig.look(1)
    for _ in range(5):
        rig.keep(1, 0, 0)
        rig.pictures.on_brought(TileBrought(9, 1, 0))
        assert rig.look(1) == b"picture"
    assert len(rig.asked) == 1
    rig.now += 21
    rig.look(1)
    assert len(rig.asked) == 2


def test_what_is_wrong_and_how_old_the_pictures_are_stands_in_the_corner(rig: Rig) -> None:
    rig.keep(1, 50 * HOUR, HOUR)
    rig.keep(2, 3 * HOUR, HOUR)
    rig.pictures.show(True)
    assert [rig.look(x) for x in (1, 2)] == [b"picture"] * 2
    said: list[Any] = []
    rig.pictures.changed.connect(lambda: said.append(rig.pictures.note()))
    for x in (2, 1):
        rig.pictures.on_brought(TileBrought(9, x, 0, "maps.example.org does not answer."))
    assert said[-1].startswith("© Makers · maps.example.org does not answer. · kept pictures, up to 2 d")
    rig.pictures.on_brought(TileBrought(9, 3, 0, "maps.example.org does not answer."))
    assert len(said) == 2, "what was said is not said again"
    rig.pictures.on_brought(TileBrought(9, 1, 0))
    assert said[-1] == "© Makers"


def test_when_the_network_is_back_all_in_view_is_asked_for_anew(rig: Rig) -> None:
    rig.pictures.try_again()
    before = rig.pictures.round
    rig.pictures.show(True)
    rig.look(1)
    rig.pictures.try_again()
    assert rig.pictures.round == before + 2
    rig.look(1)
    assert len(rig.asked) == 2


def test_another_map_begins_switched_off_with_pictures_of_its_own(rig: Rig) -> None:
    rig.keep(1, 0, HOUR)
    rig.pictures.show(True)
    rig.pictures.set_map(WebMap("Other", "https://other.example.org/{z}/{x}/{y}", "© Others"))
    assert not rig.pictures.is_shown
    rig.pictures.show(True)
    assert rig.look(1) is None
    assert rig.asked[-1].address == "https://other.example.org/{z}/{x}/{y}"
