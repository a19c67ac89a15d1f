"""Where the keyboard goes: to the report that is opened, and back to the panel that had it before the command line."""

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
        """The panel that has the keyboard, or had it before the command line."""
        window.panel_entered.connect(self._on_panel)
        queue.opened.connect(lambda _: self._open_chosen())
        line.run.connect(self._on_line_run)
        line.cleared.connect(self._leave_line)

    def show_first(self, row: int) -> None:
        """Where there is room for one of them, the first report that is chosen comes before the map: nothing is done to
        what cannot be read. Whoever asks for the map again keeps it.
        """
        if row and not self._was_chosen and self._window.current_panel() != "map":
            self._window.show_panel("report")
        self._was_chosen = bool(row)

    def leave_report(self) -> None:
        """The next report is shown and has not been read yet: Enter must not do to it what was meant for the one
        before.
        """
        if self.panel == "report":
            self._window.focus_panel("queue")

    def _open_chosen(self) -> None:
        """The stroke that opens a report does not do its first verb too."""
        self._ticket.hear_enter_later()
        self._window.focus_panel("report")

    def _on_panel(self, key: str) -> None:
        self._situation.set_panel(key)
        if key not in ("", "command"):
            self.panel = key

    def _on_line_run(self, line: str) -> None:
        """After a filter the keyboard goes to what is filtered, else back to where it was."""
        if line.partition(" ")[0].casefold() == "show":
            self.panel = "queue"
        self._leave_line()

    def _leave_line(self) -> None:
        self._window.focus_panel(self.panel)
