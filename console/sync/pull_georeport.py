"""Read a GeoReport server into the cache: windows of dates, because these servers have no feed."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

import msgspec

from api_client import errors
from api_client.decoding import decode
from api_client.georeport import READING, GeoReportClient, ReadingLimits, Unread
from api_client.georeport_model import GeoRequest
from api_client.model import Entry
from console.cache.page_items import Cursor, PageItem
from console.files.errors import StoreError
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.georeport_mapping import created_entry, created_id, reply_id, request_items, service_item
from console.sync.health import Health
from console.sync.limits import HistoryLimits

EPOCH = "open311"
OVERLAP = timedelta(minutes=5)
WINDOW = timedelta(days=90) - OVERLAP
"""With the overlap no longer than the 90 days that the standard allows."""

FARTHEST = timedelta(days=365 * 20)
_OPEN_SWEEP = timedelta(minutes=10)
_REREAD = timedelta(hours=1)
_SWEPT = timedelta(days=30)
_SHOWN = 3
_SERVICES_EVERY = timedelta(hours=6)
_MOST_UNREAD = 1000
_LOOK_EVERY = timedelta(minutes=1)
_ON_DISK = 4
"""A report takes as many times the bytes of its JSON in the cache, with its index for searching."""
_DAY = "%d %b %Y"
_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_json = msgspec.json.Encoder()


class CachedReports(Protocol):
    """What the cache holds of the source already."""

    def oldest(self) -> datetime | None:
        """When the oldest report was made, None when there is none."""

    def count(self) -> int:
        """How many reports there are."""

    def free_bytes(self) -> int:
        """The room on its disk."""

    def last_number(self) -> int:
        """The highest number of a reading in it."""

    def bodies(self, reports: Sequence[str], entries: Sequence[str]) -> dict[tuple[str, str], bytes]:
        """What it holds of some reports and entries, as JSON: ("report" or "entry", id) -> body."""

    def number_of(self, report: str) -> int | None:
        """The reading with which a report was written last; None when it is not there."""


class Expected(NamedTuple):
    """A report of ours that a server took; `can_be` says of a request whether it can be it, `refuse` that none was."""

    edit_id: str
    author: str
    at: datetime
    can_be: Callable[[GeoRequest], bool]
    refuse: Callable[[GeoRequest], None]


class GeoReportPuller:
    """First fill: windows of 90 days from now back to the farthest; then what was made or changed since, with overlap.

    A server that cannot filter by the last change is swept instead, every ten minutes: the last 30 days and one older
    window of 90, by turns down to the oldest report of the cache. A change of a report of five years ago (21 windows)
    so arrives within three and a half hours. One that can is swept every hour, for what changes there without a new
    date: a server that was set back to its backup. What is missing from an answer is not taken for deleted.

    What was read last is true. Readings have numbers that only grow: the second of the server's time, or that of the
    reading before where a clock went back. All reading is done by one thread, which asks, takes in, and asks again.
    """

    def __init__(
        self,
        source: str,
        client: GeoReportClient,
        cache_writer: CacheWriterProxy,
        health: Health,
        kept: CachedReports,
        most: HistoryLimits,
    ) -> None:
        self._source = source
        self._client = client
        self._cache_writer = cache_writer
        self._health = health
        self._kept = kept
        self._most = most
        self._unread: list[Unread] = []
        self._services_at: datetime | None = None
        self._swept_at: datetime | None = None
        self._by_change = False
        self._asked_at: datetime | None = None
        self._lock = threading.Lock()
        self._own: dict[str, list[Expected]] = {}
        self._refused: list[tuple[Expected, GeoRequest]] = []
        self._read_back: list[GeoRequest] = []
        self._number = 0
        self.note = ""
        """What the last comparison with the server found, in words."""
        self.pulled = 0

    @property
    def number(self) -> int:
        """Of the reading under way, or of the last one."""
        return self._number

    def expect(self, remote_id: str, expected: Expected, *, made_in: int = 0, there: GeoRequest | None = None) -> bool:
        """A report of ours was taken under this id: when it is read back, its edit is proved.

        From any thread. False when this id has proved another edit, or was read before the reading
        (`made_in`) during which the report was sent: it is another one then. `there` is what stands under it now: it
        proves the edit where the report was read long ago, when nobody waited for it.
        """
        with contextlib.suppress(StoreError):  # the report was taken, whatever became of the cache
            number = self._kept.number_of(remote_id)
            if (number is not None and number < made_in) or self._proved_by_another(remote_id, expected):
                return False
        with self._lock:
            for others in self._own.values():
                others[:] = [one for one in others if one.edit_id != expected.edit_id]
            self._own.setdefault(remote_id, []).append(expected)
            if there is not None:
                self._read_back.append(there)
        return True

    def _proved_by_another(self, remote_id: str, expected: Expected) -> bool:
        entry = created_id(remote_id)
        held = self._kept.bodies([], [entry]).get(("entry", entry))
        return held is not None and decode(held, Entry).edit not in (None, expected.edit_id)

    def catch_up(self, stopped: Callable[[], bool]) -> None:
        """One round. Raises ApiError, StoreError; everything read before is kept."""
        cursor = self._cache_writer.cursor(self._source)
        now = self._health.server_now()
        self._refuse()
        self._unread = _unread_in(cursor)
        # protects: asked-again-what-it-knows
        if self._asked_at is None or now - self._asked_at > _REREAD:
            self._by_change = self._client.knows_updated_after()
            self._asked_at = now
            self._health.measured(self._client.last)
            now = self._health.server_now()
        self._number = max(self._number or self._kept.last_number() + 1, int(now.timestamp()))
        if self._services_at is None or now - self._services_at > _SERVICES_EVERY:
            self._read_services(cursor, now)
        if cursor is None or cursor.snapshot_key is not None or cursor.as_of is None:
            self._fill(self._cache_writer.cursor(self._source), now, stopped)
        else:
            self._follow(cursor.as_of, now)

    def now(self) -> datetime:
        """The server's time."""
        return self._health.server_now()

    def room(self) -> int:
        """How many reports may still come into the cache."""
        return max(0, self._most.reports - self._kept.count())

    def take(self, requests: Sequence[GeoRequest]) -> None:
        """What a comparison has read, on the thread that reads. Raises StoreError."""
        cursor = self._cache_writer.cursor(self._source)
        if cursor is not None and cursor.epoch == EPOCH:
            self._keep(requests, self._cursor(as_of=cursor.as_of, snapshot_key=cursor.snapshot_key))

    def drop(self, reports: Sequence[str]) -> None:
        """What the server has no longer, on the thread that reads: until it is read again. Raises StoreError."""
        cursor = self._cache_writer.cursor(self._source)
        if cursor is not None and cursor.epoch == EPOCH:
            gone = [PageItem("gone", self._number, f"report/{key}", None) for key in reports]
            # protects: read-after-the-drop-is-newer
            self._number += 1  # also within the same second
            self._cache_writer.apply(
                self._source, gone, self._cursor(as_of=cursor.as_of, snapshot_key=cursor.snapshot_key)
            )

    def doubt(self, count: int) -> None:
        """So many reports are kept though the server does not give them."""
        self._health.doubt(count)

    def tell(self) -> None:
        """Say that the source is live, and what is to be known of it."""
        self._health.complete(detail=self._remarks)

    @property
    def _remarks(self) -> str:
        doubled = _words_of_doubled(list(self._client.doubled))
        return " ".join(words for words in (_words_of(self._unread), doubled, self.note) if words)

    def _read_services(self, cursor: Cursor | None, now: datetime) -> None:
        services = [item for each in self._client.services() if (item := service_item(each, self._number)) is not None]
        begin = self._cursor(snapshot_key=_fill_key(now, now))
        self._cache_writer.apply(self._source, services, cursor or begin)
        self._services_at = now

    def _fill(self, cursor: Cursor | None, now: datetime, stopped: Callable[[], bool]) -> None:
        """Windows back in time; the key of the fill is the end of the window that comes next.

        What is reported meanwhile is read every minute: however long a history is, it hides nothing new.
        """
        end, since = _fill_of(cursor, now)
        farthest = now - FARTHEST
        budget = _FillBudget(self._client, self._kept, self._most)
        ignores_dates = False  # such a server has told all it tells after the first window
        looked_at = self._health.server_now()
        self._health.filling(None)
        with self._cache_writer.bulk():
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
                    here = self._cursor(snapshot_key=_fill_key(end, since))
                    self._keep(page, here)
                    self._health.measured(self._client.last)
                    if self._health.server_now() - looked_at > _LOOK_EVERY:
                        looked_at = self._health.server_now()
                        for fresh in self._client.requests(start=since - OVERLAP, limits=self._most.a_round):
                            self._keep(fresh, here)
                    # One report that bears an odd date is no proof: what is older would never be read.
                    strange = not ignores_dates and _beyond(page, start)
                    ignores_dates = ignores_dates or (strange and not self._client.heeds_dates())
                end = farthest if ignores_dates else start
                self._keep([], self._cursor(snapshot_key=_fill_key(end, since)))
                self._health.filling(min(1.0, (now - end) / FARTHEST))
            self._keep([], self._cursor(as_of=since))
        if self._by_change:
            self._swept_at = now
        self._health.complete(since, detail=self._remarks)

    def _follow(self, as_of: datetime, now: datetime) -> None:
        here = self._kept.count()
        if here >= self._most.reports:
            # protects: no-server-fills-the-disk
            raise errors.Malformed(
                f"This server has given more than {self._most.reports:,} reports: nothing more of it is read."
            )
        self._prove_read_back(as_of)
        start = as_of - OVERLAP
        limits = self._most.a_round.at_most(self._most.reports - here)
        pages: list[Iterator[list[GeoRequest]]] = []
        if self._by_change:
            pages.append(self._read(None, None, limits, updated_after=start))
        every = _REREAD if self._by_change else _OPEN_SWEEP
        if self._swept_at is None or now - self._swept_at > every:
            pages.append(self._read(now - _SWEPT, None))
            self._swept_at = now
            pages += self._older_window(now, every)
        else:
            pages.append(self._read(start, None, limits))
        for each in pages:
            for page in each:
                self._health.measured(self._client.last)
                self._keep(page, self._cursor(as_of=as_of))
        self._keep([], self._cursor(as_of=now))
        self._health.complete(now, detail=self._remarks)

    def _older_window(self, now: datetime, every: timedelta) -> list[Iterator[list[GeoRequest]]]:
        """The window whose turn it is, by the clock, so that it goes on over restarts; none before the first report."""
        oldest, end = self._kept.oldest(), now - _SWEPT
        if oldest is None or oldest >= end:
            return []
        windows = math.ceil((end - oldest) / WINDOW)
        turn = int(now.timestamp() / every.total_seconds()) % windows
        end -= turn * WINDOW
        return [self._read(end - WINDOW, end + OVERLAP)]

    def _read(
        self,
        start: datetime | None,
        end: datetime | None,
        limits: ReadingLimits | None = None,
        *,
        updated_after: datetime | None = None,
    ) -> Iterator[list[GeoRequest]]:
        """The pages of a question; when all of them were read, what is not to be had of its time is known anew.

        Without `limits` as much as there is room for when the reading begins.
        """
        limits = limits or READING.at_most(self.room())
        self._client.unread.clear()
        yield from self._client.requests(start=start, end=end, updated_after=updated_after, limits=limits)
        found = list(self._client.unread)
        if start is not None:  # all that was made in this time was asked for
            latest = end or datetime.max.replace(tzinfo=UTC)
            self._unread = [one for one in self._unread if not start <= (one.start or one.end) <= latest]
        known = {one.start: one for one in (*self._unread, *found)}
        self._unread = list(known.values())[-_MOST_UNREAD:]

    def _cursor(self, *, as_of: datetime | None = None, snapshot_key: str | None = None) -> Cursor:
        unread = msgspec.json.encode(self._unread).decode() if self._unread else ""
        return Cursor(EPOCH, self._number, as_of=as_of, snapshot_key=snapshot_key, unread=unread)

    def _keep(self, requests: Sequence[GeoRequest], cursor: Cursor) -> None:
        """Write what a reading says otherwise than the cache, which is mostly little: overlaps bring much again."""
        items = [item for request in requests for item in request_items(request, self._number)]
        news = self._news(items)
        self._settle(news, requests, cursor)
        self.pulled += len(news)

    def _prove_read_back(self, as_of: datetime) -> None:
        """Of what is in the cache already: it will not be listed anew. What is not comes with a list."""
        with self._lock:
            there, self._read_back = self._read_back, []
        known = [one for one in there if self._kept.number_of(str(one.service_request_id)) is not None]
        if known:
            self._settle([], known, self._cursor(as_of=as_of))

    def _settle(self, news: Sequence[PageItem], requests: Sequence[GeoRequest], cursor: Cursor) -> None:
        """Write news, and what the requests prove of ours."""
        proofs, settled = self._proofs(requests)
        self._cache_writer.apply(self._source, [*news, *proofs], cursor)
        with self._lock:
            for remote_id, several in settled.items():
                left = [one for one in self._own.pop(remote_id, []) if one not in several]
                if left:
                    self._own[remote_id] = left

    def _proofs(self, requests: Sequence[GeoRequest]) -> tuple[list[PageItem], dict[str, list[Expected]]]:
        """The history lines that prove what of ours is in a reading, and what of ours is settled by it, by its id.

        An id proves one edit, the first that can be what stands there; all others are told that it is none of them.
        """
        with self._lock:
            known = {str(one.service_request_id): one for one in requests}
            own = {remote_id: list(self._own[remote_id]) for remote_id in known.keys() & self._own.keys()}
        proofs = []
        for remote_id, several in own.items():
            # protects: only-what-can-be-it-proves-it
            fitting = [one for one in several if one.can_be(known[remote_id])]
            proved = next((one for one in fitting if not self._proved_by_another(remote_id, one)), None)
            if proved is not None:
                proofs.append(created_entry(remote_id, proved.edit_id, proved.author, proved.at, self._number))
            self._refused += [(one, known[remote_id]) for one in several if one is not proved]
        return proofs, own

    def _refuse(self) -> None:
        """Tell it with the round that comes: by then it has been told that these edits were taken."""
        refused, self._refused = self._refused, []
        for one, request in refused:
            one.refuse(request)

    def _news(self, items: Sequence[PageItem]) -> list[PageItem]:
        """What of a reading the cache does not hold; a reply that the server has no longer is gone."""
        reports = [item.id for item in items if item.kind == "report"]
        if not reports:
            return []
        held = self._kept.bodies(reports, [reply_id(report) for report in reports])
        news = [item for item in items if held.get((item.kind, item.id)) != _json.encode(item.data)]
        replied = {item.id for item in items if item.kind == "entry"}
        gone = (reply_id(report) for report in reports)
        return news + [
            PageItem("gone", self._number, f"entry/{key}", None)
            for key in gone
            if ("entry", key) in held and key not in replied
        ]


class _FillBudget:
    """What may still be read of a server's history."""

    def __init__(self, client: GeoReportClient, kept: CachedReports, most: HistoryLimits) -> None:
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


def _fill_key(end: datetime, since: datetime) -> str:
    """The end of the window that a fill reads next, and when it began."""
    return f"{end.strftime(_STAMP)}/{since.strftime(_STAMP)}"


def _fill_of(cursor: Cursor | None, now: datetime) -> tuple[datetime, datetime]:
    """See `_fill_key`; of a fill that an older version began the number is the second in which it did so."""
    if cursor is None or not cursor.snapshot_key:
        return now.replace(microsecond=0), now.replace(microsecond=0)
    end, _, since = cursor.snapshot_key.partition("/")
    read = datetime.fromisoformat(end)
    if since:
        return read, datetime.fromisoformat(since)
    return read, datetime.fromtimestamp(cursor.seq, UTC) if cursor.seq else now


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


def _words_of_doubled(numbers: Sequence[str]) -> str:
    """That reports have one number, and only one of them can be here."""
    if not numbers:
        return ""
    shown = ", ".join(numbers[:_SHOWN]) + (f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else "")
    return f"The server gives one number to different reports, of which one alone is shown: {shown}."


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


def _beyond(page: list[GeoRequest], start: datetime) -> bool:
    """Whether a page holds requests from long before its window."""
    day = (start - timedelta(days=2)).date().isoformat()
    return any("1970" < (request.requested_datetime or "9") < day for request in page)
