"""The typed facts of the demo city's streets: main roads, tolls, rivers, rail, coast, lakes, parks, stations."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib import resources

import msgspec

LatLon = tuple[float, float]
ROADS = ("trunk", "primary", "secondary")
TOLL_ROAD = "motorway"
WATERWAYS = ("river", "canal")
RAILWAYS = ("rail", "subway")
COAST = "coastline"


class MainLine(msgspec.Struct, frozen=True):
    """A main road, toll road, river, canal, railway or coast, as points (lat, lon) in the order in which it runs."""

    kind: str
    name: str
    points: tuple[LatLon, ...]


class PatchFact(msgspec.Struct, frozen=True):
    """A lake (`water`) or a park: its middle and its extent."""

    kind: str
    name: str
    lat: float
    lon: float
    width_m: float
    height_m: float


class SpotFact(msgspec.Struct, frozen=True):
    """A railway `station`, an `airport`, or an `interchange` of a toll road."""

    kind: str
    name: str
    lat: float
    lon: float


class StreetFacts(msgspec.Struct, frozen=True):
    """What stands in resources/demo/streets."""

    lines: tuple[MainLine, ...]
    patches: tuple[PatchFact, ...]
    spots: tuple[SpotFact, ...]

    def lines_of(self, *kinds: str) -> tuple[MainLine, ...]:
        """The lines of these kinds, in the file's order."""
        return tuple(line for line in self.lines if line.kind in kinds)

    def spots_of(self, kind: str) -> tuple[SpotFact, ...]:
        """The stations, the airport or the interchanges."""
        return tuple(spot for spot in self.spots if spot.kind == kind)


def read_street_facts() -> StreetFacts:
    """The facts out of their files; ValueError or KeyError where somebody has broken one."""
    lines = tuple(
        MainLine(row["kind"], row["name"], tuple(_point(text) for text in row["points"].split(",")))
        for row in _table_rows("lines.csv")
    )
    patches = tuple(
        PatchFact(
            row["kind"],
            row["name"],
            float(row["lat"]),
            float(row["lon"]),
            float(row["width_m"]),
            float(row["height_m"]),
        )
        for row in _table_rows("patches.csv")
    )
    spots = tuple(
        SpotFact(row["kind"], row["name"], float(row["lat"]), float(row["lon"])) for row in _table_rows("spots.csv")
    )
    return StreetFacts(lines, patches, spots)


def _table_rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a file in resources/demo/streets, without the comments above its head."""
    text = resources.files("resources").joinpath("demo", "streets", name).read_text(encoding="utf-8")
    return iter(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def _point(text: str) -> LatLon:
    lat, lon = text.split()
    return float(lat), float(lon)
