"""An action is one row: everything that names, offers or carries out actions reads it there, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from api_client.model import Status
from console.panels.action import Action, Actions, CommandSyntax, MenuPlace
from console.panels.action_rules import Situation
from console.panels.command_grammar import OWN_VERBS
from console.panels.menus import report_menu, unit_menu
from console.window.actions import ACTIONS, Receivers
from tests.helpers.city import console

ROWS = list(ACTIONS)


def shown_in_palette(window: Any, query: str) -> dict[str, str]:
    """Ids and reasons of the actions that the palette lists for these words."""
    found: dict[str, str] = {}
    show = window.palette.show_rows

    def note(rows: list[Any], *args: Any, **kwargs: Any) -> None:
        found.update({row.id.removeprefix("action:"): row.note for row in rows if row.id.startswith("action:")})
        show(rows, *args, **kwargs)

    window.palette.show_rows = note
    try:
        window.palette.query_changed.emit(query)
    finally:
        window.palette.show_rows = show
    return found


def key_sheet(window: Any) -> set[tuple[str, str, str]]:
    assert window.actions.run("help")
    sheet = window.forms._open
    rows = set(sheet.shown())
    sheet.close()
    return rows


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory, qapp: QApplication) -> Iterator[Any]:
    with console(tmp_path_factory.mktemp("profile"), None) as window:
        yield window


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_says_all_of_an_action(row: Action[Receivers]) -> None:
    assert row.id
    assert row.text
    assert callable(row.do)
    assert callable(row.when)
    assert isinstance(row.when(Situation()), str)
    assert not (row.at_once and row.asks), "its key does it, or asks for more"
    assert bool(row.verbs) or row.syntax == CommandSyntax(), "what may follow a verb that it does not have"
    assert not row.of_unit or row.makes is not None


def test_ids_keys_and_verbs_mean_one_action_each() -> None:
    for names in (
        [row.id for row in ROWS],
        [key for row in ROWS for key in row.keys],
        [*OWN_VERBS, *(verb for row in ROWS for verb in row.verbs)],
    ):
        assert len(names) == len(set(names))
    first, second = ROWS[0], ROWS[1]
    for twice in (
        Action("other", "Other", first.keys, "Window", second.do),
        Action(first.id, "Other", (), "Window", second.do),
        Action("other", "Other", (), "Window", second.do, verbs=("d",)),
    ):
        with pytest.raises(ValueError, match="both called"):
            Actions([*ROWS, twice])


@pytest.mark.parametrize("row", [row for row in ROWS if row.id != "palette"], ids=lambda row: row.id)
def test_every_action_is_found_in_the_palette(offline: Any, row: Action[Receivers]) -> None:
    first = row.text.split()[0]
    begins_order = ACTIONS.with_verb(first) is not None  # which wants a unit behind it
    assert row.id in shown_in_palette(offline, first if begins_order else row.text)


def test_every_key_stands_in_the_list_of_keys_with_what_it_does(offline: Any) -> None:
    listed = key_sheet(offline)
    for row in ROWS:
        assert not row.keys or any(group == row.group and text == row.text for group, _, text in listed), row.id


def test_a_row_that_is_added_is_in_palette_menus_list_of_keys_and_command_line(
    qapp: QApplication, tmp_path: Path
) -> None:
    done: list[str] = []

    def sound(on: Receivers) -> None:
        done.append(on.situation.current.me)

    siren = Action[Receivers](
        "siren",
        "Sound the siren",
        ("Ctrl+Alt+Y",),
        "Report",
        sound,
        lambda now: "" if now.me else "Nobody is here",
        words="horn",
        verbs=("siren",),
        syntax=CommandSyntax(lambda _, typed: bool(done.append(typed.rest)) or True, words="written", target=""),
        menus=(MenuPlace("report", 2, 99), MenuPlace("unit", 9, 1)),
    )
    with console(tmp_path, None, actions=Actions([*ACTIONS, siren])) as window:
        window.window.activateWindow()
        assert shown_in_palette(window, "sound the si") == {"siren": ""}
        assert "siren" in shown_in_palette(window, "horn")
        assert ("Report", "Ctrl Alt Y", "Sound the siren") in key_sheet(window)
        for menu in (report_menu, unit_menu):
            rows = menu(window.action_table, window.situation.current, str)
            assert [(row.text, row.keys) for row in rows if row.id == "siren"] == [("Sound the siren", "Ctrl+Alt+Y")]
        line = window.command._line
        window.command.set_text("siren")
        assert line.accessibleDescription() == "Sound the siren"
        QTest.keyClick(line, Qt.Key.Key_Return)
        window.command.set_text("siren for the dike")
        QTest.keyClick(line, Qt.Key.Key_Return)
        assert window.action_table.is_usable("Ctrl Alt Y", window.situation.current)
        assert window.actions.press("siren")
    assert done == ["local", "for the dike", "local"]


def test_the_line_says_that_it_lacks_the_number_of_what_is_to_be_opened(offline: Any) -> None:
    """ "o" alone ended with an exception."""
    for typed in ("o", "open"):
        offline.command.set_text(typed)
        line = offline.command._line
        assert line.accessibleDescription() == "Which report? Write its number."
        QTest.keyClick(line, Qt.Key.Key_Return)
        assert offline.command.text() == typed
    offline.command.set_text("")


def test_menus_keep_their_order() -> None:
    """By what an operator has learnt: taking first, then orders, the work's course, words, and copies."""
    sections = [[row.id for row in section] for section in ACTIONS.menu("report")]
    assert sections == [
        [
            "take", "release", "dispatch", "recommend", "divert", "assign", "recall", "told", "wanted", "settle",
            "offer", "decline",
        ],
        [
            "validate", "submit", "hold", "priority", "category", "place", "transfer", "merge", "unmerge", "close",
            "reopen", "close_here",
        ],
        ["note", "reply", "photo", "contact", "caller_adds", "handover_note", "publish", "withhold", "steps"],
        ["go_to", "copy", "copy_number", "copy_place", "copy_link"],
    ]  # fmt: skip
    assert [[row.id for row in section] for section in ACTIONS.menu("unit")] == [
        ["en_route", "on_scene", "done", "divert", "unit_stops"],
        ["available", "break", "unavailable"],
        ["copy_unit", "message_unit"],
    ]
    now = Situation(report=True, me="rina", status=Status.NEW)
    assert [row.id for row in report_menu(ACTIONS, now, str)][:2] == ["take", "assign"]
