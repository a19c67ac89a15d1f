"""Two cities with the same codes in one window: each report has its own city's words, and only its own city's crews."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from api_client.model import Agency, Area, EditBody, Kind, Report, Service, Status, Unit, UnitState
from console.commands.export import select, write
from console.server.city.records import Actor
from tests.helpers.city import console, wait_for
from tests.helpers.hands import outbox, wait_ready
from tests.helpers.live_server import Live, live_server

NOW = datetime.now(UTC)
LAT, LON = -6.2, 106.8


def reports(count: int) -> list[Report]:
    """Reports r1 … of category 001 in area a, near one another, the concern of agency g."""
    return [
        Report(
            f"r{number}", 1, Status.NEW, "001", 3, f"Text {number}", NOW - timedelta(minutes=number), NOW,
            lat=LAT, lon=LON + number / 1e4, area="a", agency="g",
        )
        for number in range(1, count + 1)
    ]  # fmt: skip


def fill(live: Live, category: str, area: str, agency: str, code: str, away: float) -> None:
    """This city's words for the codes that both use; its crews are so many degrees away from the reports."""
    live.city.put_services([Service("001", category, proof=False)])
    live.city.put_areas([Area("a", area, 1)])
    live.city.put_agencies([Agency("g", agency)])
    live.city.put_units(
        [
            Unit(one, name, UnitState.AVAILABLE, NOW, lat=LAT + away, lon=LON, position_at=NOW)
            for one, name in (("x", code), ("U1", "U1"), ("U2", "U2"), ("U3", "U3"))
        ]
    )


class Cities:
    """A window that follows both; "city" has flooded roads and the crew N-7, "south" dead animals and the crew S-9."""

    def __init__(self, window: Any, city: Live, south: Live) -> None:
        self.window, self.city, self.south = window, city, south
        self.said: list[str] = []
        window.actions.message.connect(self.said.append)

    def choose(self, source: str, number: str = "r1") -> Any:
        """Choose a report and wait for its advice; what the ticket shows."""
        window = self.window
        row = window.reader().row_of(source, number)
        window.window_state.choose(row)
        wait_for(lambda: window.situation.chosen is not None and window.situation.chosen.row == row, what=number)
        wait_for(
            lambda: window.situation.recommendations.row == row and window.situation.recommendations.units,
            what="the advice",
        )
        return window.ticket.ticket()

    def type(self, text: str) -> str:
        """Type a line and press Enter; the sentence that stood beside it."""
        self.window.command.focus_line(text)
        sentence = str(self.window.command._line.accessibleDescription())
        QTest.keyClick(self.window.command._line, Qt.Key.Key_Return)
        return sentence

    def sources_shown(self) -> list[str]:
        """The sources of the queue's reports."""
        view, cities = self.window.window_state.view, self.window.window_state.cities
        return [cities.source(fact.source) for fact in view.row_facts(view.order)]

    def units(self) -> dict[str, str]:
        """The units panel: code -> job."""
        model = self.window.units.view.rows_model()
        return {row.code: row.job for row in (model.row(number) for number in range(model.rowCount()))}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, qapp: object) -> Iterator[Cities]:
    folder = tmp_path_factory.mktemp("cities")
    with (
        live_server(folder / "north", reports(2)) as north,
        live_server(folder / "south", reports(3)) as south,
    ):
        fill(north, "Flooded road", "Northside", "Water board", "N-7", 0.2)
        fill(south, "Dead animal", "Southside", "Parks", "S-9", 0.001)
        with console(folder / "profile", north.url, others={"south": south.url}) as window:
            wait_ready(window)
            cities = Cities(window, north, south)
            wait_for(
                lambda: window.window_state.view.total == 5 and len(window.window_state.cities.crews) == 8,
                40,
                "both cities",
            )
            wait_for(lambda: sorted(cities.sources_shown()) == ["city"] * 2 + ["south"] * 3, what="their words")
            yield cities


@pytest.fixture(autouse=True)
def cleared(both: Cities) -> None:
    both.window.window_state.set_filter(both.window.window_state.filter.parse("", zone=UTC))
    wait_for(lambda: len(both.window.window_state.view.order) == 5, what="everything is shown")
    both.said.clear()


def test_each_report_has_the_words_of_its_own_city(both: Cities) -> None:
    window = both.window
    for source, category, area, agency in (
        ("city", "Flooded road", "Northside", "Water board"),
        ("south", "Dead animal", "Southside", "Parks"),
    ):
        ticket = both.choose(source)
        assert ticket.title == f"{category}, {area}"
        assert agency in ticket.meta
        row = window.queue.view.model()._rows[window.window_state.row]
        assert (row.title, row.place) == (category, area)


def test_charts_count_the_cities_apart_and_filter_by_one(both: Cities) -> None:
    window = both.window
    wait_for(lambda: sum(bar.count for bar in window.charts.categories()) == 5, what="the bars")
    bars = {bar.label: bar for bar in window.charts.categories()}
    assert {label: bar.count for label, bar in bars.items()} == {"Flooded road": 2, "Dead animal": 3}
    window.charts.category_chosen.emit(bars["Dead animal"].key)
    wait_for(lambda: len(window.window_state.view.order) == 3, what="the filter")
    assert both.sources_shown() == ["south"] * 3
    assert window.window_state.chips() == [("services", "Category Dead animal")]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("cat=001", {"city": 2, "south": 3}),
        ("cat=flooded", {"city": 2}),
        ('cat="flooded road",dead', {"city": 2, "south": 3}),
        ("cat=dead", {"south": 3}),
        ("area=a", {"city": 2, "south": 3}),
        ("area=northside", {"city": 2}),
        ("agency=parks", {"south": 3}),
        ("cat=city:001", {"city": 2}),
    ],
)
def test_a_code_is_meant_in_every_city_and_a_name_in_its_own(both: Cities, typed: str, shown: dict[str, int]) -> None:
    both.type(f"show {typed}")
    wait_for(lambda: len(both.window.window_state.view.order) == sum(shown.values()), what=typed)
    found = both.sources_shown()
    assert {source: found.count(source) for source in found} == shown


def test_only_own_crews_are_recommended(both: Cities) -> None:
    own = {"N-7", "U1", "U2", "U3"}
    both.choose("city")  # the crews of the other city are much nearer
    advised = both.window.situation.recommendations.units
    assert {one.code for one in advised} <= own
    assert all(one.distance_m > 20_000 for one in advised)
    both.window._tick()
    assert both.window.map._route[0][0] == LAT + 0.2
    both.choose("south")
    assert all(one.distance_m < 1_000 for one in both.window.situation.recommendations.units)
    both.window._tick()
    assert both.window.map._route[0][0] == LAT + 0.001


def test_units_of_both_cities_are_told_apart(both: Cities) -> None:
    window = both.window
    window._tick()
    assert set(both.units()) == {"N-7", "S-9", *(f"U{n} {city}" for n in (1, 2, 3) for city in ("City", "South"))}
    spot = (LAT + 0.5, LON, datetime.now(UTC) + timedelta(minutes=1))
    window.units_controller.set_positions("south", {"U1": spot})
    placed = {(crew.source, crew.unit.id): crew.unit.lat for crew in window.units_controller.crews()}
    assert (placed["south", "U1"], placed["city", "U1"]) == (LAT + 0.5, LAT + 0.2)


def test_the_other_citys_unit_is_refused_in_words(both: Cities) -> None:
    both.choose("city")
    sentence = "S-9 is no unit of City, where this report is"
    for verb in ("d", "as"):
        assert both.type(f"{verb} S-9") == sentence
        assert both.window.command.text() == f"{verb} S-9"  # Enter did nothing
    for verb in ("d", "br"):
        both.window.command.set_text("")
        both.type(f"{verb} S-9 r1")  # r1 of both cities: the chosen one is meant
        wait_for(lambda: both.said, what="the refusal")
        assert both.said == [sentence]
        both.said.clear()
    both.window.unit_commands.dispatch_chosen("no-such-unit")
    assert both.said == ["no-such-unit is no unit of City, where this report is"]
    assert both.window.outbox.open_edits == ()
    assert both.city.city.assignments("r1") == both.south.city.assignments("r1") == []
    both.window.command.set_text("")


def test_a_number_of_two_cities_and_a_code_of_two_units_are_asked_about(both: Cities) -> None:
    both.window.window_state.choose(0)
    both.window.window_state.choose_unit("")
    both.type("d U1 r1")
    wait_for(lambda: both.said, what="the question")
    assert both.said == ["2 cities have a report r1: choose the one in the queue first"]
    sentence = "2 cities have a U1: choose it in the units panel first"
    assert both.type("br U1") == sentence
    assert both.window.command.text() == "br U1"
    assert both.window.outbox.open_edits == ()
    both.window.command.set_text("")


def test_an_order_goes_to_the_unit_of_the_reports_city(both: Cities) -> None:
    window = both.window
    both.choose("south", "r2")
    assert both.type("d U1").startswith("Dispatch U1 to r2 Dead animal")
    wait_for(lambda: both.south.city.assignments("r2"), what="the order")
    assert [one.unit for one in both.south.city.assignments("r2")] == ["U1"]
    assert both.city.city.assignments("r2") == []
    wait_for(lambda: not outbox(window), what="it is at the server")
    wait_for(lambda: both.units()["U1 South"].startswith("r2 Dead animal, Southside"), what="the job")
    assert both.units()["U1 City"] == "none"
    assert both.type("br U1") == "U1 South is on break"
    wait_for(lambda: not outbox(window), what="it is at the server")
    assert {one.state for one in both.city.city.units()} == {UnitState.AVAILABLE}


def test_a_namesake_in_the_other_city_is_somebody_else(both: Cities) -> None:
    """The operator is Rina in the one city and Budi in the other, where another Rina works."""
    window = both.window
    for live in (both.city, both.south):
        live.city.apply(EditBody("claim-r1", Kind.CLAIM), report="r1", actor=Actor("rina", "operator"))
    window.undo_stack.forget_all()
    window.outbox.sign_in("south", "budi")
    wait_for(lambda: "Taken by you" in both.choose("city", "r1").holder, what="one's own")
    wait_for(lambda: "Taken by rina" in both.choose("south", "r1").holder, what="the namesake's")
    window.actions.run("tab_mine")
    wait_for(lambda: both.sources_shown() == ["city"], what="the tab")
    assert window.queue.tab_counts()["mine"] == 1
    window.actions.run("tab_open")
    wait_for(lambda: len(window.window_state.view.order) == 5, what="all are shown")
    rows = window.queue.view.model()._rows
    holders = {}
    for source in ("city", "south"):
        row = window.reader().row_of(source, "r1")
        wait_for(lambda row=row: row in rows and rows[row].holder, what="it is drawn")
        holders[source] = (rows[row].holder, rows[row].mine)
    assert holders == {"city": ("You", True), "south": ("taken rina", False)}
    both.choose("south", "r1")  # which the tab of one's own had left
    assert window.situation.current.me == "budi"
    window.outbox.sign_in("south", "rina")


@pytest.mark.parametrize(("chosen", "city", "words"), [("", "City", "Flooded road"), ("south", "South", "Dead animal")])
def test_a_new_report_is_made_in_the_words_of_the_city_it_goes_to(
    both: Cities, chosen: str, city: str, words: str
) -> None:
    """That of the chosen report, else the first one; the form says which."""
    window = both.window
    if chosen:
        both.choose(chosen, "r1")
    else:
        window.window_state.choose(0)
        wait_for(lambda: window.situation.chosen is None, what="none is chosen")
    window.actions.run("new_report")
    wait_for(lambda: window.forms._new is not None, what="the form")
    assert window.forms._new._about.text() == city
    assert words in [choice.text for choice in window.forms._new.service._all]
    window.forms.close_open()
    wait_for(lambda: window.forms._new is None, what="it is closed")


def test_an_export_names_each_citys_words(both: Cities, tmp_path: Path) -> None:
    window, out = both.window, tmp_path / "all.csv"
    selection = select(window._options.profile, window.reader(), window.settings.here, "", datetime.now(UTC))
    assert write("csv", out, selection, window.reader()) == 5
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = {(row["source"], row["category"], row["area"], row["agency"]) for row in csv.DictReader(file)}
    assert rows == {
        ("City", "Flooded road", "Northside", "Water board"),
        ("South", "Dead animal", "Southside", "Parks"),
    }
