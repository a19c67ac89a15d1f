"""The citizens' side: Open311 GeoReport v2 over the same reports, in JSON."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message

from console.domain.edit import Kind
from console.domain.report import Entry, PhotoRole, Report, Service
from console.domain.sla import due_next
from console.domain.status import is_open
from console.server import schema
from console.server.asking import SMALL_BODY, Ask, Gate, check_local, json_response, read_body
from console.server.city import City
from console.server.edits import EditBody
from console.server.media import MOST_BYTES, MediaStore, content_type
from console.server.records import Actor
from console.server.refusals import Invalid, Refusal

_CITIZEN = Actor("citizen", "citizen", via="open311")
_PAGE = 100
_MOST = 1000
_MOST_FIELDS = 60
_CONTACT = ("first_name", "last_name", "phone", "email")


class GeoReport:
    """What answers under /open311/v2. Reading is public, as GeoReport means it; nothing personal is in it."""

    def __init__(self, city: City, gate: Gate, media: MediaStore) -> None:
        self._city = city
        self._gate = gate
        self._media = media

    def routes(self) -> list[BaseRoute]:
        """The addresses."""

        def public(work: Any) -> Any:
            return self._gate.endpoint(lambda ask: _in_its_words(work, ask), public=True)

        return [
            Route("/discovery.json", public(self._discovery)),
            Route("/services.json", public(self._services)),
            Route("/services/{code:path}.json", public(self._definition)),
            Route("/requests.json", public(self._requests)),
            Route("/requests.json", self._post, methods=["POST"]),
            Route("/requests/{report:path}.json", public(self._request)),
            Route("/tokens/{token:path}.json", public(self._token)),
        ]

    def _discovery(self, ask: Ask) -> Response:
        url = str(ask.request.url).removesuffix("/discovery.json")
        return json_response(
            {
                "changeset": self._city.clock(),
                "contact": self._city.name,
                "key_service": "",
                "endpoints": [
                    {
                        "specification": "http://wiki.open311.org/GeoReport_v2",
                        "url": url,
                        "changeset": self._city.clock(),
                        "type": "production",
                        "formats": ["application/json"],
                    }
                ],
            }
        )

    def _services(self, _: Ask) -> Response:
        return json_response(
            [
                {
                    "service_code": service.code,
                    "service_name": service.name,
                    "description": service.name,
                    "metadata": False,
                    "type": "realtime",
                    "keywords": service.keywords,
                    "group": service.group,
                }
                for service in self._city.services()
            ]
        )

    def _definition(self, ask: Ask) -> Response:
        code = ask.path("code")
        if all(service.code != code for service in self._city.services()):
            raise _no("service", code)
        return json_response({"service_code": code, "attributes": []})

    def _requests(self, ask: Ask) -> Response:
        query = ask.request.query_params
        table = schema.reports
        wanted = sa.select(table.c.body)
        if ids := query.get("service_request_id"):
            wanted = wanted.where(table.c.id.in_(ids.split(",")[:_MOST]))
        if codes := query.get("service_code"):
            wanted = wanted.where(table.c.service.in_(codes.split(",")[:_MOST]))
        if status := query.get("status"):
            halves = [int(word == "closed") for word in status.split(",") if word in ("open", "closed")]
            wanted = wanted.where(table.c.closed.in_(halves))
        for name, column, later in (
            ("start_date", table.c.created, True),
            ("end_date", table.c.created, False),
            ("updated_after", table.c.updated, True),
            ("updated_before", table.c.updated, False),
        ):
            if text := query.get(name):
                limit = schema.micros(_time(name, text))
                wanted = wanted.where(column >= limit if later else column <= limit)
        size = max(1, min(ask.number("page_size", _PAGE), _MOST))
        page = max(1, min(ask.number("page", 1), 1_000_000))
        order = wanted.order_by(table.c.created.desc(), table.c.id.desc())
        return json_response(self._answer(order.limit(size).offset((page - 1) * size)))

    def _request(self, ask: Ask) -> Response:
        table = schema.reports
        found = self._answer(sa.select(table.c.body).where(table.c.id == ask.path("report")))
        if not found:
            raise _no("request", ask.path("report"))
        return json_response(found)

    def _token(self, ask: Ask) -> Response:
        token = ask.path("token")
        self._city.report(token)
        return json_response([{"service_request_id": token, "token": token}])

    async def _post(self, request: Request) -> Response:
        try:
            body = await read_body(request, MOST_BYTES + SMALL_BODY)
            fields, photos = await _form(request, body)
            return await run_in_threadpool(self._create, request, fields, photos)
        except Refusal as refusal:
            return _fault(refusal)

    def _create(self, request: Request, fields: Mapping[str, str], photos: list[bytes]) -> Response:
        actor = self._gate.actor_of(fields.get("api_key"))
        if actor.tokenless:
            check_local(request)
        if not fields.get("service_code"):
            raise Refusal("service_code is missing.")
        address = fields.get("address_string", "")
        if not address and not (fields.get("lat") and fields.get("long")):
            raise Refusal("A request needs lat and long, or address_string.")
        data: dict[str, Any] = {
            "service": fields["service_code"],
            "description": fields.get("description", ""),
            "address": address,
            "channel": "open311",
        }
        if fields.get("lat") and fields.get("long"):
            data |= {"lat": _degrees(fields["lat"]), "lon": _degrees(fields["long"])}
        if contact := _contact(fields):
            data["contact"] = contact
        edit = EditBody(str(uuid.uuid4()), Kind.CREATE, data=data)
        made = self._city.apply(edit, actor=_CITIZEN).answer.report
        if made is None:
            raise Refusal("The request was not taken.")
        for photo in photos:
            self._add_photo(made.id, photo)
        answer = [{"service_request_id": made.id, "service_notice": None, "account_id": None}]
        return json_response(answer, 201)

    def _add_photo(self, report: str, content: bytes) -> None:
        if not content_type(content[:16]).startswith("image/"):
            raise Refusal(f"The request was taken as {report}, but its media is no JPEG, PNG or WebP.")
        sha256 = hashlib.sha256(content).hexdigest()
        self._media.put(sha256, content, None)
        data = {"sha256": sha256, "role": PhotoRole.REPORT.value, "size": len(content)}
        self._city.apply(EditBody(str(uuid.uuid4()), Kind.PHOTO, data=data), report=report, actor=_CITIZEN)

    def _answer(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self._city.database.read() as connection:
            reports = [msgspec.json.decode(body, type=Report) for body in connection.execute(query).scalars()]
            notes = _replies(connection, {report.merged_into or report.id for report in reports})
            table = schema.services
            bodies = connection.execute(sa.select(table.c.body)).scalars()
            services = {s.code: s for s in (msgspec.json.decode(body, type=Service) for body in bodies)}
        return [_as_request(report, services, notes) for report in reports]


def _as_request(report: Report, services: Mapping[str, Service], notes: Mapping[str, str]) -> dict[str, Any]:
    service = services.get(report.service or "")
    clock = due_next([clock for clock in report.clocks if clock.name == "finish"])
    note = notes.get(report.merged_into or report.id)
    return {
        "service_request_id": report.id,
        "status": "open" if is_open(report.status) else "closed",
        "status_notes": note,
        "service_name": service.name if service is not None else None,
        "service_code": report.service,
        "description": report.description,
        "agency_responsible": report.agency,
        "service_notice": None,
        "requested_datetime": report.created,
        "updated_datetime": report.updated,
        "expected_datetime": clock.due if clock is not None else None,
        "address": report.address,
        "address_id": None,
        "zipcode": None,
        "lat": report.lat,
        "long": report.lon,
        "media_url": next((photo.url for photo in report.photos if photo.url), None),
    }


def _replies(connection: sa.Connection, reports: set[str]) -> dict[str, str]:
    """The newest reply of each report: the only words of ours that a citizen reads."""
    table = schema.entries
    query = sa.select(table.c.body).where(table.c.report.in_(reports)).order_by(table.c.at, table.c.seq)
    newest: dict[str, str] = {}
    for body in connection.execute(query).scalars():
        entry = msgspec.json.decode(body, type=Entry)
        if entry.kind == Kind.REPLY and entry.undone_by is None and entry.report is not None:
            newest[entry.report] = entry.text
    return newest


async def _form(request: Request, body: bytes) -> tuple[dict[str, str], list[bytes]]:
    """The fields and photos of a POST: a form, with or without files, or JSON."""
    if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        plain = Ask(_CITIZEN, request, body).json(dict[str, Any])
        return {key: str(value) for key, value in plain.items() if isinstance(value, str | int | float)}, []

    async def replay() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": body, "more_body": False}

    again = Request(request.scope, replay)
    try:
        async with again.form(max_files=5, max_fields=_MOST_FIELDS, max_part_size=SMALL_BODY) as form:
            fields = {key: value for key, value in form.items() if isinstance(value, str)}
            photos = [await value.read() for _, value in form.multi_items() if isinstance(value, UploadFile)]
    except (HTTPException, UnicodeDecodeError) as fault:
        raise Refusal("The form cannot be read.") from fault
    return fields, photos


def _contact(fields: Mapping[str, str]) -> dict[str, str]:
    if not any(fields.get(name) for name in _CONTACT):
        return {}
    name = f"{fields.get('first_name', '')} {fields.get('last_name', '')}".strip()
    return {"name": name[:200], "phone": fields.get("phone", "")[:60], "email": fields.get("email", "")[:200]}


def _degrees(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Invalid(f"“{text[:40]}” is no number of degrees.") from None


def _time(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"“{name}” has to be a time, such as 2026-11-24T00:00:00Z.") from None
    return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _no(kind: str, key: str) -> Refusal:
    refusal = Refusal(f"There is no {kind} {key[:100]}.")
    refusal.status = 404
    return refusal


def _in_its_words(work: Any, ask: Ask) -> Response:
    try:
        answer: Response = work(ask)
    except Refusal as refusal:
        return _fault(refusal)
    return answer


def _fault(refusal: Refusal) -> Response:
    """GeoReport's form of an error."""
    status = 400 if refusal.status == 422 else 403 if refusal.status == 401 else refusal.status
    return json_response([{"code": status, "description": refusal.message}], status)
