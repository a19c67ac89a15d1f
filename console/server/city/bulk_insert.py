"""Load many reports with their histories at once: rows in batches, feed numbers, and clocks where they are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import Calendar, Report, Service
from console.rules.sla import clocks, sla_of
from console.server.city import schema
from console.server.city.callers import contact_row
from console.server.city.database import REPORTS, Database, next_numbers
from console.server.city.records import LoadedReport

BATCH = 500
"""Reports a transaction: a file may be loaded while operators work, and an edit waits for one batch at most."""
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
        timed = [with_clocks(row, services, calendars, now) for row in latest.values()]
        prepared = [_prepare(row) for row in timed]  # encoded before the writing transaction begins, to keep it short
        with database.write() as connection:
            fresh = list(_newer(connection, prepared))
            seq = _write(database, connection, fresh)
        database.announce(seq)
        count += len(fresh)
    return count


def _all(connection: sa.Connection, table: sa.Table, kind: type[Any]) -> dict[str, Any]:
    rows = connection.execute(sa.select(table.c.id, table.c.body))
    return {key: decode(body, kind) for key, body in rows}


def with_clocks(
    row: LoadedReport, services: Mapping[str, Service], calendars: Mapping[str, Calendar], now: datetime
) -> LoadedReport:
    """A loaded report with the SLA clocks that its history makes by `now`, where it brings none."""
    report = row.report
    sla = sla_of(services.get(report.service or ""), report.priority)
    if report.clocks or sla is None:
        return row
    counted = clocks(report, row.entries, sla, calendars.get(sla.calendar or ""), now)
    return msgspec.structs.replace(row, report=msgspec.structs.replace(report, clocks=counted))


class _Prepared(msgspec.Struct, frozen=True):
    """The rows of one loaded report, still without their numbers."""

    report: Report
    rows: list[tuple[str, dict[str, Any]]]
    contact: dict[str, Any] | None


def _prepare(row: LoadedReport) -> _Prepared:
    key = row.report.id
    rows = [("report", schema.row_of(row.report, 0))]
    rows += [("entry", schema.row_of(entry, 0)) for entry in row.entries]
    rows += [("assignment", schema.row_of(one, 0)) for one in row.assignments]
    contact = contact_row(key, key, row.contact) if row.contact is not None else None
    return _Prepared(row.report, rows, contact)


def _newer(connection: sa.Connection, rows: list[_Prepared]) -> Iterator[_Prepared]:
    known: dict[str, int] = {}
    table = schema.reports
    for start in range(0, len(rows), _IN_LIST):
        keys = [row.report.id for row in rows[start : start + _IN_LIST]]
        known |= dict(connection.execute(sa.select(table.c.id, table.c.updated).where(table.c.id.in_(keys))).all())
    for row in rows:
        before = known.get(row.report.id)
        if before is None or schema.micros(row.report.updated) > before:
            yield row


def _write(database: Database, connection: sa.Connection, prepared: list[_Prepared]) -> int:
    database.upsert(connection, schema.contacts, [one.contact for one in prepared if one.contact is not None])
    _raise_report_number(connection, (one.report for one in prepared))
    rows = [row for one in prepared for row in one.rows]
    last = next_numbers(connection, len(rows))
    ready: dict[str, list[dict[str, Any]]] = {}
    for seq, (kind, row) in enumerate(rows, start=last - len(rows) + 1):
        row["seq"] = seq
        ready.setdefault(kind, []).append(row)
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
            .where(counter.c.name == REPORTS, counter.c.value < max(numbers))
            .values(value=max(numbers))
        )
