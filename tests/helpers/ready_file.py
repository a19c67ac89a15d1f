"""The tables of a city's SQLite file, made once for all tests: `City.create_schema` finds only its facts missing."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from console.server.city.database import Database


def put_tables(file: Path) -> None:
    """Write an empty city's file, with all tables and no epoch, where there is none yet."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(_tables())


@functools.cache
def _tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "city.db"
        database = Database(f"sqlite:///{file}")
        database.create_schema()
        database.close()
        assert [each.name for each in Path(folder).iterdir()] == [file.name], "all of it is in the one file"
        return file.read_bytes()
