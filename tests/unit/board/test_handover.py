"""What a shift hands over: each report once, in the most dangerous section, as far as it is the operator's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api_client.model import (
    AlarmKind,
    AlarmRecord,
    Area,
    Claim,
    Clock,
    ClockState,
    Entry,
    Handover,
    HandoverSection,
    Hold,
    Kind,
    Limit,
    Report,
    RunCard,
    Service,
    Status,
    Unit,
    UnitState,
    User,
    WaitsFor,
)
from console.board.alarms import AlarmFinder
from console.board.handover import HandoverFound, find_items
from console.board.round import Round, play
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.rules.edit import Edit
from console.rules.filter import Filter
from console.rules.handover import MOST_OF_A_SECTION, end_of_shift
from console.rules.rights import Rights

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EVERYWHERE = Rights("operator")
URGENT, BREACHED, TAKEN, HELD, UNITS, NOTED = HandoverSection
MINE, OTHERS = Claim("rina", NOW), Claim("sari", NOW)
HELD_UP = Hold("asphalt", WaitsFor.MATERIAL, NOW + 600 * MINUTE)


class City:
    """A cache that a test writes, and what is found in it."""

    def __init__(self, profile: Path) -> None:
        self.writer, self.seq = CacheWriter(profile), 0
        self.put("service", Service("flood", "Banjir"))
        self.put("user", User("rina", "operator"))
        self.reader = CacheReader(profile)

    def put(self, kind: str, *things: Any) -> None:
        items = []
        for thing in things:
            self.seq += 1
            key = getattr(thing, "id", None) or getattr(thing, "code", None) or thing.name
            items.append(PageItem(kind, self.seq, key, thing))
        self.writer.apply("city", items, Cursor("e", self.seq, as_of=NOW))

    def report(self, key: str, priority: int = 3, due_min: int | None = None, **changes: Any) -> Report:
        values: dict[str, Any] = {"version": 1, "status": Status.NEW, "created": NOW, "updated": NOW} | changes
        if due_min is not None:
            clock = Clock("finish", ClockState.RUNNING, NOW - 600 * MINUTE, 60, due=NOW + due_min * MINUTE)
            values["clocks"] = (clock,)
        return Report(id=key, priority=priority, service="flood", description="", **values)

    def found(
        self,
        rights: Rights = EVERYWHERE,
        noted: tuple[str, ...] = (),
        missing: frozenset[str] = frozenset(),
        waiting: tuple[Edit, ...] = (),
    ) -> HandoverFound:
        played = play(Round(None, (), {}, {}, {}, None, Filter(), UTC, 1, "rina"), self.reader, int(NOW.timestamp()))
        cities = played.cities
        return find_items(
            played.view, cities, "city", cities.crews, self.reader, NOW, rights, noted, NOW - HOUR, missing,
            lambda source, report: tuple(one for one in waiting if (one.source, one.report) == (source, report)),
        )  # fmt: skip

    def places(self, **asked: Any) -> list[tuple[str, HandoverSection]]:
        return [(item.id, item.section) for item in self.found(**asked).items]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path)
    yield city
    city.reader.close()
    city.writer.close()


def test_each_report_stands_once_in_the_most_dangerous_section(city: City) -> None:
    city.put(
        "report",
        city.report("p2-taken", 2, due_min=-5, claim=OTHERS),
        city.report("p2", 2, due_min=-5, created=NOW - MINUTE),
        city.report("p1-late-mine", 1, due_min=-5, claim=MINE, hold=HELD_UP),
        city.report("late-mine", 3, due_min=-5, claim=MINE),
        city.report("soon", 3, due_min=59),
        city.report("later", 3, due_min=61),
        city.report("mine-held", 3, claim=MINE, hold=HELD_UP),
        city.report("others", 3, claim=OTHERS),
        city.report("held", 4, hold=HELD_UP),
        city.report("closed", 1, status=Status.RESOLVED, closed_at=NOW),
        city.report("merged", 1, merged_into="p2"),
    )
    assert city.places() == [
        ("report:p1-late-mine", URGENT),
        ("report:p2", URGENT),
        ("report:p2-taken", URGENT),
        ("report:late-mine", BREACHED),
        ("report:soon", BREACHED),
        ("report:mine-held", TAKEN),
        ("report:held", HELD),
    ]


def test_of_a_p1_it_is_told_how_many_steps_of_its_run_card_are_done(city: City) -> None:
    city.put("run_card", RunCard("flood", "Banjir", ("Ask", "Tell"), ("flood",)))
    city.put("report", city.report("a", 1), city.report("b", 1), city.report("c", 2))
    for report, step in (("a", "Tell"), ("b", "Ask"), ("b", "Tell")):
        data = {"text": step, "card": "flood"}
        city.put("entry", Entry(f"{report}-{step}", report, "note", NOW, "rina", edit=step, text=step, data=data))
    assert {item.report: item.steps for item in city.found().items} == {"a": (1, 2), "b": None, "c": None}
    # What is not sent yet counts as the report's panel shows it; what the server has already counts once.
    back, again, other = (
        Edit(key, Kind.NOTE, report, "rina", "desk", 1, NOW, {"text": step, **card}, source="city", undoes=undoes)
        for key, report, step, card, undoes in (
            ("x", "b", "Ask", {"card": "flood"}, "Ask"),
            ("Tell", "a", "Tell", {"card": "flood"}, None),
            ("y", "a", "Ask", {}, None),
        )
    )
    tick = msgspec.structs.replace(again, id="z", data={"text": "Ask", "card": "flood"})
    steps = {item.report: item.steps for item in city.found(waiting=(back, again, other)).items}
    assert steps == {"a": (1, 2), "b": (1, 2), "c": None}
    assert {item.report: item.steps for item in city.found(waiting=(tick,)).items}["a"] is None


def test_no_p1_is_left_out_for_want_of_room_and_the_rest_is_counted(city: City) -> None:
    hazards = [city.report(f"a{n:03}", 1) for n in range(MOST_OF_A_SECTION + 5)]
    city.put("report", *hazards, *(city.report(f"b{n:03}", 2) for n in range(10)))
    city.put("report", *(city.report(f"c{n:03}", 3, due_min=-n) for n in range(MOST_OF_A_SECTION + 7)))
    found = city.found()
    listed = [item.report for item in found.items if item.section is URGENT]
    assert listed == [one.id for one in hazards]
    assert found.counts[URGENT] == MOST_OF_A_SECTION + 15
    breached = [item.report for item in found.items if item.section is BREACHED]
    assert (len(breached), found.counts[BREACHED]) == (MOST_OF_A_SECTION, MOST_OF_A_SECTION + 7)
    assert breached[0] == f"c{MOST_OF_A_SECTION + 6:03}", "the one that is late the longest comes first"


def test_of_more_p1_than_anybody_confirms_it_says_how_many_are_left_out(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.board.handover.MOST_HAZARDS", MOST_OF_A_SECTION + 2)
    city.put("report", *(city.report(f"a{n:03}", 1) for n in range(MOST_OF_A_SECTION + 5)))
    found = city.found()
    assert (len(found.items), found.left_out) == (MOST_OF_A_SECTION + 2, 3)


def test_what_the_operator_has_taken_is_listed_behind_however_many_others(city: City) -> None:
    """Nobody would take it over: it would stay that of who has gone home."""
    late = [city.report(f"c{n:03}", 3, due_min=-n) for n in range(1, MOST_OF_A_SECTION + 8)]
    city.put("report", *late, city.report("own-late", 3, due_min=0, claim=MINE), city.report("own", 4, claim=MINE))
    listed = city.places()
    assert len(listed) == MOST_OF_A_SECTION + 2
    assert listed[-2:] == [("report:own-late", BREACHED), ("report:own", TAKEN)]
    assert city.found().counts[BREACHED] == MOST_OF_A_SECTION + 8


def test_it_is_of_the_operators_scope_and_of_what_he_has_taken(city: City) -> None:
    city.put("area", Area("k", "Kemang", 1), Area("t", "Tebet", 1))
    city.put("report", city.report("own", 1, area="k"), city.report("theirs", 1, area="t"))
    city.put("report", city.report("taken", 2, area="t", claim=MINE))
    city.put("unit", Unit("1", "SDA-1", UnitState.UNAVAILABLE, NOW, areas=("t",)))
    city.put("unit", Unit("2", "SDA-2", UnitState.UNAVAILABLE, NOW, areas=("k",)))
    own = Rights("operator", areas=("k",))
    assert [place for place, _ in city.places(rights=own)] == ["report:own", "report:taken", "unit:2"]


def test_shelved_alarms_stand_with_what_is_held_unless_their_report_is_listed(city: City) -> None:
    city.put("report", city.report("1", 2), city.report("2", 3), city.report("3", 3))
    city.put("unit", Unit("7", "SDA-7", UnitState.AVAILABLE, NOW))
    later, over = NOW + MINUTE, NOW - MINUTE

    def shelved(report: str | None, unit: str | None, until: datetime) -> AlarmRecord:
        key = f"sla_breach:{report or unit}"
        return AlarmRecord(key, AlarmKind.SLA_BREACH, NOW, NOW, "rina", report, unit, shelved_until=until)

    city.put("alarm", shelved("1", None, later), shelved("2", None, later), shelved("3", None, over))
    city.put("alarm", shelved(None, "7", later), shelved("gone", None, later))
    city.put("limit", Limit("rain", "Banjir meluas", "", 9, 60))
    city.put("alarm", AlarmRecord("limit:rain", AlarmKind.LIMIT, NOW, NOW, "rina", shelved_until=later))
    city.put("alarm", AlarmRecord("limit:gone", AlarmKind.LIMIT, NOW, NOW, "rina", shelved_until=later))
    assert city.places() == [("report:1", URGENT), ("limit:rain", HELD), ("report:2", HELD), ("unit:7", HELD)]


def test_units_that_cannot_work_or_are_silent_are_handed_over(city: City) -> None:
    away: dict[str, Any] = {"lat": -6.2, "lon": 106.8}
    city.put(
        "unit",
        Unit("1", "SDA-1", UnitState.UNAVAILABLE, NOW, reason="workshop"),
        Unit("2", "SDA-2", UnitState.AVAILABLE, NOW - 60 * MINUTE, position_at=NOW - 31 * MINUTE, **away),
        Unit("3", "SDA-3", UnitState.AVAILABLE, NOW - 60 * MINUTE, position_at=NOW - 29 * MINUTE, **away),
        Unit("4", "SDA-4", UnitState.OFF_SHIFT, NOW - 60 * MINUTE, position_at=NOW - 600 * MINUTE, **away),
    )
    assert city.places() == [("unit:1", UNITS), ("unit:2", UNITS)]
    assert city.places(missing=frozenset({"3", "unknown"})) == [("unit:1", UNITS), ("unit:2", UNITS), ("unit:3", UNITS)]


def test_what_was_noted_is_listed_where_nothing_else_lists_it(city: City) -> None:
    city.put("report", city.report("1", 1), city.report("2", 3), city.report("3", 3))
    assert city.places(noted=("1", "3", "unknown")) == [("report:1", URGENT), ("report:3", NOTED)]


def test_what_was_written_into_the_log_in_this_shift_stands_last(city: City) -> None:
    city.put("report", city.report("3", 3))

    def entry(key: str, kind: Kind, minutes: int, text: str = "") -> Entry:
        return Entry(key, None, kind.value, NOW - minutes * MINUTE, "rina", text=text)

    city.put("entry", entry("a", Kind.LOG, 61, "before"), entry("b", Kind.LOG, 59, "first"))
    city.put("entry", entry("c", Kind.UNIT_STATE, 30), entry("d", Kind.LOG, 10, "second"))
    assert city.places(noted=("3",)) == [("report:3", NOTED), ("log:d", NOTED), ("log:b", NOTED)]


def test_a_shift_that_nobody_handed_over_is_an_alarm_of_whoever_has_its_reports(city: City) -> None:
    end, dewi = NOW - HOUR, Claim("dewi", NOW)
    for key, parent in (("north", None), ("k", "north"), ("south", None)):
        city.put("area", Area(key, key.title(), 2, parent=parent))
    city.put("handover", Handover("h", "sari", end, end - 16 * HOUR, end - 8 * HOUR, end, end))
    city.put("report", city.report("new", 1, area="k"), city.report("quiet", 3, area="k", created=end - HOUR))
    city.put("report", city.report("later", 3, area="k", created=end - HOUR, claim=dewi))

    def found(rights: Rights = EVERYWHERE) -> list[tuple[str, str, datetime]]:
        played = play(Round(None, (), {}, {}, {}, None, Filter(), UTC, 1, "rina"), city.reader, int(NOW.timestamp()))
        args = (played.view, played.cities, (), {"city": NOW}, city.reader, int(NOW.timestamp()), {"city": rights})
        alarms = [one for one in AlarmFinder().find(*args) if end_of_shift(one.about) is not None]
        return [(one.about, one.title, one.since) for one in alarms]

    assert found() == [], "what came, or was taken, after the shift is not of it"
    alarm = (f"shift:{end:%Y-%m-%dT%H:%MZ}", "23–07", end + 15 * MINUTE)
    left: dict[str, Any] = {"created": end - HOUR, "area": "k"}
    for report in (
        city.report("old", 1, **left),
        city.report("old", 3, due_min=-61, **left),
        city.report("old", 3, claim=Claim("sari", end - MINUTE), **left),
    ):
        city.put("report", report)
        assert found() == [alarm]
    assert found(Rights("operator", ("south",))) == []
    assert found(Rights("operator", ("north",))) == [alarm]
    city.put("handover", Handover("i", "dewi", end, end - 8 * HOUR, end, NOW, NOW))
    assert found() == [], "it was offered"
