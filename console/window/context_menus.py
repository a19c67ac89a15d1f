"""What a right click opens on a report, a unit, an alarm, a line of the log, an edit, a filter's chip, a chart or a
place of the map.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QTimer
from PySide6.QtGui import QCursor

from console.city_map.messages import Address
from console.panels.action import Actions
from console.panels.action_runner import ActionRunner
from console.panels.alarm_commands import AlarmCommands
from console.panels.charts import ChartsController
from console.panels.closure_commands import ClosureCommands
from console.panels.closures import Closures
from console.panels.forms.forms import Forms
from console.panels.log import LogController
from console.panels.map.crowd import CrowdList
from console.panels.map.places import MapPlaces
from console.panels.menus import place_menu, report_menu, unit_menu
from console.panels.outbox import OutboxController
from console.panels.queue import QueueController
from console.panels.report.clipboard import ReportClipboard
from console.panels.situation import SituationMonitor
from console.panels.window_state import WindowState
from console.window.actions import Receivers
from widgets.alarms import AlarmsPanel
from widgets.charts import ChartsPanel
from widgets.log import LogPanel
from widgets.map.panel import MapPanel
from widgets.menu import MenuRow, open_menu
from widgets.outbox import OutboxPanel
from widgets.queue.panel import QueuePanel
from widgets.shell import Shell
from widgets.ticket.panel import TicketPanel
from widgets.units import UnitsPanel

_MOST_CLOSURES = 3
_ADDRESS_MS = 150
"""So long the menu of a place waits for its address."""


class ContextMenus(QObject):
    """Opens the menus of the panels, and does what is chosen in them."""

    def __init__(
        self,
        window: Shell,
        actions: Actions[Receivers],
        runner: ActionRunner,
        situation: SituationMonitor,
        window_state: WindowState,
        forms: Forms,
        report_clipboard: ReportClipboard,
        map_: MapPanel,
        parent: QObject | None = None,
        *,
        map_places: MapPlaces,
        closures: Closures,
        closure_commands: ClosureCommands,
    ) -> None:
        super().__init__(parent)
        self._closures, self._closure_commands = closures, closure_commands
        self._map_places = map_places
        self._address, self._marked_address = "", ""
        self._place: tuple[float, float, QPoint] | None = None
        self._soon = QTimer(self, singleShot=True, interval=_ADDRESS_MS)
        self._soon.timeout.connect(self._open_place)
        self._window, self._actions, self._runner, self._situation = window, actions, runner, situation
        self._window_state, self._forms, self._report_clipboard, self._map = window_state, forms, report_clipboard, map_

    def bind_reports(self, queue: QueuePanel, ticket: TicketPanel, units: UnitsPanel, crowd: CrowdList) -> None:
        """Menus on reports and units, wherever one is shown."""
        queue.menu_asked.connect(self._on_report)
        ticket.menu_asked.connect(self._on_report)
        units.menu_asked.connect(self._on_unit)
        self._map.menu_asked.connect(self._on_map)
        crowd.listed.connect(self._on_crowd)

    def bind_outbox(self, panel: OutboxPanel, controller: OutboxController) -> None:
        """The menu on an edit that waits."""

        def show(edit_id: str, at: QPoint) -> None:
            open_menu(self._window, controller.menu(edit_id), at, lambda intent: controller.act(edit_id, intent))

        panel.menu_asked.connect(show)

    def bind_alarms(self, panel: AlarmsPanel, commands: AlarmCommands) -> None:
        """The menu on an alarm."""

        def show(at: QPoint) -> None:
            row = panel.current_id()
            open_menu(self._window, commands.menu(row), at, lambda intent: commands.act(row, intent))

        panel.menu_asked.connect(show)

    def bind_log(self, panel: LogPanel, controller: LogController) -> None:
        """The menu on a line of the log."""

        def show(at: QPoint) -> None:
            row = panel.current_id()
            open_menu(self._window, controller.menu(), at, lambda intent: controller.act(row, intent))

        panel.menu_asked.connect(show)

    def bind_filter(self, panel: QueuePanel, controller: QueueController) -> None:
        """The menu on a chip of the filter."""

        def show(key: str, at: QPoint) -> None:
            open_menu(self._window, controller.chip_menu(key), at, lambda intent: do(key, intent))

        def do(key: str, intent: str) -> None:
            if intent == "copy":
                self._report_clipboard.copy(self._window_state.filter.to_text())
            else:
                controller.act_on_chip(key, intent)

        panel.chip_menu_asked.connect(show)

    def bind_charts(self, panel: ChartsPanel, controller: ChartsController) -> None:
        """The menu on a bar of a chart."""

        def show(which: str, bar: int, at: QPoint) -> None:
            open_menu(self._window, controller.menu(which, bar), at, lambda intent: do(which, bar, intent))

        def do(which: str, bar: int, intent: str) -> None:
            if intent == "copy":
                self._report_clipboard.copy(controller.table(which))
            else:
                controller.act(which, bar, intent)

        panel.menu_asked.connect(show)

    def _on_report(self, at: QPoint) -> None:
        """Open the menu of the clicked report, once it has been read."""

        def show() -> None:
            listed = report_menu(self._actions, self._situation.current, self.tr)
            open_menu(self._window, listed, at, self._runner.run)

        self._situation.when_read(self._window_state.row, show, lambda: None)

    def _on_unit(self, at: QPoint) -> None:
        with self._situation.about_unit():
            listed = unit_menu(self._actions, self._situation.current, self.tr)
        open_menu(self._window, listed, at, self._runner.run_for_unit)

    def _on_map(self, lat: float, lon: float, row: int, unit: str) -> None:
        """On a report or a crew its own menu, elsewhere that of the place."""
        at = QCursor.pos()
        if row:
            self._window_state.choose(row)
            self._on_report(at)
        elif unit:
            self._window_state.choose_unit(unit)
            self._on_unit(at)
        else:
            self._address = self._marked_address = ""
            self._place = place = (lat, lon, at)
            self._soon.start()
            self._map_places.address("menu", (lat, lon), lambda found: self._on_address(place, found))

    def _on_address(self, place: tuple[float, float, QPoint], found: Address | None) -> None:
        """The menu opens with the address, or soon without it."""
        if place is self._place:
            if found is not None:
                self._address = self._map_places.address_text(found)
                self._marked_address = self._map_places.marked_address(found)
            self._open_place()

    def _open_place(self) -> None:
        self._soon.stop()
        place, self._place = self._place, None
        if place is not None:
            lat, lon, at = place
            there = [(one.key, self._closures.name(one)) for one in self._closures.at((lat, lon))]
            listed = place_menu(
                self._actions, self._situation.current, self.tr, self._marked_address, there[:_MOST_CLOSURES]
            )
            open_menu(self._window, listed, at, lambda intent: self._at(intent, lat, lon))

    def _at(self, intent: str, lat: float, lon: float) -> None:
        """What was chosen for a place of the map."""
        if intent == "copy":
            self._report_clipboard.copy(f"{lat:.5f}, {lon:.5f}")
        elif intent == "copy_address":
            self._report_clipboard.copy(self._address)
        elif intent in ("fit", "home"):
            self._map.act(intent)
        elif intent == "close_street":
            self._closure_commands.close_at((lat, lon))
        elif intent == "draw_area":
            self._closure_commands.draw((lat, lon))
        elif intent.startswith("change_closure "):
            self._closure_commands.change(intent.partition(" ")[2])
        elif intent.startswith("end_closure "):
            self._closure_commands.end(intent.partition(" ")[2])
        elif self._runner.run(intent):
            self._forms.set_place(lat, lon)

    def _on_crowd(self, listed: list[MenuRow]) -> None:
        """Reports that cover one another on the map: the one that is chosen there is the chosen one."""
        open_menu(self._window, listed, QCursor.pos(), lambda row: self._window_state.choose(int(row)))
