"""The real window on a cache, to be measured: see tools.bench.child."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.child import SOURCE, Run, busy_city, note, run_child, run_here, tell

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from console.window.app import ConsoleWindow

_SIZE = (1920, 1080)
_LOOK_MS = 5


def run_window(folder: Path, rest_s: float) -> Run:
    """Open the window on `folder`/cache.db in a child process; leave it alone for `rest_s` seconds.

    Raises subprocess.CalledProcessError when the window did not come to stand.
    """
    return run_child("tools.bench.window", folder, rest_s)


def make_window(folder: Path, sync: Sequence[str]) -> tuple[QApplication, ConsoleWindow]:
    """In the child: the window on a profile folder, not open yet, with `sync` as the command of its sync process."""
    sys.setswitchinterval(0.0005)
    from console.rules.messages import Source
    from console.settings import Settings, Tokens
    from console.window.app import ConsoleWindow
    from console.window.application import make_application
    from console.window.options import WindowOptions

    app = make_application()
    settings = Settings(sources=[Source(SOURCE, "City", "http://127.0.0.1:9", "dispatch", timezone="Asia/Jakarta")])
    options = WindowOptions(profile=folder, profile_name="measured", size=_SIZE)
    console = ConsoleWindow(app, options, settings, Tokens("measured"), None)
    console.sync_supervisor.command = list(sync)
    return app, console


def _main(folder: Path, rest_s: float) -> int:
    app, console = make_window(folder, busy_city(0))
    from PySide6.QtCore import QTimer

    times: dict[str, float] = {}
    looking = QTimer(interval=_LOOK_MS)

    def look() -> None:
        rows = console.queue.view.rows
        if len(rows.keys) > 0 and rows.row(0) is not None:
            looking.stop()
            note(times, "queue")

    looking.timeout.connect(look)
    looking.start()
    console.map.drawn.connect(lambda _: note(times, "map") if console.window_state.view is not None else None)
    console.open()
    QTimer.singleShot(0, lambda: note(times, "window"))
    run = run_here(app, times, rest_s)
    console.leave()
    console.close()
    tell(run)
    return 0 if len(times) == 3 else 1


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), float(sys.argv[2])))
