"""I1 to I5 and I7 under any order of work, faults, crashes, deletions and restores that Hypothesis can think of."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytestqt.qtbot import QtBot

from api_client.decoding import decode
from api_client.model import EditBody, Entry, Kind, Report, Service, Status, Unit, UnitState
from console.rules.divert import left_in, step_id
from console.rules.edit import LEAVES
from console.rules.queued import EditState, is_deleted
from console.rules.report import HAZARD
from console.rules.status import RULES
from console.server.city import schema
from console.server.city.city import City
from console.server.city.records import Actor, LoadedReport
from console.server.errors import Refusal
from tests.helpers.stepped import CITY, STUCK, Backup, SteppedConsole
from tests.helpers.sync_rig import rows_of_cache, rows_of_database

REPORTS, UNITS = 3, 2
WHO = st.integers(0, 1)
NTH = st.integers(0, 50)
MAY_BECOME = {rule.status: sorted(rule.may_become) for rule in RULES}
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
OTHER = Actor("maria", "supervisor")


class Shift(RuleBasedStateMachine):
    """Two consoles and one city."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sigap-machine-", dir=IN_MEMORY))
        shutil.copytree(template(), self.folder, dirs_exist_ok=True)
        file = self.folder / "city.db"
        self.city = City(f"sqlite:///{file}", name="Testville")
        self.file = file
        self.backup: Backup | None = None
        self.set_back: set[str] = set()  # took effect, and a restore took it back
        self.deleted: set[str] = set()  # took effect, and went with its report
        self.overwritten: list[str] = []
        self.elsewhere: list[str] = []
        self.mains: dict[str, str] = {}  # a merge -> the text of the report that it names
        self.texts = 0
        self.consoles = [SteppedConsole(self.folder / name, self.city, name) for name in ("ani", "budi")]
        for console in self.consoles:
            console.wire.on_applied = lambda edit, report, console=console: self.watch(console, edit, report)
            console.sync()

    def teardown(self) -> None:
        try:
            self.quiet()
            kept = [self.keep(console) for console in self.consoles]
            if any(kept):
                self.quiet()
            if any(console.outbox.retryable for console in self.consoles):
                for who, _ in enumerate(self.consoles):
                    self.send_again(who)
                self.quiet()
        finally:
            for console in self.consoles:
                console.close()
            self.city.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    # Work

    def shown(self, console: SteppedConsole, nth: int) -> Report | None:
        shown = console.shown()
        return shown[nth % len(shown)] if shown else None

    def text(self) -> str:
        self.texts += 1
        return f"text {self.texts}"

    def call(self) -> dict[str, Any]:
        """What a citizen says on the telephone, each in another second: cities do not tell apart what is nearer."""
        text = self.text()
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.texts)
        return {"service": "flood", "description": text, "channel": "phone", "created": at.isoformat()}

    @rule(who=WHO, nth=NTH, priority=st.integers(1, 4))
    def set_priority(self, who: int, nth: int, priority: int) -> None:
        if report := self.shown(self.consoles[who], nth):
            data = {"priority": priority}
            self.consoles[who].submit(Kind.SET, report, data, {"priority": report.priority})

    @rule(who=WHO, nth=NTH, pick=NTH)
    def set_status(self, who: int, nth: int, pick: int) -> None:
        report = self.shown(self.consoles[who], nth)
        if report is not None and (choice := MAY_BECOME[report.status]):
            data = {"status": str(choice[pick % len(choice)]), "reason": "x"}
            self.consoles[who].submit(Kind.SET, report, data, {"status": str(report.status)})

    @rule(who=WHO, nth=NTH)
    def note(self, who: int, nth: int) -> None:
        if report := self.shown(self.consoles[who], nth):
            self.consoles[who].submit(Kind.NOTE, report, {"text": self.text()}, {})

    @rule(who=WHO, nth=NTH)
    def photo(self, who: int, nth: int) -> None:
        if report := self.shown(self.consoles[who], nth):
            data = {"sha256": f"{self.texts:064x}", "role": "after", "size": 1}
            self.texts += 1
            self.consoles[who].submit(Kind.PHOTO, report, data, {})

    @rule(who=WHO, nth=NTH, kind=st.sampled_from([Kind.CLAIM, Kind.RELEASE]))
    def claim(self, who: int, nth: int, kind: Kind) -> None:
        if report := self.shown(self.consoles[who], nth):
            self.consoles[who].submit(kind, report, {}, {})

    @rule(who=WHO, nth=NTH, unit=st.integers(1, UNITS))
    def dispatch(self, who: int, nth: int, unit: int) -> None:
        if report := self.shown(self.consoles[who], nth):
            self.consoles[who].submit(Kind.DISPATCH, report, {"unit": f"U{unit}"}, {})

    @rule(who=WHO, nth=NTH, other=NTH, unit=st.integers(1, UNITS), begun=st.booleans(), undone=st.booleans())
    def divert(self, who: int, nth: int, other: int, unit: int, begun: bool, undone: bool) -> None:
        """A unit that perhaps works on a report leaves it for another, and perhaps goes back."""
        console, crew = self.consoles[who], {"unit": f"U{unit}"}
        report, left = self.shown(console, nth), self.shown(console, other)
        if report is None or left is None or report.id == left.id:
            return
        if begun:
            console.submit(Kind.DISPATCH, left, crew, {})
            console.submit(Kind.PROGRESS, left, crew | {"state": "on_scene"}, {})
        if report.priority != HAZARD:  # for nothing else a unit leaves its work
            console.submit(Kind.SET, report, {"priority": HAZARD}, {"priority": report.priority})
        edit_id = console.submit(Kind.DISPATCH, report, crew | {LEAVES: [left.id]}, {})
        if undone:
            console.submit(Kind.RECALL, report, crew, {}, undoes=edit_id)

    @rule(who=WHO, nth=NTH)
    def close_report(self, who: int, nth: int) -> None:
        if report := self.shown(self.consoles[who], nth):
            data = {"disposition": "not found", "reason": "Dry", "release": []}
            self.consoles[who].submit(Kind.CLOSE, report, data, {"status": str(report.status)})

    @rule(who=WHO, nth=NTH, other=NTH)
    def merge(self, who: int, nth: int, other: int) -> None:
        report, main = self.shown(self.consoles[who], nth), self.shown(self.consoles[who], other)
        if report is not None and main is not None and report.id != main.id:
            edit_id = self.consoles[who].submit(Kind.MERGE, report, {}, {"status": str(report.status)}, into=main)
            self.mains[edit_id] = main.description

    @rule(who=WHO, follow=st.booleans())
    def create(self, who: int, follow: bool) -> None:
        console = self.consoles[who]
        data = self.call()
        edit_id = console.submit(Kind.CREATE, None, data, {})
        if follow and edit_id in console.saved:
            key = console.saved[edit_id].report
            console.outbox.submit(
                Kind.NOTE,
                key,
                source=CITY,
                data={"text": self.text()},
                base={},
                base_version=None,
                title="",
                about={"description": data["description"], "created": data["created"]},
            )
            console.settle()

    @rule(who=WHO)
    def withdraw(self, who: int) -> None:
        if outbox := self.consoles[who].outbox.open_edits:
            self.consoles[who].withdraw(outbox[-1])

    @rule(who=WHO, mine=st.booleans())
    def settle_conflict(self, who: int, mine: bool) -> None:
        console = self.consoles[who]
        before = {one.edit.id for one in console.outbox.open_edits}
        stuck = [one for one in console.outbox.open_edits if one.state is EditState.CONFLICT]
        if stuck:
            console.outbox.choose(stuck[0].edit.id, mine)
            # What was stopped with it is dropped, or made anew, with it.
            console.withdrawn |= before - {one.edit.id for one in console.outbox.open_edits}
            console.settle()

    @rule(who=WHO, nth=NTH, crash=st.booleans())
    def keep_as_new(self, who: int, nth: int, crash: bool) -> None:
        """Of a report that was deleted: all that was done to it goes on as a new report, once."""
        self.consoles[who].sync()
        self.keep(self.consoles[who], nth, crash=crash)

    @rule(who=WHO)
    def send_again(self, who: int) -> None:
        """What the city had taken and lost when it was set back."""
        console = self.consoles[who]
        console.outbox.retry(*console.outbox.retryable)
        console.settle()

    @rule(who=WHO, crash=st.booleans())
    def take_over(self, who: int, crash: bool) -> None:
        """Whoever sits there now sends what others took down there, once, and goes again."""
        self.consoles[who].take_over("sari", crash=crash)

    # Faults

    @rule(who=WHO)
    def offline(self, who: int) -> None:
        self.consoles[who].wire.cut = True
        self.consoles[who].pull()

    @rule(who=WHO)
    def online(self, who: int) -> None:
        self.consoles[who].wire.cut = False

    @rule(who=WHO, count=st.integers(1, 3))
    def lose_answers(self, who: int, count: int) -> None:
        self.consoles[who].wire.swallow = count

    @rule(who=WHO)
    def crash(self, who: int) -> None:
        self.consoles[who].crash()
        self.consoles[who].open()

    @rule(who=WHO)
    def synchronise(self, who: int) -> None:
        self.consoles[who].sync()

    # The city

    def at_the_city(self, kind: Kind, report: str, data: dict[str, Any]) -> None:
        edit = EditBody(id=f"maria-{self.text()}".replace(" ", "-"), kind=kind, data=data)
        with contextlib.suppress(Refusal):  # the rules may forbid it in this state
            self.city.apply(edit, report=report, actor=OTHER)

    @rule(nth=st.integers(1, REPORTS), priority=st.integers(1, 4))
    def city_sets(self, nth: int, priority: int) -> None:
        self.at_the_city(Kind.SET, f"r{nth}", {"priority": priority})

    @rule(nth=st.integers(1, REPORTS))
    def city_notes(self, nth: int) -> None:
        self.at_the_city(Kind.NOTE, f"r{nth}", {"text": self.text()})

    @rule(nth=st.integers(1, REPORTS), into=st.integers(1, REPORTS))
    def city_merges(self, nth: int, into: int) -> None:
        self.at_the_city(Kind.MERGE, f"r{nth}", {"into": f"r{into}"})

    @rule(nth=st.integers(1, REPORTS))
    def city_deletes(self, nth: int) -> None:
        self.deleted |= self.acted_on(f"r{nth}")
        with contextlib.suppress(Refusal):  # it may be gone already
            self.city.remove("report", f"r{nth}")

    @rule()
    def scope_changes(self) -> None:
        with self.city.database.write() as connection:
            number = int(
                connection.execute(
                    sa.select(schema.meta.c.value).where(schema.meta.c.key == "scope_version")
                ).scalar_one()
            )
            connection.execute(
                sa.update(schema.meta).where(schema.meta.c.key == "scope_version").values(value=str(number + 1))
            )

    @rule()
    def back_up(self) -> None:
        self.backup = Backup(self.city, self.file, self.folder / "backup.db")

    @precondition(lambda self: self.backup is not None)
    @rule(numbers_again=st.booleans())
    def restore(self, numbers_again: bool) -> None:
        before = self.acted()
        assert self.backup is not None
        self.backup.restore(numbers_again=numbers_again)
        self.set_back |= before.keys() - self.acted().keys()

    def phones(self) -> str:
        data = self.call()
        text = str(data["description"])
        self.city.apply(EditBody(text.replace(" ", "-"), Kind.CREATE, data=data), actor=OTHER)
        return text

    @rule(who=WHO, calls=st.integers(1, 2))
    def a_report_is_lost(self, who: int, calls: int) -> None:
        """One that an operator has seen and works on offline; the next calls may get its number."""
        console = self.consoles[who]
        backup = Backup(self.city, self.file, self.folder / "night.db")
        text = self.phones()
        console.sync()
        console.wire.cut = True
        for seen in console.shown():
            if seen.description == text:
                console.submit(Kind.NOTE, seen, {"text": self.text()}, {})
        before = self.acted()
        backup.restore(numbers_again=True)
        self.set_back |= before.keys() - self.acted().keys()
        for _ in range(calls):
            self.phones()

    @rule(who=WHO, offline=st.booleans(), pushed=st.booleans(), numbers_again=st.booleans())
    def a_creation_is_lost(self, who: int, offline: bool, pushed: bool, numbers_again: bool) -> None:
        """A report that an operator has created, on which more work waits; perhaps it is sent before all is read."""
        console = self.consoles[who]
        backup = Backup(self.city, self.file, self.folder / "night.db")
        console.wire.cut = False
        text = self.call_in(console)
        console.sync()
        console.sync()
        made = [seen for seen in console.shown() if seen.description == text]
        console.wire.cut = True
        for seen in made:
            console.submit(Kind.NOTE, seen, {"text": self.text()}, {})
            console.submit(Kind.SET, seen, {"priority": 1}, {"priority": seen.priority})
        before = self.acted()
        backup.restore(numbers_again=numbers_again)
        self.set_back |= before.keys() - self.acted().keys()
        if numbers_again:
            self.phones()
        console.wire.cut = offline
        if pushed:
            console.push()

    def call_in(self, console: SteppedConsole) -> str:
        data = self.call()
        console.submit(Kind.CREATE, None, data, {})
        return str(data["description"])

    def keep(self, console: SteppedConsole, nth: int = 0, *, crash: bool = False) -> bool:
        """Keep a report that was deleted, when an edit of one is there."""
        deleted = [one for one in console.outbox.open_edits if is_deleted(one)]
        if deleted:
            console.keep(deleted[nth % len(deleted)], crash=crash)
        return bool(deleted)

    # What must hold

    def watch(self, console: SteppedConsole, edit: EditBody, report: str | None) -> None:
        """I3: the value that the edit replaced is the one its operator saw, or the one he wants, or his own.

        And the report is the one that he saw.
        """
        seen = console.saved.get(edit.id)
        if report is not None and seen is not None and (about := seen.about.get("description")) is not None:
            there = self.city.report(report).description
            if there != about:
                self.elsewhere.append(f"{seen} landed on {report}, {there}")
        if (main := self.mains.get(edit.id)) is not None:
            there = self.city.report(edit.data["into"]).description
            if there != main:
                self.elsewhere.append(f"{seen} merged into {there}")
        if edit.kind is not Kind.SET or report is None or seen is None:
            return
        table = schema.entries
        with self.city.database.read() as connection:
            rows = connection.execute(
                sa.select(table.c.body)
                .where(table.c.report == report, table.c.version > (seen.base_version or 1))
                .order_by(table.c.version)
            )
            since = [entry for (body,) in rows if (entry := msgspec.json.decode(body, type=Entry)).edit != edit.id]
        in_force: dict[str, Entry] = {}
        for entry in since:
            if entry.kind == Kind.SET:
                in_force |= dict.fromkeys(entry.data, entry)
            elif entry.author == console.name:
                in_force.pop("status", None)  # his own merge or close, made before, is what he saw
            elif "status" in entry.data:
                in_force["status"] = entry  # somebody's merge or close
        for name in in_force.keys() & seen.data.keys() - {"reason"}:
            entry = in_force[name]
            if entry.author != console.name and entry.data[name] not in (seen.data[name], seen.base[name]):
                self.overwritten.append(f"{seen} did not know of {entry}")

    @invariant()
    def no_answer_is_believed_that_was_not_given(self) -> None:
        """I7: what an operator was told is sent stands in the server's history, unless a restore took it back."""
        acted = self.acted()
        for console in self.consoles:
            assert console.sent <= acted.keys() | self.set_back | self.deleted, "called sent, and the server has it not"

    def acted(self) -> dict[str, int]:
        with self.city.database.read() as connection:
            rows = connection.execute(sa.select(schema.entries.c.edit).where(schema.entries.c.edit.is_not(None)))
            found: dict[str, int] = {}
            for (edit,) in rows:
                found[edit] = found.get(edit, 0) + 1
            return found

    def half_done(self, acted: dict[str, int]) -> set[str]:
        """The diverts of which the one half stands in the history of a report, and the other not in that of another
        report that is there still.
        """
        with self.city.database.read() as connection:
            entries = [decode(body, Entry) for body in connection.scalars(sa.select(schema.entries.c.body))]
            reports = set(connection.scalars(sa.select(schema.TABLES["report"].c.id)))
        left = {
            step_id(one.edit or "", key)
            for one in entries
            for key in (left_in(one.data) if one.kind == Kind.DISPATCH else ())
            if key in reports
        }
        steps = {edit for edit in acted if " " in edit}
        alone = {edit for edit in steps if edit.partition(" ")[0] not in acted.keys() | self.deleted}
        return (left - steps) | alone

    def acted_on(self, report: str) -> set[str]:
        with self.city.database.read() as connection:
            table = schema.entries
            rows = connection.execute(
                sa.select(table.c.edit).where(table.c.report == report, table.c.edit.is_not(None))
            )
            return {row.edit for row in rows}

    def sync_for_each(self, console: SteppedConsole) -> bool:
        """One round for each whose edits wait there, the console's own operator last; whether anything happened."""
        away = {one.edit.author for one in console.outbox.open_edits} - {console.name}
        moved = False
        for name in (*sorted(away), *([console.name] if away else [])):
            console.sign_in(name)
            moved |= console.sync()
        return moved or console.sync()

    def quiet(self) -> None:
        """Everybody online until nothing moves; then I1, I2, I5 and that no queue stands still unsaid (I4)."""
        for console in self.consoles:
            console.wire.cut, console.wire.swallow = False, 0
            console.waited_s += 3600  # a server that was set back again and again is read anew every two minutes only
        for _ in range(30):
            moved = [self.sync_for_each(console) for console in self.consoles]
            if not any(moved):
                break
        else:
            raise AssertionError("it does not come to rest")
        for console in self.consoles:
            console.pull()
        acted = self.acted()
        assert not self.overwritten, "somebody's change was overwritten unseen"
        assert not self.elsewhere, "work for one report was done to another"
        assert all(count == 1 for count in acted.values()), "an edit acted twice"
        assert not self.half_done(acted), "a unit was sent and not called away, or called away and not sent"
        there = rows_of_database(self.city.database)
        new = [one.description for one in there["report"].values() if one.description.startswith("text ")]
        assert len(new) == len(set(new)), "a report was made twice"
        for console in self.consoles:
            outbox = {one.edit.id: one for one in console.outbox.open_edits}
            gone = console.withdrawn | console.kept() | self.deleted
            lost = console.saved.keys() - gone - acted.keys() - outbox.keys()
            assert not lost, f"lost: {[console.saved[each] for each in lost]}"
            stuck = {one.edit.report for one in outbox.values() if one.state in STUCK}
            for one in outbox.values():
                if one.state is EditState.STOPPED:
                    cause = console.outbox.held_by(one.edit.id)
                    answerable = cause is not None and cause.state in STUCK
                    assert answerable, f"stopped with nothing that is asked about: {one}"
                    continue
                if is_deleted(one):
                    assert console.outbox.goes_along(one.edit.id), f"offered to be kept, and cannot be: {one}"
                said = one.state in STUCK or one.edit.report in stuck
                assert said or one.edit.id in self.set_back | self.deleted, f"waits for nothing: {one}"
            assert rows_of_cache(console.reader) == there, "cache and server differ"
            search = console._cache_writer._writer._connection
            search.execute("INSERT INTO fts (fts, rank) VALUES ('integrity-check', 1)")  # raises when it does not fit


_TEMPLATE: list[Path] = []


def template() -> Path:
    """A city and two consoles that have read it, made once."""
    if not _TEMPLATE:
        folder = Path(tempfile.mkdtemp(prefix="sigap-machine-", dir=IN_MEMORY))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        city = City(f"sqlite:///{folder / 'city.db'}", name="Testville")
        city.create_schema()
        now = datetime.now(UTC)
        city.put_services([Service("flood", "Flood", proof=False)])
        city.put_units([Unit(f"U{n}", f"U{n}", UnitState.AVAILABLE, now) for n in range(1, UNITS + 1)])
        reports = [
            Report(f"r{n}", 1, Status.NEW, "flood", 3, f"Water {n}", now, now, lat=-6.2, lon=106.8)
            for n in range(1, REPORTS + 1)
        ]
        city.load([LoadedReport(each) for each in reports])
        for name in ("ani", "budi"):
            console = SteppedConsole(folder / name, city, name)
            console.sync()
            console.close()
        city.close()
        _TEMPLATE.append(folder)
    return _TEMPLATE[0]


def run_shifts(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Shift,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(900)  # it works all the time: a minute, or five on a computer that does other things too
def test_any_shift_ends_well(qtbot: QtBot) -> None:
    """F01, F06, F07 (kept as a new report too), F21, F22, F35, F36, F38 in any mixture."""
    run_shifts(120, 12)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_any_of_ten_thousand_shifts_ends_well(qtbot: QtBot) -> None:
    run_shifts(10_000, 30)
