"""What a unit with several open reports has to go to, as a question about their order, and the order by straight lines.

A report where it is at work comes first, and it begins when it is done there. P1 comes before all else; of the others
one that would be too late by its next due time comes before one that has time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from api_client.model import Assignment, AssignmentState, ClockState, Report, Unit
from console.advice.units import JOB_BEGUN_S, JOB_S, Basis, straight_line_s
from console.city_map.messages import LatLon, Order, OrderedStop, UnitStop
from console.city_map.stop_order import MOST_STOPS, arrivals, best_order
from console.rules.distance import distance_m
from console.rules.report import HAZARD
from console.rules.sla import due_next


class StopPlan(msgspec.Struct, frozen=True):
    """The reports of a unit: at which it is `at_work`, which are put in order, and which are not: without a place that
    is known, or beyond the first 12.
    """

    places: tuple[LatLon, ...]
    stops: tuple[UnitStop, ...]
    begin_s: float
    at_work: str = ""
    placeless: tuple[str, ...] = ()
    further: tuple[str, ...] = ()

    def question(self, hour: int | None) -> Order:
        """What to ask the map process; `hour` is that of the week."""
        return Order(self.places, self.stops, self._straight_s(), self.begin_s, hour)

    def by_straight_line(self) -> tuple[OrderedStop, ...]:
        """The order without streets."""
        seconds = self._straight_s()
        order = best_order(seconds, self.stops, self.begin_s)
        at = arrivals(order, seconds, self.stops, self.begin_s)
        return tuple(OrderedStop(self.stops[stop].id, when) for stop, when in zip(order, at, strict=True))

    def _straight_s(self) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(straight_line_s(distance_m(*a, *b)) for b in self.places) for a in self.places)


def plan_stops(unit: Unit, jobs: Sequence[Assignment], reports: Mapping[str, Report], now: datetime) -> StopPlan | None:
    """The stops of a unit with these unfinished jobs; None where nobody knows where it is."""
    known = [reports[job.report] for job in jobs if job.report in reports]
    on_scene = {job.report for job in jobs if job.state is AssignmentState.ON_SCENE}
    at = next((one for one in known if one.id in on_scene), None)
    start = _place(unit) if at is None else _place(at) or _place(unit)
    if start is None:
        return None
    there = at.id if at is not None else ""
    placed = [(one, place) for one in known if one.id != there and (place := _place(one)) is not None]
    placed.sort(key=lambda pair: (pair[0].priority != HAZARD, _until(pair[0], now), pair[0].created))
    first = placed[:MOST_STOPS]
    with_place = {one.id for one, _ in placed}
    return StopPlan(
        places=(start, *(place for _, place in first)),
        stops=tuple(UnitStop(one.id, JOB_S, one.priority == HAZARD, _due_s(one, now)) for one, _ in first),
        begin_s=JOB_BEGUN_S if at is not None else 0.0,
        at_work=there,
        placeless=tuple(job.report for job in jobs if job.report not in with_place and job.report != there),
        further=tuple(one.id for one, _ in placed[MOST_STOPS:]),
    )


def basis_of_order(stops: Sequence[OrderedStop]) -> Basis:
    """How the ways between stops were found."""
    by_street = {one.travel is not None for one in stops}
    return "mixed" if len(by_street) > 1 else "by_street" if by_street == {True} else "straight_line"


def _place(thing: Unit | Report) -> LatLon | None:
    return (thing.lat, thing.lon) if thing.lat is not None and thing.lon is not None else None


def _until(report: Report, now: datetime) -> float:
    due_s = _due_s(report, now)
    return math.inf if due_s is None else due_s


def _due_s(report: Report, now: datetime) -> float | None:
    clock = due_next(report.clocks)
    if clock is None or clock.due is None or clock.met_at is not None or clock.state is ClockState.PAUSED:
        return None
    return (clock.due - now).total_seconds()
