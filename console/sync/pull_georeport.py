"""Read a GeoReport server into the cache: windows of dates, because these servers have no feed."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from api_client import wire
from api_client.georeport import GeoReportClient, Unread
from console.store.items import Cursor, Item
from console.sync.georeport_mapping import created_entry, request_items, service_item
from console.sync.health import Health
from console.sync.ledger import Ledger

EPOCH = "open311"
OVERLAP = timedelta(minutes=5)
WINDOW = timedelta(days=90) - OVERLAP
"""With the overlap no longer than the 90 days that the standard allows."""

_FARTHEST = timedelta(days=365 * 20)
_OPEN_SWEEP = timedelta(minutes=10)
_SWEPT = timedelta(days=30)
_SERVICES_EVERY = timedelta(hours=6)
_MOST_UNREAD = 1000
_DAY = "%d %b %Y"
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


class GeoReportPuller:
    """First fill: windows of 90 days from now back to the farthest; then what was made or changed since, with overlap.

    A server that cannot filter by the last change is swept instead, every ten minutes: the last 30 days and one older
    window of 90, by turns down to the oldest report of the cache. A change of a report of five years ago (21 windows)
    so arrives within three and a half hours. What is missing from an answer is not taken for deleted.
    """

    def __init__(
        self,
        source: str,
        client: GeoReportClient,
        ledger: Ledger,
        health: Health,
        oldest: Callable[[], datetime | None],
    ) -> None:
        """`oldest` gives the time of the oldest report of the source in the cache, None when it has none."""
        self._source = source
        self._client = client
        self._ledger = ledger
        self._health = health
        self._oldest = oldest
        self._unread: tuple[Unread, ...] = ()
        self._services_at: datetime | None = None
        self._swept_at: datetime | None = None
        self._by_change: bool | None = None
        self._lock = threading.Lock()
        self._own: dict[str, tuple[str, str, datetime]] = {}
        self._seen: dict[tuple[str, str], Item] = {}
        self.pulled = 0

    def expect(self, remote_id: str, edit_id: str, author: str, at: datetime) -> None:
        """A report of ours was taken under this id: when it is read back, its edit is proved."""
        with self._lock:
            self._own[remote_id] = (edit_id, author, at)

    def catch_up(self, stopped: Callable[[], bool]) -> None:
        """One round. Raises ApiError, StoreError; everything read before is kept."""
        cursor = self._ledger.cursor(self._source)
        now = self._health.server_now()
        self._client.unread.clear()
        if self._by_change is None:
            self._by_change = self._client.knows_updated_after()
            self._health.measured(self._client.last)
            now = self._health.server_now()
        if self._services_at is None or now - self._services_at > _SERVICES_EVERY:
            self._read_services(cursor, now)
        if cursor is None or cursor.snapshot_key is not None or cursor.as_of is None:
            self._fill(self._ledger.cursor(self._source), now, stopped)
        else:
            self._follow(cursor.as_of, now)

    def _read_services(self, cursor: Cursor | None, now: datetime) -> None:
        seq = int(now.timestamp())
        services = [item for each in self._client.services() if (item := service_item(each, seq)) is not None]
        begin = Cursor(EPOCH, 0, as_of=None, snapshot_key=now.strftime(_STAMP))
        self._ledger.apply(self._source, services, cursor or begin)
        self._services_at = now

    def _fill(self, cursor: Cursor | None, now: datetime, stopped: Callable[[], bool]) -> None:
        """Windows back in time; the key of the fill is the end of the window that comes next."""
        key = cursor.snapshot_key if cursor is not None else None
        end = datetime.strptime(key or now.strftime(_STAMP), "%Y-%m-%dT%H:%M:%S%z")
        began = cursor.seq if cursor is not None and cursor.seq else int(now.timestamp())
        farthest = now - _FARTHEST
        ignores_dates = False  # such a server has told all it tells after the first window
        self._health.filling(None)
        with self._ledger.bulk():
            while end > farthest:
                if stopped():
                    return
                start = end - WINDOW
                latest = end + OVERLAP  # the first window takes in what came while we asked
                for page in self._client.requests(start=start, end=latest):
                    here = Cursor(EPOCH, began, as_of=None, snapshot_key=end.strftime(_STAMP))
                    self._keep([item for each in page for item in request_items(each, now)], here)
                    self._health.measured(self._client.last)
                    # One report that bears an odd date is no proof: what is older would never be read.
                    strange = not ignores_dates and _beyond(page, start)
                    ignores_dates = ignores_dates or (strange and not self._client.heeds_dates())
                end = farthest if ignores_dates else start
                here = Cursor(EPOCH, began, as_of=None, snapshot_key=end.strftime(_STAMP))
                self._keep([], here)
                self._health.filling(min(1.0, (now - end) / _FARTHEST))
            done = datetime.fromtimestamp(began, tz=now.tzinfo)
            self._keep([], Cursor(EPOCH, began, as_of=done))
        self._note_unread(done)

    def _follow(self, since: datetime, now: datetime) -> None:
        start = since - OVERLAP
        fresh: list[Item] = []
        if self._by_change:
            pages = [self._client.requests(updated_after=start), self._client.requests(start=start)]
        elif self._swept_at is None or now - self._swept_at > _OPEN_SWEEP:
            pages = [self._client.requests(start=now - _SWEPT)]
            self._swept_at = now
            pages += self._older_window(now)
        else:
            pages = [self._client.requests(start=start)]
        for each in pages:
            for page in each:
                fresh += [item for request in page for item in request_items(request, now)]
                self._health.measured(self._client.last)
        self._keep(self._changed(fresh), Cursor(EPOCH, int(now.timestamp()), as_of=now))
        self._note_unread(now)

    def _older_window(self, now: datetime) -> list[Iterator[list[wire.GeoRequest]]]:
        """The window whose turn it is, by the clock, so that it goes on over restarts; none before the first report."""
        oldest, end = self._oldest(), now - _SWEPT
        if oldest is None or oldest >= end:
            return []
        windows = math.ceil((end - oldest) / WINDOW)
        turn = int(now.timestamp() / _OPEN_SWEEP.total_seconds()) % windows
        end -= turn * WINDOW
        return [self._client.requests(start=end - WINDOW, end=end + OVERLAP)]

    def _note_unread(self, as_of: datetime) -> None:
        """The round is complete; say what the server has and does not give, of this round and of those before it."""
        found = {each.start: each for each in (*self._unread, *self._client.unread)}
        self._unread = tuple(list(found.values())[-_MOST_UNREAD:])
        self._health.complete(as_of, detail=_words_of(self._unread))

    def _changed(self, items: list[Item]) -> list[Item]:
        """Leave out what an overlap brought again; each object once."""
        best: dict[tuple[str, str], Item] = {}
        for item in items:
            key = (item.kind, item.id)
            if key not in best or best[key].seq <= item.seq:
                best[key] = item
        fresh = [item for key, item in best.items() if self._seen.get(key) != item or item.id in self._own]
        self._seen = best
        return fresh

    def _keep(self, items: list[Item], cursor: Cursor) -> None:
        with self._lock:
            own = {item.id: self._own[item.id] for item in items if item.kind == "report" and item.id in self._own}
        proofs = [created_entry(remote_id, *known) for remote_id, known in own.items()]
        self._ledger.apply(self._source, [*items, *proofs], cursor)
        self.pulled += len(items)
        with self._lock:
            for remote_id in own:
                self._own.pop(remote_id, None)


def _words_of(unread: Sequence[Unread]) -> str:
    if not unread:
        return ""
    if any(each.start is None for each in unread):
        return f"The server gives no more than its {unread[-1].given:,} newest reports: older ones are missing here."
    times = sorted(each.start for each in unread if each.start is not None)
    first, last = f"{times[0]:{_DAY}}", f"{times[-1]:{_DAY}}"
    when = first if first == last else f"{first} to {last}"
    most = max(each.given for each in unread)
    return f"The server gives no more than {most:,} reports of one moment: some of {when} may be missing here."


def _beyond(page: list[wire.GeoRequest], start: datetime) -> bool:
    """Whether a page holds requests from long before its window."""
    day = (start - timedelta(days=2)).date().isoformat()
    return any("1970" < (request.requested_datetime or "9") < day for request in page)
