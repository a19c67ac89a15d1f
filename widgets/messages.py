"""Messages: the threads with their unread counts, the open one, quick texts, and the line that is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from widgets.focus import FocusRing
from widgets.forms.form import make_label
from widgets.keys import KeyButton, is_bare_enter
from widgets.rows import RowDelegate, RowsModel, RowsView
from widgets.states import EmptyState
from widgets.symbols import Symbols, paint_mark
from widgets.text import Texts, one_line, tip, wrap
from widgets.theme import Theme

THREADS_WIDTH = 232
_THREAD_HEIGHT = 44
_SIDE = 12
_NEW_LINE = "\u2028"
"""Ends a line within a text that is laid out as one."""
_MOST_LINES = 4
_MOST_WRITTEN = 2_000
QUICK_TEXTS = 3
_LEAST_THREADS = 140
_LOW = 300
"""A panel that is lower has no room for a row of quick texts."""


@dataclass(frozen=True)
class ThreadRow:
    """One thread. `kind` is unit (with the `state` of its symbol), role, area or all; `words` are of the last message,
    or say with `warns` what is wrong.
    """

    id: str
    kind: str
    title: str
    time: str = ""
    words: str = ""
    unread: str = ""
    state: str = ""
    warns: bool = False


@dataclass(frozen=True)
class MessageRow:
    """One message. `mark` is hollow (waits here), half (at the server), solid (read) or "", `state` its words, which
    stand out with `warns`; `report` is the number that it is kept with.
    """

    id: str
    who: str
    time: str
    text: str
    report: str = ""
    is_own: bool = False
    mark: str = ""
    state: str = ""
    warns: bool = False


class _ThreadDelegate(RowDelegate):
    def __init__(self, theme: Theme, symbols: Symbols, parent: QObject) -> None:
        super().__init__(theme, _THREAD_HEIGHT, parent)
        self._symbols, self._texts = symbols, Texts(theme)

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: ThreadRow) -> None:
        theme, texts = self._theme, self._texts
        view = self.parent()
        if isinstance(view, RowsView) and view.current_id() == row.id:
            painter.fillRect(QRect(box.left(), box.top(), theme.px(3), box.height()), theme.color("accent.base"))
        self._paint_sign(painter, QRect(box.left() + theme.px(_SIDE), box.top() + theme.px(5), 0, theme.px(14)), row)
        left, right = box.left() + theme.px(40), box.right() - theme.px(10)
        quiet = theme.color("text.tertiary")
        top, below = box.top() + theme.px(4), box.top() + theme.px(22)
        wide = texts.draw(painter, right, top, row.time, "dense", quiet, right=True)
        weight = 600 if row.unread else 500
        room = right - left - wide - theme.px(6)
        texts.draw(painter, left, top, row.title, "dense", theme.color("text.primary"), weight=weight, room=room)
        wide = texts.draw(
            painter, right, below, row.unread, "dense", theme.color("accent.base"), weight=600, right=True
        )
        ink = theme.color("status.returned" if row.warns else "text.secondary")
        texts.draw(painter, left, below, row.words, "dense", ink, room=right - left - wide - theme.px(6))

    def _paint_sign(self, painter: QPainter, place: QRect, row: ThreadRow) -> None:
        theme, side = self._theme, place.height()
        if row.kind == "unit":
            height = theme.px(12)
            box = QRect(place.left(), place.top() + (side - height) // 2, self._symbols.unit_width(height), height)
            self._symbols.unit(painter, box, row.state or "off_shift")
            return
        painter.save()
        painter.setPen(QPen(theme.color("text.secondary"), max(1, theme.px(1.2))))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        box = QRect(place.left() + theme.px(2), place.top(), side, side).adjusted(1, 1, -2, -2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=row.kind != "area")
        third = box.width() // 3
        if row.kind == "area":
            painter.drawRect(box)
            painter.drawLine(box.left(), box.center().y(), box.right(), box.center().y())
            painter.drawLine(box.center().x(), box.top(), box.center().x(), box.bottom())
        elif row.kind == "role":
            painter.drawEllipse(box.adjusted(third, 0, -third, -2 * third))
            painter.drawArc(box.adjusted(0, box.height() // 2, 0, box.height() // 2), 0, 180 * 16)
        else:
            painter.drawEllipse(box)
            painter.drawEllipse(box.adjusted(third, third, -third, -third))
        painter.restore()


class _MessageDelegate(RowDelegate):
    """Draws a message: who, when, the number of its report, its mark, and its words in up to four lines."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(theme, 0, parent)
        self._texts = Texts(theme)
        self._lines: dict[tuple[str, int, int], list[str]] = {}
        self.whole: set[str] = set()
        """The ids of the long messages that are shown whole."""

    def lines(self, row: MessageRow, width: int) -> list[str]:
        """The words of a message in a list of a width: the fifth line says "more"."""
        most = 200 if row.id in self.whole else _MOST_LINES
        key = (row.text, width, most)
        found = self._lines.get(key)
        if found is None:
            if len(self._lines) > _MOST_WRITTEN:
                self._lines.clear()
            room = max(60, width - 2 * self._theme.px(_SIDE))
            found = wrap(row.text.replace("\n", _NEW_LINE), self._theme.font("dense"), room, most)
            if len(found) == _MOST_LINES < most or (most == _MOST_LINES and found[-1].endswith("…")):
                found = [*found, self.tr("more: Enter")]
            self._lines[key] = found
        return found

    def is_cut(self, row: MessageRow, width: int) -> bool:
        """Whether not all words of a message are shown."""
        return row.id not in self.whole and len(self.lines(row, width)) > _MOST_LINES

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        view = self.parent()
        width = view.viewport().width() if isinstance(view, RowsView) else option.rect.width()
        count = len(self.lines(index.data(Qt.ItemDataRole.UserRole), width))
        return QSize(0, self._theme.px(14) + (1 + count) * self._theme.line("dense"))

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: MessageRow) -> None:
        theme, texts = self._theme, self._texts
        left, right, top = box.left() + theme.px(_SIDE), box.right() - theme.px(_SIDE), box.top() + theme.px(6)
        quiet = theme.color("text.tertiary")
        ink = theme.color("status.returned") if row.warns else theme.color("text.secondary")
        wide = texts.draw(painter, right, top, row.state, "dense", ink, right=True)
        if row.mark:
            at = right - wide - theme.px(14)
            paint_mark(painter, theme, at, top + (theme.line("dense") - theme.px(8)) // 2, row.mark, ink)
            right = int(at)
        name = theme.color("accent.base" if row.is_own else "text.primary")
        room = max(0, right - left - theme.px(120))
        left += int(texts.draw(painter, left, top, row.who, "dense", name, weight=600, room=room)) + theme.px(8)
        left += int(texts.draw(painter, left, top, row.time, "dense", quiet)) + theme.px(8)
        texts.draw(painter, left, top, row.report, "mono", quiet, room=max(0, right - left), height=theme.line("dense"))
        at = box.top() + theme.px(6) + theme.line("dense")
        for number, line in enumerate(self.lines(row, box.width())):
            more = number == _MOST_LINES and row.id not in self.whole
            color = theme.color("accent.base" if more else "text.primary")
            texts.draw(painter, box.left() + theme.px(_SIDE), at, line, "dense", color)
            at += theme.line("dense")


class _MessageLine(QPlainTextEdit):
    """What is written: Enter sends it, Shift+Enter begins another line, Alt and a digit are quick texts; Esc leaves it
    with what stands there.
    """

    sent = Signal()
    left = Signal()
    quick = Signal(int)
    focused = Signal(bool)
    """The keyboard comes (True) or goes."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setTabChangesFocus(True)
        self.setFont(theme.font("body"))
        self.textChanged.connect(self.fit)
        self.fit()

    def fit(self) -> None:
        """Be as high as what is written, four lines at most."""
        lines = min(_MOST_LINES, max(1, int(self.document().size().height())))
        high = self._theme.line("body") * lines + self._theme.px(10)
        self.setStyleSheet(f"QPlainTextEdit{{min-height:{high}px;max-height:{high}px}}")

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit(True)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focused.emit(False)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    @override
    def event(self, event: QEvent) -> bool:
        return claims_quick_text(event) or super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if is_bare_enter(event):
            if not event.isAutoRepeat():
                self.sent.emit()
        elif number := quick_text_of(event):
            if not event.isAutoRepeat():
                self.quick.emit(number)
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


def quick_text_of(event: QKeyEvent) -> int:
    """Which quick text a key is, 0 for none."""
    alone = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.AltModifier
    number = event.key() - Qt.Key.Key_0
    return number if alone and 1 <= number <= QUICK_TEXTS else 0


def claims_quick_text(event: QEvent) -> bool:
    """Keep a field's event from the window where it is the key of a quick text, and return whether it is: Alt+1 is a
    tab of the queue elsewhere.
    """
    if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and quick_text_of(event):
        event.accept()
        return True
    return False


class _ThreadHead(QWidget):
    """Whom the open thread is with: a name, and what is known of him."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._texts = theme, Texts(theme)
        self._name = self._about = ""
        self.setFixedHeight(theme.px(30))

    def set_words(self, name: str, about: str) -> None:
        if (name, about) != (self._name, self._about):
            self._name, self._about = name, about
            self.setToolTip(tip(f"{name} {about}"))
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), theme.color("border.divider"))
        left, top, room = theme.px(_SIDE), theme.px(6), self.width() - 2 * theme.px(_SIDE)
        ink = theme.color("text.primary")
        wide = texts.draw(painter, left, top, self._name, "dense", ink, weight=600, room=room)
        at = left + wide + theme.px(10)
        texts.draw(painter, at, top, self._about, "dense", theme.color("text.secondary"), room=max(0, left + room - at))


class LineHint(QWidget):
    """What becomes of what is written; a reason why it cannot be sent stands out."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._texts = theme, Texts(theme)
        self._words, self._warns = "", False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(28))

    @property
    def words(self) -> str:
        """What it says."""
        return self._words

    def set_words(self, words: str, *, warns: bool) -> None:
        """Say this; with `warns` it stands out."""
        if (words, warns) != (self._words, self._warns):
            self._words, self._warns = words, warns
            self.setAccessibleName(words)
            self.setToolTip(tip(words))
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        color: QColor = self._theme.color("status.returned" if self._warns else "text.tertiary")
        self._texts.draw(painter, 0, self._theme.px(6), self._words, "caption", color, room=self.width())


class MessagesPanel(QWidget):
    """The threads at the left, the open one beside them, its quick texts and its line below."""

    thread_opened = Signal(str)
    """Another thread is to be shown: its id."""
    send_asked = Signal(str)
    """Enter in the line, or the button: what is written."""
    typed = Signal(str)
    message_opened = Signal(str)
    """Enter on a message that is shown whole: its id."""
    seen = Signal()
    """Other messages of the thread may be in sight: see `ids_in_sight`."""
    shown = Signal()
    """It comes into sight."""

    def __init__(self, theme: Theme, symbols: Symbols) -> None:
        super().__init__()
        self._theme = theme
        self._quick: tuple[str, ...] = ()
        self._threads = RowsModel(_thread_words, self)
        self.threads = RowsView(self.tr("Threads"), self)
        self.threads.setModel(self._threads)
        self.threads.setItemDelegate(_ThreadDelegate(theme, symbols, self.threads))
        self.threads.entered.connect(self._on_thread)
        self.threads.opened.connect(self._on_thread_opened)
        self._messages = RowsModel(_message_words, self)
        self.messages = RowsView(self.tr("Messages"), self)
        self.messages.setModel(self._messages)
        self.messages.setUniformItemSizes(False)
        self._delegate = _MessageDelegate(theme, self.messages)
        self.messages.setItemDelegate(self._delegate)
        self.messages.opened.connect(self._on_message)
        self.messages.viewport().installEventFilter(self)
        self._head = _ThreadHead(theme)
        self.line = _MessageLine(theme)
        self.line.setAccessibleName(self.tr("Message"))
        self.line.left.connect(lambda: self.threads.setFocus(Qt.FocusReason.OtherFocusReason))
        self.line.sent.connect(self._on_send)
        self.line.quick.connect(self._on_quick)
        self.line.textChanged.connect(lambda: self.typed.emit(self.line.toPlainText()))
        self.quick_buttons = [KeyButton(theme, "", height=24) for _ in range(QUICK_TEXTS)]
        self._quick_keys = make_label(theme, f"Alt 1–{QUICK_TEXTS}", "micro", "text.tertiary")
        self.line.focused.connect(self._show_quick_keys)
        self._quick_keys.hide()
        for number, button in enumerate(self.quick_buttons, start=1):
            button.clicked.connect(lambda _=False, number=number: self._on_quick(number))
            button.hide()
        self._hint, self._hint_matters = LineHint(theme), False
        self.send = KeyButton(theme, self.tr("Send"), "↵", filled=True, height=28)
        self.send.clicked.connect(self._on_send)
        self._empty = EmptyState(theme)
        self._empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._quick_row, self._below = QWidget(), QGridLayout()
        self._is_low: bool | None = None
        self._lay_out()
        self._arrange()
        self._ring = FocusRing(theme, self)
        for part in (self.threads, self.messages, self.line, self._empty):
            self._ring.watch(part)
        self._to_end = QTimer(self, singleShot=True, interval=0)
        self._to_end.timeout.connect(self._go_to_end)
        self._looks = QTimer(self, singleShot=True, interval=0)
        """Until what stands there has been laid out."""
        self._looks.timeout.connect(self.seen.emit)
        self._at_end = True
        """Whether the end was in sight, as whoever reads left it: a lower list or longer words say nothing of that."""
        self.messages.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self._shown = ""
        self.set_threads([], "")

    def _lay_out(self) -> None:
        theme = self._theme
        quick = QHBoxLayout(self._quick_row)
        quick.setContentsMargins(0, 0, 0, 0)
        quick.setSpacing(theme.px(6))
        for button in self.quick_buttons:
            quick.addWidget(button)
        quick.addWidget(self._quick_keys)
        quick.addStretch(1)
        self._below.setContentsMargins(theme.px(_SIDE), theme.px(6), theme.px(_SIDE), theme.px(6))
        self._below.setSpacing(theme.px(6))
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self._head)
        right.addWidget(self.messages, 1)
        right.addLayout(self._below)
        self._open = QWidget()
        row = QHBoxLayout(self._open)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        row.addWidget(self.threads)
        row.addLayout(right, 1)
        self._middle = QStackedWidget()
        self._middle.addWidget(self._open)
        self._middle.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._middle)

    def _arrange(self) -> None:
        """Give threads and messages their room: a low panel has the button beside the line, and no row of its own for
        the quick texts.
        """
        theme = self._theme
        self.threads.setFixedWidth(min(theme.px(THREADS_WIDTH), max(theme.px(_LEAST_THREADS), self.width() * 2 // 5)))
        is_low = self.height() < theme.px(_LOW)
        if is_low == self._is_low:
            return
        self._is_low = is_low
        line, foot = (0, 1) if is_low else (1, 2)
        self._below.addWidget(self.line, line, 0, 1, 2 if is_low else 3)
        self._below.addWidget(self.send, line if is_low else foot, 2)
        self._below.addWidget(self._quick_row, foot if is_low else 0, 0, 1, 3)
        self._below.addWidget(self._hint, foot, 0, 1, 3 if is_low else 2)
        self._below.setColumnStretch(1, 1)
        self._show_foot()

    def _show_foot(self) -> None:
        """In a low panel what matters of the hint takes the place of the quick texts."""
        self._quick_row.setVisible(not (self._is_low and self._hint_matters))
        self._hint.setVisible(not self._is_low or self._hint_matters)

    def _show_quick_keys(self, has_keyboard: bool) -> None:
        """Their keys are told while they work."""
        self._quick_keys.setVisible(has_keyboard and bool(self._quick))

    # What is shown

    def set_threads(self, rows: Sequence[ThreadRow], current: str) -> None:
        """Show these threads, and that one of them is open; without any the page says what could be here."""
        had_keyboard = self.has_keyboard
        self.threads.keep_current_among(rows)
        before = self.threads.currentIndex().row()
        self._threads.set_rows(rows)
        self.threads.set_current_id(current)
        if self.threads.currentIndex().row() != before:  # what was written to comes on top, and is not left half hidden
            self.threads.scrollTo(self.threads.currentIndex())
        shown = self.line if rows else self._empty
        self.setFocusProxy(shown)
        self._middle.setCurrentWidget(self._open if rows else self._empty)
        if had_keyboard and not self.has_keyboard:
            shown.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def has_keyboard(self) -> bool:
        """Whether keys go to the panel now."""
        return any(part.hasFocus() for part in (self.threads, self.messages, self.line, self._empty))

    def set_thread(self, thread: str, name: str, about: str, rows: Sequence[MessageRow]) -> None:
        """Show the messages of the open thread, the oldest first; a new one at the end comes into sight."""
        was_at_end = thread != self._shown or self._at_end
        if thread != self._shown:
            self._delegate.whole.clear()
            self.messages.clear_current()
        self._shown = thread
        self._head.set_words(one_line(name), one_line(about))
        self._messages.set_rows(rows)
        self._looks.start()
        if was_at_end:
            self._to_end.start()

    def ids_in_sight(self) -> list[str]:
        """The ids of the messages that can be seen, in part at least; none before they stand where they will."""
        if self._to_end.isActive() or self._looks.isActive():
            return []
        view, sight = self.messages, self.messages.viewport().rect()
        places = (view.visualRect(self._messages.index(number)) for number in range(self._messages.rowCount()))
        return [row.id for row, place in zip(self.rows(), places, strict=True) if place.intersects(sight)]

    def _go_to_end(self) -> None:
        self.messages.scrollToBottom()
        self._at_end = True
        self._looks.start()

    def _on_scrolled(self, value: int) -> None:
        self._at_end = value >= self.messages.verticalScrollBar().maximum() - self._theme.px(4)
        self._looks.start()

    def set_empty(self, title: str, why: str, keys: Sequence[tuple[str, str]] = ()) -> None:
        """What to say while there is no thread."""
        self._empty.set_words(title, why, keys)

    def set_quick(self, texts: Sequence[str]) -> None:
        """The quick texts, three at most."""
        self._quick = tuple(texts[:QUICK_TEXTS])
        for number, button in enumerate(self.quick_buttons):
            button.setVisible(number < len(self._quick))
            if number < len(self._quick):
                button.set_verb(one_line(self._quick[number], 24))
                button.setToolTip(tip(self._quick[number]))

    def set_hint(self, words: str, *, matters: bool = False, why_not: str = "") -> None:
        """What becomes of what is written, or why it cannot be sent. What `matters` is shown in a low panel too."""
        self._hint_matters = matters or bool(why_not)
        self._hint.set_words(why_not or words, warns=bool(why_not))
        self._show_foot()
        self.send.set_why_not(why_not)

    @property
    def hint(self) -> str:
        """What is said beside the button."""
        return self._hint.words

    def set_text(self, text: str) -> None:
        """Put a text into the line, such as a draft; nothing is announced."""
        self.line.blockSignals(True)
        self.line.setPlainText(text)
        self.line.moveCursor(self.line.textCursor().MoveOperation.End)
        self.line.blockSignals(False)
        self.line.fit()

    @property
    def text(self) -> str:
        """What stands in the line."""
        return self.line.toPlainText()

    def thread_ids(self) -> list[str]:
        """The ids of the threads, from the top."""
        return self._threads.ids()

    def rows(self) -> list[MessageRow]:
        """The messages that are shown."""
        return [self._messages.row(number) for number in range(self._messages.rowCount())]

    def thread_rows(self) -> list[ThreadRow]:
        """The threads that are shown."""
        return [self._threads.row(number) for number in range(self._threads.rowCount())]

    # What is done

    def _on_thread(self, thread: str) -> None:
        if thread and thread != self._shown:
            self.thread_opened.emit(thread)

    def _on_thread_opened(self, thread: str) -> None:
        self._on_thread(thread)
        self.line.setFocus(Qt.FocusReason.TabFocusReason)

    def _on_message(self, message: str) -> None:
        number = self._messages.number_of(message)
        if number < 0:
            return
        row = self._messages.row(number)
        if self._delegate.is_cut(row, self.messages.viewport().width()):
            self._delegate.whole.add(message)
            self.messages.doItemsLayout()
        else:
            self.message_opened.emit(message)

    def _on_send(self) -> None:
        if self.send.isEnabled():
            self.send_asked.emit(self.line.toPlainText())

    def _on_quick(self, number: int) -> None:
        if number > len(self._quick):
            return
        cursor = self.line.textCursor()
        before = self.line.toPlainText()[: cursor.position()]
        gap = " " if before and not before[-1].isspace() else ""
        cursor.insertText(gap + self._quick[number - 1])
        self.line.setFocus(Qt.FocusReason.OtherFocusReason)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.messages.scheduleDelayedItemsLayout()
            if self._at_end:  # the line below has grown with what is written
                self._to_end.start()
        return super().eventFilter(watched, event)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.shown.emit()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()


def _thread_words(row: ThreadRow) -> str:
    return ", ".join(part for part in (row.title, row.unread, row.time, row.words) if part)


def _message_words(row: MessageRow) -> str:
    return ", ".join(part for part in (row.who, row.time, row.report, row.text, row.state) if part)
