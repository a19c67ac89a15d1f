"""The operator's last steps, and how each is undone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum, auto
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Assignment, AssignmentState, Kind
from console.panels.qt_outbox import QtOutbox
from console.rules.apply import jobs_after
from console.rules.divert import RETURNS_TO, left_in
from console.rules.queued import is_taken
from console.rules.status import ENDED_ASSIGNMENT, UNDER_WAY


class UndoResult(Enum):
    """What became of an undo: done; the sync process, which has the edit, was asked for it; or too late, as it was
    sent.
    """

    DONE = auto()
    ASKED = auto()
    TOO_LATE = auto()


class OffReport(Enum):
    """Result of `crew_since`: the unit has no unfinished job on the report any more."""

    OFF = auto()


class UndoStep(msgspec.Struct, frozen=True):
    """An edit that may be undone; `text` is what it is called, `inverse` the kind and data of the edit that undoes it
    (None: there is none).

    `with_edit` is the id of the edit before it that is undone together with it, as one action made both; "" for none.
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

    @property
    def words(self) -> str:
        """What was done, to which report: "Dispatch SDA-07 931300", "Merge 931300 into 931310"."""
        number = self.report if self.report and not self.report.startswith("local:") else ""
        if self.kind is Kind.MERGE and number:
            return f"Merge {number} into {self.data['into']}"
        return " ".join(part for part in (self.text, number) if part)


class UndoStack(QObject):
    """The operator's steps, newest last. Undo withdraws an edit that is not sent, else makes the inverse edit."""

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
        """The ids of orders whose unit was seen with a job on their report."""

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
        """The step that undo takes; None when there is none, or the last one has become void (`last_is_over`)."""
        return self._stack[-1] if self._stack and not self._last_is_over else None

    @property
    def last_is_over(self) -> bool:
        """Whether the last step is void: it was lost, or others have ended it. The step before is not undone in its
        place, as nobody would expect that.
        """
        return self._last_is_over

    @property
    def undo_text(self) -> str:
        """What the step that undo takes is called; "" when there is none, or it cannot be undone any more."""
        step = self.newest
        return step.text if step is not None and self.can_be_undone(step) else ""

    def can_be_undone(self, step: UndoStep) -> bool:
        """Whether the step can be undone now: it is not at the server yet, or it has an inverse and (for an order) the
        unit has not arrived.
        """
        if step.edit_id in self._outbox.saving:
            return True
        if step.inverse is not None and self.crew_since(step) is None:
            return True
        queued = self._outbox.open_edit(step.edit_id)
        return queued is not None and not is_taken(queued)

    def note_jobs(self, live: Mapping[str, Sequence[Assignment]] | None) -> None:
        """Take over the unfinished assignments of each source, as its server has them; None while they are not
        known.
        """
        if live is None:
            self._live = None
            return
        self._live = {source: {(one.unit, one.report): one for one in jobs} for source, jobs in live.items()}
        sent = (step for step in self._stack if step.kind in _SENDS)
        here = {step.edit_id for step in sent if self._unit_and_report(step) in self._live.get(step.source, {})}
        self._on_job |= here

    def crew_since(self, step: UndoStep) -> AssignmentState | OffReport | None:
        """The state of the unit's job that makes an order impossible to undo, or OFF when the job has ended; None when
        it can be undone, or the step is no order.
        """
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
        """The last step if it cannot be undone; None if it can, or there is none."""
        step = self.newest
        return step if step is not None and not self.can_be_undone(step) else None

    def pass_over(self) -> None:
        """Remove the last step, which cannot be undone, so that undo takes the one before."""
        self._stack.pop()

    def _pop_with(self, step: UndoStep) -> UndoStep | None:
        """Remove the step before that the same action made as this one; None when it made no other."""
        # protects: one-step-is-one-undo
        if step.with_edit and self._stack and self._stack[-1].edit_id == step.with_edit:
            return self._stack.pop()
        return None

    @property
    def remembered(self) -> tuple[UndoStep, ...]:
        """All steps, newest last."""
        return tuple(self._stack)

    def take_up(self, steps: Sequence[UndoStep]) -> None:
        """Put the steps of the window that this one has replaced before its own."""
        self._stack = [*steps, *self._stack]

    def forget(self, edit_id: str) -> None:
        """Remove an edit that was not saved, was lost, or was ended by others: it cannot be undone."""
        self._last_is_over |= bool(self._stack) and self._stack[-1].edit_id == edit_id
        self._stack = [step for step in self._stack if step.edit_id != edit_id]

    def forget_all(self) -> None:
        """Remove all steps: another operator has signed in."""
        self._stack.clear()
        self._last_is_over = False

    def undo(self) -> UndoResult:
        """Undo the newest step: withdraw it while it is unsent, else make its inverse edit; when it has none, ask the
        sync process for it.
        """
        step = self._stack.pop()
        self.undone.emit(step)
        with self._outbox.together():
            done = self._take_back(step)
            while (before := self._pop_with(step)) is not None:
                step = before
                self._take_back(step)
        return done

    def _take_back(self, step: UndoStep) -> UndoResult:
        if self._outbox.withdraw(step.edit_id):
            return UndoResult.DONE
        if step.inverse is None:
            return UndoResult.ASKED if self._outbox.ask_back(step.edit_id) else UndoResult.TOO_LATE
        kind, data = step.inverse
        left = left_in(step.data) if step.kind is Kind.DISPATCH else ()
        self._outbox.submit(
            kind,
            step.report,
            source=step.source,
            data=data,
            base={},
            base_version=step.base_version,
            title=step.title,
            undoes=step.edit_id,
            about={RETURNS_TO: list(left)} if left else None,
        )
        return UndoResult.DONE


_SENDS = frozenset({Kind.ASSIGN, Kind.DISPATCH})
