"""Find the tiles of the map's background in a file of this computer: PMTiles (version 3) or MBTiles."""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import threading
import weakref
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

from pmtiles.tile import (
    Compression,
    MagicNumberNotFound,
    SpecVersionUnsupported,
    deserialize_directory,
    deserialize_header,
    find_tile,
    zxy_to_tileid,
)

from console.city_map.manifest import UnreadableMap
from console.city_map.map_folder import current_basemap

TileKind = Literal["vector", "raster"]

_MOST_TILE_BYTES = 8 * 2**20
_MOST_DIRECTORY_BYTES = 2**19
"""Of one directory, unpacked: it is decoded entry by entry."""
_MOST_TEXT = 300
_DIRECTORIES = 64
_DIRECTORY_DEPTH = 4
_HEADER_BYTES = 127
GZIP = b"\x1f\x8b"
"""With what a stored tile begins that is packed."""
_MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"))
_VECTOR = "application/x-protobuf"
_FORMATS: dict[str, TileKind] = {
    "pbf": "vector",
    "mvt": "vector",
    "png": "raster",
    "jpg": "raster",
    "jpeg": "raster",
    "webp": "raster",
}
_log = logging.getLogger(__name__)


class BasemapError(Exception):
    """Why a file can't be the background; its text is for the operator."""


class _Tiles(Protocol):
    kind: TileKind
    min_zoom: int
    max_zoom: int
    attribution: str

    def raw(self, z: int, x: int, y: int) -> bytes | None:
        """The tile as it lies in the file, in the web's numbering (y from the north)."""

    def close(self) -> None:
        """Let go of the file."""


class Basemap:
    """The background's tiles, for any number of worker threads. Without a file, or with a bad one, it has none."""

    def __init__(self, folder: Path | None, name: str = "", *, most_bytes: int = _MOST_TILE_BYTES) -> None:
        """`name` is a file, as the settings have it; relative to `folder`, the profile's. Without it the profile's own
        basemap.pmtiles or basemap.mbtiles is taken, if there is one, else the tiles of its city map (`map_folder`).
        A tile that is larger than `most_bytes`, unpacked, is not there. Never raises: `problem` says what is wrong.
        """
        self._most_bytes = most_bytes
        self._tiles: _Tiles | None = None
        self.problem = ""
        """Why there is no background, in words; empty when there is one or none is wanted."""
        try:
            path = _find(folder, name)
            self._tiles = None if path is None else open_tiles(path)
        except (BasemapError, UnreadableMap) as error:
            self.problem = str(error)
            _log.info("no map background: %s", error)

    @property
    def kind(self) -> TileKind | None:
        """What the tiles are; None without any."""
        return self._tiles.kind if self._tiles else None

    @property
    def zooms(self) -> tuple[int, int]:
        """The lowest and the highest zoom that tiles exist for."""
        return (self._tiles.min_zoom, self._tiles.max_zoom) if self._tiles else (0, 0)

    @property
    def attribution(self) -> str:
        """Whom the file names as its source, as plain text."""
        return self._tiles.attribution if self._tiles else ""

    def state(self) -> Literal["ok", "unavailable"]:
        """Whether there is a background to draw."""
        return "ok" if self._tiles else "unavailable"

    def tile(self, z: int, x: int, y: int) -> tuple[bytes, str] | None:
        """One tile, unpacked, and its content type; None where the file has none, or a damaged one."""
        found = self._look_up(z, x, y)
        return None if found is None else found[1:]

    def stored(self, z: int, x: int, y: int) -> bytes | None:
        """One tile as it lies in the file, packed by gzip or not; None as with `tile`."""
        found = self._look_up(z, x, y)
        return None if found is None else found[0]

    def _look_up(self, z: int, x: int, y: int) -> tuple[bytes, bytes, str] | None:
        """A tile as it is stored, unpacked, and its content type."""
        tiles = self._tiles
        if tiles is None or not (0 <= z <= 24 and 0 <= x < 2**z and 0 <= y < 2**z):
            return None
        try:
            stored = tiles.raw(z, x, y)
            checked = None if not stored else _checked(_unpacked(stored, self._most_bytes), tiles.kind)
            return None if not stored or checked is None else (stored, *checked)
        except (OSError, ValueError, EOFError, IndexError, OverflowError, zlib.error, sqlite3.Error, BasemapError):
            _log.info("tile %d/%d/%d is damaged", z, x, y, exc_info=True)
            return None

    def close(self) -> None:
        """Let go of the file; tiles still asked for are not there."""
        tiles, self._tiles = self._tiles, None
        if tiles is not None:
            tiles.close()


def _find(folder: Path | None, name: str) -> Path | None:
    """The file of the background; None: none. Raises UnreadableMap."""
    if name:
        return (folder or Path()) / Path(name).expanduser()
    if folder is None:
        return None
    own = [folder / one for one in ("basemap.pmtiles", "basemap.mbtiles")]
    return next((path for path in own if path.is_file()), None) or current_basemap(folder)


def open_tiles(path: Path) -> _Tiles:
    """The reader that the file's first bytes call for.

    Raises BasemapError.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
        if head.startswith(b"SQLite format 3\0"):
            return _MbTiles(path)
        if head.startswith(b"PM"):
            return _PmTiles(path)
    except OSError as error:
        raise BasemapError(f"{path.name} can't be read: {error.strerror or error}.") from error
    raise BasemapError(f"{path.name} is neither PMTiles nor MBTiles.")


class _PmTiles:
    """A PMTiles archive, read piece by piece: of one mapped into memory a read past its end, where somebody writes
    over the file meanwhile, would end the program.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._closing = weakref.finalize(self, os.close, self._file)
        try:
            self._look(path)
        except BaseException:
            self._closing()
            raise

    def _look(self, path: Path) -> None:
        try:
            header: dict[str, Any] = dict(deserialize_header(self._piece(0, _HEADER_BYTES)))
        except SpecVersionUnsupported as error:
            raise BasemapError(f"{path.name} is not PMTiles version 3.") from error
        except (MagicNumberNotFound, ValueError, IndexError, KeyError) as error:
            raise BasemapError(f"{path.name} is a damaged PMTiles file.") from error
        if header["tile_compression"] not in (Compression.NONE, Compression.GZIP):
            raise BasemapError(f"{path.name} is compressed with {header['tile_compression'].name.lower()}, not gzip.")
        kind = _FORMATS.get(header["tile_type"].name.lower())
        if kind is None:
            raise BasemapError(f"{path.name} holds tiles of an unknown format.")
        self.kind: TileKind = kind
        self.min_zoom, self.max_zoom = header["min_zoom"], header["max_zoom"]
        self._header = header
        self._directory = lru_cache(_DIRECTORIES)(self._read_directory)
        self.attribution = _plain(self._metadata().get("attribution"))

    def raw(self, z: int, x: int, y: int) -> bytes | None:
        tile_id = zxy_to_tileid(z, x, y)
        offset, length = self._header["root_offset"], self._header["root_length"]
        for _ in range(_DIRECTORY_DEPTH):
            entry = find_tile(self._directory(offset, length), tile_id)
            if entry is None:
                return None
            if entry.run_length:
                if entry.length > _MOST_TILE_BYTES:
                    raise BasemapError("A tile is too large.")
                return self._piece(self._header["tile_data_offset"] + entry.offset, entry.length)
            offset, length = self._header["leaf_directory_offset"] + entry.offset, entry.length
        return None

    def close(self) -> None:
        with self._lock:
            self._closing()

    def _piece(self, start: int, length: int) -> bytes:
        """So many bytes of the file, fewer at its end. Raises ValueError where it is closed, OSError."""
        with self._lock:
            if not self._closing.alive:
                raise ValueError("The file is closed.")
            os.lseek(self._file, start, os.SEEK_SET)
            return os.read(self._file, length)

    def _read_directory(self, offset: int, length: int) -> Any:
        if length > _MOST_DIRECTORY_BYTES:
            raise BasemapError("A directory is too large.")
        packed = self._piece(offset, length)
        _unpacked(packed, _MOST_DIRECTORY_BYTES)  # what follows unpacks without a limit
        return deserialize_directory(packed)

    def _metadata(self) -> dict[str, Any]:
        start, length = self._header["metadata_offset"], min(self._header["metadata_length"], _MOST_TILE_BYTES)
        try:
            found = json.loads(_unpacked(self._piece(start, length), _MOST_TILE_BYTES) or b"{}")
        except (OSError, ValueError, RecursionError, OverflowError, zlib.error, BasemapError):
            return {}
        return found if isinstance(found, dict) else {}


class _MbTiles:
    """An MBTiles database, opened read only; rows count from the south there."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise BasemapError(f"{path.name} can't be opened: {error}.") from error
        try:
            self._database.execute("PRAGMA trusted_schema = OFF")
            self._look(path.name)
        except sqlite3.Error as error:
            self._database.close()
            raise BasemapError(f"{path.name} is not a readable MBTiles file: {error}.") from error
        except BasemapError:
            self._database.close()
            raise

    def raw(self, z: int, x: int, y: int) -> bytes | None:
        query = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        with self._lock:
            found = self._database.execute(query, (z, x, 2**z - 1 - y)).fetchone()
        return found[0] if found and isinstance(found[0], bytes) else None

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _look(self, name: str) -> None:
        facts = dict(self._database.execute("SELECT name, value FROM metadata LIMIT 200").fetchall())
        zooms = self._database.execute("SELECT min(zoom_level), max(zoom_level) FROM tiles").fetchone()
        one = self._database.execute("SELECT tile_data FROM tiles LIMIT 1").fetchone()
        if one is None or not isinstance(one[0], bytes) or not all(isinstance(zoom, int) for zoom in zooms):
            raise BasemapError(f"{name} holds no tiles.")
        self.min_zoom, self.max_zoom = zooms
        self.attribution = _plain(facts.get("attribution"))
        kind = _kind_of(one[0], str(facts.get("format", "")).lower())
        if kind is None:
            raise BasemapError(f"{name} holds tiles of an unknown format.")
        self.kind: TileKind = kind


def _kind_of(tile: bytes, declared: str) -> TileKind | None:
    """What a tile is: its own first bytes count more than what the file says."""
    if any(tile.startswith(magic) for magic, _ in _MAGIC):
        return "raster"
    if tile.startswith((b"\x1f\x8b", b"\x1a")):  # gzip, or a vector tile's first layer
        return "vector"
    return "vector" if _FORMATS.get(declared) == "vector" and not tile.startswith(b"\xff") else None


def _unpacked(body: bytes, most_bytes: int) -> bytes:
    """Raises BasemapError, zlib.error."""
    if not body.startswith(GZIP):
        if len(body) > most_bytes:
            raise BasemapError("A tile is too large.")
        return body
    unpacker = zlib.decompressobj(wbits=31)
    unpacked = unpacker.decompress(body, most_bytes)
    if not unpacker.eof:
        raise BasemapError("A tile is too large, or cut off.")
    return unpacked


def _checked(body: bytes, kind: TileKind) -> tuple[bytes, str] | None:
    for magic, content_type in _MAGIC:
        if body.startswith(magic):
            return (body, content_type) if kind == "raster" else None
    return (body, _VECTOR) if kind == "vector" else None


def _plain(text: object) -> str:
    """An attribution without its mark-up (files hold HTML there); it is shown as text anyway."""
    return re.sub(r"<[^>]*>", "", text)[:_MOST_TEXT].strip() if isinstance(text, str) else ""
