"""The log of the control room in a real window beside a real server: what everybody did, what waits, own lines."""

from __future__ import annotations

import os
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.helpers.city import console, served, stopped, wait_for, write_users
from tests.helpers.hands import CTRL, SHIFT, key, type_into, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")


def write(window: Any, text: str) -> None:
    """A line of one's own, by keys alone."""
    key(window, "L", SHIFT)
    field = window.window.focusWidget()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)
    wait_for(lambda: window.log_panel.line() == "", what="it is written")


def sent(window: Any) -> list[Any]:
    """One's own lines that the server has."""
    return [row for row in rows(window) if row.level == "own" and not row.mark]


def rows(window: Any) -> list[Any]:
    return [window.log_panel.row(one) for one in window.log_panel.shown_ids()]


def test_what_everybody_does_stands_in_the_log(tmp_path: Any) -> None:
    users = str(write_users(tmp_path / "city"))
    arguments = ("--demo-city", "--still", "--reports", "120", "--users", users)
    with (
        served(tmp_path / "city", *arguments) as city,
        console(tmp_path / "profile", city.address, size=(1920, 1080)) as window,
    ):
        wait_ready(window)
        wait_for(lambda: window.sign_in.rights_at("city").role, what="who writes is known")
        key(window, "6", CTRL)
        wait_for(lambda: rows(window), what="the log of today")
        about = rows(window)[0].about.partition(" ")[0]

        # A line from wherever the keyboard is, and one that goes to a report; then one without the server.
        key(window, "3", CTRL)
        write(window, "PLN was called, they come at 14")
        assert window.window.current_panel() == "units"
        key(window, "6", CTRL)
        write(window, f"{about} pump is here")
        wait_for(lambda: len(sent(window)) == 2, 40, "both are at the server")
        assert {(row.who, row.about, row.what) for row in rows(window)[:2]} == {
            ("You", about, "Note: pump is here"),
            ("You", "Note", "PLN was called, they come at 14"),
        }
        assert city.entries(about)[-1]["data"] == {"text": "pump is here"}
        with stopped(city):
            write(window, "Radio is down")
            wait_for(lambda: rows(window)[0].mark, what="it waits")
            assert rows(window)[0].what == "Radio is down"
        wait_for(lambda: len(sent(window)) == 3, 40, "it is at the server too")

        # What was done about one report, by a word, of all days; Enter goes there.
        key(window, "F", CTRL | SHIFT)
        wait_for(lambda: window.log_panel._find.hasFocus(), what="the field of the search")
        QTest.keyClicks(window.log_panel._find, "pump")
        wait_for(lambda: [row.what for row in rows(window)] == ["Note: pump is here"], what="the line is found")
        window.log_controller.narrow_to("time:all")
        window.log_controller.narrow_to(f"report:city/{about}")
        window.log_panel.set_find("")
        wait_for(lambda: len(rows(window)) == len(city.entries(about)), what="the whole history")
        key(window, "6", CTRL)
        key(window, "Home")
        key(window, "Enter")
        number = lambda: window.ticket.ticket() is not None and window.ticket.ticket().number  # noqa: E731
        wait_for(lambda: number() == about, what="the report of the line")
        assert window.window.current_panel() == "report"

        # What it shows now goes on paper, by a key that means nothing elsewhere.
        opened: list[Any] = []
        window.log_printer._open_file = lambda path: opened.append(path) or True
        assert not window.actions.run("print_log")
        key(window, "6", CTRL)
        key(window, "P", CTRL)
        type_into(window, "open", Qt.Key.Key_Return)
        wait_for(lambda: opened, 40, "the pages")
        assert opened[0].read_bytes()[:4] == b"%PDF"
        if "LOG_SHOT" in os.environ:
            window.log_controller.narrow_to("time:week")
            QTest.qWait(1500)
            key(window, "L", SHIFT)
            QTest.keyClicks(window.window.focusWidget(), f"{about} Tanda kalau sudah surut")
            QTest.qWait(500)
            window.window.grab().save(os.environ["LOG_SHOT"])
