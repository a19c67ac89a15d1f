"""The units board: what can be sent to the chosen report first, sorted and narrowed by a click, what to do without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from api_client.model import Assignment, AssignmentState, Kind, Unit, UnitState
from console.cache.catalog import Catalog, Cities
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.city_map.messages import Answer, Question, Times, TimesFound, Travel
from console.panels.report.details import ReportDetails
from console.panels.travel_times import TravelTimes
from console.panels.units import UnitsController, count_states
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.loaded import Loaded
from console.rules.queued import EditState, Queued
from console.rules.transitions import Event, advance
from console.tasks import Tasks
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.cache.making import T0, edit, report
from tests.widgets.sample import make_symbols, make_theme
from widgets.units import UnitsPanel

A, B, S = UnitState.AVAILABLE, UnitState.BREAK, UnitState.ON_SCENE


class Board:
    """The panel over four units on one meridian."""

    def __init__(self, qtbot: QtBot, profile: Path) -> None:
        theme = make_theme()
        CacheWriter(profile).close()
        self.tasks, self.window_state, self.reader = (
            Tasks("worker", 1),
            WindowState("rina", Filter(), UTC, ACTIONS),
            CacheReader(profile),
        )
        self.panel = UnitsPanel(theme, make_symbols(theme))
        self.panel.resize(900, 240)
        qtbot.addWidget(self.panel)
        self.panel.show()
        self.told_in_vain: list[Queued] = []
        self.told_and_waiting: list[Queued] = []
        self.ways: dict[str, Travel] | None = None
        self.travel_times = TravelTimes(self._ask)
        self.controller = UnitsController(
            self.panel, self.window_state, self.tasks, lambda: self.reader, UTC, lambda _: T0,
            told_in_vain=lambda: self.told_in_vain, told_and_waiting=lambda: self.told_and_waiting, parent=self.panel,
            travel_times=self.travel_times,
        )  # fmt: skip

    def _ask(self, _purpose: str, question: Question, then: Callable[[Answer | None], object]) -> None:
        """The map answers at once, where there is one."""
        assert isinstance(question, Times)
        ways = None if self.ways is None else {unit: self.ways[unit] for unit in question.units if unit in self.ways}
        QTimer.singleShot(0, lambda: then(None if ways is None else TimesFound(ways)))

    def have(self, *units: tuple[str, UnitState, float], job_is: AssignmentState = AssignmentState.ON_SCENE) -> None:
        found = {
            code: Unit(code, code, state, T0, lat=lat, lon=106.8, position_at=T0, shift_end=T0 + timedelta(hours=at))
            for at, (code, state, lat) in enumerate(units, 1)
        }
        job = Assignment("a", "2", "D", job_is, T0, "rina", T0)
        self.window_state.set_cities(
            Cities({"city": Catalog(units=found, assignments=(job,))}, {"source": {1: ("", "city")}})
        )

    def choose(self, lat: float) -> None:
        self.controller.set_details(ReportDetails(1, "city", "1", report("1", lat=lat, lon=106.8), None, (), (), ()))

    def codes(self) -> list[str]:
        return [row.code for row in self.panel._model._rows]

    def click(self, qtbot: QtBot, column: str, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
        place = self.panel._head.places()[column]
        qtbot.mouseClick(self.panel._head, button, pos=QPoint(place.center().x(), 5))


@pytest.fixture
def board(qtbot: QtBot, tmp_path: Path) -> Iterator[Board]:
    board = Board(qtbot, tmp_path)
    board.have(("A", A, -6.20), ("B", A, -6.30), ("C", B, -6.21), ("D", S, -6.2))
    wait_for(lambda: board.codes(), what="the units")
    yield board
    board.tasks.shutdown()
    board.reader.close()


def test_the_nearest_available_comes_first_and_says_how_far_it_is(board: Board) -> None:
    assert board.codes() == ["A", "B", "D", "C"]
    assert "away" not in board.panel._head.places()
    board.choose(-6.31)
    wait_for(lambda: board.codes() == ["B", "A", "D", "C"], what="nearest first")
    assert [row.away for row in board.panel._model._rows] == ["1.1 km", "12.2 km", "12.2 km", "11.1 km"]
    assert "away" in board.panel._head.places()


def test_a_job_that_a_unit_has_not_been_sent_to_is_said_to_be_reserved(board: Board) -> None:
    def jobs() -> list[str]:
        return [row.job for row in board.panel._model._rows]

    assert jobs()[2] == "2"
    board.have(("A", A, -6.20), ("D", A, -6.2), job_is=AssignmentState.RESERVED)
    wait_for(lambda: len(jobs()) == 2, what="the units")
    assert jobs()[1] == "2 reserved"


def test_by_street_another_one_is_the_nearest_and_what_is_not_known_has_a_tilde(board: Board) -> None:
    board.ways = {"A": Travel(300, 2000), "B": Travel(4000, 14000), "C": Travel(60, 400)}
    board.choose(-6.31)
    wait_for(lambda: board.panel._model._rows[0].away == "2.0 km", what="ways by street")
    assert board.codes() == ["A", "B", "D", "C"]
    assert [row.away for row in board.panel._model._rows] == ["2.0 km", "14.0 km", "~12.2 km", "400 m"]
    board.ways = None
    board.travel_times._asked = None  # it asks again when a unit moves
    board.controller.show()
    wait_for(lambda: board.codes() == ["B", "A", "D", "C"], what="straight lines")
    assert [row.away for row in board.panel._model._rows] == ["1.1 km", "12.2 km", "12.2 km", "11.1 km"]


def test_rows_stand_still_for_ways_by_street_while_a_unit_is_chosen(board: Board) -> None:
    board.choose(-6.31)
    wait_for(lambda: board.codes() == ["B", "A", "D", "C"], what="nearest first")
    board.window_state.choose_unit("city:B")
    board.ways = {"A": Travel(300, 2000), "B": Travel(4000, 14000)}
    board.travel_times._asked = None
    board.controller.show()
    wait_for(lambda: board.panel._model._rows[0].away == "14.0 km", what="ways by street")
    assert board.codes() == ["B", "A", "D", "C"]
    board.window_state.choose_unit("")
    wait_for(lambda: board.codes() == ["A", "B", "D", "C"], what="nearest by street first")


def test_who_was_told_by_radio_of_what_does_not_stand_is_not_free(board: Board) -> None:
    """It was driving, read "Available, no job", and stood first."""
    order = edit("e1", Kind.DISPATCH, report="927956", data={"unit": "A"})
    lost = Queued(order, EditState.CONFLICT, told_by_radio="rina")
    board.told_in_vain = [lost]
    board.controller.show()
    assert board.codes() == ["B", "A", "D", "C"]
    row = board.panel._model._rows[1]
    assert (row.state_text, row.job) == ("Told by radio", "927956 not sent, to be decided")
    assert {crew.unit.id for crew in board.controller.crews() if crew.unit.state is A} == {"B"}
    board.told_in_vain = [advance(lost, Event.WITHDRAWN)]
    board.controller.show()
    assert board.panel._model._rows[1].job == "927956 call back by radio"
    order = msgspec.structs.replace(order, report="2", data={"unit": "D"})
    board.told_in_vain = [Queued(order, EditState.CONFLICT, told_by_radio="rina")]
    assert board.controller.told_in_vain() == {}, "somebody has sent it there since"


def test_who_was_told_by_radio_during_a_cut_is_not_free(board: Board) -> None:
    """It read "Available, none" on the screen and the map until the server was back, and was counted as free."""
    order = edit("e1", Kind.DISPATCH, report="927956", data={"unit": "A"})
    board.told_and_waiting = [Queued(order, EditState.QUEUED, told_by_radio="rina")]
    board.controller.show()
    row = board.panel._model._rows[1]
    assert (row.code, row.state_text, row.job) == ("A", "Told by radio", "927956 not sent yet")
    assert count_states(board.controller.crews(), lambda _: T0)["available"] == 1
    assert board.controller.told_in_vain() == {}, "the order may still reach the server"
    order = msgspec.structs.replace(order, report="2", data={"unit": "D"})
    board.told_and_waiting = [Queued(order, EditState.ACCEPTED, told_by_radio="rina")]
    board.controller.show()
    assert "Told by radio" not in [row.state_text for row in board.panel._model._rows], "the server has sent it there"


def test_rows_stay_while_crews_drive_about(board: Board) -> None:
    board.choose(-6.31)
    wait_for(lambda: board.codes()[0] == "B", what="nearest first")
    board.controller.set_positions("city", {"A": (-6.31, 106.8, T0 + timedelta(seconds=5))})
    board.controller.tick()
    assert board.codes()[:2] == ["B", "A"]
    assert board.panel._model._rows[1].away == "0 m"
    board.choose(-6.3101)
    wait_for(lambda: board.codes()[0] == "A", what="sorted anew for another report")


def test_the_next_window_knows_where_the_units_were_told_to_be(board: Board) -> None:
    """With another text size all crews were where they had first been read, an hour ago, until the stream spoke."""
    told = {"A": (-6.31, 106.8, T0 + timedelta(seconds=5)), "B": (-6.32, 106.8, T0 + timedelta(seconds=5))}
    board.controller.set_positions("city", told)
    kept = board.controller.newest_positions
    board.controller.set_positions("city", {"A": (-6.5, 106.8, T0 + timedelta(seconds=9))})
    board.controller.take_up(kept)
    now = {crew.unit.code: (crew.unit.lat, crew.unit.position_at) for crew in board.controller.crews()}
    assert now["A"] == (-6.5, T0 + timedelta(seconds=9)), "what came since is newer"
    assert now["B"] == (-6.32, T0 + timedelta(seconds=5))


def test_a_click_on_a_heading_sorts_by_it_there_and_back(board: Board, qtbot: QtBot) -> None:
    board.click(qtbot, "shift")
    assert board.codes() == ["A", "B", "C", "D"]
    board.click(qtbot, "shift")
    assert board.codes() == ["D", "C", "B", "A"]
    assert board.panel._head.words("shift") == "Shift ▾"
    board.click(qtbot, "shift")
    assert board.codes() == ["A", "B", "D", "C"]
    for column in board.panel._head.places():
        if column != "symbol":
            board.click(qtbot, column)
            assert sorted(board.codes()) == ["A", "B", "C", "D"]


def test_the_sign_in_the_heading_narrows_the_list_and_says_so(board: Board, qtbot: QtBot) -> None:
    board.click(qtbot, "symbol")
    (menu,) = [one for one in board.panel.findChildren(QMenu) if one.isVisible()]
    next(one for one in menu.actions() if one.text() == "Available").trigger()
    menu.close()
    assert board.codes() == ["A", "B"]
    assert board.panel._head.words("state") == "State: Available"
    board.window_state.choose_unit(board.controller.crews()[2].key)
    assert "C" in board.codes(), "the unit that was chosen on the map is listed all the same"
    assert board.panel.view.currentIndex().isValid()
    board.controller.switch_available()
    assert len(board.codes()) == 4


def test_a_chosen_unit_is_not_listed_among_those_of_another_state(board: Board) -> None:
    """It stood there as "Available" in a list of the busy ones."""
    key = next(crew.key for crew in board.controller.crews() if crew.unit.code == "B")
    board.window_state.choose_unit(key)
    board.controller.set_filter("busy")
    assert board.codes() == ["D"]
    assert board.window_state.unit == ""
    board.window_state.choose_unit(key)
    assert board.codes() == ["B", "D"], "one that is chosen then, as on the map, is shown"
    board.controller.set_filter("available")
    assert board.window_state.unit == key


def test_no_other_unit_is_chosen_when_the_chosen_one_is_gone(board: Board) -> None:
    """Its neighbour was, and the keys of a unit's steps would have been for that one."""
    key = next(crew.key for crew in board.controller.crews() if crew.unit.code == "B")
    board.window_state.choose_unit(key)
    assert board.panel.view.current_id() == key
    board.have(("A", A, -6.20), ("C", B, -6.21), ("D", S, -6.2))
    wait_for(lambda: len(board.codes()) == 3, what="it has gone")
    assert board.window_state.unit == key, "nobody chose another one"
    assert board.panel.view.current_id() == ""


def test_without_units_it_says_what_to_do(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(qtbot, tmp_path)
    board.controller.show()
    assert board.panel._empty.words()[0] == "Not loaded yet"
    monkeypatch.setattr(WindowState, "loaded", Loaded.WHOLE)
    board.controller.show()
    assert board.panel._empty.isVisible()
    title, why = board.panel._empty.words()
    assert title == "No units"
    assert "sigap city" in why
    board.tasks.shutdown()
    board.reader.close()
