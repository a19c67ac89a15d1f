"""What is entered in a form goes to the report the form was opened for, whatever is chosen meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from api_client.model import (
    Assignment,
    AssignmentState,
    Entry,
    Hold,
    Kind,
    Report,
    RunCard,
    Status,
    UnitState,
    WaitsFor,
)
from console.advice.duplicates import Duplicate
from console.advice.units import Advice
from console.board.snapshot import BoardSnapshot
from console.board.view import make_view
from console.cache.catalog import Catalog, Cities
from console.panels.report.history import entry_of, entry_text
from console.panels.report.offered_actions import next_steps
from console.panels.report.recommendations import DuplicateCandidate, Recommendations
from console.rules.filter import Filter
from console.rules.messages import Outcome
from console.rules.queued import EditState
from console.rules.recreate import known_of
from console.window.actions import ACTIONS
from tests.unit.board import naive
from tests.unit.panels.conftest import NOW, Rig
from widgets.forms.choose_one import ChooseOne
from widgets.forms.hold import HoldForm


def with_card(rig: Rig, card: RunCard) -> Cities:
    """The cities of the window, with this run card."""
    cities = rig.window_state.cities
    return Cities({"city": replace(cities.of("city"), run_cards={card.id: card})}, cities.words)


FORMS = {
    "note": ("gas smell", Kind.NOTE),
    "reply": ("a crew is on its way", Kind.REPLY),
    "priority": ("1", Kind.SET),
    "category": ("Broken", Kind.SET),
    "transfer": ("Kemang", Kind.SET),
    "assign": ("SDA-11", Kind.ASSIGN),
}


@pytest.mark.parametrize("action", FORMS)
@pytest.mark.parametrize("then", ["another", "none", "unread"])
def test_a_form_works_on_the_report_it_was_opened_for(rig: Rig, action: str, then: str) -> None:
    typed, kind = FORMS[action]
    rig.choose("A")
    assert rig.actions.run(action)
    assert rig.form()._about.text() == "A Flood, Kemang"
    assert rig.form().windowTitle().endswith(": A Flood, Kemang")
    if then == "none":
        rig.window_state.choose(0)
        rig.situation.set_details(None)
    else:
        rig.choose("B", read=then == "another")
    rig.commit(typed)
    (edit,) = rig.saved(1)
    assert (edit.report, edit.kind) == ("A", kind)


def test_a_key_between_choosing_a_report_and_reading_it_does_not_land_on_the_one_before(rig: Rig) -> None:
    rig.choose("A")
    rig.choose("B", read=False)
    for action in ("take", "dispatch", "priority", "note", "hold", "close"):
        assert not rig.actions.run(action)
    assert set(rig.said) == {"The report has not been read yet"}
    assert rig.forms._open is None
    rig.choose("B")
    rig.actions.run("take")
    assert [edit.report for edit in rig.saved(1)] == ["B"]


def test_the_advice_on_one_report_is_none_on_the_next(rig: Rig) -> None:
    """D would close B as a duplicate of what A may be a duplicate of."""
    rig.choose("A")
    near = Duplicate(1003, 12.0, 60, same_words=False, reasons=("12 m away",))
    rig.situation.set_recommendations(
        Recommendations(1001, duplicates=(DuplicateCandidate(near, "C", "Water at C", 3, 0, NOW),))
    )
    assert rig.situation.current.duplicate
    rig.choose("B")
    assert not rig.actions.run("merge")
    assert rig.said == ["No possible duplicate"]


def test_a_merge_knows_which_two_reports_are_meant(rig: Rig) -> None:
    """By when they were created: after a restore their numbers may be other reports."""
    rig.choose("A")
    near = Duplicate(1003, 12.0, 60, same_words=False, reasons=("12 m away",))
    made = NOW - timedelta(hours=1)
    rig.situation.set_recommendations(
        Recommendations(1001, duplicates=(DuplicateCandidate(near, "C", "Water at C", 3, 0, made),))
    )
    assert rig.situation.with_duplicates[1][0].number == "C"
    rig.edit_commands.merge(rig.details(1001, "A"), "C", made)
    (edit,) = rig.saved(1)
    assert (edit.kind, edit.report, edit.data) == (Kind.MERGE, "A", {"into": "C"})
    assert [datetime.fromisoformat(edit.about[name]) for name in ("created", "into")] == [NOW, made]
    assert "into" not in known_of([edit]), "it is nothing that a new report would carry"


@pytest.mark.parametrize("on", ["chosen", "read", "none"])
def test_an_order_that_waits_for_its_report_is_forgotten_when_another_is_chosen(rig: Rig, on: str) -> None:
    """It would be carried out an hour later, when the operator only looks at that report."""
    done: list[str] = []
    rig.choose("C", read=False)
    rig.situation.when_read(1003, lambda: done.append("sent"), lambda: done.append("dropped"))
    if on == "none":
        rig.window_state.choose(0)
    elif on == "read":
        rig.situation.set_details(rig.details(1002, "B"))
    else:
        rig.choose("B", read=False)
    assert done == ["dropped"]
    rig.choose("A")
    rig.choose("C")
    assert done == ["dropped"]


def test_an_order_waits_until_its_report_has_been_read(rig: Rig) -> None:
    done: list[str] = []
    rig.choose("C", read=False)
    rig.situation.when_read(1003, lambda: done.append("sent"), lambda: done.append("dropped"))
    assert done == []
    rig.choose("C")
    rig.choose("C")
    assert done == ["sent"]


def test_an_enter_that_bounces_sends_one_unit(rig: Rig) -> None:
    """The list of recommended units moves up when one is sent, and the next one stands where Enter was."""
    rig.choose("A")
    rig.unit_commands.dispatch_chosen("07")
    rig.unit_commands.dispatch_chosen("11")
    assert rig.said == ["Nothing more was sent: that key had just sent a unit"]
    assert [edit.data["unit"] for edit in rig.saved(1)] == ["07"]
    rig.steady_s += 1
    rig.unit_commands.dispatch_chosen("11")
    assert [edit.data["unit"] for edit in rig.saved(2)] == ["07", "11"]


def test_a_unit_that_is_on_the_report_is_not_sent_again(rig: Rig) -> None:
    rig.choose("A")
    rig.situation.set_details(rig.details(1001, "A", ["07"]))
    rig.unit_commands.dispatch_chosen("07")
    assert rig.said == ["SDA-07 is on this report already"]
    assert rig.outbox.open_edits == ()


@pytest.mark.parametrize("action", ["priority", "category"])
def test_enter_on_what_is_so_already_changes_nothing(rig: Rig, action: str) -> None:
    rig.choose("A")
    rig.actions.run(action)
    QTest.keyClick(rig.form().focusWidget(), Qt.Key.Key_Return)
    assert rig.outbox.open_edits == ()


def test_a_step_that_a_unit_has_taken_is_not_told_again(rig: Rig) -> None:
    rig.choose("A")
    rig.situation.set_details(rig.details(1001, "A", ["07"]))
    rig.actions.run("en_route")
    assert rig.said == ["SDA-07 En route already"]
    rig.actions.run("on_scene")
    assert [edit.data["state"] for edit in rig.saved(1)] == ["on_scene"]


def test_of_two_crews_it_is_asked_which_is_called_back(rig: Rig) -> None:
    """Shift+R recalled the first one without a word, which had acknowledged."""
    rig.choose("A")
    rig.situation.set_details(rig.details(1001, "A", ["07", "11"]))
    assert rig.actions.run("recall")
    assert rig.outbox.open_edits == ()
    rig.commit("SDA-11")
    (edit,) = rig.saved(1)
    assert (edit.kind, edit.report, edit.data) == (Kind.RECALL, "A", {"unit": "11"})


def at_work(rig: Rig, unit: str, report: str, state: AssignmentState) -> Assignment:
    """The city says so of a unit."""
    job = Assignment(f"{unit}-{report}", report, unit, state, NOW, "rina", NOW)
    city = rig.window_state.cities.catalogs["city"]
    rig.window_state.cities = Cities(
        {"city": replace(city, assignments=(*city.assignments, job))}, rig.window_state.cities.words
    )
    return job


@pytest.mark.parametrize("key", ["en_route", "on_scene", "done"])
def test_a_unit_key_never_means_another_report_than_the_chosen_one(rig: Rig, key: str) -> None:
    """The crew was done here, its panel offered a photo only, and E told "en route" of its next job elsewhere."""
    read: list[str] = []
    rig.unit_commands._read_report = lambda _source, number, _then: read.append(number)
    done = at_work(rig, "07", "A", AssignmentState.DONE)
    at_work(rig, "07", "B", AssignmentState.DISPATCHED)
    rig.choose("A")
    details = rig.details(1001, "A")
    rig.situation.set_details(
        replace(details, assignments=(done,), shown=replace(details.shown, status=Status.PROGRESS))
    )
    (crew,) = [one for one in rig.window_state.cities.crews if one.unit.id == "07"]
    rig.window_state.choose_unit(crew.key)
    assert not rig.actions.run(key)
    assert rig.said == ["The unit is done with this report"]
    rig.choose("C")
    assert not rig.actions.run(key)
    assert rig.said[1:] == ["No unit is on this report"]
    assert (rig.outbox.open_edits, read) == ((), [])


def test_in_the_units_panel_a_step_is_told_once_and_with_the_version_that_is_here(rig: Rig) -> None:
    """It left without one, which the server refused, and thirteen more of the held key waited behind it."""
    waiting: list[Callable[[Report | None], None]] = []
    rig.unit_commands._read_report = lambda _source, _number, then: waiting.append(then)
    at_work(rig, "07", "B", AssignmentState.DISPATCHED)
    rig.choose("A")
    (crew,) = [one for one in rig.window_state.cities.crews if one.unit.id == "07"]
    rig.window_state.choose_unit(crew.key)
    rig.situation.set_panel("units")
    assert rig.actions.run("en_route")
    assert rig.actions.run("en_route")
    for then in waiting:
        then(rig.report("B"))
    (edit,) = rig.saved(1)
    assert (edit.report, edit.base_version, edit.data) == ("B", 3, {"unit": "07", "state": "en_route"})
    assert edit.title == "Water at B"
    rig.actions.run("en_route")
    assert rig.said[-1] == "SDA-07 En route already"
    rig.situation.set_panel("queue")
    assert not rig.actions.run("on_scene"), "outside its panel the chosen unit is not meant"


@pytest.mark.parametrize("panel", ["units", "queue"])
def test_what_a_unit_that_is_only_reserved_cannot_have_done_is_refused_at_the_key(rig: Rig, panel: str) -> None:
    """It was written, "done, and not to be undone", and came back as NOT sent."""
    rig.unit_commands._read_report = lambda _source, _number, then: then(rig.report("B"))
    at_work(rig, "07", "B", AssignmentState.RESERVED)
    job = replace(rig.details(1002, "B", ["07"]).assignments[0], state=AssignmentState.RESERVED)
    reserved = replace(rig.details(1002, "B"), assignments=(job,))
    rig.choose("B" if panel == "queue" else "A")
    if panel == "queue":
        rig.situation.set_details(reserved)
    (crew,) = [one for one in rig.window_state.cities.crews if one.unit.id == "07"]
    rig.window_state.choose_unit(crew.key)
    rig.situation.set_panel(panel)
    rig.actions.run("on_scene")
    assert rig.said[-1] == "SDA-07 is only reserved: it has to be sent first"
    assert not rig.outbox.open_edits
    rig.edit_commands.dispatch(reserved, "07", "SDA-07", stack=False)
    rig.saved(1)
    sent = replace(job, state=AssignmentState.DISPATCHED)
    if panel == "queue":
        rig.situation.set_details(replace(reserved, assignments=(sent,)))
    rig.actions.run("on_scene")
    order, step = rig.saved(2)
    assert (order.kind, step.data) == (Kind.DISPATCH, {"unit": "07", "state": "on_scene"}), "by an order that waits too"


def test_a_crew_that_cannot_go_on_leads_only_where_no_other_is(rig: Rig) -> None:
    city = rig.window_state.cities.of("city")
    stuck = replace(city.units["07"], state=UnitState.UNAVAILABLE, reason="accident")
    rig.window_state.set_cities(
        Cities({"city": replace(city, units={**city.units, "07": stuck})}, rig.window_state.cities.words)
    )
    rig.window_state.choose(1001)
    rig.situation.set_details(rig.details(1001, "A", ["07"]))
    assert (rig.situation.current.lead_unit, rig.situation.current.lead_stuck) == ("07", True)
    rig.situation.set_details(rig.details(1001, "A", ["07", "11"]))
    assert (rig.situation.current.lead_unit, rig.situation.current.lead_stuck) == ("11", False)


def test_what_a_crew_does_next_is_not_offered_while_no_server_has_sent_it(rig: Rig) -> None:
    """ "DMK-02 en route" was the filled button of a colleague's order that waits for him; pressed, it was refused."""
    rig.outbox.source_lost("city")
    rig.outbox.sign_in("city", "budi")
    rig.edit_commands.dispatch(rig.details(1001, "A"), "07", "SDA-07", stack=False)
    (order,) = rig.saved(1)
    rig.window_state.choose(1001)
    sent = Assignment(order.id, "A", "07", AssignmentState.DISPATCHED, NOW, "budi", NOW, edit=order.id)
    for me, waits_for in (("rina", "budi"), ("budi", "")):
        rig.outbox.sign_in("city", me)
        rig.window_state.me = me
        rig.situation.set_outbox(rig.outbox.open_edits)
        rig.situation.set_details(replace(rig.details(1001, "A"), assignments=(sent,)))
        now = rig.situation.current
        assert (now.lead_unit, now.lead_waits_for) == ("07", waits_for)
        steps = next_steps(now, "", "SDA-07", str, ACTIONS)
        assert ("en_route" in [one.id for one in steps]) is not bool(waits_for)
        assert bool(ACTIONS["en_route"].why_not(now)) is bool(waits_for)


def test_an_order_to_what_was_made_a_p1_here_burns_like_any_p1(rig: Rig) -> None:
    """Without the server "NOT SENT" stood amber, below what is less urgent: the server's priority was still 3."""
    rig.outbox.source_lost("city")
    flood = rig.details(1001, "A")
    rig.edit_commands.dispatch(replace(flood, shown=replace(flood.shown, priority=1)), "07", "SDA-07", stack=False)
    assert rig.saved(1)[0].about["priority"] == 1
    rig.edit_commands.recall(replace(flood, server=replace(flood.shown, priority=1)), "07", "SDA-07")
    assert rig.saved(2)[1].about["priority"] == 1, "and what is lowered here is a P1 to all others"


def test_undo_is_offered_only_where_it_will_be_granted(rig: Rig) -> None:
    """Ctrl+Z was offered after a note, and then answered that it was sent and cannot be undone."""
    rig.choose("A")
    rig.report_commands.set_priority(rig.details(1001, "A"), 2)
    rig.report_commands.note(rig.details(1001, "A"), "gas smell")
    _, note = rig.saved(2)
    assert rig.undo_stack.undo_text == "Note", "it has not left: it can be taken back"
    rig.outbox.on_outcome(Outcome(note.id, EditState.ACCEPTED))
    assert rig.undo_stack.undo_text == ""
    assert not rig.actions.run("undo")
    assert rig.said[-1] == "Note was sent and cannot be undone. The key again: Priority 2"
    assert rig.actions.run("undo"), "it had ended all undoing"
    assert rig.undo_stack.newest is None
    assert not rig.actions.run("undo")
    assert rig.said[-1] == "Nothing to undo"
    rig.report_commands.set_priority(rig.details(1001, "A"), 1)
    assert rig.undo_stack.undo_text == "Priority 1", "what has a way back is offered whether it was sent or not"


def test_a_returned_proof_is_offered_to_be_taken_back_also_after_it_was_sent(rig: Rig) -> None:
    """The server takes a return back as it does an acceptance; the window did not offer it."""
    rig.choose("A")
    rig.edit_commands.validate(rig.details(1001, "A"), accepted=False, reason="blurred")
    (back,) = rig.saved(1)
    rig.outbox.on_outcome(Outcome(back.id, EditState.ACCEPTED))
    assert rig.undo_stack.undo_text == "Return"
    assert rig.actions.run("undo")
    undo = rig.saved(2)[1]
    assert (undo.undoes, undo.kind) == (back.id, Kind.REOPEN), "a kind that whoever may validate may make too"


def test_the_second_enter_behind_a_form_sends_no_crew(rig: Rig) -> None:
    rig.choose("A")
    near = Advice("07", "SDA-07", 60, 100, (), False, 0, 0)
    rig.situation.set_recommendations(Recommendations(1001, units=(near,)))
    rig.actions.press("priority")
    rig.form().commit()
    rig.steady_s += 0.2
    rig.unit_commands.dispatch_chosen("07")
    assert rig.said[-1] == "Nothing was sent: that key was still the form's"
    rig.actions.press("recommend")
    rig.unit_commands.dispatch_chosen("07")
    assert [edit.kind for edit in rig.saved(1)][-1] is Kind.DISPATCH


def test_an_order_says_whether_it_is_for_after_other_work(rig: Rig) -> None:
    """As its advice does, and of one's own orders in any case: the server refuses what is to come first."""
    free, busy = Advice("07", "SDA-07", 60, 100, (), False, 0, 0), Advice("11", "SDA-11", 90, 200, (), False, 1, 1)
    rig.choose("A")
    rig.situation.set_recommendations(Recommendations(1001, units=(free, busy)))
    rig.unit_commands.dispatch(rig.details(1001, "A"), "07")
    rig.unit_commands.dispatch(rig.details(1001, "A"), "11")
    rig.choose("B")
    rig.situation.set_recommendations(Recommendations(1002, units=(free,)))  # not made anew yet
    rig.unit_commands.dispatch(rig.details(1002, "B"), "07")
    assert [edit.data for edit in rig.saved(3)] == [
        {"unit": "07"},
        {"unit": "11", "stack": True},
        {"unit": "07", "stack": True},
    ]


def test_a_crew_that_another_sent_since_the_advice_is_asked_about(rig: Rig) -> None:
    job = Assignment("j1", "B", "07", AssignmentState.DISPATCHED, NOW, "budi", NOW)
    city = replace(rig.window_state.cities.of("city"), assignments=(job,))
    rig.window_state.cities = Cities({"city": city}, rig.window_state.cities.words)
    rig.choose("A")
    rig.situation.set_recommendations(Recommendations(1001, units=(Advice("07", "SDA-07", 60, 100, (), False, 0, 0),)))
    rig.unit_commands.dispatch(rig.details(1001, "A"), "07")
    rig.choose("C")  # of which no advice is here: what the units panel shows is what is known
    rig.unit_commands.dispatch(rig.details(1003, "C"), "07")
    assert [edit.data for edit in rig.saved(2)] == [{"unit": "07"}, {"unit": "07", "stack": True}]


def test_a_crew_that_was_called_back_is_sent_as_a_free_one(rig: Rig) -> None:
    rig.choose("A")
    rig.unit_commands.dispatch(rig.details(1001, "A"), "07")
    rig.unit_commands.recall(rig.details(1001, "A"), "07")
    rig.choose("B")
    rig.unit_commands.dispatch(rig.details(1002, "B"), "07")
    assert [edit.data for edit in rig.saved(3)] == [{"unit": "07"}] * 3


def test_a_crew_that_has_just_become_the_first_is_not_sent_by_a_key_that_meant_the_one_before(rig: Rig) -> None:
    rig.choose("A")
    far, near = Advice("08", "SDA-08", 60, 100, (), False, 0, 0), Advice("07", "SDA-07", 30, 50, (), False, 0, 0)
    rig.situation.set_recommendations(Recommendations(1001, units=(far,)))
    rig.situation.set_recommendations(Recommendations(1001, units=(near, far)))
    rig.steady_s += 0.2
    rig.actions.press("dispatch")
    assert rig.said[-1] == "Nothing was sent: SDA-07 has just become the first, press again to send it"
    rig.steady_s += 1.0
    rig.situation.set_recommendations(Recommendations(1001, units=(near,)))
    rig.actions.press("dispatch")
    assert [edit.data["unit"] for edit in rig.saved(1)] == ["07"]


def test_a_digit_pressed_for_who_stood_at_that_place_a_moment_ago_sends_nobody(rig: Rig) -> None:
    """A crew became free and came in above: "2" sent the fire engine that had just moved down to that place."""
    rig.choose("A")
    pump, fire, tow = (Advice(one, f"SDA-{one}", 60, 100, (), False, 0, 0) for one in ("07", "11", "08"))
    rig.situation.set_recommendations(Recommendations(1001, units=(fire, pump, tow)))
    rig.steady_s += 5
    rig.situation.set_recommendations(Recommendations(1001, units=(tow, fire)))
    rig.steady_s += 0.9
    rig.unit_commands.dispatch_chosen("11")
    assert rig.said[-1] == "Nothing was sent: SDA-11 has just come to that place, press again to send it"
    assert rig.saved(0) == []
    rig.steady_s += 0.2
    rig.situation.set_recommendations(Recommendations(1001, units=(tow, fire, pump)))
    rig.unit_commands.dispatch_chosen("11")
    assert [edit.data["unit"] for edit in rig.saved(1)] == ["11"], "it has stood there for a second"


def test_a_digit_counts_at_once_where_the_list_is_that_of_another_report(rig: Rig) -> None:
    pump, fire = (Advice(one, f"SDA-{one}", 60, 100, (), False, 0, 0) for one in ("07", "11"))
    rig.choose("A")
    rig.situation.set_recommendations(Recommendations(1001, units=(pump, fire)))
    rig.situation.set_recommendations(Recommendations(1001, units=(fire, pump)))
    rig.choose("B")
    rig.situation.set_recommendations(Recommendations(1002, units=(pump, fire)))
    rig.unit_commands.dispatch_chosen("11")
    assert [edit.data["unit"] for edit in rig.saved(1)] == ["11"]


def test_a_stroke_within_a_second_of_the_next_report_was_meant_for_the_one_before(rig: Rig) -> None:
    """Ctrl+D held, or struck four times, sent crews to reports that nobody had looked at."""
    near = Advice("07", "SDA-07", 60, 100, (), False, 0, 0)
    rig.choose("A")
    rig.situation.set_recommendations(Recommendations(1001, units=(near,)))
    rig.actions.press("dispatch")
    assert len(rig.saved(1)) == 1
    rig.choose("B")
    rig.key_guard.show_next()  # the program went on to it
    rig.situation.set_recommendations(Recommendations(1002, units=(Advice("11", "SDA-11", 60, 100, (), False, 0, 0),)))
    rig.steady_s += 0.9
    for _ in range(20):  # who goes on striking does not look
        assert not rig.actions.press("take")
        rig.actions.press("dispatch")
        rig.unit_commands.dispatch_chosen("11")
        rig.steady_s += 0.1
    assert "another report has just been shown" in rig.said[-1]
    assert len(rig.saved(1)) == 1
    assert rig.actions.press("note"), "what asks first may be asked for"
    rig.forms.close_open()
    rig.steady_s += 1
    rig.actions.press("dispatch")
    assert [edit.data["unit"] for edit in rig.saved(2)] == ["07", "11"]


def test_what_is_typed_behind_a_key_that_opened_no_form_sends_no_crew(rig: Rig) -> None:
    """`D 1 Enter` where there is no duplicate: the digit was the duplicate's, and chose a crew."""
    rig.choose("A")
    rig.situation.set_recommendations(Recommendations(1001, units=(Advice("07", "SDA-07", 60, 100, (), False, 0, 0),)))
    rig.actions.press("merge")
    assert not rig.forms.is_open
    rig.steady_s += 0.5
    rig.unit_commands.dispatch_chosen("07")
    rig.actions.press("dispatch")
    assert "opened no form" in rig.said[-1]
    assert not rig.actions.press("note"), "a letter of what was typed is no other form's key"
    assert not rig.forms.is_open
    assert rig.saved(0) == []
    rig.steady_s += 1.0
    rig.actions.press("note")
    assert rig.forms.is_open
    rig.forms.close_open()
    rig.actions.press("dispatch")
    assert len(rig.saved(1)) == 1


def test_the_key_of_the_first_crew_sends_no_second_one(rig: Rig) -> None:
    """A colleague had sent one seconds before; the report showed no button and no cap for another."""
    rig.window_state.choose(1001)
    rig.situation.set_details(rig.details(1001, "A", ["07"]))
    rig.situation.set_recommendations(Recommendations(1001, units=(Advice("11", "SDA-11", 60, 100, (), False, 0, 0),)))
    rig.steady_s += 1
    assert not rig.actions.press("dispatch")
    assert rig.said[-1] == "A unit is on this report already: A, then a digit, sends another"
    rig.unit_commands.dispatch_chosen("11")
    assert [edit.data["unit"] for edit in rig.saved(1)] == ["11"]


def test_the_key_of_the_first_crew_sends_the_second_one_that_the_run_card_wants(rig: Rig) -> None:
    rig.window_state.set_cities(with_card(rig, RunCard("flood", "Flood", ("Ask",), ("flood",), crews=2)))
    rig.window_state.choose(1001)
    rig.situation.set_details(rig.details(1001, "A", ["07"]))
    rig.situation.set_recommendations(Recommendations(1001, units=(Advice("11", "SDA-11", 60, 100, (), False, 0, 0),)))
    rig.steady_s += 1
    now = replace(rig.situation.current, has_place=True)
    buttons = next_steps(now, "SDA-11", "SDA-07", str, ACTIONS)
    assert [(one.id, one.filled) for one in buttons[:3]] == [("on_scene", False), ("take", False), ("dispatch", False)]
    assert rig.actions.press("dispatch")
    assert [edit.data["unit"] for edit in rig.saved(1)] == ["11"]


def test_a_step_of_the_run_card_is_ticked_once_and_the_tick_can_be_taken_back_at_any_time(rig: Rig) -> None:
    rig.choose("A")
    assert not rig.actions.run("steps")
    assert rig.said[-1] == "The city has no run card for it"
    rig.window_state.set_cities(with_card(rig, RunCard("flood", "Flood", ("Ask", "Tell"), ("flood",))))
    assert rig.actions.run("steps")
    rig.report_commands.tick("Call")  # what stood there a moment ago
    rig.report_commands.tick("Tell")
    (tick,) = rig.saved(1)
    assert (tick.kind, tick.data, tick.report) == (Kind.NOTE, {"text": "Tell", "card": "flood"}, "A")
    data = {"text": "Tell", "card": "flood"}
    entry = Entry("9", "A", "note", NOW, "rina", edit=tick.id, text="Tell", data=data)
    rig.situation.set_details(replace(rig.details(1001, "A"), entries=(entry,)))
    rig.report_commands.tick("Tell")
    assert rig.said[-1] == "Done already, by rina: Tell"
    rig.outbox.on_outcome(Outcome(tick.id, EditState.ACCEPTED))
    assert rig.undo_stack.undo_text == "Step done"
    assert rig.actions.run("undo")
    _, back = rig.saved(2)
    assert (back.kind, back.undoes, back.data) == (Kind.NOTE, tick.id, data)
    rig.report_commands.take_tick_back("Ask")  # it is not done
    rig.report_commands.take_tick_back("Tell")
    rig.situation.set_details(replace(rig.details(1001, "A"), entries=(replace(entry, author="budi"),)))
    rig.report_commands.take_tick_back("Tell")
    assert rig.said[-1] == "budi did it: he or a supervisor takes it back"
    assert [(one.undoes, one.data) for one in rig.saved(3)[1:]] == [(tick.id, data)] * 2
    assert entry_text(entry, Catalog(), str) == "Step done by rina: Tell"
    assert entry_text(entry_of(back), Catalog(), str) == "Step not done after all, by rina: Tell"


@pytest.mark.parametrize("step", ["on_scene", "done", "recall"])
def test_what_is_typed_behind_a_key_that_opened_no_form_reports_no_step_of_a_crew(rig: Rig, step: str) -> None:
    """`D 1 Enter` where there is no duplicate: the crew stood on the scene, and then done, for good."""
    rig.situation.set_details(rig.details(1001, "A", ["07"]))
    rig.window_state.choose(1001)
    rig.actions.press("merge")
    rig.steady_s += 0.5
    assert not rig.actions.act(step)
    assert "opened no form" in rig.said[-1]
    rig.steady_s += 1
    assert rig.actions.act(step)
    assert len(rig.saved(1)) == 1


def test_a_stroke_that_was_still_a_forms_reports_no_step_of_a_crew(rig: Rig) -> None:
    rig.window_state.choose(1001)
    rig.situation.set_details(rig.details(1001, "A", ["07"]))
    assert rig.actions.press("note")
    rig.commit("gas smell")
    assert not rig.actions.act("on_scene")
    assert "still the form's" in rig.said[-1]
    rig.steady_s += 1
    assert rig.actions.act("on_scene")
    assert [edit.kind for edit in rig.saved(2)] == [Kind.NOTE, Kind.PROGRESS]


def test_a_report_that_the_operator_goes_to_himself_is_his_at_once(rig: Rig) -> None:
    rig.choose("B")
    rig.key_guard.show_next()
    rig.choose("A")
    assert rig.actions.press("take")


def test_after_a_transfer_no_crew_of_the_old_agency_is_armed(rig: Rig) -> None:
    rig.choose("A")
    near = Advice("07", "SDA-07", 60, 100, (), False, 0, 0)
    rig.situation.set_recommendations(Recommendations(1001, units=(near,)))
    assert rig.situation.current.advice
    details = rig.details(1001, "A")
    passed_on = replace(details.shown, agency="roads", status=Status.COORDINATION)
    rig.situation.set_details(replace(details, shown=passed_on))
    assert not rig.situation.current.advice


def test_the_units_to_assign_are_listed_by_how_near_the_able_ones_are(rig: Rig) -> None:
    """The list began with BMG-01, which has no pump, and told no distance."""
    rig.choose("A")
    able = [Advice(unit, f"SDA-{unit}", 600, metres, ("pump",), stale=False, jobs=0, ahead=0)
            for unit, metres in (("11", 2600), ("07", 7000))]  # fmt: skip
    rig.situation.set_recommendations(Recommendations(1001, units=(able[0],), further=(able[1],)))
    assert rig.actions.run("assign")
    form = rig.form()
    assert isinstance(form, ChooseOne)
    rows = [form.view.model().index(row, 0).data(Qt.ItemDataRole.DisplayRole) for row in range(2)]
    assert rows == ["SDA-11, 10 min · 2.6 km · Available", "SDA-07, 10 min · 7.0 km · Available"]


def test_a_merge_that_makes_the_other_p1_is_one_step_with_one_undo(rig: Rig) -> None:
    """Undone, the reports were parted, and the one that had stayed was a P1 that nobody meant."""
    rig.choose("A")
    kept, goes = rig.details(1003, "C"), rig.details(1001, "A")
    raised = rig.edit_commands.set_fields(kept, {"priority": 1}, "Priority 1")
    rig.edit_commands.merge(goes, "C", NOW, raised)
    for made in rig.saved(2):
        rig.outbox.on_outcome(Outcome(made.id, EditState.ACCEPTED))
    assert rig.actions.run("undo")
    assert [(one.kind, one.undoes) for one in rig.saved(4)[2:]] == [
        (Kind.UNMERGE, rig.saved(4)[1].id),
        (Kind.SET, raised),
    ]
    assert rig.undo_stack.newest is None


@pytest.mark.parametrize("state", [AssignmentState.ON_SCENE, AssignmentState.DONE])
def test_a_dispatch_whose_crew_is_there_or_done_is_not_said_to_be_undone(rig: Rig, state: AssignmentState) -> None:
    """The foot said "Undone", a recall went out, was refused, and a false red strip stood before a new P1."""
    rig.choose("A")
    rig.edit_commands.note(rig.details(1001, "A"), "before it")
    sent = rig.edit_commands.dispatch(rig.details(1002, "B"), "07", "SDA-07", stack=False)
    for made in rig.saved(2):
        rig.outbox.on_outcome(Outcome(made.id, EditState.ACCEPTED))
    rig.window_state.set_view(make_view(BoardSnapshot.build(naive.columns([])), Filter(), int(NOW.timestamp()), 1))
    job = Assignment("j1", "B", "07", AssignmentState.EN_ROUTE, NOW, "rina", NOW, edit=sent)

    def read(*jobs: Assignment) -> None:
        city = replace(rig.window_state.catalog("city"), assignments=jobs)
        rig.window_state.set_cities(Cities({"city": city}, rig.window_state.cities.words))

    read(job)
    rig.outbox.on_outcome(Outcome(sent, EditState.SENT))
    assert rig.situation.current.undo == "Dispatch SDA-07"
    read(*[replace(job, state=state)] * (state is AssignmentState.ON_SCENE))
    assert not rig.situation.current.undo, "it is not offered any more"
    assert not rig.actions.run("undo")
    end = "SDA-07 is “on scene” on B by now" if state is AssignmentState.ON_SCENE else "SDA-07 is on B no more"
    assert rig.said[-1] == f"Nothing was undone: {end}"
    assert not [one for one in rig.outbox.open_edits if one.edit.undoes]
    assert [step.kind for step in rig.undo_stack.remembered] == [Kind.NOTE], "the next stroke means the step before"


def test_the_key_of_a_hold_that_is_over_holds_the_report_anew(rig: Rig) -> None:
    """It would end what has ended."""
    rig.choose("A")
    details = rig.details(1001, "A")
    rain = Hold("rain", WaitsFor.WEATHER, NOW)
    rig.situation.set_details(replace(details, shown=replace(details.shown, hold=rain)))
    told: list[bool] = []
    rig.situation.changed.connect(lambda now: told.append(now.on_hold))
    for now in (NOW - timedelta(seconds=1), NOW):
        rig.window_state.set_view(make_view(BoardSnapshot.build(naive.columns([])), Filter(), int(now.timestamp()), 1))
    assert told[-2:] == [True, False]
    assert rig.actions.run("hold")
    assert isinstance(rig.form(), HoldForm)
