"""A page that hangs, paints or draws nothing, or too little, is noticed and loaded again; a busy one is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid
from typing_extensions import override

from tests.page.conftest import LAT, LON, TIMEOUT_MS, Console, MapRig, opened
from widgets.map.liveness import MOST_RELOADS, Loss
from widgets.map.panel import MapPanel

BEAT_MS = 250
SLOW_BEAT_MS = 1_500
"""Where a page has to answer in time although others have the processors: two beats missed are its silence."""
HANG = "setTimeout(() => { for (;;); }, 0)"
NO_FRAMES = "window.requestAnimationFrame = () => 0"
NO_PAINTING = "CanvasRenderingContext2D.prototype.drawImage = () => { throw new Error('no picture') }"


@pytest.fixture
def beat_ms() -> int:
    return BEAT_MS


@pytest.fixture
def rig(qtbot: QtBot, console: Console, beat_ms: int) -> Iterator[MapRig]:
    with opened(qtbot, beat_ms) as made:
        made.symbols = [(1, LAT, LON, 1, 0, 0)]
        yield made


def lose(rig: MapRig, script: str) -> Loss:
    """Run the script in the page, tell it a View with one report more, and return why it counts as lost."""
    rig.symbols = [*rig.symbols, (2, LAT, LON + 0.02, 2, 0, 0)]
    with rig.qtbot.waitSignal(rig.panel.page_lost, timeout=TIMEOUT_MS) as lost:
        rig.panel.page.runJavaScript(script)
        rig.number += 1
        rig.panel.set_view(rig.number, count=7)
    assert lost.args is not None
    why = lost.args[0]
    assert isinstance(why, Loss)
    return why


@pytest.mark.parametrize(
    ("script", "why", "beat_ms"),
    [(HANG, Loss.SILENT, BEAT_MS), (NO_FRAMES, Loss.SILENT, BEAT_MS), (NO_PAINTING, Loss.BEHIND, SLOW_BEAT_MS)],
)
@pytest.mark.usefixtures("expected_log")
def test_what_draws_nothing_is_loaded_again_and_draws(rig: MapRig, script: str, why: Loss) -> None:
    rig.show()
    before = rig.panel.page.renderProcessPid()
    assert lose(rig, script) is why
    with rig.qtbot.waitSignal(rig.panel.page_well, timeout=TIMEOUT_MS):
        pass
    assert rig.panel.page.renderProcessPid() != before
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    assert not rig.panel.is_off


class Meant(QObject):
    """Somebody who gives the map the keyboard as soon as the engine has a new widget for its lost page."""

    def __init__(self, panel: MapPanel) -> None:
        super().__init__(panel)
        self._panel = panel
        panel._view.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ChildAdded:
            QTimer.singleShot(0, self, lambda: self._panel.setFocus(Qt.FocusReason.ShortcutFocusReason))
        return False


@pytest.mark.parametrize("meant", ["not", "before it is loaded", "while it is loaded"])
@pytest.mark.usefixtures("expected_log")
def test_a_page_that_is_loaded_again_takes_no_keyboard(rig: MapRig, meant: str) -> None:
    """It took it from the queue: Down moved the map instead of going to the next report."""
    is_meant = meant != "not"
    window = QWidget()
    beside = QLineEdit(window)
    rig.qtbot.addWidget(window)
    rig.panel.setParent(window)
    try:
        rig.panel.move(0, 40)
        window.resize(640, 520)
        window.show()
        rig.show()
        beside.setFocus()
        rig.qtbot.waitUntil(beside.hasFocus)
        assert lose(rig, HANG) is Loss.SILENT
        with rig.qtbot.waitSignal(rig.panel.page_well, timeout=TIMEOUT_MS):
            if meant == "before it is loaded":
                with rig.qtbot.waitSignal(rig.panel.page.loadStarted, timeout=TIMEOUT_MS):
                    pass
                rig.panel.setFocus(Qt.FocusReason.ShortcutFocusReason)
            elif is_meant:
                Meant(rig.panel)
        rig.qtbot.waitUntil(lambda: beside.hasFocus() is not is_meant, timeout=TIMEOUT_MS)
        has = QApplication.focusWidget()
        assert has is not None
        assert rig.panel.isAncestorOf(has) is is_meant
    finally:
        rig.panel.setParent(None)


@pytest.mark.usefixtures("expected_log")
def test_what_draws_another_number_than_there_are_is_given_up_after_three_reloads(rig: MapRig) -> None:
    rig.show()
    losses: list[Loss] = []
    rig.panel.page_lost.connect(losses.append)
    rig.number += 1
    rig.panel.set_view(rig.number, count=7)  # 1 symbol, 3 outside, 2 without a place are 6
    rig.qtbot.waitUntil(lambda: rig.panel.is_off, timeout=2 * TIMEOUT_MS)
    assert losses == [Loss.WRONG_COUNT] * (MOST_RELOADS + 1)
    rig.panel.set_view(rig.number + 1, count=6)
    with rig.qtbot.waitSignal(rig.panel.page_well, timeout=TIMEOUT_MS):
        rig.panel.reload()
    assert not rig.panel.is_off
    assert rig.panel.reloads == 0


def test_a_window_that_closes_before_a_lost_page_is_loaded_again_is_closed(rig: MapRig, qtbot: QtBot) -> None:
    """An exception in the event loop, of a page that was there no more."""
    rig.panel._has_process = False
    rig.panel._replace_page()
    rig.panel.shut()
    qtbot.wait(10)
    assert not isValid(rig.panel.page)


def test_what_is_hidden_is_left_alone(rig: MapRig) -> None:
    rig.show()
    losses: list[Loss] = []
    rig.panel.page_lost.connect(losses.append)
    rig.panel.hide()
    # An answer to what was asked before may still come; nothing is asked any more.
    with rig.qtbot.assertNotEmitted(rig.panel.bridge.beat, wait=6 * BEAT_MS):
        pass
    assert losses == []
    rig.panel.show()  # that it begins afresh then: tests/unit/test_map_liveness.py, where no page has to be quick
    with rig.qtbot.waitSignals([rig.panel.bridge.alive] * 4, timeout=TIMEOUT_MS):
        pass


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_load_of_eight_raises_no_alarm(qtbot: QtBot, console: Console) -> None:
    """With the program's own two seconds, and ten Views a second, each of 2,000 symbols."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * (os.cpu_count() or 2))]
    try:
        with opened(qtbot) as rig:
            rig.symbols = [(n, LAT + n % 50 / 3000, LON + n // 50 / 3000, n % 4 + 1, n % 8, 0) for n in range(1, 2001)]
            rig.show()
            losses: list[Loss] = []
            answers: list[int] = []
            rig.panel.page_lost.connect(losses.append)
            rig.panel.bridge.alive.connect(lambda beat, *_: answers.append(beat))
            end = time.monotonic() + 40
            while time.monotonic() < end:
                rig.number += 1
                rig.panel.set_view(rig.number, count=2005)
                qtbot.wait(100)
            assert losses == []
            assert len(answers) >= 10
    finally:
        for one in busy:
            one.kill()
            one.wait()
