"""A city in a real database behind a real server on a free port, with a clock that the test moves.

Every test that asks for `city` (or `database_url`) runs twice: on an SQLite file and on a PostgreSQL of our own.
"""

from __future__ import annotations

import contextlib
import json
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from api_client.model import Agency, Area, Report, Service, Sla, Status, Unit, UnitState
from console.server.city import migrations
from console.server.city.city import City
from console.server.city.records import AdminPage, CitizenOptions, LoadedReport
from console.server.city.users import Users
from console.server.georeport import BY_DEFAULT
from console.server.http.app import make_app
from console.server.http.event_stream import GONE_S
from console.server.http.rate_limit import RateLimits
from tests.helpers.prompt_server import serving
from tests.helpers.ready_file import put_tables
from tools.bench.postgres import Postgres

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_TAKEN_BACK = {
    "0023": ("DROP TABLE city_drafts",),
    "0022": ("DROP TABLE run_cards",),
    "0021": ("DROP TABLE consoles",),
    "0020": ("ALTER TABLE api_clients DROP COLUMN rate",),
    "0019": (
        "DROP TABLE erasures",
        "DROP TABLE removed_photos",
        "DROP INDEX reports_not_erased",
        "ALTER TABLE reports DROP COLUMN erased",
    ),
    "0018": ("DELETE FROM meta WHERE key = 'update_ids_with_dots_until'",),
    "0017": (
        "DROP TABLE audit_waiting",
        "ALTER TABLE entries DROP COLUMN sealed",
        "ALTER TABLE entries DROP COLUMN seal",
    ),
    "0016": ("DROP TABLE pin_tries", "ALTER TABLE looking DROP COLUMN since"),
    "0015": ("DROP TABLE limits",),
    "0014": ("DROP INDEX messages_unit", "ALTER TABLE messages DROP COLUMN unit"),
    "0013": ("DROP TABLE handovers", "DROP TABLE pins"),
    "0012": ("DROP TABLE messages", "DROP TABLE read_marks"),
    "0011": ("DROP TABLE alarms",),
    "0010": ("DROP INDEX ix_contacts_phone_tail", "ALTER TABLE contacts DROP COLUMN phone_tail"),
    "0009": ("DROP TABLE photo_facts", "DROP TABLE proof_photos"),
    "0008": ("DROP TABLE closures",),
    "0007": (),
    "0006": ("DROP INDEX reports_hold", "ALTER TABLE reports DROP COLUMN hold_until"),
    "0005": ("ALTER TABLE entries DROP COLUMN device",),
    "0004": ("DROP INDEX reports_created", "CREATE INDEX reports_created ON reports (created)"),
}
"""By revision, the newest first: how to take back what its migration made."""


class Clock:
    """Server time: goes on by a second each time somebody looks."""

    def __init__(self) -> None:
        self.now = START
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self.now += timedelta(seconds=1)
            return self.now

    def skip(self, **time: float) -> None:
        with self._lock:
            self.now += timedelta(**time)


def set_back(city: City, revision: str) -> None:
    """Give a city the tables that it had at a revision before, so that it is upgraded again."""
    with city.database.write() as connection:
        assert migrations.revision_of(connection) == next(iter(_TAKEN_BACK)), "a newer migration is not in the list"
        for later, statements in _TAKEN_BACK.items():
            for statement in statements if later > revision else ():
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


def let_pass(city: City, clock: Clock, days: float) -> None:
    """Let days go by, in which the server tidies now and then, as it does every hour."""
    while days > 0:
        clock.skip(days=min(days, 5))
        city.tidy()
        days -= 5


def square(west: float, south: float, size: float) -> dict[str, Any]:
    ring = [
        [west, south],
        [west + size, south],
        [west + size, south + size],
        [west, south + size],
        [west, south],
    ]
    return {"type": "Polygon", "coordinates": [ring]}


def a_report(key: str, **more: Any) -> Report:
    values: dict[str, Any] = {
        "status": Status.NEW,
        "service": "road",
        "priority": 3,
        "description": "A hole.",
        "area": "w1",
    } | more
    return Report(key, 1, created=START, updated=START, **values)


def furnish(city: City) -> None:
    city.put_areas(
        [
            Area("c", "City", 1, geometry=square(106, -7, 1)),
            Area("w1", "Ward 1", 3, parent="c", geometry=square(106.1, -6.9, 0.1)),
            Area("w2", "Ward 2", 3, parent="c", geometry=square(106.5, -6.5, 0.1)),
        ]
    )
    city.put_agencies([Agency("pu", "Public works"), Agency("lh", "Environment")])
    city.put_services(
        [Service("road", "Road", priority=2, agency="pu", sla={"*": Sla()}), Service("talk", "Talk", proof=False)]
    )
    city.put_units([Unit(f"u{n}", f"U{n}", UnitState.AVAILABLE, START) for n in (1, 2, 3)])
    city.load(
        [LoadedReport(a_report("10")), LoadedReport(a_report("11")), LoadedReport(a_report("12", service="talk"))]
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a new database without a city."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'city.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh() as url:
        yield url


@pytest.fixture
def city(database_url: str, clock: Clock) -> Iterator[City]:
    city = City(database_url, clock=clock, name="Testville", ticks=lambda: 0.0)  # no count takes long
    if city.database.missing is not None:
        put_tables(city.database.missing)
    city.create_schema()
    furnish(city)
    yield city
    city.close()


class Api:
    """Requests of one test client to a server; each client is a device of its own."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self.device = str(uuid.uuid4())
        self.session = requests.Session()
        self.session.trust_env = False
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.session.get(f"{self.url}/dispatch/v1{path}", timeout=60, **more)

    def report(self, key: str) -> Any:
        return self.get(f"/reports/{key}").json()

    def edit(
        self,
        report: str | None,
        kind: str,
        data: dict[str, Any] | None = None,
        *,
        seen: int | None = None,
        key: str | None = None,
        unversioned: bool = False,
        **more: Any,
    ) -> requests.Response:
        """One edit; `seen` is the version for If-Match, by default the present one; `unversioned` leaves it out."""
        key = key or str(uuid.uuid4())
        path = "/reports" if report is None else f"/reports/{report}/edits"
        if kind == "unit_state":
            path = f"/units/{(data or {})['unit']}/edits"
        if kind == "closure":
            path = f"/closures/{(data or {})['closure']}/edits"
        if kind == "alarm":
            path = "/alarms/edits"
        if kind == "log":
            path = "/log/edits"
        if kind in ("message", "read"):
            path = "/messages/edits"
        headers = {"Idempotency-Key": key}
        if report is not None and not unversioned:
            headers["If-Match"] = f'"{seen if seen is not None else self.report(report)["version"]}"'
        body = {"id": key, "kind": kind, "data": data or {}, "device": self.device} | more
        return self.session.post(f"{self.url}/dispatch/v1{path}", json=body, headers=headers, timeout=60)

    def ok(self, report: str | None, kind: str, data: dict[str, Any] | None = None, **more: Any) -> Any:
        """An edit that must be taken; its answer."""
        answer = self.edit(report, kind, data, **more)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def unit(self, key: str) -> Any:
        for item in self.get("/changes?after=0").json()["items"]:
            if item["kind"] == "unit" and item["id"] == key:
                return item["data"]
        raise KeyError(key)


def recorded(detail: str) -> dict[str, Any]:
    """What a row of the audit log says of its deed, without which request it came by."""
    found: dict[str, Any] = json.loads(detail)
    found.pop("request", None)
    return found


@contextlib.contextmanager
def running(
    city: City,
    media: Path,
    users: Users | None = None,
    *,
    beat_s: float = 10.0,
    gone_s: float = GONE_S,
    limits: RateLimits | None = None,
    behind_proxy: bool = False,
    citizens: CitizenOptions = BY_DEFAULT,
    admin_page: AdminPage = AdminPage.LOCAL,
) -> Iterator[str]:
    """The server of a city in a thread; its address."""
    app = make_app(
        city, media, users, beat_s=beat_s, gone_s=gone_s, limits=limits, citizens=citizens, admin_page=admin_page
    )
    with serving(app, proxy_headers=behind_proxy) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def api(city: City, tmp_path: Path) -> Iterator[Api]:
    with running(city, tmp_path / "media") as url:
        api = Api(url)
        yield api
        api.session.close()
