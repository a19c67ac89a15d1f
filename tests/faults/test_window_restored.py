"""A city is restored from a backup while a window works in it: what was sent and is lost comes back to its operator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.faults.test_window_people import note, writers
from tests.helpers.city import Served, console, run_sigap, served, wait_for, write_users
from tests.helpers.hands import CTRL, choose, find, key, outbox, strips, wait_ready

pytestmark = pytest.mark.usefixtures("qapp", "expected_log")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Served]:
    users = str(write_users(tmp_path / "city"))
    with served(tmp_path / "city", "--demo-city", "--still", "--reports", "400", "--users", users) as server:
        yield server


def test_what_a_restore_took_back_is_said_and_sent_again_by_key(city: Served, tmp_path: Path) -> None:
    """F22, I1, I2. Guards: CacheWriter.forget keeps what the record held; WorkFile.bring_back; OutboxLink asks for
    both.

    The server runs meanwhile, and the window is closed and opened again before anything is decided.
    """
    database, out = f"sqlite:///{city.folder / 'city.db'}", str(tmp_path / "night.backup")
    assert run_sigap("backup", "--database", database, "--out", out, home=tmp_path).returncode == 0
    with console(tmp_path / "profile", city.address) as window:
        wait_ready(window)
        wait_for(lambda: window.sources.states()["city"] == "live", what="live")
        report = find(window, "open", skip=set())
        for text in ("satu", "dua", "tiga"):
            note(window, f"dikirim {text}")
        wait_for(lambda: not outbox(window), what="all of it is received")
        assert writers(city, "dikirim") == ["rina"] * 3
        restored = run_sigap("restore", "--database", database, "--replace", out, home=tmp_path)
        assert restored.returncode == 0, restored.stderr
        wait_for(lambda: len(outbox(window)) == 3, 40, "the lost ones are in the outbox again")
        said = window.status_controller._message
        assert said.startswith("The server was set back to an older state and lost 3 edits that were sent")
        assert writers(city, "dikirim") == [], "nothing is sent by itself"
    with console(tmp_path / "profile", city.address) as window:
        wait_ready(window)
        wait_for(lambda: window.sources.states()["city"] == "live", what="live")
        assert len(outbox(window)) == 3
        choose(window, report)
        asked = "Sent, and lost when the server was set back: Note by rina: dikirim satu. Send it again?"
        wait_for(lambda: asked in strips(window), what="the report asks too")
        key(window, "7", CTRL)
        view = window.outbox_panel.view
        view.setCurrentIndex(view.model().index(0, 0))
        QTest.qWait(200)
        window.window.grab().save(str(tmp_path / "lost-in-a-restore.png"))
        assert {row.state_text for row in outbox(window).values()} == {"lost: the server was set back"}
        key(window, "2")
        wait_for(lambda: len(outbox(window)) == 2, what="one is dropped")
        QTest.keyClick(view, Qt.Key.Key_R, CTRL)
        wait_for(lambda: not outbox(window), 30, "the others are received")
    assert writers(city, "dikirim") == ["rina"] * 2
