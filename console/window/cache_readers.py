"""The connections by which worker threads read the cache: one for each thread."""

from __future__ import annotations

import threading
from pathlib import Path

from console.cache.reader import CacheReader


class CacheReaders:
    """Opens a reader for each worker thread that asks for one, and closes them all at the end."""

    def __init__(self, profile: Path) -> None:
        self._profile = profile
        self._by_thread = threading.local()
        self._opened: list[CacheReader] = []

    def of_thread(self) -> CacheReader:
        """The reader of the calling thread."""
        found: CacheReader | None = getattr(self._by_thread, "reader", None)
        if found is None:
            found = self._by_thread.reader = CacheReader(self._profile)
            self._opened.append(found)
        return found

    def close(self) -> None:
        """Close them, once no worker runs any more."""
        for reader in self._opened:
            reader.close()
