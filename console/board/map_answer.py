"""What the map draws of one box of one View, in the binary form that the page reads.

Little endian. Eight u32: magic, view number, number of cells, number of symbols, reports in cells, outside the box,
without a place, flags (1: storm, 2: not all reports are loaded yet; from bit 8 on the number of symbols that the queue
does not show: P1 that wait for a crew are drawn whatever the filter). Then the cells: i32 lon_e7, i32 lat_e7 (the
reports' centroid), u32 count, u32 flags (1: holds a P2). Then the symbols: i32 row, i32 lon_e7, i32 lat_e7, u8
priority, u8 status, u8 flags (PENDING, HELD, ALARM, SELECTED, UNLISTED), u8 0. Symbols of the queue + in cells +
outside + placeless = the queue of the View.
"""

from __future__ import annotations

import struct
from math import ceil

import numpy as np
from numpy.typing import NDArray

from console.board.snapshot import CLOSED_FROM, BoardSnapshot
from console.board.view import View, is_unassigned
from console.board.zorder import MercatorBox, Positions
from console.rules.loaded import Loaded
from console.rules.place import WORLD_BITS, from_mercator, mercator_point

MAGIC = 0x53494741
STORM, LOADING, UNLISTED_BIT = 1, 2, 8
PENDING, HELD, ALARM, SELECTED, UNLISTED = 1, 2, 4, 8, 16
SINGLE_FROM_ZOOM = 15
"""From here on P3 and P4 are symbols too."""

FEW = 30
"""Where the filter shows no more than this, each is a symbol: a square that counts one says less than its symbol."""

STORM_FROM = 400
"""With more P2 than this in the box, P2 joins the cells."""

MOST_SYMBOLS = 2000
_CELL_BITS, _TILE_BITS = 6, 8
"""Cells of 64 pixels; the world is one tile of 256 pixels at zoom 0."""

_HEAD = struct.Struct("<8I")
_CELL = np.dtype([("lon_e7", "<i4"), ("lat_e7", "<i4"), ("count", "<u4"), ("flags", "<u4")])
_SYMBOL = np.dtype(
    [
        ("row", "<i4"),
        ("lon_e7", "<i4"),
        ("lat_e7", "<i4"),
        ("priority", "u1"),
        ("status", "u1"),
        ("flags", "u1"),
        ("zero", "u1"),
    ]
)


def map_answer(
    view: View,
    west: float,
    south: float,
    east: float,
    north: float,
    zoom: float,
    selected_row: int = 0,
) -> bytes:
    """The answer for a box in degrees at a zoom; the chosen report is a symbol of its own wherever it is in sight."""
    snapshot = view.snapshot
    left, top = mercator_point(north, west)
    right, bottom = mercator_point(south, east)
    seen = snapshot.in_box((left, top, right, bottom), view.placed, view.mask)
    priority = snapshot.column("priority")[seen]
    selected = int(snapshot.positions([selected_row])[0])
    storm = int(np.count_nonzero(priority == 2)) > STORM_FROM
    single = zoom >= SINGLE_FROM_ZOOM or len(view.placed) <= FEW
    alone = _alone(seen, priority, storm=storm, single=single, selected=selected)
    singles = seen[alone]
    cells = _cells(snapshot, seen, priority, alone, zoom)
    unlisted = _unlisted(view, (left, top, right, bottom), selected)[: MOST_SYMBOLS - len(singles)]
    symbols = np.concatenate([_symbols(snapshot, singles, selected), _symbols(snapshot, unlisted, selected)])
    symbols["flags"][len(singles) :] |= UNLISTED
    head = _HEAD.pack(
        MAGIC,
        view.number & 0xFFFFFFFF,
        len(cells),
        len(symbols),
        len(seen) - len(singles),
        len(view.placed) - len(seen),
        len(view.order) - len(view.placed),
        storm * STORM + (view.loaded < Loaded.REPORTS) * LOADING + (len(unlisted) << UNLISTED_BIT),
    )
    return head + cells.tobytes() + symbols.tobytes()


def _unlisted(view: View, box: MercatorBox, selected: int) -> Positions:
    """The hazards in a box that the queue does not show; the chosen report has a mark of its own."""
    positions = view.snapshot.positions(view.hazards)
    positions = positions[(positions >= 0) & (positions != selected)]
    positions = np.sort(positions[~view.mask[positions] & (view.snapshot.column("x")[positions] >= 0)])
    x, y = view.snapshot.column("x")[positions], view.snapshot.column("y")[positions]
    west, north, east, south = box
    return positions[(x >= west) & (x <= east) & (y >= north) & (y <= south)]


def _alone(
    seen: Positions, priority: NDArray[np.int8], *, storm: bool, single: bool, selected: int
) -> NDArray[np.bool_]:
    """Which of the reports in sight are symbols: at most MOST_SYMBOLS, the chosen one first, then by priority."""
    alone = priority <= (4 if single else 1 if storm else 2)
    if storm:
        alone &= priority != 2
    chosen = seen == selected
    alone |= chosen
    found = np.flatnonzero(alone)
    if len(found) > MOST_SYMBOLS:
        first = np.lexsort((-seen[found], priority[found], ~chosen[found]))  # of one priority the latest to arrive
        alone[found[first[MOST_SYMBOLS:]]] = False
    return alone


def _cells(
    snapshot: BoardSnapshot, seen: Positions, priority: NDArray[np.int8], alone: NDArray[np.bool_], zoom: float
) -> NDArray[np.void]:
    """Count squares of a grid that is fixed to the world, so that panning does not change them."""
    joined = ~alone
    if not joined.any():
        return np.zeros(0, _CELL)
    inside = seen if joined.all() else seen[joined]
    x, y = snapshot.column("x")[inside], snapshot.column("y")[inside]
    shift = max(0, min(WORLD_BITS, WORLD_BITS - _TILE_BITS - ceil(zoom - 0.5) + _CELL_BITS))
    column, row = x >> shift, y >> shift
    first_column, first_row = int(column.min()), int(row.min())
    across = int(column.max()) - first_column + 1
    down = int(row.max()) - first_row + 1
    if across * down > 4 * len(inside) + 65536:  # few reports, far apart
        _, index = np.unique((row.astype(np.int64) << 32) | column, return_inverse=True)
    else:
        index = (row - first_row) * across + (column - first_column)
    counts = np.bincount(index)
    filled = np.flatnonzero(counts)
    counts = counts[filled]
    mean_x = np.bincount(index, x)[filled] / counts
    mean_y = np.bincount(index, y)[filled] / counts
    lats, lons = from_mercator(mean_x + 0.5, mean_y + 0.5)
    amber = np.bincount(index[priority[joined] == 2], minlength=int(filled[-1]) + 1)[filled] > 0
    cells = np.zeros(len(filled), _CELL)
    cells["lon_e7"], cells["lat_e7"] = np.rint(lons * 1e7), np.rint(lats * 1e7)
    cells["count"], cells["flags"] = counts, amber
    return cells


def _symbols(snapshot: BoardSnapshot, singles: Positions, selected: int) -> NDArray[np.void]:
    """The single reports, the most important last so that they are drawn on top."""
    column = snapshot.column
    singles = singles[np.argsort(-column("priority")[singles], kind="stable")]
    symbols = np.zeros(len(singles), _SYMBOL)
    for name in ("row", "lon_e7", "lat_e7", "priority", "status"):
        symbols[name] = column(name)[singles]
    alarm = (symbols["priority"] == 1) & is_unassigned(snapshot, singles)
    symbols["flags"] = (
        (column("pending")[singles] != 0) * PENDING
        + ((column("hold")[singles] != 0) & (symbols["status"] < CLOSED_FROM)) * HELD
        + alarm * ALARM
        + (singles == selected) * SELECTED
    )
    return symbols
