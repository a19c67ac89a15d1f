"""One city's SQL database: reading and writing transactions, and the counter that numbers every change.

SQLite: one writer at a time in this process (`BEGIN IMMEDIATE`, WAL), readers beside it. PostgreSQL: rows are locked
as they are read for change, and the counter row serialises the last moment of each writing transaction.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from console.server import migrations, schema
from console.server.refusals import Overloaded

COUNTER = "seq"
_WRITE = "sigap_write"
_SCHEMA_LOCK = 0x53494741
"""The number of PostgreSQL's advisory lock that one server at a time has while it changes tables."""
_POOL = 40
"""At least as many connections as the web server has threads."""


class Database:
    """Transactions on the database at `url`; `on_commit` functions get the counter's value after each numbered one."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._write_lock = threading.Lock()
        self.on_commit: list[Callable[[int], None]] = []
        options: dict[str, Any] = {"pool_size": _POOL, "max_overflow": 8}
        if not self.is_sqlite:
            options |= {"isolation_level": "READ COMMITTED", "pool_pre_ping": True}
        self.engine = sa.create_engine(self.url, **options)
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of everything and changes nothing."""
        with self.engine.connect() as plain:
            connection = plain if self.is_sqlite else plain.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, *, wait_s: float = 30.0) -> Iterator[sa.Connection]:
        """A writing transaction; Overloaded when the one before it does not end in time."""
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
                yield connection
            return
        if not self._write_lock.acquire(timeout=wait_s):
            raise Overloaded("The database is busy with another change. Ask again.")
        try:
            with self.engine.connect().execution_options(**{_WRITE: True}) as connection, connection.begin():
                yield connection
        finally:
            self._write_lock.release()

    def create_schema(self, versions: Path = migrations.VERSIONS) -> None:
        """Make the tables, or bring those of an older version up to date: all of it or, on any fault, nothing.

        An SQLite file is copied first, to FILE.revision-NUMBER. Raises migrations.NewerDatabase.
        """
        with self.write() as connection:
            if not self.is_sqlite:  # other servers may start at the same moment; a table may be in use for a while
                connection.exec_driver_sql("SET LOCAL lock_timeout = '120s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
            before = migrations.revision_of(connection, versions)
            old = before is not None and before != migrations.head(versions)
            if old and self.is_sqlite and self.url.database:
                copy_sqlite(Path(self.url.database), Path(f"{self.url.database}.revision-{before}"))
            migrations.upgrade(connection, versions=versions)  # does nothing when all is there
            for name in (COUNTER, "report"):
                self.upsert(connection, schema.counters, [{"name": name, "value": 0}], keep=True)

    def upsert(
        self, connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], *, keep: bool = False
    ) -> None:
        """Insert rows, or replace what is there under the same primary key (`keep`: leave it as it is)."""
        if not rows:
            return
        statement = sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)
        keys = [column.name for column in table.primary_key]
        if keep:
            connection.execute(statement.on_conflict_do_nothing(index_elements=keys), rows)
            return
        changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)

    def told(self, seq: int) -> None:
        """Wake those who follow the feed."""
        for listener in tuple(self.on_commit):
            listener(seq)

    def close(self) -> None:
        """Drop all connections."""
        self.engine.dispose()


def next_numbers(connection: sa.Connection, count: int) -> int:
    """Take `count` numbers; returns the last. The row stays locked until the commit, so numbers are in commit order."""
    counter = schema.counters
    found = connection.execute(
        sa.update(counter)
        .where(counter.c.name == COUNTER)
        .values(value=counter.c.value + count)
        .returning(counter.c.value)
    )
    return int(found.scalar_one())


def present_number(connection: sa.Connection) -> int:
    """The number of the last committed change."""
    return int(connection.scalar(sa.select(schema.counters.c.value).where(schema.counters.c.name == COUNTER)) or 0)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself: see _begin_sqlite
    for pragma in (
        "busy_timeout=5000",
        "journal_mode=WAL",
        "synchronous=FULL",
        "temp_store=MEMORY",
        "cache_size=-32000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite file in one consistent state, also while it is in use; `target` is there as a whole or not at all.

    The copy is one file that only its owner may read. Raises sqlite3.Error, OSError.
    """
    fresh = target.with_name(f"{target.name}.new-{os.getpid()}")
    try:
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with (
            contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            contextlib.closing(sqlite3.connect(fresh)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
        replace_durably(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


def replace_durably(fresh: Path, target: Path) -> None:
    """Give a finished file its name, on the disk when this returns."""
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())
    fresh.replace(target)
    if os.name != "nt":
        folder = os.open(target.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
