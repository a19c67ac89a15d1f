"""Closed streets and flooded areas on the map: drawn calmly, told under the pointer, kept by a click."""

from __future__ import annotations

import json
from typing import Any

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest

from tests.page.conftest import LAT, LON, Console, MapRig
from widgets.map.__main__ import TokenTheme

RING = [(LAT - 0.004, LON - 0.004), (LAT - 0.004, LON + 0.004), (LAT + 0.004, LON + 0.004), (LAT + 0.004, LON - 0.004)]
LINE = [(LAT + 0.008, LON - 0.01), (LAT + 0.008, LON + 0.01)]


def closure(**more: Any) -> dict[str, Any]:
    values = {"key": "city/c1", "kind": "flood", "places": RING, "width_m": 0, "waits": False, "begins": False}
    return values | {"lines": ["Flooded area: knee-deep", "police", "since 07:00, until 09:00"]} | more


def show(rig: MapRig, *closures: dict[str, Any], version: int = 1) -> None:
    rig.closures = json.dumps(closures).encode()
    rig.panel.set_closures(version)


def note(rig: MapRig) -> str:
    return str(rig.js("(box => box.hidden ? '' : [...box.children].map(one => one.textContent).join('|'))"
                      "(document.querySelector('#closure'))"))  # fmt: skip


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_flood_is_hatched_and_a_closed_street_dashed(rig: MapRig, console: Console, theme: str) -> None:
    rig.theme = TokenTheme(theme)
    rig.panel.set_theme(rig.theme)
    show(rig, closure(), closure(key="city/c2", kind="street", places=LINE, width_m=12, lines=["Closed street"]))
    rig.show(15)
    assert rig.count_near(LAT + 0.004, LON, "map.flood-3", 20, off_by=40) > 20, "its edge"
    assert rig.count_near(LAT + 0.008, LON, "map.closed", 30, off_by=10) > 40
    assert rig.count_near(LAT - 0.008, LON, "map.flood-3", 20, off_by=20) == 0
    show(rig, version=2)
    rig.qtbot.waitUntil(lambda: rig.count_near(LAT + 0.004, LON, "map.flood-3", 20, off_by=20) == 0, timeout=60_000)
    assert console.lines == []


def test_what_is_closed_is_told_under_the_pointer_and_kept_by_a_click(rig: MapRig, console: Console) -> None:
    show(rig, closure(lines=["<b>Flooded</b>", "police", ""]))
    rig.show(15)
    assert note(rig) == ""
    inside, outside = rig.point(LAT, LON), rig.point(LAT + 0.009, LON + 0.009)
    QTest.mouseMove(rig.target, inside + QPoint(2, 2))
    QTest.mouseMove(rig.target, inside)
    rig.wait_js("!document.querySelector('#closure').hidden")
    assert note(rig) == "<b>Flooded</b>|police", "plain text"
    QTest.mouseMove(rig.target, outside)
    rig.wait_js("document.querySelector('#closure').hidden")
    rig.click(LAT, LON)
    rig.wait_js("!document.querySelector('#closure').hidden")
    QTest.mouseMove(rig.target, outside)
    QTest.mouseMove(rig.target, outside + QPoint(4, 4))
    rig.draw()
    assert note(rig) != "", "until the next click"
    rig.click(LAT + 0.009, LON + 0.009)
    rig.wait_js("document.querySelector('#closure').hidden")
    assert console.lines == []


def test_a_report_on_it_is_chosen_as_ever(rig: MapRig) -> None:
    rig.symbols = [(7, LAT, LON, 1, 0, 0)]
    show(rig, closure())
    rig.show(15)
    with rig.qtbot.waitSignal(rig.panel.report_picked, timeout=60_000) as picked:
        rig.click(LAT, LON)
    assert picked.args == [7]
    assert note(rig) == ""
