"""What each entry of a report's history says, and each edit that is to become one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from api_client.model import Entry, Kind, Recipient, Status
from console.cache.catalog import Catalog
from console.panels import formatting
from console.rules.divert import left_in
from console.rules.edit import NO_EFFECT, Edit, is_local
from console.rules.queued import EditState, Queued
from console.rules.rights import CITIZEN
from console.rules.run_card import is_of_card, is_step_done

STATE_WORDS: dict[EditState, str] = {
    EditState.QUEUED: "saved",
    EditState.SENDING: "sending",
    EditState.UNCONFIRMED: "sent, no answer yet",
    EditState.ACCEPTED: "sent",
    EditState.SENT: "received",
    EditState.ATTENTION: "not accepted",
    EditState.CONFLICT: "conflict",
    EditState.EXPIRED: "still wanted?",
    EditState.STOPPED: "NOT SENT",
    EditState.WITHDRAWN: "withdrawn",
}
"""The words beside the mark of an edit."""


def new_report_text(data: Mapping[str, Any], catalog: Catalog) -> str:
    """What a CREATE edit makes, by category and place."""
    where = str(data.get("address") or "") or (catalog.place(data["area"]) if data.get("area") else "")
    return ", ".join(part for part in (catalog.service_name(data.get("service")), where) if part)


def edit_text(queued: Queued, catalog: Catalog, tr: Callable[[str], str], *, named: bool = True) -> str:
    """What an edit does, in a few words; without its author unless `named`."""
    edit = queued.edit
    if edit.kind is Kind.CREATE:  # by which it is told from others that have no number either
        name, text = catalog.service_name(edit.data.get("service")), str(edit.data.get("description", ""))
        what = ", ".join(part for part in (name, text) if part)
        told = tr("New report by {who}: {what}") if named else tr("New report: {what}")
        return told.format(who=edit.author, what=what)
    return entry_text(entry_of(edit), catalog, tr, named=named)


def entry_of(edit: Edit) -> Entry:
    """The line of history that an edit is to become."""
    text = str(edit.data.get("text", ""))
    data = edit.data | ({"undoes": edit.undoes} if edit.undoes and edit.kind is Kind.NOTE else {})
    return Entry(edit.id, edit.report, edit.kind.value, edit.occurred_at, edit.author, data=data, text=text)


def entry_text(
    entry: Entry, catalog: Catalog, tr: Callable[[str], str], channel: str = "", *, named: bool = True
) -> str:
    """One line of history in words; texts from outside stay plain text.

    `channel` is what the report came through: who wrote it there is no name of the staff. Without the author unless
    `named`, for lists that have him in a column of his own.
    """
    text = _entry_text(entry, catalog, tr, channel, named)
    if entry.data.get(NO_EFFECT) is not True:
        return text
    if "undoes" in entry.data:
        told = tr("{who} took a step back that had changed nothing") if named else tr("A step back changed nothing")
        return told.format(who=entry.author)
    return tr("{what} (it was so already: nothing changed)").format(what=text)


def _entry_text(entry: Entry, catalog: Catalog, tr: Callable[[str], str], channel: str, named: bool) -> str:
    told = (
        _told_text(entry, tr, channel, named)
        or _unit_text(entry, catalog, tr, named)
        or _decision_text(entry, catalog, tr, named)
    )
    if told is None and entry.kind == Kind.SET:
        return _set_text(entry, catalog, tr, named)
    return told or _own_words(entry) or entry.kind


def _own_words(entry: Entry) -> str:
    return entry.text or str(entry.data.get("text") or "")


def _told_text(entry: Entry, tr: Callable[[str], str], channel: str, named: bool) -> str | None:
    """The text of an entry by which something was written or shown about a report; None for an entry of another
    kind.
    """
    by_staff = named and entry.edit is not None and entry.author not in ("", CITIZEN)
    text = _own_words(entry)
    match entry.kind:
        case "created" | Kind.CREATE:
            told = (
                tr("Reported through {channel}").format(channel=formatting.channel(channel, tr))
                if channel
                else tr("Reported")
            )
            return tr("{what}, entered by {who}").format(what=told, who=entry.author) if by_staff else told
        case Kind.NOTE if is_of_card(entry) and not is_step_done(entry):
            told = tr("Step not done after all, by {who}: {text}") if named else tr("Step not done after all: {text}")
            return told.format(who=entry.author, text=text)
        case Kind.NOTE if is_of_card(entry):
            return (tr("Step done by {who}: {text}") if named else tr("Step done: {text}")).format(
                who=entry.author, text=text
            )
        case Kind.NOTE if entry.data.get("channel"):
            told = tr("The caller adds, taken down by {who}: {text}") if named else tr("The caller adds: {text}")
            return told.format(who=entry.author, text=text)
        case Kind.NOTE:
            return (tr("Note by {who}: {text}") if named else tr("Note: {text}")).format(who=entry.author, text=text)
        case Kind.LOG:
            return tr("Line of the log by {who}: {text}").format(who=entry.author, text=text) if named else text
        case Kind.REPLY:
            return tr("Reply to the reporter: {text}").format(text=text)
        case Kind.PHOTO:
            told = tr("Photo ({role}) by {who}") if named else tr("Photo ({role})")
            return told.format(role=entry.data.get("role", ""), who=entry.author)
        case Kind.ME_TOO:
            again = tr("Reported again")
            return tr("{what}, entered by {who}").format(what=again, who=entry.author) if by_staff else again
    return None


def _unit_text(entry: Entry, catalog: Catalog, tr: Callable[[str], str], named: bool) -> str | None:
    """The text of an entry about claims and units; None for an entry of another kind."""
    data = entry.data
    unit = catalog.units.get(str(data.get("unit") or entry.unit or ""))
    code = unit.code if unit else str(data.get("unit") or entry.unit or "")
    match entry.kind:
        case Kind.CLAIM:
            return (tr("Taken by {who}") if named else tr("Taken")).format(who=entry.author)
        case Kind.RELEASE:
            return (tr("Released by {who}") if named else tr("Released")).format(who=entry.author)
        case Kind.OFFER:
            told = tr("Offered to {to} by {who}") if named else tr("Offered to {to}")
            return told.format(to=data.get("to", ""), who=entry.author)
        case Kind.DECLINE:
            return (tr("Declined by {who}") if named else tr("Declined")).format(who=entry.author)
        case Kind.ASSIGN:
            told = tr("Assigned to {unit} by {who}") if named else tr("Assigned to {unit}")
            return told.format(unit=code, who=entry.author)
        case Kind.DISPATCH if left := left_in(data):
            numbers = ", ".join(tr("a new report") if is_local(one) else one[:24] for one in left)
            told = tr("Diverted {unit} from {reports}, by {who}") if named else tr("Diverted {unit} from {reports}")
            return told.format(unit=code, reports=numbers, who=entry.author)
        case Kind.DISPATCH:
            told = tr("Dispatched {unit}, by {who}") if named else tr("Dispatched {unit}")
            return told.format(unit=code, who=entry.author)
        case Kind.RECALL:
            told = tr("Recalled {unit}, by {who}") if named else tr("Recalled {unit}")
            told = told.format(unit=code, who=entry.author)
            why = _own_words(entry) or str(data.get("reason") or "")
            return f"{told}: {why}" if why else told
        case Kind.PROGRESS:
            state = str(data.get("state", "")).replace("_", " ").capitalize()
            because = _own_words(entry) or str(data.get("reason") or "")
            return f"{tr(state)}, {code}: {because}" if because else f"{tr(state)}, {code}"
        case Kind.UNIT_STATE:
            return f"{code}: {tr(str(data.get('state', '')).replace('_', ' '))}"
        case Kind.CLOSURE:
            return _closure_text(data, tr)
        case Kind.ALARM:
            return _alarms_text(data, tr)
        case Kind.MESSAGE:
            return _message_text(entry, catalog, tr, named)
        case Kind.READ:
            count = len(data.get("messages") or ())
            return tr("{n} messages read" if count > 1 else "Message read").format(n=count)
    return None


_CLOSED = {"flood": "Flooded area", "street": "Closed street", "other": "Closed area"}


def _closure_text(data: Mapping[str, Any], tr: Callable[[str], str]) -> str:
    """What is done to a closed street or flooded area."""
    words = str(data.get("words") or "")
    if "geometry" in data:
        what = tr(_CLOSED.get(str(data.get("kind")), _CLOSED["other"]))
    elif data.get("ended") is True:
        what = tr("Open a closed street again")
    else:
        what = tr("Change a closure")
    return f"{what}: {words}" if words else what


ROLES = {"operator": "Operators", "supervisor": "Supervisors", "validator": "Validators", "field": "Crews"}
"""What a role is called to which a message is; English source texts."""


def recipient_text(to: Recipient, catalog: Catalog, tr: Callable[[str], str]) -> str:
    """To whom a message is: `SDA-11`, `Operators, Tebet`, `Area Tebet`, `Everyone`."""
    area = catalog.areas.get(to.area or "")
    name = area.name if area is not None else to.area or ""
    if to.unit is not None:
        unit = catalog.units.get(to.unit)
        return unit.code if unit is not None else to.unit
    if to.role is not None:
        role = tr(ROLES.get(to.role, to.role))
        return f"{role}, {name}" if name else role
    return tr("Area {name}").format(name=name) if name else tr("Everyone")


def recipient_in(data: Mapping[str, Any]) -> Recipient:
    """To whom the message of an edit, or of an entry, is; what is no recipient is everyone."""
    to = data.get("to")
    if not isinstance(to, Mapping):
        return Recipient()
    return Recipient(**{name: str(to[name]) for name in ("unit", "role", "area") if to.get(name)})


def _message_text(entry: Entry, catalog: Catalog, tr: Callable[[str], str], named: bool) -> str:
    """`Message to SDA-11 by rina: Bring sandbags`; entries of a server have no words of it."""
    whom, words = recipient_text(recipient_in(entry.data), catalog, tr), _own_words(entry)
    told = tr("Message to {whom} by {who}") if named else tr("Message to {whom}")
    told = told.format(whom=whom, who=entry.author)
    return f"{told}: {words}" if words else told


def _alarms_text(data: Mapping[str, Any], tr: Callable[[str], str]) -> str:
    """What is done about alarms."""
    count = len(data.get("alarms") or ())
    if data.get("acknowledged"):
        return tr("{n} alarms acknowledged" if count > 1 else "Alarm acknowledged").format(n=count)
    if data.get("shelved_until") is None:
        return tr("Alarm taken off the shelf")
    return tr("Alarm shelved: {why}").format(why=data.get("reason", ""))


def _decision_text(entry: Entry, catalog: Catalog, tr: Callable[[str], str], named: bool) -> str | None:
    """The text of an entry by which a report or its proof was decided on; None for an entry of another kind."""
    data = entry.data
    match entry.kind:
        case Kind.VALIDATE if data.get("accepted"):
            told, what = tr("Proof accepted by {who}") if named else tr("Proof accepted"), ""
        case Kind.VALIDATE:
            told, what = tr("Returned by {who}: {what}") if named else tr("Returned: {what}"), data.get("reason", "")
        case Kind.CLOSE | Kind.MERGE if into := data.get("into" if entry.kind == Kind.MERGE else "merged_into"):
            told, what = tr("Merged into {what} by {who}") if named else tr("Merged into {what}"), into
        case Kind.CLOSE:
            what = " · ".join(end_words(data, catalog))
            told = tr("Closed by {who}: {what}") if named else tr("Closed: {what}")
        case Kind.REOPEN:
            told, what = tr("Reopened by {who}: {what}") if named else tr("Reopened: {what}"), data.get("reason", "")
        case Kind.MERGE:
            told, what = tr("Merged by {who}") if named else tr("Merged"), ""
        case "erased" if named:  # its words begin with what was done
            told, what = tr("{what}, by {who}"), entry.text
        case Kind.UNMERGE:
            told, what = tr("Merge undone by {who}") if named else tr("Merge undone"), ""
        case _:
            return None
    return told.format(who=entry.author, what=what)


_PUBLISHED = {"published": "Words and photos published", "withheld": "Words and photos withheld"}


def _set_text(entry: Entry, catalog: Catalog, tr: Callable[[str], str], named: bool) -> str:
    parts = []
    for name, value in entry.data.items():
        match name:
            case "undoes":  # which step it takes back; said once, for all of it
                continue
            case "status":
                known = isinstance(value, str) and value in set(Status)
                parts.append(tr(formatting.status_text(Status(value))) if known else str(value))
            case "priority":
                parts.append(tr("Priority {n}").format(n=value))
            case "service":
                parts.append(tr("Category {name}").format(name=catalog.service_name(_code(value))))
            case "area":
                parts.append(tr("To {place}").format(place=catalog.place(_code(value))))
            case "agency":
                parts.append(tr("To {name}").format(name=catalog.agency_name(_code(value))))
            case "hold" if value is None:
                parts.append(tr("Hold ended"))
            case "hold":
                parts.append(tr("On hold, waits for {what}").format(what=_part(value, "waits_for")))
            case "publication":
                parts.append(tr(_PUBLISHED.get(str(value), "Words and photos wait to be looked at")))
            case "place":
                parts.append(tr("Place changed"))
            case "reason":
                parts.append(str(value))
            case _:
                parts.append(tr("{field} changed").format(field=name))
    what = " · ".join(parts)
    if "undoes" in entry.data:
        told = tr("Taken back: now {what}, by {who}") if named else tr("Taken back: now {what}")
        return told.format(what=what, who=entry.author)
    return tr("{what}, by {who}").format(what=what, who=entry.author) if named else what


def told_text(queued: Queued, catalog: Catalog, tr: Callable[[str], str]) -> str:
    """`SDA-07 was told by radio by sari`, "" where nobody told the unit of an order."""
    if not queued.told_by_radio or queued.edit.kind not in (Kind.DISPATCH, Kind.RECALL):
        return ""
    return tr("{unit} was told by radio by {who}").format(
        unit=unit_code(queued.edit, catalog), who=queued.told_by_radio
    )


def call_back_text(queued: Queued, catalog: Catalog, tr: Callable[[str], str]) -> str:
    """What a unit is to be told that was told of an order which is given up: `Call SDA-07 back by radio`."""
    if queued.edit.kind is Kind.RECALL:
        return tr("Tell {unit} by radio that it is not recalled").format(unit=unit_code(queued.edit, catalog))
    return tr("Call {unit} back by radio").format(unit=unit_code(queued.edit, catalog))


def unit_code(edit: Edit, catalog: Catalog) -> str:
    """What the unit is called that an edit is about; its id when its city does not list it."""
    unit_id = str(edit.data.get("unit") or "")
    unit = catalog.units.get(unit_id)
    return unit.code if unit else unit_id


def report_number(edit: Edit) -> str:
    """The number of the report that an edit is about, cut to what can be one; "" while it has none at its server."""
    number = edit.report or ""
    return "" if is_local(number) else number[:24]


def end_words(data: Mapping[str, Any], catalog: Catalog) -> list[str]:
    """Why a report was closed: how it ended, as the operator reads it, and what was written beside it."""
    given = (str(data.get(name) or "").strip() for name in ("disposition", "reason"))
    return [catalog.outcome(one) for one in dict.fromkeys(given) if one]


def closing_reason(entries: Iterable[Entry]) -> str:
    """What was written when the report was closed last, "" when nothing was."""
    closings = [one for one in entries if one.kind == Kind.CLOSE and one.undone_by is None]
    last = max(closings, key=lambda one: one.at, default=None)
    said = str(last.data.get("reason") or "") if last is not None else ""
    return said if last is not None and last.data.get("disposition") else ""


def _code(value: Any) -> str | None:
    """A code of a history entry; what is none is shown as it came."""
    return value if value is None or isinstance(value, str) else str(value)


def _part(value: Any, name: str) -> str:
    return str(value.get(name, "") if isinstance(value, dict) else value)
