"""What can go wrong with the client's two files, as a tree that knows what the operator can do about it.

StoreError
├── NewerFile       written by a newer Sigap: refused, untouched
├── DamagedFile     not a database any more, or its pages contradict themselves: set aside
├── DiskFull        no space (or quota) left: nothing was written, free some and try again
├── NotWritable     read-only, missing rights, a failing disk, a folder that SQLite cannot use
└── LockedByOther   another process holds the file; `retry` is true
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import ClassVar

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_REFUSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})


class StoreError(Exception):
    """A file of the client could not be used; `path` says which, the message is a sentence for the operator."""

    retry: ClassVar[bool] = False

    def __init__(self, path: Path, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


class NewerFile(StoreError):
    """The file was written by a newer version of Sigap."""


class DamagedFile(StoreError):
    """The file is not a database, or its pages contradict themselves. `set_aside` is where it was moved, if it was."""

    def __init__(self, path: Path, sentence: str, set_aside: Path | None = None) -> None:
        super().__init__(path, sentence)
        self.set_aside = set_aside


class DiskFull(StoreError):
    """There is no space for the file to grow; nothing was written."""

    retry = True


class NotWritable(StoreError):
    """The file or its folder refuses to be written, or cannot be read."""


class LockedByOther(StoreError):
    """Another process holds the file."""

    retry = True


def from_sqlite(error: sqlite3.Error, path: Path) -> StoreError | None:
    """The StoreError behind a sqlite3 error; None when it is a defect of ours (wrong SQL, wrong thread).

    Decides by SQLite's result code, never by the text.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The one OperationalError that Python makes itself: text that is no UTF-8, which is never written here.
        return DamagedFile(path, f"{path.name} is damaged.") if type(error) is sqlite3.OperationalError else None
    primary = code & 0xFF
    # The second: not even what lies beside the file while it is open has room.
    if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return DiskFull(path, f"The disk is full: {path.name} could not be written.")
    if primary in _DAMAGED:
        return DamagedFile(path, f"{path.name} is damaged.")
    if primary in _BUSY:
        return LockedByOther(path, f"Another program holds {path.name}.")
    if primary in _REFUSED:
        return NotWritable(path, f"{path.name} cannot be written: check the rights of {path.parent}.")
    if primary == sqlite3.SQLITE_IOERR:
        return NotWritable(path, f"The disk refused to read or write {path.name}.")
    return None


def from_os(error: OSError, path: Path) -> StoreError:
    """The StoreError behind an operating system's error."""
    if error.errno in _NO_SPACE:
        return DiskFull(path, f"The disk is full: {path.name} could not be written.")
    return NotWritable(path, f"{path.name} cannot be written: {error.strerror or 'the system refused'}.")
