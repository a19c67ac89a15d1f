"""What an operator can do to a report or a unit: the kinds of edit, their payloads, and the edit itself.

An edit's `id` is the idempotency key of the request that carries it and of the history entry that it makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeGuard

import msgspec

from api_client.model import Kind

DUPLICATE = "duplicate"
"""The disposition of a report that is merged into another and was given no other one."""

LEAVES = "leaves"
"""The key of an order's data under which stand the reports that its unit leaves for this one: see `rules.divert`. Of
its `about`, under which stands what was seen of each.
"""

FIELDS = ("status", "priority", "service", "title", "description", "place", "area", "agency", "hold", "publication")
"""What a SET may touch. "place" is a Place, "hold" a Hold or null: see `api_client.model.PAYLOADS`."""

APPENDS = frozenset({Kind.CREATE, Kind.NOTE, Kind.REPLY, Kind.PHOTO, Kind.ME_TOO})
"""Need no If-Match and never conflict."""

OF_CLAIM = frozenset({Kind.CLAIM, Kind.RELEASE, Kind.OFFER, Kind.DECLINE})
"""Change who has a report, or whom it is offered to."""

ORDERS = frozenset({Kind.DISPATCH, Kind.ASSIGN, Kind.RECALL}) | OF_CLAIM
"""Orders live for a while only; so does a SET that touches area or agency (a transfer), and a message to a unit or a
role: see `is_order`.
"""

ON_NO_REPORT = frozenset({Kind.UNIT_STATE, Kind.CLOSURE, Kind.ALARM, Kind.MESSAGE, Kind.READ, Kind.LOG})
"""Are about a unit, a closed street, alarms or messages, or are lines of the log: their `report` is None, and no
version of one is seen.
"""

ON_STATUS = frozenset({Kind.VALIDATE, Kind.CLOSE, Kind.REOPEN, Kind.MERGE, Kind.UNMERGE})
"""Change the status without naming it in their data."""

NO_EFFECT = "no_effect"
"""In the data of an entry: an edit of ON_STATUS, or its undo, that left the report and its crews as they were."""

ON_REPORT = ON_STATUS | {Kind.SET} | OF_CLAIM
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

    Of a MERGE also `into`: when the report that it names was created, of a CREATE INSTEAD_OF, of a divert LEAVES. Only
    the two times, INSTEAD_OF, LEAVES, SHOWN, SINCE and whether it was made here are sent: see `recreate.is_another`.
    TOLD is for this computer alone: see `outlived`. So is `divert.RETURNS_TO`.
    """


def is_order(edit: Edit) -> bool:
    """Whether the edit is an order (lives 10 minutes) and not a fact (sent whenever the link returns)."""
    if edit.kind is Kind.MESSAGE:
        return is_to_somebody(edit.data)
    return edit.kind in ORDERS or (edit.kind is Kind.SET and bool(TRANSFER_FIELDS & edit.data.keys()))


def is_to_somebody(data: Mapping[str, Any]) -> bool:
    """Whether the message of an edit is to a unit or a role, which is to do something: an order. What is to an area or
    to everyone is a fact.
    """
    to = data.get("to")
    return isinstance(to, Mapping) and bool(to.get("unit") or to.get("role"))


_IN_SHORT = 300
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


_LOCAL = "local:"
_LOST_ONCE = "+"


def local_key(edit_id: str) -> str:
    """The key of the report that a CREATE makes: its only one until its server says an id, and for life in work.db."""
    return _LOCAL + edit_id


def edit_of(key: str) -> str:
    """The id of the edit whose report has this local key: see `local_key`."""
    return key.removeprefix(_LOCAL)


def is_local(report: str | None) -> TypeGuard[str]:
    """Whether a report is named by the local key under which it was created here, and not by its server's id."""
    return report is not None and report.startswith(_LOCAL)


def created_again(key: str) -> str:
    """The local key under which a report that was created here, and is not at the server any more, is created again.

    There is one for each, whether the operator sends the lost creation again or keeps what he did as a new report.
    """
    return key + _LOST_ONCE


def lost_before(key: str) -> str | None:
    """The local key of the lost report that this one stands for (see `created_again`); None when it stands for none."""
    return key.removesuffix(_LOST_ONCE) if key.endswith(_LOST_ONCE) else None


def moved(edit: Edit, reports: Mapping[str | None, str]) -> Edit:
    """The edit on the reports that take the place of these; no version of theirs was seen."""
    changes: dict[str, Any] = {}
    if edit.report in reports:
        about = {name: value for name, value in edit.about.items() if name not in (SHOWN, SINCE)}
        changes = {"report": reports[edit.report], "base_version": None, "about": about}
    if edit.data.get("into") in reports:
        changes["data"] = {**edit.data, "into": reports[edit.data["into"]]}
    if any(one in reports for one in edit.data.get(LEAVES, ())):
        changes["data"] = {**edit.data, LEAVES: [reports.get(one, one) for one in edit.data[LEAVES]]}
        seen = {one: value for one, value in edit.about.get(LEAVES, {}).items() if one not in reports}
        changes["about"] = {**changes.get("about", edit.about), LEAVES: seen}
    return msgspec.structs.replace(edit, **changes)


def in_short(kind: str, data: Mapping[str, Any]) -> str:
    """An edit's kind and data in a line, cut short, without personal data."""
    shown = {name: value for name, value in data.items() if name != "contact"}
    return f"{kind} {msgspec.json.encode(shown).decode()}"[:_IN_SHORT]


class ReadingOnly(Exception):
    """The operator may not write now; the message says why."""


INSTEAD_OF = "instead_of"
"""The key of `Edit.about` under which stand the ids of the creations, of others, in whose place this one is sent.

The same report may be at the server by one of them. A server with this capability takes one of them all, and only one.
"""

CLOSURES = "closures"
"""The word by which a server says that it knows closed streets and flooded areas."""

ALARMS = "alarms"
"""The word by which a server says that it keeps what was done about alarms."""

MESSAGES = "messages"
"""The word by which a server says that it passes on messages."""

KNOWS_NO_MESSAGES = "This server is of an older version and passes on no messages."
"""The problem of a message that such a server has refused."""
LOG_LINES = "log"
"""The word by which a server says that it takes lines of the control room's log."""

OFFERS = "offers"
"""The word by which a server says that a report can be offered to a colleague, and that it knows who has signed out."""

KNOWS_NO_ALARMS = "This server is of an older version and keeps no alarms: only this console knows what was done."
"""The problem of an edit of alarms that such a server has refused."""

SHOWN, SINCE = "shown", "since"
"""The keys of `Edit.about` under which stand, of an edit that is given anew after a conflict, the fields that this told
of with the version at which it did, and the version of the report that the operator saw as a whole.

What else was changed after that he was not shown, whatever `base_version` says.
"""

BEFORE_SIGN_IN = "local"
"""The author of what was made while the server had no users: nobody can sign in as that one."""


_SENT_WITHIN_S = 3.0


def is_not_sent(edit: Edit, now: datetime, *, away: bool) -> bool:
    """Whether an order that has not left is NOT SENT: its server is known to be away, or it should have left by now."""
    return away or (now - edit.occurred_at).total_seconds() > _SENT_WITHIN_S
