"""The end of the feed in memory says what the database says, and asks it seldom."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from msgspec.structs import replace

from api_client.model import Changes, EditBody, Kind
from console.server.city import feed_buffer
from console.server.city.city import City
from console.server.city.feed_buffer import FeedBuffer
from console.server.city.records import LoadedReport
from console.server.city.users import add_user, remove_user
from console.server.errors import GoneRefusal
from tests.unit.server.conftest import START, a_report
from tests.unit.server.test_epoch import set_back, whole


class Reader:
    """Reads the city's feed, and counts how often."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.reads = 0

    def __call__(self, after: int, limit: int) -> Changes:
        self.reads += 1
        return self.city.changes(after, limit)


def note(city: City, n: int, report: str = "10") -> None:
    city.apply(EditBody(f"edit-{n:04}", Kind.NOTE, data={"text": "x" * (n % 50 + 1)}), report=report)


def something(city: City, chance: random.Random, n: int) -> None:
    """One change of the city: mostly notes, now and then something that comes, goes or comes again."""
    there = sorted(item.id for item in city.changes(0).items if item.kind == "report")
    match chance.choices(("note", "load", "remove", "user", "no user"), (6, 2, 2, 1, 1))[0]:
        case "note" if there:
            note(city, n, chance.choice(there))
        case "load":
            newer = replace(a_report(chance.choice("abcd")), updated=START + timedelta(days=n))
            city.load([LoadedReport(newer)])
        case "remove" if there:
            city.remove("report", chance.choice(there))
        case "user":
            add_user(city, "rina", chance.choice(("operator", "viewer")))
        case _:
            add_user(city, "budi", "operator")
            remove_user(city, "budi")


@pytest.mark.parametrize("most", [3, 1000])
def test_whatever_happens_a_page_is_what_the_database_says(
    city: City, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_buffer, "_MOST_ITEMS", most)
    chance = random.Random(most)
    end = FeedBuffer(city.changes, city.mark)
    for n in range(60):
        something(city, chance, n)
        present = city.seq()
        for _ in range(4):
            after, limit = chance.randint(max(0, present - 12), present), chance.choice((1, 2, 5, 2000))
            assert end.changes(after, limit) == city.changes(after, limit)


def test_a_crowd_near_the_end_costs_one_reading_for_each_commit(city: City) -> None:
    read = Reader(city)
    end = FeedBuffer(read, city.mark)
    start = city.seq()
    end.changes(start, 2000)
    for n in range(5):
        note(city, n)
        for after in range(start, city.seq() + 1):
            end.changes(after, 2000)
    assert read.reads == 6


def test_what_is_not_there_is_gone_and_another_epoch_begins_anew(city: City) -> None:
    end = FeedBuffer(city.changes, city.mark)
    note(city, 1)
    present, epoch = city.seq(), city.epoch
    assert end.changes(present - 1, 2000).items
    with pytest.raises(GoneRefusal):
        end.changes(present + 1, 2000)
    city.begin_epoch()
    for _ in range(2):
        assert end.changes(present - 1, 2000).epoch == city.epoch != epoch


def test_a_database_that_was_set_back_is_believed(city: City) -> None:
    end = FeedBuffer(city.changes, city.mark)
    note(city, 1)
    old, present = whole(city), city.seq()
    end.changes(present - 1, 2000)
    note(city, 2)
    assert end.changes(present, 2000).items
    set_back(city, old)
    assert end.changes(present, 2000).items == ()
    with pytest.raises(GoneRefusal):
        end.changes(present + 1, 2000)


def test_large_objects_do_not_fill_the_memory(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_buffer, "_MOST_BYTES", 2_000)
    read = Reader(city)
    end = FeedBuffer(read, city.mark)
    start = city.seq()
    end.changes(start, 2000)
    for n in range(20):
        note(city, n)
        assert end.changes(city.seq() - 1, 2000) == city.changes(city.seq() - 1)
    before = read.reads
    end.changes(start, 2000)
    assert read.reads == before + 1
