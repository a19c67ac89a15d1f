"""The way that the map draws: the straight line until it is known, and again when it is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pytestqt.qtbot import QtBot

from console.city_map.messages import Answer, LatLon, Leg, Question, Route, RouteFound, Travel
from console.panels.map.street_way import _MOST_POINTS, StreetWay, points_of

A, B, GOAL, OTHER = (-6.2, 106.8), (-6.21, 106.8), (-6.3, 106.9), (-6.4, 106.9)
POINTS: list[LatLon] = [(-6.2, 106.81), (-6.3, 106.81)]


def packed(points: list[LatLon]) -> bytes:
    return np.round(np.array(points) * 1e7).astype("<i4").tobytes()


class Asked:
    """Keeps the questions, and counts what was told."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Question, Callable[[Answer | None], object]]] = []
        self.way = StreetWay(lambda _, question, then: self.waiting.append((question, then)))
        self.told = 0
        self.way.changed.connect(self._count)

    def _count(self) -> None:
        self.told += 1

    def answer(self, number: int = -1, points: list[LatLon] = POINTS) -> None:
        self.waiting[number][1](RouteFound(Leg(Travel(600, 9000), packed(points), ())))


def test_the_straight_line_stands_until_the_way_is_known(qtbot: QtBot) -> None:
    asked = Asked()
    assert asked.way.line(A, GOAL) == [A, GOAL]
    assert asked.way.line(A, GOAL) == [A, GOAL]
    assert [question for question, _ in asked.waiting] == [Route(A, GOAL)]
    assert asked.way.seconds(GOAL) is None
    asked.answer()
    assert asked.told == 1
    assert asked.way.line(A, GOAL) == [A, *POINTS, GOAL]
    assert asked.way.seconds(GOAL) == 600
    assert asked.way.line(B, GOAL) == [B, *POINTS, GOAL], "the crew moves on along it"
    asked.answer()
    assert asked.told == 1, "the same way"


def test_another_report_has_another_way_and_old_answers_are_not_its_own(qtbot: QtBot) -> None:
    asked = Asked()
    asked.way.line(A, GOAL)
    assert asked.way.line(A, OTHER) == [A, OTHER]
    asked.answer(0)
    assert asked.way.line(A, OTHER) == [A, OTHER]
    assert asked.way.seconds(GOAL) is None
    assert asked.told == 0


def test_without_an_answer_the_straight_line_is_drawn_and_it_is_asked_again(qtbot: QtBot) -> None:
    asked = Asked()
    asked.way.line(A, GOAL)
    asked.answer()
    asked.way.line(B, GOAL)
    asked.waiting[-1][1](None)
    assert asked.told == 2
    assert asked.way.seconds(GOAL) is None
    assert asked.way.line(B, GOAL) == [B, GOAL]
    assert len(asked.waiting) == 3
    asked.waiting[-1][1](RouteFound(None))  # there is no way: that is an answer
    asked.way.line(B, GOAL)
    assert len(asked.waiting) == 3


def test_of_a_long_way_fewer_points_are_drawn_its_ends_among_them() -> None:
    points: list[LatLon] = [(-6.2 - at * 1e-4, 106.8) for at in range(3000)]
    drawn = points_of(packed(points))
    assert len(drawn) <= _MOST_POINTS + 1
    assert np.allclose(drawn[0], points[0])
    assert np.allclose(drawn[-1], points[-1])
    assert np.allclose(points_of(packed(points[:7])), points[:7])


def test_when_other_streets_are_closed_the_way_is_asked_again(qtbot: QtBot) -> None:
    asked = Asked()
    asked.way.line(A, GOAL)
    asked.way.ask_again()  # while the way of before is under way
    asked.way.line(A, GOAL)
    assert len(asked.waiting) == 2
    asked.answer(0)
    assert asked.way.line(A, GOAL) == [A, GOAL], "not of before"
    asked.answer(1)
    assert asked.way.line(A, GOAL) == [A, *POINTS, GOAL]


def test_the_way_says_of_which_hour_the_speeds_are(qtbot: QtBot) -> None:
    asked, hours = Asked(), [17]
    way = StreetWay(lambda _, question, then: asked.waiting.append((question, then)), hour=lambda: hours[-1])
    way.changed.connect(asked._count)
    way.line(A, GOAL)
    assert asked.waiting[0][0] == Route(A, GOAL, 17)
    leg = Leg(Travel(600, 9000), packed(POINTS), ())
    asked.waiting[0][1](RouteFound(leg, 17))
    assert (way.speeds_hour, asked.told) == (17, 1)
    hours.append(18)
    way.ask_again()
    way.line(A, GOAL)
    assert asked.waiting[1][0] == Route(A, GOAL, 18)
    asked.waiting[1][1](RouteFound(leg, 18))
    assert (way.speeds_hour, asked.told) == (18, 2), "the same line, of another hour"
    way.line(A, OTHER)
    assert way.speeds_hour is None
    asked.waiting[2][1](RouteFound(None, 18))
    assert way.speeds_hour is None, "a straight line has none"
