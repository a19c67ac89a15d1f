"""The steps of a run card: which are done, by whom and when."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QResizeEvent
from typing_extensions import override

from widgets.keys import cap_size, paint_cap
from widgets.symbols import paint_mark
from widgets.text import Texts, one_line, wrap
from widgets.theme import Theme
from widgets.ticket.section import SIDE
from widgets.ticket.short_list import ShortList
from widgets.ticket.values import StepRow

_DELETE = "Del"
_MARK = 26
"""From the left of a step's mark, or of its key, to its words, px of the theme."""


_BETWEEN = 12
"""Between words, who has done it, and the key, px of the theme."""
_MOST_LINES = 6
_LETTERS = 240


class StepList(ShortList):
    """The steps in order. What is still to be done has a hollow mark, or its key while the list has the keyboard, and
    all of its words: the end of an order may turn it round.
    """

    taken_back = Signal(int)
    """That a step was not done after all."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__(theme, texts, 24)

    @override
    def key_of(self, row: StepRow) -> object:
        return row.words

    @override
    def spoken(self, row: StepRow) -> str:
        return self.tr("{step}, done: {who}").format(step=row.words, who=row.done) if row.done else row.words

    def go_to_next(self) -> None:
        """Put the cursor on the first step that is not done."""
        self._cursor = next((number for number, row in enumerate(self.rows) if not row.done), 0)
        self.update()

    @override
    def height_of(self, row: StepRow) -> int:
        # As high once it is done: nothing moves under who ticks.
        more = len(self._wrapped(row, self._room, _MOST_LINES)) - 1
        return super().height_of(row) + more * self._theme.line("dense")

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fix_height()

    @property
    def _room(self) -> int:
        return self.width() - 2 * self._theme.px(SIDE) - self._theme.px(_MARK)

    def _wrapped(self, row: StepRow, room: float, most: int) -> list[str]:
        return wrap(one_line(row.words, _LETTERS), self._theme.font("dense"), room, most)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_bare = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if is_bare and event.key() == Qt.Key.Key_Delete and self.rows and self.rows[self._cursor].done:
            if not event.isAutoRepeat():
                self.taken_back.emit(self._cursor)
        else:
            super().keyPressEvent(event)

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: StepRow, number: int, ground: str) -> None:
        theme, texts = self._theme, self._texts
        left, right = theme.px(SIDE), box.right() + 1 - theme.px(SIDE)
        line = theme.line("dense")
        top, middle = box.top() + theme.px(3), box.top() + theme.px(3) + line // 2
        if row.done or not self.hasFocus():
            color = theme.color("text.secondary")
            paint_mark(painter, theme, left, middle - theme.px(4), "solid" if row.done else "hollow", color)
        else:
            paint_cap(painter, theme, left, middle, str(number + 1))
        if row.done:
            is_here = self.hasFocus() and number == self._cursor
            right -= round(texts.draw(painter, right, top, row.done, "dense", theme.color("text.tertiary"), right=True))
            right -= theme.px(_BETWEEN)
            if is_here and row.may_go:
                right -= cap_size(theme, _DELETE).width()
                paint_cap(painter, theme, right, middle, _DELETE)
                right -= theme.px(_BETWEEN)
        left += theme.px(_MARK)
        color = theme.color("text.secondary" if row.done else "text.primary")
        lines = 1 + (box.height() - super().height_of(row)) // line
        for at, words in enumerate(self._wrapped(row, max(0, right - left), lines)):
            texts.draw(painter, left, top + at * line, words, "dense", color)
