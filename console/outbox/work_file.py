"""Keep work.db, the operator's own file: edits, drafts, saved filters and alarm states, durable when a call returns."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from api_client.decoding import decode
from api_client.model import Kind
from console.files.durable import identity_of, is_at, sync_file, sync_folder
from console.files.errors import DamagedFile, NewerFile, StoreError, from_os
from console.files.lock import FileLock
from console.files.machine import this_machine
from console.files.sqlite_file import (
    WORK,
    check_header,
    open_reader,
    open_writer,
    quick_check,
    refuse_newer,
    set_aside,
    sqlite_errors,
    transaction,
)
from console.outbox.journal import Folded, Journal, JournalLine
from console.outbox.older_work_file import with_reasons, without_pairs
from console.outbox.salvage import export_waiting
from console.outbox.schema import WORK_ROW, is_whole, sum_of, work_migrations
from console.rules.edit import Edit, created_again, is_local, local_key, moved
from console.rules.followed import Followed, Standpoint
from console.rules.mentions import reports_spoken_of
from console.rules.queued import FINISHED, ByWhom, EditState, Queued, StopReason, TakenAs
from console.rules.recreate import is_made_by, seen_created
from console.rules.transitions import Event, advance

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEPT_FINISHED = timedelta(days=30)
"""So long a sent or withdrawn edit stays in work.db; the server's history keeps what was sent."""

JOURNAL = "work.journal"
_FINISHED = "state IN ('sent', 'withdrawn') AND coalesce(reason, '') NOT IN ('dropped', 'adopted')"
"""What nobody has to be told of any more."""


class Salvage(msgspec.Struct, frozen=True):
    """What was done about a damaged work.db: where it was moved (None: it was mended), how many edits it has now."""

    set_aside: Path | None
    edits: int


class StoredOutbox(msgspec.Struct, frozen=True):
    """The unfinished edits as they stand on the disk, and the servers' ids of reports created here (by local key)."""

    edits: tuple[Queued, ...] = ()
    remote: dict[str, str] = {}


def read_outbox(folder: Path) -> StoredOutbox:
    """Look into `folder`/work.db without writing, whoever else has it open; empty when there is none.

    Raises DamagedFile, NewerFile, NotWritable, LockedByOther.
    """
    path = folder / WORK
    if not path.exists():
        return StoredOutbox()
    check_header(path)
    with sqlite_errors(path), contextlib.closing(open_reader(path)) as connection:
        refuse_newer(connection, path, work_migrations)
        found = _named(connection.execute("SELECT * FROM edits ORDER BY number, id"))
        keys = connection.execute("SELECT key, remote_id FROM local_keys").fetchall()
    try:
        edits = [_queued_of(row) for row in found]
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise DamagedFile(path, f"{path.name} is damaged: open the console once, it mends the file.") from error
    return StoredOutbox(tuple(queued for queued in edits if queued.state not in FINISHED), dict(keys))


class WorkFile:
    """The only writing connection of `folder`/work.db; every call that returns has reached the disk.

    A damaged file is moved aside (never deleted) and its edits are brought back from the journal beside it: `salvaged`.
    At every opening file and journal are compared, and whichever lacks something gets it from the other.
    Raises NewerFile, DiskFull, NotWritable, LockedByOther, DamagedFile; nothing is then half-written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        offset: Callable[[str], timedelta] = lambda _source: timedelta(),
        machine: str | None = None,
    ) -> None:
        """`offset` says how far the clock of a source's server is ahead of this computer's, which is `clock`.

        `machine` tells this computer from others, None: `this_machine` does.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / WORK
        self._clock, self._offset = clock, offset
        # protects: one-program-a-work-file
        self._lock = FileLock(folder / "work.lock")
        self._noted: list[tuple[JournalLine, bool]] | None = (
            None  # the lines of `together`, each with whether it is synced
        )
        self.salvaged: Salvage | None = None
        try:
            self._connection, aside = self._open()
            try:
                self._journal = Journal(folder / JOURNAL)
                try:
                    self._reconcile(aside)
                    self._fold_pairs()
                    self.device = self._device(this_machine() if machine is None else machine)
                    self._tidy()
                except BaseException:
                    self._journal.close()
                    raise
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(StoreError):
            self._put_back()
        self._journal.close()
        self._connection.close()
        self._lock.release()

    # Edits

    def next_number(self) -> int:
        """The number that this device's next edit should bear."""
        return self._last_number() + 1

    def append(self, edit: Edit, draft: str = "") -> Queued:
        """Keep a new edit as queued; when this returns it survives kill and power loss.

        What was kept under `draft` has become this edit: it is forgotten in the same write.
        The journal's line goes first and is cut off again when the database refuses, so an edit is in both or refused.
        Appending the same edit again changes nothing.
        """
        before = self.get(edit.id)
        if before is not None:
            return before
        self._put_back()
        queued = Queued(edit=edit, state=EditState.QUEUED, changed_at=self._time_at(edit.source))
        with self._journal.whole(), self._writing():
            self._put_edit(queued)
            self._raise_number(edit.number)
            # protects: draft-ends-with-its-edit
            self._delete_draft(draft)
            # protects: journal-line
            self._journal.write(_line(queued), sync=True)
        return queued

    def _time_at(self, source: str) -> datetime:
        """What is compared with the times of edits goes by the clock that those go by."""
        return self._clock() + self._offset(source)

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
        return self.all([state for state in EditState if state not in FINISHED])

    def put(self, queued: Queued, *, remote_id: str | None = None) -> Queued | None:
        """Note how an edit of this file stands now, on another report perhaps; None when there is no such edit.

        `remote_id` is the server's id of the report that this edit created.
        """
        edit = queued.edit
        before = self.get(edit.id)
        if before is None:
            return None
        after = msgspec.structs.replace(queued, changed_at=self._time_at(edit.source))
        with self._journal.whole(), self._writing():
            self._put_edit(after)
            if remote_id is not None and edit.report is not None:
                self._connection.execute(
                    "INSERT OR REPLACE INTO local_keys VALUES (?, ?, ?)", (edit.report, edit.source, remote_id)
                )
            line = _line(after, whole=edit != before.edit, remote_id=remote_id)
            # protects: withdrawal-is-synced
            self._note(line, sync=after.state is EditState.WITHDRAWN)
        return after

    def exchange(
        self,
        out: Iterable[str],
        into: Iterable[Queued],
        reason: StopReason | None,
        draft: str = "",
        *,
        adopted: Collection[str] = (),
        by: ByWhom | None = None,
        gone: Iterable[Queued] = (),
    ) -> list[Queued]:
        """Withdraw the edits `out`, for a reason perhaps, and keep new ones, all of it or nothing; the new ones.

        Those of `out` that are `adopted` are withdrawn as such, with `by` whom, for their authors to be told. What is
        `gone` was withdrawn before, and is noted as it stands.
        What was kept under `draft` is forgotten in the same write. The new edits get this device and the next numbers,
        in their order.
        """
        self._put_back()
        number, now = self.next_number(), self._clock()
        new = [
            msgspec.structs.replace(
                one,
                edit=msgspec.structs.replace(one.edit, device=self.device, number=number + place),
                changed_at=self._time_at(one.edit.source),
            )
            for place, one in enumerate(into)
        ]
        old = [
            msgspec.structs.replace(
                advance(
                    before,
                    Event.SUPERSEDED,
                    reason=StopReason.ADOPTED if edit_id in adopted else reason,
                    by=by if edit_id in adopted else None,
                ),
                changed_at=now,
            )
            for edit_id in out
            if (before := self.get(edit_id)) is not None
        ]
        old += [msgspec.structs.replace(one, changed_at=now) for one in gone if self.get(one.edit.id) is not None]
        with self._journal.whole(), self._writing():
            # protects: old-edits-go-with-the-new
            for queued in (*new, *old):
                self._put_edit(queued)
            self._raise_number(number + len(new) - 1)
            # protects: draft-ends-with-its-edit
            self._delete_draft(draft)
            lines = (*map(_line, new), *(_line(queued, whole=False) for queued in old))
            self._journal.write(JournalLine(swap=lines), sync=True)
        return new

    def bring_back(self, source: str, edit_ids: Iterable[str]) -> list[Queued]:
        """What of these edits of a source was sent is for the operator to decide, all of it or nothing; those edits.

        A server that was set back has lost them. A report that was created here and is lost with them gets a new local
        key: its number may be another report's, and what was done to it follows it once it has its new one. When it
        was kept as a new one already (the server had no report of that number), its creation stays away: one is enough.
        """
        ids = _dump(list(edit_ids))
        where = "WHERE state = ? AND source = ? AND id IN (SELECT value FROM json_each(?))"
        sent = self._queued(where, (str(EditState.SENT), source, ids))
        created = [one.edit.report for one in sent if one.edit.kind is Kind.CREATE and one.edit.report is not None]
        numbers = self.local_keys()
        again: dict[str | None, str] = {key: created_again(key) for key in created}
        again |= {numbers[key][1]: again[key] for key in created if key in numbers}
        now = self._time_at(source)
        lost, kept = [], []
        for one in sent:
            # protects: work-follows-its-creation
            edit = moved(one.edit, again)
            # protects: kept-is-not-created-again
            if edit.kind is Kind.CREATE and self.is_created(edit.report):
                goes_on = advance(one, Event.SUPERSEDED, reason=StopReason.KEPT_AS_NEW)
                kept.append(msgspec.structs.replace(goes_on, changed_at=now))
            else:
                to_decide = advance(one, Event.LOST_IN_RESTORE, reason=StopReason.LOST_IN_RESTORE)
                lost.append(msgspec.structs.replace(to_decide, edit=edit, changed_at=now))
        if sent:
            with self._journal.whole(), self._writing():
                for queued in (*lost, *kept):
                    self._put_edit(queued)
                lines = (*map(_line, lost), *(_line(queued, whole=False) for queued in kept))
                self._journal.write(JournalLine(swap=lines), sync=True)
        return lost

    def made_again(self) -> dict[str, Edit]:
        """The creations in the place of others, lost or withdrawn (see `created_again`), by their local keys."""
        where = "WHERE report LIKE 'local:%' AND state <> ? AND instr(body, ?)"  # most are no creations
        found = self._queued(where, (str(EditState.WITHDRAWN), f'"{Kind.CREATE}"'))
        made = (one.edit for one in found if one.edit.kind is Kind.CREATE)
        return {edit.report: edit for edit in made if edit.report is not None and edit.report != local_key(edit.id)}

    def earlier_numbers(self, edits: Iterable[Queued]) -> dict[tuple[str, str | None], Edit]:
        """The creations of reports that these edits name by numbers which they had before, by source and number.

        A creation that a restored server had lost is sent again and gets another number; only the last one is kept.
        """
        keys = self.local_keys()
        named = [
            one.edit for one in edits if one.edit.report and not is_local(one.edit.report) and seen_created(one.edit)
        ]
        asked = [edit for edit in named if (edit.source, edit.report) not in keys.values()]
        if not asked:
            return {}
        where = "WHERE report LIKE 'local:%' AND state <> ? AND instr(body, ?)"
        rows = self._queued(where, (str(EditState.WITHDRAWN), f'"{Kind.CREATE}"'))
        made = [one.edit for one in rows if one.edit.kind is Kind.CREATE]
        return {
            (edit.source, edit.report): create
            for edit in asked
            for create in made
            if create.source == edit.source
            and create.data.get("description") == edit.about.get("description")
            and is_made_by(create, edit)
        }

    def is_created(self, key: str | None) -> bool:
        """Whether there is a creation of a report under this local key that was not withdrawn."""
        there = self._queued("WHERE report = ? AND state <> ?", (key, str(EditState.WITHDRAWN)))
        return any(one.edit.kind is Kind.CREATE for one in there)

    def learn_key(self, key: str, source: str, remote_id: str) -> None:
        """Note the server's id of a report that was created here under a local key."""
        with self._journal.whole(), self._writing():
            self._connection.execute("INSERT OR REPLACE INTO local_keys VALUES (?, ?, ?)", (key, source, remote_id))
            self._note(JournalLine(key=key, source=source, remote_id=remote_id), sync=False)

    def local_keys(self) -> dict[str, tuple[str, str]]:
        """Reports created here that a server knows by now: local key -> (source, remote id)."""
        found = self._all("SELECT key, source, remote_id FROM local_keys")
        return {key: (source, remote_id) for key, source, remote_id in found if isinstance(remote_id, str)}

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is noted inside (all but `append` and `exchange`) is one write, whole or not at all."""
        if self._noted is not None:  # inside another
            yield
            return
        with self._journal.whole(), self._writing():
            noted = self._noted = []
            try:
                yield
            finally:
                self._noted = None
            if noted:
                lines = tuple(line for line, _ in noted)
                line = lines[0] if len(lines) == 1 else JournalLine(swap=lines)
                self._journal.write(line, sync=any(sync for _, sync in noted))

    def spoken_of(self) -> set[tuple[str, str]]:
        """The reports, by source and number, about which something finished is kept here, or a draft."""
        numbers = self.local_keys()
        rows = self._all(f"SELECT DISTINCT source, report FROM edits WHERE {_FINISHED}")  # noqa: S608 - a constant
        found = {(str(source), str(report)) for source, report in rows if report is not None}
        found |= {(edit.source, report) for edit in self._apart() for report in reports_spoken_of(edit.data)}
        for (key,) in self._all("SELECT key FROM drafts"):
            _, _, place = str(key).rpartition("\n")
            _, _, place = place.removeprefix("older:").partition(":")
            source, separator, report = place.partition(":")
            found |= {(source, report)} if separator else set()
        return {numbers.get(report, (source, report)) for source, report in found}

    def forget_words(self, erased: Mapping[tuple[str, str], datetime]) -> list[str]:
        """Let go of what was done to these reports, by source and number, or speaks of them, and is finished, with its
        photos, and of what was typed for them, as far as it is from before they were erased; where the drafts were kept
        that went.

        What is unfinished stays: the server says that its report was erased since, and its author decides.
        """
        own = {place: key for key, place in self.local_keys().items()}
        when = dict(erased) | {(place[0], own[place]): at for place, at in erased.items() if place in own}
        where = f"WHERE {_FINISHED} AND report IN (SELECT value FROM json_each(?))"  # noqa: S608 - a constant
        kept = [one.edit for one in self._queued(where, (_dump([report for _, report in when]),))]
        old = [edit for edit in kept if (at := when.get((edit.source, edit.report or ""))) and edit.occurred_at < at]
        for edit in self._apart():
            named = (when.get((edit.source, report)) for report in reports_spoken_of(edit.data))
            old += [edit] if any(at is not None and edit.occurred_at < at for at in named) else []
        drafts = [
            str(key)
            for key, changed_at in self._all("SELECT key, changed_at FROM drafts")
            for (source, report), at in when.items()
            if str(key).endswith(f":{source}:{report}") and datetime.fromisoformat(str(changed_at)) < at
        ]
        if old:
            self._journal.rewrite(self._lines())
        if old or drafts:
            self._connection.execute("PRAGMA secure_delete = ON")
            with self._writing():
                self._connection.executemany("DELETE FROM edits WHERE id = ?", [(edit.id,) for edit in old])
                self._connection.executemany("DELETE FROM drafts WHERE key = ?", [(key,) for key in drafts])
        self._drop_photos({str(edit.data["sha256"]) for edit in old if "sha256" in edit.data})
        return drafts

    def _apart(self) -> list[Edit]:
        """What is finished and belongs to no report: lines of the log, closures, messages …"""
        return [one.edit for one in self._queued(f"WHERE {_FINISHED} AND report IS NULL", ())]

    def _drop_photos(self, photos: Collection[str]) -> None:
        """Delete the files of these photos that no edit kept here names."""
        if not photos:
            return
        bodies = self._all("SELECT body FROM edits")
        named = {name for (body,) in bodies for name in _SHA256.findall(body)}
        for sha256 in set(photos) - named:
            with contextlib.suppress(OSError):
                (self._path.with_name("work-media") / Path(sha256).name).unlink(missing_ok=True)

    # Drafts, filters, alarms

    def save_draft(self, key: str, draft: dict[str, Any]) -> None:
        """Keep what was typed into a form and not yet committed."""
        self._put("INSERT OR REPLACE INTO drafts VALUES (?, ?, ?)", key, _dump(draft), self._clock().isoformat())

    def draft(self, key: str) -> dict[str, Any] | None:
        """What was kept under `key`."""
        return self.drafts().get(key)

    def drafts(self) -> dict[str, dict[str, Any]]:
        """All drafts by key."""
        found: dict[str, dict[str, Any]] = {}
        for key, body in self._all("SELECT key, body FROM drafts"):
            with contextlib.suppress(msgspec.DecodeError, msgspec.ValidationError, TypeError):  # damaged: forgotten
                found[key] = decode(body, dict[str, Any])
        return found

    def drop_draft(self, key: str) -> None:
        """Forget a draft (its form was committed or thrown away)."""
        with self._writing():
            self._delete_draft(key)

    def _delete_draft(self, key: str) -> None:
        if key:
            self._connection.execute("DELETE FROM drafts WHERE key = ?", (key,))

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

    # What the desk follows

    def follow(self, standpoint: Standpoint, followed: Followed) -> None:
        """Keep what a desk follows of one kind, in the place of what it followed before."""
        sql = "INSERT OR REPLACE INTO followed VALUES (?, ?, ?, ?, ?)"
        self._put(sql, *standpoint, _dump(followed), self._clock().isoformat())

    def followed(self) -> dict[Standpoint, Followed]:
        """What all desks follow."""
        found: dict[Standpoint, Followed] = {}
        for *of, body in self._all("SELECT author, source, kind, body FROM followed"):
            with contextlib.suppress(msgspec.DecodeError, msgspec.ValidationError, TypeError):  # damaged: begun anew
                found[Standpoint(*of)] = decode(body, Followed)
        return found

    # Opening and salvage

    def _open(self) -> tuple[sqlite3.Connection, Path | None]:
        """The connection, and where a damaged file was moved."""
        try:
            return self._open_checked(), None
        except DamagedFile:
            aside = set_aside(self._path)
            return self._open_checked(), aside

    def _open_checked(self) -> sqlite3.Connection:
        try:
            # protects: full-synchronous
            connection = open_writer(self._path, work_migrations, synchronous="FULL")
        except NewerFile as error:
            # protects: newer-file-is-listed
            raise _with_a_list(error, self._path.parent) from error
        try:
            quick_check(connection, self._path, indexes=True)
            with sqlite_errors(self._path):
                for *row, kept in connection.execute(f"SELECT {WORK_ROW}, sum FROM edits"):  # noqa: S608 - a constant
                    # protects: sum-of-a-row
                    if sum_of(row) != kept:
                        raise DamagedFile(self._path, f"{self._path.name} is damaged.")
        except BaseException:
            connection.close()
            raise
        self._identity = identity_of(self._path)
        return connection

    def _put_back(self) -> None:
        """Write both files anew where somebody deleted or replaced one of them while it was open.

        What is written into a file without a name is gone with this program. What stands in the place is set aside.
        Raises StoreError; what was there stays then, and the next edit tries again.
        """
        try:
            # protects: replaced-outbox-is-written-anew
            if not is_at(self._path, self._identity):
                fresh = self._path.with_name(f"{WORK}.new")
                fresh.unlink(missing_ok=True)
                with sqlite_errors(self._path):
                    self._connection.execute("VACUUM INTO ?", (str(fresh),))
                sync_file(fresh)
                set_aside(self._path)
                self._connection.close()  # which deletes what it kept beside it, so before another file is there
                fresh.replace(self._path)
                sync_folder(self._path.parent)
                self._connection = self._open_checked()
            # protects: replaced-journal-is-written-anew
            if not self._journal.in_place:
                set_aside(self._path.with_name(JOURNAL))
                self._journal.rewrite(self._lines())
        except OSError as error:
            raise from_os(error, self._path) from error

    def _reconcile(self, aside: Path | None) -> None:
        """Bring back from the journal, and from a file set aside, what the database lacks; then mend the journal.

        The database lacks something when it was replaced, when its last commits were lost with a damaged -wal file, or
        when a kill came between the journal's line and the commit.
        """
        kept = self._journal.folded()
        rest = _readable(aside) if aside else _Readable()
        there = {queued.edit.id: queued for queued in self.all()}
        # protects: journal-is-compared
        back = [one for one in kept.edits.values() if _lacking(one, there)]
        back += [one for one in rest.edits if one.edit.id not in kept.edits]
        if not kept.edits:
            back += rest.doubtful
        numbers = [one.edit.number for one in [*kept.edits.values(), *back]]
        keys = self.local_keys()
        learnt = {key: known for key, known in kept.keys.items() if keys.get(key) != known}
        if back or rest.rows or learnt or max(numbers, default=0) > self._last_number():
            with self._writing():
                for queued in back:
                    self._put_edit(queued)
                for table, (columns, rows) in rest.rows.items():
                    marks = ", ".join("?" * len(columns))
                    sql = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
                    self._connection.executemany(sql, rows)
                rows = [(key, source, remote_id) for key, (source, remote_id) in learnt.items()]
                self._connection.executemany("INSERT OR REPLACE INTO local_keys VALUES (?, ?, ?)", rows)
                self._raise_number(max(numbers, default=0))
                if back and not self._meta("device", ""):
                    device = back[0].edit.device
                    self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('device', ?)", (device,))
        interrupted = aside is None and bool(there) and kept.last.issuperset(one.edit.id for one in back)
        if aside is not None or (back and not interrupted):
            edits = self._connection.execute("SELECT count(*) FROM edits").fetchone()[0]
            self.salvaged = Salvage(set_aside=aside, edits=edits)
        # protects: lost-journal-is-written-anew
        self._mend_journal(kept, force=bool(back))

    def _fold_pairs(self) -> None:
        """Bring up to date what an older version kept as a pair: see `without_pairs`. All of it or nothing."""
        changed = [
            msgspec.structs.replace(one, changed_at=self._time_at(one.edit.source))
            for one in without_pairs(self.unfinished(), self.get)
        ]
        if changed:
            with self._journal.whole(), self._writing():
                for queued in changed:
                    self._put_edit(queued)
                self._journal.write(JournalLine(swap=tuple(map(_line, changed))), sync=True)

    def _mend_journal(self, kept: Folded, *, force: bool) -> None:
        """Write the journal anew when it is long, damaged, or says other than the database does."""
        mine = {queued.edit.id: (queued.edit, queued.state) for queued in self.unfinished()}
        told = {key: (one.edit, one.state) for key, one in kept.edits.items() if one.state not in FINISHED}
        if force or kept.damaged or self._journal.long or mine != told or kept.keys != self.local_keys():
            with contextlib.suppress(StoreError):  # no space now: the old one stays, and the next start tries again
                self._journal.rewrite(self._lines())

    def _tidy(self) -> None:
        """Let go of edits that were finished long ago; first of their lines, so that none comes back as unfinished."""
        old = (self._clock() - _KEPT_FINISHED).isoformat()
        where = f"{_FINISHED} AND changed_at < ?"
        if self._all(f"SELECT 1 FROM edits WHERE {where} LIMIT 1", (old,)):  # noqa: S608 - a constant
            with contextlib.suppress(StoreError):  # no space now: the next start tries again
                # protects: journal-before-letting-go
                self._journal.rewrite(self._lines())
                self._put(f"DELETE FROM edits WHERE {where}", old)  # noqa: S608 - a constant
        self._tidy_photos()

    def _tidy_photos(self) -> None:
        """Let go of photo files of long ago that no edit kept here names; none while a damaged file may name them.

        A file is there before its edit is: only its age tells a photo that nobody needs from one whose edit comes.
        """
        if any(self._path.parent.glob(f"{WORK}.damaged-*")):
            return
        old_s = (self._clock() - _KEPT_FINISHED).timestamp()
        with contextlib.suppress(OSError):
            folder = self._path.parent / "work-media"
            old = [each for each in folder.iterdir() if each.is_file() and each.stat().st_mtime < old_s]
            bodies = self._all("SELECT body FROM edits") if old else []
            named = {name for (body,) in bodies for name in _SHA256.findall(body)}
            for each in old:
                if each.name not in named:
                    each.unlink()

    def _device(self, machine: str) -> str:
        """This desk's id, by which a server tells what its operator has seen; another one on another computer.

        Who works with a copy of the profile does not see what is done with the other one. What waits in both keeps the
        id under which it was made, so that it is the same edit for the server, whichever comes first.
        """
        before, made_on = self._meta("device", ""), self._meta("machine", "")
        # protects: a-copied-profile-is-another-desk
        device = before if before and made_on in ("", machine) else str(uuid.uuid4())
        if (device, machine) != (before, made_on):
            # No space now: who has an id opens all the same, and the next start tries again.
            with contextlib.suppress(StoreError) if before else contextlib.nullcontext(), self._writing():
                rows = [("device", device), ("machine", machine)]
                self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)
        return device

    def _lines(self) -> Iterator[JournalLine]:
        """The journal that would stand for the file as it is: what is finished is left out."""
        for key, (source, remote_id) in self.local_keys().items():
            yield JournalLine(key=key, source=source, remote_id=remote_id)
        for queued in self.unfinished():
            yield _line(queued)

    # SQL

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with contextlib.nullcontext() if self._noted is not None else transaction(self._connection, self._path):
            yield

    def _note(self, line: JournalLine, *, sync: bool) -> None:
        if self._noted is None:
            self._journal.write(line, sync=sync)
        else:
            self._noted.append((line, sync))

    def _put(self, sql: str, *values: object) -> None:
        with self._writing():
            self._connection.execute(sql, values)

    def _all(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with sqlite_errors(self._path):
            return self._connection.execute(sql, values).fetchall()

    def _meta(self, key: str, default: str) -> str:
        found = self._all("SELECT value FROM meta WHERE key = ?", (key,))
        return str(found[0][0]) if found else default

    def _last_number(self) -> int:
        with contextlib.suppress(ValueError):
            return int(self._meta("last_number", "0"))
        return int(self._all("SELECT coalesce(max(number), 0) FROM edits")[0][0])

    def _raise_number(self, number: int) -> None:
        last = max(self._last_number(), number)
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('last_number', ?)", (str(last),))

    def _put_edit(self, queued: Queued) -> None:
        row = _row_of(queued)
        marks = ", ".join("?" * (len(row) + 1))
        self._connection.execute(
            f"INSERT OR REPLACE INTO edits ({WORK_ROW}, sum) VALUES ({marks})",  # noqa: S608 - a constant
            (*row, sum_of(row)),
        )

    def _queued(self, where: str, values: tuple[object, ...]) -> list[Queued]:
        with sqlite_errors(self._path):
            found = _named(self._connection.execute(f"SELECT * FROM edits {where} ORDER BY number, id", values))  # noqa: S608 - constants
        return [_queued_of(row) for row in found]


def _named(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [each[0] for each in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _queued_of(row: Mapping[str, Any]) -> Queued:
    """The edit of a row of `edits`, by the names of its columns; also of a file that is not brought up to date yet."""
    by, taken_as = row.get("by_whom"), row.get("taken_as")
    queued = Queued(
        edit=decode(row["body"], Edit),
        state=EditState(row["state"]),
        attempts=row["attempts"],
        reason=StopReason(row["reason"]) if row.get("reason") else None,
        by=decode(by, ByWhom) if by else None,
        problem=row["problem"],
        theirs=msgspec.json.decode(row["theirs"]),
        version=row["version"],
        told_by_radio=row["told"],
        taken_as=decode(taken_as, TakenAs) if taken_as else None,
        repeated=bool(row.get("repeated")),
        asked_back=bool(row.get("asked_back")),
        to_call_back=bool(row.get("to_call_back")),
        changed_at=datetime.fromisoformat(row["changed_at"]),
    )
    return queued if "reason" in row else with_reasons(queued)


def _with_a_list(error: NewerFile, folder: Path) -> NewerFile:
    """The same refusal, with the file that lists what waits."""
    try:
        waiting = export_waiting(folder)
    except OSError:
        return error
    if not waiting.count:
        return error
    edits = "1 edit that waits in it is" if waiting.count == 1 else f"{waiting.count} edits that wait in it are"
    return NewerFile(error.path, f"{error} The {edits} listed in {waiting.path}.")


def _row_of(queued: Queued) -> tuple[object, ...]:
    """A row of `edits`, in the order of WORK_ROW."""
    edit = queued.edit
    return (
        edit.id,
        edit.number,
        edit.source,
        edit.report,
        str(queued.state),
        queued.attempts,
        queued.problem,
        _dump(queued.theirs),
        queued.version,
        queued.told_by_radio,
        _iso(queued.changed_at),
        _dump(edit),
        str(queued.reason) if queued.reason else None,
        _dump(queued.by) if queued.by else None,
        _dump(queued.taken_as) if queued.taken_as else None,
        int(queued.repeated),
        int(queued.asked_back),
        int(queued.to_call_back),
    )


def _line(queued: Queued, *, whole: bool = True, remote_id: str | None = None) -> JournalLine:
    """The journal's line for an edit as it stands; without `whole` only what became of it."""
    return JournalLine(
        edit=queued.edit if whole else None,
        id=None if whole else queued.edit.id,
        state=queued.state,
        at=queued.changed_at,
        remote_id=remote_id,
        attempts=queued.attempts,
        reason=queued.reason,
        by=queued.by,
        problem=queued.problem,
        theirs=queued.theirs,
        told=queued.told_by_radio,
        version=queued.version,
        taken_as=queued.taken_as,
        repeated=queued.repeated,
        asked_back=queued.asked_back,
        to_call_back=queued.to_call_back,
    )


def _lacking(kept: Queued, there: dict[str, Queued]) -> bool:
    """Whether the database lacks what the journal says of an edit. What is finished there stays finished."""
    mine = there.get(kept.edit.id)
    if mine is None:
        return kept.state not in FINISHED or not there
    if mine.state in FINISHED or kept.changed_at is None or mine.changed_at is None:
        return False
    return kept.changed_at > mine.changed_at


class _Readable(msgspec.Struct):
    """What can still be read of a damaged work.db: its edits, and the rows of other tables by (columns, rows)."""

    edits: list[Queued] = []
    doubtful: list[Queued] = []
    """Edits of rows that are not as they were written: for the operator to look at where nothing better is left."""
    rows: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = {}


def _readable(path: Path) -> _Readable:
    found = _Readable()
    names, rows = _rows_of(path, "edits", "*")
    for row in rows:
        with contextlib.suppress(msgspec.DecodeError, ValueError, TypeError, KeyError):
            named = dict(zip(names, row, strict=True))
            queued = _queued_of(named)
            if is_whole(named):
                found.edits.append(queued)
            elif queued.state in FINISHED:
                found.doubtful.append(queued)
            else:
                found.doubtful.append(advance(queued, Event.REFUSED, reason=StopReason.DAMAGED))
    for table in ("local_keys", "drafts", "filters", "alarms", "meta", "followed"):
        columns, rows = _rows_of(path, table, "*")
        whole = [row for row in rows if all(isinstance(value, str) for value in row)]
        if whole:
            found.rows[table] = (columns, whole)
    return found


def _rows_of(path: Path, table: str, columns: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The names of the columns, and all rows up to the first that cannot be read."""
    rows: list[tuple[Any, ...]] = []
    names: list[str] = []
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError), contextlib.closing(open_reader(path)) as connection:
        cursor = connection.execute(f"SELECT {columns} FROM {table}")  # noqa: S608 - constants
        names = [each[0] for each in cursor.description]
        rows.extend(cursor)
    return names, rows


def _dump(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _iso(moment: datetime | None) -> str:
    return (moment or datetime.now(UTC)).isoformat()
