"""The steps of a run card beside a form that is filled while somebody calls."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.forms.form import make_label
from widgets.symbols import paint_mark
from widgets.text import one_line
from widgets.theme import Theme

_MARK = 16
"""From the left of a step's mark to its words, px of the theme."""
_LETTERS = 240


class CardSteps(QWidget):
    """A heading and the steps in order, each with a hollow mark: only to be read, as they are ticked in the report once
    there is one. Hidden without steps.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._steps: list[QLabel] = []
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, theme.px(6), 0, theme.px(2))
        rows.setSpacing(theme.px(2))
        head = QHBoxLayout()
        self._heading = make_label(theme, "", "caption", "text.tertiary")
        self._note = make_label(theme, "", "caption", "text.tertiary")
        head.addWidget(self._heading)
        head.addStretch(1)
        head.addWidget(self._note)
        rows.addLayout(head)
        self._rows = rows
        self.hide()

    @property
    def words(self) -> list[str]:
        """The steps that are shown."""
        return [one.text() for one in self._steps]

    def show_steps(self, heading: str, note: str, steps: Sequence[str]) -> bool:
        """Show these instead; whether that changed anything."""
        steps = [one_line(step, _LETTERS) for step in steps]
        if (self._heading.text(), self.words) == (heading, steps):
            return False
        self._heading.setText(heading)
        self._note.setText(note)
        for label in self._steps:
            label.hide()
            label.setParent(None)
            label.deleteLater()
        self._steps = []
        for step in steps:
            label = make_label(self._theme, step, "dense")
            label.setWordWrap(True)
            label.setContentsMargins(self._theme.px(_MARK), 0, 0, 0)
            self._rows.addWidget(label)
            label.show()  # or it counts for nothing until the event loop comes round, and the form is measured too low
            self._steps.append(label)
        self.setVisible(bool(steps))
        return True

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        color = self._theme.color("text.secondary")
        for label in self._steps:
            middle = label.y() + self._theme.line("dense") // 2
            paint_mark(painter, self._theme, label.x(), middle - self._theme.px(4), "hollow", color)
