"""What needs a response: P1 without a crew, breached SLA, units that do not answer, do not arrive or are silent."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api_client.model import (
    AlarmKind,
    AlarmRecord,
    Area,
    Assignment,
    AssignmentState,
    Claim,
    Clock,
    ClockState,
    Entry,
    Handover,
    HandoverLine,
    HandoverMark,
    HandoverSection,
    Report,
    Service,
    Status,
    Unit,
    UnitState,
)
from console.board.alarms import AlarmFinder
from console.board.round import Round, play
from console.cache.catalog import CityUnit
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.rules.alarms import MOST_OF_A_KIND as MOST
from console.rules.alarms import Alarm
from console.rules.filter import Filter
from console.rules.rights import Rights

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EVERYWHERE = Rights("operator")
Found = dict[tuple[str, str], Alarm]


class City:
    """A cache that a test writes, and the alarms that are found in it."""

    def __init__(self, profile: Path) -> None:
        self.writer, self.seq, self.now = CacheWriter(profile), 0, NOW
        self.put("service", Service("flood", "Banjir"))
        self.reader, self.finder = CacheReader(profile), AlarmFinder()

    def put(self, kind: str, thing: Any) -> None:
        self.seq += 1
        key = getattr(thing, "id", None) or thing.code
        self.writer.apply("city", [PageItem(kind, self.seq, key, thing)], Cursor("e", self.seq, as_of=self.now))

    def report(self, key: str, priority: int = 2, **changes: Any) -> None:
        values: dict[str, Any] = {"version": 1, "status": Status.NEW, "created": NOW, "updated": NOW} | changes
        self.put("report", Report(id=key, priority=priority, service="flood", description="", **values))

    def unit(self, key: str, state: UnitState = UnitState.COMMITTED, **changes: Any) -> None:
        values: dict[str, Any] = {"state_since": NOW} | changes
        self.put("unit", Unit(key, key, state, **values))

    def job(self, key: str, report: str, unit: str, state: AssignmentState, since: datetime = NOW) -> None:
        self.put("assignment", Assignment(key, report, unit, state, since, "rina", NOW))

    def found(self, after_min: float = 0, rights: Rights = EVERYWHERE, told: Collection[int] = ()) -> Found:
        now = NOW + timedelta(minutes=after_min)
        job = Round(None, (), {}, {}, {}, None, Filter(), UTC, 1, "rina")
        played = play(job, self.reader, int(now.timestamp()))
        crews = [CityUnit(one.key, one.source, one.unit) for one in played.cities.crews]
        args = (played.view, played.cities, crews, {"city": now}, self.reader, int(now.timestamp()), {"city": rights})
        return {(one.kind.value, one.about): one for one in self.finder.find(*args, told)}

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path)
    yield city
    city.close()


def test_a_p1_is_an_alarm_until_a_crew_is_on_the_way_and_again_when_it_has_gone(city: City) -> None:
    city.report("1", 1)
    city.report("2", 2)
    city.unit("u")
    found = city.found(1)
    assert list(found) == [("crewless", "1")], "a new P2 is work, no alarm"
    one = found["crewless", "1"]
    assert (one.since, one.priority, one.title, one.is_taken) == (NOW, 1, "1 Banjir", False)
    city.job("j", "1", "u", AssignmentState.DISPATCHED)
    assert city.found(1)["crewless", "1"].since == NOW, "it was told, and has not said that it comes"
    city.job("j", "1", "u", AssignmentState.EN_ROUTE)
    assert city.found(1) == {}
    city.job("j", "1", "u", AssignmentState.RECALLED, NOW + 5 * MINUTE)
    city.report("1", 1, version=2, updated=NOW + 5 * MINUTE)
    assert city.found(6)["crewless", "1"].since == NOW + 5 * MINUTE, "since its crew has gone, not since this morning"


def test_a_p1_that_loses_its_crew_is_a_new_occurrence_whatever_is_read_first(city: City) -> None:
    """The report came in one page of the feed, and the refusal of its crew in the next one."""
    city.report("1", 1)
    city.unit("u")
    city.job("j", "1", "u", AssignmentState.DISPATCHED)
    city.report("1", 1, version=2, updated=NOW + 5 * MINUTE)
    one = city.found(6)["crewless", "1"]
    assert (one.since, one.lost_by) == (NOW, "")
    city.job("j", "1", "u", AssignmentState.REFUSED, NOW + 5 * MINUTE)
    one = city.found(6)["crewless", "1"]
    assert (one.since, one.lost_by) == (NOW + 5 * MINUTE, "rina")
    city.put("entry", Entry("x", "1", "reopen", NOW + 6 * MINUTE, "rina"))
    assert city.found(7)["crewless", "1"].since == NOW + 6 * MINUTE


def test_a_report_that_goes_while_it_is_looked_at_takes_no_other_alarm_with_it(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a city is read anew: one search in between found nothing at all, and said that it had failed."""
    city.report("1", 1)
    city.report("2", 2, clocks=clock(-1))
    monkeypatch.setattr(city.reader, "history_marks", lambda _: {})
    assert list(city.found(4)) == [("sla_breach", "2")]


def test_a_report_that_became_a_p1_is_one_since_then(city: City) -> None:
    city.report("1", 3)
    assert city.found(1) == {}
    city.report("2", 1)
    city.put("entry", Entry("c", "2", "created", NOW, "budi", data={"priority": 1}))
    assert city.found(1)["crewless", "2"].lost_by == "", "it was made so"
    entry = Entry("x", "1", "set", NOW + 3 * MINUTE, "rina", data={"priority": 1})
    city.put("entry", entry)
    city.report("1", 1, version=2, updated=NOW + 3 * MINUTE)
    one = city.found(4)["crewless", "1"]
    assert (one.since, one.lost_by) == (NOW + 3 * MINUTE, "rina")
    city.put("entry", msgspec.structs.replace(entry, undone_by="y"))
    city.report("1", 1, version=3, updated=NOW + 4 * MINUTE)
    assert city.found(5)["crewless", "1"].since == NOW, "that it became one then was taken back"


def test_a_crew_that_cannot_work_leaves_its_p1_alone_since_then(city: City) -> None:
    city.report("1", 1)
    city.job("j", "1", "u", AssignmentState.EN_ROUTE)
    city.unit("u", UnitState.UNAVAILABLE, state_since=NOW + 7 * MINUTE, reason="flat tyre")
    assert city.found(8)["crewless", "1"].since == NOW + 7 * MINUTE


def test_a_crew_that_could_not_work_before_it_came_by_its_own_clock_is_lost_when_it_says_so(city: City) -> None:
    city.report("1", 1)
    city.job("i", "1", "v", AssignmentState.RECALLED, NOW + 5 * MINUTE)
    city.job("j", "1", "u", AssignmentState.EN_ROUTE, NOW + 6 * MINUTE)
    city.unit("u", UnitState.UNAVAILABLE, state_since=NOW + 3 * MINUTE, reason="flat tyre")
    assert city.found(8)["crewless", "1"].since == NOW + 6 * MINUTE


def test_a_crew_that_drives_elsewhere_has_left_its_p1_since_then(city: City) -> None:
    """It had two orders, and went to the other: the P1, acknowledged before its crew came, was so still."""
    city.report("1", 1)
    city.report("2", 3)
    city.unit("u", UnitState.EN_ROUTE)
    city.job("j", "1", "u", AssignmentState.EN_ROUTE, NOW + 2 * MINUTE)
    city.job("k", "2", "u", AssignmentState.DISPATCHED, NOW + 3 * MINUTE)
    assert city.found(4) == {}
    went = Entry("x", "2", "progress", NOW + 5 * MINUTE, "u", data={"unit": "u", "state": "en_route"}, unit="u")
    city.put("entry", went)
    city.job("k", "2", "u", AssignmentState.EN_ROUTE, NOW + 5 * MINUTE)
    one = city.found(6)["crewless", "1"]
    assert (one.since, one.lost_by) == (NOW + 5 * MINUTE, "u")
    city.put("entry", msgspec.structs.replace(went, id="y", at=NOW + 9 * MINUTE))
    city.job("k", "2", "u", AssignmentState.ON_SCENE, NOW + 9 * MINUTE)
    assert city.found(10)["crewless", "1"].since == NOW + 5 * MINUTE, "that it is there by now is no other loss"


BACK: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "lowered, and that undone": [("set", {"priority": 3}), ("set", {"undoes": "e0"})],
    "closed, and that undone": [("close", {"status": "closed"}), ("close", {"undoes": "e0", "status": "new"})],
    "merged, and taken apart": [("merge", {"status": "closed"}), ("unmerge", {"status": "returned"})],
    "handed in, and refused": [("photo", {"status": "validation"}), ("validate", {"status": "returned"})],
    "refused, of a history that is not here": [("note", {}), ("validate", {"status": "returned"})],
    "a crew that came by mistake": [("progress", {"state": "en_route"}), ("progress", {"undoes": "e0"})],
    "taken, and left": [("claim", {}), ("release", {})],
    "taken, and that undone": [("claim", {}), ("claim", {"undoes": "e0"})],
    "taken by an order, and that undone": [("dispatch", {}), ("dispatch", {"undoes": "e0"})],
    "passed on to another agency": [("note", {}), ("set", {"agency": "parks"})],
    "passed on, and that undone": [("set", {"area": "north"}), ("set", {"undoes": "e0"})],
}


@pytest.mark.parametrize("what", BACK)
def test_a_p1_that_comes_back_or_is_left_is_a_new_occurrence_by_whoever_did_it(city: City, what: str) -> None:
    """It had been acknowledged before, and stood so: nobody was called."""
    city.report("1", 1)
    city.put("entry", Entry("c", "1", "created", NOW, "sari", data={"status": "new"} if "not here" not in what else {}))
    for n, (kind, data) in enumerate(BACK[what]):
        undone_by = "1" if n == 0 and "undoes" in BACK[what][1][1] else None
        at = NOW + (n + 1) * MINUTE
        city.put("entry", Entry(str(n), "1", kind, at, f"who{n}", edit=f"e{n}", data=data, undone_by=undone_by))
    one = city.found(4)["crewless", "1"]
    assert (one.since, one.lost_by) == (NOW + 2 * MINUTE, "who1")
    hostile = {"text": "Still there", "status": [1], "state": {}}
    for key, undone_by in (("n", "m"), ("m", None)):
        city.put("entry", Entry(key, "1", "note", NOW + 3 * MINUTE, "sari", data=hostile, undone_by=undone_by))
    assert city.found(5)["crewless", "1"].since == NOW + 2 * MINUTE


def test_a_p1_whose_place_is_corrected_in_its_own_area_is_no_new_occurrence(city: City) -> None:
    city.report("1", 1)
    city.put("entry", Entry("c", "1", "created", NOW, "sari", data={"area": "north"}))
    city.put("entry", Entry("x", "1", "set", NOW + MINUTE, "sari", data={"area": "north", "address": "Jl. Raya 5"}))
    assert city.found(4)["crewless", "1"].since == NOW


def clock(minutes: float, state: str = "running") -> tuple[Any, ...]:
    return (Clock("finish", ClockState(state), NOW, 3600, due=NOW + timedelta(minutes=minutes)),)


def test_the_sla_of_a_p1_or_p2_is_an_alarm_ten_minutes_before_it_is_breached(city: City) -> None:
    city.report("1", 2, clocks=clock(30))
    city.report("2", 3, clocks=clock(30))
    city.report("3", 2, clocks=clock(30), status=Status.RESOLVED, closed_at=NOW)
    city.report("4", 2, clocks=clock(30, "paused"))
    assert city.found(19) == {}
    ending = city.found(21)
    assert list(ending) == [("sla_ending", "1")]
    assert ending["sla_ending", "1"].since == NOW + 20 * MINUTE
    breached = city.found(31)
    assert list(breached) == [("sla_breach", "1")], "neither a P3, nor what is closed or waits"
    assert breached["sla_breach", "1"].since == NOW + 30 * MINUTE


def test_of_too_many_p1_those_that_are_told_are_listed(city: City) -> None:
    """In a flood the newest never came into the list, and their key said "it has just come" for ever."""
    made = [Report(str(n), 1, Status.NEW, "flood", 1, "", NOW + timedelta(seconds=n), NOW) for n in range(MOST + 5)]
    items = [PageItem("report", 5, one.id, one) for one in made]
    city.writer.apply("city", items, Cursor("e", 5, as_of=NOW))
    assert len(city.found(9)) == MOST
    newest = city.reader.row_of("city", str(MOST + 4))
    assert newest is not None
    found = city.found(9, told=[newest])
    assert (len(found), ("crewless", str(MOST + 4)) in found, ("crewless", str(MOST)) in found) == (MOST, True, False)
    assert len(city.finder.left_out[AlarmKind.CREWLESS]) == 5


def test_of_too_many_late_reports_those_that_nobody_has_answered_are_listed(city: City) -> None:
    """Two hundred that were known and not done kept every new one out."""
    items = [
        PageItem("report", 5, str(n), Report(str(n), 1, Status.NEW, "flood", 2, "", NOW, NOW, clocks=clock(n / 60)))
        for n in range(MOST + 5)
    ]
    due = [NOW + timedelta(minutes=n / 60) for n in range(MOST)]
    for n, since in enumerate(due):
        record = AlarmRecord(f"sla_breach:{n}", AlarmKind.SLA_BREACH, since, since, "rina", str(n), None, "rina", since)
        items.append(PageItem("alarm", 5, record.id, record))
    city.writer.apply("city", items, Cursor("e", 5, as_of=NOW))
    found = city.found(9)
    assert len(found) == MOST
    assert {about for _, about in found} >= {str(MOST + n) for n in range(5)}
    assert len(city.finder.left_out[AlarmKind.SLA_BREACH]) == 5


def test_a_unit_has_to_acknowledge_and_to_arrive_in_its_time(city: City) -> None:
    city.report("1", 2)
    city.unit("u")
    city.job("j", "1", "u", AssignmentState.DISPATCHED)
    assert city.found(4.9) == {}
    late = city.found(5.1)["unanswered", "u"]
    assert (late.since, late.report, late.priority, late.unit) == (NOW + 5 * MINUTE, "1", 2, "u")
    city.job("j", "1", "u", AssignmentState.EN_ROUTE, NOW + 6 * MINUTE)
    assert city.found(45) == {}
    assert city.found(47)["not_arrived", "u"].since == NOW + 46 * MINUTE
    city.job("j", "1", "u", AssignmentState.ON_SCENE, NOW + 50 * MINUTE)
    city.job("k", "2", "u", AssignmentState.DISPATCHED, NOW)
    assert city.found(90) == {}, "who is at work has his next order for later"


def test_a_unit_that_was_heard_and_is_not_any_more_is_silent(city: City) -> None:
    city.unit("gps", UnitState.AVAILABLE, position_at=NOW, state_since=NOW - 60 * MINUTE)
    city.unit("none", UnitState.AVAILABLE)
    city.unit("break", UnitState.BREAK, position_at=NOW - 90 * MINUTE, state_since=NOW - 90 * MINUTE)
    city.unit("spoke", UnitState.COMMITTED, position_at=NOW - 90 * MINUTE, state_since=NOW + 20 * MINUTE)
    assert city.found(29) == {}
    silent = city.found(31)
    assert list(silent) == [("silent", "gps")], "one that sends no positions, has a break or has spoken is not"
    assert silent["silent", "gps"].since == NOW + 30 * MINUTE


def test_a_silent_unit_on_a_p1_is_as_urgent_as_that(city: City) -> None:
    """An operator could put it away for half a day, which the server refuses him."""
    city.report("1", 1)
    city.report("2", 3)
    for unit in ("u", "v"):
        city.unit(unit, UnitState.COMMITTED, position_at=NOW - 60 * MINUTE, state_since=NOW - 60 * MINUTE)
        city.job(f"3{unit}", "2", unit, AssignmentState.ACKNOWLEDGED, NOW - 59 * MINUTE)
    city.job("1u", "1", "u", AssignmentState.ACKNOWLEDGED, NOW - 58 * MINUTE)
    silent = [(one.about, one.priority, one.report) for one in city.found(1).values() if one.kind == "silent"]
    assert silent == [("u", 1, "1"), ("v", 2, "2")]


def test_what_lies_outside_of_the_operators_scope_is_for_others_to_answer(city: City) -> None:
    """He acknowledged all that was listed, and the server refused it, as one of them was none of his."""
    for area, parent in (("south", None), ("kemang", "south"), ("north", None)):
        city.put("area", Area(area, area.title(), 2, parent=parent))
    city.report("1", 1, area="kemang")
    city.report("2", 1, area="north")
    city.report("3", 1, area="north", agency="pln")
    city.report("4", 1)
    city.report("5", 2, area="north", clocks=clock(1))
    for unit, area in (("own", "kemang"), ("theirs", "north")):
        city.unit(
            unit, UnitState.AVAILABLE, areas=(area,), position_at=NOW - 60 * MINUTE, state_since=NOW - 60 * MINUTE
        )
    assert {about for _, about in city.found(2)} == {"1", "2", "3", "4", "5", "own", "theirs"}
    assert city.finder.outside == frozenset()
    found = city.found(2, Rights("operator", ("south",), ("pln",)))
    assert {about for _, about in found} == {"1", "3", "own"}
    assert len(city.finder.outside) == 2


def test_what_was_confirmed_and_stays_with_who_has_gone_is_an_alarm(city: City) -> None:
    """It lay outside the areas of who signed, so it did not become his: it stood as taken, by somebody at home."""
    confirmed = HandoverMark.CONFIRMED
    lines = [HandoverLine(f"report:{n}", HandoverSection.TAKEN, n, report=n, mark=confirmed) for n in "1234"]
    city.put("handover", Handover("h1", "sari", NOW, NOW - 8 * HOUR, NOW, NOW, NOW, tuple(lines), "dewi", NOW))
    city.report("1", 1, claim=Claim("sari", NOW - HOUR))
    city.report("2", 3, claim=Claim("dewi", NOW))
    city.report("3", 3, claim=Claim("sari", NOW + MINUTE))  # she has taken it once more
    city.report("4", 3)
    left = {key for key in city.found(15) if key[0] == "left_over"}
    assert left == {("left_over", "1")}
    assert not any(kind == "left_over" for kind, _ in city.found(14))


def test_what_nobody_took_over_is_an_alarm_until_somebody_takes_it(city: City) -> None:
    city.put("area", Area("k", "Kemang", 1))
    lines = [HandoverLine(f"report:{n}", HandoverSection.TAKEN, n, report=n) for n in ("1", "2", "3", "4", "gone")]
    signed = Handover("h1", "sari", NOW, NOW - 8 * HOUR, NOW, NOW, NOW, tuple(lines), "dewi", NOW)
    offered = Handover("h2", "tono", NOW, NOW - 8 * HOUR, NOW, NOW, NOW, (), "dewi")
    for one in (signed, offered):
        city.put("handover", one)
    city.report("1", 3, claim=Claim("sari", NOW), area="k")
    city.report("2", 3)
    city.report("3", 3, claim=Claim("dewi", NOW))
    city.report("4", 3, status=Status.RESOLVED, closed_at=NOW)
    assert city.found(14) == {}
    found = city.found(15)
    left, unsigned = "left_over", ("unsigned", "h2")
    assert set(found) == {(left, "1"), (left, "2"), unsigned}
    assert (found[left, "1"].since, found[left, "1"].title) == (NOW + 15 * MINUTE, "1 Banjir, Kemang")
    assert found[unsigned].title == "tono → dewi"
    assert set(city.found(15, Rights("operator", areas=("k",)))) == {(left, "1"), unsigned}
    city.report("1", 3, claim=Claim("rina", NOW))
    city.report("2", 3, claim=Claim("dewi", NOW))
    assert set(city.found(16)) == {unsigned}


def test_what_is_done_takes_no_place_of_what_nobody_took_over(city: City) -> None:
    """Of the lines that nobody confirmed the first two hundred were looked at, and all of those were closed."""
    lines = [HandoverLine(f"report:{n}", HandoverSection.TAKEN, f"{n}", report=f"{n}") for n in range(2 * MOST + 2)]
    city.put("handover", Handover("h1", "sari", NOW, NOW - 8 * HOUR, NOW, NOW, NOW, tuple(lines), "dewi", NOW))
    for n in range(MOST):
        city.report(f"{n}", 3, status=Status.RESOLVED, closed_at=NOW)
    for n in range(MOST, 2 * MOST + 1):
        city.report(f"{n}", 3)
    city.report(f"{2 * MOST + 1}", 2)
    found = [about for kind, about in city.found(15) if kind == "left_over"]
    assert (len(found), found[0]) == (MOST, f"{2 * MOST + 1}"), "the most urgent first"
    assert len(city.finder.left_out[AlarmKind.LEFT_OVER]) == 2


def test_what_who_leaves_took_after_he_had_offered_is_an_alarm(city: City) -> None:
    """Who signed at the own desk saw the lines of the offer: the P1 that came since stayed with who went home."""
    line = HandoverLine("report:1", HandoverSection.TAKEN, "1", report="1", mark=HandoverMark.CONFIRMED)
    city.put("handover", Handover("h1", "sari", NOW, NOW - 8 * HOUR, NOW, NOW, NOW, (line,), "dewi", NOW))
    city.report("1", 1, claim=Claim("dewi", NOW))
    city.report("2", 1, claim=Claim("sari", NOW - MINUTE))
    city.report("3", 3, claim=Claim("sari", NOW + MINUTE))  # she works on
    city.report("4", 3, claim=Claim("sari", NOW - MINUTE), status=Status.RESOLVED, closed_at=NOW)
    city.report("5", 3, claim=Claim("tono", NOW - MINUTE))
    assert {key for key in city.found(15) if key[0] == "left_over"} == {("left_over", "2")}
    assert not any(kind == "left_over" for kind, _ in city.found(14))
    city.report("2", 1, claim=Claim("dewi", NOW + 20 * MINUTE))
    assert not any(kind == "left_over" for kind, _ in city.found(21))
