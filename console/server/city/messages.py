"""Messages of a city: who writes to whom, who has read them, and what each reader gets of them.

They are in no feed: each reader is given those that are to him, his own, and as a supervisor those of his scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import Changes, EditBody, Entry, Item, Message, NewMessage, ReadMark, ReadMessages, Unit
from console.rules.correspondence import MessageReader, is_to, may_read, why_nobody, why_not_to
from console.rules.report import upwards
from console.server.city import feed, schema
from console.server.city.database import Database
from console.server.city.edit_context import entry_apart
from console.server.city.numbered import drop_things
from console.server.city.payload_check import kept_data, payload_of
from console.server.city.records import Actor
from console.server.city.rights import check_unit_scope, unit_called
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import ForbiddenRefusal, Invalid, NotFound

_WAITS = timedelta(days=7)
"""No message waits longer on a phone or at a desk: one that says to be older was dated by a clock that is wrong."""
_encode = msgspec.json.Encoder().encode


def write_message(unit_of_work: UnitOfWork, edit: EditBody, actor: Actor) -> Entry:
    """Keep a message; returns the entry without its id and without the words. Raises Refusal."""
    if edit.undoes is not None:
        raise Invalid("A message is not taken back: write another one.")
    new = payload_of(edit, NewMessage)
    if not new.text.strip():
        raise Invalid("The message is empty.")
    if why := why_nobody(new.to):
        raise Invalid(f"{why}.")
    # protects: who-may-write-to-whom
    if why := why_not_to(actor.role, new.to):
        raise ForbiddenRefusal(f"{why}.")
    own = _own_unit(unit_of_work, actor)
    if actor.role == "field" and own is None:
        raise ForbiddenRefusal(f"There is no unit {actor.name} that could write.")
    unit = own
    if new.to.unit is not None:
        unit = unit_of_work.unit(new.to.unit)
        if unit is None or unit.valid_to is not None:
            raise NotFound(f"There is no unit {new.to.unit}.")
        check_unit_scope(unit_of_work, actor, unit)
    if new.to.area is not None and unit_of_work.area(new.to.area) is None:
        raise NotFound(f"There is no area {new.to.area}.")
    if new.report is not None and not unit_of_work.has("report", new.report):
        raise NotFound(f"There is no report {new.report}.")
    areas = unit.areas if unit is not None else (new.to.area,) if new.to.area is not None else ()
    unit_of_work.put(
        Message(
            id=edit.id,
            author=actor.name,
            at=_written_at(edit, unit_of_work.now),
            to=new.to,
            text=new.text,
            report=new.report,
            unit=own.id if own is not None else None,
            areas=areas,
            around=tuple(sorted(_around(unit_of_work, areas))),
            agency=unit.agency if unit is not None else None,
            late=edit.late,
        )
    )
    # protects: words-of-messages-are-in-no-feed
    data = {name: value for name, value in kept_data(edit).items() if name != "text"}
    return entry_apart(unit_of_work, edit, actor, "", data)


def _written_at(edit: EditBody, now: datetime) -> datetime:
    """When a message was written; when it came where its author's clock cannot be believed, as it would be the oldest
    of its thread, and dropped within the hour as if it had been kept for long.
    """
    at = edit.occurred_at or now
    # protects: a-wrong-clock-drops-no-message
    return at if now - _WAITS < at <= now else now


def mark_read(unit_of_work: UnitOfWork, edit: EditBody, actor: Actor) -> Entry:
    """Note that the actor has read messages; returns the entry without its id. Raises Refusal.

    What is gone meanwhile, or not for him, is left out; refused is an edit of which nothing is left.
    """
    if edit.undoes is not None:
        raise Invalid("What was read stays read.")
    now, reader = unit_of_work.now, reader_of(unit_of_work, actor)
    found: list[str] = []
    for key in dict.fromkeys(payload_of(edit, ReadMessages).messages):
        message = unit_of_work.message(key)
        # protects: only-what-is-readable-is-marked
        if message is None or not may_read(message, reader):
            continue
        found.append(key)
        mark = ReadMark(
            f"{key} {actor.name}", key, actor.name, min(edit.occurred_at or now, now), is_to(message, reader)
        )
        if message.author != actor.name and not unit_of_work.has("read_mark", mark.id):
            unit_of_work.put(mark)
    if not found:
        raise NotFound("There is no such message.")
    return entry_apart(unit_of_work, edit, actor, "", {"messages": found})


def reader_of(unit_of_work: UnitOfWork, actor: Actor) -> MessageReader:
    """The actor as a reader of messages: a crew also by where its unit works, and by its agency."""
    own = _own_unit(unit_of_work, actor)
    areas, agencies = actor.areas, actor.agencies
    if own is not None:
        areas = areas or own.areas
        agencies = agencies or ((own.agency,) if own.agency is not None else ())
    return MessageReader(
        actor.name,
        actor.role,
        frozenset(areas),
        frozenset(_around(unit_of_work, areas)),
        frozenset(agencies),
        frozenset({own.id} if own is not None else ()),
    )


def messages_after(database: Database, actor: Actor, now: datetime, after: int, limit: int) -> Changes:
    """The next page of what the actor may read of messages and read marks, as `feed.changes` gives of all else.

    Raises GoneRefusal when `after` is not reached yet.
    """
    with database.read() as connection:
        page = feed.page_after(connection, schema.PRIVATE, after, limit)
        reader = reader_of(UnitOfWork(database, connection, now), actor)
        marks = [decode(bytes(item.data), ReadMark) for item in page.items if item.kind == "read_mark"]
        messages = _messages(connection, {mark.message for mark in marks})
    of_mark = {mark.id: mark.message for mark in marks}
    items = []
    for item in page.items:
        if item.kind == "message":
            message = decode(bytes(item.data), Message)
            if may_read(message, reader):
                items.append(_as_read_by(message, reader, item))
        elif (about := messages.get(of_mark[item.id])) is not None and may_read(about, reader):
            items.append(item)
    return replace(page, items=tuple(items))


def conversation(
    database: Database, actor: Actor, unit: Unit, now: datetime, since: datetime, most: int
) -> list[tuple[Message, tuple[ReadMark, ...]]]:
    """The newest messages of a unit that were written after a time, the oldest first, with who has read each: those to
    it and from it, and for its crew those to roles, areas and everyone that it may read; `most` of either.
    """
    table, marks = schema.messages, schema.read_marks
    newest = sa.select(table.c.body).where(table.c.at > schema.micros(since)).order_by(table.c.at.desc(), table.c.id)
    found: dict[str, Message] = {}
    with database.read() as connection:
        reader = reader_of(UnitOfWork(database, connection, now), actor)
        # protects: what-is-to-a-unit-is-not-crowded-out
        looked_for = [(newest.where(table.c.unit == unit.id), most)]
        if unit.id in reader.units:
            looked_for.append((newest.where(table.c.unit.is_(None)), _LOOKED_THROUGH))
        for wanted, looked_through in looked_for:
            messages = (decode(body, Message) for body in connection.execute(wanted.limit(looked_through)).scalars())
            readable = [one for one in messages if may_read(one, reader)]
            found |= {one.id: replace(one, to_you=is_to(one, reader)) for one in readable[:most]}
        rows = connection.execute(sa.select(marks.c.body).where(marks.c.message.in_(found)).order_by(marks.c.seq))
        read = [decode(body, ReadMark) for body in rows.scalars()]
    in_order = sorted(found.values(), key=lambda one: one.at)
    return [(one, tuple(mark for mark in read if mark.message == one.id)) for one in in_order]


_LOOKED_THROUGH = 300
"""Of so many that are to no unit a crew's newest are found: others are to roles and areas of which it is none."""


def drop_old_messages(database: Database, connection: sa.Connection, now: datetime, keep: timedelta) -> None:
    """Delete the messages that are older than `keep`, with their read marks; those that are kept with a report so long
    after it was closed.
    """
    marks = schema.read_marks
    keys = list(connection.scalars(old_messages(now - keep)))
    for at in range(0, len(keys), _AT_ONCE):
        connection.execute(sa.delete(marks).where(marks.c.message.in_(keys[at : at + _AT_ONCE])))
    drop_things(database, connection, "message", keys, now)


def old_messages(at: datetime) -> sa.Select[Any]:
    """The ids of the messages that are not kept if what is older than `at` is not."""
    messages, reports, before = schema.messages, schema.reports, schema.micros(at)
    needed = sa.select(reports.c.id).where(sa.or_(reports.c.closed == 0, reports.c.closed_at >= before))
    return sa.select(messages.c.id).where(
        messages.c.at < before, sa.or_(messages.c.report.is_(None), messages.c.report.not_in(needed))
    )


_AT_ONCE = 500


def _as_read_by(message: Message, reader: MessageReader, item: Item) -> Item:
    return replace(item, data=msgspec.Raw(_encode(replace(message, to_you=is_to(message, reader)))))


def _messages(connection: sa.Connection, keys: set[str]) -> dict[str, Message]:
    table = schema.messages
    rows = connection.execute(sa.select(table.c.id, table.c.body).where(table.c.id.in_(keys)))
    return {key: decode(body, Message) for key, body in rows}


def _own_unit(unit_of_work: UnitOfWork, actor: Actor) -> Unit | None:
    """The unit that a crew speaks for, by its user's name; None for others, and where there is none."""
    if actor.role != "field":
        return None
    bodies = unit_of_work.connection.execute(sa.select(schema.units.c.body).order_by(schema.units.c.id)).scalars()
    return unit_called((decode(body, Unit) for body in bodies), actor.name)


def _around(unit_of_work: UnitOfWork, areas: Iterable[str]) -> set[str]:
    """These areas and all that lie around them."""
    return {code for area in areas for code in upwards(area, unit_of_work.area)}
