"""The arguments of an address: lists, times, numbers and boxes, where an empty one counts as none at all."""

from __future__ import annotations

import math
import re
from datetime import MAXYEAR, UTC, datetime, timedelta

import msgspec
from starlette.datastructures import QueryParams

from console.server.georeport.faults import GeoReportRefusal

MOST = 1_000
"""Requests in one answer, and identifiers in one question."""

FARTHEST = 100_000
"""How many may be left out by `page`; after them, `after` leads on."""

SPAN = timedelta(days=90)
_DEGREES = re.compile(r" *[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})? *")
_PLACE = re.compile(r"(-?[0-9]{1,18})-(.{1,500})", re.DOTALL)
_SECOND = timedelta(seconds=1) - timedelta(microseconds=1)
_LOST_PLUS = re.compile(r"(T.*) (\d\d:?\d\d)$")
_HALVES = {"open": 0, "closed": 1}
_MOST_DIGITS = 9


class Window(msgspec.Struct, frozen=True):
    """A stretch of time with both ends in it; None is no end."""

    start: datetime | None = None
    end: datetime | None = None


class Box(msgspec.Struct, frozen=True):
    """West, south, east and north in degrees."""

    west: float
    south: float
    east: float
    north: float


class Page(msgspec.Struct, frozen=True):
    """How many to leave out, and how many to answer; `after` is the place of the one after which they begin."""

    skip: int
    size: int
    after: tuple[int, str] | None = None


def listed(query: QueryParams, name: str) -> list[str]:
    """The values of an argument, given several times or with commas; GeoReportRefusal when there are too many."""
    values = [each.strip() for text in query.getlist(name) for each in text.split(",")]
    values = list(dict.fromkeys(each for each in values if each))
    if len(values) > MOST:
        raise GeoReportRefusal(f"{name} may name {MOST:,} at most.")
    return values


def halves(query: QueryParams) -> list[int]:
    """Which statuses are asked for, as 0 (open) and 1 (closed); [] for all."""
    words = listed(query, "status")
    if any(word not in _HALVES for word in words):
        raise GeoReportRefusal("status has to be open, closed, or both with a comma.")
    return [_HALVES[word] for word in words]


def read_time(name: str, text: str) -> datetime:
    """A time with its zone; without one it is UTC. GeoReportRefusal when it is none."""
    try:
        at = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text.strip()))
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise GeoReportRefusal(f"{name} has to be a time, such as 2026-11-24T00:00:00Z.") from None


def window(query: QueryParams, now: datetime, *, start: str, end: str, span: timedelta | None) -> Window:
    """The stretch between two arguments, whose last second is whole.

    With `span` it is never longer: without arguments it ends now, with one of them it goes as far as it may, and
    GeoReportRefusal is raised for two that lie farther apart.
    """
    first = read_time(start, text) if (text := query.get(start)) else None
    last = read_time(end, text) if (text := query.get(end)) else None
    if first is not None and last is not None:
        if last < first:
            raise GeoReportRefusal(f"{end} lies before {start}.")
        if span is not None and last - first > span:
            raise GeoReportRefusal(f"{start} and {end} may not span more than {_words(span)}.")
    elif span is not None:
        try:
            if last is not None:
                first = last - span
            elif first is not None:
                last = first + span
            else:
                first = now - span
        except OverflowError:
            raise GeoReportRefusal(f"{start} and {end} have to be times of this calendar.") from None
    whole = last is not None and not last.microsecond and last.year < MAXYEAR
    return Window(first, last + _SECOND if last is not None and whole else last)


def box(query: QueryParams) -> Box | None:
    """bbox: west, south, east and north, in degrees."""
    text = query.get("bbox")
    if not text:
        return None
    try:
        west, south, east, north = (degrees(each) for each in text.split(","))
    except ValueError:
        raise GeoReportRefusal("bbox has to be four numbers of degrees: west,south,east,north.") from None
    if west > east or south > north:
        raise GeoReportRefusal("bbox has to begin in the south-west: west,south,east,north.")
    return Box(west, south, east, north)


def degrees(text: str) -> float:
    """A finite number of degrees; ValueError when it is none."""
    value = float(text) if _DEGREES.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def page(query: QueryParams) -> Page:
    """page (from 1) or after, and page_size (up to 1,000, which is also what is answered without it)."""
    size = min(_whole(query, "page_size", MOST), MOST)
    if text := query.get("after"):
        found = _PLACE.fullmatch(text)
        if found is None:
            raise GeoReportRefusal("after is not one that this server gave.")
        return Page(0, size, (int(found[1]), found[2]))
    skip = (_whole(query, "page", 1) - 1) * size
    if skip > FARTHEST:
        raise GeoReportRefusal(
            f"page reaches beyond {FARTHEST:,}; ask for a shorter time, or follow the Link of each page."
        )
    return Page(skip, size)


def place(at: int, key: str) -> str:
    """The place of one in a list, for `after`: its time in microseconds, and what tells those of one time apart."""
    return f"{at}-{key}"


def _whole(query: QueryParams, name: str, default: int) -> int:
    text = query.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS or int(text) < 1:
        raise GeoReportRefusal(f"{name} has to be a whole number from 1.")
    return int(text)


def _words(span: timedelta) -> str:
    return f"{span.days} days"
