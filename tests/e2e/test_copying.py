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
def desk(city: Served, tmp_path: Path) -> Iterator[Any]:
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


def test_a_right_click_chooses_the_row_and_offers_what_can_be_done_to_it(desk: Any) -> None:
    find(desk, "unassigned", lambda now: now.advice and now.has_place)
    view = desk.queue.view
    number = view.rows_in_sight().start + 2
    spot = view.row_box(number).center()
    click = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, view.viewport().mapToGlobal(spot))
    QApplication.sendEvent(view.viewport(), click)
    assert desk.desk.row == int(view.rows.keys[number])
    entries = open_menu(desk)
    assert {"Take\tT", "Copy in one line\tCtrl+C", "Copy the coordinates"} <= entries.keys()
    assert not any(words.startswith("Reopen") for words in entries), "what cannot be done is not offered"
    entries["Take\tT"].trigger()
    entries[""].close()
    wait_for(lambda: desk.situation.now.holder == "rina", what="taken")
    desk.actions.run("tab_mine")  # out of the list of what nobody has taken it goes by itself
    wait_for(lambda: desk.desk.view.filter.tab == "mine" and view.currentIndex().isValid(), what="it is among mine")
    keyboard = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
    QApplication.sendEvent(view.viewport(), keyboard)
    entries = open_menu(desk)
    assert any(words.startswith("Release") for words in entries)
    entries[""].close()


def test_what_is_copied_has_its_number_coordinates_and_link(desk: Any, city: Served) -> None:
    number = find(desk, "unassigned", lambda now: now.has_place)
    report = desk.situation.chosen.shown
    place = f"{report.lat:.5f}, {report.lon:.5f}"
    assert ("Coordinates", place, "") in desk.ticket.ticket().facts
    key(desk, "C", CTRL)
    assert copied().startswith(f"{number}; P{report.priority} ")
    assert place in copied()
    assert "\n" not in copied()
    for action, text in (
        ("copy_number", number),
        ("copy_place", place),
        ("copy_link", f"{city.address}/r/{number}"),
    ):
        assert desk.actions.run(action)
        assert copied() == text
    title = desk.ticket._title
    QApplication.clipboard().clear()
    desk.window.grab()
    QTest.mouseClick(title, Qt.MouseButton.LeftButton, pos=title._number_box.center())
    assert copied() == number
    desk.window.focus_panel("units")
    wait_for(lambda: desk.desk.unit, what="a unit")
    key(desk, "C", CTRL)
    assert copied().startswith(desk.desk.code_of(desk.desk.cities.crew(desk.desk.unit)))


def test_hovering_tells_all_of_what_is_cut(desk: Any) -> None:
    find(desk, "unassigned", lambda now: now.advice)
    view = desk.queue.view
    wait_for(lambda: view.rows.row(view.rows_in_sight().start) is not None, what="texts")
    row = view.rows.row(view.rows_in_sight().start)
    spot = view.row_box(view.rows_in_sight().start).center()
    QApplication.sendEvent(view.viewport(), QHelpEvent(QEvent.Type.ToolTip, spot, view.viewport().mapToGlobal(spot)))
    assert row.title in QToolTip.text()
    assert row.place in QToolTip.text().replace("&#x27;", "'")
    QToolTip.hideText()
    advice = desk.ticket._advice
    QApplication.sendEvent(advice, QHelpEvent(QEvent.Type.ToolTip, QPoint(9, 9), advice.mapToGlobal(QPoint(9, 9))))
    assert advice.rows[0].code in QToolTip.text()
    QToolTip.hideText()
    units = desk.units.view
    index = units.model().index(0)
    assert desk.units._model.row(0).code in units.model().data(index, Qt.ItemDataRole.ToolTipRole)


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
        view = one.outbox.view
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


def test_a_right_click_on_a_chip_and_esc_take_conditions_away(desk: Any) -> None:
    chosen = Filter(priorities=(2,), services=("flood",))
    desk.desk.set_filter(Filter(priorities=(2,)))
    desk.desk.set_filter(chosen)
    wait_for(lambda: desk.desk.shows_filter(desk.desk.view), what="the list")
    newest, first = desk.queue._chips._buttons[1], desk.queue._chips._buttons[0]
    keys = {button.key: button for button in (newest, first)}
    assert keys["services"].cap == "Esc"
    assert keys["priorities"].cap == "", "the one that was there before goes after it"
    right_click(keys["services"], QPoint(3, 3))
    choose_entry(desk, "Copy the filter")
    assert copied() == chosen.to_text()
    right_click(keys["services"], QPoint(3, 3))
    choose_entry(desk, "Keep this condition only")
    assert desk.desk.filter == Filter(services=("flood",))
    desk.desk.set_filter(Filter(services=("flood",), priorities=(2,)))
    key(desk, "Esc")
    assert desk.desk.filter == Filter(services=("flood",)), "the newest goes first"
    key(desk, "Esc")
    assert desk.desk.filter == Filter()
    key(desk, "Esc")
    assert desk.desk.filter == Filter()


def test_a_right_click_on_a_chart_copies_its_figures_and_filters_nothing(desk: Any) -> None:
    plot = desk.charts._categories
    wait_for(lambda: plot.bars and plot._canvas is not None, what="the charts")
    viewport = plot._canvas.viewport()
    spot = QPoint(viewport.width() // 2, 3)
    QTest.mouseClick(viewport, Qt.MouseButton.RightButton, pos=spot)
    assert desk.desk.filter == Filter(), "only the left button picks"
    right_click(viewport, spot)
    choose_entry(desk, "Copy the figures of this chart")
    head, *rows = copied().splitlines()
    assert head.startswith(plot.title)
    assert head.endswith(desk.charts.heading())
    assert rows == [f"{bar.label}\t{bar.count}\t{bar.overdue}" for bar in plot.bars]
    right_click(viewport, spot)
    (only,) = [words for words in open_menu(desk) if words.startswith("Show these only")]
    first = plot.bars[0]
    choose_entry(desk, only)
    assert desk.desk.filter.services == (first.key,)


def test_a_right_click_on_the_map_copies_a_place_or_begins_a_report_there(desk: Any) -> None:
    desk.map.menu_asked.emit(-6.2, 106.85, 0, "")
    choose_entry(desk, "Copy the coordinates of this place")
    assert copied() == "-6.20000, 106.85000"
    desk.map.menu_asked.emit(-6.21, 106.84, 0, "")
    (here,) = [words for words in open_menu(desk) if words.startswith("New report here")]
    choose_entry(desk, here)
    values = form(desk).values()
    assert (values["lat"], values["lon"]) == (-6.21, 106.84)


def test_a_right_click_on_a_report_of_the_map_chooses_it_and_opens_its_menu(desk: Any) -> None:
    row = int(desk.desk.view.order[4])
    desk.map.menu_asked.emit(-6.2, 106.85, row, "")
    assert desk.desk.row == row
    wait_for(lambda: desk.situation.chosen, what="it is read")
    assert any(words.startswith("Copy in one line") for words in open_menu(desk))


def test_a_figure_says_on_hover_what_it_counts(desk: Any) -> None:
    told = {button.figure.key: button.toolTip() for button in (*desk.kpi._left, *desk.kpi._right)}
    for one in ("p1", "p2", "p3", "p4", "sla", "units", "data", "outbox"):
        assert told[one], one
    assert "no crew is on its way" in told["p1"]
    assert "over all reports on this computer" in told["sla"]
