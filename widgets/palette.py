"""The palette: one field over every command, report, unit and place, each row with its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QKeySequence, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from widgets.keys import cap_size, is_enter, paint_cap
from widgets.symbols import Symbols, paint_tag
from widgets.text import one_line
from widgets.theme import Theme

Index = QModelIndex | QPersistentModelIndex
ROW_HEIGHT, GROUP_HEIGHT, FIELD_HEIGHT, FOOT_HEIGHT, WIDTH = 32, 24, 48, 34, 820


@dataclass(frozen=True)
class PaletteRow:
    """One thing that can be chosen. Rows of one `kind` stand together under its heading.

    Before the title: a report symbol (`priority` 1 to 4 and `status`), a crew (`unit_state`), a category (`glyph`), or
    a chevron. `number` is an id in front of the title. At the right: `key_text` as caps (several by two spaces), or
    the letter tag with `tail`.
    """

    id: str
    title: str
    note: str = ""
    key_text: str = ""
    kind: str = ""
    enabled: bool = True
    number: str = ""
    priority: int = 0
    status: int = 0
    unit_state: str = ""
    glyph: str = ""
    letter: str = ""
    letter_token: str = "text.secondary"  # noqa: S105 - a colour's name
    tail: str = ""


@dataclass(frozen=True)
class _Group:
    text: str
    note: str


class _PaletteModel(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._items: list[PaletteRow | _Group] = []

    def set_items(self, items: list[PaletteRow | _Group]) -> None:
        self.beginResetModel()
        self._items = items
        self.endResetModel()

    def item(self, number: int) -> PaletteRow | _Group:
        return self._items[number]

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._items)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return item
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if isinstance(item, _Group):
                return item.text
            parts = (item.number, one_line(item.title), one_line(item.note), item.tail, item.key_text)
            return one_line(", ".join(part for part in parts if part), 1000)
        return None

    @override
    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        if isinstance(self._items[index.row()], _Group):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class _PaletteDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, symbols: Symbols, parent: QObject) -> None:
        super().__init__(parent)
        self._theme, self._symbols = theme, symbols
        self.query = ""

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        item = index.data(Qt.ItemDataRole.UserRole)
        return QSize(0, self._theme.px(GROUP_HEIGHT if isinstance(item, _Group) else ROW_HEIGHT))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        item = index.data(Qt.ItemDataRole.UserRole)
        if isinstance(item, _Group):
            self._group(painter, option.rect, item)
        else:
            view = option.widget
            current = isinstance(view, QListView) and view.currentIndex() == index
            self._row(painter, option.rect, item, current=current)

    def _group(self, painter: QPainter, box: QRect, group: _Group) -> None:
        theme = self._theme
        painter.fillRect(box, theme.color("surface.raised"))
        painter.fillRect(QRect(box.left(), box.top(), box.width(), 1), theme.color("border.subtle"))
        painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), theme.color("border.subtle"))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text.tertiary"))
        inside = box.adjusted(theme.px(12), 0, -theme.px(12), 0)
        painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter, group.text)
        painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, group.note)

    def _row(self, painter: QPainter, box: QRect, row: PaletteRow, *, current: bool) -> None:
        theme = self._theme
        painter.fillRect(box, theme.color("surface.selected" if current else "surface.panel"))
        if current:
            painter.fillRect(QRect(box.left(), box.top(), theme.px(3), box.height()), theme.color("accent.base"))
        self._icon(painter, box, row, current=current)
        left = box.left() + theme.px(14 + 24 + 10)
        right = self._right_end(painter, box, row) - theme.px(12)
        line = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        if row.number:
            font = theme.font("mono")
            painter.setFont(font)
            painter.setPen(theme.color("text.secondary"))
            painter.drawText(QRect(left, box.top(), right - left, box.height()), line, row.number)
            left += QFontMetrics(font).horizontalAdvance(row.number) + theme.px(9)
        plain = theme.color("text.primary" if row.enabled else "text.disabled")
        for text, marked in split_hits(one_line(row.title), self.query):
            font = theme.font("body", 600 if marked and row.enabled else 400)
            words = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, max(0, right - left))
            painter.setFont(font)
            painter.setPen(theme.color("accent.base") if marked and row.enabled else plain)
            painter.drawText(QRect(left, box.top(), max(0, right - left) + 2, box.height()), line, words)
            left += QFontMetrics(font).horizontalAdvance(words)
        left += theme.px(10)
        if row.note and right - left > theme.px(30):
            font = theme.font("dense")
            words = QFontMetrics(font).elidedText(one_line(row.note), Qt.TextElideMode.ElideRight, right - left)
            painter.setFont(font)
            painter.setPen(theme.color("text.tertiary"))
            painter.drawText(QRect(left, box.top(), right - left + 2, box.height()), line, words)

    def _icon(self, painter: QPainter, box: QRect, row: PaletteRow, *, current: bool) -> None:
        theme = self._theme
        middle = QPoint(box.left() + theme.px(14 + 12), box.center().y() + 1)
        if row.priority:
            size = theme.px(16)
            where = QRect(middle.x() - size // 2, middle.y() - size // 2, size, size)
            self._symbols.report(painter, where, row.priority, row.status, on="selected" if current else "panel")
        elif row.unit_state:
            size = theme.px(13)
            wide = round(size * 28 / 16)
            where = QRect(middle.x() - wide // 2, middle.y() - size // 2, wide, size)
            self._symbols.unit(painter, where, row.unit_state, row.unit_state == "stale")
        elif row.glyph:
            size = theme.px(16)
            where = QRect(middle.x() - size // 2, middle.y() - size // 2, size, size)
            self._symbols.category(painter, where, row.glyph, theme.color("text.secondary"))
        else:
            reach = theme.px(5)
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color("text.secondary"), 1.8))
            path = QPainterPath()
            path.moveTo(middle.x() - reach * 0.6, middle.y() - reach)
            path.lineTo(middle.x() + reach * 0.6, middle.y())
            path.lineTo(middle.x() - reach * 0.6, middle.y() + reach)
            painter.drawPath(path)
            painter.restore()

    def _right_end(self, painter: QPainter, box: QRect, row: PaletteRow) -> int:
        theme = self._theme
        right = box.right() - theme.px(13)
        if row.key_text:
            for cap in reversed(row.key_text.split("  ")):
                right -= cap_size(theme, cap).width()
                paint_cap(painter, theme, right, box.center().y() + 1, cap)
                right -= theme.px(6)
        if row.tail:
            font = theme.font("dense")
            wide = QFontMetrics(font).horizontalAdvance(row.tail)
            right -= wide
            painter.setFont(font)
            painter.setPen(theme.color("text.secondary"))
            where = QRect(right, box.top(), wide + 2, box.height())
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, row.tail)
            right -= theme.px(6)
        if row.letter:
            right -= theme.px(16)
            tag = theme.color(row.letter_token)
            paint_tag(painter, theme, right, box.center().y() + 1 - theme.px(8), row.letter, tag)
        return right


def split_hits(text: str, query: str) -> list[tuple[str, bool]]:
    """Cut a text into parts, True where a word of the query (two letters or more) stands in it."""
    folded = text.lower()
    if len(folded) != len(text):  # a letter that folds to two would shift every place after it
        return [(text, False)]
    hits = [False] * len(text)
    for word in query.lower().split():
        start = folded.find(word) if len(word) > 1 else -1
        if start >= 0:
            hits[start : start + len(word)] = [True] * len(word)
    parts: list[tuple[str, bool]] = []
    for letter, hit in zip(text, hits, strict=True):
        if parts and parts[-1][1] == hit:
            parts[-1] = (parts[-1][0] + letter, hit)
        else:
            parts.append((letter, hit))
    return parts


class Palette(QWidget):
    """A frameless window of its own, so that it never covers the web view as its child.

    Up, Down, Page keys move; Enter chooses; Tab completes; Esc leaves. It goes away when another window is chosen.
    """

    query_changed = Signal(str)
    chosen = Signal(str)
    completion_asked = Signal(str)
    """Tab on the row with this id."""
    left = Signal()
    """Esc, or another window was chosen."""
    unused_key = Signal(str)
    """A function key, which means nothing here."""

    def __init__(self, theme: Theme, symbols: Symbols, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Tool | Qt.WindowType.FramelessWindowHint)
        self._theme = theme
        self._summary, self._sentence = "", ""
        self._was_active = False
        self._most = theme.px(520)
        self.setWindowTitle(self.tr("Commands"))
        self._field = QLineEdit()
        self._field.setFrame(False)
        font = QFont(theme.font("mono"))
        font.setPixelSize(theme.px(16))
        self._field.setFont(font)
        self._field.setMaxLength(400)
        self._field.setAccessibleName(self.tr("Search commands, reports, units and places"))
        self._field.setStyleSheet(
            f"QLineEdit{{background:transparent;border:0;padding:0;color:{theme.hex('text.primary')}}}"
        )
        self._field.textChanged.connect(self._on_query)
        self._field.installEventFilter(self)
        self._model = _PaletteModel(self)
        self.view = QListView()
        self.view.setModel(self._model)
        self._delegate = _PaletteDelegate(theme, symbols, self.view)
        self.view.setItemDelegate(self._delegate)
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setAccessibleName(self.tr("Found"))
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.clicked.connect(self._on_clicked)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(1, 1, 1, 1)
        self._column.setSpacing(0)
        head = QWidget()
        head.setFixedHeight(theme.px(FIELD_HEIGHT))
        row = QHBoxLayout(head)
        row.setContentsMargins(theme.px(14) + cap_size(theme, "/").width() + theme.px(12), 0, theme.px(160), 1)
        row.addWidget(self._field)
        self._column.addWidget(head)
        self._column.addWidget(self.view, 1)
        self._column.addSpacing(theme.px(FOOT_HEIGHT))
        self.setFocusProxy(self._field)

    # ---------------------------------------------------------------- what is shown

    def show_rows(
        self,
        rows: Sequence[PaletteRow],
        headings: Mapping[str, tuple[str, str]] | None = None,
        *,
        summary: str = "",
        sentence: str = "",
        marked: str | None = None,
    ) -> None:
        """Show these rows, the first usable one current. `headings`: kind -> (words, note such as "3 of 6").

        `marked` are the words to show where they stand in titles, by default all that are typed.
        """
        items: list[PaletteRow | _Group] = []
        kind = None
        for row in rows:
            if row.kind != kind:
                kind = row.kind
                words, note = (headings or {}).get(kind, (kind, ""))
                if words:
                    items.append(_Group(words, note))
            items.append(row)
        self._summary, self._sentence = summary, sentence
        self._delegate.query = self._field.text() if marked is None else marked
        self._model.set_items(items)
        self._move_to(-1, 1)
        self._fit()
        self.update()

    def open_in(self, room: QRect, query: str = "") -> None:
        """Open in the middle of this part of the screen, at its top, with the text selected."""
        theme = self._theme
        width, self._most = min(theme.px(WIDTH), room.width() - theme.px(8)), room.height()
        self.resize(width, self.height())
        self._fit()
        self.place_in(room)
        self._was_active = False
        self._field.setText(query)
        self.show()
        self.raise_()
        self.activateWindow()
        self._field.setFocus(Qt.FocusReason.PopupFocusReason)
        self._field.end(False)
        self.query_changed.emit(self._field.text())

    def place_in(self, room: QRect) -> None:
        """Move to the middle of this part of the screen, at its top: what came above it is not covered."""
        self.move(QPoint(room.left() + (room.width() - self.width()) // 2, room.top()))

    def query(self) -> str:
        """What is typed."""
        return self._field.text()

    def set_query(self, text: str) -> None:
        """Replace what is typed, as Tab completes it."""
        self._field.setText(text)

    def current(self) -> str:
        """The id of the current row, "" for none."""
        index = self.view.currentIndex()
        item = self._model.item(index.row()) if index.isValid() else None
        return item.id if isinstance(item, PaletteRow) else ""

    # ---------------------------------------------------------------- inside

    def _fit(self) -> None:
        theme = self._theme
        items = [self._model.item(number) for number in range(self._model.rowCount())]
        rows = sum(theme.px(GROUP_HEIGHT if isinstance(item, _Group) else ROW_HEIGHT) for item in items)
        most = max(theme.px(160), self._most - theme.px(FIELD_HEIGHT + FOOT_HEIGHT) - 2)
        self.resize(self.width(), theme.px(FIELD_HEIGHT + FOOT_HEIGHT) + 2 + min(rows, most))

    def _move_to(self, start: int, step: int) -> None:
        """Make the next usable row after `start` in the direction of `step` the current one; it goes round."""
        count = self._model.rowCount()
        for distance in range(1, count + 1):
            number = (start + step * distance) % count
            if isinstance(self._model.item(number), PaletteRow):
                self.view.setCurrentIndex(self._model.index(number))
                if number == 1:  # show the first heading too
                    self.view.scrollToTop()
                self.view.viewport().update()
                return

    def _on_query(self, text: str) -> None:
        self.query_changed.emit(text)

    def _on_clicked(self, index: QModelIndex) -> None:
        self.view.setCurrentIndex(index)
        self._choose()

    def _choose(self) -> None:
        index = self.view.currentIndex()
        item = self._model.item(index.row()) if index.isValid() else None
        if isinstance(item, PaletteRow) and item.enabled:
            self.hide()
            self.chosen.emit(item.id)

    def _leave(self) -> None:
        if self.isVisible():
            self.hide()
            self.left.emit()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._on_key(event)
        return super().eventFilter(watched, event)

    def _on_key(self, event: QKeyEvent) -> bool:
        key, now = event.key(), self.view.currentIndex().row()
        if key == Qt.Key.Key_Down:
            self._move_to(now, 1)
        elif key == Qt.Key.Key_Up:
            self._move_to(now if now >= 0 else 0, -1)
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            step = 1 if key == Qt.Key.Key_PageDown else -1
            last = self._model.rowCount() - 1
            self._move_to(max(-1, min(last, now + step * 8) - step), step)
        elif is_enter(event):
            if not event.isAutoRepeat():
                self._choose()
        elif key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            if self.current():
                self.completion_asked.emit(self.current())
        elif key == Qt.Key.Key_Escape:
            self._leave()
        elif Qt.Key.Key_F1 <= key <= Qt.Key.Key_F12:
            self.unused_key.emit(QKeySequence(event.keyCombination()).toString())
        else:
            return False
        return True

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange:
            if self.isActiveWindow():
                self._was_active = True
            elif self._was_active:
                self._leave()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text.tertiary"))
        head = QRect(1, 1, self.width() - 2, theme.px(FIELD_HEIGHT))
        paint_cap(painter, theme, theme.px(14), head.center().y(), "/")
        painter.drawText(
            head.adjusted(0, 0, -theme.px(14), 0),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
            self._summary,
        )
        painter.fillRect(QRect(1, head.bottom(), head.width(), 1), theme.color("border.divider"))
        foot = QRect(1, self.height() - 1 - theme.px(FOOT_HEIGHT), self.width() - 2, theme.px(FOOT_HEIGHT))
        painter.fillRect(foot, theme.color("surface.raised"))
        painter.fillRect(QRect(foot.left(), foot.top(), foot.width(), 1), theme.color("border.divider"))
        left = theme.px(14)
        for caps, word in (
            (("↑", "↓"), self.tr("choose")),
            (("↵",), self.tr("run")),
            (("Tab",), self.tr("complete")),
            (("Esc",), self.tr("back")),
        ):
            for cap in caps:
                left += paint_cap(painter, theme, left, foot.center().y() + 1, cap) + theme.px(4)
            painter.drawText(QRect(left, foot.top(), theme.px(200), foot.height()), Qt.AlignmentFlag.AlignVCenter, word)
            left += painter.fontMetrics().horizontalAdvance(word) + theme.px(16)
        room = foot.right() - theme.px(14) - left
        words = painter.fontMetrics().elidedText(self._sentence, Qt.TextElideMode.ElideRight, max(0, room))
        painter.drawText(
            QRect(left, foot.top(), room, foot.height()),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
            words,
        )
        painter.setPen(theme.color("border.control"))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
