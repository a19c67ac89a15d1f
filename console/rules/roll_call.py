"""The roll call of a shift: which unit was asked when, and what it answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from api_client.model import Unit, UnitState

_NOT_ON = frozenset({UnitState.OFF_SHIFT})
_EXCUSED = frozenset({UnitState.UNAVAILABLE})


class RollAnswer(StrEnum):
    """What a unit said when it was called."""

    THERE = "there"
    MISSING = "missing"  # it did not answer
    BREAK = "break"


class CalledUnit(msgspec.Struct, frozen=True):
    """A unit that was called, and when."""

    answer: RollAnswer
    at: datetime


class RollTally(NamedTuple):
    """How many units there are to be called, how many of them answered, how many did not."""

    units: int
    answered: int
    missing: int


def is_called(unit: Unit) -> bool:
    """Whether a unit is on, and so is listed in the roll call."""
    return unit.valid_to is None and unit.state not in _NOT_ON


def is_awaited(unit: Unit) -> bool:
    """Whether an answer is awaited of a unit; who is unavailable has said why."""
    return is_called(unit) and unit.state not in _EXCUSED


def next_to_call(units: Collection[Unit], called: Mapping[str, CalledUnit], after: str = "") -> str:
    """The id of the next unit that was not called yet, behind `after` first, then from the top; "" for none."""
    ids = [unit.id for unit in units]
    start = ids.index(after) + 1 if after in ids else 0
    ordered = [*units][start:] + [*units][:start]
    return next((unit.id for unit in ordered if is_awaited(unit) and unit.id not in called), "")


def tally(units: Collection[Unit], called: Mapping[str, CalledUnit]) -> RollTally:
    """How far the roll call is."""
    awaited = [unit.id for unit in units if is_awaited(unit) or unit.id in called]
    answers = [called[unit].answer for unit in awaited if unit in called]
    missing = sum(answer is RollAnswer.MISSING for answer in answers)
    return RollTally(len(awaited), len(answers) - missing, missing)
