"""Find the row of a report by its id at the server or its local key; choose it, or read it from the cache."""

from __future__ import annotations

from collections.abc import Callable

from api_client.model import Report
from console.cache.reader import CacheReader
from console.panels.board_updater import BoardUpdater
from console.panels.qt_outbox import QtOutbox
from console.panels.window_state import WindowState
from console.tasks import Tasks


class ReportLookup:
    """Looks reports up in the cache on a worker; one that was created here and has no number yet is found at once."""

    def __init__(
        self,
        window_state: WindowState,
        board_updater: BoardUpdater,
        outbox: QtOutbox,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
    ) -> None:
        """`reader` gives the cache reader of the calling worker thread."""
        self._window_state, self._board_updater, self._outbox, self._tasks, self._reader = (
            window_state,
            board_updater,
            outbox,
            tasks,
            reader,
        )

    def choose(self, source: str, key: str) -> None:
        """Choose a source's report by its id or its local key; when it is not on this computer none is chosen."""
        self.with_row(source, key, self._window_state.choose)

    def with_row(self, source: str, key: str, then: Callable[[int], None]) -> None:
        """Call `then` with the row of a report, given by its id or its local key; with 0 when it is not on this
        computer.
        """
        if row := self._board_updater.local_row(key):
            then(row)
            return
        number = self._outbox.remote_of(key) or key
        self._tasks.submit(lambda: self._reader().row_of(source, number), lambda row: then(row or 0))

    def read(self, source: str, number: str, then: Callable[[Report | None], None]) -> None:
        """Read a report from the cache on a worker and call `then` with it; with None when it is not there."""

        def read() -> Report | None:
            reader = self._reader()
            row = reader.row_of(source, number)
            found = reader.report(row) if row is not None else None
            return found.report if found is not None else None

        self._tasks.submit(read, then)
