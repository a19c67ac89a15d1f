"""The audit log: who wrote, revealed or exported what. A row is there exactly when the transaction of its effect is.

Rows are written without waiting for anybody, and within a second `audit_chain` numbers them and chains each to the one
before it by a hash. Until then they count as the last ones, in the order in which they were written.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from api_client.model import ExportNote
from console.rules.filter import without_words
from console.rules.rights import CITIZEN
from console.server.city import schema
from console.server.city.database import Database
from console.server.city.records import Actor
from console.server.city.report_key import without_key
from console.server.request_id import present_request_id

WRITE, REVEAL, EXPORT, LOAD, SIGN_IN_REFUSED, USER = "write", "reveal", "export", "load", "sign-in refused", "user"
SIGN_OUT = "sign-out"
CALLER = "caller"
"""A report was found by the telephone number of who reported it, or looked for so in vain."""
ERASE = "erase"
"""The words and photos of a report were erased."""
CITY = "city"
"""Units, areas, services or users were set up."""

_REQUEST = "request"
"""Where the id of the request stands in a row's detail."""
_AT_A_TIME = 1_000
_sorted = msgspec.json.Encoder(order="sorted").encode


class AuditedAction(msgspec.Struct, frozen=True):
    """Something to be recorded. `object` is a report's id or the name of what was touched; `detail` is not personal."""

    actor: Actor
    what: str
    object: str | None = None
    edit: str | None = None
    detail: dict[str, Any] = {}


class AuditRow(msgspec.Struct, frozen=True):
    """One row of the log; `at` in microseconds since 1970, `detail` JSON as text.

    While it is not in the chain its hashes are empty, and its number is the one that it would get next.
    """

    number: int
    at: int
    who: str
    role: str
    via: str
    what: str
    object: str | None
    edit: str | None
    detail: str
    previous: str = ""
    hash: str = ""

    @property
    def moment(self) -> datetime:
        """When it happened."""
        return schema.moment(self.at)


class Line(msgspec.Struct, frozen=True):
    """A row as a supervisor reads it. `certain` is False for an export of too many reports to be listed."""

    number: int
    at: datetime
    who: str
    role: str
    via: str
    what: str
    edit: str | None
    detail: dict[str, Any]
    certain: bool


_WAITING = schema.audit_waiting
WAIT = sa.insert(_WAITING)
"""Puts such rows there."""
_BY_ID = sa.select(_WAITING).order_by(_WAITING.c.id)
_HEAD = sa.select(schema.audit_head.c.number).where(schema.audit_head.c.id == schema.THE_HEAD)


def append(connection: sa.Connection, now: datetime, *actions: AuditedAction) -> None:
    """Record actions in this transaction."""
    if actions:
        connection.execute(WAIT, waiting_rows(now, actions))


def waiting_rows(now: datetime, actions: Sequence[AuditedAction]) -> list[dict[str, Any]]:
    """The rows of actions as `audit_waiting` takes them."""
    # Their order is that of the time at which they were written. It proves nothing, and no clock has to be right.
    key = f"{time.time_ns():016x}{uuid.uuid4().hex}"
    return [{"id": f"{key}{place:06x}"} | _waiting(now, action) for place, action in enumerate(actions)]


def record(database: Database, now: datetime, *actions: AuditedAction) -> None:
    """Record actions in a transaction of their own."""
    with database.write() as connection:
        append(connection, now, *actions)


def record_export(database: Database, now: datetime, actor: Actor, note: ExportNote) -> bool:
    """Record an export once; False when its id is in the log already."""
    detail: dict[str, Any] = {
        "at": note.at.isoformat(),
        "format": note.format,
        "filter": without_words(note.filter),
        "rows": note.rows,
        "reports": note.reports,
    }
    if note.by not in ("", actor.name):
        detail["by"] = note.by
    with database.write() as connection:
        connection.execute(_HEAD.with_for_update())  # one export at a time, and none while rows are being sealed
        for table in (schema.audit, _WAITING):
            known = sa.select(table.c.at).where(
                table.c.what == EXPORT, table.c.edit == note.id, table.c.who == actor.name
            )
            if connection.scalar(known) is not None:
                return False
        append(connection, now, AuditedAction(actor, EXPORT, edit=note.id, detail=detail))
    return True


def begin(database: Database, connection: sa.Connection) -> None:
    """Give a new database the beginning of its chain; harmless to repeat."""
    first = {"id": schema.THE_HEAD, "number": 0, "hash": schema.NO_HASH}
    database.upsert(connection, schema.audit_head, [first], keep=True)


def rows_after(connection: sa.Connection, number: int, since: datetime | None = None) -> Iterator[AuditRow]:
    """The rows after a number (and since a moment), in order: those of the chain, then those that wait."""
    yield from chained_after(connection, number, since)
    yield from (row for row in _rows_waiting(connection) if since is None or row.at >= schema.micros(since))


def chained_after(connection: sa.Connection, number: int, since: datetime | None = None) -> Iterator[AuditRow]:
    """The rows of the chain after a number (and since a moment), in order, read a thousand at a time."""
    table = schema.audit
    while True:
        query = sa.select(table).where(table.c.number > number).order_by(table.c.number).limit(_AT_A_TIME)
        if since is not None:
            query = query.where(table.c.at >= schema.micros(since))
        found = [AuditRow(*row) for row in connection.execute(query)]
        yield from found
        if len(found) < _AT_A_TIME:
            return
        number = found[-1].number


def _rows_waiting(connection: sa.Connection) -> list[AuditRow]:
    """The rows that are not in the chain yet, in the order that they are to have there."""
    first = int(connection.scalar(_HEAD) or 0) + 1
    return [AuditRow(number, *row[1:]) for number, row in enumerate(connection.execute(_BY_ID), first)]


def rows_about(connection: sa.Connection, report: str) -> list[AuditRow]:
    """Who saw, changed or exported a report: the rows about it, and the exports that named it or were too large to."""
    table = schema.audit
    query = sa.select(table).where(table.c.object == report, table.c.what != USER)
    exports = sa.select(table).where(table.c.what == EXPORT)
    found = [AuditRow(*row) for row in connection.execute(query)]
    found += [row for row in (AuditRow(*each) for each in connection.execute(exports)) if _may_hold(row, report)]
    for row in _rows_waiting(connection):
        if (row.object == report and row.what != USER) or (row.what == EXPORT and _may_hold(row, report)):
            found.append(row)
    return sorted(found, key=lambda row: row.number)


def lines_about(connection: sa.Connection, report: str) -> list[Line]:
    """The same as a supervisor reads it."""
    return [
        Line(
            row.number,
            row.moment,
            row.who,
            row.role,
            row.via,
            row.what,
            told_edit(row),
            _told_detail(row),
            certainly_holds(row, report),
        )
        for row in rows_about(connection, report)
    ]


def _told_detail(row: AuditRow) -> dict[str, Any]:
    """What a supervisor is told of it: the request's id is for who reads the server's log."""
    detail: dict[str, Any] = msgspec.json.decode(row.detail)
    detail.pop(_REQUEST, None)
    return detail


def told_edit(row: AuditRow) -> str | None:
    """The edit's id for display; the ids of citizens' edits in old rows contain the reporter's secret, which is left
    out.
    """
    return without_key(row.edit) if row.edit is not None and row.role == CITIZEN else row.edit


def certainly_holds(row: AuditRow, report: str) -> bool:
    """Whether the row certainly concerns the report: an export of very many reports may or may not have
    contained it.
    """
    return row.what != EXPORT or report in _exported(row)


def _may_hold(row: AuditRow, report: str) -> bool:
    named = _exported(row)
    return report in named or (not named and msgspec.json.decode(row.detail).get("rows", 0) > 0)


def _exported(row: AuditRow) -> list[str]:
    return list(msgspec.json.decode(row.detail).get("reports", ()))


def _waiting(now: datetime, action: AuditedAction) -> dict[str, Any]:
    """The row of an action before it is chained."""
    actor, request = action.actor, present_request_id()
    return {
        "at": schema.micros(now),
        "who": actor.name,
        "role": actor.role,
        "via": actor.via,
        "what": action.what,
        "object": action.object,
        "edit": action.edit,
        "detail": _sorted(action.detail | ({_REQUEST: request} if request else {})).decode(),
    }
