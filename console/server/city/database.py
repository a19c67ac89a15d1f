"""One city's SQL database: reading and writing transactions, and the counter that numbers every change.

The numbers belong to an epoch. A database that was set back to an older state begins a new one, for otherwise other
changes would get numbers that followers of the feed have seen already.

SQLite: one writer at a time in this process (`BEGIN IMMEDIATE`, WAL), readers beside it. PostgreSQL: rows are locked
as they are read for change, and the counter row serialises the last moment of each writing transaction.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import select
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.dialects import sqlite

from api_client.decoding import decode
from api_client.model import Assignment, AssignmentState, Unit, UnitState
from console.server.city import migrations, schema
from console.server.city.records import SERVER
from console.server.city.work_threads import EVERY, PUBLIC_STATEMENT_MS, CancelToken, present_work
from console.server.errors import Overloaded

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

T = TypeVar("T", Assignment, Unit)

COUNTER = "seq"
REPORTS = "report"
"""The counter of the numbers that reports get here."""
VERSIONS = "version"
"""Every version of a report that is given out in this epoch lies above this counter's value."""
EPOCH = "epoch"
COMMITTED = "sigap_committed"
"""PostgreSQL's channel that tells every server of the counter's value after each commit."""
EDITED = "edit "
"""What stands before the value where an edit was committed, which changes no user."""

_HEARD = frozenset({AssignmentState.ACKNOWLEDGED, AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE})
"""How far a crew is by its own word."""
_MARK = "sigap_mark"
_WRITE = "sigap_write"
_SCHEMA_LOCK = 0x53494741
"""The number of PostgreSQL's advisory lock that one server at a time has while it changes tables."""
_FILE_POOL, _FILE_KEPT = 48, 40
"""More connections to a file than the web server has threads, and how many of them stay open."""
FEWEST_CONNECTIONS = 20
"""As many as a server process on PostgreSQL has threads that need one, and some for what follows the database."""
CONNECTIONS = 23
"""How many a server process has to PostgreSQL at most, the one that listens included. PostgreSQL has 100 unless told
otherwise, of which 3 are its administrator's: four processes leave 5 to psql, backups and `sigap user`.
"""
_CONNECTION_WAIT_S = 10.0
"""How long a request waits for a connection; a request waits no longer for its turn to write either."""
_SILENT_S = 15.0
"""After this long PostgreSQL ends a writing transaction of whose server it hears nothing, or everybody waits for its
locks: a computer that lost its power or its network, or a process that was stopped, does not say that it is gone.
"""
LONG_SILENT_S = 3600.0
"""The same for work on the whole database, which may count and compare for a while."""
_WAIT_MS, _LONG_WAIT_MS = 5_000, 60_000
"""How long an edit and such work wait for other programs that write into an SQLite file."""
_SHORT_WAIT_MS = 100
_USED, _TRUSTED_S = "used", 1.0
"""How long a connection is taken to be good after it was used."""
_LOOK_S = 0.25
"""How often whoever waits for his turn to write looks whether he still has to."""
_LIMITED = "SET LOCAL lock_timeout = '2s'; SET LOCAL idle_in_transaction_session_timeout = {silent_ms}"
_IN_TRANSACTION = 2
"""What libpq says of a connection in whose transaction nothing has failed."""
_QUERY_CANCELED = "57014"
"""PostgreSQL's SQLSTATE of a statement that was told to end."""
_FIRST_REPORT = 1_000
_LOST_REPORTS = 100_000
"""More reports than a city can lose by being set back; their numbers are not given out again."""
_LOST_VERSIONS = 1_000_000
"""More than one report can have had of changes that are lost."""
_VERSIONS_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_LINE = {
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "8000",
}
"""What an address says to libpq unless it says otherwise itself: after how many seconds (of the last, milliseconds) a
computer counts as gone that answers nothing any more. Without them a request would wait a quarter of an hour for a
database whose power has failed, though another one was promoted long ago.
"""
_AUTHORITY = re.compile(r"(?P<before>postgres(?:ql)?(?:\+psycopg)?://(?:[^@/]*@)?)(?P<hosts>[^@/?]*)(?P<after>[/?].*)?")
_HOST = re.compile(r"(?:(?P<name>[^:\[\]]+)|\[(?P<v6>[^\[\]]+)\])(?::(?P<port>\d{1,5}))?")
_PORT = "5432"


def _known(url: sa.URL) -> sa.URL:
    """The address with the driver that there is; ArgumentError for a kind of database that is not served."""
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise sa.exc.ArgumentError(f"There is no {url.drivername} here.")
    if url.drivername == "sqlite":
        return url
    # protects: a-dead-database-is-given-up
    return url.update_query_dict({name: value for name, value in _LINE.items() if name not in url.query})


def database_url(url: str) -> sa.URL:
    """The parts of an address; raises ArgumentError, which does not quote it, for what is none.

    Of several hosts (HOST:PORT,HOST:PORT, as libpq takes them) the one is meant that takes changes.
    """
    found = _AUTHORITY.fullmatch(url)
    if found is None or "," not in found["hosts"]:
        return _parsed(url)
    each = [_HOST.fullmatch(one) for one in found["hosts"].split(",")]
    if None in each:
        raise sa.exc.ArgumentError("One of its hosts is none.")
    parsed = _parsed(found["before"] + (found["after"] or ""))
    hosts = {"host": ",".join(one["name"] or one["v6"] for one in each if one)}
    hosts["port"] = ",".join(one["port"] or _PORT for one in each if one)
    # protects: of-several-hosts-the-one-that-takes-changes
    return parsed.update_query_dict({"target_session_attrs": "read-write", **parsed.query, **hosts})


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except ValueError:  # its port is no number, as where a password has a colon or an @ in it
        # protects: no-password-in-a-traceback
        raise sa.exc.ArgumentError("Its port is no number.") from None


class Mark(NamedTuple):
    """A committed number of the feed, and the epoch that it belongs to."""

    epoch: str
    seq: int


class Database:
    """Transactions on the database at `url`; `on_commit` functions get the counter's value after each numbered one.

    They also get whether users may have been changed. `connections` is how many PostgreSQL is asked for at most.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        self.url = _known(database_url(url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._write_lock = threading.Lock()
        self.on_commit: list[Callable[[int, bool], None]] = []
        self.mark = Mark("", 0)
        """The highest number that this process has seen committed: only a check, see `went_back`."""
        # protects: four-servers-fit-into-postgresql
        self.most_pooled = _FILE_POOL if self.is_sqlite else connections - 1  # one listens, outside of the pool
        options: dict[str, Any] = {
            "pool_size": min(self.most_pooled, _FILE_KEPT),
            "max_overflow": max(0, self.most_pooled - _FILE_KEPT),
            "pool_timeout": _CONNECTION_WAIT_S,
        }
        if not self.is_sqlite:
            # The connection that was used last is the next one: its server process is warm, and others are not woken.
            options |= {"isolation_level": "READ COMMITTED", "pool_use_lifo": True}
        self.engine = sa.create_engine(self.url, **options)
        if not self.is_sqlite:
            sa.event.listen(self.engine, "checkin", _remember_use)
            sa.event.listen(self.engine, "checkout", functools.partial(_check_line, self.engine.dialect))
        else:
            sa.event.listen(self.engine, "do_connect", _make_private)
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @property
    def missing(self) -> Path | None:
        """The SQLite file that is not there (and would be made by connecting); None when it is, and with PostgreSQL."""
        path = Path(self.url.database) if self.is_sqlite and self.url.database else None
        return path if path is not None and not path.is_file() else None

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of everything and changes nothing.

        In the work of a request it ends with a Refusal if the client has gone or the work takes too many steps.
        """
        work = present_work()
        with self.engine.connect() as plain:
            connection = plain if self.is_sqlite else plain.execution_options(isolation_level="REPEATABLE READ")
            with _stoppable(connection, work) if work is not None else contextlib.nullcontext(), connection.begin():
                if work is not None and work.steps is not None and not self.is_sqlite:
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {PUBLIC_STATEMENT_MS}")
                yield connection

    def state(self) -> tuple[Mark, int, int]:
        """The mark, and of the users the number of the last change and how many there are: in one question, which sees
        one state without a transaction around it. Each process asks it once a second, and after commits but those of
        edits.
        """
        with self.engine.connect() as plain:
            connection = plain if self.is_sqlite else plain.execution_options(isolation_level="AUTOCOMMIT")
            with connection.begin():
                epoch, seq, newest, count = connection.execute(_STATE).one()
        return Mark(str(epoch or ""), int(seq or 0)), int(newest or 0), int(count)

    @contextmanager
    def write(self, *, wait_s: float = 30.0, silent_s: float | None = None) -> Iterator[sa.Connection]:
        """A writing transaction; Overloaded when the one before it does not end in time, of which a request has less.

        PostgreSQL ends it when nothing is heard of it for `silent_s` seconds (None: as many as an edit may take).
        """
        mark = self.mark
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                connection.info[_MARK] = mark
                _begin_limited(connection, int((silent_s or _SILENT_S) * 1000))
                yield connection
            return
        if not self._wait_for_turn(wait_s):
            raise Overloaded("The database is busy with another change. Ask again.")
        try:
            with (
                self.engine.connect().execution_options(**{_WRITE: True}) as connection,
                _patient(connection) if silent_s is not None else contextlib.nullcontext(),
                connection.begin(),
            ):
                connection.info[_MARK] = mark
                yield connection
        finally:
            self._write_lock.release()

    def _wait_for_turn(self, wait_s: float) -> bool:
        """Wait until no other transaction writes; False when that took too long, or the client has gone."""
        work = present_work()
        if work is None:
            return self._write_lock.acquire(timeout=wait_s)
        until = time.monotonic() + min(wait_s, work.patience_s())
        while not work.stopped and (left := until - time.monotonic()) > 0:
            if self._write_lock.acquire(timeout=min(left, _LOOK_S)):
                return True
        return False

    def create_schema(self, versions: Path = migrations.VERSIONS) -> None:
        """Make the tables, or bring those of an older version up to date: all of it or, on any fault, nothing.

        An SQLite file is copied first, to FILE.revision-NUMBER. Raises migrations.NewerDatabase.
        """
        with self.write(silent_s=LONG_SILENT_S) as connection:
            if not self.is_sqlite:  # other servers may start at the same moment; a table may be in use for a while
                connection.exec_driver_sql("SET LOCAL lock_timeout = '120s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
            before = migrations.revision_of(connection, versions)
            old = before is not None and before != migrations.head(versions)
            if old and self.is_sqlite and self.url.database:
                copy_sqlite(Path(self.url.database), Path(f"{self.url.database}.revision-{before}"))
            migrations.upgrade(connection, versions=versions)  # does nothing when all is there
            for name in (COUNTER, REPORTS):
                self.upsert(connection, schema.counters, [{"name": name, "value": 0}], keep=True)

    def upsert(
        self, connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], *, keep: bool = False
    ) -> None:
        """Insert rows, or replace what is there under the same primary key (`keep`: leave it as it is)."""
        if rows:
            connection.execute(upserting(self.is_sqlite, table, tuple(rows[0]), keep), rows)

    def next_report_number(self, connection: sa.Connection) -> int:
        """A number that no other transaction gets. On PostgreSQL it is taken by a transaction of its own, so that who
        takes a report down waits for nobody else's; if the report is not made, nobody has the number.
        """
        if self.is_sqlite:
            return int(connection.execute(_NUMBER).scalar_one())
        # protects: new-reports-do-not-queue-for-their-number
        with self.engine.connect() as plain:
            own = plain.execution_options(isolation_level="AUTOCOMMIT")
            return int(own.execute(_NUMBER_AT_ONCE).scalar_one())

    def overwrite_log(self) -> bool:
        """Let nothing that was deleted or overwritten stay in the log beside an SQLite file; whether that was possible:
        not while somebody reads an older state. Writers wait for 0.1 s at most.
        """
        if not self.is_sqlite:
            return True
        with self._write_lock, contextlib.closing(self.engine.raw_connection()) as pooled:
            driver: Any = pooled.driver_connection
            driver.execute(f"PRAGMA busy_timeout={_SHORT_WAIT_MS}")
            try:
                # protects: erased-words-leave-the-log
                is_busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError:
                return False
            finally:
                driver.execute(f"PRAGMA busy_timeout={_WAIT_MS}")
        return not is_busy

    def notify(self, connection: sa.Connection, channel: str) -> None:
        """Tell the other servers on this database when the transaction is committed; SQLite has no others."""
        if not self.is_sqlite:
            connection.execute(sa.select(sa.func.pg_notify(channel, "")))

    def hear(self, seq: int) -> None:
        """Take in that this number was committed."""
        self.mark = Mark(self.mark.epoch, max(self.mark.seq, seq))

    def announce(self, seq: int, *, users: bool = True) -> None:
        """Wake those who follow the feed; `users` is False when no user can have been changed."""
        self.hear(seq)
        for listener in tuple(self.on_commit):
            listener(seq, users)

    def went_back(self, before: Mark, now: Mark) -> bool:
        """Whether another program has set the database back to an older state; a new epoch is then begun.

        `before` is the mark from before the transaction that read `now`.
        """
        if now.epoch != before.epoch:
            self.mark = now
            return False
        if now.seq >= before.seq:
            self.mark = Mark(now.epoch, max(self.mark.seq, now.seq))
            return False
        with self.write() as connection:
            begin_epoch(connection, instead_of=now.epoch)
        return True

    def close(self) -> None:
        """Drop all connections."""
        self.engine.dispose()


_HEAD = schema.audit_head.c
_SEALED, _SEAL = (
    sa.select(column).where(_HEAD.id == schema.THE_HEAD).scalar_subquery() for column in (_HEAD.number, _HEAD.hash)
)


def inserter(dialect: str) -> Callable[[sa.Table], sqlite.Insert | postgresql.Insert]:
    """The dialect's `insert`, which can say what to do with a row that is there already."""
    if dialect == "sqlite":
        return sqlite.insert
    from sqlalchemy.dialects import postgresql  # brings five drivers, of which a city in a file has no need

    return postgresql.insert


@functools.cache
def upserting(is_sqlite: bool, table: sa.Table, names: tuple[str, ...], keep: bool = False) -> sa.Insert:
    """The statement that inserts a row of these columns or replaces it (`keep`: leaves it as it is)."""
    keys = [column.name for column in table.primary_key]
    statement = inserter("sqlite" if is_sqlite else "postgresql")(table)
    if keep:
        return statement.on_conflict_do_nothing(index_elements=keys)
    changes = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


@functools.cache
def writing(is_sqlite: bool, table: sa.Table, names: tuple[str, ...]) -> sa.Insert:
    """The same for what a transaction has changed: an entry that is new holds where the audit log's chain ended."""
    statement = upserting(is_sqlite, table, names)
    return statement.values(sealed=_SEALED, seal=_SEAL) if table is schema.entries else statement


_COUNT = (
    sa.update(schema.counters)
    .where(schema.counters.c.name == COUNTER)
    .values(value=schema.counters.c.value + sa.bindparam("count"))
)
_TAKE = _COUNT.returning(schema.counters.c.value)
_VALUE = sa.cast(schema.counters.c.value, sa.Text)
TAKE_AND_TELL = _COUNT.returning(schema.counters.c.value, sa.func.pg_notify(COMMITTED, _VALUE))
TAKE_AND_TELL_EDIT = _COUNT.returning(
    schema.counters.c.value, sa.func.pg_notify(COMMITTED, sa.literal(EDITED).op("||")(_VALUE))
)
_PRESENT = sa.select(schema.counters.c.value).where(schema.counters.c.name == COUNTER)
_PRESENT_AND_FLOOR = sa.select(schema.counters.c.name, schema.counters.c.value).where(
    schema.counters.c.name.in_([COUNTER, VERSIONS])
)
PRESENT = _PRESENT.scalar_subquery()
FLOOR = sa.select(schema.counters.c.value).where(schema.counters.c.name == VERSIONS).scalar_subquery()
_EPOCH_AND_PRESENT = sa.select(
    sa.select(schema.meta.c.value).where(schema.meta.c.key == EPOCH).scalar_subquery(), _PRESENT.scalar_subquery()
)
_reports_counter = schema.counters.c
_NUMBER = (
    sa.update(schema.counters)
    .where(_reports_counter.name == REPORTS)
    .values(value=sa.case((_reports_counter.value < _FIRST_REPORT, _FIRST_REPORT), else_=_reports_counter.value) + 1)
    .returning(_reports_counter.value)
)
_NUMBER_AT_ONCE = _NUMBER.where(
    # The commit of the report itself brings this to the disk, as what comes first in the journal is written first.
    *(
        sa.select(sa.func.set_config(name, value, True)).scalar_subquery().is_not(None)
        for name, value in (("lock_timeout", "2s"), ("synchronous_commit", "off"))
    )
)
_STATE = _EPOCH_AND_PRESENT.add_columns(
    sa.select(sa.func.max(schema.users.c.seq)).scalar_subquery(),
    sa.select(sa.func.count()).select_from(schema.users).scalar_subquery(),
)


def next_numbers(connection: sa.Connection, count: int) -> int:
    """Take `count` numbers; returns the last. The row stays locked until the commit, so numbers are in commit order."""
    take = TAKE_AND_TELL if connection.dialect.name == "postgresql" else _TAKE
    last = int(connection.execute(take, {"count": count}).one()[0])
    mark: Mark | None = connection.info.get(_MARK)
    if mark is not None and last - count < mark.seq:
        begin_epoch(connection, instead_of=mark.epoch)
    return last


def present_number(connection: sa.Connection) -> int:
    """The number of the last committed change."""
    return int(connection.scalar(_PRESENT) or 0)


def present_mark(connection: sa.Connection) -> Mark:
    """The epoch, and the number of the last committed change."""
    epoch, seq = connection.execute(_EPOCH_AND_PRESENT).one()
    return Mark(str(epoch or ""), int(seq or 0))


def begin_epoch(connection: sa.Connection, *, instead_of: str | None = None) -> None:
    """Begin a new epoch, so that every console reads everything anew; nothing happens if the epoch is not `instead_of`.

    Numbers of new reports and versions of all reports continue far above: edits may be on their way to a report, or
    rest on a version, that the restore has lost. Crews that were on their way must say so again.
    """
    meta = schema.meta
    change = sa.update(meta).where(meta.c.key == EPOCH).values(value=str(uuid.uuid4()))
    if connection.execute(change if instead_of is None else change.where(meta.c.value == instead_of)).rowcount:
        counter = schema.counters
        # protects: lost-numbers-are-skipped
        lift = sa.update(counter).where(counter.c.name == REPORTS).values(value=counter.c.value + _LOST_REPORTS)
        connection.execute(lift)
        # protects: versions-are-lifted
        _lift_versions(connection)
        # protects: restored-crews-say-again-that-they-come
        _ask_crews(connection)


def _ask_crews(connection: sa.Connection) -> None:
    """Set every job that a crew had answered back to dispatched, as what the crew has said since the backup is lost.

    Example: it was on its way at the backup, and has refused since ("road flooded"). The changes get no feed numbers:
    after a new epoch every console reads everything.
    """
    jobs, units, now = schema.assignments, schema.units, datetime.now(UTC)
    asked = set()
    for seq, job in _readable(connection, sa.select(jobs.c.seq, jobs.c.body).where(jobs.c.live == 1), Assignment):
        if job.state in _HEARD:
            by = job.orderer or SERVER.name
            dispatched = replace(job, state=AssignmentState.DISPATCHED, since=now, by=by, version=job.version + 1)
            connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(schema.row_of(dispatched, seq)))
            asked.add(job.unit)
    if not asked:
        return
    for seq, unit in _readable(connection, sa.select(units.c.seq, units.c.body), Unit):
        if unit.id in asked and unit.state in (UnitState.EN_ROUTE, UnitState.ON_SCENE):
            committed = replace(unit, state=UnitState.COMMITTED, state_since=now, reason=None, version=unit.version + 1)
            connection.execute(sa.update(units).where(units.c.id == unit.id).values(schema.row_of(committed, seq)))


def _readable(connection: sa.Connection, query: sa.Select[Any], kind: type[T]) -> Iterator[tuple[int, T]]:
    """Number and object of each row; rows of a damaged database that cannot be decoded are left out."""
    for seq, body in connection.execute(query).all():
        with contextlib.suppress(msgspec.DecodeError):
            yield seq, decode(body, kind)


def version_floor(connection: sa.Connection) -> int:
    """Every version that a report gets now lies above it, and above all versions that another epoch gave out."""
    known = _counted(connection)
    return floor_of(connection, known[COUNTER], known[VERSIONS])


def floor_of(connection: sa.Connection, count: int, floor: int) -> int:
    """The same, where this transaction has read the number of the last committed change and the floor's counter."""
    mark: Mark | None = connection.info.get(_MARK)
    if mark is None or count >= mark.seq:
        return floor
    begin_epoch(connection, instead_of=mark.epoch)
    return _counted(connection)[VERSIONS]


def _counted(connection: sa.Connection) -> dict[str, int]:
    """The number of the last committed change, and the floor, whose counter is not there before the first restore."""
    return {COUNTER: 0, VERSIONS: 0} | dict(connection.execute(_PRESENT_AND_FLOOR).all())


def _lift_versions(connection: sa.Connection) -> None:
    """Raise the floor to the time in milliseconds: the counter too may be set back, to one state more than once."""
    counter = schema.counters
    now_ms = (datetime.now(UTC) - _VERSIONS_SINCE) // timedelta(milliseconds=1)
    floor = max(_counted(connection)[VERSIONS] + _LOST_VERSIONS, now_ms)
    connection.execute(sa.delete(counter).where(counter.c.name == VERSIONS))
    connection.execute(sa.insert(counter).values(name=VERSIONS, value=floor))


def _make_private(_: Any, __: Any, arguments: list[Any], ___: Any) -> None:
    """Let only its owner read a new file. An existing one is not touched, as opening and closing it would drop SQLite's
    locks.
    """
    if arguments and arguments[0] != ":memory:":
        with contextlib.suppress(OSError):  # SQLite says in its own words what is wrong with the path
            os.close(os.open(arguments[0], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself: see _begin_sqlite
    for pragma in (
        f"busy_timeout={_WAIT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "secure_delete=ON",  # personal data that are dropped do not stay in the file
        "temp_store=MEMORY",
        "cache_size=-32000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def holding(connection: sa.Connection, column: sa.Column[Any], piece: bytes) -> sa.ColumnElement[bool]:
    """Whether a column of bytes holds these: a body is looked through in the database before it is decoded here."""
    if connection.dialect.name == "sqlite":
        return sa.func.instr(column, sa.literal(piece, sa.LargeBinary)) > 0
    return sa.func.position(sa.literal(piece, sa.LargeBinary).op("IN")(column)) > 0


@contextmanager
def _stoppable(connection: sa.Connection, work: CancelToken) -> Iterator[None]:
    """Ends the statements of work that is to stop; they raise its refusal."""
    driver: Any = connection.connection.dbapi_connection
    counts = isinstance(driver, sqlite3.Connection)
    try:
        if counts:
            driver.set_progress_handler(work.progress, EVERY)
        yield
    except sa.exc.OperationalError as fault:
        ended = getattr(fault.orig, "sqlstate", None) == _QUERY_CANCELED or (
            getattr(fault.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
        )
        if not ended:
            raise
        raise work.refusal() from fault
    finally:
        if counts:
            driver.set_progress_handler(None, 0)


@contextmanager
def _patient(connection: sa.Connection) -> Iterator[None]:
    """SQLite lets in whoever comes first: among busy writers that takes a while."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute(f"PRAGMA busy_timeout={_LONG_WAIT_MS}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={_WAIT_MS}")


def _remember_use(_: Any, record: Any) -> None:
    record.info[_USED] = time.monotonic()


def _check_line(dialect: sa.Dialect, driver: Any, record: Any, _: Any) -> None:
    """Ask PostgreSQL whether it is still there, unless it was just now: what then ends a connection shows at its end of
    the line. Raises InvalidatePoolError, upon which other connections are made.
    """
    used = record.info.get(_USED)
    if used is None:
        return
    try:
        # protects: an-ended-connection-is-not-used
        if time.monotonic() - used < _TRUSTED_S and not _has_said_something(driver.fileno()):
            return
        dialect.do_ping(driver)
    except (dialect.loaded_dbapi.Error, OSError) as fault:
        raise sa.exc.InvalidatePoolError from fault


def _has_said_something(line: int) -> bool:
    if not hasattr(select, "poll"):
        return True
    waiting = select.poll()  # select.select takes no descriptor above 1,023
    waiting.register(line, select.POLLIN)
    return bool(waiting.poll(0))


def _begin_limited(connection: sa.Connection, silent_ms: int) -> None:
    """Begin a writing transaction on PostgreSQL with its limits, in one message; the driver takes three for that."""
    driver: Any = connection.connection.driver_connection
    limits = _LIMITED.format(silent_ms=silent_ms)
    driver.pgconn.exec_(f"BEGIN ISOLATION LEVEL READ COMMITTED; {limits}".encode())
    if driver.info.transaction_status != _IN_TRANSACTION:
        connection.exec_driver_sql(limits)  # says in the driver's words what is wrong


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite file in one consistent state, also while it is in use; `target` is there as a whole or not at all.

    The copy is one file that only its owner may read. Raises OSError.
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
    except sqlite3.Error as fault:
        raise OSError(f"{source} cannot be copied to {target}: {fault}") from fault
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
