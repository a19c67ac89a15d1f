"""A profile without a server: the form looks at an address, says what is there, and keeps what was connected."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from console.settings import Settings, Tokens, load_settings
from console.tasks import Tasks
from console.window.first_run import FirstRun
from tests.helpers.city import TOKENS, served, write_users
from tests.helpers.geo_city import GeoCity, geo_request
from tests.helpers.live_server import live_server
from tests.widgets.sample import make_theme
from widgets.forms.connect import ConnectForm

NOTHING_LISTENS = "http://127.0.0.1:9"


@pytest.fixture
def form(qtbot: QtBot, tmp_path: Path) -> Iterator[ConnectForm]:
    tasks = Tasks("first-run-test", 1)
    form = ConnectForm(make_theme())
    qtbot.addWidget(form)
    FirstRun(form, tmp_path, Settings(), Tokens("test"), tasks)
    form.open_beside()
    yield form
    tasks.shutdown()


def look(qtbot: QtBot, form: ConnectForm, address: str) -> str:
    """Type an address, press Enter, and return what the form says of it."""
    form.address.setFocus()
    form.address.selectAll()
    qtbot.keyClicks(form.address, address)
    qtbot.keyClick(form.address, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not form.why_not(), timeout=10_000)
    return form.answer.text()


def test_looks_first_then_connects_by_keyboard(qtbot: QtBot, form: ConnectForm, tmp_path: Path) -> None:
    with live_server(tmp_path / "city") as live:
        assert look(qtbot, form, live.url) == "A Sigap server: Testville · 10 reports · signed in as local, supervisor"
        assert not load_settings(tmp_path).sources, "looking keeps nothing"
        assert QApplication.focusWidget() is form.commit_button
        with qtbot.waitSignal(form.committed):
            qtbot.keyClick(form.commit_button, Qt.Key.Key_Return)
    (source,) = load_settings(tmp_path).sources
    assert (source.name, source.url, source.kind, source.user) == ("Testville", live.url, "dispatch", "local")


def test_says_why_and_stays(qtbot: QtBot, form: ConnectForm, tmp_path: Path) -> None:
    assert "no server listens there" in look(qtbot, form, NOTHING_LISTENS)
    assert form.isVisible()
    assert form.commit_button.verb == "Look"
    assert not load_settings(tmp_path).sources


def test_a_missing_token_is_asked_for_where_it_is_typed(qtbot: QtBot, form: ConnectForm, tmp_path: Path) -> None:
    users = str(write_users(tmp_path / "city"))
    with served(tmp_path / "city", "--demo-city", "--still", "--reports", "10", "--users", users) as city:
        assert look(qtbot, form, city.address) == "This server needs a token."
        assert QApplication.focusWidget() is form.token
        qtbot.keyClicks(form.token, TOKENS["rina"])
        qtbot.keyClick(form.token, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: "signed in as rina" in form.answer.text(), timeout=10_000)


def test_a_jurisdiction_is_asked_for_where_a_server_wants_one(qtbot: QtBot, form: ConnectForm, tmp_path: Path) -> None:
    city = GeoCity([geo_request(1, datetime.now(UTC))])
    city.wants = {"jurisdiction_id": "city.org"}
    assert form.jurisdiction.isHidden()
    assert "jurisdiction" in look(qtbot, form, city.url)
    assert QApplication.focusWidget() is form.jurisdiction
    qtbot.keyClicks(form.jurisdiction, "city.org")
    qtbot.keyClick(form.jurisdiction, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "An Open311 server" in form.answer.text(), timeout=10_000)
    with qtbot.waitSignal(form.committed):
        qtbot.keyClick(form.commit_button, Qt.Key.Key_Return)
    (source,) = load_settings(tmp_path).sources
    assert (source.kind, source.params) == ("open311", city.wants)
    city.close()


def test_another_address_is_looked_at_anew(qtbot: QtBot, form: ConnectForm, tmp_path: Path) -> None:
    with live_server(tmp_path / "city") as live:
        look(qtbot, form, live.url)
        assert form.commit_button.verb == "Connect"
        with qtbot.assertNotEmitted(form.committed):
            assert "no server listens there" in look(qtbot, form, NOTHING_LISTENS)


def test_unencrypted_is_asked_for_only_where_it_matters(qtbot: QtBot, form: ConnectForm) -> None:
    assert form.insecure.isHidden()
    qtbot.keyClicks(form.address, "http://city.example")
    assert not form.insecure.isHidden()
    form.insecure.setChecked(True)
    assert form.values()["insecure_http"] is True
    form.address.setText("https://city.example")
    assert form.values()["insecure_http"] is False
