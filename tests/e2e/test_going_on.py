"""After a step the next report that waits is chosen, the one that moved is told, and undo goes back to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.helpers.city import Served, console, served, stopped, wait_for, write_users
from tests.helpers.hands import CTRL, choose, enter, find, form, key, said, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("goingon")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "3000", "--users", users) as server:
        yield server


@pytest.fixture
def window(city: Served, tmp_path: Path) -> Iterator[Any]:
    with console(tmp_path, city.address, go_on=True) as one:
        wait_ready(one)
        yield one


def test_a_routine_report_is_two_keys_and_the_list_stays_where_the_work_is(
    window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = find(window, "unassigned", lambda now: now.advice)
    row, order = window.window_state.row, window.window_state.view.order
    following = int(order[window.window_state.view.position_of(row) + 1])
    key(window, "Enter")
    wait_for(lambda: window.window.current_panel() == "report", what="the report has the keyboard")
    now_s = window.key_guard._steady_s()
    with monkeypatch.context() as clock:
        clock.setattr(window.key_guard, "_steady_s", lambda: now_s)
        enter(window)
        assert window.window_state.row == following
        wait_for(lambda: window.situation.chosen is not None, what="the next report")
        key(window, "D", CTRL)
        key(window, "T")
    assert "another report has just been shown" in said(window.status), "nobody has looked at it yet"
    assert window.window.current_panel() == "queue", "a second Enter of the same stroke sends nothing"
    assert not window.ticket._actions.enter()
    wait_for(lambda: f"{number} has left this list" in said(window.status), what="where it went")
    sent = window.reader().row_of("city", number)
    wait_for(lambda: window.window_state.view.row_facts([sent])[0].lead_unit, what="sent")
    wait_for(lambda: not window.outbox_controller.open_edits, what="received")
    assert window.reader().report(sent).report.claim.who == "rina"
    assert window.queue.current_key() == following
    key(window, "Z", CTRL)
    assert window.window_state.row == sent, "undo goes back to the report"
    wait_for(lambda: window.situation.current.holder is None and not window.situation.current.lead_unit, what="undone")


def test_what_is_typed_behind_a_key_that_opened_no_form_sends_no_crew(
    window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`D 1 Enter` without a duplicate did what the filled button said, meant for a form that had not opened."""
    find(window, "unassigned", lambda now: now.advice and not window.situation.with_duplicates[1])
    row = window.window_state.row
    window.window.focus_panel("report")
    wait_for(lambda: window.ticket._actions.is_armed, what="Enter means the filled button")
    assert window.ticket._actions.meaning[0] == "dispatch"
    now_s = window.key_guard._steady_s()
    with monkeypatch.context() as clock:
        clock.setattr(window.key_guard, "_steady_s", lambda: now_s)
        for stroke in ("D", "1", "Enter"):
            key(window, stroke)
    assert "the key before it opened no form" in said(window.status)
    assert not window.outbox_controller.open_edits
    assert window.window_state.row == row
    monkeypatch.setattr(window.key_guard, "_steady_s", lambda: now_s + 5)
    enter(window)
    wait_for(lambda: window.outbox_controller.open_edits, what="what was meant is done")


def test_after_a_command_about_another_report_one_is_where_one_was(window: Any) -> None:
    number = find(window, "unassigned", lambda now: now.advice)
    unit = window.situation.recommendations.units[0].code
    window.actions.run("tab_open")
    wait_for(lambda: window.window_state.view.filter.tab == "open", what="the tab")
    window.window_state.choose(int(window.window_state.view.order[3]))
    window.queue.view.verticalScrollBar().setValue(0)
    reading = window.window_state.row
    window.command.focus_line(f"d {unit} {number}")
    key(window, "Enter")
    sent = window.reader().row_of("city", number)
    wait_for(lambda: window.window_state.view.row_facts([sent])[0].lead_unit, what="sent")
    assert window.window_state.row == reading
    assert window.queue.current_key() == reading
    assert window.queue.view.above() == 0


def test_a_report_whose_category_is_another_agencys_stays_the_chosen_one(window: Any) -> None:
    """Who mends the category goes on with this report: his note, or his crew, went to the next one."""
    find(window, "unassigned", lambda now: not now.holder)
    row, now = window.window_state.row, window.situation.chosen.shown
    services = window.window_state.catalog("city").services.values()
    other = next(one for one in services if one.agency and one.agency != now.agency)
    window.report_commands.set_category(window.situation.chosen, other.code)
    wait_for(
        lambda: window.situation.chosen and window.situation.chosen.shown.agency == other.agency, what="its new agency"
    )
    assert window.window_state.row == row


def test_in_the_open_list_the_sight_stays_and_the_place_is_told(window: Any) -> None:
    number = find(window, "unassigned", lambda now: now.advice)
    row = window.window_state.row
    window.actions.run("tab_open")
    wait_for(lambda: window.window_state.view.filter.tab == "open", what="the tab")
    choose(window, number)
    place = window.window_state.view.position_of(row)
    key(window, "D", CTRL)
    following = window.window_state.row
    assert following != row
    (fact,) = window.window_state.view.row_facts([following])
    assert (fact.claim, fact.lead_unit, fact.hold) == (0, 0, 0)
    wait_for(lambda: window.window_state.view.row_facts([row])[0].lead_unit, what="sent")
    now = window.window_state.view.position_of(row)
    assert (f"{number} went from place {place + 1} to {now + 1}" in said(window.status)) == (now != place)
    assert window.going_on._left is None, "what the list does later is not told as this step's doing"
    sight = window.queue.view.rows_in_sight()
    assert window.queue.view.rows.position(following) in sight


def test_the_first_of_another_list_is_chosen_and_no_key_means_a_report_of_the_list_before(window: Any) -> None:
    number = find(window, "unassigned", lambda now: now.advice)
    row = window.window_state.row
    window.window.focus_panel("report")
    window.actions.run("tab_validate")
    assert window.situation.current.left_behind, "between the two lists a key means neither's report"
    wait_for(lambda: window.window_state.view.filter.tab == "validate", what="the tab")
    first = int(window.window_state.view.order[0])
    assert window.window_state.row == first == window.queue.current_key() != row
    assert not window.situation.current.left_behind
    assert window.window.current_panel() == "queue", "Enter does not do to the first what was meant for the one before"
    window.actions.run("tab_open")
    wait_for(lambda: window.window_state.view.filter.tab == "open", what="the tab")
    assert window.window_state.row == first, "the list still holds it"
    assert not window.situation.current.left_behind
    assert number


def test_while_the_list_holds_nothing_the_report_stays_and_its_keys_are_off_until_it_is_chosen_anew(
    window: Any,
) -> None:
    find(window, "unassigned", lambda now: now.advice)
    row = window.window_state.row
    window.window_state.set_filter(window.window_state.filter.with_text("kjhqwexyz"))
    wait_for(lambda: not len(window.window_state.view.order), what="nothing fits")
    assert window.window_state.row == row
    key(window, "D", CTRL)
    key(window, "T")
    assert not window.outbox_controller.open_edits
    assert "The report is not in this list" in said(window.status)
    steps = {one.id: one for one in window.ticket.ticket().actions}
    assert steps["dispatch"].why_not == "The report is not in this list"
    assert not any(one.enabled for one in steps.values())
    window.window_state.choose(row)
    assert not window.situation.current.left_behind, "who chooses it again means it"
    window.window_state.set_filter(window.window_state.filter.with_text("kjhqwexyz 2"))
    assert window.situation.current.left_behind
    window.actions.run("clear_filter")
    wait_for(lambda: len(window.window_state.view.order), what="the list without the filter")
    assert window.window_state.row == row
    assert not window.situation.current.left_behind


def test_a_hold_goes_on_too_and_what_does_not_end_the_turn_stays(window: Any) -> None:
    find(window, "unassigned", lambda now: now.advice)
    row = window.window_state.row
    key(window, "P")
    form(window)
    window.forms._open.reject()
    key(window, "T")
    wait_for(lambda: window.situation.current.holder == "rina", what="taken")
    assert window.window_state.row == row
    details = window.situation.chosen
    window.edit_commands.set_fields(details, {"priority": 2 if details.shown.priority != 2 else 3}, "Priority")
    assert window.window_state.row == row
    hold = {"reason": "rain", "waits_for": "weather", "until": None}
    window.edit_commands.set_fields(details, {"hold": hold}, "Hold")
    assert window.window_state.row != row


def test_an_order_that_must_be_told_by_radio_keeps_its_report_in_sight_and_so_does_the_setting(
    window: Any, city: Served
) -> None:
    find(window, "unassigned", lambda now: now.advice)
    row = window.window_state.row
    window.actions.run("go_on")
    assert window.settings.here.go_on is False
    key(window, "T")
    wait_for(lambda: window.situation.current.holder == "rina", what="taken")
    key(window, "D", CTRL)
    wait_for(lambda: window.situation.current.lead_unit, what="sent")
    assert window.window_state.row == row
    window.actions.run("go_on")
    find(window, "unassigned", lambda now: now.advice)
    row = window.window_state.row
    with stopped(city):
        wait_for(lambda: window.sources.is_away("city"), 40, "the server is away")
        key(window, "D", CTRL)
        if (
            "has just become the first" in window.status_controller._message
        ):  # what is not current any more ranks otherwise
            QTest.qWait(1_100)
            key(window, "D", CTRL)
        wait_for(lambda: window.situation.current.not_sent, what="the order waits")
        assert window.window_state.row == row
        assert window.ticket.ticket().strips


def test_who_quits_with_reports_of_his_own_is_asked_and_a_key_without_a_use_says_so(window: Any) -> None:
    find(window, "unassigned", lambda now: now.advice)
    key(window, "T")
    wait_for(lambda: window.window_state.view.counts.tabs["mine"], what="it is mine")
    wait_for(lambda: not window.outbox_controller.open_edits, what="received")
    key(window, "J", CTRL)
    assert "Ctrl J does nothing here" in said(window.status)
    key(window, "Q", CTRL)
    question = form(window)
    assert "yours" in question._title.text()
    question.reject()
    assert window.window.isVisible()


def test_each_step_back_goes_to_the_report_that_it_is_about(window: Any) -> None:
    """The second one was undone on a report that was shown nowhere, a crew called back from it."""
    skip: set[str] = set()
    rows = []
    for _ in range(2):
        find(window, "unassigned", skip=skip)
        rows.append(window.window_state.row)
        window.report_commands.set_priority(
            window.details_reader.current, 4 if window.details_reader.current.shown.priority != 4 else 3
        )
    find(window, "unassigned", skip=skip)
    assert window.window_state.row not in rows
    wait_for(lambda: not window.outbox_controller.open_edits, what="received")
    for row in reversed(rows):
        key(window, "Z", CTRL)
        assert window.window_state.row == row
        wait_for(lambda: window.situation.chosen is not None, what="it is read")


def test_undo_in_a_form_that_holds_something_is_not_the_windows(window: Any) -> None:
    """With a choice in the form Ctrl+Z called the crew back that had been sent before it was opened."""
    number = find(window, "unassigned", lambda now: now.advice and not now.on_hold)
    key(window, "D", CTRL)
    wait_for(lambda: not window.outbox_controller.open_edits, what="received")
    choose(window, number)
    assert window.undo_stack.undo_text.startswith("Dispatch")
    key(window, "H")
    hold = form(window)
    assert window.shortcuts.is_usable_elsewhere("Ctrl Z")
    QTest.keyClick(hold.focusWidget(), Qt.Key.Key_3)
    assert hold.is_begun
    assert not window.shortcuts.is_usable_elsewhere("Ctrl Z")
    QTest.keyClick(hold.focusWidget(), Qt.Key.Key_Z, CTRL)
    assert "Nothing was undone: the form holds what is not saved" in said(window.status)
    assert window.undo_stack.undo_text.startswith("Dispatch")
    QTest.keyClick(hold, Qt.Key.Key_Escape)
    wait_for(lambda: not window.forms.is_open, what="the form is gone")
    key(window, "H")
    again = form(window)
    assert not again.is_begun
    QTest.keyClick(again.focusWidget(), Qt.Key.Key_Z, CTRL)
    assert not window.undo_stack.undo_text.startswith("Dispatch"), "nothing was entered: the step before is meant"
    assert window.forms._open is again, "it is about the report that is shown"


def test_undo_in_a_form_about_another_report_shows_what_was_taken_back(window: Any) -> None:
    """The verdict before was taken back, and the next proof's form stayed with Enter armed, over that other report."""
    number = find(window, "unassigned")
    window.report_commands.set_priority(
        window.details_reader.current, 4 if window.details_reader.current.shown.priority != 4 else 3
    )
    row = window.window_state.row
    find(window, "unassigned", lambda now: not now.on_hold, skip={number})
    assert window.window_state.row != row
    key(window, "H")
    other = form(window)
    QTest.keyClick(other.focusWidget(), Qt.Key.Key_Z, CTRL)
    wait_for(lambda: window.window_state.row == row, what="the report of the step that was taken back")
    assert not other.isVisible()
    assert not window.forms.is_open
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the window has the keyboard")


def test_a_key_of_the_window_that_a_form_does_not_hear_says_why(window: Any) -> None:
    """The telephone rang while a note was open: Ctrl+N did nothing, and nothing said so."""
    find(window, "unassigned")
    key(window, "N")
    note = form(window)
    QTest.keyClick(note.focusWidget(), Qt.Key.Key_N, CTRL)
    assert "Ctrl N does nothing while a form has the keyboard: Esc leaves it" in said(window.status)
    note.leave_button.setFocus()
    QTest.keyClick(note.leave_button, Qt.Key.Key_M)
    assert "M does nothing while a form has the keyboard" in said(window.status)
    QTest.keyClick(note.leave_button, Qt.Key.Key_Escape)
    wait_for(lambda: not window.forms.is_open, what="the form is gone")
    key(window, "N", CTRL)
    telephone = form(window)
    window.status_controller.say("")
    QTest.keyClick(telephone.focusWidget(), Qt.Key.Key_N, CTRL)
    assert "Ctrl N does nothing while a form has the keyboard" in said(window.status)
    window.forms.close_open()
