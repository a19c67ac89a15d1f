"""What the background of a city map shows: the layers of its tiles, as docs/map-tiles.md has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from console.city_map.manifest import Bounds
from console.city_map.osm_reader import Lines, OsmData, Points
from console.city_map.road_kinds import ROADS
from console.city_map.tile_writer import HIGHEST_ZOOM, LOWEST_ZOOM, Fields, Layer, Shape, mercator

PLACE_ZOOMS = {
    "city": 8,
    "town": 9,
    "borough": 9,
    "suburb": 11,
    "village": 12,
    "quarter": 13,
    "hamlet": 13,
    "neighbourhood": 14,
}
_AREA_ZOOMS = {"water": 10, "park": 10}
_LINE_ZOOMS = {"stream": 13, "drain": 13}
_LINE_ZOOM = 10
_POI_ZOOM = 14
_AREA_NAME_ZOOM, _LINE_NAME_ZOOM = 13, 12
_ROAD_NAME_ZOOMS = {"motorway": 11, "trunk": 11, "primary": 11, "secondary": 12, "tertiary": 13}
_LAST_NAME_ZOOM = 14
_MARGIN = 0.05
"""In degrees, how far what is drawn goes beyond the outermost street."""
_SEA_ZOOM_0, _SEA_FARTHEST = 675.0, 0.6
"""How far the sea does, in degrees at zoom 0 and at most: half of a wide view, so that its edge is not in sight."""
_NEVER = 99
_BESIDE = 2e-5
"""In degrees, about 2 m: so far beside a coast line is its water."""


def basemap_layers(data: OsmData) -> list[Layer]:
    """The layers in the order in which they are drawn; those with nothing in them are left out."""
    frame = _grown(data.bounds)
    found = [
        _area_layer(data, frame),
        _line_layer("water", data.rivers, frame),
        _line_layer("rail", data.rails, frame),
        _road_layer(data, frame),
        _point_layer("place", data.places, frame, lambda kind: PLACE_ZOOMS.get(kind)),
        _point_layer("poi", data.pois, frame, lambda _: _POI_ZOOM),
    ]
    return [layer for layer in found if layer is not None]


def sea_faces(coasts: Lines, frame: Bounds) -> tuple[list[Any], int]:
    """(the parts of `frame` that are sea, how many parts are left out): a coast has the water on its right.

    A coast that ends within the frame encloses nothing: there is land and water in one part, which is left out.
    """
    if not coasts.wkb:
        return [], 0
    box = shapely.box(*frame)
    lines = shapely.get_parts(shapely.line_merge(shapely.intersection(shapely.union_all(coasts.shapes()), box), True))
    lines = lines[shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING]
    if not len(lines):
        return [], 0
    edges = shapely.get_parts(shapely.union_all([*lines, box.boundary]))
    faces = shapely.get_parts(shapely.polygonize(edges))
    right, left = _beside(lines)
    tree = shapely.STRtree(faces)
    wet, dry = (_faces_with(tree, points) for points in (right, left))
    # Better no sea there than a city under water.
    return [faces[at] for at in sorted(wet - dry)], len(wet & dry)


def _beside(lines: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(points on the right, points on the left) of the middle of every stretch of the lines."""
    points, line = shapely.get_coordinates(lines, return_index=True)
    same = line[1:] == line[:-1]
    start, step = points[:-1][same], np.diff(points, axis=0)[same]
    length = np.hypot(step[:, 0], step[:, 1])
    start, step, length = start[length > 0], step[length > 0], length[length > 0]
    aside = np.stack([step[:, 1], -step[:, 0]], 1) / length[:, None] * _BESIDE
    middle = start + step / 2
    return shapely.points(middle + aside), shapely.points(middle - aside)


def _faces_with(tree: shapely.STRtree, points: NDArray[Any]) -> set[int]:
    _, faces = tree.query(points, predicate="within")
    return set(faces.tolist())


def _seas(data: OsmData) -> list[tuple[Any, int]]:
    """The parts of the sea, each with the one zoom at which it is drawn: the lower that is, the farther it goes.

    Where the file has too little of the coast for that, it ends with all else.
    """
    near, left_out = sea_faces(data.coasts, _grown(data.bounds))
    data.left_out["seas whose coast ends in the city"] += left_out
    found = []
    for zoom in range(LOWEST_ZOOM, HIGHEST_ZOOM + 1):
        margin = min(_SEA_FARTHEST, _SEA_ZOOM_0 / 2**zoom)
        far, broken = sea_faces(data.coasts, _grown(data.bounds, margin)) if margin > _MARGIN else (near, 0)
        found += [(face, zoom) for face in (near if broken or left_out else far)]
    return found


def _grown(bounds: Bounds, margin: float = _MARGIN) -> Bounds:
    west, south, east, north = bounds
    return west - margin, max(-89.0, south - margin), east + margin, min(89.0, north + margin)


def _within(shapes: NDArray[Any], frame: Bounds) -> NDArray[Any]:
    """Which of the shapes touch the frame."""
    bounds = shapely.bounds(shapes)
    inside: NDArray[Any] = (
        (bounds[:, 0] <= frame[2])
        & (bounds[:, 2] >= frame[0])
        & (bounds[:, 1] <= frame[3])
        & (bounds[:, 3] >= frame[1])
    )
    return inside


def _area_layer(data: OsmData, frame: Bounds) -> Layer | None:
    seas = _seas(data)
    # The sea under lakes and parks: it is drawn first.
    kinds, names = ["sea"] * len(seas) + list(data.areas.kinds), [""] * len(seas) + list(data.areas.names)
    if not kinds:
        return None
    cut = shapely.clip_by_rect(shapely.from_wkb(np.array(data.areas.wkb, object)), *frame)
    shapes = np.array([*(face for face, _ in seas), *cut], object)
    zooms = [zoom for _, zoom in seas]
    first = np.array(zooms + [_AREA_ZOOMS[kind] for kind in data.areas.kinds])
    last = np.array(zooms + [HIGHEST_ZOOM] * len(data.areas.kinds))
    return Layer(
        "area",
        Shape.AREA,
        mercator(shapes),
        first,
        lambda at, zoom: _named(kinds[at], names[at], zoom, _AREA_NAME_ZOOM),
        last,
    )


def _line_layer(name: str, lines: Lines, frame: Bounds) -> Layer | None:
    if not lines.wkb:
        return None
    first = np.array([_LINE_ZOOMS.get(kind, _LINE_ZOOM) for kind in lines.kinds])
    # A river goes on beyond the city, a rail line through the whole country.
    shapes = shapely.clip_by_rect(lines.shapes(), *frame)
    first[shapely.is_empty(shapes)] = _NEVER
    kinds, names = lines.kinds, lines.names
    return _layer(name, Shape.LINE, shapes, first, lambda at, zoom: _named(kinds[at], names[at], zoom, _LINE_NAME_ZOOM))


def _road_layer(data: OsmData, frame: Bounds) -> Layer | None:
    roads = data.roads
    kinds = [ROADS[kind] for kind in roads.kinds]
    names, tolls = roads.names, roads.tolls
    shapes = roads.shapes()
    first = np.array([kind.first_zoom for kind in kinds])
    first[~_within(shapes, frame)] = _NEVER

    def fields(at: int, zoom: int) -> Fields:
        drawn = kinds[at].drawn
        found = _named(drawn, names[at], zoom, _ROAD_NAME_ZOOMS.get(drawn, _LAST_NAME_ZOOM))
        return (*found, ("toll", "yes")) if tolls[at] else found

    return _layer("road", Shape.LINE, shapes, first, fields)


def _point_layer(name: str, points: Points, frame: Bounds, zoom_of: Callable[[str], int | None]) -> Layer | None:
    zooms = [zoom_of(kind) for kind in points.kinds]
    if not any(zoom is not None for zoom in zooms):
        return None
    first = np.array([_NEVER if zoom is None else zoom for zoom in zooms])
    shapes = shapely.points(points.degrees())
    first[~_within(shapes, frame)] = _NEVER
    kinds, names = points.kinds, points.names
    return _layer(name, Shape.POINT, shapes, first, lambda at, zoom: _named(kinds[at], names[at], zoom, 0))


def _layer(
    name: str, kind: Shape, shapes: NDArray[Any], first: NDArray[Any], fields: Callable[[int, int], Fields]
) -> Layer:
    return Layer(name, kind, mercator(shapes), first, fields)


def _named(kind: str, name: str, zoom: int, from_zoom: int) -> Fields:
    return (("k", kind), ("name", name)) if name and zoom >= from_zoom else (("k", kind),)
