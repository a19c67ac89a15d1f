"""What the storyteller of the demo city plays is what a server makes of the same edits, for each kind of history."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from api_client.model import (
    Agency,
    Area,
    Assignment,
    Calendar,
    EditBody,
    Entry,
    Kind,
    Limit,
    PhotoRole,
    Report,
    RunCard,
    Service,
    Status,
    Template,
    Unit,
    UnitState,
)
from console.rules.area import AreaIndex
from console.rules.rights import CITIZEN
from console.server.city.city import City
from console.server.city.public_replies import PUBLIC
from console.server.city.records import Actor, LoadedReport
from console.server.demo import fill
from console.server.demo.areas import ZONE, read_wards
from console.server.demo.drafts import Draftsman
from console.server.demo.facts import demo_facts
from console.server.demo.pictures import Album
from console.server.demo.stories import VALIDATORS, Storyteller
from console.server.demo.units import make_units

NOW = datetime(2026, 1, 20, 7, 7, 31, tzinfo=UTC)
_NOT_ALIKE = {"id", "merged_into", "photos", "versions", "clocks"}
"""Numbers and photos are compared beside. What is loaded has no versions of fields, and is given its clocks then."""
_OF_EACH = 9
"""So many histories of each kind are played again."""


class Told:
    """A city that keeps what the demo puts into it, as it was told."""

    def __init__(self) -> None:
        self.rows: list[LoadedReport] = []
        self.units: list[Unit] = []

    def put_areas(self, areas: list[Area]) -> None: ...

    def put_services(self, services: list[Service]) -> None: ...

    def put_agencies(self, agencies: list[Agency]) -> None: ...

    def put_templates(self, templates: list[Template]) -> None: ...

    def put_limits(self, limits: list[Limit]) -> None: ...

    def put_run_cards(self, cards: list[RunCard]) -> None: ...

    def put_calendars(self, calendars: list[Calendar]) -> None: ...

    def put_units(self, units: list[Unit]) -> None:
        self.units = units

    def load(self, rows: Iterable[LoadedReport]) -> None:
        self.rows.extend(rows)


class Server:
    """A real city in which the histories are played again, by its own clock, each by crews of its own."""

    def __init__(self, folder: Path, units: list[Unit]) -> None:
        self._now = NOW
        self._units = {unit.id: unit for unit in units}
        self._codes = {unit.code for unit in units}
        self._keys: dict[str, str] = {}
        self.city = City(f"sqlite:///{folder / 'city.db'}", clock=lambda: self._now, name="Jakarta")
        self.city.create_schema()
        facts = demo_facts()
        self.city.put_agencies(list(facts.agencies))
        self.city.put_services(list(facts.services))
        self.city.put_areas(list(facts.areas))

    def play(self, rows: Iterable[LoadedReport]) -> None:
        """Do all that is told in these histories, in its order."""
        told = [entry for row in rows for entry in row.entries]
        crews = {(entry.report, entry.unit) for entry in told if entry.unit is not None}
        self.city.put_units([
            replace(self._units[unit], id=self._crew(unit, key), state=UnitState.AVAILABLE)
            for key, unit in crews
            if unit is not None and key is not None
        ])  # fmt: skip
        for entry in sorted(told, key=lambda entry: entry.at):
            self._do(entry)

    def report(self, key: str) -> Report:
        return self.city.report(self._keys[key])

    def jobs(self, key: str) -> list[Assignment]:
        return [replace(job, id="", report=key, edit=None) for job in self.city.assignments(self._keys[key])]

    def entries(self, key: str) -> list[Entry]:
        """Without what everybody may read of a reply: of a loaded one nobody has settled that."""
        return [
            replace(entry, id="", report=key, edit=None, occurred_at=None, data=data)
            for entry in self.city.entries(self._keys[key])
            for data in [{name: value for name, value in entry.data.items() if name != PUBLIC}]
        ]

    def job_here(self, job: Assignment) -> Assignment:
        """A job of a history as it is here, but for its id."""
        return replace(job, id="", unit=self._crew(job.unit, job.report))

    def entry_here(self, entry: Entry) -> Entry:
        """An entry of a history as it is here, with this city's numbers and crews, but for its id."""
        assert entry.report is not None
        data = dict(entry.data)
        if "unit" in data:
            data["unit"] = self._crew(data["unit"], entry.report)
        if "into" in data:
            data["into"] = self._keys[data["into"]]
        return replace(entry, id="", data=data, unit=self._crew(entry.unit, entry.report) if entry.unit else None)

    def _crew(self, unit: str, key: str) -> str:
        return f"{unit}-{key}"

    def _do(self, entry: Entry) -> None:
        assert entry.report is not None
        self._now = entry.at
        kind = Kind.CREATE if entry.kind == "created" else Kind(entry.kind)
        data = self.entry_here(entry).data
        if kind is not Kind.SET:
            data.pop("status", None)
        role = "validator" if entry.author in VALIDATORS else "field" if entry.author in self._codes else "operator"
        actor = Actor(entry.author, CITIZEN if entry.author == CITIZEN else role)
        edit = EditBody(f"again-{entry.id}", kind, data=data)
        answer = self.city.apply(edit, report=self._keys.get(entry.report), actor=actor).answer
        assert answer.report is not None
        self._keys[entry.report] = answer.report.id


@pytest.fixture(scope="module")
def told() -> Told:
    there = Told()
    fill(there, reports=4_000, seed=5, now=NOW, days=13)  # of what is older not every step is kept
    return there


@pytest.fixture
def server(told: Told, tmp_path: Path) -> Iterator[Server]:
    there = Server(tmp_path, told.units)
    yield there
    there.city.close()


def course(row: LoadedReport) -> tuple[object, ...]:
    """What kind of history it is: what was done, by whom, with what outcome, however long it took."""
    return tuple(
        (one.kind, *map(one.data.get, ("state", "status", "role")), "hold" in one.data, one.unit is None)
        for one in row.entries
    )


def families(rows: Iterable[LoadedReport]) -> list[list[LoadedReport]]:
    """Each report with all that were merged into it."""
    found: dict[str, list[LoadedReport]] = defaultdict(list)
    for row in rows:
        found[row.report.merged_into or row.report.id].append(row)
    return list(found.values())


def test_each_kind_of_history_is_what_a_server_makes_of_its_edits(told: Told, server: Server) -> None:
    chosen: list[list[LoadedReport]] = []
    seen = Counter[tuple[object, ...]]()
    for family in families(told.rows):
        courses = [course(row) for row in family]
        if any(seen[one] < _OF_EACH for one in courses):
            chosen.append(family)
            seen.update(courses)
    assert set(seen) == {course(row) for row in told.rows}
    played = [row for family in chosen for row in family]
    assert len(played) > 250
    assert {row.report.status for row in played} == set(Status)
    assert {entry.kind for row in played for entry in row.entries} == {
        "created", "photo", "set", "note", "reply", "claim", "assign", "dispatch", "release", "progress", "validate",
        "close", "merge",
    }  # fmt: skip
    for family in chosen:
        server.play(family)
    for row in played:
        key = row.report.id
        there = server.report(key)
        proofs = tuple(photo for photo in row.report.photos if photo.role is PhotoRole.AFTER)
        assert there.photos == proofs, "those of the reporter came with the report"
        for name in Report.__struct_fields__:
            if name not in _NOT_ALIKE:
                assert getattr(row.report, name) == getattr(there, name), (key, name)
        assert (row.report.merged_into is None) == (there.merged_into is None), key
        assert [server.job_here(job) for job in row.assignments] == server.jobs(key), key
        assert [server.entry_here(one) for one in row.entries] == server.entries(key), key


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_story_ends_where_its_draft_says(seed: int) -> None:
    """At any hour, for whatever is drawn: no step of it is one that the rule does not allow."""
    now = NOW + timedelta(hours=7 * seed)
    chance = random.Random(seed)
    wards, areas = read_wards(), demo_facts().areas
    drafts = Draftsman(wards, chance, now, ZONE).write(3_000, 60)
    for number, draft in enumerate(drafts, start=1000):
        draft.id = str(number)
    units = make_units(demo_facts().units, wards, chance, now, ZONE)
    teller = Storyteller(units, Album(None, seed), AreaIndex(areas).area_at, chance, now)
    for draft in drafts:
        row = teller.tell(draft)
        report = row.report
        assert report.status is draft.status, report
        assert [entry.data["status"] for entry in row.entries if "status" in entry.data][-1] == report.status
        assert report.duplicates == len(draft.doubles)
        assert (report.claim.who if report.claim is not None else None) == draft.claim
        assert (report.hold.reason if report.hold is not None else None) == (draft.hold[0] if draft.hold else None)
        times = [entry.at for entry in row.entries]
        assert times[-1] < now, "nothing is still to come"
        assert all(earlier < later for earlier, later in pairwise(times))


def test_no_crew_stays_at_a_place_for_days_and_photos_stand_in_the_order_they_were_taken(told: Told) -> None:
    stays: list[timedelta] = []
    for row in told.rows:
        steps = {entry.data.get("state"): entry.at for entry in row.entries if entry.kind == "progress"}
        if {"on_scene", "done"} <= steps.keys():
            stays.append(steps["done"] - steps["on_scene"])
        taken = [photo.taken for photo in row.report.photos if photo.taken and photo.role is PhotoRole.REPORT]
        assert taken == sorted(taken), row.report.id
    assert len(stays) > 300
    assert max(stays) < timedelta(hours=7)
