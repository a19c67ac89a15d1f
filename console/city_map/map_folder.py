"""The folder of a profile's city maps: which one is in use, putting a new one into its place, removing, clearing up.

`map/<id>/` is one map, whole (manifest.json, basemap.pmtiles, streets/*.npy, places.db); `map/current` holds the id of
the one in use; `map/speeds.csv` is the city's table of speeds, where it has one, whatever map is in use; `map/.new-*`
is one that is being built, or the leavings of a build that was ended. A new map becomes the one in use by one rename: a
reader has the old one or the new one, and never half of either.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from console.city_map.manifest import BASEMAP, MANIFEST, MapManifest, read_manifest
from console.city_map.speeds import SPEEDS, SpeedTable, read_speeds
from console.files.durable import sync_folder
from console.files.lock import FileLock

_CURRENT, _LOCK, _NEW = "current", ".lock", ".new-"
_ID = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}(?:-[0-9]{1,3})?")


def maps_of(profile: Path) -> Path:
    """The folder of a profile's maps."""
    return profile / "map"


def current_map(profile: Path) -> Path | None:
    """The folder of the map in use; None without one."""
    try:
        with (maps_of(profile) / _CURRENT).open("rb") as file:
            name = file.read(64).decode("ascii", "replace").strip()
    except OSError:
        return None
    folder = maps_of(profile) / name
    # protects: map-within-its-folder
    if not _ID.fullmatch(name):
        return None
    return folder if folder.is_dir() else None


def map_in(folder: Path) -> Path | None:
    """The map that a folder stands for: itself, where it is one, else the one in use of a profile; None without any."""
    return folder if (folder / MANIFEST).is_file() else current_map(folder)


def current_manifest(profile: Path) -> MapManifest | None:
    """What the map in use says of itself; None without one. Raises UnreadableMap."""
    folder = current_map(profile)
    return None if folder is None else read_manifest(folder)


def current_speeds(profile: Path) -> SpeedTable | None:
    """The city's table of speeds; None without one. Raises SpeedFileError, OSError where it cannot be used."""
    try:
        return read_speeds(maps_of(profile) / SPEEDS)[0]
    except FileNotFoundError:
        return None


def current_basemap(profile: Path) -> Path | None:
    """The tiles of the map in use; None without one. Raises UnreadableMap where the map cannot be used."""
    folder = current_map(profile)
    if folder is None:
        return None
    read_manifest(folder)
    return folder / BASEMAP


class MapFolder:
    """The folder of a profile's maps while one is built or removed: nobody else does either."""

    def __init__(self, profile: Path) -> None:
        """Raises LockedByOther where another program builds or removes a map, NotWritable, DiskFull, OSError."""
        self._folder = maps_of(profile)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._profile = profile
        self._lock = FileLock(self._folder / _LOCK)

    def release(self) -> None:
        """Let others in."""
        self._lock.release()

    def clear_up(self, *, old_maps: bool) -> None:
        """Delete the leavings of builds that were ended; with `old_maps` also the maps that are not in use.

        A window goes on using the map that it began with: old ones go when none is open.
        """
        current = current_map(self._profile)
        for path in self._folder.iterdir():
            old = old_maps and _ID.fullmatch(path.name) is not None and path != current
            # protects: leavings-are-cleared
            if path.name.startswith(_NEW) or old:
                _delete(path)

    def begin(self) -> Path:
        """A new, empty folder to build a map in. Raises OSError."""
        return Path(tempfile.mkdtemp(prefix=_NEW, dir=self._folder))

    def adopt(self, built: Path, name: str) -> Path:
        """Make the map in `built` (from `begin`, its files on the disk) the one in use, under a name like `name`.

        Raises UnreadableMap where it is not whole, OSError; the one before then stays.
        """
        read_manifest(built)
        target = self._folder / name
        count = 1
        while target.exists():
            count += 1
            target = self._folder / f"{name}-{count}"
        built.rename(target)
        sync_folder(self._folder)
        self._point_to(target.name)
        return target

    def abandon(self, built: Path) -> None:
        """Delete what was begun."""
        _delete(built)

    def keep_speeds(self, content: bytes) -> None:
        """Have this file as the city's table of speeds from now on, whatever map is in use. Raises OSError."""
        self._put(SPEEDS, content)

    def remove_speeds(self) -> bool:
        """Go without a table of speeds. Returns whether there was one. Raises OSError."""
        there = (self._folder / SPEEDS).exists()
        with contextlib.suppress(FileNotFoundError):
            (self._folder / SPEEDS).unlink()
        sync_folder(self._folder)
        return there

    def remove(self) -> bool:
        """Take the map out of use and delete it, all others, and the table of speeds.

        Returns whether there was a map. Raises OSError.
        """
        there = current_map(self._profile) is not None
        self.remove_speeds()
        with contextlib.suppress(FileNotFoundError):
            (self._folder / _CURRENT).unlink()
        sync_folder(self._folder)
        self.clear_up(old_maps=True)
        return there

    def _point_to(self, name: str) -> None:
        self._put(_CURRENT, f"{name}\n".encode("ascii"))

    def _put(self, name: str, content: bytes) -> None:
        """Put a file in the place of the one before, whole."""
        fresh = self._folder / f"{_NEW}{name}"
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / name)
        sync_folder(self._folder)


def _delete(path: Path) -> None:
    """What cannot be deleted now (Windows, while it is read) is at the next time."""
    if path.is_dir() and not path.is_symlink():
        # Without its manifest it is no map any more, however much of it can be deleted.
        with contextlib.suppress(OSError):
            (path / MANIFEST).unlink()
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
