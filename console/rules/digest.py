"""Count and hash what two sides have of each day, so that a difference shows without reading everything again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from api_client.model import Day

_WRAP = 2**64
_DAY_S = 86_400


def days_of(rows: Iterable[tuple[str, int, int]]) -> list[Day]:
    """The days of reports given as (id, number of the last change, day since 1970), oldest first."""
    counts: dict[int, int] = {}
    sums: dict[int, int] = {}
    for key, seq, day in rows:
        mark = hashlib.blake2b(f"{seq} {key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        counts[day] = counts.get(day, 0) + 1
        sums[day] = (sums.get(day, 0) + int.from_bytes(mark, "big")) % _WRAP
    return [Day(date_of(day), counts[day], f"{sums[day]:016x}") for day in sorted(counts)]


def date_of(day: int) -> date:
    """The date of a day since 1970."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()


def day_of(when: date) -> int:
    """Days since 1970."""
    return int(datetime(when.year, when.month, when.day, tzinfo=UTC).timestamp()) // _DAY_S
