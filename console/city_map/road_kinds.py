"""What kinds of roads there are: how each is drawn, how fast it is in a city, how much it counts in a search."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RoadKind:
    """One value of OpenStreetMap's `highway`."""

    drawn: str
    """Its kind in the tiles (docs/map-tiles.md)."""
    first_zoom: int
    speed_kmh: int
    """In a city by day, waiting not counted; 0 where nobody drives."""
    weight: int
    """How likely it is meant when its name is searched for."""
    numbered: bool = False
    """Whether its number stands for a name that it does not have."""


ROADS = {
    "motorway": RoadKind("motorway", 8, 60, 9, numbered=True),
    "motorway_link": RoadKind("link", 12, 40, 0),
    "trunk": RoadKind("trunk", 8, 40, 9, numbered=True),
    "trunk_link": RoadKind("link", 12, 30, 0),
    "primary": RoadKind("primary", 9, 32, 8),
    "primary_link": RoadKind("link", 12, 28, 0),
    "secondary": RoadKind("secondary", 10, 27, 7),
    "secondary_link": RoadKind("link", 12, 25, 0),
    "tertiary": RoadKind("tertiary", 11, 23, 5),
    "tertiary_link": RoadKind("link", 13, 22, 0),
    "unclassified": RoadKind("local", 12, 20, 3),
    "residential": RoadKind("local", 12, 17, 3),
    "road": RoadKind("local", 13, 17, 2),
    "living_street": RoadKind("gang", 13, 10, 2),
    "service": RoadKind("gang", 13, 10, 1),
    "pedestrian": RoadKind("gang", 14, 0, 2),
    "track": RoadKind("gang", 14, 0, 1),
    "footway": RoadKind("path", 14, 0, 1),
    "path": RoadKind("path", 14, 0, 1),
    "steps": RoadKind("path", 14, 0, 0),
    "cycleway": RoadKind("path", 14, 0, 1),
}

WAITING_S = {"motorway": 0.0, "link": 2.0, "trunk": 1.0, "primary": 1.5, "secondary": 2.0}
"""The mean wait at a stretch's end, by how it is drawn."""
WAITING_ELSEWHERE_S = 2.5
