"""What the short lists share: a model that changes row by row, a list that takes its own keys, a row's ground."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from typing_extensions import override

from widgets.keys import is_bare_enter
from widgets.menu import row_menu_place
from widgets.text import one_line, tip
from widgets.theme import Theme

Index = QModelIndex | QPersistentModelIndex
_ONE_LINE = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
AT_LEFT = _ONE_LINE | Qt.AlignmentFlag.AlignLeft
AT_RIGHT = _ONE_LINE | Qt.AlignmentFlag.AlignRight
"""How a line of text stands in the column of a list."""
HEAD_HEIGHT = 24
_MOST_MADE = 200
"""How many rows are compared with what they were."""


class RowsModel(QAbstractListModel):
    """A short list of rows with ids; `set_rows` moves, adds and removes single rows, so that views keep their place."""

    def __init__(self, words: Callable[[Any], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._rows: list[Any] = []

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._rows)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        return self.words_or_row(self._rows[index.row()], role)

    def words_or_row(self, row: Any, role: int) -> Any:
        """What a row says in a role."""
        if role == Qt.ItemDataRole.UserRole:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return one_line(self._words(row), 1000)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self._words(row))
        return None

    def row(self, number: int) -> Any:
        """The value of one row."""
        return self._rows[number]

    def ids(self) -> list[str]:
        """All ids in order."""
        return [row.id for row in self._rows]

    def number_of(self, row_id: str) -> int:
        """Where a row stands, -1 when it is not there."""
        return next((number for number, row in enumerate(self._rows) if row.id == row_id), -1)

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Show these rows. Ids must be unique."""
        new = {row.id: row for row in rows}
        for number in range(len(self._rows) - 1, -1, -1):
            if self._rows[number].id not in new:
                self.beginRemoveRows(QModelIndex(), number, number)
                del self._rows[number]
                self.endRemoveRows()
        known = {row.id for row in self._rows}
        for number, row in enumerate(rows):
            if row.id not in known:
                at = min(number, len(self._rows))
                self.beginInsertRows(QModelIndex(), at, at)
                self._rows.insert(at, row)
                self.endInsertRows()
        if [row.id for row in self._rows] != [row.id for row in rows]:
            self._reorder(rows)
        for number, row in enumerate(rows):
            if self._rows[number] != row:
                self._rows[number] = row
                self.dataChanged.emit(self.index(number), self.index(number))

    def _reorder(self, rows: Sequence[Any]) -> None:
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        place = {row.id: number for number, row in enumerate(rows)}
        new = [self.index(place[self._rows[index.row()].id]) for index in old]
        by_id = {row.id: row for row in self._rows}
        self._rows = [by_id[row.id] for row in rows]
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()


class LazyRowsModel(RowsModel):
    """A long list of which only the ids are known: a row is made when it is looked at, and kept until `refresh`."""

    def __init__(self, words: Callable[[Any], str], parent: QObject | None = None) -> None:
        super().__init__(words, parent)
        self._ids: list[str] = []
        self._made: dict[str, Any] = {}
        self._row_of: Callable[[str], Any] = lambda row_id: None

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._ids)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._ids):
            return None
        return self.words_or_row(self.row(index.row()), role)

    @override
    def row(self, number: int) -> Any:
        row_id = self._ids[number]
        made = self._made.get(row_id)
        if made is None:
            made = self._made[row_id] = self._row_of(row_id)
        return made

    @override
    def ids(self) -> list[str]:
        return list(self._ids)

    @override
    def number_of(self, row_id: str) -> int:
        try:
            return self._ids.index(row_id)
        except ValueError:
            return -1

    @override
    def set_rows(self, rows: Sequence[Any]) -> None:
        by_id = {row.id: row for row in rows}
        self.set_ids(list(by_id), by_id.__getitem__)

    def set_ids(self, ids: Sequence[str], row_of: Callable[[str], Any]) -> None:
        """Show the rows of these ids, each made by `row_of`. Ids must be unique."""
        new, old = set(ids), set(self._ids)
        if not new >= old:
            for first, last in reversed(_runs([at for at, row_id in enumerate(self._ids) if row_id not in new])):
                self.beginRemoveRows(QModelIndex(), first, last)
                del self._ids[first : last + 1]
                self.endRemoveRows()
            self._made = {row_id: row for row_id, row in self._made.items() if row_id in new}
        self._row_of = row_of
        for first, last in _runs([at for at, row_id in enumerate(ids) if row_id not in old]):
            self.beginInsertRows(QModelIndex(), first, last)
            self._ids[first:first] = ids[first : last + 1]
            self.endInsertRows()
        if self._ids != list(ids):
            self.layoutAboutToBeChanged.emit()
            before = self.persistentIndexList()
            place = {row_id: at for at, row_id in enumerate(ids)}
            after = [self.index(place[self._ids[index.row()]]) for index in before]
            self._ids = list(ids)
            self.changePersistentIndexList(before, after)
            self.layoutChanged.emit()
        self.refresh()

    def refresh(self) -> None:
        """Make the rows that were looked at anew."""
        if len(self._made) > _MOST_MADE:
            self._made.clear()
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1))
            return
        before = self._made
        self._made = {row_id: self._row_of(row_id) for row_id in before}
        for row_id in [row_id for row_id, row in self._made.items() if row != before[row_id]]:
            number = self.number_of(row_id)
            self.dataChanged.emit(self.index(number), self.index(number))


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Rising numbers as stretches without a gap: first and last of each."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


class RowsView(QListView):
    """A list of equal rows. Digits and the keys in `own_keys` belong to it while it has the keyboard."""

    entered = Signal(str)
    """The current row's id changed; "" for none."""
    opened = Signal(str)
    menu_asked = Signal(QPoint)
    """The right button, or its key: the row is the current one. Where on the screen."""
    own_key = Signal(str)
    """A key of `own_keys` was pressed."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.own_keys: frozenset[str] = frozenset()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.activated.connect(self._on_activated)

    def rows_model(self) -> RowsModel:
        """The model, as what it is."""
        model = self.model()
        assert isinstance(model, RowsModel)
        return model

    def current_id(self) -> str:
        """The id of the current row, "" for none."""
        index = self.currentIndex()
        return str(self.rows_model().row(index.row()).id) if index.isValid() else ""

    def set_current_id(self, row_id: str) -> None:
        """Make a row the current one without announcing it."""
        number = self.rows_model().number_of(row_id)
        if number < 0 or row_id == self.current_id():
            return
        self.blockSignals(True)
        self.selectionModel().setCurrentIndex(
            self.rows_model().index(number), QItemSelectionModel.SelectionFlag.ClearAndSelect
        )
        self.blockSignals(False)

    def keep_current_among(self, rows: Sequence[Any]) -> None:
        """Before other rows are shown: if the current one is not among them, none is. Qt would choose its neighbour,
        for which keys would be heard.
        """
        if (current := self.current_id()) and all(row.id != current for row in rows):
            self.clear_current()

    def clear_current(self) -> None:
        """Make no row the current one, without announcing it."""
        self.blockSignals(True)
        self.selectionModel().clear()
        self.blockSignals(False)

    @override
    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        self.entered.emit(self.current_id() if current.isValid() else "")

    @override
    def rowsAboutToBeRemoved(self, parent: Index, start: int, end: int) -> None:
        # Qt would make a neighbour the current row: the next key, meant for the one that goes, would be about another.
        current = self.currentIndex()
        if current.isValid() and start <= current.row() <= end:
            self.setCurrentIndex(QModelIndex())
        super().rowsAboutToBeRemoved(parent, start, end)

    @override
    def focusInEvent(self, event: Any) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model() is not None and self.rows_model().rowCount():
            self.setCurrentIndex(self.rows_model().index(0))

    @override
    def event(self, event: QEvent) -> bool:
        # A key of this list must reach it even when the window has a shortcut on the same key.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and _key_word(event) in self.own_keys
        ):
            event.accept()
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        word = _key_word(event)
        if word in self.own_keys:
            if not event.isAutoRepeat():
                self.own_key.emit(word)
            return
        if is_bare_enter(event):
            if self.currentIndex().isValid() and not event.isAutoRepeat():
                self.opened.emit(self.current_id())
            return
        if event.text() and event.text().isprintable():
            # Plain letters are the window's keys; no search by typing here.
            event.ignore()
            return
        super().keyPressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if (at := row_menu_place(self, event)) is not None:
            self.menu_asked.emit(at)

    def _on_activated(self, index: QModelIndex) -> None:
        self.opened.emit(str(self.rows_model().row(index.row()).id))

    def option(self) -> QStyleOptionViewItem:
        """The style option items are drawn with (for tests)."""
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        return option


def _key_word(event: QKeyEvent) -> str:
    if event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier):
        return ""
    if event.key() == Qt.Key.Key_Delete:
        return "Del"
    return event.text().upper()


class RowDelegate(QStyledItemDelegate):
    """Draws what every row has: its ground and the line under it."""

    def __init__(self, theme: Theme, height: int, parent: QObject) -> None:
        """`height` in pixels at normal size."""
        super().__init__(parent)
        self._theme, self._height = theme, height

    def paint_row(self, painter: QPainter, box: QRect, row: Any) -> None:
        """Draw what stands on the ground."""
        raise NotImplementedError

    def ground(self, option: QStyleOptionViewItem, *, current: bool, has_keyboard: bool) -> str:
        """The token of a row's ground."""
        return "surface.selected-inactive" if current else "surface.panel"

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, self._theme.px(self._height))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, box, view = self._theme, option.rect, option.widget
        current = isinstance(view, QAbstractItemView) and view.currentIndex() == index
        has_keyboard = current and view.hasFocus()
        painter.fillRect(box, theme.color(self.ground(option, current=current, has_keyboard=has_keyboard)))
        painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), theme.color("border.subtle"))
        painter.save()
        painter.setClipRect(box)  # tall writing of one row stays out of the others
        self.paint_row(painter, box, index.data(Qt.ItemDataRole.UserRole))
        painter.restore()

    def paint_text(
        self, painter: QPainter, place: QRect | None, text: str, token: str, weight: int = 400, *, right: bool = False
    ) -> None:
        """Draw a text in its column, cut with … where it has no room; nothing where there is no column or text."""
        if place is None or not text:
            return
        theme = self._theme
        font = theme.font("dense", weight)
        box = place.adjusted(theme.px(8), 0, -theme.px(8), 0)
        words = QFontMetrics(font).elidedText(one_line(text), Qt.TextElideMode.ElideRight, box.width())
        painter.setFont(font)
        painter.setPen(theme.color(token))
        painter.drawText(box, AT_RIGHT if right else AT_LEFT, words)


class ColumnHead(QWidget):
    """The words over the columns of a list: `words` by column, which `place` puts where they stand at a width."""

    def __init__(
        self,
        theme: Theme,
        view: QAbstractItemView,
        words: Mapping[str, str],
        place: Callable[[Theme, int], Mapping[str, QRect]],
        *,
        at_right: Collection[str] = (),
    ) -> None:
        """`at_right` are the columns whose words stand at the right."""
        super().__init__()
        self._theme, self._view, self._words, self._place, self._at_right = theme, view, words, place, at_right
        self.setFixedHeight(theme.px(HEAD_HEIGHT))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), theme.color("border.divider"))
        painter.setFont(theme.font("caption", 500))
        painter.setPen(theme.color("text.tertiary"))
        for key, place in self._place(theme, self._view.viewport().width()).items():
            box = QRect(place.left() + theme.px(8), 0, place.width() - theme.px(16), self.height())
            painter.drawText(box, AT_RIGHT if key in self._at_right else AT_LEFT, self._words.get(key, ""))
