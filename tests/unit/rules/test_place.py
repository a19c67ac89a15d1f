"""Places: distances that are known, Mercator there and back, keys in Z-order, and how they read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.rules.distance import box_around, distance_m
from console.rules.place import coordinates, distances_m, from_mercator, mercator, morton


def test_known_distances() -> None:
    assert distance_m(-6.1754, 106.8272, -6.1754, 106.8272) == 0
    assert distance_m(0, 0, 0, 1) == pytest.approx(111_195, abs=1)
    assert distance_m(-6.1754, 106.8272, -6.2088, 106.8456) == pytest.approx(4231, rel=0.005)
    assert distance_m(90, 0, -90, 0) == pytest.approx(20_015_115, abs=1)


@given(st.floats(-80, 80), st.floats(-179, 179), st.floats(10, 5000), st.floats(0, 6.28))
def test_a_box_holds_the_whole_circle(lat: float, lon: float, radius: float, angle: float) -> None:
    west, south, east, north = box_around(lat, lon, radius)
    lats = lat + np.degrees(radius / 6_371_008.8) * np.sin(angle) * np.array([0.999, 0.5])
    lons = lon + np.degrees(radius / 6_371_008.8) * np.cos(angle) / np.cos(np.radians(lat)) * np.array([0.999, 0.5])
    inside = distances_m(lat, lon, lats, lons) <= radius
    assert ((lats >= south) & (lats <= north) & (lons >= west) & (lons <= east))[inside].all()


@given(st.floats(-85, 85), st.floats(-179.9, 179.9))
def test_mercator_there_and_back(lat: float, lon: float) -> None:
    x, y = (at.astype(np.float64) for at in mercator(np.array([lat]), np.array([lon])))
    back_lat, back_lon = from_mercator(x + 0.5, y + 0.5)
    assert back_lat[0] == pytest.approx(lat, abs=4e-7)
    assert back_lon[0] == pytest.approx(lon, abs=4e-7)


@given(st.integers(0, 2**30 - 1), st.integers(0, 2**30 - 1))
def test_morton_takes_the_bits_in_turn(x: int, y: int) -> None:
    key = int(morton(np.array([x]), np.array([y]))[0])
    assert key == sum((x >> bit & 1) << 2 * bit | (y >> bit & 1) << 2 * bit + 1 for bit in range(30))


def test_coordinates_read() -> None:
    assert coordinates(-6.1754, 106.8272) == "6.17540 S, 106.82720 E"
    assert coordinates(34.05, -118.25) == "34.05000 N, 118.25000 W"
