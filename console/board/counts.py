"""What is counted of a View: tabs, the figures of the KPI strip, categories, areas, hours and the share in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from console.board.snapshot import Column

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

HOURS, USUAL_DAYS, TREND_DAYS = 24, 28, 14
_SLOT_S = 900
"""Every time zone is a whole number of quarters of an hour from UTC."""


class ServiceCount(msgspec.Struct, frozen=True):
    """Open reports of one category (its number in the words table, 0 none)."""

    service: int
    open: int
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
    `overdue`. Under the filter: `tabs` (key -> number), `open` and `open_overdue` with their split in `by_service` and
    `by_area`, and `by_status` (an entry for each status, closed ones included). Of the queue as shown: `total` and
    `placeless`. Reports merged into others count nowhere.
    """

    tabs: dict[str, int]
    unassigned: dict[int, tuple[int, int]]
    crewless_hazards: tuple[int, int]
    at_risk: int
    overdue: int
    all_open: int
    all_closed: int
    open: int
    open_overdue: int
    by_service: tuple[ServiceCount, ...]
    by_area: tuple[AreaCount, ...]
    by_status: tuple[int, ...]
    placeless: int
    total: int


class Hours(msgspec.Struct, frozen=True):
    """Reports by hour of the city's clock: the last 24 hours, the running one at the end.

    `starts` are unix seconds, `labels` the hours as "00" to "23". `usual` is the mean of the same hour of the 28 days
    before, or of as many of them as there are reports from.
    """

    labels: tuple[str, ...]
    starts: Integers
    counts: Integers
    usual: NDArray[np.float64]


def open_and_overdue(numbers: Column, overdue: Bools) -> list[tuple[int, int, int]]:
    """(number, how many, how many of them overdue) for every number that occurs."""
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


def hours_of(created: Integers, fits: Bools, now_s: int, oldest_s: int, zone: tzinfo) -> Hours:
    """The hour chart of the reports in `fits`; `oldest_s` is the oldest report of all."""
    starts = hour_starts(now_s, zone)
    first = starts[0]
    slots = (now_s - first) // _SLOT_S + 1
    recent = created[(created >= first) & (created <= now_s) & fits]
    per_slot = np.bincount(((recent - first) // _SLOT_S).astype(np.int64), minlength=slots)
    edges = np.array([(start - first) // _SLOT_S for start in starts])
    per_hour = np.add.reduceat(per_slot, edges)
    hours = [datetime.fromtimestamp(start, UTC).astimezone(zone).hour for start in starts]
    shown, before = starts[-HOURS:], np.array(hours[:-HOURS])
    known = _days_known(shown[0], oldest_s)
    past = per_hour[:-HOURS]
    newest_first = [np.flatnonzero(before == hour)[::-1][:known] for hour in hours[-HOURS:]]
    usual = np.array([past[days].sum() / known if known else 0.0 for days in newest_first])
    return Hours(
        labels=tuple(f"{hour:02d}" for hour in hours[-HOURS:]),
        starts=np.array(shown, np.int64),
        counts=per_hour[-HOURS:].astype(np.int64),
        usual=usual,
    )


def _days_known(first_shown_s: int, oldest_s: int) -> int:
    """How many whole days before the chart there are reports from, up to 28."""
    return max(0, min(USUAL_DAYS, (first_shown_s - oldest_s) // 86400))


def hour_starts(now_s: int, zone: tzinfo) -> Sequence[int]:
    """Unix seconds at which the hours of the city's clock began: the last 24 and those of the 28 days before."""
    local = datetime.fromtimestamp(now_s, UTC).astimezone(zone)
    return _hour_starts(now_s - local.minute * 60 - local.second)


@lru_cache(maxsize=4)
def _hour_starts(running_s: int) -> tuple[int, ...]:
    count = HOURS * (USUAL_DAYS + 1)
    return tuple(running_s - 3600 * back for back in range(count - 1, -1, -1))


def trend_of(created: Integers, judged: Bools, late: Bools, now_s: int, zone: tzinfo) -> tuple[float, ...] | None:
    """Percent of the reports with a clock that have been in time so far, by the city's day of creation, 14 days.

    A day without reports repeats the day before. None when no report of these days had a clock.
    """
    today = datetime.fromtimestamp(now_s, UTC).astimezone(zone).date()
    midnights = [
        int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
        for day in (today - timedelta(days=back) for back in range(TREND_DAYS - 1, -1, -1))
    ]
    recent = np.flatnonzero((created >= midnights[0]) & (created <= now_s) & judged)
    if not len(recent):
        return None
    day_of = np.searchsorted(midnights, created[recent], side="right") - 1
    every = np.bincount(day_of, minlength=TREND_DAYS)
    over = np.bincount(day_of[late[recent]], minlength=TREND_DAYS)
    values: list[float] = []
    for count, missed in zip(every.tolist(), over.tolist(), strict=True):
        values.append(100.0 * (count - missed) / count if count else values[-1] if values else 100.0)
    return tuple(values)
