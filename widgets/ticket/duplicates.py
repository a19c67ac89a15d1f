"""The possible duplicates of a report."""

from __future__ import annotations

import math

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter
from typing_extensions import override

from widgets.symbols import Symbols
from widgets.text import Texts, one_line
from widgets.theme import Theme
from widgets.ticket.section import SIDE
from widgets.ticket.short_list import ShortList
from widgets.ticket.values import DuplicateRow


class DuplicateList(ShortList):
    """The possible duplicates, one line each."""

    def __init__(self, theme: Theme, symbols: Symbols, texts: Texts) -> None:
        super().__init__(theme, texts, 24)
        self._symbols = symbols

    @override
    def key_of(self, row: DuplicateRow) -> object:
        return row.key

    @override
    def spoken(self, row: DuplicateRow) -> str:
        return f"{row.number} {row.text} {row.distance} {row.age} {row.why}"

    def _column(self, name: str, least: int, most: int) -> int:
        widths = [self._texts.width(one_line(str(getattr(row, name))), "dense") for row in self.rows]
        return math.ceil(min(self._theme.px(most), max([self._theme.px(least), *widths])))  # rounded down: cut

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: DuplicateRow, number: int, ground: str) -> None:
        theme, texts = self._theme, self._texts
        quiet, secondary = theme.color("text.tertiary"), theme.color("text.secondary")
        left, right, gap = theme.px(SIDE), box.right() + 1 - theme.px(SIDE), theme.px(8)
        side, top = theme.px(14), box.top() + theme.px(3)
        self._symbols.report(
            painter, QRect(left, box.top() + theme.px(5), side, side), row.priority, row.status, ground
        )
        left += side + gap
        width = min(
            theme.px(96), max(theme.px(50), math.ceil(max(texts.width(r.number, "mono", 400, 12) for r in self.rows)))
        )
        texts.draw(painter, left, top, row.number, "mono", secondary, size=12, room=width)
        left += width + gap
        for name, color, least, most in (
            ("why", secondary, 60, 116),
            ("age", quiet, 44, 64),
            ("distance", quiet, 44, 76),
        ):
            width = self._column(name, least, most)
            texts.draw(painter, right, top, str(getattr(row, name)), "dense", color, right=True, room=width)
            right -= width + gap
        primary = theme.color("text.primary")
        texts.draw(painter, left, top, row.text, "dense", primary, room=max(0, right - left))
