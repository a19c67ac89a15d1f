"""One's own line of the log: what it becomes, where it goes, and that no word of it is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.panels.forms.kept_words import keep_words_of
from console.panels.log_writer import LogWriter, split_number
from console.panels.report.details import ReportDetails
from console.panels.sources import Sources
from console.rules.messages import Source
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import Rig, read_drafts
from tests.widgets.sample import make_theme
from widgets.log import LogPanel


class Desk(Rig):
    """A window with a line of the log, and a cache that holds report 931180."""

    def __init__(self, profile: Path) -> None:
        super().__init__(profile)
        reader = self.cached("931180")
        self.sources = Sources([self.city()], UTC, lambda: self.now, ACTIONS)
        self.panel = LogPanel(make_theme())
        self.panel.setParent(self.window)
        self.keyboard, self.outside, self.is_here = "queue", False, True
        self.writer = LogWriter(
            self.panel, self.tasks, lambda: reader, self.outbox, self.edit_commands, self.sources, self.forms.mark,
            self.read_report, lambda _: self.outside, lambda: self.keyboard, self.give_keyboard,
            lambda: self.give_keyboard("shown"), steady_s=lambda: self.steady_s,
        )  # fmt: skip
        self.writer.message.connect(self.said.append)

    def city(self, kind: str = "dispatch") -> Source:
        return Source("city", "City", "https://city.example", kind)

    def read_report(self, source: str, number: str, then: Callable[[ReportDetails | None], None]) -> None:
        assert source == "city"
        then(self.details(1001, number) if self.is_here else None)

    def give_keyboard(self, panel: str) -> None:
        self.keyboard = panel

    def write(self, text: str) -> None:
        """Type a line and press Enter."""
        self.writer.begin()
        field = self.panel._foot.field
        wait_for(field.hasFocus, what="the line has the keyboard")
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)

    def hint(self) -> str:
        wait_for(lambda: not self.tasks.busy, what="the number was looked for")
        return self.panel._foot.hint.text()


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    qtbot.addWidget(desk.window)
    desk.panel.resize(800, 200)
    desk.window.resize(820, 220)
    desk.window.show()
    desk.window.activateWindow()
    wait_for(lambda: desk.outbox.followed.is_open, what="what was kept is known")
    wait_for(lambda: QApplication.activeWindow() is desk.window, what="the window is active")
    yield desk
    desk.close()


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        ("931180 pump is here", "931180", "pump is here"),
        ("  #931180: pump  is here ", "931180", "pump  is here"),
        ("JK-7/212 done", "JK-7/212", "done"),
        ("#7 done", "7", "done"),
        ("2 crews are there", "", "2 crews are there"),
        ("14:20 power is back", "", "14:20 power is back"),
        ("# done", "", "# done"),
        ("931180", "", "931180"),
        ("PLN was called at 14", "", "PLN was called at 14"),
        ("", "", ""),
    ],
)
def test_what_a_line_begins_with(text: str, number: str, words: str) -> None:
    assert split_number(text) == (number, words)


def test_a_line_is_saved_and_the_keyboard_goes_back(desk: Desk) -> None:
    desk.write(" PLN was called, they come at 14 ")
    (edit,) = desk.saved(1)
    assert (edit.kind, edit.report, edit.source, edit.data) == (
        Kind.LOG, None, "city", {"text": "PLN was called, they come at 14"},
    )  # fmt: skip
    assert (desk.panel.line(), desk.keyboard, desk.said) == ("", "queue", ["Written into the log"])
    assert desk.undo_stack.undo_text == "", "a line is corrected by another one"
    assert read_drafts(desk.profile) == {}


def test_with_a_number_at_its_start_it_is_a_note_of_that_report(desk: Desk) -> None:
    desk.panel.set_line("931180 p")
    assert desk.hint() == "note of 931180 Water at 931180"
    desk.panel.set_line("931181 p")
    assert desk.hint() == "no report 931181: a line of the log"
    desk.panel.set_line("")
    assert desk.hint() == ""
    desk.write("#931180: pump is here")
    (note,) = desk.saved(1)
    assert (note.kind, note.report, note.data) == (Kind.NOTE, "931180", {"text": "pump is here"})
    assert desk.said == ["Note of 931180 Water at 931180"]
    desk.write("931181 pump is here")
    line = desk.saved(2)[1]
    assert (line.kind, line.data) == (Kind.LOG, {"text": "931181 pump is here"}), "nothing that was typed is lost"


def test_what_cannot_be_written_stays_in_the_line_with_the_reason(desk: Desk) -> None:
    desk.outside = True
    desk.write("931180 pump is here")
    wait_for(lambda: desk.said, what="why")
    desk.is_here = desk.outside = False
    QTest.keyClick(desk.panel._foot.field, Qt.Key.Key_Return)
    wait_for(lambda: len(desk.said) == 2, what="why")
    desk.sources.set_sources([desk.city("open311")])
    desk.panel.set_line("PLN was called")
    QTest.keyClick(desk.panel._foot.field, Qt.Key.Key_Return)
    assert [one.partition(": ")[2] for one in desk.said] == [
        "the report is outside your areas and agencies",
        "the reports cannot be read now. Press Enter again",
        "no server here takes lines of the log",
    ]
    assert (desk.panel.line(), desk.outbox.open_edits) == ("PLN was called", ())


def test_what_the_disk_refuses_stands_there_again(desk: Desk) -> None:
    desk.reading_only = "Reading only"
    desk.write("PLN was called")
    wait_for(lambda: desk.panel.line() == "PLN was called", what="the words are back")
    desk.reading_only = ""
    QTest.keyClick(desk.panel._foot.field, Qt.Key.Key_Return)
    assert [edit.data["text"] for edit in desk.saved(1)] == ["PLN was called"]


def test_half_a_line_is_a_draft_until_it_is_written(desk: Desk) -> None:
    desk.writer.begin()
    wait_for(desk.panel._foot.field.hasFocus, what="the line has the keyboard")
    QTest.keyClicks(desk.panel._foot.field, "PLN was")
    QTest.keyClick(desk.panel._foot.field, Qt.Key.Key_Escape)
    assert (desk.keyboard, desk.panel.line()) == ("queue", "PLN was")
    desk.writer.clear()
    assert desk.panel.line() == ""
    ((key, draft),) = desk.outbox.drafts.items()
    assert draft["text"] == "PLN was"
    desk.writer.take_up(key)
    assert desk.panel.line() == "PLN was"
    QTest.keyClicks(desk.panel._foot.field, " called")
    QTest.keyClick(desk.panel._foot.field, Qt.Key.Key_Return)
    (edit,) = desk.saved(1)
    assert (edit.data, desk.outbox.drafts) == ({"text": "PLN was called"}, {})


def test_a_line_that_is_withdrawn_before_it_left_is_a_draft_again(desk: Desk) -> None:
    desk.write("PLN was called")
    (edit,) = desk.saved(1)
    assert keep_words_of(desk.outbox, edit)
    ((key, draft),) = desk.outbox.drafts.items()
    assert (draft["text"], draft["drafted_on"]) == ("PLN was called", "")
    desk.panel.set_line("they come at two")
    desk.writer.take_up(key)
    assert desk.panel.line() == "PLN was called"
    desk.writer.clear()
    kept = sorted(draft["text"] for draft in desk.outbox.drafts.values())
    assert kept == ["PLN was called", "they come at two"], "what stood there is kept too"
