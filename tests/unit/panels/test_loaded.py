"""While reports, work and histories are still being read no panel takes what is not here for what is not so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from api_client.model import Agency, Assignment, AssignmentState, Photo, PhotoRole, Service, Status, Unit, UnitState
from console.cache.page_items import PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.city_map.messages import Answer, TimesFound, Travel
from console.panels.action_rules import Situation
from console.panels.board_updater import BoardUpdater
from console.panels.charts import ChartsController
from console.panels.report.details import ReportDetailsReader
from console.panels.report.nearby import NearbyFinder, NearbyFound
from console.panels.report.recommendations import Recommendations, Recommender
from console.panels.report.ticket import TicketController
from console.panels.travel_times import TravelTimes
from console.panels.units import UnitsController
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.loaded import LIVE_WORK, Loaded
from console.rules.messages import Touched
from console.tasks import Tasks
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.cache.making import T0, at, entry, items, report
from tests.widgets.sample import make_symbols, make_theme
from widgets.__main__ import SECTION_KEYS
from widgets.charts import ChartsPanel
from widgets.ticket.panel import TicketPanel
from widgets.units import UnitRow, UnitsPanel


class Board(UnitsPanel):
    """The units panel, with what it was given last."""

    shown: tuple[UnitRow, ...] = ()

    def set_rows(self, rows: Sequence[UnitRow]) -> None:
        self.shown = tuple(rows)
        super().set_rows(rows)


class Panels:
    """The panels over a cache whose first read is broken off after the reports: units are known, their jobs are not."""

    def __init__(self, qtbot: QtBot, profile: Path) -> None:
        theme = make_theme()
        symbols = make_symbols(theme)
        self.tasks, self.window_state, self.profile = (
            Tasks("worker", 1),
            WindowState("rina", Filter(), UTC, ACTIONS),
            profile,
        )
        self.write(Loaded.PART)
        self.reader = CacheReader(profile)

        def reader() -> CacheReader:
            return self.reader

        self.board_updater = BoardUpdater(self.window_state, self.tasks, reader, T0.timestamp, lambda _: None)
        self.units, self.charts = Board(theme, symbols), ChartsPanel(theme)
        self.ticket = TicketPanel(theme, symbols, panel_key="", section_keys=SECTION_KEYS)
        for widget in (self.units, self.charts, self.ticket):
            qtbot.addWidget(widget)
            widget.show()
        controller = UnitsController(
            self.units, self.window_state, self.tasks, reader, UTC, lambda _: T0, parent=self.units
        )
        ChartsController(self.charts, self.window_state, lambda: "", UTC, lambda: T0, self.charts)
        self.details_reader = ReportDetailsReader(self.window_state, self.board_updater, self.tasks, reader, lambda: T0)
        self.recommender = Recommender(self.window_state, self.tasks, reader, controller.crews, dict, lambda _: T0)
        self.ticket_controller = TicketController(self.ticket, self.window_state, UTC, lambda: T0)
        self.details_reader.changed.connect(self.ticket_controller.set_details)
        self.details_reader.changed.connect(self.recommender.set_details)
        self.recommender.merged_changed.connect(self.ticket_controller.set_merged)
        self.recommendations = Recommendations(0)
        self.recommender.changed.connect(self._on_recommendations)
        with qtbot.waitSignal(self.board_updater.ready):
            self.board_updater.start()
        row = self.reader.row_of("city", "1")
        assert row is not None
        self.window_state.choose(row)
        wait_for(lambda: self.recommendations.row == row, what="the advice")

    def _on_recommendations(self, recommendations: Recommendations) -> None:
        self.recommendations = recommendations
        self.ticket_controller.set_recommendations(recommendations)

    def write(self, loaded: Loaded) -> None:
        """The first page of the first read, more of it, or all."""
        unit = Unit("u", "SDA-03", UnitState.EN_ROUTE, T0, lat=-6.2, lon=106.8, position_at=T0, skills=("pump",))
        found = [
            PageItem("service", 1, "flood", Service("flood", "Banjir")),
            PageItem("unit", 2, "u", unit),
            *items(report("1", lat=-6.21, lon=106.81), report("2", status=Status.ASSIGNED), report("3"), seq=3),
        ]
        end = msgspec.structs.replace(at(9), as_of=None, snapshot_key="assignment|")
        if loaded >= Loaded.WORK:
            job = Assignment("a", "2", "u", AssignmentState.EN_ROUTE, T0, "rina", T0 - timedelta(minutes=5))
            found.append(PageItem("assignment", 6, "a", job))
            kinds = ("service", "area", "unit", LIVE_WORK, *(("report",) if loaded >= Loaded.REPORTS else ()))
            end = msgspec.structs.replace(end, whole=kinds)
        if loaded is Loaded.WHOLE:
            found.append(PageItem("entry", 7, "h", entry("h", "1", None)))
            end = at(9)
        writer = CacheWriter(self.profile)
        writer.apply("city", found, end)
        writer.close()


@pytest.fixture
def panels(qtbot: QtBot, tmp_path: Path) -> Iterator[Panels]:
    panels = Panels(qtbot, tmp_path)
    yield panels
    panels.tasks.shutdown()
    QApplication.processEvents()  # what has been read by then is still for these panels
    panels.reader.close()


def test_nothing_is_taken_for_none_before_all_is_read(panels: Panels) -> None:
    """A unit on its way "without a job" was recommended with Enter armed, and an hour of 33 reports was "usual 2"."""
    assert panels.window_state.loaded is Loaded.PART
    wait_for(lambda: panels.units.shown, what="the units")
    (unit,) = panels.units.shown
    assert (unit.code, unit.job, unit.next, unit.eta) == ("SDA-03", "–", "–", "–")
    assert panels.recommendations.units == ()
    assert panels.recommendations.no_unit.startswith("Not loaded yet")
    ticket = panels.ticket.ticket()
    assert ticket is not None
    assert ticket.unread == "not loaded yet"
    assert not any(action.key_text == "Enter" or action.id == "dispatch" for action in ticket.actions)
    assert panels.charts._arrivals.accessibleName() == "Reported: Not loaded yet"
    for head in (panels.ticket._timeline_head, panels.ticket._duplicates_head):
        assert head.isVisible()
        assert "not loaded yet" in head.accessibleName()


def test_the_advice_waits_for_units_and_their_work_and_for_nothing_else(panels: Panels) -> None:
    """For minutes nobody was recommended for a P1: the advice waited for the histories of closed reports."""
    panels.write(Loaded.WORK)
    panels.board_updater.on_touched(Touched(everything=True))
    wait_for(lambda: panels.window_state.loaded is Loaded.WORK, what="units and their work are here")
    wait_for(lambda: panels.recommendations.units, what="the advice")
    assert "1 job ahead" in panels.recommendations.units[0].reasons
    wait_for(lambda: [unit for unit in panels.units.shown if unit.job.startswith("2 ")], what="the unit's job")
    ticket = panels.ticket.ticket()
    assert ticket is not None
    assert [row.code for row in ticket.advice] == ["SDA-03"]
    assert ticket.unread == "not loaded yet"
    assert panels.charts._arrivals.accessibleName() == "Reported: Not loaded yet", "reports are still coming"
    panels.write(Loaded.REPORTS)
    panels.board_updater.on_touched(Touched(everything=True))
    wait_for(lambda: "Not loaded" not in panels.charts._arrivals.accessibleName(), what="all reports are here")
    ticket = panels.ticket.ticket()
    assert ticket is not None
    assert ticket.unread == "not loaded yet", "the histories are not"


def test_times_of_before_a_closure_do_not_say_that_they_avoid_it(panels: Panels) -> None:
    asked: list[Callable[[Answer | None], object]] = []
    panels.recommender._travel_times = times = TravelTimes(lambda _purpose, _question, then: asked.append(then))
    times.changed.connect(panels.recommender.refresh)
    panels.recommender._avoids = lambda _source: "avoids 1 flooded area"
    panels.write(Loaded.WORK)
    panels.board_updater.on_touched(Touched(everything=True))
    wait_for(lambda: asked, what="the map is asked")
    for seconds in (60, 90):
        asked[-1](TimesFound({"u": Travel(seconds, 500)}))
        wait_for(
            lambda: panels.recommendations.basis_text(str) == "by street, avoids 1 flooded area",
            what=lambda: panels.recommendations.basis_text(str),
        )
        count = len(asked)
        times.ask_again()
        panels.recommender.refresh()
        wait_for(
            lambda: panels.recommendations.basis_text(str) == "by street, what is closed now not yet looked at",
            what=lambda: panels.recommendations.basis_text(str),
        )
        assert len(asked) == count + 1


def test_what_was_read_then_is_shown_without_being_asked_for(panels: Panels) -> None:
    panels.write(Loaded.WHOLE)
    panels.board_updater.on_touched(Touched(everything=True))
    wait_for(lambda: panels.window_state.loaded is Loaded.WHOLE, what="all is read")
    wait_for(lambda: [unit for unit in panels.units.shown if unit.job.startswith("2 ")], what="the unit's job")
    wait_for(lambda: panels.recommendations.units, what="the advice")
    assert "1 job ahead" in panels.recommendations.units[0].reasons
    ticket = panels.ticket.ticket()
    assert ticket is not None
    assert (ticket.unread, len(ticket.timeline)) == ("", 1)
    wait_for(lambda: "Not loaded" not in panels.charts._arrivals.accessibleName(), what="the charts")


@pytest.mark.parametrize("priority", [1, 3])
def test_a_unit_that_has_work_is_sent_next_and_told_where_that_is_a_hazard(panels: Panels, priority: int) -> None:
    """The button promised the unit for a fire, and it was on its way to another P1."""
    panels.write(Loaded.WHOLE)
    writer = CacheWriter(panels.profile)
    writer.apply("city", items(report("2", status=Status.ASSIGNED, priority=priority), seq=20), at(20))
    writer.close()
    panels.board_updater.on_touched(Touched(everything=True))
    wait_for(lambda: panels.window_state.loaded is Loaded.WHOLE, what="all is read")
    wait_for(lambda: panels.recommendations.units, what="the advice")
    now = Situation(report=True, status=Status.NEW, me="rina", advice=True, has_place=True)
    panels.ticket_controller.set_situation(now)
    assert ("on another P1" in panels.recommendations.units[0].reasons) is (priority == 1)
    ticket = panels.ticket.ticket()
    assert ticket is not None
    assert [action.text for action in ticket.actions if action.id == "dispatch"] == ["Dispatch SDA-03 next"]


def test_of_a_report_without_a_place_no_unit_is_armed_and_what_to_do_is_said(panels: Panels) -> None:
    """Enter would have sent the first of units that were ranked without any distance."""
    panels.write(Loaded.WHOLE)
    panels.board_updater.on_touched(Touched(everything=True))
    wait_for(lambda: panels.window_state.loaded is Loaded.WHOLE, what="all is read")
    row = panels.reader.row_of("city", "3")
    assert row is not None
    panels.window_state.choose(row)
    wait_for(lambda: panels.recommendations.row == row, what="the advice")
    assert panels.recommendations.units == ()
    assert panels.recommendations.no_unit.startswith("The place is missing")
    ticket = panels.ticket.ticket()
    assert ticket is not None
    assert ticket.advice_empty == panels.recommendations.no_unit
    assert [action.id for action in ticket.actions if action.filled] == ["place"], "Enter asks for the place"
    assert not any(action.id == "dispatch" for action in ticket.actions)


@pytest.mark.parametrize(
    ("agency", "of_unit", "is_on_it", "why"),
    [
        (
            "sp",
            "sda",
            False,
            "Satpol PP was asked, and has no unit here. 1 unit of another agency could go: SDA-03 (Shift+A).",
        ),
        ("sp", "sp", True, "All units of Satpol PP, which was asked, are on it."),
        (None, "sda", True, "No other unit is known."),
    ],
)
def test_why_no_unit_can_be_recommended(
    panels: Panels, agency: str | None, of_unit: str, is_on_it: bool, why: str
) -> None:
    """ "No other unit is known" stood over a report without any unit: other than which?"""
    status = Status.COORDINATION if agency else Status.ASSIGNED
    unit = Unit("u", "SDA-03", UnitState.AVAILABLE, T0, agency=of_unit)
    job = Assignment("a", "1", "u", AssignmentState.EN_ROUTE, T0, "rina", T0)
    writer = CacheWriter(panels.profile)
    found = [
        PageItem("agency", 10, "sp", Agency("sp", "Satpol PP")),
        PageItem("unit", 11, "u", unit),
        *items(report("1", status=status, agency=agency, lat=-6.21, lon=106.81), seq=12),
        *([PageItem("assignment", 13, "a", job)] if is_on_it else []),
    ]
    writer.apply("city", found, at(13))
    writer.close()
    panels.board_updater.on_touched(Touched(everything=True))
    wait_for(lambda: panels.recommendations.no_unit == why, 10, why)
    ticket = panels.ticket.ticket()
    assert ticket is not None
    assert ticket.advice_empty == why


def test_of_a_p1_that_was_passed_on_the_nearest_is_recommended_whoever_was_asked(panels: Panels) -> None:
    """The asked agency's pump was 28 min away and armed; that of the fire brigade, 15 min away, was named nowhere."""
    at_once: dict[str, Any] = {"position_at": T0, "lon": 106.81}
    found = [
        PageItem("agency", 10, "sp", Agency("sp", "Satpol PP")),
        PageItem("unit", 11, "u", Unit("u", "SP-01", UnitState.AVAILABLE, T0, lat=-6.3, agency="sp", **at_once)),
        PageItem("unit", 12, "v", Unit("v", "DMK-01", UnitState.AVAILABLE, T0, lat=-6.22, agency="dmk", **at_once)),
        *items(report("1", status=Status.COORDINATION, agency="sp", priority=1, lat=-6.21, lon=106.81), seq=14),
    ]
    writer = CacheWriter(panels.profile)
    writer.apply("city", found, at(14))
    writer.close()
    panels.board_updater.on_touched(Touched(everything=True))
    wait_for(
        lambda: [unit.code for unit in panels.recommendations.units] == ["DMK-01", "SP-01"],
        10,
        "both, the nearest first",
    )


def test_of_a_report_that_was_passed_on_the_able_units_of_others_are_counted_and_named(panels: Panels) -> None:
    """The asked agency had nobody; that three free pumps of the fire brigade stood near was told nowhere."""
    fire: dict[str, Any] = {"agency": "dmk", "position_at": T0, "lon": 106.81}
    found = [
        PageItem("agency", 10, "sp", Agency("sp", "Satpol PP")),
        PageItem("unit", 11, "u", Unit("u", "DMK-03", UnitState.AVAILABLE, T0, lat=-6.2, **fire)),
        PageItem("unit", 12, "v", Unit("v", "DMK-01", UnitState.AVAILABLE, T0, lat=-6.3, **fire)),
        PageItem("unit", 13, "w", Unit("w", "DMK-02", UnitState.OFF_SHIFT, T0, lat=-6.2, **fire)),
        *items(report("1", status=Status.COORDINATION, agency="sp", lat=-6.21, lon=106.81), seq=14),
    ]
    writer = CacheWriter(panels.profile)
    writer.apply("city", found, at(14))
    writer.close()
    panels.board_updater.on_touched(Touched(everything=True))
    asked = "Satpol PP was asked, and has no unit here."
    wait_for(lambda: panels.recommendations.no_unit.startswith(asked), 10, asked)
    others = panels.recommendations.no_unit.removeprefix(asked)
    assert others == " 2 units of other agencies could go: DMK-03, 1.1 km (Shift+A)."
    assert panels.recommendations.units == (), "Enter sends none of an agency that was not asked"
    assert [one.code for one in panels.recommendations.further] == ["DMK-03", "DMK-01"]


def test_of_a_report_that_awaits_validation_duplicates_are_looked_for_and_no_unit(panels: Panels) -> None:
    """Two of one flood, 19 m and a second apart, had each its crew; at both "No possible duplicate" was said."""
    place: dict[str, Any] = {"lat": -6.21, "lon": 106.81}
    unit = Unit("u", "SDA-03", UnitState.AVAILABLE, T0, lat=-6.2, lon=106.81, position_at=T0)
    writer = CacheWriter(panels.profile)
    found = [
        PageItem("unit", 11, "u", unit),
        *items(report("1", status=Status.VALIDATION, **place), report("4", **place), seq=12),
    ]
    writer.apply("city", found, at(14))
    writer.close()
    panels.board_updater.on_touched(Touched(everything=True))
    wait_for(lambda: [one.number for one in panels.recommendations.duplicates] == ["4"], 10, "the duplicate")
    assert panels.recommendations.able == ()
    assert panels.recommendations.no_unit == ""


def test_a_main_report_lists_what_was_merged_into_it_and_opens_it(panels: Panels, qtbot: QtBot) -> None:
    """The main report said "×1 duplicate", and nowhere which, nor what it says."""
    photo = Photo("ab" * 32, PhotoRole.REPORT)
    closed = {"status": Status.CLOSED, "merged_into": "1"}
    writer = CacheWriter(panels.profile)
    found = items(
        report("1", duplicates=1),
        report("3", description="Water up to the knee", photos=(photo,), **closed),
        report("4", description="About 1", **(closed | {"merged_into": "2"})),
        report("5", description='"1"'),
        seq=20,
    )
    writer.apply("city", found, at(24))
    writer.apply("other", items(report("1"), report("9", **closed)), at(5))
    writer.close()
    panels.board_updater.on_touched(Touched(everything=True))

    def merged() -> list[tuple[str, str, str]]:
        ticket = panels.ticket.ticket()
        return [(row.number, row.text, row.why) for row in ticket.merged] if ticket is not None else []

    wait_for(merged, 10, "what was merged")
    assert merged() == [("3", "Water up to the knee", "1 photo")]
    assert panels.ticket._merged_head.isVisible()
    assert panels.ticket._merged_head.accessibleName() == "Merged into this report 1"
    with qtbot.waitSignal(panels.ticket.duplicate_opened) as opened:
        qtbot.mouseClick(panels.ticket._merged, Qt.MouseButton.LeftButton, pos=QPoint(60, 12))
    assert opened.args == [panels.reader.row_of("city", "3")]
    panels.window_state.choose(opened.args[0])
    wait_for(
        lambda: panels.details_reader.current is not None and panels.details_reader.current.key == "3", 10, "it is open"
    )
    assert not panels.ticket._merged_head.isVisible()


def test_the_earlier_reports_of_a_place_are_found_in_the_cache(panels: Panels) -> None:
    place: dict[str, Any] = {"lat": -6.21, "lon": 106.81}
    writer = CacheWriter(panels.profile)
    items_read = [
        PageItem("service", 11, "road", Service("road", "Jalan rusak")),
        *items(
            report("4", description="Water up to the knee", address="Jl. Bukit 5", **place),
            report("5", service="road", priority=1, status=Status.PROGRESS, lat=-6.212, lon=106.81),
            report("6", service="road", **place),
            seq=12,
        ),
    ]
    writer.apply("city", items_read, at(15))
    writer.close()
    panels.board_updater.on_touched(Touched(everything=True))
    last = panels.reader.row_of("city", "6")
    assert last is not None
    wait_for(lambda: (view := panels.window_state.view) is not None and view.snapshot.facts([last]), what="the last")
    finder = NearbyFinder(panels.window_state, panels.tasks, lambda: panels.reader, lambda _: T0)
    told: list[NearbyFound] = []

    def ask(**values: Any) -> NearbyFound:
        told.clear()
        finder.find("city", values, told.append)
        wait_for(lambda: told, what="what is known of the place")
        return told[0]

    assert ask(service="flood", text="") == NearbyFound(none="Looked for as soon as the place is known.")
    found = ask(service="flood", text="knee water", lat=-6.21, lon=106.8101)
    assert [(one.number, one.service, one.state, one.letter, one.distance) for one in found.rows] == [
        ("4", "Banjir", "New", "N", "10 m"),
        ("1", "Banjir", "New", "N", "10 m"),
        ("5", "Jalan rusak", "In progress", "W", "220 m"),
    ]
    four = found.rows[0]
    assert (four.text, four.where, found.rows[2].priority) == ("Water up to the knee", "Jl. Bukit 5", 1)
    assert (found.looked_for, found.count) == ("this kind 100 m, 24 h · P1 300 m", 3)
    found = ask(service="road", text="", lat=-6.21, lon=106.8101, within_m=200.0)
    assert [(one.number, one.distance) for one in found.rows] == [("5", "≤ 420 m"), ("6", "≤ 210 m")]
    assert ask(lat=-6.21, lon=106.8101).looked_for == "every kind 100 m, 24 h · P1 300 m"
    none = "None of this kind within 100 m that is open or was changed in 24 h, no open P1 within 300 m."
    assert ask(service="flood", lat=-6.3, lon=106.8) == NearbyFound((), "this kind 100 m, 24 h · P1 300 m", 0, none)
