"""F22 for reports that were created here: a restore loses them while work on them waits, and one report comes of it.

However the operator answers, in whatever order, and over a crash: each creation is at the city once, with all the work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from api_client.model import EditBody, Kind, Report
from console.rules.messages import Obstacle, Outcome
from console.rules.pending import created_report
from console.rules.queued import EditState, is_deleted, is_taken_back
from console.server.city.city import City
from console.server.city.records import Actor
from tests.faults.test_sync_list import push_only, rest, shown, states
from tests.helpers.stepped import Backup, SteppedConsole, now
from tests.helpers.sync_rig import rows_of_cache, rows_of_database

TREE = "A tree has fallen"
MARIA = Actor("maria", "supervisor")


class Lost(NamedTuple):
    """A report that was created here and is lost at the city, which the console does not know yet."""

    create: str
    number: str
    seen: Report
    sent: str
    note: str
    change: str
    newer: Backup
    """Of a moment when the report was there."""


class Loss:
    """Makes one: its creation and a note were sent, another note and a change wait. The link is back afterwards."""

    def __init__(self, ani: SteppedConsole, city: City, folder: Path) -> None:
        self._ani, self._city, self._folder = ani, city, folder
        self.backup = self._backup("older")

    def _backup(self, name: str) -> Backup:
        return Backup(self._city, self._folder / "server" / "city.db", self._folder / f"{name}.db")

    def __call__(self, *, numbers_again: bool = False) -> Lost:
        ani = self._ani
        create = ani.submit(Kind.CREATE, None, {"description": TREE, "channel": "phone"}, {})
        rest(ani)
        number = ani.outbox.remote_of(ani.saved[create].report or "") or ""
        seen = shown(ani, number)
        sent = ani.submit(Kind.NOTE, seen, {"text": "sent"}, {})
        rest(ani)
        assert not ani.outbox.open_edits
        newer = self._backup("newer")
        ani.wire.cut = True
        note = ani.submit(Kind.NOTE, seen, {"text": "waits"}, {})
        change = ani.submit(Kind.SET, seen, {"priority": 1}, {"priority": 3})
        self.backup.restore(numbers_again=numbers_again)
        if numbers_again:
            data = {"description": "A call for an ambulance", "channel": "phone", "created": "2026-01-01T00:00:00Z"}
            made = self._city.apply(EditBody("ambulance", Kind.CREATE, data=data), report=None, actor=MARIA)
            assert made.answer.entry.report == number
        ani.wire.cut = False
        return Lost(create, number, seen, sent, note, change, newer)


@pytest.fixture
def lose(ani: SteppedConsole, city: City, tmp_path: Path) -> Loss:
    return Loss(ani, city, tmp_path)


def trees(ani: SteppedConsole, city: City) -> list[tuple[int, list[str]]]:
    """The priority and the notes of each report of the tree at the city, of which the cache is a copy."""
    rest(ani)
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)
    found = [one for one in ani.shown() if one.description == TREE]
    return [(one.priority, [entry.text for entry in city.entries(one.id) if entry.text]) for one in found]


def crash(ani: SteppedConsole) -> None:
    ani.crash()
    ani.open()


def send_all(ani: SteppedConsole) -> None:
    ani.outbox.retry(*ani.outbox.retryable)
    rest(ani)


def test_a_creation_that_is_proved_is_not_asked_about_at_the_restored_city(
    ani: SteppedConsole, city: City, tmp_path: Path
) -> None:
    """F22, I2: its answer was lost, its record was read; the lane sent it once more to a city that had lost it.

    Then the work on its old number was offered as a new report, and there were two.
    """
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "older.db")
    ani.wire.swallow = 1
    create = ani.submit(Kind.CREATE, None, {"description": TREE, "channel": "phone"}, {})
    ani.sync()
    ani.pull()
    assert not ani.outbox.open_edits, "the record shows it"
    seen = shown(ani, ani.outbox.remote_of(ani.saved[create].report or "") or "")
    ani.wire.cut = True
    ani.submit(Kind.NOTE, seen, {"text": "waits"}, {})
    backup.restore()
    ani.wire.cut, ani.wire.swallow = False, 0
    push_only(ani)
    rest(ani)
    assert states(ani)[create] is EditState.ATTENTION, "it is for the operator to send it again"
    send_all(ani)
    assert trees(ani, city) == [(3, ["waits"])]


@pytest.mark.parametrize("numbers_again", [False, True])
@pytest.mark.parametrize("crashed", [False, True])
@pytest.mark.parametrize("first", [rest, push_only])
def test_work_that_waits_goes_with_the_creation_that_is_sent_again(
    ani: SteppedConsole,
    city: City,
    lose: Loss,
    first: Callable[[SteppedConsole], None],
    crashed: bool,
    numbers_again: bool,
) -> None:
    """F22, I2: it is not offered as a new report of its own (scheduler.py: _settle_unsure), whichever lane is first."""
    lost = lose(numbers_again=numbers_again)
    first(ani)
    if crashed:
        crash(ani)
    rest(ani)
    assert [one.edit.id for one in ani.outbox.open_edits if is_taken_back(one)] == [lost.create, lost.sent]
    waits = [one for one in ani.outbox.open_edits if one.edit.id in (lost.note, lost.change)]
    assert [(one.state, one.edit.report) for one in waits] == [
        (EditState.QUEUED, f"{ani.saved[lost.create].report}+")
    ] * 2
    assert {ani.outbox.held_by(one.edit.id).edit.id for one in waits} == {lost.create}  # type: ignore[union-attr]
    assert not ani.outbox.goes_along(lost.note)
    if crashed:
        crash(ani)
        rest(ani)
    send_all(ani)
    assert not ani.outbox.open_edits
    assert trees(ani, city) == [(1, ["sent", "waits"])]


@pytest.mark.parametrize("crashed", [False, True])
def test_a_report_that_was_kept_as_new_is_not_created_again(
    ani: SteppedConsole, city: City, lose: Loss, crashed: bool
) -> None:
    """F22, I2: the server said that it has no such report before all was read anew (work_file.py: bring_back)."""
    lost = lose()
    push_only(ani)
    parted = next(one for one in ani.outbox.open_edits if one.edit.id == lost.note)
    assert is_deleted(parted)
    ani.keep(parted)
    if crashed:
        crash(ani)
    rest(ani)
    (one,) = ani.outbox.open_edits
    assert (one.edit.id, is_taken_back(one)) == (lost.sent, True), "what was sent to it can be sent to the new one"
    send_all(ani)
    ((priority, notes),) = trees(ani, city)
    assert (priority, sorted(notes)) == (1, ["kept, 0 told", "sent", "waits"])
    assert not ani.outbox.open_edits
    crash(ani)
    assert trees(ani, city) == [(1, notes)]


def test_keeping_as_new_and_the_creation_that_comes_back_do_not_cross(
    ani: SteppedConsole, city: City, lose: Loss
) -> None:
    """F22, I2: whichever reaches the disk first makes the report (submit.py: keep_as_new)."""
    lost = lose()
    push_only(ani)
    refused: list[str] = []
    ani.outbox.refused.connect(lambda _, error: refused.append(str(error)))
    ani.outbox.on_taken_back("city", [lost.create, lost.sent], lambda: None)
    assert ani.outbox.keep_as_new(lost.note, {"description": TREE, "channel": "phone"}, title="", words=str)
    rest(ani)
    assert refused == ["Its creation was lost with it, and is in the outbox again."]
    send_all(ani)
    assert not ani.outbox.open_edits
    assert trees(ani, city) == [(1, ["sent", "waits"])]


def test_work_on_a_lost_report_whose_creation_is_dropped_can_be_kept(
    ani: SteppedConsole, city: City, lose: Loss
) -> None:
    """F22, I1: what was lost with it goes with it, but nobody has said that the rest is not wanted (withdraw.py)."""
    lost = lose()
    rest(ani)
    assert ani.outbox.withdraw(lost.create)
    rest(ani)
    assert states(ani) == {lost.note: EditState.ATTENTION, lost.change: EditState.ATTENTION}
    assert [one.edit.id for one in ani.outbox.goes_along(lost.note)] == [lost.note, lost.change]
    crash(ani)
    ani.keep(ani.outbox.open_edits[0])
    rest(ani)
    assert not ani.outbox.open_edits
    assert trees(ani, city) == [(1, ["kept, 0 told", "waits"])]


@pytest.mark.parametrize("made", [None, "2026-01-01T00:00:00Z"])
def test_what_waits_for_ones_own_report_goes_to_no_other_that_has_its_number_now(
    ani: SteppedConsole, city: City, tmp_path: Path, made: str | None
) -> None:
    """F22, I3: sent before anything of the restored city was read; the server knows which report is meant."""
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "older.db")
    data = {"description": TREE, "channel": "phone"}
    five_minutes_ago = (now() - timedelta(minutes=5)).isoformat()
    create = ani.submit(Kind.CREATE, None, data | {"created": five_minutes_ago}, {})
    push_only(ani)
    mine = ani.saved[create]
    number = ani.outbox.remote_of(mine.report or "")
    ani.wire.cut = True
    note = ani.submit(Kind.NOTE, created_report(mine), {"text": "of the tree"}, {})
    backup.restore(numbers_again=True)
    call = {"description": "A call for an ambulance", "channel": "phone", "created": made}
    other = city.apply(EditBody("ambulance", Kind.CREATE, data=call), report=None, actor=MARIA).answer.entry.report
    assert other == number
    ani.wire.cut = False
    push_only(ani)
    assert [entry.text for entry in city.entries(other or "") if entry.text] == []
    rest(ani)
    assert states(ani)[note] is EditState.ATTENTION, "the operator is told that the number is another report now"
    assert [entry.text for entry in city.entries(other or "") if entry.text] == []


def test_work_for_ones_own_report_reaches_it_also_where_the_server_dated_that_back(
    ani: SteppedConsole, city: City
) -> None:
    """F22, I1: this computer's clock is ahead; the report is the one that is meant (rules/recreate.py: MADE_HERE)."""
    ani.now = lambda: now() + timedelta(minutes=10)
    ani.wire.cut = True
    create = ani.submit(
        Kind.CREATE, None, {"description": TREE, "channel": "phone", "created": ani.now().isoformat()}, {}
    )
    note = ani.submit(Kind.NOTE, created_report(ani.saved[create]), {"text": "of the tree"}, {})
    ani.wire.cut = False
    rest(ani)
    assert {create, note} <= ani.sent
    assert trees(ani, city) == [(3, ["of the tree"])]


def test_work_that_is_found_lost_after_its_creation_was_dropped_can_be_kept(
    ani: SteppedConsole, city: City, lose: Loss
) -> None:
    """F22, I1: nothing comes again that it could wait for (pending_edits.py: again)."""
    lost = lose()
    ani.pull()
    assert ani.outbox.withdraw(lost.create)
    rest(ani)
    assert states(ani) == {lost.note: EditState.ATTENTION, lost.change: EditState.ATTENTION}
    ani.keep(ani.outbox.open_edits[0])
    assert trees(ani, city) == [(1, ["kept, 0 told", "waits"])]
    assert not ani.outbox.open_edits


@pytest.mark.parametrize("number_known", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_what_is_under_way_follows_when_it_is_refused(
    ani: SteppedConsole, city: City, lose: Loss, late: bool, number_known: bool
) -> None:
    """F22, I2: sent, the answer lost; and what is done later to a report that is still on the screen."""
    lost = lose()
    ani.wire.swallow = 1
    ani.try_now()
    assert ani._push.step(ani._sender, 0.0)  # once: it waits a random while, which may be over on a slow computer
    ani.settle()
    assert states(ani)[lost.note] is EditState.UNCONFIRMED
    ani.pull()
    if number_known:
        ani.outbox.retry(lost.create)
        rest(ani)
    if late:
        ani.submit(Kind.NOTE, lost.seen, {"text": "late"}, {})
    rest(ani)
    assert not any(map(is_deleted, ani.outbox.open_edits))
    send_all(ani)
    assert not ani.outbox.open_edits
    ((priority, notes),) = trees(ani, city)
    assert (priority, sorted(notes)) == (1, ["late", "sent", "waits"] if late else ["sent", "waits"])


@pytest.mark.parametrize("dropped", [False, True])
def test_another_operators_work_goes_with_it_too(ani: SteppedConsole, city: City, lose: Loss, dropped: bool) -> None:
    """F22, I1, I2: it waits for him, then for the report; dropping one's own creation takes nothing of his along."""
    lost = lose()
    ani.sign_in("budi")
    budis = ani.submit(Kind.NOTE, lost.seen, {"text": "budi's"}, {})
    rest(ani)
    assert {one.edit.id for one in ani.outbox.open_edits if is_taken_back(one)} == {lost.create, lost.sent}
    assert not any(map(is_deleted, ani.outbox.open_edits))
    ani.sign_in("ani")
    rest(ani)
    if dropped:
        assert ani.outbox.withdraw(lost.create)
        for each in (lost.change, lost.note):
            assert ani.outbox.withdraw(each)
    else:
        send_all(ani)
    assert [one.edit.id for one in ani.outbox.open_edits] == [budis]
    ani.sign_in("budi")
    rest(ani)
    if dropped:
        ani.keep(ani.outbox.open_edits[0])
    assert trees(ani, city) == [(3, ["kept, 0 told", "budi's"]) if dropped else (1, ["sent", "waits", "budi's"])]
    assert not ani.outbox.open_edits


@pytest.mark.parametrize("sent_between", [False, True])
def test_two_restores_in_a_row(ani: SteppedConsole, city: City, lose: Loss, sent_between: bool) -> None:
    """F22, I2: the creation may be lost twice, and the work that waits follows twice."""
    lost = lose()
    rest(ani)
    if sent_between:
        ani.outbox.retry(lost.create, lost.sent)
        ani._push._queue.take = lambda longest_s: None  # type: ignore[method-assign]
        rest(ani)
    lose.backup.restore()
    crash(ani)
    rest(ani)
    send_all(ani)
    assert not ani.outbox.open_edits
    assert trees(ani, city) == [(1, ["sent", "waits"])]
    late = ani.submit(Kind.NOTE, next(one for one in ani.shown() if one.description == TREE), {"text": "late"}, {})
    rest(ani)
    ani.wire.cut = True
    again = next(one for one in ani.shown() if one.description == TREE)
    last = ani.submit(Kind.NOTE, again, {"text": "last"}, {})
    lose.backup.restore()
    ani.wire.cut = False
    rest(ani)
    assert [one.edit.id for one in ani.outbox.open_edits] == [
        lost.create,
        lost.sent,
        lost.note,
        lost.change,
        late,
        last,
    ]
    send_all(ani)
    assert trees(ani, city) == [(1, ["sent", "waits", "late", "last"])]
    assert not ani.outbox.open_edits


def test_a_better_backup_that_has_the_report(ani: SteppedConsole, city: City, lose: Loss) -> None:
    """F22, I2: its creation is known by its own key, and what waits goes to the number that it has there."""
    lost = lose()
    rest(ani)
    lost.newer.restore()
    rest(ani)
    assert not ani.outbox.open_edits
    assert trees(ani, city) == [(1, ["sent", "waits"])]
    assert shown(ani, lost.number).description == TREE


@pytest.mark.parametrize("crashed", [False, True])
def test_another_report_that_had_the_number_later_is_not_taken_for_it(
    ani: SteppedConsole, city: City, lose: Loss, crashed: bool
) -> None:
    """F22, I3: the number alone does not say which lost report is meant, but when that was made (is_made_by)."""
    lost = lose(numbers_again=True)
    rest(ani)
    send_all(ani)
    ambulance = shown(ani, lost.number)
    ani.wire.cut = True
    note = ani.submit(Kind.NOTE, ambulance, {"text": "for the ambulance"}, {})
    if crashed:
        crash(ani)
    lose.backup.restore(numbers_again=True)
    ani.wire.cut = False
    rest(ani)
    assert states(ani)[note] is EditState.ATTENTION
    assert [one.edit.id for one in ani.outbox.goes_along(note)] == [note]
    send_all(ani)
    assert trees(ani, city) == [(1, ["sent", "waits"])]
    ani.keep(ani.outbox.open_edits[0])
    assert trees(ani, city) == [(1, ["sent", "waits"])]
    assert not ani.outbox.open_edits


def test_a_creation_that_is_lost_before_it_was_read_has_the_number_of_its_second_try(
    ani: SteppedConsole, city: City, lose: Loss
) -> None:
    """F22, I2: what waits goes to the report that the record shows, and not to the first number (is_numbered)."""
    create = ani.submit(Kind.CREATE, None, {"description": TREE, "channel": "phone"}, {})
    ani.push()
    key = ani.saved[create].report or ""
    first = ani.outbox.remote_of(key)
    crash(ani)
    lose.backup.restore()
    ani.outbox.on_outcome(Outcome(create, EditState.UNCONFIRMED, obstacle=Obstacle.SERVER))
    ani.wire.swallow = 1
    rest(ani)
    assert ani.outbox.remote_of(key) not in (first, None)
    ani.outbox.submit(
        Kind.NOTE, key, source="city", data={"text": "waits"}, base={}, base_version=None, title="", about={}
    )
    ani.settle()
    assert trees(ani, city) == [(3, ["waits"])]
    assert not ani.outbox.open_edits


@pytest.mark.parametrize("is_doubted", [False, True])
def test_a_report_whose_own_creation_is_still_here_is_not_kept_as_a_second_one(
    ani: SteppedConsole, city: City, tmp_path: Path, is_doubted: bool
) -> None:
    """F22, I2: the city took it, and was set back before it was read: its creation is asked about, and sent again."""
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "older.db")
    create = ani.submit(Kind.CREATE, None, {"description": TREE, "channel": "phone"}, {})
    push_only(ani)
    assert states(ani) == {create: EditState.ACCEPTED}
    ani.wire.cut = True
    note = ani.submit(Kind.NOTE, created_report(ani.saved[create]), {"text": "of the tree"}, {})
    backup.restore()
    ani.wire.cut = False
    push_only(ani)
    assert states(ani)[note] is EditState.ATTENTION
    if is_doubted:
        rest(ani)
        ani.now = lambda: now() + timedelta(seconds=200)
        ani.outbox._outcomes.doubt_unproved()
        assert states(ani)[create] is EditState.ATTENTION
    parted = next(one for one in ani.outbox.open_edits if one.edit.id == note)
    ani.keep(parted)
    rest(ani)
    ani.now = lambda: now() + timedelta(seconds=200)
    ani.outbox._outcomes.doubt_unproved()
    if states(ani).get(create) is EditState.ATTENTION:
        ani.outbox.retry(create)
    rest(ani)
    assert trees(ani, city) == [(3, ["of the tree"])]
    assert not ani.outbox.open_edits


def test_work_that_waits_reaches_a_report_that_is_dated_otherwise_than_the_lost_one(
    ani: SteppedConsole, city: City, tmp_path: Path
) -> None:
    """F22, I1: this computer's clock was two seconds ahead when the report was made, so that the city dated it back.

    Created again, it bears the time that was said then; what waited was refused as of another report (scheduler.py).
    """
    ani.now = lambda: now() + timedelta(seconds=2)
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "older.db")
    create = ani.submit(Kind.CREATE, None, {"description": TREE, "channel": "phone"}, {})
    rest(ani)
    seen = shown(ani, ani.outbox.remote_of(ani.saved[create].report or "") or "")
    assert ani.saved[create].occurred_at > seen.created
    ani.wire.cut = True
    note = ani.submit(Kind.NOTE, seen, {"text": "waits"}, {})
    backup.restore()
    ani.wire.cut = False
    ani.now = now
    time.sleep(max(0.0, (ani.saved[create].occurred_at - now()).total_seconds()))
    rest(ani)
    send_all(ani)
    assert not ani.outbox.open_edits
    assert note in ani.sent
    assert trees(ani, city) == [(3, ["waits"])]
