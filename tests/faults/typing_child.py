"""An operator who types into a form of a real window, in a process of its own that a test ends by force.

Arguments: PROFILE ADDRESS FORM [commit]. FORM is one of FORMS, or one of LINES, into which a note is typed, or
"photos", where PHOTOS are chosen that are beside the profile, and wait for another one. It prints
`typing` once all is typed. With `commit` it goes on once that is kept: it commits, and ends itself by SIGKILL the
moment it is told `saved`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from tests.helpers.city import console, wait_for
from tests.helpers.hands import CTRL, choose, form, key, wait_ready

WORDS = "Bau gas di belakang sekolah"
CALLER, PHONE = "Sri Wahyuningsih", "+62 812 5550 1234"


def first_report(window: Any) -> str:
    cached = window.reader().report(int(window.window_state.view.order[0]))
    assert cached is not None
    return str(cached.report.id)


def open_note(window: Any) -> None:
    choose(window, first_report(window))
    key(window, "N")


def open_close(window: Any) -> None:
    choose(window, first_report(window))
    key(window, "X")


def open_unavailable(window: Any) -> None:
    window.unit_commands.unit_state(min(crew.key for crew in window.window_state.cities.crews), "unavailable")


def open_new_report(window: Any) -> None:
    key(window, "N", CTRL)


FORMS: dict[str, Callable[[Any], None]] = {
    "note": open_note,
    "close": open_close,
    "unavailable": open_unavailable,
    "new_report": open_new_report,
}


def open_line(window: Any) -> None:
    choose(window, first_report(window))
    window.command.focus_line("n ")


def open_palette(window: Any) -> None:
    choose(window, first_report(window))
    key(window, "K", CTRL)
    wait_for(lambda: window.palette.isActiveWindow(), what="the palette")
    QTest.keyClicks(window.palette._field, "n ")


LINES: dict[str, Callable[[Any], None]] = {"command": open_line, "palette": open_palette}


PHOTOS = ("one.jpg", "two.jpg")


def choose_photos(window: Any, folder: Path) -> None:
    window.photo_tasks.submit(lambda: time.sleep(60))  # a large one is being made ready
    choose(window, first_report(window))
    key(window, "F")
    opened = form(window)
    opened.findChild(QLineEdit, "fileNameEdit").setText(" ".join(f'"{folder / name}"' for name in PHOTOS))
    opened.accept()


def keys(opened: Any, text: str, then: Qt.Key = Qt.Key.Key_Tab) -> None:
    QTest.keyClicks(opened.focusWidget(), text)
    QTest.keyClick(opened.focusWidget(), then)


def write(name: str, opened: Any) -> None:
    """Fill in the whole form with the keyboard."""
    if name == "new_report":
        keys(opened, "banjir")
        keys(opened, WORDS)
        keys(opened, "Gang Melati 3")
        QTest.keyClick(opened.focusWidget(), Qt.Key.Key_P, Qt.KeyboardModifier.AltModifier)  # past the questions
        keys(opened, "1")
        keys(opened, CALLER)
        QTest.keyClicks(opened.focusWidget(), PHONE)
    else:
        if name == "close":
            opened.reason.setFocus()
        QTest.keyClicks(opened.focusWidget() or opened, WORDS)


def say(*words: str) -> None:
    print(*words, flush=True)


def main() -> None:
    os.environ.setdefault("QTWEBENGINE_CHROMIUM_FLAGS", "--disable-gpu")
    from widgets.map.scheme import register_scheme

    profile, address, name, *commit = sys.argv[1:]
    register_scheme()
    app = QApplication(["typing"])
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with console(Path(profile), address, own_sync=True) as window:
        wait_ready(window)
        if name == "photos":
            choose_photos(window, Path(profile).parent)
            say("typing")
            app.exec()
            return
        (FORMS | LINES)[name](window)
        opened = window.command._line if name == "command" else form(window)
        write(name, opened)
        say("typing")
        if commit:
            wait_for(lambda: window.outbox.drafts, what="the draft")
            window.outbox._thread.wait(10)
            window.outbox.saved.connect(lambda _: os.kill(os.getpid(), signal.SIGKILL))
            QTest.keyClick(opened.focusWidget(), Qt.Key.Key_Return, CTRL)
        app.exec()


def _end_with(parent: int) -> None:
    event = threading.Event()
    while os.getppid() == parent:
        event.wait(1.0)
    os._exit(1)


if __name__ == "__main__":
    main()
