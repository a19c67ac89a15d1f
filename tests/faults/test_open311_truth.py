"""F21, F24: an Open311 server is believed as it was read last, and a comparison that must be wrong hides nothing."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.rules.messages import Compare, SourceState, SyncNow
from console.sync.retry import Timing
from tests.helpers.geo_city import GeoCity, geo_request
from tests.helpers.sync_rig import Rig, rig

QUICK = Timing(poll_s=0.2, slow_poll_s=0.2)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Clock:
    """The computer's clock, some time on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(params=[False, True], ids=["tells no changes", "tells changes"])
def city(request: pytest.FixtureRequest) -> Iterator[GeoCity]:
    """Twenty reports of one day, changed the day after."""
    then = datetime.now(UTC) - 3 * DAY
    dated = {"updated_datetime": (then + DAY).isoformat()}
    made = GeoCity([geo_request(n, then + n * HOUR, **dated) for n in range(1, 21)], changes=request.param)
    yield made
    made.close()


def compared(console: Rig, detail: str) -> SourceState:
    """Compare now; the state that says what was found."""
    console.followers.take(Compare())
    return console.wait(SourceState, lambda state: detail in state.detail, len(console.said))


def statuses(console: Rig) -> dict[str, str]:
    columns = console.reader.columns()
    return {one.report.id: str(one.report.status) for one in console.reader.reports(columns["row"])}


def test_a_report_that_is_listed_again_is_there_again(city: GeoCity, tmp_path: Path) -> None:
    """K5 a: hidden and shown again by a moderator, without a new date."""
    hidden = city.reports[6]
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        city.reports.remove(hidden)
        assert compared(console, "dropped").detail == "1 report is no longer at the server and dropped here."
        assert "7" not in console.cached()
        city.reports.append(hidden)
        console.followers.take(Compare())
        console.wait_until(lambda: len(console.cached()) == 20)


def test_a_report_that_is_shown_again_is_there_within_the_hour(city: GeoCity, tmp_path: Path) -> None:
    clock, hidden = Clock(), city.reports[6]
    with rig(tmp_path, city.url, kind="open311", timing=QUICK, clock=clock) as console:
        console.live()
        city.reports.remove(hidden)
        compared(console, "dropped")
        city.reports.append(hidden)
        clock.ahead = timedelta(minutes=61)
        console.wait_until(lambda: len(console.cached()) == 20)


def test_one_that_the_list_leaves_out_is_asked_for_and_taken_in(city: GeoCity, tmp_path: Path) -> None:
    """Its list holds what is open only, and what it says of the other one is news."""
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        city.lies = lambda page, _: [one for one in page if one["service_request_id"] != 7]
        city.reports[6]["status"] = "closed"
        console.followers.take(Compare())
        console.wait_until(lambda: statuses(console).get("7") != "new")
        assert statuses(console)["7"] == "resolved"


def test_what_is_read_in_the_second_of_the_drop_is_newer(city: GeoCity, tmp_path: Path) -> None:
    """The clock stands still, as it does for a reading that comes at once."""
    now = datetime.now(UTC)
    with rig(tmp_path, city.url, kind="open311", timing=QUICK, clock=lambda: now) as console:
        console.live()
        hidden = city.reports.pop(6)
        compared(console, "dropped")
        city.reports.append(hidden)
        console.followers.take(Compare())
        console.wait_until(lambda: "7" in console.cached())


@pytest.mark.usefixtures("expected_log")
def test_a_server_that_gives_nothing_for_a_while_hides_nothing(city: GeoCity, tmp_path: Path) -> None:
    """K5 b: lists and single answers are empty while an index is built; said until a comparison goes well."""
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        reports, city.reports = city.reports, []
        words = "The server gives none of the 20 reports that are here, which is not likely: nothing is dropped."
        assert compared(console, "What was withdrawn could not be looked for").detail.endswith(words)
        assert len(console.cached()) == 20
        city.reports = reports
        asked = len(city.windows)
        console.followers.take(SyncNow())
        console.wait_until(lambda: len(city.windows) > asked + 6)  # some rounds of reading
        last = [state for state in console.said if isinstance(state, SourceState)][-1]
        assert last.detail.endswith(words), "it stays until there was a good one"
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: state.state == "live" and not state.detail, console.said.index(last))
        assert len(console.cached()) == 20


def test_who_asks_while_a_comparison_is_made_gets_another_one(city: GeoCity, tmp_path: Path) -> None:
    """Of a large city one takes minutes: the word of a supervisor amid it was lost until the night."""
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        comparisons: list[str] = []

        def listen(page: list[dict[str, Any]], query: dict[str, str]) -> list[Any]:
            start = query.get("start_date", "")  # only a comparison asks for whole days
            if start.endswith("T00:00:00Z") and query.get("page") == "1" and start[:4] not in ("1900", "2099"):
                comparisons.append(start)
                if len(comparisons) == 1:
                    console.followers.take(Compare())
            return page

        city.lies = listen
        console.followers.take(Compare())
        console.wait_until(lambda: len(comparisons) == 2)


@pytest.mark.usefixtures("expected_log")
def test_a_loss_that_is_true_is_believed_when_somebody_says_so_and_of_these_reports_only(
    city: GeoCity, tmp_path: Path
) -> None:
    """A small town deletes 4 of its 20 reports; they stayed for ever."""
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        gone, city.reports = city.reports[:4], city.reports[4:]
        said = compared(console, "gives 16 of the 20 reports")
        assert said.doubted == 4
        lost_too, city.reports = city.reports[:5], city.reports[5:]
        console.followers.take(Compare(believe=True))
        said = console.wait(SourceState, lambda state: "gives 11 of the 20" in state.detail, len(console.said))
        assert (said.doubted, len(console.cached())) == (9, 20), "of five of these nobody had been told"
        city.reports = [*lost_too, *city.reports]
        said = compared(console, "dropped")
        assert (said.detail, said.doubted) == ("4 reports are no longer at the server and dropped here.", 0)
        assert len(console.cached()) == 16
        city.reports = [*gone, *city.reports]
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: not state.detail, len(console.said))
        assert len(console.cached()) == 20, "they are there again"
        city.reports = city.reports[4:]
        assert compared(console, "gives 16 of the 20 reports").doubted == 4, "asked anew"


@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize("old", [0, 300])
def test_a_server_that_loses_what_is_new_hides_nothing(tmp_path: Path, old: int) -> None:
    """A part of its index is missing: of the last days, beside many older ones that are all there."""
    now = datetime.now(UTC)
    new = [geo_request(n, now - n * HOUR) for n in range(1, 21)]
    city = GeoCity([*new, *(geo_request(1000 + n, now - 200 * DAY - n * HOUR) for n in range(old))])
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        kept = 12 if not old else 0  # of the new ones
        city.reports = new[20 - kept :] + city.reports[20:]
        said = compared(console, "could not be looked for")
        assert f"gives {kept + old if kept + old else 'none'} of the {20 + old} reports" in said.detail
        assert len(console.cached()) == 20 + old
    city.close()


def test_what_was_dropped_by_mistake_before_comes_back(city: GeoCity, tmp_path: Path) -> None:
    """The upgrade: an older version had dropped all of them, and kept back what was not changed since."""
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        source = console.live().source
    cache = sqlite3.connect(tmp_path / "cache.db")
    now = int(datetime.now(UTC).timestamp())
    cache.execute(
        "INSERT INTO gone SELECT source, 'report', remote_id, ? FROM reports WHERE source ="
        " (SELECT id FROM words WHERE kind = 'source' AND word = ?)",
        (now, source),
    )
    cache.execute("DELETE FROM texts")
    cache.execute("DELETE FROM reports")
    cache.execute("INSERT INTO fts (fts) VALUES ('delete-all')")
    cache.commit()
    cache.close()
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.wait_until(lambda: len(console.cached()) == 20)


@pytest.mark.parametrize("age", [2, 200, 900])
def test_what_was_dropped_is_found_again_however_old_it_is(tmp_path: Path, age: int) -> None:
    """Older than all that is here: a comparison goes as far back as the first fill did."""
    now = datetime.now(UTC)
    old = geo_request(1, now - age * DAY)
    city = GeoCity([geo_request(n, now - n * HOUR) for n in range(2, 11)] + [old], changes=True)
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        city.reports.remove(old)
        city.reports.append(geo_request(50, now - age * DAY))  # so that its window is not empty
        compared(console, "1 report is no longer at the server")
        city.reports[-1] = old
        compared(console, "1 report is no longer at the server")
        console.wait_until(lambda: "1" in console.cached())
        assert "50" not in console.cached()
    city.close()


def test_a_server_that_was_set_back_is_believed(city: GeoCity, tmp_path: Path) -> None:
    """K6: what had been closed since the backup is open again there, with the dates of before."""
    clock, backup = Clock(), copy.deepcopy(city.reports)
    with rig(tmp_path, city.url, kind="open311", timing=QUICK, clock=clock) as console:
        console.live()
        closed: dict[str, Any] = {"status": "closed", "status_notes": "Pumped out"}
        for one in city.reports[:3]:
            one.update(closed, updated_datetime=(datetime.now(UTC) - timedelta(minutes=2)).isoformat())
        console.followers.take(Compare())
        console.wait_until(lambda: sum(status == "resolved" for status in statuses(console).values()) == 3)
        city.reports[:] = backup
        clock.ahead = timedelta(minutes=61)  # the comparison at night aside
        console.wait_until(lambda: set(statuses(console).values()) == {"new"})
        entries = [entry for row in console.reader.columns()["row"] for entry in console.reader.entries(int(row))]
        assert entries == [], "what it has said since is gone with it"


def test_a_reopening_that_is_dated_before_the_closing_arrives(tmp_path: Path) -> None:
    """K6: stamps in local time go back over the end of summer time."""
    now = datetime.now(UTC)
    city = GeoCity([geo_request(1, now - DAY, status="closed", updated_datetime=now.isoformat())])
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        assert statuses(console) == {"1": "resolved"}
        city.reports[0].update(status="open", updated_datetime=(now - HOUR).isoformat())
        console.followers.take(Compare())
        console.wait_until(lambda: statuses(console) == {"1": "new"})
    city.close()


def test_a_clock_that_went_back_hides_no_reading(tmp_path: Path) -> None:
    """The computer was a year ahead when it read first, and the server tells no time of its own."""
    now = datetime.now(UTC)
    city = GeoCity([geo_request(1, now - DAY)])
    ahead = Clock()
    ahead.ahead = 365 * DAY
    with rig(tmp_path, city.url, kind="open311", timing=QUICK, clock=ahead) as console:
        console.live()
        console.wait_until(lambda: statuses(console) == {"1": "new"})
    city.reports[0]["status"] = "closed"
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        console.followers.take(Compare())
        console.wait_until(lambda: statuses(console) == {"1": "resolved"})
    city.close()
