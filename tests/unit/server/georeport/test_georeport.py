"""The citizens' side read: services and their questions, requests with filters and pages, both formats, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import requests
import sqlalchemy as sa
from defusedxml.ElementTree import fromstring

from api_client.model import AttributeValue, Datatype, Photo, PhotoRole, Service, ServiceAttribute
from console.server.city import schema
from console.server.city.city import City
from console.server.city.records import LoadedReport
from tests.unit.server.conftest import Api, Clock, a_report

FLOOD = Service(
    "flood",
    "Flood",
    attributes=(
        ServiceAttribute("note", "Anything else", Datatype.TEXT, order=4),
        ServiceAttribute("depth", "Depth of the water", Datatype.NUMBER, required=True, order=1),
        ServiceAttribute(
            "where",
            "What is under water",
            Datatype.MULTIVALUELIST,
            order=3,
            values=(AttributeValue("road", "Road"), AttributeValue("house", "House <&>")),
        ),
        ServiceAttribute(
            "since",
            "Since when",
            Datatype.DATETIME,
            order=2,
            datatype_description="a time",
        ),
        ServiceAttribute("hint", "Stay away from cables.", required=True, variable=False, order=9),
    ),
)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Here SQLite is enough; what is chosen by SQL is in test_georeport_filters.py."""
    return f"sqlite:///{tmp_path / 'city.db'}"


def ask(api: Api, path: str, **more: Any) -> requests.Response:
    return api.session.get(f"{api.url}/open311/v2/{path}", timeout=10, **more)


def get(api: Api, path: str, **params: Any) -> Any:
    return ask(api, path, params=params).json()


def ids(api: Api, **params: Any) -> list[str]:
    return [each["service_request_id"] for each in get(api, "requests.json", **params)]


def xml(answer: requests.Response) -> ElementTree.Element:
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert answer.content.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    root: ElementTree.Element = fromstring(answer.content)
    return root


def test_discovery_names_both_formats_and_the_changeset_grows_with_the_services(api: Api, city: City) -> None:
    before = get(api, "discovery.json")
    (endpoint,) = before["endpoints"]
    assert endpoint["url"] == f"{api.url}/open311/v2"
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["formats"] == ["text/xml", "application/json"]
    assert before["contact"]
    assert before["key_service"]
    root = xml(ask(api, "discovery.xml"))
    assert root.tag == "discovery"
    assert [each.text for each in root.findall("endpoints/endpoint/formats/format")] == endpoint["formats"]
    assert get(api, "discovery.json")["changeset"] == before["changeset"]
    city.put_services([FLOOD])
    assert get(api, "discovery.json")["changeset"] > before["changeset"]


def test_services_and_the_questions_of_a_service(api: Api, city: City) -> None:
    city.put_services([FLOOD])
    listed = {each["service_code"]: each for each in get(api, "services.json")}
    assert {code: each["metadata"] for code, each in listed.items()} == {"flood": True, "road": False, "talk": False}
    assert set(listed["flood"]) == {
        "service_code",
        "service_name",
        "description",
        "metadata",
        "type",
        "keywords",
        "group",
    }
    definition = get(api, "services/flood.json")
    assert definition["service_code"] == "flood"
    assert [(each["code"], each["order"], each["required"], each["variable"]) for each in definition["attributes"]] == [
        ("depth", 1, True, True),
        ("since", 2, False, True),
        ("where", 3, False, True),
        ("note", 4, False, True),
        ("hint", 5, False, False),
    ]
    assert definition["attributes"][1]["datatype_description"] == "a time"
    root = xml(ask(api, "services/flood.xml"))
    assert root.tag == "service_definition"
    where = root.findall("attributes/attribute")[2]
    assert [where.findtext(name) for name in ("code", "datatype", "required")] == ["where", "multivaluelist", "false"]
    assert [value.findtext("key") for value in where.findall("values/value")] == ["road", "house"]
    assert where.findall("values/value")[1].findtext("name") == "House <&>"
    services = xml(ask(api, "services.xml"))
    assert (services.tag, services[0].tag, services.findtext("service/metadata")) == ("services", "service", "true")
    assert get(api, "services/road.json") == {"service_code": "road", "attributes": []}
    assert get(api, "services/none.json") == [{"code": 404, "description": "service_code none was not found."}]


def test_a_closed_request_was_last_changed_when_it_was_closed(api: Api, clock: Clock) -> None:
    api.ok("10", "set", {"priority": 1})
    (request,) = get(api, "requests/10.json")
    assert request["expected_datetime"] == "2026-03-09T08:00:00Z"
    closed_at = api.ok("10", "close", {"disposition": "not found"})["report"]["closed_at"]
    clock.skip(hours=1)
    api.ok("10", "note", {"text": "later"})
    (request,) = get(api, "requests/10.json")
    assert request["updated_datetime"] == closed_at
    assert request["expected_datetime"] is None


def test_requests_in_xml_have_the_fields_of_the_standard_in_its_order(api: Api, city: City) -> None:
    photo = Photo(None, PhotoRole.REPORT, url="https://photos.test/a?b=1&c=2")
    hostile = "<script>\x01\x0b & ]]> \ufffe é 🌊"
    city.load([LoadedReport(a_report("a/b", description=hostile, lat=-6.5, lon=106.25, photos=(photo,)))])
    root = xml(ask(api, "requests/a%2Fb.xml"))
    assert (root.tag, [each.tag for each in root]) == ("service_requests", ["request"])
    assert [each.tag for each in root[0]] == [
        "service_request_id",
        "status",
        "status_notes",
        "service_name",
        "service_code",
        "description",
        "agency_responsible",
        "service_notice",
        "requested_datetime",
        "updated_datetime",
        "expected_datetime",
        "address",
        "address_id",
        "zipcode",
        "lat",
        "long",
        "media_url",
    ]
    assert root.findtext("request/description") == "<script> & ]]>  é 🌊"
    assert (root.findtext("request/lat"), root.findtext("request/long")) == ("-6.5", "106.25")
    assert root.findtext("request/media_url") == ""  # until an official has taken the report on
    assert root.findtext("request/status_notes") == ""
    assert get(api, "requests/a/b.json")[0]["description"] == hostile
    assert len(xml(ask(api, "requests.xml")).findall("request")) == 4


def test_without_a_suffix_the_client_says_what_it_takes(api: Api) -> None:
    for accept, kind in (
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/xml", "text/xml"),
        ("application/xml;q=0.9, application/json;q=0.8", "text/xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/xml"),
        ("application/json;q=0, */*;q=0.1", "text/xml"),
        ("application/*;q=0.2, text/xml;q=0.5", "text/xml"),
        ("text/xml;q=x, application/json", "application/json"),
    ):
        answer = ask(api, "services/road", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8"), accept
    for path in ("services", "requests", "requests/10", "discovery", "servicerequestupdates", "tokens/10"):
        xml(ask(api, path, headers={"Accept": "text/xml"}))


def test_a_suffix_wins_and_what_nobody_writes_is_not_acceptable(api: Api) -> None:
    assert ask(api, "services.json", headers={"Accept": "text/xml"}).json()
    xml(ask(api, "services.XML", headers={"Accept": "application/json"}))
    refused = ask(api, "services", headers={"Accept": "text/csv, application/json;q=0"})
    assert (refused.status_code, refused.json()[0]["code"]) == (406, 406)


def test_every_error_is_written_as_the_standard_has_it(api: Api) -> None:
    for path, method, status in (
        ("nothing.xml", "GET", 404),
        ("requests/none.xml", "GET", 404),
        ("requests/.xml", "GET", 400),
        ("services.xml", "DELETE", 405),
        ("services.xml", "POST", 405),
        ("requests.xml", "PATCH", 405),
        ("requests.xml?status=done", "GET", 400),
        ("a/b/c/d.xml", "PUT", 404),
    ):
        answer = api.session.request(method, f"{api.url}/open311/v2/{path}", timeout=10)
        assert answer.status_code == status, path
        root = xml(answer)
        assert (root.tag, [each.tag for each in root[0]]) == ("errors", ["code", "description"])
        assert root.findtext("error/code") == str(status)
        assert root.findtext("error/description")
        as_json = api.session.request(method, f"{api.url}/open311/v2/{path.replace('.xml', '.json')}", timeout=10)
        assert (as_json.status_code, as_json.json()[0]["code"]) == (status, status)
    assert "POST" not in api.session.put(f"{api.url}/open311/v2/services.xml", timeout=10).headers["Allow"]


@pytest.mark.usefixtures("expected_log")
def test_a_failing_server_says_so_in_the_format_that_was_asked_for(api: Api, city: City) -> None:
    with city.database.write() as connection:
        connection.execute(sa.update(schema.reports).where(schema.reports.c.id == "10").values(body=b"{"))
    broken = ask(api, "requests/10.xml")
    assert (broken.status_code, xml(broken).findtext("error/code")) == (500, "500")
    assert get(api, "requests/11.json")[0]["service_request_id"] == "11"
    with city.database.write() as connection:
        connection.execute(sa.text("ALTER TABLE services RENAME TO elsewhere"))
    without = ask(api, "services.xml")
    assert (without.status_code, xml(without).findtext("error/code")) == (503, "503")
    assert without.headers["Retry-After"] == "1"


def test_any_page_may_read_and_the_dispatch_api_is_not_open_to_pages(api: Api) -> None:
    origin = {"Origin": "https://anywhere.test", "Sec-Fetch-Site": "cross-site"}
    for path in ("requests.json", "services.xml", "nothing.json"):
        answer = ask(api, path, headers=origin)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    preflight = api.session.options(
        f"{api.url}/open311/v2/requests.json", headers=origin | {"Access-Control-Request-Method": "POST"}, timeout=10
    )
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]
    head = api.session.head(f"{api.url}/open311/v2/requests.json", timeout=10)
    assert (head.status_code, head.content) == (200, b"")
    closed = api.get("/me", headers=origin)
    assert closed.status_code == 403
    assert "Access-Control-Allow-Origin" not in closed.headers


def test_hostile_questions_are_answered_with_a_clear_no(api: Api) -> None:
    for query in (
        "start_date=yesterday",
        "start_date=9999-12-31T23:59:59-14:00",
        "end_date=0001-01-01T00:00:00%2B14:00",
        "end_date=0001-01-01T00:00:00Z",
        "start_date=2026-02-30T00:00:00Z",
        "start_date=2026-03-02&end_date=2026-03-01",
        "updated_after=1e9",
        "page=0",
        "page=-1",
        "page=1e3",
        "page=99999999999999999999",
        "page_size=٣",
        "bbox=1,2,3",
        "bbox=1,2,3,nan",
        "bbox=1,2,inf,4",
        "bbox=3,2,1,4",
        "service_request_id=" + ",".join(map(str, range(10_000))),
        "service_code=a%00b",
        "status=open,shut",
    ):
        answer = ask(api, f"requests.json?{query}")
        assert answer.status_code == 400, (query[:40], answer.text)
        assert answer.json()[0]["description"].endswith("."), query[:40]
    for path in ("requests/" + quote("../../x' OR 1=1;--") + ".json", "requests/%FF%FE.json", "tokens/" + "9" * 5_000):
        assert ask(api, path).status_code == 404
    assert ask(api, "requests/a%00b.json").status_code == 400
    assert ids(api, service_code="' OR 1=1 --", page="100") == []
    assert ask(api, "requests.json?page=999999999").json()[0]["description"].startswith("page reaches beyond 100,000")
