"""Read a GeoReport server into the cache: windows of dates, because these servers have no feed."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from api_client import errors, wire
from api_client.georeport import READING, GeoReportClient, ReadingLimits, Unread
from console.domain.decoding import decode
from console.store.items import Cursor, Item
from console.sync.georeport_mapping import created_entry, request_items, service_item
from console.sync.health import Health
from console.sync.ledger import Ledger
from console.sync.limits import HistoryLimits

EPOCH = "open311"
OVERLAP = timedelta(minutes=5)
WINDOW = timedelta(days=90) - OVERLAP
"""With the overlap no longer than the 90 days that the standard allows."""

_FARTHEST = timedelta(days=365 * 20)
_OPEN_SWEEP = timedelta(minutes=10)
_SWEPT = timedelta(days=30)
_SERVICES_EVERY = timedelta(hours=6)
_MOST_UNREAD = 1000
_LOOK_EVERY = timedelta(minutes=1)
_ON_DISK = 4
"""A report takes as many times the bytes of its JSON in the cache, with its index for searching."""
_DAY = "%d %b %Y"
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


class Kept(Protocol):
    """What the cache holds of the source already."""

    def oldest(self) -> datetime | None:
        """When the oldest report was made, None when there is none."""

    def count(self) -> int:
        """How many reports there are."""

    def free_bytes(self) -> int:
        """The room on its disk."""


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
        kept: Kept,
        most: HistoryLimits,
    ) -> None:
        self._source = source
        self._client = client
        self._ledger = ledger
        self._health = health
        self._kept = kept
        self._most = most
        self._unread: list[Unread] = []
        self._services_at: datetime | None = None
        self._swept_at: datetime | None = None
        self._by_change: bool | None = None
        self._lock = threading.Lock()
        self._own: dict[str, tuple[str, str, datetime]] = {}
        self._seen: dict[tuple[str, str], bytes] = {}
        self.pulled = 0

    def expect(self, remote_id: str, edit_id: str, author: str, at: datetime) -> None:
        """A report of ours was taken under this id: when it is read back, its edit is proved."""
        with self._lock:
            self._own[remote_id] = (edit_id, author, at)

    def catch_up(self, stopped: Callable[[], bool]) -> None:
        """One round. Raises ApiError, StoreError; everything read before is kept."""
        cursor = self._ledger.cursor(self._source)
        now = self._health.server_now()
        self._unread = _unread_in(cursor)
        if self._by_change is None:
            self._by_change = self._client.knows_updated_after()
            self._health.measured(self._client.last)
            now = self._health.server_now()
        if self._services_at is None or now - self._services_at > _SERVICES_EVERY:
            self._read_services(cursor, now)
        if cursor is None or cursor.snapshot_key is not None or cursor.as_of is None:
            self._fill(self._ledger.cursor(self._source), now, stopped)
        else:
            self._follow(cursor, cursor.as_of, now)

    def _read_services(self, cursor: Cursor | None, now: datetime) -> None:
        seq = int(now.timestamp())
        services = [item for each in self._client.services() if (item := service_item(each, seq)) is not None]
        begin = Cursor(EPOCH, 0, as_of=None, snapshot_key=now.strftime(_STAMP))
        self._ledger.apply(self._source, services, cursor or begin)
        self._services_at = now

    def _fill(self, cursor: Cursor | None, now: datetime, stopped: Callable[[], bool]) -> None:
        """Windows back in time; the key of the fill is the end of the window that comes next.

        What is reported meanwhile is read every minute: however long a history is, it hides nothing new.
        """
        key = cursor.snapshot_key if cursor is not None else None
        end = datetime.strptime(key or now.strftime(_STAMP), "%Y-%m-%dT%H:%M:%S%z")
        began = cursor.seq if cursor is not None and cursor.seq else int(now.timestamp())
        since = datetime.fromtimestamp(began, UTC)
        farthest = now - _FARTHEST
        budget = _FillBudget(self._client, self._kept, self._most)
        ignores_dates = False  # such a server has told all it tells after the first window
        looked_at = self._health.server_now()
        self._health.filling(None)
        with self._ledger.bulk():
            while end > farthest:
                if stopped():
                    return
                start = end - WINDOW
                limits = budget.limits()
                if limits is None:
                    self._unread.append(Unread(farthest, end, self._kept.count(), stopped=True))
                    end = farthest
                    break
                # The first window takes in what came while we asked.
                for page in self._read(start, end + OVERLAP, limits):
                    here = self._cursor(began, snapshot_key=end.strftime(_STAMP))
                    self._keep([item for each in page for item in request_items(each, now)], here)
                    self._health.measured(self._client.last)
                    if self._health.server_now() - looked_at > _LOOK_EVERY:
                        looked_at = self._health.server_now()
                        for fresh in self._client.requests(start=since - OVERLAP, limits=self._most.a_round):
                            self._keep([item for each in fresh for item in request_items(each, looked_at)], here)
                    # One report that bears an odd date is no proof: what is older would never be read.
                    strange = not ignores_dates and _beyond(page, start)
                    ignores_dates = ignores_dates or (strange and not self._client.heeds_dates())
                end = farthest if ignores_dates else start
                self._keep([], self._cursor(began, snapshot_key=end.strftime(_STAMP)))
                self._health.filling(min(1.0, (now - end) / _FARTHEST))
            self._keep([], self._cursor(began, as_of=since))
        self._health.complete(since, detail=_words_of(self._unread))

    def _follow(self, cursor: Cursor, as_of: datetime, now: datetime) -> None:
        here = self._kept.count()
        if here >= self._most.reports:
            # protects: no-server-fills-the-disk
            raise errors.Malformed(
                f"This server has given more than {self._most.reports:,} reports: nothing more of it is read."
            )
        start = as_of - OVERLAP
        limits = self._most.a_round.at_most(self._most.reports - here)
        if self._by_change:
            pages = [self._read(None, None, limits, updated_after=start), self._read(start, None, limits)]
        elif self._swept_at is None or now - self._swept_at > _OPEN_SWEEP:
            pages = [self._read(now - _SWEPT, None, READING.at_most(self._most.reports - here))]
            self._swept_at = now
            pages += self._older_window(now)
        else:
            pages = [self._read(start, None, limits)]
        seen: dict[tuple[str, str], bytes] = {}
        for each in pages:
            for page in each:
                items = [item for request in page for item in request_items(request, now)]
                self._health.measured(self._client.last)
                if fresh := self._changed(items, seen):
                    self._keep(fresh, self._cursor(cursor.seq, as_of=as_of))
        self._seen = seen
        self._keep([], self._cursor(int(now.timestamp()), as_of=now))
        self._health.complete(now, detail=_words_of(self._unread))

    def _older_window(self, now: datetime) -> list[Iterator[list[wire.GeoRequest]]]:
        """The window whose turn it is, by the clock, so that it goes on over restarts; none before the first report."""
        oldest, end = self._kept.oldest(), now - _SWEPT
        if oldest is None or oldest >= end:
            return []
        windows = math.ceil((end - oldest) / WINDOW)
        turn = int(now.timestamp() / _OPEN_SWEEP.total_seconds()) % windows
        end -= turn * WINDOW
        limits = READING.at_most(self._most.reports - self._kept.count())
        return [self._read(end - WINDOW, end + OVERLAP, limits)]

    def _read(
        self,
        start: datetime | None,
        end: datetime | None,
        limits: ReadingLimits,
        *,
        updated_after: datetime | None = None,
    ) -> Iterator[list[wire.GeoRequest]]:
        """The pages of a question; when all of them were read, what is not to be had of its time is known anew."""
        self._client.unread.clear()
        yield from self._client.requests(start=start, end=end, updated_after=updated_after, limits=limits)
        found = list(self._client.unread)
        if start is not None:  # all that was made in this time was asked for
            latest = end or datetime.max.replace(tzinfo=UTC)
            self._unread = [one for one in self._unread if not start <= (one.start or one.end) <= latest]
        known = {one.start: one for one in (*self._unread, *found)}
        self._unread = list(known.values())[-_MOST_UNREAD:]

    def _cursor(self, seq: int, *, as_of: datetime | None = None, snapshot_key: str | None = None) -> Cursor:
        unread = msgspec.json.encode(self._unread).decode() if self._unread else ""
        return Cursor(EPOCH, seq, as_of=as_of, snapshot_key=snapshot_key, unread=unread)

    def _changed(self, items: list[Item], seen: dict[tuple[str, str], bytes]) -> list[Item]:
        """Leave out what an overlap brought again since the last round; `seen` takes in what came in this one."""
        fresh = []
        for item in items:
            key = (item.kind, item.id)
            # What is the same as before is known by its hash: a round may bring more than the memory holds twice.
            content = hashlib.blake2b(msgspec.msgpack.encode(item), digest_size=16).digest()
            if (seen.get(key) or self._seen.get(key)) != content or item.id in self._own:
                fresh.append(item)
            seen[key] = content
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


class _FillBudget:
    """What may still be read of a server's history."""

    def __init__(self, client: GeoReportClient, kept: Kept, most: HistoryLimits) -> None:
        self._client, self._kept, self._most = client, kept, most
        self._pages, self._bytes = client.exchanges + most.pages, client.read_bytes + most.bytes

    def limits(self) -> ReadingLimits | None:
        """Of the next window; None when nothing may."""
        left = ReadingLimits(
            reports=min(READING.reports, self._most.history - self._kept.count()),
            pages=min(READING.pages, self._pages - self._client.exchanges),
            bytes=min(
                READING.bytes,
                self._bytes - self._client.read_bytes,
                (self._kept.free_bytes() - self._most.spare_bytes) // _ON_DISK,
            ),
        )
        return left if min(left.reports, left.pages, left.bytes) > 0 else None


def _unread_in(cursor: Cursor | None) -> list[Unread]:
    """What was noted with the cursor; what cannot be understood is as good as nothing."""
    try:
        return decode(cursor.unread, list[Unread]) if cursor is not None and cursor.unread else []
    except msgspec.MsgspecError:
        return []


def _words_of(unread: Sequence[Unread]) -> str:
    """What is not here, in a sentence or two."""
    given = [each for each in unread if not each.stopped]
    return " ".join(filter(None, (_words_of_given(given), _words_of_stopped([one for one in unread if one.stopped]))))


def _words_of_given(unread: Sequence[Unread]) -> str:
    if not unread:
        return ""
    if any(each.start is None for each in unread):
        return f"The server gives no more than its {unread[-1].given:,} newest reports: older ones are missing here."
    most = max(each.given for each in unread)
    return f"The server gives no more than {most:,} reports of one moment: some of {_when(unread)} may be missing here."


def _words_of_stopped(unread: Sequence[Unread]) -> str:
    if not unread:
        return ""
    most = max(each.given for each in unread)
    return f"The server has more than is read: after {most:,} reports some of {_when(unread)} are missing here."


def _when(unread: Sequence[Unread]) -> str:
    """The days from the first to the last."""
    first = min(each.start or each.end for each in unread)
    last = max((each.end if each.stopped else each.start) or each.end for each in unread)
    return f"{first:{_DAY}}" if f"{first:{_DAY}}" == f"{last:{_DAY}}" else f"{first:{_DAY}} to {last:{_DAY}}"


def _beyond(page: list[wire.GeoRequest], start: datetime) -> bool:
    """Whether a page holds requests from long before its window."""
    day = (start - timedelta(days=2)).date().isoformat()
    return any("1970" < (request.requested_datetime or "9") < day for request in page)
