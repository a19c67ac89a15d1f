"""Many reports at once: batches are written in their order, and whatever stops the source, each is there or not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from api_client.model import EditBody, Entry, Kind
from console.server.city import bulk_insert, schema
from console.server.city.city import City
from console.server.city.records import LOCAL, LoadedReport
from tests.unit.server.conftest import Clock, a_report

BATCH = 100
COUNT = 2 * BATCH + 20


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_insert, "BATCH", BATCH)


def loaded(key: str, updated: datetime, description: str = "A hole.") -> LoadedReport:
    return LoadedReport(replace(a_report(key, description=description, lat=-6.2, lon=106.8), updated=updated))


def test_of_an_id_in_several_batches_the_newest_stays(city: City, clock: Clock) -> None:
    before = city.stats().reports
    at = clock() - timedelta(days=1)
    rows = [loaded(f"m{n}", at) for n in range(COUNT)]
    city.load([*rows, loaded("m0", at - timedelta(days=1), "older"), loaded("m1", at + timedelta(hours=1), "newer")])
    assert city.stats().reports == before + COUNT
    assert [city.report(key).description for key in ("m0", "m1", "m2")] == ["A hole.", "newer", "A hole."]


def test_a_file_without_times_takes_no_work_back(city: City, clock: Clock) -> None:
    city.load([LoadedReport(a_report("m1"), is_dated=False)])
    city.apply(EditBody("p1-made-here", Kind.SET, data={"priority": 1}), report="m1")
    clock.skip(days=1)
    city.load([LoadedReport(replace(a_report("m1"), created=clock(), updated=clock()), is_dated=False)])
    assert (city.report("m1").priority, city.report("m1").version) == (1, 2)


def test_what_was_erased_on_request_comes_back_by_no_file(city: City, clock: Clock) -> None:
    at = clock() - timedelta(days=1)
    city.load([loaded("m1", at, "his name"), loaded("m2", at)])
    city.erase("m1", LOCAL, "asked for")
    city.load([loaded(key, clock() + timedelta(days=1), "his name") for key in ("m1", "m2", "m3")])
    assert [city.report(key).description for key in ("m1", "m2", "m3")] == ["", "his name", "his name"]


def test_what_was_made_before_the_source_failed_is_there(city: City) -> None:
    before = city.stats().reports

    def source() -> Iterator[LoadedReport]:
        for n in range(COUNT):
            yield LoadedReport(a_report(f"m{n}"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        city.load(source())
    assert city.stats().reports == before + 2 * BATCH


def test_what_the_database_refuses_is_raised(city: City) -> None:
    with city.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE reports RENAME TO elsewhere")
    with pytest.raises(Exception, match="reports"):
        city.load([LoadedReport(a_report(f"m{n}")) for n in range(COUNT)])


def test_a_report_that_was_taken_away_comes_again_over_what_is_left_of_it(city: City, clock: Clock) -> None:
    row = LoadedReport(a_report("m1"), (Entry("m1/created", "m1", "created", clock(), "file"),))
    city.load([row, loaded("m2", clock())])
    city.remove("report", "m1")
    city.load([row, loaded("m3", clock()), loaded("m2", clock() + timedelta(hours=1), "newer")])
    assert [city.report(key).description for key in ("m1", "m2", "m3")] == ["A hole.", "newer", "A hole."]
    with city.database.read() as connection:
        entries, reports = (
            connection.execute(sa.select(table.c.seq).where(table.c.id.like("m%")).order_by(table.c.id)).scalars().all()
            for table in (schema.entries, schema.reports)
        )
    assert (len(entries), len(reports)) == (1, 3)
    assert {*entries, *reports} == set(range(city.seq() - 3, city.seq() + 1)), "each change has a number of its own"
