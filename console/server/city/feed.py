"""The feed of a city: what changed after a number, and pages of everything for a first fill."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from api_client.model import Changes, Item, Snapshot
from console.rules.loaded import LIVE_WORK
from console.server.city import schema
from console.server.city.database import Database, present_number
from console.server.errors import GoneRefusal, Invalid

MOST = 2000
MOST_BYTES = 8_000_000
"""How many bytes of objects a page holds, or one object: clients read 32 MB at once and no more."""
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


def changes(database: Database, after: int, limit: int = MOST) -> Changes:
    """The next page of the feed; GoneRefusal when `after` is older than the kept deletions, or not yet reached."""
    limit = max(1, min(limit, MOST))
    with database.read() as connection:
        known = read_meta(connection)
        present = present_number(connection)
        if after > present or after < int(known.get(FLOOR, 0)):
            raise GoneRefusal("This place of the feed is not there (any more). Begin with a snapshot.")
        found: list[Item] = []
        more = False
        if after < present:
            parts = [_after(connection, kind, after, limit + 1) for kind in schema.TABLES]
            end = min((cut for _, cut in parts if cut is not None), default=present + 1)
            merged = heapq.merge(*(part for part, _ in parts), key=lambda item: item.seq)
            found = [item for item in merged if item.seq < end]
            fits = fitting(len(item.data) for item in found[:limit])
            more = end <= present or fits < len(found)
            found = found[:fits]
    items = tuple(found)
    return Changes(known["epoch"], int(known["scope_version"]), after, items[-1].seq if more else present, more, items)


def snapshot(database: Database, after_key: str | None, limit: int = MOST) -> Snapshot:
    """The page after `after_key` (None: the first): open reports newest first, then closed ones; see _IN_ORDER."""
    limit = max(1, min(limit, MOST))
    kind, _, place = (after_key or f"{_IN_ORDER[0]}|").partition("|")
    if kind not in _IN_ORDER:
        raise Invalid("after_key is not one that this server gave.")
    items: list[Item] = []
    next_key: str | None = None
    room = MOST_BYTES
    with database.read() as connection:
        known = read_meta(connection)
        present = present_number(connection)
        whole = _IN_ORDER
        for number, each in enumerate(_IN_ORDER):
            if number < _IN_ORDER.index(kind):
                continue
            wanted = limit - len(items)
            before = place if each == kind else ""
            page, place, is_cut = _page(connection, each, before, wanted, room, 0 if items else 1)
            items += page
            room -= sum(len(item.data) for item in page)
            if is_cut or len(page) == wanted:
                next_key, whole = f"{each}|{place}", _IN_ORDER[:number]
                break
    return Snapshot(known["epoch"], int(known["scope_version"]), present, next_key, tuple(items), whole)


def fitting(sizes: Iterable[int], room: int = MOST_BYTES, *, least: int = 1) -> int:
    """How many of the first objects of these sizes fit into so many bytes; so many at the `least`."""
    count = 0
    for size in sizes:
        room -= size
        if room < 0 and count >= least:
            break
        count += 1
    return count


def read_meta(connection: sa.Connection) -> dict[str, str]:
    """The city's own facts: epoch, scope_version, name, timezone …"""
    return dict(connection.execute(sa.select(schema.meta.c.key, schema.meta.c.value)).all())


def _after(connection: sa.Connection, kind: str, after: int, limit: int) -> tuple[list[Item], int | None]:
    """The objects of a kind behind a number, and the number of the first that did not fit with them."""
    table = schema.TABLES[kind]
    query = (
        sa.select(table.c.seq, table.c.id, table.c.body).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
    )
    # The sizes are read first: two thousand large objects would be most of a gigabyte.
    sizes = connection.execute(query.with_only_columns(table.c.seq, sa.func.length(table.c.body))).all()
    if not sizes:
        return [], None
    fits = fitting(size for _, size in sizes)
    items = [Item(kind, seq, key, msgspec.Raw(body)) for seq, key, body in connection.execute(query.limit(fits))]
    return items, sizes[fits].seq if fits < len(sizes) else None


def _page(
    connection: sa.Connection, kind: str, place: str, limit: int, room: int, least: int
) -> tuple[list[Item], str, bool]:
    """Objects of a kind behind a place, the place of the last, and whether more did not fit into the room."""
    live = kind == LIVE_WORK
    kind = "assignment" if live else kind
    table = schema.TABLES[kind]
    query = sa.select(table.c.seq, table.c.id, table.c.body).limit(limit)
    if live:  # by unit, for which there is an index: a large city has a million jobs that have ended
        query = query.where(table.c.unit.in_(sa.select(schema.units.c.id)), table.c.live == 1)
    if kind != "report":
        query = (query.where(table.c.id > place) if place else query).order_by(table.c.id)
        rows, is_cut = _fitting_rows(connection, query, table, room, least)
        items = [Item(kind, seq, key, msgspec.Raw(body)) for seq, key, body in rows]
        return items, items[-1].id if items else place, is_cut
    return _report_page(connection, query, place, limit, room, least)


def _fitting_rows(
    connection: sa.Connection, query: sa.Select[Any], table: sa.Table, room: int, least: int
) -> tuple[list[Any], bool]:
    """The first rows of a query, as many as fit, and whether that is not all of them."""
    sizes = connection.scalars(query.with_only_columns(sa.func.length(table.c.body))).all()
    fits = fitting(sizes, room, least=least)
    return list(connection.execute(query.limit(fits))) if fits else [], fits < len(sizes)


def _report_page(
    connection: sa.Connection, query: sa.Select[Any], place: str, limit: int, room: int, least: int
) -> tuple[list[Item], str, bool]:
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
        part = part.order_by(table.c.created.desc(), table.c.id.desc()).limit(limit - len(items))
        rows, is_cut = _fitting_rows(connection, part, table, room, 0 if items else least)
        for seq, key, body, when in rows:
            items.append(Item("report", seq, key, msgspec.Raw(body)))
            place = f"{half},{when},{key}"
            room -= len(body)
        if is_cut or len(items) == limit:
            return items, place, is_cut
    return items, place, False


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
