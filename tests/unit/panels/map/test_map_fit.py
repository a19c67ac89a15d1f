"""What auto-fit shows: where a filter's reports are, and where a city is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from api_client.model import Area
from console.panels.map.controller import city_box, extent, is_within, with_margin


def test_a_few_places_are_all_shown_and_of_many_nearly_all() -> None:
    few = np.array([[-6.2, 106.8], [-6.3, 106.9], [-6.1, 107.4]])
    assert extent(few) == (106.8, -6.3, 107.4, -6.1)
    many = np.vstack([np.full((200, 2), (-6.2, 106.8)), [[-5.0, 105.0]]])
    assert extent(many) == (106.8, -6.2, 106.8, -6.2), "one of 200 far away shrinks nothing"


def test_one_far_report_of_more_than_ten_shrinks_nothing() -> None:
    bulk = np.array([[-6.2 + n % 5 / 100, 106.8 + n // 5 / 100] for n in range(15)])
    whole = (106.8, -6.2, 106.82, -6.16)
    assert extent(np.vstack([bulk, [[-6.2, 107.6]]])) == pytest.approx(whole)
    assert extent(bulk) == pytest.approx(whole), "none of a bulk is left out"
    ten = np.vstack([bulk[:9], [[-6.2, 107.6]]])
    assert extent(ten)[2] == 107.6, "of ten each counts"


def test_one_place_has_room_around_it() -> None:
    west, south, east, north = with_margin(extent(np.array([[-6.2, 106.8]])), 0.003)
    assert (west, south, east, north) == pytest.approx((106.797, -6.203, 106.803, -6.197))
    assert is_within((106.8, -6.2, 106.8, -6.2), (west, south, east, north))
    assert not is_within((106.8, -6.2, 106.81, -6.2), (west, south, east, north))


def area(code: str, lat: float, lon: float, border: bool = False) -> Area:
    ring = [[lon - 0.02, lat - 0.02], [lon + 0.02, lat - 0.02], [lon + 0.02, lat + 0.02], [lon - 0.02, lat - 0.02]]
    return Area(
        code, code, 1, lat=lat, lon=lon, geometry={"type": "Polygon", "coordinates": [ring]} if border else None
    )


def test_a_city_is_shown_with_its_borders_and_without_an_island_far_away() -> None:
    inner = [area(f"a{n}", -6.2 + n % 10 / 100, 106.8 + n // 10 / 100, border=n == 0) for n in range(100)]
    west, south, east, north = city_box([*inner, area("island", -5.0, 106.0)]) or (0, 0, 0, 0)
    assert (west, south) == pytest.approx((106.78, -6.22)), "the border, not the middle"
    assert (east, north) == pytest.approx((106.89, -6.11))
    assert city_box([]) is None


@pytest.mark.parametrize("odd", [[[106.8, -6.2, 3], "12"], [["106.8", "-6.2"]], [[10**400, 1]], [None], [[True, "x"]]])
def test_a_border_with_an_odd_corner_takes_no_other_from_the_map(odd: list[Any]) -> None:
    """One area of a foreign server, and the map drew none at all."""
    ring = [[106.7, -6.1], [106.9, -6.1], [106.9, -6.3]]
    spoilt = Area("odd", "Odd", 1, geometry={"type": "Polygon", "coordinates": [[*ring, *odd]]})
    empty = Area("empty", "Empty", 1, geometry={"type": "MultiPolygon", "coordinates": [[], [ring]]})
    good = area("good", -6.2, 106.8, border=True)
    assert city_box([spoilt, empty, good]) == city_box([good])


def test_corners_may_bear_their_height() -> None:
    ring = [[106.7, -6.1, 5], [106.9, -6.1, 7.5], [106.9, -6.3, 0]]
    high = Area("high", "High", 1, geometry={"type": "Polygon", "coordinates": [ring]})
    assert city_box([high]) == city_box(
        [Area("flat", "F", 1, geometry={"type": "Polygon", "coordinates": [[c[:2] for c in ring]]})]
    )
