"""Where the demo city has land, lakes and parks: the outlines that are drawn, and where no local street goes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from console.server.demo.areas import Ward
from console.server.demo.streets.facts import COAST, StreetFacts
from console.server.demo.streets.plane import Points, bend, ring_around, smooth, to_metres
from console.server.demo.streets.ward_cells import is_island, shore_of

_COAST_STEP_M = 200.0
_COAST_BEYOND_M = 60_000.0
"""How far the coast goes straight on beyond its typed ends: as far as a wide view shows the sea beside the city."""
_FAR_SOUTH_M = -60_000.0


@dataclass(frozen=True)
class GroundPatch:
    """A lake or park with its outline, not closed."""

    kind: str
    name: str
    outline: Points


@dataclass(frozen=True)
class Ground:
    """The bent plane's coast (land on its left), shores of islands (counter-clockwise, not closed), lakes and parks."""

    coast: Points
    shores: tuple[Points, ...]
    patches: tuple[GroundPatch, ...]
    land: shapely.Polygon
    """The mainland, without lakes and parks taken out."""

    def is_free(self, places: Points) -> NDArray[np.bool_]:
        """Whether a local street may go there: on the mainland, and in no lake or park."""
        free: NDArray[np.bool_] = shapely.contains_xy(self.land, places)
        for patch in self.patches:
            free &= ~shapely.contains_xy(shapely.Polygon(patch.outline), places)
        return free


def lay_ground(facts: StreetFacts, wards: Sequence[Ward], seed: int) -> Ground:
    """The ground of the city; uneven outlines are drawn from the seed."""
    chance = random.Random(f"{seed}/ground")  # noqa: S311  a made-up city, no secret
    line = facts.lines_of(COAST)[0]
    coast = _lengthened(np.array(smooth([to_metres(*point) for point in line.points], _COAST_STEP_M)))
    south = [(coast[-1][0], _FAR_SOUTH_M), (coast[0][0], _FAR_SOUTH_M)]
    land = shapely.Polygon(np.vstack([coast, south]))
    shapely.prepare(land)
    patches = tuple(
        GroundPatch(
            fact.kind, fact.name, ring_around(to_metres(fact.lat, fact.lon), fact.width_m, fact.height_m, chance)
        )
        for fact in facts.patches
    )
    shores = tuple(bend(shore_of(ward, seed)) for ward in wards if is_island(ward.code))
    return Ground(coast, shores, patches, land)


def _lengthened(line: Points) -> Points:
    """The line, with a straight stretch before its first point and one behind its last."""
    ends = []
    for end, before in ((line[0], line[1]), (line[-1], line[-2])):
        step = end - before
        ends.append(end + step / np.hypot(*step) * _COAST_BEYOND_M)
    return np.vstack([ends[:1], line, ends[1:]])
