"""The child process that makes a map of one file: it reads what strangers wrote, in limited memory, at low priority.

`python -m console.city_map.build_worker FILE FOLDER [WEST SOUTH EAST NORTH]`. Each line on standard output is a
`WorkerLine` as JSON: how far it is, and at last how it ended. It ends with its standard input.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from console.city_map.build import build_map
from console.city_map.errors import MapBuildError, OutOfMemory
from console.city_map.manifest import PLACES
from console.city_map.progress import WorkerLine
from console.files.errors import StoreError, from_os, from_sqlite
from console.parent import when_parent_ends

MEMORY_BYTES = 6 * 2**30

_REST_S = 0.1
_ABANDONED = 3


def main() -> int:
    """Build, and say how it went; 0 however that was."""
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    box = (float(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]), float(sys.argv[6])) if sys.argv[3:] else None
    _give_way()
    when_parent_ends(lambda: os._exit(_ABANDONED))  # nobody waits for the map any more
    tempfile.tempdir = str(folder)  # what libraries put aside stands where it is cleared up
    teller = _Teller()
    try:
        build_map(source, folder, box, teller.progress)
    except (MapBuildError, MemoryError, OSError, sqlite3.Error) as error:
        known = _known(error, source, folder)
        teller.line(WorkerLine(str(known), problem=type(known).__name__))
    else:
        teller.line(WorkerLine(share=1.0, built=True))
    return 0


class _Teller:
    """Writes lines; of those that only tell of progress a few a second, and the first of each part of the work."""

    def __init__(self) -> None:
        self._last, self._part = -_REST_S, ""

    def progress(self, words: str, share: float) -> None:
        now, part = time.monotonic(), words.partition(" ")[0]
        if now - self._last >= _REST_S or part != self._part:
            self._last, self._part = now, part
            self.line(WorkerLine(words, round(share, 3)))

    def line(self, line: WorkerLine) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()


def _known(error: BaseException, source: Path, folder: Path) -> MapBuildError | StoreError:
    """What an error means for who asked for the map; a defect of ours is raised again."""
    if isinstance(error, MapBuildError):
        return error
    if isinstance(error, MemoryError):
        return OutOfMemory(f"{source.name} needs more memory than there is: choose a part (--box).")
    if isinstance(error, OSError):
        if error.filename == str(source):
            return MapBuildError(f"{source} can't be read: {error.strerror or 'the system refused'}.")
        return from_os(error, folder.with_name("the new map"))
    found = from_sqlite(error, folder / PLACES) if isinstance(error, sqlite3.Error) else None
    if found is None:
        raise error
    return found


def _give_way() -> None:
    """Less processor than the console, bounded memory, no core file; Ctrl+C is for who started this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has none of these
        import resource

        os.nice(10)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main())
