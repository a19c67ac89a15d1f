"""After a step the next report that waits is chosen, the one that moved is told, and undo goes back to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import CTRL, choose, enter, find, form, key, said, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("goingon")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "1500", "--users", users) as server:
        yield server


@pytest.fixture
def desk(city: Served, tmp_path: Path) -> Iterator[Any]:
    with console(tmp_path, city.address, go_on=True) as one:
        wait_ready(one)
        yield one


def test_a_routine_report_is_two_keys_and_the_list_stays_where_the_work_is(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = find(desk, "unassigned", lambda now: now.advice)
    row, order = desk.desk.row, desk.desk.view.order
    following = int(order[desk.desk.view.position_of(row) + 1])
    key(desk, "Enter")
    wait_for(lambda: desk.window.current_panel() == "report", what="the report has the keyboard")
    now_s = desk.key_guard._steady_s()
    with monkeypatch.context() as clock:
        clock.setattr(desk.key_guard, "_steady_s", lambda: now_s)
        enter(desk)
        assert desk.desk.row == following
        wait_for(lambda: desk.situation.chosen is not None, what="the next report")
        key(desk, "D", CTRL)
        key(desk, "T")
    assert "another report has just been shown" in said(desk.status), "nobody has looked at it yet"
    assert desk.window.current_panel() == "queue", "a second Enter of the same stroke sends nothing"
    assert not desk.ticket._actions.enter()
    wait_for(lambda: f"{number} has left this list" in said(desk.status), what="where it went")
    sent = desk.reader().row_of("city", number)
    wait_for(lambda: desk.desk.view.row_facts([sent])[0].lead_unit, what="sent")
    wait_for(lambda: not desk.outbox_controller.outbox, what="received")
    assert desk.reader().report(sent).report.claim.who == "rina"
    assert desk.queue.current_key() == following
    key(desk, "Z", CTRL)
    assert desk.desk.row == sent, "undo goes back to the report"
    wait_for(lambda: desk.situation.now.holder is None and not desk.situation.now.lead_unit, what="undone")


def test_what_is_typed_behind_a_key_that_opened_no_form_reports_no_step_of_a_crew(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`D 1 Enter` without a duplicate reported a crew on scene that was not there, and that cannot be taken back."""
    number = find(desk, "unassigned", lambda now: now.advice and not desk.situation.with_duplicates[1])
    row = desk.desk.row
    key(desk, "D", CTRL)
    choose(desk, number)
    wait_for(lambda: desk.situation.now.lead_unit, what="its crew")
    wait_for(lambda: not desk.outbox_controller.outbox, what="received")
    desk.window.focus_panel("report")
    wait_for(lambda: desk.ticket._actions.is_armed, what="Enter means the filled button")
    assert desk.ticket._actions.meaning[0] in ("en_route", "on_scene")
    now_s = desk.key_guard._steady_s()
    with monkeypatch.context() as clock:
        clock.setattr(desk.key_guard, "_steady_s", lambda: now_s)
        for stroke in ("D", "1", "Enter"):
            key(desk, stroke)
    assert "the key before it opened no form" in said(desk.status)
    assert not desk.outbox_controller.outbox
    assert desk.desk.row == row
    monkeypatch.setattr(desk.key_guard, "_steady_s", lambda: now_s + 5)
    enter(desk)
    wait_for(lambda: desk.outbox_controller.outbox, what="what was meant is done")


def test_after_a_command_about_another_report_one_is_where_one_was(desk: Any) -> None:
    number = find(desk, "unassigned", lambda now: now.advice)
    unit = desk.situation.recommendations.units[0].code
    desk.actions.run("tab_open")
    wait_for(lambda: desk.desk.view.filter.tab == "open", what="the tab")
    desk.desk.choose(int(desk.desk.view.order[3]))
    desk.queue.view.verticalScrollBar().setValue(0)
    reading = desk.desk.row
    desk.command.focus_line(f"d {unit} {number}")
    key(desk, "Enter")
    sent = desk.reader().row_of("city", number)
    wait_for(lambda: desk.desk.view.row_facts([sent])[0].lead_unit, what="sent")
    assert desk.desk.row == reading
    assert desk.queue.current_key() == reading
    assert desk.queue.view.above() == 0


def test_a_report_whose_category_is_another_agencys_stays_the_chosen_one(desk: Any) -> None:
    """Who mends the category goes on with this report: his note, or his crew, went to the next one."""
    find(desk, "unassigned", lambda now: not now.holder)
    row, now = desk.desk.row, desk.situation.chosen.shown
    services = desk.desk.catalog("city").services.values()
    other = next(one for one in services if one.agency and one.agency != now.agency)
    desk.report_commands.set_category(desk.situation.chosen, other.code)
    wait_for(
        lambda: desk.situation.chosen and desk.situation.chosen.shown.agency == other.agency, what="its new agency"
    )
    assert desk.desk.row == row


def test_in_the_open_list_the_sight_stays_and_the_place_is_told(desk: Any) -> None:
    number = find(desk, "unassigned", lambda now: now.advice)
    row = desk.desk.row
    desk.actions.run("tab_open")
    wait_for(lambda: desk.desk.view.filter.tab == "open", what="the tab")
    choose(desk, number)
    place = desk.desk.view.position_of(row)
    key(desk, "D", CTRL)
    following = desk.desk.row
    assert following != row
    (fact,) = desk.desk.view.row_facts([following])
    assert (fact.claim, fact.lead_unit, fact.hold) == (0, 0, 0)
    wait_for(lambda: desk.desk.view.row_facts([row])[0].lead_unit, what="sent")
    now = desk.desk.view.position_of(row)
    assert (f"{number} went from place {place + 1} to {now + 1}" in said(desk.status)) == (now != place)
    assert desk.going_on._left is None, "what the list does later is not told as this step's doing"
    sight = desk.queue.view.rows_in_sight()
    assert desk.queue.view.rows.position(following) in sight


def test_the_first_of_another_list_is_chosen_and_no_key_means_a_report_of_the_list_before(desk: Any) -> None:
    number = find(desk, "unassigned", lambda now: now.advice)
    row = desk.desk.row
    desk.window.focus_panel("report")
    desk.actions.run("tab_validate")
    assert desk.situation.now.left_behind, "between the two lists a key means neither's report"
    wait_for(lambda: desk.desk.view.filter.tab == "validate", what="the tab")
    first = int(desk.desk.view.order[0])
    assert desk.desk.row == first == desk.queue.current_key() != row
    assert not desk.situation.now.left_behind
    assert desk.window.current_panel() == "queue", "Enter does not do to the first what was meant for the one before"
    desk.actions.run("tab_open")
    wait_for(lambda: desk.desk.view.filter.tab == "open", what="the tab")
    assert desk.desk.row == first, "the list still holds it"
    assert not desk.situation.now.left_behind
    assert number


def test_while_the_list_holds_nothing_the_report_stays_and_its_keys_are_off_until_it_is_chosen_anew(desk: Any) -> None:
    find(desk, "unassigned", lambda now: now.advice)
    row = desk.desk.row
    desk.desk.set_filter(desk.desk.filter.with_text("kjhqwexyz"))
    wait_for(lambda: not len(desk.desk.view.order), what="nothing fits")
    assert desk.desk.row == row
    key(desk, "D", CTRL)
    key(desk, "T")
    assert not desk.outbox_controller.outbox
    assert "The report is not in this list" in said(desk.status)
    steps = {one.id: one for one in desk.ticket.ticket().actions}
    assert steps["dispatch"].why_not == "The report is not in this list"
    assert not any(one.enabled for one in steps.values())
    desk.desk.choose(row)
    assert not desk.situation.now.left_behind, "who chooses it again means it"
    desk.desk.set_filter(desk.desk.filter.with_text("kjhqwexyz 2"))
    assert desk.situation.now.left_behind
    desk.actions.run("clear_filter")
    wait_for(lambda: len(desk.desk.view.order), what="the list without the filter")
    assert desk.desk.row == row
    assert not desk.situation.now.left_behind


def test_a_hold_goes_on_too_and_what_does_not_end_the_turn_stays(desk: Any) -> None:
    find(desk, "unassigned", lambda now: now.advice)
    row = desk.desk.row
    key(desk, "P")
    form(desk)
    desk.forms._open.reject()
    key(desk, "T")
    wait_for(lambda: desk.situation.now.holder == "rina", what="taken")
    assert desk.desk.row == row
    details = desk.situation.chosen
    desk.edit_commands.set_fields(details, {"priority": 2 if details.shown.priority != 2 else 3}, "Priority")
    assert desk.desk.row == row
    hold = {"reason": "rain", "waits_for": "weather", "until": None}
    desk.edit_commands.set_fields(details, {"hold": hold}, "Hold")
    assert desk.desk.row != row


def test_an_order_that_must_be_told_by_radio_keeps_its_report_in_sight_and_so_does_the_setting(
    desk: Any, city: Served
) -> None:
    find(desk, "unassigned", lambda now: now.advice)
    row = desk.desk.row
    desk.actions.run("go_on")
    assert desk.settings.here.go_on is False
    key(desk, "T")
    wait_for(lambda: desk.situation.now.holder == "rina", what="taken")
    key(desk, "D", CTRL)
    wait_for(lambda: desk.situation.now.lead_unit, what="sent")
    assert desk.desk.row == row
    desk.actions.run("go_on")
    find(desk, "unassigned", lambda now: now.advice)
    row = desk.desk.row
    city.stop()
    wait_for(lambda: desk.sources.is_away("city"), 40, "the server is away")
    key(desk, "D", CTRL)
    if "has just become the first" in desk.status_controller._said:  # what is not current any more ranks otherwise
        QTest.qWait(1_100)
        key(desk, "D", CTRL)
    wait_for(lambda: desk.situation.now.not_sent, what="the order waits")
    assert desk.desk.row == row
    assert desk.ticket.ticket().strips
    city.start()


def test_who_quits_with_reports_of_his_own_is_asked_and_a_key_without_a_use_says_so(desk: Any) -> None:
    find(desk, "unassigned", lambda now: now.advice)
    key(desk, "T")
    wait_for(lambda: desk.desk.view.counts.tabs["mine"], what="it is mine")
    wait_for(lambda: not desk.outbox_controller.outbox, what="received")
    key(desk, "L", CTRL)
    assert "Ctrl L does nothing here" in said(desk.status)
    key(desk, "Q", CTRL)
    question = form(desk)
    assert "yours" in question._title.text()
    question.reject()
    assert desk.window.isVisible()


def test_each_step_back_goes_to_the_report_that_it_is_about(desk: Any) -> None:
    """The second one was undone on a report that was shown nowhere, a crew called back from it."""
    skip: set[str] = set()
    rows = []
    for _ in range(2):
        find(desk, "unassigned", skip=skip)
        rows.append(desk.desk.row)
        desk.report_commands.set_priority(
            desk.details_reader.current, 4 if desk.details_reader.current.shown.priority != 4 else 3
        )
    find(desk, "unassigned", skip=skip)
    assert desk.desk.row not in rows
    wait_for(lambda: not desk.outbox_controller.outbox, what="received")
    for row in reversed(rows):
        key(desk, "Z", CTRL)
        assert desk.desk.row == row
        wait_for(lambda: desk.situation.chosen is not None, what="it is read")


def test_undo_in_a_form_that_holds_something_is_not_the_windows(desk: Any) -> None:
    """With a choice in the form Ctrl+Z called the crew back that had been sent before it was opened."""
    number = find(desk, "unassigned", lambda now: now.advice and not now.on_hold)
    key(desk, "D", CTRL)
    wait_for(lambda: not desk.outbox_controller.outbox, what="received")
    choose(desk, number)
    assert desk.undo_stack.undo_text.startswith("Dispatch")
    key(desk, "H")
    hold = form(desk)
    assert desk.shortcuts.is_usable_elsewhere("Ctrl Z")
    QTest.keyClick(hold.focusWidget(), Qt.Key.Key_3)
    assert hold.is_begun
    assert not desk.shortcuts.is_usable_elsewhere("Ctrl Z")
    QTest.keyClick(hold.focusWidget(), Qt.Key.Key_Z, CTRL)
    assert "Nothing was undone: the form holds what is not saved" in said(desk.status)
    assert desk.undo_stack.undo_text.startswith("Dispatch")
    QTest.keyClick(hold, Qt.Key.Key_Escape)
    wait_for(lambda: not desk.forms.is_open, what="the form is gone")
    key(desk, "H")
    again = form(desk)
    assert not again.is_begun
    QTest.keyClick(again.focusWidget(), Qt.Key.Key_Z, CTRL)
    assert not desk.undo_stack.undo_text.startswith("Dispatch"), "nothing was entered: the step before is meant"
    assert desk.forms._open is again, "it is about the report that is shown"


def test_undo_in_a_form_about_another_report_shows_what_was_taken_back(desk: Any) -> None:
    """The verdict before was taken back, and the next proof's form stayed with Enter armed, over that other report."""
    number = find(desk, "unassigned")
    desk.report_commands.set_priority(
        desk.details_reader.current, 4 if desk.details_reader.current.shown.priority != 4 else 3
    )
    row = desk.desk.row
    find(desk, "unassigned", lambda now: not now.on_hold, skip={number})
    assert desk.desk.row != row
    key(desk, "H")
    other = form(desk)
    QTest.keyClick(other.focusWidget(), Qt.Key.Key_Z, CTRL)
    wait_for(lambda: desk.desk.row == row, what="the report of the step that was taken back")
    assert not other.isVisible()
    assert not desk.forms.is_open
    wait_for(lambda: QApplication.activeWindow() is desk.window, what="the window has the keyboard")


def test_a_key_of_the_window_that_a_form_does_not_hear_says_why(desk: Any) -> None:
    """The telephone rang while a note was open: Ctrl+N did nothing, and nothing said so."""
    find(desk, "unassigned")
    key(desk, "N")
    note = form(desk)
    QTest.keyClick(note.focusWidget(), Qt.Key.Key_N, CTRL)
    assert "Ctrl N does nothing while a form has the keyboard: Esc leaves it" in said(desk.status)
    note.leave_button.setFocus()
    QTest.keyClick(note.leave_button, Qt.Key.Key_M)
    assert "M does nothing while a form has the keyboard" in said(desk.status)
    QTest.keyClick(note.leave_button, Qt.Key.Key_Escape)
    wait_for(lambda: not desk.forms.is_open, what="the form is gone")
    key(desk, "N", CTRL)
    telephone = form(desk)
    desk.status_controller.say("")
    QTest.keyClick(telephone.focusWidget(), Qt.Key.Key_N, CTRL)
    assert "Ctrl N does nothing while a form has the keyboard" in said(desk.status)
    desk.forms.close_open()
