"""The ways that crews of the demo city drive: along the streets of its map, as the crow flies until there is one."""

from __future__ import annotations

import bisect
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from console.city_map.map_folder import map_in
from console.server.demo.areas import Point, metres

if TYPE_CHECKING:
    from console.city_map.router import Router

log = logging.getLogger(__name__)
_AS_THE_CROW_FLIES_M_S = 6.0
_LONGEST_S = 2_400.0
_LOOK_EVERY = timedelta(seconds=15)
_E7 = 1e-7


class DriveWay:
    """A way through the city: its points, how long it is, and how long it takes without hindrance."""

    def __init__(self, points: Sequence[Point], seconds: float, streets: Sequence[str] = ()) -> None:
        self._points = points
        self._until_m = [0.0]
        for here, there in pairwise(points):
            self._until_m.append(self._until_m[-1] + metres(here, there))
        self.length_m = self._until_m[-1]
        self.speed_m_s = self.length_m / seconds if seconds > 0 else _AS_THE_CROW_FLIES_M_S
        self.streets = streets

    def at(self, driven_m: float) -> Point:
        """The place so far along it, its end when it is shorter."""
        if driven_m >= self.length_m:
            return self._points[-1]
        leg = bisect.bisect(self._until_m, max(0.0, driven_m)) - 1
        begin, end = self._points[leg], self._points[leg + 1]
        length = self._until_m[leg + 1] - self._until_m[leg]
        share = (driven_m - self._until_m[leg]) / length if length else 0.0
        return begin[0] + share * (end[0] - begin[0]), begin[1] + share * (end[1] - begin[1])


class DriveStreets:
    """Finds ways. `folder` is a city map, or a profile that has one or will; None: there is none, and will be none.

    The map is opened when the first way is looked for at least `_LOOK_EVERY` after the beginning: a demo that has just
    begun has a window to fill.
    """

    def __init__(self, folder: Path | None, now: datetime) -> None:
        self._folder = folder
        self._look_at = now + _LOOK_EVERY
        self._router: Router | None = None

    def way(self, here: Point, there: Point, now: datetime) -> DriveWay:
        """From here to there; the last steps to a place that is beside its street are gone on foot."""
        router = self._opened(now)
        leg = router.route(here, there, _LONGEST_S) if router is not None else None
        if leg is None:
            return DriveWay([here, there], metres(here, there) / _AS_THE_CROW_FLIES_M_S)
        points = np.frombuffer(leg.line, "<i4").reshape(-1, 2) * _E7
        streets = tuple(name for name, _ in leg.streets if name)
        return DriveWay([here, *map(tuple, points.tolist()), there], leg.travel.seconds, streets)

    def _opened(self, now: datetime) -> Router | None:
        if self._router is None and self._folder is not None and now >= self._look_at:
            self._look_at = now + _LOOK_EVERY
            found = map_in(self._folder)
            if found is not None:
                try:
                    from console.city_map.router import Router

                    self._router = Router(found / "streets")
                except (ImportError, OSError, ValueError, EOFError) as error:
                    self._folder = None
                    log.info("crews drive as the crow flies: %s", error)
        return self._router
