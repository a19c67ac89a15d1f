"""Which verbs the report panel offers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from api_client.model import Status
from console.panels.action_rules import POINTING, Situation
from console.panels.report.offered_actions import NEXT_OF_UNIT, next_steps
from console.window.actions import ACTIONS


def offered(now: Situation) -> list[str]:
    return [button.text for button in next_steps(now, "SDA-07", "", str, ACTIONS)]


def test_what_was_merged_can_be_parted_by_its_first_verb() -> None:
    """Its notes and photos go back with it, which reopening it does not say."""
    closed = Situation(report=True, status=Status.CLOSED, me="rina")
    assert offered(closed) == ["Reopen"]
    assert offered(Situation(report=True, status=Status.CLOSED, me="rina", merged=True))[0] == "Undo the merge"


def test_who_presses_h_on_a_held_report_ends_the_hold() -> None:
    held = Situation(report=True, status=Status.NEW, me="rina", holder="rina", on_hold=True)
    assert "End the hold" in offered(held)
    assert "Hold" not in offered(held)


def test_enter_sends_no_unit_that_nobody_knows_to_be_near() -> None:
    new = Situation(report=True, status=Status.NEW, me="rina", advice=True, has_place=True)
    assert next_steps(new, "SDA-07", "", str, ACTIONS)[0].filled
    steps = next_steps(new, "SDA-07", "", str, ACTIONS, by_distance=False)
    assert "Dispatch SDA-07" in [step.text for step in steps]
    assert not any(step.filled for step in steps)
    nowhere = next_steps(Situation(report=True, status=Status.NEW, me="rina"), "", "", str, ACTIONS)
    assert [step.id for step in nowhere if step.filled] == ["place"]


def test_the_verb_says_when_the_unit_goes_elsewhere_first() -> None:
    """ "Dispatch SDA-07" was all that stood on the key, and the unit was on its way to another P1."""
    new = Situation(report=True, status=Status.NEW, me="rina", advice=True, has_place=True)
    assert next_steps(new, "SDA-07", "", str, ACTIONS, busy=True)[0].text == "Dispatch SDA-07 next"
    stuck = Situation(
        report=True, status=Status.ASSIGNED, me="rina", advice=True, has_place=True,
        lead_unit="11", lead_state="en_route", lead_stuck=True,
    )  # fmt: skip
    assert next_steps(stuck, "SDA-07", "SDA-11", str, ACTIONS, busy=True)[0].text == "Dispatch SDA-07 next"


def test_where_the_crew_cannot_go_on_another_is_what_enter_sends() -> None:
    """Its next step was the filled button, and the key of the commonest order said that a unit is there already."""
    stuck = Situation(
        report=True, status=Status.ASSIGNED, me="rina", holder="rina", advice=True, has_place=True,
        lead_unit="11", lead_state="en_route", lead_stuck=True,
    )  # fmt: skip
    first, second, *_ = next_steps(stuck, "SDA-07", "SDA-11", str, ACTIONS)
    assert (first.text, first.filled, first.enabled) == ("Dispatch SDA-07", True, True)
    assert (second.text, second.filled, second.enabled) == ("Recall SDA-11", False, True)
    assert next_steps(stuck, "", "SDA-11", str, ACTIONS)[0].text == "Assign"


@pytest.mark.parametrize("state", ["dispatched", "acknowledged", "en_route", "on_scene"])
def test_enter_reports_no_step_of_a_crew(state: str) -> None:
    """Enter once more after the order said that the crew is on its way, again that it is there, again that it is done:
    none of it can be undone, and a P1 left the counter of those without a crew.
    """
    now = Situation(
        report=True, status=Status.ASSIGNED, me="rina", holder="rina", advice=True, has_place=True,
        lead_unit="07", lead_state=state,
    )  # fmt: skip
    first, second, *others = next_steps(now, "SDA-11", "SDA-07", str, ACTIONS)
    assert (first.id, first.enabled) == (NEXT_OF_UNIT[state], True), "its own key does it"
    assert first.key_text
    assert second.id == "recommend"
    assert not any(step.filled for step in (first, second, *others))


def test_a_p1_whose_crew_is_done_without_a_proof_is_offered_another_one() -> None:
    """It was counted as without a crew, and led to by F8; no button offered one, and the key said that one is there."""
    done = Situation(
        report=True, status=Status.PROGRESS, me="rina", holder="rina", advice=True, has_place=True,
        lead_unit="07", lead_state="done", needs_proof=True, proof_is_old=True, crewless=True,
    )  # fmt: skip
    first, second, *_ = next_steps(done, "SDA-11", "SDA-07", str, ACTIONS)
    assert (first.id, first.text, first.filled, first.enabled) == ("dispatch", "Dispatch SDA-11", True, True)
    assert (second.id, second.text, second.filled) == ("photo", "New after photo", False)
    assert ACTIONS["submit"].why_not(done) == "Needs a new after photo: what was returned proves nothing more"
    with_proof = replace(done, needs_proof=False, proof_is_old=False)
    assert next_steps(with_proof, "SDA-11", "SDA-07", str, ACTIONS)[0].id == "submit"
    assert ACTIONS["dispatch"].why_not(with_proof) == ""
    just_sent = replace(done, lead_state="dispatched")
    assert ACTIONS["dispatch"].why_not(just_sent), (
        "it has not said yet that it comes: the key again sends no second one"
    )
    assert next_steps(just_sent, "SDA-11", "SDA-07", str, ACTIONS)[0].id == "en_route"
    routine = replace(done, crewless=False)
    assert [one.id for one in next_steps(routine, "SDA-11", "SDA-07", str, ACTIONS) if one.filled] == ["photo"]
    assert ACTIONS["dispatch"].why_not(routine)


def test_while_a_place_is_pointed_at_only_what_is_no_letter_works() -> None:
    now = Situation(
        report=True, me="rina", holder="rina", advice=True, has_place=True, pointing=True, radio_call="1", undo="Take",
        hazard=True, numbered=True,
    )  # fmt: skip
    works = {action.id for action in ACTIONS if action.keys and not action.why_not(now)}
    assert works >= {"radio_told", "next_hazard", "panel_queue", "palette", "help"}
    for action_id in ("dispatch", "note", "take", "told", "go_to", "next_report", "undo", "on_scene", "new_report"):
        assert action_id not in works
        assert ACTIONS[action_id].why_not(now) == POINTING


def test_the_verb_says_that_the_first_unit_leaves_its_work_for_this() -> None:
    new = Situation(report=True, status=Status.NEW, me="rina", advice=True, has_place=True)
    assert next_steps(new, "SDA-07", "", str, ACTIONS, busy=True, leaves=True)[0].text == "Divert SDA-07"
