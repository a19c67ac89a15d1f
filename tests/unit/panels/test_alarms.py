"""The alarms of a window: their list and its keys, what is kept over a restart, what the red notice has to do with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from api_client.model import (
    AlarmKind,
    AlarmRecord,
    Assignment,
    AssignmentState,
    Clock,
    ClockState,
    Gone,
    Kind,
    Limit,
    Report,
    Service,
    Status,
    Unit,
    UnitState,
)
from console.board.round import Round, play
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.alarm_commands import FLOOD, AlarmCommands
from console.panels.alarms import Alarms
from console.panels.notifications.hazards import Hazards
from console.panels.sources import Sources
from console.rules.alarms import FLOOD as MOST
from console.rules.alarms import Alarm, AlarmState
from console.rules.edit import KNOWS_NO_ALARMS
from console.rules.filter import Filter
from console.rules.messages import Outcome, Source, SourceState
from console.rules.queued import EditState, StopReason
from console.rules.rights import Rights
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from tests.widgets.sample import make_symbols, make_theme
from widgets.alarms import AlarmRow, AlarmsPanel
from widgets.forms.shelve import ShelveForm

MINUTE = timedelta(minutes=1)
NEW, ACKNOWLEDGED, RETURNED, SHELVED = AlarmState


class Desk(Rig):
    """The alarms of a window over a cache that a test writes."""

    def __init__(self, profile: Path, writer: CacheWriter) -> None:
        super().__init__(profile)
        self.rights = Rights("supervisor")
        self.writer, self.seq, self.role, self.told, self.meant = writer, 100, "supervisor", 0, True
        self.reader = CacheReader(profile)
        self.readers.append(self.reader)
        self.sources = Sources(
            [Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: self.now, ACTIONS
        )
        self.hazards = Hazards(
            self.window_state, self.tasks, lambda: self.reader, self.outbox.followed, rights_at=lambda _: self.rights
        )
        self.alarms = Alarms(
            self.window_state, self.tasks, lambda: self.reader, self.outbox, self.edit_commands,
            self.sources, self.hazards,
            lambda: list(self.window_state.cities.crews), lambda _: self.now, rights_at=lambda _: self.rights,
        )  # fmt: skip
        self.calls: list[Alarm | None] = []
        self.alarms.called.connect(self.calls.append)
        theme = make_theme()
        self.panel = AlarmsPanel(theme, make_symbols(theme))
        self.panel.setParent(self.window)
        self.front: list[bool] = []
        self.commands = AlarmCommands(
            self.panel, self.alarms, self.window_state, self.forms, lambda _: self.now, lambda: self.told,
            lambda: self.meant, UTC,
            rights_at=lambda _: Rights(self.role), show_panel=lambda: self.front.append(True),
            steady_s=lambda: self.steady_s,
        )  # fmt: skip
        self.commands.message.connect(self.said.append)
        self.alarms.message.connect(self.said.append)
        self.words = ""
        self.commands.counted.connect(lambda _, words: setattr(self, "words", words))
        self.opened: list[tuple[str, ...]] = []
        self.commands.report_opened.connect(lambda *what: self.opened.append(what))
        self.commands.unit_opened.connect(lambda key: self.opened.append(("unit", key)))
        self.commands.source_opened.connect(lambda: self.opened.append(("source",)))
        self.commands.list_opened.connect(self.hazards.show_list)
        wait_for(lambda: self.outbox.followed.is_open, what="what was kept is known")

    def put(self, kind: str, key: str, thing: Any) -> None:
        self.seq += 1
        self.writer.apply("city", [PageItem(kind, self.seq, key, thing)], Cursor("e", self.seq, as_of=NOW))

    def p1(self, key: str) -> None:
        self.put("report", key, Report(key, 1, Status.NEW, "flood", 1, "Water", self.now, self.now))

    def late(self, key: str) -> None:
        clocks = (Clock("finish", ClockState.RUNNING, NOW, 60, due=NOW - MINUTE),)
        self.put("report", key, Report(key, 1, Status.NEW, "flood", 2, "Late", NOW, NOW, clocks=clocks))

    def look(self, followed: tuple[str, ...] = ("city",)) -> dict[str, AlarmState]:
        """Show the cache as it is now, of these sources, and look for alarms."""
        self.show_only(followed)
        self.settle()
        return {one.alarm.id: one.state for one in self.alarms.listed}

    def show_only(self, followed: tuple[str, ...] = ("city",)) -> None:
        """Show the cache as it is now, of these sources."""
        job = Round(None, (), {}, {}, {}, None, Filter(), UTC, self.seq, "rina", followed=followed)
        played = play(job, self.reader, int(self.now.timestamp()))
        self.window_state.set_cities(played.cities)
        self.window_state.set_view(played.view)

    def settle(self) -> None:
        """Wait until what was asked of the worker is found and listed."""
        self.alarms.look()
        wait_for(lambda: not self.tasks._running and not self.tasks._next, what="the worker has looked")
        self.steady_s += 10

    def rows(self) -> dict[str, AlarmRow]:
        model = self.panel._model
        return {row.id.removeprefix("city/"): row for row in (model.row(at) for at in range(model.rowCount()))}


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CacheWriter]:
    writer = CacheWriter(tmp_path)
    writer.apply("city", [PageItem("service", 1, "flood", Service("flood", "Banjir"))], Cursor("e", 1, as_of=NOW))
    yield writer
    writer.close()


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, writer: CacheWriter) -> Iterator[Desk]:
    desk = Desk(tmp_path, writer)
    qtbot.addWidget(desk.window)
    desk.window.resize(900, 300)
    desk.panel.resize(900, 300)
    desk.window.show()
    desk.panel.show()
    yield desk
    desk.close()


def test_what_is_listed_is_acknowledged_and_what_has_just_come_is_not(desk: Desk) -> None:
    assert desk.look() == {}
    assert desk.panel._empty.words()[0] == "No alarm"
    desk.p1("1")
    desk.p1("2")
    assert desk.look() == {"crewless:1": NEW, "crewless:2": NEW}
    row = desk.rows()["crewless:1"]
    assert (row.name, row.where, row.response, row.state, row.level) == (
        "P1 not taken", "1 Banjir", "Take it, send a crew", "New", "p1",
    )  # fmt: skip
    assert desk.alarms.calling is not None
    assert [one.row for one in desk.hazards.unseen] != []
    desk.p1("3")
    desk.look()
    desk.steady_s -= 10  # it has come while the key went down
    desk.commands.acknowledge()
    states = {one.alarm.id: one.state for one in desk.alarms.listed}
    assert states == {"crewless:1": ACKNOWLEDGED, "crewless:2": ACKNOWLEDGED, "crewless:3": NEW}
    assert desk.said[-1] == "2 alarms acknowledged"
    assert len(desk.hazards.unseen) == 1, "the red notice tells the third only"
    assert desk.rows()["crewless:1"].state == "Acknowledged by you, not sent yet"
    desk.commands.acknowledge()
    assert desk.said[-1] == "Nothing was done: it has just come, press again"
    desk.steady_s += 10
    desk.commands.acknowledge()
    assert desk.calls[-1] is None, "nothing calls any more"
    assert desk.hazards.unseen == ()


def test_what_comes_again_while_the_key_goes_down_is_not_acknowledged_unseen(desk: Desk) -> None:
    desk.look()
    desk.p1("1")
    desk.late("2")
    desk.look()
    desk.alarms.acknowledge([("city", "crewless:1")])
    desk.alarms.shelve(("city", "sla_breach:2"), desk.now + 5 * MINUTE, "crew is near")
    desk.now += 5 * MINUTE
    desk.put("assignment", "j", Assignment("j", "1", "u1", AssignmentState.REFUSED, desk.now, "budi", NOW))
    assert desk.look() == {"crewless:1": NEW, "sla_breach:2": NEW}
    desk.steady_s -= 10
    desk.commands.acknowledge()
    assert (desk.said[-1], desk.alarms.count(NEW)) == ("Nothing was done: it has just come, press again", 2)
    desk.steady_s += 10
    desk.commands.acknowledge()
    assert desk.alarms.count(NEW) == 0


def test_while_the_list_is_not_seen_only_the_p1_of_the_notice_is_acknowledged(desk: Desk) -> None:
    desk.look()
    desk.p1("1")
    desk.late("2")
    desk.look()
    desk.panel.hide()
    desk.commands.acknowledge()
    assert desk.front == [True], "the list is shown first"
    assert desk.alarms.count(NEW) == 2
    desk.told = desk.hazards.unseen[0].row
    desk.meant = False
    desk.commands.acknowledge()
    assert desk.alarms.count(NEW) == 2, "it came into the notice while the key went down, in the place of another P1"
    desk.meant = True
    desk.commands.acknowledge()
    assert {one.alarm.id: one.state for one in desk.alarms.listed} == {
        "crewless:1": ACKNOWLEDGED,
        "sla_breach:2": NEW,
    }


def test_silence_is_no_acknowledgement_and_looking_at_a_p1_is_silence(desk: Desk) -> None:
    desk.look()
    desk.p1("1")
    desk.late("2")
    desk.look()
    assert desk.alarms.calling is not None
    assert desk.alarms.calling.id == "crewless:1", "the most urgent first"
    desk.window_state.choose(desk.hazards.unseen[0].row)
    assert desk.alarms.calling.id == "sla_breach:2"
    desk.commands.silence()
    assert desk.calls[-1] is None
    assert desk.said[-1] == "Silent here; 2 wait to be acknowledged"
    assert desk.alarms.count(NEW) == 2


def test_an_alarm_is_shelved_for_a_reason_and_comes_back(desk: Desk) -> None:
    desk.look()
    desk.late("2")
    desk.look()
    desk.panel.view.setFocus()
    assert desk.panel.current_id() == "city/sla_breach:2"
    desk.commands.shelve()
    form = desk.form()
    assert isinstance(form, ShelveForm)
    assert form.why_not() == "Why is it put away?"
    assert [key for key, _ in form.until._options] == ["5", "15", "30", "shift"]
    form.set_values({"until": "15", "reason": "crew is near"})
    form.commit()
    row = desk.rows()["sla_breach:2"]
    assert (row.state, row.level) == ("Shelved to 08:15: crew is near, not sent yet", "over")
    assert desk.alarms.calling is None
    desk.commands.shelve()
    assert desk.rows()["sla_breach:2"].state == "New, not sent yet", "the same key takes it down"
    desk.alarms.shelve(("city", "sla_breach:2"), desk.now + 5 * MINUTE, "once more")
    desk.now += 5 * MINUTE
    desk.alarms.tick()
    assert desk.rows()["sla_breach:2"].level == "new"


def test_a_p1_is_shelved_by_a_supervisor_and_not_for_long(desk: Desk) -> None:
    desk.p1("1")
    desk.look()
    desk.panel.view.setFocus()
    desk.role = "operator"
    desk.commands.shelve()
    assert desk.said[-1] == "A P1 is shelved by a supervisor only"
    desk.role = "supervisor"
    desk.commands.shelve()
    form = desk.form()
    assert isinstance(form, ShelveForm)
    assert [key for key, _ in form.until._options] == ["5", "15"]
    form.set_values({"until": "15", "reason": "police are there"})
    form.commit()
    assert desk.alarms.count(SHELVED) == 1
    desk.role = "operator"
    desk.commands.shelve()
    assert desk.alarms.count(SHELVED) == 0, "an operator has it call again"
    desk.steady_s += 10
    desk.role = "viewer"
    for command in (desk.commands.shelve, desk.commands.acknowledge):
        command()
        assert desk.said[-1] == "An operator or a supervisor does that"
    assert desk.alarms.count(NEW) == 1


def test_a_new_start_goes_on_where_the_last_one_ended(
    desk: Desk, qtbot: QtBot, tmp_path: Path, writer: CacheWriter
) -> None:
    desk.look()
    desk.p1("1")
    desk.late("2")
    desk.late("3")
    desk.look()
    desk.alarms.acknowledge([("city", "sla_breach:2")])
    desk.alarms.acknowledge([("city", "crewless:1")])
    desk.close()
    again = Desk(tmp_path, writer)
    qtbot.addWidget(again.window)
    again.seq = desk.seq
    again.p1("4")
    again.put("report", "3", Report("3", 2, Status.RESOLVED, "flood", 2, "Late", NOW, NOW, closed_at=NOW))
    try:
        again.look()
        wait_for(lambda: again.alarms.calling is not None, what="what came meanwhile calls")
        assert {one.alarm.id: one.state for one in again.alarms.listed} == {
            "crewless:1": ACKNOWLEDGED,
            "sla_breach:2": ACKNOWLEDGED,
            "sla_breach:3": RETURNED,
            "crewless:4": NEW,
        }
        assert again.alarms.calling is not None
        assert again.alarms.calling.id == "crewless:4"
    finally:
        again.close()


def test_a_server_that_is_not_reached_is_an_alarm_after_a_minute(desk: Desk) -> None:
    desk.look()
    desk.sources.set_state(SourceState("city", "offline", since=NOW))
    desk.now = NOW + 50 * timedelta(seconds=1)
    assert desk.look() == {}, "it may be back at once"
    desk.now = NOW + 2 * MINUTE
    assert desk.look() == {"source:": NEW}
    desk.commands.open("city/source:")
    assert desk.opened == [("source",)]
    desk.sources.set_state(SourceState("city", "live"))
    assert desk.look() == {"source:": RETURNED}
    assert desk.rows()["source:"].response == "Nothing"
    desk.commands.acknowledge()
    assert desk.look() == {}
    desk.sources.set_alive(False)
    desk.look()
    desk.now += 2 * MINUTE
    assert desk.look() == {"source:sync": NEW}


def test_enter_goes_to_the_report_or_to_the_unit_and_the_report_that_it_is_on(desk: Desk) -> None:
    desk.late("2")
    silent = Unit("u7", "SDA-07", UnitState.AVAILABLE, NOW - 90 * MINUTE, position_at=NOW - 40 * MINUTE)
    desk.put("unit", "u7", silent)
    desk.look()
    desk.panel.opened.emit("city/sla_breach:2")
    desk.panel.opened.emit("city/silent:u7")
    assert desk.opened == [("city", "2"), ("unit", "u7")]
    assert next(row.text for row in desk.commands.menu("city/silent:u7")) == "Go to what it is about"


def test_too_many_at_once_are_one_line_that_can_be_opened_and_a_p1_stands_by_itself(desk: Desk) -> None:
    desk.look()
    for number in range(MOST + 2):
        desk.late(str(number))
    desk.p1("p1")
    desk.look()
    assert list(desk.rows()) == ["crewless:p1", FLOOD]
    line = desk.rows()[FLOOD]
    assert (line.name, line.where) == ("12 alarms in 10 min", "12 SLA breached")
    assert desk.alarms.load == 13
    desk.panel.opened.emit(FLOOD)
    assert len(desk.rows()) == 13
    desk.commands.acknowledge()
    assert desk.alarms.count(NEW) == 0


def test_what_others_do_is_seen_here_too(desk: Desk) -> None:
    desk.look()
    desk.p1("1")
    desk.late("2")
    desk.look()
    assert len(desk.hazards.unseen) == 1
    for key, change in (
        ("crewless:1", AlarmRecord("crewless:1", AlarmKind.CREWLESS, NOW, NOW, "budi", "1", None, "budi", NOW)),
        (
            "sla_breach:2",
            AlarmRecord(
                "sla_breach:2", AlarmKind.SLA_BREACH, NOW, NOW, "budi", "2", shelved_by="budi", shelved_at=NOW,
                shelved_until=NOW + 9 * MINUTE, reason="crew\n\u202eis near",
            ),
        ),
    ):  # fmt: skip
        desk.put("alarm", key, change)
    assert desk.look() == {"crewless:1": ACKNOWLEDGED, "sla_breach:2": SHELVED}
    assert desk.hazards.unseen == (), "the red notice has gone here too"
    assert desk.alarms.calling is None
    assert desk.rows()["crewless:1"].state == "Acknowledged by budi"
    assert desk.rows()["sla_breach:2"].state == "Shelved to 08:09 by budi: crew is near"


def test_an_acknowledgement_is_of_this_desk_only_until_the_server_has_it(desk: Desk) -> None:
    desk.look()
    desk.late("2")
    desk.look()
    desk.commands.acknowledge()
    row = desk.rows()["sla_breach:2"]
    assert row.state == "Acknowledged by you, not sent yet"
    (edit,) = desk.saved(1)
    assert (edit.kind, edit.report, edit.data["acknowledged"]) == (Kind.ALARM, None, True)
    assert desk.undo_stack.newest is None, "it is no step to be taken back"
    record = AlarmRecord("sla_breach:2", AlarmKind.SLA_BREACH, NOW, NOW, "rina", "2", None, "rina", NOW)
    desk.put("alarm", "sla_breach:2", record)
    desk.outbox.on_proved([edit.id])
    desk.look()
    assert desk.rows()["sla_breach:2"].state == "Acknowledged by you"


def test_what_the_server_refuses_stands_as_before_and_asks_nothing(desk: Desk) -> None:
    desk.late("2")
    desk.look()
    desk.commands.acknowledge()
    (edit,) = desk.saved(1)
    desk.outbox.on_outcome(Outcome(edit.id, EditState.ATTENTION, "Report 2 is outside the areas of rina."))
    wait_for(lambda: not desk.outbox.open_edits, what="it is dropped")
    assert desk.said[-1] == "The alarm stands as before: Report 2 is outside the areas of rina."
    assert desk.rows()["sla_breach:2"].state == "New"


def test_with_an_older_server_what_was_done_stays_here_and_that_is_said(desk: Desk) -> None:
    desk.late("2")
    desk.late("3")
    desk.look()
    desk.alarms.acknowledge([("city", "sla_breach:2")])
    (edit,) = desk.saved(1)
    desk.outbox.on_outcome(Outcome(edit.id, EditState.ATTENTION, KNOWS_NO_ALARMS, StopReason.REFUSED))
    wait_for(lambda: not desk.outbox.open_edits, what="it is dropped")
    assert desk.look() == {"sla_breach:3": NEW, "sla_breach:2": ACKNOWLEDGED}
    assert desk.words == "1 new · 1 acknowledged · states kept at this desk only"
    desk.alarms.shelve(("city", "sla_breach:3"), NOW + 5 * MINUTE, "crew is near")
    assert desk.outbox.open_edits == (), "it is asked no more"
    assert desk.look() == {"sla_breach:2": ACKNOWLEDGED, "sla_breach:3": SHELVED}


def test_a_p1_that_no_server_has_yet_is_told_no_more_and_is_no_alarm(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.look()
    desk.panel.hide()
    desk.told = 5
    assert desk.window_state.view is not None
    seen: list[int] = []
    monkeypatch.setattr(desk.hazards, "see", seen.append)
    desk.commands.acknowledge()
    assert seen == [5]
    assert desk.front == []


def test_a_p1_of_other_areas_is_silenced_here_and_left_to_others(desk: Desk) -> None:
    desk.look()
    desk.rights = Rights("operator", ("north",))
    desk.p1("1")
    assert desk.look() == {}
    (told,) = desk.hazards.unseen
    desk.panel.hide()
    desk.told = told.row
    desk.commands.acknowledge()
    assert desk.said[-1] == "Silent here: it is outside your areas and agencies"
    assert (desk.hazards.unseen, desk.outbox.open_edits) == ((), ())


def test_the_list_holds_its_place_and_says_each_row(desk: Desk) -> None:
    desk.late("2")
    desk.late("3")
    desk.look()
    desk.panel.view.setFocus()
    current = desk.panel.current_id()
    desk.p1("1")
    desk.look()
    assert desk.panel.current_id() == current
    said = desk.panel.view.model().index(0, 0).data()
    assert said.startswith("P1 not taken, 1 Banjir, 0:00, Take it, send a crew, New")
    assert not desk.panel.grab().isNull()
    assert isinstance(desk.panel.focusProxy(), QWidget)


def test_a_limit_of_the_city_that_is_passed_has_its_name_and_figures_and_lists_its_reports(desk: Desk) -> None:
    desk.put("limit", "rain", Limit("rain", "Banjir meluas", "cat=Banjir p=3", 2, 60, 2))
    for n in range(3):
        at = NOW - (30 - 10 * n) * MINUTE
        desk.put("report", f"r{n}", Report(f"r{n}", 1, Status.NEW, "flood", 3, "Water", at, at))
    assert desk.look() == {"limit:rain": NEW}
    row = desk.rows()["limit:rain"]
    assert (row.name, row.where, row.since, row.priority, row.level) == (
        "Banjir meluas", "3 in 60 min, limit 2", "10:00", 2, "new",
    )  # fmt: skip
    desk.window_state.set_filter(Filter(tab="mine"))
    desk.commands.open("city/limit:rain")
    assert desk.window_state.filter == Filter(services=("flood",), priorities=(3,), younger_s=3600)
    desk.hazards.go_back()
    assert desk.window_state.filter == Filter(tab="mine")
    desk.alarms.acknowledge([("city", "limit:rain")])
    assert desk.rows()["limit:rain"].state == "Acknowledged by you, not sent yet"
    closed = Report("r2", 2, Status.RESOLVED, "flood", 3, "Water", NOW - 10 * MINUTE, NOW, closed_at=NOW)
    desk.put("report", "r2", closed)
    assert desk.look() == {"limit:rain": ACKNOWLEDGED}, "what was closed has come all the same"
    desk.now = NOW + 31 * MINUTE
    assert desk.look() == {}


def test_a_limit_that_the_city_has_no_more_leaves_nothing_to_acknowledge(desk: Desk) -> None:
    """It stood in the list for an hour as back to normal, and each F12 was refused."""
    desk.put("limit", "rain", Limit("rain", "Banjir meluas", "", 2, 60, 2))
    for n in range(3):
        desk.put("report", f"r{n}", Report(f"r{n}", 1, Status.NEW, "flood", 3, "Water", NOW, NOW))
    assert desk.look() == {"limit:rain": NEW}
    desk.put("gone", "limit/rain", Gone("limit", "rain"))
    assert desk.look() == {}
