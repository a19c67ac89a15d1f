"""The control room's log: when, who, about what, and what was done, the newest first, as far back as one scrolls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.chips import Chip, ChipsRow
from widgets.focus import FocusRing
from widgets.forms.form import LineField, make_label
from widgets.keys import cap_size, paint_cap
from widgets.rows import AT_LEFT, ColumnHead, LazyRowsModel, RowDelegate, RowsView
from widgets.states import EmptyState
from widgets.symbols import paint_mark
from widgets.text import one_line
from widgets.theme import Theme

ROW_HEIGHT = 26
LONGEST_LINE = 2_000
_FIND_WIDE, _ROOMY = 230, 250
_HINT, _LONGEST_SEARCH = 60, 100
_FIXED = {"time": 112, "who": 116, "about": 172}
_SCREENS_LEFT = 2
"""Older lines are asked for when no more than so many screens of them are left below what is in sight."""


@dataclass(frozen=True)
class LogRow:
    """One line. `level` says who did it: own, system or "" (somebody else). What waits to be sent has a `mark` (hollow
    or half), and `state` says how far it has come.
    """

    id: str
    time: str
    who: str
    about: str
    what: str
    level: str = ""
    mark: str = ""
    state: str = ""


_INK = {"own": "accent.base", "system": "text.tertiary", "": "text.primary"}


def place_log_columns(theme: Theme, width: int) -> dict[str, QRect]:
    """Where each column stands in a row `width` wide; what was done has what the others leave."""
    places, left = {}, 0
    for key, size in _FIXED.items():
        places[key] = QRect(left, 0, theme.px(size), 1)
        left += theme.px(size)
    places["what"] = QRect(left, 0, max(0, width - left), 1)
    return places


class _LogDelegate(RowDelegate):
    @override
    def paint_row(self, painter: QPainter, box: QRect, row: LogRow) -> None:
        theme = self._theme
        places = {
            key: place.translated(box.left(), box.top()).adjusted(0, 0, 0, box.height() - 2)
            for key, place in place_log_columns(theme, box.width()).items()
        }
        if row.state:
            font = theme.font("dense")
            wide = QFontMetrics(font).horizontalAdvance(row.state) + theme.px(32)
            state = QRect(box.right() - wide, box.top(), wide, box.height() - 1)
            places["what"].setRight(state.left())
            top = box.center().y() + 1 - theme.px(4)
            paint_mark(painter, theme, state.left() + theme.px(4), top, row.mark, theme.color("text.secondary"))
            self.paint_text(painter, state.adjusted(theme.px(12), 0, 0, 0), row.state, "text.secondary")
        quiet = row.level == "system"
        self.paint_text(painter, places["time"], row.time, "text.tertiary")
        self.paint_text(painter, places["who"], row.who, _INK[row.level], 600 if row.level == "own" else 400)
        self.paint_text(painter, places["about"], row.about, "text.secondary" if quiet else "text.primary", 500)
        self.paint_text(painter, places["what"], row.what, "text.secondary" if quiet else "text.primary")


class _OwnLine(LineField):
    """Where one writes a line; Esc leaves it with what stands there."""

    left = Signal()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class _FindField(LineField):
    """Where one searches; Down goes to the lines, Esc clears it and leaves."""

    left = Signal()
    focus_lost = Signal()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focus_lost.emit()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Down):
            self.left.emit()
        else:
            super().keyPressEvent(event)


class _LogFoot(QWidget):
    """The line of one's own: the key that leads there, the field, and where what stands in it will go."""

    def __init__(self, theme: Theme, key: str) -> None:
        super().__init__()
        self._theme, self._key, self._title = theme, key, self.tr("Line of yours")
        self.field = _OwnLine()
        self.field.setMaxLength(LONGEST_LINE)
        self.field.setFont(theme.font("dense"))
        self.field.setAccessibleName(self._title)
        self.field.setPlaceholderText(self.tr("Note for the log, with a number it goes to the report"))
        self.hint = make_label(theme, "", "caption", "text.secondary")
        self.hint.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(self._lead(), theme.px(4), theme.px(8), theme.px(4))
        row.setSpacing(theme.px(8))
        row.addWidget(self.field, 1)
        row.addWidget(self.hint)
        self.setFixedHeight(theme.px(36))

    def _lead(self) -> int:
        """How wide the words and the cap are that stand before the field."""
        theme = self._theme
        words = QFontMetrics(theme.font("caption")).horizontalAdvance(self._title)
        return theme.px(8) + words + theme.px(8) + cap_size(theme, self._key).width() + theme.px(8)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, 0, self.width(), 1), theme.color("border.divider"))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text.tertiary"))
        painter.drawText(QRect(theme.px(8), 0, self.width(), self.height()), AT_LEFT, self._title)
        left = self._lead() - theme.px(8) - cap_size(theme, self._key).width()
        paint_cap(painter, theme, left, self.height() // 2, self._key)


class LogPanel(QWidget):
    """The lines of the log; which, and what they say, is the caller's. At the foot one writes a line of one's own."""

    opened = Signal(str)
    """Enter, or a double click, on a line: its id."""
    menu_asked = Signal(QPoint)
    """The right button on the line that is the current one now."""
    more_asked = Signal()
    """The end of the lines comes into sight."""
    shown = Signal()
    """The panel can be seen, which it could not before."""
    find_typed = Signal(str)
    """The words that are searched by now."""
    find_entered = Signal(str)
    """Enter behind them."""
    chip_removed = Signal(str)
    """The key of a condition that is to go."""
    filter_asked = Signal()
    """Another condition is to be chosen."""
    line_typed = Signal(str)
    """What stands in the line of one's own by now."""
    line_entered = Signal(str)
    """Enter: what stands there is to be written."""
    line_left = Signal()
    """Esc, with what stands there."""

    def __init__(self, theme: Theme, *, line_key: str = "") -> None:
        """`line_key` is the cap of the key that leads to the line of one's own."""
        super().__init__()
        self._theme = theme
        self._model = LazyRowsModel(_words, self)
        self.view = RowsView(self.tr("Log"), self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(_LogDelegate(theme, ROW_HEIGHT, self.view))
        self.view.opened.connect(self.opened)
        self.view.menu_asked.connect(self.menu_asked)
        self.view.viewport().installEventFilter(self)
        self.view.verticalScrollBar().valueChanged.connect(lambda _: self._look_at_end())
        words = {
            "time": self.tr("Time"),
            "who": self.tr("Who"),
            "about": self.tr("About"),
            "what": self.tr("What"),
        }
        self._head = ColumnHead(theme, self.view, words, place_log_columns)
        self._empty = EmptyState(theme)
        self._empty.setFocusPolicy(self.view.focusPolicy())
        self._note = make_label(theme, "", "caption", "priority.p2")
        self._note.setWordWrap(True)
        self._note.setContentsMargins(theme.px(8), theme.px(4), theme.px(8), theme.px(4))
        self._note.hide()
        self._middle = QStackedWidget()
        self._middle.addWidget(self.view)
        self._middle.addWidget(self._empty)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._find = _FindField()
        self._find.setFont(theme.font("dense"))
        self._find.setFixedWidth(theme.px(_FIND_WIDE))
        self._find.setMaxLength(_LONGEST_SEARCH)
        self._find.setPlaceholderText(self.tr("Find words, people, 12:00-14:00"))
        self._find.setAccessibleName(self.tr("Find in the log"))
        self._find.textChanged.connect(self.find_typed)
        self._find.returnPressed.connect(lambda: self.find_entered.emit(self._find.text()))
        self._find.left.connect(self._leave_find)
        self._find.focus_lost.connect(self._arrange)
        self._chips = ChipsRow(theme, filter_key="")
        self._chips.chip_removed.connect(self.chip_removed)
        self._chips.filter_asked.connect(self.filter_asked)
        self._is_narrowed = False
        self._top = QWidget()
        self._top.setAutoFillBackground(True)
        line = QHBoxLayout(self._top)
        line.setContentsMargins(theme.px(8), 0, 0, 0)
        line.setSpacing(0)
        line.addWidget(self._find)
        line.addWidget(self._chips, 1)
        self._column.addWidget(self._top)
        self._column.addWidget(self._head)
        self._column.addWidget(self._note)
        self._column.addWidget(self._middle, 1)
        self._foot = _LogFoot(theme, line_key)
        self._column.addWidget(self._foot)
        self._foot.field.textChanged.connect(self.line_typed)
        self._foot.field.returnPressed.connect(lambda: self.line_entered.emit(self.line()))
        self._foot.field.left.connect(self.line_left)
        self._ring = FocusRing(theme, self)
        for part in (self.view, self._empty):
            self._ring.watch(part)
        self.set_ids([], lambda row_id: LogRow(row_id, "", "", "", ""))

    def set_ids(self, ids: Sequence[str], row_of: Callable[[str], LogRow]) -> None:
        """Show the lines of these ids, the newest first; a line is asked for when it is drawn. What comes in above does
        not move what is looked at, unless that is the newest line.
        """
        bar = self.view.verticalScrollBar()
        first = self.view.indexAt(QPoint(2, 2)) if bar.value() > bar.minimum() else None
        seen = self._model.row(first.row()).id if first is not None and first.isValid() else ""
        before = first.row() if first is not None else 0
        self._model.set_ids(ids, row_of)
        if seen and (now := self._model.number_of(seen)) >= 0 and now != before:
            bar.setValue(bar.value() + (now - before) * self._theme.px(ROW_HEIGHT))
        had_keyboard = self.view.hasFocus() or self._empty.hasFocus()
        shown = self.view if ids else self._empty
        self.setFocusProxy(shown)
        self._middle.setCurrentIndex(0 if ids else 1)
        self._head.setVisible(bool(ids))
        if had_keyboard:
            shown.setFocus(Qt.FocusReason.OtherFocusReason)
        self._look_at_end()

    def refresh(self) -> None:
        """Ask anew for the lines that were drawn."""
        self._model.refresh()

    def set_empty(self, title: str, why: str) -> None:
        """What to say while no line is shown."""
        self._empty.set_words(title, why)

    def set_note(self, text: str) -> None:
        """What is missing among the lines, "" for nothing."""
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def set_chips(self, chips: Sequence[Chip], *, is_narrowed: bool) -> None:
        """The conditions of what is shown. While they are more than the usual ones (`is_narrowed`) they stand there
        however little room there is.
        """
        self._chips.set_chips(chips)
        self._is_narrowed = is_narrowed
        self._arrange()

    def focus_find(self) -> None:
        """Give the keyboard to the field in which one searches."""
        self._top.show()
        self._find.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._find.selectAll()

    def set_find(self, text: str) -> None:
        """Put a text into that field, as if typed."""
        self._find.setText(text)

    def focus_lines(self) -> None:
        """Give the keyboard to the lines."""
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _leave_find(self) -> None:
        self.focus_lines()
        self._arrange()

    def _arrange(self) -> None:
        """In a low panel the lines have the room of the filter while that says nothing unusual."""
        is_used = self._is_narrowed or bool(self._find.text()) or self._find.hasFocus()
        self._top.setVisible(is_used or self.height() >= self._theme.px(_ROOMY))

    def line(self) -> str:
        """What stands in the line of one's own."""
        return self._foot.field.text()

    def set_line(self, text: str) -> None:
        """Put a text there, as if typed."""
        self._foot.field.setText(text)

    def focus_line(self) -> None:
        """Give the keyboard to the line of one's own."""
        self._foot.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_hint(self, text: str) -> None:
        """Where what stands in the line will go, "" to say nothing of it."""
        plain = one_line(text)
        self._foot.hint.setText(plain if len(plain) <= _HINT else f"{plain[:_HINT]}…")
        self._foot.hint.setVisible(bool(text))

    def shown_ids(self) -> list[str]:
        """The ids of all lines, from the top."""
        return self._model.ids()

    def row(self, row_id: str) -> LogRow:
        """A line that is shown."""
        row: LogRow = self._model.row(self._model.number_of(row_id))
        return row

    def current_id(self) -> str:
        """The id of the current line, "" for none."""
        return self.view.current_id()

    def _look_at_end(self) -> None:
        high = self.view.viewport().height()  # the scroll bar learns later of lines that have just come
        below = self._model.rowCount() * self._theme.px(ROW_HEIGHT) - self.view.verticalScrollBar().value() - high
        if self.isVisible() and below <= _SCREENS_LEFT * high:
            self.more_asked.emit()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.shown.emit()
        self._look_at_end()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:  # a scroll bar came or went: the words stay over their columns
            self._head.update()
            self._look_at_end()
        return super().eventFilter(watched, event)


def _words(row: LogRow) -> str:
    return ", ".join(part for part in (row.time, row.who, row.about, row.what, row.state) if part)
