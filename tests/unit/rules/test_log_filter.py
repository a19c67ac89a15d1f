"""What is typed as a time of a day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.rules.log_filter import hours_of

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("12:00-14:30", "1 12:00", "1 14:30"),
        ("8-10", "1 08:00", "1 10:00"),
        (" 8.15 – 24 ", "1 08:15", "2 00:00"),
        ("22-6", "1 22:00", "2 06:00"),
    ],
)
def test_hours_of_a_day(text: str, since: str, until: str) -> None:
    found = hours_of(text, DAY)
    assert found is not None
    assert tuple(f"{at.day} {at:%H:%M}" for at in found) == (since, until)


@pytest.mark.parametrize("text", ["", "12:00", "25-26", "8:75-9", "931180-12", "a-b", "-3-4", "12-14-16"])
def test_what_is_no_time(text: str) -> None:
    assert hours_of(text, DAY) is None
