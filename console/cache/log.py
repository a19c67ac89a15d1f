"""What is read of the control room's log in cache.db: the entries of all histories by time, a page at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from api_client.model import Entry, Kind
from console.rules.log_filter import LogFilter, SoughtWord
from console.rules.scoped_code import ScopedCode

LOG_PAGE = 200
"""How many entries are read at once, the newest first."""
LOOKED_AT = 1_000
"""So many entries are looked at for one page where no index finds those that a filter lets through: the page may then
be short, or empty, and its `older` says where to go on.
"""


class LogPlace(msgspec.Struct, frozen=True, order=True):
    """Where an entry stands in the log: when it was made (milliseconds since 1970, by its server's clock), and its row
    in the cache, which is the larger the later it was read.
    """

    at_ms: int
    row: int


class LoggedEntry(msgspec.Struct, frozen=True):
    """An entry of the log with its source's key."""

    source: str
    place: LogPlace
    entry: Entry

    @property
    def id(self) -> str:
        """Its name among the entries of all sources."""
        return f"{self.source}/{self.entry.id}"


class LogPage(msgspec.Struct, frozen=True):
    """Some entries, the newest first. The next page lies behind `older`; None when there is nothing older."""

    entries: tuple[LoggedEntry, ...] = ()
    older: LogPlace | None = None


class LogQuery(msgspec.Struct, frozen=True):
    """What an entry `e` has to be beside its time, as a condition of SQL with its values."""

    where: str
    values: tuple[Any, ...]
    index: str


_READ_MARKS = f'"kind":"{Kind.READ.value}"'.encode()
"""What the entries have in them that say only that somebody has read a message: they are no lines of the log."""
_OF_SOURCE = "e.source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
_WRITTEN = ("author", "text", "data.text", "data.reason", "data.disposition", "data.words", "data.to",
            "data.alarms[0].about")  # fmt: skip
"""Where in an entry somebody's own words and names stand, where they are texts."""


def _text_at(name: str) -> str:
    body, path = "CAST(e.body AS TEXT)", f"'$.{name}'"
    return f"CASE json_type({body}, {path}) WHEN 'text' THEN json_extract({body}, {path}) ELSE '' END"


_SAID = " || ' ' || ".join(["coalesce(e.report, '')", *map(_text_at, _WRITTEN)])
"""All that the line of an entry says in somebody's own words."""


def log_query(filter_: LogFilter) -> LogQuery:
    """The condition for the entries that a filter lets through at whatever time."""
    parts = ["instr(e.body, ?) = 0"]
    values: list[Any] = [_READ_MARKS]
    if filter_.report is not None:
        parts.append(f"{_OF_SOURCE} AND e.report = ?")
        values += filter_.report
    if filter_.unit is not None:
        source, unit = filter_.unit
        named = msgspec.json.encode(unit)
        parts.append(f"{_OF_SOURCE} AND (instr(e.body, ?) OR instr(e.body, ?))")
        values += [source, b'"unit":' + named, b'"about":' + named]
    if filter_.person:
        parts.append("instr(e.body, ?)")
        values.append(b'"author":' + msgspec.json.encode(filter_.person))
    for word in filter_.words:
        condition, more = _word_condition(word, filter_.readers)
        parts.append(condition)
        values += more
    return LogQuery(" AND ".join(parts), tuple(values), "" if filter_.report is not None else "INDEXED BY entries_at")


_MESSAGE = f'"kind":"{Kind.MESSAGE.value}"'.encode()
_IN_MESSAGE = (
    "instr(e.body, ?) AND EXISTS (SELECT 1 FROM messages m WHERE m.source = e.source"
    " AND m.id = json_extract(CAST(e.body AS TEXT), '$.edit')"
    " AND json_extract(CAST(m.body AS TEXT), '$.text') LIKE ? ESCAPE '!'"
    " AND EXISTS (SELECT 1 FROM message_cursors c JOIN words w ON w.kind = 'source' AND w.id = c.source"
    " JOIN json_each(?) r ON w.word = json_extract(r.value, '$[0]') AND c.user = json_extract(r.value, '$[1]')"
    " WHERE c.source = m.source))"
)
"""The entry of a message, which is here for one of these readers, and has a word in it."""


def _word_condition(word: SoughtWord, readers: Sequence[ScopedCode]) -> tuple[str, list[Any]]:
    """For a word of a search. Nothing is taken out of JSON that does not have it as a whole: that takes long."""
    ways = [" AND ".join(["instr(e.body, ?)"] * len(pieces)) for pieces in word.deeds]
    ways.append(f"CAST(e.body AS TEXT) LIKE ? ESCAPE '!' AND {_SAID} LIKE ? ESCAPE '!'")
    values: list[Any] = [piece.encode() for pieces in word.deeds for piece in pieces]
    as_json = msgspec.json.encode(word.text).decode()[1:-1]
    values += [_anywhere(as_json), _anywhere(word.text)]
    # protects: messages-are-found-by-whom-they-are-for
    if readers:
        ways.append(_IN_MESSAGE)
        values += [_MESSAGE, _anywhere(word.text), msgspec.json.encode([list(one) for one in readers]).decode()]
    return f"({' OR '.join(f'({way})' for way in ways)})", values


_LITERAL = str.maketrans({letter: f"!{letter}" for letter in "%_!"})


def _anywhere(text: str) -> str:
    """A pattern of LIKE for a text within another; its escape character is !."""
    return f"%{text.translate(_LITERAL)}%"


def log_times(filter_: LogFilter) -> tuple[int, int]:
    """The first and the last millisecond of a filter's time."""
    first = math.ceil(filter_.since.timestamp() * 1000) if filter_.since is not None else -(2**62)
    return first, math.ceil(filter_.until.timestamp() * 1000) - 1 if filter_.until is not None else 2**62
