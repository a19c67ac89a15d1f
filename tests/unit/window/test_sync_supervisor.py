"""The sync process as a process: started, fed, killed, started again, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QProcess
from PySide6.QtNetwork import QNetworkInformation
from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.cache.reader import CacheReader
from console.files.lock import FileLock
from console.outbox.link import OutboxLink
from console.panels.qt_outbox import QtOutbox
from console.pipe import Frames, pack
from console.rules.edit import Edit
from console.rules.messages import Alive, Fetch, Look, Push, SignOut, Source, SourceState, Start, SyncNow, Up
from console.rules.queued import EditState
from console.sync.process import LOCK
from console.window.network import Network
from console.window.sync_supervisor import SyncSupervisor
from tests.helpers.fake_city import FakeCity, five_reports, report
from tests.helpers.net import http

WAIT_MS = 60_000


@pytest.fixture
def city() -> Iterator[FakeCity]:
    with five_reports() as city:
        yield city


@pytest.fixture
def sync_supervisor(qtbot: QtBot) -> Iterator[SyncSupervisor]:
    sync_supervisor = SyncSupervisor()
    yield sync_supervisor
    sync_supervisor.stop()


def start_of(city: FakeCity, folder: Path) -> Start:
    return Start(str(folder), (Source("jkt", "Jakarta", city.url, "dispatch"),))


def live(state: SourceState) -> bool:
    return state.state == "live"


def test_from_start_to_a_proved_edit(
    qtbot: QtBot, sync_supervisor: SyncSupervisor, city: FakeCity, tmp_path: Path
) -> None:
    with qtbot.waitSignal(sync_supervisor.source_state, timeout=WAIT_MS, check_params_cb=live):
        sync_supervisor.start(start_of(city, tmp_path))
    assert sync_supervisor.running
    reader = CacheReader(tmp_path)
    assert reader.counts()["reports"] == 5
    reader.close()
    edit = Edit("e1", Kind.NOTE, "1", "local", "d", 1, datetime.now(UTC), {"text": "x"}, source="jkt")
    with (
        qtbot.waitSignal(
            sync_supervisor.touched, timeout=WAIT_MS, check_params_cb=lambda touched: "e1" in touched.edits
        ),
        qtbot.waitSignal(
            sync_supervisor.outcome, timeout=WAIT_MS, check_params_cb=lambda o: o.state is EditState.ACCEPTED
        ),
    ):
        sync_supervisor.send(Push(edit))
    with qtbot.waitSignal(sync_supervisor.fetched, timeout=WAIT_MS) as caught:
        sync_supervisor.send(Fetch("jkt", "0" * 64, None))
    assert caught.args[0].problem == "No such photo."


def test_an_edit_under_way_when_it_is_started_anew_is_sent_again(
    qtbot: QtBot, sync_supervisor: SyncSupervisor, city: FakeCity, tmp_path: Path
) -> None:
    outbox = QtOutbox(tmp_path, sync_supervisor.send, lambda: datetime.now(UTC), lambda: "e1")
    reader = CacheReader(tmp_path)
    back: list[str] = []
    outbox_link = OutboxLink(outbox, lambda question, found, _: found(question(reader)), back=back.append)
    outbox.opened.connect(outbox_link.on_opened)
    for signal_ in (sync_supervisor.outcome, sync_supervisor.touched, sync_supervisor.source_state):
        signal_.connect(outbox_link.take)
    sync_supervisor.restarted.connect(outbox.on_restarted)
    asked, over = threading.Event(), threading.Event()
    try:
        sync_supervisor.start(start_of(city, tmp_path))
        qtbot.waitUntil(lambda: bool(back), timeout=WAIT_MS)

        def hold(*_: object) -> bytes | None:
            if asked.is_set():
                return None
            asked.set()
            over.wait(20)
            return b""

        city.on_edit = hold
        outbox.submit(Kind.NOTE, "1", source="jkt", data={"text": "x"}, base={}, base_version=1, title="")
        qtbot.waitUntil(asked.is_set, timeout=WAIT_MS)
        with qtbot.waitSignal(outbox.changed, timeout=WAIT_MS, check_params_cb=lambda outbox: not outbox):
            sync_supervisor.start(start_of(city, tmp_path))
        assert city.applied == ["e1"]
    finally:
        over.set()
        outbox.close()
        reader.close()


@pytest.mark.parametrize("sent_before", [True, False])
def test_what_was_sent_before_the_first_start_is_said_to_be_lost(
    qtbot: QtBot, sync_supervisor: SyncSupervisor, city: FakeCity, tmp_path: Path, sent_before: bool
) -> None:
    """An edit that was made while the first process could not be started yet would be under way for ever."""
    again: list[bool] = []
    sync_supervisor.restarted.connect(lambda: again.append(True))
    if sent_before:
        edit = Edit("e1", Kind.NOTE, "1", "local", "d", 1, datetime.now(UTC), {"text": "x"}, source="jkt")
        sync_supervisor.send(Push(edit))
    with qtbot.waitSignal(sync_supervisor.alive, timeout=WAIT_MS):
        sync_supervisor.start(start_of(city, tmp_path))
    qtbot.waitUntil(lambda: sync_supervisor.running, timeout=WAIT_MS)
    assert bool(again) is sent_before


_TELLS_LATE = """
import os, sys
from console.rules.messages import Down, SignedIn, Start
from console.pipe import Frames, pack

frames, turns = Frames(Down), []
while piece := os.read(0, 65536):
    for message in frames.feed(piece):
        if isinstance(message, Start):
            turns.append(message.turn)
            if len(turns) == 2:
                for user, turn in zip(("budi", "rina"), turns):
                    sys.stdout.buffer.write(pack(SignedIn("jkt", user, turn=turn)))
            sys.stdout.buffer.write(pack(SignedIn("other", "any", turn=message.turn)))
            sys.stdout.buffer.flush()
"""


def test_whose_token_it_had_before_is_not_told_any_more(qtbot: QtBot, city: FakeCity, tmp_path: Path) -> None:
    """A word of before a sign-out that came after it signed in again who had gone, under who was about to sign in."""
    sync_supervisor, told = SyncSupervisor(command=[sys.executable, "-c", _TELLS_LATE]), list[str]()
    sync_supervisor.signed_in.connect(lambda me: told.append(me.user))
    with qtbot.waitSignal(sync_supervisor.signed_in, timeout=WAIT_MS):
        sync_supervisor.start(start_of(city, tmp_path))
    sync_supervisor.start(start_of(city, tmp_path))
    try:
        qtbot.waitUntil(lambda: len(told) == 3, timeout=WAIT_MS)
        assert told == ["any", "rina", "any"]
    finally:
        sync_supervisor.stop()


def test_killed_it_starts_again_and_says_so(
    qtbot: QtBot, sync_supervisor: SyncSupervisor, city: FakeCity, tmp_path: Path
) -> None:
    with qtbot.waitSignal(sync_supervisor.source_state, timeout=WAIT_MS, check_params_cb=live):
        sync_supervisor.start(start_of(city, tmp_path))
    assert sync_supervisor.pid is not None
    with (
        qtbot.waitSignal(sync_supervisor.restarted, timeout=WAIT_MS),
        qtbot.waitSignal(sync_supervisor.alive, timeout=WAIT_MS, check_params_cb=lambda alive: not alive),
    ):
        os.kill(sync_supervisor.pid, signal.SIGKILL)
    city.put("report", report(9))
    with qtbot.waitSignal(sync_supervisor.source_state, timeout=WAIT_MS, check_params_cb=live):
        pass
    reader = CacheReader(tmp_path)
    qtbot.waitUntil(lambda: reader.counts()["reports"] == 6, timeout=WAIT_MS)
    reader.close()


def test_stop_leaves_no_process_and_no_lock(
    qtbot: QtBot, sync_supervisor: SyncSupervisor, city: FakeCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with qtbot.waitSignal(sync_supervisor.source_state, timeout=WAIT_MS, check_params_cb=live):
        sync_supervisor.start(start_of(city, tmp_path))
    killed: list[QProcess] = []
    monkeypatch.setattr("console.window.sync_supervisor._STOP_MS", WAIT_MS)
    monkeypatch.setattr(QProcess, "kill", killed.append)
    sync_supervisor.stop()
    assert killed == [], "it ended when it was told to"
    FileLock(tmp_path / LOCK).release()


def test_a_program_that_cannot_start_is_said_and_tried_again(qtbot: QtBot, tmp_path: Path, city: FakeCity) -> None:
    sync_supervisor = SyncSupervisor(command=[str(tmp_path / "no-such-program")])
    gone: list[bool] = []
    sync_supervisor.alive.connect(gone.append)
    sync_supervisor.start(start_of(city, tmp_path))
    qtbot.waitUntil(lambda: len(gone) >= 2, timeout=WAIT_MS)
    assert not any(gone)
    sync_supervisor.stop()


def child() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "console", "sync", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def read_until_live(process: subprocess.Popen[bytes]) -> None:
    frames: Frames[Up] = Frames(Up)
    assert process.stdout is not None
    while True:
        for message in frames.feed(os.read(process.stdout.fileno(), 65536)):
            if isinstance(message, SourceState) and message.state == "live":
                return


def test_it_ends_when_its_console_is_gone(city: FakeCity, tmp_path: Path) -> None:
    with child() as process:
        assert process.stdin is not None
        process.stdin.write(pack(start_of(city, tmp_path)))
        process.stdin.flush()
        read_until_live(process)
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.mark.usefixtures("expected_log")
def test_rubbish_on_the_pipe_ends_it(tmp_path: Path) -> None:
    with child() as process:
        out, _ = process.communicate(b"\xff\xff\xff\xffrubbish", timeout=60)
        assert process.returncode == 1
        assert set(Frames[Up](Up).feed(out)) <= {Alive()}


def test_a_profile_that_another_holds_is_said(city: FakeCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = FileLock(tmp_path / LOCK)
    with child() as process:
        out, _ = process.communicate(pack(start_of(city, tmp_path)), timeout=60)
        messages: list[Up] = list(Frames(Up).feed(out))
        assert process.returncode == 4
        (state,) = (message for message in messages if message != Alive())
        assert isinstance(state, SourceState)
        assert "Another Sigap" in state.problem
    held.release()


def test_trying_now_does_not_wait_for_the_back_off(qtbot: QtBot, tmp_path: Path) -> None:
    sync_supervisor = SyncSupervisor(command=[sys.executable, "-c", "import time; time.sleep(0.05)"])
    started: list[bool] = []
    sync_supervisor.alive.connect(started.append)
    sync_supervisor._failures = 8  # the next wait would be the longest
    sync_supervisor.start(Start(str(tmp_path), ()))
    qtbot.waitUntil(lambda: started.count(False) == 1, timeout=WAIT_MS)
    sync_supervisor.send(SyncNow())
    qtbot.waitUntil(lambda: started.count(True) == 2, timeout=20_000)  # of the thirty seconds
    sync_supervisor.stop()


def test_trouble_on_this_computer_is_not_tried_twice_a_second(qtbot: QtBot, tmp_path: Path, city: FakeCity) -> None:
    """It waits longer each time, and the state says for how long; trying now does not wait."""
    held = FileLock(tmp_path / LOCK)
    sync_supervisor = SyncSupervisor()
    said: list[SourceState] = []
    sync_supervisor.source_state.connect(said.append)
    sync_supervisor.start(start_of(city, tmp_path))
    qtbot.waitUntil(lambda: any(state.next_try_s for state in said), timeout=WAIT_MS)
    last = said[-1]
    assert last.local
    assert "Another Sigap" in last.problem
    assert last.next_try_s is not None
    assert last.next_try_s >= 1.0
    held.release()
    sync_supervisor.send(SyncNow())
    qtbot.waitUntil(lambda: live(said[-1]), timeout=WAIT_MS)
    sync_supervisor.stop()


def test_a_network_that_is_back_is_said_once_it_leads_further(qtbot: QtBot) -> None:
    """F17: what the system tells becomes an attempt; console/window/network.py."""
    reach, medium = QNetworkInformation.Reachability, QNetworkInformation.TransportMedium
    network = Network()
    back: list[bool] = []
    network.back.connect(lambda: back.append(True))
    steps = [(reach.Local, 1), (reach.Online, 2), (reach.Local, 2), (reach.Disconnected, 2), (reach.Online, 3)]
    for now, count in steps:
        network.on_reach(now)
        assert len(back) == count, now
    network.on_medium(medium.WiFi)
    assert len(back) == 4
    network.on_reach(reach.Disconnected)
    network.on_medium(medium.Unknown)
    assert len(back) == 4


def test_who_has_signed_out_is_told_though_the_next_operator_signs_in_first(
    qtbot: QtBot, sync_supervisor: SyncSupervisor, city: FakeCity, tmp_path: Path
) -> None:
    """The link was away: what he had taken stood as his ever after, as nobody told the server that he had gone."""

    def told() -> list[str]:
        return [one.headers["authorization"] for one in list(city.server.asked) if one.method == "DELETE"]

    def begin() -> int:
        """Begin anew, as for the next operator; how often it was told by then."""
        with qtbot.waitSignal(sync_supervisor.source_state, timeout=WAIT_MS, check_params_cb=live):
            sync_supervisor.start(start_of(city, tmp_path))
        return len(told())

    city.answers["/presence"] = http(503, {"error": "busy", "message": "Not now."}, Sigap_Server=city.epoch)
    begin()
    sync_supervisor.send(SignOut("jkt", "rina's"))
    qtbot.waitUntil(lambda: bool(told()), timeout=WAIT_MS)
    before = begin()
    del city.answers["/presence"]
    sync_supervisor.send(Look("jkt", "1"))
    qtbot.waitUntil(lambda: len(told()) > before, timeout=WAIT_MS)
    assert set(told()) == {"Bearer rina's"}
    qtbot.waitUntil(lambda: not sync_supervisor._left, timeout=WAIT_MS)
    assert begin() == len(told()), "once it is told it is not told again"


def test_who_signs_in_again_before_the_server_is_told_has_not_gone(city: FakeCity, tmp_path: Path) -> None:
    sync_supervisor = SyncSupervisor(command=["true"])
    sync_supervisor.send(SignOut("jkt", "rina's"))
    sync_supervisor.start(msgspec.structs.replace(start_of(city, tmp_path), tokens={"jkt": "rina's"}))
    assert not sync_supervisor._left
    sync_supervisor.stop()
