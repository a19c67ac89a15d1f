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
def desk(city: Served, tmp_path: Path) -> Iterator[Any]:
    with console(tmp_path, city.address) as one:
        wait_ready(one)
        yield one


def report_p1(desk: Any, key_: str, lat: float = -6.2, lon: float = 106.85) -> None:
    """A flood of the first priority comes in, and is not chosen by that."""
    data = p1_data(desk, lat, lon)
    before = set(desk.desk.view.hazards.tolist())
    desk.edit_commands.create("city", data, key_, "Water rises")
    wait_for(lambda: set(desk.desk.view.hazards.tolist()) - before, what="it is on the board")


def outside(panel: MapPanel) -> str:
    return panel._outside[1]


def test_a_new_p1_above_the_sight_says_p1_and_one_key_goes_there(desk: Any) -> None:
    bar = desk.queue.view.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    old = len(desk.desk.view.hazards)
    report_p1(desk, "local:above")
    wait_for(lambda: f"{old + 1} P1 above" in desk.queue.footer_text(), what="the footer says what it is")
    notice = desk.banner.notice
    assert (notice.bold, notice.level) == ("New P1 without a crew:", "p1"), "as loud as a lost order"
    assert [button[0] for button in notice.buttons] == ["next_hazard", "lost_seen"]
    assert desk.situation.now.hazard
    rows = desk.desk.view.hazards.tolist()
    QTest.keyClick(desk.window, Qt.Key.Key_F8)
    assert desk.desk.row == rows[-1], "the one that the notice names"
    assert desk.banner.notice is None, "it was looked at"
    seen = []
    for _ in rows:
        QTest.keyClick(desk.window, Qt.Key.Key_F8)
        seen.append(desk.desk.row)
        assert desk.queue.view.rows.position(desk.desk.row) in desk.queue.view.rows_in_sight()
    assert seen == rows, "the one that waits longest first, then the next"
    assert desk.window.current_panel() == "queue"
    key(desk, "F8")
    assert desk.desk.row == rows[0]


def test_a_p1_that_comes_while_the_palette_is_open_is_not_covered_and_its_key_works(desk: Any) -> None:
    """The palette lay over the words of the P1, and the key that was told did nothing and said nothing."""
    desk.commands.open()
    wait_for(lambda: QApplication.activeWindow() is desk.palette, what="the palette")
    report_p1(desk, "local:palette")
    wait_for(lambda: desk.palette.y() >= desk.window.work_room().top() > desk.banner.height(), what="it makes room")
    assert desk.window.hears(desk.banner, "F8")
    QTest.keyClick(desk.palette._field, Qt.Key.Key_F8)
    assert desk.desk.row == desk.desk.view.hazards.tolist()[-1]
    wait_for(lambda: not desk.palette.isVisible(), what="the keyboard is with the P1")


def test_a_p1_that_the_list_leaves_out_is_told_and_the_key_shows_a_list_with_it(desk: Any) -> None:
    desk.desk.set_filter(Filter(tab="validate", order="newest"))
    wait_for(lambda: desk.desk.view.filter.tab == "validate", what="another list")
    report_p1(desk, "local:elsewhere")
    assert desk.banner.notice.bold == "New P1 without a crew:"
    key(desk, "F8")
    assert desk.desk.filter == Filter(order="newest")
    wait_for(lambda: desk.desk.view.position_of(desk.desk.row) >= 0, what="it is in the list")
    assert desk.desk.row == int(desk.desk.view.hazards[-1])
    assert desk.queue.current_key() == desk.desk.row


def test_a_key_that_takes_the_filter_away_shows_the_p1_in_the_list_and_says_so(desk: Any) -> None:
    """The list stood where it was in the filtered one: fourteen P3 in sight, the P1 that is chosen far above."""
    desk.desk.set_filter(Filter(priorities=(3,)))
    wait_for(lambda: desk.desk.view.filter.priorities == (3,), what="another list")
    bar = desk.queue.view.verticalScrollBar()
    bar.setValue(bar.maximum())
    key(desk, "F8")
    wait_for(lambda: desk.desk.view.position_of(desk.desk.row) >= 0, what="it is in the list")
    place = desk.queue.view.rows.position(desk.desk.row)
    assert place in desk.queue.view.rows_in_sight()
    assert desk.status_controller._said == "The filter left it out and is taken away: show p=3 sets it again"


def test_a_p1_that_comes_while_a_form_is_open_is_told_until_it_is_seen(desk: Any) -> None:
    """It was a grey line at the foot for some seconds, and the next message pushed it out."""
    (now,) = desk.desk.view.order.tolist()[5:6]
    desk.desk.choose(now)
    wait_for(
        lambda: desk.details_reader.current is not None and desk.details_reader.current.row == now, what="a report"
    )
    key(desk, "N")
    opened = form(desk)
    report_p1(desk, "local:form")
    desk.say("Not saved, kept as a draft")
    assert desk.banner.notice.bold == "New P1 without a crew:"
    wait_for(lambda: not outbox(desk), what="it is at the server")
    wait_for(lambda: min(desk.desk.view.hazards.tolist()) >= FIRST_ROW, what="and came back")
    assert desk.banner.notice.bold == "New P1 without a crew:"
    assert desk.banner._more == 0, "it is the same one"
    wait_for(lambda: desk.banner.notice.text.endswith(": Water rises"), what="and its words")
    first = max(desk.desk.view.hazards.tolist())
    report_p1(desk, "local:another")
    assert desk.banner._more == 1
    assert [desk.window.hears(desk.banner, cap) for cap in ("F8", "F4", "T")] == [True, True, False]
    QTest.keyClick(opened, Qt.Key.Key_F8)
    assert desk.desk.row == first, "the first one, from the form too"
    assert opened.isVisible()
    wait_for(lambda: QApplication.activeWindow() is desk.window, what="the keyboard is with the P1")
    wait_for(lambda: not outbox(desk), what="the other is at the server")
    wait_for(lambda: min(desk.desk.view.hazards.tolist()) >= FIRST_ROW, what="and came back")
    wait_notice_read(desk)
    opened.activateWindow()
    QTest.keyClick(opened, Qt.Key.Key_F4)
    assert desk.banner.notice is None, "the operator has said that he knows of the other"
    report_p1(desk, "local:gone")
    wait_for(lambda: not outbox(desk), what="the third is at the server")
    wait_for(lambda: min(desk.desk.view.hazards.tolist()) >= FIRST_ROW, what="and came back: its row stays")
    gone = int(desk.desk.view.hazards[-1])
    wait_for(lambda: desk.banner.notice is not None, what="a third one is told")
    desk.desk.choose(gone)
    wait_for(lambda: desk.details_reader.current.row == gone, what="it is looked at")
    assert desk.banner.notice is None


def test_a_p1_that_the_operator_has_entered_himself_is_no_news_to_him(desk: Any) -> None:
    data = p1_data(desk)
    before = set(desk.desk.view.hazards.tolist())
    desk.report_commands.create("city", data)
    wait_for(lambda: set(desk.desk.view.hazards.tolist()) - before, what="it is on the board")
    wait_for(lambda: desk.desk.row in desk.desk.view.hazards.tolist(), what="it is chosen")
    assert desk.banner.notice is None
    desk.desk.choose(int(desk.desk.view.order[-1]))
    wait_for(lambda: not outbox(desk), what="it is at the server")
    wait_for(lambda: min(desk.desk.view.hazards.tolist()) >= FIRST_ROW, what="and came back, while another is chosen")
    assert desk.banner.notice is None, "under its number neither"


def test_a_p1_in_the_maps_view_that_the_list_leaves_out_is_drawn_and_said(desk: Any) -> None:
    """Under "Mine" the map showed one triangle of three; nothing said that two burned in its very middle."""
    wait_for(lambda: desk.map.last_view is not None, 30, "the map")
    report_p1(desk, "local:here")
    wait_for(lambda: outside(desk.map) == "", what="all are listed and in view")
    waiting = len(desk.desk.view.hazards)
    desk.desk.set_filter(Filter(tab="mine"))
    wait_for(lambda: outside(desk.map) == f"{waiting} P1 here, not in this list", what="it is said")
    wait_for(lambda: desk.map_controller.corner()["view"] == desk.desk.view.number, what="the map has drawn the list")
    assert desk.map_controller.corner()["symbols"] == len(desk.desk.view.order)
    desk.map.report_picked.emit(desk.map._outside[0])
    assert desk.desk.row == int(desk.desk.view.hazards[0]), "a click on it chooses the one that waits longest"


def test_a_p1_beside_the_map_is_said_at_its_edge_and_a_click_goes_there(desk: Any) -> None:
    wait_for(lambda: desk.map.last_view is not None, 30, "the map")
    wait_for(lambda: outside(desk.map) == "", what="all are in view")
    report_p1(desk, "local:far", -5.7, 106.6)
    wait_for(lambda: outside(desk.map) == "1 P1 outside", what="it is said")
    everything = desk.desk.filter
    desk.desk.set_filter(Filter(tab="validate"))
    here = len(desk.desk.view.hazards) - 1
    assert here > 0, "others burn in what the map shows"
    wait_for(
        lambda: outside(desk.map) == f"1 P1 outside, {here + 1} not in this list ({here} here)",
        what="the corner counts what is listed",
    )
    desk.desk.set_filter(everything)
    wait_for(lambda: outside(desk.map) == "1 P1 outside", what="listed again")
    row = desk.map._outside[0]
    desk.map.report_picked.emit(row)
    assert desk.desk.row == row
    wait_for(lambda: outside(desk.map) != "1 P1 outside" or desk.map._outside[0] != row, what="the map goes there")


def test_a_strip_that_comes_leaves_the_keyboard_in_the_field_that_is_typed_in(city: Served, tmp_path: Path) -> None:
    """The form made room for it, the keyboard went to "Leave", and the caller's words were keys of the window."""
    with console(tmp_path, city.address, size=(1366, 768)) as desk:
        wait_ready(desk)
        key(desk, "N", CTRL)
        telephone = form(desk)
        field = telephone.report_text
        field.setFocus()
        assert desk.banner.notice is None
        QTest.keyClicks(field, "air masuk ")
        high, top = telephone.height(), telephone.y()
        report_p1(desk, "local:strip")
        wait_for(lambda: desk.banner.notice is not None, what="the strip")
        wait_for(lambda: (telephone.height(), telephone.y()) != (high, top), what="the form makes room for it")
        assert telephone.focusWidget() is field
        focused = QApplication.focusWidget()
        assert focused is not None
        assert focused is field
        QTest.keyClicks(focused, "rumah saya")
        assert telephone.report_text.toPlainText() == "air masuk rumah saya"
        assert telephone.isVisible()
        desk.forms.close_open()


def test_a_p1_whose_crew_is_done_without_a_proof_gets_another_one_by_the_key(desk: Any) -> None:
    """F8 led to it as one without a crew, and the key said that a unit is on it."""
    before = set(desk.desk.view.hazards.tolist())
    services = desk.desk.catalog("city").services.items()
    service = next(code for code, one in services if one.proof and not one.valid_to)
    desk.edit_commands.create("city", {**p1_data(desk), "service": service}, "local:done", "Water rises")
    wait_for(lambda: set(desk.desk.view.hazards.tolist()) - before, what="it is on the board")
    (row,) = set(desk.desk.view.hazards.tolist()) - before
    desk.desk.choose(row)
    wait_for(
        lambda: desk.details_reader.current is not None and desk.details_reader.current.row == desk.desk.row,
        what="it is read",
    )
    wait_for(lambda: desk.details_reader.current.server is not None, what="its number")
    number = desk.details_reader.current.shown.id
    choose(desk, number)
    (first, *_) = free_units(desk)
    desk.unit_commands.dispatch(desk.details_reader.current, first)
    wait_for(lambda: desk.situation.now.lead_state == "dispatched", what="sent")
    key(desk, "D", CTRL)
    wait_for(lambda: not outbox(desk), what="received")
    assert len(desk.details_reader.current.live) == 1, "the key again sends no second one"
    for action, state in (("en_route", "en_route"), ("on_scene", "on_scene"), ("done", "done")):
        assert desk.actions.run(action), action
        wait_for(lambda state=state: desk.situation.now.lead_state == state, what=state)
    assert desk.situation.now.needs_proof
    assert not desk.details_reader.current.live
    wait_for(lambda: desk.situation.now.crewless, what="nobody is there any more")
    wait_for(lambda: desk.situation.now.advice, what="a unit to send")
    assert desk.ticket.ticket().actions[0].id == "dispatch"
    wait_for(lambda: not desk.key_guard.first_just_changed, what="whom the key sends has been read")
    key(desk, "D", CTRL)
    wait_for(lambda: desk.situation.now.lead_state == "dispatched", what="another one is sent")
    assert len(desk.details_reader.current.live) == 1
