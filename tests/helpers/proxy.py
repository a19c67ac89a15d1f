"""A proxy between consoles and a real server that does to each request what its rules say."""

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
    """Byte by byte as it comes, streams too."""
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
    """The request is lost: the server never sees it."""


def drop_after(exchange: Exchange) -> None:
    """The server acts and answers; the answer is lost."""
    exchange.forward()


def reset(exchange: Exchange) -> None:
    """The connection is reset before anything was forwarded."""
    exchange.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(exchange: Exchange) -> None:
    """Nothing, until the proxy closes."""
    exchange.over.wait(60)


def delay(seconds: float) -> Action:
    """The server's answer, that much later."""

    def late(exchange: Exchange) -> None:
        whole = exchange.forward()
        exchange.over.wait(seconds)
        exchange.client.sendall(whole)

    return late


def held(let_go: threading.Event) -> Action:
    """The server's answer, once it is let go."""

    def late(exchange: Exchange) -> None:
        whole = exchange.forward()
        let_go.wait(60)
        exchange.client.sendall(whole)

    return late


def truncate(size: int) -> Action:
    """Only the first bytes of the answer."""
    return lambda exchange: exchange.client.sendall(exchange.forward()[:size])


def drip(pause_s: float, head: int = 0) -> Action:
    """One byte at a time after the first `head`."""

    def slowly(exchange: Exchange) -> None:
        whole = exchange.forward()
        exchange.client.sendall(whole[:head])
        for number in range(head, len(whole)):
            exchange.client.sendall(whole[number : number + 1])
            if exchange.over.wait(pause_s):
                return

    return slowly


def cut_body(size: int) -> Action:
    """Only the first bytes of the request's body reach the server; then the link is gone for both."""

    def partly(exchange: Exchange) -> None:
        exchange.upstream(exchange.asked.body[:size]).close()

    return partly


def rewrite(change: Callable[[bytes, bytes], tuple[bytes, bytes]]) -> Action:
    """Another head and body; the length is set right afterwards."""

    def changed(exchange: Exchange) -> None:
        head, _, body = exchange.forward().partition(b"\r\n\r\n")
        head, body = change(head, body)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        exchange.client.sendall(b"\r\n".join([*lines, b"content-length: %d" % len(body)]) + b"\r\n\r\n" + body)

    return changed


def answer(whole: bytes) -> Action:
    """This instead of the server's answer; the server is not asked."""
    return lambda exchange: exchange.client.sendall(whole)


PORTAL = http(200, "<html><body>Welcome to Warung Free Wi-Fi. Please sign in.</body></html>")


@dataclass
class Rule:
    """`action` for the requests that fit, `times` times (None: always)."""

    fits: Predicate
    action: Action
    times: int | None = None
    hit: int = 0


@dataclass
class FaultProxy:
    """Listens on loopback, forwards to `port`. The first rule that fits acts; without one the request goes through."""

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
        """No rules any more, and the link is there; what hangs is cut."""
        self.rules = []
        self._refusing = False
        self.cut_open()

    def away(self) -> None:
        """Nobody gets through: open connections are cut, new ones closed at once."""
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
    """A request whose path holds `part`."""
    return lambda asked: part in asked.path and method in (None, asked.method)


def is_edit(asked: Asked) -> bool:
    """A request that carries an edit."""
    return asked.method == "POST" and "idempotency-key" in asked.headers


def anything(_: Asked) -> bool:
    return True
