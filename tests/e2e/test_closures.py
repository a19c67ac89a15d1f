"""A street is closed in a window with a city map: ways avoid it, everybody sees it, and it is opened again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtWidgets import QMenu
from shiboken6 import isValid

from console.rules.closure import circle, corners
from console.rules.queued import EditState
from tests.e2e.test_city_map import BY_STREET, SOUTH, STEP, WEST, basis, city, profile, window
from tests.helpers.city import Served, console, wait_for
from tests.helpers.hands import find, form, wait_ready
from tests.helpers.net import Proxy

__all__ = ["city", "profile", "window"]
pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def second(city: Served, tmp_path: Path) -> Iterator[Any]:
    """The window of a colleague, without a map."""
    with console(tmp_path, city.address) as one:
        wait_ready(one)
        yield one


def etas(window: Any) -> list[str]:
    return [f"{row.code} {row.eta}" for row in window.ticket._ticket.advice]


def strips(window: Any) -> list[str]:
    return [strip.text for strip in window.ticket._ticket.strips]


def test_a_flood_is_marked_at_a_report_avoided_seen_by_a_colleague_and_ended_by_him(window: Any, second: Any) -> None:
    find(window, "unassigned", lambda now: now.advice and now.has_place)
    wait_for(lambda: basis(window) == BY_STREET, 60, what=lambda: basis(window))
    before = etas(window)
    window.actions.run("close_here")
    wait_for(lambda: window.forms._open is not None, what="the form")
    opened = window.forms._open
    wait_for(lambda: not opened._missing["street"], 60, what="the street")
    opened.set_values(opened.values() | {"kind": "flood", "extent": "500", "until": "2", "words": "Knee-deep"})
    opened.commit()
    wait_for(lambda: basis(window) == "by street, avoids 1 flooded area", 60, what=lambda: basis(window))
    wait_for(lambda: any("inside the flooded area “Knee-deep”" in text for text in strips(window)), what="the warning")
    wait_for(
        lambda: any("only by a closed street" in row.line for row in window.ticket._ticket.advice),
        60,
        what="it is told",
    )
    wait_for(lambda: second.closures.shown and not second.closures.shown[0].waits, 60, what="the colleague sees it")
    (there,) = second.closures.shown
    wait_for(lambda: b"Knee-deep" in second.map_controller._drawn_closures, what="his map is told")
    second.closure_commands.end(there.key)
    wait_for(lambda: basis(window) == BY_STREET, 60, what=lambda: basis(window))
    wait_for(lambda: etas(window) == before, 60, what=lambda: f"{etas(window)}, {before}")
    wait_for(
        lambda: not any("inside" in text for text in strips(window)),
        20,
        what=lambda: f"{strips(window)} {window.closures.in_force(there.source)}",
    )
    wait_for(lambda: not window.closures.shown and not second.closures.shown, 60, what="it is over for both")


def test_the_street_under_a_right_click_is_closed_and_undo_opens_it(window: Any) -> None:
    def entries() -> dict[str, Any]:
        menus = [menu for menu in window.window.findChildren(QMenu) if menu.isVisible()]
        return {entry.text(): entry for menu in menus for entry in menu.actions() if entry.text()}

    window.map.menu_asked.emit(SOUTH + 20 * STEP, WEST + 20.5 * STEP, 0, "")
    wait_for(entries, what="a menu")
    entries()["Close the street here, mark a flooded area …"].trigger()
    opened = form(window)
    wait_for(lambda: not opened._missing["street"], 60, what="the street")
    assert dict(opened._rows["extent"]._options)["street"].startswith("Jalan Percobaan 20, to its next corners, 550 m")
    opened.commit()
    wait_for(lambda: len(window.closures.shown) == 1, what="it is closed")
    (closed,) = window.closures.shown
    wait_for(lambda: window.closures.stretches(closed.key) == 1, 60, what="one stretch, and no side street")
    wait_for(lambda: [one.waits for one in window.closures.shown] == [False], 60, what="the server has it")
    window.actions.run("undo")
    wait_for(lambda: window.closures.shown == (), 60, what="it is open again")


def test_who_changes_and_ends_without_a_network_what_a_colleague_has_changed_does_not_open_it(
    city: Served, second: Any, tmp_path: Path
) -> None:
    """The end had seen version 2, his own: that of the colleague has the same number."""
    proxy = Proxy(city.port)
    with console(tmp_path / "away", proxy.url, name="budi") as away:
        wait_ready(away)
        data = {"kind": "flood", "until": None, "geometry": msgspec.to_builtins(circle(-6.2, 106.85, 80))}
        second.edit_commands.close_street("city", "twice", data, "Flood", "Flood")

        def closure(window: Any) -> Any:
            return next((one for one in window.closures.shown if one.closure.id == "twice"), None)

        for window in (second, away):
            wait_for(lambda window=window: (one := closure(window)) and not one.waits, 60, what="it is seen by both")
        proxy.cut()
        away.edit_commands.change_closure("city", closure(away).closure, {"words": "Ankle-deep"}, "Flood", "Change")
        wait_for(lambda: closure(away).closure.words == "Ankle-deep", what="his own change")
        away.closure_commands.end(closure(away).key)
        wait_for(lambda: closure(away) is None, what="his own end")
        second.edit_commands.change_closure("city", closure(second).closure, {"words": "Chest-deep"}, "Flood", "Change")
        wait_for(lambda: closure(second).closure.version == 2 and not closure(second).waits, 60, what="hers is there")
        proxy.through()
        wait_for(lambda: closure(away) and closure(away).closure.words == "Chest-deep", 90, what="he sees hers")
        states = {queued.edit.data.get("ended"): queued.state for queued in away.outbox.open_edits}
        assert states == {None: EditState.ATTENTION, True: EditState.STOPPED}, "and is asked about his"
        assert closure(second).closure.version == 2
        second.closure_commands.end(closure(second).key)
        wait_for(lambda: closure(second) is closure(away) is None, 60, what="it is over for both")
    proxy.close()


def test_an_area_is_drawn_for_the_form_kept_as_a_draft_closed_and_its_corners_moved(window: Any) -> None:
    shown, drawing = window.map, window.closure_commands._drawing
    wait_for(lambda: window.closures.shown == (), 60, what="what two others closed and ended is over here too")
    wait_for(lambda: shown.last_view is not None, 60, what="the page is there")
    ring = [(SOUTH + (20 + y) * STEP, WEST + (20 + x) * STEP) for y, x in ((0, 0), (0, 1.2), (1.2, 1.2), (1.2, 0))]

    def draw(*corners: tuple[float, float]) -> None:
        for corner in corners:
            shown.bridge.addCorner(*corner, len(drawing._corners))

    assert window.actions.run("draw_area")
    opened = window.forms._open
    wait_for(lambda: shown.is_picking, what="the corners are asked for")
    assert not opened.isVisible(), "all of the map is free"
    draw(*ring[:2])
    shown.leave_pick()
    wait_for(lambda: opened.isVisible() and not drawing.is_on, what="the form is there again")
    assert opened.why_not() == "Draw the area on the map: 6 in the row Where"
    opened._rows["extent"]._choose(5)
    draw(*ring)
    shown.bridge.endArea()
    wait_for(opened.isVisible, what="the form")
    assert shown._drawing == (ring, False, False), "it can be seen while the form is open"
    opened.set_values(opened.values() | {"words": "Waist-deep"})
    opened.reject()
    wait_for(lambda: shown._drawing[0] == [], what="it is gone with the form")
    (key,) = [one for one in window.outbox.drafts if one.startswith("close_street:")]
    window.drafts.go_on(key)
    opened = form(window)
    assert shown._drawing == (ring, False, False)
    assert (opened.values()["words"], opened.values()["extent"], opened.why_not()) == ("Waist-deep", "drawn", "")
    opened.commit()

    def drawn() -> list[Any]:  # what others closed and ended may come, and go, late
        return [one for one in window.closures.shown if one.closure.words == "Waist-deep" and not one.waits]

    wait_for(drawn, 60, what="the server has it")
    (closed,) = drawn()
    assert corners(closed.closure.geometry) == [(round(lat, 7), round(lon, 7)) for lat, lon in ring]
    wait_for(lambda: shown._drawing[0] == [] and not window.outbox.drafts, what="neither outline nor draft is left")
    wait_for(lambda: window.closures.stretches(closed.key) == 12, 60, what="four whole, and what meets their ends")

    window.closure_commands.change(closed.key)
    opened = form(window)
    assert list(opened._rows) == ["kind", "until", "extent"]
    opened._rows["extent"]._choose(1)
    assert shown._drawing[1:] == (True, True), "its corners are there to be moved"
    shown.bridge.moveCorner(2, ring[2][0] + STEP, ring[2][1] + STEP)
    window.closure_commands.draw()
    assert drawing._corners == [], "another form takes the map over, and the first one does not end its drawing"
    wait_for(lambda: not isValid(opened), what="the first form is gone")
    assert drawing.is_on
    shown.leave_pick()
    window.forms.close_open()
    wait_for(lambda: window.forms._open is None, what="no form")
    window.closure_commands.change(closed.key)
    opened = form(window)
    opened._rows["extent"]._choose(1)
    shown.bridge.moveCorner(2, ring[2][0] + STEP, ring[2][1] + STEP)
    shown.bridge.endArea()
    wait_for(opened.isVisible, what="the form")
    opened.commit()
    wait_for(lambda: window.closures.find(closed.key).closure.version == 2, 60, what="the server has it")
    moved = corners(window.closures.find(closed.key).closure.geometry)[2]
    assert moved == (round(ring[2][0] + STEP, 7), round(ring[2][1] + STEP, 7))
    wait_for(lambda: not window.outbox.open_edits, 60, what="it is proved to be there")
    assert window.actions.run("undo"), window.status_controller._message
    wait_for(lambda: window.closures.find(closed.key).closure.version == 3, 60, what="it is taken back")
    assert window.closures.find(closed.key).closure.geometry == closed.closure.geometry
    window.closure_commands.end(closed.key)
    wait_for(lambda: window.closures.shown == (), 60, what="it is open again")
