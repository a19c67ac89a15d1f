"""The units board: every crew's state, job, position age and shift."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

import msgspec
from PySide6.QtCore import QObject, QTimer

from console.advice.units import DETOUR, SPEED_M_S
from console.domain.loaded import Loaded
from console.domain.place import distance_m
from console.domain.report import Unit
from console.domain.status import ON_THE_WAY, UnitState
from console.domain.word import Word
from console.presenters import words
from console.presenters.catalog import Crew
from console.presenters.desk import Desk
from console.store.cache_read import CacheReader
from console.tasks import Tasks
from widgets.units import UnitRow, UnitsPanel

_SOON_MS = 20
"""What comes in quick succession is shown at once: a changed unit, and then its job's title."""

STALE_S, OLD_S = 1800, 600
"""A position older than 10 minutes turns amber, older than 30 it is stale."""

_SHOWN_FIRST = (
    UnitState.COMMITTED,
    UnitState.EN_ROUTE,
    UnitState.ON_SCENE,
    UnitState.AVAILABLE,
    UnitState.BREAK,
    UnitState.UNAVAILABLE,
    UnitState.OFF_SHIFT,
)


def position_age_s(unit: Unit, now: datetime) -> float | None:
    """Seconds since the unit's last position, None when it never sent one."""
    return (now - unit.position_at).total_seconds() if unit.position_at else None


def is_stale(unit: Unit, now: datetime) -> bool:
    """Whether the unit is on shift and its position is too old to rely on."""
    age = position_age_s(unit, now)
    return unit.state is not UnitState.OFF_SHIFT and (age is None or age > STALE_S)


class UnitsPresenter(QObject):
    """Binds the cities' units, moved by presence, to the units panel."""

    def __init__(
        self,
        panel: UnitsPanel,
        desk: Desk,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._desk, self._tasks, self._reader = panel, desk, tasks, reader
        self._zone, self._now = zone, now
        self._positions: dict[Word, tuple[float, float, datetime]] = {}
        self._titles: dict[Word, str] = {}
        self._spots: dict[Word, tuple[float, float]] = {}
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self.show)
        desk.catalog_changed.connect(lambda _: self._read_titles())
        desk.loaded_changed.connect(lambda _: self._soon.start())
        panel.current_changed.connect(desk.choose_unit)
        panel.opened.connect(self._open)

    def crews(self) -> list[Crew]:
        """Every unit on shift or not, with its newest position."""
        return [self._placed(crew) for crew in self._desk.cities.crews]

    def set_positions(self, source: str, positions: dict[str, tuple[float, float, datetime]]) -> None:
        """Newer positions from a source's stream."""
        self._positions.update(((source, unit), spot) for unit, spot in positions.items())

    def tick(self) -> None:
        """Once a second: times and ages."""
        self.show()

    def _placed(self, crew: Crew) -> Crew:
        unit = crew.unit
        found = self._positions.get((crew.source, unit.id))
        if found is None or (unit.position_at is not None and found[2] < unit.position_at):
            return crew
        moved = msgspec.structs.replace(unit, lat=found[0], lon=found[1], position_at=found[2])
        return msgspec.structs.replace(crew, unit=moved)

    def _read_titles(self) -> None:
        cities, reader = self._desk.cities, self._reader
        wanted = {(source, one.report) for source, city in cities.catalogs.items() for one in city.assignments}

        def read() -> tuple[dict[Word, str], dict[Word, tuple[float, float]]]:
            titles: dict[Word, str] = {}
            spots: dict[Word, tuple[float, float]] = {}
            for source, number in wanted:
                row = reader().row_of(source, number)
                found = reader().report(row) if row is not None else None
                if found is None:
                    continue
                one, catalog = found.report, cities.of(source)
                titles[source, number] = f"{catalog.service_name(one.service)}, {catalog.place(one.area)}"
                if one.lat is not None and one.lon is not None:
                    spots[source, number] = (one.lat, one.lon)
            return titles, spots

        self._tasks.latest("unit_titles", read, self._on_titles)
        self._soon.start()

    def _on_titles(self, found: tuple[dict[Word, str], dict[Word, tuple[float, float]]]) -> None:
        self._titles, self._spots = found
        self._soon.start()

    def show(self) -> None:
        """Fill the panel: the busy first, then by code."""
        now = self._now()
        order = {state: index for index, state in enumerate(_SHOWN_FIRST)}
        crews = sorted(self.crews(), key=lambda crew: (order[crew.unit.state], crew.unit.code))
        if self._desk.loaded is Loaded.WHOLE:
            self._panel.set_empty(
                self.tr("No units"),
                self.tr("Nobody can be sent: the city has set up no unit. Its supervisor does that with “sigap city”."),
            )
        self._panel.set_rows([self._row(crew, now) for crew in crews])

    def _row(self, crew: Crew, now: datetime) -> UnitRow:
        unit = crew.unit
        jobs = list(self._desk.cities.jobs(crew))
        jobs.sort(key=lambda one: one.state not in ON_THE_WAY)  # what it is at comes first
        known = self._desk.loaded is Loaded.WHOLE  # a unit's jobs come after the reports
        stale = is_stale(unit, now)
        age = position_age_s(unit, now)
        on_shift = unit.state is not UnitState.OFF_SHIFT
        job, title = (jobs[0].report, self._titles.get((crew.source, jobs[0].report), "")) if jobs else ("", "")
        state = self.tr(words.UNIT_TEXT[unit.state])
        return UnitRow(
            id=crew.key,
            code=self._desk.code_of(crew),
            state_key=words.UNIT_SYMBOL[unit.state],
            state_text=f"{state}, {unit.reason}" if unit.reason else state,
            since=words.duration((now - unit.state_since).total_seconds()) if on_shift else "–",
            job=f"{job} {title}".strip() if jobs else self.tr("none") if known else "–",
            eta=self._eta(crew, job) if jobs and not stale else "–",
            next=str(max(0, len(jobs) - 1)) if known else "–",
            skills=", ".join(unit.skills),
            position_age="–" if age is None or not on_shift else words.age(age),
            position_level=words.LATE
            if stale
            else words.AT_RISK
            if age is not None and age > OLD_S and on_shift
            else words.CALM,
            shift=words.clock(unit.shift_end, self._zone) if unit.shift_end else "–",
            stale=stale,
            mark="",
        )

    def _eta(self, crew: Crew, report: str) -> str:
        """When a unit on its way will be there, by the straight line like the advice."""
        spot, unit = self._spots.get((crew.source, report)), crew.unit
        if unit.state is not UnitState.EN_ROUTE or spot is None or unit.lat is None or unit.lon is None:
            return "–"
        return words.minutes(distance_m(unit.lat, unit.lon, *spot) * DETOUR / SPEED_M_S)

    def _open(self, key: str) -> None:
        crew = self._desk.cities.crew(key)
        jobs = self._desk.cities.jobs(crew)
        if crew is None or not jobs:
            return
        source, report, reader = crew.source, jobs[0].report, self._reader
        self._tasks.submit(lambda: reader().row_of(source, report), lambda row: self._desk.choose(row or 0))


def count_states(crews: list[Crew], now: datetime) -> dict[str, int]:
    """How many units are available, busy, and on shift with a stale position."""
    units = [crew.unit for crew in crews]
    busy = {UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE}
    return {
        "available": sum(unit.state is UnitState.AVAILABLE for unit in units),
        "busy": sum(unit.state in busy for unit in units),
        "stale": sum(is_stale(unit, now) for unit in units),
        "on_shift": sum(unit.state is not UnitState.OFF_SHIFT for unit in units),
    }
