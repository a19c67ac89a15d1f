"""What an operator can do to a report or a unit: the kinds of edit, their payloads, and the edit itself.

An edit's `id` is the idempotency key of the request that carries it and of the history entry that it makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from api_client.model import AssignmentState, Kind

DUPLICATE = "duplicate"
"""The disposition of a report that is merged into another and was given no other one."""

ASSIGNMENT = "assignment"
"""The key of `Queued.theirs` under which stands how far the crew is whose order was to be taken back."""

FIELDS = ("status", "priority", "service", "title", "description", "place", "area", "agency", "hold")
"""What a SET may touch. "place" is {lat, lon, address}; "hold" is a Hold or null."""

APPENDS = frozenset({Kind.CREATE, Kind.NOTE, Kind.REPLY, Kind.PHOTO, Kind.ME_TOO})
"""Need no If-Match and never conflict."""

ORDERS = frozenset({Kind.DISPATCH, Kind.ASSIGN, Kind.RECALL, Kind.CLAIM, Kind.RELEASE})
"""Orders live for a while only; so does a SET that touches area or agency (a transfer): see `is_order`."""

ON_STATUS = frozenset({Kind.VALIDATE, Kind.CLOSE, Kind.REOPEN, Kind.MERGE, Kind.UNMERGE})
"""Change the status without naming it in their data."""

NO_EFFECT = "no_effect"
"""In the data of an entry: an edit of ON_STATUS, or its undo, that left the report and its crews as they were."""

ON_REPORT = ON_STATUS | {Kind.SET, Kind.CLAIM, Kind.RELEASE}
"""Change what a report is, where others only add to it or say what crews do."""

TRANSFER_FIELDS = frozenset({"area", "agency"})


class Edit(msgspec.Struct, frozen=True):
    """One thing an operator did, as saved in work.db.

    `report` is the report's id at its source, or the local key ("local:…") of a report created here, None for a unit.
    `base` maps each touched field to its value before, `base_version` is the report version the operator saw.
    `number` counts up per device. `undoes` is the id of the edit that this one takes back.
    """

    id: str
    kind: Kind
    report: str | None
    author: str
    device: str
    number: int
    occurred_at: datetime
    data: dict[str, Any] = {}
    base: dict[str, Any] = {}
    base_version: int | None = None
    source: str = ""
    undoes: str | None = None
    title: str = ""
    late: bool = False
    about: dict[str, Any] = {}
    """What a CREATE of its report would have carried when the edit was made ({}: not known).

    Of a MERGE also `into`: when the report that it names was created, of a CREATE INSTEAD_OF. Only the two times, that,
    SHOWN, SINCE and whether it was made here are sent: see `is_another`. TOLD is for the sync process: see `outlived`.
    """


def is_order(edit: Edit) -> bool:
    """Whether the edit is an order (lives 10 minutes) and not a fact (sent whenever the link returns)."""
    return edit.kind in ORDERS or (edit.kind is Kind.SET and bool(TRANSFER_FIELDS & edit.data.keys()))


_CLOCKS_DIFFER_S = 60.0
TOLD = "told"
"""The key of `Edit.about` under which stands that a unit was told of the order by radio: True."""


def good_until(edit: Edit, lifetime_s: float) -> datetime | None:
    """When the time of an order is over (see `outlived`); None for what has none."""
    return edit.occurred_at + timedelta(seconds=lifetime_s) if _has_a_time(edit) else None


def outlived(edit: Edit, now: datetime, lifetime_s: float) -> bool:
    """Whether an order is past its time; one made in the future says nothing of its age, and is asked about too.

    The time of a fact never is, nor that of an order of which a unit was told by radio: it is on its way for it.
    """
    age_s = (now - edit.occurred_at).total_seconds()
    return _has_a_time(edit) and not -_CLOCKS_DIFFER_S <= age_s <= lifetime_s


def _has_a_time(edit: Edit) -> bool:
    return is_order(edit) and not edit.about.get(TOLD)


def as_told(queued: Queued) -> Edit:
    """The edit, with whether a unit was told of it by radio."""
    return msgspec.structs.replace(queued.edit, about={**queued.edit.about, TOLD: True}) if queued.told else queued.edit


def created_again(local_key: str) -> str:
    """The local key under which a report that was created here, and is not at the server any more, is created again.

    There is one for each, whether the operator sends the lost creation again or keeps what he did as a new report.
    """
    return local_key + _LOST_ONCE


def lost_before(local_key: str) -> str | None:
    """The local key of the lost report that this one stands for (see `created_again`); None when it stands for none."""
    return local_key.removesuffix(_LOST_ONCE) if local_key.endswith(_LOST_ONCE) else None


def moved(edit: Edit, reports: Mapping[str | None, str]) -> Edit:
    """The edit on the reports that take the place of these; no version of theirs was seen."""
    changes: dict[str, Any] = {}
    if edit.report in reports:
        about = {name: value for name, value in edit.about.items() if name not in (SHOWN, SINCE)}
        changes = {"report": reports[edit.report], "base_version": None, "about": about}
    if edit.data.get("into") in reports:
        changes["data"] = {**edit.data, "into": reports[edit.data["into"]]}
    return msgspec.structs.replace(edit, **changes)


def with_shown(edit: Edit, conflict: Queued) -> Edit:
    """The edit of somebody who has read a conflict: what that told of he has seen, and nothing else."""
    if conflict.state is not EditState.CONFLICT or conflict.version is None:
        return edit
    shown = {**edit.about.get(SHOWN, {}), **dict.fromkeys(conflict.theirs, conflict.version)}
    return msgspec.structs.replace(edit, about={**edit.about, SHOWN: shown})


class ReadingOnly(Exception):
    """The operator may not write now; the words say why."""


class EditState(StrEnum):
    """Where an edit stands in the outbox."""

    QUEUED = "queued"
    SENDING = "sending"
    UNCONFIRMED = "unconfirmed"  # sent, no answer: will be asked again with the same key
    ACCEPTED = "accepted"  # the server answered; the history entry is not in the cache yet
    SENT = "sent"  # proved by the server's own record in the cache
    ATTENTION = "attention"  # refused for good; words in `problem`
    CONFLICT = "conflict"  # 412: somebody changed the same field
    EXPIRED = "expired"  # an order outlived its time: "still wanted?"
    STOPPED = "stopped"  # rests on one of these three (see console.domain.dependency), and is not sent
    WITHDRAWN = "withdrawn"


PENDING = frozenset({EditState.QUEUED, EditState.SENDING, EditState.UNCONFIRMED, EditState.ACCEPTED})
"""What can still take effect: shown in the overlay, and counted."""

STUCK = frozenset({EditState.CONFLICT, EditState.ATTENTION, EditState.EXPIRED})
"""What the server did not take: the operator is asked about it, and about what is stopped with it."""


INSTEAD_OF = "instead_of"
"""The key of `Edit.about` under which stand the ids of the creations, of others, in whose place this one is sent.

The same report may be at the server by one of them. A server that `can` do this takes one of them all, and only one.
"""

SHOWN, SINCE = "shown", "since"
"""The keys of `Edit.about` under which stand, of an edit that is given anew after a conflict, the fields that this told
of with the version at which it did, and the version of the report that the operator saw as a whole.

What else was changed after that he was not shown, whatever `base_version` says.
"""

DELETED = "deleted"
"""The key of `Queued.theirs` under which stands that the report was deleted at the server: {who?, at?}."""

ANOTHER = "another"
"""The key of `Queued.theirs` under which stands that the report's number is another report at the server now: {}."""

MAYBE_LATER = "maybe_later"
"""The key of `Queued.theirs` under which stands that the same may be taken later, once rights are back, say: {}."""

TAKEN_BACK = "taken_back"
"""The key of `Queued.theirs` under which stands that the server had taken the edit, and was set back since: {}."""

TAKEN_AS = "taken_as"
"""The key of `Queued.theirs` under which stands as what a server that knows no keys took a new report: {number} or
{token}. Only by that can it be looked for.
"""

ASKED_ABOUT = "asked_about"
"""The key of `Queued.theirs` under which stands that it is sent again after a try that may have arrived: {}."""

WITHDRAWN_HERE = "withdrawn_here"
"""The key of `Queued.theirs` under which stands that the report was created here and its creation taken back: {}."""

TO_CALL_BACK = "to_call_back"
"""The key of `Queued.theirs` under which stands that it was given up after its unit was told by radio: {}.

Whoever is on the way for it, or back from it, does not know that: he is to be told until that is answered.
"""

HELD_BACK = "held_back"
"""The key of `Queued.theirs` under which stands that it was stopped with another edit that is settled now: {}."""

RESTS_ON_NOTHING = "What this followed is not in the outbox any more. Send it all the same?"

LOST_AT_SERVER = "Lost when the server was set back to an older state. Send it again?"

ANOTHER_REPORT = "The server was set back to an older state, and this number is another report now."

_LOST_ONCE = "+"


BEFORE_SIGN_IN = "local"
"""The author of what was made while the server had no users: nobody can sign in as that one."""


class Queued(msgspec.Struct, frozen=True):
    """An edit with its place in the outbox.

    In a conflict `theirs` maps fields to {value, who, at}, and `version` is the report's version that holds them.
    """

    edit: Edit
    state: EditState
    attempts: int = 0
    problem: str = ""
    theirs: dict[str, Any] = {}
    told: str | None = None
    changed_at: datetime | None = None
    version: int | None = None


def is_deleted(queued: Queued) -> bool:
    """Whether its report is not at the server (any more): deleted, lost and the number given to another one, or never
    created. What was done to it may be kept as a new report.
    """
    return queued.state is EditState.ATTENTION and bool(queued.theirs.keys() & {DELETED, ANOTHER, WITHDRAWN_HERE})


def maybe_later(queued: Queued) -> bool:
    """Whether it was refused for a reason that may have passed; whatever else stopped it is for a human to decide."""
    return queued.state is EditState.ATTENTION and MAYBE_LATER in queued.theirs


def is_taken_back(queued: Queued) -> bool:
    """Whether the server had taken it, and lost it when it was set back: it may be sent again."""
    return queued.state is EditState.ATTENTION and TAKEN_BACK in queued.theirs


def is_taken(queued: Queued) -> bool:
    """Whether its server has said that it took it, and nothing else since."""
    return queued.state is EditState.ACCEPTED or (TAKEN_AS in queued.theirs and queued.state in PENDING)


def may_be_there(queued: Queued) -> bool:
    """Whether an earlier try may have arrived, and the answer to the present one has not come yet."""
    again = queued.state is EditState.SENDING and ASKED_ABOUT in queued.theirs
    return again or queued.state is EditState.UNCONFIRMED


def after_a_break(queued: Queued) -> Queued:
    """How an edit stands when who was sending it has ended: it may or may not have left; see TAKEN_AS too."""
    is_open = queued.state is EditState.SENDING or TAKEN_AS in queued.theirs
    unsure = is_open and queued.state in PENDING
    return msgspec.structs.replace(queued, state=EditState.UNCONFIRMED) if unsure else queued


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
    return queued.state in STUCK and HELD_BACK in queued.theirs


_SENT_WITHIN_S = 3.0
_PERHAPS_NOT_LEFT = frozenset({EditState.QUEUED, EditState.SENDING, EditState.UNCONFIRMED})


def waits_for_radio(queued: Queued) -> bool:
    """Whether it sends or recalls a unit and is not known to have left: the unit has to be told by radio."""
    return queued.edit.kind in (Kind.DISPATCH, Kind.RECALL) and queued.state in _PERHAPS_NOT_LEFT


def is_told_of(queued: Queued) -> bool:
    """Whether its unit was told by radio of what the server is not known to have: it is on its way, or back."""
    waits = queued.state in _PERHAPS_NOT_LEFT or queued.state is EditState.STOPPED
    return waits and queued.edit.kind in (Kind.DISPATCH, Kind.RECALL) and bool(queued.told)


def given_up(queued: Queued, problem: str = "", theirs: Mapping[str, Any] | None = None) -> Queued:
    """The edit as one that was withdrawn; of an order that its unit was told of it is kept that it is to be told so."""
    told = queued.told and queued.edit.kind in (Kind.DISPATCH, Kind.RECALL)
    mark: dict[str, Any] = {TO_CALL_BACK: {}} if told and not is_in_force(queued) else {}
    return msgspec.structs.replace(
        queued, state=EditState.WITHDRAWN, problem=problem, theirs={**(theirs or {}), **mark}
    )


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
    job = queued.theirs.get(ASSIGNMENT)
    state = job.get("value") if isinstance(job, Mapping) else None
    return AssignmentState(state) if isinstance(state, str) and state in set(AssignmentState) else None


def is_settled(queued: Queued) -> bool:
    """Whether a conflict leaves nothing to choose: what another took stays his, a crew that is there, or has left, is
    there or has left.
    """
    return queued.edit.kind in (Kind.CLAIM, Kind.RELEASE) or is_in_force(queued) or job_since(queued) is not None


def is_to_call_back(queued: Queued) -> bool:
    """Whether its unit was told by radio of an order that is given up, and nobody has told it so yet."""
    return queued.state is EditState.WITHDRAWN and TO_CALL_BACK in queued.theirs


def is_not_sent(edit: Edit, now: datetime, *, away: bool) -> bool:
    """Whether an order that has not left is NOT SENT: its server is known to be away, or it should have left by now."""
    return away or (now - edit.occurred_at).total_seconds() > _SENT_WITHIN_S
