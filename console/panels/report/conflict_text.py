"""A conflict in words: who was first, when, with what; and the rows of the form that asks whose change is to stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from api_client.model import Kind, Status, UnitState
from console.cache.catalog import Catalog
from console.panels import formatting
from console.panels.report.history import call_back_text, edit_text, end_words, told_text
from console.rules.edit import DUPLICATE, OF_CLAIM, ON_STATUS
from console.rules.merge import server_value
from console.rules.queued import ByWhom, Queued, StopReason, is_in_force, is_undone_no_more, job_since
from console.rules.report import HAZARD
from console.rules.status import ORDER, is_open
from widgets.forms.conflict import ConflictRow, ConflictValue
from widgets.text import one_line

Tr = Callable[[str], str]

BUSY = "busy"
_BACK_TO = "report"
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
    "publication": "Public",
    "claim": "Taken by",
    "merged_into": "Merged into",
    "duplicates": "Duplicates",
    "disposition": "Outcome",
    "unit": "Unit",
    "state": "State",
    BUSY: "Unit",
}
_NOTE = "note"
"""The key of `Queued.theirs` under which stands what others wrote meanwhile: it is read, and nothing to choose from."""
STEP = "step"
"""The row in which it is asked whether the operator's step is to stand as a whole."""

_OUTCOMES = frozenset({"disposition", "merged_into"})
_BY_STEP = ON_STATUS | {Kind.RECALL, Kind.PROGRESS}
_LETTERS_OF_A_NOTE = 120
_ENDS_IN = {Kind.CLOSE: Status.CLOSED, Kind.REOPEN: Status.RETURNED}


class First(msgspec.Struct, frozen=True):
    """Who changed it first, and when; "" where the server does not say."""

    who: str = ""
    at: str = ""


def first_of(queued: Queued, zone: tzinfo, now: datetime) -> First:
    """Who changed the newest of the fields in conflict, and when: a time in the city's zone, with its day if it is not
    today.
    """
    newest = First()
    latest: datetime | None = None
    for value in queued.theirs.values():
        who, when = _who_and_when(value)
        if latest is None or (when is not None and when > latest):
            latest = when or latest
            newest = First(who, formatting.moment(when, zone, now) if when else "")
    return newest


def is_own(first: First, queued: Queued) -> bool:
    """Whether who was first is the author of the edit himself, by another order or on another console."""
    return bool(first.who) and first.who == queued.edit.author


def is_of_step(queued: Queued) -> bool:
    """Whether it is asked about the step as a whole: it would hide or end what others did, and changes another field.

    Two who close a report with other outcomes are asked which outcome.
    """
    edit, fields = queued.edit, queued.theirs.keys()
    if edit.kind is Kind.SET:
        return bool(fields - edit.data.keys())
    return edit.kind in _BY_STEP and not fields - {_NOTE} <= _OUTCOMES


def crews_sent(queued: Queued) -> list[str]:
    """The units that others sent meanwhile, as far as the conflict tells of them."""
    theirs = queued.theirs.get("unit")
    several = theirs.get("units") if isinstance(theirs, Mapping) else None
    found = several if isinstance(several, list) else [server_value(theirs)[0]] if theirs is not None else []
    return [str(one) for one in found if one]


def step_text(queued: Queued, catalog: Catalog, tr: Tr) -> str:
    """What the operator's own step does: `Close it without work: spam`, `Lower it to P3`."""
    edit, data = queued.edit, queued.edit.data
    match edit.kind:
        case Kind.CLOSE | Kind.MERGE if into := data.get("merged_into") or data.get("into"):
            what = tr("Merge it into {report}").format(report=_short(into))
        case Kind.CLOSE:
            what = tr("Close it without work: {why}").format(why=" · ".join(end_words(data, catalog)))
            if crews := _codes(queued, catalog):
                what = tr("{what}; called back: {units}").format(what=what, units=crews)
        case Kind.VALIDATE:
            what = tr("Accept the proof: it is resolved" if data.get("accepted") else "Return the work")
        case Kind.REOPEN:
            what = tr("Reopen it")
        case Kind.UNMERGE:
            what = tr("Take its merge back")
        case Kind.RECALL:
            what = tr("Recall {unit}").format(unit=_unit(data.get("unit"), catalog))
        case Kind.SET:
            changes = (_change_text(queued, name, catalog, tr) for name in data if name != "reason")
            what = ", ".join(changes)
        case _:
            what = edit_text(queued, catalog, tr)
    return tr("Take back what you did: {what}").format(what=what) if edit.undoes else what


def _change_text(queued: Queued, name: str, catalog: Catalog, tr: Tr) -> str:
    value = queued.edit.data[name]
    if name == "priority":
        hides = "duplicates" in queued.theirs  # which is no matter to who raises it
        lowers = isinstance(value, int) and (hides or value > _priority_before(queued))
        return tr("Lower it to P{n}" if lowers else "Make it P{n}").format(n=value)
    return f"{field_label(name, tr)}: {field_value(name, value, catalog, tr).text}"


def _priority_before(queued: Queued) -> int:
    """The priority that is there now, or that the operator saw; the lowest where neither is known."""
    there = server_value(queued.theirs["priority"])[0] if "priority" in queued.theirs else None
    for value in (there, queued.edit.base.get("priority"), queued.edit.about.get("priority")):
        if isinstance(value, int):
            return value
    return max(formatting.PRIORITY_TEXT)


def over_text(queued: Queued, tr: Tr) -> str:
    """What its own key says where the operator's step hides a P1 that he had not seen: `Close it over the P1`; else "".

    It closes or lowers what somebody else made P1 since, or what another P1 was merged into since.
    """
    edit, data = queued.edit, queued.edit.data
    raised = "priority" in queued.theirs and server_value(queued.theirs["priority"])[0] == HAZARD
    merged = queued.theirs.get("duplicates")
    hides = raised or (isinstance(merged, Mapping) and merged.get("priority") == HAZARD)
    if not hides:
        return ""
    if edit.kind is Kind.SET and isinstance(data.get("priority"), int) and data["priority"] > HAZARD:
        return tr("Lower it to P{n} over the P1").format(n=data["priority"])
    status = data.get("status")
    ends = status in set(Status) and not is_open(Status(status)) if isinstance(status, str) else False
    if edit.kind is Kind.CLOSE or (edit.kind is Kind.SET and ends):
        return tr("Close it over the P1")
    if edit.kind is Kind.SET and status == Status.VALIDATION:
        return tr("Hand it in over the P1")
    if edit.kind is Kind.MERGE:
        return tr("Merge it over the P1")
    return tr("Resolve it over the P1") if edit.kind is Kind.VALIDATE and data.get("accepted") else ""


def unseen_texts(queued: Queued, catalog: Catalog, zone: tzinfo, now: datetime, tr: Tr) -> list[str]:
    """What others did that the operator had not seen, a sentence each, without its full stop.

    Example: `budi made it P1 at 14:02: “children on the roof”`.
    """
    found = []
    for name, theirs in _each_told(queued):
        said = theirs if isinstance(theirs, Mapping) else {}
        who, at = _who_and_when(theirs)
        when = tr(" at {time}").format(time=formatting.moment(at, zone, now)) if at else ""
        value = server_value(theirs)[0]
        shown = field_value(name, value, catalog, tr).text
        match name:
            case "note":
                shown, text = one_line(str(value))[:_LETTERS_OF_A_NOTE], tr("{who} wrote{when}: “{value}”")
            case "priority":
                text = tr("{who} made it P{value}{when}")
            case "duplicates" if said.get("report"):
                text = tr("{who} merged report {report} (P{priority}) into it{when}")
            case "duplicates":
                text = tr("{who} merged another report into it{when}")
            case "unit":
                shown, text = _codes(queued, catalog), tr("{who} sent {value} to it{when}")
            case "status" if value == Status.CLOSED:
                text = tr("{who} closed it{when}")
            case "status":
                text = tr("{who} set it to “{value}”{when}")
            case _:
                text = tr("{who} changed {field}{when}: {value}")
        text = text.format(
            who=_doer(who, queued, tr),
            when=when,
            value=value if name == "priority" else shown,
            field=field_label(name, tr),
            report=_short(said.get("report")),
            priority=said.get("priority", "?"),
        )
        note = one_line(str(said.get("note") or ""))[:_LETTERS_OF_A_NOTE]
        more = said.get("more")
        text += f": “{note}”" if note else ""
        found.append(text + (tr(", and {n} more").format(n=more) if isinstance(more, int) and more > 0 else ""))
    return found


def _each_told(queued: Queued) -> Iterator[tuple[str, Any]]:
    """The fields of a conflict, each note of several by itself; the last of them says how many more there are."""
    for name, theirs in queued.theirs.items():
        notes = theirs.get("all") if name == _NOTE and isinstance(theirs, Mapping) else None
        if not isinstance(notes, list):
            yield name, theirs
            continue
        *earlier, last = [one for one in notes if isinstance(one, Mapping)] or [theirs]
        for one in earlier:
            yield name, one
        yield name, {**last, "more": theirs.get("more")}


def _codes(queued: Queued, catalog: Catalog) -> str:
    return ", ".join(_unit(one, catalog) for one in crews_sent(queued))


def _doer(who: str, queued: Queued, tr: Tr) -> str:
    if who and who == queued.edit.author:
        return tr("You, at another desk,")
    return who or tr("Somebody else")


def _step_row(queued: Queued, catalog: Catalog, tr: Tr) -> ConflictRow:
    """The step as a whole: as the operator saw the report, what he does, what it is left as."""
    edit = queued.edit
    seen = {"priority": edit.about.get("priority"), "status": None} | edit.base
    before = [field_value(name, seen[name], catalog, tr).text for name in ("priority", "status") if seen[name]]
    there = {name: server_value(queued.theirs[name])[0] for name in ("priority", "status") if name in queued.theirs}
    left = [field_value(name, value, catalog, tr).text for name, value in there.items()]
    merged = queued.theirs.get("duplicates")
    if isinstance(merged, Mapping) and merged.get("report"):
        with_it = tr("with report {report} (P{n}) in it")
        left.append(with_it.format(report=_short(merged["report"]), n=merged.get("priority", "?")))
    if crews := _codes(queued, catalog):
        left.append(tr("sent: {units}").format(units=crews))
    leave = tr("Leave it as it is: {what}").format(what=", ".join(left)) if left else tr("Leave it as it is")
    return ConflictRow(
        STEP,
        tr("Your step"),
        ConflictValue(", ".join(before)),
        ConflictValue(step_text(queued, catalog, tr)),
        ConflictValue(leave),
    )


_OF_AN_END = frozenset({"status", "disposition", "merged_into"})
_CHANGED = "{who} changed {fields}{when}."


def conflict_text(queued: Queued, catalog: Catalog, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """One sentence: `budi set Priority at 14:02, another value than yours.`"""
    first = first_of(queued, zone, now)
    own = is_own(first, queued)
    who = first.who or tr("Somebody else")
    when = tr(" at {time}").format(time=first.at) if first.at else ""
    since = tr(", since {time}").format(time=first.at) if first.at else ""
    busy = queued.theirs.get(BUSY)
    if isinstance(busy, Mapping) and busy.get("priority") == HAZARD:
        return tr("{unit} was not sent: report {report}, where it works, is a P1 by now.").format(
            unit=_unit(busy.get("unit"), catalog), report=_short(busy.get("report"))
        )
    # protects: who-leaves-nothing-for-less-is-told
    if isinstance(busy, Mapping) and busy.get("priority") is not None:
        return tr("{unit} was not sent: it works on report {report}, and this one is no P1 by now.").format(
            unit=_unit(busy.get("unit"), catalog), report=_short(busy.get("report"))
        )
    if isinstance(busy, Mapping):
        return tr("{unit} was not sent: {who} sent it to report {report}{when}.").format(
            unit=_unit(busy.get("unit"), catalog),
            who=tr("you") if own else who,
            report=_short(busy.get("report")),
            when=when,
        )
    if "unit" in queued.theirs and (queued.edit.kind is Kind.DISPATCH or is_in_force(queued)):
        sent = _unit(server_value(queued.theirs["unit"])[0], catalog)
        text = tr(
            "You have sent {unit} to this report{when}." if own else "{who} has sent {unit} to this report{when}."
        )
        return text.format(who=who, unit=sent, when=when)
    if queued.edit.kind is Kind.UNIT_STATE and "state" in queued.theirs:
        said = queued.theirs["state"]
        state = field_value("state", server_value(said)[0], catalog, tr).text
        reason = f" ({said['reason']})" if isinstance(said, Mapping) and said.get("reason") else ""
        unit = _unit(queued.edit.data.get("unit"), catalog)
        return tr("{who} has said later{when} that {unit} is {state}{reason}.").format(
            who=who, when=when, unit=unit, state=state, reason=reason
        )
    if (job := job_since(queued)) is not None:
        text = tr("{unit} is “{state}” by now{when}.")
        state_text = tr(formatting.ASSIGNMENT_TEXT[job]).lower()
        return text.format(unit=_unit(queued.edit.data.get("unit"), catalog), state=state_text, when=since)
    if queued.edit.undoes and _BACK_TO in queued.theirs:  # the unit cannot go back to what it left
        return queued.problem or tr("Somebody else was first.")
    if is_undone_no_more(queued):
        labels = (_LABELS.get(name, name.replace("_", " ").capitalize()) for name in queued.theirs if name != _NOTE)
        return tr(_CHANGED).format(who=who, fields=", ".join(map(tr, labels)), when=when)
    if is_of_step(queued) or over_text(queued, tr):
        return ". ".join(unseen_texts(queued, catalog, zone, now, tr)) + "."
    if queued.edit.kind in OF_CLAIM and "status" not in queued.theirs:
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
    if queued.edit.kind is Kind.CLAIM and who and "status" not in queued.theirs:
        return tr("taken by {who}").format(who=who)
    return tr("conflict: {who}").format(who=who) if who else tr("conflict")


def deleted_text(queued: Queued, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """`deleted at the server, by maria 23 Nov 14:02`, as much of it as the server tells."""
    if queued.reason is StopReason.ANOTHER_REPORT:
        return tr("lost when the server was set back to an older state, and its number is another report now")
    if queued.reason is StopReason.CREATION_WITHDRAWN:
        return tr("withdrawn here, and is not at the server")
    by = queued.by or ByWhom()
    who = tr("by {who}").format(who=by.who) if by.who else ""
    by_whom = " ".join(part for part in (who, formatting.day_and_clock(by.at, zone, now) if by.at else "") if part)
    return ", ".join(part for part in (tr("deleted at the server"), by_whom) if part)


def deleted_brief(queued: Queued, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """The same for a row that has little room: `deleted at the server 14:02`, the day alone once it is another one."""
    if queued.reason is StopReason.ANOTHER_REPORT:
        return tr("server set back: this number is another report now")
    if queued.reason is StopReason.CREATION_WITHDRAWN:
        return tr("its report was withdrawn here")
    by = queued.by or ByWhom()
    when = formatting.clock_or_day(by.at, now, zone) if by.at else ""
    return " ".join(part for part in (tr("deleted at the server"), by.who, when) if part)


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
    """One row for each field in conflict, and one for a step that would hide or end what others did."""
    edit = queued.edit
    step = [_step_row(queued, catalog, tr)] if is_of_step(queued) else []
    rows = []
    for name in _asked(queued) if not step else _both(queued):
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
            only = tr("only {unit}").format(unit=_unit(server_value(value)[0], catalog))
            theirs = ConflictValue(only + _back(queued, catalog, tr))
            rows.append(ConflictRow(name, label, ConflictValue(tr("no unit")), mine, theirs))
            continue
        before = edit.base.get(name)
        seen = field_value(name, before, catalog, tr) if name in edit.base else ConflictValue("")
        there = field_value(name, server_value(value)[0], catalog, tr)
        rows.append(ConflictRow(name, label, seen, _mine(queued, name, catalog, tr), there))
    return [*rows, *step]


def field_label(name: str, tr: Tr) -> str:
    """What a field is called."""
    return tr(_LABELS.get(name, name.replace("_", " ").capitalize()))


def field_value(name: str, value: Any, catalog: Catalog, tr: Tr) -> ConflictValue:
    """A field's value as people read it; what is no such value is shown as it came."""
    match name:
        case "status" if isinstance(value, str) and value in set(Status):
            status = Status(value)
            return ConflictValue(
                tr(formatting.status_text(status)), formatting.letter(status), formatting.LETTER_TOKENS[status]
            )
        case "priority" if isinstance(value, int) and value in formatting.PRIORITY_TEXT:
            text = f"P{value} {tr(formatting.PRIORITY_TEXT[value]).lower()}"
            return ConflictValue(text, priority=value, status=ORDER.index(Status.NEW))
        case "state" if isinstance(value, str) and value in set(UnitState):
            return ConflictValue(tr(formatting.UNIT_TEXT[UnitState(value)]))
        case "service" if isinstance(value, str):
            return ConflictValue(catalog.service_name(value))
        case "area" if isinstance(value, str):
            return ConflictValue(catalog.place(value))
        case "agency" if isinstance(value, str):
            return ConflictValue(catalog.agency_name(value))
        case "disposition" if isinstance(value, str):
            return ConflictValue(catalog.outcome(value))
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
    return _both(queued) or [name for name in queued.theirs if name != _NOTE]


def _both(queued: Queued) -> list[str]:
    """The fields that the operator changed and others too; none of an edit that changes no field."""
    return [name for name in queued.theirs if name in queued.edit.data] if queued.edit.kind is Kind.SET else []


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
