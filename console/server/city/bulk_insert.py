"""Load many reports with their histories at once: rows in batches, feed numbers, and clocks where they are missing."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api_client.decoding import decode
from api_client.model import Calendar, Report, Service
from console.rules.sla import clocks, sla_of
from console.server.city import schema
from console.server.city.callers import contact_row
from console.server.city.database import REPORTS, Database, next_numbers, upserting
from console.server.city.records import LoadedReport

BATCH = 500
"""Reports a transaction: a file may be loaded while operators work, and an edit waits for one batch at most."""
_IN_LIST = 500
_LONGEST_NUMBER = 12


def load_reports(database: Database, rows: Iterable[LoadedReport], now: datetime) -> int:
    """Put loaded reports into the database; returns how many were new or newer than what was there.

    A report that is there already is replaced only by a newer one, so that loading a file again does not take back
    what operators have done since: not by one without any time. One that was erased on request stays erased.
    """
    with database.read() as connection:
        services = _all(connection, schema.services, Service)
        calendars = _all(connection, schema.calendars, Calendar)
    source = iter(rows)
    count = 0
    with _Writer(database) as writer:
        while batch := list(islice(source, BATCH)):
            latest = {row.report.id: row for row in batch}
            timed = [with_clocks(row, services, calendars, now) for row in latest.values()]
            # encoded before the writing transaction begins, to keep it short
            count += writer.put([_prepare(row) for row in timed])
        count += writer.put([])
    return count


class _Writer:
    """Writes batches into the database in their order; the next one is made while PostgreSQL works on the last.

    SQLite works in this process: a thread of its own would have to ask for the interpreter after each row.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = None if database.is_sqlite else ThreadPoolExecutor(1, "load")
        self._under_way: Future[int] | None = None

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.shutdown()

    def put(self, batch: list[_Prepared]) -> int:
        """Write a batch; how many of those written by now were new or newer. Raises what an earlier one met."""
        if self._thread is None:
            return self._write(batch)
        count = self._under_way.result() if self._under_way is not None else 0
        self._under_way = self._thread.submit(self._write, batch) if batch else None
        return count

    def _write(self, batch: list[_Prepared]) -> int:
        if not batch:
            return 0
        with self._database.write() as connection:
            fresh = list(_newer(connection, batch))
            seq = _write(self._database, connection, fresh)
        self._database.announce(seq)
        return len(fresh)


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
    is_dated: bool


def _prepare(row: LoadedReport) -> _Prepared:
    key = row.report.id
    rows = [("report", schema.row_of(row.report, 0))]
    rows += [("entry", schema.row_of(entry, 0)) for entry in row.entries]
    rows += [("assignment", schema.row_of(one, 0)) for one in row.assignments]
    contact = contact_row(key, key, row.contact) if row.contact is not None else None
    return _Prepared(row.report, rows, contact, row.is_dated)


def _newer(connection: sa.Connection, rows: list[_Prepared]) -> Iterator[_Prepared]:
    known: dict[str, int] = {}
    erased: set[str] = set()
    table, listed = schema.reports, schema.erasures.c.report
    for start in range(0, len(rows), _IN_LIST):
        keys = [row.report.id for row in rows[start : start + _IN_LIST]]
        known |= dict(connection.execute(sa.select(table.c.id, table.c.updated).where(table.c.id.in_(keys))).all())
        erased |= set(connection.scalars(sa.select(listed).where(listed.in_(keys))))
    for row in rows:
        before = known.get(row.report.id)
        # protects: a-file-brings-nothing-erased-back
        if before is not None and row.report.id in erased:
            continue
        # protects: a-file-without-times-takes-no-work-back
        if before is None or (row.is_dated and schema.micros(row.report.updated) > before):
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
        _put(database, connection, schema.TABLES[kind], listed)
    return last


def _put(database: Database, connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows of the same columns, or replace what is there, with one word to the database for all of them."""
    names = tuple(rows[0])
    if database.is_sqlite:
        statement, order = _for_sqlite(table, names)
        connection.exec_driver_sql(statement, [tuple(map(row.__getitem__, order)) for row in rows])
    else:
        # the driver's own lists: SQLAlchemy's ARRAY looks at each value in turn
        connection.exec_driver_sql(_for_postgresql(table, names), tuple([row[name] for row in rows] for name in names))


@functools.cache
def _for_sqlite(table: sa.Table, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The statement as the driver takes it, and the order of its values."""
    compiled = upserting(True, table, names).compile(dialect=sqlite.dialect(), column_keys=list(names))
    return str(compiled), tuple(compiled.positiontup or ())


@functools.cache
def _for_postgresql(table: sa.Table, names: tuple[str, ...]) -> str:
    """The statement as the driver takes it, with a list of values for each column in the order of `names`."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    lists = [
        sa.func.unnest(sa.literal_column(f"%s::{table.c[name].type.compile(dialect)}[]")).label(name) for name in names
    ]
    statement = postgresql.insert(table).from_select(names, sa.select(*lists))
    keys = [column.name for column in table.primary_key]
    replacing = statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in names if name not in keys}
    )
    return str(replacing.compile(dialect=dialect)).replace("%%s", "%s")


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
