"""A unit leaves lesser work for a P1 by one order: one wait, one answer, one end, shown at both reports."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from api_client.model import Kind
from console.board.round import shown_edits
from console.outbox.work_file import WorkFile
from console.rules.divert import RETURNS_TO
from console.rules.edit import LEAVES, Edit
from console.rules.messages import Obstacle, Push
from console.rules.queued import EditState, StopReason
from tests.helpers.outbox_rig import OutboxRig
from tests.unit.outbox.test_outbox import rig

S = EditState
LEFT, P1 = "1", "2"
BUSY: dict[str, Any] = {"theirs": {"busy": {"unit": "U1", "report": "3", "who": "budi"}}, "version": 7}
SEEN = {"created": "2026-03-01T00:00:00+00:00", "version": 4}
__all__ = ["rig"]


def divert(rig: OutboxRig, left: str = LEFT, p1: str = P1, **more: Any) -> str:
    data = {"unit": "U1", LEAVES: [left]}
    return rig.do(Kind.DISPATCH, p1, data=data, about={LEAVES: {left: SEEN}}, **more)


def undo(rig: OutboxRig, divert_id: str) -> str:
    return rig.do(Kind.RECALL, P1, data={"unit": "U1"}, undoes=divert_id, about={RETURNS_TO: [LEFT]})


def shown(rig: OutboxRig, report: str) -> list[tuple[str, Kind]]:
    return [(one.id, one.kind) for one in rig.outbox.pending_for("city", report)]


def sent(rig: OutboxRig) -> list[str]:
    """The ids of all that was handed over so far, when all is quiet."""
    rig.settle()
    return [one.edit.id for one in rig.down if isinstance(one, Push)]


def pushed(rig: OutboxRig, edit_id: str) -> Edit:
    (push,) = rig.pushed(edit_id)
    return push.edit


def test_while_it_waits_both_reports_show_it_and_the_unit_works_at_one(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    changed: dict[Any, Any] = {}
    rig.outbox.reports_changed.connect(changed.update)
    key = divert(rig)
    assert shown(rig, P1) == [(key, Kind.DISPATCH)]
    (step,) = rig.outbox.pending_for("city", LEFT)
    assert (step.id, step.kind, step.data) == (key, Kind.RECALL, {"unit": "U1", "reason": f"diverted to {P1}"})
    assert [(one.report, one.kind) for one in rig.outbox.given_to("city", "U1")] == [
        (LEFT, Kind.RECALL),
        (P1, Kind.DISPATCH),
    ]
    rig.settle()
    assert changed.keys() >= {("city", P1), ("city", LEFT)}, "one announcement is of both"


def test_what_is_being_saved_counts_at_both(rig: OutboxRig) -> None:
    values: dict[str, Any] = {"source": "city", "base": {}, "base_version": 1, "title": "t"}
    rig.outbox.submit(Kind.DISPATCH, P1, data={"unit": "U1", LEAVES: [LEFT]}, **values)
    assert rig.outbox.saving
    assert [one.kind for one in rig.outbox.given_for("city", LEFT)] == [Kind.RECALL]
    assert [one.kind for one in rig.outbox.given_for("city", P1)] == [Kind.DISPATCH]
    assert [one.report for one in rig.outbox.given_to("city", "U1")] == [LEFT, P1]
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)


@pytest.mark.parametrize("end", ["conflict", "attention", "expired", "withdrawn", "sent"])
def test_once_it_cannot_take_effect_both_are_as_before_at_once(rig: OutboxRig, end: str) -> None:
    key = divert(rig)
    rig.pushed(key)
    rig.settle()
    changed: dict[Any, Any] = {}
    rig.outbox.reports_changed.connect(changed.update)
    if end == "withdrawn":
        rig.answer(key, S.QUEUED)
        assert rig.outbox.withdraw(key)
    elif end == "sent":
        rig.outbox.on_proved([key])
    else:
        rig.answer(key, S(end), **(BUSY if end == "conflict" else {}))
    assert shown(rig, LEFT) == shown(rig, P1) == []
    rig.settle()
    assert changed["city", LEFT] == ()
    if end == "conflict":
        assert rig.outbox.choose(key, True, data={"unit": "U1", "stack": True})
        rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
        assert shown(rig, LEFT) == [], "who comes next leaves nothing"
        assert len(shown(rig, P1)) == 1


def test_it_is_taken_and_shown_until_its_entry_is_read(rig: OutboxRig) -> None:
    key = divert(rig)
    rig.pushed(key)
    rig.answer(key, S.ACCEPTED)
    assert len(shown(rig, LEFT)) == len(shown(rig, P1)) == 1


def test_over_a_restart_it_is_one_edit(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    key = divert(rig)
    rig.restart()
    rig.outbox.resend_due("city")
    edit = pushed(rig, key)
    assert (edit.data, edit.about[LEAVES]) == ({"unit": "U1", LEAVES: [LEFT]}, {LEFT: SEEN})
    assert shown(rig, LEFT) == [(key, Kind.RECALL)]


def test_a_disk_that_refuses_it_has_nothing_at_either_report(rig: OutboxRig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(WorkFile, "_put_edit", full)
    values: dict[str, Any] = {"source": "city", "base": {}, "base_version": 1, "title": "t"}
    with rig.qtbot.waitSignal(rig.outbox.refused):
        rig.outbox.submit(Kind.DISPATCH, P1, data={"unit": "U1", LEAVES: [LEFT]}, **values)
    assert not rig.outbox.given_for("city", LEFT)
    assert not rig.outbox.given_for("city", P1)


def test_who_was_told_by_radio_leaves_however_late(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    key = divert(rig)
    assert [one.edit.id for one in rig.outbox.untold] == [key], "one thing to tell"
    rig.outbox.mark_told(key, "rina")
    assert rig.outbox.untold == ()
    rig.now += timedelta(minutes=20)
    rig.outbox.resend_due("city")
    rig.pushed(key)


def test_given_up_after_it_was_told_the_unit_is_called_back_once(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    key = divert(rig)
    rig.outbox.mark_told(key, "rina")
    assert rig.outbox.withdraw(key)
    assert [one.edit.id for one in rig.outbox.to_call_back] == [key]


def test_past_its_time_it_is_asked_about_once_and_given_as_it_was(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    key = divert(rig)
    rig.now += timedelta(minutes=11)
    rig.outbox.resend_due("city")
    assert sent(rig) == []
    assert rig.states() == {key: S.EXPIRED}
    rig.outbox.still_wanted(key, True)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    (again,) = rig.outbox.open_edits
    assert (again.edit.data, again.edit.about[LEAVES]) == ({"unit": "U1", LEAVES: [LEFT]}, {LEFT: SEEN})


def test_it_waits_for_its_turn_at_the_report_that_is_left(rig: OutboxRig) -> None:
    close = rig.do(Kind.SET, LEFT, data={"priority": 2})
    rig.pushed(close)
    key = divert(rig)
    late = rig.do(Kind.NOTE, LEFT, data={"text": "n"})
    assert sent(rig) == [], "one edit of a report at a time"
    rig.answer(close, S.ACCEPTED)
    rig.pushed(key)
    assert sent(rig) == []
    rig.answer(key, S.ACCEPTED)
    rig.pushed(late)


@pytest.mark.parametrize("kind", [Kind.CLAIM, Kind.NOTE])
def test_the_p1_waits_for_nothing_that_fails_at_the_report_that_is_left(rig: OutboxRig, kind: Kind) -> None:
    other = rig.do(kind, LEFT, data={"text": "n"} if kind is Kind.NOTE else {})
    rig.pushed(other)
    rig.answer(other, S.UNCONFIRMED, obstacle=Obstacle.ONE_EDIT)
    rig.pushed(divert(rig))


@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize("behind", [False, True])
def test_the_p1_waits_for_no_photo_of_the_report_that_is_left(rig: OutboxRig, falls: bool, behind: bool) -> None:
    """A photo over a bad network, what is judged by it, and perhaps a note behind that."""
    photo = rig.do(Kind.PHOTO, LEFT, data={"sha256": "a" * 64})
    rig.pushed(photo)
    rig.do(Kind.PROGRESS, LEFT, data={"unit": "U2", "state": "done"})
    if behind:
        rig.do(Kind.NOTE, LEFT, data={"text": "n"})
    if falls:
        rig.answer(photo, S.QUEUED, obstacle=Obstacle.ONE_EDIT)
    rig.pushed(divert(rig))


@pytest.mark.parametrize("kind", [Kind.DISPATCH, Kind.PROGRESS])
def test_the_p1_waits_for_no_other_unit_that_waits_at_the_report_that_is_left(rig: OutboxRig, kind: Kind) -> None:
    """Another unit's order to a third report fails; what it was given, or said, after that waits for it."""
    third = rig.do(Kind.DISPATCH, "3", data={"unit": "U2"})
    rig.pushed(third)
    rig.answer(third, S.UNCONFIRMED, obstacle=Obstacle.ONE_EDIT)
    rig.do(kind, LEFT, data={"unit": "U2"} if kind is Kind.DISPATCH else {"unit": "U2", "state": "on_scene"})
    rig.do(Kind.NOTE, LEFT, data={"text": "n"})
    rig.pushed(divert(rig))


@pytest.mark.parametrize("end", ["taken", "refused"])
def test_it_waits_for_the_change_that_makes_it_a_p1(rig: OutboxRig, end: str) -> None:
    """For what is no P1 at the server the unit may not leave its work."""
    raised = rig.do(Kind.SET, P1, data={"priority": 1})
    rig.pushed(raised)
    rig.answer(raised, S.UNCONFIRMED, obstacle=Obstacle.ONE_EDIT)
    key = divert(rig)
    assert sent(rig) == []
    first = rig.outbox.held_by(key)
    assert first is not None
    assert first.edit.id == raised
    if end == "taken":
        rig.outbox.on_proved([raised])
        rig.pushed(key)
    else:
        rig.answer(raised, S.CONFLICT, theirs={"priority": {"value": 3, "who": "budi"}}, version=9)
        assert rig.states() == {raised: S.CONFLICT, key: S.STOPPED}
        assert shown(rig, LEFT) == []


def test_it_goes_beside_nothing_that_went_before_it_at_the_report_that_is_left(rig: OutboxRig) -> None:
    take = rig.do(Kind.CLAIM, P1)
    rig.pushed(take)
    rig.answer(take, S.UNCONFIRMED, obstacle=Obstacle.ONE_EDIT)
    key = divert(rig)
    note = rig.do(Kind.NOTE, LEFT, data={"text": "n"})
    rig.pushed(note)
    rig.outbox.on_proved([take])
    assert sent(rig) == []
    rig.answer(note, S.ACCEPTED)
    rig.pushed(key)


def test_what_is_done_to_the_report_that_is_left_waits_for_one_that_waits(rig: OutboxRig) -> None:
    other = rig.do(Kind.PROGRESS, "3", data={"unit": "U1", "state": "done"})
    rig.pushed(other)
    key = divert(rig)
    close = rig.do(Kind.CLOSE, LEFT, data={"disposition": "x", "release": []})
    assert sent(rig) == []
    rig.answer(other, S.ACCEPTED)
    rig.pushed(key)
    rig.answer(key, S.ACCEPTED)
    rig.pushed(close)


def test_its_unit_goes_there_before_it_leaves(rig: OutboxRig) -> None:
    there = rig.do(Kind.DISPATCH, LEFT, data={"unit": "U1"})
    rig.pushed(there)
    step = rig.do(Kind.PROGRESS, LEFT, data={"unit": "U1", "state": "en_route"})
    key = divert(rig)
    rig.answer(there, S.ACCEPTED)
    rig.pushed(step)
    rig.answer(step, S.ACCEPTED)
    rig.pushed(key)


def test_it_waits_for_no_order_there_that_was_lost(rig: OutboxRig) -> None:
    """Whether the unit is there the server knows: who is not there is simply sent."""
    there = rig.do(Kind.DISPATCH, LEFT, data={"unit": "U1"})
    rig.pushed(there)
    rig.answer(there, S.ATTENTION, problem="?")
    key = divert(rig)
    rig.pushed(key)


def creation(rig: OutboxRig) -> tuple[str, str]:
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "d"})
    rig.pushed(create)
    return create, f"local:{create}"


def test_a_report_that_was_made_here_is_named_by_its_number(rig: OutboxRig) -> None:
    create, local = creation(rig)
    key = divert(rig, local)
    assert shown(rig, local)[-1] == (key, Kind.RECALL)
    assert sent(rig) == []
    rig.answer(create, S.ACCEPTED, remote_id="9")
    edit = pushed(rig, key)
    assert (edit.data[LEAVES], edit.about[LEAVES]) == (["9"], {"9": SEEN})
    rig.outbox.on_proved([create], {create: "9"})
    assert shown(rig, "9") == [(key, Kind.RECALL)], "under its number"
    assert shown(rig, local) == []


@pytest.mark.parametrize("how", ["refused", "withdrawn", "falls"])
def test_of_a_report_that_no_server_has_the_unit_is_simply_sent(rig: OutboxRig, how: str) -> None:
    create, local = creation(rig)
    key = divert(rig, local)
    assert sent(rig) == []
    if how == "refused":
        rig.answer(create, S.ATTENTION, problem="?")
    elif how == "falls":
        rig.answer(create, S.UNCONFIRMED, obstacle=Obstacle.ONE_EDIT)
    else:
        rig.answer(create, S.QUEUED, obstacle=Obstacle.ONE_EDIT)
        assert rig.outbox.withdraw(create)
    assert pushed(rig, key).data[LEAVES] == [local]
    assert rig.states()[key] is S.SENDING


def test_a_report_that_gets_its_number_while_it_is_left_has_one_edit_at_a_time(rig: OutboxRig) -> None:
    """What was done to it before the divert waits for its number, the divert did not."""
    create, local = creation(rig)
    note = rig.do(Kind.NOTE, local, data={"text": "n"})
    rig.answer(create, S.UNCONFIRMED, obstacle=Obstacle.ONE_EDIT)
    key = divert(rig, local)
    rig.pushed(key)
    rig.outbox.on_proved([create], {create: "9"})
    assert sent(rig) == []
    rig.answer(key, S.ACCEPTED)
    rig.pushed(note)


def test_what_was_sent_once_is_sent_again_in_the_same_words(rig: OutboxRig) -> None:
    """A server that has the first under its key takes no other words under it."""
    create, local = creation(rig)
    key = divert(rig, local)
    rig.answer(create, S.UNCONFIRMED, obstacle=Obstacle.ONE_EDIT)
    assert pushed(rig, key).data[LEAVES] == [local]
    rig.answer(key, S.UNCONFIRMED)
    rig.outbox.on_proved([create], {create: "9"})
    rig.restart()
    rig.outbox.resend_due("city")
    assert pushed(rig, key).data[LEAVES] == [local]


def test_a_disk_that_refuses_its_first_try_has_it_as_it_was(rig: OutboxRig, monkeypatch: pytest.MonkeyPatch) -> None:
    create, local = creation(rig)
    rig.answer(create, S.ACCEPTED, remote_id="9")
    real = WorkFile.put

    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "put", full)
        key = divert(rig, local)
        rig.settle()
    assert WorkFile.put is real
    assert rig.states()[key] is S.QUEUED
    assert [one.edit.data[LEAVES] for one in rig.outbox.open_edits if one.edit.id == key] == [[local]]
    rig.outbox.resend_due("city")
    assert pushed(rig, key).data[LEAVES] == ["9"]
    rig.outbox.on_proved([key])
    assert key not in rig.states()


def test_a_report_that_is_created_again_is_left_under_its_new_key(rig: OutboxRig) -> None:
    create, local = creation(rig)
    rig.answer(create, S.ACCEPTED, remote_id="9")
    rig.outbox.on_proved([create], {create: "9"})
    rig.outbox.source_lost("city")
    key = divert(rig, local)
    rig.outbox.on_taken_back("city", [create])
    rig.qtbot.waitUntil(lambda: create in rig.states())
    rig.outbox.retry(create)
    rig.outbox.resend_due("city")
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="10")
    assert pushed(rig, key).data[LEAVES] == ["10"]


def test_one_undo_is_shown_at_both(rig: OutboxRig) -> None:
    key = divert(rig)
    rig.pushed(key)
    rig.answer(key, S.ACCEPTED)
    rig.outbox.on_proved([key])
    back = undo(rig, key)
    assert shown(rig, P1) == [(back, Kind.RECALL)]
    assert shown(rig, LEFT) == [(back, Kind.DISPATCH)]
    assert RETURNS_TO in pushed(rig, back).about, "for this computer alone: see send_dispatch"
    theirs = {"assignment": {"value": "on_scene", "who": "U1"}}
    rig.answer(back, S.CONFLICT, theirs=theirs, version=9)
    assert shown(rig, LEFT) == shown(rig, P1) == []
    assert not rig.outbox.give_again(back)
    assert rig.outbox.drop_lost(back)
    rig.quiet()


def test_with_a_divert_that_is_lost_its_undo_is_stopped_and_dropped(rig: OutboxRig) -> None:
    key = divert(rig)
    rig.pushed(key)
    back = undo(rig, key)
    assert shown(rig, LEFT) == [(key, Kind.RECALL), (back, Kind.DISPATCH)]
    rig.answer(key, S.ATTENTION, problem="?")
    assert rig.states() == {key: S.ATTENTION, back: S.STOPPED}
    assert rig.outbox.drop_lost(key)
    assert rig.states() == {}


def test_a_colleague_takes_it_over_as_one(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    key = divert(rig)
    rig.outbox.mark_told(key, "rina")
    rig.outbox.author = "budi"
    assert rig.outbox.adopt(key, lambda order, _: f"{order.edit.kind.value} by rina")
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    order, note = rig.outbox.open_edits
    assert [order.edit.kind, note.edit.kind] == [Kind.DISPATCH, Kind.NOTE]
    assert (order.edit.author, order.edit.data[LEAVES], order.told_by_radio) == ("budi", [LEFT], "rina")
    assert shown(rig, LEFT) == [(order.edit.id, Kind.RECALL)]


def test_a_report_that_a_colleague_takes_over_is_made_before_it_is_left(rig: OutboxRig) -> None:
    """The creation has a higher number then than the divert, which waits for its author; the board needs it first."""
    rig.outbox.source_lost("city")
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "d"})
    key = divert(rig, f"local:{create}")
    rig.outbox.author = "budi"
    assert rig.outbox.adopt(create, lambda *_: "told")
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    kinds = [Kind.CREATE, Kind.RECALL, Kind.NOTE]
    assert [kind for _, kind in shown(rig, f"local:{create}")] == kinds
    made = shown_edits(rig.outbox.open_edits, lambda _: False)
    assert [one.kind for one in made["city", f"local:{create}"]] == kinds
    assert shown(rig, P1) == [(key, Kind.DISPATCH)]


def test_where_the_p1_is_gone_and_kept_as_new_it_is_asked_about_as_one(rig: OutboxRig) -> None:
    key = divert(rig)
    rig.pushed(key)
    rig.answer(key, S.ATTENTION, reason=StopReason.REPORT_DELETED)
    assert rig.outbox.keep_as_new(key, {"description": "d"}, title="t", words=lambda _: "told")
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    (asked,) = [one for one in rig.outbox.open_edits if one.state is S.EXPIRED]
    assert asked.edit.data == {"unit": "U1", LEAVES: [LEFT]}
