"""The report panel: everything about one report in the order an operator reads it, and the keys that act on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QMenu,
    QScrollArea,
    QScrollBar,
    QSizePolicy,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from widgets.keys import KeyButton, cap_size, key_text, paint_cap
from widgets.photos import PhotoCard, PhotoPair, PhotoViewer, same_cards
from widgets.slabar import SlaBar, SlaSegment
from widgets.states import EmptyState
from widgets.symbols import Symbols, paint_bars, paint_mark, paint_tag
from widgets.text import Texts, many_lines, one_line, wrap
from widgets.theme import Theme, by_keyboard, paint_focus

__all__ = [
    "ActionButton",
    "AdviceRow",
    "DuplicateRow",
    "PhotoCard",
    "SlaSegment",
    "Strip",
    "Ticket",
    "TicketPanel",
    "TimelineRow",
]

_LONGEST_TEXT = 6000
_SIDE = 16
_PRIORITY_INK = {1: "priority.p1", 2: "priority.p2", 3: "priority.p3", 4: "text.tertiary"}
_REFUSED = "status.returned"
_MARK_TOKENS = ("text.tertiary", _REFUSED, "priority.p1")


@dataclass(frozen=True)
class Strip:
    """A line under the clocks that asks for something: `not_sent`, `expired`, `conflict` (amber) or `hold` (grey)."""

    kind: str
    text: str
    key_text: str
    intent: str


@dataclass(frozen=True)
class AdviceRow:
    """A recommended unit."""

    id: str
    code: str
    state_key: str
    """The unit's state as the symbols file names it."""
    line: str
    eta: str
    distance: str
    stale: bool


@dataclass(frozen=True)
class DuplicateRow:
    """A possible duplicate."""

    key: int
    number: str
    text: str
    distance: str
    age: str
    why: str
    priority: int
    status: int


@dataclass(frozen=True)
class TimelineRow:
    """An entry. `mark` is hollow (saved), half (sent), solid (received) or ""; level 1 is a refusal."""

    when: str
    text: str
    mark: str
    level: int


@dataclass(frozen=True)
class ActionButton:
    """A verb at the bottom; `why_not` says why it is not enabled."""

    id: str
    text: str
    key_text: str
    filled: bool
    enabled: bool
    why_not: str


@dataclass(frozen=True)
class Ticket:
    """Everything the panel shows of a report; every text is plain."""

    number: str
    holder: str
    title: str
    priority: int
    priority_text: str
    status: int
    letter: str
    letter_token: str
    status_text: str
    facts: Sequence[tuple[str, str, str]]
    """(label, text, the dim rest)"""
    text: str
    meta: Sequence[str]
    sla: Sequence[SlaSegment] = ()
    strips: Sequence[Strip] = ()
    photos: Sequence[PhotoCard] = ()
    advice: Sequence[AdviceRow] = ()
    advice_basis: str = ""
    advice_empty: str = ""
    duplicates: Sequence[DuplicateRow] = ()
    timeline: Sequence[TimelineRow] = ()
    actions: Sequence[ActionButton] = field(default_factory=tuple)
    duplicates_basis: str = ""
    """What counts as a possible duplicate (`within 100 m, 24 h`)."""
    you: str = ""
    """The word of `holder` that means the operator; it stands out."""


class _TitleBar(QWidget):
    """The panel's name, the report's number, who holds it, and the panel's key."""

    def __init__(self, theme: Theme, texts: Texts, key: str) -> None:
        super().__init__()
        self._theme, self._texts, self._key = theme, texts, key
        self._number, self._holder, self._you = "", "", ""
        self.setFixedHeight(theme.px(32))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_words(self, number: str, holder: str, you: str = "") -> None:
        if (number, holder, you) != (self._number, self._holder, self._you):
            self._number, self._holder, self._you = number, holder, you
            self.setAccessibleName(one_line(f"{self.tr('Report')} {number} {holder}"))
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.raised"))
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), theme.color("border.divider"))
        secondary = theme.color("text.secondary")
        top, right = (self.height() - 1 - theme.line("dense")) // 2, self.width() - theme.px(12)
        right -= cap_size(theme, self._key).width()
        paint_cap(painter, theme, right, self.height() // 2, self._key)
        right -= theme.px(8)
        left = theme.px(12)
        name = self.tr("Report")
        left += round(texts.draw(painter, left, top, name, "dense", theme.color("text.primary"), weight=600))
        left += theme.px(8)
        room = max(0, right - left)
        left += round(texts.draw(painter, left, top, self._number, "mono", secondary, size=12, room=room)) + theme.px(
            12
        )
        self._paint_holder(painter, left, right, top + theme.px(1))

    def _paint_holder(self, painter: QPainter, left: int, right: int, top: int) -> None:
        theme, texts = self._theme, self._texts
        secondary = theme.color("text.secondary")
        before, you, after = self._holder.partition(self._you) if self._you else (self._holder, "", "")
        for words, color, weight in (
            (after, secondary, 400),
            (you, theme.color("accent.base"), 600),
            (before, secondary, 400),
        ):
            space = texts.metrics("caption").horizontalAdvance(" ")
            right -= round(space) if words.endswith(" ") else 0
            room = max(0, right - left)
            right -= round(
                texts.draw(painter, right, top, words, "caption", color, weight=weight, room=room, right=True)
            )
            right -= round(space) if words.startswith(" ") else 0


class _Lead(QWidget):
    """Symbol, title, and the line of priority, status and what else belongs there."""

    def __init__(self, theme: Theme, symbols: Symbols, texts: Texts) -> None:
        super().__init__()
        self._theme, self._symbols, self._texts = theme, symbols, texts
        self._ticket: Ticket | None = None
        self.setFixedHeight(theme.px(10 + 24 + 6 + 18 + 8))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_ticket(self, ticket: Ticket) -> None:
        old = self._ticket
        self._ticket = ticket
        if old is None or _lead_words(old) != _lead_words(ticket):
            self.setAccessibleName(one_line(" ".join(str(word) for word in _lead_words(ticket))))
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        ticket = self._ticket
        if ticket is None:
            return
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        side, left, top = theme.px(24), theme.px(_SIDE), theme.px(10)
        right = self.width() - theme.px(_SIDE)
        self._symbols.report(painter, QRect(left, top, side, side), ticket.priority, ticket.status)
        at = left + side + theme.px(10)
        primary, secondary = theme.color("text.primary"), theme.color("text.secondary")
        texts.draw(painter, at, top + theme.px(1), ticket.title, "title", primary, weight=600, room=max(0, right - at))
        top += side + theme.px(6)
        ink = theme.color(_PRIORITY_INK.get(ticket.priority, "text.tertiary"))
        x = left + paint_tag(painter, theme, left, top + theme.px(1), str(ticket.priority), ink) + theme.px(6)
        x += round(texts.draw(painter, x, top, ticket.priority_text, "dense", primary))
        x = self._dot(painter, x, top)
        x += paint_tag(painter, theme, x, top + theme.px(1), ticket.letter, theme.color(ticket.letter_token))
        x += theme.px(6)
        x += round(texts.draw(painter, x, top, ticket.status_text, "dense", primary, room=max(0, right - x)))
        for words in ticket.meta:
            if right - x < theme.px(60):
                break
            x = self._dot(painter, x, top)
            x += round(texts.draw(painter, x, top, words, "dense", secondary, room=max(0, right - x)))

    def _dot(self, painter: QPainter, x: int, top: int) -> int:
        gap, color = self._theme.px(8), self._theme.color("text.tertiary")
        return x + gap + round(self._texts.draw(painter, x + gap, top, "·", "dense", color)) + gap


def _lead_words(ticket: Ticket) -> tuple[object, ...]:
    return (
        ticket.title,
        ticket.priority,
        ticket.priority_text,
        ticket.status,
        ticket.letter,
        ticket.letter_token,
        ticket.status_text,
        tuple(ticket.meta),
    )


class _StripButton(QAbstractButton):
    """One strip; a click or its key does what it asks for."""

    def __init__(self, theme: Theme, texts: Texts, strip: Strip) -> None:
        super().__init__()
        self._theme, self._texts, self.strip = theme, texts, strip
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(one_line(strip.text))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._lines: list[str] = []
        self._wrap()

    def _cap(self) -> str:
        return key_text(self.strip.key_text) if self.strip.key_text else ""

    def _wrap(self) -> None:
        theme = self._theme
        cap = cap_size(theme, self._cap()).width() + theme.px(12) if self._cap() else 0
        room = max(theme.px(80), self.width() - theme.px(_SIDE + 12) - cap)
        self._lines = wrap(one_line(self.strip.text), theme.font("dense", 600), room, 3)
        self.setFixedHeight(len(self._lines) * theme.line("dense") + theme.px(14))

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), self.height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        loud = self.strip.kind != "hold"
        ink = theme.color("alarm.warn-text" if loud else "text.primary")
        painter.fillRect(self.rect(), theme.color("alarm.warn-surface" if loud else "surface.raised"))
        edge = theme.color("alarm.warn-edge" if loud else "border.control")
        painter.fillRect(QRect(0, 0, theme.px(3), self.height()), edge)
        left, top = theme.px(_SIDE), theme.px(7)
        if not loud:
            left += paint_bars(painter, theme, left, self.height() // 2, ink) + theme.px(8)
        for line in self._lines:
            self._texts.draw(painter, left, top, line, "dense", ink, weight=600 if loud else 500)
            top += theme.line("dense")
        cap = self._cap()
        if cap:
            right = self.width() - theme.px(_SIDE) - cap_size(theme, cap).width()
            paint_cap(painter, theme, right, self.height() // 2, cap, ink)
        if self.hasFocus():
            paint_focus(painter, theme, self)


class _Strips(QWidget):
    """All strips, one under the other."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._strips: tuple[Strip, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, theme.px(8), 0, 0)
        self._column.setSpacing(theme.px(2))
        self.hide()

    def set_strips(self, strips: Sequence[Strip]) -> None:
        if tuple(strips) == self._strips:
            return
        self._strips = tuple(strips)
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for strip in strips:
            button = _StripButton(self._theme, self._texts, strip)
            button.clicked.connect(self._on_clicked)
            self._column.addWidget(button)
        self.setVisible(bool(strips))

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, _StripButton) and button.strip.intent:
            self.chosen.emit(button.strip.intent)


class _Facts(QWidget):
    """Labels and what they say; a long text takes up to three lines."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._facts: tuple[tuple[str, str, str], ...] = ()
        self._rows: list[tuple[str, list[str], str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_facts(self, facts: Sequence[tuple[str, str, str]]) -> None:
        if tuple(facts) != self._facts:
            self._facts = tuple(facts)
            self.setAccessibleName(one_line("; ".join(" ".join(fact) for fact in facts), 2000))
            self._wrap()

    def _label_width(self) -> int:
        widths = [self._texts.width(label, "dense") for label, _, _ in self._facts]
        return round(min(self._theme.px(120), max([self._theme.px(76), *widths]))) + self._theme.px(10)

    def _wrap(self) -> None:
        theme = self._theme
        room = max(theme.px(60), self.width() - 2 * theme.px(_SIDE) - self._label_width())
        font = theme.font("dense")
        self._rows = [(label, wrap(one_line(text), font, room, 3), dim) for label, text, dim in self._facts]
        lines = sum(len(row[1]) for row in self._rows)
        self.setFixedHeight(lines * theme.px(20) + theme.px(10))
        self.update()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        left, at = theme.px(_SIDE), theme.px(_SIDE) + self._label_width()
        right, top, high = self.width() - theme.px(_SIDE), theme.px(10), theme.px(20)
        quiet, primary = theme.color("text.tertiary"), theme.color("text.primary")
        for label, lines, dim in self._rows:
            texts.draw(painter, left, top, label, "dense", quiet, height=high, room=at - left - theme.px(10))
            taken = 0.0
            for line in lines:
                taken = texts.draw(painter, at, top, line, "dense", primary, height=high)
                top += high
            room = right - at - taken
            if dim and room > theme.px(24):
                words = f" · {dim}" if lines[-1] else dim
                x = at + taken + (texts.metrics("dense").horizontalAdvance(" ") if lines[-1] else 0)
                texts.draw(
                    painter, x, top - high, words, "dense", quiet, height=high, room=max(0.0, room - theme.px(4))
                )


class _Words(QTextEdit):
    """The reporter's words, as high as they are; they can be selected and copied, and are never anything but text."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(theme.font("body"))
        self.setStyleSheet("QTextEdit{background:transparent;border:0;padding:0;min-height:0}")
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)

    def set_text(self, text: str) -> None:
        """Show a text; line breaks are kept."""
        self.setPlainText(text)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        form = QTextBlockFormat()
        form.setLineHeight(self._theme.line("body"), QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.mergeBlockFormat(form)
        self.setAccessibleName(one_line(text))
        self._fit()

    def _fit(self) -> None:
        self.document().setTextWidth(self.viewport().width())
        self.setFixedHeight(max(self._theme.line("body"), round(self.document().size().height())))

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


class _SectionHead(QAbstractButton):
    """A section's name, a note, and at the right what a key does. In compact form it folds what is below it."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._words: tuple[str, str, str, str] = ("", "", "", "")
        self._fold_note = ""
        self.foldable, self.open = False, True
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(33))

    def set_words(self, name: str, note: str, words: str, key: str, fold_note: str = "") -> None:
        if ((name, note, words, key), fold_note) != (self._words, self._fold_note):
            self._words, self._fold_note = (name, note, words, key), fold_note
            self.setAccessibleName(one_line(f"{name} {note}"))
            self.update()

    def set_foldable(self, foldable: bool) -> None:
        self.foldable, self.open = foldable, not foldable
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if foldable else Qt.FocusPolicy.NoFocus)
        self.setFixedHeight(self._theme.px(30 if foldable else 33))
        self.update()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.foldable and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        name, note, words, key = self._words
        role = "dense" if self.foldable else "caption"
        left, right = theme.px(_SIDE), self.width() - theme.px(_SIDE)
        top = theme.px(12)
        quiet = theme.color("text.tertiary")
        if self.foldable:
            painter.fillRect(QRect(0, 0, self.width(), 1), theme.color("border.subtle"))
            top = (self.height() - theme.line(role)) // 2
            sign = "▾" if self.open else "▸"
            left += round(texts.draw(painter, left, top, sign, role, quiet)) + theme.px(8)
            note = self._fold_note if not self.open else note
        middle = top + theme.line(role) // 2
        if key and not self.foldable:
            right -= cap_size(theme, key).width()
            paint_cap(painter, theme, right, middle, key)
            right -= theme.px(8)
        if words and not self.foldable:
            right -= round(texts.draw(painter, right, top, words, role, quiet, right=True)) + theme.px(8)
        color = theme.color("text.primary" if self.foldable else "text.secondary")
        weight = 500 if self.foldable else 600
        left += round(texts.draw(painter, left, top, name, role, color, weight=weight, room=max(0, right - left)))
        left += theme.px(8)
        texts.draw(painter, left, top, note, role, quiet, room=max(0, right - left))
        if self.hasFocus():
            paint_focus(painter, theme, self)


class _ShortList(QWidget):
    """A few rows with a cursor: arrows walk, Enter or a click chooses, digits choose at once."""

    chosen = Signal(int)

    def __init__(self, theme: Theme, texts: Texts, row_height: int) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self.rows: tuple[Any, ...] = ()
        self._row_height = row_height
        self._cursor, self._hover = 0, -1
        self._ring = False
        self.one_click = True
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: Sequence[Any]) -> None:
        if tuple(rows) == self.rows:
            return
        self.rows = tuple(rows)
        self._cursor = min(self._cursor, max(0, len(rows) - 1))
        self.setAccessibleName(one_line("; ".join(self.spoken(row) for row in rows), 1000))
        self._fix_height()

    def set_row_height(self, height: int) -> None:
        self._row_height = height
        self._fix_height()

    def _fix_height(self) -> None:
        self.setFixedHeight(len(self.rows) * self._theme.px(self._row_height))
        self.update()

    def spoken(self, row: Any) -> str:
        """A row as a screen reader says it."""
        raise NotImplementedError

    def paint_row(self, painter: QPainter, box: QRect, row: Any, number: int, ground: str) -> None:
        """Draw one row on its ground."""
        raise NotImplementedError

    def _number_at(self, point: QPoint) -> int:
        number = point.y() // self._theme.px(self._row_height)
        return number if 0 <= number < len(self.rows) else -1

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.rows:
            step = 1 if key == Qt.Key.Key_Down else -1
            self._cursor = min(len(self.rows) - 1, max(0, self._cursor + step))
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.rows:
            self.chosen.emit(self._cursor)
        elif event.text().isdecimal() and 1 <= int(event.text()) <= len(self.rows):
            self.chosen.emit(int(event.text()) - 1)
        else:
            super().keyPressEvent(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        number = self._number_at(event.position().toPoint())
        if number >= 0:
            self._cursor = number
            self.update()
            if self.one_click:
                self.chosen.emit(number)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        number = self._number_at(event.position().toPoint())
        if number >= 0 and not self.one_click:
            self.chosen.emit(number)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        number = self._number_at(event.position().toPoint())
        if number != self._hover:
            self._hover = number
            self.update()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover = -1
        self.update()

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ring = by_keyboard(event.reason())
        self.update()

    def ground_of(self, number: int) -> str:
        """The ground a row stands on."""
        if self.hasFocus() and number == self._cursor:
            return "selected-inactive"
        return "hover" if number == self._hover else "panel"

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        height = self._theme.px(self._row_height)
        for number, row in enumerate(self.rows):
            box = QRect(0, number * height, self.width(), height)
            ground = self.ground_of(number)
            if ground != "panel":
                painter.fillRect(box, self._theme.color(f"surface.{ground}"))
            self.paint_row(painter, box, row, number, ground)
        if self.hasFocus() and self._ring:
            paint_focus(painter, self._theme, self)


class _AdviceList(_ShortList):
    """The recommended units; the first one is what the filled button sends. One click only looks: crews move."""

    def __init__(self, theme: Theme, symbols: Symbols, texts: Texts) -> None:
        super().__init__(theme, texts, 46)
        self.one_click = False
        self._symbols = symbols

    @override
    def spoken(self, row: AdviceRow) -> str:
        return f"{row.code} {row.eta} {row.distance} {row.line}"

    @override
    def ground_of(self, number: int) -> str:
        first = 0 if not self.hasFocus() else self._cursor
        return "selected-inactive" if number == first else super().ground_of(number)

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: AdviceRow, number: int, ground: str) -> None:
        theme, texts = self._theme, self._texts
        painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), theme.color("border.subtle"))
        if ground == "selected-inactive":
            painter.fillRect(QRect(0, box.top(), theme.px(3), box.height()), theme.color("text.tertiary"))
        quiet, primary = theme.color("text.tertiary"), theme.color("text.primary")
        left, right = theme.px(_SIDE), box.right() + 1 - theme.px(_SIDE)
        middle = box.top() + (box.height() - 1) // 2
        texts.draw(painter, left, middle - theme.px(10), str(number + 1), "body", quiet, weight=600)
        left += theme.px(18)
        tall = theme.px(13)
        box_of_unit = QRect(left, middle - tall // 2, self._symbols.unit_width(tall), tall)
        self._symbols.unit(painter, box_of_unit, row.state_key, row.stale, ground)
        left += theme.px(32)
        top = middle - theme.px(18)
        eta = texts.draw(painter, right, top, row.eta, "title", primary, weight=600, right=True, height=theme.px(20))
        far = texts.draw(painter, right, top + theme.px(20), row.distance, "caption", quiet, right=True)
        room = max(0, right - left - round(max(eta, far)) - theme.px(12))
        top = middle - theme.px(17)
        texts.draw(painter, left, top, row.code, "body", primary, weight=600, height=theme.px(18), room=room)
        color = theme.color("text.secondary")
        texts.draw(painter, left, top + theme.px(18), row.line, "caption", color, room=room)


class _DuplicateList(_ShortList):
    """The possible duplicates, one line each."""

    def __init__(self, theme: Theme, symbols: Symbols, texts: Texts) -> None:
        super().__init__(theme, texts, 24)
        self._symbols = symbols

    @override
    def spoken(self, row: DuplicateRow) -> str:
        return f"{row.number} {row.text} {row.distance} {row.age} {row.why}"

    def _column(self, name: str, least: int, most: int) -> int:
        widths = [self._texts.width(one_line(str(getattr(row, name))), "dense") for row in self.rows]
        return round(min(self._theme.px(most), max([self._theme.px(least), *widths])))

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: DuplicateRow, number: int, ground: str) -> None:
        theme, texts = self._theme, self._texts
        quiet, secondary = theme.color("text.tertiary"), theme.color("text.secondary")
        left, right, gap = theme.px(_SIDE), box.right() + 1 - theme.px(_SIDE), theme.px(8)
        side, top = theme.px(14), box.top() + theme.px(3)
        self._symbols.report(
            painter, QRect(left, box.top() + theme.px(5), side, side), row.priority, row.status, ground
        )
        left += side + gap
        width = min(
            theme.px(96), max(theme.px(50), round(max(texts.width(r.number, "mono", 400, 12) for r in self.rows)))
        )
        texts.draw(painter, left, top, row.number, "mono", secondary, size=12, room=width)
        left += width + gap
        for name, color, least, most in (
            ("why", secondary, 60, 116),
            ("age", quiet, 44, 64),
            ("distance", quiet, 44, 60),
        ):
            width = self._column(name, least, most)
            texts.draw(painter, right, top, str(getattr(row, name)), "dense", color, right=True, room=width)
            right -= width + gap
        primary = theme.color("text.primary")
        texts.draw(painter, left, top, row.text, "dense", primary, room=max(0, right - left))


class _Timeline(QWidget):
    """The entries, newest first, on one line from dot to dot; a long text takes up to four lines."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._rows: tuple[TimelineRow, ...] = ()
        self._lines: list[list[str]] = []
        self._tops: list[int] = []
        self._wrapped_at = -1
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: Sequence[TimelineRow]) -> None:
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self._wrapped_at = -1
            self.setAccessibleName(one_line("; ".join(f"{row.when} {row.text}" for row in rows[:20]), 2000))
            self._wrap()

    def _when_width(self) -> int:
        widths = [self._texts.width(row.when, "dense") for row in self._rows]
        return round(min(self._theme.px(130), max([self._theme.px(84), *widths]))) + self._theme.px(4)

    def _wrap(self) -> None:
        if self.width() == self._wrapped_at:
            return
        theme = self._theme
        self._wrapped_at = self.width()
        room = max(theme.px(60), self.width() - 2 * theme.px(_SIDE) - self._when_width() - theme.px(18))
        font, metrics = theme.font("dense"), self._texts.metrics("dense")
        self._lines, self._tops = [], []
        top = 0
        for row in self._rows:
            text = one_line(row.text)
            fits = metrics.horizontalAdvance(text) <= room
            lines = [text] if fits else wrap(text, font, room, 4)
            self._lines.append(lines)
            self._tops.append(top)
            top += theme.px(24) + (len(lines) - 1) * theme.line("dense")
        self.setFixedHeight(top + theme.px(8))
        self.update()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        left, dot = theme.px(_SIDE), theme.px(_SIDE) + self._when_width()
        quiet, primary = theme.color("text.tertiary"), theme.color("text.primary")
        seen = event.rect()
        last = len(self._rows) - 1
        for number, (row, lines, top) in enumerate(zip(self._rows, self._lines, self._tops, strict=True)):
            bottom = self._tops[number + 1] if number < last else top + theme.px(24)
            if bottom < seen.top() or top > seen.bottom():
                continue
            texts.draw(painter, left, top + theme.px(3), row.when, "dense", quiet)
            line_top = top + (theme.px(12) if number == 0 else 0)
            line_bottom = bottom if number < last else top + theme.px(12)
            if last:
                rail = QRect(dot + theme.px(3), line_top, 1, line_bottom - line_top)
                painter.fillRect(rail, theme.color("border.control"))
            if row.mark:
                color = theme.color(_MARK_TOKENS[min(2, max(0, row.level))])
                spot = QRect(dot, top + theme.px(8), theme.px(8), theme.px(8))
                painter.fillRect(spot, theme.color("surface.panel"))
                paint_mark(painter, theme, spot.left(), spot.top(), row.mark, color)
            at = top + theme.px(3)
            for line in lines:
                texts.draw(painter, dot + theme.px(18), at, line, "dense", primary)
                at += theme.line("dense")


class _Scroll(QScrollArea):
    """Scrolls with a bar that stands in the margin, so that nothing moves sideways when it comes or goes."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        own = self.verticalScrollBar()
        self._bar = QScrollBar(Qt.Orientation.Vertical, self)
        self._bar.hide()
        own.rangeChanged.connect(self._on_range)
        own.valueChanged.connect(self._bar.setValue)
        self._bar.valueChanged.connect(own.setValue)

    def _on_range(self, low: int, high: int) -> None:
        self._bar.setPageStep(self.verticalScrollBar().pageStep())
        self._bar.setRange(low, high)
        self._bar.setVisible(high > low)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = self._bar.sizeHint().width()
        self._bar.setGeometry(self.width() - width, 0, width, self.height())


class _Notice(QWidget):
    """A quiet line in place of rows (why no unit is recommended)."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts, self._text = theme, texts, ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(26))

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.setAccessibleName(one_line(text))
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        color, room = theme.color("text.secondary"), self.width() - 2 * theme.px(_SIDE)
        self._texts.draw(painter, theme.px(_SIDE), theme.px(4), self._text, "dense", color, room=max(0, room))


class _ActionBar(QWidget):
    """The verbs. The first two stand left, the others right; those without room are behind one that lists them."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._actions: tuple[ActionButton, ...] = ()
        self._buttons: list[KeyButton] = []
        self._more = KeyButton(theme, "⋯", height=32, parent=self)
        self._more.setAccessibleName(self.tr("More"))
        self._more.clicked.connect(self._on_more)
        self._free = QRect()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(49))

    def set_actions(self, actions: Sequence[ActionButton]) -> None:
        if tuple(actions) == self._actions:
            return
        old = [(one.id, one.text, one.key_text, one.filled) for one in self._actions]
        self._actions = tuple(actions)
        if old != [(one.id, one.text, one.key_text, one.filled) for one in actions]:
            for button in self._buttons:
                button.hide()
                button.deleteLater()
            self._buttons = []
            for action in actions:
                keys = key_text(action.key_text) if action.key_text else ""
                button = KeyButton(
                    self._theme, one_line(action.text, 40), keys, filled=action.filled, height=32, parent=self
                )
                button.setProperty("intent", action.id)
                button.clicked.connect(self._on_clicked)
                self._buttons.append(button)
        for button, action in zip(self._buttons, actions, strict=True):
            button.set_why_not("" if action.enabled else action.why_not or " ")
        self._arrange()

    def button(self, action: str) -> KeyButton | None:
        """The button of an action, for tests."""
        return next((one for one in self._buttons if one.property("intent") == action), None)

    def _arrange(self) -> None:
        theme = self._theme
        side, top = theme.px(_SIDE), theme.px(8) + 1
        sizes = [button.sizeHint() for button in self._buttons]
        room = self.width() - 2 * side
        gap = (
            theme.px(6) if sum(size.width() for size in sizes) + theme.px(6) * (len(sizes) - 1) <= room else theme.px(4)
        )
        fits = len(sizes)
        more = self._more.sizeHint().width() + gap
        while fits > 1 and sum(s.width() + gap for s in sizes[:fits]) - gap + (more if fits < len(sizes) else 0) > room:
            fits -= 1
        left, right = side, self.width() - side
        self._more.setVisible(fits < len(sizes))
        if fits < len(sizes):
            right -= self._more.sizeHint().width()
            self._more.setGeometry(QRect(QPoint(right, top), self._more.sizeHint()))
            right -= gap
        for number in range(min(2, fits)):
            self._buttons[number].setGeometry(QRect(QPoint(left, top), sizes[number]))
            left += sizes[number].width() + gap
        for number in range(fits - 1, 1, -1):
            right -= sizes[number].width()
            self._buttons[number].setGeometry(QRect(QPoint(right, top), sizes[number]))
            right -= gap
        for number, button in enumerate(self._buttons):
            button.setVisible(number < fits)
        self._free = QRect(left + gap, top, max(0, right - left - gap), theme.px(32))
        self.update()

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, KeyButton):
            self.chosen.emit(str(button.property("intent")))

    def _on_more(self) -> None:
        menu = QMenu(self)
        for button, action in zip(self._buttons, self._actions, strict=True):
            if button.isHidden():
                words = action.text if action.enabled else f"{action.text}: {action.why_not}"
                entry = menu.addAction(one_line(words).replace("&", "&&"))
                entry.setEnabled(action.enabled)
                entry.triggered.connect(lambda _=False, key=action.id: self.chosen.emit(key))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._more.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, 0, self.width(), 1), theme.color("border.divider"))
        blocked = next((one for one in self._actions if one.filled and not one.enabled and one.why_not), None)
        if blocked is not None and self._free.width() > theme.px(60):
            top = self._free.top() + theme.px(8)
            color = theme.color("text.secondary")
            words, room = blocked.why_not, self._free.width()
            self._texts.draw(painter, self._free.left(), top, words, "caption", color, room=room)


class TicketPanel(QWidget):
    """The report panel. Values in, intents out."""

    action = Signal(str)
    advice_chosen = Signal(str)
    duplicate_opened = Signal(int)
    photo_opened = Signal(str)
    strip_action = Signal(str)

    def __init__(
        self,
        theme: Theme,
        symbols: Symbols,
        *,
        panel_key: str,
        section_keys: Mapping[str, str],
    ) -> None:
        """Make the panel. `section_keys` are the key caps of `advice`, `duplicates` and `timeline`."""
        super().__init__()
        self._theme, self._texts = theme, Texts(theme)
        self._ticket: Ticket | None = None
        self._compact = False
        self._keys = dict(section_keys)
        texts = self._texts
        self._title = _TitleBar(theme, texts, panel_key)
        self._lead = _Lead(theme, symbols, texts)
        self._sla = SlaBar(theme)
        self._strips = _Strips(theme, texts)
        self._facts = _Facts(theme, texts)
        self._text = _Words(theme)
        self._photos_head = _SectionHead(theme, texts)
        self._photos = PhotoPair(theme)
        self._advice_head = _SectionHead(theme, texts)
        self._advice = _AdviceList(theme, symbols, texts)
        self._advice_empty = _Notice(theme, texts)
        self._duplicates_head = _SectionHead(theme, texts)
        self._duplicates = _DuplicateList(theme, symbols, texts)
        self._timeline_head = _SectionHead(theme, texts)
        self._timeline = _Timeline(theme, texts)
        self._actions = _ActionBar(theme, texts)
        self._empty = EmptyState(theme)
        self._viewer: PhotoViewer | None = None
        self._build()
        self._connect()
        self.setAccessibleName(self.tr("Report"))
        self.set_ticket(None)

    def _build(self) -> None:
        theme = self._theme
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._lead)
        self._sla_row = _indented(theme, self._sla)
        self._text_row = _indented(theme, self._text, top=8)
        self._photos_row = _indented(theme, self._photos)
        column.addWidget(self._sla_row)
        column.addWidget(self._strips)
        column.addWidget(self._facts)
        column.addWidget(self._text_row)
        column.addWidget(self._photos_head)
        column.addWidget(self._photos_row)
        for widget in (
            self._advice_head,
            self._advice,
            self._advice_empty,
            self._duplicates_head,
            self._duplicates,
            self._timeline_head,
            self._timeline,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        self._scroll = _Scroll()
        self._scroll.setWidget(page)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        full = QWidget()
        inner = QVBoxLayout(full)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self._scroll, 1)
        inner.addWidget(self._actions)
        self._middle = QStackedWidget()
        self._middle.addWidget(full)
        self._middle.addWidget(self._empty)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._title)
        outer.addWidget(self._middle, 1)
        self.setFocusProxy(self._scroll)

    def _connect(self) -> None:
        self._strips.chosen.connect(self.strip_action)
        self._photos.photo_opened.connect(self._on_photo)
        self._advice.chosen.connect(self._on_advice)
        self._duplicates.chosen.connect(self._on_duplicate)
        self._actions.chosen.connect(self.action)
        self._photos_head.clicked.connect(self.compare_photos)
        self._duplicates_head.clicked.connect(self._on_fold)
        self._timeline_head.clicked.connect(self._on_fold)

    @property
    def compact(self) -> bool:
        """Whether photos are lower and duplicates and timeline are folded to one row each."""
        return self._compact

    @compact.setter
    def compact(self, compact: bool) -> None:
        if compact != self._compact:
            self._compact = compact
            self._photos.set_compact(compact)
            self._advice.set_row_height(40 if compact else 46)
            self._duplicates_head.set_foldable(compact)
            self._timeline_head.set_foldable(compact)
            self._show_sections()

    def set_empty(self, title: str, why: str, keys: Sequence[tuple[str, str]] = ()) -> None:
        """What to say while no report is shown."""
        self._empty.set_words(title, why, keys)

    def set_ticket(self, ticket: Ticket | None) -> None:
        """Show a report, or none. Only what changed is laid out and drawn anew; the same report keeps its place."""
        old, self._ticket = self._ticket, ticket
        self._middle.setCurrentIndex(0 if ticket is not None else 1)
        if ticket is None:
            self._title.set_words("", "")
            return
        other = old is None or old.number != ticket.number
        self._title.set_words(ticket.number, ticket.holder, ticket.you)
        self._lead.set_ticket(ticket)
        self._sla.set_segments(ticket.sla)
        self._strips.set_strips(ticket.strips)
        self._facts.set_facts(ticket.facts)
        if old is None or old.text != ticket.text:
            self._text.set_text(many_lines(ticket.text, _LONGEST_TEXT))
        letter = ticket.letter if ticket.letter_token == _REFUSED else "!"
        self._photos.set_cards(ticket.photos, letter)
        if self._viewer is not None and (old is None or not same_cards(old.photos, ticket.photos)):
            self._viewer.update_cards(ticket.photos)
        self._advice.set_rows(ticket.advice)
        self._duplicates.set_rows(ticket.duplicates)
        self._timeline.set_rows(ticket.timeline)
        self._actions.set_actions(ticket.actions)
        if other:
            self._scroll.verticalScrollBar().setValue(0)
        self._show_sections()

    def ticket(self) -> Ticket | None:
        """What is shown."""
        return self._ticket

    def focus_advice(self) -> None:
        """Give the keyboard to the recommended units: arrows walk, Enter or a digit chooses."""
        self._scroll.ensureWidgetVisible(self._advice)
        self._advice.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def compare_photos(self) -> None:
        """Open the viewer with two photos side by side."""
        if self._photos.current_id():
            self._open_viewer(self._photos.current_id(), compare=True)

    def unfold(self, section: str) -> None:
        """Open `duplicates` or `timeline` in the compact form and bring it into sight."""
        head = self._duplicates_head if section == "duplicates" else self._timeline_head
        head.open = True
        self._show_sections()
        self._scroll.ensureWidgetVisible(self._duplicates if section == "duplicates" else self._timeline)

    def viewer(self) -> PhotoViewer | None:
        """The photo window, if it was ever opened."""
        return self._viewer

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter is the filled button when its cap says so; a key held down is not a second Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            actions = self._ticket.actions if self._ticket is not None else ()
            first = next((one for one in actions if one.filled and one.enabled and one.key_text == "Enter"), None)
            if first is not None:
                self.action.emit(first.id)
                return
        super().keyPressEvent(event)

    def _show_sections(self) -> None:
        ticket = self._ticket
        if ticket is None:
            return
        self._text_row.setVisible(bool(ticket.text.strip()))
        self._sla_row.setVisible(bool(ticket.sla))
        for widget in (self._photos_head, self._photos_row):
            widget.setVisible(bool(ticket.photos))
        count = str(len(ticket.photos))
        two = len({card.role_label for card in ticket.photos}) > 1
        self._photos_head.set_words(self.tr("Photos"), count, self.tr("Compare") if two else "", "")
        advised = bool(ticket.advice or ticket.advice_empty)
        self._advice_head.setVisible(advised)
        self._advice.setVisible(bool(ticket.advice))
        self._advice_empty.setVisible(not ticket.advice and advised)
        self._advice_empty.set_text(ticket.advice_empty)
        basis = ticket.advice_basis if ticket.advice else ""
        self._advice_head.set_words(self.tr("Recommended units"), basis, "", self._keys["advice"])
        self._show_foldable(ticket)

    def _show_foldable(self, ticket: Ticket) -> None:
        count = len(ticket.duplicates)
        first = ticket.duplicates[0] if count else None
        self._duplicates_head.setVisible(count > 0)
        self._duplicates.setVisible(count > 0 and self._duplicates_head.open)
        self._duplicates_head.set_words(
            self.tr("Possible duplicates"),
            ticket.duplicates_basis or str(count),
            self.tr("Merge"),
            self._keys["duplicates"],
            self.tr("{n} nearest {distance}, {why}").format(n=count, distance=first.distance, why=first.why)
            if first is not None
            else "",
        )
        entries = len(ticket.timeline)
        newest = ticket.timeline[0] if entries else None
        self._timeline_head.setVisible(entries > 0)
        self._timeline.setVisible(entries > 0 and self._timeline_head.open)
        self._timeline_head.set_words(
            self.tr("Timeline"),
            self.tr("{n} entries").format(n=entries) if entries > 1 else self.tr("1 entry"),
            self.tr("Note"),
            self._keys["timeline"],
            f"{entries} · {newest.when} {newest.text}" if newest is not None else "",
        )

    def _on_fold(self) -> None:
        head = self.sender()
        if isinstance(head, _SectionHead) and head.foldable:
            head.open = not head.open
            head.update()
            self._show_sections()

    def _on_photo(self, photo: str) -> None:
        self._open_viewer(photo, compare=False)
        self.photo_opened.emit(photo)

    def _open_viewer(self, photo: str, *, compare: bool) -> None:
        if self._viewer is None:
            self._viewer = PhotoViewer(self._theme, self)
        self._viewer.show_cards(self._photos.cards, photo, compare=compare)

    def _on_advice(self, number: int) -> None:
        if self._ticket is not None and number < len(self._ticket.advice):
            self.advice_chosen.emit(self._ticket.advice[number].id)

    def _on_duplicate(self, number: int) -> None:
        if self._ticket is not None and number < len(self._ticket.duplicates):
            self.duplicate_opened.emit(self._ticket.duplicates[number].key)


def _indented(theme: Theme, widget: QWidget, top: int = 0) -> QWidget:
    frame = QWidget()
    column = QVBoxLayout(frame)
    column.setContentsMargins(theme.px(_SIDE), theme.px(top), theme.px(_SIDE), 0)
    column.setSpacing(0)
    column.addWidget(widget)
    return frame
