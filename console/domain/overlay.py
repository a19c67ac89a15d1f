"""What a report or a unit looks like with the operator's own unsent edits on it; the server's truth stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from console.domain.decoding import convert
from console.domain.edit import DUPLICATE, Edit, Kind
from console.domain.engagement import in_force, job_in_force
from console.domain.merge import three_way
from console.domain.report import Assignment, Claim, Hold, Photo, PhotoRole, Report, Unit
from console.domain.status import (
    ENDED_ASSIGNMENT,
    AssignmentState,
    Status,
    UnitState,
    is_open,
    may_become,
    status_after,
)

_PROOF = PhotoRole.AFTER
_PLAIN_FIELDS = ("priority", "service", "title", "description", "area", "agency")
_UNIT_AT = {
    AssignmentState.ACKNOWLEDGED: UnitState.COMMITTED,
    AssignmentState.EN_ROUTE: UnitState.EN_ROUTE,
    AssignmentState.ON_SCENE: UnitState.ON_SCENE,
    AssignmentState.DONE: UnitState.AVAILABLE,
    AssignmentState.REFUSED: UnitState.AVAILABLE,
}
_ON_A_JOB = frozenset({UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE})
_ORDER_STATE = {Kind.ASSIGN: AssignmentState.RESERVED, Kind.DISPATCH: AssignmentState.DISPATCHED}


def apply_edits(
    report: Report, edits: Sequence[Edit], *, now: datetime, assignments: Iterable[Assignment] | None = None
) -> Report:
    """The report as shown: `edits` (in the order in which they were made) on top of the server's state.

    What the server would refuse is left out: a status that the table does not allow, a report that another has taken,
    a field that another has set since it was seen. `assignments` are the server's
    of this report; without them the statuses that follow from orders are judged by the edits alone. Edits that the
    server's state already contains change nothing more.
    """
    crews = _Crews(report.status, assignments)
    for edit in edits:
        changed = _apply(report, edit, crews)
        if changed is not report:
            report = replace(changed, updated=max(report.updated, min(edit.occurred_at, now)))
    return report


def created_report(edit: Edit) -> Report:
    """The report that a CREATE makes, until the server has it: version 0, under its local key."""
    data = edit.data
    created = data.get("created")
    return Report(
        id=edit.report or f"local:{edit.id}",
        version=0,
        status=Status.NEW,
        service=data.get("service"),
        priority=int(data.get("priority") or 3),
        description=str(data.get("description") or ""),
        created=convert(created, datetime, strict=False) if created else edit.occurred_at,
        updated=edit.occurred_at,
        title=str(data.get("title") or ""),
        area=data.get("area"),
        agency=data.get("agency"),
        address=str(data.get("address") or ""),
        lat=data.get("lat"),
        lon=data.get("lon"),
        channel=str(data.get("channel") or ""),
        within_m=float(data.get("within_m") or 0.0),
    )


def apply_unit_edits(unit: Unit, edits: Sequence[Edit]) -> Unit:
    """The unit as shown, with the operator's own orders and reports about it."""
    for edit in edits:
        state = _unit_state(unit, edit)
        if state is not None and state != unit.state:
            unit = replace(unit, state=state, state_since=edit.occurred_at, reason=edit.data.get("reason"))
    return unit


def field_value(report: Report, name: str) -> Any:
    """The value of a SET field of a report, as an edit carries it."""
    if name == "place":
        return report.place
    return msgspec.to_builtins(getattr(report, name))


class _Crews:
    """The states of a report's assignments while edits are applied, by unit."""

    def __init__(self, status: Status, assignments: Iterable[Assignment] | None) -> None:
        self.status_before = status
        self._complete = assignments is not None
        self._states: dict[str, AssignmentState] = {}
        self._ended: list[AssignmentState] = []
        for one in sorted(assignments or (), key=lambda one: one.created):
            self._end(one.unit)
            self._states[one.unit] = one.state

    def start(self, unit: str, kind: Kind) -> bool:
        """Reserve or send a unit; False when it is there already by another order, and this one is none."""
        if in_force(kind, self._states.get(unit)):
            return False
        self._end(unit)
        self._states[unit] = _ORDER_STATE[kind]
        return True

    def move(self, unit: str, state: AssignmentState) -> bool:
        """Note a unit's new state; whether enough is known to tell the report's status from it."""
        known = self._complete or unit in self._states or state not in ENDED_ASSIGNMENT
        self._states[unit] = state
        return known or state is AssignmentState.DONE

    def status(self, report: Report) -> Status:
        states = (*self._ended, *self._states.values())
        proof = any(photo.role is _PROOF for photo in report.photos)
        after = status_after(report.status, states, has_proof=proof)
        if not self._complete and after is Status.NEW and report.status is not self.status_before:
            return self.status_before  # only own orders are known, and all of them are taken back
        return after

    def _end(self, unit: str) -> None:
        before = self._states.pop(unit, None)
        if before in ENDED_ASSIGNMENT:
            self._ended.append(before)


def _apply(report: Report, edit: Edit, crews: _Crews) -> Report:
    data = edit.data
    match edit.kind:
        case Kind.SET:
            return _set(report, edit)
        case Kind.PHOTO:
            return _with_photo(report, data)
        case Kind.CLAIM:
            # protects: who-has-taken-it-is-shown
            return report if report.claim is not None else replace(report, claim=Claim(edit.author, edit.occurred_at))
        case Kind.RELEASE:
            return report if _is_anothers(report, edit) else replace(report, claim=None)
        case Kind.ASSIGN | Kind.DISPATCH | Kind.RECALL | Kind.PROGRESS:
            return _with_crew(report, edit, crews)
        case Kind.VALIDATE if data.get("accepted"):
            return _closed(report, Status.RESOLVED, edit, disposition=data.get("disposition"))
        case Kind.VALIDATE | Kind.REOPEN:
            return _open_again(report, edit.author)
        case Kind.CLOSE:
            for unit in data.get("release") or ():
                crews.move(unit, AssignmentState.RECALLED)
            merged_into = data.get("merged_into") or report.merged_into
            return _closed(report, Status.CLOSED, edit, disposition=data.get("disposition"), merged_into=merged_into)
        case Kind.MERGE:
            return _closed(report, Status.CLOSED, edit, disposition=DUPLICATE, merged_into=str(data.get("into")))
        case Kind.UNMERGE:
            return replace(_open_again(report, edit.author), merged_into=None)
        case Kind.NOTE | Kind.REPLY | Kind.ME_TOO:
            return replace(report)
        case Kind.CREATE | Kind.UNIT_STATE:
            return report


def _is_anothers(report: Report, edit: Edit) -> bool:
    """Whether another has the report: to take it from him a supervisor's rights are needed, which only the server
    knows.
    """
    return report.claim is not None and report.claim.who != edit.author


def _set(report: Report, edit: Edit) -> Report:
    data = _still_mine(report, edit)
    changes: dict[str, Any] = {name: data[name] for name in _PLAIN_FIELDS if name in data}
    if "place" in data:
        place = data["place"] or {}
        changes |= {"lat": place.get("lat"), "lon": place.get("lon"), "within_m": float(place.get("within_m") or 0.0)}
        changes["address"] = place.get("address") or ("" if "address" in place else report.address)
    if "hold" in data:
        changes["hold"] = convert(data["hold"], Hold | None)
    report = replace(report, **changes)
    if "status" not in data:
        return report
    status = Status(data["status"])
    if status in (Status.RESOLVED, Status.CLOSED):
        return _closed(report, status, edit)
    if not may_become(report.status, status):
        return report
    return replace(report, status=status, closed_at=None)


def _still_mine(report: Report, edit: Edit) -> dict[str, Any]:
    """What an edit sets, without the fields that others have set meanwhile: the server will refuse the whole of it.

    A field whose value before is not known counts as seen. The status follows from crews too: the table judges it.
    """
    data = edit.data
    seen = {name: value for name, value in edit.base.items() if name in data and name != "status"}
    there = {name: field_value(report, name) for name in seen}
    # protects: a-hold-that-ended-by-itself-is-nobodys-change
    if "hold" in seen and there["hold"] is None and (seen["hold"] or {}).get("until"):
        seen["hold"] = None
    return {} if three_way(seen, {name: data[name] for name in seen}, there).conflicts else data


def _with_photo(report: Report, data: dict[str, Any]) -> Report:
    sha256 = data.get("sha256")
    if any(photo.sha256 == sha256 for photo in report.photos):
        return report
    photo = convert({"role": PhotoRole.OTHER.value, **data, "sha256": sha256}, Photo)
    return replace(report, photos=(*report.photos, photo))


def _with_crew(report: Report, edit: Edit, crews: _Crews) -> Report:
    unit = str(edit.data.get("unit"))
    known = True
    if edit.kind in _ORDER_STATE:
        if not crews.start(unit, edit.kind):
            return report
        if edit.kind is Kind.DISPATCH and report.claim is None and is_open(report.status):
            report = replace(report, claim=Claim(edit.author, edit.occurred_at))
    elif edit.kind is Kind.RECALL:
        known = crews.move(unit, AssignmentState.RECALLED)
    else:
        known = crews.move(unit, AssignmentState(edit.data["state"]))
    status = crews.status(report) if known else report.status
    return replace(report, status=status)


def _closed(
    report: Report, status: Status, edit: Edit, *, disposition: str | None = None, merged_into: str | None = None
) -> Report:
    if not may_become(report.status, status):
        return report
    return replace(
        report,
        status=status,
        disposition=disposition or report.disposition,
        merged_into=merged_into,
        closed_at=report.closed_at or edit.occurred_at,
    )


def _open_again(report: Report, by: str) -> Report:
    if not may_become(report.status, Status.RETURNED):
        return report
    claim = report.claim_after_return(by)
    return replace(report, status=Status.RETURNED, closed_at=None, disposition=None, claim=claim)


def _unit_state(unit: Unit, edit: Edit) -> UnitState | None:
    if edit.kind is Kind.CLOSE:
        released = unit.id in (edit.data.get("release") or ())
        return UnitState.AVAILABLE if released and unit.state in _ON_A_JOB else None
    if edit.data.get("unit") != unit.id:
        return None
    match edit.kind:
        case Kind.UNIT_STATE:
            return UnitState(edit.data["state"])
        case Kind.DISPATCH:
            return unit.state if unit.state in _ON_A_JOB else UnitState.COMMITTED
        case Kind.RECALL:
            return UnitState.AVAILABLE if unit.state in _ON_A_JOB else None
        case Kind.PROGRESS:
            return _UNIT_AT[AssignmentState(edit.data["state"])]
        case _:
            return None


def with_orders(known: tuple[Assignment, ...], report: str, pending: Sequence[Edit]) -> tuple[Assignment, ...]:
    """The assignments as the operator's own unsent edits leave them."""
    shown = list(known)
    for edit in pending:
        unit = edit.data.get("unit", "")
        here = [one for one in shown if one.report == report]
        if edit.kind in _ORDER_STATE:
            if any(one.edit == edit.id for one in here) or job_in_force(edit.kind, unit, here) is not None:
                continue
            state = _ORDER_STATE[edit.kind]
            reserved = (unit, report, AssignmentState.RESERVED)
            shown = [one for one in shown if (one.unit, one.report, one.state) != reserved]
            at = edit.occurred_at
            shown.append(Assignment(edit.id, report, unit, state, at, edit.author, at, edit=edit.id))
        elif edit.kind in (Kind.PROGRESS, Kind.RECALL):
            state = AssignmentState(edit.data["state"]) if edit.kind is Kind.PROGRESS else AssignmentState.RECALLED
            shown = [
                replace(one, state=state, since=edit.occurred_at)
                if (one.unit, one.report) == (unit, report) and one.state not in ENDED_ASSIGNMENT
                else one
                for one in shown
            ]
    return tuple(sorted(shown, key=lambda one: one.created))
