"""Everything known about the chosen report, read on a worker: as the server has it, with own edits, history,
assignments.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from api_client.model import Assignment, Entry, Kind, Message, Report
from console.cache.catalog import Cities, lookups
from console.cache.reader import CacheReader
from console.panels.board_updater import LOCAL_ROWS, BoardUpdater
from console.panels.window_state import WindowState
from console.rules.apply import ReportState
from console.rules.edit import Edit
from console.rules.pending import created_report, with_edits
from console.rules.proof import is_own_proof
from console.rules.status import ENDED_ASSIGNMENT
from console.tasks import Tasks

_log = logging.getLogger(__name__)


class ReportDetails(msgspec.Struct, frozen=True):
    """The chosen report. `server` is the report as the server has it (None while it exists only here), `shown` the same
    with own pending edits applied.

    `entries` is its history at the server, `own_entries` what the pending edits will add to it.
    """

    row: int
    source: str
    key: str
    shown: Report
    server: Report | None
    entries: tuple[Entry, ...]
    assignments: tuple[Assignment, ...]
    pending: tuple[Edit, ...]
    own_entries: tuple[Entry, ...] = ()
    messages: tuple[Entry, ...] = ()
    """The messages that are kept with it and that the operator may read, as lines of its history."""

    @property
    def live(self) -> tuple[Assignment, ...]:
        """Assignments with unfinished work, oldest first, own pending orders included."""
        return tuple(one for one in self.assignments if one.state not in ENDED_ASSIGNMENT)

    def is_own_proof(self, me: str) -> bool:
        """Whether this operator delivered the proof of the present round of work, own pending edits included."""
        counts = [entry for entry in self.history if entry.undone_by is None]
        return is_own_proof(me, counts, self.assignments, without_users=me == "local")

    @property
    def history(self) -> tuple[Entry, ...]:
        """The entries, and those that own pending edits will make."""
        return (*self.entries, *self.own_entries)


class ReportDetailsReader(QObject):
    """Reads the details of whatever report is chosen and again when it changes."""

    changed = Signal(object)
    """The ReportDetails, or None when nothing is chosen."""
    failed = Signal(object)
    """The chosen report could not be read, and counts as none until it is read again: the exception."""

    def __init__(
        self,
        window_state: WindowState,
        board_updater: BoardUpdater,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._board_updater, self._tasks, self._reader, self._now = (
            window_state,
            board_updater,
            tasks,
            reader,
            now,
        )
        self.current: ReportDetails | None = None
        window_state.selection_changed.connect(lambda _: self.read())
        window_state.rows_touched.connect(self._on_rows)
        window_state.catalog_changed.connect(lambda _: self.read())

    def read(self) -> None:
        """Read the chosen report again."""
        row = self._window_state.row
        if not row:
            self._set(None)
            return
        local = self._board_updater.local_report(row)
        reader, board_updater, now, cities = self._reader, self._board_updater, self._now(), self._window_state.cities
        users = self._users()
        if row < LOCAL_ROWS:
            if local is not None:
                self._set(_local_details(row, local, board_updater.edits_of(*local), now, self._window_state.cities))
            return
        self._tasks.latest(
            "report-details",
            lambda: _read(reader(), row, board_updater.edits_of, now, cities, users),
            lambda details: self._on_read(row, details),
            lambda error: self._on_failed(row, error),
        )

    def look_at(
        self, row: int, then: Callable[[ReportDetails], None], missing: Callable[[], object] = lambda: None
    ) -> None:
        """Read another report without choosing it; `missing` is called when it is not on this computer."""
        reader, board_updater, now, cities = self._reader, self._board_updater, self._now(), self._window_state.cities
        users = self._users()
        if (local := board_updater.local_report(row)) is not None:
            then(_local_details(row, local, board_updater.edits_of(*local), now, cities))
            return

        def handed_on(found: ReportDetails | None) -> None:
            if found is None:
                missing()
            else:
                then(found)

        self._tasks.submit(
            lambda: _read(reader(), row, board_updater.edits_of, now, cities, users),
            handed_on,
        )

    def _users(self) -> dict[str, str]:
        """The operator's name at each source."""
        return {source: self._window_state.me_at(source) for source in self._window_state.cities.catalogs}

    def _on_rows(self, rows: frozenset[int] | None) -> None:
        if rows is None or self._window_state.row in rows:
            self.read()

    def _on_read(self, row: int, details: ReportDetails | None) -> None:
        if row == self._window_state.row:
            self._set(details)

    def _on_failed(self, row: int, error: Exception) -> None:
        _log.error("the report in row %s could not be read", row, exc_info=error)
        if row == self._window_state.row:
            self._set(None)
            self.failed.emit(error)

    def _set(self, details: ReportDetails | None) -> None:
        self.current = details
        self.changed.emit(details)


def _read(
    reader: CacheReader,
    row: int,
    edits_of: Callable[[str, str], tuple[Edit, ...]],
    now: datetime,
    cities: Cities,
    users: Mapping[str, str],
) -> ReportDetails | None:
    cached = reader.report(row)
    if cached is None:
        return None
    source, report = cached.source, cached.report
    pending = tuple(edit for edit in edits_of(source, report.id) if edit.kind is not Kind.CREATE)
    server = ReportState(report, tuple(reader.assignments(row)), tuple(reader.entries(row)))
    shown = with_edits(server, pending, now=now, known=lookups(cities.of(source), reader, source))
    messages = reader.messages_of(source, users.get(source, ""), report.id)
    return replace(_details(row, source, server, shown, pending), messages=tuple(map(_as_entry, messages)))


def _as_entry(message: Message) -> Entry:
    """A message that is kept with a report, as a line of its history."""
    return Entry(
        message.id,
        message.report,
        Kind.MESSAGE.value,
        message.at,
        message.author,
        late=message.late,
        text=message.text,
        data={"to": msgspec.to_builtins(message.to)},
    )


def _local_details(
    row: int, local: tuple[str, str], pending: tuple[Edit, ...], now: datetime, cities: Cities
) -> ReportDetails:
    source, _ = local
    known = lookups(cities.of(source))
    shown = with_edits(ReportState(created_report(pending[0], known)), pending[1:], now=now, known=known)
    return _details(row, source, None, shown, pending)


def _details(
    row: int, source: str, server: ReportState | None, shown: ReportState, pending: tuple[Edit, ...]
) -> ReportDetails:
    return ReportDetails(
        row=row,
        source=source,
        key=shown.report.id,
        shown=shown.report,
        server=server.report if server is not None else None,
        entries=server.entries if server is not None else (),
        assignments=shown.assignments,
        pending=pending,
        own_entries=shown.entries[len(server.entries if server is not None else ()) :],
    )
