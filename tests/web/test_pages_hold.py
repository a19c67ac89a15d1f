"""The pages against hostile texts, in both languages, for hands and screen readers, and with their headers."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from api_client.model import Area, EditBody, Kind, Report, Service, Status
from console.server.city.records import LoadedReport
from tests.helpers import hostile
from tests.web.accessibility import HAS_AXE, assert_accessible
from tests.web.conftest import LAT, LON, Site, jpeg, load, serving

CANARY = "http://canary.invalid"
PUBLIC = files("resources") / "public"
ADMIN = files("resources") / "admin"
_LARGEST_TEXT = 3_000
_A_REPORT = 3


def hostile_texts() -> dict[str, str]:
    """The hostile texts as a database takes them, the very long ones cut."""
    texts = hostile.texts(CANARY)
    return {kind: text.encode("utf-8", "replace").decode()[:_LARGEST_TEXT] for kind, text in texts.items()}


def test_hostile_texts_stay_texts_and_ask_nobody(crew_site: Site, phones: Any) -> None:
    site, texts = crew_site, hostile_texts()
    now = datetime.now(UTC)
    city = site.city
    city.put_areas([Area("bad", texts["script"], 3, geometry=city.areas()[0].geometry)])
    city.put_services([Service(f"s{n}", text[:500], texts["img"], "<svg>") for n, text in enumerate(texts.values())])
    words = list(texts.values())
    words += words[: -len(words) % _A_REPORT]
    reports = [
        Report(
            f"h{n}", 1, Status.NEW, f"s{n}", 3, words[n], now, now, title=words[n + 1][:500],
            address=words[n + 1][:500], area="bad", status_label=words[n + 2][:100], lat=LAT, lon=LON,
        )
        for n in range(0, len(words), _A_REPORT)
    ]  # fmt: skip
    city.load([LoadedReport(report) for report in reports])
    for n, report in enumerate(reports):
        for kind, data in (
            (Kind.REPLY, {"text": words[n * _A_REPORT + 2]}),
            (Kind.NOTE, {"text": words[n * _A_REPORT + 2]}),
            (Kind.DISPATCH, {"unit": "u1", "stack": True}),
        ):
            city.apply(EditBody(str(uuid.uuid4()), kind, data=data), report=report.id)
    page = phones(site).page
    for report in reports:
        page.goto(f"{site.url}/r/{report.id}")
        expect(page.locator("#report")).to_be_visible()
        safe(page, report.id)
    page.goto(site.url)
    expect(page.locator(".tile")).to_have_count(len(texts) + 3)
    page.locator(".tile").nth(5).click()
    page.get_by_role("button", name="Use my position").click()
    safe(page)
    page.goto(f"{site.url}/map")
    expect(page.locator("#rows li").first).to_be_visible()
    safe(page)
    page.goto(f"{site.url}/crew")
    page.get_by_label("Token").fill(site.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".job")).to_have_count(len(reports))
    for n in range(len(reports)):
        page.locator(".job").nth(n).click()
        expect(page.locator("#job")).to_be_visible()
        safe(page)
        page.go_back()
        expect(page.locator("#board")).to_be_visible()


def safe(page: Page, what: str = "all") -> None:
    assert page.evaluate("() => window.pwned") is None
    foreign = "script:not([src^='/assets/']), iframe, object, embed, base, meta[http-equiv], form[action], video, b b"
    assert page.evaluate("(wanted) => document.querySelectorAll(wanted).length", foreign) == 0
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"the page is wider than the phone: {what}"


@pytest.mark.parametrize("pages", [PUBLIC, ADMIN], ids=["public", "admin"])
def test_both_catalogues_hold_every_word_that_is_used(pages: Traversable) -> None:
    english, indonesian = (json.loads((pages / f"texts/{name}.json").read_text("utf-8")) for name in ("en", "id"))
    assert english.keys() == indonesian.keys()
    assert all(value.strip() for value in (*english.values(), *indonesian.values()))
    for key in english:
        assert re.findall(r"{\w+}", english[key]) == re.findall(r"{\w+}", indonesian[key]), key
    used, prefixes = set(), set()
    for file in [*(pages / "js").iterdir(), *pages.iterdir()]:
        if file.name.endswith((".js", ".html")):
            text = file.read_text("utf-8")
            used |= set(re.findall(r'data-t(?:-label|-hint)?="([\w.]+)"', text))
            used |= set(re.findall(r'(?:\bt|say|row)\("([\w.]+)"', text))
            used |= set(re.findall(r'\? "(\w+\.\w+)" : "', text)) | set(re.findall(r'" : "(\w+\.\w+)"', text))
            prefixes |= set(re.findall(r"\bt\(`([\w.]+)\$", text))
    assert used <= english.keys(), used - english.keys()
    statuses = {f"{group}.{status}" for group in ("status", "meaning", "history") for status in Status}
    assert pages is ADMIN or statuses <= english.keys()
    spare = {key for key in english if key not in used and not key.startswith(tuple(prefixes))}
    server = files("console.server.pages")
    sources = [
        *(pages / "js").iterdir(),
        *(server / f"{name}.py" for name in ("page_texts", "plain_html", "plain_pages")),
    ]
    text = "".join(file.read_text("utf-8") for file in sources)
    assert {key for key in spare if f'"{key}"' not in text} == set()


@pytest.mark.parametrize("locale", ["id-ID", "en-GB"])
def test_everything_is_accessible_and_has_room_for_a_finger(pages_site: Site, phones: Any, locale: str) -> None:
    phone = phones(pages_site, locale=locale)
    phone.watch.allowed += ["404", "422"]
    plain = (
        "/?plain=1&step=2",
        "/?plain=1&step=2&service=lamp&address=x",
        "/map?plain=1",
        "/r/r1?plain=1",
        "/r/x?plain=1",
    )
    for path in ("/", "/map", "/r/r1", "/crew", "/nothing-here", "/r/nobody", *plain):
        all_has_room(phone.page, pages_site, path, locale)
        if locale == "en-GB":
            assert_accessible(phone.page)
    if not HAS_AXE:
        pytest.skip("the pages' accessibility is NOT tested: make set-up-checks brings axe-core")


def all_has_room(page: Page, site: Site, path: str, locale: str) -> None:
    page.goto(site.url + path)
    expect(page.locator("body")).to_be_visible()
    expect(page.locator("h1, h2").first).not_to_be_empty()
    assert page.evaluate("() => document.documentElement.lang") == locale[:2]
    assert page.title(), path
    faults = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input, select, textarea")].flatMap((one) => {
          const box = one.getBoundingClientRect();
          if (!box.width || one.closest("[hidden], .unseen, .skip") || one.matches(".skip, .unseen")) return [];
          const target = ["checkbox", "radio"].includes(one.type) ? one.labels[0].getBoundingClientRect() : box;
          return target.height < 44 ? [`${target.height} px: ${one.outerHTML}`] : [];
        })"""
    )
    assert faults == [], path
    assert page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


@pytest.fixture(scope="module")
def pages_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("pages"), crew=True) as site:
        load(site.city, 5)
        yield site


def get(site: Site, path: str, **headers: str) -> requests.Response:
    return requests.get(site.url + path, headers=headers, timeout=60)


def test_pages_are_guarded_and_unchanged_files_are_not_sent_again(pages_site: Site) -> None:
    for path in ("/", "/map", "/r/r1", "/crew", "/assets/js/crew.js", "/worker.js"):
        answer = get(pages_site, path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["permissions-policy"].startswith("geolocation=(self), camera=(self)")
        assert "set-cookie" not in answer.headers
        again = get(pages_site, path, **{"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert get(pages_site, "/assets/../../console/cli.py", Accept="*/*").status_code == 404
    city = get(pages_site, "/public/v1/city")
    assert get(pages_site, "/public/v1/city", **{"If-None-Match": city.headers["etag"]}).status_code == 304


def test_where_nothing_is_people_get_a_page_and_programs_a_refusal(pages_site: Site) -> None:
    page = get(pages_site, "/nothing", Accept="text/html")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert get(pages_site, "/r/nobody").status_code == get(pages_site, "/r/nobody?plain=1").status_code == 404
    refusal = get(pages_site, "/nothing", Accept="application/json")
    assert (refusal.status_code, refusal.json()["error"]) == (404, "not_found")
    assert get(pages_site, "/dispatch/v1/nothing", Accept="text/html").json()["error"] == "not_found"


def test_without_the_public_side_only_crews_have_a_page(tmp_path: Path) -> None:
    with serving(tmp_path, public=False) as site:
        assert get(site, "/crew").status_code == 200
        for path in ("/", "/map", "/r/1", "/public/v1/city"):
            assert get(site, path).status_code == 404
        assert requests.post(f"{site.url}/public/v1/reports", json={}, timeout=60).status_code in (404, 405)


def new(key: str = "k" * 40, **more: Any) -> dict[str, Any]:
    return {"key": key, "service": "flood", "description": "Water", "lat": LAT, "lon": LON} | more


def post(site: Site, path: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(f"{site.url}/public/v1{path}", json=body, headers=headers, timeout=60)


def test_the_same_key_makes_one_report_and_only_its_holder_adds_photos(site: Site) -> None:
    first, second = (post(site, "/reports", new()) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    number = first.json()["number"]
    assert second.json()["number"] == number
    assert post(site, "/reports", new(description="Other")).json()["error"] == "key_reused"

    def put(at: int, key: str, content: bytes = b"") -> int:
        address = f"{site.url}/public/v1/reports/{number}/photos/{at}"
        answer = requests.put(address, data=content or jpeg(64, 48), headers={"Idempotency-Key": key}, timeout=60)
        return answer.status_code

    assert put(1, "x" * 40) == 403
    assert [put(1, "k" * 40), put(1, "k" * 40)] == [201, 201]
    assert put(2, "k" * 40, b"<svg onload=alert(1)>") == 415
    assert put(4, "k" * 40) == 422
    [photo] = site.city.report(number).photos
    hidden = get(site, f"/public/v1/reports/{number}/photos/{photo.sha256}")
    assert hidden.status_code == 404, "nobody has looked at it yet"
    refused = post(site, f"/reports/{number}/not-solved", {"key": "n" * 40, "report_key": "x" * 40})
    assert refused.status_code == 403
    early = post(site, f"/reports/{number}/not-solved", {"key": "n" * 40, "report_key": "k" * 40})
    assert early.status_code == 422


def test_a_photo_is_shown_without_what_its_file_carries(site: Site) -> None:
    number = post(site, "/reports", new()).json()["number"]
    content = jpeg(400, 300)
    secret = content[:2] + b"\xff\xfe\x00\x10secret-place!!" + content[2:]
    address = f"{site.url}/public/v1/reports/{number}/photos/1"
    requests.put(address, data=secret, headers={"Idempotency-Key": "k" * 40}, timeout=60)
    site.city.apply(EditBody("staff-progress", Kind.SET, data={"status": "progress"}), report=number)
    [(role, path)] = get(site, f"/public/v1/reports/{number}").json()["photos"]
    shown = get(site, path)
    assert (role, shown.status_code, shown.headers["content-type"]) == ("report", 200, "image/jpeg")
    assert b"secret" not in shown.content


@pytest.mark.parametrize(
    "body",
    [
        {},
        new(lat=None),
        new(lat=None, lon=None),
        new(lat=95),
        new(service="nothing"),
        new(key="short"),
        new(description="x" * 6_000),
    ],
)
def test_a_report_that_cannot_be_is_refused_whole(site: Site, body: dict[str, Any]) -> None:
    answer = post(site, "/reports", body)
    assert answer.status_code in (400, 422)
    assert answer.json()["message"]
    assert site.numbers() == []


def test_pages_of_other_sites_cannot_report_with_a_visitors_browser(site: Site) -> None:
    assert post(site, "/reports", new(), **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert post(site, "/reports", new(), Host="rebound.example").status_code == 403, "a server without users"
    plain = requests.post(
        f"{site.url}/public/v1/reports", data=json.dumps(new()), headers={"Content-Type": "text/plain"}, timeout=10
    )
    assert plain.status_code in (400, 415)
    assert site.numbers() == []


def test_the_map_shows_open_and_recently_closed_reports_as_they_are_now(site: Site) -> None:
    load(site.city, 3)
    box = f"/public/v1/map?bbox={LON - 1},{LAT - 1},{LON + 1},{LAT + 1}&zoom=12"
    assert {point[0] for point in get(site, box).json()["points"]} == {"r0", "r1", "r2"}
    some = get(site, box + "&service=drain").json()
    assert [point[0] for point in some["points"]] == ["r1"]
    assert get(site, "/public/v1/map?bbox=1,2,3,nan&zoom=12").status_code == 422
    assert get(site, "/public/v1/map?bbox=1,2,3&zoom=x").status_code == 422
