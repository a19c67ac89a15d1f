"""Travel times and routes over the streets of a city map; one search answers for every unit at once.

Times are those of a city by day, without traffic: a table of speeds by kind of road (`road_kinds.py`), and a wait at
the end of each stretch. Places are (lat, lon) in degrees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely
import shapely.ops
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from console.city_map.road_kinds import WAITING_ELSEWHERE_S, WAITING_S
from console.city_map.street_graph import (
    DRAWN,
    METRES_LAT,
    METRES_LON,
    PER_DEGREE,
    cell_keys,
    cells_around,
    load_arrays,
    squeeze_of,
)

LatLon = tuple[float, float]

MOST_OFF_M = 400.0
"""A place farther than this from any street is not taken to be on one."""

_LIMIT_S = 7_200.0
_LEAST_S = 0.01
_CLOSED_S = 1_000_000.0
"""What a closed stretch costs beside its time: every way around comes first, and the sum tells how many there are."""


class OnStreet(msgspec.Struct, frozen=True):
    """A place as it lies on the nearest street: `share` of the edge, from its first point; `distance_m` off it."""

    edge: int
    share: float
    distance_m: float
    lat: float
    lon: float
    street: str


class Travel(msgspec.Struct, frozen=True):
    """How far a place is by street. `closed` stretches of the way are closed: there is no other way."""

    seconds: float
    metres: float
    closed: int = 0


class Leg(msgspec.Struct, frozen=True):
    """A way from one place to another.

    `line` is int32 pairs of lat, lon in 1e-7 degrees; `streets` are (name, metres) in order, "" where one has no name.
    """

    travel: Travel
    line: bytes
    streets: tuple[tuple[str, float], ...]


class TimesTo(msgspec.Struct, frozen=True):
    """What one search found: the cost from every node to the place `goal`, and the node that comes next.

    It answers for any number of units, also when they move (`Router.travels`), as long as the closures are those of
    `version`.
    """

    goal: OnStreet
    version: int
    cost: NDArray[np.float64]
    following: NDArray[np.int32]
    limit_s: float


class Router:
    """Answers about one city; for a process of its own (scipy holds the GIL), and not for several threads."""

    def __init__(self, folder: Path, speeds_kmh: Mapping[str, float] | None = None) -> None:
        """`folder` is a map's `streets`. `speeds_kmh` are other speeds than the table's, by how a road is drawn.

        Raises OSError, ValueError where the files are missing or damaged.
        """
        self._streets = streets = load_arrays(folder)
        self._squeeze = squeeze_of(float(streets.node[:, 1].mean()) / PER_DEGREE)
        kmh = streets.speed.astype(np.float64)
        for drawn, speed in (speeds_kmh or {}).items():
            kmh[streets.kind == DRAWN.index(drawn)] = speed
        waiting = np.array([WAITING_S.get(drawn, WAITING_ELSEWHERE_S) for drawn in DRAWN])[streets.kind]
        self._seconds = np.maximum(streets.length / np.maximum(kmh / 3.6, 0.1) + waiting, _LEAST_S)
        self._closed = np.zeros(len(streets.first), bool)
        self._edge_lines: NDArray[Any] | None = None
        self.version = 0
        """Rises with each change of what is closed: what was found before is no longer true."""
        # Rows are where an arc leads and columns where it begins, against the traffic: one search from the goal
        # reaches every unit. The last node is the goal.
        self._nodes = len(streets.node)
        seconds = self._seconds[streets.arc_edge]
        self._arcs = np.lexsort((seconds, streets.arc_from, streets.arc_to)).astype(np.int32)
        start, end = streets.arc_from[self._arcs], streets.arc_to[self._arcs]
        self._columns = start.astype(np.int32)
        self._pairs = end.astype(np.int64) * self._nodes + start
        self._rows = np.zeros(self._nodes + 2, np.int32)
        self._rows[1:-1] = np.cumsum(np.bincount(end, minlength=self._nodes))
        self._rows[-1] = self._rows[-2]
        self._by_edge = np.argsort(streets.arc_edge, kind="stable").astype(np.int32)
        self._edges = streets.arc_edge[self._by_edge]
        self._weigh()

    def closed_stretches(self) -> int:
        """How many stretches of road are closed."""
        return int(self._closed.sum())

    def close(self, areas: Sequence[Any], edges: Sequence[int] = ()) -> int:
        """Close every stretch that touches one of these areas (shapely polygons in lon, lat), and these edges.

        They replace what was closed before. Returns the new version.
        """
        closed = np.zeros(len(self._closed), bool)
        closed[list(edges)] = True
        if len(areas):
            tree = shapely.STRtree(self._lines())
            closed[tree.query(np.array(areas, object), predicate="intersects")[1]] = True
        if (closed != self._closed).any():
            self._closed = closed
            self.version += 1
            self._weigh()
        return self.version

    def nearest(self, place: LatLon, most_m: float = MOST_OFF_M, *, named: bool = False) -> OnStreet | None:
        """The place on the nearest street that can be come to and left; None where there is none within `most_m`.

        Nothing farther than 400 m is looked for. With `named` streets without a name are passed over.
        """
        lat, lon = place
        if not (abs(lat) <= 90 and abs(lon) <= 180):  # NaN too
            return None
        streets = self._streets
        point = np.array([lon, lat]) * PER_DEGREE
        key = int(cell_keys(point, self._squeeze))
        bounds = [streets.segment_key.searchsorted(pair) for pair in cells_around(key)]
        at = np.concatenate([np.arange(first, end) for first, end in bounds])
        if named:
            street = streets.street[streets.segment_edge[at]]
            at = at[streets.name_at[street + 1] > streets.name_at[street]]
        if not len(at):
            return None
        segment = streets.segment[at]
        a, b = streets.point[segment].astype(np.float64), streets.point[segment + 1].astype(np.float64)
        step, away = (b - a) * (self._squeeze, 1), (point - a) * (self._squeeze, 1)
        share = np.clip((away * step).sum(1) / np.maximum((step * step).sum(1), 1e-9), 0, 1)
        off = (away - step * share[:, None]) * (METRES_LON / PER_DEGREE, METRES_LAT / PER_DEGREE)
        off_m = np.hypot(off[:, 0], off[:, 1])
        best = int(off_m.argmin())
        # protects: far-from-any-street
        if off_m[best] > min(most_m, MOST_OFF_M):
            return None
        edge = int(streets.segment_edge[at[best]])
        found = (a[best] + (b[best] - a[best]) * share[best]) / PER_DEGREE
        along = self._share(edge, int(segment[best]), float(share[best]))
        return OnStreet(edge, along, float(off_m[best]), float(found[1]), float(found[0]), self._name_of(edge))

    def times_to(self, place: LatLon, limit_s: float = _LIMIT_S) -> TimesTo | None:
        """The times from everywhere to a place, by one search; None where the place is far from any street."""
        goal = self.nearest(place)
        if goal is None:
            return None
        cost, following = self._search(goal, limit_s)
        return TimesTo(goal, self.version, cost, following, limit_s)

    def travels(self, times: TimesTo, places: Sequence[LatLon]) -> list[Travel | None]:
        """From each place to that of `times`; None where one is far from any street, or there is no way in time."""
        starts = [self.nearest(place) for place in places]
        firsts = [None if start is None else self._first_arc(start, times) for start in starts]
        walked = self._metres([int(self._streets.arc_to[one[1]]) for one in firsts if one and one[1] >= 0], times)
        found: list[Travel | None] = []
        for start, first in zip(starts, firsts, strict=True):
            if start is None or first is None:
                found.append(None)
                continue
            cost, arc = first
            metres = self._begun_m(start, arc, times.goal) + (next(walked) if arc >= 0 else 0.0)
            found.append(Travel(cost % _CLOSED_S, metres, int(cost // _CLOSED_S)))
        return found

    def route(self, start: LatLon, end: LatLon, limit_s: float = _LIMIT_S) -> Leg | None:
        """The quickest way; None where a place is far from any street, or there is no way in time."""
        begin, times = self.nearest(start), self.times_to(end, limit_s)
        first = None if begin is None or times is None else self._first_arc(begin, times)
        if begin is None or times is None or first is None:
            return None
        cost, arc = first
        arcs = self._way(arc, times) if arc >= 0 else []
        line = [self._piece(begin, times.goal)] if arc < 0 else [self._after(begin, arc)]
        metres = [self._begun_m(begin, arc, times.goal)]
        names = [begin.street]
        for one in arcs[:-1]:
            line.append(self._points_of(one))
            metres.append(float(self._streets.length[self._streets.arc_edge[one]]))
            names.append(self._name_of(int(self._streets.arc_edge[one])))
        if arcs:
            line.append(self._before(times.goal, arcs[-1]))
            metres.append(self._entered_m(times.goal, arcs[-1]))
            names.append(times.goal.street)
        streets: list[tuple[str, float]] = []
        for name, length in zip(names, metres, strict=True):
            if streets and streets[-1][0] == name:
                length += streets.pop()[1]
            streets.append((name, length))
        travel = Travel(cost % _CLOSED_S, sum(metres), int(cost // _CLOSED_S))
        points = np.concatenate(line)[:, ::-1].astype("<i4")
        return Leg(travel, points.tobytes(), tuple(streets))

    def _weigh(self) -> None:
        """The cost of every arc, in the order of the rows."""
        # protects: closed-streets-are-avoided
        cost = self._seconds + np.where(self._closed, _CLOSED_S, 0.0)
        self._cost = cost
        self._weights = cost[self._streets.arc_edge[self._arcs]]

    def _search(self, goal: OnStreet, limit_s: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """(cost to the goal, node that comes next) of every node; the goal is the last node."""
        entering = list(self._arcs_on(goal.edge))
        starts = np.array([self._streets.arc_from[arc] for arc in entering], np.int32)
        costs = np.array([max(_LEAST_S, self._partly(goal, arc, entering=True)) for arc in entering])
        rows = self._rows.copy()
        rows[-1] += len(starts)
        graph = csr_array(
            (np.concatenate([self._weights, costs]), np.concatenate([self._columns, starts]), rows),
            shape=(self._nodes + 1, self._nodes + 1),
        )
        # With closures it is looked at everything: a place among closed streets is reached all the same.
        limit = np.inf if self._closed.any() else limit_s
        cost, following = dijkstra(graph, indices=self._nodes, limit=limit, return_predecessors=True)
        return cost, following

    def _first_arc(self, start: OnStreet, times: TimesTo) -> tuple[float, int] | None:
        """(cost, arc that is driven first) of the way from a place; arc -1 where it leads along its own edge only."""
        best = (np.inf, -1)
        along = times.goal.share - start.share
        if start.edge == times.goal.edge and (
            not along or any(self._streets.arc_along[arc] == (along > 0) for arc in self._arcs_on(start.edge))
        ):
            best = (float(self._cost[start.edge] - self._seconds[start.edge] * (1 - abs(along))), -1)
        for arc in self._arcs_on(start.edge):
            cost = float(times.cost[self._streets.arc_to[arc]]) + self._partly(start, arc, entering=False)
            best = min(best, (cost, arc))
        return best if best[0] % _CLOSED_S <= times.limit_s else None

    def _arcs_on(self, edge: int) -> Iterator[int]:
        first, end = self._edges.searchsorted((edge, edge + 1))
        return iter(self._by_edge[first:end].tolist())

    def _partly(self, place: OnStreet, arc: int, *, entering: bool) -> float:
        """The cost of an arc from its beginning to a place on it, or from the place to its end."""
        return float(self._cost[place.edge] - self._seconds[place.edge] * (1 - self._part(place, arc, entering)))

    def _part(self, place: OnStreet, arc: int, entering: bool) -> float:
        return place.share if bool(self._streets.arc_along[arc]) == entering else 1 - place.share

    def _begun_m(self, start: OnStreet, arc: int, goal: OnStreet) -> float:
        """Metres on the edge of a place until its end, or until the goal where that is on it."""
        part = abs(goal.share - start.share) if arc < 0 else self._part(start, arc, entering=False)
        return float(self._streets.length[start.edge]) * part

    def _entered_m(self, goal: OnStreet, arc: int) -> float:
        return float(self._streets.length[goal.edge]) * self._part(goal, arc, entering=True)

    def _metres(self, nodes: Sequence[int], times: TimesTo) -> Iterator[float]:
        """The length of the way from each node to the goal; all are followed step by step at once."""
        at = np.array(nodes, np.int64)
        metres = np.zeros(len(at))
        going = np.flatnonzero(times.following[at] >= 0)
        while len(going):
            following = times.following[at[going]].astype(np.int64)
            ended = following == self._nodes
            on = going[~ended]
            arcs = self._arcs_between(at[on], following[~ended])
            metres[on] += self._streets.length[self._streets.arc_edge[arcs]]
            for one in going[ended].tolist():
                metres[one] += self._entered_m(times.goal, self._last_arc(int(at[one]), times.goal))
            at[on] = following[~ended]
            going = on
        return iter(metres.tolist())

    def _way(self, first: int, times: TimesTo) -> list[int]:
        """The arcs after the first one, to that by which the goal's edge is entered."""
        arcs = []
        node = int(self._streets.arc_to[first])
        while (following := int(times.following[node])) != self._nodes:
            arcs.append(int(self._arcs_between(np.array([node]), np.array([following]))[0]))
            node = following
        return [*arcs, self._last_arc(node, times.goal)]

    def _last_arc(self, node: int, goal: OnStreet) -> int:
        """The arc by which the goal's edge is entered from a node, the quickest."""
        among = [arc for arc in self._arcs_on(goal.edge) if self._streets.arc_from[arc] == node]
        return min(among, key=lambda arc: self._part(goal, arc, entering=True))

    def _arcs_between(self, start: NDArray[Any], end: NDArray[Any]) -> NDArray[Any]:
        """The cheapest arc from each node to its neighbour."""
        wanted = end * self._nodes + start
        at = np.searchsorted(self._pairs, wanted)
        last = np.searchsorted(self._pairs, wanted, side="right") - 1
        several = np.flatnonzero(last > at)
        for one in several.tolist():  # two streets between the same corners: of those the open one
            among = np.arange(at[one], last[one] + 1)
            at[one] = among[np.argmin(self._weights[among])]
        arcs: NDArray[Any] = self._arcs[at]
        return arcs

    def _share(self, edge: int, segment: int, share: float) -> float:
        first = int(self._streets.first[edge])
        points = self._streets.point[first : int(self._streets.last[edge]) + 1].astype(np.float64)
        step = np.diff(points, axis=0) * (self._squeeze, 1)
        length = np.hypot(step[:, 0], step[:, 1])
        at = segment - first
        return float((length[:at].sum() + length[at] * share) / max(length.sum(), 1e-9))

    def _name_of(self, edge: int) -> str:
        streets = self._streets
        at = int(streets.street[edge])
        return bytes(streets.name[int(streets.name_at[at]) : int(streets.name_at[at + 1])]).decode(errors="replace")

    def _points_of(self, arc: int) -> NDArray[Any]:
        """The points (lon, lat in 1e-7 degrees) of an arc, as it is driven."""
        edge = int(self._streets.arc_edge[arc])
        points: NDArray[Any] = self._streets.point[int(self._streets.first[edge]) : int(self._streets.last[edge]) + 1]
        return points if self._streets.arc_along[arc] else points[::-1]

    def _after(self, place: OnStreet, arc: int) -> NDArray[Any]:
        """From a place on an arc to its end."""
        return self._cut(self._points_of(arc), self._part(place, arc, entering=True), 1.0)

    def _before(self, place: OnStreet, arc: int) -> NDArray[Any]:
        """From the beginning of an arc to a place on it."""
        return self._cut(self._points_of(arc), 0.0, self._part(place, arc, entering=True))

    def _piece(self, start: OnStreet, end: OnStreet) -> NDArray[Any]:
        """From one place on an edge to another one on it."""
        first = int(self._streets.first[start.edge])
        points = self._streets.point[first : int(self._streets.last[start.edge]) + 1]
        if start.share <= end.share:
            return self._cut(points, start.share, end.share)
        return self._cut(points[::-1], 1 - start.share, 1 - end.share)

    def _cut(self, points: NDArray[Any], start: float, end: float) -> NDArray[Any]:
        """The part of a line between two shares of its length."""
        line = shapely.linestrings(points * (self._squeeze, 1.0))
        length = line.length
        cut = shapely.ops.substring(line, start * length, end * length)
        whole: NDArray[Any] = np.round(shapely.get_coordinates(cut) / (self._squeeze, 1.0))
        return whole

    def _lines(self) -> NDArray[Any]:
        """Every edge as a line in degrees."""
        if self._edge_lines is None:
            streets = self._streets
            count = (streets.last - streets.first + 1).astype(np.int64)
            which = np.repeat(np.arange(len(count)), count)
            nth = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
            points = streets.point[streets.first[which] + nth] / PER_DEGREE
            self._edge_lines = shapely.linestrings(points, indices=which)
        return self._edge_lines
