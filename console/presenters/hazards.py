"""P1 reports that wait for a crew: a new one is told wherever the operator is, and one key goes to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import msgspec
from PySide6.QtCore import QObject, Signal

from console.board.view import View
from console.domain.filter import Filter
from console.domain.loaded import Loaded
from console.presenters.desk import Desk
from console.store.cache_read import CacheReader, RowText
from console.tasks import Tasks
from widgets.text import one_line

_SAID_LONG = 120


class NewHazard(msgspec.Struct, frozen=True):
    """One that this operator has not looked at since it waits for a crew: its row, category, place, and when it came.

    Its number and the reporter's words come a moment later. `is_left` says that somebody had it and nobody has now;
    `at` then is when that was seen.
    """

    row: int
    what: str
    at: datetime | None = None
    number: str = ""
    said: str = ""
    is_left: bool = False

    @property
    def text(self) -> str:
        """All of it in one line: two at one place must not read alike."""
        named = f"{self.number} {self.what}".strip()
        return f"{named}: {self.said}" if self.said else named


class Hazards(QObject):
    """Follows the Views; knows no filter: a hazard counts wherever it is.

    A new one stays told until it was chosen or `see` was called, or until a crew is on its way to it. So does one that
    somebody else had, and that nobody has any more.
    """

    comes_in = Signal(int)
    """This row is about to be the chosen one, in another list that shows it."""
    said = Signal(str)
    unseen_changed = Signal(object)
    """A tuple of NewHazard, the first that came first."""

    def __init__(
        self, desk: Desk, tasks: Tasks, reader: Callable[[], CacheReader], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._tasks, self._reader = desk, tasks, reader
        self._known: frozenset[int] | None = None
        self._others: frozenset[int] = frozenset()
        """Those that somebody else had in the View before."""
        self._unseen: tuple[NewHazard, ...] = ()
        self._handed_on: frozenset[int] = frozenset()
        self._looked_at: frozenset[int] = frozenset()
        """Those of the View before that the operator knew of."""
        desk.view_changed.connect(self._on_view)
        desk.selection_changed.connect(self.see)

    @property
    def unseen(self) -> tuple[NewHazard, ...]:
        """What the operator has not looked at."""
        return self._unseen

    def take_up(self, rows: Iterable[int]) -> None:
        """Of the first reports that are read these are new, as they were in the window before."""
        self._handed_on = frozenset(rows)

    def go(self) -> None:
        """Choose the new one that is told; else the one that waits longest, or, when one is chosen, the next.

        In a list that shows it.
        """
        view = self._desk.view
        rows = view.hazards.tolist() if view is not None else []
        if view is None or not rows:
            return
        at = rows.index(self._desk.row) + 1 if self._desk.row in rows else 0
        row = next((one.row for one in self._unseen if one.row in rows), rows[at % len(rows)])
        if view.position_of(row) < 0:
            was = self._desk.filter.to_text()
            self.comes_in.emit(row)
            self._desk.set_filter(Filter(order=self._desk.filter.order))
            if was:
                told = self.tr("The filter left it out and is taken away: show {filter} sets it again")
                self.said.emit(told.format(filter=was))
        self._desk.choose(row)

    def see(self, row: int) -> None:
        """The operator has looked at the report, or knows of it."""
        self._set_unseen(tuple(one for one in self._unseen if one.row != row))

    def on_arrived(self, local_row: int, row: int) -> None:
        """A report that was created here is the same one under its row in the cache, where the View has it already."""
        if local_row in self._looked_at:
            self.see(row)

    def _on_view(self, view: View) -> None:
        """What was not read before is not new; what is read anew, as after a restore, has other rows."""
        if view.loaded < Loaded.REPORTS:
            self._known, self._others = None, frozenset()
            self._set_unseen(())
            return
        before, rows = self._known, view.hazards.tolist()
        self._looked_at = (before or frozenset()) - {one.row for one in self._unseen}
        self._known = frozenset(rows)
        new = [row for row in rows if row != self._desk.row and self._is_new(row, before)]
        self._handed_on = frozenset()
        unseen = tuple(one for one in self._unseen if one.row in self._known)
        told = {self._desk.row, *new, *(one.row for one in unseen)}
        snapshot = view.snapshot
        taken = snapshot.column("claim")[snapshot.positions(view.hazards)] != 0
        left = [row for row in view.hazards[~taken].tolist() if row in self._others and row not in told]
        self._others = frozenset(view.hazards[taken].tolist()) - frozenset(view.mine.tolist())
        found = [self._told(view, row, is_left=row in left) for row in (*new, *left)]
        self._set_unseen((*unseen, *found))
        new += left
        if new:
            self._tasks.submit(lambda: self._reader().texts(new), self._name)

    def _name(self, texts: Sequence[RowText]) -> None:
        """Number and words of new ones have been read."""
        found = {one.row: one for one in texts}
        self._set_unseen(tuple(_named(one, found.get(one.row)) for one in self._unseen))

    def _is_new(self, row: int, before: frozenset[int] | None) -> bool:
        return row in self._handed_on if before is None else row not in before

    def _set_unseen(self, unseen: tuple[NewHazard, ...]) -> None:
        if unseen != self._unseen:
            self._unseen = unseen
            self.unseen_changed.emit(unseen)

    def _told(self, view: View, row: int, *, is_left: bool) -> NewHazard:
        (fact,) = view.row_facts([row])
        cities = self._desk.cities
        catalog = cities.of(cities.source(fact.source))
        what = catalog.service_name(cities.code("service", fact.service))
        where = catalog.place(cities.code("area", fact.area)) if fact.area else self.tr("No area")
        at = datetime.fromtimestamp(max(0, view.now_s if is_left else fact.created), UTC)
        return NewHazard(row, f"{what}, {where}", at, is_left=is_left)


def _named(hazard: NewHazard, text: RowText | None) -> NewHazard:
    if text is None:
        return hazard
    said = one_line(text.description or text.title, _SAID_LONG)
    return msgspec.structs.replace(hazard, number=text.remote_id, said=said)
