"""The console's end of the map process: start it at the first question, hand it one at a time, do without it."""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer

from console.city_map.manifest import MapManifest
from console.city_map.map_folder import current_manifest
from console.city_map.messages import (
    EXIT_NO_MAP,
    Answer,
    Closed,
    ClosedShape,
    ClosuresTaken,
    FromMap,
    LookAhead,
    LookedAhead,
    MapDamaged,
    MapOpened,
    Question,
)
from console.pipe import Frames, pack
from console.tasks import Tasks
from console.window.child_output import deliver_output, end_process

Then = Callable[[Answer | None], object]

_log = logging.getLogger(__name__)
_BASE_MS, _CAP_MS = 500, 30_000
_NO_MAP_MS = 30_000
_STEADY_MS = 30_000
_LOOKS, _FIRST_LOOKS = 10, 40
"""So many checks in a row without an answer make it hung; one that opens its map has four times as long."""
_CLOSED, _AHEAD = "closed", "ahead"
PATIENCE_S = 10.0
IDLE_S = 600.0


class MapSupervisor(QObject):
    """Owns the map process of one profile, which runs from the first question until nobody has asked for 10 minutes."""

    def __init__(
        self,
        profile: Path,
        tasks: Tasks,
        parent: QObject | None = None,
        *,
        command: Sequence[str] | None = None,
        patience_s: float = PATIENCE_S,
        idle_s: float = IDLE_S,
    ) -> None:
        """`command` is the program; by default this Python with `sigap map-process`."""
        super().__init__(parent)
        self._profile, self._tasks = profile, tasks
        self.command = list(command or (sys.executable, "-m", "console", "map-process", str(profile)))
        self._process: QProcess | None = None
        self._frames: Frames[FromMap] = Frames(FromMap)
        self._waiting: dict[str, tuple[Question, Then]] = {}
        self._asked: Then | None = None
        self._is_looking = self._is_open = self._is_resting = self._is_over = False
        self._closed: tuple[Closed, Then] | None = None
        self._failures = self._silent = 0
        self.invented = False
        """Whether the map that is asked says of itself that it is no true city."""
        self._again, self._idle, self._steady = (QTimer(self, singleShot=True) for _ in range(3))
        self._idle.setInterval(round(idle_s * 1000))
        self._idle.timeout.connect(self._rest)
        self._steady.setInterval(_STEADY_MS)
        self._steady.timeout.connect(self._on_steady)
        self._watch = QTimer(self, interval=round(patience_s * 1000 / _LOOKS))
        self._watch.timeout.connect(self._look)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.processId() or None if self._process is not None else None

    def ask(self, purpose: str, question: Question, then: Then) -> None:
        """Have a question answered; `then` is called later, with None where nobody can: no map, or no process for now.

        Of one purpose only the newest question waits: `then` of the one before is not called.
        """
        if self._is_over or self._again.isActive():
            QTimer.singleShot(0, self, lambda: then(None))
            return
        self._waiting[purpose] = (question, then)
        self._go_on()

    def close_shapes(self, shapes: tuple[ClosedShape, ...], then: Then = lambda _: None) -> None:
        """From now on ways avoid these, whenever the process is started again too; `then` gets each ClosuresTaken.

        What is asked from now on is answered by this, as far as there was time for it: the rest follows behind the
        questions that wait. Without a process nothing is asked.
        """
        self._closed = Closed(shapes), partial(_tell_closed, then)
        if self._process is not None and not (self._is_over or self._again.isActive()):
            self._put_closed_first(self._closed)
            self._go_on()

    def try_again(self) -> None:
        """There is a map now where there was none: it is asked at the next question, and not half a minute later."""
        if self._process is None:
            self._again.stop()

    def look_ahead(self, hour: int) -> None:
        """Have the map, if it runs, get ready for another hour of the week: a search at a time, between questions."""

        def go_on(answer: Answer | None) -> None:
            if isinstance(answer, LookedAhead) and not answer.is_all:
                self.look_ahead(hour)

        if self._is_open and not self._is_resting and not self._is_over:
            self.ask(_AHEAD, LookAhead(hour), go_on)

    def _put_closed_first(self, closed: tuple[Closed, Then]) -> None:
        """Have it told before all questions that wait, in the place of what still waits to be told."""
        # protects: newest-closures-are-told
        self._waiting.pop(_CLOSED, None)
        # protects: closures-go-before-questions
        self._waiting = {_CLOSED: closed, **self._waiting}

    def stop(self) -> None:
        """End the process; nothing is answered any more."""
        self._is_over = True
        self._waiting.clear()
        self._asked = None
        process, self._process = self._process, None
        for timer in (self._again, self._idle, self._steady, self._watch):
            timer.stop()
        if process is not None:
            end_process(process)

    def _go_on(self) -> None:
        if self._process is None:
            if self._waiting and not self._is_looking:
                self._is_looking = True
                self._tasks.submit(lambda: current_manifest(self._profile), self._on_manifest, self._on_unreadable)
        elif self._is_open and self._asked is None and self._waiting and not self._is_resting:
            question, self._asked = self._waiting.pop(next(iter(self._waiting)))
            self._process.write(pack(question))
            self._silent = 0
            self._watch.start()
            self._idle.start()

    def _on_manifest(self, manifest: MapManifest | None) -> None:
        self._is_looking = False
        if self._is_over:
            return
        if manifest is None:
            self._do_without(_NO_MAP_MS)
        else:
            self.invented = manifest.invented
            self._launch()

    def _on_unreadable(self, error: Exception) -> None:
        self._is_looking = False
        if not self._is_over:
            _log.warning("the city map is not asked: %s", error)
            self._do_without(_NO_MAP_MS)

    def _launch(self) -> None:
        self._frames = Frames(FromMap)
        process = self._process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("OPENBLAS_NUM_THREADS", "1")
        environment.insert("MALLOC_ARENA_MAX", "2")
        process.setProcessEnvironment(environment)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.ForwardedErrorChannel)
        process.readyReadStandardOutput.connect(self._on_output)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._silent = _LOOKS - _FIRST_LOOKS
        self._watch.start()
        self._steady.start()
        process.start(self.command[0], self.command[1:])

    def _on_steady(self) -> None:
        self._failures = 0

    def _rest(self) -> None:
        """Nobody asks: the map needs no memory."""
        if self._process is not None and self._asked is None:
            self._is_resting = True
            self._process.closeWriteChannel()
            self._silent = 0
            self._watch.start()  # it may be stopped, and not hear that it is over

    def _look(self) -> None:
        """Kill a process that has not answered for too long. Ticks are counted and not seconds: while this console
        hung, or the computer slept, nobody could read the pipe.
        """
        self._silent += 1
        # protects: hung-map-process-is-ended
        if self._process is not None and self._silent >= _LOOKS:
            _log.warning("the map process did not answer and is ended")
            self._watch.stop()
            self._process.kill()

    def _on_output(self) -> None:
        if self._process is not None:
            deliver_output(self._process, self._frames, self._take, "map")

    def _take(self, message: FromMap) -> None:
        self._watch.stop()
        if isinstance(message, MapOpened):
            self._is_open = True
            if self._closed is not None:
                # protects: closures-outlive-the-process
                self._put_closed_first(self._closed)
        elif isinstance(message, ClosuresTaken) and None in message.stretches and self._closed is not None:
            self._answer(message)
            # protects: closures-are-closed-to-the-last
            self._waiting.setdefault(_CLOSED, self._closed)  # behind the questions that wait
        elif isinstance(message, MapDamaged):
            _log.warning("the city map is damaged: %s", message.words)
            self._answer(None)
        else:
            self._answer(message)
        self._go_on()

    def _answer(self, answer: Answer | None) -> None:
        then, self._asked = self._asked, None
        if then is not None:
            then(answer)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._ended("could not be started", -1)

    def _on_finished(self, code: int, _status: QProcess.ExitStatus) -> None:
        self._on_output()
        self._ended(f"ended ({code})", code)

    def _ended(self, how: str, code: int) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        was_resting, self._is_resting, self._is_open = self._is_resting, False, False
        for timer in (self._idle, self._steady, self._watch):
            timer.stop()
        if was_resting and self._asked is None:
            self._go_on()  # somebody may have asked since
            return
        span = min(_CAP_MS, _BASE_MS * 2 ** min(self._failures, 8))
        wait_ms = _NO_MAP_MS if code == EXIT_NO_MAP else random.randint(span // 2, span)  # noqa: S311 - spreads retries
        self._failures += 1
        _log.info("the map process %s; it may start again in %d ms", how, wait_ms)
        self._do_without(wait_ms)

    def _do_without(self, wait_ms: int) -> None:
        """Nobody can answer for now: who waits is told."""
        self._again.start(wait_ms)
        self._answer(None)
        waiting, self._waiting = self._waiting, {}
        for _, then in waiting.values():
            then(None)


def _tell_closed(then: Then, answer: Answer | None) -> None:
    if isinstance(answer, ClosuresTaken):
        _log.info("ways avoid %d closed stretches of street", sum(count or 0 for count in answer.stretches))
    then(answer)
