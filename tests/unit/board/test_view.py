"""Views show, order and count exactly what plain loops over the same reports do, also after changes one by one."""

from __future__ import annotations

import functools
import math
import struct
from collections import Counter
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_client.model import Area, Status
from console.board.map_answer import map_answer
from console.board.snapshot import NO_PLACE, BoardSnapshot
from console.board.view import View, make_view
from console.board.waiting import next_waiting
from console.rules.filter import ORDERS, TABS, Circle, Filter
from console.rules.status import ORDER
from console.rules.time_range import BarUnit, TimeRange
from tests.unit.board import naive
from tests.unit.board.naive import ASSIGNED, BREACHED, CODES, ME, MINE, NOW, PROGRESS, VALIDATION, WORDS, ZONE, R

COORDINATION = ORDER.index(Status.COORDINATION)
times = st.sampled_from([NOW - 40 * 86400, NOW - 3 * 86400, NOW - 86400, NOW - 7000, NOW - 3600, NOW - 60, NOW])
dues = st.sampled_from([0, -86400, NOW - 86400, NOW - 1, NOW, NOW + 60, NOW + 3600, NOW + 3601, NOW + 90000])


@functools.cache  # Hypothesis looks at a strategy once, which takes longer than to draw from it
def reports(row: int) -> st.SearchStrategy[R]:
    placed = st.tuples(st.integers(-63_000_000, -61_000_000), st.integers(1_067_000_000, 1_069_000_000))
    return st.builds(
        lambda place, **rest: R(row=row, lat_e7=place[0], lon_e7=place[1], **rest),
        place=placed | st.just((NO_PLACE, NO_PLACE)),
        service=st.integers(0, 3),
        status=st.integers(0, 7),
        hold=st.sampled_from([0, 0, 1]),
        priority=st.integers(1, 4),
        area=st.integers(0, 3),
        agency=st.integers(0, 2),
        lead_unit=st.sampled_from([0, 0, 1, 2]),
        claim=st.sampled_from([0, 0, 1, ME, -1]),
        source=st.sampled_from(sorted(MINE)),
        created=times,
        updated=times,
        due=dues,
        due_state=st.integers(0, 4),
        merged=st.sampled_from([0, 0, 0, 1]),
        moderation=st.sampled_from([0, 1]),
        pending=st.sampled_from([0, 1]),
    )


@functools.cache
def cities_of(count: int) -> st.SearchStrategy[tuple[R, ...]]:
    return st.tuples(*(reports(1000 + at) for at in range(count)))


def cities(least: int = 0, most: int = 14) -> st.SearchStrategy[list[R]]:
    return st.integers(least, most).flatmap(cities_of).map(list)


CONDITIONS: dict[str, list[Any]] = {
    "services": [("flood",), ("road", "none"), ("unheard-of",)],
    "statuses": [("new", "returned"), ("resolved",)],
    "priorities": [(1, 2)],
    "areas": [("31.02",), ("none",)],
    "agencies": [("SDA",)],
    "units": [("u-1",)],
    "holders": [("ana",)],
    "mine": [True],
    "overdue": [True],
    "at_risk": [True],
    "crewless": [True],
    "pending": [True],
    "placeless": [True],
    "moderation": [True],
    "older_s": [3600],
    "younger_s": [86400],
    "hour": [NOW - 3600],
    "bbox": [(106.75, -6.25, 106.85, -6.15)],
}
"""One or two at a time: with more, hardly a report would fit, and nothing would be compared."""

filters = st.builds(
    lambda tab, conditions: Filter(tab=tab, **conditions),
    tab=st.sampled_from(TABS),
    conditions=st.lists(st.sampled_from(list(CONDITIONS)), max_size=2, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: st.sampled_from(CONDITIONS[name]) for name in names})
    ),
)


def fits(one: R, asked: Filter, *, at_any_time: bool = False) -> bool:
    """One report against one filter, field by field."""

    def coded(kind: str, number: int, codes: tuple[str, ...]) -> bool:
        return not codes or CODES[kind].get(number, "none" if number == 0 else "?") in codes

    if not (
        coded("service", one.service, asked.services)
        and coded("area", one.area, asked.areas)
        and coded("agency", one.agency, asked.agencies)
        and coded("unit", one.lead_unit, asked.units)
        and coded("user", one.claim, asked.holders)
    ):
        return False
    if asked.statuses and ORDER[one.status].value not in asked.statuses:
        return False
    if asked.priorities and one.priority not in asked.priorities:
        return False
    if asked.mine and not (one.is_open and not one.merged and one.mine):
        return False
    if (asked.overdue or asked.at_risk) and one.merged:
        return False
    if (asked.overdue and not one.overdue) or (asked.at_risk and not one.at_risk):
        return False
    if asked.crewless and not naive.crewless(one):
        return False
    if (asked.pending and not one.pending) or (asked.placeless and one.placed):
        return False
    if asked.moderation and not one.moderation:
        return False
    if asked.bbox is not None:
        west, south, east, north = asked.bbox
        if not one.placed or not (west <= one.lon_e7 / 1e7 <= east and south <= one.lat_e7 / 1e7 <= north):
            return False
    if at_any_time:
        return True
    age = NOW - one.created
    if asked.older_s is not None and age <= asked.older_s:
        return False
    if asked.younger_s is not None and age > asked.younger_s:
        return False
    return asked.hour is None or asked.hour <= one.created < asked.hour + 3600


def view_of(snapshot: BoardSnapshot, asked: Filter, **more: Any) -> View:
    more.setdefault("under_way", np.array(naive.UNDER_WAY))
    more.setdefault("with_crews", naive.WITH_CREWS)
    return make_view(snapshot, asked, NOW, 7, words=WORDS, me=MINE, zone=ZONE, **more)


@settings(max_examples=150)
@given(city=cities(), asked=filters)
def test_a_view_is_what_a_loop_finds(city: list[R], asked: Filter) -> None:
    view = view_of(BoardSnapshot.build(naive.columns(city)), asked)
    fitting = [one for one in city if fits(one, asked)]
    shown = [one for one in fitting if naive.in_tab(one, asked.tab, narrowed=asked.narrowed)]
    if asked.tab == "closed":
        wanted = sorted(shown, key=lambda one: (-one.created, one.row))
    else:
        wanted = sorted(shown, key=naive.urgency)
    assert view.order.tolist() == [one.row for one in wanted]
    assert view.total == len(city)

    counts = view.counts
    for tab in TABS:
        assert counts.tabs[tab] == sum(naive.in_tab(one, tab, narrowed=asked.narrowed) for one in fitting), tab
    assert (counts.total, counts.placeless) == (len(shown), sum(not one.placed for one in shown))
    assert counts.total_overdue == sum(one.overdue for one in shown)
    any_service = [one for one in city if fits(one, msgspec.structs.replace(asked, services=()))]
    compared = [one for one in any_service if naive.in_tab(one, asked.tab, narrowed=asked.narrowed)]
    open_fitting = [one for one in fitting if one.is_open and not one.merged]
    for split, name, base in ((counts.by_service, "service", compared), (counts.by_area, "area", open_fitting)):
        every = Counter(getattr(one, name) for one in base)
        late = Counter(getattr(one, name) for one in base if one.overdue)
        assert {row[0]: row[1:] for row in map(msgspec.structs.astuple, split)} == {
            number: (count, late[number]) for number, count in every.items()
        }
    by_status = Counter(one.status for one in fitting if not one.merged)
    assert counts.by_status == tuple(by_status[status] for status in range(8))

    board = [one for one in city if one.is_open and not one.merged]
    assert counts.all_open == len(board)
    assert (counts.at_risk, counts.overdue) == (sum(one.at_risk for one in board), sum(one.overdue for one in board))
    for priority in (1, 2, 3, 4):
        waiting = [one.created for one in board if one.unassigned and one.priority == priority]
        assert counts.unassigned[priority] == (len(waiting), min(waiting, default=0))
    hazards = [one.created for one in board if naive.burns(one)]
    assert counts.crewless_hazards == (len(hazards), min(hazards, default=0))
    by_need = sorted((one for one in city if naive.burns(one)), key=lambda one: one.created)
    by_age = {row: one.created for row, one in zip(view.hazards.tolist(), by_need, strict=True)}
    assert by_age == {row: next(one.created for one in city if one.row == row) for row in view.hazards.tolist()}
    shown = [at for at, row in enumerate(view.order.tolist()) if row in by_age]
    assert view.hazard_places.tolist() == shown
    assert view.without_crew([one.row for one in city]) == {one.row for one in city if naive.crewless(one)}


@settings(max_examples=60)
@given(city=cities(), asked=filters)
def test_the_hours_are_those_of_the_citys_clock(city: list[R], asked: Filter) -> None:
    oldest = R(row=999, created=NOW - 60 * 86400, merged=1)  # so that the 28 days before are all known
    city = [*city, R(row=998, merged=1, created=NOW), oldest]
    hours = view_of(BoardSnapshot.build(naive.columns(city)), asked).arrivals
    counted = [one for one in city if fits(one, asked, at_any_time=True)]
    counts, usual = naive.count_hours(counted)
    assert list(hours.counts) == counts
    assert list(hours.usual) == pytest.approx(usual)
    assert (hours.unit, len(hours.starts), hours.until) == (BarUnit.HOUR, 24, 0)
    assert hours.starts[-1] <= NOW < hours.starts[-1] + 3600


def test_usual_is_the_mean_of_the_days_there_are() -> None:
    same_hour = [R(row=1000 + day, created=NOW - day * 86400 - 10) for day in (0, 1, 2, 3)]
    hours = view_of(
        BoardSnapshot.build(naive.columns([*same_hour, R(row=900, created=NOW - 4 * 86400 - 7200)])), Filter()
    ).arrivals
    assert hours.counts[-1] == 1
    assert hours.usual[-1] == pytest.approx(1.0)  # three reports in the three whole days before, not in 28


@settings(max_examples=80)
@given(before=cities(least=1), data=st.data())
def test_changes_one_by_one_lead_to_the_snapshot_built_anew(before: list[R], data: st.DataObject) -> None:
    snapshot = BoardSnapshot.build(naive.columns(before))
    first = _state(snapshot)
    truth = {one.row: one for one in before}
    for _ in range(data.draw(st.integers(1, 4))):
        rows = data.draw(st.sets(st.integers(1000, 1000 + len(before) + 3), max_size=6))
        changed = [data.draw(reports(row)) for row in rows]
        removed = data.draw(st.sets(st.sampled_from(sorted(truth) or [1000]), max_size=2)) - rows
        if data.draw(st.booleans()):  # a snapshot that nobody goes on from must not disturb its siblings
            snapshot.with_rows(naive.columns([R(row=1000 + len(before) + 3, status=5), R(row=1000, status=6)]))
        snapshot = snapshot.with_rows(
            naive.columns(changed), removed=removed, pending=np.array([one.pending for one in changed], np.int8)
        )
        truth.update((one.row, one) for one in changed)
        for row in removed:
            truth.pop(row, None)
    anew = BoardSnapshot.build(naive.columns([truth[row] for row in sorted(truth)]))
    assert _state(snapshot) == _state(anew)
    assert len(snapshot) == len(truth)
    assert _state(BoardSnapshot.build(naive.columns(before))) == first


def _state(snapshot: BoardSnapshot) -> list[object]:
    """All that can be seen of a snapshot."""
    found: list[object] = [snapshot.facts(range(2000))]
    for tab in TABS:
        view = view_of(snapshot, Filter(tab=tab))
        found += [view.order.tolist(), view.counts, view.arrivals, view.trend]
    whole = view_of(snapshot, Filter())
    for zoom in (11, 16):
        answer = map_answer(whole, 106.75, -6.25, 106.95, -6.05, zoom, 1001)
        head = struct.unpack_from("<8I", answer)
        body = [answer[at : at + 16] for at in range(32, len(answer), 16)]
        found += [head, body[: head[2]], sorted(body[head[2] :])]
    return found


@pytest.mark.parametrize("order", ORDERS)
def test_orders(order: str) -> None:
    random = np.random.default_rng(5)
    city = [
        R(
            row=1000 + at,
            priority=int(random.integers(1, 5)),
            created=NOW - int(random.integers(0, 90000)),
            due=NOW + int(random.integers(-5000, 9000)),
            due_state=int(random.integers(0, 5)),
            area=int(random.integers(0, 4)),
        )
        for at in random.permutation(300)
    ]
    by_row = {one.row: one for one in city}
    shown = [
        by_row[row] for row in view_of(BoardSnapshot.build(naive.columns(city)), Filter(order=order)).order.tolist()
    ]
    ranks = {2: 0, 1: 1, 3: 2, 0: 3}  # areas by code: 31.01, 31.02, 32.01, and those without an area last
    keys = {
        "urgency": naive.urgency,
        "newest": lambda one: (-one.created, one.row),
        "due": lambda one: (
            (0, one.due, one.row) if one.ticking else (1 if one.due_state == 2 else 2, one.created, one.row)
        ),
        "priority": lambda one: (one.priority, one.created, one.row),
        "area": lambda one: (ranks[one.area], *naive.urgency(one)[1:]),
    }
    burning = sorted((one for one in city if naive.burns(one)), key=lambda one: (one.created, one.row))
    assert len(burning) > 10  # what burns is never below anything, however the queue is sorted
    assert shown == burning + sorted((one for one in city if not naive.burns(one)), key=keys[order])


def test_orders_stay_right_where_the_key_does_not_fit_one_integer() -> None:
    city = [R(row=1000 + at * 997, created=at * 2**55 % 2**61, priority=1 + at % 4) for at in range(40)]
    view = view_of(BoardSnapshot.build(naive.columns(city[::-1])), Filter(order="priority"))
    wanted = sorted(city, key=lambda one: (one.priority, one.created, one.row))
    assert view.order.tolist() == [one.row for one in wanted]


def test_text_rows_areas_inside_and_shapes() -> None:
    city = [R(row=1000 + at, area=at % 4, lat_e7=-62_000_000 + at * 1000) for at in range(8)]
    snapshot = BoardSnapshot.build(naive.columns(city))
    found = view_of(snapshot, Filter(text="pipe"), text_rows=np.array([1003, 1001, 4242]))
    assert set(found.order.tolist()) == {1001, 1003}
    assert view_of(snapshot, Filter(text="pipe")).counts.tabs["open"] == 0

    areas = {code: Area(code, code, 2, parent="city") for code in ("31.01", "31.02")}
    areas |= {"city": Area("city", "City", 1), "32.01": Area("32.01", "Elsewhere", 2)}
    inside = view_of(snapshot, Filter(areas=("city",)), areas={("city", code): area for code, area in areas.items()})
    assert set(inside.order.tolist()) == {one.row for one in city if one.area in (1, 2)}
    assert len(view_of(snapshot, Filter(areas=("city",))).order) == 0

    triangle = ((-6.2001, 106.79), (-6.2001, 106.81), (-6.19955, 106.80))
    assert set(view_of(snapshot, Filter(polygon=triangle)).order.tolist()) == {1000, 1001, 1002, 1003, 1004}


def test_what_burns_stands_on_top_then_danger_then_time() -> None:
    """A hazard that was taken, or whose crew was only told, burns on; a graffiti that is months late is below it."""
    city = [
        R(row=2001, priority=4, due=NOW - 90 * 86400, due_state=BREACHED),
        R(row=2002, priority=3, status=VALIDATION, due=NOW - 4 * 86400, due_state=BREACHED),
        R(row=2003, priority=2, status=VALIDATION, due=NOW - 4 * 86400, due_state=BREACHED),
        R(row=2004, priority=2, due=NOW + 100, due_state=1),
        R(row=1001, priority=1, status=ASSIGNED, lead_unit=1, due=NOW - 500, due_state=BREACHED),
        R(row=2006, priority=1, status=PROGRESS, created=NOW - 9000),
        R(row=2007, priority=1, claim=ME, created=NOW - 70),
        R(row=2008, priority=1, status=ASSIGNED, lead_unit=1, claim=ME, created=NOW - 80),
        R(row=2009, priority=1, created=NOW - 60, due=NOW + 9000, due_state=1),
        R(row=2010, priority=3, due=0, due_state=2),
        R(row=2011, source=2, priority=1, status=PROGRESS, created=NOW - 75),
    ]
    view = view_of(BoardSnapshot.build(naive.columns(city)), Filter())
    assert view.order.tolist() == [2008, 2011, 2007, 2009, 1001, 2006, 2004, 2003, 2010, 2002, 2001]
    assert view.counts.crewless_hazards == (4, NOW - 80)
    assert view.without_crew([1001, 2006, 2007, 2008, 2009, 2011]) == {2007, 2008, 2009, 2011}, (
        "nobody is there (any more)"
    )


def test_no_hazard_without_a_crew_is_jumped_over() -> None:
    """A P1 was put on hold, and the P1 below it, in coordination, stayed unseen: a new P2 was the next one chosen."""
    city = [
        R(row=2001, priority=1, hold=1, created=NOW - 400),
        R(row=2002, priority=1, status=COORDINATION, claim=1, created=NOW - 300),
        R(row=2003, priority=1, status=ASSIGNED, lead_unit=1, created=NOW - 200),
        R(row=2004, priority=1, status=COORDINATION, created=NOW - 100),
        R(row=2005, priority=2, status=COORDINATION),
        R(row=2006, priority=2),
    ]
    view = view_of(BoardSnapshot.build(naive.columns(city)), Filter())
    assert view.order.tolist()[:4] == [2001, 2002, 2003, 2004]
    assert next_waiting(view, 2001) == 2004, "neither another's, nor one whose crew was told"
    assert next_waiting(view, 2004) == 2006
    assert next_waiting(view, 2005) == 2004, "a P1 above comes before a P2 below"


def test_as_many_closed_reports_as_open_ones_are_in_their_own_order() -> None:
    """What the open ones are (a P1 without a crew, and so the first) was taken for the closed ones in their places."""
    city = [
        R(row=1000, priority=1),
        R(row=1001, status=ORDER.index(Status.CLOSED), updated=NOW, created=NOW - 90),
        R(row=1002, status=ORDER.index(Status.CLOSED), updated=NOW, created=NOW - 60),
        R(row=1003),
    ]
    assert view_of(BoardSnapshot.build(naive.columns(city)), Filter(tab="closed")).order.tolist() == [1002, 1001]


def test_after_a_verdict_the_next_proof_comes_though_another_was_first() -> None:
    """What a colleague had accepted meanwhile was no proof any more, and the full pile was said to be empty."""
    city = [R(row=2001, status=ORDER.index(Status.RESOLVED)), R(row=2002, status=VALIDATION), R(row=2003, priority=1)]
    view = view_of(BoardSnapshot.build(naive.columns(city)), Filter(tab="validate"))
    assert next_waiting(view, 2001, was_validated=True) == 2002


def test_what_waits_above_and_is_more_urgent_comes_before_what_waits_below() -> None:
    """From a report low in the list it went on to a P3 seventy rows below, with three unassigned P2 above."""
    city = [
        R(row=2001, priority=2, created=NOW - 50),
        R(row=2002, priority=2, claim=1, created=NOW - 40),
        R(row=2003, priority=3, created=NOW - 30),
        R(row=2004, priority=3, created=NOW - 20),
        R(row=2005, priority=3, status=VALIDATION),
        R(row=2006, priority=2, status=VALIDATION),
    ]
    view = view_of(BoardSnapshot.build(naive.columns(city)), Filter())
    first, second = (row for row in view.order.tolist() if row in (2003, 2004))
    assert next_waiting(view, first) == 2001
    assert next_waiting(view, 2001) == first, "nobody else's"
    assert next_waiting(view, second) == 2001
    assert next_waiting(view, 2006) == 2005, "a pile is worked off in its order"


def test_the_closed_tab_shows_the_last_day_until_something_is_asked_for() -> None:
    city = [R(row=1001, status=6, updated=NOW - 90000), R(row=1002, status=7, updated=NOW - 80000)]
    snapshot = BoardSnapshot.build(naive.columns(city))
    assert view_of(snapshot, Filter(tab="closed")).order.tolist() == [1002]
    assert len(view_of(snapshot, Filter(tab="closed", services=("flood",))).order) == 2


def _local(unix_s: int) -> datetime:
    return datetime.fromtimestamp(unix_s, ZONE)


RANGES = {
    TimeRange.WEEK: (BarUnit.DAY, 7, "%Y-%m-%d"),
    TimeRange.MONTH: (BarUnit.DAY, 30, "%Y-%m-%d"),
    TimeRange.YEAR: (BarUnit.MONTH, 12, "%Y-%m"),
    TimeRange.ALL: (BarUnit.YEAR, 9, "%Y"),
}


@pytest.mark.parametrize("time_range", RANGES)
@pytest.mark.parametrize("end", [NOW, NOW - 3000 * 86400])
def test_bars_are_those_of_the_citys_calendar_and_end_with_the_data(time_range: TimeRange, end: int) -> None:
    """An export of eight years ago shows its own last days and months instead of an empty present."""
    random = np.random.default_rng(3)
    ages = [0, *(int(age) for age in random.integers(0, 8 * 365 * 86400, 400)), 8 * 365 * 86400]
    ages += [int(age) for age in random.integers(0, 40 * 86400, 200)]
    city = [R(row=1000 + at, created=end - age, status=at % 8) for at, age in enumerate(ages)]
    found = view_of(BoardSnapshot.build(naive.columns(city)), Filter(), time_range=time_range).arrivals
    unit, count, form = RANGES[time_range]
    tally = Counter(f"{_local(one.created):{form}}" for one in city)
    assert (found.unit, len(found.starts)) == (unit, count)
    assert found.until == (0 if end == NOW else end)
    assert found.starts[-1] <= end
    assert list(found.counts) == [tally[f"{_local(start):{form}}"] for start in found.starts]
    if time_range is TimeRange.ALL:
        assert sum(found.counts) == len(city)
        assert found.usual == ()
    elif unit is BarUnit.DAY:
        usual = [
            sum(tally[f"{_local(start - week * 7 * 86400):{form}}"] for week in range(1, 9)) / 8
            for start in found.starts
        ]
        assert list(found.usual) == pytest.approx(usual)
    else:
        earlier = [_local(start) for start in found.starts]
        assert list(found.usual) == [tally[f"{start.year - 1}-{start:%m}"] for start in earlier]


def test_a_young_city_has_no_usual_and_its_whole_time_in_months() -> None:
    city = [R(row=1000 + back, created=NOW - back * 86400) for back in range(70)]
    snapshot = BoardSnapshot.build(naive.columns(city))
    assert view_of(snapshot, Filter(), time_range=TimeRange.YEAR).arrivals.usual == ()
    whole = view_of(snapshot, Filter(), time_range=TimeRange.ALL).arrivals
    assert (whole.unit, sum(whole.counts)) == (BarUnit.MONTH, 70)


def test_a_date_that_cannot_be_stretches_no_chart() -> None:
    city = [R(row=1000, created=-(10**10)), R(row=1001, created=NOW - 60), R(row=1002, created=NOW + 10**9)]
    snapshot = BoardSnapshot.build(naive.columns(city))
    for time_range in TimeRange:
        found = view_of(snapshot, Filter(), time_range=time_range).arrivals
        assert len(found.starts) <= 36
        assert (found.counts[-1], found.until) == (1, 0)


@pytest.mark.parametrize("time_range", TimeRange)
def test_the_share_in_time_covers_at_least_fourteen_days(time_range: TimeRange) -> None:
    city = [R(row=1000 + back, created=NOW - back * 86400, status=6, due_state=3 + back % 2) for back in range(400)]
    trend = view_of(BoardSnapshot.build(naive.columns(city)), Filter(), time_range=time_range).trend
    assert trend is not None
    assert len(trend.starts) == {"24h": 14, "7d": 14, "30d": 30, "1y": 12, "all": 14}[time_range]
    assert trend.shares[-1] is not None


def test_trend_is_the_share_in_time_by_day() -> None:
    yesterday = NOW - 86400
    city = [
        R(row=1001, created=yesterday, due=NOW + 10, due_state=1),
        R(row=1002, created=yesterday, due=NOW - 10, due_state=1),
        R(row=1003, created=yesterday, status=6, due_state=3),
        R(row=1004, created=yesterday, status=6, due_state=4),
        R(row=1005, created=yesterday),
        R(row=1006),
    ]
    view = view_of(BoardSnapshot.build(naive.columns(city)), Filter())
    assert view.trend is not None
    assert (view.trend.unit, len(view.trend.starts)) == (BarUnit.DAY, 14)
    assert view.trend.shares == (*(None,) * 12, pytest.approx(100 / 3), None)
    assert view_of(BoardSnapshot.build(naive.columns(city[4:])), Filter()).trend is None


def test_the_share_in_time_is_told_once_three_quarters_of_the_clocks_have_ended() -> None:
    yesterday = NOW - 86400
    city = [
        R(row=1001, created=yesterday, due=NOW + 10, due_state=naive.RUNNING),
        R(row=1002, created=yesterday, due_state=naive.PAUSED),
        *(R(row=1003 + at, created=yesterday, status=6, due_state=naive.MET) for at in range(5)),
        R(row=1010, created=yesterday, status=6, due_state=naive.BREACHED),
        R(row=1011, due=NOW + 10, due_state=naive.RUNNING),
    ]

    def shares(reports: list[R]) -> tuple[float | None, ...] | None:
        trend = view_of(BoardSnapshot.build(naive.columns(reports)), Filter()).trend
        return trend.shares if trend is not None else None

    assert shares(city) == (*(None,) * 12, pytest.approx(100 * 5 / 6), None)
    assert shares(city[:-3] + city[-2:]) is None
    assert shares(city[-1:]) is None


def test_row_facts_and_positions() -> None:
    view = view_of(
        BoardSnapshot.build(naive.columns([R(row=1001, priority=0), R(row=5, priority=9, claim=-1)])), Filter()
    )
    facts = view.row_facts([5, 77, 1001, -3])
    assert [(fact.row, fact.priority, fact.claim) for fact in facts] == [(5, 4, -1), (1001, 3, 0)]
    assert [view.position_of(row) for row in (*view.order.tolist(), 77)] == [0, 1, -1]


def test_all_conditions_hold_together() -> None:
    city = [R(row=1000 + hours, created=NOW - hours * 3600) for hours in range(8)]
    snapshot = BoardSnapshot.build(naive.columns(city))
    asked = Filter(younger_s=5 * 3600, older_s=3600, created_after=NOW - 7 * 3600, created_before=NOW - 2 * 3600)
    assert sorted(view_of(snapshot, asked).order.tolist()) == [1003, 1004, 1005]
    assert view_of(snapshot, Filter(younger_s=7 * 3600, hour=NOW - 3 * 3600)).order.tolist() == [1003]


def test_the_widest_box_holds_no_report_without_a_place() -> None:
    city = [R(row=1000), R(row=1001, lat_e7=NO_PLACE, lon_e7=NO_PLACE)]
    asked = Filter(bbox=(-360.0, -360.0, 360.0, 360.0))
    assert view_of(BoardSnapshot.build(naive.columns(city)), asked).order.tolist() == [1000]


def test_around_a_place_is_a_circle_on_the_ground() -> None:
    """A degree of longitude is less than one of latitude: at 60 degrees half of it."""
    for lat in (-6.2, 60.17):
        city = [R(row=1000, lat_e7=NO_PLACE, lon_e7=NO_PLACE)]
        for at, (north_m, east_m) in enumerate(((0, 0), (490, 0), (510, 0), (0, 490), (0, 510), (360, 360)), 1001):
            up, across = north_m / 111_195, east_m / 111_195 / math.cos(math.radians(lat))
            city.append(R(row=at, lat_e7=round((lat + up) * 1e7), lon_e7=round((106.8 + across) * 1e7)))
        snapshot = BoardSnapshot.build(naive.columns(city))
        found = view_of(snapshot, Filter(circle=Circle((lat, 106.8), 500)))
        assert set(found.order.tolist()) == {1001, 1002, 1004}
        assert found.counts.tabs["open"] == 3
    assert len(view_of(snapshot, Filter(circle=Circle(None, 500, "Jl. Melati"))).order) == 0, "it was not found"


def test_a_code_of_two_sources() -> None:
    """A bare code names both, a scoped one its own; areas inside one source's area are not those of the other."""
    city = [R(row=1000 + at, service=1 + at % 2, area=1 + at % 2) for at in range(5)]
    snapshot = BoardSnapshot.build(naive.columns(city))
    words = {"service": {1: ("n", "001"), 2: ("s", "001")}, "area": {1: ("n", "in"), 2: ("s", "in")}}
    areas = {(source, "all"): Area("all", "All", 1) for source in "ns"}
    areas |= {(source, "in"): Area("in", "Inside", 2, parent="all") for source in "ns"}

    def found(**asked: Any) -> set[int]:
        view = make_view(snapshot, Filter(**asked), NOW, 7, words=words, areas=areas)
        return {row % 2 for row in view.order.tolist()}

    assert found(services=("001",)) == {0, 1}
    assert found(services=("s:001",)) == found(areas=("s:all",)) == found(areas=("s:in",)) == {1}
    assert found(areas=("all",)) == {0, 1}
    assert found(services=("x:001",)) == set()


def test_a_hold_that_is_over_holds_nothing_and_its_clock_goes_on() -> None:
    """It stayed among the held ones for good, passed by, with its clock paused, though its "4 h" were over."""
    rows = [
        R(row=1001, hold=1, hold_until=NOW - 60, due=NOW - 30, due_state=naive.PAUSED),
        R(row=1002, hold=1, hold_until=NOW + 60, due=NOW + 90, due_state=naive.PAUSED),
        R(row=1003, hold=2),
        R(row=1004, hold=1, hold_until=NOW, due_state=naive.PAUSED),
    ]
    before = BoardSnapshot.build(naive.columns(rows))
    now = before.at(NOW)
    view = make_view(now, Filter(), NOW, 1)
    assert (view.counts.tabs["held"], view.counts.overdue) == (2, 1)
    assert [(fact.hold, fact.due_state) for fact in now.facts([1001, 1002, 1003, 1004])] == [
        (0, naive.RUNNING),
        (1, naive.PAUSED),
        (2, 0),
        (0, naive.PAUSED),  # when it will be due is not known
    ]
    assert next_waiting(make_view(before, Filter(), NOW, 1), 1003) == 0
    assert {next_waiting(view, 1003), next_waiting(view, 1004)} == {1001, 1004}
    assert before.facts([1001])[0].hold == 1, "a snapshot never changes"
    assert now.at(NOW) is now
    assert now.ended_after(NOW).tolist() == []
    assert now.ended_after(NOW - 30).tolist() == [1004], "the clock was put right: it is read again"
