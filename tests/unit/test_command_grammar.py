"""The command line's grammar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api_client.model import Unit, UnitState
from console.cache.catalog import Catalog, Cities
from console.panels.command_grammar import parse
from console.window.actions import ACTIONS

NOW = datetime(2026, 1, 20, tzinfo=UTC)
UNITS = {one: Unit(one, code, UnitState.AVAILABLE, NOW) for one, code in (("u1", "SDA-07"), ("u2", "PPSU-KBR 2"))}
CITY = Cities({"city": Catalog(units=UNITS)})


@pytest.mark.parametrize(
    ("line", "verb", "unit", "number", "rest"),
    [
        ("d SDA-07 928214", "dispatch", "u1", "928214", ""),
        ("d 928214 sda07", "dispatch", "u1", "928214", ""),
        ("as ppsu-kbr 2 928214", "assign", "u2", "928214", ""),
        ("en SDA-07", "en_route", "u1", "", ""),
        ("p 1", "priority", None, "", "1"),
        ("p 928214 2", "priority", None, "928214", "2"),
        ('n 928214 "owner called"', "note", None, "928214", "owner called"),
        ("928214", "open", None, "928214", ""),
        ('show cat="street light" age>2d', "show", None, "", 'cat="street light" age>2d'),
        ("banjir cawang", "find", None, "", "banjir cawang"),
    ],
)
def test_what_enter_will_do(line: str, verb: str, unit: str | None, number: str, rest: str) -> None:
    command = parse(line, CITY, ACTIONS)
    assert (command.verb, command.number, command.rest, command.problem) == (verb, number, rest, "")
    assert (command.unit.id if command.unit else None) == unit


@pytest.mark.parametrize("line", ["d 928214", "d XYZ-99 928214", "t 928214 nonsense"])
def test_what_is_not_understood_is_said_in_a_sentence(line: str) -> None:
    assert parse(line, CITY, ACTIONS).problem.endswith((".", "?"))


@pytest.mark.parametrize("line", ["", "   ", '"', "d '", "\x00", "x" * 10_000, "d " + "9" * 500])
def test_anything_can_be_typed(line: str) -> None:
    parse(line, CITY, ACTIONS)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("d SDA-77 931304", "No unit is called “SDA-77”."),
        ("d 931304 SDA-77", "No unit is called “SDA-77”."),
        ("d nobody 931304", "No unit is called “nobody”."),
        ("d 12 931304", "No unit is called “12”."),
        ("d 931304", "Which unit? Write its code."),
        ("d", "Which unit? Write its code."),
        ("p 5", "“5” is not a priority. Write 1, 2, 3 or 4."),
        ("p 931304 7", "“7” is not a priority. Write 1, 2, 3 or 4."),
        ("p 931304 high", "“high” is not a priority. Write 1, 2, 3 or 4."),
    ],
)
def test_the_word_that_is_wrong_is_the_one_that_is_named(line: str, problem: str) -> None:
    assert parse(line, CITY, ACTIONS).problem == problem
