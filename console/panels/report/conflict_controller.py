"""Settle a conflict: show what others wrote meanwhile, and act on what the operator decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Kind
from console.panels.edit_commands import EditCommands
from console.panels.forms.forms import Forms
from console.panels.notifications.lost_orders import LostOrder, lost_text, why_lost
from console.panels.qt_outbox import QtOutbox
from console.panels.report.conflict_text import STEP, crews_sent, is_of_step, sends_next
from console.panels.report.history import edit_text
from console.panels.report.recreate_form import RecreateForm
from console.panels.window_state import WindowState
from console.rules.edit import LEAVES
from console.rules.queued import EditState, Queued, is_deleted, is_in_force, is_settled


class ConflictController(QObject):
    """Opens the form of a conflict, or of a report that was deleted."""

    message = Signal(str)

    def __init__(
        self,
        outbox: QtOutbox,
        forms: Forms,
        edit_commands: EditCommands,
        recreate_form: RecreateForm,
        window_state: WindowState,
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._outbox, self._forms, self._edit_commands, self._recreate_form = (
            outbox,
            forms,
            edit_commands,
            recreate_form,
        )
        self._window_state, self._zone, self._now = window_state, zone, now

    def open(self, edit_id: str) -> None:
        """Ask what is to become of this edit, if it needs an answer."""
        queued = self._outbox.open_edit(edit_id)
        if queued is not None and is_deleted(queued):
            self._recreate_form.open(edit_id)
        if queued is None or queued.state is not EditState.CONFLICT:
            return
        if is_settled(queued):
            self._settle_take(queued)
            return
        waiting = [one.edit.id for one in self._outbox.open_in(EditState.CONFLICT)]
        position = (waiting.index(edit_id) + 1, len(waiting))
        self._forms.conflict(queued, lambda mine, reason: self._settle(queued, mine, reason), position)

    def _settle_take(self, queued: Queued) -> None:
        """The report stays the other's. What was not sent because of that may be given all the same."""
        catalog = self._window_state.catalog(queued.edit.source)
        order = LostOrder(queued, self._outbox.stopped_with(queued.edit.id))
        why = why_lost(queued, catalog, self._zone, self._now(), self.tr)
        if order.stopped:
            what = ", ".join(edit_text(one, catalog, self.tr) for one in order.stopped)
            question = self.tr(
                "{why}. Send what follows all the same: {what}?"
                if is_in_force(queued)
                else "{why}. Give it all the same, without taking the report: {what}?"
            )
            self._forms.ask(
                lost_text(order, catalog, self.tr),
                question.format(why=why.rstrip("."), what=what),
                self.tr("Give it all the same"),
                self.tr("Back"),
                lambda: self._outbox.give_again(queued.edit.id),
            )
        else:
            self._outbox.choose(queued.edit.id, mine=False)
            what = edit_text(queued, catalog, self.tr)
            self.message.emit(self.tr("Dropped, {why}: {what}").format(why=why.rstrip("."), what=what))

    def _settle(self, queued: Queued, mine: frozenset[str], reason: str) -> None:
        """Act on the operator's choice: send all of the edit, drop it, or make a new edit of the fields in which his
        value is to stand.

        The new edit takes the old one's place on the undo stack.
        """
        edit = queued.edit
        if reason and edit.kind is Kind.SET:
            edit = msgspec.structs.replace(edit, data={**edit.data, "reason": reason})
        data = _data(queued, edit.data, mine)
        given = self._outbox.choose(edit.id, mine=data is not None, data=data)
        if given and data is not None:
            self._edit_commands.given_anew(given, queued.edit, data)


def _data(queued: Queued, data: dict[str, Any], mine: frozenset[str]) -> dict[str, Any] | None:
    """What is left of a change once the operator has chosen; None for nothing."""
    if not mine:
        return None
    if sends_next(queued):
        # protects: who-comes-next-leaves-nothing
        return {name: value for name, value in data.items() if name != LEAVES} | {"stack": True}
    if queued.edit.kind is not Kind.SET:
        if queued.edit.kind is Kind.CLOSE and (crews := crews_sent(queued)):  # whom the form says to be called back
            return {**data, "release": [*dict.fromkeys([*data.get("release", ()), *crews])]}
        return data
    dropped = (queued.theirs.keys() & data.keys()) - mine
    if is_of_step(queued) and STEP not in mine:
        if "status" in queued.theirs and "status" not in data:
            return None  # it was closed meanwhile
        dropped |= {"status", "priority"}
    left = {name: value for name, value in data.items() if name not in dropped}
    return left if left.keys() - {"reason"} else None
