"""Claims of those who may take reports no longer: what they had taken waits for anybody again."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from console.domain.decoding import decode
from console.domain.edit import Kind
from console.domain.report import Entry, Report
from console.server import audit, schema
from console.server.database import Database
from console.server.ledger import Ledger
from console.server.records import Actor

_IN_BODY = b'"claim":{'


def release_claims(
    database: Database, connection: sa.Connection, names: Collection[str], by: Actor, now: datetime
) -> int:
    """Release what these users had taken of the open reports, in this transaction; the last number, 0 for nothing.

    To be called before the transaction takes numbers: whoever changes a report locks that first.
    """
    if not names:
        return 0
    table = schema.reports
    bodies = connection.execute(sa.select(table.c.id, table.c.body).where(table.c.closed == 0).order_by(table.c.id))
    taken = [key for key, body in bodies if _IN_BODY in body and _holder(decode(body, Report)) in names]
    if not taken:
        return 0
    ledger = Ledger(database, connection, now)
    deeds = []
    for key in taken:
        report = ledger.report(key)
        holder = _holder(report)
        if report is None or holder not in names:
            continue  # released by himself since it was read
        version = ledger.next_version(report)
        entry = Entry(
            id=str(uuid.uuid4()),
            report=key,
            kind=Kind.RELEASE.value,
            at=now,
            author=by.name,
            text=f"{holder} may take reports no longer.",
            data={},
        )
        ledger.put(entry, version=version)
        versions = report.versions | {"claim": version}
        updated = max(now, report.created)
        ledger.put(replace(report, claim=None, version=version, versions=versions, updated=updated))
        deeds.append(audit.Deed(by, audit.WRITE, key, None, {"kind": Kind.RELEASE.value, "of": holder}))
    last = ledger.settle()
    audit.append(connection, now, *deeds)
    return last


def _holder(report: Report | None) -> str | None:
    return report.claim.who if report is not None and report.claim is not None else None
