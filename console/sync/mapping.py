"""Turn what a server sent into the console's own objects; one that cannot be understood is left out and counted."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec

from api_client.decoding import decoder_of
from api_client.model import (
    OBJECTS,
    AlarmRecord,
    ApiObject,
    Area,
    Assignment,
    Clock,
    ClosedLine,
    Closure,
    Entry,
    Handover,
    Message,
    Photo,
    ReadMark,
    Report,
    Unit,
)
from api_client.model import Item as FeedItem
from api_client.tolerant_reader import READER, UNREADABLE, mend
from console.cache.page_items import PageItem
from console.rules.degrees import on_earth
from console.rules.moments import EARLIEST, can_be
from console.sync.unreadable import PARTLY

_WORDS = frozenset({"title", "description"})
_parts_of = decoder_of(dict[str, msgspec.Raw]).decode
_FEW, _EACH = 200, 16
_LAST_NUMBER = 2**63 - 1
"""A higher one is no place in any feed, and no number that the cache can hold."""
_MOST_DEGREES, _MOST_WIDTH_M = 2.0, 1_000.0
"""No closure of a city reaches so far, or is so wide."""
_LONGEST_LINE, _LONGEST_RING = 1.0, 8.0
"""In degrees: no street is so long, and no border goes to and fro for so long."""


class Mapped(msgspec.Struct, frozen=True):
    """A page in the console's words. `skipped` names the objects that could not be understood ("kind/id").

    `unknown` are the kinds of others, which this program does not know, and with PARTLY those of `items` of which it
    does not know a part; `first` is the lowest number of all of these.
    """

    items: list[PageItem]
    skipped: list[str]
    unknown: frozenset[str] = frozenset()
    first: int | None = None


class Mapper:
    """Maps the items of one server. `open_words` says of the server's own status words whether they are open.

    `objects` are the kinds that are understood, each with its struct.
    """

    def __init__(
        self, open_words: Mapping[str, bool] | None = None, objects: Mapping[str, type[ApiObject]] = OBJECTS
    ) -> None:
        self.open_words = dict(open_words or {})
        self._objects = objects
        self._decoders = {kind: decoder_of(struct) for kind, struct in objects.items()}
        self._fields = {kind: frozenset(struct.__struct_encode_fields__) for kind, struct in objects.items()}

    def page(self, items: Sequence[FeedItem]) -> Mapped:
        """Every item that can be understood, in the same order."""
        mapped: list[PageItem] = []
        skipped: list[str] = []
        unknown: set[str] = set()
        missed: list[int] = []
        partly = self._told_more(items)
        for item in items:
            # At a NUL SQLite's JSON ends: it would never be found again.
            if "\x00" in item.id or not 0 <= item.seq <= _LAST_NUMBER:
                skipped.append(f"{item.kind}/{item.id}")
                continue
            decoder = self._decoders.get(item.kind)
            if decoder is None:
                if item.kind == "gone":
                    mapped.append(PageItem("gone", item.seq, item.id, None))
                else:
                    unknown.add(item.kind)
                    missed.append(item.seq)
                continue
            try:
                data = decoder.decode(item.data)
            except UNREADABLE:
                try:
                    data = mend(bytes(item.data), self._objects[item.kind], self.open_words)
                except UNREADABLE:
                    skipped.append(f"{item.kind}/{item.id}")
                    missed.append(item.seq)
                    continue
                partly.append(item)
            # protects: no-closure-of-half-a-world
            if isinstance(data, Closure) and not data.ended and _is_beyond_a_city(data):
                skipped.append(f"{item.kind}/{item.id}")
                continue
            mapped.append(PageItem(item.kind, item.seq, item.id, _in_time(_on_earth(data))))
        # protects: what-an-older-console-leaves-out-is-read-again
        unknown.update(f"{item.kind}{PARTLY}" for item in partly)
        missed += (item.seq for item in partly)
        return Mapped(mapped, skipped, frozenset(unknown), min(missed, default=None))

    def _told_more(self, items: Sequence[FeedItem]) -> list[FeedItem]:
        """Those of these objects that have a field which this program does not know, as a newer server says it of all
        that it has written. Of a large page only some are looked at before it is worth to look at all.
        """
        found: list[FeedItem] = []
        for looked_at in (items[-1:], items[::_EACH]) if len(items) > _FEW else ():
            found = found or [item for item in looked_at if self._has_more(item)]
        return [item for item in items if self._has_more(item)] if found or len(items) <= _FEW else []

    def _has_more(self, item: FeedItem) -> bool:
        known = self._fields.get(item.kind)
        if known is None or not 0 <= item.seq <= _LAST_NUMBER:
            return False
        try:
            return not known.issuperset(_parts_of(item.data))
        except UNREADABLE:
            return False


def signature_of(objects: Mapping[str, type[ApiObject]] = OBJECTS) -> str:
    """A text that is another one in every version of this program that understands other objects, fields or words."""
    return _signature(tuple(sorted(objects.items())))


@functools.cache  # it takes some 20 ms, and each source of a profile asks for it
def _signature(objects: tuple[tuple[str, type[ApiObject]], ...]) -> str:
    kinds, types = zip(*objects, strict=True)
    schemas, components = msgspec.json.schema_components(types)
    whole = msgspec.json.encode([READER, kinds, schemas, _without_words(components)], order="sorted")
    return hashlib.blake2b(whole, digest_size=8).hexdigest()


def _without_words(schema: Any) -> Any:
    """A JSON schema without its titles and descriptions: of a field with such a name that is a schema itself."""
    if isinstance(schema, dict):
        plain = {name: one for name, one in schema.items() if not (name in _WORDS and isinstance(one, str))}
        return {name: _without_words(one) for name, one in plain.items()}
    return [_without_words(each) for each in schema] if isinstance(schema, list | tuple) else schema


def _is_beyond_a_city(closure: Closure) -> bool:
    """Whether a closure reaches so far that looking for its streets would take the map process longer than anybody
    waits.
    """
    shape = closure.geometry
    if isinstance(shape, ClosedLine):
        places, longest = shape.coordinates, _LONGEST_LINE
    else:
        places, longest = shape.coordinates[0], _LONGEST_RING
    sides = [max(side) - min(side) for side in zip(*places, strict=True)]
    outline = sum(math.dist(one, other) for one, other in pairwise(places))
    return max(sides) > _MOST_DEGREES or closure.width_m > _MOST_WIDTH_M or outline > longest


def _on_earth(data: Any) -> Any:
    """The same object, without a place when it is none on Earth: nothing behind here expects any other numbers."""
    if not isinstance(data, Report | Unit | Area) or (data.lat is None and data.lon is None):
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
    if isinstance(data, Entry) and not (can_be(data.at) and data.occurred_at == _or_unknown(data.occurred_at)):
        at = data.at if can_be(data.at) else EARLIEST
        return msgspec.structs.replace(data, at=at, occurred_at=_or_unknown(data.occurred_at))
    if isinstance(data, Assignment) and not (can_be(data.since) and can_be(data.created)):
        since, created = (at if can_be(at) else EARLIEST for at in (data.since, data.created))
        return msgspec.structs.replace(data, since=since, created=created)
    if isinstance(data, Unit) and not (can_be(data.state_since) and data.position_at == _or_unknown(data.position_at)):
        since = data.state_since if can_be(data.state_since) else EARLIEST
        return msgspec.structs.replace(data, state_since=since, position_at=_or_unknown(data.position_at))
    if isinstance(data, Closure):
        times = {name: getattr(data, name) for name in ("since", "created", "updated")}
        known = {name: at if can_be(at) else EARLIEST for name, at in times.items()}
        return msgspec.structs.replace(data, **known, until=_or_unknown(data.until), ended=_or_unknown(data.ended))
    if isinstance(data, Message | ReadMark) and not can_be(data.at):
        return msgspec.structs.replace(data, at=EARLIEST)
    if isinstance(data, Handover):
        return _handover_in_time(data)
    if isinstance(data, AlarmRecord):
        times = {name: getattr(data, name) for name in ("since", "updated")}
        known = {name: at if can_be(at) else EARLIEST for name, at in times.items()}
        others = ("acknowledged_at", "shelved_at", "shelved_until")
        return msgspec.structs.replace(data, **known, **{name: _or_unknown(getattr(data, name)) for name in others})
    return data


def _handover_in_time(handover: Handover) -> Handover:
    times = {name: getattr(handover, name) for name in ("begun", "shift_start", "shift_end", "offered", "updated")}
    known = {name: at if can_be(at) else EARLIEST for name, at in times.items()}
    lines = tuple(msgspec.structs.replace(line, marked_at=_or_unknown(line.marked_at)) for line in handover.lines)
    return msgspec.structs.replace(handover, **known, signed=_or_unknown(handover.signed), lines=lines)


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
    if (claim := values.get("claim", report.claim)) is not None and claim.offer and not can_be(claim.offer.at):
        values["claim"] = msgspec.structs.replace(claim, offer=msgspec.structs.replace(claim.offer, at=EARLIEST))
    if not all(_photo_can_be(photo) for photo in report.photos):
        values["photos"] = tuple(_photo_in_time(photo) for photo in report.photos)
    if not all(_clock_can_be(clock) for clock in report.clocks):
        values["clocks"] = tuple(clock for clock in report.clocks if _clock_can_be(clock))
    if not values:
        return report
    remarks = (*report.remarks, "A time that the server gave cannot be and is not shown.")
    return msgspec.structs.replace(report, **values, remarks=remarks)


def _photo_can_be(photo: Photo) -> bool:
    return all(at is None or can_be(at) for at in (photo.taken, *(flag.at for flag in photo.flags)))


def _photo_in_time(photo: Photo) -> Photo:
    flags = tuple(msgspec.structs.replace(flag, at=_or_unknown(flag.at)) for flag in photo.flags)
    return msgspec.structs.replace(photo, taken=_or_unknown(photo.taken), flags=flags)


def _clock_can_be(clock: Clock) -> bool:
    return all(at is None or can_be(at) for at in (clock.started, clock.due, clock.met_at))


def _or_unknown(at: datetime | None) -> datetime | None:
    return at if at is not None and can_be(at) else None
