"""What the queue shows of a report, and its tabs: plain texts, numbers and the names of colours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class QueueRow:
    """What one row shows; every text is plain. Levels: 0 in time, 1 late (amber), 2 red."""

    key: int
    priority: int
    status: int
    """An index of the symbols file."""
    letter: str
    letter_token: str
    """The name of the letter's colour in the tokens."""
    status_text: str
    glyph: str
    title: str
    text: str
    place: str
    duplicates: int
    photos: int
    holder: str
    mine: bool
    age: str
    age_level: int
    due: str
    due_level: int
    hold: str
    """What the report waits for, "" when it is not on hold."""
    pending: bool
    """An edit of one's own waits to be sent."""
    doubt: str = ""
    """What speaks against taking it as it is, "" when nothing does."""


@dataclass(frozen=True)
class Tab:
    """One tab; a count of None is not shown, one that is not `known` (yet) is a dash. Tabs with `folds_last` are folded
    last.
    """

    key: str
    label: str
    count: int | None
    known: bool = True
    folds_last: bool = False
