"""Takes from the demo city's streets what filling it needs: a sample of each ward's streets, and the wards' borders."""

from __future__ import annotations

import csv
import io
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import shapely
import shapely.ops

from console.server.demo.areas import Ward
from console.server.demo.street_samples import SCALE
from console.server.demo.streets.facts import WATERWAYS
from console.server.demo.streets.network import CityStreets, Stretch
from console.server.demo.streets.plane import to_degrees
from console.server.demo.streets.ward_cells import is_island
from console.server.demo.streets.ways import InventedWay

HEAD = """\
# A sample of the demo city's streets, made by tools/write_demo_streets.py: reports and units are put on them.
# points: north and east of the ward's centre, in hundred-thousandths of a degree, one after another; from_m: how far
# the first point is from the street's start. All of it is invented but the names of main roads.
"""
COLUMNS = ("ward", "kind", "name", "from_m", "near_water", "points")
_MOST = {"tertiary": 3, "residential": 11, "living_street": 9, "main": 5}
_SHORTEST_M, _SHORTEST_MAIN_M = 60.0, 150.0
_FROM_ENDS_M = 12.0
_INSIDE_M = 8.0
_WITHIN_M = 2.0
_NEAR_WATER_M = 220.0

Row = tuple[str, ...]


def sample_rows(wards: Sequence[Ward], streets: CityStreets, seed: int) -> Iterator[Row]:
    """The rows of the sample, ward by ward. A ward's rows are the same with more or fewer other wards filled."""
    water = shapely.MultiLineString([streets.nodes[way.nodes] for way in streets.ways if way.kind in WATERWAYS])
    shapely.prepare(water)
    local: dict[str, list[InventedWay]] = defaultdict(list)
    for way in streets.ways:
        if way.ward and way.is_whole and not way.is_bridge:
            local[way.ward].append(way)
    for ward in wards:
        if ward.code not in local:
            continue
        inside = shapely.Polygon(streets.outlines[ward.code])
        if not is_island(ward.code):
            inside = shapely.intersection(inside, streets.ground.land).buffer(-_INSIDE_M)
        shapely.prepare(inside)
        chance = random.Random(f"{seed}/{ward.code}/sample")  # noqa: S311  a made-up city, no secret
        rows = [row for row in (_main_row(ward, road, inside, water) for road in streets.main_roads) if row]
        chosen = rows[: _MOST["main"]]
        for kind, most in _MOST.items():
            ways = [way for way in local[ward.code] if way.kind == kind]
            chance.shuffle(ways)
            roads = (Stretch(way.kind, way.name, streets.nodes[way.nodes]) for way in ways)
            found = (_row(ward, road, 0.0, inside, water) for road in roads)
            chosen += [row for row, _ in zip((row for row in found if row), range(most), strict=False)]
        yield from chosen


def samples_text(rows: Sequence[Row]) -> str:
    """The file of the sample."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return HEAD + text.getvalue()


def ward_geometry(ward: Ward, streets: CityStreets) -> Mapping[str, Any] | None:
    """The border of a ward on the mainland as GeoJSON: along its streets, and along the coast. None for an island."""
    if is_island(ward.code):
        return None
    shape = shapely.intersection(shapely.Polygon(streets.outlines[ward.code]), streets.ground.land)
    largest = max(shapely.get_parts(shape).tolist(), key=shapely.area)
    ring = np.array(shapely.geometry.polygon.orient(largest).exterior.coords)
    return {"type": "Polygon", "coordinates": [np.round(to_degrees(ring), 5).tolist()]}


def _main_row(ward: Ward, road: Stretch, inside: shapely.Geometry, water: shapely.Geometry) -> Row | None:
    """The longest stretch of a main road in a ward."""
    line = shapely.LineString(road.places)
    if not line.intersects(inside):
        return None
    stretch = max(shapely.get_parts(shapely.intersection(line, inside)).tolist(), key=shapely.length)
    if stretch.length < _SHORTEST_MAIN_M:
        return None
    from_m = line.project(shapely.Point(stretch.coords[0]))
    return _row(ward, Stretch(road.kind, road.name, np.array(stretch.coords)), from_m, None, water)


def _row(
    ward: Ward,
    road: Stretch,
    from_m: float,
    inside: shapely.Geometry | None,
    water: shapely.Geometry,
) -> Row | None:
    """A street without its ends, as a row; None for one that is short or does not lie wholly in the ward."""
    line = shapely.LineString(road.places)
    if line.length < _SHORTEST_M:
        return None
    line = shapely.ops.substring(line, _FROM_ENDS_M, line.length - _FROM_ENDS_M)
    if inside is not None and not inside.covers(line):
        return None
    degrees = to_degrees(np.array(shapely.simplify(line, _WITHIN_M).coords))
    offsets = np.rint((degrees[:, ::-1] - (ward.lat, ward.lon)) * SCALE).astype(int)
    near_water = "yes" if water.distance(line) < _NEAR_WATER_M else "no"
    points = " ".join(str(number) for number in offsets.ravel().tolist())
    return ward.code, road.kind, road.name, f"{from_m + _FROM_ENDS_M:.0f}", near_water, points
