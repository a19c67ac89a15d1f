"""Travel times and routes over the streets of a city map; one search answers for every unit at once.

Times come from speeds by class of road, and a wait at the end of each stretch: those of a city by day, without traffic
(`road_kinds.py`), until it is told others (`Router.set_speeds`). Places are (lat, lon) in degrees.
"""

from __future__ import annotations

import math
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

from console.city_map.messages import LatLon, Leg, Travel
from console.city_map.road_kinds import ROADS, WAITING_ELSEWHERE_S, WAITING_S
from console.city_map.street_graph import (
    CELL,
    DRAWN,
    METRES_LAT,
    METRES_LON,
    PER_DEGREE,
    cell_boxes,
    cell_keys,
    cells_between,
    load_arrays,
    squeeze_of,
)

MOST_OFF_M = 400.0
"""A place farther than this from any street is not taken to be on one."""

_LIMIT_S = 7_200.0
OWN_KMH = np.array(
    [
        min((kind.speed_kmh for kind in ROADS.values() if kind.drawn == drawn and kind.speed_kmh), default=0)
        for drawn in DRAWN
    ]
)
"""By DRAWN: the speed of a class without a table. What is slower than its class has a speed limit."""
WAITING = np.array([WAITING_S.get(drawn, WAITING_ELSEWHERE_S) for drawn in DRAWN])
"""By DRAWN: the wait at the end of a stretch, in seconds."""
_CLOSED = 2.0**20
"""What a closed stretch costs: every way around comes first, and the sum tells how many there are."""
_TICK_S = 2.0**-3
_METRE = 2.0**-24
"""A cost is closed stretches, ticks of time and whole metres in one number, so that one search adds up all of them;
as powers of two they are added without loss up to 200 closed stretches, 12 days and 2,000 km.
"""
_ALONG, _SURELY_ALONG = 0.6, 3.0
"""A stretch lies along a line with this part of its length within its width, or with so many times that width."""
_SURE_M = 230.0
"""Whatever is nearer than this is in the cell of a place or in one beside it."""


class OnStreet(msgspec.Struct, frozen=True):
    """A place as it lies on the nearest street: `share` of the edge, from its first point; `distance_m` off it."""

    edge: int
    share: float
    distance_m: float
    lat: float
    lon: float
    street: str


class WayByClass(msgspec.Struct, frozen=True):
    """A way: how many metres of it are of each class of road, by DRAWN, but for those where a limit is known that is
    lower than the speed of the class; the time there, and that of all waiting, is `fixed_s`.
    """

    metres: NDArray[np.float64]
    fixed_s: float


class TimesTo(msgspec.Struct, frozen=True):
    """What one search found: the cost (closed stretches, time and metres in one number) from every node to `goal`.

    It answers for any number of units, also when they move (`Router.travels`), as long as closures and speeds are
    those of `version`.
    """

    goal: OnStreet
    version: int
    cost: NDArray[np.float64]
    limit_s: float


class _Weighing(msgspec.Struct, frozen=True):
    """What streets cost by speeds and closures: seconds of each stretch, the cost of each arc in order of the rows."""

    kmh: Mapping[str, float]
    seconds: NDArray[Any]
    weights: NDArray[Any]
    version: int


class Router:
    """Answers about one city; for a process of its own (scipy holds the GIL), and not for several threads."""

    def __init__(self, folder: Path) -> None:
        """`folder` is a map's `streets`. Raises OSError, ValueError where the files are missing or damaged."""
        self._streets = streets = load_arrays(folder)
        self._squeeze = squeeze_of(float(streets.node[:, 1].mean()) / PER_DEGREE)
        self._closed = np.zeros(len(streets.first), bool)
        self._versions = -1  # the first is 0
        usual = self._seconds_at({})
        # Rows are where an arc leads and columns where it begins, against the traffic: one search from the goal
        # reaches every unit. The last node is the goal.
        self._nodes = len(streets.node)
        self._arcs = np.lexsort((usual[streets.arc_edge], streets.arc_from, streets.arc_to)).astype(np.int32)
        start, end = streets.arc_from[self._arcs], streets.arc_to[self._arcs]
        self._columns = start.astype(np.int32)
        self._pairs = end.astype(np.int64) * self._nodes + start
        self._rows = np.zeros(self._nodes + 2, np.int32)
        self._rows[1:-1] = np.cumsum(np.bincount(end, minlength=self._nodes))
        self._rows[-1] = self._rows[-2]
        self._by_edge = np.argsort(streets.arc_edge, kind="stable").astype(np.int32)
        self._edges = streets.arc_edge[self._by_edge]
        self._now = self._weighed({}, usual)
        self._ahead: _Weighing | None = None

    @property
    def version(self) -> int:
        """Another one after each change of what is closed, and of speeds: what was found before is no longer true."""
        return self._now.version

    @property
    def stretches(self) -> int:
        """How many there are."""
        return len(self._closed)

    def close(self, closed: NDArray[np.bool_]) -> int:
        """From now on those of all stretches are closed that are marked, and no others. Returns the new version."""
        if (closed != self._closed).any():
            self._closed = closed
            self._now = self._weighed(self._now.kmh, self._now.seconds)
            self._ahead = None
        return self.version

    def set_speeds(self, kmh: Mapping[str, float]) -> None:
        """From now on classes of roads, by how they are drawn, have these speeds; those that are missing their own.

        Where a speed limit below that of the class is known it stays the most that is driven.
        """
        if kmh != self._now.kmh:
            ahead, self._ahead = self._ahead, None
            self._now = ahead if ahead is not None and ahead.kmh == kmh else self._weighed(kmh, self._seconds_at(kmh))

    def look_ahead(self, kmh: Mapping[str, float]) -> int:
        """Get ready for other speeds (see `set_speeds`), so that they can be changed to at once.

        Returns the version that then is. A change of what is closed undoes it.
        """
        if kmh == self._now.kmh:
            return self.version
        if self._ahead is None or self._ahead.kmh != kmh:
            self._ahead = self._weighed(kmh, self._seconds_at(kmh))
        return self._ahead.version

    def times_ahead(self, place: LatLon) -> TimesTo | None:
        """What `times_to` will find by the speeds that were looked ahead to; None where there are none."""
        if self._ahead is None:
            return None
        now, self._now = self._now, self._ahead
        try:
            return self.times_to(place)
        finally:
            self._now = now

    def _seconds_at(self, kmh: Mapping[str, float]) -> NDArray[Any]:
        """How long each stretch takes, with the wait at its end."""
        streets = self._streets
        wanted = np.array([kmh.get(drawn, 0.0) for drawn in DRAWN])[streets.kind]
        speed = np.where(wanted > 0, wanted, streets.speed)
        limited = streets.speed < OWN_KMH[streets.kind]
        # protects: limits-stay
        speed = np.where(limited, np.minimum(speed, streets.speed), speed)
        seconds: NDArray[Any] = streets.length / np.maximum(speed / 3.6, 0.1) + WAITING[streets.kind]
        return seconds

    def edges_in(self, area: Any) -> NDArray[Any]:
        """Every stretch that touches an area (shapely polygons in lon, lat)."""
        within, beside = self._edges_near(area)
        # protects: only-what-touches-is-closed
        beside = beside[shapely.intersects(area, self._lines(beside))]
        return np.concatenate([within, beside])

    def edges_along(self, line: Any, width_m: float) -> NDArray[Any]:
        """Every stretch that lies along a line (shapely, in lon, lat) of this width, and not what only crosses it."""
        near = self._edges_beside(shapely.get_coordinates(line), width_m)
        lines = self._in_metres(self._lines(near))
        # Piece by piece: the outline of a whole line that crosses itself a thousand times would take a minute.
        pieces = _pieces_of(shapely.get_coordinates(self._in_metres(line)), width_m)
        piece, edge = shapely.STRtree(lines).query(pieces, predicate="intersects")
        parts = shapely.length(shapely.intersection(lines[edge], pieces[piece]))
        length = shapely.length(lines)
        inside = np.minimum(np.bincount(edge, parts, minlength=len(near)), length)
        # protects: side-streets-stay-open
        along = (inside >= _ALONG * length) | (inside > _SURELY_ALONG * width_m)
        found: NDArray[Any] = near[along & (inside > 0)]
        return found

    def stretch(self, place: LatLon) -> tuple[str, float, bytes] | None:
        """The piece of street that a place is on: its name, metres, and points as of a Leg; None far from any."""
        on = self.nearest(place)
        if on is None:
            return None
        points = self._streets.point[int(self._streets.first[on.edge]) : int(self._streets.last[on.edge]) + 1]
        return on.street, float(self._streets.length[on.edge]), points[:, ::-1].astype("<i4").tobytes()

    def nearest(self, place: LatLon, most_m: float = MOST_OFF_M, *, named: bool = False) -> OnStreet | None:
        """The place on the nearest street that can be come to and left; None where there is none within `most_m`.

        Nothing farther than 400 m is looked for. With `named` streets without a name are passed over.
        """
        lat, lon = place
        if not (abs(lat) <= 90 and abs(lon) <= 180):  # NaN too
            return None
        point = np.array([lon, lat]) * PER_DEGREE
        key = int(cell_keys(point, self._squeeze))
        found = self._nearest_of(self._entries(cells_between(key, key, ring=1)), point, named)
        if found is None or found.distance_m > _SURE_M:
            found = self._nearest_of(self._entries(cells_between(key, key, ring=2)), point, named)
        # protects: far-from-any-street
        if found is not None and found.distance_m > min(most_m, MOST_OFF_M):
            return None
        return found

    def _entries(self, cells: Iterator[tuple[int, int]]) -> NDArray[Any]:
        """The look-up entries of some cells."""
        return self._entries_between(np.array(list(cells)))

    def _entries_between(self, keys: NDArray[Any]) -> NDArray[Any]:
        """The look-up entries of cells by pairs of keys, from and below."""
        bounds = self._streets.segment_key.searchsorted(keys.ravel()).reshape(-1, 2)
        count = bounds[:, 1] - bounds[:, 0]
        return np.repeat(bounds[:, 0] - (np.cumsum(count) - count), count) + np.arange(count.sum())

    def _nearest_of(self, entries: NDArray[Any], point: NDArray[Any], named: bool) -> OnStreet | None:
        streets = self._streets
        if named:
            street = streets.street[streets.segment_edge[entries]]
            entries = entries[streets.name_at[street + 1] > streets.name_at[street]]
        if not len(entries):
            return None
        segment = streets.segment[entries]
        a, b = streets.point[segment].astype(np.float64), streets.point[segment + 1].astype(np.float64)
        step, away = (b - a) * (self._squeeze, 1), (point - a) * (self._squeeze, 1)
        share = np.clip((away * step).sum(1) / np.maximum((step * step).sum(1), 1e-9), 0, 1)
        off = (away - step * share[:, None]) * (METRES_LON / PER_DEGREE, METRES_LAT / PER_DEGREE)
        off_m = np.hypot(off[:, 0], off[:, 1])
        best = int(off_m.argmin())
        edge = int(streets.segment_edge[entries[best]])
        found = (a[best] + (b[best] - a[best]) * share[best]) / PER_DEGREE
        along = self._share(edge, int(segment[best]), float(share[best]))
        return OnStreet(edge, along, float(off_m[best]), float(found[1]), float(found[0]), self._name_of(edge))

    def times_to(self, place: LatLon, limit_s: float = _LIMIT_S) -> TimesTo | None:
        """The times from everywhere to a place, by one search; None where the place is far from any street."""
        goal = self.nearest(place)
        if goal is None:
            return None
        graph, limit = self._graph_to(goal), self._limit(limit_s)
        return TimesTo(goal, self.version, dijkstra(graph, indices=self._nodes, limit=limit), limit_s)

    def travels(self, times: TimesTo, places: Sequence[LatLon]) -> list[Travel | None]:
        """From each place to that of `times`; None where one is far from any street, or there is no way in time."""
        return [self._travel(times, place) for place in places]

    def _travel(self, times: TimesTo, place: LatLon) -> Travel | None:
        start = self.nearest(place)
        first = None if start is None else self._first_arc(start, times)
        return None if first is None else _travel_of(first[0])

    def route(self, start: LatLon, end: LatLon, limit_s: float = _LIMIT_S) -> Leg | None:
        """The quickest way; None where a place is far from any street, or there is no way in time."""
        found = self._way_between(start, end, limit_s)
        if found is None:
            return None
        begin, goal, cost, arc, arcs = found
        travel = _travel_of(cost)
        line = [self._piece(begin, goal)] if arc < 0 else [self._after(begin, arc)]
        metres = [self._begun_m(begin, arc, goal)]
        names = [begin.street]
        for one in arcs[:-1]:
            line.append(self._points_of(one))
            metres.append(float(self._streets.length[self._streets.arc_edge[one]]))
            names.append(self._name_of(int(self._streets.arc_edge[one])))
        if arcs:
            line.append(self._before(goal, arcs[-1]))
            metres.append(self._entered_m(goal, arcs[-1]))
            names.append(goal.street)
        streets: list[tuple[str, float]] = []
        for name, length in zip(names, metres, strict=True):
            if streets and streets[-1][0] == name:
                length += streets.pop()[1]
            streets.append((name, length))
        points = np.concatenate(line)[:, ::-1].astype("<i4")
        return Leg(travel, points.tobytes(), tuple(streets))

    def way_by_class(self, start: LatLon, end: LatLon, limit_s: float = _LIMIT_S) -> WayByClass | None:
        """The quickest way, by class of road; None as for `route`."""
        found = self._way_between(start, end, limit_s)
        if found is None:
            return None
        begin, goal, _, arc, arcs = found
        edges = [begin.edge, *(int(self._streets.arc_edge[one]) for one in arcs)]
        metres = [self._begun_m(begin, arc, goal), *(float(self._streets.length[edge]) for edge in edges[1:])]
        if arcs:
            metres[-1] = self._entered_m(goal, arcs[-1])
        at, driven = np.array(edges), np.array(metres)
        kind, length = self._streets.kind[at], np.maximum(self._streets.length[at], 1e-6)
        limit = self._streets.speed[at].astype(np.float64)
        wanted = np.array([self._now.kmh.get(drawn, 0.0) for drawn in DRAWN])[kind]
        is_limited = (limit < OWN_KMH[kind]) & ((limit < wanted) | (wanted <= 0))
        fixed_s = (WAITING[kind] * driven / length).sum() + (driven / (limit / 3.6))[is_limited].sum()
        by_class = np.bincount(kind, np.where(is_limited, 0.0, driven), minlength=len(DRAWN))
        return WayByClass(by_class.astype(np.float64), float(fixed_s))

    def _way_between(
        self, start: LatLon, end: LatLon, limit_s: float
    ) -> tuple[OnStreet, OnStreet, float, int, list[int]] | None:
        """(from, to, cost, the arc that is driven first, all others); None as for `route`."""
        begin, goal = self.nearest(start), self.nearest(end)
        if begin is None or goal is None:
            return None
        graph, limit = self._graph_to(goal), self._limit(limit_s)
        costs, following = dijkstra(graph, indices=self._nodes, limit=limit, return_predecessors=True)
        first = self._first_arc(begin, TimesTo(goal, self.version, costs, limit_s))
        if first is None:
            return None
        cost, arc = first
        return begin, goal, cost, arc, self._way(arc, goal, following) if arc >= 0 else []

    def _weighed(self, kmh: Mapping[str, float], seconds: NDArray[Any]) -> _Weighing:
        # protects: closed-streets-are-avoided
        closed = self._closed
        cost = _cost_of(seconds, self._streets.length, closed)
        # protects: times-of-these-speeds
        self._versions += 1
        return _Weighing(dict(kmh), seconds, cost[self._streets.arc_edge[self._arcs]], self._versions)

    def _graph_to(self, goal: OnStreet) -> csr_array:
        """The arcs against the traffic, with those by which the edge of the goal, the last node, is entered."""
        entering = list(self._arcs_on(goal.edge))
        starts = np.array([self._streets.arc_from[arc] for arc in entering], np.int32)
        costs = np.array([self._partly(goal, arc, entering=True) for arc in entering])
        rows = self._rows.copy()
        rows[-1] += len(starts)
        return csr_array(
            (np.concatenate([self._now.weights, costs]), np.concatenate([self._columns, starts]), rows),
            shape=(self._nodes + 1, self._nodes + 1),
        )

    def _limit(self, limit_s: float) -> float:
        """With closures all is looked at: a place among closed streets is reached all the same."""
        return math.inf if self._closed.any() else limit_s + _TICK_S

    def _first_arc(self, start: OnStreet, times: TimesTo) -> tuple[float, int] | None:
        """(cost, arc that is driven first) of the way from a place; arc -1 where it leads along its own edge only."""
        best = (np.inf, -1)
        along = times.goal.share - start.share
        if start.edge == times.goal.edge and (
            not along or any(self._streets.arc_along[arc] == (along > 0) for arc in self._arcs_on(start.edge))
        ):
            best = (self._cost_on(start.edge, abs(along)), -1)
        for arc in self._arcs_on(start.edge):
            cost = float(times.cost[self._streets.arc_to[arc]]) + self._partly(start, arc, entering=False)
            best = min(best, (cost, arc))
        return best if best[0] % _CLOSED <= times.limit_s else None

    def _arcs_on(self, edge: int) -> Iterator[int]:
        first, end = self._edges.searchsorted((edge, edge + 1))
        return iter(self._by_edge[first:end].tolist())

    def _partly(self, place: OnStreet, arc: int, *, entering: bool) -> float:
        """The cost of an arc from its beginning to a place on it, or from the place to its end."""
        return self._cost_on(place.edge, self._part(place, arc, entering))

    def _cost_on(self, edge: int, share: float) -> float:
        """The cost of a part of an edge."""
        length = float(self._streets.length[edge])
        return float(_cost_of(self._now.seconds[edge] * share, length * share, self._closed[edge]))

    def _part(self, place: OnStreet, arc: int, entering: bool) -> float:
        return place.share if bool(self._streets.arc_along[arc]) == entering else 1 - place.share

    def _begun_m(self, start: OnStreet, arc: int, goal: OnStreet) -> float:
        """Metres on the edge of a place until its end, or until the goal where that is on it."""
        part = abs(goal.share - start.share) if arc < 0 else self._part(start, arc, entering=False)
        return float(self._streets.length[start.edge]) * part

    def _entered_m(self, goal: OnStreet, arc: int) -> float:
        return float(self._streets.length[goal.edge]) * self._part(goal, arc, entering=True)

    def _way(self, first: int, goal: OnStreet, following: NDArray[Any]) -> list[int]:
        """The arcs after the first one, to that by which the goal's edge is entered."""
        arcs = []
        node = int(self._streets.arc_to[first])
        while (then := int(following[node])) != self._nodes:
            arcs.append(self._arc_between(node, then))
            node = then
        return [*arcs, self._last_arc(node, goal)]

    def _last_arc(self, node: int, goal: OnStreet) -> int:
        """The arc by which the goal's edge is entered from a node, the quickest."""
        among = [arc for arc in self._arcs_on(goal.edge) if self._streets.arc_from[arc] == node]
        return min(among, key=lambda arc: self._part(goal, arc, entering=True))

    def _arc_between(self, start: int, end: int) -> int:
        """The cheapest arc from a node to its neighbour: of two streets between the same corners the open one."""
        first, last = self._pairs.searchsorted((end * self._nodes + start, end * self._nodes + start + 1))
        return int(self._arcs[first + self._now.weights[first:last].argmin()])

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

    def _edges_near(self, area: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """(edges that pass through look-up cells within an area in degrees, all others of the cells at its border).

        Nothing has to be measured of the first. As a stretch stands in no cell of which it only cuts a corner, those
        beside a cell at the border count as at the border too.
        """
        shapely.prepare(area)
        west, south, east, north = (np.array(area.bounds) * PER_DEGREE).tolist()
        lowest, highest = cell_keys(np.array([[west, south], [east, north]]), self._squeeze).tolist()
        pairs = np.array(list(cells_between(lowest, highest, ring=1)))
        first, high = pairs[:, 0], int(pairs[0, 1] - pairs[0, 0])
        boxes = cell_boxes(first, high, self._squeeze)
        touched = shapely.intersects(area, boxes)
        within = touched.copy()
        # protects: cells-within-what-is-closed
        within[touched] = shapely.contains_properly(area, boxes[touched])
        beside = _with_neighbours(touched) & ~within
        keys = first[:, None] + np.arange(high)
        marked = np.zeros(len(self._closed), bool)
        marked[self._edges_of(keys[within])] = True
        inside = np.flatnonzero(marked)
        marked[self._edges_of(keys[beside])] = True
        marked[inside] = False
        return inside, np.flatnonzero(marked)

    def _edges_beside(self, line: NDArray[Any], width_m: float) -> NDArray[Any]:
        """The edges of the look-up cells along a line in degrees, and of those around, as far as it is wide."""
        points = line * PER_DEGREE
        step = np.diff(points, axis=0)
        count = np.ceil(np.hypot(step[:, 0] * self._squeeze, step[:, 1]) / (CELL / 2)).astype(np.int64) + 1
        which = np.repeat(np.arange(len(step)), count)
        share = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)) / np.maximum(count - 1, 1)[which]
        keys = np.unique(cell_keys(points[which] + step[which] * share[:, None], self._squeeze))
        ring = 1 + math.ceil(width_m / 2 / METRES_LAT * PER_DEGREE / CELL)
        columns = np.concatenate([keys[:, None] + np.array(column) for column in cells_between(0, 0, ring)])
        marked = np.zeros(len(self._closed), bool)
        marked[self._streets.segment_edge[self._entries_between(np.unique(columns, axis=0))]] = True
        return np.flatnonzero(marked)

    def _edges_of(self, keys: NDArray[Any]) -> NDArray[Any]:
        """The edges that stand in these look-up cells, some of them more than once."""
        found: NDArray[Any] = self._streets.segment_edge[self._entries_between(np.stack([keys, keys + 1], axis=1))]
        return found

    def _in_metres(self, shapes: Any, *, back: bool = False) -> Any:
        """Shapes in degrees as shapes in metres, or back."""
        scale = np.array([METRES_LON * self._squeeze, METRES_LAT])
        return shapely.transform(shapes, lambda points: points / scale if back else points * scale)

    def _lines(self, edges: NDArray[Any]) -> NDArray[Any]:
        """Edges as lines in degrees."""
        streets = self._streets
        count = (streets.last[edges] - streets.first[edges] + 1).astype(np.int64)
        which = np.repeat(np.arange(len(edges)), count)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        points = streets.point[streets.first[edges][which] + nth] / PER_DEGREE
        lines: NDArray[Any] = shapely.linestrings(points, indices=which) if len(edges) else np.zeros(0, object)
        return lines


def _pieces_of(line: NDArray[Any], width: float) -> NDArray[Any]:
    """Of a line of that width a rectangle for each of its segments, and a triangle for the gap between two of them at
    the outer side of a bend.
    """
    step = np.diff(line, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    a, step, length = line[:-1][length > 0], step[length > 0], length[length > 0]
    b, aside = a + step, np.stack([-step[:, 1], step[:, 0]], axis=1) * (width / 2 / length)[:, None]
    sides = np.stack([a + aside, b + aside, b - aside, a - aside], axis=1)
    turn = step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0]
    outer = -np.sign(turn)[:, None]
    bends = np.stack([a[1:], a[1:] + outer * aside[:-1], a[1:] + outer * aside[1:]], axis=1)[turn != 0]
    pieces: NDArray[Any] = np.concatenate([shapely.polygons(sides), shapely.polygons(bends)])
    return pieces


def _with_neighbours(cells: NDArray[Any]) -> NDArray[Any]:
    """Cells of a block, by columns and rows, and the eight around each."""
    for axis in (0, 1):
        ahead, back = np.roll(cells, 1, axis), np.roll(cells, -1, axis)
        cells = cells | ahead | back  # what comes in again at the other side is looked at in vain
    return cells


def _cost_of(seconds: Any, metres: Any, closed: Any) -> Any:
    """Of numbers or arrays: one tick at least, as nothing that is driven takes no time."""
    ticks = np.maximum(np.round(np.asarray(seconds, np.float64) / _TICK_S), 1)
    return _CLOSED * np.asarray(closed) + _TICK_S * ticks + _METRE * np.round(np.asarray(metres, np.float64))


def _travel_of(cost: float) -> Travel:
    closed, rest = divmod(cost, _CLOSED)
    ticks, metres = divmod(rest, _TICK_S)
    return Travel(ticks * _TICK_S, metres / _METRE, int(closed))
