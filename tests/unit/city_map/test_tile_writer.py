"""The tiles are what docs/map-tiles.md says; they are read here by GDAL, and by our own reader of tile files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from console.city_map.basemap import Basemap
from console.city_map.basemap_layers import PLACE_ZOOMS, basemap_layers, sea_faces
from console.city_map.osm_reader import Lines, read_osm
from console.city_map.tile_writer import Layer, Shape, mercator, write_tiles
from tests.helpers.osm_town import Town, crossing, grid_town, place

WORLD_M = 20_037_508.342789244
ROOT = Path(__file__).resolve().parents[3]


def tiles_of(town: Town, folder: Path) -> Path:
    data = read_osm(town.write(folder / "town.osm.pbf"), None, folder, lambda _words, _share: None)
    path = folder / "basemap.pmtiles"
    write_tiles(path, basemap_layers(data), data.bounds, {"attribution": "© A"}, lambda _words, _share: None)
    return path


def features(path: Path, layer: str, zoom: int = 14) -> list[tuple[dict[str, Any], Any]]:
    """(fields, shape in degrees) of the whole file at a zoom."""
    meta, _, shapes, columns = pyogrio.raw.read(path, layer=layer, ZOOM_LEVEL=str(zoom))
    rows = zip(*(column.tolist() for column in columns), strict=True) if columns else [()] * len(shapes)
    found = []
    for row, wkb in zip(rows, shapes, strict=True):
        fields = {
            name: value for name, value in zip(meta["fields"].tolist(), row, strict=True) if isinstance(value, str)
        }
        found.append((fields, shapely.transform(shapely.from_wkb(wkb), degrees)))
    return found


def degrees(metres: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    lat = np.degrees(2 * np.arctan(np.exp(metres[:, 1] / WORLD_M * np.pi)) - np.pi / 2)
    return np.stack([metres[:, 0] / WORLD_M * 180, lat], 1)


def test_gdal_reads_every_street_where_it_is(tmp_path: Path) -> None:
    path = tiles_of(grid_town(), tmp_path)
    roads = features(path, "road")
    for row, numeral in enumerate(("I", "II", "III", "IV", "V")):
        shapes = [shape for fields, shape in roads if fields.get("name") == f"Jalan Melati {numeral}"]
        west, south, east, north = shapely.total_bounds(shapes)
        assert (south, west) == pytest.approx(place(row, 0), abs=1e-5)
        assert (north, east) == pytest.approx(place(row, 4), abs=1e-5)
        assert {fields["k"] for fields, _ in roads if fields.get("name") == f"Jalan Melati {numeral}"} == {"tertiary"}


def test_names_and_kinds_come_with_the_zoom(tmp_path: Path) -> None:
    path = tiles_of(grid_town(), tmp_path)
    assert {fields.get("name") for fields, _ in features(path, "road", 11)} == {None}
    at_13 = features(path, "road", 13)
    assert {fields["name"] for fields, _ in at_13 if fields["k"] == "tertiary"} >= {"Jalan Melati I", "Jalan Melati V"}
    assert not [fields for fields, _ in at_13 if fields["k"] == "local" and "name" in fields]
    assert [fields for fields, _ in features(path, "place", 13)] == [
        {"k": "quarter", "name": "Kebon Baru"},
        {"k": "quarter", "name": "Cawang"},
    ]
    assert {fields["name"] for fields, _ in features(path, "poi")} == {
        "Stasiun Tebet", "SDN 01 Pagi", "Masjid Al-Ikhlas",
    }  # fmt: skip
    assert [fields for fields, _ in features(path, "water", 10)] == [{"k": "river"}]
    assert all(fields == {"k": "river", "name": "Ciliwung"} for fields, _ in features(path, "water"))


def test_a_toll_road_is_told_from_others(tmp_path: Path) -> None:
    town = grid_town()
    town.road([crossing(0, 0), crossing(4, 4)], "Tol Dalam Kota", "motorway", toll="yes")
    roads = features(tiles_of(town, tmp_path), "road", 8)
    assert [fields for fields, _ in roads] == [{"k": "motorway", "toll": "yes"}]


def test_an_area_keeps_its_size_and_its_hole(tmp_path: Path) -> None:
    town = grid_town()

    def ring(low: float, high: float) -> int:
        corners = [town.node(*place(y, x)) for y, x in ((low, low), (low, high), (high, high), (high, low))]
        return town.way([*corners, corners[0]], {})

    members = [("w", ring(0.1, 0.9), "outer"), ("w", ring(0.4, 0.6), "inner")]
    town.relation(members, {"type": "multipolygon", "natural": "water"})
    found = [shape for fields, shape in features(tiles_of(town, tmp_path), "area") if fields["k"] == "water"]
    assert sum(shapely.area(found)) == pytest.approx((0.8**2 - 0.2**2) * 0.002**2, rel=0.01)


def test_shapes_over_many_tiles_are_whole(tmp_path: Path) -> None:
    line = shapely.linestrings([(106.6, -6.4), (106.9, -6.1)])
    area = shapely.box(106.62, -6.38, 106.88, -6.12)
    layers = [
        Layer("road", Shape.LINE, mercator(np.array([line])), np.array([8]), lambda _at, _zoom: (("k", "trunk"),)),
        Layer("area", Shape.AREA, mercator(np.array([area])), np.array([8]), lambda _at, _zoom: (("k", "park"),)),
    ]
    path = tmp_path / "tiles.pmtiles"
    count = write_tiles(path, layers, (106.6, -6.4, 106.9, -6.1), {}, lambda _words, _share: None)
    assert count > 150
    for zoom in (8, 11, 14):
        together = shapely.union_all([shape for _, shape in features(path, "area", zoom)])
        assert shapely.area(shapely.symmetric_difference(together, area)) < 0.01 * shapely.area(area)
        lines = shapely.union_all([shape for _, shape in features(path, "road", zoom)])
        assert shapely.hausdorff_distance(lines, line) < 0.001


def test_the_same_file_gives_the_same_tiles(tmp_path: Path) -> None:
    first = tiles_of(grid_town(), tmp_path).read_bytes()
    assert first == tiles_of(grid_town(), tmp_path).read_bytes()


def test_our_own_reader_serves_them(tmp_path: Path) -> None:
    tiles_of(grid_town(), tmp_path)
    basemap = Basemap(tmp_path)
    try:
        assert (basemap.kind, basemap.zooms, basemap.attribution) == ("vector", (10, 14), "© A")
        size = 2**14
        x, y = mercator(np.array([shapely.points(*place(2, 2)[::-1])]))[0].coords[0]
        tile = basemap.tile(14, int(x * size), int(y * size))
        assert tile is not None
        assert b"Jalan Melati III" in tile[0]
    finally:
        basemap.close()


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    data = read_osm(grid_town().write(tmp_path / "town.osm.pbf"), None, tmp_path, lambda _words, _share: None)
    told: list[tuple[str, float]] = []
    write_tiles(tmp_path / "t.pmtiles", basemap_layers(data), data.bounds, {}, lambda *line: told.append(line))
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[0][1] < 0.1
    assert re.fullmatch(r"tiles z14: 0 of \d+", told[-1][0])


def test_what_goes_on_beyond_the_city_is_cut_at_its_frame(tmp_path: Path) -> None:
    """A coast, a river and a rail line of hundreds of kilometres, each of one piece."""
    town = grid_town()
    for row, tags in (
        (-3.0, {"natural": "coastline"}),
        (-1.0, {"waterway": "river", "name": "Panjang"}),
        (-2.0, {"railway": "rail"}),
    ):
        # From east to west: the water is in the north, which here means over the town.
        town.way([town.node(place(row, 0)[0], 106.8 + step) for step in (2.0, 0.001, -2.0)], tags)
    path = tiles_of(town, tmp_path)
    assert {fields["k"] for fields, _ in features(path, "area", 8)} == {"sea"}
    for layer in ("water", "rail"):
        west, _, east, _ = shapely.total_bounds([shape for _, shape in features(path, layer, 12)])
        assert (west, east) == pytest.approx((106.75, 106.858), abs=0.003)


@pytest.mark.parametrize(("reach", "far"), [(2.0, 0.6), (0.2, 0.05)])
def test_the_sea_goes_on_as_far_as_a_view_shows_it_where_the_coast_is_known(
    tmp_path: Path, reach: float, far: float
) -> None:
    """It ended in a straight line beside the city; with too little of the coast it does so still, and is there."""
    town = grid_town()
    ends = [town.node(place(-3.0, 0)[0], 106.8 + step) for step in (reach, 0.001, -reach)]
    town.way(ends, {"natural": "coastline"})
    path = tiles_of(town, tmp_path)
    for zoom, margin in ((10, far), (14, 0.05)):
        west, _, east, _ = shapely.total_bounds([shape for _, shape in features(path, "area", zoom)])
        assert (106.8 - west, east - 106.808) == pytest.approx((margin, margin), abs=0.015), zoom


def coast(*lines: list[tuple[float, float]]) -> Lines:
    found = Lines()
    for line in lines:
        found.add(shapely.to_wkb(shapely.linestrings(line), hex=True), "coast", "")
    return found


def test_the_sea_is_on_the_right_of_a_coast() -> None:
    frame = (0.0, 0.0, 1.0, 1.0)
    westward = coast([(1.2, 0.5), (0.6, 0.5), (0.3, 0.5), (-0.2, 0.5)])  # the water is in the north
    (sea,), left_out = sea_faces(westward, frame)
    assert left_out == 0
    assert shapely.bounds(sea).tolist() == [0, 0.5, 1, 1]
    island = coast([(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6), (0.4, 0.4)])  # land on the left: an island
    (sea,), left_out = sea_faces(island, frame)
    assert left_out == 0
    assert shapely.area(sea) == pytest.approx(0.96)
    assert sea_faces(coast(), frame) == ([], 0)


def test_a_coast_that_ends_in_the_city_floods_nothing_and_is_counted() -> None:
    assert sea_faces(coast([(1.2, 0.5), (0.6, 0.5), (0.3, 0.5)]), (0.0, 0.0, 1.0, 1.0)) == ([], 1)


def test_the_schema_document_names_all_that_is_written(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "map-tiles.md").read_text()
    data = read_osm(grid_town().write(tmp_path / "town.osm.pbf"), None, tmp_path, lambda _words, _share: None)
    for layer in basemap_layers(data):
        assert f"| `{layer.name}` |" in text
    for kind in PLACE_ZOOMS:
        assert f"`{kind}`" in text
