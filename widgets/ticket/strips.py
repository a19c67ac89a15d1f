"""The lines under the clocks that ask for something: an order not sent, a conflict, a report on hold."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.keys import EnterButton, cap_size, key_text, paint_cap
from widgets.symbols import paint_bars
from widgets.text import Texts, one_line, wrap
from widgets.theme import Theme, paint_focus
from widgets.ticket.section import SIDE
from widgets.ticket.values import Strip


class _StripButton(EnterButton):
    """One strip; a click or its key does what it asks for."""

    def __init__(self, theme: Theme, texts: Texts, strip: Strip) -> None:
        super().__init__()
        self._theme, self._texts, self.strip = theme, texts, strip
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(one_line(strip.text))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._lines: list[str] = []
        self._wrap()

    def _cap(self) -> str:
        return key_text(self.strip.key_text) if self.strip.key_text else ""

    def _wrap(self) -> None:
        theme = self._theme
        cap = cap_size(theme, self._cap()).width() + theme.px(12) if self._cap() else 0
        room = max(theme.px(80), self.width() - theme.px(SIDE + 12) - cap)
        self._lines = wrap(one_line(self.strip.text), theme.font("dense", 600), room, 3)
        self.setFixedHeight(len(self._lines) * theme.line("dense") + theme.px(14))

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), self.height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        loud = self.strip.kind != "hold"
        ink = theme.color("alarm.warn-text" if loud else "text.primary")
        painter.fillRect(self.rect(), theme.color("alarm.warn-surface" if loud else "surface.raised"))
        edge = theme.color("alarm.warn-edge" if loud else "border.control")
        painter.fillRect(QRect(0, 0, theme.px(3), self.height()), edge)
        left, top = theme.px(SIDE), theme.px(7)
        if not loud:
            left += paint_bars(painter, theme, left, self.height() // 2, ink) + theme.px(8)
        for line in self._lines:
            self._texts.draw(painter, left, top, line, "dense", ink, weight=600 if loud else 500)
            top += theme.line("dense")
        cap = self._cap()
        if cap:
            right = self.width() - theme.px(SIDE) - cap_size(theme, cap).width()
            paint_cap(painter, theme, right, self.height() // 2, cap, ink)
        if self.hasFocus():
            paint_focus(painter, theme, self)


class Strips(QWidget):
    """All strips, one under the other."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._strips: tuple[Strip, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, theme.px(8), 0, 0)
        self._column.setSpacing(theme.px(2))
        self.hide()

    def set_strips(self, strips: Sequence[Strip]) -> None:
        """Show these strips."""
        if tuple(strips) == self._strips:
            return
        self._strips = tuple(strips)
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for strip in strips:
            button = _StripButton(self._theme, self._texts, strip)
            button.clicked.connect(self._on_clicked)
            self._column.addWidget(button)
        self.setVisible(bool(strips))

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, _StripButton) and button.strip.intent:
            self.chosen.emit(button.strip.intent)
