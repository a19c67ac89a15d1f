"""Compare the cache with a GeoReport server's lists: these servers tell of no deletions, and not of all changes."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from api_client import errors
from api_client.georeport import READING, GeoReportClient
from console.cache.reader import CacheReader
from console.rules.digest import date_of, day_of
from console.rules.moments import EARLIEST
from console.sync.pull_georeport import FARTHEST, WINDOW, GeoReportPuller

_log = logging.getLogger(__name__)
_MOST_LOOKUPS = 500
_MORE = 10_000
_FIRST_DAY, _LAST_DAY = day_of(date(1971, 1, 1)), day_of(date(2200, 1, 1))
_LIKELY = 0.05
"""The share of the reports that a city takes back between two comparisons, at most."""
_LIKELY_FEW = 3
"""So many it may take back at any time, of a list that is not empty."""


class DeletionSweep:
    """Takes in what the lists say otherwise than the cache, and drops what was withdrawn.

    A report that is not in the list of its days is asked for by its id, and dropped only when the server says that it
    has none: lists have limits, and a portal's page is no list. A server that has lost more than is likely (its index
    is being built, its database was exchanged) is believed nothing: a report that stays shown harms nobody. It is
    believed of these very reports when somebody who knows says so; they are there again once they are listed again.
    """

    def __init__(self, source: str, client: GeoReportClient, folder: Path, puller: GeoReportPuller) -> None:
        self._source = source
        self._client = client
        self._folder = folder
        self._puller = puller
        self._doubted: frozenset[str] = frozenset()
        self._believed: frozenset[str] = frozenset()

    def believe(self) -> None:
        """From any thread: what the last comparison missed, and did not believe, is not at the server."""
        self._believed |= self._doubted

    def mend(self, stopped: Callable[[], bool]) -> list[str]:
        """Drop what the server has no longer; the ids of these reports. Raises ApiError, StoreError."""
        withdrawn = self._withdrawn(stopped)
        if not stopped():
            self._doubt([])
            self._believed = frozenset()
        if withdrawn and not stopped():
            self._puller.drop(withdrawn)
        return withdrawn

    def tell(self, mended: list[str] | None, now: datetime, *, asked: bool) -> None:
        """Say it with the source's state until the next comparison, when there is something to say."""
        self._puller.note = ""
        if mended:
            found = "1 report is" if len(mended) == 1 else f"{len(mended)} reports are"
            self._puller.note = f"{found} no longer at the server and dropped here."
            _log.info("%s: %s %s", self._source, self._puller.note, ", ".join(mended[:10]))
        self._puller.tell()

    def tell_failed(self, why: str, now: datetime) -> None:
        """Say it with the source's state, until a comparison succeeds."""
        self._puller.note = f"What was withdrawn could not be looked for on {now.day} {now:%b, %H:%M}. {why}"
        self._puller.tell()

    def _doubt(self, reports: Sequence[str]) -> None:
        self._doubted = frozenset(reports)
        self._puller.doubt(len(reports))

    def _withdrawn(self, stopped: Callable[[], bool]) -> list[str]:
        """The ids of cached reports that the server has not.

        Raises Malformed when these are more than is likely, of which what is believed is no part.
        """
        with contextlib.closing(CacheReader(self._folder)) as reader:
            here = reader.numbers(self._source, _FIRST_DAY, _LAST_DAY)
            dropped = reader.has_dropped(self._source)
        withdrawn: list[str] = []
        left = 2 * len(here) + _MORE  # to be listed: a server may have no end
        lookups = _MOST_LOOKUPS
        ours_so_far, lost_so_far, unlikely_so_far, listed_so_far = 0, 0.0, 0.0, 0
        doubtful = False
        for begin, end in self._windows({day for _, _, day in here}, dropped=dropped):
            if left <= 0 or stopped():
                break
            ours = [key for key, _, day in here if begin <= day <= end]
            listed = self._listed(begin, end, left)
            left -= len(listed)
            missing = [key for key in ours if key not in listed]
            asked = missing[:lookups]
            lookups -= len(asked)
            # protects: asked-for-before-it-is-dropped
            lost = [key for key in asked if not stopped() and not self._is_there(key)]
            withdrawn += lost
            ours_so_far += len(ours)
            listed_so_far += len(listed)
            lost_so_far += _share(missing, asked, lost)
            untold = [[key for key in each if key not in self._believed] for each in (missing, asked, lost)]
            # protects: only-what-was-told-is-believed
            unlikely_so_far += _share(*untold)
            likely = max(_LIKELY_FEW if listed else 0, math.floor(_LIKELY * ours_so_far))
            doubtful = doubtful or bool(untold[-1] and unlikely_so_far > likely)
        # protects: more-than-is-likely-is-not-dropped
        if doubtful and not stopped():
            self._doubt(withdrawn)
            gives = f"{ours_so_far - round(lost_so_far):,}" if listed_so_far else "none"
            raise errors.Malformed(
                f"The server gives {gives} of the {ours_so_far:,} reports that are here, which is not likely: nothing "
                "is dropped."
            )
        return withdrawn

    def _windows(self, days: set[int], *, dropped: bool) -> list[tuple[int, int]]:
        """The first and last days of what is asked for at a time, the newest first.

        From today, or the newest report that is here, back to the oldest; where reports were `dropped`, as far as a
        first fill goes: they may be listed again.
        """
        today = day_of(self._puller.now().date())
        last = max([today, *days])
        first = min([last, *days])
        if dropped:
            first = min(first, max(today - FARTHEST.days, day_of(EARLIEST)))
        elif not days:
            return []
        if not self._client.heeds_dates():
            return [(first, last)]  # any question is answered with all
        span = WINDOW.days - 3  # with the spare days of `_listed` no longer than a server allows
        return [(max(first, end - span + 1), end) for end in range(last, first - 1, -span)]

    def _listed(self, begin: int, end: int, most: int) -> set[str]:
        """The ids of what was made on these days, with a day to spare on each side for other time zones.

        What the list says of them is taken in.
        """
        first, last = (datetime.combine(date_of(day), time(), UTC) for day in (begin, end))
        spare = timedelta(days=1)
        listed: set[str] = set()
        limits = READING.at_most(min(most, self._puller.room()))
        for page in self._client.requests(start=first - spare, end=last + 2 * spare, limits=limits):
            listed |= {str(request.service_request_id) for request in page}
            self._puller.take(page)
        return listed

    def _is_there(self, report: str) -> bool:
        """Whether the server has a report that it does not list; what it says of it is taken in."""
        found = self._client.request(report)
        if found is not None and str(found.service_request_id) == report:
            self._puller.take([found])
        return found is not None


def _share(missing: Sequence[str], asked: Sequence[str], lost: Sequence[str]) -> float:
    """How many of the missing are lost: of those that were not asked for as many as of the others."""
    return len(missing) * len(lost) / len(asked) if asked else 0.0
