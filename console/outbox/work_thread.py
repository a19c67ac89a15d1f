"""The one thread that writes work.db: edits and drafts go before notes of what became of others, which go together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar

from console.outbox.event_loop import EventLoop
from console.outbox.work_file import WorkFile

T = TypeVar("T")
_AT_ONCE = 50
"""So many notes are one write at most: a new edit waits for no more than that."""


class _Job(NamedTuple):
    work: Callable[[WorkFile], Any]
    on_done: Callable[[Any], object] | None
    on_error: Callable[[Exception], object]
    notes_before: int
    """So many notes, counted since the start, must be on the disk before it."""


class WorkThread:
    """Runs what is to be written on a thread of its own and calls back on the loop's.

    Notes keep their order among themselves, and so do all other writes. A write that may hurry (a new edit, of which
    nothing can be noted before it is saved; what is being typed) overtakes notes; any other waits for the notes given
    before it. A file that could not be opened is tried again with the next write: the disk may have room, the other
    program may be gone.
    """

    def __init__(
        self,
        open_file: Callable[[], WorkFile],
        read: Callable[[WorkFile], T],
        opened: Callable[[T], object],
        loop: EventLoop,
    ) -> None:
        """`opened` is called with what `read` found in the file when it is open."""
        self._open_file, self._read, self._opened = open_file, read, opened
        self._loop = loop
        self._file: WorkFile | None = None
        self._writes: deque[_Job] = deque()
        self._notes: deque[_Job] = deque()
        self._given = self._taken = 0  # notes
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edits")
        self._closed = False

    def open(self, on_error: Callable[[Exception], object]) -> None:
        """Open the file unless it is open, and tell what is in it."""
        self.write(lambda _: None, None, on_error)

    def write(
        self,
        work: Callable[[WorkFile], T],
        on_done: Callable[[T], object] | None,
        on_error: Callable[[Exception], object],
        *,
        hurry: bool = False,
    ) -> None:
        """Do `work`, then call the second with what it returned or the third with the exception."""
        if not self._closed:
            with self._lock:
                self._writes.append(_Job(work, on_done, on_error, 0 if hurry else self._given))
            self._pool.submit(self._step)

    def note(
        self,
        work: Callable[[WorkFile], T],
        on_done: Callable[[T], object] | None,
        on_error: Callable[[Exception], object],
    ) -> None:
        """As `write`, perhaps in one write with other notes (see `WorkFile.together`)."""
        if not self._closed:
            with self._lock:
                self._given += 1
                self._notes.append(_Job(work, on_done, on_error, 0))
            self._pool.submit(self._step)

    def close(self) -> None:
        """Write what waits to be written, then close the file; nothing is called back afterwards."""
        self._closed = True
        self._pool.submit(self._close_file)
        # protects: all-is-written-at-the-end
        self._pool.shutdown(wait=True)

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when all that was given is written (and not yet called back)."""
        done: Future[None] = self._pool.submit(lambda: None)
        done.result(timeout_s)

    def _step(self) -> None:
        """One write. There is a step for each job, so that those of a batch leave some with nothing to do."""
        jobs = self._next()
        if len(jobs) < 2 or not self._all_at_once(jobs):
            for job in jobs:
                try:
                    value = job.work(self._opened_file())
                except Exception as error:
                    self._deliver(partial(job.on_error, error))
                else:
                    self._tell(job, value)

    def _all_at_once(self, jobs: list[_Job]) -> bool:
        """Whether it could be done; otherwise nothing is written, and alone each tells its own error."""
        try:
            file = self._opened_file()
            with file.together():
                values = [job.work(file) for job in jobs]
        except Exception:
            return False
        for job, value in zip(jobs, values, strict=True):
            self._tell(job, value)
        return True

    def _next(self) -> list[_Job]:
        with self._lock:
            if self._writes and (self._writes[0].notes_before <= self._taken or not self._notes):
                return [self._writes.popleft()]
            jobs = [self._notes.popleft() for _ in range(min(_AT_ONCE, len(self._notes)))]
            self._taken += len(jobs)
            return jobs

    def _tell(self, job: _Job, value: object) -> None:
        if job.on_done is not None:
            self._deliver(partial(job.on_done, value))

    def _opened_file(self) -> WorkFile:
        # protects: work-file-is-opened-again
        return self._file or self._open()

    def _open(self) -> WorkFile:
        file = self._open_file()
        try:
            kept = self._read(file)
        except Exception:
            file.close()
            raise
        self._file = file  # open is what has been read, too: else what is in it would stay unseen
        self._deliver(partial(self._opened, kept))
        return file

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()

    def _deliver(self, callback: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(self._call, callback)

    def _call(self, callback: Callable[[], object]) -> None:
        if not self._closed:
            callback()
