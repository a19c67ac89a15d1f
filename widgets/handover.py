"""The draft of a hand-over: what the next shift takes over, line by line, with the remarks and marks of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from widgets.focus import FocusRing
from widgets.keys import KeyButton, cap_size, is_bare_enter, is_enter, paint_cap
from widgets.messages import QUICK_TEXTS, LineHint, claims_quick_text, quick_text_of
from widgets.rows import AT_LEFT, Index, RowDelegate, RowsModel, RowsView
from widgets.states import EmptyState
from widgets.symbols import Symbols, paint_mark
from widgets.text import one_line, tip, wrap
from widgets.theme import Theme

LINE_HEIGHT, HEADING_HEIGHT = 44, 24
_HEAD_HEIGHT, _COLUMNS_HEIGHT, _BUTTONS_HEIGHT = 32, 24, 48
_IN_FIRST_LINE = 4
"""So many of the buttons stand in the first line where there are two."""
_REMARK, _MARK = 312, 166
"""The widths of the two columns at the right in a panel of 910."""
_WIDE = 640
"""A narrower page leaves what a line is about the room that remarks have else."""

CONFIRM, ASK, REMARK, OPEN, TAKE, SECTION, SIGN, PRINT, CITY = (
    "confirm", "ask", "remark", "open", "take", "section", "sign", "print", "city",
)  # fmt: skip
_LETTERS = {"Q": ASK, "N": REMARK, "G": OPEN, "T": TAKE, "S": SECTION, "C": CITY}
_CAPS = {CONFIRM: "↵", SIGN: "Ctrl ↵", PRINT: "Ctrl P"} | {intent: letter for letter, intent in _LETTERS.items()}
_CHANGES = frozenset({CONFIRM, ASK, REMARK, SECTION})
"""What changes a hand-over before it is signed."""
HANDOVER_CAPS = frozenset({*_CAPS.values(), "Esc"})
"""The keys that are this panel's own while it has the keyboard, as their caps show them."""


@dataclass(frozen=True)
class HandoverRow:
    """A line, or the heading of a section (`is_heading`), whose `note` stands at its right end.

    `when` follows the title, or stands first below it where there is no room. `words` are what was asked and answered
    about it last. `mark` is hollow, half or solid; levels:
    "must" has to be confirmed, "over" is confirmed, "" the others. `priority` and `status` choose the symbol of a
    report, `unit` that of a unit; without either there is none.
    """

    id: str
    title: str
    when: str = ""
    stands: str = ""
    remark: str = ""
    mark: str = ""
    mark_text: str = ""
    level: str = ""
    priority: int = 0
    status: int = 0
    unit: str = ""
    note: str = ""
    is_heading: bool = False
    is_new: bool = False
    words: str = ""


class HandoverModel(RowsModel):
    """The lines under their headings; a heading is no line that anything can be done to."""

    @override
    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.isValid() and self.row(index.row()).is_heading:
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index)


class HandoverView(RowsView):
    """The list. Enter confirms; a double click opens, as it may be meant for nothing more."""

    chord = Signal(str)
    """An intent whose key has Ctrl."""
    left = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.own_keys = frozenset(_LETTERS)
        self.setUniformItemSizes(False)

    @override
    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Headings are stepped over."""
        moved = super().moveCursor(action, modifiers)
        at, model, now = moved.row(), self.rows_model(), self.currentIndex().row()
        up = at < now
        while 0 <= at < model.rowCount() and model.row(at).is_heading:
            at += -1 if up else 1
        return model.index(at) if 0 <= at < model.rowCount() else self.currentIndex()

    def go_to_first(self) -> None:
        """Make the first line the current one, if none is."""
        model = self.rows_model()
        first = next((at for at in range(model.rowCount()) if not model.row(at).is_heading), -1)
        if not self.currentIndex().isValid() and first >= 0:
            self.setCurrentIndex(model.index(first))

    @override
    def focusInEvent(self, event: object) -> None:
        self.go_to_first()
        super().focusInEvent(event)

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _chord(event):
            event.accept()
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if intent := _chord(event):
            if not event.isAutoRepeat():
                self.chord.emit(intent)
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    @override
    def _on_activated(self, index: QModelIndex) -> None:
        self.own_key.emit("G")


def _chord(event: QKeyEvent) -> str:
    if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier != Qt.KeyboardModifier.ControlModifier:
        return ""
    if is_enter(event):
        return SIGN
    return PRINT if event.key() == Qt.Key.Key_P else ""


def place_handover_columns(theme: Theme, width: int) -> tuple[QRect, QRect, QRect]:
    """Where what it is about, the remark and the mark stand in a line `width` wide."""
    mark = min(theme.px(_MARK), width * 22 // 100)
    remark = min(theme.px(_REMARK), width * (34 if width >= theme.px(_WIDE) else 26) // 100)
    what = width - mark - remark
    return QRect(0, 0, what, 1), QRect(what, 0, remark, 1), QRect(what + remark, 0, mark, 1)


class _LineDelegate(RowDelegate):
    def __init__(self, theme: Theme, symbols: Symbols, parent: QObject) -> None:
        super().__init__(theme, LINE_HEIGHT, parent)
        self._symbols = symbols

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        row: HandoverRow = index.data(Qt.ItemDataRole.UserRole)
        return QSize(0, self._theme.px(HEADING_HEIGHT if row.is_heading else LINE_HEIGHT))

    @override
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: HandoverRow = index.data(Qt.ItemDataRole.UserRole)
        if not row.is_heading:
            super().paint(painter, option, index)
            return
        theme, box = self._theme, option.rect
        painter.fillRect(box, theme.color("surface.raised"))
        painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), theme.color("border.divider"))
        place = box.adjusted(theme.px(4), 0, -theme.px(4), 0)
        self.paint_text(painter, place, row.title, "text.primary", 600)
        left = theme.px(14) + QFontMetrics(theme.font("dense", 600)).horizontalAdvance(row.title)
        self.paint_text(painter, place.adjusted(left, 0, 0, 0), row.stands, "text.tertiary")
        self.paint_text(painter, place, row.note, "text.tertiary", right=True)

    @override
    def ground(self, option: QStyleOptionViewItem, *, current: bool, has_keyboard: bool) -> str:
        return "surface.selected" if has_keyboard else super().ground(option, current=current, has_keyboard=False)

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: HandoverRow) -> None:
        theme = self._theme
        what, remark, mark = (place.translated(box.left(), 0) for place in place_handover_columns(theme, box.width()))
        first = QRect(0, box.top() + theme.px(5), 0, theme.px(17))
        second = QRect(0, first.bottom() + 1, 0, theme.px(17))
        if row.is_new:
            painter.fillRect(QRect(box.left(), box.top(), theme.px(3), box.height() - 1), theme.color("accent.base"))
        self._paint_symbol(
            painter, QRect(box.left() + theme.px(12), first.top() + theme.px(1), theme.px(18), first.height()), row
        )
        text = QRect(what.left() + theme.px(32), 0, what.width() - theme.px(32), 1)
        weight = 400 if row.level == "over" else 600
        ink = "text.secondary" if row.level == "over" else "text.primary"
        title, stands = row.title, row.stands
        if row.when:
            title = f"{row.title} · {row.when}"
            room = text.width() - theme.px(16)
            if QFontMetrics(theme.font("dense", weight)).horizontalAdvance(one_line(title)) > room:
                title, stands = row.title, ", ".join(part for part in (row.when, row.stands) if part)
        self.paint_text(painter, _beside(text, first), title, ink, weight)
        self.paint_text(painter, _beside(text, second), stands, "text.tertiary")
        for edge in (remark, mark):
            painter.fillRect(QRect(edge.left(), box.top(), 1, box.height()), theme.color("border.subtle"))
        room = remark.width() - theme.px(16)
        shown = [(line, "text.secondary") for line in self._wrapped(row.remark, room, 1 if row.words else 2)]
        shown += [(line, "text.primary") for line in self._wrapped(row.words, room, 2 - len(shown))]
        for (line, ink), place in zip(shown, (first, second), strict=False):
            self.paint_text(painter, _beside(remark, place), line, ink)
        if not shown:
            self.paint_text(painter, _beside(remark, first), self.tr("no remark"), "text.disabled")
        must = row.level == "must"
        color = theme.color("priority.p2" if must else "text.primary")
        middle = box.top() + box.height() // 2
        paint_mark(painter, theme, mark.left() + theme.px(12), middle - theme.px(4), row.mark, color)
        place = QRect(mark.left() + theme.px(20), box.top(), mark.width() - theme.px(20), box.height())
        ink = "priority.p2" if must else "text.primary" if row.mark == "half" else "text.secondary"
        lines = self._wrapped(row.mark_text, place.width() - theme.px(16), 2)
        if len(lines) == 1:
            self.paint_text(painter, place, lines[0], ink, 600 if must else 400)
        for line, at in zip(lines if len(lines) > 1 else (), (first, second), strict=False):
            self.paint_text(painter, _beside(place, at), line, ink, 600 if must else 400)

    def _wrapped(self, text: str, room: int, most: int) -> list[str]:
        return wrap(one_line(text), self._theme.font("dense"), room, most) if text else []

    def _paint_symbol(self, painter: QPainter, place: QRect, row: HandoverRow) -> None:
        if row.unit:
            self._symbols.unit(painter, place, row.unit)
        elif row.priority:
            side = self._theme.px(15)
            self._symbols.report(painter, QRect(place.left(), place.top(), side, side), row.priority, row.status)


def _beside(column: QRect, line: QRect) -> QRect:
    return QRect(column.left(), line.top(), column.width(), line.height())


class _HandoverHead(QWidget):
    """Title and figures, how much is confirmed, and the words over the columns."""

    city_asked = Signal()
    """The name of the city was clicked."""

    def __init__(self, theme: Theme, view: QAbstractItemView, open_key: str) -> None:
        super().__init__()
        self._theme, self._view, self._open_key = theme, view, open_key
        self._title, self._note, self._share, self._city = "", "", 0.0, ""
        self.setFixedHeight(theme.px(_HEAD_HEIGHT + _COLUMNS_HEIGHT))

    def set_words(self, title: str, note: str, share: float, city: str) -> None:
        self._title, self._note, self._share, self._city = title, note, share, city
        self.setAccessibleName(", ".join(part for part in (city, title, note) if part))
        self.update()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        name = QFontMetrics(self._theme.font("dense", 600)).horizontalAdvance(f"{self._city} ▾")
        place = QRect(0, 0, self._theme.px(12) + name, self._theme.px(_HEAD_HEIGHT))
        if self._city and place.contains(event.position().toPoint()):
            self.city_asked.emit()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        high = theme.px(_HEAD_HEIGHT)
        painter.fillRect(QRect(0, 0, self.width(), high), theme.color("surface.raised"))
        right = self.width() - theme.px(12)
        for cap in (self._open_key, _CAPS[PRINT], *((_CAPS[CITY],) if self._city else ())):
            right -= cap_size(theme, cap).width()
            paint_cap(painter, theme, right, high // 2, cap)
            right -= theme.px(6)
        font, left, title = theme.font("dense", 600), theme.px(12), self._title
        if self._city:
            title = f"{self._city} ▾ · {self._title}"
        title = QFontMetrics(font).elidedText(title, Qt.TextElideMode.ElideRight, right - left - theme.px(12))
        painter.setFont(font)
        painter.setPen(theme.color("text.primary"))
        painter.drawText(QRect(left, 0, right, high), AT_LEFT, title)
        left += theme.px(12) + QFontMetrics(font).horizontalAdvance(title)
        font = theme.font("caption")
        painter.setFont(font)
        painter.setPen(theme.color("text.tertiary"))
        room = max(0, right - left)
        note = QFontMetrics(font).elidedText(self._note, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, 0, room, high), AT_LEFT, note)
        bar = QRect(0, high - theme.px(3), self.width(), theme.px(3))
        painter.fillRect(bar, theme.color("border.divider"))
        painter.fillRect(
            QRect(bar.left(), bar.top(), round(bar.width() * self._share), bar.height()), theme.color("accent.base")
        )
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), theme.color("border.divider"))
        painter.setFont(theme.font("caption", 500))
        painter.setPen(theme.color("text.tertiary"))
        words = (self.tr("What, and where it stands"), self.tr("Remark of the outgoing, answers"), self.tr("Incoming"))
        indents = (theme.px(40), theme.px(8), theme.px(12))
        for place, text, indent in zip(
            place_handover_columns(theme, self._view.viewport().width()), words, indents, strict=True
        ):
            box = QRect(place.left() + indent, high, place.width() - indent - theme.px(4), self.height() - high)
            painter.drawText(
                box, AT_LEFT, painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
            )


class _RemarkLine(QLineEdit):
    """Where a remark is typed; each letter is kept, so that Esc loses none."""

    done = Signal(bool)
    """It is left: whether by Enter."""

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if is_bare_enter(event):
            if not event.isAutoRepeat():
                self.done.emit(True)
        elif event.key() == Qt.Key.Key_Escape:
            self.done.emit(False)
        else:
            super().keyPressEvent(event)


class _QuestionLine(_RemarkLine):
    """Where a question is typed; Alt and a digit are quick texts."""

    quick = Signal(int)

    @override
    def event(self, event: QEvent) -> bool:
        return claims_quick_text(event) or super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if number := quick_text_of(event):
            if not event.isAutoRepeat():
                self.quick.emit(number)
        else:
            super().keyPressEvent(event)


class HandoverPanel(QWidget):
    """The draft; what its lines say is the caller's. Intents carry the id of the current line."""

    intent = Signal(str, str)
    """(CONFIRM, ASK, OPEN, TAKE, SECTION, SIGN, PRINT or CITY; the id of the line, "" for none)."""
    remarked = Signal(str, str)
    """What stands in the remark of a line now, with each letter."""
    questioned = Signal(str, str)
    """What stands in the question about a line now, with each letter."""
    asked = Signal(str, str)
    """Enter in the question about a line, with what it is; "" where nothing was typed."""
    left = Signal()
    menu_asked = Signal(QPoint)

    def __init__(self, theme: Theme, symbols: Symbols, open_key: str = "", longest: int = 500) -> None:
        """`open_key` is the key, known elsewhere, by which the panel comes and goes; `longest` is of a remark."""
        super().__init__()
        self._theme = theme
        self._model = HandoverModel(_words, self)
        self.view = HandoverView(self.tr("Hand-over"), self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(_LineDelegate(theme, symbols, self.view))
        self.view.opened.connect(lambda line: self.intent.emit(CONFIRM, line))
        self.view.own_key.connect(lambda key: self._on_intent(_LETTERS[key]))
        self.view.chord.connect(self._on_intent)
        self.view.left.connect(self.left)
        self.view.entered.connect(lambda _: self._tell())
        self.view.menu_asked.connect(self.menu_asked)
        self._head = _HandoverHead(theme, self.view, open_key)
        self._head.city_asked.connect(lambda: self._on_intent(CITY))
        self._empty = EmptyState(theme)
        self._empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._middle = QStackedWidget()
        self._middle.addWidget(self.view)
        self._middle.addWidget(self._empty)
        self.remark = _RemarkLine()
        self.remark.setMaxLength(longest)
        self.remark.setAccessibleName(self.tr("Remark"))
        self.remark.hide()
        self.question = _QuestionLine()
        self.question.setMaxLength(longest)
        self.question.setAccessibleName(self.tr("Question"))
        self.quick_buttons = [KeyButton(theme, "", f"Alt {number}", height=24) for number in range(1, QUICK_TEXTS + 1)]
        self._hint, self._quick = LineHint(theme), tuple[str, ...]()
        self._below_question = QWidget()
        self._questioned = ""
        self.question.textEdited.connect(lambda text: self.questioned.emit(self._questioned, text))
        self.question.done.connect(self._on_question_done)
        self.question.quick.connect(self._on_quick)
        self._remarked = ""
        self.remark.textEdited.connect(lambda text: self.remarked.emit(self._remarked, text))
        self.remark.done.connect(self._on_remark_done)
        self._sign_verb, self._is_signed = self.tr("Sign and take over"), False
        self.buttons: dict[str, KeyButton] = {}
        self._lines_of_buttons, self._split = (QHBoxLayout(), QHBoxLayout()), 0
        foot = self._make_foot()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head)
        column.addWidget(self._middle, 1)
        column.addWidget(foot)
        self._ring = FocusRing(theme, self)
        for part in (self.view, self._empty):
            self._ring.watch(part)
        self.view.viewport().installEventFilter(self)
        self.set_rows([])

    def _make_foot(self) -> QWidget:
        theme, foot = self._theme, QWidget()
        verbs = {
            CONFIRM: self.tr("Confirm"), ASK: self.tr("Ask about it"), REMARK: self.tr("Remark"),
            OPEN: self.tr("Open"), TAKE: self.tr("Take it now"), SECTION: self.tr("The section"),
            SIGN: self._sign_verb,
        }  # fmt: skip
        for intent, verb in verbs.items():
            button = KeyButton(theme, verb, _CAPS[intent], filled=intent == CONFIRM)
            button.setParent(foot)  # until it is laid in a line nothing else would take it away with the panel
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, intent=intent: self._on_intent(intent))
            self.buttons[intent] = button
        column = QVBoxLayout(foot)
        column.setContentsMargins(theme.px(12), theme.px(8), theme.px(12), theme.px(8))
        column.setSpacing(theme.px(6))
        column.addWidget(self.remark)
        column.addWidget(self.question)
        below = QHBoxLayout(self._below_question)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(theme.px(6))
        for number, button in enumerate(self.quick_buttons, start=1):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, number=number: self._on_quick(number))
            below.addWidget(button)
        below.addStretch(1)
        column.addWidget(self._hint)
        column.addWidget(self._below_question)
        self._end_question()
        for line in self._lines_of_buttons:
            line.setSpacing(theme.px(6))
            column.addLayout(line)
        return foot

    def _lay_buttons(self) -> None:
        """All buttons stand in one line, or in two where they have no room in one."""
        theme, buttons = self._theme, list(self.buttons.values())
        room = self.width() - 2 * theme.px(12) - theme.px(6) * (len(buttons) - 1)
        split = len(buttons) if sum(button.sizeHint().width() for button in buttons) <= room else _IN_FIRST_LINE
        if split == self._split:
            return
        self._split = split
        for line in self._lines_of_buttons:
            while line.takeAt(0) is not None:
                pass
        for number, button in enumerate(buttons):
            line = self._lines_of_buttons[number >= split]
            if button is self.buttons[SIGN]:
                line.addStretch(1)
            line.addWidget(button)
        self._lines_of_buttons[0].addStretch(split < len(buttons))

    def set_words(self, title: str, note: str, share: float, city: str = "") -> None:
        """The title, what is said of the draft, and which share of it is confirmed (0 to 1); which city it is of, where
        another one can be chosen.
        """
        self._head.set_words(title, note, share, city)

    def set_rows(self, rows: Sequence[HandoverRow]) -> None:
        """Show these lines; the current one stays the current one, and no other takes its place when it goes."""
        self.view.keep_current_among(rows)
        self._model.set_rows(rows)
        had_keyboard = self.view.hasFocus() or self._empty.hasFocus()
        shown = self.view if rows else self._empty
        self.setFocusProxy(shown)
        self._middle.setCurrentWidget(shown)
        if had_keyboard:
            shown.setFocus(Qt.FocusReason.OtherFocusReason)
        self._tell()

    def set_empty(self, title: str, why: str) -> None:
        """What to say while there is no line."""
        self._empty.set_words(title, why)

    def set_sign(self, why_not: str, *, is_signed: bool = False) -> None:
        """Why it cannot be signed now, "" when it can. What `is_signed` stays as it is: no line is confirmed then,
        asked about or remarked.
        """
        self._is_signed = is_signed
        self._tell()
        button = self.buttons[SIGN]
        if button.why_not != why_not:
            button.set_why_not(why_not)
            button.set_verb(self.tr("Sign: {why}").format(why=why_not) if why_not else self._sign_verb)
            self._lay_buttons()

    def row(self, line: str) -> HandoverRow | None:
        """A line as it is shown."""
        at = self._model.number_of(line)
        found = self._model.row(at) if at >= 0 else None
        return found if isinstance(found, HandoverRow) else None

    def shown_ids(self) -> list[str]:
        """The ids of all lines, from the top, without the headings."""
        return [row.id for row in map(self._model.row, range(self._model.rowCount())) if not row.is_heading]

    def current_id(self) -> str:
        """The id of the current line, "" for none."""
        return self.view.current_id()

    def go_to(self, line: str) -> None:
        """Make a line the current one, in sight."""
        self.view.set_current_id(line)
        self.view.scrollTo(self.view.currentIndex())
        self._tell()

    def write_remark(self) -> None:
        """Let the remark of the current line be typed."""
        row = self.row(self.current_id())
        if row is None:
            return
        self._end_question()
        self._remarked = row.id
        self.remark.setPlaceholderText(self.tr("Remark on {line}").format(line=one_line(row.title)))
        self.remark.setText(row.remark)
        self.remark.show()
        self.remark.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def write_question(self, line: str, begun: str, hint: str, quick: Sequence[str]) -> None:
        """Let a question about a line be typed, going on with what was begun. `hint` says what becomes of it, `quick`
        are texts for it, three at most.
        """
        row = self.row(line)
        if row is None:
            return
        self.remark.hide()
        self._questioned, self._quick = row.id, tuple(quick[:QUICK_TEXTS])
        for number, button in enumerate(self.quick_buttons):
            button.setVisible(number < len(self._quick))
            if number < len(self._quick):
                button.set_verb(one_line(self._quick[number], 24))
                button.setToolTip(tip(self._quick[number]))
        self.question.setPlaceholderText(self.tr("Ask about {line}").format(line=one_line(row.title)))
        self.question.setText(begun)
        self._hint.set_words(hint, warns=False)
        self.question.show()
        self._hint.show()
        self._below_question.setVisible(bool(self._quick))
        self.question.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.question.end(False)  # the key marks what stands there: typing would take it away

    @property
    def question_hint(self) -> str:
        """What is said below the question that is typed."""
        return self._hint.words

    def _end_question(self) -> None:
        for part in (self.question, self._hint, self._below_question):
            part.hide()

    def _on_question_done(self, by_enter: bool) -> None:
        self._end_question()
        self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if by_enter:
            self.asked.emit(self._questioned, self.question.text().strip())

    def _on_quick(self, number: int) -> None:
        if number <= len(self._quick):
            before = self.question.text()[: self.question.cursorPosition()]
            self.question.insert((" " if before and not before[-1].isspace() else "") + self._quick[number - 1])
            self.questioned.emit(self._questioned, self.question.text())
            self.question.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_remark_done(self, by_enter: bool) -> None:
        self.remark.hide()
        self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_intent(self, intent: str) -> None:
        if intent == REMARK:
            self.write_remark()
        elif intent in (SIGN, PRINT, CITY) or self.current_id():
            self.intent.emit(intent, self.current_id())

    def _tell(self) -> None:
        no_line = "" if self.current_id() else self.tr("Choose a line")
        for intent, button in self.buttons.items():
            why = self.tr("It is signed") if self._is_signed and intent in _CHANGES else no_line
            if intent != SIGN and button.why_not != why:
                button.set_why_not(why)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_buttons()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.color("surface.panel"))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:  # a scroll bar came or went: the words stay over their columns
            self._head.update()
        return super().eventFilter(watched, event)


def _words(row: HandoverRow) -> str:
    parts = (row.title, row.when, row.stands, row.remark, row.words, row.mark_text, row.note)
    return ", ".join(part for part in parts if part)
