"""What is known of ways is there at once; what is not is asked for once, and told when it differs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Unit, UnitState
from console.city_map.messages import Answer, LatLon, Question, Times, TimesFound, Travel
from console.panels.travel_times import TravelTimes

GOAL: LatLon = (-6.2, 106.8)
T0 = datetime(2026, 11, 30, tzinfo=UTC)


class Map:
    """Keeps what is asked, and answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Times, Callable[[Answer | None], object]]] = []
        self.now_s = 0.0
        self.hour = 17
        self.travel_times = TravelTimes(self._ask, steady_s=lambda: self.now_s, hour=lambda: self.hour)
        self.told = 0
        self.travel_times.changed.connect(self._count)

    def _count(self) -> None:
        self.told += 1

    def _ask(self, purpose: str, question: Question, then: Callable[[Answer | None], object]) -> None:
        assert isinstance(question, Times)
        self.asked.append((purpose, question, then))

    def answer(self, number: int = -1, *, seconds: float = 600.0) -> None:
        _, question, then = self.asked[number]
        then(TimesFound({unit: Travel(seconds, 2000) for unit in question.units}))

    def fail(self) -> None:
        self.asked[-1][2](None)


@pytest.fixture
def map_(qtbot: QtBot) -> Map:
    return Map()


def unit(code: str, lat: float | None = -6.21) -> Unit:
    return Unit(code, code, UnitState.AVAILABLE, T0, lat=lat, lon=106.8)


def test_a_question_is_asked_once_and_its_answer_told_once(map_: Map) -> None:
    units = [unit("A"), unit("nowhere", None)]
    for _ in range(3):
        assert map_.travel_times.to("city", GOAL, units) == {}
    assert [one.units for _, one, _ in map_.asked] == [{"A": (-6.21, 106.8)}]
    map_.answer()
    assert map_.travel_times.to("city", GOAL, units) == {"A": Travel(600, 2000)}
    assert (map_.told, len(map_.asked)) == (1, 1)


def test_a_unit_that_moves_keeps_its_time_until_the_next_one_is_there(map_: Map) -> None:
    map_.travel_times.to("city", GOAL, [unit("A")])
    map_.answer()
    assert map_.travel_times.to("city", GOAL, [unit("A", -6.22)])["A"].seconds == 600
    map_.answer(seconds=615)  # the same minute: nothing is drawn again
    assert map_.told == 1
    assert map_.travel_times.to("city", GOAL, [unit("A", -6.22)])["A"].seconds == 615
    map_.travel_times.to("city", GOAL, [unit("A", -6.23)])
    map_.answer(seconds=700)
    assert map_.told == 2


def test_another_report_or_city_begins_with_nothing_and_old_answers_are_not_its_own(map_: Map) -> None:
    map_.travel_times.to("city", GOAL, [unit("A")])
    map_.answer()
    for source, place in (("city", (-6.3, 106.8)), ("other", (-6.3, 106.8))):
        assert map_.travel_times.to(source, place, [unit("A")]) == {}
    map_.answer(-2, seconds=60)  # to the report before
    assert map_.travel_times.to("other", (-6.3, 106.8), [unit("A")]) == {}
    assert map_.told == 1


def test_when_nobody_answers_nothing_is_known_and_it_is_asked_again(map_: Map) -> None:
    map_.travel_times.to("city", GOAL, [unit("A")])
    map_.answer()
    assert map_.travel_times.answers
    map_.travel_times.to("city", GOAL, [unit("A", -6.22)])
    map_.fail()
    assert map_.told == 2
    assert not map_.travel_times.answers
    assert map_.travel_times.to("city", GOAL, [unit("A", -6.22)]) == {}
    assert len(map_.asked) == 3
    map_.answer()
    assert map_.travel_times.to("city", GOAL, [unit("A", -6.22)]) != {}


def test_units_on_their_way_are_asked_about_in_turn_one_a_second(map_: Map) -> None:
    def look(at: float) -> list[float | None]:
        ways = [map_.travel_times.on_the_way(key, (at, 106.8), GOAL) for key in ("A", "B")]
        return [None if way is None else way.seconds for way in ways]

    assert look(-6.3) == [None, None]
    look(-6.3)
    assert [list(one.units) for _, one, _ in map_.asked] == [["A"]]
    map_.answer(seconds=300)
    assert look(-6.3) == [300, None]
    assert len(map_.asked) == 1
    map_.now_s = 1.0
    look(-6.3)
    map_.answer(seconds=400)
    map_.now_s = 2.0
    assert look(-6.3) == [300, 400]
    assert len(map_.asked) == 2  # nobody has moved
    for seconds in (3.0, 4.0, 5.0):
        map_.now_s = seconds
        assert look(-6.3 - seconds / 100)[0] is not None
        map_.answer(seconds=200)
    assert [list(one.units) for _, one, _ in map_.asked] == [["A"], ["B"], ["A"], ["B"], ["A"]]
    map_.now_s = 6.0
    look(-6.5)
    map_.fail()
    assert look(-6.5) == [None, None]


def test_a_unit_with_another_goal_begins_with_nothing(map_: Map) -> None:
    assert map_.travel_times.on_the_way("A", (-6.3, 106.8), GOAL) is None
    map_.answer()
    assert map_.travel_times.on_the_way("A", (-6.3, 106.8), GOAL) is not None
    assert map_.travel_times.on_the_way("A", (-6.3, 106.8), (-6.4, 106.8)) is None


def test_when_other_streets_are_closed_all_is_asked_again_and_stands_until_then(map_: Map) -> None:
    units = [unit("A")]
    map_.travel_times.to("city", GOAL, units)
    map_.answer()
    map_.travel_times.to("city", GOAL, [unit("A", -6.22)])  # under way, with the streets of before
    map_.travel_times.ask_again()
    map_.answer(1, seconds=60)  # before anything was asked anew
    assert map_.travel_times.to("city", GOAL, [unit("A", -6.22)])["A"].seconds == 600, "not of before"
    assert not map_.travel_times.are_of_now
    assert len(map_.asked) == 3
    map_.answer(2, seconds=900)
    assert map_.travel_times.to("city", GOAL, [unit("A", -6.22)])["A"].seconds == 900
    assert map_.travel_times.are_of_now
    map_.travel_times.ask_again()
    map_.travel_times.to("city", GOAL, [unit("A", -6.22)])
    told = map_.told
    map_.answer(seconds=900)
    assert map_.told == told + 1, "the same times, of now"
    map_.travel_times.ask_again(streets_changed=False)
    assert map_.travel_times.are_of_now, "another hour closes no street"


def test_ways_of_units_are_asked_again_one_after_the_other(map_: Map) -> None:
    start: LatLon = (-6.21, 106.8)

    def look() -> Travel | None:
        map_.now_s += 1
        return map_.travel_times.on_the_way("A", start, GOAL)

    assert look() is None
    map_.answer()
    assert look() == Travel(600, 2000)
    map_.travel_times.ask_again()
    assert look() == Travel(600, 2000)
    assert len(map_.asked) == 2
    map_.travel_times.ask_again()  # while it is under way: its answer is of before
    map_.answer(seconds=700)
    look()
    assert len(map_.asked) == 3
    map_.answer(seconds=800)
    assert look() == Travel(800, 2000)
    look()
    assert len(map_.asked) == 3


def test_times_are_those_of_the_hour_by_the_citys_clock_and_say_so(map_: Map) -> None:
    travel_times, units = map_.travel_times, [unit("A")]
    travel_times.to("city", GOAL, units)
    travel_times.on_the_way("A", (-6.21, 106.8), GOAL)
    assert [question.hour for _, question, _ in map_.asked] == [17, 17]
    _, _, then = map_.asked[0]
    then(TimesFound({"A": Travel(600, 2000)}, 17))
    assert (travel_times.speeds_hour, map_.told) == (17, 1)
    map_.hour = 18
    travel_times.ask_again()
    travel_times.to("city", GOAL, units)
    _, question, then = map_.asked[-1]
    assert question.hour == 18
    assert travel_times.speeds_hour == 17, "until it is answered"
    then(TimesFound({"A": Travel(600, 2000)}, 18))
    assert (travel_times.speeds_hour, map_.told) == (18, 2), "the same minutes, of another hour"
    travel_times.ask_again()
    travel_times.to("city", GOAL, units)
    map_.fail()
    assert travel_times.speeds_hour is None
