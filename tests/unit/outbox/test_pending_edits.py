"""The edits that wait, in memory: their order."""

from __future__ import annotations

from console.outbox.pending_edits import PendingEdits, chain_of
from console.rules.queued import EditState, Queued
from tests.unit.cache.making import edit


def waiting(number: int) -> Queued:
    return Queued(edit(f"e{number}", number=number, report_key=str(number % 7)), EditState.QUEUED)


def test_older_edits_that_come_back_together_stand_in_their_places() -> None:
    """A restored server gives hundreds back: each was sorted in alone, seconds on the thread of the window."""
    pending = PendingEdits()
    pending.put(*map(waiting, range(100, 160)))
    pending.put(*map(waiting, (30, 10, 20, 130, 170)))
    numbers = [10, 20, 30, *range(100, 160), 170]
    assert list(pending) == [f"e{number}" for number in numbers]
    assert [one.edit.number for one in pending.shown] == numbers
    for number in (10, 20, 30, 170):
        chain = [one.edit.number for one in pending.in_chain(chain_of(waiting(number).edit))]
        assert chain == [other for other in numbers if other % 7 == number % 7]
