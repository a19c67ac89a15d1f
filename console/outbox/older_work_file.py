"""Read why an edit is stopped from what older versions of Sigap wrote: sentences, and keys of `theirs`.

A work.db before its fourth version is brought up to date when it is opened (`w004_reasons`); a journal, and a file that
was set aside, are read as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import Kind
from console.rules.edit import Edit
from console.rules.queued import FINISHED, ByWhom, EditState, Queued, StopReason, TakenAs

_MARKS = {
    "deleted": StopReason.REPORT_DELETED,
    "another": StopReason.ANOTHER_REPORT,
    "withdrawn_here": StopReason.CREATION_WITHDRAWN,
    "taken_back": StopReason.LOST_IN_RESTORE,
    "maybe_later": StopReason.REFUSED_FOR_NOW,
    "held_back": StopReason.HELD_BACK,
}
_OTHERS = ("dropped", "adopted", "taken_as", "asked_about", "to_call_back")
_SENTENCES = {
    "Lost when the server was set back to an older state. Send it again?": StopReason.LOST_IN_RESTORE,
    "The server was set back to an older state, and this number is another report now.": StopReason.ANOTHER_REPORT,
    "Its report was withdrawn.": StopReason.CREATION_WITHDRAWN,
    "What this followed is not in the outbox any more. Send it all the same?": StopReason.HELD_BACK,
    "The server said that it took this, but its record does not show it. Look before you send again.": (
        StopReason.NOT_IN_RECORD
    ),
    "The disk damaged it: look whether it is what you meant.": StopReason.DAMAGED,
    "kept as new": StopReason.KEPT_AS_NEW,
    "dropped": StopReason.DROPPED,
    "adopted": StopReason.ADOPTED,
}
_ASKED_BACK = "asked back"
_NO_EDIT = Edit("", Kind.NOTE, None, "", "", 0, datetime.fromtimestamp(0, UTC))


def with_reasons(queued: Queued) -> Queued:
    """The edit with what was said in other words as values of their own; as it is, where nothing was."""
    marks = queued.theirs.keys() & {*_MARKS, *_OTHERS}
    is_old = marks or queued.problem in _SENTENCES or queued.problem == _ASKED_BACK
    if not is_old and not (queued.state is EditState.ATTENTION and queued.reason is None):
        return queued
    reason = _SENTENCES.get(queued.problem) or next((_MARKS[each] for each in _MARKS if each in marks), queued.reason)
    if queued.state is EditState.ATTENTION and reason is None:
        reason = StopReason.REFUSED
    if queued.state not in (EditState.ATTENTION, EditState.EXPIRED, EditState.WITHDRAWN):
        reason = None
    is_code = queued.problem in _SENTENCES or queued.problem == _ASKED_BACK
    taken_as = queued.theirs.get("taken_as")
    return replace(
        queued,
        reason=reason,
        by=next((_by(queued.theirs[each]) for each in ("deleted", "dropped", "adopted") if each in marks), queued.by),
        problem="" if is_code else queued.problem,
        theirs={name: value for name, value in queued.theirs.items() if name not in marks},
        taken_as=_taken_as(taken_as) if isinstance(taken_as, Mapping) else queued.taken_as,
        repeated=queued.repeated or "asked_about" in marks,
        asked_back=(queued.asked_back or queued.problem == _ASKED_BACK) and queued.state not in FINISHED,
        to_call_back=queued.to_call_back or "to_call_back" in marks,
    )


def columns_of(row: Mapping[str, Any]) -> dict[str, object]:
    """What a row of an older `edits` (by the names of its columns) has in the columns that are new or changed.

    A row that cannot be read keeps what it says: whoever opens the file finds that it is damaged.
    """
    try:
        theirs = decode(row["theirs"], dict[str, Any])
        state = EditState(row["state"])
    except (msgspec.DecodeError, ValueError, TypeError):
        return {"reason": None, "by_whom": None, "taken_as": None, "repeated": 0, "asked_back": 0, "to_call_back": 0}
    queued = with_reasons(Queued(_NO_EDIT, state, problem=str(row["problem"]), theirs=theirs))
    return {
        "problem": queued.problem,
        "theirs": _dump(queued.theirs),
        "reason": str(queued.reason) if queued.reason else None,
        "by_whom": _dump(queued.by) if queued.by else None,
        "taken_as": _dump(queued.taken_as) if queued.taken_as else None,
        "repeated": int(queued.repeated),
        "asked_back": int(queued.asked_back),
        "to_call_back": int(queued.to_call_back),
    }


def _dump(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _by(mark: object) -> ByWhom | None:
    if not isinstance(mark, Mapping) or not mark:
        return None
    return ByWhom(str(mark["who"]) if mark.get("who") else None, _moment(mark.get("at")))


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _taken_as(mark: Mapping[str, Any]) -> TakenAs:
    number, token = mark.get("number"), mark.get("token")
    return TakenAs(str(number) if number else None, str(token) if token else None)
