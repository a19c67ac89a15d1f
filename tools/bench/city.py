"""A demo city straight in a cache, without server or network: what measurements begin with."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from typing_extensions import override

from api_client.model import Agency, Area, Calendar, Limit, RunCard, Service, Template, Unit
from console.cache.page_items import Cursor, PageItem
from console.cache.writer import CacheWriter
from console.rules.area import AreaIndex
from console.rules.messages import Touched
from console.rules.status import ENDED_ASSIGNMENT, is_open
from console.server.city.bulk_insert import with_clocks
from console.server.city.records import LoadedReport
from console.server.demo.areas import ZONE, read_wards
from console.server.demo.drafts import Draftsman
from console.server.demo.facts import demo_facts
from console.server.demo.fill import fill
from console.server.demo.pictures import Album
from console.server.demo.stories import Storyteller
from tools.bench.child import SOURCE

_PAGE = 2000
_EPOCH = "measured"
_FIRST_NEW = 2_000_000
_TOLD = 10_000
"""Of a larger city so many reports are told one by one; the others repeat them, which takes a third as long."""
_AROUND_DEGREES = 0.01


class CacheShelf:
    """Takes what the demo city is made of into a cache, as a sync process would."""

    def __init__(self, writer: CacheWriter, now: datetime) -> None:
        self._writer, self._now = writer, now
        cursor = writer.cursor(SOURCE)
        self._seq = cursor.seq if cursor else 0
        self._services = {service.code: service for service in demo_facts().services}
        self._calendars = {calendar.id: calendar for calendar in demo_facts().calendars}

    def put_areas(self, areas: list[Area]) -> None:
        """Keep these areas."""
        self.put("area", [(area.code, area) for area in areas])

    def put_services(self, services: list[Service]) -> None:
        """Keep these services."""
        self.put("service", [(service.code, service) for service in services])

    def put_units(self, units: list[Unit]) -> None:
        """Keep these units."""
        self.put("unit", [(unit.id, unit) for unit in units])

    def put_agencies(self, agencies: list[Agency]) -> None:
        """Keep these agencies."""
        self.put("agency", [(agency.code, agency) for agency in agencies])

    def put_templates(self, templates: list[Template]) -> None:
        """Keep these standard texts."""
        self.put("template", [(template.id, template) for template in templates])

    def put_limits(self, limits: list[Limit]) -> None:
        """Keep these limits."""
        self.put("limit", [(limit.id, limit) for limit in limits])

    def put_run_cards(self, cards: list[RunCard]) -> None:
        """Keep these run cards."""
        self.put("run_card", [(card.id, card) for card in cards])

    def put_calendars(self, calendars: list[Calendar]) -> None:
        """Keep these calendars."""
        self.put("calendar", [(calendar.id, calendar) for calendar in calendars])

    def load(self, rows: Iterable[LoadedReport]) -> None:
        """Keep these reports with their histories."""
        source = iter(rows)
        with self._writer.bulk():
            while batch := list(islice(source, _PAGE)):
                self.write(batch)

    def write(self, rows: Sequence[LoadedReport], more: Sequence[tuple[str, str, Any]] = ()) -> Touched:
        """One page: reports with their histories and `more` (kind, id, object)."""
        things: list[tuple[str, str, Any]] = []
        for row in map(self._timed, rows):
            things.append(("report", row.report.id, row.report))
            things += [("entry", entry.id, entry) for entry in row.entries]
            things += [("assignment", one.id, one) for one in row.assignments]
            if row.contact is not None:
                things.append(("contact", row.report.id, row.contact))
        return self._apply([*things, *more])

    def put(self, kind: str, things: Sequence[tuple[str, Any]]) -> Touched:
        """One page of objects of one kind by id."""
        return self._apply([(kind, key, thing) for key, thing in things])

    def _apply(self, things: Sequence[tuple[str, str, Any]]) -> Touched:
        items = [PageItem(kind, self._seq + at, key, thing) for at, (kind, key, thing) in enumerate(things, start=1)]
        self._seq += len(items)
        return self._writer.apply(SOURCE, items, Cursor(_EPOCH, self._seq, as_of=datetime.now(UTC)))

    def _timed(self, row: LoadedReport) -> LoadedReport:
        """With the SLA clocks that a server would have given it."""
        return with_clocks(row, self._services, self._calendars, self._now)


class RepeatingShelf(CacheShelf):
    """Takes the first `told` reports and repeats them, under other numbers and around their places, until it has
    `reports`. `chance` draws where.

    A crew has one job, and few reports call for everybody: those are taken once, and others once more in their stead.
    """

    def __init__(self, writer: CacheWriter, now: datetime, reports: int, chance: random.Random) -> None:
        super().__init__(writer, now)
        self._times, self._chance = max(1, reports // _TOLD), chance
        self.told, self._owed = divmod(reports, self._times)

    @override
    def load(self, rows: Iterable[LoadedReport]) -> None:
        super().load(again for row in rows for again in self._repeated(row))

    def _repeated(self, row: LoadedReport) -> Iterator[LoadedReport]:
        yield row
        report, again = row.report, self._times - 1
        is_alarm = report.priority == 1 and is_open(report.status)
        if is_alarm or any(job.state not in ENDED_ASSIGNMENT for job in row.assignments):
            self._owed += again
            return
        more = min(again, self._owed)
        self._owed -= more
        for number in range(1, again + more + 1):
            key = f"{number}{report.id}"
            lat, lon = (
                None if degrees is None else degrees + self._chance.uniform(-_AROUND_DEGREES, _AROUND_DEGREES)
                for degrees in (report.lat, report.lon)
            )
            yield msgspec.structs.replace(
                row,
                report=msgspec.structs.replace(report, id=key, lat=lat, lon=lon),
                entries=tuple(
                    msgspec.structs.replace(entry, id=f"{number}{entry.id}", report=key) for entry in row.entries
                ),
                assignments=tuple(
                    msgspec.structs.replace(job, id=f"{number}{job.id}", report=key) for job in row.assignments
                ),
            )


def fill_cache(folder: Path, reports: int, *, seed: int = 1) -> None:
    """Write the demo city into `folder`/cache.db."""
    now = datetime.now(UTC)
    writer = CacheWriter(folder)
    try:
        shelf = RepeatingShelf(writer, now, reports, random.Random(seed))
        fill(shelf, reports=shelf.told, seed=seed, now=now)
    finally:
        writer.close()


def arrivals(units: Sequence[Unit], *, seed: int = 2) -> Iterator[LoadedReport]:
    """Fresh reports without end, created when they are taken."""
    chance = random.Random(seed)
    now = datetime.now(UTC)
    draftsman = Draftsman(read_wards(), chance, now, ZONE)
    area_at = AreaIndex(demo_facts().areas).area_at
    teller = Storyteller(units, Album(None, seed), area_at, chance, now)
    number = _FIRST_NEW
    while True:
        draft = draftsman.draft(int(datetime.now(UTC).timestamp()) - 1, 0.0)
        draft.id = str(number)
        number += 1
        yield teller.tell(draft)


if __name__ == "__main__":
    gc.set_threshold(20_000, 20, 50)  # hardly a cycle is made, and a seventh of the time went into looking for them
    fill_cache(Path(sys.argv[1]), int(sys.argv[2]))
