"""Distances between two places on the Earth. Needs no numpy, which the sync process does without."""

from __future__ import annotations

import math

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius; distances inside a city are right within half a percent."""

METRES_PER_DEGREE = 111_195.0
"""Of latitude; of longitude so many times the cosine of the latitude."""


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance of two places in metres (haversine)."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    across = math.sin(math.radians(lon2 - lon1) / 2) ** 2
    half = math.sin((phi2 - phi1) / 2) ** 2 + math.cos(phi1) * math.cos(phi2) * across
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def box_around(lat: float, lon: float, radius_m: float) -> tuple[float, float, float, float]:
    """(west, south, east, north) in degrees of a box that holds the whole circle."""
    high = math.degrees(radius_m / EARTH_RADIUS_M)
    # The circle's widest latitude lies towards the pole; a box a little too wide costs nothing.
    narrow = math.cos(math.radians(min(89.0, abs(lat) + high)))
    wide = min(180.0, high / narrow * 1.001)
    return lon - wide, lat - high * 1.001, lon + wide, lat + high * 1.001
