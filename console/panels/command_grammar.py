"""The command line's grammar: `verb unit report [name=value …]`, any order after the verb, prefixes accepted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import msgspec

from console.cache.catalog import Cities, CityUnit
from console.panels.action import Actions, CommandSyntax
from console.panels.typed_command import TypedCommand

_LINE_VERBS = ("show", "find")
_OPENING = ("o", "open")
OWN_VERBS = (*_LINE_VERBS, *_OPENING)
"""What the line does by itself: no action's verbs."""


def parse(text: str, cities: Cities, actions: Actions[Any]) -> TypedCommand:
    """Understand a line by the verbs of the actions; unknown words are searched for. Never raises."""
    words = _split(text)
    if not words:
        return TypedCommand("")
    if len(words) == 1 and words[0].lstrip("#").isdigit():
        return TypedCommand("open", number=words[0].lstrip("#"))
    verb = words[0].casefold()
    if verb in _LINE_VERBS:
        return TypedCommand(verb, rest=text.strip().partition(" ")[2].strip())  # its quotation marks are kept
    if verb in _OPENING:
        command = _targets("open", CommandSyntax[Any](), words[1:], cities)
        lacks = not command.number and not command.problem
        return msgspec.structs.replace(command, problem="Which report? Write its number.") if lacks else command
    action = actions.with_verb(verb)
    if action is None:
        return TypedCommand("find", rest=text.strip())
    return _targets(action.id, action.syntax, words[1:], cities)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an open quote, while typing
        return text.split()


def _targets(verb: str, syntax: CommandSyntax[Any], words: Sequence[str], cities: Cities) -> TypedCommand:
    crews: tuple[CityUnit, ...] = ()
    number = ""
    options: dict[str, str] = {}
    rest: list[str] = []
    pending = list(words)
    while pending:
        found, used = _crews_at(pending, cities) if not crews and syntax.unit != "none" else ((), 1)
        word = pending[0]
        if found:
            crews = found
        elif "=" in word and word.split("=", 1)[0].isidentifier():
            name, value = word.split("=", 1)
            options[name] = value
        elif (
            not number
            and word.lstrip("#").replace("-", "").isalnum()
            and any(char.isdigit() for char in word)
            and not rest
        ):
            number = word.lstrip("#")
        else:
            rest.append(word)
        del pending[:used]
    problem = ""
    if syntax.unit == "required" and not crews:
        meant = _meant_as_unit([word for word in words if "=" not in word])
        problem = f"No unit is called “{meant}”." if meant else "Which unit? Write its code."
    elif rest and syntax.words == "none":
        problem = f"“{' '.join(rest)}” is not understood here."
    if syntax.values and not rest and len(number) == 1:
        number, rest = "", [number]  # `p 1` sets the chosen report's priority; no report has such a number
    if syntax.values and rest and " ".join(rest) not in syntax.values:
        problem = syntax.not_a_value.format(words=" ".join(rest))
    return TypedCommand(verb, crews, number, options, " ".join(rest), problem)


def _meant_as_unit(words: Sequence[str]) -> str:
    """Which of the words can only be meant as a unit's code; "" when all may be the report's number."""
    codes = [word for word in words if not word.lstrip("#").isdigit()]
    return codes[0] if codes else words[0] if len(words) > 1 else ""


def _crews_at(words: Sequence[str], cities: Cities) -> tuple[tuple[CityUnit, ...], int]:
    """A unit's code may have a space: the longest match at the start of `words`, and how many words it took."""
    for count in (2, 1):
        if len(words) >= count:
            crews = cities.crews_called("".join(words[:count]))
            if crews:
                return crews, count
    return (), 1
