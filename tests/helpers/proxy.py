"""A proxy between consoles and a real server; rules say what it does to each request."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.helpers.net import Asked, close_hard, http, read_request, serve_each

Predicate = Callable[[Asked], bool]


@dataclass
class Exchange:
    """One request on its way. `forward` brings the server's whole answer; `over` is set when the proxy closes."""

    asked: Asked
    client: socket.socket
    target: int
    over: threading.Event

    def upstream(self, body: bytes | None = None) -> socket.socket:
        """A connection to the server with the request on it, or as much of its body as is given."""
        server = socket.create_connection(("127.0.0.1", self.target), 10)
        server.settimeout(120)
        fields = {name: value for name, value in self.asked.headers.items() if name != "connection"}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        first = f"{self.asked.method} {self.asked.path} HTTP/1.1\r\nconnection: close\r\n"
        server.sendall((first + head + "\r\n").encode("latin-1") + (self.asked.body if body is None else body))
        return server

    def forward(self) -> bytes:
        whole = b""
        with self.upstream() as server:
            while piece := server.recv(65536):
                whole += piece
        return whole


Action = Callable[[Exchange], None]


def through(exchange: Exchange) -> None:
    """Pass the answer on byte by byte as it comes, streams too."""
    with exchange.upstream() as server:
        server.settimeout(1.0)
        while not exchange.over.is_set():
            try:
                piece = server.recv(65536)
            except TimeoutError:
                continue
            if not piece:
                return
            exchange.client.sendall(piece)


def drop_before(_: Exchange) -> None:
    """Drop the request: the server never sees it."""


def drop_after(exchange: Exchange) -> None:
    """Let the server act and answer; drop the answer."""
    exchange.forward()


def reset(exchange: Exchange) -> None:
    """Reset the connection before anything is forwarded."""
    exchange.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(exchange: Exchange) -> None:
    """Answer nothing until the proxy closes."""
    exchange.over.wait(60)


def delay(seconds: float) -> Action:
    """Pass the server's answer on after so many seconds."""

    def late(exchange: Exchange) -> None:
        whole = exchange.forward()
        exchange.over.wait(seconds)
        exchange.client.sendall(whole)

    return late


def held(let_go: threading.Event) -> Action:
    """Pass the server's answer on once the test releases it."""

    def late(exchange: Exchange) -> None:
        whole = exchange.forward()
        let_go.wait(60)
        exchange.client.sendall(whole)

    return late


def truncate(size: int) -> Action:
    """Pass on only the first bytes of the answer, then close."""
    return lambda exchange: exchange.client.sendall(exchange.forward()[:size])


def drip(pause_s: float, head: int = 0) -> Action:
    """Pass the answer on one byte at a time after the first `head` bytes."""

    def slowly(exchange: Exchange) -> None:
        whole = exchange.forward()
        exchange.client.sendall(whole[:head])
        for number in range(head, len(whole)):
            exchange.client.sendall(whole[number : number + 1])
            if exchange.over.wait(pause_s):
                return

    return slowly


def cut_body(size: int) -> Action:
    """Forward only the first bytes of the request's body, then close both connections."""

    def partly(exchange: Exchange) -> None:
        exchange.upstream(exchange.asked.body[:size]).close()

    return partly


def rewrite(change: Callable[[bytes, bytes], tuple[bytes, bytes]]) -> Action:
    """Change head and body of the answer; Content-Length is set to fit."""

    def changed(exchange: Exchange) -> None:
        head, _, body = exchange.forward().partition(b"\r\n\r\n")
        head, body = change(head, body)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        exchange.client.sendall(b"\r\n".join([*lines, b"content-length: %d" % len(body)]) + b"\r\n\r\n" + body)

    return changed


def answer(whole: bytes) -> Action:
    """Answer with this; the server is not asked."""
    return lambda exchange: exchange.client.sendall(whole)


PORTAL = http(200, "<html><body>Welcome to Warung Free Wi-Fi. Please sign in.</body></html>")


@dataclass
class Rule:
    """Do `action` to requests that fit, `times` times (None: always)."""

    fits: Predicate
    action: Action
    times: int | None = None
    hit: int = 0


@dataclass
class FaultProxy:
    """Listens on loopback and forwards to `port`. The first rule that fits a request acts; without one it is
    forwarded.
    """

    port: int
    rules: list[Rule] = field(default_factory=list)
    requests: list[tuple[float, Asked]] = field(default_factory=list)
    """Every request with its monotonic time."""

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._refusing = False
        serve_each(self._listener, self._serve)

    def when(self, fits: Predicate, action: Action, times: int | None = None) -> Rule:
        """Add a rule behind the others."""
        rule = Rule(fits, action, times)
        self.rules = [*self.rules, rule]
        return rule

    def heal(self) -> None:
        """Drop all rules and restore the connection; requests that hang are cut."""
        self.rules = []
        self._refusing = False
        self.cut_open()

    def away(self) -> None:
        """Cut open connections, and close new ones at once."""
        self._refusing = True
        self.cut_open()

    def cut_open(self) -> None:
        with self._lock:
            open_now = list(self._open)
        for each in open_now:
            close_hard(each)

    def close(self) -> None:
        self._over.set()
        close_hard(self._listener)
        self.cut_open()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._open.add(client)
        with contextlib.suppress(OSError), client:
            if self._refusing:
                self.requests.append((time.monotonic(), Asked("CONNECT", "", {}, b"")))
                return
            asked = read_request(client)
            if asked is not None:
                self.requests.append((time.monotonic(), asked))
                self._action(asked)(Exchange(asked, client, self.port, self._over))
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)
        with self._lock:
            self._open.discard(client)

    def _action(self, asked: Asked) -> Action:
        with self._lock:
            for rule in self.rules:
                if (rule.times is None or rule.hit < rule.times) and rule.fits(asked):
                    rule.hit += 1
                    return rule.action
        return through


def path_has(part: str, method: str | None = None) -> Predicate:
    """A test for rules: the request's path contains `part`."""
    return lambda asked: part in asked.path and method in (None, asked.method)


def is_edit(asked: Asked) -> bool:
    """A test for rules: the request carries an edit."""
    return asked.method == "POST" and "idempotency-key" in asked.headers


def anything(_: Asked) -> bool:
    return True
