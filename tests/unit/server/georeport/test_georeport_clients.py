"""The citizens' side asked by programs that others wrote, and by what was recorded of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from defusedxml.ElementTree import fromstring
from georeport import GeoReport as Client
from msgspec.structs import replace

from api_client.model import AttributeValue, Datatype, Service, ServiceAttribute
from console.server.city.city import City
from console.server.city.clients import add_client
from console.server.city.records import CitizenOptions, LoadedReport, Posting
from tests.helpers.pictures import picture
from tests.unit.server.conftest import Api, Clock, a_report, running

_DEPTH = ServiceAttribute("depth", "depth of pothole, in centimetres", Datatype.NUMBER, required=True, order=1)
_SHAPE = ServiceAttribute(
    "shape",
    "shape of the pothole",
    Datatype.SINGLEVALUELIST,
    order=2,
    values=tuple(AttributeValue(key, key.title()) for key in ("square", "circle", "triangle")),
)
_POTHOLES = (
    Service("POT", "Pothole Repairs", "highways", attributes=(_DEPTH, _SHAPE)),
    Service("SPOT", "Sorted Pothole Repairs", "highways", attributes=(_DEPTH, _SHAPE)),
    Service("BIN", "Bin Enforcement"),
)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Here SQLite is enough."""
    return f"sqlite:///{tmp_path / 'city.db'}"


@pytest.fixture
def potholes(city: City, tmp_path: Path) -> Iterator[tuple[Api, str]]:
    """The city that the recorded requests were made to, and an api_key."""
    city.put_services(_POTHOLES)
    city.load([LoadedReport(replace(a_report(key), service="POT")) for key in ("0", "1")])
    key = add_client(city, "FixMyStreet")
    with running(city, tmp_path / "media", citizens=CitizenOptions(Posting.KEYED, "localtest")) as url:
        api = Api(url)
        yield api, key
        api.session.close()


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_client_georeport_reads_both_formats(
    api: Api, city: City, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    city.put_services(_POTHOLES)
    client = Client(f"{api.url}/open311/v2/", output_format=form)
    assert {each["service_code"] for each in client.get_service_list()} >= {"POT", "SPOT", "BIN", "road"}
    definition: Any = client.get_service_definition("POT")
    assert definition["service_code"] == "POT"
    attributes = definition["attributes"] if form == "json" else definition["attributes"]["attribute"]
    assert [each["code"] for each in attributes] == ["depth", "shape"]
    found = client.get_service_requests(status="open", start_date="2026-01-01T00:00:00Z", service_code="road,talk")
    assert [each["service_request_id"] for each in found] == ["12", "11", "10"]
    assert [each["status"] for each in client.get_service_requests(service_request_id="10,12")] == ["open", "open"]
    assert client.get_service_request("11")["service_name"] == "Road"
    with pytest.raises(requests.HTTPError):
        client.get_service_request("none")


def test_what_the_client_three_sends_is_understood(api: Api) -> None:
    """Its requests as three 0.8.0 makes them: times without a zone's offset, empty api_key, one photo."""

    def get(path: str) -> Any:
        answer = api.session.get(f"{api.url}/open311/v2/{path}", timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(**more: Any) -> Any:
        return api.session.post(f"{api.url}/open311/v2/requests.json", timeout=10, **more).json()

    assert get("discovery.json")["endpoints"]
    assert [each["service_code"] for each in get("services.json")] == ["road", "talk"]
    assert get("services/road.json")["attributes"] == []
    assert len(get("requests.json?status=open&service_code=road&page_size=1")) == 1
    assert len(get("requests.json?start_date=2026-03-01T00%3A00%3A00Z&end_date=2026-03-03T00%3A00%3A00Z")) == 3
    assert get("requests/10.json?jurisdiction_id=city.gov")[0]["service_code"] == "road"
    assert get("tokens/10.json")[0]["service_request_id"] == "10"
    form = {
        "phone": "555-5555",
        "description": "My issue description.",
        "service_code": "road",
        "address_string": "123 Any St",
        "first_name": "Zach",
        "last_name": "Williams",
        "api_key": "",
    }
    (made,) = post(data=form)
    assert get(f"requests/{made['service_request_id']}.json")[0]["address"] == "123 Any St"
    (made,) = post(data=form, files={"media": ("photo.png", io.BytesIO(picture("PNG")))})
    assert len(api.report(made["service_request_id"])["photos"]) == 1
    assert post(data={"service_code": "0", "api_key": ""}) == [
        {"code": 404, "description": "service_code 0 was not found."}
    ]


_ANSWERED_OTHERWISE = {
    "008_request_unknown": 404,
    "031_request_unknown": 404,
    "041_update_unknown_request": 404,
    "047_token": 404,
    "013_post_no_key": 403,
    "016_post_empty": 403,
    "035_post_bad_key": 403,
    "014_post_unknown_service": 404,
    "037_post_unknown_service": 404,
    "038_post_bad_jurisdiction": 404,
    "032_post_ok": 201,
}
"""Where the recorded server fails (500), or says otherwise than the standard."""


def test_requests_recorded_at_open311_adapter_are_answered_alike(
    potholes: tuple[Api, str], city_data: Path, clock: Clock
) -> None:
    api, key = potholes
    recorded = sorted((city_data / "responses" / "recorded_open311_adapter").glob("*.meta.json"))
    api.ok("1", "reply", {"text": "We come."})
    compared = 0
    for path in recorded:
        exchange = json.loads(path.read_text())
        asked, name = exchange["request"], path.name.removesuffix(".meta.json")
        body = asked["body"].replace("local-key", key) if asked["body"] else None
        before = clock.now
        if asked["method"] == "POST":
            clock.now = datetime(2026, 11, 25, tzinfo=UTC)  # what it tells was done by then
        answer = api.session.request(
            asked["method"], f"{api.url}/open311/v2{asked['path']}", data=body, headers=asked["headers"], timeout=10
        )
        clock.now = before
        assert answer.status_code == _ANSWERED_OTHERWISE.get(name, exchange["status"]), (name, answer.text)
        theirs = path.with_name(exchange["body_file"]).read_bytes()
        if exchange["status"] == 200 and answer.ok and (ours := _names(answer.content)):
            assert _names(theirs) <= ours, name
            compared += 1
    assert compared >= 12


def _names(body: bytes) -> set[str]:
    """The names of all fields of an answer."""
    if body.lstrip().startswith(b"<"):
        return {each.tag for each in fromstring(body).iter()}
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            found.update(value)
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            look(each)

    look(json.loads(body))
    return found


def test_requests_recorded_at_fixmystreet_are_understood(api: Api, city_data: Path) -> None:
    recorded = sorted((city_data / "responses" / "recorded_fixmystreet").glob("*.meta.json"))
    assert recorded
    for path in recorded:
        asked = json.loads(path.read_text())["request"]
        answer = api.session.get(api.url + asked["path"], timeout=10)
        unknown = any(part in asked["path"] for part in ("/999999", "/1.json", ".rss", "/Banjir.json"))
        assert answer.status_code == (400 if "nonsense" in asked["path"] else 404 if unknown else 200), asked["path"]


def test_fixmystreet_sends_a_report_and_an_update_and_fetches_ours(potholes: tuple[Api, str], city: City) -> None:
    """Its requests as its module Open311 makes them: jurisdiction and key first, attributes, upper-case statuses."""
    api, key = potholes
    base = {"jurisdiction_id": "localtest", "api_key": key}
    report = base | {
        "lat": "-6.18",
        "long": "106.83",
        "email": "a@b.test",
        "description": "title:  Hole\n\ndetail: Deep\n\nurl: https://fms.test/report/7",
        "service_code": "POT",
        "first_name": "Siti",
        "last_name": "",
        "media_url": "https://fms.test/photo/7.0.jpeg",
        "attribute[depth]": "12",
        "attribute[fixmystreet_id]": "7",
    }
    made = fromstring(api.session.post(f"{api.url}/open311/v2/requests.xml", data=report, timeout=10).content)
    number = made.findtext("request/service_request_id") or ""
    assert city.report(number).attributes == {"depth": ("12",)}
    update = base | {
        "update_id_ext": "31",
        "updated_datetime": "2026-03-02T08:00:30Z",
        "service_request_id": number,
        "service_request_id_ext": "7",
        "status": "OPEN",
        "email": "a@b.test",
        "description": "It has grown",
        "public_anonymity_required": "FALSE",
    }
    added = fromstring(
        api.session.post(f"{api.url}/open311/v2/servicerequestupdates.xml", data=update, timeout=10).content
    )
    assert city.entries(number)[-1].id == added.findtext("request_update/update_id")
    api.ok(number, "reply", {"text": "We come today"})
    window = {"jurisdiction_id": "localtest", "start_date": "2026-03-02T07:00:00Z", "end_date": "2026-03-02T09:00:00Z"}
    fetched = api.session.get(f"{api.url}/open311/v2/servicerequestupdates.xml", params=window, timeout=10)
    (ours,) = fromstring(fetched.content)
    assert (ours.findtext("service_request_id"), ours.findtext("status"), ours.findtext("description")) == (
        number,
        "open",
        "We come today",
    )
