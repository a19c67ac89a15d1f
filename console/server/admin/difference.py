"""The difference that a set-up would make to a city: every object, each field before and after, and what refers
to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from api_client.model import Sla
from console.server.admin.spelling import Hours, hours_text, length_text, week_text


class Did(StrEnum):
    """What happens to an object. Retired ones stay for reports that refer to them; kept ones have open jobs."""

    ADDED = "added"
    CHANGED = "changed"
    BACK = "brought back"
    RETIRED = "retired"
    REMOVED = "removed"
    KEPT = "kept"


class FieldChange(msgspec.Struct, frozen=True):
    """A field before and after, in words."""

    field: str
    before: str
    after: str


class Change(msgspec.Struct, frozen=True):
    """What is done with one object of a list, and why or what hangs on it."""

    part: str
    key: str
    did: Did
    fields: tuple[FieldChange, ...] = ()
    note: str = ""


class Difference(msgspec.Struct, frozen=True):
    """All changes in the order of the lists, what else there is to know, and a mark that no other difference has."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    mark: str = ""

    def __bool__(self) -> bool:
        """Whether applying it would change anything."""
        return any(change.did is not Did.KEPT for change in self.changes)

    def lines(self) -> list[str]:
        """The difference for a terminal."""
        if not self.changes:
            return ["Nothing changes.", *self.notes]
        lines = []
        for change in self.changes:
            note = f" ({change.note})" if change.note else ""
            name = f" {_line(change.key)}" if change.key else ""
            lines.append(f"{_SIGN[change.did]} {change.part}{name} {change.did.value}{note}")
            lines += [f"    {each.field}: {_line(each.before)} -> {_line(each.after)}" for each in change.fields]
        counts: dict[tuple[Did, str], int] = {}
        for change in (one for one in self.changes if one.key):
            place = (change.did, change.part)
            counts[place] = counts.get(place, 0) + 1
        totals = ", ".join(f"{count:,} {part} {did.value}" for (did, part), count in counts.items())
        return [*lines, *self.notes, *([f"In all: {totals}."] if totals else [])]


_SIGN = {Did.ADDED: "+", Did.CHANGED: "~", Did.BACK: "+", Did.RETIRED: "-", Did.REMOVED: "-", Did.KEPT: "!"}


def marked(changes: Iterable[Change], notes: Iterable[str]) -> Difference:
    """A difference with its mark."""
    found = tuple(changes)
    done = [(change.part, change.key, change.did, change.fields) for change in found]  # what hangs on it may change
    return Difference(found, tuple(notes), hashlib.sha256(msgspec.json.encode(done)).hexdigest()[:32])


def fields_between(before: msgspec.Struct, after: msgspec.Struct) -> tuple[FieldChange, ...]:
    """The fields in which two structs of one kind differ."""
    found = []
    for name in before.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            words = (_week(old), _week(new)) if name == "days" else (in_words(old), in_words(new))
            if words[0] == words[1]:
                words = words[0], f"{words[1]}, other ones"
            found.append(FieldChange(_FIELDS.get(name, name), *words))
    return tuple(found)


def in_words(value: Any) -> str:
    """A value of a field for people."""
    if value is None or value in ("", (), {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sla):
        clocks = (value.first_response_s, value.finish_s, value.validation_s)
        lengths = "/".join("–" if clock is None else length_text(clock) for clock in clocks)
        pauses = f" pausing for {', '.join(value.pauses_for)}" if value.pauses_for else ""
        return f"{lengths}{pauses}{f' in {value.calendar}' if value.calendar else ''}"
    if isinstance(value, Mapping):
        if "coordinates" in value:
            return f"a border of {_corners(value['coordinates']):,} corners"
        said = [(_PRIORITY.get(key, key) if isinstance(each, Sla) else key, each) for key, each in value.items()]
        return "; ".join(f"{key} {in_words(each)}" for key, each in said)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_item(each) for each in value)
    return str(value)


def _week(days: Sequence[Hours]) -> str:
    return ", ".join(f"{day} {hours}" for day, hours in week_text(days).items())


def _item(value: Any) -> str:
    if value is None or (isinstance(value, tuple) and len(value) == 2):
        return hours_text(value)
    return str(getattr(value, "code", value))


def _corners(coordinates: Any) -> int:
    if isinstance(coordinates, Sequence) and coordinates and not isinstance(coordinates[0], Sequence):
        return 1
    return sum(map(_corners, coordinates))


def _line(text: str) -> str:
    """One line of a text, not too long for a terminal."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:301])
    return plain if len(plain) <= 300 else f"{plain[:300]}…"


_PRIORITY = {"*": "others", **{key: f"P{key}" for key in "1234"}}
_FIELDS = {"glyph": "symbol", "sla": "targets", "attributes": "questions", "geometry": "border"}
