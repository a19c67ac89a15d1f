"""The pull against a feed that lies, jumps and forgets: the cache is what the server has, or says why not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_client.dispatch import DispatchClient
from api_client.errors import Malformed
from api_client.transport import utc_now
from console.cache.page_items import PageItem
from console.cache.reader import CacheReader
from console.rules.messages import SignedIn, SourceState, SyncNow, Touched, ZoneTold
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.health import Health
from console.sync.pull_dispatch import DispatchPuller
from console.sync.retry import Timing
from console.sync.unreadable import Unreadable
from tests.helpers.fake_city import FakeCity, report
from tests.helpers.net import http
from tests.helpers.sync_rig import rig


@pytest.fixture
def city() -> Iterator[FakeCity]:
    city = FakeCity()
    for number in range(5):
        city.put("report", report(number))
    yield city
    city.close()


def test_first_fill_then_every_change(city: FakeCity, tmp_path: Path) -> None:
    with rig(tmp_path, city.url) as console:
        state = console.live()
        assert state.as_of is not None
        assert len(console.cached()) == 5
        assert any(isinstance(each, SourceState) and each.state == "filling" for each in console.said)
        assert any(isinstance(each, Touched) and each.everything for each in console.said)
        city.put("report", report(3, description="Changed"))
        console.wait(Touched, lambda each: bool(each.rows) and not each.everything, len(console.said) - 1)
        console.wait_until(lambda: console.cached()["3"] == "Changed")
        city.put("gone", {"id": "report/4", "kind": "report"})
        console.wait_until(lambda: "4" not in console.cached())


def test_the_zone_is_told_when_the_server_is_reached_and_when_it_is_back(city: FakeCity, tmp_path: Path) -> None:
    def root(zone: str) -> dict[str, Any]:
        return {"name": "sigap", "epoch": city.epoch, "city": {"name": "Fakeville", "timezone": zone}}

    city.answers["/"] = root("Asia/Jakarta")
    with rig(tmp_path, city.url) as console:
        console.live()
        console.wait(ZoneTold, lambda told: told == ZoneTold("jkt", "Asia/Jakarta"))
        city.answers["/changes"] = http(500, {"error": "fault", "message": "It fell over."}, Sigap_Server=city.epoch)
        console.followers.take(SyncNow())
        console.wait(SourceState, lambda state: not state.reached)
        city.answers["/"] = root("Asia/Makassar")
        del city.answers["/changes"]
        console.followers.take(SyncNow())
        console.wait(ZoneTold, lambda told: told.timezone == "Asia/Makassar")
        console.live()
        assert [asked.path for asked in city.server.asked].count("/dispatch/v1/") == 2


def test_new_rights_are_told_though_the_first_question_for_them_failed(city: FakeCity, tmp_path: Path) -> None:
    """F09. The page that tells of new rights is kept, and with it its number: no later page tells of them again."""
    with rig(tmp_path, city.url) as console:
        console.live()
        city.answers["/me"] = http(500, {"error": "fault", "message": "It fell over."}, Sigap_Server=city.epoch)
        city.scope_version = 2
        city.put("report", report(7))
        console.wait(SourceState, lambda state: not state.reached)
        assert console.reader.cursors()["jkt"].scope_version == 2
        city.answers["/me"] = {"name": "local", "role": "supervisor", "areas": ["north"]}
        console.followers.take(SyncNow())
        console.wait(SignedIn, lambda me: me.areas == ("north",))


def test_rights_that_change_while_everything_is_read_for_the_first_time_are_told(
    city: FakeCity, tmp_path: Path
) -> None:
    """F09. The first page of the feed has the same version as the last one of the fill."""
    city.answers["/me"] = {"name": "local", "role": "supervisor"}

    def tamper(kind: str, page: dict[str, Any]) -> dict[str, Any]:
        if kind == "snapshot" and len(city.paths("snapshot")) == 2:
            city.scope_version = 2
            city.answers["/me"] = {"name": "local", "role": "supervisor", "areas": ["north"]}
        return page | {"scope_version": city.scope_version}

    city.tamper = tamper
    with rig(tmp_path, city.url) as console:
        console.live()
        assert [said.areas for said in console.said if isinstance(said, SignedIn)][-1] == ("north",)


def test_a_restart_reads_only_what_is_new(city: FakeCity, tmp_path: Path) -> None:
    with rig(tmp_path, city.url) as console:
        console.live()
    asked = len(city.server.asked)
    city.put("report", report(9))
    with rig(tmp_path, city.url) as console:
        console.live()
        assert "9" in console.cached()
    assert not [each.path for each in city.server.asked[asked:] if "snapshot" in each.path]
    assert city.paths("changes?after=5")


def test_an_interrupted_fill_goes_on_where_it_was(city: FakeCity, tmp_path: Path) -> None:
    def fail_third(kind: str, page: dict[str, Any]) -> dict[str, Any]:
        if kind == "snapshot" and len(city.paths("snapshot")) == 3:
            return {}
        return page

    city.tamper = fail_third
    with rig(tmp_path, city.url) as console:
        console.wait(SourceState, lambda each: each.state == "wrong_server")
    city.put("report", report(0, description="Changed meanwhile"))
    with rig(tmp_path, city.url) as console:
        console.live()
        assert len(console.cached()) == 5
        assert console.cached()["0"] == "Changed meanwhile"
    assert sum("after_key" not in path for path in city.paths("snapshot")) == 1


@pytest.mark.parametrize(
    "lie",
    [
        {"from": 6},
        {"upto": 3},
        {"more": True, "upto": 5, "items": []},
        {"items": [{"kind": "report", "seq": 99, "id": "0", "data": report(0, description="from nowhere")}]},
    ],
    ids=["from elsewhere", "upto behind", "more of nothing", "beyond upto"],
)
def test_a_gap_is_pulled_again_and_never_stored(city: FakeCity, tmp_path: Path, lie: dict[str, Any]) -> None:
    lies = 2

    def tamper(kind: str, page: dict[str, Any]) -> dict[str, Any]:
        nonlocal lies
        if kind == "changes" and lies:
            lies -= 1
            return page | lie
        return page

    city.tamper = tamper
    with rig(tmp_path, city.url) as console:
        console.live()
        assert "from nowhere" not in console.cached().values()
        assert not [each for each in console.said if isinstance(each, SourceState) and each.state == "wrong_server"]
    assert lies == 0


def test_a_feed_that_keeps_a_gap_is_called_wrong(city: FakeCity, tmp_path: Path) -> None:
    city.tamper = lambda kind, page: page | {"from": 1} if kind == "changes" else page
    with rig(tmp_path, city.url) as console:
        state = console.wait(SourceState, lambda each: each.state == "wrong_server")
        assert "gap" in state.problem
        assert state.next_try_s is not None
        assert len(console.cached()) == 5, "what was read before stays"


@pytest.mark.parametrize("how", ["epoch", "gone"])
def test_replaced_data_is_read_anew_and_the_old_is_gone(city: FakeCity, tmp_path: Path, how: str) -> None:
    with rig(tmp_path, city.url) as console:
        console.live()
    if how == "epoch":
        city.replace_all([report(1, description="Restored"), report(77)])
    else:
        for number in (0, 2, 3, 4):
            del city.objects["report", str(number)]
        city.put("report", report(1, description="Restored"))
        city.put("report", report(77))
        city.kept_from = city.seq
    with rig(tmp_path, city.url) as console:
        console.live()
        assert console.cached() == {"1": "Restored", "77": "Report 77"}
        told = [each for each in console.said if isinstance(each, Touched)]
        assert told[0].everything, (
            "who shows the old rows would show each report twice until the new ones are all there"
        )
        assert told[-1].everything


def test_the_old_data_stays_until_the_new_is_in_hand(city: FakeCity, tmp_path: Path) -> None:
    with rig(tmp_path, city.url) as console:
        console.live()
    city.replace_all([report(77)])
    city.answers["/snapshot"] = http(500, {"error": "defect", "message": "Fell."})
    with rig(tmp_path, city.url) as console:
        console.wait(SourceState, lambda each: each.state == "offline" and each.problem == "Fell.")
        assert len(console.cached()) == 5
        del city.answers["/snapshot"]
        console.followers.take(SyncNow())
        console.live()
        assert console.cached() == {"77": "Report 77"}


def test_one_object_that_cannot_be_read_is_said_and_stops_nothing(city: FakeCity, tmp_path: Path) -> None:
    city.put("report", {"id": "bad", "priority": []})
    with rig(tmp_path, city.url) as console:
        assert "could not be understood" in console.live().detail
        assert len(console.cached()) == 5


def test_a_portal_moves_no_cursor(city: FakeCity, tmp_path: Path) -> None:
    with rig(tmp_path, city.url) as console:
        console.live()
    city.answers["/changes"] = http(200, "<html>Sign in to the hotel</html>")
    with rig(tmp_path, city.url) as console:
        state = console.wait(SourceState, lambda each: each.state == "wrong_server")
        assert "not a Sigap server" in state.problem
        assert len(console.cached()) == 5
        city.put("report", report(6))
        del city.answers["/changes"]
        console.followers.take(SyncNow())
        console.live()
        assert "6" in console.cached()


def test_a_wrong_token_is_refused_in_the_servers_words(city: FakeCity, tmp_path: Path) -> None:
    city.answers["/statuses"] = http(401, {"error": "sign_in", "message": "This token is not known."})
    with rig(tmp_path, city.url) as console:
        state = console.wait(SourceState, lambda each: each.state == "refused")
        assert state.problem == "This token is not known."


def test_without_a_stream_it_polls(city: FakeCity, tmp_path: Path) -> None:
    city.streaming = False
    with rig(tmp_path, city.url, timing=Timing(poll_s=0.1)) as console:
        console.live()
        city.put("report", report(8))
        console.wait_until(lambda: "8" in console.cached())


class Reading:
    """A puller of the city, whose rounds and clock the test turns."""

    def __init__(self, city: FakeCity, folder: Path) -> None:
        self.folder = folder
        self.now_s = 0.0
        self.heard = -1
        said = self.said = list[Any]()
        self.cache_writer = CacheWriterProxy(folder, said.append)
        self._client = DispatchClient(city.url)
        health = Health("jkt", said.append, utc_now)
        self.puller = DispatchPuller(
            "jkt",
            self._client,
            self.cache_writer,
            health,
            said.append,
            monotonic=lambda: self.now_s,
            heard=lambda: self.heard,
        )

    def round(self) -> None:
        self.puller.catch_up(lambda: False)

    def state(self) -> SourceState:
        """What was said of the source last."""
        return next(one for one in reversed(self.said) if isinstance(one, SourceState))

    def close(self) -> None:
        self._client.close()
        self.cache_writer.close()


@pytest.fixture
def reading(city: FakeCity, tmp_path: Path) -> Iterator[Reading]:
    reading = Reading(city, tmp_path)
    yield reading
    reading.close()


def test_a_number_that_is_told_too_high_makes_not_each_round_a_whole_reading(city: FakeCity, reading: Reading) -> None:
    """A10. The server stands one below what was told in its name: 410, and all is read anew."""
    city.tamper = lambda kind, page: page | {"upto": page["upto"] + 1} if kind == "changes" else page
    reading.round()
    fill = len(city.paths("snapshot"))
    for _ in range(3):  # as it may be set back by hand, and once more
        reading.now_s += 1
        reading.round()
    assert len(city.paths("snapshot")) == 4 * fill
    for _ in range(5):
        with pytest.raises(Malformed, match="again and again"):
            reading.round()
    assert len(city.paths("snapshot")) == 4 * fill
    city.tamper = lambda _, page: page
    reading.now_s += 360
    reading.round()
    reading.round()
    assert len(city.paths("snapshot")) == 5 * fill
    cursor = reading.cache_writer.cursor("jkt")
    assert cursor is not None
    assert cursor.seq == city.seq


def test_a_server_with_other_data_on_each_page_is_left(city: FakeCity, reading: Reading) -> None:
    """It was asked without a pause, for ever, and nobody was told."""
    epochs = itertools.count()
    city.tamper = lambda _, page: page | {"epoch": f"epoch {next(epochs)}"}
    with pytest.raises(Malformed, match="other data with each page"):
        reading.round()
    assert len(city.paths("snapshot")) < 12
    city.tamper = lambda _, page: page
    reading.round()
    cursor = reading.cache_writer.cursor("jkt")
    assert cursor is not None
    assert (cursor.epoch, cursor.seq) == (city.epoch, city.seq)


def test_answers_of_before_what_the_stream_told_are_not_current(city: FakeCity, reading: Reading) -> None:
    """A copy of the server, or a proxy, that lags: what is shown was called current, and a report stayed away."""
    reading.round()
    before = reading.state().as_of
    cursor = reading.cache_writer.cursor("jkt")
    assert before is not None
    assert cursor is not None
    reading.heard = city.seq + 1
    reading.round()
    assert (reading.state().state, reading.state().as_of, reading.puller.rounds_behind) == ("live", before, 1)
    reading.now_s += 6
    reading.round()
    assert "may be old" in reading.state().detail
    assert reading.state().as_of == before
    assert reading.cache_writer.cursor("jkt") == cursor
    city.put("report", report(9))
    reading.round()
    assert (reading.state().detail, reading.puller.rounds_behind) == ("", 0)
    after = reading.state().as_of
    assert after is not None
    assert after > before


def test_what_could_not_be_understood_is_said_at_every_start_until_it_can(city: FakeCity, tmp_path: Path) -> None:
    """After a restart nothing told that two thirds of the reports were missing."""
    broken = {"id": "7", "photos": 5}
    city.put("report", broken)
    for _ in range(2):
        reading = Reading(city, tmp_path)
        reading.round()
        assert "1 object of the server could not be understood, 1 of them reports" in reading.state().detail
        reading.close()
    city.put("report", report(7))
    reading = Reading(city, tmp_path)
    reading.round()
    assert reading.state().detail == ""
    reading.close()
    reading = Reading(city, tmp_path)
    reading.round()
    assert reading.state().detail == ""
    reading.close()


def test_of_very_many_that_are_missing_all_are_counted_and_some_named() -> None:
    missing = Unreadable()
    missing.see((), [f"report/{n}" for n in range(3_000)] + [f"entry/{n}" for n in range(2_000)])
    again = Unreadable()
    again.take(missing.noted)
    assert again.words == missing.words
    assert "5,000 objects" in again.words
    assert "3,000 of them reports" in again.words
    assert len(missing.noted) < 30_000
    again.see((), [f"report/{n}" for n in range(10)])
    assert len(again) == 5_000, "named already"
    again.see([PageItem("gone", 1, "report/3", None)], ())
    assert len(again) == 4_999
    again.clear()
    assert (again.noted, again.words) == ("", "")
    again.take("no JSON")
    assert len(again) == 0


def test_a_spoilt_text_or_number_of_one_object_spoils_no_page(city: FakeCity, reading: Reading) -> None:
    """Half a letter in one description kept a whole page away, a number beyond all others each round."""

    def spoil(part: str, page: dict[str, Any]) -> dict[str, Any]:
        for item in page["items"][:1]:
            item["data"]["description"] = "half \ud83d a letter"
        if part == "snapshot":
            page["items"][1]["seq"] = 2**64
        return page

    city.tamper = spoil
    city.page = 10
    reading.round()
    assert reading.state().state == "live"
    reader = CacheReader(reading.folder)
    texts = [text.description for text in reader.texts(reader.columns()["row"])]
    reader.close()
    assert "half ? a letter" in texts
    assert len(texts) == len(city.objects) - 1
    assert "1 object of the server could not be understood" in reading.state().detail
