"""The plain journal beside work.db: one JSON line for each edit and each change of its state, to salvage edits from."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from api_client.decoding import decode
from console.files.durable import identity_of, is_at, sync_folder
from console.files.errors import from_os
from console.outbox.older_work_file import with_reasons
from console.rules.edit import Edit
from console.rules.queued import ByWhom, EditState, Queued, StopReason, TakenAs

_LONG_BYTES = 8 * 2**20
_SUM = b',"sum":'


class JournalLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """An edit as it stands (`edit`), what became of the edit `id`, or a local key's remote id (`key`).

    On the disk a line also bears `sum`, the CRC-32 of the line without it: a flipped bit is not taken for an edit.
    """

    at: datetime | None = None
    edit: Edit | None = None
    id: str | None = None
    state: EditState | None = None
    key: str | None = None
    source: str | None = None
    remote_id: str | None = None
    attempts: int = 0
    reason: StopReason | None = None
    by: ByWhom | None = None
    problem: str = ""
    theirs: dict[str, Any] = {}
    told: str | None = None
    version: int | None = None
    taken_as: TakenAs | None = None
    repeated: bool = False
    asked_back: bool = False
    to_call_back: bool = False
    swap: tuple[JournalLine, ...] = ()
    """Lines that count together or not at all: new edits in the place of old ones, or what was noted in one write."""


class Folded(msgspec.Struct):
    """What all lines of a journal come to."""

    edits: dict[str, Queued] = {}
    keys: dict[str, tuple[str, str]] = {}
    """Local keys: key -> (source, remote id)."""
    damaged: int = 0
    """Lines that cannot be read."""
    last: frozenset[str] = frozenset()
    """The ids of the edits that the last line is about: a kill may have come before its commit."""


class Journal:
    """An append-only file, mode 0600. Raises DiskFull, NotWritable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()

    def _open(self) -> None:
        self._ragged = False
        fresh = not self._path.exists()
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            if fresh:
                sync_folder(self._path.parent)
            self._end = os.fstat(self._fd).st_size
            if self._end and os.pread(self._fd, 1, self._end - 1) != b"\n":  # a kill cut the last line short
                self._append(b"\n")
        except OSError as error:
            raise from_os(error, self._path) from error

    @property
    def in_place(self) -> bool:
        """Whether the file is the one that stands under its name, and was not deleted or replaced meanwhile."""
        return is_at(self._path, identity_of(self._fd))

    @property
    def long(self) -> bool:
        """Whether it is worth writing anew."""
        return self._end > _LONG_BYTES

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(OSError):
            self._cut()
        os.close(self._fd)

    def write(self, line: JournalLine, *, sync: bool) -> None:
        """Append a line; with `sync` it is on the disk when this returns."""
        try:
            self._append(_encode(line))
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
            # protects: refused-line-is-cut-off
            self._end = mark
            # protects: refused-line-is-cut-off
            self._ragged = True
            with contextlib.suppress(OSError):  # tried again before the next line
                self._cut()
            raise

    def read(self) -> Iterator[JournalLine | None]:
        """All lines, oldest first; None for one that is damaged."""
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise from_os(error, self._path) from error
        for raw in data.split(b"\n"):
            if raw:
                yield _decode(raw)

    def folded(self) -> Folded:
        """What the lines come to: every edit as it last stood, and every local key."""
        found = Folded()
        for line in self.read():
            found.last = frozenset()
            if line is None:
                found.damaged += 1
            else:
                for one in line.swap or (line,):
                    _fold(found, one)
        return found

    def rewrite(self, lines: Iterable[JournalLine]) -> None:
        """Put a journal of these lines in the place of this one, which stays until the new one is on the disk."""
        # protects: new-journal-stands-beside
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.writelines(map(_encode, lines))
                file.flush()
                # protects: new-journal-is-synced
                os.fsync(file.fileno())
            os.close(self._fd)  # Windows renames onto no open file
            try:
                fresh.replace(self._path)
                sync_folder(self._path.parent)
            finally:
                self._open()
        except OSError as error:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise from_os(error, self._path) from error

    def _append(self, data: bytes) -> None:
        self._cut()
        written = 0
        while written < len(data):
            written += os.write(self._fd, data[written:])
        self._end += len(data)

    def _cut(self) -> None:
        """Take away what a refused write left."""
        if self._ragged:
            os.ftruncate(self._fd, self._end)
            self._ragged = False


def _fold(found: Folded, line: JournalLine) -> None:
    if line.key is not None:
        if line.source is not None and line.remote_id is not None:
            found.keys[line.key] = (line.source, line.remote_id)
        return
    if line.edit is not None:
        edit = line.edit
    elif line.id in found.edits:
        edit = found.edits[line.id].edit
    else:
        return
    found.last |= {edit.id}
    queued = Queued(
        edit=edit,
        state=line.state or EditState.QUEUED,
        attempts=line.attempts,
        reason=line.reason,
        by=line.by,
        problem=line.problem,
        theirs=line.theirs,
        version=line.version,
        told_by_radio=line.told,
        taken_as=line.taken_as,
        repeated=line.repeated,
        asked_back=line.asked_back,
        to_call_back=line.to_call_back,
        changed_at=line.at,
    )
    # protects: older-lines-have-their-reasons
    found.edits[edit.id] = with_reasons(queued)
    if line.remote_id is not None and edit.report is not None:
        found.keys[edit.report] = (edit.source, line.remote_id)


def _encode(line: JournalLine) -> bytes:
    plain = msgspec.json.encode(line)
    return plain[:-1] + _SUM + b"%d}\n" % zlib.crc32(plain)


def _decode(raw: bytes) -> JournalLine | None:
    """The line, None when it is damaged. Lines of the first version of Sigap bear no sum."""
    start, mark, rest = raw.rpartition(_SUM)
    # protects: sum-of-a-line
    if mark and rest != b"%d}" % zlib.crc32(start + b"}"):
        return None
    try:
        return decode(raw, JournalLine)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
