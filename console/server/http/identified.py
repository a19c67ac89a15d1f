"""Gives each request an id, by which a line of the log, a row of the audit log and an answer are known to be one."""

from __future__ import annotations

import re
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.server.request_id import work_for

_NAME = b"x-request-id"
_FITS = re.compile(rb"[A-Za-z0-9._:-]{1,64}")


class Identified:
    """Middleware that takes the proxy's X-Request-ID where it is short and plain, else makes one, and answers with it.

    It is kept when the request fails, for the log of its failing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with the id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = next((value for name, value in scope["headers"] if name == _NAME), b"")
        key = uuid.uuid4().hex.encode()
        # protects: a-request-id-from-outside-is-plain
        if _FITS.fullmatch(said):
            key = said
        work_for(key.decode("latin-1"))

        async def identified(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (_NAME, key)]
            await send(message)

        await self._app(scope, receive, identified)
