"""The map process: answers questions about streets and places of a profile's current map, one after another.

It reads that map's folder and nothing else, and knows no network. Questions come on standard input, answers go to
standard output (`messages.py`, framed by `console/pipe.py`); it ends with its standard input.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from console.city_map.manifest import PLACES, STREETS
from console.city_map.map_folder import map_in, maps_of
from console.city_map.messages import (
    EXIT_NO_MAP,
    AddressFound,
    Answer,
    Closed,
    ClosedShape,
    ClosuresTaken,
    Find,
    FromMap,
    LatLon,
    LookAhead,
    LookedAhead,
    MapDamaged,
    MapOpened,
    Nearest,
    Order,
    OrderedStop,
    OrderFound,
    PlacesFound,
    Question,
    Route,
    RouteFound,
    StretchAt,
    StretchFound,
    Times,
    TimesFound,
    Travel,
)
from console.city_map.router import Router, TimesTo
from console.city_map.search import Gazetteer
from console.city_map.speeds import HOURS_OF_WEEK, SPEEDS, SpeedFileError, SpeedTable, read_speeds
from console.city_map.stop_order import MOST_STOPS, arrivals, best_order
from console.pipe import BrokenFrame, Frames, pack

_MOST_KEPT = 32
_MOST_KEPT_BYTES = 48 * 2**20
_MOST_AHEAD = 4
_PIECE = 2**16
_CLOSING_S = 1.0
"""So long closures may keep a question waiting; the rest of them is closed when it was answered."""
_NAMED_M = 60.0
"""A street with a name that is so near gives a place its address, though a lane without one is nearer."""


class CityMap:
    """The streets and places of one map, with the searches that were made last."""

    def __init__(self, folder: Path, speeds: Path | None = None) -> None:
        """`speeds` is where the city's table of speeds lies, if it has one.

        Raises OSError, ValueError, sqlite3.Error where the map's files are missing or damaged.
        """
        self._router = Router(folder / STREETS)
        self._gazetteer = Gazetteer(folder / PLACES)
        self._speeds = _SpeedFile(speeds)
        self._kept: OrderedDict[LatLon, TimesTo] = OrderedDict()
        self._ahead: dict[LatLon, TimesTo] = {}
        """What was found for the next hour, for places that were asked about last."""
        self._closed: dict[ClosedShape, _ClosedStretches] = {}

    def answer(self, question: Question) -> Answer:
        """Raises sqlite3.Error where places.db is damaged."""
        match question:
            case Times():
                return self._times(question)
            case Route():
                hour = self._use_speeds_of(question.hour)
                return RouteFound(self._router.route(question.start, question.end), *hour)
            case Nearest():
                return self._nearest(question.place)
            case Find():
                return PlacesFound(tuple(self._gazetteer.find(question.text, question.near)))
            case StretchAt():
                found = self._router.stretch(question.place)
                return StretchFound() if found is None else StretchFound(*found)
            case Closed():
                return self._close(question)
            case LookAhead():
                return self._look_ahead(question.hour)
            case Order():
                return self._order(question)

    def _times(self, question: Times) -> TimesFound:
        hour = self._use_speeds_of(question.hour)
        times = self._times_to(question.place)
        if times is None:
            return TimesFound({}, *hour)
        found = self._router.travels(times, list(question.units.values()))
        return TimesFound(
            {unit: one for unit, one in zip(question.units, found, strict=True) if one is not None}, *hour
        )

    def _order(self, question: Order) -> OrderFound:
        """Raises ValueError where there are more stops than may be, or figures are missing."""
        places, stops, straight = question.places, question.stops, question.otherwise_s
        count = len(stops) + 1
        # protects: stops-of-a-unit-are-few
        if len(stops) > MOST_STOPS or {len(places), len(straight), *map(len, straight)} != {count}:
            raise ValueError(f"{len(stops)} stops between {len(places)} places")
        hour = self._use_speeds_of(question.hour)
        ways: list[list[Travel | None]] = [[None] * count for _ in places]
        for goal in range(1, count):
            times = self._times_to(places[goal])
            for start, way in enumerate(self._router.travels(times, places) if times is not None else ()):
                ways[start][goal] = way
        seconds = [
            [straight[a][b] if (way := ways[a][b]) is None else way.seconds for b in range(count)] for a in range(count)
        ]
        order = best_order(seconds, stops, question.begin_s)
        at = arrivals(order, seconds, stops, question.begin_s)
        before = [0, *(stop + 1 for stop in order)]
        found = (
            OrderedStop(stops[stop].id, arrives_s, ways[start][stop + 1])
            for start, stop, arrives_s in zip(before, order, at, strict=False)
        )
        return OrderFound(tuple(found), *hour)

    def _use_speeds_of(self, hour: int | None) -> tuple[int | None, int]:
        """Have the speeds of an hour of the week; returns (that of the day, from how many drives they are), None where
        the table says nothing of it.
        """
        table = self._speeds.table()
        kmh = self._speeds_of(hour)
        self._router.set_speeds(kmh)
        return (hour % 24, table.drives) if table is not None and hour is not None and kmh else (None, 0)

    def _speeds_of(self, hour: int | None) -> Mapping[str, float]:
        table = self._speeds.table()
        return table.at(hour) if table is not None and hour is not None and 0 <= hour < HOURS_OF_WEEK else {}

    def _times_to(self, place: LatLon) -> TimesTo | None:
        """One search answers for any number of units, also when they have moved."""
        times = self._kept.pop(place, None)
        # protects: times-of-open-streets
        if times is None or times.version != self._router.version:
            times = self._found_ahead(place) or self._router.times_to(place)
        if times is not None:
            self._kept[place] = times
            while len(self._kept) > 1 and not self._is_room():
                self._kept.popitem(last=False)
        return times

    def _found_ahead(self, place: LatLon) -> TimesTo | None:
        known = self._ahead.get(place)
        # protects: times-ahead-are-of-now
        if known is None or known.version != self._router.version:
            return None
        return self._ahead.pop(place)

    def _look_ahead(self, hour: int) -> LookedAhead:
        """Find one of those times that will be asked for again as soon as the speeds are those of this hour."""
        version = self._router.look_ahead(self._speeds_of(hour))
        newest = list(self._kept)[: -1 - _MOST_AHEAD : -1]
        self._ahead = {place: self._ahead[place] for place in newest if place in self._ahead}
        for place in newest:
            if self._ahead.get(place, self._kept[place]).version != version:
                times = self._router.times_ahead(place)
                if times is not None:
                    self._ahead[place] = times
                    return LookedAhead(is_all=False)
        return LookedAhead(is_all=True)

    def _is_room(self) -> bool:
        return len(self._kept) <= _MOST_KEPT and sum(one.cost.nbytes for one in self._kept.values()) <= _MOST_KEPT_BYTES

    def _nearest(self, place: LatLon) -> AddressFound:
        on = self._router.nearest(place)
        if on is not None and not on.street:
            on = self._router.nearest(place, on.distance_m + _NAMED_M, named=True) or on
        return AddressFound(None if on is None else self._gazetteer.reverse(place, on.street, on.distance_m))

    def _close(self, question: Closed) -> ClosuresTaken:
        """Close as many as there is time for, one at least; what was closed before costs nothing again."""
        known = {shape: self._closed[shape] for shape in question.shapes if shape in self._closed}
        until_s = time.monotonic() + _CLOSING_S
        for shape in question.shapes:
            if shape not in known:
                known[shape] = self._stretches_of(shape)
                # protects: closing-leaves-time-for-questions
                if time.monotonic() >= until_s:
                    break
        self._closed = known
        marks = np.zeros(-(-self._router.stretches // 8), np.uint8)
        for one in known.values():
            marks |= one.marks
        self._router.close(np.unpackbits(marks, count=self._router.stretches).astype(bool))
        return ClosuresTaken(tuple(known[shape].count if shape in known else None for shape in question.shapes))

    def _stretches_of(self, shape: ClosedShape) -> _ClosedStretches:
        edges = self._edges_of(shape)
        marked = np.zeros(self._router.stretches, bool)
        marked[edges] = True
        return _ClosedStretches(len(edges), np.packbits(marked))

    def _edges_of(self, shape: ClosedShape) -> NDArray[Any]:
        places = [(lon, lat) for lat, lon in shape.places]
        nothing = np.zeros(0, np.int64)
        if shape.width_m > 0:
            line = len(places) > 1 and shapely.LineString(places)
            return self._router.edges_along(line, shape.width_m) if line and line.length else nothing
        area = shapely.Polygon(places) if len(places) > 2 else shapely.Polygon()
        area = shapely.make_valid(area, method="structure", keep_collapsed=False)
        return nothing if area.is_empty else self._router.edges_in(area)


class _ClosedStretches(msgspec.Struct, frozen=True):
    """How many stretches one shape closes, and which: a bit for each of all."""

    count: int
    marks: NDArray[Any]


class _SpeedFile:
    """The city's table of speeds as its file is now: it may be changed while it is used."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._is_at: tuple[int, ...] | None = None
        self._table: SpeedTable | None = None

    def table(self) -> SpeedTable | None:
        """The table; None without one, and while its file cannot be used, which is said once on standard error."""
        if self._path is None:
            return None
        try:
            stat = self._path.stat()
        except OSError:
            self._is_at = self._table = None
            return None
        at = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if at != self._is_at:
            self._is_at, self._table = at, None
            try:
                self._table = read_speeds(self._path)[0]
            except (SpeedFileError, OSError) as error:
                sys.stderr.write(f"sigap map-process: times are those without traffic. {error}\n")
        return self._table


def serve(profile: Path) -> int:
    """Answer until standard input ends. `profile` may be the folder of a map itself, which then is the one in use.

    Returns the exit code: 4 without a map that can be read.
    """
    _keep_apart()
    folder = map_in(profile)
    if folder is None:
        return EXIT_NO_MAP
    try:
        city_map = CityMap(folder, maps_of(profile) / SPEEDS)
    except (OSError, ValueError, sqlite3.Error) as error:
        _tell(MapDamaged(str(error)))
        return EXIT_NO_MAP
    _tell(MapOpened())
    frames: Frames[Question] = Frames(Question)
    with contextlib.suppress(BrokenFrame, BrokenPipeError):  # who asks is gone, or is not who started this
        while piece := os.read(0, _PIECE):
            for question in frames.feed(piece):
                _tell(_answer_of(city_map.answer, question))
    return 0


def _answer_of(answer: Callable[[Question], Answer], question: Question) -> Answer:
    try:
        return answer(question)
    except (sqlite3.Error, IndexError, ValueError) as error:  # what is damaged answers wrongly, or not at all
        return MapDamaged(f"{type(error).__name__}: {error}")


def _tell(message: FromMap) -> None:
    left = memoryview(pack(message))
    while left:
        left = left[os.write(1, left) :]


def _keep_apart() -> None:
    """Ctrl+C is for who started this; no core file holds where people are."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has none of these
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
