"""End holds whose end has passed by the server's clock; the report is to be worked on again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from api_client.model import Kind
from console.server.city import audit, schema
from console.server.city.database import Database
from console.server.city.own_step import write_own_step
from console.server.city.records import SERVER
from console.server.city.unit_of_work import UnitOfWork

_AT_ONCE = 200
"""Reports a transaction: an edit waits for one of them at most."""


def end_holds(database: Database, now: datetime) -> int:
    """End the holds whose end has passed; returns how many. Several servers may do it at once.

    The SLA clocks go on from the end of the hold, whenever this is called. Nobody counts as having changed the hold: an
    edit of the hold that arrives at the same moment meets no conflict.
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
        database.announce(last, users=False)
        ended += found


def _over(connection: sa.Connection, now: datetime) -> list[str]:
    table = schema.reports
    query = sa.select(table.c.id).where(table.c.hold_until <= schema.micros(now)).order_by(table.c.id)
    return list(connection.execute(query.limit(_AT_ONCE)).scalars())


def _end(database: Database, connection: sa.Connection, over: list[str], now: datetime) -> tuple[int, int]:
    """How many of these reports had a hold that is over, and the last number."""
    unit_of_work = UnitOfWork(database, connection, now)
    actions = []
    for key in over:
        report = unit_of_work.report(key)
        if report is None or report.hold is None or report.hold.until is None or not report.hold.is_over(now):
            continue  # ended, or given another end, since it was read
        unit_of_work.go_on_after(report.updated)
        reason, over_at = "its time was over", max(report.hold.until, report.created)
        data = {"hold": None, "reason": reason}
        write_own_step(
            unit_of_work, report, replace(report, hold=None), Kind.SET, SERVER, reason, data, occurred_at=over_at
        )
        actions.append(
            audit.AuditedAction(SERVER, audit.WRITE, key, None, {"kind": Kind.SET.value, "fields": ["hold"]})
        )
    audit.append(connection, now, *actions)
    return len(actions), unit_of_work.settle()
