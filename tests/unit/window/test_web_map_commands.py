"""The web map is switched on only after it was said who learns what, and only where the profile allows one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from pytestqt.qtbot import QtBot

from console.panels.forms.forms import Forms
from console.panels.map.web_map import WebMapPictures
from console.rules.messages import BringTile, WebMap
from console.window.web_map_commands import WebMapCommands

AERIAL = WebMap("Aerial", "https://maps.example.org/{z}/{x}/{y}.png", "© Makers", 18, "https://example.org/terms")


class Asked:
    """Stands in for the forms: keeps what was last asked, for a test to answer."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.known: dict[str, Any] = {}
        self.problem_of: Callable[[str], str] = lambda _: ""
        self.then: Callable[..., object] = lambda: None

    def ask(self, title: str, sentence: str, yes: str, no: str, then: Callable[[], object]) -> None:
        assert yes
        assert no
        self.questions.append(f"{title} {sentence}")
        self.then = then

    def web_map(
        self, known: Mapping[str, Any], problem_of: Callable[[str], str], then: Callable[[dict[str, Any]], object]
    ) -> None:
        self.known, self.problem_of, self.then = dict(known), problem_of, then


class Rig:
    """The commands over a profile's pictures, with all that they said, kept and asked for."""

    def __init__(self, profile: Path, web_map: WebMap | None, why: str = "") -> None:
        self.asked: list[BringTile] = []
        self.kept: list[WebMap | None] = []
        self.said: list[str] = []
        self.forms = Asked()
        self.pictures = WebMapPictures(profile, web_map, self.asked.append)

        def keep(web_map: WebMap | None) -> str:
            self.kept.append(web_map)
            return why

        self.commands = WebMapCommands(self.pictures, cast("Forms", self.forms), keep)
        self.commands.message.connect(self.said.append)


@pytest.fixture
def rig(tmp_path: Path, qtbot: QtBot) -> Rig:
    return Rig(tmp_path, AERIAL)


def test_who_learns_what_is_said_before_the_first_time_and_not_again(rig: Rig) -> None:
    rig.commands.switch()
    assert not rig.pictures.is_shown
    [question] = rig.forms.questions
    for words in ("Aerial", "maps.example.org then learns which places", "https://example.org/terms"):
        assert words in question
    rig.forms.then()
    assert rig.pictures.is_shown
    rig.commands.switch()
    assert not rig.pictures.is_shown
    rig.commands.switch()
    assert rig.pictures.is_shown
    assert len(rig.forms.questions) == 1


def test_a_profile_that_allows_none_shows_none(tmp_path: Path, qtbot: QtBot) -> None:
    rig = Rig(tmp_path, None)
    rig.commands.switch()
    assert rig.forms.questions == []
    assert "no web map" in rig.said[0]
    assert not rig.pictures.is_shown


def test_the_settings_allow_another_one_which_is_asked_about_anew(rig: Rig) -> None:
    rig.commands.switch()
    rig.forms.then()
    rig.commands.open_settings()
    assert rig.forms.known == {
        "name": "Aerial",
        "address": AERIAL.address,
        "attribution": "© Makers",
        "max_zoom": 18,
        "rules": AERIAL.rules,
    }
    assert rig.forms.problem_of("https://example.org/") != ""
    assert rig.forms.problem_of(AERIAL.address) == ""
    rig.forms.then(rig.forms.known | {"address": "https://other.example.org/{z}/{x}/{y}", "name": "Other"})
    assert rig.kept == [WebMap("Other", "https://other.example.org/{z}/{x}/{y}", "© Makers", 18, AERIAL.rules)]
    assert not rig.pictures.is_shown
    rig.commands.switch()
    assert "other.example.org then learns" in rig.forms.questions[-1]


def test_without_an_address_none_is_allowed_any_more(rig: Rig) -> None:
    rig.commands.open_settings()
    rig.forms.then(rig.forms.known | {"address": ""})
    assert rig.kept == [None]
    assert rig.pictures.web_map is None


def test_settings_that_cannot_be_written_are_said(tmp_path: Path, qtbot: QtBot) -> None:
    rig = Rig(tmp_path, None, why="the disk is full")
    rig.commands.open_settings()
    rig.forms.then({"address": AERIAL.address, "name": "A", "attribution": "B", "rules": "", "max_zoom": 19})
    assert "the disk is full" in rig.said[0]
