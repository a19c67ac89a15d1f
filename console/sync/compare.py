"""Compare the cache with its server day by day, at night, and read again what differs."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from api_client import errors, wire
from api_client.dispatch import DispatchClient
from console.domain.digest import day_of, days_of
from console.store.cache_read import CacheReader
from console.sync.health import Health
from console.sync.ledger import Ledger
from console.sync.mapping import Mapper
from console.sync.pull_dispatch import DispatchPuller

_log = logging.getLogger(__name__)
_SPAN_DAYS = 400
_FIRST_DAY = date(1970, 1, 1)
_NIGHT = time(2)
_FIRST_S = (600.0, 3600.0)
_SPREAD_S = 7200.0
_AT_ONCE = 200


class Nightly:
    """When the next comparison is due: within the first hour, then each night between two and four in the city."""

    def __init__(self, now: datetime, timezone: str, random_source: random.Random) -> None:
        """`now` is server time; many consoles must not all ask at once, hence the random part."""
        self._random = random_source
        self._zone = _zone(timezone)
        self.due_at = now + timedelta(seconds=random_source.uniform(*_FIRST_S))
        self.asked = False
        """Whether somebody waits for the result of the next one."""

    def done(self, now: datetime) -> None:
        """One was made at this time."""
        self.asked = False
        here = now.astimezone(self._zone)
        tonight = datetime.combine(here.date(), _NIGHT, self._zone)
        night = tonight if here < tonight else tonight + timedelta(days=1)
        self.due_at = night.astimezone(UTC) + timedelta(seconds=self._random.uniform(0, _SPREAD_S))

    def at_once(self) -> None:
        """Somebody asks for one."""
        self.asked = True
        self.due_at = datetime.min.replace(tzinfo=UTC)


class ComparedPuller:
    """Rounds of a DispatchPuller, each followed by a comparison when one is due; run by one thread."""

    def __init__(
        self,
        source: str,
        puller: DispatchPuller,
        client: DispatchClient,
        folder: Path,
        ledger: Ledger,
        health: Health,
        nightly: Nightly,
    ) -> None:
        self._source = source
        self._puller = puller
        self._client = client
        self._folder = folder
        self._ledger = ledger
        self._health = health
        self._nightly = nightly
        self.compared = 0
        """How many comparisons were made."""
        self.repaired: list[str] = []
        """The ids of all reports that had drifted and were read again, or dropped."""

    def catch_up(self, stopped: Callable[[], bool]) -> None:
        """One whole round. Raises ApiError, StoreError."""
        self._puller.catch_up(stopped)
        if stopped() or self._health.server_now() < self._nightly.due_at:
            return
        try:
            drifted: list[str] | None = self._compare(stopped)
        except errors.Refused:
            drifted = None  # a server without digests
        if stopped():
            return
        now, asked = self._health.server_now(), self._nightly.asked
        self._nightly.done(now)
        self.compared += 1
        self._puller.note = self._note(drifted, now, asked=asked)
        self._health.complete(detail=self._puller.remarks)

    def _note(self, drifted: list[str] | None, now: datetime, *, asked: bool) -> str:
        """The result in words; that all is well is told only to who asked."""
        if drifted is None:
            return "This server offers nothing to compare with." if asked else ""
        when = f"{now:%Y-%m-%d %H:%M:%S} UTC"
        if not drifted:
            return f"Compared with the server on {when}: nothing differed." if asked else ""
        self.repaired += drifted
        shown = ", ".join(drifted[:10])
        _log.warning(
            "%s: %d reports had drifted from the server and were read again: %s", self._source, len(drifted), shown
        )
        found = "1 report differed and was" if len(drifted) == 1 else f"{len(drifted)} reports differed and were"
        return f"Compared with the server on {when}: {found} read again."

    def _compare(self, stopped: Callable[[], bool]) -> list[str]:
        """The ids of the reports that differed; they do not any more."""
        drifted: list[str] = []
        last = self._health.server_now().date() + timedelta(days=2)
        start = _FIRST_DAY
        while start <= last and not stopped():
            end = start + timedelta(days=_SPAN_DAYS - 1)
            there = {each.day: each for each in self._client.digest(start, end).days}
            here = {each.day: each for each in days_of(self._numbers(start, end))}
            for day in sorted(there.keys() | here.keys()):
                ours, theirs = here.get(day), there.get(day)
                if ours is None or theirs is None or (ours.count, ours.hash) != (theirs.count, theirs.hash):
                    drifted += self._mend(day, stopped)
            start = end + timedelta(days=1)
        return drifted

    def _mend(self, day: date, stopped: Callable[[], bool]) -> list[str]:
        """Read again what really differs on a day: the server may only have been ahead of us."""
        there = self._client.digest_of_day(day)
        self._puller.catch_up(stopped)
        cursor = self._ledger.cursor(self._source)
        if cursor is None or cursor.epoch != there.epoch or cursor.snapshot_key is not None:
            return []  # everything is being read anew
        here = {key: seq for key, seq, _ in self._numbers(day, day)}
        missing = {key: seq for key, seq in there.reports.items() if here.get(key, -1) < seq}
        extra = [key for key, seq in here.items() if key not in there.reports and seq <= there.seq]
        mended: list[str] = []
        wanted = sorted(missing.keys() | set(extra))
        for begin in range(0, len(wanted), _AT_ONCE):
            if stopped():
                break
            some = wanted[begin : begin + _AT_ONCE]
            items = [item for key in some for item in self._read(key, missing.get(key, there.seq))]
            mapped = Mapper().page(items)
            now = self._ledger.cursor(self._source)
            if now is None:
                break
            self._ledger.apply(self._source, mapped.items, now)
            unreadable = {name.removeprefix("report/") for name in mapped.skipped}
            mended += [key for key in some if key not in unreadable]
        return mended

    def _read(self, report: str, seq: int) -> list[wire.Item]:
        """A report and its history, or that it is gone."""
        try:
            found = self._client.report(report)
            entries = self._client.entries(report)
        except errors.Refused as error:
            if error.status != 404:
                raise
            return [wire.Item("gone", seq, f"report/{report}")]
        return [
            wire.Item("report", seq, report, msgspec.Raw(msgspec.json.encode(found))),
            *(wire.Item("entry", seq, each.id, msgspec.Raw(msgspec.json.encode(each))) for each in entries),
        ]

    def _numbers(self, first: date, last: date) -> list[tuple[str, int, int]]:
        reader = CacheReader(self._folder)
        try:
            return reader.numbers(self._source, day_of(first), day_of(last))
        finally:
            reader.close()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
