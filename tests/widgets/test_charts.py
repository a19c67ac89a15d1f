"""The charts: pyqtgraph only after the first paint, bars as intents by mouse and keyboard, no zero for no data."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.widgets.sample import HOSTILE, make_theme
from widgets.charts import CategoryBar, ChartsPanel, nice_top


def make_charts(qtbot: QtBot) -> ChartsPanel:
    panel = ChartsPanel(make_theme())
    qtbot.addWidget(panel)
    panel.resize(600, 212)
    panel.set_ranges([("24h", "24 h"), ("7d", "7 d"), ("all", "All")], "24h")
    panel.set_arrivals([f"{hour:02d}" for hour in range(24)], list(range(24)), [9.5] * 24, "23", "usual 10")
    panel.set_categories([CategoryBar("flood", "Banjir", 312, 1), CategoryBar("x", HOSTILE, 10)], "322", "1 overdue")
    panel.set_trend([90, math.nan, 86], 90, "86 %", "goal 90 %", title="Coordinated in 6 h", ends=("14 Jan", "today"))
    with qtbot.waitExposed(panel):
        panel.show()
    qtbot.waitUntil(lambda: panel._arrivals._canvas is not None)
    return panel


def test_pyqtgraph_is_not_imported_with_the_module() -> None:
    code = "import sys, widgets.charts; sys.exit('pyqtgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_click_on_a_bar_is_an_intent(qtbot: QtBot) -> None:
    panel = make_charts(qtbot)
    canvas = panel._arrivals._canvas.viewport()
    with qtbot.waitSignal(panel.arrival_chosen) as hour:
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(canvas.width() - 3, 40))
    assert hour.args == [23]
    canvas = panel._categories._canvas.viewport()
    with qtbot.waitSignal(panel.category_chosen) as category:
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, canvas.height() // 4))
    assert category.args == ["flood"]
    for beside in (Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier):
        with qtbot.waitSignal(panel.category_added) as added, qtbot.assertNotEmitted(panel.category_chosen):
            qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, beside, QPoint(100, canvas.height() * 3 // 4))
        assert added.args == ["x"]


def test_bars_by_keyboard(qtbot: QtBot) -> None:
    panel = make_charts(qtbot)
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    panel.setFocus()
    QTest.keyClick(panel._arrivals, Qt.Key.Key_Left)
    with qtbot.waitSignal(panel.arrival_chosen) as hour:
        QTest.keyClick(panel._arrivals, Qt.Key.Key_Return)
    assert hour.args == [22]
    assert "22: 22" in panel._arrivals.accessibleDescription()


def test_drawn_bars_have_the_heights_of_the_counts(qtbot: QtBot) -> None:
    panel = make_charts(qtbot)
    (bars,) = panel._arrivals._canvas.bars
    assert bars.scene() is panel._arrivals._canvas.scene()
    heights = bars.opts["height"]
    assert heights[0] == pytest.approx(0)
    assert heights[23] / heights[1] == pytest.approx(23)
    now = bars.opts["brushes"][23]
    assert now != bars.opts["brushes"][22]


def test_no_data_is_said_and_no_zero_is_drawn(qtbot: QtBot) -> None:
    panel = make_charts(qtbot)
    panel.set_no_data("trend", "Not loaded here. Needs the server.")
    assert not panel._trend._canvas.isVisible()
    assert "Not loaded here" in panel._trend.accessibleName()
    panel.grab()
    panel.set_trend([88, 90], 90, "90 %", "goal 90 %")
    assert panel._trend._canvas.isVisible()


def test_equal_data_is_not_drawn_again(qtbot: QtBot) -> None:
    panel = make_charts(qtbot)
    canvas = panel._arrivals._canvas
    before = [*canvas.bars, *canvas.curves]
    assert before
    panel.set_arrivals([f"{hour:02d}" for hour in range(24)], list(range(24)), [9.5] * 24, "23", "usual 11")
    assert [*canvas.bars, *canvas.curves] == before


@pytest.mark.parametrize(("most", "top"), [(1, 2), (4, 4), (9, 10), (47, 50), (51, 60), (312, 400), (1001, 2000)])
def test_scales_end_on_round_numbers(most: float, top: int) -> None:
    assert nice_top(most) == top


def test_the_goal_line_stands_at_its_value_also_after_the_axis_has_changed(qtbot: QtBot) -> None:
    """The plot kept the lines of the drawing before: a goal of 90 stood at 85, and the curve seemed to reach it."""
    panel = make_charts(qtbot)
    theme, canvas = make_theme(), panel._trend._canvas
    goal = theme.color("chart.target").rgb()

    def drawn(values: list[float]) -> list[int]:
        panel.set_trend(values, 90, "95 %", "goal 90 %")
        QApplication.processEvents()
        image = canvas.grab().toImage()
        return [y for y in range(image.height()) if image.pixelColor(image.width() // 2, y).rgb() == goal
                or image.pixelColor(image.width() // 2 + 4, y).rgb() == goal]  # fmt: skip

    def place(value: float, low: float, high: float) -> int:
        base, top = canvas.height() - theme.px(16), theme.px(6)
        at: float = base - (value - low) / (high - low) * (base - top)
        return round(at)

    assert drawn([95, 98, 97]) == [place(90, 80, 100)]
    assert drawn([75, 98, 97]) == [place(90, 60, 100)]


def test_the_time_range_is_chosen_by_keyboard_and_mouse_and_the_heading_says_what_is_counted(qtbot: QtBot) -> None:
    panel = make_charts(qtbot)
    panel.set_heading("all reports · 5 s ago")
    assert panel.heading() == "all reports · 5 s ago"
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    panel._ranges.setFocus()
    with qtbot.waitSignal(panel.range_chosen) as chosen:
        QTest.keyClick(panel.focusWidget(), Qt.Key.Key_Right)
    assert chosen.args == ["7d"]
    bar = panel._ranges._bar
    with qtbot.waitSignal(panel.range_chosen) as chosen:
        qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(2).center())
    assert chosen.args == ["all"]


def test_categories_that_were_not_chosen_stay_there_dimmed_and_all_others_have_no_bar(qtbot: QtBot) -> None:
    panel, theme = make_charts(qtbot), make_theme()
    bars = [
        CategoryBar("a", "Banjir", 40, 40, loud=False),
        CategoryBar("b", "Sampah", 20, 5, dim=True),
        CategoryBar("", "Others", 493, 200, dim=True),
    ]
    panel.set_categories(bars, "553", "245 overdue")
    items = panel._categories._canvas.bars
    widths, brushes = items[0].opts["width"], items[0].opts["brushes"]
    assert widths[1] == pytest.approx(widths[0] / 2)
    assert widths[2] == 0
    assert [brush.color().rgb() for brush in brushes[:2]] == [
        theme.color(name).rgb() for name in ("chart.bar", "border.control")
    ]
    late = items[1]  # the late part of the chosen one only; it is no worse than the rest, and no amber
    assert [brush.color().rgb() for brush in late.opts["brushes"]] == [theme.color("text.tertiary").rgb()]


@pytest.mark.parametrize("most", [800, 40_000, 2_000_000])
def test_no_number_of_an_axis_is_cut_and_a_click_still_meets_its_bar(qtbot: QtBot, most: int) -> None:
    """A cut 800 reads as 300, and 40,000 as 000."""
    panel = make_charts(qtbot)
    panel.set_arrivals(["Oct", "Nov"], [most / 2, most], [], "1", "in 12 months")
    panel.set_trend([most, most / 2], None, "1", "")
    for plot in (panel._arrivals, panel._trend):
        texts = plot._canvas.texts
        assert f"{most:,}" in [text for text, *_ in texts]
        for text, left, _, _, role, anchor in texts:
            assert left - anchor * QFontMetricsF(make_theme().font(role)).horizontalAdvance(text) >= 0
    canvas = panel._arrivals._canvas
    (bars,) = canvas.bars
    assert bars.opts["x0"][0] > QFontMetricsF(make_theme().font("micro")).horizontalAdvance(f"{most:,}")
    first = QPoint(int(bars.opts["x0"][1]) - 3, 40)
    with qtbot.waitSignal(panel.arrival_chosen) as chosen:
        qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=first)
    assert chosen.args == [0]
