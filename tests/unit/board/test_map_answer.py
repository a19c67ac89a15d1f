"""The map's answer adds up to the queue, keeps the important apart, and puts each report where it belongs."""

from __future__ import annotations

import struct
from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest

from console.board.map_answer import (
    ALARM,
    FEW,
    HELD,
    MAGIC,
    MOST_SYMBOLS,
    PENDING,
    SELECTED,
    UNLISTED,
    UNLISTED_BIT,
    map_answer,
)
from console.board.snapshot import NO_PLACE, BoardSnapshot
from console.board.view import View, make_view
from console.rules.filter import Filter
from console.rules.loaded import Loaded
from tests.unit.board import naive
from tests.unit.board.naive import NOW, R

CITY = (106.6, -6.4, 107.0, -6.0)
CENTRE = (106.79, -6.21, 106.81, -6.19)


ELSEWHERE = [R(row=7000 + at, lat_e7=-70_000_000, lon_e7=1_100_000_000) for at in range(FEW)]
"""So many that not each is a symbol, far from CITY."""


class Answer(msgspec.Struct):
    head: tuple[int, ...]
    cells: list[tuple[int, ...]]
    symbols: list[tuple[int, ...]]

    def __post_init__(self) -> None:
        magic, _, cells, symbols, *_ = self.head
        assert magic == MAGIC
        assert (cells, symbols) == (len(self.cells), len(self.symbols))
        assert sum(cell[2] for cell in self.cells) == self.head[4]

    @property
    def adds_up_to(self) -> int:
        unlisted = self.head[7] >> UNLISTED_BIT
        assert unlisted == sum((symbol[5] & UNLISTED) != 0 for symbol in self.symbols)
        return self.head[3] - unlisted + self.head[4] + self.head[5] + self.head[6]


def ask(view: View, box: tuple[float, ...], zoom: float, row: int = 0) -> Answer:
    raw = map_answer(view, box[0], box[1], box[2], box[3], zoom, row)
    head = struct.unpack_from("<8I", raw)
    cells_end = 32 + 16 * head[2]
    cells = list(struct.iter_unpack("<iiII", raw[32:cells_end]))
    return Answer(head, cells, list(struct.iter_unpack("<iiiBBBB", raw[cells_end:])))


def view_of(reports: list[R], asked: Filter | None = None) -> View:
    return make_view(BoardSnapshot.build(naive.columns(reports)), asked or Filter(), NOW, 42)


def test_it_says_while_not_all_reports_are_loaded() -> None:
    snapshot = BoardSnapshot.build(naive.columns(scattered(3)))
    flags = {loaded: ask(make_view(snapshot, Filter(), NOW, 1, loaded=loaded), CITY, 11).head[7] for loaded in Loaded}
    assert flags == {Loaded.NOTHING: 2, Loaded.PART: 2, Loaded.WORK: 2, Loaded.REPORTS: 0, Loaded.WHOLE: 0}


def scattered(count: int, **values: Any) -> list[R]:
    random = np.random.default_rng(count)
    lats, lons = random.integers(-63_000_000, -61_000_000, count), random.integers(1_067_000_000, 1_069_000_000, count)
    return [
        R(row=1000 + at, lat_e7=int(lat), lon_e7=int(lon), **values)
        for at, (lat, lon) in enumerate(zip(lats, lons, strict=True))
    ]


@pytest.mark.parametrize("zoom", [9, 11, 13.4, 14, 15, 18])
@pytest.mark.parametrize("box", [CITY, CENTRE, (0.0, 0.0, 1.0, 1.0), (-360.0, -90.0, 360.0, 90.0)])
def test_it_adds_up_to_the_queue(zoom: float, box: tuple[float, ...]) -> None:
    reports = scattered(3000)
    reports += [R(row=5000 + at, lat_e7=NO_PLACE, lon_e7=NO_PLACE) for at in range(9)]
    reports += [R(row=6000, status=6), R(row=6001, merged=1)]
    view = view_of([msgspec.structs.replace(one, priority=1 + one.row % 4) for one in reports])
    answer = ask(view, box, zoom)
    assert answer.head[1] == 42
    assert answer.head[6] == 9
    assert answer.adds_up_to == len(view.order) == 3009
    west, south, east, north = box
    inside = {one.row for one in reports if west <= one.lon_e7 / 1e7 <= east and south <= one.lat_e7 / 1e7 <= north}
    assert answer.head[3] + answer.head[4] == len(inside - {6000, 6001})


def test_important_ones_stay_apart_until_a_storm() -> None:
    calm = scattered(1000)
    reports = [
        msgspec.structs.replace(one, priority=2 if one.row < 1400 else 1 if one.row < 1410 else 4) for one in calm
    ]
    answer = ask(view_of(reports), CITY, 12)
    assert Counter(symbol[3] for symbol in answer.symbols) == {1: 10, 2: 400}
    assert answer.head[7] == 0
    assert not any(cell[3] for cell in answer.cells)
    assert answer.symbols[-1][3] == 1  # drawn last, on top

    reports.append(R(row=9000, priority=2))
    storm = ask(view_of(reports), CITY, 12)
    assert Counter(symbol[3] for symbol in storm.symbols) == {1: 10}
    assert storm.head[7] == 1
    amber = [cell for cell in storm.cells if cell[3] & 1]
    assert 0 < len(amber) <= 401
    assert any(not cell[3] for cell in storm.cells)
    assert storm.adds_up_to == 1001
    near = ask(view_of(reports), CITY, 16)
    assert Counter(symbol[3] for symbol in near.symbols) == {1: 10, 4: 590}
    assert near.adds_up_to == 1001


def test_from_zoom_15_each_report_is_a_symbol() -> None:
    reports = scattered(300, priority=4)
    assert ask(view_of(reports), CITY, 14).head[3] == 0
    near = ask(view_of(reports), CITY, 15)
    assert (near.head[3], near.head[4]) == (300, 0)


def test_never_more_symbols_than_the_page_can_draw() -> None:
    reports = [msgspec.structs.replace(one, priority=1 if one.row < 1005 else 3) for one in scattered(5000)]
    answer = ask(view_of(reports), CITY, 16, row=5999)
    assert len(answer.symbols) == MOST_SYMBOLS
    assert {1000, 1004, 5999} <= {symbol[0] for symbol in answer.symbols}
    assert answer.adds_up_to == 5000


def test_places_and_flags_of_symbols() -> None:
    reports = [
        R(row=1001, priority=1, lat_e7=-62_000_000, lon_e7=1_068_000_000),
        R(row=1002, priority=2, lat_e7=-62_010_000, status=3, lead_unit=4, pending=1, hold=2),
        R(row=1003, priority=3),
        R(row=1004, priority=3),
    ]
    answer = ask(view_of([*reports, *ELSEWHERE]), CITY, 12, row=1003)
    assert sorted(answer.symbols) == [
        (1001, 1_068_000_000, -62_000_000, 1, 0, ALARM, 0),
        (1002, 1_068_000_000, -62_010_000, 2, 3, PENDING | HELD, 0),
        (1003, 1_068_000_000, -62_000_000, 3, 0, SELECTED, 0),
    ]
    assert [cell[2] for cell in answer.cells] == [1]


def test_a_cell_stands_at_the_middle_of_its_reports_and_keeps_still_while_panning() -> None:
    reports = [
        R(row=1001, lat_e7=-62_000_000, lon_e7=1_068_000_000),
        R(row=1002, lat_e7=-62_000_100, lon_e7=1_068_000_200),
        R(row=1003, lat_e7=-62_300_000, lon_e7=1_068_400_000),
    ]
    view = view_of([*reports, *ELSEWHERE])
    cells = ask(view, CITY, 12).cells
    assert sorted(cell[2] for cell in cells) == [1, 2]
    pair, single = sorted(cells, key=lambda cell: -cell[2])
    assert pair[:2] == pytest.approx((1_068_000_100, -62_000_050), abs=4)
    assert single[:2] == pytest.approx((1_068_400_000, -62_300_000), abs=4)
    assert ask(view, (106.65, -6.35, 107.05, -5.95), 12).cells == cells


def test_closed_reports_only_under_their_tab() -> None:
    reports = [R(row=1001, status=6, priority=1), R(row=1002, priority=1)]
    assert [symbol[0] for symbol in ask(view_of(reports), CITY, 12).symbols] == [1002]
    closed = view_of(reports, Filter(tab="closed"))
    drawn = {symbol[0]: symbol[5] & UNLISTED for symbol in ask(closed, CITY, 12).symbols}
    assert drawn == {1001: 0, 1002: UNLISTED}, "what burns is drawn beside what is listed"


@pytest.mark.parametrize(("count", "symbols"), [(FEW, FEW), (FEW + 1, 0)])
def test_a_few_reports_are_each_a_symbol(count: int, symbols: int) -> None:
    answer = ask(view_of(scattered(count, priority=3)), CITY, 11)
    assert len(answer.symbols) == symbols
    assert answer.adds_up_to == count


@pytest.mark.parametrize("chosen", [0, 2])
def test_a_hazard_that_the_filter_leaves_out_is_drawn_and_counted_as_nothing_of_the_list(chosen: int) -> None:
    """A factory burned in the middle of the map, and under the tab "Mine" nothing was drawn there."""
    here = {"lat_e7": -62_000_000, "lon_e7": 1_068_000_000}
    reports = [
        R(row=1, priority=2, status=4, **here),
        R(row=2, priority=1, **here),
        R(row=3, priority=1, lat_e7=-50_000_000, lon_e7=1_068_000_000),
        R(row=4, priority=1, lat_e7=NO_PLACE, lon_e7=NO_PLACE),
        R(row=5, priority=1, status=3, **here),
        R(row=6, priority=2, **here),
    ]
    view = view_of(reports, Filter(tab="validate"))
    assert view.order.tolist() == [1]
    answer = ask(view, CITY, 11, row=chosen)
    unlisted = [symbol[0] for symbol in answer.symbols if symbol[5] & UNLISTED]
    assert unlisted == ([] if chosen else [2]), "the chosen one is drawn with its mark"
    assert answer.adds_up_to == 1
    assert not any(symbol[5] & UNLISTED for symbol in ask(view_of(reports), CITY, 11).symbols)
