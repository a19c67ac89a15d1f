"""When an edit is tried: order within a report and a unit, freedom between them, photos, retry, the time of orders."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.files.errors import DiskFull
from console.outbox import scheduler
from console.outbox.work_file import WorkFile
from console.rules.edit import TOLD
from console.rules.messages import Obstacle, Withdraw
from console.rules.queued import EditState, StopReason
from tests.helpers.outbox_rig import AtOnce, OutboxRig

S = EditState


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[OutboxRig]:
    """Everything that a test does is made while the source is away, and leaves with `let_go`."""
    desk = OutboxRig(qtbot, tmp_path)
    desk.outbox.source_lost("city")
    yield desk
    desk.outbox.close()


def let_go(desk: OutboxRig) -> None:
    desk.outbox.resend_due("city")


def falls(desk: OutboxRig, edit_id: str, state: EditState = S.UNCONFIRMED) -> None:
    """The server falls over this one edit."""
    desk.answer(edit_id, state, problem="Fell.", obstacle=Obstacle.ONE_EDIT)


def test_one_report_goes_in_order_and_others_go_on(desk: OutboxRig) -> None:
    first, second, other = desk.do(Kind.NOTE), desk.do(Kind.NOTE), desk.do(Kind.NOTE, "2")
    let_go(desk)
    desk.pushed(first, other)
    desk.answer(first, S.ACCEPTED)
    desk.pushed(second)


def test_one_that_the_server_falls_over_holds_the_facts_of_its_report_only(desk: OutboxRig) -> None:
    first, second, other = desk.do(Kind.NOTE), desk.do(Kind.NOTE), desk.do(Kind.NOTE, "2")
    let_go(desk)
    desk.pushed(first, other)
    falls(desk, first)
    desk.quiet()
    assert desk.states()[second] is S.QUEUED
    desk.outbox.try_now("city")
    (push,) = desk.pushed(first)
    assert push.unconfirmed, "it may have arrived"


def test_an_order_waits_for_no_fact_that_was_tried_in_vain(desk: OutboxRig) -> None:
    note, second = desk.do(Kind.NOTE), desk.do(Kind.NOTE)
    dispatch, recall = desk.do(Kind.DISPATCH, data={"unit": "u1"}), desk.do(Kind.RECALL, data={"unit": "u1"})
    claim = desk.do(Kind.CLAIM)
    elsewhere = desk.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(desk)
    desk.pushed(note)
    falls(desk, note)
    desk.pushed(dispatch)
    assert desk.states()[second] is S.QUEUED, "the note behind the one that fails keeps its place"
    falls(desk, dispatch)
    desk.pushed(claim)
    assert {desk.states()[recall], desk.states()[elsewhere]} == {S.QUEUED}, "nor is the unit sent elsewhere"
    desk.outbox.try_now("city")
    desk.answer(claim, S.ACCEPTED)
    desk.pushed(note)


def test_an_order_passes_a_fact_that_has_not_been_tried_but_not_what_it_rests_on(desk: OutboxRig) -> None:
    """Behind a note that fails waits a change of the status; the crew that was sent after that one waits with it."""
    note = desk.do(Kind.NOTE)
    desk.do(Kind.SET, data={"status": "assigned"}, base={"status": "new"})
    desk.do(Kind.DISPATCH, data={"unit": "u1"})
    claim = desk.do(Kind.CLAIM)
    let_go(desk)
    desk.pushed(note)
    falls(desk, note)
    desk.pushed(claim)
    desk.answer(claim, S.ACCEPTED)
    desk.quiet()


def test_a_units_word_that_fails_holds_no_other_units(desk: OutboxRig) -> None:
    first = desk.do(Kind.UNIT_STATE, None, data={"unit": "u1"})
    second = desk.do(Kind.UNIT_STATE, None, data={"unit": "u2"})
    order = desk.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(desk)
    desk.pushed(first, second)
    falls(desk, first)
    desk.pushed(order)


def test_two_reports_do_not_race_for_one_unit(desk: OutboxRig) -> None:
    recall = desk.do(Kind.RECALL, data={"unit": "u1"})
    dispatch = desk.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(desk)
    desk.pushed(recall)
    desk.answer(recall, S.ACCEPTED)
    desk.pushed(dispatch)


def test_a_unit_that_an_end_lets_go_is_sent_after_that(desk: OutboxRig) -> None:
    close = desk.do(Kind.CLOSE, data={"disposition": "done", "release": ["u1"]})
    dispatch = desk.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(desk)
    desk.pushed(close)
    desk.answer(close, S.ACCEPTED)
    desk.pushed(dispatch)


def test_behind_which_other_report_an_order_waits_is_known(desk: OutboxRig) -> None:
    """A crew's second order stood there without a word while the server fell over the first."""
    first = desk.do(Kind.RECALL, data={"unit": "u1"})
    note = desk.do(Kind.NOTE, "3")
    second = desk.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    arrival = desk.do(Kind.PROGRESS, "2", data={"unit": "u1", "state": "on_scene"})
    let_go(desk)
    desk.pushed(first, note)
    assert desk.outbox.held_by(second) is None, "it goes as soon as the first has arrived"
    falls(desk, first)
    desk.quiet()
    for waiting in (second, arrival):
        held = desk.outbox.held_by(waiting)
        assert held is not None
        assert held.edit.id == first
    assert desk.outbox.held_by(note) is None
    desk.outbox.try_now("city")
    desk.answer(first, S.ACCEPTED)
    desk.pushed(second)
    assert desk.outbox.held_by(arrival) is None


def test_an_order_under_a_new_reports_number_waits_for_no_fact_behind_one_that_fails(desk: OutboxRig) -> None:
    """By its local key two notes waited, the second behind the first; a crew sent by the number waited for both."""
    create = desk.do(Kind.CREATE, None, base_version=None)
    key = f"local:{create}"
    note, second = desk.do(Kind.NOTE, key, base_version=None), desk.do(Kind.NOTE, key, base_version=None)
    let_go(desk)
    desk.pushed(create)
    desk.answer(create, S.ACCEPTED, remote_id="77")
    desk.pushed(note)
    dispatch = desk.do(Kind.DISPATCH, "77", data={"unit": "u1"})
    third = desk.do(Kind.NOTE, "77")
    falls(desk, note)
    desk.pushed(dispatch)
    desk.answer(dispatch, S.ACCEPTED)
    desk.quiet()
    held_by(desk, note, second, third)


def held_by(desk: OutboxRig, first: str, *waiting: str) -> None:
    """These say that they wait for the first."""
    for one in waiting:
        held = desk.outbox.held_by(one)
        assert held is not None, one
        assert held.edit.id == first


def test_what_waits_behind_one_that_waits_says_for_what(desk: OutboxRig) -> None:
    """A crew stood there as on its way behind its own word from elsewhere, which waited for a note that failed."""
    note = desk.do(Kind.NOTE)
    cleared = desk.do(Kind.PROGRESS, data={"unit": "u1", "state": "cleared"})
    dispatch = desk.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    arrival = desk.do(Kind.PROGRESS, "2", data={"unit": "u1", "state": "on_scene"})
    photo = desk.do(Kind.PHOTO, "3", data={"sha256": "a" * 64})
    done = desk.do(Kind.PROGRESS, "3", data={"unit": "u2", "state": "done"})
    after, last = desk.do(Kind.NOTE, "3"), desk.do(Kind.DISPATCH, "4", data={"unit": "u2"})
    let_go(desk)
    desk.pushed(note, photo)
    assert [desk.outbox.held_by(one) for one in (cleared, dispatch, done, last)] == [None] * 4
    falls(desk, note)
    falls(desk, photo, S.QUEUED)
    desk.quiet()
    held_by(desk, note, cleared, dispatch, arrival)
    held_by(desk, photo, done, after, last)
    desk.outbox.try_now("city")
    assert [desk.outbox.held_by(one) for one in (cleared, dispatch, arrival, done, after, last)] == [None] * 6


def test_what_waits_for_a_report_that_is_not_there_says_so(desk: OutboxRig) -> None:
    """A merge into a new report that the server refused, and all facts after it, waited without a word."""
    create = desk.do(Kind.CREATE, None, base_version=None)
    photo = desk.do(Kind.PHOTO, f"local:{create}", base_version=None, data={"sha256": "a" * 64})
    merge = desk.do(Kind.MERGE, "1", data={"into": f"local:{create}"})
    note = desk.do(Kind.NOTE, "1")
    let_go(desk)
    desk.pushed(create)
    assert [desk.outbox.held_by(one) for one in (photo, merge, note)] == [None] * 3
    falls(desk, create)
    held_by(desk, create, photo, merge, note)
    desk.outbox.try_now("city")
    desk.answer(create, S.ATTENTION, reason=StopReason.REFUSED)
    held_by(desk, create, photo, merge, note)


def test_who_waits_for_each_others_units_is_looked_through_once(desk: OutboxRig) -> None:
    """Each of thirty orders for one unit goes behind all earlier ones: looked through anew it would take for ever."""
    orders = [desk.do(Kind.DISPATCH, str(number), data={"unit": "u1"}) for number in range(30)]
    let_go(desk)
    desk.pushed(orders[0])
    assert [desk.outbox.held_by(one) for one in orders] == [None] * 30
    falls(desk, orders[0])
    held_by(desk, orders[0], *orders[1:])


def test_two_reports_that_wait_for_each_others_units_do_not_wake_each_other(desk: OutboxRig) -> None:
    """They were looked at in turn without end, on the thread of the window, until the first order was taken."""
    first = desk.do(Kind.DISPATCH, "1", data={"unit": "u1"})
    close = desk.do(Kind.CLOSE, "2", data={"disposition": "done", "release": ["u1", "u2"]})
    second = desk.do(Kind.DISPATCH, "1", data={"unit": "u2"})
    let_go(desk)
    desk.pushed(first)
    falls(desk, first)
    desk.quiet()
    assert not desk.outbox.has_due
    desk.outbox.try_now("city")
    desk.pushed(first)
    desk.answer(first, S.ACCEPTED)
    desk.pushed(close)
    desk.answer(close, S.ACCEPTED)
    desk.pushed(second)


def test_a_creation_that_is_given_anew_does_not_wait_for_what_was_done_to_its_report(desk: OutboxRig) -> None:
    """It is the newer one then, and what waits for its number kept all other facts of its report behind itself."""
    create = desk.do(Kind.CREATE, None, base_version=None)
    note = desk.do(Kind.NOTE, f"local:{create}", base_version=None)
    let_go(desk)
    desk.pushed(create)
    desk.answer(create, S.CONFLICT, version=1)
    with desk.qtbot.waitSignal(desk.outbox.saved):
        again = desk.outbox.choose(create, mine=True)
    desk.pushed(again)
    desk.answer(again, S.ACCEPTED, remote_id="77")
    (push,) = desk.pushed(note)
    assert push.edit.report == "77"


def test_what_waits_for_a_report_waits_while_another_takes_its_creation_over(desk: OutboxRig) -> None:
    """It was parked until the disk had the new one, what was done after it left first, and orders were asked about."""
    create = desk.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    desk.outbox.sign_in("city", "budi")
    merge = desk.do(Kind.MERGE, "2", data={"into": f"local:{create}"})
    note = desk.do(Kind.NOTE, "2")
    dispatch = desk.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    assert desk.outbox.adopt(create, lambda *_: "Taken over.")
    let_go(desk)
    assert [desk.states()[each] for each in (merge, note, dispatch)] == [S.QUEUED] * 3
    desk.settle()
    (again,) = (one.edit.id for one in desk.outbox.open_edits if one.edit.kind is Kind.CREATE)
    desk.pushed(again)
    desk.answer(again, S.ACCEPTED, remote_id="77")
    desk.settle()
    assert desk.states()[merge] is S.SENDING


def test_what_is_asked_back_while_the_disk_refuses_to_note_its_try_stays_so(
    desk: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, dispatch = desk.do(Kind.NOTE), desk.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    with monkeypatch.context() as disk:

        def full(*_: object, **__: object) -> None:
            raise DiskFull(desk.folder, "full")

        disk.setattr(WorkFile, "put", full)
        disk.setattr(scheduler, "_SLICE_S", 60.0)  # both at one stretch, however slow the machine is
        let_go(desk)
        assert desk.states() == {note: S.SENDING, dispatch: S.SENDING}
        assert desk.outbox.ask_back(note)
        desk.outbox.mark_told(dispatch, "rina")
        desk.settle()
    assert {one.edit.id: one.asked_back for one in desk.outbox.open_edits} == {note: True, dispatch: False}
    assert {desk.states()[each] for each in (note, dispatch)} == {S.QUEUED}, "on the disk it waits as before"
    desk.down.clear()
    let_go(desk)
    (push,) = desk.pushed(dispatch)
    assert push.edit.about == {TOLD: True}
    assert list(desk.states()) == [dispatch]
    assert desk.on_disk()[note].state is S.WITHDRAWN


def test_what_was_asked_back_is_not_called_gone_while_the_disk_says_that_it_leaves(
    desk: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was gone from the screen, and sent after the next start."""
    dispatch = desk.do(Kind.DISPATCH, data={"unit": "u1"})
    let_go(desk)
    desk.pushed(dispatch)

    def full(*_: object, **__: object) -> None:
        raise DiskFull(desk.folder, "full")

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "put", full)
        desk.outbox.mark_told(dispatch, "rina")
        assert desk.outbox.ask_back(dispatch)
        desk.down.clear()
        desk.answer(dispatch, S.WITHDRAWN)
        desk.settle()
        assert desk.states() == {dispatch: S.QUEUED}
        assert not desk.outbox.to_call_back
        let_go(desk)
        desk.settle()
    assert desk.down == []
    assert [one.asked_back for one in desk.outbox.open_edits] == [True]
    let_go(desk)
    desk.quiet()
    assert desk.states() == {}
    assert [one.edit.id for one in desk.outbox.to_call_back] == [dispatch]
    assert desk.on_disk()[dispatch].state is S.WITHDRAWN


def test_what_waits_is_not_handed_to_a_new_sync_process_before_it_is_known_who_has_signed_in(desk: OutboxRig) -> None:
    """Of more edits than are handed over at once the others went with the token of whoever signed in over the first."""
    notes = [desk.do(Kind.NOTE, str(number)) for number in range(12)]
    let_go(desk)
    desk.pushed(*notes[:8])
    desk.outbox.on_restarted()
    desk.quiet()
    desk.outbox.sign_in("city", "budi")
    let_go(desk)
    desk.quiet()
    desk.outbox.sign_in("city", "rina")
    desk.pushed(*notes[:8])


def test_a_merge_goes_behind_what_was_done_to_the_report_that_it_is_into(desk: OutboxRig) -> None:
    """That one is made P1 first, since a P1 is merged into it: side by side the merge came first, and was refused."""
    raised = desk.do(Kind.SET, "2", data={"priority": 1}, base={"priority": 3})
    merge = desk.do(Kind.MERGE, "1", data={"into": "2"})
    other = desk.do(Kind.MERGE, "3", data={"into": "4"})
    close, note = desk.do(Kind.CLOSE, "2"), desk.do(Kind.NOTE, "2")
    let_go(desk)
    desk.pushed(raised, other)
    falls(desk, raised)
    desk.quiet()
    desk.outbox.try_now("city")
    desk.pushed(raised)
    desk.answer(raised, S.ACCEPTED)
    desk.pushed(merge)
    assert desk.states()[close] is S.QUEUED, "what is merged into it is, before it is closed"
    desk.answer(merge, S.ACCEPTED)
    desk.pushed(close)
    desk.answer(close, S.ACCEPTED)
    desk.pushed(note)


def test_what_was_done_to_a_new_report_goes_in_order_under_both_its_names(desk: OutboxRig) -> None:
    """While its creation is confirmed the operator goes on by the number; both names are one report at the server."""
    create = desk.do(Kind.CREATE, None, base_version=None)
    key = f"local:{create}"
    first = desk.do(Kind.SET, key, data={"priority": 1}, base={"priority": 3}, base_version=None)
    second = desk.do(Kind.NOTE, key, base_version=None)
    let_go(desk)
    desk.pushed(create)
    desk.answer(create, S.ACCEPTED, remote_id="77")
    desk.pushed(first)
    third = desk.do(Kind.SET, "77", data={"priority": 2}, base={"priority": 1})
    desk.quiet()
    desk.answer(first, S.ACCEPTED)
    (push,) = desk.pushed(second)
    assert push.edit.report == "77"
    desk.answer(second, S.ACCEPTED)
    desk.pushed(third)


def test_an_order_does_not_wait_for_a_merge_into_a_report_without_a_number(desk: OutboxRig) -> None:
    create = desk.do(Kind.CREATE, None, base_version=None)
    merge = desk.do(Kind.MERGE, data={"into": f"local:{create}"})
    claim = desk.do(Kind.CLAIM)
    let_go(desk)
    desk.pushed(create, claim)
    desk.answer(create, S.ACCEPTED, remote_id="77")
    desk.answer(claim, S.ACCEPTED)
    (push,) = desk.pushed(merge)
    assert push.edit.data == {"into": "77"}


def test_a_photo_on_its_way_holds_only_what_needs_the_proof(desk: OutboxRig) -> None:
    photo, note = desk.do(Kind.PHOTO, data={"sha256": "a" * 64}), desk.do(Kind.NOTE)
    done = desk.do(Kind.PROGRESS, data={"unit": "u1", "state": "done"})
    claim = desk.do(Kind.CLAIM)
    let_go(desk)
    desk.pushed(photo, note)
    desk.answer(note, S.ACCEPTED)
    desk.pushed(claim)
    desk.answer(claim, S.ACCEPTED)
    desk.quiet()
    falls(desk, photo, S.QUEUED)
    desk.quiet()
    desk.outbox.try_now("city")
    desk.pushed(photo)
    desk.answer(photo, S.ACCEPTED)
    desk.pushed(done)


@pytest.mark.parametrize("after", [Kind.SET, Kind.VALIDATE, Kind.CLOSE, Kind.REOPEN])
def test_what_is_judged_by_a_photo_waits_for_it(desk: OutboxRig, after: Kind) -> None:
    photo = desk.do(Kind.PHOTO, data={"sha256": "a" * 64})
    data = {"status": "awaiting_validation"} if after is Kind.SET else {}
    judged = desk.do(after, data=data)
    let_go(desk)
    desk.pushed(photo)
    desk.answer(photo, S.ATTENTION, reason=StopReason.NO_PHOTO_FILE)
    desk.pushed(judged)


def test_a_photo_is_taken_back_after_it_was_given(desk: OutboxRig) -> None:
    photo = desk.do(Kind.PHOTO, data={"sha256": "a" * 64})
    undo = desk.do(Kind.NOTE, undoes=photo)
    let_go(desk)
    desk.pushed(photo)
    desk.answer(photo, S.ACCEPTED)
    desk.pushed(undo)


def test_a_photo_that_the_server_falls_over_holds_no_other(desk: OutboxRig) -> None:
    poison, photo = (desk.do(Kind.PHOTO, data={"sha256": each * 64}) for each in "ab")
    other = desk.do(Kind.PHOTO, "2", data={"sha256": "c" * 64})
    let_go(desk)
    desk.pushed(poison, photo, other)
    falls(desk, poison, S.QUEUED)
    desk.answer(photo, S.ACCEPTED)
    desk.answer(other, S.ACCEPTED)
    desk.outbox.try_now("city")
    desk.pushed(poison)


def test_a_server_that_is_away_holds_its_lane_and_no_other(desk: OutboxRig) -> None:
    first, other = desk.do(Kind.NOTE), desk.do(Kind.NOTE, "2")
    photo = desk.do(Kind.PHOTO, "3", data={"sha256": "a" * 64})
    elsewhere = desk.do(Kind.NOTE, "9", source="another city")
    desk.pushed(elsewhere)
    let_go(desk)
    desk.pushed(first, other, photo)
    desk.answer(first, S.UNCONFIRMED)
    desk.answer(other, S.QUEUED)
    late = desk.do(Kind.NOTE, "4")
    desk.quiet()
    assert desk.states() == {
        first: S.UNCONFIRMED,
        other: S.QUEUED,
        photo: S.SENDING,
        elsewhere: S.SENDING,
        late: S.QUEUED,
    }
    assert not desk.outbox.has_due
    desk.outbox.try_now("city")
    assert [push.unconfirmed for push in desk.pushed(first, other, late)] == [True, False, False]


def test_two_that_are_cut_each_time_keep_no_others_from_leaving(desk: OutboxRig) -> None:
    """They were the oldest and tried first, each time, and all others of a city that was live went back untried."""
    first, second, other = desk.do(Kind.NOTE), desk.do(Kind.NOTE, "2"), desk.do(Kind.NOTE, "3")
    let_go(desk)
    for _ in range(3):
        desk.pushed(first, second, other)
        desk.answer(first, S.UNCONFIRMED)
        desk.answer(second, S.UNCONFIRMED)
        desk.answer(other, S.QUEUED, obstacle=Obstacle.ANOTHER_EDIT)
        desk.quiet()
        desk.outbox.try_now("city")
    desk.pushed(other, first, second)
    desk.answer(other, S.ACCEPTED)
    desk.answer(first, S.UNCONFIRMED)
    desk.answer(second, S.UNCONFIRMED)
    late = desk.do(Kind.NOTE, "4")
    desk.pushed(late)
    let_go(desk)
    desk.pushed(first, second)


def test_a_busy_server_puts_no_order_behind_facts(desk: OutboxRig) -> None:
    """It says of itself when to come again, and nothing of the order, which was the first one each time."""
    order, note = desk.do(Kind.DISPATCH, data={"unit": "u1"}), desk.do(Kind.NOTE, "2")
    let_go(desk)
    for _ in range(4):
        desk.pushed(order, note)
        desk.answer(order, S.QUEUED, obstacle=Obstacle.SERVER, retry_after_s=5.0)
        desk.answer(note, S.QUEUED, obstacle=Obstacle.ANOTHER_EDIT)
        desk.quiet()
        desk.outbox.try_now("city")
    desk.pushed(order, note)


def test_a_signed_out_operator_is_waited_for(desk: OutboxRig) -> None:
    note = desk.do(Kind.NOTE)
    let_go(desk)
    desk.pushed(note)
    desk.answer(note, S.QUEUED, obstacle=Obstacle.SIGN_IN)
    desk.outbox.source_lost("city", is_refused=True)
    other = desk.do(Kind.NOTE, "2")
    desk.quiet()
    desk.outbox.on_restarted()  # with the token of who has signed in
    desk.quiet()
    desk.outbox.sign_in("city", "rina")
    let_go(desk)
    desk.pushed(note, other)


def test_nothing_leaves_under_another_name_while_it_is_not_known_who_has_signed_in(desk: OutboxRig) -> None:
    """It was handed over with the token of the colleague who signed in, refused, and needed its author twice."""
    note, _ = desk.do(Kind.NOTE), desk.do(Kind.NOTE, "2")
    desk.outbox.source_lost("city", is_refused=True)
    desk.pushed(note)
    desk.answer(note, S.QUEUED, obstacle=Obstacle.SIGN_IN)
    desk.outbox.on_restarted()
    desk.quiet()
    desk.outbox.sign_in("city", "budi")
    let_go(desk)
    desk.quiet()


def test_what_was_under_way_when_its_source_was_hurried_holds_nothing_when_it_fails(desk: OutboxRig) -> None:
    first, other = desk.do(Kind.NOTE), desk.do(Kind.NOTE, "2")
    let_go(desk)
    desk.pushed(first, other)
    desk.outbox.try_now("city")
    desk.answer(first, S.QUEUED)
    desk.pushed(first)


def test_tried_again_by_itself_after_the_back_off(qtbot: QtBot, tmp_path: Path) -> None:
    desk = OutboxRig(qtbot, tmp_path, random_source=AtOnce())
    try:
        note = desk.do(Kind.NOTE)
        desk.pushed(note)
        for obstacle in Obstacle.SERVER, Obstacle.ONE_EDIT:
            desk.answer(note, S.UNCONFIRMED, obstacle=obstacle)
            (push,) = desk.pushed(note)
            assert push.unconfirmed
        desk.answer(note, S.UNCONFIRMED, obstacle=Obstacle.SERVER, retry_after_s=0.4)
        began = time.monotonic()
        desk.pushed(note)
        assert time.monotonic() - began >= 0.4, "what the server asked for is kept"
    finally:
        desk.outbox.close()


def test_an_order_dies_and_a_fact_does_not(desk: OutboxRig) -> None:
    dispatch = desk.do(Kind.DISPATCH, data={"unit": "u1"})
    note, transfer = desk.do(Kind.NOTE), desk.do(Kind.SET, "3", data={"area": "3171"})
    desk.now += timedelta(seconds=601)
    let_go(desk)
    desk.pushed(note)
    assert (desk.states()[dispatch], desk.states()[transfer]) == (S.EXPIRED, S.EXPIRED)


def test_an_order_that_is_tried_in_vain_dies_in_its_time(qtbot: QtBot, tmp_path: Path) -> None:
    """Guards: the alarm at the end of its time; the next try may be minutes later."""
    desk = OutboxRig(qtbot, tmp_path)
    try:
        dispatch = desk.do(Kind.DISPATCH, data={"unit": "u1"})
        desk.pushed(dispatch)
        desk.now += timedelta(seconds=599.8)
        desk.answer(dispatch, S.QUEUED)
        assert desk.states() == {dispatch: S.QUEUED}
        desk.now += timedelta(seconds=0.3)
        qtbot.waitUntil(lambda: desk.states() == {dispatch: S.EXPIRED})
    finally:
        desk.outbox.close()


def test_an_order_that_waits_for_another_dies_in_its_time(desk: OutboxRig) -> None:
    """Nobody was asked about it, and what was done to its report after that waited with it."""
    first = desk.do(Kind.PROGRESS, data={"unit": "u1", "state": "enroute"})
    desk.now += timedelta(seconds=1)
    order, note = desk.do(Kind.DISPATCH, "2", data={"unit": "u1"}), desk.do(Kind.NOTE, "2")
    let_go(desk)
    desk.pushed(first)
    desk.quiet()
    desk.now += timedelta(seconds=601)
    desk.outbox.try_now("city")
    desk.pushed(note)
    assert desk.states() == {first: S.SENDING, order: S.EXPIRED, note: S.SENDING}


def test_an_order_past_its_time_that_may_have_arrived_is_only_looked_for(desk: OutboxRig) -> None:
    dispatch = desk.do(Kind.DISPATCH, data={"unit": "u1"})
    let_go(desk)
    (push,) = desk.pushed(dispatch)
    assert not push.past_its_time
    falls(desk, dispatch)
    desk.now += timedelta(seconds=601)
    desk.outbox.try_now("city")
    (push,) = desk.pushed(dispatch)
    assert (push.unconfirmed, push.past_its_time) == (True, True)
    desk.answer(dispatch, S.EXPIRED)
    assert desk.states() == {dispatch: S.EXPIRED}


def test_what_was_taken_back_in_flight_goes_once_it_is_known_not_to_have_arrived(desk: OutboxRig) -> None:
    first, second = desk.do(Kind.NOTE), desk.do(Kind.NOTE, "2")
    let_go(desk)
    desk.pushed(first, second)
    assert desk.outbox.ask_back(first)
    assert desk.outbox.ask_back(second)
    assert desk.down == [Withdraw(first), Withdraw(second)]
    desk.down.clear()
    falls(desk, first, S.QUEUED)
    assert first not in desk.states()
    falls(desk, second)
    assert desk.states() == {second: S.UNCONFIRMED}, "it may have arrived"
    desk.outbox.try_now("city")
    desk.pushed(second)


def test_an_answer_to_what_is_not_known_any_more_lets_its_report_go_on(desk: OutboxRig) -> None:
    first, second = desk.do(Kind.NOTE), desk.do(Kind.NOTE)
    let_go(desk)
    desk.pushed(first)
    desk.outbox.on_proved([first])
    assert desk.down == [Withdraw(first, proved=True)]
    desk.pushed(second)
    desk.answer(first, S.ACCEPTED)
    assert desk.states() == {second: S.SENDING}


def test_a_server_that_lets_nobody_in_is_tried_with_the_oldest_edit_only(desk: OutboxRig) -> None:
    """The others have certainly not left: they can be withdrawn, and sent by a colleague who signs in."""
    first, second = desk.do(Kind.NOTE), desk.do(Kind.NOTE, "2")
    desk.outbox.source_lost("city", is_refused=True)
    desk.pushed(first)
    desk.answer(first, S.QUEUED, obstacle=Obstacle.SIGN_IN)
    desk.quiet()
    desk.outbox.try_now("city")
    desk.pushed(first)
    desk.answer(first, S.ACCEPTED)
    desk.pushed(second)
    desk.outbox.source_lost("city")
    third = desk.do(Kind.NOTE, "3")
    desk.quiet()
    let_go(desk)
    desk.pushed(third)


def test_an_order_is_not_asked_about_before_its_source_is_there(desk: OutboxRig) -> None:
    """Above the window it says that the server is away; what is asked there before hides that, and helps nobody."""
    order, other = desk.do(Kind.DISPATCH, data={"unit": "u1"}), desk.do(Kind.DISPATCH, "2", data={"unit": "u2"})
    desk.now += timedelta(seconds=601)
    desk.restart()
    desk.quiet()
    assert desk.states() == {order: S.QUEUED, other: S.QUEUED}, "it is not known yet whether the source is there"
    desk.outbox.source_lost("city")
    desk.outbox.try_now()
    desk.quiet()
    assert desk.states() == {order: S.QUEUED, other: S.QUEUED}
    let_go(desk)
    desk.quiet()
    assert desk.states() == {order: S.EXPIRED, other: S.EXPIRED}


def test_after_an_outage_orders_and_new_reports_leave_before_older_facts(desk: OutboxRig) -> None:
    notes = [desk.do(Kind.NOTE, str(number)) for number in range(10, 22)]
    create = desk.do(Kind.CREATE, None, base_version=None)
    note, order = desk.do(Kind.NOTE, "1"), desk.do(Kind.DISPATCH, "2", data={"unit": "u1"})
    let_go(desk)
    desk.pushed(create, order, *notes[:6])
    desk.answer(create, S.ACCEPTED, remote_id="77")
    desk.answer(order, S.ACCEPTED)
    desk.pushed(*notes[6:8])
    late = desk.do(Kind.CLAIM, "3")
    desk.quiet()
    desk.answer(notes[0], S.ACCEPTED)
    desk.pushed(late)
    assert desk.states()[note] is S.QUEUED
