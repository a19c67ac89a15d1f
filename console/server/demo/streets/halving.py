"""The local streets of one ward: its convex cell is halved again and again, and each halving line is a street."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import NamedTuple

from console.server.demo.streets.names import StreetNames

_SHORTEST_SIDE_M = 45.0
_CORNER_M = 14.0
"""A street meets another one no nearer to its end than this."""
_TERTIARY_HA, _FORMAL_RESIDENTIAL_HA, _KAMPUNG_RESIDENTIAL_HA = 70, 5, 9
_LAST = 2.2
"""What is smaller than this many blocks is halved for the last time."""
_LEFT_WHOLE, _DEAD_END = 0.07, 0.35


class Corner(NamedTuple):
    """A corner of a cell: where, which node, and the street along the edge to the next corner, counter-clockwise."""

    x: float
    y: float
    node: int
    street: int


class Meeting(NamedTuple):
    """A node on a straight street, and where it is."""

    x: float
    y: float
    node: int


@dataclass(slots=True)
class StraightStreet:
    """A street before the plane is bent; the first two nodes on it are its ends, the others in no order."""

    kind: str
    name: str
    ward: str
    on: list[Meeting] = field(default_factory=list)


@dataclass
class Plan:
    """Straight streets and how many nodes they have; a node is a number, its place stands on the streets."""

    streets: list[StraightStreet] = field(default_factory=list)
    nodes: list[tuple[float, float]] = field(default_factory=list)

    def add_node(self, x: float, y: float) -> int:
        """A new node at this place, in metres."""
        self.nodes.append((x, y))
        return len(self.nodes) - 1

    def add_street(self, kind: str, name: str, ward: str) -> int:
        """A new street without nodes; its number."""
        self.streets.append(StraightStreet(kind, name, ward))
        return len(self.streets) - 1

    def put_on(self, street: int, meeting: Meeting) -> None:
        """Let a node lie on a street."""
        self.streets[street].on.append(meeting)


@dataclass(frozen=True)
class Fabric:
    """How a ward is built: the size of its blocks, how uneven its streets are, and whether it has lanes."""

    block_ha: float
    uneven: float
    is_kampung: bool

    def kind_of(self, area_ha: float) -> str:
        """The class of the street that halves this much."""
        if area_ha > _TERTIARY_HA:
            return "tertiary"
        if area_ha > (_KAMPUNG_RESIDENTIAL_HA if self.is_kampung else _FORMAL_RESIDENTIAL_HA):
            return "residential"
        return "living_street" if self.is_kampung and self.is_last(area_ha) else "residential"

    def is_last(self, area_ha: float) -> bool:
        """Whether what is this large is halved for the last time."""
        return area_ha < self.block_ha * _LAST


class _Cut(NamedTuple):
    """A line through a cell: from the edge after corner `from_corner` to the edge after `to_corner`."""

    from_corner: int
    to_corner: int
    start: tuple[float, float]
    end: tuple[float, float]


class Halver:
    """Fills one ward with streets. The same ward, fabric and state of `chance` give the same streets."""

    def __init__(self, plan: Plan, ward: str, fabric: Fabric, names: StreetNames, chance: random.Random) -> None:
        self._plan, self._ward, self._fabric, self._names, self._chance = plan, ward, fabric, names, chance

    def fill(self, cell: list[Corner]) -> None:
        """Halve the convex cell until its blocks are small."""
        waiting = [cell]
        while waiting:
            cell = waiting.pop()
            area_ha = _area_ha(cell)
            if area_ha < self._fabric.block_ha * self._chance.uniform(0.75, 1.5):
                continue
            cut = self._cut_across(cell)
            if cut is None:
                continue
            last = self._fabric.is_last(area_ha)
            if last and self._chance.random() < _LEFT_WHOLE:
                continue
            kind = self._fabric.kind_of(area_ha)
            if last and self._fabric.is_kampung and self._chance.random() < _DEAD_END:
                self._add_dead_end(cell, cut, kind)
            else:
                waiting.extend(self._add_street(cell, cut, kind))

    def _cut_across(self, cell: list[Corner]) -> _Cut | None:
        """A line from about the middle of the longest edge to the other side; None where the cell is too small."""
        chance = self._chance
        at, longest_m = _longest_edge(cell)
        if longest_m < _SHORTEST_SIDE_M:
            return None
        a, b = cell[at], cell[(at + 1) % len(cell)]
        share = min(0.8, max(0.2, 0.5 + chance.gauss(0, 0.07)))
        start = (a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share)
        turn = math.atan2(b.y - a.y, b.x - a.x) + math.pi / 2 + chance.gauss(0, self._fabric.uneven)
        return _across(cell, at, start, turn)

    def _add_dead_end(self, cell: list[Corner], cut: _Cut, kind: str) -> None:
        """A street that begins at the longest edge and stops inside the cell."""
        far = self._chance.uniform(0.55, 0.85)
        (ax, ay), (bx, by) = cut.start, cut.end
        end = (ax + (bx - ax) * far, ay + (by - ay) * far)
        street = self._plan.add_street(kind, self._names.name(kind, dead_end=True), self._ward)
        first = Meeting(*cut.start, self._plan.add_node(*cut.start))
        self._plan.put_on(cell[cut.from_corner].street, first)
        self._plan.put_on(street, first)
        self._plan.put_on(street, Meeting(*end, self._plan.add_node(*end)))

    def _add_street(self, cell: list[Corner], cut: _Cut, kind: str) -> tuple[list[Corner], list[Corner]]:
        """A street through the cell; the two cells that it leaves."""
        street = self._plan.add_street(kind, self._names.name(kind), self._ward)
        first = Meeting(*cut.start, self._plan.add_node(*cut.start))
        second = Meeting(*cut.end, self._plan.add_node(*cut.end))
        from_street, to_street = cell[cut.from_corner].street, cell[cut.to_corner].street
        for along, meeting in ((from_street, first), (to_street, second), (street, first), (street, second)):
            self._plan.put_on(along, meeting)
        one = [Corner(*first, from_street), *_corners_between(cell, cut.from_corner, cut.to_corner)]
        other = [Corner(*second, to_street), *_corners_between(cell, cut.to_corner, cut.from_corner)]
        return [*one, Corner(*second, street)], [*other, Corner(*first, street)]


def _area_ha(cell: list[Corner]) -> float:
    twice = 0.0
    before = cell[-1]
    for corner in cell:
        twice += before.x * corner.y - corner.x * before.y
        before = corner
    return abs(twice) / 20_000


def _longest_edge(cell: list[Corner]) -> tuple[int, float]:
    """The corner that the longest edge begins at, and its length."""
    at, longest = 0, -1.0
    for number, corner in enumerate(cell):
        after = cell[number + 1 - len(cell)]
        length = math.hypot(after.x - corner.x, after.y - corner.y)
        if length > longest:
            at, longest = number, length
    return at, longest


def _across(cell: list[Corner], at: int, start: tuple[float, float], turn: float) -> _Cut | None:
    """Where the line from `start` on the edge after corner `at` in the direction `turn` leaves the cell."""
    dx, dy = math.cos(turn), math.sin(turn)
    for number, p in enumerate(cell):
        if number == at:
            continue
        q = cell[number + 1 - len(cell)]
        ex, ey = q.x - p.x, q.y - p.y
        det = dx * ey - dy * ex
        if abs(det) < 1e-9:
            continue
        share = ((p.x - start[0]) * dy - (p.y - start[1]) * dx) / det
        if -1e-6 <= share <= 1 + 1e-6:
            margin = min(0.45, _CORNER_M / max(math.hypot(ex, ey), 1.0))
            share = min(max(share, margin), 1 - margin)
            return _Cut(at, number, start, (p.x + ex * share, p.y + ey * share))
    return None


def _corners_between(cell: list[Corner], after: int, until: int) -> list[Corner]:
    """The corners behind `after` up to `until`, counter-clockwise."""
    count = (until - after) % len(cell)
    return [cell[(after + step) % len(cell)] for step in range(1, count + 1)]
