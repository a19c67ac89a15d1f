"""The lock on a file of the profile: one process at a time, and no wait where there is nobody to wait for."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.files.errors import LockedByOther, NotWritable
from console.files.lock import FileLock

HOLDER = """
import sys
from pathlib import Path
from console.files.lock import FileLock
FileLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_holds_nothing_and_one_that_lives_holds_without_a_reference(tmp_path: Path) -> None:
    path = tmp_path / "work.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    assert holder.stdin
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LockedByOther, match="Another Sigap already uses") as caught:
        FileLock(path)
    assert caught.value.retry
    holder.kill()
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    FileLock(path).release()


@pytest.mark.skipif(sys.platform == "win32", reason="flock is what Linux and macOS have")
def test_a_drive_without_locks_is_named_and_not_taken_for_another_sigap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An NFS without its lock service says ENOLCK: `sigap sync` would wait for a window that is not there."""

    def no_locks(fd: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(NotWritable, match="No locks available") as caught:
        FileLock(tmp_path / "work.lock")
    assert not caught.value.retry
