"""Speeds that were planted are found again in the times that crews took, however much garbage stands among them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from datetime import date

import pytest

from console.city_map.manifest import STREETS
from console.city_map.map_folder import current_map
from console.city_map.router import Router
from console.city_map.speed_fit import ENOUGH, NO_WAY, UNLIKELY, Drive, FittedSpeeds, fit_speeds
from console.city_map.speeds import parse_speeds
from tests.helpers.built_town import build_town
from tests.helpers.osm_town import Town

SOUTH, WEST, STEP, SIDE = -6.30, 106.75, 0.003, 24
TUESDAY, SATURDAY = 24, 5 * 24
QUIET = {"primary": 27.0, "tertiary": 20.0, "local": 13.0}
RUSH = {"primary": 15.0, "tertiary": 13.0, "local": 12.0}


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Router:
    """Streets from west to east are main ones, every third a primary road; those from south to north are local."""
    town, profile = Town(), tmp_path_factory.mktemp("profile")
    nodes = [[town.node(SOUTH + y * STEP, WEST + x * STEP) for x in range(SIDE)] for y in range(SIDE)]
    for number in range(SIDE):
        town.road(nodes[number], f"Jalan {number}", "primary" if number % 3 == 0 else "tertiary")
        town.road([row[number] for row in nodes], f"Gang {number}")
    build_town(profile, town)
    folder = current_map(profile)
    assert folder is not None
    return Router(folder / STREETS)


def speeds_at(hour: int) -> Mapping[str, float]:
    """What was planted: slow on main roads on workdays at 17 h."""
    return RUSH if hour < SATURDAY and hour % 24 == 17 else QUIET


def driven(
    router: Router, count: int, hours: list[int], garbage: Callable[[random.Random], float] | None = None, seed: int = 1
) -> list[Drive]:
    """Drives between places anywhere, some of them (15 of 100) of whatever time `garbage` says."""
    rnd, drives = random.Random(seed), list[Drive]()
    while len(drives) < count:
        start, goal = ((SOUTH + rnd.uniform(0, 0.069), WEST + rnd.uniform(0, 0.069)) for _ in range(2))
        hour = rnd.choice(hours)
        router.set_speeds(speeds_at(hour))
        leg = router.route(start, goal)
        if leg is None or leg.travel.seconds < 120:
            continue
        seconds = leg.travel.seconds * math.exp(rnd.gauss(0, 0.1))
        if garbage is not None and rnd.random() < 0.15:
            seconds = garbage(rnd)
        drives.append(Drive(start, goal, hour, seconds))
    return drives


def errors(found: Mapping[str, float], planted: Mapping[str, float]) -> list[float]:
    return [abs(found[road] / planted[road] - 1) for road in planted]


HOURS = [TUESDAY + 10, TUESDAY + 17, TUESDAY + 24 + 17, SATURDAY + 10]
GARBAGE: dict[str, Callable[[random.Random], float] | None] = {
    "none": None,
    "hours": lambda rnd: rnd.uniform(3_600, 40_000),
    "a moment": lambda rnd: rnd.uniform(-500, 40),
    "anything": lambda rnd: math.exp(rnd.uniform(math.log(30), math.log(7_000))),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=list(GARBAGE))
def test_planted_speeds_are_found_again(router: Router, garbage: Callable[[random.Random], float] | None) -> None:
    found = fit_speeds(router, driven(router, 1_500, HOURS, garbage))
    rush = {**found.daily, **found.by_hour["weekdays", 17]}
    quiet = {**found.daily, **found.by_hour.get(("weekdays", 10), {})}
    weekend = {**found.daily, **found.by_hour.get(("weekend", 10), {})}
    wrong = errors(quiet, QUIET) + errors(weekend, QUIET) + errors(rush, RUSH)
    assert sum(wrong) / len(wrong) < 0.05, (quiet, weekend, rush)
    assert max(wrong) < 0.12, (quiet, weekend, rush)
    assert found.off < 0.1
    assert found.off_before > found.off
    assert found.of_class.keys() == {"primary", "tertiary", "local"}
    assert found.drives + sum(found.left_out.values()) == 1_500


def test_the_table_is_one_that_is_read_and_says_from_how_many_drives(router: Router) -> None:
    found = fit_speeds(router, driven(router, 300, HOURS))
    table = parse_speeds(found.table(date(2026, 10, 1), date(2026, 11, 30)), "kota.csv")
    assert table.drives == found.drives
    assert table.at(TUESDAY + 17)["primary"] == pytest.approx(found.by_hour["weekdays", 17]["primary"], abs=0.06)
    assert table.at(TUESDAY + 3) == pytest.approx(found.daily, abs=0.06), "an hour without drives has those of the day"
    assert parse_speeds(b"class,days,hours,kmh\nprimary,,,30\n", "kota.csv").drives == 0


def test_of_too_few_drives_nothing_is_said(router: Router) -> None:
    found = fit_speeds(router, driven(router, ENOUGH - 1, HOURS))
    assert (found.daily, found.by_hour, found.drives) == ({}, {}, ENOUGH - 1)
    assert fit_speeds(router, []) == FittedSpeeds(0, {}, {}, {}, {})


def test_a_class_and_an_hour_of_which_little_is_known_are_left_alone(router: Router) -> None:
    row = SOUTH + 3 * STEP  # a primary road
    drives = []
    for number in range(60):
        start, goal = (row, WEST + 0.0005), (row, WEST + 0.05 + number * 0.0002)
        router.set_speeds(QUIET)
        leg = router.route(start, goal)
        assert leg is not None
        hour = TUESDAY + 17 if number < ENOUGH - 1 else TUESDAY + 10
        drives.append(Drive(start, goal, hour, leg.travel.seconds * (2 if hour == TUESDAY + 17 else 1)))
    found = fit_speeds(router, drives)
    assert found.daily.keys() == {"primary"}
    assert ("weekdays", 17) not in found.by_hour


def test_no_speed_is_beyond_what_is_driven(router: Router) -> None:
    drives = driven(router, 200, [TUESDAY + 10])
    for factor, bound in ((3.5, 0.3), (0.3, 1.7)):
        found = fit_speeds(router, [Drive(one.start, one.goal, one.hour, one.seconds * factor) for one in drives])
        assert found.daily, factor
        own = {"primary": 32, "tertiary": 23, "local": 17}
        for road, kmh in found.daily.items():
            assert own[road] * 0.3 - 0.01 <= kmh <= own[road] * 1.7 + 0.01
        assert any(found.daily[road] == pytest.approx(bound * own[road]) for road in found.daily), found.daily


def test_what_no_way_leads_to_and_what_nobody_drives_is_counted_apart(router: Router) -> None:
    drives = driven(router, 40, [TUESDAY + 10])
    far = [Drive((0.0, 0.0), one.goal, one.hour, one.seconds) for one in drives[:3]]
    odd = [Drive(one.start, one.goal, one.hour, one.seconds * 50) for one in drives[:2]]
    odd.append(Drive(drives[0].start, drives[0].goal, 5, math.nan))
    found = fit_speeds(router, [*drives, *far, *odd])
    assert found.left_out == {NO_WAY: 3, UNLIKELY: 3}
    assert found.drives == 40
