"""The earlier reports of who is on the line: found at the server by his telephone number, their words in the cache."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from console.cache.reader import CacheReader
from console.panels.report.nearby import NearbyFound, rows_of
from console.panels.window_state import WindowState
from console.rules.messages import CallerFound, FindCaller
from console.rules.phone import LEAST_DIGITS, phone_tail
from console.rules.rights import Rights, may_see_contacts
from console.tasks import Tasks
from widgets.forms.nearby_reports import MOST_NEARBY


class CallerFinder(QObject):
    """Asks one question at a time; the answer to an earlier one is for nobody."""

    def __init__(
        self,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        send: Callable[[FindCaller], object],
        rights_at: Callable[[str], Rights],
        now_s: Callable[[], float],
        parent: QObject | None = None,
    ) -> None:
        """`send` gives a question to the sync process; `rights_at` are the operator's at a source."""
        super().__init__(parent)
        self._window_state, self._tasks, self._reader = window_state, tasks, reader
        self._send, self._rights_at, self._now_s = send, rights_at, now_s
        self._number = 0
        self._then: Callable[[NearbyFound], None] = lambda _: None

    def may_find(self, source: str) -> bool:
        """Whether the operator may see who reported something there; not while the server has not said so."""
        return may_see_contacts(self._rights_at(source).role)

    def find(self, source: str, phone: str, then: Callable[[NearbyFound], None]) -> None:
        """Ask the server, which notes that he asked; `then` gets what it says, or why it says nothing."""
        self._number += 1
        self._then = then
        if not phone_tail(phone):
            then(NearbyFound(none=self.tr("A whole number has at least {n} digits.").format(n=LEAST_DIGITS)))
            return
        then(NearbyFound(none=self.tr("The server is asked …")))
        self._send(FindCaller(source, self._number, phone))

    def on_found(self, found: CallerFound) -> None:
        """The server's answer."""
        # protects: answer-is-of-this-caller
        if found.number != self._number:
            return
        if found.problem or not found.reports:
            self._then(NearbyFound(none=found.problem or self.tr("No report of this number that you may see.")))
            return
        view = self._window_state.view
        if view is None:
            self._then(NearbyFound(none=self.tr("Not known yet: the reports are still being read.")))
            return
        catalog, reader, now_s = self._window_state.cities.of(found.source), self._reader, self._now_s()

        def read() -> NearbyFound:
            places = [(key, reader().row_of(found.source, key)) for key in found.reports]
            rows = rows_of([row for _, row in places if row is not None], view, catalog, reader(), now_s)
            rows = tuple(sorted(rows, key=lambda row: not row.takes_more))  # the open ones are those that he adds to
            missing = len(found.reports) - len(rows)
            looked_for = self.tr("by the server, which noted that you asked")
            if missing:
                looked_for = self.tr("{n} not read here yet").format(n=missing)
            elif found.more:
                looked_for = self.tr("and older ones")
            return NearbyFound(rows[:MOST_NEARBY], looked_for, len(found.reports), looked_for)

        then = self._then
        self._tasks.latest("caller", read, lambda told: then(told) if found.number == self._number else None)
