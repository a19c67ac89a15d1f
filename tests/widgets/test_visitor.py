"""The visitor's strip: the keyboard stays with the button that was pressed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.widgets.sample import make_theme
from widgets.visitor import VisitorDeed, VisitorStrip

MOMENT = [VisitorDeed("server", "Stop the server", why_not="One moment"), VisitorDeed("tour", "Tour")]
STOPPED = [VisitorDeed("server", "Start the server", chosen=True), VisitorDeed("tour", "Tour")]


def _strip(qtbot: QtBot) -> VisitorStrip:
    """One whose button for the server has the keyboard and is being carried out."""
    strip = VisitorStrip(make_theme(), key="F9")
    qtbot.addWidget(strip)
    strip.resize(1200, 44)
    strip.set_deeds(STOPPED)
    strip.show()
    strip.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is strip)
    strip.button("server").setFocus()
    strip.set_deeds(MOMENT)
    assert not strip.button("server").isEnabled()
    return strip


def test_a_second_enter_goes_to_the_same_button_once_it_can_be_pressed(qtbot: QtBot) -> None:
    strip = _strip(qtbot)
    pressed: list[str] = []
    strip.chosen.connect(pressed.append)
    strip.set_deeds(STOPPED)
    assert strip.button("server").hasFocus()
    QTest.keyClick(strip.button("server"), Qt.Key.Key_Return)
    assert pressed == ["server"], "not the tour beside it"


def test_who_has_gone_on_meanwhile_is_left_alone(qtbot: QtBot) -> None:
    strip = _strip(qtbot)
    there = strip.focusWidget()
    assert there is strip.button("tour")
    QTest.keyClick(there, Qt.Key.Key_Right)
    assert not there.hasFocus()
    strip.set_deeds(STOPPED)
    assert not strip.button("server").hasFocus()
