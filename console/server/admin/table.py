"""Reads and writes the tables of a city's folder: CSV as spreadsheets save it, with commas or semicolons."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from typing_extensions import override

from console.server.admin.setup import nearest

MOST_BYTES = 20_000_000
_LONGEST_CELL = 10_000
_SEPARATORS = ",;\t"
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-][\d .,()/-]{1,40}")
"""Numbers and telephone numbers begin like a formula and are none."""
_ESCAPED = "=+-@#'"
_HEAD = re.compile(r"(?:[ \t\r,;]*\n|#[^\n]*(?:\n|$))*")
"""Blank lines and comments above the names of the columns: whatever they hold."""


class FileFault(msgspec.Struct, frozen=True):
    """Something that is wrong in a file; `line` is None where it concerns no line of its own."""

    file: str
    line: int | None
    field: str
    why: str

    @override
    def __str__(self) -> str:
        place = [
            self.file,
            *([f"line {self.line}"] if self.line is not None else []),
            *([self.field] * bool(self.field)),
        ]
        return f"{', '.join(place)}: {self.why}{'' if self.why.endswith('?') else '.'}"


class TableRow(msgspec.Struct, frozen=True):
    """A row of a table: the line on which it begins, and its cells by the names of their columns."""

    line: int
    cells: Mapping[str, str]


def read_text(path: Path, faults: list[FileFault]) -> str | None:
    """The text of a file of the folder; None, with the fault, when it cannot be read."""
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        faults.append(FileFault(path.name, None, "", "it is no file"))
        return None
    try:
        size = path.stat().st_size
        body = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as fault:
        faults.append(FileFault(path.name, None, "", f"it cannot be read: {fault.strerror or fault}"))
        return None
    if size > MOST_BYTES:
        faults.append(FileFault(path.name, None, "", f"it has more than {MOST_BYTES:,} bytes"))
        return None
    if b"\x00" in body[:4096]:
        faults.append(FileFault(path.name, None, "", "it is no text in UTF-8; save it as “CSV UTF-8”"))
        return None
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = body[: fault.start].count(b"\n") + 1
        faults.append(FileFault(path.name, line, "", "a letter is not in UTF-8; save the file as “CSV UTF-8”"))
        return None


def read_table(
    path: Path,
    columns: Sequence[str],
    needed: Sequence[str],
    faults: list[FileFault],
    also: Callable[[str], str] = lambda _: "",
) -> list[TableRow] | None:
    """The rows of a table that has some of these columns, the needed ones at least; None when it is no such table.

    `also` says how a column is called that it may have besides, "" for one that it may not.
    """
    text = read_text(path, faults)
    if text is None:
        return None
    name = path.name
    lines = _parsed(text, name, faults)
    head = next(lines, None)
    if head is None:
        faults.append(FileFault(name, None, "", f"it is empty; its first line names the columns: {','.join(columns)}"))
        return None
    found = [also(cell) or cell for cell in (each.strip().casefold() for each in head[1])]
    unknown = [cell for cell in found if cell and cell not in columns and not also(cell)]
    missing = [column for column in needed if column not in found]
    twice = sorted({cell for cell in found if cell and found.count(cell) > 1})
    reasons = [f"there is no column “{cell[:60]}”{nearest(cell, columns)}" for cell in unknown]
    reasons += [f"the column “{column}” is missing" for column in missing]
    reasons += [f"the column “{column}” stands there twice" for column in twice]
    faults.extend(FileFault(name, head[0], "", why) for why in reasons)
    if unknown or missing or twice:
        return None
    rows = []
    for line, cells in lines:
        if len(cells) > len(found) and any(cell.strip() for cell in cells[len(found) :]):
            why = (
                f"the line has {len(cells)} cells, the first line names {len(found)}; put “ ” around a cell that holds "
            )
            faults.append(FileFault(name, line, "", f"{why.replace('“ ”', 'quotation marks')}a comma or semicolon"))
            continue
        plain = {}
        for column, cell in zip(found, cells, strict=False):
            if column:
                plain[column] = _plain(cell.strip(), FileFault(name, line, column, ""), faults)
        rows.append(TableRow(line, plain))
    return rows


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str]], comment: str = "") -> str:
    """A table as text; each line of `comment` stands before it, behind a #."""
    out = io.StringIO()
    out.writelines(f"# {line}\n" for line in comment.splitlines())
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_escaped(cell) for cell in row] for row in rows)
    return out.getvalue()


def split_list(cell: str) -> tuple[str, ...]:
    """The words of a cell, which | parts; a | within a word is written as \\|."""
    words, word, at = [], "", 0
    for match in re.finditer(r"\\(.)|\|", cell, re.DOTALL):
        word += cell[at : match.start()]
        at = match.end()
        if match[1] is not None:
            word += match[1]
        else:
            words.append(word)
            word = ""
    words.append(word + cell[at:])
    return tuple(each for one in words if (each := one.strip()))


def join_list(words: Iterable[str]) -> str:
    """The cell that split_list reads as these words."""
    return "|".join(word.replace("\\", "\\\\").replace("|", "\\|") for word in words)


def _parsed(text: str, name: str, faults: list[FileFault]) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold something, each with its number; those that begin with # are comments."""
    begin = _HEAD.match(text)
    assert begin is not None
    first = text[begin.end() :].partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text[begin.end() :], newline=""), delimiter=separator, strict=True)
    above = before = text.count("\n", 0, begin.end())
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as fault:
            faults.append(
                FileFault(name, before + 1, "", f"the line cannot be read ({fault}); look at its quotation marks")
            )
            return
        if cells is None:
            return
        line, before = before + 1, above + reader.line_num
        if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
            yield line, cells


def _plain(cell: str, place: FileFault, faults: list[FileFault]) -> str:
    """What a cell says; an apostrophe before what would be a formula or a comment is not part of it."""
    if len(cell) > _LONGEST_CELL:
        why = f"{len(cell):,} characters are too many for a cell"
        faults.append(msgspec.structs.replace(place, why=why))
        return ""
    if len(cell) > 1 and cell[0] == "'" and cell[1] in _ESCAPED:
        return cell[1:]
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        why = (
            f"“{cell[:40]}” begins like a formula of a spreadsheet; if it is meant so, put an apostrophe (') before it"
        )
        faults.append(msgspec.structs.replace(place, why=why))
        return ""
    return cell


def _escaped(cell: str) -> str:
    """The cell that _plain reads as this text."""
    risky = cell[:1] in tuple("=+-@#") and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if risky or (cell[:1] == "'" and cell[1:2] in tuple(_ESCAPED)) else cell
