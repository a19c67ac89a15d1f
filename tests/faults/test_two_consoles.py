"""Two consoles of mixed roles at one real server, their links cut at random: after any race all of them say the same.

Guards: rules/dependency.py, rules/apply.py, rules/pending.py, outbox/pending_store.py, outbox/scheduler.py.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import to_builtins
from pytestqt.qtbot import QtBot

from api_client.model import (
    AlarmChange,
    AlarmRecord,
    AssignmentState,
    EditBody,
    Kind,
    Limit,
    Report,
    Status,
    Unit,
    UnitState,
)
from console.board.limits import LimitFinder
from console.board.round import Round, play, shown_edits
from console.board.view import View
from console.cache.catalog import read_catalog
from console.rules.alarms import Alarm, is_acknowledged
from console.rules.edit import Edit
from console.rules.filter import Filter
from console.rules.pending import field_value
from console.rules.queued import PENDING, STUCK, EditState, Queued
from console.rules.rights import Rights
from console.rules.status import ENDED_ASSIGNMENT, ORDER, is_open
from tests.helpers.live_server import Live, live_server, some_reports
from tests.helpers.proxy import FaultProxy, drop_after, drop_before, is_edit
from tests.helpers.stepped import CITY, SteppedConsole
from tests.helpers.sync_rig import rows_of_cache, rows_of_database

REPORTS, UNITS = 8, 5
ZONE = ZoneInfo("Asia/Jakarta")
ROLES = [("operator", "operator"), ("operator", "supervisor"), ("validator", "operator")]


class Operator:
    """An operator at a console with a connection of its own; he acts on what his console shows."""

    def __init__(self, folder: Path, live: Live, name: str, chance: random.Random) -> None:
        self.name, self._chance = name, chance
        self.proxy = FaultProxy(live.port)
        self.console = SteppedConsole(folder / name, live.city, name, self.proxy.url, token=f"{name}-token")
        self.done: list[str] = []
        self.undone: set[str] = set()
        self.behind: list[tuple[str, str]] = []
        """(An edit, an earlier one that was on its way then and without which the operator would not have made it.)"""
        self.console.sync()

    def close(self) -> None:
        self.console.close()
        self.proxy.close()

    def view(self) -> View:
        """What queue, tabs and figures show."""
        edits = shown_edits(self.console.outbox.open_edits, self.console.outbox.is_anothers)
        job = Round(None, (), edits, {}, {}, None, Filter(), ZONE, 1, self.name, {CITY: self.name})
        return play(job, self.console.reader, int(datetime.now(UTC).timestamp())).view

    def act(self) -> str:
        """Something to a report, as it is shown here, often several things at a stretch."""
        report = self._chance.choice(self.console.shown())
        for _ in range(self._chance.choice([1, 1, 2, 3])):
            step = self._chance.choice(self._possible_steps(report))
            step(report)
            report = next(one for one in self.console.shown() if one.id == report.id)
        return report.id

    def _possible_steps(self, report: Report) -> list[Callable[[Report], None]]:
        if not is_open(report.status):
            return [self._do(Kind.REOPEN, reason="again"), self._do(Kind.NOTE, text="n"), self._undo]
        unit = f"U{self._chance.randint(1, UNITS)}"
        step = self._chance.choice(["acknowledged", "en_route", "on_scene", "done", "refused"])
        hold = {"reason": "r", "waits_for": "reporter", "until": None} if report.hold is None else None
        steps = [
            self._do(Kind.CLAIM),
            self._do(Kind.CLAIM),
            self._do(Kind.RELEASE),
            self._do(Kind.DISPATCH, unit=unit),
            self._do(Kind.DISPATCH, unit=unit, stack=True),
            self._do(Kind.ASSIGN, unit=unit),
            self._do(Kind.RECALL, unit=unit),
            self._do(Kind.PROGRESS, unit=unit, state=step),
            self._set(priority=self._chance.randint(1, 4)),
            self._set(priority=self._chance.randint(1, 4)),
            self._set(hold=hold),
            self._set(title=f"t{self._chance.randint(1, 3)}"),
            self._do(Kind.NOTE, text="n"),
            self._do(Kind.CLOSE, disposition="dry", release=[unit]),
            self._undo,
            self._undo,
        ]
        if report.status is Status.VALIDATION:
            steps += [self._do(Kind.VALIDATE, accepted=True, disposition="done")] * 5
        return steps

    def _do(self, kind: Kind, **data: Any) -> Callable[[Report], None]:
        return lambda report: self._submit(kind, report, data, {})

    def _set(self, **data: Any) -> Callable[[Report], None]:
        def change(report: Report) -> None:
            base = {name: field_value(report, name) for name in data}
            self._submit(Kind.SET, report, data, base)

        return change

    def _submit(self, kind: Kind, report: Report, data: dict[str, Any], base: dict[str, Any]) -> None:
        before = self.console.outbox.pending_for(CITY, report.id)
        edit_id = self.console.submit(kind, report, data, base)
        self.done.append(edit_id)
        self.behind += [(edit_id, one.id) for one in before if _would_not_without(kind, data, one)]

    def _undo(self, _: Report) -> None:
        """As Ctrl+Z: withdrawn while it has not left, else by its inverse."""
        if not self.done:
            return
        edit_id = self.done.pop()
        self.undone.add(edit_id)
        made = self.console.saved.get(edit_id)
        if self.console.outbox.withdraw(edit_id) or made is None or made.undoes:
            self.console.settle()
            return
        report = next((one for one in self.console.shown() if one.id == made.report), None)
        back = {Kind.CLAIM: Kind.RELEASE, Kind.DISPATCH: Kind.RECALL, Kind.CLOSE: Kind.REOPEN, Kind.SET: Kind.SET}
        if report is not None and made.kind in back:
            data = made.base if made.kind is Kind.SET else {"unit": made.data.get("unit"), "reason": "undone"}
            self.console.submit(back[made.kind], report, data, {}, undoes=edit_id)

    def answer(self) -> None:
        """One of the questions is answered."""
        lost = self.console.outbox.lost
        if not lost:
            return
        one = self._chance.choice(lost)
        if self._chance.random() < 0.5 or not self.console.outbox.give_again(one.edit.id):
            if self._chance.random() < 0.3 and one.state is EditState.CONFLICT:
                self.console.outbox.choose(one.edit.id, mine=True)
            else:
                self.console.outbox.drop_lost(one.edit.id)
        self.console.settle()

    def trouble(self) -> None:
        """The link is cut, or comes back; a request or its answer is lost."""
        match self._chance.randrange(5):
            case 0:
                self.proxy.away()
            case 1:
                self.proxy.when(is_edit, drop_after, times=1)
            case 2:
                self.proxy.when(is_edit, drop_before, times=1)
            case _:
                self.proxy.heal()


def _would_not_without(kind: Kind, data: dict[str, Any], earlier: Edit) -> bool:
    """The plain cases, told here in other words than in the program."""
    if earlier.kind is Kind.CLAIM:
        return kind in (Kind.DISPATCH, Kind.ASSIGN, Kind.RECALL, Kind.RELEASE)
    if earlier.kind is Kind.DISPATCH:
        return kind in (Kind.RECALL, Kind.PROGRESS) and data["unit"] == earlier.data["unit"]
    return earlier.kind is kind is Kind.SET and earlier.data.keys() == data.keys()


def said(one: Queued) -> str:
    return f"{one.edit.kind} {one.edit.data} on {one.edit.report} by {one.edit.author}: {one.state} {one.problem}"


def assert_nothing_pending_rests_on_a_lost_one(operator: Operator) -> None:
    """What is shown can still take effect."""
    for one in operator.console.outbox.open_edits:
        held = operator.console.outbox.held_by(one.edit.id)
        if one.state in PENDING:
            assert held is None or held.state not in STUCK, f"{said(one)} waits behind {said(held)}"
        elif one.state is EditState.STOPPED:
            assert held is not None, f"stopped for no reason: {said(one)}"
            assert held.state in STUCK
    cached = {
        one.report.id: one.report for one in operator.console.reader.reports(operator.console.reader.columns()["row"])
    }
    for report in operator.console.shown():
        claim = cached[report.id].claim
        if claim is not None and claim.who != operator.name:
            assert report.claim in (claim, None), f"{report.id} is {claim.who}'s"


def assert_all_say_the_same(operators: list[Operator], live: Live) -> None:
    """Tabs, figures, units and reports of both consoles are those of the server; nothing waits unsaid."""
    there, stats = rows_of_database(live.city.database), live.count()
    claims = [one.claim for one in there["report"].values() if is_open(one.status)]
    acted = {one.edit for one in there["entry"].values()}
    for operator in operators:
        for later, earlier in operator.behind:
            made = operator.console.saved.get(later)
            assert {later, earlier} & acted != {later} or earlier in operator.undone, (
                f"sent without what it rests on: {made}"
            )
    views = [operator.view() for operator in operators]
    for operator, view in zip(operators, views, strict=True):
        waiting = [
            said(one) for one in operator.console.outbox.open_edits if one.state not in (*STUCK, EditState.STOPPED)
        ]
        assert not waiting, f"{operator.name}: an edit waits while the server is there: {waiting}"
        assert rows_of_cache(operator.console.reader) == there
        assert {one.id: one for one in operator.console.shown()} == there["report"], "shown as done, and is not"
        by_status = dict(zip(ORDER, view.counts.by_status, strict=True))
        assert {str(key): number for key, number in by_status.items() if number} == stats.by_status
        assert view.counts.tabs["mine"] == sum(one is not None and one.who == operator.name for one in claims)
    one, other = ({**view.counts.tabs, "mine": 0} for view in views)
    assert one == other
    for figure in ("unassigned", "crewless_hazards", "at_risk", "overdue", "all_open", "all_closed"):
        assert getattr(views[0].counts, figure) == getattr(views[1].counts, figure), figure
    units = [{unit.id: unit.state for _, unit in operator.console.reader.units()} for operator in operators]
    assert units[0] == units[1]
    at_work = {each.unit for each in there["assignment"].values() if each.state not in _IDLE}
    assert {key for key, state in units[0].items() if state in _BUSY} == at_work


_IDLE = {*ENDED_ASSIGNMENT, AssignmentState.RESERVED}
_BUSY = {UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE}


@contextmanager
def two_operators(folder: Path, roles: tuple[str, str], chance: random.Random) -> Iterator[tuple[list[Operator], Live]]:
    now = datetime.now(UTC)
    users = _users(folder, dict(zip(("ani", "budi"), roles, strict=True)))
    with live_server(folder / "server", some_reports(REPORTS, now), users=users) as live:
        live.city.put_units([Unit(f"U{n}", f"U{n}", UnitState.AVAILABLE, now) for n in range(1, UNITS + 1)])
        operators = [Operator(folder, live, name, chance) for name in ("ani", "budi")]
        try:
            yield operators, live
        finally:
            for operator in operators:
                operator.close()


def _users(folder: Path, roles: dict[str, str]) -> Path:
    hashes = {name: hashlib.sha256(f"{name}-token".encode()).hexdigest() for name in roles}
    users = [{"name": name, "role": role, "token_sha256": hashes[name]} for name, role in roles.items()]
    file = folder / "users.json"
    file.write_text(json.dumps(users))
    return file


def race(folder: Path, roles: tuple[str, str], seed: int, actions: int) -> None:
    """So many actions, and every twenty or so the links are healed and all of it compared."""
    chance = random.Random(seed)
    with two_operators(folder, roles, chance) as (operators, live):
        for number in range(1, actions + 1):
            operator = chance.choice(operators)
            operator.act()
            if chance.random() < 0.3:
                operator.trouble()
            if chance.random() < 0.15:
                operator.answer()
            if chance.random() < 0.5:
                chance.choice(operators).console.sync()
            for each in operators:
                assert_nothing_pending_rests_on_a_lost_one(each)
            if number % 20 == 0 or number == actions:
                settle(operators)
                assert_all_say_the_same(operators, live)


def settle(operators: list[Operator]) -> None:
    for operator in operators:
        operator.proxy.heal()
    for _ in range(40):
        moved = [operator.console.sync() for operator in operators]
        if not any(moved):
            break
    else:
        raise AssertionError("it does not come to rest")
    for operator in operators:
        operator.console.pull()


@pytest.mark.parametrize("roles", ROLES, ids=" and ".join)
def test_two_consoles_and_the_server_agree_after_a_race(qtbot: QtBot, tmp_path: Path, roles: tuple[str, str]) -> None:
    race(tmp_path, roles, seed=ROLES.index(roles), actions=40)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("roles", ROLES, ids=" and ".join)
def test_two_consoles_and_the_server_agree_after_a_thousand_actions(
    qtbot: QtBot, tmp_path: Path, roles: tuple[str, str]
) -> None:
    race(tmp_path, roles, seed=100 + ROLES.index(roles), actions=1000)


def test_a_limit_that_one_acknowledges_is_acknowledged_at_the_other(tmp_path: Path, qtbot: QtBot) -> None:
    """Each finds it for itself: budi when reports were closed and merged meanwhile, whose console was off till then."""

    def passed(operator: Operator) -> tuple[Alarm, AlarmRecord | None]:
        view, cities = operator.view(), read_catalog(operator.console.reader)
        now = datetime.now(UTC)
        (alarm,) = LimitFinder().find(view, cities, {CITY: now}, {CITY: Rights("operator")})
        return alarm, cities.of(CITY).alarms.get(alarm.id)

    with two_operators(tmp_path, ("operator", "operator"), random.Random(1)) as ((ani, budi), live):
        live.city.put_limits([Limit("rain", "Flood spreads", "cat=flood", REPORTS - 4, 60, 2)])
        ani.console.sync()
        alarm, record = passed(ani)
        assert (alarm.title, alarm.count, record) == ("Flood spreads", REPORTS, None)
        change = AlarmChange((alarm.stands,), acknowledged=True)
        ani.console.submit(Kind.ALARM, None, to_builtins(change), {})
        ani.console.sync()
        live.city.apply(EditBody("close-the-first", Kind.CLOSE, data={"disposition": "dry"}), report="r8")
        live.city.apply(EditBody("merge-the-second", Kind.MERGE, data={"into": "r6"}), report="r7")
        budi.console.sync()
        alarm, record = passed(budi)
        assert alarm.count == REPORTS - 1
        assert record is not None
        assert is_acknowledged(alarm, record, datetime.now(UTC))
