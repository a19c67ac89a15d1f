"""Hold keys that are typed while a window opens, until it has the keyboard; then type them into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut, QWindow
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid
from typing_extensions import override

_KEYS = (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)
_MODIFIERS = (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr)
_Held = tuple[QKeyCombination, str]


def _at_once() -> bool:
    return True


class HeldKeys(QObject):
    """Between asking for a window and its having the keyboard, the desktop still sends keys to the window before.

    There "P 4 Enter" would not set a priority but send a crew. After `hold_for` no key reaches any other window of the
    program. Held keys are typed into the new window once it has the keyboard. If it goes before that, or one of the
    keys closes it, or the operator clicks elsewhere, the rest is dropped.
    """

    def __init__(
        self, is_repeat: Callable[[QKeyEvent], bool] = QKeyEvent.isAutoRepeat, parent: QObject | None = None
    ) -> None:
        """`is_repeat` tells a key that is held from one that is struck."""
        super().__init__(parent)
        self._is_repeat = is_repeat
        self._opening: QWidget | None = None
        self._held: list[_Held] = []
        self._replaying = False
        self._is_ready: Callable[[], bool] = _at_once
        self._heard: list[QObject] = []

    @property
    def waiting(self) -> bool:
        """Whether a window is awaited, and keys are held for it."""
        return self._opening is not None

    def hold_for(self, opening: QWidget, is_ready: Callable[[], bool] = _at_once) -> None:
        """Hold all keys for this window, which is being opened; those that are held for another one go to it too.

        Where the keyboard is not enough, `is_ready` tells whether what the keys are about is there: `look_again` when
        it has come.
        """
        self._is_ready = is_ready
        if opening is not self._opening:
            self._opening = opening
            self._listen_to(opening)
        focused: QWidget | None = QApplication.focusWidget()
        if focused is not None and focused.window() is not opening:
            self._listen_to(focused)
        for window in QApplication.topLevelWidgets():
            handle: QWindow | None = window.windowHandle()
            if handle is not None and window is not opening:
                self._listen_to(handle)
        if QApplication.activeWindow() is opening and not self._replaying:
            self._on_active()

    def look_again(self) -> None:
        """The window may be ready now."""
        if self._opening is not None and QApplication.activeWindow() is self._opening and not self._replaying:
            self._on_active()

    def _listen_to(self, one: QObject) -> None:
        """Install the event filter on windows only: filtering all objects of the program in Python would be slow."""
        one.installEventFilter(self)
        self._heard.append(one)

    def _on_active(self) -> None:
        """The awaited window has the keyboard; its field has it a moment later."""
        if self._opening is not None and (self._held or not self._is_ready()):
            self._listen_to(self._opening.windowHandle())  # what comes in this moment comes after what is held
            QTimer.singleShot(0, self._replay)
        else:
            self._drop()

    def _replay(self) -> None:
        opening = self._opening
        if opening is None or self._replaying or not self._is_ready() or QApplication.activeWindow() is not opening:
            return
        self._replaying = True
        try:
            while self._held and self._opening is opening and opening.isVisible():
                _type(opening, *self._held.pop(0))
        finally:
            self._replaying = False
        if self._opening is opening:
            self._drop()
        elif (
            self._opening is not None and QApplication.activeWindow() is self._opening
        ):  # one of them opened another one
            self._on_active()

    def _drop(self) -> None:
        """Stop holding keys: they go again where the desktop sends them."""
        self._opening = None
        self._held.clear()
        heard, self._heard = self._heard, []
        for one in heard:
            if isValid(one):
                one.removeEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        opening, kind = self._opening, event.type()
        if opening is None or self._replaying:
            return False
        if kind in _KEYS and isinstance(event, QKeyEvent):
            if watched in (opening, opening.windowHandle()) and not self._held and self._is_ready():
                return False  # it has the keyboard, and nothing is to be typed before this
            if kind == QEvent.Type.KeyPress and not self._is_repeat(event) and event.key() not in _MODIFIERS:
                self._held.append((event.keyCombination(), event.text()))
            event.accept()
            return True
        if kind == (QEvent.Type.Hide if watched is opening else QEvent.Type.MouseButtonPress):
            self._drop()
        elif kind == QEvent.Type.WindowActivate and watched is opening:
            self._on_active()
        return False


def _type(window: QWidget, keys: QKeyCombination, text: str) -> None:
    """Press a key in a window as the desktop would: the field may claim it, then shortcuts, then the field gets it."""
    focused: QWidget | None = window.focusWidget()
    target = focused if focused is not None else window
    claim = QKeyEvent(QEvent.Type.ShortcutOverride, keys.key(), keys.keyboardModifiers(), text)
    claim.ignore()
    QApplication.sendEvent(target, claim)
    if not claim.isAccepted():
        for sequence in _sequences(keys):
            for shortcut in window.findChildren(QShortcut):
                known: Sequence[QKeySequence] = shortcut.keys()
                if shortcut.isEnabled() and sequence in known:
                    shortcut.activated.emit()
                    return
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        QApplication.sendEvent(target, QKeyEvent(kind, keys.key(), keys.keyboardModifiers(), text))


def _sequences(keys: QKeyCombination) -> list[QKeySequence]:
    """How a shortcut may spell this key press: a sign that the keyboard has on Shift ("+", "?") is spelled without
    Shift.
    """
    whole, shift = QKeySequence(keys), Qt.KeyboardModifier.ShiftModifier
    held = keys.keyboardModifiers()
    if not held & shift or keys.key() >= Qt.Key.Key_Escape or chr(keys.key()).isalnum():
        return [whole]
    return [whole, QKeySequence(QKeyCombination(held & ~shift, keys.key()))]
