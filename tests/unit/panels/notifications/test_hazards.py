"""Which P1 without a crew the operator is told of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from api_client.model import Service
from console.board.snapshot import BoardSnapshot
from console.board.view import View
from console.cache.catalog import Catalog, Cities
from console.cache.reader import CacheReader
from console.panels.notifications.hazards import HazardNews, Hazards
from console.panels.qt_outbox import QtOutbox
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.tasks import Tasks
from console.window.actions import ACTIONS
from tests.unit.board import naive
from tests.unit.board.naive import ME, NOW, ZONE, R
from tests.unit.board.test_view import view_of
from tests.unit.cache.making import T0


class Follower:
    """Hazards that follow the Views that a test makes."""

    def __init__(self, profile: Path) -> None:
        self.tasks, self.window_state, self.reader = (
            Tasks("worker", 1),
            WindowState("rina", Filter(), ZONE, ACTIONS),
            CacheReader(profile),
        )
        self.outbox = QtOutbox(profile, lambda _: None, lambda: T0, lambda: "e")
        self.hazards = Hazards(self.window_state, self.tasks, lambda: self.reader, self.outbox.followed)

    def see(self, *city: R) -> list[tuple[int, bool]]:
        """The rows that are told after this View, and whether each was left by who had it."""
        view: View = view_of(BoardSnapshot.build(naive.columns(list(city))), Filter())
        self.window_state.set_view(view)
        return [(one.row, one.news is HazardNews.LEFT) for one in self.hazards.unseen]


@pytest.fixture
def follower(qtbot: QtBot, tmp_path: Path) -> Iterator[Follower]:
    follower = Follower(tmp_path)
    yield follower
    follower.tasks.shutdown()
    follower.outbox.close()
    QApplication.processEvents()
    follower.reader.close()


def test_a_hazard_that_somebody_leaves_is_told_to_the_others(follower: Follower) -> None:
    """Who signed out released a P1 that no crew was on, and nobody got a word of it."""
    others, mine, free = R(row=1, priority=1, claim=1), R(row=2, priority=1, claim=ME), R(row=3, priority=1)
    assert follower.see(others, mine, free) == [], "they were there before"
    left = [R(row=1, priority=1), R(row=2, priority=1), free]
    assert follower.see(*left) == [(1, True)], "what one released oneself is known"
    assert follower.see(*left) == [(1, True)], "until it is seen"
    (one,) = follower.hazards.unseen
    assert one.at is not None
    assert one.at.timestamp() == NOW, "when it was left, not when it was reported"
    follower.hazards.see(1)
    assert follower.see(*left) == []
    assert follower.see(*left, R(row=4, priority=1)) == [(4, False)]
    taken = R(row=4, priority=1, claim=1)
    assert follower.see(*left, taken) == [(4, False)]
    assert follower.see(*left, R(row=4, priority=1)) == [(4, False)], "it is told already"


def test_a_hazard_whose_alarm_is_read_before_the_view_that_shows_it_as_left_is_called_left(follower: Follower) -> None:
    """The alarm was found in a newer cache: "without a crew (any more)" stood there, of a report that never had one."""
    follower.see(R(row=1, priority=1, claim=1))
    follower.hazards.tell({1: (HazardNews.ALONE, T0)})
    assert follower.see(R(row=1, priority=1, claim=1)) == [(1, False)]
    assert follower.see(R(row=1, priority=1)) == [(1, True)]


def test_a_hazard_whose_crew_has_gone_is_not_called_new(follower: Follower) -> None:
    """The crew on scene could not go on: the report of this morning is no new one, and the time is that of now."""
    there = R(row=1001, priority=1, source=2, status=naive.PROGRESS, created=NOW - 9000)
    assert follower.see(there) == [], "a crew is there"
    assert follower.see(R(row=1001, priority=1, source=2, status=naive.VALIDATION)) == []
    gone = R(row=2001, priority=1, source=2, status=naive.PROGRESS, created=NOW - 9000)
    assert follower.see(there, gone) == [(2001, False)]
    (one,) = follower.hazards.unseen
    assert one.news is HazardNews.ALONE
    assert one.at is not None
    assert one.at.timestamp() == NOW


def test_a_hazard_that_is_told_is_called_what_it_is_by_now(follower: Follower) -> None:
    """Its category was corrected, and the strip went on with the old one."""
    (first, code), (second, other) = list(naive.CODES["service"].items())[:2]
    services = {code: Service(code, "Flood"), other: Service(other, "Fire")}
    follower.window_state.cities = Cities(
        {"city": Catalog(services=services)}, {**naive.WORDS, "source": {1: ("", "city")}}
    )
    assert follower.see() == []
    for number, what in ((first, "Flood, 31.02"), (second, "Fire, 31.02")):
        follower.see(R(row=5, priority=1, service=number))
        (one,) = follower.hazards.unseen
        assert one.what == what
