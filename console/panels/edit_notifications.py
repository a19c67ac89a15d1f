"""Tell the operator at once what becomes of an edit: saved, not saved, withdrawn too late, no file to save it in."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PySide6.QtCore import QObject

from api_client.model import Kind
from console.error_text import describe
from console.files.errors import StoreError
from console.panels.command_line.line import CommandLineController
from console.panels.forms.forms import Forms
from console.panels.forms.kept_words import keep_words_of
from console.panels.qt_outbox import QtOutbox
from console.panels.report.history import edit_text, new_report_text
from console.panels.situation import SituationMonitor
from console.panels.status import StatusController
from console.panels.undo_stack import UndoStack
from console.panels.window_state import WindowState
from console.rules.edit import ReadingOnly
from console.rules.messages import Outcome
from console.rules.queued import EditState, Queued
from widgets.statusbar import StatusBar

_log = logging.getLogger(__name__)
_TOO_LATE_S = 60.0
"""How long the status bar says that a withdrawal came too late: it may be said while a window opens."""
_TAKEN_BACK_S = 600.0
"""How long it says that the server was set back: somebody may be at a radio meanwhile. Later the outbox says it."""


class EditNotifications(QObject):
    """Shows the outbox's signals in the status bar, the banner and the form in which an edit was made."""

    def __init__(
        self,
        outbox: QtOutbox,
        window_state: WindowState,
        undo_stack: UndoStack,
        forms: Forms,
        command_line_controller: CommandLineController,
        situation: SituationMonitor,
        bar: StatusBar,
        status: StatusController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._outbox, self._window_state, self._undo_stack, self._forms = outbox, window_state, undo_stack, forms
        self._command_line_controller, self._situation, self._bar, self._status = (
            command_line_controller,
            situation,
            bar,
            status,
        )

    def on_saved(self, queued: Queued) -> None:
        """The edit is on the disk: its form may close."""
        self._forms.saved(queued.edit.id)
        self._command_line_controller.saved(queued.edit.id)
        self._status.set_trouble("")

    def on_refused(self, edit_id: str, error: Exception) -> None:
        """The edit could not be saved: say why, and put its words back into the form or line where they were typed."""
        sentence = self.tr("NOT SAVED: {why}").format(why=describe(error))
        if isinstance(error, ReadingOnly):  # the banner says so already, as long as it lasts
            self._status.say(sentence)
        else:
            self._status.set_trouble(sentence)
        self._bar.hide_undo()
        self._undo_stack.forget(edit_id)
        # protects: form-stays-until-saved
        if not self._forms.give_back(edit_id, sentence):
            self._command_line_controller.give_back(edit_id)
        if not isinstance(error, ReadingOnly):
            _log.error("edit %s not saved: %s", edit_id, error)

    def on_outcome(self, outcome: Outcome) -> None:
        """An attempt has ended: say the number that a new report got; keep the words of an edit that was withdrawn in
        time as a draft.

        Call it before the outbox handles the outcome, as the outbox then forgets the edit.
        """
        queued = self._outbox.open_edit(outcome.edit_id)
        if queued is not None and queued.edit.kind is Kind.CREATE and outcome.remote_id:
            what = new_report_text(queued.edit.data, self._window_state.catalog(queued.edit.source))
            self._status.say(self.tr("Its number is {number}: {report}").format(number=outcome.remote_id, report=what))
        if outcome.state is not EditState.WITHDRAWN or queued is None or not queued.asked_back:
            return
        if keep_words_of(self._outbox, queued.edit):
            what = edit_text(queued, self._window_state.catalog(queued.edit.source), self.tr)
            self._status.say(self.tr("Withdrawn, its words are a draft: {what}").format(what=what))

    def on_too_late(self, queued: Queued) -> None:
        """An edit could not be withdrawn, as it had been sent."""
        what = edit_text(queued, self._window_state.catalog(queued.edit.source), self.tr)
        sentence = self.tr("Too late to withdraw, it had been sent: {what}").format(what=what)
        self._status.say(sentence, _TOO_LATE_S)

    def on_taken_back(self, lost: Sequence[Queued]) -> None:
        """The server was set back to a state without these edits, which it had confirmed: this console alone has them
        now.
        """
        words = self.tr(
            "The server was set back to an older state and lost {n} edits that were sent. They are in the outbox again"
            if len(lost) > 1
            else "The server was set back to an older state and lost an edit that was sent. It is in the outbox again"
        )
        self._status.say(words.format(n=len(lost)), _TAKEN_BACK_S)
        _log.warning("the server was set back: %d edits that were sent are not in its record", len(lost))

    def on_unavailable(self, error: Exception) -> None:
        """work.db cannot be opened or written: say so, and let no action write."""
        helps = self.tr("Reports can be read; give orders by radio. It is tried again by itself.")
        if isinstance(error, StoreError):
            helps += self.tr(" The folder is {folder}").format(folder=error.path.parent)
        self._status.set_trouble(self.tr("Nothing can be saved: {why}").format(why=describe(error)), helps)
        self._situation.set_may_write(False)

    def on_opened(self) -> None:
        """work.db is open: actions may write; say how many edits were recovered from a damaged file."""
        self._situation.set_may_write(True)
        self._status.set_trouble("")
        salvaged = self._outbox.salvaged
        if salvaged is not None:
            self._status.say(
                self.tr("The file of your edits was damaged; {n} edits were brought back").format(n=salvaged.edits)
            )
            _log.warning("work.db was mended: %s edits, set aside: %s", salvaged.edits, salvaged.set_aside)
