"""Loads many reports with their histories at once: batches of rows, a number for each, clocks where they lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa

from console.domain.report import Calendar, Report, Service
from console.domain.sla import clocks, sla_of
from console.server import schema
from console.server.database import Database, next_numbers
from console.server.records import LoadedReport

BATCH = 2_000
_IN_LIST = 500
_LONGEST_NUMBER = 12


def load_reports(database: Database, rows: Iterable[LoadedReport], now: datetime) -> int:
    """Put loaded reports into the database; returns how many were new or newer than what was there.

    A report that is there already is replaced only by a newer one, so that loading a file again does not take back
    what operators have done since.
    """
    with database.read() as connection:
        services = _all(connection, schema.services, Service)
        calendars = _all(connection, schema.calendars, Calendar)
    count = 0
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        latest = {row.report.id: row for row in batch}
        timed = [_with_clocks(row, services, calendars, now) for row in latest.values()]
        with database.write() as connection:
            fresh = list(_newer(connection, timed))
            seq = _write(database, connection, fresh)
        database.told(seq)
        count += len(fresh)
    return count


def _all(connection: sa.Connection, table: sa.Table, kind: type[Any]) -> dict[str, Any]:
    rows = connection.execute(sa.select(table.c.id, table.c.body))
    return {key: msgspec.json.decode(body, type=kind) for key, body in rows}


def _with_clocks(
    row: LoadedReport, services: dict[str, Service], calendars: dict[str, Calendar], now: datetime
) -> LoadedReport:
    report = row.report
    sla = sla_of(services.get(report.service or ""), report.priority)
    if report.clocks or sla is None:
        return row
    counted = clocks(report, row.entries, sla, calendars.get(sla.calendar or ""), now)
    return msgspec.structs.replace(row, report=msgspec.structs.replace(report, clocks=counted))


def _newer(connection: sa.Connection, rows: list[LoadedReport]) -> Iterator[LoadedReport]:
    known: dict[str, int] = {}
    table = schema.reports
    for start in range(0, len(rows), _IN_LIST):
        keys = [row.report.id for row in rows[start : start + _IN_LIST]]
        known |= dict(connection.execute(sa.select(table.c.id, table.c.updated).where(table.c.id.in_(keys))).all())
    for row in rows:
        before = known.get(row.report.id)
        if before is None or schema.micros(row.report.updated) > before:
            yield row


def _write(database: Database, connection: sa.Connection, rows: list[LoadedReport]) -> int:
    things: list[tuple[str, schema.Thing]] = []
    for row in rows:
        things.append(("report", row.report))
        things.extend(("entry", entry) for entry in row.entries)
        things.extend(("assignment", one) for one in row.assignments)
    contacts = [
        {"id": row.report.id, "report": row.report.id, "body": msgspec.json.encode(row.contact)}
        for row in rows
        if row.contact is not None
    ]
    database.upsert(connection, schema.contacts, contacts)
    _raise_report_number(connection, (row.report for row in rows))
    last = next_numbers(connection, len(things))
    ready: dict[str, list[dict[str, Any]]] = {}
    for seq, (kind, thing) in enumerate(things, start=last - len(things) + 1):
        ready.setdefault(kind, []).append(schema.row_of(thing, seq))
    for kind, listed in ready.items():
        database.upsert(connection, schema.TABLES[kind], listed)
    return last


def _raise_report_number(connection: sa.Connection, reports: Iterable[Report]) -> None:
    """New reports are numbered after the highest number that was loaded."""
    numbers = [int(r.id) for r in reports if r.id.isascii() and r.id.isdigit() and len(r.id) <= _LONGEST_NUMBER]
    if numbers:
        counter = schema.counters
        connection.execute(
            sa.update(counter)
            .where(counter.c.name == "report", counter.c.value < max(numbers))
            .values(value=max(numbers))
        )
