"""Writes the demo city's streets as a file of OpenStreetMap data (.osm.pbf); the same streets give the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import osmium
from osmium.osm import mutable

from console.server.demo.areas import Ward
from console.server.demo.streets.facts import COAST, RAILWAYS, WATERWAYS, StreetFacts
from console.server.demo.streets.landmarks import Landmark, make_landmarks
from console.server.demo.streets.network import STREET_SEED, CityStreets, make_streets
from console.server.demo.streets.plane import Points, to_degrees
from console.server.demo.streets.ways import InventedWay

GENERATOR = "Sigap demo city (invented)"
"""What the file says of itself: `map build` marks a map of it as invented."""

_SPEEDS_KMH = {"motorway": "80", "trunk": "60", "primary": "50", "secondary": "40"}
_MOST_POINTS = 60
"""A coast is written in parts, as in OpenStreetMap, where a line is no longer than a part of a city."""
_BORDER = {"boundary": "administrative", "admin_level": "7"}
_LAYER = {"bridge": "yes", "layer": "1"}
Tags = dict[str, str]


def write_demo_city(path: Path, wards: Sequence[Ward], facts: StreetFacts, seed: int = STREET_SEED) -> tuple[int, int]:
    """Make the streets of the demo city and write them to `path`, which is replaced as a whole or not at all.

    Returns how many ways and how many points were written. Raises OSError, RuntimeError (of osmium).
    """
    streets = make_streets(wards, facts, seed)
    landmarks = make_landmarks(wards, facts, streets, seed)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write_osm(part, streets, landmarks)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return len(streets.ways), len(landmarks)


def write_osm(path: Path, streets: CityStreets, landmarks: Sequence[Landmark]) -> None:
    """Write nodes, then ways; ids count from 1. Raises OSError, RuntimeError (of osmium)."""
    used = np.unique(np.concatenate([np.array(way.nodes, dtype=np.int64) for way in streets.ways]))
    number_of = np.zeros(len(streets.nodes), dtype=np.int64)
    number_of[used] = np.arange(1, len(used) + 1)
    rings = list(_rings(streets))
    points = [streets.nodes[used], *(ring for ring, _, _ in rings), np.array([mark.place for mark in landmarks])]
    degrees = to_degrees(np.vstack(points))
    header = osmium.io.Header()
    header.set("generator", GENERATOR)
    header.add_box(osmium.osm.Box(*degrees.min(0).tolist(), *degrees.max(0).tolist()))
    file = osmium.io.File(str(path), "osm.pbf")  # the name of a part says nothing of its format
    with osmium.SimpleWriter(file, header=header, overwrite=True) as writer:
        first_landmark = len(degrees) - len(landmarks)
        for at, place in enumerate(degrees.tolist()):
            tags = landmarks[at - first_landmark].tags if at >= first_landmark else None
            writer.add_node(mutable.Node(id=at + 1, version=1, location=place, tags=tags))
        for number, way in enumerate(streets.ways, 1):
            writer.add_way(mutable.Way(id=number, version=1, nodes=number_of[way.nodes].tolist(), tags=_tags(way)))
        node, number = len(used) + 1, len(streets.ways) + 1
        for ring, tags, is_closed in rings:
            nodes = list(range(node, node + len(ring)))
            node += len(ring)
            nodes += nodes[:1] if is_closed else []
            most = len(nodes) if is_closed else _MOST_POINTS
            for start in range(0, len(nodes) - 1, most):
                part = nodes[start : start + most + 1]
                writer.add_way(mutable.Way(id=number, version=1, nodes=part, tags=tags))
                number += 1


def _rings(streets: CityStreets) -> Iterator[tuple[Points, Tags, bool]]:
    """Lakes, parks, borders of wards and coasts: points, tags, and whether the line is closed."""
    ground = streets.ground
    for patch in ground.patches:
        key = "natural" if patch.kind == "water" else "leisure"
        yield patch.outline, {key: patch.kind, "name": patch.name}, True
    for code, outline in streets.outlines.items():
        yield outline, _BORDER | {"name": streets.ward_names[code], "ref": code}, True
    yield ground.coast, {"natural": COAST}, False
    for shore in ground.shores:
        yield shore, {"natural": COAST}, True


def _tags(way: InventedWay) -> Tags:
    if way.kind in WATERWAYS:
        tags = {"waterway": way.kind}
    elif way.kind in RAILWAYS:
        tags = {"railway": way.kind}
    else:
        tags = {"highway": way.kind}
    if way.kind in _SPEEDS_KMH:
        tags["maxspeed"] = _SPEEDS_KMH[way.kind]
    if way.is_one_way:
        tags["oneway"] = "yes"
    if way.is_toll:
        tags["toll"] = "yes"
    if way.name:
        tags["name"] = way.name
    return tags | _LAYER if way.is_bridge else tags
