"""The sheet of all keys."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import (
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QScrollArea,
    QWidget,
)
from typing_extensions import override

from widgets.forms.form import Form
from widgets.keys import paint_cap
from widgets.theme import Theme

_MOST_COLUMNS = 3
_KEYS_WIDE, _WORDS_WIDE, _APART = 92, 310, 16
"""How wide the keys are, how wide words may be before they are cut, and how far the columns stand apart, in pixels at
normal size.
"""


class _KeysSheet(QWidget):
    """Keys and what they do, in columns under their group: three, or fewer where these would cut the words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: Sequence[tuple[str, str, str]] = ()
        self._columns: list[list[tuple[str, str]]] = []

    def set_rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        self._rows = rows
        self._lay_out()

    def _across(self) -> int:
        """Columns beside each other: as many as are wide enough for the longest words, up to a width."""
        theme = self._theme
        metrics = QFontMetrics(theme.font("dense"))
        words = max((metrics.horizontalAdvance(text) for _, _, text in self._rows), default=0)
        each = theme.px(_KEYS_WIDE + _APART + 4) + min(words, theme.px(_WORDS_WIDE))
        return max(1, min(_MOST_COLUMNS, self.width() // each))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._lay_out()

    def _lay_out(self) -> None:
        theme, rows, across = self._theme, self._rows, self._across()
        items: list[tuple[str, str]] = []
        group = None
        for group_name, keys, text in rows:
            if group_name != group:
                group = group_name
                items.append(("", group_name))
            items.append((keys, text))
        each = max(1, -(-len(items) // across))
        self._columns = []
        while items:
            # What a heading pushed on stands at the foot of the last column, and takes no column of its own.
            cut = len(items) if len(self._columns) == across - 1 else min(each, len(items))
            if cut < len(items) and not items[cut - 1][0]:  # a heading never stands alone at a foot
                cut -= 1 if cut > 1 else 0
            self._columns.append(items[:cut])
            items = items[cut:]
        tallest = max((len(column) for column in self._columns), default=1)
        self.setFixedHeight(theme.px(24) * tallest + theme.px(8))
        self.setAccessibleName(
            "; ".join(f"{keys}: {text}" for column in self._columns for keys, text in column if keys)
        )
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        wide = self.width() // max(1, len(self._columns))
        high = theme.px(24)
        for number, column in enumerate(self._columns):
            for row, (keys, text) in enumerate(column):
                box = QRect(number * wide, row * high, wide - theme.px(_APART), high)
                if not keys:
                    painter.setFont(theme.font("caption", 600))
                    painter.setPen(theme.color("text.secondary"))
                    painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
                    continue
                left = box.left()
                for cap in keys.split("  "):
                    left += paint_cap(painter, theme, left, box.center().y() + 1, cap) + theme.px(4)
                left = max(left + theme.px(4), box.left() + theme.px(_KEYS_WIDE))
                font = theme.font("dense")
                painter.setFont(font)
                painter.setPen(theme.color("text.primary"))
                words = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, box.right() - left)
                painter.drawText(
                    QRect(left, box.top(), box.right() - left + 2, high), Qt.AlignmentFlag.AlignVCenter, words
                )


_AROUND_KEYS = 240
"""What a window with the sheet of keys takes beside it in height, in pixels at normal size."""


class KeysSheet(Form):
    """Every key and what it does: rows of (group, key caps with two spaces between, words). Typing narrows it."""

    def __init__(
        self, theme: Theme, rows: Sequence[tuple[str, str, str]], *, title: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, title, commit_text="", width=1060, parent=parent)
        if not title:
            self._title.setText(self.tr("Keys"))
            self.setWindowTitle(self.tr("Keys"))
            self.setAccessibleName(self.tr("Keys"))
        self.commit_button.hide()
        self.leave_button.set_verb(self.tr("Back"))
        self._rows = list(rows)
        self.field: QLineEdit = self.line_field(self.tr("Search the keys"), self.tr("Type what you look for"))
        self.field.textChanged.connect(self._on_typed)
        self._sheet = _KeysSheet(theme)
        area = self._scroll = QScrollArea()
        area.setWidget(self._sheet)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.body.addWidget(self.field)
        self.body.addSpacing(theme.px(8))
        self.body.addWidget(area, 1)
        self._on_typed("")
        self._take_height(self.screen().availableGeometry().height())

    def _take_height(self, high: int) -> None:
        """Take no more than so many pixels with all that is beside the keys."""
        theme = self.theme
        room = max(high - theme.px(_AROUND_KEYS), theme.px(120))
        self._scroll.setMinimumHeight(min(theme.px(560), self._sheet.height() + theme.px(4), room))

    @override
    def open_beside(self, room: QRect | None = None) -> None:
        if room is not None and room.isValid():
            self._take_height(room.height())
        super().open_beside(room)

    def set_rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Show other keys."""
        self._rows = list(rows)
        self._on_typed(self.field.text())

    def shown(self) -> list[tuple[str, str, str]]:
        """The rows that match what is typed."""
        wanted = self.field.text().casefold().split()
        return [row for row in self._rows if all(word in " ".join(row).casefold() for word in wanted)]

    @override
    def hears(self, widget: QWidget, cap: str) -> bool:
        """It lists what each key does, whichever works now."""
        return widget is self._sheet or super().hears(widget, cap)

    @override
    def why_not(self) -> str:
        return " "

    @override
    def touch(self) -> None:
        """Nothing is entered here."""

    @override
    def is_empty(self) -> bool:
        return True

    @override
    def first_field(self) -> QWidget:
        return self.field

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What the field for searching does not use moves the sheet, where it is higher than the screen."""
        bar = self._scroll.verticalScrollBar()
        steps = {
            Qt.Key.Key_Down: bar.singleStep(),
            Qt.Key.Key_Up: -bar.singleStep(),
            Qt.Key.Key_PageDown: bar.pageStep(),
            Qt.Key.Key_PageUp: -bar.pageStep(),
        }
        if event.key() in steps:
            bar.setValue(bar.value() + steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _on_typed(self, _: str) -> None:
        self._sheet.set_rows(self.shown())
