"""Loads or checks a file for somebody at a terminal: says how far it is, how fast, and the result."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from api_client.model import Agency, Area, Service
from console.server.city.records import LoadedReport
from console.server.loader.guess import guess_mapping, shown, write_mapping
from console.server.loader.load import LoadTarget, load_file
from console.server.loader.result import LoadResult

_EVERY_S = 2.0
_MOST_REMARKS = 20


class Stopped(Exception):
    """The person at the terminal stopped the loading; the message says what is kept."""


def load_and_tell(
    path: Path,
    city: LoadTarget,
    tell: Callable[[str], None],
    *,
    mapping: Path | None = None,
    timezone: str = "UTC",
    refused: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> LoadResult:
    """Load a file, telling how far it is every two seconds and at the end a summary in words.

    `refused` is a file to make of the lines that are refused. Raises LoadError, and Stopped after Ctrl+C: what
    is in the database then stays, and loading again goes on.
    """
    tell(f"{path.name}: being looked through …")
    pace = _Pace(path, tell, clock)
    try:
        with _ctrl_c() as stopping:
            result = load_file(
                path, city, mapping=mapping, timezone=timezone, progress=pace, stopping=stopping, refused=refused
            )
    except KeyboardInterrupt as stop:
        raise Stopped(
            f"Stopped while {path.name} was being loaded: about {pace.loaded:,} reports are in the database and stay. "
            "Load the file again to go on; nothing is doubled."
        ) from stop
    tell(result.summary(_MOST_REMARKS))
    tell(f"  {pace.summary(result.loaded)}")
    return result


def check_and_tell(
    path: Path,
    areas: Sequence[Area],
    services: Sequence[Service],
    tell: Callable[[str], None],
    *,
    mapping: Path | None = None,
    timezone: str = "UTC",
    refused: Path | None = None,
) -> LoadResult:
    """Read a file as a city of these areas and services would, keeping nothing; tells which columns were found.

    Raises LoadError.
    """
    result = load_file(path, _Nowhere(areas, services), mapping=mapping, timezone=timezone, refused=refused)
    tell(result.summary(_MOST_REMARKS))
    tell(f"  found for: {', '.join(result.fields_found) or 'nothing'}")
    tell("  nothing was kept; this was a check")
    return result


@contextlib.contextmanager
def _ctrl_c() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl+C was pressed; asked between two lines of the file. A second one ends whatever is under way.

    Raised wherever it comes, it could end a commit in the middle of the database library's own work, which then fails
    in words of its own.
    """
    pressed = threading.Event()

    def press(number: int, frame: types.FrameType | None) -> None:
        if pressed.is_set():
            signal.default_int_handler(number, frame)
        pressed.set()

    before = signal.getsignal(signal.SIGINT)
    # protects: ctrl-c-waits-for-the-line
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def guess_and_tell(path: Path, mapping: Path, tell: Callable[[str], None]) -> None:
    """Guess a mapping for a file, show it with example rows and write it to `mapping`, a new file. Raises LoadError."""
    guess = guess_mapping(path)
    write_mapping(guess, path, mapping)
    tell(f"{path}: a guess")
    for line in shown(guess):
        tell(line)
    tell(f"{mapping} was made. Mend it, then see what it makes of the file:")
    tell(f"  sigap serve --load {path} --mapping {mapping} --check")


class _Pace:
    """Tells how many reports are loaded and how fast, but not too often."""

    def __init__(self, path: Path, tell: Callable[[str], None], clock: Callable[[], float]) -> None:
        self.loaded = 0
        self._path = path
        self._tell = tell
        self._clock = clock
        self._began = self._told = clock()

    def __call__(self, loaded: int) -> None:
        if not self.loaded:
            self._began = self._clock()
        self.loaded = loaded
        if loaded and self._clock() - self._told >= _EVERY_S:
            self._told = self._clock()
            self._tell(f"{self._path.name}: {self.summary(loaded)} …")

    def summary(self, loaded: int) -> str:
        """How many reports were loaded, and in how many seconds."""
        took_s = self._clock() - self._began
        rate = f" ({loaded / took_s:,.0f} a second)" if took_s >= 1 else ""
        return f"{loaded:,} reports in {took_s:,.0f} s{rate}"


class _Nowhere:
    """A LoadTarget that keeps nothing."""

    def __init__(self, areas: Sequence[Area], services: Sequence[Service]) -> None:
        self._areas = areas
        self._services = services

    def areas(self) -> Sequence[Area]:
        """The areas it was given."""
        return self._areas

    def services(self) -> Sequence[Service]:
        """The services it was given."""
        return self._services

    def put_areas(self, areas: list[Area]) -> None:
        """Let them go."""

    def put_services(self, services: list[Service]) -> None:
        """Let them go."""

    def put_agencies(self, agencies: list[Agency]) -> None:
        """Let them go."""

    def load(self, rows: Iterable[LoadedReport]) -> None:
        """Look at every report and let it go."""
        for _ in rows:
            pass
