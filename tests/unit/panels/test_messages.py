"""The messages of a window over a cache that a test writes: threads, marks, the line and its draft, what is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from api_client.model import Kind, Message, ReadMark, Recipient, Report, Status, Template
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.messages import MessagesController
from console.panels.notifications.attention import Call
from console.panels.sources import Sources
from console.rules.edit import Edit
from console.rules.messages import Outcome, Source, SourceState, Touched
from console.rules.queued import EditState, StopReason
from console.rules.rights import Rights
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.cache.making import put_messages
from tests.unit.panels.conftest import NOW, Rig
from tests.widgets.sample import make_symbols, make_theme
from widgets.forms.choose_one import ChooseOne
from widgets.messages import MessagesPanel

MINUTE = timedelta(minutes=1)
TOUCHED = Touched(kinds=("message",))
CREW = "city/unit:11"


class Desk(Rig):
    """A window with messages; `rina` sits at it."""

    def __init__(self, profile: Path, writer: CacheWriter) -> None:
        super().__init__(profile)
        self.writer, self.seq, self.role = writer, 0, "operator"
        self.reader = CacheReader(profile)
        self.readers.append(self.reader)
        self.sources = Sources(
            [Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: self.now, ACTIONS
        )
        theme = make_theme()
        self.panel = MessagesPanel(theme, make_symbols(theme))
        self.panel.setParent(self.window)
        self.panel.resize(600, 320)
        self.unread, self.locked, self.signed_out = 0, False, False
        self.messages = MessagesController(
            self.panel, self.window_state, self.tasks, lambda: self.reader, self.outbox, self.edit_commands,
            self.forms, self.sources, UTC, lambda _: self.now, lambda: self.steady_s,
            rights_at=lambda _: Rights(self.role), show_panel=self.panel.setFocus, is_locked=lambda: self.locked,
            is_signed_out=lambda _: self.signed_out,
        )  # fmt: skip
        self.messages.message.connect(self.said.append)
        self.messages.counted.connect(lambda count: setattr(self, "unread", count))
        self.opened: list[tuple[str, str]] = []
        self.messages.report_opened.connect(lambda *what: self.opened.append(what))
        self.window.resize(900, 400)
        self.window.show()
        self.window.activateWindow()
        wait_for(self.window.isActiveWindow, what="the window is in front")

    def put(self, *things: Message | ReadMark, user: str = "rina") -> None:
        put_messages(self.writer, *things, user=user)
        self.messages.on_touched(TOUCHED)
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked of the workers is shown, and the disk has what was done."""
        panel = self.panel

        def is_done() -> bool:
            is_laid_out = not (panel._looks.isActive() or panel._to_end.isActive())
            return is_laid_out and not (self.tasks._running or self.tasks._next or self.outbox.saving)

        wait_for(is_done, what="the workers are done, and all is laid out")

    def lines(self) -> list[tuple[str, ...]]:
        return [
            tuple(part for part in (row.who, row.time, row.report, row.text, row.mark, row.state) if part)
            for row in self.panel.rows()
        ]

    def threads(self) -> list[tuple[str, ...]]:
        return [tuple(part for part in (row.title, row.unread, row.words) if part) for row in self.panel.thread_rows()]

    def edits(self, kind: Kind) -> list[Edit]:
        return [one.edit for one in self.outbox.open_edits if one.edit.kind is kind]

    def hear(self, outcome: Outcome) -> None:
        """The sync process says how the try of an edit has ended."""
        heard: list[object] = []
        self.outbox.changed.connect(heard.append)
        self.outbox.on_outcome(outcome)
        wait_for(lambda: heard, what="the outbox tells of it")

    def write(self, text: str, *, enter: bool = True) -> None:
        """Type into the line, and press Enter once the worker knows of a number."""
        self.panel.line.setFocus()
        QTest.keyClicks(self.panel.line, text)
        self.settle()
        if enter:
            QTest.keyClick(self.panel.line, Qt.Key.Key_Return)
            self.settle()


def from_crew(key: str, minute: int, **more: Any) -> Message:
    to = Recipient(role="operator")
    values: dict[str, Any] = {"to": to, "text": f"words of {key}", "unit": "11", "to_you": True}
    return Message(key, "SDA-11", NOW + minute * MINUTE, **(values | more))


def own(key: str, minute: int, **more: Any) -> Message:
    values: dict[str, Any] = {"to": Recipient(unit="11"), "text": "Bring pumps"} | more
    return Message(key, "rina", NOW + minute * MINUTE, **values)


def mark(message: str, who: str, minute: int, *, addressed: bool = True) -> ReadMark:
    return ReadMark(f"{message} {who}", message, who, NOW + minute * MINUTE, addressed)


@pytest.fixture
def desk(tmp_path: Path, qtbot: QtBot) -> Iterator[Desk]:
    writer = CacheWriter(tmp_path)
    writer.apply("city", [PageItem("report", 1, "931180", Report("931180", 1, Status.NEW, "flood", 3, "x", NOW, NOW))],
                 Cursor("e", 1, as_of=NOW))  # fmt: skip
    desk = Desk(tmp_path, writer)
    qtbot.addWidget(desk.window)
    wait_for(lambda: desk.outbox.followed.is_open, what="the outbox is open")
    yield desk
    desk.close()
    writer.close()


def test_threads_tell_their_last_word_and_marks_who_has_read(desk: Desk) -> None:
    desk.put(
        own("message-1", 0),
        mark("message-1", "SDA-11", 1),
        mark("message-1", "chief", 2, addressed=False),
        from_crew("message-2", 2, report="931180"),
        own("message-3", 3),
        own("message-4", 4, to=Recipient(area="k"), text="Heavy rain"),
        mark("message-4", "budi", 5),
        mark("message-4", "sari", 6),
        mark("message-4", "chief", 7),
        Message("message-5", "chief", NOW - MINUTE, Recipient(), "Shift meeting"),
    )
    assert desk.threads() == [
        ("Area Kemang", "You: Heavy rain"),
        ("SDA-11", "You: Bring pumps"),
        ("Everyone", "chief: Shift meeting"),
    ]
    desk.panel.threads.setCurrentIndex(desk.panel.threads.model().index(1, 0))
    desk.settle()
    assert desk.lines() == [
        ("You", "08:00", "Bring pumps", "solid", "read 08:01"),
        ("SDA-11", "08:02", "931180", "words of message-2"),
        ("You", "08:03", "Bring pumps", "half", "sent"),
    ]
    desk.now = NOW + 14 * MINUTE
    desk.messages.tick()
    assert desk.panel.rows()[-1].state == "sent, not read"
    assert desk.panel.rows()[-1].warns
    desk.panel.messages.setFocus()
    desk.panel.messages.setCurrentIndex(desk.panel.messages.model().index(1, 0))
    QTest.keyClick(desk.panel.messages, Qt.Key.Key_Return)
    assert desk.opened == [("city", "931180")]
    desk.panel.threads.setCurrentIndex(desk.panel.threads.model().index(0, 0))
    desk.settle()
    assert desk.lines() == [("You", "08:04", "Heavy rain", "solid", "read by 3, first 08:05")]


def test_what_is_in_sight_is_marked_once_and_what_is_not_is_told_and_counted(desk: Desk) -> None:
    desk.panel.hide()
    desk.put(own("message-1", 0))
    desk.put(from_crew("message-2", 1))
    assert (desk.unread, desk.edits(Kind.READ)) == (1, [])
    assert desk.said[-1:] == ["SDA-11 writes: words of message-2 (Ctrl+M)"]
    assert [(type(one), one.text) for one in desk.messages.calls] == [(Call, "Message from SDA-11")]
    desk.put(from_crew("message-3", 2), from_crew("message-4", 3))
    assert desk.said[-1:] == ["2 messages, the last of SDA-11: words of message-4 (Ctrl+M)"]
    told = len(desk.said)
    desk.panel.show()
    desk.settle()
    assert [one.data["messages"] for one in desk.edits(Kind.READ)] == [["message-2", "message-3", "message-4"]]
    assert (desk.unread, desk.messages.calls, len(desk.said)) == (0, (), told)
    desk.put(from_crew("message-5", 4))
    assert [one.data["messages"] for one in desk.edits(Kind.READ)][1:] == [["message-5"]], "it came while it was seen"
    assert len(desk.said) == told
    desk.put(mark("message-5", "rina", 5), from_crew("message-6", 6, to=Recipient(area="k"), unit=None))
    assert (desk.unread, len(desk.edits(Kind.READ))) == (1, 2), "another thread is open"
    assert desk.threads()[0] == ("Area Kemang", "1 new", "SDA-11: words of message-6")


def test_a_line_is_sent_to_its_thread_and_a_number_keeps_it_with_its_report(desk: Desk) -> None:
    desk.put(from_crew("message-1", 0))
    desk.write("931180 Open the road", enter=False)
    assert desk.panel.hint == "goes to SDA-11, kept with 931180"
    QTest.keyClick(desk.panel.line, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    desk.write("when it is dry")
    (sent,) = desk.edits(Kind.MESSAGE)
    assert sent.data == {"to": {"unit": "11"}, "text": "Open the road\nwhen it is dry", "report": "931180"}
    assert (sent.report, desk.panel.text) == (None, "")
    desk.write("20 bags from the store")
    assert desk.edits(Kind.MESSAGE)[1].data == {"to": {"unit": "11"}, "text": "20 bags from the store"}
    desk.write("931180")
    assert len(desk.edits(Kind.MESSAGE)) == 2
    assert "what is to be kept with it" in desk.said[-1]
    desk.panel.set_text("")
    desk.write("   ")
    assert len(desk.edits(Kind.MESSAGE)) == 2
    QTest.keyClicks(desk.panel.line, "931181 in haste")
    QTest.keyClick(desk.panel.line, Qt.Key.Key_Return)
    desk.settle()
    assert desk.edits(Kind.MESSAGE)[-1].data["text"] == "931181 in haste", "sent once it is known that there is none"


def test_the_code_of_another_unit_is_asked_about_and_esc_leaves_the_line(desk: Desk) -> None:
    """`Ctrl+M`, "SDA-07", Enter: SDA-11 got its neighbour's code, and the order that was typed behind it."""
    desk.put(from_crew("message-1", 0))
    desk.write("sda-07")
    assert desk.edits(Kind.MESSAGE) == []
    assert desk.said[-1] == "Enter again sends “sda-07” to SDA-11; Ctrl M writes to somebody else"
    assert desk.panel.text == "sda-07"
    QTest.keyClick(desk.panel.line, Qt.Key.Key_Return)
    desk.settle()
    assert [one.data["text"] for one in desk.edits(Kind.MESSAGE)] == ["sda-07"]
    desk.write("SDA-11")
    assert len(desk.edits(Kind.MESSAGE)) == 2, "who is written to may be named"
    desk.write("wait", enter=False)
    QTest.keyClick(desk.panel.line, Qt.Key.Key_Escape)
    assert desk.panel.threads.hasFocus()
    assert desk.panel.text == "wait"


def test_quick_texts_are_the_citys_and_come_by_alt_and_a_digit(desk: Desk) -> None:
    desk.put(from_crew("message-1", 0))
    assert desk.panel.quick_buttons[0].verb == "Have you arrived?"
    city = desk.window_state.cities.of("city")
    templates = (Template("t1", "message", "Sudah sampai?"), Template("t2", "reply", "Thank you"))
    desk.window_state.cities.catalogs["city"] = type(city)(units=city.units, areas=city.areas, templates=templates)
    desk.window_state.catalog_changed.emit(None)
    desk.settle()
    assert [one.verb for one in desk.panel.quick_buttons if one.isVisibleTo(desk.panel)] == ["Sudah sampai?"]
    desk.panel.line.setFocus()
    QTest.keyClicks(desk.panel.line, "931180")
    QTest.keyClick(desk.panel.line, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(desk.panel.line, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    assert desk.panel.text == "931180 Sudah sampai?"


def test_what_waits_says_so_until_the_server_has_it_and_an_order_that_died_is_asked_about(desk: Desk) -> None:
    desk.put(from_crew("message-1", 0))
    desk.sources.set_state(SourceState("city", "offline", as_of=NOW, since=NOW))
    desk.outbox.source_lost("city")
    desk.write("Come back")
    (sent,) = desk.edits(Kind.MESSAGE)
    assert desk.lines()[-1] == ("You", "08:00", "Come back", "hollow", "NOT SENT")
    assert desk.threads() == [("SDA-11", "not delivered since 08:00")]
    assert desk.panel.thread_rows()[0].warns
    assert sent.about["priority"] == 4, "never told before what is about a report"
    desk.hear(Outcome(sent.id, EditState.ACCEPTED))
    assert desk.lines()[-1][3:] == ("half", "sent")
    desk.outbox.on_proved([sent.id])
    wait_for(lambda: desk.outbox.open_edit(sent.id) is None, what="it has left the outbox")
    assert desk.lines()[-1][3:] == ("half", "sent"), "the cache has its entry a moment before its words"
    desk.put(own(sent.id, 0, text="Come back"))
    assert [line[2] for line in desk.lines()] == ["words of message-1", "Come back"]
    desk.write("Too late")
    late = desk.edits(Kind.MESSAGE)[-1]
    desk.hear(Outcome(late.id, EditState.EXPIRED))
    assert desk.lines()[-1][3:] == ("hollow", "still wanted?")
    assert [one.edit.id for one in desk.outbox.lost] == [late.id]


def test_what_is_out_of_sight_in_the_open_thread_stays_unread(desk: Desk) -> None:
    desk.panel.hide()
    keys = [f"message-{n:02}" for n in range(20)]
    desk.put(*(from_crew(key, n) for n, key in enumerate(keys)))
    desk.panel.show()
    desk.settle()
    read = [key for one in desk.edits(Kind.READ) for key in one.data["messages"]]
    assert 0 < len(read) < 20
    assert (read, desk.unread) == (keys[-len(read) :], 20 - len(read))
    desk.panel.messages.scrollToTop()
    desk.settle()
    read = [key for one in desk.edits(Kind.READ) for key in one.data["messages"]]
    assert keys[0] in read
    assert desk.unread == 20 - len(read)


def test_of_a_long_thread_what_is_unread_is_shown_and_stays_while_it_is_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.panels.messages._SHOWN", 3)
    desk.panel.hide()
    keys = [f"message-{n}" for n in range(6)]
    desk.put(*(from_crew(key, n) for n, key in enumerate(keys)), mark("message-0", "rina", 9))
    desk.panel.show()
    desk.settle()
    assert [row.id for row in desk.panel.rows()] == keys[1:], "no more than from the oldest that is unread on"
    desk.put(*(mark(key, "rina", 9) for key in keys[1:]))
    assert [row.id for row in desk.panel.rows()] == keys[1:]


def test_a_mark_that_is_refused_asks_nobody(desk: Desk) -> None:
    desk.put(from_crew("message-1", 0))
    (read,) = desk.edits(Kind.READ)
    desk.hear(Outcome(read.id, EditState.ATTENTION, "It is gone.", StopReason.REFUSED))
    assert (desk.outbox.lost, desk.edits(Kind.READ)) == ((), [])


def test_a_draft_stays_in_its_thread_and_with_who_wrote_it(desk: Desk) -> None:
    desk.put(from_crew("message-1", 1), from_crew("message-2", 0, to=Recipient(area="k"), unit=None))
    desk.write("Half a sent", enter=False)
    desk.panel.threads.setCurrentIndex(desk.panel.threads.model().index(1, 0))
    desk.settle()
    assert desk.panel.text == ""
    desk.panel.threads.setCurrentIndex(desk.panel.threads.model().index(0, 0))
    desk.settle()
    assert desk.panel.text == "Half a sent"
    desk.write("ence")
    assert desk.edits(Kind.MESSAGE)[0].data["text"] == "Half a sentence"
    assert desk.outbox.drafts == {}


def test_who_has_signed_out_leaves_none_in_sight(desk: Desk) -> None:
    desk.put(from_crew("message-1", 0))
    desk.write("Half", enter=False)
    desk.signed_out = True
    desk.messages.tick()
    desk.settle()
    assert (desk.lines(), desk.threads(), desk.panel.text) == ([], [], "")
    desk.signed_out = False
    desk.messages.tick()
    desk.settle()
    assert [line[2] for line in desk.lines()] == ["words of message-1"]
    assert desk.panel.text == "Half"


def test_behind_a_lock_nothing_is_read_or_told(desk: Desk) -> None:
    desk.put(own("message-1", 0))
    desk.locked = True
    told = len(desk.said)
    desk.put(from_crew("message-2", 1))
    assert (desk.unread, desk.edits(Kind.READ), len(desk.said)) == (1, [], told)
    assert [one.text for one in desk.messages.calls] == ["Message from SDA-11"], "it is heard"
    desk.panel.hide()
    desk.locked = False
    desk.messages.look()
    desk.settle()
    assert desk.said[told:] == ["SDA-11 writes: words of message-2 (Ctrl+M)"]
    desk.panel.show()
    desk.settle()
    assert [one.data["messages"] for one in desk.edits(Kind.READ)] == [["message-2"]]


def test_what_is_typed_is_kept_while_it_is_typed(desk: Desk) -> None:
    desk.put(from_crew("message-1", 0))
    desk.write("Half a sentence", enter=False)
    desk.steady_s += 10
    desk.messages._pauses.look()
    assert desk.outbox.drafts["message:city:unit:11"]["text"] == "Half a sentence"


def test_the_next_operator_sees_nothing_of_the_one_before(desk: Desk) -> None:
    desk.put(from_crew("message-1", 0))
    desk.write("Of rina", enter=False)
    seen: list[str] = []
    desk.panel.threads.model().rowsInserted.connect(lambda *_: seen.append(desk.window_state.me))
    desk.messages.look()  # what is being read for rina comes when she has left
    desk.messages.leave()
    desk.sit_down("budi")
    desk.settle()
    assert seen == [], "not for a moment"
    assert (desk.lines(), desk.threads(), desk.panel.text, desk.unread) == ([], [], "", 0)
    desk.put(from_crew("message-9", 1), user="budi")
    assert [line[2] for line in desk.lines()] == ["words of message-9"]


def test_to_whom_to_write_is_chosen_and_a_role_that_may_not_is_told(desk: Desk) -> None:
    desk.settle()
    assert desk.panel.thread_ids() == []
    desk.messages.go()
    assert desk.panel.has_keyboard
    desk.messages.go()
    form = desk.form()
    assert isinstance(form, ChooseOne)
    assert [row.text for row in form._rows] == [
        "SDA-07", "SDA-11", "Operators", "Supervisors", "Validators", "Crews", "Everyone", "Area Kemang",
    ]  # fmt: skip
    form.field.setText("area kem")
    QTest.keyClick(form.field, Qt.Key.Key_Return)
    desk.settle()
    desk.write("Heavy rain")
    assert desk.edits(Kind.MESSAGE)[0].data == {"to": {"area": "k"}, "text": "Heavy rain"}
    desk.window_state.choose_unit("07")
    desk.messages.write_to_unit()
    desk.write("Where are you?")
    assert desk.edits(Kind.MESSAGE)[1].data["to"] == {"unit": "07"}
    desk.role = "validator"
    desk.messages.show()
    assert desk.panel.hint == "The role validator writes to operator, supervisor, validator only"
    desk.write("x" * 3)
    assert len(desk.edits(Kind.MESSAGE)) == 2
    desk.reading_only = "Sign in first"
    desk.messages.choose_recipient()
    assert desk.said[-1] == "Sign in first"
