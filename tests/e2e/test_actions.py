"""Every action of the table does something or says why not, and no key means two things."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication

from api_client.model import Status
from console.panels.action import Action
from console.rules.time_range import TimeRange
from console.window.actions import ACTIONS
from tests.helpers.city import console

pytestmark = pytest.mark.usefixtures("qapp")


def test_ids_and_keys_are_unique_and_known_to_qt() -> None:
    keys = Counter(key for action in ACTIONS for key in action.keys)
    assert [key for key, count in keys.items() if count > 1] == []
    assert len(ACTIONS) == len(ACTIONS)
    assert [key for key in keys if QKeySequence(key).isEmpty()] == []
    assert sum(bool(action.keys) for action in ACTIONS) >= 30


@pytest.mark.parametrize(
    "action", [action for action in ACTIONS if action.id not in ("quit", "full_screen")], ids=lambda a: a.id
)
def test_without_a_report_each_action_works_or_says_why(action: Action[Any], offline_window: Any) -> None:
    said: list[str] = []
    offline_window.actions.message.connect(said.append)
    done = offline_window.actions.run(action.id)
    offline_window.actions.message.disconnect(said.append)
    assert done or (said and said[0])
    for widget in QApplication.topLevelWidgets():
        if widget is not offline_window.window and widget.isVisible():
            widget.close()


def test_the_sheet_of_keys_lists_those_of_panels_and_forms_too(offline_window: Any) -> None:
    assert offline_window.actions.run("help")
    sheet = offline_window.forms._open
    assert {row[:2] for row in sheet.shown()} >= {("Report", "T"), ("Map", "*"), ("Forms", "Alt Del")}
    sheet.close()


def test_the_time_range_of_the_charts_has_a_key_and_an_entry_for_each(offline_window: Any) -> None:
    asked: list[TimeRange] = []
    offline_window.window_state.set_range(TimeRange.DAY)
    offline_window.window_state.range_changed.connect(asked.append)
    for time_range in (*list(TimeRange)[1:], TimeRange.DAY):
        assert offline_window.actions.run("next_range")
        assert offline_window.charts._ranges.current() == time_range.value
        assert offline_window.settings.here.charts_range == time_range
        assert ACTIONS[f"range_{time_range.value}"].text in [
            cell.text for cell in offline_window.status_controller._left()
        ]
    for time_range in (TimeRange.YEAR, TimeRange.DAY):
        assert offline_window.actions.run(f"range_{time_range.value}")
        assert offline_window.charts._ranges.current() == time_range.value
    assert asked == [*list(TimeRange)[1:], TimeRange.DAY, TimeRange.YEAR, TimeRange.DAY]


def test_rules_follow_the_status() -> None:
    from console.panels.action_rules import Situation

    waiting = Situation(report=True, status=Status.VALIDATION, me="rina", advice=True)
    assert ACTIONS["validate"].why_not(waiting) == ""
    assert ACTIONS["dispatch"].why_not(waiting) != ""
    closed = Situation(report=True, status=Status.RESOLVED, me="rina")
    assert ACTIONS["reopen"].why_not(closed) == ""
    assert ACTIONS["take"].why_not(closed) != ""
    assert ACTIONS["take"].why_not(Situation(report=True, me="rina", holder="rina")) != ""


@pytest.fixture(scope="module")
def offline_window(tmp_path_factory: pytest.TempPathFactory, qapp: QApplication) -> Iterator[Any]:
    with console(tmp_path_factory.mktemp("profile"), None) as window:
        yield window
