"""What the telephone form knows of the place and asks of the caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from console.panels.forms.forms import FormSurroundings
from console.panels.report.nearby import NearbyFound
from tests.unit.panels.conftest import Rig
from widgets.forms.nearby_reports import NearbyReport
from widgets.forms.new_report import NewReportForm

NEW = ("N", "status.new")
ALT = Qt.KeyboardModifier.AltModifier


class Neighbourhood:
    """Answers what is asked about a place when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], Callable[[NearbyFound], None]]] = []

    def earlier(self, _source: str, values: dict[str, Any], then: Callable[[NearbyFound], None]) -> None:
        self.asked.append((values, then))

    def answer(self, at: int, *numbers: str) -> None:
        rows = tuple(
            NearbyReport(
                1001 + ord(one) - ord("A"), one, "Flood", "Water", "5 min", "New", "60 m", 3, 0, "N", "status.new"
            )
            for one in numbers
        )
        self.asked[at][1](NearbyFound(rows, "this kind", len(rows)))


@pytest.fixture
def around(rig: Rig) -> Neighbourhood:
    around = Neighbourhood()
    rig.forms._around = replace(FormSurroundings(), earlier_of=around.earlier)
    return around


def begin(rig: Rig) -> NewReportForm:
    rig.actions.run("new_report")
    form = rig.form()
    assert isinstance(form, NewReportForm)
    return form


def test_only_what_was_found_for_the_place_that_stands_there_is_listed(rig: Rig, around: Neighbourhood) -> None:
    form = begin(rig)
    form.set_place(-6.2, 106.8, "Jl. Bukit 5")
    form.set_place(-6.3, 106.9, "Jl. Lain 7")
    assert [(values["lat"], values["address"]) for values, _ in around.asked[-2:]] == [
        (-6.2, "Jl. Bukit 5"),
        (-6.3, "Jl. Lain 7"),
    ]
    around.answer(-1, "B")
    around.answer(-2, "A")
    assert [one.number for one in form.nearby.shown] == ["B"], "the other place's answer came late"
    asked = len(around.asked)
    form.reject()
    form.place_changed.emit()
    assert len(around.asked) == asked, "nothing is looked for once the form is left"


def test_looking_at_an_earlier_report_chooses_it_and_keeps_what_was_typed(rig: Rig, around: Neighbourhood) -> None:
    form = begin(rig)
    form.set_place(-6.2, 106.8, "Jl. Bukit 5")
    form.report_text.setPlainText("water in the house")
    before = form.values()
    around.answer(-1, "B", "A")
    for key, row in ((Qt.Key.Key_1, 1002), (Qt.Key.Key_2, 1001)):
        QTest.keyClick(form.focusWidget() or form, key, ALT)
        assert rig.window_state.row == row
        assert rig.form() is form
        assert form.values() == before
