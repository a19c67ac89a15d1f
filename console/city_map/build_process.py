"""Build a map for a profile: start the child process, tell how far it is, put its map in the place of the old one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from api_client.decoding import decode
from console.city_map import errors
from console.city_map.errors import MapBuildError, OutOfMemory
from console.city_map.manifest import Bounds, MapManifest, UnreadableMap, read_manifest
from console.city_map.map_folder import MapFolder
from console.city_map.progress import Progress, WorkerLine
from console.files.errors import DiskFull, NotWritable, StoreError, from_os

_KILLED = frozenset({-9, 137})
_MOST_LINE, _MOST_COMPLAINT = 4096, 100_000
_STORE_ERRORS: dict[str, type[StoreError]] = {"DiskFull": DiskFull, "NotWritable": NotWritable}


class BuiltMap(msgspec.Struct, frozen=True):
    """A map that is in use from now on: its folder, what it says of itself, and how long it took."""

    folder: Path
    manifest: MapManifest
    duration_s: float


class MapBuilder:
    """Builds maps for one profile, one at a time."""

    def __init__(self, profile: Path, command: Sequence[str] | None = None) -> None:
        """`command` starts the child; by default this Python with its module."""
        self._profile = profile
        self._command = list(command or (sys.executable, "-P", "-m", "console.city_map.build_worker"))
        self._child: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """End a build that is under way, from any thread; `build` raises Cancelled."""
        self._cancelled = True
        child = self._child
        if child is not None:
            child.kill()

    def build(
        self, source: Path, box: Bounds | None, progress: Progress, *, window_open: Callable[[], bool]
    ) -> BuiltMap:
        """The map of a file, in use when this returns. Whatever happens before that, the old map stays.

        While `window_open` says so maps that are out of use are kept: the window may have begun with one.
        Raises MapBuildError (Cancelled too), StoreError, OSError.
        """
        begun = time.monotonic()
        maps = MapFolder(self._profile)
        try:
            maps.clear_up(old_maps=not window_open())
            fresh = maps.begin()
            try:
                self._run(source, fresh, box, progress)
                manifest = read_manifest(fresh)
                stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y%m%dT%H%M%S")
                folder = maps.adopt(fresh, f"{stamp}-{manifest.source_sha256[:8]}")
            except UnreadableMap as error:
                raise MapBuildError("The map was not written whole; the one before stays.") from error
            except OSError as error:
                raise from_os(error, fresh.with_name("the new map")) from error
            finally:
                maps.abandon(fresh)
            maps.clear_up(old_maps=not window_open())
        finally:
            maps.release()
        return BuiltMap(folder, manifest, time.monotonic() - begun)

    def _run(self, source: Path, fresh: Path, box: Bounds | None, progress: Progress) -> None:
        sides = [repr(side) for side in box] if box else []
        root = str(Path(__file__).resolve().parents[2])
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child, below
        self._child = child = subprocess.Popen(
            [*self._command, str(source.absolute()), str(fresh), *sides],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            cwd=root,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": root},
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
        last = WorkerLine()
        with complaints, child:
            try:
                if self._cancelled:
                    child.kill()
                assert child.stdout is not None
                while text := child.stdout.readline(_MOST_LINE):
                    last = _line(text)
                    if not last.problem and not last.built:
                        progress(last.words, last.share)
                child.wait()
            finally:
                child.kill()
                child.wait()
            complaints.seek(0)
            complaint = complaints.read(_MOST_COMPLAINT)
        if self._cancelled:
            raise errors.Cancelled("The map was not built: cancelled. The one before stays.")
        if last.problem:
            raise _error(last, fresh)
        if not last.built:
            raise _crashed(child.returncode, source, complaint)


def _line(text: bytes) -> WorkerLine:
    try:
        return decode(text, WorkerLine)
    except msgspec.DecodeError:
        return WorkerLine(problem="MapBuildError", words="What reads the file went wrong; the map before stays.")


def _error(line: WorkerLine, fresh: Path) -> Exception:
    """The error that the child named."""
    if line.problem in _STORE_ERRORS:
        return _STORE_ERRORS[line.problem](fresh, line.words)
    kind = getattr(errors, line.problem, MapBuildError)
    return kind(line.words) if isinstance(kind, type) and issubclass(kind, MapBuildError) else MapBuildError(line.words)


def _crashed(code: int, source: Path, complaint: bytes) -> Exception:
    if code in _KILLED:
        return OutOfMemory(f"{source.name} was too much for this computer's memory: choose a part (--box).")
    lines = complaint.decode(errors="replace").strip().splitlines()
    return MapBuildError(
        f"{source.name} could not be read: what reads it ended with {code}"
        f"{f' ({lines[-1][:200]})' if lines else ''}. The map before stays."
    )
