"""How much has been read of what a figure rests on; until all of it has been, the figure is shown as not known."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum

LIVE_WORK = "live_assignment"
"""The unfinished work of units as a kind of a first fill: it comes before the reports, and again with all work."""

_FOR_WORK = frozenset({"service", "area", "unit", LIVE_WORK})
"""What must be here before it can be told who is free for a report."""


class Loaded(IntEnum):
    """How much of its cities' reports, work and histories this computer has read."""

    NOTHING = 0
    PART = 1
    """A first read is under way, or was broken off: more of everything will come."""
    WORK = 2
    """Units, all their unfinished work and the vocabulary: who is free can be told."""
    REPORTS = 3
    """All reports besides: they can be counted. What is missing is what was done to them before."""
    WHOLE = 4


def loaded_by(whole: Collection[str]) -> Loaded:
    """How much of a source is here while a first fill goes on that has brought these kinds whole."""
    if not _FOR_WORK.issubset(whole):
        return Loaded.PART
    return Loaded.REPORTS if "report" in whole else Loaded.WORK


def loaded_of_all(parts: Collection[Loaded]) -> Loaded:
    """What is so of several sources together: whole only when each of them is."""
    if not parts:
        return Loaded.NOTHING
    least = min(parts)
    return Loaded.PART if least is Loaded.NOTHING and max(parts) > least else least
