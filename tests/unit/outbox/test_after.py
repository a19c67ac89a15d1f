"""An order that rests on an order to another report: a crew is diverted as a whole, or it is said that it is not."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from api_client.model import Kind
from console.outbox.work_file import WorkFile
from console.rules.edit import AFTER
from console.rules.messages import Push
from console.rules.queued import EditState
from tests.helpers.outbox_rig import OutboxRig
from tests.unit.outbox.test_outbox import rig

S = EditState
LEFT, P1 = "1", "2"
BUSY: dict[str, Any] = {"theirs": {"unit": {"value": "U1", "who": "budi"}}, "version": 7}
__all__ = ["rig"]


def divert(rig: OutboxRig, *, wait: bool = True) -> tuple[str, str]:
    """Called back from one report, and sent to another after that, by one unit's crew."""
    values: dict[str, Any] = {"source": "city", "data": {"unit": "U1"}, "base": {}, "base_version": 1, "title": "t"}
    with rig.outbox.together():
        recall = rig.outbox.submit(Kind.RECALL, LEFT, **values)
        send = rig.outbox.submit(Kind.DISPATCH, P1, **values, about={AFTER: recall})
    if wait:
        rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    return recall, send


def test_the_order_leaves_when_the_recall_was_taken_and_not_before(rig: OutboxRig) -> None:
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.ACCEPTED)
    rig.pushed(send)


@pytest.mark.parametrize("lost", [S.ATTENTION, S.CONFLICT, S.EXPIRED])
def test_where_the_recall_is_lost_the_order_is_stopped_with_what_rests_on_that(rig: OutboxRig, lost: EditState) -> None:
    recall, send = divert(rig)
    rig.pushed(recall)
    there = rig.do(Kind.PROGRESS, P1, data={"unit": "U1", "state": "on_scene"})
    note = rig.do(Kind.NOTE, P1, data={"text": "n"})
    rig.answer(recall, lost, **(BUSY if lost is S.CONFLICT else {}))
    assert rig.states() == {recall: lost, send: S.STOPPED, there: S.STOPPED, note: S.SENDING}
    assert [one.edit.id for one in rig.outbox.stopped_with(recall)] == [send, there]
    assert [one.id for one in rig.outbox.pending_for("city", P1)] == [note], "not shown as done"
    held = rig.outbox.held_by(there)
    assert held is not None
    assert held.edit.id == recall
    rig.pushed(note)
    rig.outbox.resend_due()
    assert not [one for one in rig.down if isinstance(one, Push)]
    kept = rig.on_disk()
    assert [kept[one].state for one in (recall, send, there)] == [lost, S.STOPPED, S.STOPPED]


def test_the_stop_lasts_over_a_restart_and_an_order_of_the_same_moment_is_stopped_too(rig: OutboxRig) -> None:
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.ATTENTION, problem="?")
    rig.restart()
    rig.outbox.resend_due()
    assert rig.states() == {recall: S.ATTENTION, send: S.STOPPED}
    rig.quiet()
    late = rig.do(Kind.DISPATCH, "3", data={"unit": "U1"}, about={AFTER: recall})
    assert rig.states()[late] is S.STOPPED


def test_given_again_both_go_as_they_were(rig: OutboxRig) -> None:
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.EXPIRED)
    assert rig.outbox.give_again(send), "the answer is for both, wherever it is given"
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    first, then = rig.outbox.open_edits
    assert [(one.edit.kind, one.edit.report) for one in (first, then)] == [(Kind.RECALL, LEFT), (Kind.DISPATCH, P1)]
    assert then.edit.about[AFTER] == first.edit.id
    rig.pushed(first.edit.id)
    rig.answer(first.edit.id, S.ATTENTION, problem="?")
    assert rig.states()[then.edit.id] is S.STOPPED


def test_what_a_conflict_told_of_one_report_counts_for_no_other(rig: OutboxRig) -> None:
    recall, _ = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.CONFLICT, **BUSY)
    rig.outbox.choose(recall, True)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    first, then = rig.outbox.open_edits
    assert first.edit.base_version == 7
    assert (then.edit.base_version, set(then.edit.about)) == (1, {AFTER})


def test_where_the_undo_came_too_late_at_one_report_nothing_is_undone_at_the_other(rig: OutboxRig) -> None:
    values: dict[str, Any] = {"source": "city", "data": {"unit": "U1"}, "base": {}, "base_version": 1, "title": "t"}
    with rig.outbox.together():
        back = rig.outbox.submit(Kind.RECALL, P1, **values, undoes="sent")
        again = rig.outbox.submit(Kind.DISPATCH, LEFT, **values, undoes="recalled", about={AFTER: back})
    rig.pushed(back)
    rig.answer(back, S.CONFLICT, theirs={"assignment": {"value": "on_scene", "who": "U1"}}, version=9)
    assert rig.states() == {back: S.CONFLICT, again: S.STOPPED}
    assert rig.outbox.give_again(back)
    assert rig.states() == {}
    rig.quiet()


def test_dropped_both_are_gone(rig: OutboxRig) -> None:
    recall, _ = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.ATTENTION, problem="?")
    assert rig.outbox.drop_lost(recall)
    assert rig.states() == {}


def test_who_withdraws_the_recall_alone_sends_nobody_behind_the_work_that_is_not_left(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    recall, _ = divert(rig)
    assert rig.outbox.withdraw(recall)
    assert rig.states() == {}


def test_an_order_whose_recall_has_left_after_all_is_asked_about(rig: OutboxRig) -> None:
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.ATTENTION, problem="?")
    rig.outbox.on_proved([recall])
    assert rig.states() == {send: S.EXPIRED}, "still wanted?"


def test_who_was_told_to_come_was_told_to_leave(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    recall, send = divert(rig)
    rig.outbox.mark_told(send, "rina")
    assert rig.outbox.untold == ()
    rig.now += timedelta(minutes=20)
    rig.outbox.resend_due()
    rig.pushed(recall)
    rig.answer(recall, S.ACCEPTED)
    rig.pushed(send)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A disk that takes one edit and then no more."""
    left = [1]
    real = WorkFile._put_edit

    def put(file: WorkFile, *args: Any) -> Any:
        if not left[0]:
            raise sqlite3.OperationalError("database or disk is full")
        left[0] -= 1
        return real(file, *args)

    monkeypatch.setattr(WorkFile, "_put_edit", put)
    return left


def test_a_disk_that_takes_one_of_them_has_none(rig: OutboxRig, full: list[int]) -> None:
    refused: list[str] = []
    rig.outbox.refused.connect(lambda edit_id, _error: refused.append(edit_id))
    both = divert(rig, wait=False)
    rig.qtbot.waitUntil(lambda: len(refused) == 2)
    assert refused == list(both)
    assert rig.states() == {}
    full[0] = 10
    assert rig.on_disk() == {}


def test_a_defect_while_they_are_made_saves_none(rig: OutboxRig) -> None:
    def half() -> None:
        with rig.outbox.together():
            rig.outbox.submit(Kind.RECALL, LEFT, source="city", data={}, base={}, base_version=1, title="t")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert not rig.outbox.saving
    rig.quiet()
    assert rig.states() == {}
