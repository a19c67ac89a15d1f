"""Find what a GeoReport server no longer has: these servers tell of no deletions, so its list is gone through by id."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from api_client.georeport import READING, GeoReportClient
from console.domain.digest import date_of, day_of
from console.store.cache_read import CacheReader
from console.store.items import Item
from console.sync.health import Health
from console.sync.ledger import Ledger
from console.sync.pull_georeport import EPOCH, WINDOW

_log = logging.getLogger(__name__)
_MOST_LOOKUPS = 500
_MORE = 10_000
_FIRST_DAY, _LAST_DAY = day_of(date(1971, 1, 1)), day_of(date(2200, 1, 1))


class Sweep:
    """Drops what was withdrawn.

    A report that is not in the list of its days is asked for by its id, and dropped only when the server says that it
    has none: lists have limits, and a portal's page is no list.
    """

    def __init__(self, source: str, client: GeoReportClient, folder: Path, ledger: Ledger, health: Health) -> None:
        self._source = source
        self._client = client
        self._folder = folder
        self._ledger = ledger
        self._health = health

    def mend(self, stopped: Callable[[], bool]) -> list[str]:
        """Drop what the server has no longer; the ids of these reports. Raises ApiError, StoreError."""
        withdrawn = self._withdrawn(stopped)
        if withdrawn and not stopped():
            self._drop(withdrawn, int(self._health.server_now().timestamp()))
        return withdrawn

    def tell(self, mended: list[str] | None, now: datetime, *, asked: bool) -> None:
        """Say it with the source's state, when there is something to say."""
        if mended:
            found = "1 report is" if len(mended) == 1 else f"{len(mended)} reports are"
            words = f"{found} no longer at the server and dropped here."
            _log.info("%s: %s", self._source, words)
            self._health.complete(detail=words)

    def tell_failed(self, why: str, now: datetime) -> None:
        """Say it with the source's state."""
        self._health.complete(detail=f"What was withdrawn could not be looked for at {now:%H:%M}. {why}")

    def _withdrawn(self, stopped: Callable[[], bool]) -> list[str]:
        """The ids of cached reports that the server has not."""
        reader = CacheReader(self._folder)
        try:
            here = reader.numbers(self._source, _FIRST_DAY, _LAST_DAY)
        finally:
            reader.close()
        lost: list[str] = []
        left = 2 * len(here) + _MORE  # to be listed: a server may have no end
        span = WINDOW.days - 3  # with the spare days of `_listed` no longer than a server allows
        days = {day for _, _, day in here}
        end = max(days, default=0)
        while days and end >= min(days) and left > 0 and not stopped():
            begin = end - span + 1
            ours = [key for key, _, day in here if begin <= day <= end]
            if ours:
                listed = self._listed(begin, end, left)
                left -= len(listed)
                lost += [key for key in ours if key not in listed]
            end = begin - 1
        # protects: asked-for-before-it-is-dropped
        return [key for key in lost[:_MOST_LOOKUPS] if not stopped() and self._client.request(key) is None]

    def _listed(self, begin: int, end: int, most: int) -> set[str]:
        """The ids of what was made on these days, with a day to spare on each side for other time zones."""
        first, last = (datetime.combine(date_of(day), time(), UTC) for day in (begin, end))
        spare = timedelta(days=1)
        pages = self._client.requests(start=first - spare, end=last + 2 * spare, limits=READING.at_most(most))
        return {str(request.service_request_id) for page in pages for request in page}

    def _drop(self, withdrawn: list[str], seq: int) -> None:
        cursor = self._ledger.cursor(self._source)
        if cursor is not None and cursor.epoch == EPOCH:
            self._ledger.apply(self._source, [Item("gone", seq, f"report/{key}", None) for key in withdrawn], cursor)
