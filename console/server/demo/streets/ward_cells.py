"""Lays the wards out: each gets the cell around its centre, a street along each border, and streets inside."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import Voronoi

from console.server.demo.areas import Ward
from console.server.demo.streets.halving import Corner, Fabric, Halver, Meeting, Plan
from console.server.demo.streets.names import StreetNames
from console.server.demo.streets.plane import Point, Points, bend, ring_around, to_metres

ISLANDS = "31.01"
"""The kota whose wards are islands, each of its own."""

_OUTSKIRTS_M, _RING_STEP_M = 2_600.0, 900.0
_BLOCK_HA = 0.9
_FORMAL = Fabric(_BLOCK_HA * 1.25, 0.03, is_kampung=False)
_KAMPUNG = Fabric(_BLOCK_HA * 0.85, 0.11, is_kampung=True)
_FORMAL_SHARE, _FORMAL_SHARE_OUTSIDE = 0.3, 0.55
_DENSE_M, _LOOSER_EVERY_M = 9_000.0, 14_000.0
_MAIN_BORDER = 0.4
_ISLAND_M = (1_050.0, 620.0)
_SHORE_M = 90.0
_BORDER_POINT_EVERY_M, _BORDER_WITHIN_M = 30.0, 4.0


@dataclass(frozen=True)
class WardLayout:
    """The straight streets of all wards, and the outline of each ward (by its code), both before the plane is bent."""

    plan: Plan
    outlines: dict[str, Points]


def is_island(ward_code: str) -> bool:
    """Whether a ward lies in the sea."""
    return ward_code.startswith(ISLANDS)


def lay_out_wards(wards: Sequence[Ward], seed: int, only: Collection[str] | None = None) -> WardLayout:
    """Cells and borders of all wards, and the streets inside of those in `only` (None: of all).

    A ward's streets are the same whichever others are filled.
    """
    plan, outlines = Plan(), {}
    mainland = [ward for ward in wards if not is_island(ward.code)]
    cells = _mainland_cells(plan, mainland, seed)
    cells |= {ward.code: _island_cell(plan, ward, seed) for ward in wards if is_island(ward.code)}
    for ward in wards:
        cell = cells[ward.code]
        outlines[ward.code] = np.array([(corner.x, corner.y) for corner in cell])
        if only is not None and ward.code not in only:
            continue
        chance = random.Random(f"{seed}/{ward.code}")  # noqa: S311  a made-up city, no secret
        fabric = _fabric_of(ward, chance)
        Halver(plan, ward.code, fabric, StreetNames(ward.name, chance), chance).fill(cell)
    return WardLayout(plan, outlines)


def shore_of(ward: Ward, seed: int) -> Points:
    """The coast around an island ward, counter-clockwise, not closed."""
    chance = random.Random(f"{seed}/{ward.code}/island")  # noqa: S311  a made-up city, no secret
    width_m, height_m = _ISLAND_M
    return ring_around(to_metres(ward.lat, ward.lon), width_m, height_m, chance)


def bent_outline(corners: Points) -> Points:
    """A ward's outline along its bent borders, not closed; neighbours have the same points on the border they share."""
    edges = []
    for start, end in zip(corners, np.roll(corners, -1, 0), strict=True):
        is_turned = tuple(start) > tuple(end)
        straight = _between(end, start) if is_turned else _between(start, end)
        edge = np.array(shapely.simplify(shapely.LineString(bend(straight)), _BORDER_WITHIN_M).coords)
        edges.append((edge[::-1] if is_turned else edge)[:-1])
    return np.vstack(edges)


def _between(start: Points, end: Points) -> Points:
    """Points from `start` to `end`, both with it, close enough to be bent."""
    pieces = int(np.hypot(*(end - start)) // _BORDER_POINT_EVERY_M) + 1
    straight: Points = start + (end - start) * np.arange(pieces + 1)[:, None] / pieces
    return straight


def _mainland_cells(plan: Plan, wards: Sequence[Ward], seed: int) -> dict[str, list[Corner]]:
    """The Voronoi cells of the wards' centres, bounded by a ring around all of them; a street lies on each edge."""
    centres = np.array([to_metres(ward.lat, ward.lon) for ward in wards])
    hull = shapely.concave_hull(shapely.MultiPoint(centres), ratio=0.25).buffer(_OUTSKIRTS_M)
    around = [hull.exterior.interpolate(at).coords[0] for at in np.arange(0, hull.length, _RING_STEP_M)]
    diagram = Voronoi(np.vstack([centres, np.array(around)]))
    node_of: dict[int, int] = {}
    street_of: dict[tuple[int, int], int] = {}
    for pair, ends in zip(diagram.ridge_points.tolist(), diagram.ridge_vertices, strict=True):
        inside = sorted(number for number in pair if number < len(wards))
        if not inside or min(ends) < 0:
            continue
        street = _add_border(plan, [wards[number] for number in inside], seed)
        for end in ends:
            if end not in node_of:
                node_of[end] = plan.add_node(*_place(diagram, end))
            plan.put_on(street, Meeting(*_place(diagram, end), node_of[end]))
        street_of[min(ends), max(ends)] = street
    cells = {}
    for number, ward in enumerate(wards):
        region = _counter_clockwise(diagram, diagram.regions[diagram.point_region[number]])
        edges = zip(region, region[1:] + region[:1], strict=True)
        cells[ward.code] = [
            Corner(*_place(diagram, at), node_of[at], street_of[min(at, after), max(at, after)]) for at, after in edges
        ]
    return cells


def _add_border(plan: Plan, sides: Sequence[Ward], seed: int) -> int:
    """A street on the border of two wards, or around the city; it belongs to none of them."""
    codes = "/".join(ward.code for ward in sides)
    if len(sides) == 1:
        return plan.add_street("residential", f"Jl. Batas {sides[0].name}", "")
    is_main = random.Random(f"{seed}/{codes}").random() < _MAIN_BORDER  # noqa: S311  a made-up city, no secret
    return plan.add_street("tertiary" if is_main else "residential", f"Jl. {sides[0].name} - {sides[1].name}", "")


def _place(diagram: Voronoi, vertex: int) -> Point:
    x, y = diagram.vertices[vertex]
    return float(x), float(y)


def _counter_clockwise(diagram: Voronoi, region: Sequence[int]) -> list[int]:
    points = diagram.vertices[list(region)]
    after = np.roll(points, -1, 0)
    twice = float(np.sum(points[:, 0] * after[:, 1] - after[:, 0] * points[:, 1]))
    return list(region) if twice > 0 else list(reversed(region))


def _island_cell(plan: Plan, ward: Ward, seed: int) -> list[Corner]:
    """An island's cell lies a little behind its shore; one street runs around it."""
    middle = np.array(to_metres(ward.lat, ward.lon))
    shore = shore_of(ward, seed)
    hull = shapely.MultiPoint(middle + (shore - middle) * (1 - 2 * _SHORE_M / min(_ISLAND_M))).convex_hull
    corners = list(shapely.geometry.polygon.orient(hull).exterior.coords)[:-1]
    meetings = [Meeting(x, y, plan.add_node(x, y)) for x, y in corners]
    cell = []
    for here, there in zip(meetings, meetings[1:] + meetings[:1], strict=True):
        street = plan.add_street("residential", f"Jl. Lingkar {ward.name}", ward.code)
        cell.append(Corner(*here, street))
        plan.put_on(street, here)
        plan.put_on(street, there)
    return cell


def _fabric_of(ward: Ward, chance: random.Random) -> Fabric:
    """Formal housing or kampung; blocks get larger towards the outskirts."""
    outside = ward.city.endswith(("Selatan", "Utara"))
    is_formal = chance.random() < (_FORMAL_SHARE_OUTSIDE if outside else _FORMAL_SHARE)
    fabric = _FORMAL if is_formal else _KAMPUNG
    if is_island(ward.code):
        return _KAMPUNG
    looser = 1.0 + max(0.0, math.hypot(*to_metres(ward.lat, ward.lon)) - _DENSE_M) / _LOOSER_EVERY_M
    return Fabric(fabric.block_ha * looser, fabric.uneven, fabric.is_kampung)
