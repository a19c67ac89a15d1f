"""The plain journal beside work.db: one JSON line for each edit and each change of its state, to salvage edits from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from console.domain.edit import Edit, EditState
from console.store.errors import from_os

_LONG_BYTES = 8 * 2**20


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """An edit as it is now queued (`edit`), what became of the edit `id`, or a local key's remote id (`key`)."""

    at: datetime | None = None
    edit: Edit | None = None
    id: str | None = None
    state: EditState | None = None
    key: str | None = None
    source: str | None = None
    remote_id: str | None = None


class Journal:
    """An append-only file, mode 0600. Raises DiskFull, NotWritable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()

    def _open(self) -> None:
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._end = os.fstat(self._fd).st_size
            if self._end and os.pread(self._fd, 1, self._end - 1) != b"\n":  # a kill cut the last line short
                self._append(b"\n")
        except OSError as error:
            raise from_os(error, self._path) from error

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def write(self, line: Line, *, sync: bool) -> None:
        """Append a line; with `sync` it is on the disk when this returns."""
        try:
            self._append(msgspec.json.encode(line) + b"\n")
            if sync:
                os.fsync(self._fd)
        except OSError as error:
            raise from_os(error, self._path) from error

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """What is written inside stays only if nothing is raised: otherwise it is cut off again."""
        mark = self._end
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):  # a line left over is harmless: its edit was made, if not acknowledged
                os.ftruncate(self._fd, mark)
            self._end = mark
            raise

    def read(self) -> Iterator[Line]:
        """All lines that can be read, oldest first; damaged ones are passed over."""
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise from_os(error, self._path) from error
        for raw in data.splitlines():
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                yield msgspec.json.decode(raw, type=Line)

    def compact_when_long(self, lines: Callable[[], Iterable[Line]]) -> None:
        """Write a long journal anew with what `lines` gives; the old one stays until the new one is on the disk."""
        if self._end <= _LONG_BYTES:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.writelines(msgspec.json.encode(line) + b"\n" for line in lines())
                file.flush()
                os.fsync(file.fileno())
            os.close(self._fd)
            fresh.replace(self._path)
        except OSError as error:
            raise from_os(error, self._path) from error
        self._open()

    def _append(self, data: bytes) -> None:
        written = 0
        while written < len(data):
            written += os.write(self._fd, data[written:])
        self._end = os.fstat(self._fd).st_size
