"""Tells the operator of crews of his that will not come: they refused, cannot go on, or were recalled by another.

He is told with the reason, whatever he is doing, and also of what happened while he was away.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Assignment, AssignmentState, Entry, Kind, Status, Unit, UnitState
from console.cache.reader import CachedReport, CacheReader
from console.outbox.followed import KeptFollowed
from console.panels import formatting
from console.panels.notifications.attendance import Attendance
from console.panels.notifications.checkpoints import Checkpoints, known
from console.panels.notifications.setback import (
    Of,
    Setback,
    bounded,
    closes,
    concerns,
    ended_by_another,
    is_heard,
    let_go_with,
)
from console.panels.report.refused_jobs import refusal_of
from console.panels.window_state import WindowState
from console.rules.followed import Followed
from console.rules.loaded import Loaded
from console.rules.scoped_code import ScopedCode
from console.rules.status import ENDED_ASSIGNMENT, is_open
from console.tasks import Tasks

_NAMED = 3
_JOBS, _HALTS = "jobs", "halts"
_STOPPED = (AssignmentState.REFUSED, AssignmentState.RECALLED)


class _Left(enum.Enum):
    """Marks a job whose news is left to another operator whom it concerns and who is connected."""

    LEFT = 0


_LEFT = _Left.LEFT


class StoppedJob(msgspec.Struct, frozen=True):
    """A job that its crew will not do, and the entry that says why (None when the cache has none).

    `along` are all jobs of the report that the same edit recalled, this one included.
    """

    job: Assignment
    about: CachedReport
    entry: Entry | None
    along: tuple[Assignment, ...] = ()

    @property
    def scoped_code(self) -> ScopedCode:
        """The job's source and id."""
        return self.about.source, self.job.id


class _JobsAsked(msgspec.Struct, frozen=True):
    """What is to be read: the sources at which to begin, with what was kept there; `ended`, the jobs that ended (->
    report); `stuck`, the ones whose crew cannot go on; and all jobs as they are now.
    """

    jobs: dict[str, Followed | None]
    halts: dict[str, Followed | None]
    ended: dict[ScopedCode, str]
    stuck: frozenset[ScopedCode]
    live: dict[ScopedCode, Assignment]
    halted: frozenset[ScopedCode]
    turn: int


class _JobsRead(msgspec.Struct, frozen=True):
    """Result of `Refusals._read`. `ended` and `stuck` are the jobs that were read; `unknown` those of which the cache
    does not say yet how they ended, or that are left to others who are connected; `halts` those that are no news.
    """

    epochs: dict[str, str]
    ended: dict[ScopedCode, str]
    stuck: frozenset[ScopedCode]
    unknown: frozenset[ScopedCode]
    halts: frozenset[ScopedCode]
    stopped: tuple[StoppedJob, ...]
    halting: tuple[StoppedJob, ...]
    turn: int


class Refusals(QObject):
    """Follows the unfinished jobs of all sources; `setback_found` emits a Setback for each one that will not be done.

    A job that ended is followed until the operator has seen the notice, or it is known to have ended well.
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
        self._jobs, self._halts = (
            Checkpoints(_JOBS, window_state, followed),
            Checkpoints(_HALTS, window_state, followed),
        )
        self._live: dict[ScopedCode, Assignment] | None = None
        self._ended: dict[ScopedCode, str] = {}
        """Jobs that ended -> their reports: how is not known yet, or the operator has not seen it."""
        self._halted: frozenset[ScopedCode] = frozenset()
        self._known_halts: frozenset[ScopedCode] = frozenset()
        self._notified: set[tuple[str, ScopedCode]] = set()
        self._seen: set[tuple[str, ScopedCode]] = set()
        self._told_halts: set[tuple[str, ScopedCode]] = set()
        window_state.catalog_changed.connect(lambda _: self.look())
        window_state.loaded_changed.connect(lambda _: self.look())
        followed.on_open(self._begin_again)
        attendance.changed.connect(self.look)

    def on_seen(self, of: Iterable[Of]) -> None:
        """The operator has seen the notices `of` these jobs."""
        for kind, source, key in of:
            scoped_code = source, key
            if kind == _JOBS:
                self._ended.pop(scoped_code, None)
                self._seen.add((self._me(scoped_code), scoped_code))
            elif kind == _HALTS:
                self._told_halts.discard((self._me(scoped_code), scoped_code))
                self._known_halts |= self._halted & {scoped_code}
        self._keep()

    def _keep(self) -> None:
        """Keep all unfinished jobs as followed, not only the operator's: whom the end of a job concerns is known when
        it ends.
        """
        if self._live is None:
            return
        self._jobs.keep({scoped_code: job.report for scoped_code, job in self._live.items()} | self._ended)
        self._halts.keep(dict.fromkeys(self._known_halts, ""))

    def _begin_again(self) -> None:
        self._forget()
        self.look()

    def _forget(self) -> None:
        self._jobs.forget()
        self._halts.forget()

    def look(self) -> None:
        """Find the jobs that are unfinished no more and read on a worker how they ended. While jobs are being read anew
        from the server nothing is known.
        """
        if self._window_state.loaded < Loaded.WORK:
            self._live = None
            self._ended.clear()
            self._forget()
            return
        catalogs = self._window_state.cities.catalogs
        now = {(source, one.id): one for source, city in catalogs.items() for one in city.assignments}
        self._halted = frozenset(
            (source, job.id)
            for source, city in catalogs.items()
            for unit in city.units.values()
            if unit.state is UnitState.UNAVAILABLE  # which ends no job
            for job in city.by_unit.get(unit.id, ())
            if job.state is not AssignmentState.RESERVED
        )
        before, self._live = self._live, now
        left = self._jobs.leave() | self._halts.leave()
        self._known_halts = frozenset(
            scoped_code for scoped_code in self._known_halts & self._halted if scoped_code[0] not in left
        )
        self._told_halts = {one for one in self._told_halts if one[1] in self._halted}
        ended = self._ended | {
            scoped_code: one.report for scoped_code, one in (before or {}).items() if scoped_code not in now
        }
        self._ended = {
            scoped_code: report
            for scoped_code, report in ended.items()
            if scoped_code not in now and scoped_code[0] not in left
        }
        jobs = self._jobs.to_begin(catalogs)
        asked = _JobsAsked(
            jobs,
            self._halts.to_begin(catalogs),
            {
                scoped_code: report
                for scoped_code, report in self._ended.items()
                if (self._me(scoped_code), scoped_code) not in self._notified
            },
            frozenset(
                scoped_code
                for scoped_code in self._halted - self._known_halts
                if scoped_code[0] not in jobs and (self._me(scoped_code), scoped_code) not in self._told_halts
            ),
            now,
            self._halted,
            self._jobs.turn,
        )
        if asked.jobs or asked.ended or asked.stuck:
            self._tasks.latest(_JOBS, lambda: self._read(asked), self._tell)
        else:
            self._keep()

    def _me(self, scoped_code: ScopedCode) -> str:
        return self._window_state.me_at(scoped_code[0])

    def _read(self, asked: _JobsAsked) -> _JobsRead:
        """Read on a worker how these jobs ended, or why their crews cannot go on."""
        cursors = self._reader().cursors()
        ended, stuck, halts = dict(asked.ended), set(asked.stuck), set[ScopedCode]()
        epochs = {source: cursors[source].epoch for source in asked.jobs if source in cursors}
        for source in epochs:
            jobs = known(asked.jobs[source], cursors[source])
            ended |= {(source, key): report for key, report in (jobs or {}).items() if (source, key) not in asked.live}
            seen = known(asked.halts.get(source), cursors[source])
            here = {scoped_code for scoped_code in asked.halted if scoped_code[0] == source}
            halts |= here if seen is None else {scoped_code for scoped_code in here if scoped_code[1] in seen}
        stuck |= {scoped_code for scoped_code in asked.halted if scoped_code[0] in epochs} - halts
        stopped, unknown = self._stopped(ended)
        halting, left = self._stuck([(source, asked.live[source, key]) for source, key in sorted(stuck)])
        return _JobsRead(
            epochs,
            ended,
            frozenset(stuck.difference(left)),
            frozenset(unknown),
            frozenset(halts),
            tuple(stopped),
            tuple(halting),
            asked.turn,
        )

    def _stopped(self, ended: Mapping[ScopedCode, str]) -> tuple[list[StoppedJob], list[ScopedCode]]:
        """Of these jobs those that were refused or recalled by another and concern this operator; and those of which
        that is not known yet.
        """
        found: list[StoppedJob] = []
        unknown: list[ScopedCode] = []
        for source in {source for source, _ in ended}:
            keys = [key for of, key in ended if of == source]
            here = {job.id: job for job in self._reader().jobs(source, keys)}
            whole = self._reader().loaded((source,)) is Loaded.WHOLE
            for key in keys:
                job = here.get(key)
                about = self._about(source, job.report) if job is not None and job.state in _STOPPED else None
                if job is not None and about is not None:
                    stopped = self._stopped_job(job, about)
                    found += [stopped] if isinstance(stopped, StoppedJob) else []
                    unknown += [(source, key)] if stopped is _LEFT else []
                elif not whole and (job is None or job.state in _STOPPED):
                    unknown.append((source, key))
        return found, unknown

    def _stopped_job(self, job: Assignment, about: CachedReport) -> StoppedJob | _Left | None:
        history, me = self._reader().entries(about.row), self._window_state.me_at(about.source)
        jobs = self._reader().assignments(about.row)
        refused = job.state is AssignmentState.REFUSED
        entry = refusal_of(job, history) if refused else next((one for one in history if one.edit == job.edit), None)
        author = entry.author if entry is not None else job.by if not refused else ""
        if author == me or _is_settled(job, entry, about, jobs):
            return None
        if not (self._is_heard(job, about) if refused else concerns(job, about, me)):
            return _LEFT if refused else None
        along = [job] if refused or entry is None else let_go_with(entry, jobs)
        return StoppedJob(job, about, entry, tuple(along))

    def _is_heard(self, job: Assignment, about: CachedReport) -> bool:
        source = about.source
        return is_heard(job, about, self._window_state.me_at(source), self._attendance.connected.get(source))

    def _stuck(self, halted: Sequence[tuple[str, Assignment]]) -> tuple[list[StoppedJob], list[ScopedCode]]:
        """Of these jobs (on a worker) those whose crew was reported unable to work by another and that concern this
        operator; and those that are left to others.
        """
        found: list[StoppedJob] = []
        left: list[ScopedCode] = []
        for source, job in halted:
            about, me = self._about(source, job.report), self._window_state.me_at(source)
            if about is None:
                continue
            if not self._is_heard(job, about):
                left.append((source, job.id))
                continue
            states = (one for one in self._reader().unit_entries(source) if one.kind == Kind.UNIT_STATE)
            entry = next((one for one in states if job.unit in (one.unit, one.data.get("unit"))), None)
            if entry is None or entry.author != me:
                found.append(StoppedJob(job, about, entry))
        return found, left

    def _about(self, source: str, report: str) -> CachedReport | None:
        row = self._reader().row_of(source, report)
        return self._reader().report(row) if row is not None else None

    def _tell(self, read: _JobsRead) -> None:
        if self._live is None or read.turn != self._jobs.turn:
            return
        self._jobs.begin(read.epochs)
        self._halts.begin(read.epochs)
        unseen = [one for one in read.stopped if (self._me(one.scoped_code), one.scoped_code) not in self._seen]
        news = [one for one in unseen if (self._me(one.scoped_code), one.scoped_code) not in self._notified]
        self._notified |= {(self._me(one.scoped_code), one.scoped_code) for one in news}
        followed = {one.scoped_code for one in unseen} | {
            scoped_code for scoped_code in read.unknown if scoped_code not in self._live
        }
        for scoped_code, report in read.ended.items():
            if scoped_code in followed:
                # protects: followed-until-it-was-seen
                self._ended[scoped_code] = report
            else:
                self._ended.pop(scoped_code, None)
        notified = {scoped_code for me, scoped_code in self._told_halts if me == self._me(scoped_code)}
        halting = [one for one in read.halting if one.scoped_code in self._halted - self._known_halts - notified]
        notified |= {one.scoped_code for one in halting}
        self._told_halts |= {(self._me(one.scoped_code), one.scoped_code) for one in halting}
        self._known_halts |= (read.halts | read.stuck) & self._halted - notified
        self._keep()
        for setback in bounded([*map(self._ended_setback, news), *map(self._setback, halting)], self.tr):
            self.setback_found.emit(setback)

    def _ended_setback(self, one: StoppedJob) -> Setback:
        about, job = one.about, one.job
        if job.state is not AssignmentState.RECALLED:
            return self._setback(one)
        # An entry that is not here yet: who did it is known by the job.
        entry = one.entry or Entry("", about.report.id, Kind.RECALL.value, job.since, job.by)
        of = frozenset({(_JOBS, about.source, job.id)})
        return ended_by_another(
            about, entry, one.along, self._window_state.me, self._window_state.catalog(about.source), of, self.tr
        )

    def _setback(self, stopped: StoppedJob) -> Setback:
        about, entry = stopped.about, stopped.entry
        report, catalog = about.report, self._window_state.catalog(about.source)
        unit = catalog.units.get(stopped.job.unit)
        refused = stopped.job.state is AssignmentState.REFUSED
        bold = self.tr("{unit} has refused:") if refused else self.tr("{unit} cannot go on:")
        why = entry.text if entry is not None else ""
        if not refused:
            why = _reason(unit) or why
        what = f"{catalog.service_name(report.service)}, {catalog.place(report.area)}"
        reason = why.strip().rstrip(".") or self.tr("no reason was given")
        about_what = self.tr("Report {number} {what}").format(number=report.id, what=what)
        return Setback(
            source=about.source,
            report=report.id,
            me=self._window_state.me,
            bold=bold.format(unit=catalog.name("unit", stopped.job.unit)),
            text=". ".join(part for part in (reason, self._rest_of(stopped), about_what) if part),
            priority=report.priority,
            of_crew=True,
            row=about.row,
            units=(stopped.job.unit,) if refused else (),
            at=entry.at if entry is not None else stopped.job.since,
            of=frozenset({(_JOBS if refused else _HALTS, about.source, stopped.job.id)}),
        )

    def _rest_of(self, stopped: StoppedJob) -> str:
        """The other work of the crew as text, as what stops it here may stop it there; "" for none."""
        job = stopped.job
        jobs = self._window_state.catalog(stopped.about.source).by_unit.get(job.unit, [])
        others = [one.report for one in jobs if one.report != job.report]
        if not others:
            return ""
        return self.tr("It still has {reports}").format(reports=formatting.first_of(others, _NAMED, self.tr))


def _reason(unit: Unit | None) -> str:
    return (unit.reason or "") if unit is not None else ""


def _is_settled(job: Assignment, entry: Entry | None, about: CachedReport, jobs: Sequence[Assignment]) -> bool:
    """Whether there is nothing left to do: another crew was sent since, the report was opened again, or it ended
    otherwise.
    """
    if entry is not None and closes(entry):
        return about.report.status is not Status.CLOSED
    if entry is not None and entry.kind == Kind.VALIDATE:
        return False
    sent = (one for one in jobs if one.state not in ENDED_ASSIGNMENT)
    return not is_open(about.report.status) or any(one.created > job.since for one in sent)
