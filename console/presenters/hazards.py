"""P1 reports that wait for a crew: a new one is told wherever the operator is, and one key goes to it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from console.board.view import View
from console.domain.filter import Filter
from console.domain.loaded import Loaded
from console.presenters.caps import cap_of
from console.presenters.desk import Desk


class Hazards(QObject):
    """Follows the Views; knows no filter: a hazard counts wherever it is."""

    def __init__(self, desk: Desk, tell: Callable[[str], None], parent: QObject | None = None) -> None:
        """`tell` shows a sentence for long: somebody may look elsewhere."""
        super().__init__(parent)
        self._desk, self._tell = desk, tell
        self._known: frozenset[int] | None = None
        desk.view_changed.connect(self._on_view)

    def go(self) -> None:
        """Choose the one that waits longest, or, when one of them is chosen, the next; in a list that shows it."""
        view = self._desk.view
        rows = view.hazards.tolist() if view is not None else []
        if view is None or not rows:
            return
        at = rows.index(self._desk.row) + 1 if self._desk.row in rows else 0
        row = rows[at % len(rows)]
        if view.position_of(row) < 0:
            self._desk.set_filter(Filter(order=self._desk.filter.order))
        self._desk.choose(row)

    def _on_view(self, view: View) -> None:
        """What was not read before is not new; what is read anew, as after a restore, has other rows."""
        if view.loaded < Loaded.REPORTS:
            self._known = None
            return
        before, rows = self._known, view.hazards.tolist()
        self._known = frozenset(rows)
        new = [row for row in rows if before is not None and row not in before and row != self._desk.row]
        if new:
            self._tell(self._sentence(view, new))

    def _sentence(self, view: View, rows: list[int]) -> str:
        if len(rows) > 1:
            return self.tr("{n} P1 wait for a crew that did not before · {key}").format(
                n=len(rows), key=cap_of("next_hazard")
            )
        (fact,) = view.row_facts(rows)
        cities = self._desk.cities
        catalog = cities.of(cities.source(fact.source))
        what = catalog.service_name(cities.code("service", fact.service))
        where = catalog.place(cities.code("area", fact.area)) if fact.area else self.tr("No area")
        return self.tr("P1 without a crew: {what}, {where} · {key}").format(
            what=what, where=where, key=cap_of("next_hazard")
        )
