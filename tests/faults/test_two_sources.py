"""A profile with two cities: one clock each, and one operator each. Real servers, real windows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.commands.sync import Headless
from console.panels.qt_loop import QtLoop
from console.rules.messages import Source
from tests.helpers import geo_city
from tests.helpers.city import TOKENS, console, wait_for, write_users
from tests.helpers.geo_city import GeoCity, geo_request
from tests.helpers.hands import CTRL, form, key
from tests.helpers.live_server import Live, live_server
from tests.helpers.net import http
from tests.helpers.proxy import FaultProxy, drop_before, is_edit
from widgets.forms.form import Form

pytestmark = pytest.mark.usefixtures("expected_log")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with live_server(tmp_path / "city", users=write_users(tmp_path / "users")) as live:
        yield live


@pytest.fixture
def wrong(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[GeoCity]:
    """An Open311 city whose clock is so many seconds off."""
    off, plain = timedelta(seconds=request.param), http

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
    parent = QObject()
    head = Headless(
        "p",
        tmp_path / "p",
        sources,
        {"jkt": TOKENS["rina"]},
        order_lifetime_s=600.0,
        clock=lambda: datetime.now(UTC),
        loop=QtLoop(parent),
    )
    try:
        outbox = head._outbox
        qtbot.waitUntil(lambda: head.settled, timeout=40_000)
        version = live.city.report("r1").version
        plain: dict[str, Any] = {"source": "jkt", "base": {}, "title": "t"}
        order = outbox.submit(Kind.DISPATCH, "r1", data={"unit": "U1"}, base_version=version, **plain)
        note = outbox.submit(Kind.NOTE, "r1", data={"text": "Water"}, base_version=None, **plain)
        qtbot.waitUntil(lambda: not (outbox.saving or outbox.open_edits), timeout=20_000)
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
        wait_for(
            lambda: window.window_state.view is not None and window.window_state.view.total == 13, what="all reports"
        )
        wait_for(lambda: len(window.window_state.cities.crews) == 3, what="the crews")
        window.window_state.choose(window.reader().row_of("city", "r1"))
        wait_for(
            lambda: window.details_reader.current is not None and window.details_reader.current.key == "r1", what="r1"
        )
        window.edit_commands.dispatch(window.details_reader.current, "U1", "U1", stack=False)
        wait_for(lambda: live.city.entries("r1") and not window.outbox.open_edits, what="the order is given")
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


def test_of_an_open311_report_the_window_offers_what_its_server_takes(qapp: object, live: Live, tmp_path: Path) -> None:
    geo = GeoCity([geo_request(1, datetime.now(UTC) - timedelta(hours=3))])
    sources = [
        Source("city", "City", live.url, "dispatch", timezone="Asia/Jakarta", user="rina"),
        Source("geo", "Geo", geo.url, "open311"),
    ]
    with contextlib.closing(geo), console(tmp_path / "profile", None, sources=sources) as window:
        wait_for(lambda: window.sources.states() == {"geo": "live", "city": "live"}, 40, "both")
        wait_for(lambda: window.reader().row_of("geo", "1"), what="its report")
        pick(window, "geo", "1")
        said: list[str] = []
        window.actions.message.connect(said.append)
        key(window, "T")
        window.command.focus_line("n seen")
        QTest.keyClick(window.command._line, Qt.Key.Key_Return)
        assert said == ["This city's server takes new reports only: tell the city by its own way"] * 2
        assert not any(one.enabled for one in window.ticket.ticket().actions)
        assert window.outbox.open_edits == ()
        assert window.actions.why_not("new_report") == ""
        pick(window, "city", "r1")
        assert window.actions.why_not("note") == ""


@pytest.fixture
def cities(tmp_path: Path) -> Iterator[tuple[Live, Live]]:
    """Two cities that know both operators; where they lie and what they hold is alike."""
    users = write_users(tmp_path / "users")
    with (
        live_server(tmp_path / "one", users=users) as one,
        live_server(tmp_path / "two", users=users) as two,
    ):
        yield one, two


def followed(cities: tuple[Live, Live], user: str = "budi") -> list[Source]:
    names = (("city", "City"), ("two", "Two"))
    return [
        Source(key, name, live.url, "dispatch", timezone="Asia/Jakarta", user=user)
        for (key, name), live in zip(names, cities, strict=True)
    ]


def wait_live(window: Any, *sources: str) -> None:
    wait_for(
        lambda: all(window.sources.states().get(key) == "live" for key in sources), 40, lambda: window.sources.sheet()
    )
    wait_for(lambda: all(key in window.sign_in._rights for key in sources), what="whose tokens they are")


def pick(window: Any, source: str, number: str) -> None:
    """Choose a report of a source by its number, and wait until it has been read."""
    wait_for(lambda: window.reader().row_of(source, number), what=f"{number} of {source}")
    window.window_state.choose(window.reader().row_of(source, number))
    wait_for(
        lambda: (now := window.situation.chosen) is not None and (now.source, now.key) == (source, number),
        what=f"{number} of {source} is chosen",
    )


def claimed(live: Live, number: str) -> str | None:
    claim = live.city.report(number).claim
    return claim.who if claim is not None else None


def authors(*lives: Live) -> set[str]:
    """Everybody who has done anything at these cities."""
    return {
        entry.author
        for live in lives
        for number in range(1, 11)
        for entry in live.city.entries(f"r{number}")
        if entry.edit is not None
    }


def answer_token(window: Any, title: str, token: str) -> None:
    wait_for(lambda: isinstance(QApplication.activeWindow(), Form), what=f"the form: {title}")
    wait_for(lambda: form(window)._title.text() == title, what=lambda: f"{title}, not {form(window)._title.text()}")
    field = form(window).findChild(QLineEdit)
    QTest.keyClicks(field, token)
    QTest.keyClick(field, Qt.Key.Key_Return)


def sign_out(window: Any) -> None:
    window.actions.run("sign_out")
    wait_for(lambda: window.settings.here.signed_out == ["city", "two"], what="signed out of both")


def test_signing_out_signs_out_everywhere_and_who_comes_is_himself_everywhere(
    qapp: object, cities: tuple[Live, Live], tmp_path: Path
) -> None:
    """The first city only was signed out of: at the second whoever sat down there worked under the other's name."""
    one, two = cities
    with console(tmp_path / "profile", None, name="budi", sources=followed(cities)) as window:
        wait_live(window, "city", "two")
        assert window.sign_in.who() == "budi"
        for source, live in (("city", one), ("two", two)):
            pick(window, source, "r1")
            key(window, "T")
            wait_for(lambda live=live: claimed(live, "r1") == "budi", what=f"taken at {source}")
        wait_for(lambda: not window.outbox.open_edits and len(window.window_state.view.mine) == 2, what="both are his")
        window.actions.run("sign_out")
        ask = form(window)
        assert ask._title.text() == "2 reports are yours"
        assert ask.leave_button.accessibleName().startswith("Stay"), "of three ways that all leave"
        QTest.keyClick(ask.field, Qt.Key.Key_Return)
        wait_for(lambda: window.settings.here.signed_out == ["city", "two"], what="signed out of both")
        assert [claimed(live, "r1") for live in cities] == [None, None]
        assert window.status_controller._message == "Signed out of City, Two"
        assert window.sign_in.who() == "signed out"

        said: list[str] = []
        window.actions.message.connect(said.append)
        for source in ("city", "two"):
            assert window.sign_in.why_reading_only(source) == "Signed out: sign in to write"
            pick(window, source, "r2")
            key(window, "T")
            assert said[-1] == "Signed out: sign in to write"
        assert window.outbox.open_edits == ()

        window.actions.run("sign_in")
        answer_token(window, "Sign in to City", TOKENS["rina"])
        answer_token(window, "Sign in to Two", TOKENS["rina"])
        wait_live(window, "city", "two")
        wait_for(lambda: window.settings.here.signed_out == [], what="signed in at both")
        assert window.window_state.me == window.sign_in.who() == "rina"
        for source, live in (("city", one), ("two", two)):
            pick(window, source, "r3")
            key(window, "T")
            wait_for(lambda live=live: claimed(live, "r3") == "rina", what=f"hers at {source}")
        assert authors(one, two) == {"budi", "rina"}


def test_where_nobody_signed_in_is_read_only_and_what_waits_there_waits_for_its_author(
    qapp: object, cities: tuple[Live, Live], tmp_path: Path
) -> None:
    one, two = cities
    with contextlib.closing(FaultProxy(two.port)) as proxy:
        sources = followed(cities)
        sources[1] = msgspec.structs.replace(sources[1], url=proxy.url)
        with console(tmp_path / "profile", None, name="budi", sources=sources) as window:
            wait_live(window, "city", "two")
            edits = proxy.when(is_edit, drop_before)
            note = window.outbox.submit(
                Kind.NOTE, "r1", source="two", data={"text": "dari budi"}, base={}, base_version=None, title="t"
            )
            wait_for(lambda: edits.hit and not window.outbox.saving, what="his note does not get through")
            window.actions.run("sign_out")
            ask = form(window)
            assert ask._title.text() == "1 edit has not left"
            QTest.keyClick(ask, Qt.Key.Key_Return, CTRL)
            wait_for(lambda: window.settings.here.signed_out == ["city", "two"], what="signed out of both")
            proxy.heal()

            window.actions.run("sign_in")
            answer_token(window, "Sign in to City", TOKENS["rina"])
            wait_for(lambda: form(window)._title.text() == "Sign in to Two", what="the second")
            QTest.keyClick(form(window), Qt.Key.Key_N, Qt.KeyboardModifier.AltModifier)
            wait_live(window, "city")
            wait_for(lambda: window.settings.here.signed_out == ["two"], what="signed in at the first")
            assert window.sign_in.who() == "City: rina · Two: signed out"
            told = "Signed in as rina · nobody is signed in at Two: reading only there"
            assert window.status_controller._message == told
            assert "The time of City" in window.kpi_controller._whose_clock()
            assert window.window_state.me_at("two") == "", "budi's claims there are not hers, nor a namesake's"
            pick(window, "two", "r2")
            said: list[str] = []
            window.actions.message.connect(said.append)
            key(window, "T")
            assert said == ["Nobody is signed in at Two: sign in there to write"]
            (queued,) = window.outbox.open_edits
            assert window.outbox.is_anothers(queued.edit), "it waits for budi, and is nothing of hers"
            pick(window, "city", "r2")
            key(window, "T")
            wait_for(lambda: claimed(one, "r2") == "rina", what="at the first she works")
            assert two.city.entries("r1") == []

            window.actions.run("sign_in")
            answer_token(window, "Sign in to Two", TOKENS["budi"])
            wait_for(lambda: note in {entry.edit for entry in two.city.entries("r1")}, what="his note has come")
            assert [entry.author for entry in two.city.entries("r1")] == ["budi"]
            assert window.sign_in.who() == "City: rina · Two: budi"


def test_who_takes_the_place_at_one_city_without_a_sign_out_is_not_the_other_elsewhere(
    qapp: object, cities: tuple[Live, Live], tmp_path: Path
) -> None:
    _, two = cities
    with console(tmp_path / "profile", None, name="budi", sources=followed(cities)) as window:
        wait_live(window, "city", "two")
        window.actions.run("sign_in")
        answer_token(window, "Sign in to City", TOKENS["rina"])
        wait_for(lambda: window.window_state.me == "rina", what="rina is at the first")
        wait_for(lambda: form(window)._title.text() == "Sign in to Two", what="and is asked for the second")
        assert window.settings.here.signed_out == ["two"]
        answer_token(window, "Sign in to Two", "a-token-nobody-knows")
        wait_for(lambda: window.sources.states().get("two") == "refused", what="refused")
        assert "Nobody is signed in at Two" in window.sign_in.why_reading_only("two")
        window.actions.run("sign_in")
        answer_token(window, "Sign in to Two", TOKENS["rina"])
        wait_for(lambda: window.settings.here.signed_out == [], what="hers too")
        assert window.outbox.author_for("two") == "rina"
        assert authors(two) == set()


def test_a_restart_between_two_operators_signs_nobody_in(
    qapp: object, cities: tuple[Live, Live], tmp_path: Path
) -> None:
    with console(tmp_path / "profile", None, name="budi", sources=followed(cities)) as window:
        wait_live(window, "city", "two")
        sign_out(window)
        kept = window.settings.here
    with console(tmp_path / "profile", None, name="budi", sources=followed(cities), kept=kept) as window:
        wait_for(lambda: window.sources.states() == {"city": "refused", "two": "refused"}, 30, "refused by both")
        for source in ("city", "two"):
            assert window.sign_in.why_reading_only(source) == "Signed out: sign in to write"
        window.actions.run("sign_in")
        answer_token(window, "Sign in to City", TOKENS["rina"])
        wait_for(lambda: form(window)._title.text() == "Sign in to Two", what="the second")
        QTest.keyClick(form(window), Qt.Key.Key_Escape)
        wait_live(window, "city")
        assert window.settings.here.signed_out == ["two"]
        kept = window.settings.here
    with console(tmp_path / "profile", None, sources=kept.sources, kept=kept) as window:
        wait_live(window, "city")
        assert window.window_state.me == "rina"
        assert window.outbox.author_for("two") == "rina", "nothing of budi's is hers"
        assert "Nobody is signed in at Two" in window.sign_in.why_reading_only("two")


def test_a_city_that_knows_nobody_is_written_to_by_who_sits_at_the_window(
    qapp: object, live: Live, tmp_path: Path
) -> None:
    """It has no token to be signed out of: what was done there after a sign-out bore the name of who had gone."""
    with live_server(tmp_path / "open") as free:
        sources = [
            Source("free", "Free", free.url, "dispatch"),
            Source("city", "City", live.url, "dispatch", timezone="Asia/Jakarta", user="budi"),
        ]
        with console(tmp_path / "profile", None, name="budi", sources=sources) as window:
            wait_live(window, "free", "city")
            assert window.outbox.author_for("free") == "budi"
            window.actions.run("sign_out")
            wait_for(lambda: window.settings.here.signed_out == ["city"], what="signed out of the one that knows him")
            assert window.sign_in.why_reading_only("free") == "Signed out: sign in to write"
            refused: list[Any] = []
            window.outbox.refused.connect(lambda _, error: refused.append(str(error)))
            plain: dict[str, Any] = {
                "source": "free",
                "data": {"text": "x"},
                "base": {},
                "base_version": None,
                "title": "t",
            }
            window.outbox.submit(Kind.NOTE, "r1", **plain)
            wait_for(lambda: refused == ["Signed out: sign in to write"], what="refused")
            window.actions.run("sign_in")
            answer_token(window, "Sign in to City", TOKENS["rina"])
            wait_for(lambda: window.window_state.me == "rina", what="rina is here")
            assert window.sign_in.why_reading_only("free") == ""
            assert window.outbox.author_for("free") == "rina"
            window.outbox.submit(Kind.NOTE, "r1", **plain)
            wait_for(lambda: free.city.entries("r1") and not window.outbox.open_edits, what="hers has come")
            assert len(free.city.entries("r1")) == 1
