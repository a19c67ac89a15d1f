"""Reads a mapping file: one layout of files, ours, a city's own, or told by the person who loads."""

from __future__ import annotations

import codecs
import difflib
import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from api_client.model import Status
from console.server.loader.dialect import Dialect
from console.server.loader.raw import FIELDS
from console.server.loader.result import LoadError
from console.server.toml_text import read_toml

_SYSTEM = re.compile(r"(?:EPSG|ESRI):\d{4,6}")
_KEYS = (
    "name", "marks", "precedence", "day_first", "timezone", "usual_zone", "delimiter", "encoding", "id_prefix", "empty",
    "headings", "crs", "columns", "statuses", "services", "constants", "words",
)  # fmt: skip


def read_mapping(path: Path) -> Dialect:
    """A dialect from a mapping file (TOML, or JSON by its suffix).

    Tables: `columns` {our field: name or list of names, in nested files a path like "status.state"}, `statuses` {the
    city's word: ours}, `services` {the city's word: service code}, `constants` {our field: value of every report},
    `words` {our field: {the city's code: what it means}}; keys: the other attributes of a Dialect. Raises LoadError
    with the line or the name that is wrong.
    """
    try:
        text = path.read_text("utf-8-sig")
        table: Any = json.loads(text) if path.suffix.casefold() == ".json" else read_toml(text)
    except OSError as fault:
        raise LoadError(f"The mapping file {path} cannot be read: {fault.strerror or fault}.") from fault
    except (ValueError, RecursionError) as fault:
        raise LoadError(f"The mapping file {path} cannot be understood: {fault}.") from fault
    return _Mapping(path, text).dialect(table)


class _Mapping:
    """One mapping file; its faults name the line."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def dialect(self, table: Any) -> Dialect:
        """The layout that it tells."""
        if not isinstance(table, dict) or not isinstance(table.get("columns"), dict) or not table["columns"]:
            raise LoadError(f"The mapping file {self._path} has no table named columns.")
        for key in table:
            if key not in _KEYS:
                raise self._fault(key, f"{key!r} is not known here{_instead(key, _KEYS)}")
        day_first = table.get("day_first")
        if not isinstance(day_first, bool | None):
            raise self._fault("day_first", f"day_first is {day_first!r}; it is true or false")
        precedence = table.get("precedence", 0)
        if type(precedence) is not int:
            raise self._fault("precedence", f"precedence is {precedence!r}; it is a whole number")
        headings = table.get("headings", True)
        if not isinstance(headings, bool):
            raise self._fault("headings", f"headings is {headings!r}; it is true or false")
        crs = table.get("crs")
        if crs is not None and (not isinstance(crs, str) or not _SYSTEM.fullmatch(crs)):
            raise self._fault("crs", f"crs is {crs!r}; write it like EPSG:25832")
        return Dialect(
            str(table.get("name", f"mapping {self._path.name}")),
            {self._field(name): self._columns(name, wanted, headings) for name, wanted in table["columns"].items()},
            headings=headings,
            crs=crs,
            marks=self._names("marks", table["marks"]) if "marks" in table else (),
            precedence=precedence,
            statuses={word: self._status(word, ours) for word, ours in self._table(table, "statuses").items()},
            services=self._table(table, "services"),
            day_first=day_first,
            timezone=self._known(table, "timezone", ZoneInfo, "there is no time zone"),
            usual_zone=self._known(table, "usual_zone", ZoneInfo, "there is no time zone"),
            id_prefix=str(table.get("id_prefix", "")),
            empty=self._names("empty", table["empty"]) if "empty" in table else (),
            delimiter=self._delimiter(table),
            encoding=self._known(table, "encoding", codecs.lookup, "there is no encoding"),
            constants={self._field(name): value for name, value in self._table(table, "constants", as_is=True).items()},
            words=self._words(table.get("words", {})),
        )

    def _field(self, name: str) -> str:
        if name not in FIELDS:
            raise self._fault(name, f"{name!r} is not one of our fields{_instead(name, FIELDS)}: {', '.join(FIELDS)}")
        return name

    def _columns(self, field: str, wanted: Any, headings: bool) -> tuple[str, ...]:
        if headings:
            return self._names(field, wanted)
        numbers = wanted if isinstance(wanted, list) else [wanted]
        if not numbers or not all(type(number) is int and number > 0 for number in numbers):
            raise self._fault(field, f"{field} is {wanted!r}; without headings it is a column's number, 1 the first")
        return tuple(map(str, numbers))

    def _names(self, field: str, wanted: Any) -> tuple[str, ...]:
        names = wanted if isinstance(wanted, list) else [wanted]
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            hint = ", and a number only where headings = false" if type(wanted) is int else ""
            raise self._fault(field, f"{field} is {wanted!r}; it is a column's name or a list of names{hint}")
        return tuple(names)

    def _words(self, words: Any) -> dict[str, dict[str, str]]:
        if not isinstance(words, dict):
            raise self._fault("words", f"words is {words!r}; it is a table")
        return {self._field(name): self._table(words, name, as_is=True) for name in words}

    def _status(self, word: str, ours: str) -> Status:
        try:
            return Status(ours)
        except ValueError as fault:
            raise self._fault(
                word, f"the status {word!r} is mapped to {ours!r}, which is not one of: {', '.join(Status)}"
            ) from fault

    def _table(self, table: dict[str, Any], name: str, *, as_is: bool = False) -> dict[str, str]:
        inner = table.get(name, {})
        if not isinstance(inner, dict):
            raise self._fault(name, f"{name} is {inner!r}; it is a table")
        for word, value in inner.items():
            if isinstance(value, dict | list):
                raise self._fault(word, f"{word!r} of {name} is {value!r}; it is a word")
        if as_is:
            return {word: str(value) for word, value in inner.items()}
        return {" ".join(word.casefold().split()): str(value) for word, value in inner.items()}

    def _delimiter(self, table: dict[str, Any]) -> str | None:
        value = table.get("delimiter")
        if value is not None and (not isinstance(value, str) or len(value) != 1 or value in '\r\n"'):
            raise self._fault("delimiter", f"delimiter is {value!r}; it is one character")
        return value

    def _known(self, table: dict[str, Any], name: str, look_up: Any, otherwise: str) -> str | None:
        value = table.get(name)
        if value is None:
            return None
        try:
            look_up(value)
        except Exception as fault:  # zones and encodings fail in many ways, all of which mean the same
            raise self._fault(name, f"{otherwise} {value!r}") from fault
        return str(value)

    def _fault(self, word: str, why: str) -> LoadError:
        line = re.compile(rf"""^\s*\[?\s*["']?{re.escape(word)}["']?\s*[]=:]""", re.IGNORECASE)
        found = next((number for number, text in enumerate(self._lines, start=1) if line.match(text)), None)
        return LoadError(f"The mapping file {self._path}{f', line {found}' if found else ''}: {why}.")


def _instead(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
