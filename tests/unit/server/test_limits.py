"""Who asks too often is told when to come back; who sends too slowly or connects too much is hung up on."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from console.server.city import audit, rates
from console.server.city.city import City
from console.server.city.rates import READ, RULES, WRITE, RateLimit, rule_fault, rules_of, text_of
from console.server.city.users import Users, add_user
from console.server.errors import Overloaded, TooMany
from console.server.http import bodies
from console.server.http.endpoint import HttpEndpoint, RequestContext
from console.server.http.header_timeout import HeaderTimeoutProtocol
from console.server.http.rate_limit import RateLimits, network_of
from tests.helpers.pictures import picture
from tests.helpers.prompt_server import serving
from tests.unit.server.conftest import Api, recorded, running
from tests.unit.server.test_serve import child, listening

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@contextlib.contextmanager
def limited(city: City, tmp_path: Path, **rules: str) -> Iterator[str]:
    """A server with users behind a proxy, so that a test can come from any address."""
    limits = RateLimits({getattr(rates, name): text for name, text in rules.items()})
    with running(city, tmp_path / "media", Users(city), limits=limits, behind_proxy=True) as url:
        yield url


def coming_from(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def test_every_rule_can_be_read_and_bears_what_consoles_do() -> None:
    limits = RateLimits()
    for _ in range(100):  # a console that was offline
        limits.spend(rates.WRITE, "rina")
    for console in range(200):  # a control room, each with its own token
        for _ in range(20):
            limits.spend(rates.READ, f"user{console}")
    for _ in range(10_000):  # programs on this computer
        limits.spend_by_address(rates.CITIZEN_POST, "127.0.0.1")
    assert set(RULES) >= {READ, WRITE, rates.SIGN_IN}


@one_database
def test_reads_and_writes_are_counted_by_user_and_refused_with_a_time(city: City, tmp_path: Path) -> None:
    with limited(city, tmp_path, READ="3 per 1 minute", WRITE="2 per 1 minute") as url:
        rina, budi = Api(url, add_user(city, "rina", "operator")), Api(url, add_user(city, "budi", "operator"))
        assert [rina.get("/me").status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = rina.get("/me")
        assert refused.json()["error"] == "too_many"
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["Sigap-Server"] == city.epoch
        assert rina.get("/stream").status_code == 429
        notes = [rina.edit("10", "note", {"text": "x"}, seen=1).status_code for _ in range(3)]
        assert notes == [200, 200, 429]
        assert budi.get("/me").status_code == 200
        assert len([row for row in city.entries("10") if row.kind == "note"]) == 2
        rina.session.close()
        budi.session.close()


@one_database
def test_without_users_nothing_is_limited(city: City, tmp_path: Path) -> None:
    rules = dict.fromkeys(RULES, "1 per 1 hour")
    with running(city, tmp_path / "media", Users(city), limits=RateLimits(rules)) as url:
        api = Api(url)
        assert {api.get("/me").status_code for _ in range(5)} == {200}
        assert {api.get("/stats").status_code for _ in range(5)} == {200}
        assert {api.edit("10", "note", {"text": "x"}).status_code for _ in range(3)} == {200}
        api.session.close()


class Pace:
    """Limits with a clock of their own, which goes on while somebody is held back."""

    def __init__(self, **rules: str) -> None:
        self.now = 0.0
        self.held: list[float] = []
        given = {getattr(rates, name): text for name, text in rules.items()}
        self.limits = RateLimits(given, clock=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.held.append(seconds)
        self.now += seconds

    def asked(self, times: int, limit: str, client: str, own: RateLimit | None = None) -> int:
        """So many requests, one after the other: how many are taken."""
        taken = 0
        for _ in range(times):
            with contextlib.suppress(TooMany):
                asyncio.run(self.limits.pace(limit, client, own))
                taken += 1
        return taken


def test_the_phones_behind_one_address_of_a_carrier_get_through_in_a_flood() -> None:
    """Of 150 citizens of one carrier in one minute the last one waited a quarter of an hour, and many gave up."""
    pace, phones = Pace(), 0
    for number in range(1_000):
        pace.now = max(pace.now, number * 0.12)  # a thousand in two minutes
        phones += pace.asked(1, rates.CITIZEN_POST, "114.4.0.1")
    assert (phones, pace.held) == (1_000, [])
    vandal = Pace()
    taken = 0
    while vandal.now < 60.0:
        taken += vandal.asked(20, rates.CITIZEN_POST, "114.4.0.1")
        vandal.now += 0.2
    assert taken < 920, "and yet nobody fills the city's queue with what he likes"


def test_what_the_server_had_no_room_for_is_not_counted() -> None:
    """Of 900 phones that came at once most were told to come again, and that used up what would have let them in."""
    limits = RateLimits({rates.CITIZEN_POST: "5 per 1 hour"}, clock=lambda: 0.0)

    async def busy(_: RequestContext) -> Response:
        raise Overloaded("Your requests before this one are still being worked at.")

    async def asked() -> None:
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
        endpoint = HttpEndpoint(None, limits).endpoint(busy, public=True)
        for _ in range(20):
            with pytest.raises(Overloaded):
                await endpoint(Request(scope | {"client": ("114.4.0.1", 1)}, receive))

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(asked())
    assert limits.has_room(rates.CITIZEN_POST, "114.4.0.1", 5)


def test_who_sends_many_is_held_back_before_he_is_refused() -> None:
    front = Pace(KEY_POST="10 per 10 seconds")
    assert front.asked(30, rates.KEY_POST, "FixMyStreet") == 30
    assert front.held == pytest.approx([1.0] * 20), "one after the other hears no 429"
    assert front.asked(5, rates.KEY_POST, "portal", RateLimit.read("1 per 1 hour")) == 1, "a rule of its own"

    async def at_once() -> list[object]:
        held: list[float] = []
        limits = RateLimits({rates.KEY_POST: "10 per 10 seconds"}, clock=lambda: 0.0, sleep=going(held))
        many = (limits.pace(rates.KEY_POST, "FixMyStreet") for _ in range(20))
        found = await asyncio.gather(*many, return_exceptions=True)
        assert held == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0])
        return [one for one in found if one is not None]

    refused = asyncio.run(at_once())
    assert len(refused) == 5
    assert {one.more["retry_after_s"] for one in refused if isinstance(one, TooMany)} == {6}


def going(held: list[float]) -> Callable[[float], Awaitable[None]]:
    async def sleep(seconds: float) -> None:
        held.append(seconds)
        await asyncio.sleep(0)

    return sleep


def test_a_rule_that_was_loosened_lets_in_at_once() -> None:
    limits = RateLimits(clock=lambda: 0.0)
    limits.settle({rates.CITIZEN_POST: "600 per 24 hours"}, 1)
    for name in (rates.CITIZEN_POST, rates.SIGN_IN):
        for _ in range(10 if name == rates.SIGN_IN else 600):
            limits.spend_by_address(name, "203.0.113.7")
    limits.settle({rates.CITIZEN_POST: "600 per 2 minutes"}, 1)
    limits.spend_by_address(rates.CITIZEN_POST, "203.0.113.7")
    with pytest.raises(TooMany):  # its rule is what it was
        limits.spend_by_address(rates.SIGN_IN, "203.0.113.7")


def test_a_key_does_not_wait_by_its_former_rule() -> None:
    now_s = 0.0
    limits = RateLimits(clock=lambda: now_s, sleep=lambda _: asyncio.sleep(0))
    own = RateLimit.read("60 per 24 hours")

    async def post(rule: RateLimit | None) -> None:
        await limits.pace(rates.KEY_POST, "front", rule)

    for _ in range(60):
        asyncio.run(post(own))
    now_s = 10.0
    asyncio.run(post(None))


@pytest.mark.parametrize("processes", [1, 2, 4, 8])
def test_processes_together_allow_what_one_does(processes: int) -> None:
    rule = {rates.CITIZEN_POST: "80 per 2 minutes"}
    shared = [RateLimits(rule, clock=lambda: 0.0) for _ in range(processes)]
    for each in shared:
        each.settle({}, processes)
    taken = [sum(each.has_room(rates.CITIZEN_POST, "114.4.0.1") for _ in range(100)) for each in shared]
    assert sum(taken) == 80


@pytest.mark.parametrize(
    "text", ["", "many", "0 per 1 minute", "5 per 0 hours", "5 per 2 days", "99999999 per 1 hour", "1 per 25 hours"]
)
def test_what_is_no_rule_is_not_taken(text: str) -> None:
    assert rule_fault(text)
    assert rules_of(text_of({READ: text, WRITE: "90 per 1 minute", "newer": "1 per 1 hour"})) == {
        WRITE: "90 per 1 minute"
    }


@one_database
def test_unknown_tokens_are_limited_by_address_while_known_ones_work(city: City, tmp_path: Path) -> None:
    with limited(city, tmp_path, SIGN_IN="2 per 1 minute") as url:
        thief, rina = Api(url, "guess"), Api(url, add_user(city, "rina", "operator"))
        at_home, elsewhere = coming_from("203.0.113.7"), coming_from("2001:db8::1")
        assert [thief.get("/me", headers=at_home).status_code for _ in range(4)] == [401, 401, 429, 429]
        assert thief.get("/me", headers=elsewhere).status_code == 401
        assert rina.get("/me", headers=at_home).status_code == 200
        with city.database.read() as connection:
            rows = [
                recorded(row.detail) for row in audit.rows_after(connection, 0) if row.what == audit.SIGN_IN_REFUSED
            ]
        assert [row["from"] for row in rows] == ["203.0.113.7", "203.0.113.7", "2001:db8::/64"]
        thief.session.close()
        rina.session.close()


@one_database
def test_citizens_are_limited_by_address(city: City, tmp_path: Path) -> None:
    with limited(city, tmp_path, PUBLIC_READ="2 per 1 minute", CITIZEN_POST="2 per 1 minute") as url:

        def asked(method: str, path: str, address: str) -> requests.Response:
            return requests.request(method, url + path, headers=coming_from(address), timeout=60)

        reads = [asked("GET", "/dispatch/v1/stats", "203.0.113.7").status_code for _ in range(3)]
        assert reads == [200, 200, 429]
        assert asked("GET", "/dispatch/v1/stats", "203.0.113.8").status_code == 200
        posts = [asked("POST", "/open311/v2/requests.json", "198.51.100.1") for _ in range(3)]
        assert [post.status_code for post in posts][-1] == 429
        assert posts[0].status_code != 429
        (said,) = posts[-1].json()
        assert (said["code"], int(posts[-1].headers["Retry-After"]) >= 1) == (429, True)


def test_more_connections_than_the_most_are_answered_503(expected_log: None) -> None:
    with bare(limit_concurrency=2) as port, contextlib.ExitStack() as held:
        for _ in range(2):
            held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        assert requests.get(f"http://127.0.0.1:{port}/", timeout=60).status_code == 503


def test_connections_that_ask_nothing_make_room_for_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """4,000 silent connections, opened again and again, had every operator answered with 503."""
    monkeypatch.setattr(HeaderTimeoutProtocol, "most_silent", 3)
    monkeypatch.setattr(HeaderTimeoutProtocol, "most_kept", 3)
    with bare(http=HeaderTimeoutProtocol, limit_concurrency=8) as port, contextlib.ExitStack() as held:
        session = held.enter_context(requests.Session())
        session.trust_env = False
        assert session.get(f"http://127.0.0.1:{port}/", timeout=60).status_code == 200
        for _ in range(30):
            held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            assert session.get(f"http://127.0.0.1:{port}/", timeout=60).status_code == 200
        asked = []
        for _ in range(30):
            one = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            asked.append(one.recv(65536)[:12])
        assert asked == [b"HTTP/1.1 200"] * 30, "those that rest after an answer make room too"


@one_database
def test_an_upload_of_too_many_megabytes_waits(city: City, tmp_path: Path) -> None:
    with limited(city, tmp_path, UPLOAD="4 per 1 hour") as url:
        rina = Api(url, add_user(city, "rina", "operator"))

        def put(content: bytes) -> int:
            name = hashlib.sha256(content).hexdigest()
            return rina.session.put(f"{url}/dispatch/v1/media/{name}", data=content, timeout=60).status_code

        sent = [put(picture(padding=bytes([number]) * 2_000_000)) for number in range(3)]
        assert sent == [201, 201, 429]
        rina.session.close()


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("no address", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_is_counted_as_its_network(host: str | None, network: str | None) -> None:
    assert network_of(host) == network


def test_very_many_clients_are_forgotten_and_the_limit_still_holds() -> None:
    limits = RateLimits({rates.READ: "1 per 1 hour"}, most_clients=100)
    for number in range(1_000):
        limits.spend(rates.READ, f"client{number}")
    with pytest.raises(TooMany):
        limits.spend(rates.READ, "client999")
    assert limits.clients <= 100


@one_database
def test_an_address_that_is_forwarded_is_not_believed_without_a_proxy(city: City, tmp_path: Path) -> None:
    limits = RateLimits({rates.PUBLIC_READ: "1 per 1 hour"})
    with running(city, tmp_path / "media", Users(city), limits=limits) as url:
        for _ in range(3):
            stats = requests.get(f"{url}/dispatch/v1/stats", headers=coming_from("203.0.113.7"), timeout=60)
            assert stats.status_code == 200
        through_a_proxy = requests.get(f"{url}/dispatch/v1/me", headers=coming_from("203.0.113.7"), timeout=60)
        assert through_a_proxy.status_code == 403


def test_behind_a_proxy_serve_wants_users(tmp_path: Path) -> None:
    options: dict[str, Any] = {"database": f"sqlite:///{tmp_path / 'c.db'}", "port": 0, "name": "Testville"}
    with child(**options, behind_proxy="127.0.0.1") as process:
        _, said = process.communicate(timeout=30)
        assert (process.returncode, "sigap user add" in said) == (3, True)


@one_database
def test_a_body_that_does_not_come_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PART_S", 0.3)
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        head = "POST /dispatch/v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        slow.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert slow.recv(65536).startswith(b"HTTP/1.1 408")
    assert api.get("/me").status_code == 200


class _Hasty(HeaderTimeoutProtocol):
    head_s = 0.3


@contextlib.contextmanager
def bare(**options: Any) -> Iterator[int]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

    with serving(app, lifespan="off", timeout_keep_alive=30, **options) as port:
        yield port


def test_a_head_that_does_not_come_ends_the_connection_and_an_idle_one_stays() -> None:
    with bare(http=_Hasty) as port:
        silent = socket.create_connection(("127.0.0.1", port), timeout=10)
        assert silent.recv(1) == b""
        dripping = socket.create_connection(("127.0.0.1", port), timeout=10)
        dripping.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert dripping.recv(1) == b""
        idle = socket.create_connection(("127.0.0.1", port), timeout=10)
        for _ in range(2):
            idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"ok"):
                answer += idle.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(0.5)  # longer than a head may take: after an answer the connection may rest
        idle.sendall(b"GET / HT")
        assert idle.recv(1) == b""
        for connection in (silent, dripping, idle):
            connection.close()


def test_serve_runs_with_these_protections(tmp_path: Path) -> None:
    options: dict[str, Any] = {"database": f"sqlite:///{tmp_path / 'c.db'}", "port": 0, "name": "Testville"}
    with child(**options) as process:
        url = listening(process)
        assert requests.get(f"{url}/dispatch/v1/me", timeout=60).status_code == 200
        forwarded = requests.get(f"{url}/dispatch/v1/me", headers=coming_from("203.0.113.7"), timeout=60)
        assert forwarded.status_code == 403
        limits = subprocess.run(["cat", f"/proc/{process.pid}/limits"], capture_output=True, text=True, check=False)
        files = [line.split()[3] for line in limits.stdout.splitlines() if line.startswith("Max open files")]
        assert all(number == "unlimited" or int(number) >= 1_024 for number in files)
