"""What is known already of the place that a form is about: a few reports as rows, and the words of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QHBoxLayout, QStyleOptionViewItem, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.forms.form import make_label
from widgets.keys import KeyButton, cap_size, paint_cap
from widgets.rows import RowDelegate, RowsModel, RowsView
from widgets.symbols import Symbols, paint_tag
from widgets.text import many_lines, one_line
from widgets.theme import Theme

MOST_NEARBY = 4
"""So many rows are shown, each with a digit."""

_ROW_HIGH = 26
_WORDS = 240


@dataclass(frozen=True)
class NearbyReport:
    """A report near the place. `status` is the number of its symbol, `state` its words, `letter` the letter that spells
    it and `letter_token` its colour; `where` is its address. To one that is over (`takes_more` False) nothing is added.
    """

    key: int
    number: str
    service: str
    text: str
    age: str
    state: str
    distance: str
    priority: int
    status: int
    letter: str
    letter_token: str
    where: str = ""
    takes_more: bool = True

    @property
    def id(self) -> str:
        """What it is called in a list."""
        return str(self.key)


class _NearbyDelegate(RowDelegate):
    """Draws key, symbol, status, number, category and words at the left; age and distance at the right."""

    def __init__(self, theme: Theme, symbols: Symbols, first: int, parent: QWidget) -> None:
        super().__init__(theme, _ROW_HIGH, parent)
        self._symbols, self._first = symbols, first

    @override
    def ground(self, option: QStyleOptionViewItem, *, current: bool, has_keyboard: bool) -> str:
        return "surface.selected" if has_keyboard else super().ground(option, current=current, has_keyboard=False)

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: NearbyReport) -> None:
        theme = self._theme
        line = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        view = self.parent()
        at = view.rows_model().number_of(row.id) if isinstance(view, RowsView) else -1
        left, right = box.left() + theme.px(6), box.right() - theme.px(7)
        cap = f"Alt {at + self._first}"
        if at >= 0:
            paint_cap(painter, theme, left, box.center().y() + 1, cap)
        left += cap_size(theme, cap).width() + theme.px(8)
        size = theme.px(14)
        where = QRect(left, box.center().y() - size // 2 + 1, size, size)
        self._symbols.report(painter, where, row.priority, row.status)
        left += theme.px(22)
        left += paint_tag(
            painter, theme, left, box.center().y() - theme.px(7), row.letter, theme.color(row.letter_token)
        )
        left += theme.px(8)
        dense = QFontMetrics(theme.font("dense"))
        rows = view.rows_model() if isinstance(view, RowsView) else None
        shown = [rows.row(number) for number in range(rows.rowCount())] if rows is not None else [row]
        painter.setFont(theme.font("dense"))
        painter.setPen(theme.color("text.tertiary"))
        for text, others in ((row.distance, [one.distance for one in shown]), (row.age, [one.age for one in shown])):
            room = max(dense.horizontalAdvance(one) for one in others) + 1
            painter.drawText(
                QRect(right - room, box.top(), room, box.height()), line | Qt.AlignmentFlag.AlignRight, one_line(text)
            )
            right -= room + theme.px(10)
        for text, role, token, most in (
            (row.number, "mono", "text.secondary", right - left),
            (row.service, "dense", "text.secondary", (right - left) // 3),
            (row.text, "dense", "text.primary", right - left),
        ):
            font = theme.font(role)
            metrics = QFontMetrics(font)
            room = max(0, min(most, right - left))
            words = metrics.elidedText(one_line(text), Qt.TextElideMode.ElideRight, room)
            painter.setFont(font)
            painter.setPen(theme.color(token))
            painter.drawText(QRect(left, box.top(), room, box.height()), line, words)
            left += metrics.horizontalAdvance(words) + theme.px(8)


class NearbyReports(QWidget):
    """A heading that says what was looked at, the rows, and below them the words of the one that is looked at.

    A row is looked at by Alt and its digit (`look`), the first by `first`, by Enter or by a click. `adds` is the key by
    which what is entered is added to the one that is looked at, as its cap shows it; "" where nothing can be.
    """

    looked_at = Signal(int)
    """The key of a report: it is to be shown beside the form too."""
    add_asked = Signal(int)
    """What is entered belongs to this report, which is there already."""
    size_changed = Signal()
    """It needs more height, or less."""

    def __init__(self, theme: Theme, symbols: Symbols, name: str, *, adds: str, add_text: str, first: int = 1) -> None:
        super().__init__()
        self._theme, self._name, self._shown = theme, name, ""
        self._head = make_label(theme, name, "caption", "text.tertiary")
        self._basis = make_label(theme, "", "caption", "text.tertiary")
        self._model = RowsModel(
            lambda row: f"{row.number}, {row.service}, {row.state}, {row.age}, {row.distance}, {row.text}", self
        )
        self.rows = RowsView(name)
        self.rows.setModel(self._model)
        self.rows.setItemDelegate(_NearbyDelegate(theme, symbols, first, self.rows))
        self.rows.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.opened.connect(self._on_opened)
        self.rows.clicked.connect(lambda index: self._on_opened(self._model.row(index.row()).id))
        self._none = make_label(theme, "", "caption", "text.tertiary")
        self._none.setWordWrap(True)
        self._words = make_label(theme, "", "dense", "text.primary")
        self._words.setWordWrap(True)
        self.add_button = KeyButton(theme, add_text, adds, height=24)
        self.add_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._adds = bool(adds)
        self.add_button.clicked.connect(self.add)
        self._looked = QWidget()
        beside = QHBoxLayout(self._looked)
        beside.setContentsMargins(theme.px(6), theme.px(2), 0, 0)
        beside.setSpacing(theme.px(8))
        beside.addWidget(self._words, 1)
        beside.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignTop)
        heading = QHBoxLayout()
        heading.setContentsMargins(0, theme.px(6), 0, 0)
        heading.addWidget(self._head)
        heading.addStretch(1)
        heading.addWidget(self._basis)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(2))
        column.addLayout(heading)
        column.addWidget(self._none)
        column.addWidget(self.rows)
        column.addWidget(self._looked)
        self.show_reports([], "", 0)

    def show_reports(self, rows: Sequence[NearbyReport], looked_for: str, count: int, *, none: str = "") -> None:
        """Show the first rows of `count` that were found; `looked_for` says in short what was looked for, `none` in a
        sentence that nothing was found, or why nothing was looked for.
        """
        rows = rows[:MOST_NEARBY]
        before = self._state
        self._model.set_rows(rows)
        more = f"{len(rows)} of {count}" if count > len(rows) else str(count) if count else ""
        self._head.setText("  ".join(part for part in (self._name, more) if part))
        self._basis.setText(one_line(looked_for) if rows else "")
        self._none.setText(one_line(none))
        self._none.setVisible(bool(none) and not rows)
        self.rows.setFixedHeight(self._theme.px(_ROW_HIGH) * len(rows))
        self.rows.setVisible(bool(rows))
        self.rows.setFocusPolicy(Qt.FocusPolicy.StrongFocus if rows else Qt.FocusPolicy.NoFocus)
        self._tell(next((row for row in rows if row.id == self._shown), None))
        if before != self._state:
            self.size_changed.emit()

    @property
    def _state(self) -> tuple[int, bool, str]:
        return self._model.rowCount(), self._looked.isHidden(), self._none.text()

    @property
    def heading(self) -> str:
        """What stands over the rows: how many, and what was looked for; without rows, that there are none."""
        none = "" if self._none.isHidden() else self._none.text()
        return " · ".join(part for part in (self._head.text(), self._basis.text(), none) if part)

    @property
    def shown(self) -> list[NearbyReport]:
        """The rows, from the first."""
        return [self._model.row(number) for number in range(self._model.rowCount())]

    @property
    def looked_at_words(self) -> str:
        """What is told of the report that is looked at, "" while none is."""
        return "" if self._looked.isHidden() else self._words.text()

    def look_away(self) -> None:
        """Tell no more of the one that is looked at: another list has one."""
        if self._shown:
            self._tell(None)
            self.rows.clear_current()
            self.size_changed.emit()

    def look(self, number: int) -> bool:
        """Look at the row with this number, from 1; False when there is none."""
        if not 1 <= number <= self._model.rowCount():
            return False
        self._on_opened(self._model.row(number - 1).id)
        return True

    def add(self) -> bool:
        """Ask that what is entered be added to the one that is looked at; False while none is."""
        # protects: nothing-is-added-unseen
        if self._looked.isHidden() or self.add_button.isHidden():
            return False
        self.add_asked.emit(int(self._shown))
        return True

    def _on_opened(self, key: str) -> None:
        row = next((one for one in self.shown if one.id == key), None)
        if row is not None:
            self.rows.set_current_id(key)
            self._tell(row)
            self.size_changed.emit()
            self.looked_at.emit(row.key)

    def _tell(self, row: NearbyReport | None) -> None:
        """Below the rows: all that is said of one, in as many lines as it takes."""
        self._shown = row.id if row is not None else ""
        self._looked.setVisible(row is not None)
        if row is not None:
            self.add_button.setVisible(self._adds and row.takes_more)
            facts = " · ".join(part for part in (row.number, row.service, row.state, row.age, row.where) if part)
            self._words.setText(f"{one_line(facts)}\n{many_lines(row.text, _WORDS)}".strip())
