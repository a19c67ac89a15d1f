"""The picture of `--screenshot`, taken when the window is complete, and the numbers that its panels show then."""

from __future__ import annotations

import sys

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from console.error_text import LOCAL, describe
from console.panels.map.controller import MapController
from console.panels.outbox import OutboxController
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.loaded import Loaded
from console.window.options import WindowOptions
from widgets.charts import ChartsPanel
from widgets.queue.panel import QueuePanel
from widgets.shell import Shell

_AT_MOST_S = 60.0
_BEFORE_CHOOSING_MS, _BEFORE_SAVING_MS = 400, 1500


class Screenshot(QObject):
    """Waits until nothing is missing, chooses the first report and saves what the window looks like."""

    over = Signal()
    """The picture is taken, or its time is over: the window may go."""

    def __init__(
        self,
        options: WindowOptions,
        window: Shell,
        window_state: WindowState,
        sources: Sources,
        queue: QueuePanel,
        map_: MapController,
        charts: ChartsPanel,
        outbox_controller: OutboxController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.options = options
        self._window, self._window_state, self._sources = window, window_state, sources
        self._queue, self._map, self._charts, self._outbox_controller = queue, map_, charts, outbox_controller
        self.exit_code = 0
        self.drawn_view = -1
        """The number of the View that the map has drawn last."""
        self._begun = False

    def start(self) -> None:
        """Run until `--quit-after`, or no longer than a picture may take."""
        if self.options.quit_after_s is not None:
            QTimer.singleShot(int(self.options.quit_after_s * 1000), self._on_time_over)
        elif self.options.screenshot is not None:
            QTimer.singleShot(int(_AT_MOST_S * 1000), self._on_time_over)

    def on_drawn(self, view: int) -> None:
        """The map shows a View."""
        self.drawn_view = view
        self.look()

    def look(self) -> None:
        """After the last View is drawn there may be no other: what was still missing then is looked at every second."""
        if self.options.screenshot is not None and not self._begun and not self.missing():
            QTimer.singleShot(_BEFORE_CHOOSING_MS, self._take)

    def missing(self) -> list[str]:
        """What keeps the picture from being complete, in words."""
        missing = []
        if self._window_state.view is None or self._window_state.view.total == 0:
            missing.append("no reports yet")
        elif self._window_state.loaded is not Loaded.WHOLE:
            missing.append("a part of the reports only")
        if self.drawn_view < 0:
            missing.append("the map is not drawn")
        if self._sources.filling():
            missing.append("the first fill is not done")
        return missing

    def write_state(self) -> None:
        """What the panels show, in numbers (docs/decisions/0001)."""
        if self.options.state is None:
            return
        shown = {
            "queue_rows": self._queue.row_count(),
            "tabs": self._queue.tab_counts(),
            "map": self._map.corner(),
            "categories": [(bar.label, bar.count) for bar in self._charts.categories()],
            "outbox": len(self._outbox_controller.open_edits),
            "sources": self._sources.states(),
            "missing": self.missing(),
        }
        try:
            self.options.state.write_bytes(msgspec.json.format(msgspec.json.encode(shown)))
        except OSError as error:
            sys.stderr.write(f"sigap: {self.options.state} cannot be written: {describe(error)}\n")
            self.exit_code = LOCAL

    def _take(self) -> None:
        if self._begun:
            return
        self._begun = True
        if self._window_state.row == 0 and self._window_state.view is not None and len(self._window_state.view.order):
            self._window_state.choose(int(self._window_state.view.order[0]))
        QTimer.singleShot(_BEFORE_SAVING_MS, self._save)

    def _save(self) -> None:
        assert self.options.screenshot is not None
        self.write_state()
        if not self._window.grab().save(str(self.options.screenshot)):
            sys.stderr.write(f"sigap: the picture cannot be saved at {self.options.screenshot}\n")
            self.exit_code = LOCAL
        self.over.emit()

    def _on_time_over(self) -> None:
        if self.options.screenshot is not None and not self._begun:
            sys.stderr.write(f"sigap: the picture is not complete: {', '.join(self.missing())}\n")
            self.exit_code = LOCAL
            self._begun = True
            self.write_state()
            self._window.grab().save(str(self.options.screenshot))
        self.over.emit()
