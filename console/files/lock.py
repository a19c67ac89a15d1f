"""Hold a file so that one process at a time writes what it stands for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from console.files.errors import LockedByOther, StoreError, from_os


class FileLock:
    """An advisory lock on `path`, held until `release` or the end of the process, however it ends.

    Raises LockedByOther when another holder has it, NotWritable when the folder refuses or its drive has no
    locks: who waits for another holder would wait for ever there.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise from_os(error, path) from error
        try:
            _lock(self._fd)
        except (BlockingIOError, PermissionError) as error:  # what flock and locking say of one that is held
            os.close(self._fd)
            raise LockedByOther(path, f"Another Sigap already uses {path.parent}.") from error
        except OSError as error:
            os.close(self._fd)
            raise from_os(error, path) from error

    def release(self) -> None:
        """Let go; harmless when done already."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_held(path: Path) -> bool:
    """Whether another holder has the lock on `path`; who looks has it for a moment."""
    try:
        FileLock(path).release()
    except LockedByOther:
        return True
    except StoreError:
        return False  # nobody can hold it there
    return False


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> None:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
