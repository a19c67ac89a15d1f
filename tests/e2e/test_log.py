"""The log of the control room in a real window beside a real server: what everybody did, what waits, own lines."""

from __future__ import annotations

import os
from typing import Any

import pytest
from PySide6.QtTest import QTest

from tests.helpers.city import console, served, wait_for, write_users
from tests.helpers.hands import CTRL, key, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")


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
        key(window, "6", CTRL)
        wait_for(lambda: rows(window), what="the log of today")
        QTest.qWait(1500)
        if "LOG_SHOT" in os.environ:
            window.window.grab().save(os.environ["LOG_SHOT"])
