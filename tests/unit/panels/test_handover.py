"""The page on which a shift is handed over: its keys, what both write on it, and what becomes of that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from api_client.model import (
    AlarmKind,
    AlarmRecord,
    Area,
    Claim,
    Entry,
    Handover,
    HandoverLine,
    HandoverMark,
    HandoverSection,
    HandoverSignature,
    Kind,
    Limit,
    Message,
    NewPin,
    ReadMark,
    Recipient,
    Report,
    Service,
    Status,
    Unit,
    UnitState,
    User,
)
from console.board.round import Round, play
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.export.handover_pages import PrintedLine, write_handover
from console.panels.handover import page
from console.panels.handover.page import HandoverPage
from console.panels.handover.questions import HandoverQuestions
from console.panels.handover.signing import HandoverSigning
from console.panels.sources import Sources
from console.rules.correspondence import why_not_to
from console.rules.filter import Filter
from console.rules.handover import LONGEST_REMARK
from console.rules.messages import RequestDone, SetPin, Source, SourceState
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.cache.making import put_messages
from tests.unit.panels.conftest import NOW, Rig, read_drafts
from tests.widgets.sample import make_symbols, make_theme
from widgets.forms.choose_one import ChooseOne
from widgets.forms.pin import PinForm
from widgets.handover import ASK, CONFIRM, OPEN, REMARK, SECTION, SIGN, HandoverPanel

CONFIRMED, QUESTION = HandoverMark.CONFIRMED, HandoverMark.QUESTION
MINUTE = timedelta(minutes=1)
CITIES = (Source("city", "City", "https://city.example", "dispatch"),)
URGENT, UNITS = HandoverSection.URGENT, HandoverSection.UNITS


class HandoverDesk(Rig):
    """The page over a cache that a test writes."""

    def __init__(self, profile: Path) -> None:
        super().__init__(profile)
        self.writer, self.seq = CacheWriter(profile), 0
        self.put("service", "flood", Service("flood", "Banjir"))
        for name, role in (("rina", "operator"), ("dewi", "operator"), ("sari", "supervisor"), ("u7", "field")):
            self.put("user", name, User(name, role))
        self.reader = CacheReader(profile)
        self.readers.append(self.reader)
        self.sources, self.zones = Sources([*CITIES], UTC, lambda: NOW, ACTIONS), dict[str, ZoneInfo]()
        theme = make_theme()
        self.panel = HandoverPanel(theme, make_symbols(theme), "Ctrl H", LONGEST_REMARK)
        self.panel.setParent(self.window)
        self.panel.resize(900, 600)
        self.asked: list[Any] = []
        self.away = self.signed_out = False
        self.why_not = ""
        self.signing = HandoverSigning(self.window_state, self.forms, self.asked.append, lambda _: self.away)
        self.signing.message.connect(self.said.append)
        self.page = self.make_page()
        self.opened: list[object] = []
        self.page.report_opened.connect(self.opened.append)
        self.page.unit_opened.connect(self.opened.append)

    def make_page(self) -> HandoverPage:
        page = HandoverPage(
            self.panel, self.window_state, self.sources, self.outbox, self.forms, self.situation, self.actions,
            self.tasks, lambda: self.reader, lambda: list(self.window_state.cities.crews), lambda _: self.now,
            lambda source: self.zones.get(source, UTC),
            show_panel=self.show, steady_s=lambda: self.steady_s, signing=self.signing,
            questions=HandoverQuestions(
                self.window_state, self.outbox, self.edit_commands,
                why_not_to=lambda _, to: self.why_not or why_not_to("operator", to),
                quick_texts=lambda _: ["Who is on it?"], is_signed_out=lambda _: self.signed_out, tr=self.window.tr,
            ),
            files=self.tasks, ids=lambda: "handover-1",
        )  # fmt: skip
        page.message.connect(self.said.append)
        return page

    def show(self, shown: bool) -> None:
        self.panel.setVisible(shown)
        if shown:
            self.panel.view.setFocus()

    def put(self, kind: str, key: str, thing: Any) -> None:
        self.seq += 1
        self.writer.apply("city", [PageItem(kind, self.seq, key, thing)], Cursor("e", self.seq, as_of=NOW))

    def messages_there(self, *things: Message | ReadMark, user: str = "rina") -> None:
        """What the server gives this user of messages."""
        put_messages(self.writer, *things, user=user)

    def ask(self, text: str) -> None:
        """Q on the current line, a question, Enter."""
        self.key(Qt.Key.Key_Q)
        QTest.keyClicks(self.panel.question, text)
        QTest.keyClick(self.panel.question, Qt.Key.Key_Return)

    def sent(self) -> list[dict[str, Any]]:
        """What was written to others, oldest first."""
        wait_for(lambda: not self.outbox.saving, what="the disk has it")
        return [one.edit.data for one in self.outbox.open_edits if one.edit.kind is Kind.MESSAGE]

    def report_there(self, key: str, priority: int, **changes: Any) -> None:
        values: dict[str, Any] = {"status": Status.NEW, "created": NOW - MINUTE, "updated": NOW} | changes
        report = Report(id=key, version=1, priority=priority, service="flood", description="", **values)
        self.put("report", key, report)

    def look(self) -> None:
        """Show the cache as it is now, and wait until the page does."""
        self.show_only()
        if self.panel.isVisible():
            self.page.look()
        else:
            self.page.open()
        wait_for(lambda: not self.tasks._running and not self.tasks._next, what="the worker has looked")

    def show_only(self) -> None:
        """Show the cache as it is now."""
        job = Round(None, (), {}, {}, {}, None, Filter(), UTC, self.seq, "rina")
        played = play(job, self.reader, int(self.now.timestamp()))
        self.window_state.set_cities(played.cities)
        self.window_state.set_view(played.view)

    def key(self, key: Qt.Key) -> None:
        self.steady_s += 10
        QTest.keyClick(self.panel.view, key)

    def take_over(self, who: str) -> None:
        """Choose who takes over, in the form that asks."""
        wait_for(lambda: isinstance(self.forms._open, ChooseOne), what="who takes over is asked")
        form = self.forms._open
        assert isinstance(form, ChooseOne)
        form.chosen.emit(who)
        form.close()

    def pin(self, pin: str) -> None:
        """Type a PIN into the form that asks for it."""
        form = self.form()
        assert isinstance(form, PinForm)
        QTest.keyClicks(form.pin, pin)
        QTest.keyClick(form.pin, Qt.Key.Key_Return)

    def confirm_all(self, who: str) -> None:
        """Confirm each P1 and the rest of its section."""
        for line in ("report:1", "report:2"):
            self.panel.go_to(line)
            self.key(Qt.Key.Key_Return)
            if line == "report:1":
                self.take_over(who)
        self.key(Qt.Key.Key_S)

    def note(self, report: str) -> None:
        """Note a report for the next shift."""
        row = self.reader.row_of("city", report)
        assert row is not None
        self.window_state.choose(row)
        self.situation.set_details(self.details(row, report))
        self.page.note_report()
        QTest.keyClicks(self.form().focusWidget(), "key is with the guard")
        QTest.keyClick(self.form().focusWidget(), Qt.Key.Key_Return)

    def sign(self) -> None:
        """Ctrl+Enter in the list."""
        QTest.keyClick(self.panel.view, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    def answer(self, problem: str = "") -> None:
        """The server's answer to the last request."""
        self.signing.on_done(RequestDone("city", self.asked[-1].number, problem))

    def document(self, outgoing: str, incoming: str = "", signed: datetime | None = None) -> Handover:
        """A hand-over of the present shift, of reports 1 and 3, and of a unit."""
        shift = self.page.shift
        lines: tuple[HandoverLine, ...] = (
            HandoverLine("report:1", URGENT, "1 Banjir", "9:00", 1, "1", None, "ask PLN"),
            HandoverLine("report:3", URGENT, "3 Banjir", "7:00", 2, "3"),
            HandoverLine("unit:7", UNITS, "SDA-7", "workshop", 0, None, "7"),
        )
        if signed is not None:
            lines = tuple(
                msgspec.structs.replace(line, mark=CONFIRMED, marked_by=incoming, marked_at=NOW) for line in lines
            )
        times = (NOW, shift.start, shift.end, NOW, NOW)
        return Handover("offered-1", outgoing, *times, lines, incoming, signed)

    def marks(self) -> dict[str, HandoverMark | None]:
        return {line: notes.mark for line, notes in self.page.draft.notes.items()}

    def rows(self) -> dict[str, Any]:
        return {line: self.panel.row(line) for line in self.panel.shown_ids()}


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[HandoverDesk]:
    desk = HandoverDesk(tmp_path)
    qtbot.addWidget(desk.window)
    desk.window.resize(900, 600)
    desk.window.show()
    desk.window.activateWindow()
    qtbot.waitUntil(desk.window.isActiveWindow)
    opened: list[bool] = []
    desk.outbox.opened.connect(lambda: opened.append(True))
    for key, priority in (("1", 1), ("2", 1), ("3", 2), ("4", 2)):
        desk.report_there(key, priority, created=NOW - (10 - int(key)) * MINUTE)
    desk.put("unit", "7", Unit("7", "SDA-7", UnitState.UNAVAILABLE, NOW, reason="workshop"))
    desk.look()
    yield desk
    desk.writer.close()
    desk.close()


def test_enter_asks_who_takes_over_confirms_and_goes_down(desk: HandoverDesk) -> None:
    assert [row.mark_text for row in desk.rows().values()][:3] == ["must be confirmed"] * 2 + ["to confirm"]
    assert desk.panel.current_id() == "report:1"
    desk.key(Qt.Key.Key_Return)
    wait_for(lambda: isinstance(desk.forms._open, ChooseOne), what="who takes over is asked")
    form = desk.forms._open
    assert isinstance(form, ChooseOne)
    assert [choice.id for choice in form._model._shown] == ["dewi", "sari"]
    desk.take_over("dewi")
    assert desk.marks() == {"report:1": CONFIRMED}
    assert desk.panel.current_id() == "report:2"
    desk.key(Qt.Key.Key_Return)
    assert desk.marks() == {"report:1": CONFIRMED, "report:2": CONFIRMED}
    assert desk.rows()["report:2"].mark_text == "dewi 08:00"
    desk.panel.go_to("report:1")
    desk.key(Qt.Key.Key_Return)
    assert desk.marks() == {"report:2": CONFIRMED}, "it is confirmed no more"


def test_a_double_stroke_confirms_no_second_p1(desk: HandoverDesk) -> None:
    desk.key(Qt.Key.Key_Return)
    desk.take_over("dewi")
    QTest.keyClick(desk.panel.view, Qt.Key.Key_Return)
    assert desk.marks() == {"report:1": CONFIRMED}
    assert "Not confirmed" in desk.said[-1]


def test_a_double_click_opens_and_confirms_nothing(desk: HandoverDesk) -> None:
    place = desk.panel.view.visualRect(desk.panel.view.currentIndex()).center()
    QTest.mouseClick(desk.panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(desk.panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert (len(desk.opened), desk.marks()) == (1, {})


def test_a_section_is_confirmed_at_once_but_for_its_p1(desk: HandoverDesk) -> None:
    desk.key(Qt.Key.Key_S)
    desk.take_over("dewi")
    assert desk.marks() == {"report:3": CONFIRMED, "report:4": CONFIRMED}
    assert desk.said[-1] == "2 confirmed; each of 2 P1 by itself"
    assert desk.panel.buttons[SIGN].why_not == "2 P1 to confirm"


def test_headings_are_stepped_over(desk: HandoverDesk) -> None:
    for line in ("report:2", "report:3", "report:4", "unit:7", "unit:7"):
        desk.key(Qt.Key.Key_Down)
        assert desk.panel.current_id() == line
    for line in ("report:4", "report:3", "report:2", "report:1", "report:1"):
        desk.key(Qt.Key.Key_Up)
        assert desk.panel.current_id() == line


def test_a_remark_is_kept_with_each_letter_and_survives_a_restart(desk: HandoverDesk) -> None:
    desk.key(Qt.Key.Key_N)
    assert QApplication.focusWidget() is desk.panel.remark
    QTest.keyClicks(desk.panel.remark, "ask PLN")
    QTest.keyClick(desk.panel.remark, Qt.Key.Key_Escape)
    assert (QApplication.focusWidget(), desk.panel.remark.isVisible()) == (desk.panel.view, False)
    assert desk.rows()["report:1"].remark == "ask PLN"
    wait_for(lambda: bool(read_drafts(desk.profile)), what="the draft is on the disk")
    desk.page._begin_again()
    assert desk.page.draft.of("report:1").remark == "ask PLN"
    desk.sit_down("sari")
    assert desk.page.draft.notes == {}, "what one operator wrote is not another's"


def test_a_question_without_words_is_a_mark_and_taken_away_so(desk: HandoverDesk) -> None:
    desk.ask("")
    desk.take_over("dewi")
    row = desk.rows()["report:1"]
    assert (desk.marks(), row.mark, row.mark_text) == ({"report:1": QUESTION}, "half", "question 08:00")
    desk.ask("")
    assert (desk.marks(), desk.sent()) == ({}, [])
    desk.why_not = "This server takes new reports only"
    desk.key(Qt.Key.Key_Q)
    assert (desk.marks(), desk.panel.question.isVisible()) == ({"report:1": QUESTION}, False)
    assert desk.said[-1] == "Marked only: This server takes new reports only"


def test_a_question_goes_to_the_role_of_who_hands_over_where_the_report_lies(desk: HandoverDesk) -> None:
    desk.put("area", "k", Area("k", "Kemang", 1))
    desk.report_there("1", 1, area="k")
    desk.report_there("3", 2, area="k", claim=Claim("sari", NOW))
    desk.put("handover", "offered-1", desk.document("sari", "rina"))
    desk.look()
    desk.key(Qt.Key.Key_Q)
    assert desk.panel.question_hint == "goes to Supervisors, Kemang; Enter with nothing typed marks it only"
    QTest.keyClick(desk.panel.question, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(desk.panel.question, Qt.Key.Key_Return)
    assert (desk.marks()["report:1"], desk.said[-1]) == (QUESTION, "Asked: Supervisors, Kemang")
    desk.panel.go_to("report:3")
    desk.ask("Still yours?")
    desk.panel.go_to("unit:7")
    desk.ask("Until when?")
    assert desk.sent() == [
        {"to": {"role": "supervisor", "area": "k"}, "text": "Who is on it?", "report": "1"},
        {"to": {"role": "supervisor"}, "text": "Still yours?", "report": "3"},
        {"to": {"role": "supervisor"}, "text": "SDA-7: Until when?"},
    ]
    assert desk.rows()["report:1"].words in ("saved: Who is on it?", "sending: Who is on it?")


def test_at_the_desk_of_who_hands_over_it_says_who_asks(desk: HandoverDesk) -> None:
    desk.ask("Who is on it?")
    desk.take_over("dewi")
    assert desk.sent() == [{"to": {"role": "operator"}, "text": "dewi asks: Who is on it?", "report": "1"}]
    assert desk.marks() == {"report:1": QUESTION}


def test_at_the_desk_of_who_hands_over_no_role_is_asked_that_nobody_has(desk: HandoverDesk) -> None:
    """In a city of supervisors the question went to the operators: it stayed unread, and nobody was told why."""
    desk.put("user", "dewi", User("dewi", "supervisor"))
    desk.look()
    desk.ask("Who is on it?")
    desk.take_over("dewi")
    assert [one["to"] for one in desk.sent()] == [{"role": "supervisor"}]


def test_an_answer_stands_beside_its_line_whether_or_not_it_is_kept_with_the_report(desk: HandoverDesk) -> None:
    desk.put("handover", "offered-1", desk.document("sari", "rina"))
    desk.look()
    desk.ask("Who is on it?")
    desk.panel.go_to("unit:7")
    desk.ask("Until when?")
    to = Recipient(role="supervisor")

    def said(key: str, who: str, minute: int, text: str, report: str | None = None, unit: str | None = None) -> Message:
        return Message(key, who, NOW + minute * MINUTE, to, text, report, unit)

    assert len(desk.sent()) == 2
    first, second = (one.edit.id for one in desk.outbox.open_edits)
    desk.outbox.on_proved([first, second])
    desk.messages_there(
        said(first, "rina", 1, "Who is on it?", "1"),
        said("m-other", "sari", 2, "Of another", "4"),
        said("m-early", "sari", -20, "Told before the page was opened", "3"),
        said("m-old", "sari", -90, "Of the shift before", "3"),
        said("m-crew", "SDA-7", 2, "From the crew", "1", "7"),
        said(second, "rina", 3, "SDA-7: Until when?"),
        ReadMark("r", first, "sari", NOW + MINUTE),
    )
    desk.look()
    desk.look()
    assert desk.rows()["report:1"].words == "You: Who is on it? · 08:01, read by sari"
    assert desk.rows()["report:3"].words == "sari: Told before the page was opened · 07:40"
    assert desk.rows()["unit:7"].words == "Not read yet: SDA-7: Until when? · 08:03"
    desk.messages_there(said("a1", "sari", 4, "Until noon"), said("a2", "sari", 5, "PLN is", "1"))
    desk.look()
    assert desk.rows()["unit:7"].words == "sari: Until noon · 08:04"
    assert desk.rows()["report:1"].words == "sari: PLN is · 08:05"
    desk.signed_out = True
    desk.look()
    assert desk.rows()["report:1"].words == ""


def test_a_question_that_was_begun_is_kept(desk: HandoverDesk) -> None:
    desk.put("handover", "offered-1", desk.document("sari", "rina"))
    desk.look()
    desk.key(Qt.Key.Key_Q)
    QTest.keyClicks(desk.panel.question, "Who is")
    QTest.keyClick(desk.panel.question, Qt.Key.Key_Escape)
    assert (desk.sent(), desk.marks()["report:1"]) == ([], None)
    wait_for(lambda: "Who is" in str(read_drafts(desk.profile)), what="the draft is on the disk")
    desk.page._begin_again()
    desk.ask(" on it?")
    assert desk.sent() == [{"to": {"role": "supervisor"}, "text": "Who is on it?", "report": "1"}]
    desk.key(Qt.Key.Key_Q)
    assert desk.panel.question.text() == ""


def test_p1_that_are_not_listed_are_said(desk: HandoverDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def note() -> str:
        row = desk.panel.row("section:urgent")
        assert row is not None
        return row.note

    assert note() == "2 must be confirmed"
    monkeypatch.setattr("console.board.handover.MOST_HAZARDS", 1)
    monkeypatch.setattr("console.board.handover.MOST_OF_A_SECTION", 1)
    monkeypatch.setattr(page, "MOST_HANDOVER_LINES", 1)
    desk.look()
    assert note() == "1 must be confirmed · 1 P1 are not listed: see the queue"
    assert "the last 1 are not in what is signed" in desk.panel._head.accessibleName()


def test_g_shows_a_report_or_a_unit_beside_the_page(desk: HandoverDesk) -> None:
    desk.key(Qt.Key.Key_G)
    desk.panel.go_to("unit:7")
    desk.key(Qt.Key.Key_G)
    assert desk.opened == [desk.reader.row_of("city", "1"), "7"]
    assert desk.panel.isVisible()


def test_what_comes_or_changes_since_is_counted_and_marked_until_it_is_confirmed(desk: HandoverDesk) -> None:
    assert not any(row.is_new for row in desk.rows().values())
    desk.report_there("5", 2)
    desk.report_there("3", 2, status=Status.COORDINATION)
    desk.now += MINUTE
    desk.look()
    assert {line for line, row in desk.rows().items() if row.is_new} == {"report:3", "report:5"}
    assert "changes since 08:00: 2" in desk.panel._head.accessibleName()
    desk.panel.go_to("report:5")
    desk.key(Qt.Key.Key_Return)
    desk.take_over("dewi")
    assert {line for line, row in desk.rows().items() if row.is_new} == {"report:3"}


def test_lines_say_where_they_stand(desk: HandoverDesk) -> None:
    desk.report_there("2", 1, claim=Claim("rina", NOW), created=NOW - 5 * MINUTE)
    desk.look()
    said = {line: (row.title, row.when, row.stands) for line, row in desk.rows().items()}
    assert said["report:1"] == ("1 Banjir", "9:00, nobody has taken it", "New")
    assert said["report:2"] == ("2 Banjir", "5:00, no crew", "New, taken by rina")
    desk.report_there("2", 1, status=Status.VALIDATION, created=NOW - 5 * MINUTE)
    desk.look()
    assert desk.rows()["report:2"].when == "5:00", "a crew was there"
    assert said["unit:7"] == ("SDA-7 unavailable", "workshop", "no work now")


@pytest.mark.parametrize(("outgoing", "incoming"), [("rina", "dewi"), ("sari", "rina")])
def test_a_note_is_of_the_own_hand_over_whichever_is_shown(desk: HandoverDesk, outgoing: str, incoming: str) -> None:
    """It was written on what was signed, or on what a colleague offered, and stood in no draft ever after."""
    signed = NOW if outgoing == "rina" else None
    desk.put("handover", "offered-1", desk.document(outgoing, incoming, signed))
    desk.report_there("9", 4)
    desk.look()
    desk.note("9")
    desk.now += timedelta(hours=8, minutes=10)
    desk.look()
    assert desk.rows()["report:9"].remark == "key is with the guard"


def test_what_was_noted_and_handed_over_to_nobody_is_in_the_next_draft(desk: HandoverDesk) -> None:
    """In its first hour a shift still hands over the one before."""
    desk.report_there("9", 4)
    desk.look()
    desk.note("9")
    desk.key(Qt.Key.Key_Return)
    desk.take_over("dewi")
    desk.now += timedelta(hours=8, minutes=10)
    desk.look()
    assert desk.rows()["report:9"].remark == "key is with the guard"
    assert set(desk.marks().values()) == {None}
    assert desk.page.draft.incoming == ""


def test_what_was_noted_after_it_was_offered_is_in_the_next_draft(desk: HandoverDesk) -> None:
    """He signed at his own desk what had been offered before: the note went with the draft."""
    desk.report_there("9", 4)
    desk.look()
    desk.key(Qt.Key.Key_N)
    QTest.keyClicks(desk.panel.remark, "ask PLN")
    QTest.keyClick(desk.panel.remark, Qt.Key.Key_Escape)
    desk.note("9")
    wait_for(lambda: "report:9" in desk.rows(), what="noted")
    desk.put("handover", "offered-1", desk.document("rina", "dewi", NOW))
    desk.look()
    assert desk.page.is_signed
    desk.now += timedelta(hours=8, minutes=10)
    desk.look()
    remarks = {line: row.remark for line, row in desk.rows().items() if row.remark}
    assert remarks == {"report:9": "key is with the guard"}, "what was signed is not handed over twice"


def test_a_report_that_was_noted_is_handed_over_with_its_remark(desk: HandoverDesk) -> None:
    desk.report_there("9", 4)
    desk.look()
    assert "report:9" not in desk.rows()
    desk.note("9")
    wait_for(lambda: "report:9" in desk.rows(), what="the report is among the lines")
    assert desk.rows()["report:9"].remark == "key is with the guard"
    assert desk.panel.shown_ids()[-1] == "report:9"


def test_before_the_reports_are_read_it_says_so(qtbot: QtBot, tmp_path: Path) -> None:
    desk = HandoverDesk(tmp_path)
    qtbot.addWidget(desk.window)
    desk.window.show()
    desk.page.open()
    assert desk.panel._empty.words()[0] == "Not loaded yet"
    desk.panel.intent.emit(CONFIRM, "report:1")
    assert desk.marks() == {}
    desk.writer.close()
    desk.close()


def test_it_is_signed_by_the_pin_of_who_takes_over_which_is_kept_nowhere(desk: HandoverDesk) -> None:
    desk.key(Qt.Key.Key_N)
    QTest.keyClicks(desk.panel.remark, "ask PLN")
    QTest.keyClick(desk.panel.remark, Qt.Key.Key_Return)
    desk.sign()
    assert (desk.said[-1], desk.asked) == ("2 P1 to confirm", [])
    desk.confirm_all("dewi")
    assert desk.panel.buttons[SIGN].why_not == ""
    desk.sign()
    desk.pin("271828")
    asked = desk.asked[-1]
    assert (asked.source, asked.handover, asked.signature) == (
        "city",
        "handover-1",
        HandoverSignature("dewi", "271828"),
    )
    offer = asked.offer
    assert (offer.id, offer.incoming, offer.shift_start) == ("handover-1", "dewi", desk.page.shift.start)
    assert [(line.id, line.remark, line.mark) for line in offer.lines] == [
        ("report:1", "ask PLN", CONFIRMED),
        ("report:2", "", CONFIRMED),
        ("report:3", "", CONFIRMED),
        ("report:4", "", CONFIRMED),
        ("unit:7", "", None),
    ]
    desk.sign()
    assert (desk.said[-1], len(desk.asked)) == ("The server is asked", 1)
    desk.answer("That is not the PIN of dewi. 4 tries left.")
    assert desk.form()._sentence.text() == "That is not the PIN of dewi. 4 tries left."
    desk.pin("314159")
    assert desk.asked[-1].offer == offer, "asked again it is the same hand-over"
    desk.answer()
    assert desk.said[-1] == "Signed by dewi: the shift is handed over"
    wait_for(lambda: bool(read_drafts(desk.profile)), what="the draft is on the disk")
    for file in desk.profile.rglob("*"):
        if file.is_file():
            assert b"271828" not in file.read_bytes(), file


def test_it_may_be_offered_only_and_signed_at_the_other_desk(desk: HandoverDesk) -> None:
    desk.confirm_all("dewi")
    desk.sign()
    QTest.keyClick(desk.form().focusWidget(), Qt.Key.Key_N, Qt.KeyboardModifier.AltModifier)
    wait_for(lambda: bool(desk.asked), what="it is offered")
    assert (desk.asked[-1].signature, desk.asked[-1].offer.incoming) == (None, "dewi")
    desk.answer()
    assert "dewi signs at the own desk" in desk.said[-1]


def test_with_p1_that_nobody_has_confirmed_here_it_may_be_offered_and_not_signed(desk: HandoverDesk) -> None:
    desk.key(Qt.Key.Key_S)
    desk.take_over("dewi")
    desk.sign()
    assert desk.form()._sentence.text() == "2 P1 to confirm, here or at the own desk"
    desk.pin("271828")
    assert (desk.said[-1], desk.asked) == ("Not signed: 2 P1 to confirm", [])
    desk.sign()
    QTest.keyClick(desk.form().focusWidget(), Qt.Key.Key_N, Qt.KeyboardModifier.AltModifier)
    wait_for(lambda: bool(desk.asked), what="it is offered")
    offer = desk.asked[-1].offer
    assert (desk.asked[-1].signature, offer.incoming) == (None, "dewi")
    assert [line.mark for line in offer.lines] == [None, None, CONFIRMED, CONFIRMED, None]


def test_without_the_server_it_stays_unsigned_and_says_so(desk: HandoverDesk) -> None:
    desk.confirm_all("dewi")
    desk.sources.set_state(SourceState("city", "offline", since=NOW - 5 * MINUTE))
    desk.look()
    away = desk.rows()["source"]
    assert (away.title, away.stands) == ("City: server not reached", "Offline since 07:55. Tell units by radio")
    desk.page._show()
    assert desk.panel.buttons[SIGN].why_not == "No connection, it stays unsigned"
    desk.sign()
    assert (desk.said[-1], desk.asked) == ("No connection, it stays unsigned", [])


def test_an_answer_that_is_lost_is_said_and_asked_for_again(desk: HandoverDesk) -> None:
    desk.confirm_all("dewi")
    desk.sign()
    desk.pin("271828")
    desk.signing.on_restarted()
    assert "lost" in desk.form()._sentence.text()
    desk.signing.on_done(RequestDone("city", desk.asked[-1].number))
    assert "Signed" not in desk.said[-1], "an answer for which nobody waits any more"


def test_what_was_signed_is_shown_as_it_was_and_stays_so(desk: HandoverDesk) -> None:
    desk.confirm_all("dewi")
    wait_for(lambda: bool(read_drafts(desk.profile)), what="the draft is on the disk")
    desk.put("handover", "offered-1", desk.document("rina", "dewi", NOW + MINUTE))
    desk.look()
    rows = desk.rows()
    assert list(rows) == ["report:1", "report:3", "unit:7"]
    assert (rows["report:1"].remark, rows["report:1"].mark_text) == ("ask PLN", "dewi 08:00")
    assert "signed by dewi 08:01" in desk.panel._head.accessibleName()
    desk.key(Qt.Key.Key_Q)
    assert (desk.said[-1], desk.rows()["report:1"].mark) == ("It is signed, and stays as it is", "solid")
    desk.sign()
    assert (desk.said[-1], desk.asked) == ("It is signed", [])
    over = {desk.panel.buttons[intent].why_not for intent in (CONFIRM, ASK, REMARK, SECTION)}
    assert over == {"It is signed"}
    assert desk.panel.buttons[OPEN].isEnabled(), "what may be looked at may be looked at"
    wait_for(lambda: not read_drafts(desk.profile), what="the draft has become what was signed")


def test_what_a_colleague_offers_is_confirmed_and_signed_at_the_own_desk(desk: HandoverDesk) -> None:
    desk.put("handover", "offered-1", desk.document("sari", "rina"))
    desk.look()
    assert "from sari" in desk.panel._head.accessibleName()
    desk.key(Qt.Key.Key_N)
    QTest.keyClicks(desk.panel.remark, "x")
    QTest.keyClick(desk.panel.remark, Qt.Key.Key_Escape)
    assert (desk.rows()["report:1"].remark, desk.said[-1]) == ("ask PLN", "The remark is of who hands over")
    desk.sign()
    assert desk.said[-1] == "1 P1 to confirm"
    desk.key(Qt.Key.Key_Return)
    assert desk.rows()["report:1"].mark_text == "rina 08:00", "nobody is asked who takes over"
    desk.panel.go_to("unit:7")
    desk.ask("")
    desk.sign()
    desk.pin("271828")
    asked = desk.asked[-1]
    assert (asked.handover, asked.offer) == ("offered-1", None)
    assert asked.signature == HandoverSignature("rina", "271828", {"report:1": CONFIRMED, "unit:7": QUESTION})


def test_of_several_cities_one_is_chosen_and_each_has_its_draft_and_its_hours(desk: HandoverDesk) -> None:
    def titles() -> list[str]:
        return [row.title for row in desk.rows().values()]

    desk.key(Qt.Key.Key_C)
    assert desk.said[-1] == "No other city is connected"
    desk.sources.set_sources([*CITIES, Source("north", "North", "https://north.example", "dispatch")])
    desk.zones["north"] = ZoneInfo("Asia/Tokyo")
    there = Report(id="71", version=1, priority=1, service="road", description="", status=Status.NEW, created=NOW,
                   updated=NOW)  # fmt: skip
    desk.writer.apply("north", [PageItem("report", 1, "71", there)], Cursor("e", 1, as_of=NOW))
    desk.look()
    assert desk.panel._head.accessibleName().startswith("City, Hand-over 07–15 to 15–23, ")
    desk.key(Qt.Key.Key_N)
    QTest.keyClicks(desk.panel.remark, "ask PLN")
    QTest.keyClick(desk.panel.remark, Qt.Key.Key_Return)
    QTest.mouseClick(desk.panel._head, Qt.MouseButton.LeftButton, pos=QPoint(300, 10))
    assert desk.forms._open is None
    QTest.mouseClick(desk.panel._head, Qt.MouseButton.LeftButton, pos=QPoint(20, 10))
    assert isinstance(desk.forms._open, ChooseOne)
    desk.forms._open.close()
    desk.key(Qt.Key.Key_C)
    form = desk.forms._open
    assert isinstance(form, ChooseOne)
    assert [choice.id for choice in form._model._shown] == ["city", "north"]
    form.chosen.emit("north")
    form.close()
    assert desk.panel.shown_ids() == [], "until it was looked for nothing of the other city stands there"
    desk.look()
    assert (desk.panel.shown_ids(), desk.page.draft.notes) == (["report:71"], {})
    assert desk.panel._head.accessibleName().startswith("North, Hand-over 15–23 to 23–07, ")
    desk.page.open("city")
    desk.look()
    assert desk.rows()["report:1"].remark == "ask PLN"


def test_what_was_found_of_one_city_is_not_shown_as_anothers(desk: HandoverDesk) -> None:
    desk.sources.set_sources([*CITIES, Source("north", "North", "https://north.example", "dispatch")])
    desk.page.look()
    desk.page._use("north")
    wait_for(lambda: not desk.tasks._running and not desk.tasks._next, what="the worker has looked")
    desk.page._show()
    assert desk.panel.shown_ids() == []


def test_what_is_a_p1_by_now_has_to_be_confirmed_as_one(desk: HandoverDesk) -> None:
    desk.report_there("3", 1)
    desk.put("handover", "offered-1", desk.document("sari", "rina"))
    desk.look()
    desk.key(Qt.Key.Key_Return)
    desk.sign()
    assert (desk.said[-1], desk.asked) == ("1 P1 to confirm", [])


def test_a_p1_that_comes_while_the_pin_is_typed_is_not_left_out(desk: HandoverDesk) -> None:
    desk.confirm_all("dewi")
    desk.sign()
    desk.report_there("5", 1)
    desk.look()
    desk.pin("271828")
    assert (desk.said[-1], desk.asked) == ("Not signed: 1 P1 to confirm", [])
    desk.panel.go_to("report:5")
    desk.key(Qt.Key.Key_Return)
    desk.sign()
    desk.report_there("6", 2)
    desk.look()
    desk.pin("271828")
    lines = [line.id for line in desk.asked[-1].offer.lines]
    assert lines == ["report:1", "report:2", "report:5", "report:3", "report:4", "report:6", "unit:7"]


def test_what_came_while_the_page_was_out_of_sight_is_not_left_out(desk: HandoverDesk) -> None:
    """The map, or a locked screen, stood in its place while the PIN was asked for."""
    desk.confirm_all("dewi")
    desk.sign()
    desk.panel.hide()
    desk.page.tick()
    desk.report_there("5", 1)
    desk.show_only()
    desk.panel.show()
    desk.pin("271828")
    assert "Not signed" in desk.said[-1]
    assert desk.asked == []
    wait_for(lambda: "report:5" in desk.rows(), what="it is looked at again")
    desk.sign()
    desk.pin("271828")
    assert (desk.said[-1], desk.asked) == ("Not signed: 1 P1 to confirm", [])


def test_who_takes_over_is_chosen_for_the_hand_over_that_was_shown(desk: HandoverDesk) -> None:
    """A colleague's offer came in its place: his P1 was confirmed by a key that was meant for a line of the own."""
    desk.key(Qt.Key.Key_Return)
    wait_for(lambda: isinstance(desk.forms._open, ChooseOne), what="who takes over is asked")
    desk.put("handover", "offered-1", desk.document("sari", "rina"))
    desk.look()
    desk.take_over("dewi")
    assert (desk.said[-1], set(desk.marks().values())) == (
        "Nothing was done: another hand-over is shown now", {None},
    )  # fmt: skip


def test_a_hand_over_that_is_offered_while_the_pin_is_typed_is_not_what_is_signed(desk: HandoverDesk) -> None:
    desk.confirm_all("dewi")
    desk.sign()
    desk.put("handover", "offered-1", desk.document("sari", "rina"))
    desk.look()
    desk.pin("271828")
    assert (desk.said[-1], desk.asked) == ("Not signed: Another hand-over is shown now", [])


def test_what_was_marked_at_the_other_desk_has_to_be_confirmed_at_ones_own(desk: HandoverDesk) -> None:
    offered = desk.document("sari", "rina")
    lines = tuple(
        msgspec.structs.replace(line, mark=CONFIRMED, marked_by="rina", marked_at=NOW) for line in offered.lines
    )
    desk.put("handover", "offered-1", msgspec.structs.replace(offered, lines=lines))
    desk.look()
    assert desk.rows()["report:1"].mark_text == "must be confirmed"
    desk.sign()
    assert (desk.said[-1], desk.asked) == ("1 P1 to confirm", [])


@pytest.mark.parametrize(
    ("outgoing", "incoming", "late_h"), [("sari", "dewi", 0), ("sari", "rina", 9), ("rina", "", 0)]
)
def test_what_is_for_others_or_long_ago_is_not_shown(
    desk: HandoverDesk, outgoing: str, incoming: str, late_h: int
) -> None:
    document = desk.document(outgoing, incoming)
    desk.put("handover", "offered-1", msgspec.structs.replace(document, offered=NOW - timedelta(hours=late_h)))
    desk.look()
    assert "report:4" in desk.rows(), "the operator's own draft"


def test_a_pin_is_set_by_who_types_it_twice(desk: HandoverDesk) -> None:
    desk.page.set_pin()
    form = desk.form()
    assert isinstance(form, PinForm)
    assert form.again is not None
    assert form.first_field() is form.pin, "who has none yet would type the new one into the place of the old one"
    QTest.keyClicks(form.pin, "271828")
    QTest.keyClicks(form.again, "271827")
    QTest.keyClick(form.again, Qt.Key.Key_Return)
    assert (form.why_not(), desk.asked) == ("Type the new PIN once more, alike", [])
    form.again.setText("271828")
    QTest.keyClick(form.again, Qt.Key.Key_Return)
    assert desk.asked == [SetPin("city", desk.asked[-1].number, NewPin("271828"))]
    desk.answer("That is not the PIN of rina. 4 tries left.")
    assert desk.form()._sentence.text() == "That is not the PIN of rina. 4 tries left."
    desk.form().close()


def test_it_is_printed_with_the_words_of_both_and_who_signed(
    desk: HandoverDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.pdf"
    monkeypatch.setattr(desk.forms, "choose_new_file", lambda _title, _path, _kinds, then: then(out))
    printed: list[tuple[Any, ...]] = []

    def write(*what: Any) -> None:
        printed.append(what)
        write_handover(*what)

    monkeypatch.setattr(page, "write_handover", write)

    def print_pages() -> tuple[Any, ...]:
        QTest.keyClick(desk.panel.view, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
        wait_for(lambda: desk.said and desk.said[-1] == f"Written: {out}", what="it is written")
        assert out.read_bytes().startswith(b"%PDF-")
        out.unlink()
        desk.said.append("")
        return printed[-1]

    _, title, heading, note, sections, signatures = print_pages()
    assert (title, note) == ("Hand-over 07–15 to 15–23", "printed 25 Nov 08:00 by rina")
    assert heading == "City · 25 Nov · confirmed 0 of 5"
    assert sections[0].lines[0] == PrintedLine(
        "P1  1 Banjir · 9:00, nobody has taken it", "New", "", "must be confirmed"
    )
    assert signatures == ["Draft of rina: nobody has signed it"]
    desk.put("handover", "offered-1", desk.document("rina", "dewi", NOW + MINUTE))
    desk.look()
    _, _, _, _, sections, signatures = print_pages()
    assert sections[0].lines[0] == PrintedLine("P1  1 Banjir", "9:00", "ask PLN", "dewi 08:00")
    assert signatures == ["Handed over by rina, 25 Nov 08:00", "Taken over by dewi, 25 Nov 08:01"]


def test_that_it_could_not_be_written_is_said(
    desk: HandoverDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.forms, "choose_new_file", lambda _title, _path, _kinds, then: then(tmp_path / "no" / "x"))
    desk.page.print_pages()
    wait_for(lambda: bool(desk.said), what="why it was not written")
    assert "Written" not in desk.said[-1]


def test_those_of_earlier_shifts_are_offered_and_printed(desk: HandoverDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.page.choose_past()
    wait_for(lambda: desk.said == ["No hand-over is kept yet"], what="there is none")
    early = timedelta(days=2)
    signed = desk.document("tono", "dewi", NOW - early)
    times = {name: getattr(signed, name) - early for name in ("shift_start", "shift_end", "offered")}
    desk.put("handover", "old", msgspec.structs.replace(signed, id="old", **times))
    desk.put("handover", "newer", msgspec.structs.replace(desk.document("sari"), id="newer", offered=NOW - early))
    printed: list[Any] = []
    monkeypatch.setattr(desk.forms, "choose_new_file", lambda _title, path, _kinds, then: then(path))
    monkeypatch.setattr(page, "write_handover", lambda *what: printed.append(what))
    desk.page.choose_past()
    wait_for(lambda: isinstance(desk.forms._open, ChooseOne), what="they are offered")
    form = desk.forms._open
    assert isinstance(form, ChooseOne)
    assert [(one.text, one.note) for one in form._model._shown] == [
        ("25 Nov 07–15: sari → –", "not signed"),
        ("23 Nov 07–15: tono → dewi", "signed 08:00"),
    ]
    form.chosen.emit("old")
    form.close()
    wait_for(lambda: bool(printed), what="it is printed")
    path, title, heading, _, sections, signatures = printed[0]
    assert (path.name, title) == ("hand-over-2026-11-23-15.pdf", "Hand-over 07–15 to 15–23, from tono")
    assert heading == "City · 23 Nov · confirmed 3 of 3"
    assert sections[0].lines[0].remark == "ask PLN"
    assert signatures[-1] == "Taken over by dewi, 23 Nov 08:00"


def test_a_line_of_the_log_says_when_and_by_whom(desk: HandoverDesk) -> None:
    desk.put("entry", "e1", Entry("e1", None, "log", NOW - MINUTE, "sari", text="Pump 3 is off"))
    desk.look()
    row = desk.rows()["log:e1"]
    assert (row.title, row.stands) == ("Pump 3 is off", "in the log 07:59, sari")


def test_a_shelved_limit_of_the_city_is_handed_over_by_its_name(desk: HandoverDesk) -> None:
    until = NOW + timedelta(hours=1)
    desk.put("limit", "rain", Limit("rain", "Banjir meluas", "", 9, 60))
    record = AlarmRecord("limit:rain", AlarmKind.LIMIT, NOW, NOW, "rina", shelved_until=until, reason="one event")
    desk.put("alarm", "limit:rain", record)
    desk.look()
    row = desk.rows()["limit:rain"]
    assert (row.title, row.when) == ("Banjir meluas", "Over the limit: shelved to 09:00, one event")
