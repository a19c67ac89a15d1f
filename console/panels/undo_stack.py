"""What the operator did last, and how it is taken back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum, auto
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Assignment, AssignmentState, Kind
from console.panels.qt_outbox import QtOutbox
from console.rules.apply import jobs_after
from console.rules.queued import is_taken
from console.rules.status import ENDED_ASSIGNMENT, UNDER_WAY


class UndoResult(Enum):
    """How far an undo came: done, asked of the sync process that still holds the edit, or sent for good."""

    DONE = auto()
    ASKED = auto()
    TOO_LATE = auto()


class OffReport(Enum):
    """A crew is on its report no more."""

    OFF = auto()


class UndoStep(msgspec.Struct, frozen=True):
    """Something that was done and can be undone: the edit's id and what to call it.

    `with_edit` is the step before it that is taken back with it, as the operator made both by one; "" for none.
    """

    edit_id: str
    kind: Kind
    text: str
    source: str
    report: str | None
    title: str
    inverse: tuple[Kind, dict[str, Any]] | None
    base_version: int | None = None
    data: Mapping[str, Any] = {}
    with_edit: str = ""


class UndoStack(QObject):
    """The operator's steps, the newest last; undo withdraws an edit that is not sent, else appends its inverse."""

    pushed = Signal(object)
    """A step was made: the UndoStep."""
    undone = Signal(object)
    """The newest one was taken back, as far as that goes: the UndoStep."""

    def __init__(self, outbox: QtOutbox, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._outbox = outbox
        self._stack: list[UndoStep] = []
        self._last_is_over = False
        self._live: dict[str, dict[tuple[str, str | None], Assignment]] | None = None
        self._on_job: set[str] = set()
        """The orders whose crew was seen on its report."""

    def push(self, step: UndoStep) -> None:
        """Remember a step that was just made."""
        self._stack.append(step)
        self._last_is_over = False
        self.pushed.emit(step)

    def drop(self, edit_ids: Collection[str]) -> None:
        """Forget the steps of these edits: another step has taken their place."""
        self._stack = [step for step in self._stack if step.edit_id not in edit_ids]

    @property
    def newest(self) -> UndoStep | None:
        """What undo would take back: the last step, and nothing before it that nobody means."""
        return self._stack[-1] if self._stack and not self._last_is_over else None

    @property
    def last_is_over(self) -> bool:
        """Whether the last step stands no more, by others or as it was not taken: there is nothing of it to undo."""
        return self._last_is_over

    @property
    def undo_text(self) -> str:
        """The same in words, "" for nothing, and for what is with the server and has no way back."""
        step = self.newest
        return step.text if step is not None and self.can_be_undone(step) else ""

    def can_be_undone(self, step: UndoStep) -> bool:
        """Whether an undo would be granted: it has an inverse and its crew is not there yet, or it has not come to the
        server yet.
        """
        if step.edit_id in self._outbox.saving:
            return True
        if step.inverse is not None and self.crew_since(step) is None:
            return True
        queued = self._outbox.open_edit(step.edit_id)
        return queued is not None and not is_taken(queued)

    def note_jobs(self, live: Mapping[str, Sequence[Assignment]] | None) -> None:
        """All unfinished jobs of each source as its server has them; None while they are not known."""
        if live is None:
            self._live = None
            return
        self._live = {source: {(one.unit, one.report): one for one in jobs} for source, jobs in live.items()}
        sent = (step for step in self._stack if step.kind in _SENDS)
        here = {step.edit_id for step in sent if self._unit_and_report(step) in self._live.get(step.source, {})}
        self._on_job |= here

    def crew_since(self, step: UndoStep) -> AssignmentState | OffReport | None:
        """For which state of its crew an order can not be taken back any more; None where it can, or is none."""
        if step.kind not in _SENDS or step.report is None or self._live is None:
            return None
        job = self._live.get(step.source, {}).get(self._unit_and_report(step))
        if job is None and step.edit_id not in self._on_job:
            return None  # the server's answer is not here yet
        unit = step.data.get("unit")
        jobs = jobs_after(
            (job,) if job is not None else (), step.report, self._outbox.given_for(step.source, step.report)
        )
        states = [one.state for one in jobs if one.unit == unit and one.state not in ENDED_ASSIGNMENT]
        # protects: crew-that-is-there-is-not-undone
        if not states:
            return OffReport.OFF
        return None if any(state in UNDER_WAY for state in states) else states[0]

    @staticmethod
    def _unit_and_report(step: UndoStep) -> tuple[str, str | None]:
        return str(step.data.get("unit")), step.report

    @property
    def stays(self) -> UndoStep | None:
        """The last step where it has no way back; None where it has one, and for nothing."""
        step = self.newest
        return step if step is not None and not self.can_be_undone(step) else None

    def pass_over(self) -> None:
        """The last step stays: what undo would take back now is the one before it."""
        self._stack.pop()

    @property
    def remembered(self) -> tuple[UndoStep, ...]:
        """All that could be taken back, the newest last."""
        return tuple(self._stack)

    def take_up(self, steps: Sequence[UndoStep]) -> None:
        """Go on from what was done in the window before."""
        self._stack = [*steps, *self._stack]

    def forget(self, edit_id: str) -> None:
        """It was not saved, was lost, or others have ended it: there is nothing to undo."""
        self._last_is_over |= bool(self._stack) and self._stack[-1].edit_id == edit_id
        self._stack = [step for step in self._stack if step.edit_id != edit_id]

    def forget_all(self) -> None:
        """Another operator has signed in: what the one before did is not his to take back."""
        self._stack.clear()
        self._last_is_over = False

    def undo(self) -> UndoResult:
        """Withdraw the newest step while it is unsent, else append its inverse; without one, ask it back."""
        step = self._stack.pop()
        self.undone.emit(step)
        done = self._take_back(step)
        # protects: one-step-is-one-undo
        if step.with_edit and self._stack and self._stack[-1].edit_id == step.with_edit:
            self._take_back(self._stack.pop())
        return done

    def _take_back(self, step: UndoStep) -> UndoResult:
        if self._outbox.withdraw(step.edit_id):
            return UndoResult.DONE
        if step.inverse is None:
            return UndoResult.ASKED if self._outbox.ask_back(step.edit_id) else UndoResult.TOO_LATE
        kind, data = step.inverse
        self._outbox.submit(
            kind,
            step.report,
            source=step.source,
            data=data,
            base={},
            base_version=step.base_version,
            title=step.title,
            undoes=step.edit_id,
        )
        return UndoResult.DONE


_SENDS = frozenset({Kind.ASSIGN, Kind.DISPATCH})
