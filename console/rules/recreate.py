"""A report that the server has not any more, kept as a new one: what is known of it, and where its edits go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from api_client.model import Kind, Report
from console.rules.apply import NotAllowed, ReportState, apply_edit
from console.rules.edit import APPENDS, FIELDS, ON_NO_REPORT, Edit, is_order
from console.rules.pending import created_report, field_value, with_edits
from console.rules.queued import Queued

_CREATED = (
    "service",
    "priority",
    "title",
    "description",
    "address",
    "lat",
    "lon",
    "within_m",
    "area",
    "agency",
    "channel",
    "created",
    "attributes",
)
_PLACE = ("lat", "lon", "address", "within_m")
_CLOCKS_DIFFER_S = 60.0
_NEEDS_ITS_PAST = frozenset(
    {
        Kind.RELEASE,
        Kind.OFFER,
        Kind.DECLINE,
        Kind.RECALL,
        Kind.PROGRESS,
        Kind.VALIDATE,
        Kind.REOPEN,
        Kind.UNMERGE,
        *ON_NO_REPORT,
    }
)
"""What goes on from something that only the deleted report had: a crew, a claim, a proof, a merge."""


class RecreatedReport(msgspec.Struct, frozen=True):
    """Where the edits of a deleted report go. All keep their ids; whoever makes new edits of them changes those.

    `follow` are facts, fitted to the new report; `ask` are orders, which nobody sends without being asked again; `tell`
    cannot be done to a new report and is only told in it.
    """

    follow: tuple[Edit, ...] = ()
    ask: tuple[Queued, ...] = ()
    tell: tuple[Edit, ...] = ()


_DATED_BACK_S = 3600.0
MADE_HERE = "made_here"
"""In what an edit is about: its report was created here, and the server may have dated it back; see `is_another`."""


def as_created(report: Report) -> dict[str, Any]:
    """What a CREATE of this report would carry."""
    values = {name: msgspec.to_builtins(getattr(report, name)) for name in _CREATED}
    if not report.within_m:
        del values["within_m"]
    return {name: value for name, value in values.items() if value not in (None, "", {})}


def is_another(seen: datetime | None, created: datetime, *, made_here: bool = False) -> bool:
    """Whether a report that was made at `created` is not the one that was seen (made at `seen`), but has its number.

    To the second, which is what a cache holds; None tells nothing. `made_here` is one that a console made, which the
    server may have dated back to its own time: by no more than an hour, for a console goes by the server's clock.
    """
    if seen is None:
        return False
    seen_s, there_s = (moment.replace(microsecond=0).timestamp() for moment in (seen, created))
    return not seen_s - (_DATED_BACK_S if made_here else 0) <= there_s <= seen_s


def is_made_by(create: Edit, edit: Edit) -> bool:
    """Whether the report that an edit was made on is the one of this creation; who knows nothing of it says so.

    A server dates nothing into its own future: what is entered as of now may have been dated back as far as clocks go
    wrong, and was then entered in the same words.
    """
    seen = seen_created(edit)
    if seen is None:
        return True
    claimed = created_report(create).created
    claimed_s, seen_s = (moment.replace(microsecond=0).timestamp() for moment in (claimed, seen))
    as_of_now = claimed_s > create.occurred_at.timestamp() - _CLOCKS_DIFFER_S
    dated_back = as_of_now and claimed_s - _CLOCKS_DIFFER_S <= seen_s < claimed_s
    words = create.data.get("description")
    return seen_s == claimed_s or (dated_back and edit.about.get("description", words) == words)


def seen_created(edit: Edit) -> datetime | None:
    """When the report that an edit was made on was created, where the edit knows."""
    known = edit.about.get("created")
    return datetime.fromisoformat(known) if known else None


def known_of(edits: Sequence[Edit]) -> dict[str, Any]:
    """What a CREATE can carry of a report that is gone, by its unsent edits (oldest first) and what they knew of it."""
    title = next((edit.title for edit in edits if edit.title), "")
    about = next((edit.about for edit in reversed(edits) if edit.about), {"description": title})
    known = {name: about[name] for name in _CREATED if name in about}
    for edit in edits:
        if edit.kind is Kind.SET and not is_order(edit):
            known |= {name: edit.data[name] for name in _CREATED if name in edit.data}
            if place := edit.data.get("place"):
                known.pop("within_m", None)  # a place that does not say how far off it may be is exact
                known |= {name: place[name] for name in _PLACE if name in place}
    return {name: value for name, value in known.items() if value not in (None, "")}


def carry(edits: Sequence[Queued], create: Edit) -> RecreatedReport:
    """Sort the unsent edits of a deleted report (oldest first) by what is done with each on the report of `create`."""
    state = ReportState(created_report(create))
    follow: list[Edit] = []
    ask: list[Queued] = []
    tell: list[Edit] = []
    for queued in edits:
        edit = queued.edit
        if edit.undoes is not None or edit.kind in _NEEDS_ITS_PAST:
            tell.append(edit)
        elif is_order(edit):
            # protects: order-is-asked-about
            ask.append(queued)
        elif edit.kind in APPENDS:
            follow.append(replace(edit, base={}, base_version=None))
        else:
            fitted, rest = _fit_set(edit, state, create.data) if edit.kind is Kind.SET else _fit_end(edit, state)
            tell += rest
            for one in fitted:
                follow.append(one)
                state = with_edits(state, [one], now=one.occurred_at)
    return RecreatedReport(tuple(follow), tuple(ask), tuple(tell))


def _fit_set(edit: Edit, state: ReportState, created: Mapping[str, Any]) -> tuple[list[Edit], list[Edit]]:
    """The part that changes something on the new report, and the part that can only be told.

    What the creation itself says is the operator's newest word and needs no change behind it.
    """
    data = {name: value for name, value in edit.data.items() if name in FIELDS and not _says(created, name)}
    beside = {name: value for name, value in edit.data.items() if name not in FIELDS}
    untransferred: dict[str, Any] = {}
    if data.get("status") == state.report.status:
        del data["status"]
    for name in ("status", "hold"):
        if name in data and not _is_allowed(state, replace(edit, data=beside | {name: data[name]})):
            untransferred[name] = data.pop(name)
    if data:
        base = {name: field_value(state.report, name) for name in data}
        fitted = [replace(edit, data=data | beside, base=base, base_version=None)]
    else:
        fitted, untransferred = [], untransferred | beside
    return fitted, [replace(edit, data=untransferred)] if untransferred else []


def _fit_end(edit: Edit, state: ReportState) -> tuple[list[Edit], list[Edit]]:
    """Closing or merging: nobody is at work on a new report who could be released."""
    data = edit.data | ({"release": []} if edit.kind is Kind.CLOSE else {})
    fitted = replace(edit, data=data, base={"status": field_value(state.report, "status")}, base_version=None)
    return ([fitted], []) if _is_allowed(state, fitted) else ([], [edit])


def _is_allowed(state: ReportState, edit: Edit) -> bool:
    try:
        apply_edit(state, edit, edit.occurred_at)
    except NotAllowed:
        return False
    return True


def _says(created: Mapping[str, Any], name: str) -> bool:
    return any(one in created for one in (_PLACE if name == "place" else (name,)))
