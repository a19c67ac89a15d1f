"""A process that writes work.db and cache.db, and prints what the store has reported as saved."""

from __future__ import annotations

import ctypes
import os
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QTimer

from api_client.model import Kind
from console.cache.page_items import PageItem
from console.cache.writer import CacheWriter
from console.files.errors import DamagedFile, StoreError
from console.outbox.work_file import WorkFile
from console.panels.qt_outbox import QtOutbox
from console.rules.queued import EditState, Queued, StopReason
from tests.unit.cache.making import T0, at, edit, items, note_state, report

T = TypeVar("T")
PAGE = 30
_PATIENCE = 12
_PR_SET_PTRACER = 0x59616D61


class Voice:
    """Says what happened in a file beside the others, each line with one write."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(self, *words: object) -> None:
        os.write(self._fd, (" ".join(map(str, words)) + "\n").encode())

    def until_done(self, what: str, work: Callable[[], T], times: int = 3) -> T | None:
        """Try until it is done, and say each refusal: an operator who presses Enter again."""
        for _ in range(times):
            try:
                done = work()
            except StoreError as error:
                self.say("refused", what, type(error).__name__, str(error))
                if isinstance(error, DamagedFile):
                    self.say("damaged", what)
            else:
                self.say("done", what)
                return done
        return None


def one_edit(folder: Path, voice: Voice) -> None:
    work = voice.until_done("open", lambda: WorkFile(folder))
    if work is None:
        return
    number = work.next_number()
    voice.until_done("new", lambda: work.append(edit("new", number=number, data={"text": "x" * 900})))
    voice.until_done("withdrawn", lambda: note_state(work, "e1", EditState.WITHDRAWN))
    work.close()
    voice.say("closed")


def one_exchange(folder: Path, voice: Voice) -> None:
    """New edits in the place of an old one."""
    work = voice.until_done("open", lambda: WorkFile(folder))
    if work is None:
        return
    new = [Queued(edit(key, number=0, data={"text": "x" * 900}), EditState.QUEUED) for key in ("new", "newer")]
    voice.until_done("exchanged", lambda: work.exchange(["e1"], new, StopReason.KEPT_AS_NEW))
    work.close()
    voice.say("closed")


def one_page(folder: Path, voice: Voice) -> None:
    writer = voice.until_done("open", lambda: CacheWriter(folder))
    if writer is None:
        return
    voice.until_done("page", lambda: writer.apply("city", a_page(2), at(2 * PAGE)))
    writer.close()
    voice.say("closed")


def open_only(folder: Path, voice: Voice) -> None:
    """What an opening does by itself: a migration, or the tidying (the clock is 40 days on)."""
    work = voice.until_done("open", lambda: WorkFile(folder, clock=lambda: T0 + timedelta(days=40)))
    if work is None:
        return
    work.close()
    voice.say("closed")


def a_shift(folder: Path, voice: Voice) -> None:
    """Many edits over several lives, in which the journal is written anew, and edits are withdrawn and sent."""
    chance = random.Random(folder.name)
    made: list[str] = []
    for _ in range(3):
        work = WorkFile(folder, clock=lambda: T0 + timedelta(days=40))
        for _ in range(6):
            number = work.next_number()
            made.append(f"n{number}")
            work.append(edit(f"n{number}", number=number, data={"text": "kata " * chance.randrange(900)}))
            voice.say("done", f"n{number}")
            if chance.random() < 0.4:
                gone = made.pop(chance.randrange(len(made)))
                note_state(work, gone, EditState.WITHDRAWN)
                voice.say("withdrawn", gone)
            note_state(work, chance.choice(made), EditState.SENDING, late=chance.random() < 0.5) if made else None
        work.close()


def some_pages(folder: Path, voice: Voice) -> None:
    """Pages over two lives, with a checkpoint between them and at the end."""
    for life in range(2):
        writer = CacheWriter(folder)
        for number in range(4):
            page = 2 + 4 * life + number
            writer.apply("city", a_page(page), at(page * PAGE))
            voice.say("page", page * PAGE)
        writer.close()


def a_page(number: int) -> list[PageItem]:
    """The page `number` (from 1): PAGE new reports."""
    first = (number - 1) * PAGE
    reports = (report(str(first + n), title=f"kata{first + n}", description="air " * 60) for n in range(1, PAGE + 1))
    return items(*reports, seq=first + 1)


def without_rest(folder: Path, voice: Voice) -> None:
    """Edits made, withdrawn and sent, and pages applied, in turn, until it is killed; all is said after its commit."""
    chance = random.Random(os.getpid())
    work, writer = WorkFile(folder), CacheWriter(folder)
    waiting = [one.edit.id for one in work.unfinished()]
    cursor = writer.cursor("city")
    page = (cursor.seq if cursor else 0) // PAGE
    voice.say("page", page * PAGE)  # what the last life committed and could not say
    while True:
        match chance.choice(["edit", "edit", "edit", "withdraw", "send", "page"]):
            case "edit":
                number = work.next_number()
                work.append(edit(f"n{number}", number=number, data={"text": "kata " * chance.randrange(300)}))
                waiting.append(f"n{number}")
                voice.say("done", f"n{number}")
            case "withdraw" if waiting:
                gone = waiting.pop(chance.randrange(len(waiting)))
                note_state(work, gone, EditState.WITHDRAWN)
                voice.say("withdrawn", gone)
            case "send" if waiting:
                note_state(work, chance.choice(waiting), EditState.SENDING, late=chance.random() < 0.5)
            case "page":
                page += 1
                writer.apply("city", a_page(page), at(page * PAGE))
                voice.say("page", page * PAGE)


def console_edits(folder: Path, voice: Voice) -> None:
    """The console's outbox without a window: an operator who presses Enter again after each refusal."""
    app = QCoreApplication([])
    ids = count(1)
    outbox = QtOutbox(folder, lambda _: None, lambda: T0, lambda: f"try{next(ids)}")
    text = {"text": "Air setinggi lutut " * 40}

    def press_enter() -> None:
        outbox.submit(Kind.NOTE, "9", source="city", data=text, base={}, base_version=None, title="t")

    def refused(_: str, error: Exception) -> None:
        voice.say("refused", "new", type(error).__name__, str(error))
        if next(ids) < _PATIENCE:
            QTimer.singleShot(0, press_enter)
        else:
            app.quit()

    def saved(queued: Queued) -> None:
        voice.say("done", queued.edit.id)
        voice.say("shown", sum(one.edit.data == text for one in outbox.open_edits))
        app.quit()

    outbox.source_lost("city")
    outbox.refused.connect(refused)
    outbox.saved.connect(saved)
    outbox.trouble.connect(lambda error: voice.say("trouble", error))
    outbox.unavailable.connect(lambda error: voice.say("unavailable", error))
    press_enter()
    app.exec()
    outbox.close()
    voice.say("closed")


JOBS: dict[str, Callable[[Path, Voice], None]] = {
    "edit": one_edit,
    "exchange": one_exchange,
    "page": one_page,
    "open": open_only,
    "shift": a_shift,
    "pages": some_pages,
    "work": without_rest,
    "console": console_edits,
}


def fork_jobs() -> None:
    """For each line `JOB FOLDER`: fork, print the child's pid, wait for a line `go`, run it, print how it ended."""
    for line in sys.stdin:
        job, folder = line.split()
        ready, go = os.pipe()
        pid = os.fork()
        if pid == 0:
            with suppress(AttributeError):  # where only a parent may trace, let anybody trace this child
                ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
            voice = Voice(Path(folder))
            os.read(ready, 1)
            try:
                JOBS[job](Path(folder), voice)
            except BaseException as error:
                voice.say("crash", repr(error))
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)
        sys.stdin.readline()
        os.write(go, b"g")
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        os.close(ready)
        os.close(go)


if __name__ == "__main__":
    fork_jobs()
