"""What the status bar says after a step: that it can be undone (and for how long), or that it cannot."""

from __future__ import annotations

from PySide6.QtCore import QObject

from console.panels.qt_outbox import QtOutbox
from console.panels.sources import Sources
from console.panels.status import StatusController
from console.panels.undo_stack import UndoStack, UndoStep
from console.panels.window_state import WindowState
from widgets.statusbar import StatusBar


class UndoOffer(QObject):
    """Binds the undo stack to the status bar."""

    def __init__(
        self,
        bar: StatusBar,
        status: StatusController,
        stack: UndoStack,
        outbox: QtOutbox,
        window_state: WindowState,
        sources: Sources,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bar, self._status, self._stack, self._sources = bar, status, stack, sources
        stack.pushed.connect(self._on_step)
        stack.undone.connect(lambda _: bar.hide_undo())
        outbox.changed.connect(lambda _: self._look_again())
        window_state.catalog_changed.connect(lambda _: self._look_again())

    def _on_step(self, step: UndoStep) -> None:
        what = step.words
        if step.inverse is not None or self._sources.is_away(step.source):
            self._bar.show_undo(what)
        else:  # it is sent at once, and has no way back
            self._status.say(self.tr("{what}: done, and not to be undone").format(what=what))

    def _look_again(self) -> None:
        """Take the offer to undo away when the step has reached the server and has no inverse."""
        if self._bar.undo_text() and not self._stack.undo_text:
            self._bar.hide_undo()
