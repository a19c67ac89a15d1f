"""The outbox: every own edit that is not finished, how far it has come, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from widgets.focus import FocusRing
from widgets.keys import KeyButton
from widgets.rows import LazyRowsModel, RowDelegate, RowsView
from widgets.symbols import paint_mark
from widgets.text import one_line
from widgets.theme import Theme

ROW_HEIGHT = 28
_STATE = {
    "": ("text.secondary", 400),
    "warn": ("priority.p2", 400),
    "urgent": ("priority.p2", 600),
}


@dataclass(frozen=True)
class OutboxRow:
    """One edit. `mark` is hollow (saved), half (sent) or solid (received); `actions` are (intent, verb) pairs.

    Levels: "" plain, warn amber, urgent amber and bold (an order nobody has been told).
    """

    id: str
    when: str
    number: str
    text: str
    mark: str
    state_text: str
    level: str = ""
    actions: tuple[tuple[str, str], ...] = ()


class _OutboxDelegate(RowDelegate):
    @override
    def paint_row(self, painter: QPainter, box: QRect, row: OutboxRow) -> None:
        theme = self._theme
        line = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        left, right = box.left() + theme.px(12), box.right() - theme.px(11)
        mono = QFontMetrics(theme.font("mono"))
        for text, role, token, width in (
            (row.when, "dense", "text.tertiary", theme.px(48)),
            (row.number, "mono", "text.secondary", max(theme.px(62), mono.horizontalAdvance(row.number) + theme.px(8))),
        ):
            painter.setFont(theme.font(role))
            painter.setPen(theme.color(token))
            painter.drawText(QRect(left, box.top(), width, box.height()), line, text)
            left += width
        token, weight = _STATE[row.level]
        font = theme.font("dense", weight)
        room = (right - left) // 2
        words = QFontMetrics(font).elidedText(one_line(row.state_text), Qt.TextElideMode.ElideRight, room)
        width = QFontMetrics(font).horizontalAdvance(words)
        painter.setFont(font)
        painter.setPen(theme.color(token))
        painter.drawText(QRect(right - width, box.top(), width + 2, box.height()), line, words)
        if row.mark:
            paint_mark(
                painter, theme, left, box.center().y() + 1 - theme.px(4), row.mark, theme.color("text.secondary")
            )
        left += theme.px(16)
        font = theme.font("dense")
        painter.setFont(font)
        painter.setPen(theme.color("text.primary"))
        room = right - width - theme.px(16) - left
        words = QFontMetrics(font).elidedText(one_line(row.text), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, box.top(), room + 2, box.height()), line, words)


class _Actions(QWidget):
    """The verbs of the current row, each with its digit; the first one is also Enter. At the right one for all rows."""

    asked = Signal(int)

    def __init__(self, theme: Theme, all_key: str) -> None:
        super().__init__()
        self._theme = theme
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(theme.px(12), 1, theme.px(12), 0)
        self._row.setSpacing(theme.px(6))
        self._row.addStretch(1)
        self.all = KeyButton(theme, "", all_key)
        self.all.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.all.hide()
        self._row.addWidget(self.all)
        self._verbs: tuple[str, ...] = ()
        self._buttons: list[KeyButton] = []
        self.setFixedHeight(theme.px(40))

    def set_verbs(self, verbs: tuple[str, ...]) -> None:
        if verbs == self._verbs:
            return
        self._verbs = verbs
        for button in self._buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        for number, verb in enumerate(verbs):
            button = KeyButton(self._theme, verb, str(number + 1))
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, number=number: self.asked.emit(number))
            self._row.insertWidget(number, button)
            self._buttons.append(button)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("surface.panel"))
        painter.fillRect(QRect(0, 0, self.width(), 1), self._theme.color("border.divider"))


class OutboxPanel(QWidget):
    """The list, the verbs of the current row under it, and a sentence when nothing waits."""

    row_action = Signal(str, str)
    """(id of the edit, intent)."""
    all_asked = Signal()
    """The verb for all rows: see `set_all`."""
    menu_asked = Signal(str, QPoint)
    """The right button on a row, or its key: (id of the edit, where on the screen)."""
    opened = Signal(str)
    """Enter on a row that has no verb: show what it is about."""

    def __init__(self, theme: Theme, all_key: str = "") -> None:
        """`all_key` is the key, known elsewhere, of the verb for all rows."""
        super().__init__()
        self._theme = theme
        self._model = LazyRowsModel(_words, self)
        self.view = RowsView(self.tr("Outbox"), self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(_OutboxDelegate(theme, ROW_HEIGHT, self.view))
        self._actions = _Actions(theme, all_key)
        self._actions.asked.connect(self._on_verb)
        self._actions.all.clicked.connect(self.all_asked)
        self.view.entered.connect(self._on_entered)
        self.view.opened.connect(self._on_opened)
        self.view.menu_asked.connect(lambda at: self.menu_asked.emit(self.current_id(), at))
        self.view.own_key.connect(lambda word: self._on_verb(int(word) - 1))
        self._empty = QLabel()
        self._empty.setTextFormat(Qt.TextFormat.PlainText)
        self._empty.setFont(theme.font("dense"))
        self._empty.setWordWrap(True)
        self._empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._empty.setContentsMargins(theme.px(40), 0, theme.px(40), 0)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        self._empty.setStyleSheet(f"color:{theme.hex('text.secondary')};background:{theme.hex('surface.panel')}")
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self._actions)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(full)
        self._stack.addWidget(self._empty)
        self._ring = FocusRing(theme, self)
        for part in (self.view, self._empty):
            self._ring.watch(part)
        self.set_empty(self.tr("Nothing waits. Everything you did is on the server."))
        self.set_rows([])

    def set_empty(self, text: str) -> None:
        """The sentence shown while no edit waits."""
        self._empty.setText(text)

    def set_all(self, verb: str) -> None:
        """Offer a verb for all rows; "" offers none."""
        self._actions.all.set_verb(verb)
        self._actions.all.setVisible(bool(verb))
        self._tell()

    def set_rows(self, rows: Sequence[OutboxRow]) -> None:
        """Show these edits, oldest first."""
        by_id = {row.id: row for row in rows}
        self.set_ids(list(by_id), by_id.__getitem__)

    def set_ids(self, ids: Sequence[str], row_of: Callable[[str], OutboxRow]) -> None:
        """Show the edits of these ids, oldest first; a row is asked for when it is drawn, and again after `refresh`."""
        self._model.set_ids(ids, row_of)
        had_keyboard = self.view.hasFocus() or self._empty.hasFocus()
        shown = self.view if ids else self._empty
        self.setFocusProxy(shown)
        self._stack.setCurrentIndex(0 if ids else 1)
        if had_keyboard:
            shown.setFocus(Qt.FocusReason.OtherFocusReason)
        self._tell()

    def refresh(self) -> None:
        """Draw the rows in sight as they are now."""
        self._model.refresh()
        self._tell()

    def current_id(self) -> str:
        """The id of the current edit, "" for none."""
        return self.view.current_id()

    def _row(self) -> OutboxRow | None:
        index = self.view.currentIndex()
        return self._model.row(index.row()) if index.isValid() else None

    def _tell(self) -> None:
        row = self._row()
        verbs = tuple(verb for _, verb in row.actions) if row else ()
        self._actions.set_verbs(verbs)
        self._actions.setVisible(bool(verbs or self._actions.all.verb))
        if row is not None or not self._model.rowCount():
            self.view.own_keys = frozenset(str(number + 1) for number in range(len(verbs)))
        # Else the row has just gone: a digit that was meant for it is heard here and means nothing, nor to the window.

    def _on_entered(self, _: str) -> None:
        self._tell()

    def _on_opened(self, row_id: str) -> None:
        row = self._row()
        if row is not None and row.actions:
            self._on_verb(0)
        else:
            self.opened.emit(row_id)

    def _on_verb(self, number: int) -> None:
        row = self._row()
        if row is not None and number < len(row.actions):
            self.row_action.emit(row.id, row.actions[number][0])


def _words(row: OutboxRow) -> str:
    return ", ".join(part for part in (row.when, row.number, row.text, row.state_text) if part)
