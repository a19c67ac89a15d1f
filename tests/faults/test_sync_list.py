"""F06, F07, F08, F19–F23, F33–F36 and F40: two truths at once, and how they become one again.

After each, the server's own history says that every edit acted once, and the cache is compared with it row by row.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from pytestqt.qtbot import QtBot

from api_client.model import AssignmentState, EditBody, Entry, Kind, Report
from console.cache.page_items import PageItem
from console.rules.loaded import Loaded
from console.rules.messages import Outcome, SourceState, SyncNow
from console.rules.queued import EditState, StopReason, is_deleted, is_in_force, is_settled, is_taken_back
from console.server.city.city import City
from console.server.city.records import Actor, LoadedReport
from console.server.errors import NotFound, Refusal
from console.sync.retry import Timing
from tests.helpers.fake_city import FakeCity, report
from tests.helpers.live_server import Live, some_reports
from tests.helpers.pictures import picture
from tests.helpers.proxy import FaultProxy, cut_body, drop_after, held, is_edit
from tests.helpers.stepped import CITY, Backup, SteppedConsole
from tests.helpers.sync_rig import assert_same, rig, rows_of_cache, rows_of_database

QUICK = Timing(poll_s=0.2, slow_poll_s=0.2)
MARIA = Actor("maria", "supervisor")


def at_the_city(city: City, report: str, kind: Kind, **data: Any) -> None:
    key = hashlib.sha256(repr((report, kind, data, time.monotonic_ns())).encode()).hexdigest()
    city.apply(EditBody(id=key, kind=kind, data=data), report=report, actor=MARIA)


def rest(*consoles: SteppedConsole) -> None:
    for _ in range(400):
        moved = [console.sync() for console in consoles]
        if not any(moved):
            break
    for console in consoles:
        console.pull()


def states(console: SteppedConsole) -> dict[str, EditState]:
    return {one.edit.id: one.state for one in console.outbox.open_edits}


def shown(console: SteppedConsole, key: str) -> Any:
    return next(one for one in console.shown() if one.id == key)


@pytest.mark.parametrize("kind", [Kind.NOTE, Kind.CREATE])
def test_f02_taken_and_not_in_the_record(ani: SteppedConsole, city: City, tmp_path: Path, kind: Kind) -> None:
    """F02, I7: accepted is not sent; two minutes without proof, and it needs a look (doubt_unproved)."""
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "backup.db")
    report, data = (shown(ani, "r1"), {"text": "x"}) if kind is Kind.NOTE else (None, {"description": "To the roof"})
    edit = ani.submit(kind, report, data, {})
    ani.sync()
    assert states(ani) == {edit: EditState.ACCEPTED}
    backup.restore()  # what was taken is undone before anybody has read it
    rest(ani)
    ani.outbox._try_again()
    assert states(ani) == {edit: EditState.ACCEPTED}
    ani.now = lambda: datetime.now(UTC) + timedelta(minutes=3)
    ani.outbox._try_again()
    (one,) = ani.outbox.open_edits
    assert one.state is EditState.ATTENTION
    assert one.reason is StopReason.NOT_IN_RECORD
    assert edit not in ani.sent
    ani.outbox.retry(edit)
    rest(ani)
    assert not ani.outbox.open_edits, "who has looked sends it again"


def test_a_creation_whose_answer_was_lost_gets_its_number_from_the_record(ani: SteppedConsole) -> None:
    """I2, I4: the server is not asked again, which may have forgotten the answer (link.py: numbers)."""
    ani.wire.swallow = 1
    create = ani.submit(Kind.CREATE, None, {"description": "Water", "channel": "phone"}, {})
    key = ani.saved[create].report or ""
    ani.sync()
    assert states(ani) == {create: EditState.UNCONFIRMED}
    ani.pull()
    assert not ani.outbox.open_edits
    assert shown(ani, ani.outbox.remote_of(key) or "").description == "Water"


def test_too_late_to_withdraw_is_said_after_a_crash_too(ani: SteppedConsole) -> None:
    """I4, I7: withdrawn, crashed, and the answer that was lost had been a yes (outbox/withdraw.py: withdrawn)."""
    told: list[Any] = []
    ani.wire.swallow = 1
    edit = ani.submit(Kind.NOTE, shown(ani, "r1"), {"text": "x"}, {})
    ani.sync()
    ani.wire.cut = True
    assert states(ani) == {edit: EditState.UNCONFIRMED}
    (one,) = ani.outbox.open_edits
    ani.outbox._store.remember(msgspec.structs.replace(one, state=EditState.ATTENTION))  # an operator gives it up
    ani.withdraw(one)
    assert not ani.outbox.open_edits
    ani.crash()
    ani.open()
    ani.outbox.too_late.connect(told.append)
    ani.wire.cut = False
    rest(ani)
    assert [queued.edit.id for queued in told] == [edit]
    assert not ani.outbox.open_edits


def test_f06_disjoint_fields_are_merged(ani: SteppedConsole, city: City) -> None:
    """F06: they changed another field: sent again by itself (rules/merge.py, outbox/outcome_handler.py)."""
    seen = shown(ani, "r1")
    at_the_city(city, "r1", Kind.SET, description="Deeper than it was")
    edit = ani.submit(Kind.SET, seen, {"priority": 1}, {"priority": 3})
    rest(ani)
    assert edit not in states(ani)
    assert (city.report("r1").priority, city.report("r1").description) == (1, "Deeper than it was")
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)


def test_f06_equal_values_are_no_conflict(ani: SteppedConsole, city: City) -> None:
    """F06: both wanted the same."""
    seen = shown(ani, "r1")
    at_the_city(city, "r1", Kind.SET, priority=1)
    edit = ani.submit(Kind.SET, seen, {"priority": 1}, {"priority": 3})
    rest(ani)
    assert edit not in states(ani)


def test_f06_the_same_field_is_a_conflict_with_names(ani: SteppedConsole, city: City) -> None:
    """F06, I3: base, mine and theirs, with author and time; nothing is overwritten until the operator says so."""
    seen = shown(ani, "r1")
    at_the_city(city, "r1", Kind.SET, priority=4)
    edit = ani.submit(Kind.SET, seen, {"priority": 1}, {"priority": 3})
    rest(ani)
    (one,) = ani.outbox.open_edits
    assert (one.edit.id, one.state, city.report("r1").priority) == (edit, EditState.CONFLICT, 4)
    theirs = one.theirs["priority"]
    assert (theirs["value"], theirs["who"]) == (4, "maria")
    assert theirs["at"]
    ani.outbox.choose(edit, True)
    rest(ani)
    assert city.report("r1").priority == 1
    assert not ani.outbox.open_edits


@pytest.mark.parametrize("who", ["ani", "maria"])
def test_f06_ones_own_orders_are_no_conflict_with_what_follows_them(ani: SteppedConsole, city: City, who: str) -> None:
    """F06: the status that one's own order made was seen; another's was not (server/city/freshness.py:
    _is_own_status).
    """
    seen = shown(ani, "r1")
    ani.wire.cut = True
    if who == "ani":
        ani.submit(Kind.DISPATCH, seen, {"unit": "U1"}, {})
    else:
        at_the_city(city, "r1", Kind.DISPATCH, unit="U1")
    close = ani.submit(Kind.CLOSE, seen, SPAM | {"release": ["U1"]}, {"status": "assigned"})
    reopen = ani.submit(Kind.REOPEN, seen, {"reason": "again"}, {"status": "closed"})
    ani.wire.cut = False
    rest(ani)
    expected = {} if who == "ani" else {close: EditState.CONFLICT, reopen: EditState.STOPPED}
    assert states(ani) == expected
    assert city.report("r1").status == ("returned" if who == "ani" else "assigned")


def test_f06_ones_own_steps_close_nothing_that_another_made_urgent_meanwhile(ani: SteppedConsole, city: City) -> None:
    """F06: the close followed its author's own step, and was sent again as if he had seen all that others did since."""
    seen = shown(ani, "r1")
    ani.wire.cut = True
    ani.submit(Kind.SET, seen, {"status": "coordination"}, {"status": "new"})
    close = ani.submit(Kind.CLOSE, seen, SPAM, {"status": "coordination"})
    at_the_city(city, "r1", Kind.SET, priority=1)
    ani.wire.cut = False
    rest(ani)
    assert states(ani) == {close: EditState.CONFLICT}
    report = city.report("r1")
    assert (report.status, report.priority) == ("coordination", 1)
    (one,) = ani.outbox.open_edits
    assert one.theirs.keys() == {"priority"}
    ani.outbox.choose(close, mine=True)
    rest(ani)
    assert (city.report("r1").status, ani.outbox.open_edits) == ("closed", ()), "he has been asked"


def _unseen(city: City, ani: SteppedConsole, *made: tuple[Kind, dict[str, Any]]) -> list[str]:
    """Ani's steps without a network, while maria changes the status of r1 as well."""
    seen = shown(ani, "r1")
    ani.wire.cut = True
    ids = [ani.submit(kind, seen, data, {"status": "new"} if kind is Kind.SET else {}) for kind, data in made]
    for status in ("coordination", "new"):
        at_the_city(city, "r1", Kind.SET, status=status)
    return ids


def _told(ani: SteppedConsole) -> dict[str, set[str]]:
    return {one.edit.id: set(one.theirs) for one in ani.outbox.open_edits if one.state is EditState.CONFLICT}


@pytest.mark.parametrize("unseen", ["raised", "merged", "sent", "nothing"])
def test_f06_keep_mine_closes_nothing_over_what_its_conflict_did_not_tell(
    ani: SteppedConsole, city: City, unseen: str
) -> None:
    """F06, I3: the answer was about the status; the close that was stopped with it had been seen by nobody to hide a
    P1, another's report or a crew (freshness.py, outbox/submit.py).
    """
    on_it, close = _unseen(city, ani, (Kind.SET, {"status": "coordination"}), (Kind.CLOSE, SPAM | {"release": []}))
    if unseen == "raised":
        at_the_city(city, "r1", Kind.SET, priority=1)
    elif unseen == "merged":
        at_the_city(city, "r3", Kind.MERGE, into="r1")
    elif unseen == "sent":
        at_the_city(city, "r1", Kind.DISPATCH, unit="U1")
    ani.wire.cut = False
    rest(ani)
    assert _told(ani) == {on_it: {"status"}}
    assert states(ani)[close] is EditState.STOPPED
    ani.outbox.choose(on_it, mine=True)
    rest(ani)
    asked = {"raised": {"priority"}, "merged": {"duplicates"}, "sent": {"unit"}}.get(unseen)
    if asked is None:
        assert (city.report("r1").status, ani.outbox.open_edits) == ("closed", ()), (
            "what he has answered is not asked twice"
        )
        return
    ((again, told),) = _told(ani).items()
    assert told == asked
    assert city.report("r1").status != "closed"
    ani.outbox.choose(again, mine=True)
    rest(ani)
    assert (city.report("r1").status, ani.outbox.open_edits) == ("closed", ())


def test_f06_keep_mine_of_a_close_is_asked_about_a_crew_that_it_was_not_shown(ani: SteppedConsole, city: City) -> None:
    """F06, I3: its conflict told of the status and the P1; the crew stayed on the closed report, told to nobody."""
    (close,) = _unseen(city, ani, (Kind.CLOSE, SPAM | {"release": []}))
    at_the_city(city, "r1", Kind.SET, priority=1)
    ani.wire.cut = False
    rest(ani)
    assert _told(ani) == {close: {"status", "priority"}}
    at_the_city(city, "r1", Kind.DISPATCH, unit="U1")  # while the form is open
    ani.outbox.choose(close, mine=True)
    rest(ani)
    ((_, told),) = _told(ani).items()
    assert (told, city.report("r1").status) == ({"unit", "status"}, "assigned")


def test_f06_keep_mine_on_a_closed_report_overwrites_no_field_that_its_conflict_did_not_tell(
    ani: SteppedConsole, city: City
) -> None:
    """F06, I3: it told that maria had closed it; that she had changed the title too was taken as read."""
    seen = shown(ani, "r1")
    ani.wire.cut = True
    title = ani.submit(Kind.SET, seen, {"title": "His"}, {"title": seen.title})
    at_the_city(city, "r1", Kind.SET, title="Hers")
    at_the_city(city, "r1", Kind.CLOSE, **SPAM)
    ani.wire.cut = False
    rest(ani)
    assert _told(ani) == {title: {"status"}}
    ani.outbox.choose(title, mine=True)
    rest(ani)
    ((again, told),) = _told(ani).items()
    assert (told, city.report("r1").title) == ({"title"}, "Hers")
    ani.outbox.choose(again, mine=True)
    rest(ani)
    assert (city.report("r1").title, ani.outbox.open_edits) == ("His", ())


def test_f06_an_order_given_all_the_same_sends_no_second_crew_unseen(ani: SteppedConsole, city: City) -> None:
    """F06, F33: she was told that maria took the report, not that a crew is on its way (freshness.py: check_alone)."""
    seen = shown(ani, "r1")
    ani.wire.cut = True
    take = ani.submit(Kind.CLAIM, seen, {}, {})
    ani.submit(Kind.DISPATCH, seen, {"unit": "U2"}, {})
    at_the_city(city, "r1", Kind.CLAIM)
    at_the_city(city, "r1", Kind.DISPATCH, unit="U1")
    ani.wire.cut = False
    rest(ani)
    assert _told(ani) == {take: {"claim"}}
    assert ani.outbox.give_again(take)
    rest(ani)
    (one,) = ani.outbox.open_edits
    assert (one.edit.kind, one.theirs["unit"]["value"]) == (Kind.DISPATCH, "U1")
    assert [job.unit for job in city.assignments("r1")] == ["U1"]


MARIAS: list[tuple[str, Kind, dict[str, Any]]] = [
    ("r1", Kind.SET, {"priority": 1}),
    ("r1", Kind.SET, {"priority": 4}),
    ("r1", Kind.SET, {"status": "coordination"}),
    ("r1", Kind.SET, {"title": "Hers"}),
    ("r1", Kind.CLAIM, {}),
    ("r1", Kind.DISPATCH, {"unit": "U1"}),
    ("r1", Kind.CLOSE, {"disposition": "not found", "release": ["U1", "U2"]}),
    ("r3", Kind.MERGE, {"into": "r1"}),
]
ANIS: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.SET, {"priority": 3}),
    (Kind.SET, {"priority": 2, "title": "His"}),
    (Kind.SET, {"status": "coordination"}),
    (Kind.CLAIM, {}),
    (Kind.DISPATCH, {"unit": "U2"}),
    (Kind.CLOSE, {"disposition": "spam", "release": ["U2"]}),
    (Kind.REOPEN, {"reason": "again"}),
    (Kind.MERGE, {"into": "r2"}),
]


@pytest.mark.parametrize("seed", range(40))
def test_f06_whatever_is_answered_nothing_takes_effect_over_what_was_not_told(
    ani: SteppedConsole, city: City, seed: int
) -> None:
    """F06, I3: each conflict is answered with "mine", each loss with "all the same"; of what maria did meanwhile and is
    over because of ani he has read all (`since` and `shown` of what is given anew).
    """
    chance = random.Random(seed)
    before, versions = city.report("r1"), {"seen": city.report("r1").version}
    seen = shown(ani, "r1")
    ani.wire.cut = True
    for kind, data in chance.sample(ANIS, chance.randint(1, 4)):
        ani.submit(kind, seen, data, {name: getattr(before, name) for name in data} if kind is Kind.SET else {})
    for key, kind, data in chance.sample(MARIAS, chance.randint(1, 5)):
        try:
            at_the_city(city, key, kind, **data)
        except Refusal:
            continue  # it is closed, or such
    hers = city.report("r1")
    told: set[str] = set()
    ani.wire.cut = False
    for _ in range(12):
        rest(ani)
        for fields in _told(ani).values():
            told |= fields
        stuck = [one.edit.id for one in ani.outbox.open_edits if one.state is EditState.CONFLICT]
        if not stuck:
            break
        if not ani.outbox.give_again(stuck[0]):
            ani.outbox.choose(stuck[0], mine=not is_settled(ani.outbox.open_edit(stuck[0])))  # type: ignore[arg-type]
    else:
        raise AssertionError(f"it is asked again and again: {ani.outbox.open_edits}")
    now = city.report("r1")
    changed = {name for name, at in hers.versions.items() if at > versions["seen"]}
    for name in {"priority", "status", "title"} & changed:
        if getattr(now, name) != getattr(hers, name) and (name != "status" or now.status in ("closed", "coordination")):
            assert name in told, f"{name}: {getattr(hers, name)} became {getattr(now, name)}"
    if now.status == "closed" != hers.status:
        assert "priority" not in changed or hers.priority > 2 or "priority" in told
        assert "duplicates" not in changed or "duplicates" in told
    jobs = {one.unit for one in city.assignments("r1") if one.state is not AssignmentState.RECALLED}
    if jobs == {"U1", "U2"}:
        assert "unit" in told


def test_f06_what_another_said_alike_is_not_taken_back_unseen(ani: SteppedConsole, city: City) -> None:
    """F06: both made it P1; the value was the one that she had seen, and her "P3 again" was merged and sent."""
    ani.submit(Kind.SET, shown(ani, "r1"), {"priority": 1}, {"priority": 3})
    rest(ani)
    seen = shown(ani, "r1")
    at_the_city(city, "r1", Kind.SET, priority=1)
    back = ani.submit(Kind.SET, seen, {"priority": 3}, {"priority": 1})
    rest(ani)
    assert states(ani) == {back: EditState.CONFLICT}
    assert city.report("r1").priority == 1


SPAM, NOT_OURS = {"disposition": "spam"}, {"disposition": "not ours"}


@pytest.mark.parametrize(
    ("mine", "theirs", "asked"),
    [
        ((Kind.CLOSE, NOT_OURS), (Kind.CLOSE, SPAM), {"disposition"}),
        ((Kind.CLOSE, NOT_OURS), (Kind.MERGE, {"into": "r3"}), {"disposition", "merged_into"}),
        ((Kind.MERGE, {"into": "r2"}), (Kind.MERGE, {"into": "r3"}), {"merged_into"}),
        ((Kind.MERGE, {"into": "r2"}), (Kind.CLOSE, SPAM), {"disposition"}),
        ((Kind.MERGE, {"into": "r3"}), (Kind.MERGE, {"into": "r3"}), set()),
        ((Kind.CLOSE, SPAM), (Kind.CLOSE, SPAM), set()),
    ],
)
def test_f06_closed_by_both_with_another_outcome(
    ani: SteppedConsole,
    city: City,
    mine: tuple[Kind, dict[str, Any]],
    theirs: tuple[Kind, dict[str, Any]],
    asked: set[str],
) -> None:
    """F06, I3: the status is the same and the outcome is not: who was first is not overwritten (_outcome_since)."""
    ani.wire.cut = True
    kind, data = mine
    into = shown(ani, data["into"]) if "into" in data else None
    edit = ani.submit(kind, shown(ani, "r1"), data, {"status": "new"}, into=into)
    at_the_city(city, "r1", theirs[0], **theirs[1])
    before = city.report("r1")
    ani.wire.cut = False
    rest(ani)
    after = city.report("r1")
    assert (after.disposition, after.merged_into) == (before.disposition, before.merged_into)
    if not asked:
        assert not ani.outbox.open_edits
        return
    (one,) = ani.outbox.open_edits
    assert (one.state, one.theirs.keys()) == (EditState.CONFLICT, asked)
    assert {value["who"] for value in one.theirs.values()} == {"maria"}
    ani.outbox.choose(edit, mine=True)
    rest(ani)
    after = city.report("r1")
    assert not ani.outbox.open_edits
    assert (after.disposition, after.merged_into) == (data.get("disposition", "duplicate"), data.get("into"))
    assert city.report("r3").duplicates == 0


def test_f07_the_report_was_deleted_meanwhile(ani: SteppedConsole, city: City) -> None:
    """F07: its edits are parked in words, the others go on (attempt.py: Refused)."""
    gone, other = shown(ani, "r1"), shown(ani, "r2")
    city.remove("report", "r1")
    lost = ani.submit(Kind.SET, gone, {"priority": 1}, {"priority": 3})
    note = ani.submit(Kind.NOTE, gone, {"text": "x"}, {})
    fine = ani.submit(Kind.NOTE, other, {"text": "x"}, {})
    rest(ani)
    assert states(ani) == {lost: EditState.ATTENTION, note: EditState.ATTENTION}
    assert all("r1" in one.problem for one in ani.outbox.open_edits)
    assert all(is_deleted(one) and one.by and one.by.at for one in ani.outbox.open_edits)
    assert fine in ani.sent
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)


def test_f07_the_work_is_kept_as_a_new_report(ani: SteppedConsole, city: City) -> None:
    """F07, I1, I2: what was done to it follows the new report, in order, once, and says where it comes from; an order
    is asked about (outbox/submit.py: keep_as_new, rules/recreate.py).
    """
    gone, before = shown(ani, "r1"), city.stats().reports
    ani.wire.cut = True
    first = ani.submit(Kind.SET, gone, {"priority": 1}, {"priority": 3})
    note = ani.submit(Kind.NOTE, gone, {"text": "x"}, {})
    order = ani.submit(Kind.DISPATCH, gone, {"unit": "U1"}, {})
    photo = ani.submit(Kind.PHOTO, gone, {"sha256": "1" * 64, "role": "report", "size": 1}, {})
    step = ani.submit(Kind.PROGRESS, gone, {"unit": "U1", "state": "on_scene"}, {})
    city.remove("report", "r1")
    ani.wire.cut = False
    rest(ani)
    assert states(ani)[first] is EditState.ATTENTION
    create = ani.keep(next(one for one in ani.outbox.open_edits if one.edit.id == first))
    assert not states(ani).keys() & {first, note, order, photo, step}
    rest(ani)
    (asked,) = ani.outbox.open_edits
    assert (asked.edit.kind, asked.edit.data, asked.state) == (Kind.DISPATCH, {"unit": "U1"}, EditState.EXPIRED)
    key = ani.outbox.remote_of(f"local:{create}") or ""
    made = city.report(key)
    assert (made.description, made.service, made.priority, made.lat, made.created) == (
        *(gone.description, gone.service, 1, gone.lat, gone.created),
    )
    history = [(one.kind, one.text) for one in city.entries(key)]
    assert history.count(("photo", "")) == 1
    history.remove(("photo", ""))  # which goes beside all else
    assert history == [("created", ""), ("note", "kept, 1 told"), ("note", "x")]
    assert [one.late for one in city.entries(key)] == [False] * 4
    assert city.stats().reports == before
    ani.outbox.still_wanted(asked.edit.id, yes=True)
    rest(ani)
    assert [one.unit for one in city.assignments(key)] == ["U1"]
    assert not ani.outbox.open_edits
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)


@pytest.mark.parametrize("arrived", [False, True])
@pytest.mark.parametrize("read_first", [False, True])
def test_f38_a_report_without_an_answer_is_sent_by_another_and_is_there_once(
    ani: SteppedConsole, city: City, arrived: bool, read_first: bool
) -> None:
    """F38, I1, I2: its record is read first, or the server says that it is there (server/city/edit_service.py:
    _close_earlier, outbox/submit.py: _adopt_report).
    """
    before = city.stats().reports
    ani.wire.swallow, ani.wire.cut = int(arrived), not arrived
    create = ani.submit(Kind.CREATE, None, {"service": "flood", "description": "To the roof"}, {})
    ani.push()
    assert city.stats().reports == before + arrived
    ani.crash()
    ani.wire.swallow, ani.wire.cut = 0, True
    ani.open()
    ani.sign_in("sari")
    assert ani.outbox.adopt(create, lambda one, _: f"taken down by {one.edit.author}")
    ani.settle()
    ani.wire.cut = False
    if read_first:
        ani.pull()
    ani.outbox.resend_due()
    ani.settle()
    ani.push()
    rest(ani)
    made = [one for one in ani.shown() if one.description == "To the roof"]
    assert len(made) == 1, "once"
    entries = city.entries(made[0].id)
    assert entries[0].author == ("ani" if arrived else "sari")
    assert [one.text for one in entries if one.kind == "note"] == ["taken down by ani"]
    assert not ani.outbox.open_edits
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)


def test_f07_what_is_missing_has_to_be_the_report(ani: SteppedConsole, city: City) -> None:
    """F07: a server may call something else missing that an edit names (send_dispatch.py: _is_deleted)."""
    report = shown(ani, "r1")
    apply = ani.wire._city.apply  # type: ignore[union-attr]

    def refuse(edit: EditBody, **more: Any) -> Any:
        if edit.kind is Kind.DISPATCH:
            raise NotFound("There is no unit U1.")
        return apply(edit, **more)

    with mock.patch.object(city, "apply", refuse):
        ani.submit(Kind.DISPATCH, report, {"unit": "U1"}, {})
        rest(ani)
    (one,) = ani.outbox.open_edits
    assert (one.problem, one.theirs) == ("There is no unit U1.", {})
    assert not ani.outbox.goes_along(one.edit.id)


def test_f07_a_deleted_report_that_a_backup_brings_back(ani: SteppedConsole, city: City, tmp_path: Path) -> None:
    """F07, F22, I2: what waits is sent under its own key, nobody has to do anything (outbox.py: deleted, retry)."""
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "backup.db")
    report = shown(ani, "r1")
    city.remove("report", "r1")
    note = ani.submit(Kind.NOTE, report, {"text": "x"}, {})
    rest(ani)
    assert states(ani) == {note: EditState.ATTENTION}
    backup.restore()
    rest(ani)
    assert not ani.outbox.open_edits
    assert note in ani.sent


POISON = "a\x00b\x1bc \ud83d d\ud800"


def test_f08_what_no_file_can_keep_is_taken_out_at_entry(ani: SteppedConsole, city: City) -> None:
    """F08: typed, saved, sent and shown: the words arrive, NUL and half characters do not (rules/text.py)."""
    report = shown(ani, "r1")
    note = ani.submit(Kind.NOTE, report, {"text": POISON}, {})
    create = ani.submit(Kind.CREATE, None, {"service": "flood", "description": POISON, "address": POISON}, {})
    ani.outbox.save_draft("note", {"text": POISON})
    ani.settle()
    assert {note, create} <= ani.saved.keys()
    ani.crash()
    ani.open()
    assert ani.outbox.draft("note") == {"text": "abc \ufffd d\ufffd"}
    rest(ani)
    assert not ani.outbox.open_edits
    assert next(entry.data["text"] for entry in city.entries("r1") if entry.edit == note) == "abc \ufffd d\ufffd"
    made = city.report(ani.outbox.remote_of(f"local:{create}") or "")
    assert (made.description, made.address) == ("abc \ufffd d\ufffd", "abc \ufffd d\ufffd")
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)


def test_f19_a_commit_that_comes_late_with_an_older_time(live: Live, tmp_path: Path) -> None:
    """F19: a server without a feed is read with five minutes of overlap, each object once (pull_georeport.py)."""
    with rig(tmp_path / "geo", live.url + "/open311/v2", kind="open311", timing=QUICK) as console:
        console.live()
        stamp = datetime.now(UTC) - timedelta(minutes=4)
        template = some_reports(1, stamp)[0]
        same = [msgspec.structs.replace(template, id=f"late{n}", created=stamp, updated=stamp) for n in range(3)]
        live.city.load([LoadedReport(each) for each in same])
        console.wait_until(lambda: {"late0", "late1", "late2"} <= console.cached().keys())
        assert len(console.cached()) == 13


@pytest.mark.parametrize("seed", range(4))
def test_f20_rows_that_come_and_go_while_paging(tmp_path: Path, seed: int) -> None:
    """F20: keyset pages and the feed from the first page's number: 0 missed, 0 doubled (pull_dispatch.py: _fill)."""
    pick, city = random.Random(seed), FakeCity(page=3)
    for number in range(30):
        city.put("report", report(f"{number:02}"))
    changes = [0]

    def stir(kind: str, page: dict[str, Any]) -> dict[str, Any]:
        if kind == "snapshot" and changes[0] < 40:
            for _ in range(3):
                changes[0] += 1
                number = f"{pick.randrange(60):02}"
                if pick.random() < 0.3 and ("report", number) in city.objects:
                    del city.objects["report", number]
                    city.put("gone", {"id": f"report/{number}"})
                else:
                    city.put("report", report(number, description=f"Changed {changes[0]}"))
                    city.objects.pop(("gone", f"report/{number}"), None)
        return page

    city.tamper = stir
    with rig(tmp_path, city.url, timing=QUICK) as console:
        console.live()
        there = {key: data["description"] for (kind, key), (_, data) in city.objects.items() if kind == "report"}
        console.wait_until(lambda: console.cached() == there)
    city.close()
    assert changes[0] >= 20


def test_f21_a_deleted_report_never_comes_back(live: Live, tmp_path: Path) -> None:
    """F21: an old page that is read again does not bring it back (cache/writer.py: gone)."""
    proxy = FaultProxy(live.port)
    with rig(tmp_path / "profile", proxy.url, timing=QUICK) as console:
        console.live()
        at_the_city(live.city, "r1", Kind.MERGE, into="r2")
        live.city.remove("report", "r3")
        assert_same(console, live)
        writer: Any = console.followers._cache_writer
        old = console.reader.report(console.reader.row_of("jkt", "r4"))  # type: ignore[arg-type]
        assert old is not None
        again = PageItem("report", 5, "r3", msgspec.structs.replace(old.report, id="r3"))
        writer.apply("jkt", [again], writer.cursor("jkt"))
        assert "r3" not in console.cached()
        assert_same(console, live)
    proxy.close()


def test_f22_a_server_restored_from_a_backup(ani: SteppedConsole, city: City, tmp_path: Path) -> None:
    """F22: everything is read anew, edits that wait are kept and leave (pull_dispatch.py: epoch)."""
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "backup.db")
    for number in range(5):
        at_the_city(city, "r2", Kind.NOTE, text=f"after the backup {number}")
    rest(ani)
    ani.wire.cut = True
    edit = ani.submit(Kind.SET, shown(ani, "r1"), {"priority": 1}, {"priority": 3})
    note = ani.submit(Kind.NOTE, shown(ani, "r2"), {"text": "waits"}, {})
    ani.sync()
    backup.restore()
    ani.wire.cut = False
    rest(ani)
    assert not ani.outbox.open_edits
    assert {edit, note} <= ani.sent
    assert city.report("r1").priority == 1
    assert [entry.text for entry in city.entries("r2") if entry.text] == ["waits"]
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)


@pytest.mark.parametrize("restored_before", [False, True])
def test_f22_a_version_that_a_restore_took_back_knows_nothing_of_what_came_after(
    ani: SteppedConsole, city: City, tmp_path: Path, restored_before: bool
) -> None:
    """F22, I3: versions that are given out after a restore lie above all lost ones (database.py: begin_epoch)."""
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "backup.db")
    for number in range(5):
        at_the_city(city, "r1", Kind.NOTE, text=f"after the backup {number}")
    if restored_before:
        backup.restore()
        for number in range(5):
            at_the_city(city, "r1", Kind.NOTE, text=f"after the first restore {number}")
    rest(ani)
    ani.wire.cut = True
    edit = ani.submit(Kind.SET, shown(ani, "r1"), {"priority": 1}, {"priority": 3})
    backup.restore()
    at_the_city(city, "r1", Kind.SET, priority=2)
    for number in range(12):  # a version that the report has not reached would be seen to know nothing
        at_the_city(city, "r1", Kind.NOTE, text=f"after the restore {number}")
    base_version = ani.saved[edit].base_version
    assert base_version is not None
    ani.wire.cut = False
    rest(ani)
    assert city.report("r1").priority == 2, "nobody's change is overwritten unseen"
    assert states(ani) == {edit: EditState.CONFLICT}
    assert ani.outbox.open_edits[0].theirs["priority"]["who"] == "maria"
    ani.outbox.choose(edit, mine=True)
    rest(ani)
    assert not ani.outbox.open_edits
    assert city.report("r1").priority == 1


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("crashed", [False, True])
def test_f22_what_was_sent_and_is_lost_is_asked_about(
    ani: SteppedConsole, city: City, tmp_path: Path, crashed: bool, by_hand: bool
) -> None:
    """F22, I1, I2: nobody else knows what a restore took back: it is in the outbox again, nothing leaves by itself,
    one key sends all of it, each once, and what was done to a lost report goes to the new one (bring_back). A file
    that was copied back by hand is known by its number alone, which is lower than what was read of it.
    """
    early = ani.submit(Kind.NOTE, shown(ani, "r1"), {"text": "before the backup"}, {})
    on_deleted = ani.submit(Kind.NOTE, shown(ani, "r4"), {"text": "its report is deleted"}, {})
    rest(ani)
    city.remove("report", "r4")
    rest(ani)
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "backup.db")
    create = ani.submit(Kind.CREATE, None, {"description": "A tree has fallen", "channel": "phone"}, {})
    rest(ani)
    lost_number = ani.outbox.remote_of(ani.saved[create].report or "") or ""
    made = shown(ani, lost_number)
    lost = [
        create,
        ani.submit(Kind.NOTE, shown(ani, "r1"), {"text": "mine"}, {}),
        ani.submit(Kind.SET, shown(ani, "r2"), {"priority": 1}, {"priority": 3}),
        ani.submit(Kind.NOTE, made, {"text": "It is cut up"}, {}),
        ani.submit(Kind.SET, made, {"priority": 2}, {"priority": 3}),
    ]
    at_the_city(city, "r3", Kind.NOTE, text="maria's, which she is asked about herself")
    rest(ani)
    assert not ani.outbox.open_edits
    backup.restore(by_hand=by_hand)
    if crashed:
        ani.pull()
        ani.crash()
        ani.open()
    rest(ani)
    assert {one.edit.id for one in ani.outbox.open_edits} == set(lost)
    assert not {early, on_deleted} & set(lost)
    assert all(is_taken_back(one) for one in ani.outbox.open_edits)
    assert not [entry for key in ("r1", "r2") for entry in city.entries(key) if entry.edit in lost]
    assert ani.outbox.retryable == tuple(lost)
    ani.outbox.retry(*lost)
    rest(ani)
    assert not ani.outbox.open_edits
    assert [entry.text for entry in city.entries("r1") if entry.text] == ["before the backup", "mine"]
    assert city.report("r2").priority == 1
    (kept,) = (one for one in ani.shown() if one.description == "A tree has fallen")
    assert (kept.id == lost_number, kept.priority) == (by_hand, 2)  # an old file gives its numbers out again
    assert [entry.text for entry in city.entries(kept.id) if entry.text] == ["It is cut up"]
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)


def test_f22_what_is_lost_is_asked_about_once(ani: SteppedConsole, city: City, tmp_path: Path) -> None:
    """F22, I2: what was dropped stays so, what a better backup brings back is sent, a later deletion is none of it."""
    backup = Backup(city, tmp_path / "server" / "city.db", tmp_path / "backup.db")
    notes = [ani.submit(Kind.NOTE, shown(ani, f"r{n}"), {"text": "mine"}, {}) for n in (1, 2, 3)]
    rest(ani)
    better = Backup(city, tmp_path / "server" / "city.db", tmp_path / "better.db")
    backup.restore()
    rest(ani)
    assert [one.edit.id for one in ani.outbox.open_edits] == notes
    ani.outbox.withdraw(notes[0])
    ani.outbox.retry(notes[1])
    rest(ani)
    assert [one.edit.id for one in ani.outbox.open_edits] == notes[2:]
    city.remove("report", "r2")
    rest(ani)
    ani.crash()
    ani.open()
    rest(ani)
    assert [one.edit.id for one in ani.outbox.open_edits] == notes[2:], "dropped, and deleted at the server"
    told: list[Any] = []
    ani.outbox.too_late.connect(told.append)
    better.restore()
    rest(ani)
    assert not ani.outbox.open_edits
    assert [one.edit.id for one in told] == notes[:1], "what was dropped is there after all"
    for n in (1, 2, 3):
        assert [entry.text for entry in city.entries(f"r{n}") if entry.text] == ["mine"]


def lose(ani: SteppedConsole, city: City, folder: Path, work: Callable[[Report], object]) -> str:
    """A new report with the work that was done on it while the link was cut; a restore loses the report, and its number
    is another report now.
    """
    backup = Backup(city, folder / "server" / "city.db", folder / "backup.db")

    def call(text: str) -> str:
        created = EditBody(text.replace(" ", "-"), Kind.CREATE, data={"description": text, "channel": "phone"})
        return str(city.apply(created, report=None, actor=MARIA).answer.entry.report)

    key = call("A tree has fallen")
    rest(ani)
    seen = shown(ani, key)
    work(seen)
    ani.wire.cut = True
    time.sleep(max(0.0, 1.1 - (datetime.now(UTC) - seen.created).total_seconds()))
    backup.restore(numbers_again=True)
    assert call("A call for an ambulance") == key
    ani.wire.cut = False
    return key


@pytest.fixture
def lost(ani: SteppedConsole, city: City, tmp_path: Path) -> str:
    """Such a report, with a change and a note that wait."""

    def work(seen: Report) -> None:
        ani.wire.cut = True
        ani.submit(Kind.SET, seen, {"priority": 1}, {"priority": seen.priority})
        ani.submit(Kind.NOTE, seen, {"text": "It is cut up"}, {})

    return lose(ani, city, tmp_path, work)


def test_f22_the_number_of_a_lost_report_is_another_one_now(ani: SteppedConsole, city: City, lost: str) -> None:
    """F22, I2, I3: nothing lands on the other one; it can be kept as a new report (link.py: _look)."""
    before = city.report(lost)
    ani.pull()
    assert [(one.state, one.reason) for one in ani.outbox.open_edits] == [
        (EditState.ATTENTION, StopReason.ANOTHER_REPORT)
    ] * 2
    assert shown(ani, lost) == before, "nor is it shown there"
    rest(ani)
    assert city.report(lost) == before
    at_the_city(city, lost, Kind.NOTE, text="on its way")
    mine = ani.submit(Kind.NOTE, shown(ani, lost), {"text": "for the ambulance"}, {})
    assert mine not in {one.edit.id for one in ani.outbox.goes_along(ani.outbox.open_edits[0].edit.id)}
    ani.keep(ani.outbox.open_edits[0])
    rest(ani)
    assert not ani.outbox.open_edits
    (kept,) = (one for one in ani.shown() if one.description == "A tree has fallen")
    assert (kept.id != lost, kept.priority) == (True, 1)
    assert "It is cut up" in [entry.text for entry in city.entries(kept.id)]
    assert [entry.text for entry in city.entries(lost) if entry.text] == ["on its way", "for the ambulance"]


def push_only(console: SteppedConsole) -> None:
    """What waits leaves before anything is read: the lane of edits may be quicker than the one that reads."""
    console.try_now()
    while console._push.step(console._sender, 0.0):
        console.settle()


def test_f22_what_the_sync_process_holds_says_which_report_is_meant(ani: SteppedConsole, city: City, lost: str) -> None:
    """F22, I3: the server refuses it (server/city/edit_service.py: _check_meant)."""
    before = city.report(lost)
    push_only(ani)
    assert city.report(lost) == before
    assert {one.reason for one in ani.outbox.open_edits} == {StopReason.ANOTHER_REPORT}


def test_f22_the_report_that_a_merge_names_is_another_one_now(ani: SteppedConsole, city: City, tmp_path: Path) -> None:
    """F22, I3: nothing is merged into it, and its number is told (server/city/edit_service.py: _check_meant)."""
    edits: list[str] = []

    def work(seen: Report) -> None:
        ani.wire.cut = True
        edits.append(ani.submit(Kind.MERGE, shown(ani, "r1"), {}, {"status": "new"}, into=seen))

    key, before = lose(ani, city, tmp_path, work), city.report("r1")
    rest(ani)
    (one,) = ani.outbox.open_edits
    assert (one.edit.id, one.state, is_deleted(one)) == (edits[0], EditState.ATTENTION, False)
    assert f"{key}, which this was to be merged into, is another report now" in one.problem
    assert (city.report("r1"), city.report(key).duplicates) == (before, 0)
    assert shown(ani, "r1") == before, "nor is it shown as merged"
    ani.withdraw(one)
    rest(ani)
    assert not ani.outbox.open_edits
    merge = ani.submit(Kind.MERGE, shown(ani, "r1"), {}, {"status": "new"}, into=shown(ani, key))
    rest(ani)
    assert merge in ani.sent
    assert city.report("r1").merged_into == key


@pytest.mark.parametrize("first", [push_only, rest])
def test_f22_an_undo_finds_its_own_deed_or_none(
    ani: SteppedConsole, city: City, tmp_path: Path, first: Callable[[SteppedConsole], None]
) -> None:
    """F22, I3: it names the edit that it undoes by its id; without that edit it is parked (server/city/edit_service.py:
    find_undone_entry).
    """
    undos: list[str] = []

    def work(seen: Report) -> None:
        undone = ani.submit(Kind.SET, seen, {"priority": 1}, {"priority": seen.priority})
        rest(ani)
        assert undone in ani.sent
        ani.wire.cut = True
        undos.append(ani.submit(Kind.SET, seen, {"priority": seen.priority}, {}, undoes=undone))

    key = lose(ani, city, tmp_path, work)
    at_the_city(city, key, Kind.SET, priority=2)
    before = city.report(key)
    first(ani)
    rest(ani)
    undone = ani.outbox.open_edits[0]
    assert (is_taken_back(undone), len(ani.outbox.open_edits)) == (True, 2), "the undone edit itself is lost"
    ani.outbox.retry(undone.edit.id)
    rest(ani)
    assert ani.outbox.open_edits[0].reason is StopReason.ANOTHER_REPORT, "nor is it done to the other report"
    ani.withdraw(ani.outbox.open_edits[0])
    rest(ani)
    (one,) = ani.outbox.open_edits
    assert (one.edit.id, one.state) == (undos[0], EditState.ATTENTION)
    assert one.problem == "What is to be taken back is not in this history."
    assert (city.report(key), shown(ani, key)) == (before, before)


@pytest.mark.parametrize("hours", [-24, 24])
def test_f23_a_clock_that_is_a_day_off(live: Live, tmp_path: Path, hours: int) -> None:
    """F23: order comes from the server's numbers, ages from its clock; nothing dies of it (health.py: server_now)."""
    off = timedelta(hours=hours)
    with rig(tmp_path / "profile", live.url, timing=QUICK, clock=lambda: datetime.now(UTC) + off) as console:
        state = console.live()
        assert abs(state.clock_offset_s + off.total_seconds()) < 3
        order = console.push(Kind.CLAIM, "r1", version=1)
        console.outcome(order, EditState.ACCEPTED)
        console.proved(order)
        at_the_city(live.city, "r2", Kind.SET, priority=1)
        assert_same(console, live)
        fresh = console.wait(SourceState, lambda state: state.as_of is not None)
        assert fresh.as_of is not None
        assert abs(fresh.as_of - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("hours", [24, -24])
def test_f23_a_clock_that_is_set_while_it_runs(live: Live, tmp_path: Path, hours: int) -> None:
    """F23: the next answer measures it anew; orders are sent, and ages stay true (health.py: measured)."""
    off = [timedelta(0)]
    with rig(tmp_path / "profile", live.url, timing=QUICK, clock=lambda: datetime.now(UTC) + off[0]) as console:
        console.live()
        first = console.push(Kind.CLAIM, "r1", version=1)
        console.outcome(first, EditState.ACCEPTED)
        off[0] = timedelta(hours=hours)
        mark = len(console.said)
        at_the_city(live.city, "r2", Kind.SET, priority=1)  # what comes next is an answer, and measures
        state = console.wait(SourceState, lambda each: abs(each.clock_offset_s + hours * 3600) < 3, mark)
        assert (state.state, state.clock_set_s) == ("live", 0), "it was this computer's clock"
        order = console.push(Kind.CLAIM, "r3", version=1)
        console.outcome(order, EditState.ACCEPTED)
        console.proved(order)
        fresh = console.wait(SourceState, lambda each: each.as_of is not None, len(console.said) - 1)
        assert fresh.as_of is not None
        assert abs(fresh.as_of - datetime.now(UTC)) < timedelta(minutes=1)
        assert_same(console, live)


def test_f33_two_consoles_send_a_crew_to_one_report(ani: SteppedConsole, city: City, tmp_path: Path) -> None:
    """F33: one wins, the other hears who sent which crew and when; never two crews (freshness.py: check_alone)."""
    budi = SteppedConsole(tmp_path / "budi", city, "budi")
    budi.sync()
    first = ani.submit(Kind.DISPATCH, shown(ani, "r1"), {"unit": "U1"}, {})
    second = budi.submit(Kind.DISPATCH, shown(budi, "r1"), {"unit": "U2"}, {})
    rest(ani, budi)
    assert first in ani.sent
    (lost,) = budi.outbox.open_edits
    assert (lost.edit.id, lost.state) == (second, EditState.CONFLICT)
    assert (lost.theirs["unit"]["value"], lost.theirs["unit"]["who"]) == ("U1", "ani")
    assert lost.theirs["unit"]["at"]
    assert [one.unit for one in city.assignments("r1")] == ["U1"]
    budi.outbox.choose(second, True)  # he has seen it now, and wants a second crew
    rest(ani, budi)
    assert sorted(one.unit for one in city.assignments("r1")) == ["U1", "U2"]
    for console in (ani, budi):
        assert rows_of_cache(console.reader) == rows_of_database(city.database)
    budi.close()


def test_f33_two_consoles_send_the_same_crew_to_one_report(ani: SteppedConsole, city: City, tmp_path: Path) -> None:
    """F33: it is sent once; the other hears on whose order it drives (rules/engagement.py), nothing is doubled."""
    budi = SteppedConsole(tmp_path / "budi", city, "budi")
    budi.sync()
    first = ani.submit(Kind.DISPATCH, shown(ani, "r1"), {"unit": "U1"}, {})
    second = budi.submit(Kind.DISPATCH, shown(budi, "r1"), {"unit": "U1"}, {})
    on_the_way = budi.submit(Kind.PROGRESS, shown(budi, "r1"), {"unit": "U1", "state": "en_route"}, {})
    rest(ani, budi)
    assert first in ani.sent
    lost = budi.outbox.open_edit(second)
    assert lost is not None
    assert (lost.state, is_in_force(lost)) == (EditState.CONFLICT, True)
    assert lost.theirs["unit"]["who"] == "ani"
    assert sum(entry.kind == Kind.DISPATCH for entry in city.entries("r1")) == 1
    assert [one.edit.id for one in budi.outbox.stopped_with(second)] == [on_the_way]
    assert budi.outbox.give_again(second), "what the crew has said since is true all the same"
    rest(ani, budi)
    assert budi.outbox.open_edits == ()
    assert [(one.unit, one.state) for one in city.assignments("r1")] == [("U1", AssignmentState.EN_ROUTE)]
    assert sum(entry.kind == Kind.DISPATCH for entry in city.entries("r1")) == 1
    for console in (ani, budi):
        assert rows_of_cache(console.reader) == rows_of_database(city.database)
    budi.close()


def test_an_order_that_is_given_during_the_first_fill_is_proved_during_it(
    ani: SteppedConsole, city: City, tmp_path: Path
) -> None:
    """It stood in the outbox, its undo too, until the last history had been read (sync/pull_dispatch.py)."""
    fresh = SteppedConsole(tmp_path / "fresh", city, "budi")
    fresh._puller = fresh.puller(page_rows=2, monotonic=iter(range(1_000_000)).__next__)
    pages: list[tuple[int, bool]] = []
    told: list[str] = []

    def between() -> bool:
        fresh.settle()
        cursor = fresh.reader.cursors().get(CITY)
        pages.append((len(fresh.outbox.open_edits), cursor is not None and cursor.snapshot_key is not None))
        if len(pages) == 4:
            order = ani.submit(Kind.DISPATCH, shown(ani, "r1"), {"unit": "U1"}, {})
            ani.push()
            told.append(fresh.submit(Kind.NOTE, shown(ani, "r2"), {"text": "x"}, {}))
            fresh.push()
            assert order
        return False

    fresh._puller.catch_up(between)
    assert pages[4] == (1, True)
    assert (0, True) in pages[5:], "the server's record has shown it, and the fill goes on"
    fresh.settle()
    assert told[0] in fresh.sent
    assert rows_of_cache(fresh.reader) == rows_of_database(city.database)
    fresh.close()


def test_reports_are_counted_by_who_has_those_too_that_came_since_and_never_less_again(
    city: City, tmp_path: Path
) -> None:
    """Figures stood as if whole while the feed held thousands more, went back to "not loaded", and came otherwise."""
    fresh = SteppedConsole(tmp_path / "fresh", city, "budi")
    now = datetime.now(UTC)
    (one,) = some_reports(1, now)

    def more(first: int, count: int) -> list[LoadedReport]:
        found = [msgspec.structs.replace(one, id=str(first + n)) for n in range(count)]
        return [LoadedReport(each, (Entry(f"x{each.id}", each.id, "note", now, "x"),)) for each in found]

    city.load(more(900, 30))
    fresh._puller = fresh.puller(page_rows=5, monotonic=iter(range(1_000_000)).__next__)
    levels: list[tuple[Loaded, int]] = []

    def between() -> bool:
        if len(levels) == 4:
            city.load(more(700, 40))
        levels.append((fresh.reader.loaded([CITY]), fresh.reader.counts()["reports"]))
        return False

    fresh._puller.catch_up(between)
    assert [level for level, _ in levels] == sorted(level for level, _ in levels), "never less again"
    assert Loaded.WORK in {level for level, _ in levels}
    total = city.stats().reports
    assert {count for level, count in levels if level >= Loaded.REPORTS} <= {total}
    assert fresh.reader.loaded([CITY]) is Loaded.WHOLE
    fresh.close()


def test_f33_one_unit_for_two_reports(ani: SteppedConsole, city: City, tmp_path: Path) -> None:
    """F33: the busy unit's job, who gave it and when (server/city/side_effects.py: _check_can_come)."""
    budi = SteppedConsole(tmp_path / "budi", city, "budi")
    budi.sync()
    ani.submit(Kind.DISPATCH, shown(ani, "r1"), {"unit": "U1"}, {})
    second = budi.submit(Kind.DISPATCH, shown(budi, "r2"), {"unit": "U1"}, {})
    rest(ani, budi)
    (lost,) = budi.outbox.open_edits
    assert (lost.edit.id, lost.state) == (second, EditState.CONFLICT)
    busy = lost.theirs["busy"]
    assert (busy["report"], busy["who"]) == ("r1", "ani")
    assert busy["at"]
    assert not city.assignments("r2")
    budi.close()


def test_f34_three_days_in_the_field(ani: SteppedConsole, city: City) -> None:
    """F34: it converges, every real conflict is listed, and none that is not one."""
    three_days(ani, city, edits=50, changes=1_000)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_f34_three_days_in_the_field_over_http(qtbot: QtBot, live: Live, tmp_path: Path) -> None:
    """F34 as large as it is named, over real connections."""
    ani = SteppedConsole(tmp_path / "ani", live.city, "ani", live.url)
    three_days(ani, live.city, edits=500, changes=10_000)
    ani.close()


def three_days(ani: SteppedConsole, city: City, *, edits: int, changes: int) -> None:
    fresh = some_reports(200, datetime.now(UTC))
    city.load([LoadedReport(msgspec.structs.replace(each, id=f"f{n}")) for n, each in enumerate(fresh)])
    rest(ani)
    pick = random.Random(34)
    ani.wire.cut = True
    ani.pull()
    mine: dict[str, str] = {}
    notes: list[str] = []
    for number in range(edits):
        key = f"f{number % 200}"
        if number % 2 and key not in mine.values():
            edit = ani.submit(Kind.SET, shown(ani, key), {"priority": 1}, {"priority": 3})
            mine[edit] = key
        else:
            notes.append(ani.submit(Kind.NOTE, shown(ani, key), {"text": f"n{number}"}, {}))
    touched: set[str] = set()
    for number in range(changes):
        key = f"f{pick.randrange(200)}"
        if number % 10 == 0 and key not in touched:
            at_the_city(city, key, Kind.SET, priority=pick.choice([2, 4]))
            touched.add(key)
        else:
            at_the_city(city, key, Kind.NOTE, text=f"c{number}")
    ani.wire.cut = False
    began = time.monotonic()
    rest(ani)
    took_s = time.monotonic() - began
    real = {edit for edit, key in mine.items() if key in touched}
    assert {edit for edit, state in states(ani).items() if state is EditState.CONFLICT} == real
    assert set(states(ani)) == real
    assert set(notes) <= ani.sent
    print(
        f"{edits} edits against {changes} changes, {len(real)} conflicts: {took_s:.1f} s, {edits / took_s:.0f} edits/s"
    )
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)


def test_f35_an_edit_while_the_one_before_is_on_its_way(live: Live, tmp_path: Path) -> None:
    """F35: it waits, leaves after it, and the first body is not touched (scheduler.py: _locked)."""
    proxy, let_go = FaultProxy(live.port), threading.Event()
    with rig(tmp_path / "profile", proxy.url, timing=QUICK) as console:
        console.live()
        on_its_way = proxy.when(is_edit, held(let_go), times=1)
        first = console.push(Kind.SET, "r1", version=1, priority=1)
        console.state(first, EditState.SENDING)
        console.wait_until(lambda: on_its_way.hit)
        second = console.push(Kind.SET, "r1", version=1, status="coordination")
        other = console.push(Kind.NOTE, "r2", text="not held")
        console.outcome(other, EditState.ACCEPTED)
        assert second.id not in [asked.headers["idempotency-key"] for _, asked in proxy.requests if is_edit(asked)]
        let_go.set()
        for edit in (first, second):
            console.outcome(edit, EditState.ACCEPTED)
        order = [asked.headers["idempotency-key"] for _, asked in proxy.requests if is_edit(asked)]
        assert order.index(first.id) < order.index(second.id)
        assert order.count(first.id) == order.count(second.id) == 1
        assert_same(console, live)
    proxy.close()


def test_f36_what_was_done_to_a_report_made_offline(ani: SteppedConsole, city: City) -> None:
    """F36: the children wait for their parent only, and bear its number then (outbox/scheduler.py: _addressed)."""
    ani.wire.cut = True
    ani.pull()
    create = ani.submit(Kind.CREATE, None, {"service": "flood", "description": "By telephone", "channel": "phone"}, {})
    key = ani.saved[create].report
    steps: list[tuple[Kind, dict[str, Any]]] = [
        (Kind.NOTE, {"text": "Caller waits"}),
        (Kind.PHOTO, {"sha256": "0" * 64, "role": "report", "size": 1}),
        (Kind.DISPATCH, {"unit": "U1"}),
    ]
    children = [
        ani.outbox.submit(kind, key, source=CITY, data=data, base={}, base_version=None, title="")
        for kind, data in steps
    ]
    other = ani.submit(Kind.NOTE, shown(ani, "r1"), {"text": "x"}, {})
    ani.wire.cut = False
    ani.wire.swallow = 1  # and the answer with its number is lost once
    rest(ani)
    assert not ani.outbox.open_edits, states(ani)
    remote = ani.outbox.remote_of(key or "")
    assert remote is not None
    acted = {entry.edit for entry in city.entries(remote)}
    assert {create, *children} <= acted
    assert other in ani.sent
    assert [one.unit for one in city.assignments(remote)] == ["U1"]
    assert rows_of_cache(ani.reader) == rows_of_database(city.database)


PHOTO = picture(padding=bytes(range(256)) * 10_000)
HASH = hashlib.sha256(PHOTO).hexdigest()


@pytest.mark.parametrize("step", [700_000, pytest.param(9_973, marks=pytest.mark.long)])
def test_f40_a_photo_that_is_cut_anywhere(live: Live, tmp_path: Path, step: int) -> None:
    """F40: text goes first, the upload goes on where it was, one photo is at the server (media.py, dispatch.py)."""
    proxy = FaultProxy(live.port)
    folder = tmp_path / "profile" / "work-media"
    folder.mkdir(parents=True)
    (folder / HASH).write_bytes(PHOTO)
    with rig(tmp_path / "profile", proxy.url, timing=QUICK) as console:
        console.live()
        piece = 1_048_576
        pick = random.Random(40)
        cuts = [0, 1, piece - 1, piece, *range(1, piece, step), *(pick.randrange(piece) for _ in range(3))]
        for size in cuts:  # a cut after the whole piece: the server has it, and its answer is lost
            proxy.when(lambda asked: asked.method == "PUT" and len(asked.body) > 1, cut_body(size), times=1)
        proxy.when(lambda asked: asked.method == "PUT", drop_after, times=2)
        photo = console.push(Kind.PHOTO, "r1", sha256=HASH, role="after", size=len(PHOTO))
        note = console.push(Kind.NOTE, "r1", text="Not held by the photo")
        console.outcome(note, EditState.ACCEPTED, seconds=5)

        def accepted() -> bool:
            console.followers.take(SyncNow())
            done = [each for each in console.said if isinstance(each, Outcome) and each.state is EditState.ACCEPTED]
            return any(each.edit_id == photo.id for each in done)

        console.wait_until(accepted, seconds=60)
        assert all(rule.hit == rule.times for rule in proxy.rules)
        assert (tmp_path / "server" / "media" / HASH).read_bytes() == PHOTO
        assert len([each for each in (tmp_path / "server" / "media").iterdir() if each.is_file()]) == 1
        assert_same(console, live)
    proxy.close()
