"""When an action may be used, as the situation is."""

from __future__ import annotations

import pytest

from api_client.model import AssignmentState, Status
from console.panels.action_rules import Situation, hazard, recall
from tests.unit.panels.conftest import Rig


@pytest.mark.parametrize("state", list(AssignmentState))
def test_a_crew_is_called_back_while_it_has_work_here(state: AssignmentState) -> None:
    """Of one that is done Shift+R sent a recall, which the server refused in a notice."""
    now = Situation(report=True, status=Status.PROGRESS, lead_unit="11", lead_state=state.value)
    why = "The unit is done with this report" if state is AssignmentState.DONE else ""
    assert recall(now) == why
    assert recall(Situation(report=True, status=Status.PROGRESS)) == "No unit is on this report"


def test_that_no_p1_waits_is_said_once_all_reports_are_here(rig: Rig) -> None:
    """F8 on a first start without the server said "No P1 waits for a crew", of reports that nobody had read."""
    assert hazard(rig.situation.current).startswith("Not loaded yet: whether a P1 waits for a crew")
    assert hazard(Situation(all_read=True)) == "No P1 waits for a crew"
    assert hazard(Situation(hazard=True, all_read=False)) == "", "to one that is here already it goes"
