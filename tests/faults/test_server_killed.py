"""`sigap serve` killed again and again amid edits: what it has acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from console.server.city.audit_chain import verify
from console.server.city.database import Database
from tests.helpers.city import TOKENS, Served, write_users
from tools.bench.postgres import NoPostgres, Postgres, primary_and_standby

CLIENTS = 8
REPORTS = ("7", "8", "9")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'city.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh(empty=True) as url:
        yield url


class Shift:
    """Clients that send each edit with the same key until it is answered."""

    def __init__(self, url: str, edits: int, *, first: int = 0) -> None:
        self.url = url
        self.answers: dict[str, Any] = {}
        self.sent: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._lock = threading.Condition()
        jobs = [[self._a_job(n) for n in range(first + client, first + edits, CLIENTS)] for client in range(CLIENTS)]
        self._threads = [threading.Thread(target=self._work, args=(each,)) for each in jobs]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for(self, answered: int) -> None:
        with self._lock:
            assert self._lock.wait_for(lambda: self.failure or len(self.answers) >= answered, 120)
            assert self.failure is None, self.failure

    def join(self) -> None:
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()
        assert self.failure is None, self.failure

    @staticmethod
    def _a_job(n: int) -> tuple[str, str, dict[str, Any]]:
        key = str(uuid.UUID(int=random.Random(n).getrandbits(128), version=4))
        if n % 5 == 0:
            return "/reports", key, {"id": key, "kind": "create", "data": {"description": f"made {n}"}}
        return f"/reports/{REPORTS[n % 3]}/edits", key, {"id": key, "kind": "note", "data": {"text": f"note {n}"}}

    def _work(self, jobs: list[tuple[str, str, dict[str, Any]]]) -> None:
        try:
            for path, key, body in jobs:
                self._send(path, key, body)
        except BaseException as failure:
            with self._lock:
                self.failure = failure
                self._lock.notify_all()

    def _send(self, path: str, key: str, body: dict[str, Any]) -> None:
        end = time.monotonic() + 60
        while True:
            assert time.monotonic() < end, key
            self.sent[key] += 1
            try:
                with requests.Session() as session:
                    session.trust_env = False
                    headers = {"Idempotency-Key": key, "Authorization": f"Bearer {TOKENS['rina']}"}
                    answer = session.post(f"{self.url}/dispatch/v1{path}", json=body, headers=headers, timeout=20)
            except requests.RequestException:
                time.sleep(0.02)  # the server is gone; its next life is on its way
                continue
            if answer.status_code in (409, 503):
                time.sleep(0.02)
                continue
            assert answer.status_code in (200, 201), answer.text
            with self._lock:
                self.answers[key] = answer.json()
                self._lock.notify_all()
            return


def killed_while_working(folder: Path, database_url: str, *, edits: int, kills: int) -> None:
    loaded = write_reports(folder)
    where = ("--database", database_url, "--media", str(folder / "media"))
    server = Served(folder, *where, "--load", str(loaded), "--users", str(write_users(folder))).start()
    server.arguments = where
    shift = Shift(server.address, edits)
    try:
        shift.start()
        for kill in range(1, kills + 1):
            shift.wait_for(edits * kill // (kills + 1))
            assert server.process is not None
            server.process.kill()
            server.process.communicate()
            server.start()
        shift.join()
        check(server, shift, edits)
    finally:
        server.stop()
    with contextlib.closing(Database(database_url)) as database, database.read() as connection:
        verdict = verify(connection)
    assert (verdict.broken, verdict.waiting, verdict.head.number >= edits) == (None, 0, True), verdict


def test_a_promoted_standby_has_all_that_was_acknowledged(tmp_path: Path) -> None:
    """The server goes on with it by itself, in the same epoch: its consoles have met an outage and nothing else."""
    edits = 80
    loaded = write_reports(tmp_path)
    with contextlib.ExitStack() as stack:
        try:
            pair = stack.enter_context(primary_and_standby((free_port(), free_port())))
        except NoPostgres as fault:
            pytest.skip(str(fault))
        where = ("--database", pair.url, "--media", str(tmp_path / "media"))
        server = Served(tmp_path, *where, "--load", str(loaded), "--users", str(write_users(tmp_path))).start()
        try:
            epoch = server.get("/dispatch/v1/changes?after=0&limit=1")["epoch"]
            shift = Shift(server.address, edits)
            shift.start()
            shift.wait_for(edits // 2)
            pair.kill_first()
            assert ready(server, 503)["part"] == "database"
            pair.promote()
            assert ready(server, 200) == {"ok": True}
            shift.join()
            check(server, shift, edits)
            assert server.get("/dispatch/v1/changes?after=0&limit=1")["epoch"] == epoch
            assert requests.get(f"{server.address}/health", timeout=20).status_code == 200
            pair.wait_for_standbys("ANY 1 (*)")  # of which there is none any more: no commit ends
            late = Shift(server.address, CLIENTS, first=edits)
            late.start()
            assert ready(server, 503)["part"] == "writing"
            assert not late.answers
            pair.wait_for_standbys("")
            assert ready(server, 200) == {"ok": True}
            late.join()
        finally:
            server.stop()
        with contextlib.closing(Database(pair.url)) as database, database.read() as connection:
            verdict = verify(connection)
    assert (verdict.broken, verdict.waiting, verdict.head.number >= edits) == (None, 0, True), verdict


def ready(server: Served, status: int) -> Any:
    """What /ready says once it answers like this."""
    end = time.monotonic() + 60
    while (answer := requests.get(f"{server.address}/ready", timeout=20)).status_code != status:
        assert time.monotonic() < end, answer.text
        time.sleep(0.1)
    return answer.json()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def write_reports(folder: Path) -> Path:
    file = folder / "reports.json"
    file.write_text(json.dumps([{"service_request_id": key, "description": "x", "status": "open"} for key in REPORTS]))
    return file


def check(server: Served, shift: Shift, edits: int) -> None:
    """Every answered edit has its one entry, in the history of its report and in the feed."""
    assert len(shift.answers) == edits
    assert any(count > 1 for count in shift.sent.values()), "no edit was ever cut off: nothing was tested"
    made = [answer["report"]["id"] for answer in shift.answers.values() if answer["report"]["id"] not in REPORTS]
    assert len(made) == len(set(made)) == edits // 5
    found: dict[str, list[str]] = {}
    for report in (*REPORTS, *made):
        for entry in server.entries(report):
            if entry.get("edit"):
                found.setdefault(entry["edit"], []).append(entry["id"])
    assert found == {key: [answer["entry"]["id"]] for key, answer in shift.answers.items()}
    feed: list[tuple[int, str]] = []
    after, more = 0, True
    while more:
        page = server.get(f"/dispatch/v1/changes?after={after}&limit=300")
        feed += [(item["seq"], item["data"]["edit"]) for item in page["items"] if item["kind"] == "entry"]
        after, more = page["upto"], page["more"]
    assert feed == sorted(feed)
    assert Counter(edit for _, edit in feed if edit) == Counter(list(shift.answers))
    end = time.monotonic() + 60  # where counting took long it is done anew after ten times as long only
    while (count := server.get("/dispatch/v1/stats")["reports"]) < len(REPORTS) + len(made) and time.monotonic() < end:
        time.sleep(0.1)
    assert count == len(REPORTS) + len(made)


def test_what_the_server_has_acknowledged_is_there_once(tmp_path: Path, database_url: str) -> None:
    killed_while_working(tmp_path, database_url, edits=200, kills=2)


@pytest.mark.long
def test_a_thousand_edits_and_ten_kills(tmp_path: Path, database_url: str) -> None:
    killed_while_working(tmp_path, database_url, edits=1000, kills=10)
