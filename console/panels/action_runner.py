"""Carry out an action of the table: by its id, its key or its verb, when it may be used now; else say why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from console.panels.action import Actions
from console.panels.forms.forms import Forms
from console.panels.key_guard import KeyGuard
from console.panels.situation import SituationMonitor
from console.panels.typed_command import TypedCommand
from widgets.keys import takes_text


class ActionRunner(QObject):
    """Runs the rows of the table on their receivers."""

    message = Signal(str)
    """A sentence for the status bar: why an action cannot be used now, or its outcome."""
    ran = Signal(str)
    """An action was carried out: its id."""

    def __init__(
        self,
        table: Actions[Any],
        receivers: Callable[[], object],
        situation: SituationMonitor,
        guard: KeyGuard,
        forms: Forms,
        parent: QObject | None = None,
    ) -> None:
        """`receivers` gives the objects that the rows of the table act on: some of them run actions themselves."""
        super().__init__(parent)
        self._table, self._receivers, self._situation = table, receivers, situation
        self._guard, self._forms = guard, forms

    def may(self, action_id: str) -> bool:
        """Whether an action can be used now; why not is said."""
        why_not = self.why_not(action_id)
        if why_not:
            self.message.emit(self.tr(why_not))
        return not why_not

    def why_not(self, action_id: str) -> str:
        """Why it cannot be used now, "" when it can; English source text."""
        return self._table[action_id].why_not(self._situation.current)

    def run(self, action_id: str) -> bool:
        """Carry out an action by its id; False, with the reason said, when it cannot be used now."""
        action = self._table[action_id]
        if action.refuse is not None and action.refuse(self._receivers()):
            return False
        if not self.may(action_id):
            return False
        action.do(self._receivers())
        self.ran.emit(action_id)
        return True

    def run_for_unit(self, action_id: str) -> bool:
        """A unit key for the chosen unit, wherever the keyboard is; as `run`."""
        with self._situation.about_unit():
            return self.run(action_id)

    def run_typed(self, command: TypedCommand) -> bool:
        """Carry out a verb of the command line with what was typed behind it; False when that cannot be."""
        syntax = self._table[command.verb].syntax
        if syntax.do is not None and (command.crews or command.rest):
            return syntax.do(self._receivers(), command)
        return self.run(command.verb)

    def press(self, action_id: str) -> bool:
        """As `run`, for a key press; refused when it was meant for a form or a report that is no longer shown."""
        action = self._table[action_id]
        why = ""
        if not action.why_not(self._situation.current):  # else `run` says why
            if action.at_once:
                why = self._guard.why_not_meant()
            elif action.makes:
                why = self._guard.why_of_no_form()
        if why:
            self.message.emit(self.tr("Nothing was done: {why}").format(why=why))
            return False
        if action.still_of_form and self._forms.just_committed:
            self.message.emit(self.tr(action.still_of_form))
            return False
        self._forms.go_on()
        done = self.run(action_id)
        # What was typed behind it was meant for its form, or for the field that has the keyboard now.
        if action.asks and not self._forms.is_open and not takes_text(QApplication.focusWidget()):
            self._guard.opened_no_form()
        return done

    def act(self, action_id: str) -> bool:
        """As `press`, for a verb of the report panel, whose Enter may have been meant for a form that closed or never
        opened.

        A verb that enters what a crew did waits like an order, as it cannot be undone.
        """
        if self._table[action_id].at_once and self._forms.just_committed:
            self.message.emit(self.tr("Nothing was done: that key was still the form's"))
            return False
        return self.press(action_id)
