"""Choose the next report without the operator's doing: after a step, or when another list does not hold the
chosen one.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Kind
from console.board.view import View
from console.board.waiting import next_waiting
from console.panels.board_updater import LOCAL_ROWS
from console.panels.report.details import ReportDetails
from console.panels.undo_stack import UndoStep
from console.panels.window_state import WindowState

_ENDS_THE_TURN = frozenset({Kind.DISPATCH, Kind.ASSIGN, Kind.CLOSE, Kind.MERGE, Kind.VALIDATE})
_ORDERED = frozenset({Kind.DISPATCH, Kind.ASSIGN})
_HANDED_ON = frozenset({"hold", "agency", "area", "status"})
"""Fields by which a report goes to wait for somebody else."""


class GoingOn(QObject):
    """After a step on the chosen report chooses the next report that waits for the same, and says where the last one
    went in the list.
    """

    next_shown = Signal()
    """After a step the next waiting report is the chosen one: nobody has looked at it yet."""
    went = Signal()
    """The program, not the operator, has chosen another report."""
    comes_back = Signal(int)
    """This row is about to be the chosen one, and to come back in the list to where it stood."""
    goes_back = Signal(str, str)
    """The report of this source with this key is to be chosen: a step on it was taken back."""
    message = Signal(str)

    def __init__(
        self,
        window_state: WindowState,
        chosen: Callable[[], ReportDetails | None],
        is_away: Callable[[str], bool],
        is_wanted: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        """`is_away` says whether a source cannot be reached now, `is_wanted` whether the operator has this
        switched on.
        """
        super().__init__(parent)
        self._window_state, self._chosen, self._is_away, self._is_wanted = window_state, chosen, is_away, is_wanted
        self._before: tuple[str, int, int] | None = None
        self._rows: dict[str, int] = {}
        """Edit id -> row on which the step was made; only reports at the server, as the row of others changes."""
        self._left: tuple[int, str, int, _Work, Kind] | None = None
        self._is_begun = False
        window_state.view_changed.connect(self._on_view)

    def on_step(self, step: UndoStep) -> None:
        """An edit was made: choose the next report if it ends the operator's turn on the chosen one, as an order or a
        close does.
        """
        details, view = self._chosen(), self._window_state.view
        if details is None or view is None or (step.source, step.report) != (details.source, details.key):
            return
        if details.row >= LOCAL_ROWS:
            self._rows[step.edit_id] = details.row
        pile = step.kind is Kind.VALIDATE and view.tab == "validate"  # is there to be worked off
        if not (pile or self._is_wanted()) or not _ends_the_turn(step):
            return
        if step.kind in _ORDERED and self._is_away(step.source):
            return  # its unit has to be told by radio, which the report says
        row = self._window_state.row
        goal = next_waiting(view, row, was_validated=step.kind is Kind.VALIDATE)
        if not goal:
            self.message.emit(self.tr("Nothing else in this list waits for the same"))
            return
        self._before = (step.edit_id, row, goal)
        self._left = (row, details.shown.id, view.position_of(row), _work_on(view, row), step.kind)
        self._is_begun = False
        self._window_state.choose(goal)
        self.went.emit()
        self.next_shown.emit()

    def on_undone(self, step: UndoStep) -> None:
        """A step was undone: choose its report again, whatever the operator has chosen since, as an undo must
        be seen.
        """
        before, self._before = self._before, None
        row, chosen = self._rows.pop(step.edit_id, 0), self._chosen()
        is_chosen = chosen is not None and (chosen.source, chosen.key) == (step.source, step.report)
        if step.report is None or is_chosen or (row and row == self._window_state.row):
            return
        if before is not None and before[0] == step.edit_id and self._window_state.row == before[2]:
            self.comes_back.emit(before[1])
            self._window_state.choose(before[1])
        elif row:
            self._window_state.choose(row)
            self.went.emit()
            self.next_shown.emit()
        else:
            self.goes_back.emit(step.source, step.report)

    def _on_view(self, view: View) -> None:
        """A new View was made, under another filter or with changed reports."""
        self._follow_list(view)
        self._tell_where(view)

    def _follow_list(self, view: View) -> None:
        """When the operator asked for another list and it does not hold the chosen report, choose its first one.

        Otherwise keys would act on a report that the list does not show. With an empty list the keys are switched off.
        """
        if self._window_state.is_left_behind and self._window_state.shows_filter(view) and len(view.order):
            self._window_state.choose(int(view.order[0]))
            self.went.emit()

    def _tell_where(self, view: View) -> None:
        """Once the View shows the step, say to which place of the list the report moved; nothing if it did not move."""
        if self._left is None:
            return
        row, number, place, before, kind = self._left
        work = _work_on(view, row)
        if work == before:
            if self._is_begun:
                self._left = None  # it was refused, or taken back
            return
        self._is_begun = True
        if kind in _ORDERED and work.lead_unit == before.lead_unit:
            return  # its status is shown before its crew, which is what moves it
        self._left = None
        now = view.position_of(row)
        if now == place:
            return
        if now < 0:
            self.message.emit(self.tr("{n} has left this list").format(n=number))
        else:
            self.message.emit(
                self.tr("{n} went from place {old} to {new}").format(n=number, old=place + 1, new=now + 1)
            )


def _ends_the_turn(step: UndoStep) -> bool:
    if step.kind is not Kind.SET:
        return step.kind in _ENDS_THE_TURN
    if "service" in step.data:
        return False  # its agency only follows the category, and the work on the report goes on
    return any(name in _HANDED_ON and value is not None for name, value in step.data.items())


class _Work(msgspec.Struct, frozen=True):
    """The columns of a report that a step changes. The claim is left out: it changes before the order does."""

    status: int
    hold: int
    area: int
    agency: int
    lead_unit: int
    merged: int


def _work_on(view: View, row: int) -> _Work:
    (fact,) = view.row_facts([row]) or (None,)
    if fact is None:
        return _NO_WORK
    return _Work(fact.status, fact.hold, fact.area, fact.agency, fact.lead_unit, fact.merged)


_NO_WORK = _Work(-1, 0, 0, 0, 0, 0)
