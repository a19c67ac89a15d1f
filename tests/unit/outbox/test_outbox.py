"""The outbox: saved first, sent in order, orders asked about when they are old, nothing lost over a restart."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.files.errors import DiskFull, StoreError
from console.outbox.work_file import WorkFile
from console.panels.qt_outbox import QtOutbox
from console.rules.edit import Edit, good_until, outlived
from console.rules.messages import Obstacle, Outcome, Push, Withdraw
from console.rules.queued import ByWhom, EditState, Queued, StopReason, TakenAs
from tests.helpers.outbox_rig import OutboxRig
from tests.unit.cache.making import T0

S = EditState


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[OutboxRig]:
    desk = OutboxRig(qtbot, tmp_path)
    yield desk
    desk.outbox.close()


def test_an_edit_is_on_the_disk_as_being_sent_before_it_is_handed_over(desk: OutboxRig) -> None:
    def look(message: Push | Withdraw) -> None:
        with WorkFileCopy(desk.folder) as states:
            seen.append(states)
        desk.down.append(message)

    seen: list[dict[str, str]] = []
    desk.push = look
    edit_id = desk.do(Kind.SET, data={"priority": 1}, base={"priority": 3}, base_version=7)
    (push,) = desk.pushed(edit_id)
    assert seen == [{edit_id: "sending"}]
    assert (push.edit.number, push.edit.author, push.edit.occurred_at, push.edit.late) == (1, "rina", T0, False)
    assert push.edit.device
    assert (push.edit.base_version, push.unconfirmed) == (7, False)
    assert desk.outbox.pending_for("city", "1") == (push.edit,)
    desk.answer(edit_id, S.ACCEPTED)
    assert desk.states() == {edit_id: S.ACCEPTED}
    desk.outbox.on_proved([edit_id])
    assert desk.outbox.open_edits == ()
    assert desk.on_disk()[edit_id].state is S.SENT


class WorkFileCopy:
    """The states in work.db as another connection reads them now."""

    def __init__(self, folder: Path) -> None:
        import sqlite3

        self._connection = sqlite3.connect(f"file:{folder / 'work.db'}?mode=ro", uri=True)

    def __enter__(self) -> dict[str, str]:
        return dict(self._connection.execute("SELECT id, state FROM edits"))

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def test_edits_of_one_report_go_one_after_the_other_and_hold_no_other_report(desk: OutboxRig) -> None:
    first, second, other = desk.do(Kind.CLAIM), desk.do(Kind.NOTE), desk.do(Kind.NOTE, "2")
    desk.pushed(first, other)
    desk.answer(other, S.ACCEPTED)
    desk.quiet()
    desk.answer(first, S.ACCEPTED)
    desk.pushed(second)


def test_what_needs_the_operator_holds_what_rests_on_it_and_nothing_else(desk: OutboxRig) -> None:
    bad = desk.do(Kind.SET, data={"priority": 1})
    desk.pushed(bad)
    note, change, rests = (
        desk.do(Kind.NOTE),
        desk.do(Kind.SET, data={"title": "x"}),
        desk.do(Kind.SET, data={"priority": 2}),
    )
    desk.answer(bad, S.ATTENTION, problem="no such priority")
    assert desk.states()[rests] is S.STOPPED
    desk.pushed(note)
    desk.answer(note, S.ACCEPTED)
    desk.pushed(change)
    desk.answer(change, S.ACCEPTED)
    desk.quiet()
    desk.outbox.retry(bad)
    (again,) = desk.pushed(bad)
    assert again.edit.data == {"priority": 1}
    desk.answer(bad, S.ACCEPTED)
    desk.pushed(rests)


def test_facts_go_when_the_link_returns_and_old_orders_are_asked_about(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    dispatch = desk.do(Kind.DISPATCH, data={"unit": "u1"})
    note = desk.do(Kind.NOTE, data={"text": "n"})
    arrived = desk.do(Kind.PROGRESS, "2", data={"unit": "u2", "state": "on_scene"})
    by_radio = desk.do(Kind.DISPATCH, "4", data={"unit": "u4"})
    desk.outbox.mark_told(by_radio, "U12")
    desk.now += timedelta(minutes=11)
    fresh = desk.do(Kind.DISPATCH, "3", data={"unit": "u3"})
    desk.quiet()
    desk.outbox.resend_due("city")
    pushes = desk.pushed(by_radio, fresh, note, arrived)
    late = {push.edit.id: push.edit.late for push in pushes}
    assert late == {note: True, arrived: True, by_radio: True, fresh: False}
    assert all(push.edit.occurred_at == T0 for push in pushes if push.edit.id != fresh)
    told = pushes[0].edit
    assert not outlived(told, desk.now + timedelta(days=1), 600), (
        "nor is it too old for the sync process, or the server"
    )
    assert good_until(told, 600) is None
    assert desk.states()[dispatch] is S.EXPIRED

    desk.answer(note, S.ACCEPTED)
    desk.outbox.still_wanted(dispatch, yes=True)
    desk.qtbot.waitUntil(lambda: len(desk.down) == 1)
    (push,) = [one for one in desk.down if isinstance(one, Push)]
    assert push.edit.id != dispatch
    assert (push.edit.data, push.edit.occurred_at) == ({"unit": "u1"}, desk.now)
    kept = desk.on_disk()
    assert (kept[dispatch].state, kept[push.edit.id].state) == (S.WITHDRAWN, S.SENDING)


def test_an_order_that_is_given_again_is_not_told_again(desk: OutboxRig) -> None:
    """As one of an earlier version, which asked about those too of which a crew had been told."""
    desk.outbox.source_lost("city")
    dispatch = desk.do(Kind.DISPATCH, data={"unit": "u1"})
    desk.now += timedelta(minutes=11)
    desk.outbox.resend_due("city")
    assert desk.states() == {dispatch: S.EXPIRED}
    desk.outbox.mark_told(dispatch, "U12")
    desk.outbox.still_wanted(dispatch, yes=True)
    desk.qtbot.waitUntil(lambda: [one.edit.id for one in desk.outbox.open_edits] not in ([], [dispatch]))
    (again,) = desk.outbox.open_edits
    assert (again.edit.id == dispatch, again.told_by_radio) == (False, "U12"), (
        "nobody is asked to tell that crew once more"
    )


def test_an_old_order_nobody_wants_is_dropped(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    claim = desk.do(Kind.CLAIM)
    desk.now += timedelta(minutes=11)
    desk.outbox.resend_due()
    assert desk.states() == {claim: S.EXPIRED}
    desk.outbox.still_wanted(claim, yes=False)
    desk.quiet()
    assert desk.outbox.open_edits == ()
    assert desk.on_disk()[claim].state is S.WITHDRAWN


def test_an_order_that_may_have_left_is_judged_by_the_complete_cache_only(desk: OutboxRig) -> None:
    arrived, lost = desk.do(Kind.DISPATCH, "1", data={"unit": "u1"}), desk.do(Kind.DISPATCH, "2", data={"unit": "u2"})
    desk.pushed(arrived, lost)
    for edit_id in (arrived, lost):
        desk.answer(edit_id, S.UNCONFIRMED)
    desk.restart()
    desk.now += timedelta(minutes=11)
    desk.outbox._try_again()
    desk.quiet()
    assert desk.states() == {arrived: S.UNCONFIRMED, lost: S.UNCONFIRMED}
    desk.outbox.on_proved([arrived])
    desk.outbox.resend_due("city")
    assert desk.states() == {lost: S.EXPIRED}


def test_an_order_that_arrived_after_all_takes_back_the_one_given_anew(desk: OutboxRig) -> None:
    order = desk.do(Kind.DISPATCH, data={"unit": "U1"})
    desk.pushed(order)
    desk.answer(order, S.UNCONFIRMED)
    desk.now += timedelta(minutes=11)
    desk.outbox.source_lost("city")
    desk.outbox.resend_due("city")  # the complete cache does not have it
    assert desk.states() == {order: S.EXPIRED}
    desk.outbox.source_lost("city")
    told: list[str] = []
    desk.outbox.too_late.connect(lambda queued: told.append(queued.edit.id))
    with desk.qtbot.waitSignal(desk.outbox.saved):
        desk.outbox.still_wanted(order, yes=True)
    assert desk.states() == {"e2": S.QUEUED}
    desk.outbox.on_proved([order])
    desk.settle()
    assert told == [order]
    assert desk.on_disk()["e2"].state is S.WITHDRAWN


def test_an_order_made_with_a_clock_that_was_fast_is_asked_about(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    desk.now += timedelta(hours=1)
    order, note = desk.do(Kind.DISPATCH, data={"unit": "U1"}), desk.do(Kind.NOTE, "2", data={"text": "a"})
    desk.now -= timedelta(hours=1)  # the server has told the time
    desk.outbox.resend_due("city")
    desk.pushed(note)
    assert desk.states()[order] is S.EXPIRED


def test_undo_before_it_left_and_after(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    early = desk.do(Kind.CLAIM)
    assert desk.outbox.withdraw(early)
    at_once = desk.outbox.submit(Kind.NOTE, "1", source="city", data={}, base={}, base_version=None, title="")
    assert desk.outbox.withdraw(at_once)  # not even saved yet
    desk.outbox.resend_due()
    desk.quiet()
    assert desk.outbox.open_edits == ()
    late = desk.do(Kind.CLAIM)
    desk.pushed(late)
    assert not desk.outbox.withdraw(late)
    desk.outbox.ask_back(late)
    assert desk.down == [Withdraw(late)]
    desk.answer(late, S.WITHDRAWN)
    assert desk.outbox.open_edits == ()
    assert {queued.state for queued in desk.on_disk().values()} == {S.WITHDRAWN}


def test_an_undo_that_came_too_late_is_told(desk: OutboxRig) -> None:
    claim = desk.do(Kind.CLAIM)
    desk.pushed(claim)
    desk.answer(claim, S.QUEUED, problem="unreachable")  # as far as the sync process knows
    assert desk.outbox.withdraw(claim)
    assert desk.down == [], "it has it no more"
    with desk.qtbot.waitSignal(desk.outbox.too_late) as too_late:
        desk.answer(claim, S.ACCEPTED)
    assert too_late.args[0].edit.id == claim
    assert desk.states() == {claim: S.ACCEPTED}
    desk.outbox.on_proved([claim])
    assert desk.on_disk()[claim].state is S.SENT


def test_an_edit_asked_back_that_arrived_after_all_is_told_once(desk: OutboxRig) -> None:
    told: list[str] = []
    desk.outbox.too_late.connect(lambda queued: told.append(queued.edit.id))
    note = desk.do(Kind.NOTE, data={"text": "a"})
    desk.pushed(note)
    assert desk.outbox.ask_back(note)
    desk.answer(note, S.UNCONFIRMED)
    desk.outbox.resend_due("city")  # the complete cache does not have it
    assert desk.states() == {}
    desk.answer(note, S.ACCEPTED)
    desk.outbox.on_proved([note])
    assert told == [note]


def test_a_report_made_offline_takes_its_edits_along(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    create = desk.do(Kind.CREATE, None, data={"description": "x"}, base_version=None)
    key = f"local:{create}"
    note = desk.do(Kind.NOTE, key, base_version=None)
    change = desk.do(Kind.SET, key, data={"priority": 1}, base_version=None)
    assert [one.edit.report for one in desk.outbox.open_edits] == [key, key, key]
    desk.outbox.resend_due()
    desk.pushed(create)
    desk.outbox.on_proved([create])  # the feed was faster than the answer
    desk.quiet()
    desk.answer(create, S.ACCEPTED, remote_id="928")
    (push,) = desk.pushed(note)
    assert (push.edit.report, push.edit.base_version) == ("928", 1)
    assert [one.edit.report for one in desk.outbox.open_edits] == ["928", "928"]
    desk.restart()
    assert desk.outbox.remote_of(key) == "928"
    desk.outbox.on_proved([note])
    desk.outbox.resend_due()
    assert desk.pushed(change)[0].edit.report == "928"


def test_withdrawing_a_new_report_takes_back_what_was_done_to_it(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    create = desk.do(Kind.CREATE, "local:x")
    desk.do(Kind.NOTE, "local:x")
    other = desk.do(Kind.NOTE, "2")
    assert desk.outbox.withdraw(create)
    assert list(desk.states()) == [other]


def test_what_another_has_said_alike_is_the_operators_to_decide(desk: OutboxRig) -> None:
    """The value is the one that he saw, but somebody else means it too by now."""
    edit_id = desk.do(Kind.SET, data={"priority": 1, "reason": "r"}, base={"priority": 2}, base_version=5)
    desk.pushed(edit_id)
    theirs = {"priority": {"value": 2, "who": "budi", "at": "2026-03-01T08:00:00Z"}}
    desk.answer(edit_id, S.CONFLICT, theirs=theirs, version=6)
    desk.quiet()
    (queued,) = desk.outbox.open_edits
    assert (queued.state, queued.theirs) == (S.CONFLICT, theirs)
    desk.outbox.choose(edit_id, True)
    desk.qtbot.waitUntil(lambda: len(desk.down) == 1)
    (again,) = desk.outbox.open_edits
    assert (again.edit.base_version, again.edit.data["priority"]) == (6, 1)
    assert desk.on_disk()[again.edit.id].edit.base_version == 6


@pytest.mark.parametrize("mine", [True, False])
def test_a_real_conflict_is_the_operators_to_decide(desk: OutboxRig, mine: bool) -> None:
    edit_id = desk.do(Kind.SET, data={"priority": 1}, base={"priority": 3}, base_version=5)
    desk.pushed(edit_id)
    theirs = {"priority": {"value": 2, "who": "budi", "at": "2026-03-01T08:00:00Z"}}
    desk.answer(edit_id, S.CONFLICT, theirs=theirs, version=6)
    desk.quiet()
    (queued,) = desk.outbox.open_edits
    assert (queued.state, queued.theirs, queued.version) == (S.CONFLICT, theirs, 6)
    desk.restart()
    assert desk.outbox.open_edits == (queued,)
    desk.outbox.choose(edit_id, mine)
    if not mine:
        desk.quiet()
        assert desk.states() == {}
        return
    desk.qtbot.waitUntil(lambda: len(desk.down) == 1)
    (push,) = [one for one in desk.down if isinstance(one, Push)]
    assert (push.edit.base, push.edit.base_version, push.edit.data) == ({"priority": 2}, 6, {"priority": 1})
    kept = desk.on_disk()
    assert (kept[edit_id].state, len(kept)) == (S.WITHDRAWN, 2)


def conflict(desk: OutboxRig) -> str:
    """A change of two fields; somebody else changed one of them."""
    data, base = {"priority": 1, "area": "A"}, {"priority": 3, "area": "B"}
    edit_id = desk.do(Kind.SET, data=data, base=base)
    desk.pushed(edit_id)
    desk.answer(edit_id, S.CONFLICT, theirs={"priority": {"value": 2, "who": "budi", "at": None}}, version=2)
    return edit_id


def test_a_second_press_decides_nothing_anew(desk: OutboxRig) -> None:
    edit_id = conflict(desk)
    desk.outbox.choose(edit_id, mine=True)
    desk.outbox.choose(edit_id, mine=True)
    desk.pushed("e2")
    desk.settle()
    assert desk.states() == {"e2": S.SENDING}
    desk.outbox.source_lost("city")
    order = desk.do(Kind.DISPATCH, "2", data={"unit": "U1"})
    desk.now += timedelta(minutes=11)
    desk.outbox.resend_due("city")
    assert desk.states()[order] is S.EXPIRED
    desk.outbox.still_wanted(order, yes=True)
    desk.outbox.still_wanted(order, yes=True)
    desk.pushed("e4")
    desk.settle()
    assert desk.states() == {"e2": S.SENDING, "e4": S.SENDING}


def test_a_choice_that_the_disk_refuses_leaves_the_conflict(desk: OutboxRig, monkeypatch: pytest.MonkeyPatch) -> None:
    edit_id = conflict(desk)

    def full(*_: object) -> None:
        raise DiskFull(desk.folder, "full")

    with monkeypatch.context() as disk, desk.qtbot.waitSignal(desk.outbox.refused):
        disk.setattr(WorkFile, "exchange", full)
        desk.outbox.choose(edit_id, mine=True, data={"area": "A"})
    assert desk.states() == {edit_id: S.CONFLICT}
    desk.outbox.choose(edit_id, mine=True, data={"area": "A"})
    (push,) = desk.pushed("e3")
    assert (push.edit.data, push.edit.base["area"], push.edit.base_version) == ({"area": "A"}, "B", 2)
    assert {one: queued.state for one, queued in desk.on_disk().items()} == {edit_id: S.WITHDRAWN, "e3": S.SENDING}


def test_a_file_that_could_not_be_read_at_first_shows_its_outbox_later(
    desk: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_id = desk.do(Kind.NOTE, data={"text": "kept"})
    desk.outbox.close()

    def unreadable(*_: object) -> None:
        raise DiskFull(desk.folder, "no")

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "filters", unreadable)
        desk.outbox = QtOutbox(desk.folder, desk.down.append, lambda: desk.now, lambda: "e9")
        with desk.qtbot.waitSignal(desk.outbox.unavailable):
            pass
    with desk.qtbot.waitSignal(desk.outbox.opened):
        desk.outbox._try_again()
    assert desk.states() == {edit_id: S.UNCONFIRMED}


def test_after_a_restart_what_was_being_sent_is_asked_again_with_its_key(desk: OutboxRig) -> None:
    sent, waiting = desk.do(Kind.NOTE, "1"), desk.do(Kind.NOTE, "1")
    desk.pushed(sent)
    desk.restart()
    assert desk.states() == {sent: S.UNCONFIRMED, waiting: S.QUEUED}
    assert desk.outbox.waiting_ids() == (sent, waiting)
    desk.quiet()
    desk.outbox.resend_due()
    (push,) = desk.pushed(sent)
    assert push.unconfirmed
    desk.outbox.on_restarted()  # this time the sync process died
    assert desk.states()[sent] is S.UNCONFIRMED
    desk.outbox.resend_due()
    desk.pushed(sent)


def test_nothing_is_sent_under_another_name(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    rinas = desk.do(Kind.NOTE, "1")
    desk.outbox.author = "budi"
    budis = desk.do(Kind.NOTE, "2")
    desk.outbox.resend_due()
    desk.pushed(budis)
    desk.outbox.author = "rina"
    desk.outbox.resend_due()
    desk.pushed(rinas)


def test_a_draft_that_an_earlier_version_kept_goes_to_its_author(desk: OutboxRig) -> None:
    desk.outbox.close()
    with contextlib.closing(WorkFile(desk.folder)) as file:
        file.save_draft("note:city:A", {"text": "hers", "drafted_by": "sari"})
        file.save_draft("note:city:B", {"text": "anybody's", "drafted_by": "local"})
    for operator, keys in (("sari", ["note:city:B", "note:city:A"]), ("rina", ["note:city:B"])):
        outbox = QtOutbox(desk.folder, desk.down.append, lambda: desk.now, lambda: "e1", author=operator)
        with desk.qtbot.waitSignal(outbox.opened):
            pass
        assert list(outbox.drafts) == keys
        outbox.close()
    with contextlib.closing(WorkFile(desk.folder)) as file:
        assert file.drafts().keys() == {"sari\nnote:city:A", "note:city:B"}
    desk.outbox = desk._start()


def test_drafts_and_filters_are_there_after_a_restart(desk: OutboxRig) -> None:
    desk.outbox.save_draft("new", {"text": "half"})
    desk.outbox.save_filter("floods", "cat=flood")
    desk.outbox.set_alarm("p1/1", "raised")
    desk.restart()
    assert (desk.outbox.draft("new"), desk.outbox.filters) == ({"text": "half"}, {"floods": "cat=flood"})
    assert desk.outbox.alarms == {"p1/1": "raised"}


def test_a_text_typed_before_the_file_was_open_replaces_no_older_one(desk: OutboxRig) -> None:
    desk.outbox.save_draft("new", {"text": "of yesterday"})
    desk.outbox.close()
    late = QtOutbox(desk.folder, desk.down.append, lambda: desk.now, lambda: "e1", author="rina")
    late.save_draft("new", {"text": "of today"})
    with desk.qtbot.waitSignal(late.opened):
        pass
    late.close()
    with contextlib.closing(WorkFile(desk.folder)) as file:
        assert file.drafts() == {"rina\nnew": {"text": "of today"}, "rina\nolder:new": {"text": "of yesterday"}}


def test_each_source_has_its_own_clock(qtbot: QtBot, tmp_path: Path) -> None:
    """One city's clock is two hours ahead of this computer's, another's an hour behind it: nothing expires for that."""
    offsets = {"ahead": timedelta(hours=2), "behind": timedelta(hours=-1), "city": timedelta()}
    ids = (f"e{number}" for number in itertools.count(1))
    down: list[Push | Withdraw] = []
    now = [T0]

    def start() -> QtOutbox:
        outbox = QtOutbox(
            tmp_path,
            down.append,
            lambda: now[0],
            lambda: next(ids),
            author="rina",
            offset=lambda source: offsets[source],
        )
        with qtbot.waitSignal(outbox.opened):
            pass
        return outbox

    outbox = start()
    for source in offsets:
        outbox.source_lost(source)
        with qtbot.waitSignal(outbox.saved):
            outbox.submit(Kind.DISPATCH, "1", source=source, data={"unit": "U"}, base={}, base_version=1, title="t")
    outbox.close()
    outbox = start()
    assert {one.edit.source: one.edit.occurred_at - T0 for one in outbox.open_edits} == offsets
    assert {one.edit.source: (one.changed_at or T0) - T0 for one in outbox.open_edits} == offsets
    now[0] += timedelta(minutes=9)
    down.clear()
    outbox.resend_due()
    qtbot.waitUntil(lambda: len([one for one in down if isinstance(one, Push)]) == 3)
    assert {one.edit.late for one in down if isinstance(one, Push)} == {True}, "nine minutes, at each of them"
    assert outbox.counts == {S.SENDING: 3}
    outbox.close()


def test_without_work_db_every_edit_is_refused_aloud(qtbot: QtBot, tmp_path: Path) -> None:
    holder = WorkFile(tmp_path)
    clock: Callable[[], datetime] = lambda: T0  # noqa: E731
    outbox = QtOutbox(tmp_path, lambda _: pytest.fail("pushed"), clock, lambda: "e1")
    with qtbot.waitSignal(outbox.unavailable) as unavailable:
        pass
    with qtbot.waitSignal(outbox.refused) as refused:
        outbox.submit(Kind.NOTE, "1", source="city", data={}, base={}, base_version=None, title="")
    assert isinstance(unavailable.args[0], StoreError)
    assert (refused.args[0], str(refused.args[1])) == ("e1", str(unavailable.args[0]))
    assert outbox.open_edits == ()
    holder.close()  # and when the other has gone, the same once more is saved without a restart
    with qtbot.waitSignals([outbox.opened, outbox.saved]):
        outbox.submit(Kind.NOTE, "1", source="city", data={}, base={}, base_version=None, title="")
    assert len(outbox.open_edits) == 1
    outbox.close()


def test_what_was_done_to_a_report_whose_creation_is_gone_is_said_and_never_waits_unseen(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    create = desk.do(Kind.CREATE, None, base_version=None)
    assert desk.outbox.withdraw(create)
    note = desk.do(Kind.NOTE, f"local:{create}", base_version=None)  # its form was open
    assert desk.outbox.counts == {S.ATTENTION: 1}
    desk.outbox.retry(note)
    assert desk.outbox.counts == {S.ATTENTION: 1}
    assert desk.outbox.withdraw(note)


@pytest.mark.parametrize("is_under_way", [False, True])
def test_a_report_is_sent_with_its_number_or_not_at_all_also_when_the_disk_refuses(
    desk: OutboxRig, monkeypatch: pytest.MonkeyPatch, *, is_under_way: bool
) -> None:
    """Its number was lost and it was not: its notes had no report then, or waited for ever without a word."""
    create = desk.do(Kind.CREATE, None, base_version=None)
    note = desk.do(Kind.NOTE, f"local:{create}", base_version=None)
    desk.pushed(create)

    def full(*_: object, **__: object) -> None:
        raise DiskFull(desk.folder, "full")

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "learn_key", full)
        if not is_under_way:
            desk.outbox.source_lost("city")
        desk.answer(create, S.ACCEPTED, remote_id="77")
        desk.settle()
    desk.outbox.on_proved([create])
    desk.settle()
    desk.restart()
    assert desk.states() == {note: S.UNCONFIRMED if is_under_way else S.QUEUED}
    desk.outbox.resend_due("city")
    (push,) = desk.pushed(note)
    assert push.edit.report == "77"


def test_a_merge_into_a_report_that_was_withdrawn_makes_no_second_one_of_its_own(desk: OutboxRig) -> None:
    """Its own report is there: kept as new it would be there twice, with all that was done to it on the second one."""
    desk.outbox.source_lost("city")
    create = desk.do(Kind.CREATE, None, base_version=None)
    merge, note = desk.do(Kind.MERGE, data={"into": f"local:{create}"}), desk.do(Kind.NOTE)
    child = desk.do(
        Kind.MERGE, f"local:{desk.do(Kind.CREATE, None, base_version=None)}", data={"into": f"local:{create}"}
    )
    assert desk.outbox.withdraw(create)
    desk.settle()
    for each in (merge, child):
        stopped = desk.outbox.open_edit(each)
        assert stopped is not None
        assert (stopped.state, stopped.reason) == (S.ATTENTION, StopReason.CREATION_WITHDRAWN)
    assert desk.outbox.goes_along(merge) == ()
    assert [one.id for one in desk.outbox.deleted] == [child]
    assert desk.states()[note] is S.QUEUED
    assert desk.outbox.drop_lost(merge)
    desk.outbox.resend_due("city")
    desk.qtbot.waitUntil(lambda: desk.states()[note] is S.SENDING)


def test_a_merge_goes_on_when_the_creation_of_its_main_report_had_left_after_all(desk: OutboxRig) -> None:
    create = desk.do(Kind.CREATE, None, base_version=None)
    desk.pushed(create)
    merge = desk.do(Kind.MERGE, data={"into": f"local:{create}"})
    desk.answer(create, S.ATTENTION, problem="No.", reason=StopReason.REFUSED)
    assert desk.outbox.withdraw(create)
    desk.settle()
    assert desk.states() == {merge: S.ATTENTION}
    desk.outbox.on_proved([create], {create: "77"})
    (push,) = desk.pushed(merge)
    assert push.edit.data == {"into": "77"}


def test_what_is_proved_while_the_disk_refuses_to_note_that_it_was_withdrawn_stays_sent(
    desk: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked about again, "still wanted?", and the crew sent a second time."""
    dispatch = desk.do(Kind.DISPATCH, data={"unit": "u1"})
    desk.pushed(dispatch)
    desk.outbox.source_lost("city")
    desk.answer(dispatch, S.UNCONFIRMED)
    desk.now += timedelta(seconds=700)
    desk.outbox.resend_due("city")
    desk.settle()
    assert desk.states() == {dispatch: S.EXPIRED}
    put = WorkFile.put

    def no_withdrawal(file: WorkFile, queued: Queued, *, remote_id: str | None = None) -> object:
        if queued.state is S.WITHDRAWN:
            raise DiskFull(desk.folder, "full")
        return put(file, queued, remote_id=remote_id)

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "put", no_withdrawal)
        assert desk.outbox.withdraw(dispatch)
        desk.outbox.on_proved([dispatch])
        desk.settle()
    assert desk.states() == {}
    assert desk.on_disk()[dispatch].state is S.SENT


@pytest.mark.parametrize("answered", [True, False])
def test_a_creation_withdrawn_too_late_still_gets_its_number(desk: OutboxRig, answered: bool) -> None:
    create = desk.do(Kind.CREATE, None, base_version=None)
    desk.pushed(create)
    desk.answer(create, S.QUEUED)
    assert desk.outbox.withdraw(create)
    desk.outbox.on_restarted()
    with desk.qtbot.waitSignal(desk.outbox.too_late):
        if answered:
            desk.outbox.on_outcome(Outcome(create, S.ACCEPTED, remote_id="77"))
        else:
            desk.outbox.on_proved([create])
    if not answered:
        desk.down.clear()
        desk.outbox.resend_due()
        assert desk.pushed(create)[0].unconfirmed
        desk.outbox.on_outcome(Outcome(create, S.ACCEPTED, remote_id="77"))
    assert desk.outbox.remote_of(f"local:{create}") == "77"
    desk.outbox.on_proved([create])
    assert desk.outbox.open_edits == ()


DELETED_THERE: dict[str, Any] = {"reason": StopReason.REPORT_DELETED, "by": ByWhom(at=T0)}


def words(told: Sequence[Edit]) -> str:
    return " ".join(["Kept from 1.", *(str(one.kind) for one in told)])


def deleted_report(desk: OutboxRig) -> list[str]:
    """A note, an order, a change, a unit's step, a photo, another report's note; the report turns out to be gone."""
    desk.outbox.source_lost("city")
    made = [
        desk.do(Kind.NOTE, data={"text": "a"}),
        desk.do(Kind.DISPATCH, data={"unit": "U1"}),
        desk.do(Kind.SET, data={"status": "progress"}, base={"status": "assigned"}),
        desk.do(Kind.PROGRESS, data={"unit": "U1", "state": "done"}),
        desk.do(Kind.PHOTO, data={"sha256": "1" * 64, "role": "after", "size": 1}),
        desk.do(Kind.NOTE, "2"),
    ]
    desk.outbox.resend_due("city")
    desk.pushed(made[0], made[4], made[5])
    desk.answer(made[0], S.ATTENTION, **DELETED_THERE)
    desk.pushed(made[1])
    desk.answer(made[1], S.ATTENTION, **DELETED_THERE)
    desk.pushed(made[2])
    desk.answer(made[2], S.ATTENTION, **DELETED_THERE)
    desk.answer(made[4], S.ATTENTION, **DELETED_THERE)
    assert desk.states()[made[3]] is S.STOPPED, "no crew was sent"
    return made


def test_the_work_on_a_deleted_report_becomes_a_new_report(desk: OutboxRig) -> None:
    made = deleted_report(desk)
    assert [one.id for one in desk.outbox.deleted] == [made[0], made[1], made[2], made[4]]
    assert [one.edit.id for one in desk.outbox.goes_along(made[0])] == made[:5]
    desk.outbox.source_lost("city")
    saved: list[str] = []
    desk.outbox.saved.connect(lambda queued: saved.append(queued.edit.id))
    create = desk.outbox.keep_as_new(made[0], {"service": "flood"}, title="Flood", words=words)
    assert [one.edit.id for one in desk.outbox.open_edits] == made[5:], "gone from the screen at once"
    desk.qtbot.waitUntil(lambda: len(desk.outbox.open_edits) == 7)
    _, first, *others = desk.outbox.open_edits
    key = f"local:{create}"
    assert (first.edit.id, first.edit.kind, first.edit.report, first.edit.title) == (create, Kind.CREATE, key, "Flood")
    assert [(one.edit.kind, one.state) for one in others] == [
        (Kind.NOTE, S.QUEUED),
        (Kind.NOTE, S.QUEUED),
        (Kind.SET, S.QUEUED),
        (Kind.PHOTO, S.QUEUED),
        (Kind.DISPATCH, S.EXPIRED),
    ]
    assert {one.edit.report for one in others} == {key}
    assert others[0].edit.data["text"] == "Kept from 1. progress"
    assert set(saved) == {first.edit.id, *(one.edit.id for one in others)}
    assert not set(saved) & set(made), "each is a new edit with a key of its own"
    assert {state for edit_id, state in desk.states().items() if edit_id in made} == {S.SENDING}
    desk.restart()
    assert [one.edit.id for one in desk.outbox.open_edits] == [made[5], first.edit.id, *(one.edit.id for one in others)]
    assert not desk.outbox._withdrawals.perhaps_left
    on_disk = desk.on_disk()
    assert {on_disk[edit_id].state for edit_id in made[:5]} == {S.WITHDRAWN}


def test_what_was_kept_waits_for_its_report_and_is_withdrawn_with_it(desk: OutboxRig) -> None:
    made = deleted_report(desk)
    create = desk.outbox.keep_as_new(made[0], {"service": "flood"}, title="", words=words)
    assert desk.outbox.withdraw(create), "also before the disk has answered"
    desk.qtbot.waitUntil(lambda: [one.edit.id for one in desk.outbox.open_edits] == made[5:])
    assert create not in [one.edit.id for one in desk.down]  # type: ignore[union-attr]


def test_a_disk_that_refuses_to_keep_it_changes_nothing(desk: OutboxRig, monkeypatch: pytest.MonkeyPatch) -> None:
    made = deleted_report(desk)

    def full(*_: object) -> None:
        raise DiskFull(desk.folder, "full")

    monkeypatch.setattr(WorkFile, "exchange", full)
    before = desk.states()
    with desk.qtbot.waitSignal(desk.outbox.refused) as refused:
        create = desk.outbox.keep_as_new(made[0], {"service": "flood"}, title="", words=words)
    assert refused.args[0] == create
    assert {one: state for one, state in desk.states().items() if one in made[:5]} == {
        one: state for one, state in before.items() if one in made[:5]
    }
    assert desk.outbox.saving == frozenset()


def test_a_report_that_is_there_again_is_written_to_under_the_same_keys(desk: OutboxRig) -> None:
    made = deleted_report(desk)
    desk.down.clear()
    desk.outbox.retry(made[0])
    desk.pushed(made[0])
    desk.outbox.retry(made[1], made[2], made[4])
    assert desk.outbox.deleted == ()
    desk.pushed(made[4])
    desk.answer(made[0], S.ACCEPTED)
    desk.pushed(made[1])
    desk.answer(made[1], S.ACCEPTED)
    desk.pushed(made[2])
    desk.answer(made[2], S.ACCEPTED)
    desk.pushed(made[3])


def lost_creation(desk: OutboxRig) -> tuple[str, str]:
    """A creation that the server had under the number 77 and lost, and a note on it that is on its way there."""
    create = desk.do(Kind.CREATE, None, base_version=None)
    desk.pushed(create)
    desk.answer(create, S.ACCEPTED, remote_id="77")
    desk.outbox.on_proved([create])
    note = desk.do(Kind.NOTE, "77", data={"text": "x"})
    desk.pushed(note)
    return create, note


@pytest.mark.parametrize("left", [False, True])
def test_what_the_sync_process_has_goes_to_no_other_report_before_it_has_told(desk: OutboxRig, left: bool) -> None:
    create, note = lost_creation(desk)
    desk.outbox.on_another([note])
    assert [type(one) for one in desk.down] == [Withdraw]
    desk.down.clear()
    with desk.qtbot.waitSignal(desk.outbox.taken_back):
        desk.outbox.on_taken_back("city", [create])
    assert desk.outbox.goes_along(note) == (), "its report comes again"
    desk.outbox.retry(create)
    desk.pushed(create)
    desk.answer(create, S.ACCEPTED, remote_id="78")
    desk.quiet()
    if left:
        desk.answer(note, S.ATTENTION, reason=StopReason.ANOTHER_REPORT)
    else:
        desk.answer(note, S.WITHDRAWN)
    (push,) = desk.pushed(note)
    assert push.edit.report == "78"
    desk.answer(note, S.ACCEPTED)
    desk.outbox.on_proved([create, note])
    assert desk.outbox.open_edits == ()


def test_a_creation_that_had_left_after_all_gets_what_was_done_to_it(desk: OutboxRig) -> None:
    create = desk.do(Kind.CREATE, None, base_version=None)
    desk.pushed(create)
    desk.answer(create, S.QUEUED, obstacle=Obstacle.ONE_EDIT)
    assert desk.outbox.withdraw(create)
    note = desk.do(Kind.NOTE, f"local:{create}", base_version=None)  # its form was open
    assert [one.edit.id for one in desk.outbox.goes_along(note)] == [note]
    desk.down.clear()
    desk.answer(create, S.ACCEPTED, remote_id="77")
    (push,) = desk.pushed(note)
    assert push.edit.report == "77"


def test_nobody_keeps_what_another_operator_did(desk: OutboxRig) -> None:
    made = deleted_report(desk)
    desk.outbox.sign_in("city", "budi")
    assert desk.outbox.goes_along(made[0]) == ()
    assert desk.outbox.keep_as_new(made[0], {}, title="", words=words) == ""


def test_another_operators_edit_can_be_dropped_and_its_author_is_told_once(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    create = desk.do(Kind.CREATE, None, base_version=None)
    photo = desk.do(Kind.PHOTO, f"local:{create}", base_version=None)
    other = desk.do(Kind.NOTE, "2")
    desk.outbox.sign_in("city", "budi")
    mine = desk.do(Kind.NOTE, f"local:{create}", base_version=None)
    assert not desk.outbox.drop(mine), "one's own is withdrawn"
    assert desk.outbox.drop(create)
    assert desk.states() == {other: S.QUEUED, mine: S.ATTENTION}
    assert desk.outbox.take_done_by_others("city") == ()
    desk.restart()
    desk.outbox.sign_in("city", "rina")
    told = desk.outbox.take_done_by_others("city")
    assert [one.edit.id for one in told] == [create, photo]
    assert {(one.reason, one.by) for one in told} == {(StopReason.DROPPED, ByWhom("budi", T0))}
    assert desk.outbox.take_done_by_others("city") == ()
    desk.restart()
    assert desk.outbox.take_done_by_others("city") == ()
    kept = desk.on_disk()
    assert {kept[one].state for one in (create, photo)} == {S.WITHDRAWN}
    assert (kept[create].reason, kept[create].by) == (None, ByWhom("budi", T0))


def test_what_was_dropped_stays_until_its_author_was_told(desk: OutboxRig) -> None:
    desk.outbox.source_lost("city")
    edit_id = desk.do(Kind.NOTE)
    desk.outbox.sign_in("city", "budi")
    assert desk.outbox.drop(edit_id)
    desk.settle()
    desk.now += timedelta(days=200)
    desk.restart()
    assert [one.edit.id for one in desk.outbox.take_done_by_others("city")] == [edit_id]
    desk.settle()
    desk.now += timedelta(days=31)
    assert edit_id not in desk.on_disk()


def test_what_may_be_on_its_way_is_not_dropped(desk: OutboxRig) -> None:
    edit_id = desk.do(Kind.NOTE)
    desk.pushed(edit_id)
    desk.outbox.sign_in("city", "budi")
    assert not desk.outbox.drop(edit_id)
    desk.outbox.on_restarted()
    assert desk.outbox.drop(edit_id), "nobody sends it any more"
    with desk.qtbot.waitSignal(desk.outbox.too_late):  # it had arrived, though
        desk.outbox.on_proved([edit_id])


def test_a_long_outbox_leaves_in_order_and_at_most_eight_are_under_way_in_a_lane(desk: OutboxRig) -> None:
    def under_way() -> list[str]:
        return [one.edit.id for one in desk.down if isinstance(one, Push)]

    desk.outbox.source_lost("city")
    made = [desk.do(Kind.NOTE, str(number)) for number in range(14)]
    photo = desk.do(Kind.PHOTO, "99", data={"sha256": "0" * 64})
    desk.outbox.resend_due("city")
    desk.qtbot.waitUntil(lambda: len(under_way()) == 9)
    assert under_way() == [*made[:8], photo]
    for edit_id in made[:3]:
        desk.answer(edit_id, S.ACCEPTED)
    desk.answer(made[3], S.UNCONFIRMED, problem="no answer", obstacle=Obstacle.ONE_EDIT)
    desk.qtbot.waitUntil(lambda: len(under_way()) == 13)
    assert under_way()[9:] == made[8:12]
    for edit_id in made[4:12]:
        desk.answer(edit_id, S.ACCEPTED)
    desk.qtbot.waitUntil(lambda: len(under_way()) == 15)
    assert not desk.outbox.has_due


def test_what_was_made_before_sign_in_was_needed_is_sent_as_the_present_operators(desk: OutboxRig) -> None:
    """Guards: Outbox.adopt; nobody can ever sign in as "local"."""
    desk.outbox.source_lost("city")
    desk.outbox.author = "local"
    create = desk.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    note = desk.do(Kind.NOTE, f"local:{create}", base_version=None, data={"text": "deep"})
    change = desk.do(Kind.SET, "2", data={"priority": 1}, base={"priority": 3})
    left = desk.do(Kind.NOTE, "3")
    desk.now += timedelta(hours=1)
    desk.outbox.sign_in("city", "rina")
    own = desk.do(Kind.SET, f"local:{create}", base_version=None, data={"priority": 1})
    assert not desk.outbox.adopt(own, names)
    for edit_id in (create, change):
        with desk.qtbot.waitSignal(desk.outbox.saved):
            assert desk.outbox.adopt(edit_id, names)
        assert not desk.outbox.adopt(edit_id, names)
    desk.settle()
    kept = [one.edit for one in desk.outbox.open_edits if one.edit.id != left]
    assert [(one.kind, one.report, one.author) for one in kept] == [
        (Kind.CREATE, f"local:{create}", "rina"),
        (Kind.NOTE, f"local:{create}", "rina"),
        (Kind.SET, f"local:{create}", "rina"),
        (Kind.SET, "2", "rina"),
    ]
    assert {one.occurred_at for one in kept} == {T0, T0 + timedelta(hours=1)}
    assert kept[3].occurred_at == T0
    assert not {create, note, change, own} & {one.id for one in kept}, "a key has carried another author's edit"
    assert set(desk.states().values()) == {S.QUEUED}
    found = desk.on_disk()
    assert {found[one].state for one in (create, note, change, own)} == {S.WITHDRAWN}
    assert found[left].state is S.QUEUED


def names(create: Queued, others: Sequence[Queued]) -> str:
    """What the panel makes of a colleague's report and of what others did to it."""
    return " ".join([create.edit.author, *(f"{one.edit.author}:{one.edit.kind}" for one in others)])


def taken_down_by_budi(desk: OutboxRig) -> tuple[str, dict[str, str]]:
    """The local key of a report that budi took down while the link was away, and what was done to it, by name."""
    desk.outbox.source_lost("city")
    desk.outbox.author = "budi"
    create = desk.do(Kind.CREATE, None, base_version=None, data={"description": "Water", "priority": 1})
    key = f"local:{create}"
    done = {"create": create}
    done["note"] = desk.do(Kind.NOTE, key, base_version=None, data={"text": "deep"})
    done["order"] = desk.do(Kind.DISPATCH, key, base_version=None, data={"unit": "u1"})
    desk.now += timedelta(minutes=4)
    desk.outbox.sign_in("city", "rina")
    return key, done


def test_a_report_that_a_colleague_took_down_is_sent_in_ones_own_name_and_names_him(desk: OutboxRig) -> None:
    """It waited for him to sign in, and nobody else knew of it: a family in the water."""
    key, done = taken_down_by_budi(desk)
    own = desk.do(Kind.DISPATCH, key, base_version=None, data={"unit": "u2"})
    desk.outbox.mark_told(own, "U2")
    desk.outbox.mark_told(done["order"], "U1")
    assert [one.edit.id for one in desk.outbox.left_here] == [done["create"]]
    assert desk.outbox.may_be_adopted(done["create"])
    assert not desk.outbox.may_be_adopted(done["note"]), "with its report, and not without it"
    assert not desk.outbox.adopt(done["order"], names)
    assert not desk.outbox.adopt(own, names)
    with desk.qtbot.waitSignal(desk.outbox.saved):
        assert desk.outbox.adopt(done["create"], names)
    assert not desk.outbox.adopt(done["create"], names), "once"
    desk.settle()
    assert desk.outbox.left_here == ()
    kept = list(desk.outbox.open_edits)
    assert [(one.edit.kind, one.state, one.told_by_radio) for one in kept] == [
        (Kind.CREATE, S.QUEUED, None),
        (Kind.NOTE, S.QUEUED, None),
        (Kind.NOTE, S.QUEUED, None),
        (Kind.DISPATCH, S.EXPIRED, "U1"),
        (Kind.DISPATCH, S.QUEUED, "U2"),
    ], "the colleague's order asks whether it is still wanted"
    edits = [one.edit for one in kept]
    assert {(one.author, one.report) for one in edits} == {("rina", key)}
    assert edits[0].data == {"description": "Water", "priority": 1}
    assert edits[1].data == {"text": "budi budi:note budi:dispatch"}
    assert edits[2].data == {"text": "deep"}
    assert [one.occurred_at for one in edits] == [T0, desk.now, T0, T0, desk.now]
    assert not {*done.values(), own} & {one.id for one in edits}, "a key has carried another author's edit"
    desk.outbox.resend_due("city")
    (push,) = desk.pushed(edits[0].id)
    assert (push.edit.author, push.edit.late, push.unconfirmed) == ("rina", True, False)
    desk.answer(edits[0].id, S.ACCEPTED, remote_id="928")
    (named,) = desk.pushed(edits[1].id)
    assert named.edit.report == "928"
    found = desk.on_disk()
    assert {found[one].state for one in (*done.values(), own)} == {S.WITHDRAWN}


def test_who_took_a_report_down_is_told_once_that_another_sent_it(desk: OutboxRig) -> None:
    _, done = taken_down_by_budi(desk)
    with desk.qtbot.waitSignal(desk.outbox.saved):
        desk.outbox.adopt(done["create"], names)
    assert desk.outbox.take_done_by_others("city") == (), "it is no news to who did it"
    desk.settle()
    desk.now += timedelta(days=200)
    desk.restart()
    desk.outbox.sign_in("city", "budi")
    told = desk.outbox.take_done_by_others("city")
    assert [one.edit.id for one in told] == list(done.values())
    assert {(one.reason, one.by) for one in told} == {(StopReason.ADOPTED, ByWhom("rina", T0 + timedelta(minutes=4)))}
    assert desk.outbox.take_done_by_others("city") == ()
    desk.restart()
    desk.outbox.sign_in("city", "budi")
    assert desk.outbox.take_done_by_others("city") == ()


def met_the_outage(desk: OutboxRig, *outcomes: EditState) -> str:
    """The first operator's CREATE, of which a sync process heard nothing; the second one signs in after a restart."""
    desk.outbox.author = "budi"
    create = desk.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    desk.pushed(create)
    for state in outcomes:
        desk.answer(create, state, problem="no answer")
    desk.restart()
    desk.outbox.sign_in("city", "rina")
    return create


@pytest.mark.parametrize("outcomes", [[], [S.UNCONFIRMED], [S.QUEUED], [S.UNCONFIRMED, S.ATTENTION]])
def test_a_report_that_may_have_left_is_sent_in_its_place(desk: OutboxRig, outcomes: Sequence[EditState]) -> None:
    """A sync process that was killed may have sent what it had been told to try again, and a server that refuses a
    second try may have taken the first: it is for the server to say, in the moment in which it takes the new one.
    """
    create = met_the_outage(desk, *outcomes)
    note = desk.do(Kind.NOTE, f"local:{create}", base_version=None, data={"text": "deep"})
    with desk.qtbot.waitSignal(desk.outbox.saved):
        assert desk.outbox.adopt(create, names)
    new = desk.outbox.open_edits[0]
    assert (new.edit.kind, new.edit.author, new.edit.about) == (Kind.CREATE, "rina", {"instead_of": [create]})
    assert [one.edit.about for one in desk.outbox.open_edits[1:]] == [{}, {}]
    (push,) = desk.pushed(new.edit.id)
    assert (push.edit.about, push.unconfirmed) == ({"instead_of": [create]}, True), "it may be there"
    desk.answer(new.edit.id, S.UNCONFIRMED, problem="no answer")
    desk.restart()
    desk.outbox.sign_in("city", "sari")
    with desk.qtbot.waitSignal(desk.outbox.saved):
        assert desk.outbox.adopt(new.edit.id, names)
    assert desk.outbox.open_edits[0].edit.about == {"instead_of": [create, new.edit.id]}, "either may be there"
    assert desk.on_disk()[note].state is S.WITHDRAWN, "it goes on under her name"


def test_one_that_waits_to_take_a_place_may_be_there_too(desk: OutboxRig) -> None:
    """It has never left, but the first one may have: whoever takes it over in his turn is to know that."""
    create = met_the_outage(desk, S.UNCONFIRMED)
    desk.outbox.source_lost("city")
    with desk.qtbot.waitSignal(desk.outbox.saved):
        desk.outbox.adopt(create, names)
    second = desk.outbox.open_edits[0]
    assert (second.state, second.attempts) == (S.UNCONFIRMED, 0)
    desk.outbox.sign_in("city", "sari")
    with desk.qtbot.waitSignal(desk.outbox.saved):
        assert desk.outbox.adopt(second.edit.id, names)
    third = desk.outbox.open_edits[0]
    assert (third.state, third.edit.about) == (S.UNCONFIRMED, {"instead_of": [create, second.edit.id]})
    desk.outbox.resend_due("city")
    (push,) = desk.pushed(third.edit.id)
    assert push.unconfirmed, "a server without keys is looked through first"


@pytest.mark.parametrize("answered_first", [True, False])
def test_what_follows_a_report_that_had_arrived_goes_on_at_it(desk: OutboxRig, answered_first: bool) -> None:
    """The server says to the second one that the first is there; or its record is read before that could be sent."""
    create = met_the_outage(desk, S.UNCONFIRMED)
    with desk.qtbot.waitSignal(desk.outbox.saved):
        desk.outbox.adopt(create, names)
    new, named = (one.edit.id for one in desk.outbox.open_edits)
    too_late: list[Queued] = []
    desk.outbox.too_late.connect(too_late.append)
    desk.pushed(new)
    if answered_first:
        desk.answer(create, S.ACCEPTED, remote_id="928")
        desk.answer(new, S.SENT, remote_id="928")
        assert desk.states() == {create: S.ACCEPTED, named: S.QUEUED}, "the first one is waited for"
        desk.outbox.on_proved([create], {create: "928"})
    else:
        desk.outbox.on_proved([create])
        assert desk.outbox.without_number([create]) == (create,)
        desk.outbox.on_proved([create], {create: "928"})
        withdraw = desk.down.pop(0)
        assert withdraw == Withdraw(new, proved=True)
    assert list(desk.states()) == [named]
    (push,) = desk.pushed(named)
    assert push.edit.report == "928"
    desk.settle()
    assert too_late == [], "that it is there is what she wanted"
    desk.outbox.sign_in("city", "budi")
    if not answered_first:
        assert desk.outbox.take_done_by_others("city") == (), "it is his"
    found = desk.on_disk()
    assert (found[create].state, found[new].state, found[create].problem) == (S.SENT, S.SENT, "")


def test_what_follows_a_report_that_is_proved_while_its_second_is_being_saved_goes_on_at_it(desk: OutboxRig) -> None:
    """The second one was taken back before it was on the disk, and with it all that had been done to the report."""
    create = met_the_outage(desk, S.UNCONFIRMED)
    desk.outbox.adopt(create, names)
    assert not desk.outbox.open_edits, "it waits for the disk"
    desk.outbox.on_proved([create], {create: "928"})
    desk.settle()
    kinds = [one.edit.kind for one in desk.outbox.open_edits if one.edit.id != create]
    assert kinds == [Kind.CREATE, Kind.NOTE], "its server is asked, and says that it is there"
    new, named = (one.edit.id for one in desk.outbox.open_edits if one.edit.id != create)
    desk.pushed(new)
    desk.answer(new, S.SENT, remote_id="928")
    (push,) = desk.pushed(named)
    assert push.edit.report == "928"


@pytest.mark.parametrize("outcomes", [[], [S.ACCEPTED]])
def test_a_report_that_is_under_way_or_taken_is_never_sent_in_another_name(
    desk: OutboxRig, outcomes: Sequence[EditState]
) -> None:
    desk.outbox.author = "budi"
    create = desk.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    desk.outbox.sign_in("city", "rina")
    assert desk.states() == {create: S.SENDING}, "it is noted that it leaves, and goes then"
    assert not desk.outbox.may_be_adopted(create)
    desk.pushed(create)
    for state in outcomes:
        desk.answer(create, state)
    assert not desk.outbox.may_be_adopted(create)
    assert not desk.outbox.adopt(create, names)
    accepted = outcomes == [S.ACCEPTED]
    assert [one.edit.id for one in desk.outbox.left_here] == ([] if accepted else [create]), "it is told all the same"
    desk.quiet()
    assert set(desk.on_disk()) == {create}


@pytest.mark.parametrize("whole_program", [True, False])
def test_what_a_server_without_keys_took_is_looked_for_after_a_break(desk: OutboxRig, whole_program: bool) -> None:
    create = desk.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    desk.pushed(create)
    taken_as = TakenAs(number="77")
    desk.answer(create, S.ACCEPTED, taken_as=taken_as)
    if whole_program:
        desk.restart()
    else:
        desk.outbox.on_restarted()
    assert desk.states() == {create: S.UNCONFIRMED}
    desk.outbox.sign_in("city", "budi")
    assert desk.outbox.left_here == (), "its server has said that it has it"
    assert not desk.outbox.may_be_adopted(create)
    assert not desk.outbox.drop(create)
    desk.outbox.sign_in("city", "rina")
    assert not desk.outbox.ask_back(create), "too late"
    desk.outbox.resend_due("city")
    (push,) = desk.pushed(create)
    assert (push.unconfirmed, push.taken_as) == (True, taken_as)
    desk.answer(create, S.UNCONFIRMED, problem="no answer")
    desk.outbox.resend_due("city")
    (push,) = desk.pushed(create)
    assert push.taken_as == taken_as
    desk.answer(create, S.ATTENTION, problem="another report")
    desk.outbox.retry(create)
    (push,) = desk.pushed(create)
    assert (push.unconfirmed, push.taken_as) == (False, None), "sent again by who was told so"


def test_what_is_learnt_of_an_edit_while_it_is_tried_ends_no_try(desk: OutboxRig) -> None:
    """A server took a report and has no number for it yet: the sync process is still at it."""
    create = desk.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    desk.pushed(create)
    desk.answer(create, S.UNCONFIRMED, taken_as=TakenAs(token="t"), obstacle=None)
    assert desk.states() == {create: S.UNCONFIRMED}
    desk.outbox.try_now("city")
    desk.quiet()
    desk.answer(create, S.UNCONFIRMED, problem="no number yet", obstacle=Obstacle.ONE_EDIT)
    desk.outbox.try_now("city")
    (push,) = desk.pushed(create)
    assert push.taken_as == TakenAs(token="t")


def test_what_a_server_without_keys_took_may_be_listed_late(desk: OutboxRig) -> None:
    """Some cities look at a new report before they list it: it is no reason to doubt it."""
    create = desk.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    desk.outbox.resend_due("city")
    desk.pushed(create)
    desk.answer(create, S.ACCEPTED, taken_as=TakenAs(number="77"))
    desk.now += timedelta(hours=3)
    desk.outbox._try_again()
    assert desk.states() == {create: S.ACCEPTED}


def test_a_report_that_a_server_took_and_lost_is_sent_in_ones_own_name(desk: OutboxRig) -> None:
    """Its record, read whole, does not hold it any more: it is certain that it is not there."""
    desk.outbox.author = "budi"
    create = desk.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    desk.pushed(create)
    desk.answer(create, S.SENT, remote_id="7")
    desk.outbox.source_lost("city")
    desk.outbox.sign_in("city", "rina")
    assert desk.outbox.left_here == ()
    desk.outbox.on_taken_back("city", [create])
    desk.settle()
    assert desk.states() == {create: S.ATTENTION}
    with desk.qtbot.waitSignal(desk.outbox.saved):
        assert desk.outbox.adopt(create, names)
    assert [(one.edit.kind, one.edit.author, one.edit.report) for one in desk.outbox.open_edits] == [
        (Kind.CREATE, "rina", f"local:{create}+"),
        (Kind.NOTE, "rina", f"local:{create}+"),
    ]


def test_a_report_is_as_it_was_when_the_disk_refuses_to_take_it_over(
    desk: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull(desk.folder, "The disk is full.")

    _, done = taken_down_by_budi(desk)
    monkeypatch.setattr(WorkFile, "exchange", full)
    with desk.qtbot.waitSignal(desk.outbox.refused):
        desk.outbox.adopt(done["create"], names)
    assert list(desk.states()) == list(done.values())
    assert [one.edit.id for one in desk.outbox.left_here] == [done["create"]]
    desk.outbox.sign_in("city", "budi")
    assert desk.outbox.take_done_by_others("city") == ()


def test_what_an_edit_waits_for_is_known(desk: OutboxRig) -> None:
    first = desk.do(Kind.SET, data={"priority": 1}, base={"priority": 3})
    desk.pushed(first)
    later, note, other = desk.do(Kind.SET, data={"priority": 2}), desk.do(Kind.NOTE), desk.do(Kind.CLAIM, "2")
    assert desk.outbox.held_by(later) is None, "it goes by itself"
    desk.answer(first, S.CONFLICT, theirs={"priority": {"value": 2}}, version=9)
    held = desk.outbox.held_by(later)
    assert held is not None
    assert held.edit.id == first
    assert [one.edit.id for one in desk.outbox.stopped_with(first)] == [later]
    assert [desk.outbox.held_by(one) for one in (first, note, other)] == [None, None, None]


def test_a_creation_that_a_server_made_anew_after_it_was_proved_has_its_new_number(desk: OutboxRig) -> None:
    create = desk.do(Kind.CREATE, None, base_version=None)
    desk.pushed(create)
    desk.outbox.source_lost("city")
    note = desk.do(Kind.NOTE, f"local:{create}", base_version=None)
    desk.answer(create, S.UNCONFIRMED)
    desk.outbox.on_proved([create], {create: "77"})
    desk.answer(create, S.ACCEPTED, remote_id="78")  # the server was set back, and asked again by the sync process
    desk.qtbot.waitUntil(lambda: desk.outbox.remote_of(f"local:{create}") == "78")
    desk.outbox.resend_due("city")
    (push,) = desk.pushed(note)
    assert push.edit.report == "78"
    desk.restart()
    assert desk.outbox.remote_of(f"local:{create}") == "78"


def test_an_order_goes_after_what_leaves_of_its_unit(desk: OutboxRig) -> None:
    """The second of two orders overtook the first behind a note, and the server refused that one: the unit was busy."""
    desk.outbox.source_lost("city")
    note, first = desk.do(Kind.NOTE), desk.do(Kind.DISPATCH, data={"unit": "u1"})
    second = desk.do(Kind.DISPATCH, "2", data={"unit": "u1", "stack": True})
    third = desk.do(Kind.DISPATCH, "3", data={"unit": "u1", "stack": True})
    other = desk.do(Kind.DISPATCH, "4", data={"unit": "u2"})
    desk.outbox.resend_due("city")
    desk.pushed(other, note)
    desk.answer(note, S.ACCEPTED)
    for order in (first, second, third):
        desk.pushed(order)
        desk.answer(order, S.ACCEPTED)


@pytest.mark.parametrize("lost", ["tried in vain", "withdrawn", "refused"])
def test_an_order_does_not_wait_for_one_to_its_unit_that_does_not_leave(desk: OutboxRig, lost: str) -> None:
    desk.outbox.source_lost("city")
    claim, first = desk.do(Kind.CLAIM), desk.do(Kind.DISPATCH, data={"unit": "u1"})
    second = desk.do(Kind.DISPATCH, "2", data={"unit": "u1", "stack": True})
    desk.outbox.resend_due("city")
    desk.pushed(claim)
    if lost == "tried in vain":
        desk.answer(claim, S.QUEUED, problem="fell", obstacle=Obstacle.ONE_EDIT)
    elif lost == "withdrawn":
        assert desk.outbox.withdraw(first)
    else:
        desk.answer(claim, S.CONFLICT, theirs={"claim": {"value": "budi", "who": "budi", "at": T0.isoformat()}})
        assert desk.states()[first] is S.STOPPED
    desk.pushed(second)
