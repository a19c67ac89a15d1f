"""Which limits of a city are passed, and since when: as a plain loop finds it, whatever is closed or merged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from api_client.model import Agency, AlarmKind, AlarmRecord, Area, Limit, Service
from console.board.limits import LimitFinder, begin_of
from console.board.snapshot import BoardSnapshot
from console.board.view import make_view
from console.cache.catalog import Catalog, Cities
from console.rules.alarms import Alarm
from console.rules.filter import Filter
from console.rules.loaded import Loaded
from console.rules.rights import Rights
from tests.unit.board import naive
from tests.unit.board.naive import CLOSED, CODES, NOW, R

HOUR = 3600
LIMIT = Limit("water", "Banjir meluas", "cat=flood", 2, 60, 2)
AREAS = {"31": None, "31.01": "31", "31.02": "31", "32.01": None}
CATALOG = Catalog(
    services={code: Service(code, code.title()) for code in CODES["service"].values()},
    areas={code: Area(code, f"Area {code}", 3, parent=parent) for code, parent in AREAS.items()},
    agencies={code: Agency(code, code) for code in CODES["agency"].values()},
    words={kind: dict(CODES[kind]) for kind in ("service", "area", "agency")},
)
WORDS = {kind: {n: ("city", code) for n, code in CODES[kind].items()} for kind in ("service", "area", "agency")}


def found(
    reports: Iterable[R],
    *limits: Limit,
    now: int = NOW,
    finder: LimitFinder | None = None,
    records: Iterable[AlarmRecord] = (),
    rights: Rights = Rights("operator"),  # noqa: B008  frozen
    read_from: tuple[int, ...] | None = None,
) -> dict[str, Alarm]:
    """The alarms of these limits among these reports, by the ids of their limits."""
    snapshot = BoardSnapshot.build(naive.columns(list(reports)))
    loaded = Loaded.WHOLE if read_from is None else Loaded.PART
    view = make_view(snapshot, Filter(), now, 1, words=naive.WORDS, loaded=loaded, read_from=read_from or ())
    alarms = {one.id: one for one in records}
    catalog = replace(CATALOG, limits={one.id: one for one in limits or (LIMIT,)}, alarms=alarms)
    cities = Cities({"city": catalog}, {**WORDS, "source": {1: ("", "city")}})
    times = {"city": datetime.fromtimestamp(now, UTC)}
    found = (finder or LimitFinder()).find(view, cities, times, {"city": rights})
    assert all(one.kind is AlarmKind.LIMIT and one.id == f"limit:{one.about}" for one in found)
    return {one.about: one for one in found}


def at(*minutes_ago: float, **more: int) -> list[R]:
    """Reports that were made so many minutes ago."""
    rows = range(1000, 1000 + len(minutes_ago))
    return [R(row=row, created=NOW - round(60 * ago), **more) for row, ago in zip(rows, minutes_ago, strict=True)]


def since(alarm: Alarm) -> float:
    """How many minutes ago it began."""
    return (NOW - alarm.since.timestamp()) / 60


def slow(times: list[int], above: int, within_s: int, now: int) -> tuple[int, int] | None:
    """How many came within the time, and since when that is too many, by the definition."""
    ordered = sorted(time for time in times if time <= now)
    count = sum(now - within_s < time for time in ordered)
    if count <= above:
        return None
    began = last = None
    for place, time in enumerate(ordered):
        if place < above or time - ordered[place - above] >= within_s or time < begin_of(now):
            continue
        if last is None or time - last > within_s:
            began = time
        last = time
    assert began is not None
    return count, began


@settings(max_examples=150, deadline=None)
@given(
    reports=st.lists(
        st.builds(
            R,
            row=st.just(0),
            created=st.integers(-3 * 86400, 600).map(lambda ago: NOW + ago)
            | st.integers(-HOUR, 0).map(lambda ago: NOW + ago),
            service=st.integers(0, 3),
            area=st.integers(0, 3),
            priority=st.integers(1, 4),
            status=st.integers(0, 7),
            merged=st.sampled_from([0, 0, 0, 1]),
            source=st.sampled_from([1, 1, 1, 2]),
        ),
        max_size=60,
    ),
    above=st.integers(1, 6),
    minutes=st.sampled_from([5, 30, 60, 240, 1440]),
    later=st.sampled_from([0, 61, HOUR, 20 * HOUR]),
)
def test_it_finds_what_a_plain_loop_finds(reports: list[R], above: int, minutes: int, later: int) -> None:
    reports = [replace(one, row=1000 + n) for n, one in enumerate(reports)]
    limits = {
        "cat=flood": [one for one in reports if one.service == 1],
        "area=31 p=1,2": [one for one in reports if one.area in (1, 2) and one.priority <= 2],
        "area=none": [one for one in reports if one.area == 0],
        "": reports,
    }
    asked = [Limit(text or "all", text or "all", text, above, minutes) for text in limits]
    there = found(reports, *asked, now=NOW + later) if reports else {}
    for limit in asked:
        own = [one.created for one in limits[limit.filter] if not one.merged and one.source == 1]
        wanted, alarm = slow(own, above, 60 * minutes, NOW + later), there.get(limit.id)
        assert (alarm and (alarm.count, int(alarm.since.timestamp()))) == wanted, limit


def test_it_begins_with_the_report_that_is_too_many_and_closing_moves_nothing() -> None:
    reports = at(50, 40, 30, 20, 10)
    one = found(reports)["water"]
    assert (one.title, one.count, since(one), one.priority) == ("Banjir meluas", 5, 30, 2)
    closed = [replace(each, status=CLOSED) for each in reports]
    assert found(closed) == found(reports)
    assert found(reports, now=NOW + 15 * 60)["water"].since == one.since
    assert found(reports, now=NOW + 41 * 60) == {}, "two are left of the last hour"
    assert found(at(50, 40)) == {}, "as many as the limit allows"


def test_arrivals_that_are_apart_are_another_occurrence() -> None:
    before = [*at(400, 395, 390), *at(250, 240)]
    reports = [replace(one, row=1000 + n) for n, one in enumerate([*before, *at(30, 20, 10, 5)])]
    assert since(found(reports)["water"]) == 10


def test_what_is_merged_makes_no_new_occurrence_here_or_where_it_was_acknowledged() -> None:
    """In a cloudburst most of what is done is merging: each time the list called again."""
    reports, finder = at(55, 45, 35, 25, 15, 5), LimitFinder()
    first = found(reports, finder=finder)["water"]
    assert since(first) == 35
    reports[0] = replace(reports[0], merged=1)
    assert since(found(reports)["water"]) == 25, "a console that was opened just now knows of no other"
    assert found(reports, finder=finder)["water"].since == first.since
    by_id = AlarmRecord("limit:water", AlarmKind.LIMIT, first.since, first.since, "budi")
    assert found(reports, records=[by_id])["water"].since == first.since
    long_ago = replace(by_id, since=first.since - timedelta(hours=3))
    assert since(found(reports, records=[long_ago])["water"]) == 25, "that was another rain"


def test_an_occurrence_is_the_same_when_it_is_passed_again() -> None:
    reports, finder = at(55, 45, 35, 25), LimitFinder()
    assert since(found(reports, finder=finder)["water"]) == 35
    assert found(reports, finder=finder, now=NOW + 16 * 60) == {}
    reports = [replace(reports[0], merged=1), *reports[1:], *(replace(one, row=2000) for one in at(-16))]
    assert since(found(reports, finder=finder, now=NOW + 17 * 60)["water"]) == 35


def test_what_lasts_for_days_begins_anew_with_each_day() -> None:
    reports = at(*range(0, 4 * 24 * 60, 10))
    began = found(reports)["water"].since
    assert began == datetime.fromtimestamp(begin_of(NOW), UTC).replace(second=began.second, minute=began.minute)
    assert began - datetime.fromtimestamp(begin_of(NOW), UTC) < timedelta(minutes=10)
    assert timedelta(days=1) <= datetime.fromtimestamp(NOW, UTC) - began < timedelta(days=2)


def test_what_only_this_console_has_is_not_counted() -> None:
    reports = at(30, 20, 10)
    assert "water" in found(reports)
    reports[1] = replace(reports[1], row=7)
    assert found(reports) == {}


def test_a_city_that_is_not_read_yet_passes_no_limit() -> None:
    assert found(at(30, 20, 10), read_from=(1,)) != {}
    assert found(at(30, 20, 10), read_from=()) == {}


@pytest.mark.parametrize(
    ("change", "priority"),
    [
        ({"priority": 1}, 2),
        ({"priority": 9}, 4),
        ({"above": 0}, None),
        ({"within_minutes": 10**15}, None),
        ({"within_minutes": -5}, None),
        ({"filter": "area=Atlantis"}, None),
        ({"filter": "status=new"}, None),
        ({"filter": '"'}, None),
        ({"filter": "cat=" + ",".join(["flood"] * 3_000)}, None),
    ],
)
def test_whatever_a_server_says_it_is_no_p1_and_fails_nowhere(change: dict[str, object], priority: int | None) -> None:
    there = found(at(30, 20, 10), replace(LIMIT, **change), Limit("other", "Other", "", 1, 30))
    assert "other" in there
    assert (there["water"].priority if "water" in there else None) == priority


def test_a_limit_of_areas_is_for_whose_scope_touches_one() -> None:
    limit = replace(LIMIT, filter="cat=flood area=31.01,31.02")
    reports = at(30, 20, 10)
    for rights, is_listed in (
        (Rights("operator"), True),
        (Rights("operator", ("31.02",)), True),
        (Rights("operator", ("31",)), True),
        (Rights("operator", ("32.01",)), False),
        (Rights("operator", ("32.01",), ("SDA",)), True),
    ):
        assert bool(found(reports, limit, rights=rights)) is is_listed, rights
        assert found(reports, rights=rights), "one without areas is for everybody"


def test_it_looks_again_when_reports_the_minute_or_the_vocabulary_have_changed() -> None:
    finder, reports = LimitFinder(), at(30, 20, 10)
    assert found(reports, finder=finder)["water"].count == 3
    assert found([*reports, *(replace(one, row=2000) for one in at(1))], finder=finder)["water"].count == 4
    assert found(reports, finder=finder, now=NOW + 31 * 60) == {}
    assert found(reports, replace(LIMIT, within_minutes=120), finder=finder, now=NOW + 31 * 60)["water"].count == 3


def test_a_limit_that_was_changed_begins_by_itself() -> None:
    finder, reports = LimitFinder(), at(55, 45, 35, 25, 15, 5)
    assert since(found(reports, finder=finder)["water"]) == 35
    assert since(found(reports, replace(LIMIT, above=3), finder=finder)["water"]) == 25
    assert since(found(reports[1:], replace(LIMIT, above=3, priority=3), finder=finder)["water"]) == 25, (
        "a name is none"
    )


def test_a_limit_means_what_the_city_has_and_not_what_is_retired(monkeypatch: pytest.MonkeyPatch) -> None:
    """A category got another code: its limit went on counting the old one, of which nothing comes any more."""
    before = datetime.fromtimestamp(NOW - 60, UTC)
    retired = Service("flood", "Banjir lama", valid_to=before)
    services = {"flood": retired, **{code: one for code, one in CATALOG.services.items() if code != "flood"}}
    other = next(code for code in services if code != "flood")
    services[other] = Service(other, "Flood")
    monkeypatch.setattr("tests.unit.board.test_limits.CATALOG", replace(CATALOG, services=services))
    number = next(number for number, code in CODES["service"].items() if code == other)
    assert found(at(30, 20, 10, service=number))["water"].count == 3
    services[other] = Service(other, "Pohon")
    monkeypatch.setattr("tests.unit.board.test_limits.CATALOG", replace(CATALOG, services=services))
    assert found(at(30, 20, 10))["water"].count == 3, "nothing else is called so"
