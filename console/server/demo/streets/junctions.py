"""Joins local streets to main roads, and breaks or bridges them at rivers, rail and tolls."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from console.server.demo.streets.facts import RAILWAYS, ROADS, TOLL_ROAD, WATERWAYS
from console.server.demo.streets.plane import Point, Points
from console.server.demo.streets.ways import (
    Crossings,
    InventedWay,
    NodeTable,
    WaySegments,
    crossings_of,
    segments_of,
    with_nodes,
)

_LOCAL = ("tertiary", "residential", "living_street")
_SAME_CORNER_M = 7.0
_SHORTEST_END_M = 6.0
_CUT: Mapping[str, Mapping[str, float]] = {
    "water": {"living_street": 0.95, "residential": 0.8, "tertiary": 0.15},
    "rail": {"living_street": 0.97, "residential": 0.8, "tertiary": 0.1},
    "toll": {"living_street": 0.95, "residential": 0.75, "tertiary": 0.0},
}
"""The part of the streets of each class that end at a barrier; the others pass by a bridge."""
_RIVER_M = 12.0
_HALF_WIDTH_M = {"water": 16.0, "rail": 9.0, "toll": 24.0}
_BARRIER = dict.fromkeys(WATERWAYS, "water") | dict.fromkeys(RAILWAYS, "rail") | {TOLL_ROAD: "toll"}


@dataclass(slots=True)
class _Gap:
    """A stretch of a local street at a barrier: from and to, as piece plus share along it."""

    start: float
    end: float
    is_cut: bool


@dataclass
class _Changes:
    """What becomes of one local street: nodes that it gets, and stretches at barriers."""

    joins: list[tuple[int, float, int]] = field(default_factory=list)
    gaps: list[_Gap] = field(default_factory=list)


def join_roads(ways: list[InventedWay], table: NodeTable) -> None:
    """Give main roads that cross one another a node in common."""
    numbers = [number for number, way in enumerate(ways) if way.kind in ROADS]
    pieces = segments_of(ways, numbers, table.array())
    crossings = crossings_of(pieces, pieces, shapely.STRtree(pieces.lines()))
    added = defaultdict(list)
    for one, other, share_one, share_other, place in _rows(crossings):
        if one < other and pieces.way[one] != pieces.way[other]:
            node = table.add(place)
            added[int(pieces.way[one])].append((int(pieces.at[one]), share_one, node))
            added[int(pieces.way[other])].append((int(pieces.at[other]), share_other, node))
    for number, more in added.items():
        ways[number].nodes = with_nodes(ways[number].nodes, more)


def connect_local_streets(
    main: list[InventedWay], local: list[InventedWay], table: NodeTable, seed: int
) -> list[InventedWay]:
    """Join the local streets to the main roads, which get nodes, and break them at barriers. The streets that result.

    A street that a barrier would cut off from all others passes by a bridge.
    """
    places = table.array()
    lines = [number for number, way in enumerate(main) if way.kind in ROADS or way.kind in _BARRIER]
    main_pieces = segments_of(main, lines, places)
    local_pieces = segments_of(local, range(len(local)), places)
    crossings = crossings_of(main_pieces, local_pieces, shapely.STRtree(local_pieces.lines()))
    changes, road_nodes = _find_changes(main, local, main_pieces, local_pieces, crossings, table, seed)
    for number, more in road_nodes.items():
        main[number].nodes = with_nodes(main[number].nodes, more)
    whole = [way for number, way in enumerate(local) if number not in changes]
    parts: list[InventedWay] = []
    cuts: list[InventedWay] = []
    for number, change in sorted(changes.items()):
        for part, is_cut in _broken(local[number], change, table):
            (cuts if is_cut else parts).append(part)
    roads = [way for way in main if way.kind not in WATERWAYS and way.kind not in RAILWAYS]
    return [*whole, *parts, *_needed_bridges([*roads, *whole, *parts], cuts, len(table.places))]


def keep_connected(ways: Sequence[InventedWay], is_road: NDArray[np.bool_], nodes: int) -> list[InventedWay]:
    """Leave out the streets that can't be reached from the largest part; islands stay, each a part of its own.

    `is_road` says of each way whether one drives on it.
    """
    roads = [way for way, road in zip(ways, is_road.tolist(), strict=True) if road]
    part_of = _parts_of(roads, nodes)
    largest = int(np.bincount(part_of[[way.nodes[0] for way in roads]]).argmax())
    return [
        way
        for way, road in zip(ways, is_road.tolist(), strict=True)
        if not road or part_of[way.nodes[0]] == largest or way.ward.startswith("31.01")
    ]


def end_at_banks(ways: Sequence[InventedWay], places: Points) -> list[InventedWay]:
    """The ways, of which no local street ends in a river as wide as it is drawn."""
    rivers = shapely.MultiLineString([places[way.nodes] for way in ways if way.kind in WATERWAYS])
    shapely.prepare(rivers)
    wet = set(np.flatnonzero(shapely.dwithin(rivers, shapely.points(places), _RIVER_M)).tolist())
    touching = Counter(node for way in ways if way.kind not in _BARRIER or way.kind == TOLL_ROAD for node in way.nodes)
    loose = {node for node in wet if touching[node] == 1}
    kept = list(ways)
    while loose:
        before, kept = kept, []
        for way in before:
            nodes = list(way.nodes)
            for end in (0, -1) if way.kind in _LOCAL else ():
                while nodes and nodes[end] in loose:
                    del nodes[end]
            if len(nodes) == len(way.nodes):
                kept.append(way)
                continue
            touching.subtract(way.nodes)
            if len(nodes) > 1:
                touching.update(nodes)
                kept.append(_part(way, nodes, is_whole=False))
        was, loose = loose, {node for node in wet if touching[node] == 1}
        if loose == was:
            break
    return kept


def _find_changes(
    main: Sequence[InventedWay],
    local: Sequence[InventedWay],
    main_pieces: WaySegments,
    local_pieces: WaySegments,
    crossings: Crossings,
    table: NodeTable,
    seed: int,
) -> tuple[dict[int, _Changes], dict[int, list[tuple[int, float, int]]]]:
    """What the crossings do to local streets (by number), and the nodes that main roads get."""
    chance = random.Random(f"{seed}/barriers")  # noqa: S311  a made-up city, no secret
    changes: dict[int, _Changes] = defaultdict(_Changes)
    road_nodes: dict[int, list[tuple[int, float, int]]] = defaultdict(list)
    main_way, main_at = main_pieces.way.tolist(), main_pieces.at.tolist()
    local_way, local_at = local_pieces.way.tolist(), local_pieces.at.tolist()
    for one, other, share_one, share_other, place in _rows(crossings):
        line, number, piece = main_way[one], local_way[other], local_at[other]
        barrier = _BARRIER.get(main[line].kind)
        if barrier is None:
            node = _near_corner(local[number].nodes[piece : piece + 2], place, table)
            if node is None:
                node = table.add(place)
                changes[number].joins.append((piece, share_other, node))
            road_nodes[line].append((main_at[one], share_one, node))
            continue
        start, end = (table.places[node] for node in local[number].nodes[piece : piece + 2])
        half = _HALF_WIDTH_M[barrier] / max(math.dist(start, end), 1.0)
        at = piece + share_other
        is_cut = chance.random() < _CUT[barrier].get(local[number].kind, 0.0)
        changes[number].gaps.append(_Gap(max(piece, at - half), min(piece + 1, at + half), is_cut))
    return changes, road_nodes


def _near_corner(ends: Sequence[int], place: Point, table: NodeTable) -> int | None:
    """The end of a piece that is as good as at the place."""
    for node in ends:
        if math.dist(table.places[node], place) < _SAME_CORNER_M:
            return node
    return None


def _broken(way: InventedWay, change: _Changes, table: NodeTable) -> Iterator[tuple[InventedWay, bool]]:
    """The parts of a local street: those that stay, bridges among them, and (with True) what a barrier takes."""
    stops = [(float(at), node) for at, node in enumerate(way.nodes)]
    stops = sorted([*stops, *((piece + share, node) for piece, share, node in change.joins)])
    is_whole = way.is_whole and not change.gaps
    run = [stops[0][1]]
    for (start, first), (end, last) in pairwise(stops):
        gap = _gap_between(start, end, change.gaps)
        if gap is not None and end > start:
            shares = ((gap.start - start) / (end - start), (gap.end - start) / (end - start))
            before, after = (_node_between(first, last, share, table) for share in shares)
            if before != run[-1]:
                run.append(before)
            if len(run) > 1:
                yield _part(way, run, is_whole=is_whole), False
            if before != after:
                yield replace(_part(way, [before, after], is_whole=False), is_bridge=True), gap.is_cut
            run = [after]
        if last != run[-1]:
            run.append(last)
    if len(run) > 1:
        yield _part(way, run, is_whole=is_whole), False


def _part(way: InventedWay, nodes: list[int], *, is_whole: bool) -> InventedWay:
    return replace(way, nodes=nodes, is_whole=is_whole)


def _gap_between(start: float, end: float, gaps: Sequence[_Gap]) -> _Gap | None:
    """The stretch at barriers between two neighbouring nodes: all of them as one."""
    inside = [gap for gap in gaps if gap.start < end and gap.end > start and start <= (gap.start + gap.end) / 2 <= end]
    if not inside:
        return None
    first = max(start, min(gap.start for gap in inside))
    last = min(end, max(gap.end for gap in inside))
    return _Gap(first, last, any(gap.is_cut for gap in inside))


def _node_between(first: int, last: int, share: float, table: NodeTable) -> int:
    """A node at a share of the way from one to the other; one of these where it is as good as there."""
    (ax, ay), (bx, by) = table.places[first], table.places[last]
    length_m = math.hypot(bx - ax, by - ay)
    if share * length_m < _SHORTEST_END_M:
        return first
    if (1 - share) * length_m < _SHORTEST_END_M:
        return last
    return table.add((ax + (bx - ax) * share, ay + (by - ay) * share))


def _needed_bridges(roads: Sequence[InventedWay], cuts: Sequence[InventedWay], nodes: int) -> list[InventedWay]:
    """Of what barriers take, the bridges without which a part of the city could not be reached."""
    part_of = _parts_of([*roads], nodes)
    merged = list(range(int(part_of.max()) + 1)) if len(part_of) else []

    def root(part: int) -> int:
        while merged[part] != part:
            merged[part] = merged[merged[part]]
            part = merged[part]
        return part

    bridges = []
    for cut in cuts:
        one, other = root(int(part_of[cut.nodes[0]])), root(int(part_of[cut.nodes[-1]]))
        if one != other:
            merged[one] = other
            bridges.append(cut)
    return bridges


def _parts_of(ways: Sequence[InventedWay], nodes: int) -> NDArray[np.int32]:
    """The connected part that each node belongs to."""
    pieces = segments_of(ways, range(len(ways)), np.zeros((nodes, 2)))
    ones = np.ones(len(pieces.ends), dtype=np.int8)
    graph = coo_array((ones, (pieces.ends[:, 0], pieces.ends[:, 1])), shape=(nodes, nodes))
    parts: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return parts


def _rows(crossings: Crossings) -> Iterator[tuple[int, int, float, float, Point]]:
    """(piece of one, piece of other, share along each, place) of every crossing."""
    return zip(
        crossings.one.tolist(),
        crossings.other.tolist(),
        crossings.share_one.tolist(),
        crossings.share_other.tolist(),
        map(tuple, crossings.places.tolist()),
        strict=True,
    )
