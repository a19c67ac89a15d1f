"""A key that is held is struck once, also where the desktop does not mark its repeats."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QShortcut
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from typing_extensions import override

from widgets.held_keys import HeldKeys
from widgets.key_repeats import KeyRepeats

PLAIN = Qt.KeyboardModifier.NoModifier
HELD = 7


class Hearing(QWidget):
    """Writes down the keys that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Qt.Key] = []
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.line = QLineEdit()
        column = QVBoxLayout(self)
        column.addWidget(self.line)
        self.move(QPoint(0, 0))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.heard.append(Qt.Key(event.key()))


@pytest.fixture
def repeats() -> Iterator[KeyRepeats]:
    one = KeyRepeats([Qt.Key.Key_J])
    yield one
    one.deleteLater()


@pytest.fixture
def window(qtbot: QtBot, repeats: KeyRepeats) -> Hearing:
    assert repeats
    window = Hearing()
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.setFocus()
    return window


def hold(window: QWidget, key: Qt.Key, *, marked: bool, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
    """What X sends for a key that is held: release and press of one moment, which Qt marks or does not."""
    text = {Qt.Key.Key_Return: "\r"}.get(key, chr(key).lower() if key < 128 else "")
    for number in range(HELD):
        at_ms, again = 1000 + 40 * number, marked and number > 0
        if number:
            _send(window, QEvent.Type.KeyRelease, key, modifiers, text, marked, at_ms)
        override = _send(window, QEvent.Type.ShortcutOverride, key, modifiers, text, again, at_ms)
        known = [one for one in window.findChildren(QShortcut) if one.key()[0] == override.keyCombination()]  # type: ignore[index]
        if known and not override.isAccepted():
            known[0].activated.emit()
        else:
            _send(window, QEvent.Type.KeyPress, key, modifiers, text, again, at_ms)
    _send(window, QEvent.Type.KeyRelease, key, modifiers, text, False, 3000)


def _send(
    window: QWidget, kind: QEvent.Type, key: Qt.Key, modifiers: Qt.KeyboardModifier, text: str, marked: bool, at_ms: int
) -> QKeyEvent:
    event = QKeyEvent(kind, key, modifiers, text, marked)
    event.setTimestamp(at_ms)
    event.ignore()
    QApplication.sendEvent(window.windowHandle(), event)
    return event


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_1, Qt.Key.Key_X, Qt.Key.Key_Space])
def test_a_held_key_is_one_stroke(window: Hearing, key: Qt.Key, marked: bool) -> None:
    """Held on X for a second, Enter came as up to ten fresh strokes: crews were sent to reports nobody had opened."""
    hold(window, key, marked=marked)
    assert window.heard == [key]
    hold(window, key, marked=marked)
    assert window.heard == [key, key], "struck anew it counts anew"


@pytest.mark.parametrize("marked", [True, False])
def test_a_held_shortcut_is_one_stroke(window: Hearing, marked: bool) -> None:
    done: list[int] = []
    QShortcut("Ctrl+D", window).activated.connect(lambda: done.append(1))
    hold(window, Qt.Key.Key_D, marked=marked, modifiers=Qt.KeyboardModifier.ControlModifier)
    assert done == [1]
    assert window.heard == []


@pytest.mark.parametrize("key", [Qt.Key.Key_Down, Qt.Key.Key_PageDown, Qt.Key.Key_J])
def test_what_walks_goes_on_while_it_is_held(window: Hearing, key: Qt.Key) -> None:
    hold(window, key, marked=False)
    assert window.heard == [key] * HELD


def test_letters_go_on_where_text_is_written_and_enter_does_not(window: Hearing) -> None:
    window.line.setFocus()
    entered: list[int] = []
    window.line.returnPressed.connect(lambda: entered.append(1))
    hold(window, Qt.Key.Key_A, marked=False)
    assert window.line.text() == "a" * HELD
    hold(window, Qt.Key.Key_Return, marked=False)
    assert entered == [1]


def test_a_repeat_is_not_kept_for_a_window_that_opens(window: Hearing, repeats: KeyRepeats) -> None:
    """It would be typed there as a stroke of its own."""
    held = HeldKeys(repeats.is_repeat)
    opening = Hearing()
    held.hold_for(opening)
    _send(window, QEvent.Type.KeyRelease, Qt.Key.Key_Return, PLAIN, "\r", False, 1040)
    _send(window, QEvent.Type.KeyPress, Qt.Key.Key_Return, PLAIN, "\r", False, 1040)
    assert held._held == []
    _send(window, QEvent.Type.KeyPress, Qt.Key.Key_4, PLAIN, "4", False, 1100)
    assert [keys.key() for keys, _ in held._held] == [Qt.Key.Key_4]
    opening.deleteLater()
