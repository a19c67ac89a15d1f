"""In which order a unit visits its stops: what is urgent first, then by the time driven and what would be too late."""

from __future__ import annotations

from collections.abc import Sequence

from console.city_map.messages import UnitStop

MOST_STOPS = 12
"""So many are put in order: each of them costs a search over the city's streets."""
_MOST_EXACT = 7
_LATE = 4.0
"""A second too late counts so many seconds on the way."""
_AFTER_OTHERS = 1e7
"""What is urgent never comes after what is not."""

Matrix = Sequence[Sequence[float]]


def best_order(seconds: Matrix, stops: Sequence[UnitStop], begin_s: float = 0.0) -> list[int]:
    """The order in which to visit `stops`, by their places in it.

    `seconds[a][b]` is how long the way from a to b takes; 0 is where the unit is, and n + 1 the place of stop n. It
    begins in `begin_s` seconds. Up to 7 stops no order is better, of more one may be by some per cent.
    """
    every = range(len(stops))
    by_due = sorted(every, key=lambda one: (not stops[one].urgent, _due(stops[one]), one))
    by_way = sorted(every, key=lambda one: (not stops[one].urgent, seconds[0][one + 1], one))
    begun = [_inserted(by_due, seconds, stops, begin_s), _inserted(by_way, seconds, stops, begin_s)]
    if len(stops) <= _MOST_EXACT:
        return _exact(_cheapest(begun, seconds, stops, begin_s), seconds, stops, begin_s)
    begun += [by_due, by_way]
    return _cheapest([_improved(one, seconds, stops, begin_s) for one in begun], seconds, stops, begin_s)


def arrivals(order: Sequence[int], seconds: Matrix, stops: Sequence[UnitStop], begin_s: float = 0.0) -> list[float]:
    """In how many seconds the unit arrives at each stop of an order."""
    found, now, at = [], begin_s, 0
    for stop in order:
        now += seconds[at][stop + 1]
        found.append(now)
        now += stops[stop].work_s
        at = stop + 1
    return found


def _inserted(which: Sequence[int], seconds: Matrix, stops: Sequence[UnitStop], begin_s: float) -> list[int]:
    """An order into which one stop after the other was put where it costs least."""
    order: list[int] = []
    for stop in which:
        tries = [[*order[:at], stop, *order[at:]] for at in range(len(order) + 1)]
        order = _cheapest(tries, seconds, stops, begin_s)
    return order


def _cheapest(orders: Sequence[list[int]], seconds: Matrix, stops: Sequence[UnitStop], begin_s: float) -> list[int]:
    return min(orders, key=lambda one: _cost(one, seconds, stops, begin_s))


def _due(stop: UnitStop) -> float:
    return float("inf") if stop.due_s is None else stop.due_s


def _step(stop: UnitStop, drive_s: float, arrives_s: float, *, after_others: bool) -> float:
    """What a stop adds to the cost of an order; who waits for what is urgent waits from now on."""
    cost = drive_s
    if stop.due_s is not None:
        cost += _LATE * max(0.0, arrives_s - stop.due_s)
    if stop.urgent:
        cost += arrives_s + (_AFTER_OTHERS if after_others else 0.0)
    return cost


def _cost(order: Sequence[int], seconds: Matrix, stops: Sequence[UnitStop], begin_s: float) -> float:
    total, now, at, after_others = 0.0, begin_s, 0, False
    for stop in order:
        drive_s, one = seconds[at][stop + 1], stops[stop]
        now += drive_s
        total += _step(one, drive_s, now, after_others=after_others)
        after_others |= not one.urgent
        now += one.work_s
        at = stop + 1
    return total


def _exact(order: list[int], seconds: Matrix, stops: Sequence[UnitStop], begin_s: float) -> list[int]:
    """The best of all orders; those that already cost more than the best one known are not followed."""
    best, best_cost = order, _cost(order, seconds, stops, begin_s)

    def follow(done: list[int], left: list[int], cost: float, now: float) -> None:
        nonlocal best, best_cost
        if not left:
            best, best_cost = done, cost
            return
        at = done[-1] + 1 if done else 0
        after_others = any(not stops[one].urgent for one in done)
        for stop in sorted(left, key=lambda one: seconds[at][one + 1]):
            drive_s, one = seconds[at][stop + 1], stops[stop]
            then = cost + _step(one, drive_s, now + drive_s, after_others=after_others)
            if then < best_cost - 1e-6:
                follow([*done, stop], [other for other in left if other != stop], then, now + drive_s + one.work_s)

    follow([], list(range(len(stops))), 0.0, begin_s)
    return best


def _improved(order: list[int], seconds: Matrix, stops: Sequence[UnitStop], begin_s: float) -> list[int]:
    """With parts turned round and single stops moved for as long as that makes it better."""
    best = _cost(order, seconds, stops, begin_s)
    is_better = True
    while is_better:
        is_better = False
        for one in _changed(order):
            cost = _cost(one, seconds, stops, begin_s)
            if cost < best - 1e-6:
                order, best, is_better = one, cost, True
                break
    return order


def _changed(order: list[int]) -> list[list[int]]:
    count = len(order)
    turned = [order[:i] + order[i : j + 1][::-1] + order[j + 1 :] for i in range(count) for j in range(i + 1, count)]
    moved = []
    for i in range(count):
        rest = order[:i] + order[i + 1 :]
        moved += [[*rest[:j], order[i], *rest[j:]] for j in range(count) if j != i]
    return turned + moved
