"""The reports as dots for the public map: columns of every open and recently closed one, kept up with the city."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from api_client.model import Status
from console.rules.status import ORDER, is_open
from console.server.city import schema
from console.server.city.city import City
from console.server.city.confidential import confidential_services

CLOSED_FOR = timedelta(days=30)
"""How long a closed report stays on the map."""

MOST_POINTS = 600
"""More dots than these in view are counted in cells."""

_NEWEST = 40
_CELL_PX = 56
_TILE_PX = 256
_DEEPEST_ZOOM = 19
_REST_S = 2.0
_GONE = -1
_OPEN = np.array([is_open(status) for status in ORDER])
_KIND = np.dtype(
    [("lat", "f8"), ("lon", "f8"), ("created", "i8"), ("closed", "i8"), ("service", "i4"), ("status", "i1")]
)


class Wanted(msgspec.Struct, frozen=True):
    """What a map shows: its box (degrees), its zoom, the services (empty: all), and which half."""

    west: float
    south: float
    east: float
    north: float
    zoom: int
    services: tuple[str, ...] = ()
    state: str = ""


class DotsView(msgspec.Struct, frozen=True):
    """The dots in view. A point is [id, lat, lon, service, status], a cell [lat, lon, count].

    `newest` lists the newest reports in view as [id, service, status, created in seconds since 1970].
    """

    total: int
    points: list[tuple[str, float, float, str | None, str]]
    cells: list[tuple[float, float, int]]
    newest: list[tuple[str, str | None, str, int]]


class Dots:
    """Columns of all reports with a place, brought up to date at most every two seconds, from any thread."""

    def __init__(self, city: City, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._city = city
        self._ticks = ticks
        self._lock = threading.Lock()
        self._looked = -math.inf
        self._begin("")

    def _begin(self, epoch: str) -> None:
        """Nothing is known yet: at the start, and when the database was set back to an older state."""
        self._epoch = epoch
        self._seq = 0
        self._used = 0
        self._rows = np.zeros(1024, _KIND)
        self._ids: list[str] = []
        self._slots: dict[str, int] = {}
        self._services: list[str | None] = []
        self._codes: dict[str | None, int] = {}
        self._hidden: frozenset[str] = frozenset()

    def view(self, wanted: Wanted) -> tuple[int, DotsView]:
        """The number of the last change that counts in it, and what is in the box."""
        with self._lock:
            self._follow()
            rows = self._rows[: self._used]
            chosen = self._choose(rows, wanted)
            newest = chosen[np.argsort(-rows["created"][chosen], kind="stable")[:MOST_POINTS]]
            few = len(chosen) <= MOST_POINTS or wanted.zoom >= _DEEPEST_ZOOM
            return self._seq, DotsView(
                len(chosen),
                [self._point(rows, slot) for slot in newest.tolist()] if few else [],
                [] if few else _cells(rows, chosen, wanted),
                [self._line(rows, slot) for slot in newest[:_NEWEST].tolist()],
            )

    def _choose(self, rows: NDArray[Any], wanted: Wanted) -> NDArray[np.intp]:
        recent = schema.micros(self._city.clock() - CLOSED_FOR)
        shown = (rows["status"] != _GONE) & (rows["closed"] >= recent)
        shown &= (rows["lat"] >= wanted.south) & (rows["lat"] <= wanted.north)
        shown &= (rows["lon"] >= wanted.west) & (rows["lon"] <= wanted.east)
        if wanted.state in ("open", "closed"):
            shown &= _OPEN[rows["status"]] == (wanted.state == "open")
        # protects: no-dot-of-what-is-confidential
        if hidden := [self._codes[code] for code in self._hidden if code in self._codes]:
            shown &= ~np.isin(rows["service"], hidden)
        if wanted.services:
            codes = [self._codes[code] for code in wanted.services if code in self._codes]
            shown &= np.isin(rows["service"], codes)
        return np.flatnonzero(shown)

    def _point(self, rows: NDArray[Any], slot: int) -> tuple[str, float, float, str | None, str]:
        row = rows[slot]
        status = ORDER[int(row["status"])].value
        lat, lon = round(float(row["lat"]), 6), round(float(row["lon"]), 6)
        return self._ids[slot], lat, lon, self._services[int(row["service"])], status

    def _line(self, rows: NDArray[Any], slot: int) -> tuple[str, str | None, str, int]:
        row = rows[slot]
        service, status = self._services[int(row["service"])], ORDER[int(row["status"])].value
        return self._ids[slot], service, status, int(row["created"]) // 1_000_000

    def _follow(self) -> None:
        """Take over what has changed since the last look."""
        if self._ticks() - self._looked < _REST_S:
            return
        epoch, present = self._city.mark()
        if epoch != self._epoch:
            self._begin(epoch)
        if present > self._seq:
            table, gone = schema.reports, schema.gone
            columns = (table.c.id, table.c.status, table.c.service, table.c.lat, table.c.lon)
            query = sa.select(*columns, table.c.created, table.c.closed_at, table.c.merged_into)
            query = query.where(table.c.seq > self._seq, table.c.seq <= present)
            if not self._seq:
                recent = schema.micros(self._city.clock() - CLOSED_FOR)
                query = query.where(sa.or_(table.c.closed == 0, table.c.updated >= recent))
            left = sa.select(gone.c.id).where(gone.c.seq > self._seq, gone.c.seq <= present)
            with self._city.database.read() as connection:
                self._hidden = confidential_services(connection)
                for key in connection.execute(left).scalars():
                    self._drop(key.removeprefix("report/"))
                for row in connection.execute(query):
                    self._keep(*row)
            self._seq = present
        self._looked = self._ticks()

    def _keep(
        self,
        key: str,
        status: str,
        service: str | None,
        lat: float | None,
        lon: float | None,
        created: int,
        closed_at: int | None,
        merged_into: str | None,
    ) -> None:
        if lat is None or lon is None or merged_into is not None:
            self._drop(key)
            return
        slot = self._slots.setdefault(key, self._used)
        if slot == self._used:
            self._used += 1
            self._ids.append(key)
            if self._used > len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros(len(self._rows), _KIND)])
        code = self._codes.setdefault(service, len(self._services))
        if code == len(self._services):
            self._services.append(service)
        still_open = np.iinfo(np.int64).max
        closed = closed_at if closed_at is not None else still_open
        self._rows[slot] = (lat, lon, created, closed, code, ORDER.index(Status(status)))

    def _drop(self, key: str) -> None:
        slot = self._slots.get(key)
        if slot is not None:
            self._rows["status"][slot] = _GONE


def _cells(rows: NDArray[Any], chosen: NDArray[np.intp], wanted: Wanted) -> list[tuple[float, float, int]]:
    """The reports counted in squares of a fixed grid, each at the middle of its reports."""
    side = 360 / (_TILE_PX * 2**wanted.zoom) * _CELL_PX
    height = side * math.cos(math.radians((wanted.south + wanted.north) / 2)) or side
    lat, lon = rows["lat"][chosen], rows["lon"][chosen]
    grid = np.floor(lat / height).astype(np.int64) << 32 | np.floor((lon + 180) / side).astype(np.int64)
    _, place, counts = np.unique(grid, return_inverse=True, return_counts=True)
    lats, lons = ((np.bincount(place, weights=column) / counts).round(5).tolist() for column in (lat, lon))
    return list(zip(lats, lons, counts.tolist(), strict=True))
