"""The command line's grammar: `verb unit report [name=value …]`, any order after the verb, prefixes accepted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from api_client.model import Unit
from console.presenters.catalog import Cities, Crew


class Command(msgspec.Struct, frozen=True):
    """What Enter will carry out. `verb` is an action's id, "open", "show", "find" or "" for not understood."""

    verb: str
    crews: tuple[Crew, ...] = ()
    """The units with the code that was typed, at most one a city."""
    number: str = ""
    options: dict[str, str] = {}
    rest: str = ""
    problem: str = ""

    @property
    def unit(self) -> Unit | None:
        """Any of them: they have the same code."""
        return self.crews[0].unit if self.crews else None


VERBS: dict[str, str] = {
    "d": "dispatch",
    "dispatch": "dispatch",
    "as": "assign",
    "assign": "assign",
    "rc": "recall",
    "recall": "recall",
    "en": "en_route",
    "os": "on_scene",
    "dn": "done",
    "done": "done",
    "av": "available",
    "br": "break",
    "un": "unavailable",
    "t": "take",
    "take": "take",
    "rel": "release",
    "release": "release",
    "p": "priority",
    "priority": "priority",
    "n": "note",
    "note": "note",
    "m": "reply",
    "reply": "reply",
    "x": "close",
    "close": "close",
    "h": "hold",
    "hold": "hold",
    "o": "open",
    "open": "open",
    "show": "show",
    "find": "find",
    "new": "new_report",
    "undo": "undo",
}
"""Short and long verbs; unknown words fall back to search."""

UNIT_VERBS = frozenset(
    {"dispatch", "assign", "recall", "en_route", "on_scene", "done", "available", "break", "unavailable"}
)
_NEED_UNIT = frozenset({"dispatch", "assign", "en_route", "on_scene", "done", "available", "break", "unavailable"})
_TAKE_TEXT = frozenset({"note", "reply", "close", "hold", "show", "find", "priority"})


def parse(text: str, cities: Cities) -> Command:
    """Understand a line; never raises."""
    words = _split(text)
    if not words:
        return Command("")
    if len(words) == 1 and words[0].lstrip("#").isdigit():
        return Command("open", number=words[0].lstrip("#"))
    verb = VERBS.get(words[0].casefold())
    if verb is None:
        return Command("find", rest=text.strip())
    if verb in ("show", "find"):
        return Command(verb, rest=text.strip().partition(" ")[2].strip())  # its quotation marks are kept
    return _targets(verb, words[1:], cities)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an open quote, while typing
        return text.split()


def _targets(verb: str, words: Sequence[str], cities: Cities) -> Command:
    crews: tuple[Crew, ...] = ()
    number = ""
    options: dict[str, str] = {}
    rest: list[str] = []
    pending = list(words)
    while pending:
        found, used = _crews_at(pending, cities) if not crews and verb in UNIT_VERBS else ((), 1)
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
    if verb in _NEED_UNIT and not crews:
        meant = _meant_as_unit([word for word in words if "=" not in word])
        problem = f"No unit is called “{meant}”." if meant else "Which unit? Write its code."
    elif rest and verb not in _TAKE_TEXT and verb != "unavailable":
        problem = f"“{' '.join(rest)}” is not understood here."
    if verb == "priority" and not rest and len(number) == 1:
        number, rest = "", [number]  # `p 1` sets the chosen report's priority; no report has such a number
    if verb == "priority" and rest and " ".join(rest) not in ("1", "2", "3", "4"):
        problem = f"“{' '.join(rest)}” is not a priority. Write 1, 2, 3 or 4."
    return Command(verb, crews, number, options, " ".join(rest), problem)


def _meant_as_unit(words: Sequence[str]) -> str:
    """Which of the words can only be meant as a unit's code; "" when all may be the report's number."""
    codes = [word for word in words if not word.lstrip("#").isdigit()]
    return codes[0] if codes else words[0] if len(words) > 1 else ""


def _crews_at(words: Sequence[str], cities: Cities) -> tuple[tuple[Crew, ...], int]:
    """A unit's code may have a space: the longest match at the start of `words`, and how many words it took."""
    for count in (2, 1):
        if len(words) >= count:
            crews = cities.crews_called("".join(words[:count]))
            if crews:
                return crews, count
    return (), 1
