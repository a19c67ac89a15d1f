"""Keep work.db, the operator's own file: edits, drafts, saved filters and alarm states, durable when a call returns."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from console.domain.edit import Edit, EditState, Queued
from console.store.errors import DamagedFile
from console.store.journal import Journal, Line
from console.store.lock import FileLock
from console.store.schema import (
    WORK,
    check_header,
    open_reader,
    open_writer,
    quick_check,
    refuse_newer,
    set_aside,
    sqlite_errors,
    transaction,
    work_migrations,
)

_FINISHED = (EditState.SENT, EditState.WITHDRAWN)
_QUEUED = "body, state, attempts, problem, theirs, version, told, changed_at"


class Salvage(msgspec.Struct, frozen=True):
    """What was done about a damaged work.db: where it was moved, how many edits were brought back."""

    set_aside: Path | None
    edits: int


class Outbox(msgspec.Struct, frozen=True):
    """The unfinished edits as they stand on the disk, and the servers' ids of reports created here (by local key)."""

    edits: tuple[Queued, ...] = ()
    remote: dict[str, str] = {}


def read_outbox(folder: Path) -> Outbox:
    """Look into `folder`/work.db without writing, whoever else has it open; empty when there is none.

    Raises DamagedFile, NewerFile, NotWritable, LockedByOther.
    """
    path = folder / WORK
    if not path.exists():
        return Outbox()
    check_header(path)
    with sqlite_errors(path), contextlib.closing(open_reader(path)) as connection:
        refuse_newer(connection, path, work_migrations)
        found = connection.execute(f"SELECT {_QUEUED} FROM edits ORDER BY number, id").fetchall()  # noqa: S608
        keys = connection.execute("SELECT key, remote_id FROM local_keys").fetchall()
    edits = (_queued_of(row) for row in found)
    return Outbox(tuple(queued for queued in edits if queued.state not in _FINISHED), dict(keys))


class WorkFile:
    """The only writing connection of `folder`/work.db; every call that returns has reached the disk.

    A damaged file is moved aside (never deleted) and its edits are brought back from the journal beside it: `salvaged`.
    Raises NewerFile, DiskFull, NotWritable, LockedByOther, DamagedFile; nothing is then half-written.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / WORK
        self._clock = clock
        self._lock = FileLock(folder / "work.lock")
        self.salvaged: Salvage | None = None
        try:
            self._connection, aside, lost = self._open()
            try:
                self._journal = Journal(folder / "work.journal")
                if lost:
                    self._salvage(aside)
                self.device = self._device()
                self._journal.compact_when_long(self._lines)
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._journal.close()
        self._connection.close()
        self._lock.release()

    # Edits

    def next_number(self) -> int:
        """The number that this device's next edit should bear."""
        return int(self._meta("last_number", "0")) + 1

    def append(self, edit: Edit) -> Queued:
        """Keep a new edit as queued; when this returns it survives kill and power loss.

        The journal's line goes first and is cut off again when the database refuses, so an edit is in both or refused.
        Appending the same edit again changes nothing.
        """
        now = self._clock()
        queued = Queued(edit=edit, state=EditState.QUEUED, changed_at=now)
        with self._journal.whole(), self._writing():
            self._insert(queued)
            last = max(int(self._meta("last_number", "0")), edit.number)
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('last_number', ?)", (str(last),))
            self._journal.write(Line(edit=edit, at=now), sync=True)
        return self.get(edit.id) or queued

    def get(self, edit_id: str) -> Queued | None:
        """One edit; None when there is none of that id."""
        found = self._queued("WHERE id = ?", (edit_id,))
        return found[0] if found else None

    def all(self, states: Iterable[EditState] | None = None) -> list[Queued]:
        """All edits, or those in `states`, in the order in which they were made."""
        if states is None:
            return self._queued("", ())
        return self._queued("WHERE state IN (SELECT value FROM json_each(?))", (_dump([str(s) for s in states]),))

    def unfinished(self) -> list[Queued]:
        """All edits that are neither sent nor withdrawn, oldest first."""
        return self.all([state for state in EditState if state not in _FINISHED])

    def set_state(
        self,
        edit_id: str,
        state: EditState,
        *,
        problem: str = "",
        theirs: dict[str, Any] | None = None,
        version: int | None = None,
        told: str | None = None,
        remote_id: str | None = None,
        late: bool | None = None,
    ) -> Queued | None:
        """Note where an edit stands now; going to SENDING counts an attempt. None when there is no such edit.

        `told` (who was told by radio) stays once set. `remote_id` is the server's id of the report that this edit
        created. `late` marks the edit as entered late, before it is sent for the first time.
        """
        before = self.get(edit_id)
        if before is None:
            return None
        edit = before.edit if late is None else msgspec.structs.replace(before.edit, late=late)
        after = Queued(
            edit=edit,
            state=state,
            attempts=before.attempts + (state is EditState.SENDING),
            problem=problem,
            theirs=theirs or {},
            version=version,
            told=told or before.told,
            changed_at=self._clock(),
        )
        with self._journal.whole(), self._writing():
            self._update(after)
            if remote_id is not None and edit.report is not None:
                self._connection.execute(
                    "INSERT OR REPLACE INTO local_keys VALUES (?, ?, ?)", (edit.report, edit.source, remote_id)
                )
            line = Line(id=edit_id, state=state, at=after.changed_at, remote_id=remote_id)
            self._journal.write(line, sync=state is EditState.WITHDRAWN)
        return after

    def rebase(self, edit_id: str, base_version: int) -> None:
        """Queue an edit again on a newer version of its report: nobody else had touched its fields."""
        before = self.get(edit_id)
        if before is None:
            return
        edit = msgspec.structs.replace(before.edit, base_version=base_version)
        queued = msgspec.structs.replace(before, edit=edit, state=EditState.QUEUED, changed_at=self._clock())
        with self._journal.whole(), self._writing():
            self._update(queued)
            self._journal.write(Line(edit=edit, at=queued.changed_at), sync=False)

    def learn_key(self, key: str, source: str, remote_id: str) -> None:
        """Note the server's id of a report that was created here under a local key."""
        with self._journal.whole(), self._writing():
            self._connection.execute("INSERT OR REPLACE INTO local_keys VALUES (?, ?, ?)", (key, source, remote_id))
            self._journal.write(Line(key=key, source=source, remote_id=remote_id), sync=False)

    def local_keys(self) -> dict[str, tuple[str, str]]:
        """Reports created here that a server knows by now: local key -> (source, remote id)."""
        found = self._all("SELECT key, source, remote_id FROM local_keys")
        return {key: (source, remote_id) for key, source, remote_id in found}

    # Drafts, filters, alarms

    def save_draft(self, key: str, draft: dict[str, Any]) -> None:
        """Keep what was typed into a form and not yet committed."""
        self._put("INSERT OR REPLACE INTO drafts VALUES (?, ?, ?)", key, _dump(draft), self._clock().isoformat())

    def draft(self, key: str) -> dict[str, Any] | None:
        """What was kept under `key`."""
        return self.drafts().get(key)

    def drafts(self) -> dict[str, dict[str, Any]]:
        """All drafts by key."""
        return {key: msgspec.json.decode(body) for key, body in self._all("SELECT key, body FROM drafts")}

    def drop_draft(self, key: str) -> None:
        """Forget a draft (its form was committed or thrown away)."""
        self._put("DELETE FROM drafts WHERE key = ?", key)

    def save_filter(self, name: str, text: str) -> None:
        """Keep a filter under a name."""
        self._put("INSERT OR REPLACE INTO filters VALUES (?, ?)", name, text)

    def drop_filter(self, name: str) -> None:
        """Forget a saved filter."""
        self._put("DELETE FROM filters WHERE name = ?", name)

    def filters(self) -> dict[str, str]:
        """Saved filters: name -> text, by name."""
        return dict(self._all("SELECT name, text FROM filters ORDER BY name"))

    def set_alarm(self, key: str, state: str) -> None:
        """Note an alarm's state (raised, acknowledged …)."""
        self._put("INSERT OR REPLACE INTO alarms VALUES (?, ?, ?)", key, state, self._clock().isoformat())

    def drop_alarm(self, key: str) -> None:
        """Forget an alarm whose cause is over."""
        self._put("DELETE FROM alarms WHERE key = ?", key)

    def alarms(self) -> dict[str, str]:
        """Alarm states by key."""
        return dict(self._all("SELECT key, state FROM alarms"))

    # Opening and salvage

    def _open(self) -> tuple[sqlite3.Connection, Path | None, bool]:
        """The connection, where a damaged file was moved, and whether edits are to be brought back."""
        lost = not self._path.exists()
        aside: Path | None = None
        try:
            connection = open_writer(self._path, work_migrations, synchronous="FULL")
            try:
                quick_check(connection, self._path)
            except BaseException:
                connection.close()
                raise
        except DamagedFile:
            aside = set_aside(self._path)
            lost = True
            connection = open_writer(self._path, work_migrations, synchronous="FULL")
        return connection, aside, lost

    def _salvage(self, aside: Path | None) -> None:
        """Bring back edits from the journal, and whatever else the damaged file still gives."""
        found: dict[str, Queued] = {}
        keys: list[tuple[str, str, str]] = []
        for line in self._journal.read():
            if line.edit is not None:
                found[line.edit.id] = Queued(edit=line.edit, state=EditState.QUEUED, changed_at=line.at)
            elif line.key is not None and line.source is not None and line.remote_id is not None:
                keys.append((line.key, line.source, line.remote_id))
            elif line.id in found and line.state is not None:
                before = found[line.id]
                found[line.id] = msgspec.structs.replace(before, state=line.state, changed_at=line.at)
                if line.remote_id is not None and before.edit.report is not None:
                    keys.append((before.edit.report, before.edit.source, line.remote_id))
        rest = _readable(aside) if aside else {}
        with self._writing():
            for queued in found.values():
                self._insert(queued)
            for table, rows in rest.items():
                marks = ", ".join("?" * len(rows[0]))
                self._connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608
            self._connection.executemany("INSERT OR REPLACE INTO local_keys VALUES (?, ?, ?)", keys)
            number = self._connection.execute("SELECT coalesce(max(number), 0) FROM edits").fetchone()[0]
            last = max(number, int(self._meta("last_number", "0")))
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('last_number', ?)", (str(last),))
            if found and not self._meta("device", ""):
                device = next(iter(found.values())).edit.device
                self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('device', ?)", (device,))
        if aside is not None or found:
            edits = self._connection.execute("SELECT count(*) FROM edits").fetchone()[0]
            self.salvaged = Salvage(set_aside=aside, edits=edits)

    def _device(self) -> str:
        device = self._meta("device", "")
        if not device:
            device = str(uuid.uuid4())
            self._put("INSERT OR REPLACE INTO meta VALUES ('device', ?)", device)
        return device

    def _lines(self) -> Iterator[Line]:
        """The journal that would stand for the file as it is: what is finished is left out."""
        for queued in self.unfinished():
            yield Line(edit=queued.edit, at=queued.changed_at)
            yield Line(id=queued.edit.id, state=queued.state, at=queued.changed_at)

    # SQL

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with transaction(self._connection, self._path):
            yield

    def _put(self, sql: str, *values: object) -> None:
        with self._writing():
            self._connection.execute(sql, values)

    def _all(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with sqlite_errors(self._path):
            return self._connection.execute(sql, values).fetchall()

    def _meta(self, key: str, default: str) -> str:
        found = self._all("SELECT value FROM meta WHERE key = ?", (key,))
        return str(found[0][0]) if found else default

    def _insert(self, queued: Queued) -> None:
        edit = queued.edit
        self._connection.execute(
            "INSERT INTO edits (id, number, source, report, state, changed_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO NOTHING",
            (edit.id, edit.number, edit.source, edit.report, str(queued.state), _iso(queued.changed_at), _dump(edit)),
        )

    def _update(self, queued: Queued) -> None:
        self._connection.execute(
            "UPDATE edits SET state = ?, attempts = ?, problem = ?, theirs = ?, version = ?, told = ?, changed_at = ?,"
            " body = ? WHERE id = ?",
            (
                str(queued.state),
                queued.attempts,
                queued.problem,
                _dump(queued.theirs),
                queued.version,
                queued.told,
                _iso(queued.changed_at),
                _dump(queued.edit),
                queued.edit.id,
            ),
        )

    def _queued(self, where: str, values: tuple[object, ...]) -> list[Queued]:
        found = self._all(f"SELECT {_QUEUED} FROM edits {where} ORDER BY number, id", values)  # noqa: S608 - constants
        return [_queued_of(row) for row in found]


def _queued_of(row: tuple[Any, ...]) -> Queued:
    body, state, attempts, problem, theirs, version, told, changed_at = row
    return Queued(
        edit=msgspec.json.decode(body, type=Edit),
        state=EditState(state),
        attempts=attempts,
        problem=problem,
        theirs=msgspec.json.decode(theirs),
        version=version,
        told=told,
        changed_at=datetime.fromisoformat(changed_at),
    )


def _readable(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What can still be read of a damaged work.db, by table."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in ("edits", "local_keys", "drafts", "filters", "alarms", "meta"):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(open_reader(path)) as connection:
            rows: list[tuple[Any, ...]] = []
            with contextlib.suppress(sqlite3.Error):
                rows.extend(connection.execute(f"SELECT * FROM {table}"))  # noqa: S608 - a constant
            if rows:
                found[table] = rows
    return found


def _dump(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _iso(moment: datetime | None) -> str:
    return (moment or datetime.now(UTC)).isoformat()
