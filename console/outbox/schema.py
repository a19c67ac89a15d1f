"""The tables of work.db and their history."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping, Sequence

import msgspec

from console.files.sqlite_file import Migrations, version_of
from console.outbox.older_work_file import columns_of

work_migrations = Migrations("work")


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


WORK_VERSION = version_of(work_migrations)
