"""What an alarm is, in which state it stands, and what acknowledging and shelving make of it (after ISA-18.2).

An alarm is something abnormal that needs a response; anything else is none. It is found out anew from what is known
(`board/alarms.py`); only what operators did about it is kept, in its AlarmRecord.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from api_client.decoding import convert
from api_client.model import AlarmAbout, AlarmChange, AlarmKind, AlarmRecord
from console.rules.edit import Edit
from console.rules.handover import end_of_shift
from console.rules.report import HAZARD

AlarmKey = tuple[str, str]
"""Which alarm it is: the key of the source, and the id there."""

OF_UNITS = frozenset({AlarmKind.UNANSWERED, AlarmKind.NOT_ARRIVED, AlarmKind.SILENT})
"""The kinds that are about a unit."""
OF_NO_REPORT = OF_UNITS | {AlarmKind.UNSIGNED, AlarmKind.LIMIT, AlarmKind.SOURCE}
"""The kinds that are about no report: about a unit, a hand-over or a shift that has none, a limit of the city, this
console's connection.
"""

SLA_ENDS_SOON_S = 600
"""So long before the SLA of a P1 or P2 is breached its alarm comes."""
ANSWER_S = {1: 120, 2: 300, 3: 900, 4: 900}
"""So long a unit has to acknowledge an order, by the priority of the report."""
ARRIVAL_S = {1: 1200, 2: 2400, 3: 5400, 4: 5400}
"""So long a unit has to arrive once it has acknowledged the order, or is on its way."""
SILENT_S = 1800
SOURCE_DELAY_S = 60
"""A server that was away for less than that is no alarm: it comes and goes."""

MOST_OF_A_KIND = 200
"""So many of one kind are listed, the most urgent and oldest: nobody answers more, nor shall a hostile server fill the
list.
"""

SHELVE_MINUTES = (5, 15, 30)
MOST_OF_HAZARD = timedelta(minutes=15)
"""A P1 is shelved for no longer, and by a supervisor only."""
MOST_SHELVED = timedelta(hours=12)
"""Nothing is shelved for longer: no shift lasts longer."""

LOAD_S = 600
"""The alarm load is counted over so many seconds."""
LOAD_GOAL, LOAD_MOST = 1, 2
"""New alarms in that time that an operator can very likely handle, and the most that he can."""
FLOOD = 10
"""More new ones than that in that time are a flood, and told in one line."""

_CLOCK_SLACK = timedelta(seconds=60)


class AlarmState(StrEnum):
    """Where an alarm stands."""

    NEW = "new"
    """Not acknowledged."""
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    """To normal, before anybody acknowledged it."""
    SHELVED = "shelved"


class Alarm(msgspec.Struct, frozen=True):
    """Something that needs a response. `about` is the number of its report or the id of its unit, hand-over or limit
    (of a source at fault "", or "sync"); `since` is when this occurrence began, by the clock of its source.

    `report` and `row` are of the report that it is about, or that its unit is on ("" and 0: none). `title` names it, in
    the city's own words. `is_taken` says that somebody has taken that report. `lost_by` is by whom
    this occurrence of a P1 without a crew began (who ended its crew's work, made it a P1, left it), "" when it was made
    so. `count` is how many reports there are of a limit.
    """

    kind: AlarmKind
    source: str
    about: str
    since: datetime
    priority: int
    report: str = ""
    row: int = 0
    unit: str = ""
    title: str = ""
    is_taken: bool = False
    lost_by: str = ""
    count: int = 0

    @property
    def id(self) -> str:
        """Its id at its source, the same at every console."""
        return self.stands.id

    @property
    def stands(self) -> AlarmAbout:
        """Which one it is, and since when, as an edit names it."""
        return AlarmAbout(self.kind, self.about, self.since)

    @property
    def key(self) -> AlarmKey:
        """Which one it is among those of all sources."""
        return self.source, self.id

    @property
    def is_hazard(self) -> bool:
        """Whether a life may depend on it."""
        return self.priority == HAZARD


class AlarmType(msgspec.Struct, frozen=True):
    """One kind of alarm: its name, and what to do about it; English source texts."""

    name: str
    response: str


TYPES: dict[AlarmKind, AlarmType] = {
    AlarmKind.CREWLESS: AlarmType("P1 without a crew", "Send a crew, or ask who has it"),
    AlarmKind.SLA_BREACH: AlarmType("SLA breached", "Send or call the crew, or hold it with a reason"),
    AlarmKind.SLA_ENDING: AlarmType("SLA ends soon", "Ask the crew whether it is done in time"),
    AlarmKind.UNANSWERED: AlarmType("Order unanswered", "Call the crew, or send another"),
    AlarmKind.NOT_ARRIVED: AlarmType("Crew not arrived", "Call the crew and ask where it is"),
    AlarmKind.SILENT: AlarmType("Unit silent", "Call the crew, roll call"),
    AlarmKind.LEFT_OVER: AlarmType("Not taken over", "Take it, or ask who has it now"),
    AlarmKind.UNSIGNED: AlarmType("Hand-over unsigned", "Call who takes over: the shift is not over"),
    AlarmKind.LIMIT: AlarmType("Over the limit", "List them: one event?"),
    AlarmKind.SOURCE: AlarmType("Server not reached", "Tell units by radio; call whoever runs the server"),
}
NOT_TAKEN = AlarmType("P1 not taken", "Take it, send a crew")
"""Of a P1 without a crew that nobody has taken."""
NOT_HANDED_OVER = AlarmType("No hand-over", "Ask who had the shift what is open, and take it")
"""Of a shift of which nobody has offered one."""
SYNC_STOPPED = AlarmType("Sync stopped", "It is started again; close and open Sigap if it stays")
SYNC = "sync"
"""What an alarm about this console's own sync process is about."""


def type_of(alarm: Alarm) -> AlarmType:
    """The name of an alarm and what to do about it."""
    if alarm.kind is AlarmKind.CREWLESS and not alarm.is_taken:
        return NOT_TAKEN
    if alarm.kind is AlarmKind.UNSIGNED and end_of_shift(alarm.about) is not None:
        return NOT_HANDED_OVER
    if alarm.kind is AlarmKind.SOURCE and alarm.about == SYNC:
        return SYNC_STOPPED
    return TYPES[alarm.kind]


def is_shelved(alarm: Alarm | AlarmAbout, record: AlarmRecord | None, now: datetime, *, hazard: bool) -> bool:
    """Whether an alarm is shelved now. A P1 never is for longer than MOST_OF_HAZARD, whatever its record says, nor by
    what was said of something else before.
    """
    if record is None or record.shelved_until is None:
        return False
    until = record.shelved_until
    if hazard:
        # protects: a-shelf-holds-no-later-p1
        if record.since < alarm.since:
            return False
        at = record.shelved_at or record.updated
        # protects: no-p1-is-shelved-by-a-wrong-clock
        if at > now + _CLOCK_SLACK:
            return False
        # protects: no-p1-is-shelved-for-long
        until = min(until, at + MOST_OF_HAZARD)
    return now < until


def is_acknowledged(alarm: Alarm | AlarmAbout, record: AlarmRecord | None, now: datetime) -> bool:
    """Whether this occurrence was acknowledged; what stood on the shelf meanwhile has to be again."""
    if record is None or record.acknowledged_at is None:
        return False
    # protects: what-comes-again-is-acknowledged-again
    if record.since < alarm.since:
        return False
    ended = record.shelved_until
    return ended is None or not record.acknowledged_at < ended <= now


def state_of(alarm: Alarm, record: AlarmRecord | None, now: datetime, *, stands: bool = True) -> AlarmState | None:
    """The state of an alarm; None of one that stands no more and was acknowledged or shelved: it is over."""
    acknowledged, away = is_acknowledged(alarm, record, now), is_shelved(alarm, record, now, hazard=alarm.is_hazard)
    if not stands:
        return None if acknowledged or away else AlarmState.RETURNED
    if away:
        return AlarmState.SHELVED
    return AlarmState.ACKNOWLEDGED if acknowledged else AlarmState.NEW


def record_after(
    before: AlarmRecord | None, alarm: AlarmAbout, change: AlarmChange, by: str, at: datetime
) -> AlarmRecord | None:
    """The record of an alarm after `by` has done something about it at `at`; `before` where nothing is otherwise.

    Who acknowledged an occurrence first stays named. Of several who shelve one the last has the say, by when it was
    done; with a later one the acknowledgement of the one before goes.
    """
    record = before
    if change.acknowledged and not is_acknowledged(alarm, before, at) and not _is_away(before, alarm, at):
        record = _changed(record, alarm, by, at)
        # protects: a-shelf-ends-with-what-was-on-it
        if record.since < alarm.since:  # what was put away is over
            record = replace(record, since=alarm.since, shelved_by="", shelved_at=None, shelved_until=None, reason="")
        # protects: a-late-acknowledgement-covers-nothing-newer
        record = replace(record, since=min(record.since, alarm.since), acknowledged_by=by, acknowledged_at=at)
    if change.shelved_until is None:
        record = replace(_changed(record, alarm, by, at), shelved_by="", shelved_at=None, shelved_until=None, reason="")
    # protects: a-late-shelf-puts-away-nothing-newer
    elif isinstance(change.shelved_until, datetime) and not _is_overtaken(record, alarm, at):
        reason = change.reason if isinstance(change.reason, str) else ""
        record = _changed(record, alarm, by, at)
        if record.since < alarm.since:  # what was acknowledged is over
            record = replace(record, since=alarm.since, acknowledged_by="", acknowledged_at=None)
        record = replace(record, shelved_by=by, shelved_at=at, shelved_until=change.shelved_until, reason=reason)
    if record is None or record is before:
        return before
    return replace(record, version=before.version + 1 if before is not None else 1)


def with_changes(records: Mapping[str, AlarmRecord], edits: Iterable[Edit]) -> dict[str, AlarmRecord]:
    """The records of a source as shown, by their ids: with the operator's own edits of them that no server has yet."""
    shown = dict(records)
    for edit in edits:
        try:
            change = convert(edit.data, AlarmChange)
        except ValueError:
            continue
        for alarm in change.alarms:
            if (record := record_after(shown.get(alarm.id), alarm, change, edit.author, edit.occurred_at)) is not None:
                shown[alarm.id] = record
    return shown


def why_not_shelved(*, hazard: bool, role: str, lasts: timedelta) -> str:
    """Why somebody in this role may not shelve an alarm for so long, "" when he may."""
    if hazard and role != "supervisor":
        return "A P1 is shelved by a supervisor only"
    if hazard and lasts > MOST_OF_HAZARD + _CLOCK_SLACK:
        return "A P1 is shelved for 15 minutes at most"
    if lasts > MOST_SHELVED + _CLOCK_SLACK:
        return "Nothing is shelved for longer than 12 hours"
    return ""


def _is_away(record: AlarmRecord | None, alarm: AlarmAbout, at: datetime) -> bool:
    """Whether a later occurrence of an alarm is on the shelf."""
    return (
        record is not None
        and alarm.since < record.since
        and record.shelved_until is not None
        and at < record.shelved_until
    )


def _is_overtaken(record: AlarmRecord | None, alarm: AlarmAbout, at: datetime) -> bool:
    """Whether something was done since about a later occurrence, or it was shelved since."""
    return record is not None and (
        alarm.since < record.since or (record.shelved_at is not None and at < record.shelved_at)
    )


def _changed(before: AlarmRecord | None, alarm: AlarmAbout, by: str, at: datetime) -> AlarmRecord:
    """The record to be changed: the one there was, else one that says nothing yet."""
    if before is not None:
        return replace(before, updated=at, updated_by=by)
    unit = alarm.about if alarm.kind in OF_UNITS else None
    report = alarm.about if alarm.kind not in OF_NO_REPORT else None
    return AlarmRecord(alarm.id, alarm.kind, alarm.since, at, by, report, unit)
