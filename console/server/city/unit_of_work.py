"""The objects that one writing transaction reads for change and writes; all are numbered together at its end."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import (
    Agency,
    AlarmRecord,
    ApiObject,
    Area,
    Assignment,
    Calendar,
    Closure,
    Entry,
    Handover,
    Limit,
    Message,
    ReadMark,
    Report,
    Service,
    Unit,
)
from console.rules.status import ENDED_ASSIGNMENT
from console.server.city import audit, schema
from console.server.city.database import FLOOR, PRESENT, Database, floor_of, next_numbers, version_floor, writing
from console.server.city.last_message import StoredAnswer, end_at_once, keep_answer
from console.server.city.schema import KIND_OF, TABLES

_SET_BACK = timedelta(hours=25)

T = TypeVar(
    "T",
    Report,
    Entry,
    Assignment,
    Unit,
    Area,
    Service,
    Calendar,
    Agency,
    Closure,
    AlarmRecord,
    Handover,
    Limit,
    Message,
    ReadMark,
)


@functools.cache
def _one_of(kind: str, lock: bool) -> sa.Select[Any]:
    """The body of the object with the id `:id`."""
    table = TABLES[kind]
    query = sa.select(table.c.body).where(table.c.id == sa.bindparam("id"))
    return query.with_for_update() if lock else query


REPORT_AND_MORE = (
    sa.select(
        schema.reports.c.body.label("report"),
        schema.services.c.body.label("service"),
        PRESENT.label("present"),
        FLOOR.label("floor"),
    )
    .select_from(schema.reports.outerjoin(schema.services, schema.services.c.id == schema.reports.c.service))
    .where(schema.reports.c.id == sa.bindparam("id"))
    .with_for_update(of=schema.reports)
)
"""What every edit of a report, `:id`, asks for, and locks: each further question would wake PostgreSQL and then us."""
_POSITION = sa.select(schema.positions.c.lat, schema.positions.c.lon, schema.positions.c.at).where(
    schema.positions.c.unit == sa.bindparam("unit")
)
_ENTRIES = (
    sa.select(schema.entries.c.body)
    .where(schema.entries.c.report == sa.bindparam("report"))
    .order_by(
        schema.entries.c.version.is_not(None), schema.entries.c.version, schema.entries.c.at, schema.entries.c.seq
    )
)
_ASSIGNMENTS = sa.select(schema.assignments.c.body).where(schema.assignments.c.report == sa.bindparam("report"))
_JOBS = sa.select(schema.assignments.c.body).where(
    schema.assignments.c.unit == sa.bindparam("unit"), schema.assignments.c.live == 1
)

_MERGED = (
    sa.select(schema.reports.c.id, schema.reports.c.created)
    .where(schema.reports.c.merged_into == sa.bindparam("report"))
    .cte("merged", recursive=True)
)
_MERGED = _MERGED.union(
    sa.select(schema.reports.c.id, schema.reports.c.created).join(_MERGED, schema.reports.c.merged_into == _MERGED.c.id)
)
_ALL_MERGED = sa.select(_MERGED.c.id, _MERGED.c.created)


class UnitOfWork:
    """The objects of one transaction: read once, kept in memory as changed, written by `settle`.

    Reports and units are read under a row lock (PostgreSQL), always reports before units, so that two transactions
    never wait for each other.
    """

    def __init__(self, database: Database, connection: sa.Connection, now: datetime) -> None:
        self.now = now
        self.connection = connection
        self._database = database
        self._kept: dict[tuple[str, str], ApiObject | None] = {}
        self._changed: dict[tuple[str, str], tuple[ApiObject, dict[str, Any]]] = {}
        self._floor: int | None = None
        """See `version_floor`; None while the counter was not compared with what this process has seen of it."""

    def go_on_after(self, last: datetime) -> None:
        """Move this transaction's time behind `last`, the latest time in the report's history, if the clock was set
        back since.

        The order of times decides to which round of work an entry belongs and who delivered the proof. A `last` that is
        more than `_SET_BACK` ahead comes from a loaded file and is ignored.
        """
        if timedelta(0) <= last - self.now <= _SET_BACK:
            self.now = last + timedelta(microseconds=1)

    def report(self, key: str) -> Report | None:
        """A report, locked until the end of the transaction."""
        return self._one(Report, key, lock=True)

    def read_ahead(self, report: str) -> None:
        """Read, and lock, a report that will be asked for, with what is needed to change it."""
        if ("report", report) in self._kept:
            return
        self.take(report, self.connection.execute(REPORT_AND_MORE, {"id": report}).first())

    def take(self, report: str, row: Sequence[Any] | None) -> None:
        """Take over what was read by REPORT_AND_MORE; None, or empty, where there is no such report."""
        if row is None or row[0] is None:
            self._kept["report", report] = None
            return
        self._kept["report", report] = decode(row[0], Report)
        if row[1] is not None:  # none stands there where we waited for who gave it another service
            service = decode(row[1], Service)
            self._kept["service", service.code] = service
        self._floor = floor_of(self.connection, row[2] or 0, row[3] or 0)

    def stored_report(self, key: str) -> Report | None:
        """A report as it is stored, read without a lock: for what is only looked at."""
        body = self.connection.scalar(_one_of("report", False), {"id": key})
        return decode(body, Report) if body is not None else None

    def merged(self, report: str) -> dict[str, datetime]:
        """Id -> creation time of the reports merged into this one, directly or through others.

        As the transaction found them, without what it merges itself.
        """
        rows = self.connection.execute(_ALL_MERGED, {"report": report})
        return {key: schema.moment(created) for key, created in rows}

    def unit(self, key: str) -> Unit | None:
        """A unit, locked until the end of the transaction; with its last known position."""
        unit = self._one(Unit, key, lock=True)
        if unit is None:
            return None
        place = self.connection.execute(_POSITION, {"unit": key}).first()
        if place is None:
            return unit
        return msgspec.structs.replace(unit, lat=place[0], lon=place[1], position_at=schema.moment(place[2]))

    def closure(self, key: str) -> Closure | None:
        """A closed street or flooded area, locked until the end of the transaction."""
        return self._one(Closure, key, lock=True)

    def alarm(self, key: str) -> AlarmRecord | None:
        """What operators did about an alarm, locked until the end of the transaction."""
        return self._one(AlarmRecord, key, lock=True)

    def message(self, key: str) -> Message | None:
        """A message; nobody changes one."""
        return self._one(Message, key)

    def handover(self, key: str, *, lock: bool = True) -> Handover | None:
        """A hand-over; with `lock` it is locked until the end of the transaction."""
        return self._one(Handover, key, lock=lock)

    def limit(self, key: str) -> Limit | None:
        """A limit, locked until the end of the transaction."""
        return self._one(Limit, key, lock=True)

    def service(self, key: str | None) -> Service | None:
        """A service by its code."""
        return self._one(Service, key) if key is not None else None

    def area(self, key: str) -> Area | None:
        """An area by its code."""
        return self._one(Area, key)

    def calendar(self, key: str | None) -> Calendar | None:
        """A calendar by its id."""
        return self._one(Calendar, key) if key is not None else None

    def agency(self, key: str) -> Agency | None:
        """An agency by its code."""
        return self._one(Agency, key)

    def has(self, kind: str, key: str) -> bool:
        """Whether there is such an object."""
        table = TABLES[kind]
        return self.connection.scalar(sa.select(table.c.seq).where(table.c.id == key)) is not None

    def entries(self, report: str) -> list[Entry]:
        """The history of a report, the oldest first, with what this transaction added.

        The versions tell what came first, as the clock may have gone ahead for a while; what was loaded has none.
        """
        rows = self.connection.execute(_ENTRIES, {"report": report})
        stored = [decode(body, Entry) for (body,) in rows]
        return self._with_kept(stored, Entry, lambda entry: entry.report == report)

    def assignments(self, report: str) -> list[Assignment]:
        """All assignments of a report, the oldest first."""
        rows = self.connection.execute(_ASSIGNMENTS, {"report": report})
        stored = [decode(body, Assignment) for (body,) in rows]
        found = self._with_kept(stored, Assignment, lambda one: one.report == report)
        return sorted(found, key=lambda one: (one.created, one.id))

    def jobs_of(self, unit: str) -> list[Assignment]:
        """The live assignments of a unit, on whichever report."""
        rows = self.connection.execute(_JOBS, {"unit": unit})
        stored = [decode(body, Assignment) for (body,) in rows]
        found = self._with_kept(stored, Assignment, lambda one: one.unit == unit)
        return [one for one in found if one.state not in ENDED_ASSIGNMENT]

    def put(self, thing: ApiObject, **columns: Any) -> None:
        """Keep a new or changed object; `columns` go beside it into its row."""
        place = (KIND_OF[type(thing)], schema.key_of(thing))
        self._kept[place] = thing
        before = self._changed[place][1] if place in self._changed else {}
        self._changed[place] = thing, before | columns

    def keep_proof(self, report: str, sha256: str, picture_hash: bytes | None) -> None:
        """Remember a proof for those that come after it; its hash is None while its bytes have not come."""
        at = schema.micros(self.now)
        row = {"id": f"{sha256}/{report}", "sha256": sha256, "report": report, "at": at, "picture_hash": picture_hash,
               "known": at if picture_hash is not None else None}  # fmt: skip
        self._database.upsert(self.connection, schema.proof_photos, [row], keep=True)

    def next_report_number(self) -> int:
        """A number for a new report; on PostgreSQL it is lost if this transaction is."""
        return self._database.next_report_number(self.connection)

    def next_version(self, before: Report) -> int:
        """The version that a report has after this transaction."""
        return max(before.version, self._lowest()) + 1

    def _lowest(self) -> int:
        if self._floor is None:
            self._floor = version_floor(self.connection)
        return self._floor

    def settle(self) -> int:
        """Number and write everything that changed; returns the last number, the present one when nothing did.

        Nothing numbered is written before the counter row is locked: who follows the feed sees the numbers in the
        order of the commits, and none comes late.
        """
        rows = self._rows()
        last = next_numbers(self.connection, len(rows))
        is_sqlite = self._database.is_sqlite
        for seq, (kind, row) in enumerate(rows, last - len(rows) + 1):
            row["seq"] = seq
            self.connection.execute(writing(is_sqlite, TABLES[kind], tuple(row)), row)
        return last

    def end(self, answer: StoredAnswer, actions: Sequence[audit.AuditedAction]) -> int:
        """The same with the answer to the edit and what the audit log holds of it, as the last of the transaction,
        which is over then on PostgreSQL.
        """
        if self._database.is_sqlite:
            audit.append(self.connection, self.now, *actions)
            last = self.settle()
            keep_answer(self.connection, answer, last)
            return last
        self._lowest()
        # protects: the-counter-is-held-for-one-message
        return end_at_once(self.connection, audit.waiting_rows(self.now, actions), self._rows(), answer)

    def _rows(self) -> list[tuple[str, dict[str, Any]]]:
        rows = [(kind, schema.row_of(thing, 0) | columns) for (kind, _), (thing, columns) in self._changed.items()]
        for _, row in rows:
            del row["seq"]
        self._changed.clear()
        return rows

    def _one(self, kind: type[T], key: str, *, lock: bool = False) -> T | None:
        place = (KIND_OF[kind], key)
        if place not in self._kept:
            body = self.connection.scalar(_one_of(place[0], lock), {"id": key})
            self._kept[place] = decode(body, kind) if body is not None else None
        found = self._kept[place]
        return found if isinstance(found, kind) else None

    def _with_kept(self, stored: Iterable[T], kind: type[T], wanted: Any) -> list[T]:
        """Stored objects as this transaction has changed them, and those it made."""
        word = KIND_OF[kind]
        merged = {schema.key_of(thing): thing for thing in stored}
        for (each, key), thing in self._kept.items():
            if each == word and isinstance(thing, kind) and (key in merged or wanted(thing)):
                merged[key] = thing
        for key, thing in merged.items():
            self._kept.setdefault((word, key), thing)
        return list(merged.values())
