"""What is typed is kept in the pauses and every few seconds, ends with its edit, and nothing late brings it back."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from console.files.errors import DiskFull
from console.outbox.work_file import WorkFile
from console.panels.command_line.line import CommandLineController
from console.panels.edit_notifications import EditNotifications
from console.panels.forms.draft import AT_MOST_S, PAUSE_S, Draft
from console.panels.sources import Sources
from console.panels.status import StatusController
from console.rules.messages import Outcome
from console.rules.queued import EditState, Queued
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from tests.widgets.sample import make_symbols, make_theme
from widgets.command import CommandLine
from widgets.notice import Banner
from widgets.palette import Palette
from widgets.statusbar import StatusBar

KEY = "note:city:A"


def failed(fault: Exception) -> None:
    """What is read or written in these tests must not fail."""
    pytest.fail(str(fault))


def on_disk(rig: Rig) -> dict[str, str]:
    """Text of each draft in work.db, once the thread has nothing left to do."""
    rig.outbox._thread.wait(10)
    with closing(sqlite3.connect(f"file:{rig.profile / 'work.db'}?mode=ro", uri=True)) as file:
        found = file.execute("SELECT key, body FROM drafts")
        return {key.removeprefix("rina\n"): json.loads(body)["text"] for key, body in found}


def typing(rig: Rig, text: str, after_s: float = 0.0) -> Draft:
    """Let time pass, then type into the open form; what keeps it."""
    rig.steady_s += after_s
    QTest.keyClicks(rig.form().focusWidget(), text)
    (draft,) = rig.form().findChildren(Draft)
    assert isinstance(draft, Draft)
    return draft


def passes(rig: Rig, draft: Draft, seconds: float) -> dict[str, str]:
    """What is on the disk after so long without a key."""
    rig.steady_s += seconds
    draft.look()
    return on_disk(rig)


@pytest.fixture
def note(rig: Rig) -> Rig:
    """The form of a note on report A."""
    wait_for(lambda: rig.outbox._is_open, what="work.db is open")
    rig.choose("A")
    assert rig.actions.run("note")
    return rig


def test_it_is_kept_a_pause_after_the_last_key(note: Rig) -> None:
    draft = typing(note, "gas")
    assert passes(note, draft, PAUSE_S - 0.1) == {}
    typing(note, " smell")
    assert passes(note, draft, PAUSE_S - 0.1) == {}
    assert passes(note, draft, 0.1) == {KEY: "gas smell"}


def test_who_types_on_without_a_pause_is_kept_every_few_seconds(note: Rig) -> None:
    draft = typing(note, "a")
    while note.steady_s < AT_MOST_S - 0.6:
        typing(note, "a", after_s=0.5)
        assert passes(note, draft, 0) == {}
    typing(note, "a", after_s=0.5)
    assert passes(note, draft, 0) == {KEY: "a" * 11}


def test_who_leaves_a_form_is_told_that_its_words_are_kept(note: Rig) -> None:
    typing(note, "gas")
    QTest.keyClick(note.form(), Qt.Key.Key_Escape)
    assert note.said == ["Not saved, kept as a draft: open the form again, or Ctrl+Shift+D"]
    note.actions.run("reply")
    QTest.keyClick(note.form(), Qt.Key.Key_Escape)
    assert len(note.said) == 1, "nothing was written there"


def test_nothing_is_written_when_nothing_else_is_said(note: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    save = WorkFile.save_draft
    monkeypatch.setattr(
        WorkFile, "save_draft", lambda file, key, draft: (written.append(draft["text"]), save(file, key, draft))
    )
    draft = typing(note, "gas")
    passes(note, draft, PAUSE_S)
    typing(note, "x")
    QTest.keyClick(note.form().focusWidget(), Qt.Key.Key_Backspace)
    passes(note, draft, PAUSE_S)
    note.form().reject()
    on_disk(note)
    note.actions.run("note")  # offered: what stands in the form is what is kept
    (draft,) = note.form().findChildren(Draft)
    passes(note, draft, PAUSE_S)
    assert written == ["gas"]


def test_what_is_emptied_again_is_no_draft(note: Rig) -> None:
    draft = typing(note, "g")
    assert passes(note, draft, PAUSE_S) == {KEY: "g"}
    QTest.keyClick(note.form().focusWidget(), Qt.Key.Key_Backspace)
    assert passes(note, draft, PAUSE_S) == {}


@pytest.mark.parametrize("kept_before", [True, False])
def test_an_edit_and_the_end_of_its_draft_are_one_write_and_nothing_late_brings_it_back(
    note: Rig, kept_before: bool
) -> None:
    """The disk is slow: the edit overtakes what was to be kept of its text."""
    seen: list[dict[str, str]] = []

    def look(_: Queued) -> None:
        seen.append(on_disk(note))

    draft = typing(note, "gas")
    if kept_before:
        assert passes(note, draft, PAUSE_S) == {KEY: "gas"}
    http_endpoint = threading.Event()
    note.outbox._thread.write(lambda _: http_endpoint.wait(10), None, failed)
    typing(note, " smell")
    note.steady_s += PAUSE_S
    draft.look()
    note.outbox.saved.connect(look)
    note.commit()
    note.steady_s += AT_MOST_S
    draft.look()
    http_endpoint.set()
    (edit,) = note.saved(1)
    assert edit.data == {"text": "gas smell"}
    assert seen == [{}], "what a new start would find the moment the edit is told to be saved"
    assert on_disk(note) == {}
    note.actions.run("note")
    assert note.form().is_empty()


def test_a_long_outbox_keeps_no_draft_from_the_disk(note: Rig) -> None:
    http_endpoint, written = threading.Event(), []
    note.outbox._thread.write(lambda _: http_endpoint.wait(10), None, failed)
    for number in range(3):
        note.outbox._thread.note(lambda _, number=number: written.append(number), None, failed)
    draft = typing(note, "gas")
    note.steady_s += PAUSE_S
    draft.look()
    note.outbox._thread.write(
        lambda file: written.append((file.draft(f"rina\n{KEY}") or {})["text"]), None, failed, hurry=True
    )
    http_endpoint.set()
    on_disk(note)
    assert written == ["gas", 0, 1, 2]


def test_a_cleared_draft_does_not_come_back(note: Rig) -> None:
    draft = typing(note, "gas")
    passes(note, draft, PAUSE_S)
    note.form().reject()
    note.actions.run("note")
    draft = typing(note, " smell")
    QTest.keyClick(note.form().focusWidget(), Qt.Key.Key_Delete, Qt.KeyboardModifier.AltModifier)
    assert passes(note, draft, AT_MOST_S) == {}


def test_text_whose_edit_the_disk_refuses_is_a_draft_again(note: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    note.outbox.refused.connect(lambda edit_id, error: note.forms.give_back(edit_id, str(error)))
    draft = typing(note, "gas")
    passes(note, draft, PAUSE_S)
    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "append", _full)
        note.commit(" smell")
        wait_for(lambda: note.outbox.draft(KEY), what="it is a draft again")
    assert on_disk(note) == {KEY: "gas"}
    assert passes(note, draft, PAUSE_S) == {KEY: "gas smell"}
    note.window.activateWindow()  # the offscreen platform still thinks that the form has the keyboard
    wait_for(note.window.isActiveWindow)
    draft.parent().activateWindow()
    note.commit()
    note.saved(1)
    assert on_disk(note) == {}


def test_what_is_typed_anew_while_the_edit_waits_for_the_disk_stays(note: Rig) -> None:
    http_endpoint = threading.Event()
    draft = typing(note, "gas")
    passes(note, draft, PAUSE_S)
    note.outbox._thread.write(lambda _: http_endpoint.wait(10), None, failed)
    note.commit()
    assert note.actions.run("note")
    draft = typing(note, "and smoke")
    note.steady_s += PAUSE_S
    draft.look()
    http_endpoint.set()
    note.saved(1)
    assert on_disk(note) == {KEY: "and smoke"}
    assert note.form().values() == {"text": "and smoke"}


def test_a_draft_that_the_disk_refuses_is_tried_again_and_said_once(note: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Exception] = []
    note.outbox.trouble.connect(said.append)
    with monkeypatch.context() as disk:
        disk.setattr(WorkFile, "save_draft", _full)
        passes(note, typing(note, "gas"), PAUSE_S)
        wait_for(lambda: said, what="it is said")
        note.outbox._try_again()
        on_disk(note)
    wait_for(lambda: note.outbox._drafts.unwritten)
    note.outbox._try_again()
    assert on_disk(note) == {KEY: "gas"}
    wait_for(lambda: not note.outbox._drafts.unwritten, what="that it is written is known")
    assert len(said) == 1


def test_forms_and_reports_keep_their_words_apart(note: Rig) -> None:
    for action, report in (("note", "A"), ("note", "B"), ("hold", "B")):
        note.choose(report)
        note.actions.run(action)
        form = note.form()
        form.set_values({"text": f"{action} {report}", "reason": f"{action} {report}"})
        form.reject()
    assert {key: draft.get("text", draft.get("reason")) for key, draft in note.outbox.drafts.items()} == {
        "note:city:A": "note A",
        "note:city:B": "note B",
        "hold:city:B": "hold B",
    }


def test_why_a_unit_cannot_work_is_kept_for_that_unit(rig: Rig) -> None:
    rig.unit_commands.unit_state("07", "unavailable")
    draft = typing(rig, "flat tyre")
    rig.steady_s += PAUSE_S
    draft.look()
    rig.forms.close_open()
    rig.unit_commands.unit_state("11", "unavailable")
    assert rig.form().is_empty()
    rig.forms.close_open()
    rig.unit_commands.unit_state("07", "unavailable")
    assert rig.form().values() == {"text": "flat tyre"}
    rig.commit()
    (edit,) = rig.saved(1)
    assert edit.data == {"unit": "07", "state": "unavailable", "reason": "flat tyre"}
    assert rig.outbox.drafts == {}


def test_what_is_known_of_a_report_that_is_kept_as_new_is_no_draft_until_something_is_typed(rig: Rig) -> None:
    rig.forms.new_report("city", lambda _: None, draft_key="keep:city:A", known={"service": "road", "description": "x"})
    draft = rig.form().findChildren(Draft)[0]
    rig.steady_s += PAUSE_S
    draft.look()
    rig.forms.close_open()
    assert rig.outbox.drafts == {}


def _full(*_: Any) -> None:
    raise DiskFull(Path("work.db"), "The disk is full")


def test_the_words_of_a_note_that_is_undone_are_a_draft_again(note: Rig) -> None:
    """Ctrl+Z on a note lost its words."""
    note.commit("gas smell at the school")
    note.actions.run("undo")
    assert note.said[-1] == "Undone, its words are a draft: Note A"
    wait_for(lambda: not note.outbox.saving and not note.outbox.open_edits, what="it is withdrawn")
    assert on_disk(note) == {KEY: "gas smell at the school"}
    note.actions.run("note")
    assert note.form().values() == {"text": "gas smell at the school"}
    note.commit()
    assert [edit.data for edit in note.saved(1)] == [{"text": "gas smell at the school"}]
    assert on_disk(note) == {}


def news_of(rig: Rig, qtbot: QtBot) -> tuple[EditNotifications, StatusBar]:
    theme = make_theme()
    bar, banner = StatusBar(theme, undo_key="Ctrl Z"), Banner(theme)
    qtbot.addWidget(bar)
    qtbot.addWidget(banner)
    sources = Sources([], UTC, lambda: NOW, ACTIONS)
    status = StatusController(bar, banner, rig.window_state, sources, UTC, lambda: NOW)
    line = CommandLineController(
        CommandLine(theme, open_key="/"), Palette(theme, make_symbols(theme)), rig.window_state, ACTIONS, rig.actions,
        rig.situation, rig.unit_commands, rig.outbox,
        rig.forms.mark, rig.tasks, lambda: rig.cached("A"), rig.window.rect,
        rig.forms.held_keys.hold_for,
    )  # fmt: skip
    return EditNotifications(
        rig.outbox, rig.window_state, rig.undo_stack, rig.forms, line, rig.situation, bar, status
    ), bar


def test_what_is_said_of_a_new_report_names_its_place_and_then_its_number(rig: Rig, qtbot: QtBot) -> None:
    """ "Saved: Flood" was said of it, whatever else was just taken down."""
    news, bar = news_of(rig, qtbot)
    rig.report_commands.create("city", {"service": "flood", "address": "Jl. Mawar 3", "description": "water"})
    assert rig.said[-1] == "Saved: Flood, Jl. Mawar 3"
    (edit,) = rig.saved(1)
    news.on_outcome(Outcome(edit.id, EditState.ACCEPTED, remote_id="931401"))
    shown = [button.accessibleName() for button in bar.findChildren(QAbstractButton)]
    assert "Its number is 931401: Flood, Jl. Mawar 3" in shown


@pytest.mark.parametrize("left", [False, True])
def test_the_words_of_a_note_that_is_asked_back_are_a_draft_once_it_is_known_not_to_have_left(
    note: Rig, qtbot: QtBot, left: bool
) -> None:
    news, _ = news_of(note, qtbot)
    note.commit("gas smell at the school")
    (edit,) = note.saved(1)
    note.actions.run("undo")
    assert note.said[-1] == "Asked back: Note A. It stays if it has left already"
    assert on_disk(note) == {}
    outcome = Outcome(edit.id, EditState.ACCEPTED if left else EditState.WITHDRAWN)
    news.on_outcome(outcome)
    note.outbox.on_outcome(outcome)
    assert on_disk(note) == ({} if left else {KEY: "gas smell at the school"})


def test_undoing_what_has_no_words_makes_no_draft(note: Rig) -> None:
    note.form().reject()
    note.actions.run("take")
    note.actions.run("undo")
    assert note.said[-1] == "Undone: Take A"
    assert on_disk(note) == {}
