"""Servers on loopback that misbehave in one exact way: canned answers, ports that hang, a proxy that falls silent."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answering = Callable[[Asked, socket.socket], bytes | None]


def http(status: int, body: bytes | str | Any = b"", **headers: str) -> bytes:
    """A whole HTTP answer; a body that is no bytes or str is sent as JSON. With `Sigap_Server=""` without the server's
    mark.
    """
    kind = {"Content-Type": "text/html"}
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        kind = {"Content-Type": "application/json", "Sigap-Server": "epoch-1"}
    content = body.encode() if isinstance(body, str) else body
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"Content-Length": str(len(content)), "Connection": "close"} | kind | given
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content


def serve_each(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    """Let `serve` take each connection on a thread of its own, until the listener is closed."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


@dataclass
class Canned:
    """A server whose answers a function gives; it may write to the socket itself and return None."""

    answer: Answering
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        serve_each(self._listener, self._serve)

    def close(self) -> None:
        close_hard(self._listener)
        for each in self._open:
            close_hard(each)

    def _serve(self, connection: socket.socket) -> None:
        self._open.append(connection)
        with contextlib.suppress(OSError), connection:
            asked = read_request(connection)
            if asked is None:
                return
            self.asked.append(asked)
            answer = self.answer(asked, connection)
            if answer is not None:
                connection.sendall(answer)


def read_request(connection: socket.socket) -> Asked | None:
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        if not piece:
            return None
        got += piece
    head, body = got.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, path, _ = first.split(" ", 2)
    return Asked(method, path, headers, body)


def close_hard(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


@contextlib.contextmanager
def black_hole(port: int = 0) -> Iterator[int]:
    """A port on which connecting hangs: a listener whose queue is full and never accepted."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


class Proxy:
    """Passes bytes between a client and `port`, until `silent` lets nothing through or `cut` closes every connection.

    `swallow` decides for each request whether its answer is dropped.
    """

    def __init__(self, port: int, *, listen_on: int = 0) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", listen_on))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._mode = "through"
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.connections = 0
        self.requests: list[bytes] = []
        self.swallow: Callable[[bytes], bool] = lambda _: False
        """Asked with the first bytes of each request; True drops that request's answer and cuts the connection."""
        threading.Thread(target=self._accept, daemon=True).start()

    def through(self) -> None:
        self._mode = "through"

    def silent(self) -> None:
        """From now on no byte goes on in either direction; connections stay open."""
        self._mode = "silent"

    def cut(self) -> None:
        """Close every connection, and every new one."""
        self._mode = "cut"
        for pair in self._pairs:
            for each in pair:
                close_hard(each)

    def close(self) -> None:
        close_hard(self._listener)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self._mode == "cut":
                close_hard(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                close_hard(client)
                continue
            self._pairs.append((client, server))
            lost = threading.Event()
            for source, target, is_request in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, target, is_request, lost), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_request: bool, lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if is_request:
                    self.requests.append(piece)
                    if self.swallow(piece):
                        lost.set()
                elif lost.is_set():
                    break  # the server has answered; nobody will know
                if self._mode == "silent":
                    continue
                target.sendall(piece)
        if self._mode != "silent":
            close_hard(source)
            close_hard(target)
