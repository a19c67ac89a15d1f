"""The units board: every crew's state, job, position age and shift."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo

import msgspec
from PySide6.QtCore import QObject, QTimer

from api_client.model import AssignmentState, Unit, UnitState
from console.advice.units import straight_line_s
from console.cache.catalog import CityUnit
from console.cache.reader import CacheReader
from console.city_map.messages import Travel
from console.panels import formatting
from console.panels.report.details import ReportDetails
from console.panels.report.history import report_number
from console.panels.report.offered_actions import NEXT_OF_UNIT
from console.panels.travel_times import TravelTimes
from console.panels.window_state import WindowState
from console.rules.area import off_by_m
from console.rules.distance import distance_m
from console.rules.loaded import Loaded
from console.rules.queued import PENDING, Queued, is_to_call_back
from console.rules.scoped_code import ScopedCode
from console.rules.status import ON_THE_WAY
from console.tasks import Tasks
from widgets.units import UnitRow, UnitsPanel

_SOON_MS = 20
"""What comes in quick succession is shown at once: a changed unit, and then its job's title."""

UnitPosition = tuple[float, float, datetime]
"""Latitude and longitude in degrees, and when the unit was there."""

STALE_S, OLD_S = 1800, 600
"""A position older than 10 minutes turns amber, older than 30 it is stale."""

_STATES = (
    UnitState.AVAILABLE,
    UnitState.COMMITTED,
    UnitState.EN_ROUTE,
    UnitState.ON_SCENE,
    UnitState.BREAK,
    UnitState.UNAVAILABLE,
    UnitState.OFF_SHIFT,
)
"""Those that can be sent stand first."""

_BUSY = frozenset({UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE})
_FILTERS: dict[str, frozenset[UnitState]] = {
    "all": frozenset(_STATES),
    "available": frozenset({UnitState.AVAILABLE}),
    "busy": _BUSY,
    "on_shift": frozenset(_STATES) - {UnitState.OFF_SHIFT},
    "away": frozenset({UnitState.BREAK, UnitState.UNAVAILABLE, UnitState.OFF_SHIFT}),
}
"""Which states each filter of the panel lists."""

_NEAR = "near"
"""The order without a column: by state, those of one state by their distance to the chosen report."""
_NEVER = math.inf


def position_age_s(unit: Unit, now: datetime) -> float | None:
    """Seconds since the unit's last position, None when it never sent one."""
    return (now - unit.position_at).total_seconds() if unit.position_at else None


def is_stale(unit: Unit, now: datetime) -> bool:
    """Whether the unit is on shift and its position is too old to rely on."""
    age = position_age_s(unit, now)
    return unit.state is not UnitState.OFF_SHIFT and (age is None or age > STALE_S)


class UnitsController(QObject):
    """Binds the cities' units, moved by presence, to the units panel."""

    def __init__(
        self,
        panel: UnitsPanel,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        zone: tzinfo,
        time_at: Callable[[str], datetime],
        parent: QObject | None = None,
        *,
        told_in_vain: Callable[[], Iterable[Queued]] = tuple,
        told_and_waiting: Callable[[], Iterable[Queued]] = tuple,
        leaves_text: Callable[[CityUnit], str] = lambda _: "",
        travel_times: TravelTimes | None = None,
    ) -> None:
        """`told_in_vain` and `told_and_waiting` give the orders by which units were told by radio to go where the
        server has not sent them, or has not sent them yet: see `Outbox`. `time_at` gives the time by the clock of a
        source's server. `leaves_text` says what a unit would leave to be diverted to the chosen report, "" for nothing.
        `travel_times` says how far units are by street; None where nothing does.
        """
        super().__init__(parent)
        self._travel_times = travel_times
        self._travels: Mapping[str, Travel] = {}
        self._panel, self._window_state, self._tasks, self._reader = panel, window_state, tasks, reader
        self._told_in_vain, self._told_and_waiting = told_in_vain, told_and_waiting
        self._leaves_text = leaves_text
        self._zone, self._time_at = zone, time_at
        self._positions: dict[ScopedCode, UnitPosition] = {}
        self._titles: dict[ScopedCode, str] = {}
        self._spots: dict[ScopedCode, tuple[float, float]] = {}
        self._details: ReportDetails | None = None
        self._off_m = 0.0
        self._sort, self._descending, self._filter = _NEAR, False, "all"
        self._order: list[str] = []
        self._ordered_for: tuple[object, bool] | None = None
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self.show)
        if travel_times is not None:
            travel_times.changed.connect(self._soon.start)
        window_state.catalog_changed.connect(lambda _: self._read_titles())
        window_state.loaded_changed.connect(lambda _: self._soon.start())
        panel.current_changed.connect(window_state.choose_unit)
        panel.opened.connect(self._open)
        panel.sort_chosen.connect(self._on_sort)
        panel.filter_chosen.connect(self.set_filter)
        window_state.unit_changed.connect(self._on_unit)
        self._show_filters()

    def set_details(self, details: ReportDetails | None) -> None:
        """Take over the chosen report; units are sorted by their distance from it."""
        self._details = details
        areas = self._window_state.catalog(details.source).areas if details is not None else {}
        self._off_m = off_by_m(details.shown, areas) if details is not None else 0.0
        self._soon.start()

    def set_filter(self, key: str) -> None:
        """List only the units in the states of this filter; the chosen unit is chosen no more if it is not listed."""
        self._filter = key
        chosen = next((crew for crew in self.crews() if crew.key == self._window_state.unit), None)
        if chosen is not None and chosen.unit.state not in _FILTERS[key]:
            self._window_state.choose_unit("")
        self._show_filters()
        self.show()

    def switch_available(self) -> None:
        """List the available units only, or all again."""
        self.set_filter("all" if self._filter == "available" else "available")

    def _on_sort(self, column: str) -> None:
        """A first click on a column sorts by it, a second one reverses that, a third one restores the usual order."""
        if column != self._sort:
            self._sort, self._descending = column, False
        elif not self._descending:
            self._descending = True
        else:
            self._sort, self._descending = _NEAR, False
        self._panel.set_sort("" if self._sort == _NEAR else self._sort, descending=self._descending)
        self.show()

    def _show_filters(self) -> None:
        names = {
            "all": self.tr("All units"),
            "available": self.tr("Available"),
            "busy": self.tr("Busy"),
            "on_shift": self.tr("On shift"),
            "away": self.tr("Not at work"),
        }
        self._panel.set_filters(list(names.items()), self._filter, narrowed=self._filter != "all")

    def _on_unit(self, key: str) -> None:
        """A unit was chosen, on the map perhaps: its row is brought into sight."""
        self.show()
        self._panel.set_current(key)

    def crews(self) -> list[CityUnit]:
        """All units with their newest positions; an available unit that was told by radio to go somewhere counts as
        busy.
        """
        told = self._told()
        return [self._at_work(self._placed(crew), told) for crew in self._window_state.cities.crews]

    def told_in_vain(self) -> dict[ScopedCode, Queued]:
        """The units, by source and id, that were told by radio to go where the server has not sent them."""
        return self._on_their_way(self._told_in_vain())

    def _told(self) -> dict[ScopedCode, Queued]:
        """The units that were told by radio to go where the server has not sent them, in vain or not yet."""
        return self._on_their_way(self._told_and_waiting()) | self.told_in_vain()

    def _on_their_way(self, orders: Iterable[Queued]) -> dict[ScopedCode, Queued]:
        found = {}
        for one in orders:
            source, unit = one.edit.source, str(one.edit.data.get("unit"))
            jobs = self._window_state.catalog(source).by_unit.get(unit, [])
            if not any(job.report == one.edit.report for job in jobs):  # else somebody has sent it there since
                found[source, unit] = one
        return found

    @staticmethod
    def _at_work(crew: CityUnit, orders: Mapping[ScopedCode, Queued]) -> CityUnit:
        order = orders.get((crew.source, crew.unit.id))
        if order is None or crew.unit.state is not UnitState.AVAILABLE:
            return crew
        since = order.edit.occurred_at
        busy = msgspec.structs.replace(crew.unit, state=UnitState.COMMITTED, state_since=since)
        return msgspec.structs.replace(crew, unit=busy)

    def set_positions(self, source: str, positions: Mapping[str, UnitPosition]) -> None:
        """Newer positions from a source's stream."""
        self._positions.update(((source, unit), spot) for unit, spot in positions.items())

    @property
    def newest_positions(self) -> Mapping[ScopedCode, UnitPosition]:
        """What the streams have told, for the window that takes the place of this one."""
        return dict(self._positions)

    def take_up(self, positions: Mapping[ScopedCode, UnitPosition]) -> None:
        """Go on from what the previous window had been told; what came here since is newer."""
        self._positions = {**positions, **self._positions}

    def tick(self) -> None:
        """Once a second: times and ages."""
        self.show()

    def _placed(self, crew: CityUnit) -> CityUnit:
        unit = crew.unit
        found = self._positions.get((crew.source, unit.id))
        # What a server's clock that went ahead has put into the future is not newer than what is told now.
        if found is None or (
            unit.position_at is not None and found[2] < unit.position_at <= self._time_at(crew.source)
        ):
            return crew
        moved = msgspec.structs.replace(unit, lat=found[0], lon=found[1], position_at=found[2])
        return msgspec.structs.replace(crew, unit=moved)

    def _read_titles(self) -> None:
        cities, reader = self._window_state.cities, self._reader

        def read() -> tuple[dict[ScopedCode, str], dict[ScopedCode, tuple[float, float]]]:
            titles: dict[ScopedCode, str] = {}
            spots: dict[ScopedCode, tuple[float, float]] = {}
            for source, catalog in cities.catalogs.items():
                for number, report in reader().reports_of(source, {one.report for one in catalog.assignments}).items():
                    titles[source, number] = f"{catalog.service_name(report.service)}, {catalog.place(report.area)}"
                    if report.lat is not None and report.lon is not None:
                        spots[source, number] = (report.lat, report.lon)
            return titles, spots

        self._tasks.latest("unit_titles", read, self._on_titles)
        self._soon.start()

    def _on_titles(self, found: tuple[dict[ScopedCode, str], dict[ScopedCode, tuple[float, float]]]) -> None:
        self._titles, self._spots = found
        self._soon.start()

    def show(self) -> None:
        """Fill the panel."""
        states = _FILTERS[self._filter]
        all_crews = self.crews()
        self._travels = self._travels_of(all_crews)
        crews = {
            crew.key: crew for crew in all_crews if crew.unit.state in states or crew.key == self._window_state.unit
        }
        self._keep_order(crews)
        if not crews:
            self._show_empty()
        told = self._told()
        rows = [self._row(crews[key], told.get((crews[key].source, crews[key].unit.id))) for key in self._order]
        self._panel.set_rows(rows)

    def _keep_order(self, crews: Mapping[str, CityUnit]) -> None:
        """Sort again only when the chosen report, a state or the order changed, so that rows do not move while units
        drive; and once when ways by street are known, or no longer, unless a unit is chosen.
        """
        states = {key: crew.unit.state for key, crew in crews.items()}
        wanted = (self._sort, self._descending, self._place(), states, len(self._titles))
        before, by_street = self._ordered_for, bool(self._travels)
        if before is None or wanted != before[0] or (by_street != before[1] and not self._window_state.unit):
            self._ordered_for = (wanted, by_street)
            found = sorted(crews.values(), key=lambda crew: crew.unit.code)
            found.sort(key=self._rank, reverse=self._descending)
            self._order = [crew.key for crew in found]

    def _place(self) -> tuple[str, float, float] | None:
        """Source, latitude and longitude of the chosen report; None when there is no report or it has no place."""
        shown = self._details.shown if self._details is not None else None
        if self._details is None or shown is None or shown.lat is None or shown.lon is None:
            return None
        return self._details.source, shown.lat, shown.lon

    def _travels_of(self, crews: Iterable[CityUnit]) -> Mapping[str, Travel]:
        """How far units are from the chosen report by street, as far as it is known."""
        place = self._place()
        if place is None or self._travel_times is None:
            return {}
        source, lat, lon = place
        return self._travel_times.to(source, (lat, lon), (crew.unit for crew in crews if crew.source == source))

    def _way(self, crew: CityUnit) -> Travel | None:
        """How far a unit is from the chosen report of its city by street; None when it is not known."""
        place = self._place()
        return self._travels.get(crew.unit.id) if place is not None and place[0] == crew.source else None

    def _away_m(self, crew: CityUnit) -> float:
        """Distance in metres between a unit and the chosen report of its city, by street where that is known; infinite
        when it is not known at all.
        """
        place, unit, way = self._place(), crew.unit, self._way(crew)
        if way is not None:
            return way.metres
        if place is None or place[0] != crew.source or unit.lat is None or unit.lon is None:
            return _NEVER
        return distance_m(unit.lat, unit.lon, *place[1:])

    def _away_s(self, crew: CityUnit) -> float:
        """Seconds between a unit and the chosen report of its city; infinite when they are not known."""
        way = self._way(crew)
        return straight_line_s(self._away_m(crew)) if way is None else way.seconds

    def _away(self, crew: CityUnit) -> str:
        """The distance between a unit and the chosen report, with a tilde where it is that of a straight line while
        others are by street; "" when it is not known.
        """
        away_m = self._away_m(crew)
        if away_m == _NEVER:
            return ""
        is_rough = bool(self._travels) and self._way(crew) is None
        return formatting.roughly(formatting.distance(round(away_m), self._off_m), is_rough)

    def _rank(self, crew: CityUnit) -> tuple[float | str, ...]:
        """The sort key of a unit in the chosen order."""
        unit, jobs = crew.unit, self._window_state.cities.jobs(crew)
        match self._sort:
            case "code":
                return (unit.code,)
            case "state":
                return (_STATES.index(unit.state),)
            case "since":
                return (-unit.state_since.timestamp(),)
            case "away":
                return (self._away_s(crew),)
            case "job":
                return (not jobs, jobs[0].report if jobs else "")
            case "eta":
                return (self._eta_s(crew, jobs[0].report) if jobs else _NEVER,)
            case "next":
                return (len(jobs),)
            case "skills":
                return (", ".join(unit.skills),)
            case "position":
                age = position_age_s(unit, self._time_at(crew.source))
                return (_NEVER if age is None else age,)
            case "shift":
                return (unit.shift_end.timestamp() if unit.shift_end else _NEVER,)
            case _:
                return (_STATES.index(unit.state), self._away_s(crew))

    def _show_empty(self) -> None:
        if self._window_state.loaded < Loaded.WORK and not self._window_state.cities.crews:
            self._panel.set_empty(self.tr("Not loaded yet"), self.tr("Units come with the city's first load."))
        elif self._window_state.cities.crews:
            title = self.tr("No unit is in such a state")
            self._panel.set_empty(title, self.tr("The sign at the left of the heading lists all units again."))
        else:
            self._panel.set_empty(
                self.tr("No units"),
                self.tr("Nobody can be sent: the city has set up no unit. Its supervisor does that with “sigap city”."),
            )

    def _row(self, crew: CityUnit, order: Queued | None) -> UnitRow:
        unit, now = crew.unit, self._time_at(crew.source)
        jobs = list(self._window_state.cities.jobs(crew))
        jobs.sort(key=lambda one: one.state not in ON_THE_WAY)  # what it is at comes first
        known = self._window_state.loaded >= Loaded.WORK  # its jobs come after the unit
        stale = is_stale(unit, now)
        age = position_age_s(unit, now)
        on_shift = unit.state is not UnitState.OFF_SHIFT
        job, title = (jobs[0].report, self._titles.get((crew.source, jobs[0].report), "")) if jobs else ("", "")
        state = self.tr(formatting.UNIT_TEXT[unit.state])
        work = f"{job} {title}".strip() if jobs else self.tr("none") if known else "–"
        if jobs and all(one.state is AssignmentState.RESERVED for one in jobs):  # which keeps no available unit
            words = self.tr("{report} reserved").format(report=job)
            work = ": ".join(part for part in (words, title) if part)
        if leaves := self._leaves_text(crew):
            words = self.tr("{report} divert: {work}").format(report=job, work=leaves)
            work = " · ".join(part for part in (words, title) if part)
        if order is not None:
            state = self.tr("Told by radio")
            what = self.tr("not sent, to be decided")
            if is_to_call_back(order):
                what = self.tr("call back by radio")
            elif order.state in PENDING:
                what = self.tr("not sent yet")
            work = " ".join(part for part in (report_number(order.edit), what) if part)
        sent = next(
            (one for one in self._window_state.cities.jobs(crew) if one.state is not AssignmentState.RESERVED), None
        )
        action = NEXT_OF_UNIT.get(sent.state.value, "") if sent is not None else ""
        is_chosen, actions = crew.key == self._window_state.unit, self._window_state.actions
        return UnitRow(
            id=crew.key,
            code=self._window_state.code_of(crew),
            state_key=formatting.UNIT_SYMBOL[unit.state],
            state_text=f"{state}, {unit.reason}" if unit.reason else state,
            since=formatting.duration((now - unit.state_since).total_seconds()) if on_shift else "–",
            job=work,
            eta=self._eta(crew, job) if jobs and not stale else "–",
            next=str(max(0, len(jobs) - 1)) if known else "–",
            skills=", ".join(unit.skills),
            position_age="–" if age is None or not on_shift else formatting.age(age),
            position_level=formatting.LATE
            if stale
            else formatting.AT_RISK
            if age is not None and age > OLD_S and on_shift
            else formatting.CALM,
            shift=formatting.clock(unit.shift_end, self._zone) if unit.shift_end else "–",
            stale=stale,
            mark="",
            step=self.tr(actions[action].label).format(unit="").strip() if action and is_chosen else "",
            step_key=actions.cap(action) if action and is_chosen else "",
            away=self._away(crew) if on_shift else "",
        )

    def _eta(self, crew: CityUnit, report: str) -> str:
        eta_s = self._eta_s(crew, report)
        if eta_s == _NEVER:
            return "–"
        is_rough = self._answers and self._way_on(crew, report) is None
        return formatting.roughly(formatting.minutes(eta_s), is_rough)

    @property
    def _answers(self) -> bool:
        return self._travel_times is not None and self._travel_times.answers

    def _eta_s(self, crew: CityUnit, report: str) -> float:
        """Seconds until a unit that is en route arrives, by street where that is known, else estimated from the
        straight line; infinite for any other unit.
        """
        spot, unit = self._spots.get((crew.source, report)), crew.unit
        if unit.state is not UnitState.EN_ROUTE or spot is None or unit.lat is None or unit.lon is None:
            return _NEVER
        way = self._way_on(crew, report)
        return straight_line_s(distance_m(unit.lat, unit.lon, *spot)) if way is None else way.seconds

    def _way_on(self, crew: CityUnit, report: str) -> Travel | None:
        """How far a unit has still to go to the report that it is on its way to, by street."""
        spot, unit = self._spots.get((crew.source, report)), crew.unit
        if self._travel_times is None or spot is None or unit.lat is None or unit.lon is None:
            return None
        return self._travel_times.on_the_way(crew.key, (unit.lat, unit.lon), spot)

    def _open(self, key: str) -> None:
        crew = self._window_state.cities.crew(key)
        jobs = self._window_state.cities.jobs(crew)
        if crew is None or not jobs:
            return
        source, report, reader = crew.source, jobs[0].report, self._reader
        self._tasks.submit(lambda: reader().row_of(source, report), lambda row: self._window_state.choose(row or 0))


def count_states(crews: list[CityUnit], time_at: Callable[[str], datetime]) -> dict[str, int]:
    """How many units are available, busy, and on shift with a stale position."""
    units = [crew.unit for crew in crews]
    return {
        "available": sum(unit.state is UnitState.AVAILABLE for unit in units),
        "busy": sum(unit.state in _BUSY for unit in units),
        "stale": sum(is_stale(crew.unit, time_at(crew.source)) for crew in crews),
        "on_shift": sum(unit.state is not UnitState.OFF_SHIFT for unit in units),
    }
