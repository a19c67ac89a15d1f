"""Refuse impossible times: none is stored that a calendar cannot represent."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from console.rules.moments import EARLIEST, can_be, can_have_happened
from console.server.city.history import newest_moment
from console.server.errors import Invalid


class Dated(msgspec.Struct, frozen=True):
    """A time that somebody stated, with its name for messages; `planned` times lie ahead, all others have passed."""

    name: str
    at: datetime
    planned: bool = False


def check_date(connection: sa.Connection, now: datetime, one: Dated) -> None:
    """Raise Invalid for a time before 1970, after 2100, or further ahead of `now` than a clock may be wrong.

    A time before the server's own clock was set back does not count as ahead.
    """
    if can_be(one.at) if one.planned else can_have_happened(one.at, now):
        return
    newest = None if one.planned else newest_moment(connection)
    if newest is not None and can_have_happened(one.at, newest):
        return
    day = one.at.date().isoformat()
    if one.at < EARLIEST:
        raise Invalid(f"The {one.name}, {day}, lies before 1970. Look at the date and the clock.")
    raise Invalid(f"The {one.name}, {day}, lies too far ahead. Look at the date and the clock.")
