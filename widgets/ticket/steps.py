"""The steps of a run card: which are done, by whom and when."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from typing_extensions import override

from widgets.keys import cap_size, paint_cap
from widgets.symbols import paint_mark
from widgets.text import Texts
from widgets.theme import Theme
from widgets.ticket.section import SIDE
from widgets.ticket.short_list import ShortList
from widgets.ticket.values import StepRow

_DELETE = "Del"
_MARK = 26
"""From the left of a step's mark, or of its key, to its words, px of the theme."""


class StepList(ShortList):
    """The steps in order. What is still to be done has a hollow mark, or its key while the list has the keyboard."""

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
        top, middle = box.top() + theme.px(3), box.top() + box.height() // 2
        if row.done or not self.hasFocus():
            color = theme.color("text.secondary")
            paint_mark(painter, theme, left, middle - theme.px(4), "solid" if row.done else "hollow", color)
        else:
            paint_cap(painter, theme, left, middle, str(number + 1))
        if row.done:
            is_here = self.hasFocus() and number == self._cursor
            right -= round(texts.draw(painter, right, top, row.done, "dense", theme.color("text.tertiary"), right=True))
            right -= theme.px(12)
            if is_here and row.may_go:
                right -= cap_size(theme, _DELETE).width()
                paint_cap(painter, theme, right, middle, _DELETE)
                right -= theme.px(12)
        left += theme.px(_MARK)
        color = theme.color("text.secondary" if row.done else "text.primary")
        texts.draw(painter, left, top, row.words, "dense", color, room=max(0, right - left))
