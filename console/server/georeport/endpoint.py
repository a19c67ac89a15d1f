"""The addresses under /open311/v2: which one is meant, in which format, and that every answer is GeoReport's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from console.rules.names import languages_read
from console.server.city.city import City
from console.server.city.clients import ApiClients
from console.server.city.media import MediaStore
from console.server.city.records import Actor, CitizenOptions
from console.server.errors import Overloaded, Refusal
from console.server.georeport import requests, services, updates
from console.server.georeport.description import description
from console.server.georeport.faults import GeoReportRefusal, errors, not_found, not_given
from console.server.georeport.formats import Format, GeoReportDocument, asked_format, write
from console.server.georeport.post import check_photos, create
from console.server.georeport.posters import Poster, Posters
from console.server.http import openapi
from console.server.http.bodies import BodyReader, BodyShare
from console.server.http.endpoint import HttpEndpoint, Pool, RequestContext, is_this_computer, retry_after
from console.server.http.posted_form import PostedForm, is_multipart, key_at_start, most_body, read_form

BY_DEFAULT = CitizenOptions()
log = logging.getLogger(__name__)

_KEY_WITHIN = 65_536
"""An api_key that stands in a longer body has to be among its first bytes."""
_FOR_ALL_PAGES = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = _FOR_ALL_PAGES | {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": "86400",
}


class _Resource(msgspec.Struct, frozen=True):
    """What stands at an address: how it is read, and how something is posted there, if it can be."""

    read: Callable[[Request], GeoReportDocument]
    post: Callable[[PostedForm, Actor], GeoReportDocument] | None = None

    @property
    def methods(self) -> str:
        """The methods that it takes."""
        return "GET, HEAD, OPTIONS" if self.post is None else "GET, HEAD, POST, OPTIONS"


class GeoReport:
    """What answers under /open311/v2. Reading is public, as GeoReport means it; nothing personal is in it."""

    def __init__(
        self, city: City, http_endpoint: HttpEndpoint, media: MediaStore, options: CitizenOptions = BY_DEFAULT
    ) -> None:
        self._city = city
        self._http_endpoint = http_endpoint
        self._media = media
        self._options = options
        self._jurisdiction = options.jurisdiction
        self._posters = Posters(ApiClients(city), http_endpoint, options)
        self._reading = http_endpoint.endpoint(self._read, public=True)
        self.document = openapi.OpenApiDocument(description)
        self._describing = http_endpoint.endpoint(self.document.answer, public=True)

    def routes(self) -> list[BaseRoute]:
        """The description for programs, and the one address with all else below it."""
        return [Route("/openapi.json", openapi.ByMethod({"GET": self._describing})), Route("/{rest:path}", self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        form = _format_of(request)
        try:
            response = await self._respond(request, form)
        except Refusal as refusal:
            response = write(errors(refusal), form or Format.JSON, retry_after(refusal))
        except ClientDisconnect:
            raise
        except (DBAPIError, NoConnectionLeft) as fault:
            why = str(getattr(fault, "orig", None) or fault).partition("\n")[0]  # what follows quotes values
            log.error("%s %s: the database failed: %s", request.method, request.url.path, why)
            busy = Overloaded("The city's database cannot do this now. Ask again.")
            response = write(errors(busy), form or Format.JSON, retry_after(busy))
        except Exception as fault:
            log.error("%s %s failed: %s", request.method, request.url.path, type(fault).__name__)
            defect = GeoReportRefusal("The server failed at this; tell the city.", status=500)
            response = write(errors(defect), form or Format.JSON)
        response.headers.update(_FOR_ALL_PAGES)
        return response

    async def _respond(self, request: Request, form: Format | None) -> Response:
        resource = self._resource(_path_of(request))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT | {"Allow": resource.methods})
        if request.method not in resource.methods.split(", "):
            refused = GeoReportRefusal(f"This address takes {resource.methods}, not {request.method[:20]}.", status=405)
            return write(errors(refused), form or Format.JSON, {"Allow": resource.methods})
        if form is None:
            raise GeoReportRefusal("This address answers in XML (text/xml) and JSON (application/json).", status=406)
        if request.method != "POST":
            return await self._reading(request)
        async with self._http_endpoint.admitted(request, most_body(request), public=True, counts_posts=False) as (
            _,
            share,
        ):
            return await self._posted(request, BodyReader(request, share), share)

    async def _posted(self, request: Request, body: BodyReader, share: BodyShare) -> Response:
        """Take a POST: of a long one the first bytes have to say who sends it, before more of it is read.

        Who sends many is held back between two pieces of work, where he occupies neither a thread nor the database.
        """
        key, pool = request.query_params.get("api_key", ""), Pool.DOOR
        poster: Poster | None = None
        most = most_body(request)
        await body.read(most, enough=_KEY_WITHIN)
        if not body.ended:
            key = key or key_at_start(body.content)
            poster = await self._http_endpoint.at_work(lambda: self._posters.poster(request, key), request, pool)
            await self._http_endpoint.pace_post(request, poster.client, poster.rate)
            await body.read(most)
        many = is_multipart(request)
        if many:
            share.take(len(body.content))  # its photos are taken out of it and held beside it
        pool = Pool.PUBLIC_PHOTO if many else Pool.PUBLIC_WRITE
        known = poster
        form, sender = await self._http_endpoint.at_work(
            lambda: self._understood(request, body.content, key, known), request, pool
        )
        if sender is not known:
            await self._http_endpoint.pace_post(request, sender.client, sender.rate)
        return await self._http_endpoint.at_work(lambda: self._post(request, form, sender.actor), request, pool)

    def _read(self, context: RequestContext) -> Response:
        self._check_jurisdiction(context.request.query_params.get("jurisdiction_id", ""))
        return _written(context.request, self._resource(_path_of(context.request)).read(context.request))

    def _understood(self, request: Request, body: bytes, key: str, known: Poster | None) -> tuple[PostedForm, Poster]:
        """The form and who sends it; `known` is who came with the key, where that was found out already."""
        form = read_form(request, body)
        check_photos(form)
        api_key = form.one("api_key") or key
        poster = known if known is not None and api_key == key else self._posters.poster(request, api_key)
        return msgspec.structs.replace(form, api_key=api_key), poster

    def _post(self, request: Request, form: PostedForm, actor: Actor) -> Response:
        self._check_jurisdiction(form.one("jurisdiction_id") or request.query_params.get("jurisdiction_id", ""))
        post = self._resource(_path_of(request)).post
        assert post is not None
        return _written(request, post(form, actor))

    def _check_jurisdiction(self, asked: str) -> None:
        """A city is one jurisdiction. Who names none means it, and so does everybody where the city has no name."""
        if asked and self._jurisdiction and asked.casefold() != self._jurisdiction.casefold():
            raise not_found("jurisdiction_id", asked)

    def _resource(self, path: str) -> _Resource:
        """What stands at an address; GeoReportRefusal (404) for anything else."""
        city = self._city
        first, slash, key = path.partition("/")
        match first, bool(slash):
            case "discovery", False:
                return _Resource(
                    lambda request: services.discovery(city, _url_of(request, self._options), self._jurisdiction)
                )
            case "services", False:
                return _Resource(lambda request: services.services(city, languages_of(request)))
            case "services", True:
                return _Resource(
                    lambda request: services.definition(city, _given("service_code", key), languages_of(request))
                )
            case "requests", False:
                return _Resource(
                    lambda request: requests.requests(city, request.query_params, languages_of(request)),
                    lambda form, actor: create(city, self._media, form, actor),
                )
            case "requests", True:
                return _Resource(
                    lambda request: requests.request(city, _given("service_request_id", key), languages_of(request))
                )
            case "tokens", True:
                return _Resource(lambda _: requests.token(city, _given("token", key)))
            case "servicerequestupdates", False:
                return _Resource(
                    lambda request: updates.updates(city, request.query_params),
                    lambda form, actor: updates.add_update(city, form, actor),
                )
        raise GeoReportRefusal("There is nothing at this address.", status=404)


def languages_of(request: Request) -> tuple[str, ...]:
    """The languages in which names are wanted: that of `locale`, as Helsinki's GeoReport has it (`fi`, `fi_FI`), before
    those of the program or browser that asks.
    """
    return languages_read(request.headers.get("accept-language", ""), request.query_params.get("locale", ""))


def _given(name: str, key: str) -> str:
    if not key:
        raise not_given(name)
    return key


def _path_of(request: Request) -> str:
    return asked_format(request.path_params["rest"], None)[0]


def _format_of(request: Request) -> Format | None:
    return asked_format(request.path_params["rest"], request.headers.get("accept"))[1]


def _url_of(request: Request, options: CitizenOptions) -> str:
    """Where this side is reached: as the city says or, when it says nothing, at the address that the request came to.

    The name that a client claims (Host) is believed for this computer, and from the city's own proxy.
    """
    root = str(request.scope["root_path"])
    if options.address:
        return options.address.rstrip("/") + root
    where = request.url.netloc
    if not options.proxied and not is_this_computer(where):
        host, port = request.scope["server"]
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"{request.url.scheme}://{where}{root}"


def _written(request: Request, document: GeoReportDocument) -> Response:
    headers = {}
    query = [(name, value) for name, value in request.query_params.multi_items() if name not in ("page", "after")]
    if document.following:
        headers["Link"] = f'<?{urlencode([*query, ("after", document.following)])}>; rel="next"'
    elif document.begins_before:
        headers["Link"] = f'<?{urlencode([*query, ("page", "1")])}>; rel="first"'
    if document.language is not None:
        # protects: an-answer-in-one-language-is-for-who-reads-it
        headers["Vary"] = "Accept, Accept-Language"
        if document.language:
            headers["Content-Language"] = document.language
    return write(document, _format_of(request) or Format.JSON, headers)
