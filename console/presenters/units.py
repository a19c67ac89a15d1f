"""The units board: every crew's state, job, position age and shift."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

import msgspec
from PySide6.QtCore import QObject, QTimer

from console.advice.units import DETOUR, SPEED_M_S
from console.domain.place import distance_m
from console.domain.report import Unit
from console.domain.status import AssignmentState, UnitState
from console.presenters import words
from console.presenters.desk import Desk
from console.store.cache_read import CacheReader
from console.tasks import Tasks
from widgets.units import UnitRow, UnitsPanel

_SOON_MS = 20
"""What comes in quick succession is shown at once: a changed unit, and then its job's title."""

STALE_S, OLD_S = 1800, 600
"""A position older than 10 minutes turns amber, older than 30 it is stale."""

_UNDER_WAY = frozenset({AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE})
"""The job that a unit with several of them is at."""

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
    """Binds the catalog's units, moved by presence, to the units panel."""

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
        self._positions: dict[str, tuple[float, float, datetime]] = {}
        self._titles: dict[str, str] = {}
        self._spots: dict[str, tuple[float, float]] = {}
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self.show)
        desk.catalog_changed.connect(lambda _: self._read_titles())
        panel.current_changed.connect(desk.choose_unit)
        panel.opened.connect(self._open)

    def units(self) -> list[Unit]:
        """Every unit on shift or not, with its newest position."""
        return [self._placed(unit) for unit in self._desk.catalog.units.values()]

    def set_positions(self, positions: dict[str, tuple[float, float, datetime]]) -> None:
        """Newer positions from the stream."""
        self._positions.update(positions)

    def tick(self) -> None:
        """Once a second: times and ages."""
        self.show()

    def _placed(self, unit: Unit) -> Unit:
        found = self._positions.get(unit.id)
        if found is None or (unit.position_at is not None and found[2] < unit.position_at):
            return unit
        return msgspec.structs.replace(unit, lat=found[0], lon=found[1], position_at=found[2])

    def _read_titles(self) -> None:
        catalog, reader = self._desk.catalog, self._reader
        wanted = {(catalog.unit_source.get(one.unit, ""), one.report) for one in catalog.assignments}

        def read() -> tuple[dict[str, str], dict[str, tuple[float, float]]]:
            rows = [row for key in wanted if (row := reader().row_of(*key)) is not None]
            reports = [found.report for row in rows if (found := reader().report(row)) is not None]
            titles = {one.id: f"{catalog.service_name(one.service)}, {catalog.place(one.area)}" for one in reports}
            spots = {one.id: (one.lat, one.lon) for one in reports if one.lat is not None and one.lon is not None}
            return titles, spots

        self._tasks.latest("unit_titles", read, self._on_titles)
        self._soon.start()

    def _on_titles(self, found: tuple[dict[str, str], dict[str, tuple[float, float]]]) -> None:
        self._titles, self._spots = found
        self._soon.start()

    def show(self) -> None:
        """Fill the panel: the busy first, then by code."""
        now = self._now()
        order = {state: index for index, state in enumerate(_SHOWN_FIRST)}
        units = sorted(self.units(), key=lambda unit: (order[unit.state], unit.code))
        self._panel.set_rows([self._row(unit, now) for unit in units])

    def _row(self, unit: Unit, now: datetime) -> UnitRow:
        jobs = list(self._desk.catalog.by_unit.get(unit.id, []))
        jobs.sort(key=lambda one: one.state not in _UNDER_WAY)
        stale = is_stale(unit, now)
        age = position_age_s(unit, now)
        on_shift = unit.state is not UnitState.OFF_SHIFT
        job = f"{jobs[0].report} {self._titles.get(jobs[0].report, '')}".strip() if jobs else self.tr("none")
        state = self.tr(words.UNIT_TEXT[unit.state])
        return UnitRow(
            id=unit.id,
            code=unit.code,
            state_key=words.UNIT_SYMBOL[unit.state],
            state_text=f"{state}, {unit.reason}" if unit.reason else state,
            since=words.duration((now - unit.state_since).total_seconds()) if on_shift else "–",
            job=job,
            eta=self._eta(unit, jobs[0].report) if jobs and not stale else "–",
            next=str(max(0, len(jobs) - 1)),
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

    def _eta(self, unit: Unit, report: str) -> str:
        """When a unit on its way will be there, by the straight line like the advice."""
        spot = self._spots.get(report)
        if unit.state is not UnitState.EN_ROUTE or spot is None or unit.lat is None or unit.lon is None:
            return "–"
        return words.minutes(distance_m(unit.lat, unit.lon, *spot) * DETOUR / SPEED_M_S)

    def _open(self, unit_id: str) -> None:
        jobs = self._desk.catalog.by_unit.get(unit_id, [])
        if not jobs:
            return
        source, reader = self._desk.catalog.unit_source.get(unit_id, ""), self._reader
        self._tasks.submit(lambda: reader().row_of(source, jobs[0].report), lambda row: self._desk.choose(row or 0))


def count_states(units: list[Unit], now: datetime) -> dict[str, int]:
    """How many units are available, busy, and on shift with a stale position."""
    busy = {UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE}
    return {
        "available": sum(unit.state is UnitState.AVAILABLE for unit in units),
        "busy": sum(unit.state in busy for unit in units),
        "stale": sum(is_stale(unit, now) for unit in units),
        "on_shift": sum(unit.state is not UnitState.OFF_SHIFT for unit in units),
    }
