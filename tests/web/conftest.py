"""The real server and a real Chromium: what a page logs, violates or asks elsewhere fails the test."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from api_client.model import Area, Report, Service, ServiceAttribute, Status, Unit, UnitState
from console.server.city.city import City
from console.server.city.records import CitizenOptions, LoadedReport
from console.server.city.users import Users, add_user
from console.server.http.app import make_app
from tests.helpers import prompt_server

PHONE = {"width": 360, "height": 740}
LAT, LON = -6.2, 106.85
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first one is the same browser without windows: the others draw a window for each context, for as much again."""
_ON_VIOLATION = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`blocked: ${event.violatedDirective} ${event.blockedURI}`));
"""
_ONE_HAND = """
addEventListener("click", () => {
  const page = document.documentElement;
  page.dataset.tapped = Number(page.dataset.tapped ?? 0) + 1;
  setTimeout(() => { page.dataset.tapped === "1" ? delete page.dataset.tapped : page.dataset.tapped -= 1; }, 650);
}, true);
"""
"""A hand makes no two taps within 650 ms that are meant for different things: that would be a double tap."""
_TAPPED = "html[data-tapped]"


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("the pages are NOT tested: no chromium on this computer")
    expect.set_options(timeout=60_000)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if root else [])
        yield browser
        browser.close()


@dataclass
class Site:
    """A served city."""

    city: City
    url: str
    media: Path
    token: str = ""

    def numbers(self) -> list[str]:
        """The numbers of all reports that came by the page."""
        found = self.city.snapshot(limit=2000).items
        return [item.id for item in found if item.kind == "report" and b'"channel":"web"' in bytes(item.data)]


@contextlib.contextmanager
def serving(folder: Path, *, public: bool = True, crew: bool = False, city_map: Path | None = None) -> Iterator[Site]:
    """A small city with two wards, three services (one asks questions) and a unit; `crew` makes its user,
    `city_map` is where its streets are.
    """
    city = City(f"sqlite:///{folder / 'city.db'}", name="Testville")
    city.create_schema()
    city.put_areas([_square("c", "City", 1, 0.0, 0.1), _square("w1", "West ward", 2, 0.0, 0.05)])
    city.put_services(
        [
            Service("flood", "Flood", "water", "flood", priority=2, keywords="monsoon"),
            Service("drain", "Drain", "water", "drain"),
            Service(
                "lamp",
                "Street lamp",
                "road",
                "lamp",
                attributes=(ServiceAttribute("pole", "Number of the pole", required=True),),
            ),
        ]
    )
    city.put_units([Unit("u1", "U1", UnitState.AVAILABLE, datetime.now(UTC))])
    users = Users(city)
    token = add_user(city, "U1", "field") if crew else ""
    app = make_app(city, folder / "media", users, beat_s=1.0, citizens=CitizenOptions(public=public), city_map=city_map)
    try:
        with prompt_server.serving(app) as port:
            yield Site(city, f"http://127.0.0.1:{port}", folder / "media", token)
    finally:
        city.close()


def _square(code: str, name: str, level: int, east: float, size: float) -> Area:
    west, south = LON - 0.05 + east, LAT - 0.05
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]]
    return Area(code, name, level, geometry={"type": "Polygon", "coordinates": [ring]})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path) as site:
        yield site


@pytest.fixture
def crew_site(tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path, crew=True) as site:
        yield site


@dataclass
class Watch:
    """What the pages of a context did that they may not; `allowed` are parts of messages that the test provokes."""

    url: str
    allowed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.allowed):
            self.wrong.append(f"{message.type}: {message.text} {message.location}")

    def on_request(self, request: Request) -> None:
        if not request.url.startswith((self.url + "/", "blob:" + self.url)):
            self.wrong.append(f"asked {request.url}")


@dataclass
class Phone:
    """A phone with a page on it."""

    context: BrowserContext
    page: Page
    watch: Watch

    def keep_moment(self) -> None:
        """The page's clock stands (it needs to be installed) until it is told to run, and the hand waits no more."""
        self.page.remove_locator_handler(self.page.locator(_TAPPED))
        now_s = self.page.evaluate("Date.now()") / 1_000
        self.page.clock.pause_at(datetime.fromtimestamp(now_s + 1, UTC))


@pytest.fixture
def phones(chromium: Browser) -> Iterator[Any]:
    """Makes phones for a site; at the end nothing may have gone wrong on any."""
    made: list[Phone] = []

    def make(site: Site, **options: Any) -> Phone:
        wanted = {"viewport": PHONE, "locale": "en-GB", "timezone_id": "Asia/Jakarta"} | options
        context = chromium.new_context(
            geolocation={"latitude": LAT, "longitude": LON, "accuracy": 14}, permissions=["geolocation"], **wanted
        )
        context.set_default_timeout(60_000)
        context.add_init_script(_ON_VIOLATION)
        context.add_init_script(_ONE_HAND)
        watch = Watch(site.url)
        context.on("request", watch.on_request)
        context.on("console", watch.on_console)
        context.on("weberror", lambda error: watch.wrong.append(f"uncaught: {error.error}"))
        phone = Phone(context, context.new_page(), watch)
        # what acts through a locator waits until the hand is free; what is told of the mouse itself does not
        phone.page.add_locator_handler(phone.page.locator(_TAPPED), lambda: None)
        made.append(phone)
        return phone

    yield make
    for phone in made:
        phone.context.close()
    assert [phone.watch.wrong for phone in made if phone.watch.wrong] == []


def jpeg(width: int = 2400, height: int = 1800, colour: tuple[int, int, int] = (90, 120, 140)) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    return out.getvalue()


def upload(name: str, content: bytes) -> Any:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


def load(city: City, count: int, **more: Any) -> list[Report]:
    """Reports r0 … spread over the city, the newest first."""
    now = datetime.now(UTC)
    reports = [
        Report(
            f"r{n}", 1, Status.NEW, ("flood", "drain")[n % 2], 3, f"Water {n}", now - timedelta(minutes=n), now,
            lat=LAT - 0.04 + (n % 50) / 625, lon=LON - 0.04 + (n // 50 % 50) / 625, **more,
        )
        for n in range(count)
    ]  # fmt: skip
    city.load([LoadedReport(report) for report in reports])
    return reports
