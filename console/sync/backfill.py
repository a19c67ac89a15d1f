"""Fetch again, from a number of the feed on, what an earlier version of this program could not understand."""

from __future__ import annotations

from api_client import errors
from api_client.dispatch import DispatchClient
from api_client.model import Changes, Snapshot


class Backfill:
    """The pages that hold every object whose last change is not before `first`, beside those that are followed.

    They come from the feed or, where the server does not keep it so long, from a snapshot of everything. `is_over` is
    whether the page that was given last was the last one.
    """

    def __init__(self, client: DispatchClient, first: int) -> None:
        self._client = client
        self._after: int | None = max(0, first - 1)
        self._key: str | None = None
        self.is_over = False

    def next_page(self, rows: int) -> Changes | Snapshot:
        """The next page, of so many objects at most. Raises ApiError, and goes on at the same place after that."""
        if self._after is not None:
            try:
                return self._changes(self._after, rows)
            except errors.CursorTooOld:
                self._after = None
        page = self._client.snapshot(self._key, rows)
        self._key, self.is_over = page.next_key, page.next_key is None
        return page

    def _changes(self, after: int, rows: int) -> Changes:
        page = self._client.changes(after, rows)
        if not fits(page, after):
            raise errors.Malformed("The server's feed has a gap; nothing was taken from it.")
        self._after, self.is_over = page.upto, not page.more
        return page


def fits(page: Changes, asked: int) -> bool:
    """Whether a page continues exactly from the number that was asked for, and says itself consistent."""
    return (
        page.start == asked
        and asked <= page.upto < 2**63
        and not (page.more and page.upto == asked)
        and all(asked < item.seq <= page.upto for item in page.items)
    )
