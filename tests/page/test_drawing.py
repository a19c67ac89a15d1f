"""An area is drawn on the map: corners by the mouse and by keys, taken back, moved; ended, left, refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeySequence, QMouseEvent, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console.panels.closure_commands import area_fault
from console.window.area_drawing import AreaDrawing
from tests.page.conftest import LAT, LON, TIMEOUT_MS, Console, MapRig

HALF = 0.006
SQUARE = [(LAT - HALF, LON - HALF), (LAT - HALF, LON + HALF), (LAT + HALF, LON + HALF), (LAT + HALF, LON - HALF)]


class Desk:
    """Who draws, and what came of it."""

    def __init__(self, rig: MapRig) -> None:
        self.rig = rig
        self.ends: list[Any] = []
        self.said: list[str] = []
        self.focused: list[str] = []
        window: Any = SimpleNamespace(focus_panel=self.focused.append)
        self.drawing = AreaDrawing(window, rig.panel, area_fault, 6, self.said.append, lambda: None, rig.panel)

    def start(self, *corners: tuple[float, float]) -> None:
        self.drawing.start(corners, self.ends.append)
        self.rig.wait_js("!document.getElementById('picking').hidden")

    def until(self, holds: Callable[[], bool]) -> None:
        self.rig.qtbot.waitUntil(holds, timeout=TIMEOUT_MS)

    def click(self, *places: tuple[float, float]) -> None:
        """Each of them becomes a corner."""
        for place in places:
            count = self.count
            self.rig.click(*place)
            self.until(lambda count=count: self.count == count + 1)

    def double_click(self, lat: float, lon: float) -> None:
        """QTest's own has no first click."""
        target, place = self.rig.target, self.rig.point(lat, lon)
        QTest.mouseMove(target, place + QPoint(3, 3))
        QTest.mouseMove(target, place)
        button, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        for number, kind in enumerate((QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease) * 2):
            held = button if kind is QEvent.Type.MouseButtonPress else none
            at = QPointF(place)
            event = QMouseEvent(kind, at, target.mapToGlobal(at), button, held, Qt.KeyboardModifier.NoModifier)
            event.setTimestamp(1_000_000_000 + number * 20)
            QApplication.sendEvent(target, event)

    def key(self, *keys: Qt.Key) -> None:
        for key in keys:
            self.rig.key(key)

    def hint(self, words: str) -> None:
        """Wait until the map says this."""
        self.rig.wait_js(f"document.getElementById('picking').textContent.includes({words!r})")

    @property
    def count(self) -> int:
        return len(self.drawing._corners)


@pytest.fixture
def desk(rig: MapRig, console: Console) -> Iterator[Desk]:
    rig.show(15)
    desk = Desk(rig)
    yield desk
    assert console.lines == []


def at(*places: tuple[float, float]) -> Any:
    return [pytest.approx(place, abs=0.0002) for place in places]


def test_each_click_is_a_corner_the_line_follows_and_a_double_click_ends_it(desk: Desk) -> None:
    rig = desk.rig
    desk.start()
    desk.hint("Click the first corner")
    desk.click(*SQUARE[:2])
    desk.hint("Click the next corner")
    half_way = (LAT, LON + HALF / 2)
    assert rig.count_near(*half_way, "accent.base", 6, off_by=30) == 0
    QTest.mouseMove(rig.target, rig.point(LAT + HALF, LON))
    desk.until(lambda: rig.count_near(*half_way, "accent.base", 6, off_by=30) > 3)
    desk.click(SQUARE[2])
    zoom = rig.panel.last_view[1]  # type: ignore[index]
    desk.double_click(*SQUARE[3])
    desk.until(lambda: bool(desk.ends))
    assert list(desk.ends[0]) == at(*SQUARE), "and no corner twice"
    assert not rig.panel.is_picking
    rig.draw()
    assert rig.panel.last_view[1] == zoom, "it is no zoom"  # type: ignore[index]
    assert rig.count_near(LAT - HALF, LON, "accent.base", 8, off_by=30) > 3, "it can still be seen"
    desk.drawing.forget()
    desk.until(lambda: rig.count_near(LAT - HALF, LON, "accent.base", 8, off_by=30) == 0)


def test_a_click_on_the_first_corner_ends_it_once_there_are_three(desk: Desk) -> None:
    desk.start()
    desk.click(*SQUARE[:2])
    desk.rig.click(*SQUARE[0])
    desk.click(SQUARE[2])
    assert desk.count == 3, "the first one was no fourth"
    desk.rig.click(*SQUARE[0])
    desk.until(lambda: bool(desk.ends))
    assert list(desk.ends[0]) == at(*SQUARE[:3])


def test_what_is_no_area_is_refused_in_words_and_the_drawing_goes_on(desk: Desk) -> None:
    desk.start()
    desk.click(*SQUARE[:2])
    desk.key(Qt.Key.Key_Return)
    desk.hint("An area takes three corners at least")
    desk.click(SQUARE[3], SQUARE[2])
    desk.key(Qt.Key.Key_Return)
    desk.hint("The border of the area crosses itself")
    assert desk.rig.js("document.getElementById('picking').className").endswith("fault")
    desk.key(Qt.Key.Key_Backspace)
    desk.until(lambda: desk.count == 3)
    desk.hint("Enter, a double click")
    assert not desk.ends
    desk.click((LAT + HALF * 0.7, LON - HALF), (LAT, LON - HALF * 1.2), (LAT - HALF * 0.5, LON - HALF * 1.1))
    desk.rig.click(LAT - HALF * 0.8, LON - HALF * 1.05)
    desk.hint("An area has 6 corners at most")
    assert desk.count == 6


def test_keys_alone_draw_it_and_none_of_them_is_the_windows(desk: Desk) -> None:
    rig = desk.rig
    fired: list[str] = []
    for key in ("Space", "Backspace", "Return", "Right"):
        QShortcut(QKeySequence(key), rig.panel, lambda key=key: fired.append(key))
    rig.panel.activateWindow()
    desk.start()
    QApplication.processEvents()
    desk.until(lambda: rig.count_near(LAT, LON, "text.primary", 15, off_by=10) > 10)  # the cross
    desk.key(Qt.Key.Key_Space)
    desk.until(lambda: desk.count == 1)
    desk.key(*[Qt.Key.Key_Right] * 3, Qt.Key.Key_Space)
    desk.until(lambda: desk.count == 2)
    desk.key(*[Qt.Key.Key_Up] * 3, Qt.Key.Key_Space)
    desk.until(lambda: desk.count == 3)
    desk.key(Qt.Key.Key_Space)
    desk.key(Qt.Key.Key_Left, Qt.Key.Key_Space, Qt.Key.Key_Backspace)
    desk.key(Qt.Key.Key_Return)
    desk.until(lambda: bool(desk.ends))
    (first, second, third) = desk.ends[0]
    assert first == pytest.approx((LAT, LON), abs=0.0002)
    assert second == (pytest.approx(first[0], abs=1e-4), pytest.approx(third[1], abs=1e-4))
    assert second[1] > first[1]
    assert third[0] > second[0]
    assert fired == []


def test_esc_ends_the_drawing_and_nothing_is_left(desk: Desk) -> None:
    desk.start()
    desk.click(*SQUARE[:3])
    desk.key(Qt.Key.Key_Escape)
    desk.until(lambda: desk.ends == [None])
    assert not desk.rig.panel.is_picking
    desk.until(lambda: desk.rig.count_near(LAT - HALF, LON, "accent.base", 8, off_by=30) == 0)
    desk.rig.panel.bridge.addCorner(LAT, LON, 0)
    desk.rig.panel.bridge.endArea()
    assert (desk.ends, desk.count) == ([None], 3), "nobody asked"


def test_the_corners_of_one_that_is_there_are_moved_added_on_its_border_and_taken_away(desk: Desk) -> None:
    rig = desk.rig
    desk.start(*SQUARE)
    desk.hint("Drag the corners")
    before, after = rig.point(*SQUARE[2]), rig.point(LAT + HALF / 2, LON + HALF / 2)
    QTest.mouseMove(rig.target, before + QPoint(3, 3))
    QTest.mouseMove(rig.target, before)
    QTest.mousePress(rig.target, Qt.MouseButton.LeftButton, pos=before)
    for step in range(1, 6):
        QTest.mouseMove(rig.target, before + (after - before) * step / 5)
    QTest.mouseRelease(rig.target, Qt.MouseButton.LeftButton, pos=after)
    moved = (LAT + HALF / 2, LON + HALF / 2)
    desk.until(lambda: desk.drawing._corners == at(*SQUARE[:2], moved, SQUARE[3]))
    assert rig.panel.last_view[0][0] < LON < rig.panel.last_view[0][2], "the map has not moved"  # type: ignore[index]
    desk.click((LAT - HALF, LON))
    assert desk.drawing._corners == at(SQUARE[0], (LAT - HALF, LON), SQUARE[1], moved, SQUARE[3])
    rig.click(LAT, LON)
    desk.click((LAT, LON - HALF))
    assert desk.drawing._corners[-1] == pytest.approx((LAT, LON - HALF), abs=0.0002), "between the last and the first"
    assert desk.count == 6, "what is clicked within is no corner"
    QTest.mouseClick(rig.target, Qt.MouseButton.RightButton, pos=rig.point(*SQUARE[3]))
    desk.until(lambda: desk.count == 5)
    desk.key(Qt.Key.Key_Return)
    desk.until(lambda: bool(desk.ends))
    assert list(desk.ends[0]) == at(SQUARE[0], (LAT - HALF, LON), SQUARE[1], moved, (LAT, LON - HALF))


def test_a_lost_page_goes_on_with_it(desk: Desk) -> None:
    desk.start()
    desk.click(*SQUARE[:3])
    with desk.rig.qtbot.waitSignal(desk.rig.panel.bridge.page_ready, timeout=TIMEOUT_MS):
        desk.rig.panel.reload()
    desk.hint("Enter, a double click")
    desk.until(lambda: desk.rig.count_near(LAT - HALF, LON, "accent.base", 8, off_by=30) > 3)
    desk.rig.panel.focus_map()
    desk.key(Qt.Key.Key_Return)
    desk.until(lambda: bool(desk.ends))
    assert list(desk.ends[0]) == at(*SQUARE[:3])
