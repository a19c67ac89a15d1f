"""Find ids that stand on several lines of a file, and the newest of those lines, with a few bytes for each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from datetime import UTC, datetime, timedelta

import numpy as np

_NEVER = -(1 << 62)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Repeats:
    """What repeats among `identities` (64 bits for each row of a file); rows are counted from 0."""

    def __init__(self, identities: array[int]) -> None:
        hashes = np.sort(np.frombuffer(identities, dtype=np.uint64)) if identities else np.empty(0, np.uint64)
        self._known = array("Q", np.unique(hashes[:-1][hashes[1:] == hashes[:-1]]).tobytes())
        count = len(self._known)
        self._newest_at = array("q", [_NEVER]) * count
        self._newest_row = array("q", bytes(8 * count))
        self._newest_line = array("q", bytes(8 * count))
        self._times = array("Q", bytes(8 * count))

    def __len__(self) -> int:
        return len(self._known)

    def place(self, identity: int) -> int | None:
        """Where the repeated identity is kept, None for one that stands on one line only."""
        at = bisect_left(self._known, identity)
        return at if at < len(self._known) and self._known[at] == identity else None

    def see(self, place: int, row: int, line: int, updated: datetime) -> None:
        """One of its rows; of two that are equally new the later counts."""
        at = (updated - _EPOCH) // _MICROSECOND
        self._times[place] += 1
        if at >= self._newest_at[place]:
            self._newest_at[place], self._newest_row[place], self._newest_line[place] = at, row, line

    def is_newest(self, place: int, row: int) -> bool:
        """Whether this row is the one to use."""
        return self._newest_row[place] == row

    def newest_line(self, place: int) -> int:
        """The line of the row to use."""
        return self._newest_line[place]

    def times(self, place: int) -> int:
        """On how many rows it stands."""
        return self._times[place]

    def count(self, place: int) -> int:
        """Count one row more and tell how many it were so far."""
        self._times[place] += 1
        return self._times[place]
