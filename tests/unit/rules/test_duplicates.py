"""Which of two reports about the same thing stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api_client.model import Report, Status
from console.rules.duplicates import is_main

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def report(age_min: int, status: Status = Status.NEW, version: int = 1) -> Report:
    made = NOW - timedelta(minutes=age_min)
    return Report("1", version, status, "flood", 2, "", made, made)


@pytest.mark.parametrize(
    ("main", "other", "worked"),
    [
        (report(12), report(2), {}),
        (report(2, Status.COORDINATION), report(12), {}),
        (report(2), report(12, version=0), {}),
        (report(2), report(12, Status.RESOLVED), {}),
        (report(2, Status.ASSIGNED), report(12, Status.PROGRESS), {"one_is_worked_on": True}),
    ],
    ids=["older", "further on", "known to the server", "open", "a crew works on it"],
)
def test_what_stays_is_what_would_be_lost(main: Report, other: Report, worked: dict[str, Any]) -> None:
    crews = {"one_is_worked_on": False, "other_is_worked_on": False} | worked
    assert is_main(main, other, **crews)
    turned = {"one_is_worked_on": crews["other_is_worked_on"], "other_is_worked_on": crews["one_is_worked_on"]}
    assert not is_main(other, main, **turned)
