"""Make of a city's roads the arrays that routes are found in, one .npy file each (see `StreetArrays`).

The graph has a node where roads meet or end, an edge for each stretch of road between two nodes, and an arc for each
direction that an edge may be driven in. A turn restriction splits its node: who comes along the restricted edge
arrives at a copy of the node, which only has the arcs that are allowed from there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from console.city_map.osm_reader import OsmData
from console.city_map.road_kinds import ROADS

PER_DEGREE = 10_000_000
"""Places are whole numbers of 1e-7 degrees, as OpenStreetMap's are."""
CELL = 22_500
"""The side of a look-up cell in those, north to south: 249 m; east to west as many metres."""
DRAWN = tuple(sorted({kind.drawn for kind in ROADS.values()}))
"""`kind` of an edge is an index into this."""
METRES_LON, METRES_LAT = 111_320, 110_570
"""A degree in metres, at the equator."""

_PER_CELL = 8
_KEY_STEP = 1 << 20
"""More than there are cells in a row around the world."""


@dataclass(frozen=True)
class StreetArrays:
    """The arrays of a graph of N nodes, C copies of nodes, E edges, A arcs, P points and S look-up entries.

    `node` int32[N + C, 2]: lon, lat in 1e-7 degrees. `point` int32[P, 2]: the points of all edges; edge e has those
    from `first[e]` to `last[e]`, both included (int32[E]). Per edge: `length` float32, metres; `speed` uint8, km/h;
    `kind` int8, index into DRAWN; `street` int32, index into the names; `reachable` bool: whether it can be come to
    and left again, so that a place may be taken to be on it. `arc_from`, `arc_to` int32[A], nodes or copies;
    `arc_edge` int32[A]; `arc_along` bool[A], whether it goes as the edge's points do. `segment_key` int64[S] ascending:
    the cell (see `cell_keys`); `segment` int32[S]: a point from which a segment of the edge `segment_edge` int32[S]
    goes on to the next one. `name` uint8: the streets' names in UTF-8, that of street s from `name_at[s]` to
    `name_at[s + 1]`.
    """

    node: NDArray[Any]
    point: NDArray[Any]
    first: NDArray[Any]
    last: NDArray[Any]
    length: NDArray[Any]
    speed: NDArray[Any]
    kind: NDArray[Any]
    street: NDArray[Any]
    reachable: NDArray[Any]
    arc_from: NDArray[Any]
    arc_to: NDArray[Any]
    arc_edge: NDArray[Any]
    arc_along: NDArray[Any]
    segment_key: NDArray[Any]
    segment: NDArray[Any]
    segment_edge: NDArray[Any]
    name: NDArray[Any]
    name_at: NDArray[Any]

    def save(self, folder: Path) -> None:
        """Write a file for each array. Raises OSError."""
        folder.mkdir()
        for one in fields(self):
            np.save(folder / f"{one.name}.npy", getattr(self, one.name), allow_pickle=False)


def load_arrays(folder: Path) -> StreetArrays:
    """The arrays of a map, as the files hold them: mapped, so that two programs share them.

    Raises OSError, ValueError where they are damaged.
    """
    found = {
        one.name: np.load(folder / f"{one.name}.npy", mmap_mode="r", allow_pickle=False) for one in fields(StreetArrays)
    }
    return StreetArrays(**found)


def squeeze_of(lat: float) -> float:
    """How much shorter a degree of longitude is there than at the equator."""
    return max(0.05, math.cos(math.radians(lat)))


def cell_keys(points: NDArray[Any], squeeze: float) -> NDArray[Any]:
    """The look-up cell of each point (lon, lat in 1e-7 degrees): columns apart by `_KEY_STEP`, rows by 1."""
    cells = np.floor(points / (CELL / squeeze, CELL)).astype(np.int64)
    keys: NDArray[Any] = cells[..., 0] * _KEY_STEP + cells[..., 1]
    return keys


def cells_between(lowest: int, highest: int, ring: int = 0) -> Iterator[tuple[int, int]]:
    """The keys, from and below, of each column of a block of cells between two corners, and of so many around it."""
    column, row = divmod(lowest + _KEY_STEP // 2, _KEY_STEP)
    last, top = divmod(highest + _KEY_STEP // 2, _KEY_STEP)
    for one in range(column - ring, last + ring + 1):
        key = one * _KEY_STEP - _KEY_STEP // 2
        yield key + row - ring, key + top + ring + 1


def cell_boxes(lowest: NDArray[Any], high: int, squeeze: float) -> NDArray[Any]:
    """The frames in degrees of columns of look-up cells, each of so many, from the keys of their lowest cells."""
    column, row = np.divmod(lowest + _KEY_STEP // 2, _KEY_STEP)
    side = np.array([CELL / squeeze, CELL]) / PER_DEGREE
    west = (column * side[0])[:, None]
    south = (row - _KEY_STEP // 2)[:, None] * side[1] + np.arange(high) * side[1]
    boxes: NDArray[Any] = shapely.box(west, south, west + side[0], south + side[1])
    return boxes


def make_streets(data: OsmData) -> StreetArrays:
    """The graph of the roads that may be driven on. Restrictions that it cannot hold are counted in `data.left_out`."""
    roads = data.roads
    drivable = np.flatnonzero(np.array(roads.drivable, bool))
    all_sizes = np.array(roads.sizes)
    of_road = np.isin(np.repeat(np.arange(len(all_sizes)), all_sizes), drivable)
    refs = np.array(roads.nodes, np.int64)[of_road]
    size = all_sizes[drivable]
    wkb = np.array(roads.wkb, object)[drivable]
    degrees = shapely.get_coordinates(shapely.from_wkb(wkb))
    road = np.repeat(np.arange(len(drivable)), size)
    ref, node_of_point, uses = np.unique(refs, return_inverse=True, return_counts=True)
    key = uses[node_of_point] > 1
    ends = np.cumsum(size)
    key[ends - size] = key[ends - 1] = True
    at = np.flatnonzero(key)
    pair = road[at[1:]] == road[at[:-1]]
    first, last = at[:-1][pair], at[1:][pair]
    node = np.unique(node_of_point[at])
    index_of = np.full(len(ref), -1, np.int32)
    index_of[node] = np.arange(len(node), dtype=np.int32)
    of_edge = drivable[road[first]]
    along = _distance_along(degrees, road)
    point = np.round(degrees * PER_DEGREE).astype(np.int32)
    place = np.zeros((len(ref), 2), np.int32)
    place[node_of_point] = point
    source, target = index_of[node_of_point[first]], index_of[node_of_point[last]]
    kinds = [ROADS[kind] for kind in roads.kinds]
    limit = np.array(roads.limits_kmh, np.uint8)[of_edge]
    speed = np.array([kind.speed_kmh for kind in kinds], np.uint8)[of_edge]
    speed = np.where((limit > 4) & (limit < speed), limit, speed)
    streets, names, name_at = _names(roads.names)
    one_way = np.array(roads.one_ways)[of_edge]
    arcs = _arcs(source, target, one_way)
    vias = _nodes_of([one.via for one in data.restrictions], ref, index_of)
    arcs, copied = _with_restrictions(arcs, len(node), np.array(roads.ways)[of_edge], vias, data)
    nodes = np.concatenate([place[node], place[node][copied]]).astype(np.int32)
    reachable = _reachable(arcs, len(nodes), len(first))
    squeeze = squeeze_of(float(nodes[:, 1].mean()) / PER_DEGREE)
    segment_key, segment, segment_edge = _segments(point, first, last, reachable, squeeze)
    return StreetArrays(
        node=nodes,
        point=point,
        first=first.astype(np.int32),
        last=last.astype(np.int32),
        length=(along[last] - along[first]).astype(np.float32),
        speed=speed.astype(np.uint8),
        kind=np.array([DRAWN.index(kind.drawn) for kind in kinds], np.int8)[of_edge],
        street=streets[of_edge].astype(np.int32),
        reachable=reachable,
        arc_from=arcs.start,
        arc_to=arcs.end,
        arc_edge=arcs.edge,
        arc_along=arcs.along,
        segment_key=segment_key,
        segment=segment,
        segment_edge=segment_edge,
        name=names,
        name_at=name_at,
    )


@dataclass(frozen=True)
class _Arcs:
    start: NDArray[Any]
    end: NDArray[Any]
    edge: NDArray[Any]
    along: NDArray[Any]


def _distance_along(degrees: NDArray[Any], road: NDArray[Any]) -> NDArray[Any]:
    """Metres from the very first point to each, along the roads; steps between two roads count nothing."""
    squeeze = squeeze_of(float(degrees[:, 1].mean()))
    step = np.diff(degrees, axis=0) * (METRES_LON * squeeze, METRES_LAT)
    metres = np.hypot(step[:, 0], step[:, 1])
    metres[road[1:] != road[:-1]] = 0
    return np.concatenate([[0], np.cumsum(metres)])


def _names(names: Sequence[str]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(index of each road's name, all names in UTF-8, where each begins)."""
    known = sorted(set(names))
    index = {name: at for at, name in enumerate(known)}
    encoded = [name.encode() for name in known]
    ends = np.cumsum([0, *(len(name) for name in encoded)]).astype(np.int32)
    return np.array([index[name] for name in names]), np.frombuffer(b"".join(encoded), np.uint8), ends


def _arcs(source: NDArray[Any], target: NDArray[Any], one_way: NDArray[Any]) -> _Arcs:
    edge = np.arange(len(source), dtype=np.int32)
    ahead, back = one_way >= 0, one_way <= 0
    return _Arcs(
        np.concatenate([source[ahead], target[back]]),
        np.concatenate([target[ahead], source[back]]),
        np.concatenate([edge[ahead], edge[back]]),
        np.concatenate([np.ones(ahead.sum(), bool), np.zeros(back.sum(), bool)]),
    )


def _nodes_of(wanted: Sequence[int], ref: NDArray[Any], index_of: NDArray[Any]) -> dict[int, int]:
    """The index of each node, by its id in the file; those that are no nodes of the graph are missing."""
    ids = np.array(wanted, np.int64)
    at = np.minimum(np.searchsorted(ref, ids), len(ref) - 1)
    found = (ref[at] == ids) & (index_of[at] >= 0)
    return dict(zip(ids[found].tolist(), index_of[at[found]].tolist(), strict=True))


def _with_restrictions(
    arcs: _Arcs, nodes: int, way_of_edge: NDArray[Any], vias: dict[int, int], data: OsmData
) -> tuple[_Arcs, list[int]]:
    """(arcs with split nodes, the node of which each copy is one); the copies are numbered from `nodes` on."""
    leaving, arriving = _arcs_at(set(vias.values()), arcs)
    forbidden: dict[tuple[int, int], set[int]] = defaultdict(set)
    """By node and edge along which one comes: the edges that one may not go on by."""
    for one in data.restrictions:
        via = vias.get(one.via)
        came = [] if via is None else _edges_of_way(one.came, arriving[via], arcs, way_of_edge)
        goes = [] if via is None else _edges_of_way(one.goes, leaving[via], arcs, way_of_edge)
        # Of a way that goes on through the node it is not known which part is meant.
        if via is None or len(came) != 1 or len(goes) != 1:
            data.left_out["turn restrictions"] += 1
            continue
        edges = {int(arcs.edge[arc]) for arc in leaving[via]}
        # protects: turn-restrictions
        forbidden[via, came[0]] |= edges - set(goes) if one.only else set(goes)
    start, end, edge, along = [arcs.start], arcs.end.copy(), [arcs.edge], [arcs.along]
    kept: list[NDArray[Any]] = []
    copied: list[int] = []
    for (via, by), edges in sorted(forbidden.items()):
        into = [arc for arc in arriving[via] if arcs.edge[arc] == by]
        allowed = np.array([arc for arc in leaving[via] if int(arcs.edge[arc]) not in edges], np.int64)
        copy = nodes + len(copied)
        copied.append(via)
        end[into] = copy
        kept.append(allowed)
        start.append(np.full(len(allowed), copy, np.int32))
        edge.append(arcs.edge[allowed])
        along.append(arcs.along[allowed])
    # Where the arcs of copies lead is taken last: that end may itself be a copy by now.
    ends = np.concatenate([end, *(end[allowed] for allowed in kept)])
    return _Arcs(np.concatenate(start), ends, np.concatenate(edge), np.concatenate(along)), copied


def _arcs_at(nodes: set[int], arcs: _Arcs) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """(arcs that leave each of some nodes, arcs that arrive there)."""
    wanted = np.array(sorted(nodes), np.int64)
    found: list[dict[int, list[int]]] = []
    for ends in (arcs.start, arcs.end):
        at: dict[int, list[int]] = {node: [] for node in nodes}
        for arc in np.flatnonzero(np.isin(ends, wanted)).tolist():
            at[int(ends[arc])].append(arc)
        found.append(at)
    return found[0], found[1]


def _edges_of_way(way: int, among: Sequence[int], arcs: _Arcs, way_of_edge: NDArray[Any]) -> list[int]:
    return sorted({int(arcs.edge[arc]) for arc in among if way_of_edge[arcs.edge[arc]] == way})


def _reachable(arcs: _Arcs, nodes: int, edges: int) -> NDArray[Any]:
    """Which edges lie in the largest part of the city of which every place can be reached from every other."""
    graph = csr_array((np.ones(len(arcs.start), np.int8), (arcs.start, arcs.end)), shape=(nodes, nodes))
    _, part = connected_components(graph, connection="strong")
    largest = np.bincount(part).argmax()
    good = np.zeros(edges, bool)
    # protects: snap-to-what-can-be-left
    good[arcs.edge[(part[arcs.start] == largest) & (part[arcs.end] == largest)]] = True
    return good


def _segments(
    point: NDArray[Any], first: NDArray[Any], last: NDArray[Any], reachable: NDArray[Any], squeeze: float
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(cell keys ascending, segments, their edges): each segment stands in every cell that it passes through."""
    edges = np.flatnonzero(reachable)
    count = (last - first)[edges]
    segment = np.repeat(first[edges], count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    edge = np.repeat(edges, count)
    a, b = point[segment].astype(np.float64), point[segment + 1].astype(np.float64)
    step = (b - a) * (squeeze, 1)
    pieces = 1 + np.ceil(np.hypot(step[:, 0], step[:, 1]) / (CELL / _PER_CELL)).astype(np.int64)
    which = np.repeat(np.arange(len(segment)), pieces)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = nth / np.maximum(pieces - 1, 1)[which]
    keys = cell_keys(a[which] + (b - a)[which] * share[:, None], squeeze)
    new = np.ones(len(which), bool)
    new[1:] = (which[1:] != which[:-1]) | (keys[1:] != keys[:-1])
    keys, which = keys[new], which[new]
    order = np.argsort(keys, kind="stable")
    return keys[order], segment[which[order]].astype(np.int32), edge[which[order]].astype(np.int32)
