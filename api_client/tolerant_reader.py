"""Read the objects of a server of another version: at full speed what fits the model, mended what does not.

A server one version older leaves out what came since; one that is newer has fields and words that are not known here.
A field that is not known is passed over, one that is missing counts as what stands in `_LEFT_OUT`, a word that is not
known as the nearest that is, which the object says where it has words. What remains unreadable raises.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from api_client.model import (
    UNKNOWN_TIME,
    AlarmKind,
    AlarmRecord,
    Area,
    Assignment,
    Calendar,
    CityFacts,
    ClockState,
    Closure,
    ClosureKind,
    Datatype,
    EditAnswer,
    Entry,
    Handover,
    HandoverLine,
    HandoverMark,
    HandoverSection,
    Hold,
    Limit,
    Me,
    Message,
    Photo,
    PhotoRole,
    ReadMark,
    Report,
    RunCard,
    Service,
    ServiceAttribute,
    Sla,
    Stats,
    Status,
    StatusRow,
    Template,
    Unit,
    UnitState,
    User,
    WaitsFor,
    Welcome,
)

T = TypeVar("T")
OpenWords = Mapping[str, bool]
"""A server's own status words, and whether a report in that status is open."""
READER = 1
"""To be raised when this module understands more than before: what could not be read is then fetched once more."""
UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError)
"""What `mend` raises for what no version of a server can have meant."""
_HIGHEST, _LOWEST = 1, 4
_LEFT_OUT: dict[type[msgspec.Struct], dict[str, Any]] = {
    Report: {"version": 0, "status": "", "service": None, "priority": 3, "description": ""},
    Hold: {"reason": "", "waits_for": ""},
    Photo: {"sha256": None, "role": PhotoRole.REPORT},
    Entry: {"author": ""},
    Assignment: {"by": ""},
    Unit: {"state": ""},
    Area: {"level": 0},
    Template: {"kind": "", "text": ""},
    Limit: {"name": "", "filter": ""},
    RunCard: {"name": "", "steps": []},
    Calendar: {"days": []},
    User: {"role": ""},
    Closure: {"kind": "", "by": "", "updated_by": ""},
    AlarmRecord: {"kind": "", "updated_by": ""},
    Handover: {"outgoing": ""},
    HandoverLine: {"section": "", "text": ""},
    Message: {"author": "", "to": {}},
    ReadMark: {"who": ""},
    Me: {"role": "", "agencies": [], "areas": []},
    CityFacts: {"name": "", "timezone": "", "bbox": None},
    Welcome: {"version": "", "city": {}, "can": []},
    StatusRow: {"letter": "", "label": "", "is_open": True, "may_become": []},
    Stats: {
        "by_status": {},
        "by_service": {},
        "by_area": {},
        "without_area": 0,
        "without_place": 0,
        "units": 0,
        "seq": 0,
        "city": {},
    },
    EditAnswer: {"report": None, "seq": 0},
}
"""What a server may leave out of an object, and what that means; nothing else that the model demands may be missing."""


def mend(body: bytes, kind: type[T], open_words: OpenWords | None = None) -> T:
    """JSON that a strict decoder refused, as the object it was meant to be. Raises one of UNREADABLE."""
    whole = whole_letters(body)
    try:
        return msgspec.json.decode(whole, type=kind)
    except msgspec.ValidationError:
        asked: Any = kind
        value = _filled(json.loads(whole), _shape_of(asked), open_words or {})
        return msgspec.convert(value, kind, strict=False)


def whole_letters(body: bytes) -> bytes:
    """The same JSON, a question mark for each half of a letter (a surrogate), for which msgspec refuses all of it.

    Raises ValueError and RecursionError when it is no JSON.
    """
    return json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


@functools.cache
def _shape_of(kind: Any) -> inspect.Type:
    """The fields of a type, looked up once."""
    return inspect.type_info(kind)


def _filled(value: Any, shape: inspect.Type, open_words: OpenWords) -> Any:
    """A plain value in which nothing is missing and no word is unknown, as far as that can be helped."""
    if isinstance(shape, inspect.UnionType):
        fits = (each for each in shape.types if _may_be(value, each))
        found = next(fits, None)
        return value if found is None else _filled(value, found, open_words)
    if not _may_be(value, shape):
        return value
    if isinstance(shape, inspect.StructType):
        whole = _LEFT_OUT.get(shape.cls, {}) | value
        for field in shape.fields:
            if field.encode_name in whole:
                whole[field.encode_name] = _filled(whole[field.encode_name], field.type, open_words)
        repair = _REPAIRS.get(shape.cls)
        return whole if repair is None else repair(whole, open_words)
    if isinstance(shape, inspect.ListType | inspect.VarTupleType):
        return [_filled(each, shape.item_type, open_words) for each in value]
    if isinstance(shape, inspect.DictType):
        return {name: _filled(each, shape.value_type, open_words) for name, each in value.items()}
    return value


def _may_be(value: Any, shape: inspect.Type) -> bool:
    """Whether a value has the form of a struct, a list or a dictionary that could hold something to mend."""
    if isinstance(shape, inspect.StructType | inspect.DictType):
        return isinstance(value, dict)
    return isinstance(shape, inspect.ListType | inspect.VarTupleType) and isinstance(value, list)


def _report(plain: dict[str, Any], open_words: OpenWords) -> dict[str, Any]:
    remarks = [*plain["remarks"]] if isinstance(plain.get("remarks"), list) else []
    word = plain["status"]
    if _is_unknown(word, _STATUSES):
        plain["status"] = Status.NEW if open_words.get(word, True) else Status.RESOLVED
        plain["status_label"] = plain.get("status_label") or word or None
        remarks.append(f"The server's status “{word}” is not one of ours.")
    created = _first(plain, "created", "updated")
    if created is None:
        remarks.append("No date was given.")
    updated = _first(plain, "updated", "created")
    plain["updated"] = UNKNOWN_TIME if updated is None else updated
    plain["created"] = UNKNOWN_TIME if created is None else created
    plain["priority"] = _known_priority(plain["priority"])
    if isinstance(clocks := plain.get("clocks"), list):
        plain["clocks"] = [
            each for each in clocks if not (isinstance(each, dict) and _is_unknown(each.get("state"), _CLOCK_STATES))
        ]
    return plain | {"remarks": remarks}


def _known_priority(value: Any) -> Any:
    number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < _MOST_DIGITS else value
    return min(_LOWEST, max(_HIGHEST, number)) if isinstance(number, int) else number


def _hold(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    return plain | {"waits_for": WaitsFor.AGENCY} if _is_unknown(plain["waits_for"], _WAITS) else plain


def _photo(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    return plain | {"role": PhotoRole.OTHER} if _is_unknown(plain["role"], _ROLES) else plain


def _assignment(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    return plain | {"created": _first(plain, "created", "since")}


def _unit(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    if _is_unknown(plain["state"], _UNIT_STATES):
        plain |= {"state": UnitState.UNAVAILABLE, "reason": plain["state"] or None}
    since = _first(plain, "state_since", "position_at")
    plain["state_since"] = UNKNOWN_TIME if since is None else since
    return plain | {"code": plain.get("code") or plain.get("id")}


def _closure(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    if _is_unknown(plain["kind"], _CLOSURE_KINDS):
        plain["kind"] = ClosureKind.OTHER
    for name, others in (("since", ("created", "updated")), ("created", ("since",)), ("updated", ("created", "since"))):
        plain[name] = _first(plain, name, *others)
    return plain


def _alarm(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    if _is_unknown(plain["kind"], _ALARM_KINDS):
        plain["kind"] = AlarmKind.SOURCE  # of none that is found here: its id says which one it is
    plain["updated"] = _first(plain, "updated", "acknowledged_at", "shelved_at", "since")
    plain["since"] = _first(plain, "since", "updated")
    return plain


def _handover(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    for name, others in (
        ("offered", ("updated", "begun", "shift_end")),
        ("updated", ("signed", "offered")),
        ("begun", ("offered",)),
        ("shift_end", ("offered",)),
        ("shift_start", ("begun",)),
    ):
        plain[name] = _first(plain, name, *others)
    return plain


def _handover_line(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    if _is_unknown(plain["section"], _SECTIONS):
        plain["section"] = HandoverSection.NOTED
    if _is_unknown(plain.get("mark"), _HANDOVER_MARKS):
        plain["mark"] = None  # whatever it says, it is not that the line is confirmed
    return plain


def _service(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    plain["name"] = plain.get("name") or plain.get("code")
    try:
        msgspec.convert(plain.get("sla", {}), dict[str, Sla], strict=False)
    except msgspec.ValidationError:
        return plain | {"sla": {}}
    return plain


def _sla(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    pauses = plain.get("pauses_for")
    known = [each for each in pauses if not _is_unknown(each, _WAITS)] if isinstance(pauses, list) else pauses
    return plain if known == pauses else plain | {"pauses_for": known}


def _question(plain: dict[str, Any], _: OpenWords) -> dict[str, Any]:
    return (
        plain | {"datatype": Datatype.STRING}
        if _is_unknown(plain.get("datatype", Datatype.STRING), _DATATYPES)
        else plain
    )


def _first(plain: dict[str, Any], *names: str) -> Any:
    """The value of the first of these fields that has one; None when none has."""
    return next((plain[name] for name in names if plain.get(name) is not None), None)


def _is_unknown(word: Any, words: frozenset[Any]) -> bool:
    """Whether it is a word, and none of these; what is no word at all is for nobody to interpret."""
    return isinstance(word, str) and word not in words


_MOST_DIGITS = 10
_STATUSES = frozenset(Status)
_UNIT_STATES = frozenset(UnitState)
_CLOSURE_KINDS = frozenset(ClosureKind)
_ALARM_KINDS = frozenset(AlarmKind)
_SECTIONS = frozenset(HandoverSection)
_HANDOVER_MARKS = frozenset(HandoverMark)
_WAITS = frozenset(WaitsFor)
_ROLES = frozenset(PhotoRole)
_CLOCK_STATES = frozenset(ClockState)
_DATATYPES = frozenset(Datatype)
_REPAIRS: dict[type[msgspec.Struct], Callable[[dict[str, Any], OpenWords], dict[str, Any]]] = {
    Report: _report,
    Hold: _hold,
    Photo: _photo,
    Assignment: _assignment,
    Unit: _unit,
    Closure: _closure,
    AlarmRecord: _alarm,
    Handover: _handover,
    HandoverLine: _handover_line,
    Service: _service,
    Sla: _sla,
    ServiceAttribute: _question,
}
