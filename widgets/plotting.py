"""The plot under a small chart: pyqtgraph in pixel coordinates, its items kept from one drawing to the next.

Import it late: pyqtgraph takes 0.3 s. Numbers and straight lines are painted by us, because a text item and a curve
item for each would cost more than all the bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QFrame, QWidget
from typing_extensions import override

from widgets.theme import Theme


class Canvas(pyqtgraph.GraphicsView):  # type: ignore[misc]
    """`begin`, then add, then `end`. y grows downwards; (0, 0) is the left top corner.

    Only a view and its box: the axes, menus and forms of pyqtgraph's whole plot would take ten times as long to make.
    """

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent=parent, background=theme.color("surface.panel"))
        self._theme = theme
        self.texts: list[tuple[str, float, float, str, str, float]] = []
        self.lines: list[tuple[float, float, float, str, bool]] = []
        self.bars: list[Any] = []
        self.curves: list[Any] = []
        self._used_bars = self._used_curves = 0
        self.box = pyqtgraph.ViewBox(enableMenu=False, enableMouse=False, invertY=True, defaultPadding=0)
        self.setCentralItem(self.box)
        self.enableMouse(False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)

    def begin(self, width: int, height: int) -> None:
        """Start a new drawing of this size in pixels."""
        self.texts.clear()
        self.lines.clear()
        self._used_bars = self._used_curves = 0
        self.box.setRange(xRange=(0, width), yRange=(0, height), padding=0, disableAutoRange=True)

    def end(self) -> None:
        """Take away what this drawing did not use."""
        for item in (*self.bars[self._used_bars :], *self.curves[self._used_curves :]):
            item.hide()
        self.resetCachedContent()  # pyqtgraph keeps the background, and with it the lines of the last drawing
        self.viewport().update()

    def add_blocks(self, lefts: Sequence[float], tops: Sequence[float], wide: Any, high: Any, colors: Any) -> None:
        """Rectangles; `wide` and `high` are one number or one each, `colors` one each."""
        values = {
            "x0": np.asarray(lefts, float),
            "y0": np.asarray(tops, float),
            "width": np.asarray(wide, float) if np.ndim(wide) else float(wide),
            "height": np.asarray(high, float) if np.ndim(high) else float(high),
            "brushes": [pyqtgraph.mkBrush(color) for color in colors],
            "pen": pyqtgraph.mkPen(None),
        }
        if self._used_bars < len(self.bars):
            item = self.bars[self._used_bars]
            item.setOpts(**values)
            item.show()
        else:
            item = pyqtgraph.BarGraphItem(**values)
            item.setZValue(1 + 2 * len(self.bars))
            self.box.addItem(item, ignoreBounds=True)
            self.bars.append(item)
        self._used_bars += 1

    def add_curve(self, xs: Sequence[float], ys: Sequence[float], pen: QPen) -> None:
        """A line through points; NaN makes a gap."""
        if self._used_curves >= len(self.curves):
            item = pyqtgraph.PlotCurveItem(antialias=True)
            item.setZValue(2)
            self.box.addItem(item, ignoreBounds=True)
            self.curves.append(item)
        item = self.curves[self._used_curves]
        item.setData(np.asarray(xs, float), np.asarray(ys, float), pen=pen, connect="finite")
        item.show()
        self._used_curves += 1

    @override
    def drawBackground(self, painter: QPainter, rect: QRectF) -> None:
        super().drawBackground(painter, rect)
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        for left, right, top, token, dashed in self.lines:
            pen = QPen(self._theme.color(token), 1)
            if dashed:
                pen.setDashPattern([4, 3])
            painter.setPen(pen)
            painter.drawLine(QPointF(left, round(top)), QPointF(right, round(top)))
        painter.restore()

    @override
    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        super().drawForeground(painter, rect)
        painter.save()
        painter.resetTransform()
        for text, left, top, token, role, anchor in self.texts:
            font = self._theme.font(role)
            metrics = QFontMetricsF(font)
            painter.setFont(font)
            painter.setPen(self._theme.color(token))
            at = left - anchor * metrics.horizontalAdvance(text)
            painter.drawText(QPointF(at, top + (metrics.ascent() - metrics.descent()) / 2), text)
        painter.restore()
