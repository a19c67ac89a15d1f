"""Places of the city map: found by what a caller says, and the address of a point, each with how exact it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace
from PySide6.QtCore import QObject

from console.city_map.figures import read_figures
from console.city_map.messages import (
    NEAR_NUMBER_M,
    Address,
    AddressFound,
    Answer,
    Find,
    FoundPlace,
    LatLon,
    Nearest,
    PlacesFound,
)
from console.panels import formatting
from console.panels.map.city_areas import CityAreas, NamedArea
from console.panels.travel_times import AskMap

_SHORTEST = 3


class MapPlaces(QObject):
    """Asks the map process; without a map, or while it does not answer, only what is given as figures is found."""

    def __init__(
        self,
        ask: AskMap,
        parent: QObject | None = None,
        *,
        is_invented: Callable[[], bool] = lambda: False,
        near: Callable[[], LatLon | None] = lambda: None,
        areas: CityAreas | None = None,
    ) -> None:
        """`is_invented` says whether the map is of no true city: then each of its places says so. `near` is where the
        operator looks, `areas` are the city's own.
        """
        super().__init__(parent)
        self._ask, self._is_invented, self._near, self._areas = ask, is_invented, near, areas

    def find(self, purpose: str, text: str, then: Callable[[list[FoundPlace]], object]) -> None:
        """Give the places that words name, the likeliest first, of those alike the nearest; of one purpose only the
        newest text is answered.
        """
        if len(text.strip()) < _SHORTEST:
            then([])
            return
        near = self._near()
        named = self._areas.named_in(text) if self._areas is not None else None

        def answered(answer: Answer | None) -> None:
            found = answer.places if isinstance(answer, PlacesFound) else _figures(text, near)
            if named is None or any(place.fits for place in found):
                then([self._in_its_area(place) for place in found])
                return
            # The map may not know the city's areas, or have others.
            again = Find(named.rest, named.middle)
            self._ask(f"find {purpose}", again, lambda answer: then(self._within(named, answer, found)))

        self._ask(f"find {purpose}", Find(text, near), answered)

    def _within(self, area: NamedArea, answer: Answer | None, others: Sequence[FoundPlace]) -> list[FoundPlace]:
        """What was found around an area: only what lies in it fits."""
        places = answer.places if isinstance(answer, PlacesFound) else ()
        inside = [one for one in places if self._areas is not None and self._areas.is_in((one.lat, one.lon), area)]
        return [self._in_its_area(place) for place in (*inside, *others)]

    def address(self, purpose: str, place: LatLon, then: Callable[[Address | None], object]) -> None:
        """Give the address of a point; None where there is none."""

        def answered(answer: Answer | None) -> None:
            found = answer.address if isinstance(answer, AddressFound) else None
            area = self._areas.names_at(place) if found is not None and self._areas is not None else ""
            then(replace(found, area=area) if found is not None and area else found)

        self._ask(f"address {purpose}", Nearest(place), answered)

    def _area_at(self, place: LatLon) -> str:
        return self._areas.name_at(place) if self._areas is not None else ""

    def _in_its_area(self, place: FoundPlace) -> FoundPlace:
        """The city's own borders say more than those of the map's file."""
        area = self._area_at((place.lat, place.lon)) if place.exactness != "area" else ""
        return replace(place, area=area) if area else place

    def exactness_text(self, place: FoundPlace) -> str:
        """How exact a found place is, and what of the words it leaves out, in words."""
        distance = formatting.distance(place.within_m)
        words = {
            "point": self.tr("point"),
            "house": self.tr("house number"),
            "reckoned": self.tr("between known numbers"),
            "crossing": self.tr("crossing"),
            "stretch": self.tr("part of the street"),
            "landmark": self.tr("landmark"),
            "beside": self.tr("beside the landmark"),
            "street": self.tr("middle of the street"),
            "area": self.tr("middle of the area"),
        }[place.exactness]
        if place.exactness in _ROUGH and place.within_m:
            words = self.tr("{words}, ±{distance}").format(words=words, distance=distance)
        if place.left_out:
            left_out = ", ".join(place.left_out)
            words = self.tr("{words} · not on the map: {left_out}").format(words=words, left_out=left_out)
        return self._marked(words)

    def address_text(self, address: Address, area: str = "") -> str:
        """An address in words: `Jalan Melati I, near no. 4, Kebon Baru`; "" when it has no name. `area` is the name of
        the city's own area there.
        """
        near = bool(address.number) and address.number_distance_m <= NEAR_NUMBER_M
        number = self.tr("near no. {number}").format(number=address.number) if near else ""
        parts = (address.street, number, (area or address.area) if address.street else "")
        return ", ".join(part for part in parts if part)

    def marked_address(self, address: Address, area: str = "") -> str:
        """The address in words, with the mark of a map that is invented."""
        text = self.address_text(address, area)
        return self._marked(text) if text else ""

    def _marked(self, words: str) -> str:
        return self.tr("{words} · invented").format(words=words) if self._is_invented() else words


def label_of(place: FoundPlace) -> str:
    """The name of a found place: `Jalan Melati I 4, Kebon Baru`."""
    name = f"{place.name} {place.number}".strip()
    return f"{name}, {place.area}" if place.area and place.area != place.name else name


_ROUGH = ("reckoned", "stretch", "beside")


def _figures(text: str, near: LatLon | None) -> tuple[FoundPlace, ...]:
    """The place that is given as figures."""
    found = read_figures(text, near)
    if found is None:
        return ()
    return (FoundPlace("point", found.name, "", *found.place, "point", within_m=found.within_m, fits=True),)
