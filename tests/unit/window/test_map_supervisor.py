"""The map process as a process: started when it is asked, killed, hung, starved, without a map, and back."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from console.city_map.manifest import MANIFEST
from console.city_map.messages import Answer, ClosedShape, ClosuresTaken, Find, PlacesFound, Times, TimesFound
from console.tasks import Tasks
from console.window import map_supervisor
from console.window.map_supervisor import MapSupervisor
from tests.helpers.built_town import build_town
from tests.helpers.osm_town import place

WAIT_MS = 60_000
HANGS = """
import os, sys
from console.city_map.messages import MapOpened
from console.pipe import pack
os.write(1, pack(MapOpened()))
while os.read(0, 100):
    pass
"""
LOOKS_AHEAD = """
import os
from console.city_map.messages import FoundPlace, LookAhead, LookedAhead, MapOpened, PlacesFound, Question
from console.pipe import Frames, pack
os.write(1, pack(MapOpened()))
frames, hours = Frames(Question), []
while piece := os.read(0, 100):
    for question in frames.feed(piece):
        if isinstance(question, LookAhead):
            hours.append(question.hour)
            os.write(1, pack(LookedAhead(len(hours) == 3)))
        else:
            os.write(1, pack(PlacesFound((FoundPlace("point", str(hours), "", 0.0, 0.0, "point"),))))
"""
QUESTION = Times(place(0.3, 0), {"one": place(0.3, 2)})


class Rig:
    """A supervisor, and all that it answered."""

    def __init__(self, profile: Path, qtbot: QtBot, **values: object) -> None:
        self.qtbot, self.tasks = qtbot, Tasks("map", 1)
        self.map = MapSupervisor(profile, self.tasks, **values)  # type: ignore[arg-type]
        self.answers: list[Answer | None] = []

    def ask(self, question: Times | Find = QUESTION, purpose: str = "times") -> None:
        self.map.ask(purpose, question, self.answers.append)

    def answer(self) -> Answer | None:
        """Ask and wait."""
        count = len(self.answers)
        self.ask()
        self.qtbot.waitUntil(lambda: len(self.answers) > count, timeout=WAIT_MS)
        return self.answers[-1]

    def is_back(self) -> bool:
        return isinstance(self.answer(), TimesFound)

    def wait_until_back(self) -> None:
        deadline = time.monotonic() + WAIT_MS / 1000
        while not self.is_back():
            assert time.monotonic() < deadline
            self.qtbot.wait(50)

    def pid(self) -> int:
        assert self.map.pid is not None
        return self.map.pid


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    profile = tmp_path_factory.mktemp("profile")
    build_town(profile)
    return profile


@pytest.fixture
def rig(profile: Path, qtbot: QtBot) -> Iterator[Rig]:
    rig = Rig(profile, qtbot)
    yield rig
    rig.map.stop()
    rig.tasks.shutdown()


def test_it_is_started_by_the_first_question_and_only_the_newest_of_a_purpose_waits(rig: Rig) -> None:
    assert rig.map.pid is None
    for column in (1, 2, 3):
        rig.ask(Times(place(0, 0), {"one": place(0, column)}))
    rig.ask(Find("kenari 2"), "find")
    rig.qtbot.waitUntil(lambda: len(rig.answers) == 2, timeout=WAIT_MS)
    travels, found = rig.answers
    assert isinstance(travels, TimesFound)
    assert travels.travels["one"].metres == pytest.approx(3 * 221, abs=9)
    assert isinstance(found, PlacesFound)
    assert found.places[0].name == "Gang Kenari 2"
    assert rig.map.invented


def test_without_a_map_nothing_is_started(tmp_path: Path, qtbot: QtBot) -> None:
    rig = Rig(tmp_path, qtbot)
    assert rig.answer() is None
    assert rig.answer() is None
    assert rig.map.pid is None
    rig.map.stop()
    rig.tasks.shutdown()


def test_a_map_that_has_just_been_made_is_asked_at_once(tmp_path: Path, qtbot: QtBot) -> None:
    rig = Rig(tmp_path, qtbot)
    assert rig.answer() is None
    build_town(tmp_path)
    rig.map.try_again()
    assert rig.answer() is not None
    rig.map.stop()
    rig.tasks.shutdown()


@pytest.mark.usefixtures("expected_log")
def test_a_damaged_map_is_done_without_and_a_whole_one_is_asked_again(
    tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_supervisor, "_NO_MAP_MS", 200)
    folder = build_town(tmp_path)
    manifest = (folder / MANIFEST).read_bytes()
    streets = max(folder.rglob("*.npy"), key=lambda one: one.stat().st_size)
    whole = streets.read_bytes()
    rig = Rig(tmp_path, qtbot)
    (folder / MANIFEST).write_bytes(b"{")
    assert rig.answer() is None
    (folder / MANIFEST).write_bytes(manifest)
    streets.write_bytes(whole[:100])
    qtbot.wait(300)
    assert rig.answer() is None
    streets.write_bytes(whole)
    rig.wait_until_back()
    rig.map.stop()
    rig.tasks.shutdown()


def test_killed_it_is_done_without_and_started_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_supervisor, "_BASE_MS", 2_000)
    assert rig.is_back()
    pid = rig.pid()
    os.kill(pid, signal.SIGKILL)
    rig.qtbot.waitUntil(lambda: rig.map.pid is None, timeout=WAIT_MS)
    assert rig.answer() is None  # at once: it is not waited for
    rig.wait_until_back()
    assert rig.pid() != pid


def test_one_that_is_killed_with_a_question_answers_that_nobody_does(rig: Rig) -> None:
    assert rig.is_back()
    os.kill(rig.pid(), signal.SIGSTOP)
    rig.ask()
    rig.ask(Find("kenari"), "find")
    os.kill(rig.pid(), signal.SIGKILL)
    rig.qtbot.waitUntil(lambda: rig.answers[1:] == [None, None], timeout=WAIT_MS)


@pytest.mark.usefixtures("expected_log")
def test_stopped_or_starved_it_is_ended_and_comes_back(profile: Path, qtbot: QtBot) -> None:
    rig = Rig(profile, qtbot, patience_s=3.0)
    rig.wait_until_back()
    os.kill(rig.pid(), signal.SIGSTOP)
    assert rig.answer() is None
    rig.wait_until_back()
    rig.map.stop()
    rig.tasks.shutdown()


@pytest.mark.usefixtures("expected_log")
def test_one_that_never_answers_is_ended(profile: Path, qtbot: QtBot) -> None:
    rig = Rig(profile, qtbot, command=[sys.executable, "-c", HANGS], patience_s=0.5)
    assert rig.answer() is None
    rig.map.stop()
    rig.tasks.shutdown()


@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize("text", ["print('x' * 4000)", "raise SystemExit(1)"])
def test_one_that_is_no_map_process_is_tried_less_and_less(text: str, profile: Path, qtbot: QtBot) -> None:
    rig = Rig(profile, qtbot, command=[sys.executable, "-c", text])
    waits = []
    for _ in range(3):
        assert rig.answer() is None
        waits.append(rig.map._again.interval())
        rig.map._again.stop()
    assert waits[2] > waits[0]
    rig.map.stop()
    rig.tasks.shutdown()


def test_after_a_while_without_a_question_it_ends_and_the_next_one_starts_it(profile: Path, qtbot: QtBot) -> None:
    rig = Rig(profile, qtbot, idle_s=0.3)
    assert rig.is_back()
    pid = rig.pid()
    qtbot.waitUntil(lambda: rig.map.pid is None, timeout=WAIT_MS)
    assert rig.is_back()  # no back-off: it did nothing wrong
    assert rig.pid() != pid
    rig.map.stop()
    rig.tasks.shutdown()


def test_closed_areas_are_told_to_the_next_process_too(rig: Rig) -> None:
    before = rig.answer()
    corners = (place(-0.1, 0.9), place(-0.1, 1.1), place(0.1, 1.1), place(0.1, 0.9))
    told: list[Answer | None] = []
    rig.map.close_shapes((ClosedShape(corners),), told.append)
    around = rig.answer()
    assert told == [ClosuresTaken((3,))]
    assert isinstance(before, TimesFound)
    assert isinstance(around, TimesFound)
    assert around.travels["one"].seconds > before.travels["one"].seconds
    os.kill(rig.pid(), signal.SIGKILL)
    rig.wait_until_back()
    assert rig.answers[-1] == around


def test_what_is_closed_goes_before_questions_that_wait(rig: Rig) -> None:
    before = rig.answer()
    corners = (place(-0.1, 0.9), place(-0.1, 1.1), place(0.1, 1.1), place(0.1, 0.9))
    rig.ask(purpose="under way")
    rig.ask(purpose="waits")
    rig.map.close_shapes((ClosedShape(corners),))
    rig.qtbot.waitUntil(lambda: len(rig.answers) == 3, timeout=WAIT_MS)
    assert rig.answers[:2] == [before, before]
    assert rig.answers[2] != before


def test_many_closures_are_closed_one_after_the_other_behind_the_questions_that_wait(
    profile: Path, qtbot: QtBot
) -> None:
    slow = f"""
from pathlib import Path
from console.city_map import map_process
map_process._CLOSING_S = 0.0
raise SystemExit(map_process.serve(Path({str(profile)!r})))
"""
    rig = Rig(profile, qtbot, command=[sys.executable, "-c", slow])
    before = rig.answer()
    around = tuple(
        ClosedShape((place(-0.1, x - 0.1), place(-0.1, x + 0.1), place(0.1, x + 0.1), place(0.1, x - 0.1)))
        for x in (3, 4, 1)
    )
    told: list[object] = []
    rig.ask(purpose="under way")
    rig.map.close_shapes(around, told.append)
    rig.map.ask("waits", QUESTION, told.append)
    qtbot.waitUntil(lambda: len(told) == 4, timeout=WAIT_MS)
    assert told[1] == before, "the one that is in the way is not closed yet"
    assert [one.stretches.count(None) for one in told if isinstance(one, ClosuresTaken)] == [2, 1, 0]
    assert rig.answer() != before
    rig.map.stop()
    rig.tasks.shutdown()


def test_of_closures_that_follow_one_another_the_newest_are_avoided(rig: Rig) -> None:
    before = rig.answer()
    shape = ClosedShape((place(-0.1, 0.9), place(-0.1, 1.1), place(0.1, 1.1), place(0.1, 0.9)))
    told: list[tuple[str, Answer | None]] = []
    for name, shapes in (("under way", (shape,)), ("waits", ()), ("newest", (shape,))):
        rig.map.close_shapes(shapes, partial(lambda one, answer: told.append((one, answer)), name))
    around = rig.answer()
    assert around != before
    assert told == [("under way", ClosuresTaken((3,))), ("newest", ClosuresTaken((3,)))]
    os.kill(rig.pid(), signal.SIGKILL)
    rig.wait_until_back()
    assert rig.answers[-1] == around


def test_a_map_that_runs_gets_ready_for_another_hour_and_none_is_started_for_that(profile: Path, qtbot: QtBot) -> None:
    rig = Rig(profile, qtbot, command=[sys.executable, "-c", LOOKS_AHEAD])

    def ready() -> str:
        answer = rig.answer()
        assert isinstance(answer, PlacesFound)
        return answer.places[0].name

    rig.map.look_ahead(17)
    qtbot.wait(50)
    assert rig.map.pid is None
    assert ready() == "[]"
    rig.map.look_ahead(17)
    qtbot.waitUntil(lambda: ready() == "[17, 17, 17]", timeout=WAIT_MS)
    qtbot.wait(50)
    assert ready() == "[17, 17, 17]", "asked no more when all is ready"
    rig.map.stop()
    rig.tasks.shutdown()


def test_it_ends_with_the_window(rig: Rig) -> None:
    assert rig.is_back()
    pid = rig.pid()
    rig.map.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert rig.answer() is None
