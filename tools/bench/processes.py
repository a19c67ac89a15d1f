"""Edits a second through one, two and four server processes on one PostgreSQL: `python -m tools.bench.processes`.

Checkouts are compared by giving their folders: they take turns within a minute, round by round, each on a city of its
own in the same PostgreSQL, and the medians of the rounds are printed with what PostgreSQL's sessions waited for. On a
machine that others use only the processor time of an edit says something: that of the servers, and of PostgreSQL.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from tools.bench.postgres import own_postgres

_REPORTS = 400
_USERS = 160
"""Each may make twenty edits a second, of which each of four processes allows five."""
_FILL = f"""
import contextlib
import sys
from datetime import UTC, datetime
from api_client.model import Report, Status
from console.server.city.city import City
from console.server.city.users import add_user
from tools.bench.server import fill_city

now = datetime.now(UTC)
facts = {{"status": Status.NEW, "service": "flood", "priority": 3, "description": "Water"}}
fill_city(sys.argv[1], [Report(f"r{{n}}", 1, created=now, updated=now, **facts) for n in range({_REPORTS})])
with contextlib.closing(City(sys.argv[1])) as city:
    for n in range({_USERS}):
        print(add_user(city, f"u{{n}}", "operator"))
"""
_WAITS = sa.text(
    "SELECT coalesce(wait_event_type || ' ' || wait_event, 'works'), left(query, 40) FROM pg_stat_activity"
    " WHERE datname = :name AND state IN ('active', 'idle in transaction') AND pid <> pg_backend_pid()"
)


class RoundOfWrites(msgspec.Struct, frozen=True):
    """What `clients` got done in one round: edits a second, milliseconds of each, refusals, sampled waits."""

    per_s: float
    ms: list[float]
    refused: int
    waits: Counter[str]
    own_ms: float
    """Processor time of an edit, of the server processes."""
    database_ms: float
    """The same of all processes of PostgreSQL."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", nargs="*", type=Path, default=[Path.cwd()], help="checkouts to compare")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--clients", type=int, nargs="+", default=[8])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--create", action="store_true", help="new reports instead of notes")
    parser.add_argument("--sqlite", action="store_true", help="one process on a file instead")
    parser.add_argument("--waits", action="store_true", help="ask PostgreSQL what its sessions wait for, which costs")
    options = parser.parse_args()
    found: dict[tuple[int, int, Path], list[RoundOfWrites]] = {}
    with contextlib.ExitStack() as stack:
        counts = [1] if options.sqlite else options.processes
        served = [
            (count, tree, stack.enter_context(_city(tree, count, sqlite=options.sqlite)))
            for count in counts
            for tree in options.trees
        ]
        for clients in options.clients:
            for _ in range(options.rounds):
                for count, tree, city in served:
                    made = _round(city, clients, options)
                    found.setdefault((clients, count, tree), []).append(made)
                    _say(
                        f"  {clients} clients, {count} processes, {tree.name}: {made.per_s:.0f}/s, "
                        f"{made.own_ms:.2f} and {made.database_ms:.2f} ms at a load of {os.getloadavg()[0]:.1f}"
                    )
    for (clients, count, tree), rounds in found.items():
        ms = sorted(one for each in rounds for one in each.ms)
        _say(
            f"{clients} clients, {count} processes, {tree.name}: "
            f"{statistics.median(each.per_s for each in rounds):.0f}/s, p50 {ms[len(ms) // 2]:.1f} ms, "
            f"p99 {ms[len(ms) * 99 // 100]:.1f} ms, "
            f"{sum(each.refused for each in rounds)} refused, processor of an edit: server "
            f"{statistics.median(each.own_ms for each in rounds):.2f} ms, database "
            f"{statistics.median(each.database_ms for each in rounds):.2f} ms"
        )
        waits = sum((each.waits for each in rounds), Counter[str]())
        for name, times in waits.most_common(12):
            _say(f"    {times / waits.total():.0%} {name}")


class ServedCity(NamedTuple):
    """A filled city, and the processes of a checkout that serve it."""

    database: str
    ports: list[int]
    servers: list[int]
    postmaster: int
    tokens: list[str]


@contextlib.contextmanager
def _city(tree: Path, count: int, *, sqlite: bool) -> Iterator[ServedCity]:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(own_postgres(durable=True))
        database = f"sqlite:///{server.folder / 'city.db'}" if sqlite else stack.enter_context(server.fresh(empty=True))
        python = tree / ".venv" / "bin" / "python"
        if sqlite:
            server.folder.chmod(0o777)
        tokens = subprocess.check_output([python, "-c", _FILL, database], cwd=tree, text=True).split()
        ports, servers = [], []
        for _ in range(count):
            command: list[str | Path] = [python, "-m", "console", "serve", "--database", database, "--port", "0"]
            process = stack.enter_context(
                subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            )
            stack.callback(process.terminate)
            assert process.stdout is not None
            address = re.search(r"http://\S+:(\d+)", process.stdout.readline())
            if address is None:
                raise RuntimeError(f"{tree} does not serve")
            ports.append(int(address.group(1)))
            servers.append(process.pid)
        postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
        yield ServedCity(database, ports, servers, postmaster, tokens)


def _processor_s(processes: list[int]) -> float:
    """Seconds of the processor that these have had, and children of theirs that ended."""
    ticks = 0
    for process in processes:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _database_s(postmaster: int) -> float:
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return _processor_s([postmaster, *map(int, children)])


def _round(city: ServedCity, count: int, options: argparse.Namespace) -> RoundOfWrites:
    database, ports = city.database, city.ports
    own, of_database = _processor_s(city.servers), _database_s(city.postmaster)
    end = threading.Event()
    ms: list[float] = []
    refused: list[int] = []
    clients = [
        threading.Thread(
            target=_edit, args=(ports[n % len(ports)], city.tokens[n::count], n, count, options, end, ms, refused)
        )
        for n in range(count)
    ]
    waits: Counter[str] = Counter()
    watcher = threading.Thread(target=_watch, args=(database, end, waits))
    if options.waits and not options.sqlite:
        watcher.start()
    began = time.perf_counter()
    for client in clients:
        client.start()
    time.sleep(options.seconds)
    end.set()
    for client in clients:
        client.join()
    took = time.perf_counter() - began
    if watcher.ident is not None:
        watcher.join()
    own, of_database = _processor_s(city.servers) - own, _database_s(city.postmaster) - of_database
    each_ms = 1000 / max(1, len(ms))
    return RoundOfWrites(len(ms) / took, ms, len(refused), waits, own * each_ms, of_database * each_ms)


def _edit(
    port: int,
    tokens: list[str],
    number: int,
    clients: int,
    options: argparse.Namespace,
    end: threading.Event,
    ms: list[float],
    refused: list[int],
) -> None:
    """One client, who makes an edit as soon as the one before is answered; each has reports of his own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    count = 0
    while not end.is_set():
        count += 1
        key = str(uuid.uuid4())
        report = f"r{(number + clients * count) % _REPORTS}"
        if options.create:
            path, data = "/reports", {"service": "flood", "description": "Water", "lat": -6.2, "lon": 106.8}
        else:
            path, data = f"/reports/{report}/edits", {"text": "seen from the road, the water is rising"}
        body = json.dumps({"id": key, "kind": "create" if options.create else "note", "data": data})
        headers = {
            "Idempotency-Key": key,
            "Content-Type": "application/json",
            "Authorization": f"Bearer {tokens[count % len(tokens)]}",
        }
        began = time.perf_counter()
        connection.request("POST", f"/dispatch/v1{path}", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status in (200, 201):
            ms.append((time.perf_counter() - began) * 1000)
        else:
            if not refused:
                _say(f"    {answer.status} {said[:200].decode(errors='replace')}")
            refused.append(answer.status)
    connection.close()


def _watch(database: str, end: threading.Event, waits: Counter[str]) -> None:
    engine = sa.create_engine(database, isolation_level="AUTOCOMMIT")
    name = engine.url.database
    with engine.connect() as connection:
        while not end.wait(0.03):
            for event, query in connection.execute(_WAITS, {"name": name}):
                waits[f"{event}: {' '.join(query.split())}"] += 1
    engine.dispose()


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
