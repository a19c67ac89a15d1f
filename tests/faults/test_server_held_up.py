"""Nobody without an account holds the server up: not by what he asks, not by what he sends, not by going away."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from console.server.city import database, work_threads
from console.server.city.city import City
from console.server.city.users import Users, add_user
from console.server.city.work_threads import CancelToken, WorkThreads, doing, present_work
from console.server.errors import Overloaded, Refusal
from console.server.http import bodies
from console.server.http.bodies import BodyBudget
from console.server.http.endpoint import HttpEndpoint, RequestContext, refusal_response
from console.server.http.header_timeout import HeaderTimeoutProtocol
from tests.helpers import siege
from tests.helpers.prompt_server import serving
from tests.unit.server.conftest import Api, furnish, running
from tests.unit.server.test_serve import child, listening

WAIT_S = 20.0


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with contextlib.closing(City(f"sqlite:///{tmp_path / 'city.db'}", name="Testville")) as city:
        city.create_schema()
        furnish(city)
        yield city


class Hall:
    """Addresses of a gate whose work the test lets go on."""

    def __init__(self, http_endpoint: HttpEndpoint) -> None:
        self.http_endpoint = http_endpoint
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.stopped = threading.Event()

    def app(self) -> Starlette:
        end = self.http_endpoint.endpoint
        return Starlette(
            routes=[
                Route("/public", end(self._wait, public=True)),
                Route("/staff", end(lambda _: PlainTextResponse("here"))),
                Route("/write", end(self._wait, most=10_000), methods=["POST"]),
                Route("/send", end(self._wait, most=10_000_000, public=True), methods=["POST"]),
            ],
            exception_handlers={Refusal: refusal_response},
        )

    def _wait(self, _: RequestContext) -> Response:
        work = present_work()
        assert work is not None
        self.begun.release()
        while not self.go_on.wait(0.01):
            if work.stopped:
                self.stopped.set()
                raise work.refusal()
        return PlainTextResponse("done")


@contextlib.contextmanager
def open_hall(**budget: int) -> Iterator[tuple[Hall, int]]:
    hall = Hall(HttpEndpoint(None, bodies=BodyBudget(**budget)))
    with serving(hall.app()) as port:
        try:
            yield hall, port
        finally:
            hall.go_on.set()


def sent(port: int, head: str, body: bytes = b"") -> socket.socket:
    """A connection on which this was sent, and nothing was read."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
    connection.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\n".encode() + body)
    return connection


def test_work_for_a_client_that_has_gone_stops() -> None:
    with open_hall() as (hall, port):
        connection = sent(port, "GET /public", b"\r\n")
        assert hall.begun.acquire(timeout=WAIT_S)
        connection.close()
        assert hall.stopped.wait(WAIT_S)


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    with open_hall() as (hall, port), contextlib.ExitStack() as waiting:
        for _ in range(2):
            waiting.callback(sent(port, "GET /public", b"\r\n").close)
            assert hall.begun.acquire(timeout=WAIT_S)
        sent(port, "GET /public", b"\r\n").close()
        last = waiting.enter_context(sent(port, "GET /public", b"\r\n"))
        assert requests.get(f"http://127.0.0.1:{port}/staff", timeout=WAIT_S).text == "here"  # the others have come
        hall.go_on.set()
        assert last.recv(100).startswith(b"HTTP/1.1 200")
        assert hall.begun.acquire(timeout=WAIT_S)
        assert not hall.begun.acquire(blocking=False), "the one who had gone was worked for all the same"


def test_a_public_crowd_takes_no_thread_from_the_staff_and_what_is_too_much_is_refused() -> None:
    with open_hall() as (hall, port), contextlib.ExitStack() as crowd:
        held = [crowd.enter_context(sent(port, "GET /public", b"\r\n")) for _ in range(80)]
        refused = [each for each in held[64:] if each.recv(100).startswith(b"HTTP/1.1 503")]
        assert len(refused) == 16
        assert requests.get(f"http://127.0.0.1:{port}/staff", timeout=WAIT_S).text == "here"
        hall.go_on.set()
        assert held[0].recv(100).startswith(b"HTTP/1.1 200")


def test_modest_threads_rest_as_long_as_they_worked_and_not_when_told_to_stop() -> None:
    pool = WorkThreads("modest", 1, 10, modest=True)

    def work() -> float:
        began = time.thread_time()
        while time.thread_time() - began < 0.1:
            pass
        return time.monotonic()

    async def twice() -> tuple[float, float]:
        ended = await pool.run(work, CancelToken())
        return ended, await pool.run(time.monotonic, CancelToken())

    ended, begun = asyncio.run(twice())
    assert begun - ended >= 0.09
    pool.close()


def test_readers_do_not_wait_behind_writers() -> None:
    with open_hall() as (hall, port), contextlib.ExitStack() as writers:
        for _ in range(60):
            writers.enter_context(sent(port, "POST /write", b"Content-Length: 2\r\n\r\n{}"))
        assert hall.begun.acquire(timeout=WAIT_S)
        assert requests.get(f"http://127.0.0.1:{port}/staff", timeout=WAIT_S).text == "here"


def test_a_foreign_lock_on_the_file_holds_up_no_reader_and_no_writer_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_WAIT_MS", 300)
    monkeypatch.setattr(work_threads, "_PATIENCE_S", 1.0)
    file = tmp_path / "locked.db"
    with contextlib.closing(City(f"sqlite:///{file}", name="Testville")) as city:
        city.create_schema()
        furnish(city)
        with running(city, tmp_path / "media") as url, ThreadPoolExecutor(60) as pool:
            api = Api(url)

            def note(number: int) -> requests.Response:
                own = Api(url)
                answer = own.edit("10", "note", {"text": "x"}, seen=1, key=f"note-{number:04}")
                own.session.close()
                return answer

            with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as foreign:
                foreign.execute("BEGIN IMMEDIATE")
                writers = [pool.submit(note, number) for number in range(60)]
                assert api.get("/reports/10").status_code == 200
                assert api.get("/changes?after=0").status_code == 200
                answers = [writer.result(WAIT_S) for writer in writers]
                foreign.execute("ROLLBACK")
            assert {answer.status_code for answer in answers} == {503}
            assert all("Retry-After" in answer.headers for answer in answers)
            assert note(1).status_code == 200
            api.session.close()


def test_a_server_that_ends_tells_its_work_to_stop() -> None:
    with open_hall() as (hall, port), sent(port, "GET /public", b"\r\n") as connection:
        assert hall.begun.acquire(timeout=WAIT_S)
        hall.http_endpoint.close()
        assert hall.stopped.wait(WAIT_S)
        assert connection.recv(100).startswith(b"HTTP/1.1 503")
        assert requests.get(f"http://127.0.0.1:{port}/staff", timeout=WAIT_S).status_code == 503


def test_the_memory_of_all_bodies_together_is_bounded() -> None:
    with open_hall(most=3_000_000, public=2_000_000) as (hall, port), contextlib.ExitStack() as senders:
        piece = b"Content-Length: 1000000\r\n\r\n" + bytes(999_999)
        three = [senders.enter_context(sent(port, "POST /send", piece)) for _ in range(3)]
        (refused, *more), _, _ = select.select(three, [], [], WAIT_S)
        answer = refused.recv(1000)
        assert (answer.startswith(b"HTTP/1.1 503"), more) == (True, [])
        assert b"retry-after" in answer.lower()
        first, second = (each for each in three if each is not refused)
        first.close()  # what it held is free again
        hall.go_on.set()
        second.sendall(b"x")
        assert second.recv(100).startswith(b"HTTP/1.1 200")
        deadline = threading.Event()
        for _ in range(100):
            again = requests.post(f"http://127.0.0.1:{port}/send", data=bytes(1_000_000), timeout=WAIT_S)
            if again.status_code == 200:
                return
            deadline.wait(0.05)  # the end of the first one has not been seen yet
        pytest.fail("what bodies held is never free again")


def test_edits_have_room_when_photos_do_not_and_nobody_has_all_of_it() -> None:
    budget = BodyBudget(100, large=60, public=40, each=30)
    with (
        budget.share("rina", large=True, public=False) as rina,
        budget.share(None, large=True, public=True) as somebody,
        budget.share("budi", large=False, public=False) as edit,
    ):
        rina.take(30)
        with pytest.raises(Overloaded, match="You are sending"):
            rina.take(1)
        somebody.take(30)
        with pytest.raises(Overloaded, match="Very much"):
            somebody.take(1)
        edit.take(30)
        assert budget.held == 90
    assert budget.held == 0


def test_who_asks_is_checked_before_a_body_is_read(city: City, tmp_path: Path) -> None:
    token = add_user(city, "rina", "operator")
    with running(city, tmp_path / "media", Users(city)) as url:
        port = int(url.rpartition(":")[2])
        for head in (
            f"PUT /dispatch/v1/media/{'0' * 64}",
            "POST /dispatch/v1/reports",
            "POST /open311/v2/requests.json",
        ):
            with sent(port, head, b"Content-Length: 290000\r\n\r\n" + bytes(70_000)) as nobody:
                assert nobody.recv(100).split()[1] in (b"401", b"403"), head
        rina = Api(url, token)
        assert rina.get("/me").status_code == 200
        rina.session.close()


def test_a_body_that_drips_is_given_up_however_much_of_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PART_S", 0.5)
    with open_hall() as (_, port), sent(port, "POST /send", b"Content-Length: 900000\r\n\r\n" + bytes(200_000)) as slow:
        slow.settimeout(0.1)
        for _ in range(100):
            with contextlib.suppress(TimeoutError):
                assert slow.recv(100).startswith(b"HTTP/1.1 408")
                return
            slow.sendall(b"x")
        pytest.fail("whoever drips bytes holds the rest")


def test_a_question_that_takes_very_many_steps_is_ended_in_the_database(city: City) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with (
        pytest.raises(Refusal, match="shorter time"),
        doing(CancelToken(steps=1_000_000)),
        city.database.read() as connection,
    ):
        connection.exec_driver_sql(endless)
    with city.database.read() as connection:  # the connection is as good as before
        assert connection.exec_driver_sql("SELECT count(*) FROM reports").scalar() == 3


def test_of_a_refused_body_a_little_passes_by_and_then_the_connection_ends() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"no"})

    class Quick(HeaderTimeoutProtocol):
        passing_s = 0.3

    with serving(app, lifespan="off", http=Quick) as port:
        with sent(port, "POST /", b"Content-Length: 100000\r\n\r\n") as small:  # it is told, and may ask again
            small.sendall(bytes(100_000) + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answers = b""
            while answers.count(b"HTTP/1.1 403") < 2:
                answers += small.recv(100) or pytest.fail("it was hung up on")
        with sent(port, "POST /", b"Content-Length: 300000000\r\n\r\n") as large, pytest.raises(ConnectionError):
            large.sendall(bytes(299_000_000))
        with sent(port, "POST /", b"Content-Length: 10\r\n\r\n") as silent:
            answer = b""
            with contextlib.suppress(ConnectionError):
                while piece := silent.recv(100):
                    answer += piece
            assert answer.startswith(b"HTTP/1.1 403")


class _Hasty(HeaderTimeoutProtocol):
    unread_s = 0.3
    lost = threading.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()


def test_an_answer_that_is_not_read_is_dropped() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": bytes(50_000_000)})

    with serving(app, lifespan="off", http=_Hasty) as port, sent(port, "GET /", b"\r\n") as idle:
        assert _Hasty.lost.wait(WAIT_S)  # though its client is there
        read = 0
        with contextlib.suppress(ConnectionError):
            while piece := idle.recv(1_000_000):
                read += len(piece)
        assert read < 50_000_000


@pytest.mark.long
def test_an_operator_works_on_while_the_server_is_under_siege(tmp_path: Path) -> None:
    """40 who ask for all they can and 60 who send 15 MB but the last byte, for a minute; then it is told to end."""
    token = "rinas-token-that-nobody-else-knows"
    user = {"name": "rina", "role": "operator", "token_sha256": hashlib.sha256(token.encode()).hexdigest()}
    (tmp_path / "users.json").write_text(json.dumps([user]))
    options: dict[str, Any] = {
        "database": f"sqlite:///{tmp_path / 'city.db'}",
        "port": 0,
        "name": "Testville",
        "users": str(tmp_path / "users.json"),
        "demo": {"reports": 30_000, "seed": 1, "living": False},
        "media": str(tmp_path / "media"),
    }
    with child(**options) as process:
        url = listening(process)
        rina = Api(url, token)
        newest = requests.get(f"{url}/open311/v2/requests.json?page_size=1", timeout=WAIT_S).json()[0]
        day = newest["requested_datetime"][:10]
        span = f"start_date={_before(day, 89)}&end_date={day}"
        pages = [
            f"/open311/v2/servicerequestupdates.xml?page=100&page_size=1000&{span}",
            f"/open311/v2/servicerequestupdates.xml?page=4&page_size=1000&{span}",
            f"/open311/v2/requests.json?page_size=1000&{span}",
            f"/open311/v2/requests.xml?page=20&page_size=1000&{span}",
        ]
        quiet = [siege.timed(lambda: _read(rina, newest["service_request_id"])) for _ in range(100)]
        times: list[float] = []
        memory: list[float] = []
        command = [sys.executable, "-m", "tests.helpers.siege", url, "40", "60", *pages]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as enemies:
            began = time.monotonic()
            while time.monotonic() - began < 60:
                times.append(siege.timed(lambda: _read(rina, newest["service_request_id"])))
                memory.append(siege.memory_mb(process.pid))
                threading.Event().wait(0.1)
            process.send_signal(signal.SIGTERM)
            ended_s = siege.timed(lambda: process.wait(30))
            told, _ = enemies.communicate()
        rina.session.close()
        median, worst = sorted(times)[len(times) // 2], max(times)
        print(
            f"\nbefore: p95 {siege.p95(quiet) * 1e3:.0f} ms at a load of {os.getloadavg()[0]:.1f}"
            f"\n{len(times)} reads: p50 {median * 1e3:.0f} ms, p95 {siege.p95(times) * 1e3:.0f} ms, worst "
            f"{worst * 1e3:.0f} ms; memory at most {max(memory):.0f} MB; ended in {ended_s:.1f} s; "
            f"they were told {told.strip()}"
        )
        assert process.returncode == 0
        assert siege.p95(times) < 0.1
        assert max(memory) < 400
        assert ended_s < 10


def _read(rina: Api, report: str) -> None:
    assert rina.get(f"/reports/{report}").status_code == 200


def _before(day: str, days: int) -> str:
    from datetime import date, timedelta

    return str(date.fromisoformat(day) - timedelta(days=days))
