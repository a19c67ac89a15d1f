"""What the operator does is written before notes of what became of other edits; nothing overtakes what it rests on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from console.outbox.work_file import WorkFile
from console.outbox.work_thread import WorkThread
from console.panels.qt_loop import QtLoop
from console.rules.queued import EditState
from tests.unit.cache.making import edit, note_state


class Bench:
    """A thread that is held at its first job until `release`, and what it did, in order."""

    def __init__(self, folder: Path) -> None:
        self.done: list[str] = []
        self.errors: list[Exception] = []
        self._http_endpoint = threading.Event()
        self._parent = QObject()
        self.thread = WorkThread(lambda: WorkFile(folder), lambda _: None, lambda _: None, QtLoop(self._parent))
        self.thread.write(lambda _: self._http_endpoint.wait(10), None, self.errors.append)

    def job(self, name: str) -> Callable[[WorkFile], None]:
        return lambda _: self.done.append(name)

    def release(self) -> list[str]:
        self._http_endpoint.set()
        self.thread.wait(10)
        return self.done


@pytest.fixture
def bench(tmp_path: Path, qtbot: QtBot) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.release()
    bench.thread.close()


def test_a_new_edit_goes_before_notes_and_all_else_after_those_given_before_it(bench: Bench) -> None:
    thread = bench.thread
    thread.note(bench.job("note 1"), None, bench.errors.append)
    thread.write(bench.job("new 1"), None, bench.errors.append, hurry=True)
    thread.note(bench.job("note 2"), None, bench.errors.append)
    thread.write(bench.job("exchange"), None, bench.errors.append)
    thread.note(bench.job("note 3"), None, bench.errors.append)
    thread.write(bench.job("new 2"), None, bench.errors.append, hurry=True)
    done = bench.release()
    assert done[0] == "new 1"
    assert [one for one in done if one.startswith("note")] == ["note 1", "note 2", "note 3"]
    assert done.index("note 2") < done.index("exchange") < done.index("new 2")
    assert bench.errors == []


def test_of_notes_written_together_one_that_fails_takes_no_other_with_it(bench: Bench, qtbot: QtBot) -> None:
    def note(edit_id: str, state: EditState) -> None:
        bench.thread.note(lambda file: note_state(file, edit_id, state), None, bench.errors.append)

    def fail(_: WorkFile) -> None:
        raise RuntimeError("in the middle")

    found: list[tuple[str, EditState]] = []
    for made in (edit("e1"), edit("e2")):
        bench.thread.write(partial(WorkFile.append, edit=made), None, bench.errors.append, hurry=True)
    note("e1", EditState.SENDING)
    bench.thread.note(fail, None, bench.errors.append)
    note("e2", EditState.ATTENTION)
    bench.release()
    bench.thread.write(
        lambda file: found.extend((one.edit.id, one.state) for one in file.all()), None, bench.errors.append
    )
    bench.thread.wait(10)
    assert found == [("e1", EditState.SENDING), ("e2", EditState.ATTENTION)]
    qtbot.waitUntil(lambda: [str(error) for error in bench.errors] == ["in the middle"])
