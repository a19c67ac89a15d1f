"""The states of alarms, what acknowledging and shelving make of them, and what the list of a console shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from api_client.model import AlarmChange, AlarmKind, AlarmRecord, Kind
from console.rules.alarm_list import AlarmList, KeptAlarm, ListedAlarm, in_flood
from console.rules.alarms import (
    FLOOD,
    TYPES,
    Alarm,
    AlarmKey,
    AlarmState,
    record_after,
    state_of,
    type_of,
    why_not_shelved,
    with_changes,
)
from console.rules.edit import Edit

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NEW, ACKNOWLEDGED, RETURNED, SHELVED = AlarmState


def alarm(about: str = "931204", *, kind: AlarmKind = AlarmKind.SLA_BREACH, at: datetime = NOW, p: int = 2) -> Alarm:
    return Alarm(kind, "city", about, at, p, about)


def acknowledged(before: AlarmRecord | None, one: Alarm, by: str, at: datetime) -> AlarmRecord:
    after = record_after(before, one.stands, AlarmChange((one.stands,), acknowledged=True), by, at)
    assert after is not None
    return after


def shelved(
    before: AlarmRecord | None, one: Alarm, by: str, at: datetime, until: datetime | None, reason: str
) -> AlarmRecord:
    after = record_after(before, one.stands, AlarmChange((one.stands,), shelved_until=until, reason=reason), by, at)
    assert after is not None
    return after


P1 = alarm(kind=AlarmKind.CREWLESS, p=1)


def test_each_state_is_reached_and_left() -> None:
    one = alarm()
    assert state_of(one, None, NOW) is NEW
    assert state_of(one, None, NOW, stands=False) is RETURNED
    seen = acknowledged(None, one, "rina", NOW)
    assert (seen.id, seen.report, seen.unit) == ("sla_breach:931204", "931204", None)
    assert state_of(one, seen, NOW) is ACKNOWLEDGED
    assert state_of(one, seen, NOW, stands=False) is None, "over, and somebody knew of it"
    put_away = shelved(None, one, "rina", NOW, NOW + 5 * MINUTE, "crew is near")
    assert state_of(one, put_away, NOW + 4 * MINUTE) is SHELVED
    assert state_of(one, put_away, NOW + 5 * MINUTE) is NEW, "and it comes back"
    assert state_of(one, put_away, NOW + MINUTE, stands=False) is None, "who put it away knew of it"
    taken_down = shelved(put_away, one, "budi", NOW + MINUTE, None, "")
    assert state_of(one, taken_down, NOW + MINUTE) is NEW


def test_a_p1_is_shelved_for_what_stood_then_only() -> None:
    """ "Order unanswered" of a crew on a P3 was put away, the crew diverted to a P1: that was put away too."""
    one = alarm("u1", kind=AlarmKind.UNANSWERED)
    away = shelved(None, one, "rina", NOW, NOW + 10 * MINUTE, "radio is down")
    of_p1 = msgspec.structs.replace(one, since=NOW + MINUTE, priority=1)
    assert state_of(of_p1, away, NOW + MINUTE) is NEW
    assert state_of(msgspec.structs.replace(of_p1, priority=2), away, NOW + MINUTE) is SHELVED


def test_an_acknowledgement_holds_for_what_stood_then() -> None:
    seen = acknowledged(None, P1, "rina", NOW)
    again = msgspec.structs.replace(P1, since=NOW + MINUTE)
    assert state_of(again, seen, NOW + MINUTE) is NEW, "its crew has gone: that is another occurrence"
    later = acknowledged(seen, again, "budi", NOW + 2 * MINUTE)
    assert (later.acknowledged_by, state_of(again, later, NOW + 2 * MINUTE)) == ("budi", ACKNOWLEDGED)
    late = acknowledged(later, P1, "sari", NOW + 3 * MINUTE)
    assert late == later, "one that was sent late takes nothing back, and who was first stays named"


def test_a_p1_that_was_acknowledged_and_came_again_can_be_shelved() -> None:
    seen, again = acknowledged(None, P1, "rina", NOW), msgspec.structs.replace(P1, since=NOW + MINUTE)
    away = shelved(seen, again, "budi", NOW + 2 * MINUTE, NOW + 9 * MINUTE, "police are there")
    assert state_of(again, away, NOW + 2 * MINUTE) is SHELVED
    taken_down = shelved(away, again, "budi", NOW + 3 * MINUTE, None, "")
    assert state_of(again, taken_down, NOW + 3 * MINUTE) is NEW, "nobody has acknowledged that one"


def test_who_acknowledges_what_came_later_finds_no_older_shelf() -> None:
    """Its crew was lost after it was put away: acknowledged, it was on the shelf again, and called when that ended."""
    away = shelved(None, P1, "budi", NOW, NOW + 9 * MINUTE, "police are there")
    again = msgspec.structs.replace(P1, since=NOW + MINUTE)
    assert state_of(again, away, NOW + MINUTE) is NEW
    seen = acknowledged(away, again, "rina", NOW + 2 * MINUTE)
    assert [state_of(again, seen, NOW + n * MINUTE) for n in (2, 10)] == [ACKNOWLEDGED] * 2
    assert seen.shelved_by == ""


def test_a_shelf_that_arrives_late_replaces_nothing_that_was_done_since() -> None:
    """Put away without a network, it came after its crew was lost and that was acknowledged, or after another shelf."""
    again = msgspec.structs.replace(P1, since=NOW + MINUTE)
    seen = acknowledged(None, again, "rina", NOW + 2 * MINUTE)
    assert shelved(seen, P1, "budi", NOW, NOW + 9 * MINUTE, "late") == seen
    newer = shelved(None, P1, "rina", NOW + 5 * MINUTE, NOW + 9 * MINUTE, "police are there")
    assert shelved(newer, P1, "budi", NOW, NOW + 2 * MINUTE, "late") == newer
    assert shelved(newer, P1, "budi", NOW + 6 * MINUTE, NOW + 7 * MINUTE, "now").shelved_by == "budi"


def test_an_acknowledgement_that_arrives_late_covers_nothing_that_came_since() -> None:
    """A desk without a network knew of the P1; its crew was lost, that was shelved and taken down, and called."""
    again = msgspec.structs.replace(P1, since=NOW + MINUTE)
    away = shelved(None, again, "budi", NOW + 2 * MINUTE, NOW + 9 * MINUTE, "police are there")
    taken_down = shelved(away, again, "budi", NOW + 3 * MINUTE, None, "")
    late = acknowledged(taken_down, P1, "rina", NOW + 4 * MINUTE)
    assert [state_of(one, late, NOW + 4 * MINUTE) for one in (P1, again)] == [ACKNOWLEDGED, NEW]
    assert acknowledged(away, P1, "rina", NOW + 2 * MINUTE) == away, "nor does it end a shelf"
    assert state_of(again, acknowledged(late, again, "rina", NOW + 5 * MINUTE), NOW + 5 * MINUTE) is ACKNOWLEDGED


def test_what_stood_on_the_shelf_is_acknowledged_again() -> None:
    both = shelved(acknowledged(None, P1, "rina", NOW), P1, "budi", NOW, NOW + 15 * MINUTE, "police are there")
    assert state_of(P1, both, NOW + 14 * MINUTE) is SHELVED
    assert state_of(P1, both, NOW + 15 * MINUTE) is NEW
    assert state_of(P1, acknowledged(both, P1, "rina", NOW + 16 * MINUTE), NOW + 16 * MINUTE) is ACKNOWLEDGED


def test_a_p1_is_not_shelved_for_long_nor_by_everybody() -> None:
    forever = shelved(None, P1, "budi", NOW, NOW + timedelta(days=9), "lies")
    assert state_of(P1, forever, NOW + 14 * MINUTE) is SHELVED
    assert state_of(P1, forever, NOW + 15 * MINUTE) is NEW, "whatever a server says"
    assert why_not_shelved(hazard=True, role="operator", lasts=5 * MINUTE) == "A P1 is shelved by a supervisor only"
    assert why_not_shelved(hazard=True, role="supervisor", lasts=15 * MINUTE) == ""
    assert "15 minutes" in why_not_shelved(hazard=True, role="supervisor", lasts=30 * MINUTE)
    assert why_not_shelved(hazard=False, role="operator", lasts=30 * MINUTE) == ""
    assert "12 hours" in why_not_shelved(hazard=False, role="operator", lasts=timedelta(hours=13))


def test_a_p1_that_was_shelved_by_a_clock_that_ran_ahead_calls_when_that_is_right() -> None:
    """Without a network, with the clock a day ahead: it was put away for a day."""
    ahead = NOW + timedelta(days=1)
    away = shelved(None, P1, "budi", ahead, ahead + 5 * MINUTE, "police are there")
    assert state_of(P1, away, ahead) is SHELVED
    assert state_of(P1, away, NOW) is NEW
    assert state_of(P1, shelved(None, P1, "budi", NOW, NOW + 5 * MINUTE, "x"), NOW - MINUTE) is SHELVED, "clocks differ"


def test_ones_own_edits_show_before_any_server_has_them() -> None:
    about = msgspec.to_builtins(P1.stands)
    edits = [
        Edit("e1", Kind.ALARM, None, "rina", "d", 1, NOW, {"alarms": [about], "acknowledged": True}, source="city"),
        Edit("e2", Kind.ALARM, None, "rina", "d", 2, NOW, {"alarms": 7}, source="city"),
        Edit("e3", Kind.ALARM, None, "rina", "d", 3, NOW, {"alarms": [about]}, source="city"),
    ]
    there = {"other": acknowledged(None, alarm(), "budi", NOW)}
    shown = with_changes(there, edits)
    assert shown.keys() == {"other", P1.id}
    assert (shown[P1.id].acknowledged_by, shown[P1.id].version) == ("rina", 1)
    assert there.keys() == {"other"}
    of_unit = Alarm(AlarmKind.SILENT, "city", "u7", NOW, 2, unit="u7")
    record = acknowledged(None, of_unit, "rina", NOW)
    assert (record.unit, record.report) == ("u7", None)


def test_each_kind_says_what_to_do() -> None:
    assert set(TYPES) == set(AlarmKind)
    assert type_of(P1).name == "P1 not taken"
    assert type_of(msgspec.structs.replace(P1, is_taken=True)).name == "P1 without a crew"


class Console:
    """A list that is fed minute by minute."""

    def __init__(self) -> None:
        self.list, self.now, self.records = AlarmList(), NOW, dict[AlarmKey, AlarmRecord]()

    def see(self, *alarms: Alarm) -> dict[str, AlarmState]:
        self.list.found(alarms, ["city"], self.records, self.now)
        return {one.alarm.about: one.state for one in self.all()}

    def all(self) -> tuple[ListedAlarm, ...]:
        return self.list.listed(self.records, lambda _: self.now)

    def calling(self) -> list[str]:
        return [one.alarm.about for one in self.all() if one.calls]

    def acknowledge(self, one: Alarm) -> None:
        self.records[one.key] = acknowledged(self.records.get(one.key), one, "rina", self.now)


@pytest.fixture
def console() -> Console:
    return Console()


def test_what_came_calls_until_it_is_silenced_or_acknowledged(console: Console) -> None:
    old = alarm("1", at=NOW - 60 * MINUTE)
    assert console.see(old) == {"1": NEW}
    assert console.calling() == [], "it stood before this console was opened"
    console.now += MINUTE
    console.see(old, alarm("2"), P1)
    assert console.calling() == ["931204", "2"], "the P1 first"
    assert console.list.load(console.now) == 2
    console.list.silence([P1.key])
    assert console.calling() == ["2"]
    assert console.see(old, alarm("2"), P1)["931204"] is NEW, "silence is no acknowledgement"
    console.acknowledge(alarm("2"))
    assert console.calling() == []
    assert console.see(old, P1) == {"1": NEW, "931204": NEW}, "acknowledged, and over"
    assert console.see(P1) == {"931204": NEW, "1": RETURNED}
    console.acknowledge(old)
    assert console.see(P1) == {"931204": NEW}
    console.now += 11 * MINUTE
    assert console.list.load(console.now) == 0


def test_what_comes_again_calls_again(console: Console) -> None:
    console.see(P1)
    console.acknowledge(P1)
    console.see()
    again = msgspec.structs.replace(P1, since=NOW + 2 * MINUTE)
    console.now += 2 * MINUTE
    assert console.see(again) == {"931204": NEW}
    assert console.calling() == ["931204"]


def test_while_histories_come_in_a_later_beginning_is_no_new_occurrence(console: Console) -> None:
    """A city that is read for the first time brings its reports first, and that a crew was there once much later."""
    late = [msgspec.structs.replace(P1, since=NOW + count * MINUTE) for count in range(4)]
    for alarms, unread in (([], ["city"]), (late[:1], ["city"]), (late[1:2], [])):
        console.list.found(alarms, ["city"], {}, console.now, unread)
        console.list.silence([P1.key])
    console.list.found(late[2:3], ["city"], {}, console.now, ["city"])
    assert console.calling() == ["931204"], "all had been read, so this is another one"
    console.list.silence([P1.key])
    console.list.found(late[3:4], ["city"], {}, console.now)
    assert console.calling() == [], "it began while the city was read anew"


def test_the_list_is_kept_over_a_restart(console: Console) -> None:
    console.see()
    console.see(alarm("1"), alarm("2"))
    console.list.silence([alarm("1").key])
    kept = msgspec.json.decode(msgspec.json.encode(console.list.kept("city")), type=list[KeptAlarm])
    console.list, console.now = AlarmList(), NOW + 30 * MINUTE
    console.list.begin("city", kept)
    console.see(alarm("1"), alarm("3"))
    states = {one.alarm.about: (one.state, one.calls) for one in console.all()}
    assert states == {"1": (NEW, False), "2": (RETURNED, False), "3": (NEW, True)}, "3 came while it was closed"


def test_a_p1_that_was_answered_by_a_crew_is_not_asked_about(console: Console) -> None:
    console.see()
    console.see(P1)
    assert console.see() == {"931204": RETURNED}
    console.see(msgspec.structs.replace(P1, is_taken=True))
    assert console.see() == {}, "who took it has sent the crew that comes now"


def test_a_limit_that_is_passed_again_in_the_same_rain_calls_once(console: Console) -> None:
    """With a report more and one less each minute its tone came each time, and the load of alarms with it."""
    rain = alarm("rain", kind=AlarmKind.LIMIT)
    console.see()
    assert console.see(rain) == {"rain": NEW}
    console.list.silence([rain.key])
    assert console.see() == {"rain": RETURNED}
    assert console.see(rain) == {"rain": NEW}
    assert (console.calling(), console.list.load(console.now)) == ([], 1)
    console.see()
    assert console.see(alarm("rain", kind=AlarmKind.LIMIT, at=NOW + 90 * MINUTE)) == {"rain": NEW}
    assert console.calling() == ["rain"], "another rain"
    console.acknowledge(alarm("rain", kind=AlarmKind.LIMIT, at=NOW + 90 * MINUTE))
    load = console.list.load(console.now)
    assert console.see() == {}
    assert console.see(alarm("rain", kind=AlarmKind.LIMIT, at=NOW + 90 * MINUTE)) == {"rain": AlarmState.ACKNOWLEDGED}
    assert console.list.load(console.now) == load, "what is known already is no load"


def test_what_is_left_out_of_too_many_has_not_returned_to_normal(console: Console) -> None:
    console.see(alarm("1"), alarm("2"))
    console.list.found([], ["city"], {}, console.now, left_out=lambda one: one.about == "1")
    assert {one.alarm.about: one.state for one in console.all()} == {"2": RETURNED}


def test_what_returned_goes_by_itself_after_an_hour(console: Console) -> None:
    console.see(alarm("1"))
    assert console.see() == {"1": RETURNED}
    console.now += 61 * MINUTE
    assert console.see() == {}


def test_a_source_that_was_not_looked_at_keeps_its_alarms(console: Console) -> None:
    console.see(P1)
    console.list.found([], ["other"], {}, console.now)
    assert [one.state for one in console.all()] == [NEW]
    console.list.forget("city")
    assert console.all() == ()


def test_a_clock_that_jumps_makes_no_flood_that_stays(console: Console) -> None:
    console.see()
    console.see(*(alarm(str(number)) for number in range(FLOOD + 1)))
    assert (console.list.load(console.now), len(in_flood(console.all(), console.now))) == (FLOOD + 1,) * 2
    for jump in (timedelta(days=-3), timedelta(days=3)):
        console.now = NOW + jump
        assert (console.list.load(console.now), in_flood(console.all(), console.now)) == (0, frozenset())
        assert set(console.see(*(alarm(str(number)) for number in range(FLOOD + 1))).values()) == {NEW}


def test_a_flood_is_one_line_but_a_p1_never(console: Console) -> None:
    console.see()
    few = [alarm(str(number)) for number in range(FLOOD)]
    console.see(*few, P1)
    assert in_flood(console.all(), console.now) == frozenset()
    console.see(*few, alarm("more"), P1)
    told = in_flood(console.all(), console.now)
    assert len(told) == FLOOD + 1
    assert P1.key not in told
    console.now += 11 * MINUTE
    assert in_flood(console.all(), console.now) == frozenset(), "after ten minutes each has its line"
