"""How long is waited after failures: spread, capped, and never less than a server asked for."""

from __future__ import annotations

import random

import pytest

from console.rules.backoff import CAP_S, Backoff


def test_back_off_is_spread_capped_and_obeys_retry_after() -> None:
    backoff = Backoff(random.Random(7))
    waits = [backoff.next_s() for _ in range(200)]
    assert waits[0] <= 0.5
    assert max(waits) <= CAP_S
    assert len({round(wait, 3) for wait in waits[20:]}) > 150
    assert 30 <= backoff.next_s(30.0) <= 31
    backoff.reset()
    assert backoff.next_s() <= 0.5


@pytest.mark.parametrize("seed", range(20))
def test_a_link_that_was_away_for_a_minute_is_tried_within_ten_seconds_of_its_return(seed: int) -> None:
    """It was well again, and the console said offline for up to a minute more: its P1s came as much later."""
    backoff, now = Backoff(random.Random(seed)), 0.0
    while now < 60.0:
        wait = backoff.next_s()
        now += wait
    assert wait <= 10.0
    while now < 900.0:
        now += backoff.next_s()
    assert max(backoff.next_s() for _ in range(50)) > 30.0, "a server that is away for long is left in peace"
