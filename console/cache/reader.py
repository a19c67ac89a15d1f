"""Read cache.db, and never write it: the board's columns, single reports with their history, and search."""

from __future__ import annotations

import binascii
import contextlib
import functools
import json
import math
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from api_client.decoding import decode, decoder_of
from api_client.model import (
    Agency,
    AlarmRecord,
    Area,
    Assignment,
    Calendar,
    Closure,
    Entry,
    Handover,
    Kind,
    Limit,
    Message,
    ReadMark,
    Report,
    RunCard,
    Service,
    Template,
    Unit,
    User,
)
from console.cache.log import LOG_PAGE, LOOKED_AT, LoggedEntry, LogPage, LogPlace, LogQuery, log_query, log_times
from console.cache.packed_columns import FACTS, FIELDS, MERGED_AT
from console.cache.page_items import Cursor
from console.cache.schema import CACHE_VERSION, REFUSED_JOB, table_of
from console.files.errors import DamagedFile, NewerFile, from_os, from_sqlite
from console.files.sqlite_file import CACHE, SUSPECT, open_reader
from console.rules.loaded import Loaded, loaded_by, loaded_of_all
from console.rules.log_filter import LogFilter
from console.rules.proof_check import is_flagged
from console.rules.scoped_code import ScopedCode

if TYPE_CHECKING:  # the sync process reads here too, and numpy would be a quarter of what its start takes
    import numpy as np
    import numpy.typing as npt

    Columns = dict[str, npt.NDArray[Any]]
    Rows = npt.NDArray[np.int64]

T = TypeVar("T")
HistoryMark = tuple[int | None, ...]
"""How many entries and assignments a report has, and the numbers of their last changes."""

_ROWS_AT_A_TIME = 8192
_RANKED_AT_MOST = 5000
_DAY_S = 86_400
_UNIT_ENTRIES = 200


_OF_USER = (
    "m.source = (SELECT c.source FROM message_cursors c JOIN words w ON w.kind = 'source' AND w.id = c.source"
    " WHERE w.word = ? AND c.user = ?)"
)
"""Of a source, and read from it for this user: what another one was given is nobody else's to read."""


class PastHandover(msgspec.Struct, frozen=True):
    """A hand-over that is kept, in short."""

    id: str
    outgoing: str
    incoming: str
    shift_start: datetime
    shift_end: datetime
    signed: datetime | None


_LOG_LINES = f'"kind":"{Kind.LOG.value}"'.encode()
"""What the entries of lines of the log have in them."""
_MOST_PAST = 200
_NEWEST_HANDOVERS, _MOST_HANDOVERS = 12, 200
"""So many hand-overs of a source are read whatever their shifts, and so many at most."""
_LAST_SHIFTS = timedelta(hours=24)
"""The hand-overs of shifts that ended no longer before the newest change are read, too."""


class CachedReport(msgspec.Struct, frozen=True):
    """A report with its local row and its source's key."""

    row: int
    source: str
    report: Report


class TakenReport(msgspec.Struct, frozen=True):
    """A report that a restore of the server took back: as it was when last read (at `read_to`), the units sent to it,
    and `now`, as the server has it since (None: it is gone).
    """

    report: Report
    units: tuple[str, ...]
    read_to: datetime
    now: Report | None = None


class MessageThread(msgspec.Struct, frozen=True):
    """A thread of messages (see `rules.correspondence.thread_of`): its last, and how many to the user are unread."""

    key: str
    last: Message
    unread: int


class ReadMessage(msgspec.Struct, frozen=True):
    """A message with who has read it, the first first."""

    message: Message
    marks: tuple[ReadMark, ...]


class RowText(msgspec.Struct, frozen=True):
    """The texts of one report, for queue rows and tooltips; `is_flagged` where its newest proof is."""

    row: int
    remote_id: str
    title: str
    description: str
    address: str
    is_flagged: bool = False


class CacheReader:
    """A read-only connection to `folder`/cache.db, opened at first use; one for each worker thread.

    While there is no file, everything is empty. If the writer has replaced the file, the next call reads the new one; a
    deleted file is read until then. Raises DamagedFile (after marking the file for the writer), NewerFile, NotWritable,
    LockedByOther.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / CACHE
        self._suspect = folder / SUSPECT
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._opened = None

    @property
    def available(self) -> bool:
        """Whether there is a cache to read."""
        return self._ready() is not None

    # The board

    def columns(self, rows: Sequence[int] | npt.NDArray[Any] | None = None) -> Columns:
        """The columns of all reports, or of those of `rows` that exist, as they were at one moment, ordered by row.

        Arrays of equal length: see FIELDS. The rows pass through SQLite as text with the GIL free.
        """
        with self._snapshot() as connection:
            if connection is None:
                packed = b""
            elif rows is None:
                packed = self._all_facts(connection)
            else:
                packed = _facts_of(
                    connection, "row IN (SELECT value FROM json_each(?))", (json.dumps([int(r) for r in rows]),)
                )
        import numpy as np

        records = np.frombuffer(packed, dtype=_facts_dtype())
        if rows is not None:
            records = records[np.argsort(records["row"], kind="stable")]
        return {name: np.ascontiguousarray(records[name]) for name, _ in FIELDS}

    def words(self, kind: str) -> dict[int, ScopedCode]:
        """The words behind a column's ids: source, service, area, agency, unit, user; 0 means none.

        Codes of the first kinds go with their source's key; a source's and a user's word is for all ("").
        """
        found = self._all(
            "SELECT w.id, coalesce(s.word, ''), w.word FROM words w"
            " LEFT JOIN words s ON s.kind = 'source' AND s.id = w.source WHERE w.kind = ?",
            (kind,),
        )
        return {number: (source, word) for number, source, word in found}

    def counts(self) -> dict[str, int]:
        """How many objects of each kind there are."""
        tables = ("reports", "entries", "assignments", "units", "areas", "services")
        return {table: int((self._one(f"SELECT count(*) FROM {table}") or (0,))[0]) for table in tables}  # noqa: S608

    def cursors(self) -> dict[str, Cursor]:
        """How far each source has been read, by its key."""
        found = self._all(
            "SELECT w.word, epoch, seq, scope_version, as_of, snapshot_key, unread, whole FROM cursors"
            " JOIN words w ON w.kind = 'source' AND w.id = cursors.source"
        )
        return {
            source: Cursor(
                epoch, seq, scope, datetime.fromisoformat(as_of) if as_of else None, key, unread, tuple(whole.split())
            )
            for source, epoch, seq, scope, as_of, key, unread, whole in found
        }

    def loaded(self, followed: Collection[str] = ()) -> Loaded:
        """How much of the followed sources, by their keys, has been read; of all that are here when none is given."""
        cursors = self.cursors()
        return loaded_of_all([_loaded(cursors.get(source)) for source in followed or cursors])

    # One report

    def report(self, row: int) -> CachedReport | None:
        """The report at a row; None when it is gone."""
        found = self._one(
            "SELECT w.word, t.body FROM reports r JOIN texts t USING (row)"
            " JOIN words w ON w.kind = 'source' AND w.id = r.source WHERE r.row = ?",
            (row,),
        )
        if found is None:
            return None
        with self._errors():
            return CachedReport(row, found[0], decode(found[1], Report))

    def reports(self, rows: Sequence[int] | npt.NDArray[Any]) -> list[CachedReport]:
        """The reports at the given rows, in their order; rows that are gone are left out. For some hundreds a call."""
        decoder = decoder_of(Report)
        bodies = self._all(
            "SELECT r.row, w.word, t.body FROM reports r JOIN texts t USING (row)"
            " JOIN words w ON w.kind = 'source' AND w.id = r.source"
            " WHERE r.row IN (SELECT value FROM json_each(?))",
            (json.dumps([int(row) for row in rows]),),
        )
        with self._errors():
            found = {row: CachedReport(row, source, decoder.decode(body)) for row, source, body in bodies}
        return [found[int(row)] for row in rows if int(row) in found]

    def merged_into(self, source: str, remote_id: str) -> list[CachedReport]:
        """The reports of a source that were merged into this one, directly or with another, the oldest first.

        All that were merged into any other are looked through: not for the GUI thread.
        """
        found = {one.row: one for one in self._merged_directly(source, remote_id)}
        through = list(found.values())
        while through:
            one = through.pop()
            more = self._merged_directly(source, one.report.id) if one.report.duplicates else []
            through += [other for other in more if other.row not in found]
            found |= {other.row: other for other in more}
        return sorted(found.values(), key=lambda one: (one.report.created, one.row))

    def _merged_directly(self, source: str, remote_id: str) -> list[CachedReport]:
        decoder = decoder_of(Report)
        bodies = self._all(
            "SELECT r.row, t.body FROM reports r INDEXED BY reports_merged JOIN texts t USING (row)"  # noqa: S608
            " WHERE r.source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            f" AND substr(r.facts, {MERGED_AT + 1}, 1) = x'01' AND instr(t.body, ?) > 0 ORDER BY r.created, r.row",
            (source, msgspec.json.encode(remote_id)),
        )
        with self._errors():
            found = [CachedReport(row, source, decoder.decode(body)) for row, body in bodies]
        return [one for one in found if one.report.merged_into == remote_id]

    def row_of(self, source: str, remote_id: str) -> int | None:
        """The local row of a report; None when it is not here."""
        found = self._one(
            "SELECT row FROM reports WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND remote_id = ?",
            (source, remote_id),
        )
        return None if found is None else int(found[0])

    def rows_of(self, source: str, remote_ids: Iterable[str]) -> dict[str, int]:
        """The local rows of the reports of a source with these ids, as far as they are here: remote id -> row."""
        found = self._all(
            "SELECT remote_id, row FROM reports"
            " WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND remote_id IN (SELECT value FROM json_each(?))",
            (source, json.dumps(list(remote_ids))),
        )
        return {remote_id: int(row) for remote_id, row in found}

    def reports_of(self, source: str, remote_ids: Iterable[str]) -> dict[str, Report]:
        """The reports of a source with these ids, as far as they are here: remote id -> report."""
        found = self._all(
            "SELECT remote_id, body FROM reports JOIN texts USING (row)"
            " WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND remote_id IN (SELECT value FROM json_each(?))",
            (source, json.dumps(list(remote_ids))),
        )
        decoder = decoder_of(Report)
        with self._errors():
            return {remote_id: decoder.decode(body) for remote_id, body in found}

    def keys(self, rows: Iterable[int]) -> dict[int, ScopedCode]:
        """The source and the id there of the reports at these rows, without those that are gone."""
        found = self._all(
            "SELECT r.row, w.word, r.remote_id FROM json_each(?) n CROSS JOIN reports r ON r.row = n.value"
            " JOIN words w ON w.kind = 'source' AND w.id = r.source",
            (json.dumps([int(row) for row in rows]),),
        )
        return {row: (source, remote_id) for row, source, remote_id in found}

    def created(self, source: str, remote_ids: Iterable[str]) -> dict[str, datetime]:
        """When the reports of a source that are here were made, to the second: remote id -> time."""
        found = self._all(
            "SELECT remote_id, created FROM reports"
            " WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND remote_id IN (SELECT value FROM json_each(?))",
            (source, json.dumps(list(remote_ids))),
        )
        return {remote_id: datetime.fromtimestamp(created_s, UTC) for remote_id, created_s in found}

    def erased(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], datetime]:
        """When those of these reports, by source and number, were erased that were."""
        found: dict[tuple[str, str], datetime] = {}
        for source, reports in _by_source(places).items():
            rows = self._all(
                "SELECT r.remote_id, t.body FROM reports r JOIN texts t ON t.row = r.row"
                " WHERE r.source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
                ' AND r.remote_id IN (SELECT value FROM json_each(?)) AND instr(t.body, \'"erased":"\')',
                (source, json.dumps(reports)),
            )
            times = {(source, key): decode(body, Report).erased for key, body in rows}
            found |= {place: at for place, at in times.items() if at is not None}
        return found

    def numbers(self, source: str, first: int, last: int) -> list[tuple[str, int, int]]:
        """Of a source's reports made between two days since 1970 (UTC, both included): id, number, day."""
        return [
            (key, seq, created // _DAY_S)
            for key, seq, created in self._all(
                "SELECT remote_id, seq, created FROM reports"
                " WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
                " AND created >= ? AND created < ?",
                (source, first * _DAY_S, (last + 1) * _DAY_S),
            )
        ]

    def bodies(self, source: str, reports: Sequence[str], entries: Sequence[str]) -> dict[tuple[str, str], bytes]:
        """What is kept of some reports and entries of a source, as JSON: ("report" or "entry", id) -> body."""
        of_source = "source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
        found = self._all(
            f"SELECT 'report', remote_id, body FROM reports JOIN texts USING (row) WHERE {of_source}"  # noqa: S608
            " AND remote_id IN (SELECT value FROM json_each(?))"
            f" UNION ALL SELECT 'entry', id, body FROM entries WHERE {of_source}"
            " AND id IN (SELECT value FROM json_each(?))",
            (source, json.dumps(list(reports)), source, json.dumps(list(entries))),
        )
        return {(kind, key): bytes(body) for kind, key, body in found}

    def last_number(self, source: str) -> int:
        """The highest number that anything of a source bears or was dropped with; 0 for none."""
        parts = [
            f"SELECT max(seq) AS seq FROM {table}"  # noqa: S608 - constants
            " WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?1)"
            for table in ("reports", "entries", "services", "gone", "cursors")
        ]
        found = self._one(f"SELECT max(seq) FROM ({' UNION ALL '.join(parts)})", (source,))  # noqa: S608
        return 0 if found is None or found[0] is None else int(found[0])

    def number_of(self, source: str, remote_id: str) -> int | None:
        """The number with which a report was written last; None when it is not here."""
        found = self._one(
            "SELECT seq FROM reports WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND remote_id = ?",
            (source, remote_id),
        )
        return None if found is None else int(found[0])

    def has_dropped(self, source: str) -> bool:
        """Whether reports of a source were dropped and have not come back."""
        found = self._one(
            "SELECT 1 FROM gone WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND kind = 'report' LIMIT 1",
            (source,),
        )
        return found is not None

    def count_of(self, source: str) -> int:
        """How many reports of a source there are."""
        found = self._one(
            "SELECT count(*) FROM reports WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)",
            (source,),
        )
        return int(found[0]) if found is not None else 0

    def oldest(self, source: str) -> datetime | None:
        """When the oldest report of a source was made, without those whose date is not known (1970)."""
        found = self._one(
            "SELECT min(created) FROM reports"
            " WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?) AND created >= ?",
            (source, _DAY_S),
        )
        return None if found is None or found[0] is None else datetime.fromtimestamp(int(found[0]), UTC)

    def last_day_before(self, source: str, day: int) -> int | None:
        """The last day (since 1970, UTC) before this one on which a report of the source was made."""
        found = self._one(
            "SELECT max(created) FROM reports"
            " WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?) AND created < ?",
            (source, day * _DAY_S),
        )
        return None if found is None or found[0] is None else int(found[0]) // _DAY_S

    def texts(self, rows: Sequence[int] | npt.NDArray[Any]) -> list[RowText]:
        """The texts of the given rows, in their order; rows that are gone are left out."""
        found = {
            row: RowText(row, key, title, text, address, body is not None and is_flagged(decode(body, Report).photos))
            for row, key, title, text, address, body in self._all(
                "SELECT row, remote_id, title, description, address,"
                """ CASE WHEN instr(body, '"flags":[{') > 0 THEN body END FROM reports JOIN texts USING (row)"""
                " WHERE row IN (SELECT value FROM json_each(?))",
                (json.dumps([int(row) for row in rows]),),
            )
        }
        return [found[int(row)] for row in rows if int(row) in found]

    def entries(self, row: int) -> list[Entry]:
        """The history of the report at `row`, oldest first."""
        return self._parts(
            "SELECT e.body FROM reports r JOIN entries e ON e.source = r.source AND e.report = r.remote_id"
            " WHERE r.row = ? ORDER BY e.at, e.seq",
            Entry,
            (row,),
        )

    def entries_after(
        self, source: str, seq: int, since: datetime | None, rows: Collection[int] | None = None
    ) -> list[tuple[int, Entry]]:
        """The entries of a source's reports that came with its changes after `seq`, oldest first, with their rows.

        Those that were made before `since` (the server's time) are left out. Without `rows` all histories are looked
        through: not for the GUI thread.
        """
        at_least = int(since.timestamp() * 1000) if since is not None else 0
        named = "(SELECT id FROM words WHERE kind = 'source' AND word = ?)"
        of_rows = f"reports r JOIN entries e ON r.source = {named}"
        values: tuple[Any, ...] = (source, at_least, seq)
        if rows is not None:  # CROSS: or SQLite goes through all entries of the source for a few reports
            of_rows = (
                f"json_each(?) n CROSS JOIN reports r ON r.row = n.value AND +r.source = {named} CROSS JOIN entries e"
            )
            values = (json.dumps(list(map(int, rows))), *values)
        decoder = decoder_of(Entry)
        found = self._all(
            f"SELECT r.row, e.body FROM {of_rows}"  # noqa: S608 - constants
            " WHERE e.source = r.source AND e.report = r.remote_id AND e.at >= ? AND e.seq > ? ORDER BY e.at, e.seq",
            values,
        )
        with self._errors():
            return [(row, decoder.decode(body)) for row, body in found]

    def progress_entries(self, source: str) -> list[Entry]:
        """The entries of a source in which units told how far they are. All entries are looked through: for commands,
        not for a window.
        """
        found = self._parts(
            "SELECT body FROM entries WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND report IS NOT NULL AND instr(body, CAST('\"progress\"' AS BLOB)) > 0",
            Entry,
            (source,),
        )
        return [entry for entry in found if entry.kind == Kind.PROGRESS]

    def exact_places(self, source: str, within_m: float) -> dict[str, tuple[float, float]]:
        """Where the reports of a source are of which that is known within so many metres: remote id -> (lat, lon)."""
        found = self._all(
            "SELECT remote_id, json_extract(body, '$.lat'), json_extract(body, '$.lon') FROM reports JOIN texts USING"
            " (row) WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND coalesce(json_extract(body, '$.within_m'), 0) <= ?",
            (source, within_m),
        )
        return {
            remote_id: (lat, lon)
            for remote_id, lat, lon in found
            if isinstance(lat, float | int) and isinstance(lon, float | int)
        }

    def unit_entries(self, source: str) -> list[Entry]:
        """The newest entries of a source in which units told what they do, about no report; the newest first."""
        return self._parts(
            "SELECT body FROM entries WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND report IS NULL AND instr(body, ?) > 0 ORDER BY at DESC, seq DESC LIMIT ?",
            Entry,
            (source, f'"kind":"{Kind.UNIT_STATE.value}"'.encode(), _UNIT_ENTRIES),
        )

    def log_lines(self, source: str, since: datetime, most: int) -> list[Entry]:
        """What operators wrote into the log of the control room at a source since then, the newest first."""
        return self._parts(
            "SELECT body FROM entries WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND report IS NULL AND at >= ? AND instr(body, ?) ORDER BY at DESC, seq DESC LIMIT ?",
            Entry,
            (source, math.ceil(since.timestamp() * 1000), _LOG_LINES, most),
        )

    def history_marks(self, rows: Iterable[int]) -> dict[int, HistoryMark]:
        """Row -> what is another one whenever an entry or an assignment of its report is added or changed; without rows
        that are gone.
        """
        found = self._all(
            "SELECT r.row, (SELECT count(*) FROM entries e WHERE e.source = r.source AND e.report = r.remote_id),"
            " (SELECT max(seq) FROM entries e WHERE e.source = r.source AND e.report = r.remote_id),"
            " (SELECT count(*) FROM assignments a WHERE a.source = r.source AND a.report = r.remote_id),"
            " (SELECT max(seq) FROM assignments a WHERE a.source = r.source AND a.report = r.remote_id)"
            " FROM json_each(?) n CROSS JOIN reports r ON r.row = n.value",
            (json.dumps([int(row) for row in rows]),),
        )
        return {row: tuple(mark) for row, *mark in found}

    def assignments(self, row: int) -> list[Assignment]:
        """All assignments of the report at `row`, oldest first."""
        return self._parts(
            "SELECT a.body FROM reports r JOIN assignments a ON a.source = r.source AND a.report = r.remote_id"
            " WHERE r.row = ? ORDER BY a.created, a.seq",
            Assignment,
            (row,),
        )

    def jobs(self, source: str, keys: Iterable[str]) -> list[Assignment]:
        """Those of these assignments of a source, by their ids there, that are here."""
        return self._parts(
            "SELECT body FROM assignments WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND id IN (SELECT value FROM json_each(?))",
            Assignment,
            (source, json.dumps(list(keys))),
        )

    def refused_since(self, source: str, created: datetime) -> list[Assignment]:
        """The jobs of a source that were refused, of those ordered after a time, the newest order first."""
        return self._parts(
            "SELECT body FROM assignments WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"  # noqa: S608 - a constant
            f" AND {REFUSED_JOB} AND created > ? ORDER BY created DESC",
            Assignment,
            (source, int(created.timestamp() * 1000)),
        )

    # Everything else

    def all_assignments_open(self) -> list[tuple[str, Assignment]]:
        """Every assignment that has not ended with its source's key, oldest first."""
        return self._of_sources("assignments o", Assignment, "WHERE o.live = 1 ORDER BY o.created")

    def units(self) -> list[tuple[str, Unit]]:
        """All units with their source's key."""
        return self._objects("unit", Unit)

    def areas(self) -> list[tuple[str, Area]]:
        """All areas with their source's key."""
        return self._objects("area", Area)

    def services(self) -> list[tuple[str, Service]]:
        """All services with their source's key."""
        return self._objects("service", Service)

    def agencies(self) -> list[tuple[str, Agency]]:
        """All agencies with their source's key."""
        return self._objects("agency", Agency)

    def users(self) -> list[tuple[str, User]]:
        """All users with their source's key."""
        return self._objects("user", User)

    def templates(self) -> list[tuple[str, Template]]:
        """All standard texts with their source's key."""
        return self._objects("template", Template)

    def limits(self) -> list[tuple[str, Limit]]:
        """All limits with their source's key."""
        return self._objects("limit", Limit)

    def run_cards(self) -> list[tuple[str, RunCard]]:
        """All run cards with their source's key."""
        return self._objects("run_card", RunCard)

    def calendars(self) -> list[tuple[str, Calendar]]:
        """All working calendars with their source's key."""
        return self._objects("calendar", Calendar)

    def closures(self) -> list[tuple[str, Closure]]:
        """All closed streets and flooded areas with their source's key, those that have ended lately too."""
        return self._objects("closure", Closure)

    def handovers(self) -> list[tuple[str, Handover]]:
        """(Source, hand-over) of the last shifts of each source, and the newest, those that changed last first."""
        newest = (
            "WHERE o.seq >= coalesce((SELECT n.seq FROM handovers n WHERE n.source = w.id"  # noqa: S608 - constants
            f" ORDER BY n.seq DESC LIMIT 1 OFFSET {_MOST_HANDOVERS - 1}), 0) ORDER BY o.source, o.seq DESC"
        )
        of_source: dict[str, list[Handover]] = {}
        for source, one in self._of_sources("handovers o", Handover, newest):
            of_source.setdefault(source, []).append(one)
        return [
            (source, one)
            for source, found in of_source.items()
            for number, one in enumerate(found)
            # protects: hand-overs-of-many-are-all-known
            if number < _NEWEST_HANDOVERS or one.shift_end >= found[0].updated - _LAST_SHIFTS
        ]

    def past_handovers(self, source: str) -> list[PastHandover]:
        """The newest of the hand-overs of a source that are kept, without their lines, the newest first."""
        fields = "$.outgoing", "$.incoming", "$.shift_start", "$.shift_end", "$.signed"
        found = self._all(
            "SELECT o.id, json_extract(CAST(o.body AS TEXT), ?), json_extract(CAST(o.body AS TEXT), ?),"
            " json_extract(CAST(o.body AS TEXT), ?), json_extract(CAST(o.body AS TEXT), ?),"
            " json_extract(CAST(o.body AS TEXT), ?)"
            " FROM handovers o JOIN words w ON w.kind = 'source' AND w.id = o.source WHERE w.word = ?"
            " ORDER BY o.seq DESC LIMIT ?",
            (*fields, source, _MOST_PAST),
        )
        return [
            PastHandover(
                key, outgoing or "", incoming or "", datetime.fromisoformat(start), datetime.fromisoformat(end),
                datetime.fromisoformat(signed) if signed else None,
            )
            for key, outgoing, incoming, start, end, signed in found
        ]  # fmt: skip

    def handover(self, source: str, key: str) -> Handover | None:
        """A hand-over that is kept."""
        where = "WHERE w.word = ? AND o.id = ?"
        query = f"SELECT o.body FROM handovers o JOIN words w ON w.kind = 'source' AND w.id = o.source {where}"  # noqa: S608
        return next(iter(self._parts(query, Handover, (source, key))), None)

    def alarms(self) -> list[tuple[str, AlarmRecord]]:
        """What operators did about alarms, with their source's key."""
        return self._objects("alarm", AlarmRecord)

    # Messages: those that the server has given to one user

    def threads(self, source: str, user: str) -> list[MessageThread]:
        """The threads of a user with their last messages and how many are unread, the newest first, 200 at most."""
        found = self._all(
            "SELECT t.thread, t.unread, (SELECT b.body FROM messages b"  # noqa: S608 - constants
            " WHERE b.source = t.source AND b.thread = t.thread AND b.at = t.last ORDER BY b.seq DESC LIMIT 1) FROM"
            " (SELECT m.source, m.thread, sum(m.unread) AS unread, max(m.at) AS last FROM messages m"
            f" WHERE {_OF_USER} GROUP BY m.thread ORDER BY last DESC LIMIT 200) t",
            (source, user),
        )
        decoder = decoder_of(Message)
        with self._errors():
            return [MessageThread(thread, decoder.decode(body), unread) for thread, unread, body in found]

    def messages(self, source: str, user: str, thread: str, most: int) -> list[ReadMessage]:
        """The newest messages of a thread, and of those before them the oldest that are unread, `most` of either, the
        oldest first, each with who has read it.
        """
        of_thread = f"SELECT m.rowid AS row FROM messages m WHERE {_OF_USER} AND m.thread = ?"  # noqa: S608 - constants
        # protects: what-is-counted-as-unread-can-be-read
        return self._with_marks(
            source,
            f"WITH newest AS ({of_thread} ORDER BY m.at DESC, m.seq DESC LIMIT ?),"  # noqa: S608 - constants
            f" unread AS ({of_thread} AND m.unread = 1 ORDER BY m.at, m.seq LIMIT ?)"
            " SELECT body FROM messages WHERE rowid IN (SELECT row FROM newest UNION SELECT row FROM unread)"
            " ORDER BY at DESC, seq DESC",
            (source, user, thread, most, source, user, thread, most),
        )[::-1]

    def read_from(self, source: str, user: str, thread: str) -> int:
        """How many messages of a thread there are from the oldest on that is unread; 0 when all are read."""
        of_thread = f"FROM messages m WHERE {_OF_USER} AND m.thread = ?"
        found = self._one(
            f"SELECT count(*) {of_thread} AND m.at >= (SELECT min(m.at) {of_thread} AND m.unread = 1)",
            (source, user, thread, source, user, thread),
        )
        return int(found[0]) if found is not None else 0

    def messages_of(self, source: str, user: str, report: str) -> list[Message]:
        """The messages that are kept with a report, the oldest first, as far as this user may read them."""
        return self._parts(
            f"SELECT m.body FROM messages m WHERE {_OF_USER} AND m.report = ? ORDER BY m.at, m.seq",  # noqa: S608 - constants
            Message,
            (source, user, report),
        )

    def messages_about(
        self, source: str, user: str, since: datetime, reports: Sequence[str], threads: Sequence[str]
    ) -> list[ReadMessage]:
        """The newest messages since then that are kept with one of these reports, or stand in one of these threads, as
        far as this user may read them, the oldest first; 300 at most.
        """
        return self._with_marks(
            source,
            f"SELECT m.body FROM messages m WHERE {_OF_USER} AND m.at >= ?"  # noqa: S608 - constants
            " AND (m.report IN (SELECT value FROM json_each(?)) OR m.thread IN (SELECT value FROM json_each(?)))"
            " ORDER BY m.at DESC, m.seq DESC LIMIT 300",
            (source, user, math.ceil(since.timestamp() * 1000), json.dumps([*reports]), json.dumps([*threads])),
        )[::-1]

    def unread(self, source: str, user: str) -> list[Message]:
        """The newest messages to a user that he has not read, the oldest first; 200 at most."""
        return self._parts(
            f"SELECT m.body FROM messages m WHERE m.unread = 1 AND {_OF_USER} ORDER BY m.at DESC, m.seq DESC LIMIT 200",  # noqa: S608 - constants
            Message,
            (source, user),
        )[::-1]

    def _with_marks(self, source: str, sql: str, values: Sequence[Any]) -> list[ReadMessage]:
        messages = self._parts(sql, Message, values)
        marks = self._parts(
            "SELECT body FROM read_marks WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)"
            " AND message IN (SELECT value FROM json_each(?)) ORDER BY seq",
            ReadMark,
            (source, json.dumps([one.id for one in messages])),
        )
        of: dict[str, list[ReadMark]] = {}
        for mark in marks:
            of.setdefault(mark.message, []).append(mark)
        return [ReadMessage(one, tuple(of.get(one.id, ()))) for one in messages]

    def proved(self, edit_ids: Iterable[str]) -> set[str]:
        """Of these edits those whose history entry is in the cache, which proves that the server has them."""
        return {
            edit
            for (edit,) in self._all(
                "SELECT DISTINCT edit FROM entries WHERE edit IN (SELECT value FROM json_each(?))",
                (json.dumps(list(edit_ids)),),
            )
        }

    def taken_back(self, source: str) -> set[str]:
        """Ids of edits, by any author, that the server had before it was set back to an older state, and does not have
        now.
        """
        found = self._all(
            "SELECT edit FROM taken_back WHERE source = (SELECT id FROM words WHERE kind = 'source' AND word = ?)",
            (source,),
        )
        return {edit for (edit,) in found}

    def taken_reports(self, source: str) -> list[TakenReport]:
        """The open reports that the server had before it was set back and does not have now, and the P1 that it has
        with a lower priority now or as ended.
        """
        found = self._all(
            "SELECT k.body, k.units, k.read_to, t.body FROM taken_reports k"
            " LEFT JOIN reports r ON r.source = k.source AND r.remote_id = k.id AND r.created = k.created"
            " LEFT JOIN texts t ON t.row = r.row"
            " WHERE k.source = (SELECT id FROM words WHERE kind = 'source' AND word = ?) ORDER BY k.created, k.id",
            (source,),
        )
        decoder = decoder_of(Report)
        with self._errors():
            return [
                TakenReport(
                    decoder.decode(body),
                    tuple(dict.fromkeys(json.loads(units))),
                    datetime.fromtimestamp(at, UTC),
                    decoder.decode(now) if now is not None else None,
                )
                for body, units, at, now in found
            ]

    def report_of_edit(self, edit_id: str) -> str | None:
        """The server's id of the report whose history holds this edit."""
        found = self._all("SELECT report FROM entries WHERE edit = ? LIMIT 1", (edit_id,))
        return found[0][0] if found else None

    # The log

    def log_end(self) -> int:
        """The row of the entry that was read into the cache last, 0 without any."""
        found = self._one("SELECT max(rowid) FROM entries")
        return 0 if found is None or found[0] is None else int(found[0])

    def log_page(self, filter_: LogFilter, behind: LogPlace | None = None) -> LogPage:
        """The entries behind a place of the log, of those that the filter lets through; without a place the newest.

        Where they have to be looked at one by one the page holds what the next LOOKED_AT have among them.
        """
        first, last = log_times(filter_)
        place = behind or _BEFORE_ALL
        within = "e.at BETWEEN ? AND ? AND (e.at < ? OR e.rowid < ?)"
        values: tuple[Any, ...] = (first, min(last, place.at_ms), place.at_ms, place.row)
        end = self._log_end_of_look(within, values) if filter_.is_sought else None
        if end is not None:
            within += " AND (e.at > ? OR e.rowid >= ?)"
            values = (max(first, end.at_ms), *values[1:], end.at_ms, end.row)
        found = self._logged(log_query(filter_), within, values, LOG_PAGE)
        return LogPage(tuple(found), found[-1].place if len(found) == LOG_PAGE else end)

    def log_news(self, filter_: LogFilter, row: int, limit: int) -> list[LoggedEntry]:
        """Of the entries that were read into the cache behind a row (see `log_end`) those that the filter lets through,
        the newest first.
        """
        query = msgspec.structs.replace(log_query(filter_), index="NOT INDEXED")
        return self._logged(query, "e.rowid > ? AND e.at BETWEEN ? AND ?", (row, *log_times(filter_)), limit)

    def _log_end_of_look(self, within: str, values: tuple[Any, ...]) -> LogPlace | None:
        """The last of the next LOOKED_AT entries; None when there are fewer."""
        found = self._one(
            f"SELECT e.at, e.rowid FROM entries e INDEXED BY entries_at WHERE {within}"  # noqa: S608 - constants
            " ORDER BY e.at DESC, e.rowid DESC LIMIT 1 OFFSET ?",
            (*values, LOOKED_AT - 1),
        )
        return None if found is None else LogPlace(*found)

    def _logged(self, query: LogQuery, within: str, values: tuple[Any, ...], limit: int) -> list[LoggedEntry]:
        decoder = decoder_of(Entry)
        rows = self._all(
            f"SELECT w.word, e.at, e.rowid, e.body FROM entries e {query.index}"  # noqa: S608 - made of constants
            " CROSS JOIN words w ON w.kind = 'source' AND w.id = e.source"
            f" WHERE {within} AND {query.where} ORDER BY e.at DESC, e.rowid DESC LIMIT ?",
            (*values, *query.values, limit),
        )
        with self._errors():
            return [LoggedEntry(source, LogPlace(at, row), decoder.decode(body)) for source, at, row, body in rows]

    # Search

    def numbered(self, text: str) -> Rows:
        """All rows whose number begins with these digits, ascending; empty for what is no part of a number."""
        digits = text.strip().lstrip("#")
        if not (digits.isascii() and digits.isdigit()):
            return _rows_of("")
        found = self._one(
            "SELECT group_concat(row) FROM reports WHERE source IN (SELECT id FROM words WHERE kind = 'source')"
            " AND remote_id >= ? AND remote_id < ?",
            (digits, digits[:-1] + chr(ord(digits[-1]) + 1)),
        )
        if found is None or found[0] is None:
            return _rows_of("")
        return _rows_of(found[0])

    def find(self, text: str, limit: int) -> Rows:
        """Rows whose texts have every word (or its beginning), newest first; a report's own number comes before all.

        Then come those whose numbers begin so, the last to arrive first.

        Of very many matches the last 5,000 to arrive are put in order.
        """
        numbers = [
            row
            for (row,) in self._all(
                "SELECT row FROM reports WHERE remote_id = ?"
                " AND source IN (SELECT id FROM words WHERE kind = 'source')",
                (text.strip().lstrip("#"),),
            )
        ]
        query = match_query(text)
        rows = (
            []
            if not query
            else [
                row
                for (row,) in self._all(
                    "SELECT row FROM reports WHERE row IN"
                    " (SELECT rowid FROM fts WHERE fts MATCH ? ORDER BY rowid DESC LIMIT ?)"
                    " ORDER BY created DESC LIMIT ?",
                    (query, max(limit, _RANKED_AT_MOST), limit),
                )
            ]
        )
        begun = self.numbered(text)[-limit:][::-1].tolist()
        both = list(dict.fromkeys([*numbers, *begun, *rows]))[:limit]
        import numpy as np

        return np.array(both, dtype=np.int64)

    def addresses(self, text: str, limit: int) -> list[tuple[int, str]]:
        """(row, address) of reports whose address, with its area's name, has every word (or its beginning).

        Of very many the last ones to arrive.
        """
        query = match_query(text)
        if not query:
            return []
        return self._all(
            "SELECT row, address FROM texts WHERE address <> '' AND row IN"
            " (SELECT rowid FROM fts WHERE fts MATCH ? ORDER BY rowid DESC LIMIT ?)",
            (f"{{address area_name}} : ({query})", limit),
        )

    def respelled(self, word: str) -> str:
        """The commonest word of the addresses that differs from this one by a letter too many, missing, wrong or in the
        place of its neighbour, behind the first; "" where some word begins like this one, or none is like it.
        """
        word = word.casefold()
        if not _SHORTEST_RESPELLED <= len(word) <= _LONGEST_RESPELLED or not word.isalpha():
            return ""
        if self._one("SELECT 1 FROM fts WHERE fts MATCH ? LIMIT 1", (f'{{address area_name}} : ("{word}"*)',)):
            return ""
        later = range(1, len(word))
        exactly = [word[:at] + word[at + 1 :] for at in later]
        exactly += [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in later[:-1]]
        like = [word[:at] + "_" + word[at + 1 :] for at in later]
        like += [word[:at] + "_" + word[at:] for at in (*later, len(word))]
        are = f"term IN ({','.join('?' * len(exactly))}){' OR term LIKE ?' * len(like)}"
        found = self._one(
            f"SELECT term FROM temp.address_words WHERE term >= ? AND term < ? AND ({are})"  # noqa: S608 - marks
            " AND col IN ('address', 'area_name') GROUP BY term ORDER BY sum(doc) DESC, term LIMIT 1",
            (word[0], chr(ord(word[0]) + 1), *exactly, *like),
        )
        return str(found[0]) if found is not None else ""

    def matching(self, text: str) -> Rows:
        """All rows whose texts have every word (or its beginning), ascending; empty when the text has no word."""
        query = match_query(text)
        if not query:
            return _rows_of("")
        found = self._one("SELECT group_concat(rowid) FROM fts WHERE fts MATCH ?", (query,))
        if found is None or found[0] is None:
            return _rows_of("")
        return _rows_of(found[0])

    def on_street(self, street: str) -> Rows:
        """All rows whose address has these words in a row, without what only says that it is a street; ascending."""
        words = street_words(street)
        if not words:
            return _rows_of("")
        phrase = " ".join(words)
        found = self._one("SELECT group_concat(rowid) FROM fts WHERE fts MATCH ?", (f'address : ("{phrase}"*)',))
        return _rows_of(found[0] if found is not None and found[0] is not None else "")

    # The connection

    def _ready(self) -> sqlite3.Connection | None:
        """The connection to the file that stands there now; None while there is none."""
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            return self._connection  # what was deleted can still be read, until the writer has begun a new file
        except OSError as error:
            raise from_os(error, self._path) from error
        identity = (stat.st_dev, stat.st_ino)
        if self._connection is not None and identity == self._opened:
            return self._connection
        self.close()
        if stat.st_size == 0:
            return None
        with self._errors():
            connection = open_reader(self._path)
            try:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                # The words of the index, as a view of this connection: nothing is written to the file.
                connection.execute("PRAGMA query_only = OFF")
                connection.execute("CREATE VIRTUAL TABLE temp.address_words USING fts5vocab(main, 'fts', 'col')")
                connection.execute("PRAGMA query_only = ON")
            except BaseException:
                connection.close()
                raise
            if version != CACHE_VERSION:  # being made or brought up to date by the writer, or not for us
                connection.close()
                if version > CACHE_VERSION:
                    raise NewerFile(self._path, "cache.db was written by a newer version of Sigap.")
                return None
            self._connection, self._opened = connection, identity
        return self._connection

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise an error of SQLite, or a body that cannot be decoded, as a StoreError; mark a damaged file for the
        writer.
        """
        try:
            yield
        except (sqlite3.Error, msgspec.DecodeError, UnicodeDecodeError, binascii.Error) as error:
            if isinstance(error, sqlite3.Error):
                found = from_sqlite(error, self._path)
            else:
                found = DamagedFile(self._path, f"{self._path.name} is damaged.")
            if found is None:
                raise
            self.close()
            if isinstance(found, DamagedFile):
                with contextlib.suppress(OSError):
                    self._suspect.touch(0o600)
            raise found from error

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection | None]:
        """A read transaction: everything read inside is of one moment."""
        connection = self._ready()
        if connection is None:
            yield None
            return
        with self._errors():
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        connection = self._ready()
        if connection is None:
            return []
        with self._errors():
            return connection.execute(sql, values).fetchall()

    def _one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        found = self._all(sql, values)
        return found[0] if found else None

    def _parts(self, sql: str, struct: type[T], values: Sequence[Any] = ()) -> list[T]:
        decoder = decoder_of(struct)
        bodies = self._all(sql, values)
        with self._errors():
            return [decoder.decode(body) for (body,) in bodies]

    def _objects(self, kind: str, struct: type[T]) -> list[tuple[str, T]]:
        return self._of_sources(f"{table_of(kind)} o", struct, "ORDER BY o.source, o.id")

    def _of_sources(self, table: str, struct: type[T], which: str) -> list[tuple[str, T]]:
        decoder = decoder_of(struct)
        found = self._all(
            f"SELECT w.word, o.body FROM {table} JOIN words w ON w.kind = 'source' AND w.id = o.source {which}"  # noqa: S608 - constants
        )
        with self._errors():
            return [(source, decoder.decode(body)) for source, body in found]

    @staticmethod
    def _all_facts(connection: sqlite3.Connection) -> bytes:
        first, last = connection.execute("SELECT coalesce(min(row), 0), coalesce(max(row), -1) FROM reports").fetchone()
        starts = range(first, last + 1, _ROWS_AT_A_TIME)
        return b"".join(
            _facts_of(connection, "row BETWEEN ? AND ?", (start, start + _ROWS_AT_A_TIME - 1)) for start in starts
        )


_BEFORE_ALL = LogPlace(2**62, 2**62)


def match_query(text: str) -> str:
    """An FTS5 query for all words of `text`, each as a beginning; nothing in the text is query language."""
    words = ["".join(c if c.isalnum() else " " for c in word).split() for word in text.split()]
    return " ".join(f'"{part}"*' for parts in words for part in parts)


_SHORTEST_RESPELLED, _LONGEST_RESPELLED = 4, 24
"""Letters of a word: of a shorter one a slip makes another word."""


def street_words(street: str) -> list[str]:
    """The words that name a street: "Jl." and "Jalan" say the same, and an address may have either."""
    words = "".join(c if c.isalnum() else " " for c in street.casefold()).split()
    return [word for word in words if word not in _STREET_KINDS] or words


_STREET_KINDS = frozenset({"jl", "jln", "jalan", "gg", "gang", "st", "street", "road", "rd", "rua", "r", "av"})


def _rows_of(listed: str) -> Rows:
    """Row numbers out of a list with commas, ascending."""
    import numpy as np

    return np.sort(np.fromstring(listed, dtype=np.int64, sep=",")) if listed else np.zeros(0, dtype=np.int64)


@functools.cache
def _facts_dtype() -> np.dtype[Any]:
    """The packed facts of one report as a numpy record."""
    import numpy as np

    return np.dtype([(name, "<" + {"q": "i8", "i": "i4", "h": "i2", "b": "i1"}[code]) for name, code in FIELDS])


def _facts_of(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> bytes:
    found = connection.execute(
        f"SELECT group_concat(hex(facts), '') FROM reports WHERE {where}",  # noqa: S608 - constants
        values,
    ).fetchone()[0]
    packed = binascii.unhexlify(found) if found else b""
    if len(packed) % FACTS.size:
        raise msgspec.DecodeError("facts of a wrong length")
    return packed


def _loaded(cursor: Cursor | None) -> Loaded:
    if cursor is None:
        return Loaded.NOTHING
    if cursor.as_of is not None and cursor.snapshot_key is None:
        return Loaded.WHOLE
    return loaded_by(cursor.whole)


def _by_source(places: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source, report in places:
        found.setdefault(source, []).append(report)
    return found
