"""Crews that refuse what this operator gave them: told wherever he is, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import QObject, Signal

from console.domain.edit import Kind
from console.domain.loaded import Loaded
from console.domain.report import Assignment, Entry
from console.domain.status import AssignmentState
from console.domain.word import Word
from console.presenters.desk import Desk
from console.presenters.setback import Setback
from console.store.cache_read import CachedReport, CacheReader
from console.tasks import Tasks

_MOST = 50
"""So many at once are the crews' doing; more are a city that is read anew."""


class RefusedJob(msgspec.Struct, frozen=True):
    """A job that its crew refused, and why."""

    job: Assignment
    about: CachedReport
    why: str


class Refusals(QObject):
    """Follows the unfinished work of all cities; `told` gets a Setback for each job that was refused."""

    told = Signal(object)

    def __init__(
        self, desk: Desk, tasks: Tasks, reader: Callable[[], CacheReader], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._tasks, self._reader = desk, tasks, reader
        self._live: dict[Word, Assignment] | None = None
        desk.catalog_changed.connect(lambda _: self._look())
        desk.loaded_changed.connect(lambda _: self._look())

    def _look(self) -> None:
        """What was unfinished and is no more may have been refused; of what is being read anew nothing is known."""
        if self._desk.loaded < Loaded.WORK:
            self._live = None
            return
        catalogs = self._desk.cities.catalogs
        now = {(source, one.id): one for source, city in catalogs.items() for one in city.assignments}
        before, self._live = self._live, now
        gone = [(source, one) for (source, key), one in (before or {}).items() if (source, key) not in now]
        if gone:
            self._tasks.submit(lambda: self._refused(gone[:_MOST]), self._tell)

    def _refused(self, gone: Sequence[tuple[str, Assignment]]) -> list[RefusedJob]:
        """Those of them that a crew refused and that concern this operator; on a worker."""
        found = []
        for source, was in gone:
            reader, me = self._reader(), self._desk.me_at(source)
            row = reader.row_of(source, was.report)
            about = reader.report(row) if row is not None else None
            if row is None or about is None:
                continue
            job = next((one for one in reader.assignments(row) if one.id == was.id), None)
            if job is None or job.state is not AssignmentState.REFUSED:
                continue
            said = _said_by(job, reader.entries(row))
            holder = about.report.claim.who if about.report.claim is not None else ""
            if me in (job.orderer, holder) and (said is None or said.author != me):
                found.append(RefusedJob(job, about, said.text if said is not None else ""))
        return found

    def _tell(self, refused: Sequence[RefusedJob]) -> None:
        for one in refused:
            report, catalog = one.about.report, self._desk.catalog(one.about.source)
            what = f"{catalog.service_name(report.service)}, {catalog.place(report.area)}"
            self.told.emit(
                Setback(
                    source=one.about.source,
                    report=report.id,
                    me=self._desk.me,
                    bold=self.tr("{unit} has refused:").format(unit=catalog.name("unit", one.job.unit)),
                    text=self.tr("{why}. Report {number} {what}").format(
                        why=one.why.rstrip(".") or self.tr("no reason was given"), number=report.id, what=what
                    ),
                    priority=report.priority,
                    of_crew=True,
                )
            )


def _said_by(job: Assignment, history: Sequence[Entry]) -> Entry | None:
    """The entry by which the crew refused the job."""
    refused = AssignmentState.REFUSED.value
    said = (one for one in reversed(history) if one.kind == Kind.PROGRESS and one.data.get("state") == refused)
    return next((one for one in said if one.data.get("unit") == job.unit), None)
