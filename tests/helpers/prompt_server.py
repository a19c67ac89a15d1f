"""uvicorn on a thread of this process, which ends as soon as it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from typing_extensions import override

_LOOK_S = 0.1
_ENDING_S = 2.0
_ACCEPTED_S = 0.005


class PromptServer(uvicorn.Server):
    """Can be told from another thread to end, and does so at once, in uvicorn's own order.

    uvicorn itself checks every tenth of a second whether it should end, and waits another tenth for connections that
    are closed already: for hundreds of small servers that adds up to minutes.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    def end(self) -> None:
        """From any thread."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._told.set)

    @override
    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        turn = 0
        while not await self.on_tick(turn):
            turn += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _LOOK_S)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        await asyncio.sleep(_ACCEPTED_S)  # for who was let in at the last moment and is no connection yet
        state, told = self.server_state, set[Any]()
        until = time.monotonic() + _ENDING_S
        while (state.connections or state.tasks) and time.monotonic() < until:
            for connection in state.connections - told:
                told.add(connection)
                connection.shutdown()
            await asyncio.sleep(0.002)
        for task in state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@contextlib.contextmanager
def serving(app: Any, *, port: int = 0, **options: Any) -> Iterator[int]:
    """Serve an application on loopback until the block ends; the port. `options` are uvicorn's."""
    # asyncio sends without delay only where the socket says that it is TCP
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        server = PromptServer(uvicorn.Config(app, log_config=None, access_log=False, **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            if (subscribers := getattr(getattr(app, "state", None), "subscribers", None)) is not None:
                subscribers.close()
            server.end()
            thread.join(10)
            assert not thread.is_alive()
