"""The citizens' search for places: asks a map process of the server's own, as a console asks its.

A question never waits for longer than `PATIENCE_S`, and a process that does not answer in that time is ended.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from console.city_map.map_folder import map_in
from console.city_map.messages import Answer, Find, FromMap, MapDamaged, MapOpened, Nearest
from console.pipe import BrokenFrame, Frames, pack
from console.server.errors import NotFound, Overloaded

log = logging.getLogger(__name__)
PATIENCE_S, OPENING_S = 3.0, 20.0
IDLE_S = 600.0
"""A process that nobody has asked for so long is ended: it holds a city's streets in memory."""
_FIRST_REST_S, _LONGEST_REST_S = 1.0, 60.0
_END_S = 2.0
_PIECE = 2**16


class PlaceSearch:
    """Finds places and addresses on the server's city map; may be asked from any thread, and answers one at a time."""

    def __init__(
        self,
        folder: Path | None,
        *,
        command: Sequence[str] = (sys.executable, "-P", "-m", "console", "map-process"),
        patience_s: float = PATIENCE_S,
        opening_s: float = OPENING_S,
        idle_s: float = IDLE_S,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """`folder` is a map, or a profile with one (`city_map.map_folder`); None: there is none. `command` starts a map
        process, the map's folder is added to it.
        """
        self._folder = folder
        self._command, self._ticks = tuple(command), ticks
        self._patience_s, self._opening_s, self._idle_s = patience_s, opening_s, idle_s
        self._lock = threading.Lock()
        self._process: _MapChild | None = None
        self._idle: threading.Timer | None = None
        self._asked = 0
        self._failures, self._rest_until = 0, 0.0
        self._is_over = False

    @property
    def pid(self) -> int | None:
        """The id of the map process while there is one."""
        process = self._process
        return process.pid if process is not None else None

    def ask(self, question: Find | Nearest) -> Answer:
        """The answer. Raises NotFound without a map, Overloaded where the map process can't answer now."""
        with self._lock:
            self._asked += 1
            folder = map_in(self._folder) if self._folder is not None else None
            if folder is None:
                self._end()
                raise NotFound("This server has no city map.")
            if self._is_over or self._ticks() < self._rest_until:
                raise Overloaded("Places cannot be looked for now. Ask again.")
            process = self._running(folder)
            answer = process.ask(question, self._patience_s) if process is not None else None
            # protects: hung-search-is-ended
            if answer is None:
                self._fail()
                raise Overloaded("Places cannot be looked for now. Ask again.")
            self._failures = 0
            if isinstance(answer, MapDamaged | MapOpened):
                log.warning("the city map cannot be searched: %s", answer)
                raise Overloaded("Places cannot be looked for now. Ask again.")
            return answer

    def close(self) -> None:
        """End the process; nothing is answered any more."""
        self._is_over = True
        process = self._process
        if process is not None:
            process.kill()  # whoever waits for it lets go of the lock
        with self._lock:
            self._end()

    def _running(self, folder: Path) -> _MapChild | None:
        """The process that has this map open; None where it can't be started."""
        if self._process is not None and self._process.folder != folder:
            self._end()  # another map has been put into use
        if self._process is None:
            try:
                self._process = _MapChild(self._command, folder)
            except OSError as error:
                log.warning("the map process cannot be started: %s", error)
                return None
            if not isinstance(self._process.next(self._opening_s), MapOpened):
                return None
            self._rest_later()
        return self._process

    def _fail(self) -> None:
        """End what does not answer; the next one is not started at once."""
        rest_s = min(_LONGEST_REST_S, _FIRST_REST_S * 2 ** min(self._failures, 8))
        log.warning("the map process does not answer the citizens' pages; they do without for %.0f s", rest_s)
        self._failures += 1
        self._rest_until = self._ticks() + rest_s
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        timer, self._idle = self._idle, None
        if timer is not None:
            timer.cancel()
        if process is not None:
            process.end()

    def _rest_later(self) -> None:
        self._idle = threading.Timer(self._idle_s, self._rest, [self._asked])
        self._idle.daemon = True
        self._idle.start()

    def _rest(self, asked: int) -> None:
        """End the process unless somebody has asked meanwhile."""
        with self._lock:
            if self._process is None or threading.current_thread() is not self._idle:
                return
            if asked == self._asked:
                self._end()
            else:
                self._rest_later()


class _MapChild:
    """One map process, with a thread that reads what it says."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Raises OSError."""
        self.folder = folder
        self._said: queue.SimpleQueue[FromMap | None] = queue.SimpleQueue()
        # protects: search-knows-no-secret
        environment = {"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).resolve().parents[3]), "LC_ALL": "C.UTF-8"}
        environment |= {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        self._process = subprocess.Popen(
            [*command, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        assert self._process.stdout is not None
        reader = threading.Thread(target=self._read, args=(self._process.stdout,), name="map answers", daemon=True)
        reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, question: Find | Nearest, patience_s: float) -> FromMap | None:
        """The answer; None where there is none in time."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(pack(question))
            self._process.stdin.flush()
        except (OSError, ValueError):
            return None
        return self.next(patience_s)

    def next(self, patience_s: float) -> FromMap | None:
        """What it says next; None when it ends, or says nothing for so long."""
        try:
            return self._said.get(timeout=patience_s)
        except queue.Empty:
            return None

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        """Kill it and have it gone."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _read(self, output: IO[bytes]) -> None:
        frames: Frames[FromMap] = Frames(FromMap)
        with output, contextlib.suppress(OSError, BrokenFrame):
            while piece := os.read(output.fileno(), _PIECE):
                for message in frames.feed(piece):
                    self._said.put(message)
        self._said.put(None)
