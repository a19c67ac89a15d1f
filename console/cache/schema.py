"""The tables of cache.db and their history."""

from __future__ import annotations

import math
import sqlite3
import struct
from datetime import datetime

import msgspec

from console.files.sqlite_file import Migrations, version_of

_FIRST_KINDS = ("unit", "area", "service", "template", "calendar", "agency", "user")
KINDS = (*_FIRST_KINDS, "closure", "alarm", "handover", "limit", "run_card")
"""Kinds kept whole, one table each (`units`, `areas` …): source, id, seq, body."""


cache_migrations = Migrations("cache")


def table_of(kind: str) -> str:
    """The table that keeps objects of `kind`."""
    return "agencies" if kind == "agency" else f"{kind}s"


@cache_migrations.step
def c001_reports(db: sqlite3.Connection) -> None:
    """Reports: keys and the board's packed facts apart from texts and bodies, so that a scan reads 100 bytes a row."""
    for statement in (
        """CREATE TABLE reports (
             row INTEGER PRIMARY KEY, source INTEGER NOT NULL, remote_id TEXT NOT NULL, seq INTEGER NOT NULL,
             created INTEGER NOT NULL, facts BLOB NOT NULL)""",
        "CREATE UNIQUE INDEX reports_key ON reports (source, remote_id)",
        """CREATE TABLE texts (
             row INTEGER PRIMARY KEY, title TEXT NOT NULL, description TEXT NOT NULL, address TEXT NOT NULL,
             area_name TEXT NOT NULL, area TEXT, body BLOB NOT NULL)""",
        """CREATE VIRTUAL TABLE fts USING fts5 (
             title, description, address, area_name, content='texts', content_rowid='row',
             tokenize='unicode61 remove_diacritics 2', prefix='2 3')""",
        """CREATE TABLE words (
             kind TEXT NOT NULL, id INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID""",
        "CREATE UNIQUE INDEX words_word ON words (kind, word)",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE cursors (
             source INTEGER PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL, scope_version INTEGER NOT NULL,
             as_of TEXT, snapshot_key TEXT)""",
        """CREATE TABLE gone (
             source INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
             PRIMARY KEY (source, kind, id)) WITHOUT ROWID""",
    ):
        db.execute(statement)


@cache_migrations.step
def c002_history(db: sqlite3.Connection) -> None:
    """Entries and assignments of reports, by the report's remote id; contacts in a table of their own."""
    for statement in (
        """CREATE TABLE entries (
             source INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, report TEXT, at INTEGER NOT NULL,
             edit TEXT, body BLOB NOT NULL, PRIMARY KEY (source, id))""",
        "CREATE INDEX entries_report ON entries (source, report, at)",
        "CREATE INDEX entries_edit ON entries (edit) WHERE edit IS NOT NULL",
        """CREATE TABLE assignments (
             source INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, report TEXT NOT NULL,
             unit TEXT NOT NULL, live INTEGER NOT NULL, created INTEGER NOT NULL, body BLOB NOT NULL,
             PRIMARY KEY (source, id))""",
        "CREATE INDEX assignments_report ON assignments (source, report, created)",
        "CREATE INDEX assignments_live ON assignments (live) WHERE live = 1",
        """CREATE TABLE contacts (
             source INTEGER NOT NULL, report TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (source, report))""",
    ):
        db.execute(statement)
    for kind in _FIRST_KINDS:
        _keep_whole(db, kind)


def _keep_whole(db: sqlite3.Connection, kind: str) -> None:
    db.execute(
        f"CREATE TABLE {table_of(kind)} (source INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,"
        " body BLOB NOT NULL, PRIMARY KEY (source, id))"
    )


@cache_migrations.step
def c003_no_contacts(db: sqlite3.Connection) -> None:
    """Reporters' contacts are asked for at the server each time; what an older cache holds of them is overwritten."""
    db.execute("PRAGMA secure_delete = ON")
    db.execute("DROP TABLE contacts")


@cache_migrations.step
def c004_words_of_sources(db: sqlite3.Connection) -> None:
    """A code belongs to its source; what an older cache of several sources numbered as one is filled anew."""
    (sources,) = db.execute("SELECT count(*) FROM words WHERE kind = 'source'").fetchone()
    db.execute("ALTER TABLE words RENAME TO words_before")
    db.execute("DROP INDEX words_word")
    db.execute(
        "CREATE TABLE words (kind TEXT NOT NULL, id INTEGER NOT NULL, source INTEGER NOT NULL, word TEXT NOT NULL,"
        " PRIMARY KEY (kind, id)) WITHOUT ROWID"
    )
    db.execute("CREATE UNIQUE INDEX words_word ON words (kind, source, word)")
    if sources <= 1:
        db.execute(
            "INSERT INTO words SELECT kind, id, CASE WHEN kind IN ('source', 'user') THEN 0 ELSE"
            " (SELECT id FROM words_before WHERE kind = 'source') END, word FROM words_before"
        )
    else:
        for table in ("reports", "texts", "entries", "assignments", "gone", "cursors", *map(table_of, _FIRST_KINDS)):
            db.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
        db.execute("INSERT INTO fts (fts) VALUES ('delete-all')")
    db.execute("DROP TABLE words_before")


@cache_migrations.step
def c005_taken_back(db: sqlite3.Connection) -> None:
    """What a server's record held before it was set back to an older state, and has not again."""
    db.execute(
        "CREATE TABLE taken_back (source INTEGER NOT NULL, edit TEXT NOT NULL, PRIMARY KEY (source, edit))"
        " WITHOUT ROWID"
    )


@cache_migrations.step
def c006_unread(db: sqlite3.Connection) -> None:
    """What could not be read of a source is known with how far it was read."""
    db.execute("ALTER TABLE cursors ADD COLUMN unread TEXT NOT NULL DEFAULT ''")


@cache_migrations.step
def c007_merged(db: sqlite3.Connection) -> None:
    """Reports that were merged into others are found without looking through all (the flag is the facts' 64th byte)."""
    db.execute("CREATE INDEX reports_merged ON reports (source, created) WHERE substr(facts, 64, 1) = x'01'")


@cache_migrations.step
def c008_whole(db: sqlite3.Connection) -> None:
    """Which kinds a first fill has brought whole, while it goes on."""
    db.execute("ALTER TABLE cursors ADD COLUMN whole TEXT NOT NULL DEFAULT ''")


@cache_migrations.step
def c009_hold_until(db: sqlite3.Connection) -> None:
    """When a hold ends by itself follows the other facts: eight bytes behind the 64th."""
    held = db.execute(
        "SELECT t.body, r.row FROM reports r JOIN texts t ON t.row = r.row WHERE substr(r.facts, 60, 1) <> x'00'"
    ).fetchall()
    db.execute("UPDATE reports SET facts = CAST(facts || zeroblob(8) AS BLOB)")
    for body, row in held:
        until = (msgspec.json.decode(body).get("hold") or {}).get("until")
        if until:
            packed = struct.pack("<q", max(1, math.ceil(datetime.fromisoformat(until).timestamp())))
            db.execute(
                "UPDATE reports SET facts = CAST(substr(facts, 1, 64) || ? AS BLOB) WHERE row = ?", (packed, row)
            )


@cache_migrations.step
def c010_taken_reports(db: sqlite3.Connection) -> None:
    """The open reports that a server had before it was set back to an older state, and has not again."""
    db.execute(
        "CREATE TABLE taken_reports (source INTEGER NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,"
        " read_to INTEGER NOT NULL, units TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (source, id)) WITHOUT ROWID"
    )


REFUSED_JOB = """live = 0 AND instr(body, '"state":"refused"') > 0"""
"""The assignments that their crews refused, as the index of them says it."""


@cache_migrations.step
def c011_refused(db: sqlite3.Connection) -> None:
    """What crews have refused lately is found without looking through all assignments."""
    db.execute(f"CREATE INDEX assignments_refused ON assignments (source, created) WHERE {REFUSED_JOB}")


@cache_migrations.step
def c012_closures(db: sqlite3.Connection) -> None:
    """Closed streets and flooded areas."""
    _keep_whole(db, "closure")


@cache_migrations.step
def c013_alarms(db: sqlite3.Connection) -> None:
    """What operators did about alarms."""
    _keep_whole(db, "alarm")


@cache_migrations.step
def c014_log(db: sqlite3.Connection) -> None:
    """The entries of all histories are found by their time, for the log of the control room."""
    db.execute("CREATE INDEX entries_at ON entries (at)")


MESSAGE_TABLES = ("messages", "read_marks", "message_cursors")
"""What is kept of messages, for one user of each source."""


@cache_migrations.step
def c015_messages(db: sqlite3.Connection) -> None:
    """Messages by their threads, who has read them, and for whom they were read from the server."""
    for statement in (
        """CREATE TABLE messages (
             source INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
             thread TEXT NOT NULL, to_you INTEGER NOT NULL, report TEXT, body BLOB NOT NULL,
             PRIMARY KEY (source, id))""",
        "CREATE INDEX messages_thread ON messages (source, thread, at)",
        "CREATE INDEX messages_report ON messages (source, report, at) WHERE report IS NOT NULL",
        """CREATE TABLE read_marks (
             source INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, message TEXT NOT NULL,
             who TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (source, id))""",
        "CREATE INDEX read_marks_message ON read_marks (source, message, who)",
        """CREATE TABLE message_cursors (
             source INTEGER PRIMARY KEY, user TEXT NOT NULL, epoch TEXT NOT NULL, scope_version INTEGER NOT NULL,
             seq INTEGER NOT NULL)""",
    ):
        db.execute(statement)


@cache_migrations.step
def c016_handovers(db: sqlite3.Connection) -> None:
    """Hand-overs, the newest of which are looked for."""
    _keep_whole(db, "handover")
    db.execute("CREATE INDEX handovers_seq ON handovers (source, seq)")


@cache_migrations.step
def c017_unread_messages(db: sqlite3.Connection) -> None:
    """What is unread is found without looking through all messages, and threads without their words."""
    db.execute("ALTER TABLE messages ADD COLUMN unread INTEGER NOT NULL DEFAULT 0")
    db.execute(
        "UPDATE messages SET unread = 1 WHERE to_you AND NOT EXISTS (SELECT 1 FROM read_marks k JOIN message_cursors c"
        " ON c.source = k.source WHERE k.source = messages.source AND k.message = messages.id AND k.who = c.user)"
    )
    db.execute("DROP INDEX messages_thread")
    db.execute("CREATE INDEX messages_thread ON messages (source, thread, at, unread)")
    db.execute("CREATE INDEX messages_unread ON messages (source, at) WHERE unread = 1")


@cache_migrations.step
def c018_limits(db: sqlite3.Connection) -> None:
    """The limits of cities."""
    _keep_whole(db, "limit")


@cache_migrations.step
def c019_run_cards(db: sqlite3.Connection) -> None:
    """The run cards of cities."""
    _keep_whole(db, "run_card")


@cache_migrations.step
def c020_moderation(db: sqlite3.Connection) -> None:
    """Whether the words of a report wait for an official follows the other facts: a byte behind the 72nd."""
    db.execute("UPDATE reports SET facts = CAST(facts || zeroblob(1) AS BLOB)")
    db.execute(
        "UPDATE reports SET facts = CAST(substr(facts, 1, 72) || x'01' AS BLOB) WHERE row IN"
        """ (SELECT row FROM texts WHERE instr(body, '"publication":"waiting"') > 0)"""
    )


CACHE_VERSION = version_of(cache_migrations)
