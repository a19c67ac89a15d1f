"""Rounds of work on a report, and who delivered the proof of one: another person validates it."""

from __future__ import annotations

from collections.abc import Sequence

from console.domain.edit import Kind
from console.domain.report import Entry, PhotoRole
from console.domain.status import Status


def last_round(history: Sequence[Entry]) -> Sequence[Entry]:
    """The entries since the last return, of a report's history, the oldest first."""
    starts = [at for at, entry in enumerate(history) if entry.data.get("status") == Status.RETURNED.value]
    return history[starts[-1] + 1 :] if starts else history


def delivered_by(entries: Sequence[Entry]) -> frozenset[str]:
    """Names and units that delivered the proof of a round. Where there is no photo, who handed the work in counts."""
    proofs = [e for e in entries if e.kind == Kind.PHOTO and e.data.get("role") == PhotoRole.AFTER]
    handed_in = proofs or [e for e in entries if e.data.get("status") == Status.VALIDATION.value]
    return frozenset({e.author for e in handed_in} | {e.unit for e in handed_in if e.unit})
