"""The demo city's map: made once, by child processes at low priority, kept for later demos, shown when it is ready."""

from __future__ import annotations

import enum
import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

import console
from console.city_map.basemap import Basemap
from console.city_map.build_process import MapBuilder
from console.city_map.errors import MapBuildError
from console.city_map.manifest import UnreadableMap
from console.city_map.map_folder import current_manifest
from console.files.errors import LockedByOther, StoreError
from console.files.lock import FileLock
from console.panels.map.controller import MapController
from console.tasks import Tasks

_SOURCES = ("server/demo/streets/*.py", "server/demo/areas.py", "server/demo/house_numbers.py", "city_map/*.py")
_FACTS = ("streets/lines.csv", "streets/patches.csv", "streets/spots.csv", "city/areas.geojson")
_LOCK, _MAKING = ".streets.lock", "making"
_OTHERS_WORK_S = 1.0
_LOOK_MS = 500
_USUAL_S = 30.0
_LAST_WORDS = 300
_log = logging.getLogger(__name__)


class StreetsState(enum.Enum):
    """How far the demo city's map is."""

    DRAWN = enum.auto()
    DRAWING = enum.auto()
    NONE = enum.auto()
    """There is none, and none is coming: its packages are missing, or it could not be made."""


class DemoStreets:
    """Sees to it that `folder` has the demo city's map, as a profile has its city's (`city_map.map_folder`).

    It is made again only when what it is made of has changed. Who ends this before it is made ends its making too;
    each `DemoStreets` tries once at most.
    """

    def __init__(self, folder: Path, *, may_draw: bool = True, generator: Sequence[str] | None = None) -> None:
        """Without `may_draw` only a map that is there already counts. `generator` is the program that makes the
        streets, which gets the file's name as its last argument; by default the demo city's own.
        """
        self.folder = folder
        self._may_draw = may_draw
        self._generator = generator or (sys.executable, "-P", "-m", "console.server.demo.streets.worker")
        self._state = StreetsState.DRAWING
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._builder: MapBuilder | None = None
        self._thread = threading.Thread(target=self._run, name="demo streets", daemon=True)

    def __enter__(self) -> DemoStreets:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        child, builder = self._child, self._builder
        if child is not None:
            child.kill()
        if builder is not None:
            builder.cancel()
        self._thread.join(10)

    @property
    def state(self) -> StreetsState:
        """How far it is; DRAWING until it is known."""
        return self._state

    def wait(self, timeout_s: float) -> StreetsState:
        """The state once nothing more is going on, or after so many seconds."""
        self._thread.join(timeout_s)
        return self._state

    def _run(self) -> None:
        state = StreetsState.NONE
        try:
            name = f"demo-{streets_version()}.osm.pbf"
            if not self._is_drawn(name) and self._can_draw():
                self._draw_or_wait(name)
            state = StreetsState.DRAWN if self._is_drawn(name) else StreetsState.NONE
        except (MapBuildError, StoreError, OSError) as error:
            if not self._stop.is_set():
                _log.info("the demo city's streets could not be drawn: %s", error)
        finally:
            self._state = state

    def _can_draw(self) -> bool:
        return self._may_draw and all(importlib.util.find_spec(name) for name in ("osmium", "shapely", "scipy"))

    def _is_drawn(self, name: str) -> bool:
        """Whether the map in use was made of the file of this name."""
        try:
            manifest = current_manifest(self.folder)
        except UnreadableMap:
            return False
        return manifest is not None and manifest.source == name

    def _draw_or_wait(self, name: str) -> None:
        """Draw, where no other demo does; else wait for that one, and draw only if it ended without a map."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        while not self._stop.is_set():
            try:
                lock = FileLock(self.folder / _LOCK)
            except LockedByOther:
                self._stop.wait(_OTHERS_WORK_S)
                continue
            try:
                # protects: demo-streets-made-once
                if not self._is_drawn(name):
                    self._draw(name)
            finally:
                lock.release()
            return

    def _draw(self, name: str) -> None:
        """The streets, then the map of them. Raises MapBuildError, StoreError, OSError."""
        making = self.folder / _MAKING
        # protects: demo-streets-leave-nothing
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        try:
            self._make_streets(making / name)
            self._builder = MapBuilder(self.folder)
            if not self._stop.is_set():
                self._builder.build(making / name, None, lambda _words, _share: None, window_open=lambda: False)
        finally:
            self._builder = None
            shutil.rmtree(making, ignore_errors=True)

    def _make_streets(self, file: Path) -> None:
        root = str(Path(console.__file__).resolve().parents[1])
        with tempfile.TemporaryFile() as complaints:
            self._child = child = subprocess.Popen(
                [*self._generator, str(file)],
                stdin=subprocess.PIPE,  # ends with this program: so does the child
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                cwd=root,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": root},
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
            with child:
                if self._stop.is_set():
                    child.kill()
                child.wait()
            self._child = None
            if child.returncode:
                complaints.seek(0)
                words = complaints.read().decode(errors="replace").strip()[-_LAST_WORDS:]
                raise MapBuildError(f"its streets could not be made ({child.returncode}): {words}")


class StreetsFollower(QObject):
    """Tells the map where the demo's streets stand, and shows them as soon as they are drawn."""

    drawn = Signal()
    """They are there now: what was reckoned without them can be asked anew."""

    def __init__(
        self, streets: DemoStreets, map_controller: MapController, tasks: Tasks, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._streets, self._map, self._tasks = streets, map_controller, tasks
        self._since_s = time.monotonic()
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self._look)

    def start(self) -> None:
        """Look now, and again until nothing more is to come."""
        self._timer.start()
        self._look()

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()

    def _look(self) -> None:
        state = self._streets.state
        if state is StreetsState.DRAWING:
            slow = time.monotonic() - self._since_s > _USUAL_S
            words = self.tr("Streets are being drawn") if slow else self.tr("Streets are being drawn, about 20 s")
            self._map.set_background_note(words)
            return
        self._timer.stop()
        if state is StreetsState.DRAWN:
            self._tasks.submit(lambda: Basemap(self._streets.folder), self._map.set_basemap)
            self.drawn.emit()
        else:
            self._map.set_background_note("")


def streets_version() -> str:
    """A short hash of all that the demo city's map is made of: facts, the program, how maps are built."""
    package = Path(console.__file__).parent
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(package.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    demo = resources.files("resources").joinpath("demo")
    for name in _FACTS:
        digest.update(demo.joinpath(name).read_bytes())
    return digest.hexdigest()[:12]
