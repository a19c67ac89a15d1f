"""Pages of a PDF: plain text painted line by line, so that nothing in it can be markup."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QFile, QIODevice, QMarginsF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QGuiApplication, QPageLayout, QPageSize, QPainter, QPdfWriter

from widgets.text import one_line, wrap
from widgets.theme import load_fonts

PrintStyle = Literal["body", "small", "bold", "title"]
_RESOLUTION = 150
_LONGEST = 2000
_MARGIN_MM = 15
_POINTS: dict[PrintStyle, float] = {"body": 9.0, "small": 7.5, "bold": 9.0, "title": 13.0}
_BOLD = frozenset({"bold", "title"})


@contextmanager
def printed(path: Path, title: str, heading: str, note: str) -> Iterator[PrintedPages]:
    """An A4 document at `path`: `title` on its first page, `heading` and `note` with the number on top of every one.

    Raises OSError.
    """
    if QGuiApplication.instance() is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"  # fonts need an application, and no screen
        application = QGuiApplication(["sigap"])
    else:
        application = None
    load_fonts()
    file = QFile(str(path))
    if not file.open(QIODevice.OpenModeFlag.WriteOnly):
        raise OSError(None, file.errorString(), str(path))
    try:
        pages = PrintedPages(file, title, heading, note)
        try:
            yield pages
        except BaseException:
            pages.break_off()
            raise
        pages.end()
        file.flush()
        if file.error() != QFile.FileError.NoError:
            raise OSError(None, file.errorString(), str(path))
    finally:
        file.close()
        del application


class PrintedPages:
    """The page under the pen; it turns by itself when a block has no room left."""

    def __init__(self, file: QFile, title: str, heading: str, note: str) -> None:
        self._first, self._heading, self._note = title, one_line(heading, 1000), note
        self._number = 0
        self._writer = QPdfWriter(file)
        self._writer.setTitle(title)
        self._writer.setCreator("Sigap")
        self._writer.setResolution(_RESOLUTION)
        margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
        size = QPageSize(QPageSize.PageSizeId.A4)
        self._writer.setPageLayout(
            QPageLayout(size, QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter)
        )
        self._painter = QPainter()
        if not self._painter.begin(self._writer):
            raise OSError(None, "the document cannot be written")
        self._wide, self._high = float(self._writer.width()), float(self._writer.height())
        self._fonts: dict[PrintStyle, QFont] = {style: _font(style) for style in _POINTS}
        self._y = 0.0
        self._head()

    def wrapped(self, text: str, style: PrintStyle, most: int) -> list[tuple[PrintStyle, str]]:
        """A text as so many lines at the most, as wide as the page."""
        return [(style, line) for line in wrap(text, self._fonts[style], self._wide, most)]

    def block(self, lines: Sequence[tuple[PrintStyle, str]]) -> None:
        """Lines that stay together on one page, each cut with … where it is too long, and some space below them."""
        if self._y + sum(self._line(style) for style, _ in lines) > self._high:
            self._turn()
        for style, text in lines:
            self._put(style, text)
        self._y += self._line("small") * 0.8

    def columns(self, texts: Sequence[str], parts: Sequence[float], most: int) -> None:
        """A row of columns: all but the last have one line, in these parts of the width; the last has the rest, and up
        to `most` lines.
        """
        gap, high = self._line("small") / 2, self._line("body")
        lefts = [sum(parts[:number]) * self._wide for number in range(len(parts) + 1)]
        last = self._wide - lefts[-1]
        lines = wrap(one_line(texts[-1], _LONGEST), self._fonts["body"], last, most)
        if self._y + high * len(lines) + gap > self._high:
            self._turn()
        for left, part, text in zip(lefts, parts, texts, strict=False):
            self._draw("body", text, QRectF(left, self._y, part * self._wide - gap, high))
        for line in lines:
            self._draw("body", line, QRectF(lefts[-1], self._y, last, high))
            self._y += high
        self._y += gap / 2

    def break_off(self) -> None:
        """Leave the document as it is: it will not be used."""
        self._painter.end()

    def end(self) -> None:
        """Finish the document."""
        if not self._painter.end():
            raise OSError(None, "the document could not be finished")

    def _turn(self) -> None:
        if not self._writer.newPage():
            raise OSError(None, "the document cannot be written")
        self._head()

    def _head(self) -> None:
        self._number += 1
        self._y = 0.0
        if self._number == 1:
            self._put("title", self._first)
        for style, line in self.wrapped(self._heading, "small", 3):
            self._put(style, line)
        self._put("small", f"{self._note}, page {self._number:,}")
        self._y += self._line("small")

    def _put(self, style: PrintStyle, text: str) -> None:
        high = self._line(style)
        self._draw(style, text, QRectF(0, self._y, self._wide, high))
        self._y += high

    def _draw(self, style: PrintStyle, text: str, box: QRectF) -> None:
        """Draw a text as one line in its box, cut with … where it is too long."""
        metrics = QFontMetricsF(self._fonts[style], self._writer)
        plain = metrics.elidedText(one_line(text, 1000), Qt.TextElideMode.ElideRight, box.width())
        self._painter.setFont(self._fonts[style])
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        self._painter.drawText(box, int(flags), plain)

    def _line(self, style: PrintStyle) -> float:
        return QFontMetricsF(self._fonts[style], self._writer).height()


def _font(style: PrintStyle) -> QFont:
    font = QFont(["Inter"])
    font.setPixelSize(max(1, round(_POINTS[style] * _RESOLUTION / 72)))  # wrap() measures in pixels of the page
    font.setFeature(QFont.Tag("calt"), 0)  # its substitutes have no letters: the pages could not be searched
    if style in _BOLD:
        font.setVariableAxis(QFont.Tag("wght"), 600)
    return font
