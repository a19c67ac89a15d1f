"""An order that rests on an order to another report: a crew is diverted as a whole, or it is said that it is not."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from api_client.model import Kind
from console.outbox.work_file import WorkFile
from console.rules.edit import AFTER
from console.rules.messages import Obstacle, Push
from console.rules.queued import EditState, Queued
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


@pytest.mark.parametrize("lost", [S.EXPIRED, S.ATTENTION])
def test_who_drops_an_order_that_he_undid_is_asked_whether_the_crew_goes_back(rig: OutboxRig, lost: EditState) -> None:
    """The order had not arrived: with it and its undo went the order by which the crew went back to its work."""
    values: dict[str, Any] = {"source": "city", "data": {"unit": "U1"}, "base": {}, "base_version": 1, "title": "t"}
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.ACCEPTED)
    rig.pushed(send)
    rig.outbox.on_proved([recall])
    with rig.outbox.together():
        assert not rig.outbox.withdraw(send)
        undo = rig.outbox.submit(Kind.RECALL, P1, **values, undoes=send)
        back = rig.outbox.submit(Kind.DISPATCH, LEFT, **values, undoes=recall, about={AFTER: undo})
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    rig.answer(send, lost, problem="?")
    assert rig.states() == {send: lost, undo: S.STOPPED, back: S.STOPPED}
    assert rig.outbox.drop_lost(send)
    rig.settle()
    assert rig.states() == {back: S.EXPIRED}, "still wanted?"
    rig.outbox.still_wanted(back, True)
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    (again,) = rig.states()
    rig.pushed(again)


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


def sent(rig: OutboxRig) -> list[str]:
    """The ids of all that was handed over so far, when all is quiet."""
    rig.settle()
    return [one.edit.id for one in rig.down if isinstance(one, Push)]


def is_held_by(rig: OutboxRig, edit_id: str) -> str:
    held = rig.outbox.held_by(edit_id)
    return held.edit.id if held is not None else ""


def test_the_order_waits_for_a_recall_that_waits_for_a_failing_take(rig: OutboxRig) -> None:
    take = rig.do(Kind.CLAIM, LEFT)
    rig.pushed(take)
    rig.answer(take, S.UNCONFIRMED, obstacle=Obstacle.ONE_EDIT)
    recall, send = divert(rig)
    assert sent(rig) == []
    assert (is_held_by(rig, recall), is_held_by(rig, send)) == (take, take)
    rig.outbox.on_proved([take])
    rig.pushed(recall)
    rig.answer(recall, S.ACCEPTED)
    rig.pushed(send)


def test_the_order_waits_while_the_report_that_is_left_has_no_number(rig: OutboxRig) -> None:
    create = rig.do(Kind.CREATE, None, base_version=None)
    report = f"local:{create}"
    rig.pushed(create)
    with rig.outbox.together():
        values: dict[str, Any] = {"source": "city", "data": {"unit": "U1"}, "base": {}, "base_version": 1, "title": "t"}
        recall = rig.outbox.submit(Kind.RECALL, report, **values)
        send = rig.outbox.submit(Kind.DISPATCH, P1, **values, about={AFTER: recall})
    assert sent(rig) == []
    rig.answer(create, S.ACCEPTED, remote_id="9")
    rig.pushed(recall)
    rig.answer(recall, S.ACCEPTED)
    rig.pushed(send)


def test_a_recall_that_is_stopped_as_it_is_saved_lets_no_order_leave(rig: OutboxRig) -> None:
    take = rig.do(Kind.CLAIM, LEFT)
    rig.pushed(take)
    rig.answer(take, S.CONFLICT, theirs={"claim": {"value": "budi"}}, version=4)
    recall, send = divert(rig)
    assert sent(rig) == []
    assert rig.states() == {take: S.CONFLICT, recall: S.STOPPED, send: S.STOPPED}


def test_given_without_a_lost_take_the_order_is_after_the_new_recall(rig: OutboxRig) -> None:
    take = rig.do(Kind.CLAIM, LEFT)
    rig.pushed(take)
    recall, _ = divert(rig)
    rig.answer(take, S.CONFLICT, theirs={"claim": {"value": "budi"}}, version=4)
    assert rig.outbox.give_again(recall)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    first, then = rig.outbox.open_edits
    assert then.edit.about[AFTER] == first.edit.id
    rig.pushed(first.edit.id)
    rig.answer(first.edit.id, S.ATTENTION, problem="?")
    assert rig.states()[then.edit.id] is S.STOPPED


@pytest.mark.parametrize("how", [S.QUEUED, S.WITHDRAWN, S.EXPIRED])
def test_with_a_recall_that_is_asked_back_under_way_the_order_goes(rig: OutboxRig, how: EditState) -> None:
    recall, _ = divert(rig)
    rig.pushed(recall)
    assert rig.outbox.ask_back(recall)
    rig.down.clear()
    rig.answer(recall, how)
    assert sent(rig) == []
    assert rig.states() == {}


@pytest.mark.parametrize("refused", [0, 1])
def test_with_a_recall_that_is_asked_back_the_order_goes_in_the_same_write(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    """After a crash the recall was withdrawn and the order was not: it left."""
    both = divert(rig)
    rig.pushed(both[0])
    assert rig.outbox.ask_back(both[0])
    rig.settle()
    real = WorkFile._put_edit

    def put(file: WorkFile, queued: Queued) -> None:
        if queued.edit.id == both[refused]:
            raise sqlite3.OperationalError("database or disk is full")
        real(file, queued)

    monkeypatch.setattr(WorkFile, "_put_edit", put)
    rig.answer(both[0], S.WITHDRAWN)
    on_disk = rig.on_disk()
    assert not [each for each in both if on_disk[each].state is S.WITHDRAWN]


def test_with_a_recall_that_was_asked_back_and_had_not_arrived_the_order_goes(rig: OutboxRig) -> None:
    recall, _ = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.UNCONFIRMED)
    rig.outbox.source_lost("city")
    assert rig.outbox.ask_back(recall)
    rig.down.clear()
    rig.outbox.resend_due("city")
    assert sent(rig) == []
    assert rig.states() == {}


def test_both_are_asked_about_once_when_their_time_is_over(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    recall, send = divert(rig)
    rig.now += timedelta(minutes=11)
    rig.outbox.resend_due("city")
    assert sent(rig) == []
    assert rig.states() == {recall: S.EXPIRED, send: S.STOPPED}
    assert rig.outbox.give_again(send)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    assert [one.edit.kind for one in rig.outbox.open_edits] == [Kind.RECALL, Kind.DISPATCH]


def expired_alone(rig: OutboxRig) -> tuple[str, str]:
    """The order's time is over while the recall is under way."""
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.now += timedelta(minutes=11)
    rig.outbox._try_again()
    rig.settle()
    assert rig.states() == {recall: S.SENDING, send: S.EXPIRED}
    return recall, send


def test_an_order_that_is_wanted_still_does_not_leave_without_its_recall(rig: OutboxRig) -> None:
    recall, send = expired_alone(rig)
    rig.answer(recall, S.ATTENTION, problem="?")
    rig.now += timedelta(minutes=1)
    rig.outbox.still_wanted(send, True)
    assert sent(rig) == []
    _, again = rig.outbox.open_edits
    assert (again.state, is_held_by(rig, again.edit.id)) == (S.STOPPED, recall)


def test_an_order_that_is_being_saved_goes_with_its_recall(rig: OutboxRig) -> None:
    recall, send = expired_alone(rig)
    rig.answer(recall, S.ATTENTION, problem="?")
    rig.outbox.still_wanted(send, True)
    assert rig.outbox.drop_lost(recall)
    assert sent(rig) == []
    assert rig.states() == {}


@pytest.mark.parametrize("restarted", [False, True])
def test_an_order_that_outlives_its_withdrawn_recall_is_asked_about(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    """It was saved while its recall was dropped, and the disk refused to note that it was withdrawn too."""
    recall, send = expired_alone(rig)
    rig.answer(recall, S.ATTENTION, problem="?")
    rig.outbox.still_wanted(send, True)
    real = WorkFile._put_edit

    def put(file: WorkFile, queued: Queued) -> None:
        if queued.edit.id not in (recall, send) and queued.state is S.WITHDRAWN:
            raise sqlite3.OperationalError("database or disk is full")
        real(file, queued)

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "_put_edit", put)
        assert rig.outbox.drop_lost(recall)
        rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
        rig.settle()
    rig.down.clear()
    if restarted:
        rig.restart()
    rig.outbox.resend_due("city")
    assert sent(rig) == []
    ((again, state),) = rig.states().items()
    assert state is S.EXPIRED, "still wanted?"
    rig.outbox.still_wanted(again, True)
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    ((alone, _),) = rig.states().items()
    assert sent(rig) == [alone], "who is asked about it alone gives it alone"


def test_an_order_that_may_have_arrived_is_only_looked_for_when_its_lost_recall_is_dropped(rig: OutboxRig) -> None:
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.ACCEPTED)
    rig.pushed(send)
    rig.answer(send, S.UNCONFIRMED)
    rig.outbox.on_proved([recall])
    rig.outbox.on_taken_back("city", [recall])
    rig.qtbot.waitUntil(lambda: rig.states().get(recall) is S.ATTENTION)
    assert rig.outbox.drop_lost(recall)
    rig.outbox.resend_due("city")
    (push,) = rig.pushed(send)
    assert push.past_its_time
    rig.answer(send, S.EXPIRED)
    assert rig.states() == {send: S.EXPIRED}


def test_an_order_that_is_asked_about_is_dropped_with_its_recall(rig: OutboxRig) -> None:
    recall, _ = expired_alone(rig)
    rig.answer(recall, S.ATTENTION, problem="?")
    assert rig.outbox.drop_lost(recall)
    assert rig.states() == {}


def test_who_withdraws_the_recall_while_it_is_saved_saves_no_order(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    recall, _ = divert(rig, wait=False)
    assert rig.outbox.withdraw(recall)
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    assert rig.states() == {}
    rig.restart()
    assert rig.states() == {}


def told_by_another(rig: OutboxRig) -> tuple[str, str]:
    """Told by radio by rina, who has gone home."""
    rig.outbox.source_lost("city")
    recall, send = divert(rig)
    rig.outbox.mark_told(send, "rina")
    rig.outbox.author = "budi"
    return recall, send


@pytest.mark.parametrize("which", [0, 1])
def test_a_colleagues_order_is_taken_over_with_its_recall(rig: OutboxRig, which: int) -> None:
    both = told_by_another(rig)
    assert rig.outbox.adopt(both[which], lambda order, _: f"{order.edit.kind.value} by rina")
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    first, said, then, also_said = rig.outbox.open_edits
    assert [one.edit.kind for one in (first, said, then, also_said)] == [
        Kind.RECALL, Kind.NOTE, Kind.DISPATCH, Kind.NOTE,
    ]  # fmt: skip
    assert then.edit.about[AFTER] == first.edit.id
    assert not {AFTER} & (said.edit.about.keys() | also_said.edit.about.keys())
    assert {one.edit.author for one in (first, then)} == {"budi"}
    assert all(one.told_by_radio for one in (first, then))


def test_who_takes_over_a_recall_is_asked_whether_the_order_is_wanted(rig: OutboxRig) -> None:
    """The unit was told of the recall alone; the order left when its author was back, and the recall waited."""
    rig.outbox.source_lost("city")
    recall, _ = divert(rig)
    rig.outbox.mark_told(recall, "U1")
    rig.outbox.author = "budi"
    assert rig.outbox.adopt(recall, lambda *_: "told by radio")
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    rig.settle()
    found = {one.edit.kind: one for one in rig.outbox.open_edits}
    again, order = found[Kind.RECALL].edit, found[Kind.DISPATCH]
    assert (order.state, order.edit.author, order.edit.about[AFTER]) == (S.EXPIRED, "budi", again.id)
    rig.outbox.author = "rina"
    rig.outbox.resend_due("city")
    assert sent(rig) == []
    rig.outbox.author = "budi"
    rig.outbox.still_wanted(order.edit.id, True)
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    rig.pushed(again.id)


def test_an_order_waits_for_a_recall_that_another_has_to_send(rig: OutboxRig) -> None:
    recall, _ = told_by_another(rig)
    mine = rig.do(Kind.DISPATCH, P1, data={"unit": "U1"}, about={AFTER: recall})
    rig.outbox.resend_due("city")
    assert sent(rig) == []
    assert is_held_by(rig, mine) == recall


def test_a_report_is_taken_over_with_the_whole_of_a_step(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "d"})
    values: dict[str, Any] = {"source": "city", "data": {"unit": "U1"}, "base": {}, "base_version": 1, "title": "t"}
    with rig.outbox.together():
        recall = rig.outbox.submit(Kind.RECALL, f"local:{create}", **values)
        rig.outbox.submit(Kind.DISPATCH, P1, **values, about={AFTER: recall})
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    rig.outbox.author = "budi"
    assert rig.outbox.adopt(create, lambda *_: "by rina")
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    _, _, first, then = rig.outbox.open_edits
    assert (first.edit.kind, first.state) == (Kind.RECALL, S.EXPIRED)
    assert (then.edit.kind, then.state, then.edit.about[AFTER]) == (Kind.DISPATCH, S.STOPPED, first.edit.id)


def test_an_order_goes_on_when_the_recall_that_was_given_anew_had_arrived_before(rig: OutboxRig) -> None:
    recall, _ = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.CONFLICT, **BUSY)
    rig.outbox.choose(recall, True)
    rig.outbox.source_lost("city")
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    rig.down.clear()
    rig.outbox.on_proved([recall])
    rig.settle()
    assert [one.edit.kind for one in rig.outbox.open_edits if one.edit.id != recall] == [Kind.DISPATCH]


def test_a_recall_that_comes_back_to_a_lost_take_stops_the_order(rig: OutboxRig) -> None:
    take = rig.do(Kind.CLAIM, LEFT)
    rig.pushed(take)
    rig.answer(take, S.ACCEPTED)
    rig.outbox.on_proved([take])
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.outbox.on_taken_back("city", [take])
    rig.qtbot.waitUntil(lambda: take in rig.states())
    rig.answer(recall, S.QUEUED)
    assert rig.states() == {take: S.ATTENTION, recall: S.STOPPED, send: S.STOPPED}


def test_an_order_that_may_have_arrived_is_only_looked_for_without_its_recall(rig: OutboxRig) -> None:
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.ACCEPTED)
    rig.outbox.on_proved([recall])
    rig.pushed(send)
    rig.answer(send, S.UNCONFIRMED)
    rig.outbox.on_taken_back("city", [recall])
    rig.qtbot.waitUntil(lambda: recall in rig.states())
    rig.outbox.try_now("city")
    (push,) = rig.pushed(send)
    assert push.past_its_time


def test_an_undo_of_which_the_disk_refuses_a_part_takes_nothing_back(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.outbox.source_lost("city")
    recall, send = divert(rig)
    real, times = WorkFile._put_edit, [0]

    def put(file: WorkFile, *args: Any) -> Any:
        times[0] += 1
        if times[0] == 1:
            raise sqlite3.OperationalError("database or disk is full")
        return real(file, *args)

    monkeypatch.setattr(WorkFile, "_put_edit", put)
    with rig.outbox.together():
        assert rig.outbox.withdraw(send)
        assert rig.outbox.withdraw(recall)
    assert rig.states() == {}
    rig.settle()
    assert rig.states() == {recall: S.QUEUED, send: S.QUEUED}


def test_an_undo_that_withdraws_and_makes_an_edit_is_one_write(rig: OutboxRig, monkeypatch: pytest.MonkeyPatch) -> None:
    recall, send = divert(rig)
    rig.pushed(recall)
    rig.answer(recall, S.ACCEPTED)
    rig.outbox.source_lost("city")
    rig.answer(send, S.QUEUED)
    rig.down.clear()
    whole = WorkFile.exchange
    monkeypatch.setattr(WorkFile, "exchange", _full)
    values: dict[str, Any] = {"source": "city", "data": {"unit": "U1"}, "base": {}, "base_version": 1, "title": "t"}

    def undo() -> None:
        with rig.outbox.together():
            assert rig.outbox.withdraw(send)
            rig.outbox.submit(Kind.DISPATCH, LEFT, **values, undoes=recall)
        rig.qtbot.waitUntil(lambda: not rig.outbox.saving)

    undo()
    assert rig.states() == {recall: S.ACCEPTED, send: S.QUEUED}
    monkeypatch.setattr(WorkFile, "exchange", whole)
    undo()
    assert [one.edit.undoes for one in rig.outbox.open_edits] == [None, recall]
    assert rig.on_disk()[send].state is S.WITHDRAWN


def _full(*_args: Any, **_named: Any) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_merge_of_a_report_into_itself_created_again_is_proved(rig: OutboxRig) -> None:
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "d"})
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="9")
    rig.outbox.on_proved([create], {create: "9"})
    rig.outbox.on_taken_back("city", [create])
    rig.qtbot.waitUntil(lambda: create in rig.states())
    rig.down.clear()
    merge = rig.do(Kind.MERGE, f"local:{create}", data={"into": f"local:{create}+"})
    rig.outbox.retry(create)
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="10")
    rig.outbox.on_proved([create], {create: "10"})
    rig.outbox.on_proved([merge])
    assert merge not in rig.states()
