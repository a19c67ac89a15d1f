"""Whether the window may close: what has not left, or is still the operator's to do, is asked about first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from console.panels.forms.forms import Forms
from console.panels.outbox import OutboxController
from console.panels.window_state import WindowState

_SESSION_ENDS_IN = timedelta(minutes=1)
"""How long after its announcement a closing of the window belongs to the operator's log-out."""


class CloseGuard(QObject):
    """Asks before the window closes while edits are unsent or reports held, unless nobody is there or he was asked."""

    def __init__(
        self,
        app: QGuiApplication,
        window_state: WindowState,
        outbox_controller: OutboxController,
        forms: Forms,
        clock: Callable[[], datetime],
        leave: Callable[[], object],
        parent: QObject | None = None,
        *,
        is_locked: Callable[[], bool] = lambda: False,
    ) -> None:
        """`leave` closes the window without a question. `is_locked` says whether the screen is: then nobody is there
        who may close it.
        """
        super().__init__(parent)
        self._window_state, self._outbox_controller, self._forms, self._clock, self._leave = (
            window_state,
            outbox_controller,
            forms,
            clock,
            leave,
        )
        self._is_locked = is_locked
        self._is_answered = False
        self._session_ended: datetime | None = None
        app.commitDataRequest.connect(self._on_session_end)

    def no_question(self) -> None:
        """Let the window close without a question: unsent edits are on the disk."""
        self._is_answered = True

    def may_close(self) -> bool:
        """Whether the window may close now; when False, the operator has been asked and may close it by his answer."""
        if self._is_locked() and not self._is_answered:
            return self._session_ends
        held = len(self._window_state.view.mine) if self._window_state.view is not None else 0
        # protects: count-before-closing
        if self._is_answered or not (self._outbox_controller.open_edits or held):
            return True
        if self._session_ends:
            return True  # nobody is there to be asked
        if self._outbox_controller.open_edits:
            title, sentence = self._outbox_controller.what_waits()
        else:
            title = self.tr("{n} reports are yours" if held > 1 else "1 report is yours").format(n=held)
            sentence = self.tr(
                "They stay yours when you go, nobody else is asked to look at them; {key} releases one."
                if held > 1
                else "It stays yours when you go, nobody else is asked to look at it; {key} releases it."
            ).format(key=self._window_state.actions.cap("release"))
        self._forms.ask(title, sentence, self.tr("Quit"), self.tr("Stay"), self._leave)
        return False

    @property
    def _session_ends(self) -> bool:
        return self._session_ended is not None and self._clock() - self._session_ended < _SESSION_ENDS_IN

    def _on_session_end(self) -> None:
        """The log-out may still be cancelled, which Qt does not tell: a later close asks as ever."""
        self._session_ended = self._clock()
