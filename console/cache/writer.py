"""Write cache.db, the copy of what the servers say: the only connection that writes and checkpoints it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from api_client.decoding import decode
from api_client.model import ERASED, Assignment, Entry, Message, ReadMark, Report
from console.cache import packed_columns
from console.cache.page_items import FIRST_ROW, Cursor, DeletedItem, MessageCursor, PageItem
from console.cache.schema import KINDS, MESSAGE_TABLES, cache_migrations, table_of
from console.files.durable import identity_of, is_at
from console.files.errors import DamagedFile
from console.files.lock import FileLock
from console.files.sqlite_file import (
    CACHE,
    SUSPECT,
    drop_older_copies,
    open_writer,
    quick_check,
    set_aside,
    sqlite_errors,
    transaction,
)
from console.rules.correspondence import thread_of
from console.rules.messages import Touched
from console.rules.report import calls_for_a_crew
from console.rules.status import ENDED_ASSIGNMENT

_WORDS_OF_A_SOURCE = frozenset({"service", "area", "agency", "unit"})
"""Kinds whose codes mean something in their own source only."""

_SMALL_WORDS = frozenset({"service", "agency", "user", "source"})
"""Kinds whose ids have 16 bits in the packed facts."""

_QUICK_CHECK_BYTES = 256 * 2**20
"""Up to this size the file is checked at every start; above it only when it was not closed in order."""

_REMEMBERED_MS = 35 * 86_400_000
_NEVER_MS = 2**62
"""Older edits than that are not kept on the computers that made them: nobody asks whether they were taken back."""

__all__ = ["CacheWriter", "Cursor", "DeletedItem", "PageItem"]

_TEXTS = "title, description, address, area_name"
_json = msgspec.json.Encoder()


class CacheWriter:
    """The writing connection of `folder`/cache.db.

    A damaged file is set aside at opening (`set_aside` says where it is now) and a new one begun. When damage shows
    later, the method that met it replaces the file likewise and raises DamagedFile: the cursors are then empty, so the
    caller fills again; where no new file can be begun then, for want of room, the next call tries again.
    Raises NewerFile, DiskFull, NotWritable, LockedByOther; nothing is then half-written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / CACHE
        self._suspect = folder / SUSPECT
        self.set_aside: Path | None = None
        self.openings = 0
        """How many files were opened, one after the other: the cursors of an earlier one hold no more."""
        self._is_open = False
        self._bulk = False
        # protects: one-program-a-cache
        self._lock = FileLock(folder / "cache.lock")
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Note that all is in order, checkpoint, and let go of the file."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('closed', '1')")
        self._connection.close()
        self._lock.release()

    def cursor(self, source: str) -> Cursor | None:
        """How far `source` has been read; None before its first page, and after a reader met damage in the file."""
        if not self._is_open:
            self._open()
        elif self._spoilt():
            self._replace()
        with sqlite_errors(self._path):
            found = self._connection.execute(
                "SELECT epoch, seq, scope_version, as_of, snapshot_key, unread, whole FROM cursors WHERE source = ?",
                (self._words["source"].get((0, source), 0),),
            ).fetchone()
        if found is None:
            return None
        epoch, seq, scope_version, as_of, snapshot_key, unread, whole = found
        try:
            read_to = datetime.fromisoformat(as_of) if as_of else None
            return Cursor(epoch, seq, scope_version, read_to, snapshot_key, unread, tuple(whole.split()))
        except (ValueError, TypeError):  # not what was written
            self._replace()
            return None

    def apply(
        self, source: str, items: Sequence[PageItem], cursor: Cursor, *, gone: Sequence[DeletedItem] = ()
    ) -> Touched:
        """Write one page and the cursor behind it in one transaction, keeping the higher seq of every object.

        An object that was deleted with a higher seq stays deleted. Applying a page again changes nothing.
        """
        erases = any(isinstance(one.data, Report) and one.data.erased is not None for one in items)
        if erases:
            self._connection.execute("PRAGMA secure_delete = ON")
        with self._writing():
            page = _PageWrite(source=self._word_id("source", source))
            for item in items:
                page.add(item)
            for each in gone:
                page.add_gone(each)
            if page.gone:
                self._delete(page)
            for kind in KINDS:
                self._put_whole(page, kind)
            self._put_entries(page)
            self._put_assignments(page)
            self._put_reports(page)
            self._find_rows_of_parts(page)
            if "area" in page.touched_kinds and not self._bulk and self._rename_areas():
                self._mark_search_stale()
            # protects: rows-and-cursor-at-once
            self._write_cursor(page.source, cursor)
            if not self._bulk:
                self._mend_search()
            if self._fresh_words:
                page.touched_kinds.add("word")
        if erases and not self._bulk:
            # protects: erased-words-are-overwritten
            self._overwrite()
        return Touched(
            rows=tuple(sorted(page.touched_rows)),
            kinds=tuple(sorted(page.touched_kinds)),
            edits=tuple(dict.fromkeys(page.proved)),
        )

    def _overwrite(self) -> None:
        """Let nothing of what was erased stay in the file or its log, as far as readers let it be written now."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    # Messages

    def message_cursor(self, source: str) -> MessageCursor | None:
        """How far the messages of a source have been read, and for whom; None before their first page."""
        with sqlite_errors(self._path):
            found = self._connection.execute(
                "SELECT user, epoch, scope_version, seq FROM message_cursors WHERE source = ?",
                (self._words["source"].get((0, source), 0),),
            ).fetchone()
        return MessageCursor(*found) if found is not None else None

    def forget_messages(self, source: str, cursor: MessageCursor) -> Touched:
        """Delete the messages of a source, and begin anew for whom the cursor says."""
        with self._writing():
            number = self._word_id("source", source)
            for table in MESSAGE_TABLES:
                self._connection.execute(f"DELETE FROM {table} WHERE source = ?", (number,))  # noqa: S608 - constants
            self._write_message_cursor(number, cursor)
        return Touched(kinds=("message",))

    def put_messages(
        self, source: str, items: Sequence[PageItem], before: MessageCursor, cursor: MessageCursor
    ) -> Touched | None:
        """Write one page of messages and read marks, and the cursor behind it, in one transaction; None, and nothing,
        unless they are read up to `before`: the file may be another one by now.
        """
        with self._writing():
            # protects: page-of-messages-follows-the-last
            if self.message_cursor(source) != before:
                return None
            page = _PageWrite(source=self._word_id("source", source))
            for item in items:
                page.add(item)
            self._put_messages(page)
            self._put_read_marks(page, cursor.user)
            self._find_rows_of_parts(page)
            self._write_message_cursor(page.source, cursor)
        return Touched(rows=tuple(sorted(page.touched_rows)), kinds=tuple(sorted(page.touched_kinds)))

    def _put_messages(self, page: _PageWrite) -> None:
        rows = []
        for item in self._not_deleted(page, "message", page.of("message")):
            one = item.data
            if not isinstance(one, Message):
                continue
            at, thread = int(one.at.timestamp() * 1000), thread_of(one.to, one.unit)
            body = _json.encode(one)
            rows.append((page.source, item.id, item.seq, at, thread, one.to_you, one.report, body, one.to_you))
            if one.report is not None:
                page.reports_of_parts.add(one.report)
        if rows:
            page.touched_kinds.add("message")
            self._connection.executemany(
                "INSERT INTO messages (source, id, seq, at, thread, to_you, report, body, unread)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source, id)"
                # An erased one comes again, without its words.
                " DO UPDATE SET seq = excluded.seq, body = excluded.body WHERE excluded.seq > seq",
                rows,
            )

    def _put_read_marks(self, page: _PageWrite, user: str) -> None:
        """Keep who has read what; what `user` has read is unread no more."""
        marks = [(item, item.data) for item in page.of("read_mark") if isinstance(item.data, ReadMark)]
        if marks:
            page.touched_kinds.add("message")
            self._connection.executemany(
                "INSERT OR REPLACE INTO read_marks VALUES (?, ?, ?, ?, ?, ?)",
                [(page.source, item.id, item.seq, one.message, one.who, _json.encode(one)) for item, one in marks],
            )
            own = [(page.source, one.message) for _, one in marks if one.who == user]
            self._connection.executemany("UPDATE messages SET unread = 0 WHERE source = ? AND id = ?", own)

    def _write_message_cursor(self, source: int, cursor: MessageCursor) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO message_cursors VALUES (?, ?, ?, ?, ?)",
            (source, cursor.user, cursor.epoch, cursor.scope_version, cursor.seq),
        )

    def forget(self, source: str, *, set_back: bool = False) -> Touched:
        """Delete everything of a source with its cursor: its data was replaced, or it was removed from the profile.

        If the server was `set_back`, the edits that its last record held are kept as taken back, and its open reports
        as taken, until the server has them again.
        """
        before = self.cursor(source)
        with self._writing():
            number = self._word_id("source", source)
            # protects: set-back-is-known
            if set_back:
                # Not from the last entry alone: one made by a clock that was far ahead would leave all others out.
                read_to = before.as_of if before is not None else None
                latest_ms = int(read_to.timestamp() * 1000) if read_to is not None else _NEVER_MS
                self._connection.execute(
                    "INSERT OR IGNORE INTO taken_back SELECT source, edit FROM entries WHERE source = ?1"
                    " AND edit IS NOT NULL AND at > min(?3, (SELECT max(at) FROM entries WHERE source = ?1)) - ?2",
                    (number, _REMEMBERED_MS, latest_ms),
                )
                self._remember_open(number, read_to)
            else:
                self._connection.execute("DELETE FROM taken_reports WHERE source = ?", (number,))
            of_source = "row IN (SELECT row FROM reports WHERE source = ?)"
            self._connection.execute(f"DELETE FROM texts WHERE {of_source}", (number,))  # noqa: S608 - a constant
            tables = ("reports", "entries", "assignments", "gone", "cursors", *map(table_of, KINDS), *MESSAGE_TABLES)
            for table in tables:
                self._connection.execute(f"DELETE FROM {table} WHERE source = ?", (number,))  # noqa: S608 - constants
            self._mark_search_stale()
            if not self._bulk:  # else the mark has to last until the rows that come next are there
                self._mend_search()
        return Touched(everything=True)

    def _remember_open(self, number: int, read_to: datetime | None) -> None:
        """Keep the open reports of a source, with the units on them; `read_to` is when the server was read last."""
        read_s = packed_columns.seconds(read_to) if read_to is not None else 0
        self._connection.execute(
            "INSERT OR REPLACE INTO taken_reports SELECT r.source, r.remote_id, r.created, ?, (SELECT"
            " json_group_array(a.unit) FROM assignments a WHERE a.source = r.source AND a.report = r.remote_id AND"
            " a.live = 1), t.body FROM reports r JOIN texts t ON t.row = r.row WHERE r.source = ? AND r.created > ?"
            " AND substr(r.facts, ?, 1) < ? AND substr(r.facts, ?, 1) = x'00'",
            (
                read_s,
                number,
                read_s - _REMEMBERED_MS // 1000,
                packed_columns.STATUS_AT + 1,
                bytes([packed_columns.CLOSED_FROM]),
                packed_columns.MERGED_AT + 1,
            ),
        )

    @contextlib.contextmanager
    def bulk(self) -> Iterator[None]:
        """Leave search and area names for the end: for fills and long catch-ups. Pages stay one transaction each.

        After an interruption the search is mended by the next page outside of `bulk`.
        """
        self._bulk = True
        try:
            with self._writing():
                self._mark_search_stale()
            yield
            with self._writing():
                self._rename_areas()
                self._mend_search()
        finally:
            self._bulk = False
        with contextlib.suppress(sqlite3.Error):  # a reader may be in the way; the next commit tries again
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # Opening

    def _open(self) -> None:
        try:
            if self._suspect.exists():
                raise DamagedFile(self._path, "A reader met damage in cache.db.")
            self._open_checked()
        except DamagedFile:
            self._set_aside()
            self._open_checked()

    def _spoilt(self) -> str:
        """Why the file must not be written any more; "" when it may.

        A mark left by a reader that met damage counts once while the program runs, as else it might replace the file
        again and again.
        """
        if self.set_aside is None and self._suspect.exists():
            return f"A reader met damage in {self._path.name}."
        # protects: deleted-cache-is-begun-anew
        if not is_at(self._path, self._identity):
            return f"{self._path.name} was deleted or replaced while it was open."
        return ""

    def _replace(self) -> Path | None:
        self._connection.close()
        # protects: cache-without-room
        self._is_open = False  # and it stays so when there is no room for a new file
        aside = self._set_aside()
        self._open_checked()
        return aside

    def _set_aside(self) -> Path | None:
        """Move the damaged file aside and return its new path; None when it was gone."""
        aside = set_aside(self._path)
        self._suspect.unlink(missing_ok=True)
        if aside is not None:
            self.set_aside = aside
            drop_older_copies(self._path, aside)
        return aside

    def _open_checked(self) -> None:
        """Open what is there, or a new file, and read what is kept in memory."""
        size = self._path.stat().st_size if self._path.exists() else 0
        connection = open_writer(self._path, cache_migrations, synchronous="NORMAL")
        try:
            with sqlite_errors(self._path):
                in_order = connection.execute("DELETE FROM meta WHERE key = 'closed'").rowcount
                if size and (size <= _QUICK_CHECK_BYTES or not in_order):
                    # protects: cache-is-checked
                    quick_check(connection, self._path)
                connection.execute("PRAGMA cache_size = -65536")
                connection.execute("PRAGMA journal_size_limit = 67108864")
                self._load(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._identity = identity_of(self._path)
        self._is_open = True
        self.openings += 1

    def _load(self, connection: sqlite3.Connection) -> None:
        self._words: dict[str, dict[tuple[int, str], int]] = {
            kind: {} for kind in ("source", "service", "area", "agency", "unit", "user")
        }
        for kind, number, source, word in connection.execute("SELECT kind, id, source, word FROM words"):
            self._words.setdefault(kind, {})[source, word] = number
        self._next_row = connection.execute("SELECT coalesce(max(row) + 1, ?) FROM reports", (FIRST_ROW,)).fetchone()[0]
        self._fresh_words: list[tuple[str, int, int, str]] = []
        self._names: dict[int, tuple[object, dict[str, str]]] = {}

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, which also writes new words; if it fails, what is kept in memory is read again from the
        file.
        """
        if not self._is_open:
            self._open()
            raise DamagedFile(self._path, f"{self._path.name} was damaged and is begun anew.", self.set_aside)
        try:
            if why := self._spoilt():
                raise DamagedFile(self._path, why)
            with transaction(self._connection, self._path):
                yield
                self._write_words()
        except DamagedFile as error:
            error.set_aside = self._replace()
            raise
        # protects: contradicting-tables
        except sqlite3.IntegrityError as error:
            # What is written here fits tables that are whole: rows of the file contradict one another.
            words = f"{self._path.name} is damaged: its tables do not fit together."
            raise DamagedFile(self._path, words, self._replace()) from error
        except BaseException:
            self._load(self._connection)
            raise

    # Words

    def _word_id(self, kind: str, word: str | None, source: int = 0) -> int:
        """The number that stands for a word in the columns: of a source's code, or of a name that all share."""
        if word is None or word == "":
            return 0
        known = self._words[kind]
        key = (source if kind in _WORDS_OF_A_SOURCE else 0, word)
        number = known.get(key)
        if number is None:
            number = len(known) + 1
            if kind in _SMALL_WORDS and number > 32767:
                return 0
            known[key] = number
            self._fresh_words.append((kind, number, *key))
        return number

    def _write_words(self) -> None:
        if self._fresh_words:
            self._connection.executemany(
                "INSERT INTO words (kind, id, source, word) VALUES (?, ?, ?, ?)", self._fresh_words
            )
            self._fresh_words = []

    # The parts of a page

    def _put_whole(self, page: _PageWrite, kind: str) -> None:
        items = page.of(kind)
        if not items:
            return
        page.touched_kinds.add(kind)
        self._connection.executemany(
            f"INSERT INTO {table_of(kind)} (source, id, seq, body) VALUES (?, ?, ?, ?)"  # noqa: S608 - a constant
            " ON CONFLICT (source, id) DO UPDATE SET seq = excluded.seq, body = excluded.body"
            " WHERE excluded.seq >= seq",
            [
                (page.source, item.id, item.seq, _json.encode(item.data))
                for item in self._not_deleted(page, kind, items)
            ],
        )

    def _put_entries(self, page: _PageWrite) -> None:
        rows = []
        for item in self._not_deleted(page, "entry", page.of("entry")):
            entry = item.data
            if not isinstance(entry, Entry):
                continue
            at = int(entry.at.timestamp() * 1000)
            rows.append((page.source, item.id, item.seq, entry.report, at, entry.edit, _json.encode(entry)))
            if entry.edit is not None:
                page.proved.append(entry.edit)
            if entry.report is not None:
                page.reports_of_parts.add(entry.report)
        if rows:
            page.touched_kinds.add("entry")
            self._connection.executemany(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source, id) DO UPDATE SET"
                " seq = excluded.seq, report = excluded.report, at = excluded.at, edit = excluded.edit,"
                " body = excluded.body WHERE excluded.seq >= seq",
                rows,
            )
        # protects: proved-again-is-not-lost
        if page.proved:
            self._connection.execute(
                "DELETE FROM taken_back WHERE source = ? AND edit IN (SELECT value FROM json_each(?))",
                (page.source, json.dumps(page.proved)),
            )

    def _put_assignments(self, page: _PageWrite) -> None:
        rows = []
        for item in self._not_deleted(page, "assignment", page.of("assignment")):
            one = item.data
            if not isinstance(one, Assignment):
                continue
            live = one.state not in ENDED_ASSIGNMENT
            created = int(one.created.timestamp() * 1000)
            rows.append((page.source, item.id, item.seq, one.report, one.unit, live, created, _json.encode(one)))
            page.reports_of_parts.add(one.report)
            page.leads_changed.add(one.report)
        if rows:
            page.touched_kinds.add("assignment")
            self._connection.executemany(
                "INSERT INTO assignments VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source, id) DO UPDATE SET"
                " seq = excluded.seq, report = excluded.report, unit = excluded.unit, live = excluded.live,"
                " created = excluded.created, body = excluded.body WHERE excluded.seq >= seq",
                rows,
            )

    def _put_reports(self, page: _PageWrite) -> None:
        items = self._not_deleted(page, "report", page.of("report"))
        wanted = {item.id for item in items} | page.leads_changed
        if not wanted:
            return
        if items and self._connection.execute("SELECT 1 FROM taken_reports LIMIT 1").fetchone():
            self._take_out(page.source, [item.data for item in items if isinstance(item.data, Report)])
        known = self._known(page.source, wanted)
        leads = self._leads(page.source, wanted)
        area_names = self._area_names(page.source) if items else {}
        word_id = partial(self._word_id, source=page.source)
        inserts: list[_ReportRow] = []
        updates: list[_ReportRow] = []
        for item in items:
            report = item.data
            if not isinstance(report, Report):
                continue
            before = known.pop(item.id, None)
            if before is not None and before[1] > item.seq:
                known[item.id] = before  # older news of the report; its lead unit may still be newer
                continue
            row = before[0] if before else self._next_row
            packed = packed_columns.pack(row, page.source, report, leads.get(item.id, 0), word_id)
            area_name = area_names.get(report.area or "", report.area or "")
            texts = (report.title, report.description, report.address, area_name)
            if report.erased is not None:
                page.touched_kinds.add(ERASED)
                page.erased_rows.append(row)
            if before is None:
                self._next_row += 1
            (inserts if before is None else updates).append(_ReportRow(row, item, report, packed, texts))
            page.touched_rows.add(row)
        if inserts or updates:
            page.touched_kinds.add("report")
        self._insert(page.source, inserts)
        self._drop_photos(page.erased_rows)
        self._update(updates)
        self._patch_leads(page, known, leads)

    def _drop_photos(self, rows: list[int]) -> None:
        """Delete the photos that were brought for reports which are erased now; what another has is brought again."""
        folder = self._path.with_name("media")
        for row in rows:
            body = self._connection.execute("SELECT body FROM texts WHERE row = ?", (row,)).fetchone()
            for photo in decode(body[0], Report).photos if body is not None else ():
                if photo.sha256 is not None:
                    with contextlib.suppress(OSError):
                        (folder / Path(photo.sha256).name).unlink(missing_ok=True)

    def _take_out(self, source: int, there: list[Report]) -> None:
        """Delete from the taken reports those that the server has again, but for a P1 that it has as something less."""
        here = {
            (one.id, packed_columns.seconds(one.created)): one for one in there
        }  # the number may be another report's now
        found = self._connection.execute(
            "SELECT id, created, body FROM taken_reports WHERE source = ? AND id IN (SELECT value FROM json_each(?))",
            (source, json.dumps([one.id for one in there])),
        ).fetchall()
        again = []
        for key, created, body in found:
            now = here.get((key, created))
            # protects: what-fell-back-is-not-forgotten
            if now is not None and (calls_for_a_crew(now) or not calls_for_a_crew(decode(body, Report))):
                again.append((source, key))
        self._connection.executemany("DELETE FROM taken_reports WHERE source = ? AND id = ?", again)

    def _insert(self, source: int, rows: list[_ReportRow]) -> None:
        self._connection.executemany(
            "INSERT INTO reports (row, source, remote_id, seq, created, facts) VALUES (?, ?, ?, ?, ?, ?)",
            [(r.row, source, r.item.id, r.item.seq, packed_columns.seconds(r.report.created), r.facts) for r in rows],
        )
        self._connection.executemany(
            "INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(r.row, *r.texts, r.report.area, _json.encode(r.report)) for r in rows],
        )
        if not self._bulk:
            self._add_to_search(rows)

    def _update(self, rows: list[_ReportRow]) -> None:
        if not rows:
            return
        if not self._bulk:
            old = {
                row: tuple(texts)
                for row, *texts in self._connection.execute(
                    f"SELECT row, {_TEXTS} FROM texts WHERE row IN (SELECT value FROM json_each(?))",  # noqa: S608
                    (json.dumps([r.row for r in rows]),),
                )
            }
            changed = [r for r in rows if old.get(r.row) != r.texts]
            self._remove_from_search((r.row, *old[r.row]) for r in changed if r.row in old)
            self._add_to_search(changed)
        self._connection.executemany(
            "UPDATE reports SET seq = ?, created = ?, facts = ? WHERE row = ?",
            [(r.item.seq, packed_columns.seconds(r.report.created), r.facts, r.row) for r in rows],
        )
        self._connection.executemany(
            "UPDATE texts SET title = ?, description = ?, address = ?, area_name = ?, area = ?, body = ? WHERE row = ?",
            [(*r.texts, r.report.area, _json.encode(r.report), r.row) for r in rows],
        )

    def _patch_leads(self, page: _PageWrite, known: dict[str, tuple[int, int, bytes]], leads: dict[str, int]) -> None:
        """Give the lead unit to reports whose assignments changed while they themselves did not."""
        patches = [
            (packed_columns.with_lead(packed, leads.get(remote_id, 0)), row)
            for remote_id, (row, _, packed) in known.items()
            if remote_id in page.leads_changed and packed_columns.lead_of(packed) != leads.get(remote_id, 0)
        ]
        if patches:
            page.touched_kinds.add("report")
            self._connection.executemany("UPDATE reports SET facts = ? WHERE row = ?", patches)

    def _known(self, source: int, remote_ids: Iterable[str]) -> dict[str, tuple[int, int, bytes]]:
        return {
            remote_id: (row, seq, packed)
            for remote_id, row, seq, packed in self._connection.execute(
                "SELECT remote_id, row, seq, facts FROM reports"
                " WHERE source = ? AND remote_id IN (SELECT value FROM json_each(?))",
                (source, json.dumps(list(remote_ids))),
            )
        }

    def _leads(self, source: int, reports: Iterable[str]) -> dict[str, int]:
        """The word id of the first live assignment's unit, by the report's remote id."""
        leads: dict[str, int] = {}
        for report, unit in self._connection.execute(
            "SELECT report, unit FROM assignments WHERE source = ? AND report IN (SELECT value FROM json_each(?))"
            " AND live = 1 ORDER BY created DESC",
            (source, json.dumps(list(reports))),
        ):
            leads[report] = self._word_id("unit", unit, source)
        return leads

    def _find_rows_of_parts(self, page: _PageWrite) -> None:
        if page.reports_of_parts:
            known = self._known(page.source, page.reports_of_parts)
            page.touched_rows.update(row for row, _, _ in known.values())

    # Deletions

    def _not_deleted(self, page: _PageWrite, kind: str, items: list[PageItem]) -> list[PageItem]:
        """Leave out what was deleted with a higher seq."""
        if not items:
            return items
        gone: dict[str, int] = dict(
            self._connection.execute(
                "SELECT id, seq FROM gone WHERE source = ? AND kind = ? AND id IN (SELECT value FROM json_each(?))",
                (page.source, kind, json.dumps([item.id for item in items])),
            )
        )
        if not gone:
            return items
        back = [item for item in items if item.seq > gone.get(item.id, -1)]
        self._connection.executemany(
            "DELETE FROM gone WHERE source = ? AND kind = ? AND id = ?",
            [(page.source, kind, item.id) for item in back if item.id in gone],
        )
        return back

    def _delete(self, page: _PageWrite) -> None:
        self._connection.executemany(
            "INSERT INTO gone VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
            [(page.source, each.kind, each.id, each.seq) for each in page.gone],
        )
        for each in page.gone:
            page.touched_kinds.add(each.kind)
            if each.kind == "report":
                self._delete_report(page, each)
            elif each.kind in KINDS or each.kind in ("entry", "assignment"):
                self._delete_part(page, each)
            elif each.kind == "message":
                self._delete_message(page, each)

    def _delete_part(self, page: _PageWrite, gone: DeletedItem) -> None:
        table = "entries" if gone.kind == "entry" else table_of(gone.kind)
        key = (page.source, gone.id)
        if gone.kind in ("entry", "assignment"):
            found = self._connection.execute(
                f"SELECT report FROM {table} WHERE source = ? AND id = ?",  # noqa: S608 - a constant
                key,
            ).fetchone()
            if found and found[0]:
                page.reports_of_parts.add(found[0])
                page.leads_changed.add(found[0])
        self._connection.execute(
            f"DELETE FROM {table} WHERE source = ? AND id = ? AND seq <= ?",  # noqa: S608 - a constant
            (*key, gone.seq),
        )

    def _delete_message(self, page: _PageWrite, gone: DeletedItem) -> None:
        for table, column in (("messages", "id"), ("read_marks", "message")):
            self._connection.execute(
                f"DELETE FROM {table} WHERE source = ? AND {column} = ?",  # noqa: S608 - constants
                (page.source, gone.id),
            )

    def _delete_report(self, page: _PageWrite, gone: DeletedItem) -> None:
        found = self._connection.execute(
            f"SELECT r.row, {_TEXTS} FROM reports r JOIN texts USING (row)"  # noqa: S608 - a constant
            " WHERE source = ? AND remote_id = ? AND seq <= ?",
            (page.source, gone.id, gone.seq),
        ).fetchone()
        if found is None:
            return
        row = found[0]
        if not self._bulk:
            self._remove_from_search([found])
        for table in ("reports", "texts"):
            self._connection.execute(f"DELETE FROM {table} WHERE row = ?", (row,))  # noqa: S608 - a constant
        for table in ("entries", "assignments"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE source = ? AND report = ?",  # noqa: S608 - a constant
                (page.source, gone.id),
            )
        page.touched_rows.add(row)

    # Search

    def _add_to_search(self, rows: list[_ReportRow]) -> None:
        self._connection.executemany(
            f"INSERT INTO fts (rowid, {_TEXTS}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - a constant
            [(r.row, *r.texts) for r in rows],
        )

    def _remove_from_search(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Rows as they are in `texts` now: an external-content index must be told what it held."""
        self._connection.executemany(
            f"INSERT INTO fts (fts, rowid, {_TEXTS}) VALUES ('delete', ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
            rows,
        )

    def _mark_search_stale(self) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('search_stale', '1')")

    def _mend_search(self) -> None:
        if self._connection.execute("SELECT 1 FROM meta WHERE key = 'search_stale'").fetchone():
            self._connection.execute("INSERT INTO fts (fts) VALUES ('rebuild')")
            self._connection.execute("DELETE FROM meta WHERE key = 'search_stale'")

    # Areas and cursors

    def _area_names(self, source: int) -> dict[str, str]:
        version = self._connection.execute(
            "SELECT count(*), coalesce(max(seq), 0) FROM areas WHERE source = ?", (source,)
        ).fetchone()
        known: tuple[object, dict[str, str]] | None = self._names.get(source)
        if known is None or known[0] != version:
            names = {
                code: decode(body, _Name).name
                for code, body in self._connection.execute("SELECT id, body FROM areas WHERE source = ?", (source,))
            }
            self._names[source] = known = (version, names)
        return known[1]

    def _rename_areas(self) -> bool:
        """Bring the area names beside the texts up to date; whether any changed."""
        changed = 0
        for (source,) in self._connection.execute("SELECT DISTINCT source FROM areas").fetchall():
            names = json.dumps(self._area_names(source))
            # The list is made a table first, which gets an index: else it would be read anew for each report.
            self._connection.execute(
                "WITH n (code, name) AS MATERIALIZED (SELECT key, value FROM json_each(?))"
                " UPDATE texts SET area_name = n.name FROM n, reports r"
                " WHERE texts.area = n.code AND r.row = texts.row AND r.source = ? AND texts.area_name <> n.name",
                (names, source),
            )
            changed += int(self._connection.execute("SELECT changes()").fetchone()[0])
        return changed > 0

    def _write_cursor(self, source: int, cursor: Cursor) -> None:
        as_of = cursor.as_of.isoformat() if cursor.as_of else None
        self._connection.execute(
            "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(source, cursor.epoch, cursor.seq, cursor.scope_version, as_of),
                *(cursor.snapshot_key, cursor.unread, " ".join(cursor.whole)),
            ),
        )


class _Name(msgspec.Struct):
    name: str


class _ReportRow(msgspec.Struct, frozen=True):
    """A report on its way into the tables."""

    row: int
    item: PageItem
    report: Report
    facts: bytes
    texts: tuple[str, str, str, str]


class _PageWrite:
    """One page sorted by kind, each object once with its highest seq, and what writing it touched."""

    def __init__(self, source: int) -> None:
        self.source = source
        self.gone: list[DeletedItem] = []
        self.touched_rows: set[int] = set()
        self.touched_kinds: set[str] = set()
        self.proved: list[str] = []
        self.reports_of_parts: set[str] = set()
        self.erased_rows: list[int] = []
        self.leads_changed: set[str] = set()
        self._items: dict[str, dict[str, PageItem]] = {}

    def add(self, item: PageItem) -> None:
        if item.kind == "gone":
            kind, _, remote_id = item.id.partition("/")
            if isinstance(item.data, dict):
                kind, remote_id = str(item.data.get("kind", kind)), str(item.data.get("id", remote_id))
            self.add_gone(DeletedItem(kind, remote_id, item.seq))
            return
        of_kind = self._items.setdefault(item.kind, {})
        before = of_kind.get(item.id)
        if before is None or before.seq <= item.seq:
            of_kind[item.id] = item

    def add_gone(self, gone: DeletedItem) -> None:
        self.gone.append(gone)

    def of(self, kind: str) -> list[PageItem]:
        return list(self._items.get(kind, {}).values())
