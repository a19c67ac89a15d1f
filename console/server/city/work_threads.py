"""Threads on which requests are worked at, of their own for each kind of asker, and work that can be told to stop.

Nobody without an account takes a thread from somebody who has one, and no reader waits behind writers. What nobody
waits for any more, because the client has gone or the server is told to end, stops at its next look at the database.
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
    """One piece of work: whether it was told to stop, how many steps of the database it may take, how long it may wait.

    `stop` may be called from any thread. `steps` None means as many as it takes.
    """

    def __init__(self, steps: int | None = None, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self.steps = steps
        self._ticks = ticks
        self._since = ticks()
        self._left = steps
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Nobody waits for it any more."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Let time pass, but not when it is told to stop."""
        if seconds > 0:
            self._stopped.wait(seconds)

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.is_set()

    def patience_s(self) -> float:
        """How long it may still wait for others, in seconds; never less than a moment."""
        return max(_LEAST_S, _PATIENCE_S - (self._ticks() - self._since))

    def progress(self) -> int:
        """SQLite asks this every `EVERY` steps: 0 goes on, anything else ends the statement."""
        if self._left is not None:
            self._left -= _EVERY
        return int(self.stopped or self.spent)

    @property
    def spent(self) -> bool:
        """Whether it has taken all its steps."""
        return self._left is not None and self._left < 0

    def refusal(self) -> Refusal:
        """Why it was ended."""
        if self.stopped:
            return Overloaded("The server stopped working at this. Ask again.")
        return Invalid("This asks for too much at once. Ask for a shorter time, a smaller area, or fewer in a page.")


EVERY = _EVERY
_current: contextvars.ContextVar[CancelToken | None] = contextvars.ContextVar("work", default=None)


def present_work() -> CancelToken | None:
    """The work that this thread does for a request; None for everything else."""
    return _current.get()


@contextmanager
def doing(work: CancelToken | None) -> Iterator[None]:
    """What this thread does in the block belongs to this work. None: it is done for all who ask, is not counted to the
    one who happened to be first, and does not end with him.
    """
    before = _current.set(work)
    try:
        yield
    finally:
        _current.reset(before)


class WorkThreads:
    """Some threads, and how many requests may wait for one; of one client (`whose`) only `most_each` together.

    Threads that are `modest` rest after each piece of work for as long as it took the processor: when very many ask,
    half of the processor (and of Python's lock, which has no order of who comes first) is left to everybody else.
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
        """What the work returns; Overloaded when too many wait already, or `gone` was done before the work was."""
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
        """Tell all work to stop; who comes from now on is refused."""
        self._closed = True
        for token in tuple(self._inside):
            token.stop()
        self._executor.shutdown(wait=False)


async def _ended(job: Future[T], token: CancelToken, gone: asyncio.Future[None] | None) -> T:
    """The result of the job, however the asker fares: a thread is not left alone with a connection."""
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
