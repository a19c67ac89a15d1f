"""Move the keyboard focus: to a report that is opened, and back from the command line to the panel that had it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from console.panels.situation import SituationMonitor
from widgets.command import CommandLine
from widgets.queue.panel import QueuePanel
from widgets.shell import Shell
from widgets.ticket.panel import TicketPanel


class KeyboardFocus(QObject):
    """Follows which panel has the keyboard, and moves it where the operator's last step leads."""

    def __init__(
        self,
        window: Shell,
        queue: QueuePanel,
        ticket: TicketPanel,
        line: CommandLine,
        situation: SituationMonitor,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._ticket, self._situation = window, ticket, situation
        self._was_chosen = False
        self.panel = "queue"
        """The panel that has the keyboard, or had it before the command line or the visitor's strip."""
        window.panel_entered.connect(self._on_panel)
        queue.opened.connect(lambda _: self._open_chosen())
        line.run.connect(self._on_line_run)
        line.cleared.connect(self._leave_line)

    def show_first(self, row: int) -> None:
        """In a narrow window, which shows either map or report, show the report when a first one is chosen: the
        operator must see what his keys act on. Afterwards he may go back to the map.
        """
        if row and not self._was_chosen and self._window.current_panel() != "map":
            self._window.show_panel("report")
        self._was_chosen = bool(row)

    def leave_report(self) -> None:
        """The next report was chosen automatically and is not read yet: give the keyboard to the queue, so that an
        Enter that was meant for the report before does nothing to this one.
        """
        if self.panel == "report":
            self._window.focus_panel("queue")

    def _open_chosen(self) -> None:
        """Give the keyboard to the report panel; the Enter that opened the report does not also run its first verb."""
        self._ticket.hear_enter_later()
        self._window.focus_panel("report")

    def _on_panel(self, key: str) -> None:
        self._situation.set_panel(key)
        if key not in ("", "command", "visitor"):
            self.panel = key

    def _on_line_run(self, line: str) -> None:
        """After `show` the keyboard goes to the queue, after another command back to the panel that had it."""
        if line.partition(" ")[0].casefold() == "show":
            self.panel = "queue"
        self._leave_line()

    def _leave_line(self) -> None:
        self._window.focus_panel(self.panel)
