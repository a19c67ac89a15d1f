"""What the citizens' pages ask of the server: its words and borders, the public map, a new report, how one goes on.

Everything here is public: answers hold nothing personal, and what a reporter alone may do needs the key that his
device chose when it sent the report.
"""

from __future__ import annotations

import math
import threading
import time
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api_client.decoding import decode
from api_client.model import Area, EditBody, Entry, Key, Kind, Lat, Line, Lon, Metres, Report, Status
from console.city_map.messages import NEAR_NUMBER_M, AddressFound, Exactness, Find, LatLon, Nearest, PlacesFound
from console.rules import rights
from console.rules.sla import due_next
from console.rules.status import is_open
from console.server.city import schema
from console.server.city.city import City, no_such_report
from console.server.city.media import MediaStore
from console.server.city.moderation import are_words_public, public_roles
from console.server.city.photo_process import PhotoProcess
from console.server.city.public_replies import public_reply
from console.server.city.public_reports import take_photo, take_report
from console.server.city.records import Actor
from console.server.city.redaction import PublicTexts, mask_personal
from console.server.city.report_key import REPORT_KEY, is_report_key, reporter_id
from console.server.errors import ForbiddenRefusal, Invalid, NotFound
from console.server.http.endpoint import HttpEndpoint, Pool, RequestContext, check_local, json_response
from console.server.pages.assets import Packed, pack
from console.server.pages.dots import Dots, Wanted
from console.server.pages.jobs import area_words
from console.server.pages.photos import PublicPhotos
from console.server.pages.place_search import PlaceSearch

CITIZEN = Actor(rights.CITIZEN, rights.CITIZEN, via="page")
MOST_PHOTOS = 3
REOPEN_FOR = timedelta(days=30)
"""How long after closing the reporter may say that it is not solved."""

_REPORT_BODY = 40_000
_REPORT_KEY = "sigap-report-key"
"""The header by which the device that sent a report says so."""
_PHOTO_BODY = 5_000_000
_KEPT_S = 60.0
_LONGEST_SEARCH = 200
_POLE = 90.0
_MOST_AREAS = 600
_GRID = 3_000
"""Borders are drawn on a grid of so many steps across the city."""


Secret = Annotated[str, Meta(pattern=rf"^{REPORT_KEY}\Z")]
Word = Annotated[str, Meta(max_length=200)]


class NewReport(msgspec.Struct, frozen=True):
    """A citizen's report; `key` is chosen by his device and is both idempotency key and proof of being the reporter.

    `within_m` is how far off the device says that its position may be, in metres; 0 of a point that he chose himself.
    """

    key: Secret
    service: Key
    description: Annotated[str, Meta(max_length=5_000)] = ""
    address: Line = ""
    lat: Lat | None = None
    lon: Lon | None = None
    within_m: Metres = 0.0
    name: Word = ""
    phone: Annotated[str, Meta(max_length=60)] = ""
    email: Word = ""
    attributes: dict[Word, tuple[Annotated[str, Meta(max_length=2_000)], ...]] = {}


class PublicMeToo(msgspec.Struct, frozen=True):
    """Another one who sees the same; `key` is the same for each try of one device."""

    key: Secret


class NotSolved(msgspec.Struct, frozen=True):
    """The reporter is not satisfied; `report_key` is the key that his report was sent with."""

    key: Secret
    report_key: Secret
    text: Annotated[str, Meta(max_length=2_000)] = ""


class PublicHistoryLine(msgspec.Struct, frozen=True):
    """A public line of a report's history: created, status (with the new one) or reply (with its text)."""

    kind: str
    at: datetime
    status: str | None = None
    text: str = ""


class PublicReport(msgspec.Struct, frozen=True):
    """A report as everybody may see it. `photos` are [role, address]; `own_word` is the city's word for the status.
    `words` says of what the reporter wrote and showed: shown, waiting (an official looks at it first) or withheld.
    """

    number: str
    status: str
    own_word: str | None
    service: str | None
    description: str
    address: str
    area: str | None
    lat: float | None
    lon: float | None
    created: datetime
    updated: datetime
    expected: datetime | None
    closed_at: datetime | None
    reason: str
    joined: str | None
    me_too: int
    may_reopen: bool
    photos: list[tuple[str, str]]
    history: list[PublicHistoryLine]
    words: str


class PublicPlace(msgspec.Struct, frozen=True):
    """A place that may be meant: `label` is its name and number, `area` where it lies, `left_out` what of the words no
    map knows. What is meant lies within `within_m` metres.
    """

    label: str
    area: str
    lat: float
    lon: float
    exactness: Exactness
    within_m: float
    left_out: tuple[str, ...]


class PublicAddress(msgspec.Struct, frozen=True):
    """What a point is called; each part "" where it is not known. `near` is a house number close by."""

    street: str
    near: str
    area: str


class Citizens:
    """What answers under /public/v1."""

    def __init__(self, city: City, http_endpoint: HttpEndpoint, media: MediaStore, place_search: PlaceSearch) -> None:
        self._city = city
        self._place_search = place_search
        self._http_endpoint = http_endpoint
        self._media = media
        self._photos = PublicPhotos(media, PhotoProcess())
        self._dots = Dots(city)
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Packed]] = {}

    def routes(self) -> list[BaseRoute]:
        """The addresses. A report's id may hold slashes, so the longer addresses stand first."""

        def end(work: Any, most: int = 0, pool: Pool | None = None) -> Any:
            return self._http_endpoint.endpoint(work, most=most, public=True, pool=pool)

        report = "/reports/{report:path}"
        return [
            Route("/city", end(self._words)),
            Route("/areas", end(self._areas)),
            Route("/map", end(self._map)),
            # protects: search-waits-apart
            Route("/places", end(self._places, pool=Pool.PUBLIC_PLACES)),
            Route("/address", end(self._address, pool=Pool.PUBLIC_PLACES)),
            Route("/reports", end(self._create, _REPORT_BODY), methods=["POST"]),
            Route(
                report + "/photos/{number:int}", end(self._add_photo, _PHOTO_BODY, Pool.PUBLIC_PHOTO), methods=["PUT"]
            ),
            Route(report + "/photos/{sha256}", end(self._photo, pool=Pool.PUBLIC_PHOTO)),
            Route(report + "/me-too", end(self._me_too, _REPORT_BODY), methods=["POST"]),
            Route(report + "/not-solved", end(self._not_solved, _REPORT_BODY), methods=["POST"]),
            Route(report, end(self._follow)),
        ]

    # The city

    def _words(self, context: RequestContext) -> Response:
        return self._remember("city", self._make_words).answer(context.request)

    def _make_words(self) -> bytes:
        stats = self._city.stats()
        services = [
            {"code": one.code, "name": one.name, "group": one.group, "glyph": one.glyph, "keywords": one.keywords}
            for one in self._city.offered_services()
        ]
        return msgspec.json.encode({"city": stats.city, "services": services})

    def _areas(self, context: RequestContext) -> Response:
        return self._remember("areas", lambda: _borders(self._city.areas())).answer(context.request)

    def _remember(self, name: str, make: Any) -> Packed:
        """What is the same for everybody is made once a minute."""
        with self._lock:
            at, packed = self._kept.get(name, (-math.inf, None))
            if packed is None or time.monotonic() - at > _KEPT_S:
                packed = pack(make(), "application/json")
                self._kept[name] = (time.monotonic(), packed)
            return packed

    def _map(self, context: RequestContext) -> Response:
        _, view = self._dots.view(_wanted(context.request))
        headers = {"Cache-Control": "public, max-age=3"}
        return pack(msgspec.json.encode(view), "application/json").answer(context.request, headers=headers)

    # Places

    def _places(self, context: RequestContext) -> Response:
        """The places that `text` may mean, likeliest first; of those alike the nearer to `near`."""
        self._http_endpoint.count_search(context.request)
        query = context.request.query_params
        text = query.get("text", "")
        # protects: search-of-a-few-words
        if len(text) > _LONGEST_SEARCH:
            raise Invalid(f"A place is looked for by {_LONGEST_SEARCH} letters at most.")
        near = _place_of(query["near"]) if "near" in query else None
        answer = self._place_search.ask(Find(" ".join(text.split()), near))
        found = answer.places if isinstance(answer, PlacesFound) else ()
        areas = self._areas_of([(one.lat, one.lon) for one in found])
        places = [
            PublicPlace(
                label=f"{one.name} {one.number}".strip(),
                area=area if one.exactness != "area" and area else one.area,
                lat=one.lat,
                lon=one.lon,
                exactness=one.exactness,
                within_m=one.within_m,
                left_out=one.left_out,
            )
            for one, area in zip(found, areas, strict=True)
        ]
        return json_response({"places": places})

    def _address(self, context: RequestContext) -> Response:
        """What the point `at` is called."""
        self._http_endpoint.count_search(context.request)
        at = _place_of(context.request.query_params.get("at", ""))
        answer = self._place_search.ask(Nearest(at))
        found = answer.address if isinstance(answer, AddressFound) else None
        own = self._areas_of([at])[0]
        if found is None:
            return json_response(PublicAddress("", "", own))
        near = found.number if found.number_distance_m <= NEAR_NUMBER_M else ""
        return json_response(PublicAddress(found.street, near, own or found.area))

    def _areas_of(self, places: list[LatLon]) -> list[str]:
        """The city's own area around each place, with the one that it lies in; "" outside of all."""
        at = [self._city.area_at(*place) for place in places]
        with self._city.database.read() as connection:
            words = area_words(connection, {one[0] for one in at if one is not None})
        return [words.get(one[0], "") if one is not None else "" for one in at]

    # A new report

    def _create(self, context: RequestContext) -> Response:
        self._check_own_page(context.request)
        new = context.json(NewReport)
        if (new.lat is None) != (new.lon is None):
            raise Invalid("A place needs both a latitude and a longitude.")
        if new.lat is None and not new.address.strip():
            raise Invalid("A report needs a place: a point on the map or an address.")
        data: dict[str, Any] = {
            "service": new.service,
            "description": new.description,
            "address": new.address,
            "channel": "web",
            # The page may not have reached the server when it wanted to ask, or something else is asked by now.
            "answers": {code: list(values) for code, values in new.attributes.items()},
        }
        if new.lat is not None:
            data |= {"lat": new.lat, "lon": new.lon}
            if new.within_m:  # a report that was sent before, by a page that said nothing of it, is the same
                data["within_m"] = new.within_m
        if new.name or new.phone or new.email:
            data["contact"] = {"name": new.name, "phone": new.phone, "email": new.email}
        return json_response({"number": take_report(self._city, CITIZEN, new.key, data).id}, 201)

    def _add_photo(self, context: RequestContext) -> Response:
        self._check_own_page(context.request)
        number = context.request.path_params["number"]
        if not 1 <= number <= MOST_PHOTOS:
            raise Invalid(f"A report takes {MOST_PHOTOS} photos.")
        key = context.request.headers.get("idempotency-key", "")
        report = self._report(context, key)
        self._check_reporter(report, key)
        sha256 = take_photo(self._city, self._media, CITIZEN, report.id, key, number, context.body)
        return json_response({"sha256": sha256}, 201)

    def _me_too(self, context: RequestContext) -> Response:
        self._check_own_page(context.request)
        report = self._report(context)
        if not is_open(report.status):
            raise Invalid("This report is closed; make a new one if you see it again.")
        edit = EditBody(context.json(PublicMeToo).key, Kind.ME_TOO)
        self._city.apply(edit, report=report.id, actor=CITIZEN)
        return json_response({}, 201)

    def _not_solved(self, context: RequestContext) -> Response:
        """The reporter's own device brings the report back to work; nobody else can, as numbers are guessable."""
        self._check_own_page(context.request)
        not_solved = context.json(NotSolved)
        report = self._report(context, not_solved.report_key)
        self._check_reporter(report, not_solved.report_key)
        if report.status is not Status.RETURNED and not self._may_reopen(report):
            raise Invalid("This report cannot be opened again; make a new one.")
        reason = (
            f"The reporter is not satisfied: {not_solved.text}" if not_solved.text else "The reporter is not satisfied."
        )
        edit = EditBody(not_solved.key, Kind.REOPEN, data={"reason": reason})
        applied = self._city.apply(edit, report=report.id, actor=CITIZEN)
        if applied.replayed and self._may_reopen(self._city.report(report.id)):
            raise Invalid("The report was closed again since you said this. Open this page anew and say it again.")
        return json_response({}, 201)

    def _check_own_page(self, request: Request) -> None:
        """Raise ForbiddenRefusal when a page of another site lets a visitor's browser write here."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise ForbiddenRefusal("Reports are taken from this server's own page only.")
        if not self._http_endpoint.has_users():
            check_local(request)

    def _may_reopen(self, report: Report) -> bool:
        if report.merged_into is not None or report.closed_at is None or is_open(report.status):
            return False
        return self._city.clock() - report.closed_at <= REOPEN_FOR

    def _report(self, context: RequestContext, key: str = "") -> Report:
        """The report that is asked for; NotFound too when it is confidential, and `key` not the one that it was sent
        with: who tries numbers does not learn that there is one.
        """
        report = self._city.report(context.path("report"))
        # protects: only-the-reporter-follows-what-is-confidential
        if report.service in self._city.confidential_services() and not self._is_reporter(report, key):
            raise no_such_report(report.id)
        return report

    def _check_reporter(self, report: Report, key: str) -> None:
        """Raise ForbiddenRefusal unless the key is the one that the report was sent with."""
        if not self._is_reporter(report, key):
            raise ForbiddenRefusal("Only the device that sent the report may do this.")

    def _is_reporter(self, report: Report, key: str) -> bool:
        if not is_report_key(key):
            return False
        table = schema.entries
        query = sa.select(table.c.body).where(table.c.report == report.id, table.c.edit == reporter_id(key))
        with self._city.database.read() as connection:
            body = connection.scalar(query)
        return body is not None and decode(body, Entry).kind == "created"

    # How it goes on

    def _follow(self, context: RequestContext) -> Response:
        key = context.request.headers.get(_REPORT_KEY, "")
        report = self._report(context, key)
        hidden = self._city.confidential_services()
        if self._is_reporter(report, key):
            followed = self._followed(report, frozenset(), is_own=True)
            if report.service in hidden:  # its photos are at an address that a page cannot give a key to
                followed = msgspec.structs.replace(followed, photos=[])
        else:
            followed = self._followed(report, hidden)
        return pack(msgspec.json.encode(followed), "application/json").answer(context.request)

    def _followed(self, report: Report, hidden: frozenset[str], *, is_own: bool = False) -> PublicReport:
        """The report without what it shares with those of the `hidden` services; its words for who wrote them, else as
        far as they are public.
        """
        are_public = are_words_public(report)
        # protects: moderated-words-are-on-no-page
        are_told = are_public or is_own
        entries = [entry for entry in self._city.entries(report.id) if entry.undone_by is None]
        main = self._main(report, hidden)
        if main.id != report.id:
            joined_at = max((entry.at for entry in entries if entry.data.get("status")), default=report.updated)
            later = [entry for entry in self._city.entries(main.id) if entry.undone_by is None]
            entries += [entry for entry in later if entry.at > joined_at]
        clock = due_next([clock for clock in main.clocks if clock.name == "finish"])
        prefix = f"/public/v1/reports/{report.id}/photos/"
        return PublicReport(
            number=report.id,
            status=main.status.value,
            own_word=main.status_label,
            service=report.service,
            description=PublicTexts().public(report.description)[0] if are_told else "",
            address=mask_personal(report.address) if are_told else "",
            area=self._area_name(report.area),
            lat=report.lat,
            lon=report.lon,
            created=report.created,
            updated=max(report.updated, main.updated),
            expected=clock.due if clock is not None and is_open(main.status) else None,
            closed_at=main.closed_at,
            reason=mask_personal(main.disposition or "") if main.status is Status.CLOSED else "",
            joined=main.id if main.id != report.id else None,
            me_too=sum(entry.kind == Kind.ME_TOO for entry in entries),
            may_reopen=self._may_reopen(main) and main.id == report.id,
            photos=[(role, prefix + sha256) for role, sha256 in _public_photos(report)],
            words="shown" if are_public or report.publication is None else report.publication.value,
            history=[step for entry in entries if (step := _step(entry, report.id)) is not None],
        )

    def _main(self, report: Report, hidden: frozenset[str]) -> Report:
        """The report that this one was merged into at last, which carries its status; itself when it was not."""
        seen = {report.id}
        while report.merged_into is not None and report.merged_into not in seen:
            seen.add(report.merged_into)
            main = self._city.report(report.merged_into)
            # protects: nothing-confidential-by-its-duplicates
            if main.service in hidden:
                break
            report = main
        return report

    def _area_name(self, code: str | None) -> str | None:
        with self._city.database.read() as connection:
            body = connection.scalar(sa.select(schema.areas.c.body).where(schema.areas.c.id == code))
        return decode(body, Area).name if body is not None else None

    def _photo(self, context: RequestContext) -> Response:
        sha256 = context.path("sha256")
        report = self._report(context)
        if all(sha256 != known for _, known in _public_photos(report)):
            raise NotFound("There is no such photo, or it is not public.")
        headers = {
            "Cache-Control": "public, max-age=86400",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        return Response(self._photos.copy(sha256), headers=headers, media_type="image/jpeg")


def _public_photos(report: Report) -> list[tuple[str, str]]:
    """The photos that may be shown: the reporter's when an official has taken it on, the crew's when it is accepted."""
    roles = public_roles(report)
    return [(photo.role.value, photo.sha256) for photo in report.photos if photo.role in roles and photo.sha256]


def _step(entry: Entry, report: str) -> PublicHistoryLine | None:
    if entry.kind == "created":
        return PublicHistoryLine("created", entry.at) if entry.report == report else None
    if entry.kind == Kind.REPLY:
        return PublicHistoryLine("reply", entry.at, text=public_reply(entry))
    status = entry.data.get("status")
    return PublicHistoryLine("status", entry.at, status=str(status)) if status else None


def _place_of(text: str) -> LatLon:
    """A place that is written as `lat,lon`. Raises Invalid."""
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        lat = lon = math.nan
    if not (abs(lat) <= _POLE and abs(lon) <= 2 * _POLE):  # NaN too
        raise Invalid("A place has to be lat,lon in degrees.")
    return lat, lon


def _wanted(request: Request) -> Wanted:
    query = request.query_params
    try:
        west, south, east, north = (float(part) for part in query.get("bbox", "").split(","))
        zoom = int(query.get("zoom", ""))
    except ValueError:
        raise Invalid("bbox has to be west,south,east,north and zoom a whole number.") from None
    if not all(math.isfinite(side) for side in (west, south, east, north)):
        raise Invalid("bbox has to be west,south,east,north in degrees.")
    services = tuple(code for code in query.get("service", "").split(",")[:100] if code)
    state = query.get("state", "")
    return Wanted(west, max(-90.0, south), east, min(90.0, north), max(0, min(zoom, 19)), services, state)


def _borders(areas: list[Area]) -> bytes:
    """The borders as GeoJSON: the upper levels as far as they are not too many, on a grid fine enough for a phone."""
    now = [area for area in areas if area.geometry and area.valid_to is None]
    shown: list[Area] = []
    for level in sorted({area.level for area in now}):
        more = [area for area in now if area.level == level]
        if shown and len(shown) + len(more) > _MOST_AREAS:
            break
        shown += more[:_MOST_AREAS]
    rings = [ring for area in shown for ring in _rings(area)]
    if not rings:
        return msgspec.json.encode({"type": "FeatureCollection", "features": []})
    across = max(lon for ring in rings for lon, _ in ring) - min(lon for ring in rings for lon, _ in ring)
    step = max(across / _GRID, 1e-6)
    return msgspec.json.encode(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"name": area.name, "level": area.level},
                    "geometry": {
                        "type": "MultiPolygon",
                        "coordinates": [[coarse] for ring in _rings(area) if len(coarse := _coarse(ring, step)) > 3],
                    },
                }
                for area in shown
            ],
        }
    )


def _rings(area: Area) -> list[list[tuple[float, float]]]:
    """The outer rings of an area as [lon, lat]."""
    shape = area.geometry or {}
    parts = shape.get("coordinates") or []
    polygons = [parts] if shape.get("type") == "Polygon" else parts if shape.get("type") == "MultiPolygon" else []
    return [[(float(point[0]), float(point[1])) for point in polygon[0]] for polygon in polygons if polygon]


def _coarse(ring: list[tuple[float, float]], step: float) -> list[tuple[float, float]]:
    """The ring on a grid, without points that fall together."""
    points: list[tuple[float, float]] = []
    for lon, lat in ring:
        point = (round(round(lon / step) * step, 6), round(round(lat / step) * step, 6))
        if not points or point != points[-1]:
            points.append(point)
    return points
