"""A program with a window, run as a child to be measured: when its parts stood, and what it costs at rest."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from api_client.decoding import decode

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

SOURCE = "city"
"""The source's key in every profile that is measured."""

_BEGAN = "SIGAP_MEASURE_BEGAN"
_AT_MOST_S = 120.0


class Run(msgspec.Struct, frozen=True):
    """One run of a child. Times are in seconds since it was started; `memory_mb` is the PSS of all its processes."""

    window_s: float = 0.0
    queue_s: float = 0.0
    map_s: float = 0.0
    memory_mb: float = 0.0
    idle_percent: float = 0.0
    """Of one core, all processes together."""


def output_of(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> bytes:
    """The last line that a module prints when it is run as a program; without a display where there is none.

    `environment` adds to this program's. Raises subprocess.CalledProcessError when it fails.
    """
    its = {**os.environ, **(environment or {}), _BEGAN: str(time.time())}
    if not (its.get("DISPLAY") or its.get("WAYLAND_DISPLAY")):
        its.setdefault("QT_QPA_PLATFORM", "offscreen")
    if sys.platform == "linux" and os.geteuid() == 0:
        its["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
    command = [sys.executable, "-m", module, *arguments]
    ran = subprocess.run(command, env=its, stdout=subprocess.PIPE, check=True, timeout=2 * _AT_MOST_S)
    return ran.stdout.splitlines()[-1]


def run_child(module: str, path: Path, rest_s: float) -> Run:
    """Run a module that opens a window (see `run_here`)."""
    return decode(output_of(module, str(path), str(rest_s)), Run)


def busy_city(arriving_per_s: float, seed: int = 2) -> list[str]:
    """The command of tools.bench.busy; with no reports arriving it only says that the city is there, once.

    It stands here because a window that is measured must not load what that program needs.
    """
    return [sys.executable, "-m", "tools.bench.busy", str(arriving_per_s), str(seed)]


def note(times: dict[str, float], name: str) -> None:
    """In the child: note the time at which "window", "queue" or "map" is there."""
    times.setdefault(name, time.time() - float(os.environ[_BEGAN]))


def run_here(app: QApplication, times: dict[str, float], rest_s: float) -> Run:
    """In the child: run the application until all is noted, let it settle for a third of `rest_s`, rest `rest_s`."""
    from PySide6.QtCore import QTimer

    before: dict[int, float] = {}
    waiting = QTimer(interval=100)

    def look() -> None:
        if len(times) == 3:
            waiting.stop()
            settle_ms, rest_ms = int(rest_s / 3 * 1000), int(rest_s * 1000)
            QTimer.singleShot(settle_ms + rest_ms, app.quit)
            if rest_s:
                QTimer.singleShot(settle_ms, lambda: before.update(cpu_s(os.getpid())))

    waiting.timeout.connect(look)
    waiting.start()
    QTimer.singleShot(int(_AT_MOST_S * 1000), app.quit)
    app.exec()
    run = Run(*(times.get(name, 0.0) for name in ("window", "queue", "map")))
    if before:
        used = sum(seconds - before.get(one, 0.0) for one, seconds in cpu_s(os.getpid()).items()) / rest_s * 100
        run = msgspec.structs.replace(run, memory_mb=pss_mb(os.getpid()), idle_percent=used)
    return run


def tell(result: msgspec.Struct) -> None:
    """In the child: print the result, whatever else printed before it."""
    os.write(1, b"\n" + msgspec.json.encode(result) + b"\n")


def family(pid: int) -> list[int]:
    """A process and all that came from it (Linux; elsewhere only itself)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        children.setdefault(int(after_name[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu_s(pid: int) -> dict[int, float]:
    """Seconds of processor time that a process and each of its family have used."""
    used = {}
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used[one] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def pss_mb(pid: int) -> float:
    """The memory of a process and its family, shared pages divided among those who share them."""
    kilobytes = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024
