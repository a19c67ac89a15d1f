"""Turn what a server sent into the console's own objects; one that cannot be understood is left out and counted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from api_client import model as domain
from api_client import wire
from api_client.model import PhotoRole, Report, Service, Status, Unit, UnitState, WaitsFor
from console.domain.decoding import convert, decoder_of
from console.domain.degrees import on_earth
from console.domain.moments import EARLIEST, can_be
from console.store.items import Item

_DOMAIN: dict[str, Any] = {
    "report": domain.Report,
    "entry": domain.Entry,
    "assignment": domain.Assignment,
    "unit": domain.Unit,
    "area": domain.Area,
    "service": domain.Service,
    "template": domain.Template,
    "calendar": domain.Calendar,
    "agency": domain.Agency,
    "user": domain.User,
}
_STATUSES = frozenset(status.value for status in Status)
_UNIT_STATES = frozenset(state.value for state in UnitState)
_WAITS = frozenset(each.value for each in WaitsFor)
_ROLES = frozenset(role.value for role in PhotoRole)
_CLOCK_STATES = frozenset(state.value for state in domain.ClockState)
_LAST_NUMBER = 2**63 - 1
"""A higher one is no place in any feed, and no number that the cache can hold."""
_BROKEN = (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError)


class Mapped(msgspec.Struct, frozen=True):
    """A page in the console's words. `skipped` names the objects that could not be understood ("kind/id")."""

    items: list[Item]
    skipped: list[str]


class Mapper:
    """Maps the items of one server. `open_words` says of the server's own status words whether they are open."""

    def __init__(self, open_words: Mapping[str, bool] | None = None) -> None:
        self._open_words = dict(open_words or {})
        self._decoders = {kind: decoder_of(struct) for kind, struct in _DOMAIN.items()}

    def page(self, items: Sequence[wire.Item]) -> Mapped:
        """Every item that can be understood, in the same order."""
        mapped: list[Item] = []
        skipped: list[str] = []
        for item in items:
            # At a NUL SQLite's JSON ends: it would never be found again.
            if "\x00" in item.id or not 0 <= item.seq <= _LAST_NUMBER:
                skipped.append(f"{item.kind}/{item.id}")
                continue
            decoder = self._decoders.get(item.kind)
            if decoder is None:
                if item.kind == "gone":
                    mapped.append(Item("gone", item.seq, item.id, None))
                continue
            try:
                data = decoder.decode(item.data)
            except _BROKEN:
                try:
                    data = self._tolerant(item)
                except _BROKEN:
                    skipped.append(f"{item.kind}/{item.id}")
                    continue
            mapped.append(Item(item.kind, item.seq, item.id, _in_time(_on_earth(data))))
        return Mapped(mapped, skipped)

    def _tolerant(self, item: wire.Item) -> Any:
        """The slow way: texts are mended, unknown words are kept as words."""
        mended = _mended(json.loads(bytes(item.data)))
        loose = convert(mended, wire.KINDS[item.kind], strict=False)
        if isinstance(loose, wire.Report):
            return self._report(loose)
        if isinstance(loose, wire.Unit):
            return _unit(loose)
        if isinstance(loose, wire.Service):
            return _service(loose)
        return convert(msgspec.to_builtins(loose), _DOMAIN[item.kind], strict=False)

    def _report(self, loose: wire.Report) -> Report:
        remarks = list(loose.remarks)
        plain = msgspec.to_builtins(loose)
        if loose.status not in _STATUSES:
            plain["status"] = Status.NEW if self._open_words.get(loose.status, True) else Status.RESOLVED
            plain["status_label"] = loose.status_label or loose.status or None
            remarks.append(f"The server's status “{loose.status}” is not one of ours.")
        created = loose.created or loose.updated
        if created is None:
            remarks.append("No date was given.")
        plain["created"] = created or EARLIEST
        plain["updated"] = loose.updated or created or EARLIEST
        if not 1 <= loose.priority <= 4:
            plain["priority"] = min(4, max(1, loose.priority))
        if loose.hold is not None and loose.hold.waits_for not in _WAITS:
            plain["hold"]["waits_for"] = WaitsFor.AGENCY
        for photo in plain["photos"]:
            if photo["role"] not in _ROLES:
                photo["role"] = PhotoRole.OTHER
        plain["clocks"] = [clock for clock in plain["clocks"] if clock["state"] in _CLOCK_STATES]
        plain["remarks"] = remarks
        return convert(plain, Report, strict=False)


def _unit(loose: wire.Unit) -> Unit:
    plain = msgspec.to_builtins(loose)
    if loose.state not in _UNIT_STATES:
        plain["state"], plain["reason"] = UnitState.UNAVAILABLE, loose.state or None
    plain["state_since"] = loose.state_since or loose.position_at or EARLIEST
    plain["code"] = loose.code or loose.id
    return convert(plain, Unit, strict=False)


def _service(loose: wire.Service) -> Service:
    plain = msgspec.to_builtins(loose)
    plain["name"] = loose.name or loose.code
    try:
        return convert(plain, Service, strict=False)
    except msgspec.ValidationError:
        return convert(plain | {"sla": {}}, Service, strict=False)


def _on_earth(data: Any) -> Any:
    """The same object, without a place when it is none on Earth: nothing behind here expects any other numbers."""
    if not isinstance(data, Report | Unit | domain.Area) or (data.lat is None and data.lon is None):
        return data
    if on_earth(data.lat, data.lon):
        return data
    nowhere = msgspec.structs.replace(data, lat=None, lon=None)
    if isinstance(nowhere, Report):
        return msgspec.structs.replace(nowhere, remarks=(*nowhere.remarks, "The server's place is none on Earth."))
    return nowhere


def _in_time(data: Any) -> Any:
    """The same object, its times unknown where they cannot be: nothing behind here expects any others."""
    if isinstance(data, Report):
        return _report_in_time(data)
    if isinstance(data, domain.Entry) and not (can_be(data.at) and data.occurred_at == _or_unknown(data.occurred_at)):
        at = data.at if can_be(data.at) else EARLIEST
        return msgspec.structs.replace(data, at=at, occurred_at=_or_unknown(data.occurred_at))
    if isinstance(data, domain.Assignment) and not (can_be(data.since) and can_be(data.created)):
        since, created = (at if can_be(at) else EARLIEST for at in (data.since, data.created))
        return msgspec.structs.replace(data, since=since, created=created)
    if isinstance(data, Unit) and not (can_be(data.state_since) and data.position_at == _or_unknown(data.position_at)):
        since = data.state_since if can_be(data.state_since) else EARLIEST
        return msgspec.structs.replace(data, state_since=since, position_at=_or_unknown(data.position_at))
    return data


def _report_in_time(report: Report) -> Report:
    """A report of an impossible time is one of an unknown time, and says so; so are its photos and its pause."""
    values: dict[str, Any] = {}
    if not can_be(report.created):
        values["created"] = EARLIEST
    if not can_be(report.updated):
        values["updated"] = values.get("created", report.created)
    if report.closed_at is not None and not can_be(report.closed_at):
        values["closed_at"] = None
    if report.hold is not None and report.hold.until is not None and not can_be(report.hold.until):
        values["hold"] = msgspec.structs.replace(report.hold, until=None)
    if report.claim is not None and not can_be(report.claim.since):
        values["claim"] = msgspec.structs.replace(report.claim, since=EARLIEST)
    if any(photo.taken is not None and not can_be(photo.taken) for photo in report.photos):
        values["photos"] = tuple(
            msgspec.structs.replace(photo, taken=_or_unknown(photo.taken)) for photo in report.photos
        )
    if not all(_clock_can_be(clock) for clock in report.clocks):
        values["clocks"] = tuple(clock for clock in report.clocks if _clock_can_be(clock))
    if not values:
        return report
    remarks = (*report.remarks, "A time that the server gave cannot be and is not shown.")
    return msgspec.structs.replace(report, **values, remarks=remarks)


def _clock_can_be(clock: domain.Clock) -> bool:
    return all(at is None or can_be(at) for at in (clock.started, clock.due, clock.met_at))


def _or_unknown(at: datetime | None) -> datetime | None:
    return at if at is not None and can_be(at) else None


def _mended(value: Any) -> Any:
    """Texts without halves of surrogate pairs, which no file of ours could keep."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_mended(each) for each in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(each) for name, each in value.items()}
    return value
