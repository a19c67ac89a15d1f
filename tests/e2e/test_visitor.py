"""The demo's visitor cuts the network, kills the server and opens a second desk; the work goes on and arrives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console.panels.board_updater import LOCAL_ROWS
from console.settings import Settings
from console.window.app import ConsoleWindow
from console.window.demo_actions import DEMO_ACTIONS
from console.window.demo_server import DEMO_KEY, DemoServer
from console.window.options import WindowOptions
from tests.helpers.city import wait_for
from tests.helpers.hands import CTRL, SHIFT, key, p1_data, said, type_into

pytestmark = pytest.mark.usefixtures("qapp", "expected_log")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    with DemoServer(tmp_path_factory.mktemp("visitor"), 300, 1) as server:
        yield server


@pytest.fixture
def window(demo: DemoServer, tmp_path: Path) -> Iterator[Any]:
    profile = tmp_path / "profile"
    profile.mkdir()
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    options = WindowOptions(profile=profile, profile_name="demo", size=(1366, 768), demo=True, sound=False)
    console = ConsoleWindow(app, options, Settings(sources=[]), demo.tokens, demo, actions=DEMO_ACTIONS)
    console.map._liveness._beat_s = 20  # on a busy machine the page may not answer within the program's two seconds
    console.map._liveness._timer.setInterval(20_000)
    console.open()
    try:
        wait_for(lambda: console.sources.states().get(DEMO_KEY) == "live", 90, "live")
        wait_for(lambda: console.window_state.row, 60, "a report is chosen")
        yield console
    finally:
        console.leave()
        console.close()


def is_live(window: Any) -> bool:
    return bool(window.sources.states()[DEMO_KEY] == "live")


def note(window: Any, text: str) -> None:
    wait_for(lambda: window.situation.chosen is not None, what="the report is read")
    key(window, "N")
    type_into(window, text, Qt.Key.Key_Return, CTRL)
    wait_for(lambda: len(window.outbox.open_edits) > 0, what="it is saved")


def notes(window: Any) -> list[str | None]:
    """The texts of the chosen report's history."""
    details = window.details_reader.current
    return [entry.text for entry in details.entries] if details is not None else []


def press(window: Any, intent: str) -> None:
    QTest.mouseClick(window.visitor_strip.button(intent), Qt.MouseButton.LeftButton)


def press_key(key_: Qt.Key) -> None:
    here = QApplication.focusWidget()
    assert here is not None
    QTest.keyClick(here, key_)


def test_with_the_network_cut_the_work_goes_on_and_arrives_once_it_is_mended(window: Any) -> None:
    press(window, "network")
    assert window.visitor_strip.button("network").verb == "Mend the network"
    assert "your work waits here" in window.visitor_strip.told
    assert "Go on working: nothing is lost" in said(window.status)
    assert "The network is cut" not in said(window.status), "the strip says it, above"
    wait_for(lambda: not is_live(window), what="the window says that it is cut off")
    note(window, "dari balik air")
    QTest.qWait(1500)
    assert len(window.outbox.open_edits) == 1, "nothing gets through"
    press(window, "network")
    assert "what waited is sent now" in said(window.status)
    wait_for(lambda: is_live(window) and not window.outbox.open_edits, 60, "sent and proved")


def test_a_killed_server_is_started_again_with_all_that_it_had(window: Any, demo: DemoServer) -> None:
    note(window, "sebelum mati")
    wait_for(lambda: not window.outbox.open_edits, 60, "received")
    press(window, "server")
    assert not window.visitor_strip.button("server").isEnabled(), "one moment"
    wait_for(lambda: window.visitor_strip.button("server").verb == "Start the server", what="it is killed")
    assert demo.is_stopped
    assert not window.visitor_strip.button("rain").isEnabled()
    wait_for(lambda: not is_live(window), what="the window says so")
    note(window, "selagi mati")
    press(window, "server")
    wait_for(lambda: is_live(window) and not window.outbox.open_edits, 90, "sent and proved")
    wait_for(lambda: notes(window).count("selagi mati") == 1, what="read")
    assert notes(window).count("sebelum mati") == 1


def test_the_keyboard_goes_in_and_out_and_along_the_strip(window: Any) -> None:
    window.window.focus_panel("queue")
    key(window, "F9")
    assert window.window.current_panel() == "visitor"
    for _ in range(8):
        if not window.visitor_strip.button("network").hasFocus():
            press_key(Qt.Key.Key_Right)
    assert window.visitor_strip.button("network").hasFocus()
    press_key(Qt.Key.Key_Return)
    assert window.visitor_strip.button("network").verb == "Mend the network"
    press_key(Qt.Key.Key_Return)
    assert window.visitor_strip.button("network").verb == "Cut the network"
    press_key(Qt.Key.Key_Escape)
    assert window.window.current_panel() == "queue"
    window.visitor_commands.close_strip()
    assert window.visitor_strip.isHidden()
    key(window, "F9")
    assert window.visitor_strip.isVisible(), "its key brings it back"
    key(window, "F9")
    assert window.window.current_panel() == "queue"


def test_a_second_operator_sits_down_and_leaves_with_the_first(window: Any) -> None:
    press(window, "second")
    wait_for(lambda: window.visitor_commands._desk.is_open, what="his window")
    wait_for(lambda: not window.visitor_strip.button("second").isEnabled(), what="there is one already")
    looking = window.ticket_controller._looking
    wait_for(lambda: "Budi Santoso" in (looking.get(DEMO_KEY) or {}), 90, "he is connected, and seen here")
    process = window.visitor_commands._desk._process
    window.visitor_commands.close()
    assert process.poll() is not None


def test_it_rains_where_the_map_stands_and_the_city_goes_faster(window: Any) -> None:
    wait_for(lambda: window.visitor_strip.button("speed_1").is_filled, 60, "the city says how it lives")
    press(window, "speed_20")
    wait_for(lambda: window.visitor_strip.button("speed_20").is_filled, 60, "it goes faster")
    before = set(window.window_state.view.hazards.tolist())
    press(window, "rain")
    wait_for(lambda: window.visitor_strip.told.startswith("It rains on "), 60, "the strip says where")
    wait_for(lambda: set(window.window_state.view.hazards.tolist()) - before, 90, "P1s come in")
    press(window, "speed_1")
    wait_for(lambda: window.visitor_strip.button("speed_1").is_filled, 60, "as in life")


def test_the_tour_goes_on_when_the_visitor_has_done_it_himself(window: Any) -> None:
    tour, state = window.visitor_commands.tour, window.window_state
    assert tour.number == 0
    press(window, "tour")
    assert window.visitor_strip.button("tour").verb == "Tour 1 of 8"
    assert tour.card.page.title == "What burns stands on top"
    QTest.qWait(600)
    assert tour.number == 1, "the report that was chosen before does not count"
    before = set(state.view.hazards.tolist())
    window.edit_commands.create(DEMO_KEY, p1_data(window, source=DEMO_KEY), "local:tour", "Water rises")
    wait_for(lambda: not window.outbox.open_edits, 60, "the city has it")

    def come() -> list[int]:  # under the row that it keeps
        return [row for row in set(state.view.hazards.tolist()) - before if row >= LOCAL_ROWS]

    wait_for(come, what="a new P1")
    state.choose(come()[0])
    wait_for(lambda: tour.number == 2, what="a P1 is chosen")
    wait_for(lambda: window.situation.chosen is not None, what="it is read")
    assert tour.card.isVisible()
    assert QApplication.activeWindow() is not tour.card, "it never takes the keyboard"
    if window.situation.current.holder:
        key(window, "Right", CTRL)
    else:
        key(window, "T")
    wait_for(lambda: tour.number == 3, what="it is taken")
    wait_for(lambda: window.situation.current.advice, what="a crew is recommended")
    sent_to = window.window_state.row
    key(window, "D", CTRL)
    wait_for(lambda: tour.number == 4, what="it is sent")
    wait_for(lambda: window.window_state.row == sent_to, what="its way is looked at, though another report waits")
    wait_for(lambda: window.situation.chosen is not None, what="it is read")
    key(window, "G")
    wait_for(lambda: tour.number == 5, what="the map shows it")
    press(window, "network")
    wait_for(lambda: tour.number == 6, what="it is cut")
    note(window, "selama tur")
    wait_for(lambda: tour.number == 7, what="something waits")
    press(window, "network")
    wait_for(lambda: tour.number == 8, 60, "all of it has arrived")
    key(window, "K", CTRL)
    wait_for(lambda: tour.number == 0, what="the palette is open")
    assert not tour.card.isVisible()
    assert "the city is yours" in said(window.status)
    QTest.keyClick(window.palette, Qt.Key.Key_Escape)
    key(window, "F9", SHIFT)
    assert tour.number == 1
    key(window, "F9", SHIFT)
    assert tour.number == 0
    key(window, "Right", CTRL)
    assert "No tour is going on" in said(window.status)


def test_a_window_that_is_no_demo_has_no_strip() -> None:
    from console.window.actions import ACTIONS

    assert "visitor" not in ACTIONS
    assert ACTIONS.with_key("F9") is None
