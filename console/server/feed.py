"""The feed of a city: what changed after a number, and pages of everything for a first fill."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from console.domain.loaded import LIVE_WORK
from console.server import schema
from console.server.database import Database, present_number
from console.server.refusals import Gone, Invalid

MOST = 2000
FLOOR = "gone_floor"
_IN_ORDER = (
    *(kind for kind in schema.TABLES if kind not in ("report", "assignment", "entry", "gone")),
    LIVE_WORK,
    "report",
    "assignment",
    "entry",
)
"""What a first fill brings, in its order: the vocabulary with the units, their work, reports, all work, histories."""
_PLACE = re.compile("([01]),(-?[0-9]{1,18}),(.*)", re.DOTALL)


class Item(msgspec.Struct, frozen=True):
    """One object in its present state; `data` is JSON as stored."""

    kind: str
    seq: int
    id: str
    data: msgspec.Raw


class Changes(msgspec.Struct, frozen=True, rename={"start": "from"}):
    """Every object whose last change lies in (start, upto], each once, in commit order."""

    epoch: str
    scope_version: int
    start: int
    upto: int
    more: bool
    items: tuple[Item, ...]


class Snapshot(msgspec.Struct, frozen=True):
    """A page of everything; the client reads changes after the first page's `seq`.

    `whole` are the kinds of which nothing is on a later page: what rests on them can be told before all has come.
    """

    epoch: str
    scope_version: int
    seq: int
    next_key: str | None
    items: tuple[Item, ...]
    whole: tuple[str, ...]


def changes(database: Database, after: int, limit: int = MOST) -> Changes:
    """The next page of the feed. Raises Gone when `after` is older than the kept deletions, or not yet reached."""
    limit = max(1, min(limit, MOST))
    with database.read() as connection:
        known = read_meta(connection)
        present = present_number(connection)
        if after > present or after < int(known.get(FLOOR, 0)):
            raise Gone("This place of the feed is not there (any more). Begin with a snapshot.")
        found: list[Item] = []
        if after < present:
            parts = [_after(connection, kind, after, limit + 1) for kind in schema.TABLES]
            found = list(heapq.merge(*parts, key=lambda item: item.seq))[: limit + 1]
    more = len(found) > limit
    items = tuple(found[:limit])
    return Changes(known["epoch"], int(known["scope_version"]), after, items[-1].seq if more else present, more, items)


def snapshot(database: Database, after_key: str | None, limit: int = MOST) -> Snapshot:
    """The page after `after_key` (None: the first): open reports newest first, then closed ones; see _IN_ORDER."""
    limit = max(1, min(limit, MOST))
    kind, _, place = (after_key or f"{_IN_ORDER[0]}|").partition("|")
    if kind not in _IN_ORDER:
        raise Invalid("after_key is not one that this server gave.")
    items: list[Item] = []
    next_key: str | None = None
    with database.read() as connection:
        known = read_meta(connection)
        present = present_number(connection)
        whole = _IN_ORDER
        for number, each in enumerate(_IN_ORDER):
            if number < _IN_ORDER.index(kind):
                continue
            wanted = limit - len(items)
            page, place = _page(connection, each, place if each == kind else "", wanted)
            items += page
            if len(page) == wanted:
                next_key, whole = f"{each}|{place}", _IN_ORDER[:number]
                break
    return Snapshot(known["epoch"], int(known["scope_version"]), present, next_key, tuple(items), whole)


def read_meta(connection: sa.Connection) -> dict[str, str]:
    """The city's own facts: epoch, scope_version, name, timezone …"""
    return dict(connection.execute(sa.select(schema.meta.c.key, schema.meta.c.value)).all())


def _after(connection: sa.Connection, kind: str, after: int, limit: int) -> list[Item]:
    table = schema.TABLES[kind]
    rows = connection.execute(
        sa.select(table.c.seq, table.c.id, table.c.body).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
    )
    return [Item(kind, seq, key, msgspec.Raw(body)) for seq, key, body in rows]


def _page(connection: sa.Connection, kind: str, place: str, limit: int) -> tuple[list[Item], str]:
    live = kind == LIVE_WORK
    kind = "assignment" if live else kind
    table = schema.TABLES[kind]
    query = sa.select(table.c.seq, table.c.id, table.c.body).limit(limit)
    if live:  # by unit, for which there is an index: a large city has a million jobs that have ended
        query = query.where(table.c.unit.in_(sa.select(schema.units.c.id)), table.c.live == 1)
    if kind != "report":
        query = query.where(table.c.id > place) if place else query
        items = [
            Item(kind, seq, key, msgspec.Raw(body)) for seq, key, body in connection.execute(query.order_by(table.c.id))
        ]
        return items, items[-1].id if items else place
    return _report_page(connection, query, place, limit)


def _report_page(connection: sa.Connection, query: sa.Select[Any], place: str, limit: int) -> tuple[list[Item], str]:
    """Reports in the order (open first, newest first, id); a place reads "closed,created,id"."""
    table = schema.reports
    closed, created, last = _place(place)
    items: list[Item] = []
    for half in (0, 1):
        if half < closed:
            continue
        part = query.add_columns(table.c.created).where(table.c.closed == half)
        if half == closed and created is not None:
            older = sa.and_(table.c.created == created, table.c.id < last)
            part = part.where(table.c.created <= created).where(sa.or_(table.c.created < created, older))
        rows = connection.execute(
            part.order_by(table.c.created.desc(), table.c.id.desc()).limit(limit - len(items))
        ).all()
        for seq, key, body, when in rows:
            items.append(Item("report", seq, key, msgspec.Raw(body)))
            place = f"{half},{when},{key}"
        if len(items) == limit:
            break
    return items, place


def _place(text: str) -> tuple[int, int | None, str]:
    if not text:
        return 0, None, ""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise Invalid("after_key is not one that this server gave.")
    return int(found[1]), int(found[2]), found[3]


def pages(database: Database) -> Iterator[Snapshot]:
    """All pages of a first fill, for tests and tools."""
    page = snapshot(database, None)
    yield page
    while page.next_key is not None:
        page = snapshot(database, page.next_key)
        yield page
