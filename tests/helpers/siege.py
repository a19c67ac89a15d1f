"""Load a server as hostile clients without an account would: requests without end, and bodies that never arrive.

`python -m tests.helpers.siege URL ASKERS HOLDERS PAGE …` runs until its standard input ends, and prints the counts.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

_GIVEN_UP_S, _AGAIN_S = 5.0, 1.0
_PIECE = bytes(250_000)


class Siege:
    """Counts answers by status, and connections that the server ended (`ended`) or that timed out (`given up`)."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self.over = threading.Event()
        self._lock = threading.Lock()

    def note(self, what: str) -> None:
        """Count one result."""
        with self._lock:
            self.told[what] += 1


def ask(siege: Siege, url: str, path: str) -> None:
    """Request a page again and again; give up after five seconds without an answer."""
    where = urlsplit(url)
    head = f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n".encode()
    while not siege.over.is_set():
        try:
            with socket.create_connection((where.hostname or "", where.port or 80), timeout=_GIVEN_UP_S) as client:
                client.sendall(head)
                line = client.recv(16)
                siege.note(line[9:12].decode("ascii", "replace") or "ended")
                while client.recv(65_536):
                    pass
        except OSError:
            siege.note("given up")
            siege.over.wait(0.2)


def hold(siege: Siege, url: str, method: str, path: str, size: int, headers: str = "") -> None:
    """Send a body without its last byte and wait; one second after the server has ended that, begin again."""
    where = urlsplit(url)
    head = f"{method} {path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: {size}\r\n{headers}\r\n".encode()
    while not siege.over.is_set():
        try:
            with socket.create_connection((where.hostname or "", where.port or 80), timeout=_GIVEN_UP_S) as client:
                client.sendall(head)
                left = size - 1
                while left > 0:
                    left -= client.send(_PIECE[:left])
                client.settimeout(0.5)
                line = b""
                while not siege.over.is_set():
                    with contextlib.suppress(TimeoutError):
                        line = client.recv(16)
                        break
                siege.note(line[9:12].decode("ascii", "replace") or "ended")
        except OSError:
            siege.note("ended")
        siege.over.wait(_AGAIN_S)


def lay(url: str, pages: list[str], askers: int, holders: int) -> Siege:
    """Run `askers` threads that request these pages and `holders` that hold bodies until standard input ends; the
    counts.
    """
    size = 15_000_000
    form = "Content-Type: multipart/form-data; boundary=x\r\n"
    bodies = [("PUT", f"/dispatch/v1/media/{'0' * 64}", ""), ("POST", "/open311/v2/requests.json", form)]
    siege = Siege()
    doing = [functools.partial(ask, siege, url, pages[n % len(pages)]) for n in range(askers)]
    for n in range(holders):
        method, path, headers = bodies[n % len(bodies)]
        doing.append(functools.partial(hold, siege, url, method, path, size, headers))
    threads = [threading.Thread(target=each, daemon=True) for each in doing]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    siege.over.set()
    for thread in threads:
        thread.join(_GIVEN_UP_S)
    return siege


def memory_mb(pid: int) -> float:
    """Resident memory of a process in MB (Linux)."""
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def p95(seconds: list[float]) -> float:
    """The 95th percentile."""
    return sorted(seconds)[int(len(seconds) * 0.95)]


def timed(work: Callable[[], object]) -> float:
    """How many seconds `work()` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.write(f"{dict(lay(sys.argv[1], sys.argv[4:], int(sys.argv[2]), int(sys.argv[3])).told)}\n")
