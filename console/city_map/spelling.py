"""Words that are nearly alike, by what is left of them when a letter is missing: "tamrin" and "thamrin" share one."""

from __future__ import annotations

_SHORTEST, _LONGEST = 4, 24
_DIGITS = frozenset("0123456789")


def variants(word: str) -> set[str]:
    """The word, and the word without each of its letters; nothing for short words and figures, where a slip is another.

    Two words that share a variant differ by a letter too many, missing, wrong or in the place of its neighbour.
    """
    if not _SHORTEST <= len(word) <= _LONGEST or _DIGITS & set(word):
        return set()
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def slips(said: str, meant: str) -> int:
    """How many letters are added, dropped, changed, or changed with their neighbour, from one word to the other."""
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for at, letter in enumerate(said, 1):
        before, last, row = row, before, [at]
        for to, other in enumerate(meant, 1):
            cost = min(before[to] + 1, row[to - 1] + 1, before[to - 1] + (letter != other))
            if at > 1 and to > 1 and letter == meant[to - 2] and said[at - 2] == other:
                cost = min(cost, last[to - 2] + 1)
            row.append(cost)
    return row[-1]
