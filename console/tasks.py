"""Run functions off the GUI thread and bring their results back to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Tasks(QObject):
    """A few worker threads; callbacks always run on the thread that owns this object.

    A function must be pure or read only: it gets no widget and writes no file. Only the one thread of photos writes,
    the bytes of work-media/; it has Tasks of its own, for a photo may take seconds. After `shutdown` nothing is called
    back.
    """

    failed = Signal(object)
    """An exception that no `on_error` took."""

    _finished = Signal(object)

    def __init__(self, name: str, workers: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=name)
        self._running: set[Hashable] = set()
        self._next: dict[Hashable, Callable[[], None]] = {}
        self._closed = False
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether a `latest` job runs or waits."""
        return bool(self._running)

    def submit(
        self,
        work: Callable[[], T],
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        """Run `work` on a worker, then `on_done(result)` or `on_error(exception)` here."""
        if self._closed:
            return
        future = self._pool.submit(work)
        future.add_done_callback(lambda done: self._report(partial(self._settle, done, on_done, on_error)))

    def latest(
        self,
        key: Hashable,
        work: Callable[[], T],
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        """Like `submit`, but of one `key` only one runs, and of those that wait only the newest is kept."""
        start = partial(self._start, key, work, on_done, on_error)
        if key in self._running:
            self._next[key] = start
        else:
            start()

    def shutdown(self) -> None:
        """Wait for what runs, drop what waits."""
        self._closed = True
        self._next.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(
        self,
        key: Hashable,
        work: Callable[[], T],
        on_done: Callable[[T], None] | None,
        on_error: Callable[[Exception], None] | None,
    ) -> None:
        self._running.add(key)

        def done(result: T) -> None:
            self._ended(key)
            if on_done is not None:
                on_done(result)

        def error(exception: Exception) -> None:
            self._ended(key)
            (on_error or self._unhandled)(exception)

        self.submit(work, done, error)

    def _ended(self, key: Hashable) -> None:
        self._running.discard(key)
        waiting = self._next.pop(key, None)
        if waiting is not None:
            waiting()

    def _report(self, settle: Callable[[], None]) -> None:
        if not self._closed:
            self._finished.emit(settle)

    def _settle(
        self, done: Future[T], on_done: Callable[[T], None] | None, on_error: Callable[[Exception], None] | None
    ) -> None:
        if done.cancelled() or self._closed:
            return
        error = done.exception()
        if error is None:
            if on_done is not None:
                on_done(done.result())
        elif isinstance(error, Exception):
            (on_error or self._unhandled)(error)
        else:
            raise error

    def _unhandled(self, error: Exception) -> None:
        _log.error("a task failed", exc_info=error)
        self.failed.emit(error)

    @Slot(object)
    def _deliver(self, settle: Callable[[], None]) -> None:
        if not self._closed:
            settle()
