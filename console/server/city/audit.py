"""The audit log: who wrote, revealed or exported what, each row chained to the one before it by a hash.

The row `audit_head` holds the number and the hash of the last row. Whoever appends locks it first, so the chain has one
order however many server processes write, and a row is there exactly when the transaction of its effect is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from typing_extensions import override

from api_client.model import ExportNote
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
CITY = "city"
"""Units, areas, services or users were set up."""
NOTHING = schema.NO_HASH
"""The hash before the first row."""


_REQUEST = "request"
"""Where the id of the request stands in a row's detail."""
_AT_A_TIME = 1_000
_ONLY = 1
_sorted = msgspec.json.Encoder(order="sorted").encode


class AuditedAction(msgspec.Struct, frozen=True):
    """Something to be recorded. `object` is a report's id or the name of what was touched; `detail` is not personal."""

    actor: Actor
    what: str
    object: str | None = None
    edit: str | None = None
    detail: dict[str, Any] = {}


class AuditRow(msgspec.Struct, frozen=True):
    """One row of the log; `at` in microseconds since 1970, `detail` JSON as text."""

    number: int
    at: int
    who: str
    role: str
    via: str
    what: str
    object: str | None
    edit: str | None
    detail: str
    previous: str
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


class Head(NamedTuple):
    """The end of the chain: how many rows there are, and the hash of the last one."""

    number: int
    hash: str

    @override
    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """A head as it was printed; ValueError when it is none."""
        number, _, digest = text.strip().partition(":")
        if not (number.isascii() and number.isdigit() and len(digest) == len(NOTHING)):
            raise ValueError("a head reads NUMBER:HASH, as “sigap audit verify” prints it")
        return cls(int(number), digest)


class AuditVerdict(msgspec.Struct, frozen=True):
    """The result of checking the chain: its end, and the first fault as text with its row, if any."""

    head: Head
    broken: int | None = None
    fault: str = ""


_INSERT = sa.insert(schema.audit)
_THE_HEAD = sa.update(schema.audit_head).where(schema.audit_head.c.id == _ONLY)
_LENGTHEN = _THE_HEAD.values(number=schema.audit_head.c.number + sa.bindparam("count")).returning(
    schema.audit_head.c.number, schema.audit_head.c.hash
)
_SEAL = _THE_HEAD.values(hash=sa.bindparam("last"))


def append(connection: sa.Connection, now: datetime, *actions: AuditedAction) -> Head:
    """Record actions in this transaction, which should end soon: nobody else can append until it does."""
    number, previous = connection.execute(_LENGTHEN, {"count": len(actions)}).one()
    rows: list[dict[str, Any]] = []
    for count, action in enumerate(actions, start=number - len(actions) + 1):
        row = _row(count, now, action, previous)
        previous = row.hash
        rows.append(msgspec.structs.asdict(row))
    connection.execute(_INSERT, rows)
    connection.execute(_SEAL, {"last": previous})
    return Head(number, previous)


def record(database: Database, now: datetime, *actions: AuditedAction) -> Head:
    """Record actions in a transaction of their own."""
    with database.write() as connection:
        return append(connection, now, *actions)


def record_export(database: Database, now: datetime, actor: Actor, note: ExportNote) -> bool:
    """Record an export once; False when its id is in the log already."""
    detail: dict[str, Any] = {
        "at": note.at.isoformat(),
        "format": note.format,
        "filter": note.filter,
        "rows": note.rows,
        "reports": note.reports,
    }
    if note.by not in ("", actor.name):
        detail["by"] = note.by
    table = schema.audit
    with database.write() as connection:
        lock_head(connection)
        known = sa.select(table.c.number).where(
            table.c.what == EXPORT, table.c.edit == note.id, table.c.who == actor.name
        )
        if connection.scalar(known) is not None:
            return False
        append(connection, now, AuditedAction(actor, EXPORT, edit=note.id, detail=detail))
    return True


def begin(database: Database, connection: sa.Connection) -> None:
    """Give a new database the beginning of its chain; harmless to repeat."""
    database.upsert(connection, schema.audit_head, [{"id": _ONLY, "number": 0, "hash": NOTHING}], keep=True)


def lock_head(connection: sa.Connection) -> Head:
    """The end of the chain, which stays the end until this transaction ends."""
    heads = schema.audit_head
    found = connection.execute(
        sa.select(heads.c.number, heads.c.hash).where(heads.c.id == _ONLY).with_for_update()
    ).first()
    return Head(*found) if found is not None else Head(0, NOTHING)


def verify(connection: sa.Connection, written_down: Head | None = None) -> AuditVerdict:
    """Check the whole chain, a thousand rows at a time. `written_down` is a head that was kept outside of the database.

    Finds changed, removed, inserted and swapped rows, and rows missing at the end. Whoever can write to the database
    could replace the whole chain; only a head kept outside shows that.
    """
    heads = schema.audit_head
    kept = connection.execute(sa.select(heads.c.number, heads.c.hash).where(heads.c.id == _ONLY)).first()
    last = Head(0, NOTHING)
    for row in rows_after(connection, 0):
        if row.number != last.number + 1:
            missing = last.number + 1
            return AuditVerdict(last, missing, f"Row {missing} is missing; row {row.number} follows row {last.number}.")
        if row.previous != last.hash:
            return AuditVerdict(last, row.number, f"Row {row.number} does not continue row {last.number}.")
        if row.hash != _hash(row):
            return AuditVerdict(last, row.number, f"Row {row.number} is not as it was written.")
        last = Head(row.number, row.hash)
        if written_down is not None and written_down.number == last.number and written_down.hash != last.hash:
            return AuditVerdict(
                last, row.number, f"Row {row.number} is another than the one whose hash was written down."
            )
    if kept is None or kept[0] > last.number or (written_down is not None and written_down.number > last.number):
        missing = last.number + 1
        return AuditVerdict(last, missing, f"The end is missing: there is no row {missing}.")
    if tuple(kept) != last:
        return AuditVerdict(last, last.number, f"Row {last.number} is not the one that was written last.")
    return AuditVerdict(last)


def rows_after(connection: sa.Connection, number: int, since: datetime | None = None) -> Iterator[AuditRow]:
    """The rows after a number (and since a moment), in order, read a thousand at a time."""
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


def rows_about(connection: sa.Connection, report: str) -> list[AuditRow]:
    """Who saw, changed or exported a report: the rows about it, and the exports that named it or were too large to."""
    table = schema.audit
    query = sa.select(table).where(table.c.object == report, table.c.what != USER)
    exports = sa.select(table).where(table.c.what == EXPORT)
    found = [AuditRow(*row) for row in connection.execute(query)]
    found += [row for row in (AuditRow(*each) for each in connection.execute(exports)) if _may_hold(row, report)]
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


def sealed(row: AuditRow) -> AuditRow:
    """The row with the hash that belongs to it."""
    return msgspec.structs.replace(row, hash=_hash(row))


def _row(number: int, now: datetime, action: AuditedAction, previous: str) -> AuditRow:
    actor, request = action.actor, present_request_id()
    return sealed(
        AuditRow(
            number=number,
            at=schema.micros(now),
            who=actor.name,
            role=actor.role,
            via=actor.via,
            what=action.what,
            object=action.object,
            edit=action.edit,
            detail=_sorted(action.detail | ({_REQUEST: request} if request else {})).decode(),
            previous=previous,
        )
    )


def _hash(row: AuditRow) -> str:
    """SHA-256 over the row without its hash as compact JSON with sorted keys; the hash before it is one of them."""
    return hashlib.sha256(_sorted({name: getattr(row, name) for name in _HASHED})).hexdigest()


_HASHED = tuple(name for name in AuditRow.__struct_fields__ if name != "hash")
