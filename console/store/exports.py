"""Keep the notes of exports, each a small file of its own, until the servers whose reports they tell of have them.

They are beside work.db and not in it: `sigap export` also runs while a console holds that file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from console.domain.decoding import decode
from console.domain.exported import ExportNote

_FOLDER = "exports"
_WAITING, _REFUSED = ".json", ".refused"


def keep_note(folder: Path, note: ExportNote) -> None:
    """Keep a note in the profile's folder; when this returns it survives kill and power loss. Raises OSError."""
    place = folder / _FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    fresh = place / f"{note.id}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(note))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(fresh.with_suffix(_WAITING))


def waiting_notes(folder: Path, source: str) -> Iterator[ExportNote]:
    """The notes that this source has not been told yet; what cannot be read is left where it is."""
    for path in sorted((folder / _FOLDER).glob(f"*{_WAITING}")):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            note = decode(path.read_bytes(), ExportNote)
            if note.source == source:
                yield note


def drop_note(folder: Path, note: ExportNote) -> None:
    """The server has it."""
    (folder / _FOLDER / f"{note.id}{_WAITING}").unlink(missing_ok=True)


def set_aside_note(folder: Path, note: ExportNote) -> None:
    """The server will never take it: kept, and not sent again."""
    path = folder / _FOLDER / f"{note.id}{_WAITING}"
    path.replace(path.with_suffix(_REFUSED))
