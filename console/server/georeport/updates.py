"""Updates of requests both ways, as FixMyStreet and open311-adapter speak of them (servicerequestupdates).

Out go our replies and the changes of status, never a note or a reason. In comes what a citizen adds to his report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from console.domain.decoding import decode
from console.domain.edit import Kind
from console.domain.report import Entry, Report
from console.domain.status import Status, is_open
from console.server import schema
from console.server.city import City
from console.server.edits import EditBody
from console.server.georeport.faults import Refused, not_found, not_given
from console.server.georeport.form import Form
from console.server.georeport.formats import Document, w3c
from console.server.georeport.post import media_urls
from console.server.georeport.query import SPAN, page, read_time, window
from console.server.records import Actor
from console.server.refusals import Invalid, KeyReused
from console.server.replies import public_reply

ROOT = "service_request_updates"
_DUPLICATE = "duplicate"
_WORDS: Mapping[str, str] = {
    Status.NEW: "open",
    Status.COORDINATION: "investigating",
    Status.ASSIGNED: "action_scheduled",
    Status.PROGRESS: "in_progress",
    Status.VALIDATION: "in_progress",
    Status.RETURNED: "open",
    Status.RESOLVED: "fixed",
    Status.CLOSED: "no_further_action",
}
"""Our statuses in the extended words."""

_AGAIN = frozenset({"reopen", "reopened"})
_TAKEN = _AGAIN | {
    "open",
    "investigating",
    "in_progress",
    "planned",
    "action_scheduled",
    "for_triage",
    "fixed",
    "closed",
    "duplicate",
    "not_councils_responsibility",
    "no_further_action",
    "internal_referral",
    "cancelled",
    "unchanged",
}
_SAID = frozenset({"fixed", "closed", "cancelled", "duplicate"})
"""Words of a reporter that an operator should read; the others only repeat what the other side shows."""

_LONGEST = 20_000
_BATCH = 500
_FARTHEST = 100_000


class _Told(msgspec.Struct, frozen=True):
    """A line of a history that citizens may know of, with the extended status after it."""

    entry: Entry
    report: str
    status: str


def updates(city: City, query: QueryParams) -> Document:
    """What citizens may know of the work since `start_date` until `end_date`, the oldest first."""
    now = city.clock()
    stretch = window(query, now, start="start_date", end="end_date", span=SPAN)
    assert stretch.start is not None
    part = page(query)
    if part.skip > _FARTHEST:
        raise Refused(f"page reaches beyond {_FARTHEST:,} updates; ask for a shorter time.")
    first, last = schema.micros(stretch.start), schema.micros(stretch.end or now + timedelta(seconds=1))
    with city.database.read() as connection:
        told = islice(_told(connection, first, last), part.skip, part.skip + part.size)
        content = [_as_update(each) for each in told]
    return Document(ROOT, content)


def add_update(city: City, form: Form, actor: Actor) -> Document:
    """Add what a citizen says to the report, once for each update_id; Refused (404) for an unknown report."""
    names = {name: form.one(name) for name in ("service_request_id", "status", "description")}
    key = form.one("update_id") or form.one("update_id_ext")
    word = names["status"].lower().replace(" ", "_")
    missing = [
        name
        for name, value in {"service_request_id": names["service_request_id"], "update_id": key}.items()
        if not value
    ]
    if not names["description"] and word not in _TAKEN:
        missing.append("description")
    if missing:
        raise not_given(*missing)
    if word and word not in _TAKEN:
        raise Refused(f"status has to be one of {', '.join(sorted(_TAKEN))}.")
    if len(names["description"]) > _LONGEST:
        raise Refused(f"description has at most {_LONGEST:,} characters.")
    report = _report(city, names["service_request_id"])
    digest = hashlib.sha256(msgspec.json.encode([actor.name, report.id, key])).hexdigest()
    edit = EditBody(f"open311:{digest}", Kind.NOTE, data={"text": _text(form, word)}, occurred_at=_when(form))
    try:
        key = _known(city, edit.id) or _apply(city, report, edit, actor, again=word in _AGAIN)
    except KeyReused:  # it came twice at once, with other words or when one of both had opened the work again
        if not (key := _known(city, edit.id) or ""):
            raise
    return Document(ROOT, [{"update_id": key}])


def _apply(city: City, report: Report, note: EditBody, actor: Actor, *, again: bool) -> str:
    """Open the work again where that is asked for and possible, else only note what was said; the entry's id."""
    main = _report(city, report.merged_into) if report.merged_into is not None else report
    if again and not is_open(main.status):
        reopening = msgspec.structs.replace(note, kind=Kind.REOPEN, data={"reason": note.data["text"]})
        try:
            return city.apply(reopening, report=main.id, actor=actor).answer.entry.id
        except Invalid:
            pass  # somebody opened it meanwhile
    return city.apply(note, report=report.id, actor=actor).answer.entry.id


def _report(city: City, key: str) -> Report:
    with city.database.read() as connection:
        body = connection.scalar(sa.select(schema.reports.c.body).where(schema.reports.c.id == key))
    if body is None:
        raise not_found("service_request_id", key)
    return decode(body, Report)


def _known(city: City, edit: str) -> str | None:
    with city.database.read() as connection:
        return connection.scalar(sa.select(schema.entries.c.id).where(schema.entries.c.edit == edit))


def _text(form: Form, word: str) -> str:
    lines = [form.one("description")]
    if word in _SAID or not lines[0]:
        lines.append(f"Status: {word.replace('_', ' ')}")
    lines += media_urls(form)
    return "\n".join(line for line in lines if line)


def _when(form: Form) -> Any:
    text = form.one("updated_datetime")
    return read_time("updated_datetime", text) if text else None


def _as_update(told: _Told) -> dict[str, Any]:
    entry = told.entry
    own = entry.report == told.report
    return {
        "update_id": entry.id if own else f"{entry.id}.{told.report}",
        "service_request_id": told.report,
        "status": told.status,
        "updated_datetime": w3c(entry.at),
        "description": public_reply(entry) if entry.kind == Kind.REPLY else "",
        "media_url": "",
    }


def _told(connection: sa.Connection, first: int, last: int) -> Iterator[_Told]:
    """What may be told of a stretch of time, in order, read in batches."""
    table = schema.entries
    place = sa.tuple_(table.c.at, table.c.seq)
    after = (first, -1)
    while True:
        query = (
            sa.select(table.c.at, table.c.seq, table.c.body)
            .where(table.c.at >= after[0], table.c.at <= last, place > sa.tuple_(*after), table.c.report.is_not(None))
            .order_by(table.c.at, table.c.seq)
            .limit(_BATCH)
        )
        rows = connection.execute(query).all()
        entries = [entry for row in rows if _counts(entry := decode(row[2], Entry))]
        yield from _with_status(connection, entries)
        if len(rows) < _BATCH:
            return
        after = (rows[-1][0], rows[-1][1])


def _counts(entry: Entry) -> bool:
    """Whether an entry is a reply that stands, or may have changed the status."""
    if entry.kind == Kind.REPLY:
        return entry.undone_by is None
    return entry.kind != "created" and "status" in entry.data


def _with_status(connection: sa.Connection, entries: Sequence[Entry]) -> Iterator[_Told]:
    """The entries that tell something, each with the status after it, and replies at the duplicates as well."""
    keys = sorted({entry.report for entry in entries if entry.report is not None})
    statuses = _statuses(connection, keys)
    duplicates = _duplicates(connection, sorted({entry.report or "" for entry in entries if entry.kind == Kind.REPLY}))
    for entry in entries:
        before, after = statuses.get(entry.id, ("open", "open"))
        if entry.report is None or (entry.kind != Kind.REPLY and before == after):
            continue
        yield _Told(entry, entry.report, after)
        if entry.kind == Kind.REPLY:
            for other in duplicates.get(entry.report, ()):
                yield _Told(entry, other, _DUPLICATE)


def _statuses(connection: sa.Connection, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Entry -> the extended status before and after it, from the whole histories of these reports."""
    table = schema.entries
    query = sa.select(table.c.body).where(table.c.report.in_(keys)).order_by(table.c.report, table.c.at, table.c.seq)
    found: dict[str, tuple[str, str]] = {}
    now: dict[str, str] = {}
    for body in connection.execute(query).scalars():
        entry = decode(body, Entry)
        before = now.get(entry.report or "", "open")
        after = _word_of(entry) or before
        found[entry.id] = before, after
        now[entry.report or ""] = after
    return found


def _word_of(entry: Entry) -> str | None:
    status = entry.data.get("status")
    if status == Status.CLOSED and (entry.kind == Kind.MERGE or entry.data.get("merged_into")):
        return _DUPLICATE
    return _WORDS.get(status) if isinstance(status, str) else None


def _duplicates(connection: sa.Connection, keys: Sequence[str]) -> dict[str, list[str]]:
    """Report -> the reports that are merged into it."""
    table = schema.reports
    query = sa.select(table.c.merged_into, table.c.id).where(table.c.merged_into.in_(keys)).order_by(table.c.id)
    found: dict[str, list[str]] = {}
    for main, other in connection.execute(query) if keys else ():
        found.setdefault(main, []).append(other)
    return found
