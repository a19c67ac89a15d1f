"""A conflict is settled by its form: what the own step is and hides is said, and what is given anew can be undone."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from unittest import mock

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from api_client.model import Kind
from console.panels.notifications.lost_orders import LostOrder, lost_text, why_lost
from console.panels.report.conflict_controller import ConflictController
from console.panels.report.conflict_text import conflict_text
from console.panels.report.recreate_form import RecreateForm
from console.rules.messages import Outcome
from console.rules.queued import EditState, Queued
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from widgets.forms.conflict import ConflictForm

ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier
BY_BUDI = {"who": "budi", "at": NOW.isoformat()}
RAISED = {"priority": {"value": 1, "note": "children on the roof", **BY_BUDI}}
MERGED = {"duplicates": {"value": 1, "report": "931182", "priority": 1, "note": "Second house", "more": 0, **BY_BUDI}}
SENT = {"unit": {"value": "11", "units": ["07", "11"], **BY_BUDI}}


def conflict_controller(rig: Rig) -> ConflictController:
    return ConflictController(
        rig.outbox,
        rig.forms,
        rig.edit_commands,
        mock.create_autospec(RecreateForm, instance=True),
        rig.window_state,
        UTC,
        lambda: NOW,
    )


def in_conflict(rig: Rig, theirs: dict[str, Any], *, priority: int = 0) -> str:
    """A report that is closed, or given a priority, while others did something else."""
    details = rig.details(1001, "A")
    if priority:
        edit_id = rig.edit_commands.set_fields(details, {"priority": priority}, f"Priority {priority}")
    else:
        edit_id = rig.edit_commands.close(details, "spam", "", ())
    rig.saved(1)
    rig.outbox.on_outcome(Outcome(edit_id, EditState.CONFLICT, theirs=theirs, version=9))
    rig.undo_stack.forget(edit_id)  # as LostOrders does: what was not done is nothing to undo
    return edit_id


def opened(rig: Rig, edit_id: str) -> ConflictForm:
    conflict_controller(rig).open(edit_id)
    form = rig.form()
    assert isinstance(form, ConflictForm)
    return form


def settled(rig: Rig, edit_id: str) -> list[Queued]:
    wait_for(lambda: rig.outbox.open_edit(edit_id) is None and not rig.outbox.saving, what="it is settled")
    return list(rig.outbox.open_edits)


@pytest.mark.parametrize(
    ("theirs", "priority", "step", "unseen", "over"),
    [
        (RAISED, 0, "Close it without work: spam", "budi made it P1", "Close it over the P1"),
        (MERGED, 4, "Lower it to P4", "budi merged report 931182 (P1) into it", "Lower it to P4 over the P1"),
        (RAISED, 4, "Lower it to P4", "budi made it P1", "Lower it to P4 over the P1"),
    ],
)
def test_a_step_over_a_p1_that_was_not_seen_is_named_and_is_done_by_a_key_of_its_own(
    rig: Rig, theirs: dict[str, Any], priority: int, step: str, unseen: str, over: str
) -> None:
    """1 and Ctrl+Enter closed it; nothing in the form said that the own change was a closing, nor of what."""
    edit_id = in_conflict(rig, theirs, priority=priority)
    form = opened(rig, edit_id)
    said = form._sentence.text()
    assert said.startswith(f"{step}? Not seen when you did it: {unseen}")
    assert ("children on the roof" in said) is (theirs is RAISED)
    assert not form.over_button.isVisible()
    QTest.keyClick(form.table, Qt.Key.Key_1)
    assert (form.over_button.verb, form.over_button.isVisible(), form.commit_button.isVisible()) == (over, True, False)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        QTest.keyClick(form.focusWidget() or form, key)
        QTest.keyClick(form.focusWidget() or form, key, CTRL)
    assert form.isVisible(), "Enter hides no P1"
    assert over in form._why.text()
    assert rig.outbox.open_edit(edit_id) is not None
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_Return, ALT)
    (again,) = settled(rig, edit_id)
    assert again.edit.about["shown"] == dict.fromkeys(theirs, 9)
    assert rig.undo_stack.newest is not None
    assert (rig.undo_stack.newest.edit_id, bool(rig.undo_stack.undo_text)) == (again.edit.id, True)


def test_the_servers_is_taken_by_enter_and_the_step_is_dropped(rig: Rig) -> None:
    edit_id = in_conflict(rig, RAISED)
    form = opened(rig, edit_id)
    QTest.keyClick(form.table, Qt.Key.Key_1)
    QTest.keyClick(form.table, Qt.Key.Key_2)
    assert (form.commit_button.verb, form.over_button.isVisible()) == ("Keep the server's", False)
    QTest.keyClick(form.table, Qt.Key.Key_Return, ALT)
    assert form.isVisible(), "that key is for the other choice"
    QTest.keyClick(form.table, Qt.Key.Key_Return, CTRL)
    assert settled(rig, edit_id) == []


def test_a_crew_that_was_sent_meanwhile_is_called_back_with_the_close_that_says_so(rig: Rig) -> None:
    """It stayed "dispatched" on a closed report."""
    edit_id = in_conflict(rig, SENT)
    form = opened(rig, edit_id)
    assert form.table.rows[0].mine is not None
    assert form.table.rows[0].mine.text == "Close it without work: spam; called back: SDA-07, SDA-11"
    QTest.keyClick(form.table, Qt.Key.Key_1)
    assert form.commit_button.verb == "Do it all the same", "nothing is merged here"
    QTest.keyClick(form.table, Qt.Key.Key_Return, CTRL)
    (again,) = settled(rig, edit_id)
    assert (again.edit.kind, again.edit.data["release"]) == (Kind.CLOSE, ["07", "11"])


def test_of_a_change_that_would_hide_a_merge_the_rest_is_sent_without_it(rig: Rig) -> None:
    details = rig.details(1001, "A")
    edit_id = rig.edit_commands.set_fields(details, {"priority": 4, "title": "Mine"}, "Change")
    rig.saved(1)
    rig.outbox.on_outcome(
        Outcome(edit_id, EditState.CONFLICT, theirs=MERGED | {"title": BY_BUDI | {"value": "Hers"}}, version=9)
    )
    form = opened(rig, edit_id)
    assert [row.field for row in form.table.rows] == ["title", "step"]
    QTest.keyClick(form.table, Qt.Key.Key_1)
    QTest.keyClick(form.table, Qt.Key.Key_2)
    QTest.keyClick(form.table, Qt.Key.Key_Return, CTRL)
    (again,) = settled(rig, edit_id)
    assert again.edit.data == {"title": "Mine"}


def test_a_closing_that_was_given_anew_is_undone_by_its_inverse(rig: Rig) -> None:
    """Ctrl+Z said that the last step stood no more, while the report stayed closed."""
    edit_id = in_conflict(rig, RAISED)
    form = opened(rig, edit_id)
    QTest.keyClick(form.table, Qt.Key.Key_1)
    QTest.keyClick(form.table, Qt.Key.Key_Return, ALT)
    (again,) = settled(rig, edit_id)
    rig.outbox._store.set(replace(again, state=EditState.ACCEPTED))
    rig.undo_stack.undo()
    wait_for(lambda: not rig.outbox.saving, what="the undo is saved")
    back = rig.outbox.open_edits[-1].edit
    assert (back.kind, back.undoes, back.report) == (Kind.REOPEN, again.edit.id, "A")


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("claim", "budi", "budi took the report first, at "),
        ("status", "closed", "budi closed the report, at "),
    ],
    ids=["taken", "closed"],
)
def test_a_claim_is_lost_to_who_took_it_or_to_who_closed_it(rig: Rig, field: str, value: str, why: str) -> None:
    """Of a report that a colleague had merged it was said that he had taken it: somebody seemed to be at it."""
    edit_id = rig.edit_commands.take(rig.details(1001, "A"))
    rig.saved(1)
    theirs: dict[str, object] = {field: BY_BUDI | {"value": value}}
    rig.outbox.on_outcome(Outcome(edit_id, EditState.CONFLICT, theirs=theirs, version=9))
    lost = rig.outbox.open_edit(edit_id)
    assert lost is not None
    assert why_lost(lost, rig.window_state.catalog("city"), UTC, NOW, str).startswith(why)


@pytest.mark.parametrize(
    ("priority", "why"),
    [
        (1, "SDA-07 was not sent: report B, where it works, is a P1 by now."),
        (3, "SDA-07 was not sent: it works on report B, and this one is no P1 by now."),
    ],
    ids=["one", "three"],
)
def test_a_diverted_unit_that_is_busy_comes_next_and_leaves_nothing(rig: Rig, priority: int, why: str) -> None:
    edit_id = rig.edit_commands.divert(rig.details(1001, "A"), "07", "SDA-07", [rig.details(1002, "B")])
    rig.saved(1)
    busy = {"unit": "07", "report": "B", "priority": priority, **BY_BUDI}
    rig.outbox.on_outcome(Outcome(edit_id, EditState.CONFLICT, theirs={"busy": busy}, version=9))
    lost = rig.outbox.open_edit(edit_id)
    assert lost is not None
    assert conflict_text(lost, rig.window_state.catalog("city"), UTC, NOW, str) == why
    assert why_lost(lost, rig.window_state.catalog("city"), UTC, NOW, str) == why
    form = opened(rig, edit_id)
    QTest.keyClick(form.table, Qt.Key.Key_1)
    QTest.keyClick(form.table, Qt.Key.Key_Return, CTRL)
    (again,) = settled(rig, edit_id)
    assert again.edit.data == {"unit": "07", "stack": True}


def test_what_is_dropped_says_why_in_one_sentence(rig: Rig) -> None:
    """It read "at 08:00.: Dispatched SDA-07"."""
    edit_id = rig.edit_commands.dispatch(rig.details(1001, "A"), "07", "SDA-07", stack=False)
    rig.saved(1)
    theirs: dict[str, object] = {"unit": {"value": "07", **BY_BUDI}}
    rig.outbox.on_outcome(Outcome(edit_id, EditState.CONFLICT, theirs=theirs, version=9))
    settler, said = conflict_controller(rig), list[str]()
    settler.message.connect(said.append)
    settler.open(edit_id)
    assert settled(rig, edit_id) == []
    assert len(said) == 1
    assert (said[0].startswith("Dropped, budi has sent SDA-07 to this report"), ".:" in said[0]) == (True, False)


@pytest.mark.parametrize(
    ("theirs", "chooses"),
    [
        ({"priority": {"value": 2, **BY_BUDI}}, False),
        ({"note": {"value": "children", **BY_BUDI}}, True),
        (MERGED, True),
    ],
    ids=["changed", "noted", "merged"],
)
def test_an_undo_of_what_another_has_changed_since_asks_nothing(
    rig: Rig, theirs: dict[str, Any], chooses: bool
) -> None:
    """It asked whose priority is to stand, and "mine" came back as the same question, without end."""
    details = rig.details(1001, "A")
    step = rig.edit_commands.set_fields(details, {"priority": 1}, "Priority 1")
    rig.saved(1)
    rig.outbox.on_outcome(Outcome(step, EditState.ACCEPTED))
    rig.undo_stack.undo()
    rig.saved(2)
    undo = rig.outbox.open_edits[-1].edit
    assert undo.undoes == step
    rig.outbox.on_outcome(Outcome(undo.id, EditState.CONFLICT, theirs=theirs, version=9))
    if chooses:
        assert opened(rig, undo.id).isVisible(), "an undo that would hide it may be done all the same"
        return
    conflict = rig.outbox.open_edit(undo.id)
    assert conflict is not None
    catalog = rig.window_state.catalog("city")
    assert lost_text(LostOrder(conflict, ()), catalog, str).startswith("NOT undone: Priority")
    assert why_lost(conflict, catalog, UTC, NOW, str).startswith("budi changed Priority at")
    conflict_controller(rig).open(undo.id)
    assert [one.edit.id for one in settled(rig, undo.id)] == [step]
