"""Fills in what was reported before the sixty days that the demo city tells in full, behind the window."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import sqlalchemy as sa
from msgspec.structs import replace

from console.rules.area import AreaIndex
from console.rules.sla import clocks, sla_of
from console.server.city import schema
from console.server.city.city import City
from console.server.city.feed import read_meta
from console.server.city.records import DemoOptions, LoadedReport
from console.server.demo.areas import ZONE, read_wards
from console.server.demo.drafts import Draftsman
from console.server.demo.facts import demo_facts
from console.server.demo.fill import DAYS, RECENT, fill_present
from console.server.demo.pictures import Album
from console.server.demo.stock_photos import StockPhotos
from console.server.demo.stories import Storyteller
from console.server.demo.units import make_units

_PROMISED = "demo_reports"
_SPAN_DAYS = 10
_RESTS = 2.0
"""So many times as long as it works it rests while the city lives: its present comes first, on two cores too."""
_TOGETHER = 250
"""After so many it rests."""


def fill_city(city: City, demo: DemoOptions, media: Path, tell: Callable[[str], None]) -> Callable[[Event], None]:
    """Fill an empty city: at once with what its people work on, and by the returned function with all before it.

    That one may run while the server listens; it returns early when the event it gets is set. In a city that does not
    live everything is put in at once. `media` gets the photos, `tell` is told what is done.
    """
    kept = StockPhotos(demo.photos).file if demo.photos is not None else None
    album = Album(media, demo.seed) if kept is None else Album(media, demo.seed, kept=kept)
    recent = None
    if not city.stats().reports:
        tell(f"The demo city is being made: {demo.reports:,} reports.")
        promise_reports(city, demo.reports)
        few = min(demo.reports, RECENT)
        recent = fill_present(
            city, reports=few, seed=demo.seed, now=city.clock(), album=album, earlier=demo.reports - few
        )

    def past(end: Event) -> None:
        if recent is not None:
            recent()
        fill_earlier(city, album, seed=demo.seed, end=end, rest=_RESTS if demo.living else 0.0)

    if demo.living:
        return past
    past(Event())
    return lambda _end: None


def promise_reports(city: City, reports: int) -> None:
    """Note that `city` is a demo city that shall have so many reports in the end: only such a one is filled."""
    with city.database.write() as connection:
        city.database.upsert(connection, schema.meta, [{"key": _PROMISED, "value": str(reports)}])


def fill_earlier(city: City, album: Album, *, seed: int, end: Event, rest: float) -> None:
    """Put in ever older reports that are over, at the rhythm of the recent ones, until the demo city has its number.

    It goes on from the oldest that is there, so what a server that was killed has left undone the next one does.
    Returns early when `end` is set. After each batch it waits `rest` times as long as that took.
    """
    table = schema.reports
    first = sa.func.min(sa.cast(table.c.id, sa.Integer))
    with city.database.read() as connection:
        promised = int(read_meta(connection).get(_PROMISED, 0))
        count, oldest, number = connection.execute(
            sa.select(sa.func.count(), sa.func.min(table.c.created), first)
        ).one()
    if 0 < count < promised:
        earlier = _Earlier(city, album, seed, datetime.fromtimestamp(oldest // 1_000_000, UTC))
        city.load(_resting(earlier.reports(promised - count, number - 1), end, rest))


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
        a_span = RECENT * _SPAN_DAYS // DAYS
        until = self._until
        while count > 0 and number > 0:
            drafts = self._drafts.write_earlier(min(a_span, count), _SPAN_DAYS, until)
            for draft in reversed(drafts):
                draft.id = str(number)
                number -= 1
            for draft in reversed(drafts):
                yield self._outcome(self._teller.tell(draft))
            count -= len(drafts)
            until -= timedelta(days=_SPAN_DAYS)

    def _outcome(self, row: LoadedReport) -> LoadedReport:
        """How it began and ended, with its clocks: photos and what lies between would take as much room again."""
        report = row.report
        sla = sla_of(self._services.get(report.service or ""), report.priority)
        if sla is not None:
            counted = clocks(report, row.entries, sla, self._calendars.get(sla.calendar or ""), report.updated)
            report = replace(report, clocks=counted)
        return LoadedReport(replace(report, photos=()), (row.entries[0], row.entries[-1]))


def _resting(rows: Iterator[LoadedReport], end: Event, rest: float) -> Iterator[LoadedReport]:
    begun = time.monotonic()
    for told, row in enumerate(rows, 1):
        yield row
        if told % _TOGETHER == 0:
            if end.wait(rest * (time.monotonic() - begun)):
                return
            begun = time.monotonic()
