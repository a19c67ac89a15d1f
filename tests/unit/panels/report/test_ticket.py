"""What the report panel says of the chosen report."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from api_client.model import (
    Assignment,
    AssignmentState,
    Clock,
    ClockState,
    Entry,
    Hold,
    Kind,
    RunCard,
    UnitState,
    WaitsFor,
)
from console.cache.catalog import Cities
from console.panels import formatting
from console.panels.report.history import entry_text
from console.panels.report.ticket import TicketController
from tests.unit.cache.making import edit
from tests.unit.panels.conftest import NOW, Rig
from tests.widgets.sample import make_symbols, make_theme
from widgets.__main__ import SECTION_KEYS
from widgets.ticket.panel import TicketPanel


@pytest.mark.parametrize(
    ("reason", "beside"),
    [("Another agency", ""), ("another agency", ""), ("Bina Marga has the key", "Bina Marga has the key")],
)
def test_what_a_report_waits_for_is_said_once(rig: Rig, qtbot: QtBot, reason: str, beside: str) -> None:
    """A hold without words of its own read "waits for another agency · Another agency"."""
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    controller = TicketController(panel, rig.window_state, UTC, lambda: NOW, panel)
    details = rig.details(1001, "A")
    held = replace(details.shown, hold=Hold(reason, WaitsFor.AGENCY))
    controller.set_details(replace(details, shown=held))
    ticket = panel.ticket()
    assert ticket is not None
    assert ("On hold", "waits for another agency", beside) in ticket.facts


def test_a_hold_that_is_over_says_since_when_and_its_clock_goes_on(rig: Rig, qtbot: QtBot) -> None:
    """Its server has not said so yet, or cannot be heard."""
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    now = [NOW]
    controller = TicketController(panel, rig.window_state, UTC, lambda: now[0], panel)
    details = rig.details(1001, "A")
    until = NOW + timedelta(hours=1)
    clock = Clock("finish", ClockState.PAUSED, NOW, 7200, due=until + timedelta(minutes=30), left_s=1800)
    held = replace(details.shown, hold=Hold("pump", WaitsFor.MATERIAL, until), clocks=(clock,))
    controller.set_details(replace(details, shown=held))

    def shown() -> tuple[list[tuple[str, str, str]], list[str]]:
        controller.tick()
        ticket = panel.ticket()
        assert ticket is not None
        return [fact for fact in ticket.facts if "old" in fact[0]], [one.words_right for one in ticket.sla]

    at = formatting.day_and_clock(until, UTC, NOW)
    assert shown() == ([("On hold", "waits for material", f"pump · until {at}")], ["paused, 30:00 left"])
    now[0] = until + timedelta(minutes=10)
    assert shown() == ([("Hold over", f"since {at}", "waited for material")], ["20:00 left"])
    now[0] = until + timedelta(minutes=40)
    assert shown()[1] == ["10:00 over"]


def test_a_crew_that_cannot_go_on_is_not_said_to_come(rig: Rig, qtbot: QtBot) -> None:
    """An accident on its way to a P1, and the head of the report read "SDA-07 en route"."""
    city = rig.window_state.cities.of("city")
    stuck = replace(city.units["07"], state=UnitState.UNAVAILABLE, reason="accident")
    units = {**city.units, "07": stuck}
    rig.window_state.set_cities(Cities({"city": replace(city, units=units)}, rig.window_state.cities.words))
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    controller = TicketController(panel, rig.window_state, UTC, lambda: NOW, panel)
    controller.set_details(rig.details(1001, "A", ("07", "11")))
    ticket = panel.ticket()
    assert ticket is not None
    assert ticket.meta[0] == "SDA-07 cannot go on (accident), SDA-11 en route"


def test_the_run_card_says_who_did_what_and_how_many_crews_are_wanted(rig: Rig, qtbot: QtBot) -> None:
    city = rig.window_state.cities.of("city")
    card = RunCard("flood", "Flood", ("Ask", "Tell", "Close"), ("flood",), crews=2)
    rig.window_state.set_cities(
        Cities({"city": replace(city, run_cards={"flood": card})}, rig.window_state.cities.words)
    )
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    controller = TicketController(panel, rig.window_state, UTC, lambda: NOW, panel)
    data = {"text": "Tell", "card": "flood"}
    there = Entry("1", "A", "note", NOW, "sari", edit="e1", text="Tell", data=data)
    own = replace(there, id="e2", author="rina", edit="e2", text="Ask", data=data | {"text": "Ask"})
    details = replace(rig.details(1001, "A", ("07",)), entries=(there,), own_entries=(own,))
    controller.set_details(details)
    ticket = panel.ticket()
    assert ticket is not None
    at = formatting.clock(NOW, UTC)
    assert [(one.words, one.done) for one in ticket.steps] == [
        ("Ask", f"you {at} · saved"), ("Tell", f"sari {at}"), ("Close", ""),
    ]  # fmt: skip
    assert ticket.meta[:2] == ["SDA-07 en route", "1 of 2 crews"]
    controller.set_details(replace(details, assignments=rig.details(1001, "A", ("07", "11")).assignments))
    ticket = panel.ticket()
    assert ticket is not None
    assert not [text for text in ticket.meta if "crews" in text]
    controller.set_details(rig.details(1001, "A"))
    ticket = panel.ticket()
    assert ticket is not None
    assert ticket.meta[0] == "2 crews wanted"


def test_a_crew_that_does_not_answer_its_order_is_told_by_the_minute(rig: Rig, qtbot: QtBot) -> None:
    """A P1 stood there as "dispatched", red, for as long as its crew had not heard of it."""
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    now = [NOW]
    controller = TicketController(panel, rig.window_state, UTC, lambda: now[0], panel)
    details = rig.details(1001, "A", ("07",))
    sent = replace(details.live[0], state=AssignmentState.DISPATCHED, since=NOW, edit="e1")

    def head(job: Assignment, minutes: float) -> str:
        now[0] = NOW + timedelta(minutes=minutes)
        controller.set_details(replace(details, assignments=(job,)))
        ticket = panel.ticket()
        assert ticket is not None
        return ticket.meta[0]

    assert head(sent, 1.9) == "SDA-07 dispatched"
    assert head(sent, 2) == "SDA-07 dispatched, no answer for 2 min"
    assert head(sent, 65.5) == "SDA-07 dispatched, no answer for 65 min"
    assert head(replace(sent, state=AssignmentState.ACKNOWLEDGED), 65) == "SDA-07 acknowledged"
    details = replace(details, pending=(edit("e1", Kind.DISPATCH, "A"),))
    assert head(sent, 65) == "SDA-07 dispatched", "the order has not left: that is said otherwise"


def test_the_area_of_a_report_that_is_not_sent_is_not_none(rig: Rig, qtbot: QtBot) -> None:
    """It has a place, in an area that the server will find: its head said "No area"."""
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    controller = TicketController(panel, rig.window_state, UTC, lambda: NOW, panel)
    details = rig.details(1001, "A")
    made = replace(details.shown, area=None, lat=-6.2, lon=106.8)
    controller.set_details(replace(details, shown=made, server=None))
    ticket = panel.ticket()
    assert ticket is not None
    assert [beside for name, _, beside in ticket.facts if name == "Place"] == ["Area not known yet"]
    controller.set_details(replace(details, shown=made, server=made))
    ticket = panel.ticket()
    assert ticket is not None
    assert [beside for name, _, beside in ticket.facts if name == "Place"] == ["No area"]


@pytest.mark.parametrize(("within_m", "beside"), [(0.0, ""), (2_000.0, "±2.0 km")])
def test_coordinates_say_how_far_off_they_may_be(rig: Rig, qtbot: QtBot, within_m: float, beside: str) -> None:
    """A phone that knew its position to two kilometres only: the ticket named six digits of a degree."""
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    controller = TicketController(panel, rig.window_state, UTC, lambda: NOW, panel)
    details = rig.details(1001, "A")
    made = replace(details.shown, lat=-6.2, lon=106.8, within_m=within_m)
    controller.set_details(replace(details, shown=made, server=made))
    ticket = panel.ticket()
    assert ticket is not None
    assert [there for name, _, there in ticket.facts if name == "Coordinates"] == [beside]


def test_a_history_is_not_told_anew_each_second(rig: Rig, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 5,000 entries that took the window 40 ms a second."""
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    now = [NOW]
    controller = TicketController(panel, rig.window_state, UTC, lambda: now[0], panel)
    told: list[str] = []

    def telling(entry: Entry, *more: Any) -> str:
        told.append(entry.id)
        return entry_text(entry, *more)

    monkeypatch.setattr("console.panels.report.ticket.entry_text", telling)
    details = replace(rig.details(1001, "A"), entries=(Entry("e1", "A", "note", NOW, "rina", text="wet"),))

    def rows() -> list[tuple[str, str]]:
        shown = panel.ticket()
        assert shown is not None
        return [(row.when, row.text) for row in shown.timeline]

    controller.set_details(details)
    first = rows()
    assert len(first) == 1
    told.clear()
    for _ in range(3):
        now[0] += timedelta(seconds=1)
        controller.tick()
    assert (rows(), told) == (first, [])
    now[0] = NOW.replace(year=NOW.year + 1)
    controller.tick()
    assert rows() != first, "a time of another year bears it"
    controller.set_details(replace(details, entries=(*details.entries, replace(details.entries[0], id="e2"))))
    assert len(rows()) == 2
    told.clear()
    taken_back = replace(details.entries[0], undone_by="rina")
    controller.set_details(replace(details, entries=(taken_back, replace(taken_back, id="e2", undone_by=None))))
    assert told == ["e1"], "what is read again and the same is not told again"
