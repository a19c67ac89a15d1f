"""Carry one HTTP request to one server under time, size and address limits, and name what went wrong."""

from __future__ import annotations

import contextlib
import email.utils
import functools
import ipaddress
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from api_client import errors

_CHUNK = 65536
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
_USER_AGENT = "Sigap/0.1"
_HANGS_S = 2.0
"""After this long without a byte a request may be ended by who wants to try anew."""


@dataclass(frozen=True)
class TransferLimits:
    """How long and how large one exchange may be. `read_s` is the longest silence, `total_s` the whole exchange."""

    connect_s: float = 5.0
    read_s: float = 10.0
    total_s: float = 60.0
    max_bytes: int = 32 * 1024 * 1024


PAGE = TransferLimits()
MOST_PATIENCE_S = 300.0
"""How long a server may be left alone at its word: longer than any that is only busy, and somebody waits for it."""
SMALL = TransferLimits(read_s=10.0, total_s=30.0, max_bytes=4 * 1024 * 1024)
PHOTO = TransferLimits(read_s=20.0, total_s=120.0, max_bytes=16 * 1024 * 1024)
FOREIGN_PHOTO = TransferLimits(read_s=10.0, total_s=10.0, max_bytes=15 * 1024 * 1024)


class UnderWay:
    """The exchanges with one server that have begun and not ended, by several transports on their own threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard_at: dict[int, float] = {}

    def heard(self, transport: int) -> None:
        """An exchange of this transport has begun, or a piece of its answer has come."""
        with self._lock:
            self._heard_at[transport] = time.monotonic()

    def ended(self, transport: int) -> None:
        """It has its answer, or will have none."""
        with self._lock:
            self._heard_at.pop(transport, None)

    def silent_s(self) -> float:
        """For how long the one that has waited longest for a byte has done so; 0 while nothing is asked."""
        with self._lock:
            first = min(self._heard_at.values(), default=None)
        return 0.0 if first is None else time.monotonic() - first


@dataclass(frozen=True)
class HttpAnswer:
    """A complete answer. `clock_bounds_s`: server clock minus ours lies between, None without a Date header."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency_s: float = 0.0
    server_time: datetime | None = None
    clock_bounds_s: tuple[float, float] | None = None

    @property
    def content_type(self) -> str:
        """The media type without its parameters, lower case."""
        return self.headers.get("Content-Type", "").split(";")[0].strip().lower()


def utc_now() -> datetime:
    """The computer's clock, aware."""
    return datetime.now(UTC)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this computer."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, looking through IPv6 forms that carry an IPv4 address."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return ip.is_global and not ip.is_multicast


def split_address(url: str) -> SplitResult:
    """The parts of an address that somebody else wrote. Raises BadAddress."""
    try:
        return urlsplit(url.strip())
    except ValueError as error:
        raise errors.BadAddress(f"“{url}” is not an address.") from error


def is_bare(url: str) -> bool:
    """Whether everybody on the way can read what is sent to an address: http beyond this computer."""
    parts = split_address(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def check_base_url(url: str, *, insecure_http: bool = False) -> str:
    """The address without a trailing slash.

    Raises BadAddress when it is none, carries a password, or is http beyond this computer without `insecure_http`.
    """
    parts = split_address(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.BadAddress(
            f"“{url}” is not an address: it must begin with https:// (or http:// on this computer)."
        )
    if parts.username or parts.password:
        raise errors.BadAddress("An address must not carry a name or password; give the token separately.")
    if parts.query or parts.fragment:
        raise errors.BadAddress("An address must end with a path, without “?” or “#”.")
    try:
        parts.port  # noqa: B018 — urlsplit checks the port only when it is read
    except ValueError as error:
        raise errors.BadAddress(f"“{url}” has no usable port.") from error
    if is_bare(url) and not insecure_http:
        raise errors.BadAddress(
            f"http to {parts.hostname} would send everything readable by others. Use https, or say --insecure-http."
        )
    return url.strip().rstrip("/")


class _Bearer(AuthBase):
    """Set the token ourselves, so that a .netrc file never replaces it."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Adapter(HTTPAdapter):
    """Connections that can be cut from another thread, with the system's certificates besides the shipped ones."""

    def __init__(self, address_allowed: Callable[[str], bool] | None = None) -> None:
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._refusing = False
        self._pools = self._pool_classes(address_allowed)
        super().__init__(pool_connections=2, pool_maxsize=4, max_retries=0)

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    @override
    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    @functools.cached_property
    def _trust(self) -> ssl.SSLContext:
        """The system's certificates. To read them takes 20 ms, which only a transport that meets https has to spend."""
        return ssl.create_default_context()

    def cut(self, *, for_good: bool = False) -> None:
        """Shut every open connection, so that whoever waits on one has an error at once; `for_good` later ones too."""
        with self._lock:
            self._refusing = self._refusing or for_good
            sockets = list(self._open)
        for sock in sockets:
            _shut(sock)

    def _pool_classes(self, allowed: Callable[[str], bool] | None) -> dict[str, Any]:
        adapter = self

        def remember(connection: HTTPConnection) -> None:
            # The socket itself: a connection that ends after its answer forgets it while the body is still read.
            if connection.sock is not None:
                with adapter._lock:
                    adapter._open.add(connection.sock)
                    refusing = adapter._refusing
                if refusing:
                    _shut(connection.sock)

        def dial(connection: HTTPConnection) -> socket.socket | None:
            return None if allowed is None else _dial_allowed(connection, allowed)

        class Plain(HTTPConnection):
            @override
            def _new_conn(self) -> socket.socket:
                return dial(self) or super()._new_conn()

            @override
            def connect(self) -> None:
                super().connect()
                remember(self)

        class Tls(HTTPSConnection):
            @override
            def _new_conn(self) -> socket.socket:
                return dial(self) or super()._new_conn()

            @override
            def connect(self) -> None:
                super().connect()
                remember(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = Tls

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **{"ssl_context": adapter._trust} | kwargs)

        return {"http": PlainPool, "https": TlsPool}


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # SSLSocket.shutdown would first drop its TLS object under the reading thread.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _dial_allowed(connection: HTTPConnection, allowed: Callable[[str], bool]) -> socket.socket:
    """Resolve once, and connect to an address that passes: a second look-up could be answered differently."""
    try:
        found = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise urllib3.exceptions.NameResolutionError(connection.host, connection, error) from error  # type: ignore[arg-type]
    for family, kind, protocol, _, address in found:
        if not allowed(str(address[0])):
            continue
        sock = socket.socket(family, kind, protocol)
        timeout = connection.timeout
        sock.settimeout(timeout if isinstance(timeout, (int, float)) else PAGE.connect_s)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error
        return sock
    raise errors.BadAddress("The photo's address leads into a private network; it was not fetched.")


class Transport:
    """Requests to one server over one session; used by one thread, except `cut` and `close`.

    `token` is sent to this server only. `address_allowed` filters the addresses a name resolves to. `under_way` is told
    of each exchange (a stream is none). `time_header` is where the server writes its time, better than Date, which is
    of whatever passes the answer on. `headers` are sent with every request.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        insecure_http: bool = False,
        session: requests.Session | None = None,
        clock: Callable[[], datetime] = utc_now,
        address_allowed: Callable[[str], bool] | None = None,
        under_way: UnderWay | None = None,
        time_header: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._time_header = time_header
        self._under_way = under_way or UnderWay()
        self.base_url = check_base_url(base_url, insecure_http=insecure_http)
        self._clock = clock
        self._heard_at: float | None = None  # the last byte of the exchange under way
        self.exchanges = 0
        """How many have ended, well or not; what comes in over a stream counts by the piece."""
        self._adapter = _Adapter(address_allowed)
        self._session = session or requests.Session()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._session.auth = _Bearer(token)
        self._session.headers["User-Agent"] = _USER_AGENT
        self._session.headers.update(headers or {})
        if is_loopback(urlsplit(self.base_url).hostname or ""):
            # Nothing is to be gained on this computer: packing and unpacking take longer than copying.
            self._session.headers["Accept-Encoding"] = "identity"
        self._session.cookies.set_policy(_NoCookies())
        # A proxy of the environment serves the outside; this computer, and addresses checked one by one, go direct.
        self._session.trust_env = address_allowed is None and not is_loopback(urlsplit(self.base_url).hostname or "")

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        limits: TransferLimits = SMALL,
    ) -> HttpAnswer:
        """One exchange, whatever its status.

        Raises Unreachable and its kinds, NotThisServer for a redirect to elsewhere, Malformed for an answer too large.
        """
        url = self.base_url + path
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._exchange(method, url, params=params, headers=headers, body=body, limits=limits)
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or target is None:
                return answer
            url = self._redirected(method, url, target)
            params = None
        raise errors.NotThisServer(f"{self.host} keeps redirecting in a circle.")

    @property
    def host(self) -> str:
        """Host and port, for sentences."""
        return urlsplit(self.base_url).netloc

    @contextlib.contextmanager
    def stream(self, path: str, *, limits: TransferLimits) -> Iterator[tuple[HttpAnswer, Iterator[bytes]]]:
        """An answer without end: its head, due within `limits.total_s`, and its bytes as they arrive.

        `limits.read_s` of silence end it.

        Raises as `request`; the iterator raises Unreachable when the connection is cut or silent.
        """
        with self._deadline(limits) as expired, self._named_errors(expired, arrived=True):
            started, clock = time.monotonic(), self._clock()
            response = self._session.request(
                "GET",
                self.base_url + path,
                headers={"Accept": "text/event-stream", "Accept-Encoding": "identity"},
                timeout=(limits.connect_s, limits.read_s),
                allow_redirects=False,
                stream=True,
            )
        try:
            yield self._head(response, b"", started, clock), self._pieces(response)
        finally:
            response.close()

    def cut(self) -> None:
        """From any thread and for good: whatever is under way, or begins later, ends with Unreachable."""
        self._adapter.cut(for_good=True)

    def interrupt(self) -> None:
        """From any thread: if the exchange under way has been silent for two seconds it ends with Unreachable."""
        heard_at = self._heard_at
        if heard_at is not None and time.monotonic() - heard_at > _HANGS_S:
            self._adapter.cut()

    def close(self) -> None:
        """Drop the connections."""
        self._session.close()

    def _exchange(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        body: Any,
        limits: TransferLimits,
    ) -> HttpAnswer:
        self._heard()
        try:
            with self._deadline(limits) as expired, self._named_errors(expired, arrived=method != "GET"):
                started, clock = time.monotonic(), self._clock()
                with self._session.request(
                    method,
                    url,
                    params=params,
                    headers=dict(headers or {}),
                    data=body,
                    timeout=(limits.connect_s, limits.read_s),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    content = self._whole_body(response, limits.max_bytes)
                    if expired.is_set():
                        raise TimeoutError
                    return self._head(response, content, started, clock)
        finally:
            self._heard_at = None
            self._under_way.ended(id(self))

    def _heard(self) -> None:
        self._heard_at = time.monotonic()
        self._under_way.heard(id(self))

    @contextlib.contextmanager
    def _deadline(self, limits: TransferLimits) -> Iterator[threading.Event]:
        """Cut what is done inside when it lasts too long; the event then says so."""
        expired = threading.Event()
        timer = threading.Timer(limits.total_s, self._expire, (expired,))
        timer.daemon = True
        # protects: total-deadline
        timer.start()
        try:
            yield expired
        finally:
            timer.cancel()
            # protects: an-exchange-is-a-step
            self.exchanges += 1

    def _expire(self, expired: threading.Event) -> None:
        expired.set()
        self._adapter.cut()

    def _whole_body(self, response: requests.Response, max_bytes: int) -> bytes:
        announced = response.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced) > max_bytes:
            raise errors.TooLarge(f"{self.host} sent more than {max_bytes // 2**20} MB at once; it was not read.")
        pieces, size = [], 0
        for piece in response.iter_content(_CHUNK):
            self._heard()
            size += len(piece)
            # protects: largest-unpacked
            if size > max_bytes:
                raise errors.TooLarge(f"{self.host} sent more than {max_bytes // 2**20} MB at once; it was not read.")
            pieces.append(piece)
        return b"".join(pieces)

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        with self._named_errors(threading.Event(), arrived=True):
            if getattr(response.raw, "chunked", False):
                pieces = response.iter_content(None)
            else:
                pieces = iter(lambda: response.raw.read1(_CHUNK), b"")
            for piece in pieces:
                self.exchanges += 1
                yield piece

    def _head(self, response: requests.Response, body: bytes, started: float, clock: datetime) -> HttpAnswer:
        latency = time.monotonic() - started
        iso_time = _iso_time(response.headers.get(self._time_header, ""))
        server_time = iso_time or _http_date(response.headers.get("Date", ""))
        bounds = None
        if server_time is not None:
            # Date is cut to whole seconds, the server's own time to thousandths; both were written between our two
            # looks at the clock.
            cut_s = 0.001 if iso_time is not None else 1.0
            bounds = (server_time - self._clock()).total_seconds(), (server_time - clock).total_seconds() + cut_s
        return HttpAnswer(response.status_code, response.headers, body, latency, server_time, bounds)

    def _redirected(self, method: str, url: str, target: str) -> str:
        there = urljoin(url, target)
        old, new = urlsplit(url), urlsplit(there)
        if method not in ("GET", "HEAD"):
            raise errors.NotThisServer(f"{self.host} redirects to {new.netloc or 'elsewhere'}; nothing was sent there.")
        same_place = (new.scheme, new.netloc) == (old.scheme, old.netloc)
        if not same_place:
            raise errors.NotThisServer(
                f"{self.host} redirects to {new.scheme}://{new.netloc}. Is this network asking for a sign-in page, "
                "or has the server moved? Nothing was sent there."
            )
        return there

    @contextlib.contextmanager
    def _named_errors(self, expired: threading.Event, *, arrived: bool) -> Iterator[None]:
        try:
            yield
        except errors.ApiError:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if expired.is_set():
                raise errors.TimedOut(f"{self.host} answered too slowly.", may_have_arrived=arrived) from error
            raise self._name(error, arrived=arrived) from error

    def _name(self, error: Exception, *, arrived: bool) -> errors.ApiError:
        causes = list(_causes(error))

        def among(*kinds: type[BaseException]) -> bool:
            return any(isinstance(cause, kinds) for cause in causes)

        if among(ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError):
            return errors.TlsFailed(f"The certificate of {self.host} could not be verified ({_tls_reason(causes)}).")
        if among(requests.exceptions.ProxyError, urllib3.exceptions.ProxyError):
            return errors.Unreachable(f"The network's proxy does not lead to {self.host}.")
        if among(urllib3.exceptions.NameResolutionError, socket.gaierror):
            return errors.NameNotFound(f"The name of {self.host} is unknown here. Is the network there?")
        if among(ConnectionRefusedError):
            return errors.ConnectionRefused(f"{self.host} refuses the connection: no server listens there.")
        if among(urllib3.exceptions.NewConnectionError) and not among(TimeoutError):
            return errors.Unreachable(f"There is no way to {self.host} from here.")
        if among(requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
            return errors.TimedOut(f"{self.host} does not answer.")
        if among(requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError):
            return errors.TimedOut(f"{self.host} took the connection and fell silent.", may_have_arrived=arrived)
        if among(urllib3.exceptions.DecodeError, requests.exceptions.ContentDecodingError):
            return errors.Malformed(f"{self.host} sent an answer that cannot be unpacked.")
        return errors.Unreachable(f"The connection to {self.host} was cut.", may_have_arrived=arrived)


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    """Keep no cookies: a portal's would only follow us."""

    def set_ok(self, *_: Any) -> bool:
        """Refuse every cookie."""
        return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, what it wraps in its arguments, and what it was raised from.

    Never what only happened to be handled meanwhile (`__context__`): that may be another exchange's answer.
    """
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__]


def _tls_reason(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message or "not trusted"
    return "no secure connection"


def _iso_time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _http_date(text: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):  # the last: at the ends of the calendar, in a zone of its own
        return None


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """The wait a Retry-After header asks for, in seconds (given as seconds or as a date), at most MOST_PATIENCE_S."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(MOST_PATIENCE_S, float(text))
    date = _http_date(text) if text else None
    return None if date is None else min(MOST_PATIENCE_S, max(0.0, (date - now).total_seconds()))
