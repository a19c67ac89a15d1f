"""The list of reports that cover one another on the map: what each is called, the most urgent first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from PySide6.QtCore import QObject, Signal

from console.cache.reader import CacheReader, RowText
from console.panels import formatting
from console.panels.board_updater import LOCAL_ROWS, BoardUpdater
from console.panels.queue import local_text
from console.panels.window_state import WindowState
from console.rules.status import ORDER
from console.tasks import Tasks
from widgets.menu import MenuRow

_LONGEST = 60


class CrowdList(QObject):
    """Reads the texts of a crowd's reports and offers them as the rows of a menu, whose ids are the reports' rows."""

    listed = Signal(object)
    """A list of MenuRow."""

    def __init__(
        self,
        window_state: WindowState,
        board_updater: BoardUpdater,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._board_updater, self._tasks, self._reader, self._now = (
            window_state,
            board_updater,
            tasks,
            reader,
            now,
        )

    def ask(self, rows: Sequence[int]) -> None:
        """List these reports, once their texts have been read."""
        known = [row for row in rows if row >= LOCAL_ROWS]
        self._tasks.latest("crowd", lambda: self._reader().texts(known), lambda texts: self._show(rows, texts))

    def _show(self, rows: Sequence[int], texts: Sequence[RowText]) -> None:
        view = self._window_state.view
        if view is None:
            return
        known = {text.row: text for text in texts}
        for row in rows:
            if row < LOCAL_ROWS and (local := self._board_updater.local_report(row)) is not None:
                known[row] = local_text(row, local, self._board_updater)
        facts = sorted(view.row_facts(list(rows)), key=lambda fact: (fact.priority, fact.created))
        listed = []
        for fact in facts:
            cities = self._window_state.cities
            catalog = cities.of(cities.source(fact.source))
            title = catalog.service_name(cities.code("service", fact.service))
            text = known.get(fact.row)
            if text is None:
                continue
            words = " ".join((text.description or text.title).split())
            words = words if len(words) <= _LONGEST else f"{words[:_LONGEST].rstrip()}…"
            number = text.remote_id or self.tr("not sent yet")
            state = self.tr(formatting.status_text(ORDER[fact.status]))
            age = formatting.duration(self._now().timestamp() - fact.created)
            parts = (f"P{fact.priority} {title}", words, state, age, number)
            listed.append(MenuRow(str(fact.row), " · ".join(part for part in parts if part)))
        if listed:
            self.listed.emit(listed)
