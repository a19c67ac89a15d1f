"""Applies edits, each once: the stored answer to a repeated key, the conflict of a stale one, else the effect.

The answer is stored in the transaction of the effect, so a client that heard nothing asks again with the same key and
gets what it missed. Refusals are not stored: they changed nothing, and the same edit may be right a moment later.
"""

from __future__ import annotations

import functools
import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from api_client import model
from api_client.decoding import decode
from api_client.model import AlarmChange, EditAnswer, EditBody, Entry, Kind, NewMessage, ReadMessages, Report
from console.rules.divert import is_step
from console.rules.edit import APPENDS, FIELDS, LEAVES, NO_EFFECT, ON_NO_REPORT
from console.rules.recreate import is_another
from console.rules.rights import CITIZEN
from console.rules.run_card import CARD, is_done_already
from console.server.city import audit, public_replies, schema
from console.server.city.alarms import change_alarms
from console.server.city.callers import contact_row
from console.server.city.claims import release_what_left
from console.server.city.closures import CityBorders, change_closure, closure_before, undo_closure
from console.server.city.database import Database, inserter
from console.server.city.dates import check_date
from console.server.city.divert import go_back, leave, others_of
from console.server.city.edit_context import EditContext, SeenVersion, entry_apart
from console.server.city.freshness import check_alone, check_fresh, check_undo, merged_into
from console.server.city.last_message import StoredAnswer
from console.server.city.log_lines import write_line
from console.server.city.messages import mark_read, write_message
from console.server.city.moderation import moderated
from console.server.city.payload_check import dates_of, kept_data, payload_of
from console.server.city.proof_photos import ProofIndex
from console.server.city.records import Actor
from console.server.city.rights import check_role, check_scope, check_unit_scope
from console.server.city.side_effects import apply_effect, change_unit, new_report
from console.server.city.undo import find_undone_entry, undo_on_report, undo_on_unit, unit_before
from console.server.city.unit_of_work import REPORT_AND_MORE, UnitOfWork
from console.server.errors import (
    AlreadyThereRefusal,
    AnotherReport,
    BusyRefusal,
    ConflictRefusal,
    Expired,
    InProgressRefusal,
    Invalid,
    KeyReused,
    NotFound,
    Overloaded,
    Refusal,
)

NEEDS_VERSION = frozenset(Kind) - APPENDS - ON_NO_REPORT
"""Kinds that say which version of the report the operator saw."""

_RUNNING_WAIT_S = 2.0


class Applied(msgspec.Struct, frozen=True):
    """An edit's answer as HTTP status and JSON; `replayed` when it had been applied before."""

    status: int
    body: bytes
    replayed: bool = False

    @property
    def answer(self) -> EditAnswer:
        """The answer, decoded."""
        return decode(self.body, EditAnswer)


class _Done(NamedTuple):
    """What an edit has made: the report, its entry, and what was done beside it, for the audit log."""

    report: Report | None
    entry: Entry
    beside: tuple[audit.AuditedAction, ...] = ()


class EditService:
    """Takes edits in, from any thread."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], ids: Callable[[], str], borders: CityBorders
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._borders, self._area_at = borders, borders.area_at
        self.proofs = ProofIndex()
        self._running: dict[str, threading.Event] = {}
        self._running_lock = threading.Lock()

    def apply(self, edit: EditBody, *, report: str | None, actor: Actor, if_match: int | None) -> Applied:
        """Apply an edit once; raises a Refusal."""
        check_role(actor, edit)
        fingerprint = _fingerprint(edit, report, actor)
        with self._alone(edit.id):
            try:
                applied, seq = self._transact(edit, report, actor, if_match, fingerprint)
            except sa.exc.OperationalError as fault:
                refusal = _busy(fault)
                if refusal is None:
                    raise
                raise refusal from fault
        if not applied.replayed:
            self._database.announce(seq, users=False)
        return applied

    def _transact(
        self, edit: EditBody, report: str | None, actor: Actor, if_match: int | None, fingerprint: str
    ) -> tuple[Applied, int]:
        with self._database.write() as connection:
            ahead = report if report is not None and not _names_others(edit) else None
            known, is_first, there = _look_and_take(connection, edit.id, fingerprint, ahead)
            answered = _answered(connection, edit, report, actor, fingerprint, known)
            if answered is None and not is_first:
                # Another server process has committed the same key since we looked.
                known = connection.execute(_KNOWN, {"key": edit.id}).one()
                answered = _answered(connection, edit, report, actor, fingerprint, known)
            if answered is not None:
                return answered, 0
            unit_of_work = UnitOfWork(self._database, connection, self._clock())
            if ahead is not None and there is not None:
                unit_of_work.take(ahead, there)
            closed = _close_earlier(connection, edit, fingerprint)
            # protects: order-is-not-late
            if edit.expires_at is not None and unit_of_work.now > edit.expires_at:
                raise Expired(f"This order was only good until {edit.expires_at:%H:%M:%S} UTC. It is not carried out.")
            try:
                changed, entry, beside = self._effect(unit_of_work, edit, report, actor, if_match)
            except (BusyRefusal, ConflictRefusal) as refusal:
                # protects: conflict-says-of-which-version
                if report is not None and (present := unit_of_work.report(report)) is not None:
                    refusal.more["version"] = present.version
                raise
            status = 201 if edit.kind is Kind.CREATE else 200
            around = msgspec.json.encode(EditAnswer(changed, entry, 0)).rsplit(b"0", 1)  # the number is its last field
            answer = StoredAnswer((edit.id, *closed), status, schema.micros(unit_of_work.now), *around)
            seq = unit_of_work.end(answer, (_audited(edit, report, actor, changed), *beside))
            return Applied(status, answer.body(seq)), seq

    def _effect(
        self, unit_of_work: UnitOfWork, edit: EditBody, report: str | None, actor: Actor, if_match: int | None
    ) -> _Done:
        # protects: no-impossible-date
        for one in dates_of(edit):
            check_date(unit_of_work.connection, unit_of_work.now, one)
        if edit.kind is Kind.UNIT_STATE:
            return _Done(None, self._on_unit(unit_of_work, edit, actor))
        if edit.kind is Kind.CLOSURE:
            return _Done(None, self._on_closure(unit_of_work, edit, actor))
        if (apart := _APART.get(edit.kind)) is not None:
            entry = msgspec.structs.replace(apart(unit_of_work, edit, actor), id=self._ids())
            unit_of_work.put(entry, before=None, device=edit.device or None)
            return _Done(None, entry)
        if edit.kind is Kind.CREATE and edit.undoes is None:
            key = _next_report_id(unit_of_work)
            made = new_report(key, edit, unit_of_work, self._area_at)
            # protects: words-wait-for-an-official
            if actor.role == CITIZEN:
                made = moderated(unit_of_work.connection, made, payload_of(edit, model.Create).contact)
            context = EditContext(unit_of_work, made, edit, actor, self._ids)
            _keep_contact(unit_of_work, edit, key)
            return _Done(*context.finish(kept_data(edit)))
        if report is None:
            raise Invalid(f"A {edit.kind.value} needs a report.")
        data = kept_data(edit) if edit.undoes is None else _undo_data(edit)
        _lock_in_order(unit_of_work, edit, report)
        present = unit_of_work.report(report)
        if present is None:
            raise _no_report(unit_of_work, report)
        unit_of_work.go_on_after(present.updated)
        # protects: version-of-another-history
        if if_match is not None and if_match > present.version:
            if_match = 0  # of a history that this city has lost: nothing of this one has been seen
        seen = _seen(edit, if_match, present)
        _check_meant(unit_of_work, edit, present)
        check_scope(unit_of_work, actor, present)
        context = EditContext(unit_of_work, present, edit, actor, self._ids, seen=seen)
        # protects: undo-finds-its-own-deed
        if edit.undoes is not None:
            # protects: no-step-is-undone-alone
            if is_step(edit.undoes):
                raise Invalid("It was done by an edit of another report, and is taken back with that.")
            undone_entry = find_undone_entry(unit_of_work, edit.undoes, report)
            undo_on_report(context, undone_entry)
            check_undo(
                unit_of_work,
                present,
                context.report,
                SeenVersion(undone_entry.version) if seen is None else seen,
                context.origin,
            )
            beside = go_back(context, undone_entry.entry)
            return _let_go(context, *context.finish(data, undone=undone_entry.entry), beside)
        _check_not_erased(edit, actor, present)
        if seen is not None:
            check_fresh(unit_of_work, present, edit, seen, context.origin)
            # protects: second-crew-has-seen-the-first
            check_alone(unit_of_work, context, seen)
        left = leave(context, self._area_at)
        if data.pop(LEAVES, None) and left:
            data[LEAVES] = [action.object for action in left]
        apply_effect(context, self._area_at, data, self.proofs)
        _keep_contact(unit_of_work, edit, report)
        # protects: a-step-that-two-tick-is-done-once
        if edit.kind is Kind.NOTE and data.get(CARD) and is_done_already(data["text"], context.history):
            data[NO_EFFECT] = True
        if edit.kind is Kind.REPLY:
            data |= {public_replies.PUBLIC: public_replies.public_text(unit_of_work.connection, report, data["text"])}
        return _let_go(context, *context.finish(data), left)

    def _on_unit(self, unit_of_work: UnitOfWork, edit: EditBody, actor: Actor) -> Entry:
        key = str(edit.data.get("unit") or "")
        before = unit_of_work.unit(key)
        if before is None:
            raise NotFound(f"There is no unit {key}.")
        check_unit_scope(unit_of_work, actor, before)
        undone: Entry | None = None
        if edit.undoes is not None:
            undone_entry = find_undone_entry(unit_of_work, edit.undoes, None)
            undone, data = undone_entry.entry, edit.data | {"undoes": edit.undoes}
            key = undo_on_unit(unit_of_work, undone_entry)
        else:
            key, data = change_unit(unit_of_work, edit, actor)
        entry = entry_apart(unit_of_work, edit, actor, str(data.get("reason") or ""), data)
        entry = msgspec.structs.replace(entry, id=self._ids(), unit=key)
        if undone is not None:
            unit_of_work.put(msgspec.structs.replace(undone, undone_by=entry.id))
        unit_of_work.put(entry, before=unit_before(before), device=edit.device or None)
        return entry

    def _on_closure(self, unit_of_work: UnitOfWork, edit: EditBody, actor: Actor) -> Entry:
        undone: Entry | None = None
        before: bytes | None = None
        if edit.undoes is not None:
            undone_entry = find_undone_entry(unit_of_work, edit.undoes, None)
            entry = undo_closure(unit_of_work, edit, actor, undone_entry)
            # Its words may have been erased until the closure was locked.
            undone = find_undone_entry(unit_of_work, edit.undoes, None).entry
        else:
            before = closure_before(unit_of_work.closure(str(edit.data.get("closure") or "")))
            entry = change_closure(unit_of_work, edit, actor, self._borders)
        entry = msgspec.structs.replace(entry, id=self._ids())
        if undone is not None:
            unit_of_work.put(msgspec.structs.replace(undone, undone_by=entry.id))
        unit_of_work.put(entry, before=before, device=edit.device or None)
        return entry

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Let one edit with this key be applied at a time. Raises InProgressRefusal when the one before is still
        running after two seconds.
        """
        mine = threading.Event()
        while True:
            with self._running_lock:
                other = self._running.setdefault(key, mine)
            if other is mine:
                break
            if not other.wait(_RUNNING_WAIT_S):
                raise InProgressRefusal("This edit is still being applied. Ask again.")
        try:
            yield
        finally:
            with self._running_lock:
                del self._running[key]
            mine.set()


_APART: dict[Kind, Callable[[UnitOfWork, EditBody, Actor], Entry]] = {
    Kind.ALARM: change_alarms,
    Kind.MESSAGE: write_message,
    Kind.READ: mark_read,
    Kind.LOG: write_line,
}
"""What edits do that are about no report and that nobody takes back."""


def _let_go(context: EditContext, report: Report, entry: Entry, beside: tuple[audit.AuditedAction, ...] = ()) -> _Done:
    """The result of an edit, after releasing the claim if the holder may not work where the report is now."""
    action = release_what_left(context.unit_of_work, context.before, report, context.actor)
    if action is None:
        return _Done(report, entry, beside)
    return _Done(context.unit_of_work.report(report.id), entry, (*beside, action))


def _seen(edit: EditBody, if_match: int | None, present: Report) -> SeenVersion | None:
    """What the operator had seen of the report, by If-Match and `About`; None when he did not say. Versions of a
    history that a restore has lost do not count as seen.
    """
    if if_match is None:
        return None
    about = edit.about
    # protects: only-what-was-shown-is-seen
    version = if_match if about.since is None else min(if_match, about.since)
    return SeenVersion(version, {name: at for name, at in about.shown.items() if at <= present.version})


def _fingerprint(edit: EditBody, report: str | None, actor: Actor) -> str:
    body = msgspec.to_builtins(edit)
    # protects: what-is-said-of-a-report-is-no-key
    del body["about"], body["expires_at"]
    whole = msgspec.json.encode([report, actor.name, body], order="sorted")
    return hashlib.sha256(whole).hexdigest()


def _audited(edit: EditBody, report: str | None, actor: Actor, changed: Report | None) -> audit.AuditedAction:
    """The audit log's row for an edit: its kind and which fields or unit it touched, never their values."""
    detail: dict[str, Any] = {"kind": edit.kind.value}
    if edit.kind is Kind.SET:
        detail["fields"] = sorted(edit.data.keys() & set(FIELDS))
    if isinstance(edit.data.get("unit"), str):
        detail["unit"] = edit.data["unit"]
    if isinstance(edit.data.get("closure"), str):
        detail["closure"] = edit.data["closure"]
    if edit.kind is Kind.ALARM:
        detail["alarms"] = [alarm.id for alarm in payload_of(edit, AlarmChange).alarms]
    if edit.kind is Kind.MESSAGE:
        detail["to"] = msgspec.to_builtins(payload_of(edit, NewMessage).to)
    if edit.kind is Kind.READ:
        detail["messages"] = list(payload_of(edit, ReadMessages).messages)
    if edit.undoes is not None:
        detail["undoes"] = edit.undoes
    about = changed.id if changed is not None else report
    if edit.kind is Kind.MESSAGE:
        about = payload_of(edit, NewMessage).report
    return audit.AuditedAction(actor, audit.WRITE, about, edit.id, detail)


def _answered(
    connection: sa.Connection, edit: EditBody, report: str | None, actor: Actor, fingerprint: str, known: Sequence[Any]
) -> Applied | None:
    """The answer to an edit that was applied before: the stored one, or one made from the history; None for a
    new edit. `known` is what stands under its key.
    """
    carried, status, body, entry, seq = known
    if carried is None:
        # protects: in-the-history-already
        return None if entry is None else _in_history(connection, edit, report, actor, (entry, seq))
    if carried.startswith(_IN_PLACE):
        there = decode(body, EditAnswer).entry.report
        raise KeyReused(f"Somebody else has sent this report in its place since: it is report {there}.")
    if carried != fingerprint:
        raise KeyReused("This key has carried another edit before.")
    return Applied(status, body, replayed=True)


def _in_history(
    connection: sa.Connection, edit: EditBody, report: str | None, actor: Actor, row: tuple[bytes, int]
) -> Applied:
    """The answer made from the edit's entry (`row`: its JSON and feed number) and its report as it is now."""
    entry = decode(row[0], Entry)
    created = edit.kind is Kind.CREATE and edit.undoes is None
    same_place = created or edit.kind in ON_NO_REPORT or entry.report == report
    if (entry.kind, entry.author, same_place) != ("created" if created else edit.kind.value, actor.name, True):
        raise KeyReused("This key has carried another edit before.")
    reports = schema.TABLES["report"]
    body = connection.scalar(sa.select(reports.c.body).where(reports.c.id == entry.report))
    changed = decode(body, Report) if body is not None else None
    return Applied(
        201 if edit.kind is Kind.CREATE else 200, msgspec.json.encode(EditAnswer(changed, entry, row[1])), replayed=True
    )


def _look_and_take(
    connection: sa.Connection, key: str, fingerprint: str, report: str | None
) -> tuple[Sequence[Any], bool, Sequence[Any] | None]:
    """What stands under the key, by _KNOWN, and whether it was reserved, as by `_is_first`, as nothing stood there; on
    PostgreSQL with the report, as by `UnitOfWork.read_ahead`, if one is named.
    """
    if connection.dialect.name == "sqlite":
        known = connection.execute(_KNOWN, {"key": key}).one()
        is_new = known[0] is None and known[3] is None
        return known, is_new and _is_first(connection, key, fingerprint), None
    query = _look_and_take_at_once(with_report=report is not None)
    row = connection.execute(query, {"key": key, "print": fingerprint, "id": report}).one()
    return row[:5], bool(row[5]), row[6:] if report is not None else None


def _is_first(connection: sa.Connection, key: str, fingerprint: str) -> bool:
    """Reserve the key for this transaction; False when it is taken. Waits for another transaction that is taking it."""
    placeholder = {"key": key, "fingerprint": fingerprint, "status": 0, "body": b"", "at": 0}
    return connection.execute(_take_key(connection.dialect.name), placeholder).first() is not None


def _close_earlier(connection: sa.Connection, edit: EditBody, fingerprint: str) -> list[str]:
    """Block the keys under which the same new report may have been sent before, and return them.

    Raises AlreadyThereRefusal when one of them has made the report. A request with such a key that arrives later is
    refused.
    """
    if edit.kind is not Kind.CREATE or edit.undoes is not None:
        return []
    earlier = sorted(set(edit.about.instead_of) - {edit.id})
    for key in earlier:
        # protects: taken-down-once-is-there-once
        free = _is_first(connection, key, f"{_IN_PLACE}{fingerprint}")
        _, _, body, kept, _ = connection.execute(_KNOWN, {"key": key}).one()
        if not free or kept is not None:
            made = decode(kept, Entry) if kept is not None else decode(body, EditAnswer).entry
            if made.kind != "created":
                raise KeyReused("This key has carried another edit before.")
            words = f"This is at the server already, as report {made.report}."
            raise AlreadyThereRefusal(words, report=made.report, edit=made.edit)
    return earlier


_IN_PLACE = "in its place: "
"""How the fingerprint begins under a key that another one stands for: no request has it."""


@functools.cache
def _take_key(dialect: str) -> sa.Executable:
    return (
        inserter(dialect)(schema.answers).on_conflict_do_nothing(index_elements=["key"]).returning(schema.answers.c.key)
    )


_ASKED = sa.select(sa.bindparam("key", type_=sa.Text).label("key")).subquery()
_UNDER_KEY = (
    schema.answers.c.fingerprint,
    schema.answers.c.status,
    schema.answers.c.body,
    schema.entries.c.body,
    schema.entries.c.seq,
)
_KEPT = _ASKED.outerjoin(schema.answers, schema.answers.c.key == _ASKED.c.key).outerjoin(
    schema.entries, schema.entries.c.edit == _ASKED.c.key
)
_KNOWN = sa.select(*_UNDER_KEY).select_from(_KEPT)


@functools.cache
def _look_and_take_at_once(*, with_report: bool) -> sa.Select[Any]:
    """Both in one question to PostgreSQL, which sees under the key what was committed before it."""
    table, key = schema.answers, sa.bindparam("key", type_=sa.Text)
    row = sa.select(key, sa.bindparam("print", type_=sa.Text), sa.literal(0), sa.literal(b""), sa.literal(0))
    # protects: what-was-answered-before-reserves-nothing
    fresh = row.where(~sa.exists().where(schema.entries.c.edit == key))
    take = inserter("postgresql")(table).from_select(["key", "fingerprint", "status", "body", "at"], fresh)
    taken = take.on_conflict_do_nothing(index_elements=["key"]).returning(table.c.key).cte("taken")
    columns = *_UNDER_KEY, sa.select(sa.func.count()).select_from(taken).scalar_subquery()
    if not with_report:
        return sa.select(*columns).select_from(_KEPT)
    there = REPORT_AND_MORE.subquery("there")
    return sa.select(*columns, *there.c).select_from(_KEPT.outerjoin(there, sa.true()))


_LOCK_NOT_AVAILABLE, _DEADLOCK_DETECTED = "55P03", "40P01"
"""PostgreSQL's SQLSTATEs."""


def _busy(fault: sa.exc.OperationalError) -> Refusal | None:
    """The refusal when a lock was not granted in time (PostgreSQL), or another program holds the file (SQLite).

    None for any other fault, such as a full disk, which the caller logs.
    """
    if isinstance(fault.orig, sqlite3.OperationalError):
        code = getattr(fault.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        waited = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    else:
        waited = getattr(fault.orig, "sqlstate", None) in (_LOCK_NOT_AVAILABLE, _DEADLOCK_DETECTED)
    if not waited:
        return None
    # Of what it waited for PostgreSQL speaks beside the statement; of a row that several wait for it says nothing.
    if schema.answers.name in str(getattr(getattr(fault.orig, "diag", None), "context", None) or ""):
        return InProgressRefusal("This edit is still being applied. Ask again.")
    return Overloaded("The database is busy with another change. Ask again.")


def _lock_in_order(unit_of_work: UnitOfWork, edit: EditBody, report: str) -> None:
    """Lock the reports that an edit names in the order of their ids, so that no two edits wait for each other."""
    into = merged_into(edit)
    others = [into] if into is not None else others_of(unit_of_work, edit)
    for key in sorted({report, *others}):
        unit_of_work.read_ahead(key)


def _names_others(edit: EditBody) -> bool:
    """Whether other reports than its own may have to be locked before it."""
    return edit.undoes is not None or merged_into(edit) is not None or edit.kind is Kind.DISPATCH


def _check_meant(unit_of_work: UnitOfWork, edit: EditBody, report: Report) -> None:
    """Raise AnotherReport when an id is now that of another report than the operator saw: after a restore a city may
    give out its numbers again.
    """
    # protects: edit-of-another-report
    if is_another(edit.about.created, report.created, made_here=edit.about.made_here):
        raise AnotherReport(
            f"The server was set back to an older state, and {report.id} is another report now.", report=report.id
        )
    other = merged_into(edit)
    main = unit_of_work.report(other) if other is not None else None
    # protects: merge-into-another-report
    if main is not None and is_another(edit.about.into, main.created):
        raise AnotherReport(
            f"The server was set back to an older state, and {main.id}, which this was to be merged into, is another"
            " report now.",
            report=main.id,
        )


def _check_not_erased(edit: EditBody, actor: Actor, report: Report) -> None:
    """Raise Invalid for words and photos from before the report was erased, that come after: their author decides
    whether they are still to be said. What a citizen sends late is his own.
    """
    # protects: nothing-erased-comes-back-late
    if report.erased is None or edit.kind not in _WORDS or actor.role == CITIZEN:
        return
    if edit.occurred_at is not None and edit.occurred_at < report.erased:
        raise Invalid(f"Report {report.id} was erased after this was made. Make it anew if it is still needed.")


_WORDS = frozenset({Kind.NOTE, Kind.REPLY, Kind.PHOTO, Kind.ME_TOO})


def _no_report(unit_of_work: UnitOfWork, report: str) -> NotFound:
    """The NotFound for this id, with the time of its deletion if it was deleted."""
    gone = schema.gone
    at = unit_of_work.connection.scalar(sa.select(gone.c.at).where(gone.c.id == f"report/{report}"))
    if at is None:
        return NotFound(f"There is no report {report}.")
    return NotFound(f"Report {report} was deleted.", at=schema.moment(at).isoformat())


def _undo_data(edit: EditBody) -> dict[str, Any]:
    """The payload of an undo: {} when it is not well formed, as it has no effect."""
    try:
        return kept_data(edit)
    except Invalid:
        return {}


def _keep_contact(unit_of_work: UnitOfWork, edit: EditBody, report: str) -> None:
    if edit.kind not in (Kind.CREATE, Kind.ME_TOO) or edit.data.get("contact") is None:
        return
    if edit.kind is Kind.CREATE:
        key, contact = report, payload_of(edit, model.Create).contact
    else:
        key, contact = f"{report}/{edit.id}", payload_of(edit, model.MeToo).contact
    unit_of_work.connection.execute(sa.insert(schema.contacts), [contact_row(key, report, contact)])


def _next_report_id(unit_of_work: UnitOfWork) -> str:
    """The next number that no report has."""
    while True:
        number = unit_of_work.next_report_number()
        if not unit_of_work.has("report", str(number)):
            return str(number)
