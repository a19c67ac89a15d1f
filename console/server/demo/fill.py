"""Fills a city with sixty days of Jakarta: areas, services, crews, and reports with their histories and photos."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from api_client.model import (
    Agency,
    Area,
    AssignmentState,
    Calendar,
    Limit,
    RunCard,
    Service,
    Status,
    Template,
    Unit,
    UnitState,
)
from console.rules.apply import unit_after
from console.rules.area import AreaIndex
from console.rules.status import is_open
from console.server.city.records import LoadedReport
from console.server.demo.areas import ZONE, metres, read_wards
from console.server.demo.drafts import DraftedReport, Draftsman
from console.server.demo.facts import demo_facts
from console.server.demo.pictures import Album
from console.server.demo.stories import Storyteller
from console.server.demo.street_samples import street_places
from console.server.demo.units import POSITION_LOST, make_units

RECENT, DAYS = 30_000, 60
"""How many reports of its last days the demo city has at most, and from how many days: what is older comes behind."""
_NEWEST_ID, _LEAST_ID = 931_204, 100_000
_PRESENT_S = 2 * 86400
_WORDED = 2_000
"""The newest of all are put into words one after another: what lies side by side in a list is not alike."""
_ON_THE_WAY, _AT_WORK, _COMMITTED = 6, 12, 3
_A, _U = AssignmentState, UnitState


class DemoCity(Protocol):
    """What the demo needs of a city."""

    def put_areas(self, areas: list[Area]) -> None:
        """Keep these areas."""

    def put_services(self, services: list[Service]) -> None:
        """Keep these services."""

    def put_units(self, units: list[Unit]) -> None:
        """Keep these units."""

    def put_agencies(self, agencies: list[Agency]) -> None:
        """Keep these agencies."""

    def put_templates(self, templates: list[Template]) -> None:
        """Keep these standard texts."""

    def put_limits(self, limits: list[Limit]) -> None:
        """Keep these limits."""

    def put_run_cards(self, cards: list[RunCard]) -> None:
        """Keep these run cards."""

    def put_calendars(self, calendars: list[Calendar]) -> None:
        """Keep these calendars."""

    def load(self, rows: Iterable[LoadedReport]) -> None:
        """Keep these reports with their histories."""


def fill(
    city: DemoCity, *, reports: int = RECENT, seed: int = 1, now: datetime, days: int = DAYS, media: Path | None = None
) -> None:
    """Put the demo city into `city`, as of `now` (aware). Photos are drawn into `media` unless it is None.

    The same `reports`, `seed`, `now` and `days` give the same city.
    """
    fill_present(city, reports=reports, seed=seed, now=now, days=days, album=Album(media, seed))()


def fill_present(
    city: DemoCity,
    *,
    reports: int,
    seed: int,
    now: datetime,
    days: int = DAYS,
    album: Album,
    earlier: int = 0,
    again: bool = False,
) -> Callable[[], None]:
    """Put in what somebody still has to work on and what is two days old; the returned function puts in the rest.

    So a server can listen while 60 days of history are still being written behind it. Numbers are left for so many
    `earlier` reports. `album` draws the photos. `again` is for a city that was filled in part with the same seed and
    time and has lived since: nothing is put in but the reports that are missing.
    """
    chance = random.Random(seed)  # noqa: S311  a made-up city, no secret
    wards = read_wards()
    facts, areas = demo_facts(), list(demo_facts().areas)
    if not again:
        city.put_agencies(list(facts.agencies))
        city.put_calendars(list(facts.calendars))
        city.put_services(list(facts.services))
        city.put_areas(areas)
        city.put_templates(list(facts.templates))
        city.put_limits(list(facts.limits))
        city.put_run_cards(list(facts.run_cards))
    units = make_units(facts.units, wards, chance, now, ZONE)
    drafts = Draftsman(wards, chance, now, ZONE).write(reports, days)
    first = max(_LEAST_ID + earlier, _NEWEST_ID - len(drafts) + 1)
    for number, draft in enumerate(drafts):
        draft.id = str(first + number)
    units = _put_to_work(units, drafts, chance, now)
    teller = Storyteller(units, album, AreaIndex(areas).area_at, chance, now)
    for draft in reversed(drafts[-_WORDED:]):
        teller.word(draft)
    at_work = {draft.id: teller.tell(draft) for draft in drafts if draft.job is not None}
    busy = {job.unit: job for row in at_work.values() for job in row.assignments}
    if not again:
        city.put_units([unit_after(unit, [job], job.since) if (job := busy.get(unit.id)) else unit for unit in units])
    since = int(now.timestamp()) - _PRESENT_S
    present = [draft for draft in drafts if draft.created >= since or is_open(draft.status)]
    past = [draft for draft in drafts if not (draft.created >= since or is_open(draft.status))]
    city.load(at_work.get(draft.id) or teller.tell(draft) for draft in present)
    return lambda: city.load(teller.tell(draft) for draft in reversed(past))


def _put_to_work(
    units: Sequence[Unit], drafts: Sequence[DraftedReport], chance: random.Random, now: datetime
) -> list[Unit]:
    """Give crews jobs: those of the scenes first, then some of the recent matters; the rest stays available."""
    by_code = {unit.code: unit for unit in units}
    taken: dict[str, Unit] = {}
    for draft in drafts:
        if draft.unit is not None and draft.job is not None:
            taken[draft.unit] = _on_the_road(by_code[draft.unit], draft, draft.job, chance)
    resting = {"TMN-05": (_U.BREAK, None), "LH-03": (_U.UNAVAILABLE, "Truk mogok"), "BMG-06": (_U.OFF_SHIFT, None),
               "PLN-02": (_U.BREAK, None)}  # fmt: skip
    for code, (state, reason) in resting.items():
        taken.setdefault(code, msgspec.structs.replace(by_code[code], state=state, reason=reason))
    wanted = [_A.EN_ROUTE] * _ON_THE_WAY + [_A.ON_SCENE] * _AT_WORK + [_A.ACKNOWLEDGED] * _COMMITTED
    free = [unit for unit in units if unit.code not in taken and unit.code != "SDA-07"]
    chance.shuffle(free)
    for job in wanted:
        status = Status.PROGRESS if job is _A.ON_SCENE else Status.ASSIGNED
        found = _matching(status, drafts, free, int(now.timestamp()))
        if found is None:
            break
        unit, draft = found
        draft.unit, draft.job = unit.code, job
        taken[unit.code] = _on_the_road(unit, draft, job, chance)
        free.remove(unit)
    return [_with_position_lost(taken.get(unit.code, unit), now) for unit in units]


def _matching(
    status: Status, drafts: Sequence[DraftedReport], free: Sequence[Unit], now_s: int
) -> tuple[Unit, DraftedReport] | None:
    """A recent matter in this status that nobody works on, and the nearest free crew of its agency."""
    for draft in reversed(drafts):
        if now_s - draft.created > 3 * 86400:
            return None
        if draft.status is not status or draft.unit is not None or draft.hold is not None or draft.lat is None:
            continue
        able = [
            unit for unit in free
            if unit.agency == draft.service.agency and (not draft.ward or draft.ward.city_code in unit.areas)
        ]  # fmt: skip
        if able:
            return min(able, key=lambda unit: _far(unit, draft)), draft
    return None


def _far(unit: Unit, draft: DraftedReport) -> float:
    if unit.lat is None or unit.lon is None or draft.lat is None or draft.lon is None:
        return math.inf
    return metres((unit.lat, unit.lon), (draft.lat, draft.lon))


def _on_the_road(unit: Unit, draft: DraftedReport, job: AssignmentState, chance: random.Random) -> Unit:
    """The unit on a street, as far from the report as its job is from there."""
    assert draft.lat is not None and draft.lon is not None  # noqa: PT018  chosen with a place
    away_m = {_A.ACKNOWLEDGED: 1500.0, _A.EN_ROUTE: chance.uniform(500, 2200), _A.ON_SCENE: 25.0}[job]
    turn = chance.uniform(0, 2 * math.pi)
    lat = draft.lat + away_m / 110_570 * math.sin(turn)
    lon = draft.lon + away_m / 110_570 * math.cos(turn)
    if job is _A.ON_SCENE:
        return msgspec.structs.replace(unit, lat=round(lat, 6), lon=round(lon, 6))
    place = street_places().near((lat, lon), chance, 0.0)
    return msgspec.structs.replace(unit, lat=place.lat, lon=place.lon)


def _with_position_lost(unit: Unit, now: datetime) -> Unit:
    if unit.id != POSITION_LOST:
        return unit
    return msgspec.structs.replace(unit, position_at=now - timedelta(minutes=34))
