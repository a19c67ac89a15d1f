"""Erases what people said and showed in a report: on request, when the city keeps it no longer, after a restore.

What happened and when stays, with the place: statuses, categories, crews, times. Words and photos go, in the report,
its history, the messages and hand-overs that speak of it and the stored answers; on request also in closures, alarms
and lines of the log that name it (`mentions`). All that goes through the feed, so that consoles drop it too. `erasures`
lists what was erased on request: a backup that is older is restored without it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import ERASED, EditAnswer, Entry, Message, Report
from console.rules.edit import LEAVES, NO_EFFECT
from console.rules.report import HAZARD, is_erased
from console.rules.run_card import CARD
from console.rules.status import is_open
from console.server.city import audit, schema
from console.server.city.database import Database, holding
from console.server.city.edit_context import Before, write_version
from console.server.city.mentions import Mentions, erase_mentions, find_mentions, without_words
from console.server.city.records import SERVER, Actor
from console.server.city.rights import check_scope
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import Invalid, NotFound

REQUEST, RETENTION, RESTORE = "request", "retention", "restore"
"""Why a report is erased."""

_STAYS = frozenset(
    {"publication", "status", "priority", "service", "area", "agency", "hold", "place", "unit", "stack", "state",
     "to", "accepted", "merged_into", "into", "release", "role", "undoes", "channel", "of", "handover", LEAVES,
     NO_EFFECT, CARD}
)  # fmt: skip
"""What of an entry's data is no word of anybody's: codes, names of the staff, numbers of reports."""
_WORDS_BEFORE = frozenset({"title", "description", "address"})
_AT_ONCE = 20
"""Reports a transaction, when the city's time for them is over: an edit waits for those at most."""
_MOST_AN_HOUR = 2_000


class ErasureRecord(NamedTuple):
    """A line of the list of what was erased on request: the report, when it was created, and when it was erased, in
    microseconds since 1970.
    """

    report: str
    created: int
    at: int


def erase_report(database: Database, key: str, by: Actor, reason: str, now: datetime) -> Report:
    """Erase a report on request; the report as it is then. What is erased already is erased again where something was
    said of it elsewhere since. Raises NotFound, ForbiddenRefusal and Invalid.
    """
    with database.read() as connection:  # nobody's edit waits for that
        found = find_mentions(connection, key)
    is_mentioned = any(found)
    with database.write() as connection:
        unit_of_work = UnitOfWork(database, connection, now)
        found = found._replace(handovers=tuple({*found.handovers, *_handovers_of(connection, key)}))
        _lock_handovers(unit_of_work, found.handovers)
        report = unit_of_work.report(key)
        if report is None:
            raise NotFound(f"There is no report {key}.")
        check_scope(unit_of_work, by, report)
        if is_erased(report) and not is_mentioned:
            return report
        _check_needed_no_more(unit_of_work, report)
        report = _erase(database, unit_of_work, report, by, f"Erased: {reason}", REQUEST, found)
        listed = [ErasureRecord(report.id, schema.micros(report.created), schema.micros(unit_of_work.now))]
        keep_records(database, connection, listed)
        audit.append(connection, unit_of_work.now, _audited(by, report.id, REQUEST))
        # protects: who-erases-holds-nobody-up
        last = unit_of_work.settle()
    database.announce(last)
    return report


def erase_old(database: Database, before: datetime, now: datetime) -> int:
    """Erase the reports that were closed before a moment; returns how many. Several servers may do it at once."""
    erased = 0
    while erased < _MOST_AN_HOUR:
        with database.read() as connection:  # nobody's edit waits for that
            old = due(connection, before, _AT_ONCE)
        found, last = 0, 0
        if old:
            with database.write() as connection:
                found, last = _erase_these(database, connection, old, before, now)
        if not found:
            break
        database.announce(last, users=False)
        erased += found
    return erased


def due(connection: sa.Connection, before: datetime, most: int) -> list[str]:
    """The reports that were closed before a moment, and not erased since they were changed last; without those merged
    into one that is open, as a crew may be sent there by their words.
    """
    table = schema.reports
    query = sa.select(table.c.id).where(_is_due(before)).order_by(table.c.closed_at, table.c.id)
    return list(connection.scalars(query.limit(most)))


def count_due(connection: sa.Connection, before: datetime) -> int:
    """How many those are."""
    return connection.scalar(sa.select(sa.func.count()).select_from(schema.reports).where(_is_due(before))) or 0


def _is_due(before: datetime) -> sa.ColumnElement[bool]:
    main = schema.reports.alias("main")
    is_needed = sa.exists().where(main.c.id == schema.reports.c.merged_into, main.c.closed == 0)
    # protects: words-of-work-that-goes-on-stay
    return sa.and_(schema.reports.c.closed_at < schema.micros(before), schema.NOT_ERASED, ~is_needed)


def erase_again(database: Database, connection: sa.Connection, listed: Iterable[ErasureRecord], now: datetime) -> int:
    """Erase in this transaction, after a restore, what was erased on request before; returns how many reports.

    A report that has the number by now and was created at another time is another one, perhaps of another city whose
    backups lie beside.
    """
    actions = []
    records: dict[str, ErasureRecord] = {}
    # protects: the-list-of-another-city-hides-none
    for record in sorted({(one.report, one.created): one for one in listed}.values()):
        unit_of_work = UnitOfWork(database, connection, now)
        report = unit_of_work.report(record.report)
        if report is None:
            records.setdefault(record.report, record)
        if report is None or schema.micros(report.created) != record.created:
            continue
        records[record.report] = record
        if is_erased(report):
            continue
        found = find_mentions(connection, report.id)
        _erase(database, unit_of_work, report, SERVER, "Erased again after a restore", RESTORE, found)
        unit_of_work.settle()
        actions.append(_audited(SERVER, report.id, RESTORE))
    keep_records(database, connection, records.values())
    # What the backup brought back of photos was put there just now.
    connection.execute(sa.update(schema.removed_photos).values(at=_wall_clock()))
    if actions:
        audit.append(connection, now, *actions)
    return len(actions)


def read_records(connection: sa.Connection) -> list[ErasureRecord]:
    """The list of what was erased on request; empty in a database that is older than the list."""
    table = schema.erasures
    if not sa.inspect(connection).has_table(table.name):
        return []
    return [ErasureRecord(*row) for row in connection.execute(sa.select(table.c.report, table.c.created, table.c.at))]


def keep_records(database: Database, connection: sa.Connection, listed: Iterable[ErasureRecord]) -> None:
    """Enter reports into the list."""
    rows = [record._asdict() for record in listed]
    if rows:
        database.upsert(connection, schema.erasures, rows, keep=True)


def _audited(by: Actor, report: str, why: str) -> audit.AuditedAction:
    return audit.AuditedAction(by, audit.ERASE, report, detail={"why": why})


def _check_needed_no_more(unit_of_work: UnitOfWork, report: Report) -> None:
    """Raise Invalid for a report that somebody has to be found by its words."""
    main, seen = report, {report.id}
    while main.merged_into is not None and main.merged_into not in seen:
        seen.add(main.merged_into)
        main = unit_of_work.stored_report(main.merged_into) or main
    # protects: no-words-of-an-open-hazard-are-erased
    if main is not report and main.priority == HAZARD and is_open(main.status):
        raise Invalid(f"Report {report.id} is merged into {main.id}, an open P1: close that before it is erased.")
    if not is_open(report.status):
        return
    # protects: no-open-hazard-is-erased
    if report.priority == HAZARD:
        raise Invalid(f"Report {report.id} is an open P1: close it before it is erased.")
    if report.lat is None:
        raise Invalid(f"Report {report.id} is open, and only its words say where: close it before it is erased.")


def _erase_these(
    database: Database, connection: sa.Connection, keys: list[str], before: datetime, now: datetime
) -> tuple[int, int]:
    """Erase those of these reports that are due still; how many, and the last number."""
    unit_of_work = UnitOfWork(database, connection, now)
    handovers = {key: tuple(_handovers_of(connection, key)) for key in keys}
    _lock_handovers(unit_of_work, {one for each in handovers.values() for one in each})
    found = [report for key in sorted(keys) if (report := unit_of_work.report(key)) is not None]
    # Some may be opened again, or erased by another server, since they were read.
    old = [one for one in found if one.closed_at is not None and one.closed_at < before and not is_erased(one)]
    for report in old:
        named = Mentions(handovers=handovers[report.id])
        _erase(database, unit_of_work, report, SERVER, "Erased: its time was over", RETENTION, named)
    if not old:
        return 0, 0
    audit.append(connection, now, *(_audited(SERVER, report.id, RETENTION) for report in old))
    # protects: many-are-numbered-at-the-end
    return len(old), unit_of_work.settle()


def _lock_handovers(unit_of_work: UnitOfWork, handovers: Iterable[str]) -> None:
    """Lock these hand-overs, before any report: who signs one goes the same way."""
    for one in sorted(handovers):
        # protects: what-is-signed-meanwhile-stays-signed
        unit_of_work.handover(one)


def _erase(
    database: Database, unit_of_work: UnitOfWork, report: Report, by: Actor, words: str, why: str, found: Mentions
) -> Report:
    """Erase one report, and what else `found` speaks of it, in the transaction of `unit_of_work`, which is still to be
    settled; returns the report.

    All else is written here: from the first number on everybody's edits wait.
    """
    connection, key = unit_of_work.connection, report.id
    unit_of_work.go_on_after(report.updated)
    standard = frozenset(_standard_texts(connection))
    photos = {photo.sha256 for photo in report.photos if photo.sha256 is not None}
    apart = erase_mentions(unit_of_work, found, key, by.name)  # before the report, with which consoles read all anew
    entries = unit_of_work.entries(key)
    befores = dict(connection.execute(_BEFORES, {"report": key}).all())
    for entry in entries:
        sha256 = entry.data.get("sha256")
        photos |= {sha256} if isinstance(sha256, str) else set()
        after, kept = _stripped(entry, standard), befores.get(entry.id)
        bare = _stripped_before(kept)
        if after != entry or bare != kept:
            unit_of_work.put(after, **({} if bare == kept else {"before": bare}))
    bare_report = _bare(report, standard)
    erased = replace(bare_report, erased=max(unit_of_work.now, report.created))
    touched = [name for name in ("title", "description") if getattr(report, name) != getattr(erased, name)]
    touched += ["place"] if report.address != erased.address else []
    entry = Entry(str(uuid.uuid4()), key, ERASED, unit_of_work.now, by.name, text=words)
    before = msgspec.json.encode(Before(tuple(touched)))  # what rests on the words before meets a conflict
    erased = write_version(unit_of_work, report, erased, entry, touched=touched, columns={"before": before})
    messages = schema.messages.c
    for body in connection.scalars(sa.select(messages.body).where(messages.report == key)):
        if (message := decode(body, Message)).text:
            unit_of_work.put(replace(message, text=""))
    for table in (schema.contacts, schema.proof_photos):
        connection.execute(sa.delete(table).where(table.c.report == key))
    _strip_answers(connection, erased, [*entries, *apart], standard, everywhere=why != RETENTION)
    rows = [{"sha256": sha256, "at": _wall_clock()} for sha256 in sorted(photos)]
    if rows:
        database.upsert(connection, schema.removed_photos, rows)
    return erased


_BEFORES = sa.select(schema.entries.c.id, schema.entries.c.before).where(
    schema.entries.c.report == sa.bindparam("report"), schema.entries.c.before.is_not(None)
)


def _wall_clock() -> int:
    """The time as files have it, whatever clock the city goes by."""
    return int(time.time() * 1_000_000)


def _standard_texts(connection: sa.Connection) -> Iterable[str]:
    """The city's own standard texts, which are nobody's words."""
    for body in connection.scalars(sa.select(schema.templates.c.body)):
        yield decode(body, _TemplateWords).text
    for body in connection.scalars(sa.select(schema.run_cards.c.body)):
        yield from decode(body, _CardWords).steps


class _TemplateWords(msgspec.Struct):
    text: str = ""


class _CardWords(msgspec.Struct):
    steps: tuple[str, ...] = ()


def _bare(report: Report, standard: frozenset[str]) -> Report:
    """The report without anybody's words and photos."""
    hold = report.hold
    return replace(
        report,
        title="",
        description="",
        address="",
        attributes={},
        photos=(),
        remarks=(),
        disposition=report.disposition if report.disposition in standard else None,
        hold=replace(hold, reason=_told(hold.reason, standard)) if hold is not None else None,
    )


def _told(text: str, standard: frozenset[str]) -> str:
    return text if text in standard else ""


def _stripped(entry: Entry, standard: frozenset[str]) -> Entry:
    """The entry without anybody's words."""
    if entry.kind == ERASED:
        return entry
    if entry.report is None:
        return without_words(entry)
    data: dict[str, Any] = {}
    for name, value in entry.data.items():
        if name in _STAYS:
            data[name] = _stripped_value(name, value)
        elif value in standard if isinstance(value, str) else value is None:
            data[name] = value
    return replace(entry, text=_told(entry.text, standard), data=data)


def _stripped_value(name: str, value: Any) -> Any:
    if isinstance(value, dict) and name in ("place", "hold"):
        return {part: "" if part in ("address", "reason") else each for part, each in value.items()}
    return value


def _stripped_before(before: bytes | None) -> bytes | None:
    """What undo needs, without words: those are not put back."""
    if not before:
        return before
    known = decode(before, Before)
    values = {
        name: _stripped_value(name, value)
        for name, value in known.values.items()
        if name not in _WORDS_BEFORE and name != "disposition"
    }
    return before if values == known.values else msgspec.json.encode(replace(known, values=values))


def _handovers_of(connection: sa.Connection, report: str) -> list[str]:
    """The hand-overs that have a line of the report."""
    table, piece = schema.handovers, b'"report":' + msgspec.json.encode(report)
    return list(connection.scalars(sa.select(table.c.id).where(holding(connection, table.c.body, piece))))


def _strip_answers(
    connection: sa.Connection, report: Report, entries: list[Entry], standard: frozenset[str], *, everywhere: bool
) -> None:
    """Take the words out of the answers that are kept for edits that are sent again."""
    table, known = schema.answers, {entry.id: _stripped(entry, standard) for entry in entries}
    keys = [entry.edit for entry in entries if entry.edit is not None]
    is_of_it: sa.ColumnElement[bool] = table.c.key.in_(keys)
    if everywhere:  # one report may have been sent under several keys
        piece = b'"report":{"id":' + msgspec.json.encode(report.id)
        is_of_it = sa.or_(is_of_it, holding(connection, table.c.body, piece))
    for key, body in connection.execute(sa.select(table.c.key, table.c.body).where(is_of_it)).all():
        if not body:
            continue
        answer = decode(body, EditAnswer)
        entry = known.get(answer.entry.id, _stripped(answer.entry, standard))
        fresh = msgspec.json.encode(EditAnswer(report if answer.report is not None else None, entry, answer.seq))
        connection.execute(sa.update(table).where(table.c.key == key).values(body=fresh))
