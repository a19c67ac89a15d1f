"""What a command says when its database or a file cannot be used: a sentence, and the exit code that goes with it."""

from __future__ import annotations

import re
import sqlite3

import sqlalchemy as sa

from console.server.city.migrations import NewerDatabase

_PASSWORD = re.compile(r"^((?:[^:/@]*:/{1,2})?[^:/@]*):.*@", re.DOTALL)
DONE, USAGE, REFUSED, LOCAL_DATA = 0, 2, 3, 4

FAULTS = (sa.exc.SQLAlchemyError, sqlite3.Error, NewerDatabase, OSError)
"""What `complaint` has words for."""
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
"""The second: not even what lies beside the file while it is open has room, as after a stop on a full disk."""


def complaint(fault: Exception, database: str) -> tuple[str, int]:
    """The sentence and the exit code for one of FAULTS, met by a command that was given this database address."""
    if isinstance(fault, sa.exc.ArgumentError | sa.exc.NoSuchModuleError):
        example = "sqlite:///city.db or postgresql+psycopg://user@host/city"
        # protects: no-password-in-a-complaint
        database = _PASSWORD.sub(r"\1:***@", database)
        return (
            f"“{database}” is no database address that is known here; write it like {example}"
            " (signs such as @ : / # of a password as %40 %3A %2F %23).",
            USAGE,
        )
    if isinstance(fault, NewerDatabase):
        return str(fault), LOCAL_DATA
    if isinstance(fault, sa.exc.SQLAlchemyError | sqlite3.Error):
        origin = getattr(fault, "orig", None) or fault
        # protects: a-full-disk-is-called-so
        if getattr(origin, "sqlite_errorcode", None) in _FULL:
            return (
                "The disk is full: the database cannot be used. Nothing was lost; make room, then try again.",
                LOCAL_DATA,
            )
        why = str(origin).partition("\n")[0]
        return f"The database cannot be used: {why}.", LOCAL_DATA
    if isinstance(fault, OSError) and fault.filename is not None:
        return f"{fault.filename} cannot be used: {fault.strerror}.", LOCAL_DATA
    return f"A file cannot be used: {fault}.", LOCAL_DATA
