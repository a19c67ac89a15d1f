"""Undo an edit: restore what it changed, unless somebody has changed the same since."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from api_client.decoding import convert, decode
from api_client.model import Assignment, AssignmentState, Entry, Kind, Report, Status, Unit
from console.rules.apply import FROM_JOBS, Lookups, ended, handed_in_once_lowered, returned, state_by_jobs
from console.rules.report import HAZARD
from console.rules.status import ENDED_ASSIGNMENT, UNDER_WAY, is_open
from console.server.city import schema
from console.server.city.edit_context import Before, EditContext
from console.server.city.history import last_changes
from console.server.city.rights import check_may_undo
from console.server.city.side_effects import check_stands_for, closed_hazard, link
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import ConflictRefusal, Invalid

_CREW_KINDS = frozenset({Kind.ASSIGN, Kind.DISPATCH, Kind.RECALL, Kind.PROGRESS})
_ORDER_LIVES = timedelta(minutes=10)
"""An undo that is older when it comes sends nobody any more: whether an order is still wanted would be asked."""
_HOLD = "hold"
_CLAIM = "claim"
"""What a dispatch changes of the report besides its crew, when nobody had taken it."""


class UndoneEntry(msgspec.Struct, frozen=True):
    """The entry to be undone, its version of the report, and what was kept for that."""

    entry: Entry
    version: int
    before: Before


def find_undone_entry(unit_of_work: UnitOfWork, edit: str, report: str | None) -> UndoneEntry:
    """The entry that an edit made on this report (None: on a unit). Raises Invalid when it cannot be undone."""
    table = schema.entries
    row = unit_of_work.connection.execute(
        sa.select(table.c.body, table.c.version, table.c.before).where(table.c.edit == edit)
    ).first()
    entry = decode(row[0], Entry) if row is not None else None
    if row is None or entry is None or entry.report != report:
        raise Invalid("What is to be taken back is not in this history.")
    if entry.undone_by is not None:
        raise Invalid("It has been taken back already.")
    if "undoes" in entry.data:
        raise Invalid("An undo cannot be taken back; do it again instead.")
    if entry.kind == Kind.REPLY:
        raise Invalid("A reply has gone to the reporter and cannot be taken back.")
    return UndoneEntry(entry, row[1] or 0, decode(row[2], Before) if row[2] else Before())


def undo_on_report(context: EditContext, undone_entry: UndoneEntry) -> None:
    """Restore what the undone edit changed on its report. Raises ConflictRefusal or Invalid when that cannot be."""
    check_may_undo(context.actor, undone_entry.entry.author)
    kind = undone_entry.entry.kind
    if kind == "created":
        _take_back_report(context, undone_entry)
        return
    if kind in (Kind.ASSIGN, Kind.DISPATCH):
        _check_on_its_way(context, undone_entry)
    _check_untouched(context, undone_entry)
    _undo_jobs(context, undone_entry)
    if kind == Kind.PHOTO:
        context.change(
            photos=tuple(p for p in context.report.photos if p.sha256 != undone_entry.entry.data.get("sha256"))
        )
    values = _values(undone_entry)
    if kind == Kind.DISPATCH and context.report.versions.get(_CLAIM, 0) != undone_entry.version:
        values.pop(_CLAIM, None)  # released or passed on since: that stays as it is
    if values.get(_HOLD) is not None and (
        not is_open(values.get("status", context.report.status)) or _let_go(context, undone_entry)
    ):
        values[_HOLD] = None
    if "merged_into" in values:
        main = values.pop("merged_into")
        if main is not None:
            check_stands_for(context, main)
        link(context, main)
    status = values.pop("status", None)
    context.change(**values)
    if status is not None:
        context.change(status=status)
    if kind in _CREW_KINDS or undone_entry.before.jobs:
        _follow_crews(context, status)
    since = context.before.priority != HAZARD or context.before.versions.get("priority", 0) > undone_entry.version
    # protects: an-undo-hands-no-hazard-in
    if context.report.status is Status.VALIDATION and context.report.priority == HAZARD and since:
        context.report = returned(context.report, context.actor.name)
    if status is None:
        lookups = Lookups(context.unit_of_work.service)
        context.report = handed_in_once_lowered(context.before, context.state, lookups).report
    # protects: an-undo-raises-nothing-out-of-sight
    if context.report.priority == HAZARD != context.before.priority and not is_open(context.report.status):
        raise closed_hazard(context.report)
    if is_open(context.report.status) and context.report.merged_into is not None:
        fields = last_changes(context.unit_of_work.connection, context.report, ["merged_into"])
        raise ConflictRefusal("It cannot be taken back: the report was merged into another since.", fields=fields)


def _held_again(context: EditContext, undone_entry: UndoneEntry) -> bool:
    """Whether a later edit, which was not undone, put the report on hold or ended a hold."""
    later = _about_hold(context, schema.entries.c.version > undone_entry.version)
    return any(entry.kind == Kind.SET and entry.undone_by is None for entry in later)


def _let_go(context: EditContext, undone_entry: UndoneEntry) -> bool:
    """Whether the hold that ended together with its report by this edit was undone meanwhile by its author."""
    if undone_entry.entry.kind == Kind.SET:
        return False
    last = next(_about_hold(context, schema.entries.c.version < undone_entry.version), None)
    return last is not None and last.undone_by is not None


def _about_hold(context: EditContext, when: sa.ColumnElement[bool]) -> Iterator[Entry]:
    """The report's entries that fit `when` and whose data contain the hold, newest first."""
    table = schema.entries
    query = sa.select(table.c.body).where(table.c.report == context.report.id, when).order_by(table.c.version.desc())
    entries = (decode(body, Entry) for body in context.unit_of_work.connection.scalars(query))
    return (entry for entry in entries if _HOLD in entry.data)


def _follow_crews(context: EditContext, status: Status | None) -> None:
    """Set the report's status from its crews, starting from `status`; when no crew is left it loses its claim."""
    context.follow_crews(start=status)
    # protects: no-assigned-report-without-a-crew
    if status is not None and status is not Status.NEW and context.report.status is Status.NEW:
        context.change(claim=None)


def undo_on_unit(unit_of_work: UnitOfWork, undone_entry: UndoneEntry) -> str:
    """Restore a unit's own state; returns the unit's id. Raises ConflictRefusal when it has changed since."""
    before = undone_entry.before.unit
    unit = unit_of_work.unit(undone_entry.entry.unit or "")
    if unit is None or before is None:
        raise Invalid("The unit is no longer there.")
    if unit.version != before.version + 1:
        fields = {"state": {"value": unit.state.value, "who": None, "at": unit.state_since}}
        raise ConflictRefusal(f"Unit {unit.code} has changed its state since.", fields=fields)
    # Its jobs may have ended since it said that it could not work.
    state = state_by_jobs(unit_of_work.jobs_of(unit.id)) if before.state in FROM_JOBS else before.state
    unit_of_work.put(
        replace(unit, state=state, reason=before.reason, state_since=unit_of_work.now, version=unit.version + 1)
    )
    return unit.id


def _check_untouched(context: EditContext, undone_entry: UndoneEntry) -> None:
    """Raise ConflictRefusal when a later edit that was not undone has changed a field of this one."""
    own = set(undone_entry.before.touched) - ({_CLAIM} if undone_entry.entry.kind == Kind.DISPATCH else set())
    later = [name for name in own if context.report.versions.get(name, 0) != undone_entry.version]
    back = _values(undone_entry)
    is_so_already = context.report.hold == back.get(_HOLD) or not is_open(context.report.status)
    # protects: what-is-so-already-is-no-question
    if _HOLD in later and is_so_already and not _held_again(context, undone_entry):
        later.remove(_HOLD)  # it ended with its report, say
    if later and (later := [name for name in later if name in _changed_since(context, undone_entry)]):
        fields = last_changes(context.unit_of_work.connection, context.report, later)
        names = ", ".join(name.replace("_", " ") for name in later)
        raise ConflictRefusal(f"It cannot be taken back: {names} was changed since.", fields=fields)


def _changed_since(context: EditContext, undone_entry: UndoneEntry) -> set[str]:
    """The fields that later edits have changed. An undone edit and its undo count as no change."""
    table = schema.entries
    rows = context.unit_of_work.connection.execute(
        sa.select(table.c.body, table.c.before).where(
            table.c.report == context.report.id, table.c.version > undone_entry.version, table.c.before.is_not(None)
        )
    )
    changed: set[str] = set()
    for body, before in rows:
        entry = decode(body, Entry)
        if entry.undone_by is None and "undoes" not in entry.data:
            changed.update(decode(before, Before).touched)
    return changed


def _check_on_its_way(context: EditContext, undone_entry: UndoneEntry) -> None:
    """Raise ConflictRefusal when a crew that the edit sent has arrived or left: undoing the order would
    contradict it.
    """
    jobs = {job.id: job for job in context.unit_of_work.assignments(context.report.id)}
    for before in undone_entry.before.jobs:
        job = jobs.get(before.id)
        if job is not None and job.version != before.version and job.state not in UNDER_WAY:
            _refuse_moved(context, job)


def _undo_jobs(context: EditContext, undone_entry: UndoneEntry) -> None:
    jobs = {job.id: job for job in context.unit_of_work.assignments(context.report.id)}
    for before in undone_entry.before.jobs:
        job = jobs.get(before.id)
        if job is None:
            continue
        made = before.state is None or before.state is AssignmentState.RESERVED
        if made and job.state in UNDER_WAY:
            # protects: who-was-sent-hears-that-it-is-not
            if before.state is not job.state:
                context.put_back(job, AssignmentState.RECALLED)
                if before.state is AssignmentState.RESERVED:
                    context.order_anew(job, AssignmentState.RESERVED)
        elif job.version != before.version:
            _refuse_moved(context, job)
        elif before.state is None:
            context.put_back(job, AssignmentState.RECALLED)
        elif job.state in ENDED_ASSIGNMENT and (others := _other_jobs(context, job)):
            # Sent elsewhere since: it stays there. Sent here again: that is what would be taken back.
            if any(other.report == job.report for other in others):
                _refuse_moved(context, others[0])
        else:
            _bring_back(context, undone_entry, job, before.state)


def _bring_back(context: EditContext, undone_entry: UndoneEntry, job: Assignment, state: AssignmentState) -> None:
    """Give a crew its job back in the state that it had before the edit.

    A crew whose job had ended was told so and may have gone home: it is sent by a new order, which counts as on its way
    only once the crew has acknowledged it. A crew that cannot work is not sent. Where somebody undoes his own report of
    what a crew did, the job goes straight back to its state before.
    """
    if job.state not in ENDED_ASSIGNMENT or state is AssignmentState.RESERVED:
        context.put_back(job, state)
        return
    unit = context.unit(job.unit)
    was_wrong = undone_entry.entry.kind == Kind.PROGRESS and undone_entry.entry.author == context.actor.name
    asked_at = context.edit.occurred_at or context.now
    # protects: an-old-undo-sends-nobody
    if not was_wrong and context.now - asked_at > _ORDER_LIVES:
        return
    # protects: who-cannot-work-is-not-brought-back
    if unit.state not in FROM_JOBS or unit.valid_to is not None:
        if was_wrong:
            fields = {"state": {"value": unit.state.value, "who": None, "at": unit.state_since}}
            word = unit.state.value.replace("_", " ")
            raise ConflictRefusal(f"It cannot be taken back: unit {unit.code} is “{word}” by now.", fields=fields)
        return
    # protects: who-was-called-back-is-sent-anew
    if was_wrong:
        context.put_back(job, state)
    else:
        context.order_anew(job, AssignmentState.DISPATCHED)


def _other_jobs(context: EditContext, job: Assignment) -> list[Assignment]:
    return [other for other in context.unit_of_work.jobs_of(job.unit) if other.id != job.id]


def _refuse_moved(context: EditContext, job: Assignment) -> None:
    unit = context.unit_of_work.unit(job.unit)
    code = unit.code if unit is not None else job.unit
    word = job.state.value.replace("_", " ")
    fields = {"assignment": {"value": job.state.value, "who": job.by, "at": job.since}}
    raise ConflictRefusal(f"It cannot be taken back: unit {code} is “{word}” by now.", fields=fields)


def _take_back_report(context: EditContext, undone_entry: UndoneEntry) -> None:
    if context.report.version != undone_entry.version:
        raise ConflictRefusal("It cannot be taken back: somebody has worked on the report since.", fields={})
    context.report = ended(context.report, Status.CLOSED, context.now, "withdrawn")


def _values(undone_entry: UndoneEntry) -> dict[str, Any]:
    """The values before the edit, as attributes of Report."""
    types = _types()
    return {name: convert(value, types[name]) for name, value in undone_entry.before.values.items()}


@functools.cache
def _types() -> dict[str, Any]:
    """The type of each attribute of Report: to find them takes two milliseconds."""
    return {field.name: field.type for field in msgspec.structs.fields(Report)}


def unit_before(unit: Unit) -> bytes:
    """The JSON that is kept with a unit's entry for undo."""
    return msgspec.json.encode(Before(unit=unit))
