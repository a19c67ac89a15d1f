"""Replace a window by one with another theme or text size: filter, chosen report, undo and keyboard focus are kept."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication, QWindow

from console.panels.board_updater import BoardUpdater
from console.panels.report.details import ReportDetailsReader
from console.panels.sources import Sources
from console.panels.undo_stack import UndoStack
from console.panels.units import UnitsController
from console.panels.window_state import WindowState
from console.window.options import WindowHandover
from widgets.held_keys import HeldKeys
from widgets.queue.view import QueueView
from widgets.shell import Shell
from widgets.ticket.panel import TicketPanel

_PICTURE_MS = 3000
"""When the next window does not get the keyboard, as another program has it, the picture is closed after this time."""


class Succession(QObject):
    """Makes the handover of a window that is replaced (`hand_on`), and restores one in the next window (`take_up`)."""

    def __init__(
        self,
        window: Shell,
        queue: QueueView,
        ticket: TicketPanel,
        window_state: WindowState,
        board_updater: BoardUpdater,
        details_reader: ReportDetailsReader,
        undo_stack: UndoStack,
        sources: Sources,
        units: UnitsController,
        keys: HeldKeys,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._queue, self._ticket, self._window_state = window, queue, ticket, window_state
        self._board_updater, self._details_reader, self._undo_stack, self._sources, self._keys = (
            board_updater,
            details_reader,
            undo_stack,
            sources,
            keys,
        )
        self._units = units
        self._handover: WindowHandover | None = None
        self._before: Shell | None = None
        self._is_chosen = False

    def hand_on(self, message: str, panel: str) -> WindowHandover:
        """What the next window needs. `message` is what it shows first, `panel` the key of the panel that has the
        keyboard.
        """
        window_state = self._window_state
        local = self._board_updater.local_report(window_state.row)
        return WindowHandover(
            filter=window_state.filter,
            row=window_state.row,
            steps=self._undo_stack.remembered,
            message=message,
            local_key=local[1] if local is not None else "",
            panel=panel,
            first_row=self._queue.first_in_sight() if self._queue.above() else 0,
            read_part=self._ticket.read_part(),
            reads=bool(window_state.row) and self._ticket.isVisible(),
            sources=self._sources.newest,
            positions=self._units.newest_positions,
        )

    def take_up(self, handover: WindowHandover, before: Shell | None) -> None:
        """Restore a handover. `before`, the previous window, stays as a picture until this one has the keyboard.

        Keys that are typed meanwhile are meant for the report that was chosen there; they are held until it is read
        here.
        """
        self._handover, self._before, self._is_chosen = handover, before, False
        if before is not None:
            QGuiApplication.instance().focusWindowChanged.connect(self._on_focus_window)  # type: ignore[union-attr]
            QTimer.singleShot(_PICTURE_MS, self, self._end_picture)
        self._keys.hold_for(self._window, self._is_read)
        self._sources.take_up(handover.sources)
        self._units.take_up(handover.positions)
        self._window_state.set_filter(handover.filter)
        self._undo_stack.take_up(handover.steps)
        if handover.reads:
            self._window.show_panel("report")
        self._board_updater.ready.connect(self._on_ready)
        self._details_reader.changed.connect(self._look)
        self._details_reader.failed.connect(self._look)

    def close(self) -> None:
        """This window closes, maybe before it had the keyboard: close the picture of the previous one."""
        self._end_picture()

    def _is_read(self) -> bool:
        return self._handover is None

    def _on_ready(self) -> None:
        handover = self._handover
        if handover is None or self._is_chosen:
            return
        self._is_chosen = True
        if handover.first_row:
            self._queue.show_from(handover.first_row)
        row = self._board_updater.local_row(handover.local_key) if handover.local_key else handover.row
        self._window.focus_panel(handover.panel)
        if row and row != self._window_state.row:
            self._window_state.choose(row)
            if not handover.reads:  # where there is room for one of them, it was the map
                self._window.show_panel("map")
        else:
            self._look()

    def _look(self, _: object = None) -> None:
        """The chosen report was read, or could not be: the handover is done, and held keys are delivered."""
        handover = self._handover
        if handover is None or not self._is_chosen:
            return
        self._handover = None
        self._ticket.read_on(handover.read_part)
        self._keys.look_again()

    def _on_focus_window(self, focused: QWindow | None) -> None:
        if focused is not None and focused is self._window.windowHandle():
            self._end_picture()

    def _end_picture(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            before.close()
            before.deleteLater()
