"""Check the payload of an edit before anything is changed, and say in plain words what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from api_client.decoding import convert
from api_client.model import PAYLOADS, AlarmChange, ClosureChange, Create, EditBody, Kind, NewHold, NewPhoto, Set
from console.rules.text import cleaned
from console.server.city.dates import Dated
from console.server.errors import Invalid

T = TypeVar("T")
_NAMES_PEOPLE = frozenset({"contact"})


def payload_of(edit: EditBody, kind: type[T]) -> T:
    """The payload of an edit, its texts cleaned; Invalid, in plain words, when it is not what the kind carries."""
    try:
        try:
            payload = convert(edit.data, kind)
        except msgspec.ValidationError:
            payload = convert(as_whole(msgspec.json.encode(edit.data)), kind)
        # Only now: a key with a control character is refused and does not become another key.
        given = msgspec.to_builtins(payload)
        clean = cleaned(given)
        # protects: texts-are-cleaned
        return payload if clean == given else convert(clean, kind)
    except RecursionError as fault:
        raise Invalid("The data is nested too deeply.") from fault
    except msgspec.ValidationError as fault:
        raise Invalid(f"{_why_not(kind, as_whole(msgspec.json.encode(edit.data)))}.") from fault


def _why_not(kind: type, data: dict[str, Any]) -> str:
    """The field that is wrong, and why."""
    for field in msgspec.structs.fields(kind):
        name = field.encode_name.replace("_", " ")
        if field.encode_name in data:
            value = data[field.encode_name]
            try:
                convert(value, field.type)
            except msgspec.ValidationError:
                return _why_not_value(name, field.type, value)
        elif field.required:
            return f"The {name} is missing"
    return "Something in it does not fit"


def _why_not_value(name: str, wanted: Any, value: Any) -> str:
    info = msgspec.inspect.type_info(wanted)
    for one in info.types if isinstance(info, msgspec.inspect.UnionType) else (info,):
        if isinstance(one, msgspec.inspect.StructType) and isinstance(value, dict):
            return _why_not(one.cls, value)
        if isinstance(one, msgspec.inspect.StrType) and isinstance(value, str):
            if one.max_length is not None and len(value) > one.max_length:
                return f"The {name} is too long ({one.max_length:,} letters at most)"
            if len(value) < (one.min_length or 0):
                return f"The {name} is empty"
    return f"The {name} does not fit"


def as_whole(body: bytes) -> Any:
    """JSON whose numbers without a fraction are whole ones: 1.0 is an integer to JSON Schema, not to msgspec.

    Raises ValueError when it is no JSON, RecursionError when it is nested too deeply.
    """
    value = json.loads(body, parse_float=_number, parse_constant=_no_number)
    json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair, which Python's reader lets through
    return value


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


def _no_number(text: str) -> float:
    # NaN and Infinity are words of Python, not of JSON.
    raise ValueError(f"{text} is no JSON")


def dates_of(edit: EditBody) -> Iterator[Dated]:
    """Every time that is kept of an edit. Raises Invalid when its data is not what the kind carries."""
    if edit.occurred_at is not None:
        yield Dated("time at which it was done", edit.occurred_at)
    if edit.undoes is not None:
        return
    if edit.kind is Kind.CREATE and (created := payload_of(edit, Create).created) is not None:
        yield Dated("time of the report", created)
    if edit.kind is Kind.PHOTO and (taken := payload_of(edit, NewPhoto).taken) is not None:
        yield Dated("time at which the photo was taken", taken)
    if edit.kind is Kind.SET:
        hold = payload_of(edit, Set).hold
        if isinstance(hold, NewHold) and hold.until is not None:
            yield Dated("end of the pause", hold.until, planned=True)
    if edit.kind is Kind.CLOSURE:
        closure = payload_of(edit, ClosureChange)
        if isinstance(closure.since, datetime):
            yield Dated("beginning of the closure", closure.since, planned=True)
        if isinstance(closure.until, datetime):
            yield Dated("end of the closure", closure.until, planned=True)
    if edit.kind is Kind.ALARM:
        alarms = payload_of(edit, AlarmChange)
        yield from (Dated("beginning of the alarm", alarm.since) for alarm in alarms.alarms)
        if isinstance(alarms.shelved_until, datetime):
            yield Dated("time until which it is shelved", alarms.shelved_until, planned=True)


def kept_data(edit: EditBody) -> dict[str, Any]:
    """The payload as the history keeps it: checked values only, without personal data."""
    checked = msgspec.to_builtins(payload_of(edit, PAYLOADS[edit.kind]))
    return {name: value for name, value in checked.items() if name in edit.data and name not in _NAMES_PEOPLE}
