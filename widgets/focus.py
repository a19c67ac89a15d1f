"""The ring around the part of a window that has the keyboard; shown only while the keyboard is being used."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QRegion
from PySide6.QtWidgets import QApplication, QWidget
from typing_extensions import override

from widgets.theme import by_keyboard

_RING = 2
_NOBODYS_DOING = frozenset(
    {Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason, Qt.FocusReason.OtherFocusReason}
)
"""The focus came back, or by itself, as when a list takes the place of its empty page: the ring is as it was."""
_MODIFIERS = frozenset({Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr})


class _Theme(Protocol):
    @property
    def scale(self) -> float: ...

    def hex(self, token: str) -> str: ...


def _has_keyboard(watched: QObject) -> bool:
    """Whether the widget, or one inside it, has the focus. A web page may return a key only after the focus has moved
    on.
    """
    focus = QApplication.focusWidget()
    return isinstance(watched, QWidget) and focus is not None and (watched is focus or watched.isAncestorOf(focus))


class Ring(QWidget):
    """Draws the edge of `around`. It takes no mouse events, and its middle is free."""

    def __init__(self, theme: _Theme, around: QWidget) -> None:
        super().__init__(around)
        self._theme, self._around = theme, around
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        around.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self._around:
            self._fit()
        return super().eventFilter(watched, event)

    def show_ring(self, shown: bool = True) -> None:
        """Show it over all that stands in the widget, or hide it."""
        if shown and not self.isVisible():
            self._fit()
            self.raise_()
        self.setVisible(shown)

    def _fit(self) -> None:
        whole = self._around.rect()
        wide = round(_RING * self._theme.scale)
        self.setGeometry(whole)
        self.setMask(QRegion(whole) - QRegion(whole.adjusted(wide, wide, -wide, -wide)))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(event.rect(), QColor(self._theme.hex("accent.base")))


class FocusRing(Ring):
    """The ring that is shown while a watched part of `around` has the focus and got it by the keyboard, or the keyboard
    was used since.
    """

    def __init__(self, theme: _Theme, around: QWidget) -> None:
        super().__init__(theme, around)
        self._used = False
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus_changed)

    def _on_focus_changed(self, _old: QWidget | None, _new: QWidget | None) -> None:
        """Hide the ring when the focus goes to a part that is not watched, such as a list in a report."""
        if self.isVisible() and not _has_keyboard(self._around):
            self.show_ring(False)

    def watch(self, part: QWidget) -> None:
        """Also while this part of it has the focus."""
        part.removeEventFilter(self)
        part.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.FocusIn and isinstance(event, QFocusEvent):
            if event.reason() not in _NOBODYS_DOING:
                self._used = by_keyboard(event.reason())
            self.show_ring(self._used)
        elif kind == QEvent.Type.FocusOut:
            self.show_ring(False)
        elif kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() not in _MODIFIERS:
            self._used = True
            self.show_ring(_has_keyboard(watched))
        return super().eventFilter(watched, event)
