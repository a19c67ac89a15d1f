"""Which entries the control room's log shows: by their time, who did it, about what, and the words of their lines."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from console.rules.scoped_code import ScopedCode


class SoughtWord(msgspec.Struct, frozen=True):
    """A word that the line of an entry has to contain. It may stand in what somebody wrote, in who did it, or be said
    of what was done: `deeds` are pieces of the JSON of entries whose lines have it, each a group that has to be there
    as a whole.
    """

    text: str
    deeds: tuple[tuple[str, ...], ...] = ()


class LogFilter(msgspec.Struct, frozen=True):
    """Entries that were made from `since` on and before `until`, by their server's clock; None has no such end. Of this
    report (its source and number), about this unit (its source and id), done by this person, with all of these words.
    A word that stands in a message finds its line for who may read it: `readers` are the sources, each with who is
    signed in there.
    """

    since: datetime | None = None
    until: datetime | None = None
    report: ScopedCode | None = None
    unit: ScopedCode | None = None
    person: str = ""
    words: tuple[SoughtWord, ...] = ()
    readers: tuple[ScopedCode, ...] = ()

    @property
    def is_sought(self) -> bool:
        """Whether entries have to be looked at one by one: no index finds them."""
        return self.report is None and bool(self.unit or self.person or self.words)


_HOURS = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*[-–]\s*(\d{1,2})(?:[:.](\d{2}))?")


def hours_of(text: str, day: datetime) -> tuple[datetime, datetime] | None:
    """The time that `12:00-14:00` or `12-14` names on the day that begins at `day`; into the next day where it ends
    before it begins. None for any other text.
    """
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        return None
    first, first_minute, last, last_minute = (int(part or 0) for part in found.groups())
    if first > 23 or last > 24 or first_minute > 59 or last_minute > 59:
        return None
    since = day + timedelta(hours=first, minutes=first_minute)
    until = day + timedelta(hours=last, minutes=last_minute)
    return since, until if until > since else until + timedelta(days=1)
