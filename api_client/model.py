"""Every object of the Dispatch API, once: what clients, console and server say to one another and what they keep.

Times are RFC 3339 in UTC (`datetime`, aware). lat and lon are degrees, WGS 84. Unknown is None, never 0 or "".
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import msgspec

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
    """Every kind of edit, with its payload (`Edit.data`)."""

    CREATE = "create"  # {service, priority?, description, address?, lat?, lon?, area?, channel, contact?, created?}
    SET = "set"  # {field: value, ...} of FIELDS; reason? beside them
    NOTE = "note"  # {text}
    REPLY = "reply"  # {text}
    PHOTO = "photo"  # {sha256, role, size, taken?, lat?, lon?}
    ME_TOO = "me_too"  # {contact?}
    CLAIM = "claim"  # {}
    RELEASE = "release"  # {}
    ASSIGN = "assign"  # {unit}            reserve only
    DISPATCH = "dispatch"  # {unit, stack?: bool}
    RECALL = "recall"  # {unit, reason?}
    PROGRESS = "progress"  # {unit, state: acknowledged|en_route|on_scene|done|refused, reason?}
    UNIT_STATE = "unit_state"  # {unit, state: available|break|unavailable|off_shift, reason?}   (Edit.report is None)
    VALIDATE = "validate"  # {accepted: bool, reason?, disposition?}
    CLOSE = "close"  # {disposition, reason?, merged_into?, release: [unit]}   -> closed without work
    REOPEN = "reopen"  # {reason}
    MERGE = "merge"  # {into: report id}
    UNMERGE = "unmerge"  # {}


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


class Hold(msgspec.Struct, frozen=True):
    """A pause of the work, beside the status."""

    reason: str
    waits_for: WaitsFor
    until: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended by itself; one without an end is ended by somebody."""
        return self.until is not None and self.until <= now


class Claim(msgspec.Struct, frozen=True):
    """Who has taken a report, and since when."""

    who: str
    since: datetime


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


class Photo(msgspec.Struct, frozen=True):
    """A photo of a report; the bytes are a file named by `sha256` (or fetched from `url` when there is no hash)."""

    sha256: str | None
    role: PhotoRole
    size: int | None = None
    taken: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    url: str | None = None

    @property
    def key(self) -> str:
        """What it is kept and shown under: two with one key are one picture."""
        return self.sha256 or self.url or ""


class Report(msgspec.Struct, frozen=True):
    """The present state of one report. `versions` maps a field to the report version that last changed it.

    `attributes` are the reporter's answers to the questions of the service: attribute code -> values (of a list: keys).
    `within_m` is how far off its point may be, in metres, where whoever placed it said so: the middle of a street.
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

    `kind` is an edit kind (`Kind`) or "created". `data` is the edit's own payload as applied.
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
    """One choice of a list: its key, and its name for people."""

    key: str
    name: str


class ServiceAttribute(msgspec.Struct, frozen=True):
    """A question that a service asks of the reporter. `variable` False: a text that is only to be read.

    `order` sorts the questions of one service; `values` are the choices of a list.
    """

    code: str
    description: str
    datatype: Datatype = Datatype.STRING
    required: bool = False
    variable: bool = True
    order: int = 0
    datatype_description: str = ""
    values: tuple[AttributeValue, ...] = ()


class Service(msgspec.Struct, frozen=True):
    """A category of reports. `glyph` names a drawing in the symbols file; `group` joins services for duplicates.

    `sla` maps a priority ("1".."4", or "*" for the rest) to its targets. `skills` are what a unit needs.
    `proof` is whether an after photo is needed before validation. `valid_to` is since when it is offered no more.
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

    @property
    def questions(self) -> list[ServiceAttribute]:
        """Its attributes in the order in which a citizen sees them."""
        return sorted(self.attributes, key=lambda each: each.order)


class Template(msgspec.Struct, frozen=True):
    """A standard text: `kind` is reply, disposition (of work done), close (without work), duplicate (closed as that of
    another report), return or hold.
    """

    id: str
    kind: str
    text: str
    service: str | None = None


class Calendar(msgspec.Struct, frozen=True):
    """Working hours: `days` are 7 pairs of minutes since midnight (Monday first, None = closed), in `timezone`."""

    id: str
    timezone: str
    days: tuple[tuple[int, int] | None, ...]
    holidays: tuple[str, ...] = ()


class Agency(msgspec.Struct, frozen=True):
    """An agency that owns matters (dinas, BUMD, police). `valid_to` is since when it is given nothing new."""

    code: str
    name: str
    valid_to: datetime | None = None


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


NOTHING = msgspec.Raw(b"null")
Object = Report | Entry | Assignment | Unit | Area | Service | Template | Calendar | Agency | User
OBJECTS: dict[str, type[Object]] = {
    "report": Report,
    "entry": Entry,
    "assignment": Assignment,
    "unit": Unit,
    "area": Area,
    "service": Service,
    "template": Template,
    "calendar": Calendar,
    "agency": Agency,
    "user": User,
}
"""The struct of each kind of item of the feed; "gone" has none."""


class Item(msgspec.Struct, frozen=True):
    """One object in its present state; `data` is JSON as stored."""

    kind: str
    seq: int
    id: str
    data: msgspec.Raw = NOTHING


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
    earlier: date | msgspec.UnsetType | None = msgspec.UNSET


class DayReports(msgspec.Struct, frozen=True):
    """Each report made on one day, with the number of its last change, as they were at `seq`."""

    epoch: str
    seq: int
    reports: dict[str, int]


class CityFacts(msgspec.Struct, frozen=True):
    """What a client wants to know of a city first; `bbox` is west, south, east, north, None while nothing is there."""

    name: str
    timezone: str
    bbox: tuple[float, float, float, float] | None


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


class EditAnswer(msgspec.Struct, frozen=True):
    """What the client is told of an edit that was applied."""

    report: Report | None
    entry: Entry
    seq: int


class Fault(msgspec.Struct, frozen=True):
    """The body of an error; `unit` to `at` are of a busy unit, `who` and `at` of a deletion, `version` of a conflict.

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
    edit: str | None = None


class LastValues(msgspec.Struct, frozen=True):
    """What the stream carries: unit -> [lat, lon, at]; connected user -> the report that he has open, or None."""

    positions: dict[str, tuple[float, float, datetime]] = {}
    looking: dict[str, str | None] = {}


class Seq(msgspec.Struct, frozen=True):
    """The number the feed has reached, as the stream tells it."""

    seq: int


# msgspec looks at a struct when it is first decoded, and two threads that do so at once end the process with a
# segmentation fault (0.22). A module is imported by one thread, so here it is safe, and later it is done.
for _struct in [each for each in vars().values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]:
    msgspec.json.Decoder(_struct)
