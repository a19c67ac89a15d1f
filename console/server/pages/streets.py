"""The streets for the pages: tiles of the map that `sigap map build` made, as they are stored, and what they are.

Everything here is public, and an answer costs a look into two directories and the unpacking of one tile that is no
larger than `MOST_TILE_BYTES`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import math
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from console.city_map.basemap import GZIP, Basemap
from console.city_map.manifest import BASEMAP, PLACES, STREETS, Bounds, UnreadableMap, read_manifest
from console.city_map.map_folder import map_in
from console.server.errors import NotFound
from console.server.http.endpoint import JSON, HttpEndpoint, RequestContext
from console.server.pages.assets import Packed, pack

log = logging.getLogger(__name__)
MOST_TILE_BYTES = 2 * 2**20
"""Unpacked; those of dense cities have a tenth of that."""
_LOOK_EVERY_S = 5.0
_SEARCH_NEEDS = ("scipy", "shapely")
"""Without these, which many servers have no other use for, streets are shown and no places found."""
_TILE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Vary": "Accept-Encoding",
}
_FOR_EVER, _FOR_AN_HOUR = "public, max-age=31536000, immutable", "public, max-age=3600"
_TILE = "application/vnd.mapbox-vector-tile"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,7}", re.ASCII)


class StreetsInfo(msgspec.Struct, frozen=True):
    """What the pages need to know of the map: tiles are asked for as `{version}/{z}/{x}/{y}`, `bounds` (west, south,
    east, north in degrees) is where there are streets, and `attribution` is shown wherever they are. `places` says
    that places can be looked for.
    """

    version: str
    min_zoom: int
    max_zoom: int
    bounds: Bounds
    attribution: str
    invented: bool
    places: bool


class _Served(msgspec.Struct, frozen=True):
    """A map that is open."""

    folder: Path
    version: str
    tiles: Basemap
    info: Packed


class MapTiles:
    """What answers under /streets. A map that is built or put there while the server runs is served from then on.

    Without a map, or with one that cannot be read, there are no tiles, and the pages show the borders; why stands
    in the log.
    """

    def __init__(
        self, folder: Path | None, http_endpoint: HttpEndpoint, *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        """`folder` is a map, or a profile with one (`city_map.map_folder`); None: there is none."""
        self._folder = folder
        self._http_endpoint = http_endpoint
        self._ticks = ticks
        self._lock = threading.Lock()
        self._looked = -math.inf
        self._served: _Served | None = None
        self._told = ""

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        endpoint = self._http_endpoint.endpoint
        return [
            Route("/info", endpoint(self._info, public=True)),
            Route("/{version}/{z}/{x}/{y}", endpoint(self._tile, public=True)),
        ]

    def close(self) -> None:
        """Let go of the map's file; there are no streets any more."""
        with self._lock:
            self._folder, served = None, self._served
            self._served = None
        if served is not None:
            served.tiles.close()

    def _info(self, context: RequestContext) -> Response:
        served = self._current()
        return (_NO_MAP if served is None else served.info).answer(context.request)

    def _tile(self, context: RequestContext) -> Response:
        served = self._current()
        place = [context.path(name) for name in ("z", "x", "y")]
        if served is None or context.path("version") != served.version or not all(map(_NUMBER.fullmatch, place)):
            raise NotFound("There is no such map, or no longer.")
        etag = f'"{served.version}-{"-".join(place)}"'
        headers = _TILE_HEADERS | {"ETag": etag, "Cache-Control": _FOR_EVER}
        if etag in context.request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        z, x, y = map(int, place)
        if "gzip" in context.request.headers.get("accept-encoding", ""):
            stored = served.tiles.stored(z, x, y)
            if stored is not None and stored.startswith(GZIP):
                headers["Content-Encoding"] = "gzip"
        else:
            found = served.tiles.tile(z, x, y)
            stored = None if found is None else found[0]
        if stored is None:  # open ground, or what is damaged: a browser's console says nothing of it
            return Response(status_code=204, headers=_TILE_HEADERS | {"Cache-Control": _FOR_AN_HOUR})
        return Response(stored, headers=headers, media_type=_TILE)

    def _current(self) -> _Served | None:
        """The map in use, looked for anew every few seconds."""
        with self._lock:
            if self._folder is None or self._ticks() - self._looked < _LOOK_EVERY_S:
                return self._served
            self._looked = self._ticks()
            folder, served = map_in(self._folder), self._served
            if served is not None and folder != served.folder:
                served.tiles.close()
                self._served = None
            if folder is not None and self._served is None:
                self._served = self._open(folder)
            return self._served

    def _open(self, folder: Path) -> _Served | None:
        """None where the map cannot be used, which the log tells once."""
        try:
            manifest = read_manifest(folder)
        except UnreadableMap as error:
            self._refuse(folder, str(error))
            return None
        tiles = Basemap(None, str(folder / BASEMAP), most_bytes=MOST_TILE_BYTES)
        if tiles.kind != "vector":
            tiles.close()
            self._refuse(folder, tiles.problem or f"{BASEMAP} holds no vector tiles.")
            return None
        self._told = ""
        version = hashlib.sha256(f"{folder.name} {manifest.built} {manifest.files}".encode()).hexdigest()[:16]
        searched = {PLACES, f"{STREETS}/point.npy"} <= manifest.files.keys()
        places = searched and all(importlib.util.find_spec(name) is not None for name in _SEARCH_NEEDS)
        info = StreetsInfo(version, *tiles.zooms, manifest.bounds, manifest.attribution, manifest.invented, places)
        log.info("the pages show the streets of %s", folder)
        return _Served(folder, version, tiles, pack(msgspec.json.encode(info), JSON))

    def _refuse(self, folder: Path, problem: str) -> None:
        if problem != self._told:
            log.warning("the pages show no streets of %s: %s", folder, problem)
        self._told = problem


_NO_MAP = pack(b"null", JSON)
