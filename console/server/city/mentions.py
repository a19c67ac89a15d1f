"""What speaks of a report though it belongs to none: lines of the log, closed streets, why an alarm was put away, and
the lines of hand-overs that say so. Erasing a report takes their words too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import AlarmRecord, Closure, Entry, Handover, HandoverLine, Kind
from console.rules.mentions import reports_named_in, reports_spoken_of
from console.server.city import schema
from console.server.city.database import holding
from console.server.city.edit_context import Before
from console.server.city.unit_of_work import UnitOfWork

GONE_WORDS = "–"
"""What stands in the place of words that a line cannot be without."""

_OF = (Kind.LOG.value, Kind.CLOSURE.value, Kind.ALARM.value)
_STAYS = frozenset(
    {"alarms", "acknowledged", "shelved_until", "closure", "seen", "kind", "geometry", "width_m", "since", "until",
     "report", "ended", "undoes"}
)  # fmt: skip
"""What of such an entry's data is no word of anybody's."""


class Mentions(NamedTuple):
    """What speaks of a report, by ids: entries about no report, closures, alarms, hand-overs."""

    entries: tuple[str, ...] = ()
    closures: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    handovers: tuple[str, ...] = ()


def find_mentions(connection: sa.Connection, report: str) -> Mentions:
    """What has words that speak of a report. The whole log is looked through: call it before edits have to wait."""
    piece = msgspec.json.encode(report)[1:-1]
    closures = [one for one in _all_of(connection, schema.closures, Closure, piece) if _closure_speaks_of(one, report)]
    alarms = [one for one in _all_of(connection, schema.alarms, AlarmRecord, piece) if _alarm_speaks_of(one, report)]
    entries = {one.id: one for one in _entries_with(connection, piece) if _entry_speaks_of(one, report)}
    of_closures = {str(one.data.get("closure")) for one in entries.values() if one.kind == Kind.CLOSURE}
    for key in sorted({*of_closures, *(one.id for one in closures)}):  # what was changed later does not say it again
        encoded = msgspec.json.encode(key)
        entries |= {one.id: one for one in _entries_with(connection, b'"closure":' + encoded)}
    logged = frozenset(f"log:{key}" for key in entries)
    handovers = [
        one
        for each in (piece, *(key.encode() for key in sorted(logged)))
        for one in _all_of(connection, schema.handovers, Handover, each)
        if any(_line_speaks_of(line, report, logged) for line in one.lines)
    ]
    return Mentions(
        tuple(sorted(key for key, one in entries.items() if without_words(one) != one)),
        tuple(sorted(one.id for one in closures if one.words or one.said_by)),
        tuple(sorted(one.id for one in alarms if one.reason not in ("", GONE_WORDS))),
        tuple(sorted({one.id for one in handovers})),
    )


def erase_mentions(unit_of_work: UnitOfWork, found: Mentions, report: str, by: str) -> list[Entry]:
    """Take out the words of all that was found, in the transaction of `unit_of_work`, in which the hand-overs are
    locked already; returns the entries as they are then.
    """
    now, table = unit_of_work.now, schema.entries
    for key in found.closures:
        if (closure := unit_of_work.closure(key)) is not None:
            bare = replace(closure, words="", said_by="", updated=now, updated_by=by, version=closure.version + 1)
            unit_of_work.put(bare)
    for key in found.alarms:
        if (alarm := unit_of_work.alarm(key)) is not None:
            unit_of_work.put(replace(alarm, reason=GONE_WORDS, version=alarm.version + 1))
    logged = frozenset(f"log:{key}" for key in found.entries)
    for key in found.handovers:
        handover = unit_of_work.handover(key)
        if handover is not None and (bare_one := without_lines(handover, report, logged)) is not handover:
            unit_of_work.put(bare_one)
    entries = []
    for key in found.entries:
        row = unit_of_work.connection.execute(sa.select(table.c.body, table.c.before).where(table.c.id == key)).first()
        if row is not None:
            entries.append(without_words(decode(row.body, Entry)))
            unit_of_work.put(entries[-1], **({"before": _without_closure(row.before)} if row.before else {}))
    return entries


def without_words(entry: Entry) -> Entry:
    """An entry about no report without anybody's words."""
    text = GONE_WORDS if entry.text and entry.kind == Kind.LOG else ""
    return replace(entry, text=text, data={name: value for name, value in entry.data.items() if name in _STAYS})


def without_lines(handover: Handover, report: str, logged: frozenset[str] = frozenset()) -> Handover:
    """The hand-over without what its lines say of the report, or of these lines of the log."""
    lines = tuple(
        replace(one, text=GONE_WORDS, remark="") if _line_speaks_of(one, report, logged) else one
        for one in handover.lines
    )
    return replace(handover, lines=lines, version=handover.version + 1) if lines != handover.lines else handover


def _without_closure(before: bytes) -> bytes:
    """What undo needs, without words."""
    known = decode(before, Before)
    if known.closure is None:
        return before
    return msgspec.json.encode(replace(known, closure=replace(known.closure, words="", said_by="")))


def _entries_with(connection: sa.Connection, piece: bytes) -> Iterable[Entry]:
    table = schema.entries
    query = sa.select(table.c.body).where(table.c.report.is_(None), holding(connection, table.c.body, piece))
    found = (decode(body, Entry) for body in connection.scalars(query))
    return [one for one in found if one.kind in _OF]


def _all_of(connection: sa.Connection, table: sa.Table, kind: type[Any], piece: bytes) -> list[Any]:
    query = sa.select(table.c.body).where(holding(connection, table.c.body, piece))
    return [decode(body, kind) for body in connection.scalars(query)]


def _entry_speaks_of(entry: Entry, report: str) -> bool:
    return report in reports_spoken_of(entry.data, entry.text)


def _closure_speaks_of(closure: Closure, report: str) -> bool:
    return closure.report == report or report in reports_named_in(f"{closure.words} {closure.said_by}")


def _alarm_speaks_of(alarm: AlarmRecord, report: str) -> bool:
    return alarm.report == report or report in reports_named_in(alarm.reason)


def _line_speaks_of(line: HandoverLine, report: str, logged: frozenset[str]) -> bool:
    """Whether a line has words of the report; its own lines are emptied by whoever erases it, found so or not."""
    if line.text == GONE_WORDS and not line.remark:
        return False
    return line.report == report or line.id in logged or report in reports_named_in(f"{line.text} {line.remark}")
