"""The ways of the demo's crews: along the streets of a map, as the crow flies without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from console.server.demo.areas import metres
from console.server.demo.driving import DriveStreets, DriveWay

NOW = datetime(2026, 1, 20, 7, 7, 31, tzinfo=UTC)
HERE, THERE = (-6.2337, 106.8616), (-6.2237, 106.8716)


def test_a_way_is_driven_from_its_beginning_to_its_end() -> None:
    corner = (HERE[0], THERE[1])
    way = DriveWay([HERE, corner, THERE], 300.0)
    assert way.length_m == pytest.approx(metres(HERE, corner) + metres(corner, THERE))
    assert way.speed_m_s == pytest.approx(way.length_m / 300)
    assert way.at(0.0) == HERE
    assert way.at(way.length_m + 5) == THERE
    assert metres(way.at(metres(HERE, corner)), corner) < 0.5
    steps = [way.at(number * way.length_m / 50) for number in range(51)]
    apart = [metres(one, two) for one, two in pairwise(steps)]
    assert max(apart) <= way.length_m / 50 + 0.5


def test_a_way_of_no_length_is_where_it_begins() -> None:
    assert DriveWay([HERE, HERE], 0.0).at(3.0) == HERE


def test_without_a_map_it_is_a_straight_line_at_the_speed_of_a_town() -> None:
    way = DriveStreets(None, NOW).way(HERE, THERE, NOW)
    assert way.length_m == pytest.approx(metres(HERE, THERE))
    assert 4 < way.speed_m_s < 8


@pytest.mark.parametrize("content", [None, b"", b"no array"])
def test_a_map_that_cannot_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "streets").mkdir()
    if content is not None:
        (tmp_path / "streets" / "node.npy").write_bytes(content)
    streets = DriveStreets(tmp_path, NOW)
    way = streets.way(HERE, THERE, NOW + timedelta(minutes=1))
    assert way.length_m == pytest.approx(metres(HERE, THERE))
