"""Reads the times of a file; day and month are told apart once per column, from all of its values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from console.rules.moments import EARLIEST, LATEST, can_be

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "januari", "january"),
            ("feb", "februari", "february", "peb"),
            ("mar", "maret", "march"),
            ("apr", "april"),
            ("may", "mei"),
            ("jun", "juni", "june"),
            ("jul", "juli", "july"),
            ("aug", "agu", "agustus", "august", "agt"),
            ("sep", "sept", "september"),
            ("oct", "okt", "oktober", "october"),
            ("nov", "november", "nopember"),
            ("dec", "des", "desember", "december"),
        ),
        start=1,
    )
    for name in names
}
_CLOCK = (
    r"(?:[T ,]+(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
    r"\s*(?P<zone>Z|z|UTC|GMT|WIB|WITA|WIT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + _CLOCK)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})" + _CLOCK)
_NUMBERS = re.compile(r"(?P<first>\d{1,2})[-/.](?P<then>\d{1,2})[-/.](?P<year>\d{4}|\d{2})" + _CLOCK)
_DAY_WORD = re.compile(r"(?:\w+,\s*)?(?P<day>\d{1,2})[ -](?P<word>[A-Za-z]{3,9})\.?,?[ -](?P<year>\d{4})" + _CLOCK)
_WORD_DAY = re.compile(r"(?P<word>[A-Za-z]{3,9})\.? (?P<day>\d{1,2}),? (?P<year>\d{4})" + _CLOCK)
_EPOCH = re.compile(r"\d{10}(?:\d{3})?(?:\.\d+)?")
_USUAL_LENGTHS = (10, 19, 20, 25)
"""Of 2024-01-31, with a time, with Z, with an offset: those are read without an expression."""
_ZONES = {"Z": 0, "UTC": 0, "GMT": 0, "WIB": 7, "WITA": 8, "WIT": 9}


@dataclass
class DateColumn:
    """What one column of a file showed about the order of day and month."""

    name: str
    day_first: bool | None = None
    first_over_12: int = 0
    then_over_12: int = 0
    either: int = 0

    def see(self, text: str) -> None:
        """Look at one value of the first reading."""
        if text[:4].isdigit():
            return
        match = _NUMBERS.fullmatch(text)
        if match is None:
            return
        first, then = int(match["first"]), int(match["then"])
        if first > 12 >= then:
            self.first_over_12 += 1
        elif then > 12 >= first:
            self.then_over_12 += 1
        else:
            self.either += 1

    def decide(self, fallback: bool, because: str) -> str | None:
        """Fix the order for the whole column; a sentence about it, None when the column needed no decision."""
        if not (self.first_over_12 or self.then_over_12 or self.either):
            return None
        if self.first_over_12 != self.then_over_12:
            self.day_first = self.first_over_12 > self.then_over_12
            clear = max(self.first_over_12, self.then_over_12)
            said = f"{self.name} is read as {self._order()} ({clear:,} values allow nothing else"
            odd = min(self.first_over_12, self.then_over_12)
            return said + (f", {odd:,} contradict it and are left empty)" if odd else ")")
        self.day_first = fallback
        return f"{self.name} is read as {self._order()} ({because})"

    def _order(self) -> str:
        return "day/month/year" if self.day_first else "month/day/year"


class Moment(NamedTuple):
    """A time in UTC, and whether its zone was assumed."""

    at: datetime
    assumed: bool


def read_time(text: str, column: DateColumn, zone: ZoneInfo) -> Moment | None:
    """A time of any usual writing, None when it cannot be one. A time without a zone is taken as of `zone`."""
    if text[4:5] == text[7:8] == "-" and len(text) in _USUAL_LENGTHS:
        try:
            return _in_utc(datetime.fromisoformat(text), zone)
        except ValueError:
            pass
    if _EPOCH.fullmatch(text):
        seconds = float(text) / (1000 if len(text.split(".")[0]) == 13 else 1)
        return _plausible(datetime.fromtimestamp(seconds, UTC), assumed=False)
    for pattern in (_YEAR_FIRST, _NUMBERS, _DAY_WORD, _WORD_DAY, _COMPACT):
        match = pattern.fullmatch(text)
        if match is not None:
            return _moment(match, column, zone)
    return None


def _moment(match: re.Match[str], column: DateColumn, zone: ZoneInfo) -> Moment | None:
    parts = match.groupdict()
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 2000 if year < 70 else 1900
    if parts.get("first") is not None:
        first, then = int(parts["first"]), int(parts["then"])
        day, month = (first, then) if column.day_first else (then, first)
    elif parts.get("word") is not None:
        found = _MONTHS.get(parts["word"].casefold())
        if found is None:
            return None
        day, month = int(parts["day"]), found
    else:
        day, month = int(parts["day"]), int(parts["month"])
    hour = int(parts["hour"] or 0)
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["half"][0] in "Pp" else 0)
    fraction = int((parts["fraction"] or "0").ljust(6, "0")[:6])
    try:
        at = datetime(  # noqa: DTZ001  the zone is put on below
            year, month, day, hour, int(parts["minute"] or 0), int(parts["second"] or 0), fraction
        )
        return _in_utc(at.replace(tzinfo=_offset(parts["zone"])) if parts["zone"] else at, zone)
    except (ValueError, OverflowError):
        return None


def _in_utc(at: datetime, zone: ZoneInfo) -> Moment | None:
    assumed = at.tzinfo is None
    try:
        at = (at.replace(tzinfo=zone) if assumed else at).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Moment(at, assumed) if EARLIEST <= at < LATEST else None


def _offset(word: str) -> timezone:
    hours = _ZONES.get(word.upper())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    digits = word[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return timezone(timedelta(minutes=-minutes if word[0] == "-" else minutes))


def _plausible(at: datetime, *, assumed: bool) -> Moment | None:
    return Moment(at, assumed) if can_be(at) else None
