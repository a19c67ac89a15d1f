"""A server on this computer to which nothing should ever connect; it records every connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from widgets.map.page import OnlyOurScheme

_asked: list[str] = []
_block = OnlyOurScheme.interceptRequest


class Canary:
    """Listens on a port of 127.0.0.1; `hits` holds the first bytes of every connection."""

    def __init__(self) -> None:
        self.hits: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(1)
                self.hits.append(b"")
                self.hits[-1] = connection.recv(200)


@contextlib.contextmanager
def canary() -> Iterator[Canary]:
    """A canary for the time of a test."""
    bird = Canary()
    try:
        yield bird
    finally:
        bird.close()


def foreign_requests(patch: pytest.MonkeyPatch) -> list[str]:
    """Record every address outside of the program's own that a map page requests from now on."""
    _asked.clear()
    patch.setattr(OnlyOurScheme, "interceptRequest", _intercept)
    return _asked


# Qt keeps calling what it once found, also when a test is over: this function must never go away.
def _intercept(self: OnlyOurScheme, info: Any) -> None:
    address = info.requestUrl().toString()
    if not address.startswith("sigap://map/"):
        _asked.append(address)
    _block(self, info)
