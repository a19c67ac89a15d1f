"""The log of a window over a cache that a test writes: what is read when, what waits, and what a line says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Entry, Kind
from console.cache.log import LOG_PAGE
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.log import LogController
from console.panels.sources import Sources
from console.rules.messages import Source, Touched
from console.rules.rights import CITIZEN, SYSTEM
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from tests.widgets.sample import make_theme
from widgets.log import LogPanel, LogRow

MINUTE = timedelta(minutes=1)
TOUCHED = Touched(kinds=("entry",))


class Room(Rig):
    """A window with a log."""

    def __init__(self, profile: Path, writer: CacheWriter) -> None:
        super().__init__(profile)
        self.writer, self.seq = writer, 0
        self.reader = CacheReader(profile)
        self.readers.append(self.reader)
        self.sources = Sources(
            [Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: self.now, ACTIONS
        )
        self.panel = LogPanel(make_theme())
        self.panel.setParent(self.window)
        self.panel.resize(838, 212)
        self.log = LogController(
            self.panel, self.window_state, self.tasks, lambda: self.reader, self.outbox, self.sources, UTC,
            lambda: self.now,
        )  # fmt: skip
        self.opened: list[tuple[str, ...]] = []
        self.log.message.connect(self.said.append)
        self.log.report_opened.connect(lambda *what: self.opened.append(what))
        self.log.unit_opened.connect(lambda key: self.opened.append(("unit", key)))
        self.log.closure_opened.connect(lambda key: self.opened.append(("closure", key)))

    def put(self, *entries: Entry, snapshot_key: str | None = None) -> None:
        items = []
        for one in entries:
            self.seq += 1
            items.append(PageItem("entry", self.seq, one.id, one))
        self.writer.apply("city", items, Cursor("e", self.seq, as_of=NOW, snapshot_key=snapshot_key))
        self.log.on_touched(TOUCHED)

    def settle(self) -> list[LogRow]:
        """The lines, once nothing is being read."""
        wait_for(lambda: not self.log._is_running, what="the worker has read")
        return [self.panel.row(one) for one in self.panel.shown_ids()]

    def lines(self) -> list[str]:
        return [" | ".join(part for part in (row.time, row.who, row.about, row.what) if part) for row in self.settle()]


def entry(key: str, minute: float = 0, kind: str = "note", who: str = "sari", **more: Any) -> Entry:
    report = more.pop("report", "931180")
    data = more.pop("data", {"text": key})
    return Entry(key, report, kind, NOW + minute * MINUTE, who, edit=f"edit-{key}", data=data, **more)


@pytest.fixture
def room(qtbot: QtBot, tmp_path: Path) -> Iterator[Room]:
    writer = CacheWriter(tmp_path)
    room = Room(tmp_path, writer)
    qtbot.addWidget(room.window)
    room.window.resize(900, 300)
    room.window.show()
    wait_for(lambda: room.outbox.followed.is_open, what="what was kept is known")
    yield room
    room.close()
    writer.close()


def test_each_line_says_when_who_about_what_and_what_was_done(room: Room) -> None:
    alarm = {"alarms": [{"kind": "silent", "about": "11"}, {"kind": "silent", "about": "07"}], "acknowledged": True}
    room.put(
        entry("yesterday", -9 * 60),
        entry("a", 0, "created", CITIZEN, report="931181"),
        entry("b", 1, "claim", "rina"),
        entry("c", 2, "dispatch", data={"unit": "07"}),
        entry("d", 3, "unit_state", "SDA-11", report=None, data={"unit": "11", "state": "break"}),
        entry("e", 4, "release", SYSTEM),
        entry("f", 5, "alarm", report=None, data=alarm),
        entry("g", 6, "closure", report=None, data={"closure": "c1", "ended": True}),
        entry("h", 7, late=True, occurred_at=NOW - 20 * MINUTE),
        entry("i", 8, "hum", data={"alarms": 7}, report=None),
    )
    assert room.lines() == [
        "08:08:00 | sari | hum",
        "08:07:00 | sari | 931180 | Note: h (entered late, of 07:40)",
        "08:06:00 | sari | Closure | Open a closed street again",
        "08:05:00 | sari | SDA-11 · +1 | 2 alarms acknowledged",
        "08:04:00 | System | 931180 | Released",
        "08:03:00 | SDA-11 | SDA-11 | SDA-11: break",
        "08:02:00 | sari | 931180 · SDA-07 | Dispatched SDA-07",
        "08:01:00 | You | 931180 | Taken",
        "08:00:00 | Citizen | 931181 | Reported",
    ]
    assert [row.level for row in room.settle()] == ["", "", "", "", "system", "", "", "own", "system"]
    for line in room.panel.shown_ids():
        room.log.open(line)
    goes_to = [("city", "931180"), ("closure", "city/c1"), ("unit", "11"), ("city", "931181")]
    assert list(dict.fromkeys(room.opened)) == goes_to
    assert room.said == ["This line is about no report and no unit"]


def test_it_is_read_while_it_can_be_seen_and_what_comes_is_added_alone(room: Room) -> None:
    room.panel.hide()
    room.put(entry("a", 1), entry("b", 2))
    assert room.settle() == []
    room.panel.show()
    assert [row.what for row in room.settle()] == ["Note: b", "Note: a"]
    pages: list[object] = []
    read, room.reader.log_page = room.reader.log_page, lambda *asked: pages.append(asked) or read(*asked)  # type: ignore[method-assign]
    room.put(entry("c", 3))
    room.put(entry("late", 1.5))
    assert [row.what for row in room.settle()] == ["Note: c", "Note: b", "Note: late", "Note: a"]
    assert pages == [], "what was read is not read again"


def test_the_row_of_a_deleted_entry_is_given_out_again_and_its_new_one_is_not_missed(room: Room) -> None:
    room.put(entry("a", 1), entry("b", 2))
    room.settle()
    room.seq += 1
    room.writer.apply("city", [PageItem("gone", room.seq, "entry/b", None)], Cursor("e", room.seq, as_of=NOW))
    room.put(entry("c", 3))
    assert "Note: c" in [row.what for row in room.settle()]


def test_older_lines_come_when_the_end_is_near_and_what_is_looked_at_stays(room: Room) -> None:
    room.put(*[entry(f"n{number:03}", -number) for number in range(2 * LOG_PAGE + 10)])
    first = room.settle()
    assert len(first) == LOG_PAGE
    bar = room.panel.view.verticalScrollBar()
    bar.setValue(bar.maximum())
    wait_for(lambda: len(room.settle()) == 2 * LOG_PAGE, what="the next page")
    bar.setValue(bar.maximum() // 4)
    seen = room.panel.view.indexAt(room.panel.view.viewport().rect().center()).row()
    looked_at = room.panel.shown_ids()[seen]
    room.put(entry("new", 1))
    room.settle()
    now = room.panel.view.indexAt(room.panel.view.viewport().rect().center()).row()
    assert (room.panel.shown_ids()[now], now) == (looked_at, seen + 1)
    bar.setValue(bar.maximum())
    wait_for(lambda: len(room.settle()) == 2 * LOG_PAGE + 11, what="the last page")
    room.put(*[entry(f"m{number:03}", number) for number in range(300)])
    wait_for(lambda: room.settle()[0].what == "Note: m299", what="so many at once are a page")
    assert [row.what for row in room.settle()][:298] == [f"Note: m{number:03}" for number in range(299, 1, -1)]


def test_what_waits_is_among_them_and_says_so_until_the_server_has_it(room: Room) -> None:
    room.put(entry("a", -5), entry("b", -10))
    room.choose("A")
    room.edit_commands.note(room.details(1001, "A"), "Knee-deep")
    (edit,) = room.saved(1)
    wait_for(lambda: len(room.settle()) == 3, what="a line of its own")
    row = room.settle()[0]
    assert (row.who, row.about, row.what, row.mark, row.state) == ("You", "A", "Note: Knee-deep", "half", "sending")
    room.log.open(room.panel.shown_ids()[0])
    assert room.opened == [("city", "A")]
    room.put(Entry("n1", "A", Kind.NOTE.value, NOW, "rina", edit=edit.id, data=dict(edit.data)))
    rows = room.settle()
    assert [(row.what, row.state) for row in rows] == [("Note: Knee-deep", ""), ("Note: a", ""), ("Note: b", "")]


def test_another_day_and_another_cache_are_read_anew_and_what_is_missing_is_said(room: Room) -> None:
    room.settle()
    assert room.panel._empty.words()[0] == "Nothing written yet today"
    room.put(entry("a", 1), snapshot_key="entry|x")
    room.settle()
    assert room.panel._note.text() == "Histories are still being read: lines are missing here"
    room.put(entry("b", 2))
    room.settle()
    assert room.panel._note.text() == ""
    room.now += timedelta(days=1)
    room.log.tick()
    assert room.settle() == []
    room.put(entry("c", 24 * 60 - 1))
    assert [row.what for row in room.settle()] == ["Note: c"]
    room.writer.forget("city")
    room.log.on_touched(Touched(everything=True))
    assert room.settle() == []
    room.sources.set_sources([Source("city", "Old town", "https://old.example", "open311")])
    room.log.begin_again()
    room.settle()
    assert room.panel._note.text().endswith("Old town tells no histories")
