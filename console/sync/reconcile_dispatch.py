"""Compare the cache with a Dispatch server day by day, and read again what differs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from api_client import errors, model
from api_client.dispatch import DispatchClient
from console.cache.reader import CacheReader
from console.rules.digest import date_of, day_of, days_of
from console.rules.moments import EARLIEST, LATEST
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.health import Health
from console.sync.pull_dispatch import DispatchPuller

_log = logging.getLogger(__name__)
_SPAN_DAYS = 400
_AT_ONCE = 200
_FIRST = day_of(EARLIEST) + 1
"""What bears the day before it has no date that is known."""
_LAST = day_of(LATEST) - 1


class DispatchComparison:
    """Asks for count and hash of each day that either side has reports of, from the last day back to the first.

    Reports whose date is not known are of no day.
    """

    def __init__(
        self,
        source: str,
        puller: DispatchPuller,
        client: DispatchClient,
        folder: Path,
        cache_writer: CacheWriterProxy,
        health: Health,
    ) -> None:
        self._source = source
        self._puller = puller
        self._client = client
        self._folder = folder
        self._cache_writer = cache_writer
        self._health = health

    def mend(self, stopped: Callable[[], bool]) -> list[str] | None:
        """Read again, or drop, what differs; the ids of these reports. Raises ApiError, StoreError."""
        try:
            return self._compare(stopped)
        except errors.Refused:
            return None  # a server without digests

    def tell(self, mended: list[str] | None, now: datetime, *, asked: bool) -> None:
        """Say it with the source's state; that all is well is told only to who asked."""
        self._puller.note = self._note(mended, now, asked=asked)
        self._puller.tell()

    def tell_failed(self, why: str, now: datetime) -> None:
        """Say it with the source's state, until the next one succeeds."""
        self._puller.note = f"Could not be compared with the server on {_when(now)}. {why}"
        self._puller.tell()

    def _note(self, mended: list[str] | None, now: datetime, *, asked: bool) -> str:
        if mended is None:
            return "This server offers nothing to compare with." if asked else ""
        when = _when(now)
        if not mended:
            return f"Compared with the server on {when}: nothing differed." if asked else ""
        shown = ", ".join(mended[:10])
        _log.warning(
            "%s: %d reports had drifted from the server and were read again: %s", self._source, len(mended), shown
        )
        found = "1 report differed and was" if len(mended) == 1 else f"{len(mended)} reports differed and were"
        return f"Compared with the server on {when}: {found} read again."

    def _compare(self, stopped: Callable[[], bool]) -> list[str]:
        """The ids of the reports that differed; they do not any more."""
        drifted: list[str] = []
        end: int | None = _LAST  # reports of files bear any date
        while end is not None and not stopped():
            start = max(end - _SPAN_DAYS + 1, _FIRST)
            told = self._client.digest(date_of(start), date_of(end))
            there = {each.day: each for each in told.days}
            here = {each.day: each for each in days_of(self._numbers(start, end))}
            for day in sorted(there.keys() | here.keys()):
                ours, theirs = here.get(day), there.get(day)
                if ours is None or theirs is None or (ours.count, ours.hash) != (theirs.count, theirs.hash):
                    # protects: differing-day-is-read-again
                    drifted += self._mend(day, stopped)
            end = self._day_before(start, told)
        return drifted

    def _day_before(self, start: int, told: model.Digest) -> int | None:
        """The last day before `start` of which either side has reports."""
        there: int | None = None
        if isinstance(told.earlier, date):
            # protects: days-only-the-server-has
            there = min(start - 1, day_of(told.earlier))
        elif told.earlier is msgspec.UNSET:  # this server does not say: every day since 1970
            there = min(start - 1, day_of(self._health.server_now().date() + timedelta(days=2)))
        reader = CacheReader(self._folder)
        try:
            here = reader.last_day_before(self._source, start)
        finally:
            reader.close()
        return max((day for day in (here, there) if day is not None and day >= _FIRST), default=None)

    def _mend(self, day: date, stopped: Callable[[], bool]) -> list[str]:
        """Read again what really differs on a day: the server may only have been ahead of us."""
        there = self._client.digest_of_day(day)
        self._puller.catch_up(stopped)
        cursor = self._cache_writer.cursor(self._source)
        if cursor is None or cursor.epoch != there.epoch or cursor.snapshot_key is not None:
            return []  # everything is being read anew
        here = {key: seq for key, seq, _ in self._numbers(day_of(day), day_of(day))}
        missing = {key: seq for key, seq in there.reports.items() if here.get(key, -1) < seq}
        extra = [key for key, seq in here.items() if key not in there.reports and seq <= there.seq]
        mended: list[str] = []
        wanted = sorted(missing.keys() | set(extra))
        for begin in range(0, len(wanted), _AT_ONCE):
            if stopped():
                break
            some = wanted[begin : begin + _AT_ONCE]
            items = [item for key in some for item in self._read(key, missing.get(key, there.seq))]
            mapped = self._puller.mapper.page(items)
            now = self._cache_writer.cursor(self._source)
            if now is None:
                break
            self._puller.unreadable.see(mapped.items, ())
            self._cache_writer.apply(self._source, mapped.items, now)
            unreadable = {name.removeprefix("report/") for name in mapped.skipped}
            mended += [key for key in some if key not in unreadable]
        return mended

    def _read(self, report: str, seq: int) -> list[model.Item]:
        """A report and its history, or that it is gone."""
        try:
            found = self._client.report(report, self._puller.mapper.open_words)
            entries = self._client.entries(report)
            # protects: answer-about-another-report
            if found.id != report or any(entry.report != report for entry in entries):
                raise errors.Malformed(
                    f"The server answered for another report than {report}; nothing was taken from it."
                )
        except errors.Refused as error:
            if error.status != 404:
                raise
            return [model.Item("gone", seq, f"report/{report}")]
        return [
            model.Item("report", seq, report, msgspec.Raw(msgspec.json.encode(found))),
            *(model.Item("entry", seq, each.id, msgspec.Raw(msgspec.json.encode(each))) for each in entries),
        ]

    def _numbers(self, first: int, last: int) -> list[tuple[str, int, int]]:
        reader = CacheReader(self._folder)
        try:
            return reader.numbers(self._source, first, last)
        finally:
            reader.close()


def _when(now: datetime) -> str:
    return f"{now.day} {now:%b, %H:%M:%S}"
