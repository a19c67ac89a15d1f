"""The lane of a web map: what is fresh is not asked for, who refuses is left alone, what is in view comes first."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.cache.kept_tiles import KeptTiles
from console.rules.messages import BringTile, Start, TileBrought
from console.sync.process import Followers
from console.sync.web_map_lane import MOST_WAITING, WebMapLane
from tests.helpers.net import Answering, Canned, http
from tests.helpers.patience import Patience
from tests.unit.api_client.test_web_map import png


class Rig:
    """A lane beside a server, with a clock that the test sets."""

    def __init__(self, folder: Path, answer: Answering) -> None:
        self.server = Canned(answer)
        self.address = self.server.url + "/{z}/{x}/{y}.png"
        self.now = 1_000_000.0
        self.told: list[TileBrought] = []
        self._came = threading.Condition()
        self.lane = WebMapLane(folder, self.address, self._take, clock=lambda: self.now)
        self.tiles = KeptTiles(folder, self.address)

    def _take(self, message: TileBrought) -> None:
        with self._came:
            self.told.append(message)
            self._came.notify_all()

    def ask(self, x: int, y: int = 0) -> TileBrought:
        """Ask, and return the answer."""
        have = len(self.told)
        self.lane.want(BringTile(self.address, 9, x, y))
        patience = Patience(20)
        with self._came:
            while len(self.told) == have and not patience.is_over:
                self._came.wait(0.2)
        return self.told[-1]


@pytest.fixture
def rig_of(tmp_path: Path) -> Iterator[Callable[[Answering], Rig]]:
    rigs: list[Rig] = []

    def make(answer: Answering) -> Rig:
        rigs.append(Rig(tmp_path, answer))
        rigs[-1].lane.start()
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.lane.stop()
        rig.server.close()


RigOf = Callable[[Answering], Rig]


def test_a_fresh_picture_is_not_asked_for_again_and_an_old_one_by_its_mark(rig_of: RigOf) -> None:
    rig = rig_of(
        lambda asked, _: http(
            304 if asked.headers.get("if-none-match") == '"v1"' else 200, png(), Cache_Control="max-age=60", ETag='"v1"'
        )
    )
    assert [rig.ask(1).problem for _ in range(2)] == ["", ""]
    assert len(rig.server.asked) == 1
    rig.now += 61
    assert rig.ask(1).problem == ""
    assert rig.server.asked[-1].headers["if-none-match"] == '"v1"'
    kept = rig.tiles.get(9, 1, 0)
    assert kept is not None
    assert (kept.body, kept.fresh_until) == (png(), rig.now + 60)


@pytest.mark.parametrize(("status", "pause_s"), [(403, 60), (500, 5), (429, 30)])
def test_who_refuses_is_left_alone_for_a_while(rig_of: RigOf, status: int, pause_s: float) -> None:
    rig = rig_of(lambda *_: http(status, b"", Retry_After="30"))
    problems = [rig.ask(x).problem for x in range(6)]
    assert len(rig.server.asked) == 1
    assert len(set(problems)) == 1
    assert problems[0].endswith(".")
    rig.now += pause_s - 1
    rig.ask(7)
    assert len(rig.server.asked) == 1
    rig.now += 2
    rig.ask(8)
    assert len(rig.server.asked) == 2


def test_what_is_kept_stays_when_nobody_answers(rig_of: RigOf) -> None:
    answers = [http(200, png(), Cache_Control="max-age=60"), http(200, b"<html>Sign in</html>")]
    rig = rig_of(lambda *_: answers[min(1, len(rig.server.asked) - 1)])
    rig.ask(1)
    rig.now += 3_600
    assert "no picture" in rig.ask(1).problem
    kept = rig.tiles.get(9, 1, 0)
    assert kept is not None
    assert kept.body == png()


def test_what_was_asked_for_last_comes_first_and_what_is_out_of_sight_not_at_all(tmp_path: Path) -> None:
    rig = Rig(tmp_path, lambda *_: http(200, png()))
    for x in range(MOST_WAITING + 40):
        rig.lane.want(BringTile(rig.address, 9, x, 0))
    rig.lane.start()
    patience = Patience(30)
    while len(rig.told) < MOST_WAITING and not patience.is_over:
        threading.Event().wait(0.05)
    rig.lane.stop()
    rig.server.close()
    order = [int(asked.path.split("/")[2]) for asked in rig.server.asked]
    assert order == list(range(MOST_WAITING + 39, 39, -1))


def test_the_sync_process_brings_pictures_of_one_map_at_a_time(tmp_path: Path) -> None:
    first, second = (Canned(lambda *_: http(200, png())) for _ in range(2))
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    followers = Followers(Start(str(tmp_path), ()), told.put)
    followers.start()
    for x, server in enumerate((first, second, first)):
        followers.take(BringTile(server.url + "/{z}/{x}/{y}.png", 9, x, 0))
        assert told.get(timeout=60) == TileBrought(9, x, 0)
    assert set(followers.steps()) == {"web map"}
    followers.take(BringTile("https://maps.example.org/nothing", 9, 1, 0))
    assert "{z}" in told.get(timeout=60).problem
    followers.stop()
    assert [len(server.asked) for server in (first, second)] == [2, 1]
    for server in (first, second):
        server.close()
