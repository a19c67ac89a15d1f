"""The queue's order: one number for each report, the smallest on top.

In every order a P1 without a crew on its way ("burns") comes first, the oldest of several on top.

`urgency` goes on by danger to people, then by time. Its number has these digits, from the highest to the lowest:

1. whether it burns
2. priority, 1 to 4
3. band: 0 a clock runs (due or late); 1 none does (paused, met, no clock); 2 the work is done and waits to be validated
4. time: where a clock runs the moment at which it is due, so that what is late longest comes first; elsewhere, and of
   what burns, the moment of the report (oldest first)
5. local row, so that the order is the same in every View
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from console.board.snapshot import DUE_BREACHED, DUE_PAUSED, DUE_RUNNING, Column

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Ordered(msgspec.Struct, frozen=True):
    """The columns that orders look at, of the reports to be ordered only.

    `burns` marks P1 without a crew on the way, `validation` what waits to be validated; `area_rank` is the area's place
    by name.
    """

    row: Integers
    priority: Column
    created: Integers
    due: Integers
    due_state: Column
    burns: Bools
    validation: Bools
    area_rank: Column | None = None


def in_order(reports: Ordered, order: str) -> Integers:
    """The indices of `reports` in the given order (see ORDERS of console.rules.filter)."""
    time = _time(reports)
    match order:
        case "newest":
            digits = [np.where(reports.burns, reports.created, -reports.created)]
        case "due":
            digits = [_due_band(reports), time]
        case "priority":
            digits = [reports.priority, reports.created]
        case "area" if reports.area_rank is not None:
            digits = [reports.area_rank, reports.priority, _band(reports), time]
        case _:
            digits = [reports.priority, _band(reports), time]
    if reports.burns.any():
        digits[:-1] = [np.where(reports.burns, digit.dtype.type(0), digit) for digit in digits[:-1]]
        digits.insert(0, (~reports.burns).astype(np.int8))
    return _sorted([*digits, reports.row])


def _band(reports: Ordered) -> Column:
    band = np.where(_runs(reports), np.int8(0), np.int8(1))
    band[reports.validation] = 2
    return band


def _runs(reports: Ordered) -> Bools:
    ticking = (reports.due_state == DUE_RUNNING) | (reports.due_state == DUE_BREACHED)
    runs: Bools = ticking & (reports.due != 0)
    return runs


def _due_band(reports: Ordered) -> Column:
    return np.where(_runs(reports), np.int8(0), np.where(reports.due_state == DUE_PAUSED, np.int8(1), np.int8(2)))


def _time(reports: Ordered) -> Integers:
    return np.where(_runs(reports) & ~reports.burns, reports.due, reports.created)


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
