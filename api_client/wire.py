"""What goes over the wire, as tolerant structs: the agreed objects, field for field, with any word in them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

NOTHING = msgspec.Raw(b"null")


class Hold(msgspec.Struct, frozen=True):
    """A pause of the work."""

    reason: str = ""
    waits_for: str = ""
    until: datetime | None = None


class Claim(msgspec.Struct, frozen=True):
    """Who has taken a report."""

    who: str
    since: datetime


class Clock(msgspec.Struct, frozen=True):
    """One SLA clock."""

    name: str
    state: str
    started: datetime
    target_s: int
    due: datetime | None = None
    met_at: datetime | None = None
    left_s: int | None = None


class Photo(msgspec.Struct, frozen=True):
    """A photo of a report, by hash or by address."""

    sha256: str | None = None
    role: str = "report"
    size: int | None = None
    taken: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    url: str | None = None


class Report(msgspec.Struct, frozen=True):
    """One report; only `id` must be there."""

    id: str
    version: int = 0
    status: str = ""
    service: str | None = None
    priority: int = 3
    description: str = ""
    created: datetime | None = None
    updated: datetime | None = None
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
    within_m: float = 0.0


class Entry(msgspec.Struct, frozen=True):
    """One line of history."""

    id: str
    report: str | None
    kind: str
    at: datetime
    author: str = ""
    edit: str | None = None
    occurred_at: datetime | None = None
    late: bool = False
    text: str = ""
    data: dict[str, Any] = {}
    unit: str | None = None
    undone_by: str | None = None


class Assignment(msgspec.Struct, frozen=True):
    """One unit on one report."""

    id: str
    report: str
    unit: str
    state: str
    since: datetime
    by: str = ""
    created: datetime | None = None
    edit: str | None = None
    version: int = 1
    ordered_by: str = ""
    ordered_at: datetime | None = None


class Unit(msgspec.Struct, frozen=True):
    """A crew or an officer."""

    id: str
    code: str = ""
    state: str = ""
    state_since: datetime | None = None
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
    """A ward, district or city."""

    code: str
    name: str
    level: int = 0
    parent: str | None = None
    lat: float | None = None
    lon: float | None = None
    geometry: dict[str, Any] | None = None
    approximate: bool = False
    valid_from: datetime | None = None
    valid_to: datetime | None = None


class Service(msgspec.Struct, frozen=True):
    """A category of reports; SLA targets stay as the server writes them."""

    code: str
    name: str = ""
    group: str = ""
    glyph: str = "other"
    priority: int = 3
    agency: str | None = None
    skills: tuple[str, ...] = ()
    sla: dict[str, Any] = {}
    proof: bool = True
    keywords: str = ""
    valid_to: datetime | None = None


class Template(msgspec.Struct, frozen=True):
    """A standard text."""

    id: str
    kind: str = ""
    text: str = ""
    service: str | None = None


class Calendar(msgspec.Struct, frozen=True):
    """Working hours."""

    id: str
    timezone: str
    days: tuple[tuple[int, int] | None, ...] = ()
    holidays: tuple[str, ...] = ()


class Agency(msgspec.Struct, frozen=True):
    """An agency that owns matters."""

    code: str
    name: str
    valid_to: datetime | None = None


class User(msgspec.Struct, frozen=True):
    """A user as others see him."""

    name: str
    role: str = ""


class Contact(msgspec.Struct, frozen=True):
    """A reporter's personal data."""

    name: str = ""
    phone: str = ""
    email: str = ""


class Item(msgspec.Struct, frozen=True):
    """One object of the feed; `data` stays undecoded, so that one bad object does not spoil its page."""

    kind: str
    seq: int
    id: str
    data: msgspec.Raw = NOTHING


Object = Report | Entry | Assignment | Unit | Area | Service | Template | Calendar | Agency | User

KINDS: dict[str, type[Object]] = {
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
"""The struct of each kind of item; "gone" has none."""


class Changes(msgspec.Struct, frozen=True):
    """A page of the feed: every object whose last change lies in (from_, upto], each once."""

    epoch: str
    from_: int = msgspec.field(name="from")
    upto: int = 0
    more: bool = False
    scope_version: int = 0
    items: tuple[Item, ...] = ()


class Snapshot(msgspec.Struct, frozen=True):
    """A page of a first fill; `next_key` is None at the end. `whole` are the kinds of which nothing is on a later page,
    and "live_assignment" once all unfinished assignments have come; () where the server does not say.
    """

    epoch: str
    seq: int
    next_key: str | None = None
    scope_version: int = 0
    items: tuple[Item, ...] = ()
    whole: tuple[str, ...] = ()


class DigestDay(msgspec.Struct, frozen=True):
    """Count and hash of the reports made on one day (UTC)."""

    day: date
    count: int
    hash: str


class Digest(msgspec.Struct, frozen=True):
    """The days that have reports, as they were at `seq`; `earlier` is the last one before those asked for.

    `earlier` is None where there is none, UNSET where the server does not say.
    """

    epoch: str
    seq: int
    days: tuple[DigestDay, ...] = ()
    earlier: date | msgspec.UnsetType | None = msgspec.UNSET


class DayReports(msgspec.Struct, frozen=True):
    """The reports made on one day, each with the number of its last change, as they were at `seq`."""

    epoch: str
    seq: int
    reports: dict[str, int] = {}


class City(msgspec.Struct, frozen=True):
    """The city a server works for; `bbox` is west, south, east, north in degrees."""

    name: str = ""
    timezone: str = ""
    bbox: tuple[float, float, float, float] | None = None


class Root(msgspec.Struct, frozen=True):
    """How a server says who it is, and what it `can` that not every one can."""

    name: str
    epoch: str
    version: str = ""
    city: City = City()
    can: tuple[str, ...] = ()


class Stats(msgspec.Struct, frozen=True):
    """Counts, open to everybody."""

    reports: int
    epoch: str
    seq: int = 0
    by_status: dict[str, int] = {}
    by_service: dict[str, int] = {}
    by_area: dict[str, int] = {}
    without_area: int = 0
    without_place: int = 0
    units: int = 0
    city: City = City()


class StatusWord(msgspec.Struct, frozen=True):
    """A status as a server names it."""

    key: str
    letter: str = ""
    label: str = ""
    is_open: bool = True
    may_become: tuple[str, ...] = ()


class Me(msgspec.Struct, frozen=True):
    """Whom the token belongs to."""

    name: str
    role: str = ""
    agencies: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()


class EditAnswer(msgspec.Struct, frozen=True):
    """An edit as the server took it."""

    entry: Entry
    seq: int = 0
    report: Report | None = None


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


class Positions(msgspec.Struct, frozen=True):
    """Last-value state of the stream."""

    positions: dict[str, tuple[float, float, datetime]] = {}
    looking: dict[str, str | None] = {}


class Seq(msgspec.Struct, frozen=True):
    """The number the feed has reached."""

    seq: int


class GeoService(msgspec.Struct, frozen=True):
    """A service of GeoReport v2."""

    service_code: str | int | None = None
    service_name: str | None = None
    description: str | None = None
    group: str | None = None
    keywords: str | list[str] | None = None


class GeoRequest(msgspec.Struct, frozen=True):
    """A service request of GeoReport v2, as servers really send it: numbers as texts, lists for texts."""

    service_request_id: str | int | None = None
    token: str | int | None = None
    status: str | None = None
    status_notes: Any = None
    service_name: str | None = None
    service_code: str | int | None = None
    title: str | None = None
    """FixMyStreet: a heading; its description is then "title: detail"."""
    detail: str | None = None
    description: str | None = None
    agency_responsible: Any = None
    requested_datetime: str | None = None
    updated_datetime: str | None = None
    address: str | None = None
    address_string: str | None = None
    lat: str | float | None = None
    long: str | float | None = None
    media_url: Any = None
    service_notice: Any = None


class GeoFault(msgspec.Struct, frozen=True):
    """One error of GeoReport v2."""

    code: str | int = ""
    description: str = ""


# msgspec looks at a struct when it is first decoded, and two threads that do so at once end the process with a
# segmentation fault (0.22). A module is imported by one thread, so here it is safe, and later it is done.
for _struct in [each for each in vars().values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]:
    msgspec.json.Decoder(_struct)
