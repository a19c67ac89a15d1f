"""Files whose tables sqlite-utils made, as those of older versions, are opened and brought up to date like our own."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlite_utils

from console.cache.schema import CACHE_VERSION, cache_migrations
from console.cache.writer import CacheWriter
from console.files.sqlite_file import CACHE, WORK, Migrations
from console.outbox.schema import WORK_VERSION, work_migrations
from console.outbox.work_file import WorkFile

Words = list[tuple[str, str | None]]


def make(path: Path, ours: Migrations, steps: int) -> None:
    """The file after so many steps, applied by sqlite-utils."""
    theirs = sqlite_utils.Migrations(ours.name)
    for name in ours.names[:steps]:

        def step(db: sqlite_utils.Database, name: str = name) -> None:
            ours._steps[name](db.conn)

        theirs(name=name)(step)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        theirs.apply(sqlite_utils.Database(connection))
        connection.execute(f"PRAGMA user_version = {steps}")


def words_of(path: Path) -> Words:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def steps_of(path: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT migration_set, name FROM _sqlite_migrations ORDER BY id").fetchall()


def ours_after(path: Path, ours: Migrations, steps: int) -> Words:
    """What our own file holds after so many steps."""
    first = Migrations(ours.name)
    for name in ours.names[:steps]:
        first.step(ours._steps[name])
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        first.apply(connection)
    return words_of(path)


@pytest.mark.parametrize("steps", [1, 5, CACHE_VERSION])
def test_a_cache_is_the_same_to_the_letter_and_goes_on(tmp_path: Path, steps: int) -> None:
    make(tmp_path / CACHE, cache_migrations, steps)
    assert words_of(tmp_path / CACHE) == ours_after(tmp_path / "ours.db", cache_migrations, steps)
    CacheWriter(tmp_path).close()
    assert steps_of(tmp_path / CACHE) == [("cache", name) for name in cache_migrations.names]
    assert not list(tmp_path.glob("*.damaged-*")), "it was not taken for damaged"


@pytest.mark.parametrize("steps", [1, WORK_VERSION])
def test_the_operators_file_too(tmp_path: Path, steps: int) -> None:
    make(tmp_path / WORK, work_migrations, steps)
    assert words_of(tmp_path / WORK) == ours_after(tmp_path / "ours.db", work_migrations, steps)
    WorkFile(tmp_path).close()
    assert steps_of(tmp_path / WORK) == [("work", name) for name in work_migrations.names]


def test_the_sync_process_loads_nothing_that_it_has_no_use_for() -> None:
    """It starts with every window, and again after every fault."""
    look = (
        "import sys, console.cli, console.sync.process; "
        "print([name for name in ('numpy', 'sqlite_utils', 'keyring', 'PySide6', 'PIL') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "[]\n"
