"""What a report's clocks say, and how loud."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api_client.model import Clock, ClockState
from console.panels.report.sla_text import clock_segments

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(("priority", "level"), [(1, 2), (2, 1), (3, 1), (4, 1)])
def test_late_is_red_for_hazards_only(priority: int, level: int) -> None:
    finish = Clock("finish", ClockState.BREACHED, NOW - 8 * DAY, 7 * 86400, due=NOW - DAY)
    (segment,) = clock_segments([finish], priority, NOW, str)
    assert (segment.words_right, segment.level, segment.late) == ("1 d 00 h over", level, True)


def test_what_is_at_risk_is_amber_for_all() -> None:
    finish = Clock("finish", ClockState.RUNNING, NOW - 6 * DAY, 7 * 86400, due=NOW + DAY)
    assert [clock_segments([finish], priority, NOW, str)[0].level for priority in (1, 4)] == [1, 1]
    assert not clock_segments([finish], 3, NOW, str)[0].late
