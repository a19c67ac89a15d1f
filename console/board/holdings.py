"""How many open reports each user has taken, of a whole snapshot at once."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from console.board.snapshot import BoardSnapshot, are_open
from console.rules.report import HAZARD
from console.rules.scoped_code import ScopedCode


class Holding(msgspec.Struct, frozen=True):
    """What one user has taken: open reports, and the P1 among them."""

    open: int
    hazards: int


def holdings(snapshot: BoardSnapshot, code: Callable[[str, int], str | None]) -> dict[ScopedCode, Holding]:
    """By source and user name; who has taken nothing is missing, and so is a report that is offered to everybody.

    `code` gives the word behind the number of a "source" or a "user".
    """
    column = snapshot.column
    taken = are_open(snapshot) & (column("claim") > 0)
    at = np.flatnonzero(taken)
    both = np.stack([column("source")[at], column("claim")[at]], axis=1)
    people, which, counts = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    hazards = np.bincount(which.ravel(), weights=column("priority")[at] == HAZARD, minlength=len(people))
    return {
        (code("source", int(source)) or "", code("user", int(user)) or ""): Holding(int(count), int(burning))
        for (source, user), count, burning in zip(people, counts, hazards, strict=True)
    }
