"""The tables of cache.db and work.db, their history, and how either file is opened, checked and set aside."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from console.store.disk import sync_folder
from console.store.drive import cloud_folder, network_kind
from console.store.errors import DamagedFile, NewerFile, NotWritable, from_os, from_sqlite
from console.store.older_work import columns_of

CACHE = "cache.db"
WORK = "work.db"
SUSPECT = "cache.db.suspect"
"""A reader that met damage leaves this file; the writer then sets the cache aside at its next start."""

KINDS = ("unit", "area", "service", "template", "calendar", "agency", "user")
"""Kinds kept whole, one table each (`units`, `areas` …): source, id, seq, body."""

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


cache_migrations = Migrations("cache")
work_migrations = Migrations("work")


def table_of(kind: str) -> str:
    """The table that keeps objects of `kind`."""
    return "agencies" if kind == "agency" else f"{kind}s"


@cache_migrations.step
def c001_reports(db: sqlite3.Connection) -> None:
    """Reports: keys and the board's packed facts apart from texts and bodies, so that a scan reads 100 bytes a row."""
    for statement in (
        """CREATE TABLE reports (
             row INTEGER PRIMARY KEY, source INTEGER NOT NULL, remote_id TEXT NOT NULL, seq INTEGER NOT NULL,
             created INTEGER NOT NULL, facts BLOB NOT NULL)""",
        "CREATE UNIQUE INDEX reports_key ON reports (source, remote_id)",
        """CREATE TABLE texts (
             row INTEGER PRIMARY KEY, title TEXT NOT NULL, description TEXT NOT NULL, address TEXT NOT NULL,
             area_name TEXT NOT NULL, area TEXT, body BLOB NOT NULL)""",
        """CREATE VIRTUAL TABLE fts USING fts5 (
             title, description, address, area_name, content='texts', content_rowid='row',
             tokenize='unicode61 remove_diacritics 2', prefix='2 3')""",
        """CREATE TABLE words (
             kind TEXT NOT NULL, id INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID""",
        "CREATE UNIQUE INDEX words_word ON words (kind, word)",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE cursors (
             source INTEGER PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL, scope_version INTEGER NOT NULL,
             as_of TEXT, snapshot_key TEXT)""",
        """CREATE TABLE gone (
             source INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
             PRIMARY KEY (source, kind, id)) WITHOUT ROWID""",
    ):
        db.execute(statement)


@cache_migrations.step
def c002_history(db: sqlite3.Connection) -> None:
    """Entries and assignments of reports, by the report's remote id; contacts in a table of their own."""
    for statement in (
        """CREATE TABLE entries (
             source INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, report TEXT, at INTEGER NOT NULL,
             edit TEXT, body BLOB NOT NULL, PRIMARY KEY (source, id))""",
        "CREATE INDEX entries_report ON entries (source, report, at)",
        "CREATE INDEX entries_edit ON entries (edit) WHERE edit IS NOT NULL",
        """CREATE TABLE assignments (
             source INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, report TEXT NOT NULL,
             unit TEXT NOT NULL, live INTEGER NOT NULL, created INTEGER NOT NULL, body BLOB NOT NULL,
             PRIMARY KEY (source, id))""",
        "CREATE INDEX assignments_report ON assignments (source, report, created)",
        "CREATE INDEX assignments_live ON assignments (live) WHERE live = 1",
        """CREATE TABLE contacts (
             source INTEGER NOT NULL, report TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (source, report))""",
    ):
        db.execute(statement)
    for kind in KINDS:
        db.execute(
            f"CREATE TABLE {table_of(kind)} (source INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,"
            " body BLOB NOT NULL, PRIMARY KEY (source, id))"
        )


@cache_migrations.step
def c003_no_contacts(db: sqlite3.Connection) -> None:
    """Reporters' contacts are asked for at the server each time; what an older cache holds of them is overwritten."""
    db.execute("PRAGMA secure_delete = ON")
    db.execute("DROP TABLE contacts")


@cache_migrations.step
def c004_words_of_sources(db: sqlite3.Connection) -> None:
    """A code belongs to its source; what an older cache of several sources numbered as one is filled anew."""
    (sources,) = db.execute("SELECT count(*) FROM words WHERE kind = 'source'").fetchone()
    db.execute("ALTER TABLE words RENAME TO words_before")
    db.execute("DROP INDEX words_word")
    db.execute(
        "CREATE TABLE words (kind TEXT NOT NULL, id INTEGER NOT NULL, source INTEGER NOT NULL, word TEXT NOT NULL,"
        " PRIMARY KEY (kind, id)) WITHOUT ROWID"
    )
    db.execute("CREATE UNIQUE INDEX words_word ON words (kind, source, word)")
    if sources <= 1:
        db.execute(
            "INSERT INTO words SELECT kind, id, CASE WHEN kind IN ('source', 'user') THEN 0 ELSE"
            " (SELECT id FROM words_before WHERE kind = 'source') END, word FROM words_before"
        )
    else:
        for table in ("reports", "texts", "entries", "assignments", "gone", "cursors", *map(table_of, KINDS)):
            db.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
        db.execute("INSERT INTO fts (fts) VALUES ('delete-all')")
    db.execute("DROP TABLE words_before")


@cache_migrations.step
def c005_taken_back(db: sqlite3.Connection) -> None:
    """What a server's record held before it was set back to an older state, and has not again."""
    db.execute(
        "CREATE TABLE taken_back (source INTEGER NOT NULL, edit TEXT NOT NULL, PRIMARY KEY (source, edit))"
        " WITHOUT ROWID"
    )


@cache_migrations.step
def c006_unread(db: sqlite3.Connection) -> None:
    """What could not be read of a source is known with how far it was read."""
    db.execute("ALTER TABLE cursors ADD COLUMN unread TEXT NOT NULL DEFAULT ''")


@cache_migrations.step
def c007_merged(db: sqlite3.Connection) -> None:
    """Reports that were merged into others are found without looking through all (the flag is the facts' 64th byte)."""
    db.execute("CREATE INDEX reports_merged ON reports (source, created) WHERE substr(facts, 64, 1) = x'01'")


@cache_migrations.step
def c008_whole(db: sqlite3.Connection) -> None:
    """Which kinds a first fill has brought whole, while it goes on."""
    db.execute("ALTER TABLE cursors ADD COLUMN whole TEXT NOT NULL DEFAULT ''")


@cache_migrations.step
def c009_hold_until(db: sqlite3.Connection) -> None:
    """When a hold ends by itself follows the other facts: eight bytes behind the 64th."""
    held = db.execute(
        "SELECT t.body, r.row FROM reports r JOIN texts t ON t.row = r.row WHERE substr(r.facts, 60, 1) <> x'00'"
    ).fetchall()
    db.execute("UPDATE reports SET facts = CAST(facts || zeroblob(8) AS BLOB)")
    for body, row in held:
        until = (msgspec.json.decode(body).get("hold") or {}).get("until")
        if until:
            packed = struct.pack("<q", max(1, math.ceil(datetime.fromisoformat(until).timestamp())))
            db.execute(
                "UPDATE reports SET facts = CAST(substr(facts, 1, 64) || ? AS BLOB) WHERE row = ?", (packed, row)
            )


@cache_migrations.step
def c010_taken_reports(db: sqlite3.Connection) -> None:
    """The open reports that a server had before it was set back to an older state, and has not again."""
    db.execute(
        "CREATE TABLE taken_reports (source INTEGER NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,"
        " read_to INTEGER NOT NULL, units TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (source, id)) WITHOUT ROWID"
    )


@work_migrations.step
def w001_edits(db: sqlite3.Connection) -> None:
    """The operator's own: edits, ids of reports created here, drafts, saved filters, alarm states."""
    for statement in (
        """CREATE TABLE edits (
             id TEXT PRIMARY KEY, number INTEGER NOT NULL, source TEXT NOT NULL, report TEXT, state TEXT NOT NULL,
             attempts INTEGER NOT NULL DEFAULT 0, problem TEXT NOT NULL DEFAULT '', theirs TEXT NOT NULL DEFAULT '{}',
             version INTEGER, told TEXT, changed_at TEXT NOT NULL, body TEXT NOT NULL)""",
        "CREATE INDEX edits_state ON edits (state, number)",
        "CREATE TABLE local_keys (key TEXT PRIMARY KEY, source TEXT NOT NULL, remote_id TEXT NOT NULL)",
        "CREATE TABLE drafts (key TEXT PRIMARY KEY, body TEXT NOT NULL, changed_at TEXT NOT NULL)",
        "CREATE TABLE filters (name TEXT PRIMARY KEY, text TEXT NOT NULL)",
        "CREATE TABLE alarms (key TEXT PRIMARY KEY, state TEXT NOT NULL, changed_at TEXT NOT NULL)",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    ):
        db.execute(statement)


_WORK_ROW_2 = "id, number, source, report, state, attempts, problem, theirs, version, told, changed_at, body"
_WORK_ROW_4 = f"{_WORK_ROW_2}, reason, by_whom, taken_as, repeated, asked_back, to_call_back"

WORK_ROW = _WORK_ROW_4
"""The columns of `edits` that its `sum` covers, in this order."""


def sum_of(row: Sequence[object]) -> int:
    """The CRC-32 of an edit's row (WORK_ROW): what no page check sees, a flipped bit inside a value, shows here."""
    return zlib.crc32(msgspec.json.encode(row))


def is_whole(row: Mapping[str, object]) -> bool:
    """Whether a row of `edits` is as it was written, by the names of its columns; also of an older file."""
    columns = (_WORK_ROW_4 if "reason" in row else _WORK_ROW_2).split(", ")
    return "sum" in row and sum_of([row[name] for name in columns]) == row["sum"]


@work_migrations.step
def w002_sums(db: sqlite3.Connection) -> None:
    """Each edit's row bears the sum of its values."""
    db.execute("ALTER TABLE edits ADD COLUMN sum INTEGER NOT NULL DEFAULT 0")
    rows = db.execute(f"SELECT {_WORK_ROW_2} FROM edits").fetchall()  # noqa: S608 - a constant
    db.executemany("UPDATE edits SET sum = ? WHERE id = ?", [(sum_of(row), row[0]) for row in rows])


@work_migrations.step
def w003_followed(db: sqlite3.Connection) -> None:
    """What each operator's desk follows at each source: what others do to it is told, also what they did meanwhile."""
    db.execute(
        "CREATE TABLE followed (author TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,"
        " changed_at TEXT NOT NULL, PRIMARY KEY (author, source, kind))"
    )


@work_migrations.step
def w004_reasons(db: sqlite3.Connection) -> None:
    """Why an edit is stopped, and what else was told by sentences and keys of `theirs`, in columns of their own.

    A row that is not as it was written stays without a sum, so that it is found, and not taken for whole.
    """
    for column in ("reason TEXT", "by_whom TEXT", "taken_as TEXT"):
        db.execute(f"ALTER TABLE edits ADD COLUMN {column}")
    for flag in ("repeated", "asked_back", "to_call_back"):
        db.execute(f"ALTER TABLE edits ADD COLUMN {flag} INTEGER NOT NULL DEFAULT 0")
    for *row, total in db.execute(f"SELECT {_WORK_ROW_2}, sum FROM edits").fetchall():  # noqa: S608 - a constant
        values = dict(zip(_WORK_ROW_2.split(", "), row, strict=True))
        # protects: damaged-stays-damaged
        is_damaged = sum_of(row) != total
        new = columns_of(values)
        names = ", ".join(f"{name} = ?" for name in new)
        now = [new.get(name, values.get(name)) for name in _WORK_ROW_4.split(", ")]
        db.execute(
            f"UPDATE edits SET {names}, sum = ? WHERE id = ?",  # noqa: S608 - constants
            (*new.values(), -1 if is_damaged else sum_of(now), values["id"]),
        )


def version_of(migrations: Migrations) -> int:
    """The file version (`PRAGMA user_version`) that all of `migrations` lead to."""
    return len(migrations.names)


CACHE_VERSION = version_of(cache_migrations)
WORK_VERSION = version_of(work_migrations)


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
