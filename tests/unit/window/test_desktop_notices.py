"""What is told outside a window that is not in front: by a process that the desktop may hang, and one line only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from console.window.desktop_notices import COMMAND, DesktopNotices
from tests.widgets.sample import HOSTILE, make_symbols, make_theme

WAIT_MS = 30_000
SHOWS = """
import os, sys
from pathlib import Path
from console.pipe import Frames, pack
from console.window.tray_process import NoticeClicked, ShowNotice
frames = Frames(ShowNotice)
while piece := os.read(0, 65536):
    for notice in frames.feed(piece):
        Path(sys.argv[1]).with_suffix(".png").write_bytes(notice.icon)
        with open(sys.argv[1], "a") as told:
            told.write(notice.text + chr(10))
        if notice.text == "click":
            os.write(1, pack(NoticeClicked()))
            raise SystemExit
"""
HANGS = "import time; time.sleep(600)"


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QWidget]:
    """One that is not in front."""
    for other in QApplication.topLevelWidgets():  # of tests before these
        other.hide()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is None, timeout=WAIT_MS)
    window = QWidget()
    qtbot.addWidget(window)
    yield window
    QApplication.processEvents()


def notices(window: QWidget, *command: str, patience_ms: int = WAIT_MS) -> DesktopNotices:
    symbols = make_symbols(make_theme())
    return DesktopNotices(window, symbols, window, command=[sys.executable, "-c", *command], patience_ms=patience_ms)


def test_one_process_shows_what_is_told_in_one_line_and_a_click_wants_the_window(
    qtbot: QtBot, window: QWidget, tmp_path: Path
) -> None:
    file = tmp_path / "told"
    outside = notices(window, SHOWS, str(file))
    assert QApplication.activeWindow() is None
    outside.tell("P1 without a crew: Banjir,\nCawang")
    pid = outside.pid
    outside.tell("x" * 5000)
    qtbot.waitUntil(lambda: file.exists() and file.read_text().count("\n") == 2, timeout=WAIT_MS)
    first, second = file.read_text().splitlines()
    assert first == "P1 without a crew: Banjir, Cawang"
    assert len(second) == 120
    assert outside.pid == pid
    assert QImage(str(file.with_suffix(".png"))).width() == 64
    for words in HOSTILE:
        outside.tell(words)
    with qtbot.waitSignal(outside.clicked, timeout=WAIT_MS):
        outside.tell("click")
    qtbot.waitUntil(lambda: outside.pid is None, timeout=WAIT_MS)
    outside.tell("again")
    assert outside.pid is not None
    outside.close()
    assert outside.pid is None


def test_a_desktop_that_hangs_holds_nothing_up(qtbot: QtBot, window: QWidget) -> None:
    outside = notices(window, HANGS, patience_ms=200)
    outside.tell("P1 without a crew: Banjir, Cawang")
    qtbot.waitUntil(lambda: outside.pid is None, timeout=WAIT_MS)


def test_while_a_window_of_the_program_is_in_front_nothing_is_told(qtbot: QtBot, window: QWidget) -> None:
    outside = notices(window, HANGS)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window, timeout=WAIT_MS)
    outside.tell("P1 without a crew: Banjir, Cawang")
    assert outside.pid is None


def test_where_there_is_no_tray_the_real_process_ends_at_once() -> None:
    child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert child.wait(60) == 0, "while its input stays open"
    finally:
        child.kill()
        child.communicate()
