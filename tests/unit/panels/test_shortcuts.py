"""A key that is changed in the table is the key that banners, panels and the status bar show."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from console.panels.action import Actions
from console.panels.sources import Sources
from console.rules.filter import Filter
from console.rules.messages import Source, SourceState
from console.window.actions import ACTIONS, Receivers
from tests.helpers.city import console, wait_for
from tests.unit.panels.conftest import NOW

CHANGED = {
    "palette": "F2",
    "panel_queue": "Alt+Q",
    "panel_report": "Alt+R",
    "panel_units": "Alt+U",
    "panel_outbox": "Alt+O",
    "panel_charts": "Alt+C",
    "filter": "Alt+F",
    "clear_filter": "Alt+Shift+F",
    "help": "F12",
    "undo": "F3",
    "refresh": "F4",
    "sign_in": "F7",
    "new_report": "F8",
    "take": "F9",
    "next_report": "]",
    "previous_report": "[",
    "recommend": "1",
    "merge": "2",
    "note": "3",
}


def changed() -> Actions[Receivers]:
    """The table with these keys; who had one of them before has none."""
    taken = frozenset(CHANGED.values())
    return Actions(
        msgspec.structs.replace(
            row, keys=(CHANGED[row.id],) if row.id in CHANGED else tuple(key for key in row.keys if key not in taken)
        )
        for row in ACTIONS
    )


def test_the_banner_shows_the_keys_of_the_table() -> None:
    sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: NOW, changed())
    for state, keys in (("offline", ["F4", "Alt O"]), ("refused", ["F7", "Alt O"])):
        sources.set_state(SourceState("city", state))
        notice = sources.banner(3)
        assert notice is not None
        assert [cap for _, _, cap in notice.buttons] == keys


@pytest.mark.usefixtures("qapp")
def test_the_window_shows_the_keys_of_the_table(tmp_path: Path) -> None:
    with console(tmp_path, None, actions=changed()) as window:
        assert window.queue._strip._keys == ("Alt Q",)
        tabs = {"units": "Alt U", "alarms": "Ctrl 8", "log": "Ctrl 6", "outbox": "Alt O", "charts": "Alt C"}
        tabs |= {"messages": "Ctrl M", "shift": "Ctrl 0"}
        assert window.window._tab_keys == tabs
        assert window.ticket._title._key == "Alt R"
        assert window.ticket._keys == {"card": "Q", "photos": "⇧ F", "advice": "1", "duplicates": "2", "timeline": "3"}
        assert window.command._open_key == "F2"
        assert window.status._undo.key_text == "F3"
        assert window.status._right[-1].cell.key_text == "F12"
        assert window.ticket._empty._keys[:2] == (("F2", "a number"), ("] [", "move"))
        window.window_state.set_filter(Filter(tab="mine"))
        empty = window.queue._empty
        wait_for(lambda: empty._keys == (("F9", "take the chosen report"), ("F8", "new report by telephone")))
        window.window_state.set_filter(Filter(priorities=(1,)))
        wait_for(lambda: empty._keys == (("Alt+Shift+F", "clear all filters"),))


def test_an_action_without_a_key_has_no_cap() -> None:
    assert ACTIONS.key("compare") == ACTIONS.cap("compare") == ""
    assert ACTIONS.cap("submit") == "Ctrl ↵"
