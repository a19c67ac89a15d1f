"""Set a city up: what it has, what a set-up would change, and the transaction that changes it.

Objects that reports refer to are not deleted: units, services, agencies and areas that a set-up no longer contains are
retired. A unit with open jobs stays until they are done.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import Agency, Area, Calendar, Limit, RunCard, Service, Template, Unit, UnitState, User
from console.rules.limit import counts_otherwise
from console.rules.sla import sla_of
from console.server.admin.difference import Change, Did, Difference, FieldChange, fields_between, in_words, marked
from console.server.admin.goals import LateReports, newest_late
from console.server.admin.roster import on_roster
from console.server.admin.setup import (
    PARTS,
    CitySetup,
    SetupFault,
    UnitRecord,
    UserRecord,
    check_setup,
    key_of,
    listed,
)
from console.server.admin.spelling import length_text
from console.server.city import audit, schema, tokens
from console.server.city.alarms import drop_alarms_of_limits
from console.server.city.city import City
from console.server.city.kept import kept_no_longer
from console.server.city.meta import LANGUAGE, read_meta, read_setting, setting_row
from console.server.city.moderation import MODERATION, LookedAt, Moderation, newest_looked_at
from console.server.city.numbered import drop_things, put_things
from console.server.city.questions import note_questions
from console.server.city.rates import REQUESTS, RULES, rules_of, text_of
from console.server.city.records import Actor
from console.server.city.retention import RETENTION, Retention
from console.server.city.rights import call_signs
from console.server.city.setup_work import APPLIED, AppliedList, AppliedSetup, with_applied
from console.server.city.users import KnownUser, drop_users, put_users
from console.server.errors import CityChanged, Invalid

_KINDS: dict[str, type[Any]] = {
    "calendars": Calendar,
    "agencies": Agency,
    "services": Service,
    "areas": Area,
    "units": Unit,
    "templates": Template,
    "limits": Limit,
    "run_cards": RunCard,
}
_KEPT = {
    "contacts_days": "contacts of reporters",
    "texts_days": "reports with texts and photos",
    "messages_days": "messages",
    "handovers_days": "hand-overs",
    "positions_days": "last positions of units",
}
"""What is kept, by the field of Retention."""
_RETIRED = frozenset({"agencies", "services", "areas", "units"})
"""Reports and their histories refer to these."""
_NAMED_IN_AUDIT = 200
_MOST_FAULTS = 1_000
_TRIES = 3
_LONG_FOR_P1_S = 3600
_DEADLOCK = "40P01"


class Done(msgspec.Struct, frozen=True):
    """The changes that were made, or would be; `tokens` are those of new users by name, which are stored nowhere."""

    difference: Difference
    applied: bool
    tokens: dict[str, str] = {}


class _Present(msgspec.Struct, frozen=True):
    """The present city: objects by list and key, users and hashes of their tokens, and jobs and reports that refer to
    them.
    """

    meta: dict[str, str]
    things: dict[str, dict[str, Any]]
    users: dict[str, UserRecord]
    hashes: dict[str, str]
    jobs: dict[str, list[str]]
    open_by: dict[str, dict[str, int]]
    retention: Retention
    moderation: Moderation
    kept_no_longer: Callable[[Retention], dict[str, int]]
    """How many of each would be kept no longer."""
    looked_at: Callable[[Moderation], LookedAt] | None
    """How many of the newest reports would wait for an official; None for who has been told and applies it."""
    late_by: Callable[[Service, Mapping[str, Calendar]], LateReports] | None
    """How many open reports would be late by new targets; None as above."""


def present_setup(city: City) -> CitySetup:
    """What the city consists of now, without what is retired and without any secret."""
    with city.database.read() as connection:
        now = city.clock()
        return _as_setup(_read(connection, now), now)


def setup_mark(setup: CitySetup) -> str:
    """A mark that no other set-up has."""
    return hashlib.sha256(msgspec.json.encode(setup, order="deterministic")).hexdigest()[:32]


def refuse_faults(faults: Sequence[SetupFault]) -> None:
    """Raise Invalid with all faults, in words and by place, if there are any."""
    if faults:
        said = [
            f"{one.part}{f' {one.at + 1}' if one.at is not None else ''}, {one.field}: {one.why}." for one in faults
        ]
        more = {"faults": said[:_MOST_FAULTS], "places": list(faults[:_MOST_FAULTS])}
        raise Invalid(f"The city cannot be set up so: {said[0]}", **more)


def compare_setup(city: City, setup: CitySetup, *, made_on: str | None = None) -> Difference:
    """What applying the set-up would change now. Raises Invalid and CityChanged as apply_setup does."""
    now = city.clock()
    with city.database.read() as connection:
        present = _read(connection, now)
        _check_made_on(present, now, made_on)
        return _Plan(present, setup, now).difference  # it counts what would be erased


def _check_made_on(present: _Present, now: datetime, made_on: str | None) -> None:
    # protects: a-draft-on-an-older-city
    if made_on is not None and made_on != setup_mark(_as_setup(present, now)):
        raise CityChanged("The city has been set up otherwise since this was begun. Look at it again.")


def apply_setup(
    city: City, setup: CitySetup, by: Actor, *, seen: str | None = None, made_on: str | None = None
) -> Done:
    """Change the city to the set-up in one transaction; on any fault nothing is changed.

    `seen` is the mark of the difference that somebody agreed to, `made_on` the `setup_mark` of the city that the set-up
    was made from; CityChanged is raised if either is another one by now, Invalid (with all faults) if the set-up is
    wrong.
    """
    for _ in range(_TRIES - 1):
        try:
            return _apply_once(city, setup, by, seen, made_on)
        except sa.exc.OperationalError as fault:  # PostgreSQL chose this one of two that waited for each other's units
            if getattr(fault.orig, "sqlstate", None) != _DEADLOCK:
                raise
    return _apply_once(city, setup, by, seen, made_on)


def _apply_once(city: City, setup: CitySetup, by: Actor, seen: str | None, made_on: str | None) -> Done:
    now = city.clock()
    with city.database.write() as connection:
        present = _read(connection, now, lock=True)
        _check_made_on(present, now, made_on)
        plan = _Plan(present, setup, now)
        if seen is not None and seen != plan.difference.mark:
            raise CityChanged("The city has been changed since this difference was shown. Look at it again.")
        if not plan.difference:
            return Done(plan.difference, applied=False)
        last = plan.write(city, connection, by, now)
    city.name, city.timezone = plan.meta["name"], plan.meta["timezone"]
    city.database.announce(last)
    if setup.areas is not None:
        # protects: no-claim-out-of-a-moved-area
        city.release_claims()
    return Done(plan.difference, True, plan.tokens)


class _Plan:
    """The objects to be written to bring the city to a set-up."""

    def __init__(self, present: _Present, setup: CitySetup, now: datetime) -> None:
        refuse_faults(check_setup(setup, _as_setup(present, now)))
        self._present, self._setup, self._now = present, setup, now
        self._puts: list[Any] = []
        self._drops: dict[str, list[str]] = {}
        self._users: list[KnownUser] = []
        self._gone_users: list[str] = []
        self.tokens: dict[str, str] = {}
        self.meta = dict(present.meta)
        self.retention = present.retention
        self.moderation = present.moderation
        self._calendars = {
            one.id: one
            for one in (setup.calendars if setup.calendars is not None else present.things["calendars"].values())
        }
        changes = [*self._facts()]
        for part in PARTS:
            if listed(setup, part) is not None:
                changes += self._of_users() if part == "users" else self._of(part)
        self._check_call_signs()
        self.difference = marked(changes, self._notes(changes))

    def write(self, city: City, connection: sa.Connection, by: Actor, now: datetime) -> int:
        """Write it; returns the last number of the feed."""
        database = city.database
        note_questions(database, connection, [one for one in self._puts if isinstance(one, Service)], now)
        last = put_things(database, connection, self._puts) or 0
        things = self._present.things["limits"]
        changed = [
            one.id
            for one in self._puts
            if isinstance(one, Limit) and one.id in things and counts_otherwise(one, things[one.id])
        ]
        # protects: a-limit-that-counts-otherwise-is-acknowledged-anew
        last = max(last, drop_alarms_of_limits(database, connection, [*changed, *self._drops.get("limit", ())], now))
        for kind, keys in self._drops.items():
            last = max(last, drop_things(database, connection, kind, keys, now))
        last = max(last, put_users(database, connection, self._users, by, now) or 0)
        if self._gone_users:
            last = max(last, drop_users(database, connection, self._gone_users, by, now))
        kept = ("name", "timezone", LANGUAGE, REQUESTS)
        facts = [{"key": key, "value": self.meta[key]} for key in kept if key in self.meta]
        facts += [setting_row(RETENTION, self.retention), setting_row(MODERATION, self.moderation)]
        counts = Counter(one.part for one in self.difference.changes if one.did is not Did.KEPT)
        applied = with_applied(read_setting(connection, APPLIED, AppliedList), AppliedSetup(now, by.name, dict(counts)))
        facts.append(setting_row(APPLIED, applied))
        database.upsert(connection, schema.meta, facts)
        audit.append(connection, now, audit.AuditedAction(by, audit.CITY, detail=self._detail()))
        return last

    def _check_call_signs(self) -> None:
        """Raise Invalid when a unit is to be called as one with open jobs is: that one's crew would find its job no
        more, and could say nothing on it.

        Orders, the crew page and users find a unit by what it is called.
        """
        present = self._present.things["units"]
        # protects: no-call-sign-of-a-unit-at-work
        at_work = {
            word: present[key] for key in self._present.jobs if key in present for word in call_signs(present[key])
        }
        named = {record.id for record in self._setup.units or ()}
        faults = []
        for at, record in enumerate(self._setup.units or ()):
            for field, word in (("id", record.id), ("code", record.code)):
                unit = at_work.get(word.casefold())
                if unit is not None and unit.id != record.id:
                    jobs = self._present.jobs[unit.id]
                    until = "keeps its name" if unit.id in named else "stays"
                    why = (
                        f"“{word}” is what unit {unit.id} is called, which has {_open(len(jobs), 'job')} "
                        f"({', '.join(jobs[:3])}) and {until} until that is done"
                    )
                    faults.append(SetupFault("units", at, field, why))
        refuse_faults(faults)

    def _facts(self) -> Iterable[Change]:
        fields = []
        facts = (("name", self._setup.name), ("timezone", self._setup.timezone), (LANGUAGE, self._setup.language))
        for key, value in facts:
            before = self.meta.get(key, "")
            if value is not None and value != before:
                fields.append(FieldChange(key, in_words(before), in_words(value)))
                self.meta[key] = value
        if (rules := self._setup.requests) is not None:
            present = rules_of(self.meta.get(REQUESTS))
            for name in sorted(present.keys() | rules):
                was, will = (one.get(name, f"{RULES[name]} (as everywhere)") for one in (present, rules))
                if was != will:
                    fields.append(FieldChange(f"{REQUESTS}.{name}", was, will))
            self.meta[REQUESTS] = text_of(rules)
        if fields:
            yield Change("city", "", Did.CHANGED, tuple(fields))
        if self._setup.retention is not None and (kept := fields_between(self.retention, self._setup.retention)):
            self.retention = self._setup.retention
            yield Change("retention", "", Did.CHANGED, kept)
        looked = self._setup.moderation
        if looked is not None and (changed := fields_between(self.moderation, looked)):
            self.moderation = looked
            yield Change("moderation", "", Did.CHANGED, changed)

    def _of(self, part: str) -> Iterable[Change]:
        there = self._present.things[part]
        wanted = {key_of(each): each for each in listed(self._setup, part) or ()}
        for key, record in wanted.items():
            before = there.get(key)
            after = self._object(record, before)
            if before is None:
                self._puts.append(after)
                yield Change(part, key, Did.ADDED, note=self._reach(part, None, after))
            elif _is_retired(before, self._now) and not _is_retired(after, self._now):
                self._puts.append(after)
                yield Change(part, key, Did.BACK, _between(before, after))
            elif fields := _between(before, after):
                self._puts.append(after)
                work = self._work(part, key)
                said = [work, *(self._goals(before, after) if work else ()), self._reach(part, before, after)]
                yield Change(part, key, Did.CHANGED, fields, "; ".join(filter(None, said)))
        for key, before in there.items():
            if key not in wanted and not _is_retired(before, self._now):
                yield self._without(part, key, before)

    def _object(self, record: Any, before: Any) -> Any:
        """The object that a record describes."""
        if not isinstance(record, UnitRecord):
            return record
        post = (record.lat, record.lon) if record.lat is not None and record.lon is not None else None
        known = {
            "code": record.code or record.id,
            "name": record.name,
            "agency": record.agency,
            "areas": record.areas,
            "skills": record.skills,
            "shift": record.shift,
            "contact": record.contact,
            "post": post,
        }
        calendar = self._calendars.get(record.shift or "")
        if before is None or before.valid_to is not None:
            fresh = Unit(record.id, "", UnitState.AVAILABLE, self._now) if before is None else before
            unit = on_roster(replace(fresh, **known, reason=None, valid_to=None), calendar, self._now)
        else:
            unit = replace(before, **known)
            if before.shift != record.shift:
                unit = replace(unit, shift_end=on_roster(unit, calendar, self._now).shift_end)
        if unit.position_at is None and unit.post != (before.post if before is not None else None):
            lat, lon = unit.post or (None, None)
            unit = replace(unit, lat=lat, lon=lon)
        return unit if before is None or unit == before else replace(unit, version=before.version + 1)

    def _without(self, part: str, key: str, before: Any) -> Change:
        """Retire, keep or delete an object that the set-up does not contain; returns the Change."""
        if part not in _RETIRED:
            self._drops.setdefault(schema.KIND_OF[_KINDS[part]], []).append(key)
            return Change(part, key, Did.REMOVED)
        if part == "units" and (jobs := self._present.jobs.get(key)):
            reports = ", ".join(jobs[:3])
            return Change(part, key, Did.KEPT, note=f"it has {_open(len(jobs), 'job')}: {reports}; remove it when done")
        if part == "units":
            self._puts.append(
                replace(
                    before,
                    valid_to=self._now,
                    state=UnitState.OFF_SHIFT,
                    state_since=self._now,
                    shift_end=None,
                    version=before.version + 1,
                )
            )
        else:
            self._puts.append(replace(before, valid_to=self._now))
        return Change(part, key, Did.RETIRED, note=self._work(part, key))

    def _work(self, part: str, key: str) -> str:
        """How many open jobs or reports refer to an object, as text; "" for none."""
        if part == "units":
            jobs = len(self._present.jobs.get(key, ()))
            return _open(jobs, "job") if jobs else ""
        reports = self._present.open_by.get(part, {}).get(key, 0)
        return _open(reports, "report") if reports else ""

    def _goals(self, before: Any, after: Any) -> Iterable[str]:
        """What a service's new targets or priority mean for its open reports."""
        if isinstance(before, Service) and before.sla != after.sla:
            yield "they have the new targets from their next change on"
            found = self._present.late_by(after, self._calendars) if self._present.late_by is not None else None
            if found is not None and found.late:
                is_all = found.of >= self._present.open_by["services"].get(after.code, 0)
                whom = "them" if is_all else f"the newest {found.of:,}"
                yield f"{found.late:,} of {whom} would be late by those"
        if isinstance(before, Service) and before.priority != after.priority:
            yield "they keep their priority"

    def _reach(self, part: str, before: Any, after: Any) -> str:
        """To how many open reports a unit may be sent by its skills that it could not before, and the other way round;
        "" where that is the same, and for all but units.
        """
        if part != "units" or (before is not None and set(before.skills) == set(after.skills)):
            return ""
        given = self._setup.services
        services = given if given is not None else self._present.things["services"].values()
        open_by = self._present.open_by.get("services", {})
        more = fewer = 0
        for service in services:
            needed = set(service.skills)
            if not needed:
                continue  # anybody can be sent there
            then, now = before is not None and needed <= set(before.skills), needed <= set(after.skills)
            more += open_by.get(service.code, 0) if now and not then else 0
            fewer += open_by.get(service.code, 0) if then and not now else 0
        if before is None:
            return f"its skills fit {_open(more, 'report')}" if more else ""
        said = [f"{_open(count, 'report')} {how}" for count, how in ((more, "more"), (fewer, "fewer")) if count]
        return f"its skills fit {' and '.join(said)}" if said else ""

    def _of_users(self) -> Iterable[Change]:
        there = self._present.users
        wanted = {user.name: user for user in self._setup.users or ()}
        for name, user in wanted.items():
            before, known_hash = there.get(name), self._present.hashes.get(name)
            if before is None or known_hash is None:
                self.tokens[name] = tokens.new_token()
                known_hash = tokens.hash_of(self.tokens[name])
                yield Change("users", name, Did.ADDED, note=f"{user.role}, gets a token")
            elif before != user:
                yield Change("users", name, Did.CHANGED, fields_between(before, user))
            else:
                continue
            self._users.append(KnownUser(name, user.role, known_hash, user.areas, user.agencies))
        for name in there:
            if name not in wanted:
                self._gone_users.append(name)
                yield Change("users", name, Did.REMOVED, note="the token is dead at once")

    def _notes(self, changes: Sequence[Change]) -> Iterable[str]:
        """Warnings for whoever has to agree to the changes."""
        present = _as_setup(self._present, self._now)
        whole = replace(present, **{part: given for part in PARTS if (given := listed(self._setup, part)) is not None})
        working = [
            one for one in changes if one.part == "units" and one.did is Did.CHANGED and self._work("units", one.key)
        ]
        if working:
            yield f"{len(working):,} of the changed units have open jobs; these go on."
        if not whole.units:
            yield "The city has no unit: nobody can be sent anywhere."
        if not whole.users:
            yield "The city has no users: whoever is at the server's computer is supervisor, nobody else can sign in."
        for service in self._setup.services or ():
            before = self._present.things["services"].get(service.code)
            if before is not None and before.confidential and not service.confidential:
                yield f"Service {service.code} is no longer confidential: its reports, old ones too, become public."
        yield from self._erased()
        yield from self._looked_at()
        language = present.language if self._setup.language is None else self._setup.language
        tags = sorted({tag for service in whole.services or () for tag in service.names})
        # protects: the-citys-own-language-is-said
        if tags and not language:
            yield (
                f"Services have names in {', '.join(tags)}, but of the plain ones nobody has said in which language "
                "they are: who reads that may be shown another one. The city's language says it."
            )
        skills = {skill for unit in whole.units or () for skill in unit.skills}
        for service in whole.services or ():
            # protects: a-p1-is-decided-soon
            if waits := _p1_waits(service):
                yield f"Service {service.code} is life and safety, but {waits}: give it targets for P1."
            missing = [skill for skill in service.skills if skill not in skills]
            if missing and whole.units:
                yield f"No unit has the skill {', '.join(missing)} that service {service.code} needs."
        for card in whole.run_cards or ():
            missing = [skill for skill in card.skills if skill not in skills]
            if missing and whole.units:
                yield f"No unit has the skill {', '.join(missing)} that run card {card.id} wants."
        kept = {one.key.casefold() for one in changes if one.did is Did.KEPT}
        called = kept | {word.casefold() for unit in whole.units or () for word in (unit.id, unit.code)}
        for user in whole.users or ():
            if user.role == "field" and user.name.casefold() not in called:
                yield f"User {user.name} has the role field, but no unit is called so: the crew page will be empty."

    def _erased(self) -> Iterable[str]:
        """What is erased within the hour as it would be kept no longer."""
        for field, count in self._present.kept_no_longer(self.retention).items():
            yield f"Then kept no longer, and erased for good: {count:,} {_KEPT[field]}."

    def _looked_at(self) -> Iterable[str]:
        """What other rules of what is looked at first would have done lately, and what they do not touch."""
        moderation, before = self.moderation, self._present.moderation
        if moderation == before or self._present.looked_at is None:
            return
        found = self._present.looked_at(moderation)
        if found.of and replace(moderation, first_report=False) != replace(before, first_report=False):
            yield (
                f"Of the newest {found.of:,} reports of citizens {found.then:,} would wait for an official for what "
                f"they say, where {found.now:,} do by the rules of now."
            )
        yield "Reports that are here already stay as they are: what waits goes on waiting, what is public is public."

    def _detail(self) -> dict[str, Any]:
        """The data of the audit log's row: which objects were changed and how, not their contents."""
        named = [f"{one.did.value} {one.part} {one.key}".rstrip() for one in self.difference.changes]
        return {"changes": len(named), "did": named[:_NAMED_IN_AUDIT], "mark": self.difference.mark}


def _open(count: int, noun: str) -> str:
    return f"{count:,} open {noun}{'' if count == 1 else 's'}"


def _is_retired(thing: Any, now: datetime) -> bool:
    valid_to = getattr(thing, "valid_to", None)
    return valid_to is not None and valid_to <= now


_UNSEEN = frozenset({"version", "state", "state_since", "shift_end", "lat", "lon", "position_at", "reason", "valid_to"})


def _between(before: msgspec.Struct, after: msgspec.Struct) -> tuple[FieldChange, ...]:
    """The fields in which two objects differ, without those that a set-up does not contain."""
    found = fields_between(before, after)
    return tuple(each for each in found if not (isinstance(before, Unit) and each.field in _UNSEEN))


def _read(connection: sa.Connection, now: datetime, *, lock: bool = False) -> _Present:
    """What there is at `now`; `lock` keeps units from being sent and changed until the transaction ends (in PostgreSQL)
    and counts for nobody what would wait for an official.
    """
    things: dict[str, dict[str, Any]] = {}
    for part, kind in _KINDS.items():
        table = schema.TABLES[schema.KIND_OF[kind]]
        query = sa.select(table.c.id, table.c.body).order_by(table.c.id)
        rows = connection.execute(query.with_for_update() if lock and part == "units" else query)
        things[part] = {key: decode(body, kind) for key, body in rows}
    table = schema.users
    users: dict[str, UserRecord] = {}
    hashes: dict[str, str] = {}
    found = sa.select(table.c.body, table.c.areas, table.c.agencies, table.c.token_hash).order_by(table.c.id)
    for body, areas, agencies, token_hash in connection.execute(found):
        user = decode(body, User)
        if token_hash is not None:
            codes = (decode(areas, tuple[str, ...]), decode(agencies, tuple[str, ...]))
            users[user.name], hashes[user.name] = UserRecord(user.name, user.role, *codes), token_hash
    jobs: dict[str, list[str]] = {}
    live = schema.assignments
    for unit, report in connection.execute(sa.select(live.c.unit, live.c.report).where(live.c.live == 1)):
        jobs.setdefault(unit, []).append(report)
    reports = schema.reports
    retention, moderation = (
        read_setting(connection, RETENTION, Retention),
        read_setting(connection, MODERATION, Moderation),
    )
    open_by = {
        part: _counts(connection, column)
        for part, column in (("services", reports.c.service), ("areas", reports.c.area))
    }
    return _Present(
        read_meta(connection),
        things,
        users,
        hashes,
        jobs,
        open_by,
        retention,
        moderation,
        lambda after: kept_no_longer(connection, retention, after, now),
        None if lock else lambda then: newest_looked_at(connection, moderation, then),
        None if lock else lambda service, calendars: newest_late(connection, service, calendars, now),
    )


def _counts(connection: sa.Connection, column: sa.Column[Any]) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).where(schema.reports.c.closed == 0, column.is_not(None))
    return dict(connection.execute(query.group_by(column)).all())


def _as_setup(present: _Present, now: datetime) -> CitySetup:
    """The present city as a set-up."""

    def valid(part: str, made: Callable[[Any], Any] = lambda thing: thing) -> tuple[Any, ...]:
        return tuple(made(thing) for thing in present.things[part].values() if not _is_retired(thing, now))

    return CitySetup(
        present.meta["name"],
        present.meta["timezone"],
        valid("calendars"),
        valid("agencies"),
        valid("services"),
        valid("areas"),
        valid("units", _record),
        valid("templates"),
        valid("limits"),
        tuple(present.users.values()),
        present.retention,
        rules_of(present.meta.get(REQUESTS)) or None,
        present.moderation,
        valid("run_cards"),
        present.meta.get(LANGUAGE),
    )


def _record(unit: Unit) -> UnitRecord:
    lat, lon = unit.post or (None, None)
    return UnitRecord(
        unit.id, unit.code, unit.name, unit.agency, unit.areas, unit.skills, unit.shift, unit.contact, lat, lon
    )


def _p1_waits(service: Service) -> str:
    """What is wrong with the time until somebody decides about what is life and safety; "" when nothing is."""
    if service.priority != 1:
        return ""
    sla = sla_of(service, 1)
    if sla is None or sla.first_response_s is None:
        return "nothing says how soon somebody decides"
    if sla.first_response_s <= _LONG_FOR_P1_S:
        return ""
    return f"has {length_text(sla.first_response_s)} until somebody decides"
