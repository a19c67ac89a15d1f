"""The clocks of a report from its history, with pauses, reopening, and working hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api_client.model import Calendar, Clock, ClockState, Entry, Hold, Report, Sla, Status, WaitsFor
from console.rules.sla import after_working, begun, clocks, due_next, working_seconds

T0 = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # Monday, 9:00 in Jakarta
SLA = Sla(first_response_s=6 * 3600, finish_s=7 * 86400, validation_s=24 * 3600)
OFFICE = Calendar("office", "Asia/Jakarta", ((480, 960),) * 5 + (None, None), holidays=("2026-03-03",))


def hours(n: float) -> datetime:
    return T0 + timedelta(hours=n)


def report(status: Status, **more: Any) -> Report:
    return Report("1", 1, status, "s", 3, "", T0, more.pop("updated", T0), **more)


def entry(at: float, undone: bool = False, **data: Any) -> Entry:
    kind = "set" if "hold" in data else "dispatch"
    return Entry(f"e{at}", "1", kind, hours(at), "x", data=data, undone_by="u" if undone else None)


def by_name(found: tuple[Clock, ...]) -> dict[str, Clock]:
    return {clock.name: clock for clock in found}


def test_a_new_report_runs_two_clocks_and_the_first_is_due_first() -> None:
    found = clocks(report(Status.NEW), (), SLA, None, hours(1))
    assert [(c.name, c.state, c.due) for c in found] == [
        ("first_response", ClockState.RUNNING, hours(6)),
        ("finish", ClockState.RUNNING, hours(168)),
    ]
    assert due_next(found) == found[0]
    assert clocks(report(Status.NEW), (), SLA, None, hours(7))[0].state is ClockState.BREACHED
    assert clocks(report(Status.NEW), (), None, None, hours(7)) == ()


def test_each_clock_stops_at_its_own_moment() -> None:
    history = [entry(8, status="assigned"), entry(20, status="validation"), entry(50, status="resolved")]
    found = by_name(clocks(report(Status.RESOLVED), history, SLA, None, hours(60)))
    assert (found["first_response"].state, found["first_response"].met_at) == (ClockState.BREACHED, hours(8))
    assert (found["finish"].state, found["finish"].met_at) == (ClockState.MET, hours(20))
    assert (found["validation"].state, found["validation"].started) == (ClockState.BREACHED, hours(20))


def test_a_hold_for_the_weather_pauses_and_one_for_material_does_not() -> None:
    rain = {"reason": "rain", "waits_for": "weather"}
    history = [entry(1, status="assigned"), entry(10, hold=rain), entry(30, hold=None)]
    held = report(Status.ASSIGNED, hold=Hold("rain", WaitsFor.WEATHER))
    paused = by_name(clocks(held, history[:2], SLA, None, hours(20)))["finish"]
    assert (paused.state, paused.due, paused.left_s) == (ClockState.PAUSED, None, 158 * 3600)
    assert by_name(clocks(report(Status.ASSIGNED), history, SLA, None, hours(40)))["finish"].due == hours(188)
    material = [entry(10, hold={"reason": "sand", "waits_for": "material"})]
    running = report(Status.NEW, hold=Hold("sand", WaitsFor.MATERIAL))
    assert by_name(clocks(running, material, SLA, None, hours(20)))["finish"].due == hours(168)


def test_refused_proof_goes_on_and_reopening_begins_again_with_the_first_result_kept() -> None:
    refused = [entry(1, status="assigned"), entry(20, status="validation"), entry(30, status="returned")]
    finish = by_name(clocks(report(Status.RETURNED), refused, SLA, None, hours(31)))["finish"]
    assert (finish.state, finish.due) == (ClockState.RUNNING, hours(178))  # the validator's ten hours do not count
    reopened = [entry(1, status="assigned"), entry(20, status="closed"), entry(100, status="returned")]
    found = [c for c in clocks(report(Status.RETURNED), reopened, SLA, None, hours(101)) if c.name == "finish"]
    assert [(c.state, c.started, c.due) for c in found] == [
        (ClockState.MET, T0, hours(168)),
        (ClockState.RUNNING, hours(100), hours(268)),
    ]


def test_what_was_taken_back_does_not_count_and_the_reports_own_word_does() -> None:
    undone = [entry(1, undone=True, status="assigned")]
    assert by_name(clocks(report(Status.NEW), undone, SLA, None, hours(2)))["first_response"].met_at is None
    loaded = report(Status.RESOLVED, closed_at=hours(3), updated=hours(50))
    assert by_name(clocks(loaded, (), SLA, None, hours(60)))["finish"].met_at == hours(3)


def test_facts_entered_late_count_from_when_they_happened() -> None:
    late = Entry("e", "1", "progress", hours(9), "x", occurred_at=hours(5), late=True, data={"status": "progress"})
    assert (
        by_name(clocks(report(Status.PROGRESS), [late], SLA, None, hours(10)))["first_response"].state is ClockState.MET
    )


@pytest.mark.parametrize(
    ("start_h", "seconds", "due_h"),
    [
        (0, 3600, 1),  # within the day
        (0, 8 * 3600, 48),  # 9:00 to 16:00, then Wednesday's first hour: Tuesday is a holiday
        (-3, 60, -1 + 1 / 60),  # before the doors open
        (103, 3600, 168),  # Friday 16:00: Monday 9:00
    ],
)
def test_working_hours_with_a_holiday_and_a_weekend(start_h: float, seconds: int, due_h: float) -> None:
    due = after_working(hours(start_h), seconds, OFFICE)
    assert due == hours(due_h)
    assert working_seconds(hours(start_h), due, OFFICE) == seconds


def test_a_calendar_that_never_opens_has_no_due_time() -> None:
    never = Calendar("never", "Asia/Jakarta", (None,) * 7)
    assert after_working(T0, 60, never) is None
    assert clocks(report(Status.NEW), (), SLA, never, hours(9999))[0].state is ClockState.RUNNING


def test_the_clocks_run_from_the_first_report_of_the_same_thing() -> None:
    """Merged into a later report, the earlier one's time would be given to the crews once more."""
    found = clocks(report(Status.NEW), (), SLA, None, hours(1), first=hours(-5))
    assert [(c.name, c.state, c.due) for c in found] == [
        ("first_response", ClockState.RUNNING, hours(1)),
        ("finish", ClockState.RUNNING, hours(163)),
    ]
    shown = report(Status.NEW, clocks=found)
    assert begun(shown) == hours(-5)
    assert clocks(report(Status.NEW), (), SLA, None, hours(1), first=hours(3)) == clocks(
        report(Status.NEW), (), SLA, None, hours(1)
    )
    assert begun(report(Status.NEW)) == T0
