"""Words found although they are not typed quite as they are written: a letter too many, missing, wrong or swapped."""

from __future__ import annotations

from collections.abc import Iterable

_FORGIVEN = ((4, 1), (8, 2))
"""(from this many letters on, so many slips are forgiven)"""


def slips(one: str, other: str, most: int) -> int:
    """By how many letters two words differ (wrong, missing, too many, or two swapped), at most `most` + 1."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != wanted))
            swapped = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted
            now.append(min(cost, before[column - 2] + 1) if swapped else cost)
        if min(now) > most:
            return most + 1
        before, last = last, now
    return last[-1]


def nearest(word: str, known: Iterable[str]) -> str:
    """Of the known words the one that was most likely meant, "" when none is close. Case does not matter."""
    typed = word.casefold()
    allowed = max((slip for letters, slip in _FORGIVEN if len(typed) >= letters), default=0)
    best, found = allowed + 1, ""
    for one in known:
        if (off := slips(typed, one.casefold(), allowed)) < best:
            best, found = off, one
    return found
