"""A date that cannot be is refused wherever it could come in, and one that a city already holds stops nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from console.server.city.city import City
from console.server.city.records import LoadedReport
from tests.unit.server.conftest import START, Api, Clock, a_report

BEFORE_ALL = "0001-01-01T00:00:00+14:00"  # a moment of year 0 in UTC
NEVER = [BEFORE_ALL, "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"]
TOO_FAR = (START + timedelta(days=8)).isoformat()
PHOTO = hashlib.sha256(b"a photo").hexdigest()


def refused(answer: Any, about: str) -> None:
    assert answer.status_code == 422, answer.text
    said = answer.json()["message"]
    assert about in said
    assert "lies before 1970" in said or "lies too far ahead" in said


@pytest.mark.parametrize("when", [*NEVER, TOO_FAR])
def test_nothing_is_dated_where_nothing_can_have_happened(api: Api, when: str) -> None:
    before = api.get("/changes?after=0").json()["upto"]
    made = {"service": "road", "description": "A hole."}
    refused(api.edit(None, "create", made | {"created": when}), "time of the report")
    refused(api.edit(None, "create", made, occurred_at=when), "time at which it was done")
    refused(api.edit("10", "note", {"text": "x"}, occurred_at=when), "time at which it was done")
    refused(api.edit("10", "photo", {"sha256": PHOTO, "taken": when}), "the photo was taken")
    refused(api.edit(None, "unit_state", {"unit": "u1", "state": "break"}, occurred_at=when), "it was done")
    place = {"lat": -6.2, "lon": 106.8, "at": when}
    url = f"{api.url}/dispatch/v1/units/u1/position"
    refused(api.session.put(url, json=place, timeout=60), "time of the position")
    assert api.get("/changes?after=0").json()["upto"] == before


@pytest.mark.parametrize("when", NEVER)
def test_a_pause_ends_on_a_day_of_the_calendar(api: Api, when: str) -> None:
    hold = {"reason": "No pump.", "waits_for": "material"}
    refused(api.edit("10", "set", {"hold": hold | {"until": when}}), "end of the pause")
    api.ok("10", "set", {"hold": hold | {"until": "2027-12-31T00:00:00Z"}})  # what is planned lies ahead


def test_a_clock_that_is_a_little_ahead_is_taken_for_now(api: Api) -> None:
    ahead = (START + timedelta(days=6)).isoformat()
    made = api.ok(None, "create", {"service": "road", "description": "A hole.", "created": ahead})
    assert datetime.fromisoformat(made["report"]["created"]) < START + timedelta(hours=1)


def test_an_edit_of_before_the_servers_clock_was_set_back_is_taken(api: Api, clock: Clock) -> None:
    api.ok("10", "note", {"text": "x"})
    done = START.isoformat()
    clock.skip(days=-2000)
    made = api.ok(None, "create", {"service": "road", "description": "Water in the street."}, occurred_at=done)
    assert datetime.fromisoformat(made["report"]["created"]) < START - timedelta(days=1999)
    refused(api.edit("10", "note", {"text": "x"}, occurred_at=TOO_FAR), "it was done")


def test_a_report_of_before_year_one_that_a_city_holds_stops_no_comparison(city: City, api: Api) -> None:
    city.load([LoadedReport(replace(a_report("20"), created=datetime.fromisoformat(BEFORE_ALL)))])
    for first in ("0001-01-01", "1969-12-31", "2026-03-02", "9999-12-31"):
        told = api.get(f"/digest?from={first}&to={first}")
        assert told.status_code == 200, told.text
    assert api.get("/digest?from=1969-12-31&to=1969-12-31").json()["earlier"] is None


def test_a_report_of_before_year_one_stops_no_reader_of_open_311(city: City, api: Api) -> None:
    city.load([LoadedReport(replace(a_report("20"), created=datetime.fromisoformat(BEFORE_ALL)))])
    for form in ("json", "xml"):
        for address in ("requests/20", "requests"):
            query = "?updated_after=2026-01-01T00:00:00Z"
            told = api.session.get(f"{api.url}/open311/v2/{address}.{form}{query}", timeout=60)
            assert (told.status_code, "A hole." in told.text) == (200, True), told.text


def test_citizens_updates_bear_possible_dates_too(api: Api) -> None:
    form = {
        "service_request_id": "10",
        "update_id": "900",
        "status": "OPEN",
        "description": "Still there.",
        "updated_datetime": "1969-12-31T00:00:00Z",
    }
    url = f"{api.url}/open311/v2/servicerequestupdates.json"
    told = api.session.post(url, data=form, timeout=60)
    assert told.status_code >= 400
    assert "before 1970" in told.text
