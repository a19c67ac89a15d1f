"""The form of a conflict: value before, own value, server's value and result, a row for each field; asks for real
conflicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from widgets.forms.form import Form, make_label, put_text
from widgets.keys import KeyButton, add_key, cap_size, paint_cap
from widgets.statusbar import paint_sign
from widgets.symbols import Symbols, paint_tag
from widgets.text import one_line, wrap
from widgets.theme import Theme

MINE, THEIRS, BOTH = "mine", "theirs", "both"
_WIDTH = 1178
_LEFTS = (0, 104, 290, 552, 814, _WIDTH)
"""Where the columns begin, of the table's width."""

_MOST_LINES = 4
_NARROW = 760
"""In less width the field and its value before stand over the two values, which share it."""


@dataclass(frozen=True)
class ConflictValue:
    """A value as it is shown: words, with a letter tag or a report symbol before them."""

    text: str
    letter: str = ""
    letter_token: str = "text.secondary"  # noqa: S105 - a colour's name
    priority: int = 0
    status: int = 0


@dataclass(frozen=True)
class ConflictRow:
    """One field. `asks`: the operator must choose; else `pick` (mine, theirs, both) is settled and `why` says why.

    A value of None means "not changed".
    """

    field: str
    label: str
    before: ConflictValue
    mine: ConflictValue | None
    theirs: ConflictValue | None
    asks: bool = True
    pick: str = ""
    why: str = ""


class _Table(QWidget):
    """The rows. Up and Down go from choice to choice, 1 takes yours, 2 takes the server's."""

    decided = Signal()

    def __init__(self, theme: Theme, symbols: Symbols, rows: Sequence[ConflictRow], width: int) -> None:
        super().__init__()
        self._theme, self._symbols = theme, symbols
        self.rows = list(rows)
        self._heads: list[tuple[str, str]] = []
        self.picks = {row.field: row.pick for row in rows if row.asks}
        self._asks = [number for number, row in enumerate(rows) if row.asks]
        self._at = next((number for number in self._asks if not rows[number].pick), (self._asks or [0])[0])
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.lay_out(width)
        self._tell()

    def lay_out(self, width: int) -> None:
        """Columns and lines for so many pixels."""
        self._is_narrow = width < self._theme.px(_NARROW)
        self._lefts = [round(left * width / _WIDTH) for left in _LEFTS]
        if self._is_narrow:
            self._lefts = [0, 0, 0, width // 2, width, width]
        self._over = [self._words_over(row, width) if self._is_narrow else [] for row in self.rows]
        self._lines = [[self._broken(row, column) for column in (1, 2, 3)] for row in self.rows]
        self.setFixedHeight(self._top(len(self.rows)))

    def undecided(self) -> list[ConflictRow]:
        return [row for row in self.rows if row.asks and not self.picks[row.field]]

    def set_heads(self, heads: Sequence[tuple[str, str]]) -> None:
        self._heads = list(heads)
        self.update()

    def pick(self, number: int, side: str) -> None:
        """Decide a row and go to the next one that is open."""
        row = self.rows[number]
        if not row.asks:
            return
        self.picks[row.field] = side
        self._at = number
        open_ = [one for one in self._asks if not self.picks[self.rows[one].field]]
        if open_:
            self._at = next((one for one in open_ if one > number), open_[0])
        self._tell()
        self.update()
        self.decided.emit()

    def _tell(self) -> None:
        if not self.rows:
            return
        row = self.rows[self._at]
        side = {MINE: self.tr("Yours"), THEIRS: self.tr("Server")}.get(
            self.picks.get(row.field, ""), self.tr("Choose one")
        )
        mine = row.mine.text if row.mine else self.tr("not changed")
        theirs = row.theirs.text if row.theirs else self.tr("not changed")
        self.setAccessibleName(f"{row.label}: {side}. 1: {one_line(mine)}. 2: {one_line(theirs)}")

    def _words_over(self, row: ConflictRow, width: int) -> list[str]:
        """The field, and what it was before, in lines beside the room of its outcome."""
        before = self.tr("{field}, before: {value}").format(field=row.label, value=one_line(row.before.text))
        before = before if row.before.text else row.label
        words = before if row.asks or not row.why else f"{before} · {one_line(row.why)}"
        room = width - self._theme.px(24) - self._result_room()
        return wrap(words, self._theme.font("body", 600), room, _MOST_LINES)

    def _result_room(self) -> int:
        metrics = QFontMetrics(self._theme.font("body", 600))
        words = (self.tr("Choose one"), self.tr("Yours"), self.tr("Server"), self.tr("Both"))
        return max(map(metrics.horizontalAdvance, words)) + self._theme.px(32)

    def _over_height(self, number: int) -> int:
        """How high what stands over the values is; 0 where it stands beside them."""
        lines = len(self._over[number])
        return lines * self._theme.line("body") + self._theme.px(10) if lines else 0

    def _row_height(self, number: int) -> int:
        lines = max(len(each) for each in self._lines[number])
        least = self._theme.px(52 if self.rows[number].asks else 48)
        return self._over_height(number) + max(least, lines * self._theme.line("body") + self._theme.px(12))

    def _top(self, number: int) -> int:
        return self._theme.px(53) + sum(self._row_height(each) for each in range(number))

    def _edges(self, row: ConflictRow, column: int) -> tuple[int, int]:
        """Where the value of a column (1 before, 2 mine, 3 theirs) begins and ends, without what asks for a choice."""
        px = self._theme.px
        left, right = self._lefts[column] + px(12), self._lefts[column + 1] - px(6 if column == 1 else 8)
        if row.asks and column > 1:
            left, right = left + px(26), right - px(8) - cap_size(self._theme, str(column - 1)).width()
        return left, right

    def _broken(self, row: ConflictRow, column: int) -> list[str]:
        """The text of a value in lines, in full as far as there is room: whoever chooses has to read both values."""
        value = (row.before, row.mine, row.theirs)[column - 1]
        if column == 1 and self._is_narrow:
            return []  # it stands over the others
        if value is None:
            return [self.tr("not changed")]
        left, right = self._edges(row, column)
        sign = self._theme.px(24) if value.letter or value.priority else 0
        return wrap(one_line(value.text), self._theme.font("body", 500), right - left - sign, _MOST_LINES)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self._asks:
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            at = self._asks.index(self._at) if self._at in self._asks else 0
            self._at = self._asks[max(0, min(len(self._asks) - 1, at + step))]
            self._tell()
            self.update()
        elif event.text() in ("1", "2"):
            self.pick(self._at, MINE if event.text() == "1" else THEIRS)
        else:
            super().keyPressEvent(event)

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.text() in ("1", "2"):
            event.accept()
            return True
        return super().event(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        x, y = event.position().x(), event.position().y()
        lefts = self._lefts
        for number, row in enumerate(self.rows):
            if self._top(number) <= y < self._top(number + 1) and row.asks:
                if lefts[2] <= x < lefts[3]:
                    self.pick(number, MINE)
                elif lefts[3] <= x < lefts[4]:
                    self.pick(number, THEIRS)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        px = theme.px
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        lefts = self._lefts
        head = QRect(0, 0, self.width(), px(53))
        painter.fillRect(head, theme.color("surface.raised"))
        painter.fillRect(QRect(0, head.bottom(), self.width(), 1), theme.color("border.divider"))
        for number, (title, note) in enumerate(self._heads[:5]):
            if lefts[number] == lefts[number + 1]:
                continue
            box = QRect(lefts[number], px(8), lefts[number + 1] - lefts[number], px(20)).adjusted(px(12), 0, -px(6), 0)
            painter.setFont(theme.font("body", 600))
            painter.setPen(theme.color("text.primary"))
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, title)
            font = theme.font("caption")
            painter.setFont(font)
            painter.setPen(theme.color("text.tertiary"))
            box = box.translated(0, px(20)).adjusted(0, 0, 0, px(16) - px(20))
            words = QFontMetrics(font).elidedText(note, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, words)
        for number, row in enumerate(self.rows):
            self._row(painter, number, row, lefts)
        for left in [] if self._is_narrow else lefts[2:5]:
            painter.fillRect(QRect(left, 0, 1, self.height()), theme.color("border.divider"))
        if self._asks:
            box = QRect(0, self._top(self._at), self.width(), self._row_height(self._at) - 1)
            painter.setPen(QPen(theme.color("accent.base" if self.hasFocus() else "border.control"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(1, 1, -1, -1))

    def _row(self, painter: QPainter, number: int, row: ConflictRow, lefts: list[int]) -> None:
        theme = self._theme
        px = theme.px
        line = QRect(0, self._top(number), self.width(), self._row_height(number))
        over = line.adjusted(0, 0, 0, self._over_height(number) - line.height())
        line.setTop(over.bottom() + 1)
        pick = self.picks.get(row.field, "") if row.asks else row.pick
        cells = [QRect(lefts[one], line.top(), lefts[one + 1] - lefts[one], line.height() - 1) for one in range(5)]
        if row.asks and pick in (MINE, THEIRS):
            chosen = cells[2 if pick == MINE else 3]
            painter.fillRect(chosen.adjusted(1, 0, 0, 0), theme.color("surface.selected"))
        painter.fillRect(QRect(0, line.bottom(), line.width(), 1), theme.color("border.subtle"))
        painter.setFont(theme.font("body", 600 if row.asks else 400))
        painter.setPen(theme.color("text.primary" if row.asks else "text.secondary"))
        before, mine, theirs = self._lines[number]
        if self._is_narrow:
            painter.fillRect(QRect(cells[3].left(), line.top(), 1, line.height()), theme.color("border.subtle"))
            self._lines_in(painter, over, px(12), self._over[number])
        else:
            middle = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
            painter.drawText(cells[0].adjusted(px(12), 0, 0, 0), middle, row.label)
            self._value(painter, cells[1], self._edges(row, 1)[0], row.before, before, "text.tertiary", 400)
        for column, value, side, lines in ((2, row.mine, MINE, mine), (3, row.theirs, THEIRS, theirs)):
            left, right = self._edges(row, column)
            on = pick in (side, BOTH)
            if row.asks:
                self._radio(painter, QPointF(left - px(18), line.center().y() + 0.5), on=pick == side)
                paint_cap(painter, theme, right + px(8), line.center().y(), str(column - 1))
            token = "text.tertiary" if value is None else "text.primary" if on else "text.secondary"
            self._value(painter, cells[column], left, value, lines, token, 500 if on and value is not None else 400)
        if self._is_narrow:
            cells[4] = over.adjusted(over.width() - self._result_room(), 0, 0, 0)
        self._result(painter, cells[4].adjusted(px(12), 0, -px(8), 0), row, pick)

    def _value(
        self,
        painter: QPainter,
        cell: QRect,
        left: int,
        value: ConflictValue | None,
        lines: list[str],
        token: str,
        weight: int,
    ) -> None:
        theme = self._theme
        middle = cell.center().y() + 1
        if value is not None and value.letter:
            paint_tag(painter, theme, left, middle - theme.px(8), value.letter, theme.color(value.letter_token))
            left += theme.px(24)
        elif value is not None and value.priority:
            size = theme.px(16)
            self._symbols.report(painter, QRect(left, middle - size // 2, size, size), value.priority, value.status)
            left += theme.px(24)
        painter.setFont(theme.font("body", weight))
        painter.setPen(theme.color(token))
        self._lines_in(painter, cell, left, lines)

    def _lines_in(self, painter: QPainter, cell: QRect, left: int, lines: list[str]) -> None:
        high = self._theme.line("body")
        top = cell.top() + (cell.height() - high * len(lines) + 1) // 2
        for number, words in enumerate(lines):
            place = QRect(left, top + number * high, cell.right() - left, high)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, words)

    def _radio(self, painter: QPainter, centre: QPointF, *, on: bool) -> None:
        theme = self._theme
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("accent.base" if on else "border.control"), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(centre, theme.px(6.6), theme.px(6.6))
        if on:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent.base"))
            dot = 3.2 * theme.scale
            painter.drawEllipse(QRectF(centre.x() - dot, centre.y() - dot, 2 * dot, 2 * dot))
        painter.restore()

    def _result(self, painter: QPainter, box: QRect, row: ConflictRow, pick: str) -> None:
        theme = self._theme
        words = {MINE: self.tr("Yours"), THEIRS: self.tr("Server"), BOTH: self.tr("Both")}.get(pick, "")
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        if self._is_narrow and not row.asks:  # why it is settled stands beside the field
            painter.setFont(theme.font("body", 500))
            painter.setPen(theme.color("text.primary"))
            painter.drawText(box, middle, words)
        elif row.asks and not pick:
            paint_sign(painter, theme, box.left(), box.center().y() + 1, "warn")
            painter.setFont(theme.font("body", 600))
            painter.setPen(theme.color("priority.p2"))
            painter.drawText(box.adjusted(theme.px(14), 0, 0, 0), middle, self.tr("Choose one"))
        elif row.asks:
            painter.setFont(theme.font("body", 600))
            painter.setPen(theme.color("accent.base"))
            painter.drawText(box, middle, words)
        else:
            high = theme.px(18)
            first = QRect(box.left(), box.center().y() - high + 1, box.width(), high)
            painter.setFont(theme.font("body", 500))
            painter.setPen(theme.color("text.primary"))
            painter.drawText(first, middle, words)
            font = theme.font("caption")
            painter.setFont(font)
            painter.setPen(theme.color("text.tertiary"))
            why = QFontMetrics(font).elidedText(row.why, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(first.translated(0, high), middle, why)


class ConflictForm(Form):
    """Values: choices ({field: "mine" or "theirs"} of rows that asked), reason, and theirs: {field: the text that stood
    against one's own}. A choice is taken from a draft only if theirs are still the same.

    `send` is the text of the filled button, where it is not "merged change". `over` names what is dangerous in taking
    one's own value in the row `over_field`: that has a button of its own instead of the filled one, and the key
    Alt+Enter; Enter and Ctrl+Enter never do it.
    """

    dropped = Signal()
    """All of one's own change is to be dropped."""

    def __init__(
        self,
        theme: Theme,
        symbols: Symbols,
        title: str,
        number: str,
        sentence: str,
        rows: Sequence[ConflictRow],
        *,
        before_note: str = "",
        mine_note: str = "",
        theirs_note: str = "",
        position: str = "",
        note: str = "",
        asks_reason: bool = True,
        send: str = "",
        over: str = "",
        over_field: str = "",
        parent: QWidget | None = None,
    ) -> None:
        screen = parent.screen() if parent is not None else QGuiApplication.primaryScreen()
        width = min(_WIDTH, int(screen.availableGeometry().width() / theme.scale))
        super().__init__(theme, title, sentence, commit_text="", width=width, about=number, parent=parent)
        self.setWindowTitle(self.tr("Conflict"))
        self._send = send or self.tr("Send merged change")
        self.commit_button.set_verb(self._send)
        self.leave_button.set_verb(self.tr("Decide later"))
        self._notes = (before_note, mine_note, theirs_note)
        self.table = _Table(theme, symbols, rows, self.width())
        self.table.decided.connect(self._on_decided)
        self.column.insertWidget(2, self.table)
        self.reason = self.reason_field(self.tr("Reason for the log, optional"), 3)
        if asks_reason:
            self.body.addWidget(make_label(theme, self.tr("Reason for the log, optional"), "caption", "text.tertiary"))
            self.body.addWidget(self.reason)
        else:
            self.reason.setParent(None)
        if note:
            words = make_label(theme, note, "caption", "text.secondary")
            words.setWordWrap(True)
            self.body.addWidget(words)
        self.drop_button = KeyButton(theme, self.tr("Drop mine"), height=32)
        self.drop_button.clicked.connect(self._on_drop)
        self.foot_row.insertWidget(0, self.drop_button)
        self._position, self._over, self._over_field = position, over, over_field
        self.over_button = KeyButton(theme, over, self.tr("Alt ↵"), height=32)
        self.over_button.clicked.connect(self._on_over)
        self.foot_row.addWidget(self.over_button)
        for keys in ("Alt+Return", "Alt+Enter"):
            add_key(self, keys, self._on_over)
        self._on_decided()

    @override
    def fit(self) -> None:
        self.table.lay_out(self.width())  # it may have been given less room than it asked for
        super().fit()

    @override
    def values(self) -> dict[str, Any]:
        theirs = {row.field: row.theirs.text for row in self.table.rows if row.asks and row.theirs is not None}
        reason = self.reason.toPlainText().strip()
        return {"choices": dict(self.table.picks), "reason": reason, "theirs": theirs}

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        seen = self.values()["theirs"]
        for number, row in enumerate(self.table.rows):
            side = draft.get("choices", {}).get(row.field, "")
            if row.asks and draft.get("theirs", seen).get(row.field) == seen.get(row.field):
                self.table.pick(number, side if side in (MINE, THEIRS) else "")
        put_text(self.reason, str(draft.get("reason", "")))

    @override
    def held_up_by(self) -> QWidget | None:
        return self.table

    @override
    def why_not(self) -> str:
        waiting = self.table.undecided()
        if waiting:
            return f"{self.tr('Choose one')}: {', '.join(row.label for row in waiting)}"
        return self.tr("Alt+Enter: {what}").format(what=self._over) if self._is_over else ""

    @property
    def _is_over(self) -> bool:
        """Whether the operator's own value is chosen in a row where that is dangerous."""
        return bool(self._over) and self.table.picks.get(self._over_field) == MINE

    @override
    def foot_note(self) -> str:
        return self._position

    @override
    def is_empty(self) -> bool:
        return not self.reason.toPlainText().strip() and not any(self.table.picks.values())

    @override
    def first_field(self) -> QWidget:
        return self.table

    def _on_decided(self) -> None:
        before, mine, theirs = self._notes
        waiting = len(self.table.undecided())
        done = self.tr("{0} to decide, {1} done")
        done = done.replace("{0}", str(waiting)).replace("{1}", str(len(self.table.rows) - waiting))
        changed = self.tr("{0} changed").replace("{0}", str(len(self.table.rows)))
        self.table.set_heads(
            [
                (self.tr("Field"), changed),
                (self.tr("Before"), before),
                (self.tr("Yours"), mine),
                (self.tr("Server"), theirs),
                (self.tr("Result"), done),
            ]
        )
        all_theirs = not waiting and all(side == THEIRS for side in self.table.picks.values())
        self.commit_button.set_verb(self.tr("Keep the server's") if all_theirs else self._send)
        self.commit_button.setVisible(not self._is_over)
        self.over_button.setVisible(self._is_over)
        self.touch()

    def _on_over(self) -> None:
        if self._is_over and not self.table.undecided() and not self.is_done and self.isVisible():
            values = self.values()
            self.end()
            self.committed.emit(values)

    def _on_drop(self) -> None:
        self._done = True
        self.hide()
        self.dropped.emit()
