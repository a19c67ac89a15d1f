"""What a built map says of itself: where it is from, what is in it, and how large and whole its files are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from api_client.decoding import decode

Bounds = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""

FORMAT = 2
"""Rises when a map of an older version can no longer be read; it is then built anew from its source."""

MANIFEST, BASEMAP, STREETS, PLACES = "manifest.json", "basemap.pmtiles", "streets", "places.db"

_MOST_BYTES = 2**20
_PIECE = 2**20


class FileOfMap(msgspec.Struct, frozen=True):
    """One file of a map."""

    size: int
    sha256: str


class MapCounts(msgspec.Struct, frozen=True):
    """How much is in a map."""

    roads: int
    nodes: int
    edges: int
    places: int
    houses: int
    tiles: int


class MapManifest(msgspec.Struct, frozen=True):
    """manifest.json: `dated` is when the data was taken (ISO 8601, "" unknown), `built` when the map was made."""

    format: int
    source: str
    source_sha256: str
    dated: str
    built: str
    bounds: Bounds
    counts: MapCounts
    attribution: str
    invented: bool
    left_out: Mapping[str, int]
    files: Mapping[str, FileOfMap]
    """By their names within the map's folder."""

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.size for file in self.files.values())


class UnreadableMap(Exception):
    """A map that is not whole, or of another version; its text is for the operator."""


def read_manifest(folder: Path) -> MapManifest:
    """What the map in a folder says of itself.

    Raises UnreadableMap.
    """
    try:
        with (folder / MANIFEST).open("rb") as file:
            body = file.read(_MOST_BYTES)
        version = decode(body, _Version).format
        # protects: map-of-another-version
        if version != FORMAT:
            raise UnreadableMap(f"The map was built by another version of Sigap (format {version}): build it again.")
        return decode(body, MapManifest)
    except (OSError, msgspec.DecodeError) as error:
        raise UnreadableMap("The map is damaged: its manifest can't be read. Build it again.") from error


def write_manifest(folder: Path, manifest: MapManifest) -> None:
    """Raises OSError."""
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def files_of(folder: Path, done: Callable[[Path], None] = lambda _: None) -> dict[str, FileOfMap]:
    """Size and hash of every file in a folder but the manifest; `done` is called with each. Raises OSError."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / MANIFEST:
            found[path.relative_to(folder).as_posix()] = FileOfMap(path.stat().st_size, _hash(path))
            done(path)
    return found


def faults(folder: Path, manifest: MapManifest) -> list[str]:
    """What is wrong with a map's files, a sentence each: missing, of another size, of another content."""
    wrong = []
    for name, wanted in manifest.files.items():
        path = folder / name
        try:
            if path.stat().st_size != wanted.size:
                wrong.append(f"{name} has another size.")
            elif _hash(path) != wanted.sha256:
                wrong.append(f"{name} has another content.")
        except OSError as error:
            wrong.append(f"{name} can't be read: {error.strerror or 'the system refused'}.")
    return wrong


class _Version(msgspec.Struct):
    format: int


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
