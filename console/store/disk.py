"""Names of files: make a change of them last, and tell whether a file that is open still stands under its name."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Put the names of a folder's files on the disk. Windows does so by itself, and cannot open a folder."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    """Put on the disk what was written into a file by others. Raises OSError."""
    fd = os.open(path, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def identity_of(path: Path) -> tuple[int, int]:
    """What tells the file under a name from another one that takes its place. Raises OSError."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino


def is_at(path: Path, identity: tuple[int, int]) -> bool:
    """Whether that file stands under the name still: what is written into one that was deleted or replaced is lost."""
    try:
        return identity_of(path) == identity
    except OSError:
        return False
