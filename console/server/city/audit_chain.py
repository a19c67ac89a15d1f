"""The chain of the audit log: each row holds the hash of the one before it, so that none is changed unseen.

A transaction only leaves its rows in `audit_waiting` (see `audit.append`), and waits for nobody. Whoever seals moves
what is committed from there to the end of the chain, some hundred rows in a transaction: he locks the row
`audit_head`, which holds the number and hash of the last row, and takes no turn while another has it. So the chain has
one order, and any number of processes may seal; one that dies gives the lock back with its transaction.

The end of the chain is bound to the histories of the reports. Each entry of an edit holds the chain's end as the edit
found it, and has a row of its own in the log: whoever cuts rows off has to change what all consoles have read, too.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from typing_extensions import override

from console.server.city import schema
from console.server.city.audit import WRITE, AuditRow, chained_after
from console.server.city.database import Database

log = logging.getLogger(__name__)
SEAL_EVERY_S = 0.5
"""How often the city's processes together chain what waits."""
_MOST_APART = 8
_AGAIN_S = 5.0
"""How long a sealer leaves a database alone that does not answer."""
_ROWS = 500
"""Rows a transaction: SQLite's writers wait for some milliseconds."""
_SEALED = "audit"
"""The counter of the rows that were ever sealed."""


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
        if not (number.isascii() and number.isdigit() and len(digest) == len(schema.NO_HASH)):
            raise ValueError("a head reads NUMBER:HASH, as “sigap audit verify” prints it")
        return cls(int(number), digest)


NO_HEAD = Head(0, schema.NO_HASH)


class AuditVerdict(msgspec.Struct, frozen=True):
    """The result of checking the chain: its end, the first fault as text with its row, if any, and how many rows wait
    to be sealed.
    """

    head: Head
    broken: int | None = None
    fault: str = ""
    waiting: int = 0


_table, _waiting, _heads, _counters = schema.audit, schema.audit_waiting, schema.audit_head, schema.counters
_HEAD = sa.select(_heads.c.number, _heads.c.hash).where(_heads.c.id == schema.THE_HEAD)
# protects: one-seals-at-a-time
_MY_TURN = _HEAD.with_for_update(skip_locked=True)
_LENGTHEN = (
    sa.update(_heads).where(_heads.c.id == schema.THE_HEAD).values(number=sa.bindparam("to"), hash=sa.bindparam("last"))
)
_CHAIN = sa.insert(_table)
_ANY = sa.select(_waiting.c.id).limit(1)
_COMMITTED = sa.select(_waiting).order_by(_waiting.c.id).limit(_ROWS)
_TAKE = sa.delete(_waiting).where(_waiting.c.id.in_(sa.bindparam("ids", expanding=True)))


def seal(database: Database) -> int:
    """Chain rows that wait, the oldest first; returns how many, 0 when there were none or another seals them."""
    with database.read() as connection:
        if connection.scalar(_ANY) is None:
            return 0
    with database.write() as connection:
        present = connection.execute(_MY_TURN).first()
        if present is None:
            return 0
        rows: list[dict[str, Any]] = []
        ids: list[str] = []
        head = Head(*present)
        for found in connection.execute(_COMMITTED):
            row = sealed(AuditRow(*[head.number + 1, *found[1:], head.hash]))
            head = Head(row.number, row.hash)
            rows.append(msgspec.structs.asdict(row))
            ids.append(found[0])
        if not rows:
            return 0
        connection.execute(_CHAIN, rows)
        # protects: a-row-is-sealed-once
        connection.execute(_TAKE, {"ids": ids})
        # protects: the-chain-goes-on-from-its-end
        connection.execute(_LENGTHEN, {"to": head.number, "last": head.hash})
        database.upsert(connection, _counters, [{"name": _SEALED, "value": head.number}])
    return len(rows)


def seal_all(database: Database) -> None:
    """Chain all that waits, unless another does."""
    while seal(database) == _ROWS:
        pass


def keep_sealing(database: Database, end: threading.Event, processes: Callable[[], int] = lambda: 1) -> None:
    """Chain what waits, twice a second until `end`, and then once more. Of several `processes` each does its share."""
    pause_s = 0.0
    while not end.wait(pause_s):
        pause_s = SEAL_EVERY_S * min(processes(), _MOST_APART)
        try:
            seal_all(database)
        except Exception:
            log.exception("the audit log could not be sealed; its rows wait")
            pause_s = _AGAIN_S
    try:
        seal_all(database)
    except Exception:
        log.exception("the audit log could not be sealed; its rows wait for the next start")


def verify(connection: sa.Connection, written_down: Head | None = None) -> AuditVerdict:
    """Check the whole chain, a thousand rows at a time. `written_down` is a head that was kept outside of the database.

    Finds changed, removed, inserted and swapped rows, and rows missing at the end, which edits witness. Whoever can
    write to the database could replace chain and histories; only a head kept outside shows that.
    """
    verdict = _check_chain(connection, written_down)
    if verdict.broken is None:
        verdict = _check_witnesses(connection, verdict.head) or verdict
    count = connection.scalar(sa.select(sa.func.count()).select_from(_waiting))
    return msgspec.structs.replace(verdict, waiting=int(count or 0))


def _check_chain(connection: sa.Connection, written_down: Head | None) -> AuditVerdict:
    kept = connection.execute(_HEAD).first()
    last = NO_HEAD
    for row in chained_after(connection, 0):
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
    count = connection.scalar(sa.select(_counters.c.value).where(_counters.c.name == _SEALED))
    ends = [count or 0, written_down.number if written_down is not None else 0]
    if kept is None or max(kept[0], *ends) > last.number:
        missing = last.number + 1
        return AuditVerdict(last, missing, f"The end is missing: there is no row {missing}.")
    if tuple(kept) != last:
        return AuditVerdict(last, last.number, f"Row {last.number} is not the one that was written last.")
    return AuditVerdict(last)


_entries = schema.entries
_CONTRADICTED = (
    sa.select(_entries.c.sealed, _entries.c.id, _entries.c.report, _table.c.hash)
    .select_from(_entries.outerjoin(_table, _table.c.number == _entries.c.sealed))
    .where(_entries.c.sealed > 0, sa.or_(_table.c.hash.is_(None), _table.c.hash != _entries.c.seal))
    .order_by(_entries.c.sealed)
    .limit(1)
)
"""The entry that saw the first row of which there is none, or another."""
_UNRECORDED = (
    sa.select(_entries.c.edit, _entries.c.report)
    .where(
        _entries.c.sealed.is_not(None),
        _entries.c.edit.is_not(None),
        *(~sa.exists().where(each.c.what == WRITE, each.c.edit == _entries.c.edit) for each in (_table, _waiting)),
    )
    .order_by(_entries.c.seq)
    .limit(1)
)
"""The first edit that has no row."""


def _check_witnesses(connection: sa.Connection, head: Head) -> AuditVerdict | None:
    """What the histories contradict; None where they agree."""
    # protects: edits-witness-the-end
    if (saw := connection.execute(_CONTRADICTED).first()) is not None:
        number, entry, report, other = saw
        about = f" of report {report}" if report is not None else ""
        now = "is missing" if other is None else "is another now"
        words = f"Entry {entry}{about} was written when the log ended with row {number}, which {now}."
        return AuditVerdict(head, min(number, head.number + 1), words)
    # protects: each-edit-has-its-row
    if (made := connection.execute(_UNRECORDED).first()) is not None:
        about = f" on report {made[1]}" if made[1] is not None else ""
        return AuditVerdict(head, head.number + 1, f"The end is missing: edit {made[0]}{about} has no row.")
    return None


def sealed(row: AuditRow) -> AuditRow:
    """The row with the hash that belongs to it."""
    return msgspec.structs.replace(row, hash=_hash(row))


def _hash(row: AuditRow) -> str:
    """SHA-256 over the row without its hash as compact JSON with sorted keys; the hash before it is one of them."""
    return hashlib.sha256(_sorted({name: getattr(row, name) for name in _HASHED})).hexdigest()


_HASHED = tuple(name for name in AuditRow.__struct_fields__ if name != "hash")
_sorted = msgspec.json.Encoder(order="sorted").encode
