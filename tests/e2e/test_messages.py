"""Messages in a real window: to a crew and back by keyboard, told and counted, with and without the server."""

from __future__ import annotations

import hashlib
import json
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTabBar

from tests.helpers.city import Served, console, served, stopped, wait_for, write_users
from tests.helpers.hands import CTRL, choose, find, form, key, said, type_into, wait_ready
from widgets.forms.choose_one import ChooseOne

pytestmark = pytest.mark.usefixtures("qapp", "expected_log")
CREW, TOKEN = "TMN-05", "token-of-the-crew-for-tests"


def as_crew(city: Served, kind: str, data: dict[str, Any]) -> str:
    """The crew does something on its phone."""
    edit_id = str(uuid.uuid4())
    request = urllib.request.Request(
        f"{city.address}/dispatch/v1/messages/edits",
        data=json.dumps({"id": edit_id, "kind": kind, "data": data}).encode(),
        headers={
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": edit_id,
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
    return edit_id


def of_crew(city: Served) -> list[dict[str, Any]]:
    """The messages that the server has, as a supervisor reads them."""
    items = city.get("/dispatch/v1/messages")["items"]
    return [item["data"] for item in items if item["kind"] == "message"]


def states(window: Any) -> list[tuple[str, str]]:
    return [(row.text, row.state) for row in window.messages_panel.rows()]


def write(window: Any, text: str) -> None:
    """Type into the line that has the keyboard, and send."""
    QTest.keyClicks(window.window.focusWidget(), text)
    key(window, "Enter")


def label(window: Any) -> str:
    """The words of the tab."""
    bars = window.window.findChildren(QTabBar)
    words: list[str] = [bar.tabText(index) for bar in bars for index in range(bar.count())]
    return next(text for text in words if text.startswith("Messages"))


def test_messages_by_keyboard_alone(tmp_path: Path) -> None:
    users = write_users(tmp_path / "city")
    crew = {"name": CREW, "role": "field", "token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}
    users.write_text(json.dumps([*json.loads(users.read_text()), crew]))
    arguments = ("--demo-city", "--still", "--reports", "300", "--users", str(users))
    with (
        served(tmp_path / "city", *arguments) as city,
        console(tmp_path / "profile", city.address, size=(1600, 900)) as window,
    ):
        wait_ready(window)
        number = find(window, "unassigned")
        panel = window.messages_panel

        # To a crew: the panel, to whom, the number of a report, Enter.
        key(window, "M", CTRL)
        assert window.window.current_panel() == "messages"
        key(window, "M", CTRL)
        opened = form(window)
        assert isinstance(opened, ChooseOne)
        type_into(window, CREW, Qt.Key.Key_Return)
        wait_for(lambda: window.window.focusWidget() is panel.line, what="one writes")
        write(window, f"{number} Bring two pumps")
        wait_for(lambda: states(window) == [("Bring two pumps", "sent")], what="the server has it")
        (sent,) = of_crew(city)
        assert (sent["author"], sent["report"], sent["to"]["unit"] is not None) == ("rina", number, True)
        choose(window, number)
        wait_for(
            lambda: (
                f"Message to {CREW} by rina: Bring two pumps" in [row.text for row in window.ticket.ticket().timeline]
            ),
            what="it is kept with the report",
        )

        # The crew reads it, and answers while the panel is behind another one.
        window.window.show_tab("charts")
        window.window.focus_panel("queue")
        as_crew(city, "read", {"messages": [sent["id"]]})
        as_crew(city, "message", {"to": {"role": "operator"}, "text": "On the way"})
        wait_for(lambda: label(window) == "Messages 1", what="it is counted")
        wait_for(lambda: f"{CREW} writes: On the way (Ctrl+M)" in said(window.status), what="and told in one line")
        assert window.banner.notice is None or CREW not in window.banner.notice.bold, "never where a P1 is told"
        key(window, "M", CTRL)
        wait_for(lambda: label(window) == "Messages", what="it was read")
        assert [text for text, _ in states(window)] == ["Bring two pumps", "On the way"]
        assert states(window)[0][1].startswith("read ")
        wait_for(
            lambda: any(
                item["kind"] == "read_mark" and item["data"]["who"] == "rina"
                for item in city.get("/dispatch/v1/messages")["items"]
            ),
            what="the crew can see that it was read",
        )

        # Without the server it waits, says so, and goes when the link is back.
        with stopped(city):
            wait_for(lambda: window.sources.is_away("city"), 40, "the server is away")
            write(window, "Stay where you are")
            wait_for(lambda: states(window)[-1] == ("Stay where you are", "NOT SENT"), what="it is not sent")
            assert panel.thread_rows()[0].words.startswith("not delivered since ")
        wait_for(lambda: states(window)[-1] == ("Stay where you are", "sent"), 40, "it has left")
        assert [one["text"] for one in of_crew(city)][-1] == "Stay where you are"
