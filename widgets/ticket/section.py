"""Where a section of the report panel stands: its margin at the sides, and the line that heads it."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.keys import cap_size, is_bare_enter, paint_cap
from widgets.text import Texts, one_line
from widgets.theme import Theme, paint_focus

SIDE = 16
"""The margin at both sides of the panel, px of the theme."""


class SectionHead(QAbstractButton):
    """A section's name, a note, and at the right what a key does. In compact form it folds what is below it."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._words: tuple[str, str, str, str] = ("", "", "", "")
        self._fold_note = ""
        self.foldable, self.open = False, True
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(33))

    def set_words(self, name: str, note: str, words: str, key: str, fold_note: str = "") -> None:
        """Name the section; `words` say what its key does, `fold_note` stands for the note while it is folded."""
        if ((name, note, words, key), fold_note) != (self._words, self._fold_note):
            self._words, self._fold_note = (name, note, words, key), fold_note
            self.setAccessibleName(one_line(f"{name} {note}"))
            self.update()

    def set_foldable(self, foldable: bool) -> None:
        """Let a click fold and open what is below; it begins folded."""
        self.foldable, self.open = foldable, not foldable
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if foldable else Qt.FocusPolicy.NoFocus)
        self.setFixedHeight(self._theme.px(30 if foldable else 33))
        self.update()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.foldable and is_bare_enter(event):
            if not event.isAutoRepeat():
                self.click()
        else:
            super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        name, note, words, key = self._words
        role = "dense" if self.foldable else "caption"
        left, right = theme.px(SIDE), self.width() - theme.px(SIDE)
        top = theme.px(12)
        quiet = theme.color("text.tertiary")
        if self.foldable:
            painter.fillRect(QRect(0, 0, self.width(), 1), theme.color("border.subtle"))
            top = (self.height() - theme.line(role)) // 2
            sign = "▾" if self.open else "▸"
            left += round(texts.draw(painter, left, top, sign, role, quiet)) + theme.px(8)
            note = self._fold_note if not self.open else note
        middle = top + theme.line(role) // 2
        if key and not self.foldable:
            right -= cap_size(theme, key).width()
            paint_cap(painter, theme, right, middle, key)
            right -= theme.px(8)
        if words and not self.foldable:
            right -= round(texts.draw(painter, right, top, words, role, quiet, right=True)) + theme.px(8)
        color = theme.color("text.primary" if self.foldable else "text.secondary")
        weight = 500 if self.foldable else 600
        left += round(texts.draw(painter, left, top, name, role, color, weight=weight, room=max(0, right - left)))
        left += theme.px(8)
        texts.draw(painter, left, top, note, role, quiet, room=max(0, right - left))
        if self.hasFocus():
            paint_focus(painter, theme, self)


def indented(theme: Theme, widget: QWidget, top: int = 0) -> QWidget:
    """A widget with the margin at its sides, `top` px of the theme below what is above it."""
    frame = QWidget()
    column = QVBoxLayout(frame)
    column.setContentsMargins(theme.px(SIDE), theme.px(top), theme.px(SIDE), 0)
    column.setSpacing(0)
    column.addWidget(widget)
    return frame
