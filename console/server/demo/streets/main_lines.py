"""Makes ways of the typed main lines: main roads, tolls of two carriageways with their ramps, water and rail."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import shapely

from console.server.demo.streets.facts import RAILWAYS, ROADS, TOLL_ROAD, WATERWAYS, MainLine, StreetFacts
from console.server.demo.streets.plane import Point, Points, smooth, to_metres
from console.server.demo.streets.ways import InventedWay, NodeTable

RAMP = "motorway_link"
_HALF_MEDIAN_M = 9.0
_SAME_END_M = 30.0
_FROM_INTERCHANGE_M, _ROAD_FROM_INTERCHANGE_M = 700.0, 1_500.0
_RAMP_PIECES = 3
"""A ramp leaves the toll road this many nodes before the interchange, and joins it as many behind."""
_RAMP_STEP_M, _RAMP_BEND = 40.0, 0.18
_MOST_PIECES = 12


def make_main_lines(facts: StreetFacts, table: NodeTable) -> list[InventedWay]:
    """Main roads, tolls, rivers and rail. Lines of one sort that begin or end at the same point share a node there."""
    ways: list[InventedWay] = []
    ends: dict[tuple[bool, int, int], int] = {}
    for line in facts.lines_of(*ROADS, *WATERWAYS, *RAILWAYS):
        curve = smooth([to_metres(*point) for point in line.points])
        is_road = line.kind in ROADS
        nodes = [_end_node(curve[0], ends, table, is_road=is_road)]
        nodes += table.add_all(curve[1:-1])
        nodes.append(_end_node(curve[-1], ends, table, is_road=is_road))
        ways.append(InventedWay(line.kind, line.name, nodes))
    tolls = facts.lines_of(TOLL_ROAD)
    carriageways = [way for line in tolls for way in _carriageways(line, table)]
    return [*ways, *carriageways, *_joined_ends(carriageways, table)]


def add_ramps(facts: StreetFacts, ways: Sequence[InventedWay], table: NodeTable) -> list[InventedWay]:
    """The ramps at the interchanges, from each carriageway to the nearest main road and back; left-hand traffic."""
    places = table.array()
    roads = np.array([node for way in ways if way.kind in ROADS for node in way.nodes[1:-1]], dtype=np.int64)
    tolls = [way for way in ways if way.kind == TOLL_ROAD]
    ramps = []
    for spot in facts.spots_of("interchange"):
        middle = np.array(to_metres(spot.lat, spot.lon))
        away_m = np.hypot(*(places[roads] - middle).T)
        road = int(roads[int(away_m.argmin())])
        if away_m.min() > _ROAD_FROM_INTERCHANGE_M:
            continue
        for toll in tolls:
            near_m = np.hypot(*(places[toll.nodes] - middle).T)
            at = int(near_m.argmin())
            if near_m[at] > _FROM_INTERCHANGE_M or not _RAMP_PIECES < at < len(toll.nodes) - _RAMP_PIECES - 1:
                continue
            leaves, joins = toll.nodes[at - _RAMP_PIECES], toll.nodes[at + _RAMP_PIECES]
            ramps += [_ramp(leaves, road, table), _ramp(road, joins, table)]
    return ramps


def in_parts(ways: Sequence[InventedWay], places: Points) -> Iterator[InventedWay]:
    """The ways, main roads in parts of a few blocks: as in OpenStreetMap, where each part has an area of its own."""
    for way in ways:
        if way.kind not in ROADS:
            yield way
            continue
        legs_m = np.hypot(*np.diff(places[way.nodes], axis=0).T)
        passed_m = np.concatenate([[0.0], np.cumsum(legs_m)])
        for start in range(0, len(way.nodes) - 1, _MOST_PIECES):
            nodes = way.nodes[start : start + _MOST_PIECES + 1]
            yield replace(way, nodes=nodes, from_m=float(passed_m[start]))


def _end_node(place: Point, ends: dict[tuple[bool, int, int], int], table: NodeTable, *, is_road: bool) -> int:
    key = (is_road, round(place[0]), round(place[1]))
    if key not in ends:
        ends[key] = table.add(place)
    return ends[key]


def _carriageways(line: MainLine, table: NodeTable) -> Iterator[InventedWay]:
    """Two one-way roads; traffic keeps to the left, so the one on the left runs in the line's direction."""
    middle = shapely.LineString(smooth([to_metres(*point) for point in line.points]))
    for side_m, runs_back in ((_HALF_MEDIAN_M, False), (-_HALF_MEDIAN_M, True)):
        places = _beside(middle, side_m)
        nodes = table.add_all([(float(east), float(north)) for east, north in places])
        yield InventedWay(line.kind, line.name, nodes[::-1] if runs_back else nodes, is_one_way=True, is_toll=True)


def _beside(line: shapely.LineString, side_m: float) -> Points:
    """The line moved to its left (positive) or right, in its own direction."""
    places: Points = np.array(shapely.offset_curve(line, side_m, join_style="round", quad_segs=2).coords)
    start = np.array(line.coords[0])
    return places if np.hypot(*(places[0] - start)) < np.hypot(*(places[-1] - start)) else places[::-1]


def _joined_ends(carriageways: Sequence[InventedWay], table: NodeTable) -> Iterator[InventedWay]:
    """Links from where each carriageway ends to all that begin there: tolls lead into one another, or one turns."""
    for arriving in carriageways:
        for leaving in carriageways:
            end, start = table.places[arriving.nodes[-1]], table.places[leaving.nodes[0]]
            if math.dist(end, start) < 2 * _SAME_END_M:
                nodes = [arriving.nodes[-1], leaving.nodes[0]]
                yield InventedWay(RAMP, "", nodes, is_one_way=True, is_toll=True)


def _ramp(start: int, end: int, table: NodeTable) -> InventedWay:
    """A bent one-way link between two nodes."""
    (ax, ay), (bx, by) = table.places[start], table.places[end]
    middle = ((ax + bx) / 2 + (by - ay) * _RAMP_BEND, (ay + by) / 2 - (bx - ax) * _RAMP_BEND)
    curve = smooth([(ax, ay), middle, (bx, by)], _RAMP_STEP_M)
    return InventedWay(RAMP, "", [start, *table.add_all(curve[1:-1]), end], is_one_way=True)
