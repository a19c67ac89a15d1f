"""The grammar of the demo city's texts: its parts, read once from resources/demo/texts, and how a pattern is filled."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import msgspec

_OF_ROADS = "^"
_PIECE = re.compile(r"\[([^\]]*)\]|\{(\w+)\}|([^\[{]+)")


class Pattern:
    """A sentence with alternatives `[a|b]` and slots `{name}`, taken apart once."""

    __slots__ = ("_pieces", "is_of_roads")

    def __init__(self, text: str) -> None:
        self.is_of_roads = text.startswith(_OF_ROADS)
        """Whether it cannot be in a lane."""
        text = text.removeprefix(_OF_ROADS)
        self._pieces: list[str | Slot | tuple[Pattern, ...]] = []
        for choices, slot, words in _PIECE.findall(text):
            if words:
                self._pieces.append(words)
            elif slot:
                self._pieces.append(Slot(slot))
            else:
                self._pieces.append(tuple(Pattern(choice) for choice in choices.split("|")))

    def fill(self, chance: random.Random, slots: Mapping[str, str]) -> str:
        """One of the sentences that it stands for. Raises KeyError for a slot that is not given."""
        words = []
        for piece in self._pieces:
            if isinstance(piece, str):
                words.append(piece)
            elif isinstance(piece, Slot):
                words.append(slots[piece.name])
            else:
                words.append(piece[int(chance.random() * len(piece))].fill(chance, slots))
        return "".join(words)


class Slot(msgspec.Struct, frozen=True):
    """A place in a pattern that is filled by name."""

    name: str


class Matter(msgspec.Struct, frozen=True):
    """What is written about one service: what is the matter by priority (1 to 4), what it comes from and leads to."""

    is_acute: bool
    cores: tuple[tuple[Pattern, ...], ...]
    why: tuple[Pattern, ...]
    then: tuple[Pattern, ...]


class Grammar(msgspec.Struct, frozen=True):
    """All parts of the texts: by service, and those that all have in common by name."""

    matters: Mapping[str, Matter]
    common: Mapping[str, tuple[Pattern, ...]]
    parts: tuple[tuple[int, str], ...]
    """Up to how many centimetres water reaches to which part of the body."""
    slang: Mapping[str, tuple[str, ...]]


@cache
def grammar() -> Grammar:
    """The grammar, read once; ValueError or KeyError when somebody has broken a file."""
    folder = resources.files("resources").joinpath("demo", "texts")
    common = tomllib.loads(folder.joinpath("common.toml").read_text(encoding="utf-8"))
    categories = tomllib.loads(folder.joinpath("categories.toml").read_text(encoding="utf-8"))
    slang = {word: tuple(shorter) for word, shorter in common.pop("slang").items()}
    parts = tuple((int(cm), str(name)) for cm, name in common.pop("parts"))
    return Grammar(
        {code: _matter(part) for code, part in categories.items()},
        {name: _patterns(texts) for name, texts in common.items()},
        parts,
        slang,
    )


def _matter(part: Mapping[str, Sequence[str]]) -> Matter:
    calm = part["p3"]
    urgent = part.get("p2", calm)
    cores = (part.get("p1", urgent), urgent, calm, part.get("p4", calm))
    why, then = _patterns(part["why"]), _patterns(part["then"])
    return Matter(part["pace"] == "acute", tuple(_patterns(texts) for texts in cores), why, then)


def _patterns(texts: Sequence[str]) -> tuple[Pattern, ...]:
    return tuple(Pattern(text) for text in texts)
