"""A window with a city map: times by street, places where they are typed, the address of a point; and without it."""

from __future__ import annotations

import io
import os
import re
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu

from console.city_map.map_folder import MapFolder
from console.city_map.messages import Nearest
from console.settings import load_settings
from console.window import map_supervisor
from tests.helpers.built_town import build_town
from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import find, form, wait_ready
from tests.helpers.net import Canned, http
from tests.helpers.osm_town import Town
from widgets.forms.choose_one import ChooseOne

pytestmark = pytest.mark.usefixtures("qapp")
AERIAL = (64, 96, 80)
SOUTH, WEST, STEP, SIDE = -6.38, 106.68, 0.005, 62
BY_STREET, STRAIGHT = "by street, without traffic", "straight line × 1.4, no street map"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "400", "--users", users) as server:
        yield server


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Streets everywhere in the demo city, 550 m from one another."""
    town, profile = Town(), tmp_path_factory.mktemp("profile")
    nodes = [[town.node(SOUTH + y * STEP, WEST + x * STEP) for x in range(SIDE)] for y in range(SIDE)]
    for number in range(SIDE):
        town.road(nodes[number], f"Jalan Percobaan {number}")
        town.road([row[number] for row in nodes], f"Gang Percobaan {number}")
    build_town(profile, town)
    return profile


@pytest.fixture
def window(city: Served, profile: Path) -> Iterator[Any]:
    with console(profile, city.address) as one:
        wait_ready(one)
        yield one


def basis(window: Any) -> str:
    return str(window.ticket._ticket.advice_basis) if window.ticket._ticket is not None else ""


def test_times_are_by_street_by_straight_line_when_the_map_process_is_killed_and_by_street_again(
    window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_supervisor, "_BASE_MS", 8_000)  # so that it is asked for while it is away
    find(window, "unassigned", lambda now: now.advice and now.has_place)
    wait_for(lambda: basis(window) == BY_STREET, 60, what=lambda: basis(window))
    wait_for(lambda: len(window.map._route) > 3, 60, what="the way of the first one, by street")
    pid = window.map_supervisor.pid
    os.kill(pid, signal.SIGKILL)
    window.travel_times._asked = None  # a unit moves
    wait_for(lambda: basis(window) == STRAIGHT, 60, what=lambda: basis(window))
    wait_for(lambda: basis(window) == BY_STREET, 60, what=lambda: basis(window))
    assert window.map_supervisor.pid != pid
    assert all(row.eta.endswith("min") for row in window.ticket._ticket.advice)


def test_the_way_of_a_sent_unit_is_drawn_by_street_with_the_time_of_its_arrival(window: Any) -> None:
    find(window, "active", lambda now: now.lead_state == "en_route" and now.has_place)

    def sent() -> list[Any]:
        return [one for one in window.map_controller._crews if one.unit.id == window.situation.current.lead_unit]

    wait_for(lambda: len(sent()) == 1, what="the map has the units")
    (unit,) = sent()

    def code() -> str:
        return next((str(one["code"]) for one in window.map._unit_list if one["id"] == unit.key), "")

    wait_for(lambda: re.fullmatch(rf"{re.escape(unit.unit.code)} · [0-2]\d:[0-5]\d", code()), 60, what=code)
    assert len(window.map._route) > 3
    assert window.map._route[0] == (unit.unit.lat, unit.unit.lon)


def test_the_speeds_of_the_citys_hour_are_named_and_the_next_hours_follow(window: Any, profile: Path) -> None:
    find(window, "unassigned", lambda now: now.advice and now.has_place)
    wait_for(lambda: basis(window) == BY_STREET, 60, what=lambda: basis(window))
    maps = MapFolder(profile)
    maps.keep_speeds(b"class,days,hours,kmh\nlocal,,,16\n")
    try:
        for zone, ahead_h in (("Asia/Makassar", 8), ("Asia/Jayapura", 9)):
            window._zone.become(ZoneInfo(zone))  # another hour by the city's clock
            start = (window.now() + timedelta(hours=ahead_h)).hour
            words = [f"by street, speeds of {hour}–{hour + 1} h" for hour in (start, (start + 1) % 24)]
            wait_for(lambda: basis(window) in words, 60, what=lambda: basis(window))  # noqa: B023 - awaited here
            note = f"way by {basis(window).removeprefix('by street, ')}"
            wait_for(lambda: note in window.map._notes[1], 60, what=lambda: window.map._notes)  # noqa: B023
    finally:
        maps.remove_speeds()
        maps.release()


def test_the_map_gets_ready_for_the_next_hour_just_before_it_begins(
    window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(window.map_supervisor, "look_ahead", asked.append)
    sunday = datetime(2026, 12, 6, 23, tzinfo=window._zone)
    times = [sunday]
    monkeypatch.setattr(window, "now", lambda: times[-1])
    for minute, second in ((0, 0), (30, 0), (59, 15), (59, 45)):
        times.append(sunday.replace(minute=minute, second=second))
        window._tick()
    assert asked == [0], "that of Monday"


def listed_stops(window: Any) -> Any:
    """The list with the stops of a unit, once it is open."""
    wait_for(lambda: isinstance(window.forms._open, ChooseOne), 60, what=lambda: window.forms._open)
    return window.forms._open


def told_by(form: Any) -> str:
    return " | ".join(label.text() for label in form.findChildren(QLabel))


def test_the_stops_of_a_unit_are_put_in_order_by_street_and_without_the_map_by_straight_line(
    window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cities = window.window_state.cities
    busy = [one for one in window.units_controller.crews() if one.unit.state.value != "on_scene"]
    crew = max(busy, key=lambda one: len(cities.jobs(one)))
    numbers = {job.report for job in cities.jobs(crew)}
    assert numbers, "the demo's crews are at work"
    window.units_controller.set_filter("all")
    window.window_state.choose_unit(crew.key)
    wait_for(lambda: window.units.current_id() == crew.key, what="the unit")
    opened: list[Any] = []
    window.map_supervisor.ask("opened", Nearest((SOUTH, WEST)), opened.append)
    wait_for(lambda: opened and opened[0] is not None, 60, what="the map")
    window.window_commands.go_to_panel("units")
    QTest.keyClick(window.units.view, Qt.Key.Key_O, Qt.KeyboardModifier.ShiftModifier)
    listed = listed_stops(window)
    words = told_by(listed)
    assert f"{crew.unit.code}: order of stops" in words
    assert BY_STREET in words, words
    texts = {row.id: row.text for row in listed._rows}
    assert texts.keys() == numbers
    assert all(number in text for number, text in texts.items())
    window.forms.close_open()
    wait_for(lambda: window.forms._open is None, what="the list to go")
    monkeypatch.setattr(window.unit_stops, "_ask", lambda _purpose, _question, then: then(None))
    window.unit_stops.show_of(crew.key)
    listed = listed_stops(window)
    assert {row.id for row in listed._rows} == numbers
    assert STRAIGHT in told_by(listed)
    QTest.keyClick(listed.field, Qt.Key.Key_Return)
    wait_for(lambda: window.situation.chosen is not None and window.situation.chosen.key in numbers, 60, what="it")


def test_a_street_is_found_by_few_keys_and_says_how_exact_it_is(window: Any) -> None:
    window.actions.run("new_report")
    opened = form(window)
    opened.place.setFocus()
    QTest.keyClicks(opened.place, "gg percobaan 31")
    wait_for(lambda: opened.place.offered(), 60, what="the street")
    assert opened.place.offered()[0].text.startswith("Gang Percobaan 31")
    assert opened.place.offered()[0].note == "middle of the street · invented"
    QTest.keyClick(opened.place, Qt.Key.Key_Return)
    wait_for(lambda: opened.is_placed, what="the place")
    assert opened.values()["lon"] == pytest.approx(WEST + 31 * STEP, abs=1e-4)
    window.forms.close_open()


def test_a_right_click_on_the_map_tells_and_copies_the_address(window: Any) -> None:
    from PySide6.QtWidgets import QApplication

    told = []

    def entries() -> dict[str, Any]:
        menus = [menu for menu in window.window.findChildren(QMenu) if menu.isVisible()]
        return {entry.text(): entry for menu in menus for entry in menu.actions() if entry.text()}

    for _ in range(20):  # the first one may open before the map process has begun
        window.map.menu_asked.emit(SOUTH + 20 * STEP, WEST + 20.5 * STEP, 0, "")
        wait_for(entries, what="a menu")
        told = [words for words in entries() if "Jalan Percobaan 20" in words]
        if told:
            entries()[told[0]].trigger()
        for menu in window.window.findChildren(QMenu):
            menu.close()
        if told:
            break
        QTest.qWait(500)
    assert told
    assert "invented" in told[0]
    assert QApplication.clipboard().text().startswith("Jalan Percobaan 20")


def test_a_web_map_takes_the_place_of_the_streets_by_a_key_once_it_was_said_who_learns_what(window: Any) -> None:
    out = io.BytesIO()
    Image.new("RGB", (256, 256), AERIAL).save(out, "PNG")
    server = Canned(lambda *_: http(200, out.getvalue(), Content_Type="image/png"))
    window.actions.run("web_map")
    assert not window.web_map.is_shown
    window.actions.run("web_map_settings")
    opened = form(window)
    opened.address.setText(server.url + "/{z}/{x}/{y}.png")
    opened.name.setText("Aerial picture")
    opened.attribution.setText("© Makers of pictures")
    opened.commit()
    window.actions.run("web_map")
    question = form(window)
    assert "127.0.0.1 then learns which places are looked at here" in question._sentence.text()
    assert server.asked == []
    question.commit()
    wait_for(lambda: seen(window, AERIAL), 60, what="the pictures")
    assert window.map._notes[0] == "© Makers of pictures"
    server.close()
    window.map.ground_switched.emit()
    wait_for(lambda: not seen(window, AERIAL), 60, what="the streets again")
    assert load_settings(window._options.profile).web_map.name == "Aerial picture"


def seen(window: Any, colour: tuple[int, int, int]) -> bool:
    """Whether the map has it somewhere."""
    picture = window.map.grab().toImage()
    wanted = QColor(*colour).rgb()
    return any(
        picture.pixel(x, y) == wanted for x in range(0, picture.width(), 9) for y in range(0, picture.height(), 9)
    )
