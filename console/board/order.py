"""The queue's order: one number for each report, the smallest on top.

`urgency` puts on top what needs somebody now. Its key, from the highest digit to the lowest:

1. band: 0 unacknowledged P1 (undecided, and nobody has it); 1 late: overdue, or P1 or P2 due within the hour;
   2 P3 or P4 due within the hour; 3 due later; 4 nothing runs (paused, met, no clock)
2. priority, 1 to 4
3. time: in bands 1 to 3 the moment at which the clock is due, in bands 0 and 4 the moment of the report (oldest first)
4. local row, so that the order is the same in every View
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from console.board.snapshot import DUE_BREACHED, DUE_PAUSED, DUE_RUNNING, Column

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Ordered(msgspec.Struct, frozen=True):
    """The columns that orders look at, of the reports to be ordered only. `area_rank` is the area's place by name."""

    row: Integers
    priority: Column
    created: Integers
    due: Integers
    due_state: Column
    alarm: Bools
    overdue: Bools
    at_risk: Bools
    area_rank: Column | None = None


def in_order(reports: Ordered, order: str) -> Integers:
    """The indices of `reports` in the given order (see ORDERS of console.domain.filter)."""
    match order:
        case "newest":
            digits = [-reports.created]
        case "due":
            digits = [_due_band(reports), np.where(_runs(reports), reports.due, reports.created)]
        case "priority":
            digits = [reports.priority, reports.created]
        case "area" if reports.area_rank is not None:
            digits = [reports.area_rank, _band(reports), reports.priority, _time(reports)]
        case _:
            digits = [_band(reports), reports.priority, _time(reports)]
    return _sorted([*digits, reports.row])


def _band(reports: Ordered) -> Column:
    pressing = reports.priority <= 2
    band = np.where(_runs(reports), np.int8(3), np.int8(4))
    band[reports.at_risk] = 2
    band[reports.overdue | (reports.at_risk & pressing)] = 1
    band[reports.alarm] = 0
    return band


def _runs(reports: Ordered) -> Bools:
    ticking = (reports.due_state == DUE_RUNNING) | (reports.due_state == DUE_BREACHED)
    runs: Bools = ticking & (reports.due > 0)
    return runs


def _due_band(reports: Ordered) -> Column:
    return np.where(_runs(reports), np.int8(0), np.where(reports.due_state == DUE_PAUSED, np.int8(1), np.int8(2)))


def _time(reports: Ordered) -> Integers:
    return np.where(_runs(reports) & ~reports.alarm, reports.due, reports.created)


def _sorted(digits: list[Column]) -> Integers:
    """Indices that sort by the digits, the first one counting most; the last digit is different for every report.

    All digits and the index are packed into one integer where they fit: sorting plain integers is five times faster
    than sorting indices.
    """
    count = len(digits[0])
    if count < 2:
        return np.arange(count, dtype=np.int64)
    index_bits = (count - 1).bit_length()
    lows = [int(digit.min()) for digit in digits]
    bits = [(int(digit.max()) - low).bit_length() for digit, low in zip(digits, lows, strict=True)]
    ascending = bool((np.diff(digits[-1]) > 0).all())
    if ascending:  # then the index says the same as the last digit
        digits, lows, bits = digits[:-1], lows[:-1], bits[:-1]
    if sum(bits) + index_bits > 63:
        return np.lexsort(digits[::-1]).astype(np.int64)
    key = np.zeros(count, np.int64)
    for digit, low, width in zip(digits, lows, bits, strict=True):
        key <<= width
        key |= digit.astype(np.int64) - low
    key <<= index_bits
    key |= np.arange(count, dtype=np.int64)
    key.sort()
    return key & ((1 << index_bits) - 1)
