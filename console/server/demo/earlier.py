"""Fills in what was reported before the sixty days that the demo city tells in full, behind the window."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from api_client.decoding import decode
from console.rules.area import AreaIndex
from console.server.city import schema
from console.server.city.bulk_insert import with_clocks
from console.server.city.city import City
from console.server.city.meta import read_meta
from console.server.city.records import DemoOptions, LoadedReport
from console.server.demo.areas import ZONE, read_wards
from console.server.demo.drafts import Draftsman
from console.server.demo.facts import demo_facts
from console.server.demo.fill import DAYS, RECENT, fill_present
from console.server.demo.pictures import Album
from console.server.demo.rhythm import season
from console.server.demo.stock_photos import StockPhotos
from console.server.demo.stories import Storyteller
from console.server.demo.units import make_units

_BEGUN = "demo"
_SPAN_DAYS = 10
_RESTS = 2.0
"""So many times as long as it works it rests while the city lives: its present comes first, on two cores too."""
_LEAST_FREE = 2 * 2**30
"""So many bytes are left free: a demo fills nobody's disk. The console's cache grows as much as the city."""
_TOGETHER = 250
"""After so many it rests."""


class DemoBegun(msgspec.Struct, frozen=True):
    """When a demo city was begun, how many reports it shall have in the end, and whether its last sixty days are whole.

    It stands in the city's own database: no other city is ever filled.
    """

    at: datetime
    reports: int
    recent: bool = False


def fill_city(city: City, demo: DemoOptions, media: Path, tell: Callable[[str], None]) -> Callable[[Event], None]:
    """Fill an empty city: at once with what its people work on, and by the returned function with all before it.

    That one may run while the server listens, returns early when the event it gets is set, and does what a server that
    was killed has left undone. In a city that does not live everything is put in at once. `media` gets the photos,
    `tell` is told what is done.
    """
    kept = StockPhotos(demo.photos).file if demo.photos is not None else None
    album = Album(media, demo.seed, kept=kept)
    recent = None
    if not city.stats().reports:
        tell(f"The demo city is being made: {demo.reports:,} reports.")
        recent = _fill_recent(city, begin(city, demo.reports), demo.seed, album)

    def past(end: Event) -> None:
        begun = begun_of(city)
        if begun is None:
            return
        if not begun.recent:
            (recent or _fill_recent(city, begun, demo.seed, album, again=True))()
            _keep(city, replace(begun, recent=True))
        rest = _RESTS if demo.living else 0.0
        fill_earlier(city, album, seed=demo.seed, end=end, rest=rest, has_room=lambda: _has_room(media))

    if demo.living:
        return past
    past(Event())
    return lambda _end: None


def begin(city: City, reports: int) -> DemoBegun:
    """Note that `city` is a demo city that shall have so many reports."""
    begun = DemoBegun(city.clock(), reports)
    _keep(city, begun)
    return begun


def begun_of(city: City) -> DemoBegun | None:
    """What was noted of a demo city; None of any other."""
    with city.database.read() as connection:
        found = read_meta(connection).get(_BEGUN)
    return decode(found.encode(), DemoBegun) if found is not None else None


def _keep(city: City, begun: DemoBegun) -> None:
    with city.database.write() as connection:
        city.database.upsert(connection, schema.meta, [{"key": _BEGUN, "value": msgspec.json.encode(begun).decode()}])


def _fill_recent(city: City, begun: DemoBegun, seed: int, album: Album, *, again: bool = False) -> Callable[[], None]:
    few, older = min(begun.reports, RECENT), max(0, begun.reports - RECENT)
    return fill_present(city, reports=few, seed=seed, now=begun.at, album=album, earlier=older, again=again)


def _has_room(media: Path) -> bool:
    return shutil.disk_usage(media if media.exists() else media.parent).free > _LEAST_FREE


def fill_earlier(
    city: City, album: Album, *, seed: int, end: Event, rest: float, has_room: Callable[[], bool] = lambda: True
) -> None:
    """Put in ever older reports that are over, at the rhythm of the recent ones, until the demo city has its number.

    It goes on from the oldest that is there. Returns early when `end` is set, and when `has_room` says
    that the disk gets full. After each batch it waits `rest` times as long as that took.
    """
    begun = begun_of(city)
    table = schema.reports
    first = sa.func.min(sa.cast(table.c.id, sa.Integer))
    with city.database.read() as connection:
        count, oldest, number = connection.execute(
            sa.select(sa.func.count(), sa.func.min(table.c.created), first)
        ).one()
    if begun is not None and 0 < count < begun.reports:
        earlier = _Earlier(city, album, seed, datetime.fromtimestamp(oldest // 1_000_000, UTC))
        city.load(_resting(earlier.reports(begun.reports - count, number - 1), end, rest, has_room))


class _Earlier:
    """Tells the reports before `until`, the newest first, span after span."""

    def __init__(self, city: City, album: Album, seed: int, until: datetime) -> None:
        self._until = until
        chance = random.Random(f"{seed}/earlier/{until.isoformat()}")  # noqa: S311  a made-up city, no secret
        wards, now, facts = read_wards(), city.clock(), demo_facts()
        self._services = {service.code: service for service in facts.services}
        self._calendars = {calendar.id: calendar for calendar in facts.calendars}
        self._drafts = Draftsman(wards, chance, now, ZONE)
        units = make_units(facts.units, wards, chance, now, ZONE)
        self._teller = Storyteller(units, album, AreaIndex(list(facts.areas)).area_at, chance, now)

    def reports(self, count: int, number: int) -> Iterator[LoadedReport]:
        """`count` of them, numbered downwards from `number`."""
        until = self._until
        while count > 0:
            a_span = RECENT * _SPAN_DAYS / DAYS * season(until.astimezone(ZONE))
            drafts = self._drafts.write_earlier(min(round(a_span), count), _SPAN_DAYS, until)
            for draft in reversed(drafts):
                draft.id = str(number)
                number -= 1
            for draft in reversed(drafts):
                yield self._outcome(self._teller.tell(draft))
            count -= len(drafts)
            until -= timedelta(days=_SPAN_DAYS)

    def _outcome(self, row: LoadedReport) -> LoadedReport:
        """How it began and ended, with its clocks: photos and what lies between would take as much room again."""
        row = with_clocks(row, self._services, self._calendars, row.report.updated)
        return LoadedReport(replace(row.report, photos=()), (row.entries[0], row.entries[-1]))


def _resting(
    rows: Iterator[LoadedReport], end: Event, rest: float, has_room: Callable[[], bool]
) -> Iterator[LoadedReport]:
    begun = time.monotonic()
    for told, row in enumerate(rows, 1):
        yield row
        if told % _TOGETHER == 0:
            if end.wait(rest * (time.monotonic() - begun)) or not has_room():
                return
            begun = time.monotonic()
