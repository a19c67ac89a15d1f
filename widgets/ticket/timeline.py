"""What happened to a report: the entries of its history from dot to dot."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from widgets.symbols import paint_mark
from widgets.text import Texts, one_line, wrap
from widgets.theme import Theme
from widgets.ticket.section import SIDE
from widgets.ticket.values import TimelineRow

_MARK_TOKENS = ("text.tertiary", "status.returned")


class Timeline(QWidget):
    """The entries, newest first, on one line from dot to dot; a long text takes up to four lines."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._rows: tuple[TimelineRow, ...] = ()
        self._lines: list[list[str]] = []
        self._tops: list[int] = []
        self._wrapped_at = -1
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: Sequence[TimelineRow]) -> None:
        """Show these entries, newest first."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self._wrapped_at = -1
            self.setAccessibleName(one_line("; ".join(f"{row.when} {row.text}" for row in rows[:20]), 2000))
            self._wrap()

    def _when_width(self) -> int:
        widths = [self._texts.width(row.when, "dense") for row in self._rows]
        return round(min(self._theme.px(130), max([self._theme.px(84), *widths]))) + self._theme.px(4)

    def _wrap(self) -> None:
        if self.width() == self._wrapped_at:
            return
        theme = self._theme
        self._wrapped_at = self.width()
        room = max(theme.px(60), self.width() - 2 * theme.px(SIDE) - self._when_width() - theme.px(18))
        font, metrics = theme.font("dense"), self._texts.metrics("dense")
        self._lines, self._tops = [], []
        top = 0
        for row in self._rows:
            text = one_line(row.text)
            fits = metrics.horizontalAdvance(text) <= room
            lines = [text] if fits else wrap(text, font, room, 4)
            self._lines.append(lines)
            self._tops.append(top)
            top += theme.px(24) + (len(lines) - 1) * theme.line("dense")
        self.setFixedHeight(top + theme.px(8))
        self.update()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        left, dot = theme.px(SIDE), theme.px(SIDE) + self._when_width()
        quiet, primary = theme.color("text.tertiary"), theme.color("text.primary")
        seen = event.rect()
        last = len(self._rows) - 1
        for number, (row, lines, top) in enumerate(zip(self._rows, self._lines, self._tops, strict=True)):
            bottom = self._tops[number + 1] if number < last else top + theme.px(24)
            if bottom < seen.top() or top > seen.bottom():
                continue
            texts.draw(painter, left, top + theme.px(3), row.when, "dense", quiet)
            line_top = top + (theme.px(12) if number == 0 else 0)
            line_bottom = bottom if number < last else top + theme.px(12)
            if last:
                rail = QRect(dot + theme.px(3), line_top, 1, line_bottom - line_top)
                painter.fillRect(rail, theme.color("border.control"))
            if row.mark:
                color = theme.color(_MARK_TOKENS[min(1, max(0, row.level))])
                spot = QRect(dot, top + theme.px(8), theme.px(8), theme.px(8))
                painter.fillRect(spot, theme.color("surface.panel"))
                paint_mark(painter, theme, spot.left(), spot.top(), row.mark, color)
            at = top + theme.px(3)
            for line in lines:
                texts.draw(painter, dot + theme.px(18), at, line, "dense", primary)
                at += theme.line("dense")
