"""What the telephone form knows of the place and asks of the caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from api_client.model import Kind
from console.board.snapshot import BoardSnapshot
from console.board.view import make_view
from console.panels.action_rules import why_not_allowed
from console.panels.forms.draft import typed_in
from console.panels.forms.forms import FormSurroundings
from console.panels.report.callers import CallerFinder
from console.panels.report.nearby import NearbyFound
from console.rules.filter import Filter
from console.rules.messages import CallerFound, FindCaller
from console.rules.rights import Rights
from tests.helpers.city import wait_for
from tests.unit.board import naive
from tests.unit.panels.conftest import NOW, Rig
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
    assert rig.actions.run("undo")
    wait_for(lambda: not rig.outbox.saving, what="what is taken back")
    left = rig.outbox.open_edits  # the first may be with the sync process by then, which is asked not to send it
    assert [one.edit.kind for one in left] in ([], [Kind.ME_TOO])
    assert all(one.asked_back for one in left)
    assert rig.undo_stack.remembered == ()
    (draft,) = rig.outbox.drafts.values()
    assert typed_in(draft) == {"text": "it reaches the sockets", "caller_name": "Sari", "caller_phone": "0812"}
    assert rig.actions.run("caller_adds")
    assert rig.form().values() == typed_in(draft)


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


class CallersOfServer:
    """The finder of callers over a cache with report A; the test answers for the server."""

    def __init__(self, rig: Rig, role: str) -> None:
        self.sent: list[FindCaller] = []
        rights, reader = Rights(role), rig.cached("A")
        self.finder = CallerFinder(
            rig.window_state, rig.tasks, lambda: reader, self.sent.append, lambda _: rights, NOW.timestamp
        )
        rig.forms._around = replace(
            FormSurroundings(), caller_of=self.finder.find, may_find_callers=self.finder.may_find
        )
        columns = naive.columns([naive.R(row=1000, created=int(NOW.timestamp()) - 300)])
        rig.window_state.view = make_view(BoardSnapshot.build(columns), Filter(), int(NOW.timestamp()), number=1)


def test_the_reports_of_a_number_are_asked_for_and_never_of_another_number(rig: Rig) -> None:
    server = CallersOfServer(rig, "operator")
    form = begin(rig)
    assert not form.caller_button.isVisible(), "nothing to ask for yet"
    form.caller_phone.setText("112")
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_E, ALT)
    assert form.of_caller.heading == "Earlier reports of this caller · A whole number has at least 7 digits."
    form.caller_phone.setText("0812 3456 7890")
    assert form.caller_button.isVisible()
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_E, ALT)
    assert [(one.source, one.phone) for one in server.sent] == [("city", "0812 3456 7890")]
    number = server.sent[-1].number
    server.finder.on_found(CallerFound("city", number - 1, problem="of another number"))
    assert form.of_caller.heading.endswith("The server is asked …")
    server.finder.on_found(CallerFound("city", number, ("A", "unread")))
    wait_for(lambda: form.of_caller.shown, what="the caller's reports")
    assert [(one.number, one.age) for one in form.of_caller.shown] == [("A", "5 min")]
    assert form.of_caller.heading == "Earlier reports of this caller  1 of 2 · 1 not read here yet"
    before = form.values()
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_5, ALT)
    assert form.of_caller.looked_at_words.startswith("A · ")
    assert form.values() == before
    form.caller_phone.setText("0812 3456 7891")
    assert form.of_caller.isHidden(), "it is another caller"
    assert form.of_caller.shown == []
    server.finder.on_found(CallerFound("city", number, problem="late"))
    assert form.of_caller.isHidden()


@pytest.mark.parametrize("role", ["viewer", "field", ""])
def test_who_may_see_no_contact_is_offered_no_search_by_number(rig: Rig, role: str) -> None:
    server = CallersOfServer(rig, role)
    form = begin(rig)
    form.caller_phone.setText("0812 3456 7890")
    assert not form.caller_button.isVisible()
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_E, ALT)
    assert server.sent == []


def test_why_nothing_is_known_of_a_caller_is_said(rig: Rig) -> None:
    server = CallersOfServer(rig, "supervisor")
    form = begin(rig)
    form.caller_phone.setText("0812 3456 7890")
    for problem in ("Needs the server, which cannot be reached now: who called is kept there only.", ""):
        QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_E, ALT)
        assert form.of_caller.heading.endswith("The server is asked …")
        server.finder.on_found(CallerFound("city", server.sent[-1].number, problem=problem))
        assert form.of_caller.heading.endswith(problem or "No report of this number that you may see.")
