"""Closed streets and flooded areas: what can be one, what lies inside, and what is shown of one's own."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from api_client.decoding import convert
from api_client.model import ClosedArea, ClosedLine, Closure, ClosureChange, ClosureKind, Kind
from console.rules.closure import (
    DEFAULT_WIDTH_M,
    ClosureFault,
    check_shape,
    circle,
    closure_after,
    contains,
    corners,
    middle,
    with_changes,
)
from console.rules.distance import distance_m
from console.rules.edit import Edit

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
H = timedelta(hours=1)
SQUARE = ClosedArea((((106.8, -6.3), (106.81, -6.3), (106.81, -6.29), (106.8, -6.29), (106.8, -6.3)),))
LINE = ClosedLine(((106.8, -6.3), (106.81, -6.3)))


def made(geometry: ClosedArea | ClosedLine = SQUARE, **more: Any) -> Closure:
    change = ClosureChange("c1", kind=ClosureKind.FLOOD, geometry=geometry, **more)
    return closure_after(None, change, NOW, "rina")


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (ClosedArea((((0, 0), (1e-2, 1e-2), (1e-2, 0), (0, 1e-2), (0, 0)),)), "crosses itself"),
        (ClosedArea((((0, 0), (1e-2, 0), (1e-2, 1e-2), (0, 1e-2), (0, 1e-3)),)), "end where it begins"),
        (ClosedArea((((0, 0), (1e-2, 0), (2e-2, 0), (0, 0)),)), "no surface"),
        (ClosedArea((((0, 0), (1, 0), (1, 1), (0, 1), (0, 0)),)), "larger than 30 km"),
        (ClosedArea((((0, 0), (math.nan, 0), (1e-2, 1e-2), (0, 1e-2), (0, 0)),)), "no place"),
        (ClosedLine(((0, 0), (0, 0))), "no length"),
        (ClosedLine(((106.8, -6.3), (106.9, -6.3)) * 4), "longer than 60 km"),
        (ClosedLine(((-179, 0), (179, 0))), "larger than 30 km"),
        (ClosedLine(((-179.99, 0), (179.99, 0))), "larger than 30 km"),
    ],
)
def test_what_can_be_no_closure_is_told(geometry: ClosedArea | ClosedLine, words: str) -> None:
    with pytest.raises(ClosureFault, match=words):
        check_shape(geometry)


def test_a_star_of_500_corners_is_none_and_a_round_one_is() -> None:
    """Its border crosses itself a hundred thousand times, which is found at once."""
    places = [(106.8 + 0.01 * math.cos(n * 2.5), -6.3 + 0.01 * math.sin(n * 2.5)) for n in range(499)]
    with pytest.raises(ClosureFault, match="crosses itself"):
        check_shape(ClosedArea(((*places, places[0]),)))
    check_shape(circle(-6.3, 106.8, 200))


@given(st.floats(-80, 80), st.floats(-170, 170), st.floats(10, 5000), st.floats(0, 360), st.floats(0, 2))
def test_what_lies_in_a_round_one_is_nearer_than_its_radius(
    lat: float, lon: float, radius_m: float, angle: float, share: float
) -> None:
    area = made(circle(lat, lon, radius_m))
    off = radius_m * share / 111_195
    place = lat + off * math.sin(angle), lon + off * math.cos(angle) / math.cos(math.radians(lat))
    if not 0.98 < distance_m(lat, lon, *place) / radius_m < 1.02:
        assert contains(area, *place) == (distance_m(lat, lon, *place) < radius_m)
    assert len(corners(area.geometry)) == 32
    assert distance_m(*middle(area.geometry), lat, lon) < 1


def test_a_line_holds_what_is_within_half_its_width() -> None:
    line = made(LINE)
    assert line.width_m == DEFAULT_WIDTH_M
    near, far = 5 / 111_195, 7 / 111_195
    assert contains(line, -6.3 + near, 106.805)
    assert not contains(line, -6.3 + far, 106.805)
    assert not contains(line, -6.3, 106.8 - far)
    assert middle(line.geometry) in corners(line.geometry)


def test_it_is_in_force_from_its_beginning_to_its_end() -> None:
    closure = made(since=NOW + H, until=NOW + 2 * H)
    times = [NOW, NOW + H, NOW + 1.5 * H, NOW + 2 * H]
    assert [closure.is_in_force(at) for at in times] == [False, True, True, False]
    assert [closure.is_over(at) for at in times] == [False, False, False, True]
    ended = closure_after(closure, ClosureChange("c1", ended=True), NOW + 1.5 * H, "budi")
    assert ended.is_over(NOW + 1.5 * H)
    assert (ended.ended, ended.updated_by, ended.by, ended.version) == (NOW + 1.5 * H, "budi", "rina", 2)
    again = closure_after(ended, ClosureChange("c1", seen=2, ended=False), NOW + 1.6 * H, "rina")
    assert again.is_in_force(NOW + 1.7 * H)


def test_what_is_left_out_stays_and_an_end_before_the_beginning_is_none() -> None:
    closure = made(until=NOW + H, words="Knee-deep", report="10")
    later = closure_after(closure, ClosureChange("c1", seen=1, until=NOW + 4 * H), NOW, "budi")
    assert (later.words, later.report, later.geometry, later.until) == ("Knee-deep", "10", SQUARE, NOW + 4 * H)
    with pytest.raises(ClosureFault, match="before it begins"):
        closure_after(closure, ClosureChange("c1", seen=1, until=NOW - H), NOW, "budi")
    with pytest.raises(ClosureFault, match="missing"):
        closure_after(None, ClosureChange("c2", words="x"), NOW, "budi")
    as_line = closure_after(closure, ClosureChange("c1", seen=1, geometry=LINE, width_m=20.0), NOW, "budi")
    assert (as_line.width_m, closure_after(as_line, ClosureChange("c1", geometry=SQUARE), NOW, "b").width_m) == (20, 0)


def edit(number: int, **data: Any) -> Edit:
    return Edit(f"e{number}", Kind.CLOSURE, None, "rina", "d", number, NOW, data=data, source="city")


def test_an_end_of_a_version_that_a_colleague_has_changed_opens_nothing_here_either() -> None:
    there = replace(made(), version=2)
    assert not with_changes([there], [edit(1, closure="c1", seen=1, ended=True)], NOW + H)[0].is_over(NOW + H)
    assert with_changes([there], [edit(1, closure="c1", seen=2, ended=True)], NOW + H)[0].is_over(NOW + H)


def test_ones_own_edits_show_before_any_server_has_them() -> None:
    there = made(words="Knee-deep")
    ring = [[106.8, -6.3], [106.81, -6.3], [106.81, -6.29], [106.8, -6.3]]
    own = {"kind": "street", "geometry": {"type": "Polygon", "coordinates": [ring]}}
    edits = [
        edit(1, closure="own", **own),
        edit(2, closure="own", seen=1, words="Market"),
        edit(3, closure="c1", ended=True),
        edit(4, closure="c1", seen=7, words="of another version"),
        edit(5, closure="none", ended=True),
        edit(6, closure="bad", geometry=7),
    ]
    shown = {closure.id: closure for closure in with_changes([there], edits, NOW + H)}
    assert shown.keys() == {"c1", "own"}
    assert (shown["own"].words, shown["own"].by, shown["own"].since) == ("Market", "rina", NOW)
    assert shown["c1"].ended is not None
    assert shown["c1"].words == "Knee-deep"


def test_a_payload_of_too_many_corners_is_none() -> None:
    with pytest.raises(ValueError, match="length"):
        convert({"type": "LineString", "coordinates": [[0.0, 0.0]] * 501}, ClosedLine)
