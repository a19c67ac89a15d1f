"""The shift: who is on, and the roll call of the units, one key an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.focus import FocusRing
from widgets.keys import KeyButton
from widgets.rows import AT_LEFT, RowDelegate, RowsModel, RowsView
from widgets.states import EmptyState
from widgets.symbols import Symbols
from widgets.text import one_line, tip
from widgets.theme import Theme

ROW_HEIGHT, _HEAD_HEIGHT, _FOOT_HEIGHT = 26, 26, 40
_SYMBOL, _CODE, _STATE, _AT = 40, 104, 150, 60
_ANSWER_KEYS = ("Y", "N", "B")
SHIFT_CAPS = frozenset(_ANSWER_KEYS)
"""The keys that are this panel's own while it has the keyboard, as their caps show them."""


@dataclass(frozen=True)
class RollRow:
    """A unit: its state, and what it answered when. Levels: "warn" did not answer, "over" was not called, "" others."""

    id: str
    code: str
    state_key: str
    state: str
    at: str = ""
    answer: str = ""
    level: str = ""


class _RollDelegate(RowDelegate):
    def __init__(self, theme: Theme, symbols: Symbols, parent: QObject) -> None:
        super().__init__(theme, ROW_HEIGHT, parent)
        self._symbols = symbols

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: RollRow) -> None:
        theme = self._theme
        high = theme.px(14)
        place = QRect(box.left() + theme.px(12), box.top() + (box.height() - high) // 2, theme.px(24), high)
        self._symbols.unit(painter, place, row.state_key)
        left = box.left() + theme.px(_SYMBOL)
        warn = row.level == "warn"
        plain = "text.tertiary" if row.level == "over" else "text.secondary"
        for text, width, token, weight in (
            (row.code, _CODE, "text.tertiary" if row.level == "over" else "text.primary", 600),
            (row.state, _STATE, plain, 400),
            (row.at, _AT, "text.tertiary", 400),
        ):
            self.paint_text(painter, QRect(left, box.top(), theme.px(width), box.height()), text, token, weight)
            left += theme.px(width)
        rest = QRect(left, box.top(), max(0, box.right() - left), box.height())
        self.paint_text(painter, rest, row.answer, "priority.p2" if warn else plain, 600 if warn else 400)


class _WhoLine(QWidget):
    """Who is on, in one line."""

    def __init__(self, theme: Theme, height: int) -> None:
        super().__init__()
        self._theme, self._lead, self._text = theme, "", ""
        self.setFixedHeight(theme.px(height))

    def set_words(self, lead: str, text: str) -> None:
        self._lead, self._text = lead, one_line(text, 1000)
        self.setAccessibleName(f"{lead} {text}")
        self.setToolTip(tip(text))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), theme.color("border.divider"))
        box = self.rect().adjusted(theme.px(12), 0, -theme.px(12), -1)
        font = theme.font("dense", 600)
        painter.setFont(font)
        painter.setPen(theme.color("text.primary"))
        painter.drawText(box, AT_LEFT, self._lead)
        box.setLeft(box.left() + QFontMetrics(font).horizontalAdvance(self._lead) + theme.px(8))
        font = theme.font("dense")
        painter.setFont(font)
        painter.setPen(theme.color("text.secondary"))
        words = QFontMetrics(font).elidedText(self._text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, AT_LEFT, words)


class ShiftPanel(QWidget):
    """Who is on in one line, the units below it; what was answered is the caller's."""

    answered = Signal(str, str)
    """(id of the unit, the key of the answer: Y there, N no answer, B break)."""
    opened = Signal(str)
    """Enter on a unit."""

    def __init__(self, theme: Theme, symbols: Symbols) -> None:
        super().__init__()
        self._theme = theme
        self._model = RowsModel(_words, self)
        self.view = RowsView(self.tr("Roll call"), self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(_RollDelegate(theme, symbols, self.view))
        self.view.own_keys = SHIFT_CAPS
        self.view.own_key.connect(self._on_key)
        self.view.opened.connect(self.opened)
        self._on = _WhoLine(theme, _HEAD_HEIGHT)
        self._empty = EmptyState(theme)
        self._empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._middle = QStackedWidget()
        self._middle.addWidget(self.view)
        self._middle.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._on)
        column.addWidget(self._middle, 1)
        column.addWidget(self._make_foot())
        self._ring = FocusRing(theme, self)
        for part in (self.view, self._empty):
            self._ring.watch(part)
        self.set_rows([])

    def _make_foot(self) -> QWidget:
        theme, foot = self._theme, QWidget()
        foot.setFixedHeight(theme.px(_FOOT_HEIGHT))
        row = QHBoxLayout(foot)
        row.setContentsMargins(theme.px(12), 0, theme.px(12), 0)
        row.setSpacing(theme.px(6))
        for key, verb in zip(_ANSWER_KEYS, (self.tr("There"), self.tr("No answer"), self.tr("Break")), strict=True):
            button = KeyButton(theme, verb, key)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, key=key: self._on_key(key))
            row.addWidget(button)
        row.addStretch(1)
        return foot

    def set_on(self, lead: str, names: str) -> None:
        """Who is on."""
        self._on.set_words(lead, names)

    def set_rows(self, rows: Sequence[RollRow]) -> None:
        """Show these units; the current one stays the current one."""
        self.view.keep_current_among(rows)
        self._model.set_rows(rows)
        had_keyboard = self.view.hasFocus() or self._empty.hasFocus()
        shown = self.view if rows else self._empty
        self.setFocusProxy(shown)
        self._middle.setCurrentWidget(shown)
        if had_keyboard:
            shown.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_empty(self, title: str, why: str) -> None:
        """What to say while there is no unit to be called."""
        self._empty.set_words(title, why)

    def row(self, unit: str) -> RollRow | None:
        """A unit as it is shown."""
        at = self._model.number_of(unit)
        found = self._model.row(at) if at >= 0 else None
        return found if isinstance(found, RollRow) else None

    def shown_ids(self) -> list[str]:
        """The ids of all units, from the top."""
        return self._model.ids()

    def current_id(self) -> str:
        """The id of the current unit, "" for none."""
        return self.view.current_id()

    def go_to(self, unit: str) -> None:
        """Make a unit the current one, in sight."""
        self.view.set_current_id(unit)
        self.view.scrollTo(self.view.currentIndex())

    def _on_key(self, key: str) -> None:
        if unit := self.current_id():
            self.answered.emit(unit, key)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.color("surface.panel"))


def _words(row: RollRow) -> str:
    return ", ".join(part for part in (row.code, row.state, row.answer, row.at) if part)
