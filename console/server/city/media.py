"""Keeps photos as files named by their SHA-256, taken in whole or in parts, if their first bytes say what they are."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from api_client.picture_size import is_moving_webp, picture_size
from console.images.worker import Made
from console.server.city.database import replace_durably
from console.server.city.photo_process import PhotoProcess
from console.server.errors import Invalid, NotFound, Overloaded, TooLargeRefusal, WrongType

log = logging.getLogger(__name__)

MOST_BYTES = 15_000_000
MOST_PIXELS = 40_000_000
MOST_SCANS = 100
_KEEP_PARTS_S = 7 * 24 * 3600.0
_MOST_HEADERS = 65_536
_END_OF_IMAGE, _START_OF_SCAN = b"\xff\xd9", b"\xff\xda"
_HASH = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes (\d{1,12})-(\d{1,12})/(\d{1,12})")
_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
_LOOK = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_OTHER = "application/octet-stream"
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp", _OTHER)


class UploadPart:
    """Where a piece of a file belongs, from a Content-Range; `total` is the size of the whole."""

    def __init__(self, header: str) -> None:
        found = _RANGE.fullmatch(header)
        if found is None:
            raise Invalid("Content-Range has to read “bytes FIRST-LAST/TOTAL”.")
        self.first, self.last, self.total = (int(number) for number in found.groups())
        if not self.first <= self.last < self.total:
            raise Invalid("Content-Range holds numbers that do not fit each other.")
        if self.total > MOST_BYTES:
            raise TooLargeRefusal(f"A photo has at most {MOST_BYTES:,} bytes.")


class MediaStore:
    """Photos in `folder`. A file is there only when it is whole, its hash is right, and it was decoded once.

    `process` decodes it, where nothing it holds does harm; `on_photo` is told what it found in a photo that is kept.
    """

    def __init__(
        self,
        folder: Path,
        process: PhotoProcess | None = None,
        *,
        on_photo: Callable[[str, Made], None] = lambda _sha256, _made: None,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._process = process or PhotoProcess()
        self._on_photo = on_photo
        self._lock = threading.Lock()

    def find(self, sha256: str) -> tuple[Path, str]:
        """The file of a photo and its content type."""
        path = self._path(sha256)
        try:
            with open(os.open(path, _LOOK), "rb") as file:  # a link out of the folder is not followed
                head = file.read(16)
        except OSError:
            raise NotFound("There is no such photo (yet).") from None
        return path, content_type(head)

    def put(self, sha256: str, content: bytes, part: UploadPart | None, sender: str = "") -> int | None:
        """Take bytes in; returns None when the photo is whole, else how many bytes of it are there.

        Parts belong to their `sender`: what another sends under the same hash does not meet them. Raises Invalid when
        the whole does not have this hash or is more than can be shown, WrongType when it is no photo, TooLargeRefusal
        when it has too many pixels: what had come of it is dropped. Overloaded when the disk is full or fails.
        """
        path = self._path(sha256)
        with contextlib.suppress(FileNotFoundError):
            now = time.time_ns()
            os.utime(path, ns=(now, now))  # erasing leaves what has come since
            return None
        try:
            if part is None:
                self._finish(path, sha256, content)
                return None
            with self._lock:
                whole = self._put_part(path.with_suffix(f".{_short(sender)}.part"), content, part)
            if isinstance(whole, int):
                return whole
            self._finish(path, sha256, whole)
        except OSError as fault:
            log.error("the photo %s cannot be kept: %s", sha256, fault.strerror)
            raise Overloaded("The server's disk cannot take this photo now. Send it again.") from fault
        return None

    def _put_part(self, partial: Path, content: bytes, part: UploadPart) -> int | bytes:
        """How many bytes are there, or all of them when this was the last part."""
        if len(content) != part.last - part.first + 1:
            raise Invalid("The body has another length than Content-Range says.")
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
        if len(whole) < part.total:  # another server has taken the same parts at the same time, and was behind
            return len(whole)
        partial.unlink(missing_ok=True)
        return whole

    def tidy(self, now_s: float) -> None:
        """Delete parts of files that nobody has continued for a week; `now` in seconds since 1970."""
        for partial in self.folder.glob("*.part"):
            with contextlib.suppress(OSError):
                if partial.stat().st_mtime < now_s - _KEEP_PARTS_S:
                    partial.unlink()

    def _finish(self, path: Path, sha256: str, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Invalid("The bytes do not have this hash.")
        check_photo(content)
        made = self._process.look(content)
        fresh = path.with_suffix(f".{secrets.token_hex(4)}.new")  # another server may keep the same photo right now
        try:
            with open(os.open(fresh, _FRESH, 0o600), "wb") as file:
                file.write(content)
            replace_durably(fresh, path)
            self._on_photo(sha256, made)
        finally:
            fresh.unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        if _HASH.fullmatch(sha256) is None:
            raise NotFound("A photo is named by its SHA-256 in hexadecimal.")
        return self.folder / sha256


def check_photo(content: bytes) -> None:
    """Read the headers of a photo only, in few steps whatever they contain; slow work is left to a process of its own.

    Raises WrongType, Invalid or TooLargeRefusal.
    """
    if len(content) > MOST_BYTES:
        raise TooLargeRefusal(f"A photo has at most {MOST_BYTES:,} bytes.")
    kind = content_type(content[:16])
    if kind == _OTHER:
        raise WrongType("A photo has to be a JPEG, PNG or WebP.")
    try:
        width, height = picture_size(content)
    except ValueError as fault:
        raise Invalid("The photo's header cannot be read.") from fault
    if width < 1 or height < 1:
        raise Invalid("The photo has no pixels.")
    if width * height > MOST_PIXELS:
        raise TooLargeRefusal(
            f"A photo has at most {MOST_PIXELS // 1_000_000} million pixels, this one has {width} x {height}."
        )
    if kind == "image/jpeg" and _has_many_scans(content):
        raise TooLargeRefusal(f"A photo is built up in at most {MOST_SCANS} scans, this one in more.")
    if (kind == "image/png" and b"acTL" in content[:_MOST_HEADERS]) or is_moving_webp(content):
        raise Invalid("A photo is one picture, and this one moves.")


def _has_many_scans(content: bytes) -> bool:
    """Whether a JPEG has very many scans, each of which goes over the whole picture: 289 kB can occupy a processor for
    a minute.

    Scans behind something that looks like the end of the picture are not counted; the decoding process's limit ends
    those.
    """
    first = content.find(_START_OF_SCAN)
    end = content.find(_END_OF_IMAGE, first)
    return content.count(_START_OF_SCAN, first, end if end >= 0 else len(content)) > MOST_SCANS


def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def content_type(head: bytes) -> str:
    """The type of a photo by its first bytes; whatever is no photo is plain bytes."""
    for magic, kind in _KINDS:
        if head.startswith(magic):
            return kind
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else _OTHER
