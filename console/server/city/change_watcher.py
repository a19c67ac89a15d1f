"""Watch the database for all requests at once: the number of its last change, and the newest pages of the feed.

One commit makes two hundred consoles ask for the same page. It is made once, from what was read before and what the
commit changed; whose token a request bears stays known until users change.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from console.server.city.city import City
from console.server.city.database import COMMITTED, EDITED
from console.server.city.feed_buffer import FeedBuffer
from console.server.city.meta import meta_value
from console.server.city.presence import SEEN
from console.server.city.rates import REQUESTS, rules_of

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

log = logging.getLogger(__name__)

_LOOK_S = {"sqlite": 0.25, "other": 0.05}
"""How often the database is asked whether another process has committed."""
_LOOK_TOLD_S = 1.0
"""How often while PostgreSQL tells of every commit; it finds a database that was set back, of which nobody tells."""
_REST_S = 0.02
"""From one telling of what is new to the next."""
_HEARING_REST_S = 0.05
"""From one hearing of PostgreSQL's notices to the next. Each would wake this process, and more of them come than edits
are made here.
"""
_EDIT = re.compile(f"{EDITED}([0-9]{{1,18}})")
_LISTEN_AGAIN_S = 2.0
_STILL_THERE_S = 30.0
ENDING_S = 2.0
"""How long the end waits for what is being read."""
_ASIDE_S = 2.0
"""How often the city's rules of requests, and how many processes it has, are looked at."""
PRESENT = (0x53494741, 0x50)
"""Each process holds this lock of PostgreSQL together with all others, for as long as it lives."""
_MOST_PAGES = 64
_MOST_BYTES = 64_000_000


class DatabaseMark(msgspec.Struct, frozen=True):
    """The state of the database: epoch, number of the last change, and a stamp that changes when users do."""

    epoch: str
    seq: int
    users: tuple[str, int, int] | None
    """None while a commit of this process that may have changed users has not been looked at."""


_PROCESSES = sa.text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted "
    "AND classid = :one AND objid = :two AND objsubid = 2 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(one=PRESENT[0], two=PRESENT[1])
_UNKNOWN = DatabaseMark("", -1, None)


class ChangeWatcher:
    """Follows a city's database on the event loop, and calls the functions in `on_growth` there when the feed has
    grown.
    """

    def __init__(self, city: City) -> None:
        self.mark = _UNKNOWN
        self.on_growth: list[Callable[[], None]] = []
        self.on_rates: Callable[[Mapping[str, str], int], object] = lambda rules, processes: None
        """Gets the city's own rules of requests and the number of its processes, when either is another."""
        self._city = city
        self._feed_buffer = FeedBuffer(city.changes, city.mark)
        self._due = asyncio.Event()
        self._look_due = True
        self._users_stale = False
        self._rates: tuple[str | None, int] = (None, 1)
        self._aside_due = 0.0
        self._announced: tuple[str, int] | None = None
        self._line: PGconn | None = None
        """Where PostgreSQL tells of commits, while it does and nothing is asked there."""
        self._said = asyncio.Event()
        """PostgreSQL has said something there."""
        self._watched: int | None = None
        """The number of that line while the event loop listens to it."""
        self._ending = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pages: dict[tuple[int, int], tuple[tuple[str, int], asyncio.Future[bytes]]] = {}

    @property
    def processes(self) -> int:
        """How many processes serve the city, as far as it is known."""
        return self._rates[1]

    async def start(self) -> None:
        """Begin to follow."""
        self._loop = asyncio.get_running_loop()
        self._city.database.on_commit.append(self._on_commit)
        self.mark = await self._look()
        self._announced = self.mark.epoch, self.mark.seq
        self._tasks = [self._loop.create_task(self._run())]
        if self._city.database.url.get_driver_name() == "psycopg":
            self._tasks.append(self._loop.create_task(self._listen()))

    async def stop(self) -> None:
        """Stop following, after running reads have ended: cancelling their tasks would leave threads behind that hold a
        connection.
        """
        self._city.database.on_commit.remove(self._on_commit)
        self._ending = True
        self._due.set()
        for task in self._tasks[1:]:
            task.cancel()
        reading: set[asyncio.Future[Any]] = {*self._tasks, *(page for _, page in self._pages.values())}
        _, late = await asyncio.wait(reading, timeout=ENDING_S)
        for one in late:
            one.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def changes(self, after: int, limit: int) -> bytes:
        """A page of the feed as JSON, made once for all who ask for the same until the next commit.

        Raises console.server.errors.GoneRefusal.
        """
        try:
            # protects: who-asks-gets-what-was-told
            self._take_in()
        except Exception:
            self._said.set()  # whoever listens finds out what is wrong
        if self.mark.seq < 0:
            return await run_in_threadpool(self._page, after, limit)
        place, state = (after, limit), (self.mark.epoch, self.mark.seq)
        made = self._pages.get(place)
        if made is None or made[0] != state:
            made = state, asyncio.ensure_future(run_in_threadpool(self._page, after, limit))
            self._make_room()
            self._pages[place] = made
        try:
            return await asyncio.shield(made[1])
        except Exception:
            if self._pages.get(place) is made:
                del self._pages[place]
            raise

    def _page(self, after: int, limit: int) -> bytes:
        return msgspec.json.encode(self._feed_buffer.changes(after, limit))

    def _make_room(self) -> None:
        """Drop pages that are older than the last commit; drop all when they are too many or too large."""
        state = (self.mark.epoch, self.mark.seq)
        for place in [place for place, (made, _) in self._pages.items() if made != state]:
            del self._pages[place]
        size = sum(len(page.result()) for _, page in self._pages.values() if page.done() and not page.exception())
        if len(self._pages) >= _MOST_PAGES or size > _MOST_BYTES:
            self._pages.clear()

    async def _run(self) -> None:
        gap = _LOOK_S["sqlite" if self._city.database.is_sqlite else "other"]
        assert self._loop is not None
        look_at, told_at = 0.0, -_REST_S
        while not self._ending:
            # Of many commits in a row each is not told by itself: that would take more than the edits do.
            if (rest_s := told_at + _REST_S - self._loop.time()) > 0:
                await asyncio.sleep(rest_s)
            self._due.clear()
            told_at = self._loop.time()
            if self._look_due or told_at >= look_at:
                self._look_due = self._users_stale = False
                self.mark = self._together(await self._look())
                look_at = told_at + (_LOOK_TOLD_S if self._line is not None else gap)
            state = self.mark.epoch, self.mark.seq
            if state != self._announced:
                self._announced = state
                for listener in tuple(self.on_growth):
                    listener()
            with contextlib.suppress(TimeoutError):  # wait_for would lose a cancellation that comes with what is due
                async with asyncio.timeout(max(0.0, look_at - self._loop.time())):
                    await self._due.wait()

    async def _listen(self) -> None:
        """Let PostgreSQL tell of the commits and the presence of other servers; while it cannot, looking is enough."""
        import psycopg  # only here: a city in a file has no need of it

        database = self._city.database
        arguments, options = database.engine.dialect.create_connect_args(database.url)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(*arguments, **options, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {COMMITTED}")
                    await connection.execute(f"LISTEN {SEEN}")
                    await connection.execute("SELECT pg_advisory_lock_shared(%s, %s)", PRESENT)
                    connection.add_notify_handler(lambda notice: self._on_notice(notice.channel, notice.payload))
                    while True:
                        await self._hear(connection.pgconn)
                        await connection.execute("SELECT 1")
            except (psycopg.Error, OSError) as error:
                log.info("PostgreSQL does not tell of commits, they are looked for: %s", error)
            await asyncio.sleep(_LISTEN_AGAIN_S)

    async def _hear(self, line: PGconn) -> None:
        """Take in for a while what PostgreSQL says by itself. Raises what psycopg does when it is gone.

        The driver's own generator makes a dozen objects and two calls of the system for each notice, and each process
        gets those of all.
        """
        assert self._loop is not None
        until, number = self._loop.time() + _STILL_THERE_S, line.socket
        self._line = line
        try:
            while (left_s := until - self._loop.time()) > 0:
                if self._take_in():
                    await asyncio.sleep(_HEARING_REST_S)
                    continue
                self._said.clear()
                self._loop.add_reader(number, self._said.set)
                self._watched = number
                async with asyncio.timeout(left_s):
                    await self._said.wait()
                self._unwatch()
        except TimeoutError:
            return
        finally:
            self._line = None
            self._unwatch()

    def _unwatch(self) -> None:
        """Listen to the line no more; nothing where that has ended, as its number may be another connection's."""
        if self._watched is not None:
            assert self._loop is not None
            self._loop.remove_reader(self._watched)
            # protects: who-got-the-lines-number-is-heard
            self._watched = None

    def _take_in(self) -> bool:
        """Take in what PostgreSQL has told until now; whether there was anything. Raises what psycopg does when it is
        gone.
        """
        if (line := self._line) is None:
            return False
        try:
            line.consume_input()
        except Exception:
            # It is closed: the next request's connection may get its number, and would never be heard.
            # protects: a-lost-line-takes-no-number-with-it
            self._unwatch()
            raise
        heard = False
        while (notice := line.notifies()) is not None:
            self._on_notice(notice.relname.decode(), notice.extra.decode())
            heard = True
        return heard

    def _on_notice(self, channel: str, payload: str) -> None:
        if channel == SEEN:
            self._city.presence.moved()
        elif (edit := _EDIT.fullmatch(payload)) is not None:
            if (seq := int(edit[1])) > self.mark.seq:
                self._city.database.hear(seq)
                self._committed(seq, users=False)
        elif not payload.isdigit() or int(payload) > self.mark.seq:
            self._look_due = True
            self._due.set()

    async def _look(self) -> DatabaseMark:
        try:
            return await run_in_threadpool(self._read)
        except sa.exc.SQLAlchemyError as error:
            log.warning("the database does not answer: %s", getattr(error, "orig", None))
            return _UNKNOWN  # nothing that was known before is given out while the database does not answer

    def _read(self) -> DatabaseMark:
        database = self._city.database
        before = database.mark
        now, newest, count = database.state()
        if (at := time.monotonic()) >= self._aside_due:
            self._aside_due = at + _ASIDE_S
            with database.read() as connection:
                self._look_aside(connection)
        if database.went_back(before, now):
            log.error("the database was set back from change %d to %d: a new epoch begins", before.seq, now.seq)
            return self._read()
        return DatabaseMark(now.epoch, now.seq, (now.epoch, newest, count))

    def _look_aside(self, connection: sa.Connection) -> None:
        """Find the city's own rules of requests, and how many processes serve it. Those of a file are one."""
        rules = meta_value(connection, REQUESTS)
        processes = 1 if self._city.database.is_sqlite else connection.scalar(_PROCESSES) or 1
        if (found := (rules, int(processes))) != self._rates:
            self._rates = found
            self.on_rates(rules_of(rules), found[1])

    def _together(self, found: DatabaseMark) -> DatabaseMark:
        """What was read, with what this process has committed meanwhile."""
        if found is _UNKNOWN:
            return found
        users = None if self._users_stale else found.users
        same = found.epoch == self.mark.epoch
        return DatabaseMark(found.epoch, max(found.seq, self.mark.seq) if same else found.seq, users)

    def _on_commit(self, seq: int, users: bool) -> None:
        """From any thread of this process. The loop takes it in before the answer to the edit leaves."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                self._loop.call_soon_threadsafe(self._committed, seq, users)

    def _committed(self, seq: int, users: bool) -> None:
        """An edit tells all that there is to know of it. Its commit is looked at where nothing is known of what was
        before, and where its number is lower, as in a database that was set back.
        """
        self._users_stale = self._users_stale or users
        self._look_due = self._look_due or users or self.mark.users is None or seq < self.mark.seq
        self.mark = DatabaseMark(self.mark.epoch, max(seq, self.mark.seq), None if users else self.mark.users)
        self._due.set()
