"""A cache that drifted from its server, in the real window: "compare" finds it, mends it and says so."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.rules.messages import Source
from console.rules.rights import Rights
from console.window.actions import ACTIONS
from tests.helpers.city import console, served, wait_for, write_users
from tests.helpers.geo_city import GeoCity, geo_request
from tests.helpers.hands import form

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.mark.usefixtures("expected_log")
def test_compare_with_the_server_now(tmp_path: Path) -> None:
    """F24, by hand (reconcile.py)."""
    users = str(write_users(tmp_path / "city"))
    profile = tmp_path / "profile"
    with served(tmp_path / "city", "--demo-city", "--still", "--reports", "60", "--users", users) as server:
        with console(profile, server.address) as window:
            wait_for(lambda: window.sources.states().get("city") == "live", 30, "live")
        with sqlite3.connect(profile / "cache.db") as cache:
            (lost,) = cache.execute("SELECT remote_id FROM reports ORDER BY remote_id LIMIT 1").fetchone()
            cache.execute("DELETE FROM texts WHERE row = (SELECT row FROM reports WHERE remote_id = ?)", (lost,))
            cache.execute("DELETE FROM reports WHERE remote_id = ?", (lost,))
        cache.close()
        with console(profile, server.address) as window:
            told: list[str] = []
            window.sources.message.connect(told.append)
            wait_for(lambda: window.sources.states().get("city") == "live", 30, "live")
            assert window.reader().row_of("city", lost) is None
            assert window.actions.run("compare")
            wait_for(lambda: any("1 report differed" in words for words in told), 30, "told")
            assert window.reader().row_of("city", lost) is not None
            assert window.actions.run("compare")
            wait_for(lambda: any("nothing differed" in words for words in told), 30, "told again")


@pytest.mark.usefixtures("expected_log")
def test_a_loss_that_is_true_is_believed_by_a_command(tmp_path: Path) -> None:
    """A small town took back 4 of its 20 reports: they were shown for ever, with a sentence."""
    then = datetime.now(UTC) - timedelta(days=3)
    town = GeoCity([geo_request(n, then + timedelta(hours=n)) for n in range(1, 21)])
    source = Source("town", "Town", town.url, "open311", timezone="UTC")
    with console(tmp_path / "profile", None, sources=[source]) as window:
        told: list[str] = []
        window.sources.message.connect(told.append)
        wait_for(lambda: window.sources.states().get("town") == "live", 30, "live")
        assert not window.actions.run("believe"), "nothing is doubted"
        town.reports = town.reports[4:]
        assert window.actions.run("compare")
        wait_for(lambda: window.sources.doubted == 4, 30, "doubted")
        wait_for(lambda: any("gives 16 of the 20" in words for words in told), 30, "told")
        assert told[-1].endswith(f"“{ACTIONS['believe'].text}” drops them here.")
        assert "gives 16 of the 20" in window.sources.sheet()
        window.situation._rights_at = lambda _source: Rights("operator")
        assert window.situation.current.may_believe is False
        assert not window.actions.run("believe"), "that is a supervisor's word"
        window.situation._rights_at = lambda _source: Rights("supervisor")
        assert window.actions.run("believe")
        assert form(window)._title.text() == "Believe the comparison?"
        form(window).reject()
        wait_for(lambda: not window.forms.is_open, what="left")
        assert window.sources.doubted == 4
        assert window.actions.run("believe")
        form(window).commit()
        wait_for(lambda: any(words == "4 reports are no longer at the server and dropped here." for words in told), 30)
        assert window.sources.doubted == 0
        wait_for(lambda: window.window_state.view.counts.all_open == 16, 30, "they are in no list")
    town.close()
