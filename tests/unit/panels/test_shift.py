"""The shift panel: who is on, and the roll call by one key each, kept over a restart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from api_client.model import Assignment, AssignmentState, Kind, Unit, UnitState
from console.cache.catalog import Catalog, Cities
from console.panels.handover.shift import ShiftController
from console.panels.notifications.attendance import Attendance
from console.panels.sources import Sources
from console.rules.messages import Source
from console.rules.rights import Rights
from console.rules.roll_call import CalledUnit, RollAnswer
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from tests.widgets.sample import make_symbols, make_theme
from widgets.shift import ShiftPanel

MINUTE = timedelta(minutes=1)
UNITS = (
    Unit("3", "SDA-3", UnitState.UNAVAILABLE, NOW, reason="workshop"),
    Unit("1", "SDA-1", UnitState.AVAILABLE, NOW),
    Unit("2", "SDA-2", UnitState.BREAK, NOW - 30 * MINUTE),
    Unit("4", "SDA-4", UnitState.OFF_SHIFT, NOW),
    Unit("5", "SDA-5", UnitState.AVAILABLE, NOW, areas=("elsewhere",)),
)


class ShiftDesk(Rig):
    """The panel over the units of a city."""

    def __init__(self, profile: Path) -> None:
        super().__init__(profile)
        self.rights = Rights("operator")
        self.attendance = Attendance()
        self.sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: NOW, ACTIONS)
        self.set_units(*UNITS)
        theme = make_theme()
        self.panel = ShiftPanel(theme, make_symbols(theme))
        self.panel.setParent(self.window)
        self.panel.resize(600, 300)
        self.controller = self.make()

    def make(self) -> ShiftController:
        controller = ShiftController(
            self.panel, self.window_state, self.sources, self.attendance, self.outbox.followed, self.actions,
            lambda _: self.now, UTC, rights_at=lambda _: self.rights, show_panel=self.panel.view.setFocus,
            why_no_break=lambda crew: self.unit_commands.why_not_in_state(crew, UnitState.BREAK),
        )  # fmt: skip
        controller.message.connect(self.said.append)
        return controller

    def set_units(self, *units: Unit, jobs: tuple[Assignment, ...] = ()) -> None:
        catalog = Catalog(units={unit.id: unit for unit in units}, assignments=jobs)
        self.window_state.set_cities(Cities({"city": catalog}, {"source": {1: ("", "city")}}))

    def key(self, key: Qt.Key) -> None:
        QTest.keyClick(self.panel.view, key)

    def answers(self) -> dict[str, RollAnswer]:
        return {unit: one.answer for unit, one in self.controller.called.items()}

    def on(self) -> str:
        return self.panel._on.accessibleName()


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[ShiftDesk]:
    desk = ShiftDesk(tmp_path)
    qtbot.addWidget(desk.window)
    desk.window.resize(600, 300)
    desk.window.show()
    desk.window.activateWindow()
    qtbot.waitUntil(desk.window.isActiveWindow)
    wait_for(lambda: desk.outbox.followed.is_open, what="what was kept is known")
    desk.panel.view.clearFocus()  # the keyboard is in another panel
    yield desk
    desk.close()


def test_each_answer_is_one_key_and_a_break_becomes_the_state_of_the_unit(desk: ShiftDesk) -> None:
    assert desk.panel.shown_ids() == ["1", "2", "5", "3"], "who is unavailable comes last, who is off is not there"
    row = desk.panel.row("2")
    assert row is not None
    assert (row.state, row.answer) == ("Break since 07:30", "not called")
    desk.controller.go_on()
    assert desk.panel.current_id() == "1"
    desk.key(Qt.Key.Key_B)
    (edit,) = desk.saved(1)
    assert (edit.kind, edit.data) == (Kind.UNIT_STATE, {"unit": "1", "state": "break"})
    assert desk.panel.current_id() == "2"
    desk.key(Qt.Key.Key_B)
    assert len(desk.saved(1)) == 1, "it is on its break already"
    desk.now += MINUTE
    desk.key(Qt.Key.Key_N)
    assert desk.answers() == {"1": RollAnswer.BREAK, "2": RollAnswer.BREAK, "5": RollAnswer.MISSING}
    assert desk.controller.missing == {"5": NOW + MINUTE}
    assert desk.said[-1] == "roll call: 2 of 3 answered, 1 did not"
    row = desk.panel.row("5")
    assert row is not None
    assert (row.answer, row.at, row.level) == ("no answer", "08:01", "warn")
    desk.key(Qt.Key.Key_Y)
    assert (desk.answers()["5"], dict(desk.controller.missing)) == (RollAnswer.THERE, {})
    desk.controller.go_on()
    assert "All units were called" in desk.said[-1]
    desk.controller.begin_again()
    assert (desk.answers(), desk.panel.current_id()) == ({}, "1")


def test_a_unit_at_work_is_on_no_break_and_stays_to_be_called(desk: ShiftDesk) -> None:
    job = Assignment("a", "931155", "1", AssignmentState.ON_SCENE, NOW, "rina", NOW)
    desk.set_units(*UNITS, jobs=(job,))
    desk.controller.go_on()
    desk.key(Qt.Key.Key_B)
    assert desk.said[-1] == "SDA-1 is on report 931155: recall it, or report it done first"
    assert (desk.saved(0), desk.answers(), desk.panel.current_id()) == ([], {}, "1")
    desk.window_state.choose_unit(next(one.key for one in desk.window_state.cities.crews if one.unit.id == "1"))
    desk.unit_commands.set_state("break")
    assert desk.saved(0) == [], "nor by the key of the units panel"
    desk.set_units(*UNITS, jobs=(msgspec.structs.replace(job, state=AssignmentState.RESERVED),))
    desk.key(Qt.Key.Key_B)
    assert len(desk.saved(1)) == 1, "what it was not sent to yet does not keep it"


def test_answers_stay_for_the_shift_and_are_the_operators_own(desk: ShiftDesk) -> None:
    desk.controller.go_on()
    desk.key(Qt.Key.Key_Y)
    assert desk.make().called == {"1": CalledUnit(RollAnswer.THERE, NOW)}
    desk.sit_down("sari")
    assert desk.controller.called == {}
    desk.sit_down("rina")
    assert len(desk.controller.called) == 1
    desk.now += timedelta(hours=9)
    assert desk.controller.called == {}, "another shift"


def test_only_units_of_the_scope_are_called(desk: ShiftDesk) -> None:
    desk.rights = Rights("operator", areas=("elsewhere",))
    desk.controller.show()
    assert desk.panel.shown_ids() == ["5"]
    desk.set_units(msgspec.structs.replace(UNITS[4], state=UnitState.OFF_SHIFT))
    assert desk.panel.shown_ids() == []
    desk.controller.go_on()
    assert desk.said[-1] == "No unit is on"


def test_it_says_who_is_on_and_since_when_where_that_was_seen(desk: ShiftDesk) -> None:
    assert desk.on().startswith("Who is on not known")
    desk.attendance.tell("city", ["rina", "dewi"])
    assert desk.on() == "On: 2 dewi, you"
    desk.now += MINUTE
    desk.attendance.tell("city", ["rina", "dewi", "sari"])
    assert desk.on() == "On: 3 dewi, you; sari since 08:01"
    desk.attendance.tell("city", ["dewi"])
    assert desk.on() == "On: 2 dewi, you"
    desk.attendance.tell("city", ["dewi", "rina"], {"dewi": NOW - MINUTE, "gone": NOW})
    assert desk.on() == "On: 2 you; dewi since 07:59", "the server says it"
    desk.attendance.tell("city", ["dewi", "rina", "ani"], dict.fromkeys(("ani", "dewi"), NOW))
    assert desk.on() == "On: 3 you; ani, dewi since 08:00", "said once of those who came together"
    desk.attendance.on_reached("city", is_reached=False)
    desk.controller.show()
    assert desk.on().startswith("Who is on not known")


def test_enter_shows_the_unit_and_a_key_without_one_does_nothing(desk: ShiftDesk) -> None:
    opened: list[str] = []
    desk.controller.unit_opened.connect(opened.append)
    desk.panel.view.clear_current()
    desk.panel.answered.emit("gone", "Y")
    assert desk.answers() == {}
    desk.panel.go_to("5")
    desk.key(Qt.Key.Key_Return)
    assert opened == ["5"]
