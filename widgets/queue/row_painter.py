"""How one report looks in the queue: its symbols, two lines of text, and the times at the right end."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter

from widgets.queue.values import QueueRow
from widgets.symbols import Symbols, paint_bars, paint_mark, paint_tag
from widgets.text import Texts
from widgets.theme import Theme

_AGE_TOKENS = ("text.primary", "priority.p2", "priority.p1")
_DUE_TOKENS = ("text.tertiary", "priority.p2", "priority.p1")


class RowPainter:
    """Draws the rows of the queue."""

    def __init__(self, theme: Theme, symbols: Symbols) -> None:
        self._theme, self._symbols, self._texts = theme, symbols, Texts(theme)
        self._loud_color = {level: theme.color(token) for level, token in enumerate(_AGE_TOKENS)}
        self._due_color = {level: theme.color(token) for level, token in enumerate(_DUE_TOKENS)}

    def paint(self, painter: QPainter, box: QRect, row: QueueRow, right: int, ground: str, *, current: bool) -> None:
        """Draw a row into its box, up to `right`. `ground` names the surface that it stands on."""
        theme, two = self._theme, box.height() >= self._theme.px(44)
        side = theme.px(16)
        left = box.left() + theme.px(12)
        top = box.top() + max(0, (box.height() - theme.px(38)) // 2) if two else box.top() + 3
        symbol_top = top + theme.px(3)
        self._symbols.report(painter, QRect(left, symbol_top, side, side), row.priority, row.status, ground)
        left += side + theme.px(8)
        secondary = theme.color("text.secondary")
        self._symbols.category(painter, QRect(left, symbol_top, side, side), row.glyph, secondary)
        left += side + theme.px(10)
        end = right - theme.px(82)
        self._paint_first_line(painter, row, QRect(left, top, end - left, theme.px(20)), current)
        self._paint_time(painter, row, right, top, current, two=two)
        if two:
            self._paint_second_line(painter, row, QRect(left, top + theme.px(20), end - left, theme.px(16)), current)

    def paint_placeholder(self, painter: QPainter, box: QRect, number: int, right: int) -> None:
        """Draw grey bars in the place of a row whose texts are not there yet."""
        theme = self._theme
        color: QColor = theme.color("border.subtle")
        left, top = box.left() + theme.px(12), box.top() + theme.px(7)
        painter.fillRect(QRect(left + theme.px(2), top + theme.px(2), theme.px(12), theme.px(12)), color)
        left += theme.px(50)
        room = max(0, right - theme.px(92) - left)
        painter.fillRect(QRect(left, top + theme.px(2), room * (7 + number % 3) // 10, theme.px(10)), color)
        painter.fillRect(QRect(right - theme.px(40), top + theme.px(2), theme.px(40), theme.px(10)), color)
        if box.height() >= theme.px(44):
            painter.fillRect(QRect(left, top + theme.px(21), room * (4 + number % 2) // 10, theme.px(8)), color)

    def _paint_first_line(self, painter: QPainter, row: QueueRow, box: QRect, current: bool) -> None:
        theme, texts = self._theme, self._texts
        primary = theme.color("text.primary")
        taken = texts.draw(painter, box.left(), box.top(), row.title, "body", primary, weight=600, room=box.width())
        gap = theme.px(7)
        room = box.width() - taken - gap
        if room > theme.px(16):
            color = primary if current else theme.color("text.secondary")
            texts.draw(painter, box.left() + taken + gap, box.top(), row.text, "body", color, room=room)

    def _paint_second_line(self, painter: QPainter, row: QueueRow, box: QRect, current: bool) -> None:
        theme, texts = self._theme, self._texts
        secondary = theme.color("text.secondary")
        quiet = secondary if current else theme.color("text.tertiary")
        gap, top, left, end = theme.px(6), box.top(), float(box.left()), float(box.right() + 1)
        left += paint_tag(painter, theme, box.left(), top, row.letter, theme.color(row.letter_token)) + gap
        if row.hold:
            left += paint_bars(painter, theme, round(left), top + theme.px(8), secondary) + gap
        if row.holder:
            color = theme.color("accent.base") if row.mine else secondary
            weight = 600 if row.mine else 400
            room = box.width() * 0.4
            end -= (
                texts.draw(painter, end, top, row.holder, "caption", color, weight=weight, room=room, right=True) + gap
            )
        doubt = texts.width(row.doubt, "caption", 600) + gap if row.doubt else 0.0
        room = max(0.0, min(end - left - doubt, box.width() * 0.5))
        left += texts.draw(painter, left, top, row.status_text, "caption", secondary, room=room) + gap
        if row.doubt:
            color, room = theme.color("status.returned"), max(0.0, end - left)
            left += texts.draw(painter, left, top, row.doubt, "caption", color, weight=600, room=room) + gap
        if row.hold:
            room = max(0.0, min(end - left, box.width() * 0.35))
            left += texts.draw(painter, left, top, row.hold, "caption", quiet, room=room) + gap
        copies = f"×{row.duplicates}" if row.duplicates else ""
        photos = str(row.photos) if row.photos else ""
        tail = texts.width(copies, "caption") + gap if copies else 0.0
        sign = theme.px(12)
        tail += sign + theme.px(3) + texts.width(photos, "caption") + gap if photos else 0.0
        if end - left - tail > theme.px(20):
            left += texts.draw(painter, left, top, row.place, "caption", quiet, room=end - left - tail) + gap
        if copies and left + texts.width(copies, "caption") <= end:
            left += texts.draw(painter, left, top, copies, "caption", secondary) + gap
        if photos and left + sign + theme.px(3) + texts.width(photos, "caption") <= end:
            self._symbols.photo(painter, QRect(round(left), top + theme.px(2), sign, sign), quiet)
            texts.draw(painter, left + sign + theme.px(3), top, photos, "caption", quiet)

    def _paint_time(self, painter: QPainter, row: QueueRow, right: int, top: int, current: bool, *, two: bool) -> None:
        theme, texts = self._theme, self._texts
        color = self._loud_color.get(row.age_level, self._loud_color[2])
        taken = texts.draw(painter, right, top, row.age, "body", color, weight=500, right=True)
        if row.pending:
            side = theme.px(8)
            left = right - taken - theme.px(6) - side
            paint_mark(painter, theme, left, top + theme.px(6), "hollow", theme.color("text.secondary"))
        if two:
            color = self._due_color.get(row.due_level, self._due_color[2])
            if current and row.due_level == 0:
                color = theme.color("text.secondary")
            texts.draw(painter, right, top + theme.px(20), row.due, "caption", color, right=True, room=theme.px(82))
