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

from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import CTRL, find, key, wait_ready

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
    wait_for(lambda: desk.intents.situation.holder == "rina", what="taken")
    keyboard = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
    QApplication.sendEvent(view.viewport(), keyboard)
    entries = open_menu(desk)
    assert any(words.startswith("Release") for words in entries)
    entries[""].close()


def test_what_is_copied_has_its_number_coordinates_and_link(desk: Any, city: Served) -> None:
    number = find(desk, "unassigned", lambda now: now.has_place)
    report = desk.intents.chosen.shown
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
        assert desk.intents.run(action)
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
