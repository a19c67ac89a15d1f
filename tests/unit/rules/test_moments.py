"""Times that others tell: with a zone, and none that no clock shows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.rules.moments import LATEST, known_moment

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (NOON, NOON),
        (NOON.replace(tzinfo=None), NOON),
        (LATEST, None),
        (datetime(9999, 12, 31, tzinfo=UTC), None),
        (datetime(1, 1, 1, tzinfo=UTC), None),
    ],
)
def test_a_time_is_known_with_its_zone_and_one_that_no_clock_shows_is_not(
    told: datetime, known: datetime | None
) -> None:
    assert known_moment(told) == known
