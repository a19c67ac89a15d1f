"""A figure that is clicked shows exactly what it counts; what shows nothing cannot be clicked."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from console.board.snapshot import BoardSnapshot
from console.board.view import View, make_view
from console.panels.kpi import KpiController
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.loaded import Loaded
from console.rules.messages import Source, SourceState
from console.sound.messages import SoundAvailability, SoundState
from console.sound.tones import Tone
from console.window.actions import ACTIONS
from tests.unit.board import naive
from tests.unit.board.naive import R
from tests.widgets.sample import make_symbols, make_theme
from widgets.kpi import KpiStrip

NOW = datetime.fromtimestamp(naive.NOW, UTC)


class Strip:
    """The strip over a city of 400 reports, with a filter set that hides most of them."""

    def __init__(self, qtbot: QtBot) -> None:
        chance = random.Random(7)
        dues = [0, naive.NOW - 60, naive.NOW + 60, naive.NOW + 1800, naive.NOW + 9000]
        reports = [
            R(
                row=1000 + number,
                status=chance.randrange(8),
                priority=chance.randint(1, 4),
                service=chance.randint(1, 3),
                due=chance.choice(dues),
                due_state=chance.choice([0, naive.RUNNING, naive.PAUSED, naive.BREACHED]),
                claim=chance.choice([0, 0, 1]),
            )
            for number in range(400)
        ]
        self.snapshot = BoardSnapshot.build(naive.columns(reports))
        theme = make_theme()
        self.widget = KpiStrip(theme, make_symbols(theme))
        qtbot.addWidget(self.widget)
        self.widget.resize(1920, 56)
        self.widget.show()
        self.window_state = WindowState("rina", Filter(services=("flood",), text="water", order="newest"), UTC, ACTIONS)
        self.window_state.filter_changed.connect(lambda _: self.window_state.set_view(self.view()))
        self.sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: NOW, ACTIONS)
        self.controller = KpiController(self.widget, self.window_state, self.sources, UTC, lambda: NOW)
        self.actions: list[str] = []
        self.controller.action.connect(self.actions.append)
        self.window_state.set_view(self.view())
        self._qtbot = qtbot

    def view(self, loaded: Loaded = Loaded.WHOLE) -> View:
        return make_view(self.snapshot, self.window_state.filter, naive.NOW, 1, words=naive.WORDS, loaded=loaded)

    def click(self, key: str) -> str:
        """Click a figure; the number that stood in it."""
        (button,) = [one for one in (*self.widget._left, *self.widget._right) if one.figure.key == key]
        number = [part.value for part in button.figure.parts if part.kind == "text"][-1]
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        return number


@pytest.mark.parametrize("key", ["p1", "p2", "p3", "p4", "sla"])
def test_a_click_shows_exactly_what_was_counted(qtbot: QtBot, key: str) -> None:
    strip = Strip(qtbot)
    counted = int(strip.click(key))
    assert counted > 0
    assert strip.window_state.view is not None
    assert len(strip.window_state.view.order) == counted
    assert strip.window_state.filter.order == "newest"
    assert int(strip.click(key)) == counted
    assert strip.window_state.filter == Filter(order="newest")


def test_at_risk_is_not_overdue(qtbot: QtBot) -> None:
    strip = Strip(qtbot)
    strip.click("sla")
    assert strip.window_state.filter.to_text() == "order=newest is=risk"
    assert strip.window_state.chips() == [("at_risk", "Due within 1 h")]


def test_what_is_no_count_opens_its_panel_or_nothing(qtbot: QtBot) -> None:
    strip = Strip(qtbot)
    before = strip.window_state.filter
    for key in ("units", "outbox", "data", "sound", "clock", "home"):
        strip.click(key)
    assert strip.actions == ["panel_units", "panel_outbox", "sources", "mute"]
    assert strip.window_state.filter == before
    dead = [one for one in (*strip.widget._left, *strip.widget._right) if one.figure.key in ("clock", "home")]
    assert [one.isEnabled() for one in dead] == [False, False]


def test_the_sheet_says_how_old_each_servers_data_is(qtbot: QtBot) -> None:
    strip = Strip(qtbot)
    strip.sources.set_state(SourceState("city", "live", as_of=NOW, latency_ms=12))
    assert strip.sources.sheet() == "City: Server 12 ms. Data from 21 Sep 14:15."


def test_offline_the_strip_says_from_when_the_data_are_and_nothing_of_live(qtbot: QtBot) -> None:
    strip = Strip(qtbot)

    def label() -> str:
        strip.controller.show()
        return next(one.figure.label for one in strip.widget._right if one.figure.key == "data")

    strip.sources.set_state(SourceState("city", "live", as_of=NOW))
    assert label() == "Live data"
    strip.sources.set_state(SourceState("city", "offline", as_of=NOW))
    assert label() == f"Data from {NOW:%H:%M}"
    strip.sources.set_state(SourceState("city", "live", as_of=NOW))
    assert label() == "Live data"


def test_what_was_never_loaded_is_not_none(qtbot: QtBot) -> None:
    """A cache that was deleted, or a token that is refused, looks like a quiet night otherwise."""
    strip = Strip(qtbot)
    strip.controller.set_units({"available": 3, "busy": 2, "stale": 1})

    def shown() -> set[tuple[str, str]]:
        figures = [one.figure for one in strip.widget._left if one.figure.key in ("p1", "p4", "sla")]
        assert len(figures) == 3
        return {(part.value, figure.note) for figure in figures for part in figure.parts if part.kind == "text"}

    strip.snapshot = BoardSnapshot.build(naive.columns([]))
    strip.sources.set_state(SourceState("city", "refused", problem="This server needs a token."))
    strip.window_state.set_view(strip.view(Loaded.NOTHING))
    assert shown() == {("–", "not loaded")}
    units = next(one.figure for one in strip.widget._left if one.figure.key == "units")
    assert [part.value for part in units.parts if part.kind == "text"] == ["–", "–", "–"]
    strip.sources.set_state(SourceState("city", "live", as_of=NOW))
    strip.window_state.set_view(strip.view())
    assert shown() == {("0", "none"), ("0", "0 overdue")}
    strip.snapshot = BoardSnapshot.build(naive.columns([R(row=1, priority=1)]))  # and a part of them is no count either
    strip.window_state.set_view(strip.view(Loaded.PART))
    assert shown() == {("–", "not loaded")}


def test_before_anything_was_read_the_figures_stand_there_and_say_so(qtbot: QtBot) -> None:
    strip = Strip(qtbot)
    there = [button.figure.key for button in strip.widget._left]
    strip.window_state.view = None
    strip.controller.show()
    assert [button.figure.key for button in strip.widget._left] == there
    notes = {
        button.figure.note for button in strip.widget._left if button.figure.key in ("p1", "p2", "p3", "p4", "sla")
    }
    assert notes == {"not loaded"}


def test_a_first_load_is_not_done_when_all_reports_are_here(qtbot: QtBot) -> None:
    """Their histories take the longer part, in which 100 % would stand still."""
    strip = Strip(qtbot)

    def told(progress: float) -> tuple[str, str]:
        strip.sources.set_state(SourceState("city", "filling", progress=progress))
        strip.controller.show()
        figure = next(one.figure for one in strip.widget._right if one.figure.key == "data")
        return figure.parts[0].value, strip.sources.cells()[0].text

    assert told(0.43) == ("43%", "Loading 43%")
    assert told(1.0) == ("histories", "Loading histories")


@pytest.mark.parametrize(
    ("availability", "calling", "muted", "shown", "level", "told", "action"),
    [
        (SoundAvailability.UNKNOWN, None, False, "–", 0, "F10 mutes", "mute"),
        (SoundAvailability.READY, None, False, "On", 0, "F10 mutes", "mute"),
        (SoundAvailability.READY, Tone.P1, False, "P1 tone", 2, "F10 mutes", "mute"),
        (SoundAvailability.READY, Tone.ALARM, False, "Alarm tone", 1, "F10 mutes", "mute"),
        (SoundAvailability.READY, Tone.P1, True, "Muted", 1, "until the next P1", "mute"),
        (SoundAvailability.NO_OUTPUT, Tone.P1, True, "No sound here", 1, "Connect loudspeakers", "sound_settings"),
        (SoundAvailability.FAILED, None, False, "No sound here", 1, "it burns", "sound_settings"),
        (SoundAvailability.OFF, Tone.P1, False, "Off", 0, "begun without sound", "mute"),
    ],
)
def test_the_strip_says_whether_the_operator_is_called_and_why_not(
    availability: SoundAvailability,
    calling: Tone | None,
    muted: bool,
    shown: str,
    level: int,
    told: str,
    action: str,
    qtbot: QtBot,
) -> None:
    strip = Strip(qtbot)
    strip.widget.compact = True
    strip.widget.resize(1366, 44)
    strip.controller.set_sound(SoundState(availability, "it burns"), calling, is_muted=muted)
    strip.controller.show()
    (figure,) = (one.figure for one in strip.widget._right if one.figure.key == "sound")
    assert (figure.parts[-1].value, figure.level, figure.label) == (shown, level, "Sound F10")
    assert told in figure.help
    assert "sound" in strip.widget.shown(), "also in a small window"
    strip.click("sound")
    assert strip.actions == [action]


def test_a_hazard_stays_on_its_counter_when_it_is_taken(qtbot: QtBot) -> None:
    strip = Strip(qtbot)
    taken = R(row=5000, priority=1, claim=naive.ME)
    told = R(row=5001, priority=1, status=naive.ASSIGNED, claim=naive.ME, lead_unit=1)
    strip.snapshot = BoardSnapshot.build(naive.columns([taken, told]))
    strip.window_state.set_view(strip.view())
    strip.controller.show()
    figure = next(one.figure for one in strip.widget._left if one.figure.key == "p1")
    assert (figure.label, figure.parts[-1].value, figure.level) == ("P1 without a crew", "2", 2)
    strip.click("p1")
    assert strip.window_state.view is not None
    assert sorted(strip.window_state.view.order.tolist()) == [5000, 5001]
    assert strip.window_state.chips() == [("priorities", "P1"), ("crewless", "No crew on the way")]


def test_data_too_old_to_rely_on_is_grey_and_hatched_not_red(qtbot: QtBot) -> None:
    strip = Strip(qtbot)
    strip.sources.set_state(SourceState("city", "offline", as_of=NOW - timedelta(hours=1)))
    strip.controller.show()
    figure = next(one.figure for one in strip.widget._right if one.figure.key == "data")
    assert (figure.stale, figure.level, figure.parts[0].level) == (True, 0, 0)
