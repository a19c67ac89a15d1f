"""The pictures of a web map in the place of the streets: as they come, grey where there is none, by a button."""

from __future__ import annotations

import io

from PIL import Image
from PySide6.QtTest import QSignalSpy

from tests.page.conftest import LAT, LON, TIMEOUT_MS, Console, MapRig
from tests.page.test_streets import OURS, show
from widgets.map.routes import Request

AERIAL = "#406050"


def picture(colour: str = AERIAL) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(out, "PNG")
    return out.getvalue()


def test_it_stands_in_the_place_of_the_streets_and_goes_again(rig: MapRig, console: Console) -> None:
    show(rig, OURS)
    asked: list[Request] = []

    def answer(request: Request) -> bytes:
        asked.append(request)
        return picture()

    rig.web_picture = answer
    rig.panel.set_web_map(True, 16, 1)
    rig.draw()
    assert rig.colour(LAT + 0.003, LON + 0.001) == AERIAL.upper()
    assert {request.z for request in asked} == {15}
    rig.panel.go_to(LAT, LON, 18)
    rig.draw()
    assert {request.z for request in asked} == {15, 16}, "beyond its deepest zoom it is drawn larger"
    rig.panel.go_to(LAT, LON, 15)
    rig.panel.set_web_map(False, 16, 2)
    rig.draw()
    assert rig.colour(LAT, LON) == rig.theme.hex("map.toll")
    assert console.lines == []


def test_a_picture_that_comes_later_is_shown_then(rig: MapRig) -> None:
    show(rig, {})
    asked: list[Request] = []
    rig.web_picture = lambda request: asked.append(request)
    rig.panel.set_web_map(True, 19, 1)
    rig.draw()
    assert rig.colour(LAT + 0.003, LON + 0.001) == rig.theme.hex("map.land-outside"), "grey while there is none"
    rig.web_picture = lambda _: picture()
    for request in {(one.z, one.x, one.y) for one in asked}:
        rig.panel.bring_picture(*request)
    rig.panel.bring_picture(3, 1, 1)  # out of sight
    rig.qtbot.waitUntil(lambda: rig.colour(LAT + 0.003, LON + 0.001) == AERIAL.upper(), timeout=TIMEOUT_MS)


def test_what_is_no_picture_is_ground(rig: MapRig) -> None:
    show(rig, {})
    for number, hostile in enumerate((b"<html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture()[:60], b"")):
        rig.web_picture = lambda _, body=hostile: body  # type: ignore[misc]
        rig.panel.set_web_map(True, 19, number)
        rig.draw()
        assert rig.colour(LAT + 0.003, LON + 0.001) == rig.theme.hex("map.land-outside"), hostile


def test_its_button_is_there_only_where_a_map_is_offered(rig: MapRig) -> None:
    show(rig, {})
    button = "document.querySelector('#zoom [data-act=ground]')"
    assert rig.js(f"{button}.hidden") is True
    rig.panel.set_web_map(False)
    rig.wait_js(f"!{button}.hidden && {button}.getAttribute('aria-pressed') === 'false'")
    assert rig.js(f"{button}.getAttribute('aria-label')") == "Web map"
    switched = QSignalSpy(rig.panel.ground_switched)
    rig.js(f"{button}.click(); 0")
    rig.qtbot.waitUntil(lambda: switched.count() == 1, timeout=TIMEOUT_MS)


def test_a_background_of_pictures_is_drawn_although_some_are_missing(rig: MapRig) -> None:
    """It counted as on its way for ever, and no View as drawn."""
    rig.tile = lambda request: picture() if request.x % 2 else None
    rig.panel.set_tiles("raster", 8, 16)
    rig.show(15)
    picture_row = rig.picture()
    seen = {picture_row.pixelColor(x, 240).name().upper() for x in range(picture_row.width())}
    assert {AERIAL, rig.theme.hex("map.land-outside")} <= seen
