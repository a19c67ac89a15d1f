"""The years before the demo city's last days: filled in behind the window, gone on with by the next server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import msgspec
import pytest

from api_client.model import ClockState, Report, Status
from console.rules.status import is_open
from console.server.city.city import City
from console.server.city.feed import pages
from console.server.demo import earlier, fill
from console.server.demo.earlier import fill_earlier, promise_reports
from console.server.demo.pictures import Album

NOW = datetime(2026, 1, 20, 7, 7, 31, tzinfo=UTC)
RECENT, ALL = 300, 900


class Interrupted(Event):
    """Set after the first rest, as when a server ends."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    """A demo city of the last 60 days only, whose rhythm is 5 reports a day."""
    monkeypatch.setattr(earlier, "RECENT", RECENT)
    monkeypatch.setattr(earlier, "_TOGETHER", 100)
    city = City(f"sqlite:///{tmp_path / 'city.db'}", clock=lambda: NOW)
    city.create_schema()
    fill(city, reports=RECENT, seed=5, now=NOW)
    yield city
    city.close()


def reports_of(city: City) -> dict[int, Report]:
    """All reports by their numbers."""
    found = [item.data for page in pages(city.database) for item in page.items if item.kind == "report"]
    return {int(one.id): one for one in (msgspec.json.decode(data, type=Report) for data in found)}


def test_earlier_reports_are_over_older_and_at_the_same_rhythm(city: City) -> None:
    promise_reports(city, ALL)
    fill_earlier(city, Album(None, 5), seed=5, end=Event(), rest=0.0)
    found = reports_of(city)
    assert len(found) == ALL
    recent, old = sorted(found)[-RECENT:], sorted(found)[:-RECENT]
    assert sorted(found) == list(range(min(found), max(found) + 1)), "numbers without a gap"
    begin = min(found[number].created for number in recent)
    assert max(found[number].created for number in old) < begin
    assert not [number for number in old if is_open(found[number].status)]
    span = begin - found[old[0]].created
    assert timedelta(days=100) < span < timedelta(days=130), "600 reports are 120 days"
    by_time = sorted(old, key=lambda number: found[number].created)
    assert by_time == old
    done = [found[number] for number in old if found[number].status is Status.RESOLVED]
    assert len(done) > 0.9 * len(old)
    for one in done:
        assert all(clock.state in (ClockState.MET, ClockState.BREACHED) for clock in one.clocks), one.clocks
        entries = city.entries(one.id)
        assert [entry.kind for entry in entries] == ["created", "validate" if one.closed_at else ""], one.id
        assert entries[-1].at == one.closed_at


def test_what_a_server_left_undone_the_next_one_does(city: City) -> None:
    promise_reports(city, ALL)
    end = Interrupted()
    fill_earlier(city, Album(None, 5), seed=5, end=end, rest=1.0)
    begun = reports_of(city)
    assert RECENT < len(begun) < ALL
    fill_earlier(city, Album(None, 5), seed=5, end=Event(), rest=0.0)
    found = reports_of(city)
    assert len(found) == ALL
    assert {number: found[number] for number in begun} == begun, "what was there stays"
    assert max(found[n].created for n in found if n not in begun) <= min(one.created for one in begun.values())
    seq = city.seq()
    fill_earlier(city, Album(None, 5), seed=5, end=Event(), rest=0.0)
    assert city.seq() == seq, "it is whole"


def test_a_city_that_is_no_demo_gets_no_made_up_years(city: City) -> None:
    seq = city.seq()
    fill_earlier(city, Album(None, 5), seed=5, end=Event(), rest=0.0)
    assert city.seq() == seq
