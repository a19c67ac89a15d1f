"""The demo city's streets: connected, bounded by water and rail, the same for one seed, and a file that can be read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import osmium
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from console.server.demo.areas import read_wards
from console.server.demo.facts import demo_facts
from console.server.demo.streets.facts import RAILWAYS, ROADS, TOLL_ROAD, WATERWAYS, read_street_facts
from console.server.demo.streets.landmarks import make_landmarks
from console.server.demo.streets.network import NOT_DRIVEN, STREET_SEED, CityStreets, make_streets
from console.server.demo.streets.osm_writer import GENERATOR, write_osm
from console.server.demo.streets.plane import smooth, to_metres
from console.server.demo.streets.sampling import sample_rows, samples_text, ward_geometry
from console.server.demo.streets.ways import InventedWay
from tools.write_demo_streets import AREAS, SAMPLES, areas_text

WARDS = read_wards()
FACTS = read_street_facts()
SOME = ("31.74.01.1004", "31.75.03.1001", "31.72.01.1001", "31.01.02.1001")
"""One at a river, one at river and rail, one at the coast, one island."""
LOCAL = ("tertiary", "residential", "living_street")
ROOT = Path(__file__).resolve().parents[5]


@pytest.fixture(scope="module")
def streets() -> CityStreets:
    """Main lines, borders, and the streets of a few wards."""
    return make_streets(WARDS, FACTS, only=SOME)


def driven(streets: CityStreets) -> list[InventedWay]:
    return [way for way in streets.ways if way.kind not in NOT_DRIVEN]


def strong_parts(streets: CityStreets) -> Counter[int]:
    """How many nodes each part has from which one can drive anywhere else in it and back."""
    arcs = [(a, b) for way in driven(streets) for a, b in zip(way.nodes, way.nodes[1:], strict=False)]
    arcs += [
        (b, a) for way in driven(streets) if not way.is_one_way for a, b in zip(way.nodes, way.nodes[1:], strict=False)
    ]
    starts, ends = np.array(arcs).T
    count = len(streets.nodes)
    graph = coo_array((np.ones(len(arcs)), (starts, ends)), shape=(count, count))
    part_of = connected_components(graph, connection="strong")[1]
    return Counter(part_of[np.unique(starts)].tolist())


def line_of(streets: CityStreets, way: InventedWay) -> shapely.LineString:
    return shapely.LineString(streets.nodes[way.nodes])


def test_the_facts_are_those_of_a_city() -> None:
    assert len(FACTS.lines_of(*ROADS)) > 100
    assert {line.kind for line in FACTS.lines} == {*ROADS, TOLL_ROAD, *WATERWAYS, *RAILWAYS, "coastline"}
    assert all(-6.5 < lat < -5.9 and 106.2 < lon < 107.3 for line in FACTS.lines for lat, lon in line.points)
    assert {patch.kind for patch in FACTS.patches} == {"water", "park"}
    assert (len(FACTS.spots_of("station")), len(FACTS.spots_of("interchange"))) == (20, 40)


def test_every_street_can_be_driven_to_and_away_from(streets: CityStreets) -> None:
    parts = strong_parts(streets)
    assert len(parts) == 1 + 6, f"the mainland and the islands, and not {parts}"
    assert max(parts.values()) > 5_000


def test_streets_of_a_ward_have_names_of_their_own_and_dead_ends(streets: CityStreets) -> None:
    touching = Counter(node for way in driven(streets) for node in way.nodes)
    for code in SOME[:2]:
        whole = [way for way in streets.ways if way.ward == code and way.is_whole and not way.is_bridge]
        assert len(whole) > 40
        assert len({way.name for way in whole}) == len(whole)
        assert all(way.name.startswith(("Jl. ", "Gang ")) and way.name.isprintable() for way in whole)
    assert {way.kind for way in streets.ways if way.ward} == set(LOCAL)
    lanes = [way for way in streets.ways if way.kind == "living_street" and way.is_whole]
    assert sum(touching[way.nodes[-1]] == 1 for way in lanes) > len(lanes) / 6


def test_streets_stay_out_of_water_and_cross_rivers_by_bridges_only(streets: CityStreets) -> None:
    places = np.unique([node for way in streets.ways if way.ward in SOME[:3] for node in way.nodes])
    assert streets.ground.is_free(streets.nodes[places]).all()
    rivers = shapely.MultiLineString([line_of(streets, way) for way in streets.ways if way.kind in WATERWAYS])
    local = [way for way in streets.ways if way.kind in LOCAL]
    bridges = [way for way in local if way.is_bridge]
    assert len(bridges) > 20
    assert not [way.name for way in local if not way.is_bridge and line_of(streets, way).crosses(rivers)]
    loose = Counter(node for way in driven(streets) for node in way.nodes)
    ends = [way.nodes[end] for way in local if not way.is_bridge for end in (0, -1) if loose[way.nodes[end]] == 1]
    away_m = shapely.distance(shapely.points(streets.nodes[ends]), rivers)
    assert away_m.min() > 8.0, "streets end at the bank, not in the river"


def test_toll_roads_keep_to_the_left(streets: CityStreets) -> None:
    for fact in FACTS.lines_of(TOLL_ROAD):
        typed = shapely.LineString(smooth([to_metres(*point) for point in fact.points]))
        carriageways = [way for way in streets.ways if way.name == fact.name]
        assert len(carriageways) == 2
        for way in carriageways:
            assert way.is_one_way
            middle = len(way.nodes) // 2
            here, there = streets.nodes[way.nodes[middle : middle + 2]]
            at = typed.project(shapely.Point(here))
            to_centre = np.array(typed.interpolate(at).coords[0]) - here
            ahead = there - here
            assert ahead[0] * to_centre[1] - ahead[1] * to_centre[0] < 0, f"{way.name}: the other side is on the right"


def test_main_roads_are_in_parts_of_a_few_blocks_that_go_on_where_the_one_before_ends(streets: CityStreets) -> None:
    """So that each part lies in one ward, and its houses are numbered from where the road begins."""
    parts = [way for way in streets.ways if way.name == "Jl. M.H. Thamrin"]
    assert len(parts) > 2
    for before, after in pairwise(parts):
        assert before.nodes[-1] == after.nodes[0]
        assert after.from_m == pytest.approx(before.from_m + line_of(streets, before).length)


def test_borders_of_wards_lie_on_streets(streets: CityStreets) -> None:
    """Also those in the file of areas, which are rounded."""
    network = shapely.MultiLineString([line_of(streets, way) for way in streets.ways if not way.ward])
    shapely.prepare(network)
    areas = {area.code: area.geometry for area in demo_facts().areas}
    for code in SOME[:2]:
        geometry = areas[code]
        assert geometry is not None
        corners = [to_metres(lat, lon) for lon, lat in geometry["coordinates"][0]]
        line = shapely.segmentize(shapely.LineString(corners), 20.0)
        away_m = shapely.distance(shapely.points(shapely.get_coordinates(line)), network)
        on_street = away_m < 8.0
        assert on_street.mean() > 0.9, "but for where a river cuts the street"


def test_the_sample_is_taken_from_these_streets(streets: CityStreets) -> None:
    """For these wards; test_the_files_are_what_the_tool_writes has all, and takes longer."""
    wanted = [line for line in SAMPLES.read_text("utf-8").splitlines() if line.startswith(SOME)]
    some = samples_text(list(sample_rows(WARDS, streets, STREET_SEED))).splitlines()
    assert [line for line in some if line.startswith(SOME)] == wanted
    assert len(wanted) > 60


@pytest.mark.long
def test_the_files_are_what_the_tool_writes() -> None:
    streets = make_streets(WARDS, FACTS)
    assert samples_text(list(sample_rows(WARDS, streets, STREET_SEED))) == SAMPLES.read_text("utf-8")
    borders = {ward.code: ward_geometry(ward, streets) for ward in WARDS}
    assert areas_text(AREAS.read_text("utf-8"), borders) == AREAS.read_text("utf-8")
    parts = strong_parts(streets)
    assert len(parts) == 1 + 6, "the mainland, and six islands"
    assert max(parts.values()) > 250_000


class Found(osmium.SimpleHandler):
    """Counts what a file has."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = set[int]()
        self.missing = self.open_borders = 0
        self.kinds: Counter[str] = Counter()
        self.houses: dict[str, list[int]] = defaultdict(list)

    def node(self, node: osmium.osm.Node) -> None:
        self.nodes.add(node.id)
        if "addr:housenumber" in node.tags:
            self.houses[node.tags["addr:street"]].append(int(node.tags["addr:housenumber"]))
        self.kinds.update(f"{key} {node.tags[key]}" for key in ("place", "railway", "amenity") if key in node.tags)

    def way(self, way: osmium.osm.Way) -> None:
        self.missing += sum(ref.ref not in self.nodes for ref in way.nodes)
        self.kinds.update(
            f"{key} {way.tags[key]}" for key in ("highway", "waterway", "natural", "boundary") if key in way.tags
        )
        if "boundary" in way.tags:
            self.open_borders += way.nodes[0].ref != way.nodes[-1].ref


def test_the_file_holds_the_streets_and_says_that_they_are_invented(streets: CityStreets, tmp_path: Path) -> None:
    path = tmp_path / "city.osm.pbf"
    landmarks = make_landmarks(WARDS, FACTS, streets, STREET_SEED)
    write_osm(path, streets, landmarks)
    header = osmium.io.Reader(str(path)).header()
    assert header.get("generator") == GENERATOR
    assert GENERATOR.endswith("(invented)")
    found = Found()
    found.apply_file(str(path))
    assert found.missing == 0
    assert found.kinds["highway motorway"] == 2 * len(FACTS.lines_of(TOLL_ROAD))
    assert found.kinds["place quarter"] == found.kinds["boundary administrative"] == 267
    assert found.open_borders == 0
    assert found.kinds["railway station"] == 20
    assert found.kinds["natural coastline"] > 6 + 2, "six islands, and the coast in parts"
    assert found.kinds["amenity school"] >= 1
    thamrin = found.houses["Jl. M.H. Thamrin"]
    assert len(thamrin) > 20
    assert sorted(thamrin[::2]) == thamrin[::2]
    assert {number % 2 for number in thamrin[::2]} == {1}


CHILD = """
import sys
from pathlib import Path
from console.server.demo.areas import read_wards
from console.server.demo.streets.facts import read_street_facts
from console.server.demo.streets.landmarks import make_landmarks
from console.server.demo.streets.network import make_streets
from console.server.demo.streets.osm_writer import write_osm
wards, facts = read_wards(), read_street_facts()
streets = make_streets(wards, facts, only=sys.argv[2:])
write_osm(Path(sys.argv[1]), streets, make_landmarks(wards, facts, streets, 7))
"""


def test_one_seed_gives_the_same_bytes_whatever_the_order_of_sets(streets: CityStreets, tmp_path: Path) -> None:
    here = tmp_path / "here.osm.pbf"
    write_osm(here, streets, make_landmarks(WARDS, FACTS, streets, STREET_SEED))
    there = tmp_path / "there.osm.pbf"
    environment = os.environ | {"PYTHONHASHSEED": "4711"}
    command = [sys.executable, "-c", CHILD, str(there), *SOME]
    subprocess.run(command, check=True, cwd=ROOT, env=environment, timeout=120)
    assert there.read_bytes() == here.read_bytes()


def test_another_seed_gives_other_streets(streets: CityStreets) -> None:
    other = make_streets(WARDS, FACTS, STREET_SEED + 1, only=SOME[:1])
    names = {way.name for way in streets.ways if way.ward == SOME[0]}
    assert {way.name for way in other.ways if way.ward == SOME[0]} != names
