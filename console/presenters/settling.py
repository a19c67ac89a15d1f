"""Settle a conflict: show what others wrote meanwhile, and act on what the operator decides."""

from __future__ import annotations

import msgspec

from console.domain.edit import EditState, Kind, Queued, is_deleted
from console.edits import Edits
from console.presenters.conflict import is_settled, sends_next
from console.presenters.forms import Forms
from console.presenters.keeping import Keeping


class Settling:
    """Opens the form of a conflict, or of a report that was deleted."""

    def __init__(self, edits: Edits, forms: Forms, keeping: Keeping) -> None:
        self._edits, self._forms, self._keeping = edits, forms, keeping

    def open(self, edit_id: str) -> None:
        """Ask what is to become of this edit, if it needs an answer."""
        queued = self._edits.open_edit(edit_id)
        if queued is not None and is_deleted(queued):
            self._keeping.open(edit_id)
        if queued is None or queued.state is not EditState.CONFLICT:
            return
        if is_settled(queued):
            self._edits.choose(edit_id, mine=False)
            return
        waiting = [one.edit.id for one in self._edits.open_in(EditState.CONFLICT)]
        position = (waiting.index(edit_id) + 1, len(waiting))
        self._forms.conflict(queued, lambda mine, reason: self._settle(queued, mine, reason), position)

    def _settle(self, queued: Queued, mine: frozenset[str], reason: str) -> None:
        """All of mine, nothing of mine, or (a new edit) only the fields in which mine is to stand."""
        edit = queued.edit
        if reason and edit.kind is Kind.SET:
            edit = msgspec.structs.replace(edit, data={**edit.data, "reason": reason})
        if not mine:
            self._edits.choose(edit.id, mine=False)
            return
        if sends_next(queued):
            data = {**edit.data, "stack": True}
        else:
            asked = queued.theirs.keys() & edit.data.keys()
            data = {name: value for name, value in edit.data.items() if name in mine or name not in asked}
        self._edits.choose(edit.id, mine=True, data=data)
