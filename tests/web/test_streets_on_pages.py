"""The city's streets on the pages' maps: drawn where the server has them; where it has none, all is as ever."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from api_client.model import EditBody, Kind
from console.city_map.manifest import BASEMAP
from tests.helpers.map_of_tiles import SOURCE, put_map
from tests.helpers.patience import Patience
from tests.helpers.vector_tiles import LINE, TileFeature, tile
from tests.web.conftest import LAT, LON, Site, load, serving

BOUNDS = (LON - 0.05, LAT - 0.05, LON + 0.05, LAT + 0.05)
STREETS = {
    "road": [
        TileFeature(LINE, [(LAT + step / 400, LON - 0.06), (LAT + step / 400, LON + 0.06)], {"k": "motorway"})
        for step in range(-20, 21)
    ]
    + [TileFeature(LINE, [(LAT + 0.001, LON - 0.06), (LAT + 0.001, LON + 0.06)], {"k": "primary", "name": "Jalan A"})]
}
TOKENS = json.loads((files("resources") / "tokens.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map whose tolls run from west to east, so close that every view has one."""
    return put_map(tmp_path_factory.mktemp("town"), BOUNDS, lambda z, x, y: tile(z, x, y, STREETS))


@pytest.fixture
def mapped(tmp_path: Path, town: Path) -> Iterator[Site]:
    with serving(tmp_path, crew=True, city_map=town) as site:
        yield site


def has_colour(on: Locator, colour: str) -> bool:
    """Whether pixels of the element have just this colour."""
    wanted = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    picture = Image.open(io.BytesIO(on.screenshot())).convert("RGB")
    return wanted in {colour for _, colour in picture.getcolors(picture.width * picture.height) or []}


def wait_for_colour(page: Page, colour: str) -> None:
    """Until the map has it."""
    patience = Patience(20)
    while not has_colour(page.locator("#map"), colour):
        assert not patience.is_over, f"nothing on the map is {colour}"
        page.wait_for_timeout(50)


def come_near(page: Page) -> None:
    """So near that a toll road is some pixels wide.

    The page is to be still (taps amid a zoom count for nothing), and to have shown its areas: without reports it does
    not know before that where the city is.
    """
    expect(page.locator("#map[data-areas='2']")).to_be_visible()
    for _ in range(3):
        page.locator("#zoom-in").click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_public_map_draws_streets_in_the_devices_theme(mapped: Site, phones: Any, theme: str) -> None:
    page = phones(mapped, color_scheme=theme, reduced_motion="reduce").page
    page.goto(f"{mapped.url}/map")
    come_near(page)
    wait_for_colour(page, TOKENS[theme]["map"]["toll"])
    expect(page.locator(".map-source")).to_have_text(SOURCE)
    other = {"light": "dark", "dark": "light"}[theme]
    page.emulate_media(color_scheme=other)
    wait_for_colour(page, TOKENS[other]["map"]["toll"])
    page.locator("#zoom-in").click()
    wait_for_colour(page, TOKENS[other]["map"]["toll"])
    names = page.evaluate("() => !document.querySelector('.leaflet-names-pane').hidden")
    assert names, "names are written when the map stands still"


def test_a_citizen_taps_a_street(mapped: Site, phones: Any) -> None:
    page = phones(mapped, reduced_motion="reduce").page
    page.goto(mapped.url)
    page.get_by_role("button", name="Flood").click()
    come_near(page)
    wait_for_colour(page, TOKENS["light"]["map"]["toll"])
    page.locator("#map").click()
    expect(page.locator("#accuracy")).to_contain_text("Point chosen on the map")
    expect(page.locator(".map-source")).to_have_text(SOURCE)


def test_crews_and_reporters_see_the_place_among_its_streets(mapped: Site, phones: Any) -> None:
    load(mapped.city, 2)
    for number in ("r0", "r1"):
        mapped.city.apply(EditBody(f"send-{number}", Kind.DISPATCH, data={"unit": "u1", "stack": True}), report=number)
    phone = phones(mapped)
    page = phone.page
    page.goto(f"{mapped.url}/r/r0")
    wait_for_colour(page, TOKENS["light"]["map"]["toll"])
    page.goto(f"{mapped.url}/crew")
    page.get_by_label("Token").fill(mapped.token)
    page.get_by_role("button", name="Sign in").click()
    for at in range(2):
        page.locator(".job").nth(at).click()
        expect(page.locator("#place")).to_be_visible()
        wait_for_colour(page, TOKENS["light"]["accent"]["base"])
        wait_for_colour(page, TOKENS["light"]["map"]["toll"])
        page.go_back()
        expect(page.locator("#board")).to_be_visible()


def test_where_there_are_no_streets_the_pages_are_as_ever(crew_site: Site, phones: Any) -> None:
    load(crew_site.city, 1)
    page = phones(crew_site).page
    with page.expect_response("**/streets/info"):
        page.goto(f"{crew_site.url}/map")
    expect(page.locator("#map[data-areas='2']")).to_be_visible()
    wait_for_colour(page, TOKENS["light"]["map"]["land"])
    assert page.locator(".map-source").count() == 0
    with page.expect_response("**/streets/info"):
        page.goto(f"{crew_site.url}/r/r0")
    expect(page.locator("#report")).to_be_visible()
    expect(page.locator("#place")).to_be_hidden()


def test_a_place_beyond_the_streets_has_no_map(tmp_path: Path, phones: Any) -> None:
    elsewhere = put_map(tmp_path / "town", (LON + 1, LAT, LON + 1.01, LAT + 0.01), lambda *_: b"")
    with serving(tmp_path, city_map=elsewhere) as site:
        load(site.city, 1)
        page = phones(site).page
        with page.expect_response("**/streets/info"):
            page.goto(f"{site.url}/r/r0")
        expect(page.locator("#report")).to_be_visible()
        expect(page.locator("#place")).to_be_hidden()


def test_a_map_that_is_cut_off_amid_the_day_leaves_borders_and_reports(tmp_path: Path, phones: Any) -> None:
    own = put_map(tmp_path / "town", BOUNDS, lambda z, x, y: tile(z, x, y, STREETS))
    with serving(tmp_path, city_map=own) as site:
        load(site.city, 3)
        page = phones(site, reduced_motion="reduce").page
        page.goto(f"{site.url}/map")
        come_near(page)
        wait_for_colour(page, TOKENS["light"]["map"]["toll"])
        with (own / BASEMAP).open("r+b") as file:
            file.truncate(200)
        come_near(page)
        wait_for_colour(page, TOKENS["light"]["map"]["land"])
        expect(page.locator("#rows li").first).to_be_visible()
