"""A database that was set back to an older state begins a new epoch, so that nobody misses or mixes anything."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from api_client.model import Area, EditBody, Kind
from console.server.city import schema
from console.server.city.city import City
from console.server.city.records import LoadedReport
from console.server.pages.dots import Dots, Wanted
from tests.unit.server.conftest import Api, a_report, running, square
from tests.unit.server.test_stream import Stream


def note(city: City, n: int) -> None:
    city.apply(EditBody(f"edit-{n:04}", Kind.NOTE, data={"text": "x"}), report="10")


def whole(city: City) -> dict[sa.Table, list[Any]]:
    """Every row, as a backup by foreign means has it."""
    with city.database.engine.connect() as connection:
        return {table: list(connection.execute(sa.select(table)).mappings()) for table in schema.metadata.sorted_tables}


def set_back(city: City, rows: dict[sa.Table, list[Any]]) -> None:
    """Restore by foreign means: no part of Sigap is told."""
    with city.database.engine.begin() as connection:
        for table, listed in rows.items():
            connection.execute(sa.delete(table))
            if listed:
                connection.execute(sa.insert(table), [dict(row) for row in listed])


def wait_for_epoch(api: Api, old: str) -> Any:
    end = time.monotonic() + 20
    while (page := api.get("/changes?after=0").json())["epoch"] == old:
        assert time.monotonic() < end
    return page


@pytest.mark.usefixtures("expected_log")
def test_a_running_server_notices_that_its_database_was_set_back(city: City, tmp_path: Path) -> None:
    note(city, 1)
    old, before = whole(city), city.epoch
    note(city, 2)
    city.put_areas([Area("w9", "Ward 9", 3, parent="c", geometry=square(106.8, -6.2, 0.1))])
    assert city.area_at(-6.15, 106.85) == ("w9", "smallest")
    with running(city, tmp_path / "media") as url:
        api, stream = Api(url), Stream(url)
        seen = stream.wait("seq")["seq"]
        set_back(city, old)
        page = wait_for_epoch(api, before)
        assert page["upto"] < seen
        assert api.get(f"/changes?after={seen}").status_code == 410
        while stream.next()[0] != "end":
            pass
        stream.close()
        again = Stream(url)
        assert again.wait("seq")["seq"] == page["upto"]
        note(city, 3)
        assert again.wait("seq")["seq"] > page["upto"]
        again.close()
        assert api.get("/stats").json()["epoch"] == page["epoch"] == api.get("/").headers["Sigap-Server"]
        assert city.area_at(-6.15, 106.85) == ("c", "smallest")
        assert api.get("/changes?after=0").json()["epoch"] == page["epoch"]
        api.session.close()


def test_the_first_change_after_it_is_in_the_new_epoch_whoever_looks_first(city: City) -> None:
    note(city, 1)
    old, before, seen = whole(city), city.epoch, city.seq()
    for n in range(2, 5):
        note(city, n)
    set_back(city, old)
    for n in range(5, 9):
        note(city, n)
    assert city.seq() > seen + 3
    assert city.epoch != before
    kept = city.epoch
    note(city, 9)
    assert city.epoch == kept


def test_a_new_epoch_is_begun_once_however_many_notice(city: City) -> None:
    note(city, 1)
    other = City(city.database.url.render_as_string(hide_password=False), clock=city.clock)
    other.create_schema()
    old, before = whole(city), city.epoch
    note(city, 2)
    for each in (city, other):
        assert not each.database.went_back(each.database.mark, each.mark())
    set_back(city, old)
    first, second = (each.database.mark for each in (city, other))
    assert city.database.went_back(first, city.mark())
    after = city.epoch
    assert after != before
    assert not other.database.went_back(second, other.mark())
    assert city.epoch == other.epoch == after
    other.close()


def test_the_citizens_map_begins_anew(city: City) -> None:
    city.load([LoadedReport(a_report("p1", lat=-6.85, lon=106.15))])
    dots, everywhere = Dots(city, ticks=itertools.count(0, 10).__next__), Wanted(-180, -90, 180, 90, 20)
    old = whole(city)
    city.load([LoadedReport(a_report("p2", lat=-6.85, lon=106.15))])
    assert {point[0] for point in dots.view(everywhere)[1].points} == {"p1", "p2"}
    set_back(city, old)
    city.load([LoadedReport(a_report("p3", lat=-6.85, lon=106.15))])
    assert {point[0] for point in dots.view(everywhere)[1].points} == {"p1", "p3"}
