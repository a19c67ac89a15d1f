"""Snapshots share what does not change, stay as they were, and find what is near however much has moved."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from console.board.snapshot import NO_PLACE, BoardSnapshot
from console.rules.distance import distance_m
from console.rules.place import mercator_point
from tests.unit.board import naive
from tests.unit.board.naive import R


def crowd(count: int, seed: int = 1) -> dict[str, NDArray[np.generic]]:
    random = np.random.default_rng(seed)
    columns = {name: np.full(count, value) for name, value in naive.columns([R(row=0)]).items()}
    columns["row"] = np.arange(1000, 1000 + count)
    columns["lat_e7"] = random.integers(-63_000_000, -61_000_000, count)
    columns["lon_e7"] = random.integers(1_067_000_000, 1_069_000_000, count)
    return columns


def some(columns: dict[str, NDArray[np.generic]], rows: NDArray[np.int64]) -> dict[str, NDArray[np.generic]]:
    return {name: column[rows - 1000].copy() for name, column in columns.items()}


def box(west: float, south: float, east: float, north: float) -> tuple[int, int, int, int]:
    left, top = mercator_point(north, west)
    right, bottom = mercator_point(south, east)
    return left, top, right, bottom


BOX = (106.79, -6.21, 106.80, -6.20)


def found(snapshot: BoardSnapshot) -> list[int]:
    alive = snapshot.column("alive")
    placed = np.flatnonzero(alive & (snapshot.column("x") >= 0))
    return sorted(snapshot.column("row")[snapshot.in_box(box(*BOX), placed, alive)].tolist())


def wanted(columns: dict[str, NDArray[np.generic]]) -> list[int]:
    lat, lon = columns["lat_e7"].astype(float) / 1e7, columns["lon_e7"].astype(float) / 1e7
    west, south, east, north = BOX
    inside = (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east)
    return sorted(int(row) for row in columns["row"][inside])


def test_only_columns_that_change_are_copied() -> None:
    columns = crowd(5000)
    before = BoardSnapshot.build(columns)
    changed = some(columns, np.arange(1000, 1050))
    changed["status"][:] = 5
    after = before.with_rows(changed)
    shared = [name for name in columns if np.shares_memory(after.column(name), before.column(name))]
    assert sorted(set(columns) - set(shared)) == ["status"]
    assert before.column("status")[:60].max() == 0
    assert after.column("status")[:60].tolist() == [5] * 50 + [0] * 10


def test_new_rows_take_the_spare_places_without_copying() -> None:
    columns = crowd(5000)
    before = BoardSnapshot.build(columns)
    new = naive.columns([R(row=9000), R(row=6000)])
    after = before.with_rows(new)
    assert all(np.shares_memory(after.column(name), before.column(name)) for name in columns)
    assert (len(before), len(after)) == (5000, 5002)
    assert before.positions([9000, 6000, 1000]).tolist() == [-1, -1, 0]
    assert after.positions([9000, 6000, 1000]).tolist() == [5000, 5001, 0]
    sibling = before.with_rows(naive.columns([R(row=9000, status=4)]))
    assert sibling.facts([9000, 6000])[0].status == 4
    assert len(sibling.facts([9000, 6000])) == 1
    assert after.facts([9000])[0].status == 0


def test_a_row_that_was_removed_may_come_back() -> None:
    snapshot = BoardSnapshot.build(crowd(10))
    without = snapshot.with_rows(naive.columns([]), removed=[1003, 77])
    again = without.with_rows(naive.columns([R(row=1003, status=2)]))
    assert (len(snapshot), len(without), len(again)) == (10, 9, 10)
    assert without.facts([1003]) == []
    assert again.facts([1003])[0].status == 2
    assert snapshot.facts([1003])[0].status == 0


@pytest.mark.parametrize("batch", [50, 6000])
def test_boxes_are_right_while_reports_move_arrive_and_go(batch: int) -> None:
    """Small batches stay in the unsorted tail, large ones are merged into the sorted part."""
    truth = crowd(20_000)
    snapshot = BoardSnapshot.build(truth)
    random = np.random.default_rng(2)
    seen = [(snapshot, wanted(truth))]
    for round_ in range(6):
        rows = np.unique(random.integers(1000, 21_000, batch))
        moved = some(truth, rows)
        moved["lat_e7"] = random.integers(-62_150_000, -61_950_000, len(rows))
        moved["lon_e7"] = random.integers(1_067_850_000, 1_068_050_000, len(rows))
        moved["lat_e7"][::7] = NO_PLACE
        for name in truth:
            truth[name][rows - 1000] = moved[name]
        new = crowd(20, seed=round_)
        new["row"] = np.arange(30_000 + round_ * 20, 30_020 + round_ * 20)
        snapshot = snapshot.with_rows(moved).with_rows(new)
        for name in truth:
            truth[name] = np.append(truth[name], new[name])
        seen.append((snapshot, wanted(truth)))
    for earlier, rows_then in seen:
        assert found(earlier) == rows_then


def test_around_gives_true_distances_nearest_first() -> None:
    columns = crowd(20_000)
    gone = [R(row=51), R(row=52, lat_e7=NO_PLACE, lon_e7=NO_PLACE)]
    snapshot = BoardSnapshot.build(columns).with_rows(naive.columns([R(row=50, lat_e7=-62_000_100), *gone]))
    snapshot = snapshot.with_rows(naive.columns([]), removed=[51])
    positions, away = snapshot.around(-6.2, 106.8, 300)
    rows = [50, *columns["row"].tolist()]
    degrees = {name: columns[name].astype(np.float64) / 1e7 for name in ("lat_e7", "lon_e7")}
    lats, lons = [-6.20001, *degrees["lat_e7"]], [106.8, *degrees["lon_e7"]]
    near = sorted((distance_m(-6.2, 106.8, lat, lon), row) for lat, lon, row in zip(lats, lons, rows, strict=True))
    near = [pair for pair in near if pair[0] <= 300]
    assert len(near) > 3
    assert snapshot.column("row")[positions].tolist() == [row for _, row in near]
    assert away.tolist() == pytest.approx([distance for distance, _ in near])


def test_an_empty_board() -> None:
    empty = BoardSnapshot.build(naive.columns([]))
    assert len(empty) == 0
    assert empty.positions([1, 1000, -1]).tolist() == [-1, -1, -1]
    assert empty.around(0, 0, 1000)[0].tolist() == []
    assert len(empty.with_rows(naive.columns([R(row=1)]))) == 1
