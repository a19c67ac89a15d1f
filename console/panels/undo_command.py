"""Undo the last step, or say why it cannot be undone."""

from __future__ import annotations

from PySide6.QtCore import QObject

from api_client.model import AssignmentState
from console.panels import formatting
from console.panels.action_runner import ActionRunner
from console.panels.forms.forms import Forms
from console.panels.forms.kept_words import TakenBack
from console.panels.situation import SituationMonitor
from console.panels.undo_stack import UndoResult, UndoStack, UndoStep
from console.panels.window_state import WindowState


class UndoCommand(QObject):
    """Receives the action "undo"."""

    def __init__(
        self,
        window_state: WindowState,
        undo_stack: UndoStack,
        forms: Forms,
        situation: SituationMonitor,
        runner: ActionRunner,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._undo_stack, self._forms, self._situation = window_state, undo_stack, forms, situation
        self._say = runner.message.emit

    def undo(self) -> None:
        """Take the last step back, and say how far that came."""
        step = self._undo_stack.newest
        if step is None:
            return
        sentences = {
            UndoResult.DONE: self.tr("Undone: {what}"),
            UndoResult.ASKED: self.tr("Asked back: {what}. It stays if it has left already"),
            UndoResult.TOO_LATE: self.tr("{what} was sent and cannot be undone"),
        }
        what = step.words
        data, steps, at = step.data, {one.edit_id: one for one in self._undo_stack.remembered}, step
        while (before := steps.get(at.with_edit)) is not None:
            data, at = {**before.data, **data}, before
        done = self._undo_stack.undo()
        taken = TakenBack(step.edit_id, step.kind, step.source, step.report, step.title, data)
        if done is UndoResult.DONE and step.inverse is None and self._forms.keep_words(taken):
            self._say(self.tr("Undone, its words are a draft: {what}").format(what=what))
        else:
            self._say(sentences[done].format(what=what))
        self._situation.look_again()

    def refuse(self) -> bool:
        """Whether the last step cannot be undone. If so say why and remove it: the next press undoes the step
        before.
        """
        stays = self._undo_stack.stays
        if stays is None:
            return False
        self._undo_stack.pass_over()
        before = self._undo_stack.undo_text
        again = self.tr(". The key again: {before}").format(before=before) if before else ""
        self._say(self._why_it_stays(stays) + again)
        self._situation.look_again()
        return True

    def _why_it_stays(self, step: UndoStep) -> str:
        since = self._undo_stack.crew_since(step)
        if since is None:
            return self.tr("{what} was sent and cannot be undone").format(what=step.text)
        unit = self._window_state.catalog(step.source).name("unit", str(step.data.get("unit")))
        if isinstance(since, AssignmentState):
            text = self.tr("Nothing was undone: {unit} is “{state}” on {report} by now")
            return text.format(unit=unit, state=self.tr(formatting.ASSIGNMENT_TEXT[since]).lower(), report=step.report)
        return self.tr("Nothing was undone: {unit} is on {report} no more").format(unit=unit, report=step.report)
