"""The charts say what they count, over which time, and count it; what is chosen is compared with the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from api_client.model import Service
from console.board.snapshot import BoardSnapshot
from console.board.view import make_view
from console.cache.catalog import Catalog, Cities
from console.panels.charts import ChartsController
from console.panels.window_state import WindowState
from console.rules.filter import TABS, Filter
from console.rules.time_range import TimeRange
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.board import naive
from tests.unit.board.naive import NOW, R
from tests.widgets.sample import make_theme
from widgets.charts import ChartsPanel

NAMES = {"flood": "Banjir", "road": "Jalan rusak", "lamp": "Lampu"}


class Charts:
    """The panel over a handful of reports; the desk's own Views, made at once."""

    def __init__(self, qtbot: QtBot, reports: Sequence[R], read_s: int | None = None) -> None:
        """`read_s` is to when the reports have been read, None for now."""
        self.panel = ChartsPanel(make_theme())
        qtbot.addWidget(self.panel)
        self.panel.resize(600, 212)
        self.panel.show()
        self.window_state = WindowState("rina", Filter(), UTC, ACTIONS)
        city = Catalog(services={code: Service(code, name) for code, name in NAMES.items()})
        self.window_state.cities = Cities({"city": city}, dict(naive.WORDS))
        self._snapshot = BoardSnapshot.build(naive.columns(list(reports)))
        moment = datetime.fromtimestamp(NOW, UTC)
        as_of = moment if read_s is None else datetime.fromtimestamp(read_s, UTC)
        self.controller = ChartsController(
            self.panel, self.window_state, lambda: "5 s ago", UTC, lambda: moment, self.panel, as_of=lambda: as_of
        )
        self.window_state.filter_changed.connect(lambda _: self.show())
        self.window_state.range_changed.connect(lambda _: self.show())
        self.show()

    def show(self) -> None:
        """A View of what the desk asks for, on the screen."""
        asked, more = self.window_state.filter, self.window_state.time_range
        self.window_state.set_view(make_view(self._snapshot, asked, NOW, 1, words=naive.WORDS, time_range=more))
        wait_for(lambda: self.controller._soon.isActive() is False, what="the charts")
        QApplication.processEvents()

    def head(self, name: str) -> str:
        """Title, figure and note of a chart."""
        return {
            "arrivals": self.panel._arrivals,
            "categories": self.panel._categories,
            "trend": self.panel._trend,
        }[name].accessibleName()

    def bars(self) -> list[tuple[str, int, bool]]:
        return [(bar.label, bar.count, bar.dim) for bar in self.panel.categories()]


def city(**more: Any) -> list[R]:
    """Three floods (one unassigned P3), two roads that somebody has, a lamp that is closed."""
    return [
        R(row=1, service=1),
        R(row=2, service=1, claim=1),
        R(row=3, service=1, status=naive.PROGRESS),
        R(row=4, service=2, claim=1, due=NOW - 60, due_state=naive.BREACHED),
        R(row=5, service=2, claim=1, priority=2),
        R(row=6, service=3, status=naive.RESOLVED),
    ]


def test_charts_count_what_the_queue_shows_and_say_so(qtbot: QtBot) -> None:
    charts = Charts(qtbot, city())
    assert charts.panel.heading() == "all reports · 5 s ago"
    assert charts.head("categories") == "Open · all ages: 5, 1 overdue"
    assert charts.bars() == [("Banjir", 3, False), ("Jalan rusak", 2, False)]
    assert charts.head("arrivals").startswith("Reported per hour, any status: 0, this hour")
    charts.window_state.set_filter(Filter(tab="unassigned", priorities=(3,)))
    assert charts.panel.heading() == "reports: P3 · 5 s ago"
    assert charts.head("categories") == "Unassigned · all ages: 1, 0 overdue"
    assert charts.bars() == [("Banjir", 1, False)]
    charts.window_state.set_filter(Filter(tab="closed"))
    assert charts.panel.heading() == "all reports · 5 s ago"
    assert charts.head("categories") == "Closed · changed in 24 h: 1, "
    assert charts.bars() == [("Lampu", 1, False)]


def test_each_chart_says_its_own_base_where_it_is_not_that_of_the_heading(qtbot: QtBot) -> None:
    """The word "all" stood over reports to validate, those of the whole city, and those of 14 days."""
    reports = [*city(), R(row=7, service=3, status=naive.VALIDATION, created=NOW - 90 * 86400)]
    charts = Charts(qtbot, reports)
    charts.window_state.set_filter(Filter(tab="validate"))
    assert charts.panel.heading() == "all reports · 5 s ago"
    assert charts.head("categories") == "To validate · all ages: 1, 0 overdue"
    assert charts.bars() == [("Lampu", 1, False)]
    assert charts.head("arrivals").startswith("Reported per hour, any status: ")
    charts.window_state.set_filter(Filter(tab="validate", hour=NOW - 7200, priorities=(3,)))
    assert charts.panel.heading() == "reports: P3 · 5 s ago"  # what came in is not counted by its own hour
    assert charts.head("categories") == "To validate · chosen time: 0, 0 overdue"
    charts.window_state.set_filter(Filter(overdue=True))
    assert charts.head("arrivals").startswith("Reported per hour: ")


def test_an_hour_that_was_not_read_is_not_one_without_reports(qtbot: QtBot) -> None:
    """Cut off since 01:52 the chart said at two "0 this hour", and drew the hour as empty."""
    reports = [R(row=at, service=1, created=NOW - at * 600) for at in range(1, 100)]
    hour = NOW - NOW % 3600
    read = Charts(qtbot, reports)
    assert read.head("arrivals") == "Reported per hour, any status: 1, this hour so far, usual 0"
    part = Charts(qtbot, reports, read_s=hour + 60)
    assert (
        part.head("arrivals")
        == f"Reported per hour, any status: 1, this hour to {datetime.fromtimestamp(hour, UTC):%H}:01, usual 0"
    )
    cut = Charts(qtbot, reports, read_s=hour - 480)
    assert cut.head("arrivals") == "Reported per hour, any status: –, this hour not read, usual 0"
    assert cut.panel.rows("arrivals")[-1][1] == ""
    assert cut.panel.rows("arrivals")[-2][1] == read.panel.rows("arrivals")[-2][1] == "6"
    assert cut.panel.bar_words("arrivals", 23).partition(": ")[2].startswith("–")
    wait_for(lambda: cut.panel._arrivals._canvas is not None, what="the plot")
    cut.panel.grab()
    assert [text for text, *_ in cut.panel._arrivals._canvas.texts if text == "–"] == ["–"]


@pytest.mark.parametrize("key", list(TimeRange))
@pytest.mark.parametrize("newest", [NOW - 60, int(datetime(2018, 12, 31, 22, tzinfo=UTC).timestamp())])
def test_no_caption_is_cut(qtbot: QtBot, key: TimeRange, newest: int) -> None:
    reports = [R(row=at, service=1, status=naive.RESOLVED if at % 2 else naive.PROGRESS, created=newest - at * 600,
                 due=NOW - 60, due_state=naive.MET) for at in range(1, 1201)]  # fmt: skip
    charts = Charts(qtbot, reports)
    charts.window_state.set_range(key)
    for filter_ in [Filter(tab=tab) for tab in TABS] + [Filter(tab=tab, older_s=60) for tab in TABS]:
        charts.window_state.set_filter(filter_)
        for plot in charts.panel._plots.values():
            room, caption = plot.width() - 24, QFontMetricsF(make_theme().font("caption"))
            figure = QFontMetricsF(make_theme().font("title", 600)).horizontalAdvance(plot._figure) + 8
            assert caption.horizontalAdvance(plot.title) <= room, plot.title
            assert figure + caption.horizontalAdvance(plot._note) <= room, plot._note


def test_a_chosen_category_dims_the_others_and_a_second_comes_beside_it(qtbot: QtBot) -> None:
    charts = Charts(qtbot, city())
    charts.panel.category_chosen.emit("road")
    assert charts.window_state.filter == Filter(services=("road",))
    assert charts.bars() == [("Banjir", 3, True), ("Jalan rusak", 2, False)]
    assert charts.head("categories") == "Open · all ages: 2, 1 overdue"
    charts.panel.category_added.emit("flood")
    assert charts.window_state.filter.services == ("road", "flood")
    assert charts.bars() == [("Banjir", 3, False), ("Jalan rusak", 2, False)]
    charts.panel.category_chosen.emit("flood")
    assert charts.window_state.filter.services == ("flood",)
    charts.panel.category_chosen.emit("flood")
    assert charts.window_state.filter.services == ()


def test_what_the_filter_names_stays_in_sight_and_bars_add_up(qtbot: QtBot) -> None:
    words = {number: ("city", f"c{number}") for number in range(1, 10)}
    reports = [R(row=100 * kind + at, service=kind) for kind in range(1, 10) for at in range(20 - kind)]
    charts = Charts(qtbot, reports)
    charts.window_state.cities = Cities({"city": Catalog()}, {**naive.WORDS, "service": words})
    charts.window_state.set_filter(Filter(services=("c9",)))
    view = make_view(charts._snapshot, charts.window_state.filter, NOW, 2, words=charts.window_state.cities.words)
    charts.window_state.set_view(view)
    QApplication.processEvents()
    wait_for(lambda: charts.bars()[-2][0] == "c9", what="the bars")
    assert charts.bars() == [
        *((f"c{kind}", 20 - kind, True) for kind in range(1, 6)), ("c9", 11, False), ("Others", 14 + 13 + 12, True)
    ]  # fmt: skip
    assert sum(count for _, count, _ in charts.bars()) == len(reports)


def test_where_all_is_late_only_what_is_worse_stands_out(qtbot: QtBot) -> None:
    late = {"due": NOW - 60, "due_state": naive.BREACHED}
    reports = [R(row=number, service=1, **late) for number in range(10)]
    reports += [R(row=20 + number, service=2, **(late if number < 4 else {})) for number in range(10)]
    charts = Charts(qtbot, reports)
    assert {bar.label: bar.loud for bar in charts.panel.categories()} == {"Banjir": True, "Jalan rusak": False}


@pytest.mark.parametrize(
    ("key", "arrivals", "bars", "trend"),
    [
        ("24h", "Reported per hour, any status: 2, 24 h to 31 Dec 2018", 24, "31 Dec 2018"),
        ("7d", "Reported per day, any status: 3, 7 d to 31 Dec 2018", 7, "31 Dec 2018"),
        ("30d", "Reported per day, any status: 4, 30 d to 31 Dec 2018", 30, "31 Dec 2018"),
        ("1y", "Reported per month, any status: 5, 1 y to 31 Dec 2018", 12, "Dec 2018"),
        ("all", "Reported per month, any status: 6, all to 31 Dec 2018", 15, "Dec 2018"),
    ],
)
def test_an_export_of_another_year_shows_its_own_time(
    qtbot: QtBot, key: str, arrivals: str, bars: int, trend: str
) -> None:
    end = int(datetime(2018, 12, 31, 22, tzinfo=UTC).timestamp())
    days = (0, 0.5, 3, 20, 200, 430)
    reports = [R(row=at, status=naive.RESOLVED, created=int(end - day * 86400), due_state=naive.MET)
               for at, day in enumerate(days, 1)]  # fmt: skip
    charts = Charts(qtbot, reports)
    charts.panel.range_chosen.emit(key)
    assert charts.window_state.time_range is TimeRange(key)
    assert charts.head("arrivals") == arrivals
    assert charts.panel.heading() == "all reports · the newest is of 31 Dec 2018 · 5 s ago"
    assert charts.panel._trend.ends[0] == {"24h": "18 Dec", "7d": "18 Dec", "30d": "2 Dec", "1y": "1 Jan"}.get(
        key, "1 Oct 2017"
    )
    assert len(charts.panel._arrivals.labels) == bars
    shown = {"24h": "14 d", "7d": "14 d", "30d": "30 d", "1y": "1 y"}.get(key, "all")
    assert charts.head("trend") == f"In time, {shown}, goal 90 %: 100 %, {trend}"
    charts.panel.arrival_chosen.emit(bars - 1)
    charts.window_state.set_filter(charts.window_state.filter.with_tab("closed"))
    view = charts.window_state.view
    assert view is not None
    assert len(view.order) == view.arrivals.counts[-1] > 0
    chip = dict(charts.window_state.chips())
    assert set(chip) == {"hour" if key == "24h" else "created"}
    charts.panel.arrival_chosen.emit(bars - 1)
    assert charts.window_state.chips() == []


def test_the_figure_of_the_share_in_time_is_of_the_last_day_whose_clocks_have_ended(qtbot: QtBot) -> None:
    ended = [R(row=at, status=naive.RESOLVED, created=NOW - 8 * 86400, due_state=3 + (at == 5)) for at in range(1, 6)]
    charts = Charts(qtbot, [*ended, R(row=9, due=NOW + 3600, due_state=naive.RUNNING)])
    day = datetime.fromtimestamp(NOW - 8 * 86400, UTC)
    assert charts.head("trend") == f"In time, 14 d, goal 90 %: 80 %, {day.day} {day:%b}"
    assert charts.panel._trend.ends[1] == "today"


def test_of_a_range_that_begins_before_the_oldest_report_the_figure_says_since_when(qtbot: QtBot) -> None:
    charts = Charts(qtbot, [R(row=at, created=NOW - at * 86400) for at in range(1, 4)])
    day = datetime.fromtimestamp(NOW - 3 * 86400, UTC)
    for key, unit in (("7d", "day"), ("30d", "day"), ("1y", "month"), ("all", "month")):
        charts.panel.range_chosen.emit(key)
        assert charts.head("arrivals") == f"Reported per {unit}, any status: 3, since {day.day} {day:%b}"
