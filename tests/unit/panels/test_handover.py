"""The page on which a shift is handed over: its keys, what both write on it, and what becomes of that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from api_client.model import Claim, HandoverMark, Report, Service, Status, Unit, UnitState, User
from console.board.round import Round, play
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.handover.page import HandoverPage
from console.panels.sources import Sources
from console.rules.filter import Filter
from console.rules.handover import LONGEST_REMARK
from console.rules.messages import Source
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig, read_drafts
from tests.widgets.sample import make_symbols, make_theme
from widgets.forms.choose_one import ChooseOne
from widgets.handover import CONFIRM, SIGN, HandoverPanel

CONFIRMED, QUESTION = HandoverMark.CONFIRMED, HandoverMark.QUESTION
MINUTE = timedelta(minutes=1)


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
        self.sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: NOW, ACTIONS)
        theme = make_theme()
        self.panel = HandoverPanel(theme, make_symbols(theme), "Ctrl H", LONGEST_REMARK)
        self.panel.setParent(self.window)
        self.panel.resize(900, 600)
        self.page = self.make_page()
        self.opened: list[object] = []
        self.page.report_opened.connect(self.opened.append)
        self.page.unit_opened.connect(self.opened.append)

    def make_page(self) -> HandoverPage:
        page = HandoverPage(
            self.panel, self.window_state, self.sources, self.outbox, self.forms, self.situation, self.actions,
            self.tasks, lambda: self.reader, lambda: list(self.window_state.cities.crews), lambda _: self.now, UTC,
            show_panel=self.show, steady_s=lambda: self.steady_s,
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

    def report_there(self, key: str, priority: int, **changes: Any) -> None:
        values: dict[str, Any] = {"status": Status.NEW, "created": NOW - MINUTE, "updated": NOW} | changes
        report = Report(id=key, version=1, priority=priority, service="flood", description="", **values)
        self.put("report", key, report)

    def look(self) -> None:
        """Show the cache as it is now, and wait until the page does."""
        job = Round(None, (), {}, {}, {}, None, Filter(), UTC, self.seq, "rina")
        played = play(job, self.reader, int(self.now.timestamp()))
        self.window_state.set_cities(played.cities)
        self.window_state.set_view(played.view)
        if self.panel.isVisible():
            self.page.look()
        else:
            self.page.open()
        wait_for(lambda: not self.tasks._running and not self.tasks._next, what="the worker has looked")

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


def test_a_question_is_asked_and_taken_back_by_one_key(desk: HandoverDesk) -> None:
    desk.key(Qt.Key.Key_Q)
    desk.take_over("dewi")
    assert (desk.marks(), desk.rows()["report:1"].mark) == ({"report:1": QUESTION}, "half")
    desk.key(Qt.Key.Key_Q)
    assert desk.marks() == {}


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
    assert said["report:2"] == ("2 Banjir", "5:00, no crew yet", "New, taken by rina")
    assert said["unit:7"] == ("SDA-7 unavailable", "workshop", "no work now")


def test_a_report_that_was_noted_is_handed_over_with_its_remark(desk: HandoverDesk) -> None:
    desk.report_there("9", 4)
    desk.look()
    assert "report:9" not in desk.rows()
    row = desk.reader.row_of("city", "9")
    assert row is not None
    desk.window_state.choose(row)
    desk.situation.set_details(desk.details(row, "9"))
    desk.page.note_report()
    QTest.keyClicks(desk.form().focusWidget(), "key is with the guard")
    QTest.keyClick(desk.form().focusWidget(), Qt.Key.Key_Return)
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
