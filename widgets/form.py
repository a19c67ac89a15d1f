"""What every form shares: a head that says why, a body, a foot whose filled button is what Ctrl+Enter does, a draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShortcut,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QScrollArea,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from widgets.keys import KeyButton, cap_size, paint_cap
from widgets.symbols import Symbols
from widgets.text import one_line
from widgets.theme import Theme, paint_focus

Index = QModelIndex | QPersistentModelIndex
DEBOUNCE_MS = 200
MOST_LETTERS = 20_000
"""The longest text that a server takes."""
_COUNTED_FROM = MOST_LETTERS - 1_000
_OFFERED = 7
_FRAME = 36
"""So much of the screen the title that the desktop puts over a window takes, in pixels at normal size."""


def make_label(theme: Theme, text: str, role: str = "body", token: str = "text.primary", weight: int = 400) -> QLabel:  # noqa: S107
    """A label that shows its text as it is, whatever stands in it."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    label.setFont(theme.font(role, weight))
    label.setStyleSheet(f"color:{theme.hex(token)};background:transparent")
    return label


def put_text(field: QPlainTextEdit, text: str) -> None:
    """Put a text in the place of what stands in the field, so that Ctrl+Z brings that back; the cursor is behind it."""
    cursor = QTextCursor(field.document())
    cursor.select(QTextCursor.SelectionType.Document)
    cursor.insertText(text)
    field.moveCursor(QTextCursor.MoveOperation.End)


class Form(QDialog):
    """A window of its own beside the console, which stays live behind it.

    Ctrl+Enter commits when `why_not()` is "", Esc leaves; what was entered then goes out as a draft with `left`.
    `about` says beside the title what it is for, whatever is chosen in the console meanwhile.
    """

    committed = Signal(dict)
    left = Signal(dict)
    """The operator went away without committing; the values are a draft ({} when nothing was entered)."""
    typed = Signal()
    """Something was entered."""
    changed = Signal(dict)
    """The values, a moment after the last keystroke."""
    draft_cleared = Signal()
    """The draft that was offered is not wanted."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        sentence: str = "",
        *,
        commit_text: str,
        commit_keys: str = "Ctrl ↵",
        width: int = 560,
        about: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.theme = theme
        self._done = False
        self._texts: list[tuple[str, QPlainTextEdit]] = []
        self.setModal(False)
        self.setWindowTitle(one_line(": ".join(part for part in (title, about) if part), 120))
        self.setAccessibleName(one_line(title))
        self.setFixedWidth(theme.px(width))
        px = theme.px
        column = self.column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)

        head = QWidget()
        head_row = QHBoxLayout(head)
        head_row.setContentsMargins(px(16), px(14), px(16), px(14))
        head_row.setSpacing(px(12))
        words = QVBoxLayout()
        words.setSpacing(px(2))
        first = QHBoxLayout()
        first.setSpacing(px(8))
        self._title = make_label(theme, title, "title", weight=600)
        first.addWidget(self._title)
        room = theme.px(width - 40) - self._title.sizeHint().width()
        self._about = make_label(theme, "", "mono", "text.tertiary")
        self._about.setText(self._about.fontMetrics().elidedText(one_line(about), Qt.TextElideMode.ElideRight, room))
        self._about.setVisible(bool(about))
        first.addWidget(self._about)
        first.addStretch(1)
        words.addLayout(first)
        self._sentence = make_label(theme, sentence, "body", "text.secondary")
        self._sentence.setWordWrap(True)
        self._sentence.setVisible(bool(sentence))
        words.addWidget(self._sentence)
        head_row.addLayout(words, 1)
        column.addWidget(head)
        column.addWidget(divider(theme))

        self._area: QScrollArea | None = None
        body = self._body = QWidget()
        self.body = QVBoxLayout(body)
        self.body.setContentsMargins(px(16), px(12), px(16), px(16))
        self.body.setSpacing(px(4))
        column.addWidget(body, 1)
        self._draft_row = QWidget()
        draft_row = QHBoxLayout(self._draft_row)
        draft_row.setContentsMargins(0, 0, 0, 0)
        self._draft_label = make_label(theme, "", "caption", "text.tertiary")
        draft_row.addWidget(self._draft_label)
        draft_row.addStretch(1)
        self.draft_buttons = QHBoxLayout()
        self.draft_buttons.setSpacing(px(8))
        draft_row.addLayout(self.draft_buttons)
        self.clear_button = KeyButton(theme, self.tr("Clear the draft"), "Alt Del", height=24)
        self.clear_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.draft_buttons.addWidget(self.clear_button)
        self._draft_row.hide()
        self.body.addWidget(self._draft_row)
        self._before_draft: dict[str, Any] = {}

        column.addWidget(divider(theme))
        foot = QWidget()
        foot.setObjectName("foot")
        foot.setStyleSheet(f"#foot{{background:{theme.hex('surface.raised')}}}")
        self.foot_row = QHBoxLayout(foot)
        self.foot_row.setContentsMargins(px(16), px(10), px(16), px(10))
        self.foot_row.setSpacing(px(8))
        self._why = make_label(theme, "", "dense", "text.secondary")
        self._why.setWordWrap(True)
        self.foot_row.addWidget(self._why, 1)
        self.leave_button = KeyButton(theme, self.tr("Leave"), "Esc", height=32)
        self.leave_button.clicked.connect(self.reject)
        self.foot_row.addWidget(self.leave_button)
        self.commit_button = KeyButton(theme, commit_text, commit_keys, filled=True, height=32)
        self.commit_button.clicked.connect(self.commit)
        self.foot_row.addWidget(self.commit_button)
        column.addWidget(foot)

        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self).activated.connect(self.commit)
        self._clear_key = QShortcut(QKeySequence("Alt+Delete"), self)
        self._clear_key.setEnabled(False)
        self._clear_key.activated.connect(self.clear_draft)
        self.clear_button.clicked.connect(self.clear_draft)
        self._pause = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._pause.timeout.connect(self._tell_changed)

    # ---------------------------------------------------------------- for the kinds of form

    def values(self) -> dict[str, Any]:
        """What is entered now."""
        return {}

    def set_values(self, draft: dict[str, Any]) -> None:
        """Take up a draft made by `values`. Unknown or missing keys are left alone."""

    def why_not(self) -> str:
        """Why it cannot be committed yet, "" when it can."""
        return ""

    def held_up_by(self) -> QWidget | None:
        """The field that `why_not` speaks of; Ctrl+Enter takes the keyboard there."""
        return None

    def first_field(self) -> QWidget:
        """Where the keyboard goes first."""
        return self

    @property
    def has_draft(self) -> bool:
        """Whether a draft was filled in and not cleared."""
        return self._clear_key.isEnabled()

    @property
    def is_done(self) -> bool:
        """Whether it was committed or left: nothing is entered any more unless it is opened again."""
        return self._done

    def is_empty(self) -> bool:
        """Whether nothing worth keeping was entered."""
        return not any(value not in ("", None, [], {}, ()) for value in self.values().values())

    # ---------------------------------------------------------------- for callers

    def open_beside(self, anchor: QWidget | None = None) -> None:
        """Show it over the middle of the anchor (the map), inside the screen, and give it the keyboard."""
        self._done = False
        self.touch()
        self.fit()
        if anchor is not None:
            middle = anchor.mapToGlobal(anchor.rect().center())
            screen = anchor.screen().availableGeometry()
            place = QRect(middle - QPoint(self.width() // 2, self.height() // 2), self.size())
            place.moveRight(min(place.right(), screen.right()))
            place.moveBottom(min(place.bottom(), screen.bottom()))
            place.moveLeft(max(place.left(), screen.left()))
            place.moveTop(max(place.top(), screen.top()))
            self.move(place.topLeft())
        self.show()
        self.raise_()
        self.activateWindow()
        self.first_field().setFocus(Qt.FocusReason.ShortcutFocusReason)

    def step_aside(self, anchor: QWidget) -> None:
        """Give the middle of the anchor free: what is to be pointed at lies there."""
        self.move(max(anchor.mapToGlobal(QPoint(0, 0)).x(), anchor.screen().availableGeometry().left()), self.y())

    def offer_draft(self, draft: dict[str, Any], words: str) -> None:
        """Fill in a draft made by `values`; `words` say what it is, beside a button that takes it out again."""
        self._before_draft = self.values()
        self.set_values(draft)
        for _, field in self._texts:  # Ctrl+Z takes back what is typed, and not the draft
            field.document().clearUndoRedoStacks()
        self._draft_label.setText(one_line(words))
        self._show_draft(True)

    def clear_draft(self) -> None:
        """The form as it was before the draft was filled in; Ctrl+Z in a text brings its words back."""
        self._show_draft(False)
        self.set_values(self._before_draft)
        self.first_field().setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.draft_cleared.emit()

    def _show_draft(self, shown: bool) -> None:
        self._draft_row.setVisible(shown)
        self._clear_key.setEnabled(shown)

    def fit(self) -> None:
        """Take the height the content needs; where the screen is too low, the body scrolls and the foot stays.

        (QWidget.adjustSize would stop at two thirds of the screen.)
        """
        screen = (self.parentWidget() or self).screen().availableGeometry()
        room = screen.height() - self.theme.px(_FRAME)
        if self.width() > screen.width():
            self.setFixedWidth(screen.width())
        column = self.column
        high = column.totalHeightForWidth(self.width()) if column.hasHeightForWidth() else -1
        high = max(high, column.totalSizeHint().height())
        if high > room and self._area is None:
            area = self._area = QScrollArea()
            area.setWidgetResizable(True)
            area.setFrameShape(QFrame.Shape.NoFrame)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            column.insertWidget(column.indexOf(self._body), area, 1)  # in the form first: else the order of Tab is lost
            area.setWidget(self._body)
            area.setStyleSheet("QScrollArea{background:transparent}")
            self._body.setAutoFillBackground(False)
            area.viewport().setAutoFillBackground(False)
        self.resize(self.width(), high if self._area is None else room)

    def set_sentence(self, text: str) -> None:
        """Change the sentence under the title."""
        self._sentence.setText(text)
        self._sentence.setVisible(bool(text))

    def touch(self) -> None:
        """Something was entered: look again whether it can be committed, and tell a moment later."""
        why = self._too_long() or self.why_not()
        self.commit_button.set_why_not(why)
        self._why.setText(why or self._count() or self.foot_note())
        self._pause.start()
        self.typed.emit()

    def foot_note(self) -> str:
        """What stands left of the buttons while nothing is in the way."""
        return ""

    def commit(self) -> None:
        """Do what the filled button says, if it can be done."""
        if self._too_long() or self.why_not():
            self.touch()
            field = self.held_up_by()
            if field is not None:
                field.setFocus(Qt.FocusReason.ShortcutFocusReason)
                if self._area is not None:
                    self._area.ensureWidgetVisible(field)
            return
        self._done = True
        self._pause.stop()
        values = self.values()
        self.hide()
        self.committed.emit(values)

    def field_label(self, text: str, note: str = "") -> QWidget:
        """The words over a field."""
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, self.theme.px(6), 0, 0)
        row.setSpacing(self.theme.px(8))
        row.addWidget(make_label(self.theme, text, "caption", "text.tertiary"))
        if note:
            row.addStretch(1)
            row.addWidget(make_label(self.theme, note, "caption", "text.tertiary"))
        else:
            row.addStretch(1)
        return box

    def text_field(self, name: str, lines: int) -> QPlainTextEdit:
        """A field of several lines; Tab leaves it."""
        field = QPlainTextEdit()
        field.setTabChangesFocus(True)
        field.setAccessibleName(one_line(name))
        field.setFont(self.theme.font("body"))
        # The style sheet's least height would win over setFixedHeight.
        high = self.theme.line("body") * lines + self.theme.px(10)
        field.setStyleSheet(f"QPlainTextEdit{{min-height:{high}px;max-height:{high}px}}")
        field.textChanged.connect(self.touch)
        self._texts.append((name, field))
        return field

    def _too_long(self) -> str:
        """That a text is longer than a server takes, and by how much."""
        for name, field in self._texts:
            over = len(field.toPlainText().strip()) - MOST_LETTERS
            if over > 0:
                words = self.tr("{name} is too long by {over}: {most} letters at most")
                return words.format(name=name, over=f"{over:,}", most=f"{MOST_LETTERS:,}")
        return ""

    def _count(self) -> str:
        """How many letters of a text there are, once there is not much room left."""
        counts = [len(field.toPlainText().strip()) for _, field in self._texts]
        most = max(counts, default=0)
        words = self.tr("{n} of {most} letters")
        return words.format(n=f"{most:,}", most=f"{MOST_LETTERS:,}") if most > _COUNTED_FROM else ""

    def line_field(self, name: str, placeholder: str = "") -> QLineEdit:
        """A field of one line."""
        field = QLineEdit()
        field.setAccessibleName(one_line(name))
        field.setPlaceholderText(placeholder)
        field.setFont(self.theme.font("body"))
        field.setMaxLength(400)
        field.textChanged.connect(self.touch)
        return field

    # ---------------------------------------------------------------- inside

    def _tell_changed(self) -> None:
        self.changed.emit(self.values())

    @override
    def reject(self) -> None:
        if self._done or not self.isVisible():
            return
        self._done = True
        self._pause.stop()
        draft = {} if self.is_empty() else self.values()
        self.hide()
        self.left.emit(draft)
        self.close()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Enter alone never commits a form; Ctrl+Enter does.
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
            return
        super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self.theme.color("surface.panel"))


def divider(theme: Theme) -> QWidget:
    """A line across."""
    line = QFrame()
    line.setFixedHeight(1)
    line.setStyleSheet(f"background:{theme.hex('border.divider')}")
    return line


# -------------------------------------------------------------------- choices


@dataclass(frozen=True)
class Choice:
    """One thing to choose: its words, a note at the right, a drawing, and further words it is found by."""

    id: str
    text: str
    note: str = ""
    glyph: str = ""
    unit_state: str = ""
    words: str = ""


def matching(choices: Sequence[Choice], typed: str) -> list[Choice]:
    """The choices that hold every word typed: those that begin with it first, then those with a word that does."""
    wanted = typed.casefold().split()
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
        self._shown: list[Choice] = []

    def show_choices(self, choices: Sequence[Choice]) -> None:
        """Replace what is shown."""
        if list(choices) == self._shown:
            return
        self.beginResetModel()
        self._shown = list(choices)
        self.endResetModel()

    def choice(self, number: int) -> Choice | None:
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
    """Draws a choice, 28 px: drawing, words, note."""

    def __init__(self, theme: Theme, symbols: Symbols | None, parent: QObject) -> None:
        super().__init__(parent)
        self._theme, self._symbols = theme, symbols

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, self._theme.px(28))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, box = self._theme, option.rect
        choice: Choice = index.data(Qt.ItemDataRole.UserRole)
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


class TypeAhead(QLineEdit):
    """A field with a list under it while one types. Up and Down move, Enter and Tab take, Esc closes the list.

    With `free` what is typed counts too, and Tab leaves it as typed; without, only a choice does. With `ready` the
    choices come from outside already found (`set_choices` after `typed`), else they are searched here.
    """

    typed = Signal(str)
    picked = Signal(str)
    """A choice was taken; "" when the text no longer is one."""

    def __init__(
        self,
        theme: Theme,
        symbols: Symbols | None,
        name: str,
        *,
        free: bool = False,
        ready: bool = False,
    ) -> None:
        super().__init__()
        self._theme, self._symbols, self._free, self._ready = theme, symbols, free, ready
        self._all: list[Choice] = []
        self._value = ""
        self._drop: QListView | None = None
        self._model = ChoiceModel(self)
        self.setAccessibleName(one_line(name))
        self.setFont(theme.font("body"))
        self.setMaxLength(400)
        self.textEdited.connect(self._on_edited)

    def set_choices(self, choices: Sequence[Choice]) -> None:
        """What can be chosen."""
        self._all = list(choices)
        if self.hasFocus() and self._value == "" and self.text():
            self._offer()

    def value(self) -> str:
        """The id of the choice, "" for none."""
        return self._value

    def set_value(self, choice_id: str) -> None:
        """Choose from outside; nothing is announced."""
        choice = next((one for one in self._all if one.id == choice_id), None)
        if choice is not None:
            self._value = choice.id
            self.setText(choice.text)

    def set_free_text(self, text: str) -> None:
        """Put text that is no choice."""
        self._value = ""
        self.setText(text)

    def offered(self) -> list[Choice]:
        """What the open list shows; nothing while it is closed."""
        if self._drop is None or not self._drop.isVisible():
            return []
        return [choice for number in range(self._model.rowCount()) if (choice := self._model.choice(number))]

    def _on_edited(self, text: str) -> None:
        if self._value:
            self._value = ""
            self.picked.emit("")
        self.typed.emit(text)
        self._offer()

    def _offer(self, *, everything: bool = False) -> None:
        typed = "" if everything else self.text()
        shown = self._all if self._ready else matching(self._all, typed)
        self._model.show_choices(shown[:200])
        if not shown or not (typed or everything):
            self._close()
            return
        drop = self._open()
        drop.setCurrentIndex(self._model.index(0))
        height = self._theme.px(28) * min(_OFFERED, len(shown)) + 2
        place = self.mapTo(self.window(), QPoint(0, self.height() + 2))
        if place.y() + height > self.window().height():
            place = self.mapTo(self.window(), QPoint(0, -height - 2))
        drop.setGeometry(QRect(place, QSize(self.width(), height)))
        drop.show()
        drop.raise_()

    def _open(self) -> QListView:
        if self._drop is None:
            drop = QListView(self.window())
            drop.setObjectName("drop")
            theme = self._theme
            drop.setStyleSheet(
                f"#drop{{background:{theme.hex('surface.raised')};border:1px solid {theme.hex('border.control')}}}"
            )
            drop.setModel(self._model)
            drop.setItemDelegate(ChoiceDelegate(theme, self._symbols, drop))
            drop.setUniformItemSizes(True)
            drop.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            drop.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            drop.setAccessibleName(self.accessibleName())
            drop.clicked.connect(self._on_clicked)
            self._drop = drop
        return self._drop

    def _close(self) -> None:
        if self._drop is not None:
            self._drop.hide()

    def _is_open(self) -> bool:
        return self._drop is not None and self._drop.isVisible()

    def _on_clicked(self, index: QModelIndex) -> None:
        self._take(index.row())

    def _take(self, number: int) -> bool:
        choice = self._model.choice(number)
        if choice is None:
            return False
        self._value = choice.id
        self.setText(choice.text)
        self._close()
        self.picked.emit(choice.id)
        return True

    def _move(self, step: int) -> None:
        if self._drop is None or not self._drop.isVisible():
            self._offer(everything=not self.text() or bool(self._value))
            return
        count = self._model.rowCount()
        number = (self._drop.currentIndex().row() + step) % max(1, count)
        self._drop.setCurrentIndex(self._model.index(number))

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Tab:
            if self._is_open() and self._drop is not None and not self._free:
                self._take(self._drop.currentIndex().row())
            self._close()
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Escape
            and self._is_open()
        ):
            event.accept()
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._move(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & _COMMAND_KEYS:
            if self._is_open() and self._drop is not None:
                self._take(self._drop.currentIndex().row())
            self.focusNextChild()
        elif key == Qt.Key.Key_Escape and self._is_open():
            self._close()
        else:
            super().keyPressEvent(event)

    @override
    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self._close()


class Tick(QCheckBox):
    """A tick before its words; Space turns it."""

    def __init__(self, theme: Theme, words: str, *, on: bool = False) -> None:
        super().__init__(words.replace("&", "&&"))
        self._theme, self._words = theme, words
        self.setChecked(on)
        self.setAccessibleName(one_line(words))
        self.setFont(theme.font("dense"))
        self.setFixedHeight(theme.px(26))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = theme.px(16)
        box = QRectF(1.5, (self.height() - side) // 2 + 0.5, side - 1, side - 1)
        on = self.isChecked()
        painter.setPen(QPen(theme.color("accent.base" if on else "border.control"), 1.5))
        painter.setBrush(theme.color("accent.base" if on else "surface.panel"))
        painter.drawRect(box)
        if on:
            painter.setPen(QPen(theme.color("text.on-accent"), 2))
            corners = ((0.2, 0.5), (0.42, 0.74), (0.82, 0.26))
            painter.drawPolyline(
                [QPointF(box.left() + x * box.width(), box.top() + y * box.height()) for x, y in corners]
            )
        painter.setFont(self.font())
        painter.setPen(theme.color("text.primary"))
        words = self.rect().adjusted(side + theme.px(10), 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, self._words)
        if self.hasFocus():
            paint_focus(painter, theme, self)


class Segments(QWidget):
    """A row of alternatives; Left and Right or a digit choose. `options` are (id, words)."""

    chosen = Signal(str)

    def __init__(
        self,
        theme: Theme,
        name: str,
        options: Sequence[tuple[str, str]],
        *,
        symbols: Symbols | None = None,
        priorities: bool = False,
        current: str = "",
    ) -> None:
        super().__init__()
        self._theme, self._symbols, self._priorities = theme, symbols, priorities
        self._name = name
        self._options = list(options)
        self._value = current
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(theme.px(30))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._tell()

    def value(self) -> str:
        """The id of what is chosen, "" for none."""
        return self._value

    def set_value(self, option: str) -> None:
        """Choose; nothing is announced."""
        if option == "" or option in [key for key, _ in self._options]:
            self._value = option
            self._tell()
            self.update()

    def set_options(self, options: Sequence[tuple[str, str]]) -> None:
        """Offer other alternatives."""
        self._options = list(options)
        self.update()

    def _tell(self) -> None:
        words = dict(self._options).get(self._value, "")
        self.setAccessibleName(f"{self._name}: {words}" if words else self._name)

    def _choose(self, number: int) -> None:
        if 0 <= number < len(self._options):
            self._value = self._options[number][0]
            self._tell()
            self.update()
            self.chosen.emit(self._value)

    def _boxes(self) -> list[QRect]:
        theme = self._theme
        metrics = QFontMetrics(theme.font("dense", 600))
        boxes, left = [], 0
        for number, (_, words) in enumerate(self._options):
            wide = metrics.horizontalAdvance(words) + theme.px(20)
            wide += cap_size(theme, str(number + 1)).width() + theme.px(7)
            if self._priorities:
                wide += theme.px(22)
            boxes.append(QRect(left, 1, wide, self.height() - 2))
            left += wide + theme.px(6)
        return boxes

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = [key for key, _ in self._options]
        now = keys.index(self._value) if self._value in keys else -1
        if event.key() in (Qt.Key.Key_Right, Qt.Key.Key_Down):
            self._choose(min(now + 1, len(keys) - 1))
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Up):
            self._choose(max(now - 1, 0))
        elif event.text().isdigit() and event.text() != "0" and not event.modifiers() & _COMMAND_KEYS:
            self._choose(int(event.text()) - 1)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & _COMMAND_KEYS:
            self.focusNextChild()
        else:
            super().keyPressEvent(event)

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.text().isdigit():
            event.accept()
            return True
        return super().event(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        for number, box in enumerate(self._boxes()):
            if box.contains(event.position().toPoint()):
                self._choose(number)

    @override
    def focusInEvent(self, event: Any) -> None:
        super().focusInEvent(event)
        self.update()

    @override
    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ringed = False
        for number, ((key, words), box) in enumerate(zip(self._options, self._boxes(), strict=True)):
            on = key == self._value
            ring = self.hasFocus() and (on or (not self._value and not ringed))
            ringed = ringed or ring
            pen = QPen(theme.color("accent.base" if on or ring else "border.control"), 2 if ring else 1)
            painter.setPen(pen)
            painter.setBrush(theme.color("surface.selected" if on else "surface.panel"))
            inset = 1.0 if ring else 0.5
            painter.drawRoundedRect(QRectF(box).adjusted(inset, inset, -inset, -inset), theme.px(4), theme.px(4))
            left = box.left() + theme.px(10)
            if self._priorities and self._symbols is not None and key.isdigit():
                where = QRect(left, box.center().y() - theme.px(7) + 1, theme.px(14), theme.px(14))
                self._symbols.report(painter, where, int(key), 0, on="selected" if on else "panel")
                left += theme.px(22)
            font = theme.font("dense", 600 if on else 400)
            painter.setFont(font)
            painter.setPen(theme.color("text.primary" if on else "text.secondary"))
            wide = QFontMetrics(theme.font("dense", 600)).horizontalAdvance(words)
            painter.drawText(QRect(left, box.top(), wide + 2, box.height()), Qt.AlignmentFlag.AlignVCenter, words)
            paint_cap(painter, theme, left + wide + theme.px(7), box.center().y() + 1, str(number + 1))


_COMMAND_KEYS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
