"""The drives of crews, as the histories in the cache tell them: from where to where, when, and how long.

Nobody keeps where a crew was when it set out: it is taken to come from the report at which it was last, when it left
that one within the hour. What was told late, or cannot be, is left out, and counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo

import msgspec

from api_client.model import AssignmentState, Entry
from console.city_map.messages import LatLon
from console.city_map.speed_fit import Drive
from console.city_map.speeds import hour_of_week
from console.rules.distance import distance_m

FROM_UNKNOWN = "nobody knows where the crew came from"
PLACE_UNKNOWN = "the report's place is not known exactly"
LATE = "told late"
BETWEEN = "on the way to another report as well"
NO_TIME, TOO_LONG, TOO_SHORT = "took no time, or less", "took more than two hours", "less than 300 m"
_CAME_WITHIN_S = 3_600.0
_LEAST_S, _MOST_S, _LEAST_M = 45.0, 7_200.0, 300.0
_GONE = (AssignmentState.DONE, AssignmentState.REFUSED, AssignmentState.RECALLED)


class CrewDrives(msgspec.Struct, frozen=True):
    """The drives, the newest first, between the first and the last of them; why others were left out."""

    drives: tuple[Drive, ...]
    left_out: Mapping[str, int]
    first: datetime | None = None
    last: datetime | None = None


class _Step(msgspec.Struct, frozen=True):
    """A crew told a state of its job on a report."""

    at: datetime
    report: str
    state: AssignmentState
    late: bool


def drives_of(entries: Iterable[Entry], places: Mapping[str, LatLon], zone: tzinfo) -> CrewDrives:
    """The drives that progress entries of one city tell of; `places` are those of reports that are known exactly."""
    by_unit: defaultdict[str, list[_Step]] = defaultdict(list)
    for entry in entries:
        unit, state = entry.unit or entry.data.get("unit"), entry.data.get("state")
        if entry.report is None or entry.undone_by is not None or not isinstance(unit, str):
            continue
        if isinstance(state, str) and state in AssignmentState.__members__.values():
            at = entry.occurred_at if entry.late and entry.occurred_at is not None else entry.at
            by_unit[unit].append(_Step(at, entry.report, AssignmentState(state), entry.late))
    left_out: Counter[str] = Counter()
    found: list[tuple[datetime, Drive]] = []
    for steps in by_unit.values():
        steps.sort(key=lambda one: one.at)
        found += _of_unit(steps, places, zone, left_out)
    found.sort(key=lambda pair: pair[0], reverse=True)
    if not found:
        return CrewDrives((), left_out)
    return CrewDrives(tuple(drive for _, drive in found), left_out, found[-1][0], found[0][0])


def _of_unit(
    steps: list[_Step], places: Mapping[str, LatLon], zone: tzinfo, left_out: Counter[str]
) -> list[tuple[datetime, Drive]]:
    found = []
    was_at: tuple[str, datetime] | None = None
    going: tuple[_Step, tuple[str, datetime] | None] | None = None
    for step in steps:
        if step.state is AssignmentState.EN_ROUTE:
            going = step, was_at
        elif step.state is AssignmentState.ON_SCENE:
            if going is not None and going[0].report == step.report:
                drive = _drive(going[0], step, going[1], places, zone)
                if isinstance(drive, Drive):
                    found.append((going[0].at, drive))
                else:
                    left_out[drive] += 1
            elif going is not None:
                left_out[BETWEEN] += 1
            going, was_at = None, (step.report, step.at)
        elif step.state in _GONE:
            if was_at is not None and was_at[0] == step.report:
                was_at = step.report, step.at
            if going is not None and going[0].report == step.report:  # it never arrived, wherever it is now
                going = was_at = None
    return found


def _drive(
    begun: _Step, ended: _Step, was_at: tuple[str, datetime] | None, places: Mapping[str, LatLon], zone: tzinfo
) -> Drive | str:
    """A drive, or why it is none."""
    seconds = (ended.at - begun.at).total_seconds()
    # protects: times-told-late-are-no-drives
    if begun.late or ended.late:
        return LATE
    if seconds < _LEAST_S:
        return NO_TIME
    if seconds > _MOST_S:
        return TOO_LONG
    if was_at is None or not 0 <= (begun.at - was_at[1]).total_seconds() <= _CAME_WITHIN_S:
        return FROM_UNKNOWN
    start, goal = places.get(was_at[0]), places.get(ended.report)
    if start is None or goal is None:
        return PLACE_UNKNOWN
    if distance_m(*start, *goal) < _LEAST_M:
        return TOO_SHORT
    return Drive(start, goal, hour_of_week(begun.at.astimezone(zone)), seconds)
