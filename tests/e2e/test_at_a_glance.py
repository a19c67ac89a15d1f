"""What the operator is told before and after an order: the sentence, the next step, the way on the map, the ETA."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from console.city_map.basemap import Basemap
from console.city_map.build_process import MapBuilder
from tests.helpers.city import console, served, wait_for, write_users
from tests.helpers.hands import enter, find, key, wait_ready
from tests.helpers.osm_town import grid_town


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory, qapp: object) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("glance")
    users = str(write_users(folder))
    with (
        served(folder / "city", "--demo-city", "--reports", "400", "--still", "--users", users) as city,
        console(folder / "profile", city.address) as one,
    ):
        wait_ready(one)
        yield one


def sentence(one: Any) -> str:
    return str(one.command._line.accessibleDescription())


def advised(one: Any) -> str:
    return str(one.situation.recommendations.units[0].code)


def test_the_line_says_what_enter_will_do_and_gives_the_keyboard_back(window: Any) -> None:
    number = find(window, "unassigned", lambda now: now.advice)
    code = advised(window)
    window.queue.setFocus()
    window.command.focus_line(f"d {code}")
    assert sentence(window).startswith(f"Dispatch {code} to {number} ")
    window.command.focus_line(f"d {code} 999")
    assert sentence(window) == f"Dispatch {code} to 999"
    window.command.focus_line("p 1")
    assert sentence(window).startswith(f"Priority 1 for {number} ")
    window.command.focus_line("d NOBODY-1")
    assert "NOBODY-1" in sentence(window)
    QTest.keyClick(window.command._line, Qt.Key.Key_Escape)
    wait_for(lambda: window.window.current_panel() == "queue", what="the keyboard is back in the queue")
    assert window.command.text() == ""


def test_the_filter_line_says_what_may_follow(window: Any) -> None:
    window.command.focus_line("show ")
    assert sentence(window).startswith("Show all reports · then p=1, cat=")
    for begun, offered in (
        ("show p=1 is=", "is=mine, overdue, risk"),
        ("show cat=ban", "cat=Banjir"),
        ("show cat=", 'cat="Air bersih", Banjir'),
        ("show status=ret", "status=returned"),
    ):
        window.command.focus_line(begun)
        assert offered in sentence(window), begun
    window.command.focus_line("show cat=")
    assert re.search(r" and [0-9]+ more$", sentence(window)), "how many more there are"
    assert len(sentence(window)) < 110, "is not cut off on a small screen"
    window.command.focus_line("show cat=Banjir")
    assert sentence(window).startswith("Show Category Banjir")
    QTest.keyClick(window.command._line, Qt.Key.Key_Escape)


def test_two_enters_send_the_unit_and_the_first_button_is_its_next_step(window: Any) -> None:
    find(window, "unassigned", lambda now: now.advice and not now.more_crews)
    code = advised(window)
    wait_for(lambda: window.map._route, what="the way of the recommended unit")
    unit = next(one.unit for one in window.units_controller.crews() if one.unit.code == code)
    assert tuple(window.map._route[0]) == (unit.lat, unit.lon)
    key(window, "Enter")
    wait_for(lambda: window.window.current_panel() == "report", what="the report has the keyboard")
    key(window, "Enter")
    assert not window.situation.current.lead_state, "a second Enter of the same stroke does not send"
    enter(window)
    wait_for(lambda: window.situation.current.lead_state == "dispatched", what="the order")
    buttons = window.ticket.ticket().actions
    assert (buttons[0].id, buttons[0].key_text) == ("en_route", "E")
    assert not any(one.filled for one in buttons), "one Enter more says nothing of a crew that has said nothing"
    assert not any(one.id == "dispatch" for one in buttons), "Enter sends no second unit"
    key(window, "E")
    wait_for(lambda: window.situation.current.lead_state == "en_route", what="en route")

    def eta() -> str:
        return str(next(row.eta for row in window.units._model._rows if row.code == code))

    wait_for(lambda: eta() != "–", what="an ETA")
    assert eta().endswith("min") or " h " in eta()


def test_palette_has_kinds_and_what_can_be_used_first(window: Any) -> None:
    window.command_line_controller.open()
    rows = [window.palette._model.item(number) for number in range(window.palette._model.rowCount())]
    assert rows[0].text == "Commands"
    enabled = [row.enabled for row in rows[1:]]
    assert enabled == sorted(enabled, reverse=True)
    window.palette.set_query(advised(window))
    wait_for(lambda: window.palette.current().startswith("unit:"), what="the unit")
    window.palette.close()


def test_a_slip_of_the_fingers_is_forgiven_and_what_is_shown_of_a_find_is_counted(window: Any) -> None:
    def rows() -> list[Any]:
        items = [window.palette._model.item(number) for number in range(window.palette._model.rowCount())]
        return [item for item in items if hasattr(item, "id")]

    window.command_line_controller.open()
    window.palette.set_query("banjr")
    wait_for(lambda: [row.id for row in rows()] == ["meant:Banjir"], what="what was meant")
    window.palette._choose()
    wait_for(lambda: window.palette.query() == "Banjir" and len(rows()) > 1, what="the search for it")
    window.palette.set_query("jalan")
    found = len(window.reader().matching("jalan"))
    wait_for(lambda: len(rows()) > 1 and "of" in window.palette._summary, what="the count")
    assert found > 8
    shown = len(rows())
    assert window.palette._summary == f"{shown} of {shown - 8 + found} found"
    window.palette.set_query("xqzzkw")
    wait_for(lambda: [row.enabled for row in rows()] == [False], what="that nothing is close")
    assert window.palette._summary == "0 of 0 found"
    window.palette.close()


def test_without_street_map_no_alarm_but_a_word_in_the_corner(window: Any, tmp_path: Path) -> None:
    assert window.map._notes[0] == "no street map here"
    assert window.map._notes[1].startswith("units ")


class AskedBasemap(Basemap):
    """A background that counts the tiles that the page asks it for."""

    asked = 0

    def tile(self, z: int, x: int, y: int) -> tuple[bytes, str] | None:
        """One tile, counted."""
        self.asked += 1
        return super().tile(z, x, y)


def test_streets_that_are_drawn_while_the_window_is_open_appear_in_it(window: Any, tmp_path: Path) -> None:
    """As in the first demo: the corner says that they are coming, then whose they are."""
    window.map_controller.set_background_note("Streets are being drawn, about 20 s")
    assert window.map._notes[0] == "Streets are being drawn, about 20 s"
    town = grid_town().write(tmp_path / "town.osm.pbf")
    MapBuilder(tmp_path).build(town, None, lambda _words, _share: None, window_open=lambda: False)
    basemap = AskedBasemap(tmp_path)
    window.map_controller.set_basemap(basemap)
    assert window.map._notes[0] == "Demo city: streets invented"
    wait_for(lambda: basemap.asked, what="the page asks for tiles")
    window.map_controller.set_basemap(Basemap(None))
    assert basemap.kind is None, "the one before is closed"
