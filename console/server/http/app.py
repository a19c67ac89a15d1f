"""The web application of one city: the Dispatch API, the citizens' side and the pages, put together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

from console.server.admin.apply import present_setup
from console.server.admin.folder_out import folder_texts
from console.server.city.change_watcher import ChangeWatcher
from console.server.city.city import City
from console.server.city.media import MediaStore
from console.server.city.records import AdminPage, CitizenOptions
from console.server.city.users import Users
from console.server.demo_controls import DemoControls
from console.server.errors import Refusal
from console.server.georeport import BY_DEFAULT, GeoReport
from console.server.http.demo import DemoAddresses
from console.server.http.dispatch import Dispatch
from console.server.http.endpoint import (
    HttpEndpoint,
    Marked,
    OneLength,
    database_response,
    defect_response,
    http_error_response,
    refusal_response,
)
from console.server.http.event_stream import BEAT_S, GONE_S, Subscribers
from console.server.http.health import HealthAddresses
from console.server.http.identified import Identified
from console.server.http.rate_limit import RateLimits
from console.server.pages.admin import AdminPages
from console.server.pages.assets import Assets
from console.server.pages.citizen_deeds import CitizenDeeds
from console.server.pages.citizens import Citizens
from console.server.pages.place_search import PlaceSearch
from console.server.pages.plain_pages import PlainPages
from console.server.pages.streets import MapTiles

_PACKED_FROM = 16_384
"""Bytes from which on an answer is packed for who takes gzip: pages of a first fill, not the few kB of every commit.

Level 1 makes a page of 0.9 MB 7.6 times smaller in 2.6 ms (making it takes 6, unpacking 1.1); level 6 10 times in 7.
"""


class _AnyPath(PathConvertor):
    """The rest of an address, also with line breaks, which Starlette's own path convertor does not match."""

    regex = "(?s:.*)"


register_url_convertor("path", _AnyPath())


def make_app(
    city: City,
    media: Path,
    users: Users | None = None,
    *,
    beat_s: float = BEAT_S,
    gone_s: float = GONE_S,
    limits: RateLimits | None = None,
    citizens: CitizenOptions = BY_DEFAULT,
    admin_page: AdminPage = AdminPage.LOCAL,
    city_map: Path | None = None,
    demo: DemoControls | None = None,
) -> Starlette:
    """The application of a city whose tables exist. Without `users` everybody is the supervisor "local".

    `limits` bound how often clients may ask; `citizens` says who may post reports and whether there are pages;
    `admin_page` who is shown the administration page, which there is once there is an admin;
    `city_map` is the folder of a city map, or of a profile that may have one, whose streets the pages show and where
    citizens look for places.

    `demo` are the controls of a demo city that lives, which get addresses of their own.

    For the server's end: `app.state.subscribers` (its `close` ends the event streams) and `app.state.http_endpoint`
    (its `close` stops work that was begun for requests). `app.state.documents` maps addresses to their OpenAPI
    documents. `app.state.change_watcher` knows how many processes serve the city.
    """
    change_watcher, known_epoch = ChangeWatcher(city), city.epoch
    subscribers = Subscribers(city, change_watcher, beat_s=beat_s, gone_s=gone_s)
    http_endpoint = HttpEndpoint(users, limits, connections=city.database.most_pooled)
    store = MediaStore(media, on_photo=city.keep_photo_facts)
    public_name = urlsplit(citizens.address).netloc if admin_page is AdminPage.PUBLIC else ""
    dispatch = Dispatch(city, http_endpoint, store, change_watcher, subscribers, public_name=public_name)
    georeport = GeoReport(city, http_endpoint, store, citizens)
    map_tiles = MapTiles(city_map, http_endpoint)
    place_search = PlaceSearch(city_map)
    deeds = CitizenDeeds(city, store, http_endpoint)
    citizens_pages = Citizens(city, http_endpoint, store, place_search, deeds)
    plain_pages = PlainPages(city, http_endpoint, citizens_pages, deeds)
    change_watcher.on_rates = http_endpoint.settle_rates
    if users is not None:
        users.stamp = lambda: change_watcher.mark.users

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await change_watcher.start()
        subscribers.start()
        yield
        http_endpoint.close()
        map_tiles.close()
        place_search.close()
        await subscribers.stop()
        await change_watcher.stop()

    app = Starlette(
        routes=[
            *HealthAddresses(city, media).routes(),
            Mount("/dispatch/v1", routes=dispatch.routes()),
            Mount("/open311/v2", routes=georeport.routes()),
            Mount("/streets", routes=map_tiles.routes()),
            *([Mount("/demo/v1", routes=DemoAddresses(demo, http_endpoint).routes())] if demo is not None else []),
            *([Mount("/public/v1", routes=citizens_pages.routes())] if citizens.public else []),
            *AdminPages(
                users, http_endpoint, admin_page, lambda: folder_texts(present_setup(city)), public_name
            ).routes(),
            *(plain_pages.routes() if citizens.public else []),
            *Assets(public=citizens.public, plain=plain_pages.pages, is_missing=plain_pages.is_missing).routes(),
        ],
        middleware=[
            Middleware(Identified),
            Middleware(Marked, lambda: change_watcher.mark.epoch or known_epoch, city.clock),
            Middleware(OneLength),
            Middleware(GZipMiddleware, minimum_size=_PACKED_FROM, compresslevel=1),
        ],
        exception_handlers={
            Refusal: refusal_response,
            HTTPException: http_error_response,
            DBAPIError: database_response,
            # protects: no-connection-left-is-no-defect
            NoConnectionLeft: database_response,
            # protects: integrity-is-one-edits-fault
            IntegrityError: defect_response,  # what we wrote does not fit what is there: asking again does not help
            Exception: defect_response,
        },
        lifespan=lifespan,
    )
    app.state.subscribers = subscribers
    app.state.http_endpoint = http_endpoint
    app.state.change_watcher = change_watcher
    app.state.documents = {
        "/dispatch/v1/openapi.json": dispatch.document,
        "/open311/v2/openapi.json": georeport.document,
    }
    return app
