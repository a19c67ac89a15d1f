"""The folder of a demo: a profile and what its server keeps, of which nothing stays when it ends."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from console.files.errors import StoreError
from console.files.lock import FileLock

_RUNNING = "running"


@contextlib.contextmanager
def scratch_profile(demo: Path) -> Iterator[Path]:
    """A new folder with an empty `profile` in it, under the folder `demo`; both are deleted at the end.

    Two years of a city take some gigabytes, which a folder for temporary files often holds in memory. What a demo that
    was killed has left there is deleted first. Where `demo` cannot be written a temporary folder is taken.
    Raises OSError, StoreError.
    """
    running = _writable(demo / _RUNNING)
    _clear(running)
    folder = running / secrets.token_hex(6)
    lock = FileLock(_lock_of(folder))  # before the folder is there: nobody else takes it for one that was left
    try:
        (folder / "profile").mkdir(parents=True)
        folder.chmod(0o700)
        yield folder
    finally:
        _delete(folder, lock)


def _writable(folder: Path) -> Path:
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="sigap-demo-"))


def _clear(running: Path) -> None:
    for file in running.glob(".*.lock"):
        with contextlib.suppress(StoreError):  # it is one that runs
            _delete(running / file.name[1 : -len(".lock")], FileLock(file))


def _delete(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        with contextlib.suppress(OSError):
            _lock_of(folder).unlink()
    lock.release()


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")
