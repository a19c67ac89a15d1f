"""A console on a real X screen whose operator types faster than the desktop gives the keyboard to a new window.

`python -m tests.e2e.typing_ahead_child FOLDER ADDRESS PACE_MS` prints one JSON line for each thing that was typed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.helpers.city import console, wait_for
from tests.helpers.hands import find, wait_ready
from widgets.map.scheme import register_scheme

TYPED: dict[str, tuple[str, str]] = {
    "priority": ("open", "p 4 Return"),
    "category": ("open", "c t r o t o Return"),
    "note": ("open", "n t a x space i ctrl+Return"),
    "reply": ("open", "m t a x i ctrl+Return"),
    "transfer": ("open", "w Return Return Return"),
    "palette": ("open", "slash p space 4 Return"),
    "new_report": ("open", "ctrl+n t r o t Return t a x i ctrl+Return"),
    "left": ("open", "n Escape"),
    "close": ("open", "x 2 Return"),
    "hold": ("open", "h 3 Return"),
    "assign": ("open", "shift+a Return"),
    "merge": ("open", "d 1 Return"),
    "place": ("open", "l t r o t Escape Escape"),
    "unavailable": ("open", "u b a n space b o c o r Return"),
    "drafts": ("open", "ctrl+shift+d Return Return"),
    "validate": ("validate", "shift+v 1 Return Escape"),
    "return": ("validate", "shift+v 2 b u k a n Return Escape"),
    "reopen": ("closed", "shift+x b e l u m Return"),
}
"""What is typed, on a report of which tab. With the keyboard in the report's advice Enter would send a crew."""


def main(folder: Path, address: str, pace_ms: int) -> None:
    register_scheme()
    app = QApplication(["sigap"])
    with console(folder, address, own_sync=True) as window:
        wait_ready(window)
        seen: set[str] = set()
        last: list[str] = []
        marker = QShortcut(QKeySequence("F12"), window.window, context=Qt.ShortcutContext.ApplicationShortcut)
        marker.activated.connect(lambda: last.append("F12"))
        for name, (tab, keys) in TYPED.items():
            find(
                window,
                tab,
                lambda now, tab=tab: now.advice or tab != "open",
                seen,
                like=lambda report: report.priority != 4,
            )
            window.window.activateWindow()
            window.actions.run("recommend") or window.window.focus_panel("report")
            wait_for(lambda: app.focusWidget() is not None and window.window.current_panel() == "report", what="advice")
            made: list[Any] = []
            window.undo_stack.pushed.connect(made.append)
            typing = subprocess.Popen(["xdotool", "key", "--delay", str(pace_ms), *keys.split()])
            wait_for(lambda typing=typing: typing.poll() is not None, 60, "all is typed")
            come = len(last)
            while len(last) == come:  # what was typed before has come to where it belongs
                subprocess.run(["xdotool", "key", "F12"], check=True)
                QTest.qWait(50)
            if window.forms.is_open:  # the key that ends it reached no window: see may_come_of
                QTest.qWait(1_000)
                window.forms.close_open()
                window.window.activateWindow()
            wait_for(lambda: app.activeWindow() is window.window, 30, "the keyboard is back in the window")
            window.undo_stack.pushed.disconnect(made.append)
            print(json.dumps({"typed": name, "did": [[deed.kind.value, dict(deed.data)] for deed in made]}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
