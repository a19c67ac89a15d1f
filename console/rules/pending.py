"""What a report looks like with the operator's own unsent edits on it; the server's truth stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from api_client.decoding import convert
from api_client.model import Kind, Report, Status
from console.rules.apply import NOTHING_KNOWN, Lookups, NotAllowed, ReportState, apply_edit, entry_of, new_report
from console.rules.divert import entry_key
from console.rules.edit import ON_NO_REPORT, Edit, local_key
from console.rules.merge import three_way
from console.rules.report import HAZARD

_NO_CHANGE = ON_NO_REPORT | {Kind.CREATE}


def with_edits(
    state: ReportState, edits: Sequence[Edit], *, now: datetime, known: Lookups = NOTHING_KNOWN
) -> ReportState:
    """The report as shown, with its crews and history: `edits`, in the order in which they were made, on the server's.

    What the server would refuse is left out: what the report does not allow, and a field that another has set since it
    was seen. Edits that the server's state already contains change nothing more.
    """
    there = {entry.edit for entry in state.entries}
    for edit in edits:
        # protects: what-has-left-already-leaves-once
        if entry_key(edit, state.report.id) in there:
            continue
        if edit.kind in _NO_CHANGE or not _is_still_free(state.report, edit):
            continue
        at = min(edit.occurred_at, now)
        try:
            after = _not_handed_in_unjudged(state, edit, apply_edit(state, edit, at, known))
        except NotAllowed:
            continue
        entry = entry_of(edit, state.report, after.report, at, edit.id)
        report = replace(after.report, updated=max(state.report.updated, at))
        state = replace(after, report=report, entries=(*after.entries, entry))
    return state


def _not_handed_in_unjudged(before: ReportState, edit: Edit, after: ReportState) -> ReportState:
    """A P1 stays with the work until the server has taken a photo that may hand it in.

    Only the server can tell whether who said that the work was done knew of the danger (decision 0012). Example: a crew
    has done all at a P3, it is made a P1, and the photo of the work comes then.
    """
    status = before.report.status
    handed_in = after.report.status is Status.VALIDATION is not status
    # protects: photo-hands-no-hazard-in-unjudged
    if edit.kind is Kind.PHOTO and handed_in and after.report.priority == HAZARD:
        return replace(after, report=replace(after.report, status=status))
    return after


def created_report(edit: Edit, known: Lookups = NOTHING_KNOWN) -> Report:
    """The report that a CREATE makes, until the server has it: version 0, under its local key."""
    said = edit.data.get("created")
    created = convert(said, datetime, strict=False) if said else edit.occurred_at
    return new_report(edit.report or local_key(edit.id), edit.data, created, edit.occurred_at, known)


def field_value(report: Report, name: str) -> Any:
    """The value of a SET field of a report, as an edit carries it."""
    if name == "place":
        return report.place
    return msgspec.to_builtins(getattr(report, name))


def _is_still_free(report: Report, edit: Edit) -> bool:
    """Whether no other has set a field meanwhile that the edit sets: the server will refuse the whole of it.

    A field whose value before is not known counts as seen. The status follows from crews too: the table judges it.
    """
    if edit.kind is not Kind.SET:
        return True
    seen = {name: value for name, value in edit.base.items() if name in edit.data and name != "status"}
    there = {name: field_value(report, name) for name in seen}
    # protects: a-hold-that-ended-by-itself-is-nobodys-change
    if "hold" in seen and there["hold"] is None and (seen["hold"] or {}).get("until"):
        seen["hold"] = None
    return not three_way(seen, {name: edit.data[name] for name in seen}, there).conflicts
