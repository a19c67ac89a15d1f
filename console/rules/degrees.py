"""Whether latitude and longitude are a place; apart from `place`, whose arithmetic on columns brings numpy."""

from __future__ import annotations


def on_earth(lat: float | None, lon: float | None) -> bool:
    """Whether these are degrees of a place on Earth."""
    return lat is not None and lon is not None and abs(lat) <= 90.0 and abs(lon) <= 180.0
