"""A clock that is wrong at one start drops nothing for good; one that is right goes on dropping what is old."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa

from api_client.model import Contact, Status
from console.server.city import schema
from console.server.city.city import City
from console.server.city.records import LoadedReport
from tests.unit.server.conftest import START, Api, Clock, a_report, let_pass

pytestmark = pytest.mark.usefixtures("expected_log")


@pytest.fixture
def kept(city: City) -> City:
    """With the contact of a report that is closed, and is to be dropped in 90 days."""
    city.load([LoadedReport(a_report("c1", status=Status.CLOSED, closed_at=START), contact=Contact("A"))])
    city.tidy()
    return city


def contacts(city: City) -> list[str]:
    with city.database.read() as connection:
        return list(connection.execute(sa.select(schema.contacts.c.report)).scalars())


def test_one_start_with_a_clock_a_hundred_days_ahead_drops_nothing(
    kept: City, api: Api, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.skip(days=100)
    kept.tidy()
    api.ok("10", "note", {"text": "written while the clock was wrong"})
    for _ in range(20):
        clock.skip(hours=1)
        kept.tidy()
    assert contacts(kept) == ["c1"]
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len([each for each in said if "dropped until the clock has gone on steadily" in each]) == 1
    clock.skip(days=-100)
    kept.tidy()
    let_pass(kept, clock, 80)
    assert contacts(kept) == ["c1"]
    let_pass(kept, clock, 11)
    assert contacts(kept) == []


def test_a_clock_that_goes_on_for_two_days_is_believed(kept: City, clock: Clock) -> None:
    clock.skip(days=100)  # the server was off all the while
    for _ in range(48):
        kept.tidy()
        clock.skip(hours=1)
        assert contacts(kept) == ["c1"]
    kept.tidy()
    assert contacts(kept) == []


def test_many_starts_with_a_wrong_clock_are_no_two_days(kept: City, clock: Clock) -> None:
    clock.skip(days=100)
    for _ in range(200):
        kept.tidy()
        clock.skip(minutes=1)
    for _ in range(60):
        clock.skip(days=3)
        kept.tidy()
    assert contacts(kept) == ["c1"]


def test_a_city_of_before_compares_the_clock_with_its_last_deed(city: City, api: Api, clock: Clock) -> None:
    city.load([LoadedReport(a_report("c1", status=Status.CLOSED, closed_at=START), contact=Contact("A"))])
    api.ok("10", "note", {"text": "x"})
    clock.skip(days=100)
    city.tidy()  # the first time that it looks at the clock
    assert contacts(city) == ["c1"]
