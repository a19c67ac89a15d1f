"""The sound process with an audio device that is none: `python -m tests.helpers.sound_device FILE`.

Only the device is made up: what stands in FILE says how it behaves now (`plays`, `refuses`, `stalls`, `stops`,
`absent`, `hangs`), and the samples that it was given are added to FILE.heard.
"""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path

from PySide6.QtCore import QIODevice, QObject, QTimer, Signal
from PySide6.QtMultimedia import QAudioFormat, QtAudio

from console.sound import player
from console.sound.tones import LOUDNESSES, Tone, encode, samples

NAME = "Loudspeaker"
RATE_HZ = 8000


class DeviceFile:
    """A test's end of the device: how it behaves, and what was heard from it."""

    def __init__(self, file: Path, how: str) -> None:
        self.file = file
        self.behave(how)

    @property
    def command(self) -> list[str]:
        """Starts a sound process with this device."""
        return [sys.executable, "-m", "tests.helpers.sound_device", str(self.file)]

    def behave(self, how: str) -> None:
        """Another behaviour, never half written."""
        new = self.file.with_suffix(".new")
        new.write_text(how)
        new.replace(self.file)

    def heard(self) -> list[tuple[Tone, int]]:
        """The tones that were played whole so far, and how loud each was."""
        file = Path(f"{self.file}.heard")
        rest = file.read_bytes() if file.exists() else b""
        heard = []
        while found := next((each for each in _bodies().items() if rest.startswith(each[1])), None):
            heard.append(found[0])  # the last one may be half written
            rest = rest.removeprefix(found[1])
        return heard


@functools.cache
def _bodies() -> dict[tuple[Tone, int], bytes]:
    return {
        (tone, loudness): encode(samples(tone, loudness, RATE_HZ), "int16", 1)
        for tone in Tone
        for loudness in LOUDNESSES
    }


def behaviour() -> str:
    """How the device behaves now."""
    return Path(sys.argv[1]).read_text()


class DeviceOfTest:
    """16 bits, one channel."""

    def isNull(self) -> bool:  # noqa: N802 - Qt's own name
        return behaviour() == "absent"

    def description(self) -> str:
        return f"{NAME}\n"

    def preferredFormat(self) -> QAudioFormat:  # noqa: N802 - Qt's own name
        audio_format = QAudioFormat()
        audio_format.setSampleRate(RATE_HZ)
        audio_format.setChannelCount(1)
        audio_format.setSampleFormat(QAudioFormat.SampleFormat.Int16)
        return audio_format

    def isFormatSupported(self, _: QAudioFormat) -> bool:  # noqa: N802 - Qt's own name
        return True


class DevicesOfTest(QObject):
    """One device; it is looked after every 20 ms whether it is there."""

    audioOutputsChanged = Signal()  # noqa: N815 - Qt's own name

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._looks = QTimer(self, interval=20)
        self._looks.timeout.connect(self.audioOutputsChanged)
        self._looks.start()

    @staticmethod
    def defaultAudioOutput() -> DeviceOfTest:  # noqa: N802 - Qt's own name
        while behaviour() == "hangs":
            time.sleep(0.01)
        return DeviceOfTest()


class SinkOfTest(QObject):
    """Takes a tone at once, or behaves as it is told."""

    stateChanged = Signal()  # noqa: N815 - Qt's own name

    def __init__(self, *_: object) -> None:
        super().__init__()
        self._state, self._error = QtAudio.State.StoppedState, QtAudio.Error.NoError
        self._source: QIODevice | None = None

    def start(self, source: QIODevice) -> None:
        how = behaviour()
        if how == "refuses":
            self._error = QtAudio.Error.OpenError
            return
        self._state, self._source = QtAudio.State.ActiveState, source
        if how != "stalls":
            QTimer.singleShot(10, self, self._go_on)

    def _go_on(self) -> None:
        if behaviour() == "stops":
            self._state, self._error = QtAudio.State.StoppedState, QtAudio.Error.IOError
        elif self._source is not None:
            with Path(f"{sys.argv[1]}.heard").open("ab") as heard:
                heard.write(self._source.readAll().data())
            self._state = QtAudio.State.IdleState
        self.stateChanged.emit()

    def state(self) -> QtAudio.State:
        return self._state

    def error(self) -> QtAudio.Error:
        return self._error

    def stop(self) -> None:
        self._source = None


if __name__ == "__main__":
    vars(player).update(QMediaDevices=DevicesOfTest, QAudioSink=SinkOfTest)
    sys.exit(player.main())
