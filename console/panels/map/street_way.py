"""The way by street that the map draws from one crew to one report, with the time that it takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal

from console.city_map.messages import Answer, LatLon, Route, RouteFound
from console.panels.travel_times import AskMap

_MOST_POINTS = 400


class StreetWay(QObject):
    """Keeps the newest way; while a crew moves on, its last one stands until the next is there."""

    changed = Signal()
    """Another way is known, or none any more."""

    def __init__(
        self, ask: AskMap, parent: QObject | None = None, *, hour: Callable[[], int | None] = lambda: None
    ) -> None:
        """`hour` gives the hour of the week by the city's clock (see `Times`)."""
        super().__init__(parent)
        self._ask, self._hour = ask, hour
        self._asked: tuple[LatLon, LatLon] | None = None
        self._goal: LatLon | None = None
        self._line: list[LatLon] = []
        self._seconds: float | None = None
        self.speeds_hour: int | None = None
        """Of which hour of the day the city's speeds are by which the way was found; None without traffic."""
        self.speeds_drives = 0
        """From how many drives of crews these were fitted; 0 where somebody wrote them."""

    def ask_again(self) -> None:
        """Other streets are closed, or another hour's speeds count: the last way stands until the next is there."""
        self._asked = None

    def line(self, start: LatLon, goal: LatLon) -> list[LatLon]:
        """The way as far as it is known, else the straight line."""
        self._look(start, goal)
        return [start, *self._line, goal]

    def seconds(self, goal: LatLon) -> float | None:
        """How long the way to `goal` takes from where `line` was asked for last; None when that is not known."""
        return self._seconds if self._goal == goal else None

    def _look(self, start: LatLon, goal: LatLon) -> None:
        if goal != self._goal:
            self._goal, self._line, self._seconds = goal, [], None
            self.speeds_hour, self.speeds_drives = None, 0
        if self._asked == (start, goal):
            return
        self._asked = asked = (start, goal)

        def take(answer: Answer | None) -> None:
            if self._asked is not asked:  # another way, or the same with other streets closed
                return
            leg = answer.leg if isinstance(answer, RouteFound) else None
            if answer is None:
                self._asked = None  # asked again with the next look
            before = self._line, self.speeds_hour, self.speeds_drives
            self._line = points_of(leg.line) if leg is not None else []
            self._seconds = leg.travel.seconds if leg is not None else None
            self.speeds_hour, self.speeds_drives = None, 0
            if isinstance(answer, RouteFound) and leg is not None:
                self.speeds_hour, self.speeds_drives = answer.hour, answer.drives
            if (self._line, self.speeds_hour, self.speeds_drives) != before:
                self.changed.emit()

        self._ask("route", Route(start, goal, self._hour()), take)


def points_of(line: bytes) -> list[LatLon]:
    """The points of a leg (`Leg.line`), every n-th where there are too many to draw at each step of a crew."""
    points = np.frombuffer(line, "<i4").reshape(-1, 2)
    step = -(-len(points) // _MOST_POINTS) or 1
    thin = points[::step] if step == 1 else np.concatenate([points[::step], points[-1:]])
    return [(lat, lon) for lat, lon in (thin / 1e7).tolist()]
