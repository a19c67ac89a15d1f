"""One report while an edit is applied to it: its fields, crews and rounds of work, and what must be known for undo."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace

from console.domain.edit import Kind
from console.domain.proof import is_proof_missing, jobs_of_round
from console.domain.report import Assignment, Clock, Entry, Report, Unit
from console.domain.sla import clocks, sla_of
from console.domain.status import (
    ASSIGNMENT_MAY_BECOME,
    BY_STATUS,
    ENDED_ASSIGNMENT,
    AssignmentState,
    Status,
    UnitState,
    is_open,
    may_become,
    status_after,
)
from console.server.history import Origin
from console.server.ledger import Ledger
from console.server.payloads import EditBody
from console.server.records import Actor
from console.server.refusals import Busy, Invalid

ON_A_JOB = frozenset({UnitState.AVAILABLE, UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE})
"""States that follow from a unit's jobs; the others are its own word and stay."""

_FIELDS: dict[str, tuple[str, ...]] = {
    "status": ("status",),
    "priority": ("priority",),
    "service": ("service",),
    "title": ("title",),
    "description": ("description",),
    "place": ("lat", "lon", "address", "within_m"),
    "area": ("area",),
    "agency": ("agency",),
    "hold": ("hold",),
    "claim": ("claim",),
    "merged_into": ("merged_into",),
}
"""Versioned field -> the attributes that it consists of."""

_BESIDE = ("status_label", "area_rule", "disposition", "closed_at")
"""Attributes that change with a versioned field and are put back with it."""


class JobBefore(msgspec.Struct, frozen=True):
    """An assignment that an edit made (`state` None) or changed; `version` is its version afterwards."""

    id: str
    state: AssignmentState | None
    version: int


class Before(msgspec.Struct, frozen=True):
    """What undo needs: the versioned fields that an edit touched, the values before, the assignments and the unit."""

    touched: tuple[str, ...] = ()
    values: dict[str, Any] = {}
    jobs: tuple[JobBefore, ...] = ()
    unit: Unit | None = None


class Case:
    """A report under an edit. The effects read and change it; `finish` writes report, entry and what undo needs."""

    def __init__(
        self,
        ledger: Ledger,
        report: Report,
        edit: EditBody,
        actor: Actor,
        ids: Callable[[], str],
        *,
        seen: int | None = None,
    ) -> None:
        """`seen` is the version of the report that the operator saw, None where his console did not say."""
        self.ledger = ledger
        self.seen = seen
        self.before = report
        self.report = report
        self.edit = edit
        self.actor = actor
        self.ids = ids
        self.photo_unit: str | None = None
        self._jobs_before: dict[str, JobBefore] = {}

    @property
    def now(self) -> datetime:
        """The server's time of this edit."""
        return self.ledger.now

    @property
    def origin(self) -> Origin:
        """Who makes the edit, and on which device."""
        return Origin(self.actor.name, self.edit.device)

    # Fields

    def saw(self, field: str) -> bool:
        """Whether the operator is known to have seen the present value of a field."""
        return self.seen is not None and self.before.versions.get(field, 0) <= self.seen

    def change(self, **values: Any) -> None:
        """Give attributes of the report new values."""
        self.report = replace(self.report, **values)

    def become(self, status: Status) -> None:
        """Give the report another status; Invalid when the table does not allow it."""
        if status is self.report.status:
            return
        if not may_become(self.report.status, status):
            now, then = BY_STATUS[self.report.status].label, BY_STATUS[status].label
            raise Invalid(f"Report {self.report.id} is “{now}” and cannot become “{then}” from there.")
        self.change(status=status, status_label=None)

    def end(self, status: Status, disposition: str) -> None:
        """Close the report, with or without work."""
        already = self.report.status is status
        self.become(status)
        if not already:
            self.change(closed_at=self.now, hold=None)
        if disposition:
            self.change(disposition=disposition)

    def open_again(self) -> None:
        """Bring a finished report back to work."""
        claim = self.report.claim_after_return(self.actor.name)
        self.become(Status.RETURNED)
        self.change(closed_at=None, disposition=None, claim=claim)

    def check_open(self, deed: str) -> None:
        """Invalid when no more work is done on the report."""
        if not is_open(self.report.status):
            raise Invalid(f"Report {self.report.id} is closed; reopen it before you {deed}.")

    # Rounds of work: each return begins a new one

    @cached_property
    def entries(self) -> list[Entry]:
        """All entries, the oldest first."""
        return self.ledger.entries(self.report.id)

    @cached_property
    def history(self) -> list[Entry]:
        """All entries that count, the oldest first."""
        return [entry for entry in self.entries if entry.undone_by is None]

    @property
    def jobs(self) -> list[Assignment]:
        """The assignments that count for this round."""
        return jobs_of_round(self.history, self.ledger.assignments(self.report.id))

    @property
    def live_jobs(self) -> list[Assignment]:
        """The assignments that have not ended."""
        return [job for job in self.jobs if job.state not in ENDED_ASSIGNMENT]

    @property
    def has_proof(self) -> bool:
        """Whether there is an after photo of this round, or none is asked for."""
        service = self.ledger.service(self.report.service)
        attached = self.edit.data.get("sha256") if self.edit.kind is Kind.PHOTO and self.edit.undoes is None else None
        return not is_proof_missing(self.report, service, self.entries, added=attached)

    def follow_crews(self, start: Status | None = None) -> None:
        """Give the report the status that its assignments lead to, from `start` (None: from the present one)."""
        now = start or self.report.status
        then = status_after(now, tuple(job.state for job in self.jobs), has_proof=self.has_proof)
        if then is not self.report.status:
            self.change(status=then, status_label=None)

    # Crews

    def unit(self, key: str) -> Unit:
        """A unit that must exist."""
        unit = self.ledger.unit(key)
        if unit is None:
            raise Invalid(f"There is no unit {key}.")
        return unit

    def job_of(self, unit: Unit) -> Assignment:
        """The live assignment of a unit on this report; Invalid without it."""
        for job in reversed(self.live_jobs):
            if job.unit == unit.id:
                return job
        raise Invalid(f"Unit {unit.code} is not on report {self.report.id}.")

    def engage(self, unit: Unit, state: AssignmentState, *, stack: bool) -> None:
        """Reserve or send a unit. Busy when it has another job, unless that is to be stacked."""
        elsewhere = [job for job in self.ledger.jobs_of(unit.id) if job.report != self.report.id]
        if state is AssignmentState.DISPATCHED:
            elsewhere = [job for job in elsewhere if job.state is not AssignmentState.RESERVED]
        if elsewhere and not stack:
            job = elsewhere[0]
            raise Busy(
                f"Unit {unit.code} is busy with report {job.report}.",
                unit=unit.id,
                report=job.report,
                who=job.orderer,
                at=job.ordered_at or job.created,
            )
        # protects: who-cannot-work-is-not-sent
        if unit.state in (UnitState.OFF_SHIFT, UnitState.UNAVAILABLE) or (unit.state not in ON_A_JOB and not stack):
            raise Invalid(f"Unit {unit.code} is {unit.state.value.replace('_', ' ')}.")
        here = [job for job in self.live_jobs if job.unit == unit.id]
        if not here:
            key = self.ids()
            now, who = self.now, self.actor.name
            job = Assignment(key, self.report.id, unit.id, state, now, who, now, self.edit.id, 1, who, now)
            self._keep_job(job, JobBefore(key, None, 1))
        elif here[-1].state is AssignmentState.RESERVED and state is AssignmentState.DISPATCHED:
            self.move(replace(here[-1], ordered_by=self.actor.name, ordered_at=self.now), state)
        self.unit_follows(unit.id)

    def move(self, job: Assignment, state: AssignmentState, *, freely: bool = False) -> None:
        """Take an assignment to another state; Invalid when its table does not allow it (`freely`: undo may)."""
        if state is job.state:
            return
        if not freely and state not in ASSIGNMENT_MAY_BECOME[job.state]:
            now, then = job.state.value.replace("_", " "), state.value.replace("_", " ")
            raise Invalid(f"The unit is “{now}” on report {job.report} and cannot become “{then}” from there.")
        version = job.version + 1
        moved = replace(job, state=state, since=self.now, by=self.actor.name, edit=self.edit.id, version=version)
        first = self._jobs_before.get(job.id)
        self._keep_job(moved, JobBefore(job.id, first.state if first else job.state, version))
        self.unit_follows(job.unit)

    def unit_follows(self, key: str) -> None:
        """Give a unit the state that its jobs lead to; that it cannot work stays its own word, and a break without."""
        unit = self.ledger.unit(key)
        # protects: cannot-work-stays-said
        if unit is None or unit.state is UnitState.UNAVAILABLE:
            return
        state = state_by_jobs(self.ledger, key)
        if (unit.state in ON_A_JOB or state is not UnitState.AVAILABLE) and unit.state is not state:
            self.ledger.put(replace(unit, state=state, state_since=self.now, reason=None, version=unit.version + 1))

    def release_all(self, *, done: bool) -> None:
        """End all live assignments: with `done` those on scene count as done, the others are recalled."""
        for job in self.live_jobs:
            worked = done and job.state is AssignmentState.ON_SCENE
            self.move(job, AssignmentState.DONE if worked else AssignmentState.RECALLED)

    def _keep_job(self, job: Assignment, before: JobBefore) -> None:
        self._jobs_before[job.id] = before
        self.ledger.put(job)

    # The end

    def finish(self, data: dict[str, Any], *, undone: Entry | None = None) -> tuple[Report, Entry]:
        """Write the report's new version and the entry."""
        version = self.ledger.next_version(self.before)
        touched = tuple(name for name, parts in _FIELDS.items() if self._differs(parts) or self._says(name))
        if "status" in touched or self.edit.kind is Kind.CREATE:
            data = data | {"status": self.report.status.value}
        entry = Entry(
            id=self.ids(),
            report=self.report.id,
            kind="created" if self.edit.kind is Kind.CREATE else self.edit.kind.value,
            at=self.now,
            author=self.actor.name,
            edit=self.edit.id,
            occurred_at=min(self.edit.occurred_at or self.now, self.now),
            late=self.edit.late,
            text=str(data.get("text") or data.get("reason") or ""),
            data=data | ({"undoes": self.edit.undoes} if self.edit.undoes else {}),
            unit=self.photo_unit or data.get("unit"),
        )
        if undone is not None:
            self.ledger.put(replace(undone, undone_by=entry.id))
        beside = [name for name in _BESIDE if self._differs((name,))]
        names = [part for name in touched for part in _FIELDS[name]] + beside
        values = {name: msgspec.to_builtins(getattr(self.before, name)) for name in names}
        before = Before(touched, values, tuple(self._jobs_before.values()))
        self.ledger.put(entry, version=version, before=msgspec.json.encode(before), device=self.edit.device or None)
        versions = self.before.versions | dict.fromkeys(touched, version)
        report = replace(self.report, version=version, versions=versions, updated=max(self.now, self.report.created))
        report = replace(report, clocks=clocks_of(self.ledger, report, self.ledger.merged(report.id).values()))
        self.ledger.put(report)
        self.report = report
        return report, entry

    def _says(self, name: str) -> bool:
        """Whether the edit gives the field a value, be it the one that it has.

        Example: two make a report P1, the second for a reason of his own: what the first takes back is not that.
        """
        # protects: what-was-said-alike-counts
        return self.edit.kind is Kind.SET and self.edit.undoes is None and name in self.edit.data

    def _differs(self, names: tuple[str, ...]) -> bool:
        return any(getattr(self.before, name) != getattr(self.report, name) for name in names)


def state_by_jobs(ledger: Ledger, key: str) -> UnitState:
    """The state that a unit's jobs lead to; available without any."""
    states = {job.state for job in ledger.jobs_of(key)} - {AssignmentState.RESERVED}
    if AssignmentState.ON_SCENE in states:
        return UnitState.ON_SCENE
    if AssignmentState.EN_ROUTE in states:
        return UnitState.EN_ROUTE
    return UnitState.COMMITTED if states else UnitState.AVAILABLE


def clocks_of(ledger: Ledger, report: Report, merged: Iterable[datetime]) -> tuple[Clock, ...]:
    """The clocks of a report as of the transaction; `merged` is when the reports were made that are merged into it."""
    sla = sla_of(ledger.service(report.service), report.priority)
    if sla is None:
        return ()
    first = min(merged, default=None)
    calendar = ledger.calendar(sla.calendar)
    return clocks(report, ledger.entries(report.id), sla, calendar, ledger.now, first=first)
