"""The whole of the demo city's streets, from the wards, the facts and a seed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from console.server.demo.areas import Ward
from console.server.demo.streets.facts import RAILWAYS, ROADS, WATERWAYS, StreetFacts
from console.server.demo.streets.ground import Ground, lay_ground
from console.server.demo.streets.junctions import connect_local_streets, end_at_banks, join_roads, keep_connected
from console.server.demo.streets.local_streets import bend_streets
from console.server.demo.streets.main_lines import add_ramps, in_parts, make_main_lines
from console.server.demo.streets.plane import Points
from console.server.demo.streets.ward_cells import bent_outline, lay_out_wards
from console.server.demo.streets.ways import InventedWay

STREET_SEED = 7
"""The demo city's streets are the same whatever happens in it."""

NOT_DRIVEN = (*WATERWAYS, *RAILWAYS)


@dataclass(frozen=True)
class Stretch:
    """A road as points, apart from the network: streets that meet it in there may have moved it by some metres."""

    kind: str
    name: str
    places: Points


@dataclass(frozen=True)
class CityStreets:
    """Ways over nodes, in metres of the plane; the ground; outlines and names of wards, by code; main roads."""

    nodes: Points
    ways: tuple[InventedWay, ...]
    ground: Ground
    outlines: dict[str, Points]
    ward_names: dict[str, str]
    main_roads: tuple[Stretch, ...]


def make_streets(
    wards: Sequence[Ward], facts: StreetFacts, seed: int = STREET_SEED, only: Collection[str] | None = None
) -> CityStreets:
    """All streets; with `only` the main lines, the borders of wards, and the streets inside the wards of these codes.

    A street that meets no barrier is the same with more or fewer wards.
    """
    ground = lay_ground(facts, wards, seed)
    layout = lay_out_wards(wards, seed, only)
    table, local = bend_streets(layout.plan, ground)
    main = make_main_lines(facts, table)
    join_roads(main, table)
    places = table.array()
    main_roads = tuple(Stretch(way.kind, way.name, places[way.nodes]) for way in main if way.kind in ROADS)
    local = connect_local_streets(main, local, table, seed)
    main += add_ramps(facts, main, table)
    ways = [*main, *local]
    is_road = np.array([way.kind not in NOT_DRIVEN for way in ways])
    connected = end_at_banks(keep_connected(ways, is_road, len(table.places)), table.array())
    outlines = {code: bent_outline(outline) for code, outline in layout.outlines.items()}
    parts = in_parts(connected, table.array())
    ward_names = {ward.code: ward.name for ward in wards}
    return CityStreets(table.array(), tuple(parts), ground, outlines, ward_names, main_roads)
