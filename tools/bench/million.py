"""A city of a million reports: loading its file, lists, one report, new reports: `python -m tools.bench.million`.

Checkouts are compared by giving their folders: each loads the same file into an SQLite file of its own and serves it,
one after the other. Beside the clock stands the server's own processor time, which other work on the machine changes
less.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.helpers.cityfiles import write_many

_SECONDS, _CONNECTIONS, _PAGES = 6.0, 20, 12
_ALL = "/open311/v2/requests.json?start_date=2025-12-01T00:00:00Z&end_date=2026-02-01T00:00:00Z"
_Ask = Callable[[http.client.HTTPConnection, int], int]
"""Asks on a connection for the n-th time; the status."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", nargs="*", type=Path, default=[Path.cwd()], help="checkouts to compare")
    parser.add_argument("--reports", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2, help="of the questions")
    parser.add_argument("--connections", type=int, default=_CONNECTIONS, help="that ask at once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sigap-million-") as scratch, contextlib.ExitStack() as stack:
        file = write_many("csv", Path(scratch) / "reports.csv", options.reports)
        cities = [(tree, f"sqlite:///{Path(scratch) / f'{number}.db'}") for number, tree in enumerate(options.trees)]
        for tree, city in cities:
            began = time.perf_counter()
            with _served(tree, city, "--load", str(file)) as (_, server):
                took, own = time.perf_counter() - began, _processor_s(server)
            _say(
                f"{tree.name}: {options.reports:,} reports loaded in {took:.0f} s, {own:.0f} s of the processor, "
                f"{options.reports / took:,.0f} a second, at a load of {os.getloadavg()[0]:.0f}"
            )
        served = [(tree, *stack.enter_context(_served(tree, city))) for tree, city in cities]
        questions: tuple[tuple[str, int, _Ask], ...] = (
            ("a list of 50", options.connections, lambda line, n: _get(line, f"{_ALL}&page_size=50")),
            ("one report", options.connections, lambda line, n: _get(line, _one(n, options.reports))),
            ("a new report", options.connections, lambda line, n: _post(line)),
            ("page 50 of 1,000 each", 1, lambda line, n: _get(line, f"{_ALL}&page_size=1000&page=50")),
        )
        for _ in range(options.rounds):
            for what, connections, ask in questions:
                for tree, port, server in served:
                    _say(f"{tree.name}: {what}: {_asked(port, server, connections, ask)}")


@contextlib.contextmanager
def _served(tree: Path, city: str, *more: str) -> Iterator[tuple[int, int]]:
    """Port and process of a city that is served by a checkout, once it is."""
    python = str(tree / ".venv" / "bin" / "python")
    command = [python, "-m", "console", "serve", "--database", city, "--port", "0", *more]
    with subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = next(filter(None, (re.search(r"http://\S+:(\d+)", line) for line in process.stdout)), None)
        if address is None:
            raise RuntimeError(f"{tree} does not serve")
        yield int(address.group(1)), process.pid
        process.terminate()


def _asked(port: int, server: int, connections: int, ask: _Ask) -> str:
    """What so many connections got done, each asking again as soon as it is answered."""
    end = time.perf_counter() + _SECONDS
    ms: list[float] = []
    others: list[int] = []

    def work(number: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        count = 0
        while (began := time.perf_counter()) < end and count < (_PAGES if connections == 1 else 1_000_000):
            status = ask(line, number + connections * count)
            count += 1
            if status in (200, 201):
                ms.append((time.perf_counter() - began) * 1000)
            else:
                others.append(status)
        line.close()

    began, own = time.perf_counter(), _processor_s(server)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, own = time.perf_counter() - began, _processor_s(server) - own
    ms.sort()
    if not ms:
        return f"nothing but {sorted(set(others))}"
    return (
        f"{len(ms) / took:.0f}/s, p50 {ms[len(ms) // 2]:.1f} ms, p99 {ms[len(ms) * 99 // 100]:.1f} ms, "
        f"processor {own / len(ms) * 1000:.2f} ms each, {len(others)} refused {sorted(set(others))}, "
        f"at a load of {os.getloadavg()[0]:.0f}"
    )


def _one(n: int, reports: int) -> str:
    return f"/open311/v2/requests/R-{n * 7919 % reports:08d}.json"


def _get(line: http.client.HTTPConnection, path: str) -> int:
    line.request("GET", path)
    answer = line.getresponse()
    answer.read()
    return answer.status


def _post(line: http.client.HTTPConnection) -> int:
    key = str(uuid.uuid4())
    data = {"service": "banjir", "description": "Water", "lat": -6.2, "lon": 106.8}
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    line.request("POST", "/dispatch/v1/reports", json.dumps({"id": key, "kind": "create", "data": data}), headers)
    answer = line.getresponse()
    answer.read()
    return answer.status


def _processor_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
