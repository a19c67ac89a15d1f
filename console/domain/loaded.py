"""How much has been read of what a figure rests on: a count of what is not here yet is no count."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum


class Loaded(IntEnum):
    """How much of its cities' reports, work and histories this computer has read."""

    NOTHING = 0
    PART = 1
    """A first read is under way, or was broken off: more of everything will come."""
    WHOLE = 2


def loaded_of_all(parts: Collection[Loaded]) -> Loaded:
    """What is so of several sources together: whole only when each of them is."""
    if not parts:
        return Loaded.NOTHING
    return Loaded.PART if min(parts) < max(parts) else min(parts)
