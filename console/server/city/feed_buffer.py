"""Keep the end of the feed in memory: a commit costs one small query, however many consoles read the new page.

Each request asks the database whether anything changed, so a page is never older than the database's own.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable

import msgspec

from api_client.model import Changes, Item
from console.server.city.database import Mark
from console.server.city.feed import MOST, fitting
from console.server.errors import GoneRefusal

_MOST_ITEMS = 1000
_MOST_BYTES = 16_000_000

Read = Callable[[int, int], Changes]
"""A page of the feed from the database: after a number, so many objects at most."""


class FeedBuffer:
    """The newest objects of the feed (the tail). Pages that begin in it are cut out of it; `read` makes all others.

    `mark` gives the number and epoch of the database's last change. May be used from any thread.
    """

    def __init__(self, read: Read, mark: Callable[[], Mark]) -> None:
        self._read = read
        self._mark = mark
        self._lock = threading.Lock()
        self._page: Changes | None = None
        """The tail: one long page that ends where the feed ended when it was last read."""

    def changes(self, after: int, limit: int) -> Changes:
        """A page as it stands in the database. Raises console.server.errors.GoneRefusal."""
        with self._lock:
            page = self._follow()
        if page is None or after < page.start or after > page.upto:
            return self._far(after, limit)
        return _cut(page, after, limit)

    def _far(self, after: int, limit: int) -> Changes:
        """A page that begins before the tail, from the database. If it reaches the end of the feed it becomes the new
        tail.
        """
        page = self._read(after, limit)
        if not page.more:
            with self._lock:
                known = self._page
                if known is None or known.epoch != page.epoch or (page.start < known.start and page.upto >= known.upto):
                    self._page = _trimmed(page)
        return page

    def _follow(self) -> Changes | None:
        """The tail, extended to the database's last change; None when it cannot be extended that far."""
        present, page = self._mark(), self._page
        if page is None or (page.epoch, page.upto) == present:
            return page
        self._page = None
        try:
            news = self._read(page.upto, MOST)
        except GoneRefusal:  # the database was set back
            return None
        if not news.more and news.epoch == page.epoch:
            self._page = _joined(page, news)
        return self._page


def _cut(page: Changes, after: int, limit: int) -> Changes:
    first = bisect.bisect_right(page.items, after, key=_number)
    items = page.items[first : first + max(1, limit)]
    items = items[: fitting(len(item.data) for item in items)]
    more = first + len(items) < len(page.items)
    upto = items[-1].seq if more else page.upto
    return Changes(page.epoch, page.scope_version, after, upto, more, items)


def _joined(page: Changes, news: Changes) -> Changes:
    """The tail with what came after it: each object once, as it is now, and none that is gone."""
    replaced = {(item.kind, item.id) for item in news.items}
    for item in news.items:
        if item.kind == "gone":
            kind, _, key = item.id.partition("/")
            replaced.add((kind, key))
    still = [item for item in page.items if (item.kind, item.id) not in replaced]
    return _trimmed(msgspec.structs.replace(news, start=page.start, items=(*still, *news.items)))


def _trimmed(page: Changes) -> Changes:
    """The page without its oldest objects, when it has very many or very large ones."""
    size = 0
    for kept, item in enumerate(reversed(page.items)):
        size += len(item.data)
        if kept == _MOST_ITEMS or size > _MOST_BYTES:
            return msgspec.structs.replace(page, start=item.seq, items=page.items[len(page.items) - kept :])
    return page


def _number(item: Item) -> int:
    return item.seq
