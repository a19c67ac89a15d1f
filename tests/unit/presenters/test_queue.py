"""What the queue's time column says has room there."""

from __future__ import annotations

import pytest

from console.presenters.queue import _rounded

HOUR, DAY = 3600.0, 86400.0


@pytest.mark.parametrize(
    ("seconds", "beside_check", "beside_over"),
    [
        (599, "9:59", "9:59"),
        (4 * HOUR + 180, "4 h 03", "4 h 03"),
        (-(11 * HOUR + 58 * 60), "11 h", "11 h 58"),
        (3 * DAY + 3 * HOUR, "3 d", "3 d 03 h"),
        (12 * DAY + 3 * HOUR, "12 d", "12 d"),
    ],
)
def test_a_time_is_rounded_where_it_would_be_cut(seconds: float, beside_check: str, beside_over: str) -> None:
    assert (_rounded(seconds, 6), _rounded(seconds, 8)) == (beside_check, beside_over)
