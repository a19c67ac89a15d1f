"""The answers to the questions of a service, sorted by what the service asks: a citizen's, or a caller's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from api_client.model import Datatype, Service, ServiceAttribute

_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})")
_LONGEST = 4_000
_MOST_VALUES = 100


class SortedAnswers(msgspec.Struct, frozen=True):
    """The answers to what the service asks, by code, and the codes that it does not ask for.

    `missing` are the questions that have to be answered and are not, `wrong` says by code which answers cannot be.
    """

    given: dict[str, tuple[str, ...]]
    unasked: tuple[str, ...]
    missing: tuple[ServiceAttribute, ...]
    wrong: dict[str, str]


def answers_as_far_as_they_fit(
    service: Service, answers: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The answers that can be, by code, and a sentence for each that is missing and for each that cannot be.

    For a report that must not be lost for the sake of a question, such as one that was asked after it was written.
    """
    found = sort_answers(service, answers)
    names = {each.code: each.description or each.code for each in service.attributes}
    remarks = [f"Not answered: {names[one.code]}" for one in found.missing]
    unfit = {code: answers[code] for code in (*found.wrong, *found.unasked)}
    remarks += [
        f"Answered to {names.get(code, code)}: {', '.join(values)}"[:_LONGEST] for code, values in unfit.items()
    ]
    return {code: values for code, values in found.given.items() if code not in found.wrong}, remarks


def sort_answers(service: Service, answers: Mapping[str, tuple[str, ...]]) -> SortedAnswers:
    """The answers by what the service asks now: what fits, what it does not ask, what is missing and what cannot be."""
    asked = {each.code: each for each in service.questions if each.variable}
    given = {code: answers[code] for code in asked if code in answers}
    return SortedAnswers(
        given,
        unasked=tuple(code for code in answers if code not in asked),
        missing=tuple(one for code, one in asked.items() if one.required and code not in answers),
        wrong={code: fault for code, values in given.items() if (fault := answer_fault(asked[code], values))},
    )


def answer_fault(attribute: ServiceAttribute, values: tuple[str, ...]) -> str:
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
