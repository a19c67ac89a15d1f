"""What a crew writes from a report is told to who sent it or has the report, or to all: it may be a call for help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from PySide6.QtCore import QObject, Signal

from console.domain.edit import Kind
from console.domain.report import HAZARD, Entry
from console.domain.status import ENDED_ASSIGNMENT
from console.presenters.desk import Desk
from console.presenters.setback import Setback, is_heard
from console.store.cache_read import CachedReport, CacheReader
from console.tasks import Tasks
from widgets.text import one_line

_MOST = 50
"""So many reports at once are what happens; more are a city that is read anew."""


class CrewNote(msgspec.Struct, frozen=True):
    """A note, the report it is on, and the units at work there that its writer may be."""

    about: CachedReport
    entry: Entry
    units: tuple[str, ...]


class CrewNotes(QObject):
    """Follows what the cache gets; `told` gets a Setback for each note of a crew that came since the window opened."""

    told = Signal(object)

    def __init__(
        self,
        desk: Desk,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._tasks, self._reader, self._since = desk, tasks, reader, now()
        desk.rows_touched.connect(self._on_rows)

    def _on_rows(self, rows: frozenset[int] | None) -> None:
        if rows and len(rows) <= _MOST:
            self._tasks.submit(lambda: self._read(sorted(rows)), self._tell)

    def _read(self, rows: Sequence[int]) -> list[CrewNote]:
        """The notes of crews at work on these reports, as far as they concern this operator; on a worker."""
        found: list[CrewNote] = []
        reader = self._reader()
        for about in reader.reports(rows):
            jobs = [one for one in reader.assignments(about.row) if one.state not in ENDED_ASSIGNMENT]
            me = self._desk.me_at(about.source)
            if not any(is_heard(job, about, me) for job in jobs):
                continue
            new = [one for one in reader.entries(about.row) if one.kind == Kind.NOTE and one.at >= self._since]
            if not new:
                continue
            crews = {user.name for source, user in reader.users() if source == about.source and user.role == "field"}
            units = tuple(job.unit for job in jobs)
            crews |= {self._desk.catalog(about.source).name("unit", unit) for unit in units}
            found += [CrewNote(about, one, units) for one in new if one.author in crews and one.undone_by is None]
        return found

    def _tell(self, notes: Sequence[CrewNote]) -> None:
        for note in notes:
            about, said = note.about, note.entry
            report, catalog = about.report, self._desk.catalog(about.source)
            what = f"{catalog.service_name(report.service)}, {catalog.place(report.area)}"
            text = self.tr("{text}. Report {number} {what}")
            self.told.emit(
                Setback(
                    source=about.source,
                    report=report.id,
                    me=self._desk.me,
                    bold=self.tr("{who} writes:").format(who=said.author),
                    text=text.format(text=one_line(said.text).rstrip("."), number=report.id, what=what),
                    priority=report.priority,
                    of_crew=report.priority == HAZARD,
                    entry=said.id,
                    row=about.row,
                    at=said.at,
                )
            )
