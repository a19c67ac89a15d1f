"""The shifts of a control room, by the city's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

_CHANGES = (7, 15, 23)
"""When shifts change where the city's calendar does not say it: at these hours of its clock."""
_AFTER = timedelta(hours=1)
"""So long after a shift has ended it is still the one that is handed over."""


class ShiftSpan(msgspec.Struct, frozen=True):
    """A shift, from `start` to `end` (UTC)."""

    start: datetime
    end: datetime


def shift_at(now: datetime, zone: tzinfo) -> ShiftSpan:
    """The shift that runs at a time in the city's zone."""
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    changes = [midnight + timedelta(days=day, hours=hour) for day in (-1, 0, 1) for hour in _CHANGES]
    end = next(at for at in changes if at > local)
    start = changes[changes.index(end) - 1]
    return ShiftSpan(start.astimezone(UTC), end.astimezone(UTC))


def shift_to_hand_over(now: datetime, zone: tzinfo) -> ShiftSpan:
    """The shift whose hand-over is due: the one that runs, or, in its first hour, the one before it."""
    return shift_at(now - _AFTER, zone)
