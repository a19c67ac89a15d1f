"""What crews have lately refused, and why: it counts against them for other reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from api_client.model import Assignment, AssignmentState, Entry, Kind
from console.advice.units import REFUSED_S, RefusedJob
from console.cache.reader import CacheReader
from console.rules.status import ENDED_ASSIGNMENT
from widgets.text import one_line

_LONGEST_ORDER = timedelta(hours=24)
"""A job that is refused was ordered this long ago at most."""
_WHY = 60
"""How many letters of a crew's reason are told."""
_WORKING = frozenset(AssignmentState) - ENDED_ASSIGNMENT - {AssignmentState.RESERVED, AssignmentState.DISPATCHED}
"""The crew has said that it goes."""


def refusal_of(job: Assignment, history: Sequence[Entry]) -> Entry | None:
    """The entry by which the crew refused the job."""
    refused = AssignmentState.REFUSED.value
    refusals = (one for one in reversed(history) if one.kind == Kind.PROGRESS and one.data.get("state") == refused)
    return next((one for one in refusals if one.data.get("unit") == job.unit), None)


def refused_other(
    reader: CacheReader, source: str, report: str, jobs: Iterable[Assignment], now: datetime
) -> dict[str, RefusedJob]:
    """The last refusal of each unit of a source, of another report than this one, if it was within REFUSED_S; not of a
    unit that has gone to work again since. `jobs` are the unfinished ones.

    Whatever that report needed: the reason is the crew's words, and a broken engine keeps it from everything.
    """
    since = now - timedelta(seconds=REFUSED_S)
    works_since = {job.unit: job.since for job in jobs if job.state in _WORKING}
    newest: dict[str, Assignment] = {}
    for job in sorted(reader.refused_since(source, since - _LONGEST_ORDER), key=lambda one: one.since):
        again = works_since.get(job.unit)
        if job.since >= since and job.report != report and (again is None or again < job.since):
            newest[job.unit] = job
    found = {}
    for unit, job in newest.items():
        row = reader.row_of(source, job.report)
        entry = refusal_of(job, reader.entries(row)) if row is not None else None
        why = one_line(entry.text, _WHY).rstrip(".") if entry is not None else ""
        found[unit] = RefusedJob(job.report, job.since, why)
    return found
