"""Find reports in a box: their positions sorted along a Z-order curve, and an unsorted tail of those that moved
since.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from console.rules.place import morton

Positions = NDArray[np.int64]
MercatorBox = tuple[int, int, int, int]
"""Least x, least y, greatest x, greatest y, all inside, in the units of `console.rules.place.mercator`."""

_QUADS_ACROSS = 8
_TAIL_AT_LEAST = 4096


class ZOrder(msgspec.Struct, frozen=True):
    """Keys in ascending order with their positions; `tail` holds the positions whose place is newer than the sorting.

    A position may stand in both parts: the sorted one then is out of date, and the caller's `in_tail` column says so.
    """

    keys: NDArray[np.uint64]
    positions: NDArray[np.int32]
    tail: NDArray[np.int32]

    @classmethod
    def build(cls, x: NDArray[np.int32], y: NDArray[np.int32]) -> ZOrder:
        """Sort all positions that have a place (x >= 0)."""
        placed = np.flatnonzero(x >= 0)
        keys = morton(x[placed], y[placed])
        order = np.argsort(keys)
        return cls(keys[order], placed[order].astype(np.int32), np.zeros(0, np.int32))

    @property
    def tail_is_large(self) -> bool:
        """Whether looking through the tail costs more than merging it."""
        return len(self.tail) > max(_TAIL_AT_LEAST, len(self.positions) // 64)

    def with_tail(self, moved: NDArray[np.int32]) -> ZOrder:
        """The same order with more positions in the tail."""
        return ZOrder(self.keys, self.positions, np.concatenate([self.tail, moved]))

    def merged(self, x: NDArray[np.int32], y: NDArray[np.int32], in_tail: NDArray[np.int8]) -> ZOrder:
        """Sort the tail in: cheaper than sorting all anew."""
        current = in_tail[self.positions] == 0
        keys, positions = self.keys[current], self.positions[current]
        placed = self.tail[x[self.tail] >= 0]
        fresh = morton(x[placed], y[placed])
        order = np.argsort(fresh)
        fresh, placed = fresh[order], placed[order]
        at = np.searchsorted(keys, fresh)
        return ZOrder(np.insert(keys, at, fresh), np.insert(positions, at, placed), np.zeros(0, np.int32))

    def slices(self, box: MercatorBox) -> list[tuple[int, int]]:
        """Ranges of the sorted part that hold everything of it in the box, and some that is only near."""
        west, north, east, south = box
        if west > east or north > south:
            return []
        span = max(east - west, south - north) + 1
        shift = max(0, span.bit_length() - _QUADS_ACROSS.bit_length())
        xs = np.arange(west >> shift, (east >> shift) + 1)
        ys = np.arange(north >> shift, (south >> shift) + 1)
        quads = np.sort(morton(np.tile(xs, len(ys)), np.repeat(ys, len(xs))))
        width = np.uint64(2 * shift)
        begins = np.searchsorted(self.keys, quads << width)
        ends = np.searchsorted(self.keys, (quads + np.uint64(1)) << width)
        ranges: list[tuple[int, int]] = []
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            if ranges and ranges[-1][1] == begin:
                ranges[-1] = (ranges[-1][0], end)
            elif begin < end:
                ranges.append((begin, end))
        return ranges

    def candidates(self, ranges: list[tuple[int, int]], in_tail: NDArray[np.int8]) -> Positions:
        """The positions of `slices`, without those out of date, and the whole tail."""
        parts = [self.positions[begin:end] for begin, end in ranges]
        found = np.concatenate(parts) if parts else np.zeros(0, np.int32)
        if len(self.tail):
            found = np.concatenate([found[in_tail[found] == 0], self.tail])
        return found.astype(np.int64)
