"""A demo's folder: it goes with the demo, and what a killed one has left goes with the next."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from console.window.scratch_profile import scratch_profile

KILLED = """
import os, signal, sys
from pathlib import Path
from console.window.scratch_profile import scratch_profile
with scratch_profile(Path(sys.argv[1])) as folder:
    (folder / "profile" / "cache.db").write_bytes(bytes(1000))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_is_private_and_goes_at_the_end(tmp_path: Path) -> None:
    with scratch_profile(tmp_path / "demo") as folder:
        assert (folder / "profile").is_dir()
        assert folder.is_relative_to(tmp_path / "demo")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "city.db").write_bytes(b"reports")
    assert list((tmp_path / "demo" / "running").iterdir()) == []


def test_one_that_runs_is_left_alone_and_one_that_was_killed_is_cleared(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False).returncode == -signal.SIGKILL
    assert [file.stat().st_size for file in tmp_path.rglob("cache.db")] == [1000]
    with scratch_profile(tmp_path) as first:
        assert not list(tmp_path.rglob("cache.db"))
        (first / "city.db").touch()
        with scratch_profile(tmp_path) as second:
            assert second != first
        assert (first / "city.db").exists()


def test_where_nothing_can_be_written_a_temporary_folder_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("a file")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_profile(tmp_path / "home" / "demo") as folder:
        assert folder.is_relative_to(tmp_path)
        assert (folder / "profile").is_dir()
    assert not folder.exists()
