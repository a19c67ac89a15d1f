"""A unit on a report: an order that sends it where it is already is no second order, for the console and the server."""

from __future__ import annotations

from collections.abc import Iterable

from api_client.model import Assignment, AssignmentState, Kind
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
