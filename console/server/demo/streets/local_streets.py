"""Bends the straight streets of all wards into ways, and leaves out what would lie in the sea, a lake or a park."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from console.server.demo.streets.ground import Ground
from console.server.demo.streets.halving import Plan, StraightStreet
from console.server.demo.streets.plane import bend
from console.server.demo.streets.ward_cells import is_island
from console.server.demo.streets.ways import InventedWay, NodeTable

_POINT_EVERY_M = 90.0


def bend_streets(plan: Plan, ground: Ground) -> tuple[NodeTable, list[InventedWay]]:
    """The nodes and ways of the local streets. A node of the plan keeps its number; those between come after."""
    table = NodeTable(list(plan.nodes))
    lines = [_nodes_along(street, table) for street in plan.streets]
    bent = bend(table.array())
    table.places = [(east, north) for east, north in bent.tolist()]
    island_nodes = {
        node for street, nodes in zip(plan.streets, lines, strict=True) if is_island(street.ward) for node in nodes
    }
    free = ground.is_free(bent)
    free[np.fromiter(island_nodes, np.int64, len(island_nodes))] = True
    ways = [
        way for street, nodes in zip(plan.streets, lines, strict=True) for way in _parts(street, nodes, free, table)
    ]
    return table, ways


def _nodes_along(street: StraightStreet, table: NodeTable) -> list[int]:
    """The nodes of a street from one end to the other, with further ones so that it can be bent."""
    if len(street.on) < 2:
        return []
    start, end = street.on[0], street.on[1]
    dx, dy = end.x - start.x, end.y - start.y
    on = sorted(street.on, key=lambda at: (at.x - start.x) * dx + (at.y - start.y) * dy)
    nodes = [on[0].node]
    for here, there in pairwise(on):
        distance_m = abs(there.x - here.x) + abs(there.y - here.y)  # no less than the true one
        pieces = int(distance_m // _POINT_EVERY_M) + 1
        for piece in range(1, pieces):
            share = piece / pieces
            nodes.append(table.add((here.x + (there.x - here.x) * share, here.y + (there.y - here.y) * share)))
        if there.node != nodes[-1]:
            nodes.append(there.node)
    return nodes


def _parts(
    street: StraightStreet, nodes: Sequence[int], free: NDArray[np.bool_], table: NodeTable
) -> Iterator[InventedWay]:
    """The street as one way, or what is left of it."""
    if not nodes:
        return
    if all(free[node] for node in nodes):
        yield InventedWay(street.kind, street.name, list(nodes), street.ward)
        return
    run: list[int] = []
    from_m = passed_m = 0.0
    before = nodes[0]
    for node in (*nodes, None):
        if node is not None and free[node]:
            passed_m += _apart_m(table, before, node)
            if not run:
                from_m = passed_m
            run.append(node)
            before = node
            continue
        if len(run) > 1:
            yield InventedWay(street.kind, street.name, run, street.ward, is_whole=False, from_m=from_m)
        run = []
        if node is not None:
            passed_m += _apart_m(table, before, node)
            before = node


def _apart_m(table: NodeTable, one: int, other: int) -> float:
    (ax, ay), (bx, by) = table.places[one], table.places[other]
    return float(np.hypot(bx - ax, by - ay))
