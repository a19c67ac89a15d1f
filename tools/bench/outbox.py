"""How soon an edit made by hand is on the disk while thousands of others leave, in the real window."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from api_client.decoding import decode
from api_client.model import Kind
from console.files.sqlite_file import CACHE
from console.outbox.work_file import WorkFile
from console.rules.edit import Edit
from console.rules.queued import EditState, Queued
from tools.bench.child import SOURCE, busy_city, output_of, tell
from tools.bench.window import make_window

_PAUSE_MS = 200
_LOOK_MS = 2
_NO_REPORTS = 1e-9  # arrive, but edits are answered


class Saving(msgspec.Struct, frozen=True):
    """Milliseconds from making each note by hand until it was saved, and the window's longest stalls meanwhile."""

    saved_ms: list[float]
    stalls_ms: list[float]


def save_by_hand(cache: Path, reports: Sequence[str], waiting: int, by_hand: int, settle_s: float) -> Saving:
    """Make `by_hand` notes in the window of a child process on a copy of `cache`, while `waiting` others leave; the
    first one when the window has been open for `settle_s`.

    The stand-in for the sync process takes up to 200 edits a second. Raises subprocess.CalledProcessError.
    """
    with tempfile.TemporaryDirectory(prefix="sigap-outbox-", dir=cache) as name:
        folder = Path(name)
        shutil.copy(cache / CACHE, folder / CACHE)
        work = WorkFile(folder)
        now = datetime.now(UTC)
        notes = [
            Edit(
                id=str(uuid.uuid4()), kind=Kind.NOTE, report=reports[number % len(reports)], author="", device="",
                number=0, occurred_at=now, data={"text": f"note {number}"}, source=SOURCE, title="Note",
            )
            for number in range(waiting)
        ]  # fmt: skip
        if notes:
            work.exchange([], [Queued(edit, EditState.QUEUED) for edit in notes], None)
        work.close()
        return decode(output_of("tools.bench.outbox", str(folder), reports[0], str(by_hand), str(settle_s)), Saving)


def _main(folder: Path, report: str, by_hand: int, settle_s: float) -> int:
    app, console = make_window(folder, busy_city(_NO_REPORTS))
    from PySide6.QtCore import QTimer

    made: dict[str, float] = {}
    saved_ms: list[float] = []
    stalls_ms: list[float] = []
    last = [0.0]

    def make() -> None:
        edit_id = console.outbox.submit(
            Kind.NOTE, report, source=SOURCE, data={"text": "by hand"}, base={}, base_version=None, title="Note"
        )
        made[edit_id] = time.perf_counter()

    def saved(queued: Queued) -> None:
        if (began := made.pop(queued.edit.id, None)) is not None:
            saved_ms.append((time.perf_counter() - began) * 1000)
            if len(saved_ms) < by_hand:
                QTimer.singleShot(_PAUSE_MS, make)
            else:
                app.exit()  # quitting would ask about what has not left

    def look() -> None:
        now = time.perf_counter()
        if last[0]:
            stalls_ms.append((now - last[0]) * 1000 - _LOOK_MS)
        last[0] = now

    console.outbox.saved.connect(saved)
    console.open()
    looking = QTimer(interval=_LOOK_MS)
    looking.timeout.connect(look)

    def begin() -> None:
        looking.start()
        make()

    QTimer.singleShot(int(settle_s * 1000), begin)
    app.exec()
    console.leave()
    console.close()
    tell(Saving(saved_ms, sorted(stalls_ms)[-20:]))
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
