"""What the report panel shows of a report: plain texts, numbers and the names of keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from widgets.photos import PhotoCard
from widgets.slabar import SlaSegment


@dataclass(frozen=True)
class Strip:
    """A line under the clocks that asks for something, or warns.

    `kind` is `not_sent`, `expired`, `conflict` or `closure` (amber), or `hold` (grey).
    """

    kind: str
    text: str
    key_text: str
    intent: str


@dataclass(frozen=True)
class AdviceRow:
    """A recommended unit."""

    id: str
    code: str
    state_key: str
    """The unit's state as the symbols file names it."""
    line: str
    eta: str
    distance: str
    stale: bool


@dataclass(frozen=True)
class DuplicateRow:
    """A possible duplicate."""

    key: int
    number: str
    text: str
    distance: str
    age: str
    why: str
    priority: int
    status: int


@dataclass(frozen=True)
class StepRow:
    """A step of the run card; `done` says by whom and when it was, "" while it is not. `may_go`: the operator may say
    that it was not done after all.
    """

    words: str
    done: str = ""
    may_go: bool = False


@dataclass(frozen=True)
class TimelineRow:
    """An entry. `mark` is hollow (saved), half (sent), solid (received) or ""; level 1 is a refusal."""

    when: str
    text: str
    mark: str
    level: int


@dataclass(frozen=True)
class ActionButton:
    """A verb at the bottom with its own key; `why_not` says why it is not enabled.

    The `filled` one is what Enter does while the panel has the keyboard.
    """

    id: str
    text: str
    key_text: str
    filled: bool
    enabled: bool
    why_not: str


@dataclass(frozen=True)
class Ticket:
    """Everything the panel shows of a report; every text is plain."""

    number: str
    holder: str
    title: str
    priority: int
    priority_text: str
    status: int
    letter: str
    letter_token: str
    status_text: str
    facts: Sequence[tuple[str, str, str]]
    """(label, text, the dim rest); a small panel leaves those out whose label is among `lesser_facts`."""
    text: str
    meta: Sequence[str]
    sla: Sequence[SlaSegment] = ()
    strips: Sequence[Strip] = ()
    photos: Sequence[PhotoCard] = ()
    advice: Sequence[AdviceRow] = ()
    advice_basis: str = ""
    advice_empty: str = ""
    duplicates: Sequence[DuplicateRow] = ()
    merged: Sequence[DuplicateRow] = ()
    """The reports that were closed as duplicates of this one."""
    timeline: Sequence[TimelineRow] = ()
    actions: Sequence[ActionButton] = field(default_factory=tuple)
    card: str = ""
    """What the run card is called, whose `steps` these are."""
    steps: Sequence[StepRow] = ()
    meta_of_crews: int = 0
    """How many of `meta`, at its beginning, are about crews."""
    duplicates_basis: str = ""
    """What counts as a possible duplicate (`within 100 m, 24 h`)."""
    unread: str = ""
    """What stands in place of duplicates and entries that are not read yet: that there are none is not known."""
    lesser_facts: Collection[str] = ()
    you: str = ""
    """The word of `holder` that means the operator; it stands out."""
