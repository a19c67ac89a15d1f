"""What happened to a report: the entries of its history from dot to dot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from PySide6.QtCore import QRect, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from widgets.symbols import paint_mark
from widgets.text import Texts, one_line, wrap
from widgets.theme import Theme
from widgets.ticket.section import SIDE
from widgets.ticket.values import TimelineRow

_MARK_TOKENS = ("text.tertiary", "status.returned")
_AT_ONCE = 100
"""How many entries are laid out at once; the rest follows between two events, as thousands take half a second."""


class Timeline(QWidget):
    """The entries, newest first, on one line from dot to dot; a long text takes up to four lines."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._rows: tuple[TimelineRow, ...] = ()
        self._lines: list[list[str]] = []
        self._tops: list[int] = []
        self._wrapped_at = -1
        self._room = -1
        self._kept: dict[str, list[str]] = {}
        """The lines of the texts that were laid out in this room."""
        self._when_px = 0
        self._more = QTimer(self, singleShot=True, interval=0)
        self._more.timeout.connect(self._lay_out)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: Sequence[TimelineRow]) -> None:
        """Show these entries, newest first."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self._wrapped_at = -1
            self._kept = {row.text: self._kept[row.text] for row in rows if row.text in self._kept}
            self.setAccessibleName(one_line("; ".join(f"{row.when} {row.text}" for row in rows[:20]), 2000))
            self._wrap()

    def _when_width(self) -> int:
        widths = [self._texts.width(when, "dense") for when in {row.when for row in self._rows}]
        return round(min(self._theme.px(130), max([self._theme.px(84), *widths]))) + self._theme.px(4)

    def _wrap(self) -> None:
        if self.width() == self._wrapped_at:
            return
        theme = self._theme
        self._wrapped_at = self.width()
        self._when_px = self._when_width()
        room = max(theme.px(60), self.width() - 2 * theme.px(SIDE) - self._when_px - theme.px(18))
        if room != self._room:
            self._room = room
            self._kept.clear()
        self._lines, self._tops = [], []
        self._lay_out()

    def _lay_out(self) -> None:
        """Lay out more entries after those that are, so many that nothing waits for it."""
        theme = self._theme
        font, metrics = theme.font("dense"), self._texts.metrics("dense")
        top = self._bottom()
        fresh = 0
        for row in islice(self._rows, len(self._lines), None):
            lines = self._kept.get(row.text)
            if lines is None:
                # protects: a-long-history-holds-nothing-up
                if fresh == _AT_ONCE:
                    self._more.start()
                    break
                fresh += 1
                text = one_line(row.text)
                fits = metrics.horizontalAdvance(text) <= self._room
                lines = self._kept[row.text] = [text] if fits else wrap(text, font, self._room, 4)
            self._lines.append(lines)
            self._tops.append(top)
            top += self._height_of(lines)
        self.setFixedHeight(top + theme.px(8))
        self.update()

    def _height_of(self, lines: Sequence[str]) -> int:
        return self._theme.px(24) + (len(lines) - 1) * self._theme.line("dense")

    def _bottom(self) -> int:
        """Where the last entry that is laid out ends."""
        return self._tops[-1] + self._height_of(self._lines[-1]) if self._tops else 0

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        left, dot = theme.px(SIDE), theme.px(SIDE) + self._when_px
        quiet, primary = theme.color("text.tertiary"), theme.color("text.primary")
        seen = event.rect()
        last = len(self._lines) - 1
        for number, (row, lines, top) in enumerate(zip(self._rows, self._lines, self._tops, strict=False)):
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
