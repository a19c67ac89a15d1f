"""The log of a window over a cache that a test writes: what is read when, what waits, and what a line says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from api_client.model import ERASED, Entry, Kind, Message, Recipient
from console.cache.log import LOG_PAGE, LOOKED_AT
from console.cache.page_items import Cursor, MessageCursor, PageItem
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
        self.writer, self.seq, self.signed_out = writer, 0, False
        self.fronts: list[bool] = []
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
            lambda: self.now, self.forms, lambda: self.fronts.append(True),
            is_signed_out=lambda _: self.signed_out,
        )  # fmt: skip
        self.words = ""
        self.log.noted.connect(lambda words: setattr(self, "words", words))
        self.copied: list[str] = []
        self.log.copy_wanted.connect(self.copied.append)
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

    def find(self, text: str) -> list[str]:
        """What the lines say that a search leaves."""
        self.panel.set_find(text)
        return [row.what for row in self.settle()]

    def chips(self) -> list[str]:
        return [words for _, words in self.log.conditions()]

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
        entry("a", 0, "created", CITIZEN, report="931181", data={"service": "flood", "address": "Jl. Melati 5"}),
        entry("b", 1, "claim", "rina"),
        entry("c", 2, "dispatch", data={"unit": "07"}),
        entry("d", 3, "unit_state", "SDA-11", report=None, data={"unit": "11", "state": "break"}),
        entry("e", 4, "release", SYSTEM),
        entry("f", 5, "alarm", report=None, data=alarm),
        entry("g", 6, "closure", report=None, data={"closure": "c1", "ended": True}),
        entry("h", 7, late=True, occurred_at=NOW - 20 * MINUTE),
        entry("i", 8, "hum", data={"alarms": 7}, report=None),
        entry("j", 9, "message", data={"to": {"unit": "11"}, "report": "931180"}, report=None),
        entry("k", 10, "read", data={"messages": ["edit-j"]}, report=None),
        entry("l", 11, "alarm", report=None, data={"alarms": [{"kind": "limit", "about": "rain"}], "acknowledged": 1}),
    )
    assert room.lines() == [
        "08:11:00 | sari | rain | Alarm acknowledged",
        "08:09:00 | sari | 931180 · SDA-11 | Message to SDA-11",
        "08:08:00 | sari | hum",
        "08:07:00 | sari | 931180 | Note: h (entered late, of 07:40)",
        "08:06:00 | sari | Closure | Open a closed street again",
        "08:05:00 | sari | SDA-11 · +1 | 2 alarms acknowledged",
        "08:04:00 | System | 931180 | Released",
        "08:03:00 | SDA-11 | SDA-11 | SDA-11: break",
        "08:02:00 | sari | 931180 · SDA-07 | Dispatched SDA-07",
        "08:01:00 | You | 931180 | Taken",
        "08:00:00 | Citizen | 931181 | Reported: Flood, Jl. Melati 5",
    ]
    assert [row.level for row in room.settle()] == ["", "", "", "", "", "", "system", "", "", "own", "system"]
    for line in room.panel.shown_ids():
        room.log.open(line)
    goes_to = [("city", "931180"), ("closure", "city/c1"), ("unit", "11"), ("city", "931181")]
    assert list(dict.fromkeys(room.opened)) == goes_to
    assert room.said == ["This line is about no report and no unit"] * 2


def test_it_is_read_while_it_can_be_seen_and_what_comes_is_added_alone(room: Room) -> None:
    room.settle()  # which the window began when it was shown
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
    room.put(entry("a", 1, data={}, text="–"))
    room.log.on_touched(Touched(kinds=("entry", ERASED)))
    assert [row.what for row in room.settle()][-1] == "Note: –", "but what is erased leaves an open log too"


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


def test_words_of_a_line_find_it_whoever_wrote_them(room: Room) -> None:
    room.put(
        entry("Water rises", 1),
        entry("b", 2, "dispatch", "budi", data={"unit": "07"}),
        entry("c", 3, "dispatch", data={"unit": "11"}),
        entry("yesterday", -9 * 60),
    )
    room.settle()
    assert room.words == "everyone, today from 00:00"
    assert room.find("water") == ["Note: Water rises"]
    assert room.words == "1 line"
    assert room.find("dispatched") == ["Dispatched SDA-11", "Dispatched SDA-07"]
    assert room.words == "2 lines"
    assert room.find("dispatched sda-07") == room.find("BUDI") == ["Dispatched SDA-07"]
    assert room.find("yesterday") == []
    assert room.panel._empty.words()[0] == "No line is so"
    room.put(entry("water again", 4), entry("d", 5))
    assert room.find("water") == ["Note: water again", "Note: Water rises"]
    room.put(entry("more water", 6), entry("e", 7))
    assert room.settle()[0].what == "Note: more water", "what comes in is let through by the filter too"
    assert len(room.find("")) == 8 - 1


def test_words_of_messages_find_their_lines_and_go_with_their_reader(room: Room) -> None:
    room.put(entry("m", 1, "message", report=None, data={"to": {"role": "operator"}}), entry("n", 2))
    assert len(room.settle()) == 2
    assert room.find("pump") == []
    cursor = MessageCursor("rina", "e", 1, 0)
    room.writer.forget_messages("city", cursor)
    message = Message("edit-m", "sari", NOW, Recipient(role="operator"), "The pump is out")
    assert room.writer.put_messages("city", [PageItem("message", 1, "edit-m", message)], cursor, cursor) is not None
    room.log.on_touched(Touched(kinds=("message",)))
    assert [row.what for row in room.settle()] == ["Message to Operators"], "its words came after it"
    room.log.tick()
    assert len(room.settle()) == 1
    room.signed_out = True
    room.log.tick()
    assert room.settle() == []


def test_conditions_stand_as_chips_and_each_can_be_taken_away(room: Room) -> None:
    room.put(
        entry("a", 1, "dispatch", "budi", data={"unit": "07"}),
        entry("b", 2, report="931181"),
        entry("c", 3),
        entry("yesterday", -9 * 60, who="budi"),
        entry("last year", -365 * 24 * 60),
    )
    room.settle()
    assert room.chips() == ["Today"]
    room.panel.view.set_current_id("city/a")
    offered = [(row.id, row.text) for row in room.log.menu()]
    assert offered == [
        ("open", "Go to what it is about"),
        ("report:city/931180", "Only report 931180"),
        ("unit:city/07", "Only unit SDA-07"),
        ("person:budi", "Only what budi did"),
        ("", ""),
        ("copy", "Copy in one line"),
        ("print", "Print what is shown"),
    ]
    room.log.act("city/a", "copy")
    assert room.copied == ["08:01:00; budi; 931180 · SDA-07; Dispatched SDA-07"]
    room.log.act("city/a", "report:city/931180")
    assert ([row.what for row in room.settle()], room.chips()) == (
        ["Note: c", "Dispatched SDA-07"],
        ["Today", "931180"],
    )
    room.log.act("city/a", "unit:city/07")
    room.log.act("city/a", "person:budi")
    assert ([row.what for row in room.settle()], room.chips()) == (
        ["Dispatched SDA-07"],
        ["Today", "931180", "SDA-07", "budi"],
    )
    for key in ("report", "unit"):
        room.panel.chip_removed.emit(key)
    room.panel.chip_removed.emit("time")
    assert ([row.what for row in room.settle()], room.chips()) == (["Dispatched SDA-07", "Note: yesterday"], ["budi"])
    room.panel.chip_removed.emit("person")
    assert len(room.settle()) == 5


def test_a_time_is_chosen_or_typed(room: Room) -> None:
    room.put(entry("a", -30), entry("b", -90), entry("c", -9 * 60), entry("d", -40 * 24 * 60), entry("e", 1))
    room.settle()
    told = {}
    for time in ("hour", "today", "yesterday", "week", "month", "all"):
        room.log.narrow_to(f"time:{time}")
        told[time] = (" ".join(row.what[-1] for row in room.settle()), *room.chips())
    assert told == {
        "hour": ("e a", "from 07:00"),
        "today": ("e a b", "Today"),
        "yesterday": ("c", "24 Nov"),
        "week": ("e a b c", "from 19 Nov 00:00"),
        "month": ("e a b c", "from 27 Oct 00:00"),
        "all": ("e a b c d",),
    }
    room.log.narrow_to("time:today")
    assert room.find("6-7 Note:") == []
    assert room.panel._empty.words()[0] == "Enter shows what was done at 6-7"
    room.panel.find_entered.emit("6-7 Note:")
    assert ([row.what for row in room.settle()], room.chips(), room.panel._find.text()) == (
        ["Note: b"],
        ["06:00 – 07:00"],
        "Note:",
    )
    room.now += timedelta(days=1)
    room.log.tick()
    assert [row.what for row in room.settle()] == ["Note: b"], "a time that was chosen stays"
    assert room.chips() == ["25 Nov 06:00 – 07:00"]


def test_the_form_offers_times_units_and_who_has_written(room: Room) -> None:
    room.put(entry("a", 1, who="budi"), entry("b", 2))
    room.settle()
    room.panel.filter_asked.emit()
    form: Any = room.forms._open
    offered = [choice.text for choice in form._rows]
    assert offered[:2] == ["Last hour", "Today"]
    assert sorted(offered[6:]) == ["931180", "SDA-07", "SDA-11", "budi", "sari"], "of the current line, and all others"
    form.chosen.emit("person:budi")
    assert [row.what for row in room.settle()] == ["Note: a"]
    form.close()


def test_a_search_far_back_says_how_far_it_is_and_goes_on_by_itself(room: Room) -> None:
    room.put(*[entry(f"n{number}", -number) for number in range(LOOKED_AT + 200)])
    room.log.narrow_to("time:all")
    room.settle()
    seen: list[str] = []
    room.log.noted.connect(seen.append)
    room.panel.set_find(f"n{LOOKED_AT + 150}")
    wait_for(lambda: [row.what for row in room.settle()] == [f"Note: n{LOOKED_AT + 150}"], what="the line of long ago")
    assert room.words == "1 line"
    assert any("looked back to" in words for words in seen)


def test_what_waits_is_let_through_by_the_filter_as_all_else(room: Room) -> None:
    room.put(entry("a", -5, who="rina"))
    room.choose("A")
    room.edit_commands.note(room.details(1001, "A"), "Knee-deep")
    room.edit_commands.dispatch(room.details(1001, "A"), "07", "SDA-07", stack=False)
    room.saved(2)
    wait_for(lambda: len(room.settle()) == 3, what="lines of their own")
    assert room.find("knee") == ["Note: Knee-deep"]
    assert room.find("") == ["Dispatched SDA-07", "Note: Knee-deep", "Note: a"]
    for choice, left in (("unit:city/07", 1), ("person:rina", 1), ("report:city/A", 1), ("report:city/B", 0)):
        room.log.narrow_to(choice)
        assert len(room.settle()) == left, choice
    for key in ("report", "unit", "person"):
        room.panel.chip_removed.emit(key)
    room.log.narrow_to("time:yesterday")
    assert room.settle() == []


def test_the_keys_of_the_search(room: Room, qtbot: QtBot) -> None:
    room.put(entry("a", 1), entry("b", 2))
    room.settle()
    assert not room.panel._top.isVisible(), "in a low panel the lines have its room"
    room.log.begin_find()
    wait_for(room.panel._find.hasFocus, what="the field has the keyboard")
    assert room.fronts == [True]
    QTest.keyClicks(room.panel._find, "b")
    assert [row.what for row in room.settle()] == ["Note: b"]
    QTest.keyClick(room.panel._find, Qt.Key.Key_Return)
    wait_for(room.panel.view.hasFocus, what="the lines have it")
    assert room.panel._top.isVisible()
    room.log.begin_find()
    wait_for(room.panel._find.hasFocus, what="the field has the keyboard")
    QTest.keyClick(room.panel._find, Qt.Key.Key_Escape)
    assert len(room.settle()) == 2
    assert not room.panel._top.isVisible()


def test_no_more_is_listed_than_the_window_has_time_for(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.panels.log.MOST_SHOWN", 2 * LOG_PAGE)
    room.put(*[entry(f"n{number:03}", -number / 60) for number in range(3 * LOG_PAGE)])
    room.settle()
    for _ in range(4):
        room.panel.view.scrollToBottom()
        room.panel.more_asked.emit()
        room.settle()
    assert len(room.settle()) == 2 * LOG_PAGE
    assert room.panel._note.text() == "400 lines are listed: narrow the time to see older ones"
    room.put(entry("new", 1))
    rows = room.settle()
    assert (len(rows), rows[0].what, rows[-1].what) == (2 * LOG_PAGE, "Note: new", "Note: n398")
    room.panel.set_find("n599")
    wait_for(lambda: [row.what for row in room.settle()] == ["Note: n599"], what="an older one is found all the same")


def test_what_could_not_be_read_is_tried_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.settle()
    faults: list[Exception] = []
    room.tasks.failed.connect(faults.append)
    with monkeypatch.context() as broken:
        broken.setattr(room.reader, "log_page", lambda *_: 1 / 0)
        room.log.begin_again()
        room.settle()
    assert [type(fault) for fault in faults] == [ZeroDivisionError]
    room.put(entry("a", 1))
    room.log.tick()
    assert [row.what for row in room.settle()] == ["Note: a"]


def test_what_was_done_while_the_log_was_out_of_sight_is_there_when_it_is_seen(room: Room) -> None:
    room.settle()
    room.panel.hide()
    room.choose("A")
    room.edit_commands.note(room.details(1001, "A"), "Knee-deep")
    room.saved(1)
    room.panel.show()
    assert [row.what for row in room.settle()] == ["Note: Knee-deep"]
