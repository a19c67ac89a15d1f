"""What every request wants to know of the database, read once for all of them: how far the feed is, and its pages.

Two hundred consoles that are woken by one commit all ask for the same page, each with its token. Here the page is made
once, and whose token it is stays known, until the next commit; only then the database is asked again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from console.server import schema
from console.server.city import City
from console.server.database import present_number

log = logging.getLogger(__name__)

_LOOK_S = {"sqlite": 0.25, "other": 0.05}
"""How often the database is asked whether another process has committed."""
_MOST_PAGES = 64
_MOST_BYTES = 64_000_000


class Beat(msgspec.Struct, frozen=True):
    """How the database stood: the number of its last change, and a stamp that differs when a user was changed."""

    seq: int
    users: tuple[int, int] | None
    """None while a commit of this process has not been looked at."""


_UNKNOWN = Beat(-1, None)


class Pulse:
    """Follows a city's database on the event loop. `on_beat` functions are called there when the feed has grown."""

    def __init__(self, city: City) -> None:
        self.beat = _UNKNOWN
        self.on_beat: list[Callable[[], None]] = []
        self._city = city
        self._due = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._pages: dict[tuple[int, int], tuple[int, asyncio.Future[bytes]]] = {}

    async def start(self) -> None:
        """Begin to follow."""
        self._loop = asyncio.get_running_loop()
        self._city.database.on_commit.append(self._on_commit)
        self.beat = await self._look()
        self._task = self._loop.create_task(self._run())

    async def stop(self) -> None:
        """End."""
        self._city.database.on_commit.remove(self._on_commit)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def changes(self, after: int, limit: int) -> bytes:
        """A page of the feed as JSON, made once for all who ask for the same until the next commit.

        Raises console.server.refusals.Gone.
        """
        if self.beat.seq < 0:
            return await run_in_threadpool(self._page, after, limit)
        place = (after, limit)
        made = self._pages.get(place)
        if made is None or made[0] != self.beat.seq:
            made = self.beat.seq, asyncio.ensure_future(run_in_threadpool(self._page, after, limit))
            self._make_room()
            self._pages[place] = made
        try:
            return await asyncio.shield(made[1])
        except Exception:
            if self._pages.get(place) is made:
                del self._pages[place]
            raise

    def _page(self, after: int, limit: int) -> bytes:
        return msgspec.json.encode(self._city.changes(after, limit))

    def _make_room(self) -> None:
        """Pages of before the last commit go, and the oldest when there are too many."""
        for place in [place for place, (seq, _) in self._pages.items() if seq != self.beat.seq]:
            del self._pages[place]
        size = sum(len(page.result()) for _, page in self._pages.values() if page.done() and not page.exception())
        if len(self._pages) >= _MOST_PAGES or size > _MOST_BYTES:
            self._pages.clear()

    async def _run(self) -> None:
        gap = _LOOK_S["sqlite" if self._city.database.is_sqlite else "other"]
        while True:
            self._due.clear()
            beat = await self._look()
            moved = beat.seq != self.beat.seq or self.beat.users is None
            if not self._due.is_set():  # else this process has committed meanwhile, and what was read is old
                self.beat = beat
            if moved:
                for listener in tuple(self.on_beat):
                    listener()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), gap)

    async def _look(self) -> Beat:
        try:
            return await run_in_threadpool(self._read)
        except sa.exc.SQLAlchemyError as error:
            log.warning("the database does not answer: %s", getattr(error, "orig", None))
            return _UNKNOWN  # nothing that was known before is given out while the database does not answer

    def _read(self) -> Beat:
        table = schema.users
        with self._city.database.read() as connection:
            newest, count = connection.execute(sa.select(sa.func.max(table.c.seq), sa.func.count())).one()
            return Beat(present_number(connection), (newest or 0, count))

    def _on_commit(self, seq: int) -> None:
        """From any thread of this process. The loop takes it in before the answer to the edit leaves."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                self._loop.call_soon_threadsafe(self._committed, seq)

    def _committed(self, seq: int) -> None:
        self.beat = Beat(max(seq, self.beat.seq), None)
        self._due.set()
