"""A conflict in words: who was first, when, with what; and the rows of the form that asks whose change is to stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from console.domain.edit import ANOTHER, DELETED, DUPLICATE, WITHDRAWN_HERE, Kind, Queued, is_in_force
from console.domain.merge import told
from console.domain.status import ORDER, Status, UnitState
from console.presenters import words
from console.presenters.catalog import Catalog
from console.presenters.history import call_back_text, told_text
from widgets.forms.conflict import ConflictRow, ConflictValue

Tr = Callable[[str], str]

BUSY = "busy"
"""The key of `Queued.theirs` under which a unit's other job stands: {unit, report, who, at}."""
_LABELS = {
    "status": "Status",
    "priority": "Priority",
    "service": "Category",
    "title": "Title",
    "description": "Text",
    "place": "Place",
    "area": "Area",
    "agency": "Agency",
    "hold": "Hold",
    "claim": "Taken by",
    "merged_into": "Merged into",
    "duplicates": "Duplicates",
    "disposition": "Outcome",
    "unit": "Unit",
    "state": "State",
    BUSY: "Unit",
}
_ENDS_IN = {Kind.CLOSE: Status.CLOSED, Kind.REOPEN: Status.RETURNED}


class First(msgspec.Struct, frozen=True):
    """Who was first, and when; "" where the server does not say."""

    who: str = ""
    at: str = ""


def first_of(queued: Queued, zone: tzinfo, now: datetime) -> First:
    """Who changed the newest of the fields in conflict, and when: the city's clock, with its day if not today's."""
    newest = First()
    latest: datetime | None = None
    for value in queued.theirs.values():
        who, when = _who_and_when(value)
        if latest is None or (when is not None and when > latest):
            latest = when or latest
            newest = First(who, words.moment(when, zone, now) if when else "")
    return newest


def is_own(first: First, queued: Queued) -> bool:
    """Whether who was first is the author of the edit himself, by another order or at another desk."""
    return bool(first.who) and first.who == queued.edit.author


_OF_AN_END = frozenset({"status", "disposition", "merged_into"})
_CHANGED = "{who} changed {fields}{when}."


def conflict_text(queued: Queued, catalog: Catalog, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """One sentence: `budi set Priority at 14:02, another value than yours.`"""
    first = first_of(queued, zone, now)
    own = is_own(first, queued)
    who = first.who or tr("Somebody else")
    when = tr(" at {time}").format(time=first.at) if first.at else ""
    busy = queued.theirs.get(BUSY)
    if isinstance(busy, Mapping):
        return tr("{unit} was not sent: {who} sent it to report {report}{when}.").format(
            unit=_unit(busy.get("unit"), catalog),
            who=tr("you") if own else who,
            report=_short(busy.get("report")),
            when=when,
        )
    if "unit" in queued.theirs and (queued.edit.kind is Kind.DISPATCH or is_in_force(queued)):
        sent = _unit(told(queued.theirs["unit"])[0], catalog)
        text = tr(
            "You have sent {unit} to this report{when}." if own else "{who} has sent {unit} to this report{when}."
        )
        return text.format(who=who, unit=sent, when=when)
    if queued.edit.kind is Kind.UNIT_STATE and "state" in queued.theirs:
        said = queued.theirs["state"]
        state = field_value("state", told(said)[0], catalog, tr).text
        reason = f" ({said['reason']})" if isinstance(said, Mapping) and said.get("reason") else ""
        unit = _unit(queued.edit.data.get("unit"), catalog)
        return tr("{who} has said later{when} that {unit} is {state}{reason}.").format(
            who=who, when=when, unit=unit, state=state, reason=reason
        )
    if queued.edit.kind in (Kind.CLAIM, Kind.RELEASE) and "status" not in queued.theirs:
        return tr("{who} has taken this report{when}.").format(who=who, when=when)
    names = ", ".join(tr(_LABELS.get(name, name.replace("_", " ").capitalize())) for name in _asked(queued))
    if not names:
        return queued.problem or tr("Somebody else was first.")
    fields = queued.edit.data.keys() | (_OF_AN_END if queued.edit.kind is not Kind.SET else ())
    text = tr("{who} changed {fields}{when}, and so did you." if queued.theirs.keys() & fields else _CHANGED)
    return text.format(who=who, fields=names, when=when)


def conflict_brief(queued: Queued, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """The same for a row that has little room: `conflict: budi 14:02`."""
    first = first_of(queued, zone, now)
    who = " ".join(part for part in (first.who, first.at) if part)
    if is_in_force(queued):
        return tr("on its way already, by {who}").format(who=who) if who else tr("on its way already")
    if queued.edit.kind is Kind.CLAIM and who:
        return tr("taken by {who}").format(who=who)
    return tr("conflict: {who}").format(who=who) if who else tr("conflict")


def deleted_text(queued: Queued, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """`deleted at the server, by maria 23 Nov 14:02`, as much of it as the server tells."""
    if ANOTHER in queued.theirs:
        return tr("lost when the server was set back to an older state, and its number is another report now")
    if WITHDRAWN_HERE in queued.theirs:
        return tr("withdrawn here, and is not at the server")
    who, at = _who_and_when(queued.theirs.get(DELETED))
    by = tr("by {who}").format(who=who) if who else ""
    deed = " ".join(part for part in (by, words.day_and_clock(at, zone, now) if at else "") if part)
    return ", ".join(part for part in (tr("deleted at the server"), deed) if part)


def deleted_brief(queued: Queued, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """The same for a row that has little room: `deleted at the server 14:02`, the day alone once it is another one."""
    if ANOTHER in queued.theirs:
        return tr("server set back: this number is another report now")
    if WITHDRAWN_HERE in queued.theirs:
        return tr("its report was withdrawn here")
    who, at = _who_and_when(queued.theirs.get(DELETED))
    when = words.clock_or_day(at, now, zone) if at else ""
    return " ".join(part for part in (tr("deleted at the server"), who, when) if part)


def sends_next(queued: Queued) -> bool:
    """Whether choosing mine means the unit's next job, after the one it has."""
    return BUSY in queued.theirs and queued.edit.kind in (Kind.DISPATCH, Kind.ASSIGN)


def _back(queued: Queued, catalog: Catalog, tr: Tr) -> str:
    """What giving way asks of the operator beside: `: call SDA-07 back by radio`, "" where no unit was told."""
    if not told_text(queued, catalog, tr):
        return ""
    call = call_back_text(queued, catalog, tr)
    return f": {call[:1].lower()}{call[1:]}"


def conflict_rows(queued: Queued, catalog: Catalog, tr: Tr) -> list[ConflictRow]:
    """One row for each field in conflict."""
    edit = queued.edit
    rows = []
    for name in _asked(queued):
        value = queued.theirs.get(name)
        label = field_label(name, tr)
        if name == BUSY and isinstance(value, Mapping):
            code = _unit(value.get("unit"), catalog)
            mine = ConflictValue(tr("{unit} here, as its next job").format(unit=code))
            elsewhere = tr("{unit} on report {report}").format(unit=code, report=_short(value.get("report")))
            theirs = ConflictValue(elsewhere + _back(queued, catalog, tr))
            rows.append(ConflictRow(name, label, ConflictValue(tr("no job")), mine, theirs))
            continue
        if name == "unit" and edit.kind is Kind.DISPATCH:
            mine = ConflictValue(tr("{unit} as well").format(unit=_unit(edit.data.get(name), catalog)))
            only = tr("only {unit}").format(unit=_unit(told(value)[0], catalog))
            theirs = ConflictValue(only + _back(queued, catalog, tr))
            rows.append(ConflictRow(name, label, ConflictValue(tr("no unit")), mine, theirs))
            continue
        before = edit.base.get(name)
        seen = field_value(name, before, catalog, tr) if name in edit.base else ConflictValue("")
        there = field_value(name, told(value)[0], catalog, tr)
        rows.append(ConflictRow(name, label, seen, _mine(queued, name, catalog, tr), there))
    return rows


def field_label(name: str, tr: Tr) -> str:
    """What a field is called."""
    return tr(_LABELS.get(name, name.replace("_", " ").capitalize()))


def field_value(name: str, value: Any, catalog: Catalog, tr: Tr) -> ConflictValue:
    """A field's value as people read it; what is no such value is shown as it came."""
    match name:
        case "status" if isinstance(value, str) and value in set(Status):
            status = Status(value)
            return ConflictValue(tr(words.status_text(status)), words.letter(status), words.LETTER_TOKENS[status])
        case "priority" if isinstance(value, int) and value in words.PRIORITY_TEXT:
            text = f"P{value} {tr(words.PRIORITY_TEXT[value]).lower()}"
            return ConflictValue(text, priority=value, status=ORDER.index(Status.NEW))
        case "state" if isinstance(value, str) and value in set(UnitState):
            return ConflictValue(tr(words.UNIT_TEXT[UnitState(value)]))
        case "service" if isinstance(value, str):
            return ConflictValue(catalog.service_name(value))
        case "area" if isinstance(value, str):
            return ConflictValue(catalog.place(value))
        case "agency" if isinstance(value, str):
            return ConflictValue(catalog.agency_name(value))
        case "unit" if isinstance(value, str):
            return ConflictValue(_unit(value, catalog))
        case "place" if isinstance(value, Mapping):
            return ConflictValue(_place(value, tr))
        case "hold" if isinstance(value, Mapping):
            waits = str(value.get("waits_for") or "")
            reason = str(value.get("reason") or "")
            return ConflictValue(
                " · ".join(part for part in (tr("waits for {what}").format(what=waits), reason) if part)
            )
        case "hold" if value is None:
            return ConflictValue(tr("not on hold"))
    if value is None or value == "":
        return ConflictValue(tr("none"))
    if isinstance(value, Mapping):
        return ConflictValue(", ".join(f"{key} {one}" for key, one in value.items()))
    return ConflictValue(str(value))


def _asked(queued: Queued) -> list[str]:
    """The fields to decide: those that both changed, else all of theirs, as of an edit that changes no field."""
    both = [name for name in queued.theirs if name in queued.edit.data]
    return both if both and queued.edit.kind is Kind.SET else list(queued.theirs)


def _mine(queued: Queued, name: str, catalog: Catalog, tr: Tr) -> ConflictValue:
    edit = queued.edit
    merged = {"disposition": DUPLICATE, "merged_into": edit.data.get("into")} if edit.kind is Kind.MERGE else {}
    data = {"merged_into": None, **edit.data, **merged}
    if name in data:
        return field_value(name, data[name], catalog, tr)
    if name == "status" and edit.kind not in (Kind.SET, Kind.CLAIM):
        accepted = edit.kind is Kind.VALIDATE and bool(edit.data.get("accepted"))
        status = Status.RESOLVED if accepted else _ENDS_IN.get(edit.kind, Status.RETURNED)
        return field_value("status", status.value, catalog, tr)
    if name == "claim":
        return ConflictValue(tr("nobody") if edit.kind is Kind.RELEASE else edit.author)
    return ConflictValue(tr("as you did it"))


def _who_and_when(value: Any) -> tuple[str, datetime | None]:
    if not isinstance(value, Mapping):
        return "", None
    at = value.get("at")
    try:
        when = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    except ValueError:
        when = None
    return str(value.get("who") or ""), when if when is not None and when.tzinfo is not None else None


def _place(value: Mapping[str, Any], tr: Tr) -> str:
    if value.get("address"):
        return str(value["address"])
    lat, lon = value.get("lat"), value.get("lon")
    return f"{lat:.5f}, {lon:.5f}" if isinstance(lat, float) and isinstance(lon, float) else tr("none")


def _unit(unit_id: Any, catalog: Catalog) -> str:
    unit = catalog.units.get(str(unit_id or ""))
    return unit.code if unit else str(unit_id or "")


def _short(report: Any) -> str:
    return str(report or "")[:24]
