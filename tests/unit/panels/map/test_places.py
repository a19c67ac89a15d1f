"""Places of the city map are told in the city's own areas, near where the operator looks, and without a map too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from api_client.model import Area
from console.cache.catalog import Cities
from console.city_map.messages import (
    Address,
    AddressFound,
    Answer,
    Find,
    FoundPlace,
    LatLon,
    Nearest,
    PlacesFound,
    Question,
)
from console.panels.map.city_areas import CityAreas
from console.panels.map.places import MapPlaces, label_of
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import Rig

HERE, BESIDE = (-6.25, 106.85), (-6.25, 106.95)


def square(code: str, name: str, west: float, parent: str | None = None) -> Area:
    east, south, north = west + 0.1, -6.3, -6.2
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    geometry: dict[str, Any] = {"type": "Polygon", "coordinates": [ring]}
    return Area(code, name, 2, parent=parent, lat=-6.25, lon=west + 0.05, geometry=geometry)


def street(place: LatLon, *, fits: bool = True) -> FoundPlace:
    return FoundPlace("street", "Gang Buntu", "of the map", *place, "street", within_m=80.0, fits=fits)


class Asked:
    """A map process that answers in turn."""

    def __init__(self, rig: Rig, *answers: Answer | None, near: LatLon | None = None) -> None:
        self.answers, self.questions = list(answers), list[Question]()
        areas = [Area("t", "Tebet", 1), square("kb", "Kebon Baru", 106.8, "t"), square("jp", "Jati Padang", 106.9)]
        city = replace(rig.window_state.catalog("city"), areas={one.code: one for one in areas})
        self.areas = CityAreas(rig.window_state, rig.tasks, rig.window)
        rig.window_state.set_cities(Cities({"city": city}, {"source": {1: ("", "city")}}))
        wait_for(lambda: self.areas.name_at(HERE) == "Kebon Baru", what="the areas")
        self.places = MapPlaces(self.ask, rig.window, near=lambda: near, areas=self.areas)

    def ask(self, _purpose: str, question: Question, then: Callable[[Answer | None], object]) -> None:
        self.questions.append(question)
        then(self.answers.pop(0))

    def find(self, text: str) -> list[FoundPlace]:
        found: list[FoundPlace] = []
        self.places.find("form", text, found.extend)
        return found


def test_a_place_has_the_name_of_the_citys_own_area(rig: Rig) -> None:
    asked = Asked(rig, PlacesFound((street(HERE), street((-6.0, 106.85)))), near=BESIDE)
    assert [label_of(one) for one in asked.find("gang buntu")] == ["Gang Buntu, Kebon Baru", "Gang Buntu, of the map"]
    assert asked.questions == [Find("gang buntu", BESIDE)]


def test_an_address_has_it_too(rig: Rig) -> None:
    asked = Asked(rig, *[AddressFound(Address("Gang Buntu", 5.0, "", 0.0, "of the map"))] * 2, AddressFound(None))
    told: list[Address | None] = []
    for place in (HERE, (-6.0, 106.85), HERE):
        asked.places.address("menu", place, told.append)
    assert [one.area if one is not None else None for one in told] == ["Kebon Baru, Tebet", "of the map", None]
    assert asked.questions[0] == Nearest(HERE)


def test_an_area_that_the_map_does_not_know_is_the_citys(rig: Rig) -> None:
    asked = Asked(rig, PlacesFound((street(BESIDE, fits=False),)), PlacesFound((street(BESIDE), street(HERE))))
    found = asked.find("gg buntu rt 05/03 kel. Kebon Baru")
    assert asked.questions[1] == Find("gg buntu rt 05/03", (-6.25, 106.85))
    assert [(one.area, one.fits) for one in found] == [("Kebon Baru", True), ("Jati Padang", False)]
    in_part = Asked(rig, PlacesFound(()), PlacesFound((street(BESIDE), street(HERE))))
    assert [one.area for one in in_part.find("gang buntu kebon baru")] == ["Kebon Baru"]


def test_what_fits_is_not_looked_for_again(rig: Rig) -> None:
    asked = Asked(rig, PlacesFound((street(HERE),)), PlacesFound(()))
    assert len(asked.find("gang buntu kebon baru")) == 1
    assert asked.find("kebon baru") == [], "the area alone is no place in it"
    assert len(asked.questions) == 2


def test_figures_are_a_place_without_a_map(rig: Rig) -> None:
    asked = Asked(rig, None, None, None, near=(-6.2, 106.8))
    (found,) = asked.find("106.85, -6.25")
    assert (label_of(found), found.fits) == ("-6.25000, 106.85000, Kebon Baru", True)
    assert asked.find("QRXM+2Q")[0].exactness == "point"
    assert asked.find("gang buntu") == []


def test_how_exact_a_place_is_and_what_it_leaves_out_is_said(rig: Rig) -> None:
    text = Asked(rig).places.exactness_text
    assert text(street(HERE)) == "middle of the street"
    assert text(replace(street(HERE), exactness="reckoned", number="7")) == "between known numbers, ±80 m"
    assert text(replace(street(HERE), exactness="crossing", within_m=25.0)) == "crossing"
    left_out = replace(street(HERE), exactness="stretch", left_out=("rt 05/03", "warung"))
    assert text(left_out) == "part of the street, ±80 m · not on the map: rt 05/03, warung"
