"""What a role may not do is refused before it is an edit, by the rule that the server has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from api_client.model import Area, Kind, Publication, Status, Unit, UnitState
from console.panels.action import Action
from console.panels.action_rules import NEW_ONLY, Situation, why_not_allowed
from console.rules.edit import ON_NO_REPORT
from console.rules.rights import ROLES, Rights, in_scope, may_make, unit_in_scope
from console.window.actions import ACTIONS

MAKING = [action for action in ACTIONS if action.makes is not None]


def at_work(role: str, **more: object) -> Situation:
    """A report on which the operator could do almost everything."""
    everything = {
        "report": True,
        "me": "rina",
        "role": role,
        "status": Status.PROGRESS,
        "lead_unit": "U1",
        "unit": "U1",
        "unit_busy": True,
        "advice": True,
        "duplicate": True,
        "divert": "U2",
        "has_place": True,
        "closures": True,
        "alarms": True,
        "steps": True,
        "alarm_new": True,
        "publication": Publication.WAITING,
    }
    return Situation(**everything | more)  # type: ignore[arg-type]


def fitting(action: Action[Any]) -> dict[str, object]:
    """What lets the action be used by somebody who may."""
    needs: dict[str, dict[str, object]] = {
        "release": {"holder": "rina"},
        "offer": {"holder": "rina"},
        "decline": {"holder": "budi", "offered": True},
        "unmerge": {"merged": True},
        "validate": {"status": Status.VALIDATION},
        "reopen": {"status": Status.RESOLVED},
    }
    return needs.get(action.id, {})


@pytest.mark.parametrize("role", [*ROLES, "", "harbour_master"])
@pytest.mark.parametrize("action", MAKING, ids=lambda action: action.id)
def test_a_key_says_what_its_role_may_not_do(role: str, action: Action[Any]) -> None:
    assert action.makes is not None
    why = action.why_not(at_work(role, **fitting(action)))
    assert bool(why) == (role != "" and not may_make(role, action.makes)), why
    assert bool(why_not_allowed(role, action.makes)) == bool(why)


def test_every_kind_of_edit_has_an_action() -> None:
    """But for the mark that a message was read: being looked at makes that."""
    assert {action.makes for action in MAKING} == set(Kind) - {Kind.READ}


@pytest.mark.parametrize("action", MAKING, ids=lambda action: action.id)
def test_outside_of_ones_areas_only_what_is_on_no_report_goes_on(action: Action[Any]) -> None:
    why = action.why_not(at_work("operator", outside=True, **fitting(action)))
    assert bool(why) == (action.makes not in (Kind.CREATE, *ON_NO_REPORT))


@pytest.mark.parametrize("action", MAKING, ids=lambda action: action.id)
def test_no_word_is_given_for_a_unit_outside_of_ones_scope(action: Action[Any]) -> None:
    why = action.why_not(at_work("operator", unit_outside=True, **fitting(action)))
    assert why == ("The unit is outside your areas and agencies" if action.makes is Kind.UNIT_STATE else "")


@pytest.mark.parametrize("action", MAKING, ids=lambda action: action.id)
def test_of_a_city_that_takes_new_reports_only_nothing_else_is_offered(action: Action[Any]) -> None:
    """What was entered there anyhow came back as a loss, one notice after the other."""
    why = action.why_not(at_work("", new_only=True, **fitting(action)))
    # What is done about alarms is kept by the console then, and a line of the log goes to a server that takes one.
    stays_here = action.makes in (Kind.ALARM, Kind.LOG)
    assert why == ("" if stays_here or action.makes in (Kind.CREATE, Kind.UNIT_STATE) else NEW_ONLY)


def test_a_unit_of_another_city_goes_on_while_such_a_report_is_chosen() -> None:
    step = next(action for action in MAKING if action.of_unit)
    assert step.why_not(at_work("", new_only=True, other_unit=True)) == ""


def test_a_unit_is_its_agencys_and_its_areas() -> None:
    areas = {"31.74": Area("31.74", "South", 2), "31.74.01": Area("31.74.01", "Tebet", 3, parent="31.74")}
    some = Rights("operator", ("31.74",), ("dbm",))

    def inside(rights: Rights, **more: Any) -> bool:
        unit = Unit("u", "U", UnitState.AVAILABLE, datetime(2026, 3, 1, tzinfo=UTC), **more)
        return unit_in_scope(rights.areas, rights.agencies, unit, areas.get)

    assert inside(Rights("operator"), agency="sda")
    assert inside(some, agency="dbm")
    assert inside(some, agency="sda", areas=("31.71", "31.74.01"))
    assert not inside(some, agency="sda", areas=("31.71",))
    assert not inside(some)


@pytest.mark.parametrize(
    ("action", "role", "words"),
    [
        ("take", "operator", "he or a supervisor can release it"),
        ("take", "supervisor", "release it first, then take it"),
        ("release", "operator", "he or a supervisor can release it"),
        ("release", "supervisor", ""),
        ("release", "", ""),
    ],
)
def test_what_another_has_taken_says_the_way_out(action: str, role: str, words: str) -> None:
    now = at_work(role, holder="budi")
    why = next(one for one in ACTIONS if one.id == action).why_not(now)
    assert why.endswith(words)
    assert bool(why) == bool(words)


def test_a_scope_is_areas_or_agencies_with_what_lies_in_them() -> None:
    everywhere, some = Rights("operator"), Rights("operator", ("31.74",), ("dbm",))

    def inside(rights: Rights, agency: str | None, *upwards: str) -> bool:
        return in_scope(rights.areas, rights.agencies, agency=agency, area_upwards=upwards)

    assert inside(everywhere, None)
    assert inside(some, None, "31.74.01", "31.74")
    assert inside(some, "dbm", "31.71")
    assert not inside(some, "sda", "31.71", "31")
    assert not inside(some, None)
