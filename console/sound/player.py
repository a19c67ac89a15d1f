"""The sound process: plays tones on the computer's own output, apart from the window.

A sound server that hangs, or a driver that breaks, then holds up and ends nothing but this process; what QtMultimedia
writes of libraries that it looked for in vain goes nowhere. It ends with whoever started it.
"""

from __future__ import annotations

import os
import sys
import time

from PySide6.QtCore import QBuffer, QByteArray, QCoreApplication, QIODevice, QObject, QTimer, Signal, Slot
from PySide6.QtMultimedia import QAudioDevice, QAudioFormat, QAudioSink, QMediaDevices, QtAudio

from console.pipe import listen, pack
from console.sound.messages import EXIT_NO_OUTPUT, FromSound, Play, SoundOutput, ToneFailed, TonePlayed
from console.sound.tones import SampleFormat, encode, samples

_FORMATS: dict[QAudioFormat.SampleFormat, SampleFormat] = {
    QAudioFormat.SampleFormat.UInt8: "uint8",
    QAudioFormat.SampleFormat.Int16: "int16",
    QAudioFormat.SampleFormat.Int32: "int32",
    QAudioFormat.SampleFormat.Float: "float",
}
_STARVED_MS = 8_000
"""An output that has taken no whole tone by then takes none."""
_SLACK_S = 0.5
"""So much longer than it lasts a tone may take."""
_LONGEST_NAME = 80


class Player(QObject):
    """Answers each Play that comes on the standard input, and says which output there is whenever that changes."""

    _came = Signal(object)
    _left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._sink: QAudioSink | None = None
        self._source: QBuffer | None = None
        self._number = 0
        self._due_s = 0.0
        """By when the tone that plays should be over."""
        self._told: str | None = None
        self._late = QTimer(self, singleShot=True, interval=_STARVED_MS)
        self._late.timeout.connect(lambda: self._end("the output takes no sound"))
        self._came.connect(self._play)
        self._left.connect(QCoreApplication.quit)
        self._devices = QMediaDevices(self)
        self._devices.audioOutputsChanged.connect(self.tell_output)

    @Slot()
    def tell_output(self) -> None:
        """Say where tones are heard; without any output the process ends."""
        device = QMediaDevices.defaultAudioOutput()
        name = "" if device.isNull() else _plain(device.description())
        if name != self._told:
            self._told = name
            _tell(SoundOutput(name))
        if not name:
            QCoreApplication.exit(EXIT_NO_OUTPUT)

    @Slot()
    def begin(self) -> None:
        """Say where tones are heard, then listen for what is to be played."""
        self.tell_output()
        listen(Play, self._came.emit, self._left.emit)

    @Slot(object)
    def _play(self, play: Play) -> None:
        if self._sink is not None:
            # protects: what-took-no-tone-has-not-played
            if time.monotonic() < self._due_s:
                self._end("")  # the newer tone is heard, and not both
            else:
                self._forget()  # unanswered: an output that takes none is not said to play, however many come
        self._number = play.number
        device = QMediaDevices.defaultAudioOutput()
        audio_format = _format_of(device)
        if device.isNull() or audio_format.sampleFormat() not in _FORMATS:
            self._end("the output wants sound of a kind that is not made")
            return
        mono = samples(play.tone, play.loudness, audio_format.sampleRate())
        body = encode(mono, _FORMATS[audio_format.sampleFormat()], audio_format.channelCount())
        self._source = QBuffer(self)
        self._source.setData(QByteArray(body))
        self._source.open(QIODevice.OpenModeFlag.ReadOnly)
        self._sink = QAudioSink(device, audio_format, self)
        self._sink.stateChanged.connect(self._look_at_sink)
        self._due_s = time.monotonic() + len(mono) / audio_format.sampleRate() + _SLACK_S
        self._late.start()
        self._sink.start(self._source)
        self._look_at_sink()  # one that could not be opened does not say so

    @Slot()  # without it the binding (6.11.3) would have to convert the signal's argument, and knows no such type
    def _look_at_sink(self) -> None:
        """The sink may have taken all, or have stopped."""
        if self._sink is None or self._source is None:
            return
        state, error = self._sink.state(), self._sink.error()
        if state is QtAudio.State.StoppedState:
            self._end(_words(error))
        elif state is QtAudio.State.IdleState and self._source.atEnd():
            self._end("")

    def _end(self, why: str) -> None:
        """The tone is over: answer it, with why it was not heard, "" if it was."""
        self._forget()
        _tell(ToneFailed(self._number, why) if why else TonePlayed(self._number))

    def _forget(self) -> None:
        sink, source, self._sink, self._source = self._sink, self._source, None, None
        self._late.stop()
        if sink is not None:
            sink.stop()
            sink.deleteLater()
        if source is not None:
            source.deleteLater()


def _format_of(device: QAudioDevice) -> QAudioFormat:
    """16 bits in one channel where the output takes that, else what it prefers."""
    preferred = device.preferredFormat()
    plain = QAudioFormat()
    plain.setSampleRate(preferred.sampleRate())
    plain.setChannelCount(1)
    plain.setSampleFormat(QAudioFormat.SampleFormat.Int16)
    return plain if device.isFormatSupported(plain) else preferred


def _plain(name: str) -> str:
    """What a device calls itself, as a short text of one line; never ""."""
    return "".join(letter if letter.isprintable() else " " for letter in name[:_LONGEST_NAME]).strip() or "?"


def _words(error: QtAudio.Error) -> str:
    if error is QtAudio.Error.OpenError:
        return "the output cannot be opened"
    return "the output has stopped" if error is QtAudio.Error.NoError else f"the output failed ({error.name})"


def _tell(message: FromSound) -> None:
    body = pack(message)
    while body:
        body = body[os.write(1, body) :]


def main() -> int:
    """Play what is asked for until the standard input ends; with EXIT_NO_OUTPUT at once where there is no output."""
    application = QCoreApplication(sys.argv[:1])
    player = Player()
    QTimer.singleShot(0, player.begin)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
