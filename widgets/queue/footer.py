"""The line under the queue: what the list holds, and what came in above it."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy
from typing_extensions import override

from widgets.keys import cap_size, paint_cap
from widgets.text import Texts
from widgets.theme import Theme


class Footer(QAbstractButton):
    """What the list holds, and what came in above it; a click goes there."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self.left, self.above, self.new = "", 0, 0
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(26))

    def set_words(self, left: str, above: int, new: int) -> None:
        """Say what the list holds, and how many rows stand above the sight, or if there are any, how many new ones."""
        if (left, above, new) != (self.left, self.above, self.new):
            self.left, self.above, self.new = left, above, new
            self.setAccessibleName(f"{left} {self.above_text()}".strip())
            self.update()

    def above_text(self) -> str:
        """How many rows stand above, the new ones alone if there are any, in words; "" for none."""
        if self.new:
            return self.tr("{n} new above").format(n=f"{self.new:,}")
        return self.tr("{n} above").format(n=f"{self.above:,}") if self.above else ""

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(300), self._theme.px(26))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, 0, self.width(), 1), theme.color("border.divider"))
        top = (self.height() + 1 - theme.line("caption")) // 2
        right = self.width() - theme.px(12)
        if self.above or self.new:
            home = self.tr("Home")
            right -= cap_size(theme, home).width()
            paint_cap(painter, theme, right, (self.height() + 1) // 2, home)
            right -= theme.px(4)
            color = theme.color("accent.base")
            right -= round(texts.draw(painter, right, top, self.above_text(), "caption", color, weight=500, right=True))
        room = max(0, right - theme.px(24))
        texts.draw(painter, theme.px(12), top, self.left, "caption", theme.color("text.tertiary"), room=room)
