"""Load many reports with their histories at once: rows in batches, feed numbers, and clocks where they are missing."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from api_client.decoding import decode
from api_client.model import Calendar, Service
from console.rules.sla import clocks, sla_of
from console.server.city import schema
from console.server.city.callers import contact_row
from console.server.city.database import REPORTS, Database, next_numbers
from console.server.city.records import LoadedReport

BATCH = 1_000
"""Reports a transaction: a file may be loaded while operators work, and an edit waits for one batch at most."""
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

    SQLite works in this process: a thread of its own would have to ask for the interpreter after each row. And nobody
    waits there in a row: while a batch is made others find the file free.
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
            count, seq = _write(self._database, connection, batch)
        self._database.announce(seq)
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
    """The rows of one loaded report, each with its kind, still without their numbers."""

    id: str
    updated: int
    rows: list[tuple[str, tuple[Any, ...]]]
    contact: dict[str, Any] | None
    is_dated: bool


def _prepare(row: LoadedReport) -> _Prepared:
    report = row.report
    rows = [("report", schema.report_values(report)), *(("entry", schema.entry_values(one)) for one in row.entries)]
    rows += [("assignment", schema.assignment_values(one)) for one in row.assignments]
    contact = contact_row(report.id, report.id, row.contact) if row.contact is not None else None
    return _Prepared(report.id, schema.micros(report.updated), rows, contact, row.is_dated)


_COLUMNS = {
    "report": ("seq", *schema.REPORT_COLUMNS),
    "entry": ("seq", *schema.ENTRY_COLUMNS),
    "assignment": ("seq", *schema.ASSIGNMENT_COLUMNS),
}


def _known(connection: sa.Connection, prepared: list[_Prepared]) -> dict[str, int]:
    """Those of these reports that are there, and when they were changed last."""
    keys = [one.id for one in prepared]
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(_KNOWN_IN_SQLITE, (msgspec.json.encode(keys).decode(),))
    else:
        found = connection.exec_driver_sql(_KNOWN_IN_POSTGRESQL, (keys,))
    return dict(found.all())


_KNOWN_IN_SQLITE = "SELECT id, updated FROM reports WHERE id IN (SELECT value FROM json_each(?))"
_KNOWN_IN_POSTGRESQL = "SELECT id, updated FROM reports WHERE id = ANY(%s)"


def _newer(connection: sa.Connection, known: dict[str, int], prepared: list[_Prepared]) -> Iterator[_Prepared]:
    """What takes the place of a report that is there."""
    listed, there = schema.erasures.c, schema.reports.c
    is_listed = sa.and_(listed.report == there.id, listed.created == there.created)
    erased = set(connection.scalars(sa.select(there.id).where(is_listed, there.id.in_(list(known)))))
    for one in prepared:
        # protects: a-file-brings-nothing-erased-back
        if one.id in erased:
            continue
        # protects: a-file-without-times-takes-no-work-back
        if one.id in known and one.is_dated and one.updated > known[one.id]:
            yield one


def _write(database: Database, connection: sa.Connection, prepared: list[_Prepared]) -> tuple[int, int]:
    """Write what is new, or newer than what is there: how many, and the last number."""
    known = _known(connection, prepared)
    made = [one for one in prepared if one.id not in known]
    newer = list(_newer(connection, known, prepared)) if known else []
    both = [*made, *newer]
    database.upsert(connection, schema.contacts, [one.contact for one in both if one.contact is not None])
    _raise_report_number(connection, [one.id for one in both])
    last = next_numbers(connection, sum(len(one.rows) for one in both))
    numbers = itertools.count(last - sum(len(one.rows) for one in both) + 1)
    for reports, is_made in ((made, True), (newer, False)):
        ready: dict[str, list[tuple[Any, ...]]] = {}
        for one in reports:
            for kind, values in one.rows:
                ready.setdefault(kind, []).append((next(numbers), *values))
        if database.is_sqlite:
            for kind, rows in ready.items():
                connection.exec_driver_sql(_for_sqlite(kind), rows)
        elif not (is_made and _copied(connection, ready)):
            for kind, rows in ready.items():
                # the driver's own lists: SQLAlchemy's ARRAY looks at each value in turn
                connection.exec_driver_sql(_for_postgresql(kind), tuple(map(list, zip(*rows, strict=True))))
    return len(both), last


@functools.cache
def _for_sqlite(kind: str) -> str:
    """The statement that inserts or replaces a row, with a place for each value in the order of _COLUMNS."""
    names = _COLUMNS[kind]
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
    places = ", ".join("?" * len(names))
    into = f"{schema.TABLES[kind].name} ({', '.join(names)})"
    return f"INSERT INTO {into} VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {changes}"  # noqa: S608  names of ours


@functools.cache
def _for_postgresql(kind: str) -> str:
    """The statement as the driver takes it, with a list of values for each column in the order of _COLUMNS."""
    table, names = schema.TABLES[kind], _COLUMNS[kind]
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


def _copied(connection: sa.Connection, ready: Mapping[str, list[tuple[Any, ...]]]) -> bool:
    """Hand rows to PostgreSQL by COPY; False, and nothing is written, where one of them is there after all: of a
    history whose report was taken away, or by another program in this moment.
    """
    import psycopg

    driver: Any = connection.connection.driver_connection
    try:
        with connection.begin_nested():
            for kind, rows in ready.items():
                types = [_TYPES[type(schema.TABLES[kind].c[name].type)] for name in _COLUMNS[kind]]
                with driver.cursor() as cursor, cursor.copy(_copy_into(kind)) as copy:
                    copy.set_types(types)
                    for row in rows:
                        copy.write_row(row)
    except psycopg.errors.UniqueViolation:
        # protects: a-copied-row-may-be-there
        return False
    except psycopg.Error as fault:
        raise sa.exc.DBAPIError.instance("COPY", None, fault, psycopg.Error, dialect=connection.dialect) from fault
    return True


_TYPES = {sa.BigInteger: "int8", sa.SmallInteger: "int2", sa.Float: "float8", sa.Text: "text", sa.LargeBinary: "bytea"}


@functools.cache
def _copy_into(kind: str) -> str:
    return f"COPY {schema.TABLES[kind].name} ({', '.join(_COLUMNS[kind])}) FROM STDIN (FORMAT BINARY)"


def _raise_report_number(connection: sa.Connection, keys: list[str]) -> None:
    """New reports are numbered after the highest number that was loaded."""
    numbers = [int(key) for key in keys if key.isdigit() and key.isascii() and len(key) <= _LONGEST_NUMBER]
    if numbers:
        counter = schema.counters
        connection.execute(
            sa.update(counter)
            .where(counter.c.name == REPORTS, counter.c.value < max(numbers))
            .values(value=max(numbers))
        )
