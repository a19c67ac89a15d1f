"""Keep notes of exports, each in a small file, until the servers whose reports were exported have them.

They are not in work.db, as `sigap export` also runs while a console holds that file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from api_client.decoding import decode
from api_client.model import ExportNote

_FOLDER = "exports"
_WAITING, _REFUSED = ".json", ".refused"


class WaitingNote(msgspec.Struct, frozen=True):
    """A note that waits: its id, and the JSON that its server will be told."""

    id: str
    body: bytes


def keep_note(folder: Path, source: str, note: ExportNote) -> None:
    """Keep a note for a source of the profile: when this returns it survives kill and power loss. Raises OSError."""
    place = folder / _FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    fresh = place / f"{note.id}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode({"source": source, **msgspec.to_builtins(note)}))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(fresh.with_suffix(_WAITING))


def waiting_notes(folder: Path, source: str) -> Iterator[WaitingNote]:
    """The notes that this source has not been told yet; what cannot be read is left where it is."""
    for path in sorted((folder / _FOLDER).glob(f"*{_WAITING}")):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            note = decode(path.read_bytes(), dict[str, Any])
            if note.pop("source", None) == source:
                yield WaitingNote(path.stem, msgspec.json.encode(note))


def drop_note(folder: Path, note: WaitingNote) -> None:
    """The server has it."""
    (folder / _FOLDER / f"{note.id}{_WAITING}").unlink(missing_ok=True)


def set_aside_note(folder: Path, note: WaitingNote) -> None:
    """The server will never take it: kept, and not sent again."""
    path = folder / _FOLDER / f"{note.id}{_WAITING}"
    path.replace(path.with_suffix(_REFUSED))
