"""Draw the symbols: a report's shape and fill, a category's glyph, a unit's capsule, letter tags and state marks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from widgets.theme import Theme

_GROUNDS = {
    "panel": "surface.panel",
    "raised": "surface.raised",
    "window": "surface.window",
    "hover": "surface.hover",
    "selected": "surface.selected",
    "selected-inactive": "surface.selected-inactive",
    "alarm": "alarm.p1-surface",
    "halo": "map.halo",
}
_MARKS = {"p1": "priority.p1", "p2": "priority.p2-mark", "p3": "priority.p3", "p4": "priority.p4"}
_PHOTO = "M1 2.5 L11 2.5 L11 10 L1 10 Z M1.5 9.5 L4.5 5.5 L7 8.5 L8.5 7 L10.5 9.5"
_LOGO = "M10 1.5 L18.5 17 L1.5 17 Z M10 7 L10 12 M10 13.5 L10 15"
_QUESTION = "M11.6 6.4 C11.6 3.6 16.4 3.6 16.4 6.4 C16.4 8.2 14 8 14 9.4 M14 11 L14 12.4"
_UNDATED = ("free", "assigned", "enroute", "onscene")
"""Unit states in the crew's blue: only these are drawn dashed when the position is old."""
_LONGEST_ATLAS = 800


def parse_path(text: str) -> QPainterPath:
    """A path of the commands M L C Z with absolute numbers, as the symbols file holds them."""
    path = QPainterPath()
    words = text.replace("M", " M ").replace("L", " L ").replace("C", " C ").replace("Z", " Z ").split()
    at = 0
    while at < len(words):
        command, at = words[at], at + 1
        if command == "Z":
            path.closeSubpath()
            continue
        count = {"M": 2, "L": 2, "C": 6}[command]
        numbers = [float(word) for word in words[at : at + count]]
        at += count
        points = [QPointF(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        if command == "M":
            path.moveTo(points[0])
        elif command == "L":
            path.lineTo(points[0])
        else:
            path.cubicTo(*points)
    return path


class Symbols:
    """The symbols of one theme, each drawn once for a size, a ground and a device pixel ratio."""

    def __init__(self, json_text: str, theme: Theme) -> None:
        spec: dict[str, Any] = json.loads(json_text)
        self._theme, self._draw = theme, spec["draw"]
        self._shapes = {key: parse_path(path) for key, path in spec["shape"].items()}
        self._centres = {key: QPointF(*point) for key, point in spec["centre"].items()}
        self._half_y, self._hole_r = spec["half_y"], spec["hole_r"]
        self._fills: list[str] = [status["key"] for status in spec["status"]]
        self._capsule = parse_path(spec["unit_capsule"])
        self._unit_size: tuple[int, int] = tuple(spec["grid"]["unit"])
        self._glyphs = {key: parse_path(path) for key, path in spec["category"].items()}
        self._photo, self._logo, self._question = (parse_path(path) for path in (_PHOTO, _LOGO, _QUESTION))
        self._atlas: dict[tuple[object, ...], QPixmap] = {}

    def report(self, painter: QPainter, rect: QRect | QRectF, priority: int, status: int, on: str = "panel") -> None:
        """Draw a report's symbol into a square: `priority` 1 to 4, `status` an index of the symbols file.

        `on` names the ground under it (panel, selected, halo, …), which shows through holes and halves.
        """
        shape = f"p{min(4, max(1, priority))}"
        fill = self._fills[status] if 0 <= status < len(self._fills) else self._fills[0]
        side = round(min(rect.width(), rect.height()))
        self._stamp(
            painter,
            rect,
            side,
            side,
            ("report", shape, fill, on),
            lambda p: self._paint_report(p, side, shape, fill, on),
        )

    def category(self, painter: QPainter, rect: QRect | QRectF, glyph: str, color: QColor) -> None:
        """Draw a category's glyph into a square; a glyph that is not known becomes the one of `other`."""
        side = round(min(rect.width(), rect.height()))
        path = self._glyphs.get(glyph) or self._glyphs["other"]
        self._stamp(
            painter,
            rect,
            side,
            side,
            ("category", glyph, color.rgba()),
            lambda p: _stroke(p, side / 16, path, color, 1.5),
        )

    def unit(self, painter: QPainter, rect: QRect | QRectF, state: str, stale: bool = False, on: str = "panel") -> None:
        """Draw a unit's capsule as large as fits into a rectangle, at its left, vertically centred."""
        grid_w, grid_h = self._unit_size
        height = round(min(rect.height(), rect.width() * grid_h / grid_w))
        width = round(height * grid_w / grid_h)
        state = "stale" if stale and state in _UNDATED else state
        self._stamp(
            painter,
            rect,
            width,
            height,
            ("unit", state, on),
            lambda p: self._paint_unit(p, height / grid_h, state, on),
            left=True,
        )

    def unit_width(self, height: int) -> int:
        """How wide a capsule of this height is."""
        return round(height * self._unit_size[0] / self._unit_size[1])

    def photo(self, painter: QPainter, rect: QRect | QRectF, color: QColor) -> None:
        """Draw the sign for photos."""
        side = round(min(rect.width(), rect.height()))
        key = ("photo", color.rgba())
        self._stamp(
            painter, rect, side, side, key, lambda p: _stroke(p, side / 12, self._photo, color, 1.2, sharp=True)
        )

    def logo(self, painter: QPainter, rect: QRect | QRectF) -> None:
        """Draw the program's own sign."""
        side = round(min(rect.width(), rect.height()))
        color = self._theme.color("accent.base")
        key = ("logo",)
        self._stamp(painter, rect, side, side, key, lambda p: _stroke(p, side / 20, self._logo, color, 2, sharp=True))

    def _stamp(
        self,
        painter: QPainter,
        rect: QRect | QRectF,
        width: int,
        height: int,
        key: tuple[object, ...],
        paint: Callable[[QPainter], None],
        *,
        left: bool = False,
    ) -> None:
        if width <= 0 or height <= 0:
            return
        ratio = painter.device().devicePixelRatio()
        full = (*key, width, height, ratio)
        pixmap = self._atlas.get(full)
        if pixmap is None:
            if len(self._atlas) > _LONGEST_ATLAS:
                self._atlas.clear()
            pixmap = QPixmap(round(width * ratio), round(height * ratio))
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            inner = QPainter(pixmap)
            inner.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint(inner)
            inner.end()
            self._atlas[full] = pixmap
        x = rect.x() if left else rect.x() + (rect.width() - width) / 2
        painter.drawPixmap(QPointF(round(x), round(rect.y() + (rect.height() - height) / 2)), pixmap)

    def _paint_report(self, painter: QPainter, side: int, shape: str, fill: str, on: str) -> None:
        theme = self._theme
        path, centre = self._shapes[shape], self._centres[shape]
        color, ground, quiet = theme.color(_MARKS[shape]), theme.color(_GROUNDS[on]), theme.color("text.tertiary")
        painter.scale(side / 26, side / 26)
        painter.translate(1, 1)
        if on == "halo":
            painter.strokePath(path, _pen(ground, self._draw["halo_width"]))
        frame = _pen(color, self._draw["outline_width"])
        if fill in ("new", "validation", "returned"):
            painter.fillPath(path, color)
            painter.strokePath(path, _pen(color, 1.6))
        elif fill in ("resolved", "closed"):
            painter.fillPath(path, ground)
            painter.strokePath(path, _pen(quiet, self._draw["closed_width"]))
        else:
            painter.fillPath(path, ground)
            painter.strokePath(path, frame)
        if fill == "coordination":
            painter.fillPath(path.intersected(_box(0, 0, 12, 24)), color)
            painter.strokePath(path, frame)
        elif fill == "assigned":
            radius = 3.7 if shape == "p1" else 4.2
            painter.fillPath(_disc(centre, radius), color)
        elif fill == "progress":
            painter.fillPath(path.intersected(_box(0, self._half_y[shape], 24, 24)), color)
            painter.strokePath(path, frame)
        elif fill == "validation":
            painter.fillPath(_disc(centre, self._hole_r[shape]), ground)
        elif fill == "returned":
            painter.save()
            painter.setClipPath(path)
            painter.setPen(QPen(ground, 4.6))
            painter.drawLine(QPointF(-1, 2 * centre.y() + 1), QPointF(25, centre.y() - 13))
            painter.restore()
            painter.strokePath(path, frame)
        elif fill == "resolved":
            x, y = centre.x(), centre.y()
            tick = parse_path(f"M{x - 5.4} {y - 0.4} L{x - 1.6} {y + 4} L{x + 5.8} {y - 4.4}")
            painter.strokePath(tick, _pen(quiet, 3, sharp=True))
        elif fill == "closed":
            x, y = centre.x(), centre.y()
            cross = parse_path(f"M{x - 4.6} {y - 4.6} L{x + 4.6} {y + 4.6} M{x + 4.6} {y - 4.6} L{x - 4.6} {y + 4.6}")
            painter.strokePath(cross, _pen(quiet, 2.8, sharp=True))

    def _paint_unit(self, painter: QPainter, scale: float, state: str, on: str) -> None:
        theme = self._theme
        blue, quiet, ground = theme.color("map.unit"), theme.color("text.tertiary"), theme.color(_GROUNDS[on])
        painter.scale(scale, scale)
        if on == "halo":
            painter.strokePath(self._capsule, _pen(ground, 4.5))
        color = blue if state in _UNDATED else quiet
        painter.fillPath(self._capsule, blue if state == "onscene" else ground)
        outline = _pen(color, {"shift": 1.3, "stale": 1.8}.get(state, 2))
        if state == "stale":
            outline.setCapStyle(Qt.PenCapStyle.FlatCap)
            outline.setDashPattern([3.2 / 1.8, 2.4 / 1.8])
        painter.strokePath(self._capsule, outline)
        if state == "assigned":
            painter.fillPath(_disc(QPointF(14, 8), 3), color)
        elif state == "enroute":
            arrows = parse_path("M9 4.2 L13 8 L9 11.8 M15 4.2 L19 8 L15 11.8")
            painter.strokePath(arrows, _pen(color, 2.2, sharp=True))
        elif state == "break":
            painter.strokePath(parse_path("M11.5 5 L11.5 11 M16.5 5 L16.5 11"), _pen(color, 2.2, sharp=True))
        elif state == "off":
            painter.strokePath(parse_path("M8 12 L20 4"), _pen(color, 2, sharp=True))
        elif state == "stale":
            painter.strokePath(self._question, _pen(color, 1.9, sharp=True))


def paint_tag(painter: QPainter, theme: Theme, left: int, top: int, letter: str, color: QColor) -> int:
    """Draw a letter in its small frame at a corner; returns the frame's width."""
    side = theme.px(16)
    box = QRectF(left + 0.5, top + 0.5, side - 1, side - 1)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box, 2, 2)
    painter.setFont(theme.font("micro", 600))
    painter.drawText(QRectF(left, top, side, side), Qt.AlignmentFlag.AlignCenter, letter[:2])
    painter.restore()
    return side


def paint_mark(
    painter: QPainter, theme: Theme, left: float, top: float, mark: str, color: QColor, side: int = 8
) -> None:
    """Draw a state mark: `hollow` (saved), `half` (sent) or `solid` (received); anything else draws nothing."""
    side = theme.px(8)
    box = QRect(round(left), round(top), side, side)
    if mark == "solid":
        painter.fillRect(box, color)
    elif mark in ("hollow", "half"):
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setPen(QPen(color, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box.adjusted(0, 0, -1, -1))
        if mark == "half":
            painter.fillRect(box.adjusted(0, side // 2, 0, 0), color)
        painter.restore()


def paint_bars(painter: QPainter, theme: Theme, left: int, middle: int, color: QColor) -> int:
    """Draw the two bars of a report on hold, centred on the line `middle`; returns their width."""
    width, gap, height = theme.px(2), theme.px(2), theme.px(10)
    for x in (left, left + width + gap):
        painter.fillRect(QRect(x, middle - height // 2, width, height), color)
    return 2 * width + gap


def _pen(color: QColor, width: float, *, sharp: bool = False) -> QPen:
    join = Qt.PenJoinStyle.MiterJoin if sharp else Qt.PenJoinStyle.RoundJoin
    return QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, join)


def _stroke(
    painter: QPainter, scale: float, path: QPainterPath, color: QColor, width: float, *, sharp: bool = False
) -> None:
    painter.scale(scale, scale)
    pen = _pen(color, width, sharp=sharp)
    if not sharp:
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.strokePath(path, pen)


def _box(x: float, y: float, width: float, height: float) -> QPainterPath:
    path = QPainterPath()
    path.addRect(x, y, width, height)
    return path


def _disc(centre: QPointF, radius: float) -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(centre, radius, radius)
    return path
