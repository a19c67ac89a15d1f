"""The citizens' side read: services and their questions, requests with filters and pages, both formats, errors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import requests
import sqlalchemy as sa
from defusedxml.ElementTree import fromstring
from msgspec.structs import replace

from console.domain.report import (
    AttributeValue,
    Contact,
    Datatype,
    Photo,
    PhotoRole,
    Report,
    Service,
    ServiceAttribute,
)
from console.domain.status import Status
from console.server import schema
from console.server.city import City
from console.server.records import LoadedReport
from tests.unit.server.conftest import START, Api, Clock, a_report

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
    assert root.findtext("request/media_url") == photo.url
    assert root.findtext("request/status_notes") == ""
    assert get(api, "requests/a/b.json")[0]["description"] == hostile
    assert len(xml(ask(api, "requests.xml")).findall("request")) == 4


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
    assert ids(api, service_code="' OR 1=1 --", page="999999999") == []
