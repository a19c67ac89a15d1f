"""The citizens' side: services, requests with filters and pages, and new requests with photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from console.domain.report import Contact
from console.domain.status import Status
from console.server.city import City
from console.server.clients import add_client
from console.server.records import LOCAL, LoadedReport
from console.server.users import Users, add_user
from tests.unit.server.conftest import Api, a_report, running


def get(api: Api, path: str, **params: Any) -> Any:
    return api.session.get(f"{api.url}/open311/v2/{path}", params=params, timeout=10).json()


def post(api: Api, **more: Any) -> Any:
    return api.session.post(f"{api.url}/open311/v2/requests.json", timeout=10, **more)


def test_services_and_their_definitions(api: Api) -> None:
    assert [service["service_code"] for service in get(api, "services.json")] == ["road", "talk"]
    assert get(api, "services/road.json")["service_code"] == "road"
    assert get(api, "services/none.json")[0]["code"] == 404
    assert get(api, "discovery.json")["endpoints"][0]["url"].endswith("/open311/v2")


def test_requests_are_filtered_and_paged_and_tell_nothing_personal(api: Api, city: City) -> None:
    city.load([LoadedReport(a_report("20", status=Status.RESOLVED), contact=Contact("Siti"))])
    api.ok("10", "note", {"text": "internal"})
    api.ok("10", "reply", {"text": "we come"})
    api.ok("11", "merge", {"into": "10"})
    requests = {each["service_request_id"]: each for each in get(api, "requests.json")}
    assert {key: each["status"] for key, each in requests.items()} == {
        "10": "open",
        "11": "closed",
        "12": "open",
        "20": "closed",
    }
    assert requests["10"]["status_notes"] == requests["11"]["status_notes"] == "we come"
    assert "Siti" not in str(requests)
    assert "internal" not in str(requests)
    assert [each["service_request_id"] for each in get(api, "requests.json", status="closed")] == ["20", "11"]
    assert [each["service_request_id"] for each in get(api, "requests.json", page_size=3, page=2)] == ["10"]
    assert get(api, "requests.json", updated_after="2099-01-01T00:00:00Z") == []
    assert len(get(api, "requests.json", service_request_id="10,12,none")) == 2
    assert get(api, "requests.json", start_date="yesterday")[0]["code"] == 400
    assert get(api, "requests/10.json")[0]["service_name"] == "Road"
    assert get(api, "requests/none.json")[0]["code"] == 404


def test_a_citizens_form_becomes_a_report_with_area_contact_and_photo(api: Api, city: City) -> None:
    form = {"service_code": "road", "lat": "-6.85", "long": "106.15", "description": "A hole", "phone": "0812"}
    made = post(api, data=form, files={"media": ("x.jpg", b"\xff\xd8\xff1234", "image/jpeg")})
    assert made.status_code == 201
    report = city.report(made.json()[0]["service_request_id"])
    assert (report.area, report.channel, report.priority, report.status) == ("w1", "open311", 2, Status.NEW)
    assert city.contact(report.id, LOCAL).phone == "0812"
    assert api.get(f"/media/{report.photos[0].sha256}").content == b"\xff\xd8\xff1234"
    assert post(api, json={"service_code": "road", "address_string": "Jl. X 1"}).status_code == 201


def test_what_cannot_be_a_request_is_refused_in_its_words(api: Api, city: City, tmp_path: Path) -> None:
    for form in (
        {},
        {"service_code": "road"},
        {"service_code": "road", "lat": "x", "long": "1"},
        {"service_code": "road", "lat": "99", "long": "1"},
    ):
        answer = post(api, data=form)
        assert (answer.status_code, answer.json()[0]["code"]) == (400, 400), form
    assert post(api, data={"service_code": "none", "lat": "1", "long": "1"}).status_code == 404
    good = {"service_code": "road", "address_string": "Jl. X 1"}
    add_user(city, "somebody", "operator")
    key = add_client(city, "portal")
    with running(city, tmp_path / "media2", Users(city)) as url:
        strict = Api(url)
        assert post(strict, data=good).status_code == 403
        assert post(strict, data=good | {"api_key": key}).status_code == 201
        strict.session.close()
