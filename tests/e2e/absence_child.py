"""An operator at a real window in a process of its own, which a test ends by force once she has been told something.

Arguments: PROFILE ADDRESS. Prints `sent REPORT UNIT` when a crew is on its way by her order, and `told WORDS` of each
notice of what others did to it.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from PySide6.QtWidgets import QApplication

from tests.e2e.supervisor_child import _end_with, say
from tests.helpers.city import console, wait_for
from tests.helpers.hands import find, free_units, outbox, wait_ready
from widgets.map.scheme import register_scheme


def main() -> None:
    os.environ.setdefault("QTWEBENGINE_CHROMIUM_FLAGS", "--disable-gpu")
    profile, address = sys.argv[1:]
    register_scheme()
    app = QApplication(["absence"])
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with console(Path(profile), address, own_sync=True) as window:
        wait_ready(window)
        window.refusals.setback_found.connect(lambda one: say("told", one.bold))
        like = lambda one: one.priority > 1  # noqa: E731
        report = find(window, "unassigned", lambda now: bool(now.has_place and free_units(window)), like=like)
        unit = free_units(window)[0]
        code = window.window_state.catalog("city").units[unit].code
        window.edit_commands.dispatch(window.details_reader.current, unit, code, stack=False)
        wait_for(
            lambda: not outbox(window) and window.window_state.catalog("city").by_unit.get(unit), what="sent, and known"
        )
        say("sent", report, unit)
        app.exec()


if __name__ == "__main__":
    main()
