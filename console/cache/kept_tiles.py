"""The pictures of a web map that are kept on this computer: one file each, the oldest looks thrown out first."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import msgspec

from api_client.decoding import decode

MOST_BYTES = 200 * 10**6
_MOST_HEAD, _MOST_FILE = 1_000, 4 * 2**20
_TIDY_EVERY = 200
"""Pictures that come between two looks at how much there is."""
_ROOM = 0.9


class _TileHead(msgspec.Struct, frozen=True):
    """The first line of a file, as JSON."""

    fetched: float
    fresh_until: float
    etag: str


class KeptTile(msgspec.Struct, frozen=True):
    """A picture (b"": the provider has none there), when it came and until when it is right (seconds since 1970)."""

    body: bytes
    fetched: float
    fresh_until: float
    etag: str


class KeptTiles:
    """The pictures of one web map in a profile; may be read by several threads and programs, and written by one."""

    def __init__(self, profile: Path, address: str, *, most_bytes: int = MOST_BYTES) -> None:
        self._all = profile / "web-map"
        self._folder = self._all / hashlib.sha256(address.encode()).hexdigest()[:16]
        self._most_bytes = most_bytes
        self._came = 0

    def get(self, z: int, x: int, y: int) -> KeptTile | None:
        """What is kept; None where nothing is, or nothing that can be read."""
        path = self._path(z, x, y)
        try:
            with path.open("rb") as file:
                head, _, body = file.read(_MOST_FILE).partition(b"\n")
            known = decode(head[:_MOST_HEAD], _TileHead)
        except (OSError, msgspec.DecodeError):
            return None
        return KeptTile(body, known.fetched, known.fresh_until, known.etag)

    def put(self, z: int, x: int, y: int, tile: KeptTile) -> None:
        """Keep a picture in place of the one before. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".new-", delete=False) as file:
            file.write(msgspec.json.encode(_TileHead(tile.fetched, tile.fresh_until, tile.etag)) + b"\n" + tile.body)
        Path(file.name).replace(self._path(z, x, y))
        self._came += 1
        if self._came % _TIDY_EVERY == 1:
            self.tidy()

    def tidy(self) -> None:
        """Throw out what came longest ago, of all web maps of the profile, until the rest is within its bound."""
        files = [
            (entry.stat().st_mtime, entry.stat().st_size, entry.path)
            for folder in (self._all.iterdir() if self._all.is_dir() else ())
            if folder.is_dir()
            for entry in os.scandir(folder)
            if entry.is_file(follow_symlinks=False)
        ]
        total = sum(size for _, size, _ in files)
        if total <= self._most_bytes:
            return
        for _, size, path in sorted(files):
            with contextlib.suppress(OSError):
                Path(path).unlink()
                total -= size
            if total <= _ROOM * self._most_bytes:
                break

    def _path(self, z: int, x: int, y: int) -> Path:
        return self._folder / f"{z}-{x}-{y}"
