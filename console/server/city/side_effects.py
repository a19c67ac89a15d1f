"""Apply an edit to a report at the server: the checks before, the rule itself, and the chains of merged reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from msgspec import UNSET
from msgspec.structs import replace

from api_client import model
from api_client.model import (
    Area,
    Assignment,
    AssignmentState,
    Entry,
    Kind,
    Photo,
    PhotoRole,
    Report,
    Service,
    Status,
    Unit,
    UnitState,
)
from console.rules.answers import answers_as_far_as_they_fit
from console.rules.apply import (
    FROM_JOBS,
    AreaAt,
    Lookups,
    NotAllowed,
    Why,
    apply_edit,
    state_by_jobs,
    with_duplicates,
)
from console.rules.apply import new_report as report_of
from console.rules.area import off_by_m
from console.rules.edit import APPENDS
from console.rules.engagement import work_that_binds
from console.rules.proof_check import flagged
from console.rules.report import HAZARD
from console.rules.rights import may_make, may_release
from console.rules.status import BY_STATUS, ON_THE_WAY, is_open
from console.server.city import schema
from console.server.city.claims import actor_called
from console.server.city.edit_context import EditContext, clocks_of
from console.server.city.freshness import is_unaware_of_danger
from console.server.city.history import Origin, later_word, later_work, others_since
from console.server.city.payload_check import kept_data, payload_of
from console.server.city.proof_photos import PhotoFacts, ProofIndex, picture_flags, read_facts
from console.server.city.records import Actor
from console.server.city.rights import check_unit, check_validator, in_scope
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import BusyRefusal, ConflictRefusal, ForbiddenRefusal, Invalid, Refusal

T = TypeVar("T", Service, Area)
_ONLY_TOLD = APPENDS - {Kind.CREATE, Kind.PHOTO}
"""Kinds whose entry in the history is all: the crews and the history of the report need not be read for them."""

_MOST_PHOTOS, _MORE_AFTER = 200, 50


def apply_effect(
    context: EditContext, area_at: AreaAt, data: dict[str, Any] | None = None, proofs: ProofIndex | None = None
) -> None:
    """Check the edit, and apply what the rule makes of the report and its crews.

    `data` is the payload as it can be applied, None: as it came. The picture of a proof is held against `proofs`.
    """
    if context.edit.kind in _ONLY_TOLD:
        return
    check = _CHECKS.get(context.edit.kind)
    if check is not None:
        check(context)
    known = Lookups(
        context.unit_of_work.service, area_at, lambda into: _chain(context, into)[-1], lambda one: _off_m(context, one)
    )
    given = kept_data(context.edit) if data is None else data
    found = read_facts(context.unit_of_work.connection, str(given.get("sha256"))) if _is_proof(context.edit) else None
    if found is not None:
        given = found.completed(given)
    edit, engages = context.rule_edit(given), context.edit.kind in (Kind.ASSIGN, Kind.DISPATCH)
    try:
        job_id = context.ids() if engages else ""
        state = context.state
        after = apply_edit(state, edit, context.now, known, role=context.actor.role, job_id=job_id)
    except NotAllowed as fault:
        raise _refusal(context, fault) from fault
    if engages:
        _check_can_come(context, payload_of(context.edit, model.SentUnit))
    if proofs is not None and _is_proof(context.edit):
        after = replace(after, report=_with_proof(context, after.report, proofs, found))
    handed_in = after.report.status is Status.VALIDATION is not context.report.status
    # protects: who-hands-in-knew-the-danger
    if handed_in and edit.kind in (Kind.PROGRESS, Kind.PHOTO) and is_unaware_of_danger(context):
        after = replace(after, report=replace(after.report, status=context.report.status))
    context.take(state, after)
    link(context, after.report.merged_into)


def _is_proof(edit: model.EditBody) -> bool:
    return edit.kind is Kind.PHOTO and edit.data.get("role") == PhotoRole.AFTER


def _with_proof(context: EditContext, report: Report, proofs: ProofIndex, found: PhotoFacts | None) -> Report:
    """The report with what the picture of its new proof is flagged for; the proof is remembered for later ones."""
    sha256 = str(context.edit.data.get("sha256"))
    if any(photo.sha256 == sha256 and photo.role is PhotoRole.AFTER for photo in context.before.photos):
        return report
    if found is not None:
        # protects: picture-of-a-proof-is-compared
        report = flagged(
            report, sha256, picture_flags(context.unit_of_work, proofs, report, context.state.entries, sha256, found)
        )
    context.unit_of_work.keep_proof(report.id, sha256, found.picture_hash if found is not None else None)
    return report


def _off_m(context: EditContext, report: Report) -> float:
    """How far what is reported may lie from the report's point, in metres."""
    area = context.unit_of_work.area(report.area) if report.area is not None else None
    return off_by_m(report, {area.code: area} if area is not None else {})


def _refusal(context: EditContext, fault: NotAllowed) -> Refusal:
    """The Refusal for an edit that the rule does not allow."""
    report, data, job, kind = context.report, context.edit.data, fault.job, context.edit.kind
    match fault.why:
        case Why.STATUS if fault.status is not None:
            was, then = BY_STATUS[report.status].label, BY_STATUS[fault.status].label
            return Invalid(f"Report {report.id} is “{was}” and cannot become “{then}” from there.")
        case Why.CLOSED:
            action = {Kind.SET: "put it on hold", Kind.OFFER: "offer it"}.get(kind, "send a unit")
            return Invalid(f"Report {report.id} is closed; reopen it before you {action}.")
        case Why.OUT_OF_SIGHT:
            return closed_hazard(report)
        case Why.AWAITS_VALIDATION:
            return Invalid(f"Report {report.id} awaits validation; return it before you send a unit.")
        case Why.NO_PROOF if fault.status is Status.VALIDATION:
            return Invalid("The work needs a photo of its result (after) before it can be handed in for validation.")
        case Why.NO_PROOF:
            return Invalid(f"The proof of report {report.id} was taken back: return the work, or wait for another.")
        case Why.CREWS_AT_WORK:
            at_work = ", ".join(context.unit(one.unit).code for one in context.state.live_jobs)
            return Invalid(f"{at_work} is on report {report.id}: use close, which says who of them is let go.")
        case Why.TAKEN:
            return _taken(report)
        case Why.ALREADY_SENT if job is not None:
            sent = f", sent by {job.orderer}" if job.orderer else ""
            detail = {"value": job.unit, "who": job.orderer, "at": job.ordered_at or job.created}
            words = f"Unit {context.unit(job.unit).code} is on report {job.report} already{sent}."
            return ConflictRefusal(words, fields={"unit": detail})
        case Why.NOT_ON_IT:
            return Invalid(f"Unit {context.unit(str(data.get('unit'))).code} is not on report {report.id}.")
        case Why.JOB if job is not None and fault.state is not None:
            stands, wanted = job.state.value.replace("_", " "), fault.state.value.replace("_", " ")
            return Invalid(f"The unit is “{stands}” on report {job.report} and cannot become “{wanted}” from there.")
        case Why.NO_STEP if fault.state is not None:
            return Invalid(f"“{fault.state.value}” is an order, not what a unit reports.")
        case Why.NOT_OFFERED:
            return Invalid(f"Report {report.id} is not offered to {context.actor.name}, or not any more.")
        case Why.NOT_MERGED:
            return Invalid(f"Report {report.id} is not merged.")
        case _:
            return Invalid(f"Report {report.id} does not await validation.")


def closed_hazard(report: Report) -> Invalid:
    """The Refusal for making a closed report a P1, as nobody would be sent there."""
    if report.merged_into is not None:
        main = report.merged_into
        return Invalid(f"Report {report.id} is merged into {main}: make {main} P1, or take the merge back first.")
    return Invalid(f"Report {report.id} is closed; reopen it before you make it P1.")


def _taken(report: Report) -> ConflictRefusal:
    claim = report.claim
    assert claim is not None
    told = {"value": claim.who, "who": claim.who, "at": claim.since}
    return ConflictRefusal(f"{claim.who} has taken report {report.id}.", fields={"claim": told})


def new_report(key: str, edit: model.EditBody, unit_of_work: UnitOfWork, area_at: AreaAt) -> Report:
    """The report that a CREATE makes. Its place decides the area unless one is given.

    A service, area or agency that the city retired while the report was written (or, if it is late, since then) is left
    out, with a remark on the report; the priority is still that of its service.
    """
    data = payload_of(edit, model.Create)
    known = unit_of_work.service(data.service)
    service = _offered(known)
    remarks: list[str] = []
    if data.service is not None and service is None:
        # protects: late-creation-is-taken
        if known is None and not edit.late:
            raise Invalid(f"There is no service {data.service}.")
        remarks.append(f"Its service “{data.service}” is no longer there.")
    area = data.area
    listed = unit_of_work.area(area) if area is not None else None
    if area is not None and _offered(listed) is None and (listed is not None or edit.late):
        remarks.append(f"Its area “{area}” is no longer there.")
        area = None
    if area is not None:
        _check_area(unit_of_work, area)
    agency = data.agency
    if (
        agency is not None
        and not _takes_work(unit_of_work, agency)
        and (edit.late or unit_of_work.agency(agency) is not None)
    ):
        remarks.append(f"Its agency “{agency}” is no longer there.")
        agency = None
    if agency is not None:
        # protects: new-report-of-a-known-agency
        _check_agency(unit_of_work, agency)
    occurred = data.created or edit.occurred_at or unit_of_work.now
    kept = msgspec.to_builtins(data) | {"area": area, "agency": agency, "service": service.code if service else None}
    if service is None and known is not None and data.answers is not UNSET:  # it was asked before it was retired
        answered, untold = answers_as_far_as_they_fit(known, data.answers)
        kept |= {"attributes": data.attributes | answered, "answers": None}
        remarks += untold
    kept["priority"] = data.priority or (known.priority if known else None)
    created = min(occurred, unit_of_work.now)
    report = report_of(key, kept, created, unit_of_work.now, Lookups(unit_of_work.service, area_at))
    photos = tuple(Photo(None, PhotoRole.REPORT, url=url) for url in data.media_urls)
    return replace(report, photos=photos, remarks=(*remarks, *report.remarks))


def change_unit(unit_of_work: UnitOfWork, edit: model.EditBody, actor: Actor) -> tuple[str, dict[str, Any]]:
    """Set a unit's own state (break, off shift …); returns the unit's id and the data of the entry.

    Raises ConflictRefusal when somebody else has set it later, or the unit has worked since: an edit may arrive late.
    The state counts from the time at which it was set, so that a shift that has begun since puts the unit on duty.
    """
    data = payload_of(edit, model.OwnState)
    unit = unit_of_work.unit(data.unit)
    if unit is None:
        raise Invalid(f"There is no unit {data.unit}.")
    _check_in_service(unit)
    if data.state in (UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE):
        raise Invalid(f"“{data.state.value}” follows from a unit's jobs and cannot be set.")
    jobs = unit_of_work.jobs_of(unit.id)
    if (job := work_that_binds(unit.state, data.state, jobs)) is not None:
        raise Invalid(f"Unit {unit.code} is on report {job.report}; recall it or report it done first.")
    reason = data.reason or None
    if edit.occurred_at is not None and (unit.state, unit.reason) != (data.state, reason):
        _check_newest_word(unit_of_work, unit, edit.occurred_at, Origin(actor.name, edit.device))
    again = data.state is UnitState.AVAILABLE and unit.state is UnitState.UNAVAILABLE
    state = state_by_jobs(jobs) if again else data.state
    since = min(edit.occurred_at or unit_of_work.now, unit_of_work.now)
    unit_of_work.put(replace(unit, state=state, state_since=since, reason=reason, version=unit.version + 1))
    return unit.id, kept_data(edit)


def _check_newest_word(unit_of_work: UnitOfWork, unit: Unit, at: datetime, origin: Origin) -> None:
    """Raise ConflictRefusal when the unit's state was set, or the unit has worked, after the time of this edit."""
    later = later_word(unit_of_work.connection, unit, at, unit_of_work.now)
    # protects: newer-word-on-a-unit
    if later is not None and not origin.is_origin_of(later[1]):
        detail = _told_of(unit, later[0])
        raise ConflictRefusal(f"{later[0].author} has said since what unit {unit.code} does.", fields={"state": detail})
    worked = later_work(unit_of_work.connection, unit, at, unit_of_work.now)
    # protects: work-since-the-word
    if worked is not None:
        words = f"Unit {unit.code} has worked on report {worked.report} since."
        raise ConflictRefusal(words, fields={"state": _told_of(unit, worked)})


def _told_of(unit: Unit, entry: Entry) -> dict[str, Any]:
    at = entry.occurred_at or entry.at
    return {"value": unit.state.value, "reason": unit.reason, "who": entry.author, "at": at}


def link(context: EditContext, main: str | None) -> None:
    """Set into which report (None: none) this one is merged, and count it in the reports of both chains, old and new.

    The SLA clocks of a main report run from the earliest creation of all reports merged into it.
    """
    before = context.report.merged_into
    if before == main:
        return
    weight = 1 + context.report.duplicates
    own = {context.report.id: context.report.created, **context.unit_of_work.merged(context.report.id)}
    gained = _chain(context, main)
    for keys, change in ((_chain(context, before), -weight), (gained, weight)):
        for key in keys:
            other = context.unit_of_work.report(key)
            if other is not None:
                other = with_duplicates(other, change, context.now)
                merged = {**context.unit_of_work.merged(key), **own}
                made = [at for one, at in merged.items() if change > 0 or one not in own]
                context.unit_of_work.put(replace(other, clocks=clocks_of(context.unit_of_work, other, made)))
    context.change(merged_into=main)


def _chain(context: EditContext, key: str | None) -> list[str]:
    """`key`, the report that it is merged into, and so on to the end. Raises Invalid if the chain leads back to this
    report.
    """
    found: list[str] = []
    while key is not None:
        if key == context.report.id or key in found:
            raise Invalid(f"Report {context.report.id} cannot be merged into {found[0] if found else key}: a circle.")
        found.append(key)
        other = context.unit_of_work.report(key)
        key = other.merged_into if other is not None else None
    return found


def _check_set(context: EditContext) -> None:
    data, before = payload_of(context.edit, model.Set), context.report
    if (
        data.service not in (UNSET, None, before.service)
        and _offered(context.unit_of_work.service(data.service)) is None
    ):
        raise Invalid(f"There is no service {data.service}.")
    if data.agency not in (UNSET, None, before.agency):
        _check_agency(context.unit_of_work, data.agency)
    if data.area not in (UNSET, None, before.area):
        _check_area(context.unit_of_work, data.area)
    place = data.place
    if isinstance(place, model.Place) and (place.lat is None) != (place.lon is None):
        raise Invalid("A place needs both a latitude and a longitude.")
    if data.status in (UNSET, before.status):
        return
    if data.status is Status.RESOLVED and before.status is Status.VALIDATION:
        _check_validator(context)
    if data.status is Status.CLOSED and not data.reason:
        raise Invalid("Closing without work needs a reason.")


def _check_photo(context: EditContext) -> None:
    data = payload_of(context.edit, model.NewPhoto)
    if data.unit is not None:
        # protects: nobody-elses-photo
        check_unit(context.actor, context.unit(data.unit))
    if not any(photo.sha256 == data.sha256 for photo in context.report.photos):
        # The proof of the work has room also where citizens and colleagues have filled the report.
        most = _MOST_PHOTOS + (_MORE_AFTER if data.role is PhotoRole.AFTER else 0)
        if len(context.report.photos) >= most:
            raise Invalid(f"Report {context.report.id} has {most} photos already.")
    on_scene = [job.unit for job in context.state.jobs if job.state in (AssignmentState.ON_SCENE, AssignmentState.DONE)]
    crew = context.actor.tokenless or context.actor.role == "field"
    context.photo_unit = data.unit or (on_scene[-1] if on_scene and crew else None)


def _check_release(context: EditContext) -> None:
    """Only a supervisor may release somebody else's claim, and only one that he has seen.

    What he has seen is told by versions if possible: a console knows the server's time only to half a second, so that a
    release may seem to be older than a claim that was seen.
    """
    claim, at = context.report.claim, context.edit.occurred_at
    if claim is None or claim.who == context.actor.name:
        return
    if not may_release(context.actor.name, context.actor.role, claim.who):
        raise ForbiddenRefusal(
            f"{claim.who} has taken report {context.report.id}: only {claim.who} or a supervisor releases it."
        )
    # protects: newer-claim-stays
    if not (context.saw("claim") or at is None or claim.since <= at):
        raise _taken(context.report)


def _check_offer(context: EditContext) -> None:
    """A report is offered to somebody who may take it and work on it."""
    to = payload_of(context.edit, model.OfferTo).to
    colleague = actor_called(context.unit_of_work.connection, to)
    if colleague is None:
        raise Invalid(f"There is no user {to}.")
    if to == context.actor.name:
        raise Invalid("A report is offered to somebody else.")
    may_take = may_make(colleague.role, Kind.CLAIM)
    # protects: offered-to-who-may-work-on-it
    if not (may_take and in_scope(context.unit_of_work, colleague, context.report)):
        raise Invalid(f"{to} may not work on report {context.report.id}: another role, or other areas and agencies.")


def _check_crew(context: EditContext) -> None:
    _check_in_service(context.unit(payload_of(context.edit, model.Crew).unit))


def _check_can_come(context: EditContext, data: model.SentUnit) -> None:
    """Raise BusyRefusal when the unit has another job, unless the order is to follow it (`stack`); Invalid when the
    unit cannot work. Work that it has not begun, on no P1, keeps no unit that `leaves` other work for this P1.
    """
    unit = context.unit(data.unit)
    elsewhere = [job for job in context.unit_of_work.jobs_of(unit.id) if job.report != context.report.id]
    if context.edit.kind is Kind.DISPATCH:
        elsewhere = [job for job in elsewhere if job.state is not AssignmentState.RESERVED]
        # protects: who-leaves-work-leaves-no-other
        if data.leaves and context.report.priority == HAZARD:
            elsewhere = [job for job in elsewhere if job.state in ON_THE_WAY or _is_on_hazard(context, job)]
    if elsewhere and not data.stack:
        job = elsewhere[0]
        raise BusyRefusal(
            f"Unit {unit.code} is busy with report {job.report}.",
            unit=unit.id,
            report=job.report,
            who=job.orderer,
            at=job.ordered_at or job.created,
        )
    # protects: who-cannot-work-is-not-sent
    if unit.state in (UnitState.OFF_SHIFT, UnitState.UNAVAILABLE) or (unit.state not in FROM_JOBS and not data.stack):
        raise Invalid(f"Unit {unit.code} is {unit.state.value.replace('_', ' ')}.")


def _is_on_hazard(context: EditContext, job: Assignment) -> bool:
    """Whether a job is on a P1: a colleague has perhaps diverted the unit there a moment ago."""
    report = context.unit_of_work.stored_report(job.report)
    # protects: two-diverts-of-a-unit-are-one
    return report is not None and report.priority == HAZARD


def _check_recall(context: EditContext) -> None:
    _check_job_seen(context, context.unit(payload_of(context.edit, model.Crew).unit))


def _check_progress(context: EditContext) -> None:
    unit = context.unit(payload_of(context.edit, model.Step).unit)
    check_unit(context.actor, unit)
    # protects: word-on-the-job-that-was-seen
    _check_job_seen(context, unit)


def _check_verdict(context: EditContext) -> None:
    data = payload_of(context.edit, model.Verdict)
    if context.report.status is not Status.VALIDATION:
        return
    if not data.accepted and not data.reason:
        raise Invalid("Returning the work needs a reason.")
    _check_validator(context)


def _check_validator(context: EditContext) -> None:
    check_validator(context.actor, context.history, context.unit_of_work.assignments(context.report.id))


def _check_closing(context: EditContext) -> None:
    data = payload_of(context.edit, model.Closing)
    if not data.disposition and not data.reason and data.merged_into is None:
        raise Invalid("Closing without work needs a disposition.")
    if data.merged_into is not None:
        _check_main(context, data.merged_into)


def _check_merge(context: EditContext) -> None:
    _check_main(context, payload_of(context.edit, model.Into).into)


def _check_main(context: EditContext, into: str) -> None:
    if context.unit_of_work.report(into) is None:
        raise Invalid(f"There is no report {into}.")
    # protects: nothing-is-hidden-by-a-merge
    check_stands_for(context, _chain(context, into)[-1])


def check_stands_for(context: EditContext, main: str) -> None:
    """Raise Invalid when nobody would work on the merged report any more: its main report was deleted, is closed, or is
    no P1 while this one is.
    """
    other = context.unit_of_work.report(main)
    if other is None:  # it was deleted after others had been merged into it
        raise Invalid(f"Report {main} was deleted: {context.report.id} cannot be merged into it.")
    if not is_open(context.report.status):
        return
    if not is_open(other.status):
        raise Invalid(f"Report {main} is closed: reopen it before {context.report.id} is merged into it.")
    # protects: no-hazard-behind-work-that-is-done
    if context.report.priority == HAZARD and other.status is Status.VALIDATION:
        raise Invalid(f"Report {main} awaits validation, nobody works there any more: return its work first.")
    if context.report.priority == HAZARD < other.priority:
        raise Invalid(f"Report {context.report.id} is P1 and {main} is P{other.priority}: make {main} P1 first.")


def _check_job_seen(context: EditContext, unit: Unit) -> None:
    """Raise ConflictRefusal when somebody else has sent the unit again since: what is reported belongs to its job
    before.
    """
    if context.seen is None:
        return
    for entry in others_since(
        context.unit_of_work.connection, context.report.id, context.seen.of("unit"), context.origin
    ):
        if entry.kind in (Kind.ASSIGN, Kind.DISPATCH) and entry.unit == unit.id and entry.undone_by is None:
            detail = {"value": unit.id, "who": entry.author, "at": entry.at}
            raise ConflictRefusal(f"{entry.author} has sent {unit.code} to it since.", fields={"unit": detail})


def _check_area(unit_of_work: UnitOfWork, code: str) -> None:
    if _offered(unit_of_work.area(code)) is None:
        raise Invalid(f"There is no area {code}.")


def _takes_work(unit_of_work: UnitOfWork, code: str) -> bool:
    try:
        _check_agency(unit_of_work, code)
    except Invalid:
        return False
    return True


def _check_agency(unit_of_work: UnitOfWork, code: str) -> None:
    """Raise Invalid for an agency that the city does not list or has retired; a city without a list accepts any."""
    table = schema.agencies
    agency = unit_of_work.agency(code)
    if agency is not None and agency.valid_to is not None:
        raise Invalid(f"Agency {agency.name} is given nothing new any more.")
    if agency is None and unit_of_work.connection.scalar(sa.select(table.c.id).limit(1)) is not None:
        raise Invalid(f"There is no agency {code}.")


def _check_in_service(unit: Unit) -> None:
    if unit.valid_to is not None:
        raise Invalid(f"Unit {unit.code} is no longer one of the city's units.")


def _offered(thing: T | None) -> T | None:
    """The service or area; None if the city has retired it."""
    return thing if thing is not None and thing.valid_to is None else None


_CHECKS: dict[Kind, Callable[[EditContext], None]] = {
    Kind.SET: _check_set,
    Kind.PHOTO: _check_photo,
    Kind.RELEASE: _check_release,
    Kind.OFFER: _check_offer,
    Kind.ASSIGN: _check_crew,
    Kind.DISPATCH: _check_crew,
    Kind.RECALL: _check_recall,
    Kind.PROGRESS: _check_progress,
    Kind.VALIDATE: _check_verdict,
    Kind.CLOSE: _check_closing,
    Kind.MERGE: _check_merge,
}
"""What the server sees to before an edit of a kind takes effect."""
