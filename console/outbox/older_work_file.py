"""Read what older versions of Sigap wrote: reasons as sentences and keys of `theirs`, and a divert as two edits.

A work.db before its fourth version is brought up to date when it is opened (`w004_reasons`); a journal, and a file that
was set aside, are read as they are. Pairs are looked for at every opening, wherever they come from (`without_pairs`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import Kind
from console.rules.edit import LEAVES, Edit
from console.rules.queued import FINISHED, STUCK, ByWhom, EditState, Queued, StopReason, TakenAs
from console.rules.transitions import Event, advance

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


_AFTER = "after"
"""The key of `Edit.about` under which stood the id of an edit of another report that had to be taken first."""
_LONGEST = 20
"""So many edits were one divert at most; a damaged file may go round in a circle."""
_TAKEN = frozenset({EditState.ACCEPTED, EditState.SENT})
_WAITS = frozenset({EditState.QUEUED, EditState.STOPPED})
_MAY_HAVE_LEFT = frozenset({EditState.SENDING, EditState.UNCONFIRMED})


def without_pairs(unfinished: Iterable[Queued], get: Callable[[str], Queued | None]) -> list[Queued]:
    """What changes where a divert was a recall of one report and, after that, an order to another (or, of its undo, the
    other way round); `get` finds any edit of the file.

    A pair of which nothing has left is one order now that names what the unit leaves. Of any other the first edits stay
    as they are; whether the last is still wanted is asked, unless what came before it was taken. None of them comes
    after another any more.
    """
    resting = [one for one in unfinished if _AFTER in one.edit.about]
    behind = Counter(str(one.edit.about[_AFTER]) for one in resting)
    changed: dict[str, Queued] = {}
    for one in resting:
        before = _before(one, get)
        alone = one.edit.id not in behind and all(each is not None and behind[each.edit.id] == 1 for each in before)
        # protects: a-pair-that-never-left-is-one-edit
        if alone and _is_whole(one, before):
            changed |= {each.edit.id: _superseded(each) for each in before if each is not None}
            changed[one.edit.id] = _as_one(one, [each for each in before if each is not None])
    for one in resting:
        if one.edit.id not in changed:
            changed[one.edit.id] = _apart(one, _before(one, get))
    return list(changed.values())


def _before(one: Queued, get: Callable[[str], Queued | None]) -> list[Queued | None]:
    """What an edit came after, and what that came after; the oldest first, None for what the file has no more."""
    found: list[Queued | None] = []
    last: Queued | None = one
    while last is not None and _AFTER in last.edit.about and len(found) < _LONGEST:
        last = get(str(last.edit.about[_AFTER]))
        found.insert(0, last)
    return found


def _is_divert(one: Queued, before: Sequence[Queued | None]) -> bool:
    """Whether it is an order behind recalls, and no part of an undo."""
    recalls = all(each is None or (each.edit.kind is Kind.RECALL and not each.edit.undoes) for each in before)
    return one.edit.kind is Kind.DISPATCH and not one.edit.undoes and recalls


def _is_whole(one: Queued, before: Sequence[Queued | None]) -> bool:
    """Whether nothing of a divert has left or ended, and all of it is one operator's."""
    here = [each for each in (*before, one) if each is not None]
    alike = {(each.edit.source, each.edit.author) for each in here}
    never = all(each.attempts == 0 and each.state in _WAITS | STUCK for each in here)
    return _is_divert(one, before) and None not in before and never and len(alike) == 1


def _as_one(order: Queued, recalls: Sequence[Queued]) -> Queued:
    """The order that also ends the work from which the unit was to be recalled."""
    new = _leaving(order, recalls)
    told = next((one.told_by_radio for one in (order, *recalls) if one.told_by_radio), None)
    new = replace(new, told_by_radio=told)
    if order.state in STUCK:
        return new
    late = any(one.state is EditState.EXPIRED for one in recalls)
    waits = all(one.state is EditState.QUEUED for one in (order, *recalls))
    return new if waits else _asked(new, None if late else StopReason.HELD_BACK)


def _leaving(order: Queued, recalls: Sequence[Queued]) -> Queued:
    """An order that was never tried, as one whose unit leaves what it was to be recalled from."""
    edit = order.edit
    data = {name: value for name, value in edit.data.items() if name != "stack"}
    seen = {str(one.edit.report): _seen(one.edit) for one in recalls}
    data[LEAVES] = [str(one.edit.report) for one in recalls]
    return replace(order, edit=replace(edit, data=data, about={**_alone(edit), LEAVES: seen}))


def _seen(recall: Edit) -> dict[str, Any]:
    seen = {"created": recall.about.get("created"), "version": recall.base_version}
    return {name: value for name, value in seen.items() if value is not None}


def _alone(edit: Edit) -> dict[str, Any]:
    return {name: value for name, value in edit.about.items() if name != _AFTER}


def _superseded(recall: Queued) -> Queued:
    return advance(recall, Event.SUPERSEDED, reason=StopReason.KEPT_AS_NEW)


def _asked(one: Queued, reason: StopReason | None) -> Queued:
    event = Event.WANTED_ALONE if one.state is EditState.STOPPED else Event.TOO_OLD
    return advance(one, event, reason=reason)


def _apart(one: Queued, before: Sequence[Queued | None]) -> Queued:
    """The last of a pair of which something has left, or is gone: by itself, and asked about where that is not safe."""
    alone = replace(one, edit=replace(one.edit, about=_alone(one.edit)))
    if one.attempts == 0 and _is_divert(one, before):
        alone = _leaving(one, [each for each in before if each is not None])
    is_taken = all(each is not None and each.state in _TAKEN for each in before)
    # protects: half-of-a-pair-is-asked-about
    if one.state is EditState.STOPPED or (one.state in _WAITS | _MAY_HAVE_LEFT and not is_taken):
        return _asked(alone, StopReason.HELD_BACK)
    return alone
