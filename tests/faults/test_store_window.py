"""F27 in a real window: a full disk refuses an edit aloud and leaves its text. F32: read-only. F38: a full queue."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.outbox.work_file import read_outbox
from console.panels.qt_outbox import QtOutbox
from console.rules.messages import Push
from console.rules.queued import EditState
from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import CTRL, banner, choose, form, key, type_into, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "city"
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "300", "--users", users) as server:
        yield server


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB; the test is skipped where this user may not mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]).returncode:
        pytest.skip("a file system can only be mounted by root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"0" * size)
    return filler


def notes(folder: Path) -> list[str]:
    return [one.edit.data["text"] for one in read_outbox(folder).edits if one.edit.kind == "note"]


def first_report(window: Any) -> str:
    cached = window.reader().report(int(window.window_state.view.order[0]))
    assert cached is not None
    return str(cached.report.id)


def press_again(window: Any, opened: QWidget) -> None:
    """Ctrl+Enter in the form. (The offscreen platform still thinks that it has the keyboard since before it hid.)"""
    window.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the window is active")
    opened.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is opened, what="the form has the keyboard")
    QTest.keyClick(opened.focusWidget() or opened, Qt.Key.Key_Return, CTRL)


def test_a_full_disk_under_the_open_window(city: Served, small_disk: Path, expected_log: None) -> None:
    """F27. Guards: a form goes only when the disk has its edit (Forms.saved, Forms.give_back, Outbox.refused); so
    does a typed command from its line (CommandLineController.give_back).
    """
    profile = small_disk / "profile"
    with console(profile, city.address) as window:
        wait_ready(window)
        choose(window, first_report(window))
        city.process.kill()  # type: ignore[union-attr]  # what is saved stays in the outbox
        city.process.communicate()  # type: ignore[union-attr]
        key(window, "N")
        opened = form(window)
        filler = fill(small_disk)
        type_into(window, "Air setinggi lutut " * 300, Qt.Key.Key_Return, CTRL)
        wait_for(lambda: banner(window).startswith("NOT SAVED"), what="the refusal")
        assert "full" in banner(window)
        wait_for(opened.isVisible, what="the form again")
        assert opened.values()["text"].startswith("Air setinggi lutut")
        assert window.queue.row_count() > 0
        assert window.undo_stack.undo_text == ""
        assert notes(profile) == []

        press_again(window, opened)  # still full
        wait_for(opened.isVisible, what="the form again")
        assert notes(profile) == []

        filler.unlink()
        press_again(window, opened)
        wait_for(lambda: len(notes(profile)) == 1, what="saved")
        wait_for(lambda: not banner(window).startswith("NOT SAVED"), what="the banner is gone")
        wait_for(lambda: QApplication.activeWindow() in (None, window.window), what="the form is gone")
        assert notes(profile)[0].startswith("Air setinggi lutut")

        filler = fill(small_disk)
        typed = "note " + "Air surut " * 15
        window.command.set_text(typed)
        window.command.run.emit(typed)
        wait_for(lambda: banner(window).startswith("NOT SAVED"), what="the refusal")
        assert window.command.text() == typed
        filler.unlink()
        window.command.run.emit(typed)
        wait_for(lambda: len(notes(profile)) == 2, what="saved")
        wait_for(lambda: not banner(window).startswith("NOT SAVED"), what="the banner is gone")
        assert window.command.text() == ""


def test_quitting_with_a_full_queue_keeps_it_and_its_names(qtbot: QtBot, tmp_path: Path) -> None:
    """F38, the local part.

    Guards: Outbox.close (what waits for the disk is written first) and Identity.is_another (names).
    """
    down: list[object] = []
    ids = itertools.count(1)

    def start(author: str) -> QtOutbox:
        return QtOutbox(tmp_path, down.append, lambda: datetime.now(UTC), lambda: f"e{next(ids)}", author=author)

    outbox = start("rina")
    outbox.source_lost("city")
    for number in range(200):  # the last of them are not on the disk yet when the window closes
        outbox.submit(
            Kind.NOTE, str(number), source="city", data={"text": "x"}, base={}, base_version=None, title=f"r{number}"
        )
    outbox.close()
    kept = read_outbox(tmp_path).edits
    assert [one.edit.number for one in kept] == list(range(1, 201))
    assert {one.edit.author for one in kept} == {"rina"}

    other = start("budi")
    with qtbot.waitSignal(other.changed):
        pass
    assert other.counts == {EditState.QUEUED: 200}  # what the outbox, the strip and the status bar show
    other.resend_due()
    with qtbot.waitSignal(other.saved):
        other.submit(Kind.NOTE, "1", source="city", data={"text": "y"}, base={}, base_version=None, title="r1")
    qtbot.waitUntil(lambda: bool(down))
    other.close()
    assert {one.edit.author for one in down if isinstance(one, Push)} == {"budi"}


def figure(window: Any, key_: str) -> Any:
    (found,) = [one.figure for one in window.kpi._right if one.figure.key == key_]
    return found


@pytest.mark.usefixtures("expected_log")
def test_a_window_that_opens_on_a_folder_it_may_not_write_calls_nothing_empty(city: Served, small_disk: Path) -> None:
    """F32. It said "Outbox 0" and "First load: none yet" while edits waited and reports were shown.

    Guards: OutboxController.set_opened, process._read_until.
    """
    profile = small_disk / "profile"
    with console(profile, city.address) as window:
        wait_ready(window)
    with console(profile, "http://127.0.0.1:9") as window:
        wait_for(lambda: window.window_state.view is not None and window.window_state.view.total > 0, 40, "the cache")
        wait_for(lambda: window.sources.offline, 30, "offline")
        report = window.reader().report(int(window.window_state.view.order[0])).report.id
        choose(window, report)
        key(window, "N")
        type_into(window, "air masuk", Qt.Key.Key_Return, CTRL)
        wait_for(lambda: len(window.outbox.open_edits) == 1, what="saved")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    try:
        with console(profile, "http://127.0.0.1:9") as window:
            wait_for(lambda: banner(window).startswith("Nothing can be saved: "), what="it is said")
            assert banner(window).endswith(f" The folder is {profile}")
            wait_for(
                lambda: window.window_state.view is not None and window.window_state.view.total > 0, 40, "the cache"
            )
            wait_for(lambda: figure(window, "data").label.startswith("Data from "), what="how old it is")
            window.sign_in.rights_changed.emit()
            assert [part.value for part in figure(window, "outbox").parts] == ["–"]
            choose(window, report)
            said: list[str] = []
            window.actions.message.connect(said.append)
            key(window, "N")
            assert said == ["Nothing can be saved now"]
            subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
            wait_for(lambda: [part.value for part in figure(window, "outbox").parts] == ["1"], 30, "it is tried again")
            assert not banner(window).startswith("Nothing can be saved")
            key(window, "N")
            type_into(window, "masih naik", Qt.Key.Key_Return, CTRL)
            wait_for(lambda: len(window.outbox.open_edits) == 2, what="saved")
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
