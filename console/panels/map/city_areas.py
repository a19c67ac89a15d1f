"""The city's own areas: which one a place lies in, and which one words name; their borders are not those of a map."""

from __future__ import annotations

import re

import msgspec
from PySide6.QtCore import QObject

from api_client.model import Area
from console.cache.catalog import Cities, offered
from console.city_map.messages import LatLon
from console.panels.window_state import WindowState
from console.rules.area import AreaIndex, AreaNames
from console.tasks import Tasks


class NamedArea(msgspec.Struct, frozen=True):
    """An area that words name: the words without it, its middle, and its key (source number, code)."""

    rest: str
    middle: LatLon
    key: tuple[int, str]


class CityAreas(QObject):
    """Follows the areas of all sources; their borders are made ready on a worker."""

    def __init__(self, window_state: WindowState, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._areas: tuple[dict[str, Area], ...] = ()
        self._names: list[AreaNames] = []
        self._indexes: list[AreaIndex] = []
        window_state.catalog_changed.connect(self._on_catalog)
        self._on_catalog(window_state.cities)

    def name_at(self, place: LatLon) -> str:
        """The name of the smallest area of the city there; "" outside of them all, or while they are not known."""
        found = self._at(place)
        return "" if found is None else self._areas[found[0]][found[1]].name

    def names_at(self, place: LatLon) -> str:
        """The smallest area there and the one that it is a part of: `Kebon Baru, Tebet`; "" where there is none."""
        found = self._at(place)
        if found is None:
            return ""
        areas = self._areas[found[0]]
        area = areas[found[1]]
        whole = areas.get(area.parent or "")
        return area.name if whole is None or whole.name == area.name else f"{area.name}, {whole.name}"

    def named_in(self, text: str) -> NamedArea | None:
        """The last area that the words name beside something else; None where they name none."""
        for number, (names, areas) in enumerate(zip(self._names, self._areas, strict=True)):
            for codes in reversed(names.named_in(text)):
                area = areas[codes[0]]
                words = r"\W+".join(map(re.escape, re.findall(r"\w+", area.name)))
                rest = re.sub(rf"(?:\b(?:kel|kec)\w*\W+)?\b{words}\b", " ", text, flags=re.IGNORECASE).strip(" ,")
                if rest and area.lat is not None and area.lon is not None:
                    return NamedArea(rest, (area.lat, area.lon), (number, area.code))
        return None

    def is_in(self, place: LatLon, area: NamedArea) -> bool:
        """Whether a place lies in an area, or in a part of it."""
        found = self._at(place)
        if found is None or found[0] != area.key[0]:
            return False
        areas, code, seen = self._areas[found[0]], found[1], set[str]()
        while code != area.key[1] and code in areas and code not in seen:
            seen.add(code)
            code = areas[code].parent or ""
        return code == area.key[1]

    def _at(self, place: LatLon) -> tuple[int, str] | None:
        for number, index in enumerate(self._indexes):
            if (found := index.area_at(*place)) is not None:
                return number, found[0]
        return None

    def _on_catalog(self, cities: Cities) -> None:
        areas = tuple(catalog.areas for catalog in cities.catalogs.values())
        if len(areas) == len(self._areas) and all(one is known for one, known in zip(areas, self._areas, strict=True)):
            return
        self._areas, self._indexes = areas, []  # a code of before may be another one's now
        self._names = [AreaNames(offered(one)) for one in areas]
        self._tasks.latest("city areas", lambda: [AreaIndex(offered(one)) for one in areas], self._have)

    def _have(self, indexes: list[AreaIndex]) -> None:
        if len(indexes) == len(self._areas):
            self._indexes = indexes
