"""End connections that hold the server up: without a request, with an unread answer, or too many from one address."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar

import h11
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.server.http.rate_limit import network_of


class HeaderTimeoutProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1 that lets nobody hold a connection by sending a head byte by byte, or nothing at all, nor
    memory by not reading an answer, nor the processor with a body that nobody wants, nor all connections from one
    address (of another computer).

    Uvicorn itself ends connections that are idle after an answer; bodies are timed where they are read.
    """

    head_s = 20.0
    unread_s, least_read = 30.0, 8_192
    passing_s, most_passing = 3.0, 200_000
    """How long, and how many bytes, of a body may still pass by when its request has been refused: most clients read no
    answer before they have sent all of it.
    """
    most_each = 1_000
    """A control room behind one address has some hundred; what a proxy passes on is not counted."""
    most_silent, most_kept = 1_000, 1_500
    """How many of all clients may be open without having asked yet, and how many rest after an answer; of more the one
    that has waited longest is ended.
    """
    _due: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _passing = 0
    _network: str | None = None
    _connected: ClassVar[Counter[str]] = Counter()
    _silent: ClassVar[dict[HeaderTimeoutProtocol, None]] = {}
    """Those that have not asked anything yet, the first ones first."""
    _kept: ClassVar[dict[HeaderTimeoutProtocol, None]] = {}
    """Those that wait after an answer, likewise."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        if not self.config.proxy_headers and self.client is not None:
            self._network = network_of(self.client[0])
        if self._network is not None:
            self._connected[self._network] += 1
            if self._connected[self._network] > self.most_each:
                self.transport.abort()
                return
        self._rest(self._silent, self.most_silent)
        self._expect_head()

    @override
    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._passing and self._is_refused_body():
            self._passing -= len(data)
            if self._passing <= 0:
                self.transport.abort()
                return
        if self._is_idle():
            self._expect_head()
        super().data_received(data)
        if not self._is_idle():
            self._stop_waiting()
            self.stop_resting()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self.stop_resting()
        self._stop_waiting()
        self._stop_waiting_for_reader()
        if self._network is not None:
            self._connected[self._network] -= 1
            if not self._connected[self._network]:
                del self._connected[self._network]
        super().connection_lost(exc)

    @override
    def on_response_complete(self) -> None:
        """An answer has been written, perhaps before the body of its request had come."""
        super().on_response_complete()
        if self._is_idle() and not self.transport.is_closing():
            self._rest(self._kept, self.most_kept)
        if self._is_refused_body() and not self.transport.is_closing():
            self._passing = self.most_passing
            self._stop_waiting()
            self._due = self.loop.call_later(self.passing_s, self._end_refused)

    def _rest(self, among: dict[HeaderTimeoutProtocol, None], most: int) -> None:
        """Wait for a request, in the place of another one where too many do: all connections are for those who ask."""
        self.stop_resting()
        among[self] = None
        # protects: idle-ones-make-room
        if len(among) > most:
            first = next(iter(among))
            first.stop_resting()
            first.transport.abort()

    def stop_resting(self) -> None:
        """Leave those that wait for a request, and whose place another may take."""
        self._silent.pop(self, None)
        self._kept.pop(self, None)

    def _is_refused_body(self) -> bool:
        """Whether what comes now is the rest of a body whose request has been answered already."""
        return self._is_idle() and self.conn.their_state is h11.SEND_BODY

    def _end_refused(self) -> None:
        self._due = None
        if self._is_refused_body():
            self.transport.abort()
        elif self._is_idle():
            self._expect_head()  # some of it may have come

    @override
    def pause_writing(self) -> None:
        """More of an answer waits to be read than the transport likes to hold."""
        super().pause_writing()
        self._wait_for_reader()

    @override
    def resume_writing(self) -> None:
        """Enough of it has been read."""
        self._stop_waiting_for_reader()
        super().resume_writing()

    def _stop_waiting_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _wait_for_reader(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(self.unread_s, self._look_at_reader, left)

    def _look_at_reader(self, before: int) -> None:
        """Drop what is left of an answer of which hardly anything is read; a slow line may take its time."""
        if self.transport.get_write_buffer_size() > before - self.least_read:
            self.transport.abort()
        else:
            self._wait_for_reader()

    def _is_idle(self) -> bool:
        # Before the first request it is None, whatever its type says.
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _expect_head(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(self.head_s, self._hang_up)

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _hang_up(self) -> None:
        self._due = None
        if not self.transport.is_closing():
            self.transport.close()
