"""Decide field by field what a refused (stale) edit still means: send it again, or ask the operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class FieldConflict(msgspec.Struct, frozen=True):
    """Somebody changed the field that the operator changed, to something else."""

    field: str
    base: Any
    mine: Any
    theirs: Any
    who: str | None = None
    at: str | None = None


class Merge(msgspec.Struct, frozen=True):
    """The outcome of a three-way comparison: fields still to send, fields that are already so, and conflicts."""

    clean: dict[str, Any]
    settled: tuple[str, ...]
    conflicts: tuple[FieldConflict, ...]


def three_way(base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Merge:
    """Compare, for each field of `mine`, the value before (`base`) with the present one at the server (`theirs`).

    Unchanged there: still to send. Changed there to the same value: settled. Changed to another: a conflict.
    `theirs` maps fields to plain values or to the server's {value, who, at}; a field that it lacks is unchanged.
    A field that `base` lacks was not seen by the operator, so any other value there is a conflict.
    """
    clean: dict[str, Any] = {}
    settled: list[str] = []
    conflicts: list[FieldConflict] = []
    for field, wanted in mine.items():
        if field not in theirs:
            clean[field] = wanted
            continue
        value, who, at = server_value(theirs[field])
        if same(value, wanted):
            settled.append(field)
        elif field in base and same(value, base[field]):
            clean[field] = wanted
        else:
            conflicts.append(FieldConflict(field, base.get(field), wanted, value, who, at))
    return Merge(clean, tuple(settled), tuple(conflicts))


def server_value(theirs: Any) -> tuple[Any, str | None, str | None]:
    """Value, author and time of a field at the server."""
    if isinstance(theirs, Mapping) and "value" in theirs:
        return theirs["value"], theirs.get("who"), theirs.get("at")
    return theirs, None, None


def value_after(name: str, before: Any, value: Any) -> Any:
    """What a field holds once `value` is set: a place that is set without an address keeps the one it has."""
    if name == "place" and isinstance(value, Mapping) and "address" not in value and isinstance(before, Mapping):
        return {**value, "address": before.get("address")}
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values of a field mean the same: absent parts are None, places agree to a centimetre."""
    one, other = msgspec.to_builtins(one), msgspec.to_builtins(other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(same(one.get(key), other.get(key)) for key in one.keys() | other.keys())
    if isinstance(one, float) or isinstance(other, float):
        try:
            return abs(float(one) - float(other)) < 1e-7
        except (TypeError, ValueError):
            return False
    return bool(one == other)
