"""What is counted of a View: tabs, the figures of the KPI strip, categories, areas, arrivals and the share in time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from console.board.snapshot import DUE_BREACHED, DUE_RUNNING, Column
from console.rules.time_range import BarUnit, TimeRange

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

_HOURS, _USUAL_DAYS, _USUAL_WEEKS, _TREND_DAYS, _MONTHS, _MOST_YEARS = 24, 28, 8, 14, 12, 30
_ENDED_SHARE = 0.75
_IN_MONTHS = 36
"""All time is cut into months up to so many of them, and into years beyond."""

_SLOT_S = 900
"""Every time zone is a whole number of quarters of an hour from UTC."""


class ServiceCount(msgspec.Struct, frozen=True):
    """Reports of one category (its number in the words table, 0 none)."""

    service: int
    count: int
    overdue: int


class AreaCount(msgspec.Struct, frozen=True):
    """Open reports of one area (its number in the words table, 0 none)."""

    area: int
    open: int
    overdue: int


class Counts(msgspec.Struct, frozen=True):
    """How many there are.

    Of the whole board, whatever the filter (what needs attention must not hide behind a chip): `all_open`,
    `all_closed`, `unassigned` (priority -> number and the oldest one's creation, 0 when there is none),
    `crewless_hazards` (the same of P1 that no crew is on its way to, taken or not), `at_risk` (due within the hour),
    `overdue`. Under the filter: `tabs` (key -> number), `by_area` of the open ones, and `by_status` (an entry for each
    status, closed ones included). Of the queue as shown: `total`, `total_overdue` and `placeless`; `by_service` is of
    what the queue would show if the filter named no category, so that those it names can be compared with the others.
    Reports merged into others count nowhere.
    """

    tabs: dict[str, int]
    unassigned: dict[int, tuple[int, int]]
    crewless_hazards: tuple[int, int]
    at_risk: int
    overdue: int
    all_open: int
    all_closed: int
    by_service: tuple[ServiceCount, ...]
    by_area: tuple[AreaCount, ...]
    by_status: tuple[int, ...]
    placeless: int
    total: int
    total_overdue: int


class Arrivals(msgspec.Struct, frozen=True):
    """Reports by when they were created, a bar for each hour, day, month or year of the city's calendar, oldest first.

    Here those count too that were merged since: what came in does not become less when somebody sees it was double.
    `starts` are unix seconds. The last bar is the running one, unless the newest report of all is older than the range:
    then the range ends with it, and `until` is its moment (else 0). `usual` is what is usual for each bar, empty where
    there is nothing to compare with: of an hour the mean of the same hour of the 28 days before, of a day that of the
    same weekday of the 8 weeks before (or of as many as there are reports from), of a month the one a year before.
    `since` is the moment of the oldest report of all where the range begins before that (else 0).
    """

    unit: BarUnit
    starts: tuple[int, ...]
    counts: tuple[int, ...]
    usual: tuple[float, ...]
    until: int = 0
    since: int = 0


class Trend(msgspec.Struct, frozen=True):
    """Percent of the reports whose clocks have ended that were in time, by when they were created.

    None of a bar without any, and of one in which the clocks of more than a quarter still run: what ends early is
    mostly in time, and such a bar would always stand too high. Days, months or years as in Arrivals, at least 14 days.
    """

    unit: BarUnit
    starts: tuple[int, ...]
    shares: tuple[float | None, ...]


class Clocks(NamedTuple):
    """Which reports had an SLA clock, of which of them all have ended or one is missed, and which missed one."""

    any: Bools
    ended: Bools
    missed: Bools


def is_overdue(due: Column, state: Column, now_s: int) -> Bools:
    """Whose SLA is breached: it was due and was not met by then. `state` are the DUE_... of the clocks."""
    breached: Bools = (due != 0) & ((state == DUE_BREACHED) | ((state == DUE_RUNNING) & (due < now_s)))
    return breached


def is_due_within(due: Column, state: Column, now_s: int, within_s: int) -> Bools:
    """Whose SLA is breached within so many seconds from now unless it is met."""
    soon: Bools = (due != 0) & (state == DUE_RUNNING) & (due >= now_s) & (due <= now_s + within_s)
    return soon


def open_and_overdue(numbers: Column, overdue: Bools) -> list[tuple[int, int, int]]:
    """For every number that occurs: (number, how many reports, how many of them overdue)."""
    if not len(numbers):
        return []
    least = min(0, int(numbers.min()))
    shifted = numbers.astype(np.int64) - least
    every, late = np.bincount(shifted), np.bincount(shifted[overdue], minlength=int(shifted.max()) + 1)
    found = np.flatnonzero(every)
    return [
        (number + least, count, over)
        for number, count, over in zip(found.tolist(), every[found].tolist(), late[found].tolist(), strict=True)
    ]


def arrivals_of(
    created: Integers, fits: Bools, time_range: TimeRange, now_s: int, oldest_s: int, newest_s: int, zone: tzinfo
) -> Arrivals:
    """The reports in `fits` over a range; `oldest_s` and `newest_s` are when the first and last of all were created."""
    unit, count = _bars(time_range, now_s, oldest_s, zone)
    starts = _starts(unit, count, now_s, zone)
    at_s = now_s
    if newest_s < starts[0] or (time_range is TimeRange.ALL and newest_s < starts[-1]):
        at_s = newest_s
        unit, count = _bars(time_range, at_s, oldest_s, zone)
        starts = _starts(unit, count, at_s, zone)
    before = {BarUnit.HOUR: _HOURS * _USUAL_DAYS, BarUnit.DAY: 7 * _USUAL_WEEKS, BarUnit.MONTH: _MONTHS}.get(unit, 0)
    before = 0 if time_range is TimeRange.ALL else before
    every = _starts(unit, count + before, at_s, zone)
    per_bar = _per_bar(created[fits], every, at_s)
    usual: tuple[float, ...] = ()
    if unit is BarUnit.HOUR:
        usual = _usual_hours(per_bar, every, oldest_s, zone)
    elif before:
        usual = _usual_of_earlier(per_bar, count, 7 if unit is BarUnit.DAY else _MONTHS, every, oldest_s)
    counts = tuple(per_bar[before:].tolist())
    since = oldest_s if oldest_s > starts[0] else 0
    return Arrivals(unit, starts, counts, usual, until=at_s if at_s < now_s else 0, since=since)


def trend_of(
    created: Integers, clocks: Clocks, time_range: TimeRange, arrivals: Arrivals, now_s: int, zone: tzinfo
) -> Trend | None:
    """The share in time over the range of `arrivals`; None when nothing in it can be told yet."""
    at_s = arrivals.until or now_s
    unit, starts = arrivals.unit, arrivals.starts
    if time_range in (TimeRange.DAY, TimeRange.WEEK):
        unit, starts = BarUnit.DAY, _starts(BarUnit.DAY, _TREND_DAYS, at_s, zone)
    recent = (created >= starts[0]) & (created <= at_s)
    every, ended, missed = (_per_bar(created[recent & which], starts, at_s).tolist() for which in clocks)
    shares = [
        100.0 * (over - late) / over if over and over >= _ENDED_SHARE * count else None
        for count, over, late in zip(every, ended, missed, strict=True)
    ]
    if all(share is None for share in shares):
        return None
    return Trend(unit, starts, tuple(shares))


def _bars(time_range: TimeRange, at_s: int, oldest_s: int, zone: tzinfo) -> tuple[BarUnit, int]:
    """What a range up to a moment is cut into, and how many of them."""
    match time_range:
        case TimeRange.DAY:
            return BarUnit.HOUR, _HOURS
        case TimeRange.WEEK:
            return BarUnit.DAY, 7
        case TimeRange.MONTH:
            return BarUnit.DAY, 30
        case TimeRange.YEAR:
            return BarUnit.MONTH, _MONTHS
        case TimeRange.ALL:
            last, first = (datetime.fromtimestamp(max(0, moment), UTC).astimezone(zone) for moment in (at_s, oldest_s))
            months = (last.year - first.year) * 12 + last.month - first.month + 1
            if months <= _IN_MONTHS:
                return BarUnit.MONTH, max(2, months)
            return BarUnit.YEAR, min(_MOST_YEARS, last.year - first.year + 1)


def _starts(unit: BarUnit, count: int, at_s: int, zone: tzinfo) -> tuple[int, ...]:
    """Unix seconds at which the last `count` hours, days, months or years of the city's calendar began."""
    local = datetime.fromtimestamp(max(0, at_s), UTC).astimezone(zone)
    if unit is BarUnit.HOUR:
        return _hour_starts(at_s - local.minute * 60 - local.second, count)
    if unit is BarUnit.DAY:
        days = [local.date() - timedelta(days=back) for back in range(count - 1, -1, -1)]
    elif unit is BarUnit.MONTH:
        months = [local.year * 12 + local.month - 1 - back for back in range(count - 1, -1, -1)]
        days = [date(month // 12, month % 12 + 1, 1) for month in months]
    else:
        days = [date(local.year - back, 1, 1) for back in range(count - 1, -1, -1)]
    return tuple(int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) for day in days)


@lru_cache(maxsize=8)
def _hour_starts(running_s: int, count: int) -> tuple[int, ...]:
    return tuple(running_s - 3600 * back for back in range(count - 1, -1, -1))


def _per_bar(created: Integers, starts: Sequence[int], at_s: int) -> Integers:
    """How many of these moments lie in each bar. Counted by quarters of an hour first: a search for each is slower."""
    first = starts[0]
    slots = max(1, (at_s - first) // _SLOT_S + 1)
    recent = created[(created >= first) & (created <= at_s)]
    per_slot = np.bincount(((recent - first) // _SLOT_S).astype(np.int64), minlength=slots)
    edges = np.minimum((np.array(starts, dtype=np.int64) - first) // _SLOT_S, slots - 1)
    return np.add.reduceat(per_slot, edges).astype(np.int64)


def _usual_hours(per_hour: Integers, starts: tuple[int, ...], oldest_s: int, zone: tzinfo) -> tuple[float, ...]:
    """The mean of the same hour of the clock of the days before: of those there are reports from."""
    past = per_hour[:-_HOURS]
    known = max(0, min(_USUAL_DAYS, (starts[-_HOURS] - oldest_s) // 86400))
    return tuple(float(past[days[:known]].sum()) / known if known else 0.0 for days in _same_hours(starts, zone))


@lru_cache(maxsize=8)
def _same_hours(starts: tuple[int, ...], zone: tzinfo) -> tuple[Integers, ...]:
    """Where the same hour of the clock stands among the hours before the last day's, the newest first, for each of it.

    Each View asks, and the calendar has to be asked 700 times: as long as the running hour lasts it says the same.
    """
    hours = [datetime.fromtimestamp(start, UTC).astimezone(zone).hour for start in starts]
    before = np.array(hours[:-_HOURS])
    return tuple(np.flatnonzero(before == hour)[::-1] for hour in hours[-_HOURS:])


def _usual_of_earlier(
    per_bar: Integers, count: int, apart: int, starts: Sequence[int], oldest_s: int
) -> tuple[float, ...]:
    """The mean of the bars that lie `apart`, twice, three times … before each of the last `count`, as far as known."""
    usual = []
    for bar in range(len(per_bar) - count, len(per_bar)):
        earlier = range(bar - apart, max(-1, bar - apart * _USUAL_WEEKS - 1), -apart)
        known = [int(per_bar[at]) for at in earlier if starts[at] >= oldest_s]
        usual.append(sum(known) / len(known) if known else math.nan)
    return () if any(math.isnan(value) for value in usual) else tuple(usual)
