"""The order of a unit's stops: against every order there is, and what may never be."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from console.city_map.messages import UnitStop
from console.city_map.stop_order import MOST_STOPS, arrivals, best_order


def drives(count: int, rnd: random.Random) -> list[list[float]]:
    """Seconds between places in a city, longer one way than the other, as one-way streets make it."""
    places = [(rnd.uniform(0, 10_000), rnd.uniform(0, 10_000)) for _ in range(count + 1)]
    return [[(abs(a - c) + abs(b - d)) / 6 * rnd.uniform(1, 1.3) for c, d in places] for a, b in places]


def stops_of(count: int, rnd: random.Random, urgent: int = 0) -> list[UnitStop]:
    dues = [rnd.choice((None, rnd.uniform(-3_600, 20_000))) for _ in range(count)]
    return [UnitStop(str(n), rnd.uniform(300, 1_800), n < urgent, due) for n, due in enumerate(dues)]


def told_cost(order: list[int], seconds: list[list[float]], stops: list[UnitStop], begin_s: float) -> float:
    """What an order costs, reckoned from its times of arrival."""
    at = arrivals(order, seconds, stops, begin_s)
    driven = sum(seconds[a][b] for a, b in itertools.pairwise([0, *(one + 1 for one in order)]))
    late = sum(
        max(0.0, when - due) for one, when in zip(order, at, strict=True) if (due := stops[one].due_s) is not None
    )
    return driven + 4 * late + sum(when for one, when in zip(order, at, strict=True) if stops[one].urgent)


@pytest.mark.parametrize("seed", range(40))
def test_of_few_stops_no_order_is_better(seed: int) -> None:
    rnd = random.Random(seed)
    count, begin_s = rnd.randint(1, 6), rnd.choice((0.0, 900.0))
    seconds, stops = drives(count, rnd), stops_of(count, rnd, urgent=rnd.randint(0, 2))
    allowed = [
        list(order)
        for order in itertools.permutations(range(count))
        if [stops[one].urgent for one in order] == sorted((stops[one].urgent for one in order), reverse=True)
    ]
    found = best_order(seconds, stops, begin_s)
    assert found in allowed
    best = min(told_cost(one, seconds, stops, begin_s) for one in allowed)
    assert told_cost(found, seconds, stops, begin_s) == pytest.approx(best)


def test_of_more_stops_the_order_is_nearly_the_best() -> None:
    over = []
    for seed in range(6):
        rnd = random.Random(seed)
        seconds, stops = drives(8, rnd), stops_of(8, rnd)
        best = min(told_cost(list(one), seconds, stops, 0.0) for one in itertools.permutations(range(8)))
        over.append(told_cost(best_order(seconds, stops), seconds, stops, 0.0) / best - 1)
    assert max(over) < 0.1
    assert sum(over) / len(over) < 0.03


def test_what_is_urgent_is_first_however_far_it_is() -> None:
    for count in (5, MOST_STOPS):
        rnd = random.Random(count)
        seconds = drives(count, rnd)
        stops = [UnitStop(str(n), 900, n in (1, 3), 0.0 if n == 0 else None) for n in range(count)]
        for row in seconds:
            row[2] = row[4] = 9_000.0
        assert set(best_order(seconds, stops)[:2]) == {1, 3}


def test_a_stop_that_would_be_too_late_goes_before_a_nearer_one() -> None:
    seconds = [[0, 100, 600], [100, 0, 600], [600, 600, 0]]
    nearer, due = UnitStop("near", 1_800), UnitStop("due", 1_800, due_s=700.0)
    assert best_order(seconds, [nearer, due]) == [1, 0]
    assert best_order(seconds, [nearer, UnitStop("due", 1_800, due_s=9_000.0)]) == [0, 1]
    assert arrivals([1, 0], seconds, [nearer, due], 60.0) == [660.0, 3060.0]


def test_nothing_to_visit_and_one() -> None:
    assert best_order([[0.0]], []) == []
    assert best_order([[0.0, 5.0], [5.0, 0.0]], [UnitStop("a", 1.0)]) == [0]


def test_the_most_stops_are_ordered_in_a_moment() -> None:
    took = []
    for seed in range(10):
        rnd = random.Random(seed)
        seconds, stops = drives(MOST_STOPS, rnd), stops_of(MOST_STOPS, rnd, urgent=2)
        began = time.process_time()
        assert sorted(best_order(seconds, stops)) == list(range(MOST_STOPS))
        took.append(time.process_time() - began)
    assert sorted(took)[5] < 0.2
