"""Names of files: make a change of them last, and tell whether a file that is open still stands under its name."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Put the names of a folder's files on the disk. Windows does so by itself, and cannot open a folder."""
    if os.name == "nt":
        return
    _sync(folder, os.O_RDONLY)


def sync_file(path: Path) -> None:
    """Put on the disk what was written into a file by others. Raises OSError."""
    _sync(path, os.O_RDWR)


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def identity_of(file: Path | int) -> tuple[int, int]:
    """What tells a file (under a name, or open) from another one that takes its place. Raises OSError."""
    stat = os.stat(file)
    return stat.st_dev, stat.st_ino


def is_at(path: Path, identity: tuple[int, int]) -> bool:
    """Whether that file stands under the name still: what is written into one that was deleted or replaced is lost."""
    try:
        return identity_of(path) == identity
    except OSError:
        return False
