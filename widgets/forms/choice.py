"""What can be chosen from a list: found by parts of its words, drawn with its note and its symbol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import (
    QFontMetrics,
    QPainter,
)
from PySide6.QtWidgets import (
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)
from typing_extensions import override

from widgets.spelling import nearest
from widgets.symbols import Symbols
from widgets.text import one_line
from widgets.theme import Theme

Index = QModelIndex | QPersistentModelIndex
CHOICE_HIGH = 28
"""The height of a choice in its list, in pixels at normal size."""


@dataclass(frozen=True)
class ListChoice:
    """One thing to choose: its words, a note at the right, a drawing, and further words it is found by."""

    id: str
    text: str
    note: str = ""
    glyph: str = ""
    unit_state: str = ""
    words: str = ""


def matching(choices: Sequence[ListChoice], typed: str) -> list[ListChoice]:
    """The choices that contain every typed word: first those that begin with it, then those with a word that does.

    If there is none, the same for the words that were most likely meant.
    """
    wanted = typed.casefold().split()
    found = _holding(choices, wanted)
    if not found:
        known = {part for one in choices for part in _words(one)}
        found = _holding(choices, [nearest(word, known) or word for word in wanted])
    return found


def _words(choice: ListChoice) -> list[str]:
    return f"{choice.text} {choice.note} {choice.words}".casefold().replace("-", " ").replace(",", " ").split()


def _holding(choices: Sequence[ListChoice], wanted: Sequence[str]) -> list[ListChoice]:
    found = []
    for number, choice in enumerate(choices):
        text = choice.text.casefold()
        whole = f"{text} {choice.note} {choice.words}".casefold()
        if not all(word in whole for word in wanted):
            continue
        begins = any(part.startswith(wanted[0]) for part in whole.replace("-", " ").split()) if wanted else False
        rank = 0 if wanted and text.startswith(wanted[0]) else 1 if begins else 2
        found.append((rank, number, choice))
    return [choice for _, _, choice in sorted(found, key=lambda one: one[:2])]


class ChoiceModel(QAbstractListModel):
    """The choices that are shown now."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shown: list[ListChoice] = []

    def show_choices(self, choices: Sequence[ListChoice]) -> None:
        """Replace what is shown."""
        if list(choices) == self._shown:
            return
        self.beginResetModel()
        self._shown = list(choices)
        self.endResetModel()

    def choice(self, number: int) -> ListChoice | None:
        """One choice, None beyond the end."""
        return self._shown[number] if 0 <= number < len(self._shown) else None

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._shown)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        choice = self.choice(index.row()) if index.isValid() else None
        if choice is None:
            return None
        if role == Qt.ItemDataRole.UserRole:
            return choice
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return one_line(f"{choice.text}, {choice.note}" if choice.note else choice.text)
        return None


class ChoiceDelegate(QStyledItemDelegate):
    """Draws a choice: drawing, words, note."""

    def __init__(self, theme: Theme, symbols: Symbols | None, parent: QObject) -> None:
        super().__init__(parent)
        self._theme, self._symbols = theme, symbols

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, self._theme.px(CHOICE_HIGH))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, box = self._theme, option.rect
        choice: ListChoice = index.data(Qt.ItemDataRole.UserRole)
        view = option.widget
        current = isinstance(view, QListView) and view.currentIndex() == index
        painter.fillRect(box, theme.color("surface.selected" if current else "surface.raised"))
        if current:
            painter.fillRect(QRect(box.left(), box.top(), theme.px(3), box.height()), theme.color("accent.base"))
        left, right = box.left() + theme.px(12), box.right() - theme.px(11)
        if self._symbols is not None and (choice.glyph or choice.unit_state):
            if choice.glyph:
                size = theme.px(16)
                where = QRect(left, box.center().y() - size // 2 + 1, size, size)
                self._symbols.category(painter, where, choice.glyph, theme.color("text.secondary"))
            else:
                where = QRect(left, box.center().y() - theme.px(6) + 1, theme.px(21), theme.px(12))
                self._symbols.unit(painter, where, choice.unit_state, choice.unit_state == "stale")
            left += theme.px(32 if choice.unit_state else 26)
        line = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        if choice.note:
            font = theme.font("caption")
            note = QFontMetrics(font).elidedText(choice.note, Qt.TextElideMode.ElideRight, (right - left) * 3 // 5)
            wide = QFontMetrics(font).horizontalAdvance(note)
            painter.setFont(font)
            painter.setPen(theme.color("text.tertiary"))
            painter.drawText(QRect(right - wide, box.top(), wide + 2, box.height()), line, note)
            right -= wide + theme.px(12)
        font = theme.font("dense", 500 if current else 400)
        painter.setFont(font)
        painter.setPen(theme.color("text.primary"))
        words = QFontMetrics(font).elidedText(choice.text, Qt.TextElideMode.ElideRight, max(0, right - left))
        painter.drawText(QRect(left, box.top(), max(0, right - left) + 2, box.height()), line, words)
