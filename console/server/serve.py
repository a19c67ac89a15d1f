"""`sigap serve`: fills a city's database, then serves it until it is told to end."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import uvicorn
from starlette.applications import Starlette
from typing_extensions import override

from console.parent import when_parent_ends
from console.server.admin.roster import turn_shifts
from console.server.city import audit
from console.server.city.audit_chain import keep_sealing
from console.server.city.change_watcher import ChangeWatcher
from console.server.city.city import FIRST_ZONE, City
from console.server.city.database import CONNECTIONS, FEWEST_CONNECTIONS, database_url
from console.server.city.erased_files import finish_erasing
from console.server.city.media import MediaStore
from console.server.city.records import COMMAND_LINE, AdminPage, DemoOptions, ServeOptions
from console.server.city.users import Users, load_users
from console.server.demo_controls import DemoControls
from console.server.error_text import DONE, FAULTS, LOCAL_DATA, REFUSED, USAGE, complaint
from console.server.errors import Refusal
from console.server.http.app import make_app
from console.server.http.endpoint import HttpEndpoint
from console.server.http.event_stream import Subscribers
from console.server.http.header_timeout import HeaderTimeoutProtocol
from console.server.loader.service_file import load_services, read_services

log = logging.getLogger(__name__)
_TIDY_EVERY_S = 3600.0
_STEP_S = 1.0
_SHIFTS_EVERY_S = 30.0
_HOLDS_EVERY_S = 5.0
_GOODBYE_S = 3
_ORDERLY_S = 10.0
_LAST_PORT = 65_535
_SWITCH_S = 0.0005
"""How long a thread may hold the interpreter: requests that are answered in a moment do not wait for longer ones."""
_WAITING, _ACCEPTED_AT_ONCE = 2_048, 8
"""Connections that wait to be taken in, and how many are before those that are open get their turn again."""
_MOST_CONNECTIONS = 4_000
"""Further ones are answered 503. A console holds up to four connections, one of them its stream."""


class _Stop(Exception):
    """Serving is not possible; the sentence says why."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


def serve(options: ServeOptions) -> int:
    """Load, then serve until SIGINT or SIGTERM; the exit code. The address is printed when everything is loaded.

    0 ended in order, 2 usage, 3 the address cannot be taken or may not be served, 4 a file or the database is unusable.
    """
    # protects: server-ends-with-its-input
    if options.ends_with_input:
        when_parent_ends(_end)
    try:
        _serve(options)
    except _Stop as stop:
        _tell(str(stop))
        return stop.code
    except KeyboardInterrupt:
        return DONE
    except FAULTS as fault:
        sentence, code = complaint(fault, options.database)
        _tell(sentence)
        return code
    return DONE


def _end() -> None:
    """End the server: whoever started it has gone, and nobody else would end it."""
    signal.raise_signal(signal.SIGTERM)
    time.sleep(_ORDERLY_S)
    os._exit(DONE)  # as after a kill, what is committed is whole


def _serve(options: ServeOptions) -> None:
    if options.timezone:
        _check_zone(options.timezone)
    _check_proxies(options.behind_proxy)
    if not options.load and (options.check or options.mapping is not None):
        raise _Stop(f"--{'check' if options.check else 'mapping'} needs a file: --load FILE.", USAGE)
    if options.refused is not None and len(options.load) != 1:
        raise _Stop("--refused takes what is refused of one file: --load FILE once.", USAGE)
    if options.guess is not None:
        _guess(options, options.guess)
        return
    if options.connections is not None and options.connections < FEWEST_CONNECTIONS:
        raise _Stop(f"A server needs {FEWEST_CONNECTIONS} connections to its database, or more.", USAGE)
    if options.admin_page is AdminPage.PUBLIC and not options.citizens.address:
        raise _Stop("--admin-page public needs the server's name: --public-url https://reports.example.org.", USAGE)
    if options.check:
        _check(options)
        return
    with contextlib.closing(_socket(options.host, options.port)) as listener:
        city = City(
            options.database,
            timezone=options.timezone,
            name=options.name,
            connections=options.connections or CONNECTIONS,
        )
        with contextlib.closing(city):
            city.create_schema()
            loopback = _is_loopback(options.host)
            here_only = loopback and options.behind_proxy is None
            users = Users(city, tokenless=here_only)
            media = options.media or _media_folder(city)
            past = _fill(city, options, media)
            if not here_only and not users.any():
                raise _Stop(
                    "Without users the server listens on this computer only (127.0.0.1), and behind no proxy. "
                    "Add one: sigap user add NAME.",
                    REFUSED,
                )
            city.tidy()
            finish_erasing(city.database, media)
            if not city.has_units():
                begin = "export" if city.stats().reports else "init"
                where = _named(options.database)
                _tell(
                    "The city has no units: nobody can be sent anywhere. Get a folder to fill in with "
                    f"“sigap city {begin} FOLDER{f' {where}' if begin == 'export' else ''}”, "
                    f"then: sigap city apply FOLDER {where}"
                )
            demo = options.demo
            controls = DemoControls(demo.speed) if demo is not None and demo.living else None
            app = make_app(
                city,
                media,
                users,
                citizens=options.citizens,
                admin_page=options.admin_page,
                city_map=options.city_map,
                demo=controls,
            )
            address = _address(options.host, listener.getsockname()[1])
            watcher: ChangeWatcher = app.state.change_watcher
            beside = _background(city, options, media, past, controls, lambda: watcher.processes)
            with beside, _metrics(app, city, options.metrics):
                _raise_file_limit()
                sys.setswitchinterval(_SWITCH_S)
                announce = partial(_announce, city.name or "a city", address)
                _Server(app.state.subscribers, app.state.http_endpoint, app, announce, options.behind_proxy).run(
                    sockets=[listener]
                )


class _Server(uvicorn.Server):
    """Announces itself when it listens, lets its streams end before it does, and ends in order on a signal."""

    def __init__(
        self,
        subscribers: Subscribers,
        http_endpoint: HttpEndpoint,
        app: object,
        announce: Callable[[], None],
        proxy: str | None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GOODBYE_S,
                timeout_keep_alive=75,
                http=HeaderTimeoutProtocol,
                ws="none",
                limit_concurrency=_MOST_CONNECTIONS,
                backlog=_ACCEPTED_AT_ONCE,
                proxy_headers=proxy is not None,
                forwarded_allow_ips=proxy,
            )
        )
        self._subscribers = subscribers
        self._http_endpoint = http_endpoint
        self._announce = announce

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._subscribers.close()
        self._http_endpoint.close()
        await super().shutdown(sockets)

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn raises the signal again at the end; here the end in order is all that was asked for."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: types.FrameType | None) -> None:
        self.handle_exit(number, frame)


def _fill(city: City, options: ServeOptions, media: Path) -> Callable[[threading.Event], None]:
    """Areas, users, files and the demo city, in this order; progress on standard error.

    Returns what may be put in while the server already listens: the demo city's past.
    """
    from console.server.loader import LoadError, Stopped, load_and_tell, load_areas

    try:
        if options.areas is not None:
            result = load_areas(options.areas, city)
            _tell(f"{options.areas}: {result.loaded:,} areas")
        if options.services is not None:
            _tell(f"{options.services}: {load_services(options.services, city):,} services")
        if options.users is not None:
            _tell(f"{options.users}: {load_users(options.users, city):,} users")
        for path in options.load:
            audit.record(
                city.database, city.clock(), audit.AuditedAction(COMMAND_LINE, audit.LOAD, detail={"file": path.name})
            )
            load_and_tell(path, city, _tell, mapping=options.mapping, timezone=city.timezone, refused=options.refused)
    except LoadError as fault:
        raise _Stop(str(fault), LOCAL_DATA) from fault
    except Stopped as stop:
        raise _Stop(str(stop), DONE) from stop
    except Refusal as fault:
        raise _Stop(fault.message, LOCAL_DATA) from fault
    if options.demo is None:
        return lambda _end: None
    from console.server.demo import fill_city

    return fill_city(city, options.demo, media, _tell)


def _check(options: ServeOptions) -> None:
    """What `--load` would bring, without a database and without listening."""
    from console.server.loader import LoadError, check_and_tell, read_areas

    try:
        areas = read_areas(options.areas)[0] if options.areas is not None else []
        services = read_services(options.services) if options.services is not None else []
        for path in options.load:
            check_and_tell(
                path,
                areas,
                services,
                _tell,
                mapping=options.mapping,
                timezone=options.timezone or FIRST_ZONE,
                refused=options.refused,
            )
    except LoadError as fault:
        raise _Stop(str(fault), LOCAL_DATA) from fault
    except Refusal as fault:
        raise _Stop(fault.message, LOCAL_DATA) from fault


def _guess(options: ServeOptions, mapping: Path) -> None:
    """Make a mapping file for the one of `--load`, and show it with example rows."""
    from console.server.loader import LoadError, guess_and_tell

    if len(options.load) != 1:
        raise _Stop("--guess makes a mapping for one file: --load FILE once.", USAGE)
    try:
        guess_and_tell(options.load[0], mapping, _tell)
    except LoadError as fault:
        raise _Stop(str(fault), LOCAL_DATA) from fault


@contextlib.contextmanager
def _background(
    city: City,
    options: ServeOptions,
    media: Path,
    past: Callable[[threading.Event], None],
    controls: DemoControls | None,
    processes: Callable[[], int],
) -> Iterator[None]:
    """What goes on beside serving: old things go, shifts, holds and closures end, the audit log is sealed, the demo
    city lives.
    """
    end = threading.Event()
    threads = [
        threading.Thread(target=_tidy, args=(city, media, end), name="tidy", daemon=True),
        threading.Thread(target=_turn_shifts, args=(city, end), name="shifts", daemon=True),
        threading.Thread(target=_end_holds, args=(city, end), name="holds", daemon=True),
        # protects: what-waits-is-sealed
        threading.Thread(target=keep_sealing, args=(city.database, end, processes), name="audit", daemon=True),
        threading.Thread(target=past, args=(end,), name="past", daemon=True),
    ]
    if controls is not None:
        work = partial(_live, city, options, media, controls, end)
        threads.append(threading.Thread(target=work, name="living", daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join(5)


def _tidy(city: City, media: Path, end: threading.Event) -> None:
    store = MediaStore(media)
    try:
        city.read_proofs()
    except Exception:
        log.exception("the proofs could not be read; the first that comes waits for it")
    while not end.wait(_TIDY_EVERY_S):
        try:
            city.tidy()
            finish_erasing(city.database, media)
            store.tidy(time.time())
        except Exception:
            log.exception("what is old could not be dropped; it is tried again in an hour")


def _turn_shifts(city: City, end: threading.Event) -> None:
    while True:
        try:
            turn_shifts(city, city.clock())
        except Exception:
            log.exception("shifts could not be turned")
        if end.wait(_SHIFTS_EVERY_S):
            return


def _end_holds(city: City, end: threading.Event) -> None:
    while True:
        try:
            # protects: a-hold-ends
            city.end_holds()
            # protects: a-closure-ends
            city.end_closures()
        except Exception:
            log.exception("holds and closures could not be ended")
        if end.wait(_HOLDS_EVERY_S):
            return


def _named(database: str) -> str:
    """How a command names the database: an address with a password stands in a file, not on a command line."""
    url = database_url(database)
    return f"--database {url}" if url.password is None else "--database-file FILE"


def _live(city: City, options: ServeOptions, media: Path, controls: DemoControls, end: threading.Event) -> None:
    from console.server.demo import Living

    demo = options.demo or DemoOptions()
    living = Living(
        city,
        seed=demo.seed,
        now=city.clock(),
        media=media,
        reports=demo.reports,
        city_map=options.city_map,
        controls=controls,
    )
    while not end.wait(_STEP_S):
        try:
            living.step(city.clock())
        except Exception:
            log.exception("the demo city stumbled")


def _raise_file_limit() -> None:
    """Each connection is an open file, of which many systems allow a program 1,024 unless it asks for more."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MOST_CONNECTIONS
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class ListeningSocket(socket.socket):
    """A socket on which very many may wait to be taken in, whoever takes in only some of them at a time.

    asyncio has one number for both: how many connections the system keeps waiting, and how many it takes in before
    anybody is answered. Who opens thousands at once, again and again, would have all others wait for a second.
    """

    @override
    def listen(self, backlog: int = 0, /) -> None:
        """Listen, with the queue's own length whatever is asked for."""
        # protects: many-wait-few-are-taken-in
        super().listen(max(backlog, _WAITING))


def _socket(host: str, port: int) -> ListeningSocket:
    """A socket that has the address but does not listen yet."""
    if not 0 <= port <= _LAST_PORT:
        raise _Stop(f"{port} is no port; ports go from 0 to {_LAST_PORT}.", USAGE)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as fault:
        raise _Stop(f"There is no address {host}.", USAGE) from fault
    # The protocol has to be named: asyncio sets TCP_NODELAY only where it reads IPPROTO_TCP, else answers wait 40 ms.
    listener = ListeningSocket(found[0], found[1], socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[4])
    except OSError as fault:
        listener.close()
        raise _Stop(f"The address {_address(host, port)} cannot be taken: {fault}.", REFUSED) from fault
    return listener


@contextlib.contextmanager
def _metrics(app: Starlette, city: City, address: str) -> Iterator[None]:
    """Answer to Prometheus at this address, if there is one, for as long as the block runs."""
    if not address:
        yield
        return
    from console.server.http.metrics import measure, told_at  # whoever wants none is spared its loading

    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isascii() or not port.isdigit() or int(port) > _LAST_PORT:
        raise _Stop(f"“{address}” is no address for --metrics; write it like 9311 or 10.0.0.5:9311.", USAGE)
    with contextlib.ExitStack() as open_now:
        try:
            told = open_now.enter_context(told_at(measure(app, city), host, int(port)))
        except OSError as fault:
            raise _Stop(f"The address {_address(host, int(port))} cannot be taken: {fault}.", REFUSED) from fault
        _tell(f"Metrics are at {_address(host, told)}/metrics")
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise _Stop(f"There is no time zone {name}; write it like Asia/Jakarta.", USAGE) from fault


def _check_proxies(addresses: str | None) -> None:
    for each in addresses.split(",") if addresses is not None else ():
        try:
            ipaddress.ip_network(each.strip(), strict=False)
        except ValueError as fault:
            raise _Stop(f"“{each}” is no address of a proxy; write it like 10.0.0.5 or 10.0.0.0/24.", USAGE) from fault


def _media_folder(city: City) -> Path:
    """Photos lie beside an SQLite file; with a database server, in the folder the program was started in."""
    database = city.database.url.database
    if city.database.is_sqlite and database:
        return Path(database).absolute().parent / f"{Path(database).stem}-media"
    return Path("sigap-media").absolute()


def _announce(name: str, address: str) -> None:
    sys.stdout.write(f"Sigap serves {name} at {address}\n")
    sys.stdout.flush()


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
