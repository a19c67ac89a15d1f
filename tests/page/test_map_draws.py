"""The page draws what it was told, where it was told, and says when it is done."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console.board.map_answer import UNLISTED
from tests.page.conftest import LAT, LON, TIMEOUT_MS, Console, MapRig
from widgets.map.__main__ import pack_answer
from widgets.map.panel import Box, Pin
from widgets.map.routes import Request

EAST, SOUTH = LON + 0.02, LAT - 0.012


def test_loads_without_a_word(rig: MapRig, console: Console) -> None:
    rig.panel.set_texts({"p1": "P1 hazard", "unit_free": "Available", "fill": "Fill:"})
    rig.panel.set_units([{"id": "u1", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}])
    rig.panel.set_areas(1)
    rig.show()
    assert console.lines == []


def test_one_question_a_move_or_view_with_box_and_size(rig: MapRig) -> None:
    rig.show()
    asked = rig.asked[-1]
    assert (asked.number, asked.zoom, asked.width, asked.height) == (1, 13.0, 640, 480)
    assert asked.west < LON < asked.east
    assert asked.south < LAT < asked.north
    rig.asked.clear()
    rig.draw()
    assert [request.number for request in rig.asked] == [2]


def test_a_view_that_follows_a_new_size_counts_as_drawn_at_that_size_only(rig: MapRig) -> None:
    rig.show()
    rig.panel.resize(800, 600)
    rig.wait_js("innerWidth === 800 && innerHeight === 600")
    rig.draw()
    assert (rig.asked[-1].width, rig.asked[-1].height) == (800, 600)
    assert rig.panel.last_view is not None
    (west, _, east, _), zoom = rig.panel.last_view
    assert east - west == pytest.approx(800 * 360 / (256 * 2**zoom))


def test_reports_and_squares_are_where_they_should_be(rig: MapRig) -> None:
    rig.symbols = [(1, LAT, LON, 1, 0, 0), (2, LAT, EAST, 2, 0, 0)]
    rig.cells = [(SOUTH, LON, 40, 0), (SOUTH, EAST, 7, 1)]
    rig.show()
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    assert rig.colour(LAT, EAST) == rig.theme.hex("priority.p2-mark")
    assert rig.count_near(LAT, LON, "map.halo", 20) > 20
    assert rig.count_near(SOUTH, EAST, "priority.p2-mark", 24) > 20, "an urgent report inside: amber edge"
    assert rig.count_near(SOUTH, LON, "priority.p2-mark", 24) == 0
    rig.symbols, rig.cells = [], []
    rig.draw()
    assert rig.count_near(LAT, LON, "priority.p1") == 0


@pytest.mark.parametrize("status", range(8))
def test_every_fill_is_another_picture(rig: MapRig, status: int) -> None:
    others = [other for other in range(8) if other != status]
    rig.symbols = [(row, LAT, LON + (row - 4) * 0.008, 3, other, 0) for row, other in enumerate(others, 1)]
    rig.symbols.append((9, SOUTH, LON, 3, status, 0))
    rig.show()
    picture, seen = rig.picture(), []
    for _, lat, lon, *_ in rig.symbols:
        middle = rig.point(lat, lon)
        seen.append(bytes(picture.copy(middle.x() - 9, middle.y() - 9, 18, 18).constBits()))
    differing = [sum(a != b for a, b in zip(seen[-1], one, strict=True)) / len(one) for one in seen[:-1]]
    assert min(differing) > 0.03


def test_square_steps_aside_for_a_symbol(rig: MapRig) -> None:
    rig.symbols, rig.cells = [(1, LAT, LON, 1, 0, 0)], [(LAT, LON, 40, 0)]
    rig.show()
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    assert rig.count_near(LAT, LON, "map.cell-text", 70, off_by=40) > 0, "and does not vanish"


def test_all_that_is_drawn_is_one_layer_and_with_nothing_on_it_that_is_not_there(rig: MapRig) -> None:
    """Without a graphics card each costs 3 ms a frame of a drag, empty or not."""
    canvases = "[...document.querySelectorAll('.leaflet-map-pane canvas.leaflet-layer')]"
    layers = f"{canvases}.filter((one) => !one.hidden).length"
    rig.show()
    assert rig.js(layers) == 0
    rig.symbols = [(1, LAT, LON, 1, 0, 0)]
    rig.draw()
    assert rig.js(layers) == 1
    rig.cells = [(SOUTH, EAST, 40, 0)]
    rig.draw()
    assert rig.js(layers) == 1
    assert rig.count_near(SOUTH, EAST, "map.cell-text", 20, off_by=40) > 0
    rig.symbols, rig.cells = [], []
    rig.draw()
    assert rig.js(layers) == 0


def test_chosen_report_and_alarm_have_their_rings(rig: MapRig) -> None:
    rig.symbols = [(1, LAT, LON, 2, 0, 8), (2, LAT, EAST, 1, 0, 4)]
    rig.show()
    assert rig.count_near(LAT, LON, "accent.base", 26) == 0
    rig.panel.set_selection(1, LAT, LON, "928214 Saluran")
    rig.draw()
    assert rig.count_near(LAT, LON, "accent.base", 26) > 80
    assert rig.count_near(LAT, EAST, "alarm.p1-edge", 26) > 80
    rig.panel.set_selection(None)
    rig.draw()
    assert rig.count_near(LAT, LON, "accent.base", 26) == 0


def test_the_chosen_report_lies_over_no_p1_at_the_same_point(rig: MapRig) -> None:
    """Reports of which only the area is known share its middle: a P3 that was chosen hid a burning P1 wholly."""
    rig.symbols = [(1, LAT, LON, 1, 0, 4), (2, LAT, LON, 3, 0, 8), (3, LAT, EAST, 2, 0, 0), (4, LAT, EAST, 3, 0, 8)]
    rig.panel.set_selection(2, LAT, LON, "")
    rig.show()
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    assert rig.count_near(LAT, LON, "accent.base", 26) > 80, "the ring says that it is here"
    assert rig.colour(LAT, EAST) != rig.theme.hex("priority.p2-mark"), "above all others it is to be seen"


def test_the_number_of_the_chosen_report_lies_beside_the_ring_of_a_p1(rig: MapRig) -> None:
    """It read "1989" for 931989: two digits lay under a neighbour's ring."""
    rig.show()
    here, there = rig.point(LAT, LON), rig.point(SOUTH, EAST)
    lat = LAT + 24 * (SOUTH - LAT) / (there.y() - here.y())
    lon = LON + 60 * (EAST - LON) / (there.x() - here.x())
    rig.symbols = [(1, LAT, LON, 3, 0, 8), (2, lat, lon, 1, 0, 4)]
    rig.panel.set_selection(1, LAT, LON, "931989 Sampah")
    rig.draw()
    picture, paper = rig.picture(), rig.theme.hex("surface.raised").lower()
    assert picture.pixelColor(here.x() - 29, here.y()).name() == paper, "at its left"
    assert picture.pixelColor(here.x() + 29, here.y()).name() != paper


def test_chosen_report_with_an_alarm_has_both_rings(rig: MapRig) -> None:
    rig.symbols = [(1, LAT, LON, 1, 0, 4 | 8)]
    rig.panel.set_selection(1, LAT, LON, "")
    rig.show()
    assert rig.count_near(LAT, LON, "accent.base", 34) > 80
    assert rig.count_near(LAT, LON, "alarm.p1-edge", 34) > 80


def test_corner_adds_up(rig: MapRig) -> None:
    rig.symbols, rig.cells = [(1, LAT, LON, 1, 0, 0)], [(LAT, EAST, 1200, 0), (SOUTH, LON, 34, 0)]
    rig.panel.set_view(0, "© Someone", "units 4 s")
    rig.show()
    text = rig.js("document.getElementById('corner').innerText")
    assert "1 symbol, 1,234 in cells, 3 outside, 2 without a place" in text
    assert "© Someone · units 4 s" in text


def test_a_report_outside_that_must_not_be_overlooked_is_said_and_one_click_away(rig: MapRig) -> None:
    rig.show()
    button = "document.querySelector('#corner .outside')"
    assert rig.js(f"{button}.hidden")
    rig.panel.set_outside(7, "1 P1 outside")
    rig.wait_js(f"!{button}.hidden && {button}.textContent === '1 P1 outside'")
    with rig.qtbot.waitSignal(rig.panel.report_picked) as picked:
        rig.js(f"{button}.click(); 0")
    assert picked.args == [7]
    with rig.qtbot.waitSignal(rig.panel.bridge.page_ready, timeout=TIMEOUT_MS):
        rig.panel.reload()
    rig.wait_js(f"!{button}.hidden")
    rig.panel.set_outside(0, "")
    rig.wait_js(f"{button}.hidden")


def test_a_hazard_that_the_list_leaves_out_is_drawn_with_a_dashed_ring_and_not_counted(rig: MapRig) -> None:
    rig.symbols = [(9, LAT, LON, 1, 0, UNLISTED)]
    rig.show()
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    text = rig.js("document.querySelector('.counts').textContent")
    assert text == "0 symbols, 0 in cells, 3 outside, 2 without a place"
    losses: list[object] = []
    rig.panel.page_lost.connect(losses.append)
    rig.panel.set_view(rig.number + 1, count=5)
    with rig.qtbot.waitSignals([rig.panel.bridge.alive] * 4, timeout=TIMEOUT_MS):
        pass
    assert losses == [], "what is not of the list is not missed, nor too much"
    with rig.qtbot.waitSignal(rig.panel.report_picked) as picked:
        rig.click(LAT, LON)
    assert picked.args == [9]


def test_the_right_button_asks_for_a_menu_and_the_legend_s_fills_say_what_they_are(rig: MapRig) -> None:
    rig.symbols = [(9, LAT, LON, 1, 0, 0)]
    rig.panel.set_texts({"fill": "Fill:", "fill_0": "New", "fill_3": "In progress"})
    rig.panel.resize(900, 600)
    rig.show()
    asked: list[tuple[object, ...]] = []
    rig.panel.menu_asked.connect(lambda *what: asked.append(what))
    middle = rig.point(LAT, LON)
    for at in (middle, middle + QPoint(150, 90)):
        QTest.mouseMove(rig.target, at)
        QTest.mouseClick(rig.target, Qt.MouseButton.RightButton, pos=at)
        rig.qtbot.waitUntil(lambda: bool(asked), timeout=TIMEOUT_MS)
        lat, lon, row, unit = asked.pop()
        assert (row, unit) == ((9, "") if at == middle else (0, ""))
        assert abs(lat - LAT) < 0.02  # type: ignore[operator]
        assert abs(lon - LON) < 0.03  # type: ignore[operator]
    titles = "[...document.querySelectorAll('#legend .fills canvas')].map((one) => one.title).join()"
    rig.wait_js(f"{titles}.startsWith('New,,,In progress')")


@pytest.mark.parametrize("width", [440, 700, 820])
def test_what_must_not_be_overlooked_is_wholly_seen_and_covers_no_legend(rig: MapRig, width: int) -> None:
    """In a narrow map it was cut off, in a wider one it lay over the legend's last lines."""
    rig.panel.set_texts({"fill": "Fill:", **{f"p{row}": f"P{row} as in a legend" for row in range(1, 5)}})
    rig.panel.resize(width, 600)
    rig.show()
    rig.panel.set_outside(7, "12 P1 here, 3 P1 outside, not in this list at all")
    button, frame = "document.querySelector('#corner .outside')", "document.querySelector('#frame')"
    rig.wait_js(f"!{button}.hidden")
    box = "((one) => one.getBoundingClientRect())"
    rig.draw()
    corner = "document.querySelector('#corner')"
    rig.wait_js(f"{box}({button}).right <= {box}({corner}).right && {box}({corner}).right <= {box}({frame}).right")
    legend = "document.querySelector('#legend')"
    rig.wait_js(f"{legend}.hidden || {box}({corner}).right <= {box}({legend}).left")
    assert rig.js(f"{legend}.hidden") is (width == 440)


def test_a_narrow_map_counts_all_that_the_list_has(rig: MapRig) -> None:
    """What has no place was left out where there is little room: the sum was not that of the queue."""
    rig.show()
    whole = rig.js("document.querySelector('.counts').textContent")
    assert whole.endswith(" 3 outside, 2 without a place")
    rig.panel.resize(440, rig.panel.height())
    rig.wait_js("document.querySelector('.counts').textContent.endsWith(' in cells, 5 off the map')")
    assert rig.js("document.querySelector('#corner').getBoundingClientRect().right <= window.innerWidth")


def test_what_is_not_loaded_yet_is_said_beside_the_counts(rig: MapRig) -> None:
    loading = [2]
    rig.answer = lambda request: pack_answer(request.number, flags=loading[0])
    rig.show()
    told = "0 symbols, 0 in cells, 0 outside, 0 without a place"
    assert rig.js("document.querySelector('.counts').textContent") == f"{told} so far, still loading"
    loading[0] = 0
    rig.draw()
    assert rig.js("document.querySelector('.counts').textContent") == told


def test_no_tiles_no_secret(rig: MapRig) -> None:
    rig.panel.set_background_state("Map background unavailable. Reports are drawn from this computer.")
    rig.symbols = [(1, LAT, LON, 1, 0, 0)]
    rig.show()
    strip = rig.js("document.getElementById('strip').innerText")
    assert "Map background unavailable." in strip
    assert rig.js("document.getElementById('map').classList.contains('hatched')")
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    rig.panel.set_tiles("vector")
    rig.panel.set_background_state(None)
    rig.draw()
    assert rig.js("document.getElementById('strip').hidden")
    assert not rig.js("document.getElementById('map').classList.contains('hatched')")


def test_missing_tiles_are_no_fault(rig: MapRig, console: Console) -> None:
    rig.panel.set_tiles("vector", 8, 14)
    rig.symbols = [(1, LAT, LON, 1, 0, 0)]
    rig.show()
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    assert console.lines == []


def test_vector_tiles_of_the_real_city(rig: MapRig, city_data: Path, console: Console) -> None:
    from console.city_map.basemap import Basemap

    base = Basemap(city_data / "jakarta", "jakarta_base.pmtiles")
    rig.tile = lambda request: (base.tile(request.z, request.x, request.y) or (None,))[0]
    rig.panel.set_tiles("vector", *base.zooms)
    rig.show()
    assert rig.count_near(LAT, LON, "map.land", 60) > 2000
    assert console.lines == []
    base.close()


def test_areas_have_borders_and_names(rig: MapRig) -> None:
    ring = [[LON - 0.02, LAT - 0.01], [LON + 0.02, LAT - 0.01], [LON + 0.02, LAT + 0.01], [LON - 0.02, LAT - 0.01]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"name": "Tebet", "level": 1, "lat": LAT, "lon": LON},
    }
    rig.areas = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    rig.panel.set_areas(1)
    rig.show()
    assert rig.count_near(LAT, LON, "map.label", 20, off_by=40) > 5
    assert rig.count_near(LAT - 0.01, LON, "map.area-border", 20, off_by=12) > 10


def test_theme_and_words_change_while_it_stands(rig: MapRig) -> None:
    rig.symbols = [(1, LAT, LON, 1, 0, 0)]
    rig.show()
    from widgets.map.__main__ import TokenTheme

    rig.theme = TokenTheme("light")
    rig.panel.set_theme(rig.theme)
    rig.panel.set_texts({"counts": "{symbols} simbol"})
    rig.draw()
    rig.wait_js("document.querySelector('.counts').textContent.includes('simbol')")
    rig.draw()
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")


def test_click_chooses_report_unit_and_square(rig: MapRig) -> None:
    rig.symbols, rig.cells = [(77, LAT, LON, 1, 0, 0)], [(SOUTH, EAST, 40, 0)]
    rig.panel.set_units([{"id": "crew/7", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": EAST}])
    rig.show()
    with rig.qtbot.waitSignal(rig.panel.report_picked, timeout=TIMEOUT_MS) as report:
        rig.click(LAT, LON)
    assert report.args == [77]
    with rig.qtbot.waitSignal(rig.panel.unit_picked, timeout=TIMEOUT_MS) as unit:
        rig.click(LAT, EAST)
    assert unit.args == ["crew/7"]
    with rig.qtbot.waitSignal(rig.panel.cell_picked, timeout=TIMEOUT_MS) as cell:
        rig.click(SOUTH, EAST, Qt.KeyboardModifier.ShiftModifier)
    west, south, east, north = cell.args
    assert west < EAST < east
    assert south < SOUTH < north
    assert (east - west) * 2**13 / 360 * 256 == pytest.approx(64), "the board's cell of 64 px at this whole zoom"
    assert rig.panel.last_view is not None
    assert rig.panel.last_view[1] == 13, "Shift only filters"


def test_click_on_square_goes_there_and_filters_nothing(rig: MapRig) -> None:
    rig.cells = [(SOUTH, EAST, 40, 0)]
    rig.show()
    filtered: list[object] = []
    rig.panel.cell_picked.connect(lambda *box: filtered.append(box))
    with rig.qtbot.waitSignal(rig.panel.view_changed, timeout=TIMEOUT_MS) as moved:
        rig.click(SOUTH, EAST)
    assert moved.args[4] == 15
    assert filtered == []


def test_codes_of_crews_never_cover_each_other(rig: MapRig) -> None:
    near = LON + 0.0008  # 19 px at this zoom: capsules beside each other, codes would overlap
    crews = [("a", LON), ("b", near), ("c", LON + 0.02)]
    rig.panel.set_units(
        [{"id": one, "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": lon} for one, lon in crews]
    )
    rig.show()
    letters = [rig.letters_below(LAT, lon) for _, lon in crews]
    assert letters[0] > 20, "the first has its code"
    assert letters[2] > 20, "one that stands alone too"
    rig.panel.set_units([{"id": "a", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}])
    rig.draw()
    assert rig.letters_below(LAT, LON) == letters[0], "the second adds no letter to the first"


def test_chosen_crew_has_its_code_whatever_is_near(rig: MapRig) -> None:
    unit = {"id": "a", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}
    rig.symbols = [(1, LAT - 0.0006, LON, 1, 0, 0)]
    rig.panel.set_units([unit])
    rig.show()
    assert rig.letters_below(LAT, LON) == 0
    rig.panel.set_units([unit | {"chosen": True}])
    rig.draw()
    assert rig.letters_below(LAT, LON) > 10


def test_keys_walk_and_open_without_a_mouse(rig: MapRig) -> None:
    rig.symbols = [(5, LAT, LON, 2, 0, 0), (6, LAT, EAST, 1, 0, 0)]
    rig.show()
    rig.panel.focus_map()
    rig.key(Qt.Key.Key_PageDown)
    rig.qtbot.waitUntil(lambda: rig.panel._cursor, timeout=TIMEOUT_MS)
    with rig.qtbot.waitSignal(rig.panel.report_picked, timeout=TIMEOUT_MS) as first:
        rig.key(Qt.Key.Key_Return)
    assert first.args == [6], "the most urgent comes first"
    rig.key(Qt.Key.Key_PageDown)
    with rig.qtbot.waitSignal(rig.panel.report_picked, timeout=TIMEOUT_MS) as second:
        rig.key(Qt.Key.Key_Return)
    assert second.args == [5]
    rig.key(Qt.Key.Key_Escape)
    rig.qtbot.waitUntil(lambda: not rig.panel._cursor, timeout=TIMEOUT_MS)


def test_gesture_locks_and_star_gives_back(rig: MapRig) -> None:
    def zoom() -> float:
        return rig.panel.last_view[1]  # type: ignore[index]

    def middle() -> float:
        west, _, east, _ = rig.panel.last_view[0]  # type: ignore[index]
        return (west + east) / 2

    rig.panel.set_city((LON - 0.1, LAT - 0.1, LON + 0.1, LAT + 0.1))
    rig.show()
    rig.panel.focus_map()
    with rig.qtbot.waitSignal(rig.panel.locked_changed, timeout=TIMEOUT_MS) as free:
        rig.key(Qt.Key.Key_Asterisk)
    assert free.args == [False]
    rig.qtbot.waitUntil(lambda: zoom() < 12, timeout=TIMEOUT_MS)
    rig.key(Qt.Key.Key_Right)
    rig.qtbot.waitUntil(lambda: middle() > LON + 0.01, timeout=TIMEOUT_MS)
    assert rig.panel.locked
    rig.key(Qt.Key.Key_Plus)
    rig.qtbot.waitUntil(lambda: zoom() > 12, timeout=TIMEOUT_MS)


def test_place_is_picked_once_and_only_when_asked(rig: MapRig) -> None:
    rig.show()
    places: list[tuple[float, float]] = []
    rig.panel.place_picked.connect(lambda lat, lon: places.append((lat, lon)))
    rig.panel.bridge.pickPlace(1.0, 1.0)  # nobody asked
    rig.panel.start_pick()
    rig.wait_js("!document.getElementById('picking').hidden")
    with rig.qtbot.waitSignal(rig.panel.place_picked, timeout=TIMEOUT_MS):
        rig.click(LAT, EAST)
    assert len(places) == 1
    assert places[0] == pytest.approx((LAT, EAST), abs=0.0005)
    rig.panel.start_pick()
    rig.wait_js("!document.getElementById('picking').hidden")
    with rig.qtbot.waitSignal(rig.panel.pick_left, timeout=TIMEOUT_MS):
        rig.key(Qt.Key.Key_Escape)


def test_stale_answers_are_dropped(rig: MapRig) -> None:
    rig.symbols = [(1, LAT, LON, 1, 0, 0)]
    rig.show()
    for number in range(2, 40):
        rig.panel.set_view(number)
    rig.symbols, rig.number = [], 40
    with rig.qtbot.waitSignal(rig.panel.drawn, timeout=TIMEOUT_MS, check_params_cb=lambda number: number == 41):
        rig.panel.set_view(41)
    assert rig.count_near(LAT, LON, "priority.p1") == 0
    assert len(rig.asked) < 30, "questions that wait are one"


def test_window_shortcuts_work_while_the_map_has_the_keyboard(rig: MapRig) -> None:
    from PySide6.QtGui import QKeySequence, QShortcut

    rig.show()
    fired: list[str] = []
    for key in ("T", "Right"):
        QShortcut(QKeySequence(key), rig.panel, lambda key=key: fired.append(key))
    rig.panel.activateWindow()
    rig.panel.focus_map()
    QApplication.processEvents()
    with rig.qtbot.waitSignal(rig.panel.view_changed, timeout=TIMEOUT_MS):
        rig.key(Qt.Key.Key_Right)
    rig.key(Qt.Key.Key_T)
    rig.qtbot.waitUntil(lambda: bool(fired), timeout=TIMEOUT_MS)
    assert fired == ["T"], "arrows are the map's own"


def test_places_asked_for_are_drops_filled_when_chosen(rig: MapRig) -> None:
    places = [Pin(LAT, LON, number=1, chosen=True), Pin(LAT, EAST, number=2)]
    rig.show()
    rig.panel.show_pins(places)
    rig.draw()
    above = 18  # px: the round part stands above its tip

    def drop(lon: float, token: str) -> int:
        middle = rig.point(LAT, lon)
        picture, wanted = rig.picture(), rig.theme.hex(token)
        across, down = range(middle.x() - 9, middle.x() + 10), range(middle.y() - above - 9, middle.y() - above + 10)
        return sum(QColor(picture.pixelColor(x, y)).name().upper() == wanted for x in across for y in down)

    assert drop(LON, "accent.base") > 80
    assert drop(EAST, "accent.base") == 0
    assert drop(EAST, "surface.raised") > 60
    rig.panel.show_pins([])
    rig.draw()
    assert drop(LON, "accent.base") == drop(EAST, "surface.raised") == 0


def test_the_circle_of_a_place_is_as_wide_as_it_is_uncertain(rig: MapRig) -> None:
    rig.show(zoom=15.0)
    plain = rig.colour(LAT + 0.0002, LON + 0.001)
    rig.panel.show_pins([Pin(LAT, LON, chosen=True, radius_m=300.0)])
    rig.draw()
    assert rig.colour(LAT + 0.0002, LON + 0.001) != plain, "110 m away"
    assert rig.colour(LAT + 0.0002, LON + 0.0035) == plain, "390 m away"


def test_places_survive_a_lost_page_and_none_is_made_up(rig: MapRig) -> None:
    rig.panel.show_pins([Pin(LAT, LON, chosen=True)])
    rig.show()
    assert rig.colour(LAT + 0.00085, LON) in (rig.theme.hex("text.on-accent"), rig.theme.hex("accent.base"))
    for wrong in (Pin(float("nan"), LON), Pin(LAT, 181.0), Pin(LAT, LON, radius_m=float("inf"))):
        with pytest.raises(ValueError, match="Pin"):
            rig.panel.show_pins([wrong])


def test_a_place_in_view_is_left_where_it_is(rig: MapRig) -> None:
    rig.show()
    rig.panel.set_locked(False)
    rig.panel.reveal(LAT, EAST)
    rig.draw()
    assert not rig.panel.locked
    with rig.qtbot.waitSignal(rig.panel.view_changed, timeout=TIMEOUT_MS) as moved:
        rig.panel.reveal(LAT + 0.5, LON)
    assert moved.args is not None
    assert moved.args[1] < LAT + 0.5 < moved.args[3]


@pytest.mark.parametrize("held", [False, True])
def test_a_view_that_was_lent_comes_back(rig: MapRig, held: bool) -> None:
    """After a report by telephone the map stayed where its form had pushed it: a P1 could come in outside."""
    rig.panel.set_city((LON - 0.2, LAT - 0.2, LON + 0.2, LAT + 0.2))
    rig.show()
    if held:
        rig.panel.go_to(LAT + 0.1, LON + 0.1, 14.5)
    else:
        rig.panel.set_locked(False)
    rig.draw()
    before = rig.panel.last_view
    assert before is not None
    rig.panel.lend_view()
    rig.panel.reveal(LAT + 0.5, LON + 0.5)
    rig.qtbot.waitUntil(lambda: rig.panel.last_view != before, timeout=TIMEOUT_MS)
    rig.panel.lend_view()  # another place is asked for in the same form
    rig.panel.reveal(LAT - 0.5, LON)
    rig.draw()
    rig.panel.take_view_back()
    rig.qtbot.waitUntil(lambda: near(rig.panel.last_view, before), timeout=TIMEOUT_MS)
    assert rig.panel.locked is held
    rig.panel.take_view_back()
    rig.draw()
    assert near(rig.panel.last_view, before), "once"


def near(view: tuple[Box, float] | None, other: tuple[Box, float]) -> bool:
    """Whether two views show the same but for a pixel or two."""
    return view is not None and view[1] == other[1] and np.allclose(view[0], other[0], atol=2e-4)


def clear_of_the_boxes(rig: MapRig, lat: float, lon: float) -> bool:
    """Whether a place is in the frame and under none of the boxes over it."""
    at = rig.point(lat, lon)
    inside = 0 <= at.x() <= rig.panel.width() and 0 <= at.y() <= rig.panel.height()
    script = "[...document.querySelectorAll('#frame > .box')].filter(b => !b.hidden).every(b => { const r ="
    script += f" b.getBoundingClientRect(); return {at.x()} < r.left || {at.x()} > r.right || {at.y()} < r.top"
    return inside and bool(rig.js(f"{script} || {at.y()} > r.bottom }})"))


def test_auto_fit_shows_the_filter_s_reports_beside_the_boxes(rig: MapRig) -> None:
    rig.panel.resize(900, 700)
    rig.panel.set_texts({"p1": "P1 hazard", "p2": "P2 urgent", "unit_free": "Available", "fill": "Fill:"})
    city = (LON - 0.2, LAT - 0.2, LON + 0.2, LAT + 0.2)
    rig.panel.set_city(city)
    rig.show()
    rig.panel.set_locked(False)
    rig.draw()
    corners = [(lat, lon) for lat in (city[1], city[3]) for lon in (city[0], city[2])]
    assert all(clear_of_the_boxes(rig, *corner) for corner in corners)
    far = rig.panel.last_view
    rig.panel.set_filtered((LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01))
    rig.draw()
    assert not rig.panel.locked
    assert far is not None
    assert rig.panel.last_view is not None
    assert rig.panel.last_view[1] > far[1] + 3
    assert all(clear_of_the_boxes(rig, LAT + dy, LON + dx) for dy in (-0.01, 0.01) for dx in (-0.01, 0.01))
    rig.panel.set_filtered(None)
    rig.draw()
    assert rig.panel.last_view[1] == far[1]


def test_auto_fit_fills_the_frame_that_is_free(rig: MapRig) -> None:
    rig.panel.resize(900, 700)
    rig.show()
    rig.panel.set_locked(False)
    for half in (0.1, 0.115, 0.13):
        rig.panel.set_filtered((LON - half, LAT - half / 20, LON + half, LAT + half / 20))
        rig.draw()
        assert rig.point(LAT, LON + half).x() - rig.point(LAT, LON - half).x() > 0.85 * (900 - 70)


def test_a_chosen_report_that_the_filter_leaves_out_has_its_symbol_and_a_dashed_ring(rig: MapRig) -> None:
    rig.symbols = [(1, LAT, EAST, 3, 0, 0)]
    rig.panel.set_selection(1, LAT, EAST, "", 3, 0)
    rig.show()
    whole = rig.count_near(LAT, EAST, "accent.base", 26)
    rig.panel.set_selection(7, LAT, LON, "", 1, 0)
    rig.draw()
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    dashed = rig.count_near(LAT, LON, "accent.base", 26)
    assert 0.3 * whole < dashed < 0.85 * whole


def test_the_tag_of_a_report_at_the_edge_is_whole(rig: MapRig) -> None:
    rig.show()
    assert rig.panel.last_view is not None
    edge = rig.panel.last_view[0][2] - 0.0005
    rig.panel.set_selection(7, LAT, edge, "930878 Tanggul", 2, 0)
    rig.draw()
    at = rig.point(LAT, edge)
    picture, border = rig.picture(), rig.theme.hex("border.control")
    row = [QColor(picture.pixelColor(x, at.y())).name().upper() for x in range(picture.width())]
    sides = [x for x, colour in enumerate(row) if colour == border]
    assert len(sides) == 2
    assert 60 < sides[1] - sides[0] < 200
    assert sides[1] < at.x(), "at its left, where the map ends at its right"


@pytest.mark.parametrize(("wide", "high"), [(800, 0), (0, 0), (0, 600)])
def test_a_map_that_has_no_size_yet_can_be_drawn_with_a_report_outside(rig: MapRig, wide: int, high: int) -> None:
    """It is drawn before it has its room: an error there kept every View from being drawn."""
    rig.show()
    rig.js(f"""import(new URL('js/features.js', document.baseURI)).then(({{ marked }}) => {{
        const free = {{ isFree: () => true }}, context = document.createElement('canvas').getContext('2d');
        const outside = {{ x: -50, y: 10, label: '927995', priority: 1, burning: free }};
        window.markedAt = marked(context, outside, free, 1, {wide}, {high});
    }})""")
    rig.wait_js("window.markedAt !== undefined")
    assert rig.js("Number.isFinite(markedAt.x) && Number.isFinite(markedAt.y) && Number.isFinite(markedAt.away)")


@pytest.mark.parametrize(("down", "across"), [(0.0, -1.0), (1.0, 0.0), (-1.0, -1.0)])
def test_a_chosen_report_outside_the_map_stands_at_its_edge(rig: MapRig, down: float, across: float) -> None:
    rig.panel.set_texts({"p1": "P1 hazard", "p2": "P2 urgent", "unit_free": "Available", "fill": "Fill:"})
    rig.show()
    assert rig.panel.last_view is not None
    (west, south, east, north), _ = rig.panel.last_view
    before = rig.picture_count("priority.p1"), rig.picture_count("accent.base")
    place = LAT - down * (north - south) * 0.53, LON + across * (east - west) * 0.53
    rig.panel.set_selection(7, *place, "927995 Saluran", 1, 0)
    rig.draw()
    assert rig.picture_count("priority.p1") > before[0] + 80, "its symbol, under no box"
    assert rig.picture_count("accent.base") > before[1] + 40, "an arrow"
    picture, border, text = rig.picture(), rig.theme.hex("border.control"), rig.theme.hex("surface.raised")
    seen = [[picture.pixelColor(x, y).name().upper() for x in range(picture.width())] for y in range(picture.height())]
    whole = [row for row in seen if (row.count(border) == 2) and row.count(text) > 40]
    assert whole, "the tag with both its sides"


def test_a_code_that_must_be_read_is_not_under_the_tag(rig: MapRig) -> None:
    unit = {"id": "a", "code": "PPSU-KBR 2", "state_key": "free", "lat": LAT, "lon": LON, "near": True}
    rig.symbols = [(2, LAT + 0.0031, LON, 2, 0, 0)]
    rig.symbols += [(3, LAT, LON + 0.0065, 2, 0, 0), (4, LAT, LON - 0.0065, 2, 0, 0)]
    rig.panel.set_units([unit])
    rig.show()
    alone = rig.count_near(LAT, LON, "accent.strong", 95, off_by=60)
    rig.panel.set_selection(7, LAT - 0.0031, LON - 0.011, "927995 Saluran", 0, 0)  # its tag lies below the crew
    rig.draw()
    assert rig.count_near(LAT, LON, "accent.strong", 95, off_by=60) > 0.8 * alone


def test_a_crew_under_the_pointer_says_its_code(rig: MapRig) -> None:
    around = [(LAT - 0.0031, 0), (LAT + 0.0031, 0), (LAT, 0.0065), (LAT, -0.0065)]  # 18 px below and above, 38 beside
    rig.symbols = [(row, lat, LON + dx, 1, 0, 0) for row, (lat, dx) in enumerate(around, 1)]
    rig.panel.set_units([{"id": "a", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}])
    rig.show()
    assert rig.letters_below(LAT, LON) == 0
    hazards = [rig.count_near(lat, LON + dx, "priority.p1") for lat, dx in around]
    letters = rig.count_near(LAT, LON, "accent.strong", 60, off_by=60)
    QTest.mouseMove(rig.target, rig.point(LAT, EAST))
    QTest.mouseMove(rig.target, rig.point(LAT, LON))
    rig.qtbot.waitUntil(
        lambda: rig.count_near(LAT, LON, "accent.strong", 60, off_by=60) > letters + 40, timeout=TIMEOUT_MS
    )
    assert [rig.count_near(lat, LON + dx, "priority.p1") for lat, dx in around] == hazards, "across no P1"


def test_a_code_that_must_be_read_lies_across_no_p1(rig: MapRig) -> None:
    below = LAT - 0.0031
    rig.symbols = [(1, below, LON, 1, 0, 0), (2, LAT + 0.0031, LON, 2, 0, 0)]
    rig.symbols += [(3, LAT, LON + 0.0065, 2, 0, 0), (4, LAT, LON - 0.0065, 2, 0, 0)]
    rig.show()
    alone = rig.count_near(below, LON, "priority.p1")
    unit = {"id": "a", "code": "PPSU-CWG 1", "state_key": "free", "lat": LAT, "lon": LON, "near": True}
    rig.panel.set_units([unit])
    rig.draw()
    assert rig.count_near(LAT, LON, "accent.strong", 95, off_by=60) > 60, "its code is written"
    assert rig.count_near(below, LON, "priority.p1") == alone


def test_the_tag_of_the_chosen_report_lies_across_no_p1(rig: MapRig) -> None:
    """That of one outside the map lay on a hazard's triangle at the map's edge; then its number was under two of them,
    with the map free at its other side.
    """
    rig.symbols = [(1, LAT, LON, 1, 0, 0)]
    rig.show()
    alone = rig.count_near(LAT, LON, "priority.p1")
    chosen = LON - 0.011  # 64 px west: the tag at its right would reach over the P1
    rig.panel.set_selection(7, LAT, chosen, "927995 Saluran", 0, 0)
    rig.draw()
    assert rig.count_near(LAT, LON - 0.003, "surface.raised") == 0
    assert rig.count_near(LAT, chosen - 0.009, "surface.raised") > 60, "the tag is at its left, wholly seen"
    assert rig.count_near(LAT, LON, "priority.p1") == alone
    rig.symbols += [
        (2, LAT, chosen - 0.011, 1, 0, 0),
        (3, LAT - 0.006, chosen, 1, 0, 0),
        (4, LAT + 0.006, chosen, 1, 0, 0),
    ]
    rig.draw()
    assert rig.count_near(LAT, LON - 0.003, "surface.raised") == 0, "at a corner"
    corners = [(LAT + north, chosen + east) for north in (-0.006, 0.006) for east in (-0.011, 0.011)]
    rig.symbols += [(15 + n, lat, lon, 1, 0, 0) for n, (lat, lon) in enumerate(corners)]
    rig.draw()
    assert rig.count_near(LAT, LON - 0.003, "surface.raised") > 60, "where P1 are all around it, at its right"
    assert rig.count_near(LAT, LON, "priority.p1") == alone, "and below them"


def test_a_spread_covers_no_report_and_no_crew_that_is_not_in_it(rig: MapRig) -> None:
    hazard, crew = LON + 0.0048, LAT + 0.0044  # 28 px east and 26 px north: where the two would be spread
    rig.symbols = [(11, LAT, LON, 2, 0, 0), (12, LAT + 2e-6, LON, 2, 0, 0), (13, LAT, hazard, 1, 1, 0)]
    rig.panel.set_units([{"id": "a", "code": "SDA-07", "state_key": "onscene", "lat": crew, "lon": LON}])
    rig.show()
    before = rig.count_near(LAT, hazard, "priority.p1"), rig.count_near(crew, LON, "map.unit")
    assert min(before) > 50
    heap = rig.count_near(LAT, LON, "priority.p2-mark", 60)
    QTest.mouseMove(rig.target, rig.point(LAT, EAST))
    QTest.mouseMove(rig.target, rig.point(LAT, LON))
    rig.qtbot.waitUntil(lambda: rig.count_near(LAT, LON, "priority.p2-mark", 60) > 1.7 * heap, timeout=TIMEOUT_MS)
    assert (rig.count_near(LAT, hazard, "priority.p1"), rig.count_near(crew, LON, "map.unit")) == before
    with rig.qtbot.waitSignal(rig.panel.report_picked, timeout=TIMEOUT_MS) as picked:
        rig.click(LAT, hazard)
    assert picked.args == [13]


def test_a_ring_with_no_room_for_all_shows_the_p1_without_a_crew(rig: MapRig) -> None:
    rig.symbols = [(row, LAT, LON, 2, 0, 0) for row in range(11, 40)] + [(40, LAT, LON + 0.002, 1, 0, 4)]
    rig.show()
    heap = rig.count_near(LAT, LON, "priority.p2-mark", 90)
    QTest.mouseMove(rig.target, rig.point(LAT, EAST))
    QTest.mouseMove(rig.target, rig.point(LAT, LON - 0.0004))
    rig.qtbot.waitUntil(lambda: rig.count_near(LAT, LON, "priority.p2-mark", 90) > 6 * heap, timeout=TIMEOUT_MS)
    assert rig.count_near(LAT, LON, "priority.p1", 90) > 80


def test_a_code_finds_another_place_when_the_first_is_taken(rig: MapRig) -> None:
    rig.symbols = [(1, LAT - 0.0031, LON, 1, 0, 0)]
    rig.panel.set_units([{"id": "a", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}])
    rig.show()
    assert rig.letters_below(LAT, LON) == 0
    assert rig.count_near(LAT + 0.0026, LON, "accent.strong", 8, off_by=60) > 10, "15 px above"


def test_symbols_that_cover_one_another_are_spread_under_the_pointer(rig: MapRig) -> None:
    rig.symbols = [(row, LAT + row * 2e-6, LON, 1, 0, 0) for row in (11, 12, 13)]
    rig.show()
    heap = rig.count_near(LAT, LON, "priority.p1", 60)
    QTest.mouseMove(rig.target, rig.point(LAT, EAST))
    QTest.mouseMove(rig.target, rig.point(LAT, LON))
    rig.qtbot.waitUntil(lambda: rig.count_near(LAT, LON, "priority.p1", 60) > 2.5 * heap, timeout=TIMEOUT_MS)
    found: set[int] = set()
    middle = rig.point(LAT, LON)
    for step in range(3):  # the ring begins at the top
        angle = -math.pi / 2 + 2 * math.pi * step / 3
        at = QPoint(round(middle.x() + 28 * math.cos(angle)), round(middle.y() + 28 * math.sin(angle)))
        with rig.qtbot.waitSignal(rig.panel.report_picked, timeout=TIMEOUT_MS) as picked:
            QTest.mouseMove(rig.target, at)
            QTest.mouseClick(rig.target, Qt.MouseButton.LeftButton, pos=at)
        found.update(picked.args or [])
    assert found == {11, 12, 13}
    QTest.mouseMove(rig.target, rig.point(SOUTH, EAST))
    rig.qtbot.waitUntil(lambda: rig.count_near(LAT, LON, "priority.p1", 60) == heap, timeout=TIMEOUT_MS)


def test_a_click_amid_a_crowd_asks_for_the_list_of_all_of_it(rig: MapRig) -> None:
    rig.symbols = [(row, LAT + row * 1e-6, LON, 1, 0, 0) for row in range(11, 31)]
    rig.show()
    heap = rig.count_near(LAT, LON, "priority.p1", 90)
    QTest.mouseMove(rig.target, rig.point(LAT, EAST))
    QTest.mouseMove(rig.target, rig.point(LAT, LON))
    rig.qtbot.waitUntil(lambda: rig.count_near(LAT, LON, "priority.p1", 90) > 8 * heap, timeout=TIMEOUT_MS)
    assert rig.count_near(LAT, LON, "text.primary", 8, off_by=60) > 5, "how many there are, also those off the ring"
    picked: list[int] = []
    rig.panel.report_picked.connect(picked.append)
    with rig.qtbot.waitSignal(rig.panel.crowd_picked, timeout=TIMEOUT_MS) as asked:
        QTest.mouseClick(rig.target, Qt.MouseButton.LeftButton, pos=rig.point(LAT, LON))
    assert sorted(asked.args[0]) == list(range(11, 31))
    assert picked == []


def test_a_square_amid_symbols_moves_to_where_its_count_can_be_read(rig: MapRig) -> None:
    ring = [(0.0011 * dy, 0.0011 * dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    rig.symbols = [(row, LAT + dy, LON + dx, 2, 0, 0) for row, (dy, dx) in enumerate(ring, 1)]
    rig.show()
    assert rig.count_near(LAT, LON, "map.cell-text", 100, off_by=30) == 0
    rig.cells = [(LAT + 0.0002, LON + 0.0003, 38, 0)]
    rig.draw()
    alone = rig.count_near(LAT, LON, "map.cell-text", 100, off_by=30)
    rig.symbols = []
    rig.draw()
    assert alone == pytest.approx(rig.count_near(LAT, LON, "map.cell-text", 100, off_by=30), rel=0.2)


def test_what_is_the_same_is_not_drawn_again_and_counts_as_drawn(rig: MapRig) -> None:
    rig.symbols = [(1, LAT, LON, 1, 0, 0)]
    rig.show()
    count = "const canvas = CanvasRenderingContext2D.prototype, clear = canvas.clearRect; window.drawings = 0;"
    count += "canvas.clearRect = function (...at) { window.drawings++; clear.apply(this, at); }"
    rig.js(f"(() => {{ {count} }})(); 0")
    for _ in range(3):
        rig.draw()
    assert rig.js("window.drawings") == 0
    rig.symbols = [(1, LAT, LON, 2, 0, 0)]
    rig.draw()
    assert rig.js("window.drawings") > 0
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p2-mark")
    rig.panel.set_selection(9, LAT, EAST, "", 1, 0)
    rig.draw()
    assert rig.colour(LAT, EAST) == rig.theme.hex("priority.p1"), "left out by the filter, though nothing else is new"


def test_in_a_drag_nothing_is_drawn_for_what_the_pointer_passes(rig: MapRig) -> None:
    rig.symbols = [(row, LAT, LON + 0.00002 * row, 3, 0, 0) for row in range(1, 5)]  # spread under the pointer
    rig.show()
    drag = """
        window.drawings = 0;
        const draw = CanvasRenderingContext2D.prototype.drawImage;
        CanvasRenderingContext2D.prototype.drawImage = function (...at) {
          window.drawings++;
          return draw.apply(this, at);
        };
        const map = document.querySelector("#map"), box = map.getBoundingClientRect(), middle = AT_X;
        const send = (on, type, x) => on.dispatchEvent(new MouseEvent(type, {
          bubbles: true, cancelable: true, view: window, clientX: x, clientY: AT_Y, button: 0, buttons: 1}));
        send(map, "mousedown", middle - 60);
        for (let x = middle - 60; x < middle + 60; x += 4) send(map, "mousemove", x);
        const drawn = window.drawings;
        send(map, "mouseup", middle + 60);
        drawn
    """
    point = rig.point(LAT, LON)
    script = drag.replace("AT_X", str(point.x())).replace("AT_Y", str(point.y()))
    assert rig.js(script) == 0
    rig.wait_js("window.drawings > 0")


def test_what_comes_into_view_is_drawn_though_its_reports_are_waited_for(rig: MapRig) -> None:
    east = LON + 0.065  # beside the view, but not after a step to the right
    rig.panel.set_units([{"id": "u1", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": east}])
    rig.show()
    come = threading.Event()

    def late(request: Request) -> bytes:
        come.wait(30)
        return pack_answer(request.number, [], [], outside=3, placeless=2)

    rig.answer = late
    try:
        before = rig.panel.last_view
        rig.key(Qt.Key.Key_Right)
        rig.qtbot.waitUntil(lambda: rig.panel.last_view != before, timeout=TIMEOUT_MS)
        rig.qtbot.waitUntil(lambda: rig.count_near(LAT, east, "map.unit") > 10, timeout=5_000)
    finally:
        come.set()


def test_a_code_gives_way_to_a_count_that_has_no_other_place(rig: MapRig) -> None:
    """Amid crews a square found no place clear of their codes: it stood where it was, a code written over its number,
    or was made too small for it.
    """
    rig.show()
    rig.js(
        """
        const address = (name) => new URL(`/js/${name}.js`, location.href).href;
        const parts = ["placement", "codes", "geometry"].map((name) => import(address(name)));
        Promise.all(parts).then(([place, codes, boxes]) => {
          const crew = (id, chosen, left) => (
            { x: 100, y: 100, unit: { id, code: "SDA-07", chosen }, code_at: [left, 95, left + 50, 109] });
          const crews = [crew("a", false, 80), crew("b", true, 80), crew("c", false, 300)];
          const taken = new boxes.Taken(), firm = new boxes.Taken();
          taken.add([0, 0, 400, 400]);
          firm.add([85, 85, 115, 115]);
          const square = { x: 100, y: 100, side: 42, least: place.leastSide(344) };
          place.settle([square], taken, firm, 1);
          const rect = place.rectOf(square.x, square.y, square.side);
          codes.giveWay(crews, [[80, 90, 120, 110]], "");
          window.result = JSON.stringify({ side: square.side, rect, least: square.least,
            free: !boxes.overlap(rect, [85, 85, 115, 115]), codes: crews.map((one) => one.code_at !== null) });
        }, (error) => { window.result = JSON.stringify(String(error)); });
        0
        """
    )
    rig.wait_js("typeof window.result === 'string'")
    found = json.loads(rig.js("window.result"))
    assert isinstance(found, dict), found
    assert found["side"] == 42, "there is room for all of it once codes are not counted"
    assert found["free"], "and it is clear of what does not give way"
    assert found["codes"] == [False, True, True], "the code under it goes; of the chosen crew it stays"
    assert found["least"] >= 24, "three digits of 11 px fit"
