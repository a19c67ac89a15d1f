"""Who sets the city up: drafts that are open at administration pages, and what was applied last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
import sqlalchemy as sa

from console.server.city import schema
from console.server.city.database import Database
from console.server.city.meta import read_setting

APPLIED = "applied"
"""The key of the city's facts."""
_DRAFT_FOR = timedelta(minutes=3)
"""A page tells every minute that its draft is open; browsers let one in the background tell it a little later."""
_CLOCKS_DIFFER = timedelta(minutes=1)
_MOST_APPLIED = 10


class DraftNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page tells of its draft: which tab of a browser it is, and how many rows are changed in it; 0: none."""

    tab: Annotated[str, msgspec.Meta(pattern="^[0-9a-zA-Z]{1,40}$")]
    rows: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class OpenDraft(msgspec.Struct, frozen=True):
    """A draft that is open elsewhere: whose, since when, and how many rows are changed in it."""

    who: str
    since: datetime
    rows: int


class AppliedSetup(msgspec.Struct, frozen=True):
    """What somebody has applied: how many objects of each list, or of the city itself."""

    at: datetime
    who: str
    changed: dict[str, int]


class AppliedList(msgspec.Struct, frozen=True):
    """The last ones, the newest first."""

    last: tuple[AppliedSetup, ...] = ()


class SetupWork(msgspec.Struct, frozen=True):
    """The drafts of others, and of one's own other tabs, the oldest first; what was applied last; and how many consoles
    are open, which have what is applied at once.
    """

    drafts: tuple[OpenDraft, ...]
    applied: tuple[AppliedSetup, ...]
    consoles: int = 0


def note_draft(database: Database, who: str, note: DraftNote, now: datetime) -> SetupWork:
    """Keep that a draft is open, or that it is no more; returns what others do. No audit and no feed tells of it."""
    table = schema.city_drafts
    mine = sa.and_(table.c.user == who, table.c.tab == note.tab)
    is_open = table.c.at.between(schema.micros(now - _DRAFT_FOR), schema.micros(now + _CLOCKS_DIFFER))
    with database.read() as connection:
        since = connection.scalar(sa.select(table.c.since).where(mine, is_open))
        others = connection.execute(sa.select(table).where(is_open, sa.not_(mine)).order_by(table.c.since)).all()
        applied = read_setting(connection, APPLIED, AppliedList).last
    if note.rows or since is not None:
        at = schema.micros(now)
        row = {"user": who, "tab": note.tab, "since": at if since is None else since, "rows": note.rows, "at": at}
        with database.write() as connection:
            connection.execute(sa.delete(table).where(sa.or_(sa.not_(is_open), mine)))
            if note.rows:
                database.upsert(connection, table, [row])
    return SetupWork(tuple(OpenDraft(one.user, schema.moment(one.since), one.rows) for one in others), applied)


def with_applied(before: AppliedList, applied: AppliedSetup) -> AppliedList:
    """The list with one more."""
    return AppliedList((applied, *before.last)[:_MOST_APPLIED])
