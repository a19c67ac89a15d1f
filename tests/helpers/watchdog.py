"""Measure how long the GUI thread stays away from its event loop, and what it did meanwhile."""

from __future__ import annotations

import ctypes
import ctypes.util
import faulthandler
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6 import QtCore
from PySide6.QtCore import QEvent

_POLL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
_EVENT = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.POINTER(ctypes.c_void_p))
_TYPE = QEvent.Type
_FROM_THE_LOOP = frozenset(
    one.value for one in (_TYPE.Timer, _TYPE.MetaCall, _TYPE.UpdateRequest, _TYPE.SockAct, _TYPE.DeferredDelete)
)
_SHORT_S = 0.0005
"""Events in quicker succession than this are not told apart."""
_LOOK_EVERY_S = 0.003
_LOOK_AFTER_S = 0.006
_DEPTH, _LOOKS, _LONGEST = 14, 4, 200_000


@dataclass
class Task:
    """All that one event from the loop led to: a timer, a queued call, a repaint, data from a socket. Times in ms."""

    wall_ms: float
    kept_ms: float
    """Without the time in which the thread could have run and other programs had the processors."""
    cpu_ms: float
    at_s: float
    doing: str
    seen: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        where = "\n".join(f"      {line}" for line in self.seen) or "      (in Qt)"
        parts = f"own {self.cpu_ms:5.1f}, on the wall {self.wall_ms:5.1f}"
        return f"{self.kept_ms:6.1f} ms ({parts}) at {self.at_s:5.1f} s, while {self.doing}\n{where}"


class Watchdog:
    """Times every task of the main thread between `start` and `stop`, those of nested loops too.

    GLib calls our poll function in place of its own, which marks where the thread begins and ends to wait. Qt's hook
    for debuggers (an event filter in Python would wrap every object of Qt's) marks the events that the loop itself
    delivers, each of which begins another task. The time in which the thread was ready and waited for a processor, as
    Linux tells it, is subtracted: it depends on what else runs on the machine. `doing` is the name of the script's
    step, for the report.

    With `looks` a second thread notes the stack of the main thread every few milliseconds of a long task. It is off for
    measurements that are judged: on a busy machine that thread may be suspended while it holds the interpreter, which
    then delays the main thread; and reading the stack of a running thread has crashed a process.
    """

    def __init__(self, keep_ms: float = 8.0, *, looks: bool = False) -> None:
        self._keep_ms = keep_ms
        self.tasks: list[Task] = []
        self.count = 0
        self.doing = "starting"
        self._began = self._began_cpu = self._start = 0.0
        self._delay_ms = 0.0
        self._seen: list[str] = []
        self._main = threading.get_ident()
        self._schedule = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
        self._stopped = threading.Event()
        self._glib: Any = ctypes.CDLL(ctypes.util.find_library("glib-2.0") or "libglib-2.0.so.0")
        self._glib.g_main_context_default.restype = ctypes.c_void_p
        self._glib.g_main_context_get_poll_func.restype = ctypes.c_void_p
        self._glib.g_main_context_get_poll_func.argtypes = [ctypes.c_void_p]
        self._glib.g_main_context_set_poll_func.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._context = self._glib.g_main_context_default()
        self._address = self._glib.g_main_context_get_poll_func(self._context)
        self._real: Callable[[Any, int, int], int] = _POLL(self._address)
        self._ours = _POLL(self._poll)
        self._core = _Core()
        self._on_event_address = _EVENT(self._on_event)
        self._looker = threading.Thread(target=self._look, daemon=True) if looks else None

    def start(self) -> None:
        """Begin; from the main thread."""
        self._start = time.perf_counter()
        self._glib.g_main_context_set_poll_func(self._context, ctypes.cast(self._ours, ctypes.c_void_p))
        if self._looker is not None:
            self._looker.start()
        self._core.registerCallback(0, self._on_event_address)

    def stop(self) -> None:
        """End; the tasks stay."""
        self._core.unregisterCallback(0, self._on_event_address)
        self._glib.g_main_context_set_poll_func(self._context, self._address)
        self._stopped.set()
        if self._looker is not None:
            self._looker.join()
        os.close(self._schedule)

    @property
    def worst_ms(self) -> float:
        """The duration of the longest task in ms."""
        return max((task.kept_ms for task in self.tasks), default=0.0)

    def over(self, limit_ms: float) -> list[Task]:
        """The tasks longer than that, longest first."""
        return sorted((one for one in self.tasks if one.kept_ms > limit_ms), key=lambda one: -one.kept_ms)

    def report(self, limit_ms: float, most: int = 25) -> str:
        """The worst tasks in words."""
        over = self.over(limit_ms)
        head = f"{self.count} tasks, worst {self.worst_ms:.1f} ms, {len(over)} over {limit_ms:g} ms"
        return "\n".join([head, *map(str, over[:most])])

    def _on_event(self, values: Any) -> bool:
        # values are receiver, event, result; an event's type stands behind the pointer to its virtual functions.
        kind = ctypes.c_ushort.from_address(values[1] + ctypes.sizeof(ctypes.c_void_p)).value
        if (
            kind in _FROM_THE_LOOP
            and threading.get_ident() == self._main
            and time.perf_counter() - self._began > _SHORT_S
        ):
            self._end()
            self._begin()
        return False

    def _poll(self, descriptors: Any, count: int, timeout: int) -> int:
        self._end()
        found = self._real(descriptors, count, timeout)
        self._begin()
        return found

    def _begin(self) -> None:
        self._seen = []
        self._began_cpu, self._delay_ms = time.thread_time(), self._delayed_ms()
        self._began = time.perf_counter()

    def _end(self) -> None:
        if self._began:
            now = time.perf_counter()
            self.count += 1
            wall_ms = (now - self._began) * 1000
            if wall_ms > self._keep_ms:
                cpu_ms = (time.thread_time() - self._began_cpu) * 1000
                kept_ms = max(cpu_ms, wall_ms - (self._delayed_ms() - self._delay_ms))
                self.tasks.append(Task(wall_ms, kept_ms, cpu_ms, now - self._start, self.doing, self._seen))
        self._began = 0.0

    def _delayed_ms(self) -> float:
        """How long this thread has been ready without a processor since it began."""
        return int(os.pread(self._schedule, 100, 0).split()[1]) / 1e6

    def _look(self) -> None:
        # faulthandler, not sys._current_frames: a frame that we hold keeps its painter alive past the end of painting.
        file = os.memfd_create("stacks")
        while not self._stopped.wait(_LOOK_EVERY_S):
            began, seen = self._began, self._seen
            if began and time.perf_counter() - began > _LOOK_AFTER_S and len(seen) < _LOOKS:
                os.ftruncate(file, 0)
                os.lseek(file, 0, os.SEEK_SET)
                faulthandler.dump_traceback(file)
                line = _stack(os.pread(file, _LONGEST, 0).decode(), self._main)
                if self._began == began and line and (not seen or seen[-1] != line):
                    seen.append(line)
        os.close(file)


class _Core:
    """The two functions of Qt's hook."""

    def __init__(self) -> None:
        library = ctypes.CDLL(str(Path(QtCore.__file__).parent / "Qt" / "lib" / "libQt6Core.so.6"))
        self.registerCallback = library._ZN9QInternal16registerCallbackENS_8CallbackEPFbPPvE
        self.unregisterCallback = library._ZN9QInternal18unregisterCallbackENS_8CallbackEPFbPPvE


def _stack(dump: str, thread: int) -> str:
    """The innermost calls of a thread, `file.function:line`, innermost first; "" when it waits for events."""
    begin = dump.find(f"Thread {thread:#018x}")
    calls = re.findall(r'File "([^"]+)", line (\d+) in (\w+)', dump[begin:].partition("\n\n")[0]) if begin >= 0 else []
    if not calls or calls[0][0] == __file__:
        return ""
    ours = [(file, line, name) for file, line, name in calls if "pytest" not in file and "pluggy" not in file]
    return " < ".join(f"{Path(file).stem}.{name}:{line}" for file, line, name in ours[:_DEPTH])


def queued_ms() -> float:
    """How many ms the main thread has been ready to run while other programs had the processors."""
    return int(Path(f"/proc/self/task/{os.getpid()}/schedstat").read_text().split()[1]) / 1e6
