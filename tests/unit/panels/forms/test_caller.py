"""What the telephone form knows of the place and asks of the caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from api_client.model import Kind
from console.panels.action_rules import why_not_allowed
from console.panels.forms.forms import FormSurroundings
from console.panels.report.nearby import NearbyFound
from console.rules.rights import Rights
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import Rig
from widgets.forms.caller_adds import CallerAddsForm
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


def test_what_a_caller_adds_is_one_step_with_one_undo(rig: Rig) -> None:
    rig.choose("A")
    assert rig.actions.run("caller_adds")
    form = rig.form()
    assert isinstance(form, CallerAddsForm)
    assert form.why_not()
    form.caller_name.setText("Sari")
    form.caller_phone.setText("0812")
    rig.commit("it reaches the sockets")
    again, note = rig.saved(2)
    assert (again.kind, again.report, again.data) == (Kind.ME_TOO, "A", {"contact": {"name": "Sari", "phone": "0812"}})
    assert (note.kind, note.report) == (Kind.NOTE, "A")
    assert note.data == {"text": "it reaches the sockets", "channel": "phone"}
    assert rig.outbox.drafts == {}
    rig.undo_stack.undo()
    assert rig.saved(0) == []
    assert rig.undo_stack.remembered == ()


def test_a_new_report_becomes_what_a_caller_adds_to_an_earlier_one(rig: Rig, around: Neighbourhood) -> None:
    rig.choose("C")
    form = begin(rig)
    form.set_place(-6.2, 106.8, "Jl. Bukit 5")
    form.report_text.setPlainText("water in the house")
    form.caller_phone.setText("0812")
    around.answer(-1, "A")
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_1, ALT)
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_A, ALT)
    assert rig.form() is form, "the report is not read yet"
    rig.choose("A")
    adds = rig.form()
    assert isinstance(adds, CallerAddsForm)
    assert adds.values() == {"text": "water in the house", "caller_name": "", "caller_phone": "0812"}
    assert len(rig.outbox.drafts) == 1
    QTest.keyClick(adds, Qt.Key.Key_Escape)
    wait_for(lambda: isinstance(rig.forms._open, NewReportForm), what="the new report is there again")
    back = rig.form()
    assert (back.values()["text"], back.values()["address"]) == ("water in the house", "Jl. Bukit 5")
    around.answer(-1, "A")
    QTest.keyClick(back.focusWidget() or back, Qt.Key.Key_1, ALT)
    QTest.keyClick(back.focusWidget() or back, Qt.Key.Key_A, ALT)
    wait_for(lambda: isinstance(rig.forms._open, CallerAddsForm), what="what the caller adds")
    rig.commit()
    assert [(one.kind, one.report) for one in rig.saved(2)] == [(Kind.ME_TOO, "A"), (Kind.NOTE, "A")]
    assert rig.outbox.drafts == {}, "nothing of the new report is left to be saved"


def test_nothing_is_added_where_the_role_may_not(rig: Rig, around: Neighbourhood) -> None:
    form = begin(rig)
    form.set_place(-6.2, 106.8, "Jl. Bukit 5")
    around.answer(-1, "A")
    rig.choose("A")
    rig.situation._rights_at = lambda _: Rights("viewer")
    rig.choose("A")
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_1, ALT)
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_A, ALT)
    assert rig.form() is form
    assert rig.said[-1] == why_not_allowed("viewer", Kind.ME_TOO)
