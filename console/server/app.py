"""The web application of one city: the addresses of the Dispatch API and what answers at each."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import msgspec
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route

from console.domain.edit import Kind
from console.domain.status import RULES
from console.server import feed
from console.server.asking import (
    SMALL_BODY,
    Ask,
    Gate,
    Marked,
    check_local,
    database_response,
    defect_response,
    http_error_response,
    json_response,
    refusal_response,
)
from console.server.city import City
from console.server.edits import NEEDS_VERSION, EditBody
from console.server.georeport import GeoReport
from console.server.ledger import Ledger
from console.server.media import MOST_BYTES, MediaStore, Part
from console.server.payloads import Lat, Lon
from console.server.refusals import Forbidden, Invalid, NotFound, Precondition, Refusal
from console.server.rights import check_scope, check_unit, may_see_contacts
from console.server.stream import BEAT_S, Hub
from console.server.users import Users

_POSITION_ROLES = frozenset({"field", "operator", "supervisor"})
_MEDIA_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=31536000, immutable",
}


class Looking(msgspec.Struct, frozen=True):
    """Which report a user looks at."""

    report: str | None


class Position(msgspec.Struct, frozen=True):
    """Where a unit is."""

    lat: Lat
    lon: Lon
    at: Annotated[datetime, msgspec.Meta(tz=True)]


def make_app(city: City, media: Path, users: Users | None = None, *, beat_s: float = BEAT_S) -> Starlette:
    """The application of a city whose schema is there. Without `users` everybody is the supervisor "local".

    `app.state.hub` is the hub of its streams: closing it lets them end.
    """
    hub = Hub(city, beat_s=beat_s)
    gate = Gate(users)
    store = MediaStore(media)
    dispatch = Dispatch(city, gate, store, hub)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        hub.start()
        yield
        await hub.stop()

    app = Starlette(
        routes=[
            Mount("/dispatch/v1", routes=dispatch.routes()),
            Mount("/open311/v2", routes=GeoReport(city, gate, store).routes()),
        ],
        middleware=[Middleware(Marked, city.epoch)],
        exception_handlers={
            Refusal: refusal_response,
            HTTPException: http_error_response,
            DBAPIError: database_response,
            Exception: defect_response,
        },
        lifespan=lifespan,
    )
    app.state.hub = hub
    return app


class Dispatch:
    """What answers under /dispatch/v1."""

    def __init__(self, city: City, gate: Gate, media: MediaStore, hub: Hub) -> None:
        self._city = city
        self._gate = gate
        self._media = media
        self._hub = hub

    def routes(self) -> list[BaseRoute]:
        """The addresses. A report's id may hold slashes, so the longer addresses stand first."""
        end = self._gate.endpoint
        return [
            Route("/", end(self._root, public=True)),
            Route("/changes", end(self._changes)),
            Route("/snapshot", end(self._snapshot)),
            Route("/stream", self._stream),
            Route("/stats", end(self._stats, public=True)),
            Route("/statuses", end(self._statuses)),
            Route("/me", end(self._me)),
            Route("/presence", end(self._presence, most=SMALL_BODY), methods=["PUT"]),
            Route("/media/{sha256}", end(self._put_media, most=MOST_BYTES), methods=["PUT"]),
            Route("/media/{sha256}", end(self._get_media)),
            Route("/units/{unit:path}/position", end(self._position, most=SMALL_BODY), methods=["PUT"]),
            Route("/units/{unit:path}/edits", end(self._edit_unit, most=SMALL_BODY), methods=["POST"]),
            Route("/reports", end(self._create, most=SMALL_BODY), methods=["POST"]),
            Route("/reports/{report:path}/edits", end(self._edit_report, most=SMALL_BODY), methods=["POST"]),
            Route("/reports/{report:path}/entries", end(self._entries)),
            Route("/reports/{report:path}/contact", end(self._contact)),
            Route("/reports/{report:path}", end(self._report)),
        ]

    def _root(self, _: Ask) -> Response:
        stats = self._city.stats()
        return json_response({"name": "sigap", "version": _version(), "epoch": stats.epoch, "city": stats.city})

    def _changes(self, ask: Ask) -> Response:
        page = self._city.changes(ask.number("after", 0), ask.number("limit", feed.MOST))
        return json_response(page)

    def _snapshot(self, ask: Ask) -> Response:
        page = self._city.snapshot(ask.request.query_params.get("after_key"), ask.number("limit", feed.MOST))
        return json_response(page)

    async def _stream(self, request: Request) -> Response:
        actor = await run_in_threadpool(self._gate.actor, request)
        if actor.tokenless:
            check_local(request)
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(self._hub.events(), headers=headers, media_type="text/event-stream")

    def _stats(self, _: Ask) -> Response:
        return json_response(self._city.stats())

    def _statuses(self, _: Ask) -> Response:
        return json_response(
            [
                {
                    "key": rule.status,
                    "letter": rule.letter,
                    "label": rule.label,
                    "is_open": rule.is_open,
                    "may_become": rule.may_become,
                }
                for rule in RULES
            ]
        )

    def _me(self, ask: Ask) -> Response:
        actor = ask.actor
        return json_response({"name": actor.name, "role": actor.role, "agencies": actor.agencies, "areas": actor.areas})

    def _presence(self, ask: Ask) -> Response:
        self._city.presence.look(ask.actor.name, ask.json(Looking).report, self._city.clock())
        return Response(status_code=204)

    def _position(self, ask: Ask) -> Response:
        if ask.actor.role not in _POSITION_ROLES:
            raise Forbidden(f"The role {ask.actor.role} may not move units.")
        place = ask.json(Position)
        with self._city.database.read() as connection:
            unit = Ledger(self._city.database, connection, self._city.clock()).unit(ask.path("unit"))
        if unit is None:
            raise NotFound(f"There is no unit {ask.path('unit')}.")
        check_unit(ask.actor, unit)
        at = min(place.at, self._city.clock())
        self._city.presence.put_position(unit.id, place.lat, place.lon, at)
        return Response(status_code=204)

    def _put_media(self, ask: Ask) -> Response:
        if ask.actor.role == "viewer":
            raise Forbidden("The role viewer may not send photos.")
        header = ask.request.headers.get("content-range")
        have = self._media.put(ask.path("sha256"), ask.body, Part(header) if header is not None else None)
        if have is None:
            return json_response({"sha256": ask.path("sha256")}, 201)
        headers = {"Range": f"bytes=0-{have - 1}"} if have else {}
        return json_response({"received": have}, 308, headers)

    def _get_media(self, ask: Ask) -> Response:
        path, kind = self._media.find(ask.path("sha256"))
        return FileResponse(path, headers=_MEDIA_HEADERS, media_type=kind)

    def _create(self, ask: Ask) -> Response:
        edit = _edit_of(ask)
        if edit.kind is not Kind.CREATE:
            raise Invalid("Here only new reports are made; other edits go to the report.")
        return self._apply(ask, edit, None)

    def _edit_report(self, ask: Ask) -> Response:
        edit = _edit_of(ask)
        if edit.kind is Kind.UNIT_STATE or (edit.kind is Kind.CREATE and edit.undoes is None):
            raise Invalid(f"A {edit.kind.value} does not go to a report.")
        return self._apply(ask, edit, ask.path("report"))

    def _edit_unit(self, ask: Ask) -> Response:
        edit = _edit_of(ask)
        if edit.kind is not Kind.UNIT_STATE:
            raise Invalid("To a unit goes its own state only; orders go to the report.")
        if edit.data.setdefault("unit", ask.path("unit")) != ask.path("unit"):
            raise Invalid("The edit names another unit than its address.")
        return self._apply(ask, edit, None)

    def _apply(self, ask: Ask, edit: EditBody, report: str | None) -> Response:
        if_match = _if_match(ask.request.headers.get("if-match"))
        if if_match is None and edit.kind in NEEDS_VERSION and edit.undoes is None:
            raise Precondition("This edit needs If-Match: the version of the report that the operator saw.")
        applied = self._city.apply(edit, report=report, actor=ask.actor, if_match=if_match)
        headers = {"Idempotent-Replay": "true"} if applied.replayed else {}
        return Response(applied.body, applied.status, headers, "application/json")

    def _report(self, ask: Ask) -> Response:
        report = self._city.report(ask.path("report"))
        return json_response(report, headers={"ETag": f'"{report.version}"'})

    def _entries(self, ask: Ask) -> Response:
        report = self._city.report(ask.path("report"))
        return json_response(self._city.entries(report.id))

    def _contact(self, ask: Ask) -> Response:
        report = self._city.report(ask.path("report"))
        with self._city.database.read() as connection:
            ledger = Ledger(self._city.database, connection, self._city.clock())
            if not may_see_contacts(ledger, ask.actor, report):
                check_scope(ledger, ask.actor, report)
                raise Forbidden(f"The role {ask.actor.role} may not see who reported it.")
        return json_response(self._city.contact(report.id, ask.actor.name))


def _edit_of(ask: Ask) -> EditBody:
    """The edit of a request, whose id has to be its idempotency key."""
    edit = ask.json(EditBody)
    key = ask.request.headers.get("idempotency-key")
    if key is None:
        raise Precondition("An edit needs the header Idempotency-Key: the edit's id.")
    if key != edit.id:
        raise Invalid("Idempotency-Key is not the edit's id.")
    return edit


def _if_match(header: str | None) -> int | None:
    if header is None:
        return None
    text = header.strip().strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid('If-Match has to be a version, such as "7".')
    return int(text)


def _version() -> str:
    try:
        return version("sigap")
    except PackageNotFoundError:
        return "0"
