"""Alarms at the server: acknowledged and shelved once, by whom they are for, and in the feed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import AlarmRecord, Area, AssignmentState, EditBody, Kind, Limit, Unit, UnitState
from console.rules.alarms import MOST_OF_HAZARD
from console.server.admin.apply import apply_setup
from console.server.admin.setup import CitySetup
from console.server.city import audit
from console.server.city.city import City
from console.server.city.records import COMMAND_LINE, LOCAL, LoadedReport
from console.server.city.users import Users, add_user
from console.server.http.rate_limit import RateLimits
from tests.unit.server.conftest import START, Api, Clock, a_report, let_pass, recorded, running
from tests.unit.server.test_rights import UNLIMITED

MINUTE = timedelta(minutes=1)
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def about(key: str = "10", kind: str = "sla_breach", since: datetime = START) -> dict[str, Any]:
    return {"kind": kind, "about": key, "since": since.isoformat()}


def shelf(until: datetime, *alarms: dict[str, Any], reason: str = "crew is near") -> dict[str, Any]:
    return {"alarms": list(alarms or (about(),)), "shelved_until": until.isoformat(), "reason": reason}


def found(city: City) -> dict[str, AlarmRecord]:
    items = [item for item in city.snapshot().items if item.kind == "alarm"]
    return {item.id: decode(bytes(item.data), AlarmRecord) for item in items}


@pytest.fixture
def url(city: City, tmp_path: Path) -> Iterator[str]:
    with running(city, tmp_path / "media", Users(city), limits=RateLimits(UNLIMITED)) as url:
        yield url


def test_it_is_acknowledged_and_shelved_once_and_everybody_reads_it(api: Api, city: City) -> None:
    before = city.seq()
    made = api.ok(None, "alarm", {"alarms": [about(), about("11")], "acknowledged": True}, key="both-of-them")
    assert (made["report"], made["entry"]["kind"]) == (None, "alarm")
    assert [item.id for item in city.changes(before).items if item.kind == "alarm"] == [
        "sla_breach:10",
        "sla_breach:11",
    ]
    record = found(city)["sla_breach:10"]
    assert (record.report, record.unit, record.acknowledged_by, record.version) == ("10", None, "local", 1)
    again = api.edit(None, "alarm", {"alarms": [about(), about("11")], "acknowledged": True}, key="both-of-them")
    assert again.headers["Idempotent-Replay"] == "true"
    api.ok(None, "alarm", shelf(START + 30 * MINUTE))
    record = found(city)["sla_breach:10"]
    assert (record.shelved_until, record.reason, record.version) == (START + 30 * MINUTE, "crew is near", 2)
    api.ok(None, "alarm", {"alarms": [about()], "shelved_until": None})
    record = found(city)["sla_breach:10"]
    assert (record.shelved_until, record.acknowledged_by, record.version) == (None, "local", 3)
    seq = city.seq()
    api.ok(None, "alarm", {"alarms": [about()], "acknowledged": True})
    assert [item.kind for item in city.changes(seq).items] == ["entry"], "it was acknowledged already"


def test_an_acknowledgement_that_comes_late_does_not_cover_what_came_again(city: City) -> None:
    def acknowledge(key: str, since: datetime, at: datetime) -> None:
        data = {"alarms": [about(since=since)], "acknowledged": True}
        city.apply(EditBody(key, Kind.ALARM, occurred_at=at, late=True, data=data), actor=LOCAL)

    acknowledge("first-edit", START - MINUTE, START - MINUTE)
    record = found(city)["sla_breach:10"]
    assert (record.since, record.acknowledged_at) == (START - MINUTE, START - MINUTE), (
        "when it was done, not when it was sent"
    )
    acknowledge("late-edit", START - 2 * MINUTE, START)
    assert found(city)["sla_breach:10"] == record, "an older occurrence is none of the present one"


@one_database
def test_no_loss_of_a_crew_is_acknowledged_before_it_comes(city: City) -> None:
    """Two minutes are left for clocks that differ: a crew that is lost within them is a new alarm all the same."""
    city.load([LoadedReport(a_report("p1", priority=1))])
    ahead = about("p1", "crewless", START + MINUTE)
    city.apply(EditBody("ahead-of-it", Kind.ALARM, data={"alarms": [ahead], "acknowledged": True}), actor=LOCAL)
    record = found(city)["crewless:p1"]
    assert record.acknowledged_by == "local"
    assert START <= record.since < START + MINUTE


@one_database
def test_a_p1_that_was_made_later_than_now_is_acknowledged_and_one_that_has_not_begun_takes_no_other_with_it(
    api: Api, city: City
) -> None:
    """A file had the hours of another zone: until these had passed all that stood with it was refused with each key."""
    later = START + timedelta(hours=7)
    report = msgspec.structs.replace(a_report("p1", priority=1), created=later, updated=later)
    city.load([LoadedReport(report)])
    ahead = [about("p1", "crewless", later), about("10"), about("11", since=START + 9 * MINUTE)]
    made = api.ok(None, "alarm", {"alarms": ahead, "acknowledged": True})
    assert [one["about"] for one in made["entry"]["data"]["alarms"]] == ["10", "p1"]
    assert found(city)["crewless:p1"].since == later


@one_database
@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({"alarms": [about()]}, 422, "neither"),
        ({"alarms": [], "acknowledged": True}, 422, "alarms"),
        ({"alarms": [about()] * 2, "acknowledged": True}, 422, "twice"),
        ({"alarms": [about(str(n)) for n in range(201)], "acknowledged": True}, 422, "alarms"),
        ({"alarms": [about("9999")], "acknowledged": True}, 404, "no report 9999"),
        ({"alarms": [about("9999"), about("u9", "silent")], "acknowledged": True}, 404, "no report 9999"),
        ({"alarms": [about("10", "crewless")], "acknowledged": True}, 404, "is no P1"),
        ({"alarms": [about("rain", "limit")], "acknowledged": True}, 404, "no limit rain"),
        ({"alarms": [about("city", "source")], "acknowledged": True}, 422, "that cannot reach it alone"),
        ({"alarms": [about(kind="market")], "acknowledged": True}, 422, "does not fit"),
        ({"alarms": [about(since=START + 3 * MINUTE)], "acknowledged": True}, 422, "not begun"),
        ({"alarms": [about(since=START + timedelta(days=800))], "acknowledged": True}, 422, "too far ahead"),
        (shelf(START + timedelta(hours=13)), 403, "12 hours"),
        (shelf(START + MINUTE, reason="  "), 422, "reason"),
        ({"alarms": [about()], "shelved_until": (START + MINUTE).isoformat()}, 422, "reason"),
        (shelf(START + MINUTE, reason="x" * 501), 422, "too long"),
        ({"alarms": [about()], "shelved_until": "2200-01-01T00:00:00Z", "reason": "x"}, 422, "too far ahead"),
        ({"alarms": 7, "acknowledged": True}, 422, "does not fit"),
    ],
)
def test_what_cannot_be_is_refused_as_a_whole(
    api: Api, city: City, data: dict[str, Any], status: int, words: str
) -> None:
    before = city.seq()
    answer = api.edit(None, "alarm", data)
    assert (answer.status_code, words in answer.json()["message"]) == (status, True), answer.text
    assert city.seq() == before


@one_database
def test_a_p1_is_shelved_by_a_supervisor_only_and_for_a_quarter_of_an_hour(city: City, url: str) -> None:
    city.load([LoadedReport(a_report("p1", priority=1))])
    city.apply(EditBody("sent-to-p1", Kind.DISPATCH, data={"unit": "u1"}), report="p1", actor=LOCAL)
    people = {role: Api(url, add_user(city, role, role)) for role in ("operator", "supervisor")}
    of_unit = [about("u1", kind) for kind in ("not_arrived", "unanswered", "silent")]
    for alarm in (about("p1", "crewless"), about("p1"), *of_unit):
        refused = people["operator"].edit(None, "alarm", shelf(START + MINUTE, alarm))
        assert (refused.status_code, refused.json()["message"]) == (403, "A P1 is shelved by a supervisor only.")
        refused = people["supervisor"].edit(None, "alarm", shelf(START + 2 * MOST_OF_HAZARD, alarm))
        assert (refused.status_code, "15 minutes" in refused.json()["message"]) == (403, True)
        people["supervisor"].ok(None, "alarm", shelf(START + MOST_OF_HAZARD, alarm))
        people["operator"].ok(None, "alarm", {"alarms": [alarm], "acknowledged": True})
    people["operator"].ok(None, "alarm", shelf(START + 30 * MINUTE, about("u2", "silent")))
    jobs = city.assignments("p1")
    assert [job.state for job in jobs] == [AssignmentState.DISPATCHED], "nothing else has become of it"
    for api in people.values():
        api.session.close()


@one_database
def test_alarms_of_units_are_for_those_in_whose_scope_they_work(city: City, url: str) -> None:
    city.put_units([Unit("far", "FAR", UnitState.AVAILABLE, START, areas=("w2",), agency="lh")])
    warden = Api(url, add_user(city, "warden", "operator", areas=["w1"]))
    far = warden.edit(None, "alarm", {"alarms": [about("far", "silent")], "acknowledged": True})
    assert (far.status_code, "outside the areas" in far.json()["message"]) == (403, True)
    city.load([LoadedReport(a_report("w2r", area="w2"))])
    both = warden.edit(None, "alarm", {"alarms": [about("10"), about("w2r")], "acknowledged": True})
    # Of several alarms acknowledged with one key, one that is another's by now takes no other with it.
    assert (both.status_code, list(found(city))) == (200, ["sla_breach:10"])
    assert [one["about"] for one in both.json()["entry"]["data"]["alarms"]] == ["10"]
    gone = warden.edit(None, "alarm", {"alarms": [about("10", since=START), about("9999")], "acknowledged": True})
    assert gone.status_code == 200
    other = warden.edit(None, "alarm", {"alarms": [about("10")], "acknowledged": True}, undoes="both-of-them")
    assert other.status_code == 422
    warden.session.close()


def test_who_did_it_is_in_the_audit_log_without_the_words(api: Api, city: City) -> None:
    edit = api.ok(None, "alarm", shelf(START + MINUTE, reason="Pak Budi is there"))["entry"]["edit"]
    with city.database.read() as connection:
        *_, row = audit.rows_after(connection, 0)
    assert (row.who, row.what, row.edit) == ("local", "write", edit)
    assert recorded(row.detail) == {"kind": "alarm", "alarms": ["sla_breach:10"]}


def test_two_who_do_something_about_one_alarm_at_once_both_have_done_it(city: City) -> None:
    """Nobody had touched it before: of two who made its record the second wrote over the first."""
    known = {"alarms": [about(), about("u1", "silent")], "acknowledged": True}
    away = shelf(START + MINUTE, about("u1", "silent"), about())
    for turn in range(4):
        city.put_units([Unit(f"t{turn}", f"T{turn}", UnitState.AVAILABLE, START)])
        city.load([LoadedReport(a_report(f"r{turn}"))])
        start = threading.Barrier(2)

        def do(name: str, data: dict[str, Any], turn: int = turn, start: threading.Barrier = start) -> None:
            text = json.dumps(data).replace('"10"', f'"r{turn}"').replace('"u1"', f'"t{turn}"')
            start.wait()
            city.apply(EditBody(f"{name}-at-once-{turn}", Kind.ALARM, data=json.loads(text)), actor=LOCAL)

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(do, *one) for one in (("known", known), ("away", away))]:
                done.result()
        for key in (f"sla_breach:r{turn}", f"silent:t{turn}"):
            record = found(city)[key]
            assert (record.acknowledged_by, record.shelved_by, record.version) == ("local", "local", 2), key


def test_records_go_thirty_days_after_they_were_touched(api: Api, city: City, clock: Clock) -> None:
    api.ok(None, "alarm", {"alarms": [about()], "acknowledged": True})
    before = city.seq()
    let_pass(city, clock, 31)
    assert ("gone", "alarm/sla_breach:10") in [(item.kind, item.id) for item in city.changes(before).items]


@one_database
def test_a_limit_that_is_passed_is_acknowledged_by_operators_while_the_city_has_it(city: City, url: str) -> None:
    city.put_limits([Limit("rain", "Flood spreads", "cat=road", 1, 30, 2)])
    rina, budi = Api(url, add_user(city, "rina", "operator")), Api(url, add_user(city, "budi", "validator"))
    rain = {"alarms": [about("rain", "limit")], "acknowledged": True}
    assert budi.edit(None, "alarm", rain).status_code == 403
    rina.ok(None, "alarm", rain)
    record = found(city)["limit:rain"]
    assert (record.acknowledged_by, record.report, record.unit, record.since) == ("rina", None, None, START)
    rina.ok(None, "alarm", shelf(START + 30 * MINUTE, about("rain", "limit")))
    city.remove("limit", "rain")
    assert rina.edit(None, "alarm", rain).status_code == 404
    for api in (rina, budi):
        api.session.close()


@one_database
def test_a_limit_is_acknowledged_and_shelved_by_whom_it_concerns(city: City, url: str) -> None:
    """A colleague of another district put it away for twelve hours, at every desk."""
    city.put_areas([Area("31", "North", 2), Area("31.01", "Harbour", 3, parent="31"), Area("32", "South", 2)])
    city.put_limits([Limit("rain", "Flood spreads", "area=north", 1, 30, 2), Limit("all", "Everything", "", 1, 30, 2)])
    ani, budi = (
        Api(url, add_user(city, name, "operator", areas=areas))
        for name, areas in (("ani", ["32"]), ("budi", ["31.01"]))
    )
    for data in ({"alarms": [about("rain", "limit")], "acknowledged": True}, shelf(START, about("rain", "limit"))):
        refused = ani.edit(None, "alarm", data)
        assert (refused.status_code, "outside" in refused.json()["message"]) == (403, True)
    assert found(city) == {}
    ani.ok(None, "alarm", {"alarms": [about("rain", "limit"), about("all", "limit")], "acknowledged": True})
    assert set(found(city)) == {"limit:all"}
    budi.ok(None, "alarm", {"alarms": [about("rain", "limit")], "acknowledged": True})
    assert set(found(city)) == {"limit:all", "limit:rain"}
    for api in (ani, budi):
        api.session.close()


@one_database
def test_nothing_is_done_about_a_shift_that_is_not_over(api: Api, city: City) -> None:
    for about_ in ("shift:9999-12-31T23:59Z", "shift:2026-03-03T08:00Z"):
        data = {"alarms": [about(about_, "unsigned")], "acknowledged": True}
        refused = api.edit(None, "alarm", data)
        assert (refused.status_code, refused.json()["message"]) == (422, "The alarm has not begun yet.")
    over = about("shift:2026-03-02T00:00Z", "unsigned", START.replace(hour=0, minute=15))
    api.ok(None, "alarm", {"alarms": [over], "acknowledged": True})
    assert set(found(city)) == {"unsigned:shift:2026-03-02T00:00Z"}


@one_database
def test_what_was_done_about_a_limit_goes_when_it_counts_something_else(api: Api, city: City) -> None:
    """A limit of fires that took the id of one of floods stood acknowledged, or on the shelf, before anybody saw it."""
    limit = Limit("rain", "Flood spreads", "cat=road", 1, 30, 2)
    for change, stays in (
        ({"name": "Floods spread", "priority": 3}, True),
        ({"filter": ""}, False),
        ({"above": 2}, False),
        ({"within_minutes": 60}, False),
        (None, False),
    ):
        apply_setup(city, CitySetup(limits=(limit,)), COMMAND_LINE)
        api.ok(None, "alarm", {"alarms": [about("rain", "limit")], "acknowledged": True})
        apply_setup(city, CitySetup(limits=(replace(limit, **change),) if change else ()), COMMAND_LINE)
        assert ("limit:rain" in found(city)) is stays, change
    seq = city.seq()
    apply_setup(city, CitySetup(limits=(limit,)), COMMAND_LINE)
    api.ok(None, "alarm", {"alarms": [about("rain", "limit")], "acknowledged": True})
    apply_setup(city, CitySetup(limits=()), COMMAND_LINE)
    gone = [item.id for item in city.changes(seq).items if item.kind == "gone"]
    assert {"alarm/limit:rain", "limit/rain"} <= set(gone)
