"""When an action may be used, as the situation is."""

from __future__ import annotations

import pytest

from api_client.model import AssignmentState, Status
from console.panels.action_rules import Situation, recall


@pytest.mark.parametrize("state", list(AssignmentState))
def test_a_crew_is_called_back_while_it_has_work_here(state: AssignmentState) -> None:
    """Of one that is done Shift+R sent a recall, which the server refused in a notice."""
    now = Situation(report=True, status=Status.PROGRESS, lead_unit="11", lead_state=state.value)
    why = "The unit is done with this report" if state is AssignmentState.DONE else ""
    assert recall(now) == why
    assert recall(Situation(report=True, status=Status.PROGRESS)) == "No unit is on this report"
