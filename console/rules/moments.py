"""Which times can be: what a report, an edit, a photo or a position may be dated, and what stands for no date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api_client.model import UNKNOWN_TIME

EARLIEST = UNKNOWN_TIME
"""No time that is kept lies before it. It stands for a date that is not known: nothing happened in its first day."""
LATEST = datetime(2101, 1, 1, tzinfo=UTC)
"""Every time that is kept lies before it, what is planned too."""
AHEAD = timedelta(days=7)
"""A clock that is so far ahead is wrong; what bears its time has not happened then."""


def can_be(at: datetime) -> bool:
    """Whether a time lies within what is kept and compared; `at` may have any zone, and without one is of UTC."""
    return EARLIEST <= (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) < LATEST


def known_moment(at: datetime) -> datetime | None:
    """A time that somebody else tells, with its zone; None for one that no clock shows."""
    # protects: nobody-came-at-no-time
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) if can_be(at) else None


def can_have_happened(at: datetime, now: datetime) -> bool:
    """Whether something can have happened then: not before 1970, and no more than seven days after `now`."""
    return can_be(at) and at - now < AHEAD
