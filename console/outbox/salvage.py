"""List the edits that wait in a work.db which this version may not use, in plain words, so that nobody loses them."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from api_client.decoding import decode
from console.files.durable import sync_folder
from console.files.sqlite_file import WORK, open_reader

WAITING = "waiting-edits.csv"
_COLUMNS = ("number", "made at", "by", "source", "report", "title", "what", "values", "state")
_DONE = ("sent", "withdrawn")


class SalvagedEdit(msgspec.Struct, frozen=True):
    """The file that lists them, and how many there are."""

    path: Path
    count: int


def export_waiting(folder: Path) -> SalvagedEdit:
    """Write `folder`/waiting-edits.csv (mode 0600): every edit of work.db that is neither sent nor withdrawn.

    Only what every version has in common is used: the columns `state` and `body`, and the journal where the database
    has other tables by now. work.db itself is only read. Raises OSError.
    """
    edits = _from_database(folder / WORK)
    if edits is None:
        edits = _from_journal(folder / "work.journal")
    waiting = [(edit, state) for edit, state in edits.values() if state not in _DONE]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for edit, state in sorted(waiting, key=lambda one: str(one[0].get("number", "")).zfill(12)):
        values = msgspec.json.encode(edit.get("data", {})).decode()
        named = ("number", "occurred_at", "author", "source", "report", "title", "kind")
        writer.writerow([_cell(edit.get(name, "")) for name in named] + [_cell(values), _cell(state)])
    path = folder / WAITING
    fresh = path.with_name(path.name + ".new")
    with open(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8-sig", newline=""
    ) as out:
        out.write(text.getvalue())
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    sync_folder(folder)
    return SalvagedEdit(path, len(waiting))


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _from_database(path: Path) -> dict[str, tuple[dict[str, Any], str]] | None:
    found: dict[str, tuple[dict[str, Any], str]] = {}
    try:
        with contextlib.closing(open_reader(path)) as connection:
            for key, state, body in connection.execute("SELECT id, state, body FROM edits"):
                found[str(key)] = (decode(body, dict[str, Any]), str(state))
    except (sqlite3.Error, msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return None
    return found


def _from_journal(path: Path) -> dict[str, tuple[dict[str, Any], str]]:
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for raw in path.read_bytes().split(b"\n") if path.exists() else ():
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            whole = decode(raw, dict[str, Any])
            for line in whole.get("swap", [whole]):
                edit, key = line.get("edit"), line.get("id")
                if isinstance(edit, dict):
                    found[str(edit.get("id"))] = (edit, str(line.get("state", "queued")))
                elif key in found:
                    found[key] = (found[key][0], str(line.get("state", "queued")))
    return found
