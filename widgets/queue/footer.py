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
        self.left, self.above, self.new, self.urgent = "", 0, 0, 0
        self._name, self._cap = "", ""
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(26))

    def set_urgent_words(self, name: str, cap: str) -> None:
        """What urgent rows are called, and the cap of the key that goes to one of them."""
        self._name, self._cap = name, cap

    def set_words(self, left: str, above: int, new: int, urgent: int = 0) -> None:
        """Say what the list holds, and how many rows stand above the sight, or if there are any, how many new ones.

        Of `urgent` ones it is said first, and louder.
        """
        if (left, above, new, urgent) != (self.left, self.above, self.new, self.urgent):
            self.left, self.above, self.new, self.urgent = left, above, new, urgent
            self.setAccessibleName(f"{left} {self.above_text()}".strip())
            self.update()

    def above_text(self) -> str:
        """How many rows stand above and how many of them are new, or the urgent ones alone; "" for none."""
        if self.urgent:
            return self.tr("{n} {name} above").format(n=f"{self.urgent:,}", name=self._name)
        if self.new and self.new < self.above:
            return self.tr("{n} above, {new} new").format(n=f"{self.above:,}", new=f"{self.new:,}")
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
        if words := self.above_text():
            cap = self._cap if self.urgent else self.tr("Home")
            right -= cap_size(theme, cap).width()
            paint_cap(painter, theme, right, (self.height() + 1) // 2, cap)
            right -= theme.px(4)
            role, color = ("dense", "priority.p1") if self.urgent else ("caption", "accent.base")
            high = (self.height() + 1 - theme.line(role)) // 2
            weight = 600 if self.urgent else 500
            right -= round(texts.draw(painter, right, high, words, role, theme.color(color), weight=weight, right=True))
        room = max(0, right - theme.px(24))
        texts.draw(painter, theme.px(12), top, self.left, "caption", theme.color("text.tertiary"), room=room)
