"""One city: its database behind plain methods, for the web server, the loader and the demo alike."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import (
    Agency,
    Area,
    Assignment,
    Calendar,
    Changes,
    CityFacts,
    Closure,
    Contact,
    EditBody,
    Entry,
    Limit,
    Report,
    RunCard,
    Service,
    Snapshot,
    Stats,
    Template,
    Unit,
    User,
)
from console.images.worker import Made
from console.rules.area import AreaIndex
from console.rules.report import is_for_everybody
from console.server.city import audit, feed, schema
from console.server.city.alarms import drop_old_alarms
from console.server.city.audit_chain import seal_all
from console.server.city.bulk_insert import load_reports
from console.server.city.claims import (
    claimed_by,
    held_no_longer,
    offer_claims,
    present_holders,
    release_claims,
    take_back_offers,
)
from console.server.city.clock_watch import clock_is_steady
from console.server.city.closures import CityBorders, drop_old_closures, end_closures, read_closures
from console.server.city.confidential import confidential_services
from console.server.city.database import CONNECTIONS, Database, Mark, begin_epoch, present_mark, present_number
from console.server.city.edit_service import Applied, EditService
from console.server.city.erasure import erase_old, erase_report
from console.server.city.handovers import drop_old_handovers
from console.server.city.holds import end_holds
from console.server.city.kept import of_old_reports
from console.server.city.messages import drop_old_messages, messages_after
from console.server.city.meta import LANGUAGE, meta_value, read_meta, read_setting
from console.server.city.numbered import drop_things, put_things
from console.server.city.presence import PresenceTable
from console.server.city.proof_photos import facts_of, keep_facts
from console.server.city.questions import note_questions
from console.server.city.records import LOCAL, SERVER, Actor, LoadedReport
from console.server.city.retention import RETENTION, Retention
from console.server.city.stats import Counted, count_everything
from console.server.city.unit_of_work import UnitOfWork
from console.server.city.work_threads import doing
from console.server.errors import NotFound, Refusal

log = logging.getLogger(__name__)
T = TypeVar("T", Area, Service, Unit, Agency, Template, Limit, RunCard, Calendar, User)
FIRST_ZONE = "Asia/Jakarta"
_LOADED = frozenset({"report", "assignment", "entry"})
"""What a load brings more of. Unfinished work is not of it: what a serving city puts in is past."""
_COUNTED_FAST_S = 0.05
"""What is counted within this is counted again for every question."""
_KEEP_ANSWERS = timedelta(days=30)
_KEEP_GONE = timedelta(days=30)
_LOOKS_FOR_QUIET, _QUIET_S = 5, 0.2
"""How often somebody looks whether nobody reads, and how long after one look he looks again."""


def no_such_report(key: str) -> NotFound:
    """What is said of a number that no report has, and to whom a report may not be told of."""
    return NotFound(f"There is no report {key}.")


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def new_id() -> str:
    """An id that nobody else has."""
    return str(uuid.uuid4())


class City:
    """The database of one city at `url` (SQLite or postgresql+psycopg). Every method may be called from any thread.

    `timezone` and `name` are set for the city; "" leaves them as they are (a new city is in FIRST_ZONE until it is set
    up). `presence` holds positions, and who looks at what; `database.on_commit` is called when the feed has grown.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], datetime] = utc_now,
        ids: Callable[[], str] = new_id,
        timezone: str = "",
        name: str = "",
        ticks: Callable[[], float] = time.monotonic,
        connections: int = CONNECTIONS,
    ) -> None:
        self.database = Database(url, connections=connections)
        self.clock = clock
        self.timezone = timezone
        self.name = name
        self.presence = PresenceTable(self.database, clock)
        self._ids = ids
        self._ticks = ticks
        self._edit_service = EditService(self.database, clock, ids, CityBorders(self.area_at, self._has_borders))
        self.on_edit: list[Callable[[str, str], None]] = []
        """Get the kind of each edit and what became of it: applied, repeated, or the code of its refusal."""
        self._areas_lock = threading.Lock()
        self._index: tuple[tuple[str, int, int], AreaIndex] | None = None
        self._stats: Counted | None = None
        self._stats_lock = threading.Lock()
        self._stats_due = 0.0
        self._loads = 0

    def create_schema(self) -> None:
        """Make the tables that are missing, and give a new database its epoch; harmless to repeat."""
        self.database.create_schema()
        given = {key: value for key, value in (("name", self.name), ("timezone", self.timezone)) if value}
        facts = {"epoch": self._ids(), "scope_version": "1", "name": "", "timezone": FIRST_ZONE} | given
        rows = [{"key": key, "value": value} for key, value in facts.items()]
        with self.database.write() as connection:
            audit.begin(self.database, connection)
            self.database.upsert(connection, schema.meta, rows, keep=True)
            said = [{"key": key, "value": value} for key, value in given.items()]
            self.database.upsert(connection, schema.meta, said)
        with self.database.read() as connection:
            known = read_meta(connection)
        self.name, self.timezone = known["name"], known["timezone"]
        self.database.mark = Mark(known["epoch"], 0)

    def close(self) -> None:
        """Drop the connections."""
        self.database.close()

    # The vocabulary and the objects

    def put_areas(self, areas: Sequence[Area]) -> None:
        """Keep these areas, replacing those of the same code."""
        self._put(areas)

    def put_services(self, services: Sequence[Service]) -> None:
        """Keep these services, replacing those of the same code."""
        with self.database.write() as connection:
            note_questions(self.database, connection, services, self.clock())
            last = put_things(self.database, connection, services)
        if last is not None:
            self.database.announce(last)

    def put_units(self, units: Sequence[Unit]) -> None:
        """Keep these units, replacing those of the same id."""
        self._put(units)
        self.presence.place_units(units)

    def put_agencies(self, agencies: Sequence[Agency]) -> None:
        """Keep these agencies, replacing those of the same code."""
        self._put(agencies)

    def put_templates(self, templates: Sequence[Template]) -> None:
        """Keep these templates, replacing those of the same id."""
        self._put(templates)

    def put_limits(self, limits: Sequence[Limit]) -> None:
        """Keep these limits, replacing those of the same id."""
        self._put(limits)

    def put_run_cards(self, cards: Sequence[RunCard]) -> None:
        """Keep these run cards, replacing those of the same id."""
        self._put(cards)

    def put_calendars(self, calendars: Sequence[Calendar]) -> None:
        """Keep these calendars, replacing those of the same id."""
        self._put(calendars)

    def templates(self) -> list[Template]:
        """All standard texts."""
        return self._list(Template)

    def areas(self) -> list[Area]:
        """All areas."""
        return self._list(Area)

    def services(self) -> list[Service]:
        """All services."""
        return self._list(Service)

    def offered_services(self) -> list[Service]:
        """The services that a new report may have."""
        return [service for service in self.services() if service.valid_to is None]

    def units(self) -> list[Unit]:
        """All units as stored; newer positions are in `presence`."""
        return self._list(Unit)

    def has_units(self) -> bool:
        """Whether there is a unit that can be sent."""
        return any(unit.valid_to is None for unit in self.units())

    def agencies(self) -> list[Agency]:
        """All agencies."""
        return self._list(Agency)

    def load(self, rows: Iterable[LoadedReport]) -> None:
        """Put many reports with their histories into the city; newer ones replace what is there."""
        self._loads += 1
        try:
            load_reports(self.database, rows, self.clock())
        finally:
            self._loads -= 1

    def remove(self, kind: str, key: str) -> None:
        """Delete an object; the feed gets a `gone` item for it."""
        now = self.clock()
        with self.database.write() as connection:
            seq = drop_things(self.database, connection, kind, [key], now)
            if not seq:
                raise NotFound(f"There is no {kind} {key}.")
        self.database.announce(seq)

    # What is asked

    def apply(
        self, edit: EditBody, *, report: str | None = None, actor: Actor = LOCAL, if_match: int | None = None
    ) -> Applied:
        """Do what an edit says, once (its id is the idempotency key). Raises console.server.errors.Refusal.

        `report` is the report's id, None for a creation and for the state of a unit. Without `if_match` the edit is
        made on the report as it is now; the web server asks its clients for one.
        """
        try:
            applied = self._edit_service.apply(edit, report=report, actor=actor, if_match=if_match)
        except Refusal as refusal:
            self._tell_edit(edit, refusal.code)
            raise
        self._tell_edit(edit, "repeated" if applied.replayed else "applied")
        return applied

    def _tell_edit(self, edit: EditBody, outcome: str) -> None:
        for listener in self.on_edit:
            listener(str(edit.kind), outcome)

    def keep_photo_facts(self, sha256: str, made: Made) -> None:
        """Keep what was found in a photo whose bytes have come: proofs are flagged by it."""
        found = facts_of(made, self.timezone)
        last = keep_facts(self.database, self._edit_service.proofs, sha256, found, self.clock())
        if last:
            self.database.announce(last, users=False)

    def read_proofs(self) -> None:
        """Take the hashes of all proofs into memory, so that no edit waits for it later."""
        with self.database.read() as connection:
            self._edit_service.proofs.read_on(connection)

    def changes(self, after: int, limit: int = feed.MOST) -> Changes:
        """The next page of the feed."""
        return feed.changes(self.database, after, limit)

    def snapshot(self, after_key: str | None = None, limit: int = feed.MOST) -> Snapshot:
        """A page of everything; while many reports are being put in none of what they bring counts as whole."""
        growing = self._loads > 0
        page = feed.snapshot(self.database, after_key, limit)
        if growing or self._loads:
            page = msgspec.structs.replace(page, whole=tuple(kind for kind in page.whole if kind not in _LOADED))
        return page

    @property
    def epoch(self) -> str:
        """The life of the database that its numbers belong to."""
        return self.mark().epoch

    def mark(self) -> Mark:
        """The epoch and the number of the last change."""
        with self.database.read() as connection:
            return present_mark(connection)

    def begin_epoch(self) -> None:
        """Begin a new epoch, after the database was set back to an older state: every console reads everything
        again.
        """
        with self.database.write() as connection:
            begin_epoch(connection)

    def seq(self) -> int:
        """The number of the last change."""
        with self.database.read() as connection:
            return present_number(connection)

    def stats(self) -> Stats:
        """Counts of everything."""
        return self._counted().whole

    def public_stats(self) -> Stats:
        """Counts of everything that is not confidential."""
        return self._counted().public

    def confidential_services(self) -> frozenset[str]:
        """The codes of the services whose reports nothing public may tell of."""
        with self.database.read() as connection:
            return confidential_services(connection)

    def _counted(self) -> Counted:
        """The counts. One count answers all who ask at the time; if it took a second, the next is made after
        ten, so that counting does not hold up edits.
        """
        with self._stats_lock, doing(None), self.database.read() as connection:
            now, before = present_mark(connection), self._stats
            began = self._ticks()
            if before is not None and before.whole.epoch != now.epoch:
                before = None
            is_old = before is None or (before.whole.seq != now.seq and began >= self._stats_due)
            hidden = confidential_services(connection)
            # protects: counts-follow-what-is-confidential
            if before is None or is_old or before.hidden != hidden:
                before = count_everything(connection, before, hidden)
                self._stats = before
                took = self._ticks() - began
                self._stats_due = began + took + (10 * took if took > _COUNTED_FAST_S else 0)
            return before

    def language(self) -> str:
        """The language of the plain names, "" where nobody has said it."""
        with self.database.read() as connection:
            return meta_value(connection, LANGUAGE) or ""

    def facts(self) -> tuple[str, CityFacts]:
        """The epoch, and the city's own facts as they are now; its box may be that of an earlier count.

        Counting a large city takes a second, and every console asks for this when it finds the server again.
        """
        with self.database.read() as connection:
            known = read_meta(connection)
        counted = self._stats.whole if self._stats is not None else None
        if counted is None or counted.epoch != known["epoch"] or counted.city.bbox is None:
            counted = self.stats()
        return known["epoch"], CityFacts(known["name"], known["timezone"], counted.city.bbox, known.get(LANGUAGE, ""))

    def report(self, key: str) -> Report:
        """One report; NotFound without it."""
        with self.database.read() as connection:
            body = connection.scalar(sa.select(schema.reports.c.body).where(schema.reports.c.id == key))
        if body is None:
            raise no_such_report(key)
        return decode(body, Report)

    def entries(self, key: str, edit: str | None = None) -> list[Entry]:
        """The history of a report, the oldest first; of it only what `edit` did, where that is given."""
        table = schema.entries
        query = sa.select(table.c.body).where(table.c.report == key).order_by(table.c.at, table.c.seq)
        if edit is not None:
            query = query.where(table.c.edit == edit)
        with self.database.read() as connection:
            return [decode(body, Entry) for (body,) in connection.execute(query)]

    def assignments(self, key: str) -> list[Assignment]:
        """The assignments of a report, the oldest first."""
        table = schema.assignments
        with self.database.read() as connection:
            rows = connection.execute(sa.select(table.c.body).where(table.c.report == key))
            found = [decode(body, Assignment) for (body,) in rows]
        return sorted(found, key=lambda one: (one.created, one.id))

    def contact(self, key: str, who: Actor) -> Contact:
        """The reporter's personal data; that `who` has asked is written into the audit log first."""
        query = sa.select(schema.contacts.c.body).where(schema.contacts.c.report == key).order_by(schema.contacts.c.id)
        with self.database.write() as connection:
            body = connection.execute(query).scalars().first()
            found = {"found": body is not None}
            audit.append(connection, self.clock(), audit.AuditedAction(who, audit.REVEAL, key, detail=found))
        if body is None:
            raise NotFound("The reporter left no name, telephone or address, or it is no longer kept.")
        return decode(body, Contact)

    def area_at(self, lat: float, lon: float) -> tuple[str, str] | None:
        """The smallest area around a place, and the rule that chose it."""
        return self._areas_index().area_at(lat, lon)

    def seal_audit(self) -> None:
        """Chain the rows of the audit log that wait, unless another process is at it."""
        seal_all(self.database)

    def erase(self, key: str, by: Actor, reason: str) -> Report:
        """Erase what was said and shown of a report, once; the report as it is then. Raises a Refusal.

        The files of its photos go with `erased_files.finish_erasing`.
        """
        report = erase_report(self.database, key, by, reason, self.clock())
        self._overwrite_log()
        return report

    @property
    def retention(self) -> Retention:
        """How long the city keeps what is personal."""
        with self.database.read() as connection:
            return read_setting(connection, RETENTION, Retention)

    def end_holds(self) -> int:
        """End the holds whose time is over; returns how many. To be called at the start and every few seconds."""
        return end_holds(self.database, self.clock())

    def closures(self) -> list[Closure]:
        """All closed streets and flooded areas, those that have ended lately too."""
        with self.database.read() as connection:
            return read_closures(connection)

    def messages(self, actor: Actor, after: int, limit: int = feed.MOST) -> Changes:
        """The next page of the messages and read marks that somebody may read; GoneRefusal as for `changes`."""
        return messages_after(self.database, actor, self.clock(), after, max(1, min(limit, feed.MOST)))

    def end_closures(self) -> int:
        """End the closures whose time is over; returns how many. To be called at the start and every few seconds."""
        return end_closures(self.database, self.clock())

    def sign_out(self, actor: Actor, console: str = "") -> None:
        """A user has signed out at this console: what he has taken is offered to everybody, and nobody counts him as
        connected. Who is still connected with another console has left nothing.
        """
        # protects: who-is-at-another-desk-leaves-nothing
        if self.presence.is_elsewhere(actor.name, console, self.clock()):
            self.presence.end_console(actor.name, console, self.clock())
            with self.database.write() as connection:
                detail = {"offered": 0}
                audit.append(connection, self.clock(), audit.AuditedAction(actor, audit.SIGN_OUT, detail=detail))
            return
        with self.database.read() as connection:  # nobody's edit waits for that
            taken = [one.id for one in claimed_by(connection, actor.name)]
        with self.database.write() as connection:
            unit_of_work = UnitOfWork(self.database, connection, self.clock())
            offered = offer_claims(unit_of_work, actor.name, taken)
            last = unit_of_work.settle() if offered else 0
            detail = {"offered": offered}
            audit.append(connection, unit_of_work.now, audit.AuditedAction(actor, audit.SIGN_OUT, detail=detail))
        if last:
            self.database.announce(last, users=False)
        self.presence.leave(actor.name, self.clock())

    def come_back(self, name: str) -> None:
        """A user is here again: what was offered as he had signed out, and nobody has taken over, is his."""
        with self.database.read() as connection:  # nobody's edit waits for that
            offered = [one.id for one in claimed_by(connection, name) if one.claim and is_for_everybody(one.claim)]
        if not offered:
            return
        with self.database.write() as connection:
            unit_of_work = UnitOfWork(self.database, connection, self.clock())
            last = unit_of_work.settle() if take_back_offers(unit_of_work, name, offered) else 0
        if last:
            self.database.announce(last, users=False)

    def release_claims(self) -> None:
        """Release claims of users who may not hold their reports any more: their scope was changed, an area lies in
        another one now, the report was passed on.
        """
        now = self.clock()
        with self.database.read() as connection:  # nobody's edit waits for that
            taken = held_no_longer(self.database, connection, present_holders(connection), now)
        if taken:
            with self.database.write() as connection:
                last = release_claims(self.database, connection, present_holders(connection), SERVER, now, taken)
            if last:
                self.database.announce(last)

    def tidy(self) -> None:
        """Delete what is kept for a limited time, as the city's `retention` says: contacts, texts and photos of reports
        closed long ago, messages, hand-overs, positions; stored answers, old deletions. And release claims as
        `release_claims` does.

        Call it at the start and every hour. While the computer's clock is doubtful, nothing is deleted.
        """
        self.release_claims()
        self._drop_old()
        self._overwrite_log()

    def _overwrite_log(self) -> None:
        """Let nothing that was deleted stay beside the file. Where somebody reads all the while, the next hour does."""
        for _ in range(_LOOKS_FOR_QUIET):
            if self.database.overwrite_log():
                return
            time.sleep(_QUIET_S)

    def _drop_old(self) -> None:
        now = self.clock()
        gone = schema.gone
        old_gone = gone.c.at < schema.micros(now - _KEEP_GONE)
        with self.database.write() as connection:
            if not clock_is_steady(self.database, connection, now):
                return
            retention = read_setting(connection, RETENTION, Retention)
            old = of_old_reports(now - timedelta(days=retention.contacts_days))
            dropped = connection.execute(sa.delete(schema.contacts).where(old)).rowcount
            if retention.positions_days is not None:
                places = schema.positions
                until = schema.micros(now - timedelta(days=retention.positions_days))
                connection.execute(sa.delete(places).where(places.c.at < until))
            connection.execute(
                sa.delete(schema.answers).where(schema.answers.c.at < schema.micros(now - _KEEP_ANSWERS))
            )
            drop_old_closures(self.database, connection, now)
            drop_old_alarms(self.database, connection, now)
            drop_old_handovers(self.database, connection, now, timedelta(days=retention.handovers_days))
            drop_old_messages(self.database, connection, now, timedelta(days=retention.messages_days))
            floor = connection.scalar(sa.select(sa.func.max(gone.c.seq)).where(old_gone))
            if floor is not None:
                connection.execute(sa.delete(gone).where(old_gone))
                self.database.upsert(connection, schema.meta, [{"key": feed.FLOOR, "value": str(floor)}])
        erased = erase_old(self.database, now - retention.texts, now) if retention.texts is not None else 0
        if dropped or erased:
            log.info("kept no longer: contacts of reporters %d, texts and photos of reports %d", dropped, erased)

    def _put(self, things: Sequence[Any]) -> None:
        with self.database.write() as connection:
            last = put_things(self.database, connection, things)
        if last is not None:
            self.database.announce(last)

    def _list(self, kind: type[T]) -> list[T]:
        table = schema.TABLES[schema.KIND_OF[kind]]
        with self.database.read() as connection:
            bodies = connection.execute(sa.select(table.c.body).order_by(table.c.id)).scalars()
            return [decode(body, kind) for body in bodies]

    def _areas_at(self, now: datetime) -> list[Area]:
        """The areas that reports of this moment are given."""
        return [area for area in self.areas() if area.valid_to is None or area.valid_to > now]

    def _has_borders(self) -> bool:
        return len(self._areas_index()) > 0

    def _areas_index(self) -> AreaIndex:
        """The index over the present areas, made anew when one has changed."""
        table = schema.areas
        with self.database.read() as connection:
            newest, count = connection.execute(sa.select(sa.func.max(table.c.seq), sa.func.count())).one()
            state = present_mark(connection).epoch, newest or 0, count
        with self._areas_lock:
            if self._index is None or self._index[0] != state:
                self._index = (state, AreaIndex(self._areas_at(self.clock())))
            return self._index[1]
