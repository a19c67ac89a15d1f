"""A sync process in which one method hangs for ever, in its first life only, and whose heartbeat notices that soon.

Arguments: WHERE (`module:Class.method`, or `-` for nowhere) STUCK_S MARK BEGINS_AFTER_S. MARK is a file that the first
life leaves.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from pathlib import Path
from typing import Any

from console.sync import heartbeat, process, retry, send_lane


def hang(where: str) -> None:
    """From now on whoever calls this waits for a lock that nobody lets go."""
    module, _, path = where.partition(":")
    owner, name = path.split(".")

    def stuck(*_: Any, **__: Any) -> None:
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()

    setattr(getattr(importlib.import_module(module), owner), name, stuck)


def main() -> int:
    where, stuck_s, mark, begins_after_s = sys.argv[1:]
    time.sleep(float(begins_after_s))  # a disk that is slow to bring the program
    heartbeat.BEAT_S, heartbeat.STUCK_S = 0.2, float(stuck_s)
    retry._SLICE_S = send_lane._IDLE_S = 0.3
    if where != "-" and not Path(mark).exists():
        Path(mark).touch()
        hang(where)
    return process.run_pipe()


if __name__ == "__main__":
    sys.exit(main())
