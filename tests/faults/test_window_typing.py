"""F25 in a real window: what is being typed when the program is killed is offered at the next start."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from console.outbox.work_file import read_outbox
from console.server.city.city import City
from tests.faults.typing_child import CALLER, FORMS, LINES, PHONE, PHOTOS, WORDS
from tests.helpers.city import ROOT, Served, console, served, wait_for, write_users
from tests.helpers.hands import choose, form, key, wait_ready
from tests.helpers.pictures import picture
from widgets.forms.ask import AskText

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("city")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "300", "--users", users) as server:
        yield server


@contextlib.contextmanager
def typing(profile: Path, city: Served, *what: str) -> Iterator[subprocess.Popen[str]]:
    """The operator has typed all of a form and has not left it."""
    command = [sys.executable, "-m", "tests.faults.typing_child", str(profile), city.address, *what]
    log = profile.with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "typing\n", log.read_text()[-2000:]
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


def kill(operator: subprocess.Popen[str]) -> None:
    operator.kill()
    assert operator.wait(20) == -signal.SIGKILL


def take_up_the_first_draft(window: Any) -> None:
    wait_ready(window)
    window.actions.run("drafts")
    QTest.keyClick(form(window).field, Qt.Key.Key_Return)


def drafts(profile: Path) -> dict[str, dict[str, Any]]:
    """What a new start would find."""
    with contextlib.closing(sqlite3.connect(f"file:{profile / 'work.db'}?mode=ro", uri=True)) as file:
        return {key: json.loads(body) for key, body in file.execute("SELECT key, body FROM drafts")}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_being_typed_when_the_program_is_killed_is_offered_at_the_next_start(
    city: Served, tmp_path: Path, name: str
) -> None:
    """F25. Guards: what is typed is kept while it is typed (console.panels.forms.draft), not when the form is left."""
    profile = tmp_path / "profile"
    with typing(profile, city, name) as operator:
        last = PHONE if name == "new_report" else WORDS
        wait_for(lambda: any(last in one.values() for one in drafts(profile).values()), 30, "it is kept")
        kill(operator)
    with console(profile, city.address) as window:
        said: list[str] = []
        window.drafts.long_message.connect(said.append)
        wait_ready(window)
        assert said == ["1 text that was not saved is kept: Ctrl+Shift+D"]
        FORMS[name](window)
        opened = form(window)
        assert opened._draft_row.isVisible()
        if name == "new_report":  # it may be another caller, whose words must not stand among these
            assert opened.is_empty()
            QTest.keyClick(opened.focusWidget(), Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
            wait_for(lambda: form(window) is not opened, what="it is taken up")
            opened = form(window)
        values = opened.values()
        if name != "new_report":
            assert WORDS in values.values()
            return
        code = next(one.code for one in window.window_state.catalog("city").services.values() if one.name == "Banjir")
        assert values | {"service": code, "text": WORDS, "address": "Gang Melati 3", "priority": "1"} == values
        assert (values["caller_name"], values["caller_phone"]) == (CALLER, PHONE)


@pytest.mark.parametrize("name", LINES)
def test_a_note_in_the_command_line_or_the_palette_survives_a_kill(city: Served, tmp_path: Path, name: str) -> None:
    """F25. Guards: words behind a verb are kept while they are typed (console.panels.command_line.typed_line)."""
    profile = tmp_path / "profile"
    with typing(profile, city, name) as operator:
        wait_for(lambda: any(one["text"] == f"n {WORDS}" for one in drafts(profile).values()), 30, "it is kept")
        kill(operator)
    with console(profile, city.address) as window:
        take_up_the_first_draft(window)
        wait_for(lambda: window.command.text() == f"n {WORDS}", what="it stands in the line")
        (key_,) = drafts(profile)
        assert key_.partition(":")[2] == f"city:{window.details_reader.current.key}", "its report is the chosen one"
        QTest.keyClick(window.command._line, Qt.Key.Key_Return)
        wait_for(lambda: window.outbox.open_edits, what="it is an edit")
        wait_for(lambda: drafts(profile) == {}, what="and no draft any more")
    assert [one.edit.data["text"] for one in read_outbox(profile).edits] == [WORDS]


def test_photos_that_were_chosen_and_not_ready_survive_a_kill(city: Served, tmp_path: Path) -> None:
    """F25. Guards: a photo is a draft from the moment it is chosen (console.panels.report.photo_import)."""
    profile = tmp_path / "profile"
    for number, name in enumerate(PHOTOS):
        (tmp_path / name).write_bytes(picture(size=(64, 48 + number)))
    with typing(profile, city, "photos") as operator:
        wait_for(lambda: len(drafts(profile)) == len(PHOTOS), 30, "they are kept")
        kill(operator)
    with console(profile, city.address) as window:
        take_up_the_first_draft(window)
        wait_for(lambda: drafts(profile) == {}, 30, "they are edits, and no drafts any more")
        report = window.details_reader.current.key
    added = [entry["report"] for entry in city.entries(report) if entry["kind"] == "photo"]
    waiting = [one.edit.report for one in read_outbox(profile).edits]
    assert [*added, *waiting].count(report) >= len(PHOTOS)


def test_a_kill_the_moment_an_edit_is_saved_leaves_no_draft_of_it(city: Served, tmp_path: Path) -> None:
    """F25. Guards: an edit and the end of its draft are one write (WorkFile.append)."""
    profile = tmp_path / "profile"
    with typing(profile, city, "note", "commit") as operator:
        assert operator.wait(30) == -signal.SIGKILL
    assert [one.edit.data["text"] for one in read_outbox(profile).edits] == [WORDS]
    assert drafts(profile) == {}
    with console(profile, city.address) as window:
        wait_ready(window)
        FORMS["note"](window)
        wait_for(form(window).is_empty, what="an empty form")


def test_words_for_reports_that_were_deleted_or_merged_meanwhile_are_still_there(city: Served, tmp_path: Path) -> None:
    """F21. Guards: what was written for a report can be read, and copied, whatever became of the report (Drafts)."""
    with console(tmp_path / "profile", city.address) as window:
        wait_ready(window)
        gone, merged, other = (one for one in open_reports(window, 3))
        for report in (gone, merged):
            choose(window, report)
            key(window, "X")
            form(window).reason.setPlainText(WORDS)
            form(window).reject()
        boss = City(f"sqlite:///{city.folder / 'city.db'}")
        boss.remove("report", gone)
        boss.close()
        choose(window, merged)
        window.edit_commands.merge(
            window.details_reader.current, other, window.reader().report(row(window, other)).report.created
        )
        window.actions.run("refresh")
        wait_for(lambda: row(window, gone) is None, 40, "it is deleted")
        wait_for(lambda: window.reader().report(row(window, merged)).report.merged_into == other, what="it is merged")
        for report, why in ((gone, "is not here any more"), (merged, "The report is closed")):
            window.actions.run("drafts")
            listed = form(window)
            QTest.keyClicks(listed.field, report)
            QTest.keyClick(listed.field, Qt.Key.Key_Return)
            wait_for(lambda: isinstance(form(window), AskText), what="the words")
            shown = form(window)
            assert why in shown._sentence.text()
            assert shown.values()["text"] == WORDS
            QTest.keyClick(shown.focusWidget(), Qt.Key.Key_Delete, Qt.KeyboardModifier.AltModifier)
            shown.reject()
        assert window.outbox.drafts == {}


def open_reports(window: Any, count: int) -> list[str]:
    """Numbers of open reports that nobody works on."""
    window.actions.run("tab_unassigned")
    wait_for(lambda: window.window_state.view.filter.tab == "unassigned", what="the tab")
    return [window.reader().report(int(row)).report.id for row in window.window_state.view.order[:count]]


def row(window: Any, report: str) -> Any:
    return window.reader().row_of("city", report)
