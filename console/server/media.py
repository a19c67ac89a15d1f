"""Keeps photos as files named by their SHA-256, taken in whole or in parts."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from pathlib import Path

from console.server.refusals import Invalid, NotFound, TooLarge

MOST_BYTES = 15_000_000
_HASH = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes (\d{1,12})-(\d{1,12})/(\d{1,12})")
_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
_OTHER = "application/octet-stream"
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp", _OTHER)


class Part:
    """Where a piece of a file belongs, from a Content-Range; `total` is the size of the whole."""

    def __init__(self, header: str) -> None:
        found = _RANGE.fullmatch(header)
        if found is None:
            raise Invalid("Content-Range has to read “bytes FIRST-LAST/TOTAL”.")
        self.first, self.last, self.total = (int(number) for number in found.groups())
        if not self.first <= self.last < self.total:
            raise Invalid("Content-Range holds numbers that do not fit each other.")
        if self.total > MOST_BYTES:
            raise TooLarge(f"A photo has at most {MOST_BYTES:,} bytes.")


class MediaStore:
    """Photos in `folder`. A file is there only when it is whole and its hash is right."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()

    def find(self, sha256: str) -> tuple[Path, str]:
        """The file of a photo and its content type."""
        path = self._path(sha256)
        try:
            with path.open("rb") as file:
                head = file.read(16)
        except FileNotFoundError:
            raise NotFound("There is no such photo (yet).") from None
        return path, content_type(head)

    def put(self, sha256: str, content: bytes, part: Part | None) -> int | None:
        """Take bytes in; returns None when the photo is whole, else how many bytes of it are there.

        Raises Invalid when the whole does not have this hash: what had come of it is dropped.
        """
        path = self._path(sha256)
        with self._lock:
            if path.exists():
                return None
            if part is None:
                self._finish(path, sha256, content)
                return None
            return self._put_part(path, sha256, content, part)

    def _put_part(self, path: Path, sha256: str, content: bytes, part: Part) -> int | None:
        if len(content) != part.last - part.first + 1:
            raise Invalid("The body has another length than Content-Range says.")
        partial = path.with_suffix(".part")
        have = partial.stat().st_size if partial.exists() else 0
        if part.first > have:
            return have
        with partial.open("r+b" if have else "wb") as file:
            file.seek(part.first)
            file.write(content)
            file.truncate()
        if part.last + 1 < part.total:
            return part.last + 1
        whole = partial.read_bytes()
        partial.unlink()
        self._finish(path, sha256, whole)
        return None

    def _finish(self, path: Path, sha256: str, content: bytes) -> None:
        if len(content) > MOST_BYTES:
            raise TooLarge(f"A photo has at most {MOST_BYTES:,} bytes.")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Invalid("The bytes do not have this hash.")
        fresh = path.with_suffix(".new")
        with open(os.open(fresh, _FRESH, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def _path(self, sha256: str) -> Path:
        if _HASH.fullmatch(sha256) is None:
            raise NotFound("A photo is named by its SHA-256 in hexadecimal.")
        return self._folder / sha256


def content_type(head: bytes) -> str:
    """The type of a photo by its first bytes; whatever is no photo is plain bytes."""
    for magic, kind in _KINDS:
        if head.startswith(magic):
            return kind
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else _OTHER
