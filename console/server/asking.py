"""The edge of HTTP: bodies within limits, who asks, JSON in and out, and refusals as answers."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.domain.decoding import convert, decode
from console.server import rate
from console.server.payloads import as_whole
from console.server.rate import Limits
from console.server.records import LOCAL, Actor
from console.server.refusals import (
    Forbidden,
    InProgress,
    Invalid,
    Overloaded,
    Refusal,
    SignIn,
    TooLarge,
    TooMany,
    TooSlow,
    WrongType,
)
from console.server.users import Users

log = logging.getLogger(__name__)
T = TypeVar("T")
SMALL_BODY = 1_000_000
JSON = "application/json"
_ANYBODY = Actor("", "viewer")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
BODY_S, PART_S = 300.0, 30.0
"""How long a body may take, and how long each piece of it."""
_BROWSER_ELSEWHERE = frozenset({"cross-site", "same-site"})


class Ask(msgspec.Struct, frozen=True):
    """One request: who asks, and its whole body."""

    actor: Actor
    request: Request
    body: bytes

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


Work = Callable[[Ask], Response | Awaitable[Response]]
"""What answers: on a thread of its own, or, where it is a coroutine function, on the event loop."""
Endpoint = Callable[[Request], Awaitable[Response]]


_PUBLIC = {"POST": rate.CITIZEN_POST, "PUT": rate.CITIZEN_PHOTO}


class Gate:
    """Makes endpoints of plain functions: the body is read, the asker found, the work done on a thread.

    Nobody asks more often than `limits` say, but for a server's only user, "local".
    """

    def __init__(self, users: Users | None, limits: Limits | None = None) -> None:
        self._users = users
        self._limits = limits or Limits()

    def endpoint(self, work: Work, *, most: int = 0, public: bool = False, counts_posts: bool = True) -> Endpoint:
        """An endpoint that takes bodies up to `most` bytes; `public` asks for no token.

        A public POST counts as a citizen's, by its address, unless the work itself calls `count_post`.
        """

        on_loop = inspect.iscoroutinefunction(work)

        async def answer(request: Request) -> Response:
            if public:
                limit = _PUBLIC.get(request.method, rate.PUBLIC_READ) if counts_posts else rate.PUBLIC_READ
                self._limits.spend_by_address(limit, host_of(request))
            body = await read_body(request, most)
            if on_loop:
                known = self.known(request)
                ask = self._ask(request, body, known) if known else await run_in_threadpool(self._ask, request, body)
                coming = work(ask)
                assert not isinstance(coming, Response)
                return await coming
            response = await run_in_threadpool(lambda: work(self._ask(request, body, _ANYBODY if public else None)))
            assert isinstance(response, Response)
            return response

        return answer

    def known(self, request: Request) -> Actor | None:
        """Who asks, where that is known without asking the database."""
        return self._users.known(_token(request)) if self._users is not None else LOCAL

    def actor(self, request: Request) -> Actor:
        """Who asks; SignIn when that is not known, TooMany when he has asked too often."""
        actor = self._known_actor(request, _token(request))
        self._count(request, actor)
        return actor

    def count_post(self, request: Request, client: str | None) -> None:
        """Count a citizen's report: of a program that showed its key, or of an address. TooMany when there are many."""
        if client is not None:
            self._limits.spend(rate.KEY_POST, client)
        else:
            self._limits.spend_by_address(rate.CITIZEN_POST, host_of(request))

    def count_upload(self, actor: Actor, size: int) -> None:
        """Count the bytes of a photo. TooMany when they are too many for an hour."""
        if not actor.tokenless:
            self._limits.spend(rate.UPLOAD, actor.name, max(1, size // 1_000_000))

    def count_unknown_key(self, request: Request) -> None:
        """Count an api_key that nobody has. TooMany when somebody tries keys."""
        self._limits.spend_by_address(rate.SIGN_IN, host_of(request))

    def has_users(self) -> bool:
        """Whether anybody has a token."""
        return self._users is not None and self._users.any()

    def actor_of(self, token: str | None, *, anew: bool = False) -> Actor:
        """Whose token it is; `anew` from the database, which another process may have changed a moment ago."""
        return self._users.actor(token or None, anew=anew) if self._users is not None else LOCAL

    def asked_anew(self, ask: Ask) -> Actor:
        """Who asks, with the rights that the database has now."""
        return self.actor_of(_token(ask.request), anew=True)

    def _ask(self, request: Request, body: bytes, actor: Actor | None = None) -> Ask:
        if "\x00" in request.url.path or "%00" in request.url.query:
            raise Refusal("An address holds no NUL characters.")
        if actor is None:
            actor = self.actor(request)
        elif actor.name:
            self._count(request, actor)
        if actor.tokenless:
            check_local(request)
        return Ask(actor, request, body)

    def _count(self, request: Request, actor: Actor) -> None:
        if not actor.tokenless:
            reads = request.method in ("GET", "HEAD", "OPTIONS")
            self._limits.spend(rate.READ if reads else rate.WRITE, actor.name)

    def _known_actor(self, request: Request, token: str | None) -> Actor:
        """Whose token it is. An unknown one goes into the audit log, without the token; very many are not answered."""
        try:
            return self.actor_of(token)
        except SignIn:
            if token and self._users is not None:
                host = host_of(request)
                self._limits.spend_by_address(rate.SIGN_IN, host)
                if self._limits.has_room(rate.SIGN_IN_RECORD, "everybody"):
                    self._users.record_refused(rate.network_of(host) or "this computer")
            raise


def _token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else None


def host_of(request: Request) -> str | None:
    """The address that asks."""
    return request.client.host if request.client is not None else None


def check_local(request: Request) -> None:
    """Without tokens only programs on this computer are served, not the pages that its browser happens to show."""
    host = _name_in(f"//{request.headers.get('host', '')}")
    origin = request.headers.get("origin")
    forwarded = any(name in request.headers for name in _FORWARDED)
    if forwarded or host not in _LOOPBACK or request.headers.get("sec-fetch-site") in _BROWSER_ELSEWHERE:
        raise Forbidden("Without users this server answers to programs on its own computer only.")
    if origin is not None and _name_in(origin) not in _LOOPBACK:
        raise Forbidden("Without users this server does not answer to pages of other sites.")


def _name_in(address: str) -> str | None:
    """The host's name, None in what is no address."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request; TooLarge as soon as it has more bytes than `most`, TooSlow when it does not come."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most:
        raise TooLarge(f"The body has more than {most:,} bytes.")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S), asyncio.timeout(PART_S) as patience:
            async for part in request.stream():
                patience.reschedule(asyncio.get_running_loop().time() + PART_S)
                size += len(part)
                if size > most:
                    raise TooLarge(f"The body has more than {most:,} bytes.")
                parts.append(part)
    except TimeoutError:
        raise TooSlow("The body did not come in time.") from None
    except ClientDisconnect:
        raise Refusal("The connection ended before the body was whole.") from None
    return b"".join(parts)


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(msgspec.json.encode(value), status, headers, JSON)


async def refusal_response(_: Request, refusal: Exception) -> Response:
    """A refusal as an answer."""
    if not isinstance(refusal, Refusal):
        raise refusal
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    headers |= retry_after(refusal)
    body = {"error": refusal.word, "message": refusal.message} | refusal.more
    return json_response(body, refusal.status, headers)


def retry_after(refusal: Refusal) -> dict[str, str]:
    """The header that says when to ask again, where that helps."""
    if isinstance(refusal, TooMany):
        return {"Retry-After": str(refusal.more["retry_after_s"])}
    return {"Retry-After": "1"} if isinstance(refusal, InProgress | Overloaded) else {}


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
    first_line = str(getattr(error, "orig", None)).partition("\n")[0]  # what follows quotes values
    log.error("%s %s: the database failed: %s", request.method, request.url.path, first_line)
    return await refusal_response(request, Overloaded("The server's database cannot do this now. Ask again."))


async def defect_response(request: Request, error: Exception) -> Response:
    """A defect of ours: told in the log, not to the client."""
    log.error("%s %s failed: %s", request.method, request.url.path, type(error).__name__)
    return json_response({"error": "defect", "message": "The server failed at this; its log says how."}, 500)


class Marked:
    """Middleware that writes the server's epoch into every answer, by which clients know it from a captive portal."""

    def __init__(self, app: ASGIApp, epoch: Callable[[], str]) -> None:
        self._app = app
        self._epoch = epoch
        self._headers = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with the mark."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                ours = [(b"sigap-server", self._epoch().encode()), *self._headers]
                message["headers"] += [pair for pair in ours if pair[0] not in present]
            await send(message)

        await self._app(scope, receive, marked if scope["type"] == "http" else send)
