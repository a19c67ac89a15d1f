"""The tables of a city's database, and how each kind of object becomes a row.

Whoever changes a table here adds a step to console/server/city/migrations (three lines there say how).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from api_client.model import (
    OBJECTS,
    Agency,
    AlarmRecord,
    ApiObject,
    Area,
    Assignment,
    Closure,
    Entry,
    Handover,
    Message,
    ReadMark,
    Report,
    Service,
    User,
)
from console.rules.status import ENDED_ASSIGNMENT, is_open

metadata = sa.MetaData()

NO_HASH = "0" * 64
"""Where the chain of the audit log's hashes begins."""
THE_HEAD = 1
"""The id of the only row of `audit_head`."""


def _numbered(name: str, *columns: sa.Column[Any] | sa.Index) -> sa.Table:
    """A table whose rows are objects of the feed: `seq` is the number of the last change, `body` the object's JSON."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        *columns,
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Index(f"{name}_seq", "seq"),
    )


reports = _numbered(
    "reports",
    sa.Column("closed", sa.SmallInteger, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),  # microseconds since 1970, as all times that are columns
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.BigInteger),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("service", sa.Text),
    sa.Column("area", sa.Text),
    sa.Column("lat", sa.Float),
    sa.Column("lon", sa.Float),
    sa.Column("merged_into", sa.Text),
    sa.Index("reports_page", "closed", "created", "id"),
    sa.Index("reports_created", "created", "id"),
    sa.Index("reports_updated", "updated"),
    sa.Index("reports_merged", "merged_into"),
)
reports.append_column(sa.Column("hold_until", sa.BigInteger))
"""When the hold of an open report ends by itself; None without one, and where it has no end."""
sa.Index(
    "reports_hold",
    reports.c.hold_until,
    sqlite_where=reports.c.hold_until.is_not(None),
    postgresql_where=reports.c.hold_until.is_not(None),
)
reports.append_column(sa.Column("erased", sa.BigInteger))
"""When its words and photos were erased."""
NOT_ERASED = sa.and_(
    reports.c.closed_at.is_not(None), sa.or_(reports.c.erased.is_(None), reports.c.erased < reports.c.updated)
)
"""Closed reports whose words and photos were not erased since they were changed last."""
sa.Index("reports_not_erased", reports.c.closed_at, sqlite_where=NOT_ERASED, postgresql_where=NOT_ERASED)
entries = _numbered(
    "entries",
    sa.Column("report", sa.Text),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("edit", sa.Text),
    sa.Column("version", sa.BigInteger),  # the report's version after this entry
    sa.Column("before", sa.LargeBinary),  # what undo needs, JSON of console.server.city.undo.Before
    sa.Index("entries_report", "report"),
    sa.Index("entries_at", "at", "seq"),
)
sa.Index("entries_edit", entries.c.edit, unique=True)
entries.append_column(sa.Column("device", sa.Text))
"""Where the edit was made, as its console says; no object of the feed tells it."""
entries.append_column(sa.Column("sealed", sa.BigInteger))
entries.append_column(sa.Column("seal", sa.Text))
"""The end of the audit log's chain as an edit found it, number and hash: each edit is a witness of what was there. None
for entries that were loaded, or made before the chain was closed by batch.
"""
assignments = _numbered(
    "assignments",
    sa.Column("report", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("live", sa.SmallInteger, nullable=False),
    sa.Index("assignments_report", "report"),
    sa.Index("assignments_unit", "unit", "live", "seq"),
)
units = _numbered("units")
closures = _numbered(
    "closures",
    sa.Column("until", sa.BigInteger),  # when it ends by itself; None once it has ended
    sa.Column("ended", sa.BigInteger),
    sa.Index("closures_until", "until"),
)
alarms = _numbered(
    "alarms",
    sa.Column("updated", sa.BigInteger, nullable=False),  # when somebody did something about it last
    sa.Index("alarms_updated", "updated"),
)
messages = _numbered(
    "messages",
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("report", sa.Text),  # that it is kept with
    sa.Index("messages_at", "at"),
)
messages.append_column(sa.Column("unit", sa.Text))
"""The unit that it is to, or whose crew wrote it; None where it is neither."""
sa.Index("messages_unit", messages.c.unit, messages.c.at)
read_marks = _numbered("read_marks", sa.Column("message", sa.Text, nullable=False, index=True))
handovers = _numbered(
    "handovers",
    sa.Column("shift_end", sa.BigInteger, nullable=False),
    sa.Index("handovers_shift_end", "shift_end"),
)
areas = _numbered("areas")
services = _numbered("services")
templates = _numbered("templates")
limits = _numbered("limits")
run_cards = _numbered("run_cards")
calendars = _numbered("calendars")
agencies = _numbered("agencies")
users = _numbered(
    "users",
    sa.Column("token_hash", sa.Text, unique=True),
    sa.Column("areas", sa.LargeBinary, nullable=False, default=b"[]"),
    sa.Column("agencies", sa.LargeBinary, nullable=False, default=b"[]"),
)
gone = _numbered("gone", sa.Column("at", sa.BigInteger, nullable=False))

TABLES: dict[str, sa.Table] = {
    "service": services,
    "agency": agencies,
    "calendar": calendars,
    "template": templates,
    "limit": limits,
    "run_card": run_cards,
    "user": users,
    "area": areas,
    "unit": units,
    "closure": closures,
    "alarm": alarms,
    "handover": handovers,
    "message": messages,
    "read_mark": read_marks,
    "report": reports,
    "assignment": assignments,
    "entry": entries,
    "gone": gone,
}
"""Kind of an object -> table, in the order of a first fill: the vocabulary, the reports, then their histories."""

PRIVATE = ("message", "read_mark")
"""Kinds that are in no feed and no first fill: each reader is given his own (`messages.messages_after`)."""
FEED = tuple(kind for kind in TABLES if kind not in PRIVATE)
"""The kinds of the feed, which everybody reads."""

KIND_OF: dict[type[ApiObject], str] = {kind: word for word, kind in OBJECTS.items()}

meta = sa.Table("meta", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text))
DOTTED_UNTIL = "update_ids_with_dots_until"
"""Key of the last moment whose replies are told to duplicates under a name with a dot; without it there is none."""
counters = sa.Table(
    "counters", metadata, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.BigInteger)
)
contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # the entry that brought it, or the report's id
    sa.Column("report", sa.Text, nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("phone_tail", sa.Text, index=True),  # the end of the telephone number, by which one caller's are found
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("via", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("object", sa.Text, index=True),
    sa.Column("edit", sa.Text),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("audit_what", "what", "edit"),
)
audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
audit_waiting = sa.Table(
    "audit_waiting",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # by which they are ordered
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("via", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("object", sa.Text),
    sa.Column("edit", sa.Text),
    sa.Column("detail", sa.Text, nullable=False),
)
"""Rows of the audit log that are not in its chain yet; each stays for a second."""
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
)
api_clients = sa.Table(
    "api_clients",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("key_hash", sa.Text, nullable=False, unique=True),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("may_post", sa.SmallInteger, nullable=False),
)
api_clients.append_column(sa.Column("rate", sa.Text))
"""How often it may send, as a rule of its own; None: as often as all."""
positions = sa.Table(
    "positions",
    metadata,
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("lat", sa.Float, nullable=False),
    sa.Column("lon", sa.Float, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
looking = sa.Table(
    "looking",
    metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("report", sa.Text),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False, server_default="0"),  # 0: not known
)

consoles = sa.Table(
    "consoles",
    metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("console", sa.Text, primary_key=True),  # a word of its own, "" where it does not say it
    sa.Column("at", sa.BigInteger, nullable=False),  # when it told last that the user is there
)

city_drafts = sa.Table(
    "city_drafts",
    metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("tab", sa.Text, primary_key=True),  # of a browser
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),  # when its page told last that it is open
)
"""Drafts of the city's set-up that are open at administration pages."""

photo_facts = sa.Table(
    "photo_facts",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("picture_hash", sa.LargeBinary, nullable=False),
    sa.Column("taken", sa.BigInteger),
    sa.Column("lat", sa.Float),
    sa.Column("lon", sa.Float),
)
"""What the files of photos say of themselves, and the perceptual hashes of their pictures."""
proof_photos = sa.Table(
    "proof_photos",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # the photo's SHA-256 and the report's id
    sa.Column("sha256", sa.Text, nullable=False, index=True),
    sa.Column("report", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),  # when it came to the report
    sa.Column("picture_hash", sa.LargeBinary),
    sa.Column("known", sa.BigInteger, index=True),  # when its hash came
)
"""The proofs that pictures are compared with, one for each report that has one."""

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("report", sa.Text, primary_key=True),
    sa.Column("created", sa.BigInteger, nullable=False),  # of the report: its number may be given out again
    sa.Column("at", sa.BigInteger, nullable=False),
)
"""What was erased on request: a backup that is older is restored without it."""
removed_photos = sa.Table(
    "removed_photos",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
)
"""Photos of erased reports, whose files go where no other report has them."""

pins = sa.Table(
    "pins",
    metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),  # wrong ones at others' desks since the last right one there
    sa.Column("wait_until", sa.BigInteger, nullable=False),  # 0: no wait
)

pin_tries = sa.Table(
    "pin_tries",
    metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("desk", sa.Text, primary_key=True),  # who is signed in there
    sa.Column("tries", sa.Integer, nullable=False),  # wrong ones since the last right one
    sa.Column("wait_until", sa.BigInteger, nullable=False),  # 0: no wait
)

_encode = msgspec.json.Encoder().encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """A time as whole microseconds since 1970, as the columns keep it."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(value: int) -> datetime:
    """The time of a column."""
    seconds, micro = divmod(value, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micro)


def create(connection: sa.Connection) -> None:
    """Make all tables of an empty database, and the row that is always there."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(sa.insert(audit_head).values(id=THE_HEAD, number=0, hash=NO_HASH))


def key_of(thing: ApiObject) -> str:
    """The id of an object within its kind."""
    if isinstance(thing, Area | Service | Agency):
        return thing.code
    if isinstance(thing, User):
        return thing.name
    return thing.id


def row_of(thing: ApiObject, seq: int) -> dict[str, Any]:
    """The row of an object, numbered `seq`."""
    if isinstance(thing, Entry):
        return {"seq": seq, **dict(zip(ENTRY_COLUMNS, entry_values(thing), strict=True))}
    if isinstance(thing, Report):
        return {"seq": seq, **dict(zip(REPORT_COLUMNS, report_values(thing), strict=True))}
    if isinstance(thing, Assignment):
        return {"seq": seq, **dict(zip(ASSIGNMENT_COLUMNS, assignment_values(thing), strict=True))}
    row: dict[str, Any] = {"id": key_of(thing), "seq": seq, "body": _encode(thing)}
    if isinstance(thing, Closure):
        until = thing.until if thing.ended is None else None
        row |= {
            "until": micros(until) if until is not None else None,
            "ended": micros(thing.ended) if thing.ended is not None else None,
        }
    elif isinstance(thing, AlarmRecord):
        row |= {"updated": micros(thing.updated)}
    elif isinstance(thing, Handover):
        row |= {"shift_end": micros(thing.shift_end)}
    elif isinstance(thing, Message):
        row |= {"at": micros(thing.at), "report": thing.report, "unit": thing.to.unit or thing.unit}
    elif isinstance(thing, ReadMark):
        row |= {"message": thing.message}
    return row


REPORT_COLUMNS = (
    "id",
    "body",
    "closed",
    "created",
    "updated",
    "closed_at",
    "status",
    "service",
    "area",
    "lat",
    "lon",
    "merged_into",
    "hold_until",
    "erased",
)


def report_values(report: Report) -> tuple[Any, ...]:
    """What stands in REPORT_COLUMNS."""
    return (
        report.id,
        _encode(report),
        0 if is_open(report.status) else 1,
        micros(report.created),
        micros(report.updated),
        micros(report.closed_at) if report.closed_at else None,
        report.status.value,
        report.service,
        report.area,
        report.lat,
        report.lon,
        report.merged_into,
        _hold_until(report) if report.hold is not None else None,
        micros(report.erased) if report.erased is not None else None,
    )


ENTRY_COLUMNS = ("id", "body", "report", "at", "edit")


def entry_values(entry: Entry) -> tuple[Any, ...]:
    """What stands in ENTRY_COLUMNS."""
    return entry.id, _encode(entry), entry.report, micros(entry.at), entry.edit


ASSIGNMENT_COLUMNS = ("id", "body", "report", "unit", "live")


def assignment_values(assignment: Assignment) -> tuple[Any, ...]:
    """What stands in ASSIGNMENT_COLUMNS."""
    live = int(assignment.state not in ENDED_ASSIGNMENT)
    return assignment.id, _encode(assignment), assignment.report, assignment.unit, live


def _hold_until(report: Report) -> int | None:
    hold = report.hold if is_open(report.status) else None
    return micros(hold.until) if hold is not None and hold.until is not None else None
