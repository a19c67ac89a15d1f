"""Three small charts under a line that says what they count: arrivals, categories, and a trend against its goal.

pyqtgraph is imported after the panel's first paint: it takes 0.3 s, and the window should stand before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.keys import is_enter
from widgets.tabs import TabLabel, TabStrip
from widgets.text import one_line
from widgets.theme import Theme, paint_focus
from widgets.units import paint_hatching

_GUTTER, _GUTTER_GAP, _FOOT = 26, 7, 16


@dataclass(frozen=True)
class CategoryBar:
    """A category: how many reports, and how many of them are overdue.

    A `dim` one was not chosen and is shown for comparison. If it is not `loud`, its overdue part is grey.
    """

    key: str
    label: str
    count: int
    overdue: int = 0
    dim: bool = False
    loud: bool = True


class _Plot(QWidget):
    """Title, figure, comparison, and a plot in pixel coordinates that `_draw` fills."""

    menu_asked = Signal(int, QPoint)
    """The right button, or its key: (the bar there or -1, where on the screen)."""
    picked = Signal(int)
    added = Signal(int)
    """Picked with Shift or Ctrl: beside what was picked before."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self._theme, self.title = theme, title
        self._figure, self._note, self._why = "", "", ""
        self._canvas: Any = None
        self.cursor_at = -1
        self.edge = True
        self._drawn: object = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setAccessibleName(title)

    # -- what subclasses give

    def _draw(self, width: int, height: int) -> None:
        """Fill the empty plot."""
        raise NotImplementedError

    def _bars(self) -> int:
        """How many bars can be picked."""
        return 0

    def _bar_at(self, point: QPoint, width: int, height: int) -> int:
        """The bar under a point of the plot, -1 for none."""
        return -1

    def _bar_words(self, number: int) -> str:
        """A bar as text, for screen readers."""
        return ""

    def _data(self) -> object:
        """What is drawn; equal data is not drawn again."""
        return None

    def rows(self) -> list[tuple[str, ...]]:
        """Its numbers as a table."""
        return []

    def bar_words(self, number: int) -> str:
        """A bar in words, "" for none."""
        return self._bar_words(number) if 0 <= number < self._bars() else ""

    def head(self) -> tuple[str, ...]:
        """Its figure and what it is compared with, or why there is none."""
        return (self._why,) if self._why else (self._figure, self._note)

    # -- head and state

    def set_head(self, figure: str, note: str) -> None:
        self._figure, self._note, self._why = figure, note, ""
        self.setAccessibleName(f"{self.title}: {figure}, {note}")
        self.refresh()

    def set_no_data(self, why: str) -> None:
        self._why = why
        self.setAccessibleName(f"{self.title}: {why}")
        self.refresh()

    def ensure_canvas(self, canvas_type: Any) -> None:
        """Make the plot, once."""
        if self._canvas is not None:
            return
        canvas = canvas_type(self._theme, self)
        canvas.viewport().installEventFilter(self)
        canvas.setAccessibleName(self.title)
        self._canvas = canvas
        self.refresh()

    def refresh(self) -> None:
        """Draw what has changed."""
        self.update()
        if self._canvas is None:
            return
        box = self._plot_box()
        shown = not self._why and box.width() > 40 and box.height() > 40
        self._canvas.setVisible(shown)
        state = (box, self._data(), self.cursor_at if self.hasFocus() else -1)
        if not shown or state == self._drawn:
            return
        self._drawn = state
        self._canvas.setGeometry(box)
        self._canvas.begin(box.width(), box.height())
        self._draw(box.width(), box.height())
        self._canvas.end()

    def _plot_box(self) -> QRect:
        px = self._theme.px
        return QRect(px(12), px(44), self.width() - px(24) - 1, self.height() - px(50))

    # -- pieces

    def _text(self, text: str, left: float, top: float, token: str, role: str = "micro", anchor: float = 0) -> None:
        self._canvas.texts.append((text, left, top, token, role, anchor))

    def _line(self, left: float, right: float, top: float, token: str, *, dashed: bool = False) -> None:
        self._canvas.lines.append((left, right, top, token, dashed))

    def _blocks(self, lefts: Sequence[float], tops: Sequence[float], wide: Any, high: Any, colors: Any) -> None:
        self._canvas.add_blocks(lefts, tops, wide, high, colors)

    def _curve(
        self, xs: Sequence[float], ys: Sequence[float], token: str, width: float, dashes: Sequence[float] = ()
    ) -> None:
        pen = QPen(self._theme.color(token), width)
        pen.setCosmetic(True)
        if dashes:
            pen.setDashPattern([length / width for length in dashes])
        self._canvas.add_curve(xs, ys, pen)

    def _scale(self) -> tuple[float, float]:
        """Both ends of the axis of values."""
        return 0, 0

    def _scale_numbers(self) -> dict[float, str]:
        low, high = self._scale()
        return {value: f"{value:,.10g}" for value in (low, (low + high) / 2, high)}

    def _gutter(self) -> int:
        """The width left of the plot: its longest number fits, as a number that is cut reads as another one."""
        metrics = QFontMetrics(self._theme.font("micro"))
        longest = max(metrics.horizontalAdvance(text) for text in self._scale_numbers().values())
        return max(self._theme.px(_GUTTER), longest + self._theme.px(_GUTTER_GAP) + 1)

    def _scale_lines(self, width: int, base: float) -> Callable[[float], float]:
        """Three horizontal grid lines with their numbers; returns value -> y."""
        top = self._theme.px(6)
        low, high = self._scale()

        def place(value: float) -> float:
            return base - (value - low) / ((high - low) or 1) * (base - top)

        gutter = self._gutter()
        for value, text in self._scale_numbers().items():
            self._line(gutter - 2, width, place(value), "chart.grid")
            self._text(text, gutter - self._theme.px(_GUTTER_GAP), place(value), "chart.axis", anchor=1)
        return place

    # -- keyboard and mouse

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        bars = self._bars()
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Down: 1,
        }.get(Qt.Key(event.key()), 0)
        if step and bars:
            self._move_to(max(0, min(bars - 1, self.cursor_at + step)))
        elif event.key() == Qt.Key.Key_Home and bars:
            self._move_to(0)
        elif event.key() == Qt.Key.Key_End and bars:
            self._move_to(bars - 1)
        elif (is_enter(event) or event.key() == Qt.Key.Key_Space) and 0 <= self.cursor_at < bars:
            if not event.isAutoRepeat():
                self._pick(self.cursor_at, event.modifiers())
        else:
            super().keyPressEvent(event)

    def _pick(self, number: int, modifiers: Qt.KeyboardModifier) -> None:
        beside = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
        (self.added if modifiers & beside else self.picked).emit(number)

    def _move_to(self, number: int) -> None:
        self.cursor_at = number
        self.setAccessibleDescription(self._bar_words(number))
        self.refresh()

    @override
    def focusInEvent(self, event: Any) -> None:
        super().focusInEvent(event)
        if self.cursor_at < 0 < self._bars():
            self._move_to(self._bars() - 1 if isinstance(self, _Arrivals) else 0)
        self.refresh()

    @override
    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self.refresh()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonPress:
            box = self._plot_box()
            number = self._bar_at(event.position().toPoint(), box.width(), box.height())
            if number >= 0 and event.button() == Qt.MouseButton.LeftButton:
                self.cursor_at = number
                self._pick(number, event.modifiers())
            return True
        if isinstance(event, QContextMenuEvent):
            box = self._plot_box()
            self.menu_asked.emit(self._bar_at(event.pos(), box.width(), box.height()), event.globalPos())
            return True
        return super().eventFilter(watched, event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        self.menu_asked.emit(self.cursor_at if by_key else -1, event.globalPos())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refresh()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        px = theme.px
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        if self.edge:
            painter.fillRect(QRect(self.width() - 1, 0, 1, self.height()), theme.color("border.subtle"))
        inside = QRect(px(12), px(5), self.width() - px(24), px(16))
        line = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        font = theme.font("caption")
        painter.setFont(font)
        painter.setPen(theme.color("text.secondary"))
        elide = Qt.TextElideMode.ElideRight
        painter.drawText(inside, line, QFontMetrics(font).elidedText(self.title, elide, inside.width()))
        inside.translate(0, px(16))
        inside.setHeight(px(22))
        figure = self.tr("no figure") if self._why else self._figure
        font = theme.font("title", 600)
        painter.setFont(font)
        painter.setPen(theme.color("text.tertiary" if self._why else "text.primary"))
        painter.drawText(inside, line, figure)
        if not self._why:
            inside.setLeft(inside.left() + QFontMetrics(font).horizontalAdvance(figure) + px(8))
            font = theme.font("caption")
            painter.setFont(font)
            painter.setPen(theme.color("text.tertiary"))
            note = QFontMetrics(font).elidedText(self._note, elide, max(0, inside.width()))
            painter.drawText(inside.adjusted(0, px(2), 0, px(2)), line, note)
        else:
            self._paint_no_data(painter)
        if self.hasFocus():
            paint_focus(painter, theme, self)

    def _paint_no_data(self, painter: QPainter) -> None:
        theme = self._theme
        box = self._plot_box().adjusted(0, theme.px(4), 0, theme.px(4))
        paint_hatching(painter, theme, box)
        first, dot, rest = self._why.partition(". ")
        parts = [(first + dot.strip(), "text.secondary"), (rest, "text.tertiary")]
        metrics = QFontMetrics(theme.font("dense"))
        lines = [
            (metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width()), token) for text, token in parts if text
        ]
        wide = max(metrics.horizontalAdvance(text) for text, _ in lines) + theme.px(20)
        high = theme.line("dense") * len(lines) + theme.px(8)
        plate = QRect(0, 0, min(wide, box.width()), high)
        plate.moveCenter(box.center())
        painter.fillRect(plate, theme.color("surface.panel"))
        painter.setFont(theme.font("dense"))
        top = plate.top() + theme.px(4)
        for text, token in lines:
            painter.setPen(theme.color(token))
            row = QRect(plate.left(), top, plate.width(), theme.line("dense"))
            painter.drawText(row, Qt.AlignmentFlag.AlignCenter, text)
            top += theme.line("dense")


class _Arrivals(_Plot):
    labels: tuple[str, ...] = ()
    counts: tuple[float, ...] = ()
    usual: tuple[float, ...] = ()
    running = True

    @override
    def _data(self) -> object:
        return self.labels, self.counts, self.usual, self.running

    @override
    def rows(self) -> list[tuple[str, ...]]:
        usual = self.usual or (math.nan,) * len(self.counts)
        return [
            (label, "" if math.isnan(count) else f"{count:g}", "" if math.isnan(often) else f"{often:g}")
            for label, count, often in zip(self.labels, self.counts, usual, strict=False)
        ]

    @override
    def _bars(self) -> int:
        return len(self.counts)

    @override
    def _scale(self) -> tuple[float, float]:
        return 0, nice_top(max((*(count for count in self.counts if not math.isnan(count)), *self.usual, 1)))

    @override
    def _bar_words(self, number: int) -> str:
        usual = f" ({self.usual[number]:g})" if number < len(self.usual) else ""
        count = self.counts[number]
        return f"{self.labels[number]}: {'–' if math.isnan(count) else f'{count:g}'}{usual}"

    @override
    def _bar_at(self, point: QPoint, width: int, height: int) -> int:
        gutter = self._gutter()
        if not self.counts or point.x() < gutter:
            return -1
        return min(len(self.counts) - 1, int((point.x() - gutter) / (width - gutter) * len(self.counts)))

    @override
    def _draw(self, width: int, height: int) -> None:
        theme, count = self._theme, len(self.counts)
        if not count:
            return
        gutter, base = self._gutter(), height - theme.px(_FOOT)
        place = self._scale_lines(width, base)
        step = (width - gutter) / count
        lefts = [gutter + number * step for number in range(count)]
        tops = [place(0 if math.isnan(value) else value) for value in self.counts]
        for left, value in zip(lefts, self.counts, strict=True):
            if math.isnan(value):
                self._text("–", left + step / 2 - 1, base - theme.px(7), "chart.axis", anchor=0.5)
        colors = [theme.color("chart.bar")] * count
        if self.running:
            colors[-1] = theme.color("chart.bar-now")
        if self.hasFocus() and 0 <= self.cursor_at < count:
            colors[self.cursor_at] = theme.color("accent.strong")
        self._blocks(lefts, tops, max(1.0, step - 2), [base - top for top in tops], colors)
        if self.usual:
            middles = [left + step / 2 - 1 for left in lefts[: len(self.usual)]]
            self._curve(middles, [place(value) for value in self.usual], "chart.target", 1.5, (4, 3))
        middle = height - theme.px(_FOOT) / 2 + 1
        metrics = QFontMetrics(theme.font("micro"))
        wide = max(metrics.horizontalAdvance(label) for label in self.labels) + theme.px(8)
        every = max(1, count // 4, math.ceil(wide / step))
        room = width - metrics.horizontalAdvance(self.labels[-1]) - theme.px(8)
        for number in range(0, count - 1, every):
            if lefts[number] + step / 2 + wide / 2 <= room:
                self._text(self.labels[number], lefts[number] + step / 2, middle, "chart.axis", anchor=0.5)
        self._text(self.labels[-1], width, middle, "chart.axis", anchor=1)


class _Categories(_Plot):
    bars: tuple[CategoryBar, ...] = ()

    @override
    def _data(self) -> object:
        return self.bars

    @override
    def rows(self) -> list[tuple[str, ...]]:
        return [(bar.label, str(bar.count), str(bar.overdue)) for bar in self.bars]

    @override
    def _bars(self) -> int:
        return len(self.bars)

    @override
    def _bar_words(self, number: int) -> str:
        bar = self.bars[number]
        return f"{bar.label}: {bar.count}" + (f" ({bar.overdue})" if bar.overdue else "")

    @override
    def _bar_at(self, point: QPoint, width: int, height: int) -> int:
        if not self.bars or not 0 <= point.y() < height:
            return -1
        return int(point.y() / height * len(self.bars))

    @override
    def _draw(self, width: int, height: int) -> None:
        theme = self._theme
        if not self.bars:
            return
        high = height / len(self.bars)
        label, number = theme.px(78), theme.px(38)
        room = max(1, width - label - number)
        most = max([1, *(bar.count for bar in self.bars if bar.key)])  # all others together are no category
        metrics = QFontMetrics(theme.font("caption"))
        thick = theme.px(10)
        lefts, tops, wides, colors = [], [], [], []
        for row, bar in enumerate(self.bars):
            middle = (row + 0.5) * high
            chosen = self.hasFocus() and row == self.cursor_at
            lefts.append(label)
            tops.append(round(middle - thick / 2))
            wides.append(room * bar.count / most if bar.count <= most else 0)
            colors.append(theme.color("accent.strong" if chosen else "border.control" if bar.dim else "chart.bar"))
            words = metrics.elidedText(one_line(bar.label), Qt.TextElideMode.ElideRight, label - theme.px(6))
            ink = "text.primary" if chosen else "text.tertiary" if bar.dim else "text.secondary"
            self._text(words, 0, middle, ink, "caption")
            self._text(f"{bar.count:,}", label + wides[-1] + theme.px(5), middle, "chart.axis")
        late = [(row, bar) for row, bar in enumerate(self.bars) if bar.overdue and wides[row] and not bar.dim]
        self._blocks(lefts, tops, wides, thick, colors)
        if late:
            wide = [max(theme.px(3), room * bar.overdue / most) for _, bar in late]
            marks = [theme.color("priority.p2-mark" if bar.loud else "text.tertiary") for _, bar in late]
            self._blocks([label] * len(late), [tops[row] for row, _ in late], wide, thick, marks)


class _Trend(_Plot):
    values: tuple[float, ...] = ()
    goal: float | None = None
    ends: tuple[str, str] = ("", "")

    @override
    def _data(self) -> object:
        return self.values, self.goal, self.ends

    @override
    def rows(self) -> list[tuple[str, ...]]:
        return [("" if math.isnan(value) else f"{value:g}",) for value in self.values]

    def _known(self) -> list[float]:
        return [value for value in self.values if math.isfinite(value)]

    @override
    def _scale(self) -> tuple[float, float]:
        every = [*self._known(), *([self.goal] if self.goal is not None else [])]
        step = 10 ** max(0, math.floor(math.log10(max(max(every), 10))) - 1) * 10 // 10 or 1
        step = max(step, 10) if max(every) <= 100 else step
        low = max(0, math.floor(min(every) / step - 1) * step)
        high = math.ceil(max(every) / step) * step
        return low, high if high > low else low + step

    @override
    def _draw(self, width: int, height: int) -> None:
        theme = self._theme
        if not self._known():
            return
        base, gutter = height - theme.px(_FOOT), self._gutter()
        place = self._scale_lines(width, base)
        if self.goal is not None:
            self._line(gutter, width, place(self.goal), "chart.target", dashed=True)
        room = width - gutter - theme.px(4)
        xs = [gutter + number * room / max(1, len(self.values) - 1) for number in range(len(self.values))]
        ys = [place(value) if math.isfinite(value) else math.nan for value in self.values]
        self._curve(xs, ys, "chart.bar-now", 2)
        last = max(number for number, value in enumerate(self.values) if math.isfinite(value))
        half = theme.px(3)
        self._blocks([xs[last] - half], [ys[last] - half], 2 * half, 2 * half, [theme.color("chart.bar-now")])
        middle = height - theme.px(_FOOT) / 2 + 1
        self._text(self.ends[0], gutter, middle, "chart.axis")
        self._text(self.ends[1], width, middle, "chart.axis", anchor=1)


def nice_top(most: float) -> int:
    """The smallest even end of a scale from 0 that holds `most`: 2, 4, 6, 10, 20, 30, 40, 50, 60, 80, 100, 200 …"""
    for power in range(12):
        for lead in (2, 3, 4, 5, 6, 8, 10):
            top = int(lead * 10**power)
            if top >= most and (power or top % 2 == 0):
                return top
    return math.ceil(most)


class ChartsPanel(QWidget):
    """The three charts side by side, below their time range and what they count. A click on a bar is an intent."""

    arrival_chosen = Signal(int)
    """The position of the bar, 0 is the oldest."""
    category_chosen = Signal(str)
    category_added = Signal(str)
    """With Shift or Ctrl: beside those chosen before."""
    range_chosen = Signal(str)
    menu_asked = Signal(str, int, QPoint)
    """The right button on a chart, or its key: (which, its bar or -1, where on the screen)."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._arrivals = _Arrivals(theme, self.tr("Reported"))
        self._categories = _Categories(theme, self.tr("By category"))
        self._trend = _Trend(theme, "")
        self._plots: dict[str, _Plot] = {
            "arrivals": self._arrivals,
            "categories": self._categories,
            "trend": self._trend,
        }
        self._built = False
        self._trend.edge = False
        self._arrivals.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._categories.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._arrivals.picked.connect(self.arrival_chosen)
        self._arrivals.added.connect(self.arrival_chosen)
        self._categories.picked.connect(lambda number: self.category_chosen.emit(self._categories.bars[number].key))
        self._categories.added.connect(lambda number: self.category_added.emit(self._categories.bars[number].key))
        for which, plot in self._plots.items():
            plot.menu_asked.connect(lambda number, at, which=which: self.menu_asked.emit(which, number, at))
        self._ranges = TabStrip(theme, height=24, padding=7)
        self._ranges.chosen.connect(self.range_chosen)
        self._ranges.setAccessibleName(self.tr("Time range"))
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for plot, share in ((self._arrivals, 36), (self._categories, 33), (self._trend, 31)):
            row.addWidget(plot, share)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._ranges)
        column.addLayout(row, 1)
        self.setFocusProxy(self._arrivals)

    def set_ranges(self, ranges: Sequence[tuple[str, str]], current: str) -> None:
        """Offer these time ranges (key, words)."""
        self._ranges.set_tabs([TabLabel(key, text) for key, text in ranges], current)

    def set_heading(self, text: str) -> None:
        """Say what the charts count, and how old it is."""
        self._ranges.set_note(text)

    def heading(self) -> str:
        """What the charts count, in words."""
        return self._ranges.note

    def set_arrivals(
        self,
        labels: Sequence[str],
        counts: Sequence[float],
        usual: Sequence[float],
        figure: str,
        note: str,
        *,
        title: str = "",
        running: bool = True,
    ) -> None:
        """One bar for each piece of time, oldest first; the last one is the present one if it is `running`.

        A count of NaN is not known: it is shown as "–", not as 0. `usual` may be empty.
        """
        self._arrivals.title = title or self._arrivals.title
        self._arrivals.labels, self._arrivals.counts = (
            tuple(labels),
            tuple(math.nan if math.isnan(count) else float(count) for count in counts),
        )
        self._arrivals.usual, self._arrivals.running = tuple(map(float, usual)), running
        self._arrivals.set_head(figure, note)

    def set_categories(self, bars: Sequence[CategoryBar], figure: str, note: str, *, title: str = "") -> None:
        """One bar a category, in this order. One with more than all named ones has no bar, only its number."""
        self._categories.title = title or self._categories.title
        self._categories.bars = tuple(bars)
        self._categories.set_head(figure, note)

    def rows(self, which: str) -> list[tuple[str, ...]]:
        """The numbers of a chart ("arrivals", "categories", "trend") as a table, its title and head first."""
        plot = self._plots[which]
        return [(plot.title, *plot.head()), *plot.rows()]

    def bar_words(self, which: str, number: int) -> str:
        """A bar of a chart in words, "" for none."""
        return self._plots[which].bar_words(number)

    def categories(self) -> tuple[CategoryBar, ...]:
        """The bars that are shown."""
        return self._categories.bars

    def set_trend(
        self,
        values: Sequence[float],
        goal: float | None,
        figure: str,
        note: str,
        *,
        title: str = "",
        ends: tuple[str, str] = ("", ""),
    ) -> None:
        """A line, oldest first (NaN is a gap), its goal, and the words at both ends of the time axis."""
        self._trend.values, self._trend.goal, self._trend.ends = tuple(map(float, values)), goal, ends
        self._trend.title = title or self._trend.title
        self._trend.set_head(figure, note)

    def set_no_data(self, which: str, why: str, *, title: str = "") -> None:
        """Say why a chart ("arrivals", "categories", "trend") is empty; no zeros are drawn."""
        plot = self._plots[which]
        plot.title = title or plot.title
        plot.set_no_data(why)

    @property
    def ready(self) -> bool:
        """Whether the plots have been made."""
        return self._built

    def _build(self) -> None:
        from widgets.plotting import Canvas

        for plot in self._plots.values():
            plot.ensure_canvas(Canvas)

    @override
    def sizeHint(self) -> QSize:
        return QSize(600, 212)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._built:
            self._built = True
            QTimer.singleShot(0, self, self._build)  # not for one that is gone
