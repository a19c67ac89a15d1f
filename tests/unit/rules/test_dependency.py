"""Edits that rest on an edit which the server refuses are stopped with it, not shown, and asked about once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from api_client.model import Kind
from console.outbox.work_file import WorkFile
from console.rules.dependency import lost_under, stopped_with
from console.rules.edit import BEFORE_SIGN_IN
from console.rules.messages import Obstacle, Push
from console.rules.queued import EditState, Queued, StopReason, was_held_back
from tests.helpers.outbox_rig import OutboxRig
from tests.unit.cache.making import T0, edit, note_state
from tests.unit.outbox.test_outbox import rig

S = EditState
__all__ = ["rig"]

TAKE: tuple[Kind, dict[str, Any]] = (Kind.CLAIM, {})
SEND: tuple[Kind, dict[str, Any]] = (Kind.DISPATCH, {"unit": "U1"})
SEND_OTHER: tuple[Kind, dict[str, Any]] = (Kind.DISPATCH, {"unit": "U2"})
RECALL: tuple[Kind, dict[str, Any]] = (Kind.RECALL, {"unit": "U1"})
THERE: tuple[Kind, dict[str, Any]] = (Kind.PROGRESS, {"unit": "U1", "state": "on_scene"})
NOTE: tuple[Kind, dict[str, Any]] = (Kind.NOTE, {"text": "n"})
PHOTO: tuple[Kind, dict[str, Any]] = (Kind.PHOTO, {"sha256": "1" * 64})
FIRST: tuple[Kind, dict[str, Any]] = (Kind.SET, {"priority": 1})
SECOND: tuple[Kind, dict[str, Any]] = (Kind.SET, {"priority": 2, "reason": "r"})
TITLE: tuple[Kind, dict[str, Any]] = (Kind.SET, {"title": "t", "reason": "r"})
MOVE: tuple[Kind, dict[str, Any]] = (Kind.SET, {"area": "a"})
HOLD: tuple[Kind, dict[str, Any]] = (Kind.SET, {"hold": {"reason": "r", "waits_for": "police"}})
FREE: tuple[Kind, dict[str, Any]] = (Kind.SET, {"hold": None})
CLOSE: tuple[Kind, dict[str, Any]] = (Kind.CLOSE, {"disposition": "x", "release": []})
REOPEN: tuple[Kind, dict[str, Any]] = (Kind.REOPEN, {"reason": "r"})
HAND_IN: tuple[Kind, dict[str, Any]] = (Kind.SET, {"status": "validation"})
ACCEPT: tuple[Kind, dict[str, Any]] = (Kind.VALIDATE, {"accepted": True})
MERGE: tuple[Kind, dict[str, Any]] = (Kind.MERGE, {"into": "2"})
UNMERGE: tuple[Kind, dict[str, Any]] = (Kind.UNMERGE, {})
RELEASE: tuple[Kind, dict[str, Any]] = (Kind.RELEASE, {})
CREATE: tuple[Kind, dict[str, Any]] = (Kind.CREATE, {})
DEEPER: tuple[Kind, dict[str, Any]] = (Kind.CLOSURE, {"closure": "c1", "seen": 1, "words": "Waist-deep"})
OPENED: tuple[Kind, dict[str, Any]] = (Kind.CLOSURE, {"closure": "c1", "seen": 2, "ended": True})
OTHER_OPENED: tuple[Kind, dict[str, Any]] = (Kind.CLOSURE, {"closure": "c2", "seen": 1, "ended": True})
OWN_STATE: tuple[Kind, dict[str, Any]] = (Kind.UNIT_STATE, {"unit": "U1", "state": "available"})


def chain(*made: tuple[Kind, dict[str, Any]], **changes: Any) -> list[Queued]:
    """Edits of one report in their order; the first is lost a second after all were made."""
    edits = [edit(f"e{n}", kind, number=n, data=data, **changes) for n, (kind, data) in enumerate(made, 1)]
    queued = [Queued(one, S.QUEUED, changed_at=T0) for one in edits]
    return [replace(queued[0], state=S.CONFLICT, changed_at=T0 + timedelta(seconds=1)), *queued[1:]]


@pytest.mark.parametrize(
    ("made", "stopped"),
    [
        ((TAKE, SEND), ["e2"]),
        ((TAKE, MOVE), ["e2"]),
        ((TAKE, RELEASE), ["e2"]),
        ((TAKE, SEND, THERE, RECALL), ["e2", "e3", "e4"]),
        ((TAKE, NOTE, PHOTO, FIRST, HOLD, CLOSE), []),
        ((TAKE, FIRST, SEND, NOTE), ["e3"]),
        ((RELEASE, TAKE, SEND), ["e2", "e3"]),
        ((RELEASE, SEND), []),
        ((SEND, RECALL), ["e2"]),
        ((SEND, THERE), ["e2"]),
        ((SEND, SEND_OTHER, FIRST, CLOSE), []),
        ((FIRST, SECOND), ["e2"]),
        ((FIRST, TITLE, SEND), []),
        ((HOLD, FREE), ["e2"]),
        ((CLOSE, REOPEN, SEND), ["e2", "e3"]),
        ((HAND_IN, ACCEPT), ["e2"]),
        ((MERGE, UNMERGE), ["e2"]),
        ((CREATE, NOTE, FIRST, SEND, THERE), ["e4", "e5"]),
        ((NOTE, SEND, FIRST), []),
        ((DEEPER, OTHER_OPENED, OWN_STATE, OPENED), ["e4"]),
    ],
)
def test_what_rests_on_what(made: tuple[tuple[Kind, dict[str, Any]], ...], stopped: list[str]) -> None:
    edits = chain(*made)
    assert [one.edit.id for one in stopped_with(edits[0], edits)] == stopped
    for one in edits[1:]:
        lost = lost_under(one, edits)
        assert (lost is edits[0]) is (one.edit.id in stopped)


def test_an_undo_rests_on_what_it_takes_back() -> None:
    edits = chain(NOTE, NOTE)
    edits[1] = replace(edits[1], edit=replace(edits[1].edit, undoes="e1"))
    assert stopped_with(edits[0], edits) == [edits[1]]


def test_nothing_rests_on_what_another_operator_did_but_on_his_report() -> None:
    for first, rests in ((TAKE, False), (FIRST, False), (CREATE, True)):
        edits = chain(first, SECOND if first is FIRST else SEND)
        edits[1] = replace(edits[1], edit=replace(edits[1].edit, author="budi"))
        assert bool(stopped_with(edits[0], edits)) is rests


@pytest.mark.parametrize(("after_s", "rests"), [(-5, True), (1, True), (2.9, True), (3.1, False), (60, False)])
def test_what_is_done_when_the_loss_has_been_read_rests_on_nothing(after_s: float, rests: bool) -> None:
    edits = chain(TAKE, SEND)  # lost at 1 s
    edits[1] = replace(edits[1], edit=replace(edits[1].edit, occurred_at=T0 + timedelta(seconds=after_s)))
    assert bool(stopped_with(edits[0], edits)) is rests


def test_what_has_left_is_not_stopped() -> None:
    edits = chain(TAKE, SEND, THERE)
    edits[1] = replace(edits[1], state=S.ACCEPTED)
    assert stopped_with(edits[0], edits) == []


LOST: dict[str, Any] = {"theirs": {"claim": {"value": "budi", "who": "budi"}}, "version": 7}


def lost_take(rig: OutboxRig) -> tuple[str, str, str, str]:
    """A take that budi was faster with, and what was done behind it: a note, an order, a step of its crew."""
    take = rig.do(Kind.CLAIM)
    rig.pushed(take)
    note, send = rig.do(Kind.NOTE), rig.do(Kind.DISPATCH, data={"unit": "U1"})
    there = rig.do(Kind.PROGRESS, data={"unit": "U1", "state": "on_scene"})
    rig.answer(take, S.CONFLICT, **LOST)
    return take, note, send, there


def test_a_closure_is_not_ended_when_the_change_of_it_before_is_refused(rig: OutboxRig) -> None:
    """A colleague has changed it meanwhile: the version that the end has seen is his, which nobody here saw."""
    (change, end, other) = (rig.do(kind, None, data=data) for kind, data in (DEEPER, OPENED, OTHER_OPENED))
    rig.pushed(change, other)
    rig.answer(change, S.ATTENTION, reason=StopReason.REFUSED, problem="budi has changed this closure")
    assert [rig.states()[one] for one in (change, end)] == [S.ATTENTION, S.STOPPED]
    assert [one.id for one in rig.outbox.given_for("city", None)] == [other]
    rig.outbox.resend_due()
    assert not [one for one in rig.down if isinstance(one, Push) and one.edit.id == end]


def test_what_rests_on_a_lost_take_is_stopped_in_the_same_turn_and_said(rig: OutboxRig) -> None:
    said: list[list[str]] = []
    rig.outbox.stopped.connect(lambda stopped: said.append([one.edit.id for one in stopped]))
    take, note, send, there = lost_take(rig)
    assert said == [[send, there]]
    assert [rig.states()[one] for one in (take, send, there)] == [S.CONFLICT, S.STOPPED, S.STOPPED]
    assert [one.id for one in rig.outbox.pending_for("city", "1")] == [note], "shown is what can take effect"
    rig.pushed(note)
    rig.answer(note, S.ACCEPTED)
    rig.outbox.resend_due()
    assert not [one for one in rig.down if isinstance(one, Push) and one.edit.id in (send, there)]
    held = rig.outbox.held_by(there)
    assert held is not None
    assert held.edit.id == take
    kept = rig.on_disk()
    assert [kept[one].state for one in (take, send, there)] == [S.CONFLICT, S.STOPPED, S.STOPPED]


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The states that are noted, by write: what is in one is on the disk together or not at all."""
    monkeypatch.setattr("console.outbox.work_thread._AT_ONCE", 1)  # no two notes share a write by chance
    writes: list[list[str]] = []
    real, together = WorkFile.put, WorkFile.together

    def note(file: WorkFile, queued: Queued, **more: Any) -> Queued | None:
        if file._noted is None:
            writes.append([])  # alone
        writes[-1].append(str(queued.state))
        return real(file, queued, **more)

    def begin(file: WorkFile) -> Any:
        if file._noted is None:
            writes.append([])
        return together(file)

    monkeypatch.setattr(WorkFile, "put", note)
    monkeypatch.setattr(WorkFile, "together", begin)
    return writes


def test_loss_and_stop_are_one_write(rig: OutboxRig, writes: list[list[str]]) -> None:
    take = rig.do(Kind.CLAIM)
    rig.pushed(take)
    rig.do(Kind.DISPATCH, data={"unit": "U1"})
    rig.answer(take, S.CONFLICT, **LOST)
    rig.settle()
    assert ["conflict", "stopped"] in writes


def test_an_end_and_what_it_frees_are_one_write(rig: OutboxRig, writes: list[list[str]]) -> None:
    send = rig.do(Kind.DISPATCH, data={"unit": "U1"})
    rig.pushed(send)
    rig.do(Kind.PROGRESS, data={"unit": "U1", "state": "on_scene"})
    rig.do(Kind.RECALL, data={"unit": "U1"})
    rig.answer(send, S.ATTENTION, problem="?")
    rig.settle()
    writes.clear()
    rig.outbox.on_proved([send])
    rig.settle()
    assert writes[0] == ["sent", "queued", "expired"]


def test_a_group_is_dropped_in_one_write(rig: OutboxRig, writes: list[list[str]]) -> None:
    take, _, _, _ = lost_take(rig)
    rig.settle()
    writes.clear()
    assert rig.outbox.drop_lost(take)
    rig.settle()
    assert writes[0] == ["withdrawn"] * 3


def left_alone(rig: OutboxRig, *edit_ids: str) -> None:
    """Nothing but these leaves the file, as a kill between two writes left it once, and the program starts again."""
    rig.outbox.close()
    file = WorkFile(rig.folder, clock=lambda: rig.now)
    for edit_id in edit_ids:
        note_state(file, edit_id, S.WITHDRAWN)
    file.close()
    rig.restart()


def test_an_order_that_is_stopped_with_nothing_is_asked_about_with_what_rests_on_it(rig: OutboxRig) -> None:
    take, note, send, there = lost_take(rig)
    rig.pushed(note)
    rig.answer(note, S.SENT)
    rig.settle()
    left_alone(rig, take)
    rig.outbox.resend_due()
    assert rig.states() == {send: S.EXPIRED, there: S.STOPPED}
    (lost,) = rig.outbox.lost
    assert was_held_back(lost)
    assert [one.edit.id for one in rig.outbox.stopped_with(send)] == [there]
    assert rig.outbox.held_by(there) == lost
    rig.quiet()
    assert rig.outbox.give_again(there)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    assert [one.edit.kind for one in rig.outbox.open_edits] == [Kind.DISPATCH, Kind.PROGRESS]


def test_a_fact_that_is_stopped_with_nothing_is_asked_about(rig: OutboxRig) -> None:
    first = rig.do(Kind.SET, data={"priority": 2}, base={"priority": 3})
    rig.pushed(first)
    second = rig.do(Kind.SET, data={"priority": 1}, base={"priority": 2})
    rig.answer(first, S.CONFLICT, theirs={"priority": {"value": 4, "who": "budi"}}, version=9)
    left_alone(rig, first)
    rig.outbox.resend_due()
    assert rig.states() == {second: S.ATTENTION}
    assert rig.outbox.pending_for("city", "1") == (), "not counted as fact"
    (lost,) = rig.outbox.lost
    assert was_held_back(lost)
    rig.quiet()
    rig.outbox.retry(second)
    rig.pushed(second)


def test_dropping_what_was_stopped_in_the_middle_drops_what_rests_on_it(rig: OutboxRig) -> None:
    take, note, send, there = lost_take(rig)
    rig.pushed(note)
    assert rig.outbox.withdraw(send)
    assert rig.states() == {take: S.CONFLICT, note: S.SENDING}
    assert {one: kept.state for one, kept in rig.on_disk().items()}[there] is S.WITHDRAWN


def test_a_late_word_of_what_was_stopped_does_not_hold_it_when_it_is_let_go(rig: OutboxRig) -> None:
    """That it has not left crossed the stop: it waited for its source, which was there, once what it rested on was."""
    first = rig.do(Kind.SET, data={"priority": 2}, base={"priority": 3})
    rig.pushed(first)
    second = rig.do(Kind.SET, data={"priority": 1}, base={"priority": 2})
    rig.answer(first, S.ATTENTION, problem="?")
    rig.answer(second, S.QUEUED, problem="unreachable")
    assert rig.states()[second] is S.STOPPED
    rig.outbox.on_proved([first])
    rig.pushed(second)


def test_a_lost_one_that_may_go_on_another_version_lets_go_what_was_stopped_with_it(rig: OutboxRig) -> None:
    first = rig.do(Kind.SET, data={"priority": 2}, base={"priority": 3})
    rig.pushed(first)
    second = rig.do(Kind.SET, data={"priority": 1}, base={"priority": 2})
    rig.answer(first, S.ATTENTION, problem="?")
    assert rig.states()[second] is S.STOPPED
    rig.answer(first, S.CONFLICT, theirs={"priority": {"value": 3, "who": "budi"}}, version=9)
    rig.outbox.choose(first, True)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    again, then = rig.outbox.open_edits
    assert [(one.edit.data["priority"], one.edit.base_version) for one in (again, then)] == [(2, 9), (1, 1)]
    rig.pushed(again.edit.id)
    rig.answer(again.edit.id, S.ACCEPTED)
    rig.pushed(then.edit.id)


def test_work_from_before_sign_in_is_sent_as_mine_with_what_was_stopped_with_it(rig: OutboxRig) -> None:
    rig.outbox.author = BEFORE_SIGN_IN
    take = rig.do(Kind.CLAIM)
    rig.pushed(take)
    rig.do(Kind.DISPATCH, data={"unit": "U1"})
    rig.answer(take, S.ATTENTION, problem="Sign in.")
    rig.outbox.author = "rina"
    assert rig.outbox.adopt(take, lambda *_: "")
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    made = [(one.edit.kind, one.edit.author, one.state) for one in rig.outbox.open_edits]
    assert made == [(Kind.CLAIM, "rina", S.SENDING), (Kind.DISPATCH, "rina", S.QUEUED)]


def test_a_change_whose_cause_goes_on_with_another_report_is_asked_about(rig: OutboxRig) -> None:
    """A city was set back: the report that was created here comes again, the number may be anybody's."""
    create = rig.do(Kind.CREATE, None, data={"service": "flood"})
    key = f"local:{create}"
    rig.pushed(create)
    rig.answer(create, S.SENT, remote_id="7")
    before = rig.do(Kind.SET, key, data={"status": "coordination"}, base={"status": "new"})
    rig.pushed(before)
    rig.answer(before, S.CONFLICT, theirs={"status": {"value": "closed", "who": "budi"}}, version=3)
    after = rig.do(Kind.SET, "7", data={"status": "in_progress"}, base={"status": "coordination"})
    assert rig.states() == {before: S.CONFLICT, after: S.STOPPED}
    rig.outbox.on_taken_back("city", [create])
    rig.settle()
    assert [one.edit.report for one in rig.outbox.open_edits] == [f"{key}+", f"{key}+", "7"]
    assert rig.states() == {create: S.ATTENTION, before: S.CONFLICT, after: S.ATTENTION}
    assert after in [one.edit.id for one in rig.outbox.lost]


def test_a_stop_lasts_over_a_restart(rig: OutboxRig) -> None:
    take, note, send, there = lost_take(rig)
    rig.pushed(note)
    rig.restart()
    rig.outbox.resend_due()
    (again,) = rig.pushed(note)
    assert again.unconfirmed
    assert [rig.states()[one] for one in (take, send, there)] == [S.CONFLICT, S.STOPPED, S.STOPPED]


def test_an_order_of_the_same_moment_is_stopped_too_and_a_later_one_is_given(rig: OutboxRig) -> None:
    take = rig.do(Kind.CLAIM)
    rig.pushed(take)
    rig.answer(take, S.CONFLICT, **LOST)
    rig.now += timedelta(seconds=1)
    blind = rig.do(Kind.DISPATCH, data={"unit": "U1"})
    assert rig.states()[blind] is S.STOPPED
    rig.now += timedelta(seconds=5)
    knowing = rig.do(Kind.DISPATCH, data={"unit": "U2"})
    rig.pushed(knowing)
    assert rig.states()[blind] is S.STOPPED


def test_dropped_is_the_whole_group(rig: OutboxRig) -> None:
    take, note, send, there = lost_take(rig)
    rig.pushed(note)
    assert rig.outbox.drop_lost(send)
    rig.quiet()
    assert set(rig.states()) == {note}
    kept = rig.on_disk()
    assert {kept[one].state for one in (take, send, there)} == {S.WITHDRAWN}


def test_given_again_goes_what_was_stopped_without_the_take(rig: OutboxRig) -> None:
    take, note, send, there = lost_take(rig)
    rig.pushed(note)
    rig.answer(note, S.ACCEPTED)
    rig.outbox.mark_told(send, "sari")
    rig.now += timedelta(minutes=1)
    assert rig.outbox.give_again(send)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    (push,) = [one for one in rig.down if isinstance(one, Push)]
    assert (push.edit.kind, push.edit.data, push.edit.base_version) == (Kind.DISPATCH, {"unit": "U1"}, 1)
    assert push.edit.about["shown"] == {"claim": 7}, "of what budi did since she was told the take"
    assert push.edit.occurred_at == rig.now, "the order is given now"
    rig.down.clear()
    rig.answer(push.edit.id, S.ACCEPTED)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    (step,) = [one for one in rig.down if isinstance(one, Push)]
    assert (step.edit.kind, step.edit.occurred_at) == (Kind.PROGRESS, T0), "what happened has its time"
    kept = rig.on_disk()
    assert {kept[one].state for one in (take, send, there)} == {S.WITHDRAWN}
    assert kept[push.edit.id].told_by_radio == "sari"


def test_an_order_past_its_time_is_asked_about_with_what_rests_on_it(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    take = rig.do(Kind.CLAIM)
    rig.now += timedelta(minutes=9)
    send = rig.do(Kind.DISPATCH, data={"unit": "U1"})
    rig.now += timedelta(minutes=2)
    rig.outbox.resend_due("city")
    assert rig.states() == {take: S.EXPIRED, send: S.STOPPED}
    rig.outbox.still_wanted(take, yes=True)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    assert [one.edit.kind for one in rig.outbox.open_edits] == [Kind.CLAIM, Kind.DISPATCH]
    assert set(rig.states().values()) == {S.SENDING, S.QUEUED}


def test_mine_in_a_conflict_takes_along_what_was_based_on_it(rig: OutboxRig) -> None:
    first = rig.do(Kind.SET, data={"priority": 2}, base={"priority": 3})
    rig.pushed(first)
    rig.do(Kind.SET, data={"priority": 1}, base={"priority": 2})
    rig.answer(first, S.CONFLICT, theirs={"priority": {"value": 4, "who": "budi"}}, version=9)
    rig.outbox.choose(first, mine=True)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    assert [(one.edit.data, one.edit.base_version, one.state) for one in rig.outbox.open_edits] == [
        ({"priority": 2}, 9, S.SENDING),
        ({"priority": 1}, 1, S.QUEUED),
    ]


@pytest.mark.parametrize(
    "made",
    [
        (TAKE, SEND, THERE, RECALL),
        (RELEASE, TAKE, SEND),
        (SEND, RECALL),
        (SEND, THERE),
        (FIRST, SECOND),
        (HOLD, FREE),
        (MOVE, MOVE),
        (CLOSE, REOPEN, SEND),
        (HAND_IN, ACCEPT),
        (HAND_IN, CLOSE),
        (HAND_IN, MERGE),
        (MERGE, UNMERGE),
    ],
)
@pytest.mark.parametrize("way", ["mine", "merged", "again"])
def test_what_is_given_anew_has_seen_what_the_conflict_told_of_and_nothing_else(
    rig: OutboxRig, made: tuple[tuple[Kind, dict[str, Any]], ...], way: str
) -> None:
    """It went with the version of the conflict, and closed a report that a colleague had made P1 meanwhile."""
    (kind, data), *rest = made
    lost = rig.do(kind, data=data, base_version=3)
    rig.pushed(lost)
    for number, (each, its_data) in enumerate(rest):
        rig.do(each, data=its_data, base_version=4 + number)
    theirs = {"status": {"value": "assigned", "who": "budi"}, "claim": {"value": "budi", "who": "budi"}}
    theirs |= {"unit": {"value": "U1", "who": "budi"}} if way == "again" else {}
    rig.answer(lost, S.CONFLICT, theirs=theirs, version=9)
    if way == "again":
        if not rig.outbox.give_again(lost):
            return  # there is something to choose
    else:
        rig.outbox.choose(lost, mine=True, data=data if way == "merged" else None)
    rig.qtbot.waitUntil(lambda: all(one.edit.id != lost for one in rig.outbox.open_edits) and bool(rig.down))
    shown = dict.fromkeys(theirs, 9)
    again = [one.edit for one in rig.outbox.open_edits]
    assert again
    assert [one.about["shown"] for one in again] == [shown] * len(again)
    assert [one.about.get("since", one.base_version) for one in again] == list(range(3, 4 + len(rest)))[-len(again) :]
    assert [one.base_version for one in again if one.kind is kind and "since" in one.about] in ([9], [])


def test_mine_in_a_second_conflict_has_seen_what_both_told_of(rig: OutboxRig) -> None:
    rig.do(Kind.CLOSE, data={"disposition": "x"}, base_version=3)
    for version, field in ((5, "status"), (8, "priority")):
        edit_id = rig.outbox.open_edits[0].edit.id
        rig.pushed(edit_id)
        rig.answer(edit_id, S.CONFLICT, theirs={field: {"value": 1, "who": "budi"}}, version=version)
        rig.outbox.choose(edit_id, mine=True)
        rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    (again,) = rig.outbox.open_edits
    assert (again.edit.about, again.edit.base_version) == ({"since": 3, "shown": {"status": 5, "priority": 8}}, 8)


def test_one_that_was_lost_and_arrived_after_all_lets_facts_go_and_asks_about_orders(rig: OutboxRig) -> None:
    send = rig.do(Kind.DISPATCH, data={"unit": "U1"})
    rig.pushed(send)
    there = rig.do(Kind.PROGRESS, data={"unit": "U1", "state": "on_scene"})
    recall = rig.do(Kind.RECALL, data={"unit": "U1"})
    rig.answer(send, S.ATTENTION, problem="?")
    assert rig.states() == {send: S.ATTENTION, there: S.STOPPED, recall: S.STOPPED}
    rig.outbox.on_proved([send])
    rig.pushed(there)
    assert rig.states() == {there: S.SENDING, recall: S.EXPIRED}


def test_an_order_waits_for_nothing_that_fails_and_that_it_does_not_need(rig: OutboxRig) -> None:
    note = rig.do(Kind.NOTE)
    rig.pushed(note)
    title, send = rig.do(Kind.SET, data={"title": "x"}), rig.do(Kind.DISPATCH, data={"unit": "U1"})
    rig.answer(note, S.UNCONFIRMED, problem="The server fell.", obstacle=Obstacle.ONE_EDIT)
    rig.pushed(send)
    assert rig.states()[title] is S.QUEUED, "facts keep their order"
    assert rig.outbox.held_by(send) is None


def test_an_order_behind_a_take_that_fails_is_known_to_be_held(rig: OutboxRig) -> None:
    take = rig.do(Kind.CLAIM)
    rig.pushed(take)
    send = rig.do(Kind.DISPATCH, data={"unit": "U1"})
    assert rig.outbox.held_by(send) is None
    rig.answer(take, S.UNCONFIRMED, problem="The server fell.")
    rig.quiet()
    held = rig.outbox.held_by(send)
    assert held is not None
    assert held.edit.id == take


def test_my_order_waits_for_no_other_operators_edit(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    rig.do(Kind.SET, data={"priority": 1})
    rig.outbox.author = "budi"
    send = rig.do(Kind.DISPATCH, data={"unit": "U1"})
    rig.outbox.resend_due("city")
    rig.pushed(send)


def test_a_second_change_of_a_field_is_based_on_the_first_that_waits_for_the_disk(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    seen: dict[str, Any] = {"source": "city", "base_version": 1, "title": "t"}
    before = {"lat": 1.0, "lon": 2.0, "address": "Jl. A"}
    place: dict[str, Any] = {"priority": 3, "place": before}
    first = rig.outbox.submit(
        Kind.SET, "1", data={"priority": 2, "place": {"lat": 5.0, "lon": 6.0}}, base=place, **seen
    )
    second = rig.outbox.submit(Kind.SET, "1", data={"priority": 1, "place": before}, base=place, **seen)
    third = rig.outbox.submit(Kind.SET, "1", data={"priority": 4}, base={"priority": 3}, **seen)
    other = rig.outbox.submit(Kind.SET, "2", data={"priority": 4}, base={"priority": 3}, **seen)
    rig.qtbot.waitUntil(lambda: len(rig.outbox.open_edits) == 4)
    base = {one.edit.id: one.edit.base for one in rig.outbox.open_edits}
    assert base[first] == place
    assert base[second] == {"priority": 2, "place": {"lat": 5.0, "lon": 6.0, "address": "Jl. A"}}
    assert (base[third], base[other]) == ({"priority": 1}, {"priority": 3})
