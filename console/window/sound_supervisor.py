"""The window's end of the sound process: starts it, hands it tones, knows whether they can be heard."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from console.pipe import Frames, pack
from console.sound.messages import (
    EXIT_NO_OUTPUT,
    FromSound,
    Play,
    SoundAvailability,
    SoundOutput,
    SoundState,
    ToneFailed,
    TonePlayed,
)
from console.sound.probe import COMMAND
from console.sound.tones import Tone
from console.window.child_output import deliver_output, end_process

_log = logging.getLogger(__name__)
PATIENCE_S = 12.0
"""Without an answer for so long the sound process hangs, as it does behind a sound server that hangs."""
_LOOKS = 10
_BASE_MS, _CAP_MS = 5_000, 300_000
"""So long after the process ended it is started again, twice as long each time: an output may be there by then."""


class SoundSupervisor(QObject):
    """Owns the sound process of a window. Without one, or without an output, tones are lost and `state` says so."""

    changed = Signal()
    """`state` is another one."""

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        is_wanted: bool = True,
        command: Sequence[str] = COMMAND,
        patience_s: float = PATIENCE_S,
        base_ms: int = _BASE_MS,
    ) -> None:
        """With `is_wanted` false there is no process and no sound. `command` is the program."""
        super().__init__(parent)
        self.command, self._is_wanted, self._base_ms = list(command), is_wanted, base_ms
        self._process: QProcess | None = None
        self._frames: Frames[FromSound] = Frames(FromSound)
        self.state = SoundState(SoundAvailability.UNKNOWN if is_wanted else SoundAvailability.OFF)
        self._is_open = False
        """The process has said which output there is."""
        self._next: Play | None = None
        """The newest tone, which could not be handed over yet."""
        self._asked: set[int] = set()
        """The numbers of the tones that are not answered."""
        self._output = self._doubted = ""
        """The output that there is, and the one that did not play the last tone that it was given."""
        self._number = self._starts = self._silent = 0
        self._again = QTimer(self, singleShot=True)
        self._again.timeout.connect(self.look_again)
        self._watch = QTimer(self, interval=round(patience_s * 1000 / _LOOKS))
        self._watch.timeout.connect(self._look)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.processId() or None if self._process is not None else None

    def look_again(self) -> None:
        """Ask now whether there is an output, where that is not known."""
        if self._is_wanted and self._process is None:
            self._launch()

    def play(self, tone: Tone, loudness: int) -> None:
        """Have a tone heard, in the place of one that plays; by a process that is started for it if there is none."""
        if not self._is_wanted:
            return
        self._number += 1
        self._next = Play(self._number, tone, loudness)
        self.look_again()
        self._hand_over()

    def stop(self) -> None:
        """End the process; nothing is heard any more."""
        self._is_wanted = False
        for timer in (self._again, self._watch):
            timer.stop()
        process, self._process = self._process, None
        if process is not None:
            end_process(process)

    def _hand_over(self) -> None:
        if self._process is not None and self._is_open and self._next is not None:
            play, self._next = self._next, None
            # protects: tones-do-not-put-off-the-watch
            if not self._asked:
                self._silent = 0
                self._watch.start()
            self._asked.add(play.number)
            self._process.write(pack(play))

    def _launch(self) -> None:
        self._again.stop()
        self._frames, self._is_open = Frames(FromSound), False
        self._asked.clear()
        process = self._process = QProcess(self)
        process.setStandardErrorFile(QProcess.nullDevice())  # where libraries say what they looked for in vain
        process.readyReadStandardOutput.connect(self._on_output)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._silent = 0
        self._watch.start()
        process.start(self.command[0], self.command[1:])

    def _look(self) -> None:
        """End a process that does not answer. Ticks are counted and not seconds: while this window hung, or the
        computer slept, nobody could read the pipe.
        """
        self._silent += 1
        # protects: hung-sound-process-is-ended
        if self._process is not None and self._silent >= _LOOKS:
            _log.warning("the sound process did not answer and is ended")
            self._watch.stop()
            if self._asked:
                self._doubted = self._output
            self._fail("the computer's sound system does not answer")
            self._process.kill()

    def _on_output(self) -> None:
        if self._process is not None:
            deliver_output(self._process, self._frames, self._take, "sound")

    def _take(self, message: FromSound) -> None:
        self._silent = 0
        if isinstance(message, SoundOutput):
            self._is_open = bool(message.name)
            self._take_output(message.name)
            self._hand_over()
        elif message.number in self._asked:
            self._asked = {number for number in self._asked if number > message.number}
            if isinstance(message, TonePlayed):
                self._starts, self._doubted = 0, ""
                self._set_state(SoundState(SoundAvailability.READY, self._output))
            else:
                self._fail_tone(message)
        if not self._asked:
            self._watch.stop()

    def _take_output(self, name: str) -> None:
        self._output = name
        if not name:
            self._set_state(SoundState(SoundAvailability.NO_OUTPUT))
        elif name != self._doubted:  # else it is believed again when it has played
            self._set_state(SoundState(SoundAvailability.READY, name))

    def _fail_tone(self, message: ToneFailed) -> None:
        """An output that did not play may play for a process that meets it anew, for the next tone."""
        _log.info("a tone was not played: %s", message.why)
        self._doubted = self._output
        self._fail(message.why)
        if self._process is not None:
            self._process.kill()

    def _fail(self, why: str) -> None:
        self._set_state(SoundState(SoundAvailability.FAILED, why))

    def _set_state(self, state: SoundState) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit()

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._ended(-1)

    def _on_finished(self, code: int, _status: QProcess.ExitStatus) -> None:
        self._on_output()
        self._ended(code)

    def _ended(self, code: int) -> None:
        process, self._process, self._is_open = self._process, None, False
        self._watch.stop()
        if process is not None:
            process.deleteLater()
        self._next = None  # a tone that comes late calls for nothing
        if code == EXIT_NO_OUTPUT:
            self._set_state(SoundState(SoundAvailability.NO_OUTPUT))
        elif self.state.availability is not SoundAvailability.FAILED:
            self._fail("the sound process ends by itself")
        wait_ms = min(_CAP_MS, self._base_ms * 2 ** min(self._starts, 8))
        self._starts += 1
        _log.info("the sound process ended (%d); it is started again in %d ms", code, wait_ms)
        self._again.start(wait_ms)
