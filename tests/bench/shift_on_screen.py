"""The watchdog's ten seconds in a program of their own, on the screen of DISPLAY and as `sigap run` starts there.

`python -m tests.bench.shift_on_screen CITY FOLDER SECONDS` prints one line of JSON: the longest task in ms, the
longest by its own processor time, how many were longer than a frame, what draws.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(city: Path, folder: Path, seconds: float) -> int:
    """Work in a new window on a copy of `city` in `folder`."""
    from PySide6.QtQuick import QQuickWindow

    from console.window.application import make_application
    from tests.bench.test_watchdog import AIM_MS, busy_console, work

    app = make_application()
    with busy_console(city, folder) as window:
        dog = work(window, seconds, looks="--look" in sys.argv)
    said = {
        "platform": app.platformName(),
        "scene_graph": QQuickWindow.sceneGraphBackend(),
        "worst_ms": round(dog.worst_ms, 1),
        "worst_own_ms": round(max((one.cpu_ms for one in dog.tasks), default=0.0), 1),
        "tasks": dog.count,
        "over_a_frame": len(dog.over(AIM_MS)),
        "processor_s": round(sum(os.times()[:2]), 1),
    }
    sys.stdout.write("\n" + json.dumps(said) + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
