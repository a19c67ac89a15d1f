"""One report while an edit is applied to it: its fields, assignments and history, and what undo will need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from api_client.model import Assignment, AssignmentState, Clock, Closure, EditBody, Entry, Kind, Report, Status, Unit
from console.rules.apply import Lookups, ReportState, entry_of, follow_crews, moved, unit_after
from console.rules.edit import NO_EFFECT, ON_STATUS, Edit
from console.rules.sla import clocks, sla_of
from console.server.city.history import Origin, version_at
from console.server.city.records import Actor
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import Invalid

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
    "publication": ("publication",),
    "claim": ("claim",),
    "merged_into": ("merged_into",),
}
"""Versioned field -> the attributes that it consists of."""

_BESIDE = ("status_label", "area_rule", "disposition", "closed_at")
"""Attributes that change with a versioned field and are put back with it."""


class JobBefore(msgspec.Struct, frozen=True):
    """An assignment that an edit made or changed: its state before (None: the edit made it), its version afterwards."""

    id: str
    state: AssignmentState | None
    version: int


class Before(msgspec.Struct, frozen=True):
    """What undo needs, kept with the entry: versioned fields that the edit touched, values before, assignments, the
    unit, the closure.

    `seen` is the version of the report that the author had seen, for what a crew did only; None where it is not kept.
    """

    touched: tuple[str, ...] = ()
    values: dict[str, Any] = {}
    jobs: tuple[JobBefore, ...] = ()
    unit: Unit | None = None
    seen: int | None = None
    closure: Closure | None = None


class SeenVersion(NamedTuple):
    """What an operator had seen of a report: everything up to `version`, and the `shown` fields up to later
    versions.
    """

    version: int
    shown: Mapping[str, int] = {}

    def of(self, field: str) -> int:
        """The version up to which he has seen the changes of a field."""
        return max(self.version, self.shown.get(field, 0))


class EditContext:
    """The report that an edit is applied to. Checks read it, `take` takes over the result of the rule, `finish` writes
    the new version, the entry, and what undo needs.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        report: Report,
        edit: EditBody,
        actor: Actor,
        ids: Callable[[], str],
        *,
        seen: SeenVersion | None = None,
    ) -> None:
        """`seen` is what the operator saw of the report, None where his console did not say."""
        self.unit_of_work = unit_of_work
        self.seen = seen
        self.before = report
        self.report = report
        self.edit = edit
        self.actor = actor
        self.ids = ids
        self.photo_unit: str | None = None
        self._entries: list[Entry] | None = None
        self._jobs_before: dict[str, JobBefore] = {}

    @property
    def now(self) -> datetime:
        """The server's time of this edit."""
        return self.unit_of_work.now

    @property
    def origin(self) -> Origin:
        """Who makes the edit, and on which device."""
        return Origin(self.actor.name, self.edit.device)

    def rule_edit(self, data: dict[str, Any]) -> Edit:
        """The edit as `console.rules` represents it, with this payload."""
        body, at = self.edit, min(self.edit.occurred_at or self.now, self.now)
        edit = Edit(body.id, body.kind, self.report.id, self.actor.name, body.device, body.number, at, data)
        return replace(edit, undoes=body.undoes, late=body.late)

    @property
    def known_version(self) -> int:
        """The version of the report that the author of the edit had seen; if he did not say, the one of the time at
        which he made it.
        """
        if self.seen is not None:
            return self.seen.version
        return version_at(self.unit_of_work.connection, self.before, self.edit.occurred_at or self.now)

    # Fields

    def saw(self, field: str) -> bool:
        """Whether the operator is known to have seen the present value of a field."""
        return self.seen is not None and self.before.versions.get(field, 0) <= self.seen.of(field)

    def change(self, **values: Any) -> None:
        """Give attributes of the report new values."""
        self.report = replace(self.report, **values)

    # Rounds of work: each return begins a new one

    @property
    def entries(self) -> list[Entry]:
        """All entries before this edit, the oldest first."""
        if self._entries is None:
            self._entries = self.unit_of_work.entries(self.report.id)
        return self._entries

    @cached_property
    def history(self) -> list[Entry]:
        """All entries that count, the oldest first."""
        return [entry for entry in self.entries if entry.undone_by is None]

    @property
    def state(self) -> ReportState:
        """The report as it is now, with its crews and history."""
        return ReportState(self.report, tuple(self.unit_of_work.assignments(self.report.id)), tuple(self.entries))

    def take(self, state: ReportState, after: ReportState) -> None:
        """Take over the report and the assignments that the rule made; a changed `merged_into` is the caller's to
        write, by `side_effects.link`.
        """
        before = {job.id: job for job in state.assignments}
        changed = [job for job in after.assignments if before.get(job.id) != job]
        for job in changed:
            self._keep_job(job, before.get(job.id))
        for job in changed:
            self.unit_follows(job.unit)
        self.report = replace(after.report, merged_into=self.report.merged_into)

    def follow_crews(self, start: Status | None = None) -> None:
        """Give the report the status that its assignments lead to, from `start` (None: from the present one)."""
        self.report = follow_crews(self.state, Lookups(self.unit_of_work.service), start=start).report

    # Crews

    def unit(self, key: str) -> Unit:
        """A unit that must exist."""
        unit = self.unit_of_work.unit(key)
        if unit is None:
            raise Invalid(f"There is no unit {key}.")
        return unit

    def put_back(self, job: Assignment, state: AssignmentState) -> None:
        """Give an assignment the state that it had before, even if the table of transitions does not allow it."""
        if state is not job.state:
            self._keep_job(moved(job, state, self.now, by=self.actor.name, edit=self.edit.id), job)
            self.unit_follows(job.unit)

    def order_anew(self, job: Assignment, state: AssignmentState) -> None:
        """Make a new order for a unit whose job has ended: reserved again, or dispatched and not acknowledged yet."""
        by, now = self.actor.name, self.now
        order = Assignment(self.ids(), job.report, job.unit, state, now, by, now, self.edit.id, 1, by, now)
        self._keep_job(order, None)
        self.unit_follows(job.unit)

    def unit_follows(self, key: str) -> None:
        """Set the state of a unit from its jobs."""
        unit = self.unit_of_work.unit(key)
        after = unit_after(unit, self.unit_of_work.jobs_of(key), self.now) if unit is not None else None
        if after is not None and after is not unit:
            self.unit_of_work.put(after)

    def _keep_job(self, job: Assignment, before: Assignment | None) -> None:
        first = self._jobs_before.get(job.id)
        state = first.state if first is not None else before.state if before is not None else None
        self._jobs_before[job.id] = JobBefore(job.id, state, job.version)
        self.unit_of_work.put(job)

    # The end

    def finish(self, data: dict[str, Any], *, undone: Entry | None = None) -> tuple[Report, Entry]:
        """Write the report's new version and the entry."""
        touched = tuple(name for name, parts in _FIELDS.items() if self._differs(parts) or self._says(name))
        beside = [name for name in _BESIDE if self._differs((name,))]
        # protects: what-changed-nothing-says-so
        if self.edit.kind in ON_STATUS and not (touched or beside or self._jobs_before):
            data = data | {NO_EFFECT: True}
        entry = entry_of(self.rule_edit(data), self.before, self.report, self.now, self.ids())
        entry = replace(entry, unit=self.photo_unit or entry.unit)
        if undone is not None:
            self.unit_of_work.put(replace(undone, undone_by=entry.id))
        names = [part for name in touched for part in _FIELDS[name]] + beside
        values = {name: msgspec.to_builtins(getattr(self.before, name)) for name in names}
        seen = self.known_version if self.edit.kind is Kind.PROGRESS else None
        before = Before(touched, values, tuple(self._jobs_before.values()), seen=seen)
        # Where one was taken back that has changed too, and they are read again.
        entries = [*self._entries, entry] if self._entries is not None and undone is None else None
        columns = {"before": msgspec.json.encode(before), "device": self.edit.device or None}
        self.report = write_version(
            self.unit_of_work, self.before, self.report, entry, touched=touched, entries=entries, columns=columns
        )
        return self.report, entry

    def _says(self, name: str) -> bool:
        """Whether the edit sets the field, even to the value that it has.

        Example: two operators make a report P1, the second for a reason of his own. When the first takes that back, the
        report stays P1.
        """
        # protects: what-was-said-alike-counts
        return self.edit.kind is Kind.SET and self.edit.undoes is None and name in self.edit.data

    def _differs(self, names: tuple[str, ...]) -> bool:
        return any(getattr(self.before, name) != getattr(self.report, name) for name in names)


def write_version(
    unit_of_work: UnitOfWork,
    before: Report,
    after: Report,
    entry: Entry,
    *,
    touched: Iterable[str] = (),
    entries: Sequence[Entry] | None = None,
    columns: Mapping[str, Any] = {},
) -> Report:
    """Write the version of a report that follows `before`, with its entry; return it.

    `touched` are the fields that the author counts as having changed, so that an edit by somebody who saw an older
    version of them meets a conflict. `columns` are further columns of the entry's row; `entries` as for `clocks_of`.
    """
    version = unit_of_work.next_version(before)
    unit_of_work.put(entry, version=version, **columns)
    versions = before.versions | dict.fromkeys(touched, version)
    after = replace(after, version=version, versions=versions, updated=max(unit_of_work.now, before.created))
    after = replace(after, clocks=clocks_of(unit_of_work, after, None, entries))
    unit_of_work.put(after)
    return after


def clocks_of(
    unit_of_work: UnitOfWork, report: Report, merged: Iterable[datetime] | None, entries: Sequence[Entry] | None = None
) -> tuple[Clock, ...]:
    """The SLA clocks of a report at the time of the transaction. `merged` are the creation times of the reports merged
    into it, `entries` is its whole history; None reads either, where there is a clock that asks for it.
    """
    sla = sla_of(unit_of_work.service(report.service), report.priority)
    if sla is None:
        return ()
    first = min(unit_of_work.merged(report.id).values() if merged is None else merged, default=None)
    calendar = unit_of_work.calendar(sla.calendar)
    history = entries if entries is not None else unit_of_work.entries(report.id)
    return clocks(report, history, sla, calendar, unit_of_work.now, first=first)


def entry_apart(unit_of_work: UnitOfWork, edit: EditBody, actor: Actor, text: str, data: dict[str, Any]) -> Entry:
    """The entry of an edit that belongs to no report, still without its id; done at the latest now."""
    now = unit_of_work.now
    return Entry(
        id="",
        report=None,
        kind=edit.kind.value,
        at=now,
        author=actor.name,
        edit=edit.id,
        occurred_at=min(edit.occurred_at or now, now),
        late=edit.late,
        text=text,
        data=data,
    )
