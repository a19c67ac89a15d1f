"""Alarms of a city: who may acknowledge or shelve which, and what an edit makes of their records.

The server raises none: what an alarm is each console finds out from what it has read. Here is kept what operators did.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from msgspec import UNSET, to_builtins
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import AlarmAbout, AlarmChange, AlarmKind, EditBody, Entry, Limit, alarm_id
from console.rules.alarms import OF_UNITS, record_after, why_not_shelved
from console.rules.filter import FilterError
from console.rules.handover import LATE, end_of_shift
from console.rules.limit import concerns, filter_of
from console.rules.report import HAZARD
from console.server.city import schema
from console.server.city.database import Database
from console.server.city.edit_context import entry_apart
from console.server.city.numbered import drop_things
from console.server.city.payload_check import kept_data, payload_of
from console.server.city.records import Actor
from console.server.city.rights import check_scope, check_unit_scope
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import ForbiddenRefusal, Invalid, NotFound, Refusal

_KEEP = timedelta(days=30)
_CLOCK_SLACK = timedelta(minutes=2)
"""The clocks of a console and its server may differ by so much."""


def change_alarms(unit_of_work: UnitOfWork, edit: EditBody, actor: Actor) -> Entry:
    """Acknowledge or shelve alarms; returns the entry without its id. Raises Refusal.

    What is gone meanwhile, no P1 any more or out of the actor's scope is left out, and the entry names the others: of
    five P1s acknowledged with one key one that was deleted takes no other with it. Refused is an edit of which nothing
    is left, and one that shelves what he may not. It counts as done when the operator did it (`occurred_at`), however
    late it arrives: what has come again since is not acknowledged by it.
    """
    if edit.undoes is not None:
        raise Invalid("What was done about an alarm is not taken back: shelve it, or take it off the shelf.")
    change = payload_of(edit, AlarmChange)
    now = unit_of_work.now
    at = min(edit.occurred_at or now, now)
    _check_change(change)
    taken: list[AlarmAbout] = []
    faults: list[Refusal] = []
    # Reports and units are locked, in one order: of two edits of an alarm that nobody has touched the second reads the
    # first's record.
    for alarm in sorted(change.alarms, key=lambda one: (one.kind in OF_UNITS, one.about)):
        if alarm.kind is AlarmKind.SOURCE:
            raise Invalid("That a server is not reached is known to the console that cannot reach it alone.")
        try:
            hazard, latest = _check_about(unit_of_work, alarm, actor)
            # protects: no-alarm-of-the-future-is-acknowledged
            if alarm.since > latest + _CLOCK_SLACK:
                raise Invalid("The alarm has not begun yet.")
        except (NotFound, ForbiddenRefusal, Invalid) as fault:
            # protects: a-refused-alarm-takes-no-other-with-it
            faults.append(fault)
            continue
        if isinstance(change.shelved_until, datetime):
            why = why_not_shelved(hazard=hazard, role=actor.role, lasts=change.shelved_until - at)
            # protects: a-p1-is-shelved-by-a-supervisor
            if why:
                raise ForbiddenRefusal(f"{why}.")
        # A P1 has been without a crew since something that stands here: of what comes a moment later nobody knows yet.
        # protects: no-later-loss-of-a-crew-is-acknowledged
        began = min(alarm.since, latest) if alarm.kind is AlarmKind.CREWLESS else alarm.since
        before = unit_of_work.alarm(alarm.id)
        after = record_after(before, replace(alarm, since=began), change, actor.name, at)
        if after is not None and after is not before:
            unit_of_work.put(after)
        taken.append(alarm)
    if not taken:
        raise faults[0]
    left = replace(edit, data={**edit.data, "alarms": to_builtins(taken)}) if faults else edit
    reason = change.reason if isinstance(change.reason, str) else ""
    return entry_apart(unit_of_work, edit, actor, reason, kept_data(left))


def drop_alarms_of_limits(database: Database, connection: sa.Connection, limits: Iterable[str], now: datetime) -> int:
    """Delete what was done about the alarms of limits that are gone or count something else now: what they call for
    nobody has acknowledged or shelved. Returns the last feed number, 0 for none.
    """
    keys = [alarm_id(AlarmKind.LIMIT, key) for key in limits]
    return drop_things(database, connection, "alarm", keys, now)


def drop_old_alarms(database: Database, connection: sa.Connection, now: datetime) -> None:
    """Delete the records of which nothing was done for 30 days; the history of who did what stays."""
    table = schema.alarms
    old = sa.select(table.c.id).where(table.c.updated < schema.micros(now - _KEEP))
    drop_things(database, connection, "alarm", list(connection.execute(old).scalars()), now)


def _check_change(change: AlarmChange) -> None:
    if not change.acknowledged and change.shelved_until is UNSET:
        raise Invalid("It says neither that the alarms are acknowledged nor that they are shelved.")
    if len({alarm.id for alarm in change.alarms}) < len(change.alarms):
        raise Invalid("It names an alarm twice.")
    if isinstance(change.shelved_until, datetime) and not (isinstance(change.reason, str) and change.reason.strip()):
        raise Invalid("An alarm is shelved for a reason: it is missing.")


def _check_about(unit_of_work: UnitOfWork, alarm: AlarmAbout, actor: Actor) -> tuple[bool, datetime]:
    """Whether a life may depend on it, and when it began at the latest. Raises NotFound when what it is about is not
    there, ForbiddenRefusal when that lies outside the actor's scope.
    """
    if alarm.kind in OF_UNITS:
        unit = unit_of_work.unit(alarm.about)
        if unit is None:
            raise NotFound(f"There is no unit {alarm.about}.")
        check_unit_scope(unit_of_work, actor, unit)
        reports = (unit_of_work.stored_report(job.report) for job in unit_of_work.jobs_of(unit.id))
        return any(report is not None and report.priority == HAZARD for report in reports), unit_of_work.now
    if alarm.kind is AlarmKind.UNSIGNED:
        # A shift of which nobody has offered a hand-over: of that there is nothing here but what is done about it.
        if (end := end_of_shift(alarm.about)) is not None:
            # protects: no-shift-at-the-end-of-time
            if end > unit_of_work.now:
                raise Invalid("The alarm has not begun yet.")
            return False, min(unit_of_work.now, end + LATE)
        if unit_of_work.handover(alarm.about) is None:
            raise NotFound(f"There is no hand-over {alarm.about}.")
        return False, unit_of_work.now
    if alarm.kind is AlarmKind.LIMIT:
        # protects: no-alarm-of-a-limit-that-is-gone
        if (limit := unit_of_work.limit(alarm.about)) is None:
            raise NotFound(f"There is no limit {alarm.about}.")
        _check_limit_scope(unit_of_work, limit, actor)
        return False, unit_of_work.now
    # protects: two-edits-of-an-alarm-follow-one-another
    report = unit_of_work.report(alarm.about)
    if report is None:
        raise NotFound(f"There is no report {alarm.about}.")
    # protects: alarms-within-ones-scope
    check_scope(unit_of_work, actor, report)
    # protects: only-a-p1-is-without-a-crew
    if alarm.kind is AlarmKind.CREWLESS and report.priority != HAZARD:
        raise NotFound(f"Report {alarm.about} is no P1: nothing calls for a crew.")
    # protects: a-p1-of-a-later-hour-is-acknowledged
    latest = max(unit_of_work.now, report.created)  # a file may have the hours of another zone
    return report.priority == HAZARD, latest


class _Coded(msgspec.Struct, frozen=True):
    """What is read of an area or agency, without its borders."""

    code: str
    name: str
    valid_to: datetime | None = None


def _check_limit_scope(unit_of_work: UnitOfWork, limit: Limit, actor: Actor) -> None:
    """Raise ForbiddenRefusal for a limit that is for others to answer; see console.rules.limit."""
    if not (actor.areas or actor.agencies):
        return
    coded = {
        kind: [decode(body, _Coded) for body in unit_of_work.connection.execute(sa.select(table.c.body)).scalars()]
        for kind, table in (("area", schema.areas), ("agency", schema.agencies))
    }
    try:
        found = filter_of(limit, coded, unit_of_work.now)
    except FilterError:
        return  # no console counts it
    # protects: limits-within-ones-scope
    if not concerns(found, actor.areas, actor.agencies, unit_of_work.area):
        raise ForbiddenRefusal(f"The limit {limit.name} is outside the areas and agencies of {actor.name}.")
