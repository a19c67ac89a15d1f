"""Where many things are: distances from one place, Web Mercator, Morton (Z-order) keys, and how a place is written."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from console.rules.distance import EARTH_RADIUS_M

NO_PLACE = -(2**31)
"""lat_e7 and lon_e7 (degrees in units of 1e-7) of something without a place."""

WORLD_BITS = 30
"""The whole Web Mercator square is 2**30 units wide: a unit is 3.7 cm at the equator, and two of them fit 60 bits."""

MAX_LATITUDE = 85.0511287798066
"""Web Mercator ends here; what lies beyond is drawn on its edge."""

_WORLD = 1 << WORLD_BITS
_SPREAD = ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333))


def distances_m(lat: float, lon: float, lats: NDArray[np.float64], lons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Great-circle distances in metres from one place to many."""
    phi, phis = math.radians(lat), np.radians(lats)
    across = np.sin(np.radians(lons - lon) / 2) ** 2
    half = np.sin((phis - phi) / 2) ** 2 + math.cos(phi) * np.cos(phis) * across
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(half))), dtype=np.float64)


def mercator(lats: NDArray[np.float64], lons: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Web Mercator x (eastwards) and y (southwards), 0 <= v < 2**30."""
    x = (lons + 180.0) / 360.0
    y = 0.5 - np.arctanh(np.sin(np.radians(np.clip(lats, -MAX_LATITUDE, MAX_LATITUDE)))) / (2 * math.pi)
    return _units(x), _units(y)


def _units(share: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.asarray(np.clip(np.floor(share * _WORLD), 0, _WORLD - 1), dtype=np.int32)


def mercator_point(lat: float, lon: float) -> tuple[int, int]:
    """Web Mercator x and y of one place; places beyond the square are moved to its edge."""
    x, y = mercator(np.array([lat]), np.array([lon]))
    return int(x[0]), int(y[0])


def from_mercator(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitudes and longitudes in degrees of Web Mercator positions (units of `mercator`, fractions allowed)."""
    lons = x / _WORLD * 360.0 - 180.0
    lats = np.degrees(np.arcsin(np.tanh((0.5 - y / _WORLD) * (2 * math.pi))))
    return lats, lons


def morton(x: NDArray[np.int32], y: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Z-order keys of Web Mercator positions: x in the even bits, y in the odd ones; near places have near keys."""
    return _spread(x) | (_spread(y) << np.uint64(1))


def _spread(values: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Put a zero bit before every bit of values below 2**30."""
    spread = values.astype(np.uint64)
    for shift, mask in (*_SPREAD, (1, 0x5555555555555555)):
        spread = (spread | (spread << np.uint64(shift))) & np.uint64(mask)
    return spread


def coordinates(lat: float, lon: float) -> str:
    """`6.17540 S, 106.82720 E`: five decimals are about a metre."""
    return f"{abs(lat):.5f} {'S' if lat < 0 else 'N'}, {abs(lon):.5f} {'W' if lon < 0 else 'E'}"
