"""The one table of report, assignment and unit statuses and of what may become what."""

from __future__ import annotations

import msgspec

from api_client.model import AssignmentState, Status


class StatusRule(msgspec.Struct, frozen=True):
    """One row of the table: a status, its default words, and where it may go."""

    status: Status
    letter: str
    label: str
    is_open: bool
    may_become: tuple[Status, ...]


_S = Status
RULES: tuple[StatusRule, ...] = (
    StatusRule(_S.NEW, "N", "New", True, (_S.COORDINATION, _S.ASSIGNED, _S.PROGRESS, _S.CLOSED)),
    StatusRule(_S.COORDINATION, "C", "Coordination", True, (_S.NEW, _S.ASSIGNED, _S.PROGRESS, _S.CLOSED)),
    StatusRule(_S.ASSIGNED, "A", "Assigned", True, (_S.NEW, _S.COORDINATION, _S.PROGRESS, _S.VALIDATION, _S.CLOSED)),
    StatusRule(_S.PROGRESS, "W", "In progress", True, (_S.ASSIGNED, _S.COORDINATION, _S.VALIDATION, _S.CLOSED)),
    StatusRule(_S.VALIDATION, "V", "Awaiting validation", True, (_S.RESOLVED, _S.RETURNED)),
    StatusRule(_S.RETURNED, "R", "Returned", True, (_S.COORDINATION, _S.ASSIGNED, _S.PROGRESS, _S.CLOSED)),
    StatusRule(_S.RESOLVED, "D", "Resolved", False, (_S.RETURNED,)),
    StatusRule(_S.CLOSED, "X", "Closed without work", False, (_S.RETURNED,)),
)
BY_STATUS: dict[Status, StatusRule] = {rule.status: rule for rule in RULES}
ORDER: tuple[Status, ...] = tuple(rule.status for rule in RULES)
"""The index of a status in this tuple is its code in the board's columns."""


def may_become(now: Status, then: Status) -> bool:
    """Whether a report may go from `now` to `then`; staying is always allowed."""
    return now == then or then in BY_STATUS[now].may_become


def is_open(status: Status) -> bool:
    """Whether somebody still has work to do."""
    return BY_STATUS[status].is_open


ENDED_ASSIGNMENT = frozenset({AssignmentState.DONE, AssignmentState.REFUSED, AssignmentState.RECALLED})
UNDER_WAY = frozenset(
    {AssignmentState.RESERVED, AssignmentState.DISPATCHED, AssignmentState.ACKNOWLEDGED, AssignmentState.EN_ROUTE}
)
"""Until it is there what a crew was sent for can be taken back; after that it can only be called off."""
ON_THE_WAY = frozenset({AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE})
"""A crew has said that it is on its way, or there; one that was only told may not have heard."""
_A = AssignmentState
ASSIGNMENT_MAY_BECOME: dict[AssignmentState, tuple[AssignmentState, ...]] = {
    _A.RESERVED: (_A.DISPATCHED, _A.RECALLED),
    _A.DISPATCHED: (_A.ACKNOWLEDGED, _A.EN_ROUTE, _A.ON_SCENE, _A.DONE, _A.REFUSED, _A.RECALLED),
    _A.ACKNOWLEDGED: (_A.EN_ROUTE, _A.ON_SCENE, _A.DONE, _A.REFUSED, _A.RECALLED),
    _A.EN_ROUTE: (_A.ON_SCENE, _A.DONE, _A.REFUSED, _A.RECALLED),
    _A.ON_SCENE: (_A.DONE, _A.RECALLED),
    _A.DONE: (),
    _A.REFUSED: (),
    _A.RECALLED: (),
}


def status_after(now: Status, assignments: tuple[AssignmentState, ...], *, has_proof: bool) -> Status:
    """The status that the assignments of a report lead to.

    First dispatched -> assigned; first on scene -> in progress; proof and all done -> awaiting validation;
    all refused or recalled -> new. Anything else leaves the status as it is.
    """
    live = [state for state in assignments if state not in ENDED_ASSIGNMENT]
    done = [state for state in assignments if state is _A.DONE]
    if now in (_S.VALIDATION, _S.RESOLVED, _S.CLOSED):
        return now
    if any(state is _A.ON_SCENE for state in live):
        return _S.PROGRESS
    if not live and done:
        return _S.VALIDATION if has_proof else now
    if any(state is not _A.RESERVED for state in live):
        return _S.PROGRESS if now is _S.PROGRESS else _S.ASSIGNED
    if not live and not done and assignments and now in (_S.ASSIGNED, _S.PROGRESS):
        return _S.NEW
    return now
