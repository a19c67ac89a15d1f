"""A citizen finds a place by its name on the page: by keys, by a finger, by ear; without a map the page is as ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from api_client.model import Area
from tests.helpers.built_town import build_town
from tests.helpers.osm_town import SOUTH, WEST, place
from tests.web.conftest import Site, serving

NARROW = {"width": 320, "height": 640}
CORNERS = ((-0.01, -0.01), (0.02, -0.01), (0.02, 0.02), (-0.01, 0.02), (-0.01, -0.01))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_town(tmp_path_factory.mktemp("profile"))


@pytest.fixture
def mapped(tmp_path: Path, town: Path) -> Iterator[Site]:
    with serving(tmp_path, city_map=town) as site:
        whole, part = (_scaled(by) for by in (2, 1))
        site.city.put_areas([Area("k", "Tebet", 1, geometry=whole), Area("kb", "Kebon Baru", 2, "k", geometry=part)])
        yield site


def _scaled(by: float) -> dict[str, Any]:
    ring = [[WEST + by * lon, SOUTH + by * lat] for lon, lat in CORNERS]
    return {"type": "Polygon", "coordinates": [ring]}


def come_to_the_map(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.get_by_role("button", name="Flood").click()
    expect(page.get_by_role("combobox")).to_be_visible()


def send(page: Page, site: Site) -> Any:
    """Write it and send it; returns the report."""
    page.get_by_role("button", name="Next").click()
    page.get_by_label("What do you see?").fill("Water up to the knee.")
    page.get_by_role("button", name="Send report").click()
    expect(page.locator("#done[data-state=sent]")).to_be_visible()
    return site.city.report(page.locator("#done-number").inner_text())


def test_a_house_is_found_by_keys_and_told_to_a_screen_reader(mapped: Site, phones: Any) -> None:
    page = phones(mapped, viewport=NARROW, reduced_motion="reduce").page
    come_to_the_map(page, mapped)
    search = page.get_by_role("combobox", name="Search a street, place or landmark")
    expect(search).to_have_attribute("aria-expanded", "false")
    search.press_sequentially("jl melati 1 no 4")
    first = page.get_by_role("option").first
    expect(first).to_contain_text("Jalan Melati I 4, Kebon Baru, Tebet")
    expect(first).to_contain_text("at the house number")
    expect(search).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#places-said")).to_contain_text("with the arrow key")
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    for option in page.get_by_role("option").all():
        box = option.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    search.press("Enter")
    expect(first).to_have_attribute("aria-selected", "true")
    assert search.get_attribute("aria-activedescendant") == first.get_attribute("id")
    expect(page.locator("#accuracy")).to_be_empty()
    search.press("Enter")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(search).to_have_attribute("aria-expanded", "false")
    expect(search).to_be_focused()
    expect(page.locator("#accuracy")).to_contain_text("Jalan Melati I 4, Kebon Baru, Tebet: at the house number")
    expect(page.locator("#pin")).to_have_text("Address of the point: Jalan Melati I 4, Kebon Baru, Tebet · invented")
    report = send(page, mapped)
    assert (report.lat, report.lon) == pytest.approx(place(0.05, 0.4), abs=1e-6)
    assert report.address == "Jalan Melati I 4, Kebon Baru, Tebet"
    assert report.area == "kb"


def test_the_list_is_walked_closed_and_opened_again(mapped: Site, phones: Any) -> None:
    page = phones(mapped).page
    come_to_the_map(page, mapped)
    search = page.get_by_role("combobox")
    search.press_sequentially("gang kenari")
    rows = page.get_by_role("option")
    expect(rows).to_have_count(8)
    search.press("ArrowUp")
    expect(rows.last).to_have_attribute("aria-selected", "true")
    search.press("ArrowDown")
    expect(rows.first).to_have_attribute("aria-selected", "true")
    expect(page.locator("[aria-selected=true]")).to_have_count(1)
    search.press("Escape")
    expect(rows).to_have_count(0)
    expect(search).to_have_value("gang kenari")
    search.press("ArrowDown")
    expect(rows).to_have_count(8)
    search.press("Tab")
    expect(rows).to_have_count(0)
    search.fill("nowhere at all")
    expect(page.locator("#places-said")).to_contain_text("Nothing of this name is known")
    expect(rows).to_have_count(0)
    search.fill("")
    expect(page.locator("#places-said")).to_be_empty()


def test_what_is_said_beside_a_landmark_is_told_as_it_was_said(mapped: Site, phones: Any) -> None:
    page = phones(mapped, locale="id-ID").page
    page.goto(mapped.url)
    page.get_by_role("button", name="Flood").click()
    search = page.get_by_role("combobox", name="Cari jalan, tempat, atau patokan")
    search.press_sequentially("seberang stasiun tebet")
    page.get_by_role("option").first.click()
    expect(page.locator("#accuracy")).to_contain_text("di samping patokan")
    expect(page.locator("#pin")).to_contain_text("seberang stasiun tebet, Kebon Baru, Tebet · rekaan")
    page.get_by_role("button", name="Lanjut").click()
    page.locator("#description").fill("Air setinggi lutut")
    expect(page.locator("#summary")).to_contain_text("seberang stasiun tebet, Kebon Baru, Tebet · Tempat yang dicari")
    page.get_by_role("button", name="Kirim laporan").click()
    expect(page.locator("#done[data-state=sent]")).to_be_visible()
    report = mapped.city.report(page.locator("#done-number").inner_text())
    assert report.address == "seberang stasiun tebet, Kebon Baru, Tebet"
    assert report.within_m == 80


def test_the_middle_of_a_street_is_told_to_be_so(mapped: Site, phones: Any) -> None:
    page = phones(mapped).page
    come_to_the_map(page, mapped)
    page.get_by_role("combobox").press_sequentially("gang kenari 5 rt 03/05")
    page.get_by_role("option").first.click()
    expect(page.locator("#accuracy")).to_contain_text("middle of the street, it may be")
    expect(page.locator("#accuracy")).to_contain_text("not on the map: rt 03/05")
    report = send(page, mapped)
    assert report.address == "Gang Kenari 5, Kebon Baru, Tebet"
    assert report.within_m is not None
    assert report.within_m > 100


def test_a_tapped_point_has_an_address_and_what_is_written_stays(mapped: Site, phones: Any) -> None:
    phone = phones(mapped, reduced_motion="reduce")
    page = phone.page
    come_to_the_map(page, mapped)
    page.get_by_role("combobox").press_sequentially("jl melati 1 no 4")
    page.get_by_role("option").first.click()
    expect(page.locator("#pin")).to_contain_text("Jalan Melati I 4")
    page.locator("#map").click()
    expect(page.locator("#accuracy")).to_contain_text("Point chosen on the map")
    expect(page.locator("#pin")).to_contain_text("Jalan Melati I, near no. 4, Kebon Baru, Tebet")
    expect(page.get_by_role("combobox")).to_have_value("")
    page.reload()
    expect(page.locator("#pin")).to_contain_text("near no. 4")
    page.get_by_label("Address or landmark").fill("Behind the mosque")
    report = send(page, mapped)
    assert report.address == "Behind the mosque"


def test_a_search_that_fails_says_so_and_the_map_is_tapped(mapped: Site, phones: Any) -> None:
    phone = phones(mapped)
    phone.watch.allowed.append("503")
    page = phone.page
    page.route("**/public/v1/places?*", lambda route: route.fulfill(status=503, body="{}"))
    page.route("**/public/v1/address?*", lambda route: route.fulfill(status=503, body="{}"))
    come_to_the_map(page, mapped)
    page.get_by_role("combobox").press_sequentially("jalan melati")
    expect(page.locator("#places-said")).to_contain_text("The search does not work now")
    page.locator("#map").click()
    expect(page.locator("#accuracy")).to_contain_text("Point chosen on the map")
    expect(page.locator("#pin")).to_be_hidden()
    assert send(page, mapped).address == ""


def test_an_answer_for_fewer_letters_is_not_shown(mapped: Site, phones: Any) -> None:
    page = phones(mapped).page
    held: list[Any] = []
    page.route("**/public/v1/places?text=gang&*", lambda route: held.append(route))
    come_to_the_map(page, mapped)
    search = page.get_by_role("combobox")
    with page.expect_request("**/public/v1/places?text=gang&*"):
        search.press_sequentially("gang")
    search.press_sequentially(" kenari 5")
    expect(page.get_by_role("option").first).to_contain_text("Gang Kenari 5")
    for route in held:
        route.fulfill(json={"places": []}, headers={"Sigap-Server": "x"})
    page.wait_for_timeout(200)
    expect(page.get_by_role("option").first).to_contain_text("Gang Kenari 5")


def test_names_of_the_map_stay_texts(mapped: Site, phones: Any) -> None:
    page = phones(mapped).page
    bad = {
        "label": "<img src=x onerror=\"window.pwned=1\">\u202e", "area": "<b>b</b>", "lat": SOUTH, "lon": WEST,
        "exactness": "house", "within_m": 0, "left_out": ["<script>window.pwned=1</script>"],
    }  # fmt: skip
    page.route(
        "**/public/v1/places?*", lambda route: route.fulfill(json={"places": [bad]}, headers={"Sigap-Server": "x"})
    )
    come_to_the_map(page, mapped)
    page.get_by_role("combobox").press_sequentially("jalan")
    page.get_by_role("option").first.click()
    expect(page.locator("#accuracy")).to_contain_text("<img src=x")
    assert page.evaluate("() => window.pwned") is None
    assert page.locator("#step-2 img[src=x], #step-2 script, .places b b").count() == 0


def test_without_a_map_there_is_no_search(site: Site, phones: Any) -> None:
    page = phones(site).page
    page.goto(site.url)
    with page.expect_response("**/streets/info"):
        page.get_by_role("button", name="Flood").click()
    expect(page.locator("#map[data-areas='2']")).to_be_visible()
    expect(page.locator("#place-search")).to_be_hidden()
    page.locator("#map").click()
    expect(page.locator("#accuracy")).to_contain_text("Point chosen on the map")
    expect(page.locator("#pin")).to_be_hidden()
