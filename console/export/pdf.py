"""Print reports as pages, each with what and where it is, its times, and the beginning of its text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from console.export.pages import PrintedPages, PrintStyle, printed
from console.export.row import ExportRow
from console.rules.place import coordinates
from widgets.text import many_lines

_TEXT_LINES, _LONGEST = 6, 2000


def write_pdf(path: Path, heading: str, total: int, rows: Iterator[ExportRow], now: datetime) -> int:
    """Write an A4 document at `path`, `heading` on top of every page. Returns how many reports are in it.

    Raises OSError.
    """
    written = 0
    with printed(path, "Sigap: reports", heading, f"{total:,} reports, {now:%Y-%m-%d %H:%M %Z}") as pages:
        for row in rows:
            pages.block(_lines(pages, row))
            written += 1
    return written


def _lines(pages: PrintedPages, row: ExportRow) -> list[tuple[PrintStyle, str]]:
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
    lines = [line for part in text.split("\n")[:_TEXT_LINES] for line in pages.wrapped(part, "body", 3)]
    cut = [line for line in lines if line[1].strip()][:_TEXT_LINES]
    return [("bold", first), ("small", where), ("small", times), *cut]


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
