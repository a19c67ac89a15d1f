"""Text drawn by us: any string made safe for one line, shaped once, cut to its room, set on its line's baseline."""

from __future__ import annotations

import html
import re
import unicodedata

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QStaticText, QTextLayout, QTextOption

from widgets.theme import Theme

_LONGEST = 400
_KEPT = 4000
_MOST_MARKS = 4
"""How many combining marks one letter keeps; no language's writing needs more on one."""
_MARKS = frozenset({"Mn", "Me"})
_MAY_BE_MARK = re.compile("[\u0300-\u1fff\u20d0-\U0010ffff]")
"""Every combining mark and more, but no letter of Latin writing and no usual sign."""
_BLANK = dict.fromkeys((*range(32), *range(127, 160), 8232, 8233), " ")
_BIDI = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0xFEFF))
_PLAIN = {**_BLANK, **_BIDI}
_PLAIN_LINES = {code: value for code, value in _PLAIN.items() if code not in (9, 10)}


def one_line(text: str, limit: int = _LONGEST) -> str:
    """The beginning of a text as one line: control characters and line breaks become blanks, direction marks go, and so
    do combining marks beyond four on a letter.

    What cannot be encoded (lone surrogates) is replaced, so that no later step fails on it.
    """
    return " ".join(_sound(text[: limit * 2]).translate(_PLAIN).split())[:limit]


def many_lines(text: str, limit: int) -> str:
    """The beginning of a text with its line breaks; cut texts end in an ellipsis."""
    clean = _sound(text[:limit]).replace("\r\n", "\n").replace("\r", "\n").translate(_PLAIN_LINES).strip()
    return f"{clean}…" if len(text) > limit else clean


def tip(text: str) -> str:
    """A text for a tool tip, which Qt would otherwise read as HTML where it looks like that; long ones are wrapped."""
    return f"<qt>{html.escape(one_line(text))}</qt>" if text.strip() else ""


def _sound(text: str) -> str:
    return _few_marks(text.encode("utf-8", "replace").decode("utf-8"))


def _few_marks(text: str) -> str:
    """The text with few marks on each letter: hundreds of them would tower over the lines above."""
    if _MAY_BE_MARK.search(text) is None:
        return text
    kept, marks = [], 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter) in _MARKS else 0
        if marks <= _MOST_MARKS:
            kept.append(letter)
    return "".join(kept)


class TextLine:
    """One shaped line: draw it with `Texts.draw`; `width` is what it takes."""

    __slots__ = ("ascent", "static", "width")

    def __init__(self, static: QStaticText, width: float, ascent: float) -> None:
        self.static, self.width, self.ascent = static, width, ascent


class Texts:
    """Shapes and cuts lines in a theme's fonts and keeps them for the next paint."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._metrics: dict[tuple[str, int, int], QFontMetricsF] = {}
        self._lines: dict[tuple[str, str, int, int, int], TextLine] = {}

    def metrics(self, role: str, weight: int = 400, size: int = 0) -> QFontMetricsF:
        """The metrics of a font of the theme."""
        key = (role, weight, size)
        metrics = self._metrics.get(key)
        if metrics is None:
            metrics = self._metrics[key] = QFontMetricsF(self._theme.font(*key))
        return metrics

    def width(self, text: str, role: str, weight: int = 400, size: int = 0) -> float:
        """How wide a text would be in full."""
        return self.line(text, role, weight, size).width

    def line(self, text: str, role: str, weight: int = 400, size: int = 0, room: float = -1) -> TextLine:
        """A shaped line, cut with an ellipsis when it is wider than `room` pixels."""
        key = (text, role, weight, size, int(room) if room >= 0 else -1)
        line = self._lines.get(key)
        if line is None:
            if len(self._lines) > _KEPT:
                self._lines.clear()
            line = self._lines[key] = self._make(key)
        return line

    def draw(
        self,
        painter: QPainter,
        x: float,
        top: float,
        text: str,
        role: str,
        color: QColor,
        *,
        weight: int = 400,
        size: int = 0,
        room: float = -1,
        right: bool = False,
        height: float = 0,
    ) -> float:
        """Draw one line whose box begins at `top`; `x` is its left end, or its right end. Returns the width taken.

        The box is as high as the role's line, or `height`.
        """
        if not text:
            return 0
        line = self.line(text, role, weight, size, room)
        painter.setFont(self._theme.font(role, weight, size))
        painter.setPen(color)
        metrics = self.metrics(role, weight, size)
        tall = height or self._theme.line(role)
        baseline = round(top + (tall - metrics.ascent() - metrics.descent()) / 2 + metrics.ascent())
        left = x - line.width if right else x
        painter.drawStaticText(QPointF(round(left), baseline - line.ascent), line.static)
        return line.width

    def _make(self, key: tuple[str, str, int, int, int]) -> TextLine:
        text, role, weight, size, room = key
        metrics = self.metrics(role, weight, size)
        plain = one_line(text)
        if room >= 0:
            plain = metrics.elidedText(plain, Qt.TextElideMode.ElideRight, room)
        static = QStaticText(plain)
        static.setTextFormat(Qt.TextFormat.PlainText)
        static.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
        static.prepare(font=self._theme.font(role, weight, size))
        return TextLine(static, metrics.horizontalAdvance(plain), metrics.ascent())


def wrap(text: str, font: QFont, width: float, most: int) -> list[str]:
    """Break a text into at most `most` lines of a width; the last one ends in an ellipsis when more would follow."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    lines: list[str] = []
    end = 0
    while len(lines) < most:
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(max(1.0, width))
        end = line.textStart() + line.textLength()
        lines.append(text[line.textStart() : end].rstrip())
    layout.endLayout()
    if text[end:].strip():
        rest = f"{lines[-1]} {text[end : end + 40]}"
        lines[-1] = QFontMetricsF(font).elidedText(rest, Qt.TextElideMode.ElideRight, width)
    return lines or [""]
