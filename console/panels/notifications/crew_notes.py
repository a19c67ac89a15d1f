"""Tells the operator what crews write on reports: to whom it concerns, or to all, as it may be a call for help."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Assignment, Entry, Kind
from console.cache.page_items import Cursor
from console.cache.reader import CachedReport, CacheReader
from console.outbox.followed import KeptFollowed
from console.panels.notifications.attendance import Attendance
from console.panels.notifications.checkpoints import Checkpoints, known
from console.panels.notifications.setback import Of, Setback, bounded, concerns, is_heard
from console.panels.window_state import WindowState
from console.rules.followed import Followed
from console.rules.loaded import Loaded
from console.rules.report import HAZARD
from console.rules.run_card import is_of_card
from console.rules.scoped_code import ScopedCode
from console.rules.status import ENDED_ASSIGNMENT, is_open
from console.tasks import Tasks
from widgets.text import one_line

_KIND = "notes"
_READ_TO = ""
"""Among the kept ids (of notes) the one whose text is the feed number up to which notes were read."""
_SEEN = ""

NEWS = timedelta(days=1)
"""A note is told if it is no older, and was written no later than this after the crew's job had ended."""


_JUST = timedelta(minutes=5)
"""Notes of so long before an operator first signed in on this console are told: maybe nobody else has read them."""

_SHOWS = timedelta(minutes=5)
"""A console that was killed or cut off counts as connected for a minute or two; after this time it does not."""


class CrewNote(msgspec.Struct, frozen=True):
    """A crew's note and the report it is on. `is_mine`: the operator sent the crew or holds the report. `is_left`: it
    is left to another operator whom it concerns and who is connected. `is_others`: it is told here too, and there is
    such an operator.
    """

    about: CachedReport
    entry: Entry
    is_mine: bool
    is_left: bool = False
    is_others: bool = False

    @property
    def scoped_code(self) -> ScopedCode:
        """The note's source and id."""
        return self.about.source, self.entry.id


class _NotesAsked(msgspec.Struct, frozen=True):
    """What is to be read: the sources at which to begin, with what was kept there; for the others the feed number up to
    which notes were read; the rows of changed reports; and the notes that were left to others, with their rows.
    """

    begin: dict[str, Followed | None]
    since: dict[str, int]
    rows: frozenset[int]
    left: dict[ScopedCode, int]
    turn: int


class _NotesRead(msgspec.Struct, frozen=True):
    """Result of `CrewNotes._read`; `since`, `epochs` and `seen` are of the sources at which it begins, `left` are the
    notes that are left to others (-> row).
    """

    asked: _NotesAsked
    epochs: dict[str, str]
    since: dict[str, int]
    seen: frozenset[ScopedCode]
    notes: tuple[CrewNote, ...]
    left: dict[ScopedCode, int]


class CrewNotes(QObject):
    """Watches the cache for notes of crews; `setback_found` emits a Setback for each one that the operator has not
    seen.

    A note is new by the server's feed numbers and not by this computer's clock, also when it was written while the
    window was closed. Notes count even if the crew's job has ended: it may have said "done" a moment too soon, or have
    written the note without a network.
    """

    setback_found = Signal(object)

    def __init__(
        self,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        followed: KeptFollowed,
        attendance: Attendance,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._tasks, self._reader, self._attendance = window_state, tasks, reader, attendance
        self._points = Checkpoints(_KIND, window_state, followed)
        self._since: dict[str, int] = {}
        self._notes: dict[ScopedCode, str] = {}
        """The notes that were told -> their reports; `_SEEN` for those that the operator has seen."""
        self._left: dict[ScopedCode, int] = {}
        """Notes left to others whom they concern -> rows; asked about again, as these others may turn out to be
        gone.
        """
        self._rows: set[int] = set()
        """The rows of reports that changed and were not read yet."""
        window_state.rows_touched.connect(self._on_rows)
        window_state.catalog_changed.connect(lambda _: self.look())
        window_state.loaded_changed.connect(lambda _: self.look())
        followed.on_open(self._begin_again)
        attendance.changed.connect(self.look)

    def on_seen(self, of: Iterable[Of]) -> None:
        """The operator has seen the notices `of` these notes."""
        for kind, source, key in of:
            if kind == _KIND and (source, key) in self._notes:
                self._notes[source, key] = _SEEN
        self._keep()

    def look(self) -> None:
        """Begin at sources where that was not done yet, for example for another operator, and read what changed
        elsewhere.
        """
        if left := self._points.leave():
            self._notes = {
                scoped_code: report for scoped_code, report in self._notes.items() if scoped_code[0] not in left
            }
            self._left = {scoped_code: row for scoped_code, row in self._left.items() if scoped_code[0] not in left}
        begin = self._points.to_begin(self._window_state.cities.catalogs)
        since = {source: seq for source, seq in self._since.items() if source not in begin}
        asked = _NotesAsked(begin, since, frozenset(self._rows), dict(self._left), self._points.turn)
        if begin or asked.left or (asked.rows and since):
            self._tasks.latest(_KIND, lambda: self._read(asked), self._tell)

    def _on_rows(self, rows: frozenset[int] | None) -> None:
        if rows is None:  # in another file a row is another report
            self._rows.clear()
            self._left.clear()
            self._begin_again()
        else:
            self._rows |= rows
            self.look()

    def _begin_again(self) -> None:
        self._points.forget()
        self.look()

    def _read(self, asked: _NotesAsked) -> _NotesRead:
        """Read the notes of crews that concern this operator, on a worker. A source that is not read completely yet is
        not begun at.
        """
        reader = self._reader()
        cursors = reader.cursors()
        epochs, since = dict[str, str](), dict[str, int]()
        seen: set[ScopedCode] = set()
        notes: dict[ScopedCode, CrewNote] = {}
        for source, followed in asked.begin.items():
            cursor = cursors.get(source)
            if cursor is None or reader.loaded((source,)) is not Loaded.WHOLE:
                continue
            epochs[source], since[source] = cursor.epoch, cursor.seq
            ids = known(followed, cursor) or {}
            seen |= {(source, key) for key, report in ids.items() if report == _SEEN}
            if ids.get(_READ_TO, "").isdecimal():
                fresh = reader.entries_after(source, int(ids[_READ_TO]), self._oldest(cursor.as_of))
            elif cursor.as_of is not None:
                # protects: a-new-desk-hears-what-has-just-been-said
                fresh = reader.entries_after(source, 0, cursor.as_of - _JUST)
            else:
                continue
            untold = self._untold(reader, source, ids)
            found = self._of_crews(reader, source, [*untold, *fresh])
            # What was written on a report that has been closed since, and was not his, others have read.
            notes |= {one.scoped_code: one for one in found if one.is_mine or is_open(one.about.report.status)}
        for source, seq in asked.since.items():
            cursor = cursors.get(source)
            if cursor is not None and asked.rows:
                fresh = reader.entries_after(source, seq, self._oldest(cursor.as_of), asked.rows)
                notes |= {one.scoped_code: one for one in self._of_crews(reader, source, fresh)}
        for source in {source for source, _ in asked.left}:
            rows = {row for scoped_code, row in asked.left.items() if scoped_code[0] == source}
            written = [(row, one) for row in rows for one in reader.entries(row) if (source, one.id) in asked.left]
            notes |= {one.scoped_code: one for one in self._of_crews(reader, source, written)}
        left = {
            scoped_code: one.about.row
            for scoped_code, one in notes.items()
            if one.is_left and self._may_come(one, cursors)
        }
        heard = tuple(one for one in notes.values() if not one.is_left)
        return _NotesRead(asked, epochs, since, frozenset(seen), heard, left)

    def _may_come(self, note: CrewNote, cursors: Mapping[str, Cursor]) -> bool:
        """Whether the operator to whom the note is left may have been gone already when it was written: a server
        notices that a few minutes later.
        """
        source = note.about.source
        as_of = cursors[source].as_of if source in cursors else None
        return source not in self._attendance.connected or as_of is None or as_of - note.entry.at <= _SHOWS

    @staticmethod
    def _oldest(as_of: datetime | None) -> datetime | None:
        """The time (of the server) from which on a note counts as news; None when the server's time is not known."""
        return as_of - NEWS if as_of is not None else None

    @staticmethod
    def _untold(reader: CacheReader, source: str, ids: Mapping[str, str]) -> list[tuple[int, Entry]]:
        """Notes that were shown when the window was last closed, and not seen."""
        found = []
        for report in {report for key, report in ids.items() if key != _READ_TO and report != _SEEN}:
            row = reader.row_of(source, report)
            if row is not None:
                found += [(row, one) for one in reader.entries(row) if ids.get(one.id) == report]
        return found

    def _of_crews(self, reader: CacheReader, source: str, entries: Collection[tuple[int, Entry]]) -> Iterable[CrewNote]:
        """Of these entries, given with their rows, the notes that crews wrote."""
        written = [(row, one) for row, one in entries if _is_note(one)]
        if not written:
            return
        me, connected = self._window_state.me_at(source), self._attendance.connected.get(source)
        crews = {user.name for of, user in reader.users() if of == source and user.role == "field"}
        reports = {one.row: one for one in reader.reports(sorted({row for row, _ in written}))}
        for row, entry in written:
            about = reports.get(row)
            if about is None or entry.author == me:
                continue
            jobs = [one for one in reader.assignments(row) if _is_at_work(one, entry)]
            units = {self._window_state.catalog(source).name("unit", one.unit) for one in jobs}
            if jobs and entry.author in crews | units:
                is_mine = any(concerns(one, about, me) for one in jobs)
                is_left = not any(is_heard(one, about, me, connected) for one in jobs)
                is_others = not is_mine and any(concerns(one, about, who) for one in jobs for who in connected or ())
                yield CrewNote(about, entry, is_mine, is_left, is_others)

    def _tell(self, read: _NotesRead) -> None:
        if read.asked.turn != self._points.turn:
            self.look()
            return
        self._rows -= read.asked.rows
        self._points.begin(read.epochs)
        self._since |= read.since
        # protects: who-is-gone-shows-later
        self._left = {
            scoped_code: row for scoped_code, row in self._left.items() if scoped_code not in read.asked.left
        } | read.left
        news = [one for one in read.notes if one.scoped_code not in self._notes and one.scoped_code not in read.seen]
        self._notes |= {one.scoped_code: one.about.report.id for one in news}
        self._keep()
        for setback in bounded([self._setback(one) for one in news], self.tr):
            self.setback_found.emit(setback)

    def _keep(self) -> None:
        self._points.keep({(source, _READ_TO): str(seq) for source, seq in self._since.items()} | self._notes)

    def _setback(self, note: CrewNote) -> Setback:
        about, entry = note.about, note.entry
        report, catalog = about.report, self._window_state.catalog(about.source)
        what = f"{catalog.service_name(report.service)}, {catalog.place(report.area)}"
        text = self.tr("{text}. Report {number} {what}")
        return Setback(
            source=about.source,
            report=report.id,
            me=self._window_state.me,
            bold=self.tr("{who} writes:").format(who=entry.author),
            text=text.format(text=one_line(entry.text).rstrip("."), number=report.id, what=what),
            priority=report.priority,
            # protects: who-has-it-is-called-not-everybody
            of_crew=report.priority == HAZARD and not note.is_others,
            entry=entry.id,
            row=about.row,
            at=entry.at,
            is_note=True,
            of=frozenset({(_KIND, about.source, entry.id)}),
        )


def _is_at_work(job: Assignment, note: Entry) -> bool:
    """Whether a crew was at work on a job when it wrote, or not long before."""
    return job.state not in ENDED_ASSIGNMENT or note.at - job.since <= NEWS


def _is_note(entry: Entry) -> bool:
    return entry.kind == Kind.NOTE and entry.undone_by is None and not is_of_card(entry)
