"""A unit leaves work for a P1, or goes back to it: what one edit does to the reports beside its own."""

from __future__ import annotations

import sqlalchemy as sa
from msgspec.structs import replace

from api_client import model
from api_client.decoding import decode
from api_client.model import Assignment, EditBody, Entry, Kind, Report, SeenReport, Status, Unit
from console.rules.apply import AreaAt
from console.rules.divert import left_in, reason_for, step_id
from console.rules.recreate import is_another
from console.rules.report import HAZARD
from console.rules.rights import may_release
from console.rules.status import is_open
from console.server.city import audit, schema
from console.server.city.edit_context import EditContext, SeenVersion
from console.server.city.freshness import check_undo
from console.server.city.history import others_since
from console.server.city.payload_check import kept_data, payload_of
from console.server.city.rights import check_scope
from console.server.city.side_effects import apply_effect
from console.server.city.undo import find_undone_entry, undo_on_report
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import BusyRefusal, ConflictRefusal, ForbiddenRefusal, Invalid


def others_of(unit_of_work: UnitOfWork, edit: EditBody) -> list[str]:
    """The reports beside its own on which an edit does something, as far as they are known before it is looked at."""
    if edit.undoes is None:
        return list(left_in(edit.data)) if edit.kind is Kind.DISPATCH else []
    entry = _entry_of(unit_of_work, edit.undoes)
    return list(left_in(entry.data)) if entry is not None else []


def leave(context: EditContext, area_at: AreaAt) -> tuple[audit.AuditedAction, ...]:
    """End the work of a unit on the reports that it leaves by an order, before that takes effect; a row for the audit
    of each.

    What is written here has lower numbers in the feed than the order's own entry: who has read that, and lets go of
    what waits, has read this too. Raises BusyRefusal when the unit may not be called away from there, ForbiddenRefusal
    when its sender may not.
    """
    if context.edit.kind is not Kind.DISPATCH:
        return ()
    data = payload_of(context.edit, model.SentUnit)
    unit_of_work, done = context.unit_of_work, list[audit.AuditedAction]()
    for key in dict.fromkeys(data.leaves):
        left = unit_of_work.report(key)
        if left is None or key == context.report.id or not _is_meant(context, left):
            continue  # it was lost in a restore, say, and with it that the unit worked there
        unit = context.unit(data.unit)
        job = next((job for job in unit_of_work.jobs_of(unit.id) if job.report == key), None)
        if job is not None:
            _check_may_leave(context, unit, job, left)
            unit_of_work.go_on_after(left.updated)
            done.append(_recall(context, unit, left, area_at))
    return tuple(done)


def go_back(context: EditContext, undone: Entry) -> tuple[audit.AuditedAction, ...]:
    """Send a unit anew to the reports that it left by the entry that is being undone; a row for the audit of each.

    Raises ConflictRefusal or ForbiddenRefusal, which undo nothing, where it cannot go back to one of them.
    """
    done = []
    for key in left_in(undone.data) if undone.kind == Kind.DISPATCH and undone.edit else ():
        edit_id = step_id(undone.edit or "", key)
        if _entry_of(context.unit_of_work, edit_id) is not None:
            done.append(_send_back(context, key, edit_id, context.unit(undone.unit or "")))
    return tuple(done)


def _entry_of(unit_of_work: UnitOfWork, edit: str) -> Entry | None:
    table = schema.entries
    body = unit_of_work.connection.scalar(sa.select(table.c.body).where(table.c.edit == edit))
    return decode(body, Entry) if body is not None else None


def _seen(context: EditContext, left: Report) -> SeenReport:
    return context.edit.about.leaves.get(left.id, SeenReport())


def _is_meant(context: EditContext, left: Report) -> bool:
    """Whether a report is the one that the operator saw, and not another that a restored city gave its number."""
    # protects: another-report-is-not-left
    return not is_another(_seen(context, left).created, left.created)


def _check_may_leave(context: EditContext, unit: Unit, job: Assignment, left: Report) -> None:
    who, at, meant = job.orderer, job.ordered_at or job.created, context.report
    # protects: no-unit-leaves-work-for-less-than-a-p1
    if meant.priority != HAZARD:
        words = f"Unit {unit.code} works on report {left.id}, and report {meant.id} is P{meant.priority} by now."
        raise BusyRefusal(words, unit=unit.id, report=left.id, priority=left.priority, who=who, at=at)
    # protects: no-unit-leaves-a-hazard
    if left.priority == HAZARD:
        words = f"Unit {unit.code} works on report {left.id}, which is a P1 by now."
        raise BusyRefusal(words, unit=unit.id, report=left.id, priority=left.priority, who=who, at=at)
    # protects: unit-sent-anew-is-not-left
    if (order := _ordered_since(context, unit, left)) is not None:
        words = f"{order.author} has sent {unit.code} to report {left.id} since."
        raise BusyRefusal(words, unit=unit.id, report=left.id, who=order.author, at=order.at)
    # protects: only-from-reports-of-ones-scope
    check_scope(context.unit_of_work, context.actor, left)
    holder = left.claim.who if left.claim is not None else None
    # protects: only-from-reports-nobody-else-has
    if holder is not None and not may_release(context.actor.name, context.actor.role, holder):
        words = f"{holder} has taken report {left.id}: only {holder} or a supervisor calls {unit.code} away from it."
        raise ForbiddenRefusal(words)


def _ordered_since(context: EditContext, unit: Unit, left: Report) -> Entry | None:
    """The order by which somebody else has sent the unit to the report since the version that was seen, if it was."""
    version = _seen(context, left).version
    if version is None:
        return None
    known = version if version <= left.version else 0
    later = others_since(context.unit_of_work.connection, left.id, known, context.origin)
    orders = (one for one in later if one.kind in (Kind.ASSIGN, Kind.DISPATCH) and one.unit == unit.id)
    return next((one for one in orders if one.undone_by is None), None)


def _recall(context: EditContext, unit: Unit, left: Report, area_at: AreaAt) -> audit.AuditedAction:
    reason = reason_for(context.report.id)
    edit = replace(
        context.edit,
        id=step_id(context.edit.id, left.id),
        kind=Kind.RECALL,
        data={"unit": unit.id, "reason": reason},
        about=model.About(),
    )
    there = EditContext(context.unit_of_work, left, edit, context.actor, context.ids)
    apply_effect(there, area_at)
    there.finish(kept_data(edit))
    return _audited(there, unit)


def _send_back(context: EditContext, key: str, undone: str, unit: Unit) -> audit.AuditedAction:
    unit_of_work = context.unit_of_work
    left = unit_of_work.report(key)
    if left is None:
        raise _no_way_back(unit, key, "it was deleted.")
    check_scope(unit_of_work, context.actor, left)
    unit_of_work.go_on_after(left.updated)
    # Without a time of its own: however late it comes, the order is one that may still be carried out.
    edit = replace(
        context.edit,
        id=step_id(context.edit.id, key),
        kind=Kind.DISPATCH,
        data={"unit": unit.id},
        undoes=undone,
        occurred_at=None,
        about=model.About(),
    )
    there = EditContext(unit_of_work, left, edit, context.actor, context.ids)
    try:
        entry = find_undone_entry(unit_of_work, undone, key)
        undo_on_report(there, entry)
        check_undo(unit_of_work, left, there.report, SeenVersion(entry.version), context.origin)
    except (ConflictRefusal, Invalid) as refusal:
        raise _no_way_back(unit, key, str(refusal)) from refusal
    # protects: nobody-goes-back-to-what-is-done
    if not is_open(there.report.status) or there.report.status is Status.VALIDATION:
        raise _no_way_back(unit, key, "its work is done, or it is closed.")
    # protects: whole-undo-or-none
    if not any(job.report == key for job in unit_of_work.jobs_of(unit.id)):
        raise _no_way_back(unit, key, f"it is {context.unit(unit.id).state.value.replace('_', ' ')} by now.")
    there.finish(kept_data(edit), undone=entry.entry)
    return _audited(there, unit)


def _no_way_back(unit: Unit, report: str, why: str) -> ConflictRefusal:
    words = f"It cannot be taken back: unit {unit.code} cannot go back to report {report}: {why}"
    return ConflictRefusal(words, fields={"report": {"value": report, "who": None, "at": None}})


def _audited(there: EditContext, unit: Unit) -> audit.AuditedAction:
    edit = there.edit
    detail = {"kind": edit.kind.value, "unit": unit.id} | ({"undoes": edit.undoes} if edit.undoes else {})
    return audit.AuditedAction(there.actor, audit.WRITE, there.report.id, edit.id, detail)
