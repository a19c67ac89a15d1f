"""Ways through an invented town: which way is the quickest, what may not be driven, what is closed."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely

from console.city_map.osm_reader import read_osm
from console.city_map.road_kinds import ROADS, WAITING_ELSEWHERE_S
from console.city_map.router import MOST_OFF_M, Router
from console.city_map.street_graph import METRES_LAT, make_streets
from tests.helpers.osm_town import STEP, Town, crossing, grid_town, place

BLOCK_M = STEP * METRES_LAT
TERTIARY_S = BLOCK_M / (ROADS["tertiary"].speed_kmh / 3.6) + WAITING_ELSEWHERE_S
RESIDENTIAL_S = BLOCK_M / (ROADS["residential"].speed_kmh / 3.6) + WAITING_ELSEWHERE_S


def router_of(town: Town, folder: Path) -> Router:
    data = read_osm(town.write(folder / "town.osm.pbf"), None, folder, lambda _words, _share: None)
    streets = make_streets(data)
    target = folder / "streets"
    number = 0
    while target.exists():
        number += 1
        target = folder / f"streets{number}"
    streets.save(target)
    return Router(target)


def line_of(leg_line: bytes) -> list[tuple[float, float]]:
    points = np.frombuffer(leg_line, "<i4").reshape(-1, 2) / 1e7
    return [(lat, lon) for lat, lon in points.tolist()]


def way_id(town: Town, first: int, second: int) -> int:
    """The way between two neighbouring crossings."""
    (found,) = (id_ for id_, (nodes, _) in town.ways.items() if set(nodes) == {first, second})
    return found


def seconds(router: Router, start: tuple[float, float], end: tuple[float, float]) -> float:
    times = router.times_to(end)
    assert times is not None
    (travel,) = router.travels(times, [start])
    assert travel is not None
    leg = router.route(start, end)
    assert leg is not None
    assert (leg.travel.seconds, leg.travel.metres) == pytest.approx((travel.seconds, travel.metres), rel=1e-4)
    assert leg.travel.closed == travel.closed
    return travel.seconds


def test_one_search_answers_for_all_units(tmp_path: Path) -> None:
    router = router_of(grid_town(), tmp_path)
    times = router.times_to(place(2, 0.5))
    assert times is not None
    found = router.travels(times, [place(2, 3.5), place(2, 0.25), place(2, 0.5), place(40, 40)])
    assert found[0] is not None
    assert found[1] is not None
    assert found[2] is not None
    assert found[3] is None, "far from any street"
    assert found[0].metres == pytest.approx(3 * BLOCK_M, rel=0.01)
    assert found[0].seconds == pytest.approx(3 * TERTIARY_S, rel=0.02)
    assert found[1].metres == pytest.approx(BLOCK_M / 4, rel=0.02)
    assert found[2].metres == pytest.approx(0, abs=0.5)


def test_a_route_says_its_streets_and_its_line(tmp_path: Path) -> None:
    router = router_of(grid_town(), tmp_path)
    leg = router.route(place(0.01, 0.5), place(3.5, 2.01))
    assert leg is not None
    assert leg.streets[0][0] == "Jalan Melati I"
    assert leg.streets[-1][0] == "Gang Kenari 3"
    assert sum(metres for _, metres in leg.streets) == pytest.approx(leg.travel.metres, abs=3)
    assert leg.travel.metres == pytest.approx(5 * BLOCK_M, rel=0.02)
    line = line_of(leg.line)
    assert line[0] == pytest.approx(place(0, 0.5), abs=1e-6)
    assert line[-1] == pytest.approx(place(3.5, 2), abs=1e-6)
    steps = [math.dist(a, b) * METRES_LAT for a, b in pairwise(line)]
    assert sum(steps) == pytest.approx(leg.travel.metres, rel=0.01)


def test_a_one_way_street_is_driven_one_way(tmp_path: Path) -> None:
    town = grid_town()
    for step in range(4):
        town.ways[way_id(town, crossing(2, step), crossing(2, step + 1))][1]["oneway"] = "yes"
    router = router_of(town, tmp_path)
    along, against = seconds(router, place(2, 0.5), place(2, 3.5)), seconds(router, place(2, 3.5), place(2, 0.5))
    assert along == pytest.approx(3 * TERTIARY_S, rel=0.02)
    assert against > along + 2 * RESIDENTIAL_S * 0.9
    # Both on one stretch: against it one goes around the block.
    assert seconds(router, place(2, 0.3), place(2, 0.6)) < TERTIARY_S
    assert seconds(router, place(2, 0.6), place(2, 0.3)) > 2 * TERTIARY_S


def test_a_forbidden_turn_is_not_taken(tmp_path: Path) -> None:
    start, end = place(2, 1.5), place(1.5, 2)
    free = seconds(router_of(grid_town(), tmp_path), start, end)
    town = grid_town()
    came = way_id(town, crossing(2, 1), crossing(2, 2))
    goes = way_id(town, crossing(2, 2), crossing(1, 2))
    town.no_turn(came, crossing(2, 2), goes)
    router = router_of(town, tmp_path)
    assert seconds(router, start, end) > free + TERTIARY_S, "it goes around"
    assert seconds(router, place(2, 2.5), end) == pytest.approx(free, rel=0.02), "from the other side it is allowed"
    assert seconds(router, end, start) == pytest.approx(free, rel=0.05), "and the other way round"
    leg = router.route(start, end)
    assert leg is not None
    line = line_of(leg.line)
    middle = place(2, 2)
    for before, at, after in zip(line, line[1:], line[2:], strict=False):
        if at == pytest.approx(middle, abs=1e-6):
            assert not (before[1] < middle[1] - 1e-6 and after[0] < middle[0] - 1e-6), "the turn itself"


def test_the_only_turn_that_is_allowed_is_taken(tmp_path: Path) -> None:
    town = grid_town()
    came = way_id(town, crossing(2, 1), crossing(2, 2))
    on = way_id(town, crossing(2, 2), crossing(2, 3))
    town.no_turn(came, crossing(2, 2), on, kind="only_straight_on")
    router = router_of(town, tmp_path)
    free = 0.5 * TERTIARY_S + 0.5 * RESIDENTIAL_S
    assert seconds(router, place(2, 1.5), place(2, 2.5)) == pytest.approx(TERTIARY_S, rel=0.02)
    for end in (place(1.5, 2), place(2.5, 2)):
        assert seconds(router, place(2, 1.5), end) > free + TERTIARY_S


def test_restrictions_at_neighbouring_crossings_hold_together(tmp_path: Path) -> None:
    """The end of an arc of one copied node is itself a copy."""
    town = grid_town()
    first = way_id(town, crossing(2, 1), crossing(2, 2))
    second = way_id(town, crossing(2, 2), crossing(2, 3))
    town.no_turn(first, crossing(2, 2), second, kind="only_straight_on")
    town.no_turn(second, crossing(2, 3), way_id(town, crossing(2, 3), crossing(1, 3)))
    router = router_of(town, tmp_path)
    assert seconds(router, place(2, 1.5), place(1.5, 3)) > 2 * TERTIARY_S + 0.5 * RESIDENTIAL_S + TERTIARY_S


def test_streets_that_trap_who_enters_them_are_no_places(tmp_path: Path) -> None:
    town = grid_town()
    dead = town.node(*place(5, 2))
    town.road([crossing(4, 2), dead], "Jalan Jebakan", oneway="yes")
    island = [town.node(*place(6, 6)), town.node(*place(6, 7))]
    town.road(island, "Pulau")
    router = router_of(town, tmp_path)
    found = router.nearest(place(4.8, 2))
    assert found is not None
    assert found.street != "Jalan Jebakan"
    assert router.nearest(place(6, 6.5)) is None


def test_a_place_beyond_400_m_is_on_no_street(tmp_path: Path) -> None:
    router = router_of(grid_town(), tmp_path)
    for off_m, there in ((390, True), (410, False)):
        for row, column in ((-off_m / BLOCK_M, 2.5), (2.5, 4 + off_m / BLOCK_M / math.cos(math.radians(6.2)))):
            found = router.nearest(place(row, column))
            assert (found is not None) is there
            if found is not None:
                assert found.distance_m == pytest.approx(off_m, rel=0.01)
    assert router.nearest(place(-390 / BLOCK_M, 2.5), most_m=300) is None
    assert router.nearest(place(-900 / BLOCK_M, 2.5), most_m=5_000) is None, f"never more than {MOST_OFF_M} m"
    for nowhere in ((math.nan, 0.0), (0.0, math.inf), (91.0, 0.0), (0.0, 181.0)):
        assert router.nearest(nowhere) is None


def test_a_long_street_is_found_all_along(tmp_path: Path) -> None:
    town = grid_town()
    far = town.node(*place(0, 40))
    town.road([crossing(0, 4), far], "Jalan Panjang", "primary")
    router = router_of(town, tmp_path)
    for column in np.linspace(4.5, 39.5, 25):
        found = router.nearest(place(-1.5, column))
        assert found is not None
        assert found.street == "Jalan Panjang"
        assert found.distance_m == pytest.approx(1.5 * BLOCK_M, rel=0.01)


def test_the_nearest_named_street_passes_over_lanes(tmp_path: Path) -> None:
    town = grid_town()
    town.road([crossing(0, 0), crossing(1, 1)], "")
    router = router_of(town, tmp_path)
    found, named = router.nearest(place(0.45, 0.45)), router.nearest(place(0.45, 0.45), named=True)
    assert found is not None
    assert named is not None
    assert (found.street, named.street) == ("", named.street)
    assert named.street in ("Jalan Melati I", "Gang Kenari 1")


def close(router: Router, *areas: shapely.Geometry) -> int:
    """Have all closed that touches one of these, and nothing else."""
    closed = np.zeros(router.stretches, bool)
    for area in areas:
        closed[router.edges_in(area)] = True
    return router.close(closed)


def test_a_closed_street_is_avoided_and_opened_again(tmp_path: Path) -> None:
    router = router_of(grid_town(), tmp_path)
    start, end = place(2, 0.5), place(2, 3.5)
    free = seconds(router, start, end)
    south, west = place(1.9, 1.4)
    north, east = place(2.1, 1.6)
    area = shapely.box(west, south, east, north)
    assert close(router, area) == 1
    assert len(router.edges_in(area)) == 1
    around = router.route(start, end)
    assert around is not None
    assert around.travel.closed == 0
    assert around.travel.seconds > free + RESIDENTIAL_S
    assert all(not (south < lat < north and west < lon < east) for lat, lon in line_of(around.line))
    assert close(router) == 2
    assert seconds(router, start, end) == pytest.approx(free)
    assert close(router) == 2, "nothing changed"


def test_an_area_of_any_shape_closes_what_it_touches_and_nothing_else(tmp_path: Path) -> None:
    side = 24
    town = Town()
    nodes = [[town.node(*place(y, x)) for x in range(side)] for y in range(side)]
    for number in range(side):
        town.road(nodes[number], f"Jalan {number}")
        town.road([row[number] for row in nodes], f"Gang {number}")
    for number in range(0, side - 2, 2):  # some that cut corners
        town.road([nodes[number][number], town.node(*place(number + 0.4, number + 1.7))], "Jalan Miring")
    router = router_of(town, tmp_path)
    every = np.arange(router.stretches)
    lines = router._lines(every)
    random = np.random.default_rng(7)
    counts = []
    for radius in (0.02, 0.3, 1, 3, 8, 20) * 6:
        middle, turns = random.uniform(0, side, 2), np.sort(random.uniform(0, 2 * math.pi, 12))
        out = radius * random.uniform(0.2, 1, 12)
        ring = [place(*(middle + length * np.array([math.sin(at), math.cos(at)])))[::-1]
                for at, length in zip(turns, out, strict=True)]  # fmt: skip
        area = shapely.make_valid(shapely.Polygon(ring), method="structure", keep_collapsed=False)
        closed = router.edges_in(area)
        assert sorted(closed.tolist()) == every[shapely.intersects(lines, area)].tolist()
        counts.append(len(closed))
    assert min(counts) == 0
    assert max(counts) > 500


def test_a_closed_line_closes_what_lies_along_it_and_no_side_street(tmp_path: Path) -> None:
    router = router_of(grid_town(), tmp_path)
    found = router.stretch(place(2.05, 1.5))
    assert found is not None
    name, metres, line = found
    assert name == "Jalan Melati III"
    assert metres == pytest.approx(221, rel=0.01)
    along = shapely.LineString([(lon, lat) for lat, lon in line_of(line)])
    closed = router.edges_along(along, 12)
    assert len(closed) == 1
    whole = shapely.LineString([place(2, 0.9)[::-1], place(2, 3.1)[::-1]])
    assert len(router.edges_along(whole, 12)) == 2, "two from corner to corner, and none of those that cross"
    crossing_it = shapely.LineString([place(1.7, 1.5)[::-1], place(2.3, 1.5)[::-1]])
    assert len(router.edges_along(crossing_it, 12)) == 0
    free = seconds(router, place(2, 0.5), place(2, 2.5))
    router.close(np.isin(np.arange(router.stretches), closed))
    around = router.route(place(2, 0.5), place(2, 2.5))
    assert around is not None
    assert (around.travel.closed, around.travel.seconds > free) == (0, True)
    assert seconds(router, place(1, 1), place(3, 1)) < free * 2, "the side street is open"
    assert router.stretch(place(400, 400)) is None


def test_a_place_among_closed_streets_is_reached_and_it_is_said(tmp_path: Path) -> None:
    router = router_of(grid_town(), tmp_path)
    south, west = place(1.5, 1.5)
    north, east = place(2.5, 2.5)
    close(router, shapely.box(west, south, east, north))
    leg = router.route(place(0, 0.1), place(2, 2))
    assert leg is not None
    assert leg.travel.closed == 1
    assert leg.travel.seconds < 1000
    out = router.route(place(2, 2), place(0, 0.1))
    assert out is not None
    assert out.travel.closed == 1


def test_of_two_streets_between_the_same_corners_the_open_one_is_taken(tmp_path: Path) -> None:
    town = grid_town()
    detour = town.node(*place(2.3, 1.5))
    town.road([crossing(2, 1), detour, crossing(2, 2)], "Jalan Lingkar", "residential")
    router = router_of(town, tmp_path)
    before = router.route(place(2, 0.5), place(2, 2.5))
    assert before is not None
    assert [name for name, _ in before.streets] == ["Jalan Melati III"]
    south, west = place(1.9, 1.4)
    north, east = place(2.05, 1.6)
    close(router, shapely.box(west, south, east, north))
    after = router.route(place(2, 0.5), place(2, 2.5))
    assert after is not None
    assert [name for name, _ in after.streets] == ["Jalan Melati III", "Jalan Lingkar", "Jalan Melati III"]
    assert seconds(router, place(2, 0.5), place(2, 2.5)) == pytest.approx(after.travel.seconds)


def test_what_takes_too_long_is_no_way(tmp_path: Path) -> None:
    router = router_of(grid_town(), tmp_path)
    times = router.times_to(place(0, 0), limit_s=TERTIARY_S)
    assert times is not None
    near, far = router.travels(times, [place(0, 0.5), place(4, 4)])
    assert near is not None
    assert far is None
    assert router.route(place(4, 4), place(0, 0), limit_s=TERTIARY_S) is None


def test_a_sign_slows_and_never_hastens(tmp_path: Path) -> None:
    town = grid_town()
    slow, fast = (way_id(town, crossing(row, 0), crossing(row, 1)) for row in (0, 1))
    town.ways[slow][1]["maxspeed"], town.ways[fast][1]["maxspeed"] = "10", "120"
    router = router_of(town, tmp_path)
    assert seconds(router, place(0, 0.4), place(0, 0.6)) > 1.5 * seconds(router, place(1, 0.4), place(1, 0.6))
    assert seconds(router, place(1, 0.4), place(1, 0.6)) == pytest.approx(0.2 * TERTIARY_S, rel=0.02)


def test_damaged_files_are_told_from_a_map(tmp_path: Path) -> None:
    router_of(grid_town(), tmp_path)
    (tmp_path / "streets" / "node.npy").write_bytes(b"nonsense")
    with pytest.raises(ValueError):  # noqa: PT011 - numpy's own
        Router(tmp_path / "streets")
    (tmp_path / "streets" / "node.npy").unlink()
    with pytest.raises(OSError, match="node"):
        Router(tmp_path / "streets")


def test_other_speeds_count_at_once_and_a_known_limit_stays(tmp_path: Path) -> None:
    town = grid_town()
    for step in range(4):
        town.ways[way_id(town, crossing(4, step), crossing(4, step + 1))][1]["maxspeed"] = "10"
        town.ways[way_id(town, crossing(1, step), crossing(1, step + 1))][1]["highway"] = "secondary"
    router = router_of(town, tmp_path)
    start, end, limited = place(2, 0.5), place(2, 3.5), (place(4, 1.2), place(4, 1.8))
    before, before_limited = seconds(router, start, end), seconds(router, *limited)
    times = router.times_to(end)
    assert times is not None
    router.set_speeds({"tertiary": 46.0})
    assert times.version != router.version
    assert seconds(router, start, end) == pytest.approx(3 * (BLOCK_M / (46 / 3.6) + WAITING_ELSEWHERE_S), rel=0.02)
    assert seconds(router, *limited) == pytest.approx(before_limited, rel=0.02)
    version = router.version
    router.set_speeds({"tertiary": 46.0})
    assert router.version == version, "what was found is still true"
    router.set_speeds({"tertiary": 5.0})
    assert seconds(router, *limited) > before_limited * 1.5, "slower than the limit"
    # Another way is the quickest now.
    leg = router.route(place(2, 0.9), place(2, 3.1))
    assert leg is not None
    assert any(name.startswith("Gang") for name, _ in leg.streets)
    router.set_speeds({})
    assert seconds(router, start, end) == before
