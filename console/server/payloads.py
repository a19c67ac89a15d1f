"""What each kind of edit may carry: the body of a request, checked before anything is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api_client.model import AssignmentState, Kind, PhotoRole, Status, UnitState, WaitsFor
from console.domain.decoding import convert
from console.domain.typed import cleaned
from console.server.dates import Dated
from console.server.refusals import Invalid

T = TypeVar("T")
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


class About(msgspec.Struct, frozen=True):
    """When the reports were created that the operator saw: the edit's own, and the one it merges it `into`.

    `made_here`: the edit's own was created by the same console, which knows no more than that it is not older here.
    `instead_of`: the keys under which the same new report may have been sent before, by whoever took it down.
    `since` and `shown`: of a report that was changed after version `since` nothing was seen but these fields, each at
    that version, as a conflict told of them. If-Match says the version of that conflict.
    """

    created: Annotated[datetime, Meta(tz=True)] | None = None
    into: Annotated[datetime, Meta(tz=True)] | None = None
    made_here: bool = False
    instead_of: Annotated[tuple[EditKey, ...], Meta(max_length=20)] = ()
    since: Version | None = None
    shown: Annotated[dict[Word, Version], Meta(max_length=20)] = {}


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

    `attributes` are kept as they are. `answers` are what somebody said to the questions that his page asked of him:
    those that fit what the service asks become attributes, of the others and the missing ones a remark tells.
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
    reason: Text = ""


class Words(msgspec.Struct, frozen=True):
    """A note or a reply."""

    text: Annotated[str, Meta(min_length=1, max_length=20_000)]


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


class Crew(msgspec.Struct, frozen=True):
    """A unit to reserve, send or call back."""

    unit: Key
    stack: bool = False
    reason: Text = ""


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


PAYLOADS: dict[Kind, type[msgspec.Struct]] = {
    Kind.CREATE: Create,
    Kind.SET: Set,
    Kind.NOTE: Words,
    Kind.REPLY: Words,
    Kind.PHOTO: NewPhoto,
    Kind.ME_TOO: MeToo,
    Kind.CLAIM: Nothing,
    Kind.RELEASE: Nothing,
    Kind.ASSIGN: Crew,
    Kind.DISPATCH: Crew,
    Kind.RECALL: Crew,
    Kind.PROGRESS: Step,
    Kind.UNIT_STATE: OwnState,
    Kind.VALIDATE: Verdict,
    Kind.CLOSE: Closing,
    Kind.REOPEN: Reason,
    Kind.MERGE: Into,
    Kind.UNMERGE: Nothing,
}

_NAMES_PEOPLE = frozenset({"contact"})


def payload_of(edit: EditBody, kind: type[T]) -> T:
    """The payload of an edit, its texts cleaned; Invalid, in plain words, when it is not what the kind carries."""
    try:
        try:
            payload = convert(edit.data, kind)
        except msgspec.ValidationError:
            payload = convert(as_whole(msgspec.json.encode(edit.data)), kind)
        # Only now: a key with a control character is refused and does not become another key.
        given = msgspec.to_builtins(payload)
        clean = cleaned(given)
        # protects: texts-are-cleaned
        return payload if clean == given else convert(clean, kind)
    except RecursionError as fault:
        raise Invalid("The data is nested too deeply.") from fault
    except msgspec.ValidationError as fault:
        raise Invalid(f"{_why_not(kind, as_whole(msgspec.json.encode(edit.data)))}.") from fault


def _why_not(kind: type, data: dict[str, Any]) -> str:
    """Which field of it does not fit, and why."""
    for field in msgspec.structs.fields(kind):
        name = field.encode_name.replace("_", " ")
        if field.encode_name in data:
            value = data[field.encode_name]
            try:
                convert(value, field.type)
            except msgspec.ValidationError:
                return _why_not_value(name, field.type, value)
        elif field.required:
            return f"The {name} is missing"
    return "Something in it does not fit"


def _why_not_value(name: str, wanted: Any, value: Any) -> str:
    info = msgspec.inspect.type_info(wanted)
    for one in info.types if isinstance(info, msgspec.inspect.UnionType) else (info,):
        if isinstance(one, msgspec.inspect.StructType) and isinstance(value, dict):
            return _why_not(one.cls, value)
        if isinstance(one, msgspec.inspect.StrType) and isinstance(value, str):
            if one.max_length is not None and len(value) > one.max_length:
                return f"The {name} is too long ({one.max_length:,} letters at most)"
            if len(value) < (one.min_length or 0):
                return f"The {name} is empty"
    return f"The {name} does not fit"


def as_whole(body: bytes) -> Any:
    """JSON whose numbers without a fraction are whole ones: 1.0 is an integer to JSON Schema, not to msgspec.

    Raises ValueError when it is no JSON, RecursionError when it is nested too deeply.
    """
    value = json.loads(body, parse_float=_number, parse_constant=_no_number)
    json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair, which Python's reader lets through
    return value


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


def _no_number(text: str) -> float:
    # NaN and Infinity are words of Python, not of JSON.
    raise ValueError(f"{text} is no JSON")


def dates_of(edit: EditBody) -> Iterator[Dated]:
    """Every time that is kept of an edit. Raises Invalid when its data is not what the kind carries."""
    if edit.occurred_at is not None:
        yield Dated("time at which it was done", edit.occurred_at)
    if edit.undoes is not None:
        return
    if edit.kind is Kind.CREATE and (created := payload_of(edit, Create).created) is not None:
        yield Dated("time of the report", created)
    if edit.kind is Kind.PHOTO and (taken := payload_of(edit, NewPhoto).taken) is not None:
        yield Dated("time at which the photo was taken", taken)
    if edit.kind is Kind.SET:
        hold = payload_of(edit, Set).hold
        if isinstance(hold, NewHold) and hold.until is not None:
            yield Dated("end of the pause", hold.until, planned=True)


def kept_data(edit: EditBody) -> dict[str, Any]:
    """The payload as the history keeps it: checked values only, without personal data."""
    checked = msgspec.to_builtins(payload_of(edit, PAYLOADS[edit.kind]))
    return {name: value for name, value in checked.items() if name in edit.data and name not in _NAMES_PEOPLE}
