"""The roll call: who is called, who next, how far it is."""

from __future__ import annotations

from datetime import UTC, datetime

from api_client.model import Unit, UnitState
from console.rules.roll_call import CalledUnit, RollAnswer, is_awaited, is_called, next_to_call, tally

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
THERE, MISSING, BREAK = (CalledUnit(answer, NOW) for answer in RollAnswer)


def unit(key: str, state: UnitState = UnitState.AVAILABLE, valid_to: datetime | None = None) -> Unit:
    return Unit(key, f"SDA-{key}", state, NOW, valid_to=valid_to)


def test_who_is_on_is_listed_and_who_can_answer_is_awaited() -> None:
    off, ill, gone = unit("1", UnitState.OFF_SHIFT), unit("2", UnitState.UNAVAILABLE), unit("3", valid_to=NOW)
    assert [is_called(one) for one in (off, ill, gone, unit("4"))] == [False, True, False, True]
    assert [is_awaited(one) for one in (off, ill, gone, unit("4"))] == [False, False, False, True]


def test_it_goes_down_and_then_from_the_top_to_whom_was_not_called() -> None:
    units = [unit("1"), unit("2"), unit("3", UnitState.UNAVAILABLE), unit("4")]
    assert next_to_call(units, {}) == "1"
    assert next_to_call(units, {}, "2") == "4"
    assert next_to_call(units, {"4": THERE}, "2") == "1"
    assert next_to_call(units, dict.fromkeys("124", THERE), "2") == ""
    assert next_to_call(units, {}, "gone") == "1"


def test_it_counts_who_answered_and_who_did_not() -> None:
    units = [unit("1"), unit("2"), unit("3"), unit("4", UnitState.UNAVAILABLE), unit("5", UnitState.UNAVAILABLE)]
    called = {"1": THERE, "2": MISSING, "3": BREAK, "5": THERE, "gone": MISSING}
    assert tally(units, called) == (4, 3, 1)
    assert tally([], called) == (0, 0, 0)
