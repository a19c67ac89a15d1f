"""When an edit is tried: order within a report and a unit, freedom between them, photos, retry, the time of orders."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.files.errors import DiskFull
from console.outbox import scheduler
from console.outbox.work_file import WorkFile
from console.rules.edit import TOLD
from console.rules.messages import Obstacle, Push, Withdraw
from console.rules.queued import EditState, Queued, StopReason
from tests.helpers.outbox_rig import AtOnce, OutboxRig

S = EditState


@pytest.fixture
def rig(qtbot: QtBot, tmp_path: Path) -> Iterator[OutboxRig]:
    """Everything that a test does is made while the source is away, and leaves with `let_go`."""
    rig = OutboxRig(qtbot, tmp_path)
    rig.outbox.source_lost("city")
    yield rig
    rig.outbox.close()


def let_go(rig: OutboxRig) -> None:
    rig.outbox.resend_due("city")


def falls(rig: OutboxRig, edit_id: str, state: EditState = S.UNCONFIRMED) -> None:
    """The server falls over this one edit."""
    rig.answer(edit_id, state, problem="Fell.", obstacle=Obstacle.ONE_EDIT)


def test_one_report_goes_in_order_and_others_go_on(rig: OutboxRig) -> None:
    first, second, other = rig.do(Kind.NOTE), rig.do(Kind.NOTE), rig.do(Kind.NOTE, "2")
    let_go(rig)
    rig.pushed(first, other)
    rig.answer(first, S.ACCEPTED)
    rig.pushed(second)


def test_one_that_the_server_falls_over_holds_the_facts_of_its_report_only(rig: OutboxRig) -> None:
    first, second, other = rig.do(Kind.NOTE), rig.do(Kind.NOTE), rig.do(Kind.NOTE, "2")
    let_go(rig)
    rig.pushed(first, other)
    falls(rig, first)
    rig.quiet()
    assert rig.states()[second] is S.QUEUED
    rig.outbox.try_now("city")
    (push,) = rig.pushed(first)
    assert push.unconfirmed, "it may have arrived"


def test_an_order_waits_for_no_fact_that_was_tried_in_vain(rig: OutboxRig) -> None:
    note, second = rig.do(Kind.NOTE), rig.do(Kind.NOTE)
    dispatch, recall = rig.do(Kind.DISPATCH, data={"unit": "u1"}), rig.do(Kind.RECALL, data={"unit": "u1"})
    claim = rig.do(Kind.CLAIM)
    elsewhere = rig.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(rig)
    rig.pushed(note)
    falls(rig, note)
    rig.pushed(dispatch)
    assert rig.states()[second] is S.QUEUED, "the note behind the one that fails keeps its place"
    falls(rig, dispatch)
    rig.pushed(claim)
    assert {rig.states()[recall], rig.states()[elsewhere]} == {S.QUEUED}, "nor is the unit sent elsewhere"
    rig.outbox.try_now("city")
    rig.answer(claim, S.ACCEPTED)
    rig.pushed(note)


def test_an_order_passes_a_fact_that_has_not_been_tried_but_not_what_it_rests_on(rig: OutboxRig) -> None:
    """Behind a note that fails waits a change of the status; the crew that was sent after that one waits with it."""
    note = rig.do(Kind.NOTE)
    rig.do(Kind.SET, data={"status": "assigned"}, base={"status": "new"})
    rig.do(Kind.DISPATCH, data={"unit": "u1"})
    claim = rig.do(Kind.CLAIM)
    let_go(rig)
    rig.pushed(note)
    falls(rig, note)
    rig.pushed(claim)
    rig.answer(claim, S.ACCEPTED)
    rig.quiet()


def test_a_units_word_that_fails_holds_no_other_units(rig: OutboxRig) -> None:
    first = rig.do(Kind.UNIT_STATE, None, data={"unit": "u1"})
    second = rig.do(Kind.UNIT_STATE, None, data={"unit": "u2"})
    order = rig.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(rig)
    rig.pushed(first, second)
    falls(rig, first)
    rig.pushed(order)


def test_of_one_closure_one_edit_leaves_after_the_other(rig: OutboxRig) -> None:
    made = rig.do(Kind.CLOSURE, None, data={"closure": "c1", "words": "x"})
    ended = rig.do(Kind.CLOSURE, None, data={"closure": "c1", "ended": True})
    other = rig.do(Kind.CLOSURE, None, data={"closure": "c2", "ended": True})
    let_go(rig)
    rig.pushed(made, other)
    rig.answer(made, S.ACCEPTED)
    rig.pushed(ended)


def test_of_alarms_one_edit_leaves_after_the_other_and_beside_all_else(rig: OutboxRig) -> None:
    known = rig.do(Kind.ALARM, None, data={"alarms": [], "acknowledged": True})
    away = rig.do(Kind.ALARM, None, data={"alarms": [], "shelved_until": None})
    note = rig.do(Kind.NOTE, data={"text": "x"})
    let_go(rig)
    rig.pushed(known, note)
    rig.answer(known, S.ACCEPTED)
    rig.pushed(away)


def test_lines_of_the_log_leave_in_the_order_in_which_they_were_written(rig: OutboxRig) -> None:
    first, second = (rig.do(Kind.LOG, None, data={"text": text}) for text in ("PLN was called", "they come at two"))
    note = rig.do(Kind.NOTE, data={"text": "x"})
    let_go(rig)
    rig.pushed(first, note)
    rig.answer(first, S.ACCEPTED)
    rig.pushed(second)


def test_two_reports_do_not_race_for_one_unit(rig: OutboxRig) -> None:
    recall = rig.do(Kind.RECALL, data={"unit": "u1"})
    dispatch = rig.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(rig)
    rig.pushed(recall)
    rig.answer(recall, S.ACCEPTED)
    rig.pushed(dispatch)


def test_a_unit_that_an_end_lets_go_is_sent_after_that(rig: OutboxRig) -> None:
    close = rig.do(Kind.CLOSE, data={"disposition": "done", "release": ["u1"]})
    dispatch = rig.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(rig)
    rig.pushed(close)
    rig.answer(close, S.ACCEPTED)
    rig.pushed(dispatch)


def test_behind_which_other_report_an_order_waits_is_known(rig: OutboxRig) -> None:
    """A crew's second order stood there without a word while the server fell over the first."""
    first = rig.do(Kind.RECALL, data={"unit": "u1"})
    note = rig.do(Kind.NOTE, "3")
    second = rig.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    arrival = rig.do(Kind.PROGRESS, "2", data={"unit": "u1", "state": "on_scene"})
    let_go(rig)
    rig.pushed(first, note)
    assert rig.outbox.held_by(second) is None, "it goes as soon as the first has arrived"
    falls(rig, first)
    rig.quiet()
    for waiting in (second, arrival):
        held = rig.outbox.held_by(waiting)
        assert held is not None
        assert held.edit.id == first
    assert rig.outbox.held_by(note) is None
    rig.outbox.try_now("city")
    rig.answer(first, S.ACCEPTED)
    rig.pushed(second)
    assert rig.outbox.held_by(arrival) is None


def test_an_order_under_a_new_reports_number_waits_for_no_fact_behind_one_that_fails(rig: OutboxRig) -> None:
    """By its local key two notes waited, the second behind the first; a crew sent by the number waited for both."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    key = f"local:{create}"
    note, second = rig.do(Kind.NOTE, key, base_version=None), rig.do(Kind.NOTE, key, base_version=None)
    let_go(rig)
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="77")
    rig.pushed(note)
    dispatch = rig.do(Kind.DISPATCH, "77", data={"unit": "u1"})
    third = rig.do(Kind.NOTE, "77")
    falls(rig, note)
    rig.pushed(dispatch)
    rig.answer(dispatch, S.ACCEPTED)
    rig.quiet()
    held_by(rig, note, second, third)


def held_by(rig: OutboxRig, first: str, *waiting: str) -> None:
    """These say that they wait for the first."""
    for one in waiting:
        held = rig.outbox.held_by(one)
        assert held is not None, one
        assert held.edit.id == first


def test_what_waits_behind_one_that_waits_says_for_what(rig: OutboxRig) -> None:
    """A crew stood there as on its way behind its own word from elsewhere, which waited for a note that failed."""
    note = rig.do(Kind.NOTE)
    cleared = rig.do(Kind.PROGRESS, data={"unit": "u1", "state": "cleared"})
    dispatch = rig.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    arrival = rig.do(Kind.PROGRESS, "2", data={"unit": "u1", "state": "on_scene"})
    photo = rig.do(Kind.PHOTO, "3", data={"sha256": "a" * 64})
    done = rig.do(Kind.PROGRESS, "3", data={"unit": "u2", "state": "done"})
    after, last = rig.do(Kind.NOTE, "3"), rig.do(Kind.DISPATCH, "4", data={"unit": "u2"})
    let_go(rig)
    rig.pushed(note, photo)
    assert [rig.outbox.held_by(one) for one in (cleared, dispatch, done, last)] == [None] * 4
    falls(rig, note)
    falls(rig, photo, S.QUEUED)
    rig.quiet()
    held_by(rig, note, cleared, dispatch, arrival)
    held_by(rig, photo, done, after, last)
    rig.outbox.try_now("city")
    assert [rig.outbox.held_by(one) for one in (cleared, dispatch, arrival, done, after, last)] == [None] * 6


def test_what_waits_for_a_report_that_is_not_there_says_so(rig: OutboxRig) -> None:
    """A merge into a new report that the server refused, and all facts after it, waited without a word."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    photo = rig.do(Kind.PHOTO, f"local:{create}", base_version=None, data={"sha256": "a" * 64})
    merge = rig.do(Kind.MERGE, "1", data={"into": f"local:{create}"})
    note = rig.do(Kind.NOTE, "1")
    let_go(rig)
    rig.pushed(create)
    assert [rig.outbox.held_by(one) for one in (photo, merge, note)] == [None] * 3
    falls(rig, create)
    held_by(rig, create, photo, merge, note)
    rig.outbox.try_now("city")
    rig.answer(create, S.ATTENTION, reason=StopReason.REFUSED)
    held_by(rig, create, photo, merge, note)


def test_who_waits_for_each_others_units_is_looked_through_once(rig: OutboxRig) -> None:
    """Each of thirty orders for one unit goes behind all earlier ones: looked through anew it would take for ever."""
    orders = [rig.do(Kind.DISPATCH, str(number), data={"unit": "u1"}) for number in range(30)]
    let_go(rig)
    rig.pushed(orders[0])
    assert [rig.outbox.held_by(one) for one in orders] == [None] * 30
    falls(rig, orders[0])
    held_by(rig, orders[0], *orders[1:])


def test_two_reports_that_wait_for_each_others_units_do_not_wake_each_other(rig: OutboxRig) -> None:
    """They were looked at in turn without end, on the thread of the window, until the first order was taken."""
    first = rig.do(Kind.DISPATCH, "1", data={"unit": "u1"})
    close = rig.do(Kind.CLOSE, "2", data={"disposition": "done", "release": ["u1", "u2"]})
    second = rig.do(Kind.DISPATCH, "1", data={"unit": "u2"})
    let_go(rig)
    rig.pushed(first)
    falls(rig, first)
    rig.quiet()
    assert not rig.outbox.has_due
    rig.outbox.try_now("city")
    rig.pushed(first)
    rig.answer(first, S.ACCEPTED)
    rig.pushed(close)
    rig.answer(close, S.ACCEPTED)
    rig.pushed(second)


def test_a_creation_that_is_given_anew_does_not_wait_for_what_was_done_to_its_report(rig: OutboxRig) -> None:
    """It is the newer one then, and what waits for its number kept all other facts of its report behind itself."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    note = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    let_go(rig)
    rig.pushed(create)
    rig.answer(create, S.CONFLICT, version=1)
    with rig.qtbot.waitSignal(rig.outbox.saved):
        again = rig.outbox.choose(create, mine=True)
    rig.pushed(again)
    rig.answer(again, S.ACCEPTED, remote_id="77")
    (push,) = rig.pushed(note)
    assert push.edit.report == "77"


def test_what_waits_for_a_report_waits_while_another_takes_its_creation_over(rig: OutboxRig) -> None:
    """It was parked until the disk had the new one, what was done after it left first, and orders were asked about."""
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    rig.outbox.sign_in("city", "budi")
    merge = rig.do(Kind.MERGE, "2", data={"into": f"local:{create}"})
    note = rig.do(Kind.NOTE, "2")
    dispatch = rig.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    assert rig.outbox.adopt(create, lambda *_: "Taken over.")
    let_go(rig)
    assert [rig.states()[each] for each in (merge, note, dispatch)] == [S.QUEUED] * 3
    rig.settle()
    (again,) = (one.edit.id for one in rig.outbox.open_edits if one.edit.kind is Kind.CREATE)
    rig.pushed(again)
    rig.answer(again, S.ACCEPTED, remote_id="77")
    rig.settle()
    assert rig.states()[merge] is S.SENDING


def test_what_is_asked_back_while_the_disk_refuses_to_note_its_try_stays_so(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, dispatch = rig.do(Kind.NOTE), rig.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    with monkeypatch.context() as disk:

        def full(*_: object, **__: object) -> None:
            raise DiskFull(rig.folder, "full")

        disk.setattr(WorkFile, "put", full)
        disk.setattr(scheduler, "_SLICE_S", 60.0)  # both at one stretch, however slow the machine is
        let_go(rig)
        assert rig.states() == {note: S.SENDING, dispatch: S.SENDING}
        assert rig.outbox.ask_back(note)
        rig.outbox.mark_told(dispatch, "rina")
        # Its withdrawal is refused too, in a job that is only queued when the first refusal was heard.
        rig.qtbot.waitUntil(lambda: rig.states() == {note: S.QUEUED, dispatch: S.QUEUED})
    assert {one.edit.id: one.asked_back for one in rig.outbox.open_edits} == {note: True, dispatch: False}
    assert {rig.states()[each] for each in (note, dispatch)} == {S.QUEUED}, "on the disk it waits as before"
    rig.down.clear()
    let_go(rig)
    (push,) = rig.pushed(dispatch)
    assert push.edit.about == {TOLD: True}
    rig.qtbot.waitUntil(lambda: list(rig.states()) == [dispatch])
    assert rig.on_disk()[note].state is S.WITHDRAWN


def test_what_is_asked_back_while_the_disk_refuses_its_try_alone_is_gone_at_once(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has certainly not left: nobody has to wait for its server to hear that."""
    note = rig.do(Kind.NOTE)
    real = WorkFile.put

    def put(file: WorkFile, queued: Queued, **named: Any) -> Queued | None:
        if queued.state is S.SENDING and not queued.asked_back:
            raise DiskFull(rig.folder, "full")
        return real(file, queued, **named)

    monkeypatch.setattr(WorkFile, "put", put)
    let_go(rig)
    assert rig.states() == {note: S.SENDING}
    assert rig.outbox.ask_back(note)
    rig.settle()
    assert rig.states() == {}
    assert not [one for one in rig.down if isinstance(one, Push)]
    assert rig.on_disk()[note].state is S.WITHDRAWN


def test_what_was_asked_back_is_not_called_gone_while_the_disk_says_that_it_leaves(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was gone from the screen, and sent after the next start."""
    dispatch = rig.do(Kind.DISPATCH, data={"unit": "u1"})
    let_go(rig)
    rig.pushed(dispatch)

    def full(*_: object, **__: object) -> None:
        raise DiskFull(rig.folder, "full")

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "put", full)
        rig.outbox.mark_told(dispatch, "rina")
        assert rig.outbox.ask_back(dispatch)
        rig.down.clear()
        rig.answer(dispatch, S.WITHDRAWN)
        rig.settle()
        assert rig.states() == {dispatch: S.QUEUED}
        assert not rig.outbox.to_call_back
        let_go(rig)
        rig.settle()
    assert rig.down == []
    assert [one.asked_back for one in rig.outbox.open_edits] == [True]
    let_go(rig)
    rig.quiet()
    assert rig.states() == {}
    assert [one.edit.id for one in rig.outbox.to_call_back] == [dispatch]
    assert rig.on_disk()[dispatch].state is S.WITHDRAWN


def test_what_waits_is_not_handed_to_a_new_sync_process_before_it_is_known_who_has_signed_in(rig: OutboxRig) -> None:
    """Of more edits than are handed over at once the others went with the token of whoever signed in over the first."""
    notes = [rig.do(Kind.NOTE, str(number)) for number in range(12)]
    let_go(rig)
    rig.pushed(*notes[:8])
    rig.outbox.on_restarted()
    rig.quiet()
    rig.outbox.sign_in("city", "budi")
    let_go(rig)
    rig.quiet()
    rig.outbox.sign_in("city", "rina")
    rig.pushed(*notes[:8])


def test_a_merge_goes_behind_what_was_done_to_the_report_that_it_is_into(rig: OutboxRig) -> None:
    """That one is made P1 first, since a P1 is merged into it: side by side the merge came first, and was refused."""
    raised = rig.do(Kind.SET, "2", data={"priority": 1}, base={"priority": 3})
    merge = rig.do(Kind.MERGE, "1", data={"into": "2"})
    other = rig.do(Kind.MERGE, "3", data={"into": "4"})
    close, note = rig.do(Kind.CLOSE, "2"), rig.do(Kind.NOTE, "2")
    let_go(rig)
    rig.pushed(raised, other)
    falls(rig, raised)
    rig.quiet()
    rig.outbox.try_now("city")
    rig.pushed(raised)
    rig.answer(raised, S.ACCEPTED)
    rig.pushed(merge)
    assert rig.states()[close] is S.QUEUED, "what is merged into it is, before it is closed"
    rig.answer(merge, S.ACCEPTED)
    rig.pushed(close)
    rig.answer(close, S.ACCEPTED)
    rig.pushed(note)


def test_what_was_done_to_a_new_report_goes_in_order_under_both_its_names(rig: OutboxRig) -> None:
    """While its creation is confirmed the operator goes on by the number; both names are one report at the server."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    key = f"local:{create}"
    first = rig.do(Kind.SET, key, data={"priority": 1}, base={"priority": 3}, base_version=None)
    second = rig.do(Kind.NOTE, key, base_version=None)
    let_go(rig)
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="77")
    rig.pushed(first)
    third = rig.do(Kind.SET, "77", data={"priority": 2}, base={"priority": 1})
    rig.quiet()
    rig.answer(first, S.ACCEPTED)
    (push,) = rig.pushed(second)
    assert push.edit.report == "77"
    rig.answer(second, S.ACCEPTED)
    rig.pushed(third)


def test_an_order_does_not_wait_for_a_merge_into_a_report_without_a_number(rig: OutboxRig) -> None:
    create = rig.do(Kind.CREATE, None, base_version=None)
    merge = rig.do(Kind.MERGE, data={"into": f"local:{create}"})
    claim = rig.do(Kind.CLAIM)
    let_go(rig)
    rig.pushed(create, claim)
    rig.answer(create, S.ACCEPTED, remote_id="77")
    rig.answer(claim, S.ACCEPTED)
    (push,) = rig.pushed(merge)
    assert push.edit.data == {"into": "77"}


def test_a_photo_on_its_way_holds_only_what_needs_the_proof(rig: OutboxRig) -> None:
    photo, note = rig.do(Kind.PHOTO, data={"sha256": "a" * 64}), rig.do(Kind.NOTE)
    done = rig.do(Kind.PROGRESS, data={"unit": "u1", "state": "done"})
    claim = rig.do(Kind.CLAIM)
    let_go(rig)
    rig.pushed(photo, note)
    rig.answer(note, S.ACCEPTED)
    rig.pushed(claim)
    rig.answer(claim, S.ACCEPTED)
    rig.quiet()
    falls(rig, photo, S.QUEUED)
    rig.quiet()
    rig.outbox.try_now("city")
    rig.pushed(photo)
    rig.answer(photo, S.ACCEPTED)
    rig.pushed(done)


@pytest.mark.parametrize("after", [Kind.SET, Kind.VALIDATE, Kind.CLOSE, Kind.REOPEN])
def test_what_is_judged_by_a_photo_waits_for_it(rig: OutboxRig, after: Kind) -> None:
    photo = rig.do(Kind.PHOTO, data={"sha256": "a" * 64})
    data = {"status": "awaiting_validation"} if after is Kind.SET else {}
    judged = rig.do(after, data=data)
    let_go(rig)
    rig.pushed(photo)
    rig.answer(photo, S.ATTENTION, reason=StopReason.NO_PHOTO_FILE)
    rig.pushed(judged)


def test_a_photo_is_taken_back_after_it_was_given(rig: OutboxRig) -> None:
    photo = rig.do(Kind.PHOTO, data={"sha256": "a" * 64})
    undo = rig.do(Kind.NOTE, undoes=photo)
    let_go(rig)
    rig.pushed(photo)
    rig.answer(photo, S.ACCEPTED)
    rig.pushed(undo)


def test_a_photo_that_the_server_falls_over_holds_no_other(rig: OutboxRig) -> None:
    poison, photo = (rig.do(Kind.PHOTO, data={"sha256": each * 64}) for each in "ab")
    other = rig.do(Kind.PHOTO, "2", data={"sha256": "c" * 64})
    let_go(rig)
    rig.pushed(poison, photo, other)
    falls(rig, poison, S.QUEUED)
    rig.answer(photo, S.ACCEPTED)
    rig.answer(other, S.ACCEPTED)
    rig.outbox.try_now("city")
    rig.pushed(poison)


def test_a_server_that_is_away_holds_its_lane_and_no_other(rig: OutboxRig) -> None:
    first, other = rig.do(Kind.NOTE), rig.do(Kind.NOTE, "2")
    photo = rig.do(Kind.PHOTO, "3", data={"sha256": "a" * 64})
    elsewhere = rig.do(Kind.NOTE, "9", source="another city")
    rig.pushed(elsewhere)
    let_go(rig)
    rig.pushed(first, other, photo)
    rig.answer(first, S.UNCONFIRMED)
    rig.answer(other, S.QUEUED)
    late = rig.do(Kind.NOTE, "4")
    rig.quiet()
    assert rig.states() == {
        first: S.UNCONFIRMED,
        other: S.QUEUED,
        photo: S.SENDING,
        elsewhere: S.SENDING,
        late: S.QUEUED,
    }
    assert not rig.outbox.has_due
    rig.outbox.try_now("city")
    assert [push.unconfirmed for push in rig.pushed(first, other, late)] == [True, False, False]


def test_two_that_are_cut_each_time_keep_no_others_from_leaving(rig: OutboxRig) -> None:
    """They were the oldest and tried first, each time, and all others of a city that was live went back untried."""
    first, second, other = rig.do(Kind.NOTE), rig.do(Kind.NOTE, "2"), rig.do(Kind.NOTE, "3")
    let_go(rig)
    for _ in range(3):
        rig.pushed(first, second, other)
        rig.answer(first, S.UNCONFIRMED)
        rig.answer(second, S.UNCONFIRMED)
        rig.answer(other, S.QUEUED, obstacle=Obstacle.ANOTHER_EDIT)
        rig.quiet()
        rig.outbox.try_now("city")
    rig.pushed(other, first, second)
    rig.answer(other, S.ACCEPTED)
    rig.answer(first, S.UNCONFIRMED)
    rig.answer(second, S.UNCONFIRMED)
    late = rig.do(Kind.NOTE, "4")
    rig.pushed(late)
    let_go(rig)
    rig.pushed(first, second)


def test_a_busy_server_puts_no_order_behind_facts(rig: OutboxRig) -> None:
    """It says of itself when to come again, and nothing of the order, which was the first one each time."""
    order, note = rig.do(Kind.DISPATCH, data={"unit": "u1"}), rig.do(Kind.NOTE, "2")
    let_go(rig)
    for _ in range(4):
        rig.pushed(order, note)
        rig.answer(order, S.QUEUED, obstacle=Obstacle.SERVER, retry_after_s=5.0)
        rig.answer(note, S.QUEUED, obstacle=Obstacle.ANOTHER_EDIT)
        rig.quiet()
        rig.outbox.try_now("city")
    rig.pushed(order, note)


@pytest.mark.parametrize(("kind", "rounds"), [(Kind.NOTE, 3), (Kind.DISPATCH, 3), (Kind.CREATE, 9)])
def test_two_that_a_gateway_puts_off_each_time_keep_no_others_from_leaving(
    rig: OutboxRig, kind: Kind, rounds: int
) -> None:
    """It says when to come again, of these two alone; the others went back untried each time, for good. Of new reports
    also facts pass them in the end, which come behind them else.
    """
    is_creation = kind is Kind.CREATE
    first, second = (
        rig.do(kind, None if is_creation else str(number), data={"unit": f"u{number}"}) for number in (1, 2)
    )
    other = rig.do(Kind.NOTE if is_creation else kind, "3", data={"unit": "u3"})
    let_go(rig)
    for _ in range(rounds):
        rig.pushed(first, second, other)
        for one in (first, second):
            rig.answer(one, S.QUEUED, obstacle=Obstacle.SERVER, retry_after_s=30.0)
        rig.answer(other, S.QUEUED, obstacle=Obstacle.ANOTHER_EDIT)
        rig.quiet()
        let_go(rig)
    rig.pushed(other, first, second)


def test_a_signed_out_operator_is_waited_for(rig: OutboxRig) -> None:
    note = rig.do(Kind.NOTE)
    let_go(rig)
    rig.pushed(note)
    rig.answer(note, S.QUEUED, obstacle=Obstacle.SIGN_IN)
    rig.outbox.source_lost("city", is_refused=True)
    other = rig.do(Kind.NOTE, "2")
    rig.quiet()
    rig.outbox.on_restarted()  # with the token of who has signed in
    rig.quiet()
    rig.outbox.sign_in("city", "rina")
    let_go(rig)
    rig.pushed(note, other)


def test_nothing_leaves_under_another_name_while_it_is_not_known_who_has_signed_in(rig: OutboxRig) -> None:
    """It was handed over with the token of the colleague who signed in, refused, and needed its author twice."""
    note, _ = rig.do(Kind.NOTE), rig.do(Kind.NOTE, "2")
    rig.outbox.source_lost("city", is_refused=True)
    rig.pushed(note)
    rig.answer(note, S.QUEUED, obstacle=Obstacle.SIGN_IN)
    rig.outbox.on_restarted()
    rig.quiet()
    rig.outbox.sign_in("city", "budi")
    let_go(rig)
    rig.quiet()


def test_what_was_under_way_when_its_source_was_hurried_holds_nothing_when_it_fails(rig: OutboxRig) -> None:
    first, other = rig.do(Kind.NOTE), rig.do(Kind.NOTE, "2")
    let_go(rig)
    rig.pushed(first, other)
    rig.outbox.try_now("city")
    rig.answer(first, S.QUEUED)
    rig.pushed(first)


def test_tried_again_by_itself_after_the_back_off(qtbot: QtBot, tmp_path: Path) -> None:
    rig = OutboxRig(qtbot, tmp_path, random_source=AtOnce())
    try:
        note = rig.do(Kind.NOTE)
        rig.pushed(note)
        for obstacle in Obstacle.SERVER, Obstacle.ONE_EDIT:
            rig.answer(note, S.UNCONFIRMED, obstacle=obstacle)
            (push,) = rig.pushed(note)
            assert push.unconfirmed
        rig.answer(note, S.UNCONFIRMED, obstacle=Obstacle.SERVER, retry_after_s=0.4)
        began = time.monotonic()
        rig.pushed(note)
        assert time.monotonic() - began >= 0.4, "what the server asked for is kept"
    finally:
        rig.outbox.close()


def test_an_order_dies_and_a_fact_does_not(rig: OutboxRig) -> None:
    dispatch = rig.do(Kind.DISPATCH, data={"unit": "u1"})
    note, transfer = rig.do(Kind.NOTE), rig.do(Kind.SET, "3", data={"area": "3171"})
    rig.now += timedelta(seconds=601)
    let_go(rig)
    rig.pushed(note)
    assert (rig.states()[dispatch], rig.states()[transfer]) == (S.EXPIRED, S.EXPIRED)


def test_an_order_that_is_tried_in_vain_dies_in_its_time(qtbot: QtBot, tmp_path: Path) -> None:
    """Guards: the alarm at the end of its time; the next try may be minutes later."""
    rig = OutboxRig(qtbot, tmp_path)
    try:
        dispatch = rig.do(Kind.DISPATCH, data={"unit": "u1"})
        rig.pushed(dispatch)
        rig.now += timedelta(seconds=599.8)
        rig.answer(dispatch, S.QUEUED)
        assert rig.states() == {dispatch: S.QUEUED}
        rig.now += timedelta(seconds=0.3)
        qtbot.waitUntil(lambda: rig.states() == {dispatch: S.EXPIRED})
    finally:
        rig.outbox.close()


def test_an_order_that_waits_for_another_dies_in_its_time(rig: OutboxRig) -> None:
    """Nobody was asked about it, and what was done to its report after that waited with it."""
    first = rig.do(Kind.PROGRESS, data={"unit": "u1", "state": "enroute"})
    rig.now += timedelta(seconds=1)
    order, note = rig.do(Kind.DISPATCH, "2", data={"unit": "u1"}), rig.do(Kind.NOTE, "2")
    let_go(rig)
    rig.pushed(first)
    rig.quiet()
    rig.now += timedelta(seconds=601)
    rig.outbox.try_now("city")
    rig.pushed(note)
    assert rig.states() == {first: S.SENDING, order: S.EXPIRED, note: S.SENDING}


def test_an_order_past_its_time_that_may_have_arrived_is_only_looked_for(rig: OutboxRig) -> None:
    dispatch = rig.do(Kind.DISPATCH, data={"unit": "u1"})
    let_go(rig)
    (push,) = rig.pushed(dispatch)
    assert not push.past_its_time
    falls(rig, dispatch)
    rig.now += timedelta(seconds=601)
    rig.outbox.try_now("city")
    (push,) = rig.pushed(dispatch)
    assert (push.unconfirmed, push.past_its_time) == (True, True)
    rig.answer(dispatch, S.EXPIRED)
    assert rig.states() == {dispatch: S.EXPIRED}


def test_what_was_taken_back_in_flight_goes_once_it_is_known_not_to_have_arrived(rig: OutboxRig) -> None:
    first, second = rig.do(Kind.NOTE), rig.do(Kind.NOTE, "2")
    let_go(rig)
    rig.pushed(first, second)
    assert rig.outbox.ask_back(first)
    assert rig.outbox.ask_back(second)
    assert rig.down == [Withdraw(first), Withdraw(second)]
    rig.down.clear()
    falls(rig, first, S.QUEUED)
    assert first not in rig.states()
    falls(rig, second)
    assert rig.states() == {second: S.UNCONFIRMED}, "it may have arrived"
    rig.outbox.try_now("city")
    rig.pushed(second)


def test_an_answer_to_what_is_not_known_any_more_lets_its_report_go_on(rig: OutboxRig) -> None:
    first, second = rig.do(Kind.NOTE), rig.do(Kind.NOTE)
    let_go(rig)
    rig.pushed(first)
    rig.outbox.on_proved([first])
    assert rig.down == [Withdraw(first, proved=True)]
    rig.pushed(second)
    rig.answer(first, S.ACCEPTED)
    assert rig.states() == {second: S.SENDING}


def test_a_server_that_lets_nobody_in_is_tried_with_the_oldest_edit_only(rig: OutboxRig) -> None:
    """The others have certainly not left: they can be withdrawn, and sent by a colleague who signs in."""
    first, second = rig.do(Kind.NOTE), rig.do(Kind.NOTE, "2")
    rig.outbox.source_lost("city", is_refused=True)
    rig.pushed(first)
    rig.answer(first, S.QUEUED, obstacle=Obstacle.SIGN_IN)
    rig.quiet()
    rig.outbox.try_now("city")
    rig.pushed(first)
    rig.answer(first, S.ACCEPTED)
    rig.pushed(second)
    rig.outbox.source_lost("city")
    third = rig.do(Kind.NOTE, "3")
    rig.quiet()
    let_go(rig)
    rig.pushed(third)


def test_an_order_is_not_asked_about_before_its_source_is_there(rig: OutboxRig) -> None:
    """Above the window it says that the server is away; what is asked there before hides that, and helps nobody."""
    order, other = rig.do(Kind.DISPATCH, data={"unit": "u1"}), rig.do(Kind.DISPATCH, "2", data={"unit": "u2"})
    rig.now += timedelta(seconds=601)
    rig.restart()
    rig.quiet()
    assert rig.states() == {order: S.QUEUED, other: S.QUEUED}, "it is not known yet whether the source is there"
    rig.outbox.source_lost("city")
    rig.outbox.try_now()
    rig.quiet()
    assert rig.states() == {order: S.QUEUED, other: S.QUEUED}
    let_go(rig)
    rig.quiet()
    assert rig.states() == {order: S.EXPIRED, other: S.EXPIRED}


def test_after_an_outage_orders_and_new_reports_leave_before_older_facts(rig: OutboxRig) -> None:
    notes = [rig.do(Kind.NOTE, str(number)) for number in range(10, 22)]
    create = rig.do(Kind.CREATE, None, base_version=None)
    note, order = rig.do(Kind.NOTE, "1"), rig.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(rig)
    rig.pushed(create, order, *notes[:6])
    rig.answer(create, S.ACCEPTED, remote_id="77")
    rig.answer(order, S.ACCEPTED)
    rig.pushed(*notes[6:8])
    late = rig.do(Kind.CLAIM, "3")
    rig.quiet()
    rig.answer(notes[0], S.ACCEPTED)
    rig.pushed(late)
    assert rig.states()[note] is S.QUEUED
