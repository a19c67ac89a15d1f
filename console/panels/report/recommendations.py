"""Recommend units for the chosen report and find its possible duplicates, on a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from api_client.model import AssignmentState, Report, Status
from console.advice.duplicates import Duplicate, possible_duplicates
from console.advice.units import Advice, Basis, basis_of, best, recommend
from console.board.snapshot import CLOSED_FROM
from console.board.view import View
from console.cache.catalog import Cities, CityUnit
from console.cache.reader import CachedReport, CacheReader
from console.city_map.messages import Travel
from console.panels import formatting
from console.panels.report.details import ReportDetails
from console.panels.report.refused_jobs import refused_other
from console.panels.travel_times import TravelTimes, basis_text, straight_line_text
from console.panels.window_state import WindowState
from console.rules.apply import jobs_after
from console.rules.area import off_by_m
from console.rules.edit import Edit, is_local
from console.rules.loaded import Loaded
from console.rules.queued import Queued
from console.rules.report import HAZARD
from console.rules.run_card import skills_wanted
from console.rules.scoped_code import ScopedCode
from console.rules.status import ORDER, is_open
from console.tasks import Tasks
from widgets.ticket.values import DuplicateRow

_TOP = 3
_MOST_READ = 60
"""So many units after the best are looked at for the reports that they would leave: who comes after is too far away."""


class DuplicateCandidate(msgspec.Struct, frozen=True):
    """A possible duplicate with what is shown of it, and when it was created."""

    duplicate: Duplicate
    number: str
    text: str
    priority: int
    status: int
    created: datetime


class Recommendations(msgspec.Struct, frozen=True):
    """What the console recommends for the report in `row`: `units` are the best three, `further` all other able ones,
    in order; `no_unit` says why there is none.

    `off_m` is how many metres the report may lie from its point: no distance from it is more exact. `left` are the
    reports that units would be diverted from, by their ids, as the server has them. `avoids` says in words what is
    closed to ways by street. `on_break` are the codes of units on a break that could be called from it for a P1 to
    which nobody is free to go. `speeds_hour` is the hour of the day of which the city's speeds count, None without
    any, `speeds_drives` from how many drives of crews they were fitted.
    `has_closures` says that something is closed in the city now: no straight line looks at it.
    """

    row: int
    units: tuple[Advice, ...] = ()
    no_unit: str = ""
    duplicates: tuple[DuplicateCandidate, ...] = ()
    further: tuple[Advice, ...] = ()
    off_m: float = 0.0
    left: Mapping[str, Report] = {}
    avoids: str = ""
    on_break: tuple[str, ...] = ()
    speeds_hour: int | None = None
    has_closures: bool = False
    speeds_drives: int = 0

    @property
    def able(self) -> tuple[Advice, ...]:
        """All units that could go, the best first."""
        return (*self.units, *self.further)

    @property
    def basis(self) -> Basis:
        """How the times of all units were found."""
        return basis_of(self.able)

    def basis_text(self, tr: Callable[[str], str]) -> str:
        """The words for how the times were found, of which hour the speeds are, and what ways by street avoid."""
        return basis_text(
            self.basis, self.speeds_hour, self.avoids, tr, has_closures=self.has_closures, drives=self.speeds_drives
        )

    def straight_line_text(self, tr: Callable[[str], str]) -> str:
        """The words for a time by a straight line."""
        return straight_line_text(tr, has_closures=self.has_closures)

    def heading_text(self, tr: Callable[[str], str]) -> str:
        """What stands beside the heading of the recommended units: who could be called from a break, and `basis_text`.

        The break stands first, as what is last is cut in a narrow panel.
        """
        basis = self.basis_text(tr)
        if not self.on_break:
            return basis
        return tr("{units} on break · {basis}").format(units=", ".join(self.on_break), basis=basis)

    def eta_text(self, advice: Advice) -> str:
        """The time until a unit could be there: `4 min`, `~4 min` by a straight line among times by street, or `–`."""
        if advice.eta_s is None:
            return "–"
        return formatting.roughly(formatting.minutes(advice.eta_s), self.basis == "mixed" and not advice.by_street)

    def of(self, unit_id: str) -> Advice | None:
        """The advice on one unit; None for one that could not go."""
        return next((one for one in self.able if one.unit_id == unit_id), None)

    def leaves_texts(
        self, advice: Advice, zone: tzinfo, now: datetime, tr: Callable[[str], str], *, named: bool = True
    ) -> list[str]:
        """`P3 931244, on scene since 14:02`: what a unit would leave to be diverted, one text for each report; without
        its number where that stands there already (`named`).
        """
        texts = []
        for job in advice.leaves:
            left = self.left.get(job.report)
            parts = (f"P{left.priority}" if left is not None else "", job.report if named else "")
            number = " ".join(part for part in parts if part)
            state = tr(formatting.ASSIGNMENT_TEXT[job.state]).lower()
            since = formatting.moment(job.since, zone, now)
            texts.append(tr("{report}, {state} since {time}").format(report=number, state=state, time=since))
        return texts


class Recommender(QObject):
    """Recommends units for the chosen report, again whenever it, the units or the View change."""

    changed = Signal(object)
    merged_changed = Signal(int, object)
    """The row of a report, and the CachedReports that were merged into it, the oldest first."""

    def __init__(
        self,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        crews: Callable[[], list[CityUnit]],
        pending: Callable[[], Mapping[tuple[str, str], tuple[Edit, ...]]],
        time_at: Callable[[str], datetime],
        parent: QObject | None = None,
        *,
        told_in_vain: Callable[[], Mapping[ScopedCode, Queued]] = dict,
        travel_times: TravelTimes | None = None,
        is_unit_chosen: Callable[[], bool] = lambda: False,
        avoids: Callable[[str], str] = lambda _: "",
        has_closures: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`crews` gives all units, `pending` own edits by (source, report), `time_at` the time by a source's clock.
        `told_in_vain` are units that drive by a radio order that the server does not have: see `Outbox.told_in_vain`.
        `travel_times` says how far units are by street; None where nothing does. While `is_unit_chosen` nobody finds
        another unit in the row that is chosen for being nearer. `avoids` says what ways in a source's city avoid,
        `has_closures` whether anything is closed there now.
        """
        super().__init__(parent)
        self._window_state, self._tasks, self._reader, self._crews, self._time_at = (
            window_state,
            tasks,
            reader,
            crews,
            time_at,
        )
        self._told_in_vain = told_in_vain
        self._travel_times, self._is_unit_chosen = travel_times, is_unit_chosen
        self._avoids, self._has_closures = avoids, has_closures
        self._shown = Recommendations(0)
        self._pending = pending
        self._details: ReportDetails | None = None
        self._merged_of: tuple[str, str, int] | None = None
        window_state.loaded_changed.connect(lambda _: self.refresh())

    def set_details(self, details: ReportDetails | None) -> None:
        """Take over the chosen report; None for none."""
        self._details = details
        self.refresh()
        self._read_merged(details)

    def refresh(self) -> None:
        """Work out the recommendations again: units have moved, time has passed."""
        details, view = self._details, self._window_state.view
        if details is None or view is None:
            self.changed.emit(Recommendations(0))
            return
        if not is_open(details.shown.status):
            self.changed.emit(Recommendations(details.row))
            return
        if details.shown.status is Status.VALIDATION:
            self._look_for_duplicates(details, view)
            return
        if details.shown.lat is None or details.shown.lon is None:
            why = self.tr(
                "The place is missing, so no unit is known to be near. Ask the reporter and give it a place ({place}), "
                "or choose a unit by hand ({assign})."
            )
            why = why.format(
                place=self._window_state.actions.key("place"), assign=self._window_state.actions.key("assign")
            )
            self.changed.emit(Recommendations(details.row, no_unit=why))
            return
        if view.loaded < Loaded.WORK:
            why = self.tr("Not loaded yet: which units are free is known once all their work has been read")
            self.changed.emit(Recommendations(details.row, no_unit=why))
            return
        reader, crews, cities, now = (
            self._reader,
            self._crews(),
            self._window_state.cities,
            self._time_at(details.source),
        )
        catalog = cities.of(details.source)  # another city's units are not for this report
        called_back = {unit for source, unit in self._told_in_vain() if source == details.source}

        here = [one.unit for one in crews if one.source == details.source]
        travel: Mapping[str, Travel] = {}
        speeds_hour, speeds_drives = None, 0
        if self._travel_times is not None:
            travel = self._travel_times.to(details.source, (details.shown.lat, details.shown.lon), here)
            speeds_hour, speeds_drives = self._travel_times.speeds_hour, self._travel_times.speeds_drives
        jobs, here_only = catalog.assignments, set[str]()
        for (source, report), edits in self._pending().items():
            if source != details.source:
                continue
            if is_local(report) and any(one.about.get("priority") == HAZARD for one in edits):
                here_only.add(report)  # the server does not know it yet
            jobs = jobs_after(jobs, report, edits)  # own orders that are not at the server yet keep a unit busy too

        avoids = self._avoids(details.source)
        # protects: times-of-before-are-told-as-such
        if self._travel_times is not None and not self._travel_times.are_of_now:
            avoids = self.tr("what is closed now not yet looked at")
        has_closures = self._has_closures(details.source)

        def advise() -> Recommendations:
            live = {one.unit for one in details.live}
            shown = details.shown
            off_m = off_by_m(shown, catalog.areas)
            # It was passed on: theirs to send. Who is nearest to a P1 is told whoever was asked.
            asked = shown.agency if shown.status is Status.COORDINATION and shown.priority != HAZARD else None
            theirs = [unit for unit in here if asked is None or unit.agency in (None, asked)]
            free = [unit for unit in theirs if unit.id not in live]
            service, areas = catalog.services.get(shown.service or ""), catalog.areas
            if service is not None:
                service = replace(service, skills=skills_wanted(service, catalog.run_card(shown)))
            around: dict[str, Any] = {"service": service, "areas": areas, "called_back": called_back, "most": None}
            around["travel"] = travel
            around["refused"] = {one.unit for one in details.assignments if one.state is AssignmentState.REFUSED}
            if shown.status is Status.RETURNED:
                around["returned"] = {one.unit for one in details.assignments if one.state is AssignmentState.DONE}
            around["refused_other"] = refused_other(reader(), details.source, shown.id, jobs, now)
            around["hazards"] = here_only | _open_hazards(view, cities, details.source, reader())
            found = recommend(shown, free, jobs, now, **around)
            why = found.why_none
            if not free:
                why = self._why_nobody(catalog.agency_name(asked) if here and asked else "", bool(theirs))
            units = best(found.units, _TOP)
            further = tuple(one for one in found.units if one not in units)
            if asked and not found.units:
                others = [unit for unit in here if unit.agency not in (None, asked) and unit.id not in live]
                further = recommend(shown, others, jobs, now, **around).units
                why = f"{why} {self._of_others(further, off_m)}".rstrip()
            alike = _alike(view, details.row, now, cities, details.source, reader(), shown.description, off_m)
            leaves = {job.report for one in (*units, *further[:_MOST_READ]) for job in one.leaves}
            left = reader().reports_of(details.source, leaves) if leaves else {}
            return Recommendations(
                details.row,
                units,
                why,
                alike,
                further,
                off_m,
                left,
                avoids,
                found.on_break,
                speeds_hour,
                has_closures,
                speeds_drives,
            )

        self._tasks.latest("recommendations", advise, self._set)

    def _look_for_duplicates(self, details: ReportDetails, view: View) -> None:
        """Recommend nobody for a report whose work is done, and say what may be about the same."""
        reader, cities, shown = self._reader, self._window_state.cities, details.shown
        now, off_m = self._time_at(details.source), off_by_m(shown, cities.of(details.source).areas)

        def look() -> Recommendations:
            alike = _alike(view, details.row, now, cities, details.source, reader(), shown.description, off_m)
            return Recommendations(details.row, duplicates=alike, off_m=off_m)

        self._tasks.latest("recommendations", look, self._set)

    def _why_nobody(self, asked: str, some_are_on_it: bool) -> str:
        """Why no unit can be recommended. `asked` is the name of the agency to which the report was passed; "" when it
        was not passed on, or the city has no units.
        """
        if asked and some_are_on_it:
            return self.tr("All units of {agency}, which was asked, are on it.").format(agency=asked)
        if asked:
            return self.tr("{agency} was asked, and has no unit here.").format(agency=asked)
        return self.tr("No other unit is known.") if some_are_on_it else self.tr("No unit is known.")

    def _of_others(self, able: Sequence[Advice], off_m: float) -> str:
        """A sentence on how many units of other agencies could go and which is the nearest; "" when there are none."""
        if not able:
            return ""
        first, away = able[0], able[0].distance_m
        near = f"{first.code}, {formatting.distance(away, off_m)}" if away is not None else first.code
        count = self.tr(
            "{n} unit of another agency could go" if len(able) == 1 else "{n} units of other agencies could go"
        )
        return self.tr("{count}: {unit} ({assign}).").format(
            count=count.format(n=len(able)), unit=near, assign=self._window_state.actions.key("assign")
        )

    def _read_merged(self, details: ReportDetails | None) -> None:
        """Read what was merged into it: once for each state, again while fewer are here than it counts."""
        if details is None or details.server is None or not details.server.duplicates:
            self._merged_of = None
            self.merged_changed.emit(details.row if details is not None else 0, ())
            return
        reader, row, counted = self._reader, details.row, details.server.duplicates
        source, key, _ = state = (details.source, details.key, details.server.version)
        if state == self._merged_of:
            return

        self._merged_of = None

        def take(found: list[CachedReport]) -> None:
            if self._details is None or self._details.row != row:
                return
            whole = len(found) >= counted
            self._merged_of = state if whole else None
            self.merged_changed.emit(row, found)

        self._tasks.latest("merged", lambda: reader().merged_into(source, key), take)

    def _set(self, recommendations: Recommendations) -> None:
        if self._details is not None and recommendations.row == self._details.row:
            if self._is_unit_chosen():
                recommendations = _in_order_of(self._shown, recommendations)
            self._shown = recommendations
            self.changed.emit(recommendations)


def _in_order_of(shown: Recommendations, fresh: Recommendations) -> Recommendations:
    """The fresh ones as they stand already, where they differ by how far the units are and by nothing else."""
    found = {one.unit_id: one for one in fresh.able}
    # protects: chosen-row-stays
    if shown.row != fresh.row or {one.unit_id: _work(one) for one in shown.able} != {
        unit: _work(one) for unit, one in found.items()
    }:
        return fresh
    units, further = (tuple(found[one.unit_id] for one in part) for part in (shown.units, shown.further))
    return msgspec.structs.replace(fresh, units=units, further=further)


def _work(advice: Advice) -> tuple[int, int, int, bool]:
    return advice.jobs, advice.ahead, len(advice.leaves), advice.stale


def _open_hazards(view: View, cities: Cities, source: str, reader: CacheReader) -> set[str]:
    """The ids of the open P1 reports of a source, as they are shown."""
    column = view.snapshot.column
    number = cities.source_number(source)
    urgent = column("alive") & (column("priority") == HAZARD) & (column("source") == number)
    urgent &= column("status") < CLOSED_FROM
    return {one.remote_id for one in reader.texts(column("row")[np.flatnonzero(urgent)])}


def _alike(
    view: View,
    row: int,
    now: datetime,
    cities: Cities,
    source: str,
    reader: CacheReader,
    text: str,
    within_m: float,
) -> tuple[DuplicateCandidate, ...]:
    """The most likely duplicates in the same source; a report cannot be merged into one of another city."""
    found = possible_duplicates(
        view.snapshot,
        row,
        int(now.timestamp()),
        catalog=cities.of(source),
        texts=reader.texts,
        text=text,
        within_m=within_m,
    )
    number = cities.source_number(source)
    own = {fact.row for fact in view.snapshot.facts([one.row for one in found]) if fact.source == number}
    near = [one for one in found if one.row in own][:_TOP]
    rows = [one.row for one in near]
    texts = {one.row: one for one in reader.texts(rows)}
    facts = {one.row: one for one in view.snapshot.facts(rows)}
    return tuple(
        DuplicateCandidate(
            one,
            texts[one.row].remote_id,
            texts[one.row].description,
            facts[one.row].priority,
            facts[one.row].status,
            datetime.fromtimestamp(max(0, facts[one.row].created), UTC),
        )
        for one in near
        if one.row in texts and one.row in facts
    )


def merged_rows(merged: Sequence[CachedReport], now: datetime, photos_text: Callable[[int], str]) -> list[DuplicateRow]:
    """Reports that were merged into another as rows of a panel; `photos_text` says how many photos."""
    return [
        DuplicateRow(
            key=one.row,
            number=one.report.id,
            text=one.report.description or one.report.title,
            distance="",
            age=formatting.age((now - one.report.created).total_seconds()),
            why=photos_text(len(one.report.photos)) if one.report.photos else "",
            priority=one.report.priority,
            status=ORDER.index(one.report.status),
        )
        for one in merged
    ]


def distance_of(duplicate: Duplicate) -> str:
    """The distance of a possible duplicate as text, no more exact than it is known: `60 m`, `≤ 1.3 km`."""
    return formatting.distance(duplicate.distance_m, duplicate.within_m)


def duplicate_rows(alike: Sequence[DuplicateCandidate]) -> list[DuplicateRow]:
    """Possible duplicates as rows of a panel or a form."""
    return [
        DuplicateRow(
            key=one.duplicate.row,
            number=one.number,
            text=one.text,
            distance=distance_of(one.duplicate),
            age=formatting.age(one.duplicate.age_s),
            why=" · ".join(one.duplicate.reasons),
            priority=one.priority,
            status=one.status,
        )
        for one in alike
    ]
