"""Answers at /health and /ready, which proxies, orchestrators and alarms ask without a token and without a limit."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from enum import Enum
from pathlib import Path

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from console.server.city import migrations
from console.server.city.city import City
from console.server.errors import Overloaded
from console.server.http.endpoint import json_response

log = logging.getLogger(__name__)
LEAST_FREE = 32_000_000
"""Bytes: with less, two photos of full size do not fit any more. Not more, as an unready server is often given no
requests at all, and reading works on a full disk."""
_KEPT_S = 1.0
"""How long an answer counts: whoever asks however often, the database is looked at once a second."""
_PATIENCE_S = 2.0
"""After this long the answer is that there is none; the look goes on, and the next who ask wait for it."""
_TURN_S = 1.5
_LET_IN = sa.text(
    # A replica, or a server that was told to take no changes, says so before anything fails.
    "SELECT current_setting('transaction_read_only') = 'off' AND NOT EXISTS (SELECT FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event = 'SyncRep' AND query_start < now() - interval '3 s')"
)
"""Whether PostgreSQL takes changes: none of ours has waited for a standby for so long that it may be away."""


class Unready(Enum):
    """Which part keeps the server from working, and the sentence that says so to anybody."""

    DATABASE = "The database does not answer."
    TABLES = "The database's tables are not those of this version of the server."
    WRITING = "The database or the photos' folder cannot be written to."
    DISK = "The disk is full."


class HealthAddresses:
    """What answers at /health and /ready (also as /healthz, /livez and /readyz)."""

    def __init__(self, city: City, media: Path, *, least_free: int = LEAST_FREE) -> None:
        self._city = city
        self._media = media
        self._least_free = least_free
        self._looking: asyncio.Future[Unready | None] | None = None
        self._looked_at_s = 0.0
        self._known: Unready | None = None
        self._has_read = False
        """The database has answered in the look that goes on."""

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        health = [Route(path, self._health) for path in ("/health", "/healthz", "/livez")]
        return [*health, *(Route(path, self._ready) for path in ("/ready", "/readyz"))]

    async def _health(self, _: Request) -> Response:
        """The process answers: nothing else is looked at, or a database that is away would have it started anew."""
        return json_response({"ok": True})

    async def _ready(self, _: Request) -> Response:
        if self._looking is None or (self._looking.done() and _now_s() - self._looked_at_s > _KEPT_S):
            self._looking = asyncio.ensure_future(run_in_threadpool(self._look))
            self._looking.add_done_callback(self._on_looked)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                found = await asyncio.shield(self._looking)
        except TimeoutError:
            # protects: who-cannot-write-is-told-apart-from-who-cannot-read
            found = Unready.WRITING if self._has_read else Unready.DATABASE
        if found is None:
            return json_response({"ok": True})
        body = {"ok": False, "error": "not_ready", "part": found.name.lower(), "message": found.value}
        return json_response(body, 503, {"Retry-After": "2"})

    def _on_looked(self, looking: asyncio.Future[Unready | None]) -> None:
        """Say in the log what has changed, and nothing otherwise: some ask every second."""
        self._looked_at_s = _now_s()
        if looking.cancelled() or looking.exception() is not None or looking.result() == self._known:
            return
        self._known = looking.result()
        log.warning("the server is %s", "ready again" if self._known is None else f"not ready: {self._known.value}")

    def _look(self) -> Unready | None:
        """The first part that does not work, None when all do."""
        database, self._has_read = self._city.database, False
        # protects: no-empty-database-by-a-look
        if database.missing is not None:
            return Unready.DATABASE  # connecting would make an empty file in its place
        try:
            with database.read() as connection:
                if migrations.revision_of(connection) != migrations.head():
                    return Unready.TABLES
        except migrations.NewerDatabase:
            return Unready.TABLES
        except sa.exc.SQLAlchemyError:
            return Unready.DATABASE
        self._has_read = True
        # protects: a-full-disk-is-not-ready
        if self._is_full():
            return Unready.DISK
        return None if self._can_write() else Unready.WRITING

    def _is_full(self) -> bool:
        """Whether the disk of the photos or of an SQLite file is; a database server elsewhere says itself how it is."""
        url, is_file = self._city.database.url, self._city.database.is_sqlite
        folders = [self._media, *([Path(url.database).absolute().parent] if is_file and url.database else [])]
        return any(shutil.disk_usage(_nearest(folder)).free < self._least_free for folder in folders)

    def _can_write(self) -> bool:
        """Whether a writing transaction can begin, which changes nothing, and a photo could be kept."""
        database = self._city.database
        try:
            with database.write(wait_s=_TURN_S) as connection:
                # protects: a-standby-that-is-away-is-told
                writes = database.is_sqlite or bool(connection.scalar(_LET_IN))
        except (Overloaded, sa.exc.SQLAlchemyError):
            return False
        return writes and os.access(_nearest(self._media), os.W_OK)


def _nearest(folder: Path) -> Path:
    """The folder, or the first one above it that is there: photos' folders are made with the first photo."""
    return next((each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir()), Path("/"))


def _now_s() -> float:
    return asyncio.get_running_loop().time()
