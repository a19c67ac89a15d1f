"""A cache that drifted from its server, in the real window: "compare" finds it, mends it and says so."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.helpers.city import console, served, wait_for, write_users

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.mark.usefixtures("expected_log")
def test_compare_with_the_server_now(tmp_path: Path) -> None:
    """F24, by hand (compare.py)."""
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
            window.sources.told.connect(told.append)
            wait_for(lambda: window.sources.states().get("city") == "live", 30, "live")
            assert window.reader().row_of("city", lost) is None
            assert window.intents.run("compare")
            wait_for(lambda: any("1 report differed" in words for words in told), 30, "told")
            assert window.reader().row_of("city", lost) is not None
            assert window.intents.run("compare")
            wait_for(lambda: any("nothing differed" in words for words in told), 30, "told again")
