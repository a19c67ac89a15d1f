"""Which P1 without a crew call the operator, and what of them is told outside the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from console.board.snapshot import BoardSnapshot
from console.panels.notifications.attention import Call
from console.panels.notifications.hazard_calls import HazardCalls
from console.rules.loaded import Loaded
from console.sound.tones import Tone
from tests.unit.board import naive
from tests.unit.board.naive import ALSO_ME, ME, R
from tests.unit.board.test_view import view_of
from tests.unit.panels.notifications.test_hazards import Follower


class Caller:
    """The calls that are made of the Views that a test makes."""

    def __init__(self, profile: Path) -> None:
        self.follower = Follower(profile)
        self.calls: list[tuple[Call, ...] | None] = []
        self._hazard_calls = HazardCalls(self.follower.window_state, self.follower.hazards)
        self._hazard_calls.changed.connect(self.calls.append)

    def see(self, *city: R) -> dict[int, bool]:
        """Row -> whether it calls, after this View."""
        self.follower.see(*city)
        return self.now()

    def now(self) -> dict[int, bool]:
        last = self.calls[-1]
        assert last is not None
        assert all(one.tone is Tone.P1 for one in last)
        return {one.key: not one.acknowledged for one in last}  # type: ignore[misc]


@pytest.fixture
def caller(qtbot: QtBot, tmp_path: Path) -> Iterator[Caller]:
    caller = Caller(tmp_path)
    yield caller
    caller.follower.tasks.shutdown()
    caller.follower.outbox.close()
    QApplication.processEvents()
    caller.follower.reader.close()


def test_a_new_one_calls_until_it_is_seen_or_taken_and_again_when_it_is_left(caller: Caller) -> None:
    old, new = R(row=1, priority=1), R(row=2, priority=1)
    assert caller.see(old) == {1: False}, "it was there before"
    assert caller.see(old, new, R(row=3, priority=2)) == {1: False, 2: True}
    assert caller.see(old, R(row=2, priority=1, claim=1)) == {1: False}, "a colleague has it"
    assert caller.see(old, new) == {1: False, 2: True}, "and has left it"
    caller.follower.hazards.see(2)
    assert caller.now() == {1: False, 2: False}
    count = len(caller.calls)
    assert caller.see(old, new) == {1: False, 2: False}
    assert len(caller.calls) == count, "a View in which nothing of it has changed says nothing"


def test_ones_own_calls_when_its_crew_has_gone_and_a_colleagues_does_not(caller: Caller) -> None:
    def both(status: int) -> tuple[R, R]:
        of_city = {"priority": 1, "source": 2, "status": status}
        return R(row=2001, claim=ALSO_ME, **of_city), R(
            row=2002, claim=ME, **of_city
        )  # ME is a colleague's number there

    assert caller.see(*both(naive.VALIDATION)) == {}
    assert caller.see(*both(naive.PROGRESS)) == {2001: True}


def test_outside_the_window_service_and_place_are_told(caller: Caller) -> None:
    caller.see()
    caller.see(R(row=2, priority=1))
    calls = caller.calls[-1]
    assert calls is not None
    (told,) = caller.follower.hazards.unseen
    assert [one.text for one in calls] == [f"P1 without a crew: {told.what}"]


def test_before_all_reports_are_read_nothing_is_known(caller: Caller) -> None:
    caller.see(R(row=1, priority=1))
    part = view_of(
        BoardSnapshot.build(naive.columns([R(row=1, priority=1)])),
        caller.follower.window_state.filter,
        loaded=Loaded.PART,
    )
    caller.follower.window_state.set_view(part)
    assert caller.calls[-1] is None
