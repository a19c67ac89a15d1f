"""How cache.db and work.db are opened, brought to today's tables, checked and set aside."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from console.files.durable import sync_folder
from console.files.errors import DamagedFile, NewerFile, NotWritable, from_os, from_sqlite
from console.files.unsafe_folders import cloud_folder, network_kind

CACHE = "cache.db"
WORK = "work.db"
SUSPECT = "cache.db.suspect"
"""A reader that met damage leaves this file; the writer then sets the cache aside at its next start."""

# protects: busy-file-is-waited-for
BUSY_S = 5.0
_MAGIC = b"SQLite format 3\x00"

MIGRATIONS_TABLE = "_sqlite_migrations"
_MIGRATIONS_MADE = (
    """CREATE TABLE IF NOT EXISTS "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
)""",
    """CREATE UNIQUE INDEX IF NOT EXISTS "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name")""",
)
"""To the letter as sqlite-utils makes them: a file whose words differ is taken for damaged."""


class Migrations:
    """The steps that made the tables of a kind of file, the oldest first; the file says which of them it has had.

    The table that says so is that of sqlite-utils, which made the files of older versions.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._steps: dict[str, Callable[[sqlite3.Connection], None]] = {}

    def step(self, change: Callable[[sqlite3.Connection], None]) -> Callable[[sqlite3.Connection], None]:
        """Add the next step; it is known by its function's name."""
        self._steps[change.__name__] = change
        return change

    @property
    def names(self) -> tuple[str, ...]:
        """The steps, in order."""
        return tuple(self._steps)

    def apply(self, connection: sqlite3.Connection) -> None:
        """Take the steps that the file has not had, within the transaction of the caller."""
        for made in _MIGRATIONS_MADE:
            connection.execute(made)
        had = {
            name
            for (name,) in connection.execute(
                f"SELECT name FROM {MIGRATIONS_TABLE} WHERE migration_set = ?",  # noqa: S608 - a constant
                (self.name,),
            )
        }
        for name, change in self._steps.items():
            if name not in had:
                change(connection)
                connection.execute(
                    f"INSERT INTO {MIGRATIONS_TABLE} (migration_set, name, applied_at) VALUES (?, ?, ?)",  # noqa: S608
                    (self.name, name, str(datetime.now(UTC))),
                )


def version_of(migrations: Migrations) -> int:
    """The file version (`PRAGMA user_version`) that all of `migrations` lead to."""
    return len(migrations.names)


def open_writer(path: Path, migrations: Migrations, *, synchronous: str) -> sqlite3.Connection:
    """The one writing connection of a file, created or brought up to date; WAL, mode 0600, explicit transactions.

    Raises NewerFile, DamagedFile, DiskFull, NotWritable, LockedByOther; the file is then as it was.
    """
    check_header(path)
    # protects: no-network-drive
    if network_kind(path.parent):
        raise NotWritable(
            path, f"{path.parent} is on a network drive, where no database is safe: choose a local folder."
        )
    # protects: no-cloud-folder
    if around := cloud_folder(path.parent):
        raise NotWritable(
            path, f"{around} is kept in step with a cloud, where no database is safe: choose a local folder."
        )
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise from_os(error, path) from error
    with sqlite_errors(path), contextlib.ExitStack() as undo:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        undo.callback(connection.close)
        refuse_newer(connection, path, migrations)
        _prepare(connection, path, synchronous)
        _migrate(connection, path, migrations)
        # protects: schema-is-compared
        if _schema_of(connection) != _wanted_schema(migrations, version_of(migrations)):
            raise DamagedFile(path, f"{path.name} is damaged: its tables are not as they were made.")
        undo.pop_all()
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection; raises sqlite3.Error when there is no such file."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def check_header(path: Path) -> None:
    """Raise DamagedFile when `path` exists, is not empty, and is no SQLite file."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise from_os(error, path) from error
    if start and start != _MAGIC:
        raise DamagedFile(path, f"{path.name} is damaged: it does not begin like a database.")


def drop_older_copies(path: Path, newest: Path) -> None:
    """Keep only the newest of the copies set aside: each may be as large as the cache itself."""
    for old in path.parent.glob(f"{path.name}.damaged-*"):
        if not old.name.startswith(newest.name):
            old.unlink(missing_ok=True)


def quick_check(connection: sqlite3.Connection, path: Path, *, indexes: bool = False) -> None:
    """Raise DamagedFile when the pages of the file contradict themselves (reads the whole file).

    With `indexes` they are compared with their tables too.
    """
    try:
        answer = connection.execute(f"PRAGMA {'integrity' if indexes else 'quick'}_check(1)").fetchone()[0]
    except UnicodeDecodeError as error:
        raise DamagedFile(path, f"{path.name} is damaged.") from error
    except sqlite3.DatabaseError as error:
        raise from_sqlite(error, path) or DamagedFile(path, f"{path.name} is damaged.") from error
    if answer != "ok":
        raise DamagedFile(path, f"{path.name} is damaged.")


def refuse_newer(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    """Raise NewerFile when the file's version or any migration in it is unknown to this program."""
    newer = connection.execute("PRAGMA user_version").fetchone()[0] > version_of(migrations)
    table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (MIGRATIONS_TABLE,)).fetchone()
    if table and not newer:
        names = connection.execute(
            f"SELECT name FROM {MIGRATIONS_TABLE} WHERE migration_set = ?",  # noqa: S608 - a constant
            (migrations.name,),
        )
        newer = any(name not in migrations.names for (name,) in names)
    # protects: newer-file-is-refused
    if newer:
        raise NewerFile(
            path, f"{path.name} was written by a newer version of Sigap. Update Sigap, or use another profile."
        )


def set_aside(path: Path, *, now: datetime | None = None) -> Path | None:
    """Rename a damaged file (with its -wal and -shm) out of the way, and say where it is now.

    None when there is none; what SQLite kept beside it is of no use then, and deleted.
    """
    if not path.exists():
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return None
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{count}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


@contextlib.contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite says about the file at `path` as the StoreError it means; defects of ours stay as they are."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite's own words quote what it found
        raise DamagedFile(path, f"{path.name} is damaged.") from error
    except sqlite3.Error as error:
        found = from_sqlite(error, path)
        if found is None:
            raise
        raise found from error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """One write transaction, whole or not at all; takes the write lock up front. Raises the StoreErrors."""
    with sqlite_errors(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite rolls some failures back by itself
                connection.execute("ROLLBACK")
            raise


def _prepare(connection: sqlite3.Connection, path: Path, synchronous: str) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise NotWritable(path, f"{path.parent} cannot hold a database (a network drive?): choose a local folder.")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")


def _schema_of(connection: sqlite3.Connection) -> dict[str, str | None]:
    return dict(connection.execute("SELECT name, sql FROM sqlite_master"))


@functools.lru_cache(8)
def _wanted_schema(migrations: Migrations, version: int) -> dict[str, str | None]:
    """The tables and indexes that all `version` of `migrations` make. (The page check does not read their words.)"""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrations.apply(connection)
        return _schema_of(connection)


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == version_of(migrations):
        return
    if version and path.name == WORK:
        # protects: copy-before-migration
        _keep_copy(connection, path, version)
    with transaction(connection, path):
        migrations.apply(connection)
        connection.execute(f"PRAGMA user_version = {version_of(migrations)}")


def _keep_copy(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Copy the operator's file before its tables change, so that a failed change loses nothing.

    The copy gets its name when it is whole: what a kill leaves half-made is begun again.
    """
    copy = path.with_name(f"{path.name}.version-{version}")
    half = copy.with_name(copy.name + ".new")
    try:
        for suffix in ("", "-journal"):
            half.with_name(half.name + suffix).unlink(missing_ok=True)
        os.close(os.open(half, os.O_RDWR | os.O_CREAT, 0o600))
        with contextlib.closing(sqlite3.connect(half)) as target:
            connection.backup(target)
        half.replace(copy)
        sync_folder(copy.parent)
    except OSError as error:
        raise from_os(error, copy) from error
