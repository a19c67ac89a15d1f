"""A profile with two cities: each edit goes by the clock of its own city, whatever the other's says. Real servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from console.domain.edit import Kind
from console.domain.messages import Source
from console.headless import Headless
from tests.helpers import geo_city
from tests.helpers.city import TOKENS, console, wait_for, write_users
from tests.helpers.geo_city import GeoCity, geo_request
from tests.helpers.live_server import Live, live_server

pytestmark = pytest.mark.usefixtures("expected_log")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with live_server(tmp_path / "city", users=write_users(tmp_path / "users")) as live:
        yield live


@pytest.fixture
def wrong(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[GeoCity]:
    """An Open311 city whose clock is so many seconds off."""
    off, plain = timedelta(seconds=request.param), geo_city.http

    def dated(status: int, body: object = b"", **headers: str) -> bytes:
        return plain(status, body, Date=format_datetime(datetime.now(UTC) + off, usegmt=True), **headers)

    monkeypatch.setattr(geo_city, "http", dated)
    city = GeoCity([geo_request(n, datetime.now(UTC) - timedelta(hours=n + 3)) for n in range(1, 4)])
    yield city
    city.close()


@pytest.mark.parametrize("wrong", [-900, 3600, -7200], indirect=True)
def test_the_clock_of_another_city_of_the_profile_expires_no_order_and_dates_no_note(
    qtbot: QtBot, live: Live, wrong: GeoCity, tmp_path: Path
) -> None:
    """F23: with the wrong clock first, each order to the right city was "expired" at once, for ever."""
    sources = [Source("geo", "Geo", wrong.url, "open311"), Source("jkt", "J", live.url, "dispatch", user="rina")]
    head = Headless(
        "p", tmp_path / "p", sources, {"jkt": TOKENS["rina"]}, order_lifetime_s=600.0, clock=lambda: datetime.now(UTC)
    )
    try:
        edits = head._edits
        qtbot.waitUntil(lambda: head.settled, timeout=40_000)
        version = live.city.report("r1").version
        plain = {"source": "jkt", "base": {}, "title": "t"}
        order = edits.submit(Kind.DISPATCH, "r1", data={"unit": "U1"}, base_version=version, **plain)
        note = edits.submit(Kind.NOTE, "r1", data={"text": "Water"}, base_version=None, **plain)
        qtbot.waitUntil(lambda: not (edits.saving or edits.outbox), timeout=20_000)
        entries = {entry.edit: entry for entry in live.city.entries("r1")}
        assert order in entries, "the order is given"
        occurred_at = entries[note].occurred_at
        assert occurred_at is not None
        assert abs(occurred_at - datetime.now(UTC)) < timedelta(seconds=40)
        assert not entries[note].late
    finally:
        head.close()


@pytest.mark.parametrize("wrong", [-7200, 7200], indirect=True)
def test_a_window_gives_orders_by_the_clock_of_their_city_and_says_whose_is_off(
    qapp: object, live: Live, wrong: GeoCity, tmp_path: Path
) -> None:
    sources = [
        Source("geo", "Geo", wrong.url, "open311"),
        Source("city", "City", live.url, "dispatch", timezone="Asia/Jakarta", user="rina"),
    ]
    with console(tmp_path / "profile", None, sources=sources) as window:
        wait_for(lambda: window.sources.states() == {"geo": "live", "city": "live"}, 40, "both")
        wait_for(lambda: window.desk.view is not None and window.desk.view.total == 13, what="all reports")
        wait_for(lambda: len(window.desk.cities.crews) == 3, what="the crews")
        window.desk.choose(window.reader().row_of("city", "r1"))
        wait_for(lambda: window.dossiers.current is not None and window.dossiers.current.key == "r1", what="r1")
        window.deeds.dispatch(window.dossiers.current, "U1", "U1", stack=False)
        wait_for(lambda: live.city.entries("r1") and not window.edits.outbox, what="the order is given")
        (entry,) = (one for one in live.city.entries("r1") if one.kind == Kind.DISPATCH.value)
        assert abs((entry.occurred_at or entry.at) - datetime.now(UTC)) < timedelta(seconds=40)
        wait_for(
            lambda: window.sources.age_s() is not None and window.sources.age_s() < 120,
            what=lambda: f"the data is fresh: {window.sources.age_s()}",
        )
        geo, city = window.sources.sheet().splitlines()[:2]
        assert "Its clock is" in geo
        assert "2 h" in geo or "119 min" in geo or "1 h" in geo
        assert "clock" not in city
