"""Ends connections on which a request does not come: the server waits for its head only so long."""

from __future__ import annotations

import asyncio

from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1 that lets nobody hold a connection by sending a head byte by byte, or nothing at all.

    Uvicorn itself ends connections that are idle after an answer; bodies are timed where they are read.
    """

    head_s = 20.0
    _due: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._expect_head()

    @override
    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._is_idle():
            self._expect_head()
        super().data_received(data)
        if not self._is_idle():
            self._stop_waiting()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop_waiting()
        super().connection_lost(exc)

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
