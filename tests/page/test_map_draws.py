"""The page draws what it was told, where it was told, and says when it is done."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console.board.map_answer import UNLISTED
from tests.page.conftest import LAT, LON, TIMEOUT_MS, Console, MapDesk
from widgets.map.__main__ import pack_answer
from widgets.map.panel import Box, Pin

EAST, SOUTH = LON + 0.02, LAT - 0.012


def test_loads_without_a_word(desk: MapDesk, console: Console) -> None:
    desk.panel.set_texts({"p1": "P1 hazard", "unit_free": "Available", "fill": "Fill:"})
    desk.panel.set_units([{"id": "u1", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}])
    desk.panel.set_areas(1)
    desk.show()
    assert console.lines == []


def test_one_question_a_move_or_view_with_box_and_size(desk: MapDesk) -> None:
    desk.show()
    asked = desk.asked[-1]
    assert (asked.number, asked.zoom, asked.width, asked.height) == (1, 13.0, 640, 480)
    assert asked.west < LON < asked.east
    assert asked.south < LAT < asked.north
    desk.asked.clear()
    desk.draw()
    assert [request.number for request in desk.asked] == [2]


def test_reports_and_squares_are_where_they_should_be(desk: MapDesk) -> None:
    desk.symbols = [(1, LAT, LON, 1, 0, 0), (2, LAT, EAST, 2, 0, 0)]
    desk.cells = [(SOUTH, LON, 40, 0), (SOUTH, EAST, 7, 1)]
    desk.show()
    assert desk.colour(LAT, LON) == desk.theme.hex("priority.p1")
    assert desk.colour(LAT, EAST) == desk.theme.hex("priority.p2-mark")
    assert desk.count_near(LAT, LON, "map.halo", 20) > 20
    assert desk.count_near(SOUTH, EAST, "priority.p2-mark", 24) > 20, "an urgent report inside: amber edge"
    assert desk.count_near(SOUTH, LON, "priority.p2-mark", 24) == 0
    desk.symbols, desk.cells = [], []
    desk.draw()
    assert desk.count_near(LAT, LON, "priority.p1") == 0


@pytest.mark.parametrize("status", range(8))
def test_every_fill_is_another_picture(desk: MapDesk, status: int) -> None:
    others = [other for other in range(8) if other != status]
    desk.symbols = [(row, LAT, LON + (row - 4) * 0.008, 3, other, 0) for row, other in enumerate(others, 1)]
    desk.symbols.append((9, SOUTH, LON, 3, status, 0))
    desk.show()
    picture, seen = desk.picture(), []
    for _, lat, lon, *_ in desk.symbols:
        middle = desk.point(lat, lon)
        seen.append(bytes(picture.copy(middle.x() - 9, middle.y() - 9, 18, 18).constBits()))
    differing = [sum(a != b for a, b in zip(seen[-1], one, strict=True)) / len(one) for one in seen[:-1]]
    assert min(differing) > 0.03


def test_square_steps_aside_for_a_symbol(desk: MapDesk) -> None:
    desk.symbols, desk.cells = [(1, LAT, LON, 1, 0, 0)], [(LAT, LON, 40, 0)]
    desk.show()
    assert desk.colour(LAT, LON) == desk.theme.hex("priority.p1")
    assert desk.count_near(LAT, LON, "map.cell-text", 70, off_by=40) > 0, "and does not vanish"


def test_chosen_report_and_alarm_have_their_rings(desk: MapDesk) -> None:
    desk.symbols = [(1, LAT, LON, 2, 0, 8), (2, LAT, EAST, 1, 0, 4)]
    desk.show()
    assert desk.count_near(LAT, LON, "accent.base", 26) == 0
    desk.panel.set_selection(1, LAT, LON, "928214 Saluran")
    desk.draw()
    assert desk.count_near(LAT, LON, "accent.base", 26) > 80
    assert desk.count_near(LAT, EAST, "alarm.p1-edge", 26) > 80
    desk.panel.set_selection(None)
    desk.draw()
    assert desk.count_near(LAT, LON, "accent.base", 26) == 0


def test_the_chosen_report_lies_over_no_p1_at_the_same_point(desk: MapDesk) -> None:
    """Reports of which only the area is known share its middle: a P3 that was chosen hid a burning P1 wholly."""
    desk.symbols = [(1, LAT, LON, 1, 0, 4), (2, LAT, LON, 3, 0, 8), (3, LAT, EAST, 2, 0, 0), (4, LAT, EAST, 3, 0, 8)]
    desk.panel.set_selection(2, LAT, LON, "")
    desk.show()
    assert desk.colour(LAT, LON) == desk.theme.hex("priority.p1")
    assert desk.count_near(LAT, LON, "accent.base", 26) > 80, "the ring says that it is here"
    assert desk.colour(LAT, EAST) != desk.theme.hex("priority.p2-mark"), "above all others it is to be seen"


def test_the_number_of_the_chosen_report_lies_beside_the_ring_of_a_p1(desk: MapDesk) -> None:
    """It read "1989" for 931989: two digits lay under a neighbour's ring."""
    desk.show()
    here, there = desk.point(LAT, LON), desk.point(SOUTH, EAST)
    lat = LAT + 24 * (SOUTH - LAT) / (there.y() - here.y())
    lon = LON + 60 * (EAST - LON) / (there.x() - here.x())
    desk.symbols = [(1, LAT, LON, 3, 0, 8), (2, lat, lon, 1, 0, 4)]
    desk.panel.set_selection(1, LAT, LON, "931989 Sampah")
    desk.draw()
    picture, paper = desk.picture(), desk.theme.hex("surface.raised").lower()
    assert picture.pixelColor(here.x() - 29, here.y()).name() == paper, "at its left"
    assert picture.pixelColor(here.x() + 29, here.y()).name() != paper


def test_chosen_report_with_an_alarm_has_both_rings(desk: MapDesk) -> None:
    desk.symbols = [(1, LAT, LON, 1, 0, 4 | 8)]
    desk.panel.set_selection(1, LAT, LON, "")
    desk.show()
    assert desk.count_near(LAT, LON, "accent.base", 34) > 80
    assert desk.count_near(LAT, LON, "alarm.p1-edge", 34) > 80


def test_corner_adds_up(desk: MapDesk) -> None:
    desk.symbols, desk.cells = [(1, LAT, LON, 1, 0, 0)], [(LAT, EAST, 1200, 0), (SOUTH, LON, 34, 0)]
    desk.panel.set_view(0, "© Someone", "units 4 s")
    desk.show()
    text = desk.js("document.getElementById('corner').innerText")
    assert "1 symbol, 1,234 in cells, 3 outside, 2 without a place" in text
    assert "© Someone · units 4 s" in text


def test_a_report_outside_that_must_not_be_overlooked_is_said_and_one_click_away(desk: MapDesk) -> None:
    desk.show()
    button = "document.querySelector('#corner .outside')"
    assert desk.js(f"{button}.hidden")
    desk.panel.set_outside(7, "1 P1 outside")
    desk.wait_js(f"!{button}.hidden && {button}.textContent === '1 P1 outside'")
    with desk.qtbot.waitSignal(desk.panel.report_picked) as picked:
        desk.js(f"{button}.click(); 0")
    assert picked.args == [7]
    with desk.qtbot.waitSignal(desk.panel.bridge.page_ready, timeout=20_000):
        desk.panel.reload()
    desk.wait_js(f"!{button}.hidden")
    desk.panel.set_outside(0, "")
    desk.wait_js(f"{button}.hidden")


def test_a_hazard_that_the_list_leaves_out_is_drawn_with_a_dashed_ring_and_not_counted(desk: MapDesk) -> None:
    desk.symbols = [(9, LAT, LON, 1, 0, UNLISTED)]
    desk.show()
    assert desk.colour(LAT, LON) == desk.theme.hex("priority.p1")
    text = desk.js("document.querySelector('.counts').textContent")
    assert text == "0 symbols, 0 in cells, 3 outside, 2 without a place"
    losses: list[object] = []
    desk.panel.page_lost.connect(losses.append)
    desk.panel.set_view(desk.number + 1, count=5)
    with desk.qtbot.waitSignals([desk.panel.bridge.alive] * 4, timeout=TIMEOUT_MS):
        pass
    assert losses == [], "what is not of the list is not missed, nor too much"
    with desk.qtbot.waitSignal(desk.panel.report_picked) as picked:
        desk.click(LAT, LON)
    assert picked.args == [9]


def test_the_right_button_asks_for_a_menu_and_the_legend_s_fills_say_what_they_are(desk: MapDesk) -> None:
    desk.symbols = [(9, LAT, LON, 1, 0, 0)]
    desk.panel.set_texts({"fill": "Fill:", "fill_0": "New", "fill_3": "In progress"})
    desk.panel.resize(900, 600)
    desk.show()
    asked: list[tuple[object, ...]] = []
    desk.panel.menu_asked.connect(lambda *what: asked.append(what))
    middle = desk.point(LAT, LON)
    for at in (middle, middle + QPoint(150, 90)):
        QTest.mouseMove(desk.target, at)
        QTest.mouseClick(desk.target, Qt.MouseButton.RightButton, pos=at)
        desk.qtbot.waitUntil(lambda: bool(asked), timeout=20_000)
        lat, lon, row, unit = asked.pop()
        assert (row, unit) == ((9, "") if at == middle else (0, ""))
        assert abs(lat - LAT) < 0.02  # type: ignore[operator]
        assert abs(lon - LON) < 0.03  # type: ignore[operator]
    titles = "[...document.querySelectorAll('#legend .fills canvas')].map((one) => one.title).join()"
    desk.wait_js(f"{titles}.startsWith('New,,,In progress')")


@pytest.mark.parametrize("width", [440, 700, 820])
def test_what_must_not_be_overlooked_is_wholly_seen_and_covers_no_legend(desk: MapDesk, width: int) -> None:
    """In a narrow map it was cut off, in a wider one it lay over the legend's last lines."""
    desk.panel.set_texts({"fill": "Fill:", **{f"p{row}": f"P{row} as in a legend" for row in range(1, 5)}})
    desk.panel.resize(width, 600)
    desk.show()
    desk.panel.set_outside(7, "12 P1 here, 3 P1 outside, not in this list at all")
    button, frame = "document.querySelector('#corner .outside')", "document.querySelector('#frame')"
    desk.wait_js(f"!{button}.hidden")
    box = "((one) => one.getBoundingClientRect())"
    desk.draw()
    corner = "document.querySelector('#corner')"
    desk.wait_js(f"{box}({button}).right <= {box}({corner}).right && {box}({corner}).right <= {box}({frame}).right")
    legend = "document.querySelector('#legend')"
    desk.wait_js(f"{legend}.hidden || {box}({corner}).right <= {box}({legend}).left")
    assert desk.js(f"{legend}.hidden") is (width == 440)


def test_a_narrow_map_counts_all_that_the_list_has(desk: MapDesk) -> None:
    """What has no place was left out where there is little room: the sum was not that of the queue."""
    desk.show()
    whole = desk.js("document.querySelector('.counts').textContent")
    assert whole.endswith(" 3 outside, 2 without a place")
    desk.panel.resize(440, desk.panel.height())
    desk.wait_js("document.querySelector('.counts').textContent.endsWith(' in cells, 5 off the map')")
    assert desk.js("document.querySelector('#corner').getBoundingClientRect().right <= window.innerWidth")


def test_what_is_not_loaded_yet_is_said_beside_the_counts(desk: MapDesk) -> None:
    loading = [2]
    desk.answer = lambda request: pack_answer(request.number, flags=loading[0])
    desk.show()
    told = "0 symbols, 0 in cells, 0 outside, 0 without a place"
    assert desk.js("document.querySelector('.counts').textContent") == f"{told} so far, still loading"
    loading[0] = 0
    desk.draw()
    assert desk.js("document.querySelector('.counts').textContent") == told


def test_no_tiles_no_secret(desk: MapDesk) -> None:
    desk.panel.set_background_state("Map background unavailable. Reports are drawn from this computer.")
    desk.symbols = [(1, LAT, LON, 1, 0, 0)]
    desk.show()
    strip = desk.js("document.getElementById('strip').innerText")
    assert "Map background unavailable." in strip
    assert desk.js("document.getElementById('map').classList.contains('hatched')")
    assert desk.colour(LAT, LON) == desk.theme.hex("priority.p1")
    desk.panel.set_tiles("vector")
    desk.panel.set_background_state(None)
    desk.draw()
    assert desk.js("document.getElementById('strip').hidden")
    assert not desk.js("document.getElementById('map').classList.contains('hatched')")


def test_missing_tiles_are_no_fault(desk: MapDesk, console: Console) -> None:
    desk.panel.set_tiles("vector", 8, 14)
    desk.symbols = [(1, LAT, LON, 1, 0, 0)]
    desk.show()
    assert desk.colour(LAT, LON) == desk.theme.hex("priority.p1")
    assert console.lines == []


def test_vector_tiles_of_the_real_city(desk: MapDesk, city_data: Path, console: Console) -> None:
    from console.city_map.basemap import Basemap

    base = Basemap(city_data / "jakarta", "jakarta_base.pmtiles")
    desk.tile = lambda request: (base.tile(request.z, request.x, request.y) or (None,))[0]
    desk.panel.set_tiles("vector", *base.zooms)
    desk.show()
    assert desk.count_near(LAT, LON, "map.land", 60) > 2000
    assert console.lines == []
    base.close()


def test_areas_have_borders_and_names(desk: MapDesk) -> None:
    ring = [[LON - 0.02, LAT - 0.01], [LON + 0.02, LAT - 0.01], [LON + 0.02, LAT + 0.01], [LON - 0.02, LAT - 0.01]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"name": "Tebet", "level": 1, "lat": LAT, "lon": LON},
    }
    desk.areas = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    desk.panel.set_areas(1)
    desk.show()
    assert desk.count_near(LAT, LON, "map.label", 20, off_by=40) > 5
    assert desk.count_near(LAT - 0.01, LON, "map.area-border", 20, off_by=12) > 10


def test_theme_and_words_change_while_it_stands(desk: MapDesk) -> None:
    desk.symbols = [(1, LAT, LON, 1, 0, 0)]
    desk.show()
    from widgets.map.__main__ import TokenTheme

    desk.theme = TokenTheme("light")
    desk.panel.set_theme(desk.theme)
    desk.panel.set_texts({"counts": "{symbols} simbol"})
    desk.draw()
    desk.wait_js("document.querySelector('.counts').textContent.includes('simbol')")
    desk.draw()
    assert desk.colour(LAT, LON) == desk.theme.hex("priority.p1")


def test_click_chooses_report_unit_and_square(desk: MapDesk) -> None:
    desk.symbols, desk.cells = [(77, LAT, LON, 1, 0, 0)], [(SOUTH, EAST, 40, 0)]
    desk.panel.set_units([{"id": "crew/7", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": EAST}])
    desk.show()
    with desk.qtbot.waitSignal(desk.panel.report_picked, timeout=TIMEOUT_MS) as report:
        desk.click(LAT, LON)
    assert report.args == [77]
    with desk.qtbot.waitSignal(desk.panel.unit_picked, timeout=TIMEOUT_MS) as unit:
        desk.click(LAT, EAST)
    assert unit.args == ["crew/7"]
    with desk.qtbot.waitSignal(desk.panel.cell_picked, timeout=TIMEOUT_MS) as cell:
        desk.click(SOUTH, EAST, Qt.KeyboardModifier.ShiftModifier)
    west, south, east, north = cell.args
    assert west < EAST < east
    assert south < SOUTH < north
    assert (east - west) * 2**13 / 360 * 256 == pytest.approx(64), "the board's cell of 64 px at this whole zoom"
    assert desk.panel.last_view is not None
    assert desk.panel.last_view[1] == 13, "Shift only filters"


def test_click_on_square_goes_there_and_filters_nothing(desk: MapDesk) -> None:
    desk.cells = [(SOUTH, EAST, 40, 0)]
    desk.show()
    filtered: list[object] = []
    desk.panel.cell_picked.connect(lambda *box: filtered.append(box))
    with desk.qtbot.waitSignal(desk.panel.view_changed, timeout=TIMEOUT_MS) as moved:
        desk.click(SOUTH, EAST)
    assert moved.args[4] == 15
    assert filtered == []


def test_codes_of_crews_never_cover_each_other(desk: MapDesk) -> None:
    near = LON + 0.0008  # 19 px at this zoom: capsules beside each other, codes would overlap
    crews = [("a", LON), ("b", near), ("c", LON + 0.02)]
    desk.panel.set_units(
        [{"id": one, "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": lon} for one, lon in crews]
    )
    desk.show()
    letters = [desk.letters_below(LAT, lon) for _, lon in crews]
    assert letters[0] > 20, "the first has its code"
    assert letters[2] > 20, "one that stands alone too"
    desk.panel.set_units([{"id": "a", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}])
    desk.draw()
    assert desk.letters_below(LAT, LON) == letters[0], "the second adds no letter to the first"


def test_chosen_crew_has_its_code_whatever_is_near(desk: MapDesk) -> None:
    unit = {"id": "a", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}
    desk.symbols = [(1, LAT - 0.0006, LON, 1, 0, 0)]
    desk.panel.set_units([unit])
    desk.show()
    assert desk.letters_below(LAT, LON) == 0
    desk.panel.set_units([unit | {"chosen": True}])
    desk.draw()
    assert desk.letters_below(LAT, LON) > 10


def test_keys_walk_and_open_without_a_mouse(desk: MapDesk) -> None:
    desk.symbols = [(5, LAT, LON, 2, 0, 0), (6, LAT, EAST, 1, 0, 0)]
    desk.show()
    desk.panel.focus_map()
    desk.key(Qt.Key.Key_PageDown)
    desk.qtbot.waitUntil(lambda: desk.panel._cursor, timeout=TIMEOUT_MS)
    with desk.qtbot.waitSignal(desk.panel.report_picked, timeout=TIMEOUT_MS) as first:
        desk.key(Qt.Key.Key_Return)
    assert first.args == [6], "the most urgent comes first"
    desk.key(Qt.Key.Key_PageDown)
    with desk.qtbot.waitSignal(desk.panel.report_picked, timeout=TIMEOUT_MS) as second:
        desk.key(Qt.Key.Key_Return)
    assert second.args == [5]
    desk.key(Qt.Key.Key_Escape)
    desk.qtbot.waitUntil(lambda: not desk.panel._cursor, timeout=TIMEOUT_MS)


def test_gesture_locks_and_star_gives_back(desk: MapDesk) -> None:
    def zoom() -> float:
        return desk.panel.last_view[1]  # type: ignore[index]

    def middle() -> float:
        west, _, east, _ = desk.panel.last_view[0]  # type: ignore[index]
        return (west + east) / 2

    desk.panel.set_city((LON - 0.1, LAT - 0.1, LON + 0.1, LAT + 0.1))
    desk.show()
    desk.panel.focus_map()
    with desk.qtbot.waitSignal(desk.panel.locked_changed, timeout=TIMEOUT_MS) as free:
        desk.key(Qt.Key.Key_Asterisk)
    assert free.args == [False]
    desk.qtbot.waitUntil(lambda: zoom() < 12, timeout=TIMEOUT_MS)
    desk.key(Qt.Key.Key_Right)
    desk.qtbot.waitUntil(lambda: middle() > LON + 0.01, timeout=TIMEOUT_MS)
    assert desk.panel.locked
    desk.key(Qt.Key.Key_Plus)
    desk.qtbot.waitUntil(lambda: zoom() > 12, timeout=TIMEOUT_MS)


def test_place_is_picked_once_and_only_when_asked(desk: MapDesk) -> None:
    desk.show()
    places: list[tuple[float, float]] = []
    desk.panel.place_picked.connect(lambda lat, lon: places.append((lat, lon)))
    desk.panel.bridge.pickPlace(1.0, 1.0)  # nobody asked
    desk.panel.start_pick()
    desk.wait_js("!document.getElementById('picking').hidden")
    with desk.qtbot.waitSignal(desk.panel.place_picked, timeout=TIMEOUT_MS):
        desk.click(LAT, EAST)
    assert len(places) == 1
    assert places[0] == pytest.approx((LAT, EAST), abs=0.0005)
    desk.panel.start_pick()
    desk.wait_js("!document.getElementById('picking').hidden")
    with desk.qtbot.waitSignal(desk.panel.pick_left, timeout=TIMEOUT_MS):
        desk.key(Qt.Key.Key_Escape)


def test_stale_answers_are_dropped(desk: MapDesk) -> None:
    desk.symbols = [(1, LAT, LON, 1, 0, 0)]
    desk.show()
    for number in range(2, 40):
        desk.panel.set_view(number)
    desk.symbols, desk.number = [], 40
    with desk.qtbot.waitSignal(desk.panel.drawn, timeout=TIMEOUT_MS, check_params_cb=lambda number: number == 41):
        desk.panel.set_view(41)
    assert desk.count_near(LAT, LON, "priority.p1") == 0
    assert len(desk.asked) < 30, "questions that wait are one"


def test_window_shortcuts_work_while_the_map_has_the_keyboard(desk: MapDesk) -> None:
    from PySide6.QtGui import QKeySequence, QShortcut

    desk.show()
    fired: list[str] = []
    for key in ("T", "Right"):
        QShortcut(QKeySequence(key), desk.panel, lambda key=key: fired.append(key))
    desk.panel.activateWindow()
    desk.panel.focus_map()
    QApplication.processEvents()
    with desk.qtbot.waitSignal(desk.panel.view_changed, timeout=TIMEOUT_MS):
        desk.key(Qt.Key.Key_Right)
    desk.key(Qt.Key.Key_T)
    desk.qtbot.waitUntil(lambda: bool(fired), timeout=TIMEOUT_MS)
    assert fired == ["T"], "arrows are the map's own"


def test_places_asked_for_are_drops_filled_when_chosen(desk: MapDesk) -> None:
    places = [Pin(LAT, LON, number=1, chosen=True), Pin(LAT, EAST, number=2)]
    desk.show()
    desk.panel.show_pins(places)
    desk.draw()
    above = 18  # px: the round part stands above its tip

    def drop(lon: float, token: str) -> int:
        middle = desk.point(LAT, lon)
        picture, wanted = desk.picture(), desk.theme.hex(token)
        across, down = range(middle.x() - 9, middle.x() + 10), range(middle.y() - above - 9, middle.y() - above + 10)
        return sum(QColor(picture.pixelColor(x, y)).name().upper() == wanted for x in across for y in down)

    assert drop(LON, "accent.base") > 80
    assert drop(EAST, "accent.base") == 0
    assert drop(EAST, "surface.raised") > 60
    desk.panel.show_pins([])
    desk.draw()
    assert drop(LON, "accent.base") == drop(EAST, "surface.raised") == 0


def test_the_circle_of_a_place_is_as_wide_as_it_is_uncertain(desk: MapDesk) -> None:
    desk.show(zoom=15.0)
    plain = desk.colour(LAT + 0.0002, LON + 0.001)
    desk.panel.show_pins([Pin(LAT, LON, chosen=True, radius_m=300.0)])
    desk.draw()
    assert desk.colour(LAT + 0.0002, LON + 0.001) != plain, "110 m away"
    assert desk.colour(LAT + 0.0002, LON + 0.0035) == plain, "390 m away"


def test_places_survive_a_lost_page_and_none_is_made_up(desk: MapDesk) -> None:
    desk.panel.show_pins([Pin(LAT, LON, chosen=True)])
    desk.show()
    assert desk.colour(LAT + 0.00085, LON) in (desk.theme.hex("text.on-accent"), desk.theme.hex("accent.base"))
    for wrong in (Pin(float("nan"), LON), Pin(LAT, 181.0), Pin(LAT, LON, radius_m=float("inf"))):
        with pytest.raises(ValueError, match="Pin"):
            desk.panel.show_pins([wrong])


def test_a_place_in_view_is_left_where_it_is(desk: MapDesk) -> None:
    desk.show()
    desk.panel.set_locked(False)
    desk.panel.reveal(LAT, EAST)
    desk.draw()
    assert not desk.panel.locked
    with desk.qtbot.waitSignal(desk.panel.view_changed, timeout=TIMEOUT_MS) as moved:
        desk.panel.reveal(LAT + 0.5, LON)
    assert moved.args is not None
    assert moved.args[1] < LAT + 0.5 < moved.args[3]


@pytest.mark.parametrize("held", [False, True])
def test_a_view_that_was_lent_comes_back(desk: MapDesk, held: bool) -> None:
    """After a report by telephone the map stayed where its form had pushed it: a P1 could come in outside."""
    desk.panel.set_city((LON - 0.2, LAT - 0.2, LON + 0.2, LAT + 0.2))
    desk.show()
    if held:
        desk.panel.go_to(LAT + 0.1, LON + 0.1, 14.5)
    else:
        desk.panel.set_locked(False)
    desk.draw()
    before = desk.panel.last_view
    assert before is not None
    desk.panel.lend_view()
    desk.panel.reveal(LAT + 0.5, LON + 0.5)
    desk.qtbot.waitUntil(lambda: desk.panel.last_view != before, timeout=TIMEOUT_MS)
    desk.panel.lend_view()  # another place is asked for in the same form
    desk.panel.reveal(LAT - 0.5, LON)
    desk.draw()
    desk.panel.take_view_back()
    desk.qtbot.waitUntil(lambda: near(desk.panel.last_view, before), timeout=TIMEOUT_MS)
    assert desk.panel.locked is held
    desk.panel.take_view_back()
    desk.draw()
    assert near(desk.panel.last_view, before), "once"


def near(view: tuple[Box, float] | None, other: tuple[Box, float]) -> bool:
    """Whether two views show the same but for a pixel or two."""
    return view is not None and view[1] == other[1] and np.allclose(view[0], other[0], atol=2e-4)


def clear_of_the_boxes(desk: MapDesk, lat: float, lon: float) -> bool:
    """Whether a place is in the frame and under none of the boxes over it."""
    at = desk.point(lat, lon)
    inside = 0 <= at.x() <= desk.panel.width() and 0 <= at.y() <= desk.panel.height()
    script = "[...document.querySelectorAll('#frame > .box')].filter(b => !b.hidden).every(b => { const r ="
    script += f" b.getBoundingClientRect(); return {at.x()} < r.left || {at.x()} > r.right || {at.y()} < r.top"
    return inside and bool(desk.js(f"{script} || {at.y()} > r.bottom }})"))


def test_auto_fit_shows_the_filter_s_reports_beside_the_boxes(desk: MapDesk) -> None:
    desk.panel.resize(900, 700)
    desk.panel.set_texts({"p1": "P1 hazard", "p2": "P2 urgent", "unit_free": "Available", "fill": "Fill:"})
    city = (LON - 0.2, LAT - 0.2, LON + 0.2, LAT + 0.2)
    desk.panel.set_city(city)
    desk.show()
    desk.panel.set_locked(False)
    desk.draw()
    corners = [(lat, lon) for lat in (city[1], city[3]) for lon in (city[0], city[2])]
    assert all(clear_of_the_boxes(desk, *corner) for corner in corners)
    far = desk.panel.last_view
    desk.panel.set_filtered((LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01))
    desk.draw()
    assert not desk.panel.locked
    assert far is not None
    assert desk.panel.last_view is not None
    assert desk.panel.last_view[1] > far[1] + 3
    assert all(clear_of_the_boxes(desk, LAT + dy, LON + dx) for dy in (-0.01, 0.01) for dx in (-0.01, 0.01))
    desk.panel.set_filtered(None)
    desk.draw()
    assert desk.panel.last_view[1] == far[1]


def test_auto_fit_fills_the_frame_that_is_free(desk: MapDesk) -> None:
    desk.panel.resize(900, 700)
    desk.show()
    desk.panel.set_locked(False)
    for half in (0.1, 0.115, 0.13):
        desk.panel.set_filtered((LON - half, LAT - half / 20, LON + half, LAT + half / 20))
        desk.draw()
        assert desk.point(LAT, LON + half).x() - desk.point(LAT, LON - half).x() > 0.85 * (900 - 70)


def test_a_chosen_report_that_the_filter_leaves_out_has_its_symbol_and_a_dashed_ring(desk: MapDesk) -> None:
    desk.symbols = [(1, LAT, EAST, 3, 0, 0)]
    desk.panel.set_selection(1, LAT, EAST, "", 3, 0)
    desk.show()
    whole = desk.count_near(LAT, EAST, "accent.base", 26)
    desk.panel.set_selection(7, LAT, LON, "", 1, 0)
    desk.draw()
    assert desk.colour(LAT, LON) == desk.theme.hex("priority.p1")
    dashed = desk.count_near(LAT, LON, "accent.base", 26)
    assert 0.3 * whole < dashed < 0.85 * whole


def test_the_tag_of_a_report_at_the_edge_is_whole(desk: MapDesk) -> None:
    desk.show()
    assert desk.panel.last_view is not None
    edge = desk.panel.last_view[0][2] - 0.0005
    desk.panel.set_selection(7, LAT, edge, "930878 Tanggul", 2, 0)
    desk.draw()
    at = desk.point(LAT, edge)
    picture, border = desk.picture(), desk.theme.hex("border.control")
    row = [QColor(picture.pixelColor(x, at.y())).name().upper() for x in range(picture.width())]
    sides = [x for x, colour in enumerate(row) if colour == border]
    assert len(sides) == 2
    assert 60 < sides[1] - sides[0] < 200
    assert sides[1] < at.x(), "at its left, where the map ends at its right"


@pytest.mark.parametrize(("down", "across"), [(0.0, -1.0), (1.0, 0.0), (-1.0, -1.0)])
def test_a_chosen_report_outside_the_map_stands_at_its_edge(desk: MapDesk, down: float, across: float) -> None:
    desk.panel.set_texts({"p1": "P1 hazard", "p2": "P2 urgent", "unit_free": "Available", "fill": "Fill:"})
    desk.show()
    assert desk.panel.last_view is not None
    (west, south, east, north), _ = desk.panel.last_view
    before = desk.picture_count("priority.p1"), desk.picture_count("accent.base")
    place = LAT - down * (north - south) * 0.53, LON + across * (east - west) * 0.53
    desk.panel.set_selection(7, *place, "927995 Saluran", 1, 0)
    desk.draw()
    assert desk.picture_count("priority.p1") > before[0] + 80, "its symbol, under no box"
    assert desk.picture_count("accent.base") > before[1] + 40, "an arrow"
    picture, border, text = desk.picture(), desk.theme.hex("border.control"), desk.theme.hex("surface.raised")
    seen = [[picture.pixelColor(x, y).name().upper() for x in range(picture.width())] for y in range(picture.height())]
    whole = [row for row in seen if (row.count(border) == 2) and row.count(text) > 40]
    assert whole, "the tag with both its sides"


def test_a_code_that_must_be_read_is_not_under_the_tag(desk: MapDesk) -> None:
    unit = {"id": "a", "code": "PPSU-KBR 2", "state_key": "free", "lat": LAT, "lon": LON, "near": True}
    desk.symbols = [(2, LAT + 0.0031, LON, 2, 0, 0)]
    desk.symbols += [(3, LAT, LON + 0.0065, 2, 0, 0), (4, LAT, LON - 0.0065, 2, 0, 0)]
    desk.panel.set_units([unit])
    desk.show()
    alone = desk.count_near(LAT, LON, "accent.strong", 95, off_by=60)
    desk.panel.set_selection(7, LAT - 0.0031, LON - 0.011, "927995 Saluran", 0, 0)  # its tag lies below the crew
    desk.draw()
    assert desk.count_near(LAT, LON, "accent.strong", 95, off_by=60) > 0.8 * alone


def test_a_crew_under_the_pointer_says_its_code(desk: MapDesk) -> None:
    around = [(LAT - 0.0031, 0), (LAT + 0.0031, 0), (LAT, 0.0065), (LAT, -0.0065)]  # 18 px below and above, 38 beside
    desk.symbols = [(row, lat, LON + dx, 1, 0, 0) for row, (lat, dx) in enumerate(around, 1)]
    desk.panel.set_units([{"id": "a", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}])
    desk.show()
    assert desk.letters_below(LAT, LON) == 0
    hazards = [desk.count_near(lat, LON + dx, "priority.p1") for lat, dx in around]
    letters = desk.count_near(LAT, LON, "accent.strong", 60, off_by=60)
    QTest.mouseMove(desk.target, desk.point(LAT, EAST))
    QTest.mouseMove(desk.target, desk.point(LAT, LON))
    desk.qtbot.waitUntil(
        lambda: desk.count_near(LAT, LON, "accent.strong", 60, off_by=60) > letters + 40, timeout=TIMEOUT_MS
    )
    assert [desk.count_near(lat, LON + dx, "priority.p1") for lat, dx in around] == hazards, "across no P1"


def test_a_code_that_must_be_read_lies_across_no_p1(desk: MapDesk) -> None:
    below = LAT - 0.0031
    desk.symbols = [(1, below, LON, 1, 0, 0), (2, LAT + 0.0031, LON, 2, 0, 0)]
    desk.symbols += [(3, LAT, LON + 0.0065, 2, 0, 0), (4, LAT, LON - 0.0065, 2, 0, 0)]
    desk.show()
    alone = desk.count_near(below, LON, "priority.p1")
    unit = {"id": "a", "code": "PPSU-CWG 1", "state_key": "free", "lat": LAT, "lon": LON, "near": True}
    desk.panel.set_units([unit])
    desk.draw()
    assert desk.count_near(LAT, LON, "accent.strong", 95, off_by=60) > 60, "its code is written"
    assert desk.count_near(below, LON, "priority.p1") == alone


def test_the_tag_of_the_chosen_report_lies_across_no_p1(desk: MapDesk) -> None:
    """That of one outside the map lay on a hazard's triangle at the map's edge; then its number was under two of them,
    with the map free at its other side.
    """
    desk.symbols = [(1, LAT, LON, 1, 0, 0)]
    desk.show()
    alone = desk.count_near(LAT, LON, "priority.p1")
    chosen = LON - 0.011  # 64 px west: the tag at its right would reach over the P1
    desk.panel.set_selection(7, LAT, chosen, "927995 Saluran", 0, 0)
    desk.draw()
    assert desk.count_near(LAT, LON - 0.003, "surface.raised") == 0
    assert desk.count_near(LAT, chosen - 0.009, "surface.raised") > 60, "the tag is at its left, wholly seen"
    assert desk.count_near(LAT, LON, "priority.p1") == alone
    desk.symbols += [
        (2, LAT, chosen - 0.011, 1, 0, 0),
        (3, LAT - 0.006, chosen, 1, 0, 0),
        (4, LAT + 0.006, chosen, 1, 0, 0),
    ]
    desk.draw()
    assert desk.count_near(LAT, LON - 0.003, "surface.raised") == 0, "at a corner"
    corners = [(LAT + north, chosen + east) for north in (-0.006, 0.006) for east in (-0.011, 0.011)]
    desk.symbols += [(15 + n, lat, lon, 1, 0, 0) for n, (lat, lon) in enumerate(corners)]
    desk.draw()
    assert desk.count_near(LAT, LON - 0.003, "surface.raised") > 60, "where P1 are all around it, at its right"
    assert desk.count_near(LAT, LON, "priority.p1") == alone, "and below them"


def test_a_spread_covers_no_report_and_no_crew_that_is_not_in_it(desk: MapDesk) -> None:
    hazard, crew = LON + 0.0048, LAT + 0.0044  # 28 px east and 26 px north: where the two would be spread
    desk.symbols = [(11, LAT, LON, 2, 0, 0), (12, LAT + 2e-6, LON, 2, 0, 0), (13, LAT, hazard, 1, 1, 0)]
    desk.panel.set_units([{"id": "a", "code": "SDA-07", "state_key": "onscene", "lat": crew, "lon": LON}])
    desk.show()
    before = desk.count_near(LAT, hazard, "priority.p1"), desk.count_near(crew, LON, "map.unit")
    assert min(before) > 50
    heap = desk.count_near(LAT, LON, "priority.p2-mark", 60)
    QTest.mouseMove(desk.target, desk.point(LAT, EAST))
    QTest.mouseMove(desk.target, desk.point(LAT, LON))
    desk.qtbot.waitUntil(lambda: desk.count_near(LAT, LON, "priority.p2-mark", 60) > 1.7 * heap, timeout=TIMEOUT_MS)
    assert (desk.count_near(LAT, hazard, "priority.p1"), desk.count_near(crew, LON, "map.unit")) == before
    with desk.qtbot.waitSignal(desk.panel.report_picked, timeout=TIMEOUT_MS) as picked:
        desk.click(LAT, hazard)
    assert picked.args == [13]


def test_a_ring_with_no_room_for_all_shows_the_p1_without_a_crew(desk: MapDesk) -> None:
    desk.symbols = [(row, LAT, LON, 2, 0, 0) for row in range(11, 40)] + [(40, LAT, LON + 0.002, 1, 0, 4)]
    desk.show()
    heap = desk.count_near(LAT, LON, "priority.p2-mark", 90)
    QTest.mouseMove(desk.target, desk.point(LAT, EAST))
    QTest.mouseMove(desk.target, desk.point(LAT, LON - 0.0004))
    desk.qtbot.waitUntil(lambda: desk.count_near(LAT, LON, "priority.p2-mark", 90) > 6 * heap, timeout=TIMEOUT_MS)
    assert desk.count_near(LAT, LON, "priority.p1", 90) > 80


def test_a_code_finds_another_place_when_the_first_is_taken(desk: MapDesk) -> None:
    desk.symbols = [(1, LAT - 0.0031, LON, 1, 0, 0)]
    desk.panel.set_units([{"id": "a", "code": "SDA-07", "state_key": "free", "lat": LAT, "lon": LON}])
    desk.show()
    assert desk.letters_below(LAT, LON) == 0
    assert desk.count_near(LAT + 0.0026, LON, "accent.strong", 8, off_by=60) > 10, "15 px above"


def test_symbols_that_cover_one_another_are_spread_under_the_pointer(desk: MapDesk) -> None:
    desk.symbols = [(row, LAT + row * 2e-6, LON, 1, 0, 0) for row in (11, 12, 13)]
    desk.show()
    heap = desk.count_near(LAT, LON, "priority.p1", 60)
    QTest.mouseMove(desk.target, desk.point(LAT, EAST))
    QTest.mouseMove(desk.target, desk.point(LAT, LON))
    desk.qtbot.waitUntil(lambda: desk.count_near(LAT, LON, "priority.p1", 60) > 2.5 * heap, timeout=TIMEOUT_MS)
    found: set[int] = set()
    middle = desk.point(LAT, LON)
    for step in range(3):  # the ring begins at the top
        angle = -math.pi / 2 + 2 * math.pi * step / 3
        at = QPoint(round(middle.x() + 28 * math.cos(angle)), round(middle.y() + 28 * math.sin(angle)))
        with desk.qtbot.waitSignal(desk.panel.report_picked, timeout=TIMEOUT_MS) as picked:
            QTest.mouseMove(desk.target, at)
            QTest.mouseClick(desk.target, Qt.MouseButton.LeftButton, pos=at)
        found.update(picked.args or [])
    assert found == {11, 12, 13}
    QTest.mouseMove(desk.target, desk.point(SOUTH, EAST))
    desk.qtbot.waitUntil(lambda: desk.count_near(LAT, LON, "priority.p1", 60) == heap, timeout=TIMEOUT_MS)


def test_a_click_amid_a_crowd_asks_for_the_list_of_all_of_it(desk: MapDesk) -> None:
    desk.symbols = [(row, LAT + row * 1e-6, LON, 1, 0, 0) for row in range(11, 31)]
    desk.show()
    heap = desk.count_near(LAT, LON, "priority.p1", 90)
    QTest.mouseMove(desk.target, desk.point(LAT, EAST))
    QTest.mouseMove(desk.target, desk.point(LAT, LON))
    desk.qtbot.waitUntil(lambda: desk.count_near(LAT, LON, "priority.p1", 90) > 8 * heap, timeout=TIMEOUT_MS)
    assert desk.count_near(LAT, LON, "text.primary", 8, off_by=60) > 5, "how many there are, also those off the ring"
    picked: list[int] = []
    desk.panel.report_picked.connect(picked.append)
    with desk.qtbot.waitSignal(desk.panel.crowd_picked, timeout=TIMEOUT_MS) as asked:
        QTest.mouseClick(desk.target, Qt.MouseButton.LeftButton, pos=desk.point(LAT, LON))
    assert sorted(asked.args[0]) == list(range(11, 31))
    assert picked == []


def test_a_square_amid_symbols_moves_to_where_its_count_can_be_read(desk: MapDesk) -> None:
    ring = [(0.0011 * dy, 0.0011 * dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    desk.symbols = [(row, LAT + dy, LON + dx, 2, 0, 0) for row, (dy, dx) in enumerate(ring, 1)]
    desk.show()
    assert desk.count_near(LAT, LON, "map.cell-text", 100, off_by=30) == 0
    desk.cells = [(LAT + 0.0002, LON + 0.0003, 38, 0)]
    desk.draw()
    alone = desk.count_near(LAT, LON, "map.cell-text", 100, off_by=30)
    desk.symbols = []
    desk.draw()
    assert alone == pytest.approx(desk.count_near(LAT, LON, "map.cell-text", 100, off_by=30), rel=0.2)


def test_what_is_the_same_is_not_drawn_again_and_counts_as_drawn(desk: MapDesk) -> None:
    desk.symbols = [(1, LAT, LON, 1, 0, 0)]
    desk.show()
    count = "const canvas = CanvasRenderingContext2D.prototype, clear = canvas.clearRect; window.drawings = 0;"
    count += "canvas.clearRect = function (...at) { window.drawings++; clear.apply(this, at); }"
    desk.js(f"(() => {{ {count} }})(); 0")
    for _ in range(3):
        desk.draw()
    assert desk.js("window.drawings") == 0
    desk.symbols = [(1, LAT, LON, 2, 0, 0)]
    desk.draw()
    assert desk.js("window.drawings") > 0
    assert desk.colour(LAT, LON) == desk.theme.hex("priority.p2-mark")
    desk.panel.set_selection(9, LAT, EAST, "", 1, 0)
    desk.draw()
    assert desk.colour(LAT, EAST) == desk.theme.hex("priority.p1"), "left out by the filter, though nothing else is new"
