"""A sync process that stands still while its console lives: noticed, said, ended and started again."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from api_client.dispatch import DispatchClient
from api_client.model import Kind
from api_client.transport import TransferLimits
from console.cache.reader import CacheReader
from console.files.errors import LockedByOther
from console.files.lock import FileLock
from console.panels.sources import Sources
from console.rules.edit import Edit
from console.rules.messages import Down, Fetch, Outcome, Push, Reveal, Source, SourceState, Start, Touched, Up
from console.rules.queued import EditState
from console.sync.process import LOCK, Followers
from console.sync.retry import Timing
from console.sync.send_dispatch import DispatchSender
from console.window.actions import ACTIONS
from console.window.sync_supervisor import SyncSupervisor
from tests.faults.test_kill_everything import REPORTS, SETTLE_S, Operator, check_promises, snapshot
from tests.helpers.city import TOKENS, Served, console, served, wait_for, write_users
from tests.helpers.fake_city import FakeCity, five_reports, report
from tests.helpers.hands import wait_ready
from tests.helpers.net import Asked, Canned, black_hole, http
from tests.helpers.sync_rig import rig

SOON_S = 30.0
FROZE = "The connection to the city froze and is started again"


@pytest.fixture
def city() -> Iterator[FakeCity]:
    with five_reports() as city:
        yield city


class Watched:
    """A SyncSupervisor with a sync process that sends five heartbeats a second; what it said, and what the bar
    showed.
    """

    def __init__(
        self,
        folder: Path,
        where: str,
        *,
        stuck_s: float = 2.0,
        frozen_s: float = 2.0,
        begins_after_s: float = 0.0,
    ) -> None:
        self.folder = folder / "profile"
        command = [sys.executable, "-m", "tests.faults.stuck_child", where, str(stuck_s), str(folder / "mark")]
        self.sync_supervisor = SyncSupervisor(command=[*command, str(begins_after_s)], frozen_s=frozen_s)
        self.sources = Sources([], UTC, lambda: datetime.now(UTC), ACTIONS)
        self.froze = 0
        self.pids: list[int | None] = []
        self.shown: list[str] = []
        self.outcomes: list[Outcome] = []
        self.said: list[SourceState] = []
        self.sync_supervisor.froze.connect(self._on_froze)
        self.sync_supervisor.froze.connect(self.sources.on_froze)
        self.sync_supervisor.alive.connect(self._on_alive)
        self.sync_supervisor.alive.connect(self.sources.set_alive)
        self.sync_supervisor.source_state.connect(self.said.append)
        self.sync_supervisor.source_state.connect(self.sources.set_state)
        self.sync_supervisor.outcome.connect(self.outcomes.append)
        self.sources.changed.connect(self._on_shown)

    def start(self, url: str, kind: str = "dispatch") -> None:
        source = Source("jkt", "Jakarta", url, kind)
        self.sources.set_sources([source])
        self.sync_supervisor.start(Start(str(self.folder), (source,)))

    def live(self) -> bool:
        return self.sources.states().get("jkt") == "live"

    def states(self, edit_id: str) -> list[EditState]:
        return [outcome.state for outcome in self.outcomes if outcome.edit_id == edit_id]

    def _on_froze(self) -> None:
        self.froze += 1

    def _on_alive(self, alive: bool) -> None:
        if alive:
            self.pids.append(self.sync_supervisor.pid)

    def _on_shown(self) -> None:
        self.shown.append(" | ".join(cell.text for cell in self.sources.cells()))


@pytest.fixture
def watch(qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    made: list[Watched] = []

    def make(where: str = "-", **more: Any) -> Watched:
        made.append(Watched(tmp_path, where, **more))
        return made[-1]

    yield make
    for each in made:
        each.sync_supervisor.stop()


@pytest.mark.usefixtures("qapp")
def test_stopped_amid_its_work_it_is_replaced_and_every_edit_is_there_once(tmp_path: Path) -> None:
    """I4: the looks of sync_supervisor.py; the words of sources.py; what was under way is handed over again
    (outbox.py).
    """
    users = str(write_users(tmp_path / "city"))
    profile = tmp_path / "profile"
    profile.mkdir(mode=0o700)
    with served(tmp_path / "city", "--demo-city", "--still", "--reports", str(REPORTS), "--users", users) as city:
        operator = Operator(profile, city)
        operator.start(5, "calmly", "5")
        try:
            for _ in range(15):
                operator.hear("saved")
            stopped = operator.sync_pid
            os.kill(stopped, signal.SIGSTOP)
            assert operator.hear("shows") == FROZE
            assert int(operator.hear("sync")) != stopped
            assert operator.hear("shows") == "the server"
            operator.hear("saved")
            operator.kill()
            shown = operator.settle(SETTLE_S)
        finally:
            operator.kill()
            operator.kill_sync()  # one that is still stopped would not see that its console is gone
        there = snapshot(city)
    check_promises(operator, profile, shown, there)


long = pytest.mark.long
FETCH = Fetch("jkt", "0" * 64, None)
EDIT = Edit(str(uuid.UUID(int=1)), Kind.NOTE, "1", "local", "d", 1, datetime.now(UTC), {"text": "x"}, source="jkt")
PHOTO = Edit(
    str(uuid.UUID(int=2)), Kind.PHOTO, "1", "local", "d", 2, datetime.now(UTC), {"sha256": "0" * 64}, source="jkt"
)


@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize(
    ("where", "named", "sends"),
    [
        pytest.param("console.sync.reconcile:ComparedPuller.catch_up", ["jkt pull"], None, id="pull"),
        pytest.param("console.cache.writer:CacheWriter._write_cursor", ["jkt pull"], None, id="commit"),
        pytest.param("console.sync.attempt:Attempt.make", ["jkt push-0", "jkt push-1"], Push(EDIT), id="push"),
        pytest.param("console.sync.process:Followers.take", ["pipe"], FETCH, id="pipe"),
        pytest.param("console.sync.health:Health._become", ["jkt pull"], None, id="health", marks=long),
        pytest.param("console.sync.stream:StreamLane._listen", ["jkt stream"], None, id="stream", marks=long),
        pytest.param(
            "console.sync.photo_sender:PhotoSender._upload", ["jkt upload-0"], Push(PHOTO), id="upload", marks=long
        ),
        pytest.param(
            "console.sync.download_lane:DownloadLane._bring", ["jkt download"], FETCH, id="download", marks=long
        ),
        pytest.param(
            "console.sync.requests_lane:RequestsLane._answer", ["jkt ask"], Reveal("jkt", "1"), id="ask", marks=long
        ),
    ],
)
def test_a_lane_that_hangs_is_noticed_and_everything_goes_on(
    watch: Callable[..., Watched],
    city: FakeCity,
    capfd: pytest.CaptureFixture[str],
    where: str,
    named: list[str],
    sends: Down | None,
) -> None:
    """I4: a beat that is held back when a thread stands still (heartbeat.py); the next process takes locks and files
    over.

    Every lane, the thread of the pipe, and one that hangs with the cache's write lock in its hands.
    """
    watched = watch(where)
    if sends is not None:
        # What the lane is to hang on comes when it can be reached, and again in the second life.
        again = sends
        watched.sync_supervisor.source_state.connect(
            lambda state: state.state == "live" and watched.sync_supervisor.send(again)
        )
    watched.start(city.url)
    wait_for(lambda: watched.froze, SOON_S, "noticed")
    assert any(FROZE in shown for shown in watched.shown)
    wait_for(lambda: watched.live() and FROZE not in watched.shown[-1], SOON_S, "live again, and said so no more")
    assert len(set(watched.pids)) == 2
    err = capfd.readouterr().err
    assert [name for name in named if f"no further step in 2 s: {name}\n" in err]
    reader = CacheReader(watched.folder)
    assert reader.counts()["reports"] == 5
    reader.close()
    if isinstance(sends, Push) and sends.edit is EDIT:
        wait_for(lambda: EditState.ACCEPTED in watched.states(EDIT.id), SOON_S, "the edit is taken")
        assert city.applied == [EDIT.id]
    assert watched.froze == 1


@pytest.mark.parametrize("kind", ["dispatch", "open311"])
def test_every_thread_of_a_source_is_watched(tmp_path: Path, kind: str) -> None:
    """I4: a lane that nobody watches could stand still unseen (source.py, georeport_source.py: steps)."""
    hasty = TransferLimits(connect_s=0.5)  # who stops waits for connects that hang
    timing, before = Timing(page=hasty, small=hasty, photo=hasty), set(threading.enumerate())
    with black_hole() as port, rig(tmp_path, f"http://127.0.0.1:{port}", kind=kind, timing=timing) as following:
        started = {thread.name for thread in set(threading.enumerate()) - before if not is_timer(thread)}
        started -= {"loop", "edits_0"}  # of the outbox
        assert {f"jkt {name}" for name in started} == following.followers.steps().keys()


def is_timer(thread: threading.Thread) -> bool:
    """Whether it is the deadline of an exchange."""
    return isinstance(thread, threading.Timer)


def test_a_long_slow_fill_is_left_alone(watch: Callable[..., Watched], city: FakeCity) -> None:
    """Guards: each exchange counts as a step (transport.py); a fill takes many times what one step may."""
    for number in range(6, 31):
        city.put("report", report(number))
    city.page = 2

    def slow(_: str, page: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.4)
        return page

    city.tamper = slow
    watched = watch()
    watched.start(city.url)
    wait_for(watched.live, 60, "live")
    assert len(city.paths("/snapshot")) == 15
    assert (watched.froze, len(watched.pids)) == (0, 1)


def test_a_long_window_of_a_server_without_a_feed_is_left_alone(watch: Callable[..., Watched]) -> None:
    """Guards: each exchange counts as a step, also between two waits (transport.py, pull_georeport.py)."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def answer(asked: Asked, _: Any) -> bytes:
        if "/services" in asked.path:
            return http(200, [{"service_code": "1", "service_name": "Flood"}])
        number = int(asked.path.partition("&page=")[2].partition("&")[0] or 1)
        if "updated_after" in asked.path or number > 15:
            return http(200, [])
        time.sleep(0.3)
        some = {"service_code": "1", "status": "open", "requested_datetime": now, "updated_datetime": now}
        return http(200, [some | {"service_request_id": str(number * 10 + each)} for each in range(10)])

    portal = Canned(answer)
    try:
        watched = watch(stuck_s=1.0)
        watched.start(portal.url, "open311")
        wait_for(lambda: any("page=15" in asked.path for asked in portal.asked), 60, "the window is read")
        assert (watched.froze, len(watched.pids)) == (0, 1)
    finally:
        portal.close()


def test_a_console_that_hung_ends_no_healthy_process(watch: Callable[..., Watched], city: FakeCity) -> None:
    """Guards: looks are counted and not seconds, at both ends (sync_supervisor.py, heartbeat.py): a laptop that
    slept.
    """
    watched = watch()
    watched.start(city.url)
    wait_for(watched.live, SOON_S, "live")
    time.sleep(3.0)  # nobody reads the beats meanwhile
    beat_again(watched)
    assert watched.sync_supervisor.pid is not None
    os.kill(watched.sync_supervisor.pid, signal.SIGSTOP)
    time.sleep(3.0)  # both are away, as in sleep
    os.kill(watched.sync_supervisor.pid, signal.SIGCONT)
    beat_again(watched)
    assert (watched.froze, len(watched.pids)) == (0, 1)


def beat_again(watched: Watched) -> None:
    """Let many more looks pass than would have been one too many."""
    looks: list[int] = []
    watched.sync_supervisor._watch.timeout.connect(lambda: looks.append(1))
    wait_for(lambda: len(looks) >= 15, SOON_S, "looks")


def test_a_start_on_a_cold_disk_is_waited_for(watch: Callable[..., Watched], city: FakeCity) -> None:
    """Guards: the first beat has four times as long (sync_supervisor.py)."""
    watched = watch(begins_after_s=4.0, frozen_s=3.0)
    watched.start(city.url)
    wait_for(watched.live, SOON_S, "live")
    assert (watched.froze, len(watched.pids)) == (0, 1)


@pytest.mark.usefixtures("expected_log", "qtbot")
def test_one_that_never_beats_is_ended(tmp_path: Path) -> None:
    """Guards: the looks begin with the process and not with its first beat (sync_supervisor.py)."""
    sync_supervisor = SyncSupervisor(command=[sys.executable, "-c", "import time; time.sleep(600)"], frozen_s=0.5)
    froze: list[int] = []
    again: list[int] = []
    sync_supervisor.froze.connect(lambda: froze.append(1))
    sync_supervisor.restarted.connect(lambda: again.append(1))
    sync_supervisor.start(Start(str(tmp_path), ()))
    wait_for(lambda: froze and again, SOON_S, "started again")
    sync_supervisor.stop()


@pytest.fixture(scope="module")
def served_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("city")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", str(REPORTS), "--users", users) as city:
        yield city


@pytest.mark.skipif(sys.platform != "linux", reason="only its kernel ends a stopped process with the one that began it")
def test_a_stopped_one_ends_with_its_console_and_the_next_start_goes_on(served_city: Served, tmp_path: Path) -> None:
    """I4, F29: the kernel ends it (process.py); it would keep the profile's lock and nothing could leave any more."""
    profile = tmp_path / "profile"
    profile.mkdir(mode=0o700)
    operator = Operator(profile, served_city)
    operator.start(6, "calmly")
    try:
        for _ in range(15):
            operator.hear("saved")
        stopped = operator.sync_pid
        os.kill(stopped, signal.SIGSTOP)
        with pytest.raises(LockedByOther):
            FileLock(profile / LOCK)
        operator.kill()
        wait_for(lambda: not is_locked(profile / LOCK), SOON_S, "the lock is free")
        shown = operator.settle(SETTLE_S)
        assert operator.sync_pid not in (0, stopped)
    finally:
        operator.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGKILL)
    check_promises(operator, profile, shown, snapshot(served_city))


def is_locked(file: Path) -> bool:
    try:
        FileLock(file).release()
    except LockedByOther:
        return True
    return False


@pytest.mark.usefixtures("qapp", "expected_log")
def test_the_window_says_that_the_connection_froze_until_it_is_live(served_city: Served, tmp_path: Path) -> None:
    """Guards: the wiring of app.py, from SyncSupervisor.froze to the status bar."""
    with console(tmp_path / "profile", served_city.address, own_sync=True) as window:
        wait_ready(window)
        window.sync_supervisor._watch.setInterval(500)
        os.kill(window.sync_supervisor.pid, signal.SIGSTOP)
        wait_for(lambda: FROZE in bar(window), SOON_S, "said")
        assert not any("Server" in text for text in bar(window))
        wait_for(lambda: FROZE not in bar(window), SOON_S, "no longer said")
        assert window.sources.states()["city"] == "live"
        assert window.sources.sync_alive


def bar(window: Any) -> list[str]:
    """What stands in the status bar."""
    return [cell.text for cell in window.status_controller._left()]


def come_to_rest(window: Any) -> None:
    """Until a second has passed in which nothing was told: what is still to be read would show more than was told."""
    heard: list[Touched] = []
    window.sync_supervisor.touched.connect(heard.append)
    known = -1
    while known != len(heard):
        known = len(heard)
        QTest.qWait(1000)
    window.sync_supervisor.touched.disconnect(heard.append)


@pytest.mark.usefixtures("qapp", "expected_log")
def test_what_was_committed_and_never_told_is_shown_after_the_restart(served_city: Served, tmp_path: Path) -> None:
    """I5: a sync process that ends between a commit and its Touched (sync_supervisor.py: everything is read again)."""
    profile = tmp_path / "profile"
    source = Source("city", "City", served_city.address, "dispatch")
    with console(profile, served_city.address, own_sync=True) as window:
        wait_ready(window)
        come_to_rest(window)
        before = window.window_state.view.total
        os.kill(window.sync_supervisor.pid, signal.SIGKILL)
        while is_locked(profile / LOCK):  # Qt's events wait, so nothing is started meanwhile
            time.sleep(0.05)
        held = FileLock(profile / LOCK)
        client = DispatchClient(served_city.address, TOKENS["budi"])
        new = {"description": "never told", "channel": "phone"}
        edit = Edit(str(uuid.uuid4()), Kind.CREATE, "local:1", "budi", "d", 1, datetime.now(UTC), new, source="city")
        DispatchSender(client, 600).send(edit, None, repeated=False)
        client.close()
        told: queue.Queue[Up] = queue.Queue()
        followers = Followers(Start(str(profile), (source,), {"city": TOKENS["rina"]}), told.put)
        followers.start()
        while not (isinstance(message := told.get(timeout=SOON_S), SourceState) and message.state == "live"):
            pass
        followers.stop()
        held.release()
        wait_for(lambda: window.window_state.view.total == before + 1, SOON_S, "the report is shown")
