"""F37 in the real window: the map's page is killed, and comes back; all else stays as it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication

from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import CTRL, choose, key, outbox, type_into, wait_ready
from widgets.map.liveness import BEAT_MS

pytestmark = pytest.mark.usefixtures("qapp", "expected_log")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("city")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "300", "--users", users) as server:
        yield server


def kill_page(window: Any) -> None:
    """Kill the process that holds the map's page, as a crash would; return when the window has noticed."""
    lost = QSignalSpy(window.map.page_lost)
    pid = window.map.page.renderProcessPid()
    assert pid > 0
    assert b"QtWebEngineProcess" in Path(f"/proc/{pid}/cmdline").read_bytes()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: lost.count() > 0, what="the loss is noticed")


def drawn_again(window: Any) -> None:
    drawn = QSignalSpy(window.map.drawn)
    wait_for(lambda: drawn.count() > 0, 40, what="the map is drawn")


def notice(window: Any) -> str:
    """What the strip says, "" when it is not there."""
    shown = window.banner.notice
    return f"{shown.bold} {shown.text}" if shown is not None else ""


def others(window: Any) -> tuple[Any, ...]:
    """What the panels beside the map show, and what is chosen."""
    return (
        window.queue.row_count(),
        window.queue.view.currentIndex().row(),
        window.ticket.ticket().number,
        [(bar.label, bar.count) for bar in window.charts.categories()],
        set(outbox(window)),
        window.window_state.row,
    )


def test_the_map_comes_back_where_it_was_and_nothing_else_moves(city: Served, tmp_path: Path) -> None:
    """F37. Guards: MapPanel._replace_page loads the page again and _on_ready tells it all that it showed; after three
    reloads the panel says so and offers to load it again, by keyboard too. The strip says it from the loss until the
    map draws.
    """
    with console(tmp_path / "profile", city.address, map_beat_ms=BEAT_MS) as window:
        wait_ready(window)
        drawn_again(window)
        number = window.reader().report(int(window.window_state.view.order[3])).report.id
        choose(window, number)
        place = window.details_reader.current.shown
        city.stop()
        key(window, "N")
        type_into(window, "Warga sudah dihubungi", Qt.Key.Key_Return, CTRL)
        wait_for(lambda: len(outbox(window)) == 1, what="the note waits")
        wait_for(lambda: window.sources.offline, what="offline")
        window.map.go_to(place.lat, place.lon, 15.0)
        wait_for(lambda: window.map.locked and window.map.last_view[1] == 15.0, what="the view")
        QTest.qWait(300)
        box, zoom = window.map.last_view
        before = others(window)

        kill_page(window)
        assert notice(window).startswith("The map draws nothing. It is loaded again, 1 of 3.")
        drawn_again(window)
        there, zoom_now = window.map.last_view
        assert zoom_now == zoom
        assert there == pytest.approx(box, abs=1e-4)
        assert window.map._selection[0] == window.window_state.row
        assert others(window) == before
        assert not window.map.is_off

        wait_for(lambda: "map" not in notice(window), what="the map draws, and the strip says so no more")

        for _ in range(2):
            kill_page(window)
            drawn_again(window)
        kill_page(window)
        wait_for(lambda: window.map.is_off, what="given up")
        assert others(window) == before
        key(window, "N")
        type_into(window, "Peta tidak perlu", Qt.Key.Key_Return, CTRL)
        wait_for(lambda: len(outbox(window)) == 2, what="work goes on without the map")

        key(window, "2", CTRL)
        button = QApplication.focusWidget()
        assert button is not None
        assert "again" in button.text()  # type: ignore[attr-defined]
        QTest.keyClick(button, Qt.Key.Key_Return)
        assert "The map is loaded again" in notice(window)
        drawn_again(window)
        assert not window.map.is_off
        assert window.map.last_view[1] == zoom
        city.start()
        wait_for(lambda: not outbox(window), 40, what="all received")


def test_a_map_that_hangs_is_said_in_the_strip_and_comes_back_by_itself(city: Served, tmp_path: Path) -> None:
    """F37. Guards: Liveness.beat counts beats without an answer; the corner's count is the queue's."""
    with console(tmp_path / "hanging", city.address, map_beat_ms=BEAT_MS) as window:
        wait_ready(window)
        wait_for(lambda: window.screenshot.drawn_view >= 1, 40, what="the map is drawn")
        window.map.page.runJavaScript("setTimeout(() => { for (;;); }, 0)")
        wait_for(lambda: notice(window).startswith("The map draws nothing."), 30, what="the strip says so")
        drawn_again(window)
        wait_for(lambda: not notice(window), 30, what="the strip is gone")
        assert not window.map.is_off
        shown = window.map_controller.corner()
        counted = shown["symbols"] + shown["in_cells"] + shown["outside"] + shown["placeless"]
        assert counted == window.queue.row_count() > 0
