"""Make strangers' photos harmless by giving each to a limited child process, and keep the result safely on the disk."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from api_client.decoding import decode
from console.files.durable import sync_folder
from console.images.worker import MAX_BYTES, TIMEOUT_S, Made, kind_of

_MAX_ANSWER = 24 * 2**20


class ImageError(Exception):
    """Why a photo is not taken; its text is for the operator."""


class TookTooLong(ImageError):
    """Perhaps the computer was busy or asleep, and not the photo's fault."""


class Prepared(msgspec.Struct, frozen=True):
    """One photo, made again: `body` and `thumbnail` are plain JPEG without metadata.

    `taken_at` is the camera's own clock, mostly without a zone; `lat`, `lon` are where the camera says it stood.
    """

    sha256: str
    size: int
    width: int
    height: int
    taken_at: datetime | None
    lat: float | None
    lon: float | None
    body: bytes
    thumbnail: bytes


class ImageProcess:
    """Starts one child for one photo: it may use 512 MB and 5 seconds, and knows neither network nor files."""

    def __init__(self, command: Sequence[str] | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        """`command` starts the child; by default this Python with this module."""
        self._command = list(command or (sys.executable, "-P", "-m", "console.images.worker"))
        self._timeout_s = timeout_s

    def prepare(self, path: Path) -> Prepared:
        """A photo of the operator's disk.

        Raises ImageError, OSError.
        """
        if not path.is_file() and path.exists():  # a pipe would be waited for, without end
            raise ImageError("This is a folder or a device, and no photo.")
        with path.open("rb") as file:
            return self.prepare_bytes(file.read(MAX_BYTES + 1))

    def prepare_bytes(self, body: bytes) -> Prepared:
        """A photo from anywhere.

        Raises ImageError.
        """
        made = self._run(body)
        digest = hashlib.sha256(made.body).hexdigest()
        return Prepared(
            digest,
            len(made.body),
            made.width,
            made.height,
            made.taken_at,
            made.lat,
            made.lon,
            made.body,
            made.thumbnail,
        )

    def thumbnail(self, body: bytes) -> bytes:
        """Only the small picture (JPEG, at most 320 px).

        Raises ImageError.
        """
        return self._run(body).thumbnail

    def _run(self, body: bytes) -> Made:
        if len(body) > MAX_BYTES:
            raise ImageError("The photo is larger than 15 MB.")
        if kind_of(body) is None:
            raise ImageError("The file is not a JPEG, PNG or WebP photo.")
        root = str(Path(__file__).resolve().parents[2])
        environment = {"PATH": os.defpath, "PYTHONPATH": root, "LC_ALL": "C.UTF-8"}
        environment |= {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
        try:
            child = subprocess.run(
                self._command,
                input=body,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._timeout_s,
                check=False,
                env=environment,
            )
        except subprocess.TimeoutExpired as error:
            raise TookTooLong("The photo took too long to read.") from error
        if child.returncode != 0 or len(child.stdout) > _MAX_ANSWER:
            raise ImageError("The photo can't be read.")
        try:
            made = decode(child.stdout, Made)
        except msgspec.DecodeError as error:
            raise ImageError("The photo can't be read.") from error
        if made.problem:
            raise ImageError(made.problem)
        if kind_of(made.body) != "JPEG" or kind_of(made.thumbnail) != "JPEG":
            raise ImageError("The photo can't be read.")
        return made


def store_photo(folder: Path, photo: Prepared | bytes) -> Path:
    """Put a prepared photo into `folder` under its SHA-256, on the disk for sure when this returns; may be repeated.

    Raises OSError; then nothing half written bears the name.
    """
    body = photo.body if isinstance(photo, Prepared) else photo
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / hashlib.sha256(body).hexdigest()
    if target.exists() and target.stat().st_size == len(body):
        os.utime(target)  # wanted anew: its age must not make it one that nobody needs
        return target
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".new-")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return target
