"""Updates of requests both ways, as FixMyStreet and open311-adapter speak of them (servicerequestupdates).

Out go our replies and the changes of status, never a note or a reason. In comes what a citizen adds to his report.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from api_client.decoding import decode
from api_client.model import EditBody, Entry, Kind, Report, Status
from console.rules.rights import CITIZEN
from console.rules.status import is_open
from console.server.city import schema
from console.server.city.city import City
from console.server.city.confidential import confidential_services, hidden_reports
from console.server.city.database import holding
from console.server.city.meta import meta_value
from console.server.city.public_replies import public_reply
from console.server.city.records import Actor
from console.server.errors import Invalid, KeyReused
from console.server.georeport.faults import GeoReportRefusal, not_found, not_given
from console.server.georeport.formats import GeoReportDocument, w3c
from console.server.georeport.post import media_urls
from console.server.georeport.query import MOST, SPAN, page, place, read_time, window
from console.server.http.posted_form import PostedForm

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
_OPEN = "open"
"""What FixMyStreet says of every report that is open there: also of one that its reporter has opened again, or whose
end it has not heard of yet.
"""
_TAKEN = _AGAIN | {
    _OPEN,
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
_A_REPLY, _A_STATUS, _A_MERGE = b'"kind":"reply"', b'"status":', b'"kind":"merge"'
_MOST_READ = 3_000
"""Lines of histories that one answer may decode."""
_MOST_READ_NEWEST = 10_000
"""As many for who asks for no page: that one has no other way to what is new."""
_MOST_GONE_THROUGH = 200_000
"""Updates: a line is told once for each duplicate."""
_FARTHEST = 2_000
"""An update that is told is one line of those at most, and not each is told: farther pages could hardly be had."""
_TOO_MANY = (
    "So many changes cannot be looked through at once. Ask for a shorter time (end_date), for fewer in a page "
    "(page_size), or follow the Link of each page."
)
_MOST_DIGITS = 18
_IDENTIFIER = re.compile(r"[A-Za-z0-9_/-]{1,200}")
"""What open311-adapter takes for an identifier; where it finds another one it refuses the whole answer."""


class _Told(msgspec.Struct, frozen=True):
    """A line of a history that citizens may know of, with its number and the extended status after it."""

    entry: Entry
    seq: int
    report: str
    status: str


class _Place(msgspec.Struct, frozen=True):
    """Where an update stands: time and number of its entry, and the report that it is told of."""

    at: int
    seq: int
    report: str


def updates(city: City, query: QueryParams) -> GeoReportDocument:
    """What citizens may know of the work since `start_date` until `end_date`, the oldest first.

    Of very many who asks for pages, or for all since a time, gets the first ones, and goes on from there; everybody
    else gets the newest, and where the oldest are. Raises GeoReportRefusal when very many lines of histories would have
    to be gone through for it: never a page that lacks some.
    """
    now = city.clock()
    stretch = window(query, now, start="start_date", end="end_date", span=SPAN)
    assert stretch.start is not None
    part = page(query)
    first, last = schema.micros(stretch.start), schema.micros(stretch.end or now + timedelta(seconds=1))
    # protects: far-pages-are-refused-first
    if part.skip + part.size > _FARTHEST:
        raise GeoReportRefusal(_TOO_MANY)
    after = _read_place(part.after) if part.after is not None else None
    goes_on = any(query.get(name) for name in ("page", "page_size", "after"))
    goes_on = goes_on or bool(query.get("start_date") and not query.get("end_date"))
    with city.database.read() as connection:
        named = _Names(connection)
        # protects: newest-updates-are-reached
        if not goes_on:
            lines, are_all = _newest(connection, first, last)
            return GeoReportDocument(ROOT, [_as_update(each, named) for each in lines], begins_before=not are_all)
        lines = list(islice(_told(connection, first, last, after), part.skip, part.skip + part.size))
    following = _place_of(lines[-1]) if len(lines) == part.size else ""
    return GeoReportDocument(ROOT, [_as_update(each, named) for each in lines], following=following)


def add_update(city: City, form: PostedForm, actor: Actor) -> GeoReportDocument:
    """Add what a citizen says to the report, once for each update_id and what is said under it; GeoReportRefusal (404)
    for an unknown report.

    Nobody tells strangers apart, of whom each may count from 1, and a text that was changed before it came again is not
    the one that is known.
    """
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
        raise GeoReportRefusal(f"status has to be one of {', '.join(sorted(_TAKEN))}.")
    if len(names["description"]) > _LONGEST:
        raise GeoReportRefusal(f"description has at most {_LONGEST:,} characters.")
    report = _report(city, names["service_request_id"])
    # protects: no-update-finds-what-is-confidential
    if report.service in city.confidential_services() and not _has_sent(city, actor, report):
        raise not_found("service_request_id", report.id)
    # protects: other-words-are-another-update
    said = names["description"] or word
    digest = hashlib.sha256(msgspec.json.encode([actor.name, report.id, key, said])).hexdigest()
    edit = EditBody(f"open311:{digest}", Kind.NOTE, data={"text": _text(form, word)}, occurred_at=_when(form))
    try:
        key = _known(city, edit.id) or _apply(city, report, edit, actor, word)
    except KeyReused:  # it came twice at once, with other words or when one of both had opened the work again
        if not (key := _known(city, edit.id) or ""):
            raise
    return GeoReportDocument(ROOT, [{"update_id": key}])


def _apply(city: City, report: Report, note: EditBody, actor: Actor, word: str) -> str:
    """Open the work again where that is asked for and possible, else only note what was said; the entry's id."""
    main = _report(city, report.merged_into) if report.merged_into is not None else report
    # protects: open-again-is-not-lost
    again = word in _AGAIN or (word == _OPEN and _is_later(note.occurred_at, report, main))
    if again and not is_open(main.status):
        reopening = msgspec.structs.replace(note, kind=Kind.REOPEN, data={"reason": note.data["text"]})
        try:
            return city.apply(reopening, report=main.id, actor=actor).answer.entry.id
        except Invalid:
            pass  # somebody opened it meanwhile
    return city.apply(note, report=report.id, actor=actor).answer.entry.id


def _is_later(said: datetime | None, *reports: Report) -> bool:
    """Whether it was said after the end of the work: what was said before it only came late."""
    return said is None or all(report.closed_at is None or said >= report.closed_at for report in reports)


def _report(city: City, key: str) -> Report:
    with city.database.read() as connection:
        body = connection.scalar(sa.select(schema.reports.c.body).where(schema.reports.c.id == key))
    if body is None:
        raise not_found("service_request_id", key)
    return decode(body, Report)


def _has_sent(city: City, actor: Actor, report: Report) -> bool:
    """Whether the report came from this program: that of an unknown citizen is nobody's."""
    if actor.name == CITIZEN:
        return False
    return any(entry.kind == "created" and entry.author == actor.name for entry in city.entries(report.id))


def _known(city: City, edit: str) -> str | None:
    with city.database.read() as connection:
        return connection.scalar(sa.select(schema.entries.c.id).where(schema.entries.c.edit == edit))


def _text(form: PostedForm, word: str) -> str:
    lines = [form.one("description")]
    if word in _SAID or not lines[0]:
        lines.append(f"Status: {word.replace('_', ' ')}")
    lines += media_urls(form)
    return "\n".join(line for line in lines if line)


def _when(form: PostedForm) -> Any:
    text = form.one("updated_datetime")
    return read_time("updated_datetime", text) if text else None


class _Names:
    """How updates are called: without a dot, and those that were called otherwise once keep that name, by which those
    who fetched them know them.
    """

    def __init__(self, connection: sa.Connection) -> None:
        until = meta_value(connection, schema.DOTTED_UNTIL)
        self._dotted_until = int(until) if until else None

    def of(self, update: _Told) -> str:
        """The update_id."""
        entry = update.entry
        own = entry.report == update.report
        # protects: fetched-updates-keep-their-names
        if self._dotted_until is not None and schema.micros(entry.at) <= self._dotted_until:
            return entry.id if own else f"{entry.id}.{update.report}"
        name = entry.id if own else f"{entry.id}-{update.report}"
        # protects: updates-have-names-that-are-taken
        return name if _IDENTIFIER.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()[:40]


def _as_update(update: _Told, named: _Names) -> dict[str, Any]:
    entry = update.entry
    return {
        "update_id": named.of(update),
        "service_request_id": update.report,
        "status": update.status,
        "updated_datetime": w3c(entry.at),
        "description": public_reply(entry) if entry.kind == Kind.REPLY else "",
        "media_url": "",
    }


def _place_of(update: _Told) -> str:
    return place(schema.micros(update.entry.at), f"{update.seq}-{update.report}")


def _read_place(after: tuple[int, str]) -> _Place:
    seq, _, report = after[1].partition("-")
    if not seq.isascii() or not seq.isdigit() or len(seq) > _MOST_DIGITS:
        raise GeoReportRefusal("after is not one that this server gave.")
    return _Place(after[0], int(seq), report)


def _newest(connection: sa.Connection, first: int, last: int) -> tuple[list[_Told], bool]:
    """The newest of what may be told of a stretch of time, in order, and whether that is all of it."""
    table = schema.entries
    query = sa.select(table.c.at, table.c.seq).where(table.c.at >= first, table.c.at <= last, _may_tell(connection))
    query = query.order_by(table.c.at.desc(), table.c.seq.desc()).offset(MOST).limit(1)
    earlier = connection.execute(query).first()
    after = _Place(earlier.at, earlier.seq, "") if earlier is not None else None
    lines: deque[_Told] = deque(maxlen=MOST)
    count = 0
    for count, each in enumerate(_told(connection, first, last, after, _MOST_READ_NEWEST), start=1):
        lines.append(each)
        if count > _MOST_GONE_THROUGH:
            raise GeoReportRefusal(_TOO_MANY)
    return list(lines), earlier is None and count <= MOST


def _told(
    connection: sa.Connection, first: int, last: int, after: _Place | None, most_read: int = _MOST_READ
) -> Iterator[_Told]:
    """What may be told of a stretch of time, beyond a place in it, in order, read in batches."""
    table = schema.entries
    line = sa.tuple_(table.c.at, table.c.seq)
    statuses, confidential = _Statuses(connection, most_read), confidential_services(connection)
    since = line >= sa.tuple_(after.at, after.seq) if after is not None else table.c.at >= first
    while True:
        query = (
            sa.select(table.c.at, table.c.seq, table.c.body)
            .where(since, table.c.at >= first, table.c.at <= last, _may_tell(connection))
            .order_by(table.c.at, table.c.seq)
            .limit(_BATCH)
        )
        rows = connection.execute(query).all()
        told = list(statuses.follow([(seq, decode(body, Entry)) for _, seq, body in rows]))
        named = {key for update in told for key in (update.report, update.entry.report) if key is not None}
        hidden = hidden_reports(connection, named, confidential)
        for update in told:
            # protects: updates-tell-nothing-confidential
            if update.report in hidden or update.entry.report in hidden:
                continue
            if after is None or update.seq != after.seq:
                yield update
            elif update.report == after.report:  # the last one that the asker has
                after = None
        if len(rows) < _BATCH:
            return
        since = line > sa.tuple_(rows[-1][0], rows[-1][1])


def _may_tell(connection: sa.Connection) -> sa.ColumnElement[bool]:
    """Lines that are replies or bear a status, and few others: the rest is not decoded."""
    table = schema.entries
    pieces = [holding(connection, table.c.body, piece) for piece in (_A_REPLY, _A_STATUS)]
    return sa.and_(table.c.report.is_not(None), sa.or_(*pieces))


def _counts(entry: Entry) -> bool:
    """Whether an entry is a reply that stands, or may have changed the status."""
    if entry.kind == Kind.REPLY:
        return entry.undone_by is None
    return entry.kind != "created" and "status" in entry.data


class _Statuses:
    """Goes through lines in their order and knows the extended status of each report before and after each.

    GeoReportRefusal is raised when it would have to go through very many.
    """

    def __init__(self, connection: sa.Connection, most_read: int) -> None:
        self._connection = connection
        self._now: dict[str, str] = {}
        self._left = most_read

    def follow(self, lines: Sequence[tuple[int, Entry]]) -> Iterator[_Told]:
        """What the next lines tell, and replies at the duplicates as well."""
        self._spend(len(lines))
        replied = sorted({entry.report or "" for _, entry in lines if entry.kind == Kind.REPLY})
        duplicates = _duplicates(self._connection, replied)
        merged = self._merged_later(lines, sorted(one for found in duplicates.values() for one in found))
        self._begin(lines, merged)
        for seq, entry in lines:
            report = entry.report or ""
            before = self._now.get(report, "open")
            after = self._now[report] = _word_of(entry) or before
            if not _counts(entry) or (entry.kind != Kind.REPLY and before == after):
                continue
            yield _Told(entry, seq, report, after)
            if entry.kind == Kind.REPLY:
                for other in duplicates.get(report, ()):
                    # protects: before-a-merge-it-was-no-duplicate
                    before_merge = (schema.micros(entry.at), seq) < merged.get(other, (0, 0))
                    yield _Told(entry, seq, other, self._now.get(other, _OPEN) if before_merge else _DUPLICATE)

    def _merged_later(
        self, lines: Sequence[tuple[int, Entry]], duplicates: Sequence[str]
    ) -> dict[str, tuple[int, int]]:
        """Of these duplicates those that became one after the first of the lines, with the time and number of that."""
        if not duplicates:
            return {}
        table = schema.entries
        seq, first = lines[0]
        query = (
            sa.select(table.c.report, table.c.at, table.c.seq, table.c.body)
            .where(table.c.report.in_(duplicates), holding(self._connection, table.c.body, _A_MERGE))
            .where(sa.tuple_(table.c.at, table.c.seq) > sa.tuple_(schema.micros(first.at), seq))
            .order_by(table.c.at, table.c.seq)
            .limit(self._left + 1)
        )
        rows = self._connection.execute(query).all()
        self._spend(len(rows))
        entries = ((row, decode(row.body, Entry)) for row in rows)
        return {row.report: (row.at, row.seq) for row, entry in entries if _is_merge(entry)}

    def _begin(self, lines: Sequence[tuple[int, Entry]], others: Iterable[str]) -> None:
        """Find how the reports stood that these lines are the first ones of, and these others."""
        fresh = sorted({*(entry.report or "" for _, entry in lines), *others} - self._now.keys())
        if not fresh:
            return
        table = schema.entries
        seq, entry = lines[0]
        query = (
            sa.select(table.c.body)
            .where(table.c.report.in_(fresh), holding(self._connection, table.c.body, _A_STATUS))
            .where(sa.tuple_(table.c.at, table.c.seq) < sa.tuple_(schema.micros(entry.at), seq))
            .order_by(table.c.at, table.c.seq)
            .limit(self._left + 1)
        )
        bodies = self._connection.execute(query).scalars().all()
        self._spend(len(bodies))
        for body in bodies:
            earlier = decode(body, Entry)
            if (word := _word_of(earlier)) is not None:
                self._now[earlier.report or ""] = word
        for key in fresh:
            self._now.setdefault(key, "open")

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise GeoReportRefusal(_TOO_MANY)


def _is_merge(entry: Entry) -> bool:
    return entry.kind == Kind.MERGE and entry.undone_by is None


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
