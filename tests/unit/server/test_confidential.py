"""What is confidential is nowhere where everybody may look: every public address is asked for it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from msgspec.structs import replace
from starlette.routing import BaseRoute, Mount, Route

from api_client.model import EditBody, Kind, PhotoRole, Service
from console.server.city.city import City
from console.server.city.media import MediaStore
from console.server.city.records import CitizenOptions, Posting
from console.server.city.report_key import reporter_id
from console.server.city.users import Users, add_user
from console.server.http.app import make_app
from console.server.pages.citizen_deeds import CITIZEN
from tests.unit.server.conftest import START, Api, Clock, running
from tests.unit.server.test_pages import a_picture

ABUSE = Service("abuse", "Violence at home", confidential=True)
KEY, OTHER = "s" * 40, "o" * 40
PLACE = {"lat": -6.8123, "lon": 106.1456}
SECRETS = (
    "She hides upstairs",
    "Melati 7",
    "6.8123",
    "6.1456",
    "We come at night",
    hashlib.sha256(a_picture()).hexdigest(),
)
"""What the confidential report holds, each in no other report, and in no random key."""

PAGES = ("/", "/map", "/r/{number}", "/crew", "/worker.js", "/assets/files.json", "/assets/{name}", "/{path}")
PUBLIC = {
    "/city", "/areas", "/map", "/places", "/address", "/reports", "/reports/{report:path}",
    "/reports/{report:path}/photos/{number:int}", "/reports/{report:path}/photos/{sha256}",
    "/reports/{report:path}/me-too", "/reports/{report:path}/not-solved",
    "/reports/{report:path}/satisfied",
}  # fmt: skip
OWN = {"Sec-Fetch-Site": "same-origin"}
DISPATCH = {"/dispatch/v1/", "/dispatch/v1/openapi.json", "/dispatch/v1/stats"}


class Abroad:
    """Somebody without a token."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, method: str = "GET", **more: Any) -> requests.Response:
        return requests.request(method, f"{self.url}{path}", timeout=30, **more)


@pytest.fixture
def users(city: City) -> Users:
    users = Users(city)
    add_user(city, "rina", "supervisor")
    return users


@pytest.fixture
def abroad(city: City, users: Users, tmp_path: Path) -> Iterator[Abroad]:
    citizens = CitizenOptions(posting=Posting.OPEN)
    with running(city, tmp_path / "media", users, citizens=citizens) as url:
        yield Abroad(url)


def file(city: City, key: str, service: str, **more: Any) -> str:
    """A report of the citizens' page, that somebody works on; its number."""
    data = {"service": service, "description": "A lamp is out", "lat": -6.85, "lon": 106.15} | more
    made = city.apply(EditBody(f"web:{key}", Kind.CREATE, data=data), actor=CITIZEN).answer.report
    assert made is not None
    return made.id


def deed(city: City, report: str, kind: Kind, **data: Any) -> None:
    city.apply(EditBody(f"{kind.value}-{report}-{len(city.entries(report))}", kind, data=data), report=report)


@pytest.fixture
def hidden(city: City, tmp_path: Path) -> str:
    """The number of a confidential report with a photo and a reply, which is worked on."""
    city.put_services([ABUSE])
    data = {"service": "abuse", "description": SECRETS[0], "address": SECRETS[1]} | PLACE
    made = city.apply(EditBody(reporter_id(KEY), Kind.CREATE, data=data), actor=CITIZEN).answer.report
    assert made is not None
    MediaStore(tmp_path / "media").put(SECRETS[-1], a_picture(), None)
    deed(city, made.id, Kind.PHOTO, sha256=SECRETS[-1], role=PhotoRole.REPORT.value)
    deed(city, made.id, Kind.SET, status="coordination")
    deed(city, made.id, Kind.REPLY, text=SECRETS[4])
    return made.id


def public_paths(routes: list[BaseRoute], before: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield from public_paths(list(route.routes), before + route.path)
        elif isinstance(route, Route):
            yield before + route.path


def asked(number: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Every public address with all that it may be asked for of this report: method, address, arguments."""
    report, photo = f"/public/v1/reports/{number}", SECRETS[-1]
    world = "bbox=-180,-90,180,90"
    since = (START - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    gets = [
        *(path.format(number=number, name="app.js", path="nothing") for path in PAGES),
        f"/r/{number}?plain=1", f"/r/{number}?plain=1&key={OTHER}", "/map?plain=1", "/map?plain=1&service=abuse",
        "/public/v1/city", "/public/v1/areas", "/public/v1/places?text=Melati", "/public/v1/address?at=-6.8,106.1",
        *(f"/public/v1/map?{world}&zoom={zoom}{more}" for zoom in (3, 19) for more in ("", "&service=abuse")),
        report, f"{report}/photos/{photo}",
        "/dispatch/v1/", "/dispatch/v1/openapi.json", "/dispatch/v1/stats", f"/dispatch/v1/media/{photo}",
        f"/dispatch/v1/reports/{number}", "/dispatch/v1/changes?after=0", "/dispatch/v1/snapshot",
        "/dispatch/v1/stream", "/health", "/ready",
        *(f"/open311/v2/{path}" for path in (
            "openapi.json", "discovery.json", "services.json", "services/abuse.json", "requests.json", "requests.xml",
            f"requests/{number}.json", f"requests.json?service_request_id={number}", "requests.json?service_code=abuse",
            f"requests.json?{world}", f"requests.json?updated_after={since}", f"requests.json?start_date={since}",
            "requests.json?page_size=1", f"tokens/{number}.json",
            f"servicerequestupdates.json?start_date={since}", f"servicerequestupdates.xml?start_date={since}",
        )),
    ]  # fmt: skip
    update = {"service_request_id": number, "update_id": "u1", "description": "and?"}
    return [
        *(("GET", path, {}) for path in gets),
        ("GET", report, {"headers": {"Sigap-Report-Key": OTHER}}),
        ("POST", f"{report}/me-too", {"json": {"key": OTHER}}),
        ("POST", f"{report}/not-solved", {"json": {"key": OTHER, "report_key": OTHER}}),
        ("POST", f"{report}/satisfied", {"json": {"report_key": OTHER}}),
        ("POST", f"/r/{number}?plain=1", {"data": {"deed": "me-too", "once": OTHER}, "headers": OWN}),
        ("POST", f"/r/{number}?plain=1", {"data": {"deed": "satisfied", "key": OTHER}, "headers": OWN}),
        ("PUT", f"{report}/photos/1", {"data": a_picture(), "headers": {"Idempotency-Key": OTHER}}),
        ("POST", "/open311/v2/servicerequestupdates.json", {"data": update}),
    ]


def test_nothing_public_tells_of_a_confidential_report(
    city: City, users: Users, abroad: Abroad, hidden: str, tmp_path: Path
) -> None:
    """Nor that its number is one: whoever tries numbers hears of it what he hears of those that are not there."""
    paths = set(public_paths(list(make_app(city, tmp_path / "media", users).routes)))
    # A new address has to be tried in `asked`, and then to be entered in PUBLIC, or to need a token.
    assert {path.removeprefix("/public/v1") for path in paths if path.startswith("/public/v1")} == PUBLIC
    for path in sorted(path for path in paths - DISPATCH if path.startswith("/dispatch/v1")):
        assert abroad.ask(path).status_code in (401, 405), path
    lamp = file(city, "lamp-of-all", "road")
    for method, path, more in asked(hidden):
        answer = abroad.ask(path, method, **more)
        told = answer.text + repr(dict(answer.headers))
        assert not [secret for secret in SECRETS if secret in told], path
        if hidden not in path and "/r/" not in path:
            assert f'"{hidden}"' not in told, path
            assert f">{hidden}<" not in told, path
    for (method, path, more), (_, twin, again) in zip(asked("99999"), asked(hidden), strict=True):
        if (path, more) != (twin, again):
            nobody, found = abroad.ask(path, method, **more), abroad.ask(twin, method, **again)
            assert (found.status_code, found.text.replace(hidden, "99999")) == (nobody.status_code, nobody.text), path
    listed = abroad.ask("/open311/v2/requests.json").json()
    assert lamp in [one["service_request_id"] for one in listed]
    counts = abroad.ask("/dispatch/v1/stats").json()
    assert "abuse" not in counts["by_service"]
    assert counts["reports"] == sum(counts["by_status"].values()) == city.stats().reports - 1
    assert counts["by_area"] == {"w1": city.stats().by_area["w1"] - 1}


def test_its_reporter_and_the_staff_see_it(city: City, abroad: Abroad, hidden: str) -> None:
    followed = abroad.ask(f"/public/v1/reports/{hidden}", headers={"Sigap-Report-Key": KEY})
    assert followed.status_code == 200
    assert SECRETS[4] in followed.text
    assert followed.json()["photos"] == []
    staff = Api(abroad.url, add_user(city, "sari", "operator"))
    assert staff.get("/stats").json()["by_service"]["abuse"] == 1
    assert staff.report(hidden)["description"] == SECRETS[0]


def test_a_duplicate_does_not_tell_of_the_confidential_report_it_is_one_of(
    city: City, abroad: Abroad, hidden: str
) -> None:
    lamp = file(city, "lamp-merged", "road")
    city.apply(EditBody("merge-into-it", Kind.MERGE, data={"into": hidden}), report=lamp)
    deed(city, hidden, Kind.REPLY, text="We come at night, again")
    since = (START - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    for path in (
        f"/public/v1/reports/{lamp}",
        f"/open311/v2/requests/{lamp}.json",
        f"/open311/v2/servicerequestupdates.json?start_date={since}",
    ):
        told = abroad.ask(path).text
        assert not [secret for secret in (*SECRETS, f'"{hidden}"', f" {hidden}.") if secret in told], path
        assert lamp in told, path


def test_what_becomes_confidential_or_no_longer_is_so_at_once(
    city: City, abroad: Abroad, hidden: str, clock: Clock
) -> None:
    lamp = file(city, "lamp-becomes", "road")
    road = next(one for one in city.services() if one.code == "road")
    assert abroad.ask(f"/open311/v2/requests/{lamp}.json").status_code == 200
    counted = abroad.ask("/dispatch/v1/stats").json()["by_service"]["road"]
    city._stats_due = math.inf  # counting took so long that it is not done anew for a while
    city.put_services([replace(road, confidential=True), replace(ABUSE, confidential=False)])
    assert abroad.ask(f"/open311/v2/requests/{lamp}.json").status_code == 404
    assert abroad.ask(f"/open311/v2/requests/{hidden}.json").status_code == 200
    assert counted > 0
    assert abroad.ask("/dispatch/v1/stats").json()["by_service"] == {"talk": 1, "abuse": 1}
