"""The sound process as a process: plays, has no output, is refused, hangs, ends, and is started again."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from console.commands import doctor
from console.sound import probe
from console.sound.messages import SoundAvailability, SoundState
from console.sound.probe import COMMAND, find_output
from console.sound.tones import Tone
from console.window.sound_supervisor import SoundSupervisor
from tests.helpers.sound_device import NAME, DeviceFile

WAIT_MS = 30_000
READY = SoundState(SoundAvailability.READY, NAME)
NO_OUTPUT = SoundState(SoundAvailability.NO_OUTPUT)


class Rig:
    """A supervisor whose process has a made-up device."""

    def __init__(self, folder: Path, qtbot: QtBot, how: str, **values: object) -> None:
        self.qtbot, self.device = qtbot, DeviceFile(folder / "device", how)
        self.sound = SoundSupervisor(command=self.device.command, **values)  # type: ignore[arg-type]
        self.sound.look_again()

    def wait_for(self, availability: SoundAvailability) -> SoundState:
        self.qtbot.waitUntil(lambda: self.sound.state.availability is availability, timeout=WAIT_MS)
        return self.sound.state

    def wait_ended(self) -> None:
        self.qtbot.waitUntil(lambda: self.sound.pid is None, timeout=WAIT_MS)


Begin = Callable[..., Rig]


@pytest.fixture
def begin(tmp_path: Path, qtbot: QtBot) -> Iterator[Begin]:
    rigs: list[Rig] = []

    def begin(how: str, **values: object) -> Rig:
        rigs.append(Rig(tmp_path, qtbot, how, **values))
        return rigs[-1]

    yield begin
    for rig in rigs:
        rig.sound.stop()


def test_a_tone_is_played_as_loud_as_it_is_wanted_and_a_newer_one_takes_its_place(begin: Begin) -> None:
    rig = begin("plays")
    rig.sound.play(Tone.ALARM, 3)  # before the process has said what there is
    rig.qtbot.waitUntil(lambda: rig.device.heard() == [(Tone.ALARM, 3)], timeout=WAIT_MS)
    assert rig.wait_for(SoundAvailability.READY) == READY, "its name in one line"
    rig.device.behave("stalls")
    rig.sound.play(Tone.MESSAGE, 3)
    rig.qtbot.wait(50)
    rig.device.behave("plays")
    rig.sound.play(Tone.P1, 3)
    rig.qtbot.waitUntil(lambda: rig.device.heard() == [(Tone.ALARM, 3), (Tone.P1, 3)], timeout=WAIT_MS)
    assert rig.sound.state == READY
    rig.device.behave("absent")
    assert rig.wait_for(SoundAvailability.NO_OUTPUT) == NO_OUTPUT, "it was unplugged"


def test_a_computer_without_an_output_is_a_state_and_is_asked_less_and_less_until_there_is_one(begin: Begin) -> None:
    rig = begin("absent", base_ms=20)
    waits: list[int] = []
    rig.sound._again.timeout.connect(lambda: waits.append(rig.sound._again.interval()))
    assert rig.wait_for(SoundAvailability.NO_OUTPUT) == NO_OUTPUT
    rig.qtbot.waitUntil(lambda: len(waits) == 2, timeout=WAIT_MS)
    assert waits[1] == 2 * waits[0]
    rig.device.behave("plays")
    assert rig.wait_for(SoundAvailability.READY) == READY, "plugged in, it is found by itself"


@pytest.mark.parametrize("how", ["refuses", "stops"])
def test_an_output_that_does_not_play_is_said_and_not_believed_until_it_has_played(how: str, begin: Begin) -> None:
    rig = begin("plays", base_ms=20)
    rig.wait_for(SoundAvailability.READY)
    rig.device.behave(how)
    rig.sound.play(Tone.P1, 5)
    assert rig.wait_for(SoundAvailability.FAILED).detail.startswith("the output ")
    pid = rig.sound.pid
    rig.qtbot.waitUntil(lambda: rig.sound._is_open and rig.sound.pid != pid, timeout=WAIT_MS)
    assert rig.sound.state.availability is SoundAvailability.FAILED, "it has the same name as the one that failed"
    rig.device.behave("plays")
    rig.sound.play(Tone.P1, 5)
    assert rig.wait_for(SoundAvailability.READY) == READY


@pytest.mark.usefixtures("expected_log")
def test_a_sound_system_that_hangs_is_ended_and_said(begin: Begin) -> None:
    rig = begin("hangs", patience_s=0.3)
    assert "does not answer" in rig.wait_for(SoundAvailability.FAILED).detail
    rig.wait_ended()


@pytest.mark.usefixtures("expected_log")
def test_one_that_hangs_is_found_out_while_tones_come_faster_than_its_patience(begin: Begin) -> None:
    """A flood is just when it has to be known that nothing is heard."""
    rig = begin("plays")
    rig.wait_for(SoundAvailability.READY)
    rig.sound._watch.setInterval(40)  # ten of them, and a tone much more often
    rig.device.behave("hangs")

    def is_found_out() -> bool:
        rig.sound.play(Tone.P1, 3)
        return rig.sound.state.availability is SoundAvailability.FAILED

    rig.qtbot.waitUntil(is_found_out, timeout=WAIT_MS)
    assert "does not answer" in rig.sound.state.detail


@pytest.mark.usefixtures("expected_log")
def test_an_output_that_takes_no_tone_is_found_out_while_tones_go_on(begin: Begin) -> None:
    rig = begin("plays")
    rig.wait_for(SoundAvailability.READY)
    rig.device.behave("stalls")
    rig.sound._watch.setInterval(200)
    pid = rig.sound.pid
    tones = QTimer(rig.sound, interval=1_400)  # each has had its time when the next one comes
    tones.timeout.connect(lambda: rig.sound.play(Tone.MESSAGE, 3))
    tones.start()
    assert "does not answer" in rig.wait_for(SoundAvailability.FAILED).detail
    tones.stop()
    rig.wait_ended()
    rig.sound.look_again()
    rig.qtbot.waitUntil(lambda: rig.sound._is_open and rig.sound.pid != pid, timeout=WAIT_MS)
    assert rig.sound.state.availability is SoundAvailability.FAILED, "that there is an output is not believed"


def test_a_tone_that_came_late_once_ends_nothing(begin: Begin) -> None:
    """As of a loudspeaker that has to wake up."""
    rig = begin("plays")
    rig.wait_for(SoundAvailability.READY)
    rig.device.behave("stalls")
    rig.sound.play(Tone.MESSAGE, 3)
    rig.qtbot.wait(1_400)
    rig.device.behave("plays")
    rig.sound.play(Tone.MESSAGE, 3)
    rig.qtbot.waitUntil(lambda: not rig.sound._asked, timeout=WAIT_MS)
    assert not rig.sound._watch.isActive(), "the one that was never answered is not waited for"
    assert rig.sound.state == READY
    assert rig.device.heard() == [(Tone.MESSAGE, 3)]


def test_one_that_is_killed_is_started_again_and_started_for_a_tone_at_once(begin: Begin) -> None:
    rig = begin("plays", base_ms=600_000)
    rig.wait_for(SoundAvailability.READY)
    assert rig.sound.pid is not None
    os.kill(rig.sound.pid, signal.SIGKILL)
    rig.wait_for(SoundAvailability.FAILED)
    assert rig.sound._again.isActive()
    rig.sound.play(Tone.MESSAGE, 5)
    assert rig.wait_for(SoundAvailability.READY) == READY
    rig.qtbot.waitUntil(lambda: rig.device.heard() == [(Tone.MESSAGE, 5)], timeout=WAIT_MS)


def test_a_window_without_sound_starts_no_process(begin: Begin) -> None:
    rig = begin("plays", is_wanted=False)
    rig.sound.play(Tone.P1, 5)
    assert rig.sound.pid is None
    assert rig.sound.state == SoundState(SoundAvailability.OFF)


@pytest.mark.parametrize(
    ("how", "found"),
    [("plays", NAME), ("absent", "no output"), ("hangs", "the computer's sound system does not answer")],
)
def test_doctor_says_what_is_heard(how: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "COMMAND", DeviceFile(tmp_path / "device", how).command)
    monkeypatch.setattr(doctor, "find_output", lambda: find_output(1 if how == "hangs" else 60))
    (finding,) = (one for one in doctor.examine() if one.what == "Sound")
    assert (finding.found, bool(finding.advice), finding.ok) == (found, how != "plays", True)


def test_the_real_process_says_what_this_computer_has_without_a_word_on_the_screen_and_ends_with_its_input() -> None:
    state = find_output(60)
    assert state.availability in (SoundAvailability.READY, SoundAvailability.NO_OUTPUT)
    child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdin is not None
    child.stdin.write(b"\xff" * 9)  # what is no message ends it too
    child.communicate(timeout=60)
    assert child.returncode in (0, 3)
