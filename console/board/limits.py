"""Finds which limits of the cities are passed: how many reports have come, and since when that is too many.

For a worker thread. Of the same reports every console finds the same: a report counts by when it was created, whatever
its status is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec
import numpy as np

from api_client.model import AlarmKind, Limit, alarm_id
from console.board.counts import Bools
from console.board.snapshot import BoardSnapshot, Column
from console.board.view import View
from console.cache.catalog import Catalog, Cities
from console.cache.page_items import FIRST_ROW
from console.rules.alarms import Alarm
from console.rules.filter import NONE, Filter, FilterError
from console.rules.limit import (
    MOST_LIMITS,
    PRIORITIES_OF_LIMITS,
    Coded,
    can_be_counted,
    concerns,
    counts_otherwise,
    filter_of,
)
from console.rules.report import upwards
from console.rules.rights import Rights

_DAY_S = 86400
_LONGEST_NAME = 200


class PassedLimit(msgspec.Struct, frozen=True):
    """A limit that is passed now: by how many reports there are, and since when (unix seconds)."""

    limit: Limit
    filter: Filter
    count: int
    since_s: int


class _CountedLimit(msgspec.Struct, frozen=True):
    """A limit with its filter: of each column that this asks for, whether each number in it fits. Of those behind the
    last one, which no word has yet, none does.
    """

    limit: Limit
    filter: Filter
    columns: dict[str, Bools]


class LimitFinder:
    """Keeps what it found until reports, the vocabulary or the minute change; one worker at a time asks it."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[Catalog, list[_CountedLimit]]] = {}
        self._passed: dict[str, tuple[BoardSnapshot, int, list[_CountedLimit], list[PassedLimit]]] = {}
        self._since: dict[tuple[str, str], tuple[float, Limit]] = {}
        """Since when each limit was passed when it was so last, as it was then."""

    def find(
        self, view: View, cities: Cities, times: Mapping[str, datetime], scopes: Mapping[str, Rights]
    ) -> list[Alarm]:
        """The alarms of limits at sources all of whose reports are in the View; `times` is the present time by the
        clock of each source, `scopes` what the operator may do there.
        """
        found: list[Alarm] = []
        self._since = {key: one for key, one in self._since.items() if key[1] in cities.of(key[0]).limits}
        for source, now in times.items():
            catalog, number = cities.of(source), cities.source_number(source)
            # protects: half-a-city-passes-no-limit
            if not catalog.limits or not number or not view.is_read(number):
                continue
            rights = scopes.get(source, Rights())
            for one in self._passed_at(view.snapshot, source, number, catalog, now):
                since_s = self._same_since(one, source, catalog)
                if not concerns(one.filter, rights.areas, rights.agencies, catalog.areas.get):
                    continue
                least, most = PRIORITIES_OF_LIMITS
                since, priority = datetime.fromtimestamp(since_s, UTC), min(max(one.limit.priority, least), most)
                title = " ".join(one.limit.name[:_LONGEST_NAME].split())
                found.append(
                    Alarm(AlarmKind.LIMIT, source, one.limit.id, since, priority, title=title, count=one.count)
                )
        return found

    def _same_since(self, one: PassedLimit, source: str, catalog: Catalog) -> float:
        """Since when a limit is passed, where a report that was merged since, or is gone, has moved its beginning: that
        of the occurrence that was found, or that somebody knows of, and that is not apart from this one.
        """
        key, record = (source, one.limit.id), catalog.alarms.get(alarm_id(AlarmKind.LIMIT, one.limit.id))
        known = [record.since.timestamp() if record is not None else None]
        if key in self._since and not counts_otherwise(one.limit, self._since[key][1]):
            known.append(self._since[key][0])
        # protects: what-is-merged-makes-no-new-alarm
        same = [at for at in known if at is not None and 0 < one.since_s - at <= 60 * one.limit.within_minutes]
        began = min(same, default=float(one.since_s))
        self._since[key] = began, one.limit
        return began

    def _passed_at(
        self, snapshot: BoardSnapshot, source: str, number: int, catalog: Catalog, now: datetime
    ) -> list[PassedLimit]:
        counted, now_s = self._counted_at(source, catalog, now), int(now.timestamp())
        before = self._passed.get(source)
        if before is not None and before[0] is snapshot and before[1] == now_s // 60 and before[2] is counted:
            return before[3]
        found = _passed(snapshot, number, counted, now_s) if counted else []
        self._passed[source] = snapshot, now_s // 60, counted, found
        return found

    def _counted_at(self, source: str, catalog: Catalog, now: datetime) -> list[_CountedLimit]:
        before = self._counted.get(source)
        if before is None or _vocabulary(before[0]) != _vocabulary(catalog):
            self._counted[source] = catalog, _counted(catalog, now)
        return self._counted[source][1]


def _vocabulary(catalog: Catalog) -> tuple[object, ...]:
    return catalog.limits, catalog.services, catalog.areas, catalog.agencies, catalog.words


def _counted(catalog: Catalog, now: datetime) -> list[_CountedLimit]:
    """The limits of a city that can be counted here; a hostile server may have set any."""
    found = []
    for limit in sorted(catalog.limits.values(), key=lambda one: one.id)[:MOST_LIMITS]:
        if not can_be_counted(limit):
            continue
        try:
            filter_ = filter_of_limit(limit, catalog, now)
        except FilterError:  # of a newer version, or of what the city has no more
            continue
        found.append(_CountedLimit(limit, filter_, _columns(filter_, catalog)))
    return found


def filter_of_limit(limit: Limit, catalog: Catalog, now: datetime) -> Filter:
    """The filter of a limit of this city, by the clock of which it is `now`; raises FilterError."""
    coded: dict[str, Iterable[Coded]] = {
        "service": catalog.services.values(),
        "area": catalog.areas.values(),
        "agency": catalog.agencies.values(),
    }
    return filter_of(limit, coded, now)


def _columns(filter_: Filter, catalog: Catalog) -> dict[str, Bools]:
    """The columns that a filter asks for, and which numbers in them fit; an area's are those inside it too."""
    found: dict[str, list[int]] = {"priority": list(filter_.priorities)} if filter_.priorities else {}
    for column, codes in (("service", filter_.services), ("area", filter_.areas), ("agency", filter_.agencies)):
        if not codes:
            continue
        numbers = [0] if NONE in codes else []
        for number, code in catalog.words.get(column, {}).items():
            around = upwards(code, catalog.areas.get) if column == "area" else (code,)
            if number and any(one in codes for one in around):
                numbers.append(number)
        found[column] = numbers
    return {column: _table(numbers) for column, numbers in found.items()}


def _table(numbers: list[int]) -> Bools:
    table = np.zeros(max(numbers, default=0) + 2, np.bool_)
    table[numbers] = True
    return table


def _passed(snapshot: BoardSnapshot, number: int, counted: list[_CountedLimit], now_s: int) -> list[PassedLimit]:
    """Those of the limits of the source with this number that are passed."""
    column = snapshot.column
    begin_s = begin_of(now_s)
    longest_s = 60 * max(one.limit.within_minutes for one in counted)
    created = column("created")
    at = np.flatnonzero((created > begin_s - longest_s) & (created <= now_s))
    counts = column("alive")[at] & (column("merged")[at] == 0) & (column("source")[at] == number)
    # What was made at this console and has not been sent no other console counts.
    at = at[counts & (column("row")[at] >= FIRST_ROW)]
    at = at[np.argsort(created[at], kind="stable")]
    of_all = {name: column(name)[at] for name in ("service", "area", "agency", "priority")}
    times, found = created[at], []
    for one in counted:
        fits = np.ones(len(at), np.bool_)
        for name, table in one.columns.items():
            fits &= table.take(of_all[name], mode="clip")
        there = occurrence(times[fits], one.limit.above, 60 * one.limit.within_minutes, now_s, begin_s)
        if there is not None:
            found.append(PassedLimit(one.limit, one.filter, *there))
    return found


def begin_of(now_s: int) -> int:
    """From which unix second on occurrences are looked for: the beginning of yesterday, in UTC. What has lasted since
    before then begins anew with each day, at every console at once.
    """
    return (now_s // _DAY_S - 1) * _DAY_S


def occurrence(times: Column, above: int, within_s: int, now_s: int, begin_s: int) -> tuple[int, int] | None:
    """How many reports have come within the last `within_s` seconds, and since when that is more than `above`; None
    when it is not. `times` are the times of creation up to now, in order, in unix seconds.

    An arrival is over the limit when with it more than `above` have come within that time. Such arrivals that lie no
    further apart than that are one occurrence; it begins with the first of them that is not before `begin_s`.
    """
    count = len(times) - int(np.searchsorted(times, now_s - within_s, side="right"))
    if count <= above:
        return None
    over = times[above:][times[above:] - times[:-above] < within_s]
    over = over[over >= begin_s]
    apart = np.flatnonzero(np.diff(over) > within_s)
    return count, int(over[apart[-1] + 1 if len(apart) else 0])
