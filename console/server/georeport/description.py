"""The OpenAPI document of the citizens' side, in JSON: GeoReport v2 has no description for programs of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api_client.model import Datatype
from console.server.city.report_key import REPORT_KEY
from console.server.errors import ForbiddenRefusal, InProgressRefusal, NotFound
from console.server.http.openapi import Operation, Parameter, ResponseSpec, Schema, describe


class Endpoint(msgspec.Struct, frozen=True):
    """Where one version of a city's service is."""

    specification: str
    url: str
    changeset: str
    type: str
    formats: tuple[str, ...]


class Discovery(msgspec.Struct, frozen=True):
    """Whom to ask, and where the service is."""

    changeset: str
    contact: str
    key_service: str
    endpoints: tuple[Endpoint, ...]


class OfferedService(msgspec.Struct, frozen=True):
    """What can be reported; `metadata` says that the service asks questions."""

    service_code: str
    service_name: str
    description: str
    metadata: bool
    type: Literal["realtime"]
    keywords: str
    group: str


class Choice(msgspec.Struct, frozen=True):
    """One answer of a list."""

    key: str
    name: str


class Question(msgspec.Struct, frozen=True):
    """What a service asks; without `variable` it is a text to be read only."""

    variable: bool
    code: str
    datatype: Datatype
    required: bool
    datatype_description: str | None
    order: int
    description: str
    values: tuple[Choice, ...] = ()


class Definition(msgspec.Struct, frozen=True):
    """The questions of one service."""

    service_code: str
    attributes: tuple[Question, ...]


class ServiceRequest(msgspec.Struct, frozen=True):
    """A report as citizens may see it. `updated_datetime` of a closed one is when it was closed."""

    service_request_id: str
    status: Literal["open", "closed"]
    status_notes: str | None
    service_name: str | None
    service_code: str | None
    description: str | None
    agency_responsible: str | None
    service_notice: str | None
    requested_datetime: datetime
    updated_datetime: datetime
    expected_datetime: datetime | None
    address: str | None
    address_id: str | None
    zipcode: str | None
    lat: float | None
    long: float | None
    media_url: str | None


class Taken(msgspec.Struct, frozen=True):
    """A request that was taken."""

    service_request_id: str
    service_notice: str | None
    account_id: str | None


class Token(msgspec.Struct, frozen=True):
    """Which request bears a token."""

    service_request_id: str
    token: str


class Update(msgspec.Struct, frozen=True):
    """A reply, or a change of the status."""

    update_id: str
    service_request_id: str
    status: str
    updated_datetime: datetime
    description: str
    media_url: str


class UpdateTaken(msgspec.Struct, frozen=True):
    """An update that was taken."""

    update_id: str


class Fault(msgspec.Struct, frozen=True):
    """One reason of a refusal; `code` is the status."""

    code: int
    description: str


_WORDS: Schema = {
    "description": "A text; numbers, true and false are read as their texts, a list as several values.",
    "type": ["string", "number", "boolean", "null", "array"],
    "items": {"type": ["string", "number", "boolean", "null", "array"]},
}
_FORM = (
    "address_string",
    "address_id",
    "lat",
    "long",
    "description",
    "first_name",
    "last_name",
    "phone",
    "email",
    "account_id",
    "device_id",
    "media_url",
    "api_key",
    "jurisdiction_id",
)
_REQUEST: Schema = {
    "type": "object",
    "description": "lat and long, address_string or address_id has to be there.",
    "properties": {
        "service_code": _WORDS,
        "attribute": {"description": "The answers to the service's questions, by code."},
        **dict.fromkeys(_FORM, _WORDS),
    },
    "required": ["service_code"],
}
_UPDATE: Schema = {
    "type": "object",
    "properties": dict.fromkeys(
        ("service_request_id", "update_id", "status", "description", "updated_datetime", "api_key"), _WORDS
    ),
    "required": ["service_request_id", "update_id"],
}
_NONE: Schema = {"const": ""}
"""An argument that is empty counts as none at all."""
_DAY: Schema = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, _NONE]}
_WHOLE: Schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 999_999_999}, _NONE]}
_HALVES = Annotated[str, Meta(pattern="^((open|closed)(,(open|closed))*)?$")]
_KEY = Parameter(
    "Idempotency-Key",
    Annotated[str, Meta(pattern=f"^({REPORT_KEY})?$")],
    "A key of the sender's own, such as a UUID: sent again with it, the request is the same one.",
    place="header",
)
_LOCALE = Parameter(
    "locale",
    str,
    "The language of names, such as nl or fi_FI, before those of Accept-Language.",
)
_PAGE = (
    Parameter("page", _WHOLE, "Which page, from 1."),
    Parameter("page_size", _WHOLE, "How many in a page; 1,000 at most."),
    Parameter(
        "after",
        Annotated[str, Meta(pattern="^(-?[0-9]{1,18}-.{1,500})?$")],
        "Instead of page: the place that the Link of a full page gave (rel=next).",
    ),
)
_SPAN = (
    Parameter("start_date", _DAY, "Made at this time or later."),
    Parameter("end_date", _DAY, "Made at this time or before; 90 days after start_date at most."),
)


def description() -> Schema:
    """The document."""
    return describe(
        _table(),
        title="Open311 GeoReport v2",
        version="2",
        text="The citizens' side of the city, as http://wiki.open311.org/GeoReport_v2 has it. With .xml instead of "
        ".json, or without a suffix and by Accept, the same in XML; forms and multipart with photos (media) are taken "
        "as well as JSON.",
        server="/open311/v2",
        fault=list[Fault],
    )


def _table() -> list[Operation]:
    return [
        _row("GET", "/discovery.json", "discover", "Whom to ask, and where the service is", Discovery),
        _row(
            "GET", "/services.json", "listServices", "What can be reported", list[OfferedService], parameters=(_LOCALE,)
        ),
        _row(
            "GET",
            "/services/{service_code}.json",
            "readDefinition",
            "The questions of a service",
            Definition,
            parameters=(_LOCALE,),
            refusals=(NotFound,),
        ),
        _row(
            "GET",
            "/requests.json",
            "listRequests",
            "Requests, the newest first",
            list[ServiceRequest],
            parameters=(
                Parameter("service_request_id", str, "These only; several with commas."),
                Parameter("service_code", str, "Of these services only; several with commas."),
                Parameter("status", _HALVES, "open, closed, or both."),
                *_SPAN,
                Parameter("updated_after", _DAY, "Changed at this time or later."),
                Parameter("updated_before", _DAY, "Changed at this time or before."),
                Parameter("bbox", str, "With a place within these four degrees: west,south,east,north."),
                *_PAGE,
                _LOCALE,
            ),
        ),
        _row(
            "POST",
            "/requests.json",
            "postRequest",
            "Report something",
            list[Taken],
            status=201,
            takes=_REQUEST,
            parameters=(_KEY,),
            refusals=(ForbiddenRefusal, NotFound, InProgressRefusal),
            links={
                "read": {
                    "operationId": "readRequest",
                    "parameters": {"service_request_id": "$response.body#/0/service_request_id"},
                }
            },
        ),
        _row(
            "GET",
            "/requests/{service_request_id}.json",
            "readRequest",
            "One request",
            list[ServiceRequest],
            parameters=(_LOCALE,),
            refusals=(NotFound,),
        ),
        _row("GET", "/tokens/{token}.json", "readToken", "The request of a token", list[Token], refusals=(NotFound,)),
        _row(
            "GET",
            "/servicerequestupdates.json",
            "listUpdates",
            "Replies and changes of the status, the oldest first",
            list[Update],
            parameters=(*_SPAN, *_PAGE),
        ),
        _row(
            "POST",
            "/servicerequestupdates.json",
            "postUpdate",
            "Add something to a request, once for each update_id",
            list[UpdateTaken],
            takes=_UPDATE,
            refusals=(ForbiddenRefusal, NotFound, InProgressRefusal),
        ),
    ]


def _row(method: str, path: str, name: str, summary: str, body: Any, *, status: int = 200, **more: Any) -> Operation:
    answers = {status: ResponseSpec("As asked.", body)}
    return Operation(method, path, name, summary, None, answers, role="everybody.", public=True, **more)
