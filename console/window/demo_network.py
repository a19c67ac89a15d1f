"""The network between the demo's window and its server, which a visitor can cut: a forwarder of TCP connections."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

_PIECE = 65_536
_BEGUN_S = 10.0


class DemoNetwork:
    """Listens on a loopback port and hands each connection on to the server's. While it is cut every connection is
    reset, those that there are and those that are tried.

    It runs in a thread of its own; all methods may be called from any other.
    """

    def __init__(self, server_port: Callable[[], int | None]) -> None:
        """`server_port` says where the server listens, None while it does not; it is asked for each connection."""
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self.port = 0
        """Where the window finds the server."""
        self._begun = threading.Event()
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="demo-network", daemon=True)

    def __enter__(self) -> DemoNetwork:
        self._thread.start()
        if not self._begun.wait(_BEGUN_S) or not self.port:
            raise OSError(None, "no port could be taken for the demo")
        return self

    def __exit__(self, *_: object) -> None:
        end = self._end
        if end is not None:
            self._loop.call_soon_threadsafe(end.set)
        self._thread.join(_BEGUN_S)

    @property
    def is_cut(self) -> bool:
        """Whether nothing gets through."""
        return self._is_cut

    def cut(self) -> None:
        """Reset every connection, and those that are tried from now on."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._reset)

    def mend(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._begun.set()
            self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        listener = await asyncio.start_server(self._on_connection, "127.0.0.1", 0)
        self.port = int(listener.sockets[0].getsockname()[1])
        self._begun.set()
        await self._end.wait()
        listener.close()
        self._reset()
        await asyncio.sleep(0)  # the connections hear of it

    def _reset(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self._server_port()
        self._open.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            if self._is_cut or port is None:
                return
            from_server, there = await asyncio.open_connection("127.0.0.1", port)
            self._open.add(there)
            if not self._is_cut:
                await asyncio.gather(_hand_on(reader, there), _hand_on(from_server, writer))
        except OSError:
            pass  # one side has gone, and the other one is told below
        finally:
            for each in (writer, there):
                if each is not None:
                    self._open.discard(each)
                    each.transport.abort()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
