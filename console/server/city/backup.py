"""`sigap backup` and `sigap restore`: a whole city in one SQLite file, from and into either kind of database.

The file holds every table as it was at one moment, at the revision of the program that wrote it, and with `--media`
the photos too. A restored city begins a new epoch, because its numbers are given out a second time from there on.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa

from api_client.decoding import decoder_of
from console.server.city import migrations, schema
from console.server.city.database import (
    COMMITTED,
    LONG_SILENT_S,
    Database,
    begin_epoch,
    copy_sqlite,
    replace_durably,
)
from console.server.city.erased_files import finish_erasing, read_list
from console.server.city.erasure import ErasureRecord, erase_again, read_records
from console.server.error_text import DONE, FAULTS, LOCAL_DATA, complaint

_ROWS = 1000
_MOST_NAMED = 5
_ALWAYS_THERE = frozenset({"meta", "counters", "audit_head"})
_LOCK_WAIT_S = 10
_LOCK_TRIES = 5
_HASH = re.compile(r"[0-9a-f]{64}")
_PHOTOS = sa.Table(
    "photos",
    sa.MetaData(),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)


class Unusable(Exception):
    """It cannot be backed up or restored; the sentence says why. Nothing was changed."""


class _Photo(msgspec.Struct, frozen=True):
    sha256: str


class _WithPhotos(msgspec.Struct, frozen=True):
    photos: tuple[_Photo, ...] = ()


def backup(database: str, out: Path, media: Path | None = None) -> int:
    """Write the city at a URL into a new file, while its servers go on; the exit code."""
    return _ended(database, lambda: _backup(database, out, media))


def restore(database: str, file: Path, media: Path | None = None, *, replace: bool = False) -> int:
    """Put a backup into an empty database, or (`replace`) in the place of what is there; the exit code."""
    return _ended(database, lambda: _restore(database, file, media, replace))


def renew_epoch(database: str) -> int:
    """Begin a new epoch in a database that was set back by other means; the exit code."""
    return _ended(database, lambda: _renew_epoch(database))


def _ended(database: str, work: Callable[[], Iterable[str]]) -> int:
    """Print what the work yields, or why it failed; returns the exit code."""
    try:
        for sentence in work():
            _tell(sentence)
    except Unusable as fault:
        _tell(str(fault))
        return LOCAL_DATA
    except FAULTS as fault:
        sentence, code = complaint(fault, database)
        _tell(sentence)
        return code
    return DONE


def _backup(url: str, out: Path, media: Path | None) -> Iterator[str]:
    if out.exists():
        raise Unusable(f"{out} is there already. A backup replaces nothing: give it another name.")
    for folder in (out.absolute().parent, media):
        if folder is not None and not folder.is_dir():
            raise Unusable(f"There is no folder {folder}.")
    with _opened(url) as source, _new_file(out) as fresh, contextlib.closing(Database(f"sqlite:///{fresh}")) as target:
        target.create_schema()
        with source.read() as old, target.write() as new:
            _check_revision(old)
            rows = _copy(old, new)
            named = _photos_named(old)
            remarks = list(_take_photos(new, named, media)) if media is not None else []
    yield from remarks
    photos = "with its photos" if media is not None else f"without its {len(named):,} photos"
    yield f"Backed up {rows:,} rows, {photos}, to {out}."


def _restore(url: str, file: Path, media: Path | None, replace: bool) -> Iterator[str]:
    with _read_only(file) as old, _opened(url, may_be_new=True) as target:
        with target.read() as present:
            if migrations.revision_of(present) is not None:
                _check_revision(present)
        photos = _put_photos(old, media) if media is not None else None
        target.create_schema()
        with target.write(silent_s=LONG_SILENT_S) as new:
            _lock(target, new)
            # protects: erased-stays-erased-over-a-restore
            listed = [*read_records(new), *_newer_records(file), *(read_list(media) if media is not None else ())]
            kept = _keep_present(target, new, replace)
            rows = _copy(old, new)
            begin_epoch(new)
            erased = erase_again(target, new, listed, datetime.now(UTC))
            target.notify(new, COMMITTED)
        target.overwrite_log()
        if media is not None:
            finish_erasing(target, media)
        missing = sorted(_photos_named(old) - _photos_in(media)) if media is not None else []
    if kept is not None:
        yield f"What was there before is in {kept}."
    if missing:
        yield f"{len(missing):,} photos that reports name are not there, such as {', '.join(missing[:_MOST_NAMED])}."
    if erased:
        yield f"{erased:,} reports that were erased on request since the backup were erased again."
    with_photos = f" and {photos:,} photos" if photos is not None else ""
    yield f"Restored {rows:,} rows{with_photos}. A new epoch has begun: every console reads the city anew."


def _newer_records(file: Path) -> Iterator[ErasureRecord]:
    """What was erased on request by the backups that lie beside this one: the database may be lost, and with it its
    list.
    """
    for other in sorted(file.absolute().parent.glob(f"*{file.suffix}")):
        with contextlib.suppress(sa.exc.DatabaseError, OSError), _connected(other) as connection:
            yield from read_records(connection)


def _renew_epoch(url: str) -> Iterator[str]:
    with _opened(url) as database, database.write() as connection:
        _check_revision(connection)
        begin_epoch(connection)
        database.notify(connection, COMMITTED)
    yield "A new epoch has begun: every console reads the city anew."


# Databases and files


@contextlib.contextmanager
def _opened(url: str, *, may_be_new: bool = False) -> Iterator[Database]:
    with contextlib.closing(Database(url)) as database:
        if not may_be_new and database.missing is not None:
            raise Unusable(f"There is no file {database.missing}.")
        yield database


@contextlib.contextmanager
def _new_file(out: Path) -> Iterator[Path]:
    """A file beside `out` that is renamed to it if all goes well, and deleted otherwise. Only its owner may read it."""
    fresh = out.with_name(f"{out.name}.new-{os.getpid()}")
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield fresh
        with contextlib.closing(sqlite3.connect(fresh)) as connection:  # from here on one file, without a log beside it
            connection.execute("PRAGMA journal_mode=DELETE")
        if out.exists():
            raise Unusable(f"{out} has come into being meanwhile. A backup replaces nothing.")
        replace_durably(fresh, out)
    finally:
        for suffix in ("", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def _read_only(file: Path) -> Iterator[sa.Connection]:
    """A backup at the present revision: one of an older program is brought up to date in a copy."""
    if not file.is_file():
        raise Unusable(f"There is no file {file}.")
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(_connected(file))
        try:
            sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            revision = migrations.revision_of(connection)
        except sa.exc.DatabaseError:
            sound, revision = False, None
        if not sound:
            raise Unusable(f"{file} is damaged, or no backup at all. Nothing was changed.")
        if revision is None:
            raise Unusable(f"{file} holds no city. Nothing was changed.")
        if revision != migrations.head():
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sigap-restore-", dir=file.parent))
            copy = Path(folder) / "copy.db"
            copy_sqlite(file, copy)
            with contextlib.closing(Database(f"sqlite:///{copy}")) as database:
                database.create_schema()
            connection = stack.enter_context(_connected(copy))
        yield connection


@contextlib.contextmanager
def _connected(file: Path) -> Iterator[sa.Connection]:
    address = f"{file.absolute().as_uri()}?mode=ro"
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True, isolation_level=None))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        engine.dispose()


def _check_revision(connection: sa.Connection) -> None:
    revision = migrations.revision_of(connection)
    if revision is None:
        raise Unusable("There is no city in this database.")
    if revision != migrations.head():
        raise Unusable(
            f"The database is at revision {revision}, of an older Sigap, and this one works with {migrations.head()}. "
            "Start “sigap serve” on it once, or use the Sigap that made it."
        )


# Rows


def _copy(old: sa.Connection, new: sa.Connection) -> int:
    """Every row of every table, in the place of what is there; returns how many."""
    count = 0
    for table in schema.metadata.sorted_tables:
        new.execute(sa.delete(table))
        found = old.execute(sa.select(table).execution_options(yield_per=_ROWS))
        for part in found.mappings().partitions():
            new.execute(sa.insert(table), [dict(row) for row in part])
            count += len(part)
    return count


def _lock(database: Database, connection: sa.Connection) -> None:
    """On PostgreSQL lock all tables when running transactions have ended, so that servers wait. Raises Unusable after a
    time.
    """
    if database.is_sqlite:
        return
    # An edit writes into answers first: whoever waits there holds nothing. Other work may still meet us half-way.
    names = sorted((table.name for table in schema.metadata.sorted_tables), key=lambda name: (name != "answers", name))
    listed = ", ".join(f'"{name}"' for name in names)
    statement = f"LOCK TABLE {listed} IN EXCLUSIVE MODE"
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s'")
    for _ in range(_LOCK_TRIES):
        with contextlib.suppress(sa.exc.OperationalError), connection.begin_nested():
            connection.exec_driver_sql(statement)
            return
    raise Unusable("The servers of this database are too busy. Nothing was changed; stop them, or try again.")


def _keep_present(database: Database, connection: sa.Connection, replace: bool) -> Path | None:
    """Keep what is there: the copy of an SQLite file that holds something. Raises Unusable without leave to replace."""
    held = any(
        connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
        for table in schema.metadata.sorted_tables
        if table.name not in _ALWAYS_THERE
    )
    if held and not replace:
        raise Unusable(
            "The database holds a city already. Nothing was changed; --replace puts the backup in its place."
        )
    if not (held and database.is_sqlite and database.url.database):
        return None
    names = (Path(f"{database.url.database}.before-restore-{n}") for n in itertools.count(1))
    kept = next(path for path in names if not path.exists())
    copy_sqlite(Path(database.url.database), kept)
    return kept


# Photos


def _photos_named(connection: sa.Connection) -> set[str]:
    """The hashes of all photos of all reports."""
    decoder = decoder_of(_WithPhotos)
    found: set[str] = set()
    query = sa.select(schema.reports.c.body).execution_options(yield_per=_ROWS)
    for body in connection.execute(query).scalars():
        with contextlib.suppress(msgspec.DecodeError):  # an unreadable report is backed up as it is, all the same
            found.update(photo.sha256 for photo in decoder.decode(body).photos)
    return found


def _photos_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if _HASH.fullmatch(path.name)} if folder.is_dir() else set()


def _take_photos(new: sa.Connection, named: set[str], media: Path) -> Iterator[str]:
    """Put the photos of a folder into the backup, each checked against its hash; yields what was amiss."""
    _PHOTOS.create(new)
    damaged: list[str] = []
    there = _photos_in(media)
    for sha256 in sorted(there):
        content = (media / sha256).read_bytes()
        if hashlib.sha256(content).hexdigest() == sha256:
            new.execute(sa.insert(_PHOTOS), [{"sha256": sha256, "content": content}])
        else:
            damaged.append(sha256)
    for words, hashes in (("damaged and not taken", damaged), ("not in the folder", sorted(named - there))):
        if hashes:
            yield f"{len(hashes):,} photos are {words}, such as {', '.join(hashes[:_MOST_NAMED])}."


def _put_photos(old: sa.Connection, media: Path) -> int:
    """Put the photos of a backup into a folder; returns how many. Those that are there stay."""
    if not sa.inspect(old).has_table(_PHOTOS.name):
        raise Unusable("The backup was made without photos. Nothing was changed; leave --media out.")
    media.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashes = old.execute(sa.select(_PHOTOS.c.sha256)).scalars().all()
    for sha256 in hashes:
        content = old.execute(sa.select(_PHOTOS.c.content).where(_PHOTOS.c.sha256 == sha256)).scalar_one()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Unusable("A photo of the backup is damaged. Nothing was changed.")
        if not (media / sha256).exists():
            fresh = media / f"{sha256}.new-{os.getpid()}"
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
            replace_durably(fresh, media / sha256)
    return len(hashes)


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
