"""What histories tell of the drives of crews, and what is no drive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api_client.model import Entry, Kind
from console.cache.drives import (
    BETWEEN,
    FROM_UNKNOWN,
    LATE,
    NO_TIME,
    PLACE_UNKNOWN,
    TOO_LONG,
    TOO_SHORT,
    CrewDrives,
    drives_of,
)

JAKARTA = ZoneInfo("Asia/Jakarta")
MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
"""8 h in Jakarta."""
PLACES = {"a": (-6.20, 106.80), "b": (-6.22, 106.82), "c": (-6.201, 106.801), "d": (-6.25, 106.85)}


def step(minute: float, report: str, state: str, unit: str = "u1", **more: Any) -> Entry:
    at = MONDAY + timedelta(minutes=minute)
    key = f"{unit} {minute} {report} {state}"
    return Entry(key, report, Kind.PROGRESS, at, unit, data={"unit": unit, "state": state}, **more)


def told(*steps: Entry) -> CrewDrives:
    return drives_of(steps, PLACES, JAKARTA)


def at_a() -> list[Entry]:
    """The crew was at a until minute 20."""
    return [step(0, "a", "on_scene"), step(20, "a", "done")]


def test_a_drive_goes_from_the_report_that_was_left_to_the_next() -> None:
    found = told(*at_a(), step(30, "b", "acknowledged"), step(31, "b", "en_route"), step(42, "b", "on_scene"))
    (drive,) = found.drives
    assert (drive.start, drive.goal, drive.hour, drive.seconds) == (PLACES["a"], PLACES["b"], 8, 660.0)
    assert (found.left_out, found.first, found.last) == ({}, MONDAY + timedelta(minutes=31), found.first)


def test_one_drive_begins_where_the_one_before_has_ended_and_the_newest_stands_first() -> None:
    steps = [*at_a(), step(31, "b", "en_route"), step(42, "b", "on_scene"), step(50, "b", "done")]
    found = told(*reversed([*steps, step(60, "d", "en_route"), step(80, "d", "on_scene")]))
    assert [(one.start, one.goal, one.seconds) for one in found.drives] == [
        (PLACES["b"], PLACES["d"], 1_200.0), (PLACES["a"], PLACES["b"], 660.0)
    ]  # fmt: skip
    assert found.drives[0].hour == 9


def test_crews_do_not_drive_for_one_another() -> None:
    assert told(*at_a(), step(31, "b", "en_route", "u2"), step(42, "b", "on_scene", "u2")).left_out == {FROM_UNKNOWN: 1}
    assert told(*at_a(), step(31, "b", "en_route"), step(42, "b", "on_scene", "u2")).drives == ()


GARBAGE: dict[str, tuple[Sequence[Entry], str]] = {
    "nobody knows from where": ([step(31, "b", "en_route"), step(42, "b", "on_scene")], FROM_UNKNOWN),
    "long after": ([*at_a(), step(90, "b", "en_route"), step(99, "b", "on_scene")], FROM_UNKNOWN),
    "no time": ([*at_a(), step(31, "b", "en_route"), step(31, "b", "on_scene")], NO_TIME),
    "a moment": ([*at_a(), step(31, "b", "en_route"), step(31.5, "b", "on_scene")], NO_TIME),
    "hours": ([*at_a(), step(31, "b", "en_route"), step(200, "b", "on_scene")], TOO_LONG),
    "begun late": ([*at_a(), step(31, "b", "en_route", late=True), step(42, "b", "on_scene")], LATE),
    "ended late": ([*at_a(), step(31, "b", "en_route"), step(42, "b", "on_scene", late=True)], LATE),
    "two at once": (
        [*at_a(), step(31, "b", "en_route"), step(33, "d", "en_route"), step(42, "b", "on_scene")],
        BETWEEN,
    ),
    "next door": ([*at_a(), step(31, "c", "en_route"), step(42, "c", "on_scene")], TOO_SHORT),
    "nowhere": ([*at_a(), step(31, "x", "en_route"), step(42, "x", "on_scene")], PLACE_UNKNOWN),
}


@pytest.mark.parametrize(("steps", "why"), GARBAGE.values(), ids=list(GARBAGE))
def test_what_is_no_drive_is_counted(steps: Sequence[Entry], why: str) -> None:
    found = told(*steps)
    assert (found.drives, found.left_out) == ((), {why: 1})


def test_a_clock_that_jumped_back_makes_no_drive() -> None:
    assert told(*at_a(), step(42, "b", "en_route"), step(31, "b", "on_scene")).drives == ()


def test_a_crew_that_never_arrived_may_be_anywhere() -> None:
    refused = [*at_a(), step(25, "b", "en_route"), step(30, "b", "refused")]
    assert told(*refused, step(31, "d", "en_route"), step(50, "d", "on_scene")).left_out == {FROM_UNKNOWN: 1}


def test_what_was_undone_and_what_is_no_state_is_passed_over() -> None:
    wrong = [
        step(31, "b", "en_route", undone_by="x"),
        step(32, "b", "flying"),
        Entry("n", None, "progress", MONDAY, "u"),
    ]
    wrong.append(Entry("m", "b", "progress", MONDAY, "u", data={"unit": 3, "state": ["on_scene"]}))
    assert told(*at_a(), *wrong, step(42, "b", "on_scene")) == CrewDrives((), {})
