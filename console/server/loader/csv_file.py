"""Reads a CSV export line by line, whatever its quotes, lengths and line ends are like."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median_low
from typing import TextIO

from console.server.loader.dialect import Dialect, plain
from console.server.loader.dialects import Dialects
from console.server.loader.plain_file import has_bad_bytes, mended
from console.server.loader.raw import RawReport, completed
from console.server.loader.result import LoadError, Remark

_LONGEST_LINE = 16 << 20
_MOST_LINES = 5_000
"""A record over more physical lines has lost its closing quote."""
_HEADING_WITHIN = 30
_MOST_COLUMNS = 2_000
"""No export has more; to look each of a million up among the names of all layouts takes minutes."""
_DATA = re.compile(r"[-+]?\d[\d.,:/ TZ-]*")
_DELIMITERS = (",", ";", "\t", "|")


class CsvFile:
    """A CSV file whose headings were recognised; `raws()` may be read again and again."""

    def __init__(self, path: Path, shown: Path, dialects: Dialects) -> None:
        csv.field_size_limit(_LONGEST_LINE + 1)
        self._path = path
        headings, self.delimiter, self._heading_line, self.dialect = _find_headings(path, shown, dialects)
        self.headings = tuple(headings)
        self._columns = self.dialect.places(self.headings)
        self.has = frozenset(self._columns)
        dialect = self.dialect
        self._to_complete = bool(
            dialect.constants or dialect.empty or dialect.words or self.has & {"created_time", "depth"}
        )
        self.format = f"CSV of {self.dialect.name}"
        self.notes: list[str] = []
        self.unit = "line"
        self.crs = self.dialect.crs

    def raws(self) -> Iterator[RawReport | Remark]:
        """Every record as text; a Remark for a record that is none."""
        width = len(self.headings)
        heading = [plain(text) for text in self.headings]
        has_headings = self.dialect.headings
        starts = (
            "\ufeff" + self.headings[0][:1].casefold() + self.headings[0][:1].upper()
        )  # a quick look before the slow one
        with self._path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            for line, cells, remarks in _records(file, self.delimiter, width, self._heading_line):
                if not any(cell.strip() for cell in cells):
                    continue
                if has_headings and cells[0][:1] in starts and [plain(mended(cell)) for cell in cells] == heading:
                    yield Remark(line, "the headings once more")
                    continue
                if len(cells) != width:
                    remarks.append(f"{len(cells)} columns instead of {width}")
                yield RawReport(line, self._values(cells), remarks, cells)

    def _values(self, cells: Sequence[str]) -> dict[str, str]:
        values: dict[str, str] = {}
        count = len(cells)
        for field, columns in self._columns.items():
            for column in columns:
                if column < count and (cell := cells[column]):
                    # most cells are plain, and a million calls take their time
                    text = cell.strip() if cell.isascii() and cell.isprintable() else mended(cell)
                    if text:
                        values[field] = text
                        break
        return completed(values, self.dialect) if self._to_complete else values


class _TooLong(Exception):
    """The record under way spans too many physical lines."""


class _Lines:
    """The physical lines of a file with a way back, so that a record that swallowed its neighbours can be undone."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._back: deque[tuple[int, str]] = deque()
        self._number = 0
        self.taken: list[tuple[int, str]] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _MOST_LINES:
            raise _TooLong
        if self._back:
            number, line = self._back.popleft()
        else:
            line = self._file.readline(_LONGEST_LINE)
            if not line:
                raise StopIteration
            self._number += 1
            number = self._number
            if len(line) >= _LONGEST_LINE:
                while (rest := self._file.readline(_LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
                    pass
        self.taken.append((number, line))
        return line.replace("\0", "")

    def begin(self) -> None:
        """Forget the lines of the record before."""
        self.taken = []

    def give_back(self) -> tuple[int, str]:
        """Keep only the first line of the record under way and return it; the others will be read again."""
        first = self.taken[0]
        self._back.extendleft(reversed(self.taken[1:]))
        self.taken = [first]
        return first


def _records(file: TextIO, delimiter: str, width: int, heading_line: int) -> Iterator[tuple[int, list[str], list[str]]]:
    lines = _Lines(file)
    for _ in range(heading_line):
        next(lines, None)
        lines.begin()
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_TooLong, csv.Error):
            cells = []
            reader = csv.reader(lines, delimiter=delimiter)
        remarks: list[str] = []
        if len(lines.taken) > 1 and _swallowed(lines.taken, cells, delimiter, width):
            _, text = lines.give_back()
            reader = csv.reader(lines, delimiter=delimiter)
            cells = _without_quotes(text, delimiter)
            remarks.append("a quotation mark without its partner")
        elif not cells and lines.taken:
            cells = _without_quotes(lines.taken[0][1], delimiter)
        number = lines.taken[0][0] if lines.taken else 0
        if any("\0" in line for _, line in lines.taken):
            remarks.append("NUL characters were dropped")
        if any(has_bad_bytes(line) for _, line in lines.taken):
            remarks.append("letters that are not UTF-8 were read as Windows-1252")
        if any(len(line) >= _LONGEST_LINE for _, line in lines.taken):
            remarks.append(f"the line was cut at {_LONGEST_LINE:,} characters")
        yield number, cells, remarks


def _swallowed(taken: Sequence[tuple[int, str]], cells: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether a record over several lines is really several records behind a lost quotation mark."""
    if len(cells) != width:
        return True
    if width < 4:
        return False
    return any(
        line.count(delimiter) >= width - 1 and len(next(csv.reader([line], delimiter=delimiter), [])) == width
        for _, line in taken[1:]
    )


def _without_quotes(text: str, delimiter: str) -> list[str]:
    text = text.rstrip("\r\n").replace("\0", "")
    return [cell.strip().strip('"') for cell in text.split(delimiter)]


def _find_headings(path: Path, shown: Path, dialects: Dialects) -> tuple[list[str], str, int, Dialect]:
    """The heading line: the first of some lines, with the delimiter, under which a dialect knows it best."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        head = []
        for _ in range(_HEADING_WITHIN):
            line = file.readline(1 << 20)
            if not line:
                break
            head.append(line)
    if not any(line.strip() for line in head):
        raise LoadError(f"The file {shown} is empty.")
    is_too_wide = False
    mapping = dialects.given
    delimiters = (mapping.delimiter,) if mapping is not None and mapping.delimiter else _DELIMITERS
    if mapping is not None and not mapping.headings:
        return *_numbered(head, shown, delimiters), 0, mapping
    if mapping is not None and dialects.any:
        return *_likeliest(head, shown), mapping
    for number, line in enumerate(head, start=1):
        best: tuple[int, list[str], str, Dialect] | None = None
        for delimiter in delimiters:
            headings = _cells(line, delimiter)
            # protects: no-file-of-a-million-columns
            if len(headings) > _MOST_COLUMNS:
                is_too_wide = True
                continue
            dialect = dialects.recognise(headings)
            if dialect is None or len(headings) < 2:
                continue
            known = len(dialect.places(headings))
            if known >= 2 and (best is None or known > best[0]):
                best = (known, headings, delimiter, dialect)
        if best is not None:
            return best[1], best[2], number, best[3]
    if is_too_wide:
        raise LoadError(f"{shown} has more than {_MOST_COLUMNS:,} columns: that is no export of reports.")
    first = mended(next(line for line in head if line.strip()))[:200]
    if mapping is not None:
        wanted = ", ".join(name for names in mapping.columns.values() for name in names)[:300]
        raise LoadError(f"The mapping fits no line of headings in {shown}: {first!r} has none of {wanted}.")
    raise LoadError(f"The headings of {shown} are not known: {first!r}. Name its columns with a mapping file.")


def _cells(line: str, delimiter: str) -> list[str]:
    return [mended(cell) for cell in next(csv.reader([line.replace("\0", "")], delimiter=delimiter), [])]


def _likeliest(head: Sequence[str], shown: Path) -> tuple[list[str], str, int]:
    """Headings, delimiter and line of a table of any columns: the first line as wide as most, numbers if it is data."""
    delimiter = max(_DELIMITERS, key=lambda one: median_low([len(_cells(line, one)) for line in head if line.strip()]))
    width = median_low([len(_cells(line, delimiter)) for line in head if line.strip()])
    if not 2 <= width <= _MOST_COLUMNS:
        raise LoadError(f"{shown} is no table of some columns.")
    for number, line in enumerate(head, start=1):
        cells = _cells(line, delimiter)
        if len(cells) == width:
            if any(not cell or _DATA.fullmatch(cell) for cell in cells):
                return [str(place) for place in range(1, width + 1)], delimiter, 0
            return cells, delimiter, number
    raise LoadError(f"{shown} is no table of some columns.")


def _numbered(head: Sequence[str], shown: Path, delimiters: Sequence[str]) -> tuple[list[str], str]:
    """Numbers for headings, and the delimiter that makes most columns of the first lines."""
    lines = [line for line in head if line.strip()]
    delimiter = max(delimiters, key=lambda one: len(_cells(lines[0], one)))
    width = max(len(_cells(line, delimiter)) for line in lines)
    if width > _MOST_COLUMNS:
        raise LoadError(f"{shown} has more than {_MOST_COLUMNS:,} columns: that is no export of reports.")
    return [str(number) for number in range(1, width + 1)], delimiter
