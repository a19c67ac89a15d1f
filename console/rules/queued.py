"""An edit with its place in the outbox: its state, why it is stopped or was withdrawn, and what that means for others.

How one state follows another stands in `console.rules.transitions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from api_client.model import AssignmentState, Kind
from console.rules.edit import INSTEAD_OF, OF_CLAIM, SHOWN, TOLD, Edit, is_local


class EditState(StrEnum):
    """Where an edit stands in the outbox."""

    QUEUED = "queued"
    SENDING = "sending"
    UNCONFIRMED = "unconfirmed"  # sent, no answer: will be asked again with the same key
    ACCEPTED = "accepted"  # the server answered; the history entry is not in the cache yet
    SENT = "sent"  # proved by the server's own record in the cache
    ATTENTION = "attention"  # not taken, for a StopReason: the operator decides
    CONFLICT = "conflict"  # 412: somebody changed the same field
    EXPIRED = "expired"  # an order outlived its time: "still wanted?"
    STOPPED = "stopped"  # rests on one of these three (see console.rules.dependency), and is not sent
    WITHDRAWN = "withdrawn"


PENDING = frozenset({EditState.QUEUED, EditState.SENDING, EditState.UNCONFIRMED, EditState.ACCEPTED})
"""What can still take effect: shown in the overlay, and counted."""

STUCK = frozenset({EditState.CONFLICT, EditState.ATTENTION, EditState.EXPIRED})
"""What the server did not take: the operator is asked about it, and about what is stopped with it."""

FINISHED = frozenset({EditState.SENT, EditState.WITHDRAWN})
"""What has left the outbox; it is kept for a while, to be found should it turn out to be otherwise."""


class StopReason(StrEnum):
    """Why an edit needs the operator (ATTENTION, or an order EXPIRED before its time), or how it was WITHDRAWN."""

    REFUSED = "refused"  # the server's own words are in `problem`
    REFUSED_FOR_NOW = "refused_for_now"  # the same may be taken later: rights that are missing now, say
    REPORT_DELETED = "report_deleted"  # at the server; `by` says who and when, as far as the server tells
    ANOTHER_REPORT = "another_report"  # the server was set back, and gave the report's number to another one
    CREATION_WITHDRAWN = "creation_withdrawn"  # the report was created here, and its creation taken back
    LOST_IN_RESTORE = "lost_in_restore"  # the server had taken it, and was set back since
    NOT_IN_RECORD = "not_in_record"  # the server said that it took it, and its record does not show it
    DAMAGED = "damaged"  # the disk changed it: the operator looks whether it is what he meant
    HELD_BACK = "held_back"  # it was stopped with another edit, which is settled now, and is asked about alone
    TOO_LONG = "too_long"  # to be sent; `problem` is its size in KB
    NO_PHOTO_FILE = "no_photo_file"  # it is missing on this computer
    NOT_ENCODED = "not_encoded"  # a defect of ours: it could not be put into the server's form
    NOT_CONNECTED = "not_connected"  # its server is not one of the profile's any more
    NOT_SIGNED_IN = "not_signed_in"  # somebody else than its author is, as `problem` says
    KEY_REUSED = "key_reused"  # the server has another edit under its key: `problem` says which
    MAY_BE_THERE = "may_be_there"  # it may have arrived, and this server is too old to be asked
    NOT_IN_LIST = "not_in_list"  # it may have arrived, but the list of a server without keys does not hold it
    NEW_REPORTS_ONLY = "new_reports_only"  # the server takes nothing else
    NO_PHOTOS = "no_photos"  # the server takes none after the report
    ANOTHER_NUMBER = "another_number"  # the server answered with another report: `problem` is its number and words
    NUMBER_GIVEN_TWICE = "number_given_twice"  # the server gave it the number of another one: `problem`

    KEPT_AS_NEW = "kept_as_new"  # withdrawn: it goes on as another edit, and nobody is told of its end
    DROPPED = "dropped"  # withdrawn by another operator; until its author is told. `by` says who and when
    ADOPTED = "adopted"  # withdrawn, and sent by another operator as his own; until its author is told. `by` as well


class ByWhom(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who did what a StopReason says, and when; None where nobody told."""

    who: str | None = None
    at: datetime | None = None


class TakenAs(msgspec.Struct, frozen=True, omit_defaults=True):
    """As what a server that knows no keys took a new report: the report's number, or a token for it.

    Only by that can the report be looked for.
    """

    number: str | None = None
    token: str | None = None


class Queued(msgspec.Struct, frozen=True):
    """An edit with its place in the outbox. Made anew for every change; `console.rules.transitions` makes the next."""

    edit: Edit
    state: EditState
    attempts: int = 0
    """How often it was handed over to be sent."""
    reason: StopReason | None = None
    by: ByWhom | None = None
    problem: str = ""
    """What the server, or the link to it, said last, or what `reason` says of it; shown, and never compared."""
    theirs: dict[str, Any] = {}
    """In a conflict: each field (or "unit", "assignment", "busy", "duplicates") -> {value, who, at} at the server."""
    version: int | None = None
    """In a conflict: the report's version that holds `theirs`."""
    told_by_radio: str | None = None
    """Who was told of it by radio."""
    taken_as: TakenAs | None = None
    repeated: bool = False
    """Whether it is being sent after an earlier try that may have arrived."""
    asked_back: bool = False
    """Whether the operator withdrew it when it might have left already: its outcome is told, also later."""
    to_call_back: bool = False
    """Whether it was given up after its unit was told by radio, and nobody has told the unit so yet.

    Whoever is on the way for it, or back from it, does not know that: he is to be told until that is answered.
    """
    changed_at: datetime | None = None


_LOST_REPORT = frozenset({StopReason.REPORT_DELETED, StopReason.ANOTHER_REPORT, StopReason.CREATION_WITHDRAWN})

_MAYBE_LATER = frozenset({StopReason.REFUSED_FOR_NOW, StopReason.NOT_CONNECTED, StopReason.NOT_SIGNED_IN})


def is_deleted(queued: Queued) -> bool:
    """Whether its report is not at the server (any more): deleted, lost and the number given to another one, or never
    created. What was done to it may be kept as a new report.

    Of a merge whose main report was never created, the report itself is there.
    """
    # protects: merged-into-nothing-is-there
    if queued.reason is StopReason.CREATION_WITHDRAWN and not is_local(queued.edit.report):
        return False
    return queued.state is EditState.ATTENTION and queued.reason in _LOST_REPORT


def maybe_later(queued: Queued) -> bool:
    """Whether it was refused for a reason that may have passed; whatever else stopped it is for a human to decide."""
    return queued.state is EditState.ATTENTION and queued.reason in _MAYBE_LATER


def is_taken_back(queued: Queued) -> bool:
    """Whether the server had taken it, and lost it when it was set back: it may be sent again."""
    return queued.state is EditState.ATTENTION and queued.reason is StopReason.LOST_IN_RESTORE


def is_lost_creation(queued: Queued) -> bool:
    """Whether a server that had said that it took a new report does not have it, as far as its record shows."""
    return is_taken_back(queued) or (queued.state is EditState.ATTENTION and queued.reason is StopReason.NOT_IN_RECORD)


def is_taken(queued: Queued) -> bool:
    """Whether its server has said that it took it, and nothing else since."""
    return queued.state is EditState.ACCEPTED or (queued.taken_as is not None and queued.state in PENDING)


def may_be_there(queued: Queued) -> bool:
    """Whether an earlier try may have arrived, and the answer to the present one has not come yet."""
    again = queued.state is EditState.SENDING and queued.repeated
    return again or queued.state is EditState.UNCONFIRMED


def is_surely_not_there(queued: Queued) -> bool:
    """Whether an edit is certainly not at its server: none was ever asked to take it, or the one that took it lost it.

    What a server refused is none: an earlier try, whose answer was lost, may have been taken. Nor is what is sent in
    the place of another that may be there.
    """
    # protects: what-takes-a-place-may-be-there
    never = queued.attempts == 0 and INSTEAD_OF not in queued.edit.about
    return never or is_taken_back(queued)


def was_held_back(queued: Queued) -> bool:
    """Whether it was stopped with another edit, and is asked about alone now."""
    return queued.state in STUCK and queued.reason is StopReason.HELD_BACK


_PERHAPS_NOT_LEFT = frozenset({EditState.QUEUED, EditState.SENDING, EditState.UNCONFIRMED})
_BY_RADIO = frozenset({Kind.DISPATCH, Kind.RECALL})


def waits_for_radio(queued: Queued) -> bool:
    """Whether it sends or recalls a unit and is not known to have left: the unit has to be told by radio."""
    return queued.edit.kind in _BY_RADIO and queued.state in _PERHAPS_NOT_LEFT


def is_told_of(queued: Queued) -> bool:
    """Whether its unit was told by radio of what the server is not known to have: it is on its way, or back."""
    waits = queued.state in _PERHAPS_NOT_LEFT or queued.state is EditState.STOPPED
    return waits and queued.edit.kind in _BY_RADIO and bool(queued.told_by_radio)


def is_known_to_its_unit(queued: Queued) -> bool:
    """Whether a unit was told by radio of an order that is given up now, and acts by it: it is to be told that."""
    return bool(queued.told_by_radio) and queued.edit.kind in _BY_RADIO and not is_in_force(queued)


def is_to_call_back(queued: Queued) -> bool:
    """Whether its unit was told by radio of an order that is given up, and nobody has told it so yet."""
    return queued.state is EditState.WITHDRAWN and queued.to_call_back


def is_in_force(queued: Queued) -> bool:
    """Whether the server answered an order with an earlier one by which the very unit is on the very report already."""
    first = queued.theirs.get("unit")
    return (
        queued.edit.kind in (Kind.ASSIGN, Kind.DISPATCH)
        and isinstance(first, Mapping)
        and first.get("value") == queued.edit.data.get("unit")
    )


def job_since(queued: Queued) -> AssignmentState | None:
    """How far a crew is by now, for which the server did not take the order back that had sent it; else None."""
    job = queued.theirs.get("assignment")
    state = job.get("value") if isinstance(job, Mapping) else None
    return AssignmentState(state) if isinstance(state, str) and state in set(AssignmentState) else None


_HIDDEN_BY_AN_UNDO = frozenset({"priority", "duplicates", "note"})


def is_settled(queued: Queued) -> bool:
    """Whether a conflict leaves nothing to choose: what another took stays his, a crew that is there, or has left, is
    there or has left, and what another has changed since is not undone.
    """
    whose = queued.edit.kind in OF_CLAIM
    return whose or is_in_force(queued) or job_since(queued) is not None or is_undone_no_more(queued)


def is_undone_no_more(queued: Queued) -> bool:
    """Whether the server refused an undo because another has changed the same since, which it does each time.

    What an undo would hide (a note, what was made urgent, what was merged since) is asked about, and may be undone.
    """
    if queued.edit.undoes is None:
        return False
    # protects: no-choice-that-is-none
    return any(name in queued.edit.data or name not in _HIDDEN_BY_AN_UNDO for name in queued.theirs)


def as_told(queued: Queued) -> Edit:
    """The edit, with whether a unit was told of it by radio."""
    return (
        msgspec.structs.replace(queued.edit, about={**queued.edit.about, TOLD: True})
        if queued.told_by_radio
        else queued.edit
    )


def with_shown(edit: Edit, conflict: Queued) -> Edit:
    """The edit of somebody who has read a conflict: what that told of he has seen, and nothing else."""
    if conflict.state is not EditState.CONFLICT or conflict.version is None:
        return edit
    shown = {**edit.about.get(SHOWN, {}), **dict.fromkeys(conflict.theirs, conflict.version)}
    return msgspec.structs.replace(edit, about={**edit.about, SHOWN: shown})
