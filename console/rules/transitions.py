"""The life of an edit in the outbox, as data: which event takes it from which state to which, and what it keeps.

    new -> QUEUED -> SENDING -> ACCEPTED -> SENT
             |          |  `-> UNCONFIRMED -> SENDING (the same again)
             |          `----> CONFLICT, ATTENTION, EXPIRED: the operator decides -> QUEUED or WITHDRAWN
             `-> STOPPED, with one of these three on which it rests -> QUEUED, or asked about alone

Every state of an edit comes from `advance`, but for the first one and for what a disk that refuses to note a step has
kept. Of an event that is not in the table for a state nothing follows: see `follows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec.structs import replace

from console.rules.queued import (
    FINISHED,
    PENDING,
    ByWhom,
    EditState,
    Queued,
    StopReason,
    TakenAs,
    is_known_to_its_unit,
)

S = EditState


class Event(StrEnum):
    """What happens to an edit in the outbox."""

    HANDED_OVER = "handed over"  # the scheduler gives it to the sync process
    NOT_LEFT = "not left"  # the sync process: tried in vain, and certainly not arrived; it is tried again
    NO_ANSWER = "no answer"  # the sync process: it may have arrived; it is tried again under the same key
    BROKEN_OFF = "broken off"  # who was sending it has ended, or what a keyless server took is looked for again
    LET_GO = "let go"  # the sync process took it for too old, but a unit was told of it by radio meanwhile
    TAKEN = "taken"  # the server says that it took it
    PROVED = "proved"  # the server's own record shows it
    REFUSED = "refused"  # the server, or the sync process, does not take it, for a StopReason
    CHANGED_THERE = "changed there"  # the server: somebody changed the same
    TOO_OLD = "too old"  # an order outlived its time
    PARKED = "parked"  # its report's number is another report, or its report's creation was taken back
    DOUBTED = "doubted"  # the server took it, and does not show it
    STOPPED = "stopped"  # what it rests on was lost
    FREED = "freed"  # a fact: what it rested on was not lost after all
    ASKED_ALONE = "asked alone"  # a fact: what it rested on is settled, and nobody can be asked about that any more
    WANTED_ALONE = "wanted alone"  # the same of an order: is it still wanted?
    RETRIED = "retried"  # the operator sends it again as it is
    MOVED = "moved"  # it goes on with the report that stands in the place of a lost one
    WITHDRAWN = "withdrawn"  # it is given up
    SUPERSEDED = "superseded"  # another edit stands in its place
    HAD_LEFT = "had left"  # it was withdrawn, and turns out to have been taken
    NUMBER_WANTED = "number wanted"  # it was taken, and is sent once more for the id of the report that it made
    LOST_IN_RESTORE = "lost in restore"  # the server had taken it, and was set back


_OPEN = frozenset(S) - FINISHED


def _all(states: Iterable[EditState], to: EditState) -> dict[EditState, EditState]:
    return dict.fromkeys(states, to)


TRANSITIONS: Mapping[Event, Mapping[EditState, EditState]] = {
    Event.HANDED_OVER: _all((S.QUEUED, S.UNCONFIRMED), S.SENDING),
    Event.NOT_LEFT: _all((S.QUEUED, S.SENDING, S.UNCONFIRMED), S.QUEUED),
    Event.NO_ANSWER: _all((S.QUEUED, S.SENDING, S.UNCONFIRMED, S.ACCEPTED), S.UNCONFIRMED),
    Event.BROKEN_OFF: _all((S.SENDING, S.UNCONFIRMED, S.ACCEPTED), S.UNCONFIRMED),
    Event.LET_GO: _all((S.QUEUED, S.SENDING, S.UNCONFIRMED), S.QUEUED),
    Event.TAKEN: _all(_OPEN, S.ACCEPTED),
    Event.PROVED: _all(S, S.SENT),
    Event.REFUSED: _all(_OPEN, S.ATTENTION),
    Event.CHANGED_THERE: _all(_OPEN, S.CONFLICT),
    Event.TOO_OLD: _all(_OPEN, S.EXPIRED),
    Event.PARKED: _all(_OPEN, S.ATTENTION),
    Event.DOUBTED: {S.ACCEPTED: S.ATTENTION},
    Event.STOPPED: {S.QUEUED: S.STOPPED},
    Event.FREED: {S.STOPPED: S.QUEUED},
    Event.ASKED_ALONE: {S.STOPPED: S.ATTENTION},
    Event.WANTED_ALONE: {S.STOPPED: S.EXPIRED},
    Event.RETRIED: _all((S.ATTENTION, S.STOPPED), S.QUEUED),
    Event.MOVED: {S.ATTENTION: S.QUEUED},
    Event.WITHDRAWN: _all(_OPEN, S.WITHDRAWN),
    Event.SUPERSEDED: _all(S, S.WITHDRAWN),
    Event.HAD_LEFT: _all((*_OPEN, S.WITHDRAWN), S.ACCEPTED),
    Event.NUMBER_WANTED: {S.ACCEPTED: S.UNCONFIRMED},
    Event.LOST_IN_RESTORE: {S.SENT: S.ATTENTION},
}
"""Event -> state before -> state after.

Example: a withdrawal crosses the answer of the sync process that its edit has not left. The edit is WITHDRAWN, the
event NOT_LEFT has no line for that state, and it stays withdrawn. PROVED has one for every state: what the server's
record shows has taken effect, whatever was believed here.
"""


class NoSuchStep(Exception):
    """An event was applied to an edit in a state in which nothing follows from it: a defect of the caller."""


def follows(queued: Queued, event: Event) -> bool:
    """Whether something follows from an event for an edit in its state."""
    return queued.state in TRANSITIONS[event]


def advance(
    queued: Queued,
    event: Event,
    *,
    reason: StopReason | None = None,
    by: ByWhom | None = None,
    problem: str = "",
    theirs: Mapping[str, Any] | None = None,
    version: int | None = None,
    taken_as: TakenAs | None = None,
) -> Queued:
    """The edit after an event; raises NoSuchStep where none `follows`.

    Why it is stopped, what others changed and what the server said are those of this event alone. As what a keyless
    server took it stays known while it can still take effect, that it is asked back until that is answered.
    """
    if not follows(queued, event):
        raise NoSuchStep(f"{event} of an edit that is {queued.state}")
    to = TRANSITIONS[event][queued.state]
    anew = event in (Event.RETRIED, Event.MOVED)
    is_answered = event is Event.HAD_LEFT or to in FINISHED
    handed_over = event is Event.HANDED_OVER
    return replace(
        queued,
        state=to,
        attempts=queued.attempts + handed_over,
        reason=reason,
        by=by,
        problem=problem,
        theirs=dict(theirs or {}),
        version=version,
        taken_as=(taken_as or queued.taken_as) if to in PENDING and not anew else None,
        repeated=handed_over and queued.state is S.UNCONFIRMED,
        asked_back=queued.asked_back and not anew and not is_answered,
        to_call_back=event is Event.WITHDRAWN and (queued.to_call_back or is_known_to_its_unit(queued)),
    )


def after_a_break(queued: Queued) -> Queued:
    """How an edit stands when who was sending it has ended: it may or may not have left.

    What a server without keys took is looked for again (see TakenAs): nobody else knows of it any more.
    """
    looked_for = queued.taken_as is not None and queued.state is S.ACCEPTED
    if queued.state is S.SENDING or looked_for:
        return advance(queued, Event.BROKEN_OFF, problem=queued.problem)
    return queued
