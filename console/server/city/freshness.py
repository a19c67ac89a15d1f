"""Find what an operator had not seen when he made an edit, by the version that he saw; raise a conflict where it
counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from api_client import model
from api_client.decoding import decode
from api_client.model import AssignmentState, EditBody, Entry, Kind, Report, Status
from console.rules.edit import DUPLICATE
from console.rules.merge import same
from console.rules.report import HAZARD
from console.rules.run_card import is_of_card
from console.rules.status import ENDED_ASSIGNMENT, is_open
from console.server.city import schema
from console.server.city.edit_context import Before, EditContext, SeenVersion
from console.server.city.history import (
    Origin,
    changed_by,
    field_value,
    last_changes,
    last_done,
    others_since,
)
from console.server.city.payload_check import payload_of
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import ConflictRefusal, Invalid

_ON_OPEN = frozenset({Kind.SET, Kind.CLAIM, Kind.OFFER})
_ON_STATUS = frozenset({Kind.VALIDATE, Kind.CLOSE, Kind.REOPEN, Kind.MERGE})
_ENDS_A_JOB = frozenset({Kind.RECALL, Kind.PROGRESS})
_URGENT = 2
_MOST_OF_A_NOTE, _MOST_NOTES = 300, 5
"""A conflict quotes so many letters of a note, and so many of the notes that were not seen."""
_ADDITIONS = frozenset({Kind.NOTE, Kind.ME_TOO})
"""Kinds that tell more of a report's matter: at a P1, which cannot be raised, they may tell of more danger."""


class _Clash(NamedTuple):
    """Something that an operator did not see: a sentence, and {field: {value, who, at}}."""

    words: str
    fields: Mapping[str, Any]


def check_fresh(unit_of_work: UnitOfWork, report: Report, edit: EditBody, seen: SeenVersion, origin: Origin) -> None:
    """Raise ConflictRefusal when somebody else changed a field of the edit to another value after the version that was
    seen.

    For an edit that ends a report the refusal names everything that was not seen, as the operator who confirms it sends
    the edit on the present version.
    """
    if edit.kind in _ON_OPEN:
        # protects: nothing-is-done-to-what-was-closed-since
        _check_not_closed(unit_of_work, report, seen, origin)
    if edit.kind is Kind.SET:
        given = msgspec.to_builtins(payload_of(edit, model.Set))
        wanted = {name: given[name] for name in given if name in edit.data and name != "reason"}
        clashes = _changed_since(unit_of_work, report, wanted, seen, origin)
        then = replace(report, status=Status(wanted.get("status", report.status)))
        then = replace(then, priority=wanted.get("priority", report.priority))
        hidden = _hidden_by(unit_of_work, report, then, seen, origin)
        _raise([*clashes, *_with_notes(hidden, unit_of_work, report, seen, origin)])
    elif edit.kind is Kind.UNMERGE:
        if report.merged_into is not None:
            # protects: newer-merge-is-not-taken-apart
            _raise(
                _done(_by_others(unit_of_work, report, "merged_into", seen, origin), f"merged report {report.id} anew")
            )
    elif edit.kind in _ON_STATUS:
        clashes = _changed_since(unit_of_work, report, {"status": _status_wanted(edit).value}, seen, origin)
        if not is_open(_status_wanted(edit)):
            clashes += _hidden_by(unit_of_work, report, replace(report, status=_status_wanted(edit)), seen, origin)
        # protects: no-crew-on-a-closed-report
        clashes += _crews_since(unit_of_work, report, edit, seen, origin)
        clashes = _with_notes(clashes, unit_of_work, report, seen, origin)
        if edit.kind in (Kind.CLOSE, Kind.MERGE):
            # protects: two-outcomes-are-asked
            clashes += _outcome_since(unit_of_work, report, edit, seen)
        _raise(clashes)


def _raise(clashes: Sequence[_Clash]) -> None:
    """Raise one ConflictRefusal with all of them; nothing where there are none."""
    if clashes:
        fields = {name: detail for clash in clashes for name, detail in clash.fields.items()}
        raise ConflictRefusal(" ".join(clash.words for clash in clashes), fields=fields)


def check_undo(unit_of_work: UnitOfWork, before: Report, after: Report, seen: SeenVersion, origin: Origin) -> None:
    """Raise ConflictRefusal when the undo turns `before` into an `after` that hides what somebody else did since the
    version that was seen.
    """
    # protects: an-undo-hides-nothing
    _raise(_with_notes(_hidden_by(unit_of_work, before, after, seen, origin), unit_of_work, before, seen, origin))


def is_unaware_of_danger(context: EditContext) -> bool:
    """Whether the author of an edit on a P1 had not seen that it became a P1, that a report was merged into it, or a
    note or second caller since (at a P1 these may be all that tells of more danger).

    An edit that names no version is taken to have seen what was there when it was made; a photo, no more than whoever
    reported the crew's job as done. Example: a crew without a network takes its photo and reports its work done, while
    a second caller tells of children on the roof.
    """
    unit_of_work, report = context.unit_of_work, context.before
    if report.priority != HAZARD:
        return False
    seen = context.seen if context.seen is not None else SeenVersion(context.known_version)
    if context.edit.kind is Kind.PHOTO and (done := _seen_when_done(unit_of_work, report)) is not None:
        # protects: a-photo-knows-no-more-than-its-crew
        seen = SeenVersion(min(seen.version, done))
    # protects: who-hands-in-has-read-the-notes
    additions = _additions_since(unit_of_work, report, seen, context.origin)
    return bool(
        additions
        or _raised_since(unit_of_work, report, seen, context.origin)
        or _merged_since(unit_of_work, report, seen, context.origin)
    )


def _seen_when_done(unit_of_work: UnitOfWork, report: Report) -> int | None:
    """The version that was seen by whoever last reported a crew's job there as done; None when nobody has.

    The report of it may have arrived late: its author knew nothing of what was done before it arrived.
    """
    done = last_done(unit_of_work.connection, report)
    if done is None:
        return None
    version, before = done
    seen = decode(before, Before).seen if before is not None else None
    # protects: a-late-done-knows-no-more-than-it-saw
    return min(version, seen) if seen is not None else version


def _hidden_by(
    unit_of_work: UnitOfWork, before: Report, after: Report, seen: SeenVersion, origin: Origin
) -> list[_Clash]:
    """What somebody else did since the version that was seen, if nobody would see it any more because the report has
    ended (for crews: is handed in) or has become less urgent.

    Example: a P1 was merged into the report; once that is P3, nothing counts the P1.
    """
    ends = _out_of_sight(after.status) > _out_of_sight(before.status)
    if not ends and after.priority <= before.priority:
        return []
    # protects: raised-since-is-not-closed
    clashes = _raised_since(unit_of_work, before, seen, origin) if ends else []
    # protects: merged-since-is-not-closed
    clashes += _merged_since(unit_of_work, before, seen, origin)
    # protects: a-note-at-a-hazard-is-read
    return clashes or (_notes_since(unit_of_work, before, seen, origin) if before.priority == HAZARD else [])


def _out_of_sight(status: Status) -> int:
    """0 while a report is worked on, 1 while it awaits validation, 2 when it has ended."""
    return 2 if not is_open(status) else 1 if status is Status.VALIDATION else 0


def _changed_since(
    unit_of_work: UnitOfWork, report: Report, wanted: Mapping[str, Any], seen: SeenVersion, origin: Origin
) -> list[_Clash]:
    """A clash for the fields that others have set to another value than `wanted` since the version that was seen."""
    fields: dict[str, Any] = {}
    for name, value in wanted.items():
        if not same(field_value(report, name), value):
            fields |= _by_others(unit_of_work, report, name, seen, origin)
    return [_Clash(f"Somebody else has changed {', '.join(fields)} of report {report.id}.", fields)] if fields else []


def _by_others(
    unit_of_work: UnitOfWork, report: Report, name: str, seen: SeenVersion, origin: Origin
) -> dict[str, Any]:
    """{field: {value, who, at}} if another console has set the field since the version that was seen, to whatever
    value.

    {} if only this console has, which knows of its own edits. Example: hand in, then close, both made without a
    network. An edit of another console between the two, or before both, was not seen.
    """
    if report.versions.get(name, 0) <= seen.of(name):
        return {}
    table, connection = schema.entries, unit_of_work.connection
    later = sa.and_(table.c.report == report.id, table.c.version > seen.of(name), table.c.before.is_not(None))
    columns = sa.select(table.c.body, table.c.device, table.c.before)
    others = []
    for body, device, before in connection.execute(columns.where(later).order_by(table.c.version)):
        entry = decode(body, Entry)
        is_own = origin.is_origin_of(Origin(entry.author, device))
        if not is_own and entry.undone_by is None and name in decode(before, Before).touched:
            others.append(entry)
    last = changed_by(connection, report, name)
    # protects: own-step-hides-no-other
    if not others and last is not None and origin.is_origin_of(last):
        return {}
    details = last_changes(connection, report, [name])
    if others:
        details[name] |= {"who": others[-1].author, "at": others[-1].at}
        if name == "priority" and (why := _why(unit_of_work, report, others[-1], seen, origin)):
            details[name]["note"] = why
    return details


def _why(unit_of_work: UnitOfWork, report: Report, change: Entry, seen: SeenVersion, origin: Origin) -> str:
    """The reason that the author of a change gave, else the last note that he wrote since; "" for neither."""
    if reason := str(change.data.get("reason") or ""):
        return reason[:_MOST_OF_A_NOTE]
    for entry in reversed(others_since(unit_of_work.connection, report.id, seen.version, origin)):
        is_note = entry.kind == Kind.NOTE and not is_of_card(entry)
        if is_note and entry.author == change.author and entry.undone_by is None:
            return entry.text[:_MOST_OF_A_NOTE]
    return ""


def _check_not_closed(unit_of_work: UnitOfWork, report: Report, seen: SeenVersion, origin: Origin) -> None:
    """Raise ConflictRefusal when somebody else has closed the report since the version that was seen.

    Example: making a closed report a P1 would help nobody, as nobody looks at it.
    """
    if not is_open(report.status):
        _raise(_done(_by_others(unit_of_work, report, "status", seen, origin), f"closed report {report.id}"))


def _raised_since(unit_of_work: UnitOfWork, report: Report, seen: SeenVersion, origin: Origin) -> list[_Clash]:
    """A clash if somebody else has made the report P1 or P2 since: whoever closes it does not know of the danger."""
    if report.priority > _URGENT:
        return []
    return _done(
        _by_others(unit_of_work, report, "priority", seen, origin), f"made report {report.id} P{report.priority}"
    )


def _done(fields: dict[str, Any], action: str) -> list[_Clash]:
    """A clash that says who did this (`action` follows the name), for `fields` with one field or none."""
    return [_Clash(f"{detail['who'] or 'Somebody else'} has {action}.", fields) for detail in fields.values()]


def _merged_since(unit_of_work: UnitOfWork, report: Report, seen: SeenVersion, origin: Origin) -> list[_Clash]:
    """A clash if somebody else has merged another report into this one since: it would end with this one."""
    known = seen.of("duplicates")
    if report.versions.get("duplicates", 0) <= known:
        return []
    table, connection = schema.entries, unit_of_work.connection
    its_own = sa.select(sa.func.count()).where(table.c.report == report.id, table.c.version > known)
    # Each version has an entry of the report itself, but for those in which another was merged into it or let go.
    unseen = report.version - known - (connection.scalar(its_own) or 0)
    of_them = table.c.report.in_(unit_of_work.merged(report.id))
    rows = connection.execute(sa.select(table.c.body, table.c.device).where(of_them).order_by(table.c.seq.desc()))
    found: list[tuple[Entry, Report]] = []
    for body, device in rows:
        entry = decode(body, Entry)
        into = entry.data.get("into") if entry.kind == Kind.MERGE else entry.data.get("merged_into")
        if into is None or entry.undone_by is not None:
            continue
        # protects: every-merge-since-is-looked-at
        if unseen <= 0:
            break
        unseen -= 1
        merged = unit_of_work.stored_report(entry.report or "")
        if merged is not None and not origin.is_origin_of(Origin(entry.author, device)):
            found.append((entry, merged))
    if not found:
        return []
    entry, merged = min(found, key=lambda one: one[1].priority)
    detail = {"value": report.duplicates, "who": entry.author, "at": entry.at, "more": len(found) - 1}
    detail |= {
        "report": merged.id,
        "priority": merged.priority,
        "note": (merged.title or merged.description)[:_MOST_OF_A_NOTE],
    }
    words = " ".join(f"{one.author} has merged report {one.report} into {report.id}." for one, _ in found)
    return [_Clash(words, {"duplicates": detail})]


def _additions_since(unit_of_work: UnitOfWork, report: Report, seen: SeenVersion, origin: Origin) -> list[Entry]:
    """Entries of others since the version that was seen that say more of the matter: notes, further reporters; oldest
    first.
    """
    later = others_since(unit_of_work.connection, report.id, seen.of("note"), origin)
    additions = [entry for entry in later if entry.kind in _ADDITIONS and entry.undone_by is None]
    # protects: a-step-of-the-book-is-no-news
    return [entry for entry in additions if "undoes" not in entry.data and not is_of_card(entry)]


def _notes_since(
    unit_of_work: UnitOfWork, report: Report, seen: SeenVersion, origin: Origin, clashes: Sequence[_Clash] = ()
) -> list[_Clash]:
    """A clash with the notes of others since the version that was seen: the newest, `all` of the last few, how many
    more.

    Notes that stand in `clashes` already, as the reason of a change, are left out.
    """
    quoted = {detail.get("note") for clash in clashes for detail in clash.fields.values()}
    notes = [
        {"value": one.text[:_MOST_OF_A_NOTE], "who": one.author, "at": one.at}
        for one in _additions_since(unit_of_work, report, seen, origin)
        if one.text and one.text[:_MOST_OF_A_NOTE] not in quoted
    ]
    if not notes:
        return []
    writers = ", ".join(dict.fromkeys(str(one["who"]) for one in notes))
    more = {"all": notes[-_MOST_NOTES:], "more": max(0, len(notes) - _MOST_NOTES)}
    return [_Clash(f"{writers} has written to report {report.id} since.", {"note": notes[-1] | more})]


def _with_notes(
    clashes: list[_Clash], unit_of_work: UnitOfWork, report: Report, seen: SeenVersion, origin: Origin
) -> list[_Clash]:
    """The clashes and, if there are any, one for the notes written meanwhile, so that the operator reads both."""
    if not clashes or any("note" in clash.fields for clash in clashes):
        return clashes
    return clashes + _notes_since(unit_of_work, report, seen, origin, clashes)


def _crews_since(
    unit_of_work: UnitOfWork, report: Report, edit: EditBody, seen: SeenVersion, origin: Origin
) -> list[_Clash]:
    """A clash if somebody else has sent crews since that a closing does not release: they would stay on a closed
    report.
    """
    if edit.kind is not Kind.CLOSE or merged_into(edit) is not None:
        return []
    kept = {AssignmentState.RESERVED, *ENDED_ASSIGNMENT}
    there = {job.unit for job in unit_of_work.assignments(report.id) if job.state not in kept}
    there -= set(payload_of(edit, model.Closing).release)
    sent: dict[str, Entry] = {}
    for entry in others_since(unit_of_work.connection, report.id, seen.of("unit"), origin):
        unit, sends = entry.unit, entry.kind in (Kind.ASSIGN, Kind.DISPATCH)
        if unit is not None and unit in there and sends and entry.undone_by is None:
            sent[unit] = entry
    if not sent:
        return []
    last = list(sent.values())[-1]
    detail = {"value": last.unit, "who": last.author, "at": last.at, "units": list(sent)}
    units = ((unit_of_work.unit(key), entry.author) for key, entry in sent.items())
    words = " ".join(f"{who} has sent {unit.code} to it since." for unit, who in units if unit is not None)
    return [_Clash(words, {"unit": detail})]


def _outcome_since(unit_of_work: UnitOfWork, report: Report, edit: EditBody, seen: SeenVersion) -> list[_Clash]:
    """A clash if somebody else has closed the report since with another disposition, or as another report's
    duplicate.
    """
    newest = max(("status", "merged_into"), key=lambda name: report.versions.get(name, 0))
    closed = report.versions.get(newest, 0)
    if report.status is not Status.CLOSED or closed <= seen.of(newest):
        return []
    given = edit.data
    into = merged_into(edit)
    main = unit_of_work.report(into) if into is not None else None
    outcome = given.get("disposition") or (given.get("reason") if into is None else DUPLICATE)
    closing = last_changes(unit_of_work.connection, report, [newest])[newest]
    fields = {}
    if report.disposition and report.disposition != outcome and closed > seen.of("disposition"):
        fields["disposition"] = closing | {"value": report.disposition}
    others = report.merged_into not in (None, into, main.merged_into if main else None)
    if others and closed > seen.of("merged_into"):
        fields["merged_into"] = closing | {"value": report.merged_into}
    if not fields:
        return []
    who = closing["who"] or "Somebody else"
    return [_Clash(f"{who} has closed report {report.id} with another outcome.", fields)]


def _status_wanted(edit: EditBody) -> Status:
    if edit.kind in (Kind.CLOSE, Kind.MERGE):
        return Status.CLOSED
    if edit.kind is Kind.VALIDATE and payload_of(edit, model.Verdict).accepted:
        return Status.RESOLVED
    return Status.RETURNED


def check_alone(unit_of_work: UnitOfWork, context: EditContext, seen: SeenVersion) -> None:
    """Raise ConflictRefusal if somebody else has sent another unit since, which is still on the report.

    Example: of two operators who look at one report at the same time only the first sends a crew.
    """
    if context.edit.kind is not Kind.DISPATCH:
        return
    unit = context.edit.data.get("unit")
    at_work = {job.unit for job in context.state.live_jobs}
    if unit in at_work:
        return  # it is there already: that is what the sender is to hear
    for entry in reversed(others_since(unit_of_work.connection, context.report.id, seen.of("unit"), context.origin)):
        if entry.undone_by is not None:
            continue
        if entry.kind == Kind.DISPATCH and entry.unit in at_work:
            detail = {"value": entry.unit, "who": entry.author, "at": entry.at}
            raise ConflictRefusal(f"{entry.author} has sent {entry.unit} to it meanwhile.", fields={"unit": detail})
        # protects: no-order-after-its-end
        if entry.unit == unit and entry.kind in _ENDS_A_JOB:
            what = "recalled it" if entry.kind == Kind.RECALL else "ended that job"
            raise Invalid(f"{unit} was on it, and {entry.author} has {what}: send it again if it is still needed.")


def merged_into(edit: EditBody) -> str | None:
    """The id of the report into which the edit merges its own; None when it merges none."""
    other = edit.data.get({Kind.MERGE: "into", Kind.CLOSE: "merged_into"}.get(edit.kind, ""))
    return other if isinstance(other, str) and edit.undoes is None else None
