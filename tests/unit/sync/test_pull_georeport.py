"""Open311 servers with caps, without pages or times of change: all of it arrives, or it is said what does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api_client.georeport import GeoReportClient, ReadingLimits
from api_client.model import Kind
from api_client.transport import utc_now
from console.commands.sync import sync_profile
from console.paths import profile_folder
from console.rules.messages import Source, SourceState, SyncNow
from console.rules.queued import EditState, StopReason
from console.settings import Settings, save_settings
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.deletion_sweep import DeletionSweep
from console.sync.georeport_source import KeptReports
from console.sync.health import Health
from console.sync.limits import HISTORY, HistoryLimits
from console.sync.pull_georeport import GeoReportPuller
from console.sync.retry import Timing
from tests.helpers.geo_city import GeoCity, geo_request
from tests.helpers.sync_rig import rig

JURISDICTION = {"jurisdiction_id": "city.org"}
QUICK = Timing(slow_poll_s=0.1)
DAY = timedelta(days=1)


@pytest.fixture
def flood() -> Iterator[GeoCity]:
    """FixMyStreet with 1,204 reports of three days, of which it gives 1,000 at most."""
    since = datetime.now(UTC) - 20 * DAY
    city = GeoCity([geo_request(n, since + 3 * DAY * n / 1204) for n in range(1204)])
    city.wants = JURISDICTION
    yield city
    city.close()


def test_a_server_that_gives_a_thousand_at_most_is_read_whole(flood: GeoCity, tmp_path: Path) -> None:
    with rig(tmp_path, flood.url, kind="open311", params=JURISDICTION) as console:
        state = console.live()
        assert len(console.cached()) == 1204
        assert state.detail == ""


def test_without_its_parameter_nothing_is_called_complete(flood: GeoCity, tmp_path: Path) -> None:
    with rig(tmp_path, flood.url, kind="open311") as console:
        state = console.wait(SourceState, lambda each: not each.reached and each.state != "connecting")
        assert state.state == "wrong_server"


class Clock:
    """The computer's clock, some days on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.mark.parametrize("pages", ["ignored", "refused", "heeded"])
def test_a_change_of_an_old_report_arrives(tmp_path: Path, pages: str) -> None:
    """A4: the server has no filter by the time of change, and the report is older than what is always read again."""
    now = datetime.now(UTC)
    ages = (1, 45, 200, 400, 700)
    city = GeoCity([geo_request(age, now - age * DAY) for age in ages], pages=pages)
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        assert len(console.cached()) == len(ages)
    for request in city.reports:
        request["description"] = "Changed"
    for turn in range(9):  # rounds ten minutes apart, each after a start of the program
        clock = Clock()
        clock.ahead = turn * timedelta(minutes=10)
        city.server.asked.clear()
        with rig(tmp_path, city.url, kind="open311", timing=QUICK, clock=clock) as console:
            console.live()
            assert len(city.windows) < 12, "a few questions a round"
            arrived = set(console.cached().values()) == {"Changed"}
        if arrived:
            break
    assert arrived
    city.close()


def test_what_a_server_does_not_give_is_said(tmp_path: Path) -> None:
    at = datetime.now(UTC) - 20 * DAY
    city = GeoCity([geo_request(number, at) for number in range(130)], cap=100)
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        state = console.live()
        assert state.detail == (
            f"The server gives no more than 100 reports of one moment: some of {at:%d %b %Y} may be missing here."
        )
        console.followers.take(SyncNow())
        assert console.live(len(console.said)).detail == state.detail
    city.close()


@pytest.mark.usefixtures("qapp")  # or it makes one of its own, without windows, for all tests that follow
def test_sync_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path))
    since = datetime.now(UTC) - 20 * DAY
    city = GeoCity([geo_request(n, since + 3 * DAY * n / 300) for n in range(300)], cap=100, dates="ignored")
    save_settings(profile_folder("old"), Settings(sources=[Source("x", "Old town", city.url, "open311")]))
    assert sync_profile("old", once=True, as_json=True) == 0
    said = capsys.readouterr()
    words = "The server gives no more than its 100 newest reports: older ones are missing here."
    assert said.err == f"sigap: x: {words}\n"
    assert f'"remarks": {{"x": "{words}"}}' in said.out
    city.close()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [geo_request(7, datetime.now(UTC), description="A stranger's report")],
        {"service_requests": [geo_request(n, datetime.now(UTC)) for n in (8, 9)]},
        [],
        {},
    ],
    ids=["its list", "one of another", "two", "nothing", "empty"],
)
def test_another_report_is_never_taken_for_ones_own(flood: GeoCity, tmp_path: Path, answer: Any) -> None:
    """A3: the creation needs somebody, is sent once, and no report of the city is called ours."""
    flood.posted = answer
    with rig(tmp_path, flood.url, kind="open311", params=JURISDICTION, timing=QUICK) as console:
        console.live()
        edit = console.push(Kind.CREATE, "local:1", service="POT", description="Water", lat=-6.2, lon=106.8)
        outcome = console.outcome(edit, EditState.ACCEPTED, EditState.ATTENTION)
        assert outcome.state is EditState.ATTENTION
        assert outcome.reason is StopReason.NOT_IN_LIST
        assert outcome.remote_id is None
        assert sum(asked.method == "POST" for asked in flood.server.asked) == 1


def test_two_reports_that_could_both_be_ones_own_are_none(flood: GeoCity, tmp_path: Path) -> None:
    flood.posted = {}
    with rig(tmp_path, flood.url, kind="open311", params=JURISDICTION, timing=QUICK) as console:
        console.live()
        made = datetime.now(UTC) + timedelta(seconds=2)
        flood.reports += [geo_request(n, made, description="Water", lat=-6.2, long=106.8) for n in (5000, 5001)]
        edit = console.push(Kind.CREATE, "local:1", service="POT", description="Water", lat=-6.2, lon=106.8)
        assert console.outcome(edit, EditState.ACCEPTED, EditState.ATTENTION).state is EditState.ATTENTION


def test_the_title_of_fixmystreet_is_shown_once(tmp_path: Path) -> None:
    """A8."""
    at = datetime.now(UTC) - DAY
    pothole: dict[str, Any] = {"title": "Pothole", "detail": "By the mosque", "description": "Pothole: By the mosque"}
    other: dict[str, Any] = {"title": "Deep", "detail": "By the school", "description": "Deep: By the school"}
    city = GeoCity([geo_request(1, at, **pothole), geo_request(2, at, **other)])
    with rig(tmp_path, city.url, kind="open311") as console:
        console.live()
        assert console.cached() == {"1": "By the mosque", "2": "Deep: By the school"}
    city.close()


def test_one_odd_date_does_not_end_the_first_fill(tmp_path: Path) -> None:
    """A report dated before its window was taken as a proof that the server heeds no dates: nothing older was read."""
    now = datetime.now(UTC)
    city = GeoCity([geo_request(age, now - age * DAY) for age in (1, 45, 200, 400, 700)])

    def odd(page: list[dict[str, Any]], _: dict[str, str]) -> list[dict[str, Any]]:
        return [
            one | {"requested_datetime": "1999-01-01T00:00:00Z"} if one["service_request_id"] == 1 else one
            for one in page
        ]

    city.lies = odd
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        assert len(console.cached()) == 5
    city.close()


def test_a_change_dated_in_the_future_hides_no_later_one(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    city = GeoCity([geo_request(age, now - age * DAY) for age in (1, 2)])
    city.reports[0]["updated_datetime"] = "2099-01-01T00:00:00Z"
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        assert len(console.cached()) == 2
    later = Clock()
    later.ahead = timedelta(minutes=20)
    changed = {"updated_datetime": (now + timedelta(minutes=10)).isoformat(), "description": "Changed"}
    city.reports[0].update(changed)
    with rig(tmp_path, city.url, kind="open311", timing=QUICK, clock=later) as console:
        console.live()
        assert "Changed" in console.cached().values()
    city.close()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> HistoryLimits:
    """What is read of a server at most, in small."""
    monkeypatch.setattr("api_client.georeport._MOST_PAGES", 5)
    return HistoryLimits(history=300, reports=600, a_round=ReadingLimits(reports=200, pages=50))


def test_a_server_without_end_is_left_and_it_is_said(tmp_path: Path, few: HistoryLimits) -> None:
    city = GeoCity([], pages="heeded")
    city.without_end()
    with rig(tmp_path, city.url, kind="open311", timing=Timing(slow_poll_s=0.1, history=few)) as console:
        state = console.live()
        assert state.detail.startswith("The server has more than is read: after ")
        assert state.detail.endswith(" are missing here.")
        assert len(console.cached()) >= 300
        said = console.wait(SourceState, lambda each: each.state == "wrong_server")
        assert said.problem == "This server has given more than 600 reports: nothing more of it is read."
        assert 600 <= len(console.cached()) < 700
        rounds = len(city.windows)
        console.wait(SourceState, lambda each: each.state == "wrong_server", len(console.said))
        assert len(city.windows) == rounds, "it is asked for nothing more"
    city.close()


def test_the_last_of_the_disk_is_left_to_others_and_new_reports_are_read(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    city = GeoCity([geo_request(number, now - 100 * DAY) for number in range(30)])
    timing = Timing(slow_poll_s=0.1, history=HistoryLimits(spare_bytes=1 << 62))
    with rig(tmp_path, city.url, kind="open311", timing=timing) as console:
        state = console.live()
        assert console.cached() == {}
        assert state.detail.startswith("The server has more than is read: after 0 reports some of ")
        city.reports.append(geo_request(77, datetime.now(UTC)))
        console.wait_until(lambda: "77" in console.cached())
    city.close()


def test_what_is_missing_is_still_said_after_a_restart(tmp_path: Path) -> None:
    at = datetime.now(UTC) - 200 * DAY
    city = GeoCity([geo_request(number, at) for number in range(130)], cap=100)
    city.lies = lambda page, query: page if "1900" in query.get("updated_after", "1900") else []  # read only once
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        words = console.live().detail
        assert f"some of {at:%d %b %Y} may be missing" in words
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        assert console.live().detail == words
    city.close()


def test_one_empty_answer_at_the_start_is_not_believed_for_the_whole_session(tmp_path: Path) -> None:
    """K31: what it knows is asked anew each hour, and until then what changed is looked for in the windows."""
    begun, clock = datetime.now(UTC), Clock()
    city = GeoCity([geo_request(number, begun - 20 * DAY) for number in range(5)], changes=True)
    city.lies = lambda page, query: [] if "updated_after" in query else page

    def follows_changes() -> bool:
        return any(one.get("updated_after", "1900")[:4] not in ("1900", "2099") for one in city.windows)

    with rig(tmp_path, city.url, kind="open311", timing=QUICK, clock=clock) as console:
        console.live()
        city.reports[3] |= {"status": "closed", "updated_datetime": datetime.now(UTC).isoformat()}
        city.lies = lambda page, _: page
        clock.ahead = timedelta(minutes=11)
        row = console.reader.row_of("jkt", "3") or 0
        console.wait_until(lambda: console.reader.report(row).report.status.value == "resolved")
        assert not follows_changes()
        clock.ahead = timedelta(minutes=62)
        console.wait_until(follows_changes)
    city.close()


def test_that_different_reports_have_one_number_is_said(tmp_path: Path) -> None:
    """K28: two offices behind one front: the second takes the place of the first."""
    now = datetime.now(UTC)
    flood = geo_request(7, now - DAY, description="Flood at the school")
    city = GeoCity([geo_request(1, now - DAY), flood, geo_request(7, now - 2 * DAY, description="Lamp in the park")])
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        words = "The server gives one number to different reports, of which one alone is shown: 7."
        assert console.live().detail == words
        city.reports[2] |= {name: flood[name] for name in ("requested_datetime", "lat", "long")}
    with rig(tmp_path / "again", city.url, kind="open311", timing=QUICK) as console:
        assert console.live().detail == "", "one that was changed while it was read"
    city.close()


def test_what_is_there_after_all_is_not_called_missing_any_more(tmp_path: Path) -> None:
    at = datetime.now(UTC) - 20 * DAY
    city = GeoCity([geo_request(number, at) for number in range(130)], cap=100)
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        assert console.live().detail
    city.pages = "heeded"
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        assert console.live().detail == ""
        assert len(console.cached()) == 130
    city.close()


def test_a_long_history_hides_nothing_new(tmp_path: Path) -> None:
    """Two minutes pass with each window of the first fill; a report that came meanwhile is read amid them."""
    begun, clock = datetime.now(UTC), Clock()
    city = GeoCity([geo_request(number, begun - (number + 1) * 80 * DAY) for number in range(30)])
    starts: list[datetime] = []

    def pass_time(page: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        start = datetime.fromisoformat(query["start_date"]) if "start_date" in query else None
        if start is not None and start.year not in (1900, 2099):
            starts.append(start)
            clock.ahead += timedelta(minutes=2)
            if len(starts) == 5:
                city.reports.append(geo_request(777, datetime.now(UTC) + DAY / 24))
        return page

    city.lies = pass_time
    with rig(tmp_path, city.url, kind="open311", timing=QUICK, clock=clock) as console:
        console.live()
        assert "777" in console.cached()
        oldest = starts.index(min(starts))
        looks = [start for start in starts[:oldest] if start > begun - DAY]
        assert len(looks) > 5, "new ones are looked for all the time"
    city.close()


def test_the_nightly_list_of_a_server_without_end_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api_client.georeport._MOST_PAGES", 5)
    monkeypatch.setattr("console.sync.deletion_sweep._MORE", 100)
    now = datetime.now(UTC)
    city = GeoCity([geo_request(number, now - number * 80 * DAY) for number in range(6)], pages="heeded")
    with rig(tmp_path, city.url, kind="open311") as console:
        key = console.live().source
    city.without_end()
    asked = len(city.windows)
    client = GeoReportClient(city.url)
    cache_writer = CacheWriterProxy(tmp_path, lambda _: None)
    health = Health(key, lambda _: None, utc_now)
    puller = GeoReportPuller(key, client, cache_writer, health, KeptReports(tmp_path, key), HISTORY)
    sweep = DeletionSweep(key, client, tmp_path, puller)
    assert sweep.mend(lambda: False) == [], "what is not in its lists is asked for, and there"
    assert 5 < len(city.windows) - asked < 40
    cache_writer.close()
    client.close()
    city.close()
