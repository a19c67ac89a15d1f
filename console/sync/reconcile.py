"""When a cache is compared with its server, within the first hour and then at night; how, each kind of server says."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from api_client.errors import ApiError
from console.files.errors import DamagedFile, StoreError
from console.sync.health import Health

_log = logging.getLogger(__name__)

_DEFECT = "Sigap failed at it; its log says more."
_NIGHT = time(2)
_FIRST_S = (600.0, 3600.0)
_SPREAD_S = 7200.0
_AGAIN_S = 3600.0
"""So long after one that failed, or up to twice as long, the next one is tried."""


class Puller(Protocol):
    """Brings the cache up to one kind of server's state."""

    def catch_up(self, stopped: Callable[[], bool]) -> None:
        """One whole round. Raises ApiError, StoreError."""


class Comparison(Protocol):
    """How the cache of one kind of server is compared with it."""

    def mend(self, stopped: Callable[[], bool]) -> list[str] | None:
        """Put right what differs, and give the ids of these reports; None where there is nothing to compare with.

        Raises ApiError, StoreError.
        """

    def tell(self, mended: list[str] | None, now: datetime, *, asked: bool) -> None:
        """Say what `mend` found; `asked`: somebody waits for it."""

    def tell_failed(self, why: str, now: datetime) -> None:
        """Say that nothing could be compared."""


class Nightly:
    """When the next comparison is due: within the first hour, then each night between two and four in the city."""

    def __init__(self, now: datetime, timezone: str, random_source: random.Random) -> None:
        """`now` is server time; many consoles must not all ask at once, hence the random part."""
        self._random = random_source
        self._zone = _zone(timezone)
        self.due_at = now + timedelta(seconds=random_source.uniform(*_FIRST_S))
        self.asked = False
        """Whether somebody waits for the result of the next one."""

    def begun(self) -> bool:
        """One begins; whether somebody had asked for it. Who asks from here on asks for another one."""
        asked, self.asked = self.asked, False
        return asked

    def done(self, now: datetime) -> None:
        """One was made at this time."""
        # protects: asked-meanwhile-is-asked
        if self.asked:
            return
        here = now.astimezone(self._zone)
        tonight = datetime.combine(here.date(), _NIGHT, self._zone)
        night = tonight if here < tonight else tonight + timedelta(days=1)
        self.due_at = night.astimezone(UTC) + timedelta(seconds=self._random.uniform(0, _SPREAD_S))

    def soon(self) -> None:
        """One is due at once, though nobody asks for it."""
        self.due_at = datetime.min.replace(tzinfo=UTC)

    def failed(self, now: datetime) -> None:
        """One could not be made at this time."""
        if self.asked:
            return
        self.due_at = now + timedelta(seconds=self._random.uniform(_AGAIN_S, 2 * _AGAIN_S))

    def in_city(self, now: datetime) -> datetime:
        """The same time by the city's clocks, as whoever reads of it knows it."""
        return now.astimezone(self._zone)

    def at_once(self) -> None:
        """Somebody asks for one."""
        self.asked = True
        self.soon()


class ComparedPuller:
    """Rounds of a puller, each followed by a comparison when one is due; run by one thread.

    A source of which only the comparison fails can be read and is not away.
    """

    def __init__(self, puller: Puller, comparison: Comparison, health: Health, nightly: Nightly) -> None:
        self._puller = puller
        self._comparison = comparison
        self._health = health
        self._nightly = nightly
        self.compared = 0
        """How many comparisons were made."""
        self.repaired: list[str] = []
        """The ids of all reports that differed and were put right."""

    def catch_up(self, stopped: Callable[[], bool]) -> None:
        """One whole round. Raises ApiError, StoreError."""
        self._puller.catch_up(stopped)
        if stopped() or self._health.server_now() < self._nightly.due_at:
            return
        asked = self._nightly.begun()
        try:
            mended = self._comparison.mend(stopped)
        except DamagedFile:
            self._nightly.asked |= asked  # it is made once the cache is there again
            raise
        except Exception as fault:  # a defect of either side, too: the reports that arrive meanwhile matter more
            if stopped():
                return
            # protects: failed-comparison-is-not-offline
            self._went_wrong(fault, stopped)
            return
        if stopped():
            return
        now = self._health.server_now()
        self._nightly.done(now)
        self.repaired += mended or []
        self.compared += 1
        self._comparison.tell(mended, self._nightly.in_city(now), asked=asked)

    def _went_wrong(self, fault: Exception, stopped: Callable[[], bool]) -> None:
        """Say it of the comparison; raises ApiError and StoreError where a round of reading fails as well."""
        self._puller.catch_up(stopped)
        if isinstance(fault, ApiError | StoreError):
            _log.warning("a comparison failed: %s", fault)
        else:
            _log.error("a comparison failed", exc_info=fault)
        now = self._health.server_now()
        self._nightly.failed(now)
        why = str(fault) if isinstance(fault, ApiError | StoreError) else _DEFECT
        self._comparison.tell_failed(why, self._nightly.in_city(now))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
