"""A street is closed in a window with a city map: ways avoid it, everybody sees it, and it is opened again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtWidgets import QMenu

from console.rules.closure import circle
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
    proxy.close()
