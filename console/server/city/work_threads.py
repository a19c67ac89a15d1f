"""Threads that work on requests, a pool for each kind of client, and work that can be told to stop.

Requests without an account never occupy a thread of those with one, and readers do not wait behind writers. Work whose
client has gone stops at its next access to the database; so does all work when the server ends.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from console.server.errors import Invalid, Overloaded, Refusal

T = TypeVar("T")

PUBLIC_STEPS = 3_000_000
"""How many steps of SQLite's machine a public question may take; a million takes about 15 ms."""
PUBLIC_STATEMENT_MS = 500
"""How long one statement of a public question may take on PostgreSQL, which counts no steps."""
_EVERY = 20_000
_PATIENCE_S = 10.0
"""How long a request waits for its turn to write, from when it came."""
_LEAST_S = 0.05
_LONGEST_REST_S = 0.2


class CancelToken:
    """The limits of one piece of work: whether it was told to stop, how many steps of SQLite it may take (None: any
    number), how long it may wait for others.

    `stop` may be called from any thread.
    """

    def __init__(self, steps: int | None = None, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self.steps = steps
        self._ticks = ticks
        self._since = ticks()
        self._left = steps
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Tell the work to stop: its client waits no more."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Wait so many seconds, or until the work is told to stop."""
        if seconds > 0:
            self._stopped.wait(seconds)

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.is_set()

    def patience_s(self) -> float:
        """Seconds that the work may still wait for a lock; never less than `_LEAST_S`."""
        return max(_LEAST_S, _PATIENCE_S - (self._ticks() - self._since))

    def progress(self) -> int:
        """SQLite's progress handler, called every `EVERY` steps: 0 lets the statement go on, anything else ends it."""
        if self._left is not None:
            self._left -= _EVERY
        return int(self.stopped or self.spent)

    @property
    def spent(self) -> bool:
        """Whether the work has used up its steps."""
        return self._left is not None and self._left < 0

    def refusal(self) -> Refusal:
        """The answer to the request whose work was ended."""
        if self.stopped:
            return Overloaded("The server stopped working at this. Ask again.")
        return Invalid("This asks for too much at once. Ask for a shorter time, a smaller area, or fewer in a page.")


EVERY = _EVERY
_current: contextvars.ContextVar[CancelToken | None] = contextvars.ContextVar("work", default=None)


def present_work() -> CancelToken | None:
    """The token of the request that this thread works on; None outside of requests."""
    return _current.get()


@contextmanager
def doing(work: CancelToken | None) -> Iterator[None]:
    """In the block this thread works for this token. With None it works for everybody who asks: the work is not counted
    to the client who happened to ask first, and does not stop with him.
    """
    before = _current.set(work)
    try:
        yield
    finally:
        _current.reset(before)


class WorkThreads:
    """A pool of threads with a bound on waiting requests; one client (`whose`) may have at most `most_each` in it.

    `modest` threads rest after each piece of work for as long as it took the processor, so that a flood of requests
    leaves half of the processor (and of Python's lock) to all others.
    """

    def __init__(
        self, name: str, threads: int, waiting: int, *, most_each: int | None = None, modest: bool = False
    ) -> None:
        self._modest = modest
        self._rest = threading.local()
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._room = threads + waiting
        self._most_each = most_each
        self._inside: set[CancelToken] = set()
        self._of: Counter[str] = Counter()
        self._closed = False

    async def run(
        self, work: Callable[[], T], token: CancelToken, *, gone: asyncio.Future[None] | None = None, whose: str = ""
    ) -> T:
        """Run `work` on a thread and return its result. Raises Overloaded when too many requests wait, or when `gone`
        (the client has hung up) is done first.
        """
        if self._closed or len(self._inside) >= self._room:
            raise Overloaded("The server has very much to do. Ask again.")
        if self._most_each is not None and whose and self._of[whose] >= self._most_each:
            raise Overloaded("Your requests before this one are still being worked at. Ask again.")
        self._inside.add(token)
        self._of[whose] += 1
        context = contextvars.copy_context()
        context.run(_current.set, token)
        job: Future[T] = self._executor.submit(context.run, self._do, work, token)
        try:
            return await _ended(job, token, gone)
        finally:
            self._inside.discard(token)
            self._of[whose] -= 1
            if not self._of[whose]:
                del self._of[whose]

    def _do(self, work: Callable[[], T], token: CancelToken) -> T:
        if self._modest:
            token.wait(getattr(self._rest, "until", 0.0) - time.monotonic())
        if token.stopped:
            raise token.refusal()
        began = time.thread_time()
        try:
            return work()
        finally:
            self._rest.until = time.monotonic() + min(_LONGEST_REST_S, time.thread_time() - began)

    def close(self) -> None:
        """Tell all work to stop, and refuse new work."""
        self._closed = True
        for token in tuple(self._inside):
            token.stop()
        self._executor.shutdown(wait=False)


async def _ended(job: Future[T], token: CancelToken, gone: asyncio.Future[None] | None) -> T:
    """The result of the job. When the client goes the job is told to stop and still waited for, as its thread holds a
    database connection.
    """
    done: asyncio.Future[T] = asyncio.wrap_future(job)
    done.add_done_callback(lambda one: one.cancelled() or one.exception())  # it may be nobody's by then
    try:
        if gone is not None:
            waited: set[asyncio.Future[Any]] = {done, gone}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                token.stop()
                if job.cancel():
                    raise token.refusal()
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        token.stop()
        raise
