"""The public map's columns follow the city."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api_client.model import EditBody, Kind, Report, Service, Status
from console.server.city.city import City
from console.server.city.records import LoadedReport
from console.server.pages.dots import MOST_POINTS, Dots, Wanted

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
WORLD = Wanted(-180, -90, 180, 90, 10)


class Ticks:
    """Seconds that pass only when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(f"sqlite:///{tmp_path / 'city.db'}", clock=lambda: NOW)
    city.create_schema()
    city.put_services([Service("flood", "Flood")])
    yield city
    city.close()


def put(city: City, *reports: Report) -> None:
    city.load([LoadedReport(report) for report in reports])


def a_report(key: str, **more: object) -> Report:
    values = {"lat": -6.0, "lon": 106.0, "created": NOW} | more
    return Report(key, 1, Status.NEW, "flood", 3, "", updated=NOW, **values)  # type: ignore[arg-type]


def test_a_change_is_seen_at_the_next_look(city: City) -> None:
    ticks = Ticks()
    dots = Dots(city, ticks=ticks)
    put(city, a_report("1"), a_report("2"), a_report("placeless", lat=None, lon=None))
    seq, view = dots.view(WORLD)
    assert ({point[0] for point in view.points}, view.total) == ({"1", "2"}, 2)
    city.apply(EditBody("close-it", Kind.CLOSE, data={"disposition": "spam"}), report="2")
    city.apply(EditBody("move-it-", Kind.SET, data={"place": {"lat": 50, "lon": 8}}), report="1")
    assert dots.view(WORLD)[0] == seq, "at most one look every two seconds"
    ticks.now = 5
    after, view = dots.view(WORLD)
    assert after > seq
    assert sorted(view.points) == [("1", 50.0, 8.0, "flood", "new"), ("2", -6.0, 106.0, "flood", "closed")]
    assert [point[0] for point in dots.view(Wanted(-180, -90, 180, 90, 10, state="open"))[1].points] == ["1"]
    city.remove("report", "2")
    city.apply(EditBody("no-place", Kind.SET, data={"place": None}), report="1")
    ticks.now = 10
    assert dots.view(WORLD)[1].total == 0


def test_a_report_closed_long_ago_is_not_there_and_a_duplicate_neither(city: City) -> None:
    long_ago = NOW - timedelta(days=31)
    gone = a_report("old", created=long_ago, closed_at=long_ago)
    put(city, Report(**{**{f: getattr(gone, f) for f in gone.__struct_fields__}, "status": Status.RESOLVED}))
    put(city, a_report("main"), a_report("same"))
    city.apply(EditBody("merge-it", Kind.MERGE, data={"into": "main"}), report="same")
    view = Dots(city).view(WORLD)[1]
    assert [point[0] for point in view.points] == ["main"]


def test_many_are_counted_in_cells_that_add_up(city: City) -> None:
    count = MOST_POINTS + 300
    put(city, *(a_report(str(n), lat=-6 + n % 30 / 100, lon=106 + n // 30 / 100) for n in range(count)))
    dots = Dots(city)
    view = dots.view(WORLD)[1]
    assert (view.total, view.points) == (count, [])
    assert sum(cell[2] for cell in view.cells) == count
    assert 1 < len(view.cells) < count
    assert [line[0] for line in view.newest[:1]] != []
    near = dots.view(Wanted(106, -6, 106.05, -5.9, 16))[1]
    assert near.total == len(near.points) == 66
    assert near.cells == []
