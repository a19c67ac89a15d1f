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
def rig(qtbot: QtBot, tmp_path: Path) -> Iterator[OutboxRig]:
    rig = OutboxRig(qtbot, tmp_path)
    yield rig
    rig.outbox.close()


def test_an_edit_is_on_the_disk_as_being_sent_before_it_is_handed_over(rig: OutboxRig) -> None:
    def look(message: Push | Withdraw) -> None:
        with WorkFileCopy(rig.folder) as states:
            seen.append(states)
        rig.down.append(message)

    seen: list[dict[str, str]] = []
    rig.push = look
    edit_id = rig.do(Kind.SET, data={"priority": 1}, base={"priority": 3}, base_version=7)
    (push,) = rig.pushed(edit_id)
    assert seen == [{edit_id: "sending"}]
    assert (push.edit.number, push.edit.author, push.edit.occurred_at, push.edit.late) == (1, "rina", T0, False)
    assert push.edit.device
    assert (push.edit.base_version, push.unconfirmed) == (7, False)
    assert rig.outbox.pending_for("city", "1") == (push.edit,)
    rig.answer(edit_id, S.ACCEPTED)
    assert rig.states() == {edit_id: S.ACCEPTED}
    rig.outbox.on_proved([edit_id])
    assert rig.outbox.open_edits == ()
    assert rig.on_disk()[edit_id].state is S.SENT


class WorkFileCopy:
    """The states in work.db as another connection reads them now."""

    def __init__(self, folder: Path) -> None:
        import sqlite3

        self._connection = sqlite3.connect(f"file:{folder / 'work.db'}?mode=ro", uri=True)

    def __enter__(self) -> dict[str, str]:
        return dict(self._connection.execute("SELECT id, state FROM edits"))

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def test_edits_of_one_report_go_one_after_the_other_and_hold_no_other_report(rig: OutboxRig) -> None:
    first, second, other = rig.do(Kind.CLAIM), rig.do(Kind.NOTE), rig.do(Kind.NOTE, "2")
    rig.pushed(first, other)
    rig.answer(other, S.ACCEPTED)
    rig.quiet()
    rig.answer(first, S.ACCEPTED)
    rig.pushed(second)


def test_what_needs_the_operator_holds_what_rests_on_it_and_nothing_else(rig: OutboxRig) -> None:
    bad = rig.do(Kind.SET, data={"priority": 1})
    rig.pushed(bad)
    note, change, rests = (
        rig.do(Kind.NOTE),
        rig.do(Kind.SET, data={"title": "x"}),
        rig.do(Kind.SET, data={"priority": 2}),
    )
    rig.answer(bad, S.ATTENTION, problem="no such priority")
    assert rig.states()[rests] is S.STOPPED
    rig.pushed(note)
    rig.answer(note, S.ACCEPTED)
    rig.pushed(change)
    rig.answer(change, S.ACCEPTED)
    rig.quiet()
    rig.outbox.retry(bad)
    (again,) = rig.pushed(bad)
    assert again.edit.data == {"priority": 1}
    rig.answer(bad, S.ACCEPTED)
    rig.pushed(rests)


def test_facts_go_when_the_link_returns_and_old_orders_are_asked_about(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    dispatch = rig.do(Kind.DISPATCH, data={"unit": "u1"})
    note = rig.do(Kind.NOTE, data={"text": "n"})
    arrived = rig.do(Kind.PROGRESS, "2", data={"unit": "u2", "state": "on_scene"})
    by_radio = rig.do(Kind.DISPATCH, "4", data={"unit": "u4"})
    rig.outbox.mark_told(by_radio, "U12")
    rig.now += timedelta(minutes=11)
    fresh = rig.do(Kind.DISPATCH, "3", data={"unit": "u3"})
    rig.quiet()
    rig.outbox.resend_due("city")
    pushes = rig.pushed(by_radio, fresh, note, arrived)
    late = {push.edit.id: push.edit.late for push in pushes}
    assert late == {note: True, arrived: True, by_radio: True, fresh: False}
    assert all(push.edit.occurred_at == T0 for push in pushes if push.edit.id != fresh)
    told = pushes[0].edit
    assert not outlived(told, rig.now + timedelta(days=1), 600), "nor is it too old for the sync process, or the server"
    assert good_until(told, 600) is None
    assert rig.states()[dispatch] is S.EXPIRED

    rig.answer(note, S.ACCEPTED)
    rig.outbox.still_wanted(dispatch, yes=True)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    (push,) = [one for one in rig.down if isinstance(one, Push)]
    assert push.edit.id != dispatch
    assert (push.edit.data, push.edit.occurred_at) == ({"unit": "u1"}, rig.now)
    kept = rig.on_disk()
    assert (kept[dispatch].state, kept[push.edit.id].state) == (S.WITHDRAWN, S.SENDING)


def test_an_order_that_is_given_again_is_not_told_again(rig: OutboxRig) -> None:
    """As one of an earlier version, which asked about those too of which a crew had been told."""
    rig.outbox.source_lost("city")
    dispatch = rig.do(Kind.DISPATCH, data={"unit": "u1"})
    rig.now += timedelta(minutes=11)
    rig.outbox.resend_due("city")
    assert rig.states() == {dispatch: S.EXPIRED}
    rig.outbox.mark_told(dispatch, "U12")
    rig.outbox.still_wanted(dispatch, yes=True)
    rig.qtbot.waitUntil(lambda: [one.edit.id for one in rig.outbox.open_edits] not in ([], [dispatch]))
    (again,) = rig.outbox.open_edits
    assert (again.edit.id == dispatch, again.told_by_radio) == (False, "U12"), (
        "nobody is asked to tell that crew once more"
    )


def test_an_old_order_nobody_wants_is_dropped(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    claim = rig.do(Kind.CLAIM)
    rig.now += timedelta(minutes=11)
    rig.outbox.resend_due()
    assert rig.states() == {claim: S.EXPIRED}
    rig.outbox.still_wanted(claim, yes=False)
    rig.quiet()
    assert rig.outbox.open_edits == ()
    assert rig.on_disk()[claim].state is S.WITHDRAWN


def test_an_order_that_may_have_left_is_judged_by_the_complete_cache_only(rig: OutboxRig) -> None:
    arrived, lost = rig.do(Kind.DISPATCH, "1", data={"unit": "u1"}), rig.do(Kind.DISPATCH, "2", data={"unit": "u2"})
    rig.pushed(arrived, lost)
    for edit_id in (arrived, lost):
        rig.answer(edit_id, S.UNCONFIRMED)
    rig.restart()
    rig.now += timedelta(minutes=11)
    rig.outbox._try_again()
    rig.quiet()
    assert rig.states() == {arrived: S.UNCONFIRMED, lost: S.UNCONFIRMED}
    rig.outbox.on_proved([arrived])
    rig.outbox.resend_due("city")
    assert rig.states() == {lost: S.EXPIRED}


def test_an_order_that_arrived_after_all_takes_back_the_one_given_anew(rig: OutboxRig) -> None:
    order = rig.do(Kind.DISPATCH, data={"unit": "U1"})
    rig.pushed(order)
    rig.answer(order, S.UNCONFIRMED)
    rig.now += timedelta(minutes=11)
    rig.outbox.source_lost("city")
    rig.outbox.resend_due("city")  # the complete cache does not have it
    assert rig.states() == {order: S.EXPIRED}
    rig.outbox.source_lost("city")
    told: list[str] = []
    rig.outbox.too_late.connect(lambda queued: told.append(queued.edit.id))
    with rig.qtbot.waitSignal(rig.outbox.saved):
        rig.outbox.still_wanted(order, yes=True)
    assert rig.states() == {"e2": S.QUEUED}
    rig.outbox.on_proved([order])
    rig.settle()
    assert told == [order]
    assert rig.on_disk()["e2"].state is S.WITHDRAWN


def test_an_order_made_with_a_clock_that_was_fast_is_asked_about(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    rig.now += timedelta(hours=1)
    order, note = rig.do(Kind.DISPATCH, data={"unit": "U1"}), rig.do(Kind.NOTE, "2", data={"text": "a"})
    rig.now -= timedelta(hours=1)  # the server has told the time
    rig.outbox.resend_due("city")
    rig.pushed(note)
    assert rig.states()[order] is S.EXPIRED


def test_undo_before_it_left_and_after(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    early = rig.do(Kind.CLAIM)
    assert rig.outbox.withdraw(early)
    at_once = rig.outbox.submit(Kind.NOTE, "1", source="city", data={}, base={}, base_version=None, title="")
    assert rig.outbox.withdraw(at_once)  # not even saved yet
    rig.outbox.resend_due()
    rig.quiet()
    assert rig.outbox.open_edits == ()
    late = rig.do(Kind.CLAIM)
    rig.pushed(late)
    assert not rig.outbox.withdraw(late)
    rig.outbox.ask_back(late)
    assert rig.down == [Withdraw(late)]
    rig.answer(late, S.WITHDRAWN)
    assert rig.outbox.open_edits == ()
    assert {queued.state for queued in rig.on_disk().values()} == {S.WITHDRAWN}


def test_an_undo_that_came_too_late_is_told(rig: OutboxRig) -> None:
    claim = rig.do(Kind.CLAIM)
    rig.pushed(claim)
    rig.answer(claim, S.QUEUED, problem="unreachable")  # as far as the sync process knows
    assert rig.outbox.withdraw(claim)
    assert rig.down == [], "it has it no more"
    with rig.qtbot.waitSignal(rig.outbox.too_late) as too_late:
        rig.answer(claim, S.ACCEPTED)
    assert too_late.args[0].edit.id == claim
    assert rig.states() == {claim: S.ACCEPTED}
    rig.outbox.on_proved([claim])
    assert rig.on_disk()[claim].state is S.SENT


def test_an_edit_asked_back_that_arrived_after_all_is_told_once(rig: OutboxRig) -> None:
    told: list[str] = []
    rig.outbox.too_late.connect(lambda queued: told.append(queued.edit.id))
    note = rig.do(Kind.NOTE, data={"text": "a"})
    rig.pushed(note)
    assert rig.outbox.ask_back(note)
    rig.answer(note, S.UNCONFIRMED)
    rig.outbox.resend_due("city")  # the complete cache does not have it
    assert rig.states() == {}
    rig.answer(note, S.ACCEPTED)
    rig.outbox.on_proved([note])
    assert told == [note]


def test_a_report_made_offline_takes_its_edits_along(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    create = rig.do(Kind.CREATE, None, data={"description": "x"}, base_version=None)
    key = f"local:{create}"
    note = rig.do(Kind.NOTE, key, base_version=None)
    change = rig.do(Kind.SET, key, data={"priority": 1}, base_version=None)
    assert [one.edit.report for one in rig.outbox.open_edits] == [key, key, key]
    rig.outbox.resend_due()
    rig.pushed(create)
    rig.outbox.on_proved([create])  # the feed was faster than the answer
    rig.quiet()
    rig.answer(create, S.ACCEPTED, remote_id="928")
    (push,) = rig.pushed(note)
    assert (push.edit.report, push.edit.base_version) == ("928", 1)
    assert [one.edit.report for one in rig.outbox.open_edits] == ["928", "928"]
    rig.restart()
    assert rig.outbox.remote_of(key) == "928"
    rig.outbox.on_proved([note])
    rig.outbox.resend_due()
    assert rig.pushed(change)[0].edit.report == "928"


def test_withdrawing_a_new_report_takes_back_what_was_done_to_it(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    create = rig.do(Kind.CREATE, "local:x")
    rig.do(Kind.NOTE, "local:x")
    other = rig.do(Kind.NOTE, "2")
    assert rig.outbox.withdraw(create)
    assert list(rig.states()) == [other]


def test_what_another_has_said_alike_is_the_operators_to_decide(rig: OutboxRig) -> None:
    """The value is the one that he saw, but somebody else means it too by now."""
    edit_id = rig.do(Kind.SET, data={"priority": 1, "reason": "r"}, base={"priority": 2}, base_version=5)
    rig.pushed(edit_id)
    theirs = {"priority": {"value": 2, "who": "budi", "at": "2026-03-01T08:00:00Z"}}
    rig.answer(edit_id, S.CONFLICT, theirs=theirs, version=6)
    rig.quiet()
    (queued,) = rig.outbox.open_edits
    assert (queued.state, queued.theirs) == (S.CONFLICT, theirs)
    rig.outbox.choose(edit_id, True)
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    (again,) = rig.outbox.open_edits
    assert (again.edit.base_version, again.edit.data["priority"]) == (6, 1)
    assert rig.on_disk()[again.edit.id].edit.base_version == 6


@pytest.mark.parametrize("mine", [True, False])
def test_a_real_conflict_is_the_operators_to_decide(rig: OutboxRig, mine: bool) -> None:
    edit_id = rig.do(Kind.SET, data={"priority": 1}, base={"priority": 3}, base_version=5)
    rig.pushed(edit_id)
    theirs = {"priority": {"value": 2, "who": "budi", "at": "2026-03-01T08:00:00Z"}}
    rig.answer(edit_id, S.CONFLICT, theirs=theirs, version=6)
    rig.quiet()
    (queued,) = rig.outbox.open_edits
    assert (queued.state, queued.theirs, queued.version) == (S.CONFLICT, theirs, 6)
    rig.restart()
    assert rig.outbox.open_edits == (queued,)
    rig.outbox.choose(edit_id, mine)
    if not mine:
        rig.quiet()
        assert rig.states() == {}
        return
    rig.qtbot.waitUntil(lambda: len(rig.down) == 1)
    (push,) = [one for one in rig.down if isinstance(one, Push)]
    assert (push.edit.base, push.edit.base_version, push.edit.data) == ({"priority": 2}, 6, {"priority": 1})
    kept = rig.on_disk()
    assert (kept[edit_id].state, len(kept)) == (S.WITHDRAWN, 2)


def conflict(rig: OutboxRig) -> str:
    """A change of two fields; somebody else changed one of them."""
    data, base = {"priority": 1, "area": "A"}, {"priority": 3, "area": "B"}
    edit_id = rig.do(Kind.SET, data=data, base=base)
    rig.pushed(edit_id)
    rig.answer(edit_id, S.CONFLICT, theirs={"priority": {"value": 2, "who": "budi", "at": None}}, version=2)
    return edit_id


def test_a_second_press_decides_nothing_anew(rig: OutboxRig) -> None:
    edit_id = conflict(rig)
    rig.outbox.choose(edit_id, mine=True)
    rig.outbox.choose(edit_id, mine=True)
    rig.pushed("e2")
    rig.settle()
    assert rig.states() == {"e2": S.SENDING}
    rig.outbox.source_lost("city")
    order = rig.do(Kind.DISPATCH, "2", data={"unit": "U1"})
    rig.now += timedelta(minutes=11)
    rig.outbox.resend_due("city")
    assert rig.states()[order] is S.EXPIRED
    rig.outbox.still_wanted(order, yes=True)
    rig.outbox.still_wanted(order, yes=True)
    rig.pushed("e4")
    rig.settle()
    assert rig.states() == {"e2": S.SENDING, "e4": S.SENDING}


def test_a_choice_that_the_disk_refuses_leaves_the_conflict(rig: OutboxRig, monkeypatch: pytest.MonkeyPatch) -> None:
    edit_id = conflict(rig)

    def full(*_: object) -> None:
        raise DiskFull(rig.folder, "full")

    with monkeypatch.context() as disk, rig.qtbot.waitSignal(rig.outbox.refused):
        disk.setattr(WorkFile, "exchange", full)
        rig.outbox.choose(edit_id, mine=True, data={"area": "A"})
    assert rig.states() == {edit_id: S.CONFLICT}
    rig.outbox.choose(edit_id, mine=True, data={"area": "A"})
    (push,) = rig.pushed("e3")
    assert (push.edit.data, push.edit.base["area"], push.edit.base_version) == ({"area": "A"}, "B", 2)
    assert {one: queued.state for one, queued in rig.on_disk().items()} == {edit_id: S.WITHDRAWN, "e3": S.SENDING}


def test_a_file_that_could_not_be_read_at_first_shows_its_outbox_later(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_id = rig.do(Kind.NOTE, data={"text": "kept"})
    rig.pushed(edit_id)
    rig.outbox.close()

    def unreadable(*_: object) -> None:
        raise DiskFull(rig.folder, "no")

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "filters", unreadable)
        rig.outbox = QtOutbox(rig.folder, rig.down.append, lambda: rig.now, lambda: "e9")
        with rig.qtbot.waitSignal(rig.outbox.unavailable):
            pass
    with rig.qtbot.waitSignal(rig.outbox.opened):
        rig.outbox._try_again()
    assert rig.states() == {edit_id: S.UNCONFIRMED}


def test_after_a_restart_what_was_being_sent_is_asked_again_with_its_key(rig: OutboxRig) -> None:
    sent, waiting = rig.do(Kind.NOTE, "1"), rig.do(Kind.NOTE, "1")
    rig.pushed(sent)
    rig.restart()
    assert rig.states() == {sent: S.UNCONFIRMED, waiting: S.QUEUED}
    assert rig.outbox.waiting_ids() == (sent, waiting)
    rig.quiet()
    rig.outbox.resend_due()
    (push,) = rig.pushed(sent)
    assert push.unconfirmed
    rig.outbox.on_restarted()  # this time the sync process died
    assert rig.states()[sent] is S.UNCONFIRMED
    rig.outbox.resend_due()
    rig.pushed(sent)


def test_nothing_is_sent_under_another_name(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    rinas = rig.do(Kind.NOTE, "1")
    rig.outbox.author = "budi"
    budis = rig.do(Kind.NOTE, "2")
    rig.outbox.resend_due()
    rig.pushed(budis)
    rig.outbox.author = "rina"
    rig.outbox.resend_due()
    rig.pushed(rinas)


def test_a_draft_that_an_earlier_version_kept_goes_to_its_author(rig: OutboxRig) -> None:
    rig.outbox.close()
    with contextlib.closing(WorkFile(rig.folder)) as file:
        file.save_draft("note:city:A", {"text": "hers", "drafted_by": "sari"})
        file.save_draft("note:city:B", {"text": "anybody's", "drafted_by": "local"})
    for operator, keys in (("sari", ["note:city:B", "note:city:A"]), ("rina", ["note:city:B"])):
        outbox = QtOutbox(rig.folder, rig.down.append, lambda: rig.now, lambda: "e1", author=operator)
        with rig.qtbot.waitSignal(outbox.opened):
            pass
        assert list(outbox.drafts) == keys
        outbox.close()
    with contextlib.closing(WorkFile(rig.folder)) as file:
        assert file.drafts().keys() == {"sari\nnote:city:A", "note:city:B"}
    rig.outbox = rig._start()


def test_drafts_and_filters_are_there_after_a_restart(rig: OutboxRig) -> None:
    rig.outbox.save_draft("new", {"text": "half"})
    rig.outbox.save_filter("floods", "cat=flood")
    rig.outbox.set_alarm("p1/1", "raised")
    rig.restart()
    assert (rig.outbox.draft("new"), rig.outbox.filters) == ({"text": "half"}, {"floods": "cat=flood"})
    assert rig.outbox.alarms == {"p1/1": "raised"}


def test_a_text_typed_before_the_file_was_open_replaces_no_older_one(rig: OutboxRig) -> None:
    rig.outbox.save_draft("new", {"text": "of yesterday"})
    rig.outbox.close()
    late = QtOutbox(rig.folder, rig.down.append, lambda: rig.now, lambda: "e1", author="rina")
    late.save_draft("new", {"text": "of today"})
    with rig.qtbot.waitSignal(late.opened):
        pass
    late.close()
    with contextlib.closing(WorkFile(rig.folder)) as file:
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


def test_what_was_done_to_a_report_whose_creation_is_gone_is_said_and_never_waits_unseen(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    create = rig.do(Kind.CREATE, None, base_version=None)
    assert rig.outbox.withdraw(create)
    note = rig.do(Kind.NOTE, f"local:{create}", base_version=None)  # its form was open
    assert rig.outbox.counts == {S.ATTENTION: 1}
    rig.outbox.retry(note)
    assert rig.outbox.counts == {S.ATTENTION: 1}
    assert rig.outbox.withdraw(note)


@pytest.mark.parametrize("is_under_way", [False, True])
def test_a_report_is_sent_with_its_number_or_not_at_all_also_when_the_disk_refuses(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch, *, is_under_way: bool
) -> None:
    """Its number was lost and it was not: its notes had no report then, or waited for ever without a word."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    note = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    rig.pushed(create)

    def full(*_: object, **__: object) -> None:
        raise DiskFull(rig.folder, "full")

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "learn_key", full)
        if not is_under_way:
            rig.outbox.source_lost("city")
        rig.answer(create, S.ACCEPTED, remote_id="77")
        rig.settle()
    rig.outbox.on_proved([create])
    rig.settle()
    rig.restart()
    assert rig.states() == {note: S.UNCONFIRMED if is_under_way else S.QUEUED}
    rig.outbox.resend_due("city")
    (push,) = rig.pushed(note)
    assert push.edit.report == "77"


def test_a_merge_into_a_report_that_was_withdrawn_makes_no_second_one_of_its_own(rig: OutboxRig) -> None:
    """Its own report is there: kept as new it would be there twice, with all that was done to it on the second one."""
    rig.outbox.source_lost("city")
    create = rig.do(Kind.CREATE, None, base_version=None)
    merge, note = rig.do(Kind.MERGE, data={"into": f"local:{create}"}), rig.do(Kind.NOTE)
    child = rig.do(
        Kind.MERGE, f"local:{rig.do(Kind.CREATE, None, base_version=None)}", data={"into": f"local:{create}"}
    )
    assert rig.outbox.withdraw(create)
    rig.settle()
    for each in (merge, child):
        stopped = rig.outbox.open_edit(each)
        assert stopped is not None
        assert (stopped.state, stopped.reason) == (S.ATTENTION, StopReason.CREATION_WITHDRAWN)
    assert rig.outbox.goes_along(merge) == ()
    assert [one.id for one in rig.outbox.deleted] == [child]
    assert rig.states()[note] is S.QUEUED
    assert rig.outbox.drop_lost(merge)
    rig.outbox.resend_due("city")
    rig.qtbot.waitUntil(lambda: rig.states()[note] is S.SENDING)


def test_a_merge_of_a_report_that_was_created_here_into_a_withdrawn_one_makes_no_second_one(rig: OutboxRig) -> None:
    """Its own report has its number, and stands in the merge by its local key."""
    own, main = rig.do(Kind.CREATE, None, base_version=None), rig.do(Kind.CREATE, None, base_version=None)
    rig.pushed(own, main)
    merge = rig.do(Kind.MERGE, f"local:{own}", base_version=None, data={"into": f"local:{main}"})
    rig.answer(own, S.ACCEPTED, remote_id="77")
    rig.outbox.on_proved([own])
    rig.answer(main, S.ATTENTION, reason=StopReason.REFUSED)
    assert rig.outbox.withdraw(main)
    rig.settle()
    stopped = rig.outbox.open_edit(merge)
    assert stopped is not None
    assert (stopped.state, stopped.reason) == (S.ATTENTION, StopReason.CREATION_WITHDRAWN)
    assert rig.outbox.goes_along(merge) == ()


def test_all_that_was_done_to_a_report_without_a_number_is_kept_as_one(rig: OutboxRig) -> None:
    """Before it was lost the server had dated it otherwise, and to the second: the rest was kept as a second one."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    for created in ("2026-03-01T08:00:00.5+00:00", "2026-03-01T08:00:00+00:00"):
        rig.do(Kind.NOTE, f"local:{create}", base_version=None, about={"created": created})
    rig.pushed(create)
    rig.outbox.sign_in("city", "budi")
    note = rig.do(Kind.NOTE, f"local:{create}", base_version=None, about={"created": "2026-03-01T08:00:00+00:00"})
    other = rig.do(Kind.NOTE, f"local:{create}", base_version=None, about={"created": "2026-03-01T08:00:00.5+00:00"})
    rig.answer(create, S.ATTENTION, reason=StopReason.REFUSED)
    assert rig.outbox.drop(create)
    rig.settle()
    assert [one.edit.id for one in rig.outbox.goes_along(note)] == [note, other]


def test_a_merge_goes_on_when_the_creation_of_its_main_report_had_left_after_all(rig: OutboxRig) -> None:
    create = rig.do(Kind.CREATE, None, base_version=None)
    rig.pushed(create)
    merge = rig.do(Kind.MERGE, data={"into": f"local:{create}"})
    rig.answer(create, S.ATTENTION, problem="No.", reason=StopReason.REFUSED)
    assert rig.outbox.withdraw(create)
    rig.settle()
    assert rig.states() == {merge: S.ATTENTION}
    rig.outbox.on_proved([create], {create: "77"})
    (push,) = rig.pushed(merge)
    assert push.edit.data == {"into": "77"}


def test_what_is_proved_while_the_disk_refuses_to_note_that_it_was_withdrawn_stays_sent(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked about again, "still wanted?", and the crew sent a second time."""
    dispatch = rig.do(Kind.DISPATCH, data={"unit": "u1"})
    rig.pushed(dispatch)
    rig.outbox.source_lost("city")
    rig.answer(dispatch, S.UNCONFIRMED)
    rig.now += timedelta(seconds=700)
    rig.outbox.resend_due("city")
    rig.settle()
    assert rig.states() == {dispatch: S.EXPIRED}
    put = WorkFile.put

    def no_withdrawal(file: WorkFile, queued: Queued, *, remote_id: str | None = None) -> object:
        if queued.state is S.WITHDRAWN:
            raise DiskFull(rig.folder, "full")
        return put(file, queued, remote_id=remote_id)

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "put", no_withdrawal)
        assert rig.outbox.withdraw(dispatch)
        rig.outbox.on_proved([dispatch])
        rig.settle()
    assert rig.states() == {}
    assert rig.on_disk()[dispatch].state is S.SENT


@pytest.mark.parametrize("answered", [True, False])
def test_a_creation_withdrawn_too_late_still_gets_its_number(rig: OutboxRig, answered: bool) -> None:
    create = rig.do(Kind.CREATE, None, base_version=None)
    rig.pushed(create)
    rig.answer(create, S.QUEUED)
    assert rig.outbox.withdraw(create)
    rig.outbox.on_restarted()
    with rig.qtbot.waitSignal(rig.outbox.too_late):
        if answered:
            rig.outbox.on_outcome(Outcome(create, S.ACCEPTED, remote_id="77"))
        else:
            rig.outbox.on_proved([create])
    if not answered:
        rig.down.clear()
        rig.outbox.resend_due()
        assert rig.pushed(create)[0].unconfirmed
        rig.outbox.on_outcome(Outcome(create, S.ACCEPTED, remote_id="77"))
    assert rig.outbox.remote_of(f"local:{create}") == "77"
    rig.outbox.on_proved([create])
    assert rig.outbox.open_edits == ()


DELETED_THERE: dict[str, Any] = {"reason": StopReason.REPORT_DELETED, "by": ByWhom(at=T0)}


def words(told: Sequence[Edit]) -> str:
    return " ".join(["Kept from 1.", *(str(one.kind) for one in told)])


def deleted_report(rig: OutboxRig) -> list[str]:
    """A note, an order, a change, a unit's step, a photo, another report's note; the report turns out to be gone."""
    rig.outbox.source_lost("city")
    made = [
        rig.do(Kind.NOTE, data={"text": "a"}),
        rig.do(Kind.DISPATCH, data={"unit": "U1"}),
        rig.do(Kind.SET, data={"status": "progress"}, base={"status": "assigned"}),
        rig.do(Kind.PROGRESS, data={"unit": "U1", "state": "done"}),
        rig.do(Kind.PHOTO, data={"sha256": "1" * 64, "role": "after", "size": 1}),
        rig.do(Kind.NOTE, "2"),
    ]
    rig.outbox.resend_due("city")
    rig.pushed(made[0], made[4], made[5])
    rig.answer(made[0], S.ATTENTION, **DELETED_THERE)
    rig.pushed(made[1])
    rig.answer(made[1], S.ATTENTION, **DELETED_THERE)
    rig.pushed(made[2])
    rig.answer(made[2], S.ATTENTION, **DELETED_THERE)
    rig.answer(made[4], S.ATTENTION, **DELETED_THERE)
    assert rig.states()[made[3]] is S.STOPPED, "no crew was sent"
    return made


def test_the_work_on_a_deleted_report_becomes_a_new_report(rig: OutboxRig) -> None:
    made = deleted_report(rig)
    assert [one.id for one in rig.outbox.deleted] == [made[0], made[1], made[2], made[4]]
    assert [one.edit.id for one in rig.outbox.goes_along(made[0])] == made[:5]
    rig.outbox.source_lost("city")
    saved: list[str] = []
    rig.outbox.saved.connect(lambda queued: saved.append(queued.edit.id))
    create = rig.outbox.keep_as_new(made[0], {"service": "flood"}, title="Flood", words=words)
    assert [one.edit.id for one in rig.outbox.open_edits] == made[5:], "gone from the screen at once"
    rig.qtbot.waitUntil(lambda: len(rig.outbox.open_edits) == 7)
    _, first, *others = rig.outbox.open_edits
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
    assert {state for edit_id, state in rig.states().items() if edit_id in made} == {S.SENDING}
    rig.restart()
    assert [one.edit.id for one in rig.outbox.open_edits] == [made[5], first.edit.id, *(one.edit.id for one in others)]
    assert not rig.outbox._withdrawals.perhaps_left
    on_disk = rig.on_disk()
    assert {on_disk[edit_id].state for edit_id in made[:5]} == {S.WITHDRAWN}


def test_what_was_kept_waits_for_its_report_and_is_withdrawn_with_it(rig: OutboxRig) -> None:
    made = deleted_report(rig)
    create = rig.outbox.keep_as_new(made[0], {"service": "flood"}, title="", words=words)
    assert rig.outbox.withdraw(create), "also before the disk has answered"
    rig.qtbot.waitUntil(lambda: [one.edit.id for one in rig.outbox.open_edits] == made[5:])
    assert create not in [one.edit.id for one in rig.down]  # type: ignore[union-attr]


def test_a_disk_that_refuses_to_keep_it_changes_nothing(rig: OutboxRig, monkeypatch: pytest.MonkeyPatch) -> None:
    made = deleted_report(rig)

    def full(*_: object) -> None:
        raise DiskFull(rig.folder, "full")

    monkeypatch.setattr(WorkFile, "exchange", full)
    before = rig.states()
    with rig.qtbot.waitSignal(rig.outbox.refused) as refused:
        create = rig.outbox.keep_as_new(made[0], {"service": "flood"}, title="", words=words)
    assert refused.args[0] == create
    assert {one: state for one, state in rig.states().items() if one in made[:5]} == {
        one: state for one, state in before.items() if one in made[:5]
    }
    assert rig.outbox.saving == frozenset()


def test_a_report_that_is_there_again_is_written_to_under_the_same_keys(rig: OutboxRig) -> None:
    made = deleted_report(rig)
    rig.down.clear()
    rig.outbox.retry(made[0])
    rig.pushed(made[0])
    rig.outbox.retry(made[1], made[2], made[4])
    assert rig.outbox.deleted == ()
    rig.pushed(made[4])
    rig.answer(made[0], S.ACCEPTED)
    rig.pushed(made[1])
    rig.answer(made[1], S.ACCEPTED)
    rig.pushed(made[2])
    rig.answer(made[2], S.ACCEPTED)
    rig.pushed(made[3])


def lost_creation(rig: OutboxRig) -> tuple[str, str]:
    """A creation that the server had under the number 77 and lost, and a note on it that is on its way there."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="77")
    rig.outbox.on_proved([create])
    note = rig.do(Kind.NOTE, "77", data={"text": "x"})
    rig.pushed(note)
    return create, note


@pytest.mark.parametrize("left", [False, True])
def test_what_the_sync_process_has_goes_to_no_other_report_before_it_has_told(rig: OutboxRig, left: bool) -> None:
    create, note = lost_creation(rig)
    rig.outbox.on_another([note])
    assert [type(one) for one in rig.down] == [Withdraw]
    rig.down.clear()
    with rig.qtbot.waitSignal(rig.outbox.taken_back):
        rig.outbox.on_taken_back("city", [create])
    assert rig.outbox.goes_along(note) == (), "its report comes again"
    rig.outbox.retry(create)
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="78")
    rig.quiet()
    if left:
        rig.answer(note, S.ATTENTION, reason=StopReason.ANOTHER_REPORT)
    else:
        rig.answer(note, S.WITHDRAWN)
    (push,) = rig.pushed(note)
    assert push.edit.report == "78"
    rig.answer(note, S.ACCEPTED)
    rig.outbox.on_proved([create, note])
    assert rig.outbox.open_edits == ()


def test_a_creation_that_had_left_after_all_gets_what_was_done_to_it(rig: OutboxRig) -> None:
    create = rig.do(Kind.CREATE, None, base_version=None)
    rig.pushed(create)
    rig.answer(create, S.QUEUED, obstacle=Obstacle.ONE_EDIT)
    assert rig.outbox.withdraw(create)
    note = rig.do(Kind.NOTE, f"local:{create}", base_version=None)  # its form was open
    assert [one.edit.id for one in rig.outbox.goes_along(note)] == [note]
    rig.down.clear()
    rig.answer(create, S.ACCEPTED, remote_id="77")
    (push,) = rig.pushed(note)
    assert push.edit.report == "77"


def test_what_was_done_to_a_report_waits_for_the_number_that_its_creation_gets_when_it_is_sent_again(
    rig: OutboxRig,
) -> None:
    """A photo left beside it, for the number that the restored server had lost, and was refused as of no report."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="77")
    photo = rig.do(Kind.PHOTO, f"local:{create}", base_version=None, data={"sha256": "a" * 64})
    rig.pushed(photo)
    rig.answer(photo, S.ATTENTION, reason=StopReason.REPORT_DELETED)
    assert rig.outbox.goes_along(photo) == (), "its creation is not answered for yet"
    rig.outbox.resend_due("city")
    rig.now += timedelta(seconds=121)
    rig.outbox._outcomes.doubt_unproved()
    rig.outbox._scheduler.send_due()
    assert rig.states() == {create: S.ATTENTION, photo: S.QUEUED}
    held = rig.outbox.held_by(photo)
    assert held is not None
    assert held.edit.id == create
    rig.outbox.retry(create)
    rig.pushed(create)
    rig.quiet()
    rig.answer(create, S.ACCEPTED, remote_id="78")
    (push,) = rig.pushed(photo)
    assert push.edit.report == "78"


@pytest.mark.parametrize("named", ["local key", "number"])
def test_what_is_done_to_a_proved_report_goes_to_the_number_that_the_record_has_by_now(
    rig: OutboxRig, named: str
) -> None:
    """A second try was under way when the first was proved; a restored server took it, and its answer was lost."""
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "d"})
    rig.pushed(create)
    rig.answer(create, S.UNCONFIRMED)
    rig.outbox.resend_due("city")
    rig.pushed(create)
    rig.outbox.on_proved([create], {create: "77"})
    rig.settle()
    rig.down.clear()
    assert create not in rig.states()
    seen = {"description": "d"}
    report = "77" if named == "number" else f"local:{create}"
    note = rig.do(Kind.NOTE, report, base_version=None, about=seen)
    rig.pushed(note)
    rig.answer(note, S.UNCONFIRMED)
    rig.answer(create, S.UNCONFIRMED)
    assert create in rig.outbox.waiting_ids()
    assert create in rig.outbox.without_number([create, note])
    assert rig.outbox.on_proved([create], {create: "78"}), "it has another number now"
    assert not rig.outbox.on_proved([create], {create: "78"})
    rig.settle()
    rig.outbox.resend_due("city")
    (push,) = rig.pushed(note)
    if named == "number":
        assert push.edit.report == "77"
        rig.answer(note, S.ATTENTION, reason=StopReason.REPORT_DELETED)
        (push,) = rig.pushed(note)
    assert push.edit.report == "78"


def kept(rig: OutboxRig, edit_id: str) -> Edit:
    """The creation by which an edit's report is kept as a new one."""
    with rig.qtbot.waitSignal(rig.outbox.saved):
        create = rig.outbox.keep_as_new(edit_id, {"description": "d"}, title="", words=words)
    rig.qtbot.waitUntil(lambda: create in rig.states())
    found = rig.outbox.open_edit(create)
    assert found is not None
    return found.edit


def test_what_comes_back_later_joins_the_report_that_was_kept_in_place_of_a_lost_one(rig: OutboxRig) -> None:
    """The lost creation was dropped, and work kept as new; an edit under way at that time made a second report."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    late = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    rig.outbox.resend_due()
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="100")
    rig.outbox.on_proved([create], {create: "100"})
    rig.pushed(late)
    rig.outbox.on_taken_back("city", [create])
    rig.qtbot.waitUntil(lambda: rig.states().get(create) is S.ATTENTION)
    waits = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    rig.settle()
    assert rig.outbox.drop_lost(create)
    rig.settle()
    again = kept(rig, waits)
    rig.answer(late, S.ATTENTION, reason=StopReason.REPORT_DELETED)
    rig.settle()
    assert rig.outbox.goes_along(late) == ()
    assert (rig.states()[late], rig.outbox.open_edit(late).edit.report) == (S.QUEUED, again.report)  # type: ignore[union-attr]


def test_what_is_done_later_joins_the_report_that_was_kept_in_place_of_a_withdrawn_one(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    create = rig.do(Kind.CREATE, None, base_version=None)
    rig.outbox.sign_in("city", "budi")
    first = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    rig.outbox.sign_in("city", "rina")
    assert rig.outbox.withdraw(create)
    rig.outbox.sign_in("city", "budi")
    rig.settle()
    again = kept(rig, first)
    late = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    rig.settle()
    assert rig.outbox.goes_along(late) == ()
    assert (rig.states()[late], rig.outbox.open_edit(late).edit.report) == (S.QUEUED, again.report)  # type: ignore[union-attr]
    rig.restart()
    assert rig.outbox._pending.made_again == {again.report: rig.outbox.open_edit(again.id).edit}  # type: ignore[union-attr]


def test_a_creation_that_is_in_doubt_and_was_kept_as_new_is_not_sent_again(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk had refused to note that it was proved; after a start it was asked about, beside the kept one."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    note = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    rig.outbox.resend_due("city")
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="100")
    rig.pushed(note)
    real = WorkFile.put

    def put(file: WorkFile, queued: Queued, **named: Any) -> Queued | None:
        if queued.state is S.SENT:
            raise DiskFull(rig.folder, "full")
        return real(file, queued, **named)

    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "put", put)
        rig.outbox.on_proved([create], {create: "100"})
        rig.settle()
    rig.answer(note, S.ATTENTION, reason=StopReason.REPORT_DELETED)
    again = kept(rig, note).id
    rig.restart()
    assert rig.states()[create] is S.ACCEPTED
    rig.outbox.resend_due("city")
    rig.now += timedelta(minutes=3)
    rig.outbox._outcomes.doubt_unproved()
    rig.outbox._scheduler.send_due()
    assert create not in rig.states()
    assert again in rig.states()
    assert rig.on_disk()[create].state is S.WITHDRAWN


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_done_under_a_number_goes_on_under_the_next_one(rig: OutboxRig, restarted: bool) -> None:
    """A restored server took the creation again, and gave another number: the work was kept as a second report."""
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "d"})
    rig.outbox.resend_due("city")
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="100")
    rig.settle()
    rig.outbox.source_lost("city")
    note = rig.do(Kind.NOTE, "100", about={"created": T0.isoformat(), "description": "d"})
    rig.outbox.resend_due("city")
    rig.pushed(note)
    rig.answer(note, S.QUEUED, obstacle=Obstacle.ONE_EDIT)
    rig.now += timedelta(minutes=3)
    rig.outbox._outcomes.doubt_unproved()
    rig.outbox.retry(create)
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="101")
    rig.outbox.on_proved([create], {create: "101"})
    rig.settle()
    if restarted:
        rig.restart()
    rig.outbox.resend_due("city")
    rig.pushed(note)
    rig.answer(note, S.ATTENTION, reason=StopReason.REPORT_DELETED)
    (push,) = rig.pushed(note)
    assert push.edit.report == "101"


def test_what_was_kept_goes_to_the_report_that_was_there_after_all(rig: OutboxRig) -> None:
    """Its creation was withdrawn as one of which it was not known whether it had arrived."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    rig.outbox.resend_due("city")
    rig.pushed(create)
    rig.answer(create, S.ATTENTION, reason=StopReason.MAY_BE_THERE)
    rig.outbox.sign_in("city", "budi")
    first = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    rig.outbox.sign_in("city", "rina")
    assert rig.outbox.withdraw(create)
    rig.outbox.source_lost("city")
    rig.outbox.sign_in("city", "budi")
    rig.settle()
    again = kept(rig, first)
    rig.outbox.on_proved([create], {create: "100"})
    assert again.id not in rig.states()
    rig.outbox.resend_due("city")
    rig.qtbot.waitUntil(lambda: bool(rig.down))
    (push,) = (one for one in rig.down if isinstance(one, Push))
    assert (push.edit.kind, push.edit.report) == (Kind.NOTE, "100")
    assert rig.on_disk()[again.id].state is S.WITHDRAWN


def test_what_is_done_under_the_number_of_a_creation_that_is_in_doubt_waits_for_that(rig: OutboxRig) -> None:
    """It could be kept as a new report while its creation could be sent again: two reports."""
    create = rig.do(Kind.CREATE, None, base_version=None)
    rig.outbox.resend_due("city")
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="101")
    note = rig.do(Kind.NOTE, "101")
    rig.pushed(note)
    rig.answer(note, S.ATTENTION, reason=StopReason.REPORT_DELETED)
    rig.settle()
    assert rig.outbox.goes_along(note) == (), "its creation may be lost with it, and will be asked about"
    rig.now += timedelta(minutes=3)
    rig.outbox._outcomes.doubt_unproved()
    rig.outbox._scheduler.send_due()
    assert rig.states() == {create: S.ATTENTION, note: S.QUEUED}
    rig.outbox.retry(create)
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="102")
    (push,) = rig.pushed(note)
    assert push.edit.report == "102"


def test_nobody_keeps_what_another_operator_did(rig: OutboxRig) -> None:
    made = deleted_report(rig)
    rig.outbox.sign_in("city", "budi")
    assert rig.outbox.goes_along(made[0]) == ()
    assert rig.outbox.keep_as_new(made[0], {}, title="", words=words) == ""


def test_another_operators_edit_can_be_dropped_and_its_author_is_told_once(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    create = rig.do(Kind.CREATE, None, base_version=None)
    photo = rig.do(Kind.PHOTO, f"local:{create}", base_version=None)
    other = rig.do(Kind.NOTE, "2")
    rig.outbox.sign_in("city", "budi")
    mine = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    assert not rig.outbox.drop(mine), "one's own is withdrawn"
    assert rig.outbox.drop(create)
    assert rig.states() == {other: S.QUEUED, mine: S.ATTENTION}
    assert rig.outbox.take_done_by_others("city") == ()
    rig.restart()
    rig.outbox.sign_in("city", "rina")
    told = rig.outbox.take_done_by_others("city")
    assert [one.edit.id for one in told] == [create, photo]
    assert {(one.reason, one.by) for one in told} == {(StopReason.DROPPED, ByWhom("budi", T0))}
    assert rig.outbox.take_done_by_others("city") == ()
    rig.restart()
    assert rig.outbox.take_done_by_others("city") == ()
    kept = rig.on_disk()
    assert {kept[one].state for one in (create, photo)} == {S.WITHDRAWN}
    assert (kept[create].reason, kept[create].by) == (None, ByWhom("budi", T0))


def test_what_was_dropped_stays_until_its_author_was_told(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    edit_id = rig.do(Kind.NOTE)
    rig.outbox.sign_in("city", "budi")
    assert rig.outbox.drop(edit_id)
    rig.settle()
    rig.now += timedelta(days=200)
    rig.restart()
    assert [one.edit.id for one in rig.outbox.take_done_by_others("city")] == [edit_id]
    rig.settle()
    rig.now += timedelta(days=31)
    assert edit_id not in rig.on_disk()


def test_what_may_be_on_its_way_is_not_dropped(rig: OutboxRig) -> None:
    edit_id = rig.do(Kind.NOTE)
    rig.pushed(edit_id)
    rig.outbox.sign_in("city", "budi")
    assert not rig.outbox.drop(edit_id)
    rig.outbox.on_restarted()
    assert rig.outbox.drop(edit_id), "nobody sends it any more"
    with rig.qtbot.waitSignal(rig.outbox.too_late):  # it had arrived, though
        rig.outbox.on_proved([edit_id])


def test_a_long_outbox_leaves_in_order_and_at_most_eight_are_under_way_in_a_lane(rig: OutboxRig) -> None:
    def under_way() -> list[str]:
        return [one.edit.id for one in rig.down if isinstance(one, Push)]

    rig.outbox.source_lost("city")
    made = [rig.do(Kind.NOTE, str(number)) for number in range(14)]
    photo = rig.do(Kind.PHOTO, "99", data={"sha256": "0" * 64})
    rig.outbox.resend_due("city")
    rig.qtbot.waitUntil(lambda: len(under_way()) == 9)
    assert under_way() == [*made[:8], photo]
    for edit_id in made[:3]:
        rig.answer(edit_id, S.ACCEPTED)
    rig.answer(made[3], S.UNCONFIRMED, problem="no answer", obstacle=Obstacle.ONE_EDIT)
    rig.qtbot.waitUntil(lambda: len(under_way()) == 13)
    assert under_way()[9:] == made[8:12]
    for edit_id in made[4:12]:
        rig.answer(edit_id, S.ACCEPTED)
    rig.qtbot.waitUntil(lambda: len(under_way()) == 15)
    assert not rig.outbox.has_due


def test_what_was_made_before_sign_in_was_needed_is_sent_as_the_present_operators(rig: OutboxRig) -> None:
    """Guards: Outbox.adopt; nobody can ever sign in as "local"."""
    rig.outbox.source_lost("city")
    rig.outbox.author = "local"
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    note = rig.do(Kind.NOTE, f"local:{create}", base_version=None, data={"text": "deep"})
    change = rig.do(Kind.SET, "2", data={"priority": 1}, base={"priority": 3})
    left = rig.do(Kind.NOTE, "3")
    rig.now += timedelta(hours=1)
    rig.outbox.sign_in("city", "rina")
    own = rig.do(Kind.SET, f"local:{create}", base_version=None, data={"priority": 1})
    assert not rig.outbox.adopt(own, names)
    for edit_id in (create, change):
        with rig.qtbot.waitSignal(rig.outbox.saved):
            assert rig.outbox.adopt(edit_id, names)
        assert not rig.outbox.adopt(edit_id, names)
    rig.settle()
    kept = [one.edit for one in rig.outbox.open_edits if one.edit.id != left]
    assert [(one.kind, one.report, one.author) for one in kept] == [
        (Kind.CREATE, f"local:{create}", "rina"),
        (Kind.NOTE, f"local:{create}", "rina"),
        (Kind.SET, f"local:{create}", "rina"),
        (Kind.SET, "2", "rina"),
    ]
    assert {one.occurred_at for one in kept} == {T0, T0 + timedelta(hours=1)}
    assert kept[3].occurred_at == T0
    assert not {create, note, change, own} & {one.id for one in kept}, "a key has carried another author's edit"
    assert set(rig.states().values()) == {S.QUEUED}
    found = rig.on_disk()
    assert {found[one].state for one in (create, note, change, own)} == {S.WITHDRAWN}
    assert found[left].state is S.QUEUED


def names(create: Queued, others: Sequence[Queued]) -> str:
    """What the panel makes of a colleague's report and of what others did to it."""
    return " ".join([create.edit.author, *(f"{one.edit.author}:{one.edit.kind}" for one in others)])


def taken_down_by_budi(rig: OutboxRig) -> tuple[str, dict[str, str]]:
    """The local key of a report that budi took down while the link was away, and what was done to it, by name."""
    rig.outbox.source_lost("city")
    rig.outbox.author = "budi"
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "Water", "priority": 1})
    key = f"local:{create}"
    done = {"create": create}
    done["note"] = rig.do(Kind.NOTE, key, base_version=None, data={"text": "deep"})
    done["order"] = rig.do(Kind.DISPATCH, key, base_version=None, data={"unit": "u1"})
    rig.now += timedelta(minutes=4)
    rig.outbox.sign_in("city", "rina")
    return key, done


def test_a_report_that_a_colleague_took_down_is_sent_in_ones_own_name_and_names_him(rig: OutboxRig) -> None:
    """It waited for him to sign in, and nobody else knew of it: a family in the water."""
    key, done = taken_down_by_budi(rig)
    own = rig.do(Kind.DISPATCH, key, base_version=None, data={"unit": "u2"})
    rig.outbox.mark_told(own, "U2")
    rig.outbox.mark_told(done["order"], "U1")
    assert [one.edit.id for one in rig.outbox.left_here] == [done["create"]]
    assert rig.outbox.may_be_adopted(done["create"])
    assert not rig.outbox.may_be_adopted(done["note"]), "with its report, and not without it"
    assert not rig.outbox.adopt(done["order"], names)
    assert not rig.outbox.adopt(own, names)
    with rig.qtbot.waitSignal(rig.outbox.saved):
        assert rig.outbox.adopt(done["create"], names)
    assert not rig.outbox.adopt(done["create"], names), "once"
    rig.settle()
    assert rig.outbox.left_here == ()
    kept = list(rig.outbox.open_edits)
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
    assert [one.occurred_at for one in edits] == [T0, rig.now, T0, T0, rig.now]
    assert not {*done.values(), own} & {one.id for one in edits}, "a key has carried another author's edit"
    rig.outbox.resend_due("city")
    (push,) = rig.pushed(edits[0].id)
    assert (push.edit.author, push.edit.late, push.unconfirmed) == ("rina", True, False)
    rig.answer(edits[0].id, S.ACCEPTED, remote_id="928")
    (named,) = rig.pushed(edits[1].id)
    assert named.edit.report == "928"
    found = rig.on_disk()
    assert {found[one].state for one in (*done.values(), own)} == {S.WITHDRAWN}


def test_who_took_a_report_down_is_told_once_that_another_sent_it(rig: OutboxRig) -> None:
    _, done = taken_down_by_budi(rig)
    with rig.qtbot.waitSignal(rig.outbox.saved):
        rig.outbox.adopt(done["create"], names)
    assert rig.outbox.take_done_by_others("city") == (), "it is no news to who did it"
    rig.settle()
    rig.now += timedelta(days=200)
    rig.restart()
    rig.outbox.sign_in("city", "budi")
    told = rig.outbox.take_done_by_others("city")
    assert [one.edit.id for one in told] == list(done.values())
    assert {(one.reason, one.by) for one in told} == {(StopReason.ADOPTED, ByWhom("rina", T0 + timedelta(minutes=4)))}
    assert rig.outbox.take_done_by_others("city") == ()
    rig.restart()
    rig.outbox.sign_in("city", "budi")
    assert rig.outbox.take_done_by_others("city") == ()


def met_the_outage(rig: OutboxRig, *outcomes: EditState) -> str:
    """The first operator's CREATE, of which a sync process heard nothing; the second one signs in after a restart."""
    rig.outbox.author = "budi"
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    rig.pushed(create)
    for state in outcomes:
        rig.answer(create, state, problem="no answer")
    rig.restart()
    rig.outbox.sign_in("city", "rina")
    return create


@pytest.mark.parametrize("outcomes", [[], [S.UNCONFIRMED], [S.QUEUED], [S.UNCONFIRMED, S.ATTENTION]])
def test_a_report_that_may_have_left_is_sent_in_its_place(rig: OutboxRig, outcomes: Sequence[EditState]) -> None:
    """A sync process that was killed may have sent what it had been told to try again, and a server that refuses a
    second try may have taken the first: it is for the server to say, in the moment in which it takes the new one.
    """
    create = met_the_outage(rig, *outcomes)
    note = rig.do(Kind.NOTE, f"local:{create}", base_version=None, data={"text": "deep"})
    with rig.qtbot.waitSignal(rig.outbox.saved):
        assert rig.outbox.adopt(create, names)
    new = rig.outbox.open_edits[0]
    assert (new.edit.kind, new.edit.author, new.edit.about) == (Kind.CREATE, "rina", {"instead_of": [create]})
    assert [one.edit.about for one in rig.outbox.open_edits[1:]] == [{}, {}]
    (push,) = rig.pushed(new.edit.id)
    assert (push.edit.about, push.unconfirmed) == ({"instead_of": [create]}, True), "it may be there"
    rig.answer(new.edit.id, S.UNCONFIRMED, problem="no answer")
    rig.restart()
    rig.outbox.sign_in("city", "sari")
    with rig.qtbot.waitSignal(rig.outbox.saved):
        assert rig.outbox.adopt(new.edit.id, names)
    assert rig.outbox.open_edits[0].edit.about == {"instead_of": [create, new.edit.id]}, "either may be there"
    assert rig.on_disk()[note].state is S.WITHDRAWN, "it goes on under her name"


def test_one_that_waits_to_take_a_place_may_be_there_too(rig: OutboxRig) -> None:
    """It has never left, but the first one may have: whoever takes it over in his turn is to know that."""
    create = met_the_outage(rig, S.UNCONFIRMED)
    rig.outbox.source_lost("city")
    with rig.qtbot.waitSignal(rig.outbox.saved):
        rig.outbox.adopt(create, names)
    second = rig.outbox.open_edits[0]
    assert (second.state, second.attempts) == (S.UNCONFIRMED, 0)
    rig.outbox.sign_in("city", "sari")
    with rig.qtbot.waitSignal(rig.outbox.saved):
        assert rig.outbox.adopt(second.edit.id, names)
    third = rig.outbox.open_edits[0]
    assert (third.state, third.edit.about) == (S.UNCONFIRMED, {"instead_of": [create, second.edit.id]})
    rig.outbox.resend_due("city")
    (push,) = rig.pushed(third.edit.id)
    assert push.unconfirmed, "a server without keys is looked through first"


@pytest.mark.parametrize("answered_first", [True, False])
def test_what_follows_a_report_that_had_arrived_goes_on_at_it(rig: OutboxRig, answered_first: bool) -> None:
    """The server says to the second one that the first is there; or its record is read before that could be sent."""
    create = met_the_outage(rig, S.UNCONFIRMED)
    with rig.qtbot.waitSignal(rig.outbox.saved):
        rig.outbox.adopt(create, names)
    new, named = (one.edit.id for one in rig.outbox.open_edits)
    too_late: list[Queued] = []
    rig.outbox.too_late.connect(too_late.append)
    rig.pushed(new)
    if answered_first:
        rig.answer(create, S.ACCEPTED, remote_id="928")
        rig.answer(new, S.SENT, remote_id="928")
        assert rig.states() == {create: S.ACCEPTED, named: S.QUEUED}, "the first one is waited for"
        rig.outbox.on_proved([create], {create: "928"})
    else:
        rig.outbox.on_proved([create])
        assert rig.outbox.without_number([create]) == (create,)
        rig.outbox.on_proved([create], {create: "928"})
        withdraw = rig.down.pop(0)
        assert withdraw == Withdraw(new, proved=True)
    assert list(rig.states()) == [named]
    (push,) = rig.pushed(named)
    assert push.edit.report == "928"
    rig.settle()
    assert too_late == [], "that it is there is what she wanted"
    rig.outbox.sign_in("city", "budi")
    if not answered_first:
        assert rig.outbox.take_done_by_others("city") == (), "it is his"
    found = rig.on_disk()
    assert (found[create].state, found[new].state, found[create].problem) == (S.SENT, S.SENT, "")


def test_what_follows_a_report_that_is_proved_while_its_second_is_being_saved_goes_on_at_it(rig: OutboxRig) -> None:
    """The second one was taken back before it was on the disk, and with it all that had been done to the report."""
    create = met_the_outage(rig, S.UNCONFIRMED)
    rig.outbox.adopt(create, names)
    assert not rig.outbox.open_edits, "it waits for the disk"
    rig.outbox.on_proved([create], {create: "928"})
    rig.settle()
    kinds = [one.edit.kind for one in rig.outbox.open_edits if one.edit.id != create]
    assert kinds == [Kind.CREATE, Kind.NOTE], "its server is asked, and says that it is there"
    new, named = (one.edit.id for one in rig.outbox.open_edits if one.edit.id != create)
    rig.pushed(new)
    rig.answer(new, S.SENT, remote_id="928")
    (push,) = rig.pushed(named)
    assert push.edit.report == "928"


@pytest.mark.parametrize("outcomes", [[], [S.ACCEPTED]])
def test_a_report_that_is_under_way_or_taken_is_never_sent_in_another_name(
    rig: OutboxRig, outcomes: Sequence[EditState]
) -> None:
    rig.outbox.author = "budi"
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    rig.outbox.sign_in("city", "rina")
    assert rig.states() == {create: S.SENDING}, "it is noted that it leaves, and goes then"
    assert not rig.outbox.may_be_adopted(create)
    rig.pushed(create)
    for state in outcomes:
        rig.answer(create, state)
    assert not rig.outbox.may_be_adopted(create)
    assert not rig.outbox.adopt(create, names)
    accepted = outcomes == [S.ACCEPTED]
    assert [one.edit.id for one in rig.outbox.left_here] == ([] if accepted else [create]), "it is told all the same"
    rig.quiet()
    assert set(rig.on_disk()) == {create}


@pytest.mark.parametrize("whole_program", [True, False])
def test_what_a_server_without_keys_took_is_looked_for_after_a_break(rig: OutboxRig, whole_program: bool) -> None:
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    rig.pushed(create)
    taken_as = TakenAs(number="77")
    rig.answer(create, S.ACCEPTED, taken_as=taken_as)
    if whole_program:
        rig.restart()
    else:
        rig.outbox.on_restarted()
    assert rig.states() == {create: S.UNCONFIRMED}
    rig.outbox.sign_in("city", "budi")
    assert rig.outbox.left_here == (), "its server has said that it has it"
    assert not rig.outbox.may_be_adopted(create)
    assert not rig.outbox.drop(create)
    rig.outbox.sign_in("city", "rina")
    assert not rig.outbox.ask_back(create), "too late"
    rig.outbox.resend_due("city")
    (push,) = rig.pushed(create)
    assert (push.unconfirmed, push.taken_as) == (True, taken_as)
    rig.answer(create, S.UNCONFIRMED, problem="no answer")
    rig.outbox.resend_due("city")
    (push,) = rig.pushed(create)
    assert push.taken_as == taken_as
    rig.answer(create, S.ATTENTION, problem="another report")
    rig.outbox.retry(create)
    (push,) = rig.pushed(create)
    assert (push.unconfirmed, push.taken_as) == (False, None), "sent again by who was told so"


def test_what_is_learnt_of_an_edit_while_it_is_tried_ends_no_try(rig: OutboxRig) -> None:
    """A server took a report and has no number for it yet: the sync process is still at it."""
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    rig.pushed(create)
    rig.answer(create, S.UNCONFIRMED, taken_as=TakenAs(token="t"), obstacle=None)
    assert rig.states() == {create: S.UNCONFIRMED}
    rig.outbox.try_now("city")
    rig.quiet()
    rig.answer(create, S.UNCONFIRMED, problem="no number yet", obstacle=Obstacle.ONE_EDIT)
    rig.outbox.try_now("city")
    (push,) = rig.pushed(create)
    assert push.taken_as == TakenAs(token="t")


def test_what_a_server_without_keys_took_may_be_listed_late(rig: OutboxRig) -> None:
    """Some cities look at a new report before they list it: it is no reason to doubt it."""
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    rig.outbox.resend_due("city")
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, taken_as=TakenAs(number="77"))
    rig.now += timedelta(hours=3)
    rig.outbox._try_again()
    assert rig.states() == {create: S.ACCEPTED}


def test_a_report_that_a_server_took_and_lost_is_sent_in_ones_own_name(rig: OutboxRig) -> None:
    """Its record, read whole, does not hold it any more: it is certain that it is not there."""
    rig.outbox.author = "budi"
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "Water"})
    rig.pushed(create)
    rig.answer(create, S.SENT, remote_id="7")
    rig.outbox.source_lost("city")
    rig.outbox.sign_in("city", "rina")
    assert rig.outbox.left_here == ()
    rig.outbox.on_taken_back("city", [create])
    rig.settle()
    assert rig.states() == {create: S.ATTENTION}
    with rig.qtbot.waitSignal(rig.outbox.saved):
        assert rig.outbox.adopt(create, names)
    assert [(one.edit.kind, one.edit.author, one.edit.report) for one in rig.outbox.open_edits] == [
        (Kind.CREATE, "rina", f"local:{create}+"),
        (Kind.NOTE, "rina", f"local:{create}+"),
    ]


def test_a_report_is_as_it_was_when_the_disk_refuses_to_take_it_over(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull(rig.folder, "The disk is full.")

    _, done = taken_down_by_budi(rig)
    monkeypatch.setattr(WorkFile, "exchange", full)
    with rig.qtbot.waitSignal(rig.outbox.refused):
        rig.outbox.adopt(done["create"], names)
    assert list(rig.states()) == list(done.values())
    assert [one.edit.id for one in rig.outbox.left_here] == [done["create"]]
    rig.outbox.sign_in("city", "budi")
    assert rig.outbox.take_done_by_others("city") == ()


def test_what_an_edit_waits_for_is_known(rig: OutboxRig) -> None:
    first = rig.do(Kind.SET, data={"priority": 1}, base={"priority": 3})
    rig.pushed(first)
    later, note, other = rig.do(Kind.SET, data={"priority": 2}), rig.do(Kind.NOTE), rig.do(Kind.CLAIM, "2")
    assert rig.outbox.held_by(later) is None, "it goes by itself"
    rig.answer(first, S.CONFLICT, theirs={"priority": {"value": 2}}, version=9)
    held = rig.outbox.held_by(later)
    assert held is not None
    assert held.edit.id == first
    assert [one.edit.id for one in rig.outbox.stopped_with(first)] == [later]
    assert [rig.outbox.held_by(one) for one in (first, note, other)] == [None, None, None]


def test_a_creation_that_a_server_made_anew_after_it_was_proved_has_its_new_number(rig: OutboxRig) -> None:
    create = rig.do(Kind.CREATE, None, base_version=None)
    rig.pushed(create)
    rig.outbox.source_lost("city")
    note = rig.do(Kind.NOTE, f"local:{create}", base_version=None)
    rig.answer(create, S.UNCONFIRMED)
    rig.outbox.on_proved([create], {create: "77"})
    rig.answer(create, S.ACCEPTED, remote_id="78")  # the server was set back, and asked again by the sync process
    rig.qtbot.waitUntil(lambda: rig.outbox.remote_of(f"local:{create}") == "78")
    rig.outbox.resend_due("city")
    (push,) = rig.pushed(note)
    assert push.edit.report == "78"
    rig.restart()
    assert rig.outbox.remote_of(f"local:{create}") == "78"


def test_an_order_goes_after_what_leaves_of_its_unit(rig: OutboxRig) -> None:
    """The second of two orders overtook the first behind a note, and the server refused that one: the unit was busy."""
    rig.outbox.source_lost("city")
    note, first = rig.do(Kind.NOTE), rig.do(Kind.DISPATCH, data={"unit": "u1"})
    second = rig.do(Kind.DISPATCH, "2", data={"unit": "u1", "stack": True})
    third = rig.do(Kind.DISPATCH, "3", data={"unit": "u1", "stack": True})
    other = rig.do(Kind.DISPATCH, "4", data={"unit": "u2"})
    rig.outbox.resend_due("city")
    rig.pushed(other, note)
    rig.answer(note, S.ACCEPTED)
    for order in (first, second, third):
        rig.pushed(order)
        rig.answer(order, S.ACCEPTED)


@pytest.mark.parametrize("lost", ["tried in vain", "withdrawn", "refused"])
def test_an_order_does_not_wait_for_one_to_its_unit_that_does_not_leave(rig: OutboxRig, lost: str) -> None:
    rig.outbox.source_lost("city")
    claim, first = rig.do(Kind.CLAIM), rig.do(Kind.DISPATCH, data={"unit": "u1"})
    second = rig.do(Kind.DISPATCH, "2", data={"unit": "u1", "stack": True})
    rig.outbox.resend_due("city")
    rig.pushed(claim)
    if lost == "tried in vain":
        rig.answer(claim, S.QUEUED, problem="fell", obstacle=Obstacle.ONE_EDIT)
    elif lost == "withdrawn":
        assert rig.outbox.withdraw(first)
    else:
        rig.answer(claim, S.CONFLICT, theirs={"claim": {"value": "budi", "who": "budi", "at": T0.isoformat()}})
        assert rig.states()[first] is S.STOPPED
    rig.pushed(second)
