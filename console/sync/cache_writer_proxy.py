"""The one writing connection to cache.db, shared by the lanes of all sources; what was committed is announced."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from console.cache.page_items import Cursor, MessageCursor, PageItem
from console.cache.writer import CacheWriter
from console.files.errors import DamagedFile
from console.files.sqlite_file import CACHE
from console.rules.messages import Touched


class CacheWriterProxy:
    """Pages of server truth go in whole, with their cursor; `emit` gets a Touched after each commit."""

    def __init__(self, folder: Path, emit: Callable[[Touched], None]) -> None:
        self._emit = emit
        self._lock = threading.Lock()
        self._path = folder / CACHE
        self._writer = CacheWriter(folder)
        self._read_in: dict[str, int] = {}
        """The opening of the file in which each source's cursor was read last."""

    def close(self) -> None:
        """Checkpoint and let go."""
        with self._lock:
            self._writer.close()

    def cursor(self, source: str) -> Cursor | None:
        """How far a source has been read."""
        with self._lock:
            before = self._writer.openings
            cursor = self._writer.cursor(source)
            self._read_in[source] = self._writer.openings
            replaced = self._writer.openings != before
        if replaced:
            self._emit(Touched(everything=True))
        return cursor

    def apply(self, source: str, items: Sequence[PageItem], cursor: Cursor, *, announce: bool = True) -> Touched:
        """Commit one page and, with `announce`, say so.

        Raises StoreError. After DamagedFile the file is a new one and the cursors are empty; every source hears of it
        once, also when the page of another met the damage: what came before this page is in the new file no more.
        """
        try:
            with self._lock:
                # protects: page-of-an-earlier-cache
                if self._read_in.get(source, self._writer.openings) != self._writer.openings:
                    raise DamagedFile(self._path, "The cache was begun anew.", self._writer.set_aside)
                touched = self._writer.apply(source, items, cursor)
        except DamagedFile:
            self._emit(Touched(everything=True))
            raise
        if announce and (touched.rows or touched.kinds or touched.edits):
            self._emit(touched)
        return touched

    def forget(self, source: str, *, set_back: bool) -> None:
        """Drop all that a source said, because its data was replaced; by an older state of its own when `set_back`."""
        with self._lock:
            touched = self._writer.forget(source, set_back=set_back)
        # protects: replaced-is-not-shown-twice
        self._emit(touched)

    def message_cursor(self, source: str) -> MessageCursor | None:
        """How far the messages of a source have been read, and for whom."""
        with self._lock:
            return self._writer.message_cursor(source)

    def forget_messages(self, source: str, cursor: MessageCursor) -> None:
        """Drop the messages of a source, and begin anew for whom the cursor says. Raises StoreError."""
        with self._lock:
            touched = self._writer.forget_messages(source, cursor)
        self._emit(touched)

    def put_messages(
        self, source: str, items: Sequence[PageItem], before: MessageCursor, cursor: MessageCursor
    ) -> bool:
        """Commit the page of messages behind `before`, and say so; False when they are not read up to there (any more).
        Raises StoreError.
        """
        with self._lock:
            touched = self._writer.put_messages(source, items, before, cursor)
        if touched is not None and (touched.rows or touched.kinds):
            self._emit(touched)
        return touched is not None

    @contextlib.contextmanager
    def bulk(self) -> Iterator[None]:
        """For fills: search is rebuilt at the end, and then everything is to be read again."""
        with contextlib.ExitStack() as stack:
            with self._lock:
                stack.enter_context(self._writer.bulk())
            try:
                yield
            finally:
                with self._lock:
                    stack.close()
        self._emit(Touched(everything=True))
