"""Places of the city map: found by what a caller says, and the address of a point, each with how exact it is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from console.city_map.messages import Address, AddressFound, Answer, Find, FoundPlace, LatLon, Nearest, PlacesFound
from console.panels.travel_times import AskMap

_SHORTEST = 3
_NEAR_NUMBER_M = 100.0
_WITHIN_M = {"point": 0.0, "house": 0.0, "landmark": 50.0, "street": 300.0, "area": 1000.0}
"""How far what is meant may be from the point that is told."""


class MapPlaces(QObject):
    """Asks the map process; without a map, or while it does not answer, nothing is found."""

    def __init__(
        self, ask: AskMap, parent: QObject | None = None, *, is_invented: Callable[[], bool] = lambda: False
    ) -> None:
        """`is_invented` says whether the map is of no true city: then each of its places says so."""
        super().__init__(parent)
        self._ask, self._is_invented = ask, is_invented

    def find(self, purpose: str, text: str, then: Callable[[list[FoundPlace]], object]) -> None:
        """Give the places that words name, the likeliest first; of one purpose only the newest text is answered."""
        if len(text.strip()) < _SHORTEST:
            then([])
            return
        self._ask(f"find {purpose}", Find(text), lambda answer: then(_places(answer)))

    def address(self, purpose: str, place: LatLon, then: Callable[[Address | None], object]) -> None:
        """Give the address of a point; None where there is none."""
        self._ask(f"address {purpose}", Nearest(place), lambda answer: then(_address(answer)))

    def exactness_text(self, place: FoundPlace) -> str:
        """How exact a found place is, in words."""
        words = {
            "point": self.tr("point"),
            "house": self.tr("house number"),
            "landmark": self.tr("landmark"),
            "street": self.tr("middle of the street"),
            "area": self.tr("middle of the area"),
        }[place.exactness]
        return self._marked(words)

    def address_text(self, address: Address, area: str = "") -> str:
        """An address in words: `Jalan Melati I, near no. 4, Kebon Baru`; "" when it has no name. `area` is the name of
        the city's own area there.
        """
        near = bool(address.number) and address.number_distance_m <= _NEAR_NUMBER_M
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


def within_m_of(place: FoundPlace) -> float:
    """How many metres what is meant may be from the place's point."""
    return _WITHIN_M[place.exactness]


def _places(answer: Answer | None) -> list[FoundPlace]:
    return list(answer.places) if isinstance(answer, PlacesFound) else []


def _address(answer: Answer | None) -> Address | None:
    return answer.address if isinstance(answer, AddressFound) else None
