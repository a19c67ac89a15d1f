"""The top of the report panel: number and holder, and below them title, priority and status."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from widgets.keys import cap_size, paint_cap
from widgets.symbols import Symbols, paint_tag
from widgets.text import Texts, one_line, tip
from widgets.theme import Theme
from widgets.ticket.section import SIDE
from widgets.ticket.values import Ticket

_PRIORITY_INK = {1: "priority.p1", 2: "priority.p2", 3: "priority.p3", 4: "text.tertiary"}


class TitleBar(QWidget):
    """The panel's name, the report's number, who holds it, and the panel's key. A click on the number is told."""

    number_clicked = Signal()

    def __init__(self, theme: Theme, texts: Texts, key: str) -> None:
        super().__init__()
        self._theme, self._texts, self._key = theme, texts, key
        self._number, self._holder, self._you = "", "", ""
        self._number_box = QRect()
        self.setMouseTracking(True)
        self.setFixedHeight(theme.px(32))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_words(self, number: str, holder: str, you: str = "") -> None:
        """Show a number and a holder; `you` is the word of `holder` that stands out."""
        if (number, holder, you) != (self._number, self._holder, self._you):
            self._number, self._holder, self._you = number, holder, you
            self.setAccessibleName(one_line(f"{self.tr('Report')} {number} {holder}"))
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.raised"))
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), theme.color("border.divider"))
        secondary = theme.color("text.secondary")
        top, right = (self.height() - 1 - theme.line("dense")) // 2, self.width() - theme.px(12)
        right -= cap_size(theme, self._key).width()
        paint_cap(painter, theme, right, self.height() // 2, self._key)
        right -= theme.px(8)
        left = theme.px(12)
        name = self.tr("Report")
        left += round(texts.draw(painter, left, top, name, "dense", theme.color("text.primary"), weight=600))
        left += theme.px(8)
        room = max(0, right - left)
        wide = round(texts.draw(painter, left, top, self._number, "mono", secondary, size=12, room=room))
        self._number_box = QRect(left, 0, wide, self.height())
        left += wide + theme.px(12)
        self._paint_holder(painter, left, right, top + theme.px(1))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self._number_box.contains(event.position().toPoint())
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)
        words = self.tr("Click copies the number") if over else one_line(self._holder)
        self.setToolTip(tip(words))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        on_number = self._number_box.contains(event.position().toPoint())
        if on_number and self._number and event.button() == Qt.MouseButton.LeftButton:
            self.number_clicked.emit()

    def _paint_holder(self, painter: QPainter, left: int, right: int, top: int) -> None:
        theme, texts = self._theme, self._texts
        secondary = theme.color("text.secondary")
        before, you, after = self._holder.partition(self._you) if self._you else (self._holder, "", "")
        for words, color, weight in (
            (after, secondary, 400),
            (you, theme.color("accent.base"), 600),
            (before, secondary, 400),
        ):
            space = texts.metrics("caption").horizontalAdvance(" ")
            right -= round(space) if words.endswith(" ") else 0
            room = max(0, right - left)
            right -= round(
                texts.draw(painter, right, top, words, "caption", color, weight=weight, room=room, right=True)
            )
            right -= round(space) if words.startswith(" ") else 0


class Lead(QWidget):
    """Symbol, title, and the line of priority, status and what else belongs there."""

    def __init__(self, theme: Theme, symbols: Symbols, texts: Texts) -> None:
        super().__init__()
        self._theme, self._symbols, self._texts = theme, symbols, texts
        self._ticket: Ticket | None = None
        self.setFixedHeight(theme.px(10 + 24 + 6 + 18 + 8))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_ticket(self, ticket: Ticket) -> None:
        """Show the head of a report."""
        old = self._ticket
        self._ticket = ticket
        if old is None or _lead_words(old) != _lead_words(ticket):
            self.setAccessibleName(one_line(" ".join(str(word) for word in _lead_words(ticket))))
            self.setToolTip(tip(" · ".join((ticket.title, ticket.priority_text, ticket.status_text, *ticket.meta))))
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        ticket = self._ticket
        if ticket is None:
            return
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        side, left, top = theme.px(24), theme.px(SIDE), theme.px(10)
        right = self.width() - theme.px(SIDE)
        self._symbols.report(painter, QRect(left, top, side, side), ticket.priority, ticket.status)
        at = left + side + theme.px(10)
        primary, secondary = theme.color("text.primary"), theme.color("text.secondary")
        texts.draw(painter, at, top + theme.px(1), ticket.title, "title", primary, weight=600, room=max(0, right - at))
        top += side + theme.px(6)
        ink = theme.color(_PRIORITY_INK.get(ticket.priority, "text.tertiary"))
        x = left + paint_tag(painter, theme, left, top + theme.px(1), str(ticket.priority), ink) + theme.px(6)
        x += round(texts.draw(painter, x, top, ticket.priority_text, "dense", primary))
        x = self._dot(painter, x, top)
        x += paint_tag(painter, theme, x, top + theme.px(1), ticket.letter, theme.color(ticket.letter_token))
        x += theme.px(6)
        x += round(texts.draw(painter, x, top, ticket.status_text, "dense", primary, room=max(0, right - x)))
        for words in ticket.meta:
            if right - x < theme.px(60):
                break
            x = self._dot(painter, x, top)
            x += round(texts.draw(painter, x, top, words, "dense", secondary, room=max(0, right - x)))

    def _dot(self, painter: QPainter, x: int, top: int) -> int:
        gap, color = self._theme.px(8), self._theme.color("text.tertiary")
        return x + gap + round(self._texts.draw(painter, x + gap, top, "·", "dense", color)) + gap


def _lead_words(ticket: Ticket) -> tuple[object, ...]:
    return (
        ticket.title,
        ticket.priority,
        ticket.priority_text,
        ticket.status,
        ticket.letter,
        ticket.letter_token,
        ticket.status_text,
        tuple(ticket.meta),
    )
