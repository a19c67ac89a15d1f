"""The columns of every cached report as shown at one moment: immutable, and cheap to make the next one from."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from console.board.zorder import MercatorBox, Positions, ZOrder
from console.rules.distance import box_around
from console.rules.place import NO_PLACE, distances_m, mercator, mercator_point
from console.rules.status import ORDER, is_open

__all__ = [
    "CLOSED_FROM",
    "COLUMNS",
    "DUE_BREACHED",
    "DUE_MET",
    "DUE_NONE",
    "DUE_PAUSED",
    "DUE_RUNNING",
    "NO_PLACE",
    "BoardSnapshot",
    "Column",
    "Fact",
    "are_open",
]

Column = NDArray[Any]

COLUMNS: dict[str, type[np.generic]] = {
    "row": np.int64,
    "source": np.int16,
    "lat_e7": np.int32,
    "lon_e7": np.int32,
    "service": np.int16,
    "status": np.int8,
    "hold": np.int8,
    "priority": np.int8,
    "area": np.int32,
    "agency": np.int16,
    "lead_unit": np.int32,
    "claim": np.int16,
    "created": np.int64,
    "updated": np.int64,
    "due": np.int64,
    "due_state": np.int8,
    "photos": np.int8,
    "duplicates": np.int16,
    "merged": np.int8,
    "pending": np.int8,
    "hold_until": np.int64,
    "moderation": np.int8,
}
"""Every column and its type. `row` is the local row of cache.db, words are numbers of its table (0 none), times are
unix seconds (`due` 0 none; of a paused clock when it will be due if its hold ends at `hold_until`, 0 an open end),
`status` is an index of `console.rules.status.ORDER`, `hold` one of WaitsFor + 1, `moderation` 1 where words and
photos wait for an official."""

DUE_NONE, DUE_RUNNING, DUE_PAUSED, DUE_MET, DUE_BREACHED = range(5)
CLOSED_FROM = sum(is_open(status) for status in ORDER)
"""Statuses from this index on are closed; the open ones come first in ORDER."""
if any(is_open(status) != (index < CLOSED_FROM) for index, status in enumerate(ORDER)):
    raise RuntimeError("the board needs the open statuses first in console.rules.status.ORDER")

_ROUTINE, _LEAST = 3, 4
_SPARE_AT_LEAST = 1024


class Fact(msgspec.Struct, frozen=True):
    """One report's columns as plain numbers."""

    row: int
    source: int
    lat_e7: int
    lon_e7: int
    service: int
    status: int
    hold: int
    priority: int
    area: int
    agency: int
    lead_unit: int
    claim: int
    created: int
    updated: int
    due: int
    due_state: int
    photos: int
    duplicates: int
    merged: int
    pending: int
    hold_until: int
    moderation: int


class _Spare:
    """Which part of shared arrays is taken: of several snapshots that share them, one may append behind the end
    of all.
    """

    def __init__(self, used: int) -> None:
        self._used = used
        self._lock = threading.Lock()

    def claim(self, end: int, more: int) -> bool:
        """Whether the caller, whose snapshot ends at `end`, may write the next `more` places."""
        with self._lock:
            if self._used != end:
                return False
            self._used = end + more
            return True


class BoardSnapshot:
    """All reports at one moment. A report keeps its position from one snapshot to the next.

    Arrays are shared between snapshots and never changed below `len(snapshot.column(...))`; what a snapshot adds stands
    behind the end of the older ones. Nothing here may be written to.
    """

    def __init__(
        self, arrays: dict[str, Column], count: int, position_of: NDArray[np.int32], order: ZOrder, spare: _Spare
    ) -> None:
        self._arrays, self._count, self._position_of = arrays, count, position_of
        self._order, self._spare = order, spare
        self._reports = int(np.count_nonzero(arrays["alive"][:count]))

    @classmethod
    def build(cls, columns: Mapping[str, Column]) -> BoardSnapshot:
        """A snapshot of the columns of COLUMNS (`pending` may be missing), of equal length, each row once."""
        given = _complete(columns, None)
        count = len(given["row"])
        given["in_tail"] = np.zeros(count, np.int8)
        given["alive"] = np.ones(count, np.bool_)
        arrays = {name: _grown(column, count, _capacity(count)) for name, column in given.items()}
        rows = given["row"]
        position_of = np.full(_capacity(int(rows.max()) + 1 if count else 0), -1, np.int32)
        position_of[rows] = np.arange(count, dtype=np.int32)
        return cls(arrays, count, position_of, ZOrder.build(given["x"], given["y"]), _Spare(count))

    def with_rows(
        self, columns: Mapping[str, Column], removed: Iterable[int] = (), pending: Column | None = None
    ) -> BoardSnapshot:
        """The next snapshot: `columns` of the new and changed reports, without the rows in `removed`.

        `pending` (1 for reports with own edits waiting, in the order of `columns`) is 0 where it is not given.
        """
        given = _complete(columns, pending)
        given["alive"] = np.ones(len(given["row"]), np.bool_)
        known = self._raw_positions(given["row"])
        gone = self._raw_positions(np.fromiter(removed, dtype=np.int64))
        step = _SnapshotStep(self._arrays, self._count, self._spare, int(np.count_nonzero(known < 0)))
        step.write(known, given)
        if len(gone):
            step.own("alive")[gone[gone >= 0]] = False
        position_of = self._position_of
        if step.apart:
            position_of = np.where(position_of < self._count, position_of, np.int32(-1))
        if step.added:
            position_of = _numbered(position_of, given["row"][known < 0], self._count)
        order = self._order
        if len(step.moved):
            step.arrays["in_tail"][step.moved] = 1
            order = order.with_tail(step.moved.astype(np.int32))
            if order.tail_is_large:
                order = order.merged(step.arrays["x"], step.arrays["y"], step.arrays["in_tail"])
                step.arrays["in_tail"] = np.zeros(len(step.arrays["in_tail"]), np.int8)
        return BoardSnapshot(step.arrays, step.count, position_of, order, step.spare)

    def at(self, now_s: int) -> BoardSnapshot:
        """The snapshot at a time: this one, or a new one in which holds that have ended hold nothing and pause no
        clock.

        `hold_until` stays, as the report was held until then.
        """
        # protects: a-hold-ends-here-too
        over = np.flatnonzero((self.column("hold") != 0) & (self.column("hold_until") <= now_s))
        over = over[self.column("hold_until")[over] != 0]
        if not len(over):
            return self
        arrays = dict(self._arrays)
        for name in ("hold", "due_state"):
            arrays[name] = _grown(self._arrays[name], self._count, len(self._arrays[name]))
        arrays["hold"][over] = 0
        paused = over[(arrays["due_state"][over] == DUE_PAUSED) & (arrays["due"][over] != 0)]
        arrays["due_state"][paused] = DUE_RUNNING
        return BoardSnapshot(arrays, self._count, self._position_of, self._order, self._spare)

    def ended_after(self, now_s: int) -> Column:
        """The rows whose holds `at` took as ended and that have not ended at this time, as the clock was set back."""
        rows: Column = self.column("row")[(self.column("hold") == 0) & (self.column("hold_until") > now_s)]
        return rows

    def __len__(self) -> int:
        """How many reports there are."""
        return self._reports

    def column(self, name: str) -> Column:
        """One column by position; also `x`, `y` (Web Mercator, -1 none) and `alive`. Not to be written to."""
        return self._arrays[name][: self._count]

    def positions(self, rows: Sequence[int] | Column) -> Positions:
        """The positions of rows, -1 for those that are not here."""
        found = self._raw_positions(np.asarray(rows, dtype=np.int64))
        here = found >= 0
        here[here] = self._arrays["alive"][found[here]]
        return np.where(here, found, -1)

    def facts(self, rows: Sequence[int] | Column) -> list[Fact]:
        """The facts of the given rows, in their order; rows that are not here are left out. For a screenful."""
        positions = self.positions(rows)
        positions = positions[positions >= 0]
        columns = [self._arrays[name][positions].tolist() for name in Fact.__struct_fields__]
        return [Fact(*values) for values in zip(*columns, strict=True)]

    def in_box(self, box: MercatorBox, among: Positions, mask: NDArray[np.bool_]) -> Positions:
        """The positions of `mask` inside a Web Mercator box; `among` are those of `mask` that have a place."""
        ranges = self._order.slices(box)
        candidates = sum(end - begin for begin, end in ranges) + len(self._order.tail)
        if candidates * 2 < len(among):
            near = self._order.candidates(ranges, self.column("in_tail"))
            near = near[mask[near]]
        else:
            near = among
        west, north, east, south = box
        x, y = self._arrays["x"][near], self._arrays["y"][near]
        return near[(x >= west) & (x <= east) & (y >= north) & (y <= south)]

    def around(self, lat: float, lon: float, radius_m: float) -> tuple[Positions, NDArray[np.float64]]:
        """Positions of the reports within a radius, and their distances in metres; nearest first."""
        west, south, east, north = box_around(lat, lon, radius_m)
        left, top = mercator_point(north, west)
        right, bottom = mercator_point(south, east)
        near = self._order.candidates(self._order.slices((left, top, right, bottom)), self.column("in_tail"))
        near = near[self._arrays["alive"][near] & (self._arrays["x"][near] >= 0)]
        away = distances_m(lat, lon, self._arrays["lat_e7"][near] / 1e7, self._arrays["lon_e7"][near] / 1e7)
        inside = away <= radius_m
        near, away = near[inside], away[inside]
        order = np.argsort(away, kind="stable")
        return near[order], away[order]

    def _raw_positions(self, rows: NDArray[np.int64]) -> Positions:
        """Positions of rows, also of those that were removed and may come back; -1 for unknown ones."""
        inside = (rows >= 0) & (rows < len(self._position_of))
        found = np.full(len(rows), -1, np.int64)
        found[inside] = self._position_of[rows[inside]]
        found[found >= self._count] = -1
        return found


class _SnapshotStep:
    """The arrays of the next snapshot while it is made: those of the last one until a value in them changes."""

    def __init__(self, arrays: Mapping[str, Column], before: int, spare: _Spare, added: int) -> None:
        self.arrays = dict(arrays)
        self.spare, self.added, self.count = spare, added, before + added
        self.moved: Positions = np.zeros(0, np.int64)
        self.apart = False
        """Whether every array was copied, because the spare places are too few or another snapshot has them."""
        self._before = before
        self._own: set[str] = set()
        capacity = len(self.arrays["row"])
        if added and (self.count > capacity or not spare.claim(before, added)):
            self.apart, self.spare = True, _Spare(self.count)
            capacity = max(capacity, _capacity(self.count))
            self.arrays = {name: _grown(array, before, capacity) for name, array in self.arrays.items()}
            self._own = set(self.arrays)

    def own(self, name: str) -> Column:
        """An array that may be written to anywhere."""
        if name not in self._own:
            self._own.add(name)
            self.arrays[name] = _grown(self.arrays[name], self.count, len(self.arrays[name]))
        return self.arrays[name]

    def write(self, known: Positions, given: Mapping[str, Column]) -> None:
        """Write the values of reports at their `known` positions, new ones (-1) at the end; note who moved."""
        old, new = np.flatnonzero(known >= 0), np.flatnonzero(known < 0)
        at = known[old]
        x, y = self.arrays["x"], self.arrays["y"]
        moved = at[(x[at] != given["x"][old]) | (y[at] != given["y"][old])]
        moved = moved[self.arrays["in_tail"][moved] == 0]
        for name, values in given.items():
            if len(old) and not np.array_equal(self.arrays[name][at], values[old]):
                self.own(name)[at] = values[old]
            self.arrays[name][self._before : self.count] = values[new]
        self.arrays["in_tail"][self._before : self.count] = 0
        if len(moved):
            self.own("in_tail")
        self.moved = np.concatenate([moved, np.arange(self._before, self.count)])


def _numbered(position_of: NDArray[np.int32], rows: NDArray[np.int64], first: int) -> NDArray[np.int32]:
    """Note the positions of added rows; older snapshots share the array and take what is past their end as absent."""
    if int(rows.max()) >= len(position_of):
        longer = np.full(_capacity(int(rows.max()) + 1), -1, np.int32)
        longer[: len(position_of)] = position_of
        position_of = longer
    position_of[rows] = np.arange(first, first + len(rows), dtype=np.int32)
    return position_of


def _complete(columns: Mapping[str, Column], pending: Column | None) -> dict[str, Column]:
    """All columns in their types, with the derived places, and values that mean the same for everyone."""
    count = len(columns["row"])
    given: dict[str, Column] = {
        name: np.asarray(columns[name], dtype=kind) for name, kind in COLUMNS.items() if name != "pending"
    }
    if pending is None:
        pending = columns.get("pending", np.zeros(count, np.int8))
    given["pending"] = np.asarray(pending, dtype=np.int8)
    priority = given["priority"]
    if count and (priority.min() < 1 or priority.max() > _LEAST):
        given["priority"] = np.where(priority < 1, _ROUTINE, np.minimum(priority, _LEAST)).astype(np.int8)
    placed = np.flatnonzero((given["lat_e7"] != NO_PLACE) & (given["lon_e7"] != NO_PLACE))
    if len(placed) < count:
        given["lat_e7"], given["lon_e7"] = _only_at(placed, given["lat_e7"]), _only_at(placed, given["lon_e7"])
    x, y = np.full(count, -1, np.int32), np.full(count, -1, np.int32)
    x[placed], y[placed] = mercator(given["lat_e7"][placed] / 1e7, given["lon_e7"][placed] / 1e7)
    given["x"], given["y"] = x, y
    return given


def are_open(snapshot: BoardSnapshot) -> NDArray[np.bool_]:
    """Which of the reports are open: those that are gone, or were merged into another one, are not."""
    column = snapshot.column
    found: NDArray[np.bool_] = column("alive") & (column("merged") == 0) & (column("status") < CLOSED_FROM)
    return found


def _only_at(placed: Positions, column: Column) -> Column:
    only = np.full(len(column), NO_PLACE, np.int32)
    only[placed] = column[placed]
    return only


def _capacity(count: int) -> int:
    return count + max(_SPARE_AT_LEAST, count // 16)


def _grown(array: Column, count: int, capacity: int) -> Column:
    grown: Column = np.empty(capacity, array.dtype)
    grown[:count] = array[:count]
    return grown
