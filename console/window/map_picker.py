"""Lets an open form pick a place on the map, and shows its pin; afterwards the map shows what it did before."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRect, Signal

from widgets.keys import add_key
from widgets.map.panel import MapPanel, Pin
from widgets.shell import Shell

_SOUGHT_ZOOM = 16


class MapPicker(QObject):
    """Moves the map for a form that asks for a place, and gives the keyboard to the queue when the form has closed."""

    changed = Signal()
    """A place is asked for on the map, or is no longer."""

    def __init__(
        self, window: Shell, map_: MapPanel, covered: Callable[[], QRect | None], parent: QObject | None = None
    ) -> None:
        """`covered` is the part of the screen that the open form stands in."""
        super().__init__(parent)
        self._window, self._map, self._covered = window, map_, covered
        self._has_picked = False
        self._is_sought = False
        self._esc = add_key(window, "Esc", map_.leave_pick)
        self._esc.setEnabled(False)
        map_.picking_changed.connect(self._on_picking)

    def start(self) -> None:
        """Ask for a click."""
        self._has_picked = True
        self._map.lend_view()
        self._map.start_pick()

    def end(self) -> None:
        """The form was closed: end picking; if the map was used for it, give the keyboard to the queue."""
        self._map.stop_pick()
        if self._has_picked:
            self._has_picked = False
            self._window.focus_panel("queue")

    def show_pin(self, place: tuple[float, float] | None) -> None:
        """Show a pin where the new report would lie, in view beside the form; None takes it away."""
        self._is_sought = False
        self._map.show_pins([] if place is None else [Pin(*place, chosen=True)])
        if place is None:
            self._map.take_view_back()
        else:
            self._map.lend_view()
            self._map.reveal(*place, self._covered())

    def show_sought(self, lat: float, lon: float) -> None:
        """Go to a place that was looked up, and mark it until a report is chosen or a form shows a place."""
        self._map.show_pins([Pin(lat, lon, chosen=True)])
        self._map.go_to(lat, lon, _SOUGHT_ZOOM)
        self._is_sought = True

    def forget_sought(self) -> None:
        """Take the mark of a place that was looked up away."""
        if self._is_sought:
            self._is_sought = False
            self._map.show_pins([])

    def _on_picking(self, picking: bool) -> None:
        """Esc ends it, whatever part of the window has the keyboard."""
        self._esc.setEnabled(picking)
        self.changed.emit()
