"""What the citizens' pages ask of the server: its words and borders, the public map, a new report, how one goes on.

Everything here is public: answers hold nothing personal, and what a reporter alone may do needs the key that his
device chose when it sent the report.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api_client.decoding import decode
from api_client.model import Area, CityFacts, Entry, Kind, Report, Service, Status
from console.city_map.messages import NEAR_NUMBER_M, AddressFound, Exactness, Find, LatLon, Nearest, PlacesFound
from console.rules.distance import distance_m
from console.rules.names import all_names, language_of, languages_met, outcome_in, service_in
from console.rules.sla import due_next
from console.rules.status import is_open
from console.server.city import schema
from console.server.city.city import City
from console.server.city.media import MediaStore
from console.server.city.moderation import are_words_public, public_roles
from console.server.city.photo_process import PhotoProcess
from console.server.city.public_replies import public_reply
from console.server.city.redaction import PublicTexts, mask_personal
from console.server.errors import Invalid, NotFound
from console.server.http.endpoint import JSON, HttpEndpoint, Pool, RequestContext, json_response
from console.server.pages.assets import pack
from console.server.pages.citizen_deeds import (
    CitizenDeeds,
    NewReport,
    NotSolved,
    PublicMeToo,
    Satisfied,
    answer_until,
)
from console.server.pages.dots import Dots, Wanted
from console.server.pages.jobs import area_words
from console.server.pages.page_texts import names_wanted
from console.server.pages.photos import PublicPhotos
from console.server.pages.place_search import PlaceSearch

T = TypeVar("T")
_REPORT_BODY = 40_000
_REPORT_KEY = "sigap-report-key"
"""The header by which the device that sent a report says so."""
_PHOTO_BODY = 5_000_000
_KEPT_S = 60.0
_MOST_KEPT = 60
"""More orders of its languages are read in hardly any city."""
_LONGEST_SEARCH = 200
_POLE = 90.0
_NEAR_M = 100.0
_METRES_A_DEGREE = 111_320.0
_DEEPEST = 19
"""A zoom at which every report is told as itself."""
_MOST_AREAS = 600
_GRID = 3_000
"""Borders are drawn on a grid of so many steps across the city."""


class PublicHistoryLine(msgspec.Struct, frozen=True):
    """A public line of a report's history: created, status (with the new one) or reply (with its text)."""

    kind: str
    at: datetime
    status: str | None = None
    text: str = ""


class PublicReport(msgspec.Struct, frozen=True):
    """A report as everybody may see it. `photos` are [role, address]; `own_word` is the city's word for the status.
    `words` says of what the reporter wrote and showed: shown, waiting (an official looks at it first) or withheld.

    Only its reporter is told until when he may answer whether it is solved, and whether he said that he is satisfied.
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
    answer_until: datetime | None = None
    satisfied: bool = False


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


class NearReport(msgspec.Struct, frozen=True):
    """An open report of the same kind close by: how far it is in metres, and when it was made (seconds since 1970)."""

    number: str
    distance_m: float
    created_s: int


class PublicAddress(msgspec.Struct, frozen=True):
    """What a point is called; each part "" where it is not known. `near` is a house number close by."""

    street: str
    near: str
    area: str


class Citizens:
    """What answers under /public/v1."""

    def __init__(
        self, city: City, http_endpoint: HttpEndpoint, media: MediaStore, place_search: PlaceSearch, deeds: CitizenDeeds
    ) -> None:
        self._city = city
        self._place_search = place_search
        self._http_endpoint = http_endpoint
        self._deeds = deeds
        self._photos = PublicPhotos(media, PhotoProcess())
        self._dots = Dots(city)
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

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
            Route(report + "/satisfied", end(self._satisfied, _REPORT_BODY), methods=["POST"]),
            Route(report, end(self._follow)),
        ]

    # The city

    def _words(self, context: RequestContext) -> Response:
        request = context.request
        facts, offered = self._lately("offered", lambda: (self._city.stats().city, self._city.offered_services()))
        # Many readers read the same of few languages: made is what the city has, not what each browser says.
        asked = languages_met(offered, names_wanted(request), facts.language)
        packed = self._lately(f"city {' '.join(asked)}", lambda: pack(_city_words(facts, offered, asked), JSON))
        return packed.answer(request, headers={"Vary": "Accept-Encoding, Accept-Language"})

    def _areas(self, context: RequestContext) -> Response:
        packed = self._lately("areas", lambda: pack(_borders(self._city.areas()), JSON))
        return packed.answer(context.request)

    def _lately(self, name: str, make: Callable[[], T]) -> T:
        """What is the same for many is made once a minute."""
        with self._lock:
            at, found = self._kept.get(name, (-math.inf, None))
            if found is None or time.monotonic() - at > _KEPT_S:
                found = make()
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[name] = (time.monotonic(), found)
            return cast("T", found)

    def _map(self, context: RequestContext) -> Response:
        _, view = self._dots.view(_wanted(context.request))
        headers = {"Cache-Control": "public, max-age=3"}
        return pack(msgspec.json.encode(view), "application/json").answer(context.request, headers=headers)

    def newest(self, service: str, state: str) -> list[tuple[str, str | None, str, int]]:
        """The newest reports with a place: open or closed ones, or both (""), of one service or all (""): id, service,
        status, and when they were made in seconds since 1970.
        """
        return self._dots.view(Wanted(-180, -90, 180, 90, _DEEPEST, (service,) if service else (), state))[1].newest

    def nearest(self, lat: float, lon: float, service: str) -> NearReport | None:
        """The nearest open report of the service within 100 m; None without one."""
        up = _NEAR_M / _METRES_A_DEGREE
        aside = up / max(0.01, math.cos(math.radians(lat)))
        wanted = Wanted(lon - aside, lat - up, lon + aside, lat + up, _DEEPEST, (service,), "open")
        view = self._dots.view(wanted)[1]
        created = {number: at for number, _, _, at in view.newest}
        found = [
            NearReport(number, distance_m(lat, lon, *at), created[number])
            for number, *at, _, _ in view.points
            if number in created
        ]
        return min(found, key=lambda one: one.distance_m, default=None)

    # Places

    def _places(self, context: RequestContext) -> Response:
        """The places that `text` may mean, likeliest first; of those alike the nearer to `near`."""
        self._http_endpoint.count_search(context.request)
        query = context.request.query_params
        near = _place_of(query["near"]) if "near" in query else None
        return json_response({"places": self.find_places(query.get("text", ""), near)})

    def find_places(self, text: str, near: LatLon | None) -> list[PublicPlace]:
        """The places that the words may mean, likeliest first; of those alike the nearer to `near`. Raises a Refusal
        where none can be looked for.
        """
        # protects: search-of-a-few-words
        if len(text) > _LONGEST_SEARCH:
            raise Invalid(f"A place is looked for by {_LONGEST_SEARCH} letters at most.")
        answer = self._place_search.ask(Find(" ".join(text.split()), near))
        found = answer.places if isinstance(answer, PlacesFound) else ()
        areas = self._areas_of([(one.lat, one.lon) for one in found])
        return [
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
        self._deeds.check_own_page(context.request)
        return json_response({"number": self._deeds.take(context.json(NewReport))}, 201)

    def _add_photo(self, context: RequestContext) -> Response:
        self._deeds.check_own_page(context.request)
        at, key = context.request.path_params["number"], context.request.headers.get("idempotency-key", "")
        return json_response({"sha256": self._deeds.add_photo(context.path("report"), key, at, context.body)}, 201)

    def _me_too(self, context: RequestContext) -> Response:
        self._deeds.check_own_page(context.request)
        self._deeds.me_too(context.path("report"), context.json(PublicMeToo).key)
        return json_response({}, 201)

    def _not_solved(self, context: RequestContext) -> Response:
        self._deeds.check_own_page(context.request)
        self._deeds.not_solved(context.path("report"), context.json(NotSolved))
        return json_response({}, 201)

    def _satisfied(self, context: RequestContext) -> Response:
        self._deeds.check_own_page(context.request)
        self._deeds.satisfied(context.path("report"), context.json(Satisfied).report_key)
        return json_response({}, 201)

    # How it goes on

    def _follow(self, context: RequestContext) -> Response:
        request = context.request
        followed = self.followed(context.path("report"), request.headers.get(_REPORT_KEY, ""), names_wanted(request))
        packed = pack(msgspec.json.encode(followed), "application/json")
        return packed.answer(request, headers={"Vary": "Accept-Encoding, Accept-Language"})

    def followed(self, number: str, key: str, wanted: tuple[str, ...]) -> PublicReport:
        """The report as who has this key may see it, for who reads the `wanted` languages. Raises NotFound."""
        report = self._deeds.report(number, key)
        hidden = self._city.confidential_services()
        if not self._deeds.is_reporter(report, key):
            return self._followed(report, hidden, wanted)
        followed = self._followed(report, frozenset(), wanted, is_own=True)
        if report.service in hidden:  # its photos are at an address that a page cannot give a key to
            followed = msgspec.structs.replace(followed, photos=[])
        if not followed.may_reopen:
            return followed
        satisfied = self._deeds.is_satisfied(report, key)
        return msgspec.structs.replace(followed, answer_until=answer_until(report), satisfied=satisfied)

    def _followed(
        self, report: Report, hidden: frozenset[str], wanted: tuple[str, ...], *, is_own: bool = False
    ) -> PublicReport:
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
            reason=self._outcome(main, wanted),
            joined=main.id if main.id != report.id else None,
            me_too=sum(entry.kind == Kind.ME_TOO for entry in entries),
            may_reopen=self._deeds.may_reopen(main) and main.id == report.id,
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

    def _outcome(self, report: Report, wanted: tuple[str, ...]) -> str:
        """Why a report was closed without work; "" where it was not."""
        if report.status is not Status.CLOSED or not report.disposition:
            return ""
        said = outcome_in(report.disposition, self._city.templates(), wanted, self._city.language())
        return mask_personal(said)

    def _area_name(self, code: str | None) -> str | None:
        with self._city.database.read() as connection:
            body = connection.scalar(sa.select(schema.areas.c.body).where(schema.areas.c.id == code))
        return decode(body, Area).name if body is not None else None

    def _photo(self, context: RequestContext) -> Response:
        sha256 = context.path("sha256")
        report = self._deeds.report(context.path("report"))
        if all(sha256 != known for _, known in _public_photos(report)):
            raise NotFound("There is no such photo, or it is not public.")
        headers = {
            "Cache-Control": "public, max-age=86400",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        return Response(self._photos.copy(sha256), headers=headers, media_type="image/jpeg")


def _city_words(facts: CityFacts, offered: Sequence[Service], wanted: tuple[str, ...]) -> bytes:
    """What the city is called and what can be reported in it, which is found by what it is called in any language."""
    own = facts.language
    told = [(service_in(one, wanted, own), language_of([one], wanted, own), all_names(one)) for one in offered]
    services = [
        {
            "code": one.code,
            "name": one.name,
            "language": language,
            "group": one.group,
            "glyph": one.glyph,
            "keywords": " ".join(word for word in (one.keywords, *names) if word != one.name),
        }
        for one, language, names in told
    ]
    return msgspec.json.encode({"city": facts, "services": services})


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
