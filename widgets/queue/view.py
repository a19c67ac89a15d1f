"""The list of up to a million reports: it never moves by itself, and keys and mouse walk it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget
from typing_extensions import override

from widgets.focus import FocusRing
from widgets.keys import is_enter
from widgets.menu import row_menu_place
from widgets.queue.model import NEAR, Keys, QueueModel
from widgets.queue.row_painter import RowPainter
from widgets.symbols import Symbols
from widgets.text import tip
from widgets.theme import Theme
from widgets.uniform import Index, UniformView

_STEPS: dict[int, int] = {Qt.Key.Key_J: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_K: -1, Qt.Key.Key_Up: -1}
_WALKING = frozenset(
    {*_STEPS, Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown}
)


COMES_BACK_MS = 1_500
"""How long a row that is to come back may take; what undoes a step is shown at once, in a second view at the latest."""


class QueueView(UniformView):
    """The list itself. The current row is the one blue row; marked rows are grey with an edge."""

    current_key_changed = Signal(int)
    opened = Signal(int)
    left = Signal()
    """Esc, and nothing was marked."""
    sight_changed = Signal()
    menu_asked = Signal(QPoint)
    """The right button, or its key: the row is the current one. Where on the screen."""

    def __init__(self, theme: Theme, symbols: Symbols, parent: QWidget | None = None) -> None:
        super().__init__(theme.px(theme.tokens["row_px"]["queue"]), parent)
        self._theme, self._row_painter = theme, RowPainter(theme, symbols)
        self.rows = QueueModel(self)
        self.marked: set[int] = set()
        self._current = 0
        self._resume = -1
        self._awaited = 0
        self._newest = 0
        self._hover = -1
        self._kept = 0
        self._made_way = (0, 0)
        """Where the list stood before it got lower, and where it went to keep the current row in sight."""
        self._quiet = False
        self.setModel(self.rows)
        self.setAutoScroll(False)  # Qt's would go after the current row wherever it goes by itself
        self._ring = FocusRing(theme, self)

    # The order

    def set_order(self, keys: Keys, *, growing: bool = False) -> None:
        """Show another order. Rows in sight stay where they are; rows that come in above are counted, not shown.

        In a `growing` list the top stays in sight while the list is there and no row of it is the current one.
        """
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
        shift = None if growing and not was and not self._current else self._shift(sight, first, places)
        bar.setValue(was + shift * self.row_height if shift is not None else 0)
        self._restore_current(old_place, sight, places, first)
        stayed = old_place + (shift or 0) if old_place >= 0 else -1
        if self._awaited and self._awaited == self._current and self.currentIndex().row() not in (-1, stayed):
            self._awaited = 0
            self._show(self.currentIndex())
        self._quiet = False
        if shift is None or bar.value() == 0:
            self.note_newest()
        self._hover = -1
        self.viewport().update()
        self.sight_changed.emit()

    def _places(self, sight: list[int], first: int) -> dict[int, int]:
        """Where the rows that were in sight stand now; most are found close to where they were."""
        start = max(0, first - NEAR)
        window = self.rows.keys[start : first + NEAR]
        found = np.flatnonzero(np.isin(window, np.array(sight, np.int64)))
        places = {int(window[at]): start + int(at) for at in found}
        return places or {key: at for key in sight[:3] if (at := self.rows.position(key)) >= 0}

    def _shift(self, sight: list[int], first: int, places: dict[int, int]) -> int | None:
        """By how many rows to scroll: with the current row if it moved together with a neighbour, else with the top
        row.

        A row that went elsewhere by itself does not take the list along. At its head the list stays there, as the most
        urgent reports are shown there and must not be pushed out of sight by what comes in below.
        """
        shifts = {key: places[key] - (first + number) for number, key in enumerate(sight) if key in places}
        if not shifts:
            return None
        if first == 0 and shifts.get(sight[0]) == 0 and places.get(self._current, 0) < len(sight) - 1:
            return 0
        middle = sorted(shifts.values())[len(shifts) // 2]
        near = len(sight) // 2
        own = shifts.get(self._current)
        if own is not None and abs(own - middle) <= near:
            at = sight.index(self._current)
            beside = [shifts.get(key) for key in (*sight[max(0, at - 1) : at], *sight[at + 1 : at + 2])]
            if own in beside:
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

    def show_current(self) -> None:
        """Bring the current row into sight where the list has it, else the top: other rows are shown than before."""
        self._quiet = True
        place = self.rows.position(self._current) if self._current else -1
        self.updateGeometries()
        if place >= 0:
            self.setCurrentIndex(self.rows.index(place))
            self._show(self.rows.index(place))
        else:
            self.verticalScrollBar().setValue(0)
        self._quiet = False
        self.sight_changed.emit()

    def note_newest(self) -> None:
        """From here on rows with a higher key are the new ones (keys grow with every report)."""
        self._newest = int(self.rows.keys.max()) if len(self.rows.keys) else 0

    def new_above(self) -> int:
        """How many new rows stand above the sight."""
        return int(np.count_nonzero(self.rows.keys[: self.above()] > self._newest))

    def above(self) -> int:
        """How many rows stand above the sight; one of which half or less is seen cannot be read."""
        return (self.verticalScrollBar().value() + self.row_height // 2) // self.row_height

    def first_in_sight(self) -> int:
        """The key of the row at the top of the sight, 0 when there is none."""
        first = self.rows_in_sight().start
        return int(self.rows.keys[first]) if first < len(self.rows.keys) else 0

    def show_from(self, key: int) -> None:
        """Scroll until this row stands at the top, if the list has it."""
        if (place := self.rows.position(key)) >= 0:
            self.updateGeometries()
            self.verticalScrollBar().setValue(place * self.row_height)

    def keep_sight(self) -> None:
        """Note what stands at the top, to come back to."""
        self._kept = self.first_in_sight() if self.verticalScrollBar().value() else 0

    def back_to_sight(self) -> None:
        """Show what stood there when it was noted: the head of the list, or a row."""
        if self._kept:
            self.show_from(self._kept)
        else:
            self.verticalScrollBar().setValue(0)
        self.sight_changed.emit()

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
        if key != self._awaited:
            self._awaited = 0
            self._show(index)
        self._quiet = False
        self.viewport().update()

    def expect(self, key: int) -> None:
        """A row is about to come (back) into the list, or to move in it: made the current one, it is shown once it is
        there.

        Until then, or until COMES_BACK_MS have passed and it stays where it is, the list does not scroll to it. A row
        that is not in the list is waited for as long as it is the current one.
        """
        self._awaited = key
        QTimer.singleShot(COMES_BACK_MS, self, lambda: self._end_waiting(key))

    def _end_waiting(self, key: int) -> None:
        if self._awaited == self._current == key and self.currentIndex().isValid():
            self._awaited = 0
            self._show(self.currentIndex())

    def _show(self, index: Index) -> None:
        """Bring a row into sight to which nobody has walked; together with the head of the list if both have room."""
        bottom = (index.row() + 1) * self.row_height
        if index.isValid() and bottom <= self.viewport().height():
            self.verticalScrollBar().setValue(0)
        else:
            self.scrollTo(index)

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
        self.scrollTo(current)
        self._resume, self._awaited = -1, 0
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
        if event.matches(QKeySequence.StandardKey.Copy):
            event.ignore()  # the window copies the report, with its number
        elif event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier):
            super().keyPressEvent(event)
        elif key in _STEPS:
            if shift and self._current:
                self.marked.add(self._current)
            self.move_by(_STEPS[key])
            if shift and self._current:
                self.marked.add(self._current)
        elif key == Qt.Key.Key_Space:
            self.toggle_mark()
        elif is_enter(event) and not shift:
            if self._current and not event.isAutoRepeat():
                self.opened.emit(self._current)
        elif key == Qt.Key.Key_Escape:
            if self.marked:
                self.marked.clear()
                self.viewport().update()
            elif not shift and not event.isAutoRepeat():
                self.left.emit()
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
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if (at := row_menu_place(self, event)) is not None:
            self.menu_asked.emit(at)

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        """Hovering over a row tells all of it: what is cut there can be read."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            words = str(self.rows.data(self.indexAt(event.pos()), Qt.ItemDataRole.DisplayRole) or "")
            QToolTip.showText(event.globalPos(), tip(words), self.viewport())
            return True
        return super().viewportEvent(event)

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

    # Sight

    @override
    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().scroll(0, dy)
        if self.verticalScrollBar().value() == 0 and not self._quiet:
            self.note_newest()
        self.sight_changed.emit()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        """The current row stays in sight where the list gets lower, and the list stands as before once it is not."""
        super().resizeEvent(event)
        bar, was = self.verticalScrollBar(), event.oldSize().height()
        place = self.currentIndex().row()
        high = self.viewport().height()
        if high > was:
            before, after = self._made_way
            if after == bar.value() and after != before:
                bar.setValue(before)
            self._made_way = (0, 0)
        elif place >= 0 and (end := (place + 1) * self.row_height) - bar.value() in range(self.row_height, was + 1):
            before = bar.value()
            bar.setValue(max(before, end - high))
            if bar.value() != before:
                first = self._made_way[0] if self._made_way[1] == before != self._made_way[0] else before
                self._made_way = (first, bar.value())
        self.sight_changed.emit()

    def update_keys(self, keys: set[int]) -> None:
        """Draw these rows anew, if they are in sight."""
        for number in self.rows_in_sight():
            if int(self.rows.keys[number]) in keys:
                self.viewport().update(self.row_box(number))

    # Drawing

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
        right = self.width() - theme.px(20)  # the scroll bar, when there is one, stands in the margin
        if row is None:
            self._row_painter.paint_placeholder(painter, box, number, right)
        else:
            self._row_painter.paint(painter, box, row, right, ground, current=current)
