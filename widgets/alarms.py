"""The list of alarms: for how long, what, where, what to do about it, and in which state it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStackedWidget, QStyleOptionViewItem, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.focus import FocusRing
from widgets.rows import ColumnHead, RowDelegate, RowsModel, RowsView
from widgets.states import EmptyState
from widgets.symbols import Symbols
from widgets.theme import Theme

ROW_HEIGHT = 26
_FIXED = {"symbol": 36, "for": 64, "alarm": 146, "state": 160}
_LEAST = 130
"""What where and what to do have at least, before the column of the state gives way."""


@dataclass(frozen=True)
class AlarmRow:
    """One alarm. Levels: "new" stands out, "p1" on red too, "" is known, "over" stands no more or is put away.

    `priority` and `status` choose its symbol, `status` an index of the symbols file.
    """

    id: str
    since: str
    name: str
    where: str
    response: str
    state: str
    level: str = ""
    priority: int = 2
    status: int = 0


_INK = {
    "p1": ("alarm.p1-text", 600),
    "new": ("text.primary", 600),
    "": ("text.primary", 400),
    "over": ("text.tertiary", 400),
}


def place_alarm_columns(theme: Theme, width: int) -> dict[str, QRect]:
    """Where each column stands in a row `width` wide; where and what to do share what the others leave."""
    fixed = {key: theme.px(size) for key, size in _FIXED.items()}
    rest = width - sum(fixed.values())
    if rest < 2 * theme.px(_LEAST):
        less = min(theme.px(60), 2 * theme.px(_LEAST) - rest)
        fixed["state"] -= less
        rest += less
    where = max(0, rest // 2)
    widths = {
        "symbol": fixed["symbol"],
        "for": fixed["for"],
        "alarm": fixed["alarm"],
        "where": where,
        "response": max(0, rest - where),
        "state": fixed["state"],
    }
    places, left = {}, 0
    for key, wide in widths.items():
        places[key] = QRect(left, 0, wide, 1)
        left += wide
    return places


class _AlarmDelegate(RowDelegate):
    def __init__(self, theme: Theme, symbols: Symbols, parent: QObject) -> None:
        super().__init__(theme, ROW_HEIGHT, parent)
        self._symbols = symbols
        self._level = ""

    @override
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        self._level = index.data(Qt.ItemDataRole.UserRole).level
        super().paint(painter, option, index)

    @override
    def ground(self, option: QStyleOptionViewItem, *, current: bool, has_keyboard: bool) -> str:
        if self._level == "p1":
            return "alarm.p1-surface"
        return super().ground(option, current=current, has_keyboard=has_keyboard)

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: AlarmRow) -> None:
        theme, view = self._theme, self.parent()
        if row.level == "p1" and isinstance(view, RowsView) and view.current_id() == row.id:
            # On red the chosen row has an edge: its ground says already that it is a P1.
            painter.fillRect(QRect(box.left(), box.top(), theme.px(4), box.height()), theme.color("alarm.p1-edge"))
        size = theme.px(14)
        symbol = QRect(box.left() + theme.px(14), box.top() + (box.height() - size) // 2, size, size)
        self._symbols.report(painter, symbol, row.priority, row.status)
        token, weight = _INK[row.level]
        for key, place in place_alarm_columns(theme, box.width()).items():
            text = {"for": row.since, "alarm": row.name, "where": row.where}.get(key, "")
            text = {"response": row.response, "state": row.state}.get(key, text)
            place = place.translated(box.left(), box.top()).adjusted(0, 0, 0, box.height() - 2)
            loud = weight if key in ("for", "alarm", "where") else 400
            self.paint_text(painter, place, text, token, loud, right=key == "for")


class AlarmsPanel(QWidget):
    """All alarms that are listed; which, and in what order, is the caller's."""

    opened = Signal(str)
    """Enter, or a double click, on a row: its id."""
    menu_asked = Signal(QPoint)
    """The right button on the row that is the current one now."""

    def __init__(self, theme: Theme, symbols: Symbols) -> None:
        super().__init__()
        self._model = RowsModel(_words, self)
        self.view = RowsView(self.tr("Alarms"), self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(_AlarmDelegate(theme, symbols, self.view))
        self.view.opened.connect(self.opened)
        self.view.menu_asked.connect(self.menu_asked)
        self.view.viewport().installEventFilter(self)
        words = {
            "for": self.tr("For"),
            "alarm": self.tr("Alarm"),
            "where": self.tr("Where"),
            "response": self.tr("What to do"),
            "state": self.tr("State"),
        }
        self._head = ColumnHead(theme, self.view, words, place_alarm_columns, at_right=("for",))
        self._empty = EmptyState(theme)
        self._empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._middle = QStackedWidget()
        self._middle.addWidget(self.view)
        self._middle.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head)
        column.addWidget(self._middle, 1)
        self._ring = FocusRing(theme, self)
        for part in (self.view, self._empty):
            self._ring.watch(part)
        self.set_rows([])

    def set_rows(self, rows: Sequence[AlarmRow]) -> None:
        """Show these alarms; the current one stays the current one, and no other takes its place when it goes."""
        self.view.keep_current_among(rows)
        self._model.set_rows(rows)
        had_keyboard = self.view.hasFocus() or self._empty.hasFocus()
        shown = self.view if rows else self._empty
        self.setFocusProxy(shown)
        self._middle.setCurrentIndex(0 if rows else 1)
        self._head.setVisible(bool(rows))
        if had_keyboard:
            shown.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_empty(self, title: str, why: str) -> None:
        """What to say while no alarm is listed."""
        self._empty.set_words(title, why)

    def shown_ids(self) -> list[str]:
        """The ids of all rows, from the top."""
        return self._model.ids()

    def current_id(self) -> str:
        """The id of the current row, "" for none."""
        return self.view.current_id()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:  # a scroll bar came or went: the words stay over their columns
            self._head.update()
        return super().eventFilter(watched, event)


def _words(row: AlarmRow) -> str:
    return ", ".join(part for part in (row.name, row.where, row.since, row.response, row.state) if part)
