"""Requests chosen by the arguments of the standard and beyond it, in pages, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import requests
from msgspec.structs import replace

from api_client.model import Contact, Report, Status
from console.server.city.city import City
from console.server.city.records import LoadedReport
from tests.unit.server.conftest import START, Api, Clock, a_report


def ask(api: Api, path: str, **more: Any) -> requests.Response:
    return api.session.get(f"{api.url}/open311/v2/{path}", timeout=10, **more)


def get(api: Api, path: str, **params: Any) -> Any:
    return ask(api, path, params=params).json()


def ids(api: Api, **params: Any) -> list[str]:
    return [each["service_request_id"] for each in get(api, "requests.json", **params)]


def test_requests_tell_nothing_personal_and_duplicates_follow_the_main_report(api: Api, city: City) -> None:
    city.load(
        [
            LoadedReport(a_report("20", status=Status.RESOLVED), contact=Contact("Siti")),
            LoadedReport(a_report("21", description="Call 0812 3456 7890 or a@b.id", agency="pu")),
        ]
    )
    api.ok("10", "note", {"text": "internal"})
    api.ok("10", "reply", {"text": "we come"})
    api.ok("11", "merge", {"into": "10"})
    api.ok("12", "merge", {"into": "21"})
    found = {each["service_request_id"]: each for each in get(api, "requests.json")}
    assert {key: each["status"] for key, each in found.items()} == {
        "10": "open",
        "11": "closed",
        "12": "closed",
        "20": "closed",
        "21": "open",
    }
    assert found["10"]["status_notes"] == found["11"]["status_notes"] == "we come"
    assert found["12"]["status_notes"] == "Duplicate of request 21."
    assert found["21"]["agency_responsible"] == "Public works"
    for secret in ("Siti", "internal", "0812", "a@b.id"):
        assert secret not in str(found)
    assert (found["10"]["lat"], found["10"]["long"], found["10"]["zipcode"]) == (None, None, None)
    assert found["10"]["requested_datetime"] == "2026-03-02T08:00:00Z"
    city.remove("report", "20")
    assert get(api, "requests/20.json")[0]["code"] == 404
    assert "20" not in ids(api)


def test_every_filter_of_the_standard(api: Api, city: City) -> None:
    city.load([LoadedReport(a_report("20", status=Status.RESOLVED)), LoadedReport(a_report("21", service="talk"))])
    assert ids(api, status="closed") == ["20"]
    assert len(ids(api, status="open,closed")) == 5
    assert ids(api, service_code="talk") == ["21", "12"]
    assert len(get(api, "requests.json?service_code=talk&service_code=road,none")) == 5
    assert ids(api, service_request_id="10, 20,none", status="open", start_date="2027-01-01T00:00:00Z") == ["20", "10"]
    assert len(ids(api, service_request_id="", status="", start_date="", page="", bbox="", jurisdiction_id="")) == 5
    assert ids(api, start_date="2026-03-02T15:00:01+07:00") == []
    assert len(ids(api, start_date="2026-03-02T15:00:00+07:00", end_date="2026-03-02T08:00:00Z")) == 5
    assert len(ask(api, "requests.json?start_date=2026-03-02T15:00:00+07:00").json()) == 5
    assert get(api, "tokens/10.json") == [{"service_request_id": "10", "token": "10"}]
    assert get(api, "tokens/none.json") == [{"code": 404, "description": "token none was not found."}]


def test_a_question_never_spans_more_than_ninety_days(api: Api, city: City) -> None:
    days = {"old": 200, "middle": 100, "young": 10}
    city.load([LoadedReport(replace_created(key, days[key])) for key in days])
    assert "young" in ids(api)
    assert not {"old", "middle"} & set(ids(api))
    assert ids(api, start_date=before(201)) == ["old"]
    assert ids(api, start_date=before(110), end_date=before(90)) == ["middle"]
    assert ids(api, end_date=before(150)) == ["old"]
    assert ids(api, service_request_id="old") == ["old"]
    refused = ask(api, "requests.json", params={"start_date": before(201), "end_date": before(1)})
    assert (refused.status_code, refused.json()[0]["description"]) == (
        400,
        "start_date and end_date may not span more than 90 days.",
    )
    assert set(ids(api, updated_after=before(300))) >= {"old", "middle", "young"}


def replace_created(key: str, days: int) -> Report:
    at = START - timedelta(days=days)
    return replace(a_report(key), created=at, updated=at)


def before(days: int) -> str:
    return (START - timedelta(days=days)).isoformat()


def test_pages_are_stable_for_equal_times_and_extensions_filter(api: Api, city: City, clock: Clock) -> None:
    city.load([LoadedReport(a_report(f"p{n}", lat=-6.0 - n / 100, lon=106.0 + n / 100)) for n in range(7)])
    whole = ids(api)
    assert whole == sorted(whole, reverse=True)
    pages = [ids(api, page_size=3, page=page) for page in (1, 2, 3, 4, 5)]
    assert [len(page) for page in pages] == [3, 3, 3, 1, 0]
    assert [key for page in pages for key in page] == whole
    assert ids(api, bbox="106.015,-6.035,106.035,-6.0") == ["p3", "p2"]
    clock.skip(hours=1)
    api.ok("12", "reply", {"text": "hello"})
    assert ids(api, updated_after="2026-03-02T08:30:00Z") == ["12"]
    assert "12" not in ids(api, updated_before="2026-03-02T08:30:00Z")
