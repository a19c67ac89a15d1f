"""A citizen's answers to the questions of a service, checked against what the service asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from console.domain.report import Datatype, Service, ServiceAttribute
from console.server.georeport.faults import Refused
from console.server.georeport.services import ordered

_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})")
_LONGEST = 4_000
_MOST_VALUES = 100


class Answers(msgspec.Struct, frozen=True):
    """The answers that the service asks for, by code, and the codes that it does not ask for."""

    given: dict[str, tuple[str, ...]]
    unasked: tuple[str, ...]


def check_answers(service: Service, answers: Mapping[str, tuple[str, ...]]) -> Answers:
    """Sort and check the answers. Raises Refused with everything that is missing or cannot be."""
    asked = {each.code: each for each in ordered(service.attributes) if each.variable}
    faults = [
        f"attribute[{code}] was not provided."
        for code, attribute in asked.items()
        if attribute.required and code not in answers
    ]
    given = {code: answers[code] for code in asked if code in answers}
    faults += [fault for code, values in given.items() if (fault := _fault(asked[code], values))]
    if faults:
        raise Refused(*faults)
    return Answers(given, tuple(code for code in answers if code not in asked))


def _fault(attribute: ServiceAttribute, values: tuple[str, ...]) -> str:
    """What is wrong with the answers to one question; "" when nothing is."""
    name = f"attribute[{attribute.code}]"
    if attribute.datatype is not Datatype.MULTIVALUELIST and len(values) > 1:
        return f"{name} takes one value only."
    if len(values) > _MOST_VALUES or any(len(value) > _LONGEST for value in values):
        return f"{name} is too long."
    wrong = [value for value in values if not _fits(attribute, value)]
    return f"{name} has to be {_wanted(attribute)}, not “{wrong[0][:40]}”." if wrong else ""


def _fits(attribute: ServiceAttribute, value: str) -> bool:
    match attribute.datatype:
        case Datatype.NUMBER:
            return value.isascii() and _NUMBER.fullmatch(value) is not None
        case Datatype.DATETIME:
            return _is_time(value)
        case Datatype.SINGLEVALUELIST | Datatype.MULTIVALUELIST:
            return any(value == each.key for each in attribute.values)
        case Datatype.STRING:
            return len(value.splitlines()) <= 1
        case Datatype.TEXT:
            return True


def _wanted(attribute: ServiceAttribute) -> str:
    match attribute.datatype:
        case Datatype.NUMBER:
            return "a number"
        case Datatype.DATETIME:
            return "a time, such as 2026-11-24T00:00:00Z"
        case Datatype.SINGLEVALUELIST | Datatype.MULTIVALUELIST:
            return "one of " + ", ".join(each.key for each in attribute.values)
        case _:
            return "one line of text"


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
