"""The years before the demo city's last days: filled in behind the window, gone on with by the next server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import msgspec
import pytest

from api_client.model import ClockState, EditBody, Kind, Report, Status
from console.paths import demo_folder
from console.rules.status import is_open
from console.server.city.city import City
from console.server.city.feed import pages
from console.server.city.records import DemoOptions
from console.server.demo import earlier, fill
from console.server.demo.earlier import begin, begun_of, fill_city, fill_earlier
from console.server.demo.pictures import Album
from console.server.demo.rhythm import season

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
    begin(city, ALL)
    fill_earlier(city, Album(None, 5), seed=5, end=Event(), rest=0.0)
    found = reports_of(city)
    assert len(found) == ALL
    recent, old = sorted(found)[-RECENT:], sorted(found)[:-RECENT]
    assert sorted(found) == list(range(min(found), max(found) + 1)), "numbers without a gap"
    first = min(found[number].created for number in recent)
    assert max(found[number].created for number in old) < first
    assert not [number for number in old if is_open(found[number].status)]
    span = first - found[old[0]].created
    assert timedelta(days=120) < span < timedelta(days=145), "600 reports are 120 days of a mean year, and it was dry"
    rainy, dry = (season(datetime(2025, month, 15, tzinfo=UTC)) for month in (1, 8))
    assert 1.1 < rainy < 1.3
    assert 0.8 < dry < 0.9
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
    begin(city, ALL)
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


def test_a_server_killed_amid_the_last_days_leaves_no_hole_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its people work on is put in first, the oldest of it two months old: all between was missing for good."""
    monkeypatch.setattr(earlier, "RECENT", RECENT)
    moments = iter(NOW + timedelta(seconds=second) for second in range(1_000_000))
    options = DemoOptions(reports=RECENT, seed=5, photos=demo_folder() / "photos")

    def filled(name: str, *, killed: bool) -> dict[int, Report]:
        city = City(f"sqlite:///{tmp_path / name}", clock=lambda: NOW if not killed else next(moments))
        city.create_schema()
        past = fill_city(city, options, tmp_path / "media", lambda _: None)
        if killed:
            assert 0 < len(reports_of(city)) < RECENT
            changed = next(one for one in reports_of(city).values() if is_open(one.status))
            city.apply(EditBody("e", Kind.NOTE, data={"text": "Seen"}), report=changed.id)
            past = fill_city(city, options, tmp_path / "media", lambda _: None)
        past(Event())
        begun = begun_of(city)
        assert begun is not None
        assert begun.recent
        found = reports_of(city)
        if killed:
            assert found[int(changed.id)].version > changed.version, "what was done meanwhile stays"
        city.close()
        return found

    whole, again = filled("whole.db", killed=False), filled("killed.db", killed=True)
    assert again.keys() == whole.keys()
    assert len(again) == RECENT


def test_a_disk_that_gets_full_ends_it(city: City) -> None:
    begin(city, ALL)
    room = iter([True, False])
    fill_earlier(city, Album(None, 5), seed=5, end=Event(), rest=0.0, has_room=lambda: next(room))
    assert RECENT < len(reports_of(city)) < ALL


def test_a_city_that_is_no_demo_gets_no_made_up_years(city: City) -> None:
    seq = city.seq()
    fill_earlier(city, Album(None, 5), seed=5, end=Event(), rest=0.0)
    assert city.seq() == seq
