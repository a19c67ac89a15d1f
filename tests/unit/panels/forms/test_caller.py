"""What the telephone form knows of the place and asks of the caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from api_client.model import AttributeValue, Datatype, Kind, Report, Service, ServiceAttribute, Status
from console.board.snapshot import BoardSnapshot
from console.board.view import make_view
from console.cache.catalog import Catalog
from console.panels.action_rules import why_not_allowed
from console.panels.forms.draft import typed_in
from console.panels.forms.forms import FormSurroundings
from console.panels.forms.report_data import words_to_add
from console.panels.report.callers import CallerFinder
from console.panels.report.nearby import NearbyFound
from console.rules.filter import Filter
from console.rules.messages import CallerFound, FindCaller, Outcome
from console.rules.queued import EditState
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
    words = {"text": "it reaches the sockets", "caller_name": "Sari", "caller_phone": "0812", "priority": ""}
    assert typed_in(draft) == words
    assert rig.actions.run("caller_adds")
    assert rig.form().is_empty(), "another may have called meanwhile"
    QTest.keyClick(rig.form().focusWidget() or rig.form(), Qt.Key.Key_D, ALT)
    assert rig.form().values() == typed_in(draft)


def test_the_next_callers_form_opens_without_the_words_of_the_last_one_which_a_key_takes_up(rig: Rig) -> None:
    def open_form() -> CallerAddsForm:
        assert rig.actions.run("caller_adds")
        form = rig.form()
        assert isinstance(form, CallerAddsForm)
        return form

    def listed() -> list[tuple[str, str]]:
        return sorted((draft["text"], draft["caller_name"]) for draft in rig.outbox.drafts.values())

    rig.choose("A")
    form = open_form()
    form.report_text.setPlainText("gas smell")
    form.caller_name.setText("Sari")
    QTest.keyClick(form, Qt.Key.Key_Escape)
    key = next(iter(rig.outbox.drafts))
    for _ in range(2):
        form = open_form()
        assert form.is_empty()
        assert form.earlier_button.isVisible()
        QTest.keyClick(form, Qt.Key.Key_Escape)
        assert list(rig.outbox.drafts) == [key], "left without a word, it is where it was"
    form = open_form()
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_D, ALT)
    assert (form.values()["text"], form.values()["caller_name"]) == ("gas smell", "Sari")
    QTest.keyClick(form, Qt.Key.Key_Escape)
    assert list(rig.outbox.drafts) == [key]
    form = open_form()
    QTest.keyClicks(form.report_text, "water")
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_D, ALT)
    assert form.values()["text"] == "water", "what is typed is not written over"
    QTest.keyClick(form, Qt.Key.Key_Escape)
    assert listed() == [("gas smell", "Sari"), ("water", "")]


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
    words = "water in the house\nPlace: Jl. Bukit 5 · -6.20000, 106.80000"
    assert adds.values() == {"text": words, "caller_name": "", "caller_phone": "0812", "priority": ""}
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


def add_instead(rig: Rig, around: Neighbourhood, text: str, *, caller: str = "", priority: str = "") -> CallerAddsForm:
    """What is entered for a new report, with a priority chosen by hand, is added to report A instead."""
    form = begin(rig)
    form.set_place(-6.2, 106.8, "Jl. Bukit 5")
    form.report_text.setPlainText(text)
    form.caller_name.setText(caller)
    if priority:
        QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_P, ALT)
        QTest.keyClicks(form.priority, priority)
    around.answer(-1, "A")
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_1, ALT)
    assert form.nearby.looked_at_words, "its key means it wherever the keyboard is in the form"
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_A, ALT)
    rig.choose("A")
    wait_for(lambda: isinstance(rig.forms._open, CallerAddsForm), what="what the caller adds")
    adds = rig.form()
    assert isinstance(adds, CallerAddsForm)
    return adds


def test_a_p1_that_was_entered_becomes_the_priority_of_the_report_that_it_is_added_to(
    rig: Rig, around: Neighbourhood
) -> None:
    """It was dropped without a word: nobody was called to the child in the water."""
    rig.choose("A")
    adds = add_instead(rig, around, "a child in the water", priority="1")
    assert adds._sentence.text().startswith("It becomes P1, as you entered; until now it is P3.")
    assert adds.priority.isVisible()
    rig.commit()
    raised, again, note = rig.saved(3)
    assert (raised.kind, raised.report, raised.data, raised.base) == (Kind.SET, "A", {"priority": 1}, {"priority": 3})
    assert (again.kind, note.kind) == (Kind.ME_TOO, Kind.NOTE)
    assert rig.outbox.drafts == {}
    rig.outbox.on_outcome(Outcome(raised.id, EditState.ACCEPTED))
    assert rig.actions.run("undo")
    wait_for(lambda: not rig.outbox.saving, what="what is taken back")
    (back,) = (one.edit for one in rig.outbox.open_edits if one.edit.undoes)
    assert (back.undoes, back.data) == (raised.id, {"priority": 3}), "one step: undone, it is no P1 any more"
    assert rig.undo_stack.remembered == ()
    (draft,) = rig.outbox.drafts.values()
    assert draft["priority"] == "1", "nor is that lost"


def test_the_report_stays_as_urgent_as_it_is_where_that_is_chosen(rig: Rig, around: Neighbourhood) -> None:
    rig.choose("A")
    adds = add_instead(rig, around, "a child in the water", priority="2")
    QTest.keyClick(adds.focusWidget() or adds, Qt.Key.Key_P, ALT)
    assert adds.priority.hasFocus()
    QTest.keyClicks(adds.priority, "2")
    assert adds.values()["priority"] == ""
    assert not adds._sentence.text().startswith("It becomes")
    rig.commit()
    assert [one.kind for one in rig.saved(2)] == [Kind.ME_TOO, Kind.NOTE]


def test_a_p1_is_said_in_the_words_where_the_role_may_not_raise_the_report(rig: Rig, around: Neighbourhood) -> None:
    rig.situation._rights_at = lambda _: Rights("field")
    rig.choose("A")
    adds = add_instead(rig, around, "a child in the water", priority="1")
    assert adds.values()["priority"] == ""
    assert adds.values()["text"].splitlines()[-1] == "Priority, as entered: P1"


def test_what_an_earlier_caller_said_does_not_go_into_the_words_of_the_next_one(
    rig: Rig, around: Neighbourhood
) -> None:
    rig.choose("A")
    assert rig.actions.run("caller_adds")
    first = rig.form()
    assert isinstance(first, CallerAddsForm)
    first.report_text.setPlainText("gas smell")
    first.caller_name.setText("Sari")
    QTest.keyClick(first, Qt.Key.Key_Escape)
    adds = add_instead(rig, around, "water", caller="Budi")
    words = adds.values()["text"]
    assert (words.splitlines()[0], adds.values()["caller_name"]) == ("water", "Budi")
    assert "gas" not in words
    assert adds._draft_label.text().startswith("What an earlier caller said is kept as a draft")
    QTest.keyClicks(adds.focusWidget() or adds, " to the knee")
    QTest.keyClick(adds, Qt.Key.Key_Escape)
    wait_for(lambda: isinstance(rig.forms._open, NewReportForm), what="the new report is there again")
    around.answer(-1, "A")
    QTest.keyClick(rig.form().focusWidget() or rig.form(), Qt.Key.Key_1, ALT)
    QTest.keyClick(rig.form().focusWidget() or rig.form(), Qt.Key.Key_A, ALT)
    wait_for(lambda: isinstance(rig.forms._open, CallerAddsForm), what="what the caller adds")
    assert rig.form().values()["text"] == f"{words} to the knee", "of the same call nothing is lost"
    rig.commit()
    again, note = rig.saved(2)
    assert again.data == {"contact": {"name": "Budi"}}
    assert note.data["text"] == f"{words} to the knee"
    (left,) = rig.outbox.drafts.values()
    assert (left["text"], left["caller_name"]) == ("gas smell", "Sari"), "it is his own draft still"


def test_what_an_addition_does_not_carry_stands_in_its_words() -> None:
    questions = (
        ServiceAttribute("depth", "How deep", datatype=Datatype.SINGLEVALUELIST,
                         values=(AttributeValue("knee", "to the knee"),)),
        ServiceAttribute("since", ""),
    )  # fmt: skip
    catalog = Catalog(services={"flood": Service("flood", "Flood", attributes=questions)})
    report = Report("A", 1, Status.NEW, "road", 3, "", NOW, NOW, address="Jl. Bukit 5", lat=-6.2, lon=106.8)
    values = {
        "text": "water", "service": "flood", "address": "Jl. Bukit 5", "lat": -6.2, "lon": 106.8, "within_m": 0.0,
        "roughly": "", "instead": "", "answers": {"depth": ["knee"], "since": ["14:30"]}, "priority": "4",
    }  # fmt: skip

    def added(may_raise: bool = True, **other: Any) -> list[str]:
        return words_to_add({**values, **other}, report, catalog, str, may_raise=may_raise).splitlines()

    told = ["water", "Category: Flood", "How deep: to the knee", "since: 14:30", "Priority, as entered: P4"]
    assert added() == told, "the place is the report's"
    assert added(priority="", service="road", answers={}) == ["water"]
    assert added(priority="1", service="", answers={}) == ["water"], "that is the step's own"
    assert added(False, priority="1", service="", answers={}) == ["water", "Priority, as entered: P1"]
    elsewhere = added(priority="", service="", answers={}, address="by the mosque", lat=-6.21)
    assert elsewhere == ["water", "Place: by the mosque · -6.21000, 106.80000"]
    assert added(priority="", service="", answers={}, address="", lat=None, lon=None) == ["water"]


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
