"""Refuse a key press that was meant for what the window showed a moment before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject

from console.panels.situation import SituationMonitor
from console.panels.window_state import WindowState
from widgets.key_repeats import LOOK_S, TWICE_S


class KeyGuard(QObject):
    """Remembers when the shown report, the first recommended unit or a form changed by itself, so that a key which the
    operator pressed for the thing before is refused.
    """

    def __init__(
        self,
        window_state: WindowState,
        situation: SituationMonitor,
        steady_s: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        """`steady_s` is a monotonic clock in seconds."""
        super().__init__(parent)
        self._window_state, self._steady_s = window_state, steady_s
        self._other_first_s = -TWICE_S
        self._sent: tuple[int, float] = (0, -TWICE_S)
        self._formless_until_s = -LOOK_S
        self._next: tuple[int, float] = (0, -LOOK_S)
        self._moved: dict[str, float] = {}
        situation.first_unit_changed.connect(self._on_first_unit)
        situation.units_moved.connect(self._on_units_moved)
        window_state.selection_changed.connect(lambda _: self._moved.clear())  # it was another report's list

    def _on_first_unit(self) -> None:
        self._other_first_s = self._steady_s()

    def _on_units_moved(self, unit_ids: Iterable[str]) -> None:
        now_s = self._steady_s()
        lately = {unit: moved_s for unit, moved_s in self._moved.items() if now_s - moved_s < LOOK_S}
        self._moved = lately | dict.fromkeys(unit_ids, now_s)

    def show_next(self) -> None:
        """The program, not the operator, has just chosen another report."""
        self._next = (self._window_state.row, self._steady_s() + LOOK_S)

    def opened_no_form(self) -> None:
        """A key that usually opens a form did not: keys typed after it were meant for that form."""
        self._formless_until_s = self._steady_s() + LOOK_S

    def opened_form(self) -> None:
        """The form has opened after all: it had to read something first, and has the keys from now on."""
        self._formless_until_s = -LOOK_S

    def why_not_meant(self) -> str:
        """Why a key press is refused, "" when it is not. Each refused press prolongs the time: the operator is still
        typing without looking.
        """
        row, until_s = self._next
        now_s = self._steady_s()
        if row == self._window_state.row and now_s < until_s:
            self._next = (row, max(until_s, now_s + TWICE_S))
            return self.tr("another report has just been shown, press again")
        return self.why_of_no_form()

    def why_of_no_form(self) -> str:
        """Why a key press is refused because it was typed for a form that did not open; "" when it is not."""
        now_s = self._steady_s()
        if now_s < self._formless_until_s:
            self._formless_until_s = max(self._formless_until_s, now_s + TWICE_S)
            return self.tr("the key before it opened no form, press again")
        return ""

    @property
    def first_just_changed(self) -> bool:
        """Whether another unit became the first recommended one so lately that the key was pressed for the one before.

        A unit that was free and has work now counts as another one: it would come only after that work.
        """
        return self._steady_s() - self._other_first_s < TWICE_S

    def has_just_moved(self, unit_id: str) -> bool:
        """Whether a recommended unit came to its place so lately that a digit was pressed for the one before."""
        return self._steady_s() - self._moved.get(unit_id, -LOOK_S) < LOOK_S

    def has_just_sent(self, row: int) -> bool:
        """Whether a unit was sent to the report in this row within the last TWICE_S seconds, by a key that bounced or
        was pressed twice; notes this call as the latest sending.
        """
        before, self._sent = self._sent, (row, self._steady_s())
        return before[0] == row and self._sent[1] - before[1] < TWICE_S
