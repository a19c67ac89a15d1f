"""F21 and F24: what is gone at the server goes here too, and a cache that drifted is found and read again."""

from __future__ import annotations

import json
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api_client.model import EditBody, Kind, Report, Status
from console.rules.messages import Compare, SourceState, SyncNow
from console.rules.queued import EditState
from console.server.city.records import LOCAL, LoadedReport
from console.sync.mapping import Mapper
from console.sync.reconcile import Nightly
from console.sync.retry import Timing
from tests.helpers.fake_city import FakeCity, report
from tests.helpers.live_server import Live
from tests.helpers.net import Asked
from tests.helpers.proxy import Exchange, FaultProxy, answer, path_has, rewrite, through
from tests.helpers.sync_rig import Rig, assert_same, edit_id, rig

QUICK = Timing(poll_s=0.2, slow_poll_s=0.2)


def without_items(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    page = json.loads(body)
    return head, json.dumps(page | {"items": []}).encode()


def spoil(folder: Path, *statements: str) -> None:
    """What a defect, or a hand in the file, would do to a cache that nobody has open."""
    connection = sqlite3.connect(folder / "cache.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.usefixtures("expected_log")
def test_rows_that_a_defect_lost_or_left_behind_come_back(live: Live, tmp_path: Path) -> None:
    """F24, missed rows. Protection: DispatchComparison, console/sync/reconcile_dispatch.py."""
    folder = tmp_path / "profile"
    with rig(folder, live.url) as console:
        console.live()
        console.outcome(console.push(Kind.NOTE, "r2", text="x"), EditState.ACCEPTED)
        console.outcome(console.push(Kind.SET, "r1", version=1, priority=1), EditState.ACCEPTED)
        console.wait_until(lambda: console.reader.cursors()["jkt"].seq == live.city.seq())
    spoil(
        folder,
        "DELETE FROM reports WHERE remote_id IN ('r3', 'r4')",
        "UPDATE reports SET seq = 1 WHERE remote_id = 'r1'",
        "UPDATE texts SET description = 'Wrong' WHERE row = (SELECT row FROM reports WHERE remote_id = 'r1')",
        "INSERT INTO reports SELECT row + 500, source, 'ghost', seq, created, facts FROM reports"
        " WHERE remote_id = 'r5'",
        "DELETE FROM entries WHERE report = 'r1'",
    )
    with rig(folder, live.url, timing=QUICK) as console:
        console.live()
        assert "r3" not in console.cached()
        console.followers.take(Compare())
        said = console.wait(SourceState, lambda state: "differed" in state.detail)
        assert "4 reports differed and were read again" in said.detail
        assert_same(console, live)


def in_a_word_of_its_own(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """What a server says that calls what is resolved by another name."""
    return head, body.replace(b'"resolved"', b'"selesai"')


@pytest.mark.usefixtures("expected_log")
def test_a_report_is_read_again_as_it_was_read_first(live: Live, tmp_path: Path) -> None:
    """F24: it lost what its reporter had answered, and one closed in the server's own word came back as open."""
    now = datetime.now(UTC)
    answered = Report("deep", 1, Status.RESOLVED, "flood", 3, "Deep", now, now, attributes={"depth": ("knee",)})
    live.city.load([LoadedReport(answered)])
    folder, proxy = tmp_path / "profile", FaultProxy(live.port)
    proxy.when(lambda asked: "/stream" not in asked.path, rewrite(in_a_word_of_its_own))

    def read(console: Rig) -> tuple[Status, str | None, dict[str, tuple[str, ...]]]:
        row = console.reader.row_of("jkt", "deep")
        assert row is not None
        cached = console.reader.report(row)
        assert cached is not None
        return cached.report.status, cached.report.status_label, cached.report.attributes

    with rig(folder, proxy.url) as console:
        console.live()
        first = read(console)
    assert first == (Status.RESOLVED, "selesai", {"depth": ("knee",)})
    spoil(folder, "UPDATE reports SET seq = 1 WHERE remote_id = 'deep'")
    with rig(folder, proxy.url, timing=QUICK) as console:
        console.live()
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: "1 report differed" in state.detail)
        assert read(console) == first
    proxy.close()


@pytest.mark.usefixtures("expected_log")
def test_tables_that_contradict_one_another_are_a_damaged_file(live: Live, tmp_path: Path) -> None:
    """F24, F28: met when it is written to; the cache is filled anew, and no lane ends of it (cache/writer.py)."""
    folder = tmp_path / "profile"
    with rig(folder, live.url) as console:
        console.live()
    spoil(folder, "DELETE FROM reports WHERE row = (SELECT max(row) FROM reports)")  # its texts stay
    with rig(folder, live.url, timing=QUICK) as console:
        console.live()
        live.city.apply(
            EditBody(id=edit_id(900), kind=Kind.CREATE, data={"service": "flood", "description": "New"}),
            report=None,
            actor=LOCAL,
        )
        console.wait_until(lambda: "New" in console.cached().values())
        assert_same(console, live)
    aside = {file.name for file in folder.glob("cache.db.damaged*") if not file.name.endswith(("-wal", "-shm"))}
    assert len(aside) == 1


@pytest.mark.usefixtures("expected_log")
def test_a_defect_in_a_lane_is_said_and_the_lane_goes_on(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: a page that Sigap itself stumbles over (source.py: PullLane)."""
    with rig(tmp_path / "profile", live.url, timing=QUICK) as console:
        console.live()
        whole = Mapper.page
        monkeypatch.setattr(Mapper, "page", lambda *_: 1 // 0)
        live.city.apply(EditBody(id=edit_id(900), kind=Kind.NOTE, data={"text": "x"}), report="r1", actor=LOCAL)
        console.wait(SourceState, lambda state: "could not take in" in state.problem)
        monkeypatch.setattr(Mapper, "page", whole)
        console.followers.take(SyncNow())
        assert_same(console, live)


@pytest.mark.usefixtures("expected_log")
def test_a_page_without_some_of_its_rows_is_mended_by_the_next_comparison(live: Live, tmp_path: Path) -> None:
    """F24, a page that says it is whole and is not: no number shows it, the day's hash does."""
    proxy = FaultProxy(live.port)
    with rig(tmp_path / "profile", proxy.url, timing=QUICK) as console:
        console.live()
        rule = proxy.when(path_has("/changes?after"), rewrite(without_items))
        live.city.apply(EditBody(id=edit_id(900), kind=Kind.SET, data={"priority": 1}), report="r1", actor=LOCAL)
        console.wait_until(lambda: console.reader.cursors()["jkt"].seq == live.city.seq())
        assert rule.hit
        proxy.heal()
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: "1 report differed" in state.detail)
        assert_same(console, live)
    proxy.close()


def test_a_comparison_of_equals_is_told_only_to_who_asked(live: Live, tmp_path: Path) -> None:
    with rig(tmp_path / "profile", live.url, timing=QUICK) as console:
        console.live()
        source: Any = console.followers._following["jkt"]
        source._nightly.due_at = datetime.min.replace(tzinfo=UTC)  # as it comes at night
        console.followers.take(SyncNow())
        console.wait_until(lambda: source._compared.compared == 1)
        assert source._compared.repaired == []
        assert not any(state.detail for state in console.said if isinstance(state, SourceState))
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: "nothing differed" in state.detail)


def made_in(live: Live, *years: int) -> None:
    """A report of each of these years at the server."""
    for year in years:
        made = datetime(year, 5, 17, tzinfo=UTC)
        old = Report(f"y{year}", 1, Status.NEW, "flood", 3, str(year), made, made)
        live.city.load([LoadedReport(old)])


@pytest.mark.parametrize("part", ["/snapshot", "/changes"])
def test_pages_that_are_too_large_are_asked_for_in_smaller_ones(live: Live, tmp_path: Path, part: str) -> None:
    """A server that counts objects and not bytes: its page was asked for again and again, and never read."""
    proxy = FaultProxy(live.port)
    head = b"HTTP/1.1 200 OK\r\nSigap-Server: x\r\nContent-Type: application/json\r\nContent-Length: 40000000\r\n\r\n"
    rules = [
        proxy.when(lambda asked, most=most: part in asked.path and f"limit={most}" in asked.path, answer(head))
        for most in (2000, 250)
    ]
    with rig(tmp_path / "profile", proxy.url, timing=QUICK) as console:
        console.live()
        assert len(console.cached()) == 10
        assert all(rule.hit for rule in rules)
        assert_same(console, live)
    proxy.close()


def test_answers_that_are_kept_on_the_way_are_asked_for_again_soon(live: Live, tmp_path: Path) -> None:
    """The stream tells of a report that the answers, kept by something between, do not hold: it came a minute late."""
    proxy = FaultProxy(live.port)
    kept: dict[str, bytes] = {}

    def keep(exchange: Exchange) -> None:
        answer = kept.get(exchange.asked.path) or exchange.forward()
        exchange.client.sendall(kept.setdefault(exchange.asked.path, answer))

    with rig(tmp_path / "profile", proxy.url) as console:
        console.live()
        source: Any = console.followers._following["jkt"]
        console.wait_until(lambda: source._stream.alive)
        proxy.when(path_has("/changes"), keep)
        console.followers.take(SyncNow())
        console.wait_until(lambda: kept)
        live.city.apply(
            EditBody(id=edit_id(900), kind=Kind.CREATE, data={"service": "flood", "description": "Help"}),
            report=None,
            actor=LOCAL,
        )
        told = console.wait(SourceState, lambda state: "may be old" in state.detail)
        assert told.state == "live"
        assert "Help" not in console.cached().values()
        proxy.heal()
        console.wait_until(lambda: "Help" in console.cached().values())
        console.wait(SourceState, lambda state: not state.detail, since=console.said.index(told))
    proxy.close()


@pytest.mark.usefixtures("expected_log")
def test_a_first_fill_that_brings_too_few_is_compared_at_once(live: Live, tmp_path: Path) -> None:
    """An answer that belongs to another page ended it with three reports of ten, and nothing was said."""
    proxy = FaultProxy(live.port)

    def last_page(head: bytes, body: bytes) -> tuple[bytes, bytes]:
        page = json.loads(body)
        return head, json.dumps(page | {"items": page["items"][-3:], "next_key": None}).encode()

    proxy.when(path_has("/snapshot"), rewrite(last_page), times=1)
    with rig(tmp_path / "profile", proxy.url) as console:
        console.wait(SourceState, lambda state: "differed and were read again" in state.detail)
        assert len(console.cached()) == 10
    proxy.close()


@pytest.mark.usefixtures("expected_log")
def test_an_answer_about_another_report_is_not_kept_as_this_one(live: Live, tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    with rig(folder, live.url) as console:
        console.live()
    spoil(folder, "UPDATE reports SET seq = 1 WHERE remote_id = 'r2'")
    proxy = FaultProxy(live.port)

    def other(exchange: Exchange) -> None:
        exchange.asked.path = exchange.asked.path.replace("/reports/r2", "/reports/r3")
        through(exchange)

    proxy.when(path_has("/reports/r2"), other)
    with rig(folder, proxy.url, timing=QUICK) as console:
        console.live()
        before = console.cached()["r2"]
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: "Could not be compared" in state.detail)
        assert console.cached()["r2"] == before
        proxy.heal()
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: "1 report differed" in state.detail)
        assert_same(console, live)
    proxy.close()


def a_failing_digest(head: bytes, _: bytes) -> tuple[bytes, bytes]:
    return head.replace(b"200 OK", b"500 Internal Server Error"), b'{"error": "defect", "message": "It failed."}'


def no_digest(head: bytes, _: bytes) -> tuple[bytes, bytes]:
    return head, b"[]"


@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize("spoilt", [a_failing_digest, no_digest])
def test_a_server_that_cannot_be_compared_with_is_live_all_the_same(live: Live, tmp_path: Path, spoilt: Any) -> None:
    """F24: a comparison that fails costs the comparison. Protection: ComparedPuller, console/sync/reconcile.py."""
    proxy = FaultProxy(live.port)
    proxy.when(path_has("/digest"), rewrite(spoilt))
    with rig(tmp_path / "profile", proxy.url, timing=QUICK) as console:
        console.live()
        since = len(console.said)
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: "Could not be compared" in state.detail)
        live.city.apply(EditBody(id=edit_id(900), kind=Kind.SET, data={"priority": 1}), report="r1", actor=LOCAL)
        assert_same(console, live)
        assert {state.state for state in console.said[since:] if isinstance(state, SourceState)} == {"live"}
        source: Any = console.followers._following["jkt"]
        assert timedelta(minutes=50) < source._nightly.due_at - datetime.now(UTC) < timedelta(hours=2, minutes=10)
        proxy.heal()
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: "nothing differed" in state.detail, since)
    proxy.close()


def test_a_source_that_goes_away_amid_a_comparison_is_offline(live: Live, tmp_path: Path) -> None:
    proxy = FaultProxy(live.port)
    with rig(tmp_path / "profile", proxy.url, timing=QUICK) as console:
        console.live()
        proxy.when(path_has("/digest"), lambda _: proxy.away())
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: state.state == "offline")
        assert not any("compared" in state.detail for state in console.said if isinstance(state, SourceState))
    proxy.close()


def test_reports_of_before_all_calendars_stop_no_comparison(live: Live, tmp_path: Path) -> None:
    """What a server holds from before it refused such dates is of an unknown day, and is compared with nothing."""
    made = datetime.fromisoformat("0001-01-01T00:00:00+14:00")
    live.city.load([LoadedReport(Report("old", 1, Status.NEW, "flood", 3, "Old", made, datetime.now(UTC)))])
    with rig(tmp_path / "profile", live.url, timing=QUICK) as console:
        console.live()
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: "nothing differed" in state.detail)
        assert console.cached()["old"] == "Old"


@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize(("told", "most"), [(True, 6), (False, 70)])
def test_reports_of_any_day_are_compared_and_only_those_days_are_asked_for(
    live: Live, tmp_path: Path, told: bool, most: int
) -> None:
    """F24, drift far back: what only the server has, older than all that is cached. Guards: _day_before."""
    years = (1971, 1985, 1999, 2090) if told else (1971, 1999)  # a server that does not say more has begun in 1970
    made_in(live, *years)
    folder = tmp_path / "profile"
    proxy = FaultProxy(live.port)
    with rig(folder, proxy.url) as console:
        console.live()
        assert len(console.cached()) == 10 + len(years)
    spoil(
        folder,
        f"DELETE FROM reports WHERE remote_id LIKE 'y%' AND remote_id <> 'y{years[-1]}'",
        "DELETE FROM texts WHERE row NOT IN (SELECT row FROM reports)",
    )
    asked: list[str] = []

    def note(one: Asked) -> bool:
        asked.extend([one.path] * path_has("/digest?")(one))
        return False

    proxy.when(note, through)
    if not told:
        proxy.when(path_has("/digest?"), rewrite(without_earlier))
    with rig(folder, proxy.url, timing=QUICK) as console:
        console.live()
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: f"{len(years) - 1} report" in state.detail)
        assert_same(console, live)
    assert 2 <= len(asked) <= most, asked
    proxy.close()


def without_earlier(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    digest = json.loads(body)
    del digest["earlier"]
    return head, json.dumps(digest).encode()


def test_a_server_without_digests_is_followed_as_before(tmp_path: Path) -> None:
    city = FakeCity(page=100)
    city.put("report", report(1))
    with rig(tmp_path, city.url, timing=QUICK) as console:
        console.live()
        console.followers.take(Compare())
        console.wait(SourceState, lambda state: "nothing to compare with" in state.detail)
        city.put("report", report(2))
        console.wait_until(lambda: "2" in console.cached())
    city.close()


@pytest.mark.parametrize("seed", range(20))
def test_comparisons_come_within_the_hour_and_then_every_night(seed: int) -> None:
    """F24, drift is found within a day: never more than 26 h apart, and not all consoles at one moment."""
    now = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    nightly = Nightly(now, "Asia/Jakarta", random.Random(seed))
    assert timedelta(minutes=10) <= nightly.due_at - now <= timedelta(hours=1)
    last = nightly.due_at
    for _ in range(3):
        nightly.done(last)
        hour = (nightly.due_at + timedelta(hours=7)).hour
        assert hour in (2, 3)
        assert timedelta(0) < nightly.due_at - last <= timedelta(hours=26)
        last = nightly.due_at


def test_a_withdrawn_report_of_a_geo_report_server_vanishes(live: Live, tmp_path: Path) -> None:
    """F21, no tombstones: Sweep, console/sync/deletion_sweep.py."""
    with rig(tmp_path / "geo", live.url + "/open311/v2", kind="open311", timing=QUICK) as console:
        console.live()
        assert len(console.cached()) == 10
        live.city.remove("report", "r7")
        console.followers.take(SyncNow())
        console.followers.take(Compare())
        said = console.wait(SourceState, lambda state: "no longer at the server" in state.detail)
        assert said.detail.startswith("1 report is no longer")
        assert sorted(console.cached()) == sorted(f"r{n}" for n in range(1, 11) if n != 7)


def test_a_list_that_leaves_reports_out_deletes_nothing(live: Live, tmp_path: Path) -> None:
    """F21, the other way: not being listed is no proof."""
    proxy = FaultProxy(live.port)
    with rig(tmp_path / "geo", proxy.url + "/open311/v2", kind="open311", timing=QUICK) as console:
        console.live()
        proxy.when(path_has("/requests.json"), rewrite(lambda head, _: (head, b"[]")))
        console.followers.take(Compare())
        source: Any = console.followers._following["jkt"]
        before = source._nightly.due_at
        console.wait_until(lambda: source._nightly.due_at > before)
        assert len(console.cached()) == 10
    proxy.close()


@pytest.mark.parametrize("begin", [datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)])
def test_f23_the_nightly_comparison_on_nights_of_23_and_25_hours(begin: datetime) -> None:
    """F23: once each night between two and four of the city's clock, and never twice in one (reconcile.py: Nightly)."""
    zone = ZoneInfo("Europe/Berlin")
    for seed in range(50):
        now, nights = begin, []
        nightly = Nightly(now, "Europe/Berlin", random.Random(seed))
        while now < begin + timedelta(days=5):
            nightly.done(now)
            assert timedelta(0) < nightly.due_at - now <= timedelta(hours=27)
            now = nightly.due_at
            nights.append(now.astimezone(zone).date())
            assert now.astimezone(zone).hour in (1, 2, 3, 4)  # an hour more or less on the night itself
        assert len(nights) == len(set(nights))
        assert (nights[-1] - nights[0]).days == len(nights) - 1, "no night without"
