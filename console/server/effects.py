"""What each kind of edit does to a report, its crews and its duplicates: one function a kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec import UNSET
from msgspec.structs import replace

from console.domain.edit import DUPLICATE, Kind
from console.domain.engagement import job_in_force
from console.domain.report import Area, Claim, Entry, Hold, Photo, PhotoRole, Report, Service, Unit
from console.domain.rights import may_release
from console.domain.status import AssignmentState, Status, UnitState, is_open
from console.server import payloads, schema
from console.server.answers import answers_as_far_as_they_fit
from console.server.case import Case, clocks_of, state_by_jobs
from console.server.history import Origin, later_word, later_work, others_since
from console.server.ledger import Ledger
from console.server.payloads import payload_of
from console.server.records import Actor
from console.server.refusals import Conflict, Forbidden, Invalid
from console.server.rights import check_unit, check_validator

T = TypeVar("T", Service, Area)
AreaAt = Callable[[float, float], tuple[str, str] | None]
GIVEN, TRANSFER = "given", "transfer"
"""The rules by which a report has its area when no polygon decided: said at arrival, or handed over."""

_MOST_PHOTOS, _MORE_AFTER = 200, 50


def apply_effect(case: Case, area_at: AreaAt) -> None:
    """Do what the edit says to the case."""
    match case.edit.kind:
        case Kind.SET:
            _set(case, area_at)
        case Kind.NOTE | Kind.REPLY | Kind.ME_TOO:
            pass  # the entry is all
        case Kind.PHOTO:
            _photo(case)
        case Kind.CLAIM:
            _claim(case)
        case Kind.RELEASE:
            _release(case)
        case Kind.ASSIGN | Kind.DISPATCH:
            _engage(case)
        case Kind.RECALL:
            _recall(case)
        case Kind.PROGRESS:
            _progress(case)
        case Kind.VALIDATE:
            _validate(case)
        case Kind.CLOSE:
            _close(case)
        case Kind.REOPEN:
            case.open_again()
            link(case, None)
        case Kind.MERGE:
            _merge(case, payload_of(case.edit, payloads.Into).into)
        case Kind.UNMERGE:
            _unmerge(case)
        case Kind.CREATE | Kind.UNIT_STATE:
            raise Invalid(f"A {case.edit.kind.value} is not made on a report.")


def new_report(key: str, edit: payloads.EditBody, ledger: Ledger, area_at: AreaAt) -> Report:
    """The report that a creation makes; its place decides the area unless one is given.

    It may name a service, an area or an agency that the city retired while it was written, or, when it was entered
    late, that went meanwhile: it comes without, with the priority of its service, and says so.
    """
    data = payload_of(edit, payloads.Create)
    known = ledger.service(data.service)
    service = _offered(known)
    remarks: list[str] = []
    if data.service is not None and service is None:
        # protects: late-creation-is-taken
        if known is None and not edit.late:
            raise Invalid(f"There is no service {data.service}.")
        remarks.append(f"Its service “{data.service}” is no longer there.")
    area, rule = data.area, GIVEN if data.area else None
    listed = ledger.area(area) if area is not None else None
    if area is not None and _offered(listed) is None and (listed is not None or edit.late):
        remarks.append(f"Its area “{area}” is no longer there.")
        area, rule = None, None
    if area is not None:
        _check_area(ledger, area)
    elif data.lat is not None and data.lon is not None:
        area, rule = area_at(data.lat, data.lon) or (None, None)
    agency = data.agency
    if agency is not None and not _takes_work(ledger, agency) and (edit.late or ledger.agency(agency) is not None):
        remarks.append(f"Its agency “{agency}” is no longer there.")
        agency = None
    if agency is not None:
        # protects: new-report-of-a-known-agency
        _check_agency(ledger, agency)
    attributes = data.attributes
    if data.answers is not UNSET and known is not None:
        attributes, untold = answers_as_far_as_they_fit(known, data.answers)
        remarks += untold
    occurred = data.created or edit.occurred_at or ledger.now
    placed = data.lat is not None and data.lon is not None
    return Report(
        id=key,
        version=0,
        status=Status.NEW,
        service=data.service if service else None,
        priority=data.priority or (known.priority if known else 3),
        title=data.title,
        description=data.description,
        created=min(occurred, ledger.now),
        updated=ledger.now,
        area=area,
        area_rule=rule,
        agency=agency or (service.agency if service else None),
        address=data.address,
        lat=data.lat if placed else None,
        lon=data.lon if placed else None,
        within_m=data.within_m if placed else 0.0,
        channel=data.channel,
        photos=tuple(Photo(None, PhotoRole.REPORT, url=url) for url in data.media_urls),
        attributes=attributes,
        remarks=tuple(remarks),
    )


def change_unit(ledger: Ledger, edit: payloads.EditBody, actor: Actor) -> tuple[str, dict[str, Any]]:
    """Give a unit its own word (break, off shift …); returns the unit's id and the data of the entry.

    Conflict when somebody else has said something else since, or the unit has worked: a word that comes late is older
    than that. The state is counted from when it was said, so that a shift that has begun since puts the unit on.
    """
    data = payload_of(edit, payloads.OwnState)
    unit = ledger.unit(data.unit)
    if unit is None:
        raise Invalid(f"There is no unit {data.unit}.")
    _check_in_service(unit)
    if data.state in (UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE):
        raise Invalid(f"“{data.state.value}” follows from a unit's jobs and cannot be set.")
    jobs = [job for job in ledger.jobs_of(unit.id) if job.state is not AssignmentState.RESERVED]
    again = data.state is UnitState.AVAILABLE and unit.state is UnitState.UNAVAILABLE
    if jobs and data.state is not UnitState.UNAVAILABLE and not again:
        raise Invalid(f"Unit {unit.code} is on report {jobs[0].report}; recall it or report it done first.")
    reason = data.reason or None
    if edit.occurred_at is not None and (unit.state, unit.reason) != (data.state, reason):
        _check_newest_word(ledger, unit, edit.occurred_at, Origin(actor.name, edit.device))
    state = state_by_jobs(ledger, unit.id) if again else data.state
    since = min(edit.occurred_at or ledger.now, ledger.now)
    ledger.put(replace(unit, state=state, state_since=since, reason=reason, version=unit.version + 1))
    return unit.id, payloads.kept_data(edit)


def _check_newest_word(ledger: Ledger, unit: Unit, at: datetime, origin: Origin) -> None:
    """Conflict when what a unit said or did after a time tells more of it than what it said then."""
    said = later_word(ledger.connection, unit, at, ledger.now)
    # protects: newer-word-on-a-unit
    if said is not None and not origin.made(said[1]):
        told = _told_of(unit, said[0])
        raise Conflict(f"{said[0].author} has said since what unit {unit.code} does.", fields={"state": told})
    worked = later_work(ledger.connection, unit, at, ledger.now)
    # protects: work-since-the-word
    if worked is not None:
        words = f"Unit {unit.code} has worked on report {worked.report} since."
        raise Conflict(words, fields={"state": _told_of(unit, worked)})


def _told_of(unit: Unit, entry: Entry) -> dict[str, Any]:
    at = entry.occurred_at or entry.at
    return {"value": unit.state.value, "reason": unit.reason, "who": entry.author, "at": at}


def link(case: Case, main: str | None) -> None:
    """Make the report a duplicate of `main` (None: of none), and count it at every report up both chains of merges.

    The earlier clock stays: those of a main report run from when the first of all that is merged into it was made.
    """
    before = case.report.merged_into
    if before == main:
        return
    weight = 1 + case.report.duplicates
    own = {case.report.id: case.report.created, **case.ledger.merged(case.report.id)}
    gained = _chain(case, main)
    for keys, change in ((_chain(case, before), -weight), (gained, weight)):
        for key in keys:
            other = case.ledger.report(key)
            if other is not None:
                duplicates = max(0, other.duplicates + change)
                updated = max(case.now, other.created)
                version = other.version + 1
                versions = other.versions | ({"duplicates": version} if change > 0 else {})
                other = replace(other, duplicates=duplicates, version=version, versions=versions, updated=updated)
                merged = {**case.ledger.merged(key), **own}
                made = [at for one, at in merged.items() if change > 0 or one not in own]
                case.ledger.put(replace(other, clocks=clocks_of(case.ledger, other, made)))
    case.change(merged_into=main)


def _chain(case: Case, key: str | None) -> list[str]:
    """`key` and the reports that it is merged into, one after the other; Invalid when they lead back to this report."""
    found: list[str] = []
    while key is not None:
        if key == case.report.id or key in found:
            raise Invalid(f"Report {case.report.id} cannot be merged into {found[0] if found else key}: a circle.")
        found.append(key)
        other = case.ledger.report(key)
        key = other.merged_into if other is not None else None
    return found


def _set(case: Case, area_at: AreaAt) -> None:
    data = payload_of(case.edit, payloads.Set)
    plain = {
        name: value
        for name in ("priority", "service", "title", "description", "area", "agency", "hold")
        if (value := getattr(data, name)) is not UNSET
    }
    before = case.report
    if plain.get("service") not in (None, before.service) and _offered(case.ledger.service(plain["service"])) is None:
        raise Invalid(f"There is no service {plain['service']}.")
    if plain.get("agency") not in (None, before.agency):
        _check_agency(case.ledger, plain["agency"])
    if "area" in plain:
        if plain["area"] not in (None, before.area):
            _check_area(case.ledger, plain["area"])
        if plain["area"] != case.report.area:
            plain["area_rule"] = TRANSFER
    if data.hold is not UNSET and data.hold is not None:
        case.check_open("put it on hold")
        plain["hold"] = Hold(data.hold.reason, data.hold.waits_for, data.hold.until)
    case.change(**plain)
    if data.place is not UNSET:
        _place(case, data.place or payloads.Place(), area_at, area_said="area" in plain)
    if data.status is not UNSET:
        _set_status(case, data.status, data.reason)


def _place(case: Case, place: payloads.Place, area_at: AreaAt, *, area_said: bool) -> None:
    if (place.lat is None) != (place.lon is None):
        raise Invalid("A place needs both a latitude and a longitude.")
    address = case.report.address if place.address is UNSET else place.address or ""
    within_m = place.within_m if place.lat is not None else 0.0
    case.change(lat=place.lat, lon=place.lon, address=address, within_m=within_m)
    if not area_said and place.lat is not None and place.lon is not None and case.report.area_rule != TRANSFER:
        area, rule = area_at(place.lat, place.lon) or (case.report.area, case.report.area_rule)
        case.change(area=area, area_rule=rule)


def _set_status(case: Case, status: Status, reason: str) -> None:
    if status is case.report.status:
        return
    if status is Status.RESOLVED:
        _accept(case, reason)
    elif status is Status.CLOSED:
        if not reason:
            raise Invalid("Closing without work needs a reason.")
        # protects: no-crew-is-set-aside
        if at_work := ", ".join(case.unit(job.unit).code for job in case.live_jobs):
            raise Invalid(f"{at_work} is on report {case.report.id}: use close, which says who of them is let go.")
        case.end(status, reason)
    elif status is Status.RETURNED:
        case.open_again()
        link(case, None)
    else:
        if status is Status.VALIDATION and not case.has_proof:
            raise Invalid("The work needs a photo of its result (after) before it can be handed in for validation.")
        case.become(status)


def _photo(case: Case) -> None:
    data = payload_of(case.edit, payloads.NewPhoto)
    if data.unit is not None:
        # protects: nobody-elses-photo
        check_unit(case.actor, case.unit(data.unit))
    if not any(photo.sha256 == data.sha256 for photo in case.report.photos):
        # The proof of the work has room also where citizens and colleagues have filled the report.
        most = _MOST_PHOTOS + (_MORE_AFTER if data.role is PhotoRole.AFTER else 0)
        if len(case.report.photos) >= most:
            raise Invalid(f"Report {case.report.id} has {most} photos already.")
        photo = Photo(data.sha256, data.role, data.size, data.taken, data.lat, data.lon)
        case.change(photos=(*case.report.photos, photo))
    on_scene = [job.unit for job in case.jobs if job.state in (AssignmentState.ON_SCENE, AssignmentState.DONE)]
    crew = case.actor.tokenless or case.actor.role == "field"
    case.photo_unit = data.unit or (on_scene[-1] if on_scene and crew else None)
    case.follow_crews()


def _claim(case: Case) -> None:
    claim = case.report.claim
    if claim is not None and claim.who != case.actor.name:
        raise Conflict(
            f"{claim.who} has taken report {case.report.id}.",
            fields={"claim": {"value": claim.who, "who": claim.who, "at": claim.since}},
        )
    if claim is None:
        case.change(claim=Claim(case.actor.name, case.now))


def _release(case: Case) -> None:
    """Of another's claim by a supervisor only, and only of one that he has seen.

    The versions say what he has seen. Clocks cannot: a console knows the server's time to half a second, and who
    releases within a second of the claim has seen it all the same.
    """
    claim, at = case.report.claim, case.edit.occurred_at
    if claim is None or claim.who == case.actor.name:
        pass
    elif not may_release(case.actor.name, case.actor.role, claim.who):
        raise Forbidden(f"{claim.who} has taken report {case.report.id}: only {claim.who} or a supervisor releases it.")
    # protects: newer-claim-stays
    elif not (case.saw("claim") or at is None or claim.since <= at):
        raise Conflict(
            f"{claim.who} has taken report {case.report.id}.",
            fields={"claim": {"value": claim.who, "who": claim.who, "at": claim.since}},
        )
    case.change(claim=None)


def _engage(case: Case) -> None:
    data = payload_of(case.edit, payloads.Crew)
    unit = case.unit(data.unit)
    _check_in_service(unit)
    case.check_open("send a unit")
    if case.report.status is Status.VALIDATION:
        raise Invalid(f"Report {case.report.id} awaits validation; return it before you send a unit.")
    # protects: no-second-order
    _check_first(case, unit)
    state = AssignmentState.DISPATCHED if case.edit.kind is Kind.DISPATCH else AssignmentState.RESERVED
    case.engage(unit, state, stack=data.stack)
    if case.edit.kind is Kind.DISPATCH and case.report.claim is None:
        case.change(claim=Claim(case.actor.name, case.now))  # who sends a crew has the report
    case.follow_crews()


def _check_first(case: Case, unit: Unit) -> None:
    """Conflict, with who sent it and when, for a unit that is on the report already: this is no second order."""
    job = job_in_force(case.edit.kind, unit.id, case.live_jobs)
    if job is None:
        return
    sent = f", sent by {job.orderer}" if job.orderer else ""
    raise Conflict(
        f"Unit {unit.code} is on report {job.report} already{sent}.",
        fields={"unit": {"value": unit.id, "who": job.orderer, "at": job.ordered_at or job.created}},
    )


def _recall(case: Case) -> None:
    data = payload_of(case.edit, payloads.Crew)
    unit = case.unit(data.unit)
    _check_job_seen(case, unit)
    case.move(case.job_of(unit), AssignmentState.RECALLED)
    case.follow_crews()


def _progress(case: Case) -> None:
    data = payload_of(case.edit, payloads.Step)
    if data.state in (AssignmentState.RESERVED, AssignmentState.DISPATCHED, AssignmentState.RECALLED):
        raise Invalid(f"“{data.state.value}” is an order, not what a unit reports.")
    unit = case.unit(data.unit)
    check_unit(case.actor, unit)
    # protects: word-on-the-job-that-was-seen
    _check_job_seen(case, unit)
    case.move(case.job_of(unit), data.state)
    case.follow_crews()


def _validate(case: Case) -> None:
    data = payload_of(case.edit, payloads.Verdict)
    if case.report.status is not Status.VALIDATION:
        wanted = Status.RESOLVED if data.accepted else Status.RETURNED
        if case.report.status is wanted:
            return
        raise Invalid(f"Report {case.report.id} does not await validation.")
    if data.accepted:
        _accept(case, data.disposition or data.reason)
        return
    if not data.reason:
        raise Invalid("Returning the work needs a reason.")
    check_validator(case.actor, case.history, case.ledger.assignments(case.report.id))
    case.open_again()


def _accept(case: Case, disposition: str) -> None:
    if case.report.status is Status.VALIDATION:
        check_validator(case.actor, case.history, case.ledger.assignments(case.report.id))
        if not case.has_proof:
            raise Invalid(f"The proof of report {case.report.id} was taken back: return the work, or wait for another.")
    case.end(Status.RESOLVED, disposition)
    case.release_all(done=True)


def _close(case: Case) -> None:
    data = payload_of(case.edit, payloads.Closing)
    if not data.disposition and not data.reason and data.merged_into is None:
        raise Invalid("Closing without work needs a disposition.")
    if data.merged_into is not None:
        _merge(case, data.merged_into, data.disposition)
        return
    # protects: no-crew-on-a-closed-report
    for job in case.live_jobs:
        if job.unit not in data.release and job.state is not AssignmentState.RESERVED:
            _check_job_seen(case, case.unit(job.unit))
    case.end(Status.CLOSED, data.disposition or data.reason)
    link(case, None)
    for job in case.live_jobs:
        if job.unit in data.release or job.state is AssignmentState.RESERVED:
            case.move(job, AssignmentState.RECALLED)


def _merge(case: Case, into: str, disposition: str = "") -> None:
    if case.ledger.report(into) is None:
        raise Invalid(f"There is no report {into}.")
    main = _chain(case, into)[-1]
    # protects: nothing-is-hidden-by-a-merge
    check_stands_for(case, main)
    case.end(Status.CLOSED, disposition or DUPLICATE)
    case.release_all(done=False)
    link(case, main)


def check_stands_for(case: Case, main: str) -> None:
    """Invalid when nobody would work any more on what is merged: its main report is closed, or no hazard as it is."""
    other = case.ledger.report(main)
    assert other is not None  # a chain ends at a report
    if not is_open(case.report.status):
        return
    if not is_open(other.status):
        raise Invalid(f"Report {main} is closed: reopen it before {case.report.id} is merged into it.")
    if case.report.priority == 1 < other.priority:
        raise Invalid(f"Report {case.report.id} is P1 and {main} is P{other.priority}: make {main} P1 first.")


def _check_job_seen(case: Case, unit: Unit) -> None:
    """Conflict when somebody else has sent the unit anew since: what is told was of the job before."""
    if case.seen is None:
        return
    for entry in others_since(case.ledger.connection, case.report.id, case.seen, case.origin):
        if entry.kind in (Kind.ASSIGN, Kind.DISPATCH) and entry.unit == unit.id and entry.undone_by is None:
            told = {"value": unit.id, "who": entry.author, "at": entry.at}
            raise Conflict(f"{entry.author} has sent {unit.code} to it since.", fields={"unit": told})


def _unmerge(case: Case) -> None:
    if case.report.merged_into is None:
        raise Invalid(f"Report {case.report.id} is not merged.")
    link(case, None)
    if not is_open(case.report.status):
        case.open_again()


def _check_area(ledger: Ledger, code: str) -> None:
    if _offered(ledger.area(code)) is None:
        raise Invalid(f"There is no area {code}.")


def _takes_work(ledger: Ledger, code: str) -> bool:
    try:
        _check_agency(ledger, code)
    except Invalid:
        return False
    return True


def _check_agency(ledger: Ledger, code: str) -> None:
    """An agency must be one of the city's, where the city has a list of them."""
    table = schema.agencies
    agency = ledger.agency(code)
    if agency is not None and agency.valid_to is not None:
        raise Invalid(f"Agency {agency.name} is given nothing new any more.")
    if agency is None and ledger.connection.scalar(sa.select(table.c.id).limit(1)) is not None:
        raise Invalid(f"There is no agency {code}.")


def _check_in_service(unit: Unit) -> None:
    if unit.valid_to is not None:
        raise Invalid(f"Unit {unit.code} is no longer one of the city's units.")


def _offered(thing: T | None) -> T | None:
    """A service or an area; None for one that the city has retired."""
    return thing if thing is not None and thing.valid_to is None else None
