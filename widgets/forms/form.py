"""What all forms share: a head with the reason, a body, a foot with the filled button (Ctrl+Enter), a draft."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QEvent,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from widgets.forms.fields import TypeAhead
from widgets.keys import KeyButton, add_key, is_bare_enter, is_enter
from widgets.text import one_line
from widgets.theme import Theme

DEBOUNCE_MS = 200
MOST_LETTERS = 20_000
"""The longest text that a server takes."""
_COUNTED_FROM = MOST_LETTERS - 1_000
_LEAST = 420
_ABOUT = 120
"""How much of what it is about stands beside a title that is too long for both."""
_EDGES = 8
"""What the desktop may draw at both sides of a window."""
_FRAME = 36
"""How much of the screen the title that the desktop puts over a window takes, in pixels at normal size."""
_SETTLED_MS = 1_000
"""How long after it was opened, or got another size, a window may still be moved by the desktop that frames it."""
_LEAST_WORDS = 160
"""In less room than this beside its buttons what a form says stands above them, in pixels at normal size."""
_LEAST_HIGH = 300
"""With less height than this below what stands above its room a form may lie over that, in pixels at normal size."""


def make_label(theme: Theme, text: str, role: str = "body", token: str = "text.primary", weight: int = 400) -> QLabel:  # noqa: S107
    """A label that shows its text as plain text, even if it looks like HTML."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    label.setFont(theme.font(role, weight))
    label.setStyleSheet(f"color:{theme.hex(token)};background:transparent")
    return label


def put_text(field: QPlainTextEdit, text: str) -> None:
    """Replace the text of a field so that Ctrl+Z restores it; the cursor is set behind the text."""
    cursor = QTextCursor(field.document())
    cursor.select(QTextCursor.SelectionType.Document)
    cursor.insertText(text)
    field.moveCursor(QTextCursor.MoveOperation.End)


class ReasonField(QPlainTextEdit):
    """A reason, a line or two: Enter ends it, Shift+Enter begins another line."""

    entered = Signal()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if is_bare_enter(event):
            if not event.isAutoRepeat():
                self.entered.emit()
        else:
            super().keyPressEvent(event)


class LineField(QLineEdit):
    """A line of text: Enter ends it, once however long it is held."""

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not (is_enter(event) and event.isAutoRepeat()):
            super().keyPressEvent(event)


class _BodyArea(QScrollArea):
    """Holds a form's body and keeps it, as a body that is put elsewhere loses the focus to a button.

    While it `scrolls` it takes whatever height there is; else it asks for the height that the body needs.
    """

    def __init__(self, body: QWidget, layout: QVBoxLayout) -> None:
        super().__init__()
        self.scrolls = False
        self._whole, self._layout = body, layout
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        body.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # as wide as the form, never wider
        self.setWidget(body)
        self.setStyleSheet("QScrollArea{background:transparent}")
        body.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)

    def set_scrolls(self, scrolls: bool) -> None:
        """Whether there is less height than the body needs."""
        if scrolls == self.scrolls:
            return
        self.scrolls = scrolls
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAsNeeded if scrolls else policy.ScrollBarAlwaysOff)
        self.updateGeometry()

    def whole_height(self, width: int) -> int:
        """What the body needs in this width, in pixels."""
        high = self._layout.totalHeightForWidth(width) if self._layout.hasHeightForWidth() else -1
        return max(high, self._layout.totalSizeHint().height())

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # the body asks for another size
            self.updateGeometry()
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Page Up and its like scroll the body; where there is nothing to scroll they are the form's."""
        if self.scrolls:
            super().keyPressEvent(event)
        else:
            event.ignore()

    @override
    def sizeHint(self) -> QSize:
        return super().sizeHint() if self.scrolls else self._whole.sizeHint()

    @override
    def minimumSizeHint(self) -> QSize:
        return super().minimumSizeHint() if self.scrolls else self._whole.minimumSizeHint()

    @override
    def hasHeightForWidth(self) -> bool:
        return not self.scrolls and self._whole.hasHeightForWidth()

    @override
    def heightForWidth(self, width: int) -> int:
        return self._layout.totalHeightForWidth(width) if self.hasHeightForWidth() else -1


class Form(QDialog):
    """A window of its own beside the console, which can still be used meanwhile.

    Ctrl+Enter commits when `why_not()` is "" (so does Enter in a reason). Esc leaves; the signal `left` then carries
    what was entered, for a draft. `about` is shown beside the title: what the form concerns, whatever is chosen in the
    console.
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
    skipped = Signal()
    """It ended by the button of `add_skip`."""
    earlier_wanted = Signal()
    """What `offer_earlier` told of is to be gone on with."""
    unused_key = Signal(str)
    """A key that means nothing in the form, as its shortcut is written; in a text Ctrl+Z is the text's."""

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
        self._opened_with: Any = None
        self._top: int | None = None
        self._settled = QTimer(self, singleShot=True, interval=_SETTLED_MS)
        self._settled.timeout.connect(self._come_down)
        """What stands above this line of the screen, as a notice, is not to be covered."""
        self._is_news = False
        self._news_of = ""
        self._texts: list[tuple[str, QPlainTextEdit]] = []
        self.setModal(False)
        self.setWindowTitle(one_line(": ".join(part for part in (title, about) if part), 120))
        self.setAccessibleName(one_line(title))
        self._wide = theme.px(width)
        self.setFixedWidth(self._wide)
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
        self._head_row = first = QHBoxLayout()
        first.setSpacing(px(8))
        self._title = make_label(theme, title, "title", weight=600)
        first.addWidget(self._title)
        self._about, self._about_text = make_label(theme, "", "mono", "text.tertiary"), one_line(about)
        self._about.setVisible(bool(about))
        first.addWidget(self._about)
        first.addStretch(1)
        words.addLayout(first)
        self._sentence = make_label(theme, sentence, "body", "text.secondary")
        self._sentence.setWordWrap(True)
        self._sentence.setVisible(bool(sentence))
        words.addWidget(self._sentence)
        self._covered = make_label(theme, "", "dense", "text.primary")
        self._covered.setWordWrap(True)
        self._covered.hide()
        words.addWidget(self._covered)
        head_row.addLayout(words, 1)
        column.addWidget(head)
        column.addWidget(divider(theme))

        self._news = make_label(theme, "", "body", "alarm.warn-text")
        self._news.setWordWrap(True)
        self._news.setContentsMargins(px(14), px(8), px(16), px(8))
        self._news.setStyleSheet(
            f"background:{theme.hex('alarm.warn-surface')};border-left:{px(4)}px solid {theme.hex('alarm.warn-edge')};"
            f"color:{theme.hex('alarm.warn-text')}"
        )
        self._news.hide()
        column.addWidget(self._news)
        body = QWidget()
        self.body = QVBoxLayout(body)
        self.body.setContentsMargins(px(16), px(12), px(16), px(16))
        self.body.setSpacing(px(4))
        self._area = _BodyArea(body, self.body)
        column.addWidget(self._area, 1)
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
        self._foot = QVBoxLayout(foot)
        self._foot.setContentsMargins(px(16), px(10), px(16), px(10))
        self._foot.setSpacing(px(8))
        self.foot_row = QHBoxLayout()
        self.foot_row.setSpacing(px(8))
        self._foot.addLayout(self.foot_row)
        self._why = make_label(theme, "", "dense", "text.secondary")
        self._why.setWordWrap(True)
        self._why_at = 0
        self.foot_row.addWidget(self._why, 1)
        self.foot_row.addStretch(0)  # keeps the buttons at the right while the words stand above them
        self.leave_button = KeyButton(theme, self.tr("Leave"), "Esc", height=32)
        self.leave_button.clicked.connect(self.reject)
        self.foot_row.addWidget(self.leave_button)
        self.commit_button = KeyButton(theme, commit_text, commit_keys, filled=True, height=32)
        self.commit_button.clicked.connect(self.commit)
        self.foot_row.addWidget(self.commit_button)
        column.addWidget(foot)

        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            add_key(self, keys, self.commit)
        self._clear_key = add_key(self, "Alt+Delete", self.clear_draft)
        self._clear_key.setEnabled(False)
        self.clear_button.clicked.connect(self.clear_draft)
        self._pause = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._pause.timeout.connect(self._tell_changed)
        self._lay_out_head()

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
        """The field because of which `why_not` is not ""; Ctrl+Enter moves the focus there."""
        return None

    def first_field(self) -> QWidget:
        """Where the keyboard goes first."""
        return self

    @property
    def is_done(self) -> bool:
        """Whether it was committed or left: nothing is entered any more unless it is opened again."""
        return self._done

    def is_empty(self) -> bool:
        """Whether nothing worth keeping was entered."""
        return not any(value not in ("", None, [], {}, ()) for value in self.values().values())

    def entered(self) -> Any:
        """What the operator has entered, for comparison: without anything that changes by itself."""
        return self.values()

    @property
    def is_begun(self) -> bool:
        """Whether something was entered since it was opened."""
        return self._opened_with is not None and self.entered() != self._opened_with

    # ---------------------------------------------------------------- for callers

    def open_beside(self, room: QRect | None = None) -> None:
        """Show it in this part of the screen, beside what is being worked on, and give it the keyboard.

        It begins at the top of that part and stays within its sides; if it is higher it goes on below, as far as the
        screen goes, and scrolls beyond that. Without a room the desktop places it.
        """
        self._done = False
        if self._opened_with is None:
            self._opened_with = self.entered()
        self.touch()
        self.move_into(room)
        self.show()
        self.raise_()
        self.activateWindow()
        self.first_field().setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._settled.start()

    def move_into(self, room: QRect | None) -> None:
        """Give it the width and the place that it has in this part of the screen."""
        if room is not None and room.isValid():
            self._top = room.top()
            self.setFixedWidth(max(min(self._wide, room.width() - self.theme.px(_EDGES)), self.theme.px(_LEAST)))
        self.fit()
        self.place_in(room)

    def place_in(self, room: QRect | None) -> None:
        """Move it to where forms stand in this part of the screen, whatever moved it."""
        if room is None or not room.isValid():
            return
        self._top = room.top()
        screen = (self.parentWidget() or self).screen().availableGeometry()
        place = QRect(QPoint(room.left() + max(0, room.width() - self.width()) // 2, room.top()), self.size())
        frame = self.theme.px(_FRAME)
        place.moveBottom(min(place.bottom(), screen.bottom() - frame))
        place.moveTop(max(place.top(), screen.top()))
        self.move(place.topLeft())

    def keep_below(self, top: int) -> None:
        """Move the form below this line of the screen, down to which something else is shown now."""
        if self._top is None or not self.isVisible():
            return
        self._top = top
        self.fit()
        self._come_down()

    def _come_down(self) -> None:
        """Move it to where its room begins, should it stand above that, as far as the screen has room for it below."""
        if self._top is not None and self.isVisible() and self.y() < self._top:
            screen = (self.parentWidget() or self).screen().availableGeometry()
            lowest = screen.bottom() + 1 - self.theme.px(_FRAME) - self.height()
            self.move(self.x(), max(screen.top(), min(self._top, lowest)))

    def step_aside(self, anchor: QWidget) -> None:
        """Move the form to the right, over the report, so that the middle of the anchor (the map) and its left side
        (the queue) are free for pointing.
        """
        right = anchor.mapToGlobal(QPoint(anchor.width(), 0)).x()
        right = min(right, anchor.screen().availableGeometry().right() + 1) - self.theme.px(_EDGES) // 2
        self.move(right - self.frameGeometry().width(), self.y())

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

    def tell_above(self, words: str) -> None:
        """Show a text above the fields, where a draft is announced, without a button."""
        self._draft_label.setText(one_line(words))
        self.clear_button.hide()
        self._draft_row.show()

    def add_earlier_key(self) -> None:
        """Make what `offer_earlier` shows."""
        self.earlier_button = KeyButton(self.theme, self.tr("Take it up"), "Alt D", height=24)
        self.earlier_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.earlier_button.hide()
        self.draft_buttons.insertWidget(0, self.earlier_button)
        self._earlier_key = add_key(self, "Alt+D", self.earlier_wanted.emit)
        self._earlier_key.setEnabled(False)
        self.earlier_button.clicked.connect(self.earlier_wanted)

    def offer_earlier(self, words: str) -> None:
        """Tell of a draft of another call, which is not filled in: whoever types on would write the one into the other.

        `words` say which one; a key goes on with it (`earlier_wanted`). "" takes the offer away.
        """
        if words:
            self.tell_above(words)
        self.earlier_button.setVisible(bool(words))
        self._earlier_key.setEnabled(bool(words))

    def _show_draft(self, shown: bool) -> None:
        self.clear_button.setVisible(shown)
        self._draft_row.setVisible(shown)
        self._clear_key.setEnabled(shown)

    def fit(self) -> None:
        """Take the height the content needs; where the screen is too low, the body scrolls and the foot stays.

        (QWidget.adjustSize would stop at two thirds of the screen.)
        """
        screen = (self.parentWidget() or self).screen().availableGeometry()
        room = screen.height() - self.theme.px(_FRAME)
        below = 0 if self._top is None else screen.bottom() + 1 - self._top - self.theme.px(_FRAME)
        if below >= self.theme.px(_LEAST_HIGH):
            room = below
        if self.width() > screen.width():
            self.setFixedWidth(screen.width())
        self._lay_out_head()
        self._lay_out_foot()
        # What just got another size is measured at once: grown by its layout only after it is shown, a window that the
        # desktop has not put its frame around yet ends up a title too high, over what stands above its room.
        self.body.activate()
        self._area.updateGeometry()
        column, area = self.column, self._area
        high = column.totalHeightForWidth(self.width()) if column.hasHeightForWidth() else -1
        high = max(high, column.totalSizeHint().height())
        if area.scrolls:  # it asks for some height, and not for that of what it holds
            wide = self.width() - column.contentsMargins().left() - column.contentsMargins().right()
            high += area.whole_height(wide) - area.sizeHint().height()
        area.set_scrolls(high > room)
        column.activate()  # else the least height is still what it was
        self.resize(self.width(), min(high, room))
        column.activate()
        if self._settled.isActive():
            self._settled.start()  # the desktop may put a title's height too high what grows before it has its frame
        for field in self.findChildren(TypeAhead):
            field.place_list()
        focus: QWidget | None = self.focusWidget()
        if area.scrolls and focus is not None and area.isAncestorOf(focus):
            area.ensureWidgetVisible(focus)

    def bring_into_sight(self, widget: QWidget) -> None:
        """Scroll a part of the body into sight, where that scrolls; what has the keyboard stays in sight."""
        self._area.ensureWidgetVisible(widget, 0, 0)
        focus: QWidget | None = self.focusWidget()
        if focus is not None and self._area.isAncestorOf(focus):
            self._area.ensureWidgetVisible(focus, 0, 0)

    def set_sentence(self, text: str, *, urgent: bool = False) -> None:
        """Change the sentence under the title; an urgent one is about life and safety."""
        self._sentence.setText(text)
        token = "priority.p1" if urgent else "text.secondary"
        self._sentence.setStyleSheet(f"color:{self.theme.hex(token)};background:transparent")
        self._sentence.setVisible(bool(text))

    def tell_covered(self, text: str) -> None:
        """Say in the head what the form will lie over, before it is opened; "" for nothing."""
        self._covered.setText(text)
        self._covered.setVisible(bool(text))

    def tell_news(self, text: str, what: str = "") -> None:
        """Somebody else has changed what the form is about: show `text`; "" takes it away.

        The next commit only counts as having read it; the one after that commits. `what` is the change without the name
        of who made it: the same change is not asked about again once it was read.
        """
        if text == self._news.text():
            return
        self._news.setText(text)
        self._news.setVisible(bool(text))
        if (what or text) != self._news_of:
            self._news_of = what or text
            self._is_news = bool(text)
        if self.isVisible():
            self.fit()
        self.touch()

    @property
    def news(self) -> str:
        """What somebody else changed meanwhile, "" for nothing."""
        return self._news.text()

    def touch(self) -> None:
        """Something was entered: check again whether it can be committed, and emit `typed` a moment later."""
        why = self._too_long() or self.why_not()
        self.commit_button.set_why_not(why)
        self._why.setText(why or self._question() or self._count() or self.foot_note())
        if self._lay_out_foot() and self.isVisible():
            self.fit()
        self._pause.start()
        self.typed.emit()

    def foot_note(self) -> str:
        """What stands left of the buttons while nothing is in the way."""
        return ""

    def commit(self) -> None:
        """Do what the filled button says, if that is possible; once, though a key may still reach the hidden form."""
        if self._done:
            return
        if self._too_long() or self.why_not():
            self.touch()
            field = self.held_up_by()
            if field is not None:
                field.setFocus(Qt.FocusReason.ShortcutFocusReason)
                self._area.ensureWidgetVisible(field)
            return
        if self._is_news:
            self._is_news = False
            self.touch()
            return
        values = self.values()
        self.end()
        self.committed.emit(values)

    def add_skip(self, text: str) -> None:
        """A button beside the others, and its key, for who goes on without what the form asks for: `skipped`."""
        skip = KeyButton(self.theme, text, "Alt N", height=32)
        skip.clicked.connect(self._skip)
        add_key(self, "Alt+N", self._skip)
        self.foot_row.insertWidget(1, skip)

    def _skip(self) -> None:
        if not self.is_done:
            self.end()
            self.skipped.emit()

    def end(self) -> None:
        """The form is done: it takes no more input and is hidden."""
        self._done = True
        self._pause.stop()
        self.hide()

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

    def add_caller(self, name: QWidget, phone: QWidget) -> None:
        """Add the fields for who calls side by side, under their words."""
        self.body.addWidget(self.field_label(self.tr("Caller"), self.tr("optional, shown to nobody without a reason")))
        row = QHBoxLayout()
        row.setSpacing(self.theme.px(8))
        row.addWidget(name, 3)
        row.addWidget(phone, 2)
        self.body.addLayout(row)

    def text_field(self, name: str, lines: int) -> QPlainTextEdit:
        """A field of several lines; Tab leaves it."""
        field = QPlainTextEdit()
        self._make_text(field, name, lines)
        return field

    def reason_field(self, name: str, lines: int = 2) -> ReasonField:
        """A field for a reason: Enter in it commits the form."""
        field = ReasonField()
        field.entered.connect(self.commit)
        self._make_text(field, name, lines)
        return field

    def _make_text(self, field: QPlainTextEdit, name: str, lines: int) -> None:
        field.setTabChangesFocus(True)
        field.setAccessibleName(one_line(name))
        field.setFont(self.theme.font("body"))
        # The style sheet's least height would win over setFixedHeight.
        high = self.theme.line("body") * lines + self.theme.px(10)
        field.setStyleSheet(f"QPlainTextEdit{{min-height:{high}px;max-height:{high}px}}")
        field.textChanged.connect(self.touch)
        self._texts.append((name, field))

    def _too_long(self) -> str:
        """That a text is longer than a server takes, and by how much."""
        for name, field in self._texts:
            over = len(field.toPlainText().strip()) - MOST_LETTERS
            if over > 0:
                words = self.tr("{name} is too long by {over}: {most} letters at most")
                return words.format(name=name, over=f"{over:,}", most=f"{MOST_LETTERS:,}")
        return ""

    def _question(self) -> str:
        """What to say after a first commit was taken as having read the news; "" before that, and without news."""
        if self._is_news or not self._news.text():
            return ""
        return self.tr("Read above what changed. The same key again does it all the same.")

    def _count(self) -> str:
        """How many letters of a text there are, once there is not much room left."""
        counts = [len(field.toPlainText().strip()) for _, field in self._texts]
        most = max(counts, default=0)
        words = self.tr("{n} of {most} letters")
        return words.format(n=f"{most:,}", most=f"{MOST_LETTERS:,}") if most > _COUNTED_FROM else ""

    def write_on(self, field: QPlainTextEdit, text: str) -> None:
        """Letters were typed where only digits count: type them into this text, and give it the focus."""
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        field.moveCursor(QTextCursor.MoveOperation.End)
        field.insertPlainText(text)

    def line_field(self, name: str, placeholder: str = "") -> QLineEdit:
        """A field of one line."""
        field = LineField()
        field.setAccessibleName(one_line(name))
        field.setPlaceholderText(placeholder)
        field.setFont(self.theme.font("body"))
        field.setMaxLength(400)
        field.textChanged.connect(self.touch)
        return field

    # ---------------------------------------------------------------- inside

    def _lay_out_head(self) -> None:
        """Title, and beside it what it is about, within the form's width: a title that is longer than a line wraps.

        (Wider than the form it would make the sentence below it be measured for a width that there is not.)
        """
        room, gap = self.width() - 2 * self.theme.px(16), self.theme.px(8)
        title, about = self._title.fontMetrics(), self._about.fontMetrics()
        beside = min(about.horizontalAdvance(self._about_text), self.theme.px(_ABOUT)) if self._about_text else 0
        wraps = title.horizontalAdvance(self._title.text()) + gap + beside > room
        self._title.setWordWrap(wraps)
        self._head_row.setStretch(0, int(wraps))
        self._head_row.setStretch(self._head_row.count() - 1, int(not wraps))
        left = beside if wraps else room - gap - title.horizontalAdvance(self._title.text())
        self._about.setText(about.elidedText(self._about_text, Qt.TextElideMode.ElideRight, left))

    def _lay_out_foot(self) -> bool:
        """Put the words beside the buttons, or above them where they would stand in a column of single words; whether
        that changed.
        """
        row, gap = self.foot_row, self.foot_row.spacing()
        widgets = [item.widget() for item in (row.itemAt(at) for at in range(row.count())) if item is not None]
        buttons = [one for one in widgets if one is not None and one is not self._why and not one.isHidden()]
        room = self.width() - 2 * self.theme.px(16) - sum(one.sizeHint().width() + gap for one in buttons)
        words = self._why.fontMetrics().horizontalAdvance(self._why.text())
        above, was = words > room and room < self.theme.px(_LEAST_WORDS), row.indexOf(self._why) < 0
        if above == was:
            return False
        if above:
            self._why_at = row.indexOf(self._why)
        (row if above else self._foot).removeWidget(self._why)
        if above:
            self._foot.insertWidget(0, self._why)
        else:
            row.insertWidget(self._why_at, self._why, 1)
        return True

    def hears(self, widget: QWidget, cap: str) -> bool:
        """Whether a key whose cap the form shows works now: none does while another window has the keyboard."""
        return self.isActiveWindow()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange:
            for one in self.findChildren(QWidget):  # what covers the form, as in a list, is not drawn with it
                one.update()

    def _tell_changed(self) -> None:
        self.changed.emit(self.values())

    def leave(self) -> None:
        """Go away without committing, seen or not: what was entered is a draft."""
        if self._done:
            return
        self._done = True
        self._pause.stop()
        draft = {} if self.is_empty() else self.values()
        self.hide()
        self.left.emit(draft)
        self.close()

    @override
    def reject(self) -> None:
        if self.isVisible():
            self.leave()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Enter alone never commits a form; Ctrl+Enter does.
        if is_enter(event):
            event.ignore()
            return
        super().keyPressEvent(event)
        if not event.isAccepted():
            self.unused_key.emit(QKeySequence(event.keyCombination()).toString())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self.theme.color("surface.panel"))


def divider(theme: Theme) -> QWidget:
    """A line across."""
    line = QFrame()
    line.setFixedHeight(1)
    line.setStyleSheet(f"background:{theme.hex('border.divider')}")
    return line
