"""The command line says whom Enter concerns, does it to that one, and loses nothing that was typed."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from console.domain.edit import Kind
from console.presenters.command import CommandPresenter
from tests.helpers.city import wait_for
from tests.unit.presenters.conftest import Rig
from tests.widgets.sample import make_symbols, make_theme
from widgets.command import CommandLine
from widgets.palette import Palette


class Line:
    """A command line with its presenter."""

    def __init__(self, rig: Rig) -> None:
        theme = make_theme()
        reader = rig.cached("C1")
        self.row = reader.row_of("city", "C1") or 0
        self.line = CommandLine(theme, open_key="/")
        self.presenter = CommandPresenter(
            self.line, Palette(theme, make_symbols(theme)), rig.desk, rig.intents, rig.tasks, lambda: reader, rig.window
        )
        self.presenter.saving = lambda: rig.edits.saving
        rig.edits.saved.connect(lambda queued: self.presenter.saved(queued.edit.id))
        rig.edits.refused.connect(lambda edit_id, _: self.presenter.give_back(edit_id))

    @property
    def sentence(self) -> str:
        return self.line._line.accessibleDescription()

    def run(self, text: str) -> None:
        self.line.set_text(text)
        QTest.keyClick(self.line._line, Qt.Key.Key_Return)


@pytest.fixture
def line(rig: Rig, qtbot: QtBot) -> Line:
    line = Line(rig)
    qtbot.addWidget(line.line)
    return line


def test_the_sentence_follows_the_chosen_report(rig: Rig, line: Line) -> None:
    rig.choose("A")
    line.line.set_text("p 1")
    assert line.sentence == "Priority 1 for A Flood, Kemang"
    rig.choose("B")
    assert line.sentence == "Priority 1 for B Flood, Kemang"
    QTest.keyClick(line.line._line, Qt.Key.Key_Return)
    assert [edit.report for edit in rig.saved(1)] == ["B"]
    assert line.line.text() == ""


@pytest.mark.parametrize("typed", ["n gas smell", "m a crew is on its way", "p 1", "as SDA-07", "d SDA-07", "t"])
def test_what_cannot_be_done_now_stays_in_the_line(rig: Rig, line: Line, typed: str) -> None:
    line.run(typed)
    assert rig.said == ["Choose a report first"]
    assert line.line.text() == typed
    rig.choose("A")
    rig.choose("B", read=False)
    line.run(typed)
    assert rig.said[1:] == ["The report has not been read yet"]
    rig.choose("B")
    line.run(typed)
    assert [edit.report for edit in rig.saved(1)] == ["B"]
    assert line.line.text() == ""


def test_a_command_for_a_report_that_another_one_was_chosen_before_is_said_not_to_be_done(rig: Rig, line: Line) -> None:
    line.run("d SDA-07 C1")
    wait_for(lambda: rig.desk.row == line.row, 10, "the report that the command names is chosen")
    rig.choose("A")
    assert rig.said == ["Not done, another report was chosen: d SDA-07 C1"]
    rig.desk.choose(line.row)
    rig.intents.set_dossier(rig.dossier(line.row, "C1"))
    rig.intents.run("take")
    assert [edit.kind for edit in rig.saved(1)] == [Kind.CLAIM]


def test_a_refused_edit_puts_back_the_command_that_made_it_and_no_other(rig: Rig, line: Line) -> None:
    rig.choose("A")
    line.run("show cat=Flood")
    rig.edits.why_reading_only = lambda _: "The disk is full"
    refused: list[str] = []
    rig.edits.refused.connect(lambda edit_id, _: refused.append(edit_id))
    rig.intents.run("take")
    wait_for(lambda: len(refused) == 1, 10, "refused")
    assert line.line.text() == ""
    line.run("n gas smell")
    wait_for(lambda: len(refused) == 2, 10, "refused")
    assert line.line.text() == "n gas smell"


@pytest.mark.parametrize("typed", ["rc SDA-11", "rc SDA-11 C1", "os SDA-11 C1"])
def test_a_command_is_carried_out_by_the_unit_it_names_or_by_none(rig: Rig, line: Line, typed: str) -> None:
    """`rc SDA-11` called back the first unit of the report, whichever that was."""
    rig.desk.choose(line.row)
    rig.intents.set_dossier(rig.dossier(line.row, "C1", ["07"]))
    line.run(typed)
    wait_for(lambda: rig.said, 10, "why not")
    assert rig.said == ["SDA-11 is not on this report"]
    assert line.line.text() == typed
    rig.intents.set_dossier(rig.dossier(line.row, "C1", ["07", "11"]))
    line.run(typed)
    assert [edit.data["unit"] for edit in rig.saved(1)] == ["11"]
