"""Crews of this operator that do not come any more: they refuse, cannot go on, or another has called them back.

He is told wherever he is, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import QObject, Signal

from console.domain.edit import Kind
from console.domain.loaded import Loaded
from console.domain.report import Assignment, Entry, Unit
from console.domain.status import AssignmentState, UnitState
from console.domain.word import Word
from console.presenters import words
from console.presenters.desk import Desk
from console.presenters.setback import Setback, concerns, ended_by_another, let_go_with
from console.store.cache_read import CachedReport, CacheReader
from console.tasks import Tasks

_NAMED = 3
_MOST = 50
"""So many at once are the crews' doing; more are a city that is read anew."""


class StoppedJob(msgspec.Struct, frozen=True):
    """A job that its crew does not do, and the entry that says why; None where the cache holds none.

    `along` are all jobs of the report that were called back by one edit with it, itself included.
    """

    job: Assignment
    about: CachedReport
    said: Entry | None
    along: tuple[Assignment, ...] = ()


class Refusals(QObject):
    """Follows the unfinished work of all cities; `told` gets a Setback for each job that will not be done."""

    told = Signal(object)

    def __init__(
        self, desk: Desk, tasks: Tasks, reader: Callable[[], CacheReader], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._tasks, self._reader = desk, tasks, reader
        self._live: dict[Word, Assignment] | None = None
        self._halted: frozenset[Word] = frozenset()
        desk.catalog_changed.connect(lambda _: self._look())
        desk.loaded_changed.connect(lambda _: self._look())

    def _look(self) -> None:
        """What was unfinished and is no more may have been refused; of what is being read anew nothing is known."""
        if self._desk.loaded < Loaded.WORK:
            self._live = None
            return
        catalogs = self._desk.cities.catalogs
        now = {(source, one.id): one for source, city in catalogs.items() for one in city.assignments}
        halted = frozenset(
            (source, job.id)
            for source, city in catalogs.items()
            for unit in city.units.values()
            if unit.state is UnitState.UNAVAILABLE  # which ends no job
            for job in city.by_unit.get(unit.id, ())
            if job.state is not AssignmentState.RESERVED
        )
        before, self._live = self._live, now
        halted_before, self._halted = self._halted, halted
        if before is None:
            return
        gone = [(source, one) for (source, key), one in before.items() if (source, key) not in now]
        stuck = [(source, now[source, key]) for source, key in sorted(halted - halted_before)]
        if gone or stuck:
            self._tasks.submit(lambda: self._stopped(gone[:_MOST]) + self._stuck(stuck[:_MOST]), self._tell)

    def _stopped(self, gone: Sequence[tuple[str, Assignment]]) -> list[StoppedJob]:
        """Those that a crew refused or another called back, and that concern this operator; on a worker."""
        found = []
        for source, was in gone:
            about = self._about(source, was)
            if about is None:
                continue
            jobs = self._reader().assignments(about.row)
            job = next((one for one in jobs if one.id == was.id), None)
            if job is None or job.state not in (AssignmentState.REFUSED, AssignmentState.RECALLED):
                continue
            history, me = self._reader().entries(about.row), self._desk.me_at(source)
            refused = job.state is AssignmentState.REFUSED
            said = _said_by(job, history) if refused else next((one for one in history if one.edit == job.edit), None)
            author = said.author if said is not None else job.by if not refused else ""
            if author != me and concerns(job, about, me):
                along = [job] if refused or said is None else let_go_with(said, jobs)
                found.append(StoppedJob(job, about, said, tuple(along)))
        return found

    def _stuck(self, halted: Sequence[tuple[str, Assignment]]) -> list[StoppedJob]:
        """Those of crews that another has said to be unable to work, and that concern this operator; on a worker."""
        found = []
        for source, job in halted:
            about, me = self._about(source, job), self._desk.me_at(source)
            if about is None or not concerns(job, about, me):
                continue
            states = (one for one in self._reader().unit_entries(source) if one.kind == Kind.UNIT_STATE)
            said = next((one for one in states if job.unit in (one.unit, one.data.get("unit"))), None)
            if said is None or said.author != me:
                found.append(StoppedJob(job, about, said))
        return found

    def _about(self, source: str, job: Assignment) -> CachedReport | None:
        row = self._reader().row_of(source, job.report)
        return self._reader().report(row) if row is not None else None

    def _tell(self, stopped: Sequence[StoppedJob]) -> None:
        for one in stopped:
            about, job = one.about, one.job
            if job.state is AssignmentState.RECALLED:
                # An entry that is not here yet: who did it is known by the job.
                said = one.said or Entry("", about.report.id, Kind.RECALL.value, job.since, job.by)
                catalog = self._desk.catalog(about.source)
                self.told.emit(ended_by_another(about, said, one.along, self._desk.me, catalog, self.tr))
            else:
                self.told.emit(self._setback(one))

    def _setback(self, stopped: StoppedJob) -> Setback:
        about, said = stopped.about, stopped.said
        report, catalog = about.report, self._desk.catalog(about.source)
        unit = catalog.units.get(stopped.job.unit)
        refused = stopped.job.state is AssignmentState.REFUSED
        bold = self.tr("{unit} has refused:") if refused else self.tr("{unit} cannot go on:")
        why = said.text if said is not None else ""
        if not refused:
            why = _reason(unit) or why
        what = f"{catalog.service_name(report.service)}, {catalog.place(report.area)}"
        reason = why.strip().rstrip(".") or self.tr("no reason was given")
        about_what = self.tr("Report {number} {what}").format(number=report.id, what=what)
        return Setback(
            source=about.source,
            report=report.id,
            me=self._desk.me,
            bold=bold.format(unit=catalog.name("unit", stopped.job.unit)),
            text=". ".join(part for part in (reason, self._rest_of(stopped), about_what) if part),
            priority=report.priority,
            of_crew=True,
            row=about.row,
            units=(stopped.job.unit,) if refused else (),
            at=said.at if said is not None else stopped.job.since,
        )

    def _rest_of(self, stopped: StoppedJob) -> str:
        """What else hangs on the crew, "" for nothing: what stops it here may stop it there."""
        job = stopped.job
        jobs = self._desk.catalog(stopped.about.source).by_unit.get(job.unit, [])
        others = [one.report for one in jobs if one.report != job.report]
        if not others:
            return ""
        return self.tr("It still has {reports}").format(reports=words.first_of(others, _NAMED, self.tr))


def _reason(unit: Unit | None) -> str:
    return (unit.reason or "") if unit is not None else ""


def _said_by(job: Assignment, history: Sequence[Entry]) -> Entry | None:
    """The entry by which the crew refused the job."""
    refused = AssignmentState.REFUSED.value
    said = (one for one in reversed(history) if one.kind == Kind.PROGRESS and one.data.get("state") == refused)
    return next((one for one in said if one.data.get("unit") == job.unit), None)
