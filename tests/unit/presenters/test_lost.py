"""Why something was lost, in the operator's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from console.domain.dependency import asked, freed
from console.domain.edit import EditState, Kind, Queued
from console.presenters.catalog import Catalog
from console.presenters.lost import why_lost
from tests.unit.store.making import T0, edit


@pytest.mark.parametrize("let_go", [asked, freed])
def test_an_order_that_was_held_back_is_not_said_to_be_too_old(let_go: Any) -> None:
    stopped = Queued(edit("e1", Kind.DISPATCH, data={"unit": "U1"}), EditState.STOPPED, changed_at=T0)
    said = why_lost(let_go(stopped), Catalog(), UTC, datetime.now(UTC), str)
    assert said == "it was held back with another edit, which is settled now"


def test_an_order_past_its_time_is_said_to_be() -> None:
    late = Queued(edit("e1", Kind.DISPATCH, data={"unit": "U1"}), EditState.EXPIRED, changed_at=T0)
    assert why_lost(late, Catalog(), UTC, datetime.now(UTC), str) == "its time was over before it could leave"
