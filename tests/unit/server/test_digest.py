"""The digest, by which a copy is compared with the server: one line for each day."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from console.rules.digest import days_of
from console.server.city.city import City
from console.server.city.records import LoadedReport
from tests.unit.server.conftest import START, Api, a_report

DAY = START.date().isoformat()


def numbers(city: City) -> dict[str, int]:
    return {item.id: item.seq for item in city.snapshot(None).items if item.kind == "report"}


def test_a_digest_is_what_the_feed_gives(city: City, api: Api) -> None:
    later = msgspec.structs.replace(a_report("20"), created=START + timedelta(days=3, hours=17))
    city.load([LoadedReport(later)])
    found = api.get(f"/digest?from={DAY}&to=2026-03-20").json()
    day = int(START.timestamp()) // 86400
    rows = [(key, seq, day + 4 if key == "20" else day) for key, seq in numbers(city).items()]
    days = msgspec.to_builtins(days_of(rows))
    assert (found["days"], found["seq"], found["epoch"]) == (days, city.seq(), city.epoch)
    assert [each["count"] for each in found["days"]] == [3, 1]


def test_a_change_changes_the_hash_of_its_day_only(city: City, api: Api) -> None:
    before = api.get(f"/digest?from={DAY}&to={DAY}").json()
    api.ok("10", "set", {"priority": 1})
    after = api.get(f"/digest?from={DAY}&to={DAY}").json()
    assert before["days"][0]["count"] == after["days"][0]["count"]
    assert before["days"][0]["hash"] != after["days"][0]["hash"]


def test_the_last_day_before_tells_where_to_ask_on(city: City, api: Api) -> None:
    old = msgspec.structs.replace(a_report("20"), created=START.replace(year=1961))
    city.load([LoadedReport(old)])
    asked = [("9999-12-31", "9999-12-31"), (DAY, DAY), (old.created.date().isoformat(), "1961-12-31")]
    told = [api.get(f"/digest?from={first}&to={last}").json()["earlier"] for first, last in asked]
    assert told == [DAY, old.created.date().isoformat(), None]


def test_one_day_lists_its_reports(city: City, api: Api) -> None:
    found = api.get(f"/digest/{DAY}").json()
    assert found["reports"] == numbers(city)
    assert api.get("/digest/2020-01-01").json()["reports"] == {}


def test_nonsense_is_refused(api: Api) -> None:
    for query in (
        "",
        f"?from={DAY}",
        f"?from=tomorrow&to={DAY}",
        f"?from={DAY}&to=2026-01-01",
        f"?from=2020-01-01&to={DAY}",
    ):
        assert api.get(f"/digest{query}").status_code == 422, query
    assert api.get("/digest/now").status_code == 422
