"""Whether test folders can be kept in memory (/dev/shm on Linux)."""

from __future__ import annotations

import os
import re
from pathlib import Path

MEMORY = "/dev/shm"
_ROOM, _AVAILABLE = 4 << 30, 8 << 30
"""Bytes that are free in that file system, and in the computer: tests, servers and browsers need some as well."""


def room_in_memory() -> bool:
    """Whether there is room enough, and programs can be started from there."""
    try:
        system = os.statvfs(MEMORY)
        known = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return False
    runs = not system.f_flag & os.ST_NOEXEC
    free, available = system.f_bavail * system.f_frsize, int(known[1]) * 1024 if known else 0
    return runs and free > _ROOM and available > _AVAILABLE
