"""What erasing leaves to do beside the database, in the folder of the photos: files go, and the list stands there too.

The list is a second time in the folder, `erasures.jsonl`, as the database may be what is lost: `sigap restore` reads
it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from console.server.city import schema
from console.server.city.database import Database, replace_durably
from console.server.city.erasure import ErasureRecord, read_records

log = logging.getLogger(__name__)
LIST = "erasures.jsonl"
_HASH = re.compile(rb'"sha256":"([0-9a-f]{64})"')
_ROWS = 1_000


def finish_erasing(database: Database, media: Path) -> int:
    """Delete the files of erased photos that no report has any more, and bring the folder's list up to date; returns
    how many files went. Harmless to repeat, and taken up again after a kill.
    """
    with database.read() as connection:
        records, pending = read_records(connection), _pending(connection)
        used = _named(connection, pending) if pending else set()
    _write_list(media, records)
    removed = 0
    for sha256, at in pending.items():
        if sha256 not in used and _remove(media / sha256, at):
            removed += 1
    if pending:
        unused = [sha256 for sha256 in pending if sha256 not in used]
        with database.write() as connection:
            table = schema.removed_photos
            connection.execute(sa.delete(table).where(table.c.sha256.in_(pending)))
            facts = schema.photo_facts
            connection.execute(sa.delete(facts).where(facts.c.sha256.in_(unused)))
    return removed


def read_list(media: Path) -> list[ErasureRecord]:
    """The list in a folder; lines that cannot be read are left out."""
    try:
        lines = (media / LIST).read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError):
            found.append(decode(line, ErasureRecord))
    return found


def _pending(connection: sa.Connection) -> dict[str, int]:
    table = schema.removed_photos
    return dict(connection.execute(sa.select(table.c.sha256, table.c.at)).all())


def _named(connection: sa.Connection, wanted: Iterable[str]) -> set[str]:
    """Those of these photos that a report has."""
    table, known = schema.reports, set(wanted)
    found: set[str] = set()
    for body in connection.scalars(sa.select(table.c.body).execution_options(yield_per=_ROWS)):
        found |= {sha256 for one in _HASH.findall(body) if (sha256 := one.decode()) in known}
    return found


def _remove(path: Path, at: int) -> bool:
    """Delete a file; not one that has been sent again since `at`, in microseconds since 1970."""
    with contextlib.suppress(FileNotFoundError):
        # protects: photo-that-came-again-stays
        if path.stat().st_mtime_ns // 1_000 > at:
            return False
        path.unlink()
        return True
    return False


def _write_list(media: Path, records: list[ErasureRecord]) -> None:
    """Add to the folder's list what it lacks. What cannot be written is in the database, and tried again."""
    known = read_list(media)
    lacking = set(records) - set(known)
    if not lacking:
        return
    lines = b"".join(msgspec.json.encode(record) + b"\n" for record in sorted({*known, *records}))
    fresh = media / f"{LIST}.new-{os.getpid()}"
    try:
        media.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(lines)
        replace_durably(fresh, media / LIST)
    except OSError as fault:
        log.error("the list of what was erased cannot be kept in %s: %s", media, fault.strerror)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
