"""What of a stranger's file is taken into a map, and what is left out and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from console.city_map.errors import DamagedOsmFile, MoreThanACity, NothingInIt
from console.city_map.osm_reader import MOST_NAME, OsmData, clean_name, read_osm
from tests.helpers.osm_town import Town, block, crossing, grid_town, header_block, place


def read(town: Town, folder: Path, box: tuple[float, float, float, float] | None = None) -> OsmData:
    return read_osm(town.write(folder / "town.osm.pbf"), box, folder, lambda _words, _share: None)


def test_a_town_is_read_whole(tmp_path: Path) -> None:
    data = read(grid_town(), tmp_path)
    assert len(data.roads.wkb) == 40
    assert sum(data.roads.sizes) == len(data.roads.nodes) == 80
    assert set(data.roads.kinds) == {"tertiary", "residential"}
    assert data.rivers.names == ["Ciliwung"]
    assert list(zip(data.areas.kinds, data.areas.names, strict=True)) == [("park", "Taman Kota")]
    assert data.places.names == ["Kebon Baru", "Cawang"]
    assert data.pois.names == ["Stasiun Tebet", "SDN 01 Pagi", "Masjid Al-Ikhlas"]
    assert data.pois.kinds == ["station", "school", "place_of_worship"]
    assert data.houses.names == [str(number) for number in range(2, 20, 2)]
    assert data.dated == "2026-11-01T00:00:00Z"
    assert "(invented)" in data.generator
    assert data.bounds == pytest.approx((*place(0, 0)[::-1], *place(4, 4)[::-1]))
    assert not data.left_out


def test_a_building_stands_in_its_middle(tmp_path: Path) -> None:
    data = read(grid_town(), tmp_path)
    lon, lat = data.pois.degrees()[2]
    assert (lat, lon) == pytest.approx(place(1.25, 1.25), abs=1e-6)


@pytest.mark.parametrize(
    ("tags", "one_way", "drivable"),
    [
        ({}, 0, True),
        ({"oneway": "yes"}, 1, True),
        ({"oneway": "-1"}, -1, True),
        ({"junction": "roundabout"}, 1, True),
        ({"junction": "roundabout", "oneway": "no"}, 0, True),
        ({"highway": "motorway"}, 1, True),
        ({"highway": "footway"}, 0, False),
        ({"access": "private"}, 0, False),
        ({"access": "no", "motor_vehicle": "yes"}, 0, True),
        ({"motor_vehicle": "no"}, 0, False),
    ],
)
def test_who_may_drive_a_road_and_which_way(tmp_path: Path, tags: dict[str, str], one_way: int, drivable: bool) -> None:
    town = grid_town()
    town.ways.clear()
    town.way([crossing(0, 0), crossing(0, 1)], {"highway": "residential", **tags})
    roads = read(town, tmp_path).roads
    assert (roads.one_ways[0], bool(roads.drivable[0])) == (one_way, drivable)


@pytest.mark.parametrize(("text", "kmh"), [("30", 30), ("20 mph", 32), ("RO:urban", 0), ("999", 255), ("-5", 0)])
def test_a_speed_limit_in_figures_is_known(tmp_path: Path, text: str, kmh: int) -> None:
    town = grid_town()
    town.road([crossing(0, 0), crossing(1, 1)], maxspeed=text)
    assert read(town, tmp_path).roads.limits_kmh[-1] == kmh


def test_names_are_shown_as_names(tmp_path: Path) -> None:
    assert clean_name("Jl.\x00\n Melati\u202e \u2066X\u2069") == "Jl. Melati X"
    assert clean_name("\u202e" * 2_000 + "a") == ""
    assert clean_name("A\nB\x07C") == "A BC"
    assert len(clean_name("x" * 2000)) == MOST_NAME
    town = grid_town()
    town.road([crossing(0, 0), crossing(1, 1)], "Jalan \u202egnarulam\u202c\tX")
    assert read(town, tmp_path).roads.names[-1] == "Jalan gnarulam X"


def test_of_a_line_with_missing_points_the_parts_are_taken(tmp_path: Path) -> None:
    town = grid_town()
    points = [crossing(0, 0), crossing(0, 1), 999_999, crossing(0, 2), crossing(0, 3), 999_998, crossing(0, 4)]
    id_ = town.road(points, "Terputus")
    data = read(town, tmp_path)
    found = [at for at, name in enumerate(data.roads.names) if name == "Terputus"]
    ends = np.cumsum(data.roads.sizes)
    nodes = [list(data.roads.nodes[ends[at] - data.roads.sizes[at] : ends[at]]) for at in found]
    assert nodes == [points[:2], points[3:5]]
    assert [data.roads.ways[at] for at in found] == [id_, id_]
    assert data.left_out == {"lines of which points are missing": 1}


def test_places_off_the_globe_are_missing(tmp_path: Path) -> None:
    town = grid_town()
    far = town.node(*place(1, 1))
    town.nodes[far] = (95.0, 200.0, {"name": "Nowhere", "amenity": "school"})
    town.road([crossing(0, 0), far, crossing(1, 1)], "Salah")
    data = read(town, tmp_path)
    assert "Nowhere" not in data.pois.names
    assert "Salah" not in data.roads.names
    assert data.left_out["lines of which points are missing"] == 1


def test_lines_that_are_no_citys_are_left_out(tmp_path: Path) -> None:
    town = grid_town()
    town.road([crossing(0, 0), town.node(40.0, -8.0)], "Around the world")
    town.road([crossing(step % 5, step // 5 % 5) for step in range(1_999)] * 6, "Without end")
    data = read(town, tmp_path)
    assert {"Around the world", "Without end"}.isdisjoint(data.roads.names)
    assert data.left_out == {"roads longer than a city": 1, "lines with too many points": 1}
    assert len(data.roads.wkb) == len(data.roads.ways) == len(data.roads.sizes) == 40
    assert len(data.roads.nodes) == sum(data.roads.sizes)


def test_a_file_without_a_street_says_so(tmp_path: Path) -> None:
    town = grid_town()
    town.ways = {id_: way for id_, way in town.ways.items() if "highway" not in way[1]}
    with pytest.raises(NothingInIt, match="no street"):
        read(town, tmp_path)


def test_a_country_asks_for_a_part(tmp_path: Path) -> None:
    town = grid_town()
    town.road([town.node(-6.2, 114.0), town.node(-6.2, 114.001)], "Far away")
    with pytest.raises(MoreThanACity, match="--box"):
        read(town, tmp_path)
    data = read(town, tmp_path, (106.7, -6.3, 106.9, -6.1))
    assert "Far away" not in data.roads.names
    assert len(data.roads.wkb) == 40


def test_a_part_has_what_touches_it_whole(tmp_path: Path) -> None:
    town = grid_town()
    came, goes = sorted(town.ways)[0], sorted(town.ways)[1]
    town.no_turn(came, crossing(0, 0), goes)
    south, west = place(-0.5, -0.5)
    north, east = place(1.5, 1.5)
    data = read(town, tmp_path, (west, south, east, north))
    assert data.bounds == pytest.approx((*place(0, 0)[::-1], east, north))
    assert 8 <= len(data.roads.wkb) < 16
    assert "Masjid Al-Ikhlas" in data.pois.names
    assert "SDN 01 Pagi" not in data.pois.names
    assert len(data.restrictions) == 1
    assert data.dated == "2026-11-01T00:00:00Z"
    assert not list(tmp_path.glob("part*"))


def test_restrictions_that_a_node_cannot_hold_are_counted(tmp_path: Path) -> None:
    town = grid_town()
    first, second = sorted(town.ways)[:2]
    town.no_turn(first, crossing(0, 0), second)
    town.relation(
        [("w", first, "from"), ("w", second, "via"), ("w", first, "to")],
        {"type": "restriction", "restriction": "no_u_turn"},
    )
    town.relation([("w", first, "from")] * 50, {"type": "restriction", "restriction": "no_entry"})
    buses = {"type": "restriction", "restriction": "no_left_turn", "except": "motorcar;bicycle"}
    town.relation([("w", first, "from"), ("n", crossing(0, 0), "via"), ("w", second, "to")], buses)
    data = read(town, tmp_path)
    assert [(one.came, one.via, one.goes, one.only) for one in data.restrictions] == [
        (first, crossing(0, 0), second, False)
    ]
    assert data.left_out == {"turn restrictions": 2}


def test_a_file_that_cannot_be_read_to_its_end_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "bad.osm.pbf"
    for body in (block("OSMData", b"\xff" * 500), block("OSMData", b"x" * 500, said=30 * 2**20)):
        path.write_bytes(header_block() + body)
        with pytest.raises(DamagedOsmFile, match=r"bad\.osm\.pbf is damaged"):
            read_osm(path, None, tmp_path, lambda _words, _share: None)


def test_a_name_of_a_megabyte_is_refused_or_cut(tmp_path: Path) -> None:
    town = grid_town()
    town.road([crossing(0, 0), crossing(1, 1)], "x" * 1_000)
    assert max(map(len, read(town, tmp_path).roads.names)) == MOST_NAME


def test_areas_with_holes_come_from_relations(tmp_path: Path) -> None:
    town = grid_town()

    def ring(low: float, high: float) -> int:
        corners = [town.node(*place(y, x)) for y, x in ((low, low), (low, high), (high, high), (high, low))]
        return town.way([*corners, corners[0]], {})

    outer, inner = ring(0.1, 0.9), ring(0.4, 0.6)
    town.relation([("w", outer, "outer"), ("w", inner, "inner")], {"type": "multipolygon", "natural": "water"})
    data = read(town, tmp_path)
    water = shapely.from_wkb(data.areas.wkb[data.areas.kinds.index("water")])
    assert len(shapely.get_parts(water)) == 1
    assert shapely.get_num_interior_rings(shapely.get_parts(water)[0]) == 1
