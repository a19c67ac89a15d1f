"""The embedded report API in this process: the real application on uvicorn, on a free port of loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api_client.model import Report, Service, Stats, Status, Unit, UnitState
from console.server.city.city import City
from console.server.city.records import LoadedReport
from console.server.city.users import Users, load_users
from console.server.http.app import make_app
from tests.helpers.prompt_server import serving
from tests.helpers.ready_file import put_tables


@dataclass
class Live:
    """A city that is served."""

    city: City
    url: str
    port: int

    def count(self) -> Stats:
        """Counts of everything, made anew: `City.stats` may answer with counts of a moment ago."""
        self.city._stats = None
        return self.city.stats()


@contextlib.contextmanager
def live_server(
    folder: Path,
    reports: Sequence[Report] | None = None,
    *,
    port: int = 0,
    timezone: str = "Asia/Jakarta",
    users: Path | None = None,
) -> Iterator[Live]:
    """Serve a small city (by default ten reports, one service, three units) until the block ends.

    `users` is a file of them; without one everybody is the supervisor "local".
    """
    folder.mkdir(parents=True, exist_ok=True)
    put_tables(folder / "city.db")
    city = City(f"sqlite:///{folder / 'city.db'}", name="Testville", timezone=timezone, ticks=lambda: 0.0)
    city.create_schema()
    if not city.stats().reports:
        now = datetime.now(UTC)
        city.put_services([Service("flood", "Flood", proof=False)])
        city.put_units([Unit(f"U{n}", f"U{n}", UnitState.AVAILABLE, now) for n in range(1, 4)])
        city.load([LoadedReport(each) for each in (reports if reports is not None else some_reports(10, now))])
    if users is not None:
        load_users(users, city)
    app = make_app(city, folder / "media", Users(city) if users is not None else None, beat_s=1.0)
    try:
        with serving(app, port=port) as taken:
            yield Live(city, f"http://127.0.0.1:{taken}", taken)
    finally:
        city.close()


def some_reports(count: int, now: datetime) -> list[Report]:
    """Reports r1 … of the last minutes, new, at a place."""
    return [
        Report(
            f"r{n}",
            1,
            Status.NEW,
            "flood",
            3,
            f"Water {n}",
            now - timedelta(minutes=n),
            now,
            lat=-6.2,
            lon=106.8 + n / 1e3,
        )
        for n in range(1, count + 1)
    ]
