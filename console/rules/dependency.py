"""Which edits of a report rest on which: what is lost with an edit that the server does not take, and what is not.

A fact never rests on an order that it can do without: a note, a photo, a priority is sent whether a take
succeeded or not.
"""

from __future__ import annotations

from collections.abc import Iterable

from api_client.model import Kind
from console.rules.divert import left_by
from console.rules.edit import APPENDS, OF_CLAIM, ON_STATUS, Edit, is_order
from console.rules.queued import STUCK, EditState, Queued, StopReason
from console.rules.transitions import Event, advance

Aspect = tuple[str, str]
"""What of a report an edit settles for later ones: a kind of thing, and which one of it."""

_OF_CREW = frozenset({Kind.ASSIGN, Kind.DISPATCH, Kind.RECALL, Kind.PROGRESS})
_UNIT_OF = "unit of "
_SENDS = frozenset({Kind.ASSIGN, Kind.DISPATCH})
_CREATED: Aspect = ("created", "")
_STATUS: Aspect = ("field", "status")
_PRIORITY: Aspect = ("field", "priority")
_NOT_GIVEN = frozenset({EditState.QUEUED, EditState.STOPPED})
_UNREAD_S = 2.0
"""So soon after an edit was lost the operator cannot have read it: what he does then still rests on it."""


def settles(edit: Edit) -> frozenset[Aspect]:
    """What later edits of the same report may rest on."""
    by = edit.author
    found: set[Aspect] = {("edit", edit.id), *_closure_of(edit)}
    if edit.kind is Kind.CREATE:
        found.add(_CREATED)
    elif edit.kind in OF_CLAIM:
        found.add(("claim", by))
        if edit.kind is Kind.CLAIM:
            found.add(("held", by))
    elif edit.kind in _OF_CREW:
        found.add((f"{_UNIT_OF}{by}", str(edit.data.get("unit"))))
    found |= {(f"{kind} of {by}", name) for kind, name in _fields(edit)}
    return frozenset(found)


def rests_on(edit: Edit) -> frozenset[Aspect]:
    """What must have been settled by earlier edits of the same report, where they touch it, for this one to be given.

    Take -> orders and release; an order for a unit -> later ones for it and what it reports; a field -> the same field;
    a change of the status -> the next one, and a crew that is sent after it; of the priority -> a crew that leaves its
    work for the report, which it does only for a P1; a creation -> orders and what crews report (facts wait for it:
    they are shown on a report that is not at the server yet); what was done to a closure -> what is done to it then, as
    the version that was seen counts it; an edit -> its undo.
    """
    by = edit.author
    # protects: a-closure-is-ended-as-it-was-seen
    found: set[Aspect] = set(_closure_of(edit))
    found |= {_CREATED} if is_order(edit) or edit.kind is Kind.PROGRESS else set()
    if edit.undoes:
        found.add(("edit", edit.undoes))
    if edit.kind in APPENDS:
        return frozenset(found)
    if edit.kind in OF_CLAIM:
        found.add(("claim", by))
    elif is_order(edit):
        found.add(("held", by))
    if edit.kind in _OF_CREW:
        found.add((f"{_UNIT_OF}{by}", str(edit.data.get("unit"))))
    fields = {_STATUS} if edit.kind in _SENDS else _fields(edit)
    # protects: a-divert-rests-on-its-p1
    if left_by(edit):
        fields = fields | {_PRIORITY}
    return frozenset(found | {(f"{kind} of {by}", name) for kind, name in fields})


def is_needed(earlier: Edit, by: Edit, *, of_one_report: bool) -> bool:
    """Whether an edit rests on an earlier one; of edits of two reports only by what they say of one unit."""
    shared = settles(earlier) & rests_on(by)
    return bool(shared) if of_one_report else any(kind.startswith(_UNIT_OF) for kind, _ in shared)


def stopped_with(lost: Queued, of_report: Iterable[Queued]) -> list[Queued]:
    """Of the edits of its report (oldest first) those that wait, or are stopped, and rest on it, by others perhaps.

    Not what was done when the operator knew that it was lost.
    """
    settled = set(settles(lost.edit))
    found = []
    for one in of_report:
        waits = one.edit.number > lost.edit.number and one.state in _NOT_GIVEN
        if waits and settled & rests_on(one.edit) and _is_unaware(one.edit, lost):
            found.append(one)
            settled |= settles(one.edit)
    return found


def lost_under(queued: Queued, of_report: Iterable[Queued]) -> Queued | None:
    """The first of the edits of its report (oldest first) that is lost, and on which this one rests; None: on none."""
    before = [one for one in of_report if one.edit.number < queued.edit.number]
    for lost in before:
        if lost.state in STUCK and any(one is queued for one in stopped_with(lost, [*before, queued])):
            return lost
    return None


def freed(stopped: Queued) -> Queued:
    """What was stopped with one that was not lost after all: a fact goes, about an order is asked."""
    return asked(stopped) if is_order(stopped.edit) else advance(stopped, Event.FREED)


def asked(stopped: Queued) -> Queued:
    """What was stopped with one that nobody can be asked about any more: whether it is wanted is asked by itself."""
    event = Event.WANTED_ALONE if is_order(stopped.edit) else Event.ASKED_ALONE
    return advance(stopped, event, reason=StopReason.HELD_BACK)


def _is_unaware(edit: Edit, lost: Queued) -> bool:
    """Whether an edit was made before its operator can have read that this one was lost."""
    since = lost.changed_at
    return since is None or (edit.occurred_at - since).total_seconds() <= _UNREAD_S


def _closure_of(edit: Edit) -> set[Aspect]:
    return {(f"closure of {edit.author}", str(edit.data.get("closure")))} if edit.kind is Kind.CLOSURE else set()


def _fields(edit: Edit) -> set[Aspect]:
    if edit.kind in ON_STATUS:
        return {_STATUS}
    return {("field", name) for name in edit.data if name != "reason"} if edit.kind is Kind.SET else set()
