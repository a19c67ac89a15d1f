"""What is known of a source's health, and that telling it holds nobody up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from api_client.errors import Unreachable
from api_client.transport import HttpAnswer
from console.rules.messages import SourceState
from console.sync.health import UNANSWERED_S, Health


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(
    "become_live",
    [lambda health: health.complete(), lambda health: health.writes_taken()],
    ids=["complete", "writes taken"],
)
def test_who_hears_that_a_source_is_live_may_wait_for_others(become_live: Callable[[Health], None]) -> None:
    """I4. Sending asks for the server's time under its own lock, which the listener waits for: a deadlock once."""
    said: list[SourceState] = []
    health = Health("jkt", said.append, now)
    if "taken" in become_live.__code__.co_names[0]:
        health.writes_refused("Sign in again.")
    asked: list[bool] = []

    def listener() -> None:
        other = threading.Thread(target=health.server_now, daemon=True)
        other.start()
        other.join(5)
        asked.append(not other.is_alive())

    health.on_live.append(listener)
    become_live(health)
    assert asked == [True]
    assert said[-1].state == "live"


def test_reading_on_does_not_hide_that_writing_is_refused() -> None:
    said: list[SourceState] = []
    health = Health("jkt", said.append, now)
    health.complete()
    health.writes_refused("Sign in again.")
    health.complete()
    assert (said[-1].state, said[-1].problem) == ("refused", "Sign in again.")
    health.failed(Unreachable("Gone."), 1.0)
    health.complete()
    assert said[-1].state == "refused"
    health.writes_taken()
    assert said[-1].state == "live"


def test_that_changes_are_put_off_is_said_when_it_lasts_and_only_of_a_server_that_is_read() -> None:
    said: list[SourceState] = []
    at = [now()]
    health = Health("jkt", said.append, lambda: at[0])
    health.complete(detail="1 object could not be understood.")

    def told() -> tuple[str, str, str]:
        return said[-1].state, said[-1].put_off, said[-1].detail

    detail = "1 object could not be understood."
    health.writes_put_off("The disk is full.")
    health.writes_taken()
    at[0] += timedelta(seconds=5)
    began = at[0]
    health.writes_put_off("The disk is full.")
    assert told() == ("live", "", detail), "a moment is nothing to tell of"
    at[0] += timedelta(seconds=2)
    health.writes_put_off("The disk is full.")
    assert told() == ("live", "The disk is full.", detail)
    assert said[-1].put_off_since == began
    health.complete(detail=detail)
    assert told() == ("live", "The disk is full.", detail)
    health.failed(Unreachable("Gone."), 1.0)
    health.writes_put_off("The disk is full.")
    assert told()[:2] == ("offline", "")
    health.complete(detail=detail)
    assert told() == ("live", "The disk is full.", detail)
    health.none_put_off()
    assert told() == ("live", "", detail)
    assert said[-1].put_off_since is None


def test_a_question_without_an_answer_is_said_of_a_live_server_until_the_answer_comes() -> None:
    """A frozen server was called "Server 6 ms", in green, for 45 seconds."""
    said: list[SourceState] = []
    at = [now()]
    health = Health("jkt", said.append, lambda: at[0])
    health.unanswered(9.0)
    assert said == [], "what is not live says so itself"
    health.complete()
    health.unanswered(UNANSWERED_S - 0.1)
    assert said[-1].unanswered_since is None
    health.unanswered(7.0)
    began = at[0] - timedelta(seconds=7)
    assert (said[-1].state, said[-1].unanswered_since) == ("live", began)
    at[0] += timedelta(seconds=2)
    told = len(said)
    health.unanswered(9.0)
    assert len(said) == told, "since when is known"
    health.complete()
    assert said[-1].unanswered_since == began, "a stream that goes on answers no question"
    health.unanswered(0.0)
    assert said[-1].unanswered_since is None


def test_a_servers_clock_that_was_set_is_told_until_it_is_set_back_and_ones_own_is_not() -> None:
    said: list[SourceState] = []
    at, steady, ahead = [now()], [0.0], [0.0]
    health = Health("jkt", said.append, lambda: at[0], steady_s=lambda: steady[0])

    def answer(after: float = 5.0) -> tuple[int, datetime | None]:
        at[0] += timedelta(seconds=after)
        steady[0] += after
        health.measured(HttpAnswer(200, {}, b"", clock_bounds_s=(ahead[0] - 0.5, ahead[0] + 0.5)))
        health.complete()
        return said[-1].clock_set_s, said[-1].clock_set_at

    ahead[0] = 900.0
    assert answer() == (0, None), "what it is at first nobody has set"
    ahead[0] += 20.0
    assert answer() == (0, None), "a clock that is kept right moves so"
    ahead[0] += 3 * 3600.0
    assert answer() == (3 * 3600, at[0])
    when = at[0]
    assert answer() == (3 * 3600, when)
    ahead[0] -= 3 * 3600.0
    assert answer() == (0, None)
    at[0] += timedelta(hours=2)  # this computer's
    ahead[0] -= 2 * 3600.0
    assert answer() == (0, None)
