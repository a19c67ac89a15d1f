"""The state that all panels share: chosen report and unit, filter, time range, the newest View; signals their
changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

from PySide6.QtCore import QObject, Signal

from console.board.view import View
from console.cache.catalog import Catalog, Cities, CityUnit
from console.panels.action import Actions
from console.rules.filter import Filter
from console.rules.loaded import Loaded
from console.rules.time_range import TimeRange


class WindowState(QObject):
    """State that all panels share. Controllers read it and listen to its signals; only intents of the operator change
    it.
    """

    view_changed = Signal(object)
    """A new View; every panel shows this one or the one before it."""
    loaded_changed = Signal(object)
    """How much of the reports behind the figures has been read: a Loaded."""
    chosen_again = Signal(int)
    """The report that is already chosen was chosen again: panels bring it into sight."""
    catalog_changed = Signal(object)
    selection_changed = Signal(int)
    """The chosen report's row, 0 for none; also when the same one is chosen anew for the list that stands now."""
    unit_changed = Signal(str)
    """The chosen unit's key, "" for none."""
    filter_changed = Signal(object)
    range_changed = Signal(object)
    """Charts look back over another TimeRange."""
    languages_changed = Signal()
    """The operator reads the city's names in another language."""
    rows_touched = Signal(object)
    """A frozenset of rows whose texts or details changed, or None for all."""

    def __init__(
        self,
        me: str,
        filter_: Filter,
        zone: tzinfo,
        actions: Actions[Any],
        parent: QObject | None = None,
        *,
        names: Callable[[], Mapping[str, str]] = dict,
        city_name: Callable[[str], str] = lambda source: source,
    ) -> None:
        """`me` is the operator's name where `names` (source key -> user name) has none; `actions` are those of this
        window, whose keys the panels show; `city_name` gives the name of a source.
        """
        super().__init__(parent)
        self.actions = actions
        self.names, self.city_name = names, city_name
        self.me = me
        self.zone = zone
        self.filter = filter_
        self.time_range = TimeRange.DAY
        self.languages: tuple[str, ...] = ()
        self.view: View | None = None
        self.cities = Cities()
        self.row = 0
        self._chosen_for = _list_of(filter_)
        self.unit = ""

    def me_at(self, source: str) -> str:
        """The operator's user name at a source: the author of his edits there and the holder of his claims."""
        return self.names().get(source, self.me)

    def chips(self) -> list[tuple[str, str]]:
        """The filter's chips in the city's words."""
        return self.filter.chips(self.cities.name, self.zone)

    def choose(self, row: int) -> None:
        """Make a report the chosen one; 0 chooses none."""
        if row != self.row or self.is_left_behind:
            self.row, self._chosen_for = row, _list_of(self.filter)
            self.selection_changed.emit(row)
        elif row:
            self.chosen_again.emit(row)

    @property
    def is_left_behind(self) -> bool:
        """Whether the chosen report was chosen under another filter, and no View of the present one has held it.

        A report that leaves the list by an edit is not left behind; only a change of the filter does that.
        """
        return bool(self.row) and self._chosen_for != _list_of(self.filter)

    def shows_filter(self, view: View) -> bool:
        """Whether a view holds the reports of the filter as it is now."""
        return _list_of(view.filter) == _list_of(self.filter)

    def choose_unit(self, key: str) -> None:
        """Make a unit the chosen one; "" chooses none."""
        if key != self.unit:
            self.unit = key
            self.unit_changed.emit(key)

    def set_filter(self, filter_: Filter) -> None:
        """Show other reports everywhere."""
        if filter_ != self.filter:
            self.filter = filter_
            self.filter_changed.emit(filter_)

    def set_range(self, time_range: TimeRange) -> None:
        """Let the charts look back over this time."""
        if time_range is not self.time_range:
            self.time_range = time_range
            self.range_changed.emit(time_range)

    def set_languages(self, languages: tuple[str, ...]) -> None:
        """Show the city's names in the first of these languages in which there are some."""
        if languages != self.languages:
            self.languages = languages
            self.languages_changed.emit()

    @property
    def loaded(self) -> Loaded:
        """How much of the reports behind the figures has been read from the servers."""
        return self.view.loaded if self.view is not None else Loaded.NOTHING

    def set_view(self, view: View) -> None:
        """Take over a new View; called by the BoardUpdater only."""
        before = self.loaded
        self.view = view
        if self.is_left_behind and self.shows_filter(view) and view.position_of(self.row) >= 0:
            self._chosen_for = _list_of(self.filter)
        self.view_changed.emit(view)
        if view.loaded is not before:
            self.loaded_changed.emit(view.loaded)

    def catalog(self, source: str) -> Catalog:
        """The vocabulary of one source: categories, areas, agencies, units and their names."""
        return self.cities.of(source)

    def code_of(self, crew: CityUnit) -> str:
        """The code of a unit; with the name of its city when a unit of another city has the same code."""
        code = crew.unit.code
        return code if len(self.cities.crews_called(code)) < 2 else f"{code} {self.city_name(crew.source)}"

    @property
    def read_sources(self) -> frozenset[str]:
        """The keys of the sources all of whose reports are in the View."""
        view, cities = self.view, self.cities
        if view is None:
            return frozenset()
        return frozenset(source for source in cities.catalogs if view.is_read(cities.source_number(source)))

    def set_cities(self, cities: Cities) -> None:
        """Take over new catalogs; called by the BoardUpdater only."""
        self.cities = cities
        self.catalog_changed.emit(cities)


def _list_of(filter_: Filter) -> Filter:
    """The filter without its order: two filters that are equal here list the same reports."""
    return filter_.with_order("")
