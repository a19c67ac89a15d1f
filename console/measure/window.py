"""The real window on a cache, run as a child to be measured: when it stood, and what it costs when nothing happens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from console.measure import busy
from console.measure.city import SOURCE

_BEGAN = "SIGAP_MEASURE_BEGAN"
_SIZE = (1920, 1080)
_LOOK_MS = 5
_SETTLE_S, _IDLE_S, _AT_MOST_S = 5.0, 12.0, 120.0


class Run(msgspec.Struct, frozen=True):
    """One run. Times are seconds since the process was asked for; `memory_mb` is the PSS of all its processes."""

    window_s: float
    queue_s: float
    map_s: float
    memory_mb: float = 0.0
    idle_percent: float = 0.0
    """Of one core, all processes together."""


def run_window(folder: Path, *, idle: bool) -> Run:
    """Open the window on `folder`/cache.db in a child process; with `idle` also leave it alone for a while.

    Raises subprocess.CalledProcessError when the window did not come to stand.
    """
    environment = {**os.environ, _BEGAN: str(time.time())}
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    command = [sys.executable, "-m", "console.measure.window", str(folder), "idle" if idle else "start"]
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=2 * _AT_MOST_S)
    return msgspec.json.decode(ran.stdout.splitlines()[-1], type=Run)


def _main(folder: Path, *, idle: bool) -> int:
    began = float(os.environ[_BEGAN])
    sys.setswitchinterval(0.0005)
    if sys.platform == "linux" and hasattr(os, "geteuid") and os.geteuid() == 0:
        os.environ["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
    from PySide6.QtCore import QCoreApplication, Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from console.app import ConsoleWindow
    from console.domain.messages import Source
    from console.settings import Settings, Tokens
    from console.start import WindowOptions
    from widgets.map.scheme import register_scheme
    from widgets.theme import load_fonts

    register_scheme()
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    app = QApplication(["sigap"])
    load_fonts()
    settings = Settings(sources=[Source(SOURCE, "City", "http://127.0.0.1:9", "dispatch", timezone="Asia/Jakarta")])
    options = WindowOptions(profile=folder, profile_name="measured", size=_SIZE)
    console = ConsoleWindow(app, options, settings, Tokens("measured"), None)
    console.link.command = busy.command(0)
    times: dict[str, float] = {}
    before: dict[int, float] = {}
    console.map.drawn.connect(lambda _: _note(times, "map", began, lambda: console.desk.view is not None))
    console.open()
    QTimer.singleShot(0, lambda: _note(times, "window", began, lambda: True))
    looking = QTimer(interval=_LOOK_MS)
    looking.timeout.connect(lambda: _note(times, "queue", began, lambda: _has_rows(console)))
    looking.start()
    waiting = QTimer(interval=100)

    def look() -> None:
        if len(times) == 3:
            looking.stop()
            waiting.stop()
            QTimer.singleShot(int((_SETTLE_S + _IDLE_S) * 1000) if idle else 0, app.quit)
            if idle:
                QTimer.singleShot(int(_SETTLE_S * 1000), lambda: before.update(cpu_s(os.getpid())))

    waiting.timeout.connect(look)
    waiting.start()
    QTimer.singleShot(int(_AT_MOST_S * 1000), app.quit)
    app.exec()
    run = Run(*(times.get(name, 0.0) for name in ("window", "queue", "map")))
    if before:
        used = sum(seconds - before.get(one, 0.0) for one, seconds in cpu_s(os.getpid()).items()) / _IDLE_S * 100
        run = msgspec.structs.replace(run, memory_mb=pss_mb(os.getpid()), idle_percent=used)
    console.leave()
    console.close()
    os.write(1, msgspec.json.encode(run) + b"\n")
    return 0 if len(times) == 3 else 1


def _note(times: dict[str, float], name: str, began: float, is_so: Callable[[], bool]) -> None:
    if name not in times and is_so():
        times[name] = time.time() - began


def _has_rows(console: Any) -> bool:
    rows = console.queue.view.rows
    return len(rows.keys) > 0 and rows.row(0) is not None


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


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), idle=sys.argv[2] == "idle"))
