"""What each kind of edit makes of a report and its crews: the one rule by which the server acts and the console shows.

The server keeps around it what needs its own eyes: rights, locks, conflicts with what was not seen, undo, the audit.
An edit that the rule does not allow changes nothing (`NotAllowed`): the server refuses it with words of its own, the
console leaves it out of what it shows. Example: an after photo of a report whose crews are all done brings it to
validation, at the server as in the window of an operator who has had no network for hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec
from msgspec.structs import replace

from api_client.decoding import convert
from api_client.model import (
    Assignment,
    AssignmentState,
    Claim,
    ClaimOffer,
    Entry,
    Hold,
    Kind,
    Photo,
    PhotoRole,
    Publication,
    Report,
    Service,
    Status,
    Unit,
    UnitState,
)
from console.rules.answers import answers_as_far_as_they_fit
from console.rules.edit import DUPLICATE, LEAVES, Edit
from console.rules.engagement import job_in_force
from console.rules.proof import is_proof_missing, jobs_of_round
from console.rules.proof_check import own_flags, work_began
from console.rules.report import HAZARD, claim_after_return, holder_of, is_for_everybody, offered_to
from console.rules.rights import may_release
from console.rules.status import ASSIGNMENT_MAY_BECOME, ENDED_ASSIGNMENT, is_open, may_become, status_after

GIVEN, TRANSFER = "given", "transfer"
"""The rules by which a report has its area when no polygon decided: said at arrival (or in a file), or handed over."""

FROM_JOBS = frozenset({UnitState.AVAILABLE, UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE})
"""States that follow from a unit's jobs; the others are its own word and stay."""

_DEFAULT_PRIORITY = 3
_SENT = {Kind.ASSIGN: AssignmentState.RESERVED, Kind.DISPATCH: AssignmentState.DISPATCHED}
_NO_STEPS = frozenset({AssignmentState.RESERVED, AssignmentState.DISPATCHED, AssignmentState.RECALLED})
_SET_PLAINLY = ("priority", "service", "title", "description", "area", "agency")


class Why(Enum):
    """Why a report does not let an edit do anything."""

    STATUS = "it cannot become that from where it stands"
    CLOSED = "no more work is done on it"
    OUT_OF_SIGHT = "it is closed: what becomes a hazard there is on no list and no counter"
    AWAITS_VALIDATION = "its work is to be judged before more is done"
    NOT_AWAITING = "there is no proof to judge"
    NO_PROOF = "there is no after photo of this round of its work"
    CREWS_AT_WORK = "crews are on it"
    TAKEN = "another has taken it"
    ALREADY_SENT = "the unit is on it by an earlier order"
    NOT_ON_IT = "the unit is not on it"
    JOB = "the unit's job cannot become that from where it stands"
    NO_STEP = "this is an order, and nothing that a unit reports"
    NOT_MERGED = "it is merged into none"
    NOT_OFFERED = "it is not offered to him"


class NotAllowed(Exception):
    """The report does not let the edit do anything; `status` and `state` are what it or the job should become."""

    def __init__(
        self,
        why: Why,
        *,
        status: Status | None = None,
        job: Assignment | None = None,
        state: AssignmentState | None = None,
    ) -> None:
        super().__init__(why.value)
        self.why, self.status, self.job, self.state = why, status, job, state


class ReportState(msgspec.Struct, frozen=True):
    """A report with what its edits read and change beside it: all its assignments and its history, the oldest first."""

    report: Report
    assignments: tuple[Assignment, ...] = ()
    entries: tuple[Entry, ...] = ()

    @property
    def live_jobs(self) -> list[Assignment]:
        """The assignments that have not ended."""
        return _live(self.assignments)

    @property
    def jobs(self) -> list[Assignment]:
        """The assignments that count for this round of work: each return begins a new one."""
        return jobs_of_round([entry for entry in self.entries if entry.undone_by is None], self.assignments)


AreaAt = Callable[[float, float], tuple[str, str] | None]
"""The code of the area around a point (latitude, longitude) and the rule by which it was found; None outside all."""


class Lookups(msgspec.Struct, frozen=True):
    """What an edit looks up beside its report. Without them nothing is known: of no service, area or other report.

    `main_of` gives the report at the end of the chain of merges that begins with the one that is named, `off_m` how far
    what is reported may lie from its report's point.
    """

    service_of: Callable[[str], Service | None] = lambda _: None
    area_at: AreaAt = lambda _lat, _lon: None
    main_of: Callable[[str], str] = lambda key: key
    off_m: Callable[[Report], float] = lambda report: report.within_m

    def service(self, code: str | None) -> Service | None:
        """A service by its code; None for none, and for one that is not known."""
        return self.service_of(code) if code is not None else None


NOTHING_KNOWN = Lookups()


class _RuleStep(msgspec.Struct, frozen=True):
    """One edit while it is applied."""

    edit: Edit
    at: datetime
    known: Lookups
    role: str
    job_id: str

    @property
    def data(self) -> dict[str, Any]:
        return self.edit.data

    @property
    def unit(self) -> str:
        return str(self.edit.data.get("unit"))


def apply_edit(
    state: ReportState, edit: Edit, at: datetime, known: Lookups = NOTHING_KNOWN, *, role: str = "", job_id: str = ""
) -> ReportState:
    """The report and its crews after an edit that is made at `at`; its entry in the history is not among them yet.

    `role` is the author's ("" where it is not known: he may do what everybody may), `job_id` names the assignment that
    an order makes (by default as the edit). Raises NotAllowed.
    """
    step = _RuleStep(edit, at, known, role, job_id or edit.id)
    effect = _EFFECTS.get(edit.kind)
    return effect(state, step) if effect is not None else state


def entry_of(edit: Edit, before: Report, after: Report, at: datetime, entry_id: str) -> Entry:
    """The line of the history that an edit makes which is done at `at`: its payload, and who does it.

    The status stands in it where that changed, or was set or begun with; the area where that changed with the place.
    """
    data = edit.data
    # protects: a-place-in-another-area-is-told-as-such
    if edit.kind is Kind.SET and before.area != after.area and "area" not in data:
        data = data | {"area": after.area}
    status_said = edit.kind is Kind.CREATE or (edit.kind is Kind.SET and "status" in data)
    if status_said or before.status is not after.status:
        data = data | {"status": after.status.value}
    return Entry(
        id=entry_id,
        report=after.id,
        kind="created" if edit.kind is Kind.CREATE else edit.kind.value,
        at=at,
        author=edit.author,
        edit=edit.id,
        occurred_at=min(edit.occurred_at, at),
        late=edit.late,
        text=str(data.get("text") or data.get("reason") or ""),
        data=data | ({"undoes": edit.undoes} if edit.undoes else {}),
        unit=data.get("unit"),
    )


def jobs_after(jobs: Iterable[Assignment], report: str, edits: Iterable[Edit]) -> tuple[Assignment, ...]:
    """Jobs at whichever reports after edits of one of them, where only they are known; the oldest first.

    What the jobs alone do not allow changes nothing. What else the report would not allow is not seen.
    """
    jobs = tuple(jobs)
    here = tuple(job for job in jobs if job.report == report)
    for edit in edits:
        if edit.kind in _SENT and any(job.edit == edit.id for job in here):
            continue
        try:
            here = _crews_after(here, report, _RuleStep(edit, edit.occurred_at, NOTHING_KNOWN, "", edit.id))
        except NotAllowed:
            continue
    elsewhere = [job for job in jobs if job.report != report]
    return tuple(sorted((*elsewhere, *here), key=lambda job: job.created))


def unit_after(unit: Unit, jobs: Iterable[Assignment], at: datetime) -> Unit:
    """A unit in the state that its live jobs lead to; that it cannot work stays its own word, and a break without."""
    # protects: cannot-work-stays-said
    if unit.state is UnitState.UNAVAILABLE:
        return unit
    state = state_by_jobs(jobs)
    if unit.state is state or (unit.state not in FROM_JOBS and state is UnitState.AVAILABLE):
        return unit
    return replace(unit, state=state, state_since=at, reason=None, version=unit.version + 1)


def state_by_jobs(jobs: Iterable[Assignment]) -> UnitState:
    """The state that a unit's live jobs lead to; available without any."""
    states = {job.state for job in jobs} - {AssignmentState.RESERVED}
    if AssignmentState.ON_SCENE in states:
        return UnitState.ON_SCENE
    if AssignmentState.EN_ROUTE in states:
        return UnitState.EN_ROUTE
    return UnitState.COMMITTED if states else UnitState.AVAILABLE


def new_report(
    key: str, data: Mapping[str, Any], created: datetime, updated: datetime, known: Lookups = NOTHING_KNOWN
) -> Report:
    """The report that a CREATE with this payload makes: version 0; its place decides the area unless one is given.

    Answers to what its service asks become attributes as far as they fit, and remarks tell of the others.
    """
    service = known.service(data.get("service"))
    lat, lon = data.get("lat"), data.get("lon")
    placed = lat is not None and lon is not None
    area, rule = data.get("area"), GIVEN if data.get("area") else None
    if area is None and lat is not None and lon is not None:
        area, rule = known.area_at(lat, lon) or (None, None)
    attributes, remarks = _answers(data.get("attributes")), list[str]()
    if data.get("answers") is not None:
        answered = _answers(data["answers"])
        if service is not None:
            answered, remarks = answers_as_far_as_they_fit(service, answered)
        attributes |= answered
    return Report(
        id=key,
        version=0,
        status=Status.NEW,
        service=data.get("service"),
        priority=int(data.get("priority") or (service.priority if service else _DEFAULT_PRIORITY)),
        title=str(data.get("title") or ""),
        description=str(data.get("description") or ""),
        created=created,
        updated=updated,
        area=area,
        area_rule=rule,
        agency=data.get("agency") or (service.agency if service else None),
        address=str(data.get("address") or ""),
        lat=lat if placed else None,
        lon=lon if placed else None,
        within_m=float(data.get("within_m") or 0.0) if placed else 0.0,
        channel=str(data.get("channel") or ""),
        attributes=attributes,
        remarks=tuple(remarks),
    )


def _answers(given: Any) -> dict[str, tuple[str, ...]]:
    return {str(code): tuple(str(value) for value in values) for code, values in (given or {}).items()}


def ended(report: Report, status: Status, at: datetime, disposition: str = "") -> Report:
    """The report closed, with or without work: what was on hold is not any more. Raises NotAllowed."""
    after = _become(report, status)
    if report.status is not status:
        after = replace(after, closed_at=at, hold=None)
    return replace(after, disposition=disposition) if disposition else after


def with_duplicates(report: Report, change: int, at: datetime) -> Report:
    """A main report when so many more (or, below zero, fewer) are merged into it: its next version."""
    version = report.version + 1
    versions = report.versions | ({"duplicates": version} if change > 0 else {})
    count, updated = max(0, report.duplicates + change), max(at, report.created)
    return replace(report, duplicates=count, version=version, versions=versions, updated=updated)


def follow_crews(
    state: ReportState,
    known: Lookups = NOTHING_KNOWN,
    *,
    start: Status | None = None,
    added: str | None = None,
    hands_in: bool = False,
) -> ReportState:
    """The report with the status that its crews lead to, from `start` (None: from the present one).

    `added` is the SHA-256 of a photo that is being attached, of which the history has no entry yet. A P1 is handed in
    by what somebody delivers (`hands_in`), not by a crew that goes: the first one had done its work before a second
    caller told of children on the roof, and the second one turned back.
    """
    report = state.report
    now = start or report.status
    jobs = tuple(job.state for job in state.jobs)
    then = status_after(now, jobs, has_proof=not _lacks_proof(state, known, added))
    # protects: who-goes-hands-no-hazard-in
    if then is Status.VALIDATION and report.priority == HAZARD and not hands_in:
        then = now
    return state if then is report.status else _with(state, status=then, status_label=None)


def moved(job: Assignment, state: AssignmentState, at: datetime, *, by: str, edit: str) -> Assignment:
    """A job in another state, by the edit with this id."""
    return replace(job, state=state, since=at, by=by, edit=edit, version=job.version + 1)


def _with(state: ReportState, **changes: Any) -> ReportState:
    return replace(state, report=replace(state.report, **changes))


def _lacks_proof(state: ReportState, known: Lookups, added: str | None = None) -> bool:
    return is_proof_missing(state.report, known.service(state.report.service), state.entries, added=added)


def _become(report: Report, status: Status) -> Report:
    if status is report.status:
        return report
    if not may_become(report.status, status):
        raise NotAllowed(Why.STATUS, status=status)
    return replace(report, status=status, status_label=None)


def returned(report: Report, by: str) -> Report:
    """The report back at work, by this operator. Raises NotAllowed."""
    claim = claim_after_return(report, by)
    return replace(_become(report, Status.RETURNED), closed_at=None, disposition=None, claim=claim)


def _open_again(state: ReportState, by: str) -> ReportState:
    return replace(state, report=returned(state.report, by))


# Fields


def _set(state: ReportState, step: _RuleStep) -> ReportState:
    data, report = step.data, state.report
    changes = {name: data[name] for name in _SET_PLAINLY if name in data}
    if "area" in data and data["area"] != report.area:
        changes["area_rule"] = TRANSFER
    if "publication" in data:
        changes["publication"] = convert(data["publication"], Publication | None)
    if "hold" in data:
        changes["hold"] = convert(data["hold"], Hold | None)
        if changes["hold"] is not None and not is_open(report.status):
            raise NotAllowed(Why.CLOSED)
    state = _with(state, **changes)
    if "place" in data:
        state = _place(state, data["place"] or {}, step)
    raised = state.report.priority == HAZARD != report.priority
    if "status" in data:
        state = _set_status(state, Status(data["status"]), step)
    # protects: what-burns-is-worked-on
    elif raised and report.status is Status.VALIDATION:
        state = _open_again(state, step.edit.author)  # its crew has left, and knew of no danger
    else:
        state = handed_in_once_lowered(report, state, step.known)
    # protects: no-hazard-where-nobody-looks
    if raised and not is_open(state.report.status):
        raise NotAllowed(Why.OUT_OF_SIGHT)
    return state


def handed_in_once_lowered(before: Report, state: ReportState, known: Lookups) -> ReportState:
    """The report with the work handed in that was held back because it was a P1: it is none any more."""
    lowered = before.priority == HAZARD < state.report.priority
    # protects: what-was-held-back-is-judged
    if lowered and state.report.status in (Status.ASSIGNED, Status.PROGRESS):
        return follow_crews(state, known)
    return state


def _place(state: ReportState, place: Mapping[str, Any], step: _RuleStep) -> ReportState:
    report = state.report
    lat, lon = place.get("lat"), place.get("lon")
    address = (place["address"] or "") if "address" in place else report.address
    within_m = float(place.get("within_m") or 0.0) if lat is not None else 0.0
    state = _with(state, lat=lat, lon=lon, address=address, within_m=within_m)
    if lat is None or lon is None or "area" in step.data or report.area_rule == TRANSFER:
        return state
    area, rule = step.known.area_at(lat, lon) or (report.area, report.area_rule)
    return _with(state, area=area, area_rule=rule)


def _set_status(state: ReportState, status: Status, step: _RuleStep) -> ReportState:
    if status is state.report.status:
        return state
    if status is Status.RESOLVED:
        return _accept(state, step)
    if status is Status.CLOSED:
        # protects: no-crew-is-set-aside
        if state.live_jobs:
            raise NotAllowed(Why.CREWS_AT_WORK)
        return replace(state, report=ended(state.report, status, step.at, _text(step, "reason")))
    if status is Status.RETURNED:
        return _reopen(state, step)
    if status is Status.VALIDATION and _lacks_proof(state, step.known):
        raise NotAllowed(Why.NO_PROOF, status=status)
    return replace(state, report=_become(state.report, status))


def _photo(state: ReportState, step: _RuleStep) -> ReportState:
    sha256 = step.data.get("sha256")
    if not any(photo.sha256 == sha256 for photo in state.report.photos):
        photo = convert({"role": PhotoRole.OTHER.value, **step.data, "sha256": sha256, "flags": []}, Photo)
        began = work_began(state.entries, state.assignments)
        # protects: proof-is-looked-at
        photo = replace(photo, flags=own_flags(photo, state.report, step.known.off_m(state.report), began))
        state = _with(state, photos=(*state.report.photos, photo))
    if step.data.get("role") != PhotoRole.AFTER:
        return state
    return follow_crews(state, step.known, added=sha256, hands_in=True)


def _claim(state: ReportState, step: _RuleStep) -> ReportState:
    claim = state.report.claim
    # protects: who-has-taken-it-is-shown
    is_offered = offered_to(state.report, step.at) == step.edit.author
    if claim is not None and not is_for_everybody(claim) and not is_offered:
        if claim.who != step.edit.author:
            raise NotAllowed(Why.TAKEN)
        return _with(state, claim=replace(claim, offer=None))
    return _with(state, claim=Claim(step.edit.author, step.at))


def _release(state: ReportState, step: _RuleStep) -> ReportState:
    claim = state.report.claim
    if claim is not None and not may_release(step.edit.author, step.role, claim.who):
        raise NotAllowed(Why.TAKEN)
    return _with(state, claim=None)


def _offer(state: ReportState, step: _RuleStep) -> ReportState:
    report, author = state.report, step.edit.author
    if not is_open(report.status):
        raise NotAllowed(Why.CLOSED)
    holder = holder_of(report)
    # protects: nobody-gives-away-what-another-has
    if holder not in (None, author) and step.role != "supervisor":
        raise NotAllowed(Why.TAKEN)
    claim = report.claim if report.claim is not None and holder is not None else Claim(author, step.at)
    return _with(state, claim=replace(claim, offer=ClaimOffer(step.at, author, str(step.data.get("to")))))


def _decline(state: ReportState, step: _RuleStep) -> ReportState:
    claim = state.report.claim
    if claim is None or claim.offer is None or claim.offer.to != step.edit.author:
        raise NotAllowed(Why.NOT_OFFERED)
    return _with(state, claim=replace(claim, offer=None))


# Crews


def _live(jobs: Iterable[Assignment]) -> list[Assignment]:
    return [job for job in jobs if job.state not in ENDED_ASSIGNMENT]


def _engage(state: ReportState, step: _RuleStep) -> ReportState:
    report = state.report
    if not is_open(report.status):
        raise NotAllowed(Why.CLOSED)
    if report.status is Status.VALIDATION:
        raise NotAllowed(Why.AWAITS_VALIDATION)
    state = replace(state, assignments=_crews_after(state.assignments, report.id, step))
    if step.edit.kind is Kind.DISPATCH and holder_of(report) is None:
        state = _with(state, claim=Claim(step.edit.author, step.at))  # who sends a crew has the report
    return follow_crews(state, step.known)


def _move_crew(state: ReportState, step: _RuleStep) -> ReportState:
    state = replace(state, assignments=_crews_after(state.assignments, state.report.id, step))
    return follow_crews(state, step.known, hands_in=step.data.get("state") == AssignmentState.DONE)


def _crews_after(jobs: tuple[Assignment, ...], report: str, step: _RuleStep) -> tuple[Assignment, ...]:
    """The jobs at a report after an edit of it."""
    data = step.data
    match step.edit.kind:
        case Kind.ASSIGN | Kind.DISPATCH:
            return _sent(jobs, report, step)
        case Kind.RECALL:
            return _moved_on(jobs, _job_of(jobs, step.unit), AssignmentState.RECALLED, step)
        case Kind.PROGRESS:
            state = AssignmentState(data["state"])
            if state in _NO_STEPS:
                raise NotAllowed(Why.NO_STEP, state=state)
            return _moved_on(jobs, _job_of(jobs, step.unit), state, step)
        case Kind.VALIDATE if data.get("accepted"):
            return _let_go(jobs, step, done=True)
        case Kind.MERGE:
            return _let_go(jobs, step)
        case Kind.CLOSE if data.get("merged_into") is not None:
            return _let_go(jobs, step)
        case Kind.CLOSE:
            return _let_go(jobs, step, only=data.get("release") or ())
        case _:
            return jobs


def _sent(jobs: tuple[Assignment, ...], report: str, step: _RuleStep) -> tuple[Assignment, ...]:
    edit, at, unit = step.edit, step.at, step.unit
    # protects: no-second-order
    if (there := job_in_force(edit.kind, unit, _live(jobs))) is not None:
        # protects: who-was-to-come-next-comes-now
        if step.data.get(LEAVES):
            return jobs  # by an earlier order it was to come after the work that it leaves now
        raise NotAllowed(Why.ALREADY_SENT, job=there)
    state = _SENT[edit.kind]
    reserved = [job for job in _live(jobs) if job.unit == unit]
    if reserved:
        job = replace(reserved[-1], ordered_by=edit.author, ordered_at=at)
        return _moved_on(jobs, job, state, step)
    by = edit.author
    return (*jobs, Assignment(step.job_id, report, unit, state, at, by, at, edit.id, 1, by, at))


def _job_of(jobs: Iterable[Assignment], unit: str) -> Assignment:
    found = [job for job in _live(jobs) if job.unit == unit]
    if not found:
        raise NotAllowed(Why.NOT_ON_IT)
    return found[-1]


def _moved_on(
    jobs: tuple[Assignment, ...], job: Assignment, state: AssignmentState, step: _RuleStep
) -> tuple[Assignment, ...]:
    if state is job.state:
        return jobs
    if state not in ASSIGNMENT_MAY_BECOME[job.state]:
        raise NotAllowed(Why.JOB, job=job, state=state)
    after = moved(job, state, step.at, by=step.edit.author, edit=step.edit.id)
    return tuple(after if one.id == job.id else one for one in jobs)


def _let_go(
    jobs: tuple[Assignment, ...], step: _RuleStep, *, done: bool = False, only: Iterable[str] | None = None
) -> tuple[Assignment, ...]:
    """All live jobs ended, or those of `only` and what is but reserved; with `done` who is on scene counts as done."""
    for job in _live(jobs):
        if only is None or job.unit in only or job.state is AssignmentState.RESERVED:
            worked = done and job.state is AssignmentState.ON_SCENE
            jobs = _moved_on(jobs, job, AssignmentState.DONE if worked else AssignmentState.RECALLED, step)
    return jobs


# The end, and back


def _validate(state: ReportState, step: _RuleStep) -> ReportState:
    accepted = bool(step.data.get("accepted"))
    if state.report.status is not Status.VALIDATION:
        if state.report.status is (Status.RESOLVED if accepted else Status.RETURNED):
            return state
        raise NotAllowed(Why.NOT_AWAITING)
    return _accept(state, step) if accepted else _open_again(state, step.edit.author)


def _accept(state: ReportState, step: _RuleStep) -> ReportState:
    if state.report.status is Status.VALIDATION and _lacks_proof(state, step.known):
        raise NotAllowed(Why.NO_PROOF)
    report = ended(state.report, Status.RESOLVED, step.at, _text(step, "disposition") or _text(step, "reason"))
    return replace(state, report=report, assignments=_let_go(state.assignments, step, done=True))


def _close(state: ReportState, step: _RuleStep) -> ReportState:
    into = step.data.get("merged_into")
    if into is not None:
        return _merged(state, str(into), step)
    report = ended(state.report, Status.CLOSED, step.at, _text(step, "disposition") or _text(step, "reason"))
    jobs = _crews_after(state.assignments, report.id, step)
    return replace(state, report=replace(report, merged_into=None), assignments=jobs)


def _merge(state: ReportState, step: _RuleStep) -> ReportState:
    return _merged(state, str(step.data.get("into")), step)


def _merged(state: ReportState, into: str, step: _RuleStep) -> ReportState:
    report = ended(state.report, Status.CLOSED, step.at, _text(step, "disposition") or DUPLICATE)
    report = replace(report, merged_into=step.known.main_of(into))
    return replace(state, report=report, assignments=_let_go(state.assignments, step))


def _reopen(state: ReportState, step: _RuleStep) -> ReportState:
    return _with(_open_again(state, step.edit.author), merged_into=None)


def _unmerge(state: ReportState, step: _RuleStep) -> ReportState:
    if state.report.merged_into is None:
        raise NotAllowed(Why.NOT_MERGED)
    if is_open(state.report.status):
        return _with(state, merged_into=None)
    return _reopen(state, step)


def _text(step: _RuleStep, name: str) -> str:
    return str(step.data.get(name) or "")


_EFFECTS: dict[Kind, Callable[[ReportState, _RuleStep], ReportState]] = {
    Kind.SET: _set,
    Kind.PHOTO: _photo,
    Kind.CLAIM: _claim,
    Kind.RELEASE: _release,
    Kind.OFFER: _offer,
    Kind.DECLINE: _decline,
    Kind.ASSIGN: _engage,
    Kind.DISPATCH: _engage,
    Kind.RECALL: _move_crew,
    Kind.PROGRESS: _move_crew,
    Kind.VALIDATE: _validate,
    Kind.CLOSE: _close,
    Kind.REOPEN: _reopen,
    Kind.MERGE: _merge,
    Kind.UNMERGE: _unmerge,
}
"""The kinds that change a report. A note, a reply, another reporter: their entry in the history is all."""
