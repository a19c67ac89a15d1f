"""Refuses times that cannot be: nothing that is kept is dated where no calendar of ours reaches."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from console.rules.moments import EARLIEST, can_be, can_have_happened
from console.server.city.history import newest_moment
from console.server.errors import Invalid


class Dated(msgspec.Struct, frozen=True):
    """A time that somebody told, by its name for people; what is `planned` lies ahead, the others have happened."""

    name: str
    at: datetime
    planned: bool = False


def check_date(connection: sa.Connection, now: datetime, one: Dated) -> None:
    """Invalid when it cannot be: before 1970, beyond 2100, or so far ahead of `now` as no clock goes wrong unnoticed.

    What was done before this server's own clock was set back is not ahead of it.
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
