"""What the window keeps for the next start, and when it asks before it goes."""

from __future__ import annotations

import errno
import gc
import subprocess
import sys
import threading
import weakref
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from console.rules.filter import Filter
from console.settings import load_settings
from tests.helpers.city import ROOT, console, wait_for
from tests.helpers.hands import ALT, form, outbox, type_into

pytestmark = pytest.mark.usefixtures("qapp")


def test_text_size_and_theme_hold_at_once_in_a_window_that_goes_on_with_the_work(tmp_path: Path) -> None:
    with console(tmp_path, None) as window:
        window.edit_commands.create("city", {"description": "Water"}, "local:1", "Water")
        window.window_state.set_filter(Filter(tab="mine", priorities=(1,)))
        window.actions.run("text_larger")
        window.actions.run("text_larger")
        window.actions.run("theme")
        wait_for(lambda: window.handover is not None, what="another window is asked for")
        assert window.window.isVisible(), "it stands there until the other one has the keyboard"
        kept, settings = window.handover, window.settings.here
    kept_in_file = load_settings(tmp_path)
    assert (kept_in_file.text_scale, kept_in_file.theme) == (1.25, "light") == (settings.text_scale, settings.theme)
    assert kept.filter == Filter(tab="mine", priorities=(1,))
    with console(tmp_path, None) as window:
        window.take_up(kept)
        assert window.window_state.filter == kept.filter
        assert window.status_controller._message == "Light"
        wait_for(lambda: window.situation.current.undo, what="what was done can be taken back, once the outbox is read")


def test_the_program_goes_on_with_another_window_as_often_as_the_look_changes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.e2e.look_child", str(tmp_path)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert child.returncode == 0, child.stderr[-2000:]
    assert child.stdout == "1.0 1.1 1.25 1.1"


def test_settings_that_cannot_be_kept_are_said_and_no_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected_log: None, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("console.settings.save_settings", full)
    with console(tmp_path, None) as window:
        window.actions.run("text_larger")
        assert window.status_controller._message.startswith("Text 110%. The disk is full")
    assert caplog.text.count("the settings were not kept") == 2, "the text, and the layout at the end"


def test_the_demo_keeps_settings_for_its_life_and_writes_none(tmp_path: Path) -> None:
    with console(tmp_path, None) as window:
        window.settings.is_demo = True
        window.actions.run("text_larger")
        assert window.status_controller._message == "Text 110%"
        assert window.settings.here.text_scale == 1.1
    assert not (tmp_path / "settings.json").exists()


def test_the_demo_says_that_its_operator_stays_signed_in(tmp_path: Path) -> None:
    with console(tmp_path, None) as window:
        window.settings.is_demo = True
        for action in ("sign_out", "sign_in"):
            window.say("")
            window.actions.run(action)
            assert window.status_controller._message == "The demo has one operator, who stays signed in"


def test_after_a_cancelled_log_out_quitting_asks_again(tmp_path: Path, qapp: QApplication) -> None:
    with console(tmp_path, None) as window:
        announced = datetime(2026, 11, 25, 8, tzinfo=UTC)
        window.close_guard._clock = lambda: announced
        window.edit_commands.create("city", {"description": "Water"}, "local:1", "Water")
        wait_for(lambda: outbox(window), what="it waits")
        qapp.commitDataRequest.emit(None)
        assert window.close_guard.may_close(), "the session ends: nobody is there to be asked"
        window.close_guard._clock = lambda: announced + timedelta(minutes=2)  # it did not
        window.window.close()
        assert form(window)._title.text() == "1 edit has not left"
        assert window.window.isVisible()


def test_what_was_being_written_when_the_window_closed_is_there_at_the_next_start(tmp_path: Path) -> None:
    with console(tmp_path, None) as window:
        window.actions.run("new_report")
        form(window).report_text.setPlainText("Water at the school")
    with console(tmp_path, None) as window:
        wait_for(lambda: window.outbox.drafts, what="the draft is read")
        window.actions.run("new_report")
        empty = form(window)
        assert empty.is_empty(), "it may be another caller"
        type_into(window, "", Qt.Key.Key_D, ALT)
        wait_for(lambda: form(window) is not empty, what="it is taken up")
        assert form(window).report_text.toPlainText() == "Water at the school"


def test_what_the_panels_show_is_written_at_the_end_with_or_without_a_picture(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with console(tmp_path / "profile", None) as window:
        window.screenshot.options = msgspec.structs.replace(window.screenshot.options, state=state)
        window.edit_commands.create("city", {"description": "Water"}, "local:1", "Water")
        wait_for(lambda: outbox(window), what="it waits")
    assert msgspec.json.decode(state.read_bytes())["outbox"] == 1


def test_numbers_that_cannot_be_written_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with console(tmp_path / "profile", None) as window:
        window.screenshot.options = msgspec.structs.replace(
            window.screenshot.options, state=tmp_path / "no" / "state.json"
        )
    assert window.exit_code == 4
    assert "no/state.json cannot be written" in capsys.readouterr().err


def test_a_closed_window_lets_go_of_all_that_it_had(tmp_path: Path, qapp: QApplication) -> None:
    before = QApplication.topLevelWidgets()
    with console(tmp_path, None) as window:
        held = [weakref.ref(one) for one in QApplication.topLevelWidgets() if one not in before]
        assert len(held) > 1
        held += [weakref.ref(one) for one in (window, window.window_state, window.outbox, window.board_updater)]
    del window, before

    def are_gone() -> bool:
        gc.unfreeze()  # the program, which has one window, takes its objects from the collector for good
        gc.collect()
        return not any(one is not None and isValid(one) for one in (ref() for ref in held))

    wait_for(are_gone, what="nothing of it is left")


class _Cycle:
    """An object that only the collector can take away, as a widget is that its signals hold."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_is_collected_in_the_thread_of_the_widgets_and_in_no_other(tmp_path: Path) -> None:
    threads: set[str] = set()

    def note(phase: Literal["start", "stop"], _: object) -> None:
        threads.add(threading.current_thread().name)

    gc.enable()
    gc.collect()
    with console(tmp_path, None):
        gc.callbacks.append(note)
        try:
            old = weakref.ref(_Cycle())
            maker = threading.Thread(target=lambda: [_Cycle() for _ in range(50_000)], name="not the widgets'")
            maker.start()
            maker.join()
            wait_for(lambda: old() is None, what="it is collected")
        finally:
            gc.callbacks.remove(note)
    assert threads == {threading.main_thread().name}
