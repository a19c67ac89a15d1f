"""A unit on a report, for the console and the server: an order that sends it where it is already is no second order,
and while it is at work its own state is that of its work.
"""

from __future__ import annotations

from collections.abc import Iterable

from api_client.model import Assignment, AssignmentState, Kind, UnitState
from console.rules.status import ENDED_ASSIGNMENT


def in_force(kind: Kind, state: AssignmentState | None) -> bool:
    """Whether an ASSIGN or a DISPATCH asks nothing more of a unit whose job on the report is in `state` (None: none).

    A reserved unit may still be sent; one that was sent is neither sent nor reserved again.
    """
    if state is None or state in ENDED_ASSIGNMENT:
        return False
    return kind in (Kind.ASSIGN, Kind.DISPATCH) and not (kind is Kind.DISPATCH and state is AssignmentState.RESERVED)


def job_in_force(kind: Kind, unit: str, jobs: Iterable[Assignment]) -> Assignment | None:
    """The one of a report's `jobs` by which `unit` is on it as an order of this kind would have it; or None."""
    return next((job for job in jobs if job.unit == unit and in_force(kind, job.state)), None)


def work_that_binds(unit: UnitState, then: UnitState, jobs: Iterable[Assignment]) -> Assignment | None:
    """The first of a unit's unfinished `jobs` because of which its own state cannot become `then`; or None.

    A reserved unit is free to rest. Whoever is at work may become unavailable, and available again after that.
    """
    if then is UnitState.UNAVAILABLE or (then is UnitState.AVAILABLE and unit is UnitState.UNAVAILABLE):
        return None
    return next((job for job in jobs if job.state is not AssignmentState.RESERVED), None)
