"""Whether a key can be meant for what the window shows: it may have been struck for what was there a moment ago."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject

from console.panels.situation import SituationMonitor
from console.panels.window_state import WindowState
from widgets.key_repeats import LOOK_S, TWICE_S


class KeyGuard(QObject):
    """Knows what changed under the operator's finger: the report shown, a form that did not open, the first unit."""

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
        situation.first_unit_changed.connect(self._on_first_unit)

    def _on_first_unit(self) -> None:
        self._other_first_s = self._steady_s()

    def show_next(self) -> None:
        """The chosen report was chosen by the program and not by the operator, this moment."""
        self._next = (self._window_state.row, self._steady_s() + LOOK_S)

    def opened_no_form(self) -> None:
        """A key opened no form: what was typed behind it was meant for one."""
        self._formless_until_s = self._steady_s() + LOOK_S

    def why_not_meant(self) -> str:
        """Why a stroke cannot be meant for what is shown, "" when it can; who goes on striking does not look."""
        row, until_s = self._next
        now_s = self._steady_s()
        if row == self._window_state.row and now_s < until_s:
            self._next = (row, max(until_s, now_s + TWICE_S))
            return self.tr("another report has just been shown, press again")
        return self.why_of_no_form()

    def why_of_no_form(self) -> str:
        """Why a stroke cannot be meant for the window, "" when it can: it was typed for a form that did not open."""
        now_s = self._steady_s()
        if now_s < self._formless_until_s:
            self._formless_until_s = max(self._formless_until_s, now_s + TWICE_S)
            return self.tr("the key before it opened no form, press again")
        return ""

    @property
    def first_just_changed(self) -> bool:
        """Whether another unit became the first recommended one so lately that a key was still meant for the last.

        One that was free and has work since is another: it would come only after that.
        """
        return self._steady_s() - self._other_first_s < TWICE_S

    def has_just_sent(self, row: int) -> bool:
        """Whether the same stroke, bounced or struck twice, has just sent a unit to the report in this row; it sends
        one now if not.
        """
        before, self._sent = self._sent, (row, self._steady_s())
        return before[0] == row and self._sent[1] - before[1] < TWICE_S
