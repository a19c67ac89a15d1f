"""Places for reports and units of the demo city: on its streets, in their wards, with addresses that say invented."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from console.rules.area import AreaIndex
from console.server.demo.areas import Point, metres, read_wards
from console.server.demo.facts import demo_facts
from console.server.demo.house_numbers import house_number
from console.server.demo.street_samples import MAIN_KINDS, StreetPlaces, StreetSample, street_places

WARDS = read_wards()
PLACES = street_places()


def off_street_m(here: Point, street: StreetSample) -> float:
    """How far a place is from a street."""
    found = []
    for (a, b), length in zip(zip(street.points, street.points[1:], strict=False), street.legs_m, strict=True):
        steps = int(length) + 1
        line = [(a[0] + (b[0] - a[0]) * n / steps, a[1] + (b[1] - a[1]) * n / steps) for n in range(steps + 1)]
        found.append(min(metres(here, point) for point in line))
    return min(found)


def test_places_lie_in_their_ward_and_on_a_street() -> None:
    chance, index = random.Random(1), AreaIndex(demo_facts().areas)
    for ward in WARDS:
        for _ in range(4):
            place = PLACES.draw(ward, chance)
            assert (index.area_at(place.lat, place.lon) or ("",))[0] == ward.code
            assert place.address.endswith(f", {ward.name} (invented)")
            streets = [one for one in PLACES.of_ward(ward) if f"{one.name} No. " in place.address]
            assert min(off_street_m((place.lat, place.lon), street) for street in streets) < 4.5


@pytest.mark.parametrize(
    ("group", "is_likely"),
    [("air", lambda street: street.is_near_water), ("lalu-lintas", lambda street: street.kind in MAIN_KINDS)],
)
def test_floods_are_near_rivers_and_jams_on_main_roads(group: str, is_likely: Callable[[StreetSample], bool]) -> None:
    chance = random.Random(2)
    shares = {ward: sum(map(is_likely, PLACES.of_ward(ward))) / len(PLACES.of_ward(ward)) for ward in WARDS}
    ward = next(ward for ward, share in shares.items() if 0.1 < share < 0.4)
    likely = {street.name for street in PLACES.of_ward(ward) if is_likely(street)}
    drawn = [PLACES.draw(ward, chance, group).address.partition(" No. ")[0] for _ in range(400)]
    assert sum(name in likely for name in drawn) / len(drawn) > shares[ward] + 0.3
    anything = [PLACES.draw(ward, chance, "sampah").address.partition(" No. ")[0] for _ in range(400)]
    assert abs(sum(name in likely for name in anything) / len(anything) - shares[ward]) < 0.1


def test_a_place_near_another_is_on_the_same_street() -> None:
    chance = random.Random(3)
    for ward in WARDS[::20]:
        here = PLACES.draw(ward, chance)
        street, _ = PLACES.street_near((here.lat, here.lon))
        place = PLACES.near((here.lat, here.lon), chance, 60.0)
        assert place.address.startswith(f"{street.name} No. ")
        assert off_street_m((place.lat, place.lon), street) < 4.5


def test_far_from_every_street_the_nearest_one_is_taken() -> None:
    assert PLACES.street_near((-5.2, 106.5))[0].ward.startswith("31.01")


def test_numbers_grow_along_a_street_odd_on_the_left() -> None:
    left = [house_number(along, on_left=True) for along in range(0, 500, 15)]
    assert left == sorted(left)
    assert {number % 2 for number in left} == {1}
    assert {house_number(along, on_left=False) % 2 for along in range(0, 500, 15)} == {0}


def test_an_address_numbers_the_house_by_its_place_along_the_street() -> None:
    ward = WARDS[0]
    points = ((-6.2, 106.8), (-6.2, 106.802))
    street = StreetSample(ward.code, "residential", "Jl. Uji", 100.0, False, points, (221.0,), 221.0)
    places = StreetPlaces([ward], [street])
    drawn = sorted((places.draw(ward, random.Random(seed)) for seed in range(40)), key=lambda place: place.lon)
    numbers = [int(place.address.split("No. ")[1].split(",")[0]) for place in drawn]
    assert numbers[0] >= 21
    assert numbers[-1] <= 2 * 32 + 2
    assert all(later >= earlier - 2 for earlier, later in pairwise(numbers))
    on_left = [place.lat > -6.2 for place in drawn]
    assert on_left == [number % 2 == 1 for number in numbers], "it runs east: its left is north"


@pytest.mark.parametrize("group", ["", "air", "lalu-lintas"])
def test_the_same_chance_draws_the_same_places(group: str) -> None:
    one, other = ([PLACES.draw(WARDS[0], chance, group) for _ in range(5)] for chance in map(random.Random, (4, 4)))
    assert one == other
