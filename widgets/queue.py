"""The queue of reports: tabs, filter chips, a list of up to a million rows that never moves by itself, a footer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from widgets.chips import Chip, ChipsRow
from widgets.keys import cap_size, paint_cap
from widgets.states import EmptyState
from widgets.symbols import Symbols, paint_bars, paint_mark, paint_tag
from widgets.tabs import TabLabel, TabStrip
from widgets.text import Texts, one_line
from widgets.theme import Theme, by_keyboard, paint_focus
from widgets.uniform import Index, UniformView

__all__ = ["Chip", "QueueModel", "QueuePanel", "QueueRow", "QueueView", "Tab"]

Keys = NDArray[np.int64]

_AGE_TOKENS = ("text.primary", "priority.p2", "priority.p1")
_DUE_TOKENS = ("text.tertiary", "priority.p2", "priority.p1")
_MORE = "\0more"
_TAB_PADDING = 7
_NEAR = 4096
_BEYOND = 8
_KEPT_ROWS = 600


@dataclass(frozen=True)
class QueueRow:
    """What one row shows; every text is plain. Levels: 0 in time, 1 late (amber), 2 red."""

    key: int
    priority: int
    status: int
    """An index of the symbols file."""
    letter: str
    letter_token: str
    """The name of the letter's colour in the tokens."""
    status_text: str
    glyph: str
    title: str
    text: str
    place: str
    duplicates: int
    photos: int
    holder: str
    mine: bool
    age: str
    age_level: int
    due: str
    due_level: int
    hold: str
    """What the report waits for, "" when it is not on hold."""
    pending: bool
    """An edit of one's own waits to be sent."""


@dataclass(frozen=True)
class Tab:
    """One tab; a count of None is not shown."""

    key: str
    label: str
    count: int | None


class QueueModel(QAbstractListModel):
    """An order of keys, and the texts of those rows that were asked for."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.keys: Keys = np.empty(0, np.int64)
        self._rows: dict[int, QueueRow] = {}

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self.keys)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self.keys):
            return None
        key = int(self.keys[index.row()])
        if role == Qt.ItemDataRole.UserRole:
            return key
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            row = self._rows.get(key)
            return _spoken(row) if row is not None else ""
        return None

    def row(self, number: int) -> QueueRow | None:
        """The texts of a row, None when they are not there yet."""
        return self._rows.get(int(self.keys[number]))

    def set_keys(self, keys: Keys) -> None:
        """Replace the order."""
        self.beginResetModel()
        self.keys = keys
        self.endResetModel()

    def put(self, rows: Iterable[QueueRow], wanted: frozenset[int]) -> set[int]:
        """Keep these texts; the keys whose texts changed. Old ones outside `wanted` are let go."""
        changed = set()
        for row in rows:
            if self._rows.get(row.key) != row:
                self._rows[row.key] = row
                changed.add(row.key)
        if len(self._rows) > _KEPT_ROWS:
            self._rows = {key: row for key, row in self._rows.items() if key in wanted or key in changed}
        return changed

    def position(self, key: int, near: int = 0) -> int:
        """Where a key stands, -1 when it is not there; found fastest close to `near`."""
        first = max(0, near - _NEAR)
        hits = np.flatnonzero(self.keys[first : near + _NEAR] == key)
        if len(hits):
            return first + int(hits[0])
        hits = np.flatnonzero(self.keys == key)
        return int(hits[0]) if len(hits) else -1


class QueueView(UniformView):
    """The list itself. The current row is the one blue row; marked rows are grey with an edge."""

    current_key_changed = Signal(int)
    opened = Signal(int)
    sight_changed = Signal()

    def __init__(self, theme: Theme, symbols: Symbols, parent: QWidget | None = None) -> None:
        super().__init__(theme.px(theme.tokens["row_px"]["queue"]), parent)
        self._theme, self._symbols, self._texts = theme, symbols, Texts(theme)
        self.rows = QueueModel(self)
        self.marked: set[int] = set()
        self._current = 0
        self._resume = -1
        self._newest = 0
        self._hover = -1
        self._ring = False
        self._quiet = False
        self._loud_color = {level: theme.color(token) for level, token in enumerate(_AGE_TOKENS)}
        self._due_color = {level: theme.color(token) for level, token in enumerate(_DUE_TOKENS)}
        self.setModel(self.rows)

    # The order

    def set_order(self, keys: Keys) -> None:
        """Show another order. What is in sight stays where it is; rows that come in above are counted, not shown."""
        if keys is self.rows.keys:
            return
        bar = self.verticalScrollBar()
        was = bar.value()
        sight = [int(key) for key in self.rows.keys[self.rows_in_sight().start : self.rows_in_sight().stop]]
        first = was // self.row_height
        old_place = self.currentIndex().row()
        self._quiet = True
        self.rows.set_keys(keys)
        self.updateGeometries()
        places = self._places(sight, first)
        shift = self._shift(sight, first, places)
        bar.setValue(was + shift * self.row_height if shift is not None else 0)
        self._restore_current(old_place, sight, places, first)
        self._quiet = False
        if shift is None or bar.value() == 0:
            self.note_newest()
        self._hover = -1
        self.viewport().update()
        self.sight_changed.emit()

    def _places(self, sight: list[int], first: int) -> dict[int, int]:
        """Where the rows that were in sight stand now; most are found close to where they were."""
        start = max(0, first - _NEAR)
        window = self.rows.keys[start : first + _NEAR]
        found = np.flatnonzero(np.isin(window, np.array(sight, np.int64)))
        places = {int(window[at]): start + int(at) for at in found}
        return places or {key: at for key in sight[:3] if (at := self.rows.position(key)) >= 0}

    def _shift(self, sight: list[int], first: int, places: dict[int, int]) -> int | None:
        """By how many rows the sight moves on: the current row if it stayed among its neighbours, else the top row.

        A top row that went elsewhere by itself does not take the list along.
        """
        shifts = {key: places[key] - (first + number) for number, key in enumerate(sight) if key in places}
        if not shifts:
            return None
        middle = sorted(shifts.values())[len(shifts) // 2]
        near = len(sight) // 2
        own = shifts.get(self._current)
        if own is not None and abs(own - middle) <= near:
            return own
        return next((shift for shift in shifts.values() if abs(shift - middle) <= near), middle)

    def _restore_current(self, old_place: int, sight: list[int], places: dict[int, int], first: int) -> None:
        place = self.rows.position(self._current, max(0, old_place)) if self._current else -1
        if old_place >= 0 and self._current in sight:
            # When the current row goes elsewhere by an edit, going on from where it stood is what is expected.
            after = sight[sight.index(self._current) + 1 :]
            before = reversed(sight[: sight.index(self._current)])
            goal = next((places[key] for key in after if key in places), -1)
            if goal < 0:
                goal = next((places[key] + 1 for key in before if key in places), -1)
            if goal >= 0 and (place < 0 or abs(place - goal) > len(sight) // 2):
                self._resume = goal
        elif place < 0 and old_place >= 0:
            self._resume = min(old_place, len(self.rows.keys))
        if place >= 0:
            self.setCurrentIndex(self.rows.index(place))

    def start_over(self) -> None:
        """Forget where the list stood: show the current row if it is there, else the top."""
        self._quiet = True
        place = self.rows.position(self._current) if self._current else -1
        if place >= 0:
            self.setCurrentIndex(self.rows.index(place))
            self.scrollTo(self.rows.index(place))
        else:
            self.verticalScrollBar().setValue(0)
        self._quiet = False
        self._resume = -1
        self.marked.clear()
        self.note_newest()
        self.sight_changed.emit()

    def note_newest(self) -> None:
        """From here on rows with a higher key are the new ones (keys grow with every report)."""
        self._newest = int(self.rows.keys.max()) if len(self.rows.keys) else 0

    def new_above(self) -> int:
        """How many new rows stand above the sight."""
        above = self.verticalScrollBar().value() // self.row_height
        return int(np.count_nonzero(self.rows.keys[:above] > self._newest))

    # The current row

    def current_key(self) -> int:
        """The key of the current row, also when it is not in the list now; 0 for none."""
        return self._current

    def set_current(self, key: int) -> None:
        """Make a row the current one, in sight, without announcing it."""
        self._current = key
        self._resume = -1
        place = self.rows.position(key, max(0, self.currentIndex().row())) if key else -1
        self._quiet = True
        index = self.rows.index(place) if place >= 0 else QModelIndex()
        self.setCurrentIndex(index)
        if place >= 0:
            self.scrollTo(index)
        self._quiet = False
        self.viewport().update()

    def move_by(self, step: int) -> None:
        """Go some rows down or, with a negative step, up."""
        count = self.count()
        if not count:
            return
        now = self.currentIndex().row()
        if self._resume >= 0:
            goal = self._resume + step - (1 if step > 0 else 0)
        elif now < 0:
            goal = self.rows_in_sight().start
        else:
            goal = now + step
        self.setCurrentIndex(self.rows.index(min(count - 1, max(0, goal))))

    def toggle_mark(self) -> None:
        """Mark the current row for an action on several, or unmark it."""
        if self._current:
            self.marked ^= {self._current}
            self.viewport().update()

    @override
    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        if self._quiet:
            return
        self._resume = -1
        self._current = int(self.rows.keys[current.row()]) if current.isValid() else 0
        self.viewport().update()
        if self._current:
            self.current_key_changed.emit(self._current)

    # Keys and mouse

    @override
    def event(self, event: QEvent) -> bool:
        # Keys that walk the list stay the list's own, whatever shortcuts the window has.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
            and event.key() in _WALKING
        ):
            event.accept()
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier):
            super().keyPressEvent(event)
        elif key in _STEPS:
            if shift and self._current:
                self.marked.add(self._current)
            self.move_by(_STEPS[key])
            if shift and self._current:
                self.marked.add(self._current)
        elif key == Qt.Key.Key_Space:
            self.toggle_mark()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not shift:
            if self._current:
                self.opened.emit(self._current)
        elif key == Qt.Key.Key_Escape and self.marked:
            self.marked.clear()
            self.viewport().update()
        elif event.text() and event.text().isprintable():
            event.ignore()
        else:
            super().keyPressEvent(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if index.isValid():
                self.marked ^= {int(self.rows.keys[index.row()])}
                self.viewport().update()
            return
        super().mousePressEvent(event)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.indexAt(event.position().toPoint()).isValid() and self._current:
            self.opened.emit(self._current)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hover(self.indexAt(event.position().toPoint()).row())

    @override
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._set_hover(-1)

    def _set_hover(self, number: int) -> None:
        if number != self._hover:
            for one in (self._hover, number):
                if one >= 0:
                    self.viewport().update(self.row_box(one))
            self._hover = number

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        # Not QAbstractItemView's: it would make the first row the current one, and so choose another report.
        QAbstractScrollArea.focusInEvent(self, event)
        self._ring = by_keyboard(event.reason())
        self.viewport().update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._ring = False
        self.viewport().update()

    # Sight

    @override
    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().scroll(0, dy)
        if self._ring:
            self.viewport().update()
        if self.verticalScrollBar().value() == 0 and not self._quiet:
            self.note_newest()
        self.sight_changed.emit()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.sight_changed.emit()

    def update_keys(self, keys: set[int]) -> None:
        """Draw these rows anew, if they are in sight."""
        for number in self.rows_in_sight():
            if int(self.rows.keys[number]) in keys:
                self.viewport().update(self.row_box(number))

    # Drawing

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        # The current row's blue edge says where the keyboard is; the ring stands in for it while there is no such row.
        if self._ring and not self.currentIndex().isValid():
            painter = QPainter(self.viewport())
            paint_focus(painter, self._theme, self.viewport())

    @override
    def paint_row(self, painter: QPainter, box: QRect, number: int) -> None:
        theme = self._theme
        key = int(self.rows.keys[number])
        current, marked = key == self._current, key in self.marked
        ground = "panel"
        if current:
            ground = "selected"
        elif marked:
            ground = "selected-inactive"
        elif number == self._hover:
            ground = "hover"
        if ground != "panel":
            painter.fillRect(box, theme.color(f"surface.{ground}"))
        painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), theme.color("border.subtle"))
        if current or marked:
            edge = theme.color("accent.base" if current else "text.tertiary")
            painter.fillRect(QRect(box.left(), box.top(), theme.px(3), box.height()), edge)
        row = self.rows.row(number)
        if row is None:
            self._paint_placeholder(painter, box, number)
            return
        side = theme.px(16)
        left = box.left() + theme.px(12)
        top = box.top() + max(0, (box.height() - theme.px(38)) // 2) if box.height() >= theme.px(44) else box.top() + 3
        symbol_top = top + theme.px(3)
        self._symbols.report(painter, QRect(left, symbol_top, side, side), row.priority, row.status, ground)
        left += side + theme.px(8)
        secondary = theme.color("text.secondary")
        self._symbols.category(painter, QRect(left, symbol_top, side, side), row.glyph, secondary)
        left += side + theme.px(10)
        right = self.width() - theme.px(12)  # the scroll bar, when there is one, stands in the margin
        end = right - theme.px(82)
        self._paint_first_line(painter, row, QRect(left, top, end - left, theme.px(20)), current)
        self._paint_time(painter, row, right, top, current, two=box.height() >= theme.px(44))
        if box.height() >= theme.px(44):
            self._paint_second_line(painter, row, QRect(left, top + theme.px(20), end - left, theme.px(16)), current)

    def _paint_first_line(self, painter: QPainter, row: QueueRow, box: QRect, current: bool) -> None:
        theme, texts = self._theme, self._texts
        primary = theme.color("text.primary")
        taken = texts.draw(painter, box.left(), box.top(), row.title, "body", primary, weight=600, room=box.width())
        gap = theme.px(7)
        room = box.width() - taken - gap
        if room > theme.px(16):
            color = primary if current else theme.color("text.secondary")
            texts.draw(painter, box.left() + taken + gap, box.top(), row.text, "body", color, room=room)

    def _paint_second_line(self, painter: QPainter, row: QueueRow, box: QRect, current: bool) -> None:
        theme, texts = self._theme, self._texts
        secondary = theme.color("text.secondary")
        quiet = secondary if current else theme.color("text.tertiary")
        gap, top, left, end = theme.px(6), box.top(), float(box.left()), float(box.right() + 1)
        left += paint_tag(painter, theme, box.left(), top, row.letter, theme.color(row.letter_token)) + gap
        if row.hold:
            left += paint_bars(painter, theme, round(left), top + theme.px(8), secondary) + gap
        if row.holder:
            color = theme.color("accent.base") if row.mine else secondary
            weight = 600 if row.mine else 400
            room = box.width() * 0.4
            end -= (
                texts.draw(painter, end, top, row.holder, "caption", color, weight=weight, room=room, right=True) + gap
            )
        room = max(0.0, min(end - left, box.width() * 0.5))
        left += texts.draw(painter, left, top, row.status_text, "caption", secondary, room=room) + gap
        if row.hold:
            room = max(0.0, min(end - left, box.width() * 0.35))
            left += texts.draw(painter, left, top, row.hold, "caption", quiet, room=room) + gap
        copies = f"×{row.duplicates}" if row.duplicates else ""
        photos = str(row.photos) if row.photos else ""
        tail = texts.width(copies, "caption") + gap if copies else 0.0
        sign = theme.px(12)
        tail += sign + theme.px(3) + texts.width(photos, "caption") + gap if photos else 0.0
        if end - left - tail > theme.px(20):
            left += texts.draw(painter, left, top, row.place, "caption", quiet, room=end - left - tail) + gap
        if copies and left + texts.width(copies, "caption") <= end:
            left += texts.draw(painter, left, top, copies, "caption", secondary) + gap
        if photos and left + sign + theme.px(3) + texts.width(photos, "caption") <= end:
            self._symbols.photo(painter, QRect(round(left), top + theme.px(2), sign, sign), quiet)
            texts.draw(painter, left + sign + theme.px(3), top, photos, "caption", quiet)

    def _paint_time(self, painter: QPainter, row: QueueRow, right: int, top: int, current: bool, *, two: bool) -> None:
        theme, texts = self._theme, self._texts
        color = self._loud_color.get(row.age_level, self._loud_color[2])
        taken = texts.draw(painter, right, top, row.age, "body", color, weight=500, right=True)
        if row.pending:
            side = theme.px(8)
            left = right - taken - theme.px(6) - side
            paint_mark(painter, theme, left, top + theme.px(6), "hollow", theme.color("text.secondary"))
        if two:
            color = self._due_color.get(row.due_level, self._due_color[2])
            if current and row.due_level == 0:
                color = theme.color("text.secondary")
            texts.draw(painter, right, top + theme.px(20), row.due, "caption", color, right=True, room=theme.px(82))

    def _paint_placeholder(self, painter: QPainter, box: QRect, number: int) -> None:
        theme = self._theme
        color: QColor = theme.color("border.subtle")
        left, top, right = box.left() + theme.px(12), box.top() + theme.px(7), self.width() - theme.px(12)
        painter.fillRect(QRect(left + theme.px(2), top + theme.px(2), theme.px(12), theme.px(12)), color)
        left += theme.px(50)
        room = max(0, right - theme.px(92) - left)
        painter.fillRect(QRect(left, top + theme.px(2), room * (7 + number % 3) // 10, theme.px(10)), color)
        painter.fillRect(QRect(right - theme.px(40), top + theme.px(2), theme.px(40), theme.px(10)), color)
        if box.height() >= theme.px(44):
            painter.fillRect(QRect(left, top + theme.px(21), room * (4 + number % 2) // 10, theme.px(8)), color)


_STEPS: dict[int, int] = {Qt.Key.Key_J: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_K: -1, Qt.Key.Key_Up: -1}
_WALKING = frozenset(
    {
        *_STEPS,
        Qt.Key.Key_Space,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
    }
)


def _spoken(row: QueueRow) -> str:
    parts = (row.title, row.text, row.status_text, row.hold, row.place, row.holder, row.age, row.due)
    return one_line(", ".join(part for part in parts if part))


class _Footer(QAbstractButton):
    """What the list holds, and what came in above it; a click goes there."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self.left, self.above = "", 0
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(26))

    def set_words(self, left: str, above: int) -> None:
        if (left, above) != (self.left, self.above):
            self.left, self.above = left, above
            self.setAccessibleName(f"{left} {self.above_text()}".strip())
            self.update()

    def above_text(self) -> str:
        return self.tr("{n} new above").format(n=f"{self.above:,}") if self.above else ""

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(300), self._theme.px(26))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, 0, self.width(), 1), theme.color("border.divider"))
        top = (self.height() + 1 - theme.line("caption")) // 2
        right = self.width() - theme.px(12)
        if self.above:
            home = self.tr("Home")
            right -= cap_size(theme, home).width()
            paint_cap(painter, theme, right, (self.height() + 1) // 2, home)
            right -= theme.px(4)
            color = theme.color("accent.base")
            right -= round(texts.draw(painter, right, top, self.above_text(), "caption", color, weight=500, right=True))
        room = max(0, right - theme.px(24))
        texts.draw(painter, theme.px(12), top, self.left, "caption", theme.color("text.tertiary"), room=room)


class QueuePanel(QWidget):
    """Tabs, chips, list and footer. Values in, intents out."""

    rows_wanted = Signal(list)
    """The keys in sight and a few beyond; sent once per turn of the event loop, and only when they changed."""
    current_changed = Signal(int)
    """The operator went to another row."""
    opened = Signal(int)
    tab_chosen = Signal(str)
    chip_removed = Signal(str)
    filter_asked = Signal()
    order_chosen = Signal(str)

    def __init__(self, theme: Theme, symbols: Symbols, *, panel_key: str, filter_key: str) -> None:
        super().__init__()
        self._theme, self._texts = theme, Texts(theme)
        self._panel_key = panel_key
        self._tabs: tuple[Tab, ...] = ()
        self._tab = ""
        self._wanted: frozenset[int] = frozenset()
        self._left, self._above = "", -1
        self._filled = False
        self._strip = TabStrip(theme, padding=_TAB_PADDING)
        self._strip.chosen.connect(self._on_tab)
        self._chips = ChipsRow(theme, filter_key=filter_key)
        self._chips.chip_removed.connect(self.chip_removed)
        self._chips.filter_asked.connect(self.filter_asked)
        self._chips.order_chosen.connect(self.order_chosen)
        self._view = QueueView(theme, symbols)
        self._view.setAccessibleName(self.tr("Queue"))
        self._view.current_key_changed.connect(self.current_changed)
        self._view.opened.connect(self.opened)
        self._view.sight_changed.connect(self._on_sight)
        self._empty = EmptyState(theme)
        self._middle = QStackedWidget()
        self._middle.addWidget(self._view)
        self._middle.addWidget(self._empty)
        self._footer = _Footer(theme, self._texts)
        self._footer.clicked.connect(self.go_home)
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._ask_for_rows)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self._strip, self._chips, self._middle, self._footer):
            column.addWidget(widget)
        self.setFocusProxy(self._view)

    @property
    def view(self) -> QueueView:
        """The list."""
        return self._view

    def set_order(self, keys: Keys, total_open: int) -> None:
        """Show these reports in this order. The array must not change afterwards."""
        first = not self._filled
        self._filled = True
        self._view.set_order(np.ascontiguousarray(keys, np.int64) if keys.dtype != np.int64 else keys)
        if first:
            self._view.start_over()
        self._middle.setCurrentIndex(0 if len(keys) else 1)
        self._show_footer()

    def set_rows(self, rows: Sequence[QueueRow]) -> None:
        """Give texts of rows; those that changed are drawn anew."""
        changed = self._view.rows.put(rows, self._wanted)
        if changed:
            self._view.update_keys(changed)

    def set_tabs(self, tabs: Sequence[Tab], current: str) -> None:
        """Show these tabs. Another current tab is another list: it starts at its top."""
        other = bool(self._tab) and current != self._tab
        changed = (tuple(tabs), current) != (self._tabs, self._tab)
        self._tabs, self._tab = tuple(tabs), current
        if changed:
            self._fit_tabs()
        if other:
            self._view.start_over()

    def row_count(self) -> int:
        """How many rows the list has."""
        return self._view.rows.rowCount()

    def tab_counts(self) -> dict[str, int | None]:
        """The number beside each tab."""
        return {tab.key: tab.count for tab in self._tabs}

    def set_chips(self, chips: Sequence[Chip]) -> None:
        """Show the conditions of the filter."""
        self._chips.set_chips(chips)

    def set_orders(self, orders: Sequence[tuple[str, str]], current: str) -> None:
        """Offer these orders (key, words)."""
        self._chips.set_orders(orders, current)

    def set_current(self, key: int) -> None:
        """Make a row the current one and bring it into sight; 0 for none. Nothing is announced."""
        self._view.set_current(key)

    def current_key(self) -> int:
        """The current row's key, also when the list does not hold it now; 0 for none."""
        return self._view.current_key()

    def selected_keys(self) -> list[int]:
        """The marked rows in the order they were shown in, or the current one."""
        marked = self._view.marked
        if not marked:
            return [self._view.current_key()] if self._view.current_key() else []
        keys = self._view.rows.keys
        return [int(key) for key in keys[np.isin(keys, np.fromiter(marked, np.int64))]]

    @override
    def move(self, *where: Any) -> None:
        """Go some rows down or, with a negative step, up; a position or two numbers move the widget itself."""
        if len(where) == 1 and isinstance(where[0], int):
            self._view.move_by(where[0])
        else:
            super().move(*where)

    def go_home(self) -> None:
        """Go to the top of the list."""
        self._view.verticalScrollBar().setValue(0)
        self._view.note_newest()
        self._show_footer()

    def set_footer(self, left: str, new_above: int = -1) -> None:
        """Say what the list holds. The number of new rows above is counted here unless it is given."""
        self._left, self._above = left, new_above
        self._show_footer()

    def footer_text(self) -> str:
        """What the footer says, for tests."""
        return f"{self._footer.left} {self._footer.above_text()}".strip()

    def set_empty(self, title: str, why: str, keys: Sequence[tuple[str, str]] = ()) -> None:
        """What to say when the list is empty."""
        self._empty.set_words(title, why, keys)

    def set_density(self, row: str) -> None:
        """The rows' height by its name in the tokens: `queue`, `queue-compact` (first lines only), `queue-field`."""
        self._view.set_row_height(self._theme.px(self._theme.tokens["row_px"][row]))

    def _on_tab(self, key: str) -> None:
        if key != _MORE:
            self.tab_chosen.emit(key)
            return
        menu = QMenu(self)
        shown = self._strip.keys()
        for tab in self._tabs:
            if tab.key not in shown:
                action = menu.addAction(f"{tab.label} {_count(tab)}".strip().replace("&", "&&"))
                action.triggered.connect(lambda _=False, key=tab.key: self.tab_chosen.emit(key))
        self._strip.set_current(self._tab)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._strip.mapToGlobal(QPoint(self._strip.width() // 2, self._strip.height())))

    def _fit_tabs(self) -> None:
        labels = [TabLabel(tab.key, tab.label, _count(tab)) for tab in self._tabs]
        room = self.width() - cap_size(self._theme, self._panel_key).width() - self._theme.px(14)
        if self.width() and sum(map(self._tab_width, labels)) > room:
            more = TabLabel(_MORE, self.tr("More ▾"))
            room -= self._tab_width(more)
            kept: list[TabLabel] = []
            current = next((label for label in labels if label.key == self._tab), None)
            if current is not None:
                room -= self._tab_width(current)
            for label in labels:
                if label is current:
                    kept.append(label)
                    continue
                room -= self._tab_width(label)
                if room < 0:
                    break
                kept.append(label)
            if current is not None and current not in kept:
                kept.append(current)
            labels = [*kept, more]
        self._strip.set_tabs(labels, self._tab)
        self._strip.set_note("", keys=(self._panel_key,))

    def _tab_width(self, label: TabLabel) -> int:
        width = round(self._texts.width(label.text, "dense", 600)) + 2 * self._theme.px(_TAB_PADDING)
        if label.count:
            width += self._theme.px(6) + round(self._texts.width(label.count, "dense", 600))
        return width

    def _on_sight(self) -> None:
        self._soon.start()

    def _ask_for_rows(self) -> None:
        sight = self._view.rows_in_sight(beyond=_BEYOND)
        wanted = [int(key) for key in self._view.rows.keys[sight.start : sight.stop]]
        self._show_footer()
        if frozenset(wanted) != self._wanted:
            self._wanted = frozenset(wanted)
            self.rows_wanted.emit(wanted)

    def _show_footer(self) -> None:
        self._footer.set_words(self._left, self._above if self._above >= 0 else self._view.new_above())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_tabs()


def _count(tab: Tab) -> str:
    return "" if tab.count is None else f"{tab.count:,}"
