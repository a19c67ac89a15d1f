"""A setback: what somebody else did to this operator's crews or reports. It is shown until he has seen it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

import msgspec

from api_client.model import Assignment, AssignmentState, Entry, Kind, Status
from console.cache.catalog import Catalog
from console.cache.reader import CachedReport
from console.panels.formatting import first_of
from console.panels.report.history import end_words
from console.rules.report import HAZARD

Tr = Callable[[str], str]
_MOST = 50
"""So many setbacks at most are told one by one."""
_NAMED = 5
CLAIMS = "claims"
"""The kind of what the operator has taken."""
Of = tuple[str, str, str]
"""A thing that is followed: its kind, source and id there (see `console.rules.followed`)."""


class Setback(msgspec.Struct, frozen=True):
    """What somebody else did to the operator `me`, about one report. `of_crew`: a crew is missing now, or a crew wrote
    a note on a P1, which may be a call for help.

    `entry` is the id of the history entry that did it, so that it is told only once ("" when not known). `row` is the
    report's. `units` are the units that left the report, `at` is when it happened (None when not known).
    """

    source: str
    report: str
    me: str
    bold: str
    text: str
    priority: int
    of_crew: bool
    entry: str = ""
    row: int = 0
    units: tuple[str, ...] = ()
    at: datetime | None = None
    is_over: bool = False
    """Whether the report has ended with it: nobody has to go there any more."""
    is_note: bool = False
    """Whether a crew only wrote: it is where it was sent."""
    is_gone: bool = False
    """Whether its report is at the server no more: there is nothing to show but these words."""
    of: frozenset[Of] = frozenset()
    """The things that are followed until this notice has been seen."""


def bounded(found: Sequence[Setback], tr: Tr) -> list[Setback]:
    """These setbacks, the most dangerous first, then the newest; beyond 50, as after a long absence, the rest is summed
    up in one.
    """
    ordered = sorted(found, key=lambda one: one.at.timestamp() if one.at is not None else 0.0, reverse=True)
    ordered.sort(key=lambda one: (not one.of_crew, one.priority))
    if len(ordered) <= _MOST:
        return ordered
    first, rest = ordered[: _MOST - 1], ordered[_MOST - 1 :]
    return [*first, _summed(rest, tr)]


def _summed(rest: Sequence[Setback], tr: Tr) -> Setback:
    first = rest[0]
    bold = tr("{n} more of your crews and reports were ended by others:").format(n=len(rest))
    text = first_of(list(dict.fromkeys(one.report for one in rest)), _NAMED, tr)
    of = frozenset(each for one in rest for each in one.of)
    return msgspec.structs.replace(first, bold=bold, text=text, entry="", units=(), is_over=True, of=of)


def concerns(job: Assignment, about: CachedReport, me: str) -> bool:
    """Whether the operator gave the order of this job, or holds its report."""
    claim = about.report.claim
    return me in (job.orderer, claim.who if claim is not None else "")


def is_heard(job: Assignment, about: CachedReport, me: str, connected: Collection[str] | None) -> bool:
    """Whether the operator `me` is told what this crew says: the job concerns him, or its report is a P1 or held by
    nobody, or none of those whom it concerns is `connected`.

    Whoever sent the crew may have gone home. While it is not known who is connected (None) the answer is False, and the
    caller asks again later.
    """
    # protects: a-crew-is-heard-by-somebody
    if about.report.claim is None or about.report.priority == HAZARD or concerns(job, about, me):
        return True
    # protects: who-is-gone-hears-nothing
    return connected is not None and not {job.orderer, about.report.claim.who} & set(connected)


def closing_of(history: Iterable[Entry]) -> Entry | None:
    """The last entry that closed the report without work or merged it, and was not undone; None when there is none."""
    found = [one for one in history if one.undone_by is None and closes(one)]
    return found[-1] if found else None


def let_go_with(entry: Entry, jobs: Iterable[Assignment]) -> list[Assignment]:
    """The assignments that the edit of this entry recalled."""
    return [job for job in jobs if job.state is AssignmentState.RECALLED and entry.edit and job.edit == entry.edit]


def ended_by_another(
    about: CachedReport,
    entry: Entry,
    let_go: Sequence[Assignment],
    me: str,
    catalog: Catalog,
    of: frozenset[Of],
    tr: Tr,
) -> Setback:
    """The setback of a report that another operator has closed or merged, or from which he has recalled crews."""
    report = about.report
    named = f"{report.id} {catalog.service_name(report.service)}"
    codes = ", ".join(catalog.name("unit", job.unit) for job in let_go)
    into = entry.data.get("into") or entry.data.get("merged_into")
    if entry.kind == Kind.MERGE or into:
        bold = tr("{who} has merged {report} into {main}:").format(who=entry.author, report=named, main=into)
    elif closes(entry):
        bold = tr("{who} has closed {report}:").format(who=entry.author, report=named)
    elif entry.kind == Kind.VALIDATE:
        bold = tr("{who} has ended the work on {report}:").format(who=entry.author, report=named)
    else:
        text = tr("{who} has called {units} back from {report}:")
        bold = text.format(who=entry.author, units=codes, report=named)
    why = "" if into else " · ".join(end_words(entry.data, catalog)).rstrip(".")
    parts = [why, _crews_text(entry, let_go, codes, tr), catalog.place(report.area)]
    return Setback(
        source=about.source,
        report=report.id,
        me=me,
        bold=bold,
        text=". ".join(part for part in parts if part),
        priority=report.priority,
        of_crew=bool(let_go),
        entry=entry.id,
        row=about.row,
        units=tuple(job.unit for job in let_go),
        at=entry.at,
        is_over=closes(entry) or entry.kind in (Kind.MERGE, Kind.VALIDATE),
        of=of,
    )


def closes(entry: Entry) -> bool:
    """Whether the entry closed its report without work, or merged it into another."""
    is_set = entry.kind == Kind.SET and entry.data.get("status") == Status.CLOSED.value
    return is_set or entry.kind in (Kind.CLOSE, Kind.MERGE)


def _crews_text(entry: Entry, let_go: Sequence[Assignment], codes: str, tr: Tr) -> str:
    """Which units were released; "" when the entry's own text says so. What they do now may change while the notice
    stands, so it is not told.
    """
    if not let_go or entry.kind == Kind.RECALL:
        return ""
    return (tr("{units} was let go") if len(let_go) == 1 else tr("{units} were let go")).format(units=codes)
