"""The feed of a city: what changed after a number, and pages of everything for a first fill."""

from __future__ import annotations

import functools
import heapq
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from api_client.model import Changes, Item, Snapshot
from console.rules.loaded import LIVE_WORK
from console.server.city import schema
from console.server.city.database import Database, present_number
from console.server.city.meta import meta_value, read_meta
from console.server.errors import GoneRefusal, Invalid

MOST = 2000
MOST_BYTES = 8_000_000
"""How many bytes of objects a page holds, or one object: clients read 32 MB at once and no more."""
FLOOR = "gone_floor"
_IN_ORDER = (
    *(kind for kind in schema.FEED if kind not in ("report", "assignment", "entry", "gone")),
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
        floor = meta_value(connection, FLOOR)
        if floor is not None and after < int(floor):
            raise _no_place()
        return page_after(connection, schema.FEED, after, limit)


def page_after(connection: sa.Connection, kinds: tuple[str, ...], after: int, limit: int) -> Changes:
    """The objects of some kinds whose last change has a higher number, as many as fit; GoneRefusal when `after` is not
    reached yet.
    """
    known = read_meta(connection)
    present = present_number(connection)
    if after > present:
        raise _no_place()
    found: list[Item] = []
    more = False
    if after < present:
        newest = zip(kinds, connection.execute(_newest(kinds)).one(), strict=True)
        grown = [kind for kind, last in newest if last is not None and last > after]
        parts = [_after(connection, kind, after, limit + 1) for kind in grown]
        end = min((cut for _, cut in parts if cut is not None), default=present + 1)
        merged = heapq.merge(*(part for part, _ in parts), key=lambda item: item.seq)
        found = [item for item in merged if item.seq < end]
        fits = fitting(len(item.data) for item in found[:limit])
        more = end <= present or fits < len(found)
        found = found[:fits]
    items = tuple(found)
    return Changes(known["epoch"], int(known["scope_version"]), after, items[-1].seq if more else present, more, items)


def _no_place() -> GoneRefusal:
    return GoneRefusal("This place of the feed is not there (any more). Begin with a snapshot.")


@functools.cache
def _newest(kinds: tuple[str, ...]) -> sa.Select[Any]:
    """For each kind the number of its last change, None without objects: most kinds have nothing new."""
    tables = {kind: schema.TABLES[kind] for kind in kinds}
    return sa.select(
        *(sa.select(sa.func.max(table.c.seq)).scalar_subquery().label(kind) for kind, table in tables.items())
    )


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


class _Query(NamedTuple):
    """A query of objects for a page and that of their numbers and sizes; both take how many at `most`.

    Each is put together once: that takes longer than to run it.
    """

    rows: sa.Select[Any]
    sizes: sa.Select[Any]


def _limited(rows: sa.Select[Any], table: sa.Table) -> _Query:
    rows = rows.limit(sa.bindparam("most", type_=sa.Integer))
    return _Query(rows, rows.with_only_columns(table.c.seq, sa.func.length(table.c.body)))


@functools.cache
def _changed(kind: str) -> _Query:
    """The objects of a kind behind the number `after`."""
    table = schema.TABLES[kind]
    rows = sa.select(table.c.seq, table.c.id, table.c.body).where(table.c.seq > sa.bindparam("after"))
    return _limited(rows.order_by(table.c.seq), table)


@functools.cache
def _by_id(kind: str, *, begun: bool) -> _Query:
    """The objects of a kind that is no report in the order of their ids, `begun` behind the id `place`."""
    table = schema.TABLES["assignment" if kind == LIVE_WORK else kind]
    rows = sa.select(table.c.seq, table.c.id, table.c.body).order_by(table.c.id)
    if kind == LIVE_WORK:  # by unit, for which there is an index: a large city has a million jobs that have ended
        rows = rows.where(table.c.unit.in_(sa.select(schema.units.c.id)), table.c.live == 1)
    return _limited(rows.where(table.c.id > sa.bindparam("place")) if begun else rows, table)


@functools.cache
def _newest_first(*, begun: bool) -> _Query:
    """The reports that are `closed` or not, the newest first, `begun` behind the moment `created` and the id `last`."""
    table = schema.reports
    rows = sa.select(table.c.seq, table.c.id, table.c.body, table.c.created)
    rows = rows.where(table.c.closed == sa.bindparam("closed"))
    if begun:
        created = sa.bindparam("created", type_=sa.BigInteger)
        older = sa.and_(table.c.created == created, table.c.id < sa.bindparam("last"))
        rows = rows.where(table.c.created <= created).where(sa.or_(table.c.created < created, older))
    return _limited(rows.order_by(table.c.created.desc(), table.c.id.desc()), table)


def _fitting_rows(
    connection: sa.Connection, query: _Query, values: dict[str, Any], room: int = MOST_BYTES, *, least: int = 1
) -> tuple[list[Any], int | None]:
    """The first rows of a query, as many as fit, and the number of the first that did not fit with them.

    The sizes are read first: two thousand large objects would be most of a gigabyte.
    """
    sizes = connection.execute(query.sizes, values).all()
    fits = fitting((size for _, size in sizes), room, least=least)
    rows = list(connection.execute(query.rows, values | {"most": fits})) if fits else []
    return rows, sizes[fits].seq if fits < len(sizes) else None


def _after(connection: sa.Connection, kind: str, after: int, limit: int) -> tuple[list[Item], int | None]:
    """The objects of a kind behind a number, and the number of the first that did not fit with them."""
    rows, cut = _fitting_rows(connection, _changed(kind), {"after": after, "most": limit})
    return [Item(kind, seq, key, msgspec.Raw(body)) for seq, key, body in rows], cut


def _page(
    connection: sa.Connection, kind: str, place: str, limit: int, room: int, least: int
) -> tuple[list[Item], str, bool]:
    """Objects of a kind behind a place, the place of the last, and whether more did not fit into the room."""
    if kind == "report":
        return _report_page(connection, place, limit, room, least)
    values = {"place": place, "most": limit} if place else {"most": limit}
    rows, cut = _fitting_rows(connection, _by_id(kind, begun=bool(place)), values, room, least=least)
    kind = "assignment" if kind == LIVE_WORK else kind
    items = [Item(kind, seq, key, msgspec.Raw(body)) for seq, key, body in rows]
    return items, items[-1].id if items else place, cut is not None


def _report_page(
    connection: sa.Connection, place: str, limit: int, room: int, least: int
) -> tuple[list[Item], str, bool]:
    """Reports in the order (open first, newest first, id); a place reads "closed,created,id"."""
    closed, created, last = _place(place)
    items: list[Item] = []
    for half in (0, 1):
        if half < closed:
            continue
        begun = half == closed and created is not None
        values: dict[str, Any] = {"closed": half, "most": limit - len(items)}
        if begun:
            values |= {"created": created, "last": last}
        query = _newest_first(begun=begun)
        rows, cut = _fitting_rows(connection, query, values, room, least=0 if items else least)
        for seq, key, body, when in rows:
            items.append(Item("report", seq, key, msgspec.Raw(body)))
            place = f"{half},{when},{key}"
            room -= len(body)
        if cut is not None or len(items) == limit:
            return items, place, cut is not None
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
