"""What a unit with several open reports has to go to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from api_client.model import Assignment, AssignmentState, Clock, ClockState, Report
from console.advice.stops import basis_of_order, plan_stops
from console.advice.units import JOB_BEGUN_S, JOB_S, straight_line_s
from console.city_map.messages import OrderedStop, Travel
from console.city_map.stop_order import MOST_STOPS
from console.rules.distance import distance_m
from tests.unit.advice.test_units import NOW, job, report, unit

CREW = unit("U1")
CREATED = NOW - timedelta(hours=2)


def a_report(number: str, km: float | None = 1.0, **more: Any) -> Report:
    """A report so many kilometres north of the unit."""
    north = {} if km is None else {"lat": (CREW.lat or 0) + km / 111.0, "lon": CREW.lon}
    known: dict[str, Any] = {"lat": None, "lon": None, "created": CREATED, "priority": 3, "clocks": ()}
    return replace(report(), id=number, **(known | north | more))


def jobs_on(*numbers: str, state: AssignmentState = AssignmentState.DISPATCHED) -> list[Assignment]:
    return [replace(job("U1", state), report=number) for number in numbers]


def due_in(minutes: float, state: ClockState = ClockState.RUNNING) -> tuple[Clock, ...]:
    return (Clock("finish", state, CREATED, 3_600, NOW + timedelta(minutes=minutes)),)


def known(*reports: Report) -> dict[str, Report]:
    return {one.id: one for one in reports}


def test_the_p1_is_a_first_stop_and_due_times_are_told() -> None:
    reports = known(a_report("a", clocks=due_in(30)), a_report("b", priority=1), a_report("c", clocks=due_in(-10)))
    plan = plan_stops(CREW, jobs_on("a", "b", "c"), reports, NOW)
    assert plan is not None
    assert [(one.id, one.urgent, one.due_s) for one in plan.stops] == [
        ("b", True, None), ("c", False, -600.0), ("a", False, 1_800.0)
    ]  # fmt: skip
    assert {one.work_s for one in plan.stops} == {JOB_S}
    assert plan.places[0] == (CREW.lat, CREW.lon)
    assert (plan.begin_s, plan.at_work, plan.placeless, plan.further) == (0.0, "", (), ())
    question = plan.question(17)
    assert (question.places, question.stops, question.hour) == (plan.places, plan.stops, 17)
    straight = straight_line_s(distance_m(*plan.places[0], *plan.places[1]))
    assert question.otherwise_s[0] == pytest.approx((0.0, straight, straight, straight), abs=1.0)


def test_a_paused_or_met_time_is_none() -> None:
    met = replace(due_in(5)[0], met_at=NOW)
    reports = known(a_report("a", clocks=due_in(30, ClockState.PAUSED)), a_report("b", clocks=(met,)))
    plan = plan_stops(CREW, jobs_on("a", "b"), reports, NOW)
    assert plan is not None
    assert [one.due_s for one in plan.stops] == [None, None]


def test_where_it_is_at_work_is_where_it_begins() -> None:
    jobs = jobs_on("a") + jobs_on("b", state=AssignmentState.ON_SCENE)
    plan = plan_stops(replace(CREW, lat=None, lon=None), jobs, known(a_report("a"), a_report("b", 5.0)), NOW)
    assert plan is not None
    assert (plan.at_work, plan.begin_s, [one.id for one in plan.stops]) == ("b", JOB_BEGUN_S, ["a"])
    found = plan.by_straight_line()
    assert found[0].arrives_s == pytest.approx(JOB_BEGUN_S + straight_line_s(4_000), rel=0.02)
    assert found[0].travel is None


def test_what_has_no_place_is_named_and_who_has_none_has_no_order() -> None:
    plan = plan_stops(CREW, jobs_on("a", "b", "gone"), known(a_report("a"), a_report("b", None)), NOW)
    assert plan is not None
    assert ([one.id for one in plan.stops], plan.placeless) == (["a"], ("b", "gone"))
    assert plan_stops(replace(CREW, lat=None, lon=None), jobs_on("a"), known(a_report("a")), NOW) is None


def test_very_many_jobs_are_put_in_order_as_far_as_that_can_be() -> None:
    numbers = [str(n) for n in range(MOST_STOPS + 3)]
    plan = plan_stops(CREW, jobs_on(*numbers), known(*(a_report(one) for one in numbers)), NOW)
    assert plan is not None
    assert len(plan.stops) == MOST_STOPS
    assert len(plan.further) == 3
    assert len(plan.by_straight_line()) == MOST_STOPS


def test_a_nearer_stop_comes_first() -> None:
    reports = known(a_report("far", 6.0), a_report("near", 1.0), a_report("between", 3.0))
    plan = plan_stops(CREW, jobs_on("far", "near", "between"), reports, NOW)
    assert plan is not None
    assert [one.id for one in plan.by_straight_line()] == ["near", "between", "far"]


def test_the_basis_is_that_of_all_ways() -> None:
    street, straight = OrderedStop("a", 60, Travel(60, 500)), OrderedStop("b", 60)
    assert basis_of_order([street]) == "by_street"
    assert basis_of_order([straight]) == basis_of_order([]) == "straight_line"
    assert basis_of_order([street, straight]) == "mixed"
