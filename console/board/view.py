"""One numbered picture of the board for all panels: a snapshot under a filter at a time, in queue order, counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from api_client.model import Area, Status
from console.board.counts import (
    AreaCount,
    Arrivals,
    Clocks,
    Counts,
    ServiceCount,
    Trend,
    arrivals_of,
    is_due_within,
    is_overdue,
    open_and_overdue,
    trend_of,
)
from console.board.order import Ordered, in_order
from console.board.snapshot import (
    CLOSED_FROM,
    DUE_BREACHED,
    DUE_MET,
    DUE_NONE,
    BoardSnapshot,
    Column,
    Fact,
)
from console.board.zorder import Positions
from console.rules.distance import box_around
from console.rules.filter import NONE, Circle, Filter
from console.rules.loaded import Loaded
from console.rules.place import distances_m
from console.rules.scoped_code import ScopedCode, is_named
from console.rules.status import ORDER
from console.rules.time_range import TimeRange

__all__ = ["Fact", "View", "is_unassigned", "make_view"]

Bools = NDArray[np.bool_]
Words = Mapping[str, Mapping[int, ScopedCode]]

RISK_S = 3600
"""A clock that is due within this time is at risk."""

CLOSED_LATELY_S = 86400
"""Without any other filter, the closed tab shows what has changed since."""

_NO_ROWS: Column = np.zeros(0, np.int64)

_ME_UNLISTED = -1
"""The claim column's number for this operator before the cache has one for him."""

_UNDECIDED = tuple(ORDER.index(status) for status in (Status.NEW, Status.RETURNED))
_NOBODY_THERE = tuple(
    ORDER.index(status) for status in (Status.NEW, Status.COORDINATION, Status.ASSIGNED, Status.RETURNED)
)
"""Statuses in which work has not begun: somebody has to be on the way.

In progress somebody was there, and may have gone, or be unable to go on: where crews are known one has to be there.
"""
_PROGRESS, _VALIDATION = ORDER.index(Status.PROGRESS), ORDER.index(Status.VALIDATION)


class View:
    """Made by `make_view`; immutable. Every panel shows one View or the one before it, never two at once.

    `order` holds the rows of the queue, topmost first; `mask` marks the same reports by position. `total` is how many
    reports there are on this computer, closed and merged ones too. `under_way` are the rows that a crew is on its way
    to, or at, and `crewless` marks by position the open ones that wait for one. `loaded` says whether all reports are
    here that the figures count, `order_by` what the queue is sorted by (one of ORDERS). `mine` are the rows of the open
    reports that the operator has, `hazards` those of P1 that wait for a crew, the oldest first, whatever the filter;
    `hazard_places` are the indices in `order` of those that the queue shows. `known_hazards` are those of cities
    that are read: of the others it is not known yet who has a crew. `knows_hazards` is whether any city is.
    """

    def __init__(
        self,
        number: int,
        snapshot: BoardSnapshot,
        filter_: Filter,
        now_s: int,
        mask: Bools,
        order: NDArray[np.int64],
        counts: Counts,
        arrivals: Arrivals,
        trend: Trend | None,
        under_way: Column,
        crewless: Bools,
        loaded: Loaded,
        order_by: str,
        mine: Column,
        read_from: Collection[int],
    ) -> None:
        self.number, self.snapshot, self.filter, self.now_s = number, snapshot, filter_, now_s
        self.mask, self.order, self.counts, self.arrivals, self.trend = mask, order, counts, arrivals, trend
        self.under_way, self._crewless, self.loaded = under_way, crewless, loaded
        self.order_by, self.mine = order_by, mine
        waiting = np.flatnonzero(crewless & (snapshot.column("priority") == 1))
        waiting = waiting[np.argsort(snapshot.column("created")[waiting], kind="stable")]
        self.hazards: Column = snapshot.column("row")[waiting]
        self.hazard_places: Positions = np.flatnonzero(np.isin(order, self.hazards))
        self._read_from = None if loaded >= Loaded.REPORTS else frozenset(read_from)
        # protects: a-city-that-is-not-read-silences-no-other
        is_known = np.isin(snapshot.column("source")[waiting], list(read_from)) | (self._read_from is None)
        self.known_hazards: Column = self.hazards[is_known]
        self.knows_hazards = self._read_from is None or bool(self._read_from)
        self.total = len(snapshot)

    @property
    def tab(self) -> str:
        """The queue's tab."""
        return self.filter.tab

    @cached_property
    def placed(self) -> Positions:
        """The positions of the queue's reports that have a place."""
        positions = np.flatnonzero(self.mask)
        return positions[self.snapshot.column("x")[positions] >= 0]

    def is_read(self, source: int) -> bool:
        """Whether all reports of the city with this number are here."""
        return self._read_from is None or source in self._read_from

    def position_of(self, row: int) -> int:
        """The index of a row in `order`, -1 when the queue does not show it."""
        found = np.flatnonzero(self.order == row)
        return int(found[0]) if len(found) else -1

    def without_crew(self, rows: Sequence[int] | Column) -> frozenset[int]:
        """Of these rows the open reports that no crew is on its way to, and at which no work has begun."""
        positions = self.snapshot.positions(rows)
        positions = positions[positions >= 0]
        return frozenset(self.snapshot.column("row")[positions[self._crewless[positions]]].tolist())

    def shows_same(self, other: View) -> bool:
        """Whether a panel that shows `other` would look the same with this View: nothing but time has changed."""
        return (
            self.snapshot is other.snapshot
            and self.filter == other.filter
            and self.loaded == other.loaded
            and self.counts == other.counts
            and self.trend == other.trend
            and np.array_equal(self.order, other.order)
            and np.array_equal(self._crewless, other._crewless)
            and self.arrivals == other.arrivals
            and np.array_equal(self.mine, other.mine)
            and self.knows_hazards is other.knows_hazards
            and np.array_equal(self.known_hazards, other.known_hazards)
        )

    def row_facts(self, rows: Sequence[int] | Column) -> list[Fact]:
        """The facts of rows that the queue is about to draw, in their order; rows that are gone are left out."""
        return self.snapshot.facts(rows)


def make_view(
    snapshot: BoardSnapshot,
    filter_: Filter,
    now_s: int,
    number: int,
    *,
    order: str | None = None,
    words: Words | None = None,
    text_rows: Column | None = None,
    me: Mapping[int, int] | None = None,
    zone: tzinfo = UTC,
    areas: Mapping[ScopedCode, Area] | None = None,
    under_way: Column = _NO_ROWS,
    with_crews: Collection[int] = (),
    loaded: Loaded = Loaded.WHOLE,
    read_from: Collection[int] = (),
    time_range: TimeRange = TimeRange.DAY,
) -> View:
    """Filter, count and order a snapshot.

    `words` maps a kind to {number: (source, code)} and is needed to filter by codes. `text_rows` are the rows whose
    texts fit `filter_.text` and `filter_.street`. `me` is the operator's number as a user at each source, by the
    source's number (<= 0 while he has none). `zone` is the city's, for hours and days. With `areas` a filter by an area
    takes those inside it too.
    `under_way` are the rows that a crew is on its way to, or at, `with_crews` the numbers of the sources of which the
    crews are known here, and `read_from` those of which all reports are here while `loaded` says that others are not.
    `order` is the filter's own unless given.
    """
    board = _Board(snapshot, now_s, me or {}, under_way, with_crews)
    kept = _fitting(board, filter_, words or {}, text_rows, areas or {})
    fits = kept.all
    open_fits = fits[board.open]
    tabs = {name: open_fits & mask for name, mask in board.tabs.items()}
    is_closed = board.counted & (snapshot.column("status") >= CLOSED_FROM)
    if not filter_.narrowed:
        is_closed &= snapshot.column("updated") >= now_s - CLOSED_LATELY_S
    closed = is_closed & fits
    if filter_.tab == "closed":
        in_tab = is_closed
        mask, shown = closed, np.flatnonzero(closed)
    else:
        in_tab = board.all_over(board.tabs.get(filter_.tab, board.tabs["open"]))
        shown = board.open[tabs.get(filter_.tab, tabs["open"])]
        mask = np.zeros(len(fits), np.bool_)
        mask[shown] = True
    chosen = order or ("newest" if filter_.tab == "closed" and filter_.order == "urgency" else filter_.order)
    rows = snapshot.column("row")[shown]
    rows = rows[in_order(_ordered(board, shown, words or {}, chosen), chosen)]
    compared = np.flatnonzero(in_tab & kept.any_service)
    counts = _counted(board, tabs, int(np.count_nonzero(closed)), open_fits, fits, shown, compared)
    created = snapshot.column("created")
    came = kept.any_time & snapshot.column("alive")  # merged ones too: what came in does not become less
    arrivals = arrivals_of(created, came, time_range, now_s, board.oldest_s, board.newest_s, zone)
    trend = trend_of(created, board.clocks(kept.any_time), time_range, arrivals, now_s, zone)
    crewless = board.all_over(board.crewless)
    mine = snapshot.column("row")[board.open[board.tabs["mine"]]]
    return View(
        number,
        snapshot,
        filter_,
        now_s,
        mask,
        rows,
        counts,
        arrivals,
        trend,
        under_way,
        crewless,
        loaded,
        chosen,
        mine,
        read_from,
    )


def is_unassigned(snapshot: BoardSnapshot, positions: Positions, *, or_taken: bool = False) -> Bools:
    """Which reports wait for an operator: not decided, no unit on them, and (unless `or_taken`) held by nobody."""
    status, claim, lead = (snapshot.column(name)[positions] for name in ("status", "claim", "lead_unit"))
    return _unassigned(status, np.zeros_like(claim) if or_taken else claim, lead)


def _unassigned(status: Column, claim: Column, lead: Column) -> Bools:
    undecided: Bools = np.zeros(len(status), np.bool_)
    for index in _UNDECIDED:
        undecided |= status == index
    undecided &= (claim == 0) & (lead == 0)
    return undecided


class _Board:
    """The parts of a snapshot that every View asks for, at one time; columns of the open reports only."""

    def __init__(
        self, snapshot: BoardSnapshot, now_s: int, me: Mapping[int, int], under_way: Column, with_crews: Collection[int]
    ) -> None:
        self.snapshot, self.now_s = snapshot, now_s
        column = snapshot.column
        self.counted: Bools = column("alive") & (column("merged") == 0)
        self.open: Positions = np.flatnonzero(self.counted & (column("status") < CLOSED_FROM))
        self.status, self.priority = column("status")[self.open], column("priority")[self.open]
        self.claim, self.lead = column("claim")[self.open], column("lead_unit")[self.open]
        self.due, self.due_state = column("due")[self.open], column("due_state")[self.open]
        self.unassigned: Bools = _unassigned(self.status, self.claim, self.lead)
        begun = (self.status == _PROGRESS) & np.isin(column("source")[self.open], list(with_crews))
        waits = _is_any(self.status, _NOBODY_THERE) | begun
        self.crewless: Bools = waits & ~_of_rows(snapshot, under_way)[self.open]
        self.tabs: dict[str, Bools] = {
            "open": np.ones(len(self.open), np.bool_),
            "unassigned": self.unassigned,
            "mine": self._mine(me),
            "active": (self.lead != 0) | (self.status == _PROGRESS),
            "validate": self.status == _VALIDATION,
            "held": column("hold")[self.open] != 0,
        }
        self.overdue: Bools = is_overdue(self.due, self.due_state, now_s)
        self.at_risk: Bools = is_due_within(self.due, self.due_state, now_s, RISK_S)

    def _mine(self, me: Mapping[int, int]) -> Bools:
        """Which open reports this operator holds; a user of the same name at another source is somebody else."""
        mine: Bools = self.claim == _ME_UNLISTED
        taken = np.flatnonzero(self.claim > 0)
        claim, source = self.claim[taken], self.snapshot.column("source")[self.open[taken]]
        for of_source, user in me.items():
            mine[taken] |= (source == of_source) & (claim == user)
        return mine

    @cached_property
    def newest_s(self) -> int:
        """When the newest report of all was created that is not of the future; now when there is none."""
        created = self.snapshot.column("created")
        past = created[self.snapshot.column("alive") & (created <= self.now_s)]
        return int(past.max()) if len(past) else self.now_s

    @cached_property
    def oldest_s(self) -> int:
        """When the oldest report of all was created; now when there is none."""
        created = self.snapshot.column("created")[self.snapshot.column("alive")]
        return int(created.min()) if len(created) else self.now_s

    def all_over(self, of_open: Bools) -> Bools:
        """A mask of open reports as a mask of all."""
        mask = np.zeros(len(self.counted), np.bool_)
        mask[self.open[of_open]] = True
        return mask

    def clocks(self, fits: Bools) -> Clocks:
        """The SLA clocks of the reports in `fits` that count."""
        state, counts = self.snapshot.column("due_state"), fits & self.counted
        missed = counts & ((state == DUE_BREACHED) | self.all_over(self.overdue))
        return Clocks(counts & (state != DUE_NONE), missed | (counts & (state == DUE_MET)), missed)


class _Fitting(NamedTuple):
    """Which reports fit the filter, whatever the tab: by all of it, without creation times, without categories."""

    all: Bools
    any_time: Bools
    any_service: Bools


def _fitting(
    board: _Board, filter_: Filter, words: Words, text_rows: Column | None, areas: Mapping[ScopedCode, Area]
) -> _Fitting:
    column = board.snapshot.column
    fits: Bools = np.ones(len(board.counted), np.bool_)
    for name, kind, codes in (
        ("area", "area", filter_.areas),
        ("agency", "agency", filter_.agencies),
        ("lead_unit", "unit", filter_.units),
        ("claim", "user", filter_.holders),
    ):
        if codes:
            parts = areas if kind == "area" else {}
            fits &= _is_any(column(name), _numbers(codes, words.get(kind, {}), parts))
    if filter_.statuses:
        fits &= _is_any(column("status"), [ORDER.index(Status(word)) for word in filter_.statuses])
    if filter_.priorities:
        fits &= _is_any(column("priority"), filter_.priorities)
    for wanted, of_open in (
        (filter_.mine, board.tabs["mine"]),
        (filter_.overdue, board.overdue),
        (filter_.at_risk, board.at_risk),
        (filter_.crewless, board.crewless),
    ):
        if wanted:
            fits &= board.all_over(of_open)
    if filter_.pending:
        fits &= column("pending") != 0
    if filter_.moderation:
        fits &= column("moderation") != 0
    if filter_.placeless:
        fits &= column("x") < 0
    if filter_.bbox is not None:
        fits &= _in_degrees(board.snapshot, filter_.bbox)
    if filter_.polygon:
        fits &= _in_polygon(board.snapshot, filter_.polygon)
    if filter_.circle is not None:
        fits &= _in_circle(board.snapshot, filter_.circle)
    if filter_.text or filter_.street:
        fits &= _of_rows(board.snapshot, np.zeros(0, np.int64) if text_rows is None else text_rows)
    in_time = _created_in_time(board, filter_, fits)
    if not filter_.services:
        return _Fitting(in_time, fits, in_time)
    named = _is_any(column("service"), _numbers(filter_.services, words.get("service", {}), {}))
    return _Fitting(in_time & named, fits & named, in_time)


def _created_in_time(board: _Board, filter_: Filter, fits: Bools) -> Bools:
    now_s, least, end = board.now_s, [], []
    if filter_.older_s is not None:
        end.append(now_s - filter_.older_s)
    if filter_.younger_s is not None:
        least.append(now_s - filter_.younger_s)
    if filter_.created_after is not None:
        least.append(filter_.created_after)
    if filter_.created_before is not None:
        end.append(filter_.created_before)
    if filter_.hour is not None:
        least.append(filter_.hour)
        end.append(filter_.hour + 3600)
    created = board.snapshot.column("created")
    if least:
        fits = fits & (created >= max(least))
    if end:
        fits = fits & (created < min(end))
    return fits


def _numbers(codes: Iterable[str], table: Mapping[int, ScopedCode], areas: Mapping[ScopedCode, Area]) -> list[int]:
    """The numbers of what the codes of a filter name, and of what lies inside those of `areas`."""
    texts = frozenset(codes)
    named = texts - {NONE}
    words = _with_parts(
        {scoped_code for scoped_code in (*table.values(), *areas) if is_named(scoped_code, named)}, areas
    )
    return [0] * (NONE in texts) + [number for number, scoped_code in table.items() if number and scoped_code in words]


def _with_parts(found: set[ScopedCode], areas: Mapping[ScopedCode, Area]) -> set[ScopedCode]:
    """Areas with everything inside them, by their parents."""
    while True:
        more = {scoped_code for scoped_code, area in areas.items() if (scoped_code[0], area.parent) in found} - found
        if not more:
            return found
        found = found | more


def _is_any(column: Column, numbers: Sequence[int]) -> Bools:
    if len(numbers) <= 8:
        mask: Bools = np.zeros(len(column), np.bool_)
        for number in numbers:
            mask |= column == number
        return mask
    return np.isin(column, np.array(numbers, column.dtype))


def _of_rows(snapshot: BoardSnapshot, rows: Column) -> Bools:
    mask = np.zeros(len(snapshot.column("row")), np.bool_)
    positions = snapshot.positions(rows)
    mask[positions[positions >= 0]] = True
    return mask


def _in_degrees(snapshot: BoardSnapshot, box: tuple[float, float, float, float]) -> Bools:
    west, south, east, north = (round(edge * 1e7) for edge in box)
    lat, lon = snapshot.column("lat_e7").astype(np.int64), snapshot.column("lon_e7").astype(np.int64)
    return (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east) & (snapshot.column("x") >= 0)


def _in_polygon(snapshot: BoardSnapshot, corners: Sequence[tuple[float, float]]) -> Bools:
    """Even-odd rule with straight edges in degrees."""
    lats, lons = [lat for lat, _ in corners], [lon for _, lon in corners]
    mask = _in_degrees(snapshot, (min(lons), min(lats), max(lons), max(lats)))
    near = np.flatnonzero(mask)
    lat, lon = snapshot.column("lat_e7")[near] / 1e7, snapshot.column("lon_e7")[near] / 1e7
    inside = np.zeros(len(near), np.bool_)
    for (lat1, lon1), (lat2, lon2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if lat1 != lat2:
            crossed = (lat1 > lat) != (lat2 > lat)
            inside ^= crossed & (lon < lon1 + (lat - lat1) * (lon2 - lon1) / (lat2 - lat1))
    mask[near] = inside
    return mask


def _in_circle(snapshot: BoardSnapshot, circle: Circle) -> Bools:
    """Those around a place; none around one that was not found."""
    if circle.place is None:
        return np.zeros(len(snapshot.column("row")), np.bool_)
    mask = _in_degrees(snapshot, box_around(*circle.place, circle.radius_m))
    near = np.flatnonzero(mask)
    lat, lon = snapshot.column("lat_e7")[near] / 1e7, snapshot.column("lon_e7")[near] / 1e7
    mask[near] = distances_m(*circle.place, lat, lon) <= circle.radius_m
    return mask


def _ordered(board: _Board, shown: Positions, words: Words, order: str) -> Ordered:
    column = board.snapshot.column
    state = {"burns": board.crewless & (board.priority == 1), "validation": board.status == _VALIDATION}
    if np.array_equal(shown, board.open):
        of_shown = state
        due, due_state, priority = board.due, board.due_state, board.priority
    else:
        of_shown = {name: board.all_over(mask)[shown] for name, mask in state.items()}
        due, due_state, priority = column("due")[shown], column("due_state")[shown], column("priority")[shown]
    ranks = _area_ranks(words.get("area", {}))[column("area")[shown]] if order == "area" else None
    return Ordered(
        row=column("row")[shown],
        priority=priority,
        created=column("created")[shown],
        due=due,
        due_state=due_state,
        burns=of_shown["burns"],
        validation=of_shown["validation"],
        area_rank=ranks,
    )


def _area_ranks(table: Mapping[int, ScopedCode]) -> NDArray[np.int32]:
    """The place of each area number among the codes in order, source by source; those without an area come last."""
    ranks = np.full(max(table, default=0) + 1, len(table) + 1, np.int32)
    codes = sorted((scoped_code, number) for number, scoped_code in table.items() if number)
    for rank, (_, number) in enumerate(codes):
        ranks[number] = rank
    return ranks


def _counted(
    board: _Board,
    tabs: Mapping[str, Bools],
    closed: int,
    open_fits: Bools,
    fits: Bools,
    shown: Positions,
    compared: Positions,
) -> Counts:
    column = board.snapshot.column
    created = column("created")[board.open]
    unassigned = {}
    for priority in (1, 2, 3, 4):
        waiting = created[board.unassigned & (board.priority == priority)]
        unassigned[priority] = (len(waiting), int(waiting.min()) if len(waiting) else 0)
    hazards = created[board.crewless & (board.priority == 1)]
    fitting, overdue = board.open[open_fits], board.overdue[open_fits]
    late = board.all_over(board.overdue)
    statuses = column("status")[board.counted & fits]
    return Counts(
        tabs={name: int(np.count_nonzero(mask)) for name, mask in tabs.items()} | {"closed": closed},
        unassigned=unassigned,
        crewless_hazards=(len(hazards), int(hazards.min()) if len(hazards) else 0),
        at_risk=int(np.count_nonzero(board.at_risk)),
        overdue=int(np.count_nonzero(board.overdue)),
        all_open=len(board.open),
        all_closed=int(np.count_nonzero(board.counted)) - len(board.open),
        by_service=tuple(ServiceCount(*one) for one in open_and_overdue(column("service")[compared], late[compared])),
        by_area=tuple(AreaCount(*one) for one in open_and_overdue(column("area")[fitting], overdue)),
        by_status=tuple(np.bincount(statuses, minlength=len(ORDER)).tolist()),
        placeless=int(np.count_nonzero(column("x")[shown] < 0)),
        total=len(shown),
        total_overdue=int(np.count_nonzero(late[shown])),
    )
