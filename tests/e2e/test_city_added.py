"""A city that `sigap connect` adds, and a time zone that its server corrects, while the window is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api_client.model import Kind
from console.settings import load_settings
from tests.e2e.test_two_cities import Cities, fill, reports
from tests.helpers.city import console, run_sigap, wait_for
from tests.helpers.hands import banner, outbox, wait_ready
from tests.helpers.live_server import Live, live_server

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOTES = 30


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def profile(home: Path) -> Path:
    return home / "profiles" / "p"


@pytest.fixture
def north(tmp_path: Path) -> Iterator[Live]:
    with live_server(tmp_path / "north", reports(2)) as north:
        fill(north, "Flooded road", "Northside", "Water board", "N-7", 0.2)
        yield north


def connect(home: Path, live: Live, name: str) -> None:
    done = run_sigap("connect", live.url, "--name", name, "--profile", "p", home=home)
    assert done.returncode == 0, done.stderr


def note(window: Any, source: str, text: str) -> None:
    window.outbox.submit(Kind.NOTE, "r1", source=source, data={"text": text}, base={}, base_version=1, title="")


def notes(live: Live) -> list[str]:
    return sorted(one.data["text"] for one in live.city.entries("r1") if one.kind == "note")


def bar(window: Any) -> list[str]:
    """The status bar's cells of the sources."""
    return [cell.text for cell in window.status_controller._left() if cell.key.startswith("source:")]


@pytest.mark.usefixtures("qapp")
def test_a_city_that_is_added_is_followed_at_once_and_known_everywhere(
    home: Path, profile: Path, north: Live, tmp_path: Path
) -> None:
    with live_server(tmp_path / "south", reports(3)) as south, console(profile, None) as window:
        fill(south, "Dead animal", "Southside", "Parks", "S-9", 0.001)
        assert banner(window).startswith("No server yet")
        connect(home, north, "North")
        wait_for(lambda: window.sources.states() == {"north": "live"}, 40, "the first city")
        wait_ready(window)
        assert banner(window) == ""
        assert window.sources.first == "north"
        assert NOON.astimezone(window.window_state.zone).hour == 19

        connect(home, south, "South")
        sent = sorted(f"note {number}" for number in range(NOTES))
        for text in sent:  # under way when the sync process begins anew
            note(window, "north", text)
        wait_for(
            lambda: window.window_state.view.total == 5 and len(window.window_state.cities.crews) == 8,
            40,
            "both cities",
        )
        wait_for(lambda: window.sources.states() == {"north": "live", "south": "live"}, 40, "both are live")
        wait_for(lambda: not window.outbox.open_edits and not window.outbox.saving, 40, "all notes are at the server")
        assert notes(north) == sent
        assert [text.split(":")[0] for text in bar(window)] == ["North", "South"]

        cities = Cities(window, north, south)
        cities.type("show cat=dead")
        wait_for(lambda: cities.sources_shown() == ["south"] * 3, what="the filter in the words of the new city")
        wait_for(lambda: window.map_controller.corner()["view"] == window.window_state.view.number, 40, "the map")
        corner = window.map_controller.corner()
        assert corner["symbols"] + corner["in_cells"] + corner["outside"] == 3
        ticket = cities.choose("south")
        assert ticket.title == "Dead animal, Southside"
        assert cities.type("d S-9").startswith("Dispatch S-9 to r1 Dead animal")
        wait_for(lambda: south.city.assignments("r1"), what="the order")
        note(window, "south", "from here")
        wait_for(lambda: [row for row in outbox(window).values() if "from here" in row.text], what="it is shown")
        wait_for(lambda: notes(south) == ["from here"], what="the note")
        wait_for(lambda: not outbox(window), what="the server's record has it")
    assert [one.key for one in load_settings(profile).sources] == ["north", "south"]


@pytest.mark.usefixtures("qapp")
def test_a_time_zone_that_the_server_corrects_is_followed_and_kept(home: Path, profile: Path, tmp_path: Path) -> None:
    folder = tmp_path / "east"
    with console(profile, None) as window:
        with live_server(folder, reports(2)) as before:
            connect(home, before, "East")
            wait_ready(window)
            cities = Cities(window, before, before)
            made = window.reader().report(window.reader().row_of("east", "r1")).report.created
            window.window_state.choose(window.reader().row_of("east", "r1"))
            wait_for(lambda: shows(window, made, 7), what="the report in the wrong zone")
        with live_server(folder, port=before.port, timezone="Asia/Tokyo"):
            window.actions.run("refresh")
            wait_for(lambda: NOON.astimezone(window.window_state.zone).hour == 21, 40, "the right zone")
            wait_for(lambda: shows(window, made, 9), what="the report in the right zone")
            wait_for(lambda: window.sources.states() == {"east": "live"}, 40, "live")
        assert cities.sources_shown() == ["east"] * 2
    assert [one.timezone for one in load_settings(profile).sources] == ["Asia/Tokyo"]


def shows(window: Any, when: datetime, ahead_h: int) -> bool:
    """Whether the report panel says the time of the city that is so far ahead of UTC."""
    ticket = window.ticket.ticket()
    told = f"{when + timedelta(hours=ahead_h):%H:%M}"
    return ticket is not None and any(told in text for fact in ticket.facts for text in fact)
