"""The outbox of an earlier version of Sigap, with an edit in each of its states and for each of its reasons."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

SAVED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
"""An hour after its edits were made."""

_HERE = Path(__file__).parent


def third_version(folder: Path, *, journal: bool = True) -> int:
    """Write work.db, and its journal, as the third version of the file left them; how many edits there are."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(folder / "work.db")) as file:
        file.executescript((_HERE / "work-3.sql").read_text(encoding="utf-8"))
        (edits,) = file.execute("SELECT count(*) FROM edits").fetchone()
    if journal:
        shutil.copy(_HERE / "work-3.journal", folder / "work.journal")
    return int(edits)
