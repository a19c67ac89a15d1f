"""Right click, hover and copying: what is shown can be taken elsewhere, and what is cut can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QToolTip

from console.rules.filter import Filter
from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import CTRL, find, form, key, outbox, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("copying")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "600", "--users", users) as server:
        yield server


@pytest.fixture
def window(city: Served, tmp_path: Path) -> Iterator[Any]:
    with console(tmp_path, city.address) as one:
        wait_ready(one)
        yield one


def copied() -> str:
    return QApplication.clipboard().text()


def open_menu(one: Any) -> dict[str, Any]:
    """The words of the menu that is open -> its entries."""
    wait_for(lambda: any(menu.isVisible() for menu in one.window.findChildren(QMenu)), what="a menu")
    (menu,) = [menu for menu in one.window.findChildren(QMenu) if menu.isVisible()]
    return {entry.text(): entry for entry in menu.actions() if entry.text()} | {"": menu}


def test_a_right_click_chooses_the_row_and_offers_what_can_be_done_to_it(window: Any) -> None:
    find(window, "unassigned", lambda now: now.advice and now.has_place)
    view = window.queue.view
    number = view.rows_in_sight().start + 2
    spot = view.row_box(number).center()
    click = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, view.viewport().mapToGlobal(spot))
    QApplication.sendEvent(view.viewport(), click)
    assert window.window_state.row == int(view.rows.keys[number])
    entries = open_menu(window)
    assert {"Take\tT", "Copy in one line\tCtrl+C", "Copy the coordinates"} <= entries.keys()
    assert not any(words.startswith("Reopen") for words in entries), "what cannot be done is not offered"
    entries["Take\tT"].trigger()
    entries[""].close()
    wait_for(lambda: window.situation.current.holder == "rina", what="taken")
    window.actions.run("tab_mine")  # out of the list of what nobody has taken it goes by itself
    wait_for(
        lambda: window.window_state.view.filter.tab == "mine" and view.currentIndex().isValid(), what="it is among mine"
    )
    keyboard = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
    QApplication.sendEvent(view.viewport(), keyboard)
    entries = open_menu(window)
    assert any(words.startswith("Release") for words in entries)
    entries[""].close()


def test_what_is_copied_has_its_number_coordinates_and_link(window: Any, city: Served) -> None:
    number = find(window, "unassigned", lambda now: now.has_place)
    report = window.situation.chosen.shown
    place = f"{report.lat:.5f}, {report.lon:.5f}"
    assert ("Coordinates", place, "") in window.ticket.ticket().facts
    key(window, "C", CTRL)
    assert copied().startswith(f"{number}; P{report.priority} ")
    assert place in copied()
    assert "\n" not in copied()
    for action, text in (
        ("copy_number", number),
        ("copy_place", place),
        ("copy_link", f"{city.address}/r/{number}"),
    ):
        assert window.actions.run(action)
        assert copied() == text
    title = window.ticket._title
    QApplication.clipboard().clear()
    window.window.grab()
    QTest.mouseClick(title, Qt.MouseButton.LeftButton, pos=title._number_box.center())
    assert copied() == number
    window.window.focus_panel("units")
    wait_for(lambda: window.window_state.unit, what="a unit")
    key(window, "C", CTRL)
    assert copied().startswith(window.window_state.code_of(window.window_state.cities.crew(window.window_state.unit)))


def test_hovering_tells_all_of_what_is_cut(window: Any) -> None:
    find(window, "unassigned", lambda now: now.advice)
    view = window.queue.view
    wait_for(lambda: view.rows.row(view.rows_in_sight().start) is not None, what="texts")
    row = view.rows.row(view.rows_in_sight().start)
    spot = view.row_box(view.rows_in_sight().start).center()
    QApplication.sendEvent(view.viewport(), QHelpEvent(QEvent.Type.ToolTip, spot, view.viewport().mapToGlobal(spot)))
    assert row.title in QToolTip.text()
    assert row.place in QToolTip.text().replace("&#x27;", "'")
    QToolTip.hideText()
    advice = window.ticket._advice
    QApplication.sendEvent(advice, QHelpEvent(QEvent.Type.ToolTip, QPoint(9, 9), advice.mapToGlobal(QPoint(9, 9))))
    assert advice.rows[0].code in QToolTip.text()
    QToolTip.hideText()
    units = window.units.view
    index = units.model().index(0)
    assert window.units._model.row(0).code in units.model().data(index, Qt.ItemDataRole.ToolTipRole)


def right_click(widget: Any, spot: QPoint) -> None:
    click = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, widget.mapToGlobal(spot))
    QApplication.sendEvent(widget, click)


def choose_entry(one: Any, words: str) -> None:
    entries = open_menu(one)
    entries[words].trigger()
    entries[""].close()
    wait_for(lambda: not any(menu.isVisible() for menu in one.window.findChildren(QMenu)), what="the menu goes")


def test_a_right_click_in_the_outbox_offers_the_row_s_verbs_and_what_to_copy(tmp_path: Path) -> None:
    with console(tmp_path, None) as one:
        one.edit_commands.create("city", {"description": "Water"}, "local:1", "Water")
        wait_for(lambda: outbox(one), what="it waits")
        one.window.focus_panel("outbox")
        view = one.outbox_panel.view
        wait_for(lambda: view.viewport().height() > 28, what="it is laid out")
        spot = view.visualRect(view.model().index(0, 0)).center()
        right_click(view.viewport(), spot)
        assert "Drop it" in open_menu(one)
        assert "Copy the number" not in open_menu(one), "it has none yet"
        choose_entry(one, "Copy in one line")
        assert "new; " in copied()
        right_click(view.viewport(), spot)
        choose_entry(one, "Drop it")
        (row,) = outbox(one).values()
        assert row.state_text == "drop it for good?", "the verb of the row's own button, which asks first"


def test_a_right_click_on_a_chip_and_esc_take_conditions_away(window: Any) -> None:
    chosen = Filter(priorities=(2,), services=("flood",))
    window.window_state.set_filter(Filter(priorities=(2,)))
    window.window_state.set_filter(chosen)
    wait_for(lambda: window.window_state.shows_filter(window.window_state.view), what="the list")
    newest, first = window.queue._chips._buttons[1], window.queue._chips._buttons[0]
    keys = {button.key: button for button in (newest, first)}
    assert keys["services"].cap == "Esc"
    assert keys["priorities"].cap == "", "the one that was there before goes after it"
    right_click(keys["services"], QPoint(3, 3))
    choose_entry(window, "Copy the filter")
    assert copied() == chosen.to_text()
    right_click(keys["services"], QPoint(3, 3))
    choose_entry(window, "Keep this condition only")
    assert window.window_state.filter == Filter(services=("flood",))
    window.window_state.set_filter(Filter(services=("flood",), priorities=(2,)))
    key(window, "Esc")
    assert window.window_state.filter == Filter(services=("flood",)), "the newest goes first"
    key(window, "Esc")
    assert window.window_state.filter == Filter()
    key(window, "Esc")
    assert window.window_state.filter == Filter()


def test_a_right_click_on_a_chart_copies_its_figures_and_filters_nothing(window: Any) -> None:
    plot = window.charts._categories
    wait_for(lambda: plot.bars and plot._canvas is not None, what="the charts")
    viewport = plot._canvas.viewport()
    spot = QPoint(viewport.width() // 2, 3)
    QTest.mouseClick(viewport, Qt.MouseButton.RightButton, pos=spot)
    assert window.window_state.filter == Filter(), "only the left button picks"
    right_click(viewport, spot)
    choose_entry(window, "Copy the figures of this chart")
    head, *rows = copied().splitlines()
    assert head.startswith(plot.title)
    assert head.endswith(window.charts.heading())
    assert rows == [f"{bar.label}\t{bar.count}\t{bar.overdue}" for bar in plot.bars]
    right_click(viewport, spot)
    (only,) = [words for words in open_menu(window) if words.startswith("Show these only")]
    first = plot.bars[0]
    choose_entry(window, only)
    assert window.window_state.filter.services == (first.key,)


def test_a_right_click_on_the_map_copies_a_place_or_begins_a_report_there(window: Any) -> None:
    window.map.menu_asked.emit(-6.2, 106.85, 0, "")
    choose_entry(window, "Copy the coordinates of this place")
    assert copied() == "-6.20000, 106.85000"
    window.map.menu_asked.emit(-6.21, 106.84, 0, "")
    (here,) = [words for words in open_menu(window) if words.startswith("New report here")]
    choose_entry(window, here)
    values = form(window).values()
    assert (values["lat"], values["lon"]) == (-6.21, 106.84)


def test_a_right_click_on_a_report_of_the_map_chooses_it_and_opens_its_menu(window: Any) -> None:
    row = int(window.window_state.view.order[4])
    window.map.menu_asked.emit(-6.2, 106.85, row, "")
    assert window.window_state.row == row
    wait_for(lambda: window.situation.chosen, what="it is read")
    assert any(words.startswith("Copy in one line") for words in open_menu(window))


def test_a_figure_says_on_hover_what_it_counts(window: Any) -> None:
    told = {button.figure.key: button.toolTip() for button in (*window.kpi._left, *window.kpi._right)}
    for one in ("p1", "p2", "p3", "p4", "sla", "units", "data", "outbox"):
        assert told[one], one
    assert "no crew is on its way" in told["p1"]
    assert "over all reports on this computer" in told["sla"]
