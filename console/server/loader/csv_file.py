"""Reads a CSV export line by line, whatever its quotes, lengths and line ends are like."""

from __future__ import annotations

import csv
import itertools
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
_BLOCK_LINES, _BLOCK_LETTERS = 256, 1 << 20
_TO_MEND = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What `mended` takes out or changes, but for the spaces around a text."""
_Read = tuple[int, list[str], list[str], dict[str, str]]
"""A record as it was read: its line, its cells, remarks, the values of our fields."""
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
        has_headings, complete = self.dialect.headings, self._to_complete
        starts = (
            "\ufeff" + self.headings[0][:1].casefold() + self.headings[0][:1].upper()
        )  # a quick look before the slow one
        with self._path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            lines = _Lines(file)
            lines.skip(self._heading_line)
            while block := lines.block():
                records = _plain_records(block, self.delimiter, width)
                if records is None:
                    lines.give(block)
                    read = self._mended(lines)
                else:
                    read = self._plain(block[0][0], records)
                for line, cells, remarks, values in read:
                    if not values and not any(cell.strip() for cell in cells):
                        continue
                    if has_headings and cells[0][:1] in starts and [plain(mended(cell)) for cell in cells] == heading:
                        yield Remark(line, "the headings once more")
                        continue
                    if len(cells) != width:
                        remarks.append(f"{len(cells)} columns instead of {width}")
                    yield RawReport(line, completed(values, self.dialect) if complete else values, remarks, cells)

    def _values(self, cells: Sequence[str]) -> dict[str, str]:
        values: dict[str, str] = {}
        count = len(cells)
        for field, columns in self._columns.items():
            for column in columns:
                if column < count and (text := mended(cells[column])):
                    values[field] = text
                    break
        return values

    def _mended(self, lines: _Lines) -> Iterator[_Read]:
        """Records of the lines that were given back."""
        for line, cells, remarks in _records(lines, self.delimiter, len(self.headings)):
            yield line, cells, remarks, self._values(cells)

    def _plain(self, line: int, records: list[list[str]]) -> Iterator[_Read]:
        """Records of one line each, from `line` on, without anything to mend: their fields a column at a time."""
        cells = list(zip(*records, strict=True))
        fields = tuple(self._columns)
        texts = []
        for first, *others in self._columns.values():
            column = [*map(str.strip, cells[first])]
            for other in others:
                column = [text or cell.strip() for text, cell in zip(column, cells[other], strict=True)]
            texts.append(column)
        rows = zip(*texts, strict=True) if texts else itertools.repeat((), len(records))
        for number, (record, row) in enumerate(zip(records, rows, strict=True), start=line):
            yield number, record, [], {field: text for field, text in zip(fields, row, strict=True) if text}


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
        number, line = self._back.popleft() if self._back else self._read()
        if not line:
            raise StopIteration
        self.taken.append((number, line))
        return line.replace("\0", "")

    @property
    def waiting(self) -> bool:
        """Whether lines were given back that have to be read again."""
        return bool(self._back)

    def skip(self, count: int) -> None:
        """Leave out lines."""
        for _ in range(count):
            self._read()

    def block(self) -> list[tuple[int, str]]:
        """Some of the next lines with their numbers; none at the end of the file."""
        lines: list[tuple[int, str]] = []
        length = 0
        while len(lines) < _BLOCK_LINES and length < _BLOCK_LETTERS and (read := self._read())[1]:
            lines.append(read)
            length += len(read[1])
        return lines

    def give(self, lines: Sequence[tuple[int, str]]) -> None:
        """Have these lines read one by one."""
        self._back.extend(lines)

    def _read(self) -> tuple[int, str]:
        line = self._file.readline(_LONGEST_LINE)
        if line:
            self._number += 1
        if len(line) >= _LONGEST_LINE:
            while (rest := self._file.readline(_LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
                pass
        return self._number, line

    def begin(self) -> None:
        """Forget the lines of the record before."""
        self.taken = []

    def give_back(self) -> tuple[int, str]:
        """Keep only the first line of the record under way and return it; the others will be read again."""
        first = self.taken[0]
        self._back.extendleft(reversed(self.taken[1:]))
        self.taken = [first]
        return first


def _plain_records(block: Sequence[tuple[int, str]], delimiter: str, width: int) -> list[list[str]] | None:
    """The records of lines that are one record each, as wide as the headings, without anything to mend; else None."""
    lines = [line for _, line in block]
    text = "".join(lines)
    if max(map(len, lines)) >= _LONGEST_LINE or _TO_MEND.search(text):
        return None
    try:
        records = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return None
    if len(records) != len(lines) or any(len(cells) != width for cells in records):
        return None
    return None if records[-1][-1].endswith(("\n", "\r")) else records  # its quotation mark is not closed here


def _records(lines: _Lines, delimiter: str, width: int) -> Iterator[tuple[int, list[str], list[str]]]:
    """The records of the lines that were given back, and what belongs to the last of them."""
    reader = csv.reader(lines, delimiter=delimiter)
    while lines.waiting:
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
