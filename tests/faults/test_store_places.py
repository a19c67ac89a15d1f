"""F29, F30, F32: who may write where: one window, one writer, busy files, read-only and synchronised folders."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.commands import doctor
from console.files import sqlite_file
from console.files.errors import LockedByOther, NotWritable
from console.files.unsafe_folders import cloud_folder
from console.outbox.work_file import WorkFile
from console.window.single_instance import SingleInstance
from tests.helpers.city import run_sigap
from tests.unit.cache.making import at, edit, items, report

ROOT = Path(__file__).resolve().parents[2]
_SECOND = (
    "import sys; from pathlib import Path; from console.window.single_instance import raise_other, SingleInstance\n"
)
_ASK = "from PySide6.QtCore import QCoreApplication; app = QCoreApplication([]); p = Path(sys.argv[1])\n"


def python(text: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_second_start_raises_the_first_window(qtbot: QtBot, tmp_path: Path) -> None:
    """F29. Guards: console/window/single_instance.py, used by console/window/run.py."""
    only = SingleInstance(tmp_path)
    with pytest.raises(LockedByOther), contextlib.closing(SingleInstance(tmp_path)):
        pass
    with qtbot.waitSignal(only.asked, timeout=20_000):
        second = python(_SECOND + _ASK + "print(raise_other(p))", str(tmp_path))
    answer: list[str] = []
    hears = threading.Thread(target=lambda: answer.append(second.communicate()[0]))
    hears.start()
    qtbot.waitUntil(lambda: bool(answer), timeout=20_000)
    hears.join()
    assert answer == ["True\n"]
    only.close()
    again = SingleInstance(tmp_path)
    again.close()


def test_a_killed_window_leaves_its_place_free(qtbot: QtBot, tmp_path: Path) -> None:
    """F29: neither the lock nor the socket of a killed process is in the way."""
    first = python(_SECOND + _ASK + "w = SingleInstance(p); print('on', flush=True); app.exec()", str(tmp_path))
    assert first.stdout is not None
    assert first.stdout.readline() == "on\n"
    with pytest.raises(LockedByOther):
        SingleInstance(tmp_path)
    first.kill()
    first.communicate()
    only = SingleInstance(tmp_path)
    with qtbot.waitSignal(only.asked, timeout=20_000):
        second = python(_SECOND + _ASK + "raise_other(p)", str(tmp_path))
    QCoreApplication.processEvents()
    second.communicate()
    only.close()


@pytest.mark.long
def test_sigap_run_twice_is_one_window(tmp_path: Path) -> None:
    """F29, the whole program: the second process says so and ends with 0 while the first goes on."""
    first = subprocess.Popen(
        [sys.executable, "-m", "console", "run", "--unsandboxed", "--quit-after", "40"],
        cwd=ROOT,
        env={**os.environ, "SIGAP_HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    lock = tmp_path / "profiles" / "default" / "window.lock"
    until = time.monotonic() + 30
    while not lock.exists() and time.monotonic() < until:
        time.sleep(0.1)
    second = run_sigap("run", "--unsandboxed", "--quit-after", "40", home=tmp_path)
    assert second.returncode == 0
    assert "its window was raised" in second.stderr
    assert first.poll() is None
    first.terminate()
    first.wait(20)


def held(path: Path) -> sqlite3.Connection:
    """Another program's connection that keeps the file's write lock."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_file_held_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    """F29: a virus scanner that holds the file. Guards: sqlite_file.BUSY_S, the busy timeout of five seconds."""
    work = WorkFile(tmp_path)
    other = held(tmp_path / "work.db")
    let_go = threading.Timer(0.5, lambda: other.execute("ROLLBACK"))
    let_go.start()
    work.append(edit("e1"))
    let_go.join()
    assert [one.edit.id for one in work.all()] == ["e1"]
    work.close()
    other.close()
    assert sqlite_file.BUSY_S == 5.0


def test_a_file_held_for_long_is_said_and_nothing_is_half_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F29: the words after the wait; the edit is in neither file, and the same once more is saved."""
    monkeypatch.setattr(sqlite_file, "BUSY_S", 0.05)
    work, writer = WorkFile(tmp_path), CacheWriter(tmp_path)
    others = [held(tmp_path / name) for name in ("work.db", "cache.db")]
    with pytest.raises(LockedByOther, match=r"Another program holds work\.db"):
        work.append(edit("e1"))
    with pytest.raises(LockedByOther, match=r"Another program holds cache\.db"):
        writer.apply("city", items(report("1")), at(1))
    assert (work.all(), (tmp_path / "work.journal").read_bytes(), writer.cursor("city")) == ([], b"", None)
    for other in others:
        other.execute("ROLLBACK")
        other.close()
    work.append(edit("e1"))
    writer.apply("city", items(report("1")), at(1))
    work.close()
    writer.close()


def test_one_connection_writes_and_checkpoints_each_file(tmp_path: Path) -> None:
    """F30: the WAL-reset fault of SQLite 3.7.0 to 3.51.2 needs a second one.

    Guards: FileLock in both writers, mode=ro and query_only in sqlite_file.open_reader.
    """
    writer = CacheWriter(tmp_path)
    with pytest.raises(LockedByOther):
        CacheWriter(tmp_path)
    writer.apply("city", items(report("1")), at(1))
    log = (tmp_path / "cache.db-wal").read_bytes()
    reader = CacheReader(tmp_path)
    assert reader.counts()["reports"] == 1
    connection: Any = reader._connection
    for statement in ("DELETE FROM reports", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA user_version = 3"):
        with contextlib.suppress(sqlite3.Error):
            connection.execute(statement)
    reader.close()
    assert (tmp_path / "cache.db-wal").read_bytes() == log
    assert writer.cursor("city") == at(1)
    writer.close()


def test_files_of_the_client_are_opened_in_one_module_only() -> None:
    """F30: the rule that test_one_connection… proves holds because nobody else connects."""
    connecting = set()
    for path in (ROOT / "console").rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        if any(isinstance(call, ast.Attribute) and ast.unparse(call) == "sqlite3.connect" for call in calls):
            connecting.add(path.relative_to(ROOT / "console").as_posix())
    of_others = {
        "export/geopackage.py",
        "city_map/basemap.py",
        "city_map/places.py",
        "city_map/search.py",
        "tools/bench/server.py",
    }  # an export, a tile file, a map's places (written once, read only then), a server's file
    of_others |= {"tools/bench/bare_window.py", "tools/bench/pan.py"}  # the plain table of the bench's contender
    assert {name for name in connecting if not name.startswith("server/")} - of_others == {"files/sqlite_file.py"}


@pytest.mark.parametrize(
    ("version", "said"), [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 53, 0), False)]
)
def test_doctor_says_what_sqlite_it_is(
    version: tuple[int, int, int], said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F30. Guards: doctor._sqlite."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    (finding,) = (one for one in doctor.examine() if one.what == "SQLite")
    assert finding.ok
    assert ("one connection that writes and checkpoints" in finding.advice) is said


@pytest.fixture
def frozen_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that became read-only with a profile on it, as a failing disk does; root only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]).returncode:
        pytest.skip("a file system can only be mounted by root")
    try:
        work, writer = WorkFile(disk), CacheWriter(disk)
        work.append(edit("e1"))
        work.close()
        writer.apply("city", items(report("1")), at(1))
        writer.close()
        subprocess.run([mount, "-o", "remount,ro", disk], check=True)
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("opened", [WorkFile, CacheWriter])
def test_a_read_only_disk_is_said(opened: type[WorkFile | CacheWriter], frozen_disk: Path) -> None:
    """F32. Guards: errors.from_os at every opening."""
    with pytest.raises(NotWritable, match="cannot be written"):
        opened(frozen_disk)


def test_folders_of_a_cloud_drive_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F32. Guards: unsafe_folders.cloud_folder, used by sqlite_file.open_writer."""
    monkeypatch.setenv("OneDrive", str(tmp_path / "OneDrive - City"))
    folder = tmp_path / "OneDrive - City" / "sigap"
    for opened in (WorkFile, CacheWriter):
        with pytest.raises(NotWritable, match="kept in step with a cloud"):
            opened(folder)
        assert not list(folder.glob("*.db"))
    assert cloud_folder(tmp_path / "OneDrive - City2") is None
    mac = Path("/Users/rina")
    assert cloud_folder(mac / "Library/CloudStorage/Dropbox/sigap", {}, mac) == mac / "Library/CloudStorage"
    assert cloud_folder(mac / "Library/Application Support/sigap", {}, mac) is None
