"""The invented town as a profile's city map, built by the child process that builds every map."""

from __future__ import annotations

from pathlib import Path

from console.city_map.build_process import MapBuilder
from tests.helpers.osm_town import Town, grid_town


def build_town(profile: Path, town: Town | None = None) -> Path:
    """Build the map of a town (by default the grid) into a profile; returns the map's folder."""
    source = (town or grid_town()).write(profile / "town.osm.pbf")
    return MapBuilder(profile).build(source, None, lambda _words, _share: None, window_open=lambda: False).folder
