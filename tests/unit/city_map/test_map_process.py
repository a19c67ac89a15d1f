"""What the map process answers: times of all units by one search, addresses, places, closures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from console.city_map import map_process
from console.city_map.manifest import PLACES, STREETS
from console.city_map.map_folder import MapFolder, current_map, maps_of
from console.city_map.map_process import CityMap
from console.city_map.messages import (
    EXIT_NO_MAP,
    Address,
    AddressFound,
    Closed,
    ClosedShape,
    ClosuresTaken,
    Find,
    FromMap,
    LookAhead,
    LookedAhead,
    MapDamaged,
    MapOpened,
    Nearest,
    Order,
    OrderFound,
    PlacesFound,
    Question,
    Route,
    RouteFound,
    StretchAt,
    StretchFound,
    Times,
    TimesFound,
    Travel,
    UnitStop,
)
from console.city_map.router import Router
from console.city_map.speeds import SPEEDS
from console.pipe import Frames, pack
from tests.helpers.built_town import build_town
from tests.helpers.osm_town import crossing, grid_town, place


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A town with a lane without a name beside Jalan Melati II."""
    profile = tmp_path_factory.mktemp("profile")
    town = grid_town()
    town.road([crossing(1, 0), town.node(*place(1.2, 0.2)), town.node(*place(1.2, 0.8)), crossing(1, 1)])
    build_town(profile, town)
    return profile


@pytest.fixture
def city_map(profile: Path) -> CityMap:
    folder = current_map(profile)
    assert folder is not None
    return CityMap(folder)


def times(city_map: CityMap, question: Times) -> dict[str, Travel]:
    answer = city_map.answer(question)
    assert isinstance(answer, TimesFound)
    return dict(answer.travels)


def address(city_map: CityMap, lat: float, lon: float) -> Address | None:
    answer = city_map.answer(Nearest((lat, lon)))
    assert isinstance(answer, AddressFound)
    return answer.address


def run(profile: Path, *questions: Question) -> tuple[list[FromMap], int]:
    """What a process with this profile says to these questions, and how it ends."""
    child = subprocess.run(
        [sys.executable, "-m", "console", "map-process", str(profile)],
        input=b"".join(map(pack, questions)),
        stdout=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    return list(Frames(FromMap).feed(child.stdout)), child.returncode


def test_it_answers_in_order_and_ends_with_its_input(profile: Path) -> None:
    units = {"near": place(0, 1), "far": place(4, 4), "at sea": (-6.5, 106.8)}
    said, code = run(profile, Times(place(0, 0), units), Route(place(0, 0), place(0, 1)), Find("kenari 3"))
    opened, travels, route, found = said
    assert code == 0
    assert opened == MapOpened()
    assert isinstance(travels, TimesFound)
    assert set(travels.travels) == {"near", "far"}
    assert travels.travels["near"].metres == pytest.approx(221, abs=3)
    assert travels.travels["near"].seconds < travels.travels["far"].seconds
    assert isinstance(route, RouteFound)
    assert route.leg is not None
    assert route.leg.streets[0][0] == "Jalan Melati I"
    assert isinstance(found, PlacesFound)
    assert found.places[0].name == "Gang Kenari 3"


def test_without_a_map_or_with_a_damaged_one_it_says_so_and_ends(tmp_path: Path) -> None:
    assert run(tmp_path, Find("kenari")) == ([], EXIT_NO_MAP)
    folder = build_town(tmp_path)
    path = max((folder / STREETS).glob("*.npy"), key=lambda one: one.stat().st_size)
    path.write_bytes(path.read_bytes()[:100])
    (said,), code = run(tmp_path, Find("kenari"))
    assert isinstance(said, MapDamaged)
    assert code == EXIT_NO_MAP


def test_places_that_cannot_be_read_leave_the_streets(tmp_path: Path) -> None:
    path = build_town(tmp_path) / PLACES
    path.write_bytes(path.read_bytes()[:100] + bytes(path.stat().st_size - 100))
    (_, find, travels), _ = run(tmp_path, Find("kenari"), Times(place(0, 0), {"one": place(0, 1)}))
    assert isinstance(find, MapDamaged)
    assert isinstance(travels, TimesFound)
    assert "one" in travels.travels


def test_a_unit_that_moves_costs_no_other_search(city_map: CityMap, monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []
    search = Router.times_to
    monkeypatch.setattr(Router, "times_to", lambda self, goal: searches.append(goal) or search(self, goal))
    first = times(city_map, Times(place(0, 0), {"one": place(3, 0)}))
    second = times(city_map, Times(place(0, 0), {"one": place(2, 0), "two": place(0, 1)}))
    assert second["one"].seconds < first["one"].seconds
    assert searches == [place(0, 0)]
    for at in range(map_process._MOST_KEPT):
        times(city_map, Times(place(0, at / 10), {"one": place(3, 0)}))
    assert len(searches) == map_process._MOST_KEPT  # the first of them was still known
    times(city_map, Times(place(1, 1), {}))
    times(city_map, Times(place(0, 0), {}))
    assert len(searches) == map_process._MOST_KEPT + 2


def test_of_a_large_city_fewer_searches_are_kept(city_map: CityMap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_process, "_MOST_KEPT_BYTES", 1000)
    for at in range(5):
        times(city_map, Times(place(0, at / 10), {"one": place(3, 0)}))
    assert sum(one.cost.nbytes for one in city_map._kept.values()) <= 1000


def test_a_closed_area_is_avoided_also_by_what_was_found_before(city_map: CityMap) -> None:
    question = Times(place(0.3, 0), {"one": place(0.3, 2)})
    before = times(city_map, question)["one"]
    corners = [place(-0.1, 0.9), place(-0.1, 1.1), place(0.1, 1.1), place(0.1, 0.9)]
    assert city_map.answer(Closed((ClosedShape(tuple(corners)),))) == ClosuresTaken((3,))
    around = times(city_map, question)["one"]
    assert around.seconds > before.seconds
    assert around.closed == 0
    nothing = (ClosedShape(()), ClosedShape(tuple(corners[:2])), ClosedShape(tuple(corners[:1]), 12.0))
    assert city_map.answer(Closed(nothing)) == ClosuresTaken((0, 0, 0))
    assert times(city_map, question)["one"] == before


def test_many_closures_keep_no_question_waiting_and_are_closed_once(
    city_map: CityMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = tuple(ClosedShape((place(y - 0.1, 0.9), place(y - 0.1, 1.1), place(y + 0.1, 1))) for y in range(3))
    worked_out: list[ClosedShape] = []
    edges_of = CityMap._edges_of
    monkeypatch.setattr(CityMap, "_edges_of", lambda self, one: worked_out.append(one) or edges_of(self, one))
    monkeypatch.setattr(map_process, "_CLOSING_S", 0.0)
    found = [city_map.answer(Closed(shapes)) for _ in range(3)]
    assert [one.stretches.count(None) for one in found if isinstance(one, ClosuresTaken)] == [2, 1, 0]
    assert worked_out == list(shapes)
    question = Times(place(1, 0.3), {"one": place(1, 1.7)})
    assert times(city_map, question)["one"].closed == 2
    assert city_map.answer(Closed((shapes[2], shapes[0]))) != found[-1]
    assert len(worked_out) == 3, "what is still closed is not worked out again"
    assert times(city_map, question)["one"].closed == 0, "the one in the middle is open"


def test_a_ring_without_a_surface_and_one_with_a_spike_are_no_matter(city_map: CityMap) -> None:
    flat = ClosedShape((place(0.5, 0.5),) * 3)
    spike = [(-0.1, 0.4), (0.1, 0.4), (0.1, 0.6), (0.1, 3), (0.1, 0.6), (-0.1, 0.6)]
    assert city_map.answer(Closed((flat, ClosedShape(tuple(place(*one) for one in spike))))) == ClosuresTaken((0, 1))


def test_a_ring_that_crosses_itself_closes_what_it_covers(city_map: CityMap) -> None:
    bow = (place(-0.1, 0.4), place(0.1, 0.6), place(-0.1, 0.6), place(0.1, 0.4))
    assert city_map.answer(Closed((ClosedShape(bow),))) == ClosuresTaken((1,))


def test_the_stretch_that_a_place_is_on_can_be_closed_along_its_line(city_map: CityMap) -> None:
    found = city_map.answer(StretchAt(place(0.05, 0.5)))
    assert isinstance(found, StretchFound)
    assert found.street == "Jalan Melati I"
    line = tuple((lat / 1e7, lon / 1e7) for lat, lon in np.frombuffer(found.line, "<i4").reshape(-1, 2).tolist())
    assert city_map.answer(Closed((ClosedShape(line, 12.0), ClosedShape(line)))) == ClosuresTaken((1, 0))
    assert city_map.answer(StretchAt(place(300, 300))) == StretchFound()


def test_the_address_of_a_place_is_that_of_the_named_street_beside_a_lane(city_map: CityMap) -> None:
    found = address(city_map, *place(0.1, 0.42))
    assert found is not None
    assert (found.street, found.number) == ("Jalan Melati I", "4")
    beside = address(city_map, *place(1.19, 0.5))
    assert beside is not None
    assert beside.street == "Jalan Melati II"
    assert beside.distance_m == pytest.approx(42, abs=2)
    assert address(city_map, -6.5, 106.8) is None
    assert address(city_map, float("nan"), 106.8) is None


def test_the_speeds_of_the_hour_count_and_are_named(profile: Path, tmp_path: Path) -> None:
    folder, table = current_map(profile), tmp_path / SPEEDS
    assert folder is not None
    table.write_text("class,days,hours,kmh\ntertiary,weekdays,17-18,8\nlocal,weekdays,17-18,8\n")
    city_map = CityMap(folder, table)

    def ask(hour: int | None) -> tuple[float, int | None]:
        found = city_map.answer(Times(place(0, 0), {"one": place(0, 2)}, hour))
        way = city_map.answer(Route(place(0, 2), place(0, 0), hour))
        assert isinstance(found, TimesFound)
        assert isinstance(way, RouteFound)
        assert way.leg is not None
        assert way.leg.travel.seconds == pytest.approx(found.travels["one"].seconds, abs=0.5)
        assert way.hour == found.hour
        return found.travels["one"].seconds, found.hour

    usual, _ = ask(None)
    assert ask(16) == (usual, None)
    slow, hour = ask(17)
    assert hour == 17
    assert slow > 2 * usual
    assert ask(24 + 17) == (slow, 17), "Tuesday"
    assert ask(5 * 24 + 17) == (usual, None), "Saturday"
    for none in (-1, 168):
        assert ask(none) == (usual, None)


def test_what_was_looked_ahead_to_is_answered_at_once_and_not_when_it_is_no_longer_so(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, table = current_map(profile), tmp_path / SPEEDS
    assert folder is not None
    table.write_text("class,days,hours,kmh\ntertiary,daily,17-19,8\nlocal,daily,17-19,8\n")
    one, other = (Times(place(0, x), {"one": place(0, 2)}, 16) for x in (0, 1))
    closed = Closed((ClosedShape((place(-0.1, 0.9), place(-0.1, 1.1), place(0.1, 1.1), place(0.1, 0.9))),))

    def at_17(city_map: CityMap, question: Times) -> TimesFound:
        found = city_map.answer(msgspec.structs.replace(question, hour=17))
        assert isinstance(found, TimesFound)
        return found

    fresh, with_closure = CityMap(folder, table), CityMap(folder, table)
    with_closure.answer(closed)
    city_map = CityMap(folder, table)
    before = [times(city_map, question) for question in (one, other)]
    assert [city_map.answer(LookAhead(17)) for _ in range(3)] == [
        LookedAhead(False),
        LookedAhead(False),
        LookedAhead(True),
    ]
    assert [times(city_map, question) for question in (one, other)] == before, "it is not yet 17"
    searched: list[object] = []
    times_to = Router.times_to
    monkeypatch.setattr(Router, "times_to", lambda self, at: searched.append(at) or times_to(self, at))
    assert at_17(city_map, one) == at_17(fresh, one)
    assert at_17(city_map, one).hour == 17
    assert searched == [one.place], "only by the map that has not looked ahead"
    assert city_map.answer(closed) == ClosuresTaken((3,))
    assert at_17(city_map, other) == at_17(with_closure, other) != at_17(fresh, other)
    assert city_map.answer(LookAhead(18)) == LookedAhead(True), "it has the same speeds"


def test_a_table_that_is_changed_counts_from_the_next_question(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, table = current_map(profile), tmp_path / SPEEDS
    assert folder is not None
    city_map = CityMap(folder, table)

    def hour() -> int | None:
        found = city_map.answer(Times(place(0, 0), {"one": place(0, 2)}, 17))
        assert isinstance(found, TimesFound)
        return found.hour

    assert hour() is None
    table.write_text("class,days,hours,kmh\nlocal,,,8\n")
    assert hour() == 17
    table.write_text("class,days,hours,kmh\nlocal,,,quick\n")
    assert (hour(), hour()) == (None, None)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "speeds.csv, line 2: “quick” is no speed" in said[0]
    table.write_text("class,days,hours,kmh\nlocal,,,12\n")
    assert hour() == 17
    table.unlink()
    assert hour() is None


def test_the_process_takes_the_table_beside_its_map(tmp_path: Path) -> None:
    build_town(tmp_path)
    maps = MapFolder(tmp_path)
    maps.keep_speeds(b"class,days,hours,kmh\nlocal,,,8\n")
    maps.release()
    assert (maps_of(tmp_path) / SPEEDS).is_file()
    (_, found), _ = run(tmp_path, Times(place(0, 0), {"one": place(0, 2)}, 30))
    assert isinstance(found, TimesFound)
    assert found.hour == 6


def an_order(*places: tuple[float, float], **more: Any) -> Order:
    """Where a unit is, and its stops: each takes 10 minutes, by straight lines they are an hour apart."""
    stops = tuple(UnitStop(str(n), 600) for n in range(1, len(places)))
    straight = tuple((3_600.0,) * len(places) for _ in places)
    return Order(places, more.get("stops", stops), more.get("straight", straight), 0.0, more.get("hour"))


def test_stops_are_put_in_order_by_their_ways(city_map: CityMap) -> None:
    start, first, second, third = place(0, 0), place(0, 1), place(0, 3), place(2, 3)
    found = city_map.answer(an_order(start, third, first, second))
    assert isinstance(found, OrderFound)
    assert [one.id for one in found.stops] == ["2", "3", "1"]
    ways = [city_map.answer(Route(a, b)) for a, b in ((start, first), (first, second), (second, third))]
    travels = [one.leg.travel for one in ways if isinstance(one, RouteFound) and one.leg is not None]
    assert [one.travel for one in found.stops] == travels
    at = [travels[0].seconds, travels[0].seconds + 600 + travels[1].seconds]
    at.append(at[-1] + 600 + travels[2].seconds)
    assert [one.arrives_s for one in found.stops] == pytest.approx(at)


def test_a_p1_is_the_first_stop_and_a_closed_street_is_avoided(city_map: CityMap) -> None:
    start, near, far = place(0, 0), place(0, 1), place(4, 4)
    stops = (UnitStop("near", 600), UnitStop("p1", 600, urgent=True))
    found = city_map.answer(an_order(start, near, far, stops=stops))
    assert isinstance(found, OrderFound)
    assert [one.id for one in found.stops] == ["p1", "near"]
    beyond = place(0, 3)
    before = city_map.answer(an_order(start, beyond))
    city_map.answer(Closed((ClosedShape((place(0, 1.2), place(0, 1.8)), 10.0),)))
    after = city_map.answer(an_order(start, beyond))
    assert isinstance(before, OrderFound)
    assert isinstance(after, OrderFound)
    assert after.stops[0].arrives_s > before.stops[0].arrives_s
    assert after.stops[0].travel is not None
    assert after.stops[0].travel.closed == 0


def test_a_stop_far_from_any_street_counts_by_the_straight_line(city_map: CityMap) -> None:
    found = city_map.answer(an_order(place(0, 0), place(30, 30), place(0, 1)))
    assert isinstance(found, OrderFound)
    assert [(one.id, one.travel is None) for one in found.stops] == [("2", False), ("1", True)]
    assert found.stops[1].arrives_s == pytest.approx(found.stops[0].arrives_s + 600 + 3_600)


def test_more_stops_than_may_be_are_not_put_in_order(city_map: CityMap) -> None:
    for wrong in (an_order(*[place(0, 0)] * 14), an_order(place(0, 0), place(0, 1), straight=((1.0,),))):
        with pytest.raises(ValueError, match="stops between"):
            city_map.answer(wrong)


def test_fitted_speeds_are_said_to_be_so(profile: Path, tmp_path: Path) -> None:
    folder = current_map(profile)
    assert folder is not None
    speeds = tmp_path / SPEEDS
    speeds.write_bytes(b"# fitted from 1234 drives, 2026-10-01 to 2026-11-30\nclass,days,hours,kmh\nlocal,,,9\n")
    fitted = CityMap(folder, speeds)
    start, end = place(0, 0), place(3, 3)
    for question in (Times(end, {"u": start}, 17), Route(start, end, 17), an_order(start, end, hour=17)):
        answer = fitted.answer(question)
        assert isinstance(answer, TimesFound | RouteFound | OrderFound)
        assert (answer.hour, answer.drives) == (17, 1234)
    without = fitted.answer(Times(end, {"u": start}))
    assert isinstance(without, TimesFound)
    assert (without.hour, without.drives) == (None, 0)
