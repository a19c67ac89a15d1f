"""How long another filter takes until queue, map, charts and figures of the real window have painted it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec

from api_client.decoding import decode
from console.rules.filter import Filter
from console.window.screen import xvfb
from tools.bench.child import busy_city, output_of, tell
from tools.bench.window import make_window

_SIZE = (1920, 1080)
_SAMPLES = 20
_AT_MOST_S = 60.0
_SETTLE_MS, _BETWEEN_MS = 1000, 50
"""What a start still does is another measurement's."""


class Painted(msgspec.Struct, frozen=True):
    """From the filter that is set to its View on the screen, in ms each."""

    filter_ms: list[float]


def filters_painted(folder: Path) -> Painted:
    """Filter the real window on `folder`/cache.db, in a child process.

    It stands on a screen without a graphics card where Xvfb is installed: offscreen hides what a screen costs.
    """
    if shutil.which("Xvfb") is None:
        return decode(output_of("tools.bench.painted", str(folder)), Painted)
    with xvfb(_SIZE) as display:
        environment = {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "LIBGL_ALWAYS_SOFTWARE": "1"}
        return decode(output_of("tools.bench.painted", str(folder), environment=environment), Painted)


def _main(folder: Path) -> int:
    app, console = make_window(folder, busy_city(0))
    from PySide6.QtCore import QElapsedTimer, QTimer

    filters = [Filter(priorities=(2, 3)), Filter()] * (_SAMPLES // 2)
    begun: list[int] = []
    filter_ms: list[float] = []
    clock = QElapsedTimer()
    asked = Filter()

    def ask() -> None:
        nonlocal asked
        if len(filter_ms) == len(filters):
            app.quit()
            return
        asked = filters[len(filter_ms)]
        clock.start()
        console.window_state.set_filter(asked)

    def on_drawn(number: int) -> None:
        view = console.window_state.view
        if view is None or view.number != number or not view.total:
            return
        if clock.isValid() and view.filter == asked:
            filter_ms.append(clock.nsecsElapsed() / 1e6)
            clock.invalidate()
            QTimer.singleShot(_BETWEEN_MS, ask)
        elif not begun:
            begun.append(number)
            QTimer.singleShot(_SETTLE_MS, ask)

    console.map.drawn.connect(on_drawn)
    console.open()
    QTimer.singleShot(int(_AT_MOST_S * 1000), app.quit)
    app.exec()
    console.leave()
    console.close()
    tell(Painted(filter_ms))
    return 0 if len(filter_ms) == len(filters) else 1


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
