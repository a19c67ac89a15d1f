"""What is read of the control room's log in cache.db: the entries of all histories by time, a page at a time."""

from __future__ import annotations

import msgspec

from api_client.model import Entry

LOG_PAGE = 200
"""How many entries are read at once, the newest first."""


class LogPlace(msgspec.Struct, frozen=True, order=True):
    """Where an entry stands in the log: when it was made (milliseconds since 1970, by its server's clock), and its row
    in the cache, which is the larger the later it was read.
    """

    at_ms: int
    row: int


class LoggedEntry(msgspec.Struct, frozen=True):
    """An entry of the log with its source's key."""

    source: str
    place: LogPlace
    entry: Entry

    @property
    def id(self) -> str:
        """Its name among the entries of all sources."""
        return f"{self.source}/{self.entry.id}"


class LogPage(msgspec.Struct, frozen=True):
    """Some entries, the newest first. The next page lies behind `older`; None when there is nothing older."""

    entries: tuple[LoggedEntry, ...] = ()
    older: LogPlace | None = None
