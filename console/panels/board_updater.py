"""Keep the board up to date: cache changes and own pending edits become a new snapshot and View, on a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from api_client.model import Kind
from console.board.round import LOCAL_ROWS, Patch, Played, Round, is_shown, play
from console.board.snapshot import BoardSnapshot
from console.cache.catalog import KINDS, Cities
from console.cache.reader import CacheReader
from console.panels.window_state import WindowState
from console.rules.edit import Edit, is_local
from console.rules.messages import Touched
from console.rules.queued import Queued
from console.rules.scoped_code import ScopedCode
from console.tasks import Tasks

__all__ = ["LOCAL_ROWS", "BoardUpdater"]

_LEAST_GAP_MS = 50
_SMALL, _TICK_SMALL_MS, _TICK_LARGE_MS = 100_000, 1000, 5000


class BoardUpdater(QObject):
    """Turns `Touched` messages and outbox changes into Views; at most 20 times a second, one at a time."""

    failed = Signal(object)
    arrived = Signal(int, int)
    """A report created here has come back from the server: its local row and its row in the cache."""
    crowded = Signal(int)
    """How many reports created here are saved and not shown: they have no row before others have left."""
    report_created = Signal(int)
    """The row of a report that was just created here, which is about to be the chosen one and to come into the list."""
    ready = Signal()
    """The first View is there."""

    def __init__(
        self,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        now_s: Callable[[], float],
        remote_of: Callable[[str], str | None],
        followed: Callable[[], Sequence[str]] = tuple,
        is_anothers: Callable[[Edit], bool] = lambda _: False,
        parent: QObject | None = None,
    ) -> None:
        """`remote_of` gives the id at the server of a local key, None while it has none. `is_anothers` says which edits
        wait for another operator to sign in; when its answers change, `on_edits` is called with all edits again.
        """
        super().__init__(parent)
        self._window_state, self._tasks, self._reader, self._now_s = window_state, tasks, reader, now_s
        self._remote_of, self._followed, self._is_anothers = remote_of, followed, is_anothers
        self._snapshot: BoardSnapshot | None = None
        self._cities: Cities | None = None
        self._rows: set[int] = set()
        self._kinds: set[str] = set()
        self._from_cache = False
        self._patches: dict[tuple[str, str], Patch] = {}
        self._edits: dict[tuple[str, str], tuple[Edit, ...]] = {}
        self._local_keys: list[str] = []  # of the edits
        self._local_rows: dict[str, int] = {}
        self._local_sources: dict[str, str] = {}
        self._unshown = 0
        self._awaited: ScopedCode | None = None  # the report made here that is to be chosen
        self._chosen_before = 0
        self._number = 0
        self._running = self._wanted = self._blind = False
        self._began = 0.0
        self._gap = QTimer(self, singleShot=True)
        self._gap.timeout.connect(self._run)
        self._tick = QTimer(self, interval=_TICK_SMALL_MS)
        self._tick.timeout.connect(self.refresh)
        window_state.filter_changed.connect(lambda _: self.refresh())
        window_state.range_changed.connect(lambda _: self.refresh())
        window_state.languages_changed.connect(self._name_anew)

    def start(self) -> None:
        """Read everything once, then follow."""
        self._tick.start()
        self.refresh()

    def refresh(self) -> None:
        """Ask for a new View; the round begins at once, or 50 ms after the last one began."""
        self._wanted = True
        if not self._running and not self._gap.isActive():
            since_ms = int((time.monotonic() - self._began) * 1000)
            self._gap.start(max(0, _LEAST_GAP_MS - since_ms))

    def _name_anew(self) -> None:
        self._kinds.add("service")
        self.refresh()

    def on_touched(self, touched: Touched) -> None:
        """The sync process has committed changes to the cache: read these rows and kinds again."""
        if touched.everything:
            self._from_cache = True
            self._rows.clear()
            self._window_state.rows_touched.emit(None)
        else:
            self._rows.update(touched.rows)
            self._kinds |= KINDS & set(touched.kinds)
            self._window_state.rows_touched.emit(frozenset(touched.rows))
        self.refresh()

    def on_edits(self, changed: Mapping[tuple[str, str | None], Sequence[Queued]]) -> None:
        """The operator's own edits of some reports changed: (source, report) -> all that are not finished, in order."""
        edits = dict(self._edits)  # the one before may be under a worker's eyes
        for (source, report), outbox in changed.items():
            if report is not None:
                edits.pop((source, report), None)
                if shown := tuple(one.edit for one in outbox if is_shown(one, is_anothers=self._is_anothers(one.edit))):
                    edits[source, report] = shown
        if edits != self._edits:
            self._edits = edits
            if any(is_local(report) for _, report in changed):
                self._local_keys = [report for _, report in edits if is_local(report)]
            self._give_rows()
            self.refresh()
        elif self._awaited in changed:
            self.refresh()  # its CREATE may be proved before it was seen waiting here: its row is in the cache then

    def local_row(self, key: str) -> int:
        """The row of a report created here under this key, 0 when it has none (any more)."""
        return self._local_rows.get(key, 0)

    def choose_when_shown(self, source: str, key: str) -> None:
        """Choose a report that was just created here as soon as it has a row, unless the operator chooses another
        before.

        Its row is the local one, or the one in the cache when the server answered before the report was shown.
        """
        self._awaited, self._chosen_before = (source, key), self._window_state.row
        self._choose_made(self._local_rows)

    def _choose_made(self, rows: Mapping[str, int]) -> None:
        """Choose the awaited report if it is among `rows` (local key -> row)."""
        if self._awaited is not None and (row := rows.get(self._awaited[1])):
            self._awaited = None
            if self._window_state.row == self._chosen_before:
                self.report_created.emit(row)
                self._window_state.choose(row)

    def local_report(self, row: int) -> tuple[str, str] | None:
        """(source, local key) of a report created here that has no row in the cache yet."""
        for key, local in self._local_rows.items():
            if local == row:
                return next((found for found in self._edits if found[1] == key), None)
        return None

    @property
    def pending(self) -> Mapping[tuple[str, str], tuple[Edit, ...]]:
        """All own edits that are shown: (source, report key) -> edits, oldest first."""
        return self._edits

    def edits_of(self, source: str, report: str) -> tuple[Edit, ...]:
        """The operator's own pending edits of one report, by its key here or at the server."""
        local = next((key for key in self._local_keys if self._remote_of(key) == report), None)
        under_local = self._edits.get((source, local), ()) if local else ()
        return (*under_local, *self._edits.get((source, report), ()))

    def _give_rows(self) -> None:
        """Give local rows to reports that were created here; there are only LOCAL_ROWS of them
        (docs/decisions/0003).
        """
        if not self._local_keys and not self._unshown:
            return
        used = set(self._local_rows.values())
        free = iter([row for row in range(1, LOCAL_ROWS) if row not in used])
        unshown = 0
        for (source, key), edits in self._edits.items():
            known = key in self._local_rows or self._remote_of(key) is not None
            if edits[0].kind is not Kind.CREATE or known:
                continue
            row = next(free, None)
            if row is None:
                unshown += 1
            else:
                self._local_rows[key] = row
                self._local_sources[key] = source
        if unshown != self._unshown:
            self._unshown = unshown
            self.crowded.emit(unshown)
        self._choose_made(self._local_rows)

    def _run(self) -> None:
        if not self._wanted or self._running:
            return
        self._wanted, self._running = False, True
        self._number += 1
        if self._from_cache:
            self._snapshot, self._cities, self._from_cache = None, None, False
        sources = dict(self._local_sources)
        if self._awaited is not None:
            sources[self._awaited[1]] = self._awaited[0]
        mine = {*sources, *self._local_keys}
        job = Round(
            snapshot=self._snapshot,
            rows=tuple(self._rows),
            edits=self._edits,
            local_rows=dict(self._local_rows),
            remote={key: remote for key in mine if (remote := self._remote_of(key)) is not None},
            cities=self._cities,
            filter=self._window_state.filter,
            zone=self._window_state.zone,
            number=self._number,
            me=self._window_state.me,
            names=dict(self._window_state.names()),
            kinds=frozenset(self._kinds),
            before=self._window_state.view,
            local_sources=sources,
            patches=self._patches,
            followed=tuple(self._followed()),
            time_range=self._window_state.time_range,
            languages=self._window_state.languages,
        )
        self._rows.clear()
        self._kinds.clear()
        reader, now_s = self._reader, int(self._now_s())
        self._began = started = time.monotonic()
        self._tasks.submit(lambda: play(job, reader(), now_s), lambda result: self._done(result, started), self._lost)

    def _done(self, result: Played, started: float) -> None:
        self._running = False
        first = self._window_state.view is None
        new_words = self._window_state.cities is not result.cities
        self._snapshot, self._cities, self._patches = result.snapshot, result.cities, result.patches
        self._tick.setInterval(_TICK_SMALL_MS if len(result.snapshot) <= _SMALL else _TICK_LARGE_MS)
        if new_words:
            self._window_state.set_cities(result.cities)
        if result.blind:
            self._from_cache = (
                True  # what comes later is added to no picture of nothing; nobody says when it can be read
            )
        elif self._blind:
            self._window_state.rows_touched.emit(None)
        self._blind = result.blind
        if result.changed:
            self._window_state.rows_touched.emit(result.changed)
        if not result.same:
            self._window_state.set_view(result.view)
        for key, row in result.arrived.items():
            local = self._local_rows.pop(key, 0)
            self._local_sources.pop(key, None)
            if local:
                self.arrived.emit(local, row)
        self._choose_made(result.arrived)
        for key, row in list(self._local_rows.items()):
            # Withdrawn, and off the snapshot (it was not shown in this round): its number is free again.
            if key not in self._local_keys and row not in result.shown and self._remote_of(key) is None:
                del self._local_rows[key], self._local_sources[key]
        if self._unshown:
            before = len(self._local_rows)
            self._give_rows()
            self._wanted = self._wanted or len(self._local_rows) > before
        if first:
            self.ready.emit()
        if self._wanted or self._rows:
            self._gap.start(_LEAST_GAP_MS)

    def _lost(self, error: Exception) -> None:
        self._running = False
        self._from_cache = True
        self.failed.emit(error)
        self._wanted = True
        self._gap.start(1000)
