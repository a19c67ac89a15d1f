"""GeoReport servers as they are: wrapped lists, single objects, numbers as texts, pages that never end."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from api_client import errors
from api_client.georeport import GeoReportClient
from api_client.probe import probe
from tests.helpers.net import Answering, Asked, Canned, http

JSON = "application/json"


def request(number: int, **more: object) -> dict[str, object]:
    return {"service_request_id": str(number), "status": "open", "requested_datetime": "2026-11-01T00:00:00Z"} | more


def page_of(asked: Asked) -> int:
    return int(parse_qs(urlsplit(asked.path).query)["page"][0])


@pytest.fixture
def servers() -> Iterator[list[Canned]]:
    made: list[Canned] = []
    yield made
    for server in made:
        server.close()


def client(servers: list[Canned], answer: Answering, token: str | None = None) -> GeoReportClient:
    servers.append(Canned(answer))
    return GeoReportClient(servers[-1].url, token)


@pytest.mark.parametrize(
    "body",
    [
        [request(1), request(2)],
        {"requests": [request(1), request(2)]},
        {"service_requests": [request(1), request(2), "rubbish", {"lat": {}}]},
    ],
)
def test_lists_come_in_three_forms(servers: list[Canned], body: object) -> None:
    there = client(servers, lambda asked, _: http(200, body if page_of(asked) == 1 else []))
    assert [each.service_request_id for page in there.requests() for each in page] == ["1", "2"]


def test_a_single_object_is_a_list_of_one(servers: list[Canned]) -> None:
    there = client(servers, lambda asked, _: http(200, request(7, lat="-6.2", long="106.8", service_code=12)))
    found = there.request("7")
    assert found is not None
    assert (found.lat, found.service_code) == ("-6.2", 12)


@pytest.mark.parametrize("ending", ["empty", "short", "same", "error"])
def test_the_end_of_the_pages(servers: list[Canned], ending: str) -> None:
    def answer(asked: Asked, _: object) -> bytes:
        page = page_of(asked)
        if page <= 2:
            return http(200, [request(page * 10 + n) for n in range(3)])
        last = {
            "empty": http(200, []),
            "short": http(200, [request(99)]),
            "same": http(200, [request(20 + n) for n in range(3)]),
            "error": http(404, [{"code": 404, "description": "no page"}]),
        }
        assert page == 3, "asked beyond the end"
        return last[ending]

    ids = [each.service_request_id for page in client(servers, answer).requests() for each in page]
    assert ids == ["10", "11", "12", "20", "21", "22", *(["99"] if ending == "short" else [])]


def test_an_html_page_with_200_is_an_error(servers: list[Canned]) -> None:
    with pytest.raises(errors.NotThisServer):
        client(servers, lambda *_: http(200, "<html>jurisdiction missing</html>")).services()


def test_the_words_of_a_refusal(servers: list[Canned]) -> None:
    there = client(servers, lambda *_: http(400, [{"code": 400, "description": "service_code missing"}]))
    with pytest.raises(errors.Refused, match="service_code missing"):
        there.create({"description": "x"})


def test_the_key_goes_into_the_form_and_never_into_an_address(servers: list[Canned]) -> None:
    there = client(servers, lambda *_: http(200, [request(5)]), token="k3y")
    assert there.create({"description": "Lamp"}).request_id == "5"
    list(there.requests())
    assert b"api_key=k3y" in servers[0].asked[0].body
    assert not any("k3y" in asked.path or "k3y" in str(asked.headers) for asked in servers[0].asked)


def test_probe_finds_open311_below_the_address(servers: list[Canned]) -> None:
    def answer(asked: Asked, _: object) -> bytes:
        if asked.path.startswith("/open311/v2/services.json"):
            return http(200, [{"service_code": "1", "service_name": "Lamp"}])
        return http(404, "<html>nothing</html>")

    servers.append(Canned(answer))
    found = probe(f"127.0.0.1:{servers[0].port}")
    assert (found.kind, found.base_url) == ("open311", servers[0].url + "/open311/v2")


def test_probe_of_what_is_no_address_says_so() -> None:
    for typed in ("[x", "https://[x"):
        with pytest.raises(errors.BadAddress):
            probe(typed)


def test_probe_of_a_web_site_is_not_a_report_server(servers: list[Canned]) -> None:
    servers.append(Canned(lambda *_: http(200, "<html>news</html>")))
    with pytest.raises(errors.NotThisServer, match="neither"):
        probe(servers[0].url)
