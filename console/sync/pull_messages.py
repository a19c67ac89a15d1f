"""Read a server's messages into the cache: those that it gives to who is signed in, anew for each user and scope."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from api_client import errors
from api_client.dispatch import DispatchClient
from api_client.model import Entry, Kind
from console.cache.page_items import MessageCursor, PageItem
from console.sync.backfill import fits
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.mapping import Mapper

_log = logging.getLogger(__name__)
_NEWS = frozenset({Kind.MESSAGE.value, Kind.READ.value})


class MessagePuller:
    """Asks for messages when the feed tells of one, and for all of them for another user or another scope."""

    def __init__(self, source: str, client: DispatchClient, cache_writer: CacheWriterProxy) -> None:
        self._source, self._client, self._cache_writer = source, client, cache_writer
        self._is_due = True
        self._skipped = 0

    @property
    def words(self) -> str:
        """What of them could not be understood, for the operator; "" for nothing."""
        if not self._skipped:
            return ""
        messages = "1 message" if self._skipped == 1 else f"{self._skipped:,} messages"
        return f"{messages} of the server could not be understood: missing here."

    def hear(self, items: Iterable[PageItem]) -> None:
        """These came by the feed: an entry by which a message was written or read says that there is something new."""
        if any(isinstance(item.data, Entry) and item.data.kind in _NEWS for item in items):
            self._is_due = True

    def read_on(self, user: str, epoch: str, scope_version: int, mapper: Mapper, rows: int) -> bool:
        """Read the next page, where there may be one; returns whether there is more. Raises ApiError, StoreError; what
        was read before is kept.
        """
        cursor = self._cache_writer.message_cursor(self._source)
        mine = MessageCursor(user, epoch, scope_version, 0)
        # protects: messages-of-another-operator-go
        if cursor is None or cursor.of_whom != mine.of_whom:
            self._cache_writer.forget_messages(self._source, mine)
            cursor, self._is_due, self._skipped = mine, True, 0
        if not self._is_due:
            return False
        self._is_due = False  # an entry that comes by the feed meanwhile is heard
        try:
            more = self._read_page(cursor, mapper, rows)
        except errors.CursorTooOld:
            _log.info("%s no longer knows message %d: reading all messages anew", self._source, cursor.seq)
            self._is_due = True
            if not cursor.seq:
                raise
            self._cache_writer.forget_messages(self._source, mine)
        except BaseException:
            self._is_due = True
            raise
        else:
            self._is_due = self._is_due or more
        return self._is_due

    def _read_page(self, cursor: MessageCursor, mapper: Mapper, rows: int) -> bool:
        """Keep the page behind a place; whether there is more behind it."""
        page = self._client.messages(cursor.seq, rows)
        if page.epoch != cursor.epoch:  # the next round of the feed finds out what has become of the data
            return False
        if not fits(page, cursor.seq):
            raise errors.Malformed("The server's messages have a gap; nothing was taken from them.")
        mapped = mapper.page(page.items)
        if mapped.skipped:
            _log.info("%s: %d messages could not be understood", self._source, len(mapped.skipped))
        after = MessageCursor(cursor.user, cursor.epoch, cursor.scope_version, page.upto)
        if page.upto != cursor.seq and not self._cache_writer.put_messages(self._source, mapped.items, cursor, after):
            raise errors.Unreachable("The cache was begun anew.")
        # protects: a-message-that-is-not-understood-is-told
        self._skipped += len(mapped.skipped)
        return page.more
