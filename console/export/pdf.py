"""Print reports as pages: plain text painted line by line, so that nothing in a report can be markup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QFile, QIODevice, QMarginsF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QGuiApplication, QPageLayout, QPageSize, QPainter, QPdfWriter

from console.export.row import ExportRow
from console.rules.place import coordinates
from widgets.text import many_lines, one_line, wrap
from widgets.theme import load_fonts

_RESOLUTION = 150
_MARGIN_MM = 15
_BODY_PT, _SMALL_PT, _TITLE_PT = 9.0, 7.5, 13.0
_TEXT_LINES, _LONGEST = 6, 2000


def write_pdf(path: Path, heading: str, total: int, rows: Iterator[ExportRow], now: datetime) -> int:
    """Write an A4 document at `path`, `heading` on top of every page. Returns how many reports are in it.

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
        sheet = _PrintedSheet(file, heading, f"{total:,} reports, {now:%Y-%m-%d %H:%M %Z}")
        written = 0
        for row in rows:
            sheet.report(row)
            written += 1
        sheet.end()
        file.flush()
        if file.error() != QFile.FileError.NoError:
            raise OSError(None, file.errorString(), str(path))
    finally:
        file.close()
        del application
    return written


class _PrintedSheet:
    """The page under the pen; it turns by itself when a block has no room left."""

    def __init__(self, file: QFile, heading: str, note: str) -> None:
        self._heading, self._note = one_line(heading, 1000), note
        self._number = 0
        self._writer = QPdfWriter(file)
        self._writer.setTitle("Sigap reports")
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
        self._body, self._small = self._font(_BODY_PT), self._font(_SMALL_PT)
        self._bold, self._title = self._font(_BODY_PT, bold=True), self._font(_TITLE_PT, bold=True)
        self._y = 0.0
        self._head()

    def report(self, row: ExportRow) -> None:
        """One report: what and where it is, its times, the beginning of its text."""
        number = row.number or "not sent yet"
        first = f"P{row.priority}  {number}  {row.category}  ({row.status})"
        where = "  ·  ".join(
            part
            for part in (
                row.address,
                row.area,
                coordinates(row.lat, row.lon) if row.lat is not None and row.lon is not None else "no place",
                row.agency,
                row.source,
            )
            if part
        )
        due = f"  ·  due {_when(row.due)}" if row.due else ""
        times = f"reported {_when(row.created)}  ·  changed {_when(row.updated)}{due}"
        text = many_lines(row.description, _LONGEST)
        lines = [line for part in text.split("\n")[:_TEXT_LINES] for line in wrap(part, self._body, self._wide, 3)]
        cut = [line for line in lines if line.strip()][:_TEXT_LINES]
        need = self._line(self._bold) + 2 * self._line(self._small) + len(cut) * self._line(self._body)
        if self._y + need > self._high:
            self._turn()
        self._put(self._bold, first)
        self._put(self._small, where)
        self._put(self._small, times)
        for line in cut:
            self._put(self._body, line)
        self._y += self._line(self._small) * 0.8

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
            self._put(self._title, "Sigap: reports")
        for line in wrap(self._heading, self._small, self._wide, 3):
            self._put(self._small, line)
        self._put(self._small, f"{self._note}, page {self._number:,}")
        self._y += self._line(self._small)

    def _put(self, font: QFont, text: str) -> None:
        high = self._line(font)
        metrics = QFontMetricsF(font, self._writer)
        plain = metrics.elidedText(one_line(text, 1000), Qt.TextElideMode.ElideRight, self._wide)
        self._painter.setFont(font)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        self._painter.drawText(QRectF(0, self._y, self._wide, high), int(flags), plain)
        self._y += high

    def _line(self, font: QFont) -> float:
        return QFontMetricsF(font, self._writer).height()

    def _font(self, points: float, *, bold: bool = False) -> QFont:
        font = QFont(["Inter"])
        font.setPixelSize(max(1, round(points * _RESOLUTION / 72)))  # wrap() measures in pixels of the page
        font.setFeature(QFont.Tag("calt"), 0)  # its substitutes have no letters: the pages could not be searched
        if bold:
            font.setVariableAxis(QFont.Tag("wght"), 600)
        return font


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
