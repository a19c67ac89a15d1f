"""What the board holds of a report, packed into 73 bytes: written by `writer`, read as numpy columns by `reader`.

One packed value a row lets SQLite hand a million rows over as text while the GIL is free; twenty integers a row would
be turned into Python objects one by one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import datetime

from api_client.model import Clock, ClockState, Publication, Report, WaitsFor
from console.rules.report import holder_of
from console.rules.status import ORDER, is_open

FIELDS: tuple[tuple[str, str], ...] = (
    ("row", "q"),
    ("created", "q"),
    ("updated", "q"),
    ("due", "q"),
    ("lat_e7", "i"),
    ("lon_e7", "i"),
    ("area", "i"),
    ("lead_unit", "i"),
    ("source", "h"),
    ("service", "h"),
    ("agency", "h"),
    ("claim", "h"),
    ("duplicates", "h"),
    ("status", "b"),
    ("hold", "b"),
    ("priority", "b"),
    ("due_state", "b"),
    ("photos", "b"),
    ("merged", "b"),
    ("hold_until", "q"),
    ("moderation", "b"),
)
"""Name and struct code (little endian, no padding) of every column, in the order of the bytes."""

FACTS = struct.Struct("<" + "".join(code for _, code in FIELDS))
NO_PLACE = -(2**31)
"""lat_e7 and lon_e7 of a report without a place."""

DUE_NONE, DUE_RUNNING, DUE_PAUSED, DUE_MET, DUE_BREACHED = range(5)
STATUS_AT = 58
"""The byte of the status; those from CLOSED_FROM on are closed."""
CLOSED_FROM = sum(is_open(status) for status in ORDER)
MERGED_AT = 63
"""The byte that is 1 where the report was merged into another."""
_LEAD = struct.Struct("<i")
_LEAD_AT = struct.calcsize("<" + "".join(code for _, code in FIELDS[:7]))
_HOLD = {reason: index for index, reason in enumerate(WaitsFor, start=1)}
_STATUS = {status: index for index, status in enumerate(ORDER)}


def pack(row: int, source: int, report: Report, lead_unit: int, word_id: Callable[[str, str | None], int]) -> bytes:
    """The 73 bytes of one report; `word_id(kind, word)` codes its words (0 for None)."""
    lat_e7, lon_e7 = place_e7(report.lat, report.lon)
    due, due_state = next_due(report.clocks)
    return FACTS.pack(
        row,
        seconds(report.created),
        seconds(report.updated),
        due,
        lat_e7,
        lon_e7,
        word_id("area", report.area),
        lead_unit,
        source,
        word_id("service", report.service),
        word_id("agency", report.agency),
        word_id("user", holder_of(report)),
        min(max(report.duplicates, 0), 32767),
        _STATUS[report.status],
        _HOLD[report.hold.waits_for] if report.hold else 0,
        min(max(report.priority, 0), 127),
        due_state,
        min(len({photo.key for photo in report.photos}), 127),
        1 if report.merged_into else 0,
        hold_until(report),
        waits_for_official(report),
    )


def hold_until(report: Report) -> int:
    """The first whole second at which its hold is over; 0 without one, and where it has no end."""
    until = report.hold.until if report.hold is not None else None
    return max(1, math.ceil(until.timestamp())) if until is not None else 0


def waits_for_official(report: Report) -> int:
    """1 where somebody has to look at its words and photos before everybody sees them."""
    return int(report.publication is Publication.WAITING)


def lead_of(facts: bytes) -> int:
    """The lead unit's word id in packed facts."""
    return int(_LEAD.unpack_from(facts, _LEAD_AT)[0])


def with_lead(facts: bytes, lead_unit: int) -> bytes:
    """The same facts with another lead unit."""
    return facts[:_LEAD_AT] + _LEAD.pack(lead_unit) + facts[_LEAD_AT + _LEAD.size :]


def place_e7(lat: float | None, lon: float | None) -> tuple[int, int]:
    """Degrees in units of 1e-7, or NO_PLACE twice when there is no place on Earth."""
    if lat is None or lon is None or not (math.isfinite(lat) and math.isfinite(lon)):
        return NO_PLACE, NO_PLACE
    if abs(lat) > 90.0 or abs(lon) > 180.0:
        return NO_PLACE, NO_PLACE
    return round(lat * 1e7), round(lon * 1e7)


def next_due(clocks: tuple[Clock, ...]) -> tuple[int, int]:
    """The unix second at which the next unmet clock is due (0: none) and the state the board shows.

    An unmet clock with a due time comes first, the earliest of several; then a paused one, with when it will be due if
    it goes on at the end of the hold; then how the ended went.
    """
    unmet = [clock for clock in clocks if clock.met_at is None and clock.state is not ClockState.MET]
    paused = [clock for clock in unmet if clock.state is ClockState.PAUSED]
    timed = [(clock.due, clock) for clock in unmet if clock.due is not None and clock not in paused]
    if timed:
        due, first = min(timed, key=lambda pair: pair[0])
        return seconds(due), DUE_BREACHED if first.state is ClockState.BREACHED else DUE_RUNNING
    if paused:
        later = min((clock.due for clock in paused if clock.due is not None), default=None)
        return seconds(later) if later is not None else 0, DUE_PAUSED
    if any(clock.state is ClockState.BREACHED for clock in clocks):
        return 0, DUE_BREACHED
    return 0, DUE_MET if clocks else DUE_NONE


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down, before 1970 too."""
    return int(moment.replace(microsecond=0).timestamp())
