"""The server under load, each time as a process of its own: a crowd at work, one console alone, and a first fill."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import requests

from api_client.decoding import decode
from api_client.model import Report, Service
from console.server.city.city import City
from console.server.city.records import LoadedReport

if TYPE_CHECKING:
    from tools.bench.crowd import CrowdRun

_ALONE = 300
_PAGE = 2000


class Load(msgspec.Struct, frozen=True):
    """How many consoles follow, how many edits a second they make together, and for how many seconds."""

    consoles: int = 200
    edits_per_s: float = 20.0
    seconds: float = 15.0
    settle_s: float = 2.0
    """How long the server is left alone first, and then the consoles that follow it."""


class Fill(msgspec.Struct, frozen=True):
    """What one first fill took: seconds, bytes of JSON, and by how much the server's memory grew (MB, Linux)."""

    seconds: float
    bytes: int
    grown_mb: float

    @property
    def s_per_gb(self) -> float:
        """Seconds for a gigabyte; a wire of 1 Gbit/s takes 8."""
        return self.seconds / self.bytes * 1e9


class _FillPage(msgspec.Struct):
    next_key: str | None


def fill_city(database: str, reports: Iterable[Report]) -> None:
    """A city with these reports in the database at this URL."""
    city = City(database, name="Measured")
    try:
        city.create_schema()
        city.put_services([Service("flood", "Flood")])
        city.load(map(LoadedReport, reports))
    finally:
        city.close()


def crowd_on_ours(load: Load, database: str, folder: Path, reports: list[str]) -> CrowdRun:
    """A crowd on `sigap serve` with a city that is filled already, every console with a user of its own."""
    tokens = _tokens(load.consoles)
    users = [
        {"name": f"operator{n}", "role": "operator", "token_sha256": hashlib.sha256(token.encode()).hexdigest()}
        for n, token in enumerate(tokens)
    ]
    (folder / "users.json").write_bytes(msgspec.json.encode(users))
    with _serving(
        "-m", "console", "serve", "--database", database, "--port", "0", "--users", str(folder / "users.json")
    ) as (url, _):
        time.sleep(load.settle_s)
        return _crowd(url, tokens, reports, load)


def crowd_on_rival(load: Load, database: str, folder: Path, reports: int) -> CrowdRun:
    """The same crowd on the contender, which makes its own reports in a new database."""
    tokens = _tokens(load.consoles)
    (folder / "tokens.json").write_bytes(msgspec.json.encode(tokens))
    command = ("-m", "tools.bench.rival", database, str(folder / "tokens.json"), str(reports))
    with _serving(*command) as (url, _):
        time.sleep(load.settle_s)
        names = [f"r{n}" for n in range(1, reports + 1)]
        return _crowd(url, tokens, names, load)


def edits_alone(database: str, report: str) -> list[float]:
    """Milliseconds of edits (notes) that one console makes one after another, over HTTP."""
    samples = []
    serving = _serving("-m", "console", "serve", "--database", database, "--port", "0")
    with serving as (url, _), requests.Session() as session:
        for _ in range(_ALONE):
            key = str(uuid.uuid4())
            body = {"id": key, "kind": "note", "data": {"text": "seen from the road, the water is rising"}}
            headers = {"Idempotency-Key": key}
            started = time.perf_counter()
            answer = session.post(f"{url}/dispatch/v1/reports/{report}/edits", json=body, headers=headers, timeout=30)
            samples.append((time.perf_counter() - started) * 1000)
            answer.raise_for_status()
    return samples


def plain_sql_alone(folder: Path) -> list[float]:
    """Milliseconds of the same writes (key, history, report, counter; synced) with sqlite3 and no server at all."""
    with contextlib.closing(sqlite3.connect(folder / "plain.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE reports (id TEXT PRIMARY KEY, seq INTEGER, version INTEGER, body BLOB)")
        db.execute("CREATE TABLE entries (id TEXT PRIMARY KEY, seq INTEGER, report TEXT, edit TEXT UNIQUE, body BLOB)")
        db.execute("CREATE TABLE answers (key TEXT PRIMARY KEY, body BLOB)")
        db.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER)")
        db.execute("INSERT INTO counters VALUES ('seq', 1)")
        db.execute("INSERT INTO reports VALUES ('1', 1, 1, ?)", (b"x" * 600,))
        samples = []
        for _ in range(_ALONE):
            key = str(uuid.uuid4())
            started = time.perf_counter()
            db.execute("BEGIN IMMEDIATE")
            db.execute("SELECT body FROM answers WHERE key = ?", (key,)).fetchone()
            (seq,) = db.execute("UPDATE counters SET value = value + 2 WHERE name = 'seq' RETURNING value").fetchone()
            db.execute("INSERT INTO entries VALUES (?, ?, '1', ?, ?)", (key, seq, key, b"x" * 300))
            db.execute("UPDATE reports SET seq = ?, version = version + 1, body = ? WHERE id = '1'", (seq, b"y" * 600))
            db.execute("INSERT INTO answers VALUES (?, ?)", (key, b"z" * 900))
            db.execute("COMMIT")
            samples.append((time.perf_counter() - started) * 1000)
    return samples


def first_fill(database: str) -> Fill:
    """One client reads the whole city over HTTP, page by page, and keeps nothing."""
    size, key = 0, None
    serving = _serving("-m", "console", "serve", "--database", database, "--port", "0")
    with serving as (url, process), requests.Session() as session:
        session.headers["Accept-Encoding"] = "identity"
        session.get(f"{url}/dispatch/v1/snapshot", params={"limit": str(_PAGE)}, timeout=60).raise_for_status()
        before, started = _resident_mb(process.pid), time.perf_counter()
        while True:
            query = {"limit": str(_PAGE)} | ({"after_key": key} if key else {})
            answer = session.get(f"{url}/dispatch/v1/snapshot", params=query, timeout=60)
            answer.raise_for_status()
            size += len(answer.content)
            key = decode(answer.content, _FillPage).next_key
            if key is None:
                break
        took = time.perf_counter() - started
        return Fill(took, size, _resident_mb(process.pid) - before)


def plain_fill(database: Path) -> Fill:
    """The reports of the same file with sqlite3 alone: each row's JSON read and put together into pages."""
    size, last, started = 0, "", time.perf_counter()
    with contextlib.closing(sqlite3.connect(database)) as db:
        while True:
            rows = db.execute(
                "SELECT id, seq, body FROM reports WHERE id > ? ORDER BY id LIMIT ?", (last, _PAGE)
            ).fetchall()
            if not rows:
                break
            size += len(b"[" + b",".join(body for _, _, body in rows) + b"]")
            last = rows[-1][0]
    return Fill(time.perf_counter() - started, size, 0.0)


def _crowd(url: str, tokens: list[str], reports: list[str], load: Load) -> CrowdRun:
    from tools.bench.crowd import run_crowd  # its HTTP client comes with the development tools only

    return run_crowd(url, tokens, reports, seconds=load.seconds, edits_per_s=load.edits_per_s, settle_s=load.settle_s)


def _tokens(count: int) -> list[str]:
    return [f"measured-{number:04d}-{uuid.uuid4()}" for number in range(count)]


@contextlib.contextmanager
def _serving(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server as a process, and the address it prints."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            raise RuntimeError(f"{arguments[1]} did not start")
        yield found.group(0), process
    finally:
        process.terminate()
        process.wait(15)
        assert process.stdout is not None
        process.stdout.close()


def _resident_mb(pid: int) -> float:
    """The resident memory of a process; 0 where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    return int(found.group(1)) / 1024 if found else 0.0
