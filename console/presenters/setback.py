"""What somebody else did to what was this operator's: to be seen, and nothing to answer."""

from __future__ import annotations

import msgspec


class Setback(msgspec.Struct, frozen=True):
    """One of them, about a report of a source. `me` is whom it concerns, `of_crew` whether a crew is missing now."""

    source: str
    report: str
    me: str
    bold: str
    text: str
    priority: int
    of_crew: bool
