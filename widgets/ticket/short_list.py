"""A few rows with a cursor, from which arrows, digits or clicks choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget
from typing_extensions import override

from widgets.keys import digit_of, is_bare_enter
from widgets.text import Texts, one_line, tip
from widgets.theme import Theme, by_keyboard, paint_focus


class ShortList(QWidget):
    """A few rows with a cursor: arrows walk, Enter or a click chooses, digits choose at once."""

    chosen = Signal(int)

    def __init__(self, theme: Theme, texts: Texts, row_height: int) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self.rows: tuple[Any, ...] = ()
        self._row_height = row_height
        self._cursor, self._hover = 0, -1
        self._ring = False
        self.one_click = True
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Show these rows. The cursor stays on what it is on, wherever that is now, and keeps its place where that is
        gone.
        """
        if tuple(rows) == self.rows:
            return
        before = self.key_of(self.rows[self._cursor]) if self.rows else None
        self.rows = tuple(rows)
        places = [number for number, row in enumerate(rows) if self.key_of(row) == before]
        self._cursor = places[0] if places else min(self._cursor, max(0, len(rows) - 1))
        self.setAccessibleName(one_line("; ".join(self.spoken(row) for row in rows), 1000))
        self._fix_height()

    def set_row_height(self, height: int) -> None:
        """Make the rows this high, px of the theme."""
        self._row_height = height
        self._fix_height()

    def _fix_height(self) -> None:
        self.setFixedHeight(sum(self.height_of(row) for row in self.rows))
        self.update()

    def go_to_first(self) -> None:
        """Put the cursor on the first row."""
        self._cursor = 0
        self.update()

    def key_of(self, row: Any) -> object:
        """What a row is about, the same when its words change."""
        raise NotImplementedError

    def spoken(self, row: Any) -> str:
        """A row as a screen reader says it."""
        raise NotImplementedError

    def paint_row(self, painter: QPainter, box: QRect, row: Any, number: int, ground: str) -> None:
        """Draw one row on its ground."""
        raise NotImplementedError

    def height_of(self, row: Any) -> int:
        """How high a row is, in pixels of the screen."""
        return self._theme.px(self._row_height)

    def _boxes(self) -> Iterator[QRect]:
        """Where each row is."""
        top = 0
        for row in self.rows:
            box = QRect(0, top, self.width(), self.height_of(row))
            top += box.height()
            yield box

    def _number_at(self, point: QPoint) -> int:
        return next((number for number, box in enumerate(self._boxes()) if box.top() <= point.y() <= box.bottom()), -1)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = event.key(), event.isAutoRepeat()  # a key held down chooses once
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.rows:
            step = 1 if key == Qt.Key.Key_Down else -1
            self._cursor = min(len(self.rows) - 1, max(0, self._cursor + step))
            self.update()
        elif is_bare_enter(event) and self.rows:
            if not held:
                self.chosen.emit(self._cursor)
        elif 1 <= (digit := digit_of(event)) <= len(self.rows):
            if not held:
                self.chosen.emit(digit - 1)
        else:
            super().keyPressEvent(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        number = self._number_at(event.position().toPoint())
        if number >= 0:
            self._cursor = number
            self.update()
            if self.one_click:
                self.chosen.emit(number)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        number = self._number_at(event.position().toPoint())
        if number >= 0 and not self.one_click:
            self.chosen.emit(number)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        number = self._number_at(event.position().toPoint())
        if number != self._hover:
            self._hover = number
            self.update()

    @override
    def event(self, event: QEvent) -> bool:
        """Hovering over a row tells all of it."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            number = self._number_at(event.pos())
            QToolTip.showText(event.globalPos(), tip(self.spoken(self.rows[number])) if number >= 0 else "", self)
            return True
        return super().event(event)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover = -1
        self.update()

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ring = by_keyboard(event.reason())
        self.update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def ground_of(self, number: int) -> str:
        """The ground a row stands on."""
        if self.hasFocus() and number == self._cursor:
            return "selected-inactive"
        return "hover" if number == self._hover else "panel"

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for number, (row, box) in enumerate(zip(self.rows, self._boxes(), strict=True)):
            ground = self.ground_of(number)
            if ground != "panel":
                painter.fillRect(box, self._theme.color(f"surface.{ground}"))
            self.paint_row(painter, box, row, number, ground)
        if self.hasFocus() and self._ring:
            paint_focus(painter, self._theme, self)
