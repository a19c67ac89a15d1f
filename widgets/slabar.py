"""The bar of a report's clocks: one segment a clock, filled by the time used, a tick where risk starts, words above.

Words that do not fit side by side stand one clock a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from widgets.text import Texts, tip
from widgets.theme import Theme

_FILLS = ("text.tertiary", "priority.p2-mark", "priority.p1")
_WORDS = ("text.secondary", "priority.p2", "priority.p1")


@dataclass(frozen=True)
class SlaSegment:
    """One clock. Levels: 0 in time, 1 at risk or late (amber), 2 red. A finished one has no words at the right.

    A late one is full; it is amber behind the tick only, so that it does not outshine what is red.
    """

    words_left: str
    words_right: str
    fraction: float
    risk_at: float
    level: int
    paused: bool
    late: bool = False


class SlaBar(QWidget):
    """Draws the segments; finished ones are short, running ones share the rest."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._texts = theme, Texts(theme)
        self._segments: tuple[SlaSegment, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(28))

    def set_segments(self, segments: Sequence[SlaSegment]) -> None:
        """Show these clocks in their order."""
        if tuple(segments) == self._segments:
            return
        self._segments = tuple(segments)
        self.setAccessibleName("; ".join(f"{segment.words_left} {segment.words_right}".strip() for segment in segments))
        self.setToolTip(tip(self.accessibleName()))
        self.setVisible(bool(segments))
        self._fit()
        self.update()

    def _fit(self) -> None:
        self.setFixedHeight(self._theme.px(12) + self._lines() * self._theme.line("caption"))

    def _lines(self) -> int:
        """How many lines the words take: one, or one a clock."""
        segments = self._segments
        whole = sum(self._width(segment) for segment in segments) + self._theme.px(12) * (len(segments) - 1)
        return 1 if len(segments) < 2 or not self.width() or whole <= self.width() else len(segments)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), self.height())

    def boxes(self) -> list[QRect]:
        """Where each segment's bar stands."""
        theme, segments = self._theme, self._segments
        if not segments:
            return []
        gap, top = theme.px(2), self.height() - theme.px(7)
        room = self.width() - gap * (len(segments) - 1)
        done = [not segment.words_right for segment in segments]
        running = len(segments) - sum(done)
        short = room // 10 if running else room // len(segments)
        wide = (room - short * sum(done)) // running if running else 0
        boxes, left = [], 0
        for number, finished in enumerate(done):
            width = short if finished else wide
            if number == len(segments) - 1:
                width = self.width() - left
            boxes.append(QRect(left, top, width, theme.px(6)))
            left += width + gap
        return boxes

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._segments:
            return
        painter = QPainter(self)
        self._paint_words(painter)
        for segment, box in zip(self._segments, self.boxes(), strict=True):
            self._paint_segment(painter, segment, box)

    def _paint_segment(self, painter: QPainter, segment: SlaSegment, box: QRect) -> None:
        theme = self._theme
        painter.fillRect(box, theme.color("surface.input" if theme.name == "dark" else "border.subtle"))
        used = QRect(box)
        used.setWidth(round(box.width() * min(1.0, max(0.0, segment.fraction))))
        fill = theme.color(_FILLS[min(2, max(0, segment.level))])
        if segment.paused:
            painter.fillRect(used, QBrush(fill, Qt.BrushStyle.BDiagPattern))
            painter.fillRect(QRect(used.right(), box.top(), 1, box.height()), fill)
        elif segment.late and segment.level < 2:
            painter.fillRect(used, theme.color(_FILLS[0]))
            painter.fillRect(used.adjusted(round(box.width() * segment.risk_at), 0, 0, 0), fill)
        else:
            painter.fillRect(used, fill)
        if segment.words_right and 0 < segment.risk_at < 1:
            at = box.left() + round(box.width() * segment.risk_at)
            reach = theme.px(2)
            tick = QRect(at, box.top() - reach, 1, box.height() + 2 * reach)
            painter.fillRect(tick, theme.color("text.primary"))

    def _paint_words(self, painter: QPainter) -> None:
        theme, segments = self._theme, self._segments
        gap = theme.px(12)
        widths = [self._width(segment) for segment in segments]
        free = self.width() - sum(widths)
        if len(segments) == 1:
            one = segments[0]
            taken = self._draw_right(painter, one, self.width(), self.width())
            room = max(0, self.width() - taken - gap)
            self._draw_left(painter, one, 0, room)
            return
        if self._lines() > 1:
            for number, segment in enumerate(segments):
                top = number * theme.line("caption")
                taken = self._draw_right(painter, segment, self.width(), self.width(), top)
                self._draw_left(painter, segment, 0, max(0, self.width() - taken - gap), top)
            return
        # The spare room goes between them.
        space = max(gap, free // (len(segments) - 1))
        left = 0
        for segment, width in zip(segments, widths, strict=True):
            end = left + width if segment is not segments[-1] else self.width()
            taken = self._draw_right(painter, segment, end, width)
            self._draw_left(painter, segment, end - width, max(0, width - taken - (theme.px(4) if taken else 0)))
            left = end + space

    def _width(self, segment: SlaSegment) -> int:
        width = self._texts.width(segment.words_left, "caption") + 1
        if segment.words_right:
            width += self._theme.px(4) + self._texts.width(segment.words_right, "caption", self._weight(segment))
        return round(width + 0.5)

    def _weight(self, segment: SlaSegment) -> int:
        return 600 if segment.level else 500

    def _draw_left(self, painter: QPainter, segment: SlaSegment, left: int, room: int, top: int = 0) -> None:
        self._texts.draw(
            painter, left, top, segment.words_left, "caption", self._theme.color("text.tertiary"), room=room
        )

    def _draw_right(self, painter: QPainter, segment: SlaSegment, right: int, room: int, top: int = 0) -> int:
        color = self._theme.color(_WORDS[min(2, max(0, segment.level))])
        weight = self._weight(segment)
        words = segment.words_right
        taken = self._texts.draw(painter, right, top, words, "caption", color, weight=weight, room=room, right=True)
        return round(taken)
