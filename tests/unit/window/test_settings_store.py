"""Settings that are kept without anybody waiting for the disk: none is lost, the last one stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from console.files.lock import FileLock
from console.settings import Settings, load_settings, save_settings
from console.tasks import Tasks
from console.window.settings_store import SettingsStore


@pytest.fixture
def tasks(qtbot: QtBot) -> Iterator[Tasks]:
    tasks = Tasks("settings", 1)
    yield tasks
    tasks.shutdown()


def mute(store: SettingsStore, muted: bool) -> None:
    store.keep_behind(lambda settings: setattr(settings, "is_muted", muted))


def test_while_another_program_holds_the_file_the_window_goes_on_and_all_is_written_in_its_order(
    tmp_path: Path, tasks: Tasks
) -> None:
    save_settings(tmp_path, Settings(loudness=2))
    store = SettingsStore(tmp_path, load_settings(tmp_path), tasks, is_demo=False)
    store.watch()
    lock = FileLock(tmp_path / "settings.lock")
    for muted in (True, False, True):
        mute(store, muted)
        assert store.here.is_muted is muted, "the window has it at once"
    assert not load_settings(tmp_path).is_muted
    lock.release()
    store.close()
    assert load_settings(tmp_path) == Settings(loudness=2, is_muted=True)


@pytest.mark.usefixtures("expected_log")
def test_what_cannot_be_written_holds_in_the_window(tmp_path: Path, tasks: Tasks) -> None:
    (tmp_path / "profile").write_text("no folder")
    store = SettingsStore(tmp_path / "profile", Settings(), tasks, is_demo=False)
    mute(store, True)
    store.close()
    assert store.here.is_muted


def test_the_demo_has_no_file(tmp_path: Path, tasks: Tasks) -> None:
    store = SettingsStore(tmp_path, Settings(), tasks, is_demo=True)
    mute(store, True)
    store.close()
    assert store.here.is_muted
    assert list(tmp_path.iterdir()) == []
