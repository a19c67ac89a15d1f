"""The smallest area around a point."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from api_client.model import Area
from console.rules.area import AreaIndex, AreaNames, GeometryFault, border_box


def square(code: str, west: float, south: float, side: float, **more: Any) -> Area:
    ring = [[west, south], [west + side, south], [west + side, south + side], [west, south + side], [west, south]]
    return Area(code, code, 1, geometry={"type": "Polygon", "coordinates": [ring, *more.get("holes", [])]})


def test_the_smallest_of_several_wins_in_any_order() -> None:
    big, small = square("big", 0, 0, 10), square("small", 2, 2, 1)
    for areas in ((big, small), (small, big)):
        index = AreaIndex(areas)
        assert index.area_at(2.5, 2.5) == ("small", "smallest")
        assert index.area_at(5, 5) == ("big", "smallest")
        assert index.area_at(11, 5) is None


def test_holes_and_separate_parts() -> None:
    hole = [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]
    holed = square("holed", 0, 0, 10, holes=[hole])
    parts = Area("parts", "parts", 1, geometry={"type": "MultiPolygon", "coordinates": [
        [[[20, 0], [21, 0], [21, 1], [20, 1], [20, 0]]], [[[30, 0], [31, 0], [31, 1], [30, 1], [30, 0]]]]})  # fmt: skip
    index = AreaIndex([holed, parts])
    assert index.area_at(5, 5) is None
    assert index.area_at(5, 1) == ("holed", "smallest")
    assert index.area_at(0.5, 20.5) == index.area_at(0.5, 30.5) == ("parts", "smallest")
    assert index.area_at(0.5, 25) is None


def test_two_neighbours_share_their_border_without_gap_or_overlap() -> None:
    index = AreaIndex([square("west", 0, 0, 1), square("east", 1, 0, 1)])
    found = [index.area_at(lat / 7, 1.0) for lat in range(1, 7)]
    assert None not in found


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[["a", 0], [1, 1], [2, 0], ["a", 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [float("nan"), 1], [2, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [500, 1], [2, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": 7},
        {"type": "MultiPolygon", "coordinates": [3]},
        {},
    ],
)
def test_a_broken_geometry_is_listed_and_the_others_are_used(geometry: dict[str, Any]) -> None:
    index = AreaIndex([Area("broken", "Broken", 1, geometry=geometry), square("whole", 0, 0, 1)])
    assert len(index.problems) == 1
    assert "broken" in index.problems[0]
    assert index.area_at(0.5, 0.5) == ("whole", "smallest")


def test_no_areas_and_no_numbers() -> None:
    assert AreaIndex([]).area_at(1, 1) is None
    assert AreaIndex([square("a", 0, 0, 1)]).area_at(float("nan"), 0.5) is None


def test_the_centres_of_jakarta_lie_in_their_own_wards(city_data: Path) -> None:
    features = json.loads((city_data / "jakarta/dki_kelurahan.geojson").read_text("utf-8"))["features"]
    areas = [Area(f["properties"]["kode"], f["properties"]["nama"], 3, geometry=f["geometry"]) for f in features]
    index = AreaIndex(areas)
    right = sum(
        index.area_at(f["properties"]["lat"], f["properties"]["lng"]) == (f["properties"]["kode"], "smallest")
        for f in features
    )
    assert right >= 255  # the centre of a crescent or of a group of islands lies beside it
    chance = random.Random(3)
    for _ in range(30_000):
        index.area_at(chance.uniform(-6.37, -6.1), chance.uniform(106.7, 106.95))


def test_words_name_areas_by_whole_names_the_longest_first() -> None:
    areas = [Area(code, name, 1) for code, name in (
        ("1", "Tebet"), ("2", "Tebet Barat"), ("3", "Pasar Minggu"), ("4", "Pasar Minggu"), ("5", "!"),
    )]  # fmt: skip
    names = AreaNames(areas)
    assert names.named_in("Jl. TEBET  barat dalam 3, Pasar Minggu") == [("2",), ("3", "4")]
    assert names.named_in("Tebet, Tebetan") == [("1",)]
    assert names.named_in("Pasar !") == []
    assert AreaNames([]).named_in("Tebet") == []


def test_a_border_has_so_many_points() -> None:
    def circle(points: int) -> dict[str, Any]:
        turns = [2 * math.pi * n / points for n in range(points)]
        ring = [[round(106 + math.cos(turn), 14), round(-6 + math.sin(turn), 14)] for turn in turns]
        return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}

    border_box(circle(99_000))
    with pytest.raises(GeometryFault, match="100,001 points"):
        border_box(circle(100_001))


def test_near_a_border_both_areas_are_told_its_own_first() -> None:
    west, east = square("west", 106.8, -6.3, 0.1), square("east", 106.9, -6.3, 0.1)
    index = AreaIndex([west, east])
    metres = 1 / (111_195 * math.cos(math.radians(6.25)))
    assert index.areas_near(-6.25, 106.9 - 40 * metres, 50) == ("west", "east")
    assert index.areas_near(-6.25, 106.9 + 40 * metres, 50) == ("east", "west")
    assert index.areas_near(-6.25, 106.9 - 60 * metres, 50) == ("west",)
    assert index.areas_near(-6.25, 107.0 + 40 * metres, 50) == ("east",)
    assert index.areas_near(0, 0, 50) == ()
