"""The name of the city's own area at a place: its border is the city's, and not that of a map's file."""

from __future__ import annotations

from PySide6.QtCore import QObject

from api_client.model import Area
from console.cache.catalog import Cities, offered
from console.city_map.messages import LatLon
from console.panels.window_state import WindowState
from console.rules.area import AreaIndex
from console.tasks import Tasks


class CityAreas(QObject):
    """Follows the areas of all sources; their borders are made ready on a worker."""

    def __init__(self, window_state: WindowState, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._areas: tuple[dict[str, Area], ...] = ()
        self._indexes: list[tuple[AreaIndex, dict[str, Area]]] = []
        window_state.catalog_changed.connect(self._on_catalog)
        self._on_catalog(window_state.cities)

    def name_at(self, place: LatLon) -> str:
        """The name of the smallest area of the city there; "" outside of them all, or while they are not known."""
        for index, areas in self._indexes:
            if (found := index.area_at(*place)) is not None:
                return areas[found[0]].name
        return ""

    def _on_catalog(self, cities: Cities) -> None:
        areas = tuple(catalog.areas for catalog in cities.catalogs.values())
        if len(areas) == len(self._areas) and all(one is known for one, known in zip(areas, self._areas, strict=True)):
            return
        self._areas = areas
        self._tasks.latest("city areas", lambda: [(AreaIndex(offered(one)), one) for one in areas], self._have)

    def _have(self, indexes: list[tuple[AreaIndex, dict[str, Area]]]) -> None:
        self._indexes = indexes
