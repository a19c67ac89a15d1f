"""Requests and answers of the Dispatch API: size limits, the asking user, JSON in and out, refusals as answers."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from enum import Enum, auto
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_client.decoding import convert, decode
from console.server.city import rates
from console.server.city.payload_check import as_whole
from console.server.city.rates import RateLimit
from console.server.city.records import LOCAL, Actor
from console.server.city.users import Users
from console.server.city.work_threads import PUBLIC_STEPS, CancelToken, WorkThreads
from console.server.errors import (
    ForbiddenRefusal,
    InProgressRefusal,
    Invalid,
    Overloaded,
    Refusal,
    SignInRefusal,
    TooMany,
    WrongType,
)
from console.server.http import rate_limit
from console.server.http.bodies import SMALL_BODY, BodyBudget, BodyShare, read_body
from console.server.http.rate_limit import RateLimits
from console.server.request_id import present_request_id

log = logging.getLogger(__name__)
T = TypeVar("T")
JSON = "application/json"
_ANYBODY = Actor("", "viewer")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
_BROWSER_ELSEWHERE = frozenset({"cross-site", "same-site"})


class RequestContext(msgspec.Struct, frozen=True):
    """One request: who asks, and its whole body."""

    actor: Actor
    request: Request
    body: bytes
    still_known: Callable[[], bool]
    """Whether no user has been changed since the asker was looked for, as far as that is known now."""

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def number(self, name: str, default: int) -> int:
        """A whole number of the query; Invalid when it is none."""
        text = self.request.query_params.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise Invalid(f"“{name}” has to be a whole number.")
        return int(text)

    def json(self, kind: type[T]) -> T:
        """The body; WrongType when it says to be something else, Refusal when it is no JSON, Invalid when it is not
        what is asked for.
        """
        said = self.request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if said != JSON:
            raise WrongType(f"The body has to be {JSON}, not {said or 'of no type'}.")
        try:
            try:
                return decode(self.body, kind)
            except msgspec.ValidationError:
                return convert(as_whole(self.body), kind)
        except msgspec.ValidationError as fault:
            raise Invalid(f"The body does not fit: {fault}.") from fault
        except (msgspec.DecodeError, ValueError) as fault:
            raise Refusal(f"The body is no JSON: {fault}.") from fault
        except RecursionError as fault:
            raise Refusal("The body is nested too deeply.") from fault


Work = Callable[[RequestContext], Response | Awaitable[Response]]
"""What answers: on a thread of its own, or, where it is a coroutine function, on the event loop."""
Endpoint = Callable[[Request], Awaitable[Response]]


_PUBLIC = {"POST": rates.CITIZEN_POST, "PUT": rates.CITIZEN_PHOTO}


class Pool(Enum):
    """Which threads work on a request."""

    READ = auto()
    WRITE = auto()
    UPLOAD = auto()
    """Photos of who is signed in."""
    DOOR = auto()
    """Finding out who asks."""
    PUBLIC_READ = auto()
    PUBLIC_WRITE = auto()
    PUBLIC_PHOTO = auto()
    PUBLIC_PLACES = auto()
    """Waits for the map process, which answers one at a time."""


_MANY = 39
"""With more connections than this each thread that needs one has one."""


def _pools(connections: int) -> dict[Pool, WorkThreads]:
    """The threads: few where there are few connections, of which everybody else's work would otherwise take those that
    writers wait for. Edits follow one another at PostgreSQL whatever their number, at the feed's counter.
    """
    many = connections > _MANY
    return {
        Pool.READ: WorkThreads("read", 16 if many else 6, 2_000),
        Pool.WRITE: WorkThreads("write", 12 if many else 4, 2_000),
        Pool.UPLOAD: WorkThreads("upload", 2, 200),
        Pool.DOOR: WorkThreads("door", 2 if many else 1, 200),
        Pool.PUBLIC_READ: WorkThreads("public-read", 2, 62, most_each=16, modest=True),
        Pool.PUBLIC_WRITE: WorkThreads("public-write", 2 if many else 1, 62, most_each=16),
        Pool.PUBLIC_PHOTO: WorkThreads("public-photo", 2 if many else 1, 8, most_each=6),
        Pool.PUBLIC_PLACES: WorkThreads("public-places", 1, 31, most_each=8),
    }


class HttpEndpoint:
    """Makes endpoints of plain functions: finds the user, reads the body, and runs the function on a thread.

    Everybody is bound by `limits` but "local", the only user of a server without tokens. There are no more threads than
    `connections` to the database, if those are few.
    """

    def __init__(
        self,
        users: Users | None,
        limits: RateLimits | None = None,
        *,
        bodies: BodyBudget | None = None,
        connections: int = _MANY + 1,
    ) -> None:
        self._users = users
        self._limits = limits or RateLimits()
        self.settle_rates = self._limits.settle
        self._bodies = bodies or BodyBudget()
        self._pools = _pools(connections)

    def close(self) -> None:
        """Tell all work that it may stop, and refuse what comes from now on: the server ends."""
        for pool in self._pools.values():
            pool.close()

    def endpoint(
        self, work: Work, *, most: int = 0, public: bool = False, pool: Pool | None = None, counts_posts: bool = True
    ) -> Endpoint:
        """An endpoint that takes bodies up to `most` bytes; `public` asks for no token.

        A public POST counts as a citizen's, by its address, unless the work itself calls `pace_post`. The work is done
        on the threads of `pool`, by default those that the method asks for.
        """

        on_loop = inspect.iscoroutinefunction(work)

        async def answer(request: Request) -> Response:
            still_known = self._since_now()
            async with self.admitted(request, most, public=public, counts_posts=counts_posts) as (actor, share):
                context = RequestContext(actor, request, await read_body(request, most, share), still_known)
                if on_loop:
                    coming = work(context)
                    assert not isinstance(coming, Response)
                    return await coming
                response = await self.at_work(lambda: work(context), request, pool or _pool_of(request, public=public))
                assert isinstance(response, Response)
                return response

        return answer

    @contextlib.asynccontextmanager
    async def admitted(
        self, request: Request, most: int, *, public: bool, counts_posts: bool = True
    ) -> AsyncIterator[tuple[Actor, BodyShare]]:
        """The user who asks, and his share of the memory for bodies until the request is answered. No body of a refused
        request is read.
        """
        limit = rates.PUBLIC_READ
        if public:
            limit = _PUBLIC.get(request.method, rates.PUBLIC_READ) if counts_posts else rates.PUBLIC_READ
            await self._limits.pace_by_address(limit, host_of(request))
        if "\x00" in request.url.path or "%00" in request.url.query:
            raise Refusal("An address holds no NUL characters.")
        actor = _ANYBODY if public else await self._asker(request)
        if actor.tokenless:
            check_local(request)
        whose = actor.name if actor.name and not actor.tokenless else rate_limit.network_of(host_of(request))
        try:
            with self._bodies.share(whose, large=most > SMALL_BODY, public=public) as share:
                yield actor, share
        except Overloaded:
            # protects: what-was-not-worked-at-is-not-counted
            if public:
                self._limits.give_back_by_address(limit, host_of(request))
            raise

    async def at_work(self, work: Callable[[], T], request: Request, pool: Pool) -> T:
        """Run the work and return its result. Reading stops when the client hangs up; writing is always completed."""
        public = pool in _PUBLIC_POOLS
        token = CancelToken(PUBLIC_STEPS if pool is Pool.PUBLIC_READ else None)
        whose = rate_limit.network_of(host_of(request)) or "" if public else ""
        if pool not in _READING:
            return await self._pools[pool].run(work, token, whose=whose)
        gone = asyncio.ensure_future(_gone(request))
        try:
            return await self._pools[pool].run(work, token, gone=gone, whose=whose)
        finally:
            gone.cancel()

    async def _asker(self, request: Request) -> Actor:
        """The user who asks. Raises SignInRefusal if his token is unknown, TooMany if he has asked too often."""
        token = _token(request)
        actor = self._users.known(token) if self._users is not None else LOCAL
        if actor is None:
            if not token and self._users is not None and self._users.surely:
                self._limits.spend_by_address(rates.PUBLIC_READ, host_of(request))
                raise SignInRefusal("This server needs a token.")
            try:
                actor = await self.at_work(lambda: self.actor_of(token), request, Pool.DOOR)
            except SignInRefusal:
                self._limits.spend_by_address(rates.PUBLIC_READ, host_of(request))
                if token:
                    await self._note_unknown(request)
                raise
        if not actor.tokenless:
            limit = rates.READ if request.method in _READS else rates.WRITE
            await self._limits.pace(limit, actor.name)
        return actor

    def _since_now(self) -> Callable[[], bool]:
        """A function that says whether users are unchanged since this call."""
        if self._users is None:
            return lambda: True
        stamp, then = self._users.stamp, self._users.stamp()
        return lambda: stamp() in (then, None)

    async def _note_unknown(self, request: Request) -> None:
        """Record in the audit log, without the token, that an unknown one was used; TooMany when an address
        tries many.
        """
        host, users = host_of(request), self._users
        self._limits.spend_by_address(rates.SIGN_IN, host)
        if users is None or not self._limits.has_room(rates.SIGN_IN_RECORD, "everybody"):
            return
        where = rate_limit.network_of(host) or "this computer"
        try:
            await self.at_work(lambda: users.record_refused(where), request, Pool.PUBLIC_WRITE)
        except Refusal as refusal:
            log.warning("an unknown token from %s is not in the audit log: %s", where, refusal.message)

    async def pace_post(self, request: Request, client: str | None, own: RateLimit | None) -> None:
        """Count a citizen's report: of a program that showed its key, by its own rule or that of all, or of an address.
        When there are many it is held back; TooMany when there are too many.
        """
        if client is not None:
            await self._limits.pace(rates.KEY_POST, client, own)
        else:
            await self._limits.pace_by_address(rates.CITIZEN_POST, host_of(request))

    def count_search(self, request: Request) -> None:
        """Count a search for a place. TooMany when an address asks for very many."""
        # protects: searches-are-counted
        self._limits.spend_by_address(rates.PLACE_SEARCH, host_of(request))

    def count_upload(self, actor: Actor, size: int) -> None:
        """Count the bytes of a photo. TooMany when they are too many for an hour."""
        if not actor.tokenless:
            self._limits.spend(rates.UPLOAD, actor.name, max(1, size // 1_000_000))

    def count_caller(self, actor: Actor) -> None:
        """Count a search by a telephone number. TooMany when somebody tries numbers."""
        # protects: callers-are-counted
        self._limits.spend(rates.CALLER, actor.name)

    def count_unknown_key(self, request: Request) -> None:
        """Count an api_key that nobody has. TooMany when somebody tries keys."""
        self._limits.spend_by_address(rates.SIGN_IN, host_of(request))

    def has_users(self) -> bool:
        """Whether anybody has a token."""
        return self._users is not None and self._users.any()

    def actor_of(self, token: str | None, *, refresh: bool = False) -> Actor:
        """Whose token it is; with `refresh` as the database has it now, which another process may have changed a moment
        ago.
        """
        return self._users.actor(token or None, refresh=refresh) if self._users is not None else LOCAL

    def is_known(self, request: Request) -> bool:
        """Whether a request to a public address comes from a user all the same: by his token, or as the only one of a
        server without users.
        """
        token = _token(request)
        try:
            actor = self.actor_of(token)
            if actor.tokenless:
                check_local(request)
        except Refusal:
            return False
        return True

    def actor_with(self, token: str, request: Request) -> Actor:
        """Whose token it is that came in a form. Raises SignInRefusal, and TooMany when an address tries many."""
        try:
            return self.actor_of(token)
        except SignInRefusal:
            # protects: tokens-in-forms-are-counted
            self._limits.spend_by_address(rates.SIGN_IN, host_of(request))
            raise

    def asked_anew(self, context: RequestContext) -> Actor:
        """The user who asks, with the rights that the database has now."""
        return self.actor_of(_token(context.request), refresh=True)


_READING = frozenset({Pool.READ, Pool.PUBLIC_READ, Pool.PUBLIC_PHOTO, Pool.PUBLIC_PLACES})
_PUBLIC_POOLS = frozenset({Pool.PUBLIC_READ, Pool.PUBLIC_WRITE, Pool.PUBLIC_PHOTO, Pool.PUBLIC_PLACES})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def _pool_of(request: Request, *, public: bool) -> Pool:
    if request.method in _READS:
        return Pool.PUBLIC_READ if public else Pool.READ
    return Pool.PUBLIC_WRITE if public else Pool.WRITE


async def _gone(request: Request) -> None:
    """Returns when the client has hung up; its body has to be read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else None


def host_of(request: Request) -> str | None:
    """The address that asks."""
    return request.client.host if request.client is not None else None


def check_local(request: Request) -> None:
    """Without tokens only programs on this computer are served, not the pages that its browser happens to show."""
    here = is_this_computer(request.headers.get("host", ""))
    origin = request.headers.get("origin")
    forwarded = any(name in request.headers for name in _FORWARDED)
    # protects: only-programs-of-this-computer
    if forwarded or not here or request.headers.get("sec-fetch-site") in _BROWSER_ELSEWHERE:
        raise ForbiddenRefusal("Without users this server answers to programs on its own computer only.")
    if origin is not None and _name_in(origin) not in _LOOPBACK:
        raise ForbiddenRefusal("Without users this server does not answer to pages of other sites.")


def is_from_here(request: Request) -> bool:
    """Whether a program of this computer asks, by a name of this computer, and nobody passed its request on."""
    here = host_of(request) in (None, *_LOOPBACK) and is_this_computer(request.headers.get("host", ""))
    return here and not any(name in request.headers for name in _FORWARDED)


def check_own_page(request: Request, public_name: str) -> None:
    """Raise ForbiddenRefusal to what a browser asks for a page that is not this server's own: its Origin has to be the
    Host that it asks, which has to be a name of this computer or the server's `public_name`, HOST or HOST:PORT ("": it
    has none). Programs that are no browser send no Origin.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is None and request.headers.get("sec-fetch-site") in (None, "same-origin"):
        return
    ours = is_this_computer(host) or (public_name != "" and host.casefold() == public_name.casefold())
    try:
        named = urlsplit(origin or "").netloc.casefold()
    except ValueError:
        named = ""
    # protects: the-city-is-set-up-by-our-page-only
    if not ours or named != host.casefold():
        raise ForbiddenRefusal("The city is set up by this server's own page only, at a name of this server.")


def is_this_computer(host: str) -> bool:
    """Whether a Host header names this computer."""
    return _name_in(f"//{host}") in _LOOPBACK


def _name_in(address: str) -> str | None:
    """The host's name, None in what is no address."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(msgspec.json.encode(value), status, headers, JSON)


async def refusal_response(_: Request, refusal: Exception) -> Response:
    """The answer for a Refusal."""
    if not isinstance(refusal, Refusal):
        raise refusal
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    headers |= retry_after(refusal)
    body = {"error": refusal.code, "message": refusal.message} | refusal.more
    return json_response(body, refusal.status, headers)


def retry_after(refusal: Refusal) -> dict[str, str]:
    """The header that says when to ask again, where that helps."""
    if isinstance(refusal, TooMany):
        return {"Retry-After": str(refusal.more["retry_after_s"])}
    return {"Retry-After": "1"} if isinstance(refusal, InProgressRefusal | Overloaded) else {}


async def http_error_response(_: Request, error: Exception) -> Response:
    """What the router says: no such address, no such method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    word, message = {
        404: ("not_found", "There is nothing at this address."),
        405: ("method_not_allowed", "This address does not take that method."),
    }.get(status, ("malformed", "The request cannot be read."))
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return json_response({"error": word, "message": message}, status, headers)


async def database_response(request: Request, error: Exception) -> Response:
    """The database does not answer, is locked or full: told in the log; the client may ask again."""
    first_line = str(getattr(error, "orig", None) or error).partition("\n")[0]  # what follows quotes values
    log.error("%s %s: the database failed: %s", request.method, request.url.path, first_line)
    return await refusal_response(request, Overloaded("The server's database cannot do this now. Ask again."))


async def defect_response(request: Request, error: Exception) -> Response:
    """A defect of ours: told in the log, not to the client."""
    log.error("%s %s failed: %s", request.method, request.url.path, type(error).__name__)
    return json_response(
        {"error": "defect", "message": "The server failed at this; its log says how."},
        500,
        {"X-Request-ID": present_request_id()},
    )


class OneLength:
    """Middleware that refuses a body whose length is given in two ways, which others may read as two requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it and end the connection."""
        names = {name for name, _ in scope["headers"]} if scope["type"] == "http" else set()
        if not {b"content-length", b"transfer-encoding"} <= names:
            await self._app(scope, receive, send)
            return
        refusal = Refusal("A body has either Content-Length or Transfer-Encoding.")
        body = {"error": refusal.code, "message": refusal.message}
        await json_response(body, refusal.status, {"Connection": "close"})(scope, receive, send)


class Marked:
    """Middleware that writes the server's epoch into every answer, by which clients know it from a captive portal, and
    its time, by which they measure its clock: the Date of an answer is that of whatever passes it on.
    """

    def __init__(self, app: ASGIApp, epoch: Callable[[], str], clock: Callable[[], datetime]) -> None:
        self._app = app
        self._epoch = epoch
        self._clock = clock
        self._headers = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with the mark."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                now = self._clock().isoformat(timespec="milliseconds")
                ours = [(b"sigap-server", self._epoch().encode()), (b"sigap-time", now.encode()), *self._headers]
                message["headers"] += [pair for pair in ours if pair[0] not in present]
            await send(message)

        await self._app(scope, receive, marked if scope["type"] == "http" else send)
