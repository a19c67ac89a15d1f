"""Drop repeats of a held key: one press counts once, however long it lasts."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QWindow
from PySide6.QtWidgets import QApplication
from typing_extensions import override

from widgets.keys import is_enter, takes_text

TWICE_S = 0.6
"""Two strokes of a key within this are meant as one."""
LOOK_S = 1.0
"""How long something has been on the screen before a key can mean it: a stroke in less was meant for what was there."""

_K = Qt.Key
_MOVING = frozenset(
    {
        *(_K.Key_Left, _K.Key_Right, _K.Key_Up, _K.Key_Down, _K.Key_PageUp, _K.Key_PageDown, _K.Key_Home, _K.Key_End),
        *(_K.Key_Tab, _K.Key_Backtab, _K.Key_Backspace, _K.Key_Delete, _K.Key_Plus, _K.Key_Minus, _K.Key_Equal),
    }
)
_COMMAND = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


class KeyRepeats(QObject):
    """Drops repeats of held keys before they reach a widget or a shortcut, in every window of the program.

    Repeats may walk through lists, write and erase; they never decide anything. On X a repeat is a release and a press
    at the same moment, which Qt recognises only when it reads both at once: the others look like new presses.
    """

    def __init__(self, walking: Iterable[Qt.Key] = (), parent: QObject | None = None) -> None:
        """`walking` are letters that go through a list, and may repeat themselves as arrows do."""
        super().__init__(parent)
        self._walking = frozenset(walking)
        self._released: tuple[int, int] = (0, 0)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.focusWindowChanged.connect(self._listen_to)
            self._listen_to(app.focusWindow())

    def is_repeat(self, event: QKeyEvent) -> bool:
        """Whether this key event is a repeat, and no new press."""
        stroke = (event.key(), event.timestamp())
        return event.isAutoRepeat() or (event.timestamp() != 0 and stroke == self._released)

    def _listen_to(self, window: QWindow | None) -> None:
        if window is not None:
            window.installEventFilter(self)

    def _goes_on(self, event: QKeyEvent) -> bool:
        if event.key() in _MOVING:
            return True
        if is_enter(event) or event.modifiers() & _COMMAND:
            return False
        return event.key() in self._walking or takes_text(QApplication.focusWidget())

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind not in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride, QEvent.Type.KeyRelease):
            return False
        if not isinstance(event, QKeyEvent):
            return False
        if kind == QEvent.Type.KeyRelease:
            self._released = (event.key(), event.timestamp())
            return False
        if self.is_repeat(event) and not self._goes_on(event):
            event.accept()  # an override that is taken is no shortcut
            return True
        return False
