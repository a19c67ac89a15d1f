"""Closed streets and flooded areas of a city: who may close what, what an edit or its undo does, how they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from msgspec import UNSET
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import Closure, ClosureChange, EditBody, Entry
from console.rules.apply import AreaAt
from console.rules.closure import MOST_CORNERS, ClosureFault, closure_after, corners, count_corners, middle
from console.rules.report import upwards
from console.server.city import audit, schema
from console.server.city.database import Database
from console.server.city.edit_context import Before, entry_apart
from console.server.city.numbered import drop_things
from console.server.city.payload_check import kept_data, payload_of
from console.server.city.records import SERVER, Actor
from console.server.city.rights import check_may_undo
from console.server.city.undo import UndoneEntry
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import ForbiddenRefusal, Invalid, NotFound

MOST_OPEN = 500
"""So many are not over at once: every console keeps all of them, and finds its ways around them."""

_KEEP = timedelta(days=30)
_AT_ONCE = 200


class CityBorders(msgspec.Struct, frozen=True):
    """Where the city is: the area around a place, and whether there are borders by which that can be told."""

    area_at: AreaAt
    are_known: Callable[[], bool] = lambda: False


def change_closure(unit_of_work: UnitOfWork, edit: EditBody, actor: Actor, borders: CityBorders) -> Entry:
    """Make, change or end a closure; returns the entry without its id. Raises Refusal."""
    change = payload_of(edit, ClosureChange)
    before = unit_of_work.closure(change.closure)
    if before is None:
        _check_new(unit_of_work, change)
    else:
        _check_in_scope(unit_of_work, actor, before.areas)
        _check_seen(before, change, edit.occurred_at)
    try:
        after = closure_after(before, change, unit_of_work.now, actor.name, edit.occurred_at)
    except ClosureFault as fault:
        raise Invalid(str(fault)) from fault
    if before is None or change.geometry is not UNSET:
        after = replace(after, areas=_areas_of(after, borders))
        _check_in_scope(unit_of_work, actor, after.areas)
    if isinstance(change.report, str) and not unit_of_work.has("report", change.report):
        raise Invalid(f"There is no report {change.report}.")
    if before is None or change.geometry is not UNSET or change.ended is False:
        _check_room(unit_of_work, after)
        _check_count(unit_of_work, after)
    unit_of_work.put(after)
    return entry_apart(unit_of_work, edit, actor, after.words, kept_data(edit))


def undo_closure(unit_of_work: UnitOfWork, edit: EditBody, actor: Actor, undone_entry: UndoneEntry) -> Entry:
    """Put a closure back to what it was before an edit; one that the edit made is ended. Raises Refusal."""
    check_may_undo(actor, undone_entry.entry.author)
    closure = unit_of_work.closure(str(undone_entry.entry.data.get("closure")))
    if closure is None:
        raise Invalid("The closure is no longer there.")
    _check_in_scope(unit_of_work, actor, closure.areas)
    before, now = undone_entry.before.closure, unit_of_work.now
    # protects: undo-of-a-closure-overwrites-nobody
    if closure.version != (before.version if before is not None else 0) + 1 and (before or not closure.is_over(now)):
        raise Invalid(f"It cannot be taken back: {closure.updated_by} has changed the closure since.")
    if before is None:
        back = closure if closure.is_over(now) else replace(closure, ended=now)
    else:
        back = replace(before, created=closure.created)
    after = replace(back, updated=now, updated_by=actor.name, version=closure.version + 1)
    # protects: undo-closes-no-more-than-is-kept
    if not after.is_over(now):
        _check_room(unit_of_work, after)
        _check_count(unit_of_work, after)
    unit_of_work.put(after)
    data = {"closure": closure.id, "undoes": edit.undoes}
    return entry_apart(unit_of_work, edit, actor, after.words, data)


def closure_before(closure: Closure | None) -> bytes:
    """The JSON that is kept with a closure's entry for undo."""
    return msgspec.json.encode(Before(closure=closure))


def end_closures(database: Database, now: datetime) -> int:
    """End the closures whose time is over by the server's clock; returns how many. Several servers may do it at once.

    Who reads one knows already that it is over (`Closure.is_over`); that it was ended stands in the feed from now on.
    """
    table = schema.closures
    over = sa.select(table.c.id).where(table.c.until <= schema.micros(now)).order_by(table.c.id).limit(_AT_ONCE)
    ended = 0
    while True:
        with database.read() as connection:  # nobody's edit waits for that
            keys = list(connection.execute(over).scalars())
        if not keys:
            return ended
        with database.write() as connection:
            unit_of_work = UnitOfWork(database, connection, now)
            found = [closure for key in keys if (closure := unit_of_work.closure(key)) is not None]
            found = [closure for closure in found if closure.ended is None and closure.is_over(now)]
            for closure in found:
                unit_of_work.put(
                    replace(
                        closure, ended=closure.until, updated=now, updated_by=SERVER.name, version=closure.version + 1
                    )
                )
            last = unit_of_work.settle()
            detail = {"kind": "closure", "reason": "its time was over"}
            actions = [audit.AuditedAction(SERVER, audit.WRITE, None, None, detail | {"closure": c.id}) for c in found]
            if actions:
                audit.append(connection, now, *actions)
        if not found:
            return ended
        database.announce(last, users=False)
        ended += len(found)


def drop_old_closures(database: Database, connection: sa.Connection, now: datetime) -> None:
    """Delete the closures that ended 30 days ago; the history of who closed what stays."""
    table = schema.closures
    old = sa.select(table.c.id).where(table.c.ended < schema.micros(now - _KEEP))
    drop_things(database, connection, "closure", list(connection.execute(old).scalars()), now)


def _check_new(unit_of_work: UnitOfWork, change: ClosureChange) -> None:
    if change.kind is UNSET or change.geometry is UNSET:
        raise NotFound(f"There is no closure {change.closure}.")
    if change.seen:
        raise Invalid(f"There is no closure {change.closure} any more.")


def _check_count(unit_of_work: UnitOfWork, after: Closure) -> None:
    """Raise Invalid when so many others are not over that no console keeps this one, too."""
    table = schema.closures
    others = sa.select(sa.func.count()).where(table.c.ended.is_(None), table.c.id != after.id)
    # protects: closures-are-not-without-end
    if (unit_of_work.connection.scalar(others) or 0) >= MOST_OPEN and not after.is_over(unit_of_work.now):
        raise Invalid(f"There are {MOST_OPEN} closures in the city: end some of them first.")


def _check_room(unit_of_work: UnitOfWork, after: Closure) -> None:
    """Raise Invalid when the closures that are not over have more corners with this one than a console keeps."""
    table = schema.closures
    others = sa.select(table.c.body).where(table.c.ended.is_(None), table.c.id != after.id)
    found = [decode(body, Closure) for body in unit_of_work.connection.execute(others).scalars()]
    count = sum(count_corners(one.geometry) for one in (after, *found))
    # protects: closures-have-no-more-corners-than-are-kept
    if count > MOST_CORNERS and not after.is_over(unit_of_work.now):
        raise Invalid(
            f"The closures of the city would have more than {MOST_CORNERS:,} corners together: "
            "end some of them first, or draw this one with fewer."
        )


def _check_seen(before: Closure, change: ClosureChange, occurred_at: datetime | None) -> None:
    """Raise Invalid when somebody has changed the closure since. Who says of no version that he saw it may end it,
    unless it was changed after that was decided.
    """
    fields = ("kind", "geometry", "width_m", "since", "until", "words", "said_by", "report")
    given = {name: value for name in fields if (value := getattr(change, name)) is not UNSET}
    opens = change.ended is False and before.ended is not None
    is_late = occurred_at is not None and occurred_at < before.updated
    # protects: late-end-of-a-closure-opens-no-flood
    ends_unseen = change.ended is True and before.ended is None and (change.seen > 0 or is_late)
    if not opens and not ends_unseen and all(getattr(before, name) == value for name, value in given.items()):
        return
    # protects: closure-changed-since-is-not-overwritten
    if change.seen != before.version:
        who, at = before.updated_by, before.updated
        raise Invalid(f"{who} has changed this closure at {at:%H:%M} UTC, which was not seen. Look at it again.")


def _areas_of(closure: Closure, borders: CityBorders) -> tuple[str, ...]:
    """The areas in which it lies. Raises Invalid when it lies in none of a city that has borders."""
    places: Iterable[tuple[float, float]] = (*corners(closure.geometry), middle(closure.geometry))
    found = {area[0] for lat, lon in places if (area := borders.area_at(lat, lon)) is not None}
    # protects: closure-lies-in-the-city
    if not found and borders.are_known():
        raise Invalid("It lies outside of the city.")
    return tuple(sorted(found))


def _check_in_scope(unit_of_work: UnitOfWork, actor: Actor, areas: Iterable[str]) -> None:
    """Raise ForbiddenRefusal when none of the areas is the actor's. An agency's matters lie in the whole city."""
    if not actor.areas:
        return
    around = (code for area in areas for code in upwards(area, unit_of_work.area))
    # protects: closures-within-ones-scope
    if not any(code in actor.areas for code in around):
        raise ForbiddenRefusal(f"This place is outside the areas of {actor.name}.")


def read_closures(connection: sa.Connection) -> list[Closure]:
    """All closures, in the order of their ids."""
    rows = connection.execute(sa.select(schema.closures.c.body).order_by(schema.closures.c.id)).scalars()
    return [decode(body, Closure) for body in rows]
