"""The units board: one line a crew, with its state, its job and the age of its position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QMenu,
    QStackedWidget,
    QStyleOptionViewItem,
    QToolTip,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from widgets.focus import FocusRing
from widgets.keys import cap_size, is_heard, paint_cap
from widgets.rows import RowDelegate, RowsModel, RowsView
from widgets.states import EmptyState
from widgets.symbols import Symbols, paint_mark
from widgets.text import one_line, tip
from widgets.theme import Theme

ROW_HEIGHT, HEAD_HEIGHT = 26, 24


@dataclass(frozen=True)
class UnitRow:
    """One crew. A job that begins with a number shows it as an id; `stale` dashes the capsule and hatches the age.

    `position_level`: 0 plain, 1 amber, 2 grey on hatching. `mark`: "" or hollow, half, solid (saved, sent, received).
    """

    id: str
    code: str
    state_key: str
    state_text: str
    since: str = ""
    job: str = ""
    eta: str = ""
    next: str = ""
    skills: str = ""
    position_age: str = ""
    position_level: int = 0
    shift: str = ""
    stale: bool = False
    mark: str = ""
    away: str = ""
    """How far it is from the chosen report; the column is shown while one row says so."""
    step: str = ""
    """What is awaited of it next, with its key: beside the job, while that key is heard."""
    step_key: str = ""


@dataclass(frozen=True)
class _Column:
    key: str
    width: int
    right: bool = False


_CODE, _MOST_CODE = 100, 190
_SKILLS, _JOB_FIRST = 102, 200
"""Skills are wider than this only where the job has its room already."""
_COLUMNS = (
    _Column("symbol", 40),
    _Column("code", _CODE),
    _Column("state", 100),
    _Column("since", 72, right=True),
    _Column("away", 88, right=True),
    _Column("job", 0),
    _Column("eta", 66, right=True),
    _Column("next", 44, right=True),
    _Column("skills", _SKILLS),
    _Column("position", 68, right=True),
    _Column("shift", 58, right=True),
)
_FIRST_TO_GO = ("shift", "skills", "next", "since")
"""Columns left out, in this order, when the job would have less than 130 px."""


def paint_hatching(painter: QPainter, theme: Theme, box: QRect) -> None:
    """Hatch a box: the sign of what is old or not there."""
    painter.save()
    painter.setClipRect(box)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("map.hatch"), 1))
    step = theme.px(8)
    for start in range(box.left() - box.height() - step, box.right() + step, step):
        start -= start % step
        painter.drawLine(start, box.bottom() + 1, start + box.height() + 1, box.top())
    painter.restore()


def place_columns(theme: Theme, width: int, code: int = 0, skills: int = 0, *, away: bool = False) -> dict[str, QRect]:
    """Where each column stands in a row `width` wide; columns that do not fit are left out.

    `code` is the width of the longest code in pixels: no crew may be taken for another, at the cost of its job's words.
    `skills` is that of the longest skills, which are whole where there is room beside the job's words.
    `away` shows how far each is from the chosen report.
    """
    wanted = max(_CODE, min(_MOST_CODE, round(code / theme.scale) + 18))
    columns = [_Column("code", wanted) if column.key == "code" else column for column in _COLUMNS]
    if not away:
        columns = [column for column in columns if column.key != "away"]
    for key in _FIRST_TO_GO:
        if width - sum(theme.px(column.width) for column in columns) >= theme.px(130):
            break
        columns = [column for column in columns if column.key != key]
    job = max(theme.px(60), width - sum(theme.px(column.width) for column in columns))
    more = max(0, min(skills + theme.px(18) - theme.px(_SKILLS), job - theme.px(_JOB_FIRST)))
    places, left = {}, 0
    for column in columns:
        wide = theme.px(column.width)
        if column.key == "job":
            wide = job - (more if any(one.key == "skills" for one in columns) else 0)
        elif column.key == "skills":
            wide += more
        places[column.key] = QRect(left, 0, wide, 1)
        left += wide
    return places


class _Head(QWidget):
    """The words over the columns: a click sorts by one, the first column chooses which units are listed."""

    picked = Signal(str)
    menu_asked = Signal(QPoint)

    def __init__(self, theme: Theme, view: QAbstractItemView) -> None:
        super().__init__()
        self._theme, self._view = theme, view
        self.code_width, self.skills_width, self.away = 0, 0, False
        self.sorted_by, self.descending, self.only = "", False, ""
        self._words = {
            "symbol": "▾",
            "code": self.tr("Unit"),
            "state": self.tr("State"),
            "since": self.tr("For"),
            "away": self.tr("Away"),
            "job": self.tr("Job"),
            "eta": self.tr("ETA"),
            "next": self.tr("Next"),
            "skills": self.tr("Skills"),
            "position": self.tr("Position"),
            "shift": self.tr("Shift"),
        }
        self.setFixedHeight(theme.px(HEAD_HEIGHT))
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def places(self) -> dict[str, QRect]:
        """Where each column stands."""
        width = self._view.viewport().width()
        return place_columns(self._theme, width, self.code_width, self.skills_width, away=self.away)

    def column_at(self, x: int) -> str:
        """The key of the column at this place, "" for none."""
        return next((key for key, place in self.places().items() if place.left() <= x <= place.right()), "")

    def words(self, key: str) -> str:
        """What stands over a column."""
        text = self._words.get(key, "")
        if key == "state" and self.only:
            text = f"{text}: {self.only}"
        return f"{text} {'▾' if self.descending else '▴'}" if key == self.sorted_by else text

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        column = self.column_at(event.position().toPoint().x())
        if column == "symbol" or event.button() == Qt.MouseButton.RightButton:
            self.menu_asked.emit(event.globalPosition().toPoint())
        elif column:
            self.picked.emit(column)

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            column = self.column_at(event.pos().x())
            words = self.tr("Sort by {column}").format(column=self._words.get(column, "").lower())
            QToolTip.showText(
                event.globalPos(), tip(self.tr("Which units are listed") if column == "symbol" else words)
            )
            return True
        return super().event(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), theme.color("border.divider"))
        painter.setFont(theme.font("caption", 500))
        right = {column.key for column in _COLUMNS if column.right}
        for key, place in self.places().items():
            loud = key == self.sorted_by or (key == "state" and self.only)
            painter.setPen(theme.color("text.primary" if loud else "text.tertiary"))
            box = QRect(place.left() + theme.px(8), 0, place.width() - theme.px(16), self.height())
            side = Qt.AlignmentFlag.AlignRight if key in right else Qt.AlignmentFlag.AlignLeft
            words = painter.fontMetrics().elidedText(self.words(key), Qt.TextElideMode.ElideRight, box.width() + 8)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | side | Qt.TextFlag.TextDontClip, words)


class _UnitDelegate(RowDelegate):
    """Draws a whole row itself."""

    def __init__(self, theme: Theme, symbols: Symbols, parent: QObject) -> None:
        super().__init__(theme, ROW_HEIGHT, parent)
        self._symbols = symbols
        self.code_width, self.skills_width, self.away = 0, 0, False
        self._placed_for: tuple[int, int, int, bool] | None = None
        self._columns: dict[str, QRect] = {}

    @override
    def ground(self, option: QStyleOptionViewItem, *, current: bool, has_keyboard: bool) -> str:
        if not current and option.state & option.state.State_MouseOver:
            return "surface.hover"
        return super().ground(option, current=current, has_keyboard=has_keyboard)

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: UnitRow) -> None:
        theme = self._theme
        wanted = (box.width(), self.code_width, self.skills_width, self.away)
        if wanted != self._placed_for:
            self._placed_for = wanted
            self._columns = place_columns(theme, *wanted[:3], away=self.away)
        columns = self._columns
        places = {
            key: place.translated(box.left(), box.top()).adjusted(0, 0, 0, box.height() - 2)
            for key, place in columns.items()
        }
        if "position" in places and (row.stale or row.position_level >= 2):
            paint_hatching(painter, theme, places["position"])
        size = QSize(theme.px(21), theme.px(12))
        capsule = QRect(box.left() + theme.px(12), box.top() + (box.height() - size.height()) // 2, *size.toTuple())
        self._symbols.unit(painter, capsule, row.state_key, row.stale)
        dim = "text.secondary" if row.stale else "text.primary"
        self.paint_text(painter, places.get("code"), row.code, "text.primary", 600)
        state = places.get("state")
        if state is not None and row.mark:
            mark_top = state.center().y() + 1 - theme.px(4)
            color = theme.color("text.secondary")
            paint_mark(painter, theme, state.left() + theme.px(8), mark_top, row.mark, color)
            state = state.adjusted(theme.px(14), 0, 0, 0)
        self.paint_text(painter, state, row.state_text, dim)
        self.paint_text(painter, places.get("since"), row.since, "text.secondary", right=True)
        self.paint_text(painter, places.get("away"), row.away, "text.secondary", right=True)
        places = self._with_step(painter, places, row)
        self._job(painter, places.get("job"), row.job)
        self.paint_text(painter, places.get("eta"), row.eta, "text.primary", right=True)
        self.paint_text(painter, places.get("next"), row.next, "text.secondary", right=True)
        self.paint_text(painter, places.get("skills"), row.skills, "text.secondary")
        token = "priority.p2" if row.position_level == 1 else "text.tertiary"
        self.paint_text(painter, places.get("position"), row.position_age, token, right=True)
        self.paint_text(painter, places.get("shift"), row.shift, "text.secondary", right=True)

    def _with_step(self, painter: QPainter, places: dict[str, QRect], row: UnitRow) -> dict[str, QRect]:
        """Draw the next step and its key behind the job's number, else in place of the skills; what places are left."""
        device, theme = painter.device(), self._theme
        if not row.step_key or (isinstance(device, QWidget) and not is_heard(device, row.step_key)):
            return places
        font = theme.font("dense")
        wide = QFontMetrics(font).horizontalAdvance(row.step) + cap_size(theme, row.step_key).width() + theme.px(22)
        number = QFontMetrics(theme.font("mono")).horizontalAdvance(row.job.partition(" ")[0]) + theme.px(16)
        room = {"job": places["job"].width() - number, "skills": places["skills"].width() if "skills" in places else 0}
        column = next((key for key, width in room.items() if width >= wide), "")
        if not column:
            return places
        place = places[column]
        step = place.adjusted(place.width() - wide, 0, 0, 0)
        self.paint_text(painter, step, row.step, "text.primary")
        left = step.right() - theme.px(8) - cap_size(theme, row.step_key).width()
        paint_cap(painter, theme, left, step.center().y() + 1, row.step_key)
        left_over = {key: one for key, one in places.items() if key != column}
        return left_over | {"job": place.adjusted(0, 0, -wide, 0)} if column == "job" else left_over

    def _job(self, painter: QPainter, place: QRect | None, job: str) -> None:
        if place is None:
            return
        number, _, rest = job.partition(" ")
        if not number.isdigit():
            self.paint_text(painter, place, job, "text.tertiary")
            return
        theme = self._theme
        font = theme.font("mono")
        painter.setFont(font)
        painter.setPen(theme.color("text.secondary"))
        box = place.adjusted(theme.px(8), 0, -theme.px(8), 0)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, number)
        used = QFontMetrics(font).horizontalAdvance(number) + theme.px(5)
        self.paint_text(painter, place.adjusted(used, 0, 0, 0), rest, "text.primary")


class UnitsPanel(QWidget):
    """All units of the operator's areas; which, and in what order, is the caller's, who is told what is asked for."""

    current_changed = Signal(str)
    opened = Signal(str)
    menu_asked = Signal(QPoint)
    """The right button on the unit that is the current one now."""
    sort_chosen = Signal(str)
    """The key of a column that was clicked."""
    filter_chosen = Signal(str)
    """The key of one of the filters."""

    def __init__(self, theme: Theme, symbols: Symbols) -> None:
        super().__init__()
        self._model = RowsModel(_words, self)
        self.view = RowsView(self.tr("Units"), self)
        self.view.setModel(self._model)
        self._theme, self._codes, self._skills = theme, frozenset[str](), frozenset[str]()
        self._delegate = _UnitDelegate(theme, symbols, self.view)
        self.view.setItemDelegate(self._delegate)
        self.view.entered.connect(self.current_changed)
        self.view.opened.connect(self.opened)
        self.view.menu_asked.connect(self.menu_asked)
        self.view.viewport().installEventFilter(self)
        self._head = _Head(theme, self.view)
        self._head.picked.connect(self.sort_chosen)
        self._head.menu_asked.connect(self._on_menu)
        self._filters: tuple[tuple[str, str], ...] = ()
        self._filter = ""
        self._empty = EmptyState(theme)
        self._middle = QStackedWidget()
        self._middle.addWidget(self.view)
        self._middle.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head)
        column.addWidget(self._middle, 1)
        self._ring = FocusRing(theme, self.view)
        self.setFocusProxy(self.view)

    def set_rows(self, rows: Sequence[UnitRow]) -> None:
        """Show these units; the current one stays the current one, and no other takes its place when it goes."""
        self.view.keep_current_among(rows)
        self._fit(frozenset(row.code for row in rows), frozenset(row.skills for row in rows))
        away = any(row.away for row in rows)
        if away != self._head.away:
            self._head.away = self._delegate.away = away
            self._head.update()
            self.view.viewport().update()
        was_seen = self._is_seen()
        self._model.set_rows(rows)
        if was_seen and not self._is_seen():  # sorted anew: what keys mean stays in sight
            self.view.scrollTo(self.view.currentIndex())
        self._show_empty()

    def set_empty(self, title: str, why: str, keys: Sequence[tuple[str, str]] = ()) -> None:
        """What to say while no unit is listed; with "" nothing is said."""
        self._empty.set_words(title, why, keys)
        self._show_empty()

    def _show_empty(self) -> None:
        said = bool(self._empty.words()[0]) and not self._model.rowCount()
        self._middle.setCurrentIndex(1 if said else 0)

    def set_sort(self, column: str, *, descending: bool) -> None:
        """Mark the column that the rows are sorted by, "" for an order of the caller's own."""
        self._head.sorted_by, self._head.descending = column, descending
        self._head.update()

    def set_filters(self, filters: Sequence[tuple[str, str]], current: str, *, narrowed: bool) -> None:
        """Offer these filters (key, words); one that leaves units out stands over the states."""
        self._filters, self._filter = tuple(filters), current
        self._head.only = dict(filters).get(current, "") if narrowed else ""
        self._head.update()

    def _on_menu(self, where: QPoint) -> None:
        menu = QMenu(self)
        for key, words in self._filters:
            action = menu.addAction(words.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(key == self._filter)
            action.triggered.connect(lambda _=False, key=key: self.filter_chosen.emit(key))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)

    def _fit(self, codes: frozenset[str], skills: frozenset[str]) -> None:
        if (codes, skills) == (self._codes, self._skills):
            return
        self._codes, self._skills = codes, skills
        self._delegate.code_width = self._head.code_width = self._widest(codes, 600)
        self._delegate.skills_width = self._head.skills_width = self._widest(skills, 400)
        self._head.update()
        self.view.viewport().update()

    def _widest(self, texts: frozenset[str], weight: int) -> int:
        metrics = QFontMetrics(self._theme.font("dense", weight))
        return max((metrics.horizontalAdvance(one_line(text)) for text in texts), default=0)

    def current_id(self) -> str:
        """The id of the current unit, "" for none."""
        return self.view.current_id()

    def bring_in_sight(self) -> bool:
        """Scroll until the current unit is in sight; whether it was already."""
        was_seen = self._is_seen()
        if not was_seen:
            self.view.scrollTo(self.view.currentIndex())
        return was_seen

    def _is_seen(self) -> bool:
        index = self.view.currentIndex()
        return index.isValid() and self.view.viewport().rect().contains(self.view.visualRect(index).center())

    def set_current(self, unit_id: str) -> None:
        """Make a unit the current one; nothing is announced."""
        self.view.set_current_id(unit_id)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:  # a scroll bar came or went: the words stay over their columns
            self._head.update()
        return super().eventFilter(watched, event)


def _words(row: UnitRow) -> str:
    parts = (row.code, row.state_text, row.since, row.job, row.eta, row.skills, row.position_age)
    return ", ".join(part for part in parts if part)
