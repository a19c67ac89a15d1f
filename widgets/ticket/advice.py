"""The recommended units of a report, or the line that says why there is none."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QLabel
from typing_extensions import override

from widgets.keys import key_text, paint_cap
from widgets.symbols import Symbols
from widgets.text import Texts, one_line
from widgets.theme import Theme
from widgets.ticket.section import SIDE
from widgets.ticket.short_list import ShortList
from widgets.ticket.values import AdviceRow


class AdviceList(ShortList):
    """The recommended units; the first one is what the filled button sends. One click only looks: crews move."""

    def __init__(self, theme: Theme, symbols: Symbols, texts: Texts) -> None:
        super().__init__(theme, texts, 46)
        self.one_click = False
        self._symbols = symbols

    @override
    def key_of(self, row: AdviceRow) -> object:
        return row.id

    @override
    def spoken(self, row: AdviceRow) -> str:
        return f"{row.code} {row.eta} {row.distance} {row.line}"

    @override
    def ground_of(self, number: int) -> str:
        first = 0 if not self.hasFocus() else self._cursor
        return "selected-inactive" if number == first else super().ground_of(number)

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: AdviceRow, number: int, ground: str) -> None:
        theme, texts = self._theme, self._texts
        painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), theme.color("border.subtle"))
        if ground == "selected-inactive":
            painter.fillRect(QRect(0, box.top(), theme.px(3), box.height()), theme.color("text.tertiary"))
        quiet, primary = theme.color("text.tertiary"), theme.color("text.primary")
        left, right = theme.px(SIDE), box.right() + 1 - theme.px(SIDE)
        middle = box.top() + (box.height() - 1) // 2
        texts.draw(painter, left, middle - theme.px(10), str(number + 1), "body", quiet, weight=600)
        left += theme.px(18)
        tall = theme.px(13)
        box_of_unit = QRect(left, middle - tall // 2, self._symbols.unit_width(tall), tall)
        self._symbols.unit(painter, box_of_unit, row.state_key, row.stale, ground)
        left += theme.px(32)
        top = middle - theme.px(18)
        eta = texts.draw(painter, right, top, row.eta, "title", primary, weight=600, right=True, height=theme.px(20))
        far = texts.draw(painter, right, top + theme.px(20), row.distance, "caption", quiet, right=True)
        room = max(0, right - left - round(max(eta, far)) - theme.px(12))
        top = middle - theme.px(17)
        code = texts.draw(painter, left, top, row.code, "body", primary, weight=600, height=theme.px(18), room=room)
        if self.hasFocus() and number == self._cursor:
            paint_cap(painter, theme, left + round(code) + theme.px(8), top + theme.px(9), key_text("Return"))
        color = theme.color("text.secondary")
        texts.draw(painter, left, top + theme.px(18), row.line, "caption", color, room=room)


class NoAdvice(QLabel):
    """A text in place of recommended units: why there is none, and what to do."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setFont(theme.font("dense"))
        self.setStyleSheet(f"color:{theme.hex('text.secondary')};background:transparent")
        self.setContentsMargins(theme.px(SIDE), theme.px(4), theme.px(SIDE), theme.px(4))

    def set_text(self, text: str) -> None:
        """Say why no unit is recommended."""
        if text != self.text():
            self.setText(text)
            self.setAccessibleName(one_line(text))
