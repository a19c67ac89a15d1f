"""A P1 that waits for a crew is not overlooked: not above the list's sight, not in another list, not beside the map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console.cache.page_items import FIRST_ROW
from console.rules.filter import Filter
from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import (
    CTRL,
    SHIFT,
    choose,
    form,
    free_units,
    key,
    outbox,
    p1_data,
    wait_notice_read,
    wait_ready,
)
from widgets.map.panel import MapPanel

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("hazards")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "900", "--users", users) as server:
        yield server


@pytest.fixture
def window(city: Served, tmp_path: Path) -> Iterator[Any]:
    with console(tmp_path, city.address) as one:
        wait_ready(one)
        yield one


def report_p1(window: Any, key_: str, lat: float = -6.2, lon: float = 106.85) -> None:
    """A flood of the first priority comes in, and is not chosen by that."""
    data = p1_data(window, lat, lon)
    before = set(window.window_state.view.hazards.tolist())
    window.edit_commands.create("city", data, key_, "Water rises")
    wait_for(lambda: set(window.window_state.view.hazards.tolist()) - before, what="it is on the board")


def outside(panel: MapPanel) -> str:
    return panel._outside[1]


def test_a_new_p1_above_the_sight_says_p1_and_one_key_goes_there(window: Any) -> None:
    bar = window.queue.view.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    old = len(window.window_state.view.hazards)
    report_p1(window, "local:above")
    wait_for(lambda: f"{old + 1} P1 above" in window.queue.footer_text(), what="the footer says what it is")
    notice = window.banner.notice
    assert (notice.bold, notice.level) == ("New P1 without a crew:", "p1"), "as loud as a lost order"
    assert [button[0] for button in notice.buttons] == ["next_hazard", "alarm_acknowledge", "alarm_silence"]
    assert window.situation.current.hazard
    rows = window.window_state.view.hazards.tolist()
    QTest.keyClick(window.window, Qt.Key.Key_F8)
    assert window.window_state.row == rows[-1], "the one that the notice names"
    assert window.banner.notice is None, "it was looked at"
    seen = []
    for _ in rows:
        QTest.keyClick(window.window, Qt.Key.Key_F8)
        seen.append(window.window_state.row)
        assert window.queue.view.rows.position(window.window_state.row) in window.queue.view.rows_in_sight()
    assert seen == rows, "the one that waits longest first, then the next"
    assert window.window.current_panel() == "queue"
    key(window, "F8")
    assert window.window_state.row == rows[0]


def test_a_p1_that_comes_while_the_palette_is_open_is_not_covered_and_its_key_works(window: Any) -> None:
    """The palette lay over the words of the P1, and the key that was told did nothing and said nothing."""
    window.command_line_controller.open()
    wait_for(lambda: QApplication.activeWindow() is window.palette, what="the palette")
    report_p1(window, "local:palette")
    wait_for(
        lambda: window.palette.y() >= window.window.work_room().top() > window.banner.height(), what="it makes room"
    )
    assert window.window.hears(window.banner, "F8")
    QTest.keyClick(window.palette._field, Qt.Key.Key_F8)
    assert window.window_state.row == window.window_state.view.hazards.tolist()[-1]
    wait_for(lambda: not window.palette.isVisible(), what="the keyboard is with the P1")


def test_a_p1_that_the_list_leaves_out_is_told_and_the_key_shows_a_list_with_it(window: Any) -> None:
    window.window_state.set_filter(Filter(tab="validate", order="newest"))
    wait_for(lambda: window.window_state.view.filter.tab == "validate", what="another list")
    report_p1(window, "local:elsewhere")
    assert window.banner.notice.bold == "New P1 without a crew:"
    key(window, "F8")
    assert window.window_state.filter == Filter(order="newest")
    wait_for(lambda: window.window_state.view.position_of(window.window_state.row) >= 0, what="it is in the list")
    assert window.window_state.row == int(window.window_state.view.hazards[-1])
    assert window.queue.current_key() == window.window_state.row


def test_a_key_that_takes_the_filter_away_shows_the_p1_in_the_list_and_says_so(window: Any) -> None:
    """The list stood where it was in the filtered one: fourteen P3 in sight, the P1 that is chosen far above."""
    window.window_state.set_filter(Filter(priorities=(3,)))
    wait_for(lambda: window.window_state.view.filter.priorities == (3,), what="another list")
    reading = int(window.window_state.view.order[2])
    window.window_state.choose(reading)
    bar = window.queue.view.verticalScrollBar()
    bar.setValue(bar.maximum())
    key(window, "F8")
    wait_for(lambda: window.window_state.view.position_of(window.window_state.row) >= 0, what="it is in the list")
    place = window.queue.view.rows.position(window.window_state.row)
    assert place in window.queue.view.rows_in_sight()
    assert window.status_controller._message == "The list left it out and is put aside: ⇧ F8 goes back to it"
    key(window, "F8")
    key(window, "F8", SHIFT)
    assert window.window_state.filter == Filter(priorities=(3,))
    wait_for(lambda: window.window_state.view.filter.priorities == (3,), what="the list that was left")
    assert window.window_state.row == reading, "and the report that was read there"
    key(window, "F8", SHIFT)
    assert window.status_controller._message == "No list was put aside"
    key(window, "F8")
    window.actions.run("tab_validate")
    key(window, "F8", SHIFT)
    assert window.window_state.filter.tab == "validate", "who has gone to a list himself is not taken away from it"
    window.window_state.set_filter(Filter())
    wait_for(lambda: window.window_state.view.filter == Filter(), what="all of them")


def test_a_p1_that_comes_while_a_form_is_open_is_told_until_it_is_seen(window: Any) -> None:
    """It was a grey line at the foot for some seconds, and the next message pushed it out."""
    (now,) = window.window_state.view.order.tolist()[5:6]
    window.window_state.choose(now)
    wait_for(
        lambda: window.details_reader.current is not None and window.details_reader.current.row == now, what="a report"
    )
    key(window, "N")
    opened = form(window)
    report_p1(window, "local:form")
    window.say("Not saved, kept as a draft")
    assert window.banner.notice.bold == "New P1 without a crew:"
    wait_for(lambda: not outbox(window), what="it is at the server")
    wait_for(lambda: min(window.window_state.view.hazards.tolist()) >= FIRST_ROW, what="and came back")
    assert window.banner.notice.bold == "New P1 without a crew:"
    assert window.banner._more == 0, "it is the same one"
    wait_for(lambda: window.banner.notice.text.endswith(": Water rises"), what="and its words")
    first = max(window.window_state.view.hazards.tolist())
    report_p1(window, "local:another")
    assert window.banner._more == 1
    assert [window.window.hears(window.banner, cap) for cap in ("F8", "F12", "⇧ F12", "T")] == [True] * 3 + [False]
    QTest.keyClick(opened, Qt.Key.Key_F8)
    assert window.status_controller._message == "The form is open still: ⇧ F8 goes back to it"
    assert window.window_state.row == first, "the first one, from the form too"
    assert opened.isVisible()
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the keyboard is with the P1")
    for there, back in (("F8", SHIFT), ("F6", SHIFT)):  # from the list, before which it stands in the round
        key(window, there, back)
        wait_for(lambda: QApplication.activeWindow() is opened, what="the form has the keyboard again")
        QTest.keyClick(opened, Qt.Key.Key_F6)
        wait_for(lambda: QApplication.activeWindow() is window.window, what="and the list, one further")
        assert window.window.current_panel() == "queue"
    wait_for(lambda: not outbox(window), what="the other is at the server")
    wait_for(lambda: min(window.window_state.view.hazards.tolist()) >= FIRST_ROW, what="and came back")
    wait_notice_read(window)
    opened.activateWindow()
    QTest.keyClick(opened, Qt.Key.Key_F4)
    assert window.banner.notice is None, "the operator has said that he knows of the other"
    before = set(window.window_state.view.hazards.tolist())
    report_p1(window, "local:gone")
    wait_for(lambda: not outbox(window), what="the third is at the server")

    def new() -> set[int]:
        return set(window.window_state.view.hazards.tolist()) - before  # P1s of one second have no order of their own

    wait_for(lambda: len(new()) == 1 and min(new()) >= FIRST_ROW, what="and came back: its row stays")
    (gone,) = new()
    wait_for(lambda: window.banner.notice is not None, what="a third one is told")
    window.window_state.choose(gone)
    wait_for(lambda: window.details_reader.current.row == gone, what="it is looked at")
    assert window.banner.notice is None


def test_a_p1_that_the_operator_has_entered_himself_is_no_news_to_him(window: Any) -> None:
    data = p1_data(window)
    before = set(window.window_state.view.hazards.tolist())
    window.report_commands.create("city", data)
    wait_for(lambda: set(window.window_state.view.hazards.tolist()) - before, what="it is on the board")
    wait_for(lambda: window.window_state.row in window.window_state.view.hazards.tolist(), what="it is chosen")
    assert window.banner.notice is None
    window.window_state.choose(int(window.window_state.view.order[-1]))
    wait_for(lambda: not outbox(window), what="it is at the server")
    wait_for(
        lambda: min(window.window_state.view.hazards.tolist()) >= FIRST_ROW,
        what="and came back, while another is chosen",
    )
    assert window.banner.notice is None, "under its number neither"


def test_a_p1_in_the_maps_view_that_the_list_leaves_out_is_drawn_and_said(window: Any) -> None:
    """Under "Mine" the map showed one triangle of three; nothing said that two burned in its very middle."""
    wait_for(lambda: window.map.last_view is not None, 30, "the map")
    report_p1(window, "local:here")
    wait_for(lambda: outside(window.map) == "", what="all are listed and in view")
    waiting = len(window.window_state.view.hazards)
    window.window_state.set_filter(Filter(tab="mine"))
    wait_for(lambda: outside(window.map) == f"{waiting} P1 here, not in this list", what="it is said")
    wait_for(
        lambda: window.map_controller.corner()["view"] == window.window_state.view.number,
        what="the map has drawn the list",
    )
    assert window.map_controller.corner()["symbols"] == len(window.window_state.view.order)
    window.map.report_picked.emit(window.map._outside[0])
    assert window.window_state.row == int(window.window_state.view.hazards[0]), (
        "a click on it chooses the one that waits longest"
    )


def test_a_p1_beside_the_map_is_said_at_its_edge_and_a_click_goes_there(window: Any) -> None:
    wait_for(lambda: window.map.last_view is not None, 30, "the map")
    wait_for(lambda: outside(window.map) == "", what="all are in view")
    report_p1(window, "local:far", -5.7, 106.6)
    wait_for(lambda: outside(window.map) == "1 P1 outside", what="it is said")
    everything = window.window_state.filter
    window.window_state.set_filter(Filter(tab="validate"))
    here = len(window.window_state.view.hazards) - 1
    assert here > 0, "others burn in what the map shows"
    wait_for(
        lambda: outside(window.map) == f"1 P1 outside, {here + 1} not in this list ({here} here)",
        what="the corner counts what is listed",
    )
    window.window_state.set_filter(everything)
    wait_for(lambda: outside(window.map) == "1 P1 outside", what="listed again")
    row = window.map._outside[0]
    window.map.report_picked.emit(row)
    assert window.window_state.row == row
    wait_for(
        lambda: outside(window.map) != "1 P1 outside" or window.map._outside[0] != row,
        what=lambda: f"the map goes there, and stands at {window.map.last_view}, locked: {window.map.locked}",
    )


def test_a_strip_that_comes_leaves_the_keyboard_in_the_field_that_is_typed_in(city: Served, tmp_path: Path) -> None:
    """The form made room for it, the keyboard went to "Leave", and the caller's words were keys of the window."""
    with console(tmp_path, city.address, size=(1366, 768)) as window:
        wait_ready(window)
        key(window, "N", CTRL)
        telephone = form(window)
        field = telephone.report_text
        field.setFocus()
        assert window.banner.notice is None
        QTest.keyClicks(field, "air masuk ")
        high, top = telephone.height(), telephone.y()
        report_p1(window, "local:strip")
        wait_for(lambda: window.banner.notice is not None, what="the strip")
        wait_for(lambda: (telephone.height(), telephone.y()) != (high, top), what="the form makes room for it")
        assert telephone.focusWidget() is field
        focused = QApplication.focusWidget()
        assert focused is not None
        assert focused is field
        QTest.keyClicks(focused, "rumah saya")
        assert telephone.report_text.toPlainText() == "air masuk rumah saya"
        assert telephone.isVisible()
        window.forms.close_open()


def test_a_p1_whose_crew_is_done_without_a_proof_gets_another_one_by_the_key(window: Any) -> None:
    """F8 led to it as one without a crew, and the key said that a unit is on it."""
    before = set(window.window_state.view.hazards.tolist())
    services = window.window_state.catalog("city").services.items()
    service = next(code for code, one in services if one.proof and not one.valid_to)
    window.edit_commands.create("city", {**p1_data(window), "service": service}, "local:done", "Water rises")
    wait_for(lambda: set(window.window_state.view.hazards.tolist()) - before, what="it is on the board")
    (row,) = set(window.window_state.view.hazards.tolist()) - before
    window.window_state.choose(row)
    wait_for(
        lambda: (
            window.details_reader.current is not None and window.details_reader.current.row == window.window_state.row
        ),
        what="it is read",
    )
    wait_for(lambda: window.details_reader.current.server is not None, what="its number")
    number = window.details_reader.current.shown.id
    choose(window, number)
    (first, *_) = free_units(window)
    window.unit_commands.dispatch(window.details_reader.current, first)
    wait_for(lambda: window.situation.current.lead_state == "dispatched", what="sent")
    key(window, "D", CTRL)
    wait_for(lambda: not outbox(window), what="received")
    assert len(window.details_reader.current.live) == 1, "the key again sends no second one"
    for action, state in (("en_route", "en_route"), ("on_scene", "on_scene"), ("done", "done")):
        assert window.actions.run(action), action
        wait_for(lambda state=state: window.situation.current.lead_state == state, what=state)
    assert window.situation.current.needs_proof
    assert not window.details_reader.current.live
    wait_for(lambda: window.situation.current.crewless, what="nobody is there any more")
    wait_for(lambda: window.situation.current.advice, what="a unit to send")
    assert window.ticket.ticket().actions[0].id == "dispatch"
    wait_for(lambda: not window.key_guard.first_just_changed, what="whom the key sends has been read")
    key(window, "D", CTRL)
    wait_for(lambda: window.situation.current.lead_state == "dispatched", what="another one is sent")
    assert len(window.details_reader.current.live) == 1
