"""What a line of the log says: who did it, about what, and what was done; in the window and on paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

from api_client.model import AlarmKind, Entry, Kind
from console.cache.catalog import Catalog
from console.panels import formatting
from console.panels.report.history import entry_text, recipient_in
from console.rules.alarms import OF_NO_REPORT, OF_UNITS
from console.rules.edit import is_local
from console.rules.rights import CITIZEN, SYSTEM


def who_text(entry: Entry, me: str, tr: Callable[[str], str]) -> tuple[str, str]:
    """Who did it, and the level of his line: own, system or "". Nobody is `me` for a `me` of ""."""
    if entry.author in ("", SYSTEM):
        return tr("System"), "system"
    if entry.author == CITIZEN:
        return tr("Citizen"), "system"
    return (tr("You"), "own") if entry.author == me else (entry.author, "")


def about_text(entry: Entry, catalog: Catalog, city: str, tr: Callable[[str], str]) -> str:
    """`931180 · SDA-11`, or what kind of thing it is that has neither number nor code; with the name of its city where
    there are several.
    """
    report, unit = report_of(entry), unit_of(entry)
    known = catalog.units.get(unit)
    number = tr("New report") if is_local(report) else report[:24]
    parts = [part for part in (number, known.code if known is not None else unit) if part]
    if not parts and (limit := _limit_of(entry)):
        parts = [catalog.limits[limit].name if limit in catalog.limits else limit[:24]]
    if not parts and entry.kind == Kind.CLOSURE:
        parts = [tr("Closure")]
    if entry.kind == Kind.LOG:
        parts = [tr("Note")]
    if entry.kind == Kind.ALARM and (more := len(_alarms_of(entry)) - 1) > 0:
        parts.append(f"+{more}")
    return " · ".join([*parts, city] if city else parts)


def what_text(entry: Entry, catalog: Catalog, zone: tzinfo, tr: Callable[[str], str]) -> str:
    """What was done, and of when it is where it was entered late."""
    text = entry_text(entry, catalog, tr, named=False)
    if entry.kind == "created" and (told := _reported(entry, catalog)):
        text = tr("{what}: {told}").format(what=text, told=told)
    if not entry.late or entry.occurred_at is None:
        return text
    time = formatting.moment(entry.occurred_at, zone, entry.at)
    return tr("{what} (entered late, of {time})").format(what=text, time=time)


def _reported(entry: Entry, catalog: Catalog) -> str:
    """What was reported, and where: a number alone tells nobody who reads the log what it was."""
    service, address = entry.data.get("service"), entry.data.get("address")
    name = catalog.service_name(service) if isinstance(service, str) else ""
    return ", ".join(part for part in (name, address if isinstance(address, str) else "") if part)


def report_of(entry: Entry) -> str:
    """The number of the report that an entry is about, "" for none."""
    if entry.kind == Kind.MESSAGE:
        return str(entry.data.get("report") or "")
    alarms = [one for one in _alarms_of(entry) if one.get("kind") not in OF_NO_REPORT]
    return entry.report or (str(alarms[0].get("about") or "") if alarms else "")


def unit_of(entry: Entry) -> str:
    """The id of the unit that an entry is about, "" for none."""
    if entry.kind == Kind.MESSAGE:
        return recipient_in(entry.data).unit or ""
    alarms = [one for one in _alarms_of(entry)[:1] if one.get("kind") in OF_UNITS]
    found = alarms[0].get("about") if alarms else entry.data.get("unit") or entry.unit
    return str(found or "")


def _limit_of(entry: Entry) -> str:
    """The id of the limit that an entry is about, "" for none."""
    found = [one.get("about") for one in _alarms_of(entry)[:1] if one.get("kind") == AlarmKind.LIMIT]
    return str(found[0] or "") if found else ""


def _alarms_of(entry: Entry) -> list[Mapping[str, Any]]:
    """The alarms that an entry is about; what is none is left out."""
    found = entry.data.get("alarms")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
