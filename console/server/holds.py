"""Holds that have an end: they are over by the server's clock, and what waited is work again."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from api_client.model import Entry, Kind
from console.server import audit, schema
from console.server.case import clocks_of
from console.server.database import Database
from console.server.ledger import Ledger
from console.server.records import SERVER

_AT_ONCE = 200
"""Reports a transaction: an edit waits for one of them at most."""


def end_holds(database: Database, now: datetime) -> int:
    """End the holds whose time is over; returns how many. Harmless to do by several servers.

    Their clocks go on from that time on, whenever this is done. Nobody is taken to have changed the hold: who ends it,
    gives it another end or takes it back at the same moment has seen all that there is to see, and is not asked.
    """
    ended = 0
    while True:
        with database.read() as connection:  # nobody's edit waits for that
            over = _over(connection, now)
        if not over:
            return ended
        with database.write() as connection:
            found, last = _end(database, connection, over, now)
        if not found:
            return ended
        database.told(last, users=False)
        ended += found


def _over(connection: sa.Connection, now: datetime) -> list[str]:
    table = schema.reports
    query = sa.select(table.c.id).where(table.c.hold_until <= schema.micros(now)).order_by(table.c.id)
    return list(connection.execute(query.limit(_AT_ONCE)).scalars())


def _end(database: Database, connection: sa.Connection, over: list[str], now: datetime) -> tuple[int, int]:
    """How many of these reports had a hold that is over, and the last number."""
    ledger = Ledger(database, connection, now)
    deeds = []
    for key in over:
        report = ledger.report(key)
        if report is None or report.hold is None or report.hold.until is None or not report.hold.is_over(now):
            continue  # ended, or given another end, since it was read
        ledger.go_on_after(report.updated)
        version = ledger.next_version(report)
        reason = "its time was over"
        entry = Entry(
            id=str(uuid.uuid4()),
            report=key,
            kind=Kind.SET.value,
            at=ledger.now,
            author=SERVER.name,
            occurred_at=max(report.hold.until, report.created),
            text=reason,
            data={"hold": None, "reason": reason},
        )
        ledger.put(entry, version=version)
        report = replace(report, hold=None, version=version, updated=max(ledger.now, report.created))
        report = replace(report, clocks=clocks_of(ledger, report, ledger.merged(key).values()))
        ledger.put(report)
        deeds.append(audit.Deed(SERVER, audit.WRITE, key, None, {"kind": Kind.SET.value, "fields": ["hold"]}))
    last = ledger.settle()
    audit.append(connection, now, *deeds)
    return len(deeds), last
