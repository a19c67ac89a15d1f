"""The order in which a unit goes to its open reports, with the times of arrival, as a list to choose from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from api_client.model import Report
from console.advice.stops import StopPlan, basis_of_order, plan_stops
from console.advice.units import Basis
from console.cache.catalog import CityUnit
from console.cache.reader import CacheReader
from console.city_map.messages import Answer, OrderedStop, OrderFound
from console.panels import formatting
from console.panels.edit_commands import EditCommands
from console.panels.forms.forms import Forms
from console.panels.travel_times import AskMap, basis_text
from console.panels.typed_command import TypedCommand
from console.panels.unit_commands import UnitCommands
from console.panels.window_state import WindowState
from console.rules.loaded import Loaded
from console.tasks import Tasks
from widgets.forms.choice import ListChoice

_PATIENCE_MS = 4_000
"""So long the list waits for the ways by street: the map may have to be opened first."""
_WIDTH = 640


class _Sheet(msgspec.Struct, frozen=True):
    """What is shown: a unit's stops, and what is known of their reports."""

    crew: CityUnit
    plan: StopPlan
    reports: Mapping[str, Report]
    asked_at: datetime


class UnitStops(QObject):
    """Asks the map process for the order and shows it; by straight lines where there is no answer."""

    message = Signal(str)

    def __init__(
        self,
        window_state: WindowState,
        edit_commands: EditCommands,
        unit_commands: UnitCommands,
        forms: Forms,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        ask: AskMap,
        zone: tzinfo,
        time_at: Callable[[str], datetime],
        crews: Callable[[], Sequence[CityUnit]],
        parent: QObject | None = None,
        *,
        hour: Callable[[], int | None] = lambda: None,
        avoids: Callable[[str], str] = lambda _: "",
        has_closures: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`crews` are the units with their newest positions; `hour`, `avoids`, `has_closures` as for the recommended
        units.
        """
        super().__init__(parent)
        self._window_state, self._edit_commands, self._unit_commands = window_state, edit_commands, unit_commands
        self._forms, self._tasks, self._reader, self._ask = forms, tasks, reader, ask
        self._zone, self._time_at, self._crews, self._hour = zone, time_at, crews, hour
        self._avoids, self._has_closures = avoids, has_closures
        self._waiting: _Sheet | None = None
        self._late = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._late.timeout.connect(lambda: self._on_answer(self._waiting, None))

    def show(self) -> None:
        """The stops of the chosen unit."""
        self.show_of(self._window_state.unit)

    def show_typed(self, typed: TypedCommand) -> bool:
        """Those of the unit that was typed; False when none is meant."""
        crew = self._unit_commands.meant(typed.crews)
        if crew is None:
            self.message.emit(self._unit_commands.why_not_meant(typed.crews, of_report=False))
        else:
            self.show_of(crew.key)
        return crew is not None

    def show_of(self, key: str) -> None:
        """The stops of the unit with this key."""
        crew = next((one for one in self._crews() if one.key == key), None)
        if crew is None:
            return
        if self._window_state.loaded < Loaded.WORK:
            self.message.emit(self.tr("Not loaded yet: jobs come after the units"))
            return
        source, unit, now = crew.source, crew.unit, self._time_at(crew.source)
        jobs = self._edit_commands.work_given(source, unit.id, self._window_state.cities.jobs(crew))
        if not jobs:
            self.message.emit(self.tr("{unit} has no job").format(unit=self._window_state.code_of(crew)))
            return
        reader = self._reader

        def read() -> _Sheet | None:
            reports = reader().reports_of(source, {job.report for job in jobs})
            plan = plan_stops(unit, jobs, reports, now)
            return None if plan is None else _Sheet(crew, plan, reports, now)

        self._waiting = None
        self._late.stop()
        self._tasks.latest("unit_stops", read, lambda sheet: self._begin(crew, sheet))

    def _begin(self, crew: CityUnit, sheet: _Sheet | None) -> None:
        if sheet is None:
            unit = self._window_state.code_of(crew)
            self.message.emit(self.tr("Nobody knows where {unit} is: its stops have no order").format(unit=unit))
            return
        self._waiting = sheet
        if not sheet.plan.stops:
            self._on_answer(sheet, OrderFound(()))
            return
        self._late.start()
        self._ask("stops", sheet.plan.question(self._hour()), lambda answer: self._on_answer(sheet, answer))

    def _on_answer(self, sheet: _Sheet | None, answer: Answer | None) -> None:
        if sheet is None or sheet is not self._waiting:
            return  # shown already, or of a unit that was asked about before
        self._waiting = None
        self._late.stop()
        if isinstance(answer, OrderFound):
            self._show(sheet, answer.stops, answer.hour, answer.drives)
        else:
            self._tasks.latest(
                "unit_stops", sheet.plan.by_straight_line, lambda stops: self._show(sheet, stops, None, 0)
            )

    def _show(self, sheet: _Sheet, stops: Sequence[OrderedStop], hour: int | None, drives: int) -> None:
        source, plan = sheet.crew.source, sheet.plan
        rows = []
        if plan.at_work:
            rows.append(ListChoice(plan.at_work, self._text(sheet, plan.at_work, self.tr("at work")), ""))
        basis = basis_of_order(stops)
        for number, stop in enumerate(stops, 1):
            at = formatting.clock(sheet.asked_at + timedelta(seconds=stop.arrives_s), self._zone)
            text = self._text(sheet, stop.id, self.tr("{number}. {time}").format(number=number, time=at))
            rows.append(ListChoice(stop.id, text, self._note(sheet, stop, basis)))
        rows += [ListChoice(one, self._text(sheet, one, "–"), self.tr("later")) for one in plan.further]
        rows += [ListChoice(one, self._text(sheet, one, "–"), self.tr("place not known")) for one in plan.placeless]
        title = self.tr("{unit}: order of stops").format(unit=self._window_state.code_of(sheet.crew))
        has_closures = self._has_closures(source)
        about = basis_text(basis, hour, self._avoids(source), self.tr, has_closures=has_closures, drives=drives)
        self._forms.choose(title, about, rows, lambda report: self._open(source, report), width=_WIDTH)

    def _text(self, sheet: _Sheet, number: str, when: str) -> str:
        """`2. 10:42 P1 931244 Flood, Cawang`."""
        report, catalog = sheet.reports.get(number), self._window_state.catalog(sheet.crew.source)
        if report is None:
            return f"{when}  {number}"
        what = f"{catalog.service_name(report.service)}, {catalog.place(report.area)}"
        return f"{when}  P{report.priority} {number} {what}"

    def _note(self, sheet: _Sheet, stop: OrderedStop, basis: Basis) -> str:
        """`12 min · 3.1 km · 5 min late`: until it arrives, how long the way from the stop before is."""
        rough = basis == "mixed" and stop.travel is None
        parts = [formatting.roughly(formatting.minutes(stop.arrives_s), rough)]
        if stop.travel is not None:
            parts.append(formatting.distance(round(stop.travel.metres)))
            if stop.travel.closed:
                parts.append(self.tr("through a closed street"))
        due_s = next((one.due_s for one in sheet.plan.stops if one.id == stop.id), None)
        if due_s is not None and stop.arrives_s > due_s:
            parts.append(self.tr("{time} late").format(time=formatting.duration(stop.arrives_s - due_s)))
        return " · ".join(parts)

    def _open(self, source: str, report: str) -> None:
        reader = self._reader
        self._tasks.submit(lambda: reader().row_of(source, report), lambda row: self._window_state.choose(row or 0))
