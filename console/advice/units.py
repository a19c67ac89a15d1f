"""Which units to recommend for a report, with reasons: the nearest able ones, their work considered.

A unit is eligible when it can be given work, has every skill that the category needs and works in the report's area (or
may leave its own). Eligible units are ranked by the time until they could be there: by street where the caller knows
it, else straight line x 1.4 at city speed, after the jobs they have, plus a penalty for a position that is older than
10 minutes, plus the time that they would have to stay past the end of their shift: half an hour before all shifts end
somebody must still be sent, plus three minutes for a unit of another agency than the one in charge. Units without a
known position come last. Ties go to the least work, then to the longest idle. For a P1 whoever has work on another P1
comes after all who have not: nobody is left waiting there for a crew that was thought to come. Work that a unit has not
begun, and that is no P1, it leaves for a P1, which stands on top of its crew's list. Work that it has begun, and that
is no P1, it can be told to leave: its place is that of a unit that finishes first, so below who is free unless it is
much nearer, and the time that is told is that without the work.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from api_client.model import Area, Assignment, AssignmentState, Report, Service, Unit, UnitState
from console.city_map.messages import Travel
from console.rules.distance import distance_m
from console.rules.report import HAZARD
from console.rules.status import ENDED_ASSIGNMENT

Basis = Literal["by_street", "straight_line", "mixed"]
"""How times and distances were found: all by street, all by straight line, some of them."""

DETOUR = 1.4
SPEED_M_S = 22 / 3.6
OLD_POSITION_S, STALE_POSITION_S = 600, 1800
JOB_S, JOB_BEGUN_S = 1800, 900
"""What a job ahead takes: one not begun, and the rest of one that the unit is on."""

REFUSED_S = 3600
"""For how long what a unit has refused counts against it."""

FOREIGN_S = 180
"""A unit of another agency is to be so much sooner than one of the agency in charge: its own matters may need it."""

WORK_S = 900
"""A unit should have this long left of its shift on arrival; what lacks counts as time until it could be there."""

_MOST_PENALTY_S = 3600
_MOST_ON_BREAK = 2
_ASSIGNABLE = frozenset({UnitState.AVAILABLE, UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE})
_BEGUN = frozenset({AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE})
_AWAY = {UnitState.BREAK: "on break", UnitState.UNAVAILABLE: "unavailable", UnitState.OFF_SHIFT: "off shift"}


class Advice(msgspec.Struct, frozen=True):
    """One unit that could go. `eta_s` includes the jobs ahead; it and `distance_m` are None without both places.

    `jobs` are all unfinished ones, `ahead` those of them that come before this report. `leaves` are those it has begun
    and would be diverted from, as this is a P1 and none of its jobs is: `eta_s` is without them. `refused_other` says
    that it has lately refused another report, `by_street` that `eta_s` and `distance_m` are those of the way, and not
    of a straight line.
    """

    unit_id: str
    code: str
    eta_s: int | None
    distance_m: int | None
    reasons: tuple[str, ...]
    stale: bool
    jobs: int
    ahead: int
    leaves: tuple[Assignment, ...] = ()
    refused_other: bool = False
    by_street: bool = False


class RefusedJob(msgspec.Struct, frozen=True):
    """That a unit has refused another report: which, when, and its crew's reason."""

    report: str
    at: datetime
    why: str = ""


class Recommendation(msgspec.Struct, frozen=True):
    """The best units first; `why_none` is a sentence when there are none. `basis` says how distances were found.

    `on_break` are the codes of the nearest units that could do it and are on a break, for a P1 that no unit could go to
    without finishing or leaving other work: somebody may call them from it.
    """

    units: tuple[Advice, ...]
    why_none: str = ""
    basis: Basis = "straight_line"
    on_break: tuple[str, ...] = ()


def recommend(
    report: Report,
    units: Iterable[Unit],
    assignments: Iterable[Assignment],
    now: datetime,
    *,
    service: Service | None = None,
    areas: Mapping[str, Area] | None = None,
    called_back: Collection[str] = (),
    refused: Collection[str] = (),
    refused_other: Mapping[str, RefusedJob] = {},
    returned: Collection[str] = (),
    hazards: Collection[str] = (),
    travel: Mapping[str, Travel] = {},
    most: int | None = 3,
) -> Recommendation:
    """Recommend up to `most` (None: all) of `units` (those already on the report left out by the caller).

    `assignments` are the units' unfinished jobs; `areas` are needed to know that an area lies inside a unit's zone.
    `called_back` are the units that drive where nobody has sent them, and are to be told so before all else, `refused`
    those that have refused this report: they come last. `refused_other` is what units have lately refused instead: they
    come after all others, as what kept them may keep them again, and say so. `returned` are those whose proof of this
    report was returned: who sends them again shall know it. `hazards` are the ids of the open P1
    reports. `travel` is how far units are by street, by their ids, as far as it is known. A unit may leave its zone for
    P1 and P2, and for anything when no unit of the zone is able.
    """
    needed = service.skills if service else ()
    charge = report.agency or (service.agency if service else None)
    jobs = _jobs(assignments)
    zone = _zone(report.area, areas or {})
    units = tuple(units)
    cut_off = all(travel[unit.id].closed for unit in units if unit.id in travel and not _why_not(unit, needed))
    able: list[tuple[Unit, Advice, tuple[float, ...]]] = []
    against: Counter[str] = Counter()
    on_break: list[tuple[float, str]] = []
    for unit in units:
        stack = jobs.get(unit.id, [])
        way = travel.get(unit.id)
        reach = _reach(report, unit) if way is None else way.metres
        ahead = _ahead(report, stack, hazards)
        drive_s = way.seconds if way is not None else None if reach is None else straight_line_s(reach)
        eta_s = None if drive_s is None else _ahead_s(ahead, now) + drive_s
        why_not = _why_not(unit, needed) or ("to be called back by radio" if unit.id in called_back else "")
        if why_not:
            against[why_not] += 1
            if why_not == _AWAY[UnitState.BREAK]:
                on_break.append((math.inf if drive_s is None else drive_s, unit.code))
            continue
        bound = any(one.report in hazards for one in stack)
        leaves = () if bound else begun_for(report, stack)
        told_s = drive_s if leaves else eta_s
        is_foreign = None not in (charge, unit.agency) and unit.agency != charge
        at_home = not unit.areas or not zone or not zone.isdisjoint(unit.areas)
        age_s = _position_age_s(unit, now)
        overtime_s = _overtime_s(unit, eta_s or 0.0, now)
        advice = Advice(
            unit_id=unit.id,
            code=unit.code,
            eta_s=None if told_s is None else round(told_s),
            distance_m=None if reach is None else round(reach),
            reasons=tuple(
                _reasons(
                    unit,
                    needed,
                    len(stack),
                    len(ahead),
                    bool(leaves),
                    age_s,
                    now,
                    overtime_s,
                    in_zone=bool(unit.areas and zone) and at_home,
                    away=not at_home,
                    foreign=is_foreign,
                    refused=unit.id in refused,
                    refused_other=refused_other.get(unit.id),
                    returned=unit.id in returned,
                    bound=bound,
                    closed=way is not None and way.closed > 0,
                    cut_off=cut_off,
                )
            ),
            stale=age_s > STALE_POSITION_S,
            jobs=len(stack),
            ahead=len(ahead),
            leaves=leaves,
            refused_other=unit.id in refused_other and unit.id not in refused,
            by_street=way is not None,
        )
        idle_s = (now - unit.state_since).total_seconds() if unit.state is UnitState.AVAILABLE else 0.0
        penalty_s = min(max(0.0, age_s - OLD_POSITION_S), _MOST_PENALTY_S)
        foreign_s = FOREIGN_S if is_foreign else 0.0
        late = math.inf if eta_s is None else eta_s + penalty_s + overtime_s + foreign_s
        elsewhere = not at_home and report.priority > 2
        bound_elsewhere = bound and report.priority == HAZARD
        kept = unit.id in refused_other
        rank = (elsewhere, unit.id in refused, kept, bound_elsewhere, late, overtime_s, len(stack), -idle_s)
        able.append((unit, advice, rank))
    if report.priority > 2 and any(not rank[0] for _, _, rank in able):
        able = [one for one in able if not one[2][0]]
    able.sort(key=lambda one: (*one[2], one[0].code))
    found = tuple(advice for _, advice, _ in able[:most])
    why_none = "" if found else _why_none(needed, against)
    if report.priority != HAZARD or any(not (one.ahead or rank[1] or rank[2]) for _, one, rank in able):
        on_break = []
    called = tuple(code for _, code in sorted(on_break)[:_MOST_ON_BREAK])
    return Recommendation(found, why_none, basis_of(found), called)


def basis_of(able: Iterable[Advice]) -> Basis:
    """How the times of these units were found; those without a time do not count."""
    ways = {one.by_street for one in able if one.eta_s is not None}
    return "mixed" if len(ways) > 1 else "by_street" if True in ways else "straight_line"


def straight_line_s(metres: float) -> float:
    """The seconds that a unit needs for so many metres as the crow flies: with the usual detour, at city speed."""
    return metres * DETOUR / SPEED_M_S


def _jobs(assignments: Iterable[Assignment]) -> dict[str, list[Assignment]]:
    found: dict[str, list[Assignment]] = {}
    for one in assignments:
        if one.state not in ENDED_ASSIGNMENT:
            found.setdefault(one.unit, []).append(one)
    return found


def _zone(area: str | None, areas: Mapping[str, Area]) -> set[str]:
    """The area and everything that it lies in."""
    zone: set[str] = set()
    while area is not None and area not in zone:
        zone.add(area)
        known = areas.get(area)
        area = known.parent if known else None
    return zone


def _reach(report: Report, unit: Unit) -> float | None:
    """Metres between a report and a unit as the crow flies."""
    if report.lat is None or report.lon is None or unit.lat is None or unit.lon is None:
        return None
    return distance_m(unit.lat, unit.lon, report.lat, report.lon)


def _ahead(report: Report, stack: Sequence[Assignment], hazards: Collection[str]) -> list[Assignment]:
    """The jobs that a unit does before this one: all; before a P1 only those that are begun, or are P1 themselves."""
    if report.priority != HAZARD:
        return list(stack)
    return [one for one in stack if one.state in _BEGUN or one.report in hazards]


def begun_for(report: Report, jobs: Iterable[Assignment]) -> tuple[Assignment, ...]:
    """Of a unit's unfinished jobs those on other reports that it has begun, and that it can be told to leave for this
    one if none is a P1 and this is one; () for a report that is no P1.
    """
    if report.priority != HAZARD:
        return ()
    return tuple(one for one in jobs if one.state in _BEGUN and one.report != report.id)


def best(able: Sequence[Advice], most: int) -> tuple[Advice, ...]:
    """The first units; a unit that would be diverted or has refused another report, and is sooner there than the first,
    has the last place at least.

    Where many are free the nearest crew is not hidden behind them: what kept it from the other report may not keep it
    from this one, which its reason tells. By a stale position nobody knows that it is the nearest.
    """
    first = tuple(able[:most])
    # protects: nearest-crew-is-not-hidden
    if len(first) < most or any(one.leaves or one.refused_other for one in first):
        return first
    further = [one for one in able[most:] if (one.leaves or one.refused_other) and not one.stale]
    sooner = [one for one in further if is_sooner(one, first[0])]
    return (*first[:-1], sooner[0]) if sooner else first


def is_sooner(one: Advice, other: Advice) -> bool:
    """Whether a unit is sooner there than another; not when that is not known."""
    return one.eta_s is not None and other.eta_s is not None and one.eta_s < other.eta_s


def _ahead_s(stack: Sequence[Assignment], now: datetime) -> float:
    """Seconds until a unit has finished what it has; of a job on scene the time already spent there counts."""
    total = 0.0
    for one in stack:
        if one.state is AssignmentState.ON_SCENE:
            total += max(JOB_BEGUN_S / 3, JOB_S - max(0.0, (now - one.since).total_seconds()))
        else:
            total += JOB_S
    return total


def _position_age_s(unit: Unit, now: datetime) -> float:
    if unit.lat is None or unit.position_at is None:
        return math.inf
    return max(0.0, (now - unit.position_at).total_seconds())


def _overtime_s(unit: Unit, eta_s: float, now: datetime) -> float:
    """Seconds that a unit would have to stay past the end of its shift to get there and begin, 0 when it need not."""
    if unit.shift_end is None:
        return 0.0
    return max(0.0, eta_s + WORK_S - (unit.shift_end - now).total_seconds())


def _why_not(unit: Unit, needed: Sequence[str]) -> str:
    missing = [skill for skill in needed if skill not in unit.skills]
    if missing:
        return "skills"
    if unit.state not in _ASSIGNABLE:
        return _AWAY[unit.state]
    return ""


def _reasons(
    unit: Unit,
    needed: Sequence[str],
    jobs: int,
    ahead: int,
    leaves: bool,
    age_s: float,
    now: datetime,
    overtime_s: float,
    *,
    in_zone: bool,
    away: bool,
    foreign: bool,
    refused: bool,
    refused_other: RefusedJob | None,
    returned: bool,
    bound: bool,
    closed: bool,
    cut_off: bool,
) -> Iterable[str]:
    left_s = math.inf if unit.shift_end is None else (unit.shift_end - now).total_seconds()
    if refused:
        yield "has refused this report"
    elif refused_other is not None:
        ago = _span((now - refused_other.at).total_seconds())
        why = f": {refused_other.why}" if refused_other.why else ""
        yield f"refused {refused_other.report} {ago} ago{why}"
    if returned:
        yield "its proof was returned"
    if bound:
        yield "on another P1"
    if closed and not cut_off:
        yield "only by a closed street"
    if math.isinf(age_s):  # before what may be cut in a narrow row: the time beside it rests on that
        yield "position unknown"
    elif age_s > OLD_POSITION_S:
        yield f"position {_span(age_s)} old"
    if overtime_s:  # first: it is what the unit is told before anything else
        yield f"shift ends in {_span(left_s)}" if left_s > 0 else f"shift ended {_span(-left_s)} ago"
    yield from needed
    if leaves:
        pass  # which work that is, the reader of the reports says
    elif ahead or not jobs:
        yield "no job" if not jobs else "1 job ahead" if ahead == 1 else f"{ahead} jobs ahead"
    else:
        yield "1 job can wait" if jobs == 1 else f"{jobs} jobs can wait"
    if foreign:
        yield "other agency"
    if away:
        yield "other zone allowed"
    if in_zone:
        yield "in zone"
    if not overtime_s and left_s < 2.5 * 3600:
        yield f"{_span(left_s)} of shift left"
    if closed and cut_off:  # last, as it is so of every unit and sets none apart
        yield "only by a closed street"


def _span(seconds: float) -> str:
    return f"{round(seconds / 60)} min" if seconds < 3000 else f"{round(seconds / 3600)} h"


def _why_none(needed: Sequence[str], against: Counter[str]) -> str:
    able = against.total() - against["skills"]
    skilled = f"unit with {', '.join(needed)}" if needed else "unit"
    if not against.total():
        return "No unit is known."
    if not able:
        return f"No unit has what this needs: {', '.join(needed)}."
    why = ", ".join(f"{number} {word}" for word, number in against.most_common() if word != "skills")
    return f"No {skilled} can be given work now: {why}."
