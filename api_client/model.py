"""Every object of the Dispatch API, once: what clients, console and server say to one another and what they keep.

Times are RFC 3339 in UTC (`datetime`, aware). lat and lon are degrees, WGS 84. Unknown is None, never 0 or "".
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for a date that is not known, where an object has to have one: nothing happened in its first day."""


class Status(StrEnum):
    """Where a report stands. The values are the words of the wire and of the cache."""

    NEW = "new"
    COORDINATION = "coordination"
    ASSIGNED = "assigned"
    PROGRESS = "progress"
    VALIDATION = "validation"
    RETURNED = "returned"
    RESOLVED = "resolved"
    CLOSED = "closed"


class AssignmentState(StrEnum):
    """One unit on one report, from staging to the end."""

    RESERVED = "reserved"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    DONE = "done"
    REFUSED = "refused"
    RECALLED = "recalled"


class UnitState(StrEnum):
    """What a crew or officer is doing."""

    AVAILABLE = "available"
    COMMITTED = "committed"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    BREAK = "break"
    UNAVAILABLE = "unavailable"
    OFF_SHIFT = "off_shift"


class Kind(StrEnum):
    """Every kind of edit; what its `data` may hold says its struct in PAYLOADS."""

    CREATE = "create"
    SET = "set"
    NOTE = "note"
    REPLY = "reply"
    PHOTO = "photo"
    ME_TOO = "me_too"
    CLAIM = "claim"
    RELEASE = "release"
    OFFER = "offer"  # what one has taken, to a named colleague: he takes it, or declines
    DECLINE = "decline"
    ASSIGN = "assign"  # reserves the unit, and sends nobody
    DISPATCH = "dispatch"
    RECALL = "recall"
    PROGRESS = "progress"
    UNIT_STATE = "unit_state"  # of a unit, about no report
    CLOSURE = "closure"  # of a closed street or flooded area, about no report
    ALARM = "alarm"  # of alarms, about no report: they are acknowledged, or one is shelved
    MESSAGE = "message"  # to a unit, a role, an area or everyone; about no report, though it may be kept with one
    READ = "read"  # of messages, about no report
    LOG = "log"  # a line of the control room's log, about no report
    VALIDATE = "validate"
    CLOSE = "close"  # without work
    REOPEN = "reopen"
    MERGE = "merge"
    UNMERGE = "unmerge"


class WaitsFor(StrEnum):
    """Whom or what a report on hold waits for."""

    REPORTER = "reporter"
    AGENCY = "agency"
    MATERIAL = "material"
    WEATHER = "weather"


class PhotoRole(StrEnum):
    """What a photo shows."""

    REPORT = "report"
    BEFORE = "before"
    AFTER = "after"
    OTHER = "other"


class Publication(StrEnum):
    """Whether everybody may read what a reporter wrote, and see what he showed, where the city looks at it first."""

    WAITING = "waiting"
    PUBLISHED = "published"
    WITHHELD = "withheld"


class Hold(msgspec.Struct, frozen=True):
    """A pause of the work, beside the status."""

    reason: str
    waits_for: WaitsFor
    until: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended by itself; one without an end is ended by somebody."""
        return self.until is not None and self.until <= now


class ClaimOffer(msgspec.Struct, frozen=True):
    """A report that somebody has taken is offered: to the user `to`, or to everybody (None) as its holder has signed
    out. `by` is who offers it.
    """

    at: datetime
    by: str
    to: str | None = None


class Claim(msgspec.Struct, frozen=True):
    """Who has taken a report, and since when; whom it is offered to, None for nobody."""

    who: str
    since: datetime
    offer: ClaimOffer | None = None


class ClockState(StrEnum):
    """The state of one SLA clock."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"


class Clock(msgspec.Struct, frozen=True):
    """One SLA clock of one report: `name` is first_response, finish or validation.

    `due` is, while paused, when it will be due if it goes on at the end of the hold, None where the hold has no end;
    `left_s` is the time left when paused, `target_s` the whole allowance (seconds). A clock breached and met late has
    state breached and `met_at` set.
    """

    name: str
    state: ClockState
    started: datetime
    target_s: int
    due: datetime | None = None
    met_at: datetime | None = None
    left_s: int | None = None


class ProofFlag(msgspec.Struct, frozen=True):
    """A reason to look closely at a proof, which decides nothing.

    `kind` is no_time, no_place, far (`metres` from the report), before_report or before_work (by `seconds`),
    same_as_report, same_as_proof (of `report`, which had it `at` that time); readers pass over others.
    """

    kind: str
    metres: float | None = None
    seconds: float | None = None
    report: str | None = None
    at: datetime | None = None


class Photo(msgspec.Struct, frozen=True):
    """A photo of a report; the bytes are a file named by `sha256` (or fetched from `url` when there is no hash).

    `flags` say what speaks against a proof (a photo of the role after), as the server found when it came.
    """

    sha256: str | None
    role: PhotoRole
    size: int | None = None
    taken: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    url: str | None = None
    flags: tuple[ProofFlag, ...] = ()

    @property
    def key(self) -> str:
        """What it is kept and shown under: two with one key are one picture."""
        return self.sha256 or self.url or ""


class Report(msgspec.Struct, frozen=True):
    """The present state of one report. `versions` maps a field to the report version that last changed it.

    `attributes` are the reporter's answers to the questions of the service: attribute code -> values (of a list: keys).
    `within_m` is how far off its point may be, in metres, where whoever placed it said so: the middle of a street.
    `erased` is when all words and photos were erased from it and its history, on request or as their time was over.
    `publication`: None where nobody has to look at its words before everybody reads them.
    """

    id: str
    version: int
    status: Status
    service: str | None
    priority: int
    description: str
    created: datetime
    updated: datetime
    title: str = ""
    status_label: str | None = None
    area: str | None = None
    area_rule: str | None = None
    agency: str | None = None
    address: str = ""
    lat: float | None = None
    lon: float | None = None
    channel: str = ""
    hold: Hold | None = None
    claim: Claim | None = None
    disposition: str | None = None
    merged_into: str | None = None
    duplicates: int = 0
    closed_at: datetime | None = None
    photos: tuple[Photo, ...] = ()
    clocks: tuple[Clock, ...] = ()
    remarks: tuple[str, ...] = ()
    versions: dict[str, int] = {}
    attributes: dict[str, tuple[str, ...]] = {}
    within_m: float = 0.0
    erased: datetime | None = None
    publication: Publication | None = None

    @property
    def place(self) -> dict[str, Any]:
        """Where it is, as an edit carries it: `within_m` only where the point is not exact."""
        place: dict[str, Any] = {"lat": self.lat, "lon": self.lon, "address": self.address}
        return {**place, "within_m": self.within_m} if self.within_m else place

    def hold_at(self, now: datetime) -> Hold | None:
        """What it waits for at that time: a hold counts no more once its end has come, whoever knows of it."""
        return self.hold if self.hold is not None and not self.hold.is_over(now) else None


class Entry(msgspec.Struct, frozen=True):
    """One line of a report's history. `edit` is the id of the edit that made it, None when the server made it itself.

    `kind` is an edit kind (`Kind`), "created" or ERASED. `data` is the edit's own payload as applied.
    """

    id: str
    report: str | None
    kind: str
    at: datetime
    author: str
    edit: str | None = None
    occurred_at: datetime | None = None
    late: bool = False
    text: str = ""
    data: dict[str, Any] = {}
    unit: str | None = None
    undone_by: str | None = None


ERASED = "erased"
"""The kind of the entry by which a server says that it has erased what was said and shown."""


class Assignment(msgspec.Struct, frozen=True):
    """One unit on one report.

    `by` and `since` are of what happened last, what the unit reports included; `ordered_by` and `ordered_at` of the
    order that it works by (see `orderer`), which a server may leave out.
    """

    id: str
    report: str
    unit: str
    state: AssignmentState
    since: datetime
    by: str
    created: datetime
    edit: str | None = None
    version: int = 1
    ordered_by: str = ""
    ordered_at: datetime | None = None

    @property
    def orderer(self) -> str:
        """Who sent or reserved it; "" where that is not known."""
        was_ordered_last = self.state in (AssignmentState.RESERVED, AssignmentState.DISPATCHED)
        return self.ordered_by or (self.by if was_ordered_last else "")


class Unit(msgspec.Struct, frozen=True):
    """A crew or an officer. `areas` are the area codes it works in (any level); () means anywhere.

    `shift` is the calendar of its working hours, `contact` how it is called by radio or telephone, `post` where it
    waits for work (latitude, longitude). `valid_to` is since
    when the city has it no more: it is kept for the reports that it worked on.
    """

    id: str
    code: str
    state: UnitState
    state_since: datetime
    name: str = ""
    agency: str | None = None
    areas: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    reason: str | None = None
    shift_end: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    position_at: datetime | None = None
    version: int = 1
    shift: str | None = None
    contact: str = ""
    post: tuple[float, float] | None = None
    valid_to: datetime | None = None


class Area(msgspec.Struct, frozen=True):
    """A ward, district or city. `geometry` is GeoJSON (Polygon or MultiPolygon, [lon, lat]) or None."""

    code: str
    name: str
    level: int
    parent: str | None = None
    lat: float | None = None
    lon: float | None = None
    geometry: dict[str, Any] | None = None
    approximate: bool = False
    valid_from: datetime | None = None
    valid_to: datetime | None = None


class Sla(msgspec.Struct, frozen=True):
    """Targets of one service for one priority, in seconds; None = no such clock."""

    first_response_s: int | None = 6 * 3600
    finish_s: int | None = 7 * 86400
    validation_s: int | None = 24 * 3600
    pauses_for: tuple[WaitsFor, ...] = (WaitsFor.REPORTER, WaitsFor.WEATHER)
    calendar: str | None = None


class Datatype(StrEnum):
    """What an answer to a question of a service is."""

    STRING = "string"
    NUMBER = "number"
    DATETIME = "datetime"
    TEXT = "text"
    SINGLEVALUELIST = "singlevaluelist"
    MULTIVALUELIST = "multivaluelist"


class AttributeValue(msgspec.Struct, frozen=True):
    """One choice of a list: its key, and its name for people; `names` are those in other languages, by BCP 47 tag."""

    key: str
    name: str
    names: dict[str, str] = {}


class ServiceAttribute(msgspec.Struct, frozen=True):
    """A question that a service asks of the reporter. `variable` False: a text that is only to be read.

    `order` sorts the questions of one service; `values` are the choices of a list. `descriptions` and
    `datatype_descriptions` are its texts in other languages, by BCP 47 tag.
    """

    code: str
    description: str
    datatype: Datatype = Datatype.STRING
    required: bool = False
    variable: bool = True
    order: int = 0
    datatype_description: str = ""
    values: tuple[AttributeValue, ...] = ()
    descriptions: dict[str, str] = {}
    datatype_descriptions: dict[str, str] = {}


class Service(msgspec.Struct, frozen=True):
    """A category of reports. `glyph` names a drawing in the symbols file; `group` joins services for duplicates.

    `sla` maps a priority ("1".."4", or "*" for the rest) to its targets. `skills` are what a unit needs.
    `proof` is whether an after photo is needed before validation. `valid_to` is since when it is offered no more.
    `confidential`: nothing that everybody may read tells of its reports. `names` and `groups` are its name and group in
    other languages than the city's own, by BCP 47 tag.
    """

    code: str
    name: str
    group: str = ""
    glyph: str = "other"
    priority: int = 3
    agency: str | None = None
    skills: tuple[str, ...] = ()
    sla: dict[str, Sla] = {}
    proof: bool = True
    keywords: str = ""
    attributes: tuple[ServiceAttribute, ...] = ()
    valid_to: datetime | None = None
    confidential: bool = False
    names: dict[str, str] = {}
    groups: dict[str, str] = {}

    @property
    def questions(self) -> list[ServiceAttribute]:
        """Its attributes in the order in which a citizen sees them."""
        return sorted(self.attributes, key=lambda each: each.order)


class Template(msgspec.Struct, frozen=True):
    """A standard text: `kind` is reply, disposition (of work done), close (without work), duplicate (closed as that of
    another report), return, hold, or message (a quick text of messages). `texts` is how a report ended in other
    languages than the city's own, by BCP 47 tag.
    """

    id: str
    kind: str
    text: str
    service: str | None = None
    texts: dict[str, str] = {}


class Limit(msgspec.Struct, frozen=True):
    """More than `above` reports of a filter that come within `within_minutes` are an alarm of this priority (2 to 4).

    `filter` is written as in a console's query line; it names categories, areas, agencies and priorities only.
    """

    id: str
    name: str
    filter: str
    above: int
    within_minutes: int
    priority: int = 3


class RunCard(msgspec.Struct, frozen=True):
    """What the city's book says is to be done about a report: `steps` in order, by how many `crews`.

    It is for reports of these `services`, or of services of these `groups` (none of both: of all), that have one of
    these `priorities` (none: any). `skills` are what a unit needs in addition to those of the service. A step is known
    by its words.
    """

    id: str
    name: str
    steps: tuple[str, ...]
    services: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    priorities: tuple[int, ...] = ()
    crews: int = 1
    skills: tuple[str, ...] = ()


class Calendar(msgspec.Struct, frozen=True):
    """Working hours: `days` are 7 pairs of minutes since midnight (Monday first, None = closed), in `timezone`."""

    id: str
    timezone: str
    days: tuple[tuple[int, int] | None, ...]
    holidays: tuple[str, ...] = ()


class Agency(msgspec.Struct, frozen=True):
    """An agency that owns matters (dinas, BUMD, police). `valid_to` is since when it is given nothing new. `names` are
    those in other languages than the city's own, by BCP 47 tag.
    """

    code: str
    name: str
    valid_to: datetime | None = None
    names: dict[str, str] = {}


class User(msgspec.Struct, frozen=True):
    """A user as other users see him."""

    name: str
    role: str


class Contact(msgspec.Struct, frozen=True):
    """The reporter's personal data: kept apart, masked until revealed. `account` and `device` are ids of a program."""

    name: str = ""
    phone: str = ""
    email: str = ""
    account: str = ""
    device: str = ""


class Day(msgspec.Struct, frozen=True):
    """The reports made on one day (UTC): how many, and the sum of the hashes of (id, number of the last change).

    `hash` has 16 hexadecimal digits. Being a sum it does not depend on any order, which databases do not agree about.
    """

    day: date
    count: int
    hash: str


Key = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Word = Annotated[str, Meta(max_length=200)]
Device = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*\Z")]
"""The database writes it as text: PostgreSQL takes no NUL there."""
Line = Annotated[str, Meta(max_length=500)]
Text = Annotated[str, Meta(max_length=20_000)]
Url = Annotated[str, Meta(max_length=2_000, pattern=r"^https?://[^\x00-\x20\x7f-\xa0]+\Z")]
LongText = Annotated[str, Meta(max_length=100_000)]
Lat = Annotated[float, Meta(ge=-90, le=90)]
Lon = Annotated[float, Meta(ge=-180, le=180)]
Metres = Annotated[float, Meta(ge=0, le=1_000_000)]
Priority = Annotated[int, Meta(ge=1, le=4)]
Version = Annotated[int, Meta(ge=0, le=2**53)]
EditKey = Annotated[str, Meta(min_length=8, max_length=128, pattern=r"^[\x21-\x7e]+\Z")]


class SeenReport(msgspec.Struct, frozen=True):
    """When a report was created that the operator saw, and the version that he saw; None where he does not say."""

    created: Annotated[datetime, Meta(tz=True)] | None = None
    version: Version | None = None


class About(msgspec.Struct, frozen=True):
    """When the reports were created that the operator saw: the edit's own, and the one it merges it `into`.

    `made_here`: the edit's own was created by the same console, which knows no more than that it is not older here.
    `instead_of`: the keys under which the same new report may have been sent before, by whoever took it down.
    `since` and `shown`: of a report that was changed after version `since` nothing was seen but these fields, each at
    that version, as a conflict told of them. If-Match says the version of that conflict.
    `leaves`: what was seen of the reports that a diverted unit leaves.
    """

    created: Annotated[datetime, Meta(tz=True)] | None = None
    into: Annotated[datetime, Meta(tz=True)] | None = None
    made_here: bool = False
    instead_of: Annotated[tuple[EditKey, ...], Meta(max_length=20)] = ()
    since: Version | None = None
    shown: Annotated[dict[Word, Version], Meta(max_length=20)] = {}
    leaves: Annotated[dict[Key, SeenReport], Meta(max_length=20)] = {}


class EditBody(msgspec.Struct, frozen=True):
    """The body of a request that carries an edit; `id` is the idempotency key.

    `about` and `expires_at` are no part of what the key stands for: they say which reports are meant, and until when
    an order may be carried out. One that lay in a connection until after that is refused.
    """

    id: EditKey
    kind: Kind
    occurred_at: Annotated[datetime, Meta(tz=True)] | None = None
    late: bool = False
    data: dict[str, Any] = {}
    undoes: Key | None = None
    device: Device = ""
    number: int = 0
    about: About = About()
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class NewContact(msgspec.Struct, frozen=True):
    """The reporter's personal data, as Contact, within limits."""

    name: Line = ""
    phone: Line = ""
    email: Line = ""
    account: Line = ""
    device: Line = ""


class NewHold(msgspec.Struct, frozen=True):
    """A pause of the work, as Hold, within limits and with the zone of its time."""

    reason: Text
    waits_for: WaitsFor
    until: Annotated[datetime, Meta(tz=True)] | None = None


Answers = Annotated[dict[Key, Annotated[tuple[Text, ...], Meta(max_length=100)]], Meta(max_length=200)]


class Create(msgspec.Struct, frozen=True):
    """A new report.

    `attributes` are kept as they are. `answers` are what somebody said to the questions that his page asked of him, or
    the telephone form of a caller: those that fit what the service asks become attributes, of the others and the
    missing ones a remark tells.
    """

    service: Key | None = None
    priority: Priority | None = None
    title: Line = ""
    description: LongText = ""
    address: Line = ""
    lat: Lat | None = None
    lon: Lon | None = None
    area: Key | None = None
    agency: Key | None = None
    channel: Annotated[str, Meta(max_length=100)] = ""
    contact: NewContact | None = None
    created: Annotated[datetime, Meta(tz=True)] | None = None
    attributes: Answers = {}
    media_urls: Annotated[tuple[Url, ...], Meta(max_length=10)] = ()
    within_m: Metres = 0.0
    answers: Answers | UnsetType = UNSET


class Place(msgspec.Struct, frozen=True):
    """A place with its address, and how far off its point may be; without an address the one known stays."""

    lat: Lat | None = None
    lon: Lon | None = None
    address: Line | UnsetType | None = UNSET
    within_m: Metres = 0.0


class Set(msgspec.Struct, frozen=True):
    """New values of fields."""

    status: Status | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    service: Key | UnsetType | None = UNSET
    title: Line | UnsetType = UNSET
    description: LongText | UnsetType = UNSET
    place: Place | UnsetType | None = UNSET
    area: Key | UnsetType | None = UNSET
    agency: Key | UnsetType | None = UNSET
    hold: NewHold | UnsetType | None = UNSET
    publication: Publication | UnsetType = UNSET
    reason: Text = ""


class Words(msgspec.Struct, frozen=True):
    """A text: a reply, or what is noted."""

    text: Annotated[str, Meta(min_length=1, max_length=20_000)]


class LogLine(msgspec.Struct, frozen=True):
    """What somebody writes into the log of the control room."""

    text: Annotated[str, Meta(min_length=1, max_length=2_000)]


class NewNote(Words, frozen=True):
    """A note; `channel` is how it reached who writes it down, where somebody else said it: "phone" for a caller.

    With the id of a run card as its `card` it says that a step of that was done: `text` are the words of the step.
    """

    channel: Annotated[str, Meta(max_length=100)] = ""
    card: Word = ""


class NewPhoto(msgspec.Struct, frozen=True):
    """A photo; its bytes come or came by PUT /media. `unit` is who took it, where that is known."""

    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    role: PhotoRole = PhotoRole.OTHER
    size: Annotated[int, Meta(ge=0, le=15_000_000)] | None = None
    taken: Annotated[datetime, Meta(tz=True)] | None = None
    lat: Lat | None = None
    lon: Lon | None = None
    unit: Key | None = None


class MeToo(msgspec.Struct, frozen=True):
    """Another reporter of the same thing."""

    contact: NewContact | None = None


class Nothing(msgspec.Struct, frozen=True):
    """No payload."""


class OfferTo(msgspec.Struct, frozen=True):
    """The colleague to whom a report is offered, by his user name."""

    to: Key


class Crew(msgspec.Struct, frozen=True):
    """A unit to reserve, send or call back."""

    unit: Key
    stack: bool = False
    reason: Text = ""


class SentUnit(Crew, frozen=True):
    """A unit to send. Where it `leaves` work on other reports for this one, its jobs there are ended by a recall each.

    A report on which it has no job (any more), or that does not exist, is left out. Work that the unit has begun
    elsewhere, or on a P1, is a conflict ("busy"); other work that it has not begun waits.
    """

    leaves: Annotated[tuple[Key, ...], Meta(max_length=20)] = ()


class Step(msgspec.Struct, frozen=True):
    """What a unit did on its job."""

    unit: Key
    state: AssignmentState
    reason: Text = ""


class OwnState(msgspec.Struct, frozen=True):
    """A unit's state beside its jobs."""

    unit: Key
    state: UnitState
    reason: Text = ""


class Verdict(msgspec.Struct, frozen=True):
    """Proof accepted, or returned with a reason."""

    accepted: bool
    reason: Text = ""
    disposition: Text = ""


class Closing(msgspec.Struct, frozen=True):
    """Closed without work."""

    disposition: Text = ""
    reason: Text = ""
    merged_into: Key | None = None
    release: tuple[Key, ...] = ()


class Reason(msgspec.Struct, frozen=True):
    """Why a report is opened again."""

    reason: Annotated[str, Meta(min_length=1, max_length=20_000)]


class Into(msgspec.Struct, frozen=True):
    """The report that this one is a duplicate of."""

    into: Key


class ClosureKind(StrEnum):
    """Why no way leads through a place."""

    FLOOD = "flood"
    STREET = "street"  # closed for whatever reason
    OTHER = "other"


MOST_CLOSURE_POINTS = 500
LonLat = tuple[Lon, Lat]
"""As GeoJSON has it: the longitude first."""


class ClosedArea(msgspec.Struct, frozen=True, tag_field="type", tag="Polygon"):
    """An area in GeoJSON: one ring that ends where it begins, and does not cross itself."""

    coordinates: tuple[Annotated[tuple[LonLat, ...], Meta(min_length=4, max_length=MOST_CLOSURE_POINTS + 1)]]


class ClosedLine(msgspec.Struct, frozen=True, tag_field="type", tag="LineString"):
    """A line in GeoJSON: the middle of what is closed, as wide as `width_m` of its closure says."""

    coordinates: Annotated[tuple[LonLat, ...], Meta(min_length=2, max_length=MOST_CLOSURE_POINTS)]


class Closure(msgspec.Struct, frozen=True):
    """A closed street or flooded area: from `since` to `until` (None: until somebody ends it) no way leads through.

    `width_m` is that of a line, in metres. `said_by` is who says so where that is not `by`, who entered it (the police,
    a camera); `report` is the report that it comes from. `areas` are the city's areas that it lies in, as far as its
    corners and its middle tell. `ended` is when somebody ended it, or the server at its `until`.
    """

    id: str
    kind: ClosureKind
    geometry: ClosedArea | ClosedLine
    since: datetime
    by: str
    created: datetime
    updated: datetime
    updated_by: str
    width_m: float = 0.0
    until: datetime | None = None
    words: str = ""
    said_by: str = ""
    report: str | None = None
    areas: tuple[str, ...] = ()
    ended: datetime | None = None
    version: int = 1

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended, by somebody or by itself."""
        return self.ended is not None or (self.until is not None and self.until <= now)

    def is_in_force(self, now: datetime) -> bool:
        """Whether it has begun and is not over."""
        return self.since <= now and not self.is_over(now)


class ClosureChange(msgspec.Struct, frozen=True):
    """A closed street or flooded area that is made, changed or ended; what is left out stays as it is.

    A new one needs kind and geometry. `seen` is the version of the closure that the operator saw, 0 for a new one.
    `ended` true ends it, false opens it again. One that was changed since it was seen is not ended; without `seen`,
    one that was changed after the end was decided (`occurred_at`).
    """

    closure: Key
    seen: Version = 0
    kind: ClosureKind | UnsetType = UNSET
    geometry: ClosedArea | ClosedLine | UnsetType = UNSET
    width_m: Annotated[float, Meta(ge=1, le=200)] | UnsetType = UNSET
    since: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    until: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET
    words: Line | UnsetType = UNSET
    said_by: Word | UnsetType = UNSET
    report: Key | UnsetType | None = UNSET
    ended: bool | UnsetType = UNSET


class AlarmKind(StrEnum):
    """What needs somebody's response now."""

    CREWLESS = "crewless"  # a P1 that no crew is on its way to
    SLA_BREACH = "sla_breach"  # of a P1 or P2
    SLA_ENDING = "sla_ending"  # the same, a few minutes before
    UNANSWERED = "unanswered"  # a unit has not acknowledged its order in time
    NOT_ARRIVED = "not_arrived"  # a unit has not arrived in time
    SILENT = "silent"  # nothing was heard of a unit that worked or waited for work
    LEFT_OVER = "left_over"  # nobody has taken a report over that was in a signed hand-over
    UNSIGNED = "unsigned"  # nobody has signed a hand-over, and its shift is over
    LIMIT = "limit"  # more reports have come than a limit of the city allows
    SOURCE = "source"  # a server or the sync process is at fault; only the console that sees it knows of it


def alarm_id(kind: AlarmKind, about: str) -> str:
    """The id of the alarm of this kind about a report, unit, hand-over or limit."""
    return f"{kind.value}:{about}"


class AlarmAbout(msgspec.Struct, frozen=True):
    """One alarm as it stood when somebody did something about it: `about` is the number of its report or the id of its
    unit, hand-over or limit, `since` is when this occurrence began.
    """

    kind: AlarmKind
    about: Key
    since: Annotated[datetime, Meta(tz=True)]

    @property
    def id(self) -> str:
        """Its id at its source, the same at every console."""
        return alarm_id(self.kind, self.about)


MOST_ALARMS = 200


class AlarmChange(msgspec.Struct, frozen=True):
    """What is done about alarms: they are acknowledged, shelved until a time with a reason, or (null) taken down."""

    alarms: Annotated[tuple[AlarmAbout, ...], Meta(min_length=1, max_length=MOST_ALARMS)]
    acknowledged: bool = False
    shelved_until: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET
    reason: Line | UnsetType = UNSET


class AlarmRecord(msgspec.Struct, frozen=True):
    """What operators did about an alarm: who acknowledged it, until when somebody has shelved it.

    `id` is the kind and what it is about (`crewless:931204`, a unit by its id). `since` is when the occurrence began
    that was acknowledged: a later one of the same alarm is not.
    """

    id: str
    kind: AlarmKind
    since: datetime
    updated: datetime
    updated_by: str
    report: str | None = None
    unit: str | None = None
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    shelved_by: str = ""
    shelved_at: datetime | None = None
    shelved_until: datetime | None = None
    reason: str = ""
    version: int = 1


class Recipient(msgspec.Struct, frozen=True):
    """To whom a message is: a unit; or a role, everywhere or in an area; or all who work in an area; or everyone."""

    unit: Key | None = None
    role: Key | None = None
    area: Key | None = None


class NewMessage(msgspec.Struct, frozen=True):
    """A message, whose id is that of the edit. `report` is the number of the report that it is kept with."""

    to: Recipient
    text: Annotated[str, Meta(min_length=1, max_length=2_000)]
    report: Key | None = None


MOST_READ = 200


class ReadMessages(msgspec.Struct, frozen=True):
    """The messages that somebody has read, by their ids."""

    messages: Annotated[tuple[EditKey, ...], Meta(min_length=1, max_length=MOST_READ)]


class Message(msgspec.Struct, frozen=True):
    """What somebody wrote to a unit, a role, an area or everyone; `at` is when he wrote it.

    `unit` is the crew that wrote it. `areas` are where it goes: the one that it is to, or those in which the unit works
    that it is to or from, whose `agency` it is; `around` are these with all that lie around them. `to_you` is told to
    each reader: whether it is to him, and not his own, or of those that he supervises.
    """

    id: str
    author: str
    at: datetime
    to: Recipient
    text: str = ""
    report: str | None = None
    unit: str | None = None
    areas: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    agency: str | None = None
    late: bool = False
    to_you: bool = False


class ReadMark(msgspec.Struct, frozen=True):
    """Who has read a message, and when; `addressed` is false for who supervises and reads what is to others."""

    id: str
    message: str
    who: str
    at: datetime
    addressed: bool = True


class HandoverSection(StrEnum):
    """Where a line of a hand-over stands; the most dangerous first."""

    URGENT = "urgent"  # open P1 and P2
    BREACHED = "breached"  # the SLA of a lesser one is breached, or is within the hour
    TAKEN = "taken"  # by who hands over
    HELD = "held"  # on hold, or an alarm that is shelved
    UNITS = "units"  # units, and what is not at the server yet
    NOTED = "noted"  # what somebody marked for the next shift


class HandoverMark(StrEnum):
    """What who takes over says of a line."""

    CONFIRMED = "confirmed"
    QUESTION = "question"


LineKey = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+\Z")]


class HandoverLine(msgspec.Struct, frozen=True):
    """One line of a hand-over: `text` says what it is about, `stands` where it stood when it was offered.

    `id` is the kind and what it is about (`report:931204`); `priority` that of its report, 0 where it is about none.
    """

    id: LineKey
    section: HandoverSection
    text: Line
    stands: Line = ""
    priority: Annotated[int, Meta(ge=0, le=4)] = 0
    report: Key | None = None
    unit: Key | None = None
    remark: Line = ""
    mark: HandoverMark | None = None
    marked_by: Word = ""
    marked_at: Annotated[datetime, Meta(tz=True)] | None = None


MOST_HANDOVER_LINES = 800
HandoverLines = Annotated[tuple[HandoverLine, ...], Meta(max_length=MOST_HANDOVER_LINES)]


class HandoverOffer(msgspec.Struct, frozen=True):
    """What a user hands over, to whomever or to `incoming`; with this he signs it. `begun` is when it was drafted."""

    id: EditKey
    begun: Annotated[datetime, Meta(tz=True)]
    shift_start: Annotated[datetime, Meta(tz=True)]
    shift_end: Annotated[datetime, Meta(tz=True)]
    lines: HandoverLines
    incoming: Word = ""


class HandoverSignature(msgspec.Struct, frozen=True):
    """Who takes a hand-over over, and his PIN. `marks` are what he says of lines; at the desk of who hands over those
    of the offer count too, which were made there, at his own desk these only.
    """

    name: Key
    pin: Annotated[str, Meta(min_length=1, max_length=20)]
    marks: Annotated[dict[LineKey, HandoverMark], Meta(max_length=MOST_HANDOVER_LINES)] = {}


class Handover(msgspec.Struct, frozen=True):
    """A shift that `outgoing` has handed over: offered, and `signed` when `incoming` has taken it over."""

    id: str
    outgoing: str
    begun: datetime
    shift_start: datetime
    shift_end: datetime
    offered: datetime
    updated: datetime
    lines: HandoverLines = ()
    incoming: str = ""
    signed: datetime | None = None
    version: int = 1


class NewErasure(msgspec.Struct, frozen=True):
    """Why what was said and shown of a report is erased. It stands in the history, so it names nobody."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class NewPin(msgspec.Struct, frozen=True):
    """A user's new PIN; `before` is the one that he has."""

    pin: Annotated[str, Meta(min_length=1, max_length=20)]
    before: Annotated[str, Meta(max_length=20)] = ""


PAYLOADS: dict[Kind, type[msgspec.Struct]] = {
    Kind.CREATE: Create,
    Kind.SET: Set,
    Kind.NOTE: NewNote,
    Kind.REPLY: Words,
    Kind.PHOTO: NewPhoto,
    Kind.ME_TOO: MeToo,
    Kind.CLAIM: Nothing,
    Kind.RELEASE: Nothing,
    Kind.OFFER: OfferTo,
    Kind.DECLINE: Nothing,
    Kind.ASSIGN: Crew,
    Kind.DISPATCH: SentUnit,
    Kind.RECALL: Crew,
    Kind.PROGRESS: Step,
    Kind.UNIT_STATE: OwnState,
    Kind.CLOSURE: ClosureChange,
    Kind.ALARM: AlarmChange,
    Kind.MESSAGE: NewMessage,
    Kind.READ: ReadMessages,
    Kind.LOG: LogLine,
    Kind.VALIDATE: Verdict,
    Kind.CLOSE: Closing,
    Kind.REOPEN: Reason,
    Kind.MERGE: Into,
    Kind.UNMERGE: Nothing,
}
"""What each kind of edit carries."""


NOTHING = msgspec.Raw(b"null")
ApiObject = (
    Report
    | Entry
    | Assignment
    | Unit
    | Area
    | Service
    | Template
    | Limit
    | RunCard
    | Calendar
    | Agency
    | User
    | Closure
    | AlarmRecord
    | Message
    | ReadMark
    | Handover
)
OBJECTS: dict[str, type[ApiObject]] = {
    "service": Service,
    "agency": Agency,
    "calendar": Calendar,
    "template": Template,
    "limit": Limit,
    "run_card": RunCard,
    "user": User,
    "area": Area,
    "unit": Unit,
    "closure": Closure,
    "alarm": AlarmRecord,
    "handover": Handover,
    "message": Message,
    "read_mark": ReadMark,
    "report": Report,
    "assignment": Assignment,
    "entry": Entry,
}
"""The struct of each kind of item of the feed; "gone" has none."""


class Item(msgspec.Struct, frozen=True):
    """One object in its present state; `data` is JSON as stored."""

    kind: str
    seq: int
    id: str
    data: msgspec.Raw = msgspec.field(default_factory=lambda: NOTHING)


class Gone(msgspec.Struct, frozen=True):
    """Which object is no longer there."""

    kind: str
    id: str


class Changes(msgspec.Struct, frozen=True, rename={"start": "from"}):
    """Every object whose last change lies in (start, upto], each once, in commit order."""

    epoch: str
    scope_version: int
    start: int
    upto: int
    more: bool
    items: tuple[Item, ...]


class Snapshot(msgspec.Struct, frozen=True):
    """A page of everything; the client reads changes after the first page's `seq`.

    `whole` are the kinds of which nothing is on a later page: what rests on them can be told before all has come.
    "live_assignment" is among them once all unfinished assignments have come. An older server does not say it.
    """

    epoch: str
    scope_version: int
    seq: int
    next_key: str | None
    items: tuple[Item, ...]
    whole: tuple[str, ...] = ()


class Digest(msgspec.Struct, frozen=True):
    """The days that have reports, as they were at `seq`; `earlier` is the last one before those asked for, or null.

    An older server leaves `earlier` out.
    """

    epoch: str
    seq: int
    days: tuple[Day, ...]
    earlier: date | UnsetType | None = UNSET


class DayReports(msgspec.Struct, frozen=True):
    """Each report made on one day, with the number of its last change, as they were at `seq`."""

    epoch: str
    seq: int
    reports: dict[str, int]


class CityFacts(msgspec.Struct, frozen=True):
    """What a client wants to know of a city first; `bbox` is west, south, east, north, None while nothing is there.

    `language` is that of the city's plain names (a BCP 47 tag), "" where the city has not said it.
    """

    name: str
    timezone: str
    bbox: tuple[float, float, float, float] | None
    language: str = ""


class Welcome(msgspec.Struct, frozen=True):
    """How a client recognises the server; `name` is that of the program, `can` what not every version of it knows."""

    name: str
    version: str
    epoch: str
    city: CityFacts
    can: tuple[str, ...]


class Stats(msgspec.Struct, frozen=True):
    """The counts; a report without a service counts under ""."""

    reports: int
    by_status: dict[str, int]
    by_service: dict[str, int]
    by_area: dict[str, int]
    without_area: int
    without_place: int
    units: int
    seq: int
    epoch: str
    city: CityFacts


class StatusRow(msgspec.Struct, frozen=True):
    """A status of reports: its key on the wire, its letter and words for people, and what it may become.

    The keys are the server's own words: one that is none of `Status` is kept as the report's `status_label`.
    """

    key: str
    letter: str
    label: str
    is_open: bool
    may_become: tuple[str, ...]


class Me(msgspec.Struct, frozen=True):
    """Who asks. No agencies and no areas means the whole city."""

    name: str
    role: str
    agencies: tuple[str, ...]
    areas: tuple[str, ...]


class CallerNumber(msgspec.Struct, frozen=True):
    """The telephone number of who is on the line, as he says it or as it is shown."""

    phone: Line


class CallerReports(msgspec.Struct, frozen=True):
    """The ids of the reports of one telephone number, the newest first; `more`: there are older ones."""

    reports: tuple[str, ...]
    more: bool = False


class Kept(msgspec.Struct, frozen=True):
    """A photo that is there."""

    sha256: str


class Received(msgspec.Struct, frozen=True):
    """How many bytes of a photo are there."""

    received: int


class Looking(msgspec.Struct, frozen=True):
    """Which report a user looks at."""

    report: Key | None


class Position(msgspec.Struct, frozen=True):
    """Where a unit is."""

    lat: Lat
    lon: Lon
    at: Annotated[datetime, msgspec.Meta(tz=True)]


MOST_EXPORTED = 2_000
"""Of more reports than these a note of an export tells only the number and the filter."""


class ExportNote(msgspec.Struct, frozen=True):
    """An export of reports from a console to a file, as the console tells it; `reports` only when they are few.

    `by` is who did it, where that is not who is signed in when it is told.
    """

    id: EditKey
    at: Annotated[datetime, Meta(tz=True)]
    format: Annotated[str, Meta(min_length=1, max_length=20)]
    filter: Annotated[str, Meta(max_length=2_000)]
    rows: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    by: Annotated[str, Meta(max_length=200)] = ""
    reports: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=128)], ...], Meta(max_length=MOST_EXPORTED)
    ] = ()


class EditAnswer(msgspec.Struct, frozen=True):
    """What the client is told of an edit that was applied."""

    report: Report | None
    entry: Entry
    seq: int


class Theirs(msgspec.Struct, frozen=True):
    """The present value of a field in conflict, and who changed it when (null where the history does not tell).

    Of `duplicates` also the most urgent report that was merged into it since, its priority and words (`note`), and how
    many `more` there are; of `priority` what was said to it; of `unit` all `units` that a closing would leave behind;
    of `state` the reason.
    """

    value: Any
    who: str | None
    at: datetime | None
    note: str | UnsetType = UNSET
    report: str | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    more: int | UnsetType = UNSET
    units: list[str] | UnsetType = UNSET


class ConflictProblem(msgspec.Struct, frozen=True):
    """Somebody changed the same field to another value, or another has what was claimed.

    `version` is the report's that holds these values.
    """

    error: Literal["conflict"]
    message: str
    fields: dict[str, Theirs]
    version: int | UnsetType = UNSET


class BusyProblem(msgspec.Struct, frozen=True):
    """The unit has a job; send the edit with `stack` to give it another. `priority` is that of its report where the
    unit may not leave it as asked: 1, which it is by now, or another, as the order's report is no P1 (any more).
    """

    error: Literal["busy"]
    message: str
    unit: str
    report: str
    who: str
    at: datetime
    priority: int | UnsetType = UNSET
    version: int | UnsetType = UNSET


class AnotherProblem(msgspec.Struct, frozen=True):
    """The number of `report` is another report now; nothing was done to it."""

    error: Literal["another_report"]
    message: str
    report: str


class ApiFault(msgspec.Struct, frozen=True):
    """The body of an error; `unit` to `priority` are of a busy unit, `who` and `at` of a deletion, `version` of a
    conflict.

    `report` is also the one whose number is another report now, or that is there already, made by `edit`.
    """

    error: str = ""
    message: str = ""
    version: int | None = None
    fields: dict[str, Any] = {}
    unit: str | None = None
    report: str | None = None
    who: str | None = None
    at: str | None = None
    priority: int | None = None
    edit: str | None = None


class LastValues(msgspec.Struct, frozen=True):
    """What the stream carries: unit -> [lat, lon, at]; connected user -> the report that he has open, or None, and when
    he came.
    """

    positions: dict[str, tuple[float, float, datetime]] = {}
    looking: dict[str, str | None] = {}
    since: dict[str, datetime] = {}


class Seq(msgspec.Struct, frozen=True):
    """The number the feed has reached, as the stream tells it."""

    seq: int


# msgspec looks at a struct when it is first decoded, and two threads that do so at once end the process with a
# segmentation fault (0.22). A module is imported by one thread, so here it is safe, and later it is done.
for _struct in [each for each in vars().values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]:
    msgspec.json.Decoder(_struct)
