"""GeoReport servers as they are: wrapped lists, single objects, numbers as texts, pages that never end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_client import errors
from api_client.georeport import GeoReportClient, ReadingLimits, Unread, can_be_of
from api_client.georeport_model import GeoRequest
from api_client.probe import probe
from tests.helpers.geo_city import GeoCity, geo_request
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
    def answer(asked: Asked, _: object) -> bytes:
        return http(200, [{"service_request_id": "5"}] if asked.method == "POST" else [request(5)])

    there = client(servers, answer, token="k3y")
    assert there.create({"description": "Lamp"}).request_id == "5"
    list(there.requests())
    assert b"api_key=k3y" in servers[0].asked[0].body
    assert not any("k3y" in asked.path or "k3y" in str(asked.headers) for asked in servers[0].asked)


def test_probe_finds_open311_below_the_address(servers: list[Canned]) -> None:
    def answer(asked: Asked, _: object) -> bytes:
        if asked.path.startswith("/open311/v2/services.json"):
            return http(200, [{"service_code": "1", "service_name": "Lamp"}])
        if asked.path.startswith("/open311/v2/requests.json"):
            return http(200, [])
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


NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
START = NOW - timedelta(days=90)


@pytest.fixture
def cities() -> Iterator[Callable[..., GeoCity]]:
    made: list[GeoCity] = []

    def make(reports: list[dict[str, Any]], **habits: Any) -> GeoCity:
        made.append(GeoCity(reports, **habits))
        return made[-1]

    yield make
    for city in made:
        city.close()


def of_days(count: int, *, days: float = 3.0, since: datetime = NOW - timedelta(days=20)) -> list[dict[str, Any]]:
    """Reports that were made within a few days, as in a flood."""
    return [geo_request(number, since + timedelta(days=days) * number / count) for number in range(count)]


def read(city: GeoCity, **window: Any) -> tuple[set[int], GeoReportClient]:
    there = GeoReportClient(city.url, clock=lambda: NOW)
    ids = [int(each.service_request_id or 0) for page in there.requests(**window) for each in page]
    assert len(ids) == len(set(ids)), "each once"
    return set(ids), there


@pytest.mark.parametrize("pages", ["heeded", "ignored", "refused"])
@pytest.mark.parametrize(
    ("count", "cap"), [(1204, 1000), (60, 1000), (5, 1000), (700, 60), (0, 1000), (200, 200), (60, 10)]
)
def test_a_server_is_read_whole_whatever_its_cap(
    cities: Callable[..., GeoCity], pages: str, count: int, cap: int
) -> None:
    """A2, A5: FixMyStreet ignores pages and gives 1,000 at most; mySociety's adapter refuses them."""
    city = cities(of_days(count), cap=cap, pages=pages)
    ids, there = read(city, start=START, end=NOW)
    assert ids == set(range(count))
    assert there.unread == []
    asked = len(city.windows)
    read_again = [each for page in there.requests(start=START, end=NOW) for each in page]
    assert len(read_again) == count
    assert len(city.windows) - asked <= max(2, asked), "no more than the first time"


@pytest.mark.parametrize("knows", [False, True])
@pytest.mark.parametrize("empty", [{0}, {1}, {2}, {0, 1}, {0, 1, 2}])
def test_one_empty_answer_is_no_proof_of_what_a_server_knows(
    cities: Callable[..., GeoCity], empty: set[int], knows: bool
) -> None:
    """K31: a cold index at the start; changes of old reports did not arrive for the whole session."""
    city, asked = cities(of_days(10), changes=knows), itertools.count()
    city.lies = lambda page, query: [] if "updated_after" in query and next(asked) in empty else page
    there = GeoReportClient(city.url, clock=lambda: NOW)
    assert there.knows_updated_after() == (knows and 1 not in empty)
    assert there.knows_updated_after() == knows, "the next time"


def test_pages_that_are_refused_are_left_out_from_then_on(cities: Callable[..., GeoCity]) -> None:
    city = cities(of_days(10), pages="refused")
    _, there = read(city, start=START, end=NOW)
    before = len(city.windows)
    assert not there.knows_updated_after()
    list(there.requests(start=START, end=NOW))
    assert sum("page" in one for one in city.windows) == 1
    assert len(city.windows) == before + 2


def test_what_was_made_in_one_moment_and_does_not_fit_is_named(cities: Callable[..., GeoCity]) -> None:
    at = NOW - timedelta(days=20)
    city = cities([geo_request(number, at) for number in range(130)], cap=100)
    ids, there = read(city, start=START, end=NOW)
    assert len(ids) == 100
    assert there.unread
    for each in there.unread:
        assert each.start is not None
        assert each.start - timedelta(seconds=5) <= at <= each.end + timedelta(seconds=5)
        assert each.given == 100
    assert len(city.windows) < 150


@pytest.mark.parametrize("dates", ["ignored", "start", "end"])
def test_a_server_that_heeds_no_dates_is_not_asked_for_ever(cities: Callable[..., GeoCity], dates: str) -> None:
    city = cities(of_days(300), cap=100, dates=dates)
    ids, there = read(city, start=START, end=NOW)
    assert len(ids) == 100
    assert [(each.start, each.given) for each in there.unread] == [(None, 100)]
    assert len(city.windows) < 8


def test_without_a_start_what_is_cut_is_named(cities: Callable[..., GeoCity]) -> None:
    city = cities(of_days(300), cap=100)
    _, there = read(city)
    assert there.unread == [Unread(None, NOW, 100)]


@pytest.mark.parametrize("address", ["{url}", "{url}?jurisdiction_id=city.org"])
def test_probe_reads_reports_and_asks_for_the_jurisdiction(cities: Callable[..., GeoCity], address: str) -> None:
    """A1: categories alone are no proof that there are reports to be had."""
    city = cities(of_days(3))
    city.wants = {"jurisdiction_id": "city.org"}
    if "?" in address:
        found = probe(address.format(url=city.url))
        assert (found.base_url, found.params) == (city.url, {"jurisdiction_id": "city.org"})
        return
    with pytest.raises(errors.NeedsParameter, match="jurisdiction"):
        probe(city.url)
    assert probe(city.url, params={"jurisdiction_id": "city.org"}).params == {"jurisdiction_id": "city.org"}
    with pytest.raises(errors.NotThisServer):
        probe(city.url, params={"jurisdiction_id": "another"})


SENT = {"service_code": "POT", "description": "A hole", "lat": "-6.2", "long": "106.8"}
OTHERS = st.one_of(
    st.just({}),
    st.just([]),
    st.lists(st.just({"service_request_id": 7}), min_size=2, max_size=4),
    st.builds(
        lambda what: [{"service_request_id": 7} | what],
        st.sampled_from(
            [
                {"description": "Another hole"},
                {"service_code": "LAMP"},
                {"lat": "1.0"},
                {"long": 2},
                {"lat": "north"},
                {"requested_datetime": "2020-01-01T00:00:00Z"},
                {"address_string": "Elsewhere"},
            ]
        ),
    ),
    st.just([{"service_notice": "Thank you"}]),
    st.just([{"service_request_id": ""}]),
    st.text(max_size=20),
)
OURS = st.fixed_dictionaries(
    {"service_request_id": st.sampled_from([7, "7", "a.7"])},
    optional={
        "service_notice": st.text(max_size=5),
        "description": st.sampled_from(["A hole", " A  hole\n", "", None]),
        "service_code": st.sampled_from(["POT", None]),
        "lat": st.sampled_from(["-6.2000", -6.2001, None, ""]),
        "requested_datetime": st.sampled_from([NOW.isoformat(), "2026-11-29T11:59:00", "soon", None]),
    },
)


def test_only_what_can_be_this_report_is_taken_for_it() -> None:
    """A3: FixMyStreet answers a POST with its list; its first row was taken for the operator's own report."""
    now: list[Any] = [None]
    server = Canned(lambda *_: now[0] if isinstance(now[0], bytes) else http(200, now[0]))
    there = GeoReportClient(server.url, clock=lambda: NOW)

    @given(OTHERS)
    @settings(max_examples=60)
    def others(body: Any) -> None:
        now[0] = body
        with pytest.raises((errors.Malformed, errors.NotThisServer)):
            there.create(SENT)

    @given(OURS, st.sampled_from([lambda one: [one], lambda one: one, lambda one: {"service_requests": [one]}]))
    @settings(max_examples=60)
    def ours(one: dict[str, Any], wrapped: Callable[[Any], Any]) -> None:
        now[0] = wrapped(one)
        assert there.create(SENT).request_id == str(one["service_request_id"])

    others()
    ours()
    server.close()


def test_a_strangers_report_with_the_same_words_is_older() -> None:
    stranger = GeoRequest(description="A hole", service_code="POT", requested_datetime="2026-11-20T00:00:00Z")
    assert not can_be_of(stranger, SENT, NOW)


@pytest.mark.parametrize(
    "strange", [{"status": 7}, {"description": {"text": "x"}}, {"title": ["x"]}, {"requested_datetime": 1}]
)
def test_a_field_of_another_kind_costs_neither_its_report_nor_those_after_it(
    cities: Callable[..., GeoCity], strange: dict[str, Any]
) -> None:
    """A page with one report fewer than the first was taken for the last one."""

    def odd(page: list[dict[str, Any]], _: dict[str, str]) -> list[dict[str, Any]]:
        return [one | strange if one["service_request_id"] == 450 else one for one in page]

    city = cities(of_days(1500), pages="heeded")
    city.lies = odd
    ids, there = read(city, start=START, end=NOW)
    assert ids == set(range(1500))
    assert there.unread == []


def test_what_is_no_report_at_all_does_not_end_the_pages(cities: Callable[..., GeoCity]) -> None:
    city = cities(of_days(1500), pages="heeded")
    city.lies = lambda page, query: [*page[:-1], None] if query.get("page") == "3" else page
    ids, _ = read(city, start=START, end=NOW)
    assert len(ids) == 1499


def test_pages_without_end_are_not_called_whole(
    cities: Callable[..., GeoCity], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api_client.georeport._MOST_PAGES", 5)
    city = cities([geo_request(number, NOW - timedelta(days=20)) for number in range(100)], cap=10, pages="heeded")
    ids, there = read(city, start=START, end=NOW)
    assert len(ids) == 50
    assert there.unread


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (ReadingLimits(reports=300), 300),
        (ReadingLimits(pages=25), 250),
        (ReadingLimits(bytes=20_000), 200),
    ],
    ids=["reports", "pages", "bytes"],
)
def test_a_server_without_end_is_left_at_the_limit_and_it_is_said(
    cities: Callable[..., GeoCity], monkeypatch: pytest.MonkeyPatch, limits: ReadingLimits, most: int
) -> None:
    monkeypatch.setattr("api_client.georeport._MOST_PAGES", 5)
    city = cities([], pages="heeded")
    city.without_end()
    ids, there = read(city, start=START, end=NOW, limits=limits)
    assert most / 2 <= len(ids) <= most
    assert there.unread
    assert all(each.stopped for each in there.unread)
    assert min(each.start or NOW for each in there.unread) == START
    assert max(each.end for each in there.unread) == NOW


def test_fewer_than_were_proven_once_are_not_whole_when_there_were_more_pages(
    cities: Callable[..., GeoCity], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3: after so many pages a window counted as whole, and nothing was said."""
    monkeypatch.setattr("api_client.georeport._MOST_PAGES", 5)
    city = cities(of_days(60), cap=1000)
    _, there = read(city, start=START, end=NOW)
    assert there.unread == [], "sixty at a time are proven whole"
    city.reports[:] = [geo_request(number, NOW - timedelta(days=20)) for number in range(100, 200)]
    city.cap, city.pages = 10, "heeded"
    assert sum(map(len, there.requests(start=START, end=NOW))) == 50
    assert there.unread
    assert all(each.stopped for each in there.unread)
