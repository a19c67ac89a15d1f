"""Keep the board true: cache changes and own pending edits become a new snapshot, and that a new View, on a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any

import msgspec
import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from console.board.snapshot import NO_PLACE, Snapshot
from console.board.view import View, make_view
from console.domain.edit import PENDING, Edit, EditState, Kind, Queued
from console.domain.filter import Filter
from console.domain.messages import Touched
from console.domain.overlay import apply_edits, created_report
from console.domain.report import Report, WaitsFor
from console.domain.status import ORDER
from console.presenters.catalog import KINDS, Catalog, read_catalog
from console.presenters.desk import Desk
from console.store.cache_read import CacheReader
from console.store.items import FIRST_ROW
from console.tasks import Tasks

LOCAL_ROWS = FIRST_ROW
"""Cache rows begin here; the numbers below belong to reports that were created here and are not at the server yet."""

_LEAST_GAP_MS = 50
_SMALL, _TICK_SMALL_MS, _TICK_LARGE_MS = 100_000, 1000, 5000


class _Job(msgspec.Struct, frozen=True):
    """What one round on a worker needs."""

    snapshot: Snapshot | None
    rows: tuple[int, ...]
    removed: tuple[int, ...]
    edits: dict[tuple[str, str], tuple[Edit, ...]]
    local_rows: dict[str, int]
    remote: dict[str, str]
    catalog: Catalog | None
    filter: Filter
    zone: tzinfo
    number: int
    me: str


class _Result(msgspec.Struct, frozen=True):
    snapshot: Snapshot
    catalog: Catalog
    view: View
    overlaid: frozenset[int]
    arrived: dict[str, int]
    """Reports created here that the cache holds now: local key -> row."""


class BoardFeed(QObject):
    """Turns `Touched` messages and outbox changes into Views; at most 20 times a second, one at a time."""

    failed = Signal(object)
    arrived = Signal(int, int)
    """A report created here has come back from the server: its local row and its row in the cache."""
    ready = Signal()
    """The first View is there."""

    def __init__(
        self,
        desk: Desk,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        now_s: Callable[[], float],
        remote_of: Callable[[str], str | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._tasks, self._reader, self._now_s = desk, tasks, reader, now_s
        self._remote_of = remote_of
        self._snapshot: Snapshot | None = None
        self._catalog: Catalog | None = None
        self._rows: set[int] = set()
        self._overlaid: frozenset[int] = frozenset()
        self._edits: dict[tuple[str, str], tuple[Edit, ...]] = {}
        self._local_rows: dict[str, int] = {}
        self._number = 0
        self._running = self._wanted = False
        self._gap = QTimer(self, singleShot=True, interval=_LEAST_GAP_MS)
        self._gap.timeout.connect(self._run)
        self._tick = QTimer(self, interval=_TICK_SMALL_MS)
        self._tick.timeout.connect(self.refresh)
        desk.filter_changed.connect(lambda _: self.refresh())

    def start(self) -> None:
        """Read everything once, then follow."""
        self._tick.start()
        self.refresh()

    def refresh(self) -> None:
        """Ask for a new View soon."""
        self._wanted = True
        if not self._running and not self._gap.isActive():
            self._gap.start()

    def on_touched(self, touched: Touched) -> None:
        """The cache changed."""
        if touched.everything:
            self._snapshot, self._catalog = None, None
            self._rows.clear()
            self._desk.rows_touched.emit(None)
        else:
            self._rows.update(touched.rows)
            if KINDS & set(touched.kinds):
                self._catalog = None
            self._desk.rows_touched.emit(frozenset(touched.rows))
        self.refresh()

    def on_outbox(self, outbox: Sequence[Queued]) -> None:
        """The operator's own edits changed."""
        edits: dict[tuple[str, str], list[Edit]] = {}
        for queued in outbox:
            edit = queued.edit
            shown = queued.state in PENDING or (edit.kind is Kind.CREATE and queued.state is EditState.ATTENTION)
            if shown and edit.report is not None:
                edits.setdefault((edit.source, edit.report), []).append(edit)
                known = edit.report in self._local_rows or self._remote_of(edit.report) is not None
                if edit.kind is Kind.CREATE and not known:
                    self._local_rows[edit.report] = self._free_local_row()
        self._edits = {key: tuple(sorted(found, key=lambda edit: edit.number)) for key, found in edits.items()}
        self.refresh()

    def local_report(self, row: int) -> tuple[str, str] | None:
        """(source, local key) of a report created here that has no row in the cache yet."""
        for key, local in self._local_rows.items():
            if local == row:
                return next((found for found in self._edits if found[1] == key), None)
        return None

    @property
    def _local_keys(self) -> list[str]:
        return [key for _, key in self._edits if key.startswith("local:")]

    def edits_of(self, source: str, report: str) -> tuple[Edit, ...]:
        """The operator's own pending edits of one report, by its key here or at the server."""
        local = next((key for key in self._local_keys if self._remote_of(key) == report), None)
        under_local = self._edits.get((source, local), ()) if local else ()
        return (*under_local, *self._edits.get((source, report), ()))

    def _free_local_row(self) -> int:
        used = set(self._local_rows.values())
        return next(row for row in range(1, LOCAL_ROWS) if row not in used)

    def _run(self) -> None:
        if not self._wanted or self._running:
            return
        self._wanted, self._running = False, True
        self._number += 1
        job = _Job(
            snapshot=self._snapshot,
            rows=tuple(self._rows | self._overlaid),
            removed=(),
            edits=self._edits,
            local_rows=dict(self._local_rows),
            remote={key: remote for key in self._local_rows if (remote := self._remote_of(key)) is not None},
            catalog=self._catalog,
            filter=self._desk.filter,
            zone=self._desk.zone,
            number=self._number,
            me=self._desk.me,
        )
        self._rows.clear()
        reader, now_s = self._reader, int(self._now_s())
        started = time.monotonic()
        self._tasks.submit(lambda: _round(job, reader(), now_s), lambda result: self._done(result, started), self._lost)

    def _done(self, result: _Result, started: float) -> None:
        self._running = False
        first = self._desk.view is None
        new_catalog = self._desk.catalog is not result.catalog
        changed = self._overlaid | result.overlaid
        self._snapshot, self._catalog, self._overlaid = result.snapshot, result.catalog, result.overlaid
        self._tick.setInterval(_TICK_SMALL_MS if len(result.snapshot) <= _SMALL else _TICK_LARGE_MS)
        if new_catalog:
            self._desk.set_catalog(result.catalog)
        if changed:
            self._desk.rows_touched.emit(changed)
        self._desk.set_view(result.view)
        for key, row in result.arrived.items():
            local = self._local_rows.pop(key, 0)
            if local:
                self.arrived.emit(local, row)
        if first:
            self.ready.emit()
        if self._wanted or self._rows:
            self._gap.start()

    def _lost(self, error: Exception) -> None:
        self._running = False
        self._snapshot, self._catalog = None, None
        self.failed.emit(error)
        self._wanted = True
        self._gap.start(1000)


def _round(job: _Job, reader: CacheReader, now_s: int) -> _Result:
    catalog = job.catalog or read_catalog(reader)
    rows = set(job.rows)
    patches: dict[int, Report] = {}
    sent: dict[int, str] = {}
    sources: dict[int, str] = {}
    arrived = _arrived(job, reader)
    for (source, key), edits in job.edits.items():
        row = arrived.get(key) or reader.row_of(source, key)
        if row is not None:
            cached = reader.report(row)
            if cached is None:
                continue
            later = [edit for edit in edits if edit.kind is not Kind.CREATE]
            if not later:
                continue
            patches[row] = apply_edits(
                cached.report, later, now=later[-1].occurred_at, assignments=reader.assignments(row)
            )
        elif key in job.local_rows and edits[0].kind is Kind.CREATE:
            row = job.local_rows[key]
            patches[row] = apply_edits(created_report(edits[0]), edits[1:], now=edits[-1].occurred_at)
        else:
            continue
        sources[row] = source
        rows.add(row)
        orders = [edit.data["unit"] for edit in edits if edit.kind in (Kind.DISPATCH, Kind.ASSIGN)]
        if orders:
            sent[row] = orders[-1]
    gone = [row for row in job.local_rows.values() if row not in patches]
    if job.snapshot is None:
        snapshot = Snapshot.build(reader.columns())
        rows = set(patches)
    else:
        snapshot = job.snapshot
    if rows or gone:
        columns = _columns(reader, sorted(rows), patches, sources, catalog)
        removed = tuple(sorted((rows | set(gone)) - set(columns["row"].tolist())))
        for index, row in enumerate(columns["row"].tolist()):
            if row in sent:
                columns["lead_unit"][index] = catalog.numbers.get("unit", {}).get(sent[row], 0)
        pending = np.isin(columns["row"], np.fromiter(patches, dtype=np.int64, count=len(patches))).astype(np.int8)
        snapshot = snapshot.with_rows(columns, removed=removed, pending=pending)
    text_rows = reader.matching(job.filter.text) if job.filter.text else None
    me = catalog.numbers.get("user", {}).get(job.me, -1)
    view = make_view(
        snapshot,
        job.filter,
        now_s,
        job.number,
        words=catalog.words,
        text_rows=text_rows,
        me=me,
        zone=job.zone,
        areas=catalog.areas,
    )
    return _Result(snapshot, catalog, view, frozenset(patches), arrived)


def _arrived(job: _Job, reader: CacheReader) -> dict[str, int]:
    """Which reports created here are in the cache, by the server's answer or by the cache's own record of the edit."""
    found = {}
    for (source, key), edits in job.edits.items():
        if key not in job.local_rows and key not in job.remote:
            continue
        remote = job.remote.get(key) or next(
            (reader.report_of_edit(edit.id) for edit in edits if edit.kind is Kind.CREATE), None
        )
        row = reader.row_of(source, remote) if remote else None
        if row is not None:
            found[key] = row
    return found


def _columns(
    reader: CacheReader, rows: Sequence[int], patches: dict[int, Report], sources: dict[int, str], catalog: Catalog
) -> dict[str, np.ndarray]:
    """The cache's columns of `rows`, with the shown state of the patched ones written over them."""
    columns = {
        name: column.copy() for name, column in reader.columns([row for row in rows if row >= LOCAL_ROWS]).items()
    }
    at = {row: index for index, row in enumerate(columns["row"].tolist())}
    for row in (row for row in patches if row not in at):
        for name, column in columns.items():
            columns[name] = np.append(column, np.zeros(1, column.dtype))
        at[row] = len(columns["row"]) - 1
        columns["row"][at[row]] = row
        columns["source"][at[row]] = catalog.numbers.get("source", {}).get(sources[row], 0)
    for row, report in patches.items():
        for name, value in _values(report, catalog).items():
            columns[name][at[row]] = value
    return columns


def _values(report: Report, catalog: Catalog) -> dict[str, Any]:
    """What the operator's edits can change of a row, as column values."""
    numbers = catalog.numbers
    waits = tuple(WaitsFor)
    placed = report.lat is not None and report.lon is not None
    user = report.claim.who if report.claim else ""
    return {
        "status": ORDER.index(report.status),
        "priority": report.priority,
        "hold": waits.index(report.hold.waits_for) + 1 if report.hold else 0,
        "service": numbers.get("service", {}).get(report.service or "", 0),
        "area": numbers.get("area", {}).get(report.area or "", 0),
        "agency": numbers.get("agency", {}).get(report.agency or "", 0),
        "claim": numbers.get("user", {}).get(user, _unlisted(user)),
        "lat_e7": round(report.lat * 1e7) if placed and report.lat is not None else NO_PLACE,
        "lon_e7": round(report.lon * 1e7) if placed and report.lon is not None else NO_PLACE,
        "created": int(report.created.timestamp()),
        "updated": int(report.updated.timestamp()),
        "photos": len(report.photos),
        "merged": int(report.merged_into is not None),
    }


def _unlisted(user: str) -> int:
    """A claim by somebody the cache has no number for yet (this operator, before his first edit came back)."""
    return -1 if user else 0
