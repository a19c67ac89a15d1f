"""The one selection, the one filter and the newest View of the whole window, and who is told when they change."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QObject, Signal

from console.board.view import View
from console.domain.filter import Filter
from console.presenters.catalog import Catalog


class Desk(QObject):
    """What the window is about at this moment. Presenters read it and listen; only intents change it."""

    view_changed = Signal(object)
    """A new View; every panel shows this one or the one before it."""
    catalog_changed = Signal(object)
    selection_changed = Signal(int)
    """The chosen report's row, 0 for none."""
    unit_changed = Signal(str)
    filter_changed = Signal(object)
    rows_touched = Signal(object)
    """A frozenset of rows whose texts or details changed, or None for all."""

    def __init__(self, me: str, filter_: Filter, zone: tzinfo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.me = me
        self.zone = zone
        self.filter = filter_
        self.view: View | None = None
        self.catalog = Catalog()
        self.row = 0
        self.unit = ""

    def chips(self) -> list[tuple[str, str]]:
        """The filter's chips in the city's words."""
        return self.filter.chips(self.catalog.name, self.zone)

    def choose(self, row: int) -> None:
        """Make a report the chosen one; 0 chooses none."""
        if row != self.row:
            self.row = row
            self.selection_changed.emit(row)

    def choose_unit(self, unit_id: str) -> None:
        """Make a unit the chosen one; "" chooses none."""
        if unit_id != self.unit:
            self.unit = unit_id
            self.unit_changed.emit(unit_id)

    def set_filter(self, filter_: Filter) -> None:
        """Show other reports everywhere."""
        if filter_ != self.filter:
            self.filter = filter_
            self.filter_changed.emit(filter_)

    def set_view(self, view: View) -> None:
        """For the board's feed only."""
        self.view = view
        self.view_changed.emit(view)

    def set_catalog(self, catalog: Catalog) -> None:
        """For the board's feed only."""
        self.catalog = catalog
        self.catalog_changed.emit(catalog)
