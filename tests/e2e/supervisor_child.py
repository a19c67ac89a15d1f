"""A field supervisor at a real window in a process of its own, which a test ends by force.

Arguments: PROFILE ADDRESS PHASE PICTURES. It prints `ready` when the first fill is shown, waits for a line, then does
the phase without the server, printing `saved EDIT` and `did WHAT REPORT` as it goes, and `done` at its end.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console import logs
from console.rules.status import ORDER, is_open
from tests.helpers.city import console, wait_for
from tests.helpers.hands import CTRL, find, form, key, order, outbox, type_into, wait_ready

ELEVEN_MINUTES_S = 660.0
CALLER, PHONE = "Sri Wahyuningsih", "+62 812 5550 1234"
"""A citizen who must be in no log."""


def say(*words: str) -> None:
    print(*words, flush=True)


def shown(window: Any) -> Any:
    return window.details_reader.current.shown


def note(window: Any, text: str) -> None:
    before = len(outbox(window))
    key(window, "N")
    type_into(window, text, Qt.Key.Key_Return, CTRL)
    wait_for(lambda: len(outbox(window)) == before + 1, what="the note is saved")


def photo(window: Any, file: Path, role: str) -> None:
    before = len(outbox(window))
    window.forms.photos.add(file, role, lambda data: window.edit_commands.photo(window.details_reader.current, data))
    wait_for(lambda: len(outbox(window)) == before + 1, what="the photo is saved")


def local_rows(window: Any) -> list[int]:
    """The queue's reports that exist only here."""
    return [
        row for row in window.window_state.view.order.tolist() if window.board_updater.local_report(row) is not None
    ]


def other_priority(window: Any) -> int:
    return 3 if shown(window).priority != 3 else 2


def pictures(folder: Path) -> list[Path]:
    """Photos of different colours, so that each is one of its own."""
    files = []
    for number in range(8):
        file = folder / f"photo-{number}.jpg"
        if not file.exists():
            Image.new("RGB", (640, 480), (40 + 20 * number, 120, 90)).save(file)
        files.append(file)
    return files


def morning(window: Any, files: list[Path]) -> None:
    """Notes with photos on six reports, the priority of four others."""
    used: set[str] = set()
    for number in range(6):
        report = find(window, "open", skip=used)
        note(window, f"Warga dihubungi {number}")
        photo(window, files[number], "report")
        say("did", "noted", report)
    for what in ("mine", "theirs", "equal", "beside"):
        report = find(window, "open", skip=used)
        wanted = other_priority(window)
        window.report_commands.set_priority(window.situation.chosen, wanted)
        wait_for(lambda wanted=wanted: shown(window).priority == wanted, what="the priority")
        say("did", what, report)


def open_alike(window: Any) -> list[int]:
    """Which of the reports that may be the same as the chosen one are open: their numbers in the form, from 1."""
    alike = window.situation.with_duplicates[1]
    rows = {fact.row: fact for fact in window.window_state.view.row_facts([one.duplicate.row for one in alike])}
    return [at for at, one in enumerate(alike, 1) if is_open(ORDER[rows[one.duplicate.row].status])]


def noon(window: Any, files: list[Path]) -> None:
    """A crew's work, a new report, an order, a merge, a note that is withdrawn and one on a report soon deleted."""
    used = {queued.edit.report for queued in window.outbox.open_edits}
    report = find(
        window, "active", lambda now: now.status == "assigned" and now.lead_state in ("dispatched", "en_route"), used
    )
    key(window, "O")
    wait_for(lambda: shown(window).status == "progress", what="arrived")
    photo(window, files[6], "after")
    key(window, "V")
    wait_for(lambda: shown(window).status == "validation", what="done")
    say("did", "crewed", report)
    before = window.window_state.view.counts.all_open
    key(window, "N", CTRL)
    opened = form(window)
    opened.caller_name.setText(CALLER)
    opened.caller_phone.setText(PHONE)
    type_into(window, "banjir", Qt.Key.Key_Tab)
    type_into(window, "Air setinggi lutut di gang", Qt.Key.Key_Return, CTRL)
    wait_for(lambda: window.window_state.view.counts.all_open == before + 1, what="the new report")
    window.actions.run("tab_open")
    wait_for(lambda: window.window_state.view.filter.tab == "open" and local_rows(window), what="it is in the queue")
    (local,) = local_rows(window)
    window.window_state.choose(local)
    wait_for(
        lambda: window.details_reader.current is not None and window.details_reader.current.row == local, what="chosen"
    )
    photo(window, files[7], "report")
    report = find(window, "unassigned", lambda now: bool(now.advice and now.has_place), used)
    order(window)
    wait_for(lambda: window.situation.current.lead_unit, what="the order")
    say("did", "ordered", report)
    report = find(window, "open", lambda now: not now.lead_unit and bool(open_alike(window)), used)
    candidate = open_alike(window)[0]
    used.add(window.situation.with_duplicates[1][candidate - 1].number)  # which is not the one soon deleted
    key(window, "D")
    opened = form(window)
    type_into(window, str(candidate), Qt.Key.Key_S)  # the chosen one is the one to close
    wait_for(lambda: opened.why_not() == "", what=f"it can be merged, and not: {opened.why_not()}")
    type_into(window, "", Qt.Key.Key_Return)
    wait_for(lambda: window.situation.current.merged, what="merged")
    say("did", "merged", report)
    report = find(window, "open", skip=used)
    before_n = len(outbox(window))
    note(window, "Salah laporan")
    key(window, "Z", CTRL)
    wait_for(lambda: len(outbox(window)) == before_n, what="withdrawn")
    say("did", "withdrawn", report)
    report = find(window, "open", skip=used)
    note(window, "Sudah dicek")
    say("did", "deleted", report)


PHASES: dict[str, Callable[[Any, list[Path]], None]] = {"morning": morning, "noon": noon}


def main() -> None:
    os.environ.setdefault("QTWEBENGINE_CHROMIUM_FLAGS", "--disable-gpu")
    from widgets.map.scheme import register_scheme

    profile, address, phase, folder = sys.argv[1:]
    logs.start_logging(Path(folder) / f"{phase}-window.log")
    register_scheme()
    app = QApplication(["supervisor"])
    parent = os.getppid()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with console(Path(profile), address, behind_s=ELEVEN_MINUTES_S, own_sync=True) as window:
        window.outbox.saved.connect(lambda queued: say("saved", queued.edit.id))
        if phase == "morning":
            wait_ready(window)
        else:
            wait_for(
                lambda: window.window_state.view is not None and window.window_state.view.total > 0, 40, "the cache"
            )
            wait_for(lambda: len(outbox(window)) > 0, what="the outbox")
        say("ready")
        sys.stdin.readline()
        wait_for(lambda: window.sources.offline, 30, "offline")
        PHASES[phase](window, pictures(Path(folder)))
        QTest.qWait(300)
        window.window.grab().save(str(Path(folder) / f"{phase}.png"))
        say("done")
        app.exec()


def _end_with(parent: int) -> None:
    event = threading.Event()
    while os.getppid() == parent:
        event.wait(1.0)
    os._exit(1)


if __name__ == "__main__":
    main()
