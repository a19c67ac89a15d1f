"""A list view for any number of equal rows: nothing in it costs time per row that is out of sight.

QListView lays out every row when the model changes (measured with PySide6 6.11.3: 85 ms for 100,000 rows, 0.9 s for
a million); rows of one height need no layout at all.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Qt,
)
from PySide6.QtGui import QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QWidget
from typing_extensions import override

Index = QModelIndex | QPersistentModelIndex


class UniformView(QAbstractItemView):
    """One column of equal rows; a subclass draws each in `paint_row`."""

    def __init__(self, row_height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row_height = row_height
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)

    def paint_row(self, painter: QPainter, box: QRect, number: int) -> None:
        """Draw one row into its box of the viewport."""
        raise NotImplementedError

    @property
    def row_height(self) -> int:
        """The height of every row in pixels."""
        return self._row_height

    def set_row_height(self, height: int) -> None:
        """Change the height of every row; the top row stays the top row."""
        top = self.verticalScrollBar().value() // self._row_height
        self._row_height = height
        self.updateGeometries()
        self.verticalScrollBar().setValue(top * height)
        self.viewport().update()

    def count(self) -> int:
        """How many rows there are."""
        # Qt asks while the view is being made, before it has a model, whatever the stubs say. And an exception inside
        # an override leaves PySide 6.11.3 with one reference too few to that override.
        model: QAbstractItemModel | None = self.model()
        return model.rowCount() if model is not None else 0

    def rows_in_sight(self, beyond: int = 0) -> range:
        """The numbers of the rows that can be seen at least in part, and of some beyond on both sides."""
        top = self.verticalScrollBar().value()
        first = max(0, top // self._row_height - beyond)
        last = (top + max(0, self.viewport().height() - 1)) // self._row_height + beyond
        return range(first, min(self.count(), last + 1))

    def row_box(self, number: int) -> QRect:
        """Where a row stands in the viewport."""
        top = number * self._row_height - self.verticalScrollBar().value()
        return QRect(0, top, self.viewport().width(), self._row_height)

    @override
    def visualRect(self, index: Index) -> QRect:
        return self.row_box(index.row()) if index.isValid() else QRect()

    @override
    def indexAt(self, point: QPoint) -> QModelIndex:
        number = (point.y() + self.verticalScrollBar().value()) // self._row_height
        return self.model().index(number, 0) if 0 <= number < self.count() else QModelIndex()

    @override
    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid():
            return
        bar, height = self.verticalScrollBar(), self.viewport().height()
        top = index.row() * self._row_height
        hints = QAbstractItemView.ScrollHint
        if hint == hints.PositionAtTop:
            bar.setValue(top)
        elif hint == hints.PositionAtBottom:
            bar.setValue(top + self._row_height - height)
        elif hint == hints.PositionAtCenter:
            bar.setValue(top - (height - self._row_height) // 2)
        elif top < bar.value():
            bar.setValue(top)
        elif top + self._row_height > bar.value() + height:
            bar.setValue(top + self._row_height - height)

    @override
    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        count = self.count()
        if not count:
            return QModelIndex()
        now = self.currentIndex().row()
        page = max(1, self.viewport().height() // self._row_height - 1)
        actions = QAbstractItemView.CursorAction
        if action == actions.MoveHome:
            goal = 0
        elif action == actions.MoveEnd:
            goal = count - 1
        elif now < 0:
            goal = self.rows_in_sight().start
        else:
            steps = {
                actions.MoveUp: -1,
                actions.MovePrevious: -1,
                actions.MoveDown: 1,
                actions.MoveNext: 1,
                actions.MovePageUp: -page,
                actions.MovePageDown: page,
            }
            goal = now + steps.get(action, 0)
        return self.model().index(min(count - 1, max(0, goal)), 0)

    @override
    def horizontalOffset(self) -> int:
        return 0

    @override
    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    @override
    def isIndexHidden(self, index: Index) -> bool:
        return False

    @override
    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        index = self.indexAt(rect.center())
        if index.isValid():
            self.selectionModel().select(index, command)

    @override
    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        return QRegion(self.viewport().rect())

    @override
    def updateGeometries(self) -> None:
        super().updateGeometries()
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setSingleStep(self._row_height)
        bar.setPageStep(height)
        bar.setRange(0, max(0, self.count() * self._row_height - height))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometries()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        clip = event.rect()
        for number in self.rows_in_sight():
            box = self.row_box(number)
            if box.intersects(clip):
                painter.setClipRect(box)  # tall writing of one row stays out of the others
                self.paint_row(painter, box, number)
