"""Server-sent events: tell every client when the feed has grown, and send positions and presence."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool

from console.server.city.change_watcher import ENDING_S, ChangeWatcher
from console.server.city.city import City
from console.server.errors import ForbiddenRefusal

_log = logging.getLogger(__name__)
BEAT_S = 10.0
GONE_S = 5.0
"""Who has no stream for this long has left: signed out, or closed his console."""
MOST_EACH = 64
"""How many streams one user has here: of a wall of windows, but not of a program that forgets to close them."""
_MOST_ENDED = 1_000
_LEAST_GAP_S = 0.1
_PRESENCE_GAP_S = 0.5
_GAP_OF_EACH_S = 0.002
"""A crowd is told more seldom and not all at once, so that what it then asks for comes as an even stream."""


class Subscribers:
    """The streams of this process. `start` and `stop` are called on the event loop, the city's signals come from its
    threads.
    """

    def __init__(
        self, city: City, change_watcher: ChangeWatcher, *, beat_s: float = BEAT_S, gone_s: float = GONE_S
    ) -> None:
        self._city = city
        self._change_watcher = change_watcher
        self._beat_s, self._gone_s = beat_s, gone_s
        self._leaving: set[asyncio.Future[None]] = set()
        self._in_turn = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[Subscriber] = set()
        self._of: Counter[str] = Counter()
        self._ended: set[tuple[str, str]] = set()
        """Users with those of their consoles whose last streams have ended here."""
        self._moves = 0
        self._seen: tuple[int, float, asyncio.Future[bytes]] | None = None
        self.closed = False

    @property
    def listening(self) -> int:
        """How many streams there are."""
        return len(self._listeners)

    def start(self) -> None:
        """Begin to follow the city."""
        self._loop = asyncio.get_running_loop()
        self._change_watcher.on_growth.append(self._grown)
        self._city.presence.on_change.append(self._on_presence)

    async def stop(self) -> None:
        """End all streams, once what is being read for them has been read."""
        self.close()
        self._change_watcher.on_growth.remove(self._grown)
        self._city.presence.on_change.remove(self._on_presence)
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=ENDING_S)
        if self._seen is not None:
            await asyncio.wait([self._seen[2]], timeout=ENDING_S)

    def close(self) -> None:
        """Tell every stream to end now."""
        self.closed = True
        for listener in self._listeners:
            listener.wake.set()

    def check_room(self, user: str) -> None:
        """Raise ForbiddenRefusal when the user has many streams already; to be called from any thread.

        Every stream makes all others slower.
        """
        # protects: streams-of-one-user
        if self._of[user] >= MOST_EACH:
            raise ForbiddenRefusal(
                f"{user} listens {MOST_EACH} times already. Close a window, or ask for changes instead."
            )

    async def events(self, user: str, still_known: Callable[[], bool], console: str = "") -> AsyncIterator[bytes]:
        """The events of one client of this user, until it goes, is not `still_known`, or the server ends; `console` is
        which of his consoles it is, "" where it does not say it.
        """
        listener = Subscriber(user, console)
        self._listeners.add(listener)
        self._of[user] += 1
        if (user, console) in self._ended:
            self._ended.discard((user, console))
            # protects: who-listens-again-is-there-again
            self._note(self._city.presence.begin_console, user, console, self._city.clock())
        try:
            listener.presence_due = True
            epoch = self._change_watcher.mark.epoch
            # A new epoch ends the stream: to the client's ears its lower numbers would be old news.
            # So does a change of users: whoever may still listen comes again with his token.
            while not self.closed and self._change_watcher.mark.epoch in (epoch, "") and still_known():
                listener.wake.clear()
                news = await self._news(listener)
                for event in news:
                    yield event
                if news:
                    await asyncio.sleep(max(_LEAST_GAP_S, self._spread_s()))
                elif not await self._woken(listener):
                    yield b": beat\n\n"
        finally:
            self._listeners.discard(listener)
            self._of[user] -= 1
            if not self._of[user]:
                del self._of[user]
            if not self.closed and self._loop is not None:
                ended = self._city.clock()
                if console and not any((one.user, one.console) == (user, console) for one in self._listeners):
                    # At once: who closes one window and signs out in the other leaves what he has taken.
                    self._ended = {*self._ended, (user, console)} if len(self._ended) < _MOST_ENDED else set()
                    self._note(self._city.presence.end_console, user, console, ended)
                self._loop.call_later(self._gone_s, self._look_whether_gone, user, ended)

    def _look_whether_gone(self, user: str, ended: datetime) -> None:
        """A user whose last stream ended counts as gone unless he has come back meanwhile."""
        if self.closed or any(listener.user == user for listener in self._listeners):
            return
        self._note(self._city.presence.leave_unless_elsewhere, user, ended)

    def _note(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do this work at the database on a thread, behind what was to be noted before."""
        noting = asyncio.ensure_future(self._noted(work, *arguments))
        self._leaving.add(noting)
        noting.add_done_callback(self._on_left)

    async def _noted(self, work: Callable[..., None], *arguments: Any) -> None:
        # Of two threads the later may come first, and who has gone would be there again.
        # protects: presence-is-noted-in-order
        async with self._in_turn:
            await run_in_threadpool(work, *arguments)

    def _on_left(self, leaving: asyncio.Future[None]) -> None:
        self._leaving.discard(leaving)
        if not leaving.cancelled() and (fault := leaving.exception()) is not None:
            _log.info("who has gone could not be noted, and is forgotten in a minute: %s", fault)

    async def _news(self, listener: Subscriber) -> list[bytes]:
        """The events that the client has not been sent yet."""
        news: list[bytes] = []
        if self._change_watcher.mark.seq > listener.sent_seq:
            listener.sent_seq = self._change_watcher.mark.seq
            news.append(_event("seq", {"seq": listener.sent_seq}))
        if listener.presence_due and self._now() >= listener.presence_after:
            listener.presence_due = False
            listener.presence_after = self._now() + _PRESENCE_GAP_S
            presence = await self._presence()
            if presence != listener.presence:
                listener.presence = presence
                news.append(presence)
        return news

    async def _presence(self) -> bytes:
        """Positions and presence as an event, read once for all clients until something moves again."""
        if self._seen is None or self._seen[0] != self._moves or self._now() - self._seen[1] > _PRESENCE_GAP_S:
            self._seen = self._moves, self._now(), asyncio.ensure_future(run_in_threadpool(self._read_presence))
        reading = self._seen
        try:
            return await asyncio.shield(reading[2])
        except Exception:
            if self._seen is reading:
                self._seen = None
            raise

    def _read_presence(self) -> bytes:
        return _event("presence", self._city.presence.seen(self._city.clock()))

    async def _woken(self, listener: Subscriber) -> bool:
        """Wait for news, no longer than until the next beat; whether there may be some."""
        if self._change_watcher.mark.seq > listener.sent_seq or self.closed:
            return True
        waits_for_presence = listener.presence_due
        try:
            async with asyncio.timeout(_PRESENCE_GAP_S if waits_for_presence else self._beat_s):
                await listener.wake.wait()
        except TimeoutError:
            listener.presence_due = True  # who was cut off is told by nobody: he is missing after a while
            return waits_for_presence
        await asyncio.sleep(random.uniform(0, self._spread_s() / 2))  # noqa: S311 - only spreads a crowd
        return True

    def _spread_s(self) -> float:
        return len(self._listeners) * _GAP_OF_EACH_S

    def _now(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0

    def _on_presence(self) -> None:
        self._call(self._moved)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        """From any thread: call on the event loop, which may have ended."""
        if self._loop is not None and not self.closed:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, *arguments)

    def _grown(self) -> None:
        for listener in self._listeners:
            listener.wake.set()

    def _moved(self) -> None:
        self._moves += 1
        for listener in self._listeners:
            listener.presence_due = True
            listener.wake.set()


class Subscriber:
    """What one client has been sent."""

    def __init__(self, user: str, console: str) -> None:
        self.user, self.console = user, console
        self.wake = asyncio.Event()
        self.sent_seq = 0
        self.presence_due = False
        self.presence_after = 0.0
        self.presence = b""


def _event(name: str, data: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
